"""Programs that others wrote for address books as files: khard and vdirsyncer, on the mount itself."""
import os
import subprocess

import pytest

from exchange import contacts_of
from exchange import edit as change
from scene import (
    card,
    edit,
    exchange_contact,
    exchange_contacts,
    exchange_names,
    names,
    person,
    run,
    seed,
)

ANNA = person("Anna", "Lind", JobTitle="Buyer", CompanyName="Lind Papier", MobilePhone="+49 171 1",
              **{"Business/Street": "Hafenweg 3", "Business/City": "Kiel",
                 "Business/PostalCode": "24103"})
BEN = person("Ben", "Ohlsen", BusinessPhone="+49 30 2", Body="Calls before ten.",
             EmailAddress2="ben@home.example")
ZOE = person("Zoë", "Müller-Ünal", JobTitle="Geschäftsführerin", Birthday="1985-04-12",
             Categories=["Key account", "Messe"])
pytestmark = pytest.mark.sim(seed=seed([ANNA, BEN, ZOE]))


def drop_caches(mount):
    """The kernel forgets names and inodes; where that is root's alone, a new mount forgets as well."""
    os.sync()
    try:
        with open("/proc/sys/vm/drop_caches", "w") as knob:
            knob.write("2\n")
    except PermissionError:
        remount(mount)


def remount(mount):
    mount.stop()
    mount.start()


# khard -------------------------------------------------------------------------------------------

@pytest.fixture
def khard(mount, tmp_path):
    home = tmp_path / "home"
    config = home / "khard.conf"
    home.mkdir()
    config.write_text(f"""
[addressbooks]
[[work]]
path = {mount.mailbox("alice") / "Contacts"}
[[synced]]
path = {mount.mailbox("alice") / "Contacts" / "Salesforce_Sync"}

[general]
debug = no
default_action = list
editor = /bin/false
merge_editor = /bin/false

[contact table]
display = first_name
show_uids = no
show_kinds = no

[vcard]
preferred_version = 4.0
""")

    def call(*words, check=True, **options):
        environment = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home / "none"),
                       "LC_ALL": "C.UTF-8"}
        return run("khard", "-c", config, *words, check=check, env=environment, **options)

    return call


def rows(text):
    return sorted(tuple(line.split("\t")) for line in text.splitlines())


def test_khard_lists(khard):
    listed = rows(khard("list", "--parsable", "-F", "name", "-a", "work").stdout)
    assert listed == [("Anna Lind",), ("Ben Ohlsen",), ("Zoë Müller-Ünal",)]

    table = khard("list", "-a", "work").stdout
    for text in ("Anna Lind", "anna.lind@client.example", "+49 171 1", "Ben Ohlsen", "+49 30 2",
                 "Zoë Müller-Ünal"):
        assert text in table


def test_khard_lists_addresses_and_numbers(khard):
    emails = khard("email", "--parsable", "-a", "work").stdout
    assert {line.split("\t")[0] for line in emails.splitlines() if "@" in line} == {
        "anna.lind@client.example", "ben.ohlsen@client.example", "ben@home.example",
        "zoë.müller-ünal@client.example"}
    phones = khard("phone", "--parsable", "-a", "work").stdout
    assert {line.split("\t")[0] for line in phones.splitlines()} == {"+49 171 1", "+49 30 2"}
    birthdays = khard("birthdays", "--parsable", "-a", "work").stdout
    assert birthdays.split("\t")[0] == "1985.04.12" and "Zoë" in birthdays


def test_khard_shows(khard):
    shown = khard("show", "-a", "work", "Anna Lind").stdout
    for text in ("Anna Lind", "Lind Papier", "Buyer", "Hafenweg 3", "24103", "Kiel", "+49 171 1",
                 "anna.lind@client.example"):
        assert text in shown, shown
    assert "Calls before ten." in khard("show", "-a", "work", "Ben Ohlsen").stdout
    shown = khard("show", "-a", "work", "Zoë").stdout
    for text in ("Geschäftsführerin", "04/12/85", "Key account", "Messe"):
        assert text in shown, shown


def test_khard_makes_edits_and_removes(sim, mount, khard, tmp_path):
    """A contact made by khard is one in Exchange, follows khard's edits and goes with its file."""
    contacts = mount.mailbox("alice") / "Contacts"
    yaml = """
First name: Carla
Last name: Nowak
Organisation: Nowak Druck
Title: Printer
Phone:
    cell: +49 171 99
Email:
    work: carla@nowak.example
Note: From khard.
"""
    khard("new", "-a", "work", "--vcard-version", "4.0", input=yaml)
    mount.sync()
    carla = exchange_contact(sim, "Carla Nowak")
    assert carla["GivenName"] == "Carla" and carla["Surname"] == "Nowak"
    assert carla["CompanyName"] == "Nowak Druck" and carla["JobTitle"] == "Printer"
    assert carla["PhoneNumbers/MobilePhone"] == "+49 171 99"
    assert carla["EmailAddresses/EmailAddress1"] == "carla@nowak.example"
    assert carla["Body"].rstrip() == "From khard."

    answers = tmp_path / "answers.yaml"
    answers.write_text(yaml.replace("Printer", "Master printer"))
    khard("edit", "-i", answers, "-a", "work", "Carla", input="y\n")
    mount.sync()
    after = exchange_contact(sim, "Carla Nowak")
    assert after["JobTitle"] == "Master printer"
    assert after["id"] == carla["id"]

    khard("move", "-a", "work", "-A", "synced", "Carla")
    mount.sync()
    assert exchange_contact(sim, "Carla Nowak")["folder"] == "Contacts/Salesforce_Sync"

    khard("remove", "--force", "-a", "synced", "Carla")
    assert len(names(contacts / "Salesforce_Sync")) == 0


# Scripts -----------------------------------------------------------------------------------------

def test_a_script_writes_and_then_tags(sim, mount):
    """Line after line, with nothing between: the kernel's RELEASE comes after close(2) returned."""
    contacts = mount.mailbox("alice") / "Contacts"
    script = """
for i in $(seq 40); do
	printf 'BEGIN:VCARD\\r\\nVERSION:4.0\\r\\nFN:Tagged %s\\r\\nEND:VCARD\\r\\n' $i >"tag $i.vcf"
	setfattr -n user.tandem.categories -v "Messe,Nr $i" "tag $i.vcf"
	sed -i "s/FN:Tagged/FN:Once tagged/" "tag $i.vcf"
	mv "tag $i.vcf" Salesforce_Sync/
done"""
    run("bash", "-euc", script, cwd=contacts)
    mount.sync()
    found = {contact["DisplayName"]: contact for contact in exchange_contacts(sim)}
    for i in range(1, 41):
        tagged = found[f"Once tagged {i}"]
        assert tagged["folder"] == "Contacts/Salesforce_Sync"
        assert sorted(tagged["Categories"]) == sorted(["Messe", f"Nr {i}"])
    assert len(exchange_names(sim)) == len(found) == 43


# vdirsyncer --------------------------------------------------------------------------------------

class Vdirsyncer:
    def __init__(self, directory, collection):
        self.plain = directory / "plain"
        self.plain.mkdir(parents=True)
        self.config = directory / "config"
        self.config.write_text(f"""
[general]
status_path = "{directory}/status/"

[pair work]
a = "mount"
b = "plain"
collections = null

[storage mount]
type = "filesystem"
path = "{collection}"
fileext = ".vcf"

[storage plain]
type = "filesystem"
path = "{self.plain}"
fileext = ".vcf"
""")
        self("discover")

    def __call__(self, *words, check=True):
        done = subprocess.run(["vdirsyncer", "-c", str(self.config), *words], text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=120)
        if check:
            assert done.returncode == 0, done.stdout
        return done.stdout

    def sync(self):
        """What it did, as its own lines say: [("Copying (uploading)", ident, storage)] sorted."""
        actions = []
        for line in self("sync").splitlines():
            if line.startswith(("Copying", "Deleting")):
                verb, _, rest = line.partition(" item ")
                ident, _, target = rest.rpartition(" from " if verb == "Deleting" else " to ")
                actions.append((verb, ident, target.split("/")[0]))
            else:
                assert line.startswith("Syncing") or not line.strip(), line
        return sorted(actions)

    def texts(self):
        return sorted(path.read_text() for path in self.plain.glob("*.vcf"))


@pytest.fixture
def vdirsyncer(mount, tmp_path):
    return Vdirsyncer(tmp_path / "vdirsyncer", mount.mailbox("alice") / "Contacts")


def prints(directory):
    """What a vdir tool takes as the etags, and the number besides: {name: (mtime, ino, size)}."""
    found = {}
    for entry in directory.iterdir():
        if entry.suffix == ".vcf":
            stat = os.stat(entry)
            found[entry.name] = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
    return found


def verbs(actions):
    return sorted((verb, target) for verb, _, target in actions)


UPLOADS = "Copying (uploading)"
UPDATES = "Copying (updating)"
DORIS = card("Doris Petit", "EMAIL:doris@petit.example", "TITLE:Florist", uid="doris-petit-1")
EMIL = card("Emil Sørensen", "TEL;TYPE=cell:+45 20 1", uid="urn:uuid:7a1f6cf8-2f6d-4a4a-8e8f-1")


def test_vdirsyncer_copies_both_ways_and_then_has_nothing_to_do(sim, mount, vdirsyncer):
    contacts = mount.mailbox("alice") / "Contacts"
    (vdirsyncer.plain / "doris.vcf").write_text(DORIS)
    (vdirsyncer.plain / "emil.vcf").write_text(EMIL)

    assert verbs(vdirsyncer.sync()) == sorted([(UPLOADS, "mount")] * 2 + [(UPLOADS, "plain")] * 3)

    assert len(names(contacts)) == len(names(vdirsyncer.plain)) == 5
    before, copies = prints(contacts), prints(vdirsyncer.plain)
    assert vdirsyncer.sync() == []
    mount.sync()
    assert exchange_names(sim) == sorted(
        ["Anna Lind", "Ben Ohlsen", "Zoë Müller-Ünal", "Doris Petit", "Emil Sørensen"])
    assert exchange_contact(sim, "Doris Petit")["JobTitle"] == "Florist"
    assert exchange_contact(sim, "Emil Sørensen")["PhoneNumbers/MobilePhone"] == "+45 20 1"
    assert vdirsyncer.sync() == []
    assert prints(contacts) == before

    drop_caches(mount)
    assert prints(contacts) == before
    assert vdirsyncer.sync() == []

    remount(mount)
    assert prints(contacts) == before
    assert vdirsyncer.sync() == []
    mount.sync()
    assert prints(contacts) == before
    assert vdirsyncer.sync() == []
    assert prints(vdirsyncer.plain) == copies


def test_vdirsyncer_brings_a_files_edit_to_exchange_and_back(sim, mount, vdirsyncer):
    contacts = mount.mailbox("alice") / "Contacts"
    vdirsyncer.sync()
    anna = exchange_contact(sim, "Anna Lind")
    copy = next(p for p in vdirsyncer.plain.glob("*.vcf") if "Anna Lind" in p.read_text())
    ident = copy.stem

    edit(copy, "TITLE:Buyer", "TITLE:Head of Buying")
    assert vdirsyncer.sync() == [(UPDATES, ident, "mount")]
    before = prints(contacts)
    assert vdirsyncer.sync() == []
    mount.sync()
    after = exchange_contact(sim, "Anna Lind")
    assert (after["JobTitle"], after["id"]) == ("Head of Buying", anna["id"])
    assert names(contacts) == ["Anna Lind.vcf", "Ben Ohlsen.vcf", "Zoë Müller-Ünal.vcf"]
    drop_caches(mount)
    assert prints(contacts) == before
    assert vdirsyncer.sync() == []

    # and an edit on the mount goes to the copy
    edit(contacts / "Ben Ohlsen.vcf", "+49 30 2", "+49 30 22")
    assert verbs(vdirsyncer.sync()) == [(UPDATES, "plain")]
    assert sum("+49 30 22" in text for text in vdirsyncer.texts()) == 1
    mount.sync()
    assert exchange_contact(sim, "Ben Ohlsen")["PhoneNumbers/BusinessPhone"] == "+49 30 22"
    assert vdirsyncer.sync() == []
    remount(mount)
    assert vdirsyncer.sync() == []


def test_vdirsyncer_takes_what_others_changed_in_exchange(mount, exchange, vdirsyncer):
    vdirsyncer.sync()
    found = contacts_of(exchange("alice").contacts)
    change(found["Anna Lind"], job_title="Purchasing")
    found["Ben Ohlsen"].move_to_trash()

    mount.sync()
    assert verbs(vdirsyncer.sync()) == sorted([("Deleting", "plain"), (UPDATES, "plain")])

    texts = vdirsyncer.texts()
    assert len(texts) == 2
    assert sum("TITLE:Purchasing" in text for text in texts) == 1
    assert not any("Ohlsen" in text for text in texts)
    drop_caches(mount)
    assert vdirsyncer.sync() == []
    remount(mount)
    mount.sync()
    assert vdirsyncer.sync() == []


@pytest.mark.mount(config={"sync": {"remove-quiet": "0"}})
def test_vdirsyncer_deletes_both_ways(sim, mount, vdirsyncer):
    contacts = mount.mailbox("alice") / "Contacts"
    vdirsyncer.sync()
    next(p for p in vdirsyncer.plain.glob("*.vcf") if "Anna Lind" in p.read_text()).unlink()

    assert verbs(vdirsyncer.sync()) == [("Deleting", "mount")]
    assert names(contacts) == ["Ben Ohlsen.vcf", "Zoë Müller-Ünal.vcf"]
    mount.sync()
    assert exchange_names(sim) == ["Ben Ohlsen", "Zoë Müller-Ünal"]

    (contacts / "Ben Ohlsen.vcf").unlink()
    assert verbs(vdirsyncer.sync()) == [("Deleting", "plain")]
    mount.sync()
    assert exchange_names(sim) == ["Zoë Müller-Ünal"]
    assert vdirsyncer.sync() == []
    remount(mount)
    assert vdirsyncer.sync() == []


def test_vdirsyncer_in_the_designating_folder(sim, mount, tmp_path):
    """A card that vdirsyncer copies into Salesforce_Sync is a record of the CRM."""
    folder = mount.mailbox("alice") / "Contacts" / "Salesforce_Sync"
    vdirsyncer = Vdirsyncer(tmp_path / "synced", folder)
    (vdirsyncer.plain / "doris.vcf").write_text(DORIS)
    assert verbs(vdirsyncer.sync()) == [(UPLOADS, "mount")]
    before = prints(folder)
    mount.sync()

    found = sim.soql("SELECT FirstName, LastName, Email, Title FROM Contact")
    assert [(r["FirstName"], r["LastName"], r["Email"], r["Title"]) for r in found] == [
        ("Doris", "Petit", "doris@petit.example", "Florist")]
    assert vdirsyncer.sync() == []
    assert prints(folder) == before
    drop_caches(mount)
    assert vdirsyncer.sync() == []
    remount(mount)
    assert vdirsyncer.sync() == []
    assert prints(folder) == before
