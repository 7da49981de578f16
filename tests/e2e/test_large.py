"""Many contacts (see MANY): the guards of a mailbox at its size, after a first sync that was interrupted.

One mount for all of it, since the first sync is what takes the time."""
import os
import shutil

import pytest

from cycles import writes
from scale import amount
from scene import (
    crm_contacts,
    exchange_names,
    link,
    names,
    person,
    seed,
)
from simulator import wait_for

MANY = amount(10000, 2000)
SYNCED = 100  # of them in Salesforce_Sync


def contact(i):
    return person("Person", f"Nr{i:05}", JobTitle=f"Clerk {i}",
                  **({"folder": "Salesforce_Sync"} if i < SYNCED else {}))


def fired(sim):
    return sum(fault["fired"] for fault in sim.faults())


def interrupted_first_sync(sim, mount, contacts):
    """Killed at the first pages and twice on the way; throttled besides."""
    on_the_way = MANY * 2 // 1000
    for operation, skip in ("SyncFolderItems", 1), ("GetItem", on_the_way), ("GetItem", on_the_way):
        mount.kill()
        sim.clear_faults()
        sim.fault(operation, "delay", ms=60000, skip=skip)
        mount.start()
        mount.ctl("sync", "--no-wait")
        wait_for(lambda: fired(sim), 120, f"{operation} number {skip + 1}")
        with pytest.raises(BlockingIOError):
            os.listdir(contacts)
    mount.kill()
    sim.clear_faults()
    sim.fault("GetItem", "ews", code="ErrorServerBusy", backoff_ms=200)
    mount.start()
    wait_for(lambda: mount.sync(check=False).returncode == 0, 120, "the first sync")


def held(mount):
    """{side: paths} of what is held, and its one batch."""
    rows = mount.ctl_json("deletes")
    (batch,) = {row["batch"] for row in rows}
    return batch, sorted(row["path"].split("/Contacts/")[1] for row in rows)


def identities(folder):
    """{name: (number, link)}; links of those that have one, since asking all of them takes seconds."""
    linked = folder.name == "Salesforce_Sync"
    return {entry.name: (entry.inode(), link(entry.path) if linked else None)
            for entry in os.scandir(folder) if entry.name.endswith(".vcf")}


def removals_are_held(sim, mount, contacts):
    """Thirty are confirmed and go, exactly these; sixty linked ones and a hundred more come back."""
    confirmed = [f"Person Nr{i:05}.vcf" for i in range(1000, 1030)]
    for name in confirmed:
        os.unlink(contacts / name)
    edited = contacts / "Person Nr01500.vcf"
    edited.write_bytes(edited.read_bytes().replace(b"Clerk 1500", b"Dean"))
    assert writes(sim, mount) == 1  # the edit
    batch, paths = held(mount)
    assert paths == confirmed
    assert len(exchange_names(sim)) == MANY
    mount.ctl("deletes", "confirm", batch)
    mount.sync()
    assert mount.ctl_json("deletes") == []
    assert set(exchange_names(sim)) == {f"Person Nr{i:05}" for i in range(MANY)
                                        if not 1000 <= i < 1030}

    synced = contacts / "Salesforce_Sync"
    before = identities(contacts), identities(synced)
    for folder, some in (contacts, range(1200, 1300)), (synced, range(60)):
        for i in some:
            os.unlink(folder / f"Person Nr{i:05}.vcf")
    assert writes(sim, mount) == 0
    batch, paths = held(mount)
    assert len(paths) == 160
    mount.ctl("deletes", "restore", batch)
    assert (identities(contacts), identities(synced)) == before
    assert writes(sim, mount) == 0


def deletions_there_are_held(sim, mount, account, contacts):
    """Forty contacts are deleted with Outlook: they stay here, and are made there anew."""
    before = identities(contacts)
    wanted = exchange_names(sim)
    gone = list(account.contacts.all().only("id", "changekey").order_by("display_name")[:40])
    account.bulk_delete(gone, delete_type="MoveToDeletedItems")
    assert writes(sim, mount) == 0
    batch, paths = held(mount)
    assert len(paths) == 40 and identities(contacts) == before
    mount.ctl("deletes", "restore", batch)
    mount.sync()
    assert identities(contacts) == before
    assert exchange_names(sim) == wanted
    assert writes(sim, mount) == 0


def all_is_read_again(sim, mount, contacts):
    """`reset` forgets cursors and shadows, then the whole cache is gone."""
    synced = contacts / "Salesforce_Sync"
    before = identities(contacts), identities(synced)
    mount.ctl("reset", "alice@corp.example")
    assert writes(sim, mount) == 0
    assert (identities(contacts), identities(synced)) == before
    mount.stop()
    shutil.rmtree(mount.cache)
    mount.start()
    assert writes(sim, mount) == 0
    for folder, known in zip((contacts, synced), before):
        assert {name: link for name, (_, link) in identities(folder).items()} == \
            {name: link for name, (_, link) in known.items()}


@pytest.mark.sim(seed=seed([contact(i) for i in range(MANY)]))
def test_ten_thousand(sim, start_mount, exchange):
    mount = start_mount(sim, first_sync=False, config={"sync": {"remove-quiet": "0"}})
    contacts = mount.mailbox("alice") / "Contacts"
    interrupted_first_sync(sim, mount, contacts)
    assert names(contacts) == [f"Person Nr{i:05}.vcf" for i in range(SYNCED, MANY)]
    assert exchange_names(sim) == [f"Person Nr{i:05}" for i in range(MANY)]
    assert writes(sim, mount) == 0
    removals_are_held(sim, mount, contacts)
    deletions_there_are_held(sim, mount, exchange("alice"), contacts)
    all_is_read_again(sim, mount, contacts)
    assert len(crm_contacts(sim)) == SYNCED
    assert os.listdir(contacts.parent / ".sync" / "conflicts") == []
    assert mount.ctl_json("errors") == []
