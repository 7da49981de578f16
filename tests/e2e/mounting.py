"""tandemfs as the tests use it: mount, tandemctl, kill, stop and judge its exit.

A Mount belongs to one test.  Its mount point, cache and sockets lie in directories of its own, and it
is ended by its own process id, also when the test failed.  No cycle runs unless the test asks for one
by sync(): timer and quiet time are an hour, so that a test decides what one cycle sees.
"""
import configparser
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from simulator import BUILD, wait_for

START_SECONDS = 60
STOP_SECONDS = 60
SYNC_SECONDS = 180

DEFAULTS = {"sync": {"interval": "60", "quiet": "3600"}}
REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:",
           "WARNING: ThreadSanitizer")


class MountError(Exception):
    """tandemfs or tandemctl ended otherwise than the test expected."""


def write_config(source, target, *overrides):
    """Copies a configuration with other values: {section: {key: value}}, None takes a key away."""
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), strict=False)
    parser.optionxform = str
    parser.read(source)
    for sections in overrides:
        for section, keys in sections.items():
            if keys is None:
                parser.remove_section(section)
                continue
            if not parser.has_section(section):
                parser.add_section(section)
            for key, value in keys.items():
                if value is None:
                    parser.remove_option(section, key)
                else:
                    parser.set(section, key, str(value))
    with open(target, "w") as out:
        parser.write(out)


def is_mounted(path):
    with open("/proc/self/mountinfo") as mounts:
        return any(line.split()[4].replace("\\040", " ") == str(path) for line in mounts)


class Mount:
    def __init__(self, directory, sim, config=None, options=(), record=None, first_sync=True,
                 program="tandemfs", environment=None):
        """config: overrides of the simulator's configuration; options: of -o."""
        self.program = program
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory = self.directory.resolve()
        self.sim = sim
        self.path = self.directory / "mnt"
        self.path.mkdir(exist_ok=True)
        self.cache = self.directory / "cache"
        self.config = self.directory / "tandemfs.conf"
        self.stderr_path = self.directory / "stderr"
        self.options = [f"cache={self.cache}", *options]
        # A socket's path is at most 108 bytes, and pytest's directories are deep.
        self.runtime = pathlib.Path(tempfile.mkdtemp(prefix="tandem-test-", dir="/tmp"))
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": str(self.runtime),
                            **(environment or {})}
        self.environment.pop("TANDEM_RECORD", None)
        if record:
            pathlib.Path(record).mkdir(parents=True, exist_ok=True)
            self.environment["TANDEM_RECORD"] = str(record)
        self.process = None
        self.configure(config or {})
        try:
            self.start()
            if first_sync:
                self.sync()
        except BaseException:
            self.kill()
            shutil.rmtree(self.runtime, ignore_errors=True)
            raise

    def configure(self, overrides):
        """Takes effect at the next start."""
        write_config(self.sim.config, self.config, DEFAULTS, overrides)

    # Start and stop -----------------------------------------------------------------------------

    def start(self, options=()):
        command = [str(BUILD / self.program), str(self.config), str(self.path), "-f", "-o",
                   ",".join([*self.options, *options])]
        with open(self.stderr_path, "ab") as stderr:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=stderr,
                                            env=self.environment)

        def lives():
            if self.process.poll() is not None:
                raise MountError(f"tandemfs ended with {self.process.returncode}:\n{self.stderr()}")
            return True

        wait_for(lambda: lives() and is_mounted(self.path), START_SECONDS, "the mount")
        wait_for(lambda: lives() and self.ctl("status", check=False).returncode == 0,
                 START_SECONDS, "tandemctl status")

    def stop(self):
        """Ends it as systemd does; raises when it did not end well."""
        status = None
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        if self.process:
            try:
                status = self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
                status = "killed: it did not stop"
        self.process = None
        if is_mounted(self.path):
            self.unmount()
            status = status or "its mount left behind"
        if status:
            raise MountError(f"tandemfs ended with {status}:\n{self.stderr()}")

    def kill(self):
        """What a power cut leaves of the process: nothing."""
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None
        self.unmount()

    def crash(self):
        self.kill()
        self.start()

    def unmount(self):
        if is_mounted(self.path):
            subprocess.run(["fusermount3", "-u", "-z", str(self.path)], check=False,
                           capture_output=True)

    def close(self):
        """The end of the test: stops it, and judges what it said."""
        try:
            self.stop()
        finally:
            shutil.rmtree(self.runtime, ignore_errors=True)
        text = self.stderr()
        if any(report in text for report in REPORTS):
            raise MountError(f"a sanitizer's report:\n{text}")

    def stderr(self):
        return self.stderr_path.read_text(errors="replace") if self.stderr_path.exists() else ""

    # tandemctl ----------------------------------------------------------------------------------

    def ctl(self, *args, check=True):
        done = subprocess.run([str(BUILD / "tandemctl"), "-m", str(self.path), *map(str, args)],
                              capture_output=True, text=True, timeout=SYNC_SECONDS,
                              env=self.environment)
        if check and done.returncode != 0:
            raise MountError(f"tandemctl {' '.join(map(str, args))} ended with {done.returncode}: "
                             f"{done.stderr}\n{self.stderr()}")
        return done

    def ctl_json(self, *args):
        return json.loads(self.ctl("--json", *args).stdout)

    def sync(self, *users, check=True):
        """One cycle, to its end."""
        return self.ctl("sync", *users, check=check)

    # Below the mount ----------------------------------------------------------------------------

    def mailbox(self, name):
        """The directory of the mailbox whose address begins with name."""
        return self.path / self.sim.mailbox(name)["address"]
