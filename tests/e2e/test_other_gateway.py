"""Another gateway left on beside this one: status says so, and says so no more when it was stopped.

OldGateway plays what people migrate from: a program of its own that copies between the mailbox and
the CRM, and knows nothing of us.  Nothing is stopped or held for it.
"""
import json
import threading

import pytest

from exchange import contacts_of, edit as change, emails, new_contact, subfolder
from later import after
from scene import ALICE, card, crm_contacts, edit, exchange_contacts, link, names, person, seed
from simulator import wait_for

FEW = 5
PEOPLE = [person("Person", f"Nr{i:02}", folder="Salesforce_Sync", JobTitle="Buyer")
          for i in range(2 * FEW)]
A_DAY_LATER = """UPDATE value SET value = (SELECT json_group_object(key, json_set(value, '$.last',
    json_extract(value, '$.last') - 86400000000000)) FROM json_each(value.value))
    WHERE name LIKE 'gateway:%'"""


@pytest.fixture
def synced(contacts):
    return contacts / "Salesforce_Sync"


def warnings(mount, address=ALICE):
    """{(evidence, side): warning} of a mailbox: from tandemctl, and the same in its status file."""
    told = mount.ctl_json("status", address)["other_gateways"]
    with open(mount.path / address / ".sync" / "status.json") as file:
        assert json.load(file)["other_gateways"] == told
    shown = mount.ctl("status").stdout
    assert ("another gateway?" in shown) == bool(told)
    for warning in told:
        assert warning["what"] in shown and warning["example"] in shown
    return {(warning["evidence"], warning["side"]): warning for warning in told}


class OldGateway:
    """Copies every contact of Salesforce_Sync that it has not seen into the CRM, as its user, whenever
    there is one; looks at Exchange alone, as one that matches by ids of its own."""

    def __init__(self, sim):
        self.sim = sim
        self.known = {contact["id"] for contact in exchange_contacts(sim)}
        self.copied = 0
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopped.wait(0.05):
            for contact in exchange_contacts(self.sim):
                if contact["id"] not in self.known and crm_contacts(self.sim, contact["Surname"]):
                    self.known.add(contact["id"])
                    self.copy(contact)

    def copy(self, contact):
        self.sim.act("create", object="Contact", fields={
            "FirstName": contact["GivenName"], "LastName": contact["Surname"],
            "Email": contact["EmailAddresses/EmailAddress1"]}, **{"as": ALICE})
        self.copied += 1

    def stop(self):
        self.stopped.set()
        self.thread.join()


def write_cards(directory, numbers):
    for i in numbers:
        (directory / f"new{i}.vcf").write_text(
            card(f"New Nr{i:02}", f"EMAIL:new{i}@client.example"))


@pytest.mark.sim(seed=seed())
def test_each_record_is_made_a_second_time(sim, mount, synced):
    old = OldGateway(sim)
    try:
        write_cards(synced, range(FEW + 1))
        mount.sync()
        wait_for(lambda: old.copied == FEW + 1, 30, "the copies")
        mount.sync()
    finally:
        old.stop()
    warning = warnings(mount)["twin", "crm"]
    assert warning["times"] == FEW + 1
    assert warning["example"].startswith(f"{ALICE}/Contacts/Salesforce_Sync/new")
    assert warning["since"] <= warning["last"]

    # A warning, no more: all goes on.
    edit(synced / "new0.vcf", "END:VCARD", "TITLE:Dean\r\nEND:VCARD")
    mount.sync()
    (ours,) = [row for row in crm_contacts(sim, "Nr00") if row["Id"] == link(synced / "new0.vcf")]
    assert ours["Title"] == "Dean"
    assert mount.ctl_json("errors") == []

    # The old one is off; the warning stands over a restart, and for a day.
    mount.stop()
    mount.start()
    write_cards(synced, range(20, 20 + 2 * FEW))
    mount.sync()
    mount.sync()
    assert warnings(mount) == {("twin", "crm"): warning}
    assert after(mount, A_DAY_LATER) == 1
    assert warnings(mount) == {}
    mount.sync()
    assert warnings(mount) == {}


@pytest.mark.sim(seed=seed(PEOPLE))
def test_what_we_wrote_is_set_back(sim, mount, synced):
    """One that holds its own copy for the truth, and sets it again after each of our writes."""
    for i in range(FEW):
        assert warnings(mount) == {}
        path = synced / f"Person Nr{i:02}.vcf"
        edit(path, "TITLE:Buyer", "TITLE:Dean")
        mount.sync()
        sim.act("update", id=link(path), fields={"Title": "Buyer"}, **{"as": ALICE})
        mount.sync()
    assert warnings(mount)["rewrite", "crm"]["times"] == FEW


@pytest.mark.sim(seed=seed([person("Old", f"Nr{i:02}", folder="Salesforce Contacts")
                            for i in range(2 * FEW)]))
def test_a_folder_that_another_product_fills(mount, exchange):
    """LinkPoint Connect(ME)'s: what it left there says nothing, what goes on coming does."""
    assert warnings(mount) == {}
    folder = subfolder(exchange("alice"), "Salesforce Contacts")
    for i in range(FEW):
        assert warnings(mount) == {}
        new_contact(exchange("alice"), f"New Nr{i:02}", folder, given_name="New")
        mount.sync()
    warning = warnings(mount)["folder", "exchange"]
    assert warning["times"] == FEW and warning["who"] == "LinkPoint Connect(ME)"
    assert warning["example"] == f"{ALICE}/Contacts/Salesforce Contacts/New Nr04.vcf"


@pytest.mark.sim(seed=seed())
def test_two_tandemfs_on_one_mailbox(sim, mount, start_mount):
    """The one item that the other makes is enough, since its token names it; each warns of the other."""
    other = start_mount(sim)
    assert warnings(mount) == warnings(other) == {}
    directory = other.mailbox("alice") / "Contacts"
    write_cards(directory, [1])
    other.sync()
    mount.sync()
    assert warnings(other) == {}
    told = warnings(mount)
    assert list(told) == [("token", "exchange")]
    assert told["token", "exchange"]["example"] == f"{ALICE}/Contacts/new1.vcf"

    write_cards(mount.mailbox("alice") / "Contacts" / "Salesforce_Sync", [2])
    mount.sync()
    other.sync()
    told = warnings(other)
    assert list(told) == [("token", "exchange"), ("token", "crm")]
    (record,) = crm_contacts(sim)
    assert told["token", "crm"]["example"] == f"record {record['Id']}"
    assert told["token", "crm"]["who"] != warnings(mount)["token", "exchange"]["who"]


@pytest.mark.sim(seed=seed(PEOPLE, bob=[]))
def test_two_tandemfs_for_two_users_of_one_org(sim, start_mount):
    one = start_mount(sim, options=[f"user={ALICE}"])
    two = start_mount(sim, options=["user=bob@corp.example"])
    write_cards(one.mailbox("alice") / "Contacts" / "Salesforce_Sync", range(FEW))
    write_cards(two.mailbox("bob") / "Contacts" / "Salesforce_Sync", range(10, 10 + FEW))
    for mount in one, two, one, two:
        mount.sync()
    assert len(crm_contacts(sim)) == len(PEOPLE) + 2 * FEW
    assert warnings(one) == warnings(two, "bob@corp.example") == {}


@pytest.mark.sim(seed=seed(PEOPLE))
@pytest.mark.mount(config={'policy "default"': {"users": "*", "contacts-mode": "all",
                                                "contacts-import": "owned"}})
def test_ordinary_use_is_no_other_gateway(sim, mount, exchange, contacts, synced):
    """People who edit at both ends, a restored backup, an import into the CRM and a bulk edit."""
    backup = {path: path.read_bytes() for path in synced.glob("*.vcf")}
    ids = {path: link(path) for path in backup}

    # Somebody makes contacts, and adds to their records; another one imports a list into the CRM.
    for i in range(FEW + 1):
        new_contact(exchange("alice"), f"Made Nr{i:02}", given_name="Made", surname=f"Nr{i:02}",
                    email_addresses=emails(f"made{i}@client.example"))
        mount.sync()
        sim.act("update", id=link(contacts / f"Made Nr{i:02}.vcf"), fields={"Title": "Buyer"})
        sim.act("create", object="Contact", **{"as": ALICE}, fields={
            "FirstName": "Listed", "LastName": f"Nr{i:02}", "Email": f"list{i}@client.example"})
        mount.sync()
    assert len([name for name in names(synced) if name.startswith("Listed")]) == FEW + 1

    # A script edits all files; it was wrong, and what was there before is restored at both ends.
    for path in backup:
        edit(path, "TITLE:Buyer", "TITLE:Nonsense")
    mount.sync()
    for path in list(backup)[:FEW]:
        path.write_bytes(backup[path])
    for path in list(backup)[FEW:]:
        sim.act("update", id=ids[path], fields={"Title": "Buyer"})
    mount.sync()
    mount.sync()
    assert {row["Title"] for row in crm_contacts(sim) if row["FirstName"] == "Person"} == {"Buyer"}

    # Contacts are copied, and edited in Outlook and in the CRM.
    there = contacts_of(subfolder(exchange("alice"), "Salesforce_Sync"))
    for name in list(there)[:FEW]:
        there[name].copy(exchange("alice").contacts)
        change(there[name], department="Physics")
    for path in ids:
        sim.act("update", id=ids[path], fields={"Phone": "+49 30 1"})
    mount.sync()
    mount.sync()
    assert warnings(mount) == {}
