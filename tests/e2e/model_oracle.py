"""What must be true when the dust has settled: see model.py.

play() does the operations of a program.  settle() takes all faults away, lets the time pass that tandemfs
waits for, and runs cycles until one writes nothing; check() then compares the three sides with each other
and with what people did."""
import json

from later import after
from model import AGED, BOB, MANY, MAY, MUST, NOT
from model_fields import FIELDS
from scene import conflicts, lost
from simulator import wait_for

CYCLES = 12  # more are needed by nobody who comes to an end


def play(world, program):
    for operation in [*program, ("settle",)]:
        if operation == ("settle",):
            settle(world)
        else:
            world.do(*operation)


def settle(world):
    world.sim.clear_faults()
    world.await_delayed()
    after(world.mount, AGED[0])
    sync_until_quiet(world)
    world.note_private()
    check_guard(world)
    held = {row["batch"] for row in world.mount.ctl_json("deletes")}
    for batch in held:
        world.mount.ctl("deletes", "confirm", batch)
    if held:
        sync_until_quiet(world)
    check(world)
    world.sim.reset_counters()
    world.mount.sync()
    assert world.sim.counters()["writes"] == 0, "a further cycle writes"


def sync_until_quiet(world):
    for _ in range(CYCLES):
        world.sim.reset_counters()
        # A server said how long to wait, perhaps.
        wait_for(lambda: world.mount.sync(check=False).returncode == 0, 60, "a good cycle")
        if world.sim.counters()["writes"] == 0:
            return
    raise AssertionError(f"cycle {CYCLES} still writes: {world.sim.counters()}")


def check_guard(world):
    """What was deleted in bulk still stands on the other side."""
    for batch in world.guarded:
        held = [(place, thing) for place, thing in batch if thing.item == NOT]
        for place, thing in held if len(held) >= MANY else ():
            assert (thing.kind.name, thing.name) in world.copies(place), \
                f"{thing.name} was deleted in bulk, and nobody has confirmed that"
    world.guarded = []


def check(world):
    assert world.sim.mails() == [], "somebody was mailed"
    assert errors(world) == []
    boxes = sorted(world.mount.path.iterdir())
    box = boxes[0]
    assert [lost(other) for other in boxes[1:]] == [[]] * world.config["bob"]
    assert lost(box) == sorted(f"{name}.{end}" for name in world.refused
                               for end in ("reason", "refused"))
    losers = [loser["value"] for one in boxes for conflict in conflicts(one)
              for field in conflict["fields"] for loser in field["losers"]]
    check_private(world)
    sides = {place: world.copies(place) for place in world.replicas}
    for place, found in sides.items():
        for key, copies in found.items():
            assert key in world.things, f"{key} in {place}: nobody made it"
            assert len(copies) == 1, f"{key} is {len(copies)} times in {place}"
    for key, thing in world.things.items():
        copies = {place: found[key][0] for place, found in sides.items() if key in found}
        check_there(thing, copies)
        check_equal(thing, copies)
        check_colleague(thing, copies)
        check_records(world, thing, copies)
        check_values(thing, copies, losers + binned(world, thing))
        settled(thing, copies)
    world.removed = {key: file for key, file in world.removed.items() if key not in sides["file"]}


def errors(world):
    """What no record was found for is noted where none may be made."""
    return [row for row in world.mount.ctl_json("errors")
            if world.config["direction"] != "to-exchange"
            or "the policy sends nothing to the CRM" not in row["error"]]


def check_there(thing, copies):
    record = MAY if thing.bob != NOT and thing.record == NOT else thing.record
    for wanted, places in ((thing.item, ("file", "exchange")), (record, ("crm",)),
                           (thing.bob, BOB)):
        for place in places:
            assert wanted == MAY or (place in copies) == (wanted == MUST), \
                f"{thing.kind.name} {thing.name} {wanted} be in {place}"
    assert ("file" in copies) == ("exchange" in copies), \
        f"{thing.name} is in one of file and Exchange: {copies}"


def check_equal(thing, copies):
    file, item, record = (copies.get(place) for place in ("file", "exchange", "crm"))
    if not file:
        return
    assert file.fields == item.fields, (file, item)
    assert file.where() == item.where(), (file, item)
    if thing.link == MUST and file.is_designated:
        assert file.link, f"{thing.name} is not linked"
    assert thing.private == NOT or not file.link, f"{thing.name} is private and linked"
    assert thing.link != NOT or not file.link, f"{thing.name} was not designated and is linked"
    if file.link:
        assert record and file.link == record.handle, (file, record)


def check_private(world):
    """Nothing that was written into a private item is in the CRM, nor in its recycle bin."""
    text = json.dumps(world.sim.state("salesforce"))
    told = [value for _, value in world.secrets if value and f'"{value}"' in text]
    assert not told, f"private, and in the CRM: {told}"


def check_records(world, thing, copies):
    """Where one side is not taken, what was written there stands there, and nowhere else."""
    record, direction = copies.get("crm"), world.config["direction"]

    def is_theirs(name, value):
        return (thing.name, name, value) in world.by_crm

    shared = thing.bob != NOT  # what a colleague sent is not taken either

    for file in (copies.get("file"), copies.get(BOB[0])):
        if not file or not file.link:
            continue
        if direction == "both":
            assert file.fields == record.fields, (file, record)
        for name, value in file.fields.items():
            there = record.fields[name]
            stands = shared or is_theirs(name, there) if direction == "to-crm" \
                else direction == "to-exchange" and not is_theirs(name, value)
            assert value == there or stands, (name, file, record)
    if record and direction == "to-exchange":
        for name, value in record.fields.items():
            assert value is None or is_theirs(name, value), f"{name} was sent: {record}"
    if direction == "to-crm" and not thing.met:
        for place, copy in copies.items():
            for name, value in copy.fields.items():
                assert place == "crm" or not is_theirs(name, value) or value is None, \
                    f"{name} was taken: {copy}"


def check_colleague(thing, copies):
    file, item = (copies.get(place) for place in BOB)
    assert bool(file) == bool(item), f"{thing.name} is in one of bob's file and Exchange: {copies}"
    if file:
        assert file.fields == item.fields and file.where() == item.where(), (file, item)
        record = copies.get("crm")
        assert not file.link or (record and file.link == record.handle), (file, record)
        assert file.link or thing.bob == MAY or not record, f"bob's {thing.name} is not linked"


def binned(world, thing):
    """Exchange deletes what it is told to, whoever changed it a moment ago: it goes to Deleted Items."""
    return [copy.fields for copy in world.replicas["exchange"].deleted()
            if thing.raced and copy.name == thing.name]


def check_values(thing, copies, losers):
    text = json.dumps(losers)
    for field in FIELDS[thing.kind.name]:
        shown = [copy.fields[field.name] for copy in copies.values()]
        for value in thing.open.get(field.name, ()):
            if value is None:  # what was emptied is, where all is gone; see Thing.emptied()
                kept = None in losers or "file" not in copies or thing.link == MAY
            else:
                kept = any(mark in text for mark in field.marks(value))
            assert value in shown or kept, \
                f"{thing.kind.name} {thing.name}: {field.name} {value} is lost; there is {shown}"


def settled(thing, copies):
    """All that was undecided is known now."""
    file = copies.get("file")
    thing.touched.clear()
    thing.raced = thing.reset = False
    thing.open = {field.name: {copy.fields[field.name] for copy in copies.values()} - {None}
                  for field in FIELDS[thing.kind.name]}
    thing.item = MUST if file else NOT
    thing.record = MUST if "crm" in copies else NOT
    thing.had_record = "crm" in copies
    his = copies.get(BOB[0])
    thing.bob = NOT if not his else MUST if his.link else MAY
    thing.twin = thing.twin or bool(his and "crm" in copies)
    if not file:
        thing.link = MAY if thing.link != NOT or thing.had_record else NOT
    elif file.link:
        thing.link, thing.twin = MUST, False
    else:  # designated and not linked: unlinked, until it is designated anew
        thing.link = MAY if file.is_designated else NOT
