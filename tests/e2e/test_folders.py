"""Folders from both ends: made, renamed, moved, removed and restored in Outlook and as directories.

exchangelib plays the colleague; Exchange is read from the simulator's state."""
import os
import shutil

import pytest
from exchangelib.folders import Contacts

from cycles import assert_nothing_written
from scene import (
    card,
    conflicts,
    edit,
    exchange_contact,
    exchange_contacts,
    exchange_items,
    exchange_names,
    names,
    person,
    seed,
    state,
)

ANNA = person("Anna", "Lind", JobTitle="Buyer")
NOW = {"sync": {"remove-quiet": "0"}}

pytestmark = [pytest.mark.sim(seed=seed([ANNA, person("Ben", "Ohlsen")])),
              pytest.mark.mount(config=NOW)]


def made(parent, name):
    folder = Contacts(parent=parent, name=name)
    folder.save()
    return folder


def rename(folder, name):
    folder.name = name
    folder.save(update_fields=["name"])


def there(sim):
    """Paths of the folders below Contacts in Exchange, Salesforce_Sync aside."""
    return sorted(path[len("Contacts/"):] for path in exchange_items(sim)
                  if path.startswith("Contacts/") and path != "Contacts/Salesforce_Sync")


def here(contacts):
    """The same of the directories."""
    return sorted(os.path.relpath(os.path.join(root, name), contacts)
                  for root, directories, _ in os.walk(contacts) for name in directories
                  if os.path.join(root, name) != str(contacts / "Salesforce_Sync"))


def log(contacts):
    return (contacts.parent / ".sync" / "log").read_text()


def assert_quiet(sim, mount):
    """Nothing is left to do, and nothing is wrong."""
    assert mount.ctl_json("errors") == []
    assert_nothing_written(sim, mount, cycles=2)


def identity(path):
    return (path.stat().st_ino, os.getxattr(path, "user.tandem.uid"))


# Names -------------------------------------------------------------------------------------------

def test_made_here(sim, mount, contacts):
    (contacts / "North" / "Lübeck" / "Harbour").mkdir(parents=True)
    (contacts / "North" / "Lübeck" / "Harbour" / "jana.vcf").write_text(card("Jana Kunz"))
    mount.sync()
    assert there(sim) == ["North", "North/Lübeck", "North/Lübeck/Harbour"]
    assert exchange_contact(sim, "Jana Kunz")["folder"] == "Contacts/North/Lübeck/Harbour"
    assert_quiet(sim, mount)


def test_names_of_directories(sim, mount, alice, contacts):
    """Cleaned, and told apart; what Exchange calls them stays."""
    wanted = ["A/B", "A_B", ".hidden", "..", "ü" * 120 + "x" * 15, "ü" * 135, "tab\tbell"]
    for name in wanted:
        made(made(alice.contacts, "Names") if name == wanted[0] else
             alice.contacts / "Names", name)
        alice.contacts.refresh()
    mount.sync()
    shown = sorted(os.listdir(contacts / "Names"))
    assert shown == sorted(["A_B", "A_B (2)", "_hidden", "_.", "ü" * 120 + "x" * 15, "ü" * 127,
                            "tab_bell"])
    assert all(len(os.fsencode(name)) <= 255 for name in shown)
    before = there(sim)
    for name in shown:
        (contacts / "Names" / name / "a.vcf").write_text(card(f"In {name[:20]}"))
    mount.sync()
    assert there(sim) == before
    assert exchange_contact(sim, "In _hidden")["folder"] == "Contacts/Names/.hidden"
    assert_quiet(sim, mount)


def test_a_long_name_made_here(sim, mount, contacts):
    name = "ü" * 127 + "x"
    (contacts / name).mkdir()
    mount.sync()
    assert there(sim) == [name]
    assert_quiet(sim, mount)
    assert here(contacts) == [name]


def test_names_that_differ_in_case_alone(sim, mount, alice, contacts):
    """Exchange has them once; the second gets a number there and keeps its name here."""
    made(alice.contacts, "Press")
    mount.sync()
    (contacts / "press").mkdir()
    (contacts / "press" / "jana.vcf").write_text(card("Jana Kunz"))
    mount.sync()
    assert there(sim) == ["Press", "press (2)"]
    assert here(contacts) == ["Press", "press"]
    assert exchange_contact(sim, "Jana Kunz")["folder"] == "Contacts/press (2)"
    assert_quiet(sim, mount)
    os.rename(contacts / "Press", contacts / "PRESS OFFICE")
    mount.sync()
    os.rename(contacts / "press", contacts / "Press")
    mount.sync()
    assert there(sim) == ["PRESS OFFICE", "Press"]
    assert_quiet(sim, mount)


def test_made_at_both_ends_under_one_name(sim, mount, alice, contacts):
    (contacts / "Press").mkdir()
    made(alice.contacts, "Press")
    mount.sync()
    assert there(sim) == here(contacts) == ["Press"]
    assert_quiet(sim, mount)


@pytest.mark.parametrize("how", ["drop-after", "drop-before"])
def test_the_answer_to_a_new_folder_is_lost(sim, mount, contacts, how):
    (contacts / "Press").mkdir()
    (contacts / "Press" / "jana.vcf").write_text(card("Jana Kunz"))
    sim.fault("CreateFolder", how)
    mount.sync(check=False)
    mount.sync()
    mount.sync()
    assert there(sim) == here(contacts) == ["Press"]
    assert exchange_contact(sim, "Jana Kunz")["folder"] == "Contacts/Press"
    assert_quiet(sim, mount)


# Renamed and moved -------------------------------------------------------------------------------

def test_renamed_at_both_ends(sim, mount, alice, contacts):
    """The directory's name stands, as between a file and Exchange, and the other is kept."""
    folder = made(alice.contacts, "Partners")
    mount.sync()
    number = (contacts / "Partners").stat().st_ino
    rename(folder, "Partner firms")
    os.rename(contacts / "Partners", contacts / "Companies")
    mount.sync()
    assert there(sim) == here(contacts) == ["Companies"]
    assert (contacts / "Companies").stat().st_ino == number
    (conflict,) = conflicts(contacts.parent)
    assert conflict["item"].endswith("/Contacts/Companies")
    assert conflict["fields"] == [{
        "field": "DisplayName", "base": "Partners", "winner": "Companies", "winner_origin": "file",
        "losers": [{"origin": "exchange", "value": "Partner firms"}]}]
    assert_quiet(sim, mount)


def test_renamed_here_and_moved_there(sim, mount, alice, contacts):
    folder, other = made(alice.contacts, "Partners"), made(alice.contacts, "Other")
    mount.sync()
    folder.move(other)
    os.rename(contacts / "Partners", contacts / "Companies")
    mount.sync()
    assert there(sim) == here(contacts) == ["Other", "Other/Companies"]
    assert conflicts(contacts.parent) == []
    assert_quiet(sim, mount)


def test_moved_at_both_ends(sim, mount, alice, contacts):
    folder = made(alice.contacts, "Partners")
    one, _ = made(alice.contacts, "One"), made(alice.contacts, "Two")
    mount.sync()
    folder.move(one)
    os.rename(contacts / "Partners", contacts / "Two" / "Partners")
    mount.sync()
    assert there(sim) == here(contacts) == ["One", "Two", "Two/Partners"]
    assert len(conflicts(contacts.parent)) == 1
    assert_quiet(sim, mount)


def test_one_into_the_other_from_either_end(sim, mount, alice, contacts):
    one, two = made(alice.contacts, "One"), made(alice.contacts, "Two")
    mount.sync()
    one.move(two)
    os.rename(contacts / "Two", contacts / "One" / "Two")
    mount.sync(check=False)
    mount.sync()
    assert there(sim) == here(contacts) == ["One", "One/Two"]
    assert_quiet(sim, mount)


@pytest.mark.parametrize("where", ["here", "there"])
def test_two_folders_exchange_their_names(sim, mount, alice, contacts, where):
    one, two = made(alice.contacts, "One"), made(alice.contacts, "Two")
    mount.sync()
    (contacts / "One" / "jana.vcf").write_text(card("Jana Kunz"))
    mount.sync()
    if where == "here":
        os.rename(contacts / "One", contacts / "x")
        os.rename(contacts / "Two", contacts / "One")
        os.rename(contacts / "x", contacts / "Two")
    else:
        for folder, name in (one, "x"), (two, "One"), (one, "Two"):
            rename(folder, name)
    mount.sync()
    assert there(sim) == here(contacts) == ["One", "Two"]
    assert names(contacts / "One") == []
    assert names(contacts / "Two") == ["jana.vcf"]
    assert exchange_contact(sim, "Jana Kunz")["folder"] == "Contacts/Two"
    assert_quiet(sim, mount)


@pytest.mark.parametrize("where", ["here", "there"])
def test_a_deep_folder_moves_with_all_in_it(sim, mount, alice, contacts, where):
    deep = made(made(made(alice.contacts, "A"), "B"), "C")
    target = made(alice.contacts, "D")
    mount.sync()
    (contacts / "A" / "B" / "C" / "jana.vcf").write_text(card("Jana Kunz"))
    (contacts / "A" / "B" / "C" / ".draft").write_text("not yet")
    mount.sync()
    before = identity(contacts / "A" / "B" / "C" / "jana.vcf")
    sim.reset_counters()
    if where == "here":
        os.rename(contacts / "A" / "B", contacts / "D" / "B2")
    else:
        moving = deep.parent
        moving.move(target)
        rename(moving, "B2")
        sim.reset_counters()
    mount.sync()
    assert sim.counters()["writes"] == (2 if where == "here" else 0)
    assert there(sim) == here(contacts) == ["A", "D", "D/B2", "D/B2/C"]
    moved = contacts / "D" / "B2" / "C"
    assert identity(moved / "jana.vcf") == before
    assert (moved / ".draft").read_text() == "not yet"
    assert exchange_contact(sim, "Jana Kunz")["folder"] == "Contacts/D/B2/C"
    assert_quiet(sim, mount)


# Removed and restored ----------------------------------------------------------------------------

def people(contacts, folder, count):
    for i in range(count):
        (contacts / folder / f"{i}.vcf").write_text(
            card(f"Person Nr{i}", f"EMAIL:person{i}@client.example"))


def with_folder(mount, alice, contacts, count):
    """Folders A/B, `count` designated contacts in B, all in sync; the folder A."""
    upper = made(alice.contacts, "A")
    made(upper, "B")
    mount.sync()
    people(contacts, "A/B", count)
    for path in (contacts / "A" / "B").iterdir():
        os.setxattr(path, "user.tandem.categories", b"CRM")
    mount.sync()
    return upper


def links(folder):
    return {path.name: (*identity(path), os.getxattr(path, "user.tandem.crm-id"))
            for path in folder.iterdir() if path.suffix == ".vcf"}


def test_moved_to_deleted_items_and_restored(sim, mount, alice, contacts):
    upper = with_folder(mount, alice, contacts, 3)
    before = links(contacts / "A" / "B")
    records = sim.records("Contact")
    upper.move(alice.trash)
    mount.sync()
    assert here(contacts) == there(sim) == []
    assert exchange_names(sim) == ["Anna Lind", "Ben Ohlsen"]
    assert sim.records("Contact") == records
    assert_quiet(sim, mount)
    upper.move(alice.contacts)
    mount.sync()
    assert here(contacts) == there(sim) == ["A", "A/B"]
    assert links(contacts / "A" / "B") == before
    mount.sync()
    assert len(sim.records("Contact")) == len(records)
    assert_quiet(sim, mount)


@pytest.mark.parametrize("how", ["restored there", "restored there under another name",
                                 "restore-deletes", "confirm-deletes"])
def test_many_went_with_their_folder(sim, mount, alice, contacts, how):
    upper = with_folder(mount, alice, contacts, 12)
    before = links(contacts / "A" / "B")
    upper.move(alice.trash)
    mount.sync()
    assert links(contacts / "A" / "B") == before
    (batch,) = {row["batch"] for row in mount.ctl_json("deletes")}
    shown = "A"
    if how == "confirm-deletes":
        mount.ctl("deletes", "confirm", batch)
    elif how == "restore-deletes":
        mount.ctl("deletes", "restore", batch)
    else:
        upper.move(alice.contacts)
        if "another" in how:
            rename(upper, "Z")
            shown = "Z"
    mount.sync()
    mount.sync()
    assert mount.ctl_json("deletes") == []
    assert len(sim.records("Contact")) == 12
    if how == "confirm-deletes":
        assert here(contacts) == there(sim) == []
    else:
        assert here(contacts) == there(sim) == [shown, f"{shown}/B"]
        assert links(contacts / shown / "B") == before
        assert len(exchange_contacts(sim)) == 14
    assert_quiet(sim, mount)


def test_removed_here(sim, mount, alice, contacts):
    """rm -r: one folder in Deleted Items, with the other in it."""
    with_folder(mount, alice, contacts, 2)
    shutil.rmtree(contacts / "A")
    mount.sync()
    assert here(contacts) == there(sim) == []
    assert [path for path in exchange_items(sim) if path.startswith("Deleted Items/")] == \
        ["Deleted Items/A", "Deleted Items/A/B"]
    assert_quiet(sim, mount)


def test_removed_here_while_something_came_into_it(sim, mount, alice, contacts):
    made(made(alice.contacts, "A"), "B")
    mount.sync()
    number = (contacts / "A" / "B").stat().st_ino
    os.rmdir(contacts / "A" / "B")
    os.rmdir(contacts / "A")
    next(c for c in alice.contacts.all() if c.display_name == "Anna Lind").move(
        alice.contacts / "A" / "B")
    mount.sync()
    assert here(contacts) == there(sim) == ["A", "A/B"]
    assert (contacts / "A" / "B").stat().st_ino == number
    assert names(contacts / "A" / "B") == ["Anna Lind.vcf"]
    assert_quiet(sim, mount)


def test_removed_here_and_renamed_there(sim, mount, alice, contacts):
    folder = made(alice.contacts, "A")
    mount.sync()
    os.rmdir(contacts / "A")
    rename(folder, "B")
    mount.sync()
    assert here(contacts) == there(sim) == []
    assert_quiet(sim, mount)


def test_removed_there_while_files_came_into_it(sim, mount, alice, contacts):
    """A new file, an edited one and one that was moved here: Exchange gets the folder back for them."""
    upper = with_folder(mount, alice, contacts, 2)
    below = contacts / "A" / "B"
    (below / "jana.vcf").write_text(card("Jana Kunz"))
    edit(below / "0.vcf", "END:VCARD", "TITLE:Dean\r\nEND:VCARD")
    os.rename(contacts / "Anna Lind.vcf", below / "Anna Lind.vcf")
    upper.move(alice.trash)
    mount.sync()
    mount.sync()
    assert here(contacts) == there(sim) == ["A", "A/B"]
    assert names(below) == ["0.vcf", "Anna Lind.vcf", "jana.vcf"]
    assert sorted(c["DisplayName"] for c in exchange_contacts(sim)
                  if c["folder"] == "Contacts/A/B") == ["Anna Lind", "Jana Kunz", "Person Nr0"]
    assert {state(below / name) for name in names(below)} <= {"synced", "conflict"}
    assert_quiet(sim, mount)


def test_made_here_and_removed_there_before_it_was_seen(sim, mount, alice, contacts):
    """No listing ever tells of it."""
    people(contacts, "", 2)
    mount.sync()
    (contacts / "A").mkdir()
    (contacts / "B").mkdir()
    for number, name in enumerate("AB"):
        os.rename(contacts / f"{number}.vcf", contacts / name / f"{number}.vcf")
    mount.sync()
    alice.contacts.refresh()
    (alice.contacts / "A").move(alice.trash)
    (alice.contacts / "B").delete()
    edit(contacts / "B" / "1.vcf", "END:VCARD", "TITLE:Dean\r\nEND:VCARD")
    mount.sync()
    mount.sync()
    assert here(contacts) == there(sim) == ["B"]
    assert exchange_contact(sim, "Person Nr1")["JobTitle"] == "Dean"
    assert names(contacts / "B") == ["1.vcf"]
    assert_quiet(sim, mount)


def test_a_draft_keeps_a_folder_that_went_there(sim, mount, alice, contacts):
    folder = made(made(alice.contacts, "A"), "B")
    mount.sync()
    (contacts / "A" / "B" / "notes.txt").write_text("mine")
    folder.parent.move(alice.trash)
    mount.sync()
    mount.sync()
    assert here(contacts) == there(sim) == ["A", "A/B"]
    assert (contacts / "A" / "B" / "notes.txt").read_text() == "mine"
    assert_quiet(sim, mount)


# The folder that designates ----------------------------------------------------------------------

@pytest.fixture
def designated(sim, mount, contacts):
    """Anna in Salesforce_Sync, and her record's id."""
    path = contacts / "Salesforce_Sync" / "Anna Lind.vcf"
    os.rename(contacts / "Anna Lind.vcf", path)
    mount.sync()
    return path, os.getxattr(path, "user.tandem.crm-id")


@pytest.mark.parametrize("how", ["renamed", "moved", "both"])
def test_it_is_put_back(sim, mount, alice, contacts, designated, how):
    path, link = designated
    before = identity(path)
    alice.contacts.refresh()
    folder = alice.contacts / "Salesforce_Sync"
    other = made(alice.contacts, "Other")
    if how in ("renamed", "both"):
        rename(folder, "My customers")
    if how in ("moved", "both"):
        folder.move(other)
    mount.sync()
    assert there(sim) == here(contacts) == ["Other"]
    assert identity(path) == before
    assert os.getxattr(path, "user.tandem.crm-id") == link
    assert state(path) == "synced"
    assert "Salesforce_Sync again" in log(contacts)
    assert_quiet(sim, mount)


def test_another_folder_has_its_name(sim, mount, alice, contacts, designated):
    """Then that one designates; what lies in the former is unlinked, and both sides keep it."""
    alice.contacts.refresh()
    former = alice.contacts / "Salesforce_Sync"
    rename(former, "My customers")
    new = made(alice.contacts, "Salesforce_Sync")
    next(c for c in alice.contacts.all() if c.display_name == "Ben Ohlsen").move(new)
    mount.sync()
    mount.sync()
    assert here(contacts) == ["My customers"]
    anna = contacts / "My customers" / "Anna Lind.vcf"
    with pytest.raises(OSError):
        os.getxattr(anna, "user.tandem.crm-id")
    assert sorted(row["LastName"] for row in sim.records("Contact")) == ["Lind", "Ohlsen"]
    assert "does not designate any more" in log(contacts)
    assert_quiet(sim, mount)


@pytest.mark.sim(seed=seed([person("Anna", "Lind", folder="salesforce_sync")]))
def test_it_was_made_there_in_another_case(sim, mount, contacts):
    """To Exchange that is the same name; scripts find the directory under ours."""
    assert os.listdir(contacts) == ["Salesforce_Sync"]
    assert [path for path in exchange_items(sim) if path.lower().endswith("salesforce_sync")] == \
        ["Contacts/Salesforce_Sync"]
    assert len(sim.records("Contact")) == 1
    assert_quiet(sim, mount)


@pytest.mark.parametrize("taken", [False, True])
def test_the_configuration_names_another(sim, mount, contacts, designated, taken):
    """The folder gets the new name; one that has it already takes over."""
    path, link = designated
    if taken:
        (contacts / "CRM").mkdir()
        mount.sync()
    mount.stop()
    mount.configure({**NOW, 'policy "default"': {"folder": "CRM"}})
    mount.start()
    mount.sync()
    assert ("Contacts/Salesforce_Sync" in exchange_items(sim)) == taken
    assert names(contacts / "CRM") == ([] if taken else ["Anna Lind.vcf"])
    if not taken:
        assert os.getxattr(contacts / "CRM" / "Anna Lind.vcf", "user.tandem.crm-id") == link
    assert len(sim.records("Contact")) == 1
    assert_quiet(sim, mount)


def test_it_is_deleted_and_made_again(sim, mount, alice, contacts, designated):
    alice.contacts.refresh()
    (alice.contacts / "Salesforce_Sync").move(alice.trash)
    mount.sync()
    mount.sync()
    assert names(contacts / "Salesforce_Sync") == []
    assert "Contacts/Salesforce_Sync" in exchange_items(sim)
    assert len(sim.records("Contact")) == 1
    assert_quiet(sim, mount)
