"""Time that passed: in a stopped mount's cache, what was noted a while ago is made older."""
import sqlite3

VIEWED_LONG_AGO = "UPDATE value SET value = '1' WHERE name LIKE 'viewed:%'"


def after(mount, statement):
    """Stops the mount, changes its cache and starts it; gives how many rows were changed."""
    mount.stop()
    store = sqlite3.connect(mount.cache / "cache.db")
    with store:
        changed = store.execute(statement).rowcount
    store.close()
    mount.start()
    return changed


def hours_later(mount):
    """The time after which a create without an answer may be judged (I1) has passed."""
    assert after(mount, "UPDATE side SET token_sent = token_sent - 3600000000000 "
                        "WHERE token_sent > 0") > 0, "no create was waiting"


def a_day_later(mount):
    """All links are looked at once a day."""
    assert after(mount, VIEWED_LONG_AGO) > 0
    mount.sync()
