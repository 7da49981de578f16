"""vdirsyncer between folders of the mount and plain directories, as its documentation sets it up."""
import os
import subprocess

UPLOADS = "Copying (uploading)"
UPDATES = "Copying (updating)"


PAIR = """
[pair {pair}pair]
a = "{pair}mount"
b = "{pair}plain"
collections = null

[storage {pair}mount]
type = "filesystem"
path = "{mount}"
fileext = "{suffix}"

[storage {pair}plain]
type = "filesystem"
path = "{plain}"
fileext = "{suffix}"
"""


class Vdirsyncer:
    """Pairs of a folder on the mount and a plain directory, all below `directory`.  folders: one or
    {"calendar_": folder}; what is paired with it is then plains["calendar_"]."""

    def __init__(self, directory, folders, suffix=".vcf"):
        if not isinstance(folders, dict):
            folders = {"": folders}
        self.suffix = suffix
        self.plains = {pair: directory / f"{pair}plain" for pair in folders}
        self.plain = next(iter(self.plains.values()))
        for plain in self.plains.values():
            plain.mkdir(parents=True)
        self.config = directory / "config"
        self.config.write_text(f'[general]\nstatus_path = "{directory}/status/"\n' + "".join(
            PAIR.format(pair=pair, mount=folder, plain=self.plains[pair], suffix=suffix)
            for pair, folder in folders.items()))
        self("discover")

    def __call__(self, *words, status=0):
        done = subprocess.run(["vdirsyncer", "-c", str(self.config), *words], text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=120)
        assert done.returncode == status, done.stdout
        return done.stdout

    def resolve_by(self, how):
        text = self.config.read_text()
        self.config.write_text(text.replace("collections =", f"conflict_resolution = {how}\n"
                                            "collections ="))

    def sync(self):
        """What it did, as its own lines say: [("Copying (uploading)", ident, storage)] sorted."""
        actions = []
        for line in self("sync").splitlines():
            if line.startswith(("Copying", "Deleting")):
                verb, _, rest = line.partition(" item ")
                ident, _, target = rest.rpartition(" from " if verb == "Deleting" else " to ")
                actions.append((verb, ident, target.split("/")[0]))
            else:
                assert line.startswith("Syncing") or not line.strip(), line
        return sorted(actions)

    def texts(self):
        return sorted(path.read_text() for path in self.plain.glob(f"*{self.suffix}"))


def prints(directory, suffix=".vcf"):
    """What a vdir tool takes as the etags, and the number besides: {name: (mtime, ino, size)}."""
    found = {}
    for entry in directory.iterdir():
        if entry.suffix == suffix:
            stat = os.stat(entry)
            found[entry.name] = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
    return found


def verbs(actions):
    return sorted((verb, target) for verb, _, target in actions)
