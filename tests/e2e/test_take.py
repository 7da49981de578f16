"""tandemctl conflicts: what lost is listed, shown, and set after all."""
import json
import os

import pytest

from contact_rows import property_value
from cycles import assert_nothing_written
from kinds import KINDS, PLACES, VIEW, Item, scene
from scene import exchange_names, names, person, seed

pytestmark = pytest.mark.sim(seed=scene())


def linked(sim, mount, account, name):
    """[Item] of each kind, written into the view, synced and linked."""
    for kind in KINDS:
        path = mount.mailbox("alice") / kind.folder / VIEW / f"{name}{kind.suffix}"
        path.write_bytes(kind.text(name).encode())
    mount.sync()
    return [Item(sim, mount, account, kind, name) for kind in KINDS]


def shown(mount):
    """The conflicts, as listed; each is shown by its number as it stands in its file."""
    listed = mount.ctl_json("conflicts")
    table = mount.ctl("conflicts").stdout
    for one in listed:
        assert str(one["id"]) in table and one["file"] in table
        told = json.loads(mount.ctl("conflicts", "show", one["id"]).stdout)
        assert told == one["conflict"]
        path = mount.mailbox("alice") / ".sync" / "conflicts" / one["file"]
        assert json.loads(path.read_text()) == told
    return listed


@pytest.mark.parametrize("policy, sides, winner", [
    ("exchange", ("file", "exchange"), "file"),
    ("exchange", ("file", "crm"), "file"),
    ("crm", ("file", "crm"), "crm"),
    ("crm", ("exchange", "crm"), "crm"),
    ("exchange", ("exchange", "crm"), "exchange"),
])
def test_the_value_that_lost_is_taken(sim, start_mount, exchange, policy, sides, winner):
    mount = start_mount(sim, config={"sync": {"conflict": policy}})
    items = linked(sim, mount, exchange("alice"), "Anna")
    (loser,) = set(sides) - {winner}
    for item in items:
        for n in range(3):
            for side in sides:
                item.change(side, n, 1 + PLACES.index(side))
    mount.sync()
    for item in items:
        assert [item.values(n) for n in range(3)] == \
            [item.spelled(n, 1 + PLACES.index(winner)) for n in range(3)]
    numbers = [one["id"] for one in shown(mount)]
    assert len(numbers) == len(items)
    other = ({"file", "exchange", "crm"} - set(sides)).pop()
    done = mount.ctl("conflicts", "take", numbers[0], other, check=False)
    assert done.returncode == 1 and f"no value of {other} lost" in done.stderr
    for number in numbers[:-1]:
        mount.ctl("conflicts", "take", number)
    mount.ctl("conflicts", "take", numbers[-1], loser)
    mount.sync()
    for item in items:
        assert [item.values(n) for n in range(3)] == \
            [item.spelled(n, 1 + PLACES.index(loser)) for n in range(3)], item.kind.name
    assert_nothing_written(sim, mount)
    done = mount.ctl("conflicts", "take", numbers[0], check=False)
    assert done.returncode == 1 and f"no conflict {numbers[0]}" in done.stderr
    assert not {one["id"] for one in shown(mount)} & set(numbers)


@pytest.mark.sim(seed=seed([person("Anna", "Lind", JobTitle="Buyer")]))
def test_a_deletion_that_lost(sim, mount, contacts, alice):
    (contact,) = alice.contacts.all()
    text = (contacts / "Anna Lind.vcf").read_text()
    contact.delete()
    (contacts / "Anna Lind.vcf").write_text(text.replace("Buyer", "Dean"))
    mount.sync()
    assert exchange_names(sim) == ["Anna Lind"]
    (conflict,) = shown(mount)
    mount.ctl("conflicts", "take", conflict["id"])
    assert names(contacts) == []
    mount.stop()
    mount.configure({"sync": {"remove-quiet": "0"}})
    mount.start()
    mount.sync()
    assert exchange_names(sim) == []
    assert shown(mount) == []


@pytest.mark.sim(seed=seed([person("Anna", "Lind", JobTitle="Buyer")]))
def test_what_a_stale_copy_left_out(mount, contacts, alice):
    """A record of an edit: its values are canonical."""
    path = contacts / "Anna Lind.vcf"
    with open(path, "rb") as opened:
        text = opened.read()
    (contact,) = alice.contacts.all()
    contact.job_title = "Owner"
    contact.save(update_fields=["job_title"])
    mount.sync()
    with open(path, "wb") as saved:
        saved.write(text.replace(b"END:VCARD", b"ROLE:Trader\r\nEND:VCARD"))
    mount.sync()
    assert property_value(path, "TITLE") == "Owner"
    (conflict,) = shown(mount)
    mount.ctl("conflicts", "take", conflict["id"])
    mount.sync()
    assert property_value(path, "TITLE") == "Buyer"
    (contact,) = alice.contacts.all()
    assert (contact.job_title, contact.profession) == ("Buyer", "Trader")


def test_numbers_that_are_none(mount):
    for words in (("show", "7"), ("take", "7"), ("take", "x")):
        done = mount.ctl("conflicts", *words, check=False)
        assert done.returncode == 1 and "conflict" in done.stderr
    assert mount.ctl("conflicts", "drop", "7", check=False).returncode == 2
    assert os.listdir(mount.mailbox("alice") / ".sync" / "conflicts") == []
