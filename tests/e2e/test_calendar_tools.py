"""khal, todoman and vdirsyncer, which others wrote, on the calendar and the tasks of the mount.

What they did is read back by exchangelib, signed in as the user, and by the simulator's own state.
"""
import base64
import datetime as dt
import errno
import json
import os
import zoneinfo

import pytest
from cycles import assert_nothing_written
from exchange import edit as change
from exchange import is_gone
from scene import ALICE, calendar, component, edit, exchange_items, refused, seed, state
from simulator import wait_for
from terminal import Terminal
from tools import run
from vdirsyncing import UPDATES, UPLOADS, Vdirsyncer, prints, verbs

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
ZONE = {"StartTimeZone": "W. Europe Standard Time"}
VIEW = "Salesforce_Sync"
VISIT = {"Subject": "Visit to Proseware", "Location": "Kiel", "Body": "Bring the prices.",
         "Start": "2035-03-06T13:00:00", "End": "2035-03-06T15:00:00", **ZONE}
FAIR = {"Subject": "Hannover fair", "IsAllDayEvent": True, "Start": "2035-03-07T00:00:00",
        "End": "2035-03-10T00:00:00", "ReminderIsSet": False, **ZONE}
# Mondays at nine; daylight saving begins on 25 March.
REVIEW = {"Subject": "Review", "Start": "2035-03-12T09:00:00", "End": "2035-03-12T10:00:00",
          "ReminderIsSet": False, **ZONE,
          "Recurrence": {"WeeklyRecurrence": {"Interval": 1, "DaysOfWeek": "Monday"},
                         "NumberedRecurrence": {"StartDate": "2035-03-12",
                                                "NumberOfOccurrences": 4}},
          "Exceptions": [{"OriginalDay": "2035-03-19"},
                         {"OriginalDay": "2035-04-02", "Subject": "Last review"}]}
# Daylight saving begins on its second day.
WATCH = {"Subject": "Watch", "Start": "2035-03-24T12:00:00", "End": "2035-03-24T12:30:00",
         "ReminderIsSet": False, **ZONE,
         "Recurrence": {"DailyRecurrence": {"Interval": 1},
                        "NumberedRecurrence": {"StartDate": "2035-03-24",
                                               "NumberOfOccurrences": 5}}}
LIST = {"Subject": "Send the price list", "DueDate": "2035-03-08", "Importance": "High",
        "Status": "InProgress", "PercentComplete": 50}
CARDS = {"Subject": "Order business cards", "Body": "250 of them."}


def world(calendar=(), tasks=()):
    company = seed()
    company["mailboxes"][0].update(calendar=list(calendar), tasks=list(tasks))
    return company


def by_subject(folder):
    """{subject: item}, read item by item as Outlook opens them; subjects are unique here."""
    ids = [(item.id, item.changekey) for item in folder.all().only("id", "changekey")]
    found = list(folder.account.fetch(ids=ids))
    named = {item.subject: item for item in found}
    assert len(named) == len(found), [item.subject for item in found]
    return named


def local(*numbers):
    return dt.datetime(*numbers, tzinfo=BERLIN)


def calendar_of(sim):
    """[item] as the simulator keeps them."""
    return exchange_items(sim)["Calendar"]


def state_of(sim, subject):
    """The one event of this subject."""
    (found,) = [item for item in calendar_of(sim) if item["properties"]["Subject"] == subject]
    return found


def last_day(sim, subject):
    """Of a series; exchangelib takes no date with an offset here."""
    return state_of(sim, subject)["recurrence"]["EndDateRecurrence"]["EndDate"][:10]


def with_text(folder, text):
    """The one file of the folder that has this text."""
    (found,) = [path for path in folder.glob("*.ics") if text in path.read_text()]
    return found


def ics(kind, uid, *lines):
    return calendar(*component(kind, uid, *lines))


def environment(home, **more):
    return {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "LC_ALL": "C.UTF-8",
            "XDG_CACHE_HOME": str(home), "TZ": "Europe/Berlin", **more}


# khal --------------------------------------------------------------------------------------------

DELETE_INSTANCE = """
import datetime, sys
from khal.cli import build_collection
from khal.settings import get_config
config, title, day = sys.argv[1:]
collection = build_collection(get_config(config), None)
(event,) = [one for one in collection.get_events_on(datetime.date.fromisoformat(day))
            if one.summary == title]
event.delete_instance(event.recurrence_id)
collection.update(event)
"""


class Khal:
    def __init__(self, home, calendar):
        self.home = home
        self.config = home / "khal.conf"
        home.mkdir()
        self.config.write_text(f"""
[calendars]
[[calendar]]
path = {calendar}
[[salesforce]]
path = {calendar}/{VIEW}

[default]
default_calendar = calendar

[locale]
local_timezone = Europe/Berlin
default_timezone = Europe/Berlin
timeformat = %H:%M
dateformat = %Y-%m-%d
longdateformat = %Y-%m-%d
datetimeformat = %Y-%m-%d %H:%M
longdatetimeformat = %Y-%m-%d %H:%M

[sqlite]
path = {home}/khal.db
""")

    def __call__(self, *words):
        return run("khal", "-c", self.config, *words, **environment(self.home)).stdout

    def list(self, *words):
        """[line]: day, times, title of each instance, be it of several days."""
        form = "{start-date} {start-time} {end-time} {title}"
        lines = self("list", "--day-format", "", "--format", form, *words)
        return list(dict.fromkeys(" ".join(line.split()) for line in lines.splitlines()
                                  if line.strip()))

    def delete_instance(self, title, day):
        """As ikhal does; that of Debian 12 forgets the etag on the way (get_event), on any vdir."""
        run("/usr/bin/python3", "-c", DELETE_INSTANCE, self.config, title, day,
            **environment(self.home))

    def terminal(self, *words):
        return Terminal("khal", "-c", self.config, *words, **environment(self.home, TERM="xterm"))

    def edit(self, title, *answers):
        """(key, value, ...) for each property; the last answer ends it."""
        with self.terminal("edit", title) as khal:
            for key, *values in answers:
                khal.wait_for("rl: ")
                khal.type(f"{key}\n")
                for value in values:
                    khal.wait_for(": ")
                    khal.type(f"{value}\n")
            khal.wait()


@pytest.fixture
def khal(mount, tmp_path):
    return Khal(tmp_path / "home", mount.mailbox("alice") / "Calendar")


IN_BERLIN = {f'user "{ALICE}"': {"timezone": "Europe/Berlin"}}


@pytest.mark.sim(seed=world([VISIT, FAIR, REVIEW, {
    **VISIT, "Subject": "Customer call", "Start": "2035-03-06T16:00:00",
    "End": "2035-03-06T16:30:00", "Categories": [VIEW]}]))
@pytest.mark.mount(config=IN_BERLIN)
def test_khal_lists_shows_and_creates(sim, mount, exchange, khal):
    """Timed, all day, floating, with alarms, series; in the calendar and in its view."""
    calendar = mount.mailbox("alice") / "Calendar"
    assert khal.list("-a", "calendar", "2035-03-01", "60d") == [
        "2035-03-06 13:00 15:00 Visit to Proseware", "2035-03-07 Hannover fair",
        "2035-03-12 09:00 10:00 Review", "2035-03-26 09:00 10:00 Review",
        "2035-04-02 09:00 10:00 Last review"]
    assert khal.list("-a", "salesforce", "2035-03-01", "60d") == [
        "2035-03-06 16:00 16:30 Customer call"]
    shown = khal("at", "--format", "{title}|{location}|{description}|{calendar}",
                 "2035-03-06", "14:00")
    assert "Visit to Proseware|Kiel|Bring the prices.|calendar" in shown
    assert "Hannover fair" in khal("list", "2035-03-09", "1d")
    assert "Hannover fair" not in khal("list", "2035-03-10", "1d")

    khal("new", "-l", "Quay 3", "-g", "Food,Harbour", "-m", "20m", "2035-03-20", "10:00", "11:30",
         "Lunch with Ben", "::", "At the harbour")
    khal("new", "2035-03-21", "2035-03-22", "Two days off")
    khal("new", "-r", "weekly", "-u", "2035-04-10", "2035-03-22", "08:30", "30m", "Stand-up")
    khal("new", "-a", "salesforce", "2035-03-23", "14:00", "15:00", "Demonstration")
    (calendar / "floating.ics").write_text("\r\n".join([
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//EN", "BEGIN:VEVENT", "UID:floating-1",
        "DTSTAMP:20350101T000000Z", "DTSTART:20350620T120000", "DURATION:PT1H",
        "SUMMARY:Noon anywhere", "END:VEVENT", "END:VCALENDAR", ""]))
    before = prints(calendar, ".ics")
    mount.sync()
    assert prints(calendar, ".ics") == before
    account = exchange("alice")
    found = by_subject(account.calendar)
    assert len(found) == 9

    lunch = found["Lunch with Ben"]
    assert (lunch.start, lunch.end) == (local(2035, 3, 20, 10), local(2035, 3, 20, 11, 30))
    assert (lunch.location, lunch.text_body.strip()) == ("Quay 3", "At the harbour")
    assert sorted(lunch.categories) == ["Food", "Harbour"]
    assert (lunch.reminder_is_set, lunch.reminder_minutes_before_start) == (True, 20)
    off = found["Two days off"]
    assert off.is_all_day and (off.start, off.end) == (dt.date(2035, 3, 21), dt.date(2035, 3, 22))
    midnight = state_of(sim, "Two days off")["properties"]
    assert (midnight["Start"], midnight["End"]) == ("2035-03-20T23:00:00Z", "2035-03-22T23:00:00Z")
    standup = found["Stand-up"]
    assert (standup.start, standup.end) == (local(2035, 3, 22, 8, 30), local(2035, 3, 22, 9))
    assert standup.recurrence.pattern.weekdays == [4]  # Thursday
    assert last_day(sim, "Stand-up") == "2035-04-09"  # until 10 April at midnight
    assert found["Demonstration"].categories == [VIEW]
    assert found["Demonstration"].start == local(2035, 3, 23, 14)
    assert found["Noon anywhere"].start == local(2035, 6, 20, 12)
    assert [row["Subject"] for row in sim.records("Event") if row["Subject"] == "Demonstration"]

    assert khal.list("2035-03-20", "60d") == [
        "2035-03-20 10:00 11:30 Lunch with Ben", "2035-03-21 Two days off",
        "2035-03-22 08:30 09:00 Stand-up", "2035-03-23 14:00 15:00 Demonstration",
        "2035-03-26 09:00 10:00 Review", "2035-03-29 08:30 09:00 Stand-up",
        "2035-04-02 09:00 10:00 Last review", "2035-04-05 08:30 09:00 Stand-up"]
    assert_nothing_written(sim, mount)


@pytest.mark.sim(seed=world([VISIT, FAIR, REVIEW, WATCH]))
@pytest.mark.mount(config={"sync": {"remove-quiet": "0"}, **IN_BERLIN})
def test_khal_edits_and_deletes(sim, mount, exchange, khal):
    """Every property, one instance of a series, an event."""
    calendar = mount.mailbox("alice") / "Calendar"
    account = exchange("alice")
    ids = {subject: item.id for subject, item in by_subject(account.calendar).items()}
    khal.edit("Proseware", ("s", "Visit to Fabrikam"), ("d", "Bring the samples."),
              ("t", "2035-03-07 14:00 16:30"), ("l", "Lübeck"), ("c", "Travel, Customer"),
              ("a", "45m"), ("p", "weekly", "2035-03-22"), ("n",))
    khal.edit("Fair", ("D", "y"))
    khal.delete_instance("Watch", "2035-03-26")
    assert "EXDATE" in with_text(calendar, "SUMMARY:Watch").read_text()
    khal.edit("Last review", ("s", "Weekly review"), ("n",), ("q",))  # the whole series
    # Of one instance khal edits nothing; its lines in the file are as good.
    edit(with_text(calendar, "SUMMARY:Weekly review"), "SUMMARY:Last review\r\n",
         "SUMMARY:Final review\r\nLOCATION:Room 7\r\n")
    mount.sync()

    found = by_subject(account.calendar)
    assert sorted(found) == ["Visit to Fabrikam", "Watch", "Weekly review"]
    assert is_gone(account, ids["Hannover fair"]) or "Hannover fair" in by_subject(account.trash)
    visit = found["Visit to Fabrikam"]
    assert visit.id == ids["Visit to Proseware"]
    assert (visit.start, visit.end) == (local(2035, 3, 7, 14), local(2035, 3, 7, 16, 30))
    assert (visit.location, visit.text_body.strip()) == ("Lübeck", "Bring the samples.")
    assert sorted(visit.categories) == ["Customer", "Travel"]
    assert visit.reminder_minutes_before_start == 45
    assert visit.recurrence.pattern.weekdays == [3]  # Wednesday
    assert last_day(sim, "Visit to Fabrikam") == "2035-03-21"  # until 22 March at midnight
    watch = found["Watch"]
    assert watch.id == ids["Watch"] and watch.recurrence.boundary.number == 5
    (deleted,) = watch.deleted_occurrences
    assert deleted.start == local(2035, 3, 26, 12)
    review = found["Weekly review"]
    assert review.id == ids["Review"]
    (modified,) = review.modified_occurrences
    (last,) = account.fetch(ids=[(modified.id, modified.changekey)])
    assert (last.subject, last.location) == ("Final review", "Room 7")
    assert modified.original_start == last.start == local(2035, 4, 2, 9)
    assert [gone.start for gone in review.deleted_occurrences] == [local(2035, 3, 19, 9)]
    assert_nothing_written(sim, mount)


# todoman -----------------------------------------------------------------------------------------

class Todoman:
    def __init__(self, home, tasks):
        lists = home / "lists"
        lists.mkdir(parents=True)
        for folder in (tasks, tasks / VIEW):
            (lists / folder.name).symlink_to(folder)
        self.home = home
        self.config = home / "todoman.py"
        self.config.write_text(f"""
path = "{lists}/*"
default_list = "Tasks"
default_due = 0
date_format = "%Y-%m-%d"
time_format = "%H:%M"
cache_path = "{home}/todoman.sqlite3"
""")

    def __call__(self, *words):
        return run("todoman", "--config", self.config, *words, **environment(self.home)).stdout

    def list(self, *words):
        """{summary: task}"""
        listed = json.loads(self("--porcelain", "list", *words))
        return {task["summary"]: task for task in listed}

    def ids(self):
        """{summary: what it is called by on the command line}"""
        return {summary: str(task["id"]) for summary, task in
                self.list("--status", "ANY").items()}


@pytest.fixture
def todoman(mount, tmp_path):
    return Todoman(tmp_path / "home", mount.mailbox("alice") / "Tasks")


def crm_tasks(sim):
    return sorted(row["Subject"] for row in sim.records("Task"))


@pytest.mark.sim(seed=world(tasks=[LIST, CARDS, {"Subject": "Weekly report",
                                                 "DueDate": "2035-03-09"}]))
@pytest.mark.mount(config={"sync": {"remove-quiet": "0"}, **IN_BERLIN})
def test_todoman(sim, mount, exchange, todoman):
    """Lists, shows, adds, edits, completes, moves, copies and deletes."""
    account = exchange("alice")
    ids = {subject: item.id for subject, item in by_subject(account.tasks).items()}
    listed = todoman.list()
    assert sorted(listed) == ["Order business cards", "Send the price list", "Weekly report"]
    prices = listed["Send the price list"]
    assert (prices["priority"], prices["percent"], prices["list"]) == (1, 50, "Tasks")
    assert dt.datetime.fromtimestamp(prices["due"], BERLIN).date() == dt.date(2035, 3, 8)
    numbers = todoman.ids()
    assert "250 of them." in todoman("show", numbers["Order business cards"])

    todoman("new", "-l", "Tasks", "-d", "2035-04-02", "--priority", "high", "Call the printer")
    todoman("new", "-l", VIEW, "-s", "2035-04-03", "-d", "2035-04-05", "Demonstration")
    todoman("edit", "--due", "2035-03-30", "--priority", "low", numbers["Weekly report"])
    todoman("done", numbers["Send the price list"])
    todoman("move", "-l", VIEW, numbers["Order business cards"])
    mount.sync()
    found = by_subject(account.tasks)
    assert len(found) == 5
    printer = found["Call the printer"]
    assert (printer.due_date, printer.importance, printer.status, printer.categories) == (
        dt.date(2035, 4, 2), "High", "NotStarted", None)
    shown = found["Demonstration"]
    assert (shown.start_date, shown.due_date) == (dt.date(2035, 4, 3), dt.date(2035, 4, 5))
    assert shown.categories == [VIEW]
    report = found["Weekly report"]
    assert (report.due_date, report.importance) == (dt.date(2035, 3, 30), "Low")
    prices = found["Send the price list"]
    assert (prices.status, prices.percent_complete) == ("Completed", 100)
    ago = dt.datetime.now(dt.timezone.utc) - prices.complete_date
    assert abs(ago) < dt.timedelta(days=1, hours=1)
    cards = found["Order business cards"]
    assert cards.categories == [VIEW] and cards.text_body.strip() == "250 of them."
    for item in (report, prices, cards):
        assert item.id == ids[item.subject]
    assert crm_tasks(sim) == ["Demonstration", "Order business cards"]
    listed = todoman.list()
    assert {summary: task["list"] for summary, task in listed.items()} == {
        "Call the printer": "Tasks", "Demonstration": VIEW, "Order business cards": VIEW,
        "Weekly report": "Tasks"}

    numbers = todoman.ids()
    todoman("copy", "-l", VIEW, numbers["Weekly report"])
    todoman("cancel", numbers["Order business cards"])
    todoman("delete", "--yes", numbers["Call the printer"])
    mount.sync()
    mount.sync()
    assert sorted(item.subject for item in account.tasks.all()) == [
        "Demonstration", "Order business cards", "Send the price list", "Weekly report",
        "Weekly report"]
    assert_nothing_written(sim, mount)


# vdirsyncer --------------------------------------------------------------------------------------

@pytest.mark.sim(seed=world([VISIT, FAIR, REVIEW], [LIST, CARDS]))
@pytest.mark.mount(config={"sync": {"remove-quiet": "0"}, **IN_BERLIN})
def test_vdirsyncer_pairs_calendar_view_and_tasks(sim, mount, exchange, tmp_path):
    """Copies both ways, then has nothing to do: at once, after cycles and after a remount."""
    calendar, task_list = (mount.mailbox("alice") / name for name in ("Calendar", "Tasks"))
    folders = {"calendar_": calendar, "view_": calendar / VIEW, "tasks_": task_list}
    vdirsyncer = Vdirsyncer(tmp_path / "vdirsyncer", folders, ".ics")
    plains = vdirsyncer.plains
    new = {"calendar_": ics("VEVENT", "lunch-1", "DTSTART;VALUE=DATE:20350320",
                            "SUMMARY:Lunch week", "RRULE:FREQ=DAILY;COUNT=5",
                            "EXDATE;VALUE=DATE:20350322"),
           "view_": ics("VEVENT", "demo-1", "DTSTART:20350323T130000Z", "DURATION:PT45M",
                        "SUMMARY:Demonstration", "BEGIN:VALARM", "ACTION:DISPLAY",
                        "DESCRIPTION:x", "TRIGGER:-PT5M", "END:VALARM"),
           "tasks_": ics("VTODO", "call-1", "DUE;VALUE=DATE:20350402", "SUMMARY:Call Ben",
                         "PRIORITY:1")}
    for name, text in new.items():
        (plains[name] / "new.ics").write_text(text)
    done = verbs(vdirsyncer.sync())
    assert done == sorted([(UPLOADS, f"{name}mount") for name in folders]
                          + [(UPLOADS, "calendar_plain")] * 3 + [(UPLOADS, "tasks_plain")] * 2)
    before = {name: prints(folder, ".ics") for name, folder in folders.items()}
    assert vdirsyncer.sync() == []
    mount.sync()
    assert vdirsyncer.sync() == []
    mount.stop()
    mount.start()
    mount.sync()
    assert vdirsyncer.sync() == []
    assert {name: prints(folder, ".ics") for name, folder in folders.items()} == before

    account = exchange("alice")
    events, tasks = by_subject(account.calendar), by_subject(account.tasks)
    assert (len(events), len(tasks)) == (5, 3)
    week = events["Lunch week"]
    assert week.is_all_day and week.start == dt.date(2035, 3, 20)
    assert week.recurrence.boundary.number == 5 and len(week.deleted_occurrences) == 1
    demo = events["Demonstration"]
    assert (demo.start, demo.end) == (local(2035, 3, 23, 14), local(2035, 3, 23, 14, 45))
    assert (demo.categories, demo.reminder_minutes_before_start) == ([VIEW], 5)
    assert (tasks["Call Ben"].due_date, tasks["Call Ben"].importance) == (
        dt.date(2035, 4, 2), "High")

    # Edits: in the copies, in Exchange; deletions: of a copy, in Exchange.
    edit(with_text(plains["calendar_"], "SUMMARY:Visit"), "Kiel", "Rostock")
    edit(with_text(plains["tasks_"], "SUMMARY:Call Ben"), "20350402", "20350403")
    with_text(plains["calendar_"], "SUMMARY:Hannover").unlink()
    change(demo, location="Hall 2")
    tasks["Order business cards"].move_to_trash()
    mount.sync()
    assert verbs(vdirsyncer.sync()) == sorted([
        ("Deleting", "calendar_mount"), (UPDATES, "calendar_mount"), (UPDATES, "view_plain"),
        ("Deleting", "tasks_plain"), (UPDATES, "tasks_mount")])
    mount.sync()
    assert vdirsyncer.sync() == []
    assert "LOCATION:Hall 2" in with_text(plains["view_"], "SUMMARY:Demo").read_text()
    events, tasks = by_subject(account.calendar), by_subject(account.tasks)
    assert sorted(events) == ["Demonstration", "Lunch week", "Review", "Visit to Proseware"]
    assert events["Visit to Proseware"].location == "Rostock"
    assert sorted(tasks) == ["Call Ben", "Send the price list"]
    assert tasks["Call Ben"].due_date == dt.date(2035, 4, 3)


# Refused -----------------------------------------------------------------------------------------

IMPOSSIBLE = {
    "FREQ=HOURLY": "a rule of this frequency",
    "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=1,2": "several positions (BYSETPOS)",
    "FREQ=DAILY\r\nRRULE:FREQ=WEEKLY": "more than one rule",
}


@pytest.mark.sim(seed=world([REVIEW]))
def test_a_rule_that_exchange_cannot_hold_is_refused(sim, mount):
    """By every way into the calendar: nothing is stored, the draft stays, the reason is told."""
    box = mount.mailbox("alice")
    calendar, lost = box / "Calendar", box / ".sync" / "lost+found"
    review = with_text(calendar, "SUMMARY:Review")
    original = review.read_bytes()
    for n, (rule, reason) in enumerate(IMPOSSIBLE.items()):
        text = ics("VEVENT", f"bad-{n}", "DTSTART:20350323T130000Z", "SUMMARY:Often",
                   f"RRULE:{rule}")
        draft = calendar / f".draft{n}"
        draft.write_text(text)
        refused(errno.EINVAL, (calendar / f"written{n}.ics").write_text, text)
        refused(errno.EINVAL, draft.rename, calendar / f"renamed{n}.ics")
        refused(errno.EINVAL, os.link, draft, calendar / f"linked{n}.ics")
        refused(errno.EINVAL, review.write_bytes,
                original.replace(b"RRULE:", f"RRULE:{rule};X=".encode()))
        assert draft.read_text() == text.replace("\r\n", "\n")
        for name in (f"written{n}", f"renamed{n}", f"linked{n}"):
            # RELEASE comes after close(2) has returned.
            wait_for((lost / f"{name}.ics.reason").exists, 30, f"the reason of {name}")
            wait_for(lambda: not (calendar / f"{name}.ics").exists(), 30, f"{name} to go")
            assert reason in (lost / f"{name}.ics.reason").read_text()
            assert (lost / f"{name}.ics.refused").read_bytes() == text.encode()
    assert review.read_bytes() == original
    mount.sync()
    assert [item["properties"]["Subject"] for item in calendar_of(sim)] == ["Review"]
    assert mount.ctl("errors").stdout.strip() == "no errors"


@pytest.mark.sim(seed=world())
def test_an_instance_that_exchange_cannot_hold_is_told(sim, mount):
    """The series is made once, linked and kept; what it lacks is its error."""
    calendar = mount.mailbox("alice") / "Calendar"
    text = ics("VEVENT", "extra-1", "DTSTART:20350305T090000Z", "DURATION:PT1H",
               "SUMMARY:Extra", "RRULE:FREQ=WEEKLY;COUNT=3", "RDATE:20350307T090000Z")
    (calendar / "extra.ics").write_text(text)
    for _ in range(3):
        mount.sync()
        (made,) = calendar_of(sim)
        assert made["properties"]["UID"] == "extra-1"
        assert [path.name for path in calendar.glob("*.ics")] == ["extra.ics"]
    assert state(calendar / "extra.ics") == "error"
    assert "no occurrence at 2035-03-07T09:00:00" in mount.ctl("errors").stdout
    edit(calendar / "extra.ics", "RDATE:20350307T090000Z\r\n", "")
    edit(calendar / "extra.ics", "SUMMARY:Extra", "SUMMARY:Plain")
    mount.sync()
    (after,) = calendar_of(sim)
    assert (after["id"], after["properties"]["Subject"]) == (made["id"], "Plain")
    assert state(calendar / "extra.ics") == "synced"


@pytest.mark.sim(seed=world())
def test_a_task_that_recurs(sim, mount, exchange):
    """From its start, or, when it has none, from the day it is due."""
    folder = mount.mailbox("alice") / "Tasks"
    days = {"started": ["DTSTART;VALUE=DATE:20350305", "DUE;VALUE=DATE:20350307"],
            "due": ["DUE;VALUE=DATE:20350305"]}
    for name, lines in days.items():
        (folder / f"{name}.ics").write_text(ics(
            "VTODO", name, f"SUMMARY:{name}", *lines, "RRULE:FREQ=WEEKLY;COUNT=3;BYDAY=MO,WE"))
    mount.sync()
    found = by_subject(exchange("alice").tasks)
    for name in days:
        assert state(folder / f"{name}.ics") == "synced"
        recurrence = found[name].recurrence
        assert [str(day) for day in recurrence.pattern.weekdays] == ["1", "3"]
        assert recurrence.boundary.number == 3
    made = {item["properties"]["Subject"]: item for item in exchange_items(sim)["Tasks"]}
    for name in days:
        first = made[name]["recurrence"]["NumberedRecurrence"]["StartDate"]
        assert first[:10] == "2035-03-05", name


WORK_HOURS = """<?xml version="1.0"?><Root xmlns="WorkingHours.xsd"><WorkHoursVersion1><TimeZone>
<Bias>300</Bias><Standard><Bias>0</Bias><ChangeDate><Time>02:00:00</Time><Date>0000/11/01</Date>
<DayOfWeek>0</DayOfWeek></ChangeDate></Standard><DaylightSavings><Bias>-60</Bias><ChangeDate>
<Time>02:00:00</Time><Date>0000/03/02</Date><DayOfWeek>0</DayOfWeek></ChangeDate></DaylightSavings>
<Name>Eastern Standard Time</Name></TimeZone><TimeSlot><Start>09:00:00</Start><End>17:00:00</End>
</TimeSlot><WorkDays>Monday Tuesday</WorkDays></WorkHoursVersion1></Root>"""


@pytest.mark.sim(seed=world())
def test_a_floating_event_has_the_clock_of_the_mailbox(sim, start_mount, raw):
    """Where neither the configuration nor a CRM names one: that of the working hours in Outlook."""
    answer = raw.call(
        '<m:CreateUserConfiguration><m:UserConfiguration><t:UserConfigurationName Name="WorkHours">'
        '<t:DistinguishedFolderId Id="calendar"/></t:UserConfigurationName>'
        f"<t:XmlData>{base64.b64encode(WORK_HOURS.encode()).decode()}</t:XmlData>"
        "</m:UserConfiguration></m:CreateUserConfiguration>")
    assert answer.codes == ["NoError"], answer.text
    mount = start_mount(sim, config={"crm": None})
    (mount.mailbox("alice") / "Calendar" / "lunch.ics").write_text(ics(
        "VEVENT", "lunch", "DTSTART:20350305T120000", "DURATION:PT1H", "SUMMARY:Lunch"))
    mount.sync()
    (made,) = calendar_of(sim)
    assert made["properties"]["Start"] == "2035-03-05T17:00:00Z"  # New York is UTC-5 in winter
    assert made["properties"]["StartTimeZone"] == "Eastern Standard Time"
