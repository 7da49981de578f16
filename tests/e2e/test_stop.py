"""A stop, or a kill, in the middle of everything: files are made and removed, and a sync changes a hundred
names beside them.  It ends, and soon, whatever the kernel was told or asked at that moment.

TANDEM_STOPS=40 stops so often, TANDEM_STOPS_SEED chooses the moments.
"""
import os
import pathlib
import random
import signal
import threading
import time

import pytest

from kinds import VIEW
from scale import amount
from scene import crm_contacts, person, seed
from simulator import wait_for

STOPS = int(os.environ.get("TANDEM_STOPS") or amount(6, 3))
SEED = int(os.environ.get("TANDEM_STOPS_SEED") or 1)
PEOPLE = [person("Stays", f"Nr{n}", folder=VIEW) for n in range(100)]
WRITERS = 6
TRIES = 20
SOON = 20  # seconds; of a second's patience, and a loaded machine


class Writer(threading.Thread):
    """Makes and removes files of its own until the mount is gone, or somebody says so."""

    def __init__(self, folder, name):
        super().__init__(daemon=True)
        self.folder, self.name, self.made, self.over = folder, name, 0, False

    def run(self):
        try:
            while not self.over:
                path = self.folder / f".{self.name}.{self.made % 7}"
                path.write_bytes(b"x")
                path.unlink()
                self.made += 1
        except OSError:
            pass


@pytest.fixture
def busy(sim, mount, contacts):
    """busy(): begins all that, and comes back in the middle of it with the writers."""
    moments = random.Random(SEED)
    ids = [record["Id"] for record in crm_contacts(sim)]
    turns = iter(range(STOPS))

    def begin():
        turn = next(turns)
        writers = [Writer(contacts / VIEW, f"{turn}-{n}") for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        for id in ids:
            sim.act("update", id=id, fields={"FirstName": f"N{turn}"})
        if turn % 2:
            mount.ctl("sync", "--no-wait")
        enough = moments.randrange(100, 1500)
        wait_for(lambda: sum(writer.made for writer in writers) >= enough, 60, "files")
        return writers

    return begin


def over(writers):
    for writer in writers:
        writer.over = True


def join(writers):
    for writer in writers:
        writer.join(SOON)
        assert not writer.is_alive(), "a call that nobody answers"


@pytest.mark.parametrize("how", ["stop", "kill"])
@pytest.mark.sim(seed=seed(PEOPLE))
@pytest.mark.mount(config={"sync": {"quiet": "0.05", "interval": "0.0167"}})
def test_it_ends_under_load(mount, busy, how, record_property):
    """And the next one starts at once, over what the last one left."""
    longest = 0
    for _ in range(STOPS):
        writers = busy()
        began = time.monotonic()
        getattr(mount, how)()
        longest = max(longest, time.monotonic() - began)
        over(writers)
        mount.start()
        join(writers)
    assert longest < SOON
    record_property("count", f"{STOPS} times {how} under load, the longest {longest:.1f} s")


def is_gone(pid):
    """Ended, though nobody may have asked how."""
    try:
        return "State:\tZ" in pathlib.Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


def test_a_watchdog_that_comes_late_harms_nobody(mount):
    """The next mount may have the number of the connection that it watched over, and has it, unless other
    file systems come and go beside it."""
    daemon = mount.process.pid
    number = os.stat(mount.path).st_dev
    (watchdog,) = map(int, pathlib.Path(f"/proc/{daemon}/task/{daemon}/children").read_text().split())
    os.kill(watchdog, signal.SIGSTOP)
    try:
        for _ in range(TRIES):
            mount.crash()
            if os.stat(mount.path).st_dev == number:
                break
    finally:
        os.kill(watchdog, signal.SIGCONT)
    wait_for(lambda: is_gone(watchdog), 60, "the watchdog's end")
    assert mount.ctl("status", check=False).returncode == 0
    assert os.listdir(mount.path)
