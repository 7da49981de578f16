"""What a colleague does to a contact in Outlook shows in the files: exchangelib acts, files are read."""
import os
import pprint
import stat

import pytest
import vobject
from contact_rows import ROWS, escape, normal, properties, property_value
from ews_raw import RawEws
from exchange import edit, emails, new_contact, set_value, subfolder
from exchangelib import Contact
from exchangelib.folders import Contacts
from tools import jq_each

ALICE = "alice.moreau@corp.example"


# Every row ------------------------------------------------------------------------------------


def update_all(sim, account, items, value_of):
    """One batch of UpdateItem; exchangelib knows no ImAddresses, so these go by hand."""
    raw = RawEws(sim, impersonate="alice")
    batch = []
    for row in ROWS:
        item, value = items[row.name], value_of(row)
        if row.exchange:
            set_value(item, row.exchange, row.to_exchange(value))
            batch.append((item, [row.exchange[0]]))
            continue
        where = f'<t:IndexedFieldURI FieldURI="contacts:ImAddress" FieldIndex="{row.name}"/>'
        entry = (f'<t:Contact><t:ImAddresses><t:Entry Key="{row.name}">{value}</t:Entry>'
                 "</t:ImAddresses></t:Contact>")
        answer = raw.update(item.id, None,
                            f"<t:SetItemField>{where}{entry}</t:SetItemField>" if value else
                            f"<t:DeleteItemField>{where}</t:DeleteItemField>",
                            resolution="AlwaysOverwrite")
        assert answer.codes == ["NoError"], answer.text
    for (item, _), done in zip(batch, account.bulk_update(batch)):
        item.changekey = done[1]


def differences(contacts, value_of):
    """{row: (what the file says, what it should say)} where they are not the same."""
    wrong = {}
    documents = contacts.parent / ".json" / "Contacts"
    shown = jq_each([(documents / f"{row.title}.json", row.place.get) for row in ROWS])
    for row, found in zip(ROWS, shown):
        value = value_of(row)
        document = row.from_json(found[0]) if found else None
        if document != value:
            wrong[row.name, "json"] = (document, value)
        expected = [normal(line) for line in row.lines(value)]
        lines = properties(contacts / f"{row.title}.vcf", normal(row.vcard)[0])
        if lines != expected:
            wrong[row.name, "vcf"] = (lines, expected)
    return wrong


def test_every_row_shows_in_the_file(sim, mount, alice, contacts):
    made = [Contact(display_name=row.title, folder=alice.contacts) for row in ROWS]
    ids = alice.bulk_create(alice.contacts, made)
    items = {row.name: item for row, item in zip(ROWS, alice.fetch(ids=ids))}
    mount.sync()
    stages = {"set": lambda row: row.first, "changed": lambda row: row.second,
              "emptied": lambda row: row.second if not row.can_be_empty else None}
    wrong = {}
    for stage, value_of in stages.items():
        update_all(sim, alice, items, value_of)
        mount.sync()
        wrong.update({(stage, row): what
                      for row, what in differences(contacts, value_of).items()})
    assert not wrong, pprint.pformat(wrong)


# Made, edited, moved, deleted -----------------------------------------------------------------


def names(directory):
    return sorted(entry.name for entry in os.scandir(directory) if entry.is_file())


def test_made(mount, alice, contacts):
    new_contact(alice, "Anna Lindqvist", given_name="Anna", surname="Lindqvist",
                email_addresses=emails("anna@acme.example"), job_title="Buyer")
    mount.sync()
    assert names(contacts) == ["Anna Lindqvist.vcf"]
    path = contacts / "Anna Lindqvist.vcf"
    parsed = vobject.readOne(path.read_bytes().decode())
    assert (parsed.fn.value, parsed.email.value, parsed.title.value) == \
        ("Anna Lindqvist", "anna@acme.example", "Buyer")
    assert (parsed.n.value.family, parsed.n.value.given) == ("Lindqvist", "Anna")
    found = path.stat()
    assert stat.filemode(found.st_mode) == "-rw-------"
    assert found.st_size == len(path.read_bytes())
    assert os.getxattr(path, "user.tandem.state") == b"synced"
    assert os.getxattr(path, "user.tandem.uid").decode() == parsed.uid.value
    assert os.listxattr(path) == []


def test_edited_is_a_new_file_of_the_same_name(mount, alice, contacts):
    contact = new_contact(alice, "Anna Lindqvist", job_title="Buyer")
    new_contact(alice, "Bert Berg")
    mount.sync()
    path = contacts / "Anna Lindqvist.vcf"
    before, other = path.stat(), (contacts / "Bert Berg.vcf").stat()
    former = path.read_bytes()
    with open(path, "rb") as held:
        assert held.read(5) == b"BEGIN"
        edit(contact, job_title="Head of Buying", display_name="Anna Berg")
        mount.sync()
        after = path.stat()
        assert os.fstat(held.fileno()).st_ino == before.st_ino
        assert b"BEGIN" + held.read() == former
        held.seek(0)
        assert held.read() == former
    assert after.st_ino != before.st_ino
    assert after.st_mtime_ns >= before.st_mtime_ns + 10**9
    assert after.st_ctime_ns > before.st_ctime_ns
    assert property_value(path, "TITLE") == "Head of Buying"
    assert property_value(path, "FN") == "Anna Berg"
    assert names(contacts) == ["Anna Lindqvist.vcf", "Bert Berg.vcf"]  # a name is for ever
    assert (contacts / "Bert Berg.vcf").stat() == other

    edit(contact, job_title="Head of Buying II")
    mount.sync()
    assert path.stat().st_ino not in (before.st_ino, after.st_ino)
    assert path.stat().st_mtime_ns >= after.st_mtime_ns + 10**9


def test_a_change_that_files_do_not_show_changes_no_file(mount, alice, contacts):
    contact = new_contact(alice, "Anna Lindqvist", job_title="Buyer")
    mount.sync()
    before = (contacts / "Anna Lindqvist.vcf").stat()
    edit(contact, importance="High", mileage="42")
    mount.sync()
    assert (contacts / "Anna Lindqvist.vcf").stat() == before


def test_moved_keeps_number_and_name(mount, alice, contacts):
    contact = new_contact(alice, "Anna Lindqvist", job_title="Buyer")
    other = Contacts(parent=alice.contacts, name="Partners")
    other.save()
    mount.sync()
    os.rename(contacts / "Anna Lindqvist.vcf", contacts / "mine.vcf")
    mount.sync()
    contact = next(iter(alice.contacts.all()))
    before, content = (contacts / "mine.vcf").stat(), (contacts / "mine.vcf").read_bytes()
    folders = {"Salesforce_Sync": subfolder(alice, "Salesforce_Sync"), "Partners": other,
               "": alice.contacts}
    for name in "Salesforce_Sync", "Partners", "":
        contact.move(folders[name])
        mount.sync()
        after = (contacts / name / "mine.vcf").stat()
        assert (after.st_ino, after.st_mtime_ns, after.st_size) == \
            (before.st_ino, before.st_mtime_ns, before.st_size), name
        assert (contacts / name / "mine.vcf").read_bytes() == content
        assert {where: names(contacts / where) for where in folders} == \
            {where: ["mine.vcf"] if where == name else [] for where in folders}


def test_moved_twice_and_edited_in_between(mount, alice, contacts):
    contact = new_contact(alice, "Anna Lindqvist", job_title="Buyer")
    mount.sync()
    uid = os.getxattr(contacts / "Anna Lindqvist.vcf", "user.tandem.uid")
    other = Contacts(parent=alice.contacts, name="Partners")
    other.save()
    contact.move(subfolder(alice, "Salesforce_Sync"))
    edit(contact, job_title="Seller")
    contact.move(other)
    mount.sync()
    path = contacts / "Partners" / "Anna Lindqvist.vcf"
    assert names(contacts) == names(contacts / "Salesforce_Sync") == []
    assert property_value(path, "TITLE") == "Seller"
    assert os.getxattr(path, "user.tandem.uid") == uid


def test_moved_onto_a_name_that_is_taken(mount, alice, contacts):
    one = new_contact(alice, "Anna Lindqvist", job_title="One")
    new_contact(alice, "Anna Lindqvist", folder=subfolder(alice, "Salesforce_Sync"),
                job_title="Two")
    mount.sync()
    one.move(subfolder(alice, "Salesforce_Sync"))
    mount.sync()
    folder = contacts / "Salesforce_Sync"
    assert names(contacts) == []
    assert {name: property_value(folder / name, "TITLE")
            for name in names(folder)} == {"Anna Lindqvist.vcf": "Two",
                                           "Anna Lindqvist (2).vcf": "One"}


@pytest.mark.parametrize("how", ["delete", "soft_delete", "move_to_trash"])
def test_deleted(mount, alice, contacts, how):
    contact = new_contact(alice, "Anna Lindqvist")
    new_contact(alice, "Bert Berg")
    mount.sync()
    path = contacts / "Anna Lindqvist.vcf"
    content = path.read_bytes()
    with open(path, "rb") as held:
        getattr(contact, how)()
        mount.sync()
        assert names(contacts) == ["Bert Berg.vcf"]
        assert not path.exists()
        assert held.read() == content
    assert os.listdir(mount.mailbox("alice") / ".sync" / "lost+found") == []


@pytest.mark.parametrize("how", ["made", "moved"])
def test_deleted_before_a_pull_showed_it(mount, alice, contacts, how):
    """SyncFolderItems does not tell of an item that came into a folder and went since the cursor."""
    folder = subfolder(alice, "Salesforce_Sync")
    if how == "moved":
        new_contact(alice, "Anna Lindqvist")
        mount.sync()
        os.rename(contacts / "Anna Lindqvist.vcf", contacts / "Salesforce_Sync" / "anna.vcf")
    else:
        (contacts / "Salesforce_Sync" / "anna.vcf").write_text(
            "BEGIN:VCARD\nVERSION:4.0\nFN:Anna Lindqvist\nEND:VCARD\n")
    mount.sync()
    (item,) = folder.all()
    item.move_to_trash()
    mount.sync()
    assert names(contacts / "Salesforce_Sync") == names(contacts) == []


def test_names_of_files(mount, alice, contacts):
    made = ["Anna Lindqvist", "AC/DC", ".hidden", "..", "tab\tand\u0007bell", "ß" * 200, " "]
    for name in made:
        new_contact(alice, name)
    new_contact(alice, "Anna Lindqvist", job_title="the second")
    mount.sync()
    found = names(contacts)
    assert len(found) == len(made) + 1
    assert {"Anna Lindqvist.vcf", "Anna Lindqvist (2).vcf"} <= set(found)
    shown = {}
    for name in found:
        assert name.endswith(".vcf") and not name.startswith(".")
        assert len(os.fsencode(name)) <= 255
        assert not any(character < " " or character in "/\x7f" for character in name)
        full = property_value(contacts / name, "FN")
        shown.setdefault(full, []).append(name)
    assert len(shown["AC/DC"]) == len(shown["ß" * 200]) == len(shown[".hidden"]) == 1
    assert shown["ß" * 200][0] == "ß" * 125 + ".vcf"


def test_a_copy_is_another_contact(mount, alice, contacts):
    contact = new_contact(alice, "Anna Lindqvist", job_title="Buyer")
    mount.sync()
    before = (contacts / "Anna Lindqvist.vcf").stat()
    uid = os.getxattr(contacts / "Anna Lindqvist.vcf", "user.tandem.uid")
    contact.copy(alice.contacts)
    mount.sync()
    assert (contacts / "Anna Lindqvist.vcf").stat() == before
    assert names(contacts) == ["Anna Lindqvist (2).vcf", "Anna Lindqvist.vcf"]
    assert os.getxattr(contacts / "Anna Lindqvist.vcf", "user.tandem.uid") == uid
    assert os.getxattr(contacts / "Anna Lindqvist (2).vcf", "user.tandem.uid") != uid


def test_folders_of_other_programs(mount, alice, contacts):
    parent = Contacts(parent=alice.contacts, name="Customers")
    parent.save()
    child = Contacts(parent=parent, name="North")
    child.save()
    new_contact(alice, "Anna Lindqvist", folder=child)
    mount.sync()
    path = contacts / "Customers" / "North" / "Anna Lindqvist.vcf"
    number = path.stat().st_ino
    parent.name = "Clients"
    parent.save(update_fields=["name"])
    mount.sync()
    assert not (contacts / "Customers").exists()
    assert (contacts / "Clients" / "North" / "Anna Lindqvist.vcf").stat().st_ino == number


def test_a_change_while_a_program_writes_waits(mount, alice, contacts):
    contact = new_contact(alice, "Anna Lindqvist", job_title="Buyer")
    mount.sync()
    path = contacts / "Anna Lindqvist.vcf"
    content = path.read_bytes()
    with open(path, "r+b") as writer:
        edit(contact, job_title="Seller")
        mount.sync()
        assert path.read_bytes() == content
        writer.write(content.replace(b"END:VCARD", b"ROLE:Trader\r\nEND:VCARD"))
    mount.sync()
    assert property_value(path, "TITLE") == "Seller"
    assert property_value(path, "ROLE") == "Trader"
    contact = alice.contacts.get(id=contact.id)
    assert (contact.job_title, contact.profession) == ("Seller", "Trader")


LONG = ("Träffades på mässan; ringer hellre än hon skriver, 話すほうが好き — \\ \"citat\" <b>, "
        "émoji 👩🏽‍💼.\n\n\tIndragen rad\n") * 20


def test_long_texts_are_folded(mount, alice, contacts):
    """RFC 6350 section 3.2: at most 75 octets a line, and no character in two."""
    contact = new_contact(alice, "Anna Lindqvist", body=LONG.strip().replace("\n", "\r\n"))
    mount.sync()
    path = contacts / "Anna Lindqvist.vcf"
    lines = path.read_bytes().split(b"\r\n")
    assert len(lines) > 30 and max(map(len, lines)) <= 75
    for line in lines:
        line.decode()
    assert property_value(path, "NOTE") == escape(LONG.strip())
    assert vobject.readOne(path.read_bytes().decode()).note.value == LONG.strip()

    path.write_bytes(path.read_bytes().replace(b"END:VCARD", b"ROLE:Trader\r\nEND:VCARD"))
    mount.sync()
    contact = alice.contacts.get(id=contact.id)
    assert contact.profession == "Trader"
    assert contact.body == LONG.strip().replace("\n", "\r\n")
