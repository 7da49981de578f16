"""Files that other programs wrote, in a corpus outside the project, and the small programs of helpers/
that read files without a mount.

Tests of a corpus are an extra check: without it they say that it was not run.
"""
import subprocess

from simulator import BUILD, SHARED

CORPUS = SHARED / "corpus"


def helper(name, *words):
    """[[field]]: the lines that a program of helpers/ prints, one for each file it read."""
    program = BUILD / "tests" / "e2e" / "helpers" / name
    assert program.exists(), f"{program} is not built: make e2e builds it"
    done = subprocess.run([program, *words], capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    return [line.split("\t") for line in done.stdout.decode("utf-8", "replace").splitlines()]
