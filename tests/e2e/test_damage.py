"""A cache database that is damaged: kept aside, built anew of what can be read and of the servers.

Names, inode numbers, UIDs and links are what they were; an edit that was not sent is sent, or lies in
lost+found; nothing is made twice and nothing deleted, on either side.
"""
import os
import random
import re
import signal
import sqlite3

import pytest

from cycles import assert_nothing_written
from kinds import EVENT, TASK, VIEW
from scale import amount
from scene import (
    ALICE,
    attribute,
    card,
    conflicts,
    crm_contacts,
    edit,
    exchange_contact,
    exchange_items,
    exchange_names,
    link,
    lost,
    person,
    seed,
)
from simulator import wait_for

PAGE = 16384
PLAIN = [f"Person Nr{n:02}" for n in range(40)]
LINKED = [f"Linked Nr{n:02}" for n in range(8)]
NEW = card("Jana Kunz", "EMAIL:jana@kunz.example", "TITLE:Clerk")


def company():
    made = seed([person(*name.split(), JobTitle="Buyer") for name in PLAIN]
                + [person(*name.split(), JobTitle="Buyer", folder=VIEW) for name in LINKED])
    made["mailboxes"][0]["calendar"] = [EVENT.seeded(name) for name in ("Fair", "Visit")]
    made["mailboxes"][0]["tasks"] = [TASK.seeded(name) for name in ("Call", "Write")]
    return made


pytestmark = pytest.mark.sim(seed=company())


def items(box):
    """{path: (inode number, UID, record)} of everything that is listed."""
    return {str(path.relative_to(box)): (path.stat().st_ino, attribute(path, "uid"), link(path))
            for path in box.rglob("*.??f" if box.name == "Contacts" else "*")
            if path.suffix in (".vcf", ".ics") and path.name[0] != "."}


def leave_unsent(box):
    """Edits that no server knows of yet."""
    contacts = box / "Contacts"
    edit(contacts / "Person Nr03.vcf", "Buyer", "Dean")
    edit(contacts / VIEW / "Linked Nr02.vcf", "Buyer", "Head")
    (contacts / "jana.vcf").write_bytes(NEW.encode())
    (contacts / ".note").write_text("a draft")
    with pytest.raises(OSError):
        (contacts / "broken.vcf").write_text("BEGIN:VCARD")


def roots(path):
    """{table or index: its first page}"""
    store = sqlite3.connect(path)
    found = dict(store.execute("SELECT name, rootpage FROM sqlite_schema"))
    store.close()
    return found


def overwrite(path, pages):
    with open(path, "r+b") as out:
        for page in pages:
            out.seek((page - 1) * PAGE)
            out.write(random.Random(page).randbytes(PAGE))


def damage(path, what):
    size = path.stat().st_size
    if what == "half of the file is missing":
        os.truncate(path, size // 2 // PAGE * PAGE)
    elif what.startswith("seed "):
        overwrite(path, random.Random(what).sample(range(2, size // PAGE + 1), 5))
    elif what == "all of it":
        overwrite(path, range(1, size // PAGE + 1))
    else:
        overwrite(path, [roots(path)[what]])


def kept_somewhere(sim, box, contacts):
    """Each unsent edit has arrived, or lies in lost+found with its reason."""
    directory = box / ".sync" / "lost+found"
    kept = "".join((directory / name).read_text() for name in os.listdir(directory)
                   if name.endswith(".refused"))
    for path, name, old, new in ((contacts / "Person Nr03.vcf", "Person Nr03", "Buyer", "Dean"),
                                 (contacts / VIEW / "Linked Nr02.vcf", "Linked Nr02", "Buyer",
                                  "Head")):
        title = exchange_contact(sim, name)["JobTitle"]
        assert f"TITLE:{title}\r\n" in path.read_bytes().decode()
        assert title == new or (title == old and new in kept), name
    assert "Jana Kunz" in exchange_names(sim) or "jana@kunz.example" in kept
    if (contacts / ".note").exists():
        assert (contacts / ".note").read_text() == "a draft"
    else:  # a draft has but one place
        assert "a draft" in kept or ".note.reason" in lost(box)


# The first page of each: a small one is lost whole with it, of a large one no page is found any more.
TABLES = ["node", "content", "item", "side", "folder", "mailbox", "version", "value", "email",
          "node_list", "item_uid", "side_remote", "lost"]
WHAT = [*amount(TABLES, ["node", "content", "item", "side", "mailbox", "item_uid"]),
        *[f"seed {n}" for n in range(amount(5, 1))], "half of the file is missing", "all of it"]


@pytest.mark.parametrize("what", WHAT)
def test_a_damaged_cache(sim, mount, box, contacts, what):
    before = items(box)
    there = exchange_names(sim)
    records = {row["Id"] for row in crm_contacts(sim)}
    calendar = {path: len(found) for path, found in exchange_items(sim, ALICE).items()}
    assert len(records) == len(LINKED) and len(there) == len(PLAIN) + len(LINKED)
    leave_unsent(box)
    mount.stop()
    damage(mount.cache / "cache.db", what)
    mount.start()

    told = mount.ctl_json("status")["cache_rebuilt"]
    assert (mount.cache / told["file"]).stat().st_size > 0
    assert told["file"] in mount.stderr() and told["file"] in mount.ctl("status").stdout
    for _ in range(2):
        mount.sync()
    arrived = "Jana Kunz" in exchange_names(sim)
    if what in TABLES:
        kept_somewhere(sim, box, contacts)
    assert exchange_names(sim) == sorted(there + ["Jana Kunz"] * arrived)
    assert {row["Id"] for row in crm_contacts(sim)} == records
    now = exchange_items(sim, ALICE)
    for path in ("Calendar", "Tasks", "Deleted Items"):
        assert len(now.get(path, ())) == calendar.get(path, 0), path
    after = items(box)
    after.pop("Contacts/jana.vcf", None)
    assert after.keys() == before.keys()
    # Where the tree itself is gone there are new numbers.
    numbered = what not in ("all of it", "half of the file is missing", "node", "mailbox")
    for path, (ino, uid, record) in before.items():
        assert after[path][1:] == (uid, record), path
        if numbered and not what.startswith("seed "):
            assert after[path][0] == ino, path
    assert_nothing_written(sim, mount)
    mount.stop()
    mount.start()
    assert {path: row for path, row in items(box).items() if path in after} == after

    (mount.cache / told["file"]).unlink()
    assert "cache_rebuilt" not in mount.ctl_json("status")


def test_an_index_is_damaged(sim, mount, box, contacts):
    """Everything can be read: nothing is to be seen of it, not even before the next cycle."""
    before = items(box)
    leave_unsent(box)
    mount.stop()
    damage(mount.cache / "cache.db", "node_list")
    mount.start()
    assert set(before) < set(items(box))
    assert (contacts / ".note").read_text() == "a draft"
    mount.sync()
    assert exchange_contact(sim, "Person Nr03")["JobTitle"] == "Dean"
    assert exchange_contact(sim, "Jana Kunz")["JobTitle"] == "Clerk"
    assert {path: row for path, row in items(box).items() if path in before} == before
    assert conflicts(box) == []
    assert_nothing_written(sim, mount)


def test_damage_that_is_met_at_work(sim, mount, box, contacts):
    """Who asks gets an error; the mount begins anew by itself, in the same process, which nohup may
    have started."""
    before = items(box)
    leave_unsent(box)
    mount.stop()
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        mount.start()
    finally:
        signal.signal(signal.SIGHUP, former)
    process = mount.process.pid
    damage(mount.cache / "cache.db", "item")

    with pytest.raises(OSError):
        os.getxattr(contacts / "Person Nr05.vcf", "user.tandem.state")
    wait_for(lambda: "cache_rebuilt" in mount.ctl("--json", "status", check=False).stdout,
             what="the mount again")
    assert mount.process.poll() is None and mount.process.pid == process
    assert re.search("the cache database is damaged", mount.stderr())
    mount.sync()
    mount.sync()
    kept_somewhere(sim, box, contacts)
    after = items(box)
    for path, row in before.items():
        assert after[path] == row, path
    assert_nothing_written(sim, mount)
