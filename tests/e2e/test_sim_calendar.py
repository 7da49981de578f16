"""Appointments and tasks of the simulated Exchange by requests written by hand: what no client sends.

Codes are those of Microsoft's ResponseCode documentation.
"""
import base64
import datetime

import pytest
from ews_raw import ID_ONLY, NAMESPACES, RawEws, field

CALENDAR = '<t:DistinguishedFolderId Id="calendar"/>'
TIMES = "<t:Start>2026-12-07T08:00:00Z</t:Start><t:End>2026-12-07T09:00:00Z</t:End>"
BERLIN = '<t:StartTimeZone Id="W. Europe Standard Time"/>'
WEEKLY = ("<t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday"
          "</t:DaysOfWeek></t:WeeklyRecurrence><t:NumberedRecurrence><t:StartDate>2026-12-07"
          "</t:StartDate><t:NumberOfOccurrences>4</t:NumberOfOccurrences></t:NumberedRecurrence>"
          "</t:Recurrence>")


class Raw(RawEws):
    """With the zone of the request in its header."""

    zone = None

    def envelope(self, payload):
        context = f'<t:TimeZoneContext><t:TimeZoneDefinition Id="{self.zone}"/></t:TimeZoneContext>'
        return super().envelope(payload).replace(
            "</s:Header>", (context if self.zone else "") + "</s:Header>")

    def make(self, inner, kind="CalendarItem", malformed=False):
        return self.call(f'<m:CreateItem SendMeetingInvitations="SendToNone"><m:Items><t:{kind}>'
                         f"<t:Subject>x</t:Subject>{inner}</t:{kind}></m:Items></m:CreateItem>",
                         malformed=malformed)

    def made(self, inner, kind="CalendarItem"):
        answer = self.make(inner, kind)
        assert answer.codes == ["NoError"], answer.text
        return answer.ids[0]

    def get_one(self, name, attributes, fields=""):
        return self.call(f"<m:GetItem><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape>"
                         f"{fields}</m:ItemShape><m:ItemIds><t:{name} {attributes}/></m:ItemIds>"
                         "</m:GetItem>")

    def occurrence(self, master, index):
        return self.get_one("OccurrenceItemId",
                            f'RecurringMasterId="{master}" InstanceIndex="{index}"')

    def change(self, item_id, uri, inner, kind="CalendarItem", key=None,
               resolution="AlwaysOverwrite"):
        known = f' ChangeKey="{key}"' if key else ""
        return self.call(
            f'<m:UpdateItem ConflictResolution="{resolution}" '
            'SendMeetingInvitationsOrCancellations="SendToNone"><m:ItemChanges><t:ItemChange>'
            f'<t:ItemId Id="{item_id}"{known}/><t:Updates><t:SetItemField>{field(uri)}<t:{kind}>'
            f"{inner}</t:{kind}></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges>"
            "</m:UpdateItem>")

    def view(self, start, end, folder=CALENDAR, more="", attributes=""):
        return self.call(f'<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>Default'
                         f'</t:BaseShape></m:ItemShape><m:CalendarView {attributes} '
                         f'StartDate="{start}" EndDate="{end}"/>{more}<m:ParentFolderIds>{folder}'
                         "</m:ParentFolderIds></m:FindItem>")


@pytest.fixture
def alice(sim):
    return Raw(sim, impersonate="alice")


def held(sim, path="Calendar", name="alice"):
    box = sim.state("exchange")["exchange"]["mailboxes"][sim.mailbox(name)["address"]]
    (item,) = [item for folder in box["folders"] for item in folder["items"]
               if folder["path"] == path]
    return item


# What a request must say --------------------------------------------------------------------


def test_who_is_told_must_be_said(alice):
    item = alice.made(TIMES)
    answer = alice.call("<m:CreateItem><m:Items><t:CalendarItem/></m:Items></m:CreateItem>")
    assert answer.codes == ["ErrorSendMeetingInvitationsRequired"]
    answer = alice.update(item, None, f"<t:DeleteItemField>{field('calendar:Location')}"
                          "</t:DeleteItemField>", resolution="AlwaysOverwrite")
    assert answer.codes == ["ErrorSendMeetingInvitationsOrCancellationsRequired"]
    assert alice.delete(item).codes == ["ErrorSendMeetingCancellationsRequired"]
    task = alice.made("", "Task")
    assert alice.delete(task).codes == ["ErrorAffectedTaskOccurrencesRequired"]


def test_what_a_request_leaves_out(sim, alice):
    sim.clock(freeze=True, offset_seconds=0)
    item = alice.get(alice.made(BERLIN))
    assert item.text_of("t:LegacyFreeBusyStatus") == "Busy"
    assert item.text_of("t:ReminderIsSet") == "true"
    assert item.text_of("t:ReminderMinutesBeforeStart") == "15"
    assert item.text_of("t:Duration") == "PT30M"
    assert item.all("t:StartTimeZone")[0].attrib == item.all("t:EndTimeZone")[0].attrib == {
        "Id": "W. Europe Standard Time",
        "Name": "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna"}
    assert item.text_of("t:CalendarItemType") == "Single"


# Zones --------------------------------------------------------------------------------------


def test_times_are_answered_in_the_zone_of_the_request(sim, alice):
    alice.zone = "W. Europe Standard Time"
    item = alice.made("<t:Start>2026-07-01T14:30:00</t:Start><t:End>2026-07-01T17:30:00+03:00"
                      "</t:End>")
    properties = held(sim)["properties"]
    assert (properties["Start"], properties["End"], properties["StartTimeZone"]) == \
        ("2026-07-01T12:30:00Z", "2026-07-01T14:30:00Z", "W. Europe Standard Time")
    assert alice.get(item).text_of("t:Start") == "2026-07-01T14:30:00+02:00"
    alice.zone = "India Standard Time"
    assert alice.get(item).text_of("t:Start") == "2026-07-01T18:00:00+05:30"
    alice.zone = None
    answer = alice.get(item, additional=field("calendar:MeetingTimeZone") +
                       field("calendar:StartWallClock") + field("calendar:StartTimeZoneId"))
    assert answer.text_of("t:Start") == "2026-07-01T12:30:00Z"
    assert answer.all("t:MeetingTimeZone")[0].get("TimeZoneName") == "W. Europe Standard Time"
    assert answer.text_of("t:StartTimeZoneId") == "W. Europe Standard Time"
    assert answer.text_of("t:StartWallClock").startswith("2026-07-01T14:30:00")


def test_an_unknown_zone(alice):
    answer = alice.make(TIMES + '<t:StartTimeZone Id="Middle-earth Standard Time"/>')
    assert answer.codes == ["ErrorCalendarInvalidTimeZone"]
    alice.zone = "Middle-earth Standard Time"
    assert alice.make(TIMES).fault == "ErrorTimeZone"


def test_a_recurrence_is_dated_in_the_zone_of_the_request(alice):
    item = alice.made(TIMES + WEEKLY + BERLIN)
    assert alice.get(item).text_of("t:StartDate") == "2026-12-07Z"
    alice.zone = "Eastern Standard Time"
    answer = alice.get(item)
    assert answer.text_of("t:StartDate") == "2026-12-07-05:00"
    assert answer.texts("t:FirstOccurrence/t:Start") == ["2026-12-07T03:00:00-05:00"]


def test_the_rules_of_zones(alice):
    answer = alice.call("<m:GetServerTimeZones><m:Ids><t:Id>W. Europe Standard Time</t:Id><t:Id>"
                        "India Standard Time</t:Id></m:Ids></m:GetServerTimeZones>")
    berlin, india = answer.all("t:TimeZoneDefinition")
    assert {p.get("Name"): p.get("Bias") for p in berlin.iterfind(".//t:Period", NAMESPACES)} == \
        {"Standard": "-PT1H", "Daylight": "-PT2H"}
    # Last Sunday of March at two, last Sunday of October at three.
    changes = sorted(tuple(e.text for e in rule) for rule in
                     berlin.iterfind(".//t:RecurringDayTransition", NAMESPACES))
    assert changes == [("dlt", "PT2H", "3", "Sunday", "-1"), ("std", "PT3H", "10", "Sunday", "-1")]
    assert [p.get("Bias") for p in india.iterfind(".//t:Period", NAMESPACES)] == ["-PT5H30M"]
    everything = alice.call('<m:GetServerTimeZones ReturnFullTimeZoneData="false"/>')
    ids = [zone.get("Id") for zone in everything.all("t:TimeZoneDefinition")]
    assert len(ids) == len(set(ids)) > 100 and "Nepal Standard Time" in ids


# Times --------------------------------------------------------------------------------------


@pytest.mark.parametrize("start, end, first, last", [
    ("2026-12-07T09:15:00", "2026-12-07T10:00:00", "2026-12-06T23:00:00Z", "2026-12-07T23:00:00Z"),
    ("2026-12-07T00:00:00", "2026-12-07T00:00:00", "2026-12-06T23:00:00Z", "2026-12-07T23:00:00Z"),
    ("2026-12-07T00:00:00", "2026-12-09T00:00:00", "2026-12-06T23:00:00Z", "2026-12-08T23:00:00Z"),
    ("2026-12-07T00:00:00Z", "2026-12-08T00:00:00Z", "2026-12-06T23:00:00Z",
     "2026-12-08T23:00:00Z"),
])
def test_all_day_is_widened_to_whole_days(sim, alice, start, end, first, last):
    alice.zone = "W. Europe Standard Time"
    alice.made(f"<t:Start>{start}</t:Start><t:End>{end}</t:End><t:IsAllDayEvent>true"
               "</t:IsAllDayEvent>")
    properties = held(sim)["properties"]
    assert (properties["Start"], properties["End"]) == (first, last)


def test_times_that_are_refused(alice):
    def code(start, end, more=""):
        return alice.make(f"<t:Start>{start}</t:Start><t:End>{end}</t:End>{more}").codes

    assert code("2026-12-07T08:00:00Z", "2026-12-07T07:00:00Z") == \
        ["ErrorCalendarEndDateIsEarlierThanStartDate"]
    assert code("2026-12-07T08:00:00Z", "2032-12-07T07:00:00Z") == ["ErrorCalendarDurationIsTooLong"]
    assert code("2026-12-07T08:00:00Z", "2026-12-07T08:00:00Z") == ["NoError"]


# Recurrences that are refused ---------------------------------------------------------------


def recurrence(pattern, limit="<t:NoEndRecurrence><t:StartDate>2026-12-07</t:StartDate>"
                              "</t:NoEndRecurrence>"):
    return f"<t:Recurrence>{pattern}{limit}</t:Recurrence>"


def daily(interval):
    return f"<t:DailyRecurrence><t:Interval>{interval}</t:Interval></t:DailyRecurrence>"


def until(day):
    return (f"<t:EndDateRecurrence><t:StartDate>2026-12-07</t:StartDate><t:EndDate>{day}"
            "</t:EndDate></t:EndDateRecurrence>")


WEEKDAY = ("<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Weekday</t:DaysOfWeek>"
           "</t:WeeklyRecurrence>")
TUESDAYS = WEEKDAY.replace("Weekday", "Tuesday")


REFUSED = {
    "interval 0": (recurrence(daily(0)), "ErrorCalendarInvalidRecurrence"),
    "interval 1000": (recurrence(daily(1000)), "ErrorCalendarInvalidRecurrence"),
    "ends before": (recurrence(daily(1), until("2026-12-06")),
                    "ErrorCalendarEndDateIsEarlierThanStartDate"),
    "ends late": (recurrence(daily(1), until("4501-01-01")), "ErrorRecurrenceEndDateTooBig"),
    "never": (recurrence(TUESDAYS, until("2026-12-07")), "ErrorRecurrenceHasNoOccurrence"),
    "weekdays": (recurrence(WEEKDAY), "ErrorCalendarInvalidDayForWeeklyRecurrence"),
    "day 32": (recurrence("<t:AbsoluteMonthlyRecurrence><t:Interval>1</t:Interval><t:DayOfMonth>32"
                          "</t:DayOfMonth></t:AbsoluteMonthlyRecurrence>"),
               "ErrorCalendarInvalidRecurrence"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_recurrences_that_are_refused(alice, name):
    inner, code = REFUSED[name]
    assert alice.make(TIMES + inner).codes == [code]


# Ids ----------------------------------------------------------------------------------------


def test_ids_of_occurrences(alice):
    master, single = alice.made(TIMES + WEEKLY), alice.made(TIMES)
    second = alice.occurrence(master, 2)
    assert second.text_of("t:CalendarItemType") == "Occurrence"
    occurrence_id = second.ids[0]
    assert alice.get(occurrence_id).text_of("t:Start") == "2026-12-14T08:00:00Z"
    assert alice.get_one("RecurringMasterItemId", f'OccurrenceId="{occurrence_id}"').ids == [
        master, *alice.get(master).ids[1:]]
    wrong = {
        ("OccurrenceItemId", f'RecurringMasterId="{occurrence_id}" InstanceIndex="1"'):
            "ErrorCalendarCannotUseIdForRecurringMasterId",
        ("OccurrenceItemId", f'RecurringMasterId="{single}" InstanceIndex="1"'):
            "ErrorCalendarCannotUseIdForRecurringMasterId",
        ("OccurrenceItemId", f'RecurringMasterId="{master}" InstanceIndex="0"'):
            "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange",
        ("OccurrenceItemId", f'RecurringMasterId="{master}" InstanceIndex="5"'):
            "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange",
        ("RecurringMasterItemId", f'OccurrenceId="{master}"'):
            "ErrorCalendarCannotUseIdForOccurrenceId",
        ("RecurringMasterItemId", 'OccurrenceId="AAMk"'): "ErrorInvalidIdMalformed",
    }
    for (name, attributes), code in wrong.items():
        assert alice.get_one(name, attributes).codes == [code], (name, attributes)


def test_an_occurrence_is_changed_by_a_change_key_of_its_series(alice):
    master = alice.made(TIMES + WEEKLY)
    old = alice.occurrence(master, 2).all("t:ItemId")[0]
    location = "<t:Location>There</t:Location>"
    first = alice.change(old.get("Id"), "calendar:Location", location, key=old.get("ChangeKey"),
                         resolution="NeverOverwrite")
    assert first.codes == ["NoError"]
    new = first.all("t:ItemId")[0]
    assert new.get("Id") == old.get("Id") and new.get("ChangeKey") != old.get("ChangeKey")
    assert new.get("ChangeKey") == alice.get(master).all("t:ItemId")[0].get("ChangeKey")
    again = alice.change(old.get("Id"), "calendar:Location", location, key=old.get("ChangeKey"),
                         resolution="NeverOverwrite")
    assert again.codes == ["ErrorIrresolvableConflict"]


def test_an_appointment_that_was_thrown_away_stays_as_it_is(sim, alice):
    item = alice.made(TIMES)
    alice.call('<m:MoveItem><m:ToFolderId><t:DistinguishedFolderId Id="deleteditems"/>'
               f'</m:ToFolderId><m:ItemIds><t:ItemId Id="{item}"/></m:ItemIds></m:MoveItem>')
    there = held(sim, "Deleted Items")["id"]
    assert alice.change(there, "calendar:Location", "<t:Location>x</t:Location>").codes == \
        ["ErrorCalendarCannotUpdateDeletedItem"]


def test_an_occurrence_shows_the_attachments_of_its_series(alice):
    master = alice.made(TIMES + WEEKLY)
    alice.call(f'<m:CreateAttachment><m:ParentItemId Id="{master}"/><m:Attachments>'
               "<t:FileAttachment><t:Name>a.txt</t:Name><t:Content>YQ==</t:Content>"
               "</t:FileAttachment></m:Attachments></m:CreateAttachment>")
    one = alice.occurrence(master, 2)
    assert one.text_of("t:HasAttachments") == "true"
    (attachment,) = [e.get("Id") for e in one.all("t:AttachmentId")]
    answer = alice.call(f'<m:GetAttachment><m:AttachmentIds><t:AttachmentId Id="{attachment}"/>'
                        "</m:AttachmentIds></m:GetAttachment>")
    assert answer.text_of("t:Content") == "YQ=="


def test_an_occurrence_does_not_recur(alice):
    one = alice.occurrence(alice.made(TIMES + WEEKLY), 2).ids[0]
    assert alice.change(one, "calendar:Recurrence", WEEKLY).codes == ["ErrorInvalidPropertySet"]


def test_ids_of_another_mailbox(sim, alice):
    master = alice.made(TIMES + WEEKLY)
    one = alice.occurrence(master, 2).ids[0]
    bob = Raw(sim, impersonate="bob")
    assert bob.get(one).codes != ["NoError"]
    assert bob.occurrence(master, 1).codes != ["NoError"]


# Identity -----------------------------------------------------------------------------------

GLOBAL_IDS = "".join(f'<t:ExtendedFieldURI DistinguishedPropertySetId="Meeting" PropertyId="{n}" '
                     'PropertyType="Binary"/>' for n in (3, 35))


def test_a_uid_and_its_global_object_id(alice):
    item = alice.made("<t:UID>chosen@example</t:UID>" + TIMES + WEEKLY)
    answer = alice.get(item, additional=GLOBAL_IDS)
    assert answer.text_of("t:UID") == "chosen@example"
    # MS-OXOCAL 2.2.1.27: an id of iCalendar stands behind vCal-Uid.
    raw, clean = [base64.b64decode(text) for text in answer.texts("t:ExtendedProperty/t:Value")]
    assert raw == clean
    assert raw[:16].hex().upper() == "040000008200E00074C5B7101A82E008"
    assert raw[36:40] == len(raw[40:]).to_bytes(4, "little")
    assert raw[40:] == b"vCal-Uid\x01\x00\x00\x00" + b"chosen@example\x00"
    second = alice.occurrence(item, 2).ids[0]
    raw, again = [base64.b64decode(text) for text in
                  alice.get(second, additional=GLOBAL_IDS).texts("t:ExtendedProperty/t:Value")]
    assert (raw[16:20], again) == (bytes([2026 >> 8, 2026 & 255, 12, 14]), clean)
    assert alice.change(item, "calendar:UID", "<t:UID>other</t:UID>").codes == \
        ["ErrorInvalidPropertySet"]


def test_a_uid_of_the_server_is_its_global_object_id(alice):
    answer = alice.get(alice.made(TIMES), additional=GLOBAL_IDS)
    raw = base64.b64decode(answer.texts("t:ExtendedProperty/t:Value")[0])
    assert raw.hex().upper() == answer.text_of("t:UID")


TOKEN = ('<t:ExtendedFieldURI DistinguishedPropertySetId="PublicStrings" '
         'PropertyName="tandem-token" PropertyType="String"/>')
LABEL = ('<t:ExtendedFieldURI DistinguishedPropertySetId="Appointment" PropertyId="33300" '
         'PropertyType="Integer"/>')


def extended(path, value):
    return f"<t:ExtendedProperty>{path}<t:Value>{value}</t:Value></t:ExtendedProperty>"


def test_extended_properties_of_a_series_and_an_exception(alice):
    master = alice.made(extended(TOKEN, "t1") + extended(LABEL, 3) + TIMES + WEEKLY)
    one = alice.occurrence(master, 2).ids[0]
    answer = alice.call(
        '<m:UpdateItem ConflictResolution="AlwaysOverwrite" '
        'SendMeetingInvitationsOrCancellations="SendToNone"><m:ItemChanges><t:ItemChange>'
        f'<t:ItemId Id="{one}"/><t:Updates><t:SetItemField>{TOKEN}<t:CalendarItem>'
        f"{extended(TOKEN, 't2')}</t:CalendarItem></t:SetItemField></t:Updates></t:ItemChange>"
        "</m:ItemChanges></m:UpdateItem>")
    assert answer.codes == ["NoError"]
    third = alice.occurrence(master, 3).ids[0]
    values = [alice.get(i, additional=TOKEN + LABEL).texts("t:ExtendedProperty/t:Value")
              for i in (master, one, third)]
    assert values == [["t1", "3"], ["t2", "3"], ["t1", "3"]]


def test_a_series_is_found_by_its_global_object_id(alice):
    alice.made(TIMES)
    wanted = alice.made("<t:UID>chosen@example</t:UID>" + TIMES)
    path = GLOBAL_IDS[GLOBAL_IDS.index("/>") + 2:]
    value = alice.get(wanted, additional=path).text_of("t:ExtendedProperty/t:Value")
    found = alice.call(
        f'<m:FindItem Traversal="Shallow"><m:ItemShape>{ID_ONLY}</m:ItemShape><m:Restriction>'
        f'<t:IsEqualTo>{path}<t:FieldURIOrConstant><t:Constant Value="{value}"/>'
        "</t:FieldURIOrConstant></t:IsEqualTo></m:Restriction><m:ParentFolderIds>"
        f"{CALENDAR}</m:ParentFolderIds></m:FindItem>")
    assert found.ids == [wanted]


# Views --------------------------------------------------------------------------------------


def test_calendar_views(alice):
    master = alice.made(TIMES + WEEKLY)
    alice.change(alice.occurrence(master, 3).ids[0], "item:Subject",
                 "<t:Subject>Changed</t:Subject>")
    answer = alice.view("2026-12-07T09:00:00Z", "2026-12-28T08:00:00Z")
    # What only touches the span lies outside.
    assert answer.texts("t:Start") == ["2026-12-14T08:00:00Z", "2026-12-21T08:00:00Z"]
    assert answer.texts("t:Subject") == ["x", "Changed"]
    assert answer.texts("t:CalendarItemType") == ["Occurrence", "Exception"]
    first = alice.view("2026-12-01T00:00:00Z", "2027-02-01T00:00:00Z",
                       attributes='MaxEntriesReturned="3"')
    assert len(first.texts("t:Start")) == 3
    root = first.all("m:RootFolder")[0]
    assert (root.get("TotalItemsInView"), root.get("IncludesLastItemInRange")) == ("4", "false")


def test_calendar_views_that_are_refused(alice):
    alice.made(TIMES + recurrence(daily(1)))
    year = ("2026-12-01T00:00:00Z", "2027-12-01T00:00:00Z")
    assert alice.view(*reversed(year)).codes == ["ErrorCalendarEndDateIsEarlierThanStartDate"]
    assert alice.view(year[0], "2028-12-03T00:00:00Z").codes == ["ErrorCalendarViewRangeTooBig"]
    assert alice.view(*year, folder='<t:DistinguishedFolderId Id="inbox"/>').codes == \
        ["ErrorCalendarFolderIsInvalidForCalendarView"]
    assert alice.view(*year, more=f"<m:SortOrder><t:FieldOrder Order=\"Ascending\">"
                      f"{field('item:Subject')}</t:FieldOrder></m:SortOrder>").codes == \
        ["ErrorInvalidOperation"]
    for _ in range(2):
        alice.made(TIMES + recurrence(daily(1)))
    assert alice.view(*year).codes == ["ErrorExceededFindCountLimit"]
    assert alice.view(*year, attributes='MaxEntriesReturned="1000"').codes == ["NoError"]


# Tasks --------------------------------------------------------------------------------------


def test_days_of_a_task_have_no_zone(sim, alice):
    alice.zone = "Tokyo Standard Time"
    item = alice.made("<t:DueDate>2026-12-09T00:00:00+09:00</t:DueDate>", "Task")
    assert held(sim, "Tasks")["properties"]["DueDate"] == "2026-12-09T00:00:00Z"
    alice.zone = "Eastern Standard Time"
    assert alice.get(item).text_of("t:DueDate") == "2026-12-09T00:00:00-05:00"


@pytest.mark.parametrize("inner, want", [
    ("<t:Status>Completed</t:Status>", ("Completed", "100", "true")),
    ("<t:PercentComplete>100</t:PercentComplete>", ("Completed", "100", "true")),
    ("<t:PercentComplete>30</t:PercentComplete>", ("InProgress", "30", "false")),
    ("<t:PercentComplete>30</t:PercentComplete><t:Status>Deferred</t:Status>",
     ("Deferred", "30", "false")),
    ("<t:PercentComplete>30</t:PercentComplete><t:Status>NotStarted</t:Status>",
     ("NotStarted", "0", "false")),
    ("<t:CompleteDate>2026-01-02T00:00:00Z</t:CompleteDate>", ("Completed", "100", "true")),
], ids=["completed", "100", "30", "30 deferred", "30 not started", "completed on"])
def test_status_follows(sim, alice, inner, want):
    item = alice.get(alice.made(inner, "Task"))
    assert (item.text_of("t:Status"), item.text_of("t:PercentComplete"),
            item.text_of("t:IsComplete")) == want
    assert bool(item.texts("t:CompleteDate")) == (want[0] == "Completed")


def test_what_a_task_refuses(alice):
    assert alice.make("<t:CompleteDate>2099-01-01T00:00:00Z</t:CompleteDate>", "Task").codes == \
        ["ErrorInvalidCompleteDate"]
    assert alice.make("<t:PercentComplete>101</t:PercentComplete>", "Task").codes == \
        ["ErrorValueOutOfRange"]


# Seeds --------------------------------------------------------------------------------------

MEETING = {
    "Subject": "Review", "Start": "2026-12-07T09:00:00", "End": "2026-12-07T10:00:00",
    "StartTimeZone": "W. Europe Standard Time", "Body": {"HTML": "<p>Agenda</p>"},
    "Location": "Room 5", "Categories": ["CRM"], "ReminderIsSet": False,
    "Organizer": {"Name": "Eve Moss", "EmailAddress": "eve@customer.example"},
    "MyResponseType": "Accept",
    "RequiredAttendees": [{"EmailAddress": "bob.tanaka@corp.example", "ResponseType": "Tentative"},
                          "opt@customer.example"],
    "Recurrence": {"WeeklyRecurrence": {"Interval": 1, "DaysOfWeek": "Monday"},
                   "NoEndRecurrence": {"StartDate": "2026-12-07"}},
    "Exceptions": [{"OriginalDay": "2026-12-14"},
                   {"OriginalDay": "2026-12-21", "Subject": "Short review"}],
    "Extended": {"PublicStrings/tandem-token": "t1"},
}
TASK = {"Subject": "Report", "DueDate": "2026-12-09", "folder": "Team", "Importance": "High"}


@pytest.mark.sim(seed={"mailboxes": [{"address": "alice@corp.example", "name": "Alice Lind",
                                      "calendar": [MEETING], "tasks": [TASK]}]})
def test_a_seed(sim, alice):
    item = held(sim)
    properties = item["properties"]
    assert (properties["Start"], properties["End"]) == \
        ("2026-12-07T08:00:00Z", "2026-12-07T09:00:00Z")
    assert (properties["Body"], properties["Body/BodyType"]) == ("<p>Agenda</p>", "HTML")
    assert [(a["list"], a["Mailbox"]["EmailAddress"], a["ResponseType"])
            for a in item["attendees"]] == [
        ("RequiredAttendees", "bob.tanaka@corp.example", "Tentative"),
        ("RequiredAttendees", "opt@customer.example", "Unknown")]
    assert [(e["day"], e["deleted"]) for e in item["exceptions"]] == \
        [("2026-12-14", True), ("2026-12-21", False)]
    assert item["exceptions"][1]["properties"]["Subject"] == "Short review"
    assert item["extended"] == {"PublicStrings/tandem-token": "t1"}
    answer = alice.get(item["id"])
    assert answer.text_of("t:Organizer/t:Mailbox/t:EmailAddress") == "eve@customer.example"
    assert (answer.text_of("t:MyResponseType"), answer.text_of("t:IsOrganizer"),
            answer.text_of("t:AppointmentState")) == ("Accept", "false", "3")
    task = held(sim, "Tasks/Team")
    assert task["properties"]["DueDate"] == "2026-12-09T00:00:00Z"
    assert len(alice.view("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z").texts("t:Start")) == 3


def test_a_series_is_one_item_to_synchronize(alice):
    master = alice.made(TIMES + WEEKLY)
    first = alice.sync(folder=CALENDAR)
    assert first.ids == [master]
    state = first.text_of("m:SyncState")
    deleted = alice.call(
        '<m:DeleteItem DeleteType="MoveToDeletedItems" SendMeetingCancellations="SendToNone">'
        f'<m:ItemIds><t:OccurrenceItemId RecurringMasterId="{master}" InstanceIndex="2"/>'
        "</m:ItemIds></m:DeleteItem>")
    assert deleted.codes == ["NoError"]
    second = alice.sync(state, folder=CALENDAR)
    assert [e.tag.split("}")[1] for e in second.all("m:Changes/*")] == ["Update"]
    assert second.ids == [master]
    found = alice.call(f'<m:FindItem Traversal="Shallow"><m:ItemShape>{ID_ONLY}</m:ItemShape>'
                       f"<m:ParentFolderIds>{CALENDAR}</m:ParentFolderIds></m:FindItem>")
    assert found.ids == [master]


@pytest.mark.sim(seed="demo")
def test_the_demo_has_something_to_come(sim):
    boxes = sim.state("exchange")["exchange"]["mailboxes"].values()
    for box in boxes:
        kinds = [item["class"] for folder in box["folders"] for item in folder["items"]]
        assert kinds.count("IPM.Appointment") >= 3 and kinds.count("IPM.Task") >= 1
    for name in ("alice", "bob", "carol"):
        raw = Raw(sim, impersonate=name)
        now = datetime.datetime.now(datetime.timezone.utc)
        span = [(now + datetime.timedelta(days=n)).strftime("%Y-%m-%dT%H:%M:%SZ") for n in (0, 21)]
        assert len(raw.view(*span).texts("t:Start")) >= 1, name
    assert sim.mails() == []
