"""Edits on several sides between two cycles: different fields are merged, one field is decided by the
policy, and what lost stands in a conflict file."""
import json
import os

import pytest
from contact_rows import properties, property_value
from exchange import edit, emails, new_contact, phones, subfolder
from scene import attribute, card, conflicts, seed
from tools import run

ALICE = "alice.moreau@corp.example"
MINUTE = 60


class Anna:
    """One contact on its three sides, linked and in sync."""

    def __init__(self, sim, mount, account, jsforce):
        self.sim, self.mount, self.account, self.jsforce = sim, mount, account, jsforce
        self.folder = mount.mailbox("alice") / "Contacts" / "Salesforce_Sync"
        self.path = self.folder / "Anna Lindqvist.vcf"
        self.conflicts = mount.mailbox("alice") / ".sync" / "conflicts"
        sim.clock(offset_seconds=-8 * MINUTE)
        item = new_contact(account, "Anna Lindqvist", folder=subfolder(account, "Salesforce_Sync"),
                           given_name="Anna", surname="Lindqvist", job_title="Buyer",
                           email_addresses=emails("anna@acme.example"))
        self.item_id = item.id
        mount.sync()
        self.record_id = os.getxattr(self.path, "user.tandem.crm-id").decode()
        assert self.titles() == {"file": "Buyer", "exchange": "Buyer", "crm": "Buyer"}
        sim.clock(offset_seconds=0)

    @property
    def item(self):
        (item,) = self.account.fetch(ids=[(self.item_id, None)])
        return item

    @property
    def record(self):
        (answer,) = self.jsforce(("retrieve", {"object": "Contact", "id": self.record_id}))
        return answer

    def change_record(self, **fields):
        (answer,) = self.jsforce(("update", {"object": "Contact",
                                             "records": {"Id": self.record_id, **fields}}))
        assert answer.get("success"), answer

    # The title, which all three sides have.

    def titles(self):
        found = properties(self.path, "TITLE")
        return {"file": found[0][2] if found else None, "exchange": self.item.job_title,
                "crm": self.record["Title"]}

    def set_title(self, side, value):
        if side == "file" and value is None:
            run("sed", "-i", "/^TITLE:/d", self.path)
        elif side == "file":
            run("sed", "-i", f"s/^TITLE:.*/TITLE:{value}\\r/", self.path)
        elif side == "exchange":
            edit(self.item, job_title=value)
        else:
            self.change_record(Title=value)

    def conflict(self):
        (name,) = os.listdir(self.conflicts)
        return json.loads((self.conflicts / name).read_text())


@pytest.fixture
def anna(sim, mount, exchange, jsforce):
    return Anna(sim, mount, exchange("alice"), jsforce)


@pytest.fixture
def anna_with(sim, start_mount, exchange, jsforce):
    """anna_with("crm"): under that policy."""
    def start(policy):
        mount = start_mount(sim, config={"sync": {"conflict": policy}})
        return Anna(sim, mount, exchange("alice"), jsforce)

    return start


# Different fields -----------------------------------------------------------------------------


def test_three_edits_of_different_fields_merge_in_one_cycle(mount, anna):
    run("sed", "-i", "s/^TITLE:Buyer/TITLE:Head of Buying/", anna.path)
    edit(anna.item, phone_numbers=phones(MobilePhone="+46 70 1"))
    anna.change_record(Department="Purchasing", MailingCity="Lund")
    mount.sync()
    item, record = anna.item, anna.record
    assert (property_value(anna.path, "TITLE"), item.job_title, record["Title"]) == \
        ("Head of Buying",) * 3
    (mobile,) = [entry.phone_number for entry in item.phone_numbers]
    assert (property_value(anna.path, "TEL"), mobile, record["MobilePhone"]) == ("+46 70 1",) * 3
    assert (property_value(anna.path, "ORG"), item.department, record["Department"]) == \
        (";Purchasing", "Purchasing", "Purchasing")
    assert property_value(anna.path, "ADR") == ";;;Lund;;;"
    assert [entry.city for entry in item.physical_addresses] == ["Lund"]
    assert os.listdir(anna.conflicts) == []
    assert os.getxattr(anna.path, "user.tandem.state") == b"synced"


def test_three_edits_of_one_name_and_one_address(mount, anna):
    """Parts of a structured value are fields of their own; so is each category."""
    edit(anna.item, categories=["VIP"])
    anna.change_record(MiddleName="Maria", MailingStreet="1 Main St", MailingCity="Lund")
    mount.sync()
    run("sed", "-i", "-e", "s/^N:Lindqvist;Anna;/N:Lindqvist;Annika;/",
        "-e", "s/^CATEGORIES:VIP/CATEGORIES:VIP,Partner/",
        "-e", "s/^\\(ADR.*\\);Lund;/\\1;Malmö;/", anna.path)
    edit(anna.item, generation="Jr.", categories=["VIP", "Gold"])
    anna.change_record(Salutation="Dr.", MailingPostalCode="22100")
    mount.sync()
    item, record = anna.item, anna.record
    assert property_value(anna.path, "N") == "Lindqvist;Annika;Maria;Dr.;Jr."
    assert (item.given_name, item.middle_name, item.prefix, item.generation) == \
        ("Annika", "Maria", "Dr.", "Jr.")
    assert (record["FirstName"], record["MiddleName"], record["Salutation"], record["Suffix"]) == \
        ("Annika", "Maria", "Dr.", "Jr.")
    assert property_value(anna.path, "ADR") == ";;1 Main St;Malmö;;22100;"
    (address,) = item.physical_addresses
    assert (address.street, address.city, address.zipcode) == ("1 Main St", "Malmö", "22100")
    assert (record["MailingStreet"], record["MailingCity"], record["MailingPostalCode"]) == \
        ("1 Main St", "Malmö", "22100")
    assert set(item.categories) == {"VIP", "Gold", "Partner"}
    assert set(property_value(anna.path, "CATEGORIES").split(",")) == {"VIP", "Gold", "Partner"}
    assert os.listdir(anna.conflicts) == []


def test_the_same_edit_on_three_sides_is_no_conflict(mount, anna):
    for side in "file", "exchange", "crm":
        anna.set_title(side, "Seller")
    mount.sync()
    assert set(anna.titles().values()) == {"Seller"}
    assert os.listdir(anna.conflicts) == []


# The same field -------------------------------------------------------------------------------

# Who changed it, the policy, who is the newest (of equal age where it does not matter), who wins.
CASES = [
    (("file", "exchange"), "exchange", None, "file"),
    (("file", "exchange"), "crm", None, "file"),
    (("file", "exchange"), "newest", "exchange", "file"),
    (("file", "crm"), "exchange", "crm", "file"),
    (("file", "crm"), "crm", "file", "crm"),
    (("file", "crm"), "newest", "crm", "crm"),
    (("file", "crm"), "newest", "file", "file"),
    (("exchange", "crm"), "exchange", "crm", "exchange"),
    (("exchange", "crm"), "crm", "exchange", "crm"),
    (("exchange", "crm"), "newest", "crm", "crm"),
    (("exchange", "crm"), "newest", "exchange", "exchange"),
    (("file", "exchange", "crm"), "exchange", "crm", "file"),
    (("file", "exchange", "crm"), "crm", "file", "crm"),
    (("file", "exchange", "crm"), "newest", "crm", "crm"),
    (("file", "exchange", "crm"), "newest", "file", "file"),
]


def edit_all(anna, sides, newest, value_of):
    """Edits on these sides.  The servers' clock says when: the newest one comes from three minutes
    after the file's own time, the others are four minutes before it."""
    for side in sides:
        if side != "file":
            late = side == newest
            anna.sim.clock(offset_seconds=3 * MINUTE if late else -4 * MINUTE)
        anna.set_title(side, value_of(side))
    anna.sim.clock(offset_seconds=4 * MINUTE)


def check_decided(anna, sides, winner, value_of):
    won = value_of(winner)
    assert anna.titles() == {"file": won, "exchange": won, "crm": won}
    conflict = anna.conflict()
    assert conflict["item"].endswith("Contacts/Salesforce_Sync/Anna Lindqvist.vcf")
    losers = {}
    for field in conflict["fields"]:
        assert field["field"] in ("JobTitle", "Title")
        assert field["base"] == "Buyer"
        losers.update((loser["origin"], loser["value"]) for loser in field["losers"])
    assert losers == {side: value_of(side) for side in sides if side != winner}
    last = conflict["fields"][-1]
    assert (last["winner"], last["winner_origin"]) == (won, winner)
    assert os.getxattr(anna.path, "user.tandem.state") == b"conflict"
    (listed,) = anna.mount.ctl_json("conflicts")
    assert (listed["mailbox"], [listed["file"]]) == (ALICE, os.listdir(anna.conflicts))
    assert anna.mount.ctl_json("status", ALICE)["conflicts"] == 1

    # It is decided: nothing is left to do, and nobody changes his mind.
    anna.sim.reset_counters()
    anna.mount.sync()
    assert anna.sim.counters()["writes"] == 0
    assert anna.titles() == {"file": won, "exchange": won, "crm": won}
    for name in os.listdir(anna.conflicts):
        os.unlink(anna.conflicts / name)
    assert anna.mount.ctl_json("conflicts") == []
    assert os.getxattr(anna.path, "user.tandem.state") == b"synced"


@pytest.mark.parametrize("sides, policy, newest, winner", CASES, ids=lambda value: (
    "+".join(value) if isinstance(value, tuple) else value or "any"))
def test_one_field_on_several_sides(anna_with, sides, policy, newest, winner):
    def value_of(side):
        return {"file": "Head", "exchange": "Owner", "crm": "Chief"}[side]

    anna = anna_with(policy)
    edit_all(anna, sides, newest, value_of)
    anna.mount.sync()
    check_decided(anna, sides, winner, value_of)


@pytest.mark.parametrize("sides, policy, newest, winner, emptied", [
    (("file", "crm"), "exchange", "crm", "file", "file"),
    (("file", "crm"), "crm", "file", "crm", "file"),
    (("file", "exchange"), "exchange", None, "file", "exchange"),
    (("exchange", "crm"), "crm", "exchange", "crm", "crm"),
    (("exchange", "crm"), "exchange", "crm", "exchange", "crm")],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else value or "any")
def test_emptied_on_one_side_and_changed_on_the_other(anna_with, sides, policy, newest, winner,
                                                      emptied):
    def value_of(side):
        return None if side == emptied else "Chief"

    anna = anna_with(policy)
    edit_all(anna, sides, newest, value_of)
    anna.mount.sync()
    check_decided(anna, sides, winner, value_of)


def test_a_conflict_of_one_field_hinders_no_other(mount, anna):
    run("sed", "-i", "-e", "s/^TITLE:.*/TITLE:Head\\r/", "-e", "/^END/i NOTE:from the file\\r",
        anna.path)
    edit(anna.item, job_title="Owner", profession="from Exchange")
    anna.change_record(Title="Chief", Department="from the CRM")
    mount.sync()
    item = anna.item
    assert (item.job_title, item.profession, item.body, item.department) == \
        ("Head", "from Exchange", "from the file", "from the CRM")
    assert property_value(anna.path, "ROLE") == "from Exchange"
    assert property_value(anna.path, "ORG") == ";from the CRM"
    assert anna.record["Title"] == "Head" and anna.record["Department"] == "from the CRM"


def test_a_file_edited_after_exchanges_value_arrived(mount, anna):
    """Between a file and Exchange the file wins, and what it replaced within the hour is kept."""
    stale = anna.path.read_bytes()
    anna.set_title("exchange", "Owner")
    mount.sync()
    assert property_value(anna.path, "TITLE") == "Owner"
    scratch = mount.directory / "stale.vcf"
    scratch.write_bytes(stale.replace(b"TITLE:Buyer", b"TITLE:Head"))
    run("cp", scratch, anna.path)
    mount.sync()
    assert set(anna.titles().values()) == {"Head"}
    (field,) = anna.conflict()["fields"]
    assert field["winner"] == "Head"
    assert field["losers"] == [{"origin": "exchange", "value": "Owner"}]


def test_a_stale_copy_reverts_nothing_it_did_not_touch(mount, anna):
    """An editor that opened the file before the other sides' changes came, and saves it after."""
    with open(anna.path, "rb") as opened:
        text = opened.read()
    anna.set_title("exchange", "Owner")
    anna.change_record(Department="Purchasing")
    mount.sync()
    with open(anna.path, "wb") as saved:
        saved.write(text.replace(b"END:VCARD", b"ROLE:Trader\r\nEND:VCARD"))
    mount.sync()
    item = anna.item
    assert (item.job_title, item.department, item.profession) == ("Owner", "Purchasing", "Trader")
    assert property_value(anna.path, "TITLE") == "Owner"
    assert property_value(anna.path, "ROLE") == "Trader"
    assert anna.record["Title"] == "Owner"


@pytest.mark.sim(seed=seed(bob=[]))
def test_two_mailboxes_edit_one_record_at_once(sim, mount):
    """All within one second of the CRM, which so cannot tell a record that was read from a newer one."""
    paths = [mount.mailbox(name) / "Contacts" / "Salesforce_Sync" / "anna.vcf"
             for name in ("alice", "bob")]
    sim.clock(freeze=True)
    for path in paths:
        path.write_bytes(card("Anna Lind", "EMAIL:anna@client.example", "TITLE:Buyer").encode())
    mount.sync()
    mount.sync()
    (record,) = sim.records("Contact")
    assert [attribute(path, "crm-id") for path in paths] == [record["Id"]] * 2
    for path, title in zip(paths, ("Head", "Chief")):
        run("sed", "-i", f"s/^TITLE:.*/TITLE:{title}\\r/", path)
    sim.fault("sf:composite", "delay", count=2, ms=300)
    mount.sync()
    mount.sync()
    (record,) = sim.records("Contact")
    winner, loser = ("Head", "Chief") if record["Title"] == "Head" else ("Chief", "Head")
    assert {property_value(path, "TITLE") for path in paths} == {winner} == {record["Title"]}
    (conflict,) = [one for name in ("alice", "bob") for one in conflicts(mount.mailbox(name))]
    (field,) = conflict["fields"]
    assert [one["value"] for one in field["losers"]] == [loser]
    assert field["winner"] == winner
