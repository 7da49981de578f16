"""ews-javascript-api, a client that others wrote, drives the simulated Exchange's calendar and tasks.

Each test looks from both ends: what the library reports, and what the simulator then holds.
"""
import pytest

HTML = "<html><body><p>Bring the <b>list</b></p></body></html>"
# 2026-12-07 is a Monday; Berlin is one hour ahead then, two in summer.
ARGUMENT = {
    "start": "2026-12-07T08:00:00Z", "end": "2026-12-07T09:30:00Z", "day": "2026-12-07T00:00:00Z",
    "zone": "W. Europe Standard Time", "html": HTML.replace("<", "&lt;").replace(">", "&gt;"),
    "attendees": ["bob.tanaka@corp.example", "eve@customer.example"],
    "view": ["2026-12-01T00:00:00Z", "2026-12-31T00:00:00Z"],
    "series": {
        "daily": ["Daily", {"number": 5}],
        "daily, no end": ["Daily", {}],
        "weekly": ["Weekly", {"end": "2027-01-20T00:00:00Z"}],
        "monthly": ["Monthly", {"number": 3}],
        "relative monthly": ["RelativeMonthly", {"number": 4}],
        "yearly": ["Yearly", {"number": 2}],
        "relative yearly": ["RelativeYearly", {"end": "2029-12-31T00:00:00Z"}],
    },
}
FIRST_AND_LAST = {
    "daily": ("2026-12-07T08:00:00.000Z", "2026-12-15T08:00:00.000Z"),
    "daily, no end": ("2026-12-07T08:00:00.000Z", None),
    "weekly": ("2026-12-07T08:00:00.000Z", "2027-01-18T08:00:00.000Z"),
    "monthly": ("2026-12-31T08:00:00.000Z", "2027-02-28T08:00:00.000Z"),
    "relative monthly": ("2026-12-08T08:00:00.000Z", "2027-03-09T08:00:00.000Z"),
    "yearly": ("2026-12-24T08:00:00.000Z", "2027-12-24T08:00:00.000Z"),
    # The clocks have changed at two on that day.
    "relative yearly": ("2027-03-28T07:00:00.000Z", "2029-03-25T07:00:00.000Z"),
}


@pytest.fixture
def result(ews_js):
    return ews_js("ews_calendar.js", "alice", **ARGUMENT)


def items(sim, path):
    box = sim.state("exchange")["exchange"]["mailboxes"][sim.mailbox("alice")["address"]]
    return {item["properties"]["Subject"]: item for folder in box["folders"]
            for item in folder["items"] if folder["path"] == path}


def test_calendar_and_tasks(sim, result):
    assert result["single"] == {
        "subject": "Single", "start": "2026-12-07T08:00:00.000Z", "end": "2026-12-07T09:30:00.000Z",
        "html": HTML, "location": "Köln", "busy": "OOF", "meeting": True,
        "organizer": sim.mailbox("alice")["address"], "attendees": ARGUMENT["attendees"]}
    assert list(items(sim, "Deleted Items")) == ["Changed"]
    assert result["occurrences"] == {
        "same": True, "modified": ["2026-12-11T08:00:00.000Z"],
        "deleted": ["2026-12-14T08:00:00.000Z"],
        "gone": "ErrorCalendarOccurrenceIsDeletedFromRecurrence",
        "beyond": "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange"}
    assert result["view"] == [["Week", "2026-12-07T08:00:00.000Z", "Occurrence"],
                              ["Second", "2026-12-11T08:00:00.000Z", "Exception"],
                              ["Week", "2026-12-18T08:00:00.000Z", "Occurrence"]]
    assert {name: (one["type"], one["first"], one["last"])
            for name, one in result["series"].items()} == \
        {name: ("RecurringMaster", *ends) for name, ends in FIRST_AND_LAST.items()}
    held = items(sim, "Calendar")
    assert held["All day"]["id"] == result["allDay"]
    assert (held["All day"]["properties"]["Start"], held["All day"]["properties"]["End"]) == \
        ("2026-12-06T23:00:00Z", "2026-12-07T23:00:00Z")
    assert held["weekly"]["recurrence"]["WeeklyRecurrence"]["DaysOfWeek"] == "Monday Friday"
    assert held["weekly"]["properties"]["StartTimeZone"] == "W. Europe Standard Time"
    assert result["tasks"] == {"recurring": True, "due": "2026-12-11T00:00:00.000Z",
                               "status": "NotStarted", "items": 2}
    assert result["tooLong"] == "ErrorCalendarViewRangeTooBig"
    assert sim.mails() == []
