"""HTML bodies of a series' exceptions: Exchange drops the exceptions when the time or the pattern of
the series changes, and what nobody changed is there again afterwards, byte for byte.
"""
import datetime as dt
import json

import pytest
from exchangelib import CalendarItem, EWSDateTime, EWSTimeZone, HTMLBody
from exchangelib.items import SEND_TO_NONE
from exchangelib.recurrence import Recurrence, WeeklyPattern

from cycles import assert_nothing_written
from scene import conflicts, exchange_items, seed, state, unfolded

BERLIN = EWSTimeZone("Europe/Berlin")
DAYS = ["2037-03-16", "2037-03-23", "2037-03-30", "2037-04-06", "2037-04-13"]  # Mondays
# Of the same text "Bring the pen" as the series' in other clothes.
SERIES = "<html><body><p>Bring the <b>pen</b></p></body></html>"
DRESSED = "<html><body><p>Bring the <i>pen</i></p></body></html>"
OWN = ("<html><head><style>p {color: #123}</style></head><body><p>Bring the <b>ink</b> &amp; "
       "a\u00a0pen</p>\r\n<!-- kept -->\r\n<p>two\t\"lines\"</p></body></html>")
BEFORE = {DAYS[1]: OWN, DAYS[2]: DRESSED, DAYS[3]: None}
pytestmark = [pytest.mark.sim(seed=seed())]


def change(item, **fields):
    for name, value in fields.items():
        setattr(item, name, value)
    item.save(update_fields=list(fields), send_meeting_invitations=SEND_TO_NONE)


@pytest.fixture
def path(sim, mount, alice, box):
    """The file of a weekly series: one exception with a text of its own, one with the series' text but
    another HTML, one deleted."""
    start, end = (EWSDateTime(2037, 3, 16, hour, tzinfo=BERLIN) for hour in (10, 11))
    CalendarItem(folder=alice.calendar, subject="Series", body=HTMLBody(SERIES), start=start, end=end,
                 categories=["CRM"], recurrence=Recurrence(
                     pattern=WeeklyPattern(interval=1, weekdays=["Monday"]), start=start.date(),
                     number=len(DAYS))).save()
    [item] = alice.calendar.all()
    for index, body in ((2, OWN), (3, DRESSED)):
        occurrence = item.occurrence(index=index)
        occurrence.refresh()
        change(occurrence, body=HTMLBody(body))
    item.occurrence(index=4).delete(send_meeting_cancellations=SEND_TO_NONE)
    mount.sync()
    assert bodies(sim) == BEFORE
    [path] = box.rglob("Calendar/**/*Series.ics")
    assert state(path) == "synced"
    return path


def bodies(sim):
    """{day: body} of the exceptions of the one series; None: deleted."""
    [item] = exchange_items(sim)["Calendar"]
    assert item["properties"]["Body"] == SERIES
    return {one["day"]: one["properties"]["Body"] if "properties" in one else None
            for one in item["exceptions"]}


def shown(alice):
    """What exchangelib reads of the occurrences: {day: (hour, subject, location, body)}"""
    start, end = (EWSDateTime(2037, month, 1, tzinfo=BERLIN) for month in (3, 5))
    return {str(one.start.astimezone(BERLIN).date()):
            (one.start.astimezone(BERLIN).hour, one.subject, one.location, str(one.body))
            for one in alice.calendar.view(start=start, end=end)}


def rewrite(path, *pairs):
    """As an editor does that renders the whole file anew."""
    text = path.read_bytes().decode()
    for old, new in pairs:
        assert old in text, (old, text)
        text = text.replace(old, new)
    path.write_bytes(text.encode())


def settle(sim, mount, path):
    mount.sync()
    mount.sync()
    assert state(path) == "synced", mount.ctl_json("errors")
    assert_nothing_written(sim, mount)
    assert not conflicts(mount.mailbox("alice"))


def test_another_field_of_an_exception(sim, mount, alice, path):
    lines = unfolded(path).split("RECURRENCE-ID")
    assert "ink" in lines[1]
    rewrite(path, ("RECURRENCE-ID;TZID=Europe/Berlin:20370323T100000",
                   "LOCATION:Attic\r\nRECURRENCE-ID;TZID=Europe/Berlin:20370323T100000"))
    settle(sim, mount, path)
    assert shown(alice)[DAYS[1]] == (10, "Series", "Attic", OWN)
    rewrite(path, ("LOCATION:Attic\r\n", ""))
    settle(sim, mount, path)
    assert shown(alice)[DAYS[1]] == (10, "Series", None, OWN)
    assert bodies(sim) == BEFORE


LATER = (("T100000", "T120000"), ("T110000", "T130000"))
LATER_STILL = (("T120000", "T140000"), ("T130000", "T150000"))
TUESDAYS = (("BYDAY=MO", "BYDAY=TU"),
            *((day.replace("-", "") + "T1", str(dt.date.fromisoformat(day) + dt.timedelta(1)).replace(
                "-", "") + "T1") for day in (DAYS[0], DAYS[1], DAYS[3])))


@pytest.mark.parametrize("pairs, hour, shift", [
    (LATER, 12, 0), ((("COUNT=5", "COUNT=6"),), 10, 0), (TUESDAYS, 10, 1)],
    ids=["time", "rule", "day"])
def test_the_series_changes(sim, mount, alice, path, pairs, hour, shift):
    rewrite(path, *pairs)
    settle(sim, mount, path)
    days = {day: str(dt.date.fromisoformat(day) + dt.timedelta(shift)) for day in DAYS}
    assert bodies(sim) == {days[day]: body for day, body in BEFORE.items()}
    found = shown(alice)
    assert {day: found[days[day]] for day in DAYS[:3]} == {
        DAYS[0]: (hour, "Series", None, SERIES), DAYS[1]: (hour, "Series", None, OWN),
        DAYS[2]: (hour, "Series", None, DRESSED)}
    assert days[DAYS[3]] not in found


def test_a_deleted_occurrence_comes_back(sim, mount, alice, path):
    rewrite(path, ("EXDATE;TZID=Europe/Berlin:20370406T100000\r\n", ""))
    settle(sim, mount, path)
    assert bodies(sim) == {DAYS[1]: OWN, DAYS[2]: DRESSED}
    assert shown(alice)[DAYS[3]] == (10, "Series", None, SERIES)


def test_a_text_that_the_user_changed_is_sent(sim, mount, path):
    rewrite(path, *LATER, ("ink", "chalk"))
    settle(sim, mount, path)
    found = bodies(sim)
    assert "chalk" in found[DAYS[1]] and "<b>" not in found[DAYS[1]]
    assert found[DAYS[2]] == DRESSED


def test_a_field_of_the_crm(sim, mount, alice, path):
    row = next(row for row in sim.records("Event") if row["StartDateTime"].startswith("2037-03-23")
               and row["GroupEventType"] == "0")
    sim.act("update", id=row["Id"], fields={"Location": "Attic"})
    settle(sim, mount, path)
    assert shown(alice)[DAYS[1]] == (10, "Series", "Attic", OWN)
    assert bodies(sim) == BEFORE


def test_both_change_the_exception(sim, mount, alice, box, path):
    """The file's edit wins, what it replaced is in a conflict file, and the body is nobody's edit."""
    [item] = alice.calendar.all()
    occurrence = item.occurrence(index=2)
    occurrence.refresh()
    change(occurrence, location="Cellar")
    series, own = path.read_bytes().decode().rsplit("SUMMARY:Series", 1)
    path.write_bytes((series + "SUMMARY:Mine" + own).encode())
    mount.sync()
    assert shown(alice)[DAYS[1]] == (10, "Mine", None, OWN)
    assert bodies(sim) == BEFORE
    [conflict] = conflicts(box)
    assert "Cellar" in json.dumps(conflict)


# Which request of a push is cut short: the ones that read the bodies, the series' own, the one of its
# exceptions, the one of the deleted ones; before Exchange had it and after.
@pytest.mark.parametrize("operation, skip", [
    ("GetItem", 0), ("GetItem", 1), ("UpdateItem", 0), ("UpdateItem", 1), ("DeleteItem", 0)])
def test_a_push_is_cut_short(sim, mount, alice, path, operation, skip):
    for pairs, how in ((LATER, "drop-before"), (LATER_STILL, "drop-after")):
        rewrite(path, *pairs)
        sim.fault(operation, how, skip=skip)
        mount.sync(check=False)
        assert sum(fault["fired"] for fault in sim.faults()) == 1
        sim.clear_faults()
        settle(sim, mount, path)
        assert bodies(sim) == BEFORE
