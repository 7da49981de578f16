"""A series of events as the model has it: what is common to all of its occurrences, how many they are, and
what some of them have of their own.

Each of the latter is a field of its own: None where the occurrence is as the series, GONE where it was
deleted.  Two more are only compared: which occurrences there are, and whether any that nobody changed differs
from the series.  Rules are expanded by dateutil.  The series begins after every jump of a clock.
"""
import dataclasses
import datetime
import re

from dateutil.rrule import rrulestr
from kinds import EVENT, SOON
from model_fields import FIELDS, Field, end_of, written

SERIES = dataclasses.replace(EVENT, name="series")
START = SOON + datetime.timedelta(days=100)
GONE = "gone"
IN_CRM = "3"  # GroupEventType


def day_of(number):
    return START + datetime.timedelta(weeks=number - 1)


class Length(Field):
    """How many occurrences: none of those that have fields of their own ever goes with it."""

    def value(self, n):
        if n % 2 and n < 16:
            return str(12 - n // 2)
        return str((40 if n % 2 else 12) + n // 2)

    def in_file(self, value):
        return [f"RRULE:FREQ=WEEKLY;COUNT={value}"]

    def from_file(self, text):
        return re.fullmatch(r"(?=.*FREQ=WEEKLY).*COUNT=(\d+).*", text)[1]

    def in_exchange(self, value):
        return (f"<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>{START:%A}"
                f"</t:DaysOfWeek></t:WeeklyRecurrence><t:NumberedRecurrence><t:StartDate>"
                f"{START:%Y-%m-%d}</t:StartDate><t:NumberOfOccurrences>{value}"
                "</t:NumberOfOccurrences></t:NumberedRecurrence>")

    def in_crm(self, value):
        return {self.crm: f"RRULE:FREQ=WEEKLY;INTERVAL=1;COUNT={value}"}

    def from_crm(self, value):
        return self.from_file(value)

    def marks(self, value):
        return [f"COUNT={value}", f'"NumberOfOccurrences": {value}']


@dataclasses.dataclass(frozen=True)
class OfOne(Field):
    """A field that one occurrence has of its own."""

    number: int = 0
    cleared = GONE

    def marks(self, value):
        return ['"excluded": true', "null"] if value == GONE else [value.rstrip("Z")]


class MovedStart(OfOne):
    """Some minutes later than the others."""

    def value(self, n):
        return written(day_of(self.number) + datetime.timedelta(minutes=n))

    def in_file(self, value):
        return [f"{line}:{re.sub('[-:]', '', moment)}"
                for line, moment in (("DTSTART", value), ("DTEND", end_of(value)))]

    def in_crm(self, value):
        return {self.crm: value.replace("Z", ".000+0000"), "DurationInMinutes": 60}


def of_one(number, cls, like):
    return cls(**{**dataclasses.asdict(like), "name": f"{like.name} of {number}", "number": number,
                  "clears": True})


BEGINS, LOCATION, DESCRIPTION = FIELDS["event"]
FIELDS["series"] = [
    LOCATION, DESCRIPTION,
    Length("length", "RRULE", "Recurrence", "Recurrence2PatternText", "calendar:Recurrence",
           "<t:Recurrence>{}</t:Recurrence>", clears=False),
    of_one(2, OfOne, LOCATION), of_one(3, MovedStart, BEGINS),
    of_one(4, OfOne, LOCATION)]
OWN = FIELDS["series"][3:]
NEW_IN_CRM = {**BEGINS.in_crm(written(START)), "IsRecurrence2": True,
              "Recurrence2PatternTimeZone": "Etc/UTC"}


def own_values(ones, master):
    """{field's name: value} of the fields of one occurrence, and what is only compared.
    ones: {day: (start, {field's name: value} as it is)} of what there is."""
    fields = {}
    for field in OWN:
        start, values = ones.get(day_of(field.number).date(), (None, {}))
        if start is None:
            fields[field.name] = GONE
        elif isinstance(field, MovedStart):
            fields[field.name] = None if start == written(day_of(field.number)) else start
        else:
            fields[field.name] = None if values["location"] == master["location"] \
                else values["location"]
    free = {day_of(field.number).date() for field in OWN}
    fields["starts"] = tuple(sorted(start for start, _ in ones.values()))
    fields["differing"] = tuple(sorted(
        (str(day), name) for day, (_, values) in ones.items() for name in ("location", "description")
        if values[name] != master[name] and (name != "location" or day not in free)))
    return fields


def at_start(day):
    """When an occurrence of this day begins that was not moved."""
    return written(datetime.datetime.combine(day, START.timetz()))


def days(length):
    return [moment.date() for moment in rrulestr(f"FREQ=WEEKLY;COUNT={length}", dtstart=START)]


# Files -------------------------------------------------------------------------------------------

EVENTS = re.compile(r"^BEGIN:VEVENT\r?\n.*?^END:VEVENT\r?\n", re.S | re.M)


def blocks(text):
    """(the series, {day: its exception}): the lines of each."""
    found = EVENTS.findall(text)
    (master,) = [block for block in found if "\nRECURRENCE-ID" not in block]
    return master, {day_in(re.search(r"^RECURRENCE-ID.*?:(\d{8})T", block, re.M)[1]): block
                    for block in found if block is not master}


def day_in(text):
    return datetime.datetime.strptime(text, "%Y%m%d").date()


def line_in(block, name):
    found = re.findall(rf"^{name}(?:;[^:\r\n]*)?:([^\r\n]*)", block, re.M)
    assert len(found) <= 1, block
    return found[0] if found else None


def from_file(text, master):
    block, exceptions = blocks(text)
    assert BEGINS.from_file(line_in(block, "DTSTART")) == written(START), text
    assert BEGINS.from_file(line_in(block, "DTEND")) == end_of(written(START)), text
    gone = {day_in(day) for line in re.findall(r"^EXDATE.*?:(.*)", block, re.M)
            for day in re.findall(r"(\d{8})T", line)}
    ones = {}
    for day in days(master["length"]):
        if day in exceptions:
            one = exceptions.pop(day)
            start = BEGINS.from_file(line_in(one, "DTSTART"))
            assert BEGINS.from_file(line_in(one, "DTEND")) == end_of(start), text
            ones[day] = start, {field.name: field.from_file(line_in(one, field.line))
                                for field in (LOCATION, DESCRIPTION)}
        elif day not in gone:
            ones[day] = at_start(day), master
    assert not exceptions, f"exceptions of no occurrence: {text}"
    return own_values(ones, master)


def with_lines(block, names, lines):
    for name in names:
        block = re.sub(rf"^{name}[;:][^\n]*\n", "", block, flags=re.M)
    end = block.rindex("END:VEVENT")
    return block[:end] + "".join(f"{line}\r\n" for line in lines) + block[end:]


def edited(text, field, value):
    """The file with another value of the series or of one occurrence."""
    master, exceptions = blocks(text)
    if field not in OWN:
        lines = [] if value is None else field.in_file(value)
        return text.replace(master, with_lines(master, [field.line], lines))
    day = day_of(field.number)
    block = exceptions.get(day.date(), "")
    stamp = f"{day:%Y%m%dT%H%M%SZ}"
    if value == GONE:
        return text.replace(block, "").replace(
            master, with_lines(master, (), [f"EXDATE:{stamp}"]))
    names = ["DTSTART", "DTEND"] if isinstance(field, MovedStart) else [field.line]
    if block:
        return text.replace(block, with_lines(block, names, field.in_file(value)))
    own = with_lines(master, ["RRULE", "EXDATE", "DTSTART", "DTEND"], [
        f"RECURRENCE-ID:{stamp}", *BEGINS.in_file(written(day))])
    return text.replace(master, master + with_lines(own, names, field.in_file(value)))


# Exchange ----------------------------------------------------------------------------------------

def from_exchange(item, master):
    assert item["Start"] == written(START) and item["End"] == end_of(written(START)), item
    exceptions = {datetime.date.fromisoformat(one["day"]): one for one in item["exceptions"]}
    ones = {}
    for day in days(master["length"]):
        one = exceptions.pop(day, {})
        if one.get("deleted"):
            continue
        own = one.get("properties", {})
        start = own.get("Start", at_start(day))
        assert own.get("End", end_of(start)) == end_of(start), item
        ones[day] = start, {field.name: own.get(field.exchange, master[field.name])
                            for field in (LOCATION, DESCRIPTION)}
    assert not exceptions, f"exceptions of no occurrence: {item}"
    return own_values(ones, master)


def occurrence(series_id, field):
    return (f'<t:OccurrenceItemId RecurringMasterId="{series_id}" '
            f'InstanceIndex="{field.number}"/>')


# The CRM -----------------------------------------------------------------------------------------

def rows_of(row, rows):
    """{day: [row]} of the occurrences; an occurrence is moved within its day."""
    found = {}
    for one in rows:
        if one.get("ActivityRecurrence2Id") == row["ActivityRecurrence2Id"] \
                and one["Id"] != row["Id"]:
            found.setdefault(day_in(re.sub("-", "", one["StartDateTime"][:10])), []).append(one)
    return found


def from_crm(row, rows, master):
    assert BEGINS.from_crm(row["StartDateTime"]) == written(START), row
    ones = {}
    for day, (one, *more) in rows_of(row, rows).items():
        assert not more, f"two rows of one occurrence: {one} {more}"
        assert one["DurationInMinutes"] == 60, one
        ones[day] = BEGINS.from_crm(one["StartDateTime"]), {
            field.name: one.get(field.crm) for field in (LOCATION, DESCRIPTION)}
    return own_values(ones, master)


def row_of(series_id, rows, field):
    """The id of the row of that field's occurrence."""
    (row,) = [row for row in rows if row["Id"] == series_id]
    (found,) = rows_of(row, rows)[day_of(field.number).date()]
    return found["Id"]
