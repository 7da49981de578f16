"""kill -9 at any moment, while three mailboxes are written to and synced: what was closed is there.

Three writers, one a mailbox, create, overwrite, replace, move, remove and fsync files as fast as they can
and remember every call that returned; somebody in the CRM edits linked records.  Cycles run all the time.
The daemon is killed after a random time and started again, and every file must be in the state in which
its last call left it; of the call that got no answer, either state will do.  At the end both servers
must have each item once, with its last value.

TANDEM_KILLS=1000 kills so often (`make kills N=1000`), TANDEM_KILLS_SEED chooses the moments.
"""
import errno
import os
import random
import re
import signal
import sqlite3
import subprocess
import threading
import time

import pytest

from cycles import assert_nothing_written
from kinds import VIEW
from scale import amount
from scene import crm_contacts, exchange_contacts, lost, person, seed
from simulator import wait_for

KILLS = int(os.environ.get("TANDEM_KILLS") or amount(25, 8))
SEED = int(os.environ.get("TANDEM_KILLS_SEED") or 1)
SLOTS = 12
STAYING = 4
PACE = 20  # calls that return between two kills, on average
BOXES = ("alice", "bob", "carol")
GONE = (None, None)


def company():
    made = seed()
    made["mailboxes"] = [
        {"address": f"{name}@corp.example", "name": name.capitalize(), "password": f"{name}-word",
         "contacts": [person(name.capitalize(), f"Stays{n}", folder=VIEW) for n in range(STAYING)]}
        for name in BOXES]
    return made


# Cycles come on the heels of every edit.  The guard is not what is tested here.
CONFIG = {"sync": {"quiet": "0.05", "remove-quiet": "0.2", "max-delete": "100000", "workers": "3"}}
pytestmark = [pytest.mark.sim(seed=company()), pytest.mark.mount(config=CONFIG)]


def text(name, slot, value):
    return (f"BEGIN:VCARD\r\nVERSION:4.0\r\nUID:{name}-{slot}\r\nFN:{name} {slot}\r\n"
            f"N:{slot};{name};;;\r\nEMAIL:{name}.{slot}@client.example\r\nTITLE:v{value}\r\n"
            "END:VCARD\r\n").encode()


class Writer(threading.Thread):
    """Works on its slots until a call fails.  known: {slot: (directory, value)} of calls that returned;
    doubt: (slot, the state it was to have) of the one that did not."""

    def __init__(self, box, name, known, counter, seed):
        super().__init__()
        self.box, self.name, self.known = box / "Contacts", name, known
        self.value, self.random = counter, random.Random(seed)
        self.doubt, self.calls, self.fsyncs, self.trouble = None, 0, 0, None

    def path(self, slot, place):
        return self.box / place / f"{slot}.vcf"

    def write(self, path, value, slot):
        with open(path, "wb", buffering=0) as out:
            out.write(text(self.name, slot, value))
            if self.random.random() < 0.3:
                os.fsync(out.fileno())
                self.fsyncs += 1

    def step(self):
        slot = f"S{self.random.randrange(SLOTS):02}"
        place, value = self.known.get(slot, GONE)
        chosen = self.random.random()
        self.value += 1
        if place is None:
            place = self.random.choice(("", VIEW))
            self.doubt = slot, (place, self.value)
            self.write(self.path(slot, place), self.value, slot)
        elif chosen < 0.45:
            self.doubt = slot, (place, self.value)
            self.write(self.path(slot, place), self.value, slot)
        elif chosen < 0.7:
            self.doubt = slot, (place, self.value)
            draft = self.box / f".{slot}.new"
            self.write(draft, self.value, slot)
            os.replace(draft, self.path(slot, place))
        elif chosen < 0.9:
            other = "" if place else VIEW
            self.doubt = slot, (other, value)
            os.rename(self.path(slot, place), self.path(slot, other))
        else:
            self.doubt = slot, GONE
            os.unlink(self.path(slot, place))
        self.known[slot] = self.doubt[1]
        self.doubt = None
        self.calls += 1

    def run(self):
        try:
            while True:
                self.step()
        except OSError as error:
            self.trouble = error


def found_states(box):
    """{slot: (directory, value)}; fails where one name is there twice."""
    found = {}
    for place in ("", VIEW):
        for entry in os.listdir(box / "Contacts" / place):
            if not re.fullmatch(r"S\d\d\.vcf", entry):
                assert not re.match(r"S\d\d", entry), f"{entry}: doubled"
                continue
            slot = entry[:3]
            data = (box / "Contacts" / place / entry).read_bytes()
            value = re.search(rb"^TITLE:v(\d+)\r$", data, re.M)
            assert slot not in found, f"{slot} is there twice"
            found[slot] = place, int(value[1]) if value else None
    return found


def settle_doubt(writer, found, seen):
    """What must be there is; the one call without an answer took place or not."""
    slot, state = writer.doubt or (None, None)
    for name in {*writer.known, *found, slot} - {None}:
        here, known = found.get(name, GONE), writer.known.get(name, GONE)
        if here[0] is not None and here[1] is None:
            # Made, and not written yet: an empty file, which is no item.
            assert name == slot and known == GONE, f"{name}: empty, was {known}"
            os.unlink(writer.path(name, here[0]))
            here = GONE
        allowed = [known] + [state] * (name == slot)
        assert here in allowed, f"{writer.name} {name}: {here}, closed as {known}, then {state}"
        writer.known[name] = here
        seen["checked"] += 1
    for entry in os.listdir(writer.box):
        if entry.endswith(".new"):
            os.unlink(writer.box / entry)


def edit_in_crm(sim, rng, edits):
    """Somebody changes a linked record; its last value is kept in edits."""
    rows = [row for row in crm_contacts(sim) if row["LastName"].startswith("Stays")]
    row = rng.choice(rows)
    edits[row["Id"]] = f"Department {len(edits)} {rng.random()}"
    sim.act("update", id=row["Id"], fields={"Department": edits[row["Id"]]})


def keep_pace(writers, totals):
    """Where calls are slow the moments come later, so that a kill meets as much work as elsewhere."""
    totals["kills"] += 1
    wanted = PACE * totals["kills"] - totals["calls"]
    wait_for(lambda: sum(writer.calls for writer in writers) > wanted
             or not all(writer.is_alive() for writer in writers), 60, "enough calls")


def kill_once(sim, mount, known, totals, rng, edits):
    writers = [Writer(mount.mailbox(name), name, known[name], totals["value"], rng.random())
               for name in BOXES]
    for writer in writers:
        writer.start()
    edit_in_crm(sim, rng, edits)
    time.sleep(rng.uniform(0.02, 0.4))  # the load is what is awaited: any moment will do
    keep_pace(writers, totals)
    mount.process.kill()
    for writer in writers:
        writer.join(60)
        assert not writer.is_alive()
    mount.kill()
    mount.start()
    for writer in writers:
        settle_doubt(writer, found_states(mount.mailbox(writer.name)), totals)
        totals["calls"] += writer.calls
        totals["fsyncs"] += writer.fsyncs
        totals["value"] = max(totals["value"], writer.value)


def let_time_pass(mount):
    """Creates without an answer may be judged (I1), and removals are sent."""
    mount.stop()
    store = sqlite3.connect(mount.cache / "cache.db")
    with store:
        store.execute("UPDATE side SET token_sent = token_sent - 3600000000000 "
                      "WHERE token_sent > 0")
    store.close()
    mount.start()


def settle(mount):
    """Until there is nothing left to do; what the guard holds is confirmed."""
    def quiet():
        mount.sync()
        batches = {row["batch"] for row in mount.ctl_json("deletes")}
        for batch in batches:
            mount.ctl("deletes", "confirm", batch)
        states = [box["items"] for box in mount.ctl_json("status")["mailboxes"]]
        return not batches and all(not row["pending"] for row in states)

    mount.sync()
    let_time_pass(mount)
    wait_for(quiet, 120, "the end of all cycles")
    mount.sync()


def rows_of(sim, mount, name):
    """{slot: (directory, value)} as Exchange has them."""
    rows = [(c["Surname"], "" if c["folder"] == "Contacts" else VIEW, c.get("JobTitle"))
            for c in exchange_contacts(sim, f"{name}@corp.example")
            if c.get("GivenName") == name]
    assert len(rows) == len({row[0] for row in rows}), f"{name}: doubled in Exchange: {rows}"
    return {slot: (place, int(title[1:])) for slot, place, title in rows}


def check_servers(sim, mount, known, edits):
    """Each item once on either side, with its last value; what somebody edited in the CRM is here."""
    surnames = [(row["FirstName"], row["LastName"]) for row in crm_contacts(sim)]
    assert len(surnames) == len(set(surnames)), "doubled in Salesforce"
    for name in BOXES:
        there = {slot: state for slot, state in known[name].items() if state != GONE}
        assert rows_of(sim, mount, name) == there, name
        for row in crm_contacts(sim):
            if row["FirstName"] == name and there.get(row["LastName"], ("",))[0] == VIEW:
                assert row["Title"] == f"v{there[row['LastName']][1]}", row
        designated = {slot for slot, (place, _) in there.items() if place == VIEW}
        assert designated <= {row["LastName"] for row in crm_contacts(sim)
                              if row["FirstName"] == name}
    departments = {row["Id"]: row for row in crm_contacts(sim)}
    for record, value in edits.items():
        row = departments[record]
        assert row["Department"] == value
        (contact,) = [c for c in exchange_contacts(sim, f"{row['FirstName'].lower()}@corp.example")
                      if c["Surname"] == row["LastName"]]
        assert contact["Department"] == value


def test_killed_at_any_moment(sim, mount, record_property):
    rng = random.Random(SEED)
    known = {name: {} for name in BOXES}
    totals = {"kills": 0, "value": 0, "calls": 0, "fsyncs": 0, "checked": 0}
    edits = {}
    for _ in range(KILLS):
        kill_once(sim, mount, known, totals, rng, edits)
    settle(mount)
    for name in BOXES:
        here = found_states(mount.mailbox(name))
        assert here == {slot: state for slot, state in known[name].items() if state != GONE}
        # Made again, an item finds the record that the last one of its address left.
        kept = mount.ctl_json("conflicts", f"{name}@corp.example")
        assert all(one["conflict"]["uid"].startswith(f"{name}-S") for one in kept), name
        assert lost(mount.mailbox(name)) == [], name
    check_servers(sim, mount, known, edits)
    assert_nothing_written(sim, mount)
    assert totals["calls"] > PACE * KILLS
    record_property("count", f"{KILLS} random kills: {totals['calls']} changes of files closed, "
                    f"{totals['fsyncs']} fsynced, {len(edits)} records edited; "
                    f"{totals['checked']} files checked; lost 0, duplicated 0")


def helpers(mount):
    """Processes that the daemon has started."""
    return [int(pid) for pid in subprocess.run(["pgrep", "-P", str(mount.process.pid)], text=True,
                                               capture_output=True, check=False).stdout.split()]


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("how", ["stopped", "killed", "unmounted"])
def test_nothing_is_left_running(mount, box, how):
    """The process that watches over the daemon's death ends with it, however it ends."""
    started = helpers(mount)
    assert len(started) == 1
    os.kill(started[0], signal.SIGUSR1)  # it is not the daemon's death
    assert os.listdir(box)
    if how == "killed":
        mount.process.kill()
        mount.process.wait()
        with pytest.raises(OSError) as caught:
            os.listdir(box)
        assert caught.value.errno == errno.ENOTCONN
    elif how == "stopped":
        mount.stop()
    else:
        subprocess.run(["fusermount3", "-u", str(mount.path)], check=True)
        assert mount.process.wait(30) == 0
    wait_for(lambda: not is_running(started[0]), what="the end of the other process")
    if how == "killed":
        mount.start()
        assert len(helpers(mount)) == 1
