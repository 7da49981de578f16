"""Servers that are busy, refuse, break off, garble, hang or are not there.

What must hold in every case: the mount answers, the reason can be read, the other half and the other
mailboxes go on, nothing is lost and nothing arrives twice.
"""
import json
import os
import time

import pytest
from exchangelib import Contact

from cycles import assert_nothing_written
from exchange import contacts_of
from exchange import edit as change
from scene import (
    ALICE,
    BOB,
    attribute,
    card,
    crm_contact,
    crm_contacts,
    edit,
    exchange_contact,
    exchange_names,
    link,
    names,
    person,
    seed,
    state,
)
from simulator import wait_for

ANNA = person("Anna", "Lind", JobTitle="Buyer")
BEN = person("Ben", "Ohlsen", folder="Salesforce_Sync", BusinessPhone="+49 30 2")
GERD = person("Gerd", "Haas", JobTitle="Clerk")
SEED = seed([ANNA, BEN])
TWO = seed([ANNA, BEN], [GERD])
NEW = card("Jana Kunz", "EMAIL:jana@kunz.example", "TITLE:Clerk")
MANY = 1000000

pytestmark = pytest.mark.sim(seed=SEED)


def ews_requests(sim):
    return sum(n for name, n in sim.counters()["operations"].items() if not name.startswith("sf:"))


def crm_requests(sim):
    return sum(n for name, n in sim.counters()["operations"].items() if name.startswith("sf:"))


def fired(sim):
    return sum(fault["fired"] for fault in sim.faults())


def refused(mount, *texts):
    """One cycle that fails; its reason, which holds these texts and stands in the status too."""
    done = mount.sync(check=False)
    assert done.returncode == 1, done
    for text in texts:
        assert text in done.stderr, done.stderr
    assert "secret" not in done.stderr and "password" not in done.stderr.lower()
    return done.stderr


def mailbox_status(mount, address=ALICE):
    """What stands in the file, which must be what tandemctl says."""
    told = mount.ctl_json("status", address)
    shown = json.loads((mount.path / address / ".sync" / "status.json").read_text())
    assert told["error"] == shown["error"]
    return shown


def recovers(mount, seconds=60):
    wait_for(lambda: mount.sync(check=False).returncode == 0, seconds, "a cycle that goes through")


def assert_nothing_lost(mount, address=ALICE):
    box = mount.path / address
    assert os.listdir(box / ".sync" / "conflicts") == []
    assert os.listdir(box / ".sync" / "lost+found") == []
    assert mailbox_status(mount, address)["error"] is None


# Busy --------------------------------------------------------------------------------------------

BUSY = {
    "a message": {"type": "ews", "code": "ErrorServerBusy"},
    "a SOAP fault": {"type": "ews", "code": "ErrorServerBusy", "shape": "fault"},
    "HTTP 503": {"type": "status", "status": 503},
    "HTTP 429": {"type": "status", "status": 429},
}


def busy(sim, operation, shape, seconds, **more):
    fault = {**BUSY[shape], **more}
    wait = ({"backoff_ms": seconds * 1000} if fault["type"] == "ews"
            else {"retry_after": seconds})
    return sim.fault(operation, fault.pop("type"), **fault, **wait)


@pytest.mark.sim(seed=TWO)
@pytest.mark.parametrize("shape", BUSY)
def test_a_busy_exchange_is_left_alone_as_long_as_it_asks(sim, mount, contacts, shape):
    """One back-off for all workers: the other mailbox asks nothing either."""
    edit(contacts / "Anna Lind.vcf", "Buyer", "Dean")
    (mount.path / BOB / "Contacts" / "jana.vcf").write_text(NEW)
    busy(sim, "SyncFolderItems", shape, 600)
    refused(mount)
    wait_for(lambda: fired(sim), what="the fault")
    refused(mount, "wait")  # what the other mailbox had on its way is answered now
    sim.reset_counters()
    for _ in range(2):
        refused(mount, "wait")
    assert ews_requests(sim) == 0
    for address in (ALICE, BOB):
        assert "wait" in mailbox_status(mount, address)["error"]
    assert state(contacts / "Anna Lind.vcf") == "pending"

    mount.stop()
    mount.start()
    recovers(mount)
    assert exchange_contact(sim, "Anna Lind")["JobTitle"] == "Dean"
    assert exchange_contact(sim, "Jana Kunz", BOB)["JobTitle"] == "Clerk"
    assert_nothing_lost(mount)
    assert_nothing_lost(mount, BOB)


@pytest.mark.parametrize("operation", ["SyncFolderHierarchy", "SyncFolderItems", "GetItem",
                                       "CreateItem", "UpdateItem", "MoveItem"])
@pytest.mark.parametrize("shape", BUSY)
def test_a_busy_exchange_gets_everything_in_the_end(
        sim, mount, contacts, exchange, operation, shape):
    edit(contacts / "Anna Lind.vcf", "Buyer", "Dean")
    os.rename(contacts / "Salesforce_Sync" / "Ben Ohlsen.vcf", contacts / "Ben Ohlsen.vcf")
    (contacts / "jana.vcf").write_text(NEW)
    change(contacts_of(exchange("alice").contacts)["Anna Lind"], department="Physics")
    busy(sim, operation, shape, 1)
    began = time.monotonic()
    refused(mount)
    assert fired(sim) == 1
    recovers(mount)
    assert time.monotonic() - began >= 0.9  # the server's second
    assert exchange_names(sim) == ["Anna Lind", "Ben Ohlsen", "Jana Kunz"]
    anna = exchange_contact(sim, "Anna Lind")
    assert (anna["JobTitle"], anna["Department"]) == ("Dean", "Physics")
    assert "Physics" in (contacts / "Anna Lind.vcf").read_text()
    assert exchange_contact(sim, "Ben Ohlsen")["folder"] == "Contacts"
    assert_nothing_lost(mount)


def test_one_message_of_a_batch_is_busy(sim, mount, contacts):
    """The second of three creates; the others went through and are not made again."""
    for i in range(3):
        (contacts / f"new {i}.vcf").write_text(card(f"New Nr{i}"))
    busy(sim, "CreateItem", "a message", 1, index=1)
    mount.sync(check=False)
    assert fired(sim) == 1
    recovers(mount)
    assert exchange_names(sim) == ["Anna Lind", "Ben Ohlsen", "New Nr0", "New Nr1", "New Nr2"]
    assert {state(contacts / f"new {i}.vcf") for i in range(3)} == {"synced"}


def test_it_comes_back_by_itself(sim, mount, contacts):
    """Nobody asks for a cycle."""
    edit(contacts / "Anna Lind.vcf", "Buyer", "Dean")
    busy(sim, "SyncFolderItems", "a SOAP fault", 1)
    refused(mount)
    wait_for(lambda: exchange_contact(sim, "Anna Lind")["JobTitle"] == "Dean", 60,
             "the edit in Exchange")
    wait_for(lambda: state(contacts / "Anna Lind.vcf") == "synced", 60, "the state")


@pytest.mark.parametrize("fault", [
    {"type": "sf", "code": "REQUEST_LIMIT_EXCEEDED", "status": 403},
    {"type": "sf", "code": "SERVER_UNAVAILABLE", "status": 503, "retry_after": 600},
    {"type": "status", "status": 503, "retry_after": 600},
], ids=["REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE", "HTTP 503"])
def test_a_busy_crm_is_left_alone(sim, mount, contacts, fault):
    """... while Exchange gets its half."""
    edit(contacts / "Salesforce_Sync" / "Ben Ohlsen.vcf", "+49 30 2", "+49 30 22")
    sim.fault("sf:queryAll", **fault)
    refused(mount, "CRM")
    assert exchange_contact(sim, "Ben Ohlsen")["PhoneNumbers/BusinessPhone"] == "+49 30 22"
    sim.reset_counters()
    refused(mount, "CRM")
    assert crm_requests(sim) == 0
    assert ews_requests(sim) > 0
    assert "CRM" in mailbox_status(mount)["error"]
    mount.stop()
    mount.start()
    recovers(mount)
    assert crm_contact(sim, "Ohlsen")["Phone"] == "+49 30 22"
    assert_nothing_lost(mount)


def test_the_daily_reserve_is_left_to_others(sim, mount, contacts):
    edit(contacts / "Salesforce_Sync" / "Ben Ohlsen.vcf", "+49 30 2", "+49 30 22")
    sim.act("limits", max=15000, used=14500)
    mount.sync(check=False)  # learns of it
    sim.reset_counters()
    edit(contacts / "Salesforce_Sync" / "Ben Ohlsen.vcf", "+49 30 22", "+49 30 222")
    refused(mount, "CRM", "reserve")
    assert crm_requests(sim) == 0
    assert exchange_contact(sim, "Ben Ohlsen")["PhoneNumbers/BusinessPhone"] == "+49 30 222"
    sim.act("limits", max=15000, used=0)
    mount.stop()
    mount.start()
    recovers(mount)
    assert crm_contact(sim, "Ohlsen")["Phone"] == "+49 30 222"


def test_a_locked_row_is_tried_again(sim, mount, contacts):
    edit(contacts / "Salesforce_Sync" / "Ben Ohlsen.vcf", "+49 30 2", "+49 30 22")
    sim.fault("sf:update", "sf-record", code="UNABLE_TO_LOCK_ROW")
    mount.sync(check=False)
    assert fired(sim) == 1
    recovers(mount)
    assert crm_contact(sim, "Ohlsen")["Phone"] == "+49 30 22"
    assert state(contacts / "Salesforce_Sync" / "Ben Ohlsen.vcf") == "synced"


# Sign-in -----------------------------------------------------------------------------------------

def test_exchange_refuses_the_sign_in(sim, mount, contacts):
    edit(contacts / "Anna Lind.vcf", "Buyer", "Dean")
    sim.fault("SyncFolderHierarchy", "status", status=401, count=2)
    for _ in range(2):
        refused(mount, "sign-in", "401")
        assert "401" in mailbox_status(mount)["error"]
    assert state(contacts / "Anna Lind.vcf") == "pending"
    mount.sync()
    assert exchange_contact(sim, "Anna Lind")["JobTitle"] == "Dean"
    assert_nothing_lost(mount)


@pytest.mark.sim(seed=TWO)
def test_one_mailbox_is_denied(sim, mount, contacts):
    """The others go on."""
    service = sim.clients["service_account"]["user"]
    sim.call("POST", "/sim/ews/deny", {"user": service, "address": BOB})
    edit(contacts / "Anna Lind.vcf", "Buyer", "Dean")
    edit(mount.path / BOB / "Contacts" / "Gerd Haas.vcf", "Clerk", "Chief")
    refused(mount, BOB)
    assert exchange_contact(sim, "Anna Lind")["JobTitle"] == "Dean"
    assert mailbox_status(mount)["error"] is None
    assert BOB in mailbox_status(mount, BOB)["error"]
    assert names(mount.path / BOB / "Contacts") == ["Gerd Haas.vcf"]

    sim.call("POST", "/sim/ews/allow", {"user": service, "address": BOB})
    mount.sync()
    assert exchange_contact(sim, "Gerd Haas", BOB)["JobTitle"] == "Chief"


@pytest.mark.parametrize("operation", ["sf:queryAll", "sf:composite"])
def test_the_crm_session_expires(sim, mount, contacts, operation):
    """A new one is opened, and the cycle goes on as if nothing had been."""
    edit(contacts / "Salesforce_Sync" / "Ben Ohlsen.vcf", "+49 30 2", "+49 30 22")
    if operation == "sf:queryAll":
        sim.act("expire-tokens")
    else:
        sim.fault(operation, "sf", code="INVALID_SESSION_ID", status=401,
                  message="Session expired or invalid")
    sim.reset_counters()
    mount.sync()
    assert sim.counters()["operations"]["sf:token"] == 1
    assert crm_contact(sim, "Ohlsen")["Phone"] == "+49 30 22"
    assert_nothing_lost(mount)


def test_the_crm_refuses_the_sign_in(sim, start_mount):
    wrong = sim.directory / "wrong-secret"
    wrong.write_text("not-the-secret")
    wrong.chmod(0o600)
    mount = start_mount(sim, config={"crm": {"client-secret-file": wrong}}, first_sync=False)
    contacts = mount.mailbox("alice") / "Contacts"
    refused(mount, "CRM")
    assert "not-the-secret" not in mount.stderr()
    assert names(contacts) == ["Anna Lind.vcf"]
    edit(contacts / "Anna Lind.vcf", "Buyer", "Dean")
    refused(mount, "CRM")
    assert exchange_contact(sim, "Anna Lind")["JobTitle"] == "Dean"
    assert crm_contacts(sim) == []

    mount.stop()
    mount.configure({})
    mount.start()
    mount.sync()
    assert crm_contact(sim, "Ohlsen")["Phone"] == "+49 30 2"


# Answers that cannot be read ---------------------------------------------------------------------

READS = ["SyncFolderHierarchy", "SyncFolderItems", "GetItem", "sf:queryAll"]


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize("how", ["garble", "truncate", "drop-after", "drop-before"])
def test_an_answer_cannot_be_read(sim, mount, contacts, exchange, operation, how):
    """No cursor moves past it, and nothing is taken for deleted."""
    ben = contacts / "Salesforce_Sync" / "Ben Ohlsen.vcf"
    change(contacts_of(exchange("alice").contacts)["Anna Lind"], job_title="Dean")
    sim.act("update", id=crm_contact(sim, "Ohlsen")["Id"], fields={"Title": "Owner"})
    sim.fault(operation, how)
    if operation == "sf:queryAll" and how.startswith("drop"):
        mount.sync(check=False)  # a GET may be repeated at once, on a new connection
    else:
        refused(mount, *(["CRM"] if operation.startswith("sf:") else []))
    assert fired(sim) == 1
    assert names(contacts) == ["Anna Lind.vcf"] and names(ben.parent) == ["Ben Ohlsen.vcf"]
    mount.sync()
    assert "TITLE:Dean" in (contacts / "Anna Lind.vcf").read_text()
    assert "TITLE:Owner" in ben.read_text()
    assert exchange_contact(sim, "Ben Ohlsen")["JobTitle"] == "Owner"
    assert exchange_names(sim) == ["Anna Lind", "Ben Ohlsen"]
    assert_nothing_lost(mount)


@pytest.mark.parametrize("operation", ["GetFolder", "SyncFolderHierarchy", "SyncFolderItems",
                                       "GetItem", "CreateFolder", "sf:token", "sf:describe",
                                       "sf:queryAll", "sf:query"])
@pytest.mark.parametrize("how", ["garble", "truncate", "drop-after"])
@pytest.mark.sim(seed=seed([ANNA, person("Clara", "Diaz", Categories=["CRM"])]))
def test_an_answer_of_the_first_sync_cannot_be_read(sim, start_mount, operation, how):
    sim.fault(operation, how)
    mount = start_mount(sim, first_sync=False)
    wait_for(lambda: fired(sim), 60, "the fault")
    recovers(mount)
    contacts = mount.mailbox("alice") / "Contacts"
    assert names(contacts) == ["Anna Lind.vcf", "Clara Diaz.vcf"]
    assert crm_contact(sim, "Diaz")["FirstName"] == "Clara"
    assert exchange_names(sim) == ["Anna Lind", "Clara Diaz"]
    assert os.listdir(contacts / "Salesforce_Sync") == []
    folders = sim.state("exchange")["exchange"]["mailboxes"][ALICE]["folders"]
    assert [f["path"] for f in folders if "Salesforce" in f["path"]] == [
        "Contacts/Salesforce_Sync"]
    assert_nothing_lost(mount)


CLARA, DORA = person("Clara", "Diaz"), person("Dora", "Eck")


@pytest.mark.sim(seed=seed([ANNA, BEN, CLARA, DORA]))
def test_exchange_knows_no_cursor_any_more(sim, mount, contacts, alice):
    """As after the mailbox was moved: all is compared, and each file is what it was."""
    ben = contacts / "Salesforce_Sync" / "Ben Ohlsen.vcf"
    numbered = [ben, contacts / "Anna Lind.vcf", contacts / "Clara Diaz.vcf"]

    def identities():
        return [(attribute(path, "uid"), link(path), attribute(path, "exchange-id"))
                for path in numbered]

    before, inos = identities(), [path.stat().st_ino for path in numbered]
    there = contacts_of(alice.contacts)
    change(there["Anna Lind"], job_title="Dean")
    there["Dora Eck"].delete()
    Contact(account=alice, folder=alice.contacts, display_name="Emil Frank", given_name="Emil",
            surname="Frank", file_as="Frank, Emil").save()
    edit(ben, "+49 30 2", "+49 30 22")
    folders = sim.state("exchange")["exchange"]["mailboxes"][ALICE]["folders"]
    for folder in folders:
        sim.fault("SyncFolderItems", "ews", code="ErrorInvalidSyncStateData", match=folder["id"])
    sim.fault("SyncFolderHierarchy", "ews", code="ErrorInvalidSyncStateData")
    mount.sync()
    assert fired(sim) >= 3
    assert "no longer knows where we were" in (contacts.parent / ".sync" / "log").read_text()
    assert names(contacts) == ["Anna Lind.vcf", "Clara Diaz.vcf", "Emil Frank.vcf"]
    assert "TITLE:Dean" in (contacts / "Anna Lind.vcf").read_text()
    assert exchange_contact(sim, "Ben Ohlsen")["PhoneNumbers/BusinessPhone"] == "+49 30 22"
    assert crm_contact(sim, "Ohlsen")["Phone"] == "+49 30 22"
    assert identities() == before
    now = [path.stat().st_ino for path in numbered]
    assert [now[0], now[2]] == [inos[0], inos[2]] and now[1] != inos[1]  # Anna's bytes are new
    assert exchange_names(sim) == ["Anna Lind", "Ben Ohlsen", "Clara Diaz", "Emil Frank"]
    assert_nothing_lost(mount)
    sim.clear_faults()
    assert_nothing_written(sim, mount)


# The CRM is not there ----------------------------------------------------------------------------

@pytest.mark.parametrize("how", [{"type": "drop-before"}, {"type": "status", "status": 500},
                                 {"type": "status", "status": 404},
                                 {"type": "garble"}],
                         ids=["drops", "500", "404", "garbles"])
def test_exchange_goes_on_without_the_crm(sim, mount, contacts, exchange, how):
    anna, ben = contacts / "Anna Lind.vcf", contacts / "Salesforce_Sync" / "Ben Ohlsen.vcf"
    sim.fault("sf:*", count=MANY, **how)
    edit(ben, "+49 30 2", "+49 30 22")
    os.setxattr(anna, "user.tandem.categories", b"CRM")
    change(contacts_of(exchange("alice").contacts)["Anna Lind"], job_title="Dean")
    refused(mount, "CRM")
    assert "CRM" in mailbox_status(mount)["error"]
    assert "TITLE:Dean" in anna.read_text()
    assert exchange_contact(sim, "Anna Lind")["Categories"] == ["CRM"]
    assert exchange_contact(sim, "Ben Ohlsen")["PhoneNumbers/BusinessPhone"] == "+49 30 22"
    assert crm_contact(sim, "Ohlsen")["Phone"] == "+49 30 2"
    assert crm_contacts(sim, "Lind") == []
    assert state(ben) == "pending"

    sim.clear_faults()
    sim.act("update", id=crm_contact(sim, "Ohlsen")["Id"], fields={"Title": "Owner"})
    recovers(mount)
    ohlsen = crm_contact(sim, "Ohlsen")
    assert (ohlsen["Phone"], ohlsen["Title"]) == ("+49 30 22", "Owner")
    assert crm_contact(sim, "Lind")["Title"] == "Dean"
    assert "TITLE:Owner" in ben.read_text()
    assert {state(anna), state(ben)} == {"synced"}
    assert_nothing_lost(mount)


def test_a_crm_at_which_nobody_listens(sim, start_mount):
    mount = start_mount(sim, config={"crm": {"url": "http://127.0.0.1:9"}}, first_sync=False)
    contacts = mount.mailbox("alice") / "Contacts"
    refused(mount, "CRM", "connect")
    edit(contacts / "Anna Lind.vcf", "Buyer", "Dean")
    refused(mount, "CRM")
    assert exchange_contact(sim, "Anna Lind")["JobTitle"] == "Dean"
    mount.stop()
    mount.configure({})
    mount.start()
    mount.sync()
    assert crm_contact(sim, "Ohlsen")["Phone"] == "+49 30 2"


def test_a_record_that_the_crm_refuses(sim, mount, contacts):
    """An error entry for this one; the others go over; retry-errors tries it again."""
    for name, surname in (("jana", "Kunz"), ("ida", "Moll")):
        (contacts / "Salesforce_Sync" / f"{name}.vcf").write_text(
            card(f"{name.title()} {surname}", f"EMAIL:{name}@{surname.lower()}.example"))
    sim.fault("sf:collections-upsert", "sf-record", code="FIELD_CUSTOM_VALIDATION_EXCEPTION",
              message="Kunz is not welcome", index=0)
    mount.sync()
    assert fired(sim) == 1
    made = [row["LastName"] for row in crm_contacts(sim) if row["LastName"] != "Ohlsen"]
    assert len(made) == 1
    (failed,) = [n for n in ("jana", "ida")
                 if state(contacts / "Salesforce_Sync" / f"{n}.vcf") == "error"]
    (entry,) = mount.ctl_json("errors")
    assert entry["path"] == f"{ALICE}/Contacts/Salesforce_Sync/{failed}.vcf"
    assert "Kunz is not welcome" in entry["error"]
    assert "Kunz is not welcome" in (contacts.parent / ".sync" / "errors.csv").read_text()
    assert exchange_names(sim) == ["Anna Lind", "Ben Ohlsen", "Ida Moll", "Jana Kunz"]

    mount.ctl("retry-errors")
    mount.sync()
    assert {row["LastName"] for row in crm_contacts(sim)} == {"Ohlsen", "Kunz", "Moll"}
    assert mount.ctl_json("errors") == []


# Offline -----------------------------------------------------------------------------------------

def work_on(contacts):
    """Every kind of operation; each must end without a server."""
    anna = contacts / "Anna Lind.vcf"
    yield lambda: os.listdir(contacts)
    yield lambda: [os.stat(contacts / name) for name in names(contacts)]
    yield anna.read_bytes
    yield lambda: edit(anna, "Buyer", "Dean")
    yield lambda: os.getxattr(anna, "user.tandem.state")
    yield lambda: os.setxattr(anna, "user.tandem.categories", b"Messe")
    yield lambda: (contacts / "jana.vcf").write_text(NEW)
    yield lambda: os.rename(contacts / "jana.vcf", contacts / "Jana Kunz.vcf")
    yield lambda: os.mkdir(contacts / "Press")
    yield lambda: os.rename(contacts / "Jana Kunz.vcf", contacts / "Press" / "Jana Kunz.vcf")
    yield lambda: (contacts / ".draft").write_text("nothing yet")
    yield lambda: os.unlink(contacts / "Salesforce_Sync" / "Ben Ohlsen.vcf")
    yield lambda: os.statvfs(contacts)
    yield lambda: os.utime(anna)
    yield lambda: json.loads((contacts.parent / ".sync" / "status.json").read_text())
    yield lambda: json.loads((contacts.parent / ".json" / "Contacts" / "Anna Lind.json").read_text())
    yield os.sync


def assert_worked(sim, mount):
    contacts = mount.mailbox("alice") / "Contacts"
    wait_for(lambda: mount.sync(check=False).returncode == 0
             and exchange_names(sim) == ["Anna Lind", "Jana Kunz"], 60, "the work in Exchange")
    anna = exchange_contact(sim, "Anna Lind")
    assert (anna["JobTitle"], anna["Categories"]) == ("Dean", ["Messe"])
    assert exchange_contact(sim, "Jana Kunz")["folder"] == "Contacts/Press"
    assert names(contacts) == ["Anna Lind.vcf"]
    assert_nothing_lost(mount)


@pytest.mark.parametrize("operation", ["SyncFolderHierarchy", "sf:queryAll"])
@pytest.mark.mount(config={"sync": {"remove-quiet": "0"}})
def test_the_mount_answers_while_a_server_hangs(sim, mount, contacts, operation):
    sim.fault(operation, "delay", ms=600000)
    mount.ctl("sync", "--no-wait")
    wait_for(lambda: fired(sim), 60, "the request that hangs")
    requests = sim.counters()["requests"]
    for step in work_on(contacts):
        began = time.monotonic()
        step()
        assert time.monotonic() - began < 10
    assert mount.ctl_json("status", ALICE)["running"] is True
    assert sim.counters()["requests"] == requests  # it hangs still

    began = time.monotonic()
    mount.stop()
    assert time.monotonic() - began < 20
    sim.clear_faults()
    mount.start()
    assert_worked(sim, mount)


@pytest.mark.mount(config={"sync": {"remove-quiet": "0"}})
def test_the_mount_works_without_servers(sim, mount, contacts):
    """It starts without them, too."""
    for operation in ("SyncFolderHierarchy", "sf:*"):
        sim.fault(operation, "drop-before", count=MANY)
    mount.stop()
    mount.start()
    refused(mount)
    for step in work_on(contacts):
        step()
    mount.stop()
    mount.start()
    sim.clear_faults()
    assert_worked(sim, mount)


@pytest.mark.mount(config={"sync": {"remove-quiet": "0"}})
def test_the_mount_works_offline(sim, mount, contacts):
    """-o offline: not one request."""
    mount.stop()
    sim.reset_counters()
    mount.start(options=["offline"])
    for step in work_on(contacts):
        step()
    assert sim.counters()["requests"] == 0
    mount.stop()
    mount.start()
    assert_worked(sim, mount)
