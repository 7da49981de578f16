"""exchangelib, a client that others wrote, drives the simulated Exchange.

Each test looks from both ends: what exchangelib reports, and what the simulator then holds.
"""
import datetime

import pytest
from exchangelib import (
    DELEGATE,
    IMPERSONATION,
    Account,
    CalendarItem,
    Configuration,
    Contact,
    Credentials,
    EWSDate,
    EWSTimeZone,
    ExtendedProperty,
    FileAttachment,
    Message,
    Q,
    Task,
)
from exchangelib.errors import (
    ErrorDeleteDistinguishedFolder,
    ErrorFolderExists,
    ErrorImpersonateUserDenied,
    ErrorInvalidAttachmentId,
    ErrorIrresolvableConflict,
    ErrorItemNotFound,
    ErrorServerBusy,
)
from exchangelib.folders import Contacts
from exchangelib.indexed_properties import EmailAddress, PhoneNumber, PhysicalAddress
from exchangelib.items import DistributionList
from exchangelib.properties import ItemId, Mailbox, Member


class TandemToken(ExtendedProperty):
    property_set_id = "00020329-0000-0000-C000-000000000046"
    property_name = "tandem-token"
    property_type = "String"


class SearchKey(ExtendedProperty):
    property_tag = 0x300B
    property_type = "Binary"


class DisplayNamePrefix(ExtendedProperty):
    property_tag = 0x3A45
    property_type = "String"


EXTENDED = {"tandem_token": TandemToken, "search_key": SearchKey, "prefix": DisplayNamePrefix}


@pytest.fixture(autouse=True)
def extended_properties():
    for name, kind in EXTENDED.items():
        Contact.register(name, kind)
    yield
    for name in EXTENDED:
        Contact.deregister(name)


@pytest.fixture
def open_account(sim):
    """open_account("alice"): impersonated by the service account."""
    protocols = []

    def open_one(name, access=IMPERSONATION, own=False):
        box = sim.mailbox(name)
        user = {"user": box["address"], "password": box["password"]} if own \
            else sim.clients["service_account"]
        config = Configuration(
            service_endpoint=sim.clients["ews_url"], auth_type="basic",
            credentials=Credentials(user["user"], user["password"]))
        account = Account(box["address"], config=config, autodiscover=False, access_type=access)
        protocols.append(account.protocol)
        return account

    yield open_one
    for protocol in protocols:
        protocol.close()


@pytest.fixture
def alice(open_account):
    return open_account("alice")


def stored(sim, address, path=None):
    """[(path, item), ...] as the simulator holds them."""
    box = sim.state("exchange")["exchange"]["mailboxes"][address]
    return [(folder["path"], item) for folder in box["folders"] for item in folder["items"]
            if path in (None, folder["path"])]


def new_contact(account, name="Anna", **fields):
    fields.setdefault("folder", account.contacts)
    contact = Contact(display_name=name, **fields)
    contact.save()
    return contact


# Folders -------------------------------------------------------------------------------------


def test_version_and_folders(alice):
    assert str(alice.version.build) == "15.1.2507.39"
    names = {folder.name: folder.folder_class for folder in alice.msg_folder_root.children}
    assert names == {"Calendar": "IPF.Appointment", "Contacts": "IPF.Contact",
                     "Deleted Items": "IPF.Note", "Drafts": "IPF.Note", "Inbox": "IPF.Note",
                     "Journal": "IPF.Journal", "Junk Email": "IPF.Note", "Notes": "IPF.StickyNote",
                     "Outbox": "IPF.Note", "Sent Items": "IPF.Note", "Tasks": "IPF.Task"}
    assert type(alice.contacts) is Contacts


def test_folders_are_made_renamed_and_deleted(sim, alice):
    list(alice.root.sync_hierarchy())
    state = alice.root.folder_sync_state
    folder = Contacts(parent=alice.contacts, name="Salesforce_Sync")
    folder.save()
    assert folder.folder_class == "IPF.Contact"
    with pytest.raises(ErrorFolderExists):
        Contacts(parent=alice.contacts, name="Salesforce_Sync").save()
    (change,) = alice.root.sync_hierarchy(sync_state=state)
    assert (change[0], change[1].name, change[1].id) == ("create", "Salesforce_Sync", folder.id)
    state = alice.root.folder_sync_state
    folder.name = "Renamed"
    folder.save(update_fields=["name"])
    (change,) = alice.root.sync_hierarchy(sync_state=state)
    assert (change[0], change[1].name) == ("update", "Renamed")
    state = alice.root.folder_sync_state
    known = folder.id
    folder.delete()
    (change,) = alice.root.sync_hierarchy(sync_state=state)
    assert (change[0], change[1].id) == ("delete", known)
    with pytest.raises(ErrorDeleteDistinguishedFolder):
        alice.contacts.delete()


def test_a_folder_is_moved(sim, alice):
    new_contact(alice)
    one = Contacts(parent=alice.contacts, name="One")
    one.save()
    two = Contacts(parent=alice.contacts, name="Two")
    two.save()
    new_contact(alice, "Inside", folder=two)
    two.move(one)
    assert [path for path, item in stored(sim, alice.primary_smtp_address)
            if item["properties"]["DisplayName"] == "Inside"] == ["Contacts/One/Two"]


# Contacts ------------------------------------------------------------------------------------

FIELDS = {
    "given_name": "Zoë", "surname": "Müller", "middle_name": "Q.", "initials": "ZQM",
    "generation": "Jr.", "nickname": "Zo", "company_name": "Acme & Söhne", "department": "Sales",
    "job_title": "Head <of> Sales", "assistant_name": "Ann", "business_homepage": "http://x.example/",
    "manager": "Max", "mileage": "42", "office": "B 12", "profession": "Seller",
    "spouse_name": "Sam", "postal_address_index": "Home", "file_as": "Müller, Zoë",
    "birthday": EWSDate(1980, 2, 29), "wedding_anniversary": EWSDate(2011, 12, 31),
    "children": ["Cid", "Dee"], "companies": ["Acme"], "categories": ["CRM", "VIP"],
    "sensitivity": "Private", "importance": "High", "tandem_token": "token-1", "prefix": "Dr.",
    "email_addresses": [EmailAddress(label="EmailAddress1", email="zoe@acme.example"),
                        EmailAddress(label="EmailAddress2", email="zoe@home.example"),
                        EmailAddress(label="EmailAddress3", email="zoe@third.example")],
    "phone_numbers": [PhoneNumber(label="BusinessPhone", phone_number="+49 1"),
                      PhoneNumber(label="MobilePhone", phone_number="+49 2"),
                      PhoneNumber(label="AssistantPhone", phone_number="+49 3")],
    "physical_addresses": [
        PhysicalAddress(label="Business", street="1 Main St", city="Köln", state="NRW",
                        country="Germany", zipcode="50667"),
        PhysicalAddress(label="Home", city="Bonn"),
        PhysicalAddress(label="Other", street="3 Other St")],
}


def by_label(value):
    if isinstance(value, list) and value and hasattr(value[0], "label"):
        return {entry.label: entry for entry in value}
    return value


def test_every_field_comes_back(sim, alice):
    made = new_contact(alice, "Dr. Zoë Müller", body="one\r\ntwo", **FIELDS)
    read = alice.contacts.get(id=made.id, changekey=made.changekey)
    for name, value in FIELDS.items():
        assert by_label(getattr(read, name)) == by_label(value), name
    assert read.body == "one\r\ntwo"
    assert read.complete_name.title == "Dr."
    assert read.complete_name.last_name == "Müller"
    assert read.last_modified_name == "Alice Moreau"
    ((path, item),) = stored(sim, alice.primary_smtp_address)
    assert (path, item["id"], item["change_key"]) == ("Contacts", made.id, made.changekey)
    assert item["extended"] == {"PublicStrings/tandem-token": "token-1", "0x3a45": "Dr."}
    assert item["properties"]["PhysicalAddresses/Business/City"] == "Köln"
    assert item["properties"]["Birthday"] == "1980-02-29T11:59:00Z"


def test_each_field_is_changed_and_deleted(sim, alice):
    contact = new_contact(alice)
    for name, value in FIELDS.items():
        before = contact.changekey
        setattr(contact, name, value)
        contact.save(update_fields=[name])
        assert contact.changekey != before
        assert by_label(getattr(alice.contacts.get(id=contact.id), name)) == by_label(value), name
    kept = {"sensitivity", "importance", "postal_address_index"}
    cleared = [name for name in FIELDS if name not in kept]
    for name in cleared:
        setattr(contact, name, None)
    contact.save(update_fields=cleared)
    read = alice.contacts.get(id=contact.id)
    for name in cleared:
        assert not getattr(read, name), name
    ((_, item),) = stored(sim, alice.primary_smtp_address)
    assert item["properties"] == {
        "DisplayName": "Anna", "Sensitivity": "Private", "Importance": "High",
        "PostalAddressIndex": "Home",
        "ReminderIsSet": "false", "ReminderMinutesBeforeStart": "0"}  # exchangelib's defaults
    assert item["extended"] == {}


def test_stale_change_keys(alice):
    contact = new_contact(alice)
    mine = alice.contacts.get(id=contact.id)
    contact.given_name = "theirs"
    contact.save(update_fields=["given_name"])
    mine.given_name = "mine"
    with pytest.raises(ErrorIrresolvableConflict):
        mine.save(update_fields=["given_name"], conflict_resolution="NeverOverwrite")
    mine.save(update_fields=["given_name"], conflict_resolution="AlwaysOverwrite")
    assert alice.contacts.get(id=contact.id).given_name == "mine"


def test_bulk(sim, alice):
    ids = alice.bulk_create(alice.contacts, [Contact(display_name=f"P {n:03d}", given_name=str(n))
                                             for n in range(250)])
    assert len({i.id for i in ids}) == 250
    assert [c.display_name for c in alice.contacts.all().order_by("display_name")][::50] == \
        ["P 000", "P 050", "P 100", "P 150", "P 200"]
    fetched = list(alice.fetch(ids=[(i.id, i.changekey) for i in ids]))
    assert [c.given_name for c in fetched] == [str(n) for n in range(250)]
    alice.bulk_delete(ids=ids[:200])
    gone = list(alice.fetch(ids=ids[199:201]))
    assert isinstance(gone[0], ErrorItemNotFound) and gone[1].given_name == "200"
    assert len(stored(sim, alice.primary_smtp_address, "Contacts")) == 50


# Moving, copying, deleting -------------------------------------------------------------------


def test_move_and_copy(sim, alice):
    folder = Contacts(parent=alice.contacts, name="Other")
    folder.save()
    contact = new_contact(alice, tandem_token="token-1")
    key = alice.contacts.get(id=contact.id).search_key
    assert len(key) == 16
    old = contact.id
    copied, _ = contact.copy(folder)
    contact.move(folder)
    assert len({old, copied, contact.id}) == 3
    (gone,) = alice.fetch(ids=[(old, None)])
    assert isinstance(gone, ErrorItemNotFound)
    found = list(folder.filter(tandem_token="token-1"))
    assert {c.id for c in found} == {copied, contact.id}
    assert {c.search_key for c in found} == {key}
    assert alice.contacts.all().count() == 0


def test_three_ways_to_delete(sim, alice):
    address = alice.primary_smtp_address
    new_contact(alice, "hard").delete()
    new_contact(alice, "soft").soft_delete()
    new_contact(alice, "trash").move_to_trash()
    assert [(path, item["properties"]["DisplayName"]) for path, item in stored(sim, address)] == \
        [("Deleted Items", "trash"), ("Recoverable Items/Deletions", "soft")]
    (trashed,) = alice.trash.all()
    restored, _ = trashed.copy(alice.contacts)
    assert alice.contacts.get(id=restored).display_name == "trash"


# Sync ----------------------------------------------------------------------------------------


def test_sync_items(alice):
    folder = alice.contacts
    first = [new_contact(alice, f"P {n}") for n in range(5)]
    seen = list(folder.sync_items(only_fields=["display_name"], max_changes_returned=2))
    assert [(kind, item.display_name) for kind, item in seen] == \
        [("create", f"P {n}") for n in (4, 3, 2, 1, 0)]
    state = folder.item_sync_state
    other = Contacts(parent=folder, name="Other")
    other.save()
    moved_from, deleted, changed = first[0].id, first[1].id, first[2]
    first[0].move(other)
    first[1].delete()
    changed.given_name = "X"
    changed.save(update_fields=["given_name"])
    new = new_contact(alice, "new")
    seen = list(folder.sync_items(sync_state=state))
    assert {(kind, item.id) for kind, item in seen} == {
        ("delete", moved_from), ("delete", deleted), ("update", changed.id), ("create", new.id)}
    assert [item.id for _, item in other.sync_items()] == [first[0].id]
    assert list(folder.sync_items(sync_state=folder.item_sync_state)) == []


@pytest.mark.sim(seed="600")
def test_sync_of_more_than_a_page(sim, alice):
    seen = list(alice.contacts.sync_items(only_fields=["display_name"], max_changes_returned=512))
    assert len({item.id for _, item in seen}) == len(seen) == 600
    assert sim.counters()["operations"]["SyncFolderItems"] == 2


# Finding -------------------------------------------------------------------------------------


def test_filters(alice):
    for name, company, categories in (("Anna", "Acme", ["CRM"]), ("Bert", "Acme", ["CRM", "VIP"]),
                                      ("Cleo", None, None)):
        new_contact(alice, name, company_name=company, categories=categories,
                    email_addresses=[EmailAddress(label="EmailAddress1",
                                                  email=f"{name.lower()}@x.example")])

    def names(query):
        return sorted(c.display_name for c in query)

    contacts = alice.contacts
    assert names(contacts.filter(company_name="Acme")) == ["Anna", "Bert"]
    assert names(contacts.exclude(company_name="Acme")) == ["Cleo"]
    assert names(contacts.filter(display_name__icontains="E")) == ["Bert", "Cleo"]
    assert names(contacts.filter(display_name__startswith="An")) == ["Anna"]
    assert names(contacts.filter(company_name__exists=True)) == ["Anna", "Bert"]
    assert names(contacts.filter(display_name__gt="Anna")) == ["Bert", "Cleo"]
    assert names(contacts.filter(categories__contains=["CRM", "VIP"])) == ["Bert"]
    assert names(contacts.filter(Q(display_name="Cleo") | Q(display_name="Bert"))) == \
        ["Bert", "Cleo"]
    assert names(contacts.filter(~Q(display_name="Cleo"))) == ["Anna", "Bert"]
    assert names(contacts.filter(email_addresses__EmailAddress1="bert@x.example")) == ["Bert"]
    recent = alice.contacts.filter(last_modified_time__gt=datetime.datetime(
        2000, 1, 1, tzinfo=EWSTimeZone("UTC")))
    assert recent.count() == 3
    assert [c.display_name for c in contacts.all().order_by("-display_name")] == \
        ["Cleo", "Bert", "Anna"]
    assert list(contacts.all().values_list("display_name", flat=True).order_by("display_name")) == \
        ["Anna", "Bert", "Cleo"]


@pytest.mark.sim(seed="demo")
def test_resolve_names(sim, alice):
    ((mailbox, contact),) = alice.protocol.resolve_names(["bob"], return_full_contact_data=True,
                                                         search_scope="ActiveDirectory")
    assert mailbox.email_address == sim.mailbox("bob")["address"]
    assert contact.display_name == "Bob Tanaka"
    (error,) = alice.protocol.resolve_names(["nobody at all"])
    assert type(error).__name__ == "ErrorNameResolutionNoResults"


# Other kinds of items ------------------------------------------------------------------------


def test_messages(sim, alice):
    draft = Message(account=alice, folder=alice.drafts, subject="Hello", body="text",
                    to_recipients=["x@y.example"])
    draft.save()
    read = alice.drafts.get(id=draft.id)
    assert (read.subject, read.display_to, read.is_draft) == ("Hello", "x@y.example", True)
    assert b"Subject: Hello" in read.mime_content
    draft.move(alice.inbox)
    assert alice.inbox.get(subject="Hello").id == draft.id
    assert sim.state()["mail"] == []
    imported = Message(folder=alice.inbox, mime_content=b"Subject: From MIME\r\n\r\nbody\r\n")
    imported.save()
    assert alice.inbox.get(id=imported.id).subject == "From MIME"
    assert alice.inbox.get(id=imported.id).mime_content == b"Subject: From MIME\r\n\r\nbody\r\n"
    draft.delete()
    assert [m.subject for m in alice.inbox.all()] == ["From MIME"]


def test_a_sent_message_is_in_the_log(sim, alice):
    Message(account=alice, subject="x", body="y", to_recipients=["x@y.example"]).send()
    (mail,) = sim.state()["mail"]
    assert (mail["server"], mail["to"]) == ("exchange", "x@y.example")


def test_events_and_tasks_simply(sim, alice):
    utc = EWSTimeZone("UTC")
    event = CalendarItem(folder=alice.calendar, subject="Meet", location="Here",
                         start=datetime.datetime(2024, 1, 2, 3, tzinfo=utc),
                         end=datetime.datetime(2024, 1, 2, 4, tzinfo=utc))
    event.save()
    read = alice.calendar.get(subject="Meet")
    assert (read.start, read.end, read.location) == (event.start, event.end, "Here")
    assert [e.id for e in alice.calendar.view(
        start=datetime.datetime(2024, 1, 1, tzinfo=utc),
        end=datetime.datetime(2024, 1, 3, tzinfo=utc))] == [event.id]
    task = Task(folder=alice.tasks, subject="Do it", due_date=EWSDate(2024, 2, 3))
    task.save()
    read = alice.tasks.get(subject="Do it")
    assert (read.status, read.is_complete) == ("NotStarted", False)
    event.delete()
    task.delete()
    assert stored(sim, alice.primary_smtp_address) == []
    assert sim.state()["mail"] == []


def test_distribution_lists(alice):
    made = DistributionList(folder=alice.contacts, display_name="Friends", members=[
        Member(mailbox=Mailbox(name="Bob", email_address="bob@x.example"))])
    made.save()
    (read,) = alice.contacts.all()
    assert type(read) is DistributionList
    assert read.display_name == "Friends"
    assert [m.mailbox.email_address for m in read.members] == ["bob@x.example"]
    (member,) = read.members
    assert (member.mailbox.name, member.mailbox.mailbox_type, member.status) == \
        ("Bob", "Mailbox", "Normal")  # exchangelib says Mailbox itself


# Attachments ---------------------------------------------------------------------------------


def photo(content, name="ContactPicture.jpg"):
    return FileAttachment(name=name, content=content, is_contact_photo=True)


def photos(account, item_id):
    """[content] of the contact's photos, read anew."""
    (read,) = account.fetch(ids=[(item_id, None)])
    return [a.content for a in read.attachments if a.is_contact_photo]


def test_contact_photo(sim, alice):
    contact = new_contact(alice)
    list(alice.contacts.sync_items(only_fields=["display_name"]))
    state, before = alice.contacts.item_sync_state, contact.changekey
    contact.attach(photo(b"\xff\xd8\xff one"))
    assert contact.changekey != before
    (change,) = alice.contacts.sync_items(sync_state=state)
    assert (change[0], change[1].id, change[1].changekey) == \
        ("update", contact.id, contact.changekey)
    state = alice.contacts.item_sync_state
    (read,) = alice.contacts.all()
    assert read.changekey == contact.changekey and read.has_attachments and read.has_picture
    (read,) = alice.fetch(ids=[(contact.id, None)])
    (attached,) = read.attachments
    assert (attached.name, attached.content_type, attached.size, attached.is_contact_photo) == \
        ("ContactPicture.jpg", "image/jpeg", 7, True)
    assert photos(alice, contact.id) == [b"\xff\xd8\xff one"]
    read.detach(read.attachments)
    (change,) = alice.contacts.sync_items(sync_state=state)
    assert change[0] == "update" and change[1].changekey != contact.changekey
    (read,) = alice.contacts.all()
    assert not read.attachments and not read.has_picture and not read.has_attachments
    assert sim.state()["mail"] == []


def test_attachments_go_along(alice):
    contact = new_contact(alice)
    contact.attach(photo(b"me"))
    contact.attach(FileAttachment(name="offer.pdf", content=b"%PDF-", content_type="application/pdf"))
    other = Contacts(parent=alice.contacts, name="Other")
    other.save()
    copied = contact.copy(other)
    known = [a.attachment_id for a in contact.attachments]
    contact.refresh()
    contact.job_title = "Head"
    contact.save(update_fields=["job_title"])
    contact.move(other)
    items = list(alice.fetch(ids=[(copied[0], None), (contact.id, None)]))
    for item in items:
        assert [(a.name, a.content, a.is_contact_photo) for a in item.attachments] == [
            ("ContactPicture.jpg", b"me", True), ("offer.pdf", b"%PDF-", False)]
    ids = {a.attachment_id.id for item in items for a in item.attachments}
    assert len(ids) == 4 and not ids & {a.id for a in known}


def test_attachments_that_are_gone(alice):
    contact = new_contact(alice)
    contact.attach(photo(b"me"))
    (known,) = contact.attachments
    (read,) = alice.fetch(ids=[(contact.id, None)])
    known.detach()
    with pytest.raises(ErrorInvalidAttachmentId):
        read.attachments[0].content
    with pytest.raises(ErrorInvalidAttachmentId):
        read.attachments[0].detach()
    contact.attach(photo(b"again"))
    (read,) = alice.fetch(ids=[(contact.id, None)])
    contact.refresh()
    contact.delete()
    with pytest.raises(ErrorItemNotFound):
        read.attachments[0].content
    with pytest.raises(ErrorItemNotFound):
        read.attach(photo(b"more"))


# Rights and throttling -----------------------------------------------------------------------


def test_who_may_open_what(sim, open_account):
    bob = open_account("bob", access=DELEGATE)  # the service account names the mailbox
    new_contact(bob, "Bob's")
    own = open_account("bob", access=DELEGATE, own=True)
    assert [c.display_name for c in own.contacts.all()] == ["Bob's"]
    with pytest.raises(ErrorImpersonateUserDenied):
        config = Configuration(
            service_endpoint=sim.clients["ews_url"], auth_type="basic",
            credentials=Credentials(sim.mailbox("bob")["address"], sim.mailbox("bob")["password"]))
        account = Account(sim.mailbox("alice")["address"], config=config, autodiscover=False,
                          access_type=IMPERSONATION)
        try:
            account.contacts.all().count()
        finally:
            account.protocol.close()


def test_throttling(sim, alice):
    contact = new_contact(alice)
    sim.fault("GetItem", "ews", code="ErrorServerBusy", shape="fault", backoff_ms=250)
    with pytest.raises(ErrorServerBusy) as busy:
        list(alice.fetch(ids=[(contact.id, None)]))
    assert busy.value.back_off == 0.25
    sim.fault("GetItem", "ews", code="ErrorServerBusy", shape="message", backoff_ms=250)
    with pytest.raises(ErrorServerBusy):
        list(alice.fetch(ids=[(contact.id, None)]))
    sim.fault("GetItem", "ews", code="ErrorItemNotFound", shape="message", index=1)
    ids = [ItemId(contact.id, None)] * 3
    assert [type(result).__name__ for result in alice.fetch(ids=ids)] == \
        ["Contact", "ErrorItemNotFound", "Contact"]
