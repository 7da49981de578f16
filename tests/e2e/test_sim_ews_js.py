"""ews-javascript-api, a client that others wrote, drives the simulated Exchange.

Each test looks from both ends: what the library reports, and what the simulator then holds.
"""
from ews_raw import RawEws

# No & and < here: the library writes texts into its requests as they are.
CONTACT = {
    "fields": {"DisplayName": "Dr. Jane Doe", "GivenName": "Jane", "MiddleName": "Q",
               "Surname": "Doe-Söhne", "CompanyName": "Acme 1", "Department": "Sales",
               "JobTitle": "Head", "NickName": "JJ", "AssistantName": "Ann",
               "OfficeLocation": "B 1", "Manager": "Max", "SpouseName": "Joe",
               "BusinessHomePage": "http://x.example/?a=1"},
    "body": "one\r\ntwo",
    "emails": ["jane@acme.example", "jane@home.example"],
    "phones": {"BusinessPhone": "+49 1", "MobilePhone": "+49 2", "AssistantPhone": "+49 3"},
    "addresses": {"Business": {"Street": "1 Main St", "City": "Köln", "State": "NRW",
                               "CountryOrRegion": "Germany", "PostalCode": "50667"},
                  "Home": {"City": "Bonn"}},
    "categories": ["CRM", "VIP"],
    "token": "token-1",
}


def stored(sim, name):
    box = sim.state("exchange")["exchange"]["mailboxes"][sim.mailbox(name)["address"]]
    return [(folder["path"], item) for folder in box["folders"] for item in folder["items"]]


def test_contacts(sim, ews_js):
    result = ews_js("ews_contacts.js", "alice", contact=CONTACT, phone="+49 9",
                    changes={"GivenName": "Janet", "JobTitle": None})
    assert result["read"] == {**CONTACT, "fileAs": "Doe-Söhne, Jane Q", "hasSearchKey": True}
    assert result["conflict"] == "ErrorIrresolvableConflict"
    assert result["goneById"] == "ErrorItemNotFound"
    assert len({result["created"], result["copied"], result["moved"]}) == 3
    ((path, item),) = stored(sim, "alice")
    held = item["properties"]
    assert path == "Deleted Items"
    assert item["id"] not in (result["created"], result["copied"], result["moved"])
    assert item["extended"] == {"PublicStrings/tandem-token": "token-1"}
    assert (held["GivenName"], held["PhoneNumbers/MobilePhone"]) == ("Janet", "+49 9")
    assert held["PhoneNumbers/BusinessPhone"] == "+49 1"
    assert held["EmailAddresses/EmailAddress1"] == "jane@acme.example"
    assert "JobTitle" not in held and "EmailAddresses/EmailAddress2" not in held
    assert held["PhysicalAddresses/Business/City"] == "Köln"
    assert held["Categories"] == ["CRM", "VIP"]
    assert sim.state()["mail"] == []


def test_photos_and_distribution_lists(sim, ews_js):
    result = ews_js("ews_photos.js", "alice")
    assert result["photos"] == [["ContactPicture.jpg", "one"]]
    assert result["replaced"] == [["ContactPicture.jpg", "two"]]
    assert result["removed"] == []
    assert result["members"] == [["Bob", "bob@x.example"]]
    ((_, contact), (_, group)) = stored(sim, "alice")
    assert "attachments" not in contact
    assert group["class"] == "IPM.DistList"


def test_folders(ews_js):
    result = ews_js("ews_folders.js", "alice")
    assert result["root"] == "Top of Information Store"
    kinds = dict(result["folders"])
    assert kinds["Contacts"] == "ContactsFolder" and kinds["Calendar"] == "CalendarFolder"
    assert kinds["Tasks"] == "TasksFolder" and kinds["Inbox"] == "Folder"
    steps = dict(result["steps"])
    assert ["Create", "Contacts"] in steps["start"]
    assert {change for change, _ in steps["start"]} == {"Create"}
    assert steps["made"] == [["Create", "One"], ["Create", "Two"]]
    assert steps["renamed"] == [["Update", "Uno"]]
    assert steps["moved"] == [["Update", "Two"]]
    assert [change for change, _ in steps["deleted"]] == ["Delete", "Delete"]
    assert result["twice"] == "ErrorFolderExists"
    assert result["distinguished"] == "ErrorDeleteDistinguishedFolder"


def test_sync_and_find(sim, ews_js):
    alice = RawEws(sim, impersonate="alice")
    made = [alice.create(f"<t:DisplayName>Person {n}</t:DisplayName>")[0] for n in range(5)]
    first = ews_js("ews_sync.js", "alice", most=2, contains="PERSON")
    assert first["pages"] == [[["Create", made[4]], ["Create", made[3]]],
                              [["Create", made[2]], ["Create", made[1]]],
                              [["Create", made[0]]]]
    assert first["found"] == [["Person 0", "Person 1"], ["Person 2", "Person 3"], ["Person 4"]]
    assert first["total"] == 5
    alice.delete(made[0])
    new, _ = alice.create()
    second = ews_js("ews_sync.js", "alice", most=512, state=first["state"])
    assert second["pages"] == [[["Create", new], ["Delete", made[0]]]]


def test_signing_in(sim, ews_js):
    assert ews_js("ews_sign_in.js", "alice") is None
    bob = sim.mailbox("bob")
    assert ews_js("ews_sign_in.js", "bob", own=True) is None
    assert ews_js("ews_sign_in.js", "alice", user=bob["address"], password=bob["password"]) == \
        "ErrorImpersonateUserDenied"
    # What the library makes of a 401.
    assert ews_js("ews_sign_in.js", "alice", password="wrong") == "ErrorInternalServerError"


def test_throttling(sim, ews_js):
    sim.fault("GetFolder", "ews", code="ErrorServerBusy", shape="fault", backoff_ms=100)
    assert ews_js("ews_sign_in.js", "alice") == "ErrorServerBusy"
    sim.fault("GetFolder", "ews", code="ErrorServerBusy", shape="message", backoff_ms=100)
    assert ews_js("ews_sign_in.js", "alice") == "ErrorServerBusy"
    assert ews_js("ews_sign_in.js", "alice") is None
