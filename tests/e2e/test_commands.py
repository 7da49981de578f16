"""tandemctl reset and relink, and what the gateway leaves in the mailbox for Outlook."""
import base64
import os
import socket
import subprocess
import time
import xml.etree.ElementTree as ElementTree

import pytest

from cycles import writes
from ews_raw import RawEws
from exchange import contacts_of
from exchange import edit as change
from scene import (
    ALICE,
    card,
    crm_contact,
    crm_contacts,
    edit,
    exchange_contact,
    exchange_names,
    link,
    names,
    person,
    seed,
    state,
)
from simulator import BUILD, wait_for

ANNA = person("Anna", "Lind", folder="Salesforce_Sync", JobTitle="Buyer")
BEN = person("Ben", "Ohlsen", folder="Salesforce_Sync", JobTitle="Clerk")
CLARA = person("Clara", "Diaz")


def identities(contacts):
    return {path.name: (path.stat().st_ino, os.getxattr(path, "user.tandem.uid"), link(path))
            for path in contacts.glob("**/*.vcf")}


def losers(mount):
    """{(origin, value)} of all conflict records."""
    return {(lost["origin"], lost["value"]) for row in mount.ctl_json("conflicts")
            for field in row["conflict"]["fields"] for lost in field["losers"]}


# Reset -------------------------------------------------------------------------------------------

@pytest.mark.sim(seed=seed([ANNA, BEN, CLARA], bob=[CLARA]))
def test_reset(sim, mount, contacts):
    """Shadows and cursors go; names, numbers, links, unlinked ones too, and unsent edits stay."""
    anna, ben = (contacts / "Salesforce_Sync" / name for name in ("Anna Lind.vcf", "Ben Ohlsen.vcf"))
    os.setxattr(ben, "user.tandem.categories", b"DoNotSync")
    os.rename(contacts / "Clara Diaz.vcf", contacts / "clara.vcf")
    mount.sync()
    before, records = identities(contacts), sorted(row["Id"] for row in crm_contacts(sim))
    assert state(ben) == "excluded"

    mount.ctl("reset", ALICE)
    assert names(contacts) == ["clara.vcf"]
    assert writes(sim, mount) == 0
    assert identities(contacts) == before
    assert sim.counters()["operations"]["GetItem"] == 2  # of Alice's two folders

    edit(anna, "TITLE:Buyer", "TITLE:Dean")
    edit(contacts / "clara.vcf", "END:VCARD", "TITLE:Owner\r\nEND:VCARD")
    mount.ctl("reset", ALICE)
    mount.sync()
    assert exchange_contact(sim, "Anna Lind")["JobTitle"] == "Dean"
    assert exchange_contact(sim, "Clara Diaz")["JobTitle"] == "Owner"
    assert crm_contact(sim, "Lind")["Title"] == "Dean"
    assert writes(sim, mount) == 0
    assert {name: kept[1:] for name, kept in identities(contacts).items()} == \
        {name: kept[1:] for name, kept in before.items()}
    assert exchange_names(sim) == ["Anna Lind", "Ben Ohlsen", "Clara Diaz"]
    assert sorted(row["Id"] for row in crm_contacts(sim)) == records
    assert losers(mount) == {("exchange", "Buyer"), ("crm", "Buyer")}

    # Without a base, fields that differ are conflicts.
    sim.act("update", id=crm_contact(sim, "Lind")["Id"], fields={"Title": "Chief"})
    mount.ctl("reset", ALICE)
    mount.sync()
    assert crm_contact(sim, "Lind")["Title"] == exchange_contact(sim, "Anna Lind")["JobTitle"] == \
        "Dean"
    assert ("crm", "Chief") in losers(mount)
    for wrong in "nobody@corp.example", "alice":
        assert mount.ctl("reset", wrong, check=False).returncode == 1


# Relink ------------------------------------------------------------------------------------------

@pytest.mark.sim(seed=seed([ANNA, BEN]))
def test_relink(sim, mount, contacts):
    path, ben = (contacts / "Salesforce_Sync" / name for name in ("Anna Lind.vcf", "Ben Ohlsen.vcf"))
    first = crm_contact(sim, "Lind")["Id"]
    other = sim.act("create", object="Contact", fields={"LastName": "Linden", "Title": "Chief"})["id"]

    # Unlinked, and matched by its address again.
    sim.act("hide", id=first)
    edit(path, "TITLE:Buyer", "TITLE:Dean")
    mount.sync()
    mount.sync()
    sim.act("hide", id=first, hidden=False)
    mount.sync()
    assert link(path) is None
    mount.ctl("relink", path)
    mount.sync()
    assert link(path) == first and crm_contact(sim, "Lind")["Title"] == "Dean"

    # Linked with another one by its id, here in its short form; the first is left alone.
    mount.ctl("relink", path, other[:15])
    mount.sync()
    assert link(path) == other
    assert {row["Id"] for row in crm_contacts(sim, "Lind")} == {first, other}
    sim.act("update", id=other, fields={"Department": "Physics"})
    mount.sync()
    assert exchange_contact(sim, "Anna Lind")["Department"] == "Physics"
    for wrong, why in (link(ben), "linked with another item"), ("nonsense", "not the id"):
        done = mount.ctl("relink", path, wrong, check=False)
        assert done.returncode == 1 and why in done.stderr
    assert writes(sim, mount) == 0
    assert link(path) == other

    # A record that is not there: unlinked, and nothing is made.
    mount.ctl("relink", path, "003000000000000AAA")
    mount.sync()
    assert link(path) is None
    assert len(crm_contacts(sim)) == 3


# Categories --------------------------------------------------------------------------------------

def category_list(sim):
    """The names that Outlook shows with a colour, read as Outlook does."""
    answer = RawEws(sim, impersonate="alice").call(
        '<m:GetUserConfiguration><m:UserConfigurationName Name="CategoryList">'
        '<t:DistinguishedFolderId Id="calendar"/></m:UserConfigurationName>'
        "<m:UserConfigurationProperties>XmlData</m:UserConfigurationProperties>"
        "</m:GetUserConfiguration>")
    tree = ElementTree.fromstring(base64.b64decode(answer.text_of("t:XmlData")))
    return [category.get("name") for category in tree]


@pytest.mark.sim(seed=seed([CLARA]))
def test_a_category_that_designates_is_in_outlooks_list(sim, mount, contacts):
    before = category_list(sim)
    assert before and "CRM" not in before
    os.setxattr(contacts / "Clara Diaz.vcf", "user.tandem.categories", b"CRM,Friends")
    mount.sync()
    assert category_list(sim) == [*before, "CRM"]  # others are the user's own affair
    mount.stop()
    mount.start()
    os.setxattr(contacts / "Clara Diaz.vcf", "user.tandem.categories", b"")
    mount.sync()
    os.setxattr(contacts / "Clara Diaz.vcf", "user.tandem.categories", b"CRM")
    mount.sync()
    assert category_list(sim) == [*before, "CRM"]


# The socket --------------------------------------------------------------------------------------

LARGE = 120_000  # three of these are more than a socket takes from one who does not wait


@pytest.mark.sim(seed=seed([person("Clara", "Diaz", Body="a" * LARGE)]))
def test_a_client_that_does_not_read_keeps_nothing_from_stopping(mount, contacts, alice):
    change(contacts_of(alice.contacts)["Clara Diaz"], body="b" * LARGE)
    (contacts / "Clara Diaz.vcf").write_text(
        card("Clara Diaz", "EMAIL:clara.diaz@client.example", "NOTE:" + "c" * LARGE))
    mount.sync()
    whole = len(mount.ctl("--json", "conflicts").stdout)
    assert whole > 3 * LARGE
    (path,) = (mount.runtime / "tandemfs").iterdir()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b'{"command": "conflicts"}\n')
        assert client.recv(1)  # the answer has begun
        began = time.monotonic()
        mount.stop()
        assert time.monotonic() - began < 20
        got = 1
        while part := client.recv(1 << 20):
            got += len(part)
    assert got < whole


@pytest.mark.sim(seed=seed([CLARA], bob=[]))
def test_a_test_of_servers_that_hang_ends_with_the_daemon(sim, mount):
    sim.fault("*", "delay", ms=600000, count=10)
    with subprocess.Popen([str(BUILD / "tandemctl"), "-m", str(mount.path), "test-connection"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          env=mount.environment) as client:
        wait_for(lambda: sim.counters()["delayed"], 60, "the request that hangs")
        began = time.monotonic()
        mount.stop()
        assert time.monotonic() - began < 20
        assert client.wait(20) == 1
    sim.clear_faults()
