"""Contacts made, edited, moved and deleted as files, by the programs that people use: Exchange has it,
field by field, as exchangelib and the simulator's own state tell."""
import json
import os
import pprint
import re

import pytest
from contact_rows import ROWS, card, in_exchange, property_value
from exchange import contacts_of, get_value
from scale import amount
from tools import jq_each, run, sed_add, sed_drop, vim

ALICE = "alice.moreau@corp.example"


# Every row ------------------------------------------------------------------------------------


class Cp:
    """cp over the file"""

    def __init__(self, contacts, scratch):
        self.contacts, self.scratch = contacts, scratch

    def make(self, row):
        self.put(row, None)

    def put(self, row, value):
        source = self.scratch / "card"
        source.write_bytes(card(row, value).encode())
        run("cp", source, self.contacts / f"{row.title}.vcf")

    def edit(self, changes):
        """changes: [(row, value before, value after)]"""
        for row, _, after in changes:
            self.put(row, after)


class Rename(Cp):
    """a new file under a draft's name, renamed over the old one"""

    def put(self, row, value):
        draft = self.contacts / f".{row.title}.tmp"
        draft.write_bytes(card(row, value).encode())
        run("mv", draft, self.contacts / f"{row.title}.vcf")


class Sed(Cp):
    """sed -i"""

    def edit(self, changes):
        for row, before, after in changes:
            drop = [sed_drop(line) for line in row.lines(before)]
            add = [sed_add(line) for line in row.lines(after)]
            run("sed", "-i", *(word for command in drop + add for word in ("-e", command)),
                self.contacts / f"{row.title}.vcf")


class Vim(Cp):
    backupcopy = "auto"

    def edit(self, changes):
        vim({self.contacts / f"{row.title}.vcf":
             {"drop": row.lines(before), "add": row.lines(after)}
             for row, before, after in changes}, self.backupcopy, self.scratch)


class VimYes(Vim):
    backupcopy = "yes"


class VimNo(Vim):
    backupcopy = "no"


class VimBreakHardlink(Vim):
    backupcopy = "auto,breakhardlink"


class VimBreakSymlink(Vim):
    backupcopy = "yes,breaksymlink"


class Jq(Cp):
    """jq on .json/, by a new file that is renamed and by writing the file itself"""

    def edit(self, changes):
        documents = self.contacts.parent / ".json" / "Contacts"
        paths = [documents / f"{row.title}.json" for row, _, _ in changes]
        edited = jq_each([(path, row.place.delete if after is None else row.place.set)
                          for path, (row, _, after) in zip(paths, changes)],
                         [row.to_json(after) if after is not None else None
                          for row, _, after in changes])
        for n, (path, (document,), (_, before, _)) in enumerate(zip(paths, edited, changes)):
            if (n + (before is None)) % 2:
                draft = path.with_name(f"{path.name}.new")
                draft.write_text(json.dumps(document))
                os.rename(draft, path)
            else:
                path.write_text(json.dumps(document))


def read_exchange(sim, account, ids):
    """{row: {name: value}} of each row's contact: all that Exchange holds of the table."""
    states = {item["id"]: item["properties"] for folder in
              sim.state("exchange")["exchange"]["mailboxes"][ALICE]["folders"]
              for item in folder["items"]}
    held = {}
    for (name, item_id), contact in zip(ids.items(), account.fetch(
            ids=[(item_id, None) for item_id in ids.values()])):
        held[name] = {}
        for row in ROWS:
            value = get_value(contact, row.exchange) if row.exchange \
                else states[item_id].get(row.state)
            if value is not None and (row.name, value) != ("Sensitivity", "Normal"):
                held[name][row.name] = value
    return held


@pytest.mark.parametrize("tool", [Sed, Jq] +
                         amount([Cp, Rename, Vim, VimYes, VimNo, VimBreakHardlink, VimBreakSymlink], []),
                         ids=lambda tool: tool.__name__)
def test_every_row_arrives_in_exchange(sim, mount, alice, contacts, tmp_path, tool):
    editor = tool(contacts, tmp_path)
    rows = [row for row in ROWS if row.name != "DisplayName"]  # its card needs an FN at once
    for row in rows:
        editor.make(row)
    mount.sync()
    made = contacts_of(alice.contacts)
    assert sorted(made) == sorted(row.title for row in rows)
    ids = {row.name: made[row.title].id for row in rows}
    wrong, before = {}, {row.name: None for row in rows}
    for stage in "first", "second", None:
        after = {row.name: getattr(row, stage) if stage else None for row in rows}
        editor.edit([(row, before[row.name], after[row.name]) for row in rows])
        mount.sync()
        held = read_exchange(sim, alice, ids)
        for row in rows:
            should = in_exchange(row, after[row.name])
            if held[row.name] != should:
                wrong[stage, row.name] = (held[row.name], should)
        before = after
    assert not wrong, pprint.pformat(wrong)
    assert os.listdir(mount.mailbox("alice") / ".sync" / "conflicts") == []
    assert {name: contact.id for name, contact in contacts_of(alice.contacts).items()} == \
        {row.title: ids[row.name] for row in rows}


# Made, edited, moved, deleted -----------------------------------------------------------------

ANNA = """BEGIN:VCARD
VERSION:4.0
UID:4fbe8971-0bc3-424c-9c26-36c3e1eff6b1
FN:Anna Lindqvist
N:Lindqvist;Anna;;;
EMAIL:anna@acme.example
TITLE:Buyer
X-FAVOURITE-COLOUR:green
END:VCARD
""".replace("\n", "\r\n")


def held(sim, address=ALICE):
    """{folder: [DisplayName]} of a mailbox's contacts."""
    box = sim.state("exchange")["exchange"]["mailboxes"][address]
    return {folder["path"]: sorted(item["properties"].get("DisplayName", "")
                                   for item in folder["items"])
            for folder in box["folders"] if folder["items"]}


def the_item(sim, path="Contacts", address=ALICE):
    box = sim.state("exchange")["exchange"]["mailboxes"][address]
    (item,) = [item for folder in box["folders"] if folder["path"] == path
               for item in folder["items"]]
    return item


def made_by_cp(contacts, scratch):
    (scratch / "source.vcf").write_bytes(ANNA.encode())
    run("cp", scratch / "source.vcf", contacts / "anna.vcf")


def made_by_rename(contacts, scratch):
    (contacts / "anna.vcf.tmp").write_bytes(ANNA.encode())
    run("mv", contacts / "anna.vcf.tmp", contacts / "anna.vcf")


def made_by_link(contacts, scratch):
    (contacts / ".anna.tmp").write_bytes(ANNA.encode())
    os.link(contacts / ".anna.tmp", contacts / "anna.vcf")
    os.unlink(contacts / ".anna.tmp")


def made_by_shell(contacts, scratch):
    (scratch / "source.vcf").write_bytes(ANNA.encode())
    run("sh", "-c", 'while IFS= read -r line; do printf "%s\\n" "$line"; done < "$1" > "$2"', "sh",
        scratch / "source.vcf", contacts / "anna.vcf")


def made_by_vim(contacts, scratch):
    script = scratch / "make.vim"
    lines = ", ".join(f"'{line}'" for line in ANNA.split("\r\n")[:-1])
    script.write_text(f"edit {contacts}/anna.vcf\nset fileformat=dos\n"
                      f"call setline(1, [{lines}])\nwrite\nquit\n")
    run("vim", "-es", "-u", "NONE", "-i", "NONE", "-S", script)


def made_by_jq(contacts, scratch):
    program = """{"@type": "Card", version: "1.0", uid: "4fbe8971-0bc3-424c-9c26-36c3e1eff6b1",
        name: {full: "Anna Lindqvist", components: [{kind: "given", value: "Anna"},
                                                    {kind: "surname", value: "Lindqvist"}]},
        emails: {e1: {address: "anna@acme.example"}}, titles: {t1: {name: "Buyer"}}}"""
    run("sh", "-c", 'jq -n "$1" > "$2"', "sh", program,
        contacts.parent / ".json" / "Contacts" / "anna.json")


@pytest.mark.parametrize("make", [made_by_cp, made_by_rename, made_by_link, made_by_shell,
                                  made_by_vim, made_by_jq], ids=lambda make: make.__name__)
def test_made(sim, mount, alice, contacts, tmp_path, make):
    make(contacts, tmp_path)
    before, content = (contacts / "anna.vcf").stat(), (contacts / "anna.vcf").read_bytes()
    assert make is made_by_jq or content == ANNA.encode()
    assert held(sim) == {}
    mount.sync()
    (contact,) = alice.contacts.all()
    contact = alice.contacts.get(id=contact.id)
    assert (contact.display_name, contact.given_name, contact.surname, contact.job_title) == \
        ("Anna Lindqvist", "Anna", "Lindqvist", "Buyer")
    assert [(entry.label, entry.email) for entry in contact.email_addresses] == \
        [("EmailAddress1", "anna@acme.example")]
    assert the_item(sim)["class"] == "IPM.Contact"
    # What a user wrote he reads back, in the file that he made.
    after = (contacts / "anna.vcf").stat()
    assert (contacts / "anna.vcf").read_bytes() == content
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert os.getxattr(contacts / "anna.vcf", "user.tandem.state") == b"synced"
    assert os.getxattr(contacts / "anna.vcf", "user.tandem.uid") == \
        b"4fbe8971-0bc3-424c-9c26-36c3e1eff6b1"
    assert os.getxattr(contacts / "anna.vcf", "user.tandem.exchange-id").decode() == contact.id
    mount.sync()
    assert held(sim) == {"Contacts": ["Anna Lindqvist"]}


def test_only_what_changed_is_sent(sim, mount, alice, contacts, tmp_path):
    made_by_cp(contacts, tmp_path)
    mount.sync()
    sim.record(tmp_path / "recorded")
    run("sed", "-i", "s/^TITLE:Buyer/TITLE:Seller/", contacts / "anna.vcf")
    mount.sync()
    sim.record(None)
    requests = [path.read_text() for path in (tmp_path / "recorded").iterdir()
                if "UpdateItem>" in path.read_text() and "<m:UpdateItem " in path.read_text()]
    assert len(requests) == 1
    assert re.findall(r'<t:SetItemField><t:FieldURI FieldURI="([^"]*)"', requests[0]) == \
        ["contacts:JobTitle"]
    assert requests[0].count("<t:SetItemField>") == 1 and "DeleteItemField" not in requests[0]
    (contact,) = alice.contacts.all()
    assert contact.job_title == "Seller"


def test_what_exchange_does_not_know_stays_in_the_file(sim, mount, alice, contacts, tmp_path):
    made_by_cp(contacts, tmp_path)
    mount.sync()
    (contact,) = alice.contacts.all()
    contact.job_title = "Seller"
    contact.save(update_fields=["job_title"])
    mount.sync()
    path = contacts / "anna.vcf"
    assert property_value(path, "TITLE") == "Seller"
    assert property_value(path, "X-FAVOURITE-COLOUR") == "green"
    assert property_value(path, "UID") == "4fbe8971-0bc3-424c-9c26-36c3e1eff6b1"


@pytest.mark.mount(config={"sync": {"remove-quiet": "0"}})
def test_moved_by_mv_is_moved_in_exchange(sim, mount, alice, contacts, tmp_path):
    made_by_cp(contacts, tmp_path)
    mount.sync()
    item = the_item(sim)
    before = (contacts / "anna.vcf").stat()
    (contacts / "Partners").mkdir()
    for folder in "Salesforce_Sync", "Partners", "":
        sim.reset_counters()
        (source,) = contacts.rglob("anna.vcf")
        run("mv", source, contacts / folder / "anna.vcf")
        mount.sync()
        where = f"Contacts/{folder}".rstrip("/")
        moved = the_item(sim, where)
        assert moved["search_key"] == item["search_key"]
        assert held(sim) == {where: ["Anna Lindqvist"]}
        operations = sim.counters()["operations"]
        assert operations["MoveItem"] == 1
        assert "CreateItem" not in operations and "DeleteItem" not in operations
        after = (contacts / folder / "anna.vcf").stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
        assert [str(path.relative_to(contacts)) for path in contacts.rglob("*.vcf")] == \
            [os.path.join(folder, "anna.vcf")]


@pytest.mark.mount(config={"sync": {"remove-quiet": "0"}})
def test_moved_and_edited_at_once(sim, mount, alice, contacts, tmp_path):
    made_by_cp(contacts, tmp_path)
    mount.sync()
    key = the_item(sim)["search_key"]
    run("mv", contacts / "anna.vcf", contacts / "Salesforce_Sync" / "lindqvist.vcf")
    run("sed", "-i", "s/^TITLE:Buyer/TITLE:Seller/", contacts / "Salesforce_Sync/lindqvist.vcf")
    mount.sync()
    moved = the_item(sim, "Contacts/Salesforce_Sync")
    assert moved["search_key"] == key
    assert moved["properties"]["JobTitle"] == "Seller"
    assert held(sim) == {"Contacts/Salesforce_Sync": ["Anna Lindqvist"]}


def test_another_name_is_no_change_of_the_contact(sim, mount, alice, contacts, tmp_path):
    made_by_cp(contacts, tmp_path)
    mount.sync()
    item = the_item(sim)
    run("mv", contacts / "anna.vcf", contacts / "Anna from Acme.vcf")
    mount.sync()
    after = the_item(sim)
    assert (after["id"], after["properties"]) == (item["id"], item["properties"])
    (contact,) = alice.contacts.all()
    contact.job_title = "Seller"
    contact.save(update_fields=["job_title"])
    mount.sync()
    assert [path.name for path in contacts.glob("*.vcf")] == ["Anna from Acme.vcf"]
    assert property_value(contacts / "Anna from Acme.vcf", "TITLE") == "Seller"


@pytest.mark.mount(config={"sync": {"remove-quiet": "0"}})
def test_deleted(sim, mount, alice, contacts, tmp_path):
    made_by_cp(contacts, tmp_path)
    mount.sync()
    item = the_item(sim)
    run("rm", contacts / "anna.vcf")
    assert held(sim) == {"Contacts": ["Anna Lindqvist"]}
    mount.sync()
    assert held(sim) == {"Deleted Items": ["Anna Lindqvist"]}
    assert the_item(sim, "Deleted Items")["search_key"] == item["search_key"]
    mount.sync()
    assert list(contacts.glob("*.vcf")) == []
    assert held(sim) == {"Deleted Items": ["Anna Lindqvist"]}


def test_deleted_and_written_again_within_the_quiet_time(sim, mount, alice, contacts, tmp_path):
    made_by_cp(contacts, tmp_path)
    mount.sync()
    item = the_item(sim)
    run("rm", contacts / "anna.vcf")
    (contacts / "anna.vcf").write_bytes(ANNA.replace("Buyer", "Seller").encode())
    mount.sync()
    after = the_item(sim)
    assert after["id"] == item["id"]
    assert after["properties"]["JobTitle"] == "Seller"
    assert held(sim) == {"Contacts": ["Anna Lindqvist"]}


@pytest.mark.mount(config={"sync": {"remove-quiet": "0"}})
def test_another_uid_is_another_contact(sim, mount, alice, contacts, tmp_path):
    made_by_cp(contacts, tmp_path)
    mount.sync()
    other = ANNA.replace("4fbe8971", "11111111").replace("Anna", "Bert")
    (contacts / "anna.vcf").write_bytes(other.encode())
    mount.sync()
    mount.sync()
    assert held(sim) == {"Contacts": ["Bert Lindqvist"], "Deleted Items": ["Anna Lindqvist"]}
    assert (contacts / "anna.vcf").read_bytes() == other.encode()


@pytest.mark.mount(config={"sync": {"remove-quiet": "0"}})
def test_moved_to_another_mailbox(sim, mount, alice, exchange, contacts, tmp_path):
    made_by_cp(contacts, tmp_path)
    mount.sync()
    run("mv", contacts / "anna.vcf", mount.mailbox("bob") / "Contacts")
    mount.sync()
    assert held(sim) == {"Deleted Items": ["Anna Lindqvist"]}
    (contact,) = exchange("bob").contacts.all()
    assert (contact.display_name, contact.job_title) == ("Anna Lindqvist", "Buyer")
    assert list(contacts.glob("*.vcf")) == []


def test_a_draft_is_never_sent(sim, mount, contacts, tmp_path):
    for name in "anna.txt", ".anna.vcf", "anna.vcf~", "anna.vcf.swp":
        (contacts / name).write_bytes(ANNA.encode())
    mount.sync()
    assert held(sim) == {}
    assert (contacts / "anna.txt").read_bytes() == ANNA.encode()
    run("mv", contacts / "anna.txt", contacts / "anna.vcf")
    mount.sync()
    assert held(sim) == {"Contacts": ["Anna Lindqvist"]}
