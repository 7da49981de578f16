"""Requests to the simulated Exchange, written by hand: who may act for whom, and how clients find it."""
from ews_raw import CONTACTS, ID_ONLY, RawEws, field, get_contacts

# Signing in and acting for others ------------------------------------------------------------

def test_sign_in_is_needed(sim):
    for user, password in ((None, None), (sim.mailbox("alice")["address"], "wrong")):
        nobody = RawEws(sim)
        nobody.user, nobody.password = user, password
        answer = nobody.call(f"<m:GetFolder><m:FolderShape>{ID_ONLY}</m:FolderShape>"
                             f"<m:FolderIds>{CONTACTS}</m:FolderIds></m:GetFolder>")
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
        assert answer.text == ""


def test_impersonation_needs_the_right(sim, raw):
    bob = sim.mailbox("bob")
    service = sim.clients["service_account"]["user"]
    as_bob = RawEws(sim, user=bob["address"], password=bob["password"])
    assert get_contacts(as_bob).codes == ["NoError"]
    as_bob.impersonate = raw.impersonate
    assert get_contacts(as_bob).fault == "ErrorImpersonateUserDenied"
    raw.impersonate = "nobody@corp.example"
    assert get_contacts(raw).fault == "ErrorNonExistentMailbox"

    raw.impersonate = sim.mailbox("alice")["address"]
    right = {"user": service, "address": raw.impersonate}
    sim.call("POST", "/sim/ews/deny", right)
    denied = get_contacts(raw)
    assert (denied.status, denied.fault) == (500, "ErrorImpersonateUserDenied")
    sim.call("POST", "/sim/ews/allow", right)
    assert get_contacts(raw).codes == ["NoError"]


def test_a_delegate_names_the_mailbox(sim, raw):
    item, _ = raw.create()
    service = RawEws(sim)
    assert get_contacts(service).codes == ["ErrorMissingEmailAddress"]
    named = ('<t:DistinguishedFolderId Id="contacts"><t:Mailbox><t:EmailAddress>%s'
             "</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>")
    synced = service.sync(folder=named % sim.mailbox("alice")["address"])
    assert synced.ids == [item]
    bob = sim.mailbox("bob")
    as_bob = RawEws(sim, user=bob["address"], password=bob["password"])
    assert as_bob.sync(folder=named % sim.mailbox("alice")["address"]).codes == ["ErrorAccessDenied"]
    assert as_bob.get(item).codes == ["ErrorAccessDenied"]
    assert service.sync(folder=named % "nobody@corp.example").codes == ["ErrorNonExistentMailbox"]


def test_changes_are_signed(sim, raw):
    as_alice, _ = raw.create()
    service = RawEws(sim)
    address = sim.mailbox("alice")["address"]
    as_service, _ = service.create(folder='<t:DistinguishedFolderId Id="contacts"><t:Mailbox>'
                                   f"<t:EmailAddress>{address}</t:EmailAddress></t:Mailbox>"
                                   "</t:DistinguishedFolderId>")
    names = raw.get(as_alice, as_service, shape="IdOnly",
                    additional=field("item:LastModifiedName")).texts("t:LastModifiedName")
    assert names == ["Alice Moreau", service.user]


# Autodiscover ----------------------------------------------------------------------------------

def test_autodiscover(sim):
    raw = sim.mailbox("alice")
    ews = RawEws(sim, user=raw["address"], password=raw["password"])
    sim.clients["ews_url"] = sim.url + "/Autodiscover/Autodiscover.xml"
    request = ('<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/'
               'requestschema/2006"><Request><EMailAddress>%s</EMailAddress>'
               "<AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/"
               "outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>")
    answer = ews.post(request % raw["address"])
    outlook = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}"
    assert {e.text for e in answer.root.iter(outlook + "EwsUrl")} == \
        {sim.url + "/EWS/Exchange.asmx"}
    assert "<ErrorCode>500</ErrorCode>" in ews.post(request % "nobody@corp.example").text
