"""Random programs of what people, servers and the machine do, each judged when the dust has settled.

`make model N=2000 SEED=7` plays so many instead of a few.  A program that failed is printed as a list of
operations, the shortest that fails in the same way; it is kept in model_programs.py, whose programs run
each time.
"""
import os
import shutil

import hypothesis
import pytest
from hypothesis import strategies as st
from model import World
from model_oracle import play
from model_programs import PROGRAMS
from scale import amount

PARTS = 4
EXAMPLES = int(os.environ.get("TANDEM_MODEL") or amount(80, 20))
SEED = int(os.environ.get("TANDEM_MODEL_SEED") or 0)

PLACES = st.sampled_from(["file", "exchange", "crm"])
MAILBOX = st.sampled_from(["file", "exchange"])
WAYS = st.sampled_from(["folder", "category"])
KIND = st.integers(0, 2)
NTH = st.integers(0, 5)
WRITES = st.sampled_from([
    "CreateItem", "UpdateItem", "MoveItem", "DeleteItem", "sf:collections-upsert",
    "sf:collections-create", "sf:composite", "sf:collections-delete"])
READS = st.sampled_from(["SyncFolderItems", "SyncFolderHierarchy", "GetItem", "sf:query",
                         "sf:queryAll"])
REQUESTS = st.one_of(WRITES, WRITES, READS)
SKIP = st.integers(0, 1)
LOST = st.sampled_from(["drop-before", "drop-after", "truncate", "garble"])


def operation(name, *arguments):
    return st.tuples(st.just(name), *arguments)


SYNC = operation("sync")
EDIT = operation("edit", PLACES, NTH, KIND)
CREATE = operation("create", PLACES, KIND, st.booleans())
OPERATIONS = st.one_of(
    CREATE, CREATE, EDIT, EDIT, EDIT, SYNC, SYNC, SYNC,
    operation("clear", PLACES, NTH, KIND),
    operation("delete", PLACES, NTH),
    operation("designate", MAILBOX, NTH, WAYS),
    operation("undesignate", MAILBOX, NTH, WAYS),
    operation("restore", NTH),
    operation("rename", NTH),
    operation("twin", NTH),
    operation("refused", KIND),
    operation("fault", REQUESTS, LOST, SKIP),
    operation("fault", REQUESTS, LOST, SKIP),
    operation("fault", REQUESTS, st.sampled_from(["status"]), SKIP),
    operation("crash"),
    operation("crash_in", REQUESTS, st.sampled_from(["delay", "delay-after"]), SKIP),
    operation("clock", st.sampled_from([1, 30, 200])),
    operation("age", SKIP),
    operation("settle"),
)
BULK = st.tuples(operation("many", MAILBOX, KIND, st.booleans()), SYNC,
                 operation("empty", MAILBOX, KIND)).map(list)
CONFIG = st.fixed_dictionaries({}, optional={
    "conflict": st.sampled_from(["exchange", "crm", "newest"]),
    "remove": st.sampled_from(["none", "both"]),
    "import": st.sampled_from(["off", "owned"]),
    "token": st.booleans(),
})
STEPS = st.lists(OPERATIONS, min_size=1, max_size=16)
PROGRAM = st.one_of(STEPS, STEPS, STEPS, STEPS,
                    st.tuples(STEPS, BULK, STEPS).map(lambda parts: sum(parts, [])))


def run(directory, program, config):
    world = World(directory, config)
    try:
        play(world, program)
    finally:
        world.close()


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(tmp_path, name):
    program, config = PROGRAMS[name]
    run(tmp_path, program, config)


@pytest.mark.parametrize("part", range(PARTS))
def test_random_programs(tmp_path, part, record_property):
    played = 0

    @hypothesis.seed(SEED * PARTS + part)
    @hypothesis.settings(max_examples=EXAMPLES // PARTS, deadline=None, database=None,
                         print_blob=False, suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(program=PROGRAM, config=CONFIG)
    def examples(program, config):
        nonlocal played
        played += 1
        directory = tmp_path / str(played)
        run(directory, program, config)
        shutil.rmtree(directory)

    examples()
    record_property("count", f"model, part {part}: {played} random programs, 0 failed")
