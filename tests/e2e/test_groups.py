"""Distribution lists: read as vCards of KIND:group, moved and removed, never changed from here; and
directories that look empty while Exchange has something in them that no file shows."""
import errno
import json
import os
import shutil

import pytest
import vobject
from exchangelib import Message
from exchangelib.folders import Contacts
from exchangelib.items import DistributionList
from exchangelib.properties import Mailbox, Member

from cycles import assert_nothing_written
from scene import (
    card,
    crm_contacts,
    exchange_items,
    exchange_names,
    lost,
    names,
    person,
    refused,
    seed,
    state,
    unfolded,
)
from simulator import wait_for
from tools import run

pytestmark = [pytest.mark.sim(seed=seed([person("Anna", "Lind", JobTitle="Buyer")])),
              pytest.mark.mount(config={"sync": {"remove-quiet": "0"}})]

MEMBERS = [("Anna Lind", "anna.lind@client.example", "SMTP"),
           ("Müller, Zoë; \"Zo\"", "zoë+x@client.example", "SMTP"),
           ("plain@client.example", "plain@client.example", "SMTP"),
           ("Board", "/o=Corp/ou=Exchange/cn=Board", "EX")]
LINES = ["MEMBER;X-CN=Anna Lind:mailto:anna.lind@client.example",
         'MEMBER;X-CN="Müller, Zoë; ^\'Zo^\'":mailto:zo%C3%AB+x@client.example',
         "MEMBER:mailto:plain@client.example",
         "MEMBER;X-CN=Board:urn:x-exchange:/o=Corp/ou=Exchange/cn=Board"]


def member(name, address, routing="SMTP"):
    return Member(mailbox=Mailbox(name=name, email_address=address, routing_type=routing,
                                  mailbox_type="OneOff"))


def make_list(account, name="Friends", members=MEMBERS, folder=None):
    made = DistributionList(folder=folder or account.contacts, display_name=name,
                            members=[member(*one) for one in members])
    made.save()
    return made


def list_there(folder, name="Friends"):
    (found,) = [item for item in folder.all() if item.display_name == name]
    assert type(found) is DistributionList
    return found


# Read --------------------------------------------------------------------------------------------

def test_a_list_is_a_group(sim, mount, alice, contacts):
    made = make_list(alice)
    mount.sync()
    assert names(contacts) == ["Anna Lind.vcf", "Friends.vcf"]
    shown = unfolded(contacts / "Friends.vcf").split("\r\n")
    assert shown[:2] == ["BEGIN:VCARD", "VERSION:4.0"]
    assert "KIND:group" in shown and "FN:Friends" in shown
    assert [line for line in shown if line.startswith("MEMBER")] == LINES
    assert "KIND:group" not in unfolded(contacts / "Anna Lind.vcf").split("\r\n")
    assert state(contacts / "Friends.vcf") == "synced"
    assert_nothing_written(sim, mount)
    made.members = [member("Ben", "ben@client.example")]
    made.display_name = "Old friends"
    made.save(update_fields=["members", "display_name"])
    mount.sync()
    shown = unfolded(contacts / "Friends.vcf").split("\r\n")  # a name changes only when a user changes it
    assert "FN:Old friends" in shown
    assert [line for line in shown if line.startswith("MEMBER")] == \
        ["MEMBER;X-CN=Ben:mailto:ben@client.example"]
    assert_nothing_written(sim, mount)


def test_it_is_there_at_the_first_sync(sim, alice, start_mount):
    make_list(alice)
    mount = start_mount(sim)
    assert names(mount.mailbox("alice") / "Contacts") == ["Anna Lind.vcf", "Friends.vcf"]
    assert_nothing_written(sim, mount)


def test_json(mount, alice, contacts):
    make_list(alice)
    mount.sync()
    document = json.loads((contacts.parent / ".json" / "Contacts" / "Friends.json").read_text())
    assert document["kind"] == "group"
    assert document["members"] == {line.split(":", 1)[1]: True for line in LINES}


def test_other_programs_read_it(mount, alice, contacts, khard):
    make_list(alice)
    mount.sync()
    parsed = vobject.readOne((contacts / "Friends.vcf").read_bytes().decode())
    assert parsed.fn.value == "Friends" and parsed.kind.value == "group"
    assert [one.value for one in parsed.member_list] == [line.split(":", 1)[1] for line in LINES]
    listed = khard("list", "--parsable", "-F", "name", "-a", "work").stdout
    assert "Friends" in listed and "Anna Lind" in listed


# Not written -------------------------------------------------------------------------------------

def write_in_place(path):
    path.write_bytes(path.read_bytes().replace(b"FN:Friends", b"FN:Foes"))


def rename_over(path):
    draft = path.with_name(".draft")
    draft.write_bytes(path.read_bytes().replace(b"FN:Friends", b"FN:Foes"))
    try:
        os.rename(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def drop_a_member(path):
    text = path.read_bytes().decode()
    path.write_bytes(text.replace(LINES[2] + "\r\n", "").encode())


def no_group_any_more(path):
    path.write_bytes(path.read_bytes().replace(b"KIND:group\r\n", b""))


def set_category(path):
    os.setxattr(path, "user.tandem.categories", b"CRM")


def json_edit(path):
    document = path.parent.parent / ".json" / "Contacts" / "Friends.json"
    document.write_text(document.read_text().replace("Friends", "Foes"))


@pytest.mark.parametrize("write", [write_in_place, rename_over, drop_a_member, no_group_any_more,
                                   set_category, json_edit])
def test_its_content_is_not_changed_here(sim, mount, alice, box, contacts, write):
    make_list(alice)
    mount.sync()
    path = contacts / "Friends.vcf"
    before = path.read_bytes()
    refused(errno.EACCES, write, path)
    wait_for(lambda: path.read_bytes() == before, what="the former bytes")
    if write is not set_category:
        (reason,) = [name for name in lost(box) if name.endswith(".reason")]
        assert "distribution list" in (box / ".sync" / "lost+found" / reason).read_text()
    assert_nothing_written(sim, mount)
    assert [one.mailbox.name for one in list_there(alice.contacts).members] == \
        [name for name, _, _ in MEMBERS]


def test_none_is_made_here(sim, mount, contacts):
    group = card("Friends", "KIND:group", "MEMBER:mailto:anna@x.example")
    refused(errno.EACCES, (contacts / "friends.vcf").write_text, group)
    path = contacts / "Anna Lind.vcf"
    refused(errno.EACCES, path.write_bytes,
            path.read_bytes().replace(b"FN:", b"KIND:group\r\nFN:"))
    mount.sync()
    assert exchange_names(sim) == ["Anna Lind"] and names(contacts) == ["Anna Lind.vcf"]
    assert len(lost(mount.mailbox("alice"))) == 4


def test_the_same_bytes_are_no_change(sim, mount, alice, contacts, tmp_path):
    make_list(alice)
    mount.sync()
    run("tar", "-C", contacts.parent, "-cf", tmp_path / "all.tar", "Contacts")
    run("tar", "-C", contacts.parent, "-xf", tmp_path / "all.tar")
    shutil.copy(contacts / "Friends.vcf", tmp_path / "copy.vcf")
    (contacts / "Friends.vcf").write_bytes((tmp_path / "copy.vcf").read_bytes())
    assert_nothing_written(sim, mount)
    assert lost(mount.mailbox("alice")) == []
    assert len(list_there(alice.contacts).members) == len(MEMBERS)


# Moved, renamed, removed -------------------------------------------------------------------------

def test_it_is_moved_and_renamed(sim, mount, alice, contacts):
    make_list(alice)
    mount.sync()
    os.mkdir(contacts / "Press")
    os.rename(contacts / "Friends.vcf", contacts / "Press" / "friends of old.vcf")
    mount.sync()
    mount.sync()
    alice.contacts.refresh()
    there = list_there(alice.contacts / "Press")
    assert len(there.members) == len(MEMBERS)
    assert names(contacts / "Press") == ["friends of old.vcf"]
    assert state(contacts / "Press" / "friends of old.vcf") == "synced"
    assert_nothing_written(sim, mount)
    there.move(alice.contacts)
    mount.sync()
    assert names(contacts) == ["Anna Lind.vcf", "friends of old.vcf"]
    assert_nothing_written(sim, mount)


def test_its_name_survives_the_cache(sim, mount, alice, contacts, start_mount):
    make_list(alice)
    mount.sync()
    os.rename(contacts / "Friends.vcf", contacts / "pals.vcf")
    mount.sync()
    mount.stop()
    again = start_mount(sim)
    assert names(again.mailbox("alice") / "Contacts") == ["Anna Lind.vcf", "pals.vcf"]
    assert_nothing_written(sim, again)


def test_it_is_removed(sim, mount, alice, contacts):
    make_list(alice)
    mount.sync()
    text = (contacts / "Friends.vcf").read_bytes()
    os.unlink(contacts / "Friends.vcf")
    mount.sync()
    assert exchange_names(sim) == ["Anna Lind"]
    assert [item.display_name for item in alice.trash.all()] == ["Friends"]
    # It cannot be made anew from its file; restored in Outlook it comes back.
    with pytest.raises(OSError) as refused:
        (contacts / "Friends.vcf").write_bytes(text)
    assert refused.value.errno == errno.EACCES
    (trashed,) = alice.trash.all()
    trashed.move(alice.contacts)
    mount.sync()
    assert (contacts / "Friends.vcf").read_bytes() == text
    assert_nothing_written(sim, mount)


def test_removed_and_put_back_at_once(sim, mount, alice, contacts):
    made = make_list(alice)
    mount.sync()
    text = (contacts / "Friends.vcf").read_bytes()
    os.unlink(contacts / "Friends.vcf")
    (contacts / "Friends.vcf").write_bytes(text)
    assert_nothing_written(sim, mount)
    assert list_there(alice.contacts).id == made.id


def test_removed_in_exchange(sim, mount, alice, contacts):
    made = make_list(alice)
    mount.sync()
    made.move_to_trash()
    mount.sync()
    assert names(contacts) == ["Anna Lind.vcf"]
    assert_nothing_written(sim, mount)


# Never in the CRM --------------------------------------------------------------------------------

@pytest.mark.mount(config={"policy \"default\"": {"contacts-mode": "all"}})
def test_it_is_not_synced_with_the_crm(sim, mount, alice, contacts):
    made = make_list(alice)
    mount.sync()
    mount.sync()
    assert [row["Name"] for row in crm_contacts(sim)] in ([], ["Anna Lind"])
    made.categories = ["CRM"]
    made.save(update_fields=["categories"])
    mount.sync()
    os.rename(contacts / "Friends.vcf", contacts / "Salesforce_Sync" / "Friends.vcf")
    mount.sync()
    mount.sync()
    path = contacts / "Salesforce_Sync" / "Friends.vcf"
    assert "Friends" not in [row["LastName"] for row in crm_contacts(sim)]
    assert os.getxattr(path, "user.tandem.error") == \
        b"a distribution list is not synced with the CRM"
    assert_nothing_written(sim, mount)


# What no file shows ------------------------------------------------------------------------------

def put_message(folder):
    Message(folder=folder, account=folder.account, subject="not shown", body="x").save()


@pytest.fixture
def press(alice):
    folder = Contacts(parent=alice.contacts, name="Press")
    folder.save()
    return folder


def test_a_directory_with_something_not_shown_is_not_empty(sim, alice, press, mount, contacts):
    put_message(press)
    mount.sync()
    assert names(contacts / "Press") == []
    refused(errno.ENOTEMPTY, os.rmdir, contacts / "Press")
    mount.sync()
    (message,) = press.all()
    message.delete()
    mount.sync()
    os.rmdir(contacts / "Press")
    mount.sync()
    assert "Contacts/Press" not in exchange_items(sim)
    assert_nothing_written(sim, mount)


def test_a_removed_directory_comes_back_for_what_it_does_not_show(sim, alice, press, mount,
                                                                  contacts):
    os.rmdir(contacts / "Press")
    put_message(press)  # before the removal was sent
    mount.sync()
    mount.sync()
    assert os.path.isdir(contacts / "Press")
    assert [item.subject for item in press.all()] == ["not shown"]
    refused(errno.ENOTEMPTY, os.rmdir, contacts / "Press")
    assert_nothing_written(sim, mount)


def test_what_cannot_be_read_is_not_deleted_with_its_directory(sim, alice, press, mount, contacts):
    make_list(alice, folder=press)
    sim.fault("GetItem", "ews", code="ErrorItemCorrupt", shape="message")
    mount.sync(check=False)
    sim.clear_faults()
    assert names(contacts / "Press") == []
    refused(errno.ENOTEMPTY, os.rmdir, contacts / "Press")
    list_there(press).save(update_fields=["display_name"])
    mount.sync()
    assert names(contacts / "Press") == ["Friends.vcf"]
    os.unlink(contacts / "Press" / "Friends.vcf")
    os.rmdir(contacts / "Press")
    mount.sync()
    mount.sync()
    assert "Contacts/Press" not in exchange_items(sim)
