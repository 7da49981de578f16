"""Crash scenarios: run once undisturbed, then once for each way to disturb them, and compared.

A run has its own simulator and mount.  Killed at a step (tests/crash/steps.c), the daemon is
started again, an edit that failed is made again, and the scenario goes on; a write request whose
connection is cut is left to the next cycles.  At the end cycles run until nothing is written any
more, and what an independent reader then finds in the files, in Exchange and in the CRM has to be
what it found after the undisturbed run.

    report = try_scenario(scenario, kind, directory)
    report.problems     what was lost, doubled or different, and in which run
"""
import collections
import contextlib
import dataclasses
import difflib
import json
import os
import re
import shutil
import sqlite3

from crash_edits import ALL_KINDS, SERIES, World, blocks, is_whole, seeded, value_in
from kinds import scene
from later import VIEWED_LONG_AGO, after
from mounting import Mount, MountError
from scene import attribute, exchange_items, unfolded
from simulator import Simulator, wait_for

CYCLES = 12
# Orphans are dropped when the kernel lets go of them, which it does in its own time.
BY_THE_KERNEL = ("commit drop", "committed drop")
NOW = {"sync": {"remove-quiet": "0"}}
# What differs between two runs that do the same.
EXCHANGE_VOLATILE = {"ReminderDueBy", "ChangeHighlights"}
CRM_VOLATILE = {"Id", "CreatedDate", "LastModifiedDate", "SystemModstamp", "LastModifiedById",
                "CreatedById"}
# A conflict is named as the side names it on which two values met, and which one that is depends on
# whose change came first.
CONFLICT_NAMES = {"JobTitle": "Title"}


@dataclasses.dataclass(frozen=True)
class Scenario:
    """given: {name: "plain" or "designated"}, there and synced before; edits: lines of the
    language; ends: "NAME FILE EXCHANGE CRM", the number of the first field's value on each side, -
    for none."""

    name: str
    given: dict
    edits: tuple
    ends: tuple
    kinds: tuple = ALL_KINDS
    config: dict = dataclasses.field(default_factory=dict)
    # After a restart the edits go on at once, before any cycle.
    at_once: bool = False


@dataclasses.dataclass(frozen=True)
class Disturbance:
    """A step to be killed at, or a fault at the nth request of an operation."""

    what: str
    nth: int
    fault: str = None

    def __str__(self):
        return f"{self.what}:{self.nth}"


@dataclasses.dataclass
class Report:
    steps: int = 0
    runs: int = 0
    missed: int = 0
    lost: int = 0
    doubled: int = 0
    differing: int = 0
    problems: list = dataclasses.field(default_factory=list)
    names: list = dataclasses.field(default_factory=list)  # of the steps

    def add(self, other):
        for field in dataclasses.fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


# One run -----------------------------------------------------------------------------------------

class Run:
    def __init__(self, scenario, kind, directory, disturbance=None):
        self.scenario, self.kind, self.disturbance = scenario, kind, disturbance
        self.directory = directory
        self.steps_log = directory / "steps"
        self.step_file = directory / "step"
        self.restarts = 0
        self.offline = False
        self.mount = self.world = None
        self.labels = {}
        self.sim = Simulator(directory / "sim", seed=scene(seeded(kind, scenario.given)),
                             schema=None)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self):
        environment = {"TANDEM_STEPS_LOG": str(self.steps_log),
                       "TANDEM_STEP": str(self.step_file)}
        self.mount = Mount(self.directory / "tandemfs", self.sim, program="tandemfs-steps",
                           config={**NOW, **self.scenario.config}, environment=environment)
        self.mount.sync()
        self.world = World(self.sim, self.mount, self.kind)
        self.first_step = len(self.steps())
        self.uids = {attribute(path, "uid"): name
                     for name, path in self.kind.files(self.mount).items()}
        self.numbers = {path.stat().st_ino: name
                        for name, path in self.kind.files(self.mount).items()}
        if self.disturbance:
            self.disturb(self.disturbance)

    def disturb(self, disturbance):
        operation = disturbance.what.removeprefix("send ")
        if not disturbance.fault:
            self.step_file.write_text(str(disturbance))
        elif operation[0].isupper():
            # exchangelib signs in as the user and impersonates nobody.
            self.sim.fault(operation, disturbance.fault, skip=disturbance.nth - 1,
                           match="ExchangeImpersonation")
        else:
            self.sim.fault(f"sf:{operation}", disturbance.fault, skip=disturbance.nth - 1)

    def close(self):
        with contextlib.ExitStack() as stack:
            stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
            stack.callback(self.sim.stop)
            if self.mount:
                stack.callback(self.mount.close)
            if self.world:
                stack.callback(self.world.close)

    def steps(self):
        return self.steps_log.read_text().splitlines()

    # Being killed.

    def has_died(self):
        return self.mount.process.poll() is not None

    def restart(self):
        """Offline until the next cycle is asked for: edits that follow come before any cycle."""
        assert self.mount.process.wait() == -9, self.mount.stderr()
        self.step_file.unlink()
        self.mount.kill()
        self.mount.start(options=["offline"])
        self.offline = True
        self.restarts += 1
        assert self.restarts == 1, "killed twice"

    def starting(self, start, *arguments):
        """A cycle begins with the daemon, which may be killed in it before it is seen to be up."""
        try:
            start(*arguments)
        except MountError:
            wait_for(self.has_died, what="the end of the daemon as it starts")
            self.restart()

    def edit(self, line):
        """Made again when the daemon died under it, as its user would."""
        try:
            self.world.perform(line)
        except (OSError, MountError):
            wait_for(self.has_died, what=f"the end of the daemon in {line}")
            self.restart()
            self.world.perform(line)
        if self.has_died():
            self.restart()

    def sync(self, again=3):
        """True: a cycle went through.  Unless the edits go on at once, one that came to nothing is
        followed by another."""
        if self.offline:
            self.offline = False
            self.mount.stop()
            self.starting(self.mount.start)
            return self.sync(again)
        done = self.mount.sync(check=False)
        if done.returncode and self.mount.ctl("status", check=False).returncode:
            wait_for(self.has_died, what="the end of the daemon in a cycle")
            self.restart()
        if done.returncode and again and not self.scenario.at_once:
            return self.sync(again - 1)
        return done.returncode == 0

    def go(self):
        for line in (*self.scenario.edits, "sync"):
            if line == "sync":
                self.sync()
            elif line == "a day later":
                self.starting(after, self.mount, VIEWED_LONG_AGO)
            elif line == "a new cache":
                self.starting(self.begin_anew)
            else:
                self.edit(line)

    def begin_anew(self):
        """The first sync of a mailbox in which other caches left their marks."""
        self.mount.stop()
        shutil.rmtree(self.mount.cache)
        self.mount.cache.mkdir()
        self.numbers = {}
        self.mount.start()

    # The end.

    def waits_for_deadline(self):
        store = sqlite3.connect(f"file:{self.mount.cache}/cache.db?mode=ro", uri=True)
        with contextlib.closing(store):
            return store.execute("SELECT count(*) FROM side WHERE token_sent > 0").fetchone()[0]

    def settle(self):
        """Cycles until two in a row write nothing."""
        quiet = 0
        for _ in range(CYCLES):
            self.sim.reset_counters()
            through = self.sync()
            quiet = quiet + 1 if through and self.sim.counters()["writes"] == 0 else 0
            if quiet == 2:
                if not self.waits_for_deadline():
                    return
                after(self.mount, "UPDATE side SET token_sent = token_sent - 3600000000000 "
                                  "WHERE token_sent > 0")
                quiet = 0
        raise AssertionError(f"not quiet after {CYCLES} cycles: {self.steps()[-20:]}")

    def found(self):
        """{replica: [(name, what it is)]}"""
        state = self.sim.state()
        assert state["mail"] == [], "somebody was mailed"
        self.label()
        return {"files": self.files(), "exchange": self.exchange(), "crm": self.crm(state),
                "records": self.records()}

    def neutral(self, value):
        """Without what is made at random: UIDs and record ids are named after whose they are."""
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, indent=1)
        for old, new in self.labels.items():
            text = text.replace(old, new)
        return text

    def label(self):
        """{what was made at random: a name for it}; a UID that was there first stays that one."""
        rows = self.sim.records(self.kind.record, deleted=True)
        self.labels = {row["Id"]: f"RECORD of {self.kind.name_of(row)}" for row in rows}
        for path in (self.world.box / self.kind.folder).rglob(f"*{self.kind.suffix}"):
            uid = re.search(r"^UID:(.*?)\r?$", unfolded(path), re.M)[1]
            if "@client" not in uid:
                self.labels[uid] = f"UID made for {path.name}"
        self.labels.update({uid: f"UID of {name}" for uid, name in self.uids.items()})

    def files(self):
        out = []
        for path in sorted(self.world.box.rglob("*")):
            if path.is_dir():
                out.append((f"{path.relative_to(self.world.box)}/", ""))
                continue
            text = self.neutral(unfolded(path))
            place = str(path.relative_to(self.world.box))
            number = self.numbers.get(path.stat().st_ino, "none that was there")
            state, error = attribute(path, "state"), attribute(path, "error")
            out.append((place, f"{state} {error}\nnumber of {number}\n{text}"))
        return out

    def exchange(self):
        out = []
        for folder, items in exchange_items(self.sim).items():
            out.append((f"{folder}/", ""))
            if folder == "Deleted Items" and self.scenario.at_once:
                continue  # what was removed at once was made there before, or never
            for item in items:
                kept = {key: value for key, value in item.items()
                        if key not in ("id", "change_key", "search_key", "created", "modified",
                                       "modified_by")}
                kept["properties"] = {key: value for key, value in item["properties"].items()
                                      if key not in EXCHANGE_VOLATILE}
                kept["extended"] = {key: "a token" if key.endswith("Token") else value
                                    for key, value in item["extended"].items()}
                name = self.kind.name_of(item["properties"])
                out.append((f"{folder}/{name}", self.neutral(kept)))
        return sorted(out)

    def crm(self, state):
        out = []
        for row in state["salesforce"][self.kind.record]:
            kept = {key: value for key, value in row.items() if key not in CRM_VOLATILE}
            if "Tandem_Token__c" in kept:
                kept["Tandem_Token__c"] = "a token"
            deleted = "deleted " if row["IsDeleted"] else ""
            out.append((deleted + self.kind.name_of(row), self.neutral(kept)))
        return sorted(out)

    def records(self):
        """Conflict records, lost+found and errors."""
        sync = self.world.box / ".sync"
        out = []
        for name in sorted(os.listdir(sync / "conflicts")):
            conflict = json.loads((sync / "conflicts" / name).read_text())
            for field in conflict["fields"]:
                what = CONFLICT_NAMES.get(field["field"], field["field"])
                out += [(f"conflict in {what}", self.neutral([
                    field["winner"], loser["origin"], loser["value"]]))
                    for loser in field["losers"]]
        for name in sorted(os.listdir(sync / "lost+found")):
            out.append((f"lost+found/{name}", (sync / "lost+found" / name).read_text()))
        return sorted(out) + [("error", self.neutral({key: value for key, value in error.items()
                                              if key in ("path", "error", "side")}))
                      for error in self.mount.ctl_json("errors")]

    def ends(self):
        """The scenario's own form of the end: {"NAME FILE EXCHANGE CRM"}, and for the exception of
        a series {"NAME/2 FILE EXCHANGE CRM"}."""
        out = {}
        field = self.kind.fields[0]

        def note(place, name, value):
            spellings = [spelled[place] for spelled in field.values]
            seen = out.setdefault(name, ["-", "-", "-"])
            number = str(spellings.index(value)) if value in spellings else repr(value)
            seen[place] = number if seen[place] == "-" else "twice"

        for path in (self.world.box / self.kind.folder).rglob(f"*{self.kind.suffix}"):
            name = next(name for name, one in self.kind.files(self.mount).items()
                        if one.name == path.name)
            master, exceptions = blocks(unfolded(path))
            note(0, name, value_in(master, field))
            for one in exceptions:
                note(0, f"{name}/2", value_in(one, field))
        for item in self.kind.in_exchange(self.sim):
            note(1, self.kind.name_of(item), item.get(field.exchange))
        if self.kind is SERIES:
            self.note_exceptions(note)
        for row in self.sim.records(self.kind.record):
            if is_whole(self.kind, row):
                note(2, self.kind.name_of(row), row.get(field.crm))
        return {f"{name} {' '.join(values)}" for name, values in out.items()}

    def note_exceptions(self, note):
        field = self.kind.fields[0]
        for item in exchange_items(self.sim)["Calendar"]:
            for one in item["exceptions"]:
                if "properties" in one:
                    note(1, f"{item['properties']['Subject']}/2",
                         one["properties"].get(field.exchange))
        for row in self.sim.records("Event"):
            if not is_whole(self.kind, row) and row["IsRecurrence2Exception"]:
                note(2, f"{row['Subject']}/2", row.get(field.crm))


# A scenario --------------------------------------------------------------------------------------

def end_of(scenario, kind, directory, disturbance=None):
    """(what was found, the steps and requests of the run, whether it was disturbed)"""
    run = Run(scenario, kind, directory, disturbance)
    try:
        run.go()
        steps = run.steps()[run.first_step:]
        disturbed = run.restarts or any(fault["fired"] for fault in run.sim.faults())
        run.settle()
        assert run.ends() == set(scenario.ends), (run.ends(), run.found()["records"],
                                                  run.steps()[run.first_step:],
                                                  run.mount.stderr())
        return run.found(), steps, disturbed
    finally:
        run.close()


def numbered(names):
    """[(name, how many times it has come by then)]"""
    counts = collections.Counter()
    for name in names:
        counts[name] += 1
        yield name, counts[name]


def different(wanted, found):
    return [f"  {line}" for line in difflib.ndiff(wanted.splitlines(), found.splitlines())
            if line[0] in "-+"]


def compare(clean, found, report, what):
    for replica, wanted in clean.items():
        there = found[replica]
        names = [name for name, _ in wanted]
        seen = [name for name, _ in there]
        lost = [name for name in set(names) if seen.count(name) < names.count(name)]
        doubled = [name for name in set(seen) if seen.count(name) > names.count(name)]
        report.lost += len(lost)
        report.doubled += len(doubled)
        if lost or doubled:
            report.problems.append(f"{what}: {replica}: lost {lost}, doubled {doubled}")
        elif there != wanted:
            report.differing += 1
            report.problems += [
                "\n".join([f"{what}: {replica}: {a[0]}:", *different(a[1], b[1])])
                for a, b in zip(wanted, there) if a != b]


def disturbances(steps):
    """Of a run that passed these steps: killed at each, each write request cut before and after."""
    steps = list(numbered(steps))
    return [Disturbance(name, nth) for name, nth in steps] + \
        [Disturbance(name, nth, fault) for name, nth in steps if name.startswith("send ")
         for fault in ("drop-before", "drop-after")]


def try_scenario(scenario, kind, directory, choose=None):
    """choose: picks from the list of all disturbances, each in a run of its own."""
    clean, steps, _ = end_of(scenario, kind, directory / "clean")
    report = Report(steps=len(steps), names=sorted(set(steps)))
    every = disturbances(steps)
    for disturbance in choose(every) if choose else every:
        what = f"{scenario.name}, {kind.name}, {disturbance.fault or 'killed at'} {disturbance}"
        report.runs += 1
        try:
            found, _, disturbed = end_of(scenario, kind, directory / "run", disturbance)
        except Exception as error:  # the other runs count all the same
            report.differing += 1
            report.problems.append(f"{what}: {type(error).__name__}: {error}")
            continue
        report.missed += not disturbed
        if not disturbed and disturbance.what not in BY_THE_KERNEL:
            report.problems.append(f"{what}: not reached")
        compare(clean, found, report, what)
    return report
