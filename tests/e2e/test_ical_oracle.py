"""Times of generated events: what the gateway says is what zoneinfo and dateutil compute.

Zones of every offset, both hemispheres, times that the clocks skip and times that come twice, before
1970, all-day, over several days, each pattern and range of Exchange, with exceptions.
"""
import collections
import datetime as dt
import io
import json
import os
import pathlib
import random
import subprocess
import zoneinfo

import pytest
from dateutil import rrule, tz

from ical_oracle import occurrences

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TANDEM_BUILD", ROOT / "build"))
HELPER = BUILD / "tests" / "e2e" / "helpers" / "ical_corpus"
COUNT = 2100
# Besides one zone for each pair of offsets: half-hour summer time, three quarters, a skipped day,
# summer time the other way round, rules outside of their day, no rule that a line can say.
ODD_ZONES = ["Australia/Lord_Howe", "Pacific/Chatham", "Asia/Kathmandu", "Pacific/Apia",
             "Europe/Dublin", "Africa/Casablanca", "Asia/Gaza", "America/Nuuk", "Asia/Tehran",
             "America/Sao_Paulo", "Europe/Amsterdam", "Africa/Monrovia", "Asia/Pyongyang",
             "Antarctica/Troll", "America/Santiago", "Etc/UTC"]


def pick_zones():
    """One zone for each pair of winter and summer offsets in use."""
    found = {}
    for name in sorted(zoneinfo.available_timezones()):
        if "/" not in name or name.startswith(("Etc/", "SystemV/")):
            continue
        zone = zoneinfo.ZoneInfo(name)
        offsets = tuple(dt.datetime(2026, month, 1, tzinfo=zone).utcoffset() for month in (1, 7))
        found.setdefault(offsets, name)
    return sorted(set(found.values()) | set(ODD_ZONES))


def changes(zone, year):
    """Local times just before which the offset of that year changes."""
    found = []
    at = dt.datetime(year, 1, 1, tzinfo=dt.timezone.utc)
    for _ in range(366 // 6):
        after = at + dt.timedelta(days=6)
        if at.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            low, high = at, after
            while high - low > dt.timedelta(minutes=1):
                middle = low + (high - low) / 2
                same = middle.astimezone(zone).utcoffset() == low.astimezone(zone).utcoffset()
                low, high = (middle, high) if same else (low, middle)
            found.append(high.replace(second=0, microsecond=0).astimezone(zone).replace(
                tzinfo=None))
        at = after
    return found


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.zones = pick_zones()
        self.changes = {}
        self.counts = collections.Counter()

    def start(self, zone):
        r = self.random
        year = r.choice([r.randint(1905, 1969), r.randint(1970, 2037), r.randint(2015, 2027),
                         r.randint(2015, 2027), r.randint(2015, 2027)])
        if year < 1970:
            self.counts["before 1970"] += 1
        if zone and r.random() < 0.5:
            near = self.changes.setdefault((zone, year), changes(zoneinfo.ZoneInfo(zone), year))
            if near:
                self.counts["near a change"] += 1
                return r.choice(near) + dt.timedelta(minutes=r.choice([-90, -30, -15, 0, 15, 30, 45]))
        return dt.datetime(year, r.randint(1, 12), r.randint(1, 28), r.randint(0, 23),
                           r.choice([0, 15, 30, 45]))

    def pattern(self, start):
        """One of Exchange's six patterns, or none."""
        r = self.random
        day = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"][start.weekday()]
        nth = r.choice([1, 2, 3, 4, -1])
        return r.choice([
            None, None, f"FREQ=DAILY;INTERVAL={r.randint(1, 5)}",
            f"FREQ=WEEKLY;INTERVAL={r.randint(1, 3)};BYDAY={day},{r.choice(['MO', 'WE', 'SA'])}"
            f";WKST={r.choice(['MO', 'SU'])}",
            "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
            f"FREQ=MONTHLY;INTERVAL={r.randint(1, 3)};BYMONTHDAY={start.day}",
            f"FREQ=MONTHLY;BYDAY={nth}{day}",
            f"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS={nth}",
            f"FREQ=YEARLY;BYMONTH={start.month};BYMONTHDAY={start.day}",
            f"FREQ=YEARLY;BYMONTH={start.month};BYDAY={nth}{day}",
        ])

    def event(self, n):
        r = self.random
        kind = r.choice(["timed"] * 7 + ["day", "day", "utc", "floating"])
        zone = r.choice(self.zones) if kind == "timed" else None
        start = self.start(zone)
        if kind == "day":
            start = start.replace(hour=0, minute=0)
        rule = self.pattern(start)
        if rule:
            start = next(iter(rrule.rrulestr(rule, dtstart=start)))
        self.counts[kind] += 1
        self.counts["series" if rule else "single"] += 1
        out = Event(kind, zone)
        body = [f"UID:{n}@oracle", "DTSTAMP:20261122T100000Z", f"SUMMARY:Event {n}",
                out.line("DTSTART", start)] + self.end(out, start)
        return out.calendar(body + self.series(out, start, rule), self.exceptions(out, n))

    def end(self, out, start):
        r = self.random
        if out.kind == "day":
            days = r.choice([1, 1, 2, 7, 10])
            return r.choice([[out.line("DTEND", start + dt.timedelta(days=days))],
                             [f"DURATION:P{days}D"]])
        minutes = r.choice([0, 30, 60, 480, 26 * 60, 3 * 1440])
        choice = r.random()
        if choice < 0.2:
            return [f"DURATION:PT{minutes}M"]
        if choice < 0.3:
            return ["DURATION:P1DT2H"]
        return [out.line("DTEND", out.later(start, minutes))] if minutes else []

    def series(self, out, start, rule):
        r = self.random
        out.keys = []
        if not rule:
            return []
        limit = r.choice(["", "COUNT", "UNTIL"])
        keys = [key for _, key in zip(range(12), rrule.rrulestr(rule, dtstart=start))]
        if limit == "COUNT":
            rule += f";COUNT={len(keys)}"
        elif limit == "UNTIL":
            rule += f";UNTIL={out.until(keys[-1])}"
        self.counts[f"range {limit or 'no end'}"] += 1
        out.keys = keys[1:]
        lines = [f"RRULE:{rule}"]
        if len(out.keys) > 3 and r.random() < 0.4:
            self.counts["deleted"] += 1
            lines.append(out.line("EXDATE", out.keys.pop(r.randrange(len(out.keys)))))
        if r.random() < 0.1:
            lines.append(out.line("RDATE", start + dt.timedelta(days=r.randint(400, 500))))
        return lines

    def exceptions(self, out, n):
        r = self.random
        components = []
        for key in r.sample(out.keys, min(len(out.keys), r.choice([0, 0, 1, 2]))):
            self.counts["changed"] += 1
            moved = key + dt.timedelta(days=r.choice([0, 1]), hours=0 if out.kind == "day" else 2)
            components.append([f"UID:{n}@oracle", "DTSTAMP:20261122T100000Z",
                               out.line("RECURRENCE-ID", key), out.line("DTSTART", moved),
                               "SUMMARY:Moved"] + self.end(out, moved))
        return components


class Event:
    def __init__(self, kind, zone):
        self.kind = kind
        self.zone = zone
        self.keys = []

    def line(self, name, local):
        if self.kind == "day":
            return f"{name};VALUE=DATE:{local:%Y%m%d}"
        if self.zone:
            return f"{name};TZID={self.zone}:{local:%Y%m%dT%H%M%S}"
        return f"{name}:{local:%Y%m%dT%H%M%S}" + ("Z" if self.kind == "utc" else "")

    def later(self, start, minutes):
        """The local time so many minutes of real time later; what a file shows never runs back."""
        if not self.zone:
            return start + dt.timedelta(minutes=minutes)
        zone = zoneinfo.ZoneInfo(self.zone)
        end = start.replace(tzinfo=zone).astimezone(dt.timezone.utc) + dt.timedelta(minutes=minutes)
        local = end.astimezone(zone).replace(tzinfo=None, fold=0)
        begins = start.replace(tzinfo=zone).timestamp()
        return local if local.replace(tzinfo=zone).timestamp() >= begins else start

    def until(self, local):
        if self.kind == "day":
            return f"{local:%Y%m%d}"
        if not self.zone:
            return f"{local:%Y%m%dT%H%M%S}" + ("Z" if self.kind == "utc" else "")
        instant = local.replace(tzinfo=zoneinfo.ZoneInfo(self.zone)).astimezone(dt.timezone.utc)
        return f"{instant:%Y%m%dT%H%M%SZ}"

    def calendar(self, series, exceptions):
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//test//EN"]
        for body in [series] + exceptions:
            lines += ["BEGIN:VEVENT", *body, "END:VEVENT"]
        return "\r\n".join(lines + ["END:VCALENDAR", ""])


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """(expected occurrences by name, the directory of what the gateway made of the files, what was
    generated)"""
    where = tmp_path_factory.mktemp("oracle")
    out = where / "out"
    out.mkdir()
    maker = Maker(20261122)
    texts = {f"{n}": maker.event(n) for n in range(COUNT)}
    for name, text in texts.items():
        (where / name).write_bytes(text.encode())
    done = subprocess.run([HELPER, out, *(where / name for name in texts)], capture_output=True,
                          text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    verdicts = [line.split("\t") for line in done.stdout.splitlines()]
    assert [v for v in verdicts if v[2] != "taken"] == []
    assert len(verdicts) == COUNT
    return {name: occurrences(text) for name, text in texts.items()}, out, maker.counts


def times(out, name):
    lines = (out / f"{name}.times").read_text().splitlines()
    return [(key, int(start), int(end)) for key, start, end in map(str.split, lines)]


def test_every_kind_was_generated(generated):
    counts = generated[2]
    for kind in ["timed", "day", "utc", "floating", "series", "single", "before 1970",
                 "near a change", "deleted", "changed", "range no end", "range COUNT",
                 "range UNTIL"]:
        assert counts[kind] > 50, (kind, counts)


def test_instants_are_those_of_the_file(generated, record_property):
    expected, out, _ = generated
    wrong = [name for name in expected if times(out, name) != expected[name]]
    instants = sum(len(found) for found in expected.values())
    record_property("count", f"oracle: {len(expected)} events, {instants} occurrences, "
                             f"{len(wrong)} events differ from zoneinfo and dateutil")
    assert wrong == []


def test_the_written_file_says_the_same(generated):
    expected, out, _ = generated
    wrong = [name for name in expected
             if occurrences((out / f"{name}.ics").read_text()) != expected[name]]
    assert wrong == []


def vtimezones(text):
    """TZID -> the VTIMEZONE's own text."""
    for part in text.split("BEGIN:VTIMEZONE\r\n")[1:]:
        part = part.split("END:VTIMEZONE")[0]
        yield part.split("TZID:")[1].split("\r\n")[0], part


def is_plain(local, zone):
    """The clock shows this time once: what programs make of others differs."""
    one = local.replace(tzinfo=zone)
    return one.utcoffset() == one.replace(fold=1).utcoffset()


def test_other_programs_read_our_time_zones(generated, record_property):
    """dateutil's own reader of VTIMEZONE has the offset of the tz database at each occurrence."""
    expected, out, _ = generated
    readers = {}
    compared = 0
    wrong = set()
    for name in expected:
        text = (out / f"{name}.ics").read_bytes().decode()
        document = json.loads((out / f"{name}.json").read_text())
        for tzid, part in vtimezones(text):
            if part not in readers:
                source = f"BEGIN:VTIMEZONE\r\n{part}END:VTIMEZONE\r\n"
                readers[part] = tz.tzical(io.StringIO(source)).get(tzid)
            if document.get("timeZone") != tzid:
                continue
            zone = zoneinfo.ZoneInfo(tzid)
            for key, _, _ in times(out, name)[:8]:
                local = dt.datetime.fromisoformat(key)
                if not is_plain(local, zone):
                    continue
                compared += 1
                if local.replace(tzinfo=readers[part]).utcoffset() != local.replace(
                        tzinfo=zone).utcoffset():
                    wrong.add((tzid, key))
    record_property("count", f"oracle: {len(readers)} VTIMEZONEs read by dateutil, {compared} "
                             f"offsets compared, {len(wrong)} differ")
    assert compared > 2000
    assert sorted(wrong) == []
