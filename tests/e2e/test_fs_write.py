"""Bytes on their way to an item: when they are judged, who sees what, what survives."""
import errno
import fcntl
import mmap
import os
import subprocess

import pytest

from scene import card, edit, exchange_names, lost, names, person, refused, seed, state
from simulator import wait_for
from tools import run

ANNA = person("Anna", "Lind", JobTitle="Buyer")
BERT = person("Bert", "Olsen")
pytestmark = pytest.mark.sim(seed=seed([ANNA, BERT]))
GOOD = card("New Person", "EMAIL:new@client.example").encode()
BAD = b"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Broken\r\nTEL\r\nEND:VCARD\r\n"


def open_for(path, flags, data=None):
    fd = os.open(path, flags, 0o600)
    if data is not None:
        os.write(fd, data)
    return fd


# FLUSH and RELEASE -------------------------------------------------------------------------------

def test_close_judges_what_this_handle_wrote(box, contacts):
    path = contacts / "new.vcf"
    fd = open_for(path, os.O_CREAT | os.O_WRONLY, BAD)
    refused(errno.EINVAL, os.close, fd)
    assert lost(box) == ["new.vcf.reason", "new.vcf.refused"]
    assert (box / ".sync" / "lost+found" / "new.vcf.refused").read_bytes() == BAD
    wait_for(lambda: not path.exists(), what="no file that never was good")


def test_what_does_not_parse_is_readable_through_the_handle(contacts):
    fd = open_for(contacts / "new.vcf", os.O_CREAT | os.O_RDWR, BAD)
    refused(errno.EINVAL, os.close, os.dup(fd))
    refused(errno.EINVAL, os.fsync, fd)
    assert os.pread(fd, 4096, 0) == BAD
    assert os.fstat(fd).st_size == len(BAD)
    os.pwrite(fd, b"TEL:1\r\nEND:VCARD\r\n", BAD.index(b"TEL"))
    os.close(fd)
    assert (contacts / "new.vcf").read_bytes().endswith(b"TEL:1\r\nEND:VCARD\r\n")
    assert state(contacts / "new.vcf") == "pending"


def test_a_handle_that_wrote_nothing_is_not_judged(contacts, box):
    writer = open_for(contacts / "new.vcf", os.O_CREAT | os.O_RDWR, BAD)
    other = os.open(contacts / "new.vcf", os.O_RDWR)
    os.close(other)
    refused(errno.EINVAL, os.close, os.dup(writer))
    os.close(os.dup(writer))  # judged already
    os.close(writer)
    assert lost(box) == ["new.vcf.reason", "new.vcf.refused"]


def test_an_item_overwritten_with_nonsense_shows_its_former_bytes_under_a_new_number(contacts, box):
    path = contacts / "Anna Lind.vcf"
    before, former = path.stat(), path.read_bytes()
    fd = open_for(path, os.O_WRONLY | os.O_TRUNC, BAD)
    assert path.stat().st_size == len(BAD)
    refused(errno.EINVAL, os.close, fd)
    assert lost(box) == ["Anna Lind.vcf.reason", "Anna Lind.vcf.refused"]
    wait_for(lambda: path.stat().st_ino != before.st_ino, what="the former bytes")
    assert path.read_bytes() == former
    assert path.stat().st_mtime_ns > before.st_mtime_ns
    assert state(path) == "synced"


def test_a_shell_that_flushes_early_and_often(contacts, box, mount, sim):
    script = f"""exec 3>'{contacts}/new.vcf'
        printf 'BEGIN:VCARD\\r\\nVERSION:4.0\\r\\n' >&3 || exit 3
        /bin/printf 'FN:New Person\\r\\n' >&3 2>/dev/null
        /bin/printf 'N:Person;New;;;\\r\\nEND:VCARD\\r\\n' >&3 || exit 5
        exec 3>&-"""
    run("bash", "-c", script)
    assert lost(box) == []
    assert state(contacts / "new.vcf") == "pending"
    mount.sync()
    assert exchange_names(sim) == ["Anna Lind", "Bert Olsen", "New Person"]


def test_nothing_is_sent_while_a_handle_is_open(contacts, mount, sim):
    fd = open_for(contacts / "new.vcf", os.O_CREAT | os.O_WRONLY, GOOD)
    os.fsync(fd)
    assert state(contacts / "new.vcf") == "pending"
    mount.sync()
    assert exchange_names(sim) == ["Anna Lind", "Bert Olsen"]
    os.close(fd)
    mount.sync()
    assert exchange_names(sim) == ["Anna Lind", "Bert Olsen", "New Person"]


def test_an_empty_file_under_an_item_name_is_local(contacts, box, mount, sim):
    (contacts / "new.vcf").touch()
    assert state(contacts / "new.vcf") == "local"
    mount.sync()
    assert exchange_names(sim) == ["Anna Lind", "Bert Olsen"]
    assert lost(box) == []
    (contacts / "new.vcf").write_bytes(GOOD)
    mount.sync()
    assert exchange_names(sim) == ["Anna Lind", "Bert Olsen", "New Person"]


def test_a_mapping_writes_after_close(contacts):
    path = contacts / "Anna Lind.vcf"
    fd = os.open(path, os.O_RDWR)
    view = mmap.mmap(fd, 0)
    os.close(fd)
    at = view.find(b"Buyer")
    view[at:at + 5] = b"Baker"
    view.close()
    wait_for(lambda: state(path) == "pending", what="the edit")
    assert b"TITLE:Baker" in path.read_bytes()


def test_a_descriptor_that_a_child_inherits(contacts, box):
    path = contacts / "new.vcf"
    with open(path, "wb") as file:
        child = subprocess.Popen(["sh", "-c", "read go; cat"], stdin=subprocess.PIPE, stdout=file)
    child.communicate(b"go\n" + GOOD)
    assert child.returncode == 0
    wait_for(lambda: path.read_bytes() == GOOD and state(path) == "pending", what="its bytes")
    assert lost(box) == []


# How a file may be written -----------------------------------------------------------------------

def test_append_holes_truncate_and_offsets(contacts):
    draft = contacts / "draft"
    draft.write_bytes(b"one\n")
    with open(draft, "ab") as file:
        file.write(b"two\n")
    assert draft.read_bytes() == b"one\ntwo\n"
    fd = os.open(draft, os.O_RDWR)
    os.pwrite(fd, b"end", 70000)
    assert os.fstat(fd).st_size == 70003
    os.ftruncate(fd, 70001)
    assert os.pread(fd, 10, 69998) == b"\0\0e"
    os.close(fd)
    assert draft.stat().st_size == 70001
    assert draft.read_bytes() == b"one\ntwo\n" + b"\0" * 69992 + b"e"
    os.truncate(draft, 3)
    assert draft.read_bytes() == b"one"
    os.truncate(draft, 5)
    assert draft.read_bytes() == b"one\0\0"
    os.truncate(draft, 0)
    assert draft.read_bytes() == b""


def test_truncate_of_a_path_is_judged_at_once(contacts, box):
    path = contacts / "Anna Lind.vcf"
    size = path.stat().st_size
    refused(errno.EINVAL, os.truncate, path, size - 5)
    assert lost(box) == ["Anna Lind.vcf.reason", "Anna Lind.vcf.refused"]
    wait_for(lambda: path.stat().st_size == size, what="the former bytes")


def test_larger_than_sixteen_mebibytes_is_refused(contacts):
    fd = os.open(contacts / "draft", os.O_CREAT | os.O_RDWR, 0o600)
    os.pwrite(fd, b"x", (16 << 20) - 1)
    refused(errno.EFBIG, os.pwrite, fd, b"x", 16 << 20)
    refused(errno.EFBIG, os.ftruncate, fd, (16 << 20) + 1)
    os.close(fd)
    assert (contacts / "draft").stat().st_size == 16 << 20


def test_two_writers_share_the_bytes(contacts):
    path = contacts / "draft"
    one, two = (os.open(path, os.O_CREAT | os.O_RDWR, 0o600) for _ in range(2))
    os.write(one, b"from one")
    assert os.pread(two, 20, 0) == b"from one"
    os.pwrite(two, b"FROM", 0)
    os.close(one)
    os.close(two)
    assert path.read_bytes() == b"FROM one"


def test_locks_are_the_kernels(contacts):
    path = contacts / "Anna Lind.vcf"
    with open(path, "r+b") as one, open(path, "r+b") as two:
        fcntl.flock(one, fcntl.LOCK_EX)
        refused(errno.EAGAIN, fcntl.flock, two, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_what_is_not_supported_says_so(contacts):
    fd = os.open(contacts / "draft", os.O_CREAT | os.O_RDWR, 0o600)
    refused(errno.EOPNOTSUPP, fcntl_fallocate, fd)
    os.close(fd)


def fcntl_fallocate(fd):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
    if libc.fallocate(fd, 1, 0, 4096):
        raise OSError(ctypes.get_errno(), "fallocate")


# Numbers and times -------------------------------------------------------------------------------

def test_rename_and_link_carry_number_mtime_and_size(contacts):
    for move in (os.rename, os.link):
        draft, item = contacts / ".tmp", contacts / f"{move.__name__}.vcf"
        with open(draft, "wb") as file:
            file.write(card(f"Made by {move.__name__}").encode())
            file.flush()
            etag = os.fstat(file.fileno())
            os.fsync(file.fileno())
        move(draft, item)
        if move is os.link:
            assert item.stat().st_nlink in (1, 2)
            draft.unlink()
        after = item.stat()
        assert (after.st_ino, after.st_mtime_ns, after.st_size) == (
            etag.st_ino, etag.st_mtime_ns, etag.st_size)
        assert after.st_nlink == 1
        assert not draft.exists()
        assert state(item) == "pending"


def test_a_time_set_before_close_stays(contacts):
    path = contacts / "new.vcf"
    with open(path, "wb") as file:
        file.write(GOOD)
        file.flush()
        os.utime(file.fileno(), ns=(1_600_000_000_000_000_001,) * 2)
    assert path.stat().st_mtime_ns == 1_600_000_000_000_000_001


def test_link_from_an_item(contacts):
    refused(errno.EPERM, os.link, contacts / "Anna Lind.vcf", contacts / "copy.vcf")
    os.link(contacts / "Anna Lind.vcf", contacts / "copy")
    assert (contacts / "copy").read_bytes() == (contacts / "Anna Lind.vcf").read_bytes()
    assert (contacts / "copy").stat().st_ino != (contacts / "Anna Lind.vcf").stat().st_ino
    refused(errno.EEXIST, os.link, contacts / "copy", contacts / "Anna Lind.vcf")


def test_a_refused_rename_leaves_the_draft(contacts, box):
    (contacts / "draft").write_bytes(BAD)
    refused(errno.EINVAL, os.rename, contacts / "draft", contacts / "new.vcf")
    assert (contacts / "draft").read_bytes() == BAD
    assert not (contacts / "new.vcf").exists()
    assert lost(box) == ["new.vcf.reason", "new.vcf.refused"]


def test_a_draft_renamed_while_it_is_written(contacts):
    draft, item = contacts / ".tmp", contacts / "new.vcf"
    fd = open_for(draft, os.O_CREAT | os.O_RDWR, GOOD)
    draft.rename(item)
    assert item.read_bytes() == GOOD
    assert state(item) == "pending"
    os.pwrite(fd, b"NEW", GOOD.index(b"New"))
    os.close(fd)
    assert b"FN:NEW Person" in item.read_bytes()


def test_a_uid_lives_once_in_a_folder(contacts, box):
    (contacts / "one.vcf").write_text(card("One", uid="the-uid"))
    fd = open_for(contacts / "two.vcf", os.O_CREAT | os.O_WRONLY,
                  card("Two", uid="the-uid").encode())
    refused(errno.EEXIST, os.close, fd)
    assert lost(box) == ["two.vcf.reason", "two.vcf.refused"]
    assert "one.vcf" in (box / ".sync" / "lost+found" / "two.vcf.reason").read_text()


def test_the_old_bytes_stay_readable_for_who_holds_them(contacts, mount):
    path = contacts / "Anna Lind.vcf"
    old = path.read_bytes()
    with open(path, "rb") as held, open(path, "rb") as also:
        (contacts / ".new").write_bytes(old.replace(b"Buyer", b"Baker"))
        os.rename(contacts / ".new", path)
        assert held.read() == old
        path.unlink()
        subprocess.run(["sh", "-c", "sync; echo 1 >/proc/sys/vm/drop_caches"], check=False)
        assert also.read() == old
        assert os.fstat(also.fileno()).st_size == len(old)
    assert names(contacts) == ["Bert Olsen.vcf"]


# What survives -----------------------------------------------------------------------------------

def test_a_closed_edit_survives_kill_and_arrives_once(contacts, mount, sim):
    edit(contacts / "Anna Lind.vcf", "Buyer", "Baker")
    (contacts / "new.vcf").write_bytes(GOOD)
    (contacts / "draft").write_bytes(b"just a draft")
    times = (contacts / "new.vcf").stat().st_mtime_ns
    mount.kill()
    mount.start()
    assert b"TITLE:Baker" in (contacts / "Anna Lind.vcf").read_bytes()
    assert (contacts / "new.vcf").read_bytes() == GOOD
    assert (contacts / "new.vcf").stat().st_mtime_ns == times
    assert (contacts / "draft").read_bytes() == b"just a draft"
    mount.sync()
    assert exchange_names(sim) == ["Anna Lind", "Bert Olsen", "New Person"]


def test_refused_bytes_of_a_handle_that_died_are_in_lost_and_found(contacts, mount, box):
    path = contacts / "Anna Lind.vcf"
    former = path.read_bytes()
    fd = open_for(path, os.O_WRONLY | os.O_TRUNC, BAD)
    refused(errno.EINVAL, os.close, os.dup(fd))
    mount.kill()
    try:
        os.close(fd)
    except OSError:
        pass  # the mount is gone
    mount.start()
    assert lost(box) == ["Anna Lind.vcf.reason", "Anna Lind.vcf.refused"]
    assert (box / ".sync" / "lost+found" / "Anna Lind.vcf.refused").read_bytes() == BAD
    assert path.read_bytes() == former


def test_bytes_of_an_open_handle_survive_a_clean_stop(contacts, mount, box):
    good = open_for(contacts / "new.vcf", os.O_CREAT | os.O_WRONLY, GOOD)
    bad = open_for(contacts / "bad.vcf", os.O_CREAT | os.O_WRONLY, BAD)
    mount.stop()
    for fd in (good, bad):
        try:
            os.close(fd)
        except OSError:
            pass  # the mount is gone
    mount.start()
    assert (contacts / "new.vcf").read_bytes() == GOOD
    assert lost(box) == ["bad.vcf.reason", "bad.vcf.refused"]
    assert (box / ".sync" / "lost+found" / "bad.vcf.refused").read_bytes() == BAD


def test_records_of_lost_and_found_are_removed_by_rm(contacts, box):
    for name in ("a.vcf", "b.vcf"):
        refused(errno.EINVAL, (contacts / name).write_bytes, BAD)
    directory = box / ".sync" / "lost+found"
    assert len(lost(box)) == 4
    run("rm", *(directory / name for name in lost(box) if name.startswith("a.")))
    assert lost(box) == ["b.vcf.reason", "b.vcf.refused"]
    run("find", directory, "-type", "f", "-delete")
    assert lost(box) == []
