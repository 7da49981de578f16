"""The three kinds of items that are synced with the CRM, so that one test runs over all of them.

A Kind says how an item looks as a file, in a seed, in Exchange and in Salesforce, and names three fields
that all of them have, each with values in the three spellings.  An Item is one of them on its three
sides.  Both servers are read from the simulator's own state; Outlook's part is played by exchangelib.
"""
import dataclasses
import datetime
import re

from exchange import set_value
from scene import (
    ALICE,
    attribute,
    calendar,
    card,
    component,
    conflicts,
    exchange_items,
    person,
    seed,
    unfolded,
)

VIEW = "Salesforce_Sync"
SOON = datetime.datetime.now(datetime.timezone.utc).replace(
    hour=10, minute=0, second=0, microsecond=0) + datetime.timedelta(days=3)


@dataclasses.dataclass(frozen=True)
class Field:
    """values: (in the file, in Exchange, in Salesforce), four of them."""

    line: str
    outlook: tuple
    exchange: str
    crm: str
    values: tuple


def words(*values):
    return tuple((value,) * 3 for value in values)


TEXTS = words("Buyer", "Head", "Owner", "Chief")
NOTES = words("Purchasing", "Sales", "Storage", "Print shop")


@dataclasses.dataclass(frozen=True)
class Kind:
    name: str
    folder: str
    policy: str
    record: str
    suffix: str
    fields: tuple

    def text(self, name, *lines, uid=None):
        """A file as other programs write it; its first field has its first value."""
        uid = uid or f"{name}@client.example"
        first = f"{self.fields[0].line}:{self.fields[0].values[0][0]}"
        if self.record == "Contact":
            return card(f"{name} Lind", f"EMAIL:{name}@client.example".lower(), first, *lines, uid=uid)
        when = [f"DTSTART:{SOON:%Y%m%dT%H%M%SZ}"] if self.record == "Event" else []
        return calendar(*component("VEVENT" if when else "VTODO", uid, *when, f"SUMMARY:{name}",
                                   first, *lines))

    def seeded(self, name, **more):
        """The same as a seed has it."""
        field = self.fields[0]
        more = {field.exchange: field.values[0][1], **more}
        if self.record == "Contact":
            return person(name, "Lind", EmailAddress1=f"{name}@client.example".lower(), **more)
        if self.record == "Event":
            end = SOON + datetime.timedelta(hours=1)
            return {"Subject": name, "Start": f"{SOON:%Y-%m-%dT%H:%M:%SZ}",
                    "End": f"{end:%Y-%m-%dT%H:%M:%SZ}", "ReminderIsSet": False, **more}
        return {"Subject": name, **more}

    def crm(self, name, **more):
        """A record of the CRM that means the same person, appointment or task."""
        if self.record == "Contact":
            return {"FirstName": name, "LastName": "Lind",
                    "Email": f"{name}@client.example".lower(), **more}
        if self.record == "Event":
            return {"Subject": name, "StartDateTime": f"{SOON:%Y-%m-%dT%H:%M:%S.000+0000}",
                    "DurationInMinutes": 60, **more}
        return {"Subject": name, **more}

    def files(self, mount):
        """{name: path} of alice's items, wherever they stand."""
        return {re.sub(r"^[0-9]{4}-[0-9]{2}-[0-9]{2} | Lind$", "", path.stem): path for path in
                (mount.mailbox("alice") / self.folder).rglob(f"*{self.suffix}")}

    def in_exchange(self, sim, address=ALICE):
        """[properties] of all items below the default folder, with "folder" and "id" besides."""
        return [{**item["properties"], "folder": path, "id": item["id"]}
                for path, items in exchange_items(sim, address).items()
                if path == self.folder or path.startswith(f"{self.folder}/") for item in items]

    def name_of(self, row):
        """The name that an item of Exchange or a record was given above."""
        return row.get("GivenName") or row.get("FirstName") or row.get("Subject")


CONTACT = Kind("contact", "Contacts", "contacts", "Contact", ".vcf", (
    Field("TITLE", ("job_title",), "JobTitle", "Title", TEXTS),
    Field("ORG", ("department",), "Department", "Department",
          tuple((f";{value}", value, value) for value, _, _ in NOTES)),
    Field("TEL;TYPE=cell", ("phone_numbers", "MobilePhone"), "PhoneNumbers/MobilePhone",
          "MobilePhone", words("+46 70 1", "+46 70 2", "+46 70 3", "+46 70 4"))))
EVENT = Kind("event", "Calendar", "calendar", "Event", ".ics", (
    Field("LOCATION", ("location",), "Location", "Location", TEXTS),
    Field("DESCRIPTION", ("body",), "Body", "Description", NOTES),
    Field("SUMMARY", ("subject",), "Subject", "Subject", words("One", "Two", "Three", "Four"))))
TASK = Kind("task", "Tasks", "tasks", "Task", ".ics", (
    Field("DESCRIPTION", ("body",), "Body", "Description", TEXTS),
    Field("PRIORITY", ("importance",), "Importance", "Priority",
          (("1", "High", "High"), ("9", "Low", "Low")) * 2),
    Field("DUE;VALUE=DATE", ("due_date",), "DueDate", "ActivityDate", tuple(
        (f"2026120{n}", f"2026-12-0{n}T00:00:00Z", f"2026-12-0{n}") for n in range(1, 5)))))
KINDS = (CONTACT, EVENT, TASK)
PLACES = ("file", "exchange", "crm")


def scene(items=(), records=()):
    """A seed of alice's mailbox with (kind, name, more) as items and as records."""
    out = seed(records=[kind.crm(name, **more) for kind, name, more in records
                        if kind is CONTACT])
    for kind, key in (CONTACT, "contacts"), (EVENT, "calendar"), (TASK, "tasks"):
        out["mailboxes"][0][key] = [one.seeded(name, **more) for one, name, more in items
                                    if one is kind]
    return out


def property_of(path, line):
    """The value of the one property of this name, parameters aside; None without it."""
    name = line.partition(";")[0]
    found = re.findall(rf"^{name}(?:;[^:\r\n]*)?:([^\r\n]*)", unfolded(path), re.M)
    assert len(found) <= 1, found
    return found[0] if found else None


def add_line(path, line):
    """Before the end of the item, as an editor writes it."""
    text = path.read_bytes().decode()
    end = re.findall(r"^END:(?:VCARD|VEVENT|VTODO)\r?\n", text, re.M)[-1]
    at = text.rindex(end)
    path.write_bytes((text[:at] + line + "\r\n" + text[at:]).encode())


def drop_line(path, line):
    name = line.partition(";")[0]
    text = re.sub(rf"^{name}[;:][^\n]*\n(?:[ \t][^\n]*\n)*", "", path.read_bytes().decode(),
                  flags=re.M)
    path.write_bytes(text.encode())


class Item:
    """One item on its three sides, found by its UID's file."""

    def __init__(self, sim, mount, account, kind, name):
        self.sim, self.mount, self.account, self.kind, self.name = sim, mount, account, kind, name
        self.record_id = attribute(self.path, "crm-id")

    @property
    def path(self):
        return self.kind.files(self.mount)[self.name]

    @property
    def outlook(self):
        (found,) = self.account.fetch(ids=[(attribute(self.path, "exchange-id"), None)])
        return found

    @property
    def item(self):
        (found,) = [item for item in self.kind.in_exchange(self.sim)
                    if item["id"] == attribute(self.path, "exchange-id")]
        return found

    @property
    def record(self):
        (found,) = [row for row in self.sim.records(self.kind.record)
                    if row["Id"] == self.record_id]
        return found

    def values(self, n):
        """Field n on each side."""
        field = self.kind.fields[n]
        return {"file": property_of(self.path, field.line),
                "exchange": self.item.get(field.exchange), "crm": self.record.get(field.crm)}

    def spelled(self, n, value, **others):
        """The same where field n has its value of this number; others: {place: another number}."""
        return {place: self.kind.fields[n].values[others.get(place, value)][p]
                for p, place in enumerate(PLACES)}

    def change(self, place, n, value):
        """Sets field n to its value of this number on one side."""
        field = self.kind.fields[n]
        spelled = field.values[value]
        if place == "file":
            drop_line(self.path, field.line)
            add_line(self.path, f"{field.line}:{spelled[0]}")
        elif place == "exchange":
            there = spelled[1]
            if field.exchange == "DueDate":
                there = datetime.date.fromisoformat(there[:10])
            item = self.outlook
            set_value(item, field.outlook, there)
            item.save(update_fields=[field.outlook[0]])
        else:
            self.sim.act("update", id=self.record_id, fields={field.crm: spelled[2]})

    def conflicts(self):
        """[(field, winner's origin, {loser's origin: value})] of this item."""
        out = []
        for conflict in conflicts(self.mount.mailbox("alice")):
            if conflict["item"].endswith(str(self.path.relative_to(self.mount.path))):
                out += [(field["field"], field["winner_origin"],
                         {loser["origin"]: loser["value"] for loser in field["losers"]})
                        for field in conflict["fields"]]
        return out
