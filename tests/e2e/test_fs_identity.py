"""Which item a file is, whatever is done to names: taken over, copied, renamed over, revived, hidden in
directories of drafts, known again when the cache was lost."""
import errno
import os
import shutil

import pytest

from exchange import contacts_of, subfolder
from scene import (
    crm_contacts,
    exchange_contacts,
    exchange_items,
    exchange_names,
    names,
    person,
    run,
    seed,
    state,
)

ANNA = person("Anna", "Lind", JobTitle="Buyer", Categories=["CRM"])
BEN = person("Ben", "Ohlsen", JobTitle="Seller", Body="Calls before ten.")
ZOE = person("Zoë", "Müller", JobTitle="Director")
pytestmark = [pytest.mark.sim(seed=seed([ANNA, BEN, ZOE])),
              pytest.mark.mount(config={"sync": {"remove-quiet": "0"}})]
EVERYBODY = ["Anna Lind", "Ben Ohlsen", "Zoë Müller"]


@pytest.fixture
def folder(mount):
    return mount.mailbox("alice") / "Contacts"


def refused(number, call, *args, **options):
    with pytest.raises(OSError) as caught:
        call(*args, **options)
    assert caught.value.errno == number, os.strerror(caught.value.errno)


def keys(sim):
    """{display name: (folder, what stays when Exchange moves an item)} of all contacts."""
    found = {}
    for path, items in exchange_items(sim).items():
        if path == "Contacts" or path.startswith("Contacts/"):
            for item in items:
                name = item["properties"]["DisplayName"]
                assert name not in found, f"{name} is there twice"
                found[name] = (path, item["search_key"])
    return found


def records(sim):
    return {row["LastName"]: row["Id"] for row in crm_contacts(sim)}


def writes(sim, mount):
    """{operation: n} of what a cycle wrote."""
    sim.reset_counters()
    mount.sync()
    counted = sim.counters()
    found = {name: n for name, n in counted["operations"].items()
             if name in ("CreateItem", "UpdateItem", "MoveItem", "DeleteItem", "CreateFolder",
                         "UpdateFolder", "MoveFolder", "DeleteFolder", "sf:composite")}
    assert bool(found) == bool(counted["writes"]), counted
    return found


def crm_id(path):
    return os.getxattr(path, "user.tandem.crm-id").decode()


# Removed and made anew ----------------------------------------------------------------------------

def test_the_uid_counts_whatever_the_name(sim, mount, folder, tmp_path):
    before, linked = keys(sim), records(sim)
    run("cp", folder / "Anna Lind.vcf", tmp_path / "a")
    (folder / "Anna Lind.vcf").unlink()
    run("cp", tmp_path / "a", folder / "lind.vcf")
    assert writes(sim, mount).keys() <= {"UpdateItem"}  # the name that a client chose
    assert (keys(sim), records(sim)) == (before, linked)
    assert crm_id(folder / "lind.vcf") == linked["Lind"]
    assert writes(sim, mount) == {}


def test_an_item_renamed_over_an_item(sim, mount, folder):
    """The one that was there is removed; the one that comes keeps what it is."""
    before = keys(sim)
    (folder / "Ben Ohlsen.vcf").rename(folder / "Anna Lind.vcf")
    mount.sync()
    assert keys(sim) == {name: before[name] for name in ("Ben Ohlsen", "Zoë Müller")}
    assert [item["properties"]["DisplayName"] for item in exchange_items(sim)["Deleted Items"]] == \
        ["Anna Lind"]
    assert names(folder) == ["Anna Lind.vcf", "Zoë Müller.vcf"]
    assert b"FN:Ben Ohlsen" in (folder / "Anna Lind.vcf").read_bytes()
    mount.sync()
    assert writes(sim, mount) == {}


def test_two_items_change_names(sim, mount, folder):
    before = keys(sim)
    (folder / "Anna Lind.vcf").rename(folder / "x.vcf")
    (folder / "Ben Ohlsen.vcf").rename(folder / "Anna Lind.vcf")
    (folder / "x.vcf").rename(folder / "Ben Ohlsen.vcf")
    mount.sync()
    assert keys(sim) == before
    assert b"FN:Anna" in (folder / "Ben Ohlsen.vcf").read_bytes()


def test_revived_by_its_uid(sim, mount, folder, tmp_path):
    """The removal was sent.  A file with the UID, days later: the same UID, the same record."""
    linked = records(sim)
    uid = os.getxattr(folder / "Anna Lind.vcf", "user.tandem.uid")
    run("cp", folder / "Anna Lind.vcf", tmp_path / "a")
    (folder / "Anna Lind.vcf").unlink()
    mount.sync()
    assert exchange_names(sim) == EVERYBODY[1:]
    run("sed", "-i", "s/^TITLE:Buyer/TITLE:Head/", tmp_path / "a")
    run("cp", tmp_path / "a", folder / "anna.vcf")
    mount.sync()
    assert exchange_names(sim) == EVERYBODY
    assert records(sim) == linked
    assert crm_contacts(sim, "Lind")[0]["Title"] == "Head"
    assert os.getxattr(folder / "anna.vcf", "user.tandem.uid") == uid
    assert crm_id(folder / "anna.vcf") == linked["Lind"]
    assert writes(sim, mount) == {}


# Copies -------------------------------------------------------------------------------------------

def test_copies_under_draft_names(sim, mount, folder):
    """They stay here, as they are; one comes back only where its UID does not live."""
    before, linked = keys(sim), records(sim)
    item = folder / "Anna Lind.vcf"
    for name in ("Anna Lind.vcf.bak", ".Anna Lind.vcf", "Anna Lind.vcf~", "Anna"):
        run("cp", "-p", item, folder / name)
        assert state(folder / name) == "local"
    os.link(item, folder / "link")
    content = item.read_bytes()
    assert writes(sim, mount) == {}
    run("sed", "-i", "s/Buyer/Head/", item)
    mount.sync()
    for name in ("Anna Lind.vcf.bak", ".Anna Lind.vcf", "Anna Lind.vcf~", "Anna", "link"):
        assert (folder / name).read_bytes() == content
    refused(errno.EEXIST, os.rename, folder / "Anna", folder / "copy.vcf")
    assert (folder / "Anna").read_bytes() == content
    item.unlink()
    run("mv", folder / "Anna", folder / "copy.vcf")  # this process has read the item itself
    mount.sync()
    assert (keys(sim), records(sim)) == (before, linked)
    assert crm_contacts(sim, "Lind")[0]["Title"] == "Buyer"
    assert crm_id(folder / "copy.vcf") == linked["Lind"]


def test_copied_to_another_folder_and_then_removed(sim, mount, folder):
    """What file managers do for a move, in one cycle."""
    before = keys(sim)
    (folder / "Partners").mkdir()
    mount.sync()
    run("cp", folder / "Ben Ohlsen.vcf", folder / "Partners" / "Ben Ohlsen.vcf")
    (folder / "Ben Ohlsen.vcf").unlink()
    made = writes(sim, mount)
    assert made["MoveItem"] == 1 and "CreateItem" not in made and "DeleteItem" not in made
    assert keys(sim) == {**before, "Ben Ohlsen": ("Contacts/Partners", before["Ben Ohlsen"][1])}


def test_a_copy_in_another_folder_is_an_item_of_its_own(sim, mount, folder, exchange):
    (folder / "Partners").mkdir()
    mount.sync()
    run("cp", folder / "Ben Ohlsen.vcf", folder / "Partners" / "Ben Ohlsen.vcf")
    mount.sync()
    run("sed", "-i", "s/Seller/Partner/", folder / "Partners" / "Ben Ohlsen.vcf")
    mount.sync()
    account = exchange("alice")
    original = contacts_of(account.contacts)["Ben Ohlsen"]
    copy = contacts_of(subfolder(account, "Partners"))["Ben Ohlsen"]
    assert (original.job_title, copy.job_title) == ("Seller", "Partner")
    assert original.body.rstrip() == copy.body.rstrip() == "Calls before ten."
    assert writes(sim, mount) == {}


# Directories of drafts ----------------------------------------------------------------------------

def test_a_directory_whose_name_begins_with_a_dot(sim, mount, folder):
    before, linked = keys(sim), records(sim)
    hidden = folder / ".hidden" / "below"
    hidden.mkdir(parents=True)
    for path in folder.glob("*.vcf"):
        run("cp", path, hidden)
    (hidden / "broken.vcf").write_bytes(b"no card\n")
    assert state(hidden / "Ben Ohlsen.vcf") == "local"
    assert writes(sim, mount) == {}
    mount.stop()
    mount.start()
    assert writes(sim, mount) == {}
    assert names(hidden) == sorted([*names(folder), "broken.vcf"])

    # An item that is moved there is removed; what comes from there is a commit.
    os.rename(folder / "Ben Ohlsen.vcf", hidden / "Ben Ohlsen.vcf")
    os.rename(hidden / "Ben Ohlsen.vcf", folder / "ben.vcf")
    refused(errno.EINVAL, os.rename, hidden / "broken.vcf", folder / "broken.vcf")
    mount.sync()
    assert (keys(sim), records(sim)) == (before, linked)
    os.rename(folder / "ben.vcf", hidden / "Ben Ohlsen.vcf")
    mount.sync()
    assert exchange_names(sim) == ["Anna Lind", "Zoë Müller"]
    shutil.rmtree(folder / ".hidden")
    assert writes(sim, mount) == {}
    assert exchange_names(sim) == ["Anna Lind", "Zoë Müller"]


# A lost cache -------------------------------------------------------------------------------------

def test_a_name_survives_a_lost_cache(sim, mount, folder):
    """Names that clients chose are kept in Exchange; so are folders and links."""
    (folder / "Partners").mkdir()
    (folder / "Ben Ohlsen.vcf").rename(folder / "Partners" / "ben.vcf")
    (folder / "Anna Lind.vcf").rename(folder / "lind.vcf")
    mount.sync()
    mount.sync()
    before, linked = keys(sim), records(sim)
    uids = {name: os.getxattr(folder / name, "user.tandem.uid")
            for name in ("lind.vcf", "Zoë Müller.vcf", "Partners/ben.vcf")}
    mount.stop()
    shutil.rmtree(mount.cache)
    mount.start()
    mount.sync()
    mount.sync()
    assert {name: os.getxattr(folder / name, "user.tandem.uid") for name in uids} == uids
    assert names(folder) == ["Zoë Müller.vcf", "lind.vcf"]
    assert crm_id(folder / "lind.vcf") == linked["Lind"]
    assert (keys(sim), records(sim)) == (before, linked)
    assert len(exchange_contacts(sim)) == 3
    assert writes(sim, mount) == {}
