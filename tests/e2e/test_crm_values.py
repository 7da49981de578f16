"""What the CRM makes of our values, and what it changes under our hands: neither is taken for an edit
that it is not, nor lost, whether the answers arrive or not."""
import os

import pytest

from cycles import assert_nothing_written
from later import hours_later
from scene import (
    card,
    crm_contact,
    crm_contacts,
    edit,
    exchange_contact,
    names,
    person,
    seed,
    state,
)
from simulator import wait_for

NOW = {"sync": {"remove-quiet": "0"}}
pytestmark = pytest.mark.mount(config=NOW)

# field of Contact, what a flow does to it, a value, what becomes of that; our property, its place
FLOWS = [
    ("FirstName", ("upper",), "Anna", "ANNA", "GivenName"),
    ("LastName", ("prefix", "von "), "Lind", "von Lind", "Surname"),
    ("Title", ("cut", "4"), "Buyer", "Buye", "JobTitle"),
    ("Department", ("set", "Sales"), "Purchasing", "Sales", "Department"),
    ("AssistantName", ("clear",), "Ann Doe", None, "AssistantName"),
    ("MobilePhone", ("suffix", " (m)"), "+49 171 1", "+49 171 1 (m)",
     "PhoneNumbers/MobilePhone"),
    ("HomePhone", ("copy-from", "Phone"), "+49 30 9", "+49 30 1", "PhoneNumbers/HomePhone"),
    ("Email", ("lower",), "Anna.Lind@Client.example", "anna.lind@client.example",
     "EmailAddresses/EmailAddress1"),
    # no flow: Salesforce itself trims, and cuts what we cut before
    ("Fax", None, "  +49 30 3 ", "+49 30 3", "PhoneNumbers/BusinessFax"),
    ("Phone", None, "+49 30 1", "+49 30 1", "PhoneNumbers/BusinessPhone"),
    ("MailingCity", None, "Stadt " * 20, ("Stadt " * 20)[:40].rstrip(),
     "PhysicalAddresses/Business/City"),
]
SEEDED = {"Surname": "Lind", "GivenName": "Anna", "JobTitle": "Buyer", "Department": "Purchasing",
          "AssistantName": "Ann Doe", "MobilePhone": "+49 171 1", "HomePhone": "+49 30 9",
          "EmailAddress1": "Anna.Lind@Client.example", "BusinessFax": "  +49 30 3 ",
          "BusinessPhone": "+49 30 1", "Business/City": "Stadt " * 20}


def assert_settled(sim, mount, conflicts=0):
    box = mount.mailbox("alice")
    assert len(os.listdir(box / ".sync" / "conflicts")) == conflicts
    assert mount.ctl_json("errors") == []
    assert_nothing_written(sim, mount, cycles=2)


def flows(sim):
    for field, action, *_ in FLOWS:
        if action:
            sim.act("flow", object="Contact", field=field, action=action[0],
                    **({"value": action[1]} if len(action) > 1 else {}))


def fields_there(sim):
    anna = exchange_contact(sim, "Anna Lind")
    return {place: anna.get(place) for *_, place in FLOWS}


def fields_in_crm(sim):
    (record,) = crm_contacts(sim)
    return {field: record.get(field) for field, *_ in FLOWS}


LOST = [None, "drop-before", "drop-after", "truncate"]


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("made", ["upsert", "plain create"])
@pytest.mark.sim(seed=seed([person("Anna", "Lind", **SEEDED)]))
def test_a_record_is_made(sim, start_mount, made, how):
    """Of our values the CRM makes others, and the answer is lost; the next cycle writes nothing."""
    config = dict(NOW) if made == "upsert" else {**NOW, "crm": {"external-id-field": None}}
    mount = start_mount(sim, config=config)
    contacts = mount.mailbox("alice") / "Contacts"
    flows(sim)
    before = fields_there(sim)
    assert before["PhysicalAddresses/Business/City"] == "Stadt " * 20
    os.rename(contacts / "Anna Lind.vcf", contacts / "Salesforce_Sync" / "Anna Lind.vcf")
    if how:
        operation = "sf:collections-upsert" if made == "upsert" else "sf:collections-create"
        # The driver repeats an upsert at once: both answers are lost.
        sim.fault(operation, how, count=2 if made == "upsert" else 1)
        mount.sync(check=False)
    mount.sync()
    if how == "drop-before" and made == "plain create":
        hours_later(mount)
        mount.sync()
    assert fields_in_crm(sim) == {field: there for field, _, _, there, _ in FLOWS}
    assert fields_there(sim) == before
    assert state(contacts / "Salesforce_Sync" / "Anna Lind.vcf") == "synced"
    assert_settled(sim, mount)
    assert fields_there(sim) == before


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("who", ["file", "exchange"])
@pytest.mark.sim(seed=seed([person("Anna", "Lind", folder="Salesforce_Sync",
                                   EmailAddress1="anna@client.example")]))
def test_a_record_is_changed(sim, mount, contacts, exchange, who, how):
    path = contacts / "Salesforce_Sync" / "Anna Lind.vcf"
    flows(sim)
    if who == "file":
        edit(path, "EMAIL:anna@client.example", "\r\n".join([
            "EMAIL:Anna.Lind@Client.example", "TITLE:Buyer", "ORG:;Purchasing",
            "TEL;TYPE=cell:+49 171 1", "TEL;TYPE=home:+49 30 9", "TEL;TYPE=work:+49 30 1"]))
        expected = {"Email", "Title", "Department", "MobilePhone", "HomePhone", "Phone"}
    else:
        from exchange import contacts_of, edit as change, emails, phones, subfolder

        folder = subfolder(exchange("alice"), "Salesforce_Sync")
        change(contacts_of(folder)["Anna Lind"], job_title="Buyer", department="Purchasing",
               email_addresses=emails("Anna.Lind@Client.example"), assistant_name="Ann Doe",
               phone_numbers=phones(MobilePhone="+49 171 1", HomePhone="+49 30 9",
                                    BusinessPhone="+49 30 1", BusinessFax="  +49 30 3 "))
        expected = {"Email", "Title", "Department", "MobilePhone", "HomePhone", "Phone", "Fax",
                    "AssistantName"}
    if how:
        sim.fault("sf:composite", how)
        mount.sync(check=False)
    mount.sync()
    in_crm = fields_in_crm(sim)
    assert {field: in_crm[field] for field in expected} == \
        {field: there for field, _, _, there, _ in FLOWS if field in expected}
    there = fields_there(sim)
    assert {place: there[place] for field, _, _, _, place in FLOWS if field in expected} == \
        {place: value for field, _, value, _, place in FLOWS if field in expected}
    assert_settled(sim, mount)
    assert fields_there(sim) == there
    assert "TITLE:Buyer\r\n" in path.read_bytes().decode()


# Changed under our hands -------------------------------------------------------------------------

BEN = person("Ben", "Ohlsen", folder="Salesforce_Sync", JobTitle="Buyer", MobilePhone="+49 171 1")


@pytest.mark.parametrize("heeded", [True, False])
@pytest.mark.sim(seed=seed([BEN]))
def test_changed_there_after_our_pull(sim, mount, contacts, heeded):
    """Between our pull and our update, also in an org that does not heed If-Unmodified-Since."""
    sim.act("conditions", heeded=heeded)
    path = contacts / "Salesforce_Sync" / "Ben Ohlsen.vcf"
    record = crm_contact(sim, "Ohlsen")["Id"]
    for turn, (title, phone) in enumerate([("Dean", "+1"), ("Rector", "+2")]):
        sim.clock(advance_seconds=60)
        edit(path, "TITLE:" + ("Buyer", "Dean")[turn], f"TITLE:{title}")
        sim.clear_faults()
        sim.fault("UpdateItem", "delay", ms=1500)
        mount.ctl("sync", "--no-wait")
        wait_for(lambda: sum(fault["fired"] for fault in sim.faults()), 60, "the request")
        sim.act("update", id=record, fields={"MobilePhone": phone, "Title": f"Theirs {turn}"})
        mount.sync()
        ben = crm_contact(sim, "Ohlsen")
        assert (ben["Title"], ben["MobilePhone"]) == (title, phone)
        assert exchange_contact(sim, "Ben Ohlsen")["PhoneNumbers/MobilePhone"] == phone
        assert f"Theirs {turn}" in "".join(
            (contacts.parent / ".sync" / "conflicts" / name).read_text()
            for name in os.listdir(contacts.parent / ".sync" / "conflicts"))
    assert_settled(sim, mount, conflicts=2)


@pytest.mark.mount(config={**NOW, 'policy "default"': {"contacts-direction": "to-crm"}})
@pytest.mark.sim(seed=seed([BEN]))
def test_to_crm_keeps_what_it_replaces(sim, mount, contacts):
    path = contacts / "Salesforce_Sync" / "Ben Ohlsen.vcf"
    record = crm_contact(sim, "Ohlsen")["Id"]
    sim.act("update", id=record, fields={"Title": "Theirs", "Department": "Stands"})
    mount.sync()
    assert_settled(sim, mount)
    edit(path, "TITLE:Buyer", "TITLE:Dean")
    mount.sync()
    ben = crm_contact(sim, "Ohlsen")
    assert (ben["Title"], ben["Department"]) == ("Dean", "Stands")
    (name,) = os.listdir(contacts.parent / ".sync" / "conflicts")
    assert '"Theirs"' in (contacts.parent / ".sync" / "conflicts" / name).read_text()
    assert_settled(sim, mount, conflicts=1)


@pytest.mark.mount(config={**NOW, "crm": {"external-id-field": None}})
@pytest.mark.sim(seed=seed([{key: value for key, value in person("Anna", "Lind").items()
                             if key != "EmailAddress1"}]))
def test_a_plain_create_without_address_is_killed(sim, mount, contacts):
    """Neither token nor address tells, and a flow changed the name: found all the same."""
    sim.act("flow", object="Contact", field="LastName", action="upper")
    os.rename(contacts / "Anna Lind.vcf", contacts / "Salesforce_Sync" / "Anna Lind.vcf")
    sim.fault("sf:collections-create", "delay-after", ms=60000)
    mount.ctl("sync", "--no-wait")
    wait_for(lambda: sum(fault["fired"] for fault in sim.faults()), 60, "the request")
    mount.crash()
    sim.clear_faults()
    mount.sync()
    hours_later_or_linked(mount, contacts)
    assert [row["Name"] for row in crm_contacts(sim)] == ["Anna LIND"]
    assert names(contacts / "Salesforce_Sync") == ["Anna Lind.vcf"]
    assert_settled(sim, mount)


def hours_later_or_linked(mount, contacts):
    if state(contacts / "Salesforce_Sync" / "Anna Lind.vcf") != "synced":
        hours_later(mount)
        mount.sync()
    assert state(contacts / "Salesforce_Sync" / "Anna Lind.vcf") == "synced"


@pytest.mark.sim(seed=seed([person("Anna", "Lind", folder="Salesforce_Sync")]))
def test_a_value_that_a_picklist_does_not_have(sim, mount, contacts):
    """The org's list stands: an error with its reason, until the value is one of the list."""
    sim.act("field", object="Contact", name="Salutation", restricted=True)
    path, other = (contacts / "Salesforce_Sync" / name for name in ("Anna Lind.vcf", "jana.vcf"))
    edit(path, "N:Lind;Anna;;;", "N:Lind;Anna;;Gräfin;")
    other.write_text(card("Jana Kunz"))
    mount.sync()
    assert "Gräfin" in path.read_text() and state(path) == "error"
    (entry,) = mount.ctl_json("errors")
    assert "picklist" in entry["error"] and entry["path"].endswith("/Anna Lind.vcf")
    assert crm_contact(sim, "Kunz")["FirstName"] == "Jana"
    assert_nothing_written(sim, mount)  # it is not sent again and again
    edit(path, "N:Lind;Anna;;Gräfin;", "N:Lind;Anna;;Dr.;")
    mount.sync()
    assert crm_contact(sim, "Lind")["Salutation"] == "Dr."
    assert state(path) == "synced" and mount.ctl_json("errors") == []
