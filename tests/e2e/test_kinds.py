"""Contacts, events and tasks alike: merge, designation, exclusion, deletion and quiet cycles.

Each test does the same with all three kinds (kinds.py) in one mount."""
import os

import pytest
from kinds import Item, KINDS, PLACES, VIEW, add_line, drop_line, property_of, scene
from scene import ALICE, attribute
from tools import json_rename, run

MINUTE = 60


def everybody(*names, **more):
    return [(kind, name, more) for kind in KINDS for name in names]


def quiet(sim, mount, after=None):
    sim.reset_counters()
    mount.sync()
    counters = sim.counters()
    assert counters["writes"] == 0, (after, counters)
    assert sim.mails() == []


def linked(sim, mount, account, *names):
    """[Item] of each kind and name; written into the view, synced and linked."""
    for kind in KINDS:
        for name in names:
            path = mount.mailbox("alice") / kind.folder / VIEW / f"{name}{kind.suffix}"
            path.write_bytes(kind.text(name).encode())
    mount.sync()
    items = [Item(sim, mount, account, kind, name) for kind in KINDS for name in names]
    for item in items:
        assert item.record_id, (item.kind.name, attribute(item.path, "error"))
        assert item.values(0) == item.spelled(0, 0)
    return items


# Merge -----------------------------------------------------------------------------------------------


@pytest.mark.sim(seed=scene())
def test_different_fields_of_three_sides_merge(sim, mount, exchange):
    items = linked(sim, mount, exchange("alice"), "Anna")
    quiet(sim, mount)
    for turn in range(3):
        for item in items:
            for n, place in enumerate(PLACES):
                item.change(PLACES[(n + turn) % 3], n, turn + 1)
        mount.sync()
        for item in items:
            for n in range(3):
                assert item.values(n) == item.spelled(n, turn + 1)
            assert item.conflicts() == []
            assert attribute(item.path, "state") == "synced"
        quiet(sim, mount)


# Who changed it, who is the newest, who wins under the policies exchange, crm, newest.
CASES = [
    (("file", "exchange"), "exchange", ("file", "file", "file")),
    (("file", "crm"), "crm", ("file", "crm", "crm")),
    (("file", "crm"), "file", ("file", "crm", "file")),
    (("exchange", "crm"), "crm", ("exchange", "crm", "crm")),
    (("exchange", "crm"), "exchange", ("exchange", "crm", "exchange")),
    (("file", "exchange", "crm"), "crm", ("file", "crm", "crm")),
    (("file", "exchange", "crm"), "file", ("file", "crm", "file")),
]


@pytest.mark.parametrize("policy", ["exchange", "crm", "newest"])
@pytest.mark.sim(seed=scene())
def test_one_field_on_several_sides(sim, start_mount, exchange, policy):
    mount = start_mount(sim, config={"sync": {"conflict": policy}})
    sim.clock(offset_seconds=-8 * MINUTE)
    items = linked(sim, mount, exchange("alice"), *(f"Case{n}" for n in range(len(CASES))))
    cases = list(zip(items, CASES * len(KINDS)))
    for when in "early", "late", "file":
        sim.clock(offset_seconds=3 * MINUTE if when == "late" else -4 * MINUTE)
        for item, (sides, newest, _) in cases:
            for side in sides:
                if when == ("file" if side == "file" else "late" if side == newest else "early"):
                    item.change(side, 0, 1 + PLACES.index(side))
    sim.clock(offset_seconds=4 * MINUTE)
    mount.sync()
    wrong = {}
    for item, (sides, newest, winners) in cases:
        winner = winners[("exchange", "crm", "newest").index(policy)]
        expected = item.spelled(0, 1 + PLACES.index(winner))
        field = item.kind.fields[0]
        lost = {side: field.values[1 + p][p] for p, side in enumerate(PLACES)
                if side in sides and side != winner}
        losers = {}
        for _, _, found in item.conflicts():
            losers.update(found)
        if (item.values(0), losers, attribute(item.path, "state")) != (expected, lost, "conflict"):
            wrong[item.kind.name, item.name, winner] = item.values(0), losers
    assert not wrong
    quiet(sim, mount)


# Designation -----------------------------------------------------------------------------------------


def by_mv(item):
    run("mv", item.path, item.mount.mailbox("alice") / item.kind.folder / VIEW)


def by_category_in_the_file(item):
    add_line(item.path, "CATEGORIES:Key account,CRM")


def by_json(item):
    inside = item.path.relative_to(item.mount.mailbox("alice")).with_suffix(".json")
    json_rename(item.mount.mailbox("alice") / ".json" / inside, ".keywords.CRM = true")


def by_setfattr(item):
    run("setfattr", "-n", "user.tandem.categories", "-v", "CRM", item.path)


def in_outlook(item):
    found = item.outlook
    found.categories = ["CRM"]
    found.save(update_fields=["categories"])


def out_by_mv(item):
    run("mv", item.path, item.mount.mailbox("alice") / item.kind.folder)


def out_in_the_file(item):
    drop_line(item.path, "CATEGORIES")


def out_by_json(item):
    inside = item.path.relative_to(item.mount.mailbox("alice")).with_suffix(".json")
    json_rename(item.mount.mailbox("alice") / ".json" / inside, "del(.keywords)")


def out_by_setfattr(item):
    run("setfattr", "-n", "user.tandem.categories", "-v", "", item.path)


def out_in_outlook(item):
    found = item.outlook
    found.categories = None
    found.save(update_fields=["categories"])


def excluded(item):
    run("setfattr", "-n", "user.tandem.categories", "-v", "DoNotSync", item.path)


def excluded_in_outlook(item):
    found = item.outlook
    found.categories = [*(found.categories or []), "DoNotSync"]
    found.save(update_fields=["categories"])


def included_in_outlook(item):
    found = item.outlook
    found.categories = [one for one in found.categories if one != "DoNotSync"] or None
    found.save(update_fields=["categories"])


ROUTES = {  # name: (designated, ended, designated anew)
    "Mv": (by_mv, out_by_mv, by_mv),
    "Line": (by_category_in_the_file, out_in_the_file, by_setfattr),
    "Json": (by_json, out_by_json, by_json),
    "Attribute": (by_setfattr, out_by_setfattr, by_mv),
    "Outlook": (in_outlook, out_in_outlook, in_outlook),
    "Excluded": (by_mv, excluded, out_by_setfattr),
    "Forbidden": (by_mv, excluded_in_outlook, included_in_outlook),
}


def records(sim):
    """{kind: sorted names of its records}"""
    return {kind.name: sorted(kind.name_of(row) for row in sim.records(kind.record))
            for kind in KINDS}


def all_items(sim, mount, account):
    return [Item(sim, mount, account, kind, name)
            for kind in KINDS for name in sorted(kind.files(mount))]


@pytest.mark.sim(seed=scene(everybody(*ROUTES)))
def test_designated_by_each_route_ended_and_designated_anew(sim, mount, exchange):
    items = all_items(sim, mount, exchange("alice"))
    assert len(items) == len(KINDS) * len(ROUTES)
    assert not any(item.record_id for item in items)
    numbers = {(item.kind.name, item.name): item.path.stat().st_ino for item in items}
    content = {(item.kind.name, item.name): item.path.read_bytes() for item in items}
    for item in items:
        ROUTES[item.name][0](item)
    mount.sync()
    assert records(sim) == {kind.name: sorted(ROUTES) for kind in KINDS}
    for item in items:
        item.record_id = attribute(item.path, "crm-id")
        assert item.values(0) == item.spelled(0, 0)
        assert attribute(item.path, "state") == "synced"
        if ROUTES[item.name][0] is by_mv:
            assert item.path.read_bytes() == content[item.kind.name, item.name]
            assert item.path.stat().st_ino == numbers[item.kind.name, item.name]
            assert item.path.parent.name == VIEW
    quiet(sim, mount)

    before = {row["Id"]: row for kind in KINDS for row in sim.records(kind.record)}
    for item in items:
        ROUTES[item.name][1](item)
    mount.sync()
    for item in items:
        assert attribute(item.path, "crm-id") is None, (item.kind.name, item.name)
        assert attribute(item.path, "state") == (
            "excluded" if item.name in ("Excluded", "Forbidden") else "synced")
    quiet(sim, mount)
    # Later edits stay where they are made, and nothing is made anew.
    for item in items:
        item.change("file", 0, 1)
        item.change("crm", 1, 2)
    for _ in range(2):
        mount.sync()
    for item in items:
        first, second = item.kind.fields[:2]
        assert item.values(0) == item.spelled(0, 1, crm=0)
        assert item.record[second.crm] == second.values[2][2]
        assert property_of(item.path, second.line) in (None, second.values[2][0]) and \
            item.item.get(second.exchange) in (None, "Normal")
    assert {row["Id"] for kind in KINDS for row in sim.records(kind.record)} == set(before)

    for item in items:
        ROUTES[item.name][2](item)
    mount.sync()
    for item in items:
        assert attribute(item.path, "crm-id") == item.record_id, (item.kind.name, item.name)
        assert item.values(0) == item.spelled(0, 1)
        assert item.values(1) == item.spelled(1, 2)
    assert {row["Id"] for kind in KINDS for row in sim.records(kind.record)} == set(before)
    quiet(sim, mount)


# What is in the CRM already --------------------------------------------------------------------------

FOUND = everybody("Found", "Twice")
IN_CRM = [(kind, name, {"Owner": ALICE, kind.fields[1].crm: kind.fields[1].values[1][2]})
          for kind in KINDS for name in ("Found", "Twice", "Twice", "Else")]


@pytest.mark.sim(seed=scene(FOUND))
def test_a_record_that_is_there_is_linked_and_several_are_an_error(sim, mount, exchange):
    for kind, name, more in IN_CRM:
        sim.act("create", object=kind.record, fields={
            **{key: value for key, value in kind.crm(name, **more).items() if key != "Owner"},
            "OwnerId": sim.mailbox("alice")["crm_user_id"]})
    mount.sync()
    before = records(sim)
    items = {(item.kind.name, item.name): item
             for item in all_items(sim, mount, exchange("alice"))}
    for item in items.values():
        by_mv(item)
    mount.sync()
    assert records(sim) == before
    for kind in KINDS:
        found, twice = items[kind.name, "Found"], items[kind.name, "Twice"]
        (there,) = [row for row in sim.records(kind.record) if kind.name_of(row) == "Found"]
        found.record_id = attribute(found.path, "crm-id")
        assert found.record_id == there["Id"]
        # What was empty on either side took the other's value.
        assert found.values(0) == found.spelled(0, 0)
        assert found.values(1) == found.spelled(1, 1)
        assert attribute(twice.path, "state") == "error"
        assert "several records" in attribute(twice.path, "error")
        # An edit goes to Exchange all the same, and makes no record.
        twice.change("file", 0, 2)
    quiet_records = records(sim)
    mount.sync()
    assert records(sim) == quiet_records == before
    for kind in KINDS:
        twice = items[kind.name, "Twice"]
        assert twice.item[kind.fields[0].exchange] == kind.fields[0].values[2][1]
        chosen = [row["Id"] for row in sim.records(kind.record)
                  if kind.name_of(row) == "Twice"][1]
        mount.ctl("relink", twice.path, chosen)
        twice.record_id = chosen
    mount.sync()
    for kind in KINDS:
        twice = items[kind.name, "Twice"]
        assert attribute(twice.path, "crm-id") == twice.record_id
        assert twice.values(0) == twice.spelled(0, 2)
    assert records(sim) == before
    assert mount.ctl_json("errors") == []
    quiet(sim, mount)


# Modes and directions --------------------------------------------------------------------------------


def policies(**keys):
    """The same for each kind."""
    return {'policy "default"': {"users": "*", **{
        f"{kind.policy}-{name}": value for name, value in keys.items() for kind in KINDS}}}


MIXED = (everybody("Plain") + everybody("Marked", Categories=["CRM"])
         + everybody("Secret", Categories=["CRM"], Sensitivity="Private")
         + everybody("Left", Categories=["CRM", "DoNotSync"]))


@pytest.mark.parametrize("mode, direction", [
    ("off", "both"), ("all", "to-crm"), ("designated", "to-exchange"), ("all", "both")])
@pytest.mark.sim(seed=scene(MIXED))
def test_modes_and_directions(sim, start_mount, exchange, mode, direction):
    for kind in KINDS:
        for name in "Marked", "Mine":
            sim.act("create", object=kind.record, fields={
                **kind.crm(name), "OwnerId": sim.mailbox("alice")["crm_user_id"]})
    mount = start_mount(sim, config=policies(mode=mode, direction=direction))
    mount.sync()
    there = ["Marked", "Mine"] + (["Plain"] if mode == "all" else [])
    assert records(sim) == {kind.name: there for kind in KINDS}
    # In mode `all` what the user owns is imported.
    here = ["Left", "Marked", "Plain", "Secret"]
    if mode == "all" and direction != "to-crm":
        here.insert(2, "Mine")
    assert {kind.name: sorted(kind.name_of(item) for item in kind.in_exchange(sim))
            for kind in KINDS} == {kind.name: here for kind in KINDS}
    quiet(sim, mount)
    items = [Item(sim, mount, exchange("alice"), kind, "Marked") for kind in KINDS]
    for item in items:
        if mode == "off":
            assert item.record_id is None
            continue
        item.change("file", 0, 1)
        item.change("crm", 1, 2)
    mount.sync()
    for item in items if mode != "off" else ():
        first, second = item.kind.fields[:2]
        assert (item.record.get(first.crm) == first.values[1][2]) == (direction != "to-exchange")
        assert (item.item.get(second.exchange) == second.values[2][1]) == (direction != "to-crm")
        assert item.record[second.crm] == second.values[2][2]
    quiet(sim, mount)


# Deleted on one side ---------------------------------------------------------------------------------


@pytest.mark.parametrize("remove", ["none", "crm", "exchange", "both"])
@pytest.mark.sim(seed=scene())
def test_deleted_on_one_side(sim, start_mount, exchange, remove):
    mount = start_mount(sim, config={"sync": {"remove-quiet": "0"}, **policies(remove=remove)})
    account = exchange("alice")
    names = ["File", "Outlook", "Crm", "Moved", "Keep1", "Keep2", "Keep3"]
    items = {(item.kind.name, item.name): item for item in linked(sim, mount, account, *names)}
    for kind in KINDS:
        run("rm", items[kind.name, "File"].path)
        items[kind.name, "Outlook"].outlook.move_to_trash()
        sim.act("delete", id=items[kind.name, "Crm"].record_id)
        moved = items[kind.name, "Moved"]
        moved.change("file", 0, 3)
        os.rename(moved.path, moved.path.with_name(f"New{kind.suffix}"))
    for _ in range(3):
        mount.sync()
    stay = {"Moved", "Keep1", "Keep2", "Keep3"}
    here = stay | (set() if remove in ("exchange", "both") else {"Crm"})
    there = stay | (set() if remove in ("crm", "both") else {"File", "Outlook"})
    for kind in KINDS:
        assert {kind.name_of(item) for item in kind.in_exchange(sim)} == here, kind
        assert {kind.name_of(row) for row in sim.records(kind.record)} == there, kind
        assert set(kind.files(mount)) == (here - {"Moved"}) | {"New"}
        if "Crm" in here:
            left = items[kind.name, "Crm"]
            assert attribute(left.path, "crm-id") is None
            left.change("file", 0, 3)
    for _ in range(2):
        mount.sync()
    for kind in KINDS:
        assert {kind.name_of(row) for row in sim.records(kind.record)} == there, kind
    quiet(sim, mount)


# Nothing changed, and every kind of edit -------------------------------------------------------------


@pytest.mark.sim(seed=scene(everybody("Plain", "Other", "Third", "Fourth", "Fifth", "Sixth")))
@pytest.mark.mount(config={"sync": {"remove-quiet": "0"}})
def test_the_cycle_after_an_edit_is_quiet(sim, mount, exchange, tmp_path):
    account = exchange("alice")
    items = linked(sim, mount, account, "Anna")
    quiet(sim, mount)
    mount.stop()
    mount.start()
    mount.sync()
    quiet(sim, mount)

    def plain(kind, name="Plain"):
        return Item(sim, mount, account, kind, name)

    def by_cp(kind):
        (tmp_path / "new").write_text(kind.text("New"))
        run("cp", tmp_path / "new", mount.mailbox("alice") / kind.folder / f"New{kind.suffix}")

    def by_rename_over(kind):
        path = plain(kind).path
        draft = path.with_name(".draft")
        draft.write_bytes(path.read_bytes())
        drop_line(draft, kind.fields[0].line)
        add_line(draft, f"{kind.fields[0].line}:{kind.fields[0].values[2][0]}")
        os.rename(draft, path)

    def by_mv_to_another_folder(kind):
        folder = mount.mailbox("alice") / kind.folder / "Elsewhere"
        folder.mkdir()
        os.rename(plain(kind, "Other").path, folder / plain(kind, "Other").path.name)

    def by_mv_to_another_name(kind):
        path = plain(kind, "Third").path
        os.rename(path, path.with_name(f"Renamed{kind.suffix}"))

    def by_rm(kind):
        os.unlink(plain(kind, "Fourth").path)

    def in_outlook_create_and_delete(kind):
        plain(kind, "Fifth").outlook.move_to_trash()
        plain(kind, "Sixth").outlook.copy(getattr(account, kind.folder.lower()))

    def in_the_crm(kind):
        sim.act("create", object=kind.record, fields=kind.crm("Stranger"))
        next(item for item in items if item.kind is kind).change("crm", 1, 3)

    for how in (by_cp, by_rename_over, by_mv_to_another_folder, by_mv_to_another_name, by_rm,
                in_outlook_create_and_delete, in_the_crm):
        for kind in KINDS:
            how(kind)
        mount.sync()
        quiet(sim, mount, how.__name__)
    for kind in KINDS:
        names = sorted(kind.name_of(item) for item in kind.in_exchange(sim))
        assert names == ["Anna", "New", "Other", "Plain", "Sixth", "Sixth", "Third"]
        assert "Renamed" in kind.files(mount)
        assert records(sim)[kind.name] == ["Anna", "Stranger"]
        anna = next(item for item in items if item.kind is kind)
        assert anna.values(1) == anna.spelled(1, 3)
