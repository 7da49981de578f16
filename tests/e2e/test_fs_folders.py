"""Folders made, renamed, moved and removed, as files and in Exchange, and what lies in them."""
import errno
import os

import pytest

from cycles import written
from exchange import contacts_of, new_contact, subfolder
from scene import card, exchange_items, exchange_keys, exchange_names, names, person, refused, seed
from tools import run

ANNA = person("Anna", "Lind", JobTitle="Buyer", Categories=["CRM"])
BEN = person("Ben", "Ohlsen", JobTitle="Seller")
ZOE = person("Zoë", "Müller", JobTitle="Director")
pytestmark = [pytest.mark.sim(seed=seed([ANNA, BEN, ZOE])),
              pytest.mark.mount(config={"sync": {"remove-quiet": "0"}})]


def folders_of(sim):
    return sorted(path for path in exchange_items(sim) if path.startswith("Contacts/"))


def numbers(contacts):
    return {os.path.relpath(os.path.join(where, name), contacts):
            os.stat(os.path.join(where, name)).st_ino
            for where, directories, files in os.walk(contacts) for name in directories + files}


def test_folders_made_renamed_moved_and_removed_as_files(sim, mount, contacts):
    before = exchange_keys(sim)
    (contacts / "Partners" / "North").mkdir(parents=True)
    (contacts / "Press").mkdir()
    (contacts / "Ben Ohlsen.vcf").rename(contacts / "Partners" / "North" / "ben.vcf")
    (contacts / "Zoë Müller.vcf").rename(contacts / "Press" / "zoe.vcf")
    mount.sync()
    assert folders_of(sim) == ["Contacts/Partners", "Contacts/Partners/North", "Contacts/Press",
                               "Contacts/Salesforce_Sync"]
    numbered = numbers(contacts)

    (contacts / "Partners").rename(contacts / "Partner")
    (contacts / "Press").rename(contacts / "Partner" / "Presse")
    made = written(sim, mount)
    assert "CreateItem" not in made and "DeleteItem" not in made and "CreateFolder" not in made
    assert folders_of(sim) == ["Contacts/Partner", "Contacts/Partner/North",
                               "Contacts/Partner/Presse", "Contacts/Salesforce_Sync"]
    assert exchange_keys(sim) == {**before,
                                  "Ben Ohlsen": ("Contacts/Partner/North", before["Ben Ohlsen"][1]),
                                  "Zoë Müller": ("Contacts/Partner/Presse", before["Zoë Müller"][1])}
    after = numbers(contacts)
    assert set(after.values()) == set(numbered.values())
    assert after["Partner/North/ben.vcf"] == numbered["Partners/North/ben.vcf"]
    assert after["Partner/Presse"] == numbered["Press"]

    refused(errno.ENOTEMPTY, os.rmdir, contacts / "Partner" / "North")
    refused(errno.EPERM, os.rename, contacts / "Salesforce_Sync", contacts / "Other")
    refused(errno.EPERM, os.rename, contacts / "Salesforce_Sync",
            contacts / "Partner" / "Salesforce_Sync")
    run("rm", "-r", contacts / "Partner")
    mount.sync()
    mount.sync()
    assert folders_of(sim) == ["Contacts/Salesforce_Sync"]
    assert exchange_names(sim) == ["Anna Lind"]
    assert written(sim, mount) == {}


def test_folders_made_renamed_moved_and_removed_in_exchange(sim, mount, contacts, exchange):
    account = exchange("alice")
    kind = type(account.contacts)
    partners = kind(parent=account.contacts, name="Partners").save()
    north = kind(parent=partners, name="North").save()
    contacts_of(account.contacts)["Ben Ohlsen"].move(north)
    number = (contacts / "Ben Ohlsen.vcf").stat().st_ino
    mount.sync()
    assert (contacts / "Partners" / "North" / "Ben Ohlsen.vcf").stat().st_ino == number
    numbered = numbers(contacts)

    partners.name = "Partner"
    partners.save(update_fields=["name"])
    north.move(account.contacts)
    assert written(sim, mount) == {}
    after = numbers(contacts)
    assert after.keys() == {"Salesforce_Sync", "Partner", "North", "North/Ben Ohlsen.vcf",
                            "Anna Lind.vcf", "Zoë Müller.vcf"}
    assert set(after.values()) == set(numbered.values())
    assert after["North/Ben Ohlsen.vcf"] == number

    north.delete()
    mount.sync()
    assert numbers(contacts).keys() == {"Salesforce_Sync", "Partner", "Anna Lind.vcf",
                                        "Zoë Müller.vcf"}
    assert exchange_names(sim) == ["Anna Lind", "Zoë Müller"]
    assert written(sim, mount) == {}



def partners(mount, contacts, n=0):
    """Partners/North, in Exchange too, with contacts in it."""
    north = contacts / "Partners" / "North"
    north.mkdir(parents=True)
    (contacts / "Ben Ohlsen.vcf").rename(north / "Ben Ohlsen.vcf")
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


def test_removed_and_its_name_given_to_another(sim, mount, contacts):
    before = exchange_keys(sim)
    partners(mount, contacts)
    (contacts / "Press").mkdir()
    (contacts / "Zoë Müller.vcf").rename(contacts / "Press" / "Zoë Müller.vcf")
    mount.sync()
    run("rm", "-r", contacts / "Partners")
    (contacts / "Press").rename(contacts / "Partners")
    made = written(sim, mount)
    assert "CreateFolder" not in made and "CreateItem" not in made
    assert folders_of(sim) == ["Contacts/Partners", "Contacts/Salesforce_Sync"]
    assert exchange_keys(sim) == {"Anna Lind": before["Anna Lind"],
                                  "Zoë Müller": ("Contacts/Partners", before["Zoë Müller"][1])}
    assert written(sim, mount) == {}


def test_a_folder_is_not_removed_over_what_a_colleague_put_there(sim, mount, contacts, exchange):
    """Who removed the directory did not know of it: it comes back with that alone."""
    north = partners(mount, contacts)
    number = north.stat().st_ino
    account = exchange("alice")
    run("rm", "-r", contacts / "Partners")
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
    assert written(sim, mount) == {}


def test_a_folder_that_a_colleague_makes_in_a_removed_one(sim, mount, contacts, exchange):
    partners(mount, contacts)
    account = exchange("alice")
    run("rm", "-r", contacts / "Partners")
    there = subfolder(account, "Partners")
    type(there)(parent=there, name="South").save()
    mount.sync()
    mount.sync()
    assert os.listdir(contacts / "Partners") == ["South"]
    assert folders_of(sim) == ["Contacts/Partners", "Contacts/Partners/South",
                               "Contacts/Salesforce_Sync"]
    assert written(sim, mount) == {}


def test_a_folder_stays_as_long_as_its_removals_are_held(sim, mount, contacts):
    """Too many at once: nothing goes, neither one by one nor with the folder above."""
    north = partners(mount, contacts, 30)
    numbered, everybody = numbers(contacts), exchange_names(sim)
    run("rm", "-r", contacts / "Partners")
    mount.sync()
    mount.sync()
    assert exchange_names(sim) == everybody
    assert folders_of(sim) == ["Contacts/Partners", "Contacts/Partners/North",
                               "Contacts/Salesforce_Sync"]
    batch = held_batch(mount, 31)
    mount.ctl("deletes", "restore", batch)
    assert len(names(north)) == 31
    assert numbers(contacts) == numbered
    assert written(sim, mount) == {}
    assert exchange_names(sim) == everybody

    run("rm", "-r", contacts / "Partners")
    mount.sync()
    batch = held_batch(mount, 31)
    mount.ctl("deletes", "confirm", batch)
    mount.sync()
    mount.sync()
    assert exchange_names(sim) == ["Anna Lind", "Zoë Müller"]
    assert folders_of(sim) == ["Contacts/Salesforce_Sync"]


def test_a_folder_that_goes_in_exchange_with_what_is_only_here(sim, mount, contacts, exchange):
    north = partners(mount, contacts)
    account = exchange("alice")
    (north / "new.vcf").write_text(card("Only Here"))
    (contacts / "Partners" / "notes.txt").write_text("a draft\n")
    subfolder(account, "Partners").delete()
    mount.sync()
    mount.sync()
    assert (contacts / "Partners" / "notes.txt").read_text() == "a draft\n"
    assert names(north) == ["new.vcf"]
    assert folders_of(sim) == ["Contacts/Partners", "Contacts/Partners/North",
                               "Contacts/Salesforce_Sync"]
    assert exchange_keys(sim)["Only Here"][0] == "Contacts/Partners/North"
    assert exchange_names(sim) == ["Anna Lind", "Only Here", "Zoë Müller"]
    assert written(sim, mount) == {}
