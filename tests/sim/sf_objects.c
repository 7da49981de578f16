/* User, Account, Contact, Lead and UserRecordAccess: their standard fields with types, lengths and rights, as the
 * Object Reference gives them, and the external id field that the gateway's creates carry. */
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/sf_fields.h"

#define SALUTATIONS "Mr.|Ms.|Mrs.|Dr.|Prof.|Mx."
#define SOURCES	    "Web|Phone Inquiry|Partner Referral|Purchased List|Trade Show|Other"
#define INDUSTRIES                                                                                 \
	"Agriculture|Banking|Biotechnology|Chemicals|Communications|Construction|Consulting|"      \
	"Education|Electronics|Energy|Engineering|Finance|Healthcare|Hospitality|Insurance|"       \
	"Machinery|Manufacturing|Media|Retail|Shipping|Technology|Transportation|Utilities|Other"
#define CLEAN_STATUS "Matched|Different|Acknowledged|NotFound|Inactive|Pending|SelectMatch|Skipped"
#define GEOCODES                                                                                   \
	"Address|NearAddress|Block|Street|ExtendedZip|Zip|Neighborhood|City|County|State|Unknown"

/* clang-format off */
static const struct sf_field user_fields[] = {
	ID("User"),
	{ "Username", "Username", SF_STRING, 80, SF_WRITE | SF_REQUIRED | SF_IDLOOKUP, NULL, NULL, NULL },
	{ "LastName", "Last Name", SF_STRING, 80, SF_WRITE | SF_REQUIRED, NULL, NULL, NULL },
	TEXT("FirstName", "First Name", 40),
	TEXT("MiddleName", "Middle Name", 40),
	TEXT("Suffix", "Suffix", 40),
	{ "Name", "Full Name", SF_STRING, 121, SF_NAME | SF_NOT_NULL, NULL, NULL, NULL },
	TEXT("CompanyName", "Company Name", 80),
	TEXT("Division", "Division", 80),
	TEXT("Department", "Department", 80),
	TEXT("Title", "Title", 80),
	ADDRESS("", "User"),
	{ "Email", "Email", SF_EMAIL, 128, SF_WRITE | SF_REQUIRED, NULL, NULL, NULL },
	PHONE("Phone", "Phone"),
	PHONE("Fax", "Fax"),
	PHONE("MobilePhone", "Mobile"),
	{ "Alias", "Alias", SF_STRING, 8, SF_WRITE | SF_REQUIRED, NULL, NULL, NULL },
	{ "CommunityNickname", "Nickname", SF_STRING, 40, SF_WRITE | SF_REQUIRED, NULL, NULL, NULL },
	BOOL("IsActive", "Active"),
	PICK("TimeZoneSidKey", "Time Zone", 40, "Europe/Berlin|Europe/London|America/Los_Angeles|GMT"),
	PICK("LocaleSidKey", "Locale", 40, "en_US|en_GB|de_DE"),
	PICK("LanguageLocaleKey", "Language", 40, "en_US|de|fr|es"),
	PICK("EmailEncodingKey", "Email Encoding", 40, "UTF-8|ISO-8859-1"),
	PICK("UserType", "User Type", 40, "Standard|PowerPartner|Guest"),
	READ("ProfileId", "Profile ID", SF_STRING, 18),
	REF("ManagerId", "Manager ID", "User", "Manager"),
	TEXT("EmployeeNumber", "Employee Number", 20),
	TEXT("FederationIdentifier", "SAML Federation ID", 512),
	TEXT("AboutMe", "About Me", 1000),
	READ("LastLoginDate", "Last Login", SF_DATETIME, 0),
	SYSTEM_FIELDS,
};

static const struct sf_field account_fields[] = {
	ID("Account"),
	IS_DELETED,
	MASTER("Account"),
	{ "Name", "Account Name", SF_STRING, 255, SF_WRITE | SF_REQUIRED | SF_NAME, NULL, NULL, NULL },
	PICK("Type", "Account Type", 255, "Prospect|Customer - Direct|Customer - Channel|"
		"Channel Partner / Reseller|Installation Partner|Technology Partner|Other"),
	REF("ParentId", "Parent Account ID", "Account", "Parent"),
	ADDRESS("Billing", "Billing"),
	ADDRESS("Shipping", "Shipping"),
	PHONE("Phone", "Account Phone"),
	PHONE("Fax", "Account Fax"),
	TEXT("AccountNumber", "Account Number", 40),
	{ "Website", "Website", SF_URL, 255, SF_WRITE, NULL, NULL, NULL },
	READ("PhotoUrl", "Photo URL", SF_URL, 255),
	TEXT("Sic", "SIC Code", 20),
	PICK("Industry", "Industry", 255, INDUSTRIES),
	{ "AnnualRevenue", "Annual Revenue", SF_CURRENCY, 0, SF_WRITE, NULL, NULL, NULL },
	{ "NumberOfEmployees", "Employees", SF_INT, 0, SF_WRITE, NULL, NULL, NULL },
	PICK("Ownership", "Ownership", 255, "Public|Private|Subsidiary|Other"),
	TEXT("TickerSymbol", "Ticker Symbol", 20),
	AREA("Description", "Account Description", 32000),
	PICK("Rating", "Account Rating", 255, "Hot|Warm|Cold"),
	TEXT("Site", "Account Site", 80),
	OWNER,
	SYSTEM_FIELDS,
	READ("LastActivityDate", "Last Activity", SF_DATE, 0),
	READ("LastViewedDate", "Last Viewed Date", SF_DATETIME, 0),
	READ("LastReferencedDate", "Last Referenced Date", SF_DATETIME, 0),
	TEXT("Jigsaw", "Data.com Key", 20),
	READ("JigsawCompanyId", "Jigsaw Company ID", SF_STRING, 20),
	PICK("CleanStatus", "Clean Status", 40, CLEAN_STATUS),
	PICK("AccountSource", "Account Source", 255, SOURCES),
	TEXT("DunsNumber", "D-U-N-S Number", 9),
	TEXT("Tradestyle", "Tradestyle", 255),
	TEXT("NaicsCode", "NAICS Code", 8),
	TEXT("NaicsDesc", "NAICS Description", 120),
	TEXT("YearStarted", "Year Started", 4),
	TEXT("SicDesc", "SIC Description", 80),
};

static const struct sf_field contact_fields[] = {
	ID("Contact"),
	IS_DELETED,
	MASTER("Contact"),
	REF("AccountId", "Account ID", "Account", "Account"),
	{ "LastName", "Last Name", SF_STRING, 80, SF_WRITE | SF_REQUIRED, NULL, NULL, NULL },
	TEXT("FirstName", "First Name", 40),
	PICK("Salutation", "Salutation", 40, SALUTATIONS),
	TEXT("MiddleName", "Middle Name", 40),
	TEXT("Suffix", "Suffix", 40),
	{ "Name", "Full Name", SF_STRING, 121, SF_NAME | SF_NOT_NULL, NULL, NULL, NULL },
	ADDRESS("Other", "Other"),
	ADDRESS("Mailing", "Mailing"),
	PHONE("Phone", "Business Phone"),
	PHONE("Fax", "Business Fax"),
	PHONE("MobilePhone", "Mobile Phone"),
	PHONE("HomePhone", "Home Phone"),
	PHONE("OtherPhone", "Other Phone"),
	PHONE("AssistantPhone", "Asst. Phone"),
	REF("ReportsToId", "Reports To ID", "Contact", "ReportsTo"),
	{ "Email", "Email", SF_EMAIL, 80, SF_WRITE | SF_IDLOOKUP, NULL, NULL, NULL },
	TEXT("Title", "Title", 128),
	TEXT("Department", "Department", 80),
	TEXT("AssistantName", "Assistant's Name", 40),
	PICK("LeadSource", "Lead Source", 255, SOURCES),
	{ "Birthdate", "Birthdate", SF_DATE, 0, SF_WRITE, NULL, NULL, NULL },
	AREA("Description", "Contact Description", 32000),
	OWNER,
	BOOL("HasOptedOutOfEmail", "Email Opt Out"),
	BOOL("HasOptedOutOfFax", "Fax Opt Out"),
	BOOL("DoNotCall", "Do Not Call"),
	SYSTEM_FIELDS,
	READ("LastActivityDate", "Last Activity", SF_DATE, 0),
	READ("LastCURequestDate", "Last Stay-in-Touch Request Date", SF_DATETIME, 0),
	READ("LastCUUpdateDate", "Last Stay-in-Touch Save Date", SF_DATETIME, 0),
	READ("LastViewedDate", "Last Viewed Date", SF_DATETIME, 0),
	READ("LastReferencedDate", "Last Referenced Date", SF_DATETIME, 0),
	TEXT("EmailBouncedReason", "Email Bounced Reason", 255),
	{ "EmailBouncedDate", "Email Bounced Date", SF_DATETIME, 0, SF_WRITE, NULL, NULL, NULL },
	FIXED("IsEmailBounced", "Is Email Bounced", SF_BOOLEAN, 0),
	READ("PhotoUrl", "Photo URL", SF_URL, 255),
	TEXT("Jigsaw", "Data.com Key", 20),
	READ("JigsawContactId", "Jigsaw Contact ID", SF_STRING, 20),
	PICK("CleanStatus", "Clean Status", 40, CLEAN_STATUS),
	TOKEN,
};

static const struct sf_field lead_fields[] = {
	ID("Lead"),
	IS_DELETED,
	MASTER("Lead"),
	{ "LastName", "Last Name", SF_STRING, 80, SF_WRITE | SF_REQUIRED, NULL, NULL, NULL },
	TEXT("FirstName", "First Name", 40),
	PICK("Salutation", "Salutation", 40, SALUTATIONS),
	TEXT("MiddleName", "Middle Name", 40),
	TEXT("Suffix", "Suffix", 40),
	{ "Name", "Full Name", SF_STRING, 121, SF_NAME | SF_NOT_NULL, NULL, NULL, NULL },
	TEXT("Title", "Title", 128),
	{ "Company", "Company", SF_STRING, 255, SF_WRITE | SF_REQUIRED, NULL, NULL, NULL },
	ADDRESS("", "Lead"),
	PHONE("Phone", "Phone"),
	PHONE("MobilePhone", "Mobile Phone"),
	PHONE("Fax", "Fax"),
	{ "Email", "Email", SF_EMAIL, 80, SF_WRITE | SF_IDLOOKUP, NULL, NULL, NULL },
	{ "Website", "Website", SF_URL, 255, SF_WRITE, NULL, NULL, NULL },
	READ("PhotoUrl", "Photo URL", SF_URL, 255),
	AREA("Description", "Description", 32000),
	PICK("LeadSource", "Lead Source", 255, SOURCES),
	{ "Status", "Status", SF_PICKLIST, 255, SF_WRITE | SF_NOT_NULL, NULL, NULL,
	  "Open - Not Contacted|Working - Contacted|Closed - Converted|Closed - Not Converted" },
	PICK("Industry", "Industry", 255, INDUSTRIES),
	PICK("Rating", "Rating", 255, "Hot|Warm|Cold"),
	{ "AnnualRevenue", "Annual Revenue", SF_CURRENCY, 0, SF_WRITE, NULL, NULL, NULL },
	{ "NumberOfEmployees", "Employees", SF_INT, 0, SF_WRITE, NULL, NULL, NULL },
	OWNER,
	BOOL("HasOptedOutOfEmail", "Email Opt Out"),
	FIXED("IsConverted", "Converted", SF_BOOLEAN, 0),
	READ("ConvertedDate", "Converted Date", SF_DATE, 0),
	{ "ConvertedAccountId", "Converted Account ID", SF_REFERENCE, 18, 0, "Account",
	  "ConvertedAccount", NULL },
	{ "ConvertedContactId", "Converted Contact ID", SF_REFERENCE, 18, 0, "Contact",
	  "ConvertedContact", NULL },
	BOOL("IsUnreadByOwner", "Unread By Owner"),
	SYSTEM_FIELDS,
	READ("LastActivityDate", "Last Activity", SF_DATE, 0),
	READ("LastViewedDate", "Last Viewed Date", SF_DATETIME, 0),
	READ("LastReferencedDate", "Last Referenced Date", SF_DATETIME, 0),
};

/* Rows are made for each query: sf_access.c. */
static const struct sf_field access_fields[] = {
	ID("User Record Access"),
	{ "RecordId", "Record ID", SF_ID, 18, SF_NOT_NULL, NULL, NULL, NULL },
	{ "UserId", "User ID", SF_ID, 18, SF_NOT_NULL, NULL, NULL, NULL },
	FIXED("HasReadAccess", "Has Read Access", SF_BOOLEAN, 0),
	FIXED("HasEditAccess", "Has Edit Access", SF_BOOLEAN, 0),
	FIXED("HasDeleteAccess", "Has Delete Access", SF_BOOLEAN, 0),
	FIXED("HasTransferAccess", "Has Transfer Access", SF_BOOLEAN, 0),
	FIXED("HasAllAccess", "Has All Access", SF_BOOLEAN, 0),
	{ "MaxAccessLevel", "Maximum Access Level", SF_PICKLIST, 40, SF_NOT_NULL, NULL, NULL,
	  "None|Read|Edit|Delete|Transfer|All" },
};

static const struct sf_object objects[] = {
	{ "User", "User", "Users", "005", user_fields, ARRAY_SIZE(user_fields), false, NULL },
	{ "Account", "Account", "Accounts", "001", account_fields, ARRAY_SIZE(account_fields), true, NULL },
	{ "Contact", "Contact", "Contacts", "003", contact_fields, ARRAY_SIZE(contact_fields), true, NULL },
	{ "Lead", "Lead", "Leads", "00Q", lead_fields, ARRAY_SIZE(lead_fields), true, NULL },
	{ "UserRecordAccess", "User Record Access", "User Record Access", "0Zx", access_fields,
	  ARRAY_SIZE(access_fields), false, NULL },
};
/* clang-format on */

static void add_table(struct sf_table *table, const struct sf_object *object)
{
	*table = (struct sf_table){ .name = object->name,
		.label = object->label,
		.plural = object->plural,
		.prefix = object->prefix,
		.n_fields = object->n_fields,
		.has_trash = object->has_trash,
		.rules = object->rules,
		.unique = json_object() };
	table->fields = xcalloc(object->n_fields, sizeof(*table->fields));
	memcpy(table->fields, object->fields, object->n_fields * sizeof(*table->fields));
	table->has_owner = sf_field_find(table, "OwnerId") != NULL;
}

void sf_objects_init(struct sf *sf)
{
	sf->n_tables = ARRAY_SIZE(objects) + sf_activity_n_objects;
	sf->tables = xcalloc(sf->n_tables, sizeof(*sf->tables));
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		add_table(&sf->tables[i], &objects[i]);
	for (size_t i = 0; i < sf_activity_n_objects; i++)
		add_table(&sf->tables[ARRAY_SIZE(objects) + i], &sf_activity_objects[i]);
}
