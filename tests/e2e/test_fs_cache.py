"""The kernel keeps what it was told: after a sync it must have been told otherwise."""
import ctypes
import json
import os
import select
import struct
import subprocess
import threading

import pytest

from scene import card, edit, names, person, seed, state
from simulator import wait_for
from tools import run

ANNA = person("Anna", "Lind", JobTitle="Buyer")
BERT = person("Bert", "Olsen")
pytestmark = pytest.mark.sim(seed=seed([ANNA, BERT]))


def read_all(contacts):
    """Fills every cache of the kernel: listing, names, attributes, pages."""
    return {name: (os.stat(contacts / name), (contacts / name).read_bytes())
            for name in names(contacts)}


def change(exchange, name, **fields):
    item = exchange("alice").contacts.get(display_name=name)
    for field, value in fields.items():
        setattr(item, field, value)
    item.save(update_fields=list(fields))


def test_a_remote_change_replaces_the_file(mount, contacts, exchange):
    path = contacts / "Anna Lind.vcf"
    before, old = read_all(contacts)["Anna Lind.vcf"]
    listing = contacts.stat()
    with open(path, "rb") as held:
        assert held.read(10) == old[:10]
        change(exchange, "Anna Lind", job_title="Baker")
        mount.sync()
        wait_for(lambda: path.stat().st_ino != before.st_ino, what="the new number")
        assert b"TITLE:Baker" in path.read_bytes()
        assert path.stat().st_size == len(path.read_bytes())
        assert path.stat().st_mtime_ns >= before.st_mtime_ns + 1_000_000_000
        subprocess.run(["sh", "-c", "echo 1 >/proc/sys/vm/drop_caches"], check=False)
        held.seek(0)
        assert held.read() == old
        assert os.fstat(held.fileno()).st_ino == before.st_ino
    assert contacts.stat().st_mtime_ns > listing.st_mtime_ns
    assert read_all(contacts)["Bert Olsen.vcf"][0].st_ino


def test_remote_names_come_and_go(mount, contacts, exchange):
    read_all(contacts)
    assert not (contacts / "Cleo Park.vcf").exists()  # a name that the kernel knows is not there
    account = exchange("alice")
    account.contacts.get(display_name="Bert Olsen").delete()
    type(account.contacts.get(display_name="Anna Lind"))(
        folder=account.contacts, given_name="Cleo", surname="Park", display_name="Cleo Park",
        file_as="Park, Cleo").save()
    mount.sync()
    wait_for(lambda: names(contacts) == ["Anna Lind.vcf", "Cleo Park.vcf"], what="the new listing")
    assert not (contacts / "Bert Olsen.vcf").exists()
    assert b"FN:Cleo Park" in (contacts / "Cleo Park.vcf").read_bytes()


def test_a_local_edit_is_not_replaced_by_its_own_echo(mount, contacts):
    path = contacts / "Anna Lind.vcf"
    edit(path, "Buyer", "Baker")
    written, before = path.read_bytes(), path.stat()
    mount.sync()
    mount.sync()
    after = path.stat()
    assert path.read_bytes() == written
    assert (after.st_ino, after.st_mtime_ns, after.st_ctime_ns) == (
        before.st_ino, before.st_mtime_ns, before.st_ctime_ns)
    assert state(path) == "synced"


def test_a_pulled_change_waits_while_a_handle_that_writes_is_open(mount, contacts, exchange):
    path = contacts / "Anna Lind.vcf"
    before = path.stat().st_ino
    fd = os.open(path, os.O_RDWR)
    change(exchange, "Anna Lind", job_title="Baker")
    mount.sync()
    assert path.stat().st_ino == before
    assert b"TITLE:Buyer" in path.read_bytes()
    os.close(fd)
    mount.sync()
    wait_for(lambda: b"TITLE:Baker" in path.read_bytes(), what="the change")


def test_orphans_are_dropped_when_nobody_knows_them_any_more(mount, contacts, exchange):
    """Replaced and removed files leave nothing behind in the cache."""
    import sqlite3

    def orphans():
        with sqlite3.connect(f"file:{mount.cache}/cache.db?mode=ro", uri=True) as db:
            return db.execute("SELECT count(*) FROM node WHERE parent = 0 AND ino <> 1").fetchone()[0]

    for n in range(3):
        read_all(contacts)
        change(exchange, "Anna Lind", job_title=f"Title {n}")
        change(exchange, "Bert Olsen", job_title=f"Title {n}")
        mount.sync()
    (contacts / "draft").write_text("x")
    held = open(contacts / "draft")
    (contacts / "draft").unlink()
    with held:
        wait_for(lambda: orphans() == 1, what="one orphan, that is held")
        assert held.read() == "x"
    wait_for(lambda: orphans() == 0, what="no orphans")


def test_many_readers_and_writers_and_syncs_at_once(mount, contacts, exchange):
    """Nothing hangs, tears or fails while everybody works."""
    errors, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            for name in os.listdir(contacts):
                try:
                    text = (contacts / name).read_bytes()
                except (FileNotFoundError, IsADirectoryError):
                    continue
                if name.endswith(".vcf") and text and not text.endswith(b"END:VCARD\r\n"):
                    errors.append((name, text))

    def write(number):
        for n in range(40):
            temporary = contacts / f".tmp {number}"
            temporary.write_text(card(f"Writer {number}", f"NOTE:{n}"))
            temporary.rename(contacts / f"writer {number}.vcf")
            if n % 7 == 0:
                (contacts / f"writer {number}.vcf").unlink()

    def sync():
        while not stop.is_set():
            mount.sync(check=False)

    def walk():
        while not stop.is_set():
            for directory, _, files in os.walk(mount.mailbox("alice") / ".json"):
                for name in files:
                    try:
                        with open(os.path.join(directory, name)) as file:
                            json.loads(file.read() or "{}")
                    except (FileNotFoundError, OSError):
                        continue

    threads = [threading.Thread(target=t) for t in (read, read, sync, walk)]
    writers = [threading.Thread(target=write, args=(n,)) for n in range(3)]
    for thread in threads + writers:
        thread.start()
    for n in range(5):
        change(exchange, "Anna Lind", job_title=f"Title {n}")
    for thread in writers:
        thread.join(120)
        assert not thread.is_alive()
    stop.set()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    assert errors == []
    mount.sync()
    wait_for(lambda: names(contacts) == ["Anna Lind.vcf", "Bert Olsen.vcf", "writer 0.vcf",
                                         "writer 1.vcf", "writer 2.vcf"], what="the end")
    for n in range(3):
        assert f"FN:Writer {n}" in (contacts / f"writer {n}.vcf").read_text()


def test_a_backup_of_an_unchanged_tree_finds_nothing(mount, contacts, tmp_path):
    """The attributes that the kernel has and those it asks for anew are the same ones."""
    edit(contacts / "Anna Lind.vcf", "Buyer", "Baker")
    (contacts / "new.vcf").write_text(card("New Person"))
    (contacts / "draft").write_text("x")
    (contacts / "draft").rename(contacts / "draft two")
    os.chmod(contacts / "draft two", 0o400)
    mount.sync()
    run("rsync", "-a", f"{mount.path}/", tmp_path / "copy/")
    snapshot = tmp_path / "snapshot"
    run("tar", "-cg", snapshot, "--no-check-device", "-f", tmp_path / "one.tar", "-C", mount.path,
        ".")
    for again in range(2):
        if again:
            mount.stop()
            mount.start()
        mount.sync()
        subprocess.run(["sh", "-c", "echo 3 >/proc/sys/vm/drop_caches"], check=False)
        assert run("rsync", "-ain", f"{mount.path}/", tmp_path / "copy/").stdout == ""
        run("tar", "-cg", snapshot, "--no-check-device", "-f", tmp_path / "two.tar", "-C",
            mount.path, ".")
        members = run("tar", "-tf", tmp_path / "two.tar").stdout.splitlines()
        assert [name for name in members if not name.endswith("/")] == []


def test_a_watcher_hears_of_a_removal(mount, contacts, exchange):
    """inotify is the kernel's: it hears what the notifier says of a removal."""
    read_all(contacts)
    libc = ctypes.CDLL(None, use_errno=True)
    delete_self = 0x400
    fd = libc.inotify_init1(os.O_CLOEXEC)
    assert fd >= 0
    try:
        assert libc.inotify_add_watch(fd, os.fsencode(contacts / "Bert Olsen.vcf"), delete_self) > 0
        exchange("alice").contacts.get(display_name="Bert Olsen").delete()
        mount.sync()
        ready, _, _ = select.select([fd], [], [], 20)
        assert ready
        _, mask, _, _ = struct.unpack_from("iIII", os.read(fd, 4096))
        assert mask & delete_self
    finally:
        os.close(fd)
    assert not (contacts / "Bert Olsen.vcf").exists()


# Base versions -----------------------------------------------------------------------------------

def write_in_place(path, text):
    path.write_bytes(text)


def write_by_rename(path, text):
    temporary = path.parent / ".stale"
    temporary.write_bytes(text)
    temporary.rename(path)


def write_after_a_backup(path, text):
    path.rename(path.parent / "backup~")
    path.write_bytes(text)
    (path.parent / "backup~").unlink()


@pytest.mark.parametrize("write", [write_in_place, write_by_rename, write_after_a_backup])
def test_a_stale_copy_reverts_nothing_it_did_not_touch(mount, contacts, exchange, write):
    path = contacts / "Anna Lind.vcf"
    read_all(contacts)
    stale = path.read_bytes()
    change(exchange, "Anna Lind", job_title="Baker", department="Bread")
    mount.sync()
    wait_for(lambda: b"TITLE:Baker" in path.read_bytes(), what="the change")

    write(path, stale.replace(b"FN:Anna Lind", b"FN:Anna Berg"))

    wait_for(lambda: b"TITLE:Baker" in path.read_bytes(), what="the merged file")
    assert b"FN:Anna Berg" in path.read_bytes()
    mount.sync()
    item = exchange("alice").contacts.get(display_name="Anna Berg")
    assert (item.job_title, item.department) == ("Baker", "Bread")
    assert exchange("alice").contacts.all().count() == 2


def test_a_stale_document_that_is_written_twice_reverts_nothing(mount, contacts, exchange):
    path = contacts.parent / ".json" / "Contacts" / "Anna Lind.json"
    stale = json.loads(path.read_text())
    change(exchange, "Anna Lind", department="Bread")
    mount.sync()
    for title in ("Baker", "Owner"):
        stale["titles"]["JobTitle"]["name"] = title
        path.write_text(json.dumps(stale))
        mount.sync()
        item = exchange("alice").contacts.get(display_name="Anna Lind")
        assert (item.job_title, item.department) == (title, "Bread")


def test_another_process_that_writes_an_old_copy_restores_it(mount, contacts, exchange, tmp_path):
    path = contacts / "Anna Lind.vcf"
    run("cp", path, tmp_path / "old.vcf")
    change(exchange, "Anna Lind", job_title="Baker")
    mount.sync()
    wait_for(lambda: b"TITLE:Baker" in path.read_bytes(), what="the change")
    run("cp", tmp_path / "old.vcf", path)
    assert b"TITLE:Buyer" in path.read_bytes()
    mount.sync()
    assert exchange("alice").contacts.get(display_name="Anna Lind").job_title == "Buyer"
