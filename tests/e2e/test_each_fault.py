"""Each fault that the simulator can inject, at a read and at writes of both servers: what the user sees of
it, what is kept, and how it recovers.

test_faults.py has more of what people do around a fault, test_guard.py of answers that make no sense.
"""
import dataclasses
import json
import re

import pytest

from cycles import assert_nothing_written
from later import after
from scale import amount
from scene import (
    ALICE,
    attribute,
    card,
    crm_contact,
    edit,
    exchange_contact,
    exchange_names,
    lost,
    person,
    seed,
    state,
)
from simulator import REPO, SimulatorError, wait_for

BEN = person("Ben", "Ohlsen", folder="Salesforce_Sync", JobTitle="Title 0")
HUGE = 80 << 20  # more than is read of an answer
ALL = ("SyncFolderItems", "UpdateItem", "CreateItem", "sf:queryAll", "sf:composite",
       "sf:collections-upsert")
SOME = amount(ALL, ("SyncFolderItems", "CreateItem", "sf:composite"))
CLOSED = r"was lost: (the server closed|transfer closed|Empty reply|Recv failure)"


@dataclasses.dataclass(frozen=True)
class Fault:
    """told: what the status of the mailbox, and tandemctl sync, say if the cycle fails; of_item: what is
    said of the item instead, while all else goes on.  Without either nothing fails."""

    parameters: dict
    operations: tuple = SOME
    told: str = None
    of_item: str = None


FAULTS = {
    "status": Fault({"status": 500}, told="HTTP status 500"),
    "ews": Fault({"code": "ErrorAccessDenied"}, ("UpdateItem", "CreateItem"),
                 of_item=r"^Exchange: [A-Z].*\(ErrorAccessDenied\)$"),
    "sf": Fault({"code": "API_DISABLED_FOR_ORG", "status": 403, "message": "Not for you"},
                ("sf:queryAll", "sf:composite"), told="CRM: .*API_DISABLED_FOR_ORG: Not for you"),
    "sf-record": Fault({"code": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "Not this one"},
                       ("sf:update", "sf:collections-upsert"),
                       of_item=r"^CRM: .*FIELD_CUSTOM_VALIDATION_EXCEPTION: Not this one$"),
    "delay": Fault({"ms": 200}),
    "delay-after": Fault({"ms": 200}),
    "truncate": Fault({}, told=CLOSED),
    "garble": Fault({}, told="cannot be read|is not JSON"),
    "pad": Fault({"bytes": HUGE}, amount(ALL, ("SyncFolderItems", "sf:composite")),
                 told="is larger than [0-9]+ bytes"),
    "drop-before": Fault({}, told=CLOSED),
    "drop-after": Fault({}, told=CLOSED),
}


def test_each_is_here(sim):
    """... and in the list of docs/tests.md."""
    with pytest.raises(SimulatorError) as refused:
        sim.fault("*", "none of them")
    known = set(re.search(r"none of ([a-z, -]+)", str(refused.value))[1].split(", "))
    assert set(FAULTS) == known
    listed = (REPO / "docs" / "tests.md").read_text()
    assert known == set(re.findall(r"^\| `([a-z-]+)` \|.*test_each_fault", listed, re.M))


def error_of(mount):
    told = json.loads((mount.mailbox("alice") / ".sync" / "status.json").read_text())["error"]
    assert told == mount.ctl_json("status", ALICE)["error"]
    return told


def told_of(mount, fault, done, items):
    """Checks what the user is told; gives what may be false after that."""
    error, states = error_of(mount), {state(path) for path in items}
    reasons = [attribute(path, "error") for path in items if state(path) == "error"]
    if fault.of_item:
        assert done.returncode == 0 and error is None and states == {"synced", "error"}
        assert re.search(fault.of_item, reasons[0])
        (row,) = mount.ctl_json("errors")
        assert row["error"] == reasons[0] and row["path"].endswith(".vcf")
    elif done.returncode:
        assert fault.told and re.search(fault.told, error), error
        assert error in done.stderr and reasons == []
        assert states <= {"pending", "synced"}
    else:
        assert error is None and states <= {"pending", "synced"}


def recovers(mount, sim):
    sim.clear_faults()
    mount.ctl("retry-errors")
    wait_for(lambda: mount.sync(check=False).returncode == 0, 60, "a cycle that goes through")
    # A create whose answer was lost waits until nobody can apply it any more (I1).
    if after(mount, "UPDATE side SET token_sent = token_sent - 3600000000000 WHERE token_sent > 0"):
        mount.sync()
        mount.sync()


@pytest.mark.sim(seed=seed([BEN]))
@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault(sim, mount, contacts, kind):
    fault = FAULTS[kind]
    ben = contacts / "Salesforce_Sync" / "Ben Ohlsen.vcf"
    for number, operation in enumerate(fault.operations, 1):
        new = contacts / "Salesforce_Sync" / f"new {number}.vcf"
        edit(ben, f"Title {number - 1}", f"Title {number}")
        new.write_text(card(f"New Nr{number}", f"EMAIL:new{number}@client.example"))
        written = ben.read_bytes(), new.read_bytes()
        sim.fault(operation, kind, **fault.parameters)
        done = mount.sync(check=False)
        assert [one["fired"] for one in sim.faults()] == [1], operation
        if operation == "SyncFolderItems" and fault.told:
            assert done.returncode == 1
        told_of(mount, fault, done, [ben, new])
        assert (ben.read_bytes(), new.read_bytes()) == written

        recovers(mount, sim)
        assert error_of(mount) is None and mount.ctl_json("errors") == [], operation
        assert (state(ben), state(new)) == ("synced", "synced"), operation
        assert exchange_contact(sim, "Ben Ohlsen")["JobTitle"] == f"Title {number}"
        assert crm_contact(sim, "Ohlsen")["Title"] == f"Title {number}"
        assert crm_contact(sim, f"Nr{number}")["Email"] == f"new{number}@client.example"
        assert len(exchange_names(sim)) == number + 1, operation
    assert mount.ctl_json("conflicts") == lost(mount.mailbox("alice")) == []
    assert_nothing_written(sim, mount)
