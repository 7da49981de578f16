"""What people do on three replicas, at random, and what must be true when the dust has settled.

A *program* is a list of operations, (name, arguments...), each a plain tuple, so that one that fails can
be printed and kept.  A World does them on one simulator and one mount, and writes down what the people
did; model_oracle.py judges the end from that and from what stands on the three sides.

A Thing is a person, an appointment or a task, known by a name that nobody changes.  Each value that is
ever written is another one, so that wherever it stands it is known who wrote it:

    thing.open[field]   values that nobody has seen and replaced; none of them may be lost
    thing.item          is it to be a file and an item of Exchange?   MUST, MAY or NOT
    thing.record        is it to be a record of the CRM?
    thing.link          are the two to be in sync?
    thing.touched       places where it was changed since all sides were last seen to be equal

MAY is for what two people decided differently, one without knowing of the other: either may win, so
long as the sides agree and no value is lost.
"""
import dataclasses
import os

from kinds import EVENT
from later import after
from model_fields import FIELDS
from model_replicas import KINDS, VIEW, Crm, Exchange, Files
from model_series import GONE, OWN, SERIES
from mounting import Mount
from scene import ALICE, seed
from simulator import Simulator, wait_for

MUST, MAY, NOT = "must", "may", "not"
OTHER = {"file": "exchange", "exchange": "file"}
BOB = ("bob's file", "bob's exchange")  # the mailbox of a colleague
# More deletions of one folder than this are held, however large it is (as long as it is below 60).
MANY = 6

CONFIG = {"conflict": "exchange", "remove": "none", "import": "off", "token": True, "bob": False,
          "direction": "both"}
# Requests of the gateway, not those of people, who sign in themselves.
BY_GATEWAY = "ExchangeImpersonation"
# Nobody waits for the answer to a create any more; all links are looked at anew.
AGED = ("UPDATE side SET token_sent = token_sent - 3600000000000 WHERE token_sent > 0",
        "UPDATE value SET value = '1' WHERE name LIKE 'viewed:%'")


@dataclasses.dataclass
class Thing:
    kind: object
    name: str
    item: str = NOT
    record: str = NOT
    link: str = NOT
    had_record: bool = False
    raced: bool = False  # edited in Exchange while a cycle was on its way
    reset: bool = False  # nobody knows any more what the sides agreed on
    bob: str = NOT  # is it to be in the mailbox of a colleague too, who always designates it?
    private: str = NOT  # MAY: nobody has told the gateway yet
    met: bool = False  # was there a record of the CRM first?
    twin: bool = False  # somebody made the record himself, and the two are not linked yet
    touched: set = dataclasses.field(default_factory=set)
    open: dict = dataclasses.field(default_factory=dict)

    def editable(self):
        """A twin is known by its day: with another it would be another appointment or task."""
        return [field for field in FIELDS[self.kind.name] if not (self.twin and field.is_key)]

    def first_fields(self):
        return FIELDS[self.kind.name][:3 if self.kind is SERIES else 2]

    def wrote(self, field, value, shown=None):
        """Somebody who saw `shown` replaced it."""
        values = self.open.setdefault(field, set())
        values.discard(shown)
        values.add(value)

    def emptied(self, field, shown):
        """Where two are linked for the first time, or anew, an empty field takes the other's value."""
        is_pair = self.link == MUST and self.had_record and not self.twin
        if (is_pair or self.record == NOT) and not self.reset:
            self.wrote(field, None, shown)
        else:
            self.open.setdefault(field, set()).discard(shown)

    def saw_go(self, copy):
        """Somebody threw away what this copy showed."""
        for field, value in copy.fields.items():
            self.open.get(field, set()).discard(value)


class World:
    def __init__(self, directory, config=()):
        self.config = {**CONFIG, **dict(config)}
        self.things = {}
        self.last_value = self.last_name = 0
        self.secrets = set()  # (name, value) of what was written into private items
        self.by_crm = set()   # (name, field, value) of what somebody in the CRM wrote
        self.refused = []   # names of files that were written as no item
        self.guarded = []   # [[(place that must still have it, thing)]]
        self.removed = {}   # {thing: (path, bytes)} of files that were removed
        self.sim = Simulator(directory / "sim", schema=None,
                             seed=seed([], [] if self.config["bob"] else None))
        try:
            self.mount = Mount(directory / "tandemfs", self.sim, config=self.overrides())
        except BaseException:
            self.sim.stop()
            raise
        self.replicas = {"file": Files(self), "exchange": Exchange(self), "crm": Crm(self)}
        if self.config["bob"]:
            self.replicas.update(zip(BOB, (Files(self, "bob"), Exchange(self, "bob"))))

    def overrides(self):
        rules = {f"{kind}-{key}": self.config[key] for kind in ("contacts", "calendar", "tasks")
                 for key in ("remove", "import", "direction")}
        return {"sync": {"conflict": self.config["conflict"], "remove-quiet": "0"},
                "crm": {} if self.config["token"] else {"external-id-field": None},
                'policy "default"': {"users": "*", **rules}}

    def close(self):
        try:
            self.mount.close()
        finally:
            self.sim.stop()

    def do(self, name, *arguments):
        getattr(self, f"do_{name}")(*arguments)

    # What is there -------------------------------------------------------------------------------

    def copies(self, place):
        """{(kind, name): [copy]} of one place."""
        if place not in self.replicas:
            return {}
        try:
            listed = list(self.replicas[place].copies())
        except FileNotFoundError:  # a cycle by itself, after one that failed, has moved a file
            listed = list(self.replicas[place].copies())
        found = {}
        for copy in listed:
            found.setdefault((copy.kind.name, copy.name), []).append(copy)
        return found

    def one(self, place, n):
        """(thing, its copy there) of the n-th thing, counted around; None where there is no copy."""
        if not self.things:
            return None, None
        thing = list(self.things.values())[n % len(self.things)]
        found = self.copies(place).get((thing.kind.name, thing.name), ())
        return thing, found[0] if found else None

    def new_value(self, field):
        self.last_value += 1
        return field.value(self.last_value)

    # Edits ---------------------------------------------------------------------------------------

    def new_thing(self, kind):
        self.last_name += 1
        thing = Thing(kind, f"T{self.last_name}t")
        self.things[kind.name, thing.name] = thing
        return thing

    def wrote(self, thing, place, field, value, shown=None):
        thing.wrote(field.name, value, shown)
        if place == "crm":
            self.by_crm.add((thing.name, field.name, value))
        elif thing.private == MUST and place not in BOB and value.startswith("v"):  # a text
            self.secrets.add((thing.name, value))

    def first_values(self, thing, place):
        values = {field: self.new_value(field) for field in thing.first_fields()}
        for field, value in values.items():
            self.wrote(thing, place, field, value)
        return values

    def do_create(self, place, kind, designated):
        kind = KINDS[kind]
        if kind is SERIES and self.config["direction"] != "both":
            kind = EVENT  # where one side alone drops exceptions, there is nothing to compare
        thing = self.new_thing(kind)
        values = self.first_values(thing, place)
        self.replicas[place].create(thing, values, designated)
        thing.touched.add(place)
        if place == "crm":
            thing.record, thing.had_record, thing.met = MUST, True, True
            imported = self.config["import"] == "owned" and self.config["direction"] != "to-crm"
            thing.item = thing.link = MUST if imported else NOT
        else:
            thing.item = MUST
            thing.link = thing.record = MUST if designated else NOT
            if self.config["direction"] == "to-exchange":
                thing.link, thing.record = self.weaker(thing.link), NOT

    def do_many(self, place, kind, designated):
        for _ in range(MANY):
            self.do_create(place, kind, designated)

    def do_twin(self, n):
        """Somebody in the CRM makes a record of the same person, appointment or task."""
        thing, copy = self.one("file", n)
        if not copy or thing.kind is SERIES or thing.touched \
                or (thing.item, thing.record, thing.link) != (MUST, NOT, NOT):
            return
        if self.copies("crm").get((thing.kind.name, thing.name)):
            return
        field = FIELDS[thing.kind.name][-1]
        value = self.new_value(field)
        self.replicas["crm"].create(thing, {**{field: value}, **copy.identity()}, False)
        self.wrote(thing, "crm", field, value)
        self.by_crm.update((thing.name, key.name, known) for key, known in copy.identity().items())
        thing.record, thing.had_record, thing.twin, thing.met = MUST, True, True, True
        thing.touched.add("crm")

    def do_know(self, place, n):
        """A colleague comes to know the same person."""
        things = [thing for thing in self.things.values() if thing.kind is KINDS[0]]
        if not things or place not in self.replicas:
            return
        thing = things[n % len(things)]
        if thing.bob != NOT or any((thing.kind.name, thing.name) in self.copies(one)
                                   for one in BOB):
            return
        values = self.first_values(thing, place)
        self.replicas[place].create(thing, values, True)
        thing.bob = MUST
        thing.touched.add(place)
        thing.twin = thing.twin or thing.link == NOT
        if thing.record == NOT and thing.link == NOT \
                and self.config["direction"] != "to-exchange":
            thing.record = MUST
        self.linked_anew(thing)

    @staticmethod
    def linked_anew(thing):
        """An empty field takes the other's value then."""
        thing.reset = True
        for values in thing.open.values():
            values.discard(None)

    def do_edit(self, place, n, which):
        thing, copy = self.one(place, n)
        if not copy:
            return
        fields = thing.editable()
        field = fields[which % len(fields)]
        if copy.fields[field.name] == GONE:
            return
        value = self.new_value(field)
        self.replicas[place].edit(copy, field, value)
        self.wrote(thing, place, field, value, copy.fields[field.name])
        if field.name == "length" and place != "file":
            for own in OWN:  # Exchange and the CRM drop exceptions then
                thing.open.get(own.name, set()).discard(copy.fields[own.name])
        self.revive(thing, place)

    def do_clear(self, place, n, which):
        thing, copy = self.one(place, n)
        if not copy:
            return
        fields = [field for field in thing.editable() if field.clears]
        field = fields[which % len(fields)]
        shown = copy.fields[field.name]
        if shown == field.cleared:
            return
        self.replicas[place].edit(copy, field, field.cleared)
        if place == "crm":
            self.by_crm.add((thing.name, field.name, field.cleared))
        if field.cleared is None:
            thing.emptied(field.name, shown)
        else:
            thing.wrote(field.name, field.cleared, shown)
        self.revive(thing, place)

    def revive(self, thing, place):
        """A change by somebody who does not know that it was deleted elsewhere."""
        thing.touched.add(place)
        if place in BOB:
            thing.bob = MAY if thing.bob == NOT else thing.bob
            return
        if thing.item == NOT and (place != "crm" or thing.link != NOT):
            thing.item = MAY
        if thing.record == NOT and thing.link == MAY:
            thing.record = MAY

    def do_delete(self, place, n):
        thing, copy = self.one(place, n)
        if copy:
            self.delete(thing, copy, place)

    def delete(self, thing, copy, place):
        alone = thing.touched <= {place}
        if place == "file":
            self.removed[thing.kind.name, thing.name] = (copy.handle, copy.handle.read_bytes())
        stays = place == "crm" and self.config["remove"] not in ("exchange", "both")
        elsewhere = {value for other in ("file", "exchange") if stays
                     for one in self.copies(other).get((thing.kind.name, thing.name), ())
                     for value in one.fields.items()}
        self.replicas[place].delete(copy)
        # A record whose item stays takes along only what stands nowhere else.
        copy.fields = {field: value for field, value in copy.fields.items()
                       if (field, value) not in elsewhere}
        thing.saw_go(copy)
        thing.touched.add(place)
        if place in BOB:
            self.forget(thing, alone)
            return
        if thing.private == MAY:  # an edit elsewhere may bring it back as it was known
            thing.private = NOT
        linked, thing.link = thing.link, MAY if thing.link == MUST else thing.link
        if place == "crm":
            # A pair that was made just now may not have been seen as one.
            thing.record = NOT if alone and linked != MAY else MAY
            thing.item = self.follows(thing.item, ("exchange", "both"), linked)
            if (thing.kind.name, thing.name) not in self.copies("exchange"):
                thing.item = self.weaker(thing.item)  # not imported yet, and need not be
            thing.had_record = False
            thing.bob = self.follows(thing.bob, ("exchange", "both"), MUST)
        else:
            thing.item = NOT if alone else MAY
            thing.record = self.follows(MUST if thing.had_record else self.weaker(thing.record),
                                        ("crm", "both"), linked)
            if thing.twin and self.config["import"] == "owned":
                thing.item = thing.link = MAY  # nothing keeps the twin out any more

    def forget(self, thing, alone):
        """A colleague deletes what he has; a record goes along only where nobody else is linked with it."""
        thing.bob = NOT if alone else MAY
        if thing.link != MUST or not thing.had_record:
            thing.record = self.follows(thing.record, ("crm", "both"), MUST)

    def follows(self, wanted, removes, linked):
        """What becomes of the other half of a pair."""
        if linked == NOT or wanted == NOT or self.config["remove"] not in removes:
            return wanted
        return MAY

    @staticmethod
    def weaker(wanted):
        return NOT if wanted == NOT else MAY

    def do_empty(self, place, kind):
        """All that this place has of one kind."""
        kind = KINDS[kind]
        found = [(self.things[key], copies[0]) for key, copies in self.copies(place).items()
                 if key[0] == kind.name]
        sure = [thing for thing, copy in found
                if not thing.touched and thing.item == MUST and copy.folder == ""]
        for thing, copy in found:
            self.delete(thing, copy, place)
        if len(sure) >= MANY:
            self.guarded.append([(OTHER[place], thing) for thing in sure])

    def do_restore(self, n):
        """A file that was removed is written back, as a backup does."""
        gone = [key for key in self.removed if key not in self.copies("file")]
        if not gone:
            return
        key = gone[n % len(gone)]
        thing, (path, content) = self.things[key], self.removed[key]
        path.write_bytes(content)
        thing.item = MUST if thing.item == NOT and thing.touched <= {"file"} else MAY
        thing.record = MAY if thing.record == NOT and thing.link != NOT else thing.record
        thing.link = self.weaker(thing.link)
        if thing.private != NOT:  # written as it was once, perhaps for everybody
            thing.private, thing.link, thing.record = NOT, MAY, MAY
            self.secrets = {(name, value) for name, value in self.secrets if name != thing.name}
        for batch in self.guarded:
            batch[:] = [(place, one) for place, one in batch if one is not thing]
        thing.touched.add("file")

    def do_rename(self, n):
        thing, copy = self.one("file", n)
        if copy:
            os.rename(copy.handle, copy.handle.with_name(
                f"renamed {self.last_value} {thing.name}{thing.kind.suffix}"))
            self.last_value += 1
            self.revive(thing, "file")

    def do_refused(self, kind):
        """What is no item is refused and kept, and nothing else happens."""
        kind = KINDS[kind]
        self.refused.append(self.replicas["file"].write_refused(kind, len(self.refused)))

    def do_private(self, n):
        """What is private from now on leaves the CRM."""
        thing, copy = self.one("exchange", n)
        if not copy or thing.private != NOT:
            return
        self.replicas["exchange"].make_private(copy)
        self.revive(thing, "exchange")
        thing.private, thing.link, thing.record = MAY, MAY, MAY

    # Designation ---------------------------------------------------------------------------------

    def do_designate(self, place, n, way):
        self.place(place, n, way, True)

    def do_undesignate(self, place, n, way):
        self.place(place, n, way, False)

    def place(self, place, n, way, into):
        """way: "folder" (or the view) or "category"; place: file or exchange."""
        thing, copy = self.one(place, n)
        if not copy or (copy.folder == VIEW if way == "folder" else copy.designating) == into:
            return
        before = copy.is_designated
        self.replicas[place].place(copy, way, into)
        (copy,) = self.copies(place)[thing.kind.name, thing.name]
        self.revive(thing, place)
        if not before and copy.is_designated:
            # Deleted in the CRM, designated anew: another record, or none.
            thing.record = {NOT: MAY if thing.link == MAY else MUST}.get(thing.record, thing.record)
            thing.link = MUST if thing.link == NOT else MAY
            if self.config["direction"] == "to-exchange":
                thing.link = MAY  # no record is made
                thing.record = thing.record if thing.had_record else NOT
            if thing.link == MUST and thing.item != MUST:
                thing.link, thing.record = MAY, self.weaker(thing.record)
        elif before and not copy.is_designated:
            thing.link = self.weaker(thing.link)
            thing.record = MUST if thing.had_record and thing.record == MUST \
                else self.weaker(thing.record)
        if thing.private != NOT:
            thing.link, thing.record = MAY, MAY

    # The servers, the machine and time -----------------------------------------------------------

    def do_fault(self, operation, kind, skip):
        more = {"status": {"status": 503, "retry_after": 1},
                "ews": {"code": "ErrorServerBusy", "backoff_ms": 500},
                "sf": {"code": "SERVER_UNAVAILABLE", "status": 503, "retry_after": 1},
                "sf-record": {"code": "UNABLE_TO_LOCK_ROW"}}.get(kind, {})
        self.fault(operation, kind, skip, **more)

    def fault(self, operation, kind, skip, **more):
        if not operation.startswith("sf:"):
            more["match"] = BY_GATEWAY
        self.sim.fault(operation, kind, skip=skip, **more)

    def is_faulty(self):
        return any(fault["left"] for fault in self.sim.faults())

    def do_sync(self):
        done = self.mount.sync(check=False)
        if done.returncode == 0 and not self.is_faulty():
            self.note_equal()

    def note_equal(self):
        """A cycle has ended well: where all sides are equal now, everybody knows of everything."""
        self.note_private()
        files, items, records = (self.copies(place) for place in ("file", "exchange", "crm"))
        his = [self.copies(place) for place in BOB]
        for key, thing in self.things.items():
            sides = [files.get(key), items.get(key)]
            if thing.link != NOT and key in records:
                sides.append(records[key])
            if thing.bob != NOT:
                sides += [records.get(key), *(found.get(key) for found in his)]
            gone = thing.bob == NOT and not any(sides[:2])
            if gone or (all(sides) and all(
                    side[0].fields == sides[0][0].fields for side in sides)
                    and sides[0][0].where() == sides[1][0].where()):
                thing.touched.clear()
                thing.reset = False

    def note_private(self):
        for thing in self.things.values():
            thing.private = MUST if thing.private == MAY else thing.private

    def do_crash(self):
        """A cycle begins with the start; two people may edit while it runs, but not at random."""
        self.mount.crash()
        self.do_sync()

    def begin(self, operation, kind, skip):
        """A cycle that stays in such a request for a second, before or after it is applied."""
        self.fault(operation, kind, skip, ms=1000)
        self.mount.ctl("sync", "--no-wait")
        wait_for(lambda: self.fired(operation, kind) or not self.is_running(), 60, "the request")

    def do_during(self, operation, kind, skip, edit):
        """Somebody edits while a request is under way.  What is read, written by somebody else and sent
        within one second the CRM does not tell from what was not written."""
        if edit[1] == "crm" and self.config["bob"]:
            edit = (edit[0], "exchange", *edit[2:])
        if operation.startswith("sf:") and edit[1] == "crm":
            operation = "UpdateItem"
        self.begin(operation, kind, skip)
        thing, copy = self.one(edit[1], edit[2])
        if copy and edit[1] == "exchange":
            thing.raced = True
        self.do(*edit)
        wait_for(lambda: not self.is_running(), 60, "the end of the cycle")
        self.sim.clear_faults()

    def do_crash_in(self, operation, kind, skip):
        """kill -9 while a request is under way.  It lives on, and nobody edits before it has ended: an
        upsert that comes after its own repetition takes back what was written in between."""
        self.begin(operation, kind, skip)
        self.mount.crash()
        # One that was not sent yet is not delayed any more.
        self.sim.clear_faults()
        self.do_sync()
        self.await_delayed()

    def await_delayed(self):
        wait_for(lambda: self.sim.counters()["delayed"] == 0, 60, "delayed requests")

    def fired(self, operation, kind):
        return any(fault["fired"] for fault in self.sim.faults()
                   if (fault["operation"], fault["type"]) == (operation, kind))

    def is_running(self):
        return any(box["running"] for box in self.mount.ctl_json("status")["mailboxes"])

    def do_reset(self):
        """What the sides agreed on is forgotten: an empty field takes the other's value then, and what
        was deleted on one side may come back."""
        self.mount.ctl("reset", ALICE)
        for thing in self.things.values():
            thing.touched.update(self.replicas)
            self.linked_anew(thing)
            thing.item = MAY if thing.item == NOT and thing.link != NOT else thing.item

    def do_clock(self, hours):
        self.sim.clock(advance_seconds=3600 * hours)

    def do_age(self, n):
        after(self.mount, AGED[n % len(AGED)])
        self.do_sync()
