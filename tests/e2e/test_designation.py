"""Which contacts are synced with the CRM: designated by mv, by category, by attribute, and no longer.

The records are read by jsforce, Exchange by exchangelib; who the records' other users are is played
by jsforce and by the simulator."""
import json
import os
import pprint

import pytest
from contact_rows import ROWS, card, escape, normal, properties, property_value
from cycles import assert_nothing_written
from exchange import edit, emails, get_value, new_contact, set_value, subfolder
from scene import attribute
from exchangelib import Contact
from simulator import wait_for
from tools import json_rename, run, vim

ALICE, BOB = "alice.moreau@corp.example", "bob.tanaka@corp.example"
SALESFORCE_ROWS = [row for row in ROWS if row.salesforce]
FIELDS = ["Id", "Name", "OwnerId", "IsDeleted", *(row.salesforce for row in SALESFORCE_ROWS)]


@pytest.fixture
def records(jsforce):
    """records(): the contacts of the org, as jsforce sees them."""
    def query():
        (answer,) = jsforce(("query", {
            "soql": f"SELECT {', '.join(FIELDS)} FROM Contact ORDER BY Name", "all": True}))
        return [{name: value for name, value in record.items() if name != "attributes"}
                for record in answer["records"]]

    return query


@pytest.fixture
def change_record(jsforce):
    def update(record_id, **fields):
        (answer,) = jsforce(("update", {"object": "Contact",
                                        "records": {"Id": record_id, **fields}}))
        assert answer.get("success"), answer

    return update


def anna(alice, **fields):
    fields = {"given_name": "Anna", "surname": "Lindqvist", "job_title": "Buyer",
              "email_addresses": emails("anna@acme.example", "anna@home.example",
                                        "Anna.Lindqvist@acme.example"), **fields}
    return new_contact(alice, "Anna Lindqvist", **fields)


def crm(*records):
    """A seed: the three mailboxes of the team, empty, and these records."""
    team = [{"address": ALICE, "name": "Alice Moreau", "password": "a"},
            {"address": BOB, "name": "Bob Tanaka", "password": "b"},
            {"address": "carol.silva@corp.example", "name": "Carol Silva", "password": "c"}]
    return {"mailboxes": team, "salesforce": {"Contact": list(records)}}


# Each way to designate ------------------------------------------------------------------------


def by_mv(contacts, alice, scratch):
    run("mv", contacts / "Anna Lindqvist.vcf", contacts / "Salesforce_Sync")


def by_sed(contacts, alice, scratch):
    run("sed", "-i", "/^END:VCARD/i CATEGORIES:Key account,CRM\\r",
        contacts / "Anna Lindqvist.vcf")


def by_vim(contacts, alice, scratch):
    vim({contacts / "Anna Lindqvist.vcf": {"add": ["CATEGORIES:CRM"]}}, "auto", scratch)


def by_jq(contacts, alice, scratch):
    json_rename(contacts.parent / ".json" / "Contacts" / "Anna Lindqvist.json",
                ".keywords.CRM = true")


def by_setfattr(contacts, alice, scratch):
    run("setfattr", "-n", "user.tandem.categories", "-v", "CRM", contacts / "Anna Lindqvist.vcf")


def by_outlook_move(contacts, alice, scratch):
    next(iter(alice.contacts.all())).move(subfolder(alice, "Salesforce_Sync"))


def by_outlook_category(contacts, alice, scratch):
    edit(next(iter(alice.contacts.all())), categories=["CRM"])


WAYS = [by_mv, by_sed, by_vim, by_jq, by_setfattr, by_outlook_move, by_outlook_category]


def each_way(function):
    return pytest.mark.parametrize("designate", WAYS, ids=lambda way: way.__name__)(function)


def the_file(contacts):
    (path,) = contacts.rglob("*.vcf")
    return path


@each_way
def test_each_way_ends_in_one_record(sim, mount, alice, contacts, records, tmp_path, designate):
    anna(alice)
    mount.sync()
    assert records() == []
    designate(contacts, alice, tmp_path)
    mount.sync()
    (record,) = records()
    assert record["Name"] == "Anna Lindqvist"
    filled = {name for name, value in record.items() if value not in (None, False)}
    assert filled == {"Id", "Name", "OwnerId", "FirstName", "LastName", "Email", "Title"}
    assert (record["FirstName"], record["LastName"], record["Email"], record["Title"]) == \
        ("Anna", "Lindqvist", "anna@acme.example", "Buyer")
    assert record["OwnerId"] == sim.mailbox("alice")["crm_user_id"]
    path = the_file(contacts)
    assert (attribute(path, "state"), attribute(path, "crm-id")) == ("synced", record["Id"])
    assert attribute(path, "error") is None
    for _ in range(3):
        mount.sync()
    assert records() == [record]
    assert sim.mails() == []


ADDRESSES = ["anna@acme.example", "ANNA@home.example", "anna.lindqvist@acme.example"]


@pytest.mark.parametrize("designate, address", [
    *((by_mv, address) for address in ADDRESSES),
    *((way, ADDRESSES[n % 3]) for n, way in enumerate(WAYS[1:]))],
    ids=lambda value: getattr(value, "__name__", value))
@pytest.mark.sim(seed=crm({"LastName": "Lindqvist", "Email": "replaced by the test"},
                          {"LastName": "Somebody", "Email": "else@acme.example"}))
def test_an_existing_record_is_linked(sim, mount, alice, contacts, records, change_record,
                                      tmp_path, designate, address):
    one, other = records()
    assert (one["LastName"], other["LastName"]) == ("Lindqvist", "Somebody")
    change_record(one["Id"], Email=address, Department="Purchasing")
    anna(alice)
    mount.sync()
    designate(contacts, alice, tmp_path)
    mount.sync()
    linked, untouched = records()
    assert (linked["Id"], untouched) == (one["Id"], other)
    assert attribute(the_file(contacts), "crm-id") == one["Id"]
    # What was empty on either side took the other's value.
    assert (linked["Title"], linked["FirstName"]) == ("Buyer", "Anna")
    assert property_value(the_file(contacts), "ORG") == ";Purchasing"
    (contact,) = alice.fetch(ids=[(attribute(the_file(contacts), "exchange-id"), None)])
    assert (contact.department, contact.job_title) == ("Purchasing", "Buyer")


@pytest.mark.sim(seed=crm({"LastName": "Lindqvist", "FirstName": "Ann", "Title": "Seller",
                           "Email": "anna@acme.example", "Phone": "+46 8 1"}))
@pytest.mark.parametrize("policy", ["exchange", "crm"])
def test_values_that_differ_at_the_first_link(sim, start_mount, alice, records, policy):
    mount = start_mount(sim, config={"sync": {"conflict": policy}})
    contacts = mount.mailbox("alice") / "Contacts"
    anna(alice)
    mount.sync()
    by_mv(contacts, alice, None)
    mount.sync()
    won = {"exchange": ("Anna", "Buyer"), "crm": ("Ann", "Seller")}
    lost = won["crm" if policy == "exchange" else "exchange"]
    (record,) = records()
    assert (record["FirstName"], record["Title"]) == won[policy]
    assert (record["LastName"], record["Phone"]) == ("Lindqvist", "+46 8 1")
    path = the_file(contacts)
    assert property_value(path, "N") == f"Lindqvist;{won[policy][0]};;;"
    assert property_value(path, "TITLE") == won[policy][1]
    assert property_value(path, "TEL") == "+46 8 1"
    (contact,) = alice.fetch(ids=[(attribute(path, "exchange-id"), None)])
    assert (contact.given_name, contact.job_title) == won[policy]
    (conflict,) = conflict_files(mount)
    assert {field["field"]: (field["winner"], [loser["value"] for loser in field["losers"]])
            for field in conflict["fields"]} == \
        {"FirstName": (won[policy][0], [lost[0]]), "Title": (won[policy][1], [lost[1]])}


def conflict_files(mount, name="alice"):
    directory = mount.mailbox(name) / ".sync" / "conflicts"
    return [json.loads((directory / entry).read_text()) for entry in sorted(os.listdir(directory))]


# Several hits ---------------------------------------------------------------------------------


@pytest.mark.parametrize("ours", [("anna@acme.example",), ("x@acme.example", "anna@acme.example")])
@pytest.mark.sim(seed=crm({"LastName": "Lindqvist", "Email": "anna@acme.example"},
                          {"LastName": "Lindqvist-Berg", "Email": "Anna@Acme.example"},
                          {"LastName": "Zorn", "Email": "zorn@acme.example"}))
def test_several_records_are_an_error_never_a_guess(sim, mount, alice, contacts, records, ours):
    before = records()
    anna(alice, email_addresses=emails(*ours))
    mount.sync()
    by_mv(contacts, alice, None)
    mount.sync()
    path = the_file(contacts)
    assert attribute(path, "state") == "error"
    assert "several records" in attribute(path, "error")
    assert attribute(path, "crm-id") is None
    assert records() == before
    (entry,) = mount.ctl_json("errors")
    assert entry["mailbox"] == ALICE and entry["state"] == "error"
    assert entry["path"].endswith("/Contacts/Salesforce_Sync/Anna Lindqvist.vcf")
    assert "several records" in entry["error"] and "tandemctl relink" in entry["error"]
    assert "Anna Lindqvist.vcf" in mount.ctl("errors", ALICE).stdout
    assert mount.ctl_json("errors", BOB) == []
    listed = (mount.mailbox("alice") / ".sync" / "errors.csv").read_text()
    assert "Anna Lindqvist.vcf" in listed and "several records" in listed

    # An edit of the contact goes to Exchange all the same, and makes no record.
    run("sed", "-i", "s/^TITLE:Buyer/TITLE:Seller/", path)
    mount.sync()
    (contact,) = subfolder(alice, "Salesforce_Sync").all()
    assert contact.job_title == "Seller"
    assert records() == before

    chosen = before[1]
    mount.ctl("relink", path, chosen["Id"])
    mount.sync()
    assert attribute(path, "crm-id") == chosen["Id"]
    after = {record["Id"]: record for record in records()}
    assert after.pop(chosen["Id"])["Title"] == "Seller"
    assert after == {record["Id"]: record for record in before if record is not chosen}
    assert mount.ctl_json("errors") == []


@pytest.mark.sim(seed=crm({"LastName": "Lindqvist", "Email": "anna@acme.example"},
                          {"LastName": "Zorn", "Email": "anna@home.example"}))
def test_two_addresses_of_two_records_are_an_error(sim, mount, alice, contacts, records):
    before = records()
    anna(alice)
    mount.sync()
    by_mv(contacts, alice, None)
    mount.sync()
    assert attribute(the_file(contacts), "state") == "error"
    assert records() == before


# Edits go both ways ---------------------------------------------------------------------------


@pytest.fixture
def designated(mount, contacts, jsforce):
    """One designated contact a row, each with its record: {row: (file, record id)}."""
    for row in SALESFORCE_ROWS:
        (contacts / "Salesforce_Sync" / f"{row.title}.vcf").write_bytes(card(row, None).encode())
    mount.sync()
    files = {row.name: contacts / "Salesforce_Sync" / f"{row.title}.vcf"
             for row in SALESFORCE_ROWS}
    return {name: (path, attribute(path, "crm-id")) for name, path in files.items()}


STAGES = [lambda row: row.first, lambda row: row.second, lambda row: None]


def in_salesforce(row, value):
    """{field: value} of a record of this card, LastName aside where the card has no surname: it is
    required, so that some name stands in for it."""
    return {} if value is None else {row.salesforce: row.to_salesforce(value)}


def filled(row, value, record):
    """What a record holds, in the terms of in_salesforce()."""
    assert record["LastName"]
    ignored = {"Id", "Name", "OwnerId", "IsDeleted"}
    if row.salesforce != "LastName" or value is None:
        ignored.add("LastName")
    return {name: there for name, there in record.items()
            if there is not None and name not in ignored}


def check(what, wrong, row, found, expected):
    if found != expected:
        wrong[what, row.name] = (found, expected)


def test_every_row_goes_from_the_file_to_salesforce(mount, designated, records):
    wrong = {}
    for stage, value_of in enumerate(STAGES):
        for row in SALESFORCE_ROWS:
            designated[row.name][0].write_bytes(card(row, value_of(row)).encode())
        mount.sync()
        found = {record["Id"]: record for record in records()}
        assert len(found) == len(SALESFORCE_ROWS)
        for row in SALESFORCE_ROWS:
            check(stage, wrong, row, filled(row, value_of(row), found[designated[row.name][1]]),
                  in_salesforce(row, value_of(row)))
    assert not wrong, pprint.pformat(wrong)
    assert conflict_files(mount) == []


def test_every_row_comes_from_salesforce(mount, alice, contacts, designated, jsforce):
    """To the file and to Exchange."""
    wrong = {}
    for stage, value_of in enumerate(STAGES):
        (answers,) = jsforce(("update", {"object": "Contact", "records": [
            {"Id": designated[row.name][1], row.salesforce:
             row.to_salesforce(value_of(row)) if value_of(row) is not None else None}
            for row in SALESFORCE_ROWS if (row.salesforce, value_of(row)) != ("LastName", None)]}))
        assert all(answer["success"] for answer in answers), answers
        mount.sync()
        items = {contact.id: contact for contact in alice.fetch(
            ids=[(attribute(path, "exchange-id"), None) for path, _ in designated.values()])}
        for row in SALESFORCE_ROWS:
            value = value_of(row)
            if (row.salesforce, value) == ("LastName", None):
                continue
            path, _ = designated[row.name]
            check((stage, "file"), wrong, row, properties(path, normal(row.vcard)[0]),
                  [normal(line) for line in row.lines(value)])
            item = items[attribute(path, "exchange-id")]
            check((stage, "exchange"), wrong, row, get_value(item, row.exchange),
                  row.to_exchange(value))
    assert not wrong, pprint.pformat(wrong)
    assert conflict_files(mount) == []


def test_every_row_goes_from_exchange_to_salesforce(mount, alice, designated, records):
    wrong = {}
    for stage, value_of in enumerate(STAGES):
        items = list(alice.fetch(ids=[(attribute(designated[row.name][0], "exchange-id"), None)
                                      for row in SALESFORCE_ROWS]))
        for row, item in zip(SALESFORCE_ROWS, items):
            set_value(item, row.exchange, row.to_exchange(value_of(row)))
        alice.bulk_update([(item, [row.exchange[0]])
                           for row, item in zip(SALESFORCE_ROWS, items)])
        mount.sync()
        found = {record["Id"]: record for record in records()}
        assert len(found) == len(SALESFORCE_ROWS)
        for row in SALESFORCE_ROWS:
            check(stage, wrong, row, filled(row, value_of(row), found[designated[row.name][1]]),
                  in_salesforce(row, value_of(row)))
    assert not wrong, pprint.pformat(wrong)
    assert conflict_files(mount) == []


def test_what_salesforce_does_not_get(sim, mount, contacts, jsforce):
    """Notes, categories, a second address and the like are the user's own."""
    ours = [row for row in ROWS if not row.salesforce and row.name != "Sensitivity"]
    for n, row in enumerate(ours):  # each with an address of its own, or they were one person
        text = card(row, row.first).replace("one@acme.example", f"one{n}@acme.example")
        (contacts / "Salesforce_Sync" / f"{row.title}.vcf").write_bytes(text.encode())
    mount.sync()
    (answer,) = jsforce(("query", {"soql": "SELECT FIELDS(ALL) FROM Contact LIMIT 200"}))
    found = {record["Id"]: record for record in answer["records"]}
    assert len(found) == len(ours)
    fields = {"BusinessPhone": "Phone", "HomePhone": "HomePhone", "EmailAddress1": "Email"}
    wrong = {}
    for n, row in enumerate(ours):
        path = contacts / "Salesforce_Sync" / f"{row.title}.vcf"
        record = found[attribute(path, "crm-id")]
        expected = {fields[name]: value.replace("one@", f"one{n}@")
                    for name, (_, value) in row.before.items() if name in fields}
        held = {name: record[name] for name in record
                if name in [*(one.salesforce for one in SALESFORCE_ROWS), "Description"] and
                name != "LastName" and record[name] is not None}
        check("held", wrong, row, held, expected)
    assert not wrong, pprint.pformat(wrong)


# No longer ------------------------------------------------------------------------------------


def out_by_mv(contacts, alice):
    run("mv", the_file(contacts), contacts)


def out_by_outlook_move(contacts, alice):
    next(iter(subfolder(alice, "Salesforce_Sync").all())).move(alice.contacts)


def out_by_do_not_sync(contacts, alice):
    run("setfattr", "-n", "user.tandem.categories", "-v", "DoNotSync", the_file(contacts))


def out_by_outlook_do_not_sync(contacts, alice):
    edit(next(iter(subfolder(alice, "Salesforce_Sync").all())), categories=["DoNotSync", "VIP"])


def out_by_category(contacts, alice):
    run("sed", "-i", "/^CATEGORIES/d", the_file(contacts))


def out_by_setfattr(contacts, alice):
    run("setfattr", "-n", "user.tandem.categories", "-v", "", the_file(contacts))


def out_by_outlook_category(contacts, alice):
    edit(next(iter(alice.contacts.all())), categories=None)


def back_by_rm_category(contacts, alice):
    run("setfattr", "-n", "user.tandem.categories", "-v", "", the_file(contacts))


def back_by_mv(contacts, alice):
    run("mv", the_file(contacts), contacts / "Salesforce_Sync")


def back_by_setfattr(contacts, alice):
    run("setfattr", "-n", "user.tandem.categories", "-v", "CRM", the_file(contacts))


@pytest.mark.parametrize("designate, undo, again", [
    (by_mv, out_by_mv, back_by_mv), (by_mv, out_by_outlook_move, back_by_mv),
    (by_mv, out_by_do_not_sync, back_by_rm_category),
    (by_mv, out_by_outlook_do_not_sync, back_by_rm_category),
    (by_setfattr, out_by_category, back_by_setfattr),
    (by_setfattr, out_by_setfattr, back_by_setfattr),
    (by_setfattr, out_by_outlook_category, back_by_mv)],
    ids=lambda way: way.__name__)
def test_undesignated_is_unlinked(sim, mount, alice, contacts, records, change_record, tmp_path,
                                  designate, undo, again):
    anna(alice)
    mount.sync()
    designate(contacts, alice, tmp_path)
    mount.sync()
    (record,) = records()
    undo(contacts, alice)
    mount.sync()
    path = the_file(contacts)
    assert records() == [record]
    assert attribute(path, "crm-id") is None
    excluded = undo in (out_by_do_not_sync, out_by_outlook_do_not_sync)
    assert attribute(path, "state") == ("excluded" if excluded else "synced")

    # Later edits stay where they are made, and nothing is made anew.
    run("sed", "-i", "s/^TITLE:Buyer/TITLE:Head/", path)
    change_record(record["Id"], Department="Purchasing", Title="Seller")
    for _ in range(3):
        mount.sync()
    (after,) = records()
    assert after == {**record, "Department": "Purchasing", "Title": "Seller"}
    path = the_file(contacts)
    assert property_value(path, "TITLE") == "Head" and properties(path, "ORG") == []
    (contact,) = alice.fetch(ids=[(attribute(path, "exchange-id"), None)])
    assert (contact.job_title, contact.department) == ("Head", None)

    # Designated anew it is the same record again.
    again(contacts, alice)
    mount.sync()
    (after,) = records()
    assert after["Id"] == record["Id"] == attribute(the_file(contacts), "crm-id")
    assert (after["Title"], after["Department"]) == ("Head", "Purchasing")
    assert property_value(the_file(contacts), "ORG") == ";Purchasing"


def test_moved_out_with_a_category_left_stays_designated(mount, alice, contacts, records):
    anna(alice, categories=["CRM", "VIP"])
    mount.sync()
    by_mv(contacts, alice, None)
    mount.sync()
    (record,) = records()
    out_by_mv(contacts, alice)
    run("sed", "-i", "s/^TITLE:Buyer/TITLE:Seller/", the_file(contacts))
    mount.sync()
    assert records() == [{**record, "Title": "Seller"}]
    assert attribute(the_file(contacts), "crm-id") == record["Id"]


@pytest.mark.parametrize("seeded", [False, True], ids=["made by us", "linked"])
def test_private_contacts_leave_the_crm(sim, mount, alice, contacts, records, seeded):
    if seeded:
        sim.act("create", object="Contact",
                fields={"LastName": "Lindqvist", "Email": "anna@acme.example"})
    anna(alice)
    mount.sync()
    by_mv(contacts, alice, None)
    mount.sync()
    (record,) = records()
    run("sed", "-i", "/^END:VCARD/i CLASS:PRIVATE\\r", the_file(contacts))
    mount.sync()
    assert [found["Id"] for found in records()] == ([record["Id"]] if seeded else [])
    assert attribute(the_file(contacts), "crm-id") is None
    run("sed", "-i", "s/^TITLE:Buyer/TITLE:Seller/", the_file(contacts))
    mount.sync()
    assert [found["Title"] for found in records()] == (["Buyer"] if seeded else [])


@pytest.mark.mount(config={'policy "default"': {"users": "*", "contacts-mode": "all",
                                                "contacts-import": "off"}})
def test_mode_all(sim, mount, alice, contacts, records):
    anna(alice)
    new_contact(alice, "Bert Berg", surname="Berg", categories=["DoNotSync"])
    new_contact(alice, "Cleo Claes", surname="Claes", sensitivity="Private")
    (contacts / "Elsewhere").mkdir()
    (contacts / "Elsewhere" / "dora.vcf").write_text(
        "BEGIN:VCARD\nVERSION:4.0\nFN:Dora\nEND:VCARD\n")
    mount.sync()
    assert [record["Name"] for record in records()] == ["Anna Lindqvist"]
    assert attribute(contacts / "Bert Berg.vcf", "state") == "excluded"


# Two users, one person ------------------------------------------------------------------------


def test_two_mailboxes_with_one_person_end_in_one_record(sim, mount, exchange, records):
    alice, bob = exchange("alice"), exchange("bob")
    anna(alice)
    anna(bob, given_name="Ann", job_title=None, department="Sales",
         email_addresses=emails("ANNA@acme.example"))
    mount.sync()
    folders = {name: mount.mailbox(name) / "Contacts" for name in ("alice", "bob")}
    for folder in folders.values():
        run("mv", folder / "Anna Lindqvist.vcf", folder / "Salesforce_Sync")
    mount.sync()
    mount.sync()
    (record,) = records()
    assert record["LastName"] == "Lindqvist"
    files = {name: the_file(folder) for name, folder in folders.items()}
    assert {attribute(path, "crm-id") for path in files.values()} == {record["Id"]}
    assert {attribute(path, "state") for path in files.values()} <= {"synced", "conflict"}
    assert (record["Title"], record["Department"]) == ("Buyer", "Sales")

    # An edit of one goes to the record and to the other.
    run("sed", "-i", "s/^TITLE:Buyer/TITLE:Head of Buying/", files["alice"])
    mount.sync(ALICE)
    mount.sync(BOB)
    assert [found["Title"] for found in records()] == ["Head of Buying"]
    assert property_value(files["bob"], "TITLE") == "Head of Buying"
    (contact,) = subfolder(bob, "Salesforce_Sync").all()
    assert contact.job_title == "Head of Buying"

    # One of them steps back: the record and the other's link stay.
    run("mv", files["alice"], folders["alice"])
    mount.sync()
    run("sed", "-i", "s/^TITLE:.*/TITLE:Retired\\r/", files["bob"])
    mount.sync()
    assert [found["Title"] for found in records()] == ["Retired"]
    assert property_value(the_file(folders["alice"]), "TITLE") == "Head of Buying"


def test_many_common_people_end_in_one_record_each(sim, mount, exchange, records):
    people = [f"Person {n:02d}" for n in range(50)]
    for name in "alice", "bob", "carol":
        account = exchange(name)
        account.bulk_create(account.contacts, [
            Contact(display_name=person, surname=person, folder=account.contacts,
                    email_addresses=emails(f"{person.replace(' ', '.')}@acme.example"))
            for person in people])
    mount.sync()
    for name in "alice", "bob", "carol":
        for path in (mount.mailbox(name) / "Contacts").glob("*.vcf"):
            os.rename(path, path.parent / "Salesforce_Sync" / path.name)
    mount.sync()
    mount.sync()
    found = records()
    assert [record["Name"] for record in found] == people
    for name in "alice", "bob", "carol":
        linked = {path.stem: attribute(path, "crm-id")
                  for path in (mount.mailbox(name) / "Contacts" / "Salesforce_Sync").iterdir()}
        assert linked == {record["Name"]: record["Id"] for record in found}


# Without being asked --------------------------------------------------------------------------


@pytest.mark.mount(config={"sync": {"quiet": "0.2"}})
def test_a_designation_starts_a_cycle_of_its_own(sim, mount, alice, contacts, records):
    anna(alice)
    mount.sync()
    by_mv(contacts, alice, None)
    (found,) = wait_for(lambda: sim.records("Contact"), 60, "the record")
    assert found["Email"] == "anna@acme.example"
    path = the_file(contacts)
    wait_for(lambda: attribute(path, "state") == "synced", 60, "the end of the cycle")
    run("setfattr", "-n", "user.tandem.categories", "-v", "DoNotSync", path)
    wait_for(lambda: attribute(the_file(contacts), "state") == "excluded", 60, "the exclusion")
    assert [record["Id"] for record in records()] == [found["Id"]]
    assert attribute(the_file(contacts), "crm-id") is None


# Deleted on one side --------------------------------------------------------------------------


@pytest.mark.mount(config={"sync": {"remove-quiet": "0"}})
@pytest.mark.parametrize("where", ["file", "exchange", "crm"])
def test_deleted_on_one_side_ends_the_sync(sim, mount, alice, contacts, records, change_record,
                                           jsforce, where):
    anna(alice)
    mount.sync()
    by_mv(contacts, alice, None)
    mount.sync()
    (record,) = records()
    if where == "file":
        run("rm", the_file(contacts))
    elif where == "exchange":
        next(iter(subfolder(alice, "Salesforce_Sync").all())).move_to_trash()
    else:
        (answer,) = jsforce(("destroy", {"object": "Contact", "ids": record["Id"]}))
        assert answer["success"]
    for _ in range(3):
        mount.sync()
    if where == "crm":
        assert records() == []
        path = the_file(contacts)
        assert attribute(path, "crm-id") is None
        run("sed", "-i", "s/^TITLE:Buyer/TITLE:Seller/", path)
    else:
        assert list(contacts.rglob("*.vcf")) == []
        change_record(record["Id"], Title="Seller")
    for _ in range(3):
        mount.sync()
    assert [found["Title"] for found in records()] == ([] if where == "crm" else ["Seller"])
    assert [contact.job_title for contact in subfolder(alice, "Salesforce_Sync").all()] == \
        (["Seller"] if where == "crm" else [])
    assert alice.contacts.all().count() == 0


# Longer than the CRM keeps --------------------------------------------------------------------


def test_a_long_value_is_cut_in_the_crm_alone(sim, mount, alice, contacts, records, change_record):
    long = "Leiterin Einkauf für größere Vorhaben, " * 10
    anna(alice, job_title=long)
    mount.sync()
    by_mv(contacts, alice, None)
    mount.sync()
    (record,) = records()
    assert record["Title"] == long[:128].strip()
    path = the_file(contacts)
    assert attribute(path, "state") == "synced"
    assert_nothing_written(sim, mount)
    change_record(record["Id"], Department="Purchasing")
    mount.sync()
    (contact,) = subfolder(alice, "Salesforce_Sync").all()
    assert contact.job_title == long
    assert property_value(the_file(contacts), "TITLE") == escape(long)
    assert [found["Title"] for found in records()] == [record["Title"]]
    assert conflict_files(mount) == []


def test_a_name_that_is_too_long_is_an_error(sim, mount, alice, contacts, records):
    anna(alice, surname="L" * 81)
    new_contact(alice, "Bert Berg", surname="Berg")
    mount.sync()
    for name in "Anna Lindqvist.vcf", "Bert Berg.vcf":
        run("mv", contacts / name, contacts / "Salesforce_Sync")
    mount.sync()
    assert [record["LastName"] for record in records()] == ["Berg"]
    path = contacts / "Salesforce_Sync" / "Anna Lindqvist.vcf"
    assert attribute(path, "state") == "error"
    assert "LastName" in attribute(path, "error") and "80" in attribute(path, "error")
    path.write_bytes(path.read_bytes().replace(b"\r\n ", b"").replace(b"L" * 81, b"Lindqvist"))
    mount.sync()
    assert sorted(record["LastName"] for record in records()) == ["Berg", "Lindqvist"]
    assert attribute(path, "state") == "synced"
    assert mount.ctl_json("errors") == []
