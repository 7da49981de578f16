"""Requests to the simulated Exchange, written by hand: versions, and what the schema rejects; every
operation once as it should be."""
import pytest
from ews_raw import (
    CONTACTS,
    ID_ONLY,
    NAME,
    OTHER_CONFIGURATION,
    RawEws,
    attach,
    attachment_id,
    delete_field,
    field,
    get_contacts,
    item_count,
)

# Versions and the schema ---------------------------------------------------------------------

def test_versions(sim, raw):
    version = get_contacts(raw).all("t:ServerVersionInfo")[0]
    assert (version.get("MajorVersion"), version.get("MinorVersion")) == ("15", "1")
    for known in ("Exchange2007_SP1", "Exchange2010_SP2", "Exchange2013_SP1", "Exchange2016"):
        raw.version = known
        assert get_contacts(raw).codes == ["NoError"]
    raw.version = "Exchange2019"
    assert get_contacts(raw).fault == "ErrorInvalidServerVersion"


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
    raw = RawEws(sim, impersonate="alice")
    for what, payload in BROKEN.items():
        answer = raw.call(payload, malformed=True)
        assert (answer.status, answer.fault) == (500, "ErrorSchemaValidation"), what
        assert answer.text_of("t:Violation"), what
        assert answer.text_of("t:LineNumber") == "1", what
    assert item_count(sim) == 0


def test_what_is_no_request(raw):
    for body in ("<not xml", '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "<x/>"):
        assert raw.post(body, malformed=True).fault == "ErrorInvalidRequest"
    other = raw.post("<x/>", content_type="application/soap+xml", malformed=True)
    assert other.status == 415

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


def test_every_operation_succeeds_and_fails_by_the_schema(sim, raw):
    """With the schema at hand, the simulator's end fails the test when an answer fell short."""
    made = raw.call(f"<m:CreateFolder><m:ParentFolderId>{CONTACTS}</m:ParentFolderId><m:Folders>"
                    "<t:ContactsFolder><t:DisplayName>One</t:DisplayName></t:ContactsFolder>"
                    "</m:Folders></m:CreateFolder>")
    folder = f'<t:FolderId Id="{made.all("t:FolderId")[0].get("Id")}"/>'
    item, key = raw.create()
    attachment = ""
    for name, request in operations(item, key, folder).items():
        request = request.replace("%s", attachment)
        sim.fault(name, "ews", code="ErrorServerBusy", shape="message", backoff_ms=10)
        busy = raw.call(request)
        assert busy.codes == ["ErrorServerBusy"], name
        assert busy.text_of("m:MessageXml/t:Value") == "10", name
        if name == "SendItem":
            assert raw.call(request).codes == ["ErrorInvalidItemForOperationSendItem"]
        elif name == "DeleteItem":  # MoveItem gave it a new id
            assert raw.call(request).codes == ["ErrorItemNotFound"]
        else:
            answer = raw.call(request)
            assert answer.codes == ["NoError"], name
            if name == "CreateAttachment":
                attachment = attachment_id(answer)
    counted = sim.counters()["operations"]
    assert set(operations("", "", "")) <= set(counted)
    paths = [folder["path"] for folder in
             sim.state("exchange")["exchange"]["mailboxes"][raw.impersonate]["folders"]]
    assert "Deleted Items/Uno" in paths and "Uno" not in paths
