"""The crash scenarios, in the language of crash_edits.py."""
from crash_edits import SERIES
from crashing import Scenario
from kinds import CONTACT, EVENT, TASK

ANNA = {"Anna": "plain"}
BEN = {"Ben": "designated"}
ROB = {"Rob": "excepted"}
RULES = ("contacts", "calendar", "tasks")


def policy(key, value):
    """The same for every kind."""
    return {'policy "default"': {f"{kind}-{key}": value for kind in RULES}}


REMOVE = policy("remove", "both")
IMPORT = policy("import", "owned")

CREATE = [
    Scenario("a new file", {}, ("file create Jana",), ("Jana 0 0 -",)),
    Scenario("a new file that is designated", {}, ("file create-designated Jana",),
             ("Jana 0 0 0",)),
    Scenario("a draft linked to a name, and touched", {}, ("file create-linked Jana",),
             ("Jana 0 0 -",), kinds=(CONTACT, TASK)),
    Scenario("a new item in Exchange", {}, ("exchange create Jana",), ("Jana 0 0 -",)),
    Scenario("a new item in Exchange that is designated", {}, ("exchange create-designated Jana",),
             ("Jana 0 0 0",)),
    Scenario("a new record that is imported", {}, ("crm create Jana",), ("Jana 0 0 0",),
             kinds=(CONTACT, EVENT, TASK), config=IMPORT),
    Scenario("a contact and its photo", {}, ("file create-pictured Jana",), ("Jana 0 0 -",),
             kinds=(CONTACT,)),
]
EDIT = [
    Scenario("an edit of a file", ANNA, ("file edit Anna 1",), ("Anna 1 1 -",)),
    Scenario("an edit of a linked file", BEN, ("file edit Ben 1",), ("Ben 1 1 1",)),
    Scenario("an edit in Exchange", BEN, ("exchange edit Ben 1",), ("Ben 1 1 1",)),
    Scenario("an edit in the CRM", BEN, ("crm edit Ben 1",), ("Ben 1 1 1",)),
    Scenario("a draft renamed over a file", BEN, ("file replace Ben 1",), ("Ben 1 1 1",)),
    Scenario("an edit of the document", BEN, ("file rewrite-json Ben 1",), ("Ben 1 1 1",)),
    Scenario("an edit of one field on each side", BEN,
             ("file edit Ben 1", "exchange edit Ben 1=1", "crm edit Ben 2=1"), ("Ben 1 1 1",),
             kinds=(CONTACT, TASK)),
    Scenario("a photo in the file", ANNA, ("file picture Anna 0",), ("Anna 0 0 -",),
             kinds=(CONTACT,)),
    Scenario("another photo, and a title", BEN,
             ("file picture Ben 0", "sync", "file picture Ben 1", "file edit Ben 1"),
             ("Ben 1 1 1",), kinds=(CONTACT,)),
    Scenario("a photo goes", BEN, ("file picture Ben 0", "sync", "file unpicture Ben"),
             ("Ben 0 0 0",), kinds=(CONTACT,)),
    Scenario("a photo on both sides", BEN,
             ("file picture Ben 0", "sync", "exchange picture Ben 1", "file edit Ben 1"),
             ("Ben 1 1 1",), kinds=(CONTACT,)),
    Scenario("a photo in Exchange", ANNA, ("exchange picture Anna 0",), ("Anna 0 0 -",),
             kinds=(CONTACT,)),
]
SERIES_EDITS = [
    Scenario("an exception in the file", BEN, ("file except Ben 1",),
             ("Ben 0 0 0", "Ben/2 1 1 1"), kinds=(SERIES,)),
    Scenario("an exception in Exchange", BEN, ("exchange except Ben 1",),
             ("Ben 0 0 0", "Ben/2 1 1 1"), kinds=(SERIES,)),
    Scenario("an exception in the CRM", BEN, ("crm except Ben 1",),
             ("Ben 0 0 0", "Ben/2 1 1 1"), kinds=(SERIES,)),
    Scenario("the master of a series with an exception", ROB, ("file edit Rob 1",),
             ("Rob 1 1 1", "Rob/2 3 3 3"), kinds=(SERIES,)),
    Scenario("a master and its exceptions", ROB,
             ("file except Rob 2", "file drop Rob", "file edit Rob 1"),
             ("Rob 1 1 1", "Rob/2 2 2 2"), kinds=(SERIES,)),
    Scenario("occurrences that go", ROB, ("exchange drop Rob", "sync", "crm except Rob 1"),
             ("Rob 0 0 0", "Rob/2 1 1 1"), kinds=(SERIES,)),
]
MOVE = [
    Scenario("a file is moved", ANNA, ("file move Anna",), ("Anna 0 0 -",)),
    Scenario("an item is moved in Exchange", ANNA, ("exchange move Anna",), ("Anna 0 0 -",)),
    Scenario("a move and its update", ANNA, ("file move Anna", "file edit Anna 1"),
             ("Anna 1 1 -",)),
    Scenario("a move in Exchange and its update", ANNA,
             ("exchange move Anna", "exchange edit Anna 1"), ("Anna 1 1 -",)),
    Scenario("a copy in Exchange", BEN, ("exchange copy Ben",), ("Ben twice twice 0",)),
]
DESIGNATE = [
    Scenario("a file is designated", ANNA, ("file designate Anna",), ("Anna 0 0 0",)),
    Scenario("a file gets a category", ANNA, ("file mark Anna",), ("Anna 0 0 0",)),
    Scenario("an item is designated in Exchange", ANNA, ("exchange designate Anna",),
             ("Anna 0 0 0",)),
    Scenario("an item gets a category in Exchange", ANNA, ("exchange mark Anna",),
             ("Anna 0 0 0",)),
    Scenario("a file is designated and edited", ANNA, ("file designate Anna", "file edit Anna 1"),
             ("Anna 1 1 1",)),
    Scenario("a record is there already", ANNA, ("crm create Anna", "file designate Anna"),
             ("Anna 0 0 0",), kinds=(CONTACT, EVENT, TASK)),
    Scenario("a create without an external id", ANNA, ("file designate Anna",), ("Anna 0 0 0",),
             config={"crm": {"external-id-field": None}}),
    Scenario("a file is undesignated", BEN, ("file undesignate Ben",), ("Ben 0 0 0",)),
    Scenario("an item is undesignated in Exchange", BEN, ("exchange undesignate Ben",),
             ("Ben 0 0 0",)),
    Scenario("a record is hidden", BEN, ("crm hide Ben", "a day later"), ("Ben 0 0 0",)),
    Scenario("an unlinked pair is edited", BEN,
             ("file undesignate Ben", "sync", "crm edit Ben 1", "file edit Ben 2"),
             ("Ben 2 2 1",)),
    Scenario("an unlinked pair is designated anew", BEN,
             ("file undesignate Ben", "sync", "file edit Ben 1", "file designate Ben"),
             ("Ben 1 1 1",)),
]
DELETE = [
    Scenario("a file is removed", {**ANNA, **BEN}, ("file delete Anna", "file delete Ben"),
             ("Ben - - 0",)),
    Scenario("an item is deleted in Exchange", {**ANNA, **BEN},
             ("exchange delete Anna", "exchange delete Ben"), ("Ben - - 0",)),
    Scenario("a record is deleted in the CRM", BEN, ("crm delete Ben",), ("Ben 0 0 -",)),
    Scenario("a file is removed, and its record", BEN, ("file delete Ben",), (), config=REMOVE),
    Scenario("an item is deleted, and its record", BEN, ("exchange delete Ben",), (),
             config=REMOVE),
    Scenario("a record is deleted, and its item", BEN, ("crm delete Ben",), (), config=REMOVE),
    Scenario("the survivor of a deletion is edited", BEN,
             ("crm delete Ben", "sync", "file edit Ben 1"), ("Ben 1 1 -",)),
]
RESTORE = [
    Scenario("a removed file comes back", BEN, ("file delete Ben", "sync", "file restore Ben"),
             ("Ben 0 0 0",)),
    Scenario("a deleted item is restored", BEN,
             ("exchange delete Ben", "sync", "exchange restore Ben"), ("Ben 0 0 0",)),
    Scenario("a deleted record is restored", BEN, ("crm delete Ben", "sync", "crm restore Ben"),
             ("Ben 0 0 0",)),
]
CONFLICT = [
    Scenario("a file and Exchange", BEN, ("file edit Ben 1", "exchange edit Ben 2"),
             ("Ben 1 1 1",)),
    Scenario("a file and the CRM", BEN, ("file edit Ben 1", "crm edit Ben 2"), ("Ben 1 1 1",)),
    Scenario("Exchange and the CRM", BEN, ("exchange edit Ben 1", "crm edit Ben 2"),
             ("Ben 1 1 1",)),
    Scenario("all three", BEN, ("exchange edit Ben 1", "crm edit Ben 2", "file edit Ben 3"),
             ("Ben 3 3 3",), kinds=(CONTACT, EVENT, SERIES)),
    Scenario("a file and the CRM, which wins", BEN, ("file edit Ben 1", "crm edit Ben 2"),
             ("Ben 2 2 2",), config={"sync": {"conflict": "crm"}}),
]
FOLDER = [
    Scenario("a folder is made", {}, ("file make-folder Press",), (), kinds=(CONTACT, EVENT)),
    Scenario("a folder is made, renamed and filled", ANNA,
             ("file make-folder Press", "sync", "file rename-folder Press Other",
              "file move Anna"), ("Anna 0 0 -",), kinds=(CONTACT, EVENT)),
    Scenario("a folder is moved", ANNA,
             ("file move Anna", "file make-folder Press", "sync",
              "file rename-folder Other Press/Other"), ("Anna 0 0 -",), kinds=(CONTACT, EVENT)),
    Scenario("a folder is removed", ANNA, ("file move Anna", "sync", "file remove-folder Other"),
             (), kinds=(CONTACT, EVENT)),
    Scenario("a folder is made in Exchange", {}, ("exchange make-folder Press",), (),
             kinds=(CONTACT, EVENT)),
    Scenario("a folder is renamed in Exchange", ANNA,
             ("exchange move Anna", "sync", "exchange rename-folder Other Press"),
             ("Anna 0 0 -",), kinds=(CONTACT, EVENT)),
    Scenario("a folder is moved in Exchange", ANNA,
             ("exchange move Anna", "sync", "exchange rename-folder Other Press/Other"),
             ("Anna 0 0 -",), kinds=(CONTACT, EVENT)),
    Scenario("a folder is removed in Exchange", ANNA,
             ("file move Anna", "sync", "exchange remove-folder Other"), (),
             kinds=(CONTACT, EVENT)),
    Scenario("a folder is removed in Exchange and its file edited", ANNA,
             ("file move Anna", "sync", "exchange remove-folder Other", "file edit Anna 1"),
             ("Anna 1 1 -",), kinds=(CONTACT, EVENT)),
    Scenario("a folder is removed while something comes into it", ANNA,
             ("file make-folder Other", "sync", "file remove-folder Other", "exchange move Anna"),
             ("Anna 0 0 -",), kinds=(CONTACT, EVENT)),
]
TWO = {"Ben": "designated", "Eva": "designated"}
HOLD_TWO = {"sync": {"max-delete": "1", "remove-quiet": "0"}}
ADMIN = [
    Scenario("a value that lost is taken", BEN,
             ("file edit Ben 1", "exchange edit Ben 2", "sync", "admin take"), ("Ben 2 2 2",),
             kinds=(CONTACT, SERIES)),
    Scenario("held removals are confirmed", TWO,
             ("file delete Eva", "file delete Ben", "sync", "admin confirm"),
             ("Ben - - 0", "Eva - - 0"), config=HOLD_TWO, kinds=(CONTACT, SERIES)),
    Scenario("held removals are taken back", TWO,
             ("file delete Eva", "file delete Ben", "sync", "admin restore"),
             ("Ben 0 0 0", "Eva 0 0 0"), config=HOLD_TWO, kinds=(CONTACT, SERIES)),
    Scenario("held deletions are confirmed", TWO,
             ("exchange delete Eva", "exchange delete Ben", "sync", "admin confirm"),
             ("Ben - - 0", "Eva - - 0"), config=HOLD_TWO, kinds=(CONTACT, SERIES)),
    Scenario("held deletions are taken back", TWO,
             ("exchange delete Eva", "exchange delete Ben", "sync", "admin restore"),
             ("Ben 0 0 0", "Eva 0 0 0"), config=HOLD_TWO, kinds=(CONTACT, SERIES)),
    Scenario("a mailbox is reset", {**ANNA, **BEN},
             ("file edit Anna 1", "admin reset", "crm edit Ben 1=1"),
             ("Anna 1 1 -", "Ben 0 0 0"), kinds=(CONTACT, SERIES)),
    Scenario("a first sync", {**ANNA, **BEN}, ("a new cache",), ("Anna 0 0 -", "Ben 0 0 0"),
             kinds=(CONTACT, SERIES)),
    Scenario("held, edited, resumed", BEN,
             ("admin hold", "file edit Ben 1", "admin resume"), ("Ben 1 1 1",), kinds=(CONTACT,)),
    Scenario("an unlinked pair is linked by hand", BEN,
             ("file undesignate Ben", "sync", "crm edit Ben 1", "file designate Ben",
              "admin relink Ben"), ("Ben 0 0 0",), kinds=(CONTACT,)),
    Scenario("refused and emptied", BEN,
             ("file spoil Ben", "file empty Ben", "sync", "admin forget", "admin retry"),
             ("Ben 0 0 0",), kinds=(CONTACT, SERIES)),
]
BACKUP = [
    Scenario("a mailbox is restored", BEN,
             ("exchange remember", "file edit Ben 1", "sync", "exchange go-back"), ("Ben 1 1 1",),
             kinds=(CONTACT, SERIES)),
    Scenario("a mailbox is restored, with other folders", {**ANNA, **BEN},
             ("file move Anna", "sync", "exchange remember", "exchange edit Ben 1", "sync",
              "exchange go-back anew"), ("Anna 0 0 -", "Ben 1 1 1"), kinds=(CONTACT, SERIES)),
    Scenario("a backup lacks an item", BEN,
             ("exchange remember", "file create-designated Jana", "sync", "exchange go-back",
              "sync", "admin restore"), ("Ben 0 0 0", "Jana 0 0 0"), kinds=(CONTACT, SERIES)),
]
# The edits go on before any cycle has looked at what became of the write that was cut short.
AT_ONCE = [
    Scenario("edited again at once", BEN, ("file edit Ben 1", "sync", "file edit Ben 2"),
             ("Ben 2 2 2",), at_once=True),
    Scenario("a new file, edited at once", {},
             ("file create-designated Jana", "sync", "file edit Jana 1"), ("Jana 1 1 1",),
             at_once=True),
    Scenario("a new file, removed at once", {}, ("file create Jana", "sync", "file delete Jana"),
             (), at_once=True),
    Scenario("moved back at once", ANNA, ("file move Anna", "sync", "file undesignate Anna"),
             ("Anna 0 0 -",), at_once=True),
    Scenario("another field in Exchange at once", BEN,
             ("file edit Ben 1", "sync", "exchange edit Ben 1=1"), ("Ben 1 1 1",), at_once=True),
    Scenario("another field in the CRM at once", BEN,
             ("file edit Ben 1", "sync", "crm edit Ben 1=1"), ("Ben 1 1 1",), at_once=True),
]
SCENARIOS = [*CREATE, *EDIT, *SERIES_EDITS, *MOVE, *DESIGNATE, *DELETE, *RESTORE, *CONFLICT,
             *FOLDER, *ADMIN, *BACKUP, *AT_ONCE]
