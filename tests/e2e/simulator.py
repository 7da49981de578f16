"""tandem-sim as the tests use it: start, talk to /sim/..., stop and judge its exit.

A Simulator belongs to one test.  Everything it writes lies below the directory it is given, and it
is ended by its own process id, also when the test failed.
"""
import json
import os
import pathlib
import select
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TANDEM_BUILD", REPO / "build"))
# What some machines have besides: a schema, corpora.  Extra checks, never a condition.
SHARED = pathlib.Path(os.environ.get("TANDEM_SHARED", REPO.parent / "shared"))
START_SECONDS = 60
STOP_SECONDS = 30


def shared_schema():
    """Microsoft's schema, when the machine has it."""
    schema = SHARED / "ews-schema"
    return schema if (schema / "messages.xsd").exists() else None


class SimulatorError(Exception):
    """An answer of /sim/... that is not 200."""


class Simulator:
    def __init__(self, directory, seed=None, listen="127.0.0.1:0", schema="auto", record=None,
                 options=()):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.config_dir = self.directory / "config"
        self.config = self.config_dir / "tandemfs.conf"
        self.stderr_path = self.directory / "stderr"
        self.log_path = self.directory / "requests.log"
        command = [str(BUILD / "tandem-sim"), "--listen", listen, "--config-out",
                   str(self.config_dir), "--log", str(self.log_path)]
        if seed is not None:
            command += ["--seed", str(self._seed_file(seed))]
        if schema == "auto":
            # Exchanges that are recorded are validated all together when the run has ended; reading
            # the schema costs each simulator more than most tests do.
            schema = None if record else shared_schema()
        if schema:
            command += ["--schema", str(schema)]
        if record:
            command += ["--record", str(record)]
        with open(self.stderr_path, "wb") as stderr:
            self.process = subprocess.Popen(command + list(options), stdout=subprocess.PIPE,
                                            stderr=stderr, stdin=subprocess.DEVNULL)
        try:
            self.url = self._wait_until_ready()
            self.clients = json.loads((self.config_dir / "clients.json").read_text())
        except BaseException:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            raise

    def _seed_file(self, seed):
        """"demo", a number and a path as they are; a dict is written to a file."""
        if not isinstance(seed, dict):
            return seed
        path = self.directory / "seed.json"
        path.write_text(json.dumps(seed))
        return path

    def _wait_until_ready(self):
        ready, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        line = self.process.stdout.readline().decode() if ready else ""
        if not line.startswith("listening on "):
            raise SimulatorError(f"tandem-sim did not start: {line!r} {self.stderr()}")
        return line.split()[-1]

    def stderr(self):
        return self.stderr_path.read_text(errors="replace")

    def stop(self):
        """Ends it; raises when it did not end well (a sanitizer's report is a nonzero exit)."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = "killed: it did not stop"
        self.process.stdout.close()
        if status != 0:
            raise SimulatorError(f"tandem-sim ended with {status}:\n{self.stderr()}")
        if "own answer" in self.stderr():
            raise SimulatorError(f"answers that Microsoft's schema rejects:\n{self.stderr()}")

    def is_running(self):
        return self.process.poll() is None

    # /sim/... -----------------------------------------------------------------------------------

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method,
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise SimulatorError(f"{method} {path}: {error.read().decode()}") from None

    def fault(self, operation, type, **parameters):
        """See tests/sim/control.c for the types; count and skip as in the control's own words."""
        return self.call("POST", "/sim/faults",
                         {"operation": operation, "type": type, **parameters})["id"]

    def faults(self):
        return self.call("GET", "/sim/faults")["faults"]

    def clear_faults(self):
        self.call("DELETE", "/sim/faults")

    def clock(self, **change):
        """clock(), clock(advance_seconds=60), clock(freeze=True), clock(offset_seconds=0)"""
        return self.call("POST", "/sim/clock", change) if change else self.call("GET", "/sim/clock")

    def record(self, directory):
        return self.call("POST", "/sim/record",
                         {"dir": str(directory) if directory else None})

    def counters(self):
        """{"operations": {name: n}, "writes": n, "requests": n}"""
        return self.call("GET", "/sim/counters")

    def reset_counters(self):
        return self.call("POST", "/sim/counters/reset")

    def state(self, only=None):
        return self.call("GET", "/sim/state" + (f"?only={only}" if only else ""))

    def mails(self):
        return self.call("GET", "/sim/mails")

    def act(self, action, /, **arguments):
        """What another user of Salesforce does: see tests/sim/sf_act.c."""
        return self.call("POST", "/sim/sf/" + action, arguments)

    def records(self, table, deleted=False):
        """The records of Salesforce, as they are stored."""
        return [row for row in self.state("salesforce")["salesforce"][table]
                if deleted or not row["IsDeleted"]]

    def mailbox(self, name):
        """The entry of clients.json whose address begins with name."""
        for box in self.clients["mailboxes"]:
            if box["address"].startswith(name):
                return box
        raise KeyError(name)

    # Salesforce -------------------------------------------------------------------------------

    def salesforce(self, method, path, body=None, headers=None, token=None):
        """One request as a client makes it: (status, headers, parsed body or text)."""
        if not path.startswith("/"):
            path = "/services/data/v66.0/" + path
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        request.add_header("Authorization", "Bearer " + (token or self.clients["access_token"]))
        if data is not None:
            request.add_header("Content-Type", "application/json")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            answer = urllib.request.urlopen(request, timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            text = answer.read().decode()
            try:
                parsed = json.loads(text) if text else None
            except ValueError:
                parsed = text
            return answer.status, answer.headers, parsed

    def token(self, user=None):
        """A token of a user (by name or id); without one, of the gateway's own user."""
        return self.act("token", **{"as": user or "integration@corp.example"})["access_token"]

    def soql(self, query, resource="query", headers=None, token=None):
        """All rows of a query, over every page."""
        status, _, page = self.salesforce(
            "GET", f"{resource}?q={urllib.parse.quote(query)}", headers=headers, token=token)
        assert status == 200, page
        rows = page["records"]
        while not page["done"]:
            _, _, page = self.salesforce("GET", page["nextRecordsUrl"], token=token)
            rows += page["records"]
        return rows


def wait_for(condition, seconds=20, what="condition"):
    """Polls until condition() is true and returns what it returned; fails after the deadline."""
    deadline = time.monotonic() + seconds
    pause = 0.002
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(pause)
        pause = min(2 * pause, 0.05)
