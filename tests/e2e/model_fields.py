"""The fields that the model edits: how each is written and read on the three sides.

Times and days are compared as instants and days, all else as text.
"""
import dataclasses
import datetime
import re

from kinds import SOON


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
    cleared = None

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
        return written(SOON + datetime.timedelta(days=n))

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


def written(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def end_of(start):
    moment = datetime.datetime.strptime(start, "%Y-%m-%dT%H:%M:%SZ")
    return written(moment + datetime.timedelta(hours=1))


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
