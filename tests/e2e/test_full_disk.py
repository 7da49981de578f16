"""A full disk under the cache: who writes is told so, everything can be read, and the sync goes on by itself
once there is room again.  The cache lies on a file system of 24 MB of its own."""
import errno
import os
import subprocess

import pytest

from cycles import assert_nothing_written
from exchange import contacts_of
from exchange import edit as change
from scene import card, conflicts, edit, exchange_contact, exchange_names, lost, names, person, seed
from scene import state
from simulator import wait_for

PEOPLE = [person("Anna", "Lind", JobTitle="Buyer"), person("Ben", "Ohlsen", JobTitle="Clerk")]
LARGE = card("Jana Kunz", "EMAIL:jana@kunz.example", *[f"NOTE:{'x' * 900}" for _ in range(900)])
ROOT = [] if os.geteuid() == 0 else ["sudo", "-n"]
CONFIG = {"sync": {"quiet": "0.2", "interval": "0.02"}}

pytestmark = pytest.mark.sim(seed=seed(PEOPLE))


@pytest.fixture
def disk(tmp_path):
    """The directory where the first mount of the test has its cache."""
    directory = tmp_path / "tandemfs1" / "cache"
    directory.mkdir(parents=True)
    subprocess.run([*ROOT, "mount", "-t", "tmpfs", "-o", f"size=24m,mode=700,uid={os.getuid()}",
                    "tmpfs", str(directory)], check=True)
    yield directory
    subprocess.run([*ROOT, "umount", "-l", str(directory)], check=True)


@pytest.fixture
def small(disk, sim, start_mount):
    return start_mount(sim, config=CONFIG)


def fill(disk):
    """Takes all room that is left."""
    with open(disk / "ballast", "wb", buffering=0) as out:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    out.write(b"x" * size)
            except OSError as error:
                assert error.errno == errno.ENOSPC


def write(path, text):
    """The errno with which the write or the close ends, or None."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(fd, text.encode())
        os.fsync(fd)
    except OSError as error:
        return error.errno
    finally:
        try:
            os.close(fd)
        except OSError as error:
            assert error.errno == errno.ENOSPC
    return None


def write_in_vain(path, text):
    """The kernel has seen, and keeps, what in the end goes nowhere."""
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
    os.write(fd, text.encode())
    with pytest.raises(OSError, match="No space left"):
        os.close(os.dup(fd))
    assert path.read_bytes() == text.encode()
    assert path.stat().st_size == len(text)
    os.close(fd)


def refused_for_want_of_room(path, text):
    try:
        return write(path, text) == errno.ENOSPC
    except OSError as error:  # not even the name
        return error.errno == errno.ENOSPC


def test_a_full_disk(sim, small, disk, exchange):
    contacts = small.mailbox("alice") / "Contacts"
    before = {name: (contacts / name).read_bytes() for name in names(contacts)}
    fill(disk)
    # The WAL may have room in it that it took before.
    wait_for(lambda: refused_for_want_of_room(contacts / "jana.vcf", LARGE), what="a full cache")
    assert refused_for_want_of_room(contacts / "Anna Lind.vcf", LARGE.replace("Jana", "Anna"))
    write_in_vain(contacts / "Anna Lind.vcf", LARGE)

    wait_for(lambda: {name: (contacts / name).read_bytes() for name in before} == before,
             what="the former bytes")
    assert set(names(contacts)) >= set(before)
    assert os.statvfs(small.path).f_bavail == 0
    change(contacts_of(exchange("alice").contacts)["Ben Ohlsen"], job_title="Head " + "y" * 200)
    wait_for(lambda: "no space left" in (small.ctl_json("status")["mailboxes"][0]["error"] or ""),
             what="the reason in the status")
    assert "no space left" in small.stderr()
    assert exchange_names(sim) == ["Anna Lind", "Ben Ohlsen"]
    assert {name: (contacts / name).read_bytes() for name in before} == before

    (disk / "ballast").unlink()
    wait_for(lambda: b"TITLE:Head" in (contacts / "Ben Ohlsen.vcf").read_bytes(), 60,
             "the change from Exchange")
    assert write(contacts / "jana.vcf", LARGE) is None
    edit(contacts / "Anna Lind.vcf", "Buyer", "Dean")
    wait_for(lambda: exchange_names(sim) == ["Anna Lind", "Ben Ohlsen", "Jana Kunz"], 60,
             "the new contact in Exchange")
    wait_for(lambda: exchange_contact(sim, "Anna Lind")["JobTitle"] == "Dean", 60, "the edit")
    wait_for(lambda: state(contacts / "jana.vcf") == "synced", 60, "the end of the cycle")
    assert conflicts(small.mailbox("alice")) == [] and lost(small.mailbox("alice")) == []
    assert small.ctl_json("status")["mailboxes"][0]["error"] is None
    small.configure({"sync": {"interval": "60", "quiet": "3600"}})
    small.stop()
    small.start()
    assert_nothing_written(sim, small)
