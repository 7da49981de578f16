"""Companies: a contact's company is the Account that its record belongs to, when that is one.

Accounts are never made.  Both servers are read from the simulator's own state, files by open(2)."""
import os

import pytest

from cycles import assert_little_asked
from scene import (
    ALICE,
    BOB,
    card,
    crm_contact,
    edit,
    exchange_contact,
    person,
    seed,
)

ANNA = person("Anna", "Lind", folder="Salesforce_Sync", CompanyName="Proseware Systems")
# So that reading what changed has a beginning before the first test's change.
OTHER = {"Name": "Northwind Traders", "Owner": ALICE}


def company(*accounts, alice=(ANNA,), bob=None, contacts=()):
    scene = seed(alice, bob, contacts)
    scene["salesforce"]["Account"] = [OTHER, *accounts]
    return scene


def account(name, owner=ALICE):
    return {"Name": name, "Owner": owner}


def ids(sim, name):
    return [row["Id"] for row in sim.records("Account") if row["Name"] == name]


def record_account(sim, surname="Lind"):
    return crm_contact(sim, surname).get("AccountId")


def unmatched(mount, user=ALICE):
    return mount.ctl_json("status", user)["unmatched_companies"]


def anna_file(mount, who="alice"):
    return mount.mailbox(who) / "Contacts" / "Salesforce_Sync" / "Anna Lind.vcf"


def organisation(path):
    lines = [line for line in path.read_bytes().decode().split("\r\n") if line.startswith("ORG")]
    return lines[0].partition(":")[2] if lines else None


def assert_settled(sim, mount, folders=2):
    """Nothing is left to do, and nobody made an account."""
    for _ in range(2):
        assert_little_asked(sim, mount, folders=folders)


@pytest.mark.parametrize("name", ["Proseware Systems", "PROSEWARE systems", "Proseware Systems "])
@pytest.mark.sim(seed=company(account("Proseware Systems")))
def test_one_account_of_that_name_is_linked(sim, start_mount, exchange, name):
    from exchange import contacts_of, edit as change, subfolder

    folder = subfolder(exchange("alice"), "Salesforce_Sync")
    change(contacts_of(folder)["Anna Lind"], company_name=name)
    mount = start_mount(sim)
    mount.sync()
    assert record_account(sim) == ids(sim, "Proseware Systems")[0]
    assert unmatched(mount) == []
    assert exchange_contact(sim, "Anna Lind")["CompanyName"] == name
    assert_settled(sim, mount)
    assert len(sim.records("Account")) == 2


@pytest.mark.sim(seed=company(account("ÉLAN Großhandel"), alice=[
    person("Anna", "Lind", folder="Salesforce_Sync", CompanyName="élan GROSSHANDEL"),
    person("Ben", "Ohlsen", folder="Salesforce_Sync", CompanyName="Élan großhandel")]))
def test_case_is_more_than_ascii(sim, mount):
    mount.sync()
    assert record_account(sim, "Ohlsen") == ids(sim, "ÉLAN Großhandel")[0]
    assert_settled(sim, mount)


@pytest.mark.sim(seed=company())
def test_no_account_leaves_both_sides_until_there_is_one(sim, mount):
    mount.sync()
    assert record_account(sim) is None
    assert exchange_contact(sim, "Anna Lind")["CompanyName"] == "Proseware Systems"
    assert organisation(anna_file(mount)) == "Proseware Systems"
    assert unmatched(mount) == [{"path": f"{ALICE}/Contacts/Salesforce_Sync/Anna Lind.vcf",
                                 "company": "Proseware Systems", "account": None,
                                 "accounts_of_that_name": 0}]
    assert "Proseware Systems has 0 accounts" in mount.ctl("status", ALICE).stdout
    assert_settled(sim, mount)
    made = sim.act("create", object="Account", fields={"Name": "Proseware systems"})["id"]
    mount.sync()
    assert record_account(sim) == made
    assert unmatched(mount) == []
    assert organisation(anna_file(mount)) == "Proseware Systems"
    assert_settled(sim, mount)


TWO = [account("Proseware Systems"), account("Proseware Systems", BOB)]


@pytest.mark.sim(seed=company(*TWO, bob=[]))
def test_of_several_the_one_that_the_user_can_see(sim, start_mount):
    """She owns the first, but was shut out of it."""
    first, second = ids(sim, "Proseware Systems")
    sim.act("hide", id=first, user="alice@corp.example")
    mount = start_mount(sim)
    mount.sync()
    assert record_account(sim) == second
    assert unmatched(mount) == []
    assert_settled(sim, mount, folders=4)


@pytest.mark.sim(seed=company(*TWO, bob=[]))
def test_of_several_the_owners_where_access_cannot_be_asked(sim, start_mount):
    sim.act("forbid", object="UserRecordAccess")
    mount = start_mount(sim)
    mount.sync()
    assert record_account(sim) == ids(sim, "Proseware Systems")[0]
    assert_settled(sim, mount, folders=4)


@pytest.mark.parametrize("how", ["delete", "merge", "rename"])
@pytest.mark.sim(seed=company(*TWO, bob=[]))
def test_several_are_open_until_one_is_left(sim, mount, how):
    mount.sync()
    first, second = ids(sim, "Proseware Systems")
    assert record_account(sim) is None
    (entry,) = unmatched(mount)
    assert entry["accounts_of_that_name"] == 2
    assert_settled(sim, mount, folders=4)
    if how == "delete":
        sim.act("delete", id=first)
    elif how == "merge":
        sim.act("merge", master=second, loser=first)
    else:
        sim.act("update", id=first, fields={"Name": "Proseware Holding"})
    mount.sync()
    if how == "rename":  # the old name says nothing of itself: a day, or retry-errors, does
        mount.ctl("retry-errors", ALICE)
        mount.sync()
    assert record_account(sim) == second
    assert unmatched(mount) == []
    assert_settled(sim, mount, folders=4)


@pytest.mark.sim(seed=company(account("Proseware Systems"), account("Acme"), bob=[ANNA]))
def test_an_account_changed_in_the_crm_arrives(sim, mount):
    mount.sync()
    sim.act("update", id=crm_contact(sim, "Lind")["Id"],
            fields={"AccountId": ids(sim, "Acme")[0]})
    mount.sync()
    for who in (ALICE, BOB):
        assert exchange_contact(sim, "Anna Lind", who)["CompanyName"] == "Acme"
    assert organisation(anna_file(mount)) == organisation(anna_file(mount, "bob")) == "Acme"
    assert_settled(sim, mount, folders=4)
    assert mount.ctl_json("conflicts") == []


@pytest.mark.sim(seed=company(account("Proseware Systems"), bob=[ANNA]))
def test_a_renamed_account_arrives(sim, mount):
    mount.sync()
    before = crm_contact(sim, "Lind")["SystemModstamp"]
    sim.clock(advance_seconds=60)
    sim.act("update", id=ids(sim, "Proseware Systems")[0], fields={"Name": "Proseware Group"})
    assert crm_contact(sim, "Lind")["SystemModstamp"] == before
    mount.sync()
    for who in (ALICE, BOB):
        assert exchange_contact(sim, "Anna Lind", who)["CompanyName"] == "Proseware Group"
    assert organisation(anna_file(mount)) == "Proseware Group"
    assert crm_contact(sim, "Lind")["SystemModstamp"] == before
    assert_settled(sim, mount, folders=4)


@pytest.mark.sim(seed=company(account("Proseware Systems"), account("Acme")))
def test_a_company_edited_here(sim, mount):
    mount.sync()
    proseware, acme = ids(sim, "Proseware Systems")[0], ids(sim, "Acme")[0]
    assert record_account(sim) == proseware
    edit(anna_file(mount), "ORG:Proseware Systems", "ORG:acme")
    mount.sync()
    assert record_account(sim) == acme
    assert organisation(anna_file(mount)) == "acme"
    assert_settled(sim, mount)
    edit(anna_file(mount), "ORG:acme", "ORG:Nobody & Sons")
    mount.sync()
    assert record_account(sim) == acme
    assert exchange_contact(sim, "Anna Lind")["CompanyName"] == "Nobody & Sons"
    (entry,) = unmatched(mount)
    assert (entry["company"], entry["account"]) == ("Nobody & Sons", "Acme")
    assert_settled(sim, mount)
    edit(anna_file(mount), "ORG:Nobody & Sons\r\n", "")
    mount.sync()
    assert record_account(sim) == acme  # a contact without an account is private there
    assert "CompanyName" not in exchange_contact(sim, "Anna Lind")
    assert_settled(sim, mount)
    edit(anna_file(mount), "END:VCARD", "ORG:Proseware Systems\r\nEND:VCARD")
    mount.sync()
    assert record_account(sim) == proseware
    assert unmatched(mount) == []
    assert_settled(sim, mount)


@pytest.mark.sim(seed=company(*TWO, bob=[]))
def test_an_account_set_by_hand(sim, mount):
    mount.sync()
    second = ids(sim, "Proseware Systems")[1]
    mount.ctl("relink", anna_file(mount), second)
    mount.sync()
    assert record_account(sim) == second
    assert unmatched(mount) == []
    assert_settled(sim, mount, folders=4)
    # Another name does not matter: who set it knew better.
    northwind = ids(sim, "Northwind Traders")[0]
    mount.ctl("relink", anna_file(mount), northwind)
    mount.sync()
    assert record_account(sim) == northwind
    assert organisation(anna_file(mount)) == "Proseware Systems"
    assert unmatched(mount) == []
    assert_settled(sim, mount, folders=4)
    sim.act("update", id=northwind, fields={"Name": "Northwind Group"})
    mount.sync()
    assert organisation(anna_file(mount)) == "Northwind Group"
    assert_settled(sim, mount, folders=4)


@pytest.mark.sim(seed=company(alice=[person("Anna", "Lind", folder="Salesforce_Sync"),
                                     person("Ben", "Ohlsen")]))
def test_an_account_set_by_hand_where_there_is_no_company(sim, mount):
    mount.sync()
    northwind = ids(sim, "Northwind Traders")[0]
    mount.ctl("relink", anna_file(mount), northwind)
    mount.sync()
    assert record_account(sim) == northwind
    assert organisation(anna_file(mount)) == "Northwind Traders"
    assert exchange_contact(sim, "Anna Lind")["CompanyName"] == "Northwind Traders"
    assert_settled(sim, mount)
    not_linked = mount.mailbox("alice") / "Contacts" / "Ben Ohlsen.vcf"
    refused = mount.ctl("relink", not_linked, northwind, check=False)
    assert refused.returncode == 1 and "not linked" in refused.stderr


@pytest.mark.sim(seed=company())
def test_an_account_that_is_none_is_an_error_and_the_link_stays(sim, mount):
    mount.sync()
    record = crm_contact(sim, "Lind")["Id"]
    mount.ctl("relink", anna_file(mount), "001000000000000AAA")
    mount.sync()
    assert record_account(sim) is None
    assert os.getxattr(anna_file(mount), "user.tandem.crm-id").decode() == record
    (entry,) = mount.ctl_json("errors", ALICE)
    assert entry["path"].endswith("Anna Lind.vcf")
    edit(anna_file(mount), "END:VCARD", "TITLE:Buyer\r\nEND:VCARD")
    mount.sync()
    assert crm_contact(sim, "Lind")["Title"] == "Buyer"
    assert mount.ctl_json("errors", ALICE) == []
    assert_settled(sim, mount)


@pytest.mark.sim(seed=company(account("Proseware Systems"), account("Hidden Corp")))
def test_an_account_out_of_our_view_takes_no_part(sim, mount):
    mount.sync()
    hidden = ids(sim, "Hidden Corp")[0]
    sim.act("hide", id=hidden)
    sim.act("update", id=crm_contact(sim, "Lind")["Id"], fields={"AccountId": hidden})
    mount.sync()
    assert organisation(anna_file(mount)) == "Proseware Systems"
    edit(anna_file(mount), "ORG:Proseware Systems", "ORG:Northwind Traders")
    mount.sync()
    assert record_account(sim) == hidden
    assert_settled(sim, mount)


RECORD = {"FirstName": "Anna", "LastName": "Lind", "Email": "anna.lind@client.example",
          "Owner": ALICE}


@pytest.mark.sim(seed=company(account("PROSEWARE SYSTEMS"),
                              contacts=[{**RECORD, "Account": "PROSEWARE SYSTEMS"}]))
def test_first_link_with_the_same_company_in_other_letters(sim, mount):
    sim.reset_counters()
    mount.sync()
    assert mount.ctl_json("conflicts") == []
    assert record_account(sim) == ids(sim, "PROSEWARE SYSTEMS")[0]
    assert organisation(anna_file(mount)) == "Proseware Systems"
    assert_settled(sim, mount)


@pytest.mark.parametrize("winner", ["exchange", "crm"])
@pytest.mark.sim(seed=company(account("Proseware Systems"), account("Acme"),
                              contacts=[{**RECORD, "Account": "Acme"}]))
def test_first_link_with_different_companies(sim, start_mount, winner):
    mount = start_mount(sim, config={"sync": {"conflict": winner}})
    mount.sync()
    wanted = "Proseware Systems" if winner == "exchange" else "Acme"
    assert record_account(sim) == ids(sim, wanted)[0]
    assert organisation(anna_file(mount)) == wanted
    (conflict,) = mount.ctl_json("conflicts")
    assert "organizations/CompanyName/name" in str(conflict["conflict"])
    assert_settled(sim, mount)


@pytest.mark.parametrize("fault", ["drop-before", "drop-after"])
@pytest.mark.sim(seed=company(account("Proseware Systems"), account("Acme")))
def test_an_answer_that_was_lost(sim, mount, fault):
    mount.sync()
    edit(anna_file(mount), "ORG:Proseware Systems", "ORG:ACME")
    sim.fault("sf:composite", fault, count=1)
    mount.sync(check=False)
    mount.sync()
    assert record_account(sim) == ids(sim, "Acme")[0]
    assert organisation(anna_file(mount)) == "ACME"
    assert mount.ctl_json("conflicts") == []
    assert_settled(sim, mount)


@pytest.mark.sim(seed=company(account("Proseware Systems"), alice=[]))
def test_a_file_made_here_gets_its_account_with_the_create(sim, mount):
    mount.sync()
    sim.reset_counters()
    path = mount.mailbox("alice") / "Contacts" / "Salesforce_Sync" / "jana.vcf"
    path.write_text(card("Jana Kunz", "EMAIL:jana@kunz.example", "ORG:Proseware Systems;Sales"))
    mount.sync()
    record = crm_contact(sim, "Kunz")
    assert record["AccountId"] == ids(sim, "Proseware Systems")[0]
    assert record["Department"] == "Sales"
    assert "sf:composite" not in sim.counters()["operations"]  # no update after the create
    assert_settled(sim, mount)


@pytest.mark.sim(seed=company(account("Proseware Systems"), account("Acme")))
@pytest.mark.mount(config={'policy "default"': {"users": "*", "contacts-direction": "to-exchange"}})
def test_to_exchange_sends_no_company(sim, start_mount):
    sim.act("create", object="Contact", fields={
        "FirstName": "Anna", "LastName": "Lind", "Email": "anna.lind@client.example",
        "AccountId": ids(sim, "Acme")[0]})
    mount = start_mount(sim, config={'policy "default"': {
        "users": "*", "contacts-direction": "to-exchange"}})
    mount.sync()
    assert organisation(anna_file(mount)) == "Acme"
    edit(anna_file(mount), "ORG:Acme", "ORG:Proseware Systems")
    mount.sync()
    assert record_account(sim) == ids(sim, "Acme")[0]
    assert unmatched(mount) == []
