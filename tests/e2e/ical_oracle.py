"""Times of a calendar file, read without the program under test: zoneinfo and dateutil.

`occurrences(text)` is what RFC 5545 says of the one item in the file: (key, start, end) of its first
occurrences, as naive local key and seconds since the epoch (floating times and dates as if UTC, or in
the zones that the caller names).
"""
import datetime as dt
import re
import zoneinfo

from dateutil import rrule

UTC = dt.timezone.utc
EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)
LIMIT = 40


def lines_of(text):
    """Unfolded content lines as (component path, name, parameters, value)."""
    stack = []
    for line in re.sub(r"\r?\n[ \t]", "", text).splitlines():
        head, value = re.match(r'((?:[^":]|"[^"]*")*):(.*)', line).groups()
        name, *params = re.findall(r'(?:[^";]|"[^"]*")+', head)
        params = dict(p.split("=", 1) for p in params)
        if name == "BEGIN":
            stack.append((value, {}))
        elif name == "END":
            component, props = stack.pop()
            yield "/".join([c for c, _ in stack] + [component]), props
        else:
            stack[-1][1].setdefault(name, []).append((params, value))


class Time:
    """A DTSTART and the like: naive local time and its zone (None: floating), or a date."""

    def __init__(self, params, value):
        self.date = len(value) == 8
        self.zone = None
        if self.date:
            self.local = dt.datetime.strptime(value, "%Y%m%d")
            return
        self.local = dt.datetime.strptime(value.rstrip("Z"), "%Y%m%dT%H%M%S")
        if value.endswith("Z"):
            self.zone = UTC
        elif "TZID" in params:
            self.zone = zoneinfo.ZoneInfo(params["TZID"].strip('"'))

    def instant(self):
        return seconds(self.local, self.zone)

    def local_in(self, zone):
        if self.zone is None or zone is None:
            return self.local
        return self.local.replace(tzinfo=self.zone).astimezone(zone).replace(tzinfo=None)


def seconds(local, zone):
    """The instant; fold=0 is RFC 5545's first of two, and the offset before a gap."""
    return int((local.replace(tzinfo=zone or UTC) - EPOCH).total_seconds())


def duration(text):
    """(days, seconds)"""
    week, day, hour, minute, second = (int(n or 0) for n in re.fullmatch(
        r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", text).groups())
    return week * 7 + day, hour * 3600 + minute * 60 + second


def first(props, name):
    return props[name][0] if name in props else None


def length(props, start):
    """(nominal days, exact seconds) of the event."""
    if "DTEND" in props:
        end = Time(*first(props, "DTEND"))
        if start.date:
            return (end.local - start.local).days or 1, 0  # the same day twice means that day
        return 0, end.instant() - start.instant()
    if "DURATION" in props:
        days, exact = duration(first(props, "DURATION")[1])
        return (days + exact // 86400 or 1, 0) if start.date else (days, exact)
    return (1 if start.date else 0), 0


def span(local, zone, size):
    begin = seconds(local, zone)
    return begin, seconds(local + dt.timedelta(days=size[0]), zone) + size[1]


def keys_of(props, start):
    """Local times of the series, without exceptions."""
    def times(name):
        for params, value in props.get(name, []):
            for one in value.split(","):
                found = Time(params, one)
                if start.date:
                    yield found.local.replace(hour=0, minute=0, second=0)
                elif found.date:  # the occurrence of that day
                    yield found.local + (start.local - dt.datetime.combine(start.local, dt.time()))
                else:
                    yield found.local_in(start.zone)

    keys = {start.local}
    for _, text in props.get("RRULE", []):
        until = re.search(r"UNTIL=([0-9TZ]+)", text)
        if until:
            end = Time({}, until[1])
            last = end.local_in(start.zone)
            if end.date and not start.date:  # all of that day
                last += dt.timedelta(seconds=86399)
            text = text.replace(until[0], f"UNTIL={last:%Y%m%dT%H%M%S}")
        rule = rrule.rrulestr(text, dtstart=start.local)
        for n, one in enumerate(rule):
            if n > LIMIT + 20:
                break
            keys.add(one)
    keys.update(times("RDATE"))
    return sorted(keys - set(times("EXDATE")))


def occurrences(text, floating=None, days=None):
    """floating, days: the zones in which floating times and dates are read; None is UTC."""
    items = [props for path, props in lines_of(text) if path == "VCALENDAR/VEVENT"]
    series = next(props for props in items if "RECURRENCE-ID" not in props)
    start = Time(*first(series, "DTSTART"))
    size = length(series, start)
    somewhere = days if start.date else floating
    moved = {}
    for props in items:
        if "RECURRENCE-ID" in props:
            own = Time(*first(props, "DTSTART"))
            key = Time(*first(props, "RECURRENCE-ID")).local_in(start.zone)
            moved[key] = span(own.local, own.zone or somewhere, length(props, own))
    found = []
    # What a file both leaves out and changes is there, as it was changed.
    for key in sorted({*keys_of(series, start), *moved})[:LIMIT]:
        found.append((key.isoformat(), *moved.get(key, span(key, start.zone or somewhere, size))))
    return found
