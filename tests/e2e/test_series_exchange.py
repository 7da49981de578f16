"""A series in Exchange is several requests: the series, then its exceptions.

Exchange drops the exceptions when the time or pattern of a series changes, so that whoever reads
between the two sees a series without any.  Whatever is lost on the way, the file keeps what its user
wrote, and Exchange has it in the end.
"""
import pytest

from scene import ALICE, edit, exchange_items, state

SERIES = "\r\n".join([
    "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//tests//tests//EN", "BEGIN:VEVENT", "UID:weekly",
    "DTSTAMP:20261101T000000Z", "DTSTART;TZID=Europe/Berlin:20370316T100000",
    "DTEND;TZID=Europe/Berlin:20370316T103000", "SUMMARY:Weekly",
    "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=4", "EXDATE;TZID=Europe/Berlin:20370330T100000", "END:VEVENT",
    "BEGIN:VEVENT", "UID:weekly", "DTSTAMP:20261101T000000Z",
    "RECURRENCE-ID;TZID=Europe/Berlin:20370323T100000",
    "DTSTART;TZID=Europe/Berlin:20370323T{moved}0000",
    "DTEND;TZID=Europe/Berlin:20370323T{moved}3000", "SUMMARY:Later", "END:VEVENT",
    "END:VCALENDAR", ""])
pytestmark = [pytest.mark.sim(seed={"mailboxes": [
    {"address": ALICE, "name": "Alice Moreau", "password": "p"}]})]


def exceptions(sim):
    """Of the one series: {day: new subject, or None of one that is deleted}"""
    [item] = exchange_items(sim)["Calendar"]
    return {one["day"]: one.get("properties", {}).get("Subject") for one in item["exceptions"]}


WHOLE = {"2037-03-23": "Later", "2037-03-30": None}


def assert_whole(sim, mount, path, *lines):
    text = path.read_text()
    for line in ("SUMMARY:Later", "EXDATE;TZID=Europe/Berlin:20370330", *lines):
        assert line in text, text
    assert exceptions(sim) == WHOLE
    assert state(path) == "synced"
    before = sim.counters()["writes"]
    mount.sync()
    assert sim.counters()["writes"] == before
    assert not list((mount.mailbox("alice") / ".sync" / "conflicts").iterdir())
    assert sim.mails() == []


# Which request is cut short: the series' own, the one of its modified occurrences, the one of its
# deleted ones; before Exchange had it and after.
CUTS = [(operation, skip, how) for operation, skip in (("UpdateItem", 0), ("UpdateItem", 1),
                                                       ("DeleteItem", 0))
        for how in ("drop-before", "drop-after")]


def test_a_series_that_changed_keeps_its_exceptions(sim, mount):
    path = mount.mailbox("alice") / "Calendar" / "weekly.ics"
    path.write_bytes(SERIES.format(moved="14").encode())
    mount.sync()
    assert exceptions(sim) == WHOLE
    ends = ["20370316T10%d00" % minutes for minutes in range(35, 35 + len(CUTS) + 1)]
    edit(path, "20370316T103000", ends[0])
    mount.sync()
    assert_whole(sim, mount, path, ends[0])
    for before, after, (operation, skip, how) in zip(ends, ends[1:], CUTS):
        edit(path, before, after)
        sim.fault(operation, how, skip=skip)
        mount.sync(check=False)
        assert sum(fault["fired"] for fault in sim.faults()) == 1, (operation, skip)
        sim.clear_faults()
        mount.sync()
        mount.sync()
        assert_whole(sim, mount, path, after)


@pytest.mark.parametrize("operation, how", [
    ("UpdateItem", "drop-before"), ("UpdateItem", "drop-after"), ("DeleteItem", "drop-before")])
def test_a_new_series_gets_its_exceptions(sim, mount, operation, how):
    path = mount.mailbox("alice") / "Calendar" / "weekly.ics"
    path.write_bytes(SERIES.format(moved="14").encode())
    sim.fault(operation, how)
    mount.sync(check=False)
    sim.clear_faults()
    mount.sync()
    mount.sync()
    assert_whole(sim, mount, path)


def test_an_exception_that_exchange_refuses_stays_in_the_file(sim, mount):
    """The series was written, and Exchange has dropped what it had: nobody else removed that."""
    path = mount.mailbox("alice") / "Calendar" / "weekly.ics"
    path.write_bytes(SERIES.format(moved="14").encode())
    mount.sync()
    sim.fault("UpdateItem", "ews", code="ErrorCalendarDurationIsTooLong", skip=1)
    edit(path, "20370316T103000", "20370316T104000")
    mount.sync(check=False)
    mount.sync(check=False)
    text = path.read_text()
    assert "SUMMARY:Later" in text and "EXDATE" in text and "20370316T104000" in text
    assert state(path) == "error"
    sim.clear_faults()
    edit(path, "SUMMARY:Weekly", "SUMMARY:Each week")
    mount.sync()
    assert_whole(sim, mount, path, "SUMMARY:Each week")


def test_an_exception_taken_back_is_none(sim, mount):
    """Exchange keeps an occurrence that was written to, though it is as the series is."""
    path = mount.mailbox("alice") / "Calendar" / "weekly.ics"
    text = SERIES.format(moved="14")
    path.write_bytes(text.encode())
    mount.sync()
    series, rest = text.split("BEGIN:VEVENT\r\nUID:weekly\r\nDTSTAMP:20261101T000000Z\r\nRECUR")
    path.write_bytes((series + "END:VCALENDAR\r\n").encode())
    mount.sync()
    mount.sync()
    assert "RECURRENCE-ID" not in path.read_text() and state(path) == "synced"
    assert exceptions(sim)["2037-03-30"] is None
    mine = mount.mailbox("alice") / "Calendar" / "mine.ics"
    # What Exchange has no place for makes an exception too, of which Exchange need not know.
    mine.write_bytes(text.replace("UID:weekly", "UID:mine").replace(
        "SUMMARY:Later", "SUMMARY:Weekly\r\nX-MINE:1").replace("0323T14", "0323T10").encode())
    mount.sync()
    mount.sync()
    edit(mine, "SUMMARY:Weekly\r\nRRULE", "SUMMARY:Mine\r\nRRULE")
    mount.sync()
    mount.sync()
    assert "X-MINE:1" in mine.read_text() and state(mine) == "synced"
