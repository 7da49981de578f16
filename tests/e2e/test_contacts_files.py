"""Contacts made, edited, moved and deleted as files, by the programs that people use: Exchange has it,
field by field, as exchangelib and the simulator's own state tell."""
import os
import pprint

import pytest
from contact_rows import ROWS, card, in_exchange, normal, properties
from exchange import contacts_of, get_value
from tools import json_rename, json_write, run, sed_add, sed_drop, vim

ALICE = "alice.moreau@corp.example"


@pytest.fixture
def alice(exchange):
    return exchange("alice")


@pytest.fixture
def contacts(mount):
    return mount.mailbox("alice") / "Contacts"


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
        for n, (row, before, after) in enumerate(changes):
            path = self.contacts.parent / ".json" / "Contacts" / f"{row.title}.json"
            program = row.place.delete if after is None else row.place.set
            variables = {} if after is None else {"v": row.to_json(after)}
            if (n + (before is None)) % 2:
                json_rename(path, program, **variables)
            else:
                json_write(path, program, self.scratch / "json", **variables)


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


@pytest.mark.parametrize("tool", [Cp, Rename, Sed, Vim, VimYes, VimNo, VimBreakHardlink,
                                  VimBreakSymlink, Jq], ids=lambda tool: tool.__name__)
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
