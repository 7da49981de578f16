"""kill -9, and answers that never came: what was closed is there and arrives once.

What crash scenarios (test_steps.py) cannot do: kill between writes of one file or of many, while a
request is on its way that the server applies later, and in the middle of long transfers; and answers
that come, but make no sense.  The end is always the same: one contact on either side, with the values
that were written, and no conflict.
"""
import json
import os
import subprocess
import sys

import pytest

from cycles import assert_nothing_written
from later import hours_later
from scene import (
    card,
    crm_contact,
    crm_contacts,
    edit,
    exchange_contact,
    exchange_contacts,
    exchange_names,
    names,
    person,
    seed,
    state,
)
from simulator import wait_for

ANNA = person("Anna", "Lind", JobTitle="Buyer")
BEN = person("Ben", "Ohlsen", folder="Salesforce_Sync", BusinessPhone="+49 30 2")
CLARA = person("Clara", "Diaz")
SEED = seed([ANNA, BEN, CLARA])
NEW = card("Jana Kunz", "EMAIL:jana@kunz.example", "TITLE:Clerk")
NOW = {"sync": {"remove-quiet": "0"}}

pytestmark = [pytest.mark.sim(seed=SEED), pytest.mark.mount(config=NOW)]


def writes(sim):
    """Write requests by operation, the folder that is made at first aside."""
    operations = ("CreateItem", "UpdateItem", "MoveItem", "DeleteItem", "sf:collections-upsert",
                  "sf:collections-create", "sf:composite", "sf:collections-delete")
    counted = sim.counters()["operations"]
    return {name: counted[name] for name in operations if name in counted}


def assert_settled(sim, mount):
    """Nothing is left to do, nothing is in dispute, nobody was mailed."""
    box = mount.mailbox("alice")
    assert os.listdir(box / ".sync" / "conflicts") == []
    assert os.listdir(box / ".sync" / "lost+found") == []
    assert mount.ctl_json("errors") == []
    assert_nothing_written(sim, mount)


# After close -------------------------------------------------------------------------------------

def into_new_folder(contacts):
    os.mkdir(contacts / "Press")
    os.rename(contacts / "Anna Lind.vcf", contacts / "Press" / "Anna Lind.vcf")


def test_killed_with_a_handle_open(sim, mount, contacts):
    """What reached the daemon is kept: a whole card as the item, half of one in lost+found."""
    whole = os.open(contacts / "whole.vcf", os.O_WRONLY | os.O_CREAT, 0o600)
    half = os.open(contacts / "half.vcf", os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(whole, NEW.encode())
    os.write(half, NEW.encode()[:60])
    os.fsync(whole)
    with pytest.raises(OSError):  # EINVAL, so far
        os.close(os.dup(half))
    mount.kill()
    for fd in (whole, half):
        with pytest.raises(OSError):
            os.close(fd)
    mount.start()
    mount.sync()
    assert (contacts / "whole.vcf").read_bytes() == NEW.encode()
    assert exchange_contact(sim, "Jana Kunz")["JobTitle"] == "Clerk"
    kept = contacts.parent / ".sync" / "lost+found" / "half.vcf.refused"
    assert kept.read_bytes() == NEW.encode()[:60]
    assert len(exchange_names(sim)) == 4


WRITER = """
import json, sys
for i, text in enumerate(json.load(sys.stdin)):
    with open(f"{sys.argv[1]}/person {i}.vcf", "w", newline="") as out:
        out.write(text)
    print(i, flush=True)
"""


@pytest.mark.parametrize("after", [3, 25, 41])
def test_killed_in_the_middle_of_fifty_files(sim, mount, contacts, after):
    texts = [card(f"Person Nr{i}", f"EMAIL:person{i}@client.example", "NOTE:" + "x" * (37 * i))
             for i in range(50)]
    with subprocess.Popen([sys.executable, "-c", WRITER, str(contacts)], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as writer:
        json.dump(texts, writer.stdin)
        writer.stdin.close()
        closed = []
        for line in writer.stdout:
            closed.append(int(line))
            if len(closed) == after:
                mount.process.kill()
        assert len(closed) >= after
        assert writer.wait(60) != 0 or len(closed) == 50
    mount.crash()

    for i in closed:
        assert (contacts / f"person {i}.vcf").read_bytes() == texts[i].encode(), i
    mount.sync()
    found = {c["DisplayName"]: c for c in exchange_contacts(sim)}
    assert len(exchange_names(sim)) == len(found), "a contact was made twice"
    for i in closed:
        contact = found[f"Person Nr{i}"]
        assert contact["EmailAddresses/EmailAddress1"] == f"person{i}@client.example"
        assert contact.get("Body", "").rstrip() == "x" * (37 * i)
    # The one whose close had no answer any more is there whole, or not at all.
    assert set(found) - {f"Person Nr{i}" for i in closed} <= {
        "Anna Lind", "Ben Ohlsen", "Clara Diaz", f"Person Nr{closed[-1] + 1}"}
    assert_settled(sim, mount)


# While a request is under way --------------------------------------------------------------------

class Push:
    """A change that ends in one request of this operation."""

    def __init__(self, operation, do, there, config=None, before=None):
        self.operation, self.do, self.there, self.config = operation, do, there, config or {}
        self.before = before


PUSHES = {
    "CreateItem": Push(
        "CreateItem", lambda c: (c / "jana.vcf").write_text(NEW),
        lambda sim: exchange_contact(sim, "Jana Kunz")["JobTitle"] == "Clerk"),
    "UpdateItem": Push(
        "UpdateItem", lambda c: edit(c / "Anna Lind.vcf", "Buyer", "Dean"),
        lambda sim: exchange_contact(sim, "Anna Lind")["JobTitle"] == "Dean"),
    "a second UpdateItem": Push(
        "UpdateItem", lambda c: edit(c / "Anna Lind.vcf", "Dean", "Rector"),
        lambda sim: exchange_contact(sim, "Anna Lind")["JobTitle"] == "Rector",
        before=lambda c: edit(c / "Anna Lind.vcf", "Buyer", "Dean")),
    "MoveItem": Push(
        "MoveItem", into_new_folder,
        lambda sim: exchange_contact(sim, "Anna Lind")["folder"] == "Contacts/Press"),
    "DeleteItem": Push(
        "DeleteItem", lambda c: os.unlink(c / "Anna Lind.vcf"),
        lambda sim: exchange_names(sim) == ["Ben Ohlsen", "Clara Diaz"]),
    "CRM upsert": Push(
        "sf:collections-upsert",
        lambda c: os.setxattr(c / "Anna Lind.vcf", "user.tandem.categories", b"CRM"),
        lambda sim: crm_contact(sim, "Lind")["Title"] == "Buyer"),
    "CRM create": Push(
        "sf:collections-create",
        lambda c: os.setxattr(c / "Anna Lind.vcf", "user.tandem.categories", b"CRM"),
        lambda sim: crm_contact(sim, "Lind")["Title"] == "Buyer",
        {"crm": {"external-id-field": None}}),
    "CRM update": Push(
        "sf:composite",
        lambda c: edit(c / "Salesforce_Sync" / "Ben Ohlsen.vcf", "+49 30 2", "+49 30 22"),
        lambda sim: crm_contact(sim, "Ohlsen")["Phone"] == "+49 30 22"),
    "a second CRM update": Push(
        "sf:composite",
        lambda c: edit(c / "Salesforce_Sync" / "Ben Ohlsen.vcf", "+49 30 22", "+49 30 222"),
        lambda sim: crm_contact(sim, "Ohlsen")["Phone"] == "+49 30 222",
        before=lambda c: edit(c / "Salesforce_Sync" / "Ben Ohlsen.vcf", "+49 30 2", "+49 30 22")),
    "CRM delete": Push(
        "sf:collections-delete", lambda c: os.unlink(c / "Salesforce_Sync" / "Ben Ohlsen.vcf"),
        lambda sim: crm_contacts(sim, "Ohlsen") == [],
        {'policy "default"': {"contacts-remove": "crm"}}),
}


@pytest.fixture
def push(request, sim, start_mount):
    """(the push, a mount that is configured for it)"""
    chosen = PUSHES[request.param]
    mount = start_mount(sim, config={**NOW, **chosen.config})
    if chosen.before:
        chosen.before(mount.mailbox("alice") / "Contacts")
        mount.sync()
    return chosen, mount


def fired(sim):
    return sum(fault["fired"] for fault in sim.faults())


def assert_only_once(sim):
    """No person is there twice on either side."""
    for found in (exchange_names(sim), [row["Name"] for row in crm_contacts(sim)]):
        assert len(found) == len(set(found)), found


@pytest.mark.parametrize("push", PUSHES, indirect=True)
def test_killed_before_the_server_applied_it(sim, push):
    """The request lives on and is applied while the next daemon is at work already."""
    change, mount = push
    change.do(mount.mailbox("alice") / "Contacts")
    sim.fault(change.operation, "delay", ms=4000)
    mount.ctl("sync", "--no-wait")
    wait_for(lambda: fired(sim), 60, "the request")
    mount.crash()
    mount.sync(check=False)
    assert_only_once(sim)
    # The next daemon may have sent the same: what is there tells nothing of the first one's request.
    wait_for(lambda: sim.counters()["delayed"] == 0, 60, "the late request")
    mount.sync()
    assert change.there(sim)
    assert_only_once(sim)
    assert_settled(sim, mount)


# Answers that were lost --------------------------------------------------------------------------

@pytest.mark.parametrize("push", PUSHES, indirect=True)
@pytest.mark.parametrize("how", ["truncate", "garble"])
def test_the_answer_is_lost(sim, push, how):
    """The change was applied; nothing that says so arrived."""
    change, mount = push
    change.do(mount.mailbox("alice") / "Contacts")
    sim.fault(change.operation, how)
    mount.sync(check=False)
    assert fired(sim) == 1
    assert change.there(sim)
    mount.sync()
    assert change.there(sim)
    assert_only_once(sim)
    assert_settled(sim, mount)


def test_a_create_without_an_answer_is_not_sent_again_before_its_time(sim, mount, contacts):
    (contacts / "jana.vcf").write_text(NEW)
    sim.fault("CreateItem", "drop-before")
    assert mount.sync(check=False).returncode == 1
    assert exchange_names(sim) == ["Anna Lind", "Ben Ohlsen", "Clara Diaz"]
    for _ in range(2):
        mount.sync()
        assert exchange_names(sim) == ["Anna Lind", "Ben Ohlsen", "Clara Diaz"]
        assert state(contacts / "jana.vcf") == "pending"
    hours_later(mount)
    mount.sync()
    assert state(contacts / "jana.vcf") == "synced"
    assert exchange_contact(sim, "Jana Kunz")["JobTitle"] == "Clerk"
    assert_settled(sim, mount)


def test_a_create_that_was_never_sent_is_sent_at_once(sim, mount, contacts, start_sim):
    """No connection: nothing can have been applied, so nothing has to be waited for."""
    port = sim.url.rsplit(":", 1)[1]
    sim.stop()
    (contacts / "jana.vcf").write_text(NEW)
    assert mount.sync(check=False).returncode == 1
    again = start_sim(seed=SEED, listen=f"127.0.0.1:{port}")
    mount.sim = again
    mount.sync()
    assert exchange_contact(again, "Jana Kunz")["JobTitle"] == "Clerk"


# Many at once ------------------------------------------------------------------------------------

MANY = 1500


@pytest.mark.sim(seed=seed([person("Person", f"Nr{i}") for i in range(MANY)]))
def test_a_first_sync_killed_three_times(sim, start_mount):
    """No contact twice, on no side; and nobody ever saw a part of the folder."""
    sim.fault("GetItem", "delay", ms=60000, skip=1)
    mount = start_mount(sim, first_sync=False)
    contacts = mount.mailbox("alice") / "Contacts"
    for skip in (4, 7, None):
        wait_for(lambda: fired(sim), 120, "the request")
        with pytest.raises(BlockingIOError):
            os.listdir(contacts)
        mount.kill()
        sim.clear_faults()
        if skip is not None:
            sim.fault("GetItem", "delay", ms=60000, skip=skip)
        mount.start()
    mount.sync()
    wanted = sorted(f"Person Nr{i}" for i in range(MANY))
    assert names(contacts) == sorted(name + ".vcf" for name in wanted)
    assert exchange_names(sim) == wanted
    assert writes(sim) == {}
    assert_settled(sim, mount)


def test_a_long_push_killed_three_times(sim, mount, contacts):
    """250 new files go over in three requests; each is interrupted after it was applied."""
    for i in range(250):
        (contacts / f"new {i}.vcf").write_text(card(f"New Nr{i}", f"EMAIL:new{i}@client.example"))
    for _ in range(3):
        sim.fault("CreateItem", "delay-after", ms=60000)
        mount.ctl("sync", "--no-wait")
        wait_for(lambda: fired(sim), 120, "the request")
        mount.crash()
        sim.clear_faults()
    mount.sync()
    assert exchange_names(sim) == sorted(["Anna Lind", "Ben Ohlsen", "Clara Diaz",
                                          *(f"New Nr{i}" for i in range(250))])
    assert len(names(contacts)) == 252
    assert {state(contacts / name) for name in names(contacts)} == {"synced"}
    assert_settled(sim, mount)
