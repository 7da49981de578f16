"""Editors that hold a copy while colleagues go on: what they did not touch is not reverted, what their copy
left out is in a conflict file, and what both changed is the editor's, with the other value kept."""
import json

import pytest

from cycles import assert_nothing_written
from exchange import contacts_of, phones
from exchange import edit as change
from scene import conflicts, crm_contact, exchange_contact, exchange_names, names, person, seed
from simulator import wait_for
from terminal import Terminal
from tools import run

ANNA = person("Anna", "Lind", JobTitle="Buyer", Department="Paper", CompanyName="Lind Papier",
              MobilePhone="+49 171 1", Body="Calls before ten.", Categories=["CRM"])
pytestmark = pytest.mark.sim(seed=seed([ANNA]))


class Vim:
    """how: its options for saving; left to itself it makes no backup of what lies below /tmp."""

    def __init__(self, path, scratch, how):
        self.screen = Terminal("vim", "-u", "NONE", "-i", "NONE", "-N", "--cmd",
                               f"set backupskip= {how}", path)

    def __enter__(self):
        self.screen.__enter__()
        self.screen.wait_for("END:VCARD")
        return self

    def __exit__(self, *what):
        self.screen.__exit__(*what)

    def replace(self, old, new):
        self.screen.type(f":%s/{old}/{new}/\r")
        self.screen.wait_for(new)

    def save(self):
        """It asks when it finds the file older than the one that stands there."""
        self.screen.type(":w!\r")
        if self.screen.wait_for_one_of("(y/n)?", "written") != "written":
            self.screen.type("y")
            self.screen.wait_for("written")

    def leave(self):
        self.screen.type(":q!\r")
        self.screen.wait()


class Nano:
    def __init__(self, path, scratch):
        self.screen = Terminal("nano", "--ignorercfiles", "--nowrap", path, HOME=str(scratch))

    def __enter__(self):
        self.screen.__enter__()
        self.screen.wait_for("Exit")
        return self

    def __exit__(self, *what):
        self.screen.__exit__(*what)

    def replace(self, old, new):
        self.screen.type("\x1c")
        self.screen.wait_for("(to replace)")
        self.screen.type(f"{old}\r")
        self.screen.wait_for("Replace with")
        self.screen.type(f"{new}\r")
        self.screen.wait_for("this instance?")
        self.screen.type("a")
        self.screen.wait_for("Replaced 1 occurrence")

    def save(self):
        self.screen.type("\x13")
        shown = self.screen.wait_for_one_of("Wrote", "continue saving")
        if shown != "Wrote":
            self.screen.type("y")
            self.screen.wait_for("Wrote")

    def leave(self):
        self.screen.type("\x18")
        self.screen.wait()


EDITORS = {
    "vim in place": lambda path, scratch: Vim(path, scratch, "backupcopy=yes nowritebackup"),
    "vim that copies and saves in place": lambda path, scratch: Vim(path, scratch, "backupcopy=yes writebackup"),
    "vim by rename": lambda path, scratch: Vim(path, scratch, "backupcopy=no writebackup"),
    "nano": Nano,
}


@pytest.fixture(params=EDITORS.values(), ids=EDITORS.keys())
def open_editor(request, tmp_path):
    return lambda path: request.param(path, tmp_path)


def losers(box):
    """[(winner, losing value)] of all conflict records, as text: values may be lists and objects."""
    return [(json.dumps(field["winner"]), json.dumps(one["value"])) for record in conflicts(box)
            for field in record["fields"] for one in field["losers"]]


def has(found, winner, loser):
    return any(winner in one and loser in other for one, other in found)


def anna(sim):
    contact, record = exchange_contact(sim, "Anna Lind"), crm_contact(sim, "Lind")
    return (contact["JobTitle"], contact["Department"], contact["PhoneNumbers/MobilePhone"],
            contact["Body"].rstrip()), (record["Title"], record["Department"],
                                        record["MobilePhone"])


def test_a_stale_copy_is_saved(sim, mount, exchange, open_editor):
    box = mount.mailbox("alice")
    path = box / "Contacts" / "Anna Lind.vcf"
    with open_editor(path) as editor:
        change(contacts_of(exchange("alice").contacts)["Anna Lind"], department="Print",
               phone_numbers=phones(MobilePhone="+49 171 22"), body="Does not call.")
        mount.sync()
        run("grep", "-q", "Print", path)  # the file is another one, under another number
        editor.replace("Buyer", "Head")
        editor.save()
        wait_for(lambda: b"TITLE:Head" in path.read_bytes() and b"Print" in path.read_bytes(),
                 what="the merged file")
        mount.sync()
        mount.sync()
        assert anna(sim) == (("Head", "Print", "+49 171 22", "Does not call."),
                             ("Head", "Print", "+49 171 22"))
        # The record: what stands, and the editor's stale value of each.
        found = losers(box)
        for stands, stale in (("Print", "Paper"), ("+49 171 22", "+49 171 1"),
                              ("Does not call.", "Calls before ten.")):
            assert has(found, stands, stale), (stands, found)
        assert not any("Buyer" in loser or "Head" in loser for _, loser in found)

        # The second save of the same stale buffer reverts nothing either.
        editor.replace("Head", "Chief")
        editor.save()
        wait_for(lambda: b"TITLE:Chief" in path.read_bytes(), what="the second edit")
        mount.sync()
        assert anna(sim) == (("Chief", "Print", "+49 171 22", "Does not call."),
                             ("Chief", "Print", "+49 171 22"))
        editor.leave()
    assert exchange_names(sim) == ["Anna Lind"]
    assert names(path.parent) == ["Anna Lind.vcf"]
    assert_nothing_written(sim, mount)


def test_a_stale_copy_with_a_change_of_the_same_field(sim, mount, exchange, open_editor):
    box = mount.mailbox("alice")
    path = box / "Contacts" / "Anna Lind.vcf"
    with open_editor(path) as editor:
        change(contacts_of(exchange("alice").contacts)["Anna Lind"], job_title="Owner")
        mount.sync()
        editor.replace("Buyer", "Head")
        editor.save()
        wait_for(lambda: b"TITLE:Head" in path.read_bytes(), what="the edit")
        mount.sync()
        editor.leave()
    assert anna(sim)[0][0] == anna(sim)[1][0] == "Head"
    assert has(losers(box), "Head", "Owner")
