"""Photos of contacts, both ways between file and Exchange, as exchangelib sees them there.

The bytes of a photo are what counts; every test compares bytes.
"""
import base64
import json
import os
import re

import pytest
import vobject
from cycles import assert_nothing_written
from exchange import contacts_of, edit as change, new_contact
from exchangelib import FileAttachment
from photos import BLUE, GREEN, RED, attach, data_uri, encoded, png, set_photo
from scene import card, crm_contact, edit, exchange_contact, names, person, seed, state, unfolded
from simulator import wait_for

pytestmark = [pytest.mark.sim(seed=seed([person("Anna", "Lind", JobTitle="Buyer"),
                                         person("Ben", "Ohlsen")]))]

LIMIT = 1 << 20  # of a photo


@pytest.fixture
def photographed(alice, request):
    """A mount whose first sync finds Anna with a photo that Outlook made.

    (What arrived later and is replaced by a file within the hour would be kept as a conflict.)
    """
    attach(contacts_of(alice.contacts)["Anna Lind"], RED)
    return request.getfixturevalue("mount")


def photos_there(account, name):
    """[bytes] of the contact's photos in Exchange."""
    contact = contacts_of(account.contacts)[name]
    return [a.content for a in contact.attachments or () if a.is_contact_photo]


def photo_lines(path):
    return [line for line in unfolded(path).split("\r\n") if line.startswith("PHOTO")]


def photo_here(path):
    """Type and bytes of the file's one photo, or None."""
    found = photo_lines(path)
    assert len(found) <= 1, found
    if not found:
        return None
    kind, content = re.fullmatch(r"PHOTO:data:([^;,]*);base64,(.*)", found[0]).groups()
    return kind, base64.b64decode(content, validate=True)


def requests(sim):
    return sim.counters()["operations"]


def assert_quiet(sim, mount):
    """Another cycle writes nothing, fetches nothing and finds nothing in dispute."""
    sim.reset_counters()
    mount.sync()
    counters = sim.counters()
    assert counters["writes"] == 0 and "GetAttachment" not in counters["operations"], counters
    assert os.listdir(mount.mailbox("alice") / ".sync" / "conflicts") == []
    assert sim.mails() == []


# From Exchange -----------------------------------------------------------------------------------

def test_from_exchange(sim, mount, alice, contacts):
    anna = contacts_of(alice.contacts)["Anna Lind"]
    attach(anna, RED)
    mount.sync()
    assert photo_here(contacts / "Anna Lind.vcf") == ("image/png", RED)
    assert photo_here(contacts / "Ben Ohlsen.vcf") is None
    assert_quiet(sim, mount)
    anna.detach(anna.attachments)
    attach(anna, GREEN)
    mount.sync()
    assert photo_here(contacts / "Anna Lind.vcf") == ("image/png", GREEN)
    anna = contacts_of(alice.contacts)["Anna Lind"]
    anna.detach(anna.attachments)
    mount.sync()
    assert photo_here(contacts / "Anna Lind.vcf") is None
    assert_quiet(sim, mount)


def test_a_new_contact_comes_with_its_photo(sim, mount, alice, contacts):
    for name, content in (("Jana Kunz", b"\xff\xd8\xff\xe0 as JPEG"), ("Kai Lux", b"who knows")):
        attach(new_contact(alice, name), content)
    mount.sync()
    assert photo_here(contacts / "Jana Kunz.vcf") == ("image/jpeg", b"\xff\xd8\xff\xe0 as JPEG")
    # What the bytes do not tell, the server does.
    assert photo_here(contacts / "Kai Lux.vcf") == ("image/jpeg", b"who knows")
    assert_quiet(sim, mount)


def test_other_attachments_are_not_photos(sim, mount, alice, contacts):
    anna = contacts_of(alice.contacts)["Anna Lind"]
    anna.attach(FileAttachment(name="ContactPicture.jpg", content=RED))
    mount.sync()
    assert photo_here(contacts / "Anna Lind.vcf") is None
    set_photo(contacts / "Anna Lind.vcf", GREEN)
    mount.sync()
    found = contacts_of(alice.contacts)["Anna Lind"].attachments
    assert [(a.content, a.is_contact_photo) for a in found] == [(RED, False), (GREEN, True)]


def test_a_photo_that_did_not_change_is_not_fetched_again(sim, photographed, mount, alice, contacts):
    assert requests(sim)["GetAttachment"] == 1
    sim.reset_counters()
    change(contacts_of(alice.contacts)["Anna Lind"], job_title="Head")
    mount.sync()
    assert "TITLE:Head" in unfolded(contacts / "Anna Lind.vcf").split("\r\n")
    edit(contacts / "Anna Lind.vcf", "END:VCARD", "NICKNAME:Annie\r\nEND:VCARD")
    mount.sync()
    assert exchange_contact(sim, "Anna Lind")["Nickname"] == "Annie"
    assert not {"GetAttachment", "CreateAttachment"} & set(requests(sim))
    assert photo_here(contacts / "Anna Lind.vcf") == ("image/png", RED)
    assert photos_there(alice, "Anna Lind") == [RED]
    assert_quiet(sim, mount)


def test_a_photo_goes_along(sim, photographed, mount, alice, contacts):
    os.mkdir(contacts / "Press")
    os.rename(contacts / "Anna Lind.vcf", contacts / "Press" / "Anna Lind.vcf")
    mount.sync()
    mount.sync()
    assert photo_here(contacts / "Press" / "Anna Lind.vcf") == ("image/png", RED)
    (folder,) = [f for f in alice.contacts.children if f.name == "Press"]
    (moved,) = contacts_of(folder).values()
    assert [a.content for a in moved.attachments] == [RED]
    assert_quiet(sim, mount)


# From files --------------------------------------------------------------------------------------

def test_from_a_file(sim, mount, alice, contacts):
    path = contacts / "Anna Lind.vcf"
    set_photo(path, RED)
    written = path.read_bytes()
    mount.sync()
    assert photos_there(alice, "Anna Lind") == [RED]
    assert contacts_of(alice.contacts)["Anna Lind"].has_picture
    assert path.read_bytes() == written and state(path) == "synced"
    assert_quiet(sim, mount)
    set_photo(path, GREEN)
    mount.sync()
    assert photos_there(alice, "Anna Lind") == [GREEN]
    assert_quiet(sim, mount)
    set_photo(path, None)
    mount.sync()
    assert photos_there(alice, "Anna Lind") == []
    assert not contacts_of(alice.contacts)["Anna Lind"].has_picture
    assert_quiet(sim, mount)
    assert photo_here(path) is None


VERSIONS = {
    "4.0": card("Jana Kunz", f"PHOTO:{data_uri(RED)}"),
    "4.0 folded": card("Jana Kunz", "PHOTO:data:image/png;base64," + "\r\n ".join(
        re.findall(".{1,60}", encoded(RED)))),
    "3.0": "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Jana Kunz\r\nN:Kunz;Jana;;;\r\n"
           f"PHOTO;ENCODING=b;TYPE=PNG:{encoded(RED)}\r\nEND:VCARD\r\n",
    "2.1": "BEGIN:VCARD\r\nVERSION:2.1\r\nFN:Jana Kunz\r\nN:Kunz;Jana;;;\r\n"
           f"PHOTO;PNG;ENCODING=BASE64:\r\n {encoded(RED)}\r\n\r\nEND:VCARD\r\n",
}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_new_file_of_each_version(sim, mount, alice, contacts, version):
    (contacts / "jana.vcf").write_bytes(VERSIONS[version].encode())
    mount.sync()
    assert photos_there(alice, "Jana Kunz") == [RED]
    assert (contacts / "jana.vcf").read_bytes() == VERSIONS[version].encode()
    assert_quiet(sim, mount)
    change(contacts_of(alice.contacts)["Jana Kunz"], job_title="Clerk")
    mount.sync()
    assert photo_here(contacts / "jana.vcf") == ("image/png", RED)  # as vCard 4.0
    assert_quiet(sim, mount)


def test_an_address_on_the_web_stays_in_the_file(sim, mount, alice, contacts):
    url = "PHOTO:https://www.client.example/jana.png"
    (contacts / "jana.vcf").write_bytes(card("Jana Kunz", url).encode())
    mount.sync()
    assert photos_there(alice, "Jana Kunz") == []
    assert_quiet(sim, mount)
    attach(contacts_of(alice.contacts)["Jana Kunz"], RED)
    mount.sync()
    assert sorted(photo_lines(contacts / "jana.vcf")) == sorted([url, f"PHOTO:{data_uri(RED)}"])
    jana = contacts_of(alice.contacts)["Jana Kunz"]
    jana.detach(jana.attachments)
    mount.sync()
    assert photo_lines(contacts / "jana.vcf") == [url]
    assert_quiet(sim, mount)


def test_the_same_bytes_written_otherwise_are_no_change(sim, photographed, mount, alice, contacts):
    path = contacts / "Anna Lind.vcf"
    set_photo(path, RED, kind="image/x-png")
    assert_nothing_written(sim, mount)
    assert photo_lines(path) == [f"PHOTO:{data_uri(RED, 'image/x-png')}"]


def test_json(sim, photographed, mount, alice, contacts):
    path = contacts.parent / ".json" / "Contacts" / "Anna Lind.json"
    document = json.loads(path.read_text())
    (media,) = document["media"].values()
    assert media == {"@type": "Media", "kind": "photo", "uri": data_uri(RED)}
    media["uri"] = data_uri(GREEN)
    path.write_text(json.dumps(document))
    mount.sync()
    assert photos_there(alice, "Anna Lind") == [GREEN]
    shadow = (contacts.parent / ".sync" / "state" / "Contacts" / "Anna Lind.vcf.json").read_text()
    assert encoded(GREEN)[:40] not in shadow, "a shadow holds a digest, not the bytes"


def test_other_programs_read_it(photographed, mount, alice, contacts):
    parsed = vobject.readOne((contacts / "Anna Lind.vcf").read_bytes().decode())
    # vobject takes a URI for a list of texts, and shows the first.
    assert [photo.value for photo in parsed.photo_list] == ["data:image/png;base64"]
    assert parsed.fn.value == "Anna Lind" and parsed.title.value == "Buyer"


# Limits ------------------------------------------------------------------------------------------

def test_a_large_photo_in_exchange_is_left_alone(sim, mount, alice, contacts):
    path, large = contacts / "Anna Lind.vcf", png((1, 2, 3), LIMIT)
    anna = contacts_of(alice.contacts)["Anna Lind"]
    attach(anna, large)
    change(anna, job_title="Head")
    mount.sync()
    assert photo_here(path) is None and "TITLE:Head" in unfolded(path).split("\r\n")
    shown = json.loads((contacts.parent / ".sync" / "state" / "Contacts" / "Anna Lind.vcf.json")
                       .read_text())
    assert "Photo" in json.dumps(shown).split("@unread")[1][:20]
    assert "GetAttachment" not in requests(sim)
    edit(path, "END:VCARD", "NICKNAME:Annie\r\nEND:VCARD")
    mount.sync()
    assert exchange_contact(sim, "Anna Lind")["Nickname"] == "Annie"
    assert photos_there(alice, "Anna Lind") == [large]
    assert_quiet(sim, mount)


def test_a_photo_that_grew_too_large_leaves_the_file_as_it_was(sim, mount, alice, contacts):
    path, large = contacts / "Anna Lind.vcf", png((1, 2, 3), LIMIT)
    anna = contacts_of(alice.contacts)["Anna Lind"]
    attach(anna, RED)
    mount.sync()
    anna.detach(anna.attachments)
    attach(anna, large)
    mount.sync()
    assert photo_here(path) == ("image/png", RED)
    assert photos_there(alice, "Anna Lind") == [large]
    assert_quiet(sim, mount)


def test_a_large_photo_in_a_file_is_not_sent(sim, mount, alice, contacts):
    path, large = contacts / "jana.vcf", png((1, 2, 3), LIMIT)
    path.write_bytes(card("Jana Kunz", "TITLE:Clerk", f"PHOTO:{data_uri(large)}").encode())
    mount.sync()
    assert contacts_of(alice.contacts)["Jana Kunz"].job_title == "Clerk"
    assert photos_there(alice, "Jana Kunz") == [] and photo_here(path) == ("image/png", large)
    assert state(path) == "error"
    assert "Photo: larger than 1048576 bytes" in os.getxattr(path, "user.tandem.error").decode()
    assert_nothing_written(sim, mount)
    set_photo(path, RED)
    mount.sync()
    assert photos_there(alice, "Jana Kunz") == [RED] and state(path) == "synced"
    assert_quiet(sim, mount)


def test_a_photo_that_exchange_refuses(sim, mount, alice, contacts):
    path = contacts / "Anna Lind.vcf"
    set_photo(path, RED)
    edit(path, "TITLE:Buyer", "TITLE:Head")
    sim.fault("CreateAttachment", "ews", code="ErrorMessageSizeExceeded", shape="message")
    mount.sync()
    assert contacts_of(alice.contacts)["Anna Lind"].job_title == "Head"
    assert state(path) == "error" and photo_here(path) == ("image/png", RED)
    mount.ctl("retry-errors")
    mount.sync()
    assert photos_there(alice, "Anna Lind") == [RED] and state(path) == "synced"
    assert_quiet(sim, mount)


def test_a_photo_that_cannot_be_read_stops_nothing(sim, mount, alice, contacts):
    for name in ("Anna Lind", "Ben Ohlsen"):
        attach(contacts_of(alice.contacts)[name], RED)
    sim.fault("GetAttachment", "ews", code="ErrorItemCorrupt", shape="message", index=0)
    mount.sync()
    here = [photo_here(contacts / f"{name}.vcf") for name in ("Anna Lind", "Ben Ohlsen")]
    assert sorted(here, key=bool) == [None, ("image/png", RED)]
    assert photos_there(alice, "Anna Lind") == photos_there(alice, "Ben Ohlsen") == [RED]
    assert_quiet(sim, mount)


# Both sides --------------------------------------------------------------------------------------

def test_changed_on_both_sides_the_file_wins_and_the_other_is_kept(sim, photographed, mount, alice, contacts):
    path = contacts / "Anna Lind.vcf"
    anna = contacts_of(alice.contacts)["Anna Lind"]
    anna.detach(anna.attachments)
    attach(anna, BLUE)
    set_photo(path, GREEN)
    mount.sync()
    assert photo_here(path) == ("image/png", GREEN)
    assert photos_there(alice, "Anna Lind") == [GREEN]
    conflicts = contacts.parent / ".sync" / "conflicts"
    (record,) = os.listdir(conflicts)
    assert data_uri(BLUE) in (conflicts / record).read_text()
    os.unlink(conflicts / record)
    assert_quiet(sim, mount)


def test_changed_in_exchange_while_it_is_sent(sim, mount, alice, contacts):
    """Between our update and our photo somebody else's photo arrives: it is read before ours is sent."""
    path = contacts / "Anna Lind.vcf"
    set_photo(path, GREEN)
    sim.fault("GetItem", "delay", ms=3000)  # of the attachments that are there
    mount.ctl("sync", "--no-wait")
    wait_for(lambda: sum(f["fired"] for f in sim.faults()), 60, "the request")
    attach(contacts_of(alice.contacts)["Anna Lind"], BLUE)
    mount.sync()
    assert photos_there(alice, "Anna Lind") == [GREEN]
    assert photo_here(path) == ("image/png", GREEN)
    conflicts = contacts.parent / ".sync" / "conflicts"
    (record,) = os.listdir(conflicts)
    assert data_uri(BLUE) in (conflicts / record).read_text()


def test_several_photos_of_others_are_left_alone(sim, mount, alice, contacts):
    anna = contacts_of(alice.contacts)["Anna Lind"]
    attach(anna, RED)
    attach(anna, GREEN)
    mount.sync()
    assert photo_here(contacts / "Anna Lind.vcf") == ("image/png", GREEN)
    assert_quiet(sim, mount)
    assert photos_there(alice, "Anna Lind") == [RED, GREEN]
    set_photo(contacts / "Anna Lind.vcf", BLUE)  # a contact has one photo
    mount.sync()
    assert photos_there(alice, "Anna Lind") == [BLUE]


def test_the_crm_gets_no_photo(sim, mount, alice, contacts):
    os.rename(contacts / "Anna Lind.vcf", contacts / "Salesforce_Sync" / "Anna Lind.vcf")
    mount.sync()
    before = crm_contact(sim, "Lind")
    set_photo(contacts / "Salesforce_Sync" / "Anna Lind.vcf", RED)
    mount.sync()
    assert crm_contact(sim, "Lind")["SystemModstamp"] == before["SystemModstamp"]
    assert_quiet(sim, mount)


def test_a_lost_cache_is_rebuilt_with_the_photos(sim, mount, alice, contacts, start_mount):
    set_photo(contacts / "Anna Lind.vcf", RED)
    attach(contacts_of(alice.contacts)["Ben Ohlsen"], GREEN)
    mount.sync()
    mount.stop()
    again = start_mount(sim)
    contacts = again.mailbox("alice") / "Contacts"
    assert photo_here(contacts / "Anna Lind.vcf") == ("image/png", RED)
    assert photo_here(contacts / "Ben Ohlsen.vcf") == ("image/png", GREEN)
    assert_quiet(sim, again)
    assert photos_there(alice, "Anna Lind") == [RED]
    assert names(contacts) == ["Anna Lind.vcf", "Ben Ohlsen.vcf"]


# Cut short (I12) ---------------------------------------------------------------------------------

SENDS = ("UpdateItem", "CreateAttachment", "DeleteAttachment")


def replace(contacts):
    """A photo and a title are to be sent in place of what Outlook made."""
    set_photo(contacts / "Anna Lind.vcf", GREEN)
    edit(contacts / "Anna Lind.vcf", "TITLE:Buyer", "TITLE:Dean")


def assert_replaced(sim, mount, alice, contacts):
    assert photos_there(alice, "Anna Lind") == [GREEN]
    assert contacts_of(alice.contacts)["Anna Lind"].job_title == "Dean"
    assert photo_here(contacts / "Anna Lind.vcf") == ("image/png", GREEN)
    assert state(contacts / "Anna Lind.vcf") == "synced"
    assert_quiet(sim, mount)
    assert photos_there(alice, "Anna Lind") == [GREEN]


@pytest.mark.parametrize("operation", SENDS)
@pytest.mark.parametrize("how", ["drop-before", "drop-after", "truncate"])
def test_an_answer_is_lost(sim, photographed, mount, alice, contacts, operation, how):
    replace(contacts)
    sim.fault(operation, how)
    mount.sync(check=False)
    assert sum(fault["fired"] for fault in sim.faults()) == 1
    mount.sync()
    mount.sync()
    assert_replaced(sim, mount, alice, contacts)


@pytest.mark.parametrize("operation", SENDS)
def test_killed(sim, photographed, mount, alice, contacts, operation):
    """Before the server applied it, which it then does while the next daemon is at work."""
    replace(contacts)
    sim.fault(operation, "delay", ms=3000)
    mount.ctl("sync", "--no-wait")
    wait_for(lambda: sum(fault["fired"] for fault in sim.faults()), 60, "the request")
    mount.kill()
    mount.start()
    mount.sync(check=False)
    wait_for(lambda: sim.counters()["delayed"] == 0, 60, "the late request")
    mount.sync()
    mount.sync()
    assert_replaced(sim, mount, alice, contacts)


@pytest.mark.parametrize("how", ["drop-before", "drop-after"])
def test_a_new_contact_without_its_photo(sim, mount, alice, contacts, how):
    (contacts / "jana.vcf").write_bytes(card("Jana Kunz", f"PHOTO:{data_uri(RED)}").encode())
    sim.fault("CreateAttachment", how)
    mount.sync(check=False)
    assert exchange_contact(sim, "Jana Kunz")
    mount.sync()
    mount.sync()
    assert photos_there(alice, "Jana Kunz") == [RED]
    assert state(contacts / "jana.vcf") == "synced"
    assert_quiet(sim, mount)


def test_a_removal_is_lost(sim, photographed, mount, alice, contacts):
    set_photo(contacts / "Anna Lind.vcf", None)
    sim.fault("DeleteAttachment", "drop-before")
    mount.sync(check=False)
    mount.sync()
    mount.sync()
    assert photos_there(alice, "Anna Lind") == []
    assert photo_here(contacts / "Anna Lind.vcf") is None
    assert_quiet(sim, mount)


def test_a_busy_server(sim, photographed, mount, alice, contacts):
    replace(contacts)
    sim.fault("CreateAttachment", "ews", code="ErrorServerBusy", shape="message", backoff_ms=50)
    mount.sync(check=False)
    wait_for(lambda: mount.sync(check=False).returncode == 0, 60, "the end of the back-off")
    assert_replaced(sim, mount, alice, contacts)
