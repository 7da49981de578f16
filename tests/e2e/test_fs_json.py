""".json and .sync: documents that can be written, state that can be read, commands."""
import configparser
import csv
import errno
import io
import json
import os
import pathlib

import pytest

from scene import (
    card,
    crm_contact,
    edit,
    exchange_contact,
    exchange_names,
    names,
    person,
    refused,
    seed,
)
from simulator import wait_for
from tools import run

ANNA = person("Anna", "Lind", JobTitle="Buyer", CompanyName="Lind AB")
BERT = person("Bert", "Olsen")
pytestmark = pytest.mark.sim(seed=seed([ANNA, BERT], bob=[person("Cleo", "Park")]))


@pytest.fixture
def docs(box):
    return box / ".json" / "Contacts"


def full_name(path):
    return json.loads(path.read_text())["name"]["full"]


def assert_only_items(box):
    """Nothing of an editor's work is left in the real folder."""
    assert os.listdir(box / "Contacts").count("Anna Lind.vcf") == 1
    assert [n for n in os.listdir(box / "Contacts") if n.startswith(".")] == []


# Reading -----------------------------------------------------------------------------------------

def test_a_document_is_the_canonical_card(docs):
    document = json.loads((docs / "Anna Lind.json").read_text())
    assert document["@type"] == "Card"
    assert document["name"]["full"] == "Anna Lind"
    assert document["emails"]["EmailAddress1"]["address"] == "anna.lind@client.example"
    assert (docs / "Anna Lind.json").stat().st_size == len(
        (docs / "Anna Lind.json").read_bytes())
    refused(errno.ENOENT, (docs / "Anna Lind.vcf").read_bytes)
    refused(errno.ENOENT, (docs / "Nobody.json").read_bytes)


# Writing: as tools do it -------------------------------------------------------------------------

def change_with_jq(docs, tmp_path):
    run("sh", "-c", "jq '.name.full = \"Anna Berg\"' 'Anna Lind.json' >tmp && mv tmp 'Anna Lind.json'",
        cwd=docs)


def change_with_jq_from_elsewhere(docs, tmp_path):
    run("sh", "-c", f"jq '.name.full = \"Anna Berg\"' 'Anna Lind.json' >{tmp_path}/tmp"
        f" && mv {tmp_path}/tmp 'Anna Lind.json'", cwd=docs)


def change_with_cp(docs, tmp_path):
    text = (docs / "Anna Lind.json").read_text().replace('"Anna Lind"', '"Anna Berg"')
    (tmp_path / "new.json").write_text(text)
    run("cp", tmp_path / "new.json", docs / "Anna Lind.json")


def change_with_sed(docs, tmp_path):
    run("sed", "-i", 's/"Anna Lind"/"Anna Berg"/', docs / "Anna Lind.json")


def change_with_sed_and_backup(docs, tmp_path):
    run("sed", "-i.bak", 's/"Anna Lind"/"Anna Berg"/', docs / "Anna Lind.json")
    (docs / "Anna Lind.json.bak").unlink()


def change_with_perl(docs, tmp_path):
    run("perl", "-pi", "-e", 's/"Anna Lind"/"Anna Berg"/', docs / "Anna Lind.json")


def change_with_python(docs, tmp_path):
    with open(docs / "Anna Lind.json", "r+") as file:
        document = json.load(file)
        document["name"]["full"] = "Anna Berg"
        file.seek(0)
        json.dump(document, file)
        file.truncate()


def change_with_a_shell(docs, tmp_path):
    text = (docs / "Anna Lind.json").read_text().replace('"Anna Lind"', '"Anna Berg"')
    (tmp_path / "new.json").write_text(text)
    run("sh", "-c", f"cat {tmp_path}/new.json >'Anna Lind.json'", cwd=docs)


def vim(backupcopy):
    def change(docs, tmp_path):
        run("vim", "-N", "-u", "NONE", "-es", "--cmd", f"set backupcopy={backupcopy} backup",
            "-c", '%s/"Anna Lind"/"Anna Berg"/', "-c", "wq", docs / "Anna Lind.json")
        if (docs / "Anna Lind.json~").exists():
            (docs / "Anna Lind.json~").unlink()
    change.__name__ = f"vim_backupcopy_{backupcopy}"
    return change


WAYS = [change_with_jq, change_with_jq_from_elsewhere, change_with_cp, change_with_sed,
        change_with_sed_and_backup, change_with_perl, change_with_python, change_with_a_shell,
        vim("yes"), vim("no"), vim("auto")]


@pytest.mark.parametrize("change", WAYS, ids=lambda way: way.__name__)
def test_a_document_is_written(box, docs, mount, sim, tmp_path, change):
    exchange_id = os.getxattr(box / "Contacts" / "Anna Lind.vcf", "user.tandem.exchange-id")
    number = (box / "Contacts" / "Anna Lind.vcf").stat().st_ino
    os.listdir(box / "Contacts")

    change(docs, tmp_path)

    assert full_name(docs / "Anna Lind.json") == "Anna Berg"
    wait_for(lambda: (box / "Contacts" / "Anna Lind.vcf").stat().st_ino != number,
             what="the file's new number")
    assert "FN:Anna Berg\r\n" in (box / "Contacts" / "Anna Lind.vcf").read_bytes().decode()
    assert_only_items(box)
    mount.sync()
    assert exchange_names(sim) == ["Anna Berg", "Bert Olsen"]
    assert exchange_contact(sim, "Anna Berg")["JobTitle"] == "Buyer"
    path = box / "Contacts" / "Anna Lind.vcf"
    assert os.getxattr(path, "user.tandem.exchange-id") == exchange_id
    assert os.listdir(box / ".sync" / "lost+found") == []


def test_a_new_document_is_a_new_item(box, docs, mount, sim):
    refused(errno.ENOENT, (box / "Contacts" / "New.vcf").stat)
    run("sh", "-c", "jq 'del(.uid) | .name.full = \"Nils Holm\"' 'Anna Lind.json' >New.json",
        cwd=docs)
    wait_for(lambda: "New.vcf" in names(box / "Contacts"), what="its file")
    assert "FN:Nils Holm" in (box / "Contacts" / "New.vcf").read_text()
    mount.sync()
    assert exchange_names(sim) == ["Anna Lind", "Bert Olsen", "Nils Holm"]


def test_a_document_that_is_none_is_refused(box, docs):
    bad = b'{ "@type": "Card", '
    former = (docs / "Anna Lind.json").read_bytes()
    refused(errno.EINVAL, (docs / "Anna Lind.json").write_bytes, bad)
    assert (docs / "Anna Lind.json").read_bytes() == former
    directory = box / ".sync" / "lost+found"
    assert sorted(os.listdir(directory)) == ["Anna Lind.json.reason", "Anna Lind.json.refused"]
    assert (directory / "Anna Lind.json.refused").read_bytes() == bad
    (docs / "tmp").write_bytes(bad)
    refused(errno.EINVAL, os.rename, docs / "tmp", docs / "Bert Olsen.json")
    assert (docs / "tmp").read_bytes() == bad
    assert full_name(docs / "Bert Olsen.json") == "Bert Olsen"
    assert "Bert Olsen.json.refused" in os.listdir(directory)
    (docs / "tmp").unlink()
    assert_only_items(box)


def test_names_are_moved_and_removed_through_json(box, docs, mount, sim):
    os.rename(docs / "Bert Olsen.json", docs / "bert.json")
    wait_for(lambda: names(box / "Contacts") == ["Anna Lind.vcf", "bert.vcf"], what="the new name")
    os.rename(docs / "bert.json", docs / "Salesforce_Sync" / "bert.json")
    wait_for(lambda: names(box / "Contacts" / "Salesforce_Sync") == ["bert.vcf"], what="the move")
    mount.sync()
    assert crm_contact(sim, "Olsen")
    os.unlink(docs / "Anna Lind.json")
    wait_for(lambda: names(box / "Contacts") == [], what="the removal")
    refused(errno.EXDEV, os.rename, docs / "Salesforce_Sync" / "bert.json",
            box / "Contacts" / "x.vcf")
    refused(errno.EPERM, os.link, docs / "Salesforce_Sync" / "bert.json", docs / "x.json")
    refused(errno.EPERM, (docs / "x").mkdir)


# .sync -------------------------------------------------------------------------------------------

def test_state_of_an_item(box):
    for name in ("Anna Lind.vcf.json", "Anna Lind.json"):
        found = json.loads((box / ".sync" / "state" / "Contacts" / name).read_text())
        assert found["state"] == "synced"
        assert found["exchange"]["ours"]["DisplayName"] == "Anna Lind"
    assert sorted(os.listdir(box / ".sync" / "state" / "Contacts")) == [
        "Anna Lind.vcf.json", "Bert Olsen.vcf.json", "Salesforce_Sync"]
    path = box / ".sync" / "state" / "Contacts" / "Anna Lind.vcf.json"
    refused(errno.EACCES, path.write_text, "x")
    refused(errno.EPERM, path.unlink)


def test_status_settings_and_log(mount, box):
    status = json.loads((box / ".sync" / "status.json").read_text())
    assert status["mailbox"] == box.name
    assert status["items"]["synced"] == 2
    whole = json.loads((mount.path / ".sync" / "status.json").read_text())
    assert [one["mailbox"] for one in whole["mailboxes"]] == [
        box.name, mount.mailbox("bob").name]
    settings = configparser.ConfigParser(interpolation=None)
    settings.read_string((box / ".sync" / "settings.ini").read_text())
    assert f'user "{box.name}"' in settings
    assert f'user "{mount.mailbox("bob").name}"' not in settings
    secret = pathlib.Path(settings["exchange"]["password-file"]).read_text().strip()
    assert secret not in (box / ".sync" / "settings.ini").read_text()
    assert "Salesforce_Sync" in (box / ".sync" / "log").read_text()


@pytest.mark.sim(seed=seed([ANNA], records=[
    {"FirstName": "Anna", "LastName": "Lind", "Email": "anna.lind@client.example"},
    {"FirstName": "Ann", "LastName": "Lind", "Email": "anna.lind@client.example"}]))
def test_errors_as_csv(mount, box):
    (box / "Contacts" / "Anna Lind.vcf").rename(
        box / "Contacts" / "Salesforce_Sync" / 'Anna "the", Lind.vcf')
    mount.sync(check=False)
    text = (box / ".sync" / "errors.csv").read_bytes().decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["mailbox"] for row in rows] == [box.name]
    assert rows[0]["path"].endswith('Salesforce_Sync/Anna "the", Lind.vcf')
    assert rows[0]["state"] == "error" and rows[0]["error"]
    path = box / "Contacts" / "Salesforce_Sync" / 'Anna "the", Lind.vcf'
    assert os.getxattr(path, "user.tandem.error").decode() == rows[0]["error"]
    listed = mount.ctl_json("errors", box.name)
    assert [row["path"] for row in listed] == [rows[0]["path"]]
    assert rows[0]["error"] in mount.ctl("errors").stdout


def test_conflicts_are_files_that_can_be_removed(mount, box, exchange):
    account = exchange("alice")
    item = account.contacts.get(display_name="Anna Lind")
    item.job_title = "Chef"
    item.save(update_fields=["job_title"])
    edit(box / "Contacts" / "Anna Lind.vcf", "Buyer", "Baker")
    mount.sync()
    directory = box / ".sync" / "conflicts"
    found = os.listdir(directory)
    assert len(found) == 1
    record = json.loads((directory / found[0]).read_text())
    text = json.dumps(record)
    assert "Chef" in text and "Baker" in text and "Buyer" in text
    assert [row["file"] for row in mount.ctl_json("conflicts")] == found
    (directory / found[0]).unlink()
    assert os.listdir(directory) == []
    assert mount.ctl_json("conflicts") == []


# Commands ----------------------------------------------------------------------------------------

def test_control_files(mount, box, sim):
    gateway, own = mount.path / ".sync" / "control", box / ".sync" / "control"
    (box / "Contacts" / "new.vcf").write_text(card("New Person"))
    run("sh", "-c", f"echo sync-now >'{own}'")
    wait_for(lambda: "New Person" in exchange_names(sim), what="the sync")
    gateway.write_text("hold\n")
    assert json.loads((mount.path / ".sync" / "status.json").read_text())["held"] is True
    assert mount.sync(check=False).returncode == 1
    gateway.write_text("resume")  # without a newline: run at close
    assert json.loads((mount.path / ".sync" / "status.json").read_text())["held"] is False
    gateway.write_text("retry-errors\nreset alice@corp.example\n\n")
    for line in ("nonsense\n", "reset a b\n", "confirm-deletes\n", "confirm-deletes x\n",
                 "reset nobody@corp.example\n", "sync-now\0\n", "x" * 2000 + "\n", "Hold"):
        refused(errno.EINVAL, gateway.write_text, line)
    refused(errno.EACCES, own.write_text, "hold\n")
    refused(errno.EACCES, own.write_text, "reset bob@corp.example\n")
    assert gateway.read_text() == ""


def test_a_hold_survives_a_restart(mount, box, sim):
    mount.ctl("hold")
    mount.stop()
    mount.start()
    (box / "Contacts" / "new.vcf").write_text(card("New Person"))
    assert mount.sync(check=False).returncode == 1
    assert "New Person" not in exchange_names(sim)
    mount.ctl("resume")
    mount.sync()
    assert "New Person" in exchange_names(sim)


def test_tandemctl(mount, box, tmp_path):
    status = mount.ctl("status").stdout
    assert box.name in status and "2 synced" in status
    assert mount.ctl_json("status", box.name)["mailbox"] == box.name
    assert mount.ctl("status", "nobody", check=False).returncode == 1
    assert mount.ctl("hold").stdout == ""
    assert "on hold" in mount.ctl("status").stdout
    done = mount.sync(check=False)
    assert done.returncode == 1 and "hold" in done.stderr
    mount.ctl("resume")
    mount.ctl("sync", "--no-wait")
    mount.sync("alice@corp.example")
    assert mount.ctl_json("errors") == []
    assert mount.ctl("errors").stdout == "no errors\n"
    assert mount.ctl_json("deletes") == []
    mount.ctl("retry-errors")
    assert mount.ctl("deletes", "confirm", "7", check=False).returncode == 1
    assert mount.ctl("relink", "no/such/file", check=False).returncode == 1
    tested = mount.ctl_json("test-connection")
    assert [row["ok"] for row in tested] == [True] * 3
    assert mount.ctl("config", "check").stdout.endswith("fine, 2 users\n")
    assert "[exchange]" in mount.ctl("config", "show").stdout
    assert [u["address"] for u in mount.ctl_json("users", "list")] == [
        box.name, mount.mailbox("bob").name]
    (tmp_path / "users.csv").write_text("address,name\nnew@corp.example,New\n")
    assert '[user "new@corp.example"]' in mount.ctl("users", "import", tmp_path / "users.csv").stdout
    for words in ([], ["status", "a", "b"], ["nonsense"], ["deletes", "x"], ["users", "eat"],
                  ["config", "eat"], ["reset"], ["--unknown"]):
        done = mount.ctl(*words, check=False)
        assert done.returncode == 2 and done.stderr.endswith("config check | config show\n")


def test_sync_waits_for_handles_that_were_closed(mount, box, sim):
    """RELEASE comes after close(2) has returned."""
    for n in range(20):
        (box / "Contacts" / f"{n}.vcf").write_text(card(f"Person {n}"))
        mount.ctl("sync", box.name)
        assert f"Person {n}" in exchange_names(sim)


def test_who_may_ask(mount, box):
    """Root and who mounted; others are told so."""
    import json as j
    import socket
    (path,) = (mount.runtime / "tandemfs").glob("*.sock")
    assert path.stat().st_mode & 0o777 == 0o600
    for directory in (mount.runtime, path.parent):
        directory.chmod(0o755)
    path.chmod(0o666)
    pid = os.fork()
    if not pid:  # somebody else
        status = 1
        try:
            os.setuid(65534)
            s = socket.socket(socket.AF_UNIX)
            s.connect(str(path))
            s.sendall(b'{"command": "status"}\n')
            answer = j.loads(s.makefile().readline())
            status = 0 if answer["exit"] == 1 and "root" in answer["error"] else 2
        finally:
            os._exit(status)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    for request in (b"nonsense\n", b"{}\n", b'{"command": 7}\n', b'{"command":"x","args":{}}\n', b""):
        s = socket.socket(socket.AF_UNIX)
        s.connect(str(path))
        s.sendall(request)
        s.shutdown(socket.SHUT_WR)
        s.makefile().read()
        s.close()
    assert mount.ctl("status").returncode == 0
