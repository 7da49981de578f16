"""exchangelib, a client that others wrote, drives the simulated Exchange's calendar and tasks.

Each test looks from both ends: what exchangelib reports, and what the simulator then holds.  What
a recurrence must give is computed by dateutil, which knows nothing of Exchange.
"""
import datetime
import zoneinfo
from decimal import Decimal

import pytest
from dateutil import rrule
from exchangelib import (
    Attendee,
    CalendarItem,
    EWSDate,
    EWSDateTime,
    EWSTimeZone,
    HTMLBody,
    Mailbox,
    Task,
)
from exchangelib.errors import (
    ErrorCalendarCannotMoveOrCopyOccurrence,
    ErrorCalendarEndDateIsEarlierThanStartDate,
    ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange,
    ErrorCalendarOccurrenceIsDeletedFromRecurrence,
    ErrorItemNotFound,
    ErrorOccurrenceCrossingBoundary,
    ErrorOccurrenceTimeSpanTooBig,
    ErrorRecurrenceHasNoOccurrence,
)
from exchangelib.items import ALL_OCCURRENCES, SEND_TO_ALL_AND_SAVE_COPY, SPECIFIED_OCCURRENCE_ONLY
from exchangelib.recurrence import (
    AbsoluteMonthlyPattern,
    AbsoluteYearlyPattern,
    DailyPattern,
    DailyRegeneration,
    Recurrence,
    RelativeMonthlyPattern,
    RelativeYearlyPattern,
    TaskRecurrence,
    WeeklyPattern,
)

BERLIN = EWSTimeZone("Europe/Berlin")
NEW_YORK = EWSTimeZone("America/New_York")
UTC = EWSTimeZone("UTC")


def at(zone, *fields):
    return EWSDateTime(*fields, tzinfo=zone)


@pytest.fixture
def alice(exchange):
    """In Berlin: each request says so in its TimeZoneContext, and is answered in that zone.  (The
    dates of a recurrence that are answered in UTC, "2026-12-03Z", exchangelib does not read.)"""
    account = exchange("alice")
    account.default_timezone = BERLIN
    return account


@pytest.fixture(autouse=True)
def nobody_is_mailed(sim, request):
    yield
    if "mails_leave" not in request.node.name:
        assert sim.mails() == []


def event(account, subject="Meeting", start=None, minutes=60, **fields):
    start = start or at(BERLIN, 2026, 12, 1, 9)
    fields.setdefault("end", start + datetime.timedelta(minutes=minutes))
    item = CalendarItem(folder=account.calendar, subject=subject, start=start, **fields)
    item.save()
    return item


def fresh(item):
    """As GetItem gives it, in full."""
    (read,) = item.account.fetch(ids=[(item.id, None)])
    if isinstance(read, Exception):
        raise read
    return read


def stored(sim, account, path="Calendar"):
    box = sim.state("exchange")["exchange"]["mailboxes"][account.primary_smtp_address]
    return [item for folder in box["folders"] for item in folder["items"] if folder["path"] == path]


def view(account, start, end, **more):
    return list(account.calendar.view(start=start, end=end, **more))


# Single appointments --------------------------------------------------------------------------


def test_an_appointment_in_full(sim, alice):
    made = event(
        alice, "Visit <Köln> & more", at(BERLIN, 2026, 7, 1, 14, 30), minutes=90,
        location="Room 5", body=HTMLBody("<html><body><p>Bring the <b>list</b></p></body></html>"),
        legacy_free_busy_status="OOF", sensitivity="Private", importance="High",
        categories=["CRM", "Key account"], reminder_is_set=True, reminder_minutes_before_start=45,
        is_response_requested=False, allow_new_time_proposal=False)
    read = fresh(made)
    assert (read.subject, read.location) == ("Visit <Köln> & more", "Room 5")
    assert read.start == datetime.datetime(2026, 7, 1, 12, 30, tzinfo=datetime.timezone.utc)
    assert read.end == datetime.datetime(2026, 7, 1, 14, 0, tzinfo=datetime.timezone.utc)
    assert read._start_timezone == read._end_timezone
    assert read._start_timezone.ms_id == "W. Europe Standard Time"
    assert read.body == "<html><body><p>Bring the <b>list</b></p></body></html>"
    assert read.text_body.strip() == "Bring the list"
    assert (read.legacy_free_busy_status, read.sensitivity, read.importance) == \
        ("OOF", "Private", "High")
    assert read.categories == ["CRM", "Key account"]
    assert (read.reminder_is_set, read.reminder_minutes_before_start) == (True, 45)
    assert read.reminder_due_by == read.start
    assert (read.is_response_requested, read.allow_new_time_proposal) == (False, False)
    assert (read.type, read.is_recurring, read.is_meeting, read.is_cancelled) == \
        ("Single", False, False, False)
    assert (read.organizer.email_address, read.my_response_type) == \
        (alice.primary_smtp_address, "Organizer")
    assert read.uid.startswith("040000008200E00074C5B7101A82E008")
    assert (read.duration, read.meeting_request_was_sent) == ("PT1H30M", False)
    (held,) = stored(sim, alice)
    assert held["properties"]["Start"] == "2026-07-01T12:30:00Z"
    assert held["properties"]["StartTimeZone"] == "W. Europe Standard Time"


def test_defaults_and_a_chosen_uid(alice):
    read = fresh(event(alice, uid="chosen-1@example"))
    assert read.uid == "chosen-1@example"
    assert (read.legacy_free_busy_status, read.sensitivity, read.is_all_day) == \
        ("Busy", "Normal", False)
    assert not read.reminder_is_set  # exchangelib says so in every request
    read.location = "Elsewhere"
    read.save(update_fields=["location"])
    assert (fresh(read).location, fresh(read).uid) == ("Elsewhere", "chosen-1@example")


def test_all_day_is_midnight_of_its_own_zone(sim, alice):
    made = CalendarItem(folder=alice.calendar, subject="Fair", is_all_day=True,
                        start=EWSDate(2026, 3, 28), end=EWSDate(2026, 3, 30),
                        _start_timezone=NEW_YORK, _end_timezone=NEW_YORK)
    made.save()
    read = fresh(made)
    assert read.is_all_day
    assert (read.start, read.end) == (EWSDate(2026, 3, 28), EWSDate(2026, 3, 30))
    (held,) = stored(sim, alice)
    # New York is on summer time then: four hours behind.  exchangelib's end is inclusive.
    assert (held["properties"]["Start"], held["properties"]["End"]) == \
        ("2026-03-28T04:00:00Z", "2026-03-31T04:00:00Z")


def test_all_day_across_a_change_of_the_clock(sim, alice):
    CalendarItem(folder=alice.calendar, subject="Weekend", is_all_day=True,
                 start=EWSDate(2026, 10, 25), end=EWSDate(2026, 10, 25),
                 _start_timezone=BERLIN, _end_timezone=BERLIN).save()
    (held,) = stored(sim, alice)
    assert (held["properties"]["Start"], held["properties"]["End"]) == \
        ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")


def test_an_appointment_is_changed_moved_and_deleted(sim, alice):
    made = event(alice)
    made.subject, made.location = "Later", "There"
    made.start, made.end = at(BERLIN, 2026, 12, 2, 11), at(BERLIN, 2026, 12, 2, 12)
    made.save(update_fields=["subject", "location", "start", "end"])
    read = fresh(made)
    assert (read.subject, read.location, read.start) == \
        ("Later", "There", at(UTC, 2026, 12, 2, 10))
    uid = read.uid
    made.move_to_trash()
    (bin_item,) = stored(sim, alice, "Deleted Items")
    assert stored(sim, alice) == []
    (again,) = alice.fetch(ids=[(bin_item["id"], None)])
    assert (again.uid, again.subject) == (uid, "Later")


def test_an_end_before_the_start_is_refused(alice):
    made = event(alice)
    made.end = at(BERLIN, 2026, 12, 1, 8)
    with pytest.raises((ErrorCalendarEndDateIsEarlierThanStartDate, ValueError)):
        made.save(update_fields=["end"])


def test_zones_of_every_kind(alice):
    for name in ("Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham",
                 "America/St_Johns", "America/Sao_Paulo", "Pacific/Auckland", "Africa/Cairo"):
        for month in (1, 7):
            zone = EWSTimeZone(name)
            made = event(alice, name, at(zone, 2027, month, 15, 10, 30))
            want = datetime.datetime(2027, month, 15, 10, 30, tzinfo=zoneinfo.ZoneInfo(name))
            read = fresh(made)
            assert read.start == want, name
            assert read._start_timezone.ms_id == zone.ms_id


# Meetings -------------------------------------------------------------------------------------


def attendee(address, name=None):
    return Attendee(mailbox=Mailbox(email_address=address, name=name), response_type="Accept")


def test_attendees_are_kept_and_nobody_is_mailed(sim, alice):
    made = event(alice, required_attendees=[attendee("bob.tanaka@corp.example"),
                                            attendee("eve@customer.example", "Eve Moss")],
                 optional_attendees=[attendee("opt@customer.example")],
                 resources=[attendee("room5@corp.example")])
    read = fresh(made)
    assert [(a.mailbox.email_address, a.mailbox.name, a.response_type)
            for a in read.required_attendees] == [
        ("bob.tanaka@corp.example", "Bob Tanaka", "Unknown"),
        ("eve@customer.example", "Eve Moss", "Unknown")]
    assert [a.mailbox.email_address for a in read.optional_attendees] == ["opt@customer.example"]
    assert [a.mailbox.email_address for a in read.resources] == ["room5@corp.example"]
    assert (read.is_meeting, read.meeting_request_was_sent) == (True, False)
    sim.call("POST", "/sim/ews/respond", {"id": made.id, "attendee": "eve@customer.example",
                                          "response": "Tentative"})
    read = fresh(made)
    assert read.required_attendees[1].response_type == "Tentative"
    assert read.required_attendees[1].last_response_time is not None
    read.required_attendees = read.required_attendees + [attendee("new@customer.example")]
    read.save(update_fields=["required_attendees"])
    assert [a.response_type for a in fresh(made).required_attendees] == \
        ["Unknown", "Tentative", "Unknown"]
    made.delete()


def test_mails_leave_when_asked_for(sim, alice):
    made = CalendarItem(folder=alice.calendar, subject="Mail", start=at(UTC, 2026, 12, 1, 9),
                        end=at(UTC, 2026, 12, 1, 10),
                        required_attendees=[attendee("eve@customer.example")])
    made.save(send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY)
    assert [mail["to"] for mail in sim.mails()] == ["eve@customer.example"]
    assert fresh(made).meeting_request_was_sent


# Series ---------------------------------------------------------------------------------------

SERIES = {
    "daily": (dict(pattern=DailyPattern(interval=3)), dict(freq=rrule.DAILY, interval=3)),
    "weekly": (dict(pattern=WeeklyPattern(interval=2, weekdays=["Monday", "Thursday"],
                                          first_day_of_week="Monday")),
               dict(freq=rrule.WEEKLY, interval=2, byweekday=[rrule.MO, rrule.TH], wkst=rrule.MO)),
    "weekly from Sunday": (
        dict(pattern=WeeklyPattern(interval=2, weekdays=["Sunday", "Tuesday"],
                                   first_day_of_week="Sunday")),
        dict(freq=rrule.WEEKLY, interval=2, byweekday=[rrule.SU, rrule.TU], wkst=rrule.SU)),
    "monthly": (dict(pattern=AbsoluteMonthlyPattern(interval=2, day_of_month=15)),
                dict(freq=rrule.MONTHLY, interval=2, bymonthday=15)),
    "monthly, last day": (
        dict(pattern=AbsoluteMonthlyPattern(interval=1, day_of_month=31)),
        dict(freq=rrule.MONTHLY, bymonthday=-1)),
    "second Tuesday": (
        dict(pattern=RelativeMonthlyPattern(interval=1, weekday="Tuesday", week_number="Second")),
        dict(freq=rrule.MONTHLY, byweekday=rrule.TU(2))),
    "last weekday": (
        dict(pattern=RelativeMonthlyPattern(interval=1, weekday="Weekday", week_number="Last")),
        dict(freq=rrule.MONTHLY, bysetpos=-1,
             byweekday=[rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR])),
    "yearly": (dict(pattern=AbsoluteYearlyPattern(day_of_month=24, month=12)),
               dict(freq=rrule.YEARLY, bymonth=12, bymonthday=24)),
    "last Sunday of March": (
        dict(pattern=RelativeYearlyPattern(weekday="Sunday", week_number="Last", month=3)),
        dict(freq=rrule.YEARLY, bymonth=3, byweekday=rrule.SU(-1))),
}
FIRST_DAY = datetime.date(2026, 12, 3)
RANGES = ("no end", "end date", "numbered")
END_DATE = datetime.date(2029, 4, 15)
NUMBER = 6
LAST_SEEN = datetime.datetime(2032, 12, 20)


def series(account, pattern, range_name="numbered", start=FIRST_DAY, number=NUMBER, zone=BERLIN,
           hour=9, minutes=60, **fields):
    ranges = {"no end": dict(start=start), "end date": dict(start=start, end=END_DATE),
              "numbered": dict(start=start, number=number)}
    when = at(zone, start.year, start.month, start.day, hour)
    return event(account, start=when, minutes=minutes,
                 recurrence=Recurrence(**pattern, **ranges[range_name]), **fields)


def expected(rule, range_name, zone=BERLIN, hour=9):
    """Instants by dateutil: local times of the rule, with the zone put on."""
    first = datetime.datetime.combine(FIRST_DAY, datetime.time(hour))
    if range_name == "numbered":
        rule = dict(rule, count=NUMBER)
    if range_name == "end date":
        rule = dict(rule, until=datetime.datetime.combine(END_DATE, datetime.time.max))
    return [day.replace(tzinfo=zoneinfo.ZoneInfo(zone.key))
            for day in rrule.rrule(dtstart=first, **rule).between(
                first - datetime.timedelta(1), LAST_SEEN)]


def occurrences(account, start, end, subject="Meeting"):
    """By CalendarView, in spans of less than two years."""
    found, span = [], datetime.timedelta(days=700)
    while start < end:
        found += view(account, start, min(end, start + span))
        start += span
    return [item for item in found if item.subject == subject]


@pytest.mark.parametrize("range_name", RANGES)
@pytest.mark.parametrize("name", SERIES)
def test_each_pattern_and_range(sim, alice, name, range_name):
    pattern, rule = SERIES[name]
    made = series(alice, pattern, range_name)
    want = expected(rule, range_name)
    master = fresh(made)
    assert master.type == "RecurringMaster" and master.is_recurring
    assert master.recurrence.pattern == pattern["pattern"]
    assert master.recurrence.boundary.start == FIRST_DAY
    assert getattr(master.recurrence.boundary, "end", None) == \
        (END_DATE if range_name == "end date" else None)
    assert getattr(master.recurrence.boundary, "number", None) == \
        (NUMBER if range_name == "numbered" else None)
    assert master.start == want[0] == master.first_occurrence.start
    if range_name == "no end":
        assert master.last_occurrence is None
    else:
        assert master.last_occurrence.start == want[-1]
    assert (master.modified_occurrences, master.deleted_occurrences) == (None, None)
    found = occurrences(alice, at(UTC, 2026, 11, 1),
                        EWSDateTime.from_datetime(LAST_SEEN).replace(tzinfo=UTC))
    assert [item.start for item in found] == want
    assert {item.type for item in found} == {"Occurrence"}
    assert [item.type for item in alice.calendar.all().only("type")] == ["RecurringMaster"]
    one = made.occurrence(2)
    one.refresh()
    assert one.start == want[1] and one.recurrence is None
    assert one.original_start == want[1] and one.uid == master.uid


def test_a_pattern_that_does_not_meet_its_start(alice):
    made = series(alice, dict(pattern=WeeklyPattern(
        interval=1, weekdays=["Monday"], first_day_of_week="Monday")))
    # 2026-12-03 is a Thursday.
    assert fresh(made).start == at(BERLIN, 2026, 12, 7, 9)


def weekly(account, **fields):
    """Mondays at nine: 7, 14, 21, 28 December 2026, 4 January 2027."""
    return series(account, dict(pattern=WeeklyPattern(
        interval=1, weekdays=["Monday"], first_day_of_week="Monday")),
        start=datetime.date(2026, 12, 7), number=5, **fields)


def occurrence(master, index):
    one = master.occurrence(index)
    one.refresh()
    return one


def change(item, **fields):
    for name, value in fields.items():
        setattr(item, name, value)
    item.save(update_fields=list(fields))


def december(account):
    return [(item.start.astimezone(BERLIN).day, item.start.astimezone(BERLIN).hour, item.subject,
             item.type)
            for item in view(account, at(BERLIN, 2026, 12, 1), at(BERLIN, 2027, 1, 1))]


def test_an_occurrence_is_changed(sim, alice):
    made = weekly(alice, body="the same", location="Room 1", categories=["CRM"])
    before = fresh(made)
    one = occurrence(made, 2)
    change(one, subject="Moved", start=at(BERLIN, 2026, 12, 15, 11),
           end=at(BERLIN, 2026, 12, 15, 12), categories=["Other"])
    assert december(alice) == [(7, 9, "Meeting", "Occurrence"), (15, 11, "Moved", "Exception"),
                               (21, 9, "Meeting", "Occurrence"), (28, 9, "Meeting", "Occurrence")]
    master = fresh(made)
    assert master.changekey != before.changekey
    (modified,) = master.modified_occurrences
    assert (modified.start, modified.end, modified.original_start) == (
        at(BERLIN, 2026, 12, 15, 11), at(BERLIN, 2026, 12, 15, 12), at(BERLIN, 2026, 12, 14, 9))
    (read,) = alice.fetch(ids=[(modified.id, None)])
    assert (read.subject, read.location, read.body, read.categories) == \
        ("Moved", "Room 1", "the same", ["Other"])
    assert (read.type, read.original_start) == ("Exception", at(BERLIN, 2026, 12, 14, 9))
    # What the exception does not say itself still comes from the master.
    change(master, location="Room 2", subject="Renamed")
    (read,) = alice.fetch(ids=[(modified.id, None)])
    assert (read.subject, read.location) == ("Moved", "Room 2")
    assert [row[2] for row in december(alice)] == ["Renamed", "Moved", "Renamed", "Renamed"]
    (held,) = stored(sim, alice)
    assert [(e["day"], e["deleted"], e["properties"]["Subject"]) for e in held["exceptions"]] == \
        [("2026-12-14", False, "Moved")]
    assert held["recurrence"] == {
        "WeeklyRecurrence": {"Interval": "1", "DaysOfWeek": "Monday", "FirstDayOfWeek": "Monday"},
        "NumberedRecurrence": {"StartDate": "2026-12-07Z", "NumberOfOccurrences": "5"}}


def test_an_occurrence_is_deleted(sim, alice):
    made = weekly(alice)
    occurrence(made, 1).delete()
    occurrence(made, 3).move_to_trash()
    assert [row[0] for row in december(alice)] == [14, 28]
    master = fresh(made)
    assert [gone.start for gone in master.deleted_occurrences] == \
        [at(BERLIN, 2026, 12, 7, 9), at(BERLIN, 2026, 12, 21, 9)]
    assert master.first_occurrence.start == at(BERLIN, 2026, 12, 14, 9)
    assert stored(sim, alice, "Deleted Items") == []
    with pytest.raises(ErrorCalendarOccurrenceIsDeletedFromRecurrence):
        occurrence(made, 3)
    with pytest.raises(ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange):
        occurrence(made, 6)
    for index in (2, 4):
        occurrence(made, index).delete()
    with pytest.raises(ErrorRecurrenceHasNoOccurrence):
        occurrence(made, 5).delete()


def test_a_modified_occurrence_is_deleted(alice):
    made = weekly(alice)
    one = occurrence(made, 2)
    change(one, subject="Moved")
    occurrence(made, 2).delete()
    master = fresh(made)
    assert master.modified_occurrences is None
    assert [gone.start for gone in master.deleted_occurrences] == [at(BERLIN, 2026, 12, 14, 9)]


@pytest.mark.parametrize("start", [
    at(BERLIN, 2026, 12, 7, 9, 30),   # overlaps the one before
    at(BERLIN, 2026, 12, 7, 15),      # on the day of the one before
    at(BERLIN, 2026, 12, 22, 9),      # behind the one after
    at(BERLIN, 2026, 12, 21, 8, 30),  # into the one after
])
def test_an_occurrence_stays_between_its_neighbours(alice, start):
    one = occurrence(weekly(alice), 2)
    with pytest.raises(ErrorOccurrenceCrossingBoundary):
        change(one, start=start, end=start + datetime.timedelta(hours=1))
    assert [row[0] for row in december(alice)] == [7, 14, 21, 28]


def test_an_occurrence_may_follow_a_deleted_one(alice):
    made = weekly(alice)
    occurrence(made, 3).delete()
    one = occurrence(made, 2)
    change(one, start=at(BERLIN, 2026, 12, 23, 9), end=at(BERLIN, 2026, 12, 23, 10))
    assert [row[0] for row in december(alice)] == [7, 23, 28]


def test_occurrences_longer_than_their_distance(alice):
    with pytest.raises(ErrorOccurrenceTimeSpanTooBig):
        series(alice, dict(pattern=DailyPattern(interval=1)), minutes=25 * 60)
    series(alice, dict(pattern=DailyPattern(interval=1)), minutes=24 * 60)


def exceptions_made(account):
    made = weekly(account)
    change(occurrence(made, 2), subject="Moved")
    occurrence(made, 3).delete()
    master = fresh(made)
    assert len(master.modified_occurrences) == len(master.deleted_occurrences) == 1
    return master


def test_a_new_pattern_ends_all_exceptions(alice):
    master = exceptions_made(alice)
    change(master, recurrence=Recurrence(
        pattern=WeeklyPattern(interval=1, weekdays=["Tuesday"], first_day_of_week="Monday"),
        start=datetime.date(2026, 12, 7), number=5))
    read = fresh(master)
    assert (read.modified_occurrences, read.deleted_occurrences) == (None, None)
    assert [row[:3] for row in december(alice)] == [
        (8, 9, "Meeting"), (15, 9, "Meeting"), (22, 9, "Meeting"), (29, 9, "Meeting")]
    assert read.start == at(BERLIN, 2026, 12, 8, 9)


def test_a_new_time_ends_all_exceptions(alice):
    master = exceptions_made(alice)
    change(master, start=at(BERLIN, 2026, 12, 7, 10), end=at(BERLIN, 2026, 12, 7, 11))
    read = fresh(master)
    assert (read.modified_occurrences, read.deleted_occurrences) == (None, None)
    assert [row[:2] for row in december(alice)] == [(7, 10), (14, 10), (21, 10), (28, 10)]


def test_other_changes_leave_exceptions(alice):
    master = exceptions_made(alice)
    change(master, subject="Renamed", location="There", recurrence=master.recurrence)
    read = fresh(master)
    assert len(read.modified_occurrences) == len(read.deleted_occurrences) == 1


def test_a_series_becomes_single(alice):
    master = exceptions_made(alice)
    change(master, recurrence=None)
    read = fresh(master)
    assert (read.type, read.is_recurring, read.recurrence) == ("Single", False, None)
    assert [row[0] for row in december(alice)] == [7]


def test_a_series_is_one_item_to_synchronize_and_moves_as_a_whole(sim, alice):
    list(alice.calendar.sync_items())
    state = alice.calendar.item_sync_state
    master = exceptions_made(alice)
    (first,) = alice.calendar.sync_items(sync_state=state)
    assert (first[0], first[1].id) == ("create", master.id)
    state = alice.calendar.item_sync_state
    change(occurrence(master, 4), location="Elsewhere")
    (second,) = alice.calendar.sync_items(sync_state=state)
    assert (second[0], second[1].id) == ("update", master.id)
    other = type(alice.calendar)(parent=alice.calendar, name="Team")
    other.save()
    assert other.folder_class == "IPF.Appointment"
    copy_id = master.copy(other)
    (copied,) = alice.fetch(ids=[copy_id])
    assert len(copied.modified_occurrences) == 2 and len(copied.deleted_occurrences) == 1
    assert copied.uid == master.uid
    with pytest.raises(ErrorCalendarCannotMoveOrCopyOccurrence):
        occurrence(master, 1).move(other)
    old = master.id
    master.move(other)
    moved = fresh(master)
    assert len(moved.modified_occurrences) == 2 and moved.id != old
    assert stored(sim, alice) == [] and len(stored(sim, alice, "Calendar/Team")) == 2
    (gone,) = alice.fetch(ids=[(old, None)])
    assert isinstance(gone, ErrorItemNotFound)


def test_an_occurrence_knows_its_master(alice):
    made = weekly(alice)
    one = occurrence(made, 2)
    master = one.recurring_master()
    master.refresh()
    assert (master.id, master.type) == (made.id, "RecurringMaster")
    assert one.id != made.id and one.uid == master.uid


def test_a_series_over_changes_of_the_clock(alice):
    series(alice, dict(pattern=WeeklyPattern(interval=1, weekdays=["Sunday"],
                                             first_day_of_week="Monday")),
           start=datetime.date(2027, 3, 7), number=6, zone=NEW_YORK, hour=2)
    starts = [item.start.astimezone(UTC)
              for item in view(alice, at(UTC, 2027, 3, 1), at(UTC, 2027, 5, 1))]
    # On 14 March there is no two o'clock in New York: it is three then.
    assert [(s.day, s.hour) for s in starts] == [(7, 7), (14, 7), (21, 6), (28, 6), (4, 6), (11, 6)]


def test_an_all_day_series(alice):
    made = CalendarItem(folder=alice.calendar, subject="Off", is_all_day=True,
                        start=EWSDate(2027, 3, 27), end=EWSDate(2027, 3, 27),
                        _start_timezone=BERLIN, _end_timezone=BERLIN,
                        recurrence=Recurrence(pattern=DailyPattern(interval=1),
                                              start=EWSDate(2027, 3, 27), number=3))
    made.save()
    found = view(alice, at(BERLIN, 2027, 3, 1), at(BERLIN, 2027, 4, 30))
    assert [item.start for item in found] == [EWSDate(2027, 3, 27), EWSDate(2027, 3, 28),
                                              EWSDate(2027, 3, 29)]


def test_a_calendar_view(alice):
    weekly(alice)
    event(alice, "Early", at(BERLIN, 2026, 12, 14, 7))
    event(alice, "Late", at(BERLIN, 2026, 12, 14, 17))
    found = view(alice, at(BERLIN, 2026, 12, 14, 8), at(BERLIN, 2026, 12, 21, 9))
    assert [item.subject for item in found] == ["Meeting", "Late"]
    found = view(alice, at(BERLIN, 2026, 12, 14), at(BERLIN, 2026, 12, 21, 10), max_items=2)
    assert [item.subject for item in found] == ["Early", "Meeting"]


# Tasks ----------------------------------------------------------------------------------------


def task(account, subject="Call back", **fields):
    item = Task(folder=account.tasks, subject=subject, **fields)
    item.save()
    return item


def test_a_task_in_full(sim, alice):
    made = task(alice, start_date=EWSDate(2026, 12, 1), due_date=EWSDate(2026, 12, 9),
                body="the list", importance="High", sensitivity="Private", categories=["CRM"],
                status="WaitingOnOthers", percent_complete=Decimal(40), actual_work=30, total_work=90,
                mileage="12 km", billing_information="B-1", companies=["Acme"],
                contacts=["Eve Moss"], reminder_is_set=True,
                reminder_due_by=at(BERLIN, 2026, 12, 8, 8))
    read = fresh(made)
    assert (read.start_date, read.due_date) == (EWSDate(2026, 12, 1), EWSDate(2026, 12, 9))
    assert (read.status, read.percent_complete, read.is_complete, read.complete_date) == \
        ("WaitingOnOthers", 40, False, None)
    assert (read.actual_work, read.total_work, read.mileage, read.billing_information) == \
        (30, 90, "12 km", "B-1")
    assert (read.companies, read.contacts, read.categories) == (["Acme"], ["Eve Moss"], ["CRM"])
    assert (read.importance, read.sensitivity, read.body) == ("High", "Private", "the list")
    assert (read.reminder_is_set, read.reminder_due_by) == (True, at(BERLIN, 2026, 12, 8, 8))
    assert (read.owner, read.delegation_state, read.is_recurring) == \
        ("Alice Moreau", "NoMatch", False)
    assert read.status_description == "Waiting on someone else"
    (held,) = stored(sim, alice, "Tasks")
    assert held["properties"]["DueDate"] == "2026-12-09T00:00:00Z"


def today():
    return datetime.datetime.now(datetime.timezone.utc).date()


def test_status_and_percent_and_completion_go_together(alice):
    begun = today()
    made = task(alice)
    change(made, percent_complete=Decimal(25), status="InProgress")
    assert (fresh(made).status, fresh(made).percent_complete) == ("InProgress", 25)
    made.complete()
    read = fresh(made)
    assert (read.status, read.percent_complete, read.is_complete) == ("Completed", 100, True)
    assert begun <= read.complete_date.astimezone(BERLIN).date() <= today()
    change(read, status="NotStarted", percent_complete=Decimal(0))
    read = fresh(made)
    assert (read.percent_complete, read.is_complete, read.complete_date) == (0, False, None)


TASK_SERIES = dict(pattern=WeeklyPattern(interval=1, weekdays=["Monday"],
                                         first_day_of_week="Monday"),
                   start=EWSDate(2026, 12, 7), number=3)


def test_a_completed_task_of_a_series_goes_on(sim, alice):
    made = task(alice, due_date=EWSDate(2026, 12, 7), start_date=EWSDate(2026, 12, 5),
                recurrence=TaskRecurrence(**TASK_SERIES), categories=["CRM"])
    assert fresh(made).is_recurring
    fresh(made).complete()
    read = fresh(made)
    assert (read.due_date, read.start_date) == (EWSDate(2026, 12, 14), EWSDate(2026, 12, 12))
    assert (read.status, read.percent_complete, read.is_complete) == ("NotStarted", 0, False)
    (done,) = [item for item in alice.tasks.all() if item.id != made.id]
    assert (done.status, done.due_date, done.is_recurring, done.categories) == \
        ("Completed", EWSDate(2026, 12, 7), False, ["CRM"])
    fresh(made).complete()
    assert fresh(made).due_date == EWSDate(2026, 12, 21)
    fresh(made).complete()  # the last of three
    assert fresh(made).is_complete
    assert alice.tasks.all().count() == 3
    keys = [item["search_key"] for item in stored(sim, alice, "Tasks")]
    assert len(set(keys)) == 3


def test_a_task_that_begins_again_after_completion(sim, alice):
    begun = today()
    made = task(alice, due_date=EWSDate(2026, 12, 7), recurrence=TaskRecurrence(
        pattern=DailyRegeneration(interval=10), start=EWSDate(2026, 12, 7), number=2))
    fresh(made).complete()
    ten = datetime.timedelta(days=10)
    assert begun + ten <= fresh(made).due_date <= today() + ten
    assert fresh(made).recurrence.boundary.number == 1


def test_one_of_a_series_of_tasks_is_deleted(alice):
    made = task(alice, due_date=EWSDate(2026, 12, 7), recurrence=TaskRecurrence(**TASK_SERIES))
    made.delete(affected_task_occurrences=SPECIFIED_OCCURRENCE_ONLY)
    (left,) = alice.tasks.all()
    assert left.due_date == EWSDate(2026, 12, 14)
    left.delete(affected_task_occurrences=ALL_OCCURRENCES)
    assert alice.tasks.all().count() == 0
