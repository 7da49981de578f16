"""What is only read, what is too long for the CRM, and events and tasks as JSON."""
import json
import re

import pytest

from cycles import assert_nothing_written
from scene import attribute, calendar, component, edit, exchange_items, seed, state, unfolded

VIEW = "Salesforce_Sync"
WHEN = ("DTSTART;TZID=Europe/Berlin:20370316T100000", "DTEND;TZID=Europe/Berlin:20370316T110000")
MEETING = seed()
MEETING["mailboxes"][0]["calendar"] = [
    {"Subject": "Meeting", "Start": "2037-03-16T10:00:00", "End": "2037-03-16T11:00:00",
     "StartTimeZone": "W. Europe Standard Time",
     "JoinOnlineMeetingUrl": "https://meet.corp.example/j/1?p=a,b;c"}]


def event(uid, *lines):
    return calendar(*component("VEVENT", uid, *WHEN, *lines)).encode()


def row(sim, table, path):
    [found] = [one for one in sim.records(table) if one["Id"] == attribute(path, "crm-id")]
    return found


def known(box, path):
    """What the gateway says of one item."""
    return json.loads((box / ".sync" / "state" / f"{path.relative_to(box)}.json").read_text())


@pytest.mark.sim(seed=MEETING)
def test_where_a_meeting_is_online_is_shown(sim, mount, box):
    [path] = (box / "Calendar").glob("*Meeting.ics")
    assert "https://meet.corp.example/j/1?p=a" in unfolded(path)
    edit(path, "SUMMARY:Meeting", "SUMMARY:Ours")
    mount.sync()
    [item] = exchange_items(sim)["Calendar"]
    assert item["properties"]["Subject"] == "Ours"
    assert item["properties"]["JoinOnlineMeetingUrl"].endswith("p=a,b;c")
    assert_nothing_written(sim, mount)


@pytest.mark.sim(seed=seed())
def test_what_attendees_answer_is_shown(sim, mount, box):
    path = box / "Calendar" / "meeting.ics"
    people = ["eve@client.example", "max@client.example"]
    path.write_bytes(event("meeting", "SUMMARY:Meeting", "ORGANIZER:mailto:alice@corp.example",
                           *(f"ATTENDEE;RSVP=TRUE:mailto:{who}" for who in people)))
    mount.sync()
    written = path.read_bytes()
    [item] = exchange_items(sim)["Calendar"]
    for who, response in zip(people, ("Accept", "Decline")):
        sim.call("POST", "/sim/ews/respond", {
            "id": item["id"], "attendee": who, "response": response})
    mount.sync()

    def answers():
        return {who: re.search("PARTSTAT=([A-Z-]+)", line)[1] if "PARTSTAT" in line else None
                for line in unfolded(path).splitlines() for who in people
                if line.startswith("ATTENDEE") and who in line}

    assert answers() == {people[0]: "ACCEPTED", people[1]: "DECLINED"}
    edit(path, "SUMMARY:Meeting", "SUMMARY:Ours")
    mount.sync()
    assert answers() == {people[0]: "ACCEPTED", people[1]: "DECLINED"}
    # What a file says of answers is not sent: they are the attendees'.
    path.write_bytes(written)
    mount.sync()
    [item] = exchange_items(sim)["Calendar"]
    assert item["properties"]["Subject"] == "Meeting"
    assert {one["Mailbox"]["EmailAddress"]: one["ResponseType"] for one in item["attendees"]} == {
        people[0]: "Accept", people[1]: "Decline"}
    assert_nothing_written(sim, mount)


@pytest.mark.sim(seed=seed())
def test_too_long_for_the_crm(sim, mount, box):
    """A subject is an error, and nothing of the item is sent; a description is cut, here it is whole."""
    view, tasks = box / "Calendar" / VIEW, box / "Tasks" / VIEW
    files = [view / "long.ics", tasks / "long.ics"]
    files[0].write_bytes(event("long", f"SUMMARY:{'Visit ' * 50}"))
    files[1].write_bytes(calendar(*component("VTODO", "long", f"SUMMARY:{'Call ' * 60}")).encode())
    mount.sync(check=False)
    assert sim.records("Event") == sim.records("Task") == []
    for path in files:
        assert state(path) == "error"
        assert "Subject" in attribute(path, "error") and "255" in attribute(path, "error")
    assert len(exchange_items(sim)["Calendar"]) == len(exchange_items(sim)["Tasks"]) == 1

    edit(files[0], "Visit " * 50, "Visit")
    edit(files[1], "Call " * 60, "Call")
    words = "0123456789" * 3300
    for path in files:
        edit(path, "SUMMARY:", f"DESCRIPTION:{words}\r\nSUMMARY:")
    mount.sync()
    for path, table in zip(files, ("Event", "Task")):
        assert state(path) == "synced"
        assert row(sim, table, path)["Description"] == words[:32000]
        assert f"DESCRIPTION:{words}" in unfolded(path)
        assert known(box, path)["crm"]["cut"] == ["Description"]
        assert known(box, path)["exchange"]["cut"] is None
        sim.act("update", id=attribute(path, "crm-id"), fields={"Subject": "Theirs"})
    mount.sync()
    for path in files:
        text = unfolded(path)
        assert "SUMMARY:Theirs" in text and f"DESCRIPTION:{words}" in text
    assert_nothing_written(sim, mount)
    for path in files:
        path.write_bytes(unfolded(path).replace(words, "Short").encode())
    mount.sync()
    for path, table in zip(files, ("Event", "Task")):
        assert row(sim, table, path)["Description"] == "Short"
        assert known(box, path)["crm"]["cut"] is None


@pytest.mark.sim(seed=seed())
def test_events_and_tasks_as_json(sim, mount, box):
    """RFC 8984, shown and taken."""
    (box / "Calendar" / "visit.ics").write_bytes(event(
        "visit", "SUMMARY:Visit", "RRULE:FREQ=WEEKLY;COUNT=3",
        "EXDATE;TZID=Europe/Berlin:20370323T100000"))
    (box / "Tasks" / "call.ics").write_bytes(calendar(*component(
        "VTODO", "call", "SUMMARY:Call", "DUE;VALUE=DATE:20370316")).encode())
    mount.sync()
    visit, call = box / ".json" / "Calendar" / "visit.json", box / ".json" / "Tasks" / "call.json"
    document = json.loads(visit.read_text())
    assert {key: document[key] for key in ("@type", "uid", "title", "start", "timeZone", "duration")} == {
        "@type": "Event", "uid": "visit", "title": "Visit", "start": "2037-03-16T10:00:00",
        "timeZone": "Europe/Berlin", "duration": "PT1H"}
    assert document["recurrenceRules"] == [
        {"@type": "RecurrenceRule", "frequency": "weekly", "count": 3}]
    assert document["recurrenceOverrides"] == {"2037-03-23T10:00:00": {"excluded": True}}
    task = json.loads(call.read_text())
    assert (task["@type"], task["title"], task["due"][:10]) == ("Task", "Call", "2037-03-16")

    document.update(title="Audit", recurrenceOverrides={
        "2037-03-30T10:00:00": {"title": "Last audit"}})
    visit.write_text(json.dumps(document))
    call.write_text(json.dumps({**task, "progress": "completed", "title": "Called"}))
    mount.sync()
    text = unfolded(box / "Calendar" / "visit.ics")
    assert "SUMMARY:Audit" in text and "SUMMARY:Last audit" in text and "EXDATE" not in text
    assert "STATUS:COMPLETED" in unfolded(box / "Tasks" / "call.ics")
    [item] = exchange_items(sim)["Calendar"]
    assert item["properties"]["Subject"] == "Audit"
    assert [(one["day"], one["properties"]["Subject"]) for one in item["exceptions"]] == [
        ("2037-03-30", "Last audit")]
    [item] = exchange_items(sim)["Tasks"]
    assert (item["properties"]["Subject"], item["properties"]["Status"]) == ("Called", "Completed")
    assert_nothing_written(sim, mount)
