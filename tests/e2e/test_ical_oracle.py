"""Times of generated events: what the gateway says is what zoneinfo and dateutil compute."""
import datetime as dt
import io
import json
import zoneinfo

import pytest
from dateutil import tz

from corpora import helper
from ical_maker import Maker
from ical_oracle import occurrences
from scale import amount

COUNT = amount(2100, 210)


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
    verdicts = helper("ical_corpus", out, *(where / name for name in texts))
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
        assert counts[kind] > COUNT // 42, (kind, counts)


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
    assert compared > COUNT
    assert sorted(wrong) == []
