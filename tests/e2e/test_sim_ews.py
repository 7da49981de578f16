"""The simulated Exchange, by requests written by hand: what client libraries never send."""
import base64

import pytest
from ews_raw import CONTACTS, ID_ONLY, RawEws, changes, delete_field, field, set_field

NAME = "<t:DisplayName>Anna</t:DisplayName>"


@pytest.fixture
def alice(sim):
    return RawEws(sim, impersonate="alice")


def contact(sim, item_id):
    """The item as the simulator holds it."""
    for box in sim.state("exchange")["exchange"]["mailboxes"].values():
        for folder in box["folders"]:
            for item in folder["items"]:
                if item["id"] == item_id:
                    return item
    raise KeyError(item_id)


def item_count(sim):
    return sum(len(folder["items"])
               for box in sim.state("exchange")["exchange"]["mailboxes"].values()
               for folder in box["folders"])


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


def get_contacts(ews):
    return ews.call(f"<m:GetFolder><m:FolderShape>{ID_ONLY}</m:FolderShape>"
                    f"<m:FolderIds>{CONTACTS}</m:FolderIds></m:GetFolder>")


def test_impersonation_needs_the_right(sim, alice):
    bob = sim.mailbox("bob")
    service = sim.clients["service_account"]["user"]
    as_bob = RawEws(sim, user=bob["address"], password=bob["password"])
    assert get_contacts(as_bob).codes == ["NoError"]
    as_bob.impersonate = alice.impersonate
    assert get_contacts(as_bob).fault == "ErrorImpersonateUserDenied"
    alice.impersonate = "nobody@corp.example"
    assert get_contacts(alice).fault == "ErrorNonExistentMailbox"

    alice.impersonate = sim.mailbox("alice")["address"]
    right = {"user": service, "address": alice.impersonate}
    sim.call("POST", "/sim/ews/deny", right)
    denied = get_contacts(alice)
    assert (denied.status, denied.fault) == (500, "ErrorImpersonateUserDenied")
    sim.call("POST", "/sim/ews/allow", right)
    assert get_contacts(alice).codes == ["NoError"]


def test_a_delegate_names_the_mailbox(sim, alice):
    item, _ = alice.create()
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


def test_changes_are_signed(sim, alice):
    as_alice, _ = alice.create()
    service = RawEws(sim)
    address = sim.mailbox("alice")["address"]
    as_service, _ = service.create(folder='<t:DistinguishedFolderId Id="contacts"><t:Mailbox>'
                                   f"<t:EmailAddress>{address}</t:EmailAddress></t:Mailbox>"
                                   "</t:DistinguishedFolderId>")
    names = alice.get(as_alice, as_service, shape="IdOnly",
                      additional=field("item:LastModifiedName")).texts("t:LastModifiedName")
    assert names == ["Alice Moreau", service.user]


# Versions and the schema ---------------------------------------------------------------------


def test_versions(sim, alice):
    version = get_contacts(alice).all("t:ServerVersionInfo")[0]
    assert (version.get("MajorVersion"), version.get("MinorVersion")) == ("15", "1")
    for known in ("Exchange2007_SP1", "Exchange2010_SP2", "Exchange2013_SP1", "Exchange2016"):
        alice.version = known
        assert get_contacts(alice).codes == ["NoError"]
    alice.version = "Exchange2019"
    assert get_contacts(alice).fault == "ErrorInvalidServerVersion"


BROKEN = {
    "an attribute is missing":
        f"<m:FindItem><m:ItemShape>{ID_ONLY}</m:ItemShape><m:ParentFolderIds>{CONTACTS}"
        "</m:ParentFolderIds></m:FindItem>",
    "an attribute has no such value":
        '<m:DeleteItem DeleteType="Gone"><m:ItemIds><t:ItemId Id="x"/></m:ItemIds></m:DeleteItem>',
    "an attribute that is unknown":
        '<m:DeleteItem DeleteType="HardDelete" Quick="true"><m:ItemIds><t:ItemId Id="x"/>'
        "</m:ItemIds></m:DeleteItem>",
    "an element is missing":
        f"<m:SyncFolderItems><m:ItemShape>{ID_ONLY}</m:ItemShape><m:SyncFolderId>{CONTACTS}"
        "</m:SyncFolderId></m:SyncFolderItems>",
    "elements in the wrong order":
        f"<m:GetFolder><m:FolderIds>{CONTACTS}</m:FolderIds><m:FolderShape>{ID_ONLY}"
        "</m:FolderShape></m:GetFolder>",
    "properties in the wrong order":
        "<m:CreateItem><m:Items><t:Contact><t:Surname>B</t:Surname><t:GivenName>A</t:GivenName>"
        "</t:Contact></m:Items></m:CreateItem>",
    "a property of the item after one of the contact":
        "<m:CreateItem><m:Items><t:Contact><t:GivenName>A</t:GivenName>"
        '<t:Body BodyType="Text">x</t:Body></t:Contact></m:Items></m:CreateItem>',
    "a property that is unknown":
        "<m:CreateItem><m:Items><t:Contact><t:ShoeSize>43</t:ShoeSize></t:Contact></m:Items>"
        "</m:CreateItem>",
    "too many changes":
        f"<m:SyncFolderItems><m:ItemShape>{ID_ONLY}</m:ItemShape><m:SyncFolderId>{CONTACTS}"
        "</m:SyncFolderId><m:MaxChangesReturned>513</m:MaxChangesReturned></m:SyncFolderItems>",
    "no such FieldURI":
        '<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>'
        '<t:FieldURI FieldURI="contacts:ShoeSize"/></t:AdditionalProperties></m:ItemShape>'
        '<m:ItemIds><t:ItemId Id="x"/></m:ItemIds></m:GetItem>',
    "an empty list":
        f"<m:GetItem><m:ItemShape>{ID_ONLY}</m:ItemShape><m:ItemIds/></m:GetItem>",
    "an operation that is unknown": "<m:MakeCoffee/>",
    "the wrong namespace": "<t:GetFolder/>",
    "a date that is none":
        "<m:CreateItem><m:Items><t:Contact><t:GivenName>good</t:GivenName></t:Contact><t:Contact>"
        "<t:Birthday>yesterday</t:Birthday></t:Contact></m:Items></m:CreateItem>",
    "a folder name that is none":
        f"<m:GetFolder><m:FolderShape>{ID_ONLY}</m:FolderShape><m:FolderIds>"
        '<t:DistinguishedFolderId Id="attic"/></m:FolderIds></m:GetFolder>',
    "a property type that is none":
        '<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>'
        '<t:ExtendedFieldURI PropertyTag="0x1" PropertyType="Text"/></t:AdditionalProperties>'
        '</m:ItemShape><m:ItemIds><t:ItemId Id="x"/></m:ItemIds></m:GetItem>',
    "a key that is none":
        '<m:CreateItem><m:Items><t:Contact><t:PhoneNumbers><t:Entry Key="Boat">1</t:Entry>'
        "</t:PhoneNumbers></t:Contact></m:Items></m:CreateItem>",
}


@pytest.mark.parametrize("schema", ["auto", None])
def test_what_the_schema_rejects(start_sim, schema):
    sim = start_sim(schema=schema)
    alice = RawEws(sim, impersonate="alice")
    for what, payload in BROKEN.items():
        answer = alice.call(payload, malformed=True)
        assert (answer.status, answer.fault) == (500, "ErrorSchemaValidation"), what
        assert answer.text_of("t:Violation"), what
        assert answer.text_of("t:LineNumber") == "1", what
    assert item_count(sim) == 0


def test_what_is_no_request(alice):
    for body in ("<not xml", '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "<x/>"):
        assert alice.post(body, malformed=True).fault == "ErrorInvalidRequest"
    other = alice.post("<x/>", content_type="application/soap+xml", malformed=True)
    assert other.status == 415


# Items ---------------------------------------------------------------------------------------

WRITABLE = """
<t:ItemClass>IPM.Contact</t:ItemClass><t:Sensitivity>Private</t:Sensitivity>
<t:Body BodyType="Text">one\ntwo</t:Body>
<t:Categories><t:String>CRM</t:String><t:String>VIP &amp; more</t:String></t:Categories>
<t:Importance>High</t:Importance><t:FileAs>filed</t:FileAs><t:DisplayName>shown</t:DisplayName>
<t:GivenName>given</t:GivenName><t:Initials>init</t:Initials><t:MiddleName>middle</t:MiddleName>
<t:Nickname>nick</t:Nickname><t:CompanyName>company</t:CompanyName>
<t:EmailAddresses><t:Entry Key="EmailAddress1">one@x.example</t:Entry>
<t:Entry Key="EmailAddress2" Name="Two" RoutingType="SMTP">two@x.example</t:Entry>
<t:Entry Key="EmailAddress3">three@x.example</t:Entry></t:EmailAddresses>
<t:PhysicalAddresses><t:Entry Key="Business"><t:Street>b1</t:Street><t:City>b2</t:City>
<t:State>b3</t:State><t:CountryOrRegion>b4</t:CountryOrRegion><t:PostalCode>b5</t:PostalCode>
</t:Entry><t:Entry Key="Home"><t:City>h2</t:City></t:Entry>
<t:Entry Key="Other"><t:Street>o1</t:Street></t:Entry></t:PhysicalAddresses>
<t:PhoneNumbers>{phones}</t:PhoneNumbers><t:AssistantName>assistant</t:AssistantName>
<t:Birthday>1970-02-03T23:00:00-05:00</t:Birthday>
<t:BusinessHomePage>http://x.example/?a=1&amp;b=2</t:BusinessHomePage>
<t:Children><t:String>Ann</t:String><t:String>Bob</t:String></t:Children>
<t:Companies><t:String>Acme</t:String></t:Companies><t:Department>department</t:Department>
<t:Generation>III</t:Generation><t:ImAddresses><t:Entry Key="ImAddress1">im:a</t:Entry>
<t:Entry Key="ImAddress3">im:c</t:Entry></t:ImAddresses><t:JobTitle>job</t:JobTitle>
<t:Manager>manager</t:Manager><t:Mileage>12</t:Mileage><t:OfficeLocation>office</t:OfficeLocation>
<t:PostalAddressIndex>Business</t:PostalAddressIndex><t:Profession>profession</t:Profession>
<t:SpouseName>spouse</t:SpouseName><t:Surname>surname</t:Surname>
<t:WeddingAnniversary>2000-05-06T00:00:00.1234567Z</t:WeddingAnniversary>
"""

PHONES = ("AssistantPhone BusinessFax BusinessPhone BusinessPhone2 Callback CarPhone "
          "CompanyMainPhone HomeFax HomePhone HomePhone2 Isdn MobilePhone OtherFax OtherTelephone "
          "Pager PrimaryPhone RadioPhone Telex TtyTddPhone").split()


def writable():
    phones = "".join(f'<t:Entry Key="{key}">{n}</t:Entry>' for n, key in enumerate(PHONES))
    return WRITABLE.format(phones=phones)


def test_every_property_that_a_client_can_write(sim, alice):
    item, _ = alice.create(writable())
    held = contact(sim, item)["properties"]
    assert held.pop("Body") == "one\r\ntwo"
    assert held.pop("Birthday") == "1970-02-04T04:00:00Z"
    assert held.pop("WeddingAnniversary") == "2000-05-06T00:00:00Z"
    assert held.pop("Categories") == ["CRM", "VIP & more"]
    assert held.pop("Children") == ["Ann", "Bob"]
    assert held.pop("Companies") == ["Acme"]
    assert [held.pop(f"PhoneNumbers/{key}") for key in PHONES] == \
        [str(n) for n in range(len(PHONES))]
    assert held == {
        "ItemClass": "IPM.Contact", "Sensitivity": "Private", "Body/BodyType": "Text",
        "Importance": "High", "FileAs": "filed", "DisplayName": "shown", "GivenName": "given",
        "Initials": "init", "MiddleName": "middle", "Nickname": "nick", "CompanyName": "company",
        "EmailAddresses/EmailAddress1": "one@x.example",
        "EmailAddresses/EmailAddress2": "two@x.example",
        "EmailAddresses/EmailAddress2/Name": "Two",
        "EmailAddresses/EmailAddress2/RoutingType": "SMTP",
        "EmailAddresses/EmailAddress3": "three@x.example",
        "PhysicalAddresses/Business/Street": "b1", "PhysicalAddresses/Business/City": "b2",
        "PhysicalAddresses/Business/State": "b3",
        "PhysicalAddresses/Business/CountryOrRegion": "b4",
        "PhysicalAddresses/Business/PostalCode": "b5", "PhysicalAddresses/Home/City": "h2",
        "PhysicalAddresses/Other/Street": "o1", "AssistantName": "assistant",
        "BusinessHomePage": "http://x.example/?a=1&b=2", "Department": "department",
        "Generation": "III", "ImAddresses/ImAddress1": "im:a", "ImAddresses/ImAddress3": "im:c",
        "JobTitle": "job", "Manager": "manager", "Mileage": "12", "OfficeLocation": "office",
        "PostalAddressIndex": "Business", "Profession": "profession", "SpouseName": "spouse",
        "Surname": "surname",
    }


def test_all_properties_leaves_out_what_must_be_asked_for_by_name(alice):
    item, _ = alice.create(writable())
    left_out = ("FileAs", "EmailAddresses", "PhysicalAddresses", "ImAddresses", "Categories")
    answer = alice.get(item)
    for name in left_out:
        assert answer.all("t:Contact/t:" + name) == []
    assert answer.texts("t:Contact/t:GivenName") == ["given"]
    assert answer.text_of("t:Contact/t:Body") == "one\r\ntwo"
    asked = alice.get(item, shape="IdOnly", additional="".join(
        field(("item:" if name == "Categories" else "contacts:") + name) for name in left_out))
    for name in left_out:
        assert len(asked.all("t:Contact/t:" + name)) == 1
    entry = asked.all("t:EmailAddresses/t:Entry")[1]
    assert (entry.get("Key"), entry.get("Name"), entry.text) == \
        ("EmailAddress2", "Two", "two@x.example")
    part = alice.get(item, shape="IdOnly", additional=(
        '<t:IndexedFieldURI FieldURI="contacts:PhysicalAddress:City" FieldIndex="Business"/>'
        '<t:IndexedFieldURI FieldURI="contacts:EmailAddress" FieldIndex="EmailAddress3"/>'))
    assert part.texts("t:PhysicalAddresses/t:Entry/t:*") == ["b2"]
    assert part.texts("t:EmailAddresses/t:Entry") == ["three@x.example"]


def test_what_the_server_makes(sim, alice):
    item, _ = alice.create("<t:FileAsMapping>LastCommaFirst</t:FileAsMapping>"
                           "<t:GivenName>Anna</t:GivenName><t:MiddleName>B.</t:MiddleName>"
                           "<t:Surname>Curie</t:Surname>")
    answer = alice.get(item, additional=field("contacts:FileAs"))
    assert answer.text_of("t:Contact/t:DisplayName") == "Anna B. Curie"
    assert answer.text_of("t:Contact/t:FileAs") == "Curie, Anna B."
    assert answer.text_of("t:Contact/t:Subject") == "Anna B. Curie"
    assert answer.text_of("t:Contact/t:HasPicture") == "false"
    assert answer.text_of("t:CompleteName/t:LastName") == "Curie"
    assert answer.all("t:CompleteName/t:Title") == []
    prefix = '<t:ExtendedFieldURI PropertyTag="0x3A45" PropertyType="String"/>'
    key = answer.all("t:ItemId")[0].get("ChangeKey")
    done = alice.update(item, key, f"<t:SetItemField>{prefix}<t:Contact><t:ExtendedProperty>{prefix}"
                        "<t:Value>Dr.</t:Value></t:ExtendedProperty></t:Contact></t:SetItemField>"
                        + set_field("contacts:GivenName", "<t:GivenName>Eve</t:GivenName>"))
    assert done.codes == ["NoError"]
    again = alice.get(item, additional=field("contacts:FileAs"))
    assert again.text_of("t:CompleteName/t:Title") == "Dr."
    assert again.text_of("t:Contact/t:FileAs") == "Curie, Eve B."
    assert again.text_of("t:Contact/t:DisplayName") == "Anna B. Curie"


def test_read_only_properties(alice):
    answer = alice.call("<m:CreateItem><m:Items><t:Contact><t:CompleteName><t:Title>Dr.</t:Title>"
                        "</t:CompleteName></t:Contact></m:Items></m:CreateItem>")
    assert answer.codes == ["ErrorInvalidPropertySet"]
    item, key = alice.create()
    answer = alice.update(item, key, set_field("contacts:HasPicture",
                                               "<t:HasPicture>true</t:HasPicture>"))
    assert answer.codes == ["ErrorInvalidPropertySet"]
    assert alice.update(item, key, delete_field("item:DateTimeCreated")).codes == \
        ["ErrorInvalidPropertyDelete"]


def indexed(uri, index):
    return f'<t:IndexedFieldURI FieldURI="contacts:{uri}" FieldIndex="{index}"/>'


def test_update_set_delete_append(sim, alice):
    item, key = alice.create(writable())
    done = alice.update(item, key, (
        set_field("contacts:GivenName", "<t:GivenName>Eve</t:GivenName>")
        + set_field("contacts:Nickname", "<t:Nickname/>")
        + delete_field("item:Categories")
        + f"<t:SetItemField>{indexed('EmailAddress', 'EmailAddress1')}<t:Contact><t:EmailAddresses>"
        '<t:Entry Key="EmailAddress1">new@x.example</t:Entry></t:EmailAddresses></t:Contact>'
        "</t:SetItemField>"
        + f"<t:SetItemField>{indexed('PhysicalAddress:City', 'Home')}<t:Contact>"
        '<t:PhysicalAddresses><t:Entry Key="Home"><t:City>Rome</t:City></t:Entry>'
        "</t:PhysicalAddresses></t:Contact></t:SetItemField>"
        + f"<t:DeleteItemField>{indexed('PhysicalAddress:Street', 'Business')}</t:DeleteItemField>"
        + f"<t:DeleteItemField>{indexed('PhoneNumber', 'Telex')}</t:DeleteItemField>"
        + f"<t:AppendToItemField>{field('item:Body')}<t:Contact><t:Body BodyType=\"Text\">!</t:Body>"
        "</t:Contact></t:AppendToItemField>"))
    assert done.codes == ["NoError"], done.text
    assert done.text_of("m:ConflictResults/t:Count") == "0"
    assert done.all("t:ItemId")[0].get("ChangeKey") != key
    held = contact(sim, item)["properties"]
    assert held["GivenName"] == "Eve"
    assert held["EmailAddresses/EmailAddress1"] == "new@x.example"
    assert held["EmailAddresses/EmailAddress2"] == "two@x.example"
    assert held["PhysicalAddresses/Home/City"] == "Rome"
    assert held["PhysicalAddresses/Business/City"] == "b2"
    assert held["Body"] == "one\r\ntwo!"
    for gone in ("Nickname", "Categories", "PhysicalAddresses/Business/Street",
                 "PhoneNumbers/Telex"):
        assert gone not in held


MISTAKES = {
    "ErrorIncorrectUpdatePropertyCount": set_field(
        "contacts:GivenName", "<t:GivenName>A</t:GivenName><t:Surname>B</t:Surname>"),
    "ErrorUpdatePropertyMismatch": set_field("contacts:GivenName", "<t:Surname>B</t:Surname>"),
    "ErrorInvalidPropertySet": set_field(
        "contacts:PhoneNumbers",
        '<t:PhoneNumbers><t:Entry Key="Telex">1</t:Entry></t:PhoneNumbers>'),
    "ErrorInvalidPropertyAppend":
        f"<t:AppendToItemField>{field('contacts:GivenName')}<t:Contact><t:GivenName>x"
        "</t:GivenName></t:Contact></t:AppendToItemField>",
    "ErrorInvalidExtendedProperty":
        '<t:DeleteItemField><t:ExtendedFieldURI PropertyName="x" PropertyType="String"/>'
        "</t:DeleteItemField>",
    "ErrorNoPropertyTagForCustomProperties":
        '<t:DeleteItemField><t:ExtendedFieldURI PropertyTag="0x8005" PropertyType="String"/>'
        "</t:DeleteItemField>",
    "ErrorPropertyUpdate":
        '<t:DeleteItemField><t:ExtendedFieldURI PropertyTag="0x300B" PropertyType="Binary"/>'
        "</t:DeleteItemField>",
}


@pytest.mark.parametrize("code", MISTAKES)
def test_an_update_with_a_mistake_changes_nothing(sim, alice, code):
    item, key = alice.create()
    good = set_field("contacts:JobTitle", "<t:JobTitle>boss</t:JobTitle>")
    assert alice.update(item, key, good + MISTAKES[code]).codes == [code]
    held = contact(sim, item)
    assert held["properties"] == {"DisplayName": "Anna"}
    assert held["change_key"] == key


def test_change_keys(sim, alice):
    item, old = alice.create()
    given = set_field("contacts:GivenName", "<t:GivenName>A</t:GivenName>")
    surname = set_field("contacts:Surname", "<t:Surname>B</t:Surname>")
    assert alice.update(item, old, given).codes == ["NoError"]
    assert alice.update(item, None, surname).codes == ["ErrorChangeKeyRequiredForWriteOperations"]
    assert alice.update(item, "AAAA", surname).codes == ["ErrorInvalidChangeKey"]
    assert alice.update(item, old, surname).codes == ["ErrorIrresolvableConflict"]
    # AutoResolve: only what was written since is a conflict.
    assert alice.update(item, old, given, "AutoResolve").codes == ["ErrorIrresolvableConflict"]
    assert alice.update(item, old, surname, "AutoResolve").codes == ["NoError"]
    assert alice.update(item, old, given.replace(">A<", ">Z<"), "AlwaysOverwrite").codes == \
        ["NoError"]
    assert alice.update(item, None, surname.replace(">B<", ">Y<"), "AlwaysOverwrite").codes == \
        ["NoError"]
    held = contact(sim, item)["properties"]
    assert (held["GivenName"], held["Surname"]) == ("Z", "Y")


def test_per_item_errors_keep_the_order(alice):
    first, _ = alice.create()
    last, _ = alice.create()
    gone, _ = alice.create()
    assert alice.delete(gone).codes == ["NoError"]
    answer = alice.get(first, gone, "nonsense", last, "")
    assert answer.codes == ["NoError", "ErrorItemNotFound", "ErrorInvalidIdMalformed", "NoError",
                            "ErrorInvalidIdEmpty"]
    assert answer.ids == [first, last]
    assert alice.delete(gone).codes == ["ErrorItemNotFound"]


def test_ids_are_case_sensitive(sim, alice):
    ids = [alice.create()[0] for _ in range(10)]
    folded = {}
    for item in ids:
        folded.setdefault(item.lower(), []).append(item)
    twins = [pair for pair in folded.values() if len(pair) > 1]
    assert twins, "no two ids differ in case only"
    assert len(set(ids)) == 10
    assert {len(item) for item in ids} == {152}
    assert alice.delete(twins[0][0]).codes == ["NoError"]
    assert alice.get(*twins[0]).codes[:2] == ["ErrorItemNotFound", "NoError"]


def test_delete_types(sim, alice):
    for how, where in (("HardDelete", None), ("SoftDelete", "Recoverable Items/Deletions"),
                       ("MoveToDeletedItems", "Deleted Items")):
        item, _ = alice.create(f"<t:DisplayName>{how}</t:DisplayName>")
        assert alice.delete(item, how).codes == ["NoError"]
        box = sim.state("exchange")["exchange"]["mailboxes"][alice.impersonate]
        found = [(folder["path"], entry["id"]) for folder in box["folders"]
                 for entry in folder["items"] if entry["properties"]["DisplayName"] == how]
        assert [path for path, _ in found] == ([where] if where else [])
        assert item not in [entry for _, entry in found]


def test_contacts_stay_among_contacts(alice):
    answer = alice.call('<m:CreateItem><m:SavedItemFolderId><t:DistinguishedFolderId Id="inbox"/>'
                        f"</m:SavedItemFolderId><m:Items><t:Contact>{NAME}</t:Contact></m:Items>"
                        "</m:CreateItem>")
    assert answer.codes == ["ErrorCannotCreateContactInNonContactFolder"]
    message = alice.call("<m:CreateItem><m:Items><t:Message><t:Subject>x</t:Subject></t:Message>"
                         "</m:Items></m:CreateItem>")
    assert message.codes == ["ErrorMessageDispositionRequired"]
    meeting = alice.call("<m:CreateItem><m:Items><t:CalendarItem><t:Subject>x</t:Subject>"
                         "</t:CalendarItem></m:Items></m:CreateItem>")
    assert meeting.codes == ["ErrorSendMeetingInvitationsRequired"]


def test_distribution_list(sim, alice):
    answer = alice.call(
        "<m:CreateItem><m:Items><t:DistributionList><t:DisplayName>Friends</t:DisplayName>"
        '<t:Members><t:Member Key="k"><t:Mailbox><t:Name>Bob</t:Name><t:EmailAddress>b@x.example'
        "</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType></t:Mailbox></t:Member></t:Members>"
        "</t:DistributionList></m:Items></m:CreateItem>")
    assert answer.codes == ["NoError"]
    read = alice.get(answer.ids[0], additional=field("distributionlist:Members"))
    assert read.text_of("t:DistributionList/t:DisplayName") == "Friends"
    assert read.text_of("t:ItemClass") == "IPM.DistList"
    assert read.texts("t:Member/t:Mailbox/t:EmailAddress") == ["b@x.example"]


# Attachments ---------------------------------------------------------------------------------


def attach(item, content, more=""):
    """A request that attaches a contact's photo."""
    return (f'<m:CreateAttachment><m:ParentItemId Id="{item}"/><m:Attachments><t:FileAttachment>'
            f"<t:Name>ContactPicture.jpg</t:Name><t:IsContactPhoto>true</t:IsContactPhoto>"
            f"<t:Content>{base64.b64encode(content).decode()}</t:Content></t:FileAttachment>{more}"
            "</m:Attachments></m:CreateAttachment>")


def attachment_id(answer):
    return f'<t:AttachmentId Id="{answer.all("t:AttachmentId")[0].get("Id")}"/>'


def test_an_attachment_names_its_item(alice):
    item, key = alice.create()
    made = alice.call(attach(item, b"photo"))
    (root,) = made.all("t:AttachmentId")
    assert root.get("RootItemId") == item and root.get("RootItemChangeKey") != key
    read = alice.get(item, shape="IdOnly", additional=field("item:Attachments"))
    assert read.all("t:ItemId")[0].get("ChangeKey") == root.get("RootItemChangeKey")
    assert read.texts("t:FileAttachment/t:Size") == ["5"]
    assert not read.all("t:Content") and not read.texts("t:ContentType")
    read = alice.call(f"<m:GetAttachment><m:AttachmentIds>{attachment_id(made)}"
                      "</m:AttachmentIds></m:GetAttachment>")
    assert read.texts("t:Content") == [base64.b64encode(b"photo").decode()]
    gone = alice.call(f"<m:DeleteAttachment><m:AttachmentIds>{attachment_id(made)}"
                      f"{attachment_id(made)}</m:AttachmentIds></m:DeleteAttachment>")
    assert gone.codes == ["NoError", "ErrorInvalidAttachmentId"]
    (left,) = gone.all("m:RootItemId")
    assert left.get("RootItemId") == item
    assert left.get("RootItemChangeKey") == alice.get(item).all("t:ItemId")[0].get("ChangeKey")


def test_attachments_are_read_only_properties(alice):
    item, key = alice.create()
    answer = alice.update(item, key, set_field(
        "item:Attachments", "<t:Attachments><t:FileAttachment><t:Name>x</t:Name>"
        "</t:FileAttachment></t:Attachments>"))
    assert answer.codes == ["ErrorInvalidPropertySet"]


@pytest.mark.parametrize("wrong, code", [
    ('<t:AttachmentId Id=""/>', "ErrorInvalidIdEmpty"),
    ('<t:AttachmentId Id="AAMk"/>', "ErrorInvalidIdMalformed"),
    ('<t:AttachmentId Id="ITEM"/>', "ErrorInvalidIdMalformed"),
])
def test_ids_that_are_of_no_attachment(alice, wrong, code):
    item, _ = alice.create()
    wrong = wrong.replace("ITEM", item)
    for operation in ("GetAttachment", "DeleteAttachment"):
        answer = alice.call(f"<m:{operation}><m:AttachmentIds>{wrong}</m:AttachmentIds>"
                            f"</m:{operation}>")
        assert answer.codes == [code]


def test_what_cannot_be_attached(sim, alice):
    item, _ = alice.create()
    sim.call("POST", "/sim/ews/limit", {"item_bytes": 1200})
    inner = "<t:ItemAttachment><t:Name>x</t:Name><t:Contact/></t:ItemAttachment>"
    answer = alice.call(attach(item, bytes(900), inner))
    assert answer.codes == ["NoError", "ErrorInvalidItemForOperationCreateItemAttachment"]
    assert alice.call(attach(item, bytes(900))).codes == ["ErrorMessageSizeExceeded"]
    assert alice.call(attach(item, b"")).codes == ["NoError"]
    wrong = alice.call(attach(item, b"abc").replace("YWJj", "a!"), malformed=True)
    assert wrong.fault == "ErrorSchemaValidation" and "Content" in wrong.text_of("t:Violation")
    root = alice.call("<m:GetAttachment><m:AttachmentIds><t:AttachmentId Id='x' RootItemId='y'/>"
                      "</m:AttachmentIds></m:GetAttachment>", malformed=True)
    assert root.fault == "ErrorSchemaValidation"


# Extended properties -------------------------------------------------------------------------

TOKEN = ('<t:ExtendedFieldURI DistinguishedPropertySetId="PublicStrings" '
         'PropertyName="tandem-token" PropertyType="String"/>')
SAME_BY_GUID = ('<t:ExtendedFieldURI PropertySetId="00020329-0000-0000-C000-000000000046" '
                'PropertyName="tandem-token" PropertyType="String"/>')
SEARCH_KEY = '<t:ExtendedFieldURI PropertyTag="0x300B" PropertyType="Binary"/>'


def extended(uri, *values):
    inner = "".join(f"<t:Value>{value}</t:Value>" for value in values)
    if "Array" in uri:
        inner = f"<t:Values>{inner}</t:Values>"
    return f"<t:ExtendedProperty>{uri}{inner}</t:ExtendedProperty>"


def test_extended_properties(sim, alice):
    numbers = ('<t:ExtendedFieldURI DistinguishedPropertySetId="Address" PropertyId="32900" '
               'PropertyType="IntegerArray"/>')
    keywords = ('<t:ExtendedFieldURI DistinguishedPropertySetId="PublicStrings" '
                'PropertyName="Keywords" PropertyType="StringArray"/>')
    given = '<t:ExtendedFieldURI PropertyTag="0x3A06" PropertyType="String"/>'
    item, key = alice.create(extended(TOKEN, "t-1") + extended(numbers, 1, 2, 3)
                             + extended(keywords, "CRM") + NAME)
    assert contact(sim, item)["extended"] == {"PublicStrings/tandem-token": "t-1",
                                              "Address/0x8084": ["1", "2", "3"]}
    assert contact(sim, item)["properties"]["Categories"] == ["CRM"]
    read = alice.get(item, shape="IdOnly", additional=SAME_BY_GUID + numbers + SEARCH_KEY + given)
    properties = read.all("t:ExtendedProperty")
    assert len(properties) == 3  # there is no given name
    assert read.texts("t:ExtendedProperty/t:Value")[0] == "t-1"
    assert read.texts("t:Values/t:Value") == ["1", "2", "3"]
    search_key = base64.b64decode(read.texts("t:ExtendedProperty/t:Value")[1])
    assert len(search_key) == 16
    assert base64.b64decode(contact(sim, item)["search_key"]) == search_key
    done = alice.update(item, key, f"<t:DeleteItemField>{TOKEN}</t:DeleteItemField><t:SetItemField>"
                        f"{given}<t:Contact>{extended(given, 'Eve')}</t:Contact></t:SetItemField>")
    assert done.codes == ["NoError"]
    held = contact(sim, item)
    assert "PublicStrings/tandem-token" not in held["extended"]
    assert held["properties"]["GivenName"] == "Eve"


def test_move_and_copy_keep_key_and_names(sim, alice):
    item, _ = alice.create(extended(TOKEN, "t-1") + NAME)
    before = contact(sim, item)
    made = alice.call(f"<m:CreateFolder><m:ParentFolderId>{CONTACTS}</m:ParentFolderId><m:Folders>"
                      "<t:ContactsFolder><t:DisplayName>Other</t:DisplayName></t:ContactsFolder>"
                      "</m:Folders></m:CreateFolder>")
    folder = made.all("t:FolderId")[0].get("Id")
    ids = [item]
    for op in ("CopyItem", "MoveItem"):
        answer = alice.call(f'<m:{op}><m:ToFolderId><t:FolderId Id="{folder}"/></m:ToFolderId>'
                            f'<m:ItemIds><t:ItemId Id="{item}"/></m:ItemIds></m:{op}>')
        assert answer.codes == ["NoError"]
        ids.append(answer.ids[0])
    assert len(set(ids)) == 3
    assert alice.get(*ids).codes == ["ErrorItemNotFound", "NoError", "NoError"]
    for new in ids[1:]:
        after = contact(sim, new)
        assert after["search_key"] == before["search_key"]
        assert after["extended"] == before["extended"]
        assert after["properties"] == before["properties"]
    silent = alice.call(f'<m:MoveItem><m:ToFolderId>{CONTACTS}</m:ToFolderId><m:ItemIds><t:ItemId '
                        f'Id="{ids[2]}"/></m:ItemIds><m:ReturnNewItemIds>false</m:ReturnNewItemIds>'
                        "</m:MoveItem>")
    assert (silent.codes, silent.ids) == (["NoError"], [])
    assert alice.call('<m:MoveItem><m:ToFolderId><t:FolderId Id="AAMk"/></m:ToFolderId><m:ItemIds>'
                      f'<t:ItemId Id="{ids[1]}"/></m:ItemIds></m:MoveItem>').codes == \
        ["ErrorInvalidIdMalformed"]


def test_convert_id(sim, alice):
    item, _ = alice.create()

    def convert(source, to, value):
        answer = alice.call(f'<m:ConvertId DestinationFormat="{to}"><m:SourceIds><t:AlternateId '
                            f'Format="{source}" Id="{value}" Mailbox="{alice.impersonate}"/>'
                            "</m:SourceIds></m:ConvertId>")
        assert answer.codes == ["NoError"], answer.text
        return answer.all("m:AlternateId")[0].get("Id")

    hexadecimal = convert("EwsId", "HexEntryId", item)
    entry_id = alice.get(item, shape="IdOnly", additional='<t:ExtendedFieldURI PropertyTag="0xfff" '
                         'PropertyType="Binary"/>').text_of("t:ExtendedProperty/t:Value")
    assert bytes.fromhex(hexadecimal) == base64.b64decode(entry_id)
    assert convert("HexEntryId", "EwsId", hexadecimal) == item
    assert convert("EntryId", "EwsId", convert("EwsId", "EntryId", item)) == item


# Sync ----------------------------------------------------------------------------------------


def test_sync_newest_first_in_pages(alice):
    made = [alice.create()[0] for _ in range(5)]
    page = alice.sync(most=2)
    assert changes(page) == [("Create", made[4]), ("Create", made[3])]
    assert page.text_of("m:IncludesLastItemInRange") == "false"
    page = alice.sync(page.text_of("m:SyncState"), most=2)
    assert changes(page) == [("Create", made[2]), ("Create", made[1])]
    page = alice.sync(page.text_of("m:SyncState"), most=2)
    assert changes(page) == [("Create", made[0])]
    assert page.text_of("m:IncludesLastItemInRange") == "true"
    state = page.text_of("m:SyncState")
    page = alice.sync(state)
    assert changes(page) == []
    assert page.text_of("m:SyncState") == state


def test_sync_while_the_folder_changes(sim, alice):
    given = set_field("contacts:GivenName", "<t:GivenName>A</t:GivenName>")
    made = [alice.create() for _ in range(6)]
    first = alice.sync(most=2)  # reports 5 and 4
    new, _ = alice.create()
    alice.update(*made[5], given)  # known: an Update
    alice.update(*made[1], given)  # not yet known: still a Create, once
    alice.delete(made[4][0])       # known: a Delete
    alice.delete(made[0][0])       # never reported: nothing
    seen, state, last = [], first.text_of("m:SyncState"), "false"
    while last == "false":
        page = alice.sync(state, most=2)
        assert len(changes(page)) <= 2
        seen += changes(page)
        state, last = page.text_of("m:SyncState"), page.text_of("m:IncludesLastItemInRange")
    assert sorted(seen) == sorted([
        ("Create", new), ("Update", made[5][0]), ("Create", made[1][0]), ("Delete", made[4][0]),
        ("Create", made[3][0]), ("Create", made[2][0])])
    assert changes(alice.sync(state)) == []


def test_sync_states_that_are_not_ours(alice):
    alice.create()
    state = alice.sync().text_of("m:SyncState")
    drafts = '<t:DistinguishedFolderId Id="drafts"/>'
    for broken, folder in (("bm9uc2Vuc2U=", CONTACTS), ("?", CONTACTS), (state[:-4], CONTACTS),
                           (state, drafts)):
        assert alice.sync(broken, folder=folder).codes == ["ErrorInvalidSyncStateData"], broken
    far = base64.b64encode(base64.b64decode(state).replace(b"-1", b"-9")).decode()
    assert alice.sync(far).codes == ["ErrorInvalidSyncStateData"]
    assert alice.sync(state, folder='<t:FolderId Id="AAMk"/>').codes == ["ErrorInvalidIdMalformed"]


def test_sync_gives_what_lies_in_the_folder(alice):
    item, _ = alice.create(writable())
    page = alice.sync(additional=field("contacts:GivenName") + field("item:Categories")
                      + field("item:Body"))
    assert page.texts("t:Contact/t:GivenName") == ["given"]
    assert page.texts("t:Categories/t:String") == ["CRM", "VIP & more"]
    assert page.all("t:Body") == []  # for this there is GetItem
    ignored = alice.call(f"<m:SyncFolderItems><m:ItemShape>{ID_ONLY}</m:ItemShape><m:SyncFolderId>"
                         f'{CONTACTS}</m:SyncFolderId><m:Ignore><t:ItemId Id="{item}"/></m:Ignore>'
                         "<m:MaxChangesReturned>10</m:MaxChangesReturned></m:SyncFolderItems>")
    assert changes(ignored) == []


def test_read_flags_have_a_change_of_their_own(alice):
    answer = alice.call('<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId>'
                        '<t:DistinguishedFolderId Id="inbox"/></m:SavedItemFolderId><m:Items>'
                        "<t:Message><t:Subject>x</t:Subject></t:Message></m:Items></m:CreateItem>")
    item = answer.all("t:ItemId")[0]
    inbox = '<t:DistinguishedFolderId Id="inbox"/>'
    state = alice.sync(folder=inbox).text_of("m:SyncState")
    done = alice.call(
        '<m:UpdateItem ConflictResolution="AlwaysOverwrite" MessageDisposition="SaveOnly">'
        f'<m:ItemChanges><t:ItemChange><t:ItemId Id="{item.get("Id")}"/><t:Updates><t:SetItemField>'
        f"{field('message:IsRead')}<t:Message><t:IsRead>true</t:IsRead></t:Message>"
        "</t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>")
    assert done.codes == ["NoError"]
    page = alice.sync(state, folder=inbox)
    assert changes(page) == [("ReadFlagChange", item.get("Id"))]
    assert page.text_of("t:ReadFlagChange/t:IsRead") == "true"


# Finding -------------------------------------------------------------------------------------


def find(ews, restriction="", additional="", view="", order=""):
    paths = f"<t:AdditionalProperties>{additional}</t:AdditionalProperties>" if additional else ""
    return ews.call(f'<m:FindItem Traversal="Shallow"><m:ItemShape>{ID_ONLY}{paths}</m:ItemShape>'
                    f"{view}{restriction}{order}<m:ParentFolderIds>{CONTACTS}</m:ParentFolderIds>"
                    "</m:FindItem>")


def compare(operator, path, value):
    return (f"<t:{operator}>{path}<t:FieldURIOrConstant><t:Constant Value=\"{value}\"/>"
            f"</t:FieldURIOrConstant></t:{operator}>")


def test_restrictions(alice):
    people = {}
    for name, company, token in (("Anna", "Acme", "1"), ("Bert", "Acme", "2"), ("Cleo", None, "3")):
        inner = extended(TOKEN, token) + f"<t:DisplayName>{name}</t:DisplayName>"
        inner += f"<t:CompanyName>{company}</t:CompanyName>" if company else ""
        inner += ('<t:EmailAddresses><t:Entry Key="EmailAddress2">'
                  f"{name.lower()}@x.example</t:Entry></t:EmailAddresses>")
        people[alice.create(inner)[0]] = name
    name, company = field("contacts:DisplayName"), field("contacts:CompanyName")
    acme = compare("IsEqualTo", company, "acme")
    cases = {
        acme: "Anna Bert",
        compare("IsNotEqualTo", company, "Acme"): "Cleo",
        compare("IsGreaterThan", name, "Anna"): "Bert Cleo",
        compare("IsLessThanOrEqualTo", name, "Bert"): "Anna Bert",
        f"<t:Exists>{company}</t:Exists>": "Anna Bert",
        f"<t:Not><t:Exists>{company}</t:Exists></t:Not>": "Cleo",
        f"<t:And>{acme}{compare('IsEqualTo', name, 'Bert')}</t:And>": "Bert",
        f"<t:Or>{compare('IsEqualTo', name, 'Cleo')}{compare('IsEqualTo', name, 'Bert')}</t:Or>":
            "Bert Cleo",
        '<t:Contains ContainmentMode="Substring" ContainmentComparison="IgnoreCase">'
        f'{name}<t:Constant Value="E"/></t:Contains>': "Bert Cleo",
        f'<t:Contains ContainmentMode="Prefixed" ContainmentComparison="Exact">{name}'
        '<t:Constant Value="an"/></t:Contains>': "",
        compare("IsEqualTo", TOKEN, "2"): "Bert",
        compare("IsEqualTo", indexed("EmailAddress", "EmailAddress2"), "cleo@x.example"): "Cleo",
    }
    for restriction, expected in cases.items():
        answer = find(alice, f"<m:Restriction>{restriction}</m:Restriction>")
        assert answer.codes == ["NoError"], answer.text
        assert sorted(people[i] for i in answer.ids) == expected.split(), restriction


def test_pages_and_order(alice):
    for name in ("Bert", "anna", "Dora", "Cleo", "Emil"):
        alice.create(f"<t:DisplayName>{name}</t:DisplayName>")
    order = ('<m:SortOrder><t:FieldOrder Order="Descending">' + field("contacts:DisplayName")
             + "</t:FieldOrder></m:SortOrder>")
    seen, offset, last = [], 0, "false"
    while last == "false":
        answer = find(alice, order=order, additional=field("contacts:DisplayName"),
                      view=f'<m:IndexedPageItemView MaxEntriesReturned="2" Offset="{offset}" '
                      'BasePoint="Beginning"/>')
        root = answer.all("m:RootFolder")[0]
        assert root.get("TotalItemsInView") == "5"
        seen += answer.texts("t:Contact/t:DisplayName")
        offset, last = root.get("IndexedPagingOffset"), root.get("IncludesLastItemInRange")
    assert seen == ["Emil", "Dora", "Cleo", "Bert", "anna"]


def test_find_gives_less_than_get(alice):
    text = "ü" * 300
    alice.create(f'<t:Body BodyType="Text">b</t:Body><t:DisplayName>{text}</t:DisplayName>')
    answer = find(alice, additional=field("contacts:DisplayName"))
    assert answer.text_of("t:Contact/t:DisplayName") == "ü" * 255
    assert find(alice, additional=field("item:Body")).codes == ["ErrorInvalidPropertyForOperation"]


# Folders -------------------------------------------------------------------------------------


def test_folders(sim, alice):
    def make(parent, name, element="ContactsFolder"):
        return alice.call(f"<m:CreateFolder><m:ParentFolderId>{parent}</m:ParentFolderId>"
                          f"<m:Folders><t:{element}><t:DisplayName>{name}</t:DisplayName>"
                          f"</t:{element}></m:Folders></m:CreateFolder>")

    def folder_id(answer):
        return f'<t:FolderId Id="{answer.all("t:FolderId")[0].get("Id")}"/>'

    hierarchy = (f"<m:SyncFolderHierarchy><m:FolderShape><t:BaseShape>AllProperties</t:BaseShape>"
                 "</m:FolderShape>%s</m:SyncFolderHierarchy>")
    start = alice.call(hierarchy % "")
    kinds = {element.tag.split("}")[1] for element in start.all("t:Create/*")}
    assert kinds == {"Folder", "CalendarFolder", "ContactsFolder", "TasksFolder"}
    assert "Contacts" in start.texts("t:ContactsFolder/t:DisplayName")

    one = make(CONTACTS, "One")
    two = make(CONTACTS, "Two")
    assert one.codes == two.codes == ["NoError"]
    assert make(CONTACTS, "one").codes == ["ErrorFolderExists"]
    alice.create(folder=folder_id(one))
    state = f"<m:SyncState>{start.text_of('m:SyncState')}</m:SyncState>"
    assert alice.call(hierarchy % state).texts("t:Create/t:ContactsFolder/t:DisplayName") == \
        ["One", "Two"]
    renamed = alice.call(
        f"<m:UpdateFolder><m:FolderChanges><t:FolderChange>{folder_id(one)}<t:Updates>"
        f"<t:SetFolderField>{field('folder:DisplayName')}<t:ContactsFolder><t:DisplayName>Uno"
        "</t:DisplayName></t:ContactsFolder></t:SetFolderField></t:Updates></t:FolderChange>"
        "</m:FolderChanges></m:UpdateFolder>")
    assert renamed.codes == ["NoError"]
    moved = alice.call(f"<m:MoveFolder><m:ToFolderId>{folder_id(two)}</m:ToFolderId><m:FolderIds>"
                       f"{folder_id(one)}</m:FolderIds></m:MoveFolder>")
    assert folder_id(moved) == folder_id(one)  # a folder keeps its id
    state = f"<m:SyncState>{alice.call(hierarchy % state).text_of('m:SyncState')}</m:SyncState>"
    for traversal, names in (("Shallow", ["Two"]), ("Deep", ["Two", "Uno"])):
        found = alice.call(f'<m:FindFolder Traversal="{traversal}"><m:FolderShape><t:BaseShape>'
                           "Default</t:BaseShape></m:FolderShape><m:IndexedPageFolderView "
                           'MaxEntriesReturned="10" Offset="0" BasePoint="Beginning"/>'
                           f"<m:ParentFolderIds>{CONTACTS}</m:ParentFolderIds></m:FindFolder>")
        assert found.texts("t:ContactsFolder/t:DisplayName") == names
    into_itself = alice.call(f"<m:MoveFolder><m:ToFolderId>{folder_id(one)}</m:ToFolderId>"
                             f"<m:FolderIds>{folder_id(two)}</m:FolderIds></m:MoveFolder>")
    assert into_itself.codes == ["ErrorMoveCopyFailed"]
    for folder, code in ((CONTACTS, "ErrorDeleteDistinguishedFolder"), (folder_id(two), "NoError")):
        gone = alice.call('<m:DeleteFolder DeleteType="HardDelete"><m:FolderIds>'
                          f"{folder}</m:FolderIds></m:DeleteFolder>")
        assert gone.codes == [code]
    deleted = alice.call(hierarchy % state).all("t:Delete/t:FolderId")
    assert {element.get("Id") for element in deleted} == \
        {answer.all("t:FolderId")[0].get("Id") for answer in (one, two)}
    assert item_count(sim) == 0


# User configurations -------------------------------------------------------------------------


def test_category_list(alice):
    name = ('<%s:UserConfigurationName Name="CategoryList"><t:DistinguishedFolderId Id="calendar"/>'
            "</%s:UserConfigurationName>")
    get = (f"<m:GetUserConfiguration>{name % ('m', 'm')}<m:UserConfigurationProperties>XmlData"
           "</m:UserConfigurationProperties></m:GetUserConfiguration>")
    before = base64.b64decode(alice.call(get).text_of("t:XmlData")).decode()
    assert 'name="Red Category"' in before
    after = before.replace("</categories>", '<category name="CRM" color="3"/></categories>')
    done = alice.call(f"<m:UpdateUserConfiguration><m:UserConfiguration>{name % ('t', 't')}"
                      f"<t:XmlData>{base64.b64encode(after.encode()).decode()}</t:XmlData>"
                      "</m:UserConfiguration></m:UpdateUserConfiguration>")
    assert done.codes == ["NoError"]
    assert base64.b64decode(alice.call(get).text_of("t:XmlData")).decode() == after
    missing = alice.call(get.replace("CategoryList", "Nothing"))
    assert missing.codes == ["ErrorItemNotFound"]


OTHER_CONFIGURATION = ('<%s:UserConfigurationName Name="Tandem.Test"><t:DistinguishedFolderId '
                       'Id="inbox"/></%s:UserConfigurationName>')


def test_user_configurations_are_made_and_deleted(alice):
    in_m, in_t = OTHER_CONFIGURATION % ("m", "m"), OTHER_CONFIGURATION % ("t", "t")
    entry = ("<t:DictionaryEntry><t:DictionaryKey><t:Type>String</t:Type><t:Value>k</t:Value>"
             "</t:DictionaryKey><t:DictionaryValue><t:Type>String</t:Type><t:Value>v &lt; w</t:Value>"
             "</t:DictionaryValue></t:DictionaryEntry>")
    create = (f"<m:CreateUserConfiguration><m:UserConfiguration>{in_t}<t:Dictionary>{entry}"
              "</t:Dictionary></m:UserConfiguration></m:CreateUserConfiguration>")
    delete = f"<m:DeleteUserConfiguration>{in_m}</m:DeleteUserConfiguration>"
    get = (f"<m:GetUserConfiguration>{in_m}<m:UserConfigurationProperties>Id Dictionary"
           "</m:UserConfigurationProperties></m:GetUserConfiguration>")
    assert alice.call(create).codes == ["NoError"]
    assert alice.call(create).codes == ["ErrorItemSave"]
    read = alice.call(get)
    assert read.texts("t:DictionaryValue/t:Value") == ["v < w"]
    assert len(read.ids) == 1
    assert alice.call(delete).codes == ["NoError"]
    assert alice.call(get).codes == alice.call(delete).codes == ["ErrorItemNotFound"]


# Every operation -----------------------------------------------------------------------------


def operations(item, key, folder):
    """A good request of each operation."""
    shape, ids = f"<m:ItemShape>{ID_ONLY}</m:ItemShape>", f'<t:ItemId Id="{item}"/>'
    folder_shape = f"<m:FolderShape>{ID_ONLY}</m:FolderShape>"
    configuration = OTHER_CONFIGURATION % ("m", "m")
    put = OTHER_CONFIGURATION % ("t", "t") + "<t:XmlData>QUJD</t:XmlData>"
    return {
        "ConvertId": '<m:ConvertId DestinationFormat="EntryId"><m:SourceIds><t:AlternateId '
                     f'Format="EwsId" Id="{item}" Mailbox="alice.moreau@corp.example"/>'
                     "</m:SourceIds></m:ConvertId>",
        "GetFolder": f"<m:GetFolder>{folder_shape}<m:FolderIds>{folder}</m:FolderIds></m:GetFolder>",
        "FindFolder": f'<m:FindFolder Traversal="Deep">{folder_shape}<m:ParentFolderIds>{folder}'
                      "</m:ParentFolderIds></m:FindFolder>",
        "CreateFolder": f"<m:CreateFolder><m:ParentFolderId>{folder}</m:ParentFolderId><m:Folders>"
                        "<t:ContactsFolder><t:DisplayName>New</t:DisplayName></t:ContactsFolder>"
                        "</m:Folders></m:CreateFolder>",
        "UpdateFolder": f"<m:UpdateFolder><m:FolderChanges><t:FolderChange>{folder}<t:Updates>"
                        f"<t:SetFolderField>{field('folder:DisplayName')}<t:ContactsFolder>"
                        "<t:DisplayName>Uno</t:DisplayName></t:ContactsFolder></t:SetFolderField>"
                        "</t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>",
        "MoveFolder": '<m:MoveFolder><m:ToFolderId><t:DistinguishedFolderId Id="msgfolderroot"/>'
                      f"</m:ToFolderId><m:FolderIds>{folder}</m:FolderIds></m:MoveFolder>",
        "SyncFolderHierarchy": f"<m:SyncFolderHierarchy>{folder_shape}</m:SyncFolderHierarchy>",
        "SyncFolderItems": f"<m:SyncFolderItems>{shape}<m:SyncFolderId>{folder}</m:SyncFolderId>"
                           "<m:MaxChangesReturned>9</m:MaxChangesReturned></m:SyncFolderItems>",
        "GetItem": f"<m:GetItem>{shape}<m:ItemIds>{ids}</m:ItemIds></m:GetItem>",
        "FindItem": f'<m:FindItem Traversal="Shallow">{shape}<m:ParentFolderIds>{folder}'
                    "</m:ParentFolderIds></m:FindItem>",
        "CreateItem": f"<m:CreateItem><m:Items><t:Contact>{NAME}</t:Contact></m:Items>"
                      "</m:CreateItem>",
        "UpdateItem": '<m:UpdateItem ConflictResolution="AlwaysOverwrite"><m:ItemChanges>'
                      f"<t:ItemChange>{ids}<t:Updates>{delete_field('contacts:Nickname')}"
                      "</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>",
        "SendItem": '<m:SendItem SaveItemToFolder="true"><m:ItemIds>'
                    f'<t:ItemId Id="{item}" ChangeKey="{key}"/></m:ItemIds></m:SendItem>',
        "CreateAttachment": attach(item, b"photo"),
        "GetAttachment": "<m:GetAttachment><m:AttachmentIds>%s</m:AttachmentIds>"
                         "</m:GetAttachment>",
        "DeleteAttachment": "<m:DeleteAttachment><m:AttachmentIds>%s</m:AttachmentIds>"
                            "</m:DeleteAttachment>",
        "CopyItem": f"<m:CopyItem><m:ToFolderId>{folder}</m:ToFolderId><m:ItemIds>{ids}</m:ItemIds>"
                    "</m:CopyItem>",
        "ResolveNames": '<m:ResolveNames ReturnFullContactData="true"><m:UnresolvedEntry>Alice'
                        "</m:UnresolvedEntry></m:ResolveNames>",
        "CreateUserConfiguration": f"<m:CreateUserConfiguration><m:UserConfiguration>{put}"
                                   "</m:UserConfiguration></m:CreateUserConfiguration>",
        "GetUserConfiguration": f"<m:GetUserConfiguration>{configuration}"
                                "<m:UserConfigurationProperties>All</m:UserConfigurationProperties>"
                                "</m:GetUserConfiguration>",
        "UpdateUserConfiguration": f"<m:UpdateUserConfiguration><m:UserConfiguration>{put}"
                                   "</m:UserConfiguration></m:UpdateUserConfiguration>",
        "DeleteUserConfiguration": f"<m:DeleteUserConfiguration>{configuration}"
                                   "</m:DeleteUserConfiguration>",
        "GetServerTimeZones": '<m:GetServerTimeZones ReturnFullTimeZoneData="true"/>',
        "MoveItem": f"<m:MoveItem><m:ToFolderId>{folder}</m:ToFolderId><m:ItemIds>{ids}</m:ItemIds>"
                    "</m:MoveItem>",
        "DeleteItem": f'<m:DeleteItem DeleteType="HardDelete"><m:ItemIds>{ids}</m:ItemIds>'
                      "</m:DeleteItem>",
        "EmptyFolder": '<m:EmptyFolder DeleteType="SoftDelete" DeleteSubFolders="true">'
                       f"<m:FolderIds>{folder}</m:FolderIds></m:EmptyFolder>",
        "DeleteFolder": '<m:DeleteFolder DeleteType="MoveToDeletedItems"><m:FolderIds>'
                        f"{folder}</m:FolderIds></m:DeleteFolder>",
    }


def test_every_operation_succeeds_and_fails_by_the_schema(sim, alice):
    """With the schema at hand, the simulator's end fails the test when an answer fell short."""
    made = alice.call(f"<m:CreateFolder><m:ParentFolderId>{CONTACTS}</m:ParentFolderId><m:Folders>"
                      "<t:ContactsFolder><t:DisplayName>One</t:DisplayName></t:ContactsFolder>"
                      "</m:Folders></m:CreateFolder>")
    folder = f'<t:FolderId Id="{made.all("t:FolderId")[0].get("Id")}"/>'
    item, key = alice.create()
    attachment = ""
    for name, request in operations(item, key, folder).items():
        request = request.replace("%s", attachment)
        sim.fault(name, "ews", code="ErrorServerBusy", shape="message", backoff_ms=10)
        busy = alice.call(request)
        assert busy.codes == ["ErrorServerBusy"], name
        assert busy.text_of("m:MessageXml/t:Value") == "10", name
        if name == "SendItem":
            assert alice.call(request).codes == ["ErrorInvalidItemForOperationSendItem"]
        elif name == "DeleteItem":  # MoveItem gave it a new id
            assert alice.call(request).codes == ["ErrorItemNotFound"]
        else:
            answer = alice.call(request)
            assert answer.codes == ["NoError"], name
            if name == "CreateAttachment":
                attachment = attachment_id(answer)
    counted = sim.counters()["operations"]
    assert set(operations("", "", "")) <= set(counted)
    paths = [folder["path"] for folder in
             sim.state("exchange")["exchange"]["mailboxes"][alice.impersonate]["folders"]]
    assert "Deleted Items/Uno" in paths and "Uno" not in paths


# Faults and manners --------------------------------------------------------------------------


def test_server_busy_in_three_shapes(sim, alice):
    sim.fault("GetItem", "ews", code="ErrorServerBusy", shape="fault", backoff_ms=1500)
    sim.fault("GetItem", "ews", code="ErrorServerBusy", shape="message", backoff_ms=2500, index=1)
    sim.fault("GetItem", "status", status=503)
    item, _ = alice.create()
    shapes = [alice.get(item, item) for _ in range(3)]
    by_status = {answer.status: answer for answer in shapes}
    assert sorted(by_status) == [200, 500, 503]
    assert by_status[500].fault == "ErrorServerBusy"
    value = by_status[500].all("t:MessageXml/t:Value")[0]
    assert (value.get("Name"), value.text) == ("BackOffMilliseconds", "1500")
    assert by_status[200].codes == ["NoError", "ErrorServerBusy"]
    assert by_status[200].text_of("m:MessageXml/t:Value") == "2500"
    assert alice.get(item, item).codes == ["NoError", "NoError"]


def test_a_fault_keeps_the_change_from_happening(sim, alice):
    sim.fault("CreateItem", "ews", code="ErrorInternalServerError", shape="message")
    answer = alice.call(f"<m:CreateItem><m:Items><t:Contact>{NAME}</t:Contact></m:Items>"
                        "</m:CreateItem>")
    assert answer.codes == ["ErrorInternalServerError"]
    assert item_count(sim) == 0


def test_untidy_answers(sim, alice):
    ids = [alice.create()[0] for _ in range(3)]
    sim.call("POST", "/sim/ews/untidy", {"on": True})
    sim.clock(freeze=True)
    answer = alice.get(*ids)
    assert answer.headers["Content-Type"] == "text/xml"
    assert all("." in date for date in answer.texts("t:Contact/t:LastModifiedTime"))


def test_mail_is_logged(sim, alice):
    alice.call('<m:CreateItem MessageDisposition="SaveOnly"><m:Items><t:Message><t:Subject>x'
               "</t:Subject></t:Message></m:Items></m:CreateItem>")
    assert sim.state()["mail"] == []
    alice.call('<m:CreateItem SendMeetingInvitations="SendToAllAndSaveCopy"><m:Items>'
               "<t:CalendarItem><t:Subject>x</t:Subject><t:RequiredAttendees><t:Attendee><t:Mailbox>"
               "<t:EmailAddress>eve@x.example</t:EmailAddress></t:Mailbox></t:Attendee>"
               "</t:RequiredAttendees></t:CalendarItem></m:Items></m:CreateItem>")
    (mail,) = sim.state()["mail"]
    assert (mail["server"], mail["to"]) == ("exchange", "eve@x.example")


def test_autodiscover(sim):
    alice = sim.mailbox("alice")
    ews = RawEws(sim, user=alice["address"], password=alice["password"])
    sim.clients["ews_url"] = sim.url + "/Autodiscover/Autodiscover.xml"
    request = ('<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/'
               'requestschema/2006"><Request><EMailAddress>%s</EMailAddress>'
               "<AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/"
               "outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>")
    answer = ews.post(request % alice["address"])
    outlook = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}"
    assert {e.text for e in answer.root.iter(outlook + "EwsUrl")} == \
        {sim.url + "/EWS/Exchange.asmx"}
    assert "<ErrorCode>500</ErrorCode>" in ews.post(request % "nobody@corp.example").text
