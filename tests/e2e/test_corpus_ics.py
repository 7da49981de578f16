"""Every .ics of the corpus is taken or refused with a reason, and what was taken loses nothing.

The corpus stands outside the project (TANDEM_SHARED, or ../shared beside the checkout); without it
this is an extra check that says that it was not run, and the files written here are checked alone.
What was written is judged by icalendar, a library of others.
"""
import collections
import pathlib
import re

import icalendar
import pytest

from corpora import CORPUS, helper
from ical_oracle import occurrences
from scene import calendar, component

ICS = CORPUS / "ics"

Reading = collections.namedtuple("Reading", "path kind verdict reason")


def ics_file(*lines):
    return calendar(*lines).encode()


def event(*lines):
    return component("VEVENT", "1", *lines)


OWN = {
    "plain": (ics_file(*event("DTSTART:20260101T100000Z", "X-KEPT;A=b;C=\"d:e\":f\\,g", "GEO:1;2")),
              "taken", ""),
    "alarm": (ics_file(*event("DTSTART;TZID=Europe/Berlin:20260101T100000", "BEGIN:VALARM",
                              "ACTION:AUDIO", "TRIGGER;RELATED=END:-PT10M", "REPEAT:2",
                              "DURATION:PT5M", "END:VALARM", "BEGIN:VLOCATION", "UID:l",
                              "END:VLOCATION")), "taken", ""),
    "task": (ics_file("BEGIN:VTODO", "UID:1", "DTSTAMP:20260101T000000Z", "DUE;VALUE=DATE:20260105",
                      "STATUS:COMPLETED", "COMPLETED:20260104T120000Z", "PERCENT-COMPLETE:100",
                      "END:VTODO"), "taken", ""),
    "two": (ics_file(*event("DTSTART:20260101T100000Z"),
                     *[x.replace("UID:1", "UID:2") for x in event("DTSTART:20260101T100000Z")]),
            "refused", "line 9: VEVENT: a second item; a file holds one (tandemctl import takes "
                       "such a file)"),
    "cancel": (ics_file("METHOD:CANCEL", *event("DTSTART:20260101T100000Z")), "refused",
               "line 4: METHOD: CANCEL is a message, not an item"),
    "zone": (ics_file(*event("DTSTART;TZID=Mars/Olympus:20260101T100000")), "refused",
             'line 7: DTSTART: unknown time zone "Mars/Olympus"'),
    "backwards": (ics_file(*event("DTSTART:20260101T100000Z", "DTEND:20260101T090000Z")), "refused",
                  "line 8: DTEND: before DTSTART"),
    "journal": (ics_file("BEGIN:VJOURNAL", "UID:1", "END:VJOURNAL"), "refused",
                "line 4: VJOURNAL: journals are not kept"),
    "open": (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\n", "refused",
             "line 2: VEVENT: has no END"),
    "rule": (ics_file(*event("DTSTART:20260101T100000Z", "RRULE:FREQ=WEEKLY;BYDAY=XX")), "refused",
             "line 8: RRULE: BYDAY=XX cannot be understood"),
}

# Said again in another way, or by the times: see test_times_are_kept.
TIMES = {"DTSTART", "DTEND", "DUE", "DURATION", "RECURRENCE-ID", "RDATE", "EXDATE"}
OURS = {"PRODID", "VERSION", "METHOD", "CALSCALE", "DTSTAMP", "LAST-MODIFIED",
        "X-MICROSOFT-CDO-BUSYSTATUS"}
DEFAULTS = {("CLASS", "PUBLIC"), ("PRIORITY", "0"), ("ACTION", "DISPLAY"),
            ("DESCRIPTION", "Reminder"), ("DTSTAMP", "19700101T000000Z")}
PARAM_DEFAULTS = {("ROLE", "req-participant"), ("RELATED", "start")}


def read(paths, out):
    readings = [Reading(*fields) for fields in helper("ical_corpus", out, *paths)]
    assert len(readings) == len(paths)
    return readings


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """The readings of good and bad files, and where the written ones are."""
    out = tmp_path_factory.mktemp("corpus")
    good = sorted(ICS.glob("*.ics"))
    bad = sorted((ICS / "bad").glob("*.ics"))
    return (read(good, out) if good else []), (read(bad, out) if bad else []), out


@pytest.mark.parametrize("name", OWN)
def test_own_files(tmp_path, name):
    content, verdict, reason = OWN[name]
    path = tmp_path / name
    path.write_bytes(content)
    reading = read([path], tmp_path)[0]
    assert (reading.verdict, reading.reason) == (verdict, reason)
    if verdict == "taken":
        assert lost(content.decode(), (tmp_path / f"{name}.ics").read_bytes().decode()) == []


def test_every_file_is_taken_or_refused_with_a_reason(corpus):
    good, bad, _ = corpus
    assert [r for r in good + bad if r.verdict not in ("taken", "refused")] == []
    assert [r for r in good + bad if r.verdict == "refused"
            and not re.match(r"line \d+: [^:]+: .|the file is larger", r.reason)] == []


# --- nothing is lost -----------------------------------------------------------------------------

def duration(text):
    """Seconds, where the text is a duration; PT48H and P2D say the same of an alarm."""
    found = re.fullmatch(r"([+-]?)P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?",
                         text)
    if not found:
        return text
    weeks, days, hours, minutes, seconds = (int(n or 0) for n in found.groups()[1:])
    total = (((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds
    return str(-total if found[1] == "-" else total)


def values_of(name, raw):
    """What a value says, without the ways to say it."""
    text = raw.strip()
    if name in ("CATEGORIES",):
        return [part.strip() for part in re.split(r"(?<!\\),", text) if part.strip()]
    if name in ("RRULE", "EXRULE"):
        parts = [part.strip().upper() for part in text.split(";") if part]
        parts = [p for p in parts if p not in ("INTERVAL=1",) and not p.startswith("UNTIL=")]
        return [";".join(sorted(re.sub(r"=\+", "=", p).replace(",+", ",") for p in parts))]
    if name in ("ORGANIZER", "ATTENDEE"):
        address = re.sub("^mailto: *", "mailto:", text, flags=re.I)
        return [address if ":" in address or "@" not in address else f"mailto:{address}"]
    if name in ("TRIGGER", "CREATED", "COMPLETED"):
        return [duration(text).rstrip("Z")]
    if name in ("STATUS", "TRANSP", "CLASS", "ACTION"):
        return [text.upper()]
    text = re.sub(r"\\([,;:\\])", r"\1", text.replace("\\N", "\\n"))
    return [text] if text.strip() else []


def lines_said(text):
    """(component, name, parameters, value) of all lines but those of time zones, counted."""
    said = collections.Counter()

    def walk(component, path):
        path = f"{path}/{component.name}"
        if component.name == "VTIMEZONE":
            return
        for name, value in component.property_items(recursive=False, sorted=False):
            if name in ("BEGIN", "END") or name in OURS:
                continue
            if name in TIMES and component.name in ("VEVENT", "VTODO"):
                continue
            params = {k.upper(): str(v).lower() for k, v in getattr(value, "params", {}).items()}
            encoded = "CHARSET" in params or params.get("ENCODING") == "quoted-printable"
            if name in ("RRULE", "TRIGGER"):  # VALUE and TZID say what is clear
                params = {k: v for k, v in params.items() if k == "RELATED"}
            if params.get("ENCODING") == "b":
                params["ENCODING"] = "base64"
            params = set(params.items()) - PARAM_DEFAULTS
            raw = value.to_ical() if hasattr(value, "to_ical") else value
            raw = raw.decode() if isinstance(raw, bytes) else str(raw)
            for one in values_of(name, raw):
                # Quoted-printable and other charsets are written as UTF-8, which icalendar does
                # not undo.
                if (name, one) not in DEFAULTS and not encoded:
                    said[path, name, frozenset(params), one] += 1
        for part in component.subcomponents:
            walk(part, path)

    walk(icalendar.Calendar.from_ical(text), "")
    return said


def lost(before, after):
    """Lines that no line of `after` says, at least with these parameters."""
    left = list((lines_said(after)).elements())
    missing = []
    for path, name, params, value in lines_said(before).elements():
        found = [line for line in left if line[:2] == (path, name) and line[3] == value
                 and line[2] >= params]
        if found:
            left.remove(found[0])
        else:
            missing.append(f"{path} {name} {sorted(params)} {value[:60]}")
    return missing


def readable(reading):
    """The text, if icalendar reads it; else None."""
    try:
        text = pathlib.Path(reading.path).read_bytes().decode("utf-8-sig")
        lines_said(text)
    except Exception:  # it raises whatever the file provokes
        return None
    return text


def written(reading, out):
    return (out / (pathlib.Path(reading.path).name + ".ics")).read_bytes().decode()


def test_nothing_is_lost(corpus, record_property):
    good, bad, out = corpus
    if not good:
        record_property("count", f"not run: no ics corpus at {ICS}")
        return
    taken = [r for r in good if r.verdict == "taken"]
    judged = [(r, readable(r)) for r in taken]
    judged = [(r, text) for r, text in judged if text]
    losses = {r.path: lost(text, written(r, out)) for r, text in judged}
    losses = {path: found for path, found in losses.items() if found}
    record_property("count", f"ics corpus: {len(taken)} of {len(good)} good files taken, the others "
                             f"refused with a reason; {len(judged)} judged by icalendar, "
                             f"{len(losses)} lose something")
    record_property("count", f"ics corpus: {sum(r.verdict == 'taken' for r in bad)} of {len(bad)} "
                             "bad files taken")
    assert losses == {}


def test_times_are_kept(corpus):
    good, _, out = corpus
    compared = 0
    wrong = []
    for reading in good:
        if reading.verdict != "taken" or reading.kind != "event":
            continue
        try:
            before = occurrences(pathlib.Path(reading.path).read_text())
        except Exception:  # a zone of the file's own, or what zoneinfo and dateutil do not read
            continue
        compared += 1
        if occurrences(written(reading, out)) != before:
            wrong.append(reading.path)
    assert wrong == []
    assert not good or compared > 100
