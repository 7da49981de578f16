"""Requests to the simulated Exchange, written by hand: what lies in folders, how it is synced and found,
and configurations."""
import base64

from ews_raw import (
    CONTACTS,
    ID_ONLY,
    OTHER_CONFIGURATION,
    TOKEN,
    changes,
    extended,
    field,
    indexed,
    item_count,
    set_field,
    writable,
)

# Sync ----------------------------------------------------------------------------------------

def test_sync_newest_first_in_pages(raw):
    made = [raw.create()[0] for _ in range(5)]
    page = raw.sync(most=2)
    assert changes(page) == [("Create", made[4]), ("Create", made[3])]
    assert page.text_of("m:IncludesLastItemInRange") == "false"
    page = raw.sync(page.text_of("m:SyncState"), most=2)
    assert changes(page) == [("Create", made[2]), ("Create", made[1])]
    page = raw.sync(page.text_of("m:SyncState"), most=2)
    assert changes(page) == [("Create", made[0])]
    assert page.text_of("m:IncludesLastItemInRange") == "true"
    state = page.text_of("m:SyncState")
    page = raw.sync(state)
    assert changes(page) == []
    assert page.text_of("m:SyncState") == state


def test_sync_while_the_folder_changes(sim, raw):
    given = set_field("contacts:GivenName", "<t:GivenName>A</t:GivenName>")
    made = [raw.create() for _ in range(6)]
    first = raw.sync(most=2)  # reports 5 and 4
    new, _ = raw.create()
    raw.update(*made[5], given)  # known: an Update
    raw.update(*made[1], given)  # not yet known: still a Create, once
    raw.delete(made[4][0])       # known: a Delete
    raw.delete(made[0][0])       # never reported: nothing
    seen, state, last = [], first.text_of("m:SyncState"), "false"
    while last == "false":
        page = raw.sync(state, most=2)
        assert len(changes(page)) <= 2
        seen += changes(page)
        state, last = page.text_of("m:SyncState"), page.text_of("m:IncludesLastItemInRange")
    assert sorted(seen) == sorted([
        ("Create", new), ("Update", made[5][0]), ("Create", made[1][0]), ("Delete", made[4][0]),
        ("Create", made[3][0]), ("Create", made[2][0])])
    assert changes(raw.sync(state)) == []


def test_sync_states_that_are_not_ours(raw):
    raw.create()
    state = raw.sync().text_of("m:SyncState")
    drafts = '<t:DistinguishedFolderId Id="drafts"/>'
    for broken, folder in (("bm9uc2Vuc2U=", CONTACTS), ("?", CONTACTS), (state[:-4], CONTACTS),
                           (state, drafts)):
        assert raw.sync(broken, folder=folder).codes == ["ErrorInvalidSyncStateData"], broken
    far = base64.b64encode(base64.b64decode(state).replace(b"-1", b"-9")).decode()
    assert raw.sync(far).codes == ["ErrorInvalidSyncStateData"]
    assert raw.sync(state, folder='<t:FolderId Id="AAMk"/>').codes == ["ErrorInvalidIdMalformed"]


def test_a_mailbox_is_restored(sim, raw):
    """As it was, under other ids; nothing is known of the states of before."""
    box = {"address": sim.mailbox("alice")["address"]}

    def folders():
        return sim.state("exchange")["exchange"]["mailboxes"][box["address"]]["folders"]

    def content():
        return [(folder["path"], [(item["search_key"], item["properties"].get("GivenName"))
                                  for item in folder["items"]]) for folder in folders()]

    item, key = raw.create()
    gone, _ = raw.create()
    before = content()
    sim.call("POST", "/sim/ews/snapshot", box)
    raw.update(item, key, set_field("contacts:GivenName", "<t:GivenName>A</t:GivenName>"))
    raw.delete(gone)
    since, _ = raw.create()
    assert content() != before
    former = {item, gone, since}
    for new_folders in False, True:
        state, numbers = raw.sync().text_of("m:SyncState"), [folder["id"] for folder in folders()]
        sim.call("POST", "/sim/ews/restore", {**box, "new_folders": new_folders})
        assert content() == before
        assert raw.sync(state).codes == ["ErrorInvalidSyncStateData"]
        for known in former:
            assert raw.get(known).codes == ["ErrorItemNotFound"]
        page = raw.sync()
        assert [what for what, _ in changes(page)] == ["Create"] * 2
        new = {number for _, number in changes(page)}
        assert not new & former
        former |= new
        same = [folder["id"] in numbers for folder in folders()]
        assert not any(same) if new_folders else all(same)
    state = page.text_of("m:SyncState")
    sim.call("POST", "/sim/ews/move", box)
    assert raw.sync(state).codes == ["ErrorInvalidSyncStateData"]
    assert changes(raw.sync()) == changes(page)


def test_sync_gives_what_lies_in_the_folder(raw):
    item, _ = raw.create(writable())
    page = raw.sync(additional=field("contacts:GivenName") + field("item:Categories")
                    + field("item:Body"))
    assert page.texts("t:Contact/t:GivenName") == ["given"]
    assert page.texts("t:Categories/t:String") == ["CRM", "VIP & more"]
    assert page.all("t:Body") == []  # for this there is GetItem
    ignored = raw.call(f"<m:SyncFolderItems><m:ItemShape>{ID_ONLY}</m:ItemShape><m:SyncFolderId>"
                       f'{CONTACTS}</m:SyncFolderId><m:Ignore><t:ItemId Id="{item}"/></m:Ignore>'
                       "<m:MaxChangesReturned>10</m:MaxChangesReturned></m:SyncFolderItems>")
    assert changes(ignored) == []


def test_read_flags_have_a_change_of_their_own(raw):
    answer = raw.call('<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId>'
                      '<t:DistinguishedFolderId Id="inbox"/></m:SavedItemFolderId><m:Items>'
                      "<t:Message><t:Subject>x</t:Subject></t:Message></m:Items></m:CreateItem>")
    item = answer.all("t:ItemId")[0]
    inbox = '<t:DistinguishedFolderId Id="inbox"/>'
    state = raw.sync(folder=inbox).text_of("m:SyncState")
    done = raw.call(
        '<m:UpdateItem ConflictResolution="AlwaysOverwrite" MessageDisposition="SaveOnly">'
        f'<m:ItemChanges><t:ItemChange><t:ItemId Id="{item.get("Id")}"/><t:Updates><t:SetItemField>'
        f"{field('message:IsRead')}<t:Message><t:IsRead>true</t:IsRead></t:Message>"
        "</t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>")
    assert done.codes == ["NoError"]
    page = raw.sync(state, folder=inbox)
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


def test_restrictions(raw):
    people = {}
    for name, company, token in (("Anna", "Acme", "1"), ("Bert", "Acme", "2"), ("Cleo", None, "3")):
        inner = extended(TOKEN, token) + f"<t:DisplayName>{name}</t:DisplayName>"
        inner += f"<t:CompanyName>{company}</t:CompanyName>" if company else ""
        inner += ('<t:EmailAddresses><t:Entry Key="EmailAddress2">'
                  f"{name.lower()}@x.example</t:Entry></t:EmailAddresses>")
        people[raw.create(inner)[0]] = name
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
        answer = find(raw, f"<m:Restriction>{restriction}</m:Restriction>")
        assert answer.codes == ["NoError"], answer.text
        assert sorted(people[i] for i in answer.ids) == expected.split(), restriction


def test_pages_and_order(raw):
    for name in ("Bert", "anna", "Dora", "Cleo", "Emil"):
        raw.create(f"<t:DisplayName>{name}</t:DisplayName>")
    order = ('<m:SortOrder><t:FieldOrder Order="Descending">' + field("contacts:DisplayName")
             + "</t:FieldOrder></m:SortOrder>")
    seen, offset, last = [], 0, "false"
    while last == "false":
        answer = find(raw, order=order, additional=field("contacts:DisplayName"),
                      view=f'<m:IndexedPageItemView MaxEntriesReturned="2" Offset="{offset}" '
                      'BasePoint="Beginning"/>')
        root = answer.all("m:RootFolder")[0]
        assert root.get("TotalItemsInView") == "5"
        seen += answer.texts("t:Contact/t:DisplayName")
        offset, last = root.get("IndexedPagingOffset"), root.get("IncludesLastItemInRange")
    assert seen == ["Emil", "Dora", "Cleo", "Bert", "anna"]


def test_find_gives_less_than_get(raw):
    text = "ü" * 300
    raw.create(f'<t:Body BodyType="Text">b</t:Body><t:DisplayName>{text}</t:DisplayName>')
    answer = find(raw, additional=field("contacts:DisplayName"))
    assert answer.text_of("t:Contact/t:DisplayName") == "ü" * 255
    assert find(raw, additional=field("item:Body")).codes == ["ErrorInvalidPropertyForOperation"]


# Folders -------------------------------------------------------------------------------------

def test_folders(sim, raw):
    def make(parent, name, element="ContactsFolder"):
        return raw.call(f"<m:CreateFolder><m:ParentFolderId>{parent}</m:ParentFolderId>"
                        f"<m:Folders><t:{element}><t:DisplayName>{name}</t:DisplayName>"
                        f"</t:{element}></m:Folders></m:CreateFolder>")

    def folder_id(answer):
        return f'<t:FolderId Id="{answer.all("t:FolderId")[0].get("Id")}"/>'

    hierarchy = ("<m:SyncFolderHierarchy><m:FolderShape><t:BaseShape>AllProperties</t:BaseShape>"
                 "</m:FolderShape>%s</m:SyncFolderHierarchy>")
    start = raw.call(hierarchy % "")
    kinds = {element.tag.split("}")[1] for element in start.all("t:Create/*")}
    assert kinds == {"Folder", "CalendarFolder", "ContactsFolder", "TasksFolder"}
    assert "Contacts" in start.texts("t:ContactsFolder/t:DisplayName")

    one = make(CONTACTS, "One")
    two = make(CONTACTS, "Two")
    assert one.codes == two.codes == ["NoError"]
    assert make(CONTACTS, "one").codes == ["ErrorFolderExists"]
    raw.create(folder=folder_id(one))
    state = f"<m:SyncState>{start.text_of('m:SyncState')}</m:SyncState>"
    assert raw.call(hierarchy % state).texts("t:Create/t:ContactsFolder/t:DisplayName") == \
        ["One", "Two"]
    renamed = raw.call(
        f"<m:UpdateFolder><m:FolderChanges><t:FolderChange>{folder_id(one)}<t:Updates>"
        f"<t:SetFolderField>{field('folder:DisplayName')}<t:ContactsFolder><t:DisplayName>Uno"
        "</t:DisplayName></t:ContactsFolder></t:SetFolderField></t:Updates></t:FolderChange>"
        "</m:FolderChanges></m:UpdateFolder>")
    assert renamed.codes == ["NoError"]
    moved = raw.call(f"<m:MoveFolder><m:ToFolderId>{folder_id(two)}</m:ToFolderId><m:FolderIds>"
                     f"{folder_id(one)}</m:FolderIds></m:MoveFolder>")
    assert folder_id(moved) == folder_id(one)  # a folder keeps its id
    state = f"<m:SyncState>{raw.call(hierarchy % state).text_of('m:SyncState')}</m:SyncState>"
    for traversal, names in (("Shallow", ["Two"]), ("Deep", ["Two", "Uno"])):
        found = raw.call(f'<m:FindFolder Traversal="{traversal}"><m:FolderShape><t:BaseShape>'
                         "Default</t:BaseShape></m:FolderShape><m:IndexedPageFolderView "
                         'MaxEntriesReturned="10" Offset="0" BasePoint="Beginning"/>'
                         f"<m:ParentFolderIds>{CONTACTS}</m:ParentFolderIds></m:FindFolder>")
        assert found.texts("t:ContactsFolder/t:DisplayName") == names
    into_itself = raw.call(f"<m:MoveFolder><m:ToFolderId>{folder_id(one)}</m:ToFolderId>"
                           f"<m:FolderIds>{folder_id(two)}</m:FolderIds></m:MoveFolder>")
    assert into_itself.codes == ["ErrorMoveCopyFailed"]
    for folder, code in ((CONTACTS, "ErrorDeleteDistinguishedFolder"), (folder_id(two), "NoError")):
        gone = raw.call('<m:DeleteFolder DeleteType="HardDelete"><m:FolderIds>'
                        f"{folder}</m:FolderIds></m:DeleteFolder>")
        assert gone.codes == [code]
    deleted = raw.call(hierarchy % state).all("t:Delete/t:FolderId")
    assert {element.get("Id") for element in deleted} == \
        {answer.all("t:FolderId")[0].get("Id") for answer in (one, two)}
    assert item_count(sim) == 0


# User configurations -------------------------------------------------------------------------

def test_category_list(raw):
    name = ('<%s:UserConfigurationName Name="CategoryList"><t:DistinguishedFolderId Id="calendar"/>'
            "</%s:UserConfigurationName>")
    get = (f"<m:GetUserConfiguration>{name % ('m', 'm')}<m:UserConfigurationProperties>XmlData"
           "</m:UserConfigurationProperties></m:GetUserConfiguration>")
    before = base64.b64decode(raw.call(get).text_of("t:XmlData")).decode()
    assert 'name="Red Category"' in before
    after = before.replace("</categories>", '<category name="CRM" color="3"/></categories>')
    done = raw.call(f"<m:UpdateUserConfiguration><m:UserConfiguration>{name % ('t', 't')}"
                    f"<t:XmlData>{base64.b64encode(after.encode()).decode()}</t:XmlData>"
                    "</m:UserConfiguration></m:UpdateUserConfiguration>")
    assert done.codes == ["NoError"]
    assert base64.b64decode(raw.call(get).text_of("t:XmlData")).decode() == after
    missing = raw.call(get.replace("CategoryList", "Nothing"))
    assert missing.codes == ["ErrorItemNotFound"]


def test_user_configurations_are_made_and_deleted(raw):
    in_m, in_t = OTHER_CONFIGURATION % ("m", "m"), OTHER_CONFIGURATION % ("t", "t")
    entry = ("<t:DictionaryEntry><t:DictionaryKey><t:Type>String</t:Type><t:Value>k</t:Value>"
             "</t:DictionaryKey><t:DictionaryValue><t:Type>String</t:Type><t:Value>v &lt; w</t:Value>"
             "</t:DictionaryValue></t:DictionaryEntry>")
    create = (f"<m:CreateUserConfiguration><m:UserConfiguration>{in_t}<t:Dictionary>{entry}"
              "</t:Dictionary></m:UserConfiguration></m:CreateUserConfiguration>")
    delete = f"<m:DeleteUserConfiguration>{in_m}</m:DeleteUserConfiguration>"
    get = (f"<m:GetUserConfiguration>{in_m}<m:UserConfigurationProperties>Id Dictionary"
           "</m:UserConfigurationProperties></m:GetUserConfiguration>")
    assert raw.call(create).codes == ["NoError"]
    assert raw.call(create).codes == ["ErrorItemSave"]
    read = raw.call(get)
    assert read.texts("t:DictionaryValue/t:Value") == ["v < w"]
    assert len(read.ids) == 1
    assert raw.call(delete).codes == ["NoError"]
    assert raw.call(get).codes == raw.call(delete).codes == ["ErrorItemNotFound"]
