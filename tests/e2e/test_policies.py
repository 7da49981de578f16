"""Policies: every mode with every direction, imports and removals; the cap on creates; the mark; leads.

What is expected is worked out here from what the options are documented to do; both servers are read from
the simulator's own state."""
import itertools
import json
import os

import pytest

from cycles import assert_little_asked
from scene import (
    ALICE,
    BOB,
    card,
    crm_contact,
    crm_contacts,
    edit,
    exchange_contact,
    exchange_names,
    names,
    person,
    seed,
    state,
)


def policy(**keys):
    """Of everybody; keys with underscores."""
    return {'policy "default"': {"users": "*", **{
        name.replace("_", "-"): value for name, value in keys.items() if value is not None}}}


def record(given, surname, owner=ALICE, **more):
    return {"FirstName": given, "LastName": surname, "Owner": owner,
            "Email": f"{given}.{surname}@client.example".lower(), **more}


# Mode x direction x import x removal -----------------------------------------------------------------

# None is the default.  Each direction turns the removals one further, so that with four of them each
# import meets three removals and each pair of the other options meets all.
MODES = ["designated", "all"]
DIRECTIONS = ["both", "to-crm", "to-exchange"]
IMPORTS = [None, "off", "owned", "visible"]
REMOVALS = ["none", "crm", "exchange", "both"]
CASES = [("off", "both", "visible", "both")] + [
    (mode, direction, imported, REMOVALS[(i + d) % 4])
    for mode, (d, direction), (i, imported)
    in itertools.product(MODES, enumerate(DIRECTIONS), enumerate(IMPORTS))]

SCENE = seed(
    [person("Dora", "Designated", folder="Salesforce_Sync"),
     person("Otto", "Ordinary"),
     person("Piet", "Private", folder="Salesforce_Sync", Sensitivity="Private"),
     person("Lena", "Linked", folder="Salesforce_Sync"),
     person("Gina", "Gone", folder="Salesforce_Sync"),
     person("Rosa", "Removed", folder="Salesforce_Sync")],
    [],
    [record("Lena", "Linked"), record("Gina", "Gone"), record("Rosa", "Removed"),
     record("Mine", "Owned"), record("Other", "Visible", BOB)])


@pytest.mark.parametrize("mode, direction, imported, remove", CASES)
@pytest.mark.sim(seed=SCENE)
def test_what_a_policy_does(sim, start_mount, mode, direction, imported, remove):
    # What the words mean.
    on = mode != "off"
    to_crm, to_exchange = on and direction != "to-exchange", on and direction != "to-crm"
    imports = imported or ("owned" if mode == "all" else "off")

    mount = start_mount(sim, config={"sync": {"remove-quiet": "0"}, **policy(
        contacts_mode=mode, contacts_direction=direction, contacts_import=imported,
        contacts_remove=remove)})
    contacts = mount.mailbox("alice") / "Contacts"
    sync = contacts / "Salesforce_Sync"

    # Made, linked, imported.
    assert len(crm_contacts(sim, "Designated")) == to_crm
    assert len(crm_contacts(sim, "Ordinary")) == (to_crm and mode == "all")
    assert crm_contacts(sim, "Private") == []
    for name in ("Linked", "Gone", "Removed"):
        assert len(crm_contacts(sim, name)) == 1
    expected = {"Dora Designated", "Otto Ordinary", "Piet Private", "Lena Linked", "Gina Gone",
                "Rosa Removed"}
    if to_exchange and imports in ("owned", "visible"):
        expected.add("Mine Owned")
    if to_exchange and imports == "visible":
        expected.add("Other Visible")
    assert exchange_names(sim) == sorted(expected)

    # Edits of different fields on both sides: each goes where the direction lets it, and none is undone.
    edit(sync / "Lena Linked.vcf", "END:VCARD", "TITLE:Dean\r\nEND:VCARD")
    sim.act("update", id=crm_contact(sim, "Linked")["Id"], fields={"Department": "Sales"})
    mount.sync()
    assert crm_contact(sim, "Linked").get("Title") == ("Dean" if to_crm else None)
    assert crm_contact(sim, "Linked")["Department"] == "Sales"
    lena = exchange_contact(sim, "Lena Linked")
    assert lena.get("Department") == ("Sales" if to_exchange else None)
    assert lena["JobTitle"] == "Dean"

    # Gone on one side.
    sim.act("delete", id=crm_contact(sim, "Gone")["Id"])
    os.unlink(sync / "Rosa Removed.vcf")
    mount.sync()
    mount.sync()
    assert ("Gina Gone" not in exchange_names(sim)) == (
        to_exchange and remove in ("exchange", "both"))
    # One that Bob's mailbox imported is not Alice's alone to delete.
    shared = to_exchange and imports == "visible"
    assert (crm_contacts(sim, "Removed") == []) == (
        to_crm and remove in ("crm", "both") and not shared)
    assert "Rosa Removed" not in exchange_names(sim)
    assert crm_contacts(sim, "Gone") == []

    # And so it stays.
    before = exchange_names(sim), sorted(row["Id"] for row in crm_contacts(sim))
    for _ in range(2):
        mount.sync()
    assert (exchange_names(sim), sorted(row["Id"] for row in crm_contacts(sim))) == before
    assert crm_contacts(sim, "Private") == []
    assert sim.mails() == []


# A contact that turns private, in each direction -----------------------------------------------------

@pytest.mark.parametrize("ours", [True, False], ids=["made by us", "found"])
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.sim(seed=seed([person("Anna", "Lind", folder="Salesforce_Sync")]))
def test_private(sim, start_mount, direction, ours):
    if not ours or direction == "to-exchange":
        sim.act("create", object="Contact", fields={
            "FirstName": "Anna", "LastName": "Lind", "Email": "anna.lind@client.example"})
    mount = start_mount(sim, config=policy(contacts_direction=direction))
    path = mount.mailbox("alice") / "Contacts" / "Salesforce_Sync" / "Anna Lind.vcf"
    assert state(path) == "synced" and len(crm_contacts(sim)) == 1
    edit(path, "END:VCARD", "CLASS:PRIVATE\r\nEND:VCARD")
    for _ in range(3):
        mount.sync()
    # Only what we made, and may delete, is deleted.
    assert len(crm_contacts(sim)) == (0 if ours and direction != "to-exchange" else 1)
    edit(path, "END:VCARD", "NOTE:my own\r\nEND:VCARD")
    for _ in range(2):
        mount.sync()
    assert len(crm_contacts(sim)) == (0 if ours and direction != "to-exchange" else 1)
    assert exchange_names(sim) == ["Anna Lind"]


# The cap on creates ----------------------------------------------------------------------------------

def waiting(mount, user=ALICE):
    return mount.ctl_json("status", user)["waiting_creates"]


PEOPLE = [person(f"P{i:02d}", "Berg") for i in range(11)]
CAPPED = {"sync": {"max-create": "4"}}


def designate_all(mount):
    """The cycle that the mount began with is over; all that waits was asked for after it."""
    contacts = mount.mailbox("alice") / "Contacts"
    for name in names(contacts):
        os.rename(contacts / name, contacts / "Salesforce_Sync" / name)
    return contacts / "Salesforce_Sync"


@pytest.mark.parametrize("cap, steps", [(4, [4, 8, 11]), (0, [11])])
@pytest.mark.sim(seed=seed(PEOPLE))
def test_creates_in_the_crm_are_capped(sim, start_mount, cap, steps):
    mount = start_mount(sim, config={"sync": {"max-create": cap}})
    designate_all(mount)
    for made in steps:
        sim.reset_counters()
        mount.sync()
        assert len(crm_contacts(sim)) == made
        # What waits is not looked for again and again: records once, and leads.
        assert sim.counters()["operations"]["sf:query"] == 2
        assert waiting(mount) == ({"crm": 11 - made} if made < 11 else {})
    assert "waiting" not in mount.ctl("status", ALICE).stdout
    assert_little_asked(sim, mount, folders=2)


@pytest.mark.sim(seed=seed(PEOPLE))
@pytest.mark.mount(config=CAPPED)
def test_what_waits_is_pending_and_shown(sim, mount):
    sync = designate_all(mount)
    mount.sync()
    assert "7 creates (crm) for the next cycle" in mount.ctl("status", ALICE).stdout
    states = [state(sync / name) for name in names(sync)]
    assert (states.count("synced"), states.count("pending")) == (4, 7)
    assert mount.ctl_json("errors", ALICE) == []


@pytest.mark.sim(seed=seed())
@pytest.mark.mount(config=CAPPED)
def test_creates_in_exchange_are_capped(sim, mount):
    contacts = mount.mailbox("alice") / "Contacts"
    for i in range(10):
        (contacts / f"n{i}.vcf").write_text(card(f"Nele N{i}", f"EMAIL:n{i}@client.example"))
    for made in (4, 8, 10):
        mount.sync()
        assert len(exchange_names(sim)) == made
        assert waiting(mount) == ({"exchange": 10 - made} if made < 10 else {})
    assert exchange_names(sim) == [f"Nele N{i}" for i in range(10)]
    assert_little_asked(sim, mount, folders=2)


def import_everything(sim, start_mount, n):
    """Others make n records while the mailbox is synced."""
    mount = start_mount(sim, config={**CAPPED, **policy(contacts_import="visible")})
    for i in range(n):
        sim.act("create", object="Contact", fields={
            "FirstName": f"R{i:02d}", "LastName": "Berg", "Email": f"r{i}@client.example"})
    mount.sync()
    return mount


@pytest.mark.sim(seed=seed())
def test_imports_are_capped(sim, start_mount):
    """A filter that was forgotten fills no mailbox before somebody sees it."""
    mount = import_everything(sim, start_mount, 11)
    for made in (4, 8, 11):
        assert len(exchange_names(sim)) == made
        assert waiting(mount) == ({"imports": 11 - made} if made < 11 else {})
        mount.sync()
    assert exchange_names(sim) == [f"R{i:02d} Berg" for i in range(11)]
    assert len(crm_contacts(sim)) == 11
    assert_little_asked(sim, mount, folders=2)


@pytest.mark.sim(seed=seed([person("Otto", "Ordinary"), person("Lena", "Linked", Categories=["CRM"])],
                           records=[record("Oskar", "Else", Email="Otto.Ordinary@client.example"),
                                    record("Lena", "Linked"), record("Mine", "Owned")]))
@pytest.mark.mount(config=policy(contacts_import="owned"))
def test_records_that_are_left_out_are_listed(sim, mount):
    """Nobody's own contact is designated by an import."""
    contacts = mount.mailbox("alice") / "Contacts"
    otto, left_out = contacts / "Otto Ordinary.vcf", crm_contact(sim, "Else")["Id"]
    assert names(contacts / "Salesforce_Sync") == ["Mine Owned.vcf"]
    assert names(contacts) == ["Lena Linked.vcf", "Otto Ordinary.vcf"]
    assert mount.ctl_json("status", ALICE)["not_imported"] == [
        {"path": f"{ALICE}/Contacts/Otto Ordinary.vcf", "record": left_out}]
    assert f"record {left_out}: {ALICE}/Contacts/Otto Ordinary.vcf has" in \
        mount.ctl("status", ALICE).stdout
    os.setxattr(otto, "user.tandem.categories", b"CRM")
    mount.sync()
    assert os.getxattr(otto, "user.tandem.crm-id").decode() == left_out
    assert mount.ctl_json("status", ALICE)["not_imported"] == []
    assert len(crm_contacts(sim)) == len(exchange_names(sim)) == 3


@pytest.mark.sim(seed=seed())
def test_changes_of_others_do_not_wait_with_imports(sim, start_mount):
    mount = import_everything(sim, start_mount, 9)
    first = exchange_names(sim)[0]
    (changed,) = [row for row in crm_contacts(sim) if row["Name"] == first]
    sim.act("update", id=changed["Id"], fields={"Title": "Dean"})
    mount.sync()
    assert exchange_contact(sim, first)["JobTitle"] == "Dean"
    assert len(exchange_names(sim)) == 8


# The mark --------------------------------------------------------------------------------------------

MARKED = [person("Anna", "Lind", folder="Salesforce_Sync", Categories=["VIP"]),
          person("Ben", "Ohlsen", Categories=["Synced"])]


def categories(sim, name):
    return sorted(exchange_contact(sim, name).get("Categories", []))


def master_list(sim):
    return json.dumps(sim.state("exchange")["exchange"]["mailboxes"][ALICE])


@pytest.mark.sim(seed=seed(MARKED))
def test_the_mark_is_on_what_is_synced_and_on_nothing_else(sim, start_mount):
    mount = start_mount(sim, config=policy(mark="Synced"))
    contacts = mount.mailbox("alice") / "Contacts"
    anna = contacts / "Salesforce_Sync" / "Anna Lind.vcf"
    assert categories(sim, "Anna Lind") == ["Synced", "VIP"]
    assert os.getxattr(anna, "user.tandem.categories") == b"Synced,VIP"
    assert b"Synced" in anna.read_bytes()
    mount.sync()
    assert_little_asked(sim, mount, folders=2)
    # A copy in Outlook carries it, and is not synced.
    edit(contacts / "Ben Ohlsen.vcf", "END:VCARD", "TITLE:Clerk\r\nEND:VCARD")
    mount.sync()
    assert categories(sim, "Ben Ohlsen") == []
    assert crm_contacts(sim, "Ohlsen") == []
    # It designates nothing, and goes when the sync ends.
    os.rename(anna, contacts / anna.name)
    mount.sync()
    mount.sync()
    assert categories(sim, "Anna Lind") == ["VIP"]
    assert b"Synced" not in (contacts / anna.name).read_bytes()
    assert_little_asked(sim, mount, folders=2)


@pytest.mark.sim(seed=seed(MARKED))
def test_the_mark_is_set_when_it_is_configured_later(sim, start_mount):
    mount = start_mount(sim)
    assert categories(sim, "Anna Lind") == ["VIP"]
    mount.stop()
    mount.configure(policy(mark="Synced"))
    mount.start()
    mount.sync()
    assert categories(sim, "Anna Lind") == ["Synced", "VIP"]
    mount.sync()
    assert_little_asked(sim, mount, folders=2)


@pytest.mark.parametrize("keys, why", [
    ({"mark": "CRM"}, "mark must not be one of categories"),
    ({"mark": "crm"}, "mark must not be one of categories"),
    ({"mark": "DoNotSync"}, "mark must not be the same as exclude"),
    ({"mark": "Salesforce_Sync"}, "mark must not be the same as folder")])
@pytest.mark.sim(seed=seed())
def test_a_mark_that_designates_is_refused(sim, mount, keys, why):
    mount.stop()
    mount.configure(policy(**keys))
    done = mount.ctl("-c", mount.config, "config", "check", check=False)
    assert done.returncode == 1 and why in done.stdout + done.stderr
    mount.configure({})
    mount.start()


# Leads -----------------------------------------------------------------------------------------------

def lead_scene():
    scene = seed([person("Anna", "Lind", folder="Salesforce_Sync",
                         EmailAddress2="anna@home.example"),
                  person("Ben", "Ohlsen", folder="Salesforce_Sync")])
    scene["salesforce"]["Lead"] = [
        {"LastName": "Lind", "Company": "Home", "Email": "ANNA@home.example", "Owner": BOB},
        {"LastName": "Lind", "Company": "Elsewhere", "Email": "other@home.example"}]
    return scene


def item_state(mount, path):
    inside = path.relative_to(mount.mailbox("alice"))
    return json.loads((mount.mailbox("alice") / ".sync" / "state" / f"{inside}.json").read_text())


@pytest.mark.sim(seed=lead_scene())
def test_a_lead_with_the_address_is_noted_and_no_more(sim, start_mount):
    leads = sim.records("Lead")
    mount = start_mount(sim)
    sync = mount.mailbox("alice") / "Contacts" / "Salesforce_Sync"
    assert len(crm_contacts(sim, "Lind")) == 1
    assert item_state(mount, sync / "Anna Lind.vcf")["leads"] == [leads[0]["Id"]]
    assert item_state(mount, sync / "Ben Ohlsen.vcf")["leads"] == []
    assert mount.ctl_json("status", ALICE)["leads"] == [
        {"path": f"{ALICE}/Contacts/Salesforce_Sync/Anna Lind.vcf", "leads": [leads[0]["Id"]]}]
    assert "leads" in mount.ctl("status", ALICE).stdout
    assert state(sync / "Anna Lind.vcf") == "synced"
    assert sim.records("Lead") == leads
    assert_little_asked(sim, mount, folders=2)
    # Lead is described once; a match is one query for records and one for leads.
    (sync / "jana.vcf").write_text(card("Jana Kunz", "EMAIL:jana@kunz.example"))
    sim.reset_counters()
    mount.sync()
    assert len(crm_contacts(sim, "Kunz")) == 1
    operations = sim.counters()["operations"]
    assert operations["sf:query"] == 2 and "sf:describe" not in operations


@pytest.mark.sim(seed=lead_scene())
def test_an_org_without_leads(sim, start_mount):
    sim.act("forbid", object="Lead")
    mount = start_mount(sim)
    assert len(crm_contacts(sim)) == 2
    assert mount.ctl_json("status", ALICE)["leads"] == []
    assert_little_asked(sim, mount, folders=2)
