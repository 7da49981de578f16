"""Requests to the simulated Exchange, written by hand: contacts, their properties and attachments."""
import base64

import pytest
from ews_raw import (
    CONTACTS,
    NAME,
    PHONES,
    TOKEN,
    attach,
    attachment_id,
    contact,
    delete_field,
    extended,
    field,
    indexed,
    set_field,
    writable,
)

# Items ---------------------------------------------------------------------------------------

def test_every_property_that_a_client_can_write(sim, raw):
    item, _ = raw.create(writable())
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


def test_all_properties_leaves_out_what_must_be_asked_for_by_name(raw):
    item, _ = raw.create(writable())
    left_out = ("FileAs", "EmailAddresses", "PhysicalAddresses", "ImAddresses", "Categories")
    answer = raw.get(item)
    for name in left_out:
        assert answer.all("t:Contact/t:" + name) == []
    assert answer.texts("t:Contact/t:GivenName") == ["given"]
    assert answer.text_of("t:Contact/t:Body") == "one\r\ntwo"
    asked = raw.get(item, shape="IdOnly", additional="".join(
        field(("item:" if name == "Categories" else "contacts:") + name) for name in left_out))
    for name in left_out:
        assert len(asked.all("t:Contact/t:" + name)) == 1
    entry = asked.all("t:EmailAddresses/t:Entry")[1]
    assert (entry.get("Key"), entry.get("Name"), entry.text) == \
        ("EmailAddress2", "Two", "two@x.example")
    part = raw.get(item, shape="IdOnly", additional=(
        '<t:IndexedFieldURI FieldURI="contacts:PhysicalAddress:City" FieldIndex="Business"/>'
        '<t:IndexedFieldURI FieldURI="contacts:EmailAddress" FieldIndex="EmailAddress3"/>'))
    assert part.texts("t:PhysicalAddresses/t:Entry/t:*") == ["b2"]
    assert part.texts("t:EmailAddresses/t:Entry") == ["three@x.example"]


def test_what_the_server_makes(sim, raw):
    item, _ = raw.create("<t:FileAsMapping>LastCommaFirst</t:FileAsMapping>"
                         "<t:GivenName>Anna</t:GivenName><t:MiddleName>B.</t:MiddleName>"
                         "<t:Surname>Curie</t:Surname>")
    answer = raw.get(item, additional=field("contacts:FileAs"))
    assert answer.text_of("t:Contact/t:DisplayName") == "Anna B. Curie"
    assert answer.text_of("t:Contact/t:FileAs") == "Curie, Anna B."
    assert answer.text_of("t:Contact/t:Subject") == "Anna B. Curie"
    assert answer.text_of("t:Contact/t:HasPicture") == "false"
    assert answer.text_of("t:CompleteName/t:LastName") == "Curie"
    assert answer.all("t:CompleteName/t:Title") == []
    prefix = '<t:ExtendedFieldURI PropertyTag="0x3A45" PropertyType="String"/>'
    key = answer.all("t:ItemId")[0].get("ChangeKey")
    done = raw.update(item, key, f"<t:SetItemField>{prefix}<t:Contact><t:ExtendedProperty>{prefix}"
                      "<t:Value>Dr.</t:Value></t:ExtendedProperty></t:Contact></t:SetItemField>"
                      + set_field("contacts:GivenName", "<t:GivenName>Eve</t:GivenName>"))
    assert done.codes == ["NoError"]
    again = raw.get(item, additional=field("contacts:FileAs"))
    assert again.text_of("t:CompleteName/t:Title") == "Dr."
    assert again.text_of("t:Contact/t:FileAs") == "Curie, Eve B."
    assert again.text_of("t:Contact/t:DisplayName") == "Anna B. Curie"


def test_read_only_properties(raw):
    answer = raw.call("<m:CreateItem><m:Items><t:Contact><t:CompleteName><t:Title>Dr.</t:Title>"
                      "</t:CompleteName></t:Contact></m:Items></m:CreateItem>")
    assert answer.codes == ["ErrorInvalidPropertySet"]
    item, key = raw.create()
    answer = raw.update(item, key, set_field("contacts:HasPicture",
                                             "<t:HasPicture>true</t:HasPicture>"))
    assert answer.codes == ["ErrorInvalidPropertySet"]
    assert raw.update(item, key, delete_field("item:DateTimeCreated")).codes == \
        ["ErrorInvalidPropertyDelete"]


def test_update_set_delete_append(sim, raw):
    item, key = raw.create(writable())
    done = raw.update(item, key, (
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
def test_an_update_with_a_mistake_changes_nothing(sim, raw, code):
    item, key = raw.create()
    good = set_field("contacts:JobTitle", "<t:JobTitle>boss</t:JobTitle>")
    assert raw.update(item, key, good + MISTAKES[code]).codes == [code]
    held = contact(sim, item)
    assert held["properties"] == {"DisplayName": "Anna"}
    assert held["change_key"] == key


def test_change_keys(sim, raw):
    item, old = raw.create()
    given = set_field("contacts:GivenName", "<t:GivenName>A</t:GivenName>")
    surname = set_field("contacts:Surname", "<t:Surname>B</t:Surname>")
    assert raw.update(item, old, given).codes == ["NoError"]
    assert raw.update(item, None, surname).codes == ["ErrorChangeKeyRequiredForWriteOperations"]
    assert raw.update(item, "AAAA", surname).codes == ["ErrorInvalidChangeKey"]
    assert raw.update(item, old, surname).codes == ["ErrorIrresolvableConflict"]
    # AutoResolve: only what was written since is a conflict.
    assert raw.update(item, old, given, "AutoResolve").codes == ["ErrorIrresolvableConflict"]
    assert raw.update(item, old, surname, "AutoResolve").codes == ["NoError"]
    assert raw.update(item, old, given.replace(">A<", ">Z<"), "AlwaysOverwrite").codes == \
        ["NoError"]
    assert raw.update(item, None, surname.replace(">B<", ">Y<"), "AlwaysOverwrite").codes == \
        ["NoError"]
    held = contact(sim, item)["properties"]
    assert (held["GivenName"], held["Surname"]) == ("Z", "Y")


def test_per_item_errors_keep_the_order(raw):
    first, _ = raw.create()
    last, _ = raw.create()
    gone, _ = raw.create()
    assert raw.delete(gone).codes == ["NoError"]
    answer = raw.get(first, gone, "nonsense", last, "")
    assert answer.codes == ["NoError", "ErrorItemNotFound", "ErrorInvalidIdMalformed", "NoError",
                            "ErrorInvalidIdEmpty"]
    assert answer.ids == [first, last]
    assert raw.delete(gone).codes == ["ErrorItemNotFound"]


def test_ids_are_case_sensitive(sim, raw):
    ids = [raw.create()[0] for _ in range(10)]
    folded = {}
    for item in ids:
        folded.setdefault(item.lower(), []).append(item)
    twins = [pair for pair in folded.values() if len(pair) > 1]
    assert twins, "no two ids differ in case only"
    assert len(set(ids)) == 10
    assert {len(item) for item in ids} == {152}
    assert raw.delete(twins[0][0]).codes == ["NoError"]
    assert raw.get(*twins[0]).codes[:2] == ["ErrorItemNotFound", "NoError"]


def test_delete_types(sim, raw):
    for how, where in (("HardDelete", None), ("SoftDelete", "Recoverable Items/Deletions"),
                       ("MoveToDeletedItems", "Deleted Items")):
        item, _ = raw.create(f"<t:DisplayName>{how}</t:DisplayName>")
        assert raw.delete(item, how).codes == ["NoError"]
        box = sim.state("exchange")["exchange"]["mailboxes"][raw.impersonate]
        found = [(folder["path"], entry["id"]) for folder in box["folders"]
                 for entry in folder["items"] if entry["properties"]["DisplayName"] == how]
        assert [path for path, _ in found] == ([where] if where else [])
        assert item not in [entry for _, entry in found]


def test_contacts_stay_among_contacts(raw):
    answer = raw.call('<m:CreateItem><m:SavedItemFolderId><t:DistinguishedFolderId Id="inbox"/>'
                      f"</m:SavedItemFolderId><m:Items><t:Contact>{NAME}</t:Contact></m:Items>"
                      "</m:CreateItem>")
    assert answer.codes == ["ErrorCannotCreateContactInNonContactFolder"]
    message = raw.call("<m:CreateItem><m:Items><t:Message><t:Subject>x</t:Subject></t:Message>"
                       "</m:Items></m:CreateItem>")
    assert message.codes == ["ErrorMessageDispositionRequired"]
    meeting = raw.call("<m:CreateItem><m:Items><t:CalendarItem><t:Subject>x</t:Subject>"
                       "</t:CalendarItem></m:Items></m:CreateItem>")
    assert meeting.codes == ["ErrorSendMeetingInvitationsRequired"]


def test_distribution_list(sim, raw):
    answer = raw.call(
        "<m:CreateItem><m:Items><t:DistributionList><t:DisplayName>Friends</t:DisplayName>"
        '<t:Members><t:Member Key="k"><t:Mailbox><t:Name>Bob</t:Name><t:EmailAddress>b@x.example'
        "</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType></t:Mailbox></t:Member></t:Members>"
        "</t:DistributionList></m:Items></m:CreateItem>")
    assert answer.codes == ["NoError"]
    read = raw.get(answer.ids[0], additional=field("distributionlist:Members"))
    assert read.text_of("t:DistributionList/t:DisplayName") == "Friends"
    assert read.text_of("t:ItemClass") == "IPM.DistList"
    assert read.texts("t:Member/t:Mailbox/t:EmailAddress") == ["b@x.example"]


# Attachments ---------------------------------------------------------------------------------

def test_an_attachment_names_its_item(raw):
    item, key = raw.create()
    made = raw.call(attach(item, b"photo"))
    (root,) = made.all("t:AttachmentId")
    assert root.get("RootItemId") == item and root.get("RootItemChangeKey") != key
    read = raw.get(item, shape="IdOnly", additional=field("item:Attachments"))
    assert read.all("t:ItemId")[0].get("ChangeKey") == root.get("RootItemChangeKey")
    assert read.texts("t:FileAttachment/t:Size") == ["5"]
    assert not read.all("t:Content") and not read.texts("t:ContentType")
    read = raw.call(f"<m:GetAttachment><m:AttachmentIds>{attachment_id(made)}"
                    "</m:AttachmentIds></m:GetAttachment>")
    assert read.texts("t:Content") == [base64.b64encode(b"photo").decode()]
    gone = raw.call(f"<m:DeleteAttachment><m:AttachmentIds>{attachment_id(made)}"
                    f"{attachment_id(made)}</m:AttachmentIds></m:DeleteAttachment>")
    assert gone.codes == ["NoError", "ErrorInvalidAttachmentId"]
    (left,) = gone.all("m:RootItemId")
    assert left.get("RootItemId") == item
    assert left.get("RootItemChangeKey") == raw.get(item).all("t:ItemId")[0].get("ChangeKey")


def test_attachments_are_read_only_properties(raw):
    item, key = raw.create()
    answer = raw.update(item, key, set_field(
        "item:Attachments", "<t:Attachments><t:FileAttachment><t:Name>x</t:Name>"
        "</t:FileAttachment></t:Attachments>"))
    assert answer.codes == ["ErrorInvalidPropertySet"]


@pytest.mark.parametrize("wrong, code", [
    ('<t:AttachmentId Id=""/>', "ErrorInvalidIdEmpty"),
    ('<t:AttachmentId Id="AAMk"/>', "ErrorInvalidIdMalformed"),
    ('<t:AttachmentId Id="ITEM"/>', "ErrorInvalidIdMalformed"),
])
def test_ids_that_are_of_no_attachment(raw, wrong, code):
    item, _ = raw.create()
    wrong = wrong.replace("ITEM", item)
    for operation in ("GetAttachment", "DeleteAttachment"):
        answer = raw.call(f"<m:{operation}><m:AttachmentIds>{wrong}</m:AttachmentIds>"
                          f"</m:{operation}>")
        assert answer.codes == [code]


def test_what_cannot_be_attached(sim, raw):
    item, _ = raw.create()
    sim.call("POST", "/sim/ews/limit", {"item_bytes": 1200})
    inner = "<t:ItemAttachment><t:Name>x</t:Name><t:Contact/></t:ItemAttachment>"
    answer = raw.call(attach(item, bytes(900), inner))
    assert answer.codes == ["NoError", "ErrorInvalidItemForOperationCreateItemAttachment"]
    assert raw.call(attach(item, bytes(900))).codes == ["ErrorMessageSizeExceeded"]
    assert raw.call(attach(item, b"")).codes == ["NoError"]
    wrong = raw.call(attach(item, b"abc").replace("YWJj", "a!"), malformed=True)
    assert wrong.fault == "ErrorSchemaValidation" and "Content" in wrong.text_of("t:Violation")
    root = raw.call("<m:GetAttachment><m:AttachmentIds><t:AttachmentId Id='x' RootItemId='y'/>"
                    "</m:AttachmentIds></m:GetAttachment>", malformed=True)
    assert root.fault == "ErrorSchemaValidation"


# Extended properties -------------------------------------------------------------------------

SAME_BY_GUID = ('<t:ExtendedFieldURI PropertySetId="00020329-0000-0000-C000-000000000046" '
                'PropertyName="tandem-token" PropertyType="String"/>')
SEARCH_KEY = '<t:ExtendedFieldURI PropertyTag="0x300B" PropertyType="Binary"/>'


def test_extended_properties(sim, raw):
    numbers = ('<t:ExtendedFieldURI DistinguishedPropertySetId="Address" PropertyId="32900" '
               'PropertyType="IntegerArray"/>')
    keywords = ('<t:ExtendedFieldURI DistinguishedPropertySetId="PublicStrings" '
                'PropertyName="Keywords" PropertyType="StringArray"/>')
    given = '<t:ExtendedFieldURI PropertyTag="0x3A06" PropertyType="String"/>'
    item, key = raw.create(extended(TOKEN, "t-1") + extended(numbers, 1, 2, 3)
                           + extended(keywords, "CRM") + NAME)
    assert contact(sim, item)["extended"] == {"PublicStrings/tandem-token": "t-1",
                                              "Address/0x8084": ["1", "2", "3"]}
    assert contact(sim, item)["properties"]["Categories"] == ["CRM"]
    read = raw.get(item, shape="IdOnly", additional=SAME_BY_GUID + numbers + SEARCH_KEY + given)
    properties = read.all("t:ExtendedProperty")
    assert len(properties) == 3  # there is no given name
    assert read.texts("t:ExtendedProperty/t:Value")[0] == "t-1"
    assert read.texts("t:Values/t:Value") == ["1", "2", "3"]
    search_key = base64.b64decode(read.texts("t:ExtendedProperty/t:Value")[1])
    assert len(search_key) == 16
    assert base64.b64decode(contact(sim, item)["search_key"]) == search_key
    done = raw.update(item, key, f"<t:DeleteItemField>{TOKEN}</t:DeleteItemField><t:SetItemField>"
                      f"{given}<t:Contact>{extended(given, 'Eve')}</t:Contact></t:SetItemField>")
    assert done.codes == ["NoError"]
    held = contact(sim, item)
    assert "PublicStrings/tandem-token" not in held["extended"]
    assert held["properties"]["GivenName"] == "Eve"


def test_move_and_copy_keep_key_and_names(sim, raw):
    item, _ = raw.create(extended(TOKEN, "t-1") + NAME)
    before = contact(sim, item)
    made = raw.call(f"<m:CreateFolder><m:ParentFolderId>{CONTACTS}</m:ParentFolderId><m:Folders>"
                    "<t:ContactsFolder><t:DisplayName>Other</t:DisplayName></t:ContactsFolder>"
                    "</m:Folders></m:CreateFolder>")
    folder = made.all("t:FolderId")[0].get("Id")
    ids = [item]
    for op in ("CopyItem", "MoveItem"):
        answer = raw.call(f'<m:{op}><m:ToFolderId><t:FolderId Id="{folder}"/></m:ToFolderId>'
                          f'<m:ItemIds><t:ItemId Id="{item}"/></m:ItemIds></m:{op}>')
        assert answer.codes == ["NoError"]
        ids.append(answer.ids[0])
    assert len(set(ids)) == 3
    assert raw.get(*ids).codes == ["ErrorItemNotFound", "NoError", "NoError"]
    for new in ids[1:]:
        after = contact(sim, new)
        assert after["search_key"] == before["search_key"]
        assert after["extended"] == before["extended"]
        assert after["properties"] == before["properties"]
    silent = raw.call(f'<m:MoveItem><m:ToFolderId>{CONTACTS}</m:ToFolderId><m:ItemIds><t:ItemId '
                      f'Id="{ids[2]}"/></m:ItemIds><m:ReturnNewItemIds>false</m:ReturnNewItemIds>'
                      "</m:MoveItem>")
    assert (silent.codes, silent.ids) == (["NoError"], [])
    assert raw.call('<m:MoveItem><m:ToFolderId><t:FolderId Id="AAMk"/></m:ToFolderId><m:ItemIds>'
                    f'<t:ItemId Id="{ids[1]}"/></m:ItemIds></m:MoveItem>').codes == \
        ["ErrorInvalidIdMalformed"]


def test_convert_id(sim, raw):
    item, _ = raw.create()

    def convert(source, to, value):
        answer = raw.call(f'<m:ConvertId DestinationFormat="{to}"><m:SourceIds><t:AlternateId '
                          f'Format="{source}" Id="{value}" Mailbox="{raw.impersonate}"/>'
                          "</m:SourceIds></m:ConvertId>")
        assert answer.codes == ["NoError"], answer.text
        return answer.all("m:AlternateId")[0].get("Id")

    hexadecimal = convert("EwsId", "HexEntryId", item)
    entry_id = raw.get(item, shape="IdOnly", additional='<t:ExtendedFieldURI PropertyTag="0xfff" '
                       'PropertyType="Binary"/>').text_of("t:ExtendedProperty/t:Value")
    assert bytes.fromhex(hexadecimal) == base64.b64decode(entry_id)
    assert convert("HexEntryId", "EwsId", hexadecimal) == item
    assert convert("EntryId", "EwsId", convert("EwsId", "EntryId", item)) == item
