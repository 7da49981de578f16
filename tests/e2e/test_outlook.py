"""What colleagues do in Outlook while tandemfs is at work, and how a sync ends.

A folder that is moved, the daemon killed at one request after the other of the cycle that meets it (items
that are dragged, copied, deleted and restored are crash scenarios: test_steps.py).  Then every way to end a sync, in the modes there are: nothing is made
again on either side, not by edits, and not after the cache was lost."""
import os
import shutil
import subprocess

import pytest
from exchangelib import Contact
from exchangelib.folders import Contacts

from cycles import assert_nothing_written
from exchange import subfolder
from scene import ALICE, edit, exchange_contacts, exchange_names, link, names, person, seed
from simulator import BUILD, wait_for

NOW = {"sync": {"remove-quiet": "0"}}
pytestmark = pytest.mark.mount(config=NOW)


def identity(path):
    return path.stat().st_ino, os.getxattr(path, "user.tandem.uid"), link(path)


def records(sim):
    return sorted(row["LastName"] for row in sim.records("Contact"))


def find(folder, name):
    (found,) = [one for one in folder.all() if isinstance(one, Contact)
                and one.display_name == name]
    return found


# Killed in the middle ----------------------------------------------------------------------------

def killed_at(sim, mount, number):
    """A cycle that is killed once its request of this number was answered; then one to its end."""
    sim.fault("*", "delay-after", ms=60000, skip=number)
    with subprocess.Popen([str(BUILD / "tandemctl"), "-m", str(mount.path), "sync"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          env=mount.environment) as cycle:
        wait_for(lambda: cycle.poll() is not None or sim.faults()[0]["fired"], 60, "the request")
        mount.crash()
    sim.clear_faults()
    mount.sync()
    mount.sync()


def folder_moved(sim, mount, alice, contacts, at):
    """Below another one, and back; what was linked by its category stays so."""
    upper, other = alice.contacts / "Upper", alice.contacts / "Other"
    before = identity(contacts / "Upper" / "Lower" / "Clara Diaz.vcf")
    assert before[2]
    for target, place in (other, contacts / "Other"), (alice.contacts, contacts):
        upper.move(target)
        killed_at(sim, mount, at)
        assert identity(place / "Upper" / "Lower" / "Clara Diaz.vcf") == before
        assert sorted(path.name for path in contacts.rglob("*.vcf")) == \
            ["Anna Lind.vcf", "Ben Ohlsen.vcf", "Clara Diaz.vcf"]
        assert records(sim) == ["Diaz", "Ohlsen"]


@pytest.mark.sim(seed=seed([person("Anna", "Lind"),
                            person("Ben", "Ohlsen", folder="Salesforce_Sync")]))
def test_killed_at_every_request(sim, mount, alice, contacts):
    Contacts(parent=alice.contacts, name="Other").save()
    upper = Contacts(parent=alice.contacts, name="Upper")
    upper.save()
    lower = Contacts(parent=upper, name="Lower")
    lower.save()
    Contact(folder=lower, display_name="Clara Diaz", given_name="Clara", surname="Diaz",
            categories=["CRM"]).save()
    mount.sync()
    for at in 0, 2, 3, 5, 7:
        folder_moved(sim, mount, alice, contacts, at)
    assert os.listdir(contacts.parent / ".sync" / "conflicts") == []
    assert_nothing_written(sim, mount)


# The end of a sync -------------------------------------------------------------------------------

ENDS = ["excluded", "moved", "file", "outlook", "record"]
MODES = [("designated", "both", "off"), ("designated", "both", "visible"),
         ("designated", "to-crm", "owned"), ("designated", "to-exchange", "owned"),
         ("all", "both", "owned"), ("all", "both", "visible"), ("all", "to-crm", "off"),
         ("all", "to-exchange", "visible")]


def people(mode):
    """One for each end, and some more, so that no deletion empties the folder."""
    place = {"folder": "Salesforce_Sync"} if mode == "designated" else {}
    return [person(name.capitalize(), "End", EmailAddress1=f"{name}@client.example", **place)
            for name in ENDS + ["stays", "remains", "keeps"]]


def counts(sim):
    return exchange_names(sim), sorted(row["FirstName"] for row in sim.records("Contact"))


def end_each(sim, mount, alice, contacts, folder):
    """Each pair but the last three ends in its own way."""
    folder_there = subfolder(alice, folder.name) if folder != contacts else alice.contacts
    os.setxattr(folder / "Excluded End.vcf", "user.tandem.categories", b"DoNotSync")
    os.rename(folder / "Moved End.vcf", contacts / "Other" / "Moved End.vcf")
    os.unlink(folder / "File End.vcf")
    find(folder_there, "Outlook End").move_to_trash()
    (record,) = [row for row in sim.records("Contact") if row["FirstName"] == "Record"]
    sim.act("delete", id=record["Id"])


def edit_survivors(sim, folder, contacts):
    for path in (folder / "Excluded End.vcf", contacts / "Other" / "Moved End.vcf",
                 folder / "Record End.vcf"):
        edit(path, "END:VCARD", "TITLE:Edited here\r\nEND:VCARD")
    for row in sim.records("Contact"):
        if row["FirstName"] in ("Excluded", "Moved", "File", "Outlook"):
            sim.act("update", id=row["Id"], fields={"Title": "Edited there"})


@pytest.mark.parametrize("mode, direction, imports", MODES, ids=["-".join(m) for m in MODES])
def test_what_ended_stays_ended(start_sim, start_mount, mode, direction, imports):
    sim = start_sim(seed=seed(people(mode), records=[
        {"FirstName": name.capitalize(), "LastName": "End", "Email": f"{name}@client.example",
         "Owner": ALICE} for name in ENDS + ["stays", "remains", "keeps"]]))
    mount = start_mount(sim, config={**NOW, 'policy "default"': {
        "contacts-mode": mode, "contacts-direction": direction, "contacts-import": imports}})
    contacts = mount.mailbox("alice") / "Contacts"
    folder = contacts / "Salesforce_Sync" if mode == "designated" else contacts
    os.mkdir(contacts / "Other")
    mount.sync()
    assert len(exchange_names(sim)) == len(sim.records("Contact")) == len(ENDS) + 3
    assert all(link(path) for path in folder.glob("*.vcf"))
    from exchange import open_account

    account = open_account(sim, "alice")
    try:
        end_each(sim, mount, account, contacts, folder)
    finally:
        account.protocol.close()
    mount.sync()
    ended = counts(sim)
    assert set(ended[0]) == {f"{name.capitalize()} End" for name in
                             ("excluded", "moved", "record", "stays", "remains", "keeps")}
    assert set(ended[1]) == {name.capitalize() for name in
                             ("excluded", "moved", "file", "outlook", "stays", "remains", "keeps")}
    edit_survivors(sim, folder, contacts)
    for _ in range(3):
        mount.sync()
    assert counts(sim) == ended
    assert not any(link(path) for path in (folder / "Excluded End.vcf", folder / "Record End.vcf",
                                           contacts / "Other" / "Moved End.vcf"))
    assert "Edited there" not in "".join(c.get("JobTitle", "") for c in exchange_contacts(sim))
    assert "Edited here" not in [row.get("Title") for row in sim.records("Contact")]
    if imports == "off":
        rebuilt(sim, mount, contacts, ended)


def rebuilt(sim, mount, contacts, ended):
    """Without its cache: the same names, UIDs and links, and what was unlinked stays so."""
    def all_of_it():
        return {str(path.relative_to(contacts)): identity(path)[1:]
                for path in contacts.rglob("*.vcf")}

    before = all_of_it()
    mount.stop()
    shutil.rmtree(mount.cache)
    mount.start()
    for _ in range(3):
        mount.sync()
    assert all_of_it() == before
    assert counts(sim) == ended
