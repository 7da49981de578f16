"""Backup programs over the whole of MOUNT, no excludes: what is unchanged is seen as unchanged,
what is restored is an edit and nothing else, and a folder that is not complete yet is never half
stored."""
import os
import shutil
import threading
import time

import pytest
from backup_tools import TOOLS, Restic
from cycles import assert_nothing_written

from exchange import contacts_of
from exchange import edit as change
from exchange import new_contact, subfolder
from scale import amount
from scene import (
    ALICE,
    BOB,
    attribute,
    card,
    crm_contact,
    crm_contacts,
    exchange_contacts,
    exchange_items,
    names,
    person,
    seed,
)
from simulator import wait_for

DESIGNATED = {"Categories": ["CRM"]}
PEOPLE = [
    person("Anna", "Lind", JobTitle="Buyer", CompanyName="Lind Papier", **DESIGNATED,
           MobilePhone="+49 171 1", **{"Business/City": "Kiel"}),
    person("Ben", "Ohlsen", JobTitle="Seller", Body="Calls before ten.", **DESIGNATED),
    person("Carl", "Dreyer", JobTitle="Director", Birthday="1985-04-12T11:59:00Z", **DESIGNATED),
    person("Zoë", "Müller", JobTitle="Geschäftsführerin"),
    person("Emil", "Partner", JobTitle="Agent"),
    person("Fritz", "Folder", JobTitle="Printer"),
]
PEERS = [person("Gina", "Peer", JobTitle="Planner", **DESIGNATED), person("Hans", "Peer")]
# A series with its exceptions, days, a text of Outlook's, tasks; one of each kind in the CRM.
CALENDAR = [
    {"Subject": "Review", "Start": "2026-12-07T09:00:00", "End": "2026-12-07T10:00:00",
     "StartTimeZone": "W. Europe Standard Time", **DESIGNATED,
     "Recurrence": {"WeeklyRecurrence": {"Interval": 1, "DaysOfWeek": "Monday"},
                    "NumberedRecurrence": {"StartDate": "2026-12-07", "NumberOfOccurrences": 6}},
     "Exceptions": [{"OriginalDay": "2026-12-14"},
                    {"OriginalDay": "2026-12-21", "Subject": "Short review"}]},
    {"Subject": "Fair", "IsAllDayEvent": True, "Start": "2026-12-08T00:00:00",
     "End": "2026-12-10T00:00:00", "StartTimeZone": "Tokyo Standard Time",
     "Body": {"HTML": "<html><body><p>Hall <b>7</b></p></body></html>"},
     "RequiredAttendees": ["anna.lind@client.example"]}]
TASKS = [
    {"Subject": "Send the price list", "DueDate": "2026-12-01", "Importance": "High",
     "Status": "InProgress", "PercentComplete": 50, "ReminderIsSet": True,
     "ReminderDueBy": "2026-12-01T08:00:00", **DESIGNATED},
    {"Subject": "Order", "Status": "Completed", "CompleteDate": "2026-11-20"}]


def everything(people, peers):
    scene = seed(people, bob=peers)
    scene["mailboxes"][0].update(calendar=CALENDAR, tasks=TASKS)
    return scene


pytestmark = pytest.mark.sim(seed=everything(PEOPLE, PEERS))

each_tool = pytest.mark.parametrize("kind", amount(TOOLS, [Restic]),
                                    ids=lambda tool: tool.__name__.lower())


@pytest.fixture
def contacts(mount):
    """Contacts in three folders, one designated by its folder, and a draft."""
    folder = mount.mailbox("alice") / "Contacts"
    (folder / "Partners").mkdir()
    os.rename(folder / "Emil Partner.vcf", folder / "Partners" / "Emil Partner.vcf")
    os.rename(folder / "Fritz Folder.vcf", folder / "Salesforce_Sync" / "Fritz Folder.vcf")
    (folder / "notes.txt").write_text("not a contact\n")
    mount.sync()
    mount.sync()  # what Exchange and the CRM made of it is here as well
    assert len(crm_contacts(mount.sim)) == 5
    assert {row["Subject"] for row in mount.sim.records("Event")} == {"Review", "Short review"}
    assert [row["Subject"] for row in mount.sim.records("Task")] == ["Send the price list"]
    return folder


@pytest.fixture
def tool(kind, tmp_path):
    return kind(tmp_path)


def all_files(mount):
    """{name relative to the mount: bytes}"""
    found = {}
    for where, _, files in os.walk(mount.path):
        for name in files:
            path = os.path.join(where, name)
            with open(path, "rb") as stream:
                found[os.path.relpath(path, mount.path)] = stream.read()
    return found


def remote(sim):
    """Both servers: what a user can see of each item and record."""
    exchange = {address: {contact["id"]: contact for contact in exchange_contacts(sim, address)}
                for address in (ALICE, BOB)}
    for folder in "Calendar", "Tasks":
        for item in exchange_items(sim)[folder]:
            exchange[ALICE][item["id"]] = {**item["properties"], "folder": folder,
                                           "exceptions": item.get("exceptions")}
    crm = {row["Id"]: {name: value for name, value in row.items()
                       if name not in ("SystemModstamp", "LastModifiedDate")}
           for table in ("Contact", "Event", "Task") for row in sim.records(table)}
    return exchange, crm


def links(mount):
    """{name: what ties the file to both servers}"""
    return {name: [attribute(mount.path / name, key) for key in ("uid", "exchange-id", "crm-id")]
            for name in all_files(mount) if name.endswith((".vcf", ".ics"))}


def settle(mount):
    """Cycles, of which the last sees nothing removed that is too young to be sent."""
    old = time.monotonic() + 2.5
    mount.sync()
    wait_for(lambda: time.monotonic() > old)
    mount.sync()


def assert_backup(tool, mount, changed=None):
    found = tool.store(mount.path)
    assert found == (0, found[1], changed)


# Restoring ----------------------------------------------------------------------------------------

@each_tool
@pytest.mark.mount(config={"sync": {"quiet": "0", "interval": "0.02"}})
def test_restoring_what_is_there_changes_nothing(sim, mount, contacts, tool):
    """Cycles run all the while: each commit starts one at once, and the timer every second."""
    assert_backup(tool, mount)
    assert tool.files() == set(all_files(mount))
    files, servers, linked = all_files(mount), remote(sim), links(mount)
    sim.reset_counters()
    tool.restore(mount.path)
    tool.restore(mount.path)
    settle(mount)
    assert all_files(mount) == files
    assert links(mount) == linked
    assert remote(sim) == servers
    assert sim.counters()["writes"] == 0, sim.counters()
    for name in "alice", "bob":
        for kept in "conflicts", "lost+found":
            assert os.listdir(mount.mailbox(name) / ".sync" / kept) == []


@each_tool
def test_restoring_yesterday(sim, mount, contacts, tool, exchange):
    assert_backup(tool, mount)
    files, servers, linked = all_files(mount), remote(sim), links(mount)
    alice, bob = exchange("alice"), exchange("bob")
    colleague = contacts_of(alice.contacts)
    change(colleague["Anna Lind"], job_title="Interim", company_name="Other Ltd",
           phone_numbers=None)
    change(colleague["Ben Ohlsen"], body="Does not call.")
    change(contacts_of(subfolder(alice, "Partners"))["Emil Partner"], job_title="Interim")
    change(contacts_of(subfolder(alice, "Salesforce_Sync"))["Fritz Folder"], job_title="Interim")
    change(contacts_of(bob.contacts)["Gina Peer"], job_title="Interim")
    colleague["Carl Dreyer"].move_to_trash()
    new_contact(alice, "Nina New", job_title="Novice")
    mount.sync()
    carl, nina = f"{ALICE}/Contacts/Carl Dreyer.vcf", f"{ALICE}/Contacts/Nina New.vcf"
    seen = all_files(mount)
    assert seen.keys() == files.keys() - {carl} | {nina}
    assert {os.path.basename(name) for name in seen if name != nina and files[name] != seen[name]} \
        == {"Anna Lind.vcf", "Ben Ohlsen.vcf", "Emil Partner.vcf", "Fritz Folder.vcf",
            "Gina Peer.vcf"}
    assert crm_contact(sim, "Lind")["Title"] == crm_contact(sim, "Peer")["Title"] == "Interim"
    sim.reset_counters()

    tool.restore(mount.path)
    settle(mount)

    assert all_files(mount) == {**files, nina: seen[nina]}
    assert_yesterday(sim, servers)
    after = links(mount)
    assert after[carl][0] == linked[carl][0]  # another item of Exchange has the same UID
    assert {name: after[name] for name in linked if name != carl} == \
        {name: linked[name] for name in linked if name != carl}
    operations = sim.counters()["operations"]
    assert operations["CreateItem"] == 1
    assert {"DeleteItem", "MoveItem"}.isdisjoint(operations)
    assert_kept(mount.mailbox("alice"), {"Interim": 3, "Does not call.": 1})
    assert_nothing_written(sim, mount)


def assert_yesterday(sim, servers):
    """Carl, whom a colleague deleted, is there once, in a new item; his record is the old one.
    Nina, whom the backup did not know, is left alone."""
    exchange, crm = remote(sim)
    assert crm == servers[1]
    assert exchange[BOB] == servers[0][BOB]
    now, then = ({item.get("DisplayName") or item["Subject"]: item for item in items.values()}
                 for items in (exchange[ALICE], servers[0][ALICE]))
    assert len(now) == len(exchange[ALICE])
    assert now.pop("Nina New")["JobTitle"] == "Novice"
    assert now["Carl Dreyer"].pop("id") != then["Carl Dreyer"].pop("id")
    assert now == then


def assert_kept(box, counts):
    """What a restore replaced is in conflict records: it had arrived within the hour."""
    directory = box / ".sync" / "conflicts"
    kept = [(directory / name).read_text() for name in os.listdir(directory)]
    assert {text: sum(text in one for one in kept) for text in counts} == counts


# A new export -------------------------------------------------------------------------------------

THREE = ("Anna Lind", "Ben Ohlsen", "Carl Dreyer")


# What one of them has and the others have not: (line, property in Exchange, its value)
OWN = {
    "Anna Lind": ("NOTE:About Anna.", "Body", "About Anna."),
    "Ben Ohlsen": ("TEL;TYPE=home,voice:+49 30 77", "PhoneNumbers/HomePhone", "+49 30 77"),
    "Carl Dreyer": ("ROLE:Carl's profession", "Profession", "Carl's profession"),
}


def export(uids=None):
    """{name: card} of three people, each with values of his own."""
    return {name: card(name, f"EMAIL:{name.replace(' ', '.').lower()}@client.example",
                       f"TEL;TYPE=cell:+49 171 {n}", f"TITLE:{name}'s job", "CATEGORIES:CRM",
                       OWN[name][0], uid=uids and uids[name])
            for n, name in enumerate(THREE, 1)}


def assert_nothing_is_mixed(sim):
    found = {contact["DisplayName"]: contact for contact in exchange_contacts(sim)}
    assert len(exchange_contacts(sim)) == len(THREE)
    assert len(crm_contacts(sim)) == len(THREE)
    for n, name in enumerate(THREE, 1):
        given, surname = name.split(" ")
        email, mobile, title = f"{given}.{surname}@client.example".lower(), f"+49 171 {n}", \
            f"{name}'s job"
        assert (found[name]["GivenName"], found[name]["Surname"], found[name]["JobTitle"]) == \
            (given, surname, title)
        assert found[name]["EmailAddresses/EmailAddress1"] == email
        assert found[name]["PhoneNumbers/MobilePhone"] == mobile
        for owner, (_, field, value) in OWN.items():
            held = found[name].get(field)
            assert (held.rstrip() if held else None) == (value if owner == name else None), field
        row = crm_contact(sim, surname)
        assert (row["FirstName"], row["Email"], row["MobilePhone"], row["Title"]) == \
            (given, email, mobile, title)


@pytest.mark.sim(seed=seed())
@pytest.mark.parametrize("who", ["the same", "unknown", "others"])
def test_all_removed_and_exported_under_other_names(sim, mount, who):
    """rm *.vcf, then each card under another's name: by its UID it is the same contact, with an
    unknown one a new contact, and without one it becomes the contact of that name as a whole."""
    folder = mount.mailbox("alice") / "Contacts"
    for name, text in export().items():
        (folder / f"{name}.vcf").write_bytes(text.encode())
    mount.sync()
    assert_nothing_is_mixed(sim)
    before = {contact["DisplayName"]: contact["id"] for contact in exchange_contacts(sim)}
    records = {row["LastName"]: row["Id"] for row in crm_contacts(sim)}
    uids = {"the same": {name: attribute(folder / f"{name}.vcf", "uid") for name in THREE},
            "unknown": {name: f"urn:uuid:0000000{n}-1111-4222-8333-444444444444"
                        for n, name in enumerate(THREE)},
            "others": None}[who]

    for path in folder.glob("*.vcf"):
        path.unlink()
    for name, text in zip(THREE[1:] + THREE[:1], export(uids).values()):
        (folder / f"{name}.vcf").write_bytes(text.encode())
    settle(mount)

    assert names(folder) == sorted(f"{name}.vcf" for name in THREE)
    assert_nothing_is_mixed(sim)
    after = {contact["DisplayName"]: contact["id"] for contact in exchange_contacts(sim)}
    if who == "the same":
        assert after == before
        assert {row["LastName"]: row["Id"] for row in crm_contacts(sim)} == records
    elif who == "unknown":
        assert set(after.values()).isdisjoint(before.values())
    else:
        assert set(after.values()) == set(before.values())
    assert_nothing_written(sim, mount)


# Twice --------------------------------------------------------------------------------------------

class Cycles:
    """Cycles without a pause, besides those of the timer."""

    def __init__(self, mount):
        self.mount, self.ended, self.errors = mount, threading.Event(), []
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            while not self.ended.is_set():
                self.mount.sync()
        except Exception as error:  # told by __exit__
            self.errors.append(error)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        assert not self.errors, self.errors


@each_tool
@pytest.mark.mount(config={"sync": {"interval": "0.02"}})
def test_what_changed_is_seen_and_nothing_else(sim, mount, contacts, tool, exchange):
    with Cycles(mount):
        assert_backup(tool, mount)
        assert tool.files() == set(all_files(mount))
        assert len(tool.files()) == len([*PEOPLE, *PEERS, *CALENDAR, *TASKS]) + 1
        assert_backup(tool, mount, set())
    mount.stop()
    mount.start()
    with Cycles(mount):
        assert_backup(tool, mount, set())
    change(contacts_of(exchange("alice").contacts)["Carl Dreyer"], job_title="Producer")
    mount.sync()  # as many bytes as before
    name = f"{ALICE}/Contacts/Carl Dreyer.vcf"
    # Its time is at least a second after the last one: ahead of the clock, in a test as short as
    # this.
    wait_for(lambda: time.time() > (mount.path / name).stat().st_mtime, what="the file's time")
    assert_backup(tool, mount, {name})
    mount.kill()
    mount.start()
    assert_backup(tool, mount, set())


# Before the first sync has ended ------------------------------------------------------------------

CROWD = [person(f"Person{n}", "Crowd") for n in range(130)]  # more than one GetItem


@pytest.mark.sim(seed=seed(CROWD, bob=PEERS))
@each_tool
def test_a_folder_that_is_not_complete(sim, mount, kind, tmp_path):
    """The cache is lost; of Alice's contacts only some are here again, Bob's are.  Her folder is
    stored as a whole or not at all, and a restore doubles nobody."""
    everything = kind(tmp_path)
    assert_backup(everything, mount)
    files, servers = all_files(mount), remote(sim)
    assert everything.files() == files.keys()
    assert len(files) == len(CROWD) + len(PEERS)
    mount.stop()
    shutil.rmtree(mount.cache)
    sim.fault("GetItem", "delay", ms=600_000, count=100, skip=1, match=ALICE)
    mount.start()
    wait_for(lambda: sim.faults()[0]["fired"], 60, "a request that hangs")
    wait_for(lambda: is_listed(mount.mailbox("bob") / "Contacts"), 60, "Bob's contacts")

    (tmp_path / "early").mkdir()
    early = kind(tmp_path / "early")
    status, complaints, _ = early.store(mount.path, check=False)
    assert status != 0
    assert f"{ALICE}/Contacts" in complaints
    assert f"{BOB}/Contacts" not in complaints
    assert early.files() == {name for name in files if name.startswith(BOB)}
    assert everything.restore(mount.path, check=False) != 0

    sim.clear_faults()
    mount.stop()
    mount.start()
    settle(mount)
    assert all_files(mount).keys() == files.keys()
    exchange, crm = remote(sim)
    assert exchange == servers[0]
    assert crm == servers[1]


def is_listed(folder):
    try:
        return os.listdir(folder)
    except BlockingIOError:  # EAGAIN
        return False
