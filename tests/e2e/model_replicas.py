"""The three replicas as people see and change them: files, Exchange by EWS, Salesforce by its rows.

Reading is independent of the program under test: files by regular expressions, both servers from the
simulator's own state.  Times and days are compared as instants and days, all else as text.
"""
import dataclasses
import datetime
import os
import pathlib
import re

import kinds
from ews_raw import RawEws
from kinds import KINDS, SOON
from scene import attribute, calendar, card, component, exchange_items, unfolded
from simulator import wait_for

VIEW = "Salesforce_Sync"
DESIGNATING = "CRM"


@dataclasses.dataclass(frozen=True)
class Field:
    """uri, request: how UpdateItem names and writes it; value(n): the n-th value, as it is compared."""

    name: str
    line: str
    exchange: str
    crm: str
    uri: str
    request: str
    clears: bool = True

    is_key = False  # of an item without an address: what it is matched by, beside its name

    def value(self, n):
        return f"v{n}v"

    def in_file(self, value):
        return [f"{self.line}:{';' if self.name == 'department' else ''}{value}"]

    def from_file(self, text):
        return text and text.lstrip(";").replace("\\n", "\n")

    def in_exchange(self, value):
        return value

    def from_exchange(self, text):
        return text

    def in_crm(self, value):
        return {self.crm: value}

    def from_crm(self, value):
        return value

    def marks(self, value):
        """What of the value can be found in a conflict record, however it is spelled there."""
        return [value]


class Day(Field):
    is_key = True

    def value(self, n):
        return (SOON + datetime.timedelta(days=n)).date().isoformat()

    def in_file(self, value):
        return [f"{self.line}:{value.replace('-', '')}"]

    def from_file(self, text):
        return text and f"{text[:4]}-{text[4:6]}-{text[6:]}"

    def in_exchange(self, value):
        return f"{value}T00:00:00Z"

    def from_exchange(self, text):
        assert text is None or text.endswith("T00:00:00Z"), text
        return text and text[:10]


class Start(Field):
    """An appointment of one hour."""

    is_key = True

    def value(self, n):
        return (SOON + datetime.timedelta(days=n)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def in_file(self, value):
        return [f"{line}:{re.sub('[-:]', '', moment)}"
                for line, moment in (("DTSTART", value), ("DTEND", end_of(value)))]

    def from_file(self, text):
        return re.sub(r"(....)(..)(..T..)(..)(..Z)", r"\1-\2-\3:\4:\5", text)

    def in_crm(self, value):
        return {self.crm: value.replace("Z", ".000+0000"), "DurationInMinutes": 60}

    def from_crm(self, value):
        return value.replace(".000+0000", "Z")

    def marks(self, value):
        return [value[:10], value[:10].replace("-", "")]


def end_of(start):
    moment = datetime.datetime.strptime(start, "%Y-%m-%dT%H:%M:%SZ") + datetime.timedelta(hours=1)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


BODY = '<t:Body BodyType="Text">{}</t:Body>'
FIELDS = {
    "contact": [
        Field("title", "TITLE", "JobTitle", "Title", "contacts:JobTitle",
              "<t:JobTitle>{}</t:JobTitle>"),
        Field("department", "ORG", "Department", "Department", "contacts:Department",
              "<t:Department>{}</t:Department>"),
        Field("mobile", "TEL;TYPE=cell", "PhoneNumbers/MobilePhone", "MobilePhone", "MobilePhone",
              '<t:PhoneNumbers><t:Entry Key="MobilePhone">{}</t:Entry></t:PhoneNumbers>')],
    "event": [
        Start("start", "DTSTART", "Start", "StartDateTime", "calendar:Start",
              "<t:Start>{}</t:Start>", clears=False),
        Field("location", "LOCATION", "Location", "Location", "calendar:Location",
              "<t:Location>{}</t:Location>"),
        Field("description", "DESCRIPTION", "Body", "Description", "item:Body", BODY)],
    "task": [
        Day("due", "DUE;VALUE=DATE", "DueDate", "ActivityDate", "task:DueDate",
            "<t:DueDate>{}</t:DueDate>"),
        Field("description", "DESCRIPTION", "Body", "Description", "item:Body", BODY)],
}
ELEMENTS = {"contact": "Contact", "event": "CalendarItem", "task": "Task"}
DISTINGUISHED = {"contact": "contacts", "event": "calendar", "task": "tasks"}
# In the order of the schema.
CONTACT = ("<t:FileAs>Lind, {name}</t:FileAs><t:DisplayName>{name} Lind</t:DisplayName>"
           "<t:GivenName>{name}</t:GivenName><t:EmailAddresses><t:Entry Key=\"EmailAddress1\">"
           "{email}</t:Entry></t:EmailAddresses>{department}{title}<t:Surname>Lind</t:Surname>")
CREATES = {
    "contact": "{categories}" + CONTACT,
    "event": "<t:Subject>{name}</t:Subject>{description}{categories}"
             "<t:ReminderIsSet>false</t:ReminderIsSet>{start}{end}{location}",
    "task": "<t:Subject>{name}</t:Subject>{description}{categories}{due}",
}


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
    def __init__(self, world):
        self.world = world
        self.sim = world.sim


class Files(Replica):
    def box(self):
        return self.world.mount.mailbox("alice")

    def directory(self, kind):
        return self.box() / kind.folder

    def copies(self):
        for kind in KINDS:
            for path in self.directory(kind).rglob(f"*{kind.suffix}"):
                yield self.copy(kind, path)

    def copy(self, kind, path):
        text = unfolded(path)

        def values(line):
            return re.findall(rf"^{line}(?:;[^:\r\n]*)?:([^\r\n]*)", text, re.M)

        (name,) = values("FN" if kind.record == "Contact" else "SUMMARY")
        fields = {}
        for field in FIELDS[kind.name]:
            found = values(field.line.partition(";")[0])
            assert len(found) <= 1, f"{path}: {text}"
            fields[field.name] = field.from_file(found[0] if found else None)
        if kind.record == "Event":
            assert [Start.from_file(None, end) for end in values("DTEND")] == [
                end_of(fields["start"])], text
        folder = str(path.parent.relative_to(self.directory(kind)))
        return Copy(kind, name.removesuffix(" Lind"), path, fields,
                    "" if folder == "." else folder,
                    frozenset(word for line in values("CATEGORIES") for word in line.split(",")),
                    attribute(path, "crm-id"))

    def create(self, thing, values, designated):
        kind, name = thing.kind, thing.name
        uid = f"{name}@client.example"
        lines = [line for field, value in values.items() for line in field.in_file(value)]
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
    def __init__(self, world):
        super().__init__(world)
        box = world.sim.mailbox("alice")
        self.raw = RawEws(world.sim, user=box["address"], password=box["password"])

    def call(self, request):
        answer = self.raw.call(request)
        assert answer.codes == ["NoError"], answer.text
        return answer

    def copies(self):
        for kind in KINDS:
            for item in kind.in_exchange(self.sim):
                yield self.copy(kind, item, item["folder"].partition("/")[2])

    def copy(self, kind, item, folder):
        categories = set(item.get("Categories", ()))
        if kind.record != "Contact" and VIEW in categories:
            folder = VIEW
            categories.remove(VIEW)
        return Copy(kind, kind.name_of(item), item["id"],
                    {field.name: field.from_exchange(item.get(field.exchange))
                     for field in FIELDS[kind.name]}, folder, frozenset(categories))

    def deleted(self):
        """What lies in Deleted Items."""
        for item in exchange_items(self.sim)["Deleted Items"]:
            row = {**item["properties"], "id": item["id"]}
            kind = kinds.CONTACT if "GivenName" in row else kinds.EVENT if "Start" in row else kinds.TASK
            yield self.copy(kind, row, "")

    def create(self, thing, values, designated):
        kind = thing.kind
        parts = {field.name: field.request.format(field.in_exchange(value))
                 for field, value in values.items()}
        if "start" in parts:
            start = next(value for field, value in values.items() if field.name == "start")
            parts["end"] = f"<t:End>{end_of(start)}</t:End>"
        empty = dict.fromkeys(["end", *(field.name for field in FIELDS[kind.name])], "")
        inner = CREATES[kind.name].format(**{
            **empty, **parts, "name": thing.name, "email": email(thing.name),
            "categories": categories_element({DESIGNATING}) if designated else ""})
        element = ELEMENTS[kind.name]
        self.call(f'<m:CreateItem SendMeetingInvitations="SendToNone"><m:SavedItemFolderId>'
                  f'<t:DistinguishedFolderId Id="{DISTINGUISHED[kind.name]}"/>'
                  f"</m:SavedItemFolderId><m:Items><t:{element}>{inner}</t:{element}></m:Items>"
                  "</m:CreateItem>")

    def update(self, copy, *updates):
        """updates: (field's element, inner); inner None deletes."""
        element, parts = ELEMENTS[copy.kind.name], ""
        for uri, inner in updates:
            if inner is None:
                parts += f"<t:DeleteItemField>{uri}</t:DeleteItemField>"
            else:
                parts += (f"<t:SetItemField>{uri}<t:{element}>{inner}</t:{element}>"
                          "</t:SetItemField>")
        self.call('<m:UpdateItem ConflictResolution="AlwaysOverwrite" MessageDisposition="SaveOnly"'
                  ' SendMeetingInvitationsOrCancellations="SendToNone"><m:ItemChanges>'
                  f'<t:ItemChange><t:ItemId Id="{copy.handle}"/><t:Updates>{parts}</t:Updates>'
                  "</t:ItemChange></m:ItemChanges></m:UpdateItem>")

    def edit(self, copy, field, value):
        updates = [(path_of(field), None if value is None
                    else field.request.format(field.in_exchange(value)))]
        if field.name == "start":
            updates.append(('<t:FieldURI FieldURI="calendar:End"/>',
                            f"<t:End>{end_of(value)}</t:End>"))
        self.update(copy, *updates)

    def delete(self, copy):
        self.call('<m:DeleteItem DeleteType="MoveToDeletedItems" '
                  'SendMeetingCancellations="SendToNone" AffectedTaskOccurrences="AllOccurrences">'
                  f'<m:ItemIds><t:ItemId Id="{copy.handle}"/></m:ItemIds></m:DeleteItem>')

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

    def move(self, copy, into):
        folder = '<t:DistinguishedFolderId Id="contacts"/>'
        if into:
            (box,) = self.sim.state("exchange")["exchange"]["mailboxes"].values()
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
        for kind in KINDS:
            for row in state[kind.record]:
                if not row["IsDeleted"]:
                    yield Copy(kind, kind.name_of(row), row["Id"],
                               {field.name: field.from_crm(row.get(field.crm) or None)
                                for field in FIELDS[kind.name]})

    def create(self, thing, values, designated):
        fields = {name: value for field, one in values.items()
                  for name, value in field.in_crm(one).items()}
        self.sim.act("create", object=thing.kind.record, fields={
            **thing.kind.crm(thing.name), **fields,
            "OwnerId": self.sim.mailbox("alice")["crm_user_id"]})

    def edit(self, copy, field, value):
        self.sim.act("update", id=copy.handle, fields=field.in_crm(value))

    def delete(self, copy):
        self.sim.act("delete", id=copy.handle)
