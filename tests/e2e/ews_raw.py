"""EWS requests written by hand, for what no client library sends: mistakes, odd orders, raw answers.

    mailbox = RawEws(sim, impersonate="alice")
    answer = mailbox.call('<m:GetFolder>...</m:GetFolder>')
    answer.codes        ["NoError", ...], one a response message
    answer.fault        the ResponseCode of a SOAP fault, or None
    answer.all("t:ItemId")   elements, with the prefixes m:, t:, s:, e:
"""
import base64
import re
import urllib.error
import urllib.request
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import escape, quoteattr

NAMESPACES = {
    "s": "http://schemas.xmlsoap.org/soap/envelope/",
    "m": "http://schemas.microsoft.com/exchange/services/2006/messages",
    "t": "http://schemas.microsoft.com/exchange/services/2006/types",
    "e": "http://schemas.microsoft.com/exchange/services/2006/errors",
}

CONTACTS = '<t:DistinguishedFolderId Id="contacts"/>'
ID_ONLY = "<t:BaseShape>IdOnly</t:BaseShape>"
NAME = "<t:DisplayName>Anna</t:DisplayName>"
TOKEN = ('<t:ExtendedFieldURI DistinguishedPropertySetId="PublicStrings" '
         'PropertyName="tandem-token" PropertyType="String"/>')
OTHER_CONFIGURATION = ('<%s:UserConfigurationName Name="Tandem.Test"><t:DistinguishedFolderId '
                       'Id="inbox"/></%s:UserConfigurationName>')
# Every property of a contact that a client can write; writable() fills in the phone numbers.
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


class Answer:
    def __init__(self, status, headers, text):
        self.status = status
        self.headers = headers
        self.text = text
        self.root = ElementTree.fromstring(text) if text.startswith("<") else None

    def all(self, path):
        return self.root.findall(".//" + path, NAMESPACES)

    def texts(self, path):
        return [element.text or "" for element in self.all(path)]

    def text_of(self, path):
        found = self.all(path)
        assert len(found) == 1, f"{len(found)} {path} in {self.text[:2000]}"
        return found[0].text or ""

    @property
    def codes(self):
        return self.texts("m:ResponseCode")

    @property
    def fault(self):
        codes = self.texts("e:ResponseCode")
        return codes[0] if codes else None

    @property
    def ids(self):
        return [element.get("Id") for element in self.all("t:ItemId")]


class RawEws:
    def __init__(self, sim, user=None, password=None, impersonate=None, version="Exchange2016"):
        service = sim.clients["service_account"]
        self.sim = sim
        self.user = user or service["user"]
        self.password = password or service["password"]
        self.impersonate = sim.mailbox(impersonate)["address"] if impersonate else None
        self.version = version

    def envelope(self, payload):
        header = ""
        if self.version:
            header += f'<t:RequestServerVersion Version="{self.version}"/>'
        if self.impersonate:
            header += ("<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>"
                       f"{escape(self.impersonate)}</t:PrimarySmtpAddress></t:ConnectingSID>"
                       "</t:ExchangeImpersonation>")
        names = " ".join(f'xmlns:{prefix}="{NAMESPACES[prefix]}"' for prefix in "smt")
        return (f'<?xml version="1.0" encoding="utf-8"?><s:Envelope {names}>'
                f"<s:Header>{header}</s:Header><s:Body>{payload}</s:Body></s:Envelope>")

    def post(self, body, content_type="text/xml; charset=utf-8", malformed=False):
        request = urllib.request.Request(self.sim.clients["ews_url"], data=body.encode(),
                                         method="POST")
        request.add_header("Content-Type", content_type)
        if malformed:
            request.add_header("X-Sim-Malformed", "1")
        if self.user:
            pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            request.add_header("Authorization", "Basic " + pair)
        try:
            answer = urllib.request.urlopen(request, timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return Answer(answer.status, answer.headers, answer.read().decode())

    def call(self, payload, malformed=False):
        """malformed: this request is wrong on purpose; it is recorded apart."""
        return self.post(self.envelope(payload), malformed=malformed)

    # What most tests need.

    def create(self, inner=NAME, folder=CONTACTS):
        """Makes one contact, gives its id element's (Id, ChangeKey)."""
        answer = self.call(f"<m:CreateItem><m:SavedItemFolderId>{folder}</m:SavedItemFolderId>"
                           f"<m:Items><t:Contact>{inner}</t:Contact></m:Items></m:CreateItem>")
        assert answer.codes == ["NoError"], answer.text
        item = answer.all("t:ItemId")[0]
        return item.get("Id"), item.get("ChangeKey")

    def get(self, *ids, shape="AllProperties", additional="", extra=""):
        items = "".join(f"<t:ItemId Id={quoteattr(i)}/>" for i in ids)
        paths = f"<t:AdditionalProperties>{additional}</t:AdditionalProperties>" \
            if additional else ""
        return self.call(f"<m:GetItem><m:ItemShape><t:BaseShape>{shape}</t:BaseShape>{extra}"
                         f"{paths}</m:ItemShape><m:ItemIds>{items}</m:ItemIds></m:GetItem>")

    def update(self, item_id, change_key, updates, resolution="NeverOverwrite", malformed=False):
        key = f' ChangeKey="{change_key}"' if change_key else ""
        return self.call(f'<m:UpdateItem ConflictResolution="{resolution}"><m:ItemChanges>'
                         f'<t:ItemChange><t:ItemId Id="{item_id}"{key}/><t:Updates>{updates}'
                         "</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>",
                         malformed=malformed)

    def delete(self, item_id, how="HardDelete"):
        return self.call(f'<m:DeleteItem DeleteType="{how}"><m:ItemIds><t:ItemId Id="{item_id}"/>'
                         "</m:ItemIds></m:DeleteItem>")

    def sync(self, state="", most=512, folder=CONTACTS, additional="", scope=""):
        paths = f"<t:AdditionalProperties>{additional}</t:AdditionalProperties>" \
            if additional else ""
        return self.call(f"<m:SyncFolderItems><m:ItemShape>{ID_ONLY}{paths}</m:ItemShape>"
                         f"<m:SyncFolderId>{folder}</m:SyncFolderId>"
                         f"<m:SyncState>{state}</m:SyncState>"
                         f"<m:MaxChangesReturned>{most}</m:MaxChangesReturned>"
                         f"{scope}</m:SyncFolderItems>")


def field(uri):
    return f'<t:FieldURI FieldURI="{uri}"/>'


def set_field(uri, inner):
    return f"<t:SetItemField>{field(uri)}<t:Contact>{inner}</t:Contact></t:SetItemField>"


def delete_field(uri):
    return f"<t:DeleteItemField>{field(uri)}</t:DeleteItemField>"


def changes(answer):
    """[("Create", id), ("Delete", id), ...] of a SyncFolderItems answer, in its order."""
    out = []
    for change in answer.all("m:Changes/*"):
        item = change.find(".//t:ItemId", NAMESPACES)
        out.append((re.sub(r"{.*}", "", change.tag), item.get("Id")))
    return out



# Parts of requests.

def writable():
    phones = "".join(f'<t:Entry Key="{key}">{n}</t:Entry>' for n, key in enumerate(PHONES))
    return WRITABLE.format(phones=phones)


def indexed(uri, index):
    return f'<t:IndexedFieldURI FieldURI="contacts:{uri}" FieldIndex="{index}"/>'


def get_contacts(ews):
    return ews.call(f"<m:GetFolder><m:FolderShape>{ID_ONLY}</m:FolderShape>"
                    f"<m:FolderIds>{CONTACTS}</m:FolderIds></m:GetFolder>")


def extended(uri, *values):
    inner = "".join(f"<t:Value>{value}</t:Value>" for value in values)
    if "Array" in uri:
        inner = f"<t:Values>{inner}</t:Values>"
    return f"<t:ExtendedProperty>{uri}{inner}</t:ExtendedProperty>"


def attach(item, content, more=""):
    """A request that attaches a contact's photo."""
    return (f'<m:CreateAttachment><m:ParentItemId Id="{item}"/><m:Attachments><t:FileAttachment>'
            f"<t:Name>ContactPicture.jpg</t:Name><t:IsContactPhoto>true</t:IsContactPhoto>"
            f"<t:Content>{base64.b64encode(content).decode()}</t:Content></t:FileAttachment>{more}"
            "</m:Attachments></m:CreateAttachment>")


def attachment_id(answer):
    return f'<t:AttachmentId Id="{answer.all("t:AttachmentId")[0].get("Id")}"/>'


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
