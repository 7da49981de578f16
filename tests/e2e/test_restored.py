"""A mailbox that was restored from a backup, or moved: its SyncStates are of nothing, its items have other
ids, and what a backup of some days ago has is older than what we know.

sim/ews_restore.c has what happens there.
"""
import datetime as dt
import os

import pytest
from exchangelib.folders import Contacts

from cycles import assert_nothing_written
from kinds import CONTACT, EVENT, KINDS, TASK, VIEW, Item, scene
from scene import (
    ALICE,
    attribute,
    card,
    conflicts,
    exchange_items,
    lost,
    person,
    seed,
    state,
)
from test_series import Series, in_exchange, in_salesforce

NAMES = ["Anna", "Ben", "Clara"]
MANY = [f"Nr{n:02}" for n in range(12)]
FOLDERS = [False, True]
IDS = ["folder ids stay", "new folder ids"]
BOXES = ("Contacts", "Calendar", "Tasks")

pytestmark = [pytest.mark.sim(seed=scene()), pytest.mark.mount(config={"sync": {"remove-quiet": "0"}})]


def write(mount, kind, name, folder=VIEW):
    path = mount.mailbox("alice") / kind.folder / folder / f"{name}{kind.suffix}"
    path.write_bytes(kind.text(name).encode())
    return path


def linked(sim, mount, account, *names):
    """{(kind's name, name): Item}, all of them synced with the CRM."""
    for name in names:
        for kind in KINDS:
            write(mount, kind, name)
    mount.sync()
    return {(kind.name, name): Item(sim, mount, account, kind, name)
            for kind in KINDS for name in names}


def series_file(mount, series):
    path = mount.mailbox("alice") / "Calendar" / VIEW / "series.ics"
    path.write_bytes(series.text())
    return path


def reviews(occurrences):
    """Those of the series."""
    return [row for row in occurrences if "eview" in row[1]]


def files(mount, numbers=True):
    """{path: (number, UID, record)} of all items."""
    box = mount.mailbox("alice")
    return {str(path.relative_to(box)): (path.stat().st_ino if numbers else 0, attribute(path, "uid"),
                                         attribute(path, "crm-id"))
            for kind in BOXES for path in (box / kind).rglob("*") if path.suffix in (".vcf", ".ics")}


def there(sim):
    """Sorted (folder, search key) of all items in Exchange: one made twice is in it twice, or anew."""
    return sorted((path, item["search_key"]) for path, items in exchange_items(sim).items()
                  if path.split("/")[0] in BOXES for item in items)


def ids(sim):
    return {item["id"] for items in exchange_items(sim).values() for item in items}


def records(sim):
    return sorted((kind.record, row["Id"]) for kind in KINDS for row in sim.records(kind.record))


def snapshot(sim):
    sim.call("POST", "/sim/ews/snapshot", {"address": ALICE})


def restore(sim, new_folders):
    former = ids(sim)
    sim.call("POST", "/sim/ews/restore", {"address": ALICE, "new_folders": new_folders})
    assert not former & ids(sim)


def held(mount):
    return sorted(row["path"].split("/", 1)[1] for row in mount.ctl_json("deletes"))


def assert_settled(sim, mount):
    assert mount.ctl_json("errors") == []
    assert lost(mount.mailbox("alice")) == []
    assert_nothing_written(sim, mount, cycles=2)


@pytest.mark.parametrize("new_folders", FOLDERS, ids=IDS)
def test_restored_as_it_was(sim, mount, alice, contacts, new_folders):
    """Nothing is to be seen of it, and what was not sent yet arrives."""
    items = linked(sim, mount, alice, *NAMES)
    series = Series()
    series.gone, series.changed = {2}, {1: (dt.timedelta(hours=2), "Late review", "Room 1")}
    series_file(mount, series)
    (contacts / "Partners").mkdir()
    write(mount, CONTACT, "Dora", "Partners")
    (contacts / "Partners" / ".note").write_text("a draft")
    write(mount, CONTACT, "Emil", "")
    mount.sync()
    before, keys, linked_with = files(mount), there(sim), records(sim)
    mount.stop()
    restore(sim, new_folders)
    mount.start()
    sim.reset_counters()
    mount.sync()
    assert sim.counters()["operations"]["GetItem"] < len(before)  # they are asked for together
    assert files(mount) == before
    assert there(sim) == keys
    assert records(sim) == linked_with
    assert (contacts / "Partners" / ".note").read_text() == "a draft"
    assert held(mount) == conflicts(contacts.parent) == []
    assert_settled(sim, mount)

    # Not sent yet: edits, a new file, a removal, a move, each of an item that was restored meanwhile.
    restore(sim, new_folders)
    for kind in KINDS:
        items[kind.name, "Anna"].change("file", 0, 1)
        items[kind.name, "Ben"].change("crm", 0, 2)
        write(mount, kind, "Jana")
    series.changed[3] = (dt.timedelta(0), "Review", "Room 9")
    series_file(mount, series)
    os.unlink(contacts / "Partners" / "Dora.vcf")
    os.rename(contacts / "Emil.vcf", contacts / "Partners" / "Emil.vcf")
    mount.sync()
    for kind in KINDS:
        assert items[kind.name, "Anna"].values(0) == items[kind.name, "Anna"].spelled(0, 1)
        assert items[kind.name, "Ben"].values(0) == items[kind.name, "Ben"].spelled(0, 2)
    assert reviews(in_exchange(alice)) == reviews(in_salesforce(sim)) == series.expected()
    assert sorted(os.listdir(contacts / "Partners")) == [".note", "Emil.vcf"]
    after = files(mount)
    gone = {"Contacts/Partners/Dora.vcf", "Contacts/Emil.vcf"}
    new = {"Contacts/Partners/Emil.vcf", *(f"{kind.folder}/{VIEW}/Jana{kind.suffix}" for kind in KINDS)}
    assert after.keys() == before.keys() - gone | new
    assert after["Contacts/Partners/Emil.vcf"] == before["Contacts/Emil.vcf"]
    assert {path: row[1:] for path, row in before.items() if path not in gone} == \
        {path: row[1:] for path, row in after.items() if path not in new}
    assert len(there(sim)) == len(keys) + 3 - 1
    assert len(records(sim)) == len(linked_with) + 3
    assert conflicts(contacts.parent) == []
    assert_settled(sim, mount)


def test_moved_to_another_database(sim, mount, alice, contacts):
    """All ids stay, and no SyncState: everything is compared, nothing is read or written."""
    items = linked(sim, mount, alice, *NAMES)
    before, keys = files(mount), there(sim)
    sim.call("POST", "/sim/ews/move", {"address": ALICE})
    sim.reset_counters()
    mount.sync()
    counted = sim.counters()
    assert counted["writes"] == 0 and "GetItem" not in counted["operations"]
    assert (files(mount), there(sim)) == (before, keys)

    # Edited there and here meanwhile, and one deleted: this is no backup.
    sim.call("POST", "/sim/ews/move", {"address": ALICE})
    for kind in KINDS:
        items[kind.name, "Anna"].change("exchange", 0, 1)
        items[kind.name, "Ben"].change("file", 0, 2)
        items[kind.name, "Clara"].outlook.move_to_trash()
    mount.sync()
    for kind in KINDS:
        assert items[kind.name, "Anna"].values(0) == items[kind.name, "Anna"].spelled(0, 1)
        assert items[kind.name, "Ben"].values(0) == items[kind.name, "Ben"].spelled(0, 2)
        assert "Clara" not in kind.files(mount)
    assert held(mount) == conflicts(contacts.parent) == []
    assert_settled(sim, mount)


def test_a_folder_is_deleted_and_made_again(sim, mount, alice, contacts):
    """... and gets what was in it: the same files in the same directory, linked as before."""
    folder = Contacts(parent=alice.contacts, name="Partners")
    folder.save()
    mount.sync()
    for name in NAMES:
        path = write(mount, CONTACT, name, "Partners")
        os.setxattr(path, "user.tandem.categories", b"CRM")
    mount.sync()
    before, linked_with = files(mount), records(sim)
    number = (contacts / "Partners").stat().st_ino
    folder.move(alice.trash)
    again = Contacts(parent=alice.contacts, name="Partners")
    again.save()
    for item in list(folder.all()):
        item.move(again)
    mount.sync()
    assert (files(mount), records(sim)) == (before, linked_with)
    assert (contacts / "Partners").stat().st_ino == number
    assert [path for path, _ in there(sim)] == ["Contacts/Partners"] * len(NAMES)
    assert_settled(sim, mount)

    # Empty.
    again.delete()
    Contacts(parent=alice.contacts, name="Partners").save()
    mount.sync()
    assert files(mount) == {}
    assert (contacts / "Partners").stat().st_ino == number
    assert records(sim) == linked_with
    write(mount, CONTACT, "Dora", "Partners")
    mount.sync()
    assert [path for path, _ in there(sim)] == ["Contacts/Partners"]
    assert_settled(sim, mount)


# Older than what we know -------------------------------------------------------------------------

def older(n, kind):
    """What is kept of field n of each kind: its first value, as Exchange has it."""
    return kind.fields[n].values[0][1]


@pytest.mark.parametrize("new_folders", FOLDERS, ids=IDS)
def test_newer_values_are_sent_again(sim, mount, alice, contacts, new_folders):
    """... whoever they came from; those of the backup are in conflict records."""
    items = linked(sim, mount, alice, *NAMES)
    series = Series()
    series.changed = {1: (dt.timedelta(hours=2), "Late review", "Room 1")}
    path = series_file(mount, series)
    mount.sync()
    linked_with = records(sim)
    snapshot(sim)
    for kind in KINDS:
        for place, name in zip(("file", "exchange", "crm"), NAMES):
            items[kind.name, name].change(place, 0, 1)
    series.changed[3] = (dt.timedelta(0), "Review", "Room 9")
    path.write_bytes(series.text())
    mount.sync()
    before, keys = files(mount), there(sim)
    texts = {name: (mount.mailbox("alice") / name).read_bytes() for name in before}
    assert conflicts(contacts.parent) == []

    restore(sim, new_folders)
    for item in items.values():
        item.change("file", 2, 3)  # not sent yet, of a field that did not change since
    mount.sync()
    for (name, _), item in items.items():
        assert item.values(0) == item.spelled(0, 1), name
        assert item.values(2) == item.spelled(2, 3), name
        assert item.conflicts() == [
            (item.kind.fields[0].exchange, "file", {"exchange": older(0, item.kind)})]
    assert reviews(in_exchange(alice)) == reviews(in_salesforce(sim)) == series.expected()
    after = files(mount)
    assert {name: row[1:] for name, row in after.items()} == \
        {name: row[1:] for name, row in before.items()}
    assert path.read_bytes() == texts[str(path.relative_to(contacts.parent))]
    assert (there(sim), records(sim)) == (keys, linked_with)
    assert held(mount) == []
    assert_settled(sim, mount)

    # The backup was right after all.
    for row in mount.ctl_json("conflicts"):
        if "series" not in row["conflict"]["item"]:
            mount.ctl("conflicts", "take", row["id"])
    mount.sync()
    for item in items.values():
        assert item.values(0) == item.spelled(0, 0)
    assert_settled(sim, mount)


@pytest.mark.parametrize("new_folders, count", [(False, 1), (True, len(MANY))],
                         ids=["one", "many, new folder ids"])
@pytest.mark.parametrize("answer", ["restore", "confirm"])
def test_what_the_backup_lacks_waits_for_a_decision(
        sim, mount, alice, contacts, new_folders, count, answer):
    """However few they are: nobody deleted them."""
    linked(sim, mount, alice, *NAMES)
    snapshot(sim)
    linked(sim, mount, alice, *MANY[:count])
    (contacts / "Later").mkdir()
    write(mount, CONTACT, "Dora", "Later")
    mount.sync()
    before, keys, linked_with = files(mount), there(sim), records(sim)
    since = sorted(path for path in before if "Nr" in path or "Later" in path)
    assert len(since) == 3 * count + 1

    restore(sim, new_folders)
    for _ in range(2):
        mount.sync()
        assert held(mount) == since
        assert (files(mount), records(sim)) == (before, linked_with)
    (batch,) = {row["batch"] for row in mount.ctl_json("deletes")}
    mount.ctl("deletes", answer, batch)
    mount.sync()
    assert held(mount) == []
    assert records(sim) == linked_with
    assert conflicts(contacts.parent) == []
    if answer == "restore":
        assert files(mount) == before
        assert sorted(path for path, _ in there(sim)) == sorted(path for path, _ in keys)
    else:
        assert files(mount) == {path: row for path, row in before.items() if path not in since}
        assert len(there(sim)) == len(keys) - len(since)
        assert not (contacts / "Later").exists()
    assert_settled(sim, mount)


@pytest.mark.parametrize("new_folders", FOLDERS, ids=IDS)
def test_what_went_or_moved_since(sim, mount, alice, contacts, new_folders):
    """Deleted: it is back, with name and link.  Moved, designated: it stays, and moves there again.  A
    folder has the name of the backup, where its id tells that it is the same."""
    linked(sim, mount, alice, *NAMES)
    (contacts / "Partners").mkdir()
    write(mount, CONTACT, "Dora", "")
    for kind in (EVENT, TASK):
        write(mount, kind, "Dora", "")
    write(mount, CONTACT, "Emil", "")
    mount.sync()
    before, keys = files(mount), there(sim)
    snapshot(sim)
    box = contacts.parent
    for path in [path for path in before if "Clara" in path]:
        (box / path).unlink()
    for kind in KINDS:
        os.rename(box / kind.folder / f"Dora{kind.suffix}",
                  box / kind.folder / VIEW / f"Dora{kind.suffix}")
    os.rename(contacts / "Emil.vcf", contacts / "Partners" / "Emil.vcf")
    os.rename(contacts / "Partners", contacts / "Friends")
    mount.sync()
    since, linked_with = files(mount), records(sim)
    assert len(linked_with) == 4 * 3

    restore(sim, new_folders)
    mount.sync()
    mount.sync()
    after = files(mount)
    back = {path: after.pop(path)[1:] for path in before if "Clara" in path}
    if not new_folders:
        since["Contacts/Partners/Emil.vcf"] = since.pop("Contacts/Friends/Emil.vcf")
    assert after == since
    assert back == {path: before[path][1:] for path in back}
    assert records(sim) == linked_with
    assert sorted(key for _, key in there(sim)) == sorted(key for _, key in keys)
    assert held(mount) == []
    assert {state(box / path) for path in since} <= {"synced", "conflict"}
    assert_settled(sim, mount)
