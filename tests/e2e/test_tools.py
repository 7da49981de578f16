"""Programs that others wrote for address books as files: khard and vdirsyncer, on the mount itself."""
import os
import pathlib

import pytest

from exchange import contacts_of, subfolder
from exchange import edit as change
from scene import (
    card,
    crm_contacts,
    edit,
    exchange_contact,
    exchange_contacts,
    exchange_names,
    names,
    person,
    seed,
)
from tools import run
from vdirsyncing import UPDATES, UPLOADS, Vdirsyncer, prints, verbs

ANNA = person("Anna", "Lind", JobTitle="Buyer", CompanyName="Lind Papier", MobilePhone="+49 171 1",
              **{"Business/Street": "Hafenweg 3", "Business/City": "Kiel",
                 "Business/PostalCode": "24103"})
BEN = person("Ben", "Ohlsen", BusinessPhone="+49 30 2", Body="Calls before ten.",
             EmailAddress2="ben@home.example")
ZOE = person("Zoë", "Müller-Ünal", JobTitle="Geschäftsführerin", Birthday="1985-04-12",
             Categories=["Key account", "Messe"])
pytestmark = pytest.mark.sim(seed=seed([ANNA, BEN, ZOE]))


def drop_caches(mount):
    """The kernel forgets names and inodes; where that is root's alone, a new mount forgets as well."""
    os.sync()
    try:
        with open("/proc/sys/vm/drop_caches", "w") as knob:
            knob.write("2\n")
    except PermissionError:
        remount(mount)


def remount(mount):
    mount.stop()
    mount.start()


# khard -------------------------------------------------------------------------------------------

def rows(text):
    return sorted(tuple(line.split("\t")) for line in text.splitlines())


def test_khard_lists(khard):
    listed = rows(khard("list", "--parsable", "-F", "name", "-a", "work").stdout)
    assert listed == [("Anna Lind",), ("Ben Ohlsen",), ("Zoë Müller-Ünal",)]

    table = khard("list", "-a", "work").stdout
    for text in ("Anna Lind", "anna.lind@client.example", "+49 171 1", "Ben Ohlsen", "+49 30 2",
                 "Zoë Müller-Ünal"):
        assert text in table


def test_khard_lists_addresses_and_numbers(khard):
    emails = khard("email", "--parsable", "-a", "work").stdout
    assert {line.split("\t")[0] for line in emails.splitlines() if "@" in line} == {
        "anna.lind@client.example", "ben.ohlsen@client.example", "ben@home.example",
        "zoë.müller-ünal@client.example"}
    phones = khard("phone", "--parsable", "-a", "work").stdout
    assert {line.split("\t")[0] for line in phones.splitlines()} == {"+49 171 1", "+49 30 2"}
    birthdays = khard("birthdays", "--parsable", "-a", "work").stdout
    assert birthdays.split("\t")[0] == "1985.04.12" and "Zoë" in birthdays


def test_khard_shows(khard):
    shown = khard("show", "-a", "work", "Anna Lind").stdout
    for text in ("Anna Lind", "Lind Papier", "Buyer", "Hafenweg 3", "24103", "Kiel", "+49 171 1",
                 "anna.lind@client.example"):
        assert text in shown, shown
    assert "Calls before ten." in khard("show", "-a", "work", "Ben Ohlsen").stdout
    shown = khard("show", "-a", "work", "Zoë").stdout
    for text in ("Geschäftsführerin", "04/12/85", "Key account", "Messe"):
        assert text in shown, shown


def test_khard_makes_edits_and_removes(sim, mount, khard, tmp_path):
    """A contact made by khard is one in Exchange, follows khard's edits and goes with its file."""
    contacts = mount.mailbox("alice") / "Contacts"
    yaml = """
First name: Carla
Last name: Nowak
Organisation: Nowak Druck
Title: Printer
Phone:
    cell: +49 171 99
Email:
    work: carla@nowak.example
Note: From khard.
"""
    khard("new", "-a", "work", "--vcard-version", "4.0", stdin=yaml)
    mount.sync()
    carla = exchange_contact(sim, "Carla Nowak")
    assert carla["GivenName"] == "Carla" and carla["Surname"] == "Nowak"
    assert carla["CompanyName"] == "Nowak Druck" and carla["JobTitle"] == "Printer"
    assert carla["PhoneNumbers/MobilePhone"] == "+49 171 99"
    assert carla["EmailAddresses/EmailAddress1"] == "carla@nowak.example"
    assert carla["Body"].rstrip() == "From khard."

    answers = tmp_path / "answers.yaml"
    answers.write_text(yaml.replace("Printer", "Master printer"))
    khard("edit", "-i", answers, "-a", "work", "Carla", stdin="y\n")
    mount.sync()
    after = exchange_contact(sim, "Carla Nowak")
    assert after["JobTitle"] == "Master printer"
    assert after["id"] == carla["id"]

    khard("move", "-a", "work", "-A", "synced", "Carla")
    mount.sync()
    assert exchange_contact(sim, "Carla Nowak")["folder"] == "Contacts/Salesforce_Sync"

    khard("remove", "--force", "-a", "synced", "Carla")
    assert len(names(contacts / "Salesforce_Sync")) == 0


def test_khard_copies_and_moves(sim, mount, khard, exchange):
    """A copy has a UID of its own and is another contact; what is moved is the same one."""
    sim.reset_counters()
    khard("copy", "-a", "work", "-A", "synced", "Anna Lind")
    khard("move", "-a", "work", "-A", "synced", "Ben Ohlsen")
    mount.sync()
    account = exchange("alice")
    kept, synced = contacts_of(account.contacts), contacts_of(subfolder(account, "Salesforce_Sync"))
    assert (sorted(kept), sorted(synced)) == (["Anna Lind", "Zoë Müller-Ünal"],
                                              ["Anna Lind", "Ben Ohlsen"])
    copy, original = synced["Anna Lind"], kept["Anna Lind"]
    assert copy.id != original.id
    for field in ("given_name", "surname", "job_title", "company_name", "email_addresses",
                  "phone_numbers", "physical_addresses"):
        assert getattr(copy, field) == getattr(original, field), field
    assert synced["Ben Ohlsen"].body.rstrip() == "Calls before ten."
    operations = sim.counters()["operations"]
    assert (operations["MoveItem"], operations["CreateItem"]) == (1, 1)
    assert "DeleteItem" not in operations
    assert sorted(row["LastName"] for row in crm_contacts(sim)) == ["Lind", "Ohlsen"]
    assert rows(khard("list", "--parsable", "-F", "name", "-a", "synced").stdout) == [
        ("Anna Lind",), ("Ben Ohlsen",)]

    # The copy is edited alone.
    listed = khard("filename", "-a", "synced", "Anna Lind").stdout.split("\n")[0]
    edit(pathlib.Path(listed), "TITLE:Buyer", "TITLE:Seller")
    sim.reset_counters()
    mount.sync()
    assert exchange_contact_in(sim, "Contacts/Salesforce_Sync", "Anna Lind")["JobTitle"] == "Seller"
    assert exchange_contact_in(sim, "Contacts", "Anna Lind")["JobTitle"] == "Buyer"
    assert sim.counters()["writes"] == 2  # one in Exchange, one in the CRM
    mount.sync()
    assert sim.counters()["writes"] == 2


def exchange_contact_in(sim, folder, name):
    (found,) = [contact for contact in exchange_contacts(sim)
                if (contact["folder"], contact["DisplayName"]) == (folder, name)]
    return found


@pytest.mark.mount(config={"sync": {"remove-quiet": "0"}})
def test_khard_removes(sim, mount, khard, exchange):
    khard("remove", "--force", "-a", "work", "Anna Lind")
    mount.sync()
    account = exchange("alice")
    assert sorted(contacts_of(account.contacts)) == ["Ben Ohlsen", "Zoë Müller-Ünal"]
    assert [item.subject for item in account.trash.all()] == ["Anna Lind"]


# Scripts -----------------------------------------------------------------------------------------

def test_a_script_writes_and_then_tags(sim, mount):
    """Line after line, with nothing between: the kernel's RELEASE comes after close(2) returned."""
    contacts = mount.mailbox("alice") / "Contacts"
    script = """
for i in $(seq 40); do
	printf 'BEGIN:VCARD\\r\\nVERSION:4.0\\r\\nFN:Tagged %s\\r\\nEND:VCARD\\r\\n' $i >"tag $i.vcf"
	setfattr -n user.tandem.categories -v "Messe,Nr $i" "tag $i.vcf"
	sed -i "s/FN:Tagged/FN:Once tagged/" "tag $i.vcf"
	mv "tag $i.vcf" Salesforce_Sync/
done"""
    run("bash", "-euc", script, cwd=contacts)
    mount.sync()
    found = {contact["DisplayName"]: contact for contact in exchange_contacts(sim)}
    for i in range(1, 41):
        tagged = found[f"Once tagged {i}"]
        assert tagged["folder"] == "Contacts/Salesforce_Sync"
        assert sorted(tagged["Categories"]) == sorted(["Messe", f"Nr {i}"])
    assert len(exchange_names(sim)) == len(found) == 43


# vdirsyncer --------------------------------------------------------------------------------------

@pytest.fixture
def vdirsyncer(mount, tmp_path):
    return Vdirsyncer(tmp_path / "vdirsyncer", mount.mailbox("alice") / "Contacts")


DORIS = card("Doris Petit", "EMAIL:doris@petit.example", "TITLE:Florist", uid="doris-petit-1")
EMIL = card("Emil Sørensen", "TEL;TYPE=cell:+45 20 1", uid="urn:uuid:7a1f6cf8-2f6d-4a4a-8e8f-1")


def test_vdirsyncer_copies_both_ways_and_then_has_nothing_to_do(sim, mount, vdirsyncer):
    contacts = mount.mailbox("alice") / "Contacts"
    (vdirsyncer.plain / "doris.vcf").write_text(DORIS)
    (vdirsyncer.plain / "emil.vcf").write_text(EMIL)

    assert verbs(vdirsyncer.sync()) == sorted([(UPLOADS, "mount")] * 2 + [(UPLOADS, "plain")] * 3)

    assert len(names(contacts)) == len(names(vdirsyncer.plain)) == 5
    before, copies = prints(contacts), prints(vdirsyncer.plain)
    assert vdirsyncer.sync() == []
    mount.sync()
    assert exchange_names(sim) == sorted(
        ["Anna Lind", "Ben Ohlsen", "Zoë Müller-Ünal", "Doris Petit", "Emil Sørensen"])
    assert exchange_contact(sim, "Doris Petit")["JobTitle"] == "Florist"
    assert exchange_contact(sim, "Emil Sørensen")["PhoneNumbers/MobilePhone"] == "+45 20 1"
    assert vdirsyncer.sync() == []
    assert prints(contacts) == before

    drop_caches(mount)
    assert prints(contacts) == before
    assert vdirsyncer.sync() == []

    remount(mount)
    assert prints(contacts) == before
    assert vdirsyncer.sync() == []
    mount.sync()
    assert prints(contacts) == before
    assert vdirsyncer.sync() == []
    assert prints(vdirsyncer.plain) == copies


def test_vdirsyncer_brings_a_files_edit_to_exchange_and_back(sim, mount, vdirsyncer):
    contacts = mount.mailbox("alice") / "Contacts"
    vdirsyncer.sync()
    anna = exchange_contact(sim, "Anna Lind")
    copy = next(p for p in vdirsyncer.plain.glob("*.vcf") if "Anna Lind" in p.read_text())
    ident = copy.stem

    edit(copy, "TITLE:Buyer", "TITLE:Head of Buying")
    assert vdirsyncer.sync() == [(UPDATES, ident, "mount")]
    before = prints(contacts)
    assert vdirsyncer.sync() == []
    mount.sync()
    after = exchange_contact(sim, "Anna Lind")
    assert (after["JobTitle"], after["id"]) == ("Head of Buying", anna["id"])
    assert names(contacts) == ["Anna Lind.vcf", "Ben Ohlsen.vcf", "Zoë Müller-Ünal.vcf"]
    drop_caches(mount)
    assert prints(contacts) == before
    assert vdirsyncer.sync() == []

    # and an edit on the mount goes to the copy
    edit(contacts / "Ben Ohlsen.vcf", "+49 30 2", "+49 30 22")
    assert verbs(vdirsyncer.sync()) == [(UPDATES, "plain")]
    assert sum("+49 30 22" in text for text in vdirsyncer.texts()) == 1
    mount.sync()
    assert exchange_contact(sim, "Ben Ohlsen")["PhoneNumbers/BusinessPhone"] == "+49 30 22"
    assert vdirsyncer.sync() == []
    remount(mount)
    assert vdirsyncer.sync() == []


def test_vdirsyncer_takes_what_others_changed_in_exchange(mount, exchange, vdirsyncer):
    vdirsyncer.sync()
    found = contacts_of(exchange("alice").contacts)
    change(found["Anna Lind"], job_title="Purchasing")
    found["Ben Ohlsen"].move_to_trash()

    mount.sync()
    assert verbs(vdirsyncer.sync()) == sorted([("Deleting", "plain"), (UPDATES, "plain")])

    texts = vdirsyncer.texts()
    assert len(texts) == 2
    assert sum("TITLE:Purchasing" in text for text in texts) == 1
    assert not any("Ohlsen" in text for text in texts)
    drop_caches(mount)
    assert vdirsyncer.sync() == []
    remount(mount)
    mount.sync()
    assert vdirsyncer.sync() == []


def change_both_sides(mount, vdirsyncer):
    """Anna is edited in the copy and on the mount, Ben in the copy and in Exchange alone."""
    contacts = mount.mailbox("alice") / "Contacts"
    vdirsyncer.sync()
    copies = {name: next(p for p in vdirsyncer.plain.glob("*.vcf") if name in p.read_text())
              for name in ("Anna Lind", "Ben Ohlsen")}
    edit(copies["Anna Lind"], "TITLE:Buyer", "TITLE:Seller")
    edit(contacts / "Anna Lind.vcf", "TITLE:Buyer", "TITLE:Trader")
    edit(copies["Ben Ohlsen"], "+49 30 2", "+49 30 22")
    return contacts, copies


def assert_nothing_to_do(mount, vdirsyncer):
    """Now, when caches are dropped, after a cycle and after a remount."""
    assert vdirsyncer.sync() == []
    drop_caches(mount)
    assert vdirsyncer.sync() == []
    mount.sync()
    assert vdirsyncer.sync() == []
    remount(mount)
    assert vdirsyncer.sync() == []


def test_vdirsyncer_leaves_a_conflict_as_it_is(sim, mount, vdirsyncer):
    contacts, copies = change_both_sides(mount, vdirsyncer)
    said = vdirsyncer("sync", status=1)
    assert "conflict" in said.lower(), said
    assert b"TITLE:Trader" in (contacts / "Anna Lind.vcf").read_bytes()
    assert "TITLE:Seller" in copies["Anna Lind"].read_text()
    mount.sync()
    assert exchange_contact(sim, "Anna Lind")["JobTitle"] == "Trader"
    assert exchange_contact(sim, "Ben Ohlsen")["PhoneNumbers/BusinessPhone"] == "+49 30 22"


@pytest.mark.parametrize("winner, title", [("a", "Trader"), ("b", "Seller")])
def test_vdirsyncer_resolves_a_conflict(sim, mount, exchange, vdirsyncer, winner, title):
    anna = exchange_contact(sim, "Anna Lind")["id"]
    contacts, copies = change_both_sides(mount, vdirsyncer)
    change(contacts_of(exchange("alice").contacts)["Ben Ohlsen"], body="Calls after ten.")
    mount.sync()  # Ben is changed on both sides too, in different fields
    assert exchange_contact(sim, "Anna Lind")["JobTitle"] == "Trader"
    vdirsyncer.resolve_by(f'"{winner} wins"')
    vdirsyncer("sync")
    assert f"TITLE:{title}" in copies["Anna Lind"].read_text()
    assert f"TITLE:{title}".encode() in (contacts / "Anna Lind.vcf").read_bytes()
    assert (contacts / "Ben Ohlsen.vcf").read_text() == copies["Ben Ohlsen"].read_text()
    mount.sync()
    found = contacts_of(exchange("alice").contacts)
    assert sorted(found) == ["Anna Lind", "Ben Ohlsen", "Zoë Müller-Ünal"]
    assert found["Anna Lind"].job_title == title
    assert exchange_contact(sim, "Anna Lind")["id"] == anna
    ben = exchange_contact(sim, "Ben Ohlsen")
    assert (ben["PhoneNumbers/BusinessPhone"], ben["Body"].rstrip()) == \
        {"a": ("+49 30 2", "Calls after ten."), "b": ("+49 30 22", "Calls before ten.")}[winner]
    assert_nothing_to_do(mount, vdirsyncer)


@pytest.mark.mount(config={"sync": {"remove-quiet": "0"}})
def test_vdirsyncer_deletes_both_ways(sim, mount, vdirsyncer):
    contacts = mount.mailbox("alice") / "Contacts"
    vdirsyncer.sync()
    next(p for p in vdirsyncer.plain.glob("*.vcf") if "Anna Lind" in p.read_text()).unlink()

    assert verbs(vdirsyncer.sync()) == [("Deleting", "mount")]
    assert names(contacts) == ["Ben Ohlsen.vcf", "Zoë Müller-Ünal.vcf"]
    mount.sync()
    assert exchange_names(sim) == ["Ben Ohlsen", "Zoë Müller-Ünal"]

    (contacts / "Ben Ohlsen.vcf").unlink()
    assert verbs(vdirsyncer.sync()) == [("Deleting", "plain")]
    mount.sync()
    assert exchange_names(sim) == ["Zoë Müller-Ünal"]
    assert vdirsyncer.sync() == []
    remount(mount)
    assert vdirsyncer.sync() == []


def test_vdirsyncer_in_the_designating_folder(sim, mount, tmp_path):
    """A card that vdirsyncer copies into Salesforce_Sync is a record of the CRM."""
    folder = mount.mailbox("alice") / "Contacts" / "Salesforce_Sync"
    vdirsyncer = Vdirsyncer(tmp_path / "synced", folder)
    (vdirsyncer.plain / "doris.vcf").write_text(DORIS)
    assert verbs(vdirsyncer.sync()) == [(UPLOADS, "mount")]
    before = prints(folder)
    mount.sync()

    found = sim.soql("SELECT FirstName, LastName, Email, Title FROM Contact")
    assert [(r["FirstName"], r["LastName"], r["Email"], r["Title"]) for r in found] == [
        ("Doris", "Petit", "doris@petit.example", "Florist")]
    assert vdirsyncer.sync() == []
    assert prints(folder) == before
    drop_caches(mount)
    assert vdirsyncer.sync() == []
    remount(mount)
    assert vdirsyncer.sync() == []
    assert prints(folder) == before
