"""Exchange as a colleague sees it: exchangelib, a client that others wrote, signed in as the user.

    account = exchange("alice")          the fixture of conftest.py
    contact = new_contact(account, "Anna", given_name="Anna")
    contacts_of(account)                 {DisplayName: Contact} of the default folder
"""
import contextlib

from exchangelib import DELEGATE, Account, Configuration, Contact, Credentials, ExtendedProperty
from exchangelib.errors import ErrorItemNotFound
from exchangelib.indexed_properties import EmailAddress, PhoneNumber, PhysicalAddress
from exchangelib.protocol import BaseProtocol
from requests.adapters import HTTPAdapter


class WholeAnswers(HTTPAdapter):
    """exchangelib reads answers with iter_content() as it is by default: one byte at a time."""

    def build_response(self, req, resp):
        response = super().build_response(req, resp)
        read = response.iter_content
        response.iter_content = lambda chunk_size=65536, **more: read(chunk_size, **more)
        return response


BaseProtocol.HTTP_ADAPTER_CLS = WholeAnswers


class DisplayNamePrefix(ExtendedProperty):
    """PidTagDisplayNamePrefix: what CompleteName/Title shows, and cannot be written by."""

    property_tag = 0x3A45
    property_type = "String"


@contextlib.contextmanager
def extended_properties():
    """The properties of this file on exchangelib's Contact, which is one for the whole process."""
    Contact.register("prefix", DisplayNamePrefix)
    try:
        yield
    finally:
        Contact.deregister("prefix")


def open_account(sim, name):
    box = sim.mailbox(name)
    config = Configuration(service_endpoint=sim.clients["ews_url"], auth_type="basic",
                           credentials=Credentials(box["address"], box["password"]))
    return Account(box["address"], config=config, autodiscover=False, access_type=DELEGATE)


def new_contact(account, name, folder=None, **fields):
    contact = Contact(display_name=name, folder=folder or account.contacts, **fields)
    contact.save()
    return contact


def emails(*addresses):
    return [EmailAddress(label=f"EmailAddress{n}", email=address)
            for n, address in enumerate(addresses, 1)]


def phones(**numbers):
    return [PhoneNumber(label=label, phone_number=number) for label, number in numbers.items()]


def contacts_of(folder):
    """{DisplayName: Contact}, read item by item as Outlook opens them; names are unique here."""
    ids = [(item.id, item.changekey) for item in folder.all().only("id", "changekey")]
    found = list(folder.account.fetch(ids=ids))
    named = {contact.display_name: contact for contact in found}
    assert len(named) == len(found), sorted(contact.display_name for contact in found)
    return named


def edit(contact, **fields):
    """One UpdateItem with these fields."""
    for name, value in fields.items():
        setattr(contact, name, value)
    contact.save(update_fields=list(fields))


def subfolder(account, name):
    """The folder of this name below Contacts."""
    account.contacts.refresh()
    return account.contacts / name


def is_gone(account, item_id):
    (found,) = account.fetch(ids=[(item_id, None)])
    return isinstance(found, ErrorItemNotFound)


# One value of a contact, as the rows of contact_rows.py name it ---------------------------------

DICTIONARIES = {
    "email_addresses": (EmailAddress, "email"),
    "phone_numbers": (PhoneNumber, "phone_number"),
    "physical_addresses": (PhysicalAddress, None),
}


def get_value(contact, place):
    """place: ("given_name",), ("phone_numbers", "MobilePhone") or
    ("physical_addresses", "Business", "city").  None when it is empty."""
    value = getattr(contact, place[0])
    if len(place) > 1:
        member = place[2] if len(place) > 2 else DICTIONARIES[place[0]][1]
        entries = [entry for entry in value or () if entry.label == place[1]]
        value = getattr(entries[0], member) if entries else None
    return value or None


def set_value(contact, place, value):
    """In memory only; the caller saves the field place[0]."""
    if len(place) == 1:
        setattr(contact, place[0], value)
        return
    kind, member = DICTIONARIES[place[0]]
    member = place[2] if len(place) > 2 else member
    entries = list(getattr(contact, place[0]) or ())
    entry = next((one for one in entries if one.label == place[1]), None)
    if entry is None:
        entry = kind(label=place[1])
        entries.append(entry)
    setattr(entry, member, value)
    if len(place) == 2 and value is None:
        entries.remove(entry)
    setattr(contact, place[0], entries or None)
