"""Backup programs, each used as its manual says: store a tree, tell what changed, restore it."""
import json
import os
import re

from tools import run


class Tool:
    """One program with a place of its own to store in."""

    def __init__(self, scratch):
        self.place = scratch / type(self).__name__
        self.place.mkdir()
        self.stored = 0

    def store(self, tree, check=True):
        """Stores the tree once more; (exit status, complaints, what changed since the last time).
        The last are names of files relative to the tree; None at the first time."""
        raise NotImplementedError

    def restore(self, tree, check=True):
        """What was stored, once, over the tree; the exit status."""
        raise NotImplementedError

    def files(self):
        """Names of the files that were stored last."""
        raise NotImplementedError


class Tar(Tool):
    def archive(self, number):
        return self.place / f"{number}.tar"

    def members(self, number):
        listed = run("tar", "-tf", self.archive(number), "--quoting-style=literal").stdout
        return {name.removeprefix("./") for name in listed.splitlines() if not name.endswith("/")}

    def store(self, tree, check=True):
        self.stored += 1
        again = self.stored > 1
        warn = ["--warning=new-directory", "--warning=rename-directory"] if again else []
        done = run("tar", "-C", tree, "-g", self.place / "snapshot", "--no-check-device", *warn,
                   "-cf", self.archive(self.stored), ".", check=check)
        assert not again or not done.stderr, done.stderr  # no directory is new, or renamed
        return done.returncode, done.stderr, self.members(self.stored) if again else None

    def restore(self, tree, check=True):
        return run("tar", "-C", tree, "-xf", self.archive(1), check=check).returncode

    def files(self):
        return self.members(self.stored)


class Rsync(Tool):
    def store(self, tree, check=True):
        self.stored += 1
        changed = None
        if self.stored > 1:
            listed = run("rsync", "-ain", "--delete", f"{tree}/", f"{self.place}/").stdout
            lines = [re.fullmatch(r"(\S{11}|\*deleting) +(.*)", line).groups()
                     for line in listed.splitlines()]
            changed = {name for _, name in lines if not name.endswith("/")}
            assert changed or not lines, lines  # a directory alone does not change
        done = run("rsync", "-a", "--delete", f"{tree}/", f"{self.place}/", check=check)
        return done.returncode, done.stderr, changed

    def restore(self, tree, check=True):
        return run("rsync", "-a", f"{self.place}/", f"{tree}/", check=check).returncode

    def files(self):
        return {os.path.relpath(os.path.join(where, name), self.place)
                for where, _, names in os.walk(self.place) for name in names}


class Borg(Tool):
    def __init__(self, scratch):
        super().__init__(scratch)
        self.environment = {"BORG_BASE_DIR": str(self.place),
                            "BORG_REPO": str(self.place / "repository"),
                            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}
        self.borg("init", "-e", "none")

    def borg(self, *words, **options):
        return run("borg", *words, **options, **self.environment)

    def store(self, tree, check=True):
        self.stored += 1
        done = self.borg("create", f"::{self.stored}", ".", cwd=tree, check=check)
        changed = None
        if self.stored > 1:
            differing = self.borg("diff", "--json-lines", f"::{self.stored - 1}",
                                  self.stored).stdout
            differing = {json.loads(line)["path"] for line in differing.splitlines()}
            changed = {name for name in differing if not os.path.isdir(os.path.join(tree, name))}
            assert changed or not differing, differing  # a directory alone does not change
        return done.returncode, done.stderr, changed

    def restore(self, tree, check=True):
        return self.borg("extract", "::1", cwd=tree, check=check).returncode

    def files(self):
        listed = self.borg("list", "--json-lines", f"::{self.stored}").stdout
        entries = [json.loads(line) for line in listed.splitlines()]
        return {entry["path"] for entry in entries if entry["type"] == "-"}


class Restic(Tool):
    def __init__(self, scratch):
        super().__init__(scratch)
        self.snapshots = []
        self.environment = {"RESTIC_REPOSITORY": str(self.place / "repository"),
                            "RESTIC_CACHE_DIR": str(self.place / "cache"),
                            "RESTIC_PASSWORD": "only a test"}
        self.restic("init")

    def restic(self, *words, **options):
        return run("restic", *words, **options, **self.environment)

    def lines(self, *words):
        return [json.loads(line)
                for line in self.restic(*words, "--json").stdout.splitlines() if line]

    def store(self, tree, check=True):
        self.stored += 1
        done = self.restic("backup", ".", "--json", "-vv", cwd=tree, check=check)
        messages = [json.loads(line) for line in done.stdout.splitlines()]
        summary = messages[-1]
        assert summary["message_type"] == "summary", done.stdout
        self.snapshots.append(summary["snapshot_id"])
        changed = None
        if self.stored > 1:
            changed = {message["item"].lstrip("/") for message in messages
                       if message["message_type"] == "verbose_status" and
                       message["action"] in ("new", "modified") and
                       not message["item"].endswith("/")}
            assert len(changed) == summary["files_new"] + summary["files_changed"], summary
        return done.returncode, done.stderr, changed

    def restore(self, tree, check=True):
        return self.restic("restore", self.snapshots[0], "--target", tree,
                           check=check).returncode

    def files(self):
        return {entry["path"].lstrip("/") for entry in self.lines("ls", self.snapshots[-1])
                if entry.get("type") == "file"}


TOOLS = [Tar, Rsync, Borg, Restic]
