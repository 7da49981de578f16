"""What the acceptance tests share: small seeds, and an independent reading of both servers.

Nothing here asks the program under test: Exchange and Salesforce are read from the simulator's own
state, files by the ordinary calls.
"""
import errno
import json
import os
import re

import pytest

ALICE = "alice@corp.example"
BOB = "bob@corp.example"


def person(given, surname, **more):
    """A contact as a seed has it, in Exchange's names."""
    return {"GivenName": given, "Surname": surname, "DisplayName": f"{given} {surname}",
            "FileAs": f"{surname}, {given}",
            "EmailAddress1": f"{given}.{surname}@client.example".lower(), **more}


def seed(alice=(), bob=None, records=()):
    """A company of one mailbox or two, and records of the CRM."""
    boxes = [{"address": ALICE, "name": "Alice Moreau", "password": "alice-password",
              "contacts": list(alice)}]
    if bob is not None:
        boxes.append({"address": BOB, "name": "Bob Tanaka", "password": "bob-password",
                      "contacts": list(bob)})
    return {"mailboxes": boxes, "salesforce": {"Contact": list(records)}}


def card(name, *lines, uid=None):
    """A vCard 4.0 as other programs write it."""
    given, _, surname = name.partition(" ")
    head = ["BEGIN:VCARD", "VERSION:4.0", f"FN:{name}", f"N:{surname};{given};;;"]
    if uid:
        head.insert(2, f"UID:{uid}")
    return "\r\n".join([*head, *lines, "END:VCARD", ""])


def calendar(*lines):
    """An iCalendar file of these components."""
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Example//EN", *lines,
                        "END:VCALENDAR", ""])


def component(kind, uid, *lines):
    """[line] of a VEVENT or VTODO."""
    return [f"BEGIN:{kind}", f"UID:{uid}", "DTSTAMP:20261101T000000Z", *lines, f"END:{kind}"]


# Exchange ----------------------------------------------------------------------------------------

def exchange_items(sim, address=ALICE):
    """{folder path: [item]}, as they are stored; Deleted Items is a folder like any other."""
    folders = sim.state("exchange")["exchange"]["mailboxes"][address]["folders"]
    return {folder["path"]: folder["items"] for folder in folders}


def exchange_contacts(sim, address=ALICE):
    """[properties] of all contacts below Contacts, each with "folder" and "id" besides."""
    return [{**item["properties"], "folder": path, "id": item["id"]}
            for path, items in exchange_items(sim, address).items()
            if path == "Contacts" or path.startswith("Contacts/")
            for item in items]


def exchange_names(sim, address=ALICE):
    """Sorted display names of all contacts below Contacts: a contact made twice is in it twice."""
    return sorted(contact["DisplayName"] for contact in exchange_contacts(sim, address))


def exchange_contact(sim, name, address=ALICE):
    """The one contact with this display name."""
    found = [c for c in exchange_contacts(sim, address) if c.get("DisplayName") == name]
    assert len(found) == 1, f"{name}: {len(found)} in Exchange"
    return found[0]


def exchange_keys(sim, address=ALICE):
    """{display name: (folder, what stays when Exchange moves an item)} of all contacts."""
    found = {}
    for path, items in exchange_items(sim, address).items():
        if path == "Contacts" or path.startswith("Contacts/"):
            for item in items:
                name = item["properties"]["DisplayName"]
                assert name not in found, f"{name} is there twice"
                found[name] = (path, item["search_key"])
    return found


# Salesforce --------------------------------------------------------------------------------------

def crm_contacts(sim, surname=None):
    return [row for row in sim.records("Contact") if surname in (None, row["LastName"])]


def crm_contact(sim, surname):
    found = crm_contacts(sim, surname)
    assert len(found) == 1, f"{surname}: {len(found)} in Salesforce"
    return found[0]


# Files -------------------------------------------------------------------------------------------

def names(directory):
    """Sorted names of the items of a directory."""
    return sorted(name for name in os.listdir(directory) if name.endswith(".vcf"))


def attribute(path, name):
    """An attribute of an item; None where it has no value."""
    try:
        return os.getxattr(path, f"user.tandem.{name}").decode()
    except OSError as error:
        if error.errno != errno.ENODATA:
            raise
        return None


def state(path):
    return os.getxattr(path, "user.tandem.state").decode()


def link(path):
    """The id of the record that the file is linked with, or None."""
    return attribute(path, "crm-id")


def unfolded(path):
    """A file's text in which each property is one line."""
    return re.sub(r"\r?\n[ \t]", "", path.read_bytes().decode())


def lost(box):
    """Sorted names of what was refused and kept."""
    return sorted(os.listdir(box / ".sync" / "lost+found"))


def conflicts(box):
    """The conflict records of a mailbox, by their files' names."""
    directory = box / ".sync" / "conflicts"
    return [json.loads((directory / name).read_text()) for name in sorted(os.listdir(directory))]


def refused(number, call, *args, **options):
    """The call fails with this errno."""
    with pytest.raises(OSError) as caught:
        call(*args, **options)
    assert caught.value.errno == number, os.strerror(caught.value.errno)


def edit(path, old, new):
    """Writes the file in place, as a shell's redirection does."""
    text = path.read_bytes().decode()
    assert old in text, f"{path.name} has no {old!r}:\n{text}"
    path.write_bytes(text.replace(old, new).encode())
