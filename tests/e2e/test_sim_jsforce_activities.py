"""jsforce drives the simulated Salesforce's events, series, invitees and tasks.

What is expected stands in Salesforce's Object Reference (Event, Task, EventRelation); the instants of
series are computed by dateutil and zoneinfo.
"""
import datetime
import zoneinfo

import pytest
from dateutil import rrule

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
UTC = datetime.timezone.utc

PEOPLE = {
    "mailboxes": [{"address": f"{name}@corp.example", "name": f"{name.title()} Moreau",
                   "password": "secret"} for name in ("alice", "bob")],
    "salesforce": {"Account": [{"Name": "Acme"}],
                   "Contact": [{"LastName": "Lind", "Account": "Acme"}],
                   "Lead": [{"LastName": "Berg", "Company": "Berg AB"}]},
}
pytestmark = pytest.mark.sim(seed=PEOPLE)


def stamp(moment):
    """As Salesforce writes a dateTime."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def event(sim, made):
    """The record as it is stored."""
    return next(row for row in sim.records("Event", deleted=True) if row["Id"] == made["id"])


def create(jsforce, *events):
    results = jsforce(*(("create", {"object": "Event", "records": one}) for one in events))
    for result in results:
        assert "error" not in result, result
    return results[0] if len(results) == 1 else results


TEN = {"StartDateTime": "2026-12-01T09:00:00Z", "DurationInMinutes": 60}


def test_what_describe_says(jsforce):
    event_, task = jsforce(("describe", {"object": "Event"}), ("describe", {"object": "Task"}))
    fields = {f["name"]: f for f in event_["fields"]}
    assert event_["keyPrefix"] == "00U" and task["keyPrefix"] == "00T"
    for name, length in [("Subject", 255), ("Location", 255), ("Description", 32000)]:
        assert (fields[name]["length"], fields[name]["updateable"]) == (length, True), name
    assert fields["Subject"]["type"] == "combobox"
    assert fields["WhoId"]["referenceTo"] == ["Contact", "Lead"]
    assert fields["WhoId"]["polymorphicForeignKey"] and not fields["OwnerId"]["polymorphicForeignKey"]
    assert [v["value"] for v in fields["ShowAs"]["picklistValues"]] == ["Busy", "OutOfOffice", "Free"]
    for name in ("AccountId", "EndDate", "IsChild", "IsGroupEvent", "GroupEventType", "IsArchived",
                 "IsRecurrence2Exclusion", "IsRecurrence2Exception", "ActivityRecurrence2Id",
                 "RecurrenceActivityId"):
        assert not fields[name]["createable"] and not fields[name]["updateable"], name
    fields = {f["name"]: f for f in task["fields"]}
    assert [v["value"] for v in fields["Status"]["picklistValues"]] == [
        "Not Started", "In Progress", "Completed", "Waiting on someone else", "Deferred"]
    assert not fields["CompletedDateTime"]["updateable"] and fields["Tandem_Token__c"]["externalId"]


@pytest.mark.parametrize("given, expected", [
    ({"StartDateTime": "2026-12-01T10:00:00+01:00", "DurationInMinutes": 90},
     ("2026-12-01T09:00:00.000+0000", "2026-12-01T10:30:00.000+0000", 90, "2026-12-01")),
    ({"StartDateTime": "2026-12-01T09:00:00Z", "EndDateTime": "2026-12-02T09:30:00Z"},
     ("2026-12-01T09:00:00.000+0000", "2026-12-02T09:30:00.000+0000", 1470, "2026-12-01")),
    ({"ActivityDateTime": "2026-12-01T23:30:00Z", "DurationInMinutes": 0},
     ("2026-12-01T23:30:00.000+0000", "2026-12-01T23:30:00.000+0000", 0, "2026-12-01")),
    ({"IsAllDayEvent": True, "ActivityDate": "2026-12-01"},
     ("2026-12-01T00:00:00.000+0000", "2026-12-01T00:00:00.000+0000", 1440, "2026-12-01")),
    ({"IsAllDayEvent": True, "StartDateTime": "2026-12-01T00:00:00Z", "DurationInMinutes": 4320},
     ("2026-12-01T00:00:00.000+0000", "2026-12-03T00:00:00.000+0000", 4320, "2026-12-01")),
    ({"IsAllDayEvent": True, "StartDateTime": "2026-12-01T00:00:00Z",
      "EndDateTime": "2026-12-02T00:00:00Z"},
     ("2026-12-01T00:00:00.000+0000", "2026-12-02T00:00:00.000+0000", 2880, "2026-12-01")),
])
def test_when_an_event_is(sim, jsforce, given, expected):
    row = event(sim, create(jsforce, given))
    assert (row["StartDateTime"], row["EndDateTime"], row["DurationInMinutes"],
            row["ActivityDate"]) == expected
    assert row["ActivityDateTime"] == row["StartDateTime"] and row["EndDate"] == row["EndDateTime"][:10]


@pytest.mark.parametrize("given, code, words", [
    ({"Subject": "x"}, "REQUIRED_FIELD_MISSING", "DurationInMinutes, ActivityDateTime"),
    ({"StartDateTime": "2026-12-01T09:00:00Z"}, "REQUIRED_FIELD_MISSING", "EndDateTime"),
    ({"IsAllDayEvent": True}, "REQUIRED_FIELD_MISSING", "ActivityDate"),
    ({**TEN, "EndDateTime": "2026-12-01T11:00:00Z"}, "FIELD_INTEGRITY_EXCEPTION", "same"),
    ({**TEN, "ActivityDateTime": "2026-12-01T08:00:00Z"}, "FIELD_INTEGRITY_EXCEPTION", "same"),
    ({**TEN, "DurationInMinutes": -1}, "FIELD_INTEGRITY_EXCEPTION", "between 0 and 20160 minutes"),
    ({**TEN, "DurationInMinutes": 20161}, "FIELD_INTEGRITY_EXCEPTION", "between 0 and 20160 minutes"),
    ({**TEN, "IsAllDayEvent": True}, "FIELD_INTEGRITY_EXCEPTION", "multiple of 1440"),
    ({**TEN, "ShowAs": "Tentative"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Tentative"),
    ({**TEN, "Subject": "x" * 256}, "STRING_TOO_LONG", "max length=255"),
    ({**TEN, "IsReminderSet": True}, "REQUIRED_FIELD_MISSING", "ReminderDateTime"),
    ({**TEN, "IsChild": True}, "INVALID_FIELD_FOR_INSERT_UPDATE", "IsChild"),
    ({**TEN, "Recurrence2PatternText": "RRULE:FREQ=DAILY"}, "FIELD_INTEGRITY_EXCEPTION",
     "IsRecurrence2"),
    ({**TEN, "IsRecurrence2": True}, "REQUIRED_FIELD_MISSING", "Recurrence2PatternText"),
    ({**TEN, "IsRecurrence2": True, "Recurrence2PatternText": "FREQ=DAILY"},
     "FIELD_INTEGRITY_EXCEPTION", "pattern"),
    ({**TEN, "IsRecurrence2": True, "Recurrence2PatternText": "RRULE:FREQ=HOURLY"},
     "FIELD_INTEGRITY_EXCEPTION", "pattern"),
    ({**TEN, "IsRecurrence2": True, "Recurrence2PatternText": "RRULE:FREQ=DAILY;BYHOUR=3"},
     "FIELD_INTEGRITY_EXCEPTION", "pattern"),
    ({**TEN, "IsRecurrence2": True, "Recurrence2PatternText": "RRULE:FREQ=DAILY;COUNT=2",
      "Recurrence2PatternTimeZone": "W. Europe Standard Time"}, "FIELD_INTEGRITY_EXCEPTION", "zone"),
])
def test_what_an_event_must_not_say(sim, jsforce, given, code, words):
    [refused] = jsforce(("create", {"object": "Event", "records": given}))
    assert refused["error"] == code and words in refused["message"], refused
    assert sim.records("Event") == []


def test_without_multiday_events_a_day_is_the_most(sim, jsforce):
    sim.act("activities", multi_day=False)
    day, more = jsforce(
        ("create", {"object": "Event", "records": {**TEN, "DurationInMinutes": 1440}}),
        ("create", {"object": "Event", "records": {**TEN, "DurationInMinutes": 1441}}))
    assert day["success"]
    assert more["error"] == "FIELD_INTEGRITY_EXCEPTION"
    assert "Duration must be between 0 and 1440 minutes: Duration" in more["message"]


def test_an_update_keeps_what_it_does_not_name(sim, jsforce):
    made = create(jsforce, {**TEN, "Subject": "Review", "IsReminderSet": True,
                            "ReminderDateTime": "2026-12-01T08:45:00Z"})

    def update(**fields):
        [done] = jsforce(("update", {"object": "Event", "records": {"Id": made["id"], **fields}}))
        assert done.get("success"), done
        row = event(sim, made)
        return row["StartDateTime"][8:16], row["EndDateTime"][8:16], row["DurationInMinutes"]

    assert update(StartDateTime="2026-12-02T09:00:00Z") == ("02T09:00", "02T10:00", 60)
    assert update(EndDateTime="2026-12-02T09:30:00Z") == ("02T09:00", "02T09:30", 30)
    assert update(DurationInMinutes=45) == ("02T09:00", "02T09:45", 45)
    assert event(sim, made)["ReminderDateTime"] == "2026-12-01T08:45:00.000+0000"
    assert update(IsAllDayEvent=True, IsReminderSet=False) == ("02T00:00", "02T00:00", 1440)
    assert "ReminderDateTime" not in event(sim, made) and event(sim, made)["Subject"] == "Review"


def test_who_what_and_account(sim, jsforce):
    contact, lead = sim.records("Contact")[0], sim.records("Lead")[0]
    account = sim.records("Account")[0]
    with_contact, with_account = create(
        jsforce, {**TEN, "WhoId": contact["Id"]}, {**TEN, "WhatId": account["Id"]})
    both, wrong, joined = jsforce(
        ("create", {"object": "Event",
                    "records": {**TEN, "WhoId": lead["Id"], "WhatId": account["Id"]}}),
        ("create", {"object": "Event", "records": {**TEN, "WhatId": contact["Id"]}}),
        ("query", {"soql": "SELECT Who.Name, What.Name FROM Event WHERE WhoId != null"}))
    assert event(sim, with_contact)["AccountId"] == account["Id"]
    assert event(sim, with_account)["AccountId"] == account["Id"]
    assert both["error"] == "FIELD_INTEGRITY_EXCEPTION"
    assert wrong["error"] == "FIELD_INTEGRITY_EXCEPTION"
    assert joined["records"][0]["Who"]["Name"] == "Lind" and joined["records"][0]["What"] is None


def test_invitees_have_events_of_their_own(sim, jsforce):
    made = create(jsforce, {**TEN, "Subject": "Board", "Tandem_Token__c": "t-1"})
    users = {u["Username"]: u["Id"] for u in sim.records("User")}
    bob = users["bob@corp.example"]
    contact = sim.records("Contact")[0]["Id"]
    relation, guest = jsforce(
        ("create", {"object": "EventRelation",
                    "records": {"EventId": made["id"], "RelationId": bob}}),
        ("create", {"object": "EventRelation",
                    "records": {"EventId": made["id"], "RelationId": contact}}))
    assert relation["success"] and guest["success"]

    def child():
        [row] = [r for r in sim.records("Event", deleted=True) if r["IsChild"]]
        return row

    assert child()["OwnerId"] == bob and child()["Subject"] == "Board"
    assert "Tandem_Token__c" not in child()
    assert event(sim, made)["IsGroupEvent"] and event(sim, made)["GroupEventType"] == "1"
    jsforce(("update", {"object": "Event", "records": {"Id": made["id"], "Subject": "Board 2"}}))
    assert child()["Subject"] == "Board 2"
    below, refused = jsforce(
        ("create", {"object": "EventRelation",
                    "records": {"EventId": child()["Id"], "RelationId": contact}}),
        ("update", {"object": "Event", "records": {"Id": child()["Id"], "Subject": "Mine"}}))
    assert below["error"] == "FIELD_INTEGRITY_EXCEPTION"
    assert refused["error"] == "INSUFFICIENT_ACCESS_OR_READONLY"
    jsforce(("destroy", {"object": "Event", "ids": made["id"]}))
    assert child()["IsDeleted"]
    assert all(r["IsDeleted"] for r in sim.records("EventRelation", deleted=True))


WEEKLY = {"Subject": "Stand-up", "StartDateTime": "2027-03-15T09:00:00Z", "DurationInMinutes": 30,
          "IsRecurrence2": True, "Recurrence2PatternTimeZone": "Europe/Berlin",
          "Recurrence2PatternText": "RRULE:FREQ=WEEKLY;BYDAY=MO,WE;COUNT=6"}


def rows_of(sim, made, deleted=False):
    """The occurrences of a series, by time."""
    series = event(sim, made)["ActivityRecurrence2Id"]
    return sorted((row for row in sim.records("Event", deleted) if row["GroupEventType"] == "0"
                   and row.get("ActivityRecurrence2Id") == series), key=lambda r: r["StartDateTime"])


@pytest.mark.parametrize("rule", [
    "FREQ=DAILY;COUNT=40", "FREQ=DAILY;INTERVAL=3;UNTIL=20270501T235959Z",
    "FREQ=WEEKLY;BYDAY=MO,WE;COUNT=6", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,FR;COUNT=20;WKST=SU",
    "FREQ=MONTHLY;BYMONTHDAY=15;COUNT=12", "FREQ=MONTHLY;BYDAY=-1FR;COUNT=12",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=2;COUNT=9",
    "FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=28;COUNT=4", "FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU;COUNT=4",
])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata"])
def test_a_series_has_a_row_for_each_occurrence(sim, jsforce, rule, zone):
    first = datetime.datetime(2027, 3, 1, 2, 30)
    local = zoneinfo.ZoneInfo(zone)
    until = rule if "UNTIL" not in rule else rule.replace("UNTIL=20270501T235959Z",
                                                          "UNTIL=20270501T235959")
    expected = [stamp(moment.replace(tzinfo=local)) for moment in rrule.rrulestr(until, dtstart=first)]
    made = create(jsforce, {**WEEKLY, "StartDateTime": stamp(first.replace(tzinfo=local)),
                            "Recurrence2PatternTimeZone": zone,
                            "Recurrence2PatternText": "RRULE:" + rule})
    assert [row["StartDateTime"] for row in rows_of(sim, made)] == expected
    series = event(sim, made)
    assert series["GroupEventType"] == "3" and series["ActivityRecurrence2Id"].startswith("828")
    assert "INTERVAL=" in series["Recurrence2PatternText"]
    assert series["Recurrence2PatternStartDate"] == series["StartDateTime"]


def test_exceptions_and_deleted_occurrences(sim, jsforce):
    made = create(jsforce, {**WEEKLY, "Tandem_Token__c": "t-1"})
    rows = rows_of(sim, made)
    assert len(rows) == 6 and not any("Tandem_Token__c" in row for row in rows)
    pattern, moved, gone = jsforce(
        ("update", {"object": "Event", "records": {
            "Id": rows[1]["Id"], "Recurrence2PatternText": "RRULE:FREQ=DAILY;COUNT=2"}}),
        ("update", {"object": "Event", "records": {
            "Id": rows[1]["Id"], "StartDateTime": "2027-03-18T09:00:00Z", "Subject": "Later"}}),
        ("destroy", {"object": "Event", "ids": rows[2]["Id"]}))
    assert pattern["error"] == "FIELD_INTEGRITY_EXCEPTION" and moved["success"] and gone["success"]
    changed = event(sim, {"id": rows[1]["Id"]})
    assert changed["IsRecurrence2Exception"] and changed["ActivityRecurrence2ExceptionId"]
    assert changed["DurationInMinutes"] == 30
    jsforce(("update", {"object": "Event", "records": {"Id": made["id"], "Subject": "Daily"}}))
    assert [(row["Subject"], row["Id"]) for row in rows_of(sim, made)] == [
        ("Daily", rows[0]["Id"]), ("Later", rows[1]["Id"]), ("Daily", rows[3]["Id"]),
        ("Daily", rows[4]["Id"]), ("Daily", rows[5]["Id"])]
    everything, live = jsforce(
        ("query", {"soql": "SELECT Id, IsDeleted FROM Event", "deleted": True}),
        ("query", {"soql": "SELECT Id FROM Event"}))
    assert everything["totalSize"] == 7 and live["totalSize"] == 6


@pytest.mark.parametrize("new_record", [False, True])
def test_a_critical_change_builds_the_series_anew(sim, jsforce, new_record):
    sim.act("activities", series_new_record=new_record)
    made = create(jsforce, {**WEEKLY, "Tandem_Token__c": "t-1"})
    former = [row["Id"] for row in rows_of(sim, made)]
    now = datetime.datetime.now(UTC)
    sim.clock(advance_seconds=int(
        (datetime.datetime(2027, 3, 20, tzinfo=UTC) - now).total_seconds()))
    jsforce(("update", {"object": "Event", "records": {
        "Id": made["id"], "StartDateTime": "2027-03-15T10:00:00Z"}}))
    [series] = [row for row in sim.records("Event") if row["GroupEventType"] == "3"]
    assert (series["Id"] != made["id"]) == new_record and series["Tandem_Token__c"] == "t-1"
    assert event(sim, made)["IsDeleted"] == new_record
    rows = [row for row in sim.records("Event") if row["GroupEventType"] == "0"]
    over = [row for row in rows if row["IsRecurrence2Exclusion"]]
    assert [row["Id"] for row in over] == former[:2]
    assert [row["StartDateTime"] for row in rows if row not in over] == [
        stamp(datetime.datetime(2027, 3, day, 11, 0, tzinfo=BERLIN)) for day in (22, 24, 29, 31)]
    assert not {row["Id"] for row in rows if row not in over} & set(former)


def test_deleting_a_series(sim, jsforce):
    made = create(jsforce, WEEKLY)
    rows = rows_of(sim, made)
    url = f"/services/data/v66.0/sobjects/Event/{rows[3]['Id']}/fromThisEventOnwards"
    [answer] = jsforce(("request", {"method": "DELETE", "url": url}))
    assert "success" in answer
    assert [row["Id"] for row in rows_of(sim, made)] == [row["Id"] for row in rows[:3]]
    jsforce(("destroy", {"object": "Event", "ids": made["id"]}))
    assert sim.records("Event") == []


def test_classic_series_can_be_read(sim, jsforce):
    made = create(jsforce, {**TEN, "IsRecurrence": True, "RecurrenceType": "RecursWeekly",
                            "RecurrenceInterval": 1, "RecurrenceDayOfWeekMask": 4,
                            "RecurrenceStartDateTime": "2026-12-01T09:00:00Z",
                            "RecurrenceEndDateOnly": "2026-12-20"})
    [found] = jsforce(("query", {"soql": "SELECT Id, IsRecurrence, StartDateTime FROM Event WHERE "
                                         f"RecurrenceActivityId = '{made['id']}' ORDER BY IsRecurrence DESC, "
                                         "StartDateTime"}))
    assert [(r["IsRecurrence"], r["StartDateTime"][8:16]) for r in found["records"]] == [
        (True, "01T09:00"), (False, "01T09:00"), (False, "08T09:00"), (False, "15T09:00")]


def test_tasks(sim, jsforce):
    [made, refused] = jsforce(
        ("create", {"object": "Task", "records": {"Subject": "Call back", "ActivityDate": "2026-12-24",
                                                  "Priority": "High"}}),
        ("create", {"object": "Task", "records": {"Subject": "x", "CompletedDateTime":
                                                  "2026-12-24T00:00:00Z"}}))
    assert refused["error"] == "INVALID_FIELD_FOR_INSERT_UPDATE"

    def task():
        [row] = sim.records("Task")
        return row

    assert (task()["Status"], task()["IsClosed"], task()["IsHighPriority"]) == ("Not Started", False,
                                                                               True)
    jsforce(("update", {"object": "Task", "records": {"Id": made["id"], "Status": "Completed"}}))
    assert task()["IsClosed"] and task()["CompletedDateTime"]
    jsforce(("update", {"object": "Task", "records": {"Id": made["id"], "Status": "In Progress"}}))
    assert not task()["IsClosed"] and "CompletedDateTime" not in task()
    [empty] = jsforce(("update", {"object": "Task", "records": {"Id": made["id"], "Status": None}}))
    assert empty["error"] == "REQUIRED_FIELD_MISSING"


def test_archived_activities_are_shown_by_query_all_only(sim, jsforce):
    made = create(jsforce, TEN)
    sim.act("archive", id=made["id"])
    live, everything, changed = jsforce(
        ("query", {"soql": "SELECT Id FROM Event"}),
        ("query", {"soql": "SELECT Id, IsArchived FROM Event", "deleted": True}),
        ("update", {"object": "Event", "records": {"Id": made["id"], "Subject": "x"}}))
    assert live["records"] == [] and everything["records"][0]["IsArchived"]
    assert changed["error"] == "INSUFFICIENT_ACCESS_OR_READONLY"


def test_upsert_by_token_and_who_is_mailed(sim, jsforce):
    quiet = {"headers": {"Sforce-Auto-Assign": "FALSE"}}
    once, again = jsforce(*[("upsert", {"object": "Event", "field": "Tandem_Token__c",
                                        "records": {**TEN, "Tandem_Token__c": "t-9"},
                                        "options": quiet})] * 2)
    assert once["created"] and not again["created"] and once["id"] == again["id"]
    assert sim.mails() == []
    jsforce(("create", {"object": "Task", "records": {"Subject": "x"}}))
    assert len(sim.mails()) == 1
