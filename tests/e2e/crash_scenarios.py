"""The crash scenarios, in the language of crash_edits.py."""
from crashing import Scenario

ANNA = {"Anna": "plain"}
BEN = {"Ben": "designated"}

SCENARIOS = [
    # Creating.
    Scenario("a new file", {}, ("file create Jana",), ("Jana 0 0 -",)),
    Scenario("a new file that is designated", {}, ("file create-designated Jana",),
             ("Jana 0 0 0",)),
    Scenario("a new item in Exchange", {}, ("exchange create Jana",), ("Jana 0 0 -",)),
    Scenario("a new item in Exchange that is designated", {}, ("exchange create-designated Jana",),
             ("Jana 0 0 0",)),
    # Editing.
    Scenario("an edit of a file", ANNA, ("file edit Anna 1",), ("Anna 1 1 -",)),
    Scenario("an edit of a linked file", BEN, ("file edit Ben 1",), ("Ben 1 1 1",)),
    Scenario("an edit in Exchange", BEN, ("exchange edit Ben 1",), ("Ben 1 1 1",)),
    Scenario("an edit in the CRM", BEN, ("crm edit Ben 1",), ("Ben 1 1 1",)),
    # Deleting.
    Scenario("a file is removed", {**ANNA, **BEN}, ("file delete Anna", "file delete Ben"),
             ("Ben - - 0",)),
    Scenario("an item is deleted in Exchange", {**ANNA, **BEN},
             ("exchange delete Anna", "exchange delete Ben"), ("Ben - - 0",)),
    Scenario("a record is deleted in the CRM", BEN, ("crm delete Ben",), ("Ben 0 0 -",)),
]
