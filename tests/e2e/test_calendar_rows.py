"""Every row of the tables of events and tasks, from each side to the other two.

A row has the lines of the file (RFC 5545), the values that exchangelib shows and the fields of
Salesforce's record, written from their documentation; each row has an item of its own, which goes from
one value to another and to none."""
import dataclasses
import datetime as dt
import json
import pprint
import re
from decimal import Decimal

import pytest
from exchangelib import EWSDate, EWSDateTime, EWSTimeZone, FileAttachment
from kinds import VIEW
from cycles import assert_nothing_written
from scene import attribute, calendar, component, edit, seed, unfolded

BERLIN = EWSTimeZone("Europe/Berlin")
UTC = dt.timezone.utc


def salesforce_time(utc):
    return utc.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def berlin(day, hour, minute=0):
    return EWSDateTime(2026, 12, day, hour, minute, tzinfo=BERLIN)


@dataclasses.dataclass(frozen=True)
class Row:
    """stages: (lines, {attribute of exchangelib: value}, {field of Salesforce: value}); names: the
    properties of the file that are gone where a stage has no lines; sources: where it can change."""

    name: str
    stages: tuple
    names: tuple = ()
    sources: str = "file exchange crm"


def busy(transp, word, exchange, crm):
    lines = ([f"TRANSP:{transp}"] if transp else []) + (
        [f"X-MICROSOFT-CDO-BUSYSTATUS:{word}"] if word else [])
    return (tuple(lines), {"legacy_free_busy_status": exchange}, {"ShowAs": crm})


def timed(start, end):
    """Of the first of December, in Berlin (an hour ahead of UTC in winter)."""
    return ((f"DTSTART;TZID=Europe/Berlin:{start:%Y%m%dT%H%M%S}",
             f"DTEND;TZID=Europe/Berlin:{end:%Y%m%dT%H%M%S}"),
            {"start": start, "end": end, "is_all_day": False},
            {"StartDateTime": salesforce_time(start.astimezone(EWSTimeZone("UTC"))),
             "DurationInMinutes": int((end - start).total_seconds() // 60),
             "IsAllDayEvent": False})


def days(first, count):
    last = first + count
    return ((f"DTSTART;VALUE=DATE:202612{first:02}", f"DTEND;VALUE=DATE:202612{last:02}"),
            {"start": EWSDate(2026, 12, first), "end": EWSDate(2026, 12, last - 1),
             "is_all_day": True},
            {"StartDateTime": f"2026-12-{first:02}T00:00:00.000+0000",
             "DurationInMinutes": 1440 * count, "IsAllDayEvent": True})


def alarm(minutes):
    before = dt.datetime(2026, 12, 1, 9, tzinfo=UTC) - dt.timedelta(minutes=minutes)
    return (("BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:Reminder", f"TRIGGER:-PT{minutes}M",
             "END:VALARM"),
            {"reminder_is_set": True, "reminder_minutes_before_start": minutes},
            {"IsReminderSet": True, "ReminderDateTime": salesforce_time(before)})


def text(line, attr, field, first, second):
    return tuple(((f"{line}:{value.replace(',', chr(92) + ',')}",), {attr: value},
                  {field: value} if field else {}) for value in (first, second))


EVENT_ROWS = [
    Row("Subject", text("SUMMARY", "subject", "Subject", "Visit, first", "Zweiter Besuch: Köln")),
    Row("Time", (timed(berlin(1, 10), berlin(1, 11)), timed(berlin(2, 8, 30), berlin(2, 8, 45)),
                 timed(berlin(3, 22), berlin(4, 1)))),
    Row("Days", (days(1, 1), days(7, 3), days(9, 1))),
    Row("Turn", (timed(berlin(5, 10), berlin(5, 12)), days(5, 1),
                 timed(berlin(6, 9), berlin(6, 10)))),
    Row("Location", (*text("LOCATION", "location", "Location", "Hall 7, north", "Raum 2"),
                     ((), {"location": None}, {"Location": None})), ("LOCATION",)),
    Row("Body", (*text("DESCRIPTION", "body", "Description", "Bring it, please", "Nein: ja"),
                 ((), {"body": None}, {"Description": None})), ("DESCRIPTION",)),
    Row("Out", (busy("OPAQUE", "OOF", "OOF", "OutOfOffice"), busy("TRANSPARENT", "", "Free", "Free"),
                busy("", "", "Busy", "Busy")), ("TRANSP", "X-MICROSOFT-CDO-BUSYSTATUS")),
    # What several of ours become one of comes from here alone.
    Row("Perhaps", (busy("OPAQUE", "TENTATIVE", "Tentative", "Busy"),
                    busy("TRANSPARENT", "WORKINGELSEWHERE", "WorkingElsewhere", "Free")),
        sources="file exchange"),
    Row("Reminder", (alarm(30), alarm(15), ((), {"reminder_is_set": False},
                                            {"IsReminderSet": False, "ReminderDateTime": None})),
        ("TRIGGER",)),
    Row("Importance", ((("PRIORITY:1",), {"importance": "High"}, {}),
                       (("PRIORITY:9",), {"importance": "Low"}, {}),
                       ((), {"importance": "Normal"}, {})), ("PRIORITY",), "file exchange"),
    Row("Categories", ((("CATEGORIES:Red",), {"categories": ["Red", VIEW]}, {}),
                       (("CATEGORIES:Blue",), {"categories": ["Blue", VIEW]}, {}),
                       ((), {"categories": [VIEW]}, {})), ("CATEGORIES",), "file exchange"),
]


def due(day):
    return ((f"DUE;VALUE=DATE:202612{day:02}",), {"due_date": EWSDate(2026, 12, day)},
            {"ActivityDate": f"2026-12-{day:02}"})


def progress(status, exchange, crm):
    return ((f"STATUS:{status}",) if status else (), {"status": exchange}, {"Status": crm})


def task_alarm(day):
    at = EWSDateTime(2026, 12, day, 8, 0, tzinfo=EWSTimeZone("UTC"))
    return (("BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:Reminder",
             f"TRIGGER;VALUE=DATE-TIME:202612{day:02}T080000Z", "END:VALARM"),
            {"reminder_is_set": True, "reminder_due_by": at},
            {"IsReminderSet": True, "ReminderDateTime": f"2026-12-{day:02}T08:00:00.000+0000"})


def priority(line, exchange, crm):
    return ((line,) if line else (), {"importance": exchange}, {"Priority": crm})


def percent(number):
    """Exchange derives the status from it."""
    return ((f"PERCENT-COMPLETE:{number}", "STATUS:IN-PROCESS"),
            {"percent_complete": Decimal(number)}, {})


TASK_ROWS = [
    Row("Subject", text("SUMMARY", "subject", "Subject", "Call, back", "Rückruf: Köln")),
    Row("Body", (*text("DESCRIPTION", "body", "Description", "Two, three", "Vier"),
                 ((), {"body": None}, {"Description": None})), ("DESCRIPTION",)),
    Row("Due", (due(4), due(9), ((), {"due_date": None}, {"ActivityDate": None})), ("DUE",)),
    Row("Status", (progress("IN-PROCESS", "InProgress", "In Progress"),
                   progress("COMPLETED", "Completed", "Completed"),
                   progress("", "NotStarted", "Not Started"))),
    Row("Priority", (priority("PRIORITY:1", "High", "High"), priority("PRIORITY:9", "Low", "Low"),
                     priority("", "Normal", "Normal")), ("PRIORITY",)),
    Row("Reminder", (task_alarm(1), task_alarm(2), ((), {"reminder_is_set": False},
                                                    {"IsReminderSet": False})), ("TRIGGER",)),
    Row("Start", ((("DTSTART;VALUE=DATE:20261203",), {"start_date": EWSDate(2026, 12, 3)}, {}),
                  (("DTSTART;VALUE=DATE:20261205",), {"start_date": EWSDate(2026, 12, 5)}, {}),
                  ((), {"start_date": None}, {})), ("DTSTART",), "file exchange"),
    Row("Percent", (percent(40), percent(70), ((), {"percent_complete": Decimal(0)}, {})),
        ("PERCENT-COMPLETE",), "file exchange"),
    Row("Categories", EVENT_ROWS[-1].stages, ("CATEGORIES",), "file exchange"),
]

KINDS = {"Calendar": ("VEVENT", "Event", EVENT_ROWS), "Tasks": ("VTODO", "Task", TASK_ROWS)}


def document(kind, row, lines):
    given = {re.split("[;:]", line)[0] for line in lines}
    usual = [f"SUMMARY:Row {row.name}"]
    if kind == "VEVENT":
        usual += list(timed(berlin(1, 10), berlin(1, 11))[0])
    base = [line for line in usual if re.split("[;:]", line)[0] not in given]
    return calendar(*component(kind, f"{row.name}@client.example", *base, *lines)).encode()


class Three:
    """The items of all rows that a source can change, one each."""

    def __init__(self, sim, mount, account, source):
        self.sim, self.mount, self.account = sim, mount, account
        self.wrong = {}
        self.items = [(folder, kind, record, row)
                      for folder, (kind, record, rows) in KINDS.items() for row in rows
                      if source in row.sources]

    def path(self, folder, row):
        return self.mount.mailbox("alice") / folder / VIEW / f"{row.name}.ics"

    def write(self, stage):
        for folder, kind, _, row in self.items:
            path = self.path(folder, row)
            if stage:  # an editor knows what the servers made of the former text
                path.read_bytes()
            if stage < len(row.stages):
                path.write_bytes(document(kind, row, row.stages[stage][0]))

    def outlook(self):
        """{(folder, row name): item}"""
        ids = [(attribute(self.path(folder, row), "exchange-id"), None)
               for folder, _, _, row in self.items]
        found = list(self.account.fetch(ids=ids))
        return {(folder, row.name): item for (folder, _, _, row), item in zip(self.items, found)}

    def check(self, stage, *sides):
        items = self.outlook() if "exchange" in sides else {}
        records = {row["Id"]: row for kind in ("Event", "Task") for row in self.sim.records(kind)}
        for folder, _, record, row in self.items:
            if stage >= len(row.stages):
                continue
            lines, attrs, fields = row.stages[stage]
            path = self.path(folder, row)
            if "file" in sides:
                there = unfolded(path).splitlines()
                missing = [line for line in lines if line not in there]
                names = () if lines else row.names
                missing += [line for line in there if re.split("[;:]", line)[0] in names]
                if missing:
                    self.wrong[stage, folder, row.name, "file"] = missing, there
            for attr, value in attrs.items() if "exchange" in sides else ():
                found = getattr(items[folder, row.name], attr)
                if attr == "categories":
                    found, value = set(found or ()), set(value)
                if (str(found) if attr == "body" and found else found) != value:
                    self.wrong[stage, folder, row.name, attr] = found, value
            for name, value in fields.items() if "crm" in sides else ():
                found = records[attribute(path, "crm-id")].get(name)
                if found != value:
                    self.wrong[stage, folder, row.name, name] = found, value

    def finish(self):
        assert not self.wrong, pprint.pformat(self.wrong)
        kept = self.mount.mailbox("alice") / ".sync"
        # A file that takes back that a task is done takes back what Exchange derived from that.
        lost = {field["field"] for path in (kept / "conflicts").iterdir()
                for field in json.loads(path.read_text())["fields"]}
        assert lost <= {"percentComplete", "progressUpdated"}
        assert list((kept / "lost+found").iterdir()) == []
        self.sim.reset_counters()
        self.mount.sync()
        assert self.sim.counters()["writes"] == 0
        assert self.sim.mails() == []


@pytest.mark.sim(seed=seed())
def test_from_the_file(sim, mount, exchange):
    three = Three(sim, mount, exchange("alice"), "file")
    for stage in range(3):
        three.write(stage)
        mount.sync()
        three.check(stage, "exchange", "crm")
    three.finish()


@pytest.mark.sim(seed=seed())
def test_from_exchange(sim, mount, exchange):
    account = exchange("alice")
    three = Three(sim, mount, account, "exchange")
    three.write(0)
    mount.sync()
    for stage in 1, 2:
        items = three.outlook()
        for folder, _, _, row in three.items:
            if stage >= len(row.stages):
                continue
            item, attrs = items[folder, row.name], row.stages[stage][1]
            for attr, value in attrs.items():
                setattr(item, attr, value)
            item.save(update_fields=list(attrs))
        mount.sync()
        three.check(stage, "file", "crm")
    three.finish()


@pytest.mark.sim(seed=seed())
def test_from_salesforce(sim, mount, exchange):
    three = Three(sim, mount, exchange("alice"), "crm")
    three.write(0)
    mount.sync()
    for stage in 1, 2:
        for folder, _, record, row in three.items:
            if stage < len(row.stages):
                sim.act("update", id=attribute(three.path(folder, row), "crm-id"),
                        fields=row.stages[stage][2])
        mount.sync()
        three.check(stage, "file", "exchange")
    three.finish()


OWN = "ATTACH:https://files.client.example/agenda.html"


@pytest.mark.sim(seed=seed())
def test_attachments_are_listed_by_name(sim, mount, alice, box):
    """Exchange's own come and go with what is attached there; what a user links in the file stays."""
    files = {"Calendar": box / "Calendar" / "visit.ics", "Tasks": box / "Tasks" / "call.ics"}
    files["Calendar"].write_bytes(calendar(*component(
        "VEVENT", "visit", "SUMMARY:Visit", OWN, *timed(berlin(1, 10), berlin(1, 11))[0])).encode())
    files["Tasks"].write_bytes(calendar(*component("VTODO", "call", "SUMMARY:Call", OWN)).encode())
    mount.sync()

    def listed(path):
        return sorted(line for line in unfolded(path).splitlines() if line.startswith("ATTACH"))

    items = {"Calendar": alice.calendar.get(subject="Visit"), "Tasks": alice.tasks.get(subject="Call")}
    for item in items.values():
        item.attach([
            FileAttachment(name="Plan, 2/3 Köln.pdf", content=b"plan", content_type="application/pdf"),
            FileAttachment(name="notes.txt", content=b"notes", content_type="text/plain"),
            FileAttachment(name="logo.png", content=b"logo", content_type="image/png",
                           is_inline=True, content_id="logo@corp.example")])
    mount.sync()
    urn = "urn:x-exchange:attachment:"
    plan = ('ATTACH;FMTTYPE=application/pdf;FILENAME="Plan, 2/3 Köln.pdf":'
            f"{urn}Plan%2C%202%2F3%20K%C3%B6ln.pdf")
    notes = f"ATTACH;FMTTYPE=text/plain;FILENAME=notes.txt:{urn}notes.txt"
    for path in files.values():
        assert listed(path) == sorted([OWN, plan, notes])
        edit(path, "SUMMARY:", "LOCATION:Hall\r\nSUMMARY:")
    mount.sync()
    assert_nothing_written(sim, mount)
    for folder, path in files.items():
        assert listed(path) == sorted([OWN, plan, notes])
        item = items[folder]
        item.refresh()
        assert len(item.attachments) == 3
        item.detach([one for one in item.attachments if one.name != "notes.txt"])
    mount.sync()
    for path in files.values():
        assert listed(path) == sorted([OWN, notes])
        assert attribute(path, "state") == "synced"
    assert_nothing_written(sim, mount)
