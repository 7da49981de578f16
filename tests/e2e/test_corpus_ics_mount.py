"""Calendars of other programs, put into the mount as files: each is taken or refused with a reason.
Files of many items go through tandemctl import, and what is in Exchange afterwards is counted there.

The corpus stands outside the project (TANDEM_SHARED, or ../shared beside the checkout); without it the
files written here are used alone.
"""
import collections
import errno
import json
import os
import re

import pytest
from corpora import CORPUS
from cycles import assert_nothing_written
from scale import amount
from scene import calendar, component, exchange_items, seed, state
from simulator import wait_for

ICS = CORPUS / "ics"


def ics_file(*lines):
    return calendar(*lines).encode()


START = "DTSTART:20260101T100000Z"
OWN = {
    "own-event.ics": ics_file(*component("VEVENT", "own-1", START, "SUMMARY:One")),
    "own-task.ics": ics_file(*component("VTODO", "own-2", "SUMMARY:Do it")),
    "own-many.ics": ics_file(*component("VEVENT", "own-3", START),
                             *component("VEVENT", "own-4", START),
                             *component("VTODO", "own-5", "SUMMARY:Two")),
    "own-hourly.ics": ics_file(*component("VEVENT", "own-6", START, "RRULE:FREQ=HOURLY")),
    "own-broken.ics": ics_file(*component("VEVENT", "own-7", "DTSTART:soon")),
}
MANY = "tandemctl import takes such a file"
OTHER_KIND = "it belongs into a folder of tasks"


def corpus():
    """Every file, or with less time every fifth."""
    step = amount(1, 5)
    found = {path.name: path.read_bytes() for path in sorted(ICS.glob("*.ics"))[::step]}
    found.update({f"bad {path.name}": path.read_bytes()
                  for path in sorted((ICS / "bad").glob("*.ics"))[::step]})
    return {**OWN, **found}


def put(folder, name, content):
    """None, or the errno of its refusal."""
    try:
        (folder / name).write_bytes(content)
    except OSError as error:
        return error.errno
    return None


def put_all(box, files):
    """{name: (folder it stands in or None, why not)}: each is tried as an event, then as a task."""
    lost = box / ".sync" / "lost+found"
    placed = {}
    for name, content in files.items():
        for folder in ("Calendar", "Tasks"):
            number = put(box / folder, name, content)
            if number is None:
                placed[name] = (folder, None)
                break
            assert number in (errno.EINVAL, errno.EEXIST), (name, number)
            reason = lost / f"{name}.reason"
            wait_for(reason.exists, 30, f"the reason of {name}")
            placed[name] = (None, reason.read_text().strip())
            assert (lost / f"{name}.refused").read_bytes() == content, name
            reason.with_name(f"{name}.refused").unlink()
            if OTHER_KIND not in placed[name][1]:
                break
    return placed


def import_all(mount, box, sources):
    """Into both folders: {(file, line of the item): result}, the better of the two."""
    results = {}
    for folder in ("Calendar", "Tasks"):
        answer = mount.ctl("--json", "import", *sources, box / folder, check=False)
        for one in json.loads(answer.stdout)["items"]:
            assert one["result"] != "refused" or one["reason"], one
            if results.get(one["from"], "refused") == "refused":
                results[one["from"]] = one["result"]
    return results


def items(box):
    return [path for folder in ("Calendar", "Tasks") for path in (box / folder).glob("*.ics")]


@pytest.mark.sim(seed=seed())
@pytest.mark.mount(config={"sync": {"max-create": "0"}})
def test_calendars_of_other_programs(sim, mount, tmp_path, record_property):
    box = mount.mailbox("alice")
    files = corpus()
    placed = put_all(box, files)
    taken = {name: folder for name, (folder, _) in placed.items() if folder}
    refused = {name: why for name, (folder, why) in placed.items() if not folder}
    doubles = {name for name, why in refused.items() if why.startswith("its UID")}
    many = {name for name, why in refused.items() if MANY in why}
    for name, why in refused.items():
        assert name in doubles or re.match(
            r"line \d+: [^:]+: .|recurrence: Exchange cannot hold .|the file is larger", why), why
    assert taken["own-event.ics"] == "Calendar" and taken["own-task.ics"] == "Tasks"
    assert "own-many.ics" in many and {"own-hourly.ics", "own-broken.ics"} <= refused.keys()

    sources = {name: tmp_path / name for name in sorted(many)}
    for name, path in sources.items():
        path.write_bytes(files[name])
    results = import_all(mount, box, sources.values())
    count = collections.Counter(results.values())
    assert {where: result for where, result in results.items()
            if where.startswith(f"{sources['own-many.ics']}:")} == dict.fromkeys(
                [f"{sources['own-many.ics']}:{line}" for line in (4, 9, 14)], "taken")
    assert len(items(box)) == len(taken) + count["taken"]

    shown = sorted(items(box))
    mount.sync()
    states = collections.Counter(state(path) for path in shown)
    held = exchange_items(sim)
    made = len(held["Calendar"]) + len(held["Tasks"])
    # A series that lacks an instance there is an error, and is there; what is not there, neither.
    assert states["synced"] <= made <= len(shown) == states["synced"] + states["error"]
    for path in shown:
        if state(path) == "error":
            assert os.getxattr(path, "user.tandem.error").startswith(b"Exchange: "), path
    for name, folder in taken.items():
        if b"ATTENDEE" not in files[name] and folder == "Calendar":
            # Else Exchange names the mailbox's user as who called the meeting.
            assert (box / folder / name).read_bytes() == files[name], name
    mount.sync()  # what was refused is tried again where another version stands there
    assert_nothing_written(sim, mount)
    assert sorted(items(box)) == shown, "an item came back as another"
    record_property("count", f"ics corpus through the mount: {len(taken)} of {len(files)} files "
                    f"taken, "
                    f"{len(doubles)} with a UID that is taken, {len(many)} of many items, "
                    f"{len(refused) - len(doubles) - len(many)} others refused with a reason")
    record_property("count", f"ics corpus through import: {count['taken']} items taken, "
                    f"{count['skipped']} skipped, {count['refused']} refused with a reason; "
                    f"{states['error']} of all are "
                    f"not for Exchange as a whole")
    if not ICS.is_dir():
        record_property("count", f"not run: no ics corpus at {ICS}")
