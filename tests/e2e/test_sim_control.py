"""The simulator itself: faults, clock, recording, counters, seeds and what others do in the CRM."""
import base64
import configparser
import gzip
import http.client
import json
import os
import stat
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest

from simulator import BUILD, SimulatorError

CREATE = {"LastName": "Marlowe", "Email": "philip@corp.example"}
QUIET = {"Sforce-Auto-Assign": "FALSE"}

SOAP = """<?xml version="1.0" encoding="utf-8"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"
 xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages">
 <soap:Header><t:RequestServerVersion Version="Exchange2016"/></soap:Header>
 <soap:Body>{}</soap:Body></soap:Envelope>"""
GET_CONTACTS = SOAP.format(
    '<m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>'
    '<m:FolderIds><t:DistinguishedFolderId Id="contacts"/></m:FolderIds></m:GetFolder>')


def ews(sim, body, headers=None, box=None):
    """(status, headers, text) of one EWS request by a mailbox's own user."""
    box = box or sim.clients["mailboxes"][0]
    request = urllib.request.Request(sim.clients["ews_url"], data=body.encode(), method="POST")
    request.add_header("Content-Type", "text/xml; charset=utf-8")
    manager = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    manager.add_password(None, sim.url, box["address"], box["password"])
    for name, value in (headers or {}).items():
        request.add_header(name, value)
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(manager))
    try:
        answer = opener.open(request, timeout=60)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, answer.headers, answer.read().decode()


def create(sim, headers=QUIET, **fields):
    return sim.salesforce("POST", "sobjects/Contact", {**CREATE, **fields}, headers)


# The program -------------------------------------------------------------------------------------

def test_usage():
    done = subprocess.run([BUILD / "tandem-sim"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2 and "usage:" in done.stderr
    done = subprocess.run([BUILD / "tandem-sim", "--help"], capture_output=True, text=True,
                          timeout=20)
    assert done.returncode == 0 and "--listen" in done.stdout
    done = subprocess.run([BUILD / "tandem-sim", "--listen", "nonsense"], capture_output=True,
                          text=True, timeout=20)
    assert done.returncode == 1 and "nonsense" in done.stderr
    done = subprocess.run([BUILD / "tandem-sim", "--listen", "127.0.0.1:0", "--seed", "/nowhere"],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "/nowhere" in done.stderr


def test_unknown_paths(sim):
    for path in ["/", "/nothing", "/sim/nothing", "/services/nothing", "/services/data/v99.0/query"]:
        with pytest.raises(urllib.error.HTTPError) as raised:
            urllib.request.urlopen(sim.url + path, timeout=20)
        assert raised.value.code in (404, 401), path
    with pytest.raises(SimulatorError, match="method not allowed"):
        sim.call("DELETE", "/sim/state")


def test_paths_without_regard_to_case(sim):
    for path in ["/EWS/Exchange.asmx", "/ews/exchange.ASMX"]:
        request = urllib.request.Request(sim.url + path, data=b"<x/>", method="POST")
        with pytest.raises(urllib.error.HTTPError) as raised:
            urllib.request.urlopen(request, timeout=20)
        assert raised.value.code == 401  # there, but nobody signed in


@pytest.mark.sim(seed="demo")
def test_config_out(sim):
    assert set(sim.clients) == {"ews_url", "salesforce_url", "access_token", "service_account",
                                "mailboxes"}
    assert set(sim.clients["service_account"]) == {"user", "password"}
    assert [box["address"].split("@")[0] for box in sim.clients["mailboxes"]] == [
        "alice.moreau", "bob.tanaka", "carol.silva"]
    config = configparser.ConfigParser()
    config.read(sim.config)
    assert config["exchange"]["url"] == sim.clients["ews_url"]
    assert config["crm"]["external-id-field"] == "Tandem_Token__c"
    assert config['policy "default"']["users"] == "*"
    for box in sim.clients["mailboxes"]:
        assert set(box) == {"address", "password", "crm_user_id"}
        assert config[f'user "{box["address"]}"']["crm-user"] == box["crm_user_id"]
    for section, key in [("exchange", "password-file"), ("crm", "client-secret-file")]:
        mode = stat.S_IMODE(os.stat(config[section][key]).st_mode)
        assert mode == 0o600
    assert {p.name for p in sim.config_dir.iterdir()} == {
        "tandemfs.conf", "clients.json", "exchange-password", "crm-client-secret"}


# Seeds -------------------------------------------------------------------------------------------

def contacts_of(sim, name):
    folders = sim.state("exchange")["exchange"]["mailboxes"][sim.mailbox(name)["address"]]
    return json.dumps(folders)


@pytest.mark.sim(seed="demo")
def test_seed_demo(sim, start_sim):
    crm = {r["Email"] for r in sim.records("Contact")}
    everybody = {name: contacts_of(sim, name) for name in ("alice", "bob", "carol")}
    assert 40 <= len(sim.records("Contact")) <= 60 and len(sim.records("Account")) == 20
    for name, text in everybody.items():
        assert sum(email in text for email in crm) >= 10, name  # some match
    assert all("anna.lindqvist@proseware.example" in everybody[n] for n in ("alice", "bob"))
    assert any(all(email not in text for text in everybody.values()) for email in crm)
    again = start_sim(seed="demo")
    assert [r["Id"] for r in again.records("Contact")] == [r["Id"] for r in sim.records("Contact")]
    assert [r["Name"] for r in again.records("Contact")] == [
        r["Name"] for r in sim.records("Contact")]


@pytest.mark.sim(seed=25)
def test_seed_number(sim):
    for name, letter in [("alice", "a"), ("bob", "b"), ("carol", "c")]:
        text = contacts_of(sim, name)
        assert all(f"person{i}.{letter}@" in text for i in range(1, 26)), name
        assert f"person26.{letter}@" not in text
    assert sim.records("Contact") == []


SEED_FILE = {
    "mailboxes": [{"address": "eve@corp.example", "name": "Eve Adams", "password": "p",
                   "contacts": [{"GivenName": "Only", "Surname": "One",
                                 "EmailAddress1": "only@x.example"}]}],
    "salesforce": {"Account": [{"Name": "Acme"}],
                   "Contact": [{"LastName": "Known", "Account": "Acme",
                                "Owner": "eve@corp.example"}]},
}


@pytest.mark.sim(seed=SEED_FILE)
def test_seed_file(sim):
    (box,) = sim.clients["mailboxes"]
    assert box["address"] == "eve@corp.example"
    assert "only@x.example" in contacts_of(sim, "eve")
    (contact,), (account,) = sim.records("Contact"), sim.records("Account")
    assert (contact["AccountId"], contact["OwnerId"]) == (account["Id"], box["crm_user_id"])
    assert contact["SystemModstamp"] < sim.clock()["now"]


# Faults ------------------------------------------------------------------------------------------

def test_fault_status(sim):
    sim.fault("sf:create", "status", status=503, retry_after=7, body="busy", skip=1, count=2)
    statuses = [create(sim, LastName=str(i)) for i in range(4)]
    assert [s for s, _, _ in statuses] == [201, 503, 503, 201]
    assert statuses[1][1]["Retry-After"] == "7" and statuses[1][2] == "busy"
    assert [r["LastName"] for r in sim.records("Contact")] == ["0", "3"]
    (fault,) = sim.faults()
    assert (fault["fired"], fault["left"]) == (2, 0)
    sim.clear_faults()
    assert sim.faults() == []


def test_fault_on_ews_operation(sim):
    sim.fault("GetFolder", "status", status=503)
    assert [ews(sim, GET_CONTACTS)[0] for _ in range(2)] == [503, 200]
    assert sim.counters()["operations"]["GetFolder"] == 2


def test_fault_that_matches_some_requests(sim):
    sim.fault("sf:create", "sf", code="UNABLE_TO_LOCK_ROW", match="Spade")
    assert create(sim)[0] == 201
    status, _, errors = create(sim, LastName="Spade")
    assert (status, errors[0]["errorCode"]) == (400, "UNABLE_TO_LOCK_ROW")
    assert create(sim, LastName="Spade")[0] == 201


@pytest.mark.parametrize("kind, applied", [("drop-before", 0), ("drop-after", 1)])
def test_fault_drop(sim, kind, applied):
    sim.fault("sf:create", kind)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        create(sim)
    assert len(sim.records("Contact")) == applied
    assert create(sim, LastName="Next")[0] == 201


def test_fault_truncate(sim):
    whole = json.dumps(sim.salesforce("GET", "sobjects/Contact/describe")[2])
    sim.fault("sf:describe", "truncate")
    with pytest.raises(http.client.IncompleteRead) as raised:
        sim.salesforce("GET", "sobjects/Contact/describe")
    assert 0 < len(raised.value.partial) < len(whole)
    assert json.dumps(sim.salesforce("GET", "sobjects/Contact/describe")[2]) == whole


def test_fault_garble(sim):
    sim.fault("GetFolder", "garble")
    request = urllib.request.Request(sim.clients["ews_url"], data=GET_CONTACTS.encode())
    box = sim.clients["mailboxes"][0]
    request.add_header("Content-Type", "text/xml; charset=utf-8")
    token = base64.b64encode(f"{box['address']}:{box['password']}".encode()).decode()
    request.add_header("Authorization", "Basic " + token)
    with urllib.request.urlopen(request, timeout=20) as answer:
        data = answer.read()
    with pytest.raises(UnicodeDecodeError):
        data.decode()
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert b"GetFolderResponse" in answer.read()


def test_fault_delay_does_not_hold_others(sim):
    sim.fault("sf:limits", "delay", ms=60000)
    connection = http.client.HTTPConnection(sim.url[len("http://"):], timeout=20)
    connection.request("GET", "/services/data/v66.0/limits",
                       headers={"Authorization": "Bearer " + sim.clients["access_token"]})
    assert create(sim)[0] == 201
    connection.close()
    sim.stop()  # does not wait for the delay either


def test_fault_of_one_record(sim):
    sim.fault("sf:collections-create", "sf-record", skip=1, code="UNABLE_TO_LOCK_ROW")
    _, _, results = sim.salesforce("POST", "composite/sobjects", {"records": [
        {"attributes": {"type": "Contact"}, "LastName": str(i)} for i in range(3)]}, QUIET)
    assert [r["success"] for r in results] == [True, False, True]
    assert results[1]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"
    assert [r["LastName"] for r in sim.records("Contact")] == ["0", "2"]


@pytest.mark.parametrize("fault", [{"operation": "x", "type": "nonsense"}, {"type": "status"},
                                   {"operation": "x", "type": "status", "count": 0}])
def test_fault_that_makes_no_sense(sim, fault):
    with pytest.raises(SimulatorError):
        sim.call("POST", "/sim/faults", fault)
    assert sim.faults() == []


# Clock, counters, recording ----------------------------------------------------------------------

def test_clock(sim):
    sim.clock(freeze="2030-05-06T07:08:09Z")
    _, _, made = create(sim)
    (record,) = sim.records("Contact")
    assert record["SystemModstamp"] == "2030-05-06T07:08:09.000+0000"
    sim.clock(advance_seconds=90)
    sim.salesforce("PATCH", "sobjects/Contact/" + made["id"], {"Title": "Sleuth"})
    (record,) = sim.records("Contact")
    assert record["LastModifiedDate"] == "2030-05-06T07:09:39.000+0000"
    assert record["CreatedDate"] == "2030-05-06T07:08:09.000+0000"
    assert sim.clock(freeze=False)["now"] >= "2030-05-06T07:09:39Z"
    assert sim.clock(offset_seconds=0)["now"] < "2030"
    with pytest.raises(SimulatorError):
        sim.clock(freeze="yesterday")


def test_counters(sim):
    create(sim)
    sim.soql("SELECT Id FROM Contact")
    sim.salesforce("POST", "composite", {"compositeRequest": [
        {"method": "GET", "url": "/services/data/v66.0/limits", "referenceId": "a"}]})
    ews(sim, GET_CONTACTS)
    counters = sim.counters()
    assert counters["operations"]["sf:query"] == 1 and counters["operations"]["GetFolder"] >= 1
    assert counters["writes"] == 1
    empty = sim.reset_counters()
    assert empty["operations"] == {} and empty["writes"] == 0
    assert sim.counters() == empty  # nor does asking count


def test_recording(sim, tmp_path):
    rec = tmp_path / "recorded"
    sim.record(rec)
    ews(sim, GET_CONTACTS)
    create(sim)
    sim.fault("GetFolder", "garble")
    with pytest.raises(UnicodeDecodeError):
        ews(sim, GET_CONTACTS)
    sim.fault("GetFolder", "status", status=500)
    ews(sim, GET_CONTACTS)
    ews(sim, "<nonsense", {"X-Sim-Malformed": "1"})
    sim.record(None)
    ews(sim, GET_CONTACTS)

    lines = [json.loads(line) for line in (rec / "index.jsonl").read_text().splitlines()]
    folders = [line["exchange"] for line in lines
               if line["operation"] == "GetFolder" and line["status"] == 200]
    assert len(folders) == 2  # the second as it was before the fault altered it
    for name in folders:
        assert (rec / f"{name}-request.xml").read_text() == GET_CONTACTS
        assert "GetFolderResponse" in (rec / f"{name}-response.xml").read_text()
    (made,) = [line["exchange"] for line in lines if line["operation"] == "sf:create"]
    assert json.loads((rec / f"{made}-request.json").read_text()) == CREATE
    assert json.loads((rec / f"{made}-response.json").read_text())["success"]
    apart = [json.loads(line)
             for line in (rec / "malformed" / "index.jsonl").read_text().splitlines()]
    assert [a["operation"] for a in apart if a["status"] != 401] == ["GetFolder", "GetFolder", "ews"]
    assert not any("nonsense" in p.read_text(errors="replace") for p in rec.glob("*.xml"))


def test_recorded_tokens_are_masked(sim, tmp_path):
    rec = tmp_path / "recorded"
    sim.record(rec)
    form = urllib.parse.urlencode({"grant_type": "client_credentials", "client_id": "tandem-client",
                                   "client_secret": "tandem-client-secret"}).encode()
    with urllib.request.urlopen(sim.url + "/services/oauth2/token", form, timeout=20) as answer:
        assert json.load(answer)["token_type"] == "Bearer"
    (request,) = rec.glob("*-sf-token-request.json")
    assert json.loads(request.read_text())["client_id"] == "tandem-client"
    assert "tandem-client-secret" not in request.read_text()


def test_compression_and_keep_alive(sim):
    connection = http.client.HTTPConnection(sim.url[len("http://"):], timeout=20)
    headers = {"Authorization": "Bearer " + sim.clients["access_token"], "Accept-Encoding": "gzip"}
    sizes = []
    for path in ["sobjects/Contact/describe", "limits"]:
        connection.request("GET", "/services/data/v66.0/" + path, headers=headers)
        socket = connection.sock
        answer = connection.getresponse()
        data = answer.read()
        sizes.append((answer.getheader("Content-Encoding"), len(data)))
        assert connection.sock is socket  # not closed after the answer
    connection.close()
    plain = len(json.dumps(sim.salesforce("GET", "sobjects/Contact/describe")[2]))
    assert sizes[0][0] == "gzip" and sizes[0][1] < plain / 5
    assert sizes[1][0] is None  # a short answer is sent as it is


def test_request_body_compressed(sim):
    request = urllib.request.Request(
        sim.url + "/services/data/v66.0/sobjects/Contact", gzip.compress(json.dumps(CREATE).encode()),
        {"Authorization": "Bearer " + sim.clients["access_token"], "Content-Encoding": "gzip",
         "Content-Type": "application/json", **QUIET})
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 201
    assert [r["LastName"] for r in sim.records("Contact")] == ["Marlowe"]
    request.data = b"this is no gzip"
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request, timeout=20)
    assert raised.value.code == 400


# What others do in the CRM -------------------------------------------------------------------------

def test_mails_are_logged(sim):
    create(sim)
    assert sim.mails() == []
    create(sim, headers=None, LastName="Unquiet")
    (mail,) = sim.mails()
    assert mail["server"] == "salesforce" and "Sforce-Auto-Assign" in mail["why"]
    assert mail["agent"].startswith("Python-urllib")
    assert sim.state("salesforce")["mail"] == [mail]


def test_another_user(sim):
    _, _, made = create(sim)
    alice = sim.mailbox("alice")["crm_user_id"]
    sim.act("update", id=made["id"], fields={"Title": "Boss"}, **{"as": alice})
    (record,) = sim.records("Contact")
    assert (record["Title"], record["LastModifiedById"]) == ("Boss", alice)
    sim.act("delete", id=made["id"])
    assert sim.records("Contact") == []
    with pytest.raises(SimulatorError, match="deleted"):
        sim.act("update", id=made["id"], fields={"Title": "Late"})


def test_flow(sim):
    sim.act("flow", object="Contact", field="LastName", action="upper")
    create(sim, LastName="straße élan")
    assert [r["LastName"] for r in sim.records("Contact")] == ["STRAßE ÉLAN"]
    sim.act("flow", clear=True)
    create(sim, LastName="plain")
    assert [r["Name"] for r in sim.records("Contact")] == ["STRAßE ÉLAN", "plain"]


def test_late_commit(sim):
    _, _, made = create(sim)
    sim.clock(freeze="2031-01-01T00:00:00Z")
    begun = sim.act("begin", id=made["id"], fields={"Title": "Late"})
    sim.clock(advance_seconds=300)
    query = "SELECT Id FROM Contact WHERE SystemModstamp >= 2031-01-01T00:00:00Z"
    assert sim.soql(query) == []
    sim.act("commit", transaction=begun["transaction"])
    assert [r["Id"] for r in sim.soql(query)] == [made["id"]]
    (record,) = sim.records("Contact")
    assert record["SystemModstamp"] == "2031-01-01T00:00:00.000+0000"  # older than now


def test_duplicate_rule(sim):
    sim.act("duplicate-rule", enabled=True)
    assert create(sim)[0] == 201
    status, _, errors = create(sim, LastName="Double")
    assert (status, errors[0]["errorCode"]) == (400, "DUPLICATES_DETECTED")
    match = errors[0]["duplicateResult"]["matchResults"][0]["matchRecords"][0]["record"]
    assert match["Id"] == sim.records("Contact")[0]["Id"]
    allowed = {**QUIET, "Sforce-Duplicate-Rule-Header": "allowSave=true"}
    assert create(sim, headers=allowed, LastName="Double")[0] == 201


def test_hidden_and_merged(sim):
    ids = [create(sim, LastName=n, Email=f"{n}@x.example")[2]["id"] for n in ("one", "two", "three")]
    gateway = sim.token()
    sim.act("hide", id=ids[2])
    assert {r["Id"] for r in sim.soql("SELECT Id FROM Contact", token=gateway)} == set(ids[:2])
    assert sim.salesforce("GET", "sobjects/Contact/" + ids[2], token=gateway)[0] == 404
    assert sim.salesforce("GET", "sobjects/Contact/" + ids[2])[0] == 200  # others see it
    sim.act("hide", id=ids[2], hidden=False)
    assert sim.salesforce("GET", "sobjects/Contact/" + ids[2], token=gateway)[0] == 200
    sim.act("merge", master=ids[0], loser=ids[1])
    rows = {r["Id"]: r for r in sim.soql("SELECT Id, IsDeleted, MasterRecordId FROM Contact",
                                         "queryAll")}
    assert rows[ids[1]]["IsDeleted"] and rows[ids[1]]["MasterRecordId"] == ids[0]
    assert not rows[ids[0]]["IsDeleted"]


def test_precondition(sim):
    sim.clock(freeze="2030-01-01T00:00:10Z")
    _, _, made = create(sim)
    path = "sobjects/Contact/" + made["id"]

    def patch(since):
        return sim.salesforce("PATCH", path, {"Title": "x"}, {"If-Unmodified-Since": since})[0]

    assert patch("Tue, 01 Jan 2030 00:00:09 GMT") == 412
    assert patch("whenever") == 400
    assert patch("Tue, 01 Jan 2030 00:00:10 GMT") == 204
    get = {"If-Modified-Since": "Tue, 01 Jan 2030 00:00:10 GMT"}
    assert sim.salesforce("GET", path, headers=get)[0] == 304


def composite(sim, *subrequests, all_or_none=False):
    status, _, answer = sim.salesforce("POST", "composite", {
        "allOrNone": all_or_none, "compositeRequest": [
            {"method": m, "url": "/services/data/v66.0/" + url, "referenceId": ref, **rest}
            for ref, m, url, rest in subrequests]}, QUIET)
    assert status == 200, answer
    return [(r["httpStatusCode"], r["body"]) for r in answer["compositeResponse"]]


def test_composite(sim):
    results = composite(
        sim, ("acme", "POST", "sobjects/Account", {"body": {"Name": "Acme"}}),
        ("who", "POST", "sobjects/Contact", {"body": {**CREATE, "AccountId": "@{acme.id}"}}),
        ("row", "GET", "sobjects/Contact/@{who.id}?fields=AccountId", {}),
        ("bad", "POST", "sobjects/Contact", {"body": {}}),
        ("after", "GET", "sobjects/Contact/@{bad.id}", {}))
    assert [status for status, _ in results] == [201, 201, 200, 400, 400]
    assert results[2][1]["AccountId"] == results[0][1]["id"]
    assert results[4][1][0]["errorCode"] == "PROCESSING_HALTED"
    assert (len(sim.records("Account")), len(sim.records("Contact"))) == (1, 1)
    assert sim.counters()["operations"] == {"sf:composite": 1} and sim.counters()["writes"] == 1


def test_composite_precondition_and_rollback(sim):
    sim.clock(freeze="2030-01-01T00:00:10Z")
    old = {"httpHeaders": {"If-Unmodified-Since": "Tue, 01 Jan 2030 00:00:00 GMT"},
           "body": {"Title": "stale"}}
    _, _, made = create(sim)
    patch = ("b", "PATCH", "sobjects/Contact/" + made["id"], old)
    account = ("a", "POST", "sobjects/Account", {"body": {"Name": "Acme"}})
    assert [s for s, _ in composite(sim, account, patch, all_or_none=True)] == [400, 412]
    assert sim.records("Account") == []
    assert [s for s, _ in composite(sim, account, patch)] == [201, 412]
    assert "Title" not in sim.records("Contact")[0]
    too_many = [("r%d" % i, "GET", "limits", {}) for i in range(26)]
    with pytest.raises(AssertionError, match="exceeds the limit of 25"):
        composite(sim, *too_many)


def test_long_queries_are_refused(sim):
    ids = ",".join("'0035g000003C5cV'" for _ in range(1500))
    status, _, _ = sim.salesforce(
        "GET", "query?q=" + urllib.parse.quote(f"SELECT Id FROM Contact WHERE Id IN ({ids})"))
    assert status == 414


def test_field_of_the_org(sim):
    sim.act("field", object="Contact", name="Nickname__c", type="string", length=10)
    assert create(sim, Nickname__c="Phil")[0] == 201
    assert create(sim, Nickname__c="x" * 11)[2][0]["errorCode"] == "STRING_TOO_LONG"
    sim.act("field", object="Contact", name="Title", updateable=False, createable=False)
    assert create(sim, Title="Boss")[2][0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    sim.act("field", object="Contact", name="Birthdate", hidden=True)
    assert sim.salesforce("GET", "query?q=SELECT+Birthdate+FROM+Contact")[2][0][
        "errorCode"] == "INVALID_FIELD"
