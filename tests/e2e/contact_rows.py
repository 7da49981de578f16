"""The contact fields of the gateway, one row each: what the documents of the house promise.

A row names one value in its four forms: the property of a vCard (RFC 6350, RFC 9554; x- types where
vCard has none), the place in the JSContact Card (RFC 9553), the property of Exchange and the field of
Salesforce, with two values to try.  It is written from those standards and the design, not from what
the program does.
"""
import dataclasses
import datetime
import json

from exchangelib import EWSDate


def escape(text):
    """RFC 6350 section 3.4."""
    return (text.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;")
            .replace("\n", "\\n"))


# Places of a Card as jq programs: read, write ($v is the value) and take away -------------------


@dataclasses.dataclass(frozen=True)
class Place:
    get: str
    set: str
    delete: str


def member(path, slot=None):
    """One text; slot: what goes with it when it is emptied."""
    return Place(path, f"{path} = $v", f"del({slot or path})")


def slot(values, name, text, **more):
    """The value of one slot of a map keyed by id; `more` are its other members."""
    path = f".{values}.{name}"
    return Place(f"{path}.{text}", f"{path} = ({path} // {json.dumps(more)}) | {path}.{text} = $v",
                 f"del({path})")


def component(owner, kind, **more):
    """A component of a name or an address."""
    others = f'[{owner}.components // [] | .[] | select(.kind != "{kind}")]'
    return Place(f'{owner}.components // [] | .[] | select(.kind == "{kind}") | .value',
                 f'{owner} = ({owner} // {json.dumps(more)})'
                 f' | {owner}.components = {others} + [{{kind: "{kind}", value: $v}}]',
                 f"{owner}.components = {others}")


def relation(kind):
    others = f'(.relatedTo // {{}} | map_values(select(.relation.{kind} | not)))'
    return Place(f'[.relatedTo // {{}} | to_entries[] | select(.value.relation.{kind}) | .key]',
                 f'.relatedTo = {others} + ([$v[] | {{key: ., value: {{"@type": "Relation",'
                 f' relation: {{{kind}: true}}}}}}] | from_entries)',
                 f".relatedTo = {others}")


def date(name, **more):
    path = f".anniversaries.{name}"
    return Place(f"{path}.date // empty | {{year, month, day}}",
                 f"{path} = {json.dumps(more)} | {path}.date = ({{\"@type\": \"PartialDate\"}} + $v)",
                 f"del({path})")


# Rows -----------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    vcard: str  # a property line, {} being the escaped value
    place: Place
    exchange: tuple  # see exchange.get_value(); () where exchangelib knows no such property
    state: str  # in sim.state(): properties, or extended where it begins with 0x
    first: object
    second: object
    before: dict = dataclasses.field(default_factory=dict)  # rows that the card has besides, so
    # that it is this slot that is meant: {name: (line, value)}
    salesforce: str = None
    can_be_empty: bool = True
    kind: str = "text"  # text, body, names, date, set, choice

    @property
    def title(self):
        """The name of the contact that tries this row."""
        return self.name.replace("/", " ")

    # The value in each of the forms.

    def lines(self, value):
        """The property lines of the value."""
        if value is None:
            return []
        if self.kind == "names":
            return [self.vcard.format(escape(one)) for one in value]
        if self.kind == "date":
            return [self.vcard.format(value.strftime("%Y%m%d"))]
        if self.kind == "choice":
            return [self.vcard.format(value.upper())]
        return [self.vcard.format(escape(value))]

    def to_json(self, value):
        if self.kind == "date":
            return {"year": value.year, "month": value.month, "day": value.day}
        if self.kind == "set":
            return {value: True}
        if self.kind == "related":
            return [value]
        return value

    def from_json(self, value):
        """What Place.get printed, as one of our values; None when there was nothing."""
        if value in (None, [], {}):
            return None
        if self.kind == "date":
            return EWSDate(value["year"], value["month"], value["day"])
        if self.kind == "set":
            assert set(value.values()) == {True}
            return ",".join(value)
        if self.kind == "related":
            assert len(value) == 1
            return value[0]
        return value

    def to_exchange(self, value):
        if value is None:
            return "Normal" if self.kind == "choice" else None
        if self.kind == "set":
            return [value]
        if self.kind == "names":
            return list(value)
        if self.kind == "body":
            return value.replace("\n", "\r\n")
        return value

    def to_salesforce(self, value):
        return value.isoformat() if isinstance(value, datetime.date) else value


def text(name, vcard, place, exchange, first, second, **more):
    return Row(name, vcard, place, (exchange,), name, first, second, **more)


def email(n, before=None):
    name = f"EmailAddress{n}"
    return Row(name, "EMAIL:{}", slot("emails", name, "address"), ("email_addresses", name),
               f"EmailAddresses/{name}", f"first.{n}@acme.example", f"second-{n}@globex.example",
               before=before or {}, salesforce="Email" if n == 1 else None)


def phone(name, types, n, salesforce=None, before=None, **more):
    return Row(name, f"TEL;TYPE={types}:{{}}", slot("phones", name, "number", **more),
               ("phone_numbers", name), f"PhoneNumbers/{name}", f"+49 30 555{n:04d}",
               f"(030) 5559-{n:03d} ext. 7", salesforce=salesforce,
               before=before or {})


def work(feature):
    return {"contexts": {"work": True}, "features": {feature: True}}


def home(feature):
    return {"contexts": {"private": True}, "features": {feature: True}}


def typed(name):
    return {"vCardParams": {"type": name}}


def im(n, before=None):
    name = f"ImAddress{n}"
    return Row(name, "IMPP:{}", slot("onlineServices", name, "uri"), (), f"ImAddresses/{name}",
               f"sip:first{n}@acme.example", f"xmpp:second{n}@chat.example",
               before=before or {})


ADDRESS_PARTS = (  # Exchange, exchangelib, JSContact, field of ADR, Salesforce, two values
    ("Street", "street", "name", 2, "Street", "Hafenstraße 12, 2. Stock", "1 Main St; rear"),
    ("City", "city", "locality", 3, "City", "Köln", "São Paulo"),
    ("State", "state", "region", 4, "State", "Nordrhein-Westfalen", "SP"),
    ("CountryOrRegion", "country", "country", 6, "Country", "Germany", "Côte d'Ivoire"),
    ("PostalCode", "zipcode", "postcode", 5, "PostalCode", "50667", "01310-100"),
)


def address(label, type_, prefix, **more):
    rows = []
    for part, attribute, kind, at, field, first, second in ADDRESS_PARTS:
        values = ["{}" if i == at else "" for i in range(7)]
        rows.append(Row(f"{label}/{part}", f"ADR;TYPE={type_}:" + ";".join(values),
                        component(f".addresses.{label}", kind, **more),
                        ("physical_addresses", label, attribute),
                        f"PhysicalAddresses/{label}/{part}", first, second,
                        salesforce=prefix and prefix + field))
    return rows


def name_part(name, at, kind, exchange, first, second, salesforce, state=None):
    values = ["{}" if i == at else "" for i in range(5)]
    return Row(name, "N:" + ";".join(values), component(".name", kind), (exchange,), state or name,
               first, second, salesforce=salesforce)


def related(name, type_, kind, exchange, first, second, salesforce=None):
    return Row(name, f"RELATED;TYPE={type_};VALUE=text:{{}}", relation(kind), (exchange,), name,
               first, second, salesforce=salesforce, kind="related")


def given(name, line, value):
    return {name: (line.format(value), value)}


FIRST_EMAIL = given("EmailAddress1", "EMAIL:{}", "one@acme.example")
SECOND_EMAIL = given("EmailAddress2", "EMAIL:{}", "two@acme.example")
FIRST_IM = given("ImAddress1", "IMPP:{}", "sip:one@acme.example")
SECOND_IM = given("ImAddress2", "IMPP:{}", "sip:two@acme.example")

ROWS = [
    name_part("Prefix", 3, "title", "prefix", "Dr.", "Prof.", "Salutation", state="0x3a45"),
    name_part("GivenName", 1, "given", "given_name", "Zoë", "Jean-Luc & Söhne", "FirstName"),
    name_part("MiddleName", 2, "given2", "middle_name", "Q.", "Marie <M>", "MiddleName"),
    name_part("Surname", 0, "surname", "surname", "Müller", "O'Neill, née Wójcik", "LastName"),
    name_part("Generation", 4, "generation", "generation", "Jr.", "III", "Suffix"),
    text("DisplayName", "FN:{}", member(".name.full"), "display_name", "Zoë Müller",
         "Müller, Zoë (Acme & Söhne)", can_be_empty=False),  # RFC 6350: FN is in every card
    text("FileAs", "X-FILE-AS:{}", member('.["tandemfs:fileAs"]'), "file_as", "Müller, Zoë",
         "Acme"),
    text("CompanyName", "ORG:{}",
         slot("organizations", "CompanyName", "name"), "company_name", "Acme & Söhne; GmbH",
         "Globex, Inc."),
    Row("Department", "ORG:;{}",
        Place(".organizations.CompanyName.units[0].name // empty",
              ".organizations.CompanyName.units = [{name: $v}]",
              "del(.organizations.CompanyName.units)"),
        ("department",), "Department", "Sales, North", "Purchasing", salesforce="Department"),
    text("JobTitle", "TITLE:{}", slot("titles", "JobTitle", "name", kind="title"), "job_title",
         "Head <of> Sales", "Käufer; Einkauf", salesforce="Title"),
    email(1), email(2, FIRST_EMAIL), email(3, FIRST_EMAIL | SECOND_EMAIL),
    phone("BusinessPhone", "work,voice", 1, "Phone", **work("voice")),
    phone("MobilePhone", "cell", 2, "MobilePhone", features={"mobile": True}),
    phone("HomePhone", "home,voice", 3, "HomePhone", **home("voice")),
    phone("OtherTelephone", "voice", 4, "OtherPhone", features={"voice": True}),
    phone("BusinessFax", "work,fax", 5, "Fax", **work("fax")),
    phone("AssistantPhone", "x-assistant", 6, "AssistantPhone", **typed("x-assistant")),
    phone("BusinessPhone2", "work,voice", 7,
          before=given("BusinessPhone", "TEL;TYPE=work,voice:{}", "+49 1"), **work("voice")),
    phone("HomePhone2", "home,voice", 8,
          before=given("HomePhone", "TEL;TYPE=home,voice:{}", "+49 1"), **home("voice")),
    phone("HomeFax", "home,fax", 9, **home("fax")),
    phone("OtherFax", "fax", 10, features={"fax": True}),
    phone("Callback", "x-callback", 11, **typed("x-callback")),
    phone("CarPhone", "x-car", 12, **typed("x-car")),
    phone("CompanyMainPhone", "main-number", 13, features={"main-number": True}),
    phone("Isdn", "x-isdn", 14, **typed("x-isdn")),
    phone("Pager", "pager", 15, features={"pager": True}),
    phone("PrimaryPhone", "x-primary", 16, **typed("x-primary")),
    phone("RadioPhone", "x-radio", 17, **typed("x-radio")),
    phone("Telex", "x-telex", 18, **typed("x-telex")),
    phone("TtyTddPhone", "textphone", 19, features={"textphone": True}),
    im(1), im(2, FIRST_IM), im(3, FIRST_IM | SECOND_IM),
    text("BusinessHomePage", "URL;TYPE=work:{}",
         slot("links", "BusinessHomePage", "uri", contexts={"work": True}), "business_homepage",
         "https://acme.example/?a=1&b=2", "http://globex.example/"),
    text("Nickname", "NICKNAME:{}", slot("nicknames", "Nickname", "name"), "nickname", "Zo, Z.",
         "Zed"),
    related("Manager", "x-manager", "manager", "manager", "Max Boss", "Ann; Chief"),
    related("SpouseName", "spouse", "spouse", "spouse_name", "Sam", "Sam & Alex"),
    Row("Children", "RELATED;TYPE=child;VALUE=text:{}", relation("child"), ("children",),
        "Children", ["Cid"], ["Dee", "Eve"], kind="names"),
    Row("WeddingAnniversary", "ANNIVERSARY:{}", date("wedding", kind="wedding"),
        ("wedding_anniversary",), "WeddingAnniversary", EWSDate(2011, 12, 31),
        EWSDate(2012, 2, 29), kind="date"),
    text("Profession", "ROLE:{}", slot("titles", "Profession", "name", kind="role"), "profession",
         "Seller", "Buyer, retired"),
    Row("OfficeLocation", "X-OFFICE-LOCATION:{}", member('.["tandemfs:officeLocation"]'),
        ("office",), "OfficeLocation", "B 12", "Tower <C>, 4"),
    *address("Business", "work", "Mailing", contexts={"work": True}),
    *address("Other", "x-other", "Other", **typed("x-other")),
    *address("Home", "home", None, contexts={"private": True}),
    Row("Birthday", "BDAY:{}", date("birth", kind="birth"), ("birthday",), "Birthday",
        EWSDate(1980, 2, 29), EWSDate(1969, 12, 31), salesforce="Birthdate", kind="date"),
    related("AssistantName", "x-assistant", "assistant", "assistant_name", "Robin Keller",
            "Kim, Lee", "AssistantName"),
    Row("Body", "NOTE:{}", slot("notes", "Body", "note"), ("body",), "Body",
        "Met in Hannover, hall 3;\nlikes \\ and <b>.", "One line", kind="body"),
    Row("Categories", "CATEGORIES:{}", Place(".keywords", ".keywords = $v", "del(.keywords)"),
        ("categories",), "Categories", "Key account", "VIP", kind="set"),
    Row("Sensitivity", "CLASS:{}", member('.["tandemfs:sensitivity"]'), ("sensitivity",),
        "Sensitivity", "Private", "Confidential", kind="choice"),
]


def card(row, value):
    """A vCard that has the value of this row, a name, and what must stand before it."""
    lines = ["BEGIN:VCARD", "VERSION:4.0"]
    if row.name != "DisplayName":
        lines.append(f"FN:{row.title}")
    lines += [line for line, _ in row.before.values()]
    return "\r\n".join([*lines, *row.lines(value), "END:VCARD", ""])


def in_exchange(row, value):
    """{name of a row: what Exchange then holds of it}, for a contact made by card()."""
    held = {"DisplayName": row.title, **{name: there for name, (_, there) in row.before.items()}}
    if value is not None:
        held[row.name] = row.to_exchange(value)
    return held


def normal(line):
    """A property as (name, parameters, value): parameters have no order, nor have types.  PROP-ID
    (RFC 9554 section 4.1) only says which slot it is where the type cannot."""
    head, _, value = line.partition(":")
    name, *parameters = head.split(";")
    pairs = [parameter.partition("=")[::2] for parameter in parameters]
    return name, frozenset((key, frozenset(text.split(","))) for key, text in pairs
                           if key != "PROP-ID"), value


def properties(path, name):
    """The properties of this name in a file, unfolded (RFC 6350 section 3.2)."""
    text_of_card = path.read_bytes().decode().replace("\r\n ", "").replace("\r\n\t", "")
    return [found for found in map(normal, text_of_card.split("\r\n")) if found[0] == name]


def property_value(path, name):
    """The value of the one property of this name."""
    ((_, _, value),) = properties(path, name)
    return value
