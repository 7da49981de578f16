"""Programs of the model test: (operations, config).

Those that failed once, so that they do not again; and those that show that the oracle sees a bug, each
named after the one in tests/bugs that it is for (`make bugs`)."""

FILE, EXCHANGE, CRM = "file", "exchange", "crm"
BOBS_FILE = "bob's file"
CONTACT, EVENT, TASK, SERIES = range(4)
SYNC, SETTLE = ("sync",), ("settle",)
REMOVE = {"remove": "both"}


def linked(kind):
    """One item on all three sides."""
    return [("create", FILE, kind, True), SYNC]


FAILED_ONCE = {
    "renamed while its deletion in Exchange is held": (
        [("many", EXCHANGE, CONTACT, False), SYNC, ("empty", EXCHANGE, CONTACT), ("rename", 1)],
        {}),
    "edited in Exchange and deleted in the CRM": (
        [*linked(CONTACT), ("edit", EXCHANGE, 0, 0), ("delete", CRM, 0)], REMOVE),
    "edited in the CRM and deleted in Exchange": (
        [*linked(EVENT), ("edit", CRM, 0, 1), ("delete", EXCHANGE, 0)], REMOVE),
    "edited in the CRM and its file removed": (
        [*linked(TASK), ("edit", CRM, 0, 0), ("delete", FILE, 0)], REMOVE),
    "edited in the CRM, of which nothing is taken, and its file removed": (
        [*linked(CONTACT), ("edit", CRM, 0, 0), SYNC, ("delete", FILE, 0)],
        {"direction": "to-crm", **REMOVE}),
    "edited in the CRM, of which nothing is taken, and then private": (
        [*linked(EVENT), ("edit", CRM, 0, 1), SYNC, ("private", 0)], {"direction": "to-crm"}),
    "edited in the CRM while a deletion in Exchange is held": (
        [("many", EXCHANGE, EVENT, True), SYNC, ("empty", EXCHANGE, EVENT), SYNC,
         ("edit", CRM, 0, 0), SYNC], REMOVE),
    "a colleague comes to know whom another one deletes": (
        [*linked(CONTACT), ("know", BOBS_FILE, 0), ("delete", EXCHANGE, 0), SYNC],
        {"bob": True, **REMOVE}),
    "edited in Exchange after a reset, and its file removed before": (
        [*linked(TASK), ("delete", FILE, 0), ("reset",), ("edit", EXCHANGE, 0, 0)], {}),
    "a series is imported with an occurrence that was moved": (
        [("create", CRM, SERIES, False), ("edit", CRM, 0, 4)], {"import": "owned"}),
    "two mailboxes edit one record": (
        [("create", FILE, CONTACT, True), ("know", BOBS_FILE, 0), SYNC, ("edit", FILE, 0, 0),
         ("edit", BOBS_FILE, 0, 0), SYNC], {"bob": True}),
}

BUGS = {
    "token-skipped": (
        [("create", FILE, CONTACT, False), ("fault", "CreateItem", "drop-after", 0), SYNC], {}),
    "create-repeated-at-once": (
        [("create", FILE, TASK, False), ("crash_in", "CreateItem", "delay", 0)], {}),
    "removal-without-answer": (
        [("create", FILE, CONTACT, False), SYNC, ("delete", FILE, 0),
         ("fault", "DeleteItem", "drop-before", 0), SYNC], {}),
    "tombstone-swallowed": (
        [*linked(EVENT), SETTLE, ("delete", FILE, 0), SETTLE, ("edit", CRM, 0, 0), ("restore", 0)],
        {}),
    "shadow-set-early": (
        [("create", FILE, EVENT, False), SYNC, ("edit", FILE, 0, 1),
         ("fault", "UpdateItem", "drop-before", 0), SYNC], {}),
    "guard-off": (
        [("many", FILE, TASK, False), SYNC, ("empty", EXCHANGE, TASK), SYNC], {}),
    "conflict-not-recorded": (
        [*linked(CONTACT), ("edit", FILE, 0, 0), ("edit", CRM, 0, 0), SYNC], {}),
    "loser-dropped": (
        [*linked(EVENT), ("edit", FILE, 0, 1), ("edit", EXCHANGE, 0, 1), ("edit", CRM, 0, 1), SYNC],
        {}),
    "deletion-resurrected": (
        [("create", FILE, TASK, False), SYNC, ("delete", EXCHANGE, 0), SYNC], {}),
    "day-shifted": (
        [("create", EXCHANGE, TASK, True), SYNC], {}),
    "undesignate-deletes": (
        [*linked(CONTACT), SETTLE, ("undesignate", FILE, 0, "folder"), SYNC], {}),
    "cursor-before-page": (
        [("create", EXCHANGE, EVENT, False), ("fault", "GetItem", "drop-before", 0), SYNC], {}),
    "match-skipped": (
        [("create", FILE, CONTACT, False), SYNC, ("twin", 0), ("designate", FILE, 0, "folder")],
        {}),
    "occurrence-stays": (
        [*linked(SERIES), ("clear", FILE, 0, 3), SYNC], {}),
    "claim-skipped": (
        [("create", FILE, CONTACT, True), ("know", BOBS_FILE, 0),
         ("during", "sf:collections-upsert", "delay", 0, ("edit", FILE, 0, 1))], {"bob": True}),
    "direction-ignored": (
        [*linked(EVENT), SETTLE, ("edit", CRM, 0, 1), SYNC], {"direction": "to-crm"}),
    "private-sent": (
        [*linked(TASK), SETTLE, ("private", 0), SYNC, ("edit", FILE, 0, 1)], {}),
    "clear-not-sent": (
        [*linked(CONTACT), ("clear", FILE, 0, 1), SYNC], {}),
}

PROGRAMS = {**FAILED_ONCE, **BUGS}
