"""The language of the crash scenarios: "PLACE VERB NAME [VALUE]", a line an edit.

    file create Jana        crm edit Anna 2        exchange move Anna        admin reset        sync

PLACE is the replica that is edited: file (system calls), exchange (exchangelib, signed in as the
user), crm (another user of the org); or admin, who runs tandemctl. VALUE is the number of a value
of the kind's first field, or "FIELD=VALUE" for another field (kinds.py). "except" gives it to the
second occurrence of a series, "drop" removes the third. Verbs of files and of admin can be
repeated: who saw a write fail because the gateway died does it again.

Names lead to files by their names and to items and records by what the simulator shows; the program
under test is not asked.
"""
import contextlib
import dataclasses
import datetime
import json
import os
import re

from exchange import open_account, set_value
from exchangelib import CalendarItem, Contact, EWSDateTime, Task
from exchangelib.folders import Calendar, Contacts, Tasks
from exchangelib.indexed_properties import EmailAddress
from exchangelib.recurrence import Recurrence, WeeklyPattern
from kinds import CONTACT, EVENT, KINDS, SOON, VIEW
from photos import BLUE, GREEN, RED, attach, set_photo
from scene import ALICE, exchange_items, unfolded

OTHER = "Other"
# A series is an event of four weeks.
SERIES = dataclasses.replace(EVENT, name="series")
ALL_KINDS = (*KINDS, SERIES)
RULE = "RRULE:FREQ=WEEKLY;COUNT=4"
HOUR = datetime.timedelta(hours=1)
WEEK = datetime.timedelta(weeks=1)
PHOTOS = (RED, GREEN, BLUE)
BLOCK = re.compile(r"^BEGIN:(VCARD|VEVENT|VTODO)\r?\n.*?^END:\1\r?\n", re.S | re.M)


def blocks(text):
    """(the item itself, [its exceptions]): the lines of each."""
    found = [match[0] for match in BLOCK.finditer(text)]
    (master,) = [block for block in found if "\nRECURRENCE-ID" not in block]
    return master, [block for block in found if block is not master]


def value_in(block, field):
    name = field.line.partition(";")[0]
    found = re.findall(rf"^{name}(?:;[^:\r\n]*)?:([^\r\n]*)", block, re.M)
    assert len(found) <= 1, found
    return found[0] if found else None


def with_value(block, field, value):
    name = field.line.partition(";")[0]
    block = re.sub(rf"^{name}[;:].*\n", "", block, flags=re.M)
    head, end, rest = block.rpartition("END:")
    return f"{head}{field.line}:{field.values[value][0]}\r\n{end}{rest}"


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

    def text(self, name):
        rule = [RULE] if self.world.kind is SERIES else []
        return self.world.kind.text(name, *rule)

    def create(self, name, folder=""):
        self.path(name, folder).write_bytes(self.text(name).encode())

    def create_designated(self, name):
        self.create(name, VIEW)

    def create_linked(self, name):
        """As vdir tools do."""
        draft = self.path(name).with_name(".draft")
        draft.write_bytes(self.text(name).encode())
        with contextlib.suppress(FileExistsError):
            os.link(draft, self.path(name))
        draft.unlink()
        os.utime(self.path(name), (1_000_000_000, 1_000_000_000))

    def create_pictured(self, name):
        path = self.path(name)
        path.with_name(".draft").write_bytes(self.text(name).encode())
        set_photo(path.with_name(".draft"), RED)
        path.write_bytes(path.with_name(".draft").read_bytes())
        path.with_name(".draft").unlink()

    def edited(self, name, value):
        """Its file with this value."""
        n, value = field_and_value(value)
        text = unfolded(self.find(name))
        master, _ = blocks(text)
        return text.replace(master, with_value(master, self.world.kind.fields[n], value)).encode()

    def edit(self, name, value):
        self.find(name).write_bytes(self.edited(name, value))

    def replace(self, name, value):
        """As editors do: a draft, renamed over the file."""
        path = self.find(name)
        draft = path.with_name(f".{name}")
        draft.write_bytes(self.edited(name, value))
        draft.rename(path)

    def rewrite_json(self, name, value):
        kind, path = self.world.kind, self.find(name)
        place = path.relative_to(self.world.box).with_suffix(".json")
        path = self.world.box / ".json" / place
        key = {"Contact": "titles", "Event": "locations", "Task": "description"}[kind.record]
        document = json.loads(path.read_text())
        value = kind.fields[0].values[int(value)][0]
        if kind.record == "Task":
            document[key] = value
        else:
            for member in document[key].values():
                member["name"] = value
        path.write_text(json.dumps(document))

    def picture(self, name, number):
        set_photo(self.find(name), PHOTOS[int(number)])

    def unpicture(self, name):
        path = self.find(name)
        path.write_bytes(re.sub(r"^PHOTO[;:].*\n", "", unfolded(path), flags=re.M).encode())

    def empty(self, name):
        """As programs do that stop before they wrote anything."""
        self.find(name).write_bytes(b"")

    def spoil(self, name):
        """The answer to close(2) is EINVAL, and what was written is kept."""
        with contextlib.suppress(OSError):
            self.find(name).write_bytes(b"nonsense")

    def folder(self, name):
        return self.world.box / self.world.kind.folder / name

    def make_folder(self, name):
        self.folder(name).mkdir(exist_ok=True)

    def rename_folder(self, name, other):
        if self.folder(name).exists():
            self.folder(name).rename(self.folder(other))

    def remove_folder(self, name):
        if self.folder(name).exists():
            for path in self.folder(name).rglob(f"*{self.world.kind.suffix}"):
                path.unlink()
            self.folder(name).rmdir()

    def except_(self, name, value):
        """The second occurrence has this value, whatever the others have."""
        field, path = self.world.kind.fields[0], self.find(name)
        text = unfolded(path)
        master, exceptions = blocks(text)
        if exceptions:
            text = text.replace(exceptions[0], with_value(exceptions[0], field, int(value)))
        else:
            second = f"{SOON + WEEK:%Y%m%dT%H%M%SZ}"
            other = re.sub(r"^(RRULE|EXDATE)[;:].*\n", "", master, flags=re.M)
            other = re.sub(r"^DTSTART.*\n", f"RECURRENCE-ID:{second}\r\nDTSTART:{second}\r\n",
                           other, flags=re.M)
            other = re.sub(r"^DTEND.*\n", f"DTEND:{SOON + WEEK + HOUR:%Y%m%dT%H%M%SZ}\r\n", other,
                           flags=re.M)
            text = text.replace(master, master + with_value(other, field, int(value)))
        path.write_bytes(text.encode())

    def drop(self, name):
        path = self.find(name)
        if b"\nEXDATE" not in path.read_bytes():
            add = f"EXDATE:{SOON + 2 * WEEK:%Y%m%dT%H%M%SZ}\r\nEND:VEVENT"
            text = unfolded(path)
            master, _ = blocks(text)
            path.write_bytes(text.replace(master, master.replace("END:VEVENT", add)).encode())

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
        self.from_folder = {}
        self.account = open_account(world.sim, "alice")
        self.root = {"Contact": self.account.contacts, "Event": self.account.calendar,
                     "Task": self.account.tasks}[world.kind.record]

    def find(self, name, where=None):
        """The one item of this name, below its default folder or in the folder of this path."""
        where = where or self.world.kind.folder
        ((self.from_folder[name], item),) = [
            (path, item) for path, items in exchange_items(self.world.sim).items()
            if path == where or path.startswith(where + "/") for item in items
            if self.world.kind.name_of(item["properties"]) == name]
        (found,) = self.account.fetch(ids=[(item["id"], None)])
        return found

    def save(self, item, *fields):
        how = {"send_meeting_invitations": "SendToNone"} if isinstance(item, CalendarItem) else {}
        item.save(update_fields=list(fields) or None, **how)

    def folder(self, name):
        self.root.refresh()
        for folder in self.root.children:
            if folder.name == name:
                return folder
        folder = self.FOLDERS[self.world.kind.record](parent=self.root, name=name)
        folder.save()
        return folder

    def make_folder(self, name):
        self.folder(name)

    def rename_folder(self, name, other):
        folder = self.folder(name)
        parent, _, folder.name = other.rpartition("/")
        folder.save(update_fields=["name"])
        if parent:
            folder.move(self.folder(parent))

    def remove_folder(self, name):
        self.folder(name).move(self.account.trash)

    def remember(self):
        self.world.sim.call("POST", "/sim/ews/snapshot", {"address": ALICE})

    def go_back(self, how=""):
        self.world.sim.call("POST", "/sim/ews/restore", {
            "address": ALICE, "new_folders": how == "anew"})
        self.root.root.clear_cache()

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
                        end=EWSDateTime.from_datetime(SOON + HOUR), reminder_is_set=False)
        if kind is SERIES:
            more["recurrence"] = Recurrence(start=SOON.date(), number=4, pattern=WeeklyPattern(
                interval=1, weekdays=[f"{SOON:%A}"]))
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

    def picture(self, name, number):
        item = self.find(name)
        item.detach([one for one in item.attachments if one.is_contact_photo])
        attach(item, PHOTOS[int(number)])

    def except_(self, name, value):
        field = self.world.kind.fields[0]
        second = self.find(name).occurrence(index=2)
        second.refresh()
        set_value(second, field.outlook, field.values[int(value)][1])
        self.save(second, field.outlook[0])

    def drop(self, name):
        self.find(name).occurrence(index=3).delete(send_meeting_cancellations="SendToNone")

    def copy(self, name):
        self.find(name).copy(self.folder(OTHER))

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
        item = self.find(name)
        self.came_from = self.from_folder[name]
        item.move_to_trash()

    def restore(self, name):
        """To where it was."""
        inside = self.came_from.partition("/")[2]
        self.find(name, "Deleted Items").move(self.folder(inside) if inside else self.root)


def is_whole(kind, row):
    """Is it more than an occurrence of a series?"""
    return kind is not SERIES or row["GroupEventType"] == "3"


class Crm:
    def __init__(self, world):
        self.world = world

    def act(self, action, **arguments):
        return self.world.sim.act(action, **arguments)

    def rows(self, name, deleted=False):
        return [row for row in self.world.sim.records(self.world.kind.record, deleted=deleted)
                if self.world.kind.name_of(row) == name and row["IsDeleted"] == deleted]

    def find(self, name, deleted=False):
        """Of a series: the row of the series."""
        (found,) = [row for row in self.rows(name, deleted) if is_whole(self.world.kind, row)]
        return found["Id"]

    def occurrence(self, name, number):
        rows = [row for row in self.rows(name) if not is_whole(self.world.kind, row)]
        return sorted(rows, key=lambda row: row["StartDateTime"])[number - 1]["Id"]

    def except_(self, name, value):
        field = self.world.kind.fields[0]
        self.act("update", id=self.occurrence(name, 2),
                 fields={field.crm: field.values[int(value)][2]})

    def drop(self, name):
        self.act("delete", id=self.occurrence(name, 3))

    def hide(self, name):
        """From the gateway's user: its owner, or a rule of sharing, was changed."""
        self.act("hide", id=self.find(name), hidden=True)

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


class Admin:
    """Each command is given again when the daemon died under it: what was done then is done."""

    def __init__(self, world):
        self.world = world

    def ctl(self, *words):
        return self.world.mount.ctl(*words)

    def take(self):
        for row in self.world.mount.ctl_json("conflicts"):
            self.ctl("conflicts", "take", row["id"])

    def decide(self, how):
        for batch in {row["batch"] for row in self.world.mount.ctl_json("deletes")}:
            self.ctl("deletes", how, batch)

    def confirm(self):
        self.decide("confirm")

    def restore(self):
        self.decide("restore")

    def reset(self):
        self.ctl("reset", ALICE)

    def hold(self):
        self.ctl("hold")

    def resume(self):
        self.ctl("resume")

    def retry(self):
        self.ctl("retry-errors")

    def relink(self, name):
        """With the record that another one was made of."""
        files = self.world.places["file"]
        self.ctl("relink", files.find(name), self.world.places["crm"].find(name))

    def forget(self):
        """Removes the conflict records and what is in lost+found."""
        for place in "conflicts", "lost+found":
            for path in (self.world.box / ".sync" / place).iterdir():
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()


class World:
    """One simulator, one mount, and those who edit."""

    def __init__(self, sim, mount, kind):
        self.sim, self.mount, self.kind = sim, mount, kind
        self.box = mount.mailbox("alice")
        self.places = {"file": Files(self), "exchange": Exchange(self), "crm": Crm(self),
                       "admin": Admin(self)}

    def perform(self, line):
        place, verb, *words = line.split()
        verb = {"except": "except_"}.get(verb, verb.replace("-", "_"))
        getattr(self.places[place], verb)(*words)

    def close(self):
        self.places["exchange"].account.protocol.close()


def seeded(kind, given):
    """Items of a scene from {"Anna": "plain", "Ben": "designated", "Rob": "excepted"}; excepted: a
    designated series with an exception."""
    items = []
    for name, how in given.items():
        more = {}
        if how != "plain":
            more = {"folder": VIEW} if kind is CONTACT else {"Categories": [VIEW]}
        if kind is SERIES:
            more["Recurrence"] = {
                "WeeklyRecurrence": {"Interval": 1, "DaysOfWeek": f"{SOON:%A}"},
                "NumberedRecurrence": {"StartDate": f"{SOON:%Y-%m-%d}", "NumberOfOccurrences": 4}}
        if how == "excepted":
            field = kind.fields[0]
            more["Exceptions"] = [{"OriginalDay": f"{SOON + WEEK:%Y-%m-%d}",
                                   field.exchange: field.values[3][1]}]
        items.append((EVENT if kind is SERIES else kind, name, more))
    return items
