"""vCards of other programs put into the mount as files: each is taken or refused with a reason, a second
write of what is read back changes nothing, and what is served is a vCard to vobject, in both versions.

The corpus stands outside the project (TANDEM_SHARED, or ../shared beside the checkout); without it the
cards written here are used alone.
"""
import errno
import os

import pytest
import vobject
from contact_rows import ROWS, card
from corpora import CORPUS
from cycles import assert_nothing_written

from exchange import contacts_of
from scene import edit, exchange_contacts, names, seed, state

VCF = CORPUS / "vcf"
VERSIONS = {"4.0": {}, "3.0": {"sync": {"vcard-version": "3.0"}}}

OWN = {
    "own-30.vcf": b"BEGIN:VCARD\nVERSION:3.0\nUID:own-30\nFN:Anna Berg\nN:Berg;Anna;;;\n"
                  b"item1.TEL;TYPE=HOME:+49 30 1\nitem1.X-ABLabel:Boat\nX-KEPT;A=b:c\\,d\nEND:VCARD\n",
    "own-21.vcf": b"BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=Windows-1252;ENCODING=QUOTED-PRINTABLE:"
                  b"M=FCller;J=F6rg\r\nTEL;WORK;VOICE:1\r\nEND:VCARD\r\n",
    "own-40.vcf": card(ROWS[0], ROWS[0].first).encode(),
    "own-broken.vcf": b"BEGIN:VCARD\nVERSION:4.0\nFN:Anna\nTEL +49\nEND:VCARD\n",
}


def other_line_ends(content):
    """LF and CRLF swapped."""
    if b"\r\n" in content:
        return content.replace(b"\r\n", b"\n")
    return content.replace(b"\n", b"\r\n")


def corpus():
    found = {path.name: path.read_bytes() for path in sorted(VCF.glob("*.vcf"))}
    return {**OWN, **found}


def put(folder, files):
    """{name: the error of close, or None}"""
    said = {}
    for name, content in files.items():
        try:
            (folder / name).write_bytes(content)
            said[name] = None
        except OSError as error:
            said[name] = error
    return said


def parsed(path):
    """By vobject; quoted-printable and charsets of 2.1 are not its business here."""
    (one,) = vobject.readComponents(path.read_bytes().decode())
    assert one.name == "VCARD"
    return one


@pytest.mark.sim(seed=seed())
@pytest.mark.mount(config={"sync": {"max-delete": "100000", "remove-quiet": "0"}})
@pytest.mark.parametrize("swapped", [False, True], ids=["as they are", "line ends swapped"])
def test_cards_of_other_programs(sim, mount, record_property, swapped):
    box = mount.mailbox("alice")
    folder = box / "Contacts"
    files = corpus()
    if swapped:
        files = {name: other_line_ends(content) for name, content in files.items()}
    said = put(folder, files)
    taken = {name for name, error in said.items() if not error}
    # A UID that two files of the corpus share lives once in the folder.
    doubles = {name for name, error in said.items() if error and error.errno == errno.EEXIST}
    # A distribution list is made in Outlook.
    lists = {name for name, error in said.items() if error and error.errno == errno.EACCES}
    assert all(b"group" in files[name].lower() for name in lists), lists
    refused = said.keys() - taken - doubles
    lost = set(os.listdir(box / ".sync" / "lost+found"))
    for name in refused | doubles:
        assert f"{name}.refused" in lost
        assert (box / ".sync" / "lost+found" / f"{name}.refused").read_bytes() == files[name]
        reason = (box / ".sync" / "lost+found" / f"{name}.reason").read_text()
        begin = "its UID" if name in doubles else "a distribution" if name in lists else "line "
        assert reason.startswith(begin), (name, reason)
    assert "own-broken.vcf" in refused and {"own-30.vcf", "own-21.vcf", "own-40.vcf"} <= taken
    assert names(folder) == sorted(taken)
    mount.sync()
    assert len(exchange_contacts(sim)) == sum(state(folder / name) == "synced" for name in taken)
    mount.sync()
    failed = {name: os.getxattr(folder / name, "user.tandem.error").decode()
              for name in taken if state(folder / name) == "error"}
    for name in taken:  # kept byte for byte, and written again
        content = (folder / name).read_bytes()
        assert content == files[name], name
        (folder / name).write_bytes(content)
    assert_nothing_written(sim, mount)
    record_property("count", f"corpus through the mount: {len(taken)} of {len(files)} files taken, "
                    f"{len(doubles)} with a UID that is taken, {len(failed)} not for Exchange"
                    f"{' (line ends swapped)' if swapped else ''}")
    if not VCF.is_dir():
        record_property("count", f"not run: no vcf corpus at {VCF}")


@pytest.mark.sim(seed=seed())
@pytest.mark.parametrize("version", VERSIONS)
def test_vobject_parses_every_file(sim, start_mount, record_property, version):
    """Served anew by a gateway that never saw the files: what Exchange holds of every row and of the
    corpus."""
    mount = start_mount(sim)
    files = corpus()
    files.update({f"row {row.title}.vcf": card(row, row.first).encode() for row in ROWS})
    put(mount.mailbox("alice") / "Contacts", files)
    mount.sync()
    mount.stop()
    served = start_mount(sim, config=VERSIONS[version])
    folder = served.mailbox("alice") / "Contacts"
    assert len(names(folder)) == len(exchange_contacts(sim))
    held = {contact["id"]: contact for contact in exchange_contacts(sim)}
    for name in names(folder):
        one = parsed(folder / name)
        contact = held[os.getxattr(folder / name, "user.tandem.exchange-id").decode()]
        assert one.version.value == version
        if contact.get("DisplayName"):
            assert one.fn.value == contact["DisplayName"].strip(), name
        if contact.get("Surname"):
            assert one.n.value.family == contact["Surname"], name
    record_property("count", f"vobject parsed {len(names(folder))} files of version {version}")


@pytest.mark.sim(seed=seed())
def test_a_file_of_version_3_is_edited(sim, start_mount, exchange):
    """Every row in one card: what the edit did not touch stays as it was in Exchange."""
    rows = [row for row in ROWS if row.name not in ("DisplayName", "Sensitivity") and not row.before]
    lines = [line for row in rows for line in row.lines(row.first)]
    mount = start_mount(sim)
    (mount.mailbox("alice") / "Contacts" / "all.vcf").write_bytes("\r\n".join(
        ["BEGIN:VCARD", "VERSION:4.0", "FN:All Rows", *lines, "END:VCARD", ""]).encode())
    mount.sync()
    mount.stop()
    before = contacts_of(exchange("alice").contacts)["All Rows"]

    mount = start_mount(sim, config=VERSIONS["3.0"])
    path = mount.mailbox("alice") / "Contacts" / "all.vcf"
    text = path.read_bytes().decode()
    assert "VERSION:3.0\r\n" in text
    edit(path, "TITLE:Head <of> Sales", "TITLE:Seller")
    sim.reset_counters()
    mount.sync()
    assert sim.counters()["operations"].get("UpdateItem") == 1
    after = contacts_of(exchange("alice").contacts)["All Rows"]
    assert after.job_title == "Seller"
    unchanged = [field.name for field in type(before).FIELDS
                 if field.name not in ("job_title", "changekey", "_id", "last_modified_time",
                                       "size", "datetime_received", "mime_content")]
    for name in unchanged:
        assert getattr(after, name) == getattr(before, name), name

    after.department = "Print"
    after.save(update_fields=["department"])
    mount.sync()
    text = path.read_bytes().decode()
    assert "VERSION:3.0\r\n" in text and ";Print\r\n" in text
    assert_nothing_written(sim, mount)
