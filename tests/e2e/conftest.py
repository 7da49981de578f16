"""Fixtures of the end-to-end tests.

sim           one running tandem-sim; @pytest.mark.sim(seed="demo") and the like choose how
start_sim     starts further ones: start_sim(seed=..., record=...)
mount         tandemfs on sim, its first sync done; @pytest.mark.mount(config={...}) and the like
start_mount   starts further ones: start_mount(sim, config={"sync": {"conflict": "crm"}})
box           the directory of alice's mailbox in mount
contacts      its Contacts
khard         khard("list", ...): khard, with contacts as its address book "work", the view as "synced"
exchange      exchange("alice"): exchangelib, signed in as alice (see exchange.py)
alice         exchange("alice")
raw           requests written by hand, sent for alice (see ews_raw.py)
jsforce       jsforce(("query", {...}), ...): its calls against the simulated org, one result each
ews_js        ews_js("ews_sync.js", "alice", most=2): a script with ews-javascript-api, for alice
node          runs a script of js/ with Node.js: JSON in, JSON out
"""
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import tools  # noqa: E402
from ews_raw import RawEws  # noqa: E402
from exchange import extended_properties, open_account  # noqa: E402
from mounting import Mount  # noqa: E402
from simulator import Simulator  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent


def pytest_configure(config):
    config.addinivalue_line("markers", "sim(**options): how the fixture sim is started")
    config.addinivalue_line("markers", "mount(**options): how the fixture mount is started")


def pytest_terminal_summary(terminalreporter):
    """Prints what tests counted: record_property("count", "...")."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                for name, value in report.user_properties:
                    if name == "count":
                        terminalreporter.write_line(value)


def record_directory(request, name):
    """Where this test's exchanges of one program are recorded, when the run asks for it."""
    base = os.environ.get("TANDEM_RECORD")
    if not base:
        return None
    test = re.sub(r"[^A-Za-z0-9_.-]+", "-", request.node.nodeid)
    return pathlib.Path(base) / test / name


@pytest.fixture
def start_sim(request, tmp_path):
    started = []

    def start(**options):
        number = len(started) + 1
        options.setdefault("record", record_directory(request, f"sim{number}"))
        sim = Simulator(tmp_path / f"sim{number}", **options)
        started.append(sim)
        return sim

    yield start
    end_all(started, Simulator.stop)


def end_all(started, end):
    """Ends each, the last first; fails when one did not end well."""
    errors = []
    for one in reversed(started):
        try:
            end(one)
        except Exception as error:  # the others must end all the same
            errors.append(str(error))
    if errors:
        pytest.fail("\n".join(errors))


@pytest.fixture
def sim(request, start_sim):
    marker = request.node.get_closest_marker("sim")
    return start_sim(**(marker.kwargs if marker else {}))


@pytest.fixture
def start_mount(request, tmp_path, start_sim):
    started = []

    def start(sim, **options):
        name = f"tandemfs{len(started) + 1}"
        options.setdefault("record", record_directory(request, name))
        mount = Mount(tmp_path / name, sim, **options)
        started.append(mount)
        return mount

    yield start
    end_all(started, Mount.close)
    mails = [mail for mount in started if mount.sim.is_running() for mail in mount.sim.mails()
             if mail.get("agent") == "tandemfs"]
    assert mails == [], "somebody was mailed"


@pytest.fixture
def mount(request, sim, start_mount):
    marker = request.node.get_closest_marker("mount")
    return start_mount(sim, **(marker.kwargs if marker else {}))


@pytest.fixture
def box(mount):
    return mount.mailbox("alice")


@pytest.fixture
def contacts(box):
    return box / "Contacts"


@pytest.fixture
def khard(contacts, tmp_path):
    return tools.khard(tmp_path / "home", {"work": contacts, "synced": contacts / "Salesforce_Sync"})


@pytest.fixture
def exchange(sim):
    accounts = {}

    def account(name):
        if name not in accounts:
            accounts[name] = open_account(sim, name)
        return accounts[name]

    with extended_properties():
        yield account
    for one in accounts.values():
        one.protocol.close()


@pytest.fixture
def alice(exchange):
    return exchange("alice")


@pytest.fixture
def raw(sim):
    return RawEws(sim, impersonate="alice")


@pytest.fixture
def node():
    """node("jsforce_query.js", {...}) gives the JSON that the script prints."""
    def run(script, argument, timeout=120):
        done = subprocess.run(["node", str(HERE / "js" / script)], input=json.dumps(argument),
                              capture_output=True, text=True, timeout=timeout, cwd=HERE)
        assert done.returncode == 0, f"{script}: {done.stderr}\n{done.stdout}"
        return json.loads(done.stdout)

    return run


@pytest.fixture
def ews_js(sim, node):
    """The script signs in as the service account, or with own=True as the mailbox's owner."""
    def run(script, mailbox, own=False, **argument):
        box = sim.mailbox(mailbox)
        user = {"user": box["address"], "password": box["password"]} if own \
            else sim.clients["service_account"]
        return node(script, {"url": sim.clients["ews_url"], "mailbox": box["address"],
                             **user, **argument})

    return run


@pytest.fixture(scope="session")
def jsforce_process():
    """One Node.js with jsforce for all tests of this worker: it is slow to start."""
    process = subprocess.Popen(["node", str(HERE / "js" / "jsforce_run.js")], cwd=HERE, text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    yield process
    process.stdin.close()
    process.wait(60)
    process.stdout.close()
    assert process.returncode == 0


@pytest.fixture
def jsforce(sim, jsforce_process):
    """jsforce(("create", {...}), ...) gives one result a call."""
    def run(*calls):
        jsforce_process.stdin.write(json.dumps({
            "url": sim.url,
            "token": sim.clients["access_token"],
            "calls": [{"call": name, "args": arguments} for name, arguments in calls],
        }) + "\n")
        jsforce_process.stdin.flush()
        line = jsforce_process.stdout.readline()
        assert line, "jsforce_run.js ended"
        return json.loads(line)

    return run
