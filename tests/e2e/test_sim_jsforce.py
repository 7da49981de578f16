"""jsforce, a client that others wrote, drives the simulated Salesforce.

Each test looks from both ends: what jsforce reports, and what the simulator then holds.
"""
import datetime
import json
import urllib.parse

import pytest

from simulator import Simulator

GATEWAY = "integration@corp.example"  # whom the client credentials stand for
ADMINISTRATOR = "dana.whitfield@corp.example"  # whom the token of clients.json stands for


@pytest.fixture(scope="module")
def soql_sim(tmp_path_factory):
    """One simulator for all the queries that are refused: they change nothing."""
    sim = Simulator(tmp_path_factory.mktemp("soql"))
    yield sim
    sim.stop()


def contacts(n, **fields):
    return [{"LastName": f"Person {i:04d}", "Email": f"p{i}@corp.example", **fields}
            for i in range(n)]


def seeded(n):
    return {"mailboxes": [{"address": "alice@corp.example", "name": "Alice Moreau",
                           "password": "secret"}],
            "salesforce": {"Contact": contacts(n)}}


@pytest.mark.sim(seed=seeded(4500))
def test_query_pages(sim, jsforce):
    soql = "SELECT Id, LastName FROM Contact ORDER BY LastName"
    first, everything, small, count = jsforce(
        ("query", {"soql": soql}), ("query", {"soql": soql, "all": True}),
        ("query", {"soql": soql, "headers": {"Sforce-Query-Options": "batchSize=10"}}),
        ("count", {"object": "Contact", "where": {"LastName": {"$like": "Person 00%"}}}))

    assert first["totalSize"] == 4500 and not first["done"]
    assert len(first["records"]) == 2000
    assert [r["LastName"] for r in everything["records"]] == [f"Person {i:04d}" for i in range(4500)]
    assert len({r["Id"] for r in everything["records"]}) == 4500
    assert len(small["records"]) == 200  # the least that Salesforce takes
    assert count == 100
    operations = sim.counters()["operations"]
    assert operations == {"sf:query": 4, "sf:queryMore": 2}
    more, broken = jsforce(
        ("queryMore", {"locator": first["nextRecordsUrl"]}),
        ("queryMore", {"locator": "/services/data/v66.0/query/01g000000000000AAA-2000"}))
    assert [r["LastName"] for r in more["records"]] == [f"Person {i:04d}" for i in range(2000, 4000)]
    assert broken["error"] == "INVALID_QUERY_LOCATOR"


@pytest.mark.sim(seed="demo")
def test_query_relationships_and_conditions(sim, jsforce):
    joined, found, wrong, malformed = jsforce(
        ("query", {"soql": "SELECT Name, Account.Name, Account.Owner.Email, Owner.Username "
                           "FROM Contact WHERE Account.Name = 'proseware systems' "
                           "AND Email LIKE 'anna.%'"}),
        ("find", {"object": "Contact", "where": {"$or": [{"LastName": "Wójcik"},
                                                         {"LastName": {"$in": ["Marchand"]}}]},
                  "fields": ["FirstName", "LastName"], "sort": {"LastName": 1}, "limit": 5}),
        ("query", {"soql": "SELECT Nonsense FROM Contact"}),
        ("query", {"soql": "SELECT Id FROM Contact WHERE"}))

    assert joined["totalSize"] == 1
    record = joined["records"][0]
    assert record["Name"] == "Anna Lindqvist"
    assert record["Account"]["Name"] == "Proseware Systems"
    assert record["Account"]["attributes"]["type"] == "Account"
    assert record["Owner"]["Username"] == "alice.moreau@corp.example"
    assert [(r["FirstName"], r["LastName"]) for r in found] == [("Élodie", "Marchand"),
                                                                ("Mateusz", "Wójcik")]
    assert wrong["error"] == "INVALID_FIELD" and "No such column 'Nonsense'" in wrong["message"]
    assert malformed["error"] == "MALFORMED_QUERY" and "<EOF>" in malformed["message"]


CONDITIONS = {
    "mailboxes": [{"address": "alice@corp.example", "name": "Alice Moreau", "password": "p"}],
    "salesforce": {
        "Account": [{"Name": "Acme", "BillingCity": "Köln"}, {"Name": "Blue"}],
        "Contact": [
            {"LastName": "Ämter", "Email": "a@x.example", "Account": "Acme", "Birthdate": "1970-01-31",
             "DoNotCall": True, "SystemModstamp": "2026-01-01T10:00:00.000+0000"},
            {"LastName": "Böll", "Email": "B@X.example", "Account": "Blue", "Birthdate": "1980-06-15",
             "SystemModstamp": "2026-01-01T10:00:01.000+0000"},
            {"LastName": "100%_sure", "Title": "O'Hara \\ Sons",
             "SystemModstamp": "2026-01-02T00:00:00.000+0000"}]},
}


@pytest.mark.sim(seed=CONDITIONS)
def test_conditions(sim, jsforce):
    a, b, c = "Ämter", "Böll", "100%_sure"
    cases = [
        ("LastName = 'ÄMTER'", [a]), ("LastName != 'böll'", [a, c]), ("Email = null", [c]),
        ("Email != null", [a, b]), ("Email != 'a@x.example'", [b, c]),
        ("Email IN ('b@x.example', 'nobody@x.example')", [b]),
        ("Email NOT IN ('b@x.example')", [a, c]), ("NOT (Email IN ('b@x.example'))", [a, c]),
        ("LastName LIKE '%ÖL%'", [b]), ("LastName LIKE '_mter'", [a]),
        ("LastName LIKE '100\\%\\_s%'", [c]), ("LastName LIKE '1_0%'", [c]),
        ("Title = 'O\\'Hara \\\\ Sons'", [c]), ("Email LIKE '%'", [a, b]),
        ("Birthdate < 1975-01-01", [a]), ("Birthdate >= 1980-06-15", [b]),
        ("DoNotCall = true", [a]), ("DoNotCall != true", [b, c]),
        ("SystemModstamp > 2026-01-01T10:00:00Z", [b, c]),
        ("SystemModstamp >= 2026-01-01T10:00:00.000+00:00", [a, b, c]),
        ("SystemModstamp <= 2026-01-01T11:00:00+01:00", [a]),
        ("Account.Name = 'acme'", [a]), ("Account.BillingCity = null", [b, c]),
        ("AccountId = null", [c]), ("Account.Name IN ('Acme', 'Blue')", [a, b]),
        ("(LastName = 'Böll' OR DoNotCall = true) AND Email != null", [a, b]),
        ("NOT LastName = 'Böll'", [a, c]), ("CreatedDate < TODAY", [a, b, c]),
        ("CreatedDate = LAST_N_DAYS:1", []),
    ]
    results = jsforce(*(("query", {"soql": f"SELECT LastName FROM Contact WHERE {where}"})
                        for where, _ in cases))
    for (where, expected), result in zip(cases, results):
        assert "error" not in result, (where, result)
        assert sorted(r["LastName"] for r in result["records"]) == sorted(expected), where


@pytest.mark.sim(seed=CONDITIONS)
def test_order_limit_offset(sim, jsforce):
    cases = [
        ("ORDER BY SystemModstamp DESC", ["100%_sure", "Böll", "Ämter"]),
        ("ORDER BY Email", ["100%_sure", "Ämter", "Böll"]),
        ("ORDER BY Email DESC NULLS LAST", ["Böll", "Ämter", "100%_sure"]),
        ("ORDER BY Account.Name DESC NULLS LAST, LastName LIMIT 1", ["Böll"]),
        ("ORDER BY SystemModstamp LIMIT 1 OFFSET 1", ["Böll"]),
        ("ORDER BY SystemModstamp OFFSET 5", []), ("LIMIT 0", []),
    ]
    results = jsforce(*(("query", {"soql": f"SELECT LastName FROM Contact {tail}"})
                        for tail, _ in cases))
    for (tail, expected), result in zip(cases, results):
        assert [r["LastName"] for r in result["records"]] == expected, tail


@pytest.mark.parametrize("soql, code", [
    ("SELECT Id FROM Nothing", "INVALID_TYPE"),
    ("SELECT Id FROM Contact WHERE Nothing = 1", "INVALID_FIELD"),
    ("SELECT Nothing.Name FROM Contact", "INVALID_FIELD"),
    ("SELECT Id FROM Contact ORDER BY Nothing", "INVALID_FIELD"),
    ("SELECT Id, Id FROM Contact", "INVALID_FIELD"),
    ("SELECT Id FROM Contact WHERE SystemModstamp > '2026-01-01T00:00:00Z'", "INVALID_FIELD"),
    ("SELECT Id FROM Contact WHERE LastName = 5", "INVALID_FIELD"),
    ("SELECT Id FROM Contact WHERE Description LIKE 'x%'", "INVALID_FIELD"),
    ("SELECT Id FROM Contact WHERE Id = 'nonsense'", "INVALID_QUERY_FILTER_OPERATOR"),
    ("SELECT Id FROM Contact WHERE DoNotCall > true", "INVALID_QUERY_FILTER_OPERATOR"),
    ("SELECT Id FROM Contact WHERE LastName = 'a' AND FirstName = 'b' OR Email = 'c'",
     "MALFORMED_QUERY"),
    ("SELECT Id FROM Contact WHERE (LastName = 'a'", "MALFORMED_QUERY"),
    ("SELECT Id FROM Contact WHERE LastName = 'a", "MALFORMED_QUERY"),
    ("SELECT Id FROM Contact WHERE LastName IN ()", "MALFORMED_QUERY"),
    ("SELECT Id FROM Contact LIMIT x", "MALFORMED_QUERY"),
    ("SELECT FROM Contact", "MALFORMED_QUERY"),
    ("SELECT Id FROM Contact garbage garbage", "MALFORMED_QUERY"),
    ("SELECT Id FROM Contact LIMIT 1 OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE"),
    ("SELECT FIELDS(ALL) FROM Contact", "MALFORMED_QUERY"),
])
def test_queries_refused(soql_sim, soql, code):
    status, _, errors = soql_sim.salesforce("GET", "query?q=" + urllib.parse.quote(soql))
    assert (status, errors[0]["errorCode"]) == (400, code), errors


def test_rows(sim, jsforce):
    created, refused = jsforce(
        ("create", {"object": "Contact", "records": {
            "FirstName": "  Zoë ", "LastName": "Ågren", "Email": "zoe@corp.example",
            "MailingCity": "Malmö", "Birthdate": "1980-05-17"}}),
        ("create", {"object": "Contact", "records": {"FirstName": "Nobody"}}))
    assert created["success"] and len(created["id"]) == 18
    assert refused == {"error": "REQUIRED_FIELD_MISSING",
                       "message": "Required fields are missing: [LastName]"}

    (stored,) = sim.records("Contact")
    assert stored["Id"] == created["id"]
    assert stored["FirstName"] == "Zoë"  # trimmed, as Salesforce does
    assert stored["Name"] == "Zoë Ågren"
    users = {u["Username"]: u["Id"] for u in sim.records("User")}
    assert stored["CreatedById"] == stored["OwnerId"] == users[ADMINISTRATOR]

    updated, row, gone, missing = jsforce(
        ("update", {"object": "Contact", "records": {"Id": created["id"], "Title": "CTO",
                                                     "Email": None}}),
        ("retrieve", {"object": "Contact", "id": created["id"]}),
        ("destroy", {"object": "Contact", "ids": created["id"]}),
        ("retrieve", {"object": "Contact", "id": created["id"]}))
    assert updated["success"]
    assert (row["Title"], row["Email"], row["FirstName"]) == ("CTO", None, "Zoë")
    assert row["MailingAddress"]["city"] == "Malmö"
    assert gone["success"] and missing["error"] == "ENTITY_IS_DELETED"
    assert sim.records("Contact") == []
    assert [r["IsDeleted"] for r in sim.records("Contact", deleted=True)] == [True]


@pytest.mark.parametrize("record, code, word", [
    ({"LastName": "x" * 81}, "STRING_TOO_LONG", "max length=80"),
    ({"LastName": "x", "Email": "no address"}, "INVALID_EMAIL_ADDRESS", "no address"),
    ({"LastName": "x", "Name": "y"}, "INVALID_FIELD_FOR_INSERT_UPDATE", "Name"),
    ({"LastName": "x", "Nonsense": "y"}, "INVALID_FIELD", "Nonsense"),
    ({"LastName": "x", "AccountId": "003000000000000AAA"}, "FIELD_INTEGRITY_EXCEPTION", "Account"),
    ({"LastName": "x", "AccountId": "0015g00000zzzzz"}, "INVALID_CROSS_REFERENCE_KEY", "invalid"),
    ({"LastName": "x", "AccountId": "nonsense"}, "MALFORMED_ID", "nonsense"),
    ({"LastName": "x", "Birthdate": "tomorrow"}, "JSON_PARSER_ERROR", "date"),
    ({"LastName": "x", "DoNotCall": "perhaps"}, "JSON_PARSER_ERROR", "boolean"),
])
def test_refusals(sim, jsforce, record, code, word):
    (answer,) = jsforce(("create", {"object": "Contact", "records": record}))
    assert answer["error"] == code and word in answer["message"]
    assert sim.records("Contact") == []


def test_upsert_by_external_id(sim, jsforce):
    def upsert(token, **fields):
        return ("upsert", {"object": "Contact", "field": "Tandem_Token__c",
                           "records": {"Tandem_Token__c": token, **fields}})

    first, second, other = jsforce(upsert("t-1", LastName="One"), upsert("T-1", LastName="Uno"),
                                   upsert("t-2", LastName="Two"))
    assert first["created"] and not second["created"] and other["created"]
    assert first["id"] == second["id"] != other["id"]
    assert {r["Id"]: r["LastName"] for r in sim.records("Contact")} == {
        first["id"]: "Uno", other["id"]: "Two"}

    (taken,) = jsforce(("update", {"object": "Contact", "records": {
        "Id": other["id"], "Tandem_Token__c": "t-1"}}))
    assert taken["error"] == "DUPLICATE_VALUE" and first["id"][:15] in taken["message"]


def test_upsert_that_matches_several(sim, jsforce):
    results = jsforce(
        ("create", {"object": "Contact", "records": {"LastName": "A", "Email": "x@corp.example"}}),
        ("create", {"object": "Contact", "records": {"LastName": "B", "Email": "X@corp.example"}}),
        ("upsert", {"object": "Contact", "field": "Email",
                    "records": {"Email": "x@corp.example", "LastName": "C"}}))
    assert not results[2].get("success")
    status, _, urls = sim.salesforce("PATCH", "sobjects/Contact/Email/x@corp.example",
                                     {"LastName": "C"})
    assert status == 300
    assert sorted(u.rsplit("/", 1)[1] for u in urls) == sorted(r["id"] for r in results[:2])
    assert sorted(r["LastName"] for r in sim.records("Contact")) == ["A", "B"]


def test_collections(sim, jsforce):
    records = contacts(200)
    (created,) = jsforce(("create", {"object": "Contact", "records": records}))
    assert len(created) == 200 and all(r["success"] for r in created)
    assert sim.counters()["operations"] == {"sf:collections-create": 1}
    by_id = {r["Id"]: r for r in sim.records("Contact")}
    assert [by_id[r["id"]]["LastName"] for r in created] == [r["LastName"] for r in records]

    ids = [r["id"] for r in created]
    changes = [{"Id": i, "Title": "Boss"} for i in ids]
    changes[7]["Email"] = "broken"
    updated, retrieved, destroyed = jsforce(
        ("update", {"object": "Contact", "records": changes}),
        ("retrieve", {"object": "Contact", "id": ids[:3]}),
        ("destroy", {"object": "Contact", "ids": ids[:150]}))
    assert [i for i, r in enumerate(updated) if not r["success"]] == [7]
    assert updated[7]["errors"][0]["statusCode"] == "INVALID_EMAIL_ADDRESS"
    assert updated[7]["errors"][0]["fields"] == ["Email"]
    assert [r["Title"] for r in retrieved] == ["Boss"] * 3
    assert all(r["success"] for r in destroyed)
    left = sim.records("Contact")
    assert sorted(r["Id"] for r in left) == sorted(ids[150:])
    assert {r["Title"] for r in left} == {"Boss"}


def test_collections_all_or_none(sim, jsforce):
    records = contacts(5)
    records[2]["Email"] = "broken"
    some, none = jsforce(
        ("create", {"object": "Contact", "records": records}),
        ("create", {"object": "Contact", "records": records, "options": {"allOrNone": True}}))
    assert [r["success"] for r in some] == [True, True, False, True, True]
    codes = [r["errors"][0]["statusCode"] for r in none]
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK"] * 2 + ["INVALID_EMAIL_ADDRESS"] + [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK"] * 2
    assert len(sim.records("Contact")) == 4


def test_collections_upsert(sim, jsforce):
    def upsert(*records):
        return ("request", {
            "method": "PATCH", "headers": {"Content-Type": "application/json"},
            "url": "/services/data/v66.0/composite/sobjects/Contact/Tandem_Token__c",
            "body": json.dumps({"records": [{"attributes": {"type": "Contact"}, **r}
                                            for r in records]})})

    first, again = jsforce(
        upsert(*({"Tandem_Token__c": f"token-{i}", "LastName": f"P{i}"} for i in range(200))),
        upsert({"Tandem_Token__c": "token-0", "LastName": "New"},
               {"Tandem_Token__c": "token-new", "LastName": "Other"},
               {"Tandem_Token__c": "token-0", "LastName": "Twice"}, {"LastName": "None"}))
    assert len(first) == 200 and all(r["success"] and r["created"] for r in first)
    assert [r.get("created") for r in again] == [False, True, None, None]
    assert again[0]["id"] == first[0]["id"]
    assert [r["errors"][0]["statusCode"] for r in again[2:]] == ["DUPLICATE_VALUE",
                                                                "MISSING_ARGUMENT"]
    names = {r["Tandem_Token__c"]: r["LastName"] for r in sim.records("Contact")}
    assert len(names) == 201
    assert (names["token-0"], names["token-new"], names["token-199"]) == ("New", "Other", "P199")


def test_collections_of_more_than_200(sim, jsforce):
    body = {"records": [{"attributes": {"type": "Contact"}, "LastName": str(i)}
                        for i in range(201)]}
    (answer,) = jsforce(("request", {
        "method": "POST", "url": "/services/data/v66.0/composite/sobjects",
        "body": json.dumps(body), "headers": {"Content-Type": "application/json"}}))
    assert answer["error"] == "EXCEEDED_ID_LIMIT"
    assert sim.records("Contact") == []


@pytest.mark.sim(seed="demo")
def test_describe(sim, jsforce):
    contact, everything = jsforce(("describe", {"object": "Contact"}), ("describeGlobal", {}))
    fields = {f["name"]: f for f in contact["fields"]}
    assert contact["keyPrefix"] == "003"
    assert {s["name"] for s in everything["sobjects"]} == {
        "User", "Account", "Contact", "Lead", "Event", "Task", "EventRelation",
        "UserRecordAccess"}
    for name, kind, length in [("LastName", "string", 80), ("FirstName", "string", 40),
                               ("Email", "email", 80), ("Title", "string", 128),
                               ("MailingStreet", "textarea", 255), ("Phone", "phone", 40),
                               ("Birthdate", "date", 0), ("Description", "textarea", 32000)]:
        assert (fields[name]["type"], fields[name]["length"]) == (kind, length), name
        assert fields[name]["createable"] and fields[name]["updateable"], name
    assert not fields["LastName"]["nillable"] and fields["FirstName"]["nillable"]
    assert not fields["Name"]["updateable"] and not fields["SystemModstamp"]["createable"]
    assert fields["AccountId"]["referenceTo"] == ["Account"]
    assert fields["AccountId"]["relationshipName"] == "Account"
    token = fields["Tandem_Token__c"]
    assert token["externalId"] and token["unique"] and token["custom"] and token["length"] == 64
    # what describe names can be asked for
    names = ",".join(fields)
    assert len(sim.soql(f"SELECT {names} FROM Contact")) == len(sim.records("Contact"))


def test_deleted_and_updated(sim, jsforce):
    (made,) = jsforce(("create", {"object": "Contact", "records": contacts(3)}))
    ids = [r["id"] for r in made]
    now = datetime.datetime.now(datetime.timezone.utc)
    span = {"object": "Contact", "start": (now - datetime.timedelta(hours=1)).isoformat(),
            "end": (now + datetime.timedelta(hours=1)).isoformat()}
    destroyed, deleted, updated, trash, plain = jsforce(
        ("destroy", {"object": "Contact", "ids": ids[0]}), ("deleted", span), ("updated", span),
        ("query", {"soql": "SELECT Id, IsDeleted FROM Contact WHERE IsDeleted = true",
                   "deleted": True}),
        ("query", {"soql": "SELECT Id FROM Contact"}))
    assert destroyed["success"]
    assert [r["id"] for r in deleted["deletedRecords"]] == [ids[0]]
    assert sorted(updated["ids"]) == sorted(ids[1:])
    assert [(r["Id"], r["IsDeleted"]) for r in trash["records"]] == [(ids[0], True)]
    assert sorted(r["Id"] for r in plain["records"]) == sorted(ids[1:])

    sim.act("undelete", id=ids[0])
    (plain,) = jsforce(("query", {"soql": "SELECT Id FROM Contact"}))
    assert sorted(r["Id"] for r in plain["records"]) == sorted(ids)


def test_sign_in(sim, jsforce):
    client = {"id": "tandem-client", "secret": "tandem-client-secret"}
    alice = sim.mailbox("alice")
    application, wrong, person, versions = jsforce(
        ("clientCredentials", client), ("clientCredentials", {**client, "secret": "guess"}),
        ("login", {**client, "username": alice["address"], "password": alice["password"],
                   "object": "Contact", "record": {"LastName": "By Alice"}}),
        ("versions", {}))
    assert application["token"] and application["identity"]["username"] == GATEWAY
    assert wrong["error"] == "invalid_client"
    assert person["user"]["id"] == alice["crm_user_id"]
    assert versions[-1]["version"] == "66.0"
    (stored,) = sim.records("Contact")
    assert stored["CreatedById"] == stored["OwnerId"] == alice["crm_user_id"]


def test_limits_and_expiry(sim, jsforce):
    sim.act("limits", max=20, used=18)
    limits, last, refused = jsforce(("limits", {}), ("versions", {}), ("describeGlobal", {}))
    assert limits["answer"]["DailyApiRequests"] == {"Max": 20, "Remaining": 1}
    assert limits["limitInfo"]["apiUsage"] == {"used": 19, "limit": 20}
    assert last[-1]["version"] == "66.0"
    assert "sobjects" in refused
    (over,) = jsforce(("describeGlobal", {}))
    assert over["error"] == "REQUEST_LIMIT_EXCEEDED"

    sim.act("limits", max=1000, used=0)
    sim.act("expire-tokens", all=True)
    (expired,) = jsforce(("describeGlobal", {}))
    assert expired["error"] == "INVALID_SESSION_ID"


TWO_OWNERS = {
    "mailboxes": [{"address": address, "name": name, "password": "secret"} for address, name in
                  (("alice@corp.example", "Alice Moreau"), ("bob@corp.example", "Bob Tanaka"))],
    "salesforce": {"Account": [{"Name": "Acme", "Owner": "alice@corp.example"},
                               {"Name": "Acme", "Owner": "bob@corp.example"}],
                   "Contact": [{"LastName": "Berg", "Account": "Acme",
                                "Owner": "bob@corp.example"}]}}


@pytest.mark.sim(seed=TWO_OWNERS)
def test_sharing_by_user(sim, jsforce):
    """Who sees what is asked of UserRecordAccess, and is what the user's own queries show."""
    alice = sim.mailbox("alice")["crm_user_id"]
    first, second = [row["Id"] for row in sim.records("Account")]
    sim.act("hide", id=second, user="alice@corp.example")
    access, unbound, described = jsforce(
        ("query", {"soql": "SELECT RecordId, HasReadAccess, HasTransferAccess, MaxAccessLevel "
                           f"FROM UserRecordAccess WHERE UserId = '{alice}' "
                           f"AND RecordId IN ('{first}', '{second}')"}),
        ("query", {"soql": f"SELECT RecordId FROM UserRecordAccess WHERE RecordId = '{first}'"}),
        ("describe", {"object": "UserRecordAccess"}))
    assert {r["RecordId"]: (r["HasReadAccess"], r["HasTransferAccess"], r["MaxAccessLevel"])
            for r in access["records"]} == {first: (True, True, "All"),
                                            second: (False, False, "None")}
    assert unbound["error"] == "MALFORMED_QUERY"
    assert {"RecordId", "UserId", "HasReadAccess"} <= {f["name"] for f in described["fields"]}
    own = sim.soql("SELECT Id FROM Account", token=sim.token("alice@corp.example"))
    assert [row["Id"] for row in own] == [first]
    assert len(sim.soql("SELECT Id FROM Account", token=sim.token("bob@corp.example"))) == 2
    sim.act("hide", id=second, user="alice@corp.example", hidden=False)
    own = sim.soql("SELECT Id FROM Account", token=sim.token("alice@corp.example"))
    assert len(own) == 2


@pytest.mark.sim(seed=TWO_OWNERS)
def test_merged_and_transferred(sim, jsforce):
    """A merge leaves the loser with MasterRecordId in queryAll, and moves an account's contacts; a
    transfer of the owner keeps the record."""
    first, second = [row["Id"] for row in sim.records("Account")]
    (berg,) = sim.records("Contact")
    assert berg["AccountId"] == second  # the last of that name
    sim.act("merge", master=first, loser=second)
    merged, plain, moved = jsforce(
        ("query", {"soql": "SELECT Id, IsDeleted, MasterRecordId FROM Account ORDER BY Id",
                   "deleted": True}),
        ("query", {"soql": "SELECT Id FROM Account"}),
        ("query", {"soql": "SELECT AccountId, Account.Name FROM Contact"}))
    assert [(r["Id"], r["IsDeleted"], r["MasterRecordId"]) for r in merged["records"]] == [
        (first, False, None), (second, True, first)]
    assert [r["Id"] for r in plain["records"]] == [first]
    assert moved["records"][0]["AccountId"] == first
    alice = sim.mailbox("alice")["crm_user_id"]
    updated, read = jsforce(
        ("update", {"object": "Contact", "records": {"Id": berg["Id"], "OwnerId": alice}}),
        ("query", {"soql": "SELECT OwnerId, Name, SystemModstamp FROM Contact"}))
    assert updated["success"]
    assert read["records"][0]["OwnerId"] == alice
    assert read["records"][0]["Name"] == "Berg"  # computed
    assert read["records"][0]["SystemModstamp"] > berg["SystemModstamp"]


@pytest.mark.sim(seed="demo")
def test_a_forbidden_object_is_as_none(sim, jsforce):
    sim.act("forbid", object="Lead")
    query, describe, every = jsforce(
        ("query", {"soql": "SELECT Id FROM Lead"}), ("describe", {"object": "Lead"}),
        ("describeGlobal", {}))
    assert query["error"] == "INVALID_TYPE"
    assert describe["error"] == "NOT_FOUND"
    assert "Lead" not in {o["name"] for o in every["sobjects"]}
