"""The guards: what many deletions, empty and absurd answers, and a second gateway must not do.

test_large.py has the same at the size of a mailbox, test_faults.py servers that are busy or break off.
"""
import os
from pathlib import Path

import pytest

from cycles import writes
from exchange import contacts_of, subfolder
from exchange import edit as change
from later import a_day_later
from scene import (
    ALICE,
    crm_contact,
    crm_contacts,
    edit,
    exchange_contact,
    exchange_contacts,
    link,
    names,
    person,
    seed,
    state,
)

CROWD = [person("Person", f"Nr{i:02}") for i in range(12)]
LINKED = [person("Linked", f"Nr{i:02}", folder="Salesforce_Sync") for i in range(12)]
ALL = seed(CROWD + LINKED)
REMOVED_AT_ONCE = {"sync": {"remove-quiet": "0"}}
MANY = 1000000


@pytest.fixture
def synced(contacts):
    return contacts / "Salesforce_Sync"


def everything(sim, contacts):
    """What there is on both servers and as files, and how it hangs together."""
    return (sorted((c["id"], c["DisplayName"], c["folder"]) for c in exchange_contacts(sim)),
            sorted((row["Id"], row["LastName"]) for row in crm_contacts(sim)),
            sorted((str(path), os.getxattr(path, "user.tandem.exchange-id"), link(path))
                   for path in contacts.glob("**/*.vcf")))


def held(mount):
    """{batch: names of files}"""
    batches = {}
    for row in mount.ctl_json("deletes"):
        batches.setdefault(row["batch"], []).append(row["path"].split("/")[-1])
    return {batch: sorted(paths) for batch, paths in batches.items()}


# Answers that show nothing -----------------------------------------------------------------------

EMPTY_PAGE = """<?xml version="1.0" encoding="utf-8"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
<m:SyncFolderItemsResponse
  xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"
  xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><m:ResponseMessages>
<m:SyncFolderItemsResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>
<m:SyncState>bm90aGluZw==</m:SyncState><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange>
<m:Changes/></m:SyncFolderItemsResponseMessage></m:ResponseMessages>
</m:SyncFolderItemsResponse></s:Body></s:Envelope>"""
NO_RECORDS = '{"totalSize":0,"done":true,"records":[]}'


def folder_ids(sim, *paths):
    folders = sim.state("exchange")["exchange"]["mailboxes"][ALICE]["folders"]
    return [folder["id"] for folder in folders if folder["path"] in paths]


def show_nothing(sim, *paths):
    """Folders whose cursors are lost, and which show nothing until all faults are cleared."""
    for folder in folder_ids(sim, *paths):
        sim.fault("SyncFolderItems", "ews", code="ErrorInvalidSyncStateData", match=folder)
        sim.fault("SyncFolderItems", "status", status=200, body=EMPTY_PAGE, skip=1, count=MANY,
                  content_type="text/xml; charset=utf-8", match=folder)


@pytest.mark.sim(seed=ALL)
def test_folders_that_are_suddenly_empty(sim, mount, contacts, synced):
    """Nothing is deleted, and nothing made a second time: what goes on meanwhile goes to what is there."""
    before = everything(sim, contacts)
    show_nothing(sim, "Contacts", "Contacts/Salesforce_Sync")
    assert writes(sim, mount) == 0
    (paths,) = held(mount).values()
    assert paths == sorted(names(contacts) + names(synced))
    assert everything(sim, contacts) == before

    edit(contacts / "Person Nr03.vcf", "END:VCARD", "TITLE:Dean\r\nEND:VCARD")
    edit(synced / "Linked Nr04.vcf", "END:VCARD", "TITLE:Dean\r\nEND:VCARD")
    sim.act("update", id=crm_contact(sim, "Nr05")["Id"], fields={"Title": "Dean"})
    mount.sync()
    assert writes(sim, mount) == 0
    (paths,) = held(mount).values()
    assert sorted({*names(contacts), *names(synced)} - set(paths)) == [
        "Linked Nr04.vcf", "Person Nr03.vcf"]  # which were asked for
    sim.clear_faults()
    assert writes(sim, mount) == 0
    assert held(mount) == {}
    assert everything(sim, contacts) == before
    for name in "Person Nr03", "Linked Nr04", "Linked Nr05":
        assert exchange_contact(sim, name)["JobTitle"] == "Dean"
    assert crm_contact(sim, "Nr04")["Title"] == "Dean"
    assert mount.ctl_json("errors") == mount.ctl_json("conflicts") == []


@pytest.mark.sim(seed=seed(LINKED))
@pytest.mark.mount(config={'policy "default"': {"users": "*", "contacts-mode": "all",
                                                "contacts-import": "owned",
                                                "contacts-remove": "both"}})
def test_a_crm_that_is_suddenly_empty(sim, mount, contacts):
    """Records that were deleted are told of as such; that none is shown means nothing."""
    before = everything(sim, contacts)
    sim.fault("sf:query*", "status", status=200, body=NO_RECORDS, count=MANY,
              content_type="application/json")
    for _ in range(2):
        assert writes(sim, mount) == 0
    with pytest.raises(Exception, match="12 of 12 linked records do not show any more"):
        a_day_later(mount)
    assert everything(sim, contacts) == before
    assert everything(sim, contacts) == before
    sim.clear_faults()
    assert writes(sim, mount) == 0
    assert everything(sim, contacts) == before
    assert mount.ctl_json("errors") == mount.ctl_json("conflicts") == []
    assert held(mount) == {}


# Absurd answers ----------------------------------------------------------------------------------

HUGE = 80 << 20  # more than is read of an answer
SOAP = """<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>%s</s:Body>
</s:Envelope>"""
LAUGHS = '<!DOCTYPE l [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {name} "{f"&{of};" * 10}">' for of, name in zip("abcdefgh", "bcdefghi")) + "]>"
ABSURD = {
    "SyncFolderItems": [
        {"type": "pad", "bytes": HUGE},
        {"type": "status", "body": ""},
        {"type": "status", "body": "<html><body>Please sign in</body></html>"},
        {"type": "status", "body": LAUGHS + SOAP % "&i;", "content_type": "text/xml"},
        {"type": "status", "body": '<!DOCTYPE l [<!ENTITY i SYSTEM "file:///etc/passwd">]>'
                                   + SOAP % "&i;", "content_type": "text/xml"},
        {"type": "status", "body": SOAP % "", "content_type": "text/xml"},
        {"type": "status", "body": "<a>" * 100000, "content_type": "text/xml"},
    ],
    "sf:queryAll": [
        {"type": "pad", "bytes": HUGE},
        *({"type": "status", "body": body, "content_type": "application/json"} for body in (
            "", "null", "{}", "[]", "[" * 100000, '{"records": 7, "done": true}',
            '{"totalSize": 1, "done": true, "records": [7]}')),
        {"type": "status", "body": "<html><body>Down for maintenance</body></html>"},
    ],
}


@pytest.mark.sim(seed=ALL)
def test_absurd_answers(sim, mount, contacts):
    """Each is refused with its reason; the next cycle is as if it had not been."""
    before = everything(sim, contacts)
    for operation, faults in ABSURD.items():
        for fault in faults:
            sim.fault(operation, **{"status": 200, **fault})
            sim.reset_counters()
            done = mount.sync(check=False)
            what = operation, {**fault, "body": fault.get("body", "")[:60]}, done.stderr
            assert done.returncode == 1 and done.stderr.strip() and "root:" not in done.stderr, what
            assert sum(one["fired"] for one in sim.faults()) == 1, what
            assert sim.counters()["writes"] == 0, what
            sim.clear_faults()
            assert writes(sim, mount) == 0, what
            assert everything(sim, contacts) == before, what
    assert mount.ctl_json("errors") == mount.ctl_json("conflicts") == []
    assert held(mount) == {}


# Another gateway ---------------------------------------------------------------------------------

@pytest.mark.sim(seed=seed(LINKED[:2]))
def test_an_item_that_goes_back_and_forth(sim, mount, exchange, synced):
    """Another program sets a title in Exchange and another one in the CRM, as often as we sync."""
    path = synced / "Linked Nr00.vcf"
    there = contacts_of(subfolder(exchange("alice"), "Salesforce_Sync"))["Linked Nr00"]
    record = crm_contact(sim, "Nr00")["Id"]
    sent = []
    for _ in range(6):
        there.refresh()
        change(there, job_title="One")
        sent.append(writes(sim, mount))
        sim.act("update", id=record, fields={"Title": "Other"})
        sent.append(writes(sim, mount))
    assert sent[:4] == [1] * 4 and sent[-4:] == [0] * 4  # a few are two people at work
    assert state(path) == "error"
    (entry,) = mount.ctl_json("errors")
    assert entry["path"].endswith("/Linked Nr00.vcf") and "back and forth" in entry["error"]
    assert "back and forth" in (synced.parents[1] / ".sync" / "errors.csv").read_text()

    # Held is what would be sent; the file follows, and so do all others.
    there.refresh()
    change(there, department="Physics")
    edit(synced / "Linked Nr01.vcf", "END:VCARD", "TITLE:Dean\r\nEND:VCARD")
    mount.sync()
    assert "Physics" in path.read_text()
    assert crm_contact(sim, "Nr00").get("Department") is None
    assert crm_contact(sim, "Nr01")["Title"] == exchange_contact(
        sim, "Linked Nr01")["JobTitle"] == "Dean"

    mount.ctl("retry-errors")
    mount.sync()
    assert writes(sim, mount) == 0
    assert mount.ctl_json("errors") == [] and state(path) == "synced"
    ours, theirs = exchange_contact(sim, "Linked Nr00"), crm_contact(sim, "Nr00")
    assert (ours["JobTitle"], ours["Department"]) == (theirs["Title"], "Physics")
    assert theirs["Department"] == "Physics"


# Many deletions ----------------------------------------------------------------------------------

def remove(folder, *numbers):
    for number in numbers:
        (path,) = folder.glob(f"* Nr{number:02}.vcf")
        path.unlink()


@pytest.mark.sim(seed=ALL)
@pytest.mark.mount(config={"sync": {"remove-quiet": "0"},
                           'policy "default"': {"users": "*", "contacts-remove": "both"}})
def test_a_batch_is_confirmed_or_restored_and_no_other(sim, mount, contacts, synced):
    """Five of a folder of twelve go within a day; what is more is held, also where the CRM began it."""
    before = everything(sim, contacts)
    remove(contacts, 0, 1, 2)
    mount.sync()
    remove(contacts, 3, 4, 5)
    assert writes(sim, mount) == 0
    remove(contacts, 6, 7)
    mount.sync()
    remove(contacts, 8)
    assert writes(sim, mount) == 0
    for row in crm_contacts(sim)[:7]:
        sim.act("delete", id=row["Id"])
    mount.sync()
    deleted = sorted(row["LastName"] for row in sim.records("Contact", deleted=True)
                     if row["IsDeleted"])
    batches = held(mount)
    first, second, third = sorted(batches)
    assert batches == {first: ["Person Nr03.vcf", "Person Nr04.vcf", "Person Nr05.vcf"],
                       second: ["Person Nr08.vcf"],
                       third: [f"Linked {name}.vcf" for name in deleted]}
    assert len(mount.ctl_json("status", ALICE)["held_deletes"]) == 3 + 1 + 7
    for nonsense in "1", "x":
        assert mount.ctl("deletes", "confirm", nonsense, check=False).returncode == 1

    (mount.path / ".sync" / "control").write_text(f"confirm-deletes {second}\n")
    mount.sync()
    assert list(held(mount)) == [first, third]
    mount.ctl("deletes", "restore", first)
    mount.ctl("deletes", "restore", third)
    mount.sync()
    assert held(mount) == {}
    assert writes(sim, mount) == 0
    there, records, files = everything(sim, contacts)
    gone = [f"Person Nr{number:02}" for number in (0, 1, 2, 6, 7, 8)]
    assert there == [item for item in before[0] if item[1] not in gone]
    assert [name for _, name in records] == [name for _, name in before[1] if name not in deleted]
    unlinked = {f"Linked {name}" for name in deleted}
    assert files == [(path, there_id, None if Path(path).stem in unlinked else link)
                     for path, there_id, link in before[2] if Path(path).stem not in gone]
