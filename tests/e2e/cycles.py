"""What a cycle costs and writes: a gateway that has nothing to do must leave both servers alone."""
import os

WRITES = ("CreateItem", "UpdateItem", "MoveItem", "DeleteItem", "CreateFolder", "UpdateFolder",
          "MoveFolder", "DeleteFolder", "sf:composite")
# Their count does not grow with folders or objects: tokens and the folder hierarchy.
NOT_COUNTED = ("sf:token", "SyncFolderHierarchy")
OBJECTS = 3  # Contact, Event, Task


def counted_cycle(sim, mount):
    """One cycle; gives what the simulator counted in it."""
    sim.reset_counters()
    mount.sync()
    return sim.counters()


def writes(sim, mount):
    """How many requests of one cycle wrote, on either side."""
    return counted_cycle(sim, mount)["writes"]


def written(sim, mount):
    """{operation: n} of what one cycle wrote."""
    counted = counted_cycle(sim, mount)
    found = {name: n for name, n in counted["operations"].items() if name in WRITES}
    assert bool(found) == bool(counted["writes"]), counted
    return found


def assert_nothing_written(sim, mount, cycles=1):
    """Nothing is left to do, and nobody was mailed."""
    for _ in range(cycles):
        counted = counted_cycle(sim, mount)
        assert counted["writes"] == 0, counted["operations"]
    assert sim.mails() == []


def assert_little_asked(sim, mount, folders, objects=OBJECTS):
    """A cycle that writes nothing and asks twice a folder and object at the most.  `folders` of
    contacts; each mailbox has Calendar and Tasks besides."""
    counters = counted_cycle(sim, mount)
    folders += 2 * len(os.listdir(mount.path))
    assert counters["writes"] == 0, counters
    counted = {name: n for name, n in counters["operations"].items() if name not in NOT_COUNTED}
    crm = {name: n for name, n in counted.items() if name.startswith("sf:")}
    ews = {name: n for name, n in counted.items() if not name.startswith("sf:")}
    assert sum(ews.values()) <= 2 * folders, counters
    assert sum(crm.values()) <= 2 * objects, counters
    assert sim.mails() == []
