"""Random programs of what people, servers and the machine do, each judged when the dust has settled.

`make model N=2000 SEED=7` plays so many instead of a few.  A program that failed is printed as a list of
operations, the shortest that fails in the same way; it is kept in model_programs.py, whose programs run
each time.
"""
import os
import shutil

import hypothesis
import pytest
import scene
from hypothesis import strategies as st
from model import BOB, World
from model_oracle import play
from model_programs import PROGRAMS
from scale import amount

PARTS = 4 if os.environ.get("TANDEM_MODEL") else amount(4, 1)
# The first dozen that Hypothesis makes are small.
EXAMPLES = int(os.environ.get("TANDEM_MODEL") or PARTS * 20)
SEED = int(os.environ.get("TANDEM_MODEL_SEED") or 0)

PLACES = st.sampled_from(["file", "exchange", "crm"])
MAILBOX = st.sampled_from(["file", "exchange"])
HIS = st.sampled_from(BOB)
WAYS = st.sampled_from(["folder", "category"])
KIND = st.sampled_from([0, 1, 2, 3, 3])
WHICH = st.integers(0, 5)
NTH = st.integers(0, 5)
WRITES = st.sampled_from([
    "CreateItem", "UpdateItem", "MoveItem", "DeleteItem", "sf:collections-upsert",
    "sf:collections-create", "sf:composite", "sf:collections-delete"])
READS = st.sampled_from(["SyncFolderItems", "SyncFolderHierarchy", "GetItem", "sf:query",
                         "sf:queryAll"])
REQUESTS = st.integers(0, 2).flatmap(lambda n: READS if n == 2 else WRITES)
SKIP = st.integers(0, 1)
DELAYS = st.sampled_from(["delay", "delay-after"])
LOST = st.sampled_from(["drop-before", "drop-after", "truncate", "garble"])


def operation(name, *arguments):
    return st.tuples(st.just(name), *arguments)


SYNC = operation("sync")
CREATE = operation("create", PLACES, KIND, st.booleans())
EDIT = operation("edit", PLACES, NTH, WHICH)
# How often each is done, of some hundred.
OFTEN = [
    (13, SYNC), (8, CREATE),
    (16, EDIT),
    (4, operation("clear", PLACES, NTH, WHICH)),
    (6, operation("delete", PLACES, NTH)),
    (6, operation("designate", MAILBOX, NTH, WAYS)),
    (5, operation("undesignate", MAILBOX, NTH, WAYS)),
    (3, operation("restore", NTH)),
    (3, operation("rename", NTH)),
    (3, operation("twin", NTH)),
    (4, operation("know", HIS, NTH)),
    (6, operation("edit", HIS, NTH, WHICH)),
    (1, operation("clear", HIS, NTH, WHICH)),
    (2, operation("delete", HIS, NTH)),
    (2, operation("private", NTH)),
    (1, operation("refused", KIND)),
    (11, operation("fault", REQUESTS, LOST, SKIP)),
    (1, operation("fault", REQUESTS, st.just("status"), SKIP)),
    (1, operation("reset")),
    (5, operation("during", REQUESTS, DELAYS, SKIP, EDIT)),
    (2, operation("crash")),
    (5, operation("crash_in", REQUESTS, DELAYS, SKIP)),
    (2, operation("clock", st.sampled_from([1, 30, 200]))),
    (2, operation("age", SKIP)),
    (3, operation("settle")),
]
OPERATIONS = st.sampled_from([one for often, one in OFTEN for _ in range(often)]).flatmap(
    lambda one: one)
BULK = st.tuples(operation("many", MAILBOX, KIND, st.booleans()), SYNC,
                 operation("empty", MAILBOX, KIND)).map(list)
START = st.lists(CREATE, min_size=1, max_size=3)
CONFIG = st.fixed_dictionaries({}, optional={
    "conflict": st.sampled_from(["exchange", "crm", "newest"]),
    "remove": st.sampled_from(["none", "crm", "exchange", "both"]),
    "import": st.sampled_from(["off", "owned"]),
    "token": st.booleans(),
    "bob": st.booleans(),
    "direction": st.sampled_from(["both", "to-crm", "to-exchange"]),
})
STEPS = st.lists(OPERATIONS, max_size=16)  # some five of them
SOME = st.integers(0, 3).flatmap(lambda n: BULK if n == 3 else STEPS)
PROGRAM = st.tuples(START, STEPS, SOME, STEPS).map(lambda parts: sum(parts, []))


def run(directory, program, config):
    """Plays it, and gives how many conflicts are recorded in the end."""
    world = World(directory, config)
    try:
        play(world, program)
        return len(scene.conflicts(world.mount.mailbox("alice")))
    finally:
        world.close()


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(tmp_path, name):
    program, config = PROGRAMS[name]
    run(tmp_path, program, config)


@pytest.mark.parametrize("part", range(PARTS))
def test_random_programs(tmp_path, part, record_property):
    played = operations = conflicts = 0

    @hypothesis.seed(SEED * PARTS + part)
    @hypothesis.settings(max_examples=EXAMPLES // PARTS, deadline=None, database=None,
                         print_blob=False, suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(program=PROGRAM, config=CONFIG)
    def examples(program, config):
        nonlocal played, operations, conflicts
        played += 1
        operations += len(program)
        directory = tmp_path / str(played)
        conflicts += run(directory, program, config)
        shutil.rmtree(directory)

    examples()
    record_property("count", f"model, part {part}: {played} random programs, {operations} "
                             f"operations, {conflicts} conflicts; 0 failed")
