"""How much the heaviest tests do: all of it with TANDEM_FULL=1, as CI runs them once; else a part, so
that `make check` stays a matter of minutes."""
import os


def amount(full, part):
    return full if os.environ.get("TANDEM_FULL") else part
