"""What cannot be understood is refused: the writer is told, nothing is lost, nothing is sent."""
import errno
import os

import pytest

from scene import (
    card,
    edit,
    exchange_contact,
    exchange_names,
    lost,
    names,
    person,
    refused,
    seed,
    state,
)
from tools import run

ANNA = person("Anna", "Lind", JobTitle="Buyer")
pytestmark = pytest.mark.sim(seed=seed([ANNA]))

HEAD = b"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Broken Card\r\n"
# (what is wrong, the bytes, line and property that the reason must name)
BROKEN = [
    ("a property without a value", HEAD + b"TEL\r\nEND:VCARD\r\n", 4, "TEL"),
    ("a version nobody knows",
     b"BEGIN:VCARD\r\nVERSION:7.0\r\nFN:Broken Card\r\nEND:VCARD\r\n", 2, "VERSION"),
    ("bytes that are not UTF-8, behind a folded line",
     b"BEGIN:VCARD\nVERSION:4.0\nNOTE:one\n  two\n  three\nFN:Broken Card\nTITLE:Caf\xe9\n"
     b"END:VCARD\n", 7, "TITLE"),
    ("a file cut short", HEAD + b"TEL:+49 30 1\r\nEMA", 5, "EMA"),
    ("two cards in one file", HEAD + b"END:VCARD\r\n" + HEAD + b"END:VCARD\r\n", 5, "BEGIN"),
]
IDS = [what for what, *_ in BROKEN]


def assert_lost(box, name, text, line, prop):
    """The bytes stand in lost+found as they were written, with a reason that says where."""
    directory = box / ".sync" / "lost+found"
    assert lost(box) == [name + ".reason", name + ".refused"]
    assert (directory / (name + ".refused")).read_bytes() == text
    reason = (directory / (name + ".reason")).read_text()
    assert f"line {line}" in reason and prop in reason, reason


@pytest.mark.parametrize("what, text, line, prop", BROKEN, ids=IDS)
def test_a_broken_card_is_refused_to_cp(sim, mount, tmp_path, what, text, line, prop):
    box = mount.mailbox("alice")
    source = tmp_path / "broken.vcf"
    source.write_bytes(text)
    sim.reset_counters()

    done = run("cp", source, box / "Contacts" / "broken.vcf", check=False)

    assert done.returncode != 0
    assert os.strerror(errno.EINVAL) in done.stderr
    assert_lost(box, "broken.vcf", text, line, prop)
    mount.sync()
    assert sim.counters()["writes"] == 0
    assert exchange_names(sim) == ["Anna Lind"]


def test_the_writer_gets_einval_from_close(mount):
    box = mount.mailbox("alice")
    fd = os.open(box / "Contacts" / "broken.vcf", os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(fd, BROKEN[0][1])
    refused(errno.EINVAL, os.close, fd)


@pytest.mark.parametrize("what, text, line, prop", BROKEN, ids=IDS)
def test_a_broken_draft_is_not_renamed_onto_an_item(sim, mount, what, text, line, prop):
    box = mount.mailbox("alice")
    contacts = box / "Contacts"
    item = contacts / "Anna Lind.vcf"
    before = item.read_bytes()
    number = item.stat().st_ino
    draft = contacts / ".anna.tmp"
    draft.write_bytes(text)
    sim.reset_counters()

    with pytest.raises(OSError) as raised:
        os.rename(draft, item)

    assert raised.value.errno == errno.EINVAL
    assert draft.read_bytes() == text
    assert item.read_bytes() == before
    assert item.stat().st_ino == number
    assert_lost(box, "Anna Lind.vcf", text, line, prop)
    mount.sync()
    assert sim.counters()["writes"] == 0
    assert exchange_contact(sim, "Anna Lind")["JobTitle"] == "Buyer"


def test_a_broken_draft_is_not_linked_to_an_item_name(sim, mount):
    """vdir tools create by link(2)."""
    box = mount.mailbox("alice")
    contacts = box / "Contacts"
    draft = contacts / ".new.tmp"
    draft.write_bytes(BROKEN[0][1])

    with pytest.raises(OSError) as raised:
        os.link(draft, contacts / "new.vcf")

    assert raised.value.errno == errno.EINVAL
    assert names(contacts) == ["Anna Lind.vcf"]
    assert draft.read_bytes() == BROKEN[0][1]
    assert_lost(box, "new.vcf", BROKEN[0][1], 4, "TEL")


@pytest.mark.parametrize("what, text, line, prop", BROKEN, ids=IDS)
def test_an_item_overwritten_with_nonsense_shows_its_former_bytes(
        sim, mount, tmp_path, what, text, line, prop):
    box = mount.mailbox("alice")
    item = box / "Contacts" / "Anna Lind.vcf"
    before = item.read_bytes()
    source = tmp_path / "broken.vcf"
    source.write_bytes(text)
    sim.reset_counters()

    done = run("cp", source, item, check=False)

    assert done.returncode != 0
    assert_lost(box, "Anna Lind.vcf", text, line, prop)
    assert item.read_bytes() == before
    assert state(item) == "synced"
    mount.sync()
    assert sim.counters()["writes"] == 0
    assert item.read_bytes() == before
    assert exchange_contact(sim, "Anna Lind")["JobTitle"] == "Buyer"


def test_the_file_is_writable_again_after_a_refusal(sim, mount):
    box = mount.mailbox("alice")
    item = box / "Contacts" / "Anna Lind.vcf"
    with pytest.raises(OSError):
        item.write_bytes(b"nonsense\n")
    assert lost(box) == ["Anna Lind.vcf.reason", "Anna Lind.vcf.refused"]

    edit(item, "Buyer", "Head of Buying")

    mount.sync()
    assert exchange_contact(sim, "Anna Lind")["JobTitle"] == "Head of Buying"


def test_what_is_refused_can_be_mended_before_the_file_is_closed(sim, mount):
    """A handle that flushed nonsense and then wrote the rest: nothing was wrong in the end."""
    box = mount.mailbox("alice")
    text = card("Berta Quist", "TITLE:Mender").encode()
    fd = os.open(box / "Contacts" / "berta.vcf", os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(fd, text[:40])
    refused(errno.EINVAL, os.close, os.dup(fd))
    os.write(fd, text[40:])
    os.close(fd)

    assert lost(box) == []
    mount.sync()
    assert exchange_contact(sim, "Berta Quist")["JobTitle"] == "Mender"


def test_nonsense_in_json_is_refused(sim, mount):
    box = mount.mailbox("alice")
    item = box / "Contacts" / "Anna Lind.vcf"
    before = item.read_bytes()
    sim.reset_counters()
    with pytest.raises(OSError) as raised:
        (box / ".json" / "Contacts" / "Anna Lind.json").write_text('{"@type": "Card", ')
    assert raised.value.errno == errno.EINVAL
    assert item.read_bytes() == before
    mount.sync()
    assert sim.counters()["writes"] == 0


def test_two_refusals_of_one_name_are_both_kept(mount):
    box = mount.mailbox("alice")
    directory = box / ".sync" / "lost+found"
    for text in (b"first nonsense", b"second nonsense"):
        with pytest.raises(OSError):
            (box / "Contacts" / "twice.vcf").write_bytes(text)
        lost(box)
    kept = {(directory / name).read_bytes() for name in lost(box) if name.endswith(".refused")}
    assert kept == {b"first nonsense", b"second nonsense"}


def test_an_empty_file_is_local(sim, mount):
    """Neither an error nor a contact."""
    box = mount.mailbox("alice")
    empty = box / "Contacts" / "empty.vcf"
    sim.reset_counters()
    run("touch", empty)
    mount.sync()
    assert state(empty) == "local"
    assert lost(box) == []
    assert sim.counters()["writes"] == 0
