"""A cycle that finds nothing changed asks little and writes nothing; after every kind of edit the
cycle that brought it over leaves nothing to do for the next (design: a record seen again changes
nothing because its values equal `theirs`; our own change coming back starts nothing, I11)."""
import os
import shutil

import pytest

from cycles import assert_little_asked
from exchange import contacts_of, edit as change, emails, new_contact, subfolder
from scene import (
    ALICE,
    BOB,
    card,
    crm_contact,
    edit,
    exchange_contact,
    exchange_names,
    names,
    person,
    seed,
    state,
)

ALICES = [person("Anna", "Lind", JobTitle="Buyer"),
          person("Ben", "Ohlsen", folder="Salesforce_Sync", BusinessPhone="+49 30 2"),
          person("Clara", "Diaz", Categories=["CRM"]),
          person("Dora", "Falk", folder="Press"),
          person("Emil", "Berg", Categories=["CRM", "DoNotSync"])]
BOBS = [person("Ben", "Ohlsen", folder="Salesforce_Sync", BusinessPhone="+49 30 2"),
        person("Gerd", "Haas")]
RECORDS = [{"FirstName": "Clara", "LastName": "Diaz", "Email": "clara.diaz@client.example",
            "Owner": ALICE}]
FOLDERS = 3 + 2  # Contacts and Salesforce_Sync; alice has Press besides


def settle(sim, mount):
    """The first cycles: all is read, linked and created."""
    mount.sync()
    assert crm_contact(sim, "Ohlsen")["Phone"] == "+49 30 2"
    assert crm_contact(sim, "Diaz")["Email"] == "clara.diaz@client.example"


@pytest.mark.sim(seed=seed(ALICES, BOBS, RECORDS))
def test_nothing_changed(sim, mount):
    settle(sim, mount)
    for _ in range(3):
        assert_little_asked(sim, mount, FOLDERS)


@pytest.mark.sim(seed=seed(ALICES, BOBS, RECORDS))
def test_nothing_changed_over_a_restart(sim, mount):
    settle(sim, mount)
    mount.stop()
    sim.reset_counters()
    mount.start()
    mount.sync()
    counters = sim.counters()
    assert counters["writes"] == 0
    assert "GetItem" not in counters["operations"]
    assert_little_asked(sim, mount, FOLDERS)


@pytest.mark.sim(seed="demo")
def test_nothing_changed_in_a_company(sim, mount):
    """Three mailboxes with some sixty contacts each; the CRM is asked once for all of them."""
    for box in sim.clients["mailboxes"]:
        contacts = mount.path / box["address"] / "Contacts"
        for name in names(contacts)[:5]:
            os.rename(contacts / name, contacts / "Salesforce_Sync" / name)
    mount.sync()
    assert_little_asked(sim, mount, folders=2 * 3)


# What a remote makes of a value ---------------------------------------------------------------

@pytest.mark.sim(seed=seed(ALICES, BOBS, RECORDS))
def test_after_a_write_that_the_crm_normalised(sim, mount):
    """A flow changes the case, cuts and appends; each write is over with the cycle that made it."""
    sim.act("flow", object="Contact", field="LastName", action="upper")
    sim.act("flow", object="Contact", field="Title", action="suffix", value=" (checked)")
    sim.act("flow", object="Contact", field="Department", action="set", value="Assigned by flow")
    contacts = mount.mailbox("alice") / "Contacts"
    anna = contacts / "Salesforce_Sync" / "Anna Lind.vcf"
    os.rename(contacts / "Anna Lind.vcf", anna)
    mount.sync()
    record = crm_contact(sim, "LIND")
    assert (record["Title"], record["Department"]) == ("Buyer (checked)", "Assigned by flow")
    assert_little_asked(sim, mount, FOLDERS)
    assert_little_asked(sim, mount, FOLDERS)

    edit(anna, "TITLE:Buyer", "TITLE:Head of Buying")
    mount.sync()
    assert crm_contact(sim, "LIND")["Title"] == "Head of Buying (checked)"
    assert_little_asked(sim, mount, FOLDERS)
    # What the flow made of our value is no change there: ours stays as it was written ...
    assert "TITLE:Head of Buying\r\n" in anna.read_bytes().decode()
    assert exchange_contact(sim, "Anna Lind")["JobTitle"] == "Head of Buying"
    assert exchange_contact(sim, "Anna Lind")["Surname"] == "Lind"
    # ... and what it set beside our fields is one.
    assert exchange_contact(sim, "Anna Lind")["Department"] == "Assigned by flow"


@pytest.mark.sim(seed=seed([person("Hans", "Igel", folder="Salesforce_Sync",
                                   JobTitle="  Head of  Buying  ", MobilePhone=" +49 171 1 ")]))
def test_after_a_write_that_the_crm_trimmed(sim, mount):
    mount.sync()
    assert crm_contact(sim, "Igel")["MobilePhone"] == "+49 171 1"
    assert_little_asked(sim, mount, folders=2)
    assert exchange_contact(sim, "Hans Igel")["PhoneNumbers/MobilePhone"] == " +49 171 1 "


@pytest.mark.sim(seed=seed([person("Hans", "Igel", folder="Salesforce_Sync",
                                   JobTitle="T" * 200)]))
def test_after_a_write_that_had_to_be_cut(sim, mount):
    """Title holds 128 characters: the projection is cut, the original stays."""
    mount.sync()
    assert crm_contact(sim, "Igel")["Title"] == "T" * 128
    assert_little_asked(sim, mount, folders=2)
    assert exchange_contact(sim, "Hans Igel")["JobTitle"] == "T" * 200


# Every kind of edit, on each side ----------------------------------------------------------------

def by_cp(sim, mount, exchange, contacts, tmp_path):
    source = tmp_path / "new.vcf"
    source.write_text(card("Jana Kunz", "EMAIL:jana@kunz.example", "NOTE:two\\nlines"))
    shutil.copy(source, contacts / "jana.vcf")
    return lambda: exchange_contact(sim, "Jana Kunz")


def by_cp_into_sync(sim, mount, exchange, contacts, tmp_path):
    (contacts / "Salesforce_Sync" / "jana.vcf").write_text(
        card("Jana Kunz", "EMAIL:jana@kunz.example", "TITLE:Clerk", "TEL;TYPE=cell:+49 171 3"))
    return lambda: crm_contact(sim, "Kunz")["Title"] == "Clerk"


def by_edit(sim, mount, exchange, contacts, tmp_path):
    edit(contacts / "Salesforce_Sync" / "Ben Ohlsen.vcf", "+49 30 2", "+49 30 22")
    return lambda: crm_contact(sim, "Ohlsen")["Phone"] == "+49 30 22"


def by_rename_over(sim, mount, exchange, contacts, tmp_path):
    item = contacts / "Anna Lind.vcf"
    draft = contacts / ".anna.new"
    draft.write_bytes(item.read_bytes().replace(b"Buyer", b"Painter"))
    os.rename(draft, item)
    return lambda: exchange_contact(sim, "Anna Lind")["JobTitle"] == "Painter"


def by_mv_in(sim, mount, exchange, contacts, tmp_path):
    os.rename(contacts / "Anna Lind.vcf", contacts / "Salesforce_Sync" / "Anna Lind.vcf")
    return lambda: crm_contact(sim, "Lind")["Title"] == "Buyer"


def by_mv_out(sim, mount, exchange, contacts, tmp_path):
    path = contacts / "Ben Ohlsen.vcf"
    os.rename(contacts / "Salesforce_Sync" / "Ben Ohlsen.vcf", path)
    return lambda: exchange_contact(sim, "Ben Ohlsen")["folder"] == "Contacts"


def by_mv_to_another_name(sim, mount, exchange, contacts, tmp_path):
    os.rename(contacts / "Anna Lind.vcf", contacts / "boss.vcf")
    return lambda: exchange_contact(sim, "Anna Lind")


def by_setfattr(sim, mount, exchange, contacts, tmp_path):
    os.setxattr(contacts / "Anna Lind.vcf", "user.tandem.categories", b"CRM,Messe")
    return lambda: crm_contact(sim, "Lind")


def by_setfattr_that_ends_it(sim, mount, exchange, contacts, tmp_path):
    os.setxattr(contacts / "Clara Diaz.vcf", "user.tandem.categories", b"")
    return lambda: "Categories" not in exchange_contact(sim, "Clara Diaz")


def by_rm(sim, mount, exchange, contacts, tmp_path):
    os.unlink(contacts / "Anna Lind.vcf")
    return lambda: "Anna Lind" not in exchange_names(sim)


def by_rm_of_a_linked_one(sim, mount, exchange, contacts, tmp_path):
    os.unlink(contacts / "Salesforce_Sync" / "Ben Ohlsen.vcf")
    return lambda: "Ben Ohlsen" not in exchange_names(sim)


def by_json(sim, mount, exchange, contacts, tmp_path):
    path = contacts.parent / ".json" / "Contacts" / "Anna Lind.json"
    path.write_text(path.read_text().replace("Buyer", "Reader"))
    return lambda: exchange_contact(sim, "Anna Lind")["JobTitle"] == "Reader"


def by_mkdir(sim, mount, exchange, contacts, tmp_path):
    os.mkdir(contacts / "Suppliers")
    os.rename(contacts / "Anna Lind.vcf", contacts / "Suppliers" / "Anna Lind.vcf")
    return lambda: exchange_contact(sim, "Anna Lind")["folder"] == "Contacts/Suppliers"


def in_exchange_create(sim, mount, exchange, contacts, tmp_path):
    new_contact(exchange("alice"), "Jana Kunz", given_name="Jana", surname="Kunz",
                email_addresses=emails("jana@kunz.example"), categories=["CRM"])
    return lambda: crm_contact(sim, "Kunz")["FirstName"] == "Jana"


def in_exchange_edit(sim, mount, exchange, contacts, tmp_path):
    change(contacts_of(exchange("alice").contacts)["Clara Diaz"], job_title="Dean")
    return lambda: crm_contact(sim, "Diaz")["Title"] == "Dean"


def in_exchange_move(sim, mount, exchange, contacts, tmp_path):
    account = exchange("alice")
    contacts_of(account.contacts)["Anna Lind"].move(subfolder(account, "Press"))
    return lambda: (contacts / "Press" / "Anna Lind.vcf").exists()


def in_exchange_delete(sim, mount, exchange, contacts, tmp_path):
    contacts_of(exchange("alice").contacts)["Anna Lind"].move_to_trash()
    return lambda: not (contacts / "Anna Lind.vcf").exists()


def in_crm_edit(sim, mount, exchange, contacts, tmp_path):
    sim.act("update", id=crm_contact(sim, "Ohlsen")["Id"], fields={"Title": "Owner"})
    return lambda: exchange_contact(sim, "Ben Ohlsen")["JobTitle"] == "Owner"


def in_crm_create(sim, mount, exchange, contacts, tmp_path):
    sim.act("create", object="Contact", fields={"LastName": "Stranger",
                                                "Email": "stranger@client.example"})
    return lambda: crm_contact(sim, "Stranger")


def in_crm_delete(sim, mount, exchange, contacts, tmp_path):
    sim.act("delete", id=crm_contact(sim, "Diaz")["Id"])
    return lambda: state(contacts / "Clara Diaz.vcf") in ("excluded", "synced")


def on_all_sides(sim, mount, exchange, contacts, tmp_path):
    edit(contacts / "Salesforce_Sync" / "Ben Ohlsen.vcf", "+49 30 2", "+49 30 22")
    folder = subfolder(exchange("alice"), "Salesforce_Sync")
    change(contacts_of(folder)["Ben Ohlsen"], department="Sales")
    sim.act("update", id=crm_contact(sim, "Ohlsen")["Id"], fields={"Title": "Owner"})
    return lambda: (crm_contact(sim, "Ohlsen")["Department"] == "Sales"
                    and crm_contact(sim, "Ohlsen")["Phone"] == "+49 30 22"
                    and exchange_contact(sim, "Ben Ohlsen")["JobTitle"] == "Owner")


EDITS = [by_cp, by_cp_into_sync, by_edit, by_rename_over, by_mv_in, by_mv_out,
         by_mv_to_another_name, by_setfattr, by_setfattr_that_ends_it, by_rm,
         by_rm_of_a_linked_one, by_json, by_mkdir, in_exchange_create, in_exchange_edit,
         in_exchange_move, in_exchange_delete, in_crm_edit, in_crm_create, in_crm_delete,
         on_all_sides]


@pytest.mark.sim(seed=seed(ALICES, records=RECORDS))
@pytest.mark.mount(config={"sync": {"remove-quiet": "0"}})
@pytest.mark.parametrize("how", EDITS, ids=[how.__name__ for how in EDITS])
def test_the_cycle_after_an_edit_is_quiet(sim, mount, exchange, tmp_path, how):
    contacts = mount.mailbox("alice") / "Contacts"
    settle(sim, mount)
    arrived = how(sim, mount, exchange, contacts, tmp_path)
    mount.sync()
    assert arrived()
    assert_little_asked(sim, mount, folders=3 + (how is by_mkdir))


@pytest.mark.sim(seed=seed(ALICES, BOBS, RECORDS))
def test_two_users_of_one_record(sim, mount):
    """Alice's edit reaches Bob by way of the record, and is over then."""
    settle(sim, mount)
    edit(mount.mailbox("alice") / "Contacts" / "Salesforce_Sync" / "Ben Ohlsen.vcf",
         "+49 30 2", "+49 30 22")
    mount.sync()
    mount.sync()
    for address in (ALICE, BOB):
        ben = exchange_contact(sim, "Ben Ohlsen", address)
        assert ben["PhoneNumbers/BusinessPhone"] == "+49 30 22"
    assert_little_asked(sim, mount, FOLDERS)
