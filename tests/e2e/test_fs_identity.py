"""Which item a file is, whatever is done to names: taken over, copied, renamed over, revived, hidden in
directories of drafts, known again when the cache was lost."""
import errno
import os
import shutil

import pytest

from cycles import written
from exchange import contacts_of, subfolder
from scene import (
    crm_contacts,
    exchange_contacts,
    exchange_items,
    exchange_keys,
    exchange_names,
    link,
    names,
    person,
    refused,
    seed,
    state,
)
from tools import run

ANNA = person("Anna", "Lind", JobTitle="Buyer", Categories=["CRM"])
BEN = person("Ben", "Ohlsen", JobTitle="Seller", Body="Calls before ten.")
ZOE = person("Zoë", "Müller", JobTitle="Director")
pytestmark = [pytest.mark.sim(seed=seed([ANNA, BEN, ZOE])),
              pytest.mark.mount(config={"sync": {"remove-quiet": "0"}})]
EVERYBODY = ["Anna Lind", "Ben Ohlsen", "Zoë Müller"]


def records(sim):
    return {row["LastName"]: row["Id"] for row in crm_contacts(sim)}


# Removed and made anew ----------------------------------------------------------------------------

def test_the_uid_counts_whatever_the_name(sim, mount, contacts, tmp_path):
    before, linked = exchange_keys(sim), records(sim)
    run("cp", contacts / "Anna Lind.vcf", tmp_path / "a")
    (contacts / "Anna Lind.vcf").unlink()
    run("cp", tmp_path / "a", contacts / "lind.vcf")
    assert written(sim, mount).keys() <= {"UpdateItem"}  # the name that a client chose
    assert (exchange_keys(sim), records(sim)) == (before, linked)
    assert link(contacts / "lind.vcf") == linked["Lind"]
    assert written(sim, mount) == {}


def test_an_item_renamed_over_an_item(sim, mount, contacts):
    """The one that was there is removed; the one that comes keeps what it is."""
    before = exchange_keys(sim)
    (contacts / "Ben Ohlsen.vcf").rename(contacts / "Anna Lind.vcf")
    mount.sync()
    assert exchange_keys(sim) == {name: before[name] for name in ("Ben Ohlsen", "Zoë Müller")}
    assert [item["properties"]["DisplayName"] for item in exchange_items(sim)["Deleted Items"]] == \
        ["Anna Lind"]
    assert names(contacts) == ["Anna Lind.vcf", "Zoë Müller.vcf"]
    assert b"FN:Ben Ohlsen" in (contacts / "Anna Lind.vcf").read_bytes()
    mount.sync()
    assert written(sim, mount) == {}


def test_two_items_change_names(sim, mount, contacts):
    before = exchange_keys(sim)
    (contacts / "Anna Lind.vcf").rename(contacts / "x.vcf")
    (contacts / "Ben Ohlsen.vcf").rename(contacts / "Anna Lind.vcf")
    (contacts / "x.vcf").rename(contacts / "Ben Ohlsen.vcf")
    mount.sync()
    assert exchange_keys(sim) == before
    assert b"FN:Anna" in (contacts / "Ben Ohlsen.vcf").read_bytes()


def test_revived_by_its_uid(sim, mount, contacts, tmp_path):
    """The removal was sent.  A file with the UID, days later: the same UID, the same record."""
    linked = records(sim)
    uid = os.getxattr(contacts / "Anna Lind.vcf", "user.tandem.uid")
    run("cp", contacts / "Anna Lind.vcf", tmp_path / "a")
    (contacts / "Anna Lind.vcf").unlink()
    mount.sync()
    assert exchange_names(sim) == EVERYBODY[1:]
    run("sed", "-i", "s/^TITLE:Buyer/TITLE:Head/", tmp_path / "a")
    run("cp", tmp_path / "a", contacts / "anna.vcf")
    mount.sync()
    assert exchange_names(sim) == EVERYBODY
    assert records(sim) == linked
    assert crm_contacts(sim, "Lind")[0]["Title"] == "Head"
    assert os.getxattr(contacts / "anna.vcf", "user.tandem.uid") == uid
    assert link(contacts / "anna.vcf") == linked["Lind"]
    assert written(sim, mount) == {}


# Copies -------------------------------------------------------------------------------------------

def test_copies_under_draft_names(sim, mount, contacts):
    """They stay here, as they are; one comes back only where its UID does not live."""
    before, linked = exchange_keys(sim), records(sim)
    item = contacts / "Anna Lind.vcf"
    for name in ("Anna Lind.vcf.bak", ".Anna Lind.vcf", "Anna Lind.vcf~", "Anna"):
        run("cp", "-p", item, contacts / name)
        assert state(contacts / name) == "local"
    os.link(item, contacts / "link")
    content = item.read_bytes()
    assert written(sim, mount) == {}
    run("sed", "-i", "s/Buyer/Head/", item)
    mount.sync()
    for name in ("Anna Lind.vcf.bak", ".Anna Lind.vcf", "Anna Lind.vcf~", "Anna", "link"):
        assert (contacts / name).read_bytes() == content
    refused(errno.EEXIST, os.rename, contacts / "Anna", contacts / "copy.vcf")
    assert (contacts / "Anna").read_bytes() == content
    item.unlink()
    run("mv", contacts / "Anna", contacts / "copy.vcf")  # this process has read the item itself
    mount.sync()
    assert (exchange_keys(sim), records(sim)) == (before, linked)
    assert crm_contacts(sim, "Lind")[0]["Title"] == "Buyer"
    assert link(contacts / "copy.vcf") == linked["Lind"]


def test_copied_to_another_folder_and_then_removed(sim, mount, contacts):
    """What file managers do for a move, in one cycle."""
    before = exchange_keys(sim)
    (contacts / "Partners").mkdir()
    mount.sync()
    run("cp", contacts / "Ben Ohlsen.vcf", contacts / "Partners" / "Ben Ohlsen.vcf")
    (contacts / "Ben Ohlsen.vcf").unlink()
    made = written(sim, mount)
    assert made["MoveItem"] == 1 and "CreateItem" not in made and "DeleteItem" not in made
    assert exchange_keys(sim) == {**before,
                                  "Ben Ohlsen": ("Contacts/Partners", before["Ben Ohlsen"][1])}


def test_a_copy_in_another_folder_is_an_item_of_its_own(sim, mount, contacts, exchange):
    (contacts / "Partners").mkdir()
    mount.sync()
    run("cp", contacts / "Ben Ohlsen.vcf", contacts / "Partners" / "Ben Ohlsen.vcf")
    mount.sync()
    run("sed", "-i", "s/Seller/Partner/", contacts / "Partners" / "Ben Ohlsen.vcf")
    mount.sync()
    account = exchange("alice")
    original = contacts_of(account.contacts)["Ben Ohlsen"]
    copy = contacts_of(subfolder(account, "Partners"))["Ben Ohlsen"]
    assert (original.job_title, copy.job_title) == ("Seller", "Partner")
    assert original.body.rstrip() == copy.body.rstrip() == "Calls before ten."
    assert written(sim, mount) == {}


# Directories of drafts ----------------------------------------------------------------------------

def test_a_directory_whose_name_begins_with_a_dot(sim, mount, contacts):
    before, linked = exchange_keys(sim), records(sim)
    hidden = contacts / ".hidden" / "below"
    hidden.mkdir(parents=True)
    for path in contacts.glob("*.vcf"):
        run("cp", path, hidden)
    (hidden / "broken.vcf").write_bytes(b"no card\n")
    assert state(hidden / "Ben Ohlsen.vcf") == "local"
    assert written(sim, mount) == {}
    mount.stop()
    mount.start()
    assert written(sim, mount) == {}
    assert names(hidden) == sorted([*names(contacts), "broken.vcf"])

    # An item that is moved there is removed; what comes from there is a commit.
    os.rename(contacts / "Ben Ohlsen.vcf", hidden / "Ben Ohlsen.vcf")
    os.rename(hidden / "Ben Ohlsen.vcf", contacts / "ben.vcf")
    refused(errno.EINVAL, os.rename, hidden / "broken.vcf", contacts / "broken.vcf")
    mount.sync()
    assert (exchange_keys(sim), records(sim)) == (before, linked)
    os.rename(contacts / "ben.vcf", hidden / "Ben Ohlsen.vcf")
    mount.sync()
    assert exchange_names(sim) == ["Anna Lind", "Zoë Müller"]
    shutil.rmtree(contacts / ".hidden")
    assert written(sim, mount) == {}
    assert exchange_names(sim) == ["Anna Lind", "Zoë Müller"]


# A lost cache -------------------------------------------------------------------------------------

def test_a_name_survives_a_lost_cache(sim, mount, contacts):
    """Names that clients chose are kept in Exchange; so are folders and links."""
    (contacts / "Partners").mkdir()
    (contacts / "Ben Ohlsen.vcf").rename(contacts / "Partners" / "ben.vcf")
    (contacts / "Anna Lind.vcf").rename(contacts / "lind.vcf")
    mount.sync()
    mount.sync()
    before, linked = exchange_keys(sim), records(sim)
    uids = {name: os.getxattr(contacts / name, "user.tandem.uid")
            for name in ("lind.vcf", "Zoë Müller.vcf", "Partners/ben.vcf")}
    mount.stop()
    shutil.rmtree(mount.cache)
    mount.start()
    mount.sync()
    mount.sync()
    assert {name: os.getxattr(contacts / name, "user.tandem.uid") for name in uids} == uids
    assert names(contacts) == ["Zoë Müller.vcf", "lind.vcf"]
    assert link(contacts / "lind.vcf") == linked["Lind"]
    assert (exchange_keys(sim), records(sim)) == (before, linked)
    assert len(exchange_contacts(sim)) == 3
    assert written(sim, mount) == {}
