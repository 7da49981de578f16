"""Series of events: each exception on its occurrence, in the file, in Exchange and in Salesforce.

What happens when is worked out here with zoneinfo; Exchange is read by exchangelib's view of the
calendar, Salesforce by the rows of its occurrences."""
import datetime as dt
import os
import zoneinfo

import pytest
from exchangelib import EWSDateTime, EWSTimeZone
from cycles import assert_nothing_written
from kinds import VIEW
from scene import ALICE, attribute, calendar, component, seed, state
from tools import run

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
UTC = dt.timezone.utc
DAY, WEEK = dt.timedelta(days=1), dt.timedelta(weeks=1)
TODAY = dt.datetime.now(BERLIN).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
MONDAY = TODAY + DAY * (7 - TODAY.weekday())


class Series:
    """Six Mondays (and what else is asked for), with exceptions by the number of the Monday."""

    def __init__(self, hour=10, days="MO", count=6):
        self.start = MONDAY.replace(hour=hour)
        self.days, self.count = days, count
        self.gone, self.changed = set(), {}

    def monday(self, n):
        return self.start + WEEK * n

    def text(self, uid="series@client.example", subject="Review"):
        def when(name, at):
            return f"{name};TZID=Europe/Berlin:{at:%Y%m%dT%H%M%S}"

        def event(*lines):
            return component("VEVENT", uid, *lines)

        hour = dt.timedelta(hours=1)
        lines = event(when("DTSTART", self.start), when("DTEND", self.start + hour),
                      f"RRULE:FREQ=WEEKLY;BYDAY={self.days};COUNT={self.count}",
                      *(when("EXDATE", self.monday(n)) for n in sorted(self.gone)),
                      f"SUMMARY:{subject}", "LOCATION:Room 1")
        for n, (later, title, place) in sorted(self.changed.items()):
            at = self.monday(n) + later
            lines += event(when("RECURRENCE-ID", self.monday(n)), when("DTSTART", at),
                           when("DTEND", at + hour), f"SUMMARY:{title}", f"LOCATION:{place}")
        return calendar(*lines).encode()

    def expected(self, subject="Review"):
        """[(start in UTC, subject, location)] in order."""
        out, at, n = [], self.start, 0
        while n < self.count:
            if ["MO", "TU", "WE", "TH", "FR", "SA", "SU"][at.weekday()] in self.days:
                n += 1
                week, rest = divmod(at - self.start, WEEK)
                if rest or week not in self.gone | set(self.changed):
                    out.append((at, subject, "Room 1"))
                elif week in self.changed:
                    later, title, place = self.changed[week]
                    out.append((at + later, title, place))
            at += DAY
        return sorted((at.replace(tzinfo=BERLIN).astimezone(UTC), *rest) for at, *rest in out)


def in_exchange(account):
    zone = EWSTimeZone("UTC")
    view = account.calendar.view(
        start=EWSDateTime.from_datetime(MONDAY - DAY).replace(tzinfo=zone),
        end=EWSDateTime.from_datetime(MONDAY + 20 * WEEK).replace(tzinfo=zone))
    return sorted((dt.datetime.fromtimestamp(item.start.timestamp(), UTC), item.subject,
                   item.location) for item in view)


def rows_of(sim):
    """The rows of occurrences; not that of the series, whose GroupEventType is 3."""
    return sorted((row for row in sim.records("Event") if row.get("GroupEventType") != "3"),
                  key=lambda row: row["StartDateTime"])


def in_salesforce(sim):
    return [(dt.datetime.strptime(row["StartDateTime"], "%Y-%m-%dT%H:%M:%S.000%z"), row["Subject"],
             row.get("Location")) for row in rows_of(sim)]


def check(sim, mount, account, series, subject="Review"):
    expected = series.expected(subject)
    assert in_exchange(account) == expected
    assert in_salesforce(sim) == expected
    assert_nothing_written(sim, mount)


@pytest.mark.sim(seed=seed())
def test_exceptions_stay_on_their_occurrences(sim, mount, exchange):
    account = exchange("alice")
    view = mount.mailbox("alice") / "Calendar" / VIEW
    path = view / "series.ics"
    series = Series()
    series.gone = {2}
    series.changed = {1: (dt.timedelta(hours=2), "Late review", "Room 1"),
                      3: (dt.timedelta(0), "Review", "Room 9"),
                      4: (DAY, "Tuesday review", "Room 2")}

    def save():
        path.read_bytes()
        path.write_bytes(series.text())
        mount.sync()
        assert attribute(path, "error") is None
        assert state(path) == "synced"

    path.write_bytes(series.text())
    mount.sync()
    check(sim, mount, account, series)
    link = attribute(path, "crm-id")

    # One more, one less.
    series.gone = {2, 5}
    series.changed[0] = (dt.timedelta(hours=-1), "Early", "Room 1")
    save()
    check(sim, mount, account, series)

    # The master's time: Exchange and Salesforce drop the exceptions, and get all of them again.
    changed, gone = series.changed, series.gone
    series = Series(hour=14)
    series.changed, series.gone = changed, gone
    save()
    check(sim, mount, account, series)
    assert attribute(path, "crm-id") == link

    # The master's pattern.
    series.days, series.count = "MO,WE", 12
    save()
    check(sim, mount, account, series)
    assert attribute(path, "crm-id") == link
    assert len([row for row in sim.records("Event") if row.get("GroupEventType") == "3"]) == 1


@pytest.mark.sim(seed=seed())
def test_an_occurrence_is_changed_on_each_side(sim, mount, exchange, tmp_path):
    account = exchange("alice")
    path = mount.mailbox("alice") / "Calendar" / VIEW / "series.ics"
    series = Series()
    path.write_bytes(series.text())
    mount.sync()
    check(sim, mount, account, series)

    (master,) = [item for item in account.calendar.all() if item.subject == "Review"]
    second = master.occurrence(index=2)
    second.refresh()
    second.location = "Room 5"
    second.save(update_fields=["location"])
    master.occurrence(index=3).delete()
    mount.sync()
    series.changed = {1: (dt.timedelta(0), "Review", "Room 5")}
    series.gone = {2}
    check(sim, mount, account, series)

    rows = {row["StartDateTime"][:10]: row["Id"] for row in rows_of(sim)}
    sim.act("update", id=rows[f"{series.monday(3):%Y-%m-%d}"],
            fields={"Subject": "From the CRM", "Location": "Room 7"})
    sim.act("delete", id=rows[f"{series.monday(4):%Y-%m-%d}"])
    mount.sync()
    series.changed[3] = (dt.timedelta(0), "From the CRM", "Room 7")
    series.gone.add(4)
    check(sim, mount, account, series)
    text = path.read_bytes().decode()
    for n in 1, 3:
        assert f"RECURRENCE-ID;TZID=Europe/Berlin:{series.monday(n):%Y%m%dT%H%M%S}" in text
    for n in 2, 4:
        assert f"{series.monday(n):%Y%m%dT%H%M%S}" in "".join(
            line for line in text.splitlines(True) if line.startswith("EXDATE"))

    # The subject of all: what an occurrence says itself stays.
    master.refresh()
    master.subject = "Board"
    master.save(update_fields=["subject"])
    mount.sync()
    series.changed[1] = (dt.timedelta(0), "Board", "Room 5")
    check(sim, mount, account, series, "Board")

    # An exception that is none any more, together with a new subject; written by another process,
    # which knows what stands there now.
    del series.changed[3]
    (tmp_path / "series.ics").write_bytes(series.text(subject="Last"))
    run("cp", tmp_path / "series.ics", path)
    mount.sync()
    assert attribute(path, "error") is None
    check(sim, mount, account, series, "Last")


@pytest.mark.sim(seed=seed())
def test_a_deleted_occurrence_comes_back(sim, mount, exchange):
    """Deleted in the CRM, or here; then taken out of the recycle bin there."""
    account = exchange("alice")
    path = mount.mailbox("alice") / "Calendar" / VIEW / "series.ics"
    series = Series()
    path.write_bytes(series.text())
    mount.sync()
    rows = {row["StartDateTime"][:10]: row["Id"] for row in rows_of(sim)}
    there, here = (rows[f"{series.monday(n):%Y-%m-%d}"] for n in (4, 3))
    sim.act("delete", id=there)
    mount.sync()
    series.gone.add(4)
    check(sim, mount, account, series)
    series.gone.add(3)
    path.write_bytes(series.text())
    mount.sync()
    check(sim, mount, account, series)
    for row in there, here:
        sim.act("undelete", id=row)
    mount.sync()
    series.gone.clear()
    check(sim, mount, account, series)
    assert state(path) == "synced"


# Which events ------------------------------------------------------------------------------------

def past(days):
    return f"{TODAY - days * DAY:%Y%m%dT100000Z}"


def single(uid, *lines):
    return calendar(*component("VEVENT", f"{uid}@client.example", f"SUMMARY:{uid}",
                               *lines)).encode()


EVENTS = {
    "ended": (f"DTSTART:{past(3)}", "DURATION:PT1H"),
    "goes on": (f"DTSTART:{past(2)}", "DURATION:P4D"),
    "long ago": (f"DTSTART:{past(200)}", "DURATION:PT1H"),
    "series over": (f"DTSTART:{past(60)}", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=3"),
    "series": (f"DTSTART:{past(60)}", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=20"),
    "to come": (f"DTSTART:{past(-3)}", "DURATION:PT1H"),
}


@pytest.mark.parametrize("keys, left_out", [
    ({}, {"ended", "long ago", "series over"}),
    ({"calendar-limit": "last-100-days"}, {"long ago"}),
    ({"calendar-limit": "last-7-days", "calendar-series": "off"},
     {"long ago", "series over", "series"})])
@pytest.mark.sim(seed=seed())
def test_limits(sim, start_mount, keys, left_out):
    mount = start_mount(sim, config={'policy "default"': {"users": "*", **keys}})
    view = mount.mailbox("alice") / "Calendar" / VIEW
    for uid, lines in EVENTS.items():
        (view / f"{uid}.ics").write_bytes(single(uid, *lines))
    mount.sync()
    sent = set(EVENTS) - left_out
    assert {row["Subject"] for row in sim.records("Event")} == sent
    assert sorted(path.stem for path in view.iterdir()) == sorted(EVENTS)
    for uid in EVENTS:
        path = view / f"{uid}.ics"
        assert (attribute(path, "crm-id") is not None) == (uid in sent), uid
        if uid not in sent:
            assert attribute(path, "error"), uid
    # What is linked and ages stays linked: the limit is for the first designation alone.
    path = view / "to come.ics"
    path.read_bytes()
    path.write_bytes(single("to come", f"DTSTART:{past(150)}", "DURATION:PT1H"))
    mount.sync()
    (row,) = [row for row in sim.records("Event") if row["Subject"] == "to come"]
    assert row["StartDateTime"][:10] == f"{TODAY - 150 * DAY:%Y-%m-%d}"
    assert attribute(path, "crm-id") == row["Id"]
    assert_nothing_written(sim, mount)


CLASSIC = {"Subject": "Classic", "StartDateTime": f"{MONDAY:%Y-%m-%dT10:00:00.000+0000}",
           "DurationInMinutes": 60}


@pytest.mark.sim(seed=seed())
def test_a_series_of_classic_is_left_alone(sim, mount, exchange):
    sim.act("create", object="Event", fields={
        **CLASSIC, "OwnerId": sim.mailbox("alice")["crm_user_id"], "IsRecurrence": True,
        "RecurrenceType": "RecursWeekly", "RecurrenceInterval": 1, "RecurrenceDayOfWeekMask": 2,
        "RecurrenceStartDateTime": CLASSIC["StartDateTime"],
        "RecurrenceEndDateOnly": f"{MONDAY + 4 * WEEK:%Y-%m-%d}",
        "RecurrenceTimeZoneSidKey": "Europe/Berlin"})
    before = sim.records("Event")
    path = mount.mailbox("alice") / "Calendar" / VIEW / "classic.ics"
    path.write_bytes(single("Classic", f"DTSTART:{MONDAY:%Y%m%dT100000Z}", "DURATION:PT1H"))
    for _ in range(2):
        mount.sync()
    assert sim.records("Event") == before
    assert state(path) == "error" and "Classic" in attribute(path, "error")
    assert [item.subject for item in exchange("alice").calendar.all()] == ["Classic"]
    assert [entry["mailbox"] for entry in mount.ctl_json("errors")] == [ALICE]
    assert os.listdir(mount.mailbox("alice") / ".sync" / "conflicts") == []
