"""Programs that edit a file, each in its own way: written in place, replaced by rename, removed and
made anew, with and without backups.  Each change arrives in Exchange and in the CRM, in the same
item and the same record; backup files stay here; half a file goes nowhere."""
import os
import pprint
import subprocess

import pytest

from cycles import assert_nothing_written
from exchange import contacts_of, open_account
from scene import (
    card,
    crm_contacts,
    edit,
    exchange_contact,
    exchange_contacts,
    names,
    person,
    seed,
    state,
)
from simulator import wait_for
from terminal import Terminal
from tools import run

TITLES = ("Buyer", "Head of Buying", "Managing Director")


# How each program turns one title into the next.  Each is given the file, the bytes that it shall
# hold in the end, both titles, and a directory elsewhere.

def by_source(*command):
    """A program that copies: {new} is a file elsewhere with the new bytes."""
    def change(path, content, old, new, scratch):
        source = scratch / path.name
        source.write_bytes(content)
        run(*(str(word).format(new=source, file=path, folder=path.parent, parent=scratch)
              for word in command))
    return change


def in_place(*command):
    """A program that edits the file it is given by a program of its own."""
    def change(path, content, old, new, scratch):
        run(*(str(word).format(file=path, folder=path.parent, old=old, new=new)
              for word in command))
    return change


def shell(script):
    def change(path, content, old, new, scratch):
        source = scratch / path.name
        source.write_bytes(content)
        run("bash", "-euc", script, path, source)
    return change


def echo(path, content, old, new, scratch):
    run("bash", "-euc", 'echo -n "$1" > "$0"', path, content.decode())


def vim(*settings):
    def change(path, content, old, new, scratch):
        script = ["set nocompatible backupskip=", *(f"set {setting}" for setting in settings),
                  f"silent edit {str(path).replace(' ', chr(92) + ' ')}",
                  f"%s/{old}/{new}/", "silent write", "qall!"]
        source = scratch / "edit.vim"
        source.write_text("\n".join([*script, ""]))
        run("vim", "-es", "-u", "NONE", "-i", "NONE", "-S", source)
    return change


def vim_on_screen(path, content, old, new, scratch):
    """As a person uses it, with its swap file beside the file."""
    with Terminal("vim", "-u", "NONE", "-i", "NONE", "-N", path) as screen:
        screen.wait_for("END:VCARD")
        screen.type(f":%s/{old}/{new}/\r")
        screen.wait_for(new)
        screen.type(":wq\r")
        screen.wait()


def nano(*options):
    def change(path, content, old, new, scratch):
        with Terminal("nano", "--ignorercfiles", "--nowrap", *options, path,
                      HOME=str(scratch)) as screen:
            screen.wait_for("Exit")
            screen.type("\x1c")
            screen.wait_for("(to replace)")
            screen.type(f"{old}\r")
            screen.wait_for("Replace with")
            screen.type(f"{new}\r")
            screen.wait_for("this instance?")
            screen.type("a")
            screen.wait_for("Replaced 1 occurrence")
            screen.type("\x13")
            screen.wait_for("Wrote")
            screen.type("\x18")
            screen.wait()
    return change


def emacs(*settings):
    def change(path, content, old, new, scratch):
        script = f"""(progn (setq backup-enable-predicate (lambda (_) t) {' '.join(settings)})
            (find-file "{path}") (search-forward "TITLE:{old}")
            (replace-match "TITLE:{new}" t t) (save-buffer))"""
        run("emacs", "--batch", "-Q", "--eval", script, HOME=str(scratch))
    return change


def inherited(path, content, old, new, scratch):
    """A shell opens the file; its children write the parts and close their own descriptor.  The
    first is told that its part is no card, and nothing is lost by it."""
    source = scratch / path.name
    source.write_bytes(content)
    run("bash", "-euc", 'exec 3> "$0"; head -c 70 "$1" >&3 || :; exec 1>&3 3>&-; '
        '/bin/sh -c "tail -c +71 \\"\\$0\\"" "$1"', path, source)


# {family: {program: (how, names of what it leaves behind)}}; % stands for the file's name.
FAMILIES = {
    "copied": {
        "cp": (by_source("cp", "{new}", "{file}"), ()),
        "cp -p": (by_source("cp", "-p", "{new}", "{file}"), ()),
        "cp --remove-destination": (by_source("cp", "--remove-destination", "{new}", "{file}"), ()),
        "cp --backup": (by_source("cp", "--backup=simple", "{new}", "{file}"), ("%~",)),
        "cp --backup=numbered": (by_source("cp", "--backup=numbered", "{new}", "{file}"),
                                 ("%.~1~", "%.~2~")),
        "install": (by_source("install", "-m", "600", "{new}", "{file}"), ()),
        "install --backup": (by_source("install", "-b", "-S", ".old", "{new}", "{file}"),
                             ("%.old",)),
        "mv from elsewhere": (by_source("mv", "{new}", "{file}"), ()),
        "dd": (by_source("dd", "if={new}", "of={file}", "bs=64", "status=none"), ()),
    },
    "shell": {
        "echo x >": (echo, ()),
        "( ; ) >": (shell('(:; cat "$1") > "$0"'), ()),
        "( ) > and then again": (shell('(:) > "$0"; cat "$1" > "$0"'), ()),
        "inherited": (inherited, ()),
        "tee": (shell('tee "$0" < "$1" > /dev/null'), ()),
        "in pieces": (shell('{ head -c 50 || :; cat; } < "$1" > "$0"'), ()),
        "draft and mv": (shell('cp "$1" "$0.tmp"; mv "$0.tmp" "$0"'), ()),
        "touched too": (shell('cat "$1" > "$0"; touch "$0"; touch -d 2020-01-01 "$0"'), ()),
    },
    "in place": {
        "sed -i": (in_place("sed", "-i", "s/{old}/{new}/", "{file}"), ()),
        "sed -i.bak": (in_place("sed", "-i.bak", "s/{old}/{new}/", "{file}"), ("%.bak",)),
        "perl -i": (in_place("perl", "-pi", "-e", "s/{old}/{new}/", "{file}"), ()),
        "perl -i.orig": (in_place("perl", "-pi.orig", "-e", "s/{old}/{new}/", "{file}"),
                         ("%.orig",)),
    },
    "vim": {
        "on a screen": (vim_on_screen, ()),
        **{f"backupcopy={mode}": (vim(f"backupcopy={mode}", "nobackup", "writebackup"), ())
           for mode in ("yes", "no", "auto", "auto,breakhardlink", "no,breakhardlink")},
        **{f"backup backupcopy={mode}": (vim(f"backupcopy={mode}", "backup", "backupdir=."),
                                         ("%~",))
           for mode in ("yes", "no", "auto", "auto,breakhardlink")},
    },
    "nano": {
        "nano": (nano(), ()),
        "nano --backup": (nano("--backup"), ("%~",)),
    },
    "emacs": {
        "emacs": (emacs("make-backup-files t"), ("%~",)),
        "backup-by-copying": (emacs("make-backup-files t", "backup-by-copying t"), ("%~",)),
        "no backup": (emacs("make-backup-files nil"), ()),
        "precious": (emacs("make-backup-files nil", "file-precious-flag t"), ()),
        "numbered": (emacs("make-backup-files t", "version-control t",
                           "delete-old-versions t"), ("%.~1~", "%.~2~")),
    },
    "rsync": {
        "rsync": (by_source("rsync", "{new}", "{folder}/"), ()),
        "rsync -a": (by_source("rsync", "-a", "{new}", "{folder}/"), ()),
        "rsync --inplace": (by_source("rsync", "--inplace", "{new}", "{folder}/"), ()),
        "rsync --delay-updates": (by_source("rsync", "-a", "--delay-updates", "{new}",
                                            "{folder}/"), ()),
        "rsync -X": (by_source("rsync", "-aX", "{new}", "{folder}/"), ()),
        "rsync --backup": (by_source("rsync", "-a", "--backup", "--suffix=.before", "{new}",
                                     "{folder}/"), ("%.before",)),
    },
}


def crew(family):
    """One designated contact a program."""
    return [person(f"Person{n}", f"Tool{n}", JobTitle=TITLES[0], MobilePhone=f"+49 171 {n}",
                   Categories=["CRM", "Key account"]) for n in range(len(FAMILIES[family]))]


class Watch:
    """Both servers and the folder as they were: nothing but titles may change."""

    def __init__(self, sim, mount):
        self.sim, self.mount = sim, mount
        self.box = mount.mailbox("alice")
        self.folder = self.box / "Contacts"
        self.files = names(self.folder)
        self.exchange = self.read_exchange()
        self.crm = self.read_crm()

    def read_exchange(self):
        return {contact["id"]: {name: contact.get(name) for name in (
            "DisplayName", "GivenName", "Surname", "FileAs", "EmailAddress1", "MobilePhone",
            "Categories", "folder")} for contact in exchange_contacts(self.sim)}

    def read_crm(self):
        return {row["Id"]: (row["FirstName"], row["LastName"], row["Email"], row.get("MobilePhone"))
                for row in crm_contacts(self.sim)}

    def assert_only_titles_changed(self):
        assert self.read_exchange() == self.exchange
        assert self.read_crm() == self.crm
        assert names(self.folder) == self.files
        assert os.listdir(self.box / ".sync" / "lost+found") == []
        assert os.listdir(self.box / ".sync" / "conflicts") == []

    def titles(self, name):
        """What a contact's title is, at each of the three."""
        given, surname = name.split(" ")
        crm = [row["Title"] for row in crm_contacts(self.sim, surname)]
        return exchange_contact(self.sim, name).get("JobTitle"), crm

    def link(self, name):
        path = self.folder / f"{name}.vcf"
        return [os.getxattr(path, f"user.tandem.{key}").decode()
                for key in ("uid", "exchange-id", "crm-id")]


def writes(sim):
    return sim.counters()["operations"], sim.counters()["writes"]


def assert_next_cycle_is_quiet(sim, mount):
    assert_nothing_written(sim, mount)


def leftovers(folder, files):
    return sorted(name for name in os.listdir(folder)
                  if name not in files and name != "Salesforce_Sync")


@pytest.fixture
def accounts():
    """accounts(sim): exchangelib signed in as alice."""
    opened = []

    def account(sim):
        opened.append(open_account(sim, "alice"))
        return opened[-1]

    yield account
    for one in opened:
        one.protocol.close()


@pytest.mark.parametrize("family", FAMILIES)
def test_programs(start_sim, start_mount, accounts, tmp_path, family):
    sim = start_sim(seed=seed(crew(family)))
    mount = start_mount(sim)
    account = accounts(sim)
    watch = Watch(sim, mount)
    people = {f"Person{n} Tool{n}": (program, *what)
              for n, (program, what) in enumerate(FAMILIES[family].items())}
    assert watch.files == sorted(f"{name}.vcf" for name in people)
    assert len(watch.crm) == len(people)
    links = {name: watch.link(name) for name in people}
    wrong = {}
    for old, new in zip(TITLES, TITLES[1:]):
        contents = {}
        for name, (program, how, _) in people.items():
            path = watch.folder / f"{name}.vcf"
            before = path.read_bytes()
            assert before.count(f"TITLE:{old}".encode()) == 1, (program, before)
            contents[name] = before.replace(f"TITLE:{old}".encode(), f"TITLE:{new}".encode())
            scratch = tmp_path / f"scratch {name}"
            scratch.mkdir(exist_ok=True)
            how(path, contents[name], old, new, scratch)
        sim.reset_counters()
        mount.sync()
        made = {operation for operation in sim.counters()["operations"]
                if operation in ("CreateItem", "DeleteItem", "MoveItem")}
        if made:
            wrong[new, "operations"] = made
        seen = contacts_of(account.contacts)
        for name, (program, _, _) in people.items():
            found = (seen[name].job_title, watch.titles(name), watch.link(name),
                     (watch.folder / f"{name}.vcf").read_bytes())
            if found != (new, (new, [new]), links[name], contents[name]):
                wrong[new, program] = (found, contents[name])
    assert not wrong, pprint.pformat(wrong)
    watch.assert_only_titles_changed()
    assert_next_cycle_is_quiet(sim, mount)

    left = sorted(pattern.replace("%", f"{name}.vcf")
                  for name, (_, _, patterns) in people.items() for pattern in patterns)
    assert leftovers(watch.folder, watch.files) == left
    for name in left:
        assert state(watch.folder / name) == "local"
        os.unlink(watch.folder / name)
    assert_next_cycle_is_quiet(sim, mount)
    watch.assert_only_titles_changed()


# What is not an edit ------------------------------------------------------------------------------

ANNA = person("Anna", "Lind", JobTitle="Buyer", Categories=["CRM"])
BEN = person("Ben", "Ohlsen", JobTitle="Seller")
pytestmark = pytest.mark.sim(seed=seed([ANNA, BEN]))


def test_touch(sim, mount):
    path = mount.mailbox("alice") / "Contacts" / "Anna Lind.vcf"
    content, number = path.read_bytes(), path.stat().st_ino
    run("touch", "-d", "2020-02-02T02:02:02Z", path)
    assert path.stat().st_mtime_ns == 1580608922 * 10**9
    assert_next_cycle_is_quiet(sim, mount)
    assert (path.read_bytes(), path.stat().st_ino) == (content, number)
    assert path.stat().st_mtime_ns == 1580608922 * 10**9
    assert state(path) == "synced"
    run("touch", path)
    assert path.stat().st_mtime_ns > 1580608922 * 10**9
    assert_next_cycle_is_quiet(sim, mount)


def test_echo_of_nonsense(sim, mount):
    """A shell that does not look at what close says: the file is as before, nonsense is kept."""
    box = mount.mailbox("alice")
    path = box / "Contacts" / "Anna Lind.vcf"
    content = path.read_bytes()
    watch = Watch(sim, mount)
    run("bash", "-c", 'echo x > "$0"', path, check=False)
    lost = box / ".sync" / "lost+found"
    assert sorted(os.listdir(lost)) == ["Anna Lind.vcf.reason", "Anna Lind.vcf.refused"]
    assert (lost / "Anna Lind.vcf.refused").read_bytes() == b"x\n"
    wait_for(lambda: path.read_bytes() == content, what="the former bytes")
    assert_next_cycle_is_quiet(sim, mount)
    assert (watch.read_exchange(), watch.read_crm()) == (watch.exchange, watch.crm)
    assert watch.titles("Anna Lind") == ("Buyer", ["Buyer"])


@pytest.mark.mount(config={"sync": {"remove-quiet": "1"}})
@pytest.mark.parametrize("script", ['(:) > "$0"', 'truncate -s 0 "$0"', 'cp /dev/null "$0"'])
def test_emptied(sim, mount, script):
    """An item that was emptied is no edit: it shows its former bytes after the quiet time."""
    path = mount.mailbox("alice") / "Contacts" / "Anna Lind.vcf"
    content = path.read_bytes()
    watch = Watch(sim, mount)
    sim.reset_counters()
    run("bash", "-euc", script, path)

    def shown_again():
        mount.sync()
        return path.read_bytes() == content

    wait_for(shown_again, what="the former bytes")
    assert sim.counters()["writes"] == 0
    watch.assert_only_titles_changed()
    assert watch.titles("Anna Lind") == ("Buyer", ["Buyer"])
    edit(path, "Buyer", "Seller")
    mount.sync()
    assert watch.titles("Anna Lind") == ("Seller", ["Seller"])


# Half a file --------------------------------------------------------------------------------------

class Steps:
    """A shell that does one step for each line that it is sent, and says when it has."""

    def __init__(self, script, *arguments):
        self.process = subprocess.Popen(
            ["bash", "-uc", 'step() { echo done >&9; read -r; }; exec 9>&1; ' + script, "bash",
             *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def wait(self):
        assert self.process.stdout.readline() == "done\n"

    def go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def finish(self):
        self.go()
        self.process.stdin.close()
        assert self.process.wait(60) == 0

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


# $1 the file, $2 the new content.  At `step` the writer is in the middle of it.
HALF_WRITTEN = {
    "opened with truncation": '(step; cat "$2") > "$1"',
    "the first bytes": '{ head -c 60 "$2"; step; tail -c +61 "$2"; } > "$1"',
    "a descriptor that a child inherited":
        'exec 3> "$1"; { cat "$2"; echo "rest to be cut"; } >&3; step; '
        ': > "$1"; cat "$2" > "$1"; exec 3>&-',
    "written over from its beginning": '{ head -c 90 "$2"; step; tail -c +91 "$2"; } 1<> "$1"',
    "a whole card that is not the last word":
        'exec 3> "$1"; sed s/Head/Half/ "$2" >&3; step; cat "$2" > "$1"; exec 3>&-',
    "removed, and half of the new one":
        'rm "$1"; { head -c 60 "$2"; step; tail -c +61 "$2"; } > "$1"',
    "half a draft": '{ head -c 60 "$2"; step; tail -c +61 "$2"; } > "$1.tmp"; mv "$1.tmp" "$1"',
}


@pytest.mark.mount(config={"sync": {"remove-quiet": "0"}})
@pytest.mark.parametrize("script", HALF_WRITTEN.values(), ids=HALF_WRITTEN.keys())
def test_half_a_file_goes_nowhere(sim, mount, accounts, tmp_path, script):
    account = accounts(sim)
    path = mount.mailbox("alice") / "Contacts" / "Anna Lind.vcf"
    watch = Watch(sim, mount)
    link = watch.link("Anna Lind")
    content = path.read_bytes().replace(b"Buyer", b"Head of Buying")
    source = tmp_path / "new"
    source.write_bytes(content)
    sim.reset_counters()
    with Steps(script, path, source) as writer:
        writer.wait()
        edit(watch.folder / "Ben Ohlsen.vcf", "Seller", "Trader")
        mount.sync()
        assert watch.titles("Anna Lind") == ("Buyer", ["Buyer"])
        assert {name: contact.job_title
                for name, contact in contacts_of(account.contacts).items()} == \
            {"Anna Lind": "Buyer", "Ben Ohlsen": "Trader"}
        assert sim.counters()["writes"] == 1
        writer.finish()
    mount.sync()
    assert contacts_of(account.contacts)["Anna Lind"].job_title == "Head of Buying"
    assert path.read_bytes() == content
    assert watch.titles("Anna Lind") == ("Head of Buying", ["Head of Buying"])
    assert watch.link("Anna Lind") == link
    watch.assert_only_titles_changed()
    assert_next_cycle_is_quiet(sim, mount)


@pytest.mark.mount(config={"sync": {"quiet": "0", "remove-quiet": "3600"}})
def test_a_cycle_between_backup_and_new_file(sim, mount):
    """The quiet time bridges what comes between the rename of the old file and the new one."""
    watch = Watch(sim, mount)
    path = watch.folder / "Anna Lind.vcf"
    link = watch.link("Anna Lind")
    content = path.read_bytes().replace(b"Buyer", b"Head of Buying")
    os.rename(path, f"{path}~")
    edit(watch.folder / "Ben Ohlsen.vcf", "Seller", "Trader")
    wait_for(lambda: exchange_contact(sim, "Ben Ohlsen")["JobTitle"] == "Trader")
    assert watch.titles("Anna Lind") == ("Buyer", ["Buyer"])
    path.write_bytes(content)
    wait_for(lambda: watch.titles("Anna Lind") == ("Head of Buying", ["Head of Buying"]))
    assert watch.link("Anna Lind") == link
    watch.assert_only_titles_changed()
    assert {"CreateItem", "DeleteItem", "MoveItem"}.isdisjoint(sim.counters()["operations"])


def test_backups_of_new_files(sim, mount, tmp_path):
    """A file made by an editor, edited again at once: one contact."""
    folder = mount.mailbox("alice") / "Contacts"
    path = folder / "carl.vcf"
    path.write_bytes(card("Carl Dreyer", "TITLE:Buyer").encode())
    run("sed", "-i.bak", "s/Buyer/Seller/", path)
    run("perl", "-pi.orig", "-e", "s/Seller/Trader/", path)
    mount.sync()
    assert [contact["JobTitle"] for contact in exchange_contacts(sim)
            if contact["DisplayName"] == "Carl Dreyer"] == ["Trader"]
    assert leftovers(folder, names(folder)) == ["carl.vcf.bak", "carl.vcf.orig"]
    assert_next_cycle_is_quiet(sim, mount)
