/* What a request must look like, for when Microsoft's schema is not at hand.
 *
 * One row a type: its attributes and its children in order.  In `attributes` a name ends in ! when
 * it must be there, and may be followed by =a,b,c, the values it may have.  In `children` each word
 * is [name|name|...]:type, or name:type, followed by nothing (exactly one), ? (one or none), + (one
 * or more) or * (any number).  A type without a row is one of the texts below, or takes anything.
 * What is of type "item" is checked by the table of properties. */
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews.h"

#define SHAPES	     "IdOnly,Default,AllProperties"
#define DELETE_TYPES "HardDelete,SoftDelete,MoveToDeletedItems"
#define SEND_TO	     "SendToNone,SendOnlyToAll,SendToAllAndSaveCopy"
#define FORMATS	     "EwsLegacyId,EwsId,EntryId,HexEntryId,StoreId,OwaId"
#define ITEMS                                                                                      \
	"Item|Message|CalendarItem|Contact|DistributionList|MeetingMessage|MeetingRequest|"        \
	"MeetingResponse|MeetingCancellation|Task|PostItem|ReplyToItem|ForwardItem|"               \
	"ReplyAllToItem|"                                                                          \
	"AcceptItem|TentativelyAcceptItem|DeclineItem|CancelCalendarItem|RemoveItem|"              \
	"SuppressReadReceipt|PostReplyItem|AcceptSharingInvitation|RoleMember|Network|Person"
#define FOLDERS "Folder|CalendarFolder|ContactsFolder|SearchFolder|TasksFolder"
#define FOLDER_NAMES                                                                               \
	"calendar,contacts,deleteditems,drafts,inbox,journal,notes,outbox,sentitems,"              \
	"tasks,msgfolderroot,publicfoldersroot,root,junkemail,searchfolders,voicemail,"            \
	"recoverableitemsroot,recoverableitemsdeletions,recoverableitemsversions,"                 \
	"recoverableitemspurges,recoverableitemsdiscoveryholds,archiveroot,archivemsgfolderroot,"  \
	"archivedeleteditems,archiveinbox,archiverecoverableitemsroot,"                            \
	"archiverecoverableitemsdeletions,archiverecoverableitemsversions,"                        \
	"archiverecoverableitemspurges,archiverecoverableitemsdiscoveryholds,syncissues,"          \
	"conflicts,"                                                                               \
	"localfailures,serverfailures,recipientcache,quickcontacts,conversationhistory,"           \
	"adminauditlogs,todosearch,mycontacts,directory,imcontactlist,peopleconnect,favorites,"    \
	"mecontact,personmetadata"
#define PROPERTY_SETS                                                                              \
	"Meeting,Appointment,Common,PublicStrings,Address,InternetHeaders,"                        \
	"CalendarAssistant,UnifiedMessaging,Task,Sharing"
#define PROPERTY_TYPES                                                                             \
	"ApplicationTime,ApplicationTimeArray,Binary,BinaryArray,Boolean,CLSID,"                   \
	"CLSIDArray,Currency,CurrencyArray,Double,DoubleArray,Error,Float,FloatArray,Integer,"     \
	"IntegerArray,Long,LongArray,Null,Object,ObjectArray,Short,ShortArray,SystemTime,"         \
	"SystemTimeArray,String,StringArray"
#define PATHS "FieldURI|IndexedFieldURI|ExtendedFieldURI|ExceptionFieldURI"
#define EXPRESSIONS                                                                                \
	"SearchExpression|And|Or|Not|Contains|Excludes|Exists|IsEqualTo|IsNotEqualTo|"             \
	"IsGreaterThan|IsGreaterThanOrEqualTo|IsLessThan|IsLessThanOrEqualTo"

/* clang-format off */
static const struct rule {
	const char *type, *attributes, *children;
} rules[] = {
	{ "GetFolder", "", "FolderShape:FolderShape FolderIds:FolderIds" },
	{ "FindFolder", "Traversal!=Shallow,Deep,SoftDeleted", "FolderShape:FolderShape "
		"[IndexedPageFolderView|FractionalPageFolderView]:view? Restriction:Restriction? "
		"ParentFolderIds:FolderIds" },
	{ "CreateFolder", "", "ParentFolderId:TargetFolder Folders:Folders" },
	{ "UpdateFolder", "", "FolderChanges:FolderChanges" },
	{ "MoveFolder", "", "ToFolderId:TargetFolder FolderIds:FolderIds" },
	{ "DeleteFolder", "DeleteType!=" DELETE_TYPES, "FolderIds:FolderIds" },
	{ "EmptyFolder", "DeleteType!=" DELETE_TYPES " DeleteSubFolders!=true,false,1,0", "FolderIds:FolderIds" },
	{ "SyncFolderHierarchy", "", "FolderShape:FolderShape SyncFolderId:TargetFolder? "
		"SyncState:text?" },
	{ "SyncFolderItems", "", "ItemShape:ItemShape SyncFolderId:TargetFolder SyncState:text? "
		"Ignore:ItemIds? MaxChangesReturned:max SyncScope:scope? NumberOfDays:text? "
		"MaximumCount:text? MinimumCount:text?" },
	{ "GetItem", "", "ItemShape:ItemShape ItemIds:ItemIds" },
	{ "FindItem", "Traversal!=Shallow,SoftDeleted,Associated", "ItemShape:ItemShape "
		"[IndexedPageItemView|FractionalPageItemView|SeekToConditionPageItemView|CalendarView|"
		"ContactsView]:view? [GroupBy|DistinguishedGroupBy]:any? Restriction:Restriction? "
		"SortOrder:SortOrder? ParentFolderIds:FolderIds QueryString:text?" },
	{ "CreateItem", "MessageDisposition=SaveOnly,SendOnly,SendAndSaveCopy "
		"SendMeetingInvitations=" SEND_TO, "SavedItemFolderId:TargetFolder? Items:Items" },
	{ "UpdateItem", "ConflictResolution!=NeverOverwrite,AutoResolve,AlwaysOverwrite "
		"MessageDisposition=SaveOnly,SendOnly,SendAndSaveCopy "
		"SendMeetingInvitationsOrCancellations=SendToNone,SendOnlyToAll,SendOnlyToChanged,"
		"SendToAllAndSaveCopy,SendToChangedAndSaveCopy SuppressReadReceipts",
		"SavedItemFolderId:TargetFolder? ItemChanges:ItemChanges" },
	{ "DeleteItem", "DeleteType!=" DELETE_TYPES " SendMeetingCancellations=" SEND_TO
		" AffectedTaskOccurrences=AllOccurrences,SpecifiedOccurrenceOnly SuppressReadReceipts",
		"ItemIds:ItemIds" },
	{ "MoveItem", "", "ToFolderId:TargetFolder ItemIds:ItemIds ReturnNewItemIds:bool?" },
	{ "CopyItem", "", "ToFolderId:TargetFolder ItemIds:ItemIds ReturnNewItemIds:bool?" },
	{ "SendItem", "SaveItemToFolder!=true,false,1,0", "ItemIds:ItemIds SavedItemFolderId:TargetFolder?" },
	{ "CreateAttachment", "", "ParentItemId:ItemId Attachments:Attachments" },
	{ "GetAttachment", "", "AttachmentShape:AttachmentShape? AttachmentIds:AttachmentIds" },
	{ "DeleteAttachment", "", "AttachmentIds:AttachmentIds" },
	{ "ConvertId", "DestinationFormat!=" FORMATS, "SourceIds:SourceIds" },
	{ "ResolveNames", "ReturnFullContactData!=true,false,1,0 "
		"SearchScope=ActiveDirectory,ActiveDirectoryContacts,Contacts,ContactsActiveDirectory "
		"ContactDataShape=" SHAPES, "ParentFolderIds:FolderIds? UnresolvedEntry:text" },
	{ "GetUserConfiguration", "", "UserConfigurationName:ConfigName "
		"UserConfigurationProperties:text" },
	{ "CreateUserConfiguration", "", "UserConfiguration:Config" },
	{ "UpdateUserConfiguration", "", "UserConfiguration:Config" },
	{ "DeleteUserConfiguration", "", "UserConfigurationName:ConfigName" },
	{ "GetServerTimeZones", "ReturnFullTimeZoneData", "Ids:any?" },

	{ "FolderShape", "", "BaseShape:base AdditionalProperties:Paths?" },
	{ "ItemShape", "", "BaseShape:base IncludeMimeContent:bool? BodyType:body? "
		"UniqueBodyType:body? NormalizedBodyType:body? FilterHtmlContent:bool? "
		"ConvertHtmlCodePageToUTF8:text? InlineImageUrlTemplate:text? "
		"BlockExternalImages:text? AddBlankTargetToLinks:text? MaximumBodySize:text? "
		"AdditionalProperties:Paths?" },
	{ "Paths", "", "[" PATHS "]:Path+" },
	{ "FieldURI", "FieldURI!", "" },
	{ "IndexedFieldURI", "FieldURI! FieldIndex!", "" },
	{ "ExtendedFieldURI", "DistinguishedPropertySetId=" PROPERTY_SETS " PropertySetId PropertyTag "
		"PropertyName PropertyId PropertyType!=" PROPERTY_TYPES, "" },
	{ "FolderIds", "", "[FolderId|DistinguishedFolderId|AddressListId|ConsumerCalendarId]:Id+" },
	{ "TargetFolder", "", "[FolderId|DistinguishedFolderId|AddressListId|ConsumerCalendarId]:Id" },
	{ "FolderId", "Id! ChangeKey", "" },
	{ "DistinguishedFolderId", "Id!=" FOLDER_NAMES " ChangeKey", "Mailbox:Mailbox?" },
	{ "Mailbox", "", "Name:text? EmailAddress:text? RoutingType:text? MailboxType:text? "
		"ItemId:any? OriginalDisplayName:text?" },
	{ "ItemIds", "", "[ItemId|OccurrenceItemId|RecurringMasterItemId|RecurringMasterItemIdRanges]"
		":Id+" },
	{ "ItemId", "Id! ChangeKey", "" },
	{ "Attachments", "", "[ItemAttachment|FileAttachment|ReferenceAttachment]:Id+" },
	{ "FileAttachment", "", "AttachmentId:any? Name:text? ContentType:text? ContentId:text? "
		"ContentLocation:text? Size:text? LastModifiedTime:text? IsInline:bool? "
		"IsContactPhoto:bool? Content:text?" },
	{ "AttachmentShape", "", "IncludeMimeContent:bool? BodyType:body? FilterHtmlContent:bool? "
		"AdditionalProperties:Paths?" },
	{ "AttachmentIds", "", "AttachmentId:AttachmentId+" },
	{ "AttachmentId", "Id!", "" },
	{ "OccurrenceItemId", "RecurringMasterId! ChangeKey InstanceIndex!", "" },
	{ "RecurringMasterItemId", "OccurrenceId! ChangeKey", "" },
	{ "ConfigName", "Name!", "[FolderId|DistinguishedFolderId]:Id" },
	{ "Config", "", "UserConfigurationName:ConfigName ItemId:Id? Dictionary:any? XmlData:text? "
		"BinaryData:text?" },
	{ "SourceIds", "", "[AlternateId|AlternatePublicFolderId|AlternatePublicFolderItemId]:Id+" },
	{ "AlternateId", "Format!=" FORMATS " Id! Mailbox! IsArchive=true,false,1,0", "" },
	{ "Folders", "", "[" FOLDERS "]:NewFolder+" },
	{ "NewFolder", "", "FolderId:any? ParentFolderId:any? FolderClass:text? DisplayName:text? "
		"TotalCount:text? ChildFolderCount:text? ExtendedProperty:ExtendedProperty* "
		"ManagedFolderInformation:any? EffectiveRights:any? DistinguishedFolderId:text? "
		"PolicyTag:any? ArchiveTag:any? ReplicaList:any? SharingEffectiveRights:text? "
		"PermissionSet:any? UnreadCount:text? SearchParameters:any?" },
	{ "FolderChanges", "", "FolderChange:FolderChange+" },
	{ "FolderChange", "", "[FolderId|DistinguishedFolderId]:Id Updates:FolderUpdates" },
	{ "FolderUpdates", "", "[AppendToFolderField|SetFolderField|DeleteFolderField]:Update+" },
	{ "AppendToFolderField", "", "[" PATHS "]:Path [" FOLDERS "]:NewFolder" },
	{ "SetFolderField", "", "[" PATHS "]:Path [" FOLDERS "]:NewFolder" },
	{ "DeleteFolderField", "", "[" PATHS "]:Path" },
	{ "Items", "", "[" ITEMS "]:item+" },
	{ "ItemChanges", "", "ItemChange:ItemChange+" },
	{ "ItemChange", "", "[ItemId|OccurrenceItemId|RecurringMasterItemId]:Id Updates:Updates" },
	{ "Updates", "", "[AppendToItemField|SetItemField|DeleteItemField]:Update+" },
	{ "AppendToItemField", "", "[" PATHS "]:Path [" ITEMS "]:item" },
	{ "SetItemField", "", "[" PATHS "]:Path [" ITEMS "]:item" },
	{ "DeleteItemField", "", "[" PATHS "]:Path" },
	{ "ExtendedProperty", "", "ExtendedFieldURI:ExtendedFieldURI [Value|Values]:any" },
	{ "Restriction", "", "[" EXPRESSIONS "]:Expression" },
	{ "And", "", "[" EXPRESSIONS "]:Expression*" },
	{ "Or", "", "[" EXPRESSIONS "]:Expression*" },
	{ "Not", "", "[" EXPRESSIONS "]:Expression" },
	{ "Exists", "", "[" PATHS "]:Path" },
	{ "Contains", "ContainmentMode=FullString,Prefixed,Substring,PrefixOnWords,ExactPhrase "
		"ContainmentComparison", "[" PATHS "]:Path Constant:Constant" },
	{ "Constant", "Value!", "" },
	{ "IsEqualTo", "", "[" PATHS "]:Path FieldURIOrConstant:Operand" },
	{ "IsNotEqualTo", "", "[" PATHS "]:Path FieldURIOrConstant:Operand" },
	{ "IsGreaterThan", "", "[" PATHS "]:Path FieldURIOrConstant:Operand" },
	{ "IsGreaterThanOrEqualTo", "", "[" PATHS "]:Path FieldURIOrConstant:Operand" },
	{ "IsLessThan", "", "[" PATHS "]:Path FieldURIOrConstant:Operand" },
	{ "IsLessThanOrEqualTo", "", "[" PATHS "]:Path FieldURIOrConstant:Operand" },
	{ "Operand", "", "[" PATHS "|Constant]:Path" },
	{ "SortOrder", "", "FieldOrder:FieldOrder+" },
	{ "FieldOrder", "Order!=Ascending,Descending", "[" PATHS "]:Path" },
	{ "IndexedPageItemView", "MaxEntriesReturned Offset! BasePoint!=Beginning,End", "" },
	{ "IndexedPageFolderView", "MaxEntriesReturned Offset! BasePoint!=Beginning,End", "" },
	{ "CalendarView", "MaxEntriesReturned StartDate! EndDate!", "" },
	{ "ContactsView", "MaxEntriesReturned InitialName FinalName", "" },
};
/* clang-format on */

static int check(struct ews_ctx *c, const xmlNode *node, const char *type, size_t type_len);

static const struct rule *find_rule(const char *type, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (strlen(rules[i].type) == len && !memcmp(rules[i].type, type, len))
			return &rules[i];
	return NULL;
}

/* Whether `word` is one of the words of `list`, which `separator` parts. */
static bool listed(const char *list, size_t len, const char *word, char separator)
{
	size_t want = strlen(word);

	while (len) {
		const char *end = memchr(list, separator, len);
		size_t n = end ? (size_t)(end - list) : len;

		if (n == want && !memcmp(list, word, n))
			return true;
		list += n + (end != NULL);
		len -= n + (end != NULL);
	}
	return false;
}

/* The word of `attributes` that is about this name, or NULL. */
static const char *attribute_rule(const char *attributes, const char *name)
{
	size_t len = strlen(name);

	while (*attributes) {
		if (!strncmp(attributes, name, len) && strchr("!= ", attributes[len]))
			return attributes;
		attributes += strcspn(attributes, " ");
		attributes += *attributes == ' ';
	}
	return NULL;
}

static int check_attributes(struct ews_ctx *c, const xmlNode *node, const char *attributes)
{
	for (const xmlAttr *a = node->properties; a; a = a->next) {
		const char *name = (const char *)a->name, *rule = attribute_rule(attributes, name);
		char *value AUTOFREE = xml_get(node, name);
		const char *values;

		if (a->ns)
			continue;
		if (!rule) {
			ews_schema_fault(
				c, xmlGetLineNo(node), "The '%s' attribute is not declared.", name);
			return -1;
		}
		values = strpbrk(rule, "= ");
		if (values && *values == '=' &&
			!listed(values + 1, strcspn(values + 1, " "), value, ',')) {
			ews_schema_fault(c, xmlGetLineNo(node),
				"The '%s' attribute is invalid - The "
				"value '%s' is invalid according to its datatype - The Enumeration "
				"constraint failed.",
				name, value);
			return -1;
		}
	}
	for (const char *rule = attributes; *rule; rule += *rule == ' ') {
		size_t len = strcspn(rule, "!= ");
		char *name AUTOFREE = xstrndup(rule, len), *value AUTOFREE = xml_get(node, name);

		if (rule[len] == '!' && !value) {
			ews_schema_fault(c, xmlGetLineNo(node),
				"The required attribute '%s' is "
				"missing.",
				name);
			return -1;
		}
		rule += strcspn(rule, " ");
	}
	return 0;
}

/* Whether a property's value is of its type: it is stored into an item that nobody sees.  Other
 * mistakes than the schema's are for the operation to find. */
static void check_value(struct ews_ctx *c, enum ews_kind kind, const xmlNode *property)
{
	struct ews_item *nobody = xcalloc(1, sizeof(*nobody));
	struct ews_error ignored = { 0 };

	nobody->kind = kind;
	nobody->mailbox = c->ews->mailboxes;
	if (nobody->mailbox)
		ews_parse_property(c, nobody, property, &ignored);
	ews_item_discard(nobody);
}

/* The properties inside an item element: known, and in the order of the table. */
static int check_item(struct ews_ctx *c, const xmlNode *node)
{
	enum ews_kind kind = ews_element_kind((const char *)node->name);
	int last = -1;

	if (!kind)
		return 0;
	xml_each(child, node)
	{
		int prop = ews_prop_by_element(kind, (const char *)child->name);
		bool again = prop >= 0 && prop == last && ews_props[prop].type == EWS_T_EXTENDED;

		if (prop < 0 || (prop <= last && !again) || !child->ns ||
			strcmp((const char *)child->ns->href, EWS_NS_T) != 0) {
			ews_schema_fault(c, xmlGetLineNo(child),
				"The element '%s' in namespace '%s' has invalid child element "
				"'%s'.",
				(const char *)node->name, EWS_NS_T, (const char *)child->name);
			return -1;
		}
		last = prop;
		if (ews_props[prop].type != EWS_T_EXTENDED)
			check_value(c, kind, child);
		else
			check(c, child, "ExtendedProperty", strlen("ExtendedProperty"));
		if (c->fault_code)
			return -1;
	}
	return 0;
}

static const struct {
	const char *type, *values; /* NULL: any text */
} texts[] = {
	{ "base", SHAPES },
	{ "body", "Best,HTML,Text" },
	{ "bool", "true,false,1,0" },
	{ "scope", "NormalItems,NormalAndAssociatedItems" },
	{ "text", NULL },
};

static bool is_type(const char *type, size_t len, const char *name)
{
	return len == strlen(name) && !memcmp(type, name, len);
}

static bool is_text(const char *type, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (is_type(type, len, texts[i].type))
			return true;
	return is_type(type, len, "max");
}

static bool text_fits(const char *text, const char *type, size_t len)
{
	char *end;
	long n;

	if (is_type(type, len, "max")) {
		n = strtol(text, &end, 10);
		return end != text && !*end && n >= 1 && n <= 512;
	}
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (is_type(type, len, texts[i].type))
			return !texts[i].values ||
			       listed(texts[i].values, strlen(texts[i].values), text, ',');
	return true;
}

static int check_text(struct ews_ctx *c, const xmlNode *node, const char *type, size_t len)
{
	char *text AUTOFREE = xml_content(node);

	if (!xml_first(node) && text_fits(text, type, len))
		return 0;
	ews_schema_fault(c, xmlGetLineNo(node),
		"The '%s' element is invalid - The value '%s' is invalid according to its "
		"datatype.",
		(const char *)node->name, text);
	return -1;
}

/* One word of `children`, taken apart. */
struct word {
	const char *names, *type;
	size_t names_len, type_len;
	char count; /* 1, ?, + or * */
};

static const char *next_word(const char *at, struct word *w)
{
	const char *colon;

	w->count = '1';
	if (*at == '[') {
		colon = strchr(at, ']') + 1;
		w->names = at + 1;
		w->names_len = (size_t)(colon - 1 - w->names);
	} else {
		colon = strchr(at, ':');
		w->names = at;
		w->names_len = (size_t)(colon - at);
	}
	w->type = colon + 1;
	w->type_len = strcspn(w->type, " ?+*");
	at = w->type + w->type_len;
	if (strchr("?+*", *at) && *at)
		w->count = *at++;
	return at + (*at == ' ');
}

static int check_child(struct ews_ctx *c, const xmlNode *child, const struct word *w)
{
	static const char *const by_name[] = { "Id", "Path", "Update", "Expression", "view" };

	if (is_type(w->type, w->type_len, "any"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(by_name); i++)
		if (is_type(w->type, w->type_len, by_name[i]))
			return check(c, child, (const char *)child->name,
				strlen((const char *)child->name));
	if (is_type(w->type, w->type_len, "item"))
		return check_item(c, child);
	return check(c, child, w->type, w->type_len);
}

static int check_children(struct ews_ctx *c, const xmlNode *node, const char *children)
{
	xmlNode *child = xml_first(node);
	struct word w;

	while (*children) {
		size_t n = 0;

		children = next_word(children, &w);
		while (child && listed(w.names, w.names_len, (const char *)child->name, '|') &&
			(n == 0 || w.count == '+' || w.count == '*')) {
			if (check_child(c, child, &w))
				return -1;
			child = xml_next(child);
			n++;
		}
		if (!n && (w.count == '1' || w.count == '+')) {
			ews_schema_fault(c, xmlGetLineNo(node),
				"The element '%s' %s. List of possible "
				"elements expected: '%.*s'.",
				(const char *)node->name,
				child ? "has invalid child element" : "has incomplete content",
				(int)w.names_len, w.names);
			return -1;
		}
	}
	if (child) {
		ews_schema_fault(c, xmlGetLineNo(child),
			"The element '%s' has invalid child element "
			"'%s'.",
			(const char *)node->name, (const char *)child->name);
		return -1;
	}
	return 0;
}

static int check(struct ews_ctx *c, const xmlNode *node, const char *type, size_t type_len)
{
	const struct rule *rule = find_rule(type, type_len);

	if (!rule)
		return is_text(type, type_len) ? check_text(c, node, type, type_len) : 0;
	if (check_attributes(c, node, rule->attributes))
		return -1;
	return check_children(c, node, rule->children);
}

int ews_grammar_check(struct ews_ctx *c, const xmlNode *payload)
{
	const char *name = (const char *)payload->name;

	if (!payload->ns || strcmp((const char *)payload->ns->href, EWS_NS_M) != 0) {
		ews_schema_fault(c, xmlGetLineNo(payload),
			"The element '%s' is not in the namespace "
			"'%s'.",
			name, EWS_NS_M);
		return -1;
	}
	return check(c, payload, name, strlen(name));
}
