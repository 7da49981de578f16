"""The language of the crash scenarios: "PLACE VERB NAME [VALUE]", a line an edit.

    file create Jana        crm edit Anna 2        exchange move Anna        sync

PLACE is the replica that is edited: file (system calls), exchange (exchangelib, signed in as the
user), crm (another user of the org).  VALUE is the number of a value of the kind's first field, or
"FIELD=VALUE" for another field (kinds.py).  Verbs of files can be repeated: who saw a write fail
because the gateway died does it again.

Names lead to files by their names and to items and records by what the simulator shows; the program
under test is not asked.
"""
import contextlib
import datetime
import os

from exchange import open_account, set_value
from exchangelib import CalendarItem, Contact, EWSDateTime, Task
from exchangelib.folders import Calendar, Contacts, Tasks
from exchangelib.indexed_properties import EmailAddress
from kinds import CONTACT, SOON, VIEW, add_line, drop_line
from scene import exchange_items

OTHER = "Other"


def field_and_value(word):
    """"2" or "1=2": the numbers of a field and of its value."""
    field, _, value = word.rpartition("=")
    return int(field or 0), int(value)


class Files:
    def __init__(self, world):
        self.world = world
        self.kept = {}

    def path(self, name, folder=""):
        kind = self.world.kind
        return self.world.box / kind.folder / folder / f"{name}{kind.suffix}"

    def find(self, name):
        return self.world.kind.files(self.world.mount).get(name)

    def create(self, name, folder=""):
        self.path(name, folder).write_bytes(self.world.kind.text(name).encode())

    def create_designated(self, name):
        self.create(name, VIEW)

    def edit(self, name, value):
        n, value = field_and_value(value)
        field = self.world.kind.fields[n]
        path = self.find(name)
        draft = path.with_name(f".{name}")
        draft.write_bytes(path.read_bytes())
        drop_line(draft, field.line)
        add_line(draft, f"{field.line}:{field.values[value][0]}")
        path.write_bytes(draft.read_bytes())
        draft.unlink()

    def move_to(self, name, folder):
        path = self.find(name)
        target = self.world.box / self.world.kind.folder / folder
        with contextlib.suppress(FileExistsError):
            target.mkdir()
        if path.parent != target:
            path.rename(target / path.name)

    def move(self, name):
        self.move_to(name, OTHER)

    def designate(self, name):
        self.move_to(name, VIEW)

    def undesignate(self, name):
        self.move_to(name, "")

    def mark(self, name):
        os.setxattr(self.find(name), "user.tandem.categories", b"CRM")

    def unmark(self, name):
        os.setxattr(self.find(name), "user.tandem.categories", b"")

    def delete(self, name):
        path = self.find(name)
        if path:
            self.kept[name] = path, path.read_bytes()
            path.unlink()

    def restore(self, name):
        path, content = self.kept[name]
        path.write_bytes(content)


class Exchange:
    CLASSES = {"Contact": Contact, "Event": CalendarItem, "Task": Task}
    FOLDERS = {"Contact": Contacts, "Event": Calendar, "Task": Tasks}

    def __init__(self, world):
        self.world = world
        self.account = open_account(world.sim, "alice")
        self.root = {"Contact": self.account.contacts, "Event": self.account.calendar,
                     "Task": self.account.tasks}[world.kind.record]

    def find(self, name, where=None):
        """The one item of this name, below its default folder or in the folder of this path."""
        where = where or self.world.kind.folder
        (item,) = [item for path, items in exchange_items(self.world.sim).items()
                   if path == where or path.startswith(where + "/") for item in items
                   if self.world.kind.name_of(item["properties"]) == name]
        (found,) = self.account.fetch(ids=[(item["id"], None)])
        return found

    def save(self, item, *fields):
        how = {"send_meeting_invitations": "SendToNone"} if isinstance(item, CalendarItem) else {}
        item.save(update_fields=list(fields) or None, **how)

    def folder(self, name):
        for folder in self.root.children:
            if folder.name == name:
                return folder
        folder = self.FOLDERS[self.world.kind.record](parent=self.root, name=name)
        folder.save()
        return folder

    def create(self, name, **more):
        kind, field = self.world.kind, self.world.kind.fields[0]
        if kind.record == "Contact":
            more.update(given_name=name, surname="Lind", display_name=f"{name} Lind",
                        file_as=f"Lind, {name}", email_addresses=[EmailAddress(
                            label="EmailAddress1", email=f"{name}@client.example".lower())])
        else:
            more["subject"] = name
        if kind.record == "Event":
            more.update(start=EWSDateTime.from_datetime(SOON), is_all_day=False,
                        end=EWSDateTime.from_datetime(SOON + datetime.timedelta(hours=1)),
                        reminder_is_set=False)
        folder = more.pop("folder", self.root)
        item = self.CLASSES[kind.record](account=self.account, folder=folder, **more)
        set_value(item, field.outlook, field.values[0][1])
        self.save(item)

    def create_designated(self, name):
        if self.world.kind is CONTACT:
            self.create(name, folder=self.folder(VIEW))
        else:
            self.create(name, categories=[VIEW])

    def edit(self, name, value):
        n, value = field_and_value(value)
        field = self.world.kind.fields[n]
        item = self.find(name)
        set_value(item, field.outlook, field.values[value][1])
        self.save(item, field.outlook[0])

    def move(self, name):
        self.find(name).move(self.folder(OTHER))

    def designate(self, name):
        if self.world.kind is CONTACT:
            self.find(name).move(self.folder(VIEW))
        else:
            self.categorise(name, VIEW)

    def undesignate(self, name):
        if self.world.kind is CONTACT:
            self.find(name).move(self.root)
        else:
            self.categorise(name)

    def categorise(self, name, *categories):
        item = self.find(name)
        item.categories = list(categories) or None
        self.save(item, "categories")

    def mark(self, name):
        self.categorise(name, "CRM")

    def unmark(self, name):
        self.categorise(name)

    def delete(self, name):
        self.find(name).move_to_trash()

    def restore(self, name):
        self.find(name, "Deleted Items").move(self.root)


class Crm:
    def __init__(self, world):
        self.world = world

    def act(self, action, **arguments):
        return self.world.sim.act(action, **arguments)

    def find(self, name, deleted=False):
        (found,) = [row for row in self.world.sim.records(self.world.kind.record, deleted=deleted)
                    if self.world.kind.name_of(row) == name and row["IsDeleted"] == deleted]
        return found["Id"]

    def create(self, name):
        kind, field = self.world.kind, self.world.kind.fields[0]
        owner = self.world.sim.mailbox("alice")["crm_user_id"]
        self.act("create", object=kind.record, fields=kind.crm(
            name, **{field.crm: field.values[0][2], "OwnerId": owner}))

    def edit(self, name, value):
        n, value = field_and_value(value)
        field = self.world.kind.fields[n]
        self.act("update", id=self.find(name), fields={field.crm: field.values[value][2]})

    def delete(self, name):
        self.act("delete", id=self.find(name))

    def restore(self, name):
        self.act("undelete", id=self.find(name, deleted=True))


class World:
    """One simulator, one mount, and the three who edit."""

    def __init__(self, sim, mount, kind):
        self.sim, self.mount, self.kind = sim, mount, kind
        self.box = mount.mailbox("alice")
        self.places = {"file": Files(self), "exchange": Exchange(self), "crm": Crm(self)}

    def perform(self, line):
        place, verb, *words = line.split()
        getattr(self.places[place], verb.replace("-", "_"))(*words)

    def close(self):
        self.places["exchange"].account.protocol.close()


def seeded(kind, given):
    """Items of a scene from {"Anna": "plain", "Ben": "designated"}."""
    items = []
    for name, how in given.items():
        more = {}
        if how == "designated":
            more = {"folder": VIEW} if kind is CONTACT else {"Categories": [VIEW]}
        items.append((kind, name, more))
    return items
