"""A series between the file, Exchange and Salesforce: the rule, a moved occurrence, a deleted one.

The instants are zoneinfo's.
"""
import datetime
import zoneinfo

import pytest
from scene import edit

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
ALICE = {"mailboxes": [{"address": "alice@corp.example", "name": "Alice Moreau", "password": "p"}]}
SERIES = "\r\n".join([
    "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//tests//tests//EN", "BEGIN:VEVENT", "UID:stand-up",
    "DTSTAMP:20261101T000000Z", "DTSTART;TZID=Europe/Berlin:{day}T100000",
    "DTEND;TZID=Europe/Berlin:{day}T103000", "SUMMARY:Stand-up", "LOCATION:Ulm",
    "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=4", "EXDATE;TZID=Europe/Berlin:{gone}T100000", "END:VEVENT",
    "BEGIN:VEVENT", "UID:stand-up", "DTSTAMP:20261101T000000Z",
    "RECURRENCE-ID;TZID=Europe/Berlin:{moved}T100000", "DTSTART;TZID=Europe/Berlin:{moved}T110000",
    "DTEND;TZID=Europe/Berlin:{moved}T113000", "SUMMARY:Later", "LOCATION:Ulm", "END:VEVENT",
    "END:VCALENDAR", ""])
# Mondays of a year to come, summer time beginning between the second and the third.
MONDAYS = [datetime.date(2037, 3, 16) + datetime.timedelta(weeks=n) for n in range(4)]
pytestmark = pytest.mark.sim(seed=ALICE)


def instant(day, hour):
    moment = datetime.datetime(day.year, day.month, day.day, hour, tzinfo=BERLIN)
    return moment.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def designated(mount):
    folder = mount.mailbox("alice") / "Calendar" / "Salesforce_Sync"
    days = [day.strftime("%Y%m%d") for day in MONDAYS]
    (folder / "stand-up.ics").write_bytes(
        SERIES.format(day=days[0], moved=days[1], gone=days[2]).encode())
    mount.sync()
    return folder / "stand-up.ics"


def occurrences(sim):
    return sorted((row["StartDateTime"], row["Subject"]) for row in sim.records("Event")
                  if row["GroupEventType"] == "0")


def series_row(sim):
    [row] = [row for row in sim.records("Event") if row["GroupEventType"] == "3"]
    return row


def test_a_series_arrives_with_its_exceptions(sim, mount):
    designated(mount)
    assert occurrences(sim) == [(instant(MONDAYS[0], 10), "Stand-up"),
                                (instant(MONDAYS[1], 11), "Later"),
                                (instant(MONDAYS[3], 10), "Stand-up")]
    row = series_row(sim)
    assert (row["DurationInMinutes"], row["Location"]) == (30, "Ulm")
    assert row["Recurrence2PatternTimeZone"] == "Europe/Berlin"
    before = sim.counters()["writes"]
    mount.sync()
    assert sim.counters()["writes"] == before


def test_a_change_there_keeps_the_exceptions(sim, mount):
    file = designated(mount)
    sim.act("update", id=series_row(sim)["Id"], fields={"Subject": "Changed there"})
    mount.sync()
    text = file.read_text()
    assert "SUMMARY:Changed there" in text and "SUMMARY:Later" in text
    assert f"EXDATE;TZID=Europe/Berlin:{MONDAYS[2]:%Y%m%d}T100000" in text


def test_the_series_is_older_than_an_occurrence(sim, mount):
    """The first update after a start looks at the stamps first: that of the series' row is no newer."""
    file = designated(mount)
    first = min((row for row in sim.records("Event") if row["GroupEventType"] == "0"),
                key=lambda row: row["StartDateTime"])
    sim.clock(advance_seconds=60)
    sim.act("update", id=first["Id"], fields={"Location": "Bonn"})
    mount.sync()
    mount.stop()
    mount.start()
    edit(file, "SUMMARY:Stand-up", "SUMMARY:Changed here")
    mount.sync()
    assert series_row(sim)["Subject"] == "Changed here"


@pytest.mark.parametrize("new_record", [False, True])
def test_another_time_sends_the_exceptions_again(sim, mount, new_record):
    sim.act("activities", series_new_record=new_record)
    file = designated(mount)
    text = file.read_text()
    for old, new in (("T100000", "T140000"), ("T103000", "T143000"), ("T110000", "T150000"),
                     ("T113000", "T153000")):
        text = text.replace(old, new)
    file.write_text(text)
    for _ in range(3):
        mount.sync()
    assert occurrences(sim) == [(instant(MONDAYS[0], 14), "Stand-up"),
                                (instant(MONDAYS[1], 15), "Later"),
                                (instant(MONDAYS[3], 14), "Stand-up")]
    row = series_row(sim)
    before = sim.counters()["writes"]
    mount.sync()
    assert sim.counters()["writes"] == before
    assert series_row(sim)["Id"] == row["Id"] and file.exists()
