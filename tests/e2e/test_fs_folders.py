"""Folders made, renamed, moved and removed, as files and in Exchange, and what lies in them."""
import errno
import os

import pytest

from exchange import contacts_of, new_contact, subfolder
from scene import card, exchange_items, exchange_names, names, person, run, seed

ANNA = person("Anna", "Lind", JobTitle="Buyer", Categories=["CRM"])
BEN = person("Ben", "Ohlsen", JobTitle="Seller")
ZOE = person("Zoë", "Müller", JobTitle="Director")
pytestmark = [pytest.mark.sim(seed=seed([ANNA, BEN, ZOE])),
              pytest.mark.mount(config={"sync": {"remove-quiet": "0"}})]


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


def folders_of(sim):
    return sorted(path for path in exchange_items(sim) if path.startswith("Contacts/"))


def numbers(folder):
    return {os.path.relpath(os.path.join(where, name), folder):
            os.stat(os.path.join(where, name)).st_ino
            for where, directories, files in os.walk(folder) for name in directories + files}


def test_folders_made_renamed_moved_and_removed_as_files(sim, mount, folder):
    before = keys(sim)
    (folder / "Partners" / "North").mkdir(parents=True)
    (folder / "Press").mkdir()
    (folder / "Ben Ohlsen.vcf").rename(folder / "Partners" / "North" / "ben.vcf")
    (folder / "Zoë Müller.vcf").rename(folder / "Press" / "zoe.vcf")
    mount.sync()
    assert folders_of(sim) == ["Contacts/Partners", "Contacts/Partners/North", "Contacts/Press",
                               "Contacts/Salesforce_Sync"]
    numbered = numbers(folder)

    (folder / "Partners").rename(folder / "Partner")
    (folder / "Press").rename(folder / "Partner" / "Presse")
    made = writes(sim, mount)
    assert "CreateItem" not in made and "DeleteItem" not in made and "CreateFolder" not in made
    assert folders_of(sim) == ["Contacts/Partner", "Contacts/Partner/North",
                               "Contacts/Partner/Presse", "Contacts/Salesforce_Sync"]
    assert keys(sim) == {**before,
                         "Ben Ohlsen": ("Contacts/Partner/North", before["Ben Ohlsen"][1]),
                         "Zoë Müller": ("Contacts/Partner/Presse", before["Zoë Müller"][1])}
    after = numbers(folder)
    assert set(after.values()) == set(numbered.values())
    assert after["Partner/North/ben.vcf"] == numbered["Partners/North/ben.vcf"]
    assert after["Partner/Presse"] == numbered["Press"]

    refused(errno.ENOTEMPTY, os.rmdir, folder / "Partner" / "North")
    refused(errno.EPERM, os.rename, folder / "Salesforce_Sync", folder / "Other")
    refused(errno.EPERM, os.rename, folder / "Salesforce_Sync",
            folder / "Partner" / "Salesforce_Sync")
    run("rm", "-r", folder / "Partner")
    mount.sync()
    mount.sync()
    assert folders_of(sim) == ["Contacts/Salesforce_Sync"]
    assert exchange_names(sim) == ["Anna Lind"]
    assert writes(sim, mount) == {}


def test_folders_made_renamed_moved_and_removed_in_exchange(sim, mount, folder, exchange):
    account = exchange("alice")
    kind = type(account.contacts)
    partners = kind(parent=account.contacts, name="Partners").save()
    north = kind(parent=partners, name="North").save()
    contacts_of(account.contacts)["Ben Ohlsen"].move(north)
    number = (folder / "Ben Ohlsen.vcf").stat().st_ino
    mount.sync()
    assert (folder / "Partners" / "North" / "Ben Ohlsen.vcf").stat().st_ino == number
    numbered = numbers(folder)

    partners.name = "Partner"
    partners.save(update_fields=["name"])
    north.move(account.contacts)
    assert writes(sim, mount) == {}
    after = numbers(folder)
    assert after.keys() == {"Salesforce_Sync", "Partner", "North", "North/Ben Ohlsen.vcf",
                            "Anna Lind.vcf", "Zoë Müller.vcf"}
    assert set(after.values()) == set(numbered.values())
    assert after["North/Ben Ohlsen.vcf"] == number

    north.delete()
    mount.sync()
    assert numbers(folder).keys() == {"Salesforce_Sync", "Partner", "Anna Lind.vcf",
                                      "Zoë Müller.vcf"}
    assert exchange_names(sim) == ["Anna Lind", "Zoë Müller"]
    assert writes(sim, mount) == {}



def partners(mount, folder, n=0):
    """Partners/North, in Exchange too, with contacts in it."""
    north = folder / "Partners" / "North"
    north.mkdir(parents=True)
    (folder / "Ben Ohlsen.vcf").rename(north / "Ben Ohlsen.vcf")
    for i in range(n):
        (north / f"p{i}.vcf").write_text(card(f"Person{i} North"))
    mount.sync()
    mount.sync()
    return north


def held_batch(mount, n):
    rows = mount.ctl_json("deletes")
    assert len(rows) == n
    (batch,) = {row["batch"] for row in rows}
    return batch


def test_removed_and_its_name_given_to_another(sim, mount, folder):
    before = keys(sim)
    partners(mount, folder)
    (folder / "Press").mkdir()
    (folder / "Zoë Müller.vcf").rename(folder / "Press" / "Zoë Müller.vcf")
    mount.sync()
    run("rm", "-r", folder / "Partners")
    (folder / "Press").rename(folder / "Partners")
    made = writes(sim, mount)
    assert "CreateFolder" not in made and "CreateItem" not in made
    assert folders_of(sim) == ["Contacts/Partners", "Contacts/Salesforce_Sync"]
    assert keys(sim) == {"Anna Lind": before["Anna Lind"],
                         "Zoë Müller": ("Contacts/Partners", before["Zoë Müller"][1])}
    assert writes(sim, mount) == {}


def test_a_folder_is_not_removed_over_what_a_colleague_put_there(sim, mount, folder, exchange):
    """Who removed the directory did not know of it: it comes back with that alone."""
    north = partners(mount, folder)
    number = north.stat().st_ino
    account = exchange("alice")
    run("rm", "-r", folder / "Partners")
    there = subfolder(account, "Partners") / "North"
    new_contact(account, "Nina New", folder=there)
    mount.sync()
    mount.sync()
    assert names(north) == ["Nina New.vcf"]
    assert north.stat().st_ino == number
    assert list(contacts_of(there)) == ["Nina New"]
    assert exchange_names(sim) == ["Anna Lind", "Nina New", "Zoë Müller"]
    (north / "here.vcf").write_text(card("Made Here"))
    mount.sync()
    assert sorted(contacts_of(there)) == ["Made Here", "Nina New"]
    assert writes(sim, mount) == {}


def test_a_folder_that_a_colleague_makes_in_a_removed_one(sim, mount, folder, exchange):
    partners(mount, folder)
    account = exchange("alice")
    run("rm", "-r", folder / "Partners")
    there = subfolder(account, "Partners")
    type(there)(parent=there, name="South").save()
    mount.sync()
    mount.sync()
    assert os.listdir(folder / "Partners") == ["South"]
    assert folders_of(sim) == ["Contacts/Partners", "Contacts/Partners/South",
                               "Contacts/Salesforce_Sync"]
    assert writes(sim, mount) == {}


def test_a_folder_stays_as_long_as_its_removals_are_held(sim, mount, folder):
    """Too many at once: nothing goes, neither one by one nor with the folder above."""
    north = partners(mount, folder, 30)
    numbered, everybody = numbers(folder), exchange_names(sim)
    run("rm", "-r", folder / "Partners")
    mount.sync()
    mount.sync()
    assert exchange_names(sim) == everybody
    assert folders_of(sim) == ["Contacts/Partners", "Contacts/Partners/North",
                               "Contacts/Salesforce_Sync"]
    batch = held_batch(mount, 31)
    mount.ctl("deletes", "restore", batch)
    assert len(names(north)) == 31
    assert numbers(folder) == numbered
    assert writes(sim, mount) == {}
    assert exchange_names(sim) == everybody

    run("rm", "-r", folder / "Partners")
    mount.sync()
    batch = held_batch(mount, 31)
    mount.ctl("deletes", "confirm", batch)
    mount.sync()
    mount.sync()
    assert exchange_names(sim) == ["Anna Lind", "Zoë Müller"]
    assert folders_of(sim) == ["Contacts/Salesforce_Sync"]


def test_a_folder_that_goes_in_exchange_with_what_is_only_here(sim, mount, folder, exchange):
    north = partners(mount, folder)
    account = exchange("alice")
    (north / "new.vcf").write_text(card("Only Here"))
    (folder / "Partners" / "notes.txt").write_text("a draft\n")
    subfolder(account, "Partners").delete()
    mount.sync()
    mount.sync()
    assert (folder / "Partners" / "notes.txt").read_text() == "a draft\n"
    assert names(north) == ["new.vcf"]
    assert folders_of(sim) == ["Contacts/Partners", "Contacts/Partners/North",
                               "Contacts/Salesforce_Sync"]
    assert keys(sim)["Only Here"][0] == "Contacts/Partners/North"
    assert exchange_names(sim) == ["Anna Lind", "Only Here", "Zoë Müller"]
    assert writes(sim, mount) == {}
