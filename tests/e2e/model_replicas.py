"""The three replicas as people see and change them: files, Exchange by EWS, Salesforce by its rows.

Reading is independent of the program under test: files by regular expressions, both servers from the
simulator's own state.
"""
import dataclasses
import os
import pathlib
import re

import model_series as series
from ews_raw import RawEws
from kinds import CONTACT, EVENT, TASK
from model_fields import FIELDS, end_of, written
from model_series import SERIES
from scene import attribute, calendar, card, component, exchange_items, unfolded
from simulator import wait_for

KINDS = (CONTACT, EVENT, TASK, SERIES)
VIEW = "Salesforce_Sync"
DESIGNATING = "CRM"
ELEMENTS = {"Contact": "Contact", "Event": "CalendarItem", "Task": "Task"}
DISTINGUISHED = {"Contact": "contacts", "Event": "calendar", "Task": "tasks"}
# In the order of the schema.
PERSON = ("<t:FileAs>Lind, {name}</t:FileAs><t:DisplayName>{name} Lind</t:DisplayName>"
           "<t:GivenName>{name}</t:GivenName><t:EmailAddresses><t:Entry Key=\"EmailAddress1\">"
           "{email}</t:Entry></t:EmailAddresses>{department}{title}<t:Surname>Lind</t:Surname>")
CREATES = {
    "contact": "{categories}" + PERSON,
    "event": "<t:Subject>{name}</t:Subject>{description}{categories}"
             "<t:ReminderIsSet>false</t:ReminderIsSet>{start}{end}{location}",
    "series": "<t:Subject>{name}</t:Subject>{description}{categories}"
              "<t:ReminderIsSet>false</t:ReminderIsSet>{start}{end}{location}{length}"
              '<t:StartTimeZone Id="UTC"/>',
    "task": "<t:Subject>{name}</t:Subject>{description}{categories}{due}",
}


def of_all(kind):
    """The fields that each item of the kind has; of a series those that all its occurrences share."""
    return [field for field in FIELDS[kind.name] if field not in series.OWN]


def email(name):
    return f"{name}@client.example".lower()


@dataclasses.dataclass(repr=False)
class Copy:
    """A thing as one place has it.  handle: a path, an ItemId or a record's id."""

    kind: object
    name: str
    handle: object
    fields: dict
    folder: str = ""
    categories: frozenset = frozenset()
    link: str = None

    def __repr__(self):
        return f"{self.kind.name} {self.name} {self.fields} in {self.where()} with {self.link}"

    @property
    def designating(self):
        return DESIGNATING in self.categories

    @property
    def is_designated(self):
        return self.folder == VIEW or self.designating

    def where(self):
        return self.folder, self.categories

    def identity(self):
        """What else a record must have to be taken for the same."""
        return {field: self.fields[field.name] for field in FIELDS[self.kind.name]
                if field.is_key and self.fields[field.name]}


class Replica:
    def __init__(self, world, who="alice"):
        self.world = world
        self.sim = world.sim
        self.who = world.sim.mailbox(who)


class Files(Replica):
    def box(self):
        return self.world.mount.path / self.who["address"]

    def directory(self, kind):
        return self.box() / kind.folder

    def copies(self):
        for kind in (CONTACT, EVENT, TASK):
            for path in self.directory(kind).rglob(f"*{kind.suffix}"):
                text = unfolded(path)
                yield self.copy(SERIES if "\nRRULE" in text else kind, path, text)

    def copy(self, kind, path, whole):
        text = series.blocks(whole)[0] if kind is SERIES else whole

        def values(line):
            return re.findall(rf"^{line}(?:;[^:\r\n]*)?:([^\r\n]*)", text, re.M)

        (name,) = values("FN" if kind.record == "Contact" else "SUMMARY")
        fields = {}
        for field in of_all(kind):
            found = values(field.line.partition(";")[0])
            assert len(found) <= 1, f"{path}: {text}"
            fields[field.name] = field.from_file(found[0] if found else None)
        if kind is EVENT:
            assert [series.BEGINS.from_file(end) for end in values("DTEND")] == [
                end_of(fields["start"])], text
        if kind is SERIES:
            fields.update(series.from_file(whole, fields))
        folder = str(path.parent.relative_to(self.directory(kind)))
        return Copy(kind, name.removesuffix(" Lind"), path, fields,
                    "" if folder == "." else folder,
                    frozenset(word for line in values("CATEGORIES") for word in line.split(",")),
                    attribute(path, "crm-id"))

    def create(self, thing, values, designated):
        kind, name = thing.kind, thing.name
        uid = f"{name}@client.example"
        lines = [line for field, value in values.items() for line in field.in_file(value)]
        if kind is SERIES:
            lines += series.BEGINS.in_file(written(series.START))
        if kind.record == "Contact":
            text = card(f"{name} Lind", f"EMAIL:{email(name)}", *lines, uid=uid)
        else:
            text = calendar(*component("VEVENT" if kind.record == "Event" else "VTODO", uid,
                                       f"SUMMARY:{name}", *lines))
        folder = self.directory(kind) / (VIEW if designated else "")
        (folder / f"{name}{kind.suffix}").write_bytes(text.encode())

    def edit(self, copy, field, value):
        """One write of the whole file, as an editor does."""
        text = copy.handle.read_bytes().decode()
        if copy.kind is SERIES:
            copy.handle.write_bytes(series.edited(unfolded(copy.handle), field, value).encode())
            return
        names = ["DTSTART", "DTEND"] if field.name == "start" else [field.line.partition(";")[0]]
        for name in names:
            text = re.sub(rf"^{name}[;:][^\n]*\n(?:[ \t][^\n]*\n)*", "", text, flags=re.M)
        if value is not None:
            end = text.rindex(re.findall(r"^END:(?:VCARD|VEVENT|VTODO)\r?\n", text, re.M)[-1])
            text = text[:end] + "".join(f"{line}\r\n" for line in field.in_file(value)) + text[end:]
        copy.handle.write_bytes(text.encode())

    def delete(self, copy):
        os.unlink(copy.handle)

    def place(self, copy, way, into):
        if way == "folder":
            os.rename(copy.handle,
                      self.directory(copy.kind) / (VIEW if into else "") / copy.handle.name)
            return
        words = copy.categories | {DESIGNATING} if into else copy.categories - {DESIGNATING}
        os.setxattr(copy.handle, "user.tandem.categories", ",".join(sorted(words)).encode())

    def write_refused(self, kind, n):
        path = pathlib.Path(self.directory(kind)) / f"refused {n}{kind.suffix}"
        try:
            path.write_bytes(b"BEGIN:NOTHING\r\n")
        except OSError:
            # It is judged once more after close(2) has returned.
            wait_for(lambda: not path.exists(), what="the end of what was refused")
            return path.name
        raise AssertionError(f"{path.name} was taken")


class Exchange(Replica):
    def __init__(self, world, who="alice"):
        super().__init__(world, who)
        self.raw = RawEws(self.sim, user=self.who["address"], password=self.who["password"])

    def items(self):
        return exchange_items(self.sim, self.who["address"])

    def call(self, request):
        answer = self.raw.call(request)
        assert answer.codes == ["NoError"], answer.text
        return answer

    def copies(self):
        for path, items in self.items().items():
            top, _, folder = path.partition("/")
            if top in ("Contacts", "Calendar", "Tasks"):
                yield from (self.copy(item, folder) for item in items)

    def deleted(self):
        """What lies in Deleted Items."""
        return [self.copy(item, "") for item in self.items()["Deleted Items"]]

    def copy(self, item, folder):
        row = item["properties"]
        kind = {"IPM.Contact": CONTACT, "IPM.Task": TASK,
                "IPM.Appointment": SERIES if "Recurrence" in row else EVENT}[item["class"]]
        categories = set(row.get("Categories", ()))
        if kind is not CONTACT and VIEW in categories:
            folder = VIEW
            categories.remove(VIEW)
        fields = {field.name: field.from_exchange(row.get(field.exchange)) for field in of_all(kind)}
        if kind is SERIES:
            fields["length"] = item["recurrence"]["NumberedRecurrence"]["NumberOfOccurrences"]
            fields.update(series.from_exchange({**item, **row}, fields))
        return Copy(kind, kind.name_of(row), item["id"], fields, folder, frozenset(categories))

    def create(self, thing, values, designated):
        kind = thing.kind
        parts = {field.name: field.request.format(field.in_exchange(value))
                 for field, value in values.items()}
        if kind.record == "Event":
            start = next((value for field, value in values.items() if field.name == "start"),
                         written(series.START))
            parts["start"] = f"<t:Start>{start}</t:Start>"
            parts["end"] = f"<t:End>{end_of(start)}</t:End>"
        empty = dict.fromkeys([*(field.name for field in FIELDS[kind.name])], "")
        inner = CREATES[kind.name].format(**{
            **empty, **parts, "name": thing.name, "email": email(thing.name),
            "categories": categories_element({DESIGNATING}) if designated else ""})
        element = ELEMENTS[kind.record]
        self.call(f'<m:CreateItem SendMeetingInvitations="SendToNone"><m:SavedItemFolderId>'
                  f'<t:DistinguishedFolderId Id="{DISTINGUISHED[kind.record]}"/>'
                  f"</m:SavedItemFolderId><m:Items><t:{element}>{inner}</t:{element}></m:Items>"
                  "</m:CreateItem>")

    def update(self, copy, *updates):
        """updates: (field's element, inner); inner None deletes."""
        self.update_one(copy, f'<t:ItemId Id="{copy.handle}"/>', updates)

    def update_one(self, copy, which, updates):
        element, parts = ELEMENTS[copy.kind.record], ""
        for uri, inner in updates:
            if inner is None:
                parts += f"<t:DeleteItemField>{uri}</t:DeleteItemField>"
            else:
                parts += (f"<t:SetItemField>{uri}<t:{element}>{inner}</t:{element}>"
                          "</t:SetItemField>")
        self.call('<m:UpdateItem ConflictResolution="AlwaysOverwrite" MessageDisposition="SaveOnly"'
                  ' SendMeetingInvitationsOrCancellations="SendToNone"><m:ItemChanges>'
                  f"<t:ItemChange>{which}<t:Updates>{parts}</t:Updates>"
                  "</t:ItemChange></m:ItemChanges></m:UpdateItem>")

    def edit(self, copy, field, value):
        which = f'<t:ItemId Id="{copy.handle}"/>'
        if field in series.OWN:
            which = series.occurrence(copy.handle, field)
        if value == series.GONE:
            self.remove(which)
            return
        updates = [(path_of(field), None if value is None
                    else field.request.format(field.in_exchange(value)))]
        if field.exchange == "Start":
            updates.append(('<t:FieldURI FieldURI="calendar:End"/>',
                            f"<t:End>{end_of(value)}</t:End>"))
        self.update_one(copy, which, updates)

    def delete(self, copy):
        self.remove(f'<t:ItemId Id="{copy.handle}"/>')

    def remove(self, which):
        self.call('<m:DeleteItem DeleteType="MoveToDeletedItems" '
                  'SendMeetingCancellations="SendToNone" AffectedTaskOccurrences="AllOccurrences">'
                  f"<m:ItemIds>{which}</m:ItemIds></m:DeleteItem>")

    def place(self, copy, way, into):
        if way == "folder" and copy.kind.record == "Contact":
            self.move(copy, into)
            return
        word = VIEW if way == "folder" else DESIGNATING
        words = set(copy.categories)
        if copy.kind.record != "Contact" and copy.folder == VIEW:
            words.add(VIEW)
        words = words | {word} if into else words - {word}
        self.update(copy, ('<t:FieldURI FieldURI="item:Categories"/>',
                           categories_element(words) if words else None))

    def make_private(self, copy):
        self.update(copy, ('<t:FieldURI FieldURI="item:Sensitivity"/>',
                           "<t:Sensitivity>Private</t:Sensitivity>"))

    def move(self, copy, into):
        folder = '<t:DistinguishedFolderId Id="contacts"/>'
        if into:
            box = self.sim.state("exchange")["exchange"]["mailboxes"][self.who["address"]]
            (found,) = [folder["id"] for folder in box["folders"]
                        if folder["path"] == f"Contacts/{VIEW}"]
            folder = f'<t:FolderId Id="{found}"/>'
        self.call(f"<m:MoveItem><m:ToFolderId>{folder}</m:ToFolderId><m:ItemIds>"
                  f'<t:ItemId Id="{copy.handle}"/></m:ItemIds></m:MoveItem>')


def path_of(field):
    if field.name == "mobile":
        return '<t:IndexedFieldURI FieldURI="contacts:PhoneNumber" FieldIndex="MobilePhone"/>'
    return f'<t:FieldURI FieldURI="{field.uri}"/>'


def categories_element(words):
    inner = "".join(f"<t:String>{word}</t:String>" for word in sorted(words))
    return f"<t:Categories>{inner}</t:Categories>"


class Crm(Replica):
    def copies(self):
        state = self.sim.state("salesforce")["salesforce"]
        for kind in (CONTACT, EVENT, TASK):
            rows = [row for row in state[kind.record] if not row["IsDeleted"]]
            whole = {row["ActivityRecurrence2Id"] for row in rows
                     if row.get("GroupEventType") == series.IN_CRM}
            for row in rows:
                if row.get("GroupEventType") == series.IN_CRM:
                    yield self.copy(SERIES, row, rows)
                elif row.get("ActivityRecurrence2Id") not in whole:
                    yield self.copy(kind, row, rows)

    def copy(self, kind, row, rows):
        fields = {field.name: field.from_crm(row.get(field.crm) or None) for field in of_all(kind)}
        if kind is SERIES:
            fields.update(series.from_crm(row, rows, fields))
        return Copy(kind, kind.name_of(row), row["Id"], fields)

    def create(self, thing, values, designated):
        fields = {name: value for field, one in values.items()
                  for name, value in field.in_crm(one).items()}
        if thing.kind is SERIES:
            fields.update(series.NEW_IN_CRM)
        self.sim.act("create", object=thing.kind.record, fields={
            **thing.kind.crm(thing.name), **fields,
            "OwnerId": self.who["crm_user_id"]})

    def edit(self, copy, field, value):
        handle = copy.handle
        if field in series.OWN:
            handle = series.row_of(handle, self.sim.records("Event"), field)
        if value == series.GONE:
            self.sim.act("delete", id=handle)
        else:
            self.sim.act("update", id=handle, fields=field.in_crm(value))

    def delete(self, copy):
        self.sim.act("delete", id=copy.handle)
