"""Calendar files made at random, the same ones for the same seed: every kind of time that hurts.

Zones of every offset, both hemispheres, times that the clocks skip and times that come twice, before
1970, all-day, over several days, each pattern and range of Exchange, with exceptions.
"""
import collections
import datetime as dt
import random
import zoneinfo

from dateutil import rrule

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
