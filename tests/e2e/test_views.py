"""Salesforce_Sync below calendar and task folders: a category that is a place.

Outlook's part is played by exchangelib; the CRM is read from the simulator's own state."""
import datetime
import errno
import os

import pytest
from exchangelib.folders import Calendar
from cycles import assert_nothing_written
from kinds import VIEW
from scene import calendar, component, seed, state
from simulator import wait_for
from tools import run

SOON = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=3)


def ics(kind, uid, summary, *lines):
    when = [f"DTSTART:{SOON:%Y%m%dT100000Z}"] if kind == "VEVENT" else []
    return calendar(*component(kind, uid, *when, f"SUMMARY:{summary}", *lines)).encode()


def files(directory):
    return sorted(path.name for path in directory.iterdir() if path.is_file())


def in_outlook(account, folder, subject):
    """The one item with this subject in a default folder."""
    (item,) = [item for item in getattr(account, folder).all() if item.subject == subject]
    return item


@pytest.mark.sim(seed=seed())
@pytest.mark.parametrize("kind, component, folder", [
    ("Calendar", "VEVENT", "calendar"), ("Tasks", "VTODO", "tasks")])
def test_moved_in_and_out_twice(sim, mount, exchange, kind, component, folder):
    top = mount.mailbox("alice") / kind
    bytes_ = ics(component, "one@client.example", "Visit", "CATEGORIES:Travel")
    (top / "visit.ics").write_bytes(bytes_)
    mount.sync()
    inode = (top / "visit.ics").stat().st_ino
    records = "Event" if kind == "Calendar" else "Task"
    for _ in range(2):
        run("mv", top / "visit.ics", top / VIEW)
        mount.sync()
        assert set(in_outlook(exchange("alice"), folder, "Visit").categories) == {"Travel", VIEW}
        assert (top / VIEW / "visit.ics").read_bytes() == bytes_
        assert (top / VIEW / "visit.ics").stat().st_ino == inode
        assert [row["Subject"] for row in sim.records(records)] == ["Visit"]
        run("mv", top / VIEW / "visit.ics", top)
        mount.sync()
        assert in_outlook(exchange("alice"), folder, "Visit").categories == ["Travel"]
        assert (top / "visit.ics").read_bytes() == bytes_
        assert (top / "visit.ics").stat().st_ino == inode
    assert files(top) == ["visit.ics"] and files(top / VIEW) == []


@pytest.mark.sim(seed=seed())
def test_a_category_set_in_outlook_moves_the_file(sim, mount, exchange):
    calendar = mount.mailbox("alice") / "Calendar"
    (calendar / "visit.ics").write_bytes(ics("VEVENT", "two@client.example", "Visit"))
    mount.sync()
    inode, bytes_ = (calendar / "visit.ics").stat().st_ino, (calendar / "visit.ics").read_bytes()
    item = in_outlook(exchange("alice"), "calendar", "Visit")
    item.categories = [VIEW]
    item.save(update_fields=["categories"], send_meeting_invitations="SendToNone")
    mount.sync()
    assert files(calendar) == [] and files(calendar / VIEW) == ["visit.ics"]
    assert (calendar / VIEW / "visit.ics").stat().st_ino == inode
    assert (calendar / VIEW / "visit.ics").read_bytes() == bytes_
    assert state(calendar / VIEW / "visit.ics") == "synced"
    assert [row["Subject"] for row in sim.records("Event")] == ["Visit"]
    item = in_outlook(exchange("alice"), "calendar", "Visit")
    item.categories = None
    item.save(update_fields=["categories"], send_meeting_invitations="SendToNone")
    mount.sync()
    assert files(calendar) == ["visit.ics"] and files(calendar / VIEW) == []
    assert (calendar / "visit.ics").stat().st_ino == inode


@pytest.mark.sim(seed=seed())
def test_what_a_view_is_not(mount):
    mailbox = mount.mailbox("alice")
    calendar = mailbox / "Calendar"
    (calendar / "visit.ics").write_bytes(ics("VEVENT", "three@client.example", "Visit"))

    def number(call, *args):
        with pytest.raises(OSError) as caught:
            call(*args)
        return errno.errorcode[caught.value.errno]

    assert number(os.rename, calendar / VIEW, calendar / "Other") == "EPERM"
    assert number(os.rmdir, calendar / VIEW) == "EPERM"
    assert number(os.mkdir, calendar / VIEW / "Sub") == "EPERM"
    assert number(os.rename, calendar / "visit.ics", mailbox / "Tasks" / "visit.ics") == "EPERM"
    assert number(os.rename, calendar / "visit.ics",
                  mailbox / "Tasks" / VIEW / "visit.ics") == "EPERM"
    assert files(calendar) == ["visit.ics"]


@pytest.mark.sim(seed=seed())
def test_written_rewritten_and_removed_in_the_view(sim, mount, exchange):
    view = mount.mailbox("alice") / "Calendar" / VIEW
    (view / "visit.ics").write_bytes(ics("VEVENT", "four@client.example", "Visit"))
    mount.sync()
    (view / ".tmp").write_bytes(ics("VEVENT", "four@client.example", "Later"))
    os.rename(view / ".tmp", view / "visit.ics")
    mount.sync()
    assert in_outlook(exchange("alice"), "calendar", "Later").categories == [VIEW]
    assert [row["Subject"] for row in sim.records("Event")] == ["Later"]
    assert sorted((mount.mailbox("alice") / ".json" / "Calendar" / VIEW).iterdir())[0].name == \
        "visit.json"
    run("rm", view / "visit.ics")
    wait_for(lambda: mount.sync() and exchange("alice").calendar.all().count() == 0)
    assert files(view) == []


@pytest.mark.sim(seed=seed())
@pytest.mark.mount(config={"sync": {"remove-quiet": "0"}})
def test_a_real_folder_of_that_name(sim, mount, exchange):
    """It stands beside the view, and what lies in it is designated by nothing."""
    account = exchange("alice")
    calendar = mount.mailbox("alice") / "Calendar"
    (calendar / VIEW / "in view.ics").write_bytes(ics("VEVENT", "view@client.example", "Visit"))
    mount.sync()
    Calendar(parent=account.calendar, name=VIEW).save()
    for _ in range(2):
        mount.sync()
        assert sorted(path.name for path in calendar.iterdir()) == [VIEW, f"{VIEW} (2)"]
    (calendar / f"{VIEW} (2)" / "in folder.ics").write_bytes(
        ics("VEVENT", "folder@client.example", "Other"))
    mount.sync()
    account.calendar.refresh()
    assert [item.subject for item in (account.calendar / VIEW).all()] == ["Other"]
    assert files(calendar / VIEW) == ["in view.ics"]
    assert [row["Subject"] for row in sim.records("Event")] == ["Visit"]
    assert_nothing_written(sim, mount)


@pytest.mark.sim(seed=seed())
@pytest.mark.mount(config={"sync": {"remove-quiet": "0"}})
def test_tools_rewrite_in_the_view_twice(sim, mount, exchange, tmp_path):
    """cp, sed -i and a redirection keep a task in the view; rm there is a removal."""
    view = mount.mailbox("alice") / "Tasks" / VIEW
    path = view / "task.ics"
    (tmp_path / "task.ics").write_bytes(ics("VTODO", "task@client.example", "Call"))
    for _ in range(2):
        run("cp", tmp_path / "task.ics", path)
        mount.sync()
        assert [row["Subject"] for row in sim.records("Task")] == ["Call"]
        run("sed", "-i", "s/^SUMMARY:.*/SUMMARY:By sed\\r/", path)
        mount.sync()
        assert [row["Subject"] for row in sim.records("Task")] == ["By sed"]
        item = in_outlook(exchange("alice"), "tasks", "By sed")
        assert item.categories == [VIEW]
        for _ in range(2):  # what stands there already
            item = in_outlook(exchange("alice"), "tasks", "By sed")
            item.categories = [VIEW]
            item.save(update_fields=["categories"])
            mount.sync()
        assert files(view) == ["task.ics"] and files(view.parent) == []
    run("rm", path)
    mount.sync()
    wait_for(lambda: mount.sync() and exchange("alice").tasks.all().count() == 0)
    assert files(view) == [] and len(sim.records("Task")) == 1
