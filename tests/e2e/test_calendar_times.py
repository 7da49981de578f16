"""Times through a real mount: the file, Exchange and Salesforce hold the instants that zoneinfo and
dateutil compute from the file that was written.

TANDEM_TIMES=2000 makes so many events, TANDEM_TIMES_SEED=NUMBER other ones.  What Exchange holds
is expanded from its own Recurrence and exceptions by dateutil in the zone that exchangelib's table of
Windows names says; Salesforce has a row for each occurrence.
"""
import collections
import datetime as dt
import os
import re
import zoneinfo

import pytest
from dateutil import rrule
from exchangelib.winzone import CLDR_TO_MS_TIMEZONE_MAP, MS_TIMEZONE_TO_IANA_MAP

from cycles import assert_nothing_written
from ical_maker import Maker
from ical_oracle import LIMIT, UTC, Time, length, lines_of, occurrences, seconds
from scale import amount

COUNT = int(os.environ.get("TANDEM_TIMES") or amount(1000, 60))
ROUND = 200  # so many in one mount
SEED = int(os.environ.get("TANDEM_TIMES_SEED", "20261122"))
# Who has which clock: that of floating times and of days.
ZONES = {"alice": "Europe/Berlin", "bob": "America/St_Johns", "carol": "Australia/Lord_Howe",
         "dan": "Asia/Kathmandu"}
# The simulator's clocks are ICU's of Debian 12; the tz database has changed these since.
NEWER = {"Africa/Cairo", "America/Bahia_Banderas", "America/Godthab", "America/Nuuk",
         "America/Scoresbysund", "Antarctica/Casey", "Antarctica/Vostok", "Asia/Almaty", "Asia/Gaza",
         "Asia/Qostanay", "America/Mexico_City", "America/Ciudad_Juarez", "America/Ojinaga",
         "Asia/Amman", "Asia/Damascus", "Africa/Casablanca", "Africa/El_Aaiun", "Asia/Tehran"}

END = int(dt.datetime(2038, 1, 1, tzinfo=UTC).timestamp())

DAYS = {"Monday": "MO", "Tuesday": "TU", "Wednesday": "WE", "Thursday": "TH", "Friday": "FR",
        "Saturday": "SA", "Sunday": "SU", "Day": "MO,TU,WE,TH,FR,SA,SU",
        "Weekday": "MO,TU,WE,TH,FR", "WeekendDay": "SA,SU"}
NTH = {"First": 1, "Second": 2, "Third": 3, "Fourth": 4, "Last": -1}
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September",
          "October", "November", "December"]


class ServerMaker(Maker):
    """Only what both servers can hold: the rest is refused with a reason, and tested elsewhere."""

    def __init__(self, seed):
        super().__init__(seed)
        self.zones = [zone for zone in self.zones if windows_zone(zone) and zone not in NEWER]

    def start(self, zone):
        start = super().start(zone)
        while start.year == 2026 or start.year > 2036 and self.random.random() < 0.9:
            start = super().start(zone)
        return start

    def pattern(self, start):
        """A day that some months do not have is said as Exchange means it."""
        last = [f"FREQ=MONTHLY;INTERVAL={self.random.randint(1, 3)};BYMONTHDAY=-1",
                "FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1"]
        rule = super().pattern(start)
        return self.random.choice(last) if rule and start.day > 28 else rule

    def event(self, n):
        while True:
            counts = self.counts.copy()
            text = super().event(n)
            if "RDATE" not in text and fits_exchange(text) and has_one_clock(text):
                return text
            self.counts = counts
            self.counts["made again: Exchange could not hold it"] += 1


def windows_zone(name):
    return CLDR_TO_MS_TIMEZONE_MAP.get(name, (None,))[0]


def fits_exchange(text):
    """No occurrence reaches into the next, or lies on a day of a neighbour."""
    found = occurrences(text)
    return all(a[2] <= b[1] and a[1] // 86400 < b[1] // 86400 for a, b in zip(found, found[1:]))


def has_one_clock(text):
    """A series in the zone that Windows names for its place: wherever it has an occurrence, the clock
    shows the same.  (Amsterdam had its own until 1940.)  Nor does it first begin or end at a time that
    the clocks skip."""
    series = next((props for _, props in lines_of(text) if "RRULE" in props), None)
    if not series or "TZID" not in series["DTSTART"][0][0]:
        return True
    start = Time(*series["DTSTART"][0])
    zone, other = start.zone, zoneinfo.ZoneInfo(
        MS_TIMEZONE_TO_IANA_MAP[windows_zone(start.zone.key)])
    days, rest = length(series, start)
    ends = start.local + dt.timedelta(days=days, seconds=rest)
    first = start.instant()
    return all(local(seconds(one, zone), zone) == one for one in (start.local, ends)) and all(
        local(at, zone) == local(at, other) for at in range(first, END, 5 * 86400))


def local(instant, zone):
    return dt.datetime.fromtimestamp(instant, UTC).astimezone(zone).replace(tzinfo=None)


# Exchange: a Recurrence expanded by dateutil -----------------------------------------------------

def days_rule(days):
    return ",".join(DAYS[day] for day in days.split())


def monthly_day(day):
    """A day that a month does not have is its last one."""
    return f"BYMONTHDAY={','.join(map(str, range(28, day + 1)))};BYSETPOS=-1" if day > 28 \
        else f"BYMONTHDAY={day}"


def rule_of(recurrence):
    """(RRULE, its range, first day) of a Recurrence in Exchange's words."""
    pattern = next(name for name in recurrence if name.endswith("Recurrence")
                   and name not in ("NoEndRecurrence", "EndDateRecurrence", "NumberedRecurrence"))
    of = recurrence[pattern]
    parts = [f"FREQ={pattern.replace('Relative', '').replace('Absolute', '')[:-10].upper()}"]
    if "Interval" in of:
        parts.append(f"INTERVAL={of['Interval']}")
    if "FirstDayOfWeek" in of:
        parts.append(f"WKST={DAYS[of['FirstDayOfWeek']]}")
    if "Month" in of:
        parts.append(f"BYMONTH={MONTHS.index(of['Month']) + 1}")
    if "DayOfMonth" in of:
        parts.append(monthly_day(int(of["DayOfMonth"])))
    if "DaysOfWeek" in of:
        parts.append(f"BYDAY={days_rule(of['DaysOfWeek'])}")
    if "DayOfWeekIndex" in of:
        parts.append(f"BYSETPOS={NTH[of['DayOfWeekIndex']]}")
    (range_name,) = set(recurrence) - {pattern}
    return parts, range_name, recurrence[range_name]


def stamp(text):
    return int(dt.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def in_exchange(item):
    """[(start, end)] of the first occurrences of an item of the state."""
    properties = item["properties"]
    start, end = stamp(properties["Start"]), stamp(properties["End"])
    if "recurrence" not in item:
        return [(start, end)]
    zone = zoneinfo.ZoneInfo(MS_TIMEZONE_TO_IANA_MAP[properties["StartTimeZone"]])
    begins, ends = local(start, zone), local(end, zone)
    parts, name, span = rule_of(item["recurrence"])
    if name == "NumberedRecurrence":
        parts.append(f"COUNT={span['NumberOfOccurrences']}")
    elif name == "EndDateRecurrence":
        parts.append(f"UNTIL={span['EndDate'][:10].replace('-', '')}T235959")
    day = dt.date.fromisoformat(span["StartDate"][:10])
    rule = rrule.rrulestr(";".join(parts), dtstart=dt.datetime.combine(day, begins.time()))
    exceptions = {exception["day"]: exception for exception in item["exceptions"]}
    found = []
    for key in rule:
        exception = exceptions.get(f"{key:%Y-%m-%d}")
        if not exception:
            found.append((seconds(key, zone), seconds(key + (ends - begins), zone)))
        elif not exception["deleted"]:
            own = {**properties, **exception["properties"]}
            found.append((stamp(own["Start"]), stamp(own["End"])))
        if len(found) == LIMIT:
            break
    return found


# Salesforce: a row for each occurrence -----------------------------------------------------------

def row_times(row):
    start = stamp(row["StartDateTime"].replace("+0000", "+00:00"))
    return start, start + row["DurationInMinutes"] * 60


def in_salesforce(sim):
    """{subject: [(start, end)]}; a series is found by its own row."""
    rows = sim.records("Event")
    series = collections.defaultdict(list)
    for row in rows:
        if row["IsRecurrence2"] and row["GroupEventType"] != "3":
            series[row["ActivityRecurrence2Id"]].append(row_times(row))
    found = collections.defaultdict(list)
    for row in rows:
        if not row["IsRecurrence2"]:
            found[row["Subject"]].append([row_times(row)])
        elif row["GroupEventType"] == "3":
            found[row["Subject"]].append(sorted(series[row["ActivityRecurrence2Id"]]))
    return found


# The test ----------------------------------------------------------------------------------------

def boxes():
    return [{"address": f"{name}@corp.example", "name": name.title(), "password": "secret"}
            for name in ZONES]


def settings():
    return {"sync": {"max-create": "0"},
            **{f'user "{name}@corp.example"': {"timezone": zone} for name, zone in ZONES.items()}}


class Event:
    """One generated event: what was written, and what it says."""

    def __init__(self, number, text, mount):
        self.text = text
        self.owner = list(ZONES)[number % len(ZONES)]
        self.zone = zoneinfo.ZoneInfo(ZONES[self.owner])
        self.path = mount.mailbox(self.owner) / "Calendar" / "Salesforce_Sync" / f"{number}.ics"
        self.uid = f"{number}@oracle"
        self.subject = f"Event {number}"
        self.series = "RRULE" in text

    def instants(self, days=None):
        return sorted(one[1:] for one in occurrences(self.text, self.zone, days))

    def clock(self):
        name = re.search(r"DTSTART;TZID=([^:]*):", self.text)
        return zoneinfo.ZoneInfo(name[1]) if name else \
            UTC if re.search(r"DTSTART:\w+Z", self.text) else self.zone


def changes_within(clock, start, end):
    return dt.datetime.fromtimestamp(start - 7200, clock).utcoffset() != \
        dt.datetime.fromtimestamp(end + 7200, clock).utcoffset()


def same(found, expected, event):
    """"ok"; "change" when only ends differ, of a series, by an hour where the clock changed within the
    occurrence: there a series has one length by the clock.  Else what differs."""
    if found == expected:
        return "ok"
    if [one[0] for one in found] == [one[0] for one in expected] and event.series:
        wrong = [(a[1], b) for a, b in zip(found, expected) if a != b]
        if all(abs(end - b[1]) <= 3600 and changes_within(event.clock(), *b) for end, b in wrong):
            return "change"
    return [pair for pair in zip(found, expected) if pair[0] != pair[1]][:3] or \
        (len(found), len(expected))


def judge_files(events):
    return {event.path.name: same(sorted(one[1:] for one in occurrences(
        event.path.read_bytes().decode(), event.zone)), event.instants(), event)
        for event in events}


def judge_exchange(sim, events):
    held = collections.defaultdict(list)
    for box in sim.state("exchange")["exchange"]["mailboxes"].values():
        for folder in box["folders"]:
            for item in folder["items"] if folder["path"] == "Calendar" else []:
                held[item["properties"].get("UID")].append(item)
    return {event.path.name: same(sorted(in_exchange(held[event.uid][0])),
                                  event.instants(event.zone), event)
            if len(held[event.uid]) == 1 else f"{len(held[event.uid])} items" for event in events}


def judge_salesforce(sim, events):
    """Those that end from today on are there, the others are not."""
    held = in_salesforce(sim)
    today = dt.datetime.now(UTC)
    found = {}
    for event in events:
        expected = event.instants()
        midnight = local(today.timestamp(), event.zone).replace(hour=0, minute=0, second=0,
                                                                microsecond=0)
        ahead = is_endless(event.text) or \
            event.instants(event.zone)[-1][1] >= seconds(midnight, event.zone)
        rows = held[event.subject]
        if len(rows) != int(ahead):
            found[event.path.name] = f"{len(rows)} records, not {int(ahead)}"
        elif ahead:
            found[event.path.name] = same(rows[0][:len(expected)], expected, event)
    return found


def is_endless(text):
    return "RRULE" in text and "COUNT" not in text and "UNTIL" not in text


def tell(record_property, what, verdicts):
    counts = collections.Counter(
        verdict if verdict in ("ok", "change") else "differ" for verdict in verdicts.values())
    record_property("count", f"times: {what}: {counts['ok']} of {len(verdicts)} events as zoneinfo "
                             f"and dateutil say, {counts['change']} but for an end over a change of "
                             f"the clocks, {counts['differ']} otherwise")
    return {name: verdict for name, verdict in verdicts.items()
            if verdict not in ("ok", "change")}


@pytest.mark.sim(seed={"mailboxes": boxes(), "salesforce": {}})
@pytest.mark.mount(config=settings())
@pytest.mark.parametrize("first", range(0, COUNT, ROUND))
def test_all_three_hold_the_same_instants(sim, mount, record_property, first):
    maker = ServerMaker(SEED + first)
    events = [Event(n, maker.event(n), mount) for n in range(min(ROUND, COUNT - first))]
    for event in events:
        event.path.write_bytes(event.text.encode())
    mount.sync()
    # An exception may lie where another one was before it was moved: Exchange refuses that, and says so.
    errors = [one for one in mount.ctl_json("errors") if one["state"] == "error"]
    assert [error for error in errors if "ErrorOccurrenceCrossing" not in error["error"]] == []
    refused = {error["path"] for error in errors}
    assert len(refused) <= len(events) // 50
    events = [event for event in events if str(event.path.relative_to(mount.path)) not in refused]
    occurrences_ = sum(len(event.instants()) for event in events)
    record_property("count", f"times: {len(events)} events, {len(refused)} refused, "
                             f"{occurrences_} occurrences: {dict(sorted(maker.counts.items()))}")
    wrong = {what: tell(record_property, what, verdicts) for what, verdicts in (
        ("files", judge_files(events)), ("Exchange", judge_exchange(sim, events)),
        ("Salesforce", judge_salesforce(sim, events)))}
    assert wrong == {"files": {}, "Exchange": {}, "Salesforce": {}}

    assert_nothing_written(sim, mount)
    # What is read and written again is no edit.
    for event in events:
        event.path.write_bytes(event.path.read_bytes())
    assert_nothing_written(sim, mount)
    assert tell(record_property, "files written again", judge_files(events)) == {}
