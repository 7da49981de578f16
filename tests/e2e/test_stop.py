"""A stop in the middle of everything: files are made and removed, and a sync changes a hundred names
beside them.  It ends, and soon, whatever the kernel was told or asked at that moment.

TANDEM_STOPS=40 stops so often, TANDEM_STOPS_SEED chooses the moments.
"""
import os
import random
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
SOON = 20  # seconds; of a second's patience, and a loaded machine


class Writer(threading.Thread):
    """Makes and removes files of its own until the mount is gone."""

    def __init__(self, folder, name):
        super().__init__(daemon=True)
        self.folder, self.name, self.made = folder, name, 0

    def run(self):
        try:
            while True:
                path = self.folder / f".{self.name}.{self.made % 7}"
                path.write_bytes(b"x")
                path.unlink()
                self.made += 1
        except OSError:
            pass


@pytest.mark.sim(seed=seed(PEOPLE))
@pytest.mark.mount(config={"sync": {"quiet": "0.05", "interval": "0.0167"}})
def test_a_stop_under_load_ends(sim, mount, contacts, record_property):
    moments, longest = random.Random(SEED), 0
    ids = [record["Id"] for record in crm_contacts(sim)]
    for stop in range(STOPS):
        writers = [Writer(contacts / VIEW, f"{stop}-{n}") for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        for id in ids:
            sim.act("update", id=id, fields={"FirstName": f"N{stop}"})
        if stop % 2:
            mount.ctl("sync", "--no-wait")
        enough = moments.randrange(100, 1500)
        wait_for(lambda: sum(writer.made for writer in writers) >= enough, 60, "files")
        began = time.monotonic()
        mount.stop()
        longest = max(longest, time.monotonic() - began)
        for writer in writers:
            writer.join(SOON)
            assert not writer.is_alive(), "a call that nobody answers"
        mount.start()
    assert longest < SOON
    record_property("count", f"{STOPS} stops under load, the longest {longest:.1f} s")
