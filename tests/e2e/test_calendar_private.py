"""What must not get out of a calendar: private items into the CRM, mail to attendees, HTML bodies lost.

Private texts all hold the word SECRET; what was sent to the CRM is searched in everything that the
simulator recorded of requests to it, query strings included.
"""
import pytest
from exchangelib import Attendee, CalendarItem, EWSDateTime, EWSTimeZone, HTMLBody, Mailbox, Task
from exchangelib.items import SEND_TO_NONE
from exchangelib.recurrence import Recurrence, WeeklyPattern
from kinds import VIEW
from scene import ALICE, attribute, calendar, component, edit, exchange_items, seed, unfolded

BERLIN = EWSTimeZone("Europe/Berlin")
DAY = "20370316"  # a Monday
HTML = ("<html><head><style>p {{ color: #123 }}</style></head><body><p>Bring the <b>{0}</b> &amp; "
        "a\u00a0pen</p>\r\n<!-- kept --><table><tr><td>1</td></tr></table></body></html>")
WORD = "SECRET"


def event(uid, *lines, series=(), exceptions=()):
    """An hour on that Monday; series: lines of the rule; exceptions: (day, lines)."""
    def on(day, *more):
        return component("VEVENT", uid, f"DTSTART;TZID=Europe/Berlin:{day}T100000",
                         f"DTEND;TZID=Europe/Berlin:{day}T110000", *more)

    parts = on(DAY, *lines, *series)
    for day, more in exceptions:
        parts += on(day, f"RECURRENCE-ID;TZID=Europe/Berlin:{day}T100000", *more)
    return calendar(*parts).encode()


def task(uid, *lines):
    return calendar(*component("VTODO", uid, *lines)).encode()


WEEKLY = ("RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=4",)
SECOND = "20370323"
TEXTS = (f"SUMMARY:{WORD} title", f"DESCRIPTION:{WORD} body", f"LOCATION:{WORD} place")


def sent_to_crm(directory):
    """Every byte of requests to the CRM."""
    sent = (directory / "index.jsonl").read_text()
    return sent + "".join(path.read_text() for path in directory.glob("*-sf-*-request.*"))


def subjects(sim, table):
    return sorted({row["Subject"] for row in sim.records(table)})


def in_outlook(account, subject):
    """The one item of this subject in Calendar or Tasks, in full."""
    found = [item for folder in (account.calendar, account.tasks)
             for item in folder.all().only("id", "changekey", "subject")
             if item.subject == subject]
    [item] = account.fetch(ids=[(item.id, item.changekey) for item in found])
    return item


def change(item, **fields):
    for name, value in fields.items():
        setattr(item, name, value)
    more = {} if isinstance(item, Task) else {"send_meeting_invitations": SEND_TO_NONE}
    item.save(update_fields=list(fields), **more)


# Private items ------------------------------------------------------------------------------------

IN_EXCHANGE = {"Start": "2037-03-16T10:00:00", "End": "2037-03-16T11:00:00", "Categories": ["CRM"],
               "StartTimeZone": "W. Europe Standard Time"}
PRIVATE_SEED = seed()
PRIVATE_SEED["mailboxes"][0].update(
    calendar=[
        {"Subject": f"{WORD} of Outlook {word}", "Sensitivity": word, "Location": f"{WORD} place",
         **IN_EXCHANGE} for word in ("Private", "Confidential", "Personal")] + [
        {"Subject": "Series of Outlook", **IN_EXCHANGE,
         "Recurrence": {"WeeklyRecurrence": {"Interval": 1, "DaysOfWeek": "Monday"},
                        "NumberedRecurrence": {"StartDate": "2037-03-16",
                                               "NumberOfOccurrences": 4}},
         "Exceptions": [{"OriginalDay": "2037-03-23", "Subject": f"{WORD} occurrence",
                         "Sensitivity": "Private"}]}],
    tasks=[{"Subject": f"{WORD} task of Outlook", "Sensitivity": "Private", "Categories": ["CRM"]}])
PRIVATE_SEED["salesforce"]["Event"] = [
    {"Subject": f"{WORD} of the CRM", "StartDateTime": "2037-03-16T09:00:00.000+0000",
     "DurationInMinutes": 60, "IsPrivate": True, "Owner": ALICE},
    {"Subject": "Open in the CRM", "StartDateTime": "2037-03-16T09:00:00.000+0000",
     "DurationInMinutes": 60, "Owner": ALICE}]


@pytest.mark.sim(seed=PRIVATE_SEED)
@pytest.mark.mount(config={'policy "default"': {"calendar-import": "owned", "tasks-import": "owned"}})
def test_nothing_private_is_sent(sim, mount, exchange, tmp_path):
    record = tmp_path / "record"
    record.mkdir()
    sim.record(record)
    view = mount.mailbox("alice") / "Calendar" / VIEW
    tasks = mount.mailbox("alice") / "Tasks" / VIEW
    classes = ("PRIVATE", "CONFIDENTIAL", "X-PERSONAL")
    for name in classes:
        (view / f"born {name}.ics").write_bytes(event(f"born-{name}", f"CLASS:{name}", *TEXTS))
        (tasks / f"born {name}.ics").write_bytes(task(f"task-{name}", f"CLASS:{name}", *TEXTS[:2]))
    (view / "born occurrence.ics").write_bytes(event(
        "born-occurrence", "SUMMARY:Born", series=WEEKLY,
        exceptions=[(SECOND, ("CLASS:PRIVATE", *TEXTS))]))
    # These turn private: nothing of what they then say may be sent.
    turning = ("by file", "by Outlook", "by occurrence", "by occurrence in Outlook", "by move")
    for name in turning:
        (view / f"{name}.ics").write_bytes(event(
            name, f"SUMMARY:Open {name}", series=WEEKLY if "occurrence" in name else ()))
    for name in ("task by file", "task by Outlook"):
        (tasks / f"{name}.ics").write_bytes(task(name, f"SUMMARY:Open {name}"))
    mount.sync()
    public = ["Open in the CRM"] + [f"Open {name}" for name in turning]
    assert subjects(sim, "Event") == sorted([f"{WORD} of the CRM", *public])
    assert subjects(sim, "Task") == ["Open task by Outlook", "Open task by file"]
    assert not [path for path in view.parent.rglob("*.ics") if "of the CRM" in path.name]
    assert list(view.glob("*Open in the CRM.ics"))

    (view / "by file.ics").write_bytes(event("by file", "CLASS:PRIVATE", *TEXTS))
    (tasks / "task by file.ics").write_bytes(task("task by file", "CLASS:PRIVATE", *TEXTS[:2]))
    (view / "by occurrence.ics").write_bytes(event(
        "by occurrence", "SUMMARY:Open by occurrence", series=WEEKLY,
        exceptions=[(SECOND, ("CLASS:PRIVATE", *TEXTS))]))
    (view / "by move.ics").rename(view.parent / "by move.ics")
    mount.sync()
    (view.parent / "by move.ics").write_bytes(event("by move", "CLASS:PRIVATE", *TEXTS))
    mount.sync()
    (view.parent / "by move.ics").rename(view / "by move.ics")
    account = exchange("alice")
    change(in_outlook(account, "Open by Outlook"), sensitivity="Private", subject=f"{WORD} now",
           location=f"{WORD} place")
    change(in_outlook(account, "Open task by Outlook"), sensitivity="Private",
           subject=f"{WORD} task now")
    occurrence = in_outlook(account, "Open by occurrence in Outlook").occurrence(index=2)
    occurrence.refresh()
    change(occurrence, sensitivity="Private", subject=f"{WORD} occurrence")
    for _ in range(3):
        mount.sync()
    left = subjects(sim, "Event")
    assert [name for name in left if name != "Open by move"] == \
        ["Open in the CRM", f"{WORD} of the CRM"]  # the one that was moved out is unlinked
    assert subjects(sim, "Task") == []
    sim.record(None)
    sent = sent_to_crm(record)
    assert "Open by file" in sent and "Open task by file" in sent  # the traffic is what is searched
    assert WORD not in sent
    assert sim.mails() == []


# Invitations ---------------------------------------------------------------------------------------

ATTENDEES = ("ORGANIZER:mailto:alice@corp.example", "ATTENDEE;RSVP=TRUE:mailto:bob@corp.example",
             "ATTENDEE;ROLE=OPT-PARTICIPANT:mailto:customer@client.example")


def addresses(sim, subject):
    """The attendees of that appointment in Exchange, and the subjects of its exceptions."""
    [item] = [item for item in exchange_items(sim)["Calendar"]
              if item["properties"]["Subject"] == subject]
    return sorted(one["Mailbox"]["EmailAddress"] for one in item["attendees"])


@pytest.mark.sim(seed=seed(bob=[]))
def test_nobody_is_invited(sim, mount, exchange):
    calendar = mount.mailbox("alice") / "Calendar"
    account = exchange("alice")
    file = calendar / "meeting.ics"

    def settle():
        mount.sync()
        assert [one for one in mount.ctl_json("errors") if one["state"] == "error"] == []
        assert sim.mails() == []

    file.write_bytes(event("meeting", "SUMMARY:Meeting", *ATTENDEES, series=WEEKLY))
    single = calendar / "single.ics"
    single.write_bytes(event("single", "SUMMARY:Single", *ATTENDEES))
    settle()
    assert addresses(sim, "Meeting") == ["bob@corp.example", "customer@client.example"]
    # Another list of attendees, another time, an exception, a deleted occurrence: by file.
    single.write_bytes(event("single", "SUMMARY:Single", *ATTENDEES,
                             "ATTENDEE:mailto:new@client.example"))
    file.write_bytes(event(
        "meeting", "SUMMARY:Meeting", *ATTENDEES[:2],
        series=(*WEEKLY, "EXDATE;TZID=Europe/Berlin:20370330T100000"),
        exceptions=[(SECOND, ("SUMMARY:Longer", *ATTENDEES[:2]))]).replace(b"T110000", b"T120000"))
    settle()
    assert addresses(sim, "Meeting") == ["bob@corp.example"]
    assert len(addresses(sim, "Single")) == 3
    # By a colleague's program, which sends to none.
    made = CalendarItem(
        folder=account.calendar, subject="Outlook's", required_attendees=[
            Attendee(mailbox=Mailbox(email_address="bob@corp.example"))],
        start=EWSDateTime(2037, 3, 16, 10, tzinfo=BERLIN),
        end=EWSDateTime(2037, 3, 16, 11, tzinfo=BERLIN),
        recurrence=Recurrence(pattern=WeeklyPattern(interval=1, weekdays=["Monday"]),
                              start=EWSDateTime(2037, 3, 16, tzinfo=BERLIN).date(), number=4))
    made.save(send_meeting_invitations=SEND_TO_NONE)
    settle()
    outlooks = next(path for path in calendar.glob("*.ics") if "Outlook" in path.name)
    assert "mailto:bob@corp.example" in unfolded(outlooks)
    # Designated, edited in the CRM and by file, undesignated, moved and deleted.
    view = calendar / VIEW
    for path in (file, single, outlooks):
        path.rename(view / path.name)
    settle()
    rows = {row["Subject"]: row for row in sim.records("Event") if row["GroupEventType"] != "0"
            or not row["IsRecurrence2"]}
    assert {"Meeting", "Single", "Outlook's"} <= set(rows)
    sim.act("update", id=rows["Meeting"]["Id"], fields={"Location": "Hall"})
    sim.act("update", id=rows["Single"]["Id"], fields={
        "StartDateTime": "2037-03-17T09:00:00.000+0000"})
    settle()
    assert "LOCATION:Hall" in unfolded(view / "meeting.ics")
    assert "20370317T100000" in unfolded(view / "single.ics")
    edit(view / outlooks.name, "Outlook's", "Ours")
    settle()
    (view / "meeting.ics").rename(calendar / "meeting.ics")
    (calendar / "Other").mkdir()
    (view / "single.ics").rename(calendar / "Other" / "single.ics")
    settle()
    for path in (calendar / "meeting.ics", view / outlooks.name, calendar / "Other" / "single.ics"):
        path.unlink()
    settle()
    assert [path.name for path in calendar.rglob("*.ics")] == []


# HTML bodies ---------------------------------------------------------------------------------------

@pytest.mark.sim(seed=seed())
def test_html_bodies_stay(sim, mount, exchange):
    account = exchange("alice")
    start, end = (EWSDateTime(2037, 3, 16, hour, tzinfo=BERLIN) for hour in (10, 11))
    common = {"folder": account.calendar, "start": start, "end": end, "categories": ["CRM"]}
    CalendarItem(subject="Single", body=HTMLBody(HTML.format("single")), **common).save()
    CalendarItem(subject="Series", body=HTMLBody(HTML.format("series")), recurrence=Recurrence(
        pattern=WeeklyPattern(interval=1, weekdays=["Monday"]), start=start.date(), number=4),
        **common).save()
    Task(folder=account.tasks, subject="Task", categories=["CRM"],
         body=HTMLBody(HTML.format("task"))).save()
    occurrence = in_outlook(account, "Series").occurrence(index=2)
    occurrence.refresh()
    change(occurrence, body=HTMLBody(HTML.format("occurrence")))

    def bodies():
        found = {}
        for path, items in exchange_items(sim).items():
            for item in items if path in ("Calendar", "Tasks") else ():
                found[item["properties"]["Subject"].split()[0]] = item["properties"]["Body"]
                for one in item.get("exceptions", ()):
                    found["exception"] = one["properties"]["Body"]
        return found

    before = bodies()
    assert before == {name: HTML.format(word) for name, word in (
        ("Single", "single"), ("Series", "series"), ("Task", "task"), ("exception", "occurrence"))}
    mount.sync()
    files = {name: next((mount.mailbox("alice") / folder).rglob(f"*{name}.ics"))
             for name, folder in (("Single", "Calendar"), ("Series", "Calendar"),
                                  ("Task", "Tasks"))}
    for name, path in files.items():
        text = unfolded(path)
        assert f"DESCRIPTION:Bring the {name.lower()} & a\u00a0pen" in text and "<b>" not in text
    assert "Bring the occurrence & a\u00a0pen" in unfolded(files["Series"])
    # Other fields, in the file and in the CRM.
    for path in files.values():
        edit(path, "SUMMARY:", "PRIORITY:1\r\nSUMMARY:")
    edit(files["Single"], "DTEND;TZID=Europe/Berlin:20370316T110000",
         "DTEND;TZID=Europe/Berlin:20370316T120000")
    mount.sync()
    assert bodies() == before
    for table in ("Event", "Task"):
        for row in sim.records(table):
            if row.get("GroupEventType") != "0" or not row.get("IsRecurrence2"):
                sim.act("update", id=row["Id"], fields={"Subject": f"{row['Subject']} changed"})
    mount.sync()
    assert sorted(item["properties"]["Subject"] for items in exchange_items(sim).values()
                  for item in items) == ["Series changed", "Single changed", "Task changed"]
    assert bodies() == before
    # A change of the text is one of the body.
    for path in files.values():
        assert attribute(path, "state") == "synced"
    single = next((mount.mailbox("alice") / "Calendar").rglob("*Single.ics"))
    edit(single, "Bring the single", "Leave the single")
    mount.sync()
    assert "Leave the single" in bodies()["Single"]
    assert {**bodies(), "Single": None} == {**before, "Single": None}
    assert sim.mails() == []
