/* Short ways to write the rows of an object's table: shared by the files that have one. */
#ifndef TESTS_SIM_SF_FIELDS_H
#define TESTS_SIM_SF_FIELDS_H

#include "tests/sim/sf.h"

/* clang-format off */
#define TEXT(n, l, len)		{ n, l, SF_STRING, len, SF_WRITE, NULL, NULL, NULL }
#define AREA(n, l, len)		{ n, l, SF_TEXTAREA, len, SF_WRITE, NULL, NULL, NULL }
#define PHONE(n, l)		{ n, l, SF_PHONE, 40, SF_WRITE, NULL, NULL, NULL }
#define PICK(n, l, len, v)	{ n, l, SF_PICKLIST, len, SF_WRITE, NULL, NULL, v }
#define BOOL(n, l)		{ n, l, SF_BOOLEAN, 0, SF_WRITE | SF_NOT_NULL, NULL, NULL, NULL }
#define REF(n, l, obj, rel)	{ n, l, SF_REFERENCE, 18, SF_WRITE, obj, rel, NULL }
#define READ(n, l, t, len)	{ n, l, t, len, 0, NULL, NULL, NULL }
#define FIXED(n, l, t, len)	{ n, l, t, len, SF_NOT_NULL, NULL, NULL, NULL }

#define ADDRESS(p, l) \
	{ p "Street", l " Street", SF_TEXTAREA, 255, SF_WRITE, NULL, NULL, NULL }, \
	{ p "City", l " City", SF_STRING, 40, SF_WRITE, NULL, NULL, NULL }, \
	{ p "State", l " State/Province", SF_STRING, 80, SF_WRITE, NULL, NULL, NULL }, \
	{ p "PostalCode", l " Zip/Postal Code", SF_STRING, 20, SF_WRITE, NULL, NULL, NULL }, \
	{ p "Country", l " Country", SF_STRING, 80, SF_WRITE, NULL, NULL, NULL }, \
	{ p "Latitude", l " Latitude", SF_DOUBLE, 0, SF_WRITE, NULL, NULL, NULL }, \
	{ p "Longitude", l " Longitude", SF_DOUBLE, 0, SF_WRITE, NULL, NULL, NULL }, \
	{ p "GeocodeAccuracy", l " Geocode Accuracy", SF_PICKLIST, 40, SF_WRITE, NULL, NULL, GEOCODES }, \
	{ p "Address", l " Address", SF_ADDRESS, 0, SF_CALCULATED | SF_NOFILTER, NULL, NULL, NULL }

#define SYSTEM_FIELDS \
	{ "CreatedDate", "Created Date", SF_DATETIME, 0, SF_NOT_NULL, NULL, NULL, NULL }, \
	{ "CreatedById", "Created By ID", SF_REFERENCE, 18, SF_NOT_NULL, "User", "CreatedBy", NULL }, \
	{ "LastModifiedDate", "Last Modified Date", SF_DATETIME, 0, SF_NOT_NULL, NULL, NULL, NULL }, \
	{ "LastModifiedById", "Last Modified By ID", SF_REFERENCE, 18, SF_NOT_NULL, "User", \
	  "LastModifiedBy", NULL }, \
	{ "SystemModstamp", "System Modstamp", SF_DATETIME, 0, SF_NOT_NULL, NULL, NULL, NULL }

#define OWNER \
	{ "OwnerId", "Owner ID", SF_REFERENCE, 18, SF_WRITE | SF_NOT_NULL, "User", "Owner", NULL }
#define ID(l)	   { "Id", l " ID", SF_ID, 18, SF_NOT_NULL | SF_IDLOOKUP, NULL, NULL, NULL }
#define IS_DELETED { "IsDeleted", "Deleted", SF_BOOLEAN, 0, SF_NOT_NULL, NULL, NULL, NULL }
#define MASTER(obj) \
	{ "MasterRecordId", "Master Record ID", SF_REFERENCE, 18, 0, obj, "MasterRecord", NULL }

/* The external id field that the gateway's creates carry. */
#define TOKEN \
	{ "Tandem_Token__c", "Tandem Token", SF_STRING, 64, \
	  SF_WRITE | SF_UNIQUE | SF_IDLOOKUP | SF_CUSTOM, NULL, NULL, NULL }
/* clang-format on */

#endif
