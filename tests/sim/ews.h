/* The simulated Exchange, inside.  See sim.h for what the rest of the simulator may call.
 *
 *   ews_soap.c      one request: sign-in, envelope, impersonation, dispatch, faults
 *   ews_access.c    what a request names, and who may touch it
 *   ews_message.c   the <m:XResponseMessage> frames that operations answer with
 *   ews_xml.c       writing XML, reading the parsed request
 *   ews_grammar.c   what a request must look like, without Microsoft's schema at hand
 *   ews_schema.c    the same with it (--schema), and our own answers
 *   ews_store.c     mailboxes, folders, items, and the log of what changed
 *   ews_id.c        ids and change keys, ConvertId
 *   ews_props.c     the table of item properties: FieldURI, element, order, type
 *   ews_value.c     an item's properties: read, write
 *   ews_compute.c   what the server itself makes of an item
 *   ews_ext.c       extended (MAPI) properties
 *   ews_shape.c     what a request wants to see, and an item written in that shape
 *   ews_parse.c     an item element of a request stored into an item
 *   ews_item.c      GetItem, CreateItem, DeleteItem, MoveItem, CopyItem, SendItem
 *   ews_update.c    UpdateItem
 *   ews_attach.c    attachments and their operations;  ews_members.c: members of distribution lists
 *   ews_folder.c    the folder operations
 *   ews_find.c      FindItem and FindFolder;  ews_restrict.c: their Restriction
 *   ews_sync.c      SyncFolderItems and SyncFolderHierarchy
 *   ews_config.c    user configurations (CategoryList)
 *   ews_names.c     ResolveNames
 *   ews_act.c       /sim/ews/...: rights, and manners of real servers;  ews_restore.c: from a backup
 *   ews_dump.c      the state as JSON;  ews_autodiscover.c: POX Autodiscover
 *   ews_calendar.h  appointments, tasks, recurrences, time zones: the files that it lists
 */
#ifndef TESTS_SIM_EWS_H
#define TESTS_SIM_EWS_H

#include <libxml/hash.h>
#include <libxml/tree.h>

#include "tests/sim/sim.h"

#define EWS_NS_T	 "http://schemas.microsoft.com/exchange/services/2006/types"
#define EWS_NS_M	 "http://schemas.microsoft.com/exchange/services/2006/messages"
#define EWS_NS_E	 "http://schemas.microsoft.com/exchange/services/2006/errors"
#define EWS_NS_SOAP	 "http://schemas.xmlsoap.org/soap/envelope/"

#define EWS_ANSWER_LIMIT ((size_t)256 << 20)
#define EWS_KEY_LEN	 16 /* PidTagSearchKey, GUIDs */

struct ews_folder;
struct ews_mailbox;
struct ews_zone;
struct ews_schema;

/* The elements that an item can be; bits, so that a property can name several. */
enum ews_kind {
	EWS_ITEM = 1,
	EWS_MESSAGE = 2,
	EWS_CONTACT = 4,
	EWS_CALENDAR = 8,
	EWS_TASK = 16,
	EWS_DISTLIST = 32,
	EWS_EVERY = 63,
};

enum ews_type {
	EWS_T_STRING,
	EWS_T_BOOL,
	EWS_T_INT,
	EWS_T_DOUBLE,
	EWS_T_DATE,   /* xs:dateTime, kept as UTC with Z, given in the zone of the request */
	EWS_T_DAY,    /* xs:dateTime that means a day of no zone: kept as its midnight with Z */
	EWS_T_ZONE,   /* a time zone: kept as its Windows id */
	EWS_T_BINARY, /* base64 */
	EWS_T_ENUM,
	EWS_T_LIST,	 /* ArrayOfStrings */
	EWS_T_BODY,	 /* part 0 the text, part 1 "HTML" or "Text" */
	EWS_T_EMAILS,	 /* Entry with Key; part 0 address, 1 Name, 2 RoutingType */
	EWS_T_DICT,	 /* Entry with Key and text */
	EWS_T_ADDRESSES, /* Entry with Key and elements; part = which element */
	EWS_T_MAILBOX,	 /* SingleRecipientType, kept as XML */
	EWS_T_XML,	 /* anything else with inner elements, kept as XML */
	EWS_T_ID,	 /* ItemId, FolderId, ConversationId: written by the server only */
	EWS_T_EXTENDED,	 /* ExtendedProperty */
};

enum ews_prop_flag {
	EWS_F_DEFAULT = 1,  /* in BaseShape Default */
	EWS_F_ALL = 2,	    /* in BaseShape AllProperties */
	EWS_F_NOFIND = 4,   /* not in FindItem and SyncFolderItems */
	EWS_F_READONLY = 8, /* ErrorInvalidPropertySet when written */
	EWS_F_APPEND = 16,  /* AppendToItemField allowed */
	EWS_F_CREATE = 32,  /* ErrorInvalidPropertySet when updated */
};

struct ews_item;

/* What the server makes of an item where nothing is stored; NULL absent; caller frees. */
typedef char *ews_compute(const struct ews_item *item);

/* One row of the table.  The rows of a kind stand in schema order. */
struct ews_prop {
	enum ews_kind kind; /* EWS_EVERY: of ItemType, else of that element */
	const char *element;
	const char *uri; /* FieldURI; for dictionaries the plural one */
	enum ews_type type;
	unsigned int flags;
	const char *keys;     /* enumeration values or dictionary keys, separated by spaces */
	const char *indexed;  /* IndexedFieldURI, for addresses without the part */
	unsigned int tag;     /* the MAPI property it is the face of, or 0 */
	ews_compute *compute; /* or NULL */
};

extern const struct ews_prop ews_props[];
extern const size_t ews_n_props;
extern const char *const ews_address_parts[5];
#define EWS_MAX_PROPS 320

/* A cell of an item: property, dictionary key or list index, part.  text NULL: deleted. */
struct ews_value {
	unsigned short prop;
	unsigned short key;
	unsigned short part;
	uint64_t change; /* the item's change number that wrote it */
	char *text;
};

/* The name of an extended property, interned: equal names are equal pointers. */
struct ews_ext_name {
	char *label;	  /* "PublicStrings/x", "Address/0x8083", "GUID/x", "0x3a45" */
	const char *type; /* "String", "BinaryArray", ... */
	char *set;	  /* GUID in small letters, NULL for a tag */
	char *name;	  /* or NULL */
	unsigned int id;  /* PropertyId or PropertyTag */
};

struct ews_ext_value {
	const struct ews_ext_name *name;
	uint64_t change;
	size_t n; /* 0: deleted */
	char **values;
};

/* Where an item stood in its folder's log. */
struct ews_history {
	uint64_t seq;
	bool read_flag; /* only IsRead changed */
};

struct ews_attachment {
	uint64_t number; /* within the item, never given twice */
	char *name, *content_type, *content_id, *content_location; /* or NULL */
	bool is_inline, is_photo;
	int64_t modified; /* ns */
	unsigned char *content;
	size_t size;
	struct ews_attachment *next;
};

/* A day of a series that is not as the pattern says: see ews_calendar.h. */
struct ews_exception {
	int64_t day;
	struct ews_item *item; /* the properties in which it differs; NULL: deleted */
};

struct ews_item {
	char *id;
	uint64_t counter;
	struct ews_mailbox *mailbox;
	struct ews_folder *folder; /* NULL once it is gone: what is left is for the log */
	struct ews_item *prev, *next;
	enum ews_kind kind;
	bool associated;
	uint64_t change; /* stands in the ChangeKey */
	unsigned char search_key[EWS_KEY_LEN];
	int64_t created, modified; /* ns */
	char *modified_by;
	struct ews_value *values;
	size_t n_values;
	struct ews_ext_value *ext;
	size_t n_ext;
	struct ews_attachment *attachments; /* in the order they came */
	uint64_t next_attachment;
	struct ews_history *history;
	size_t n_history;
	struct ews_exception *exceptions; /* of a series, in order */
	size_t n_exceptions;
	struct ews_item *master; /* of an occurrence, which lives as long as its request */
	int64_t day;		 /* of an occurrence: the one that the pattern gave it */
	bool is_exception;
	bool pattern_changed; /* of a scratch: exceptions of the item no longer hold */
	bool seeding;	      /* what only the server knows is as the seed says */
};

struct ews_log_entry {
	uint64_t seq;
	struct ews_item *item;
};

struct ews_folder {
	char *id;
	uint64_t counter;
	struct ews_mailbox *mailbox;
	struct ews_folder *parent; /* NULL: the root */
	struct ews_folder *children, *sibling;
	char *name;
	char *folder_class;
	const char *distinguished; /* or NULL */
	bool live;
	uint64_t change;
	uint64_t created_seq, seq; /* in the mailbox's hierarchy */
	int64_t modified;
	struct ews_item *first, *last; /* in the order they came */
	size_t n_items, n_unread;
	struct ews_log_entry *log;
	size_t n_log, cap_log;
	uint64_t next_seq;
	struct ews_ext_value *ext;
	size_t n_ext;
};

struct ews_config {
	char *name;
	char *folder_id;
	char *id;
	uint64_t change;
	char *parts[3]; /* Dictionary (XML), XmlData, BinaryData (base64) */
	struct ews_config *next;
};

struct ews_mailbox {
	struct ews *ews;
	char *address;
	char *name;
	unsigned char guid[EWS_KEY_LEN];
	char *guid_text;
	uint64_t next_counter; /* of ids */
	uint64_t next_change;
	uint64_t hierarchy_seq;
	struct ews_folder *root;
	struct ews_folder **folders; /* live and dead, in order of creation */
	size_t n_folders;
	struct ews_item **dead; /* kept for the logs */
	size_t n_dead;
	struct ews_config *configs;
	unsigned int generation;       /* stands in SyncStates */
	struct ews_snapshot *snapshot; /* see ews_restore.c; or NULL */
	struct ews_mailbox *next;
};

struct ews_account {
	char *user;
	char *password;
	bool service; /* may impersonate everybody but `denied`, and open every mailbox */
	struct ews_mailbox *mailbox; /* its own, or NULL */
	char **denied;
	size_t n_denied;
	struct ews_account *next;
};

struct ews {
	struct sim *sim;
	struct ews_schema *schema; /* or NULL */
	struct ews_mailbox *mailboxes;
	struct ews_account *accounts;
	xmlHashTable *items;	 /* by id */
	xmlHashTable *folders;	 /* by id */
	xmlHashTable *ext_names; /* by label and type */
	xmlHashTable *prop_uris; /* FieldURI -> row */
	xmlHashTable *zones;	 /* by Windows id */
	unsigned long schema_faults;
	bool untidy;	 /* see ews_act.c */
	size_t max_item; /* bytes of an item with its attachments */
};

struct ews_error {
	const char *code; /* NULL: none */
	char text[256];
};

/* One request on its way. */
struct ews_ctx {
	struct ews *ews;
	const struct sim_request *req;
	struct sim_response *resp;
	const char *op;
	bool bare; /* the response is the one message: no m:ResponseMessages around it */
	struct ews_account *account;
	struct ews_mailbox *mailbox; /* acted as: impersonated, or the account's own; may be NULL */
	xmlNode *header, *payload;
	struct ews_zone *zone;	/* of times in the request without one, and of all answered */
	struct ews_item *views; /* occurrences made for this request */
	struct buf out;		/* the response messages */
	const char *inject;	/* ResponseCode that items answer with, by a fault; or NULL */
	long inject_index;	/* only that one; -1 all */
	long backoff_ms;
	long index; /* of the message being written */
	/* A SOAP fault to answer with instead. */
	char *fault_code, *fault_text, *violation;
	long fault_line;
};

/* ews_xml.c */
void xml_text(struct buf *b, const char *s);
void xml_attr(struct buf *b, const char *name, const char *value);
void xml_element(struct buf *b, const char *name, const char *text); /* NULL text writes nothing */
void xml_elementf(struct buf *b, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
xmlNode *xml_child(const xmlNode *node, const char *name);
xmlNode *xml_first(const xmlNode *node); /* first child element */
xmlNode *xml_next(const xmlNode *node);	 /* next sibling element */
bool xml_is(const xmlNode *node, const char *name);
char *xml_content(const xmlNode *node);			   /* never NULL, caller frees */
char *xml_get(const xmlNode *node, const char *attribute); /* NULL when absent */
char *xml_inner(const xmlNode *node);			   /* the elements inside, with prefix t: */
bool xml_true(const char *s);
void xml_cut(char *utf8, size_t max_chars); /* 0: not at all */
/* NOLINTNEXTLINE(bugprone-macro-parentheses): var is declared here */
#define xml_each(var, parent) for (xmlNode *var = xml_first(parent); var; var = xml_next(var))

/* ews_soap.c.  A fault ends the request; code and text are copied. */
void ews_fault(struct ews_ctx *c, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void ews_schema_fault(struct ews_ctx *c, long line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int ews_fail(struct ews_error *err, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4))); /* returns -1 */

/* ews_message.c.  ews_injected() says whether a fault of /sim/faults takes the place of the next
 * message; then err is filled and the caller answers it. */
bool ews_injected(struct ews_ctx *c, struct ews_error *err);
void ews_message_begin(struct ews_ctx *c, const char *response_class);
void ews_message_end(struct ews_ctx *c);
/* A whole failed message; `tail` is what the schema wants there, "<m:Items/>" or "". */
void ews_message_error(struct ews_ctx *c, const struct ews_error *err, const char *tail);
void ews_message_ok(struct ews_ctx *c); /* a whole message without content */

/* ews_grammar.c: 0, or -1 with a schema fault set. */
int ews_grammar_check(struct ews_ctx *c, const xmlNode *payload);

/* ews_schema.c */
struct ews_schema *ews_schema_load(const char *dir);
void ews_schema_free(struct ews_schema *schema);
/* 0, or -1 with line and text of the first violation (caller frees). */
int ews_schema_validate(struct ews_schema *schema, xmlNode *element, long *line, char **text);
void ews_schema_check_answer(struct ews *ews, const char *op, const struct buf *envelope);

/* ews_store.c */
struct ews_mailbox *ews_mailbox_find(struct ews *ews, const char *address);
struct ews_folder *ews_distinguished(struct ews_mailbox *mb, const char *name);
struct ews_folder *ews_folder_new(
	struct ews *ews, struct ews_folder *parent, const char *name, const char *folder_class);
struct ews_folder *ews_folder_child(struct ews_folder *parent, const char *name);
void ews_folder_touch(struct ews *ews, struct ews_folder *f);
/* One that was removed is there again, empty. */
void ews_folder_reparent(struct ews *ews, struct ews_folder *f, struct ews_folder *parent);
void ews_folder_renumber(struct ews *ews, struct ews_folder *f); /* a new id */
void ews_folder_remove(struct ews *ews, struct ews_folder *f);	 /* with all below it */
bool ews_folder_within(const struct ews_folder *f, const struct ews_folder *ancestor);
const char *ews_folder_element(const struct ews_folder *f);
/* An item that is not in its folder yet: insert it, or give it back. */
struct ews_item *ews_item_new(struct ews *ews, struct ews_folder *f, enum ews_kind kind);
void ews_item_discard(struct ews_item *draft);
void ews_item_insert(struct ews *ews, struct ews_item *draft, const char *by);
/* The same item apart, to change and then ews_item_replace() with, or discard. */
struct ews_item *ews_item_scratch(const struct ews_item *item);
void ews_item_replace(struct ews_item *item, struct ews_item *scratch);
/* After a change: new ChangeKey, modification time and name, an entry in the log. */
void ews_item_touch(struct ews *ews, struct ews_item *item, const char *by, bool read_flag);
void ews_item_remove(struct ews *ews, struct ews_item *item);
/* Not inserted; with the times of the original. */
struct ews_item *ews_item_duplicate(
	struct ews *ews, const struct ews_item *item, struct ews_folder *to);
struct ews_item *ews_item_copy(
	struct ews *ews, const struct ews_item *item, struct ews_folder *to, const char *by);
/* Same item under a new id. */
struct ews_item *ews_item_move(
	struct ews *ews, struct ews_item *item, struct ews_folder *to, const char *by);
const char *ews_kind_element(enum ews_kind kind);
enum ews_kind ews_element_kind(const char *element); /* 0 when it is none */

/* ews_id.c */
void ews_mailbox_ids(struct ews_mailbox *mb);
uint64_t ews_next_counter(struct ews_mailbox *mb);
uint64_t ews_next_change(struct ews_mailbox *mb); /* the number after it is never given */
char *ews_item_id(const struct ews_item *item);
char *ews_folder_id(const struct ews_folder *f);
void ews_item_entry_id(const struct ews_item *item, unsigned char out[70]);
void ews_source_key(const struct ews_mailbox *mb, uint64_t counter, unsigned char out[22]);
char *ews_change_key(const struct ews_mailbox *mb, uint64_t change);
/* false when it is not one of ours */
bool ews_change_key_read(const struct ews_mailbox *mb, const char *key, uint64_t *change);
bool ews_id_well_formed(const char *id);
char *base64_encode(const void *data, size_t len);
unsigned char *base64_decode(const char *text, size_t *len); /* NULL when it is not base64 */
char *hex_encode(const unsigned char *data, size_t len);
void ews_write_id(struct buf *b, const char *element, const char *id, const char *change_key);
void ews_write_item_id(struct buf *b, const struct ews_item *item);
void ews_write_folder_id(struct buf *b, const char *element, const struct ews_folder *f);
void ews_op_convert_id(struct ews_ctx *c);

/* ews_access.c: who signs in, who is acted as; -1 with a fault set. */
struct ews_account *ews_sign_in(struct ews *ews, const struct sim_request *req);
int ews_impersonate(struct ews_ctx *c);
/* The name that changes are signed with. */
const char *ews_actor(const struct ews_ctx *c);
bool ews_may_open(const struct ews_ctx *c, const struct ews_mailbox *mb);
/* Finding what a request names; NULL with err filled. */
struct ews_folder *ews_find_folder(struct ews_ctx *c, const xmlNode *id, struct ews_error *err);
struct ews_item *ews_find_item(struct ews_ctx *c, const xmlNode *id, struct ews_error *err);
struct ews_item *ews_item_by_id(struct ews_ctx *c, const char *id, struct ews_error *err);

/* ews_props.c */
int ews_prop_by_uri(const struct ews *ews, const char *uri); /* row, or -1 */
int ews_prop_by_element(enum ews_kind kind, const char *element);
int ews_prop_by_indexed(const char *indexed, int *part);
int ews_prop_by_tag(enum ews_kind kind, unsigned int tag);
int ews_key_index(const char *keys, const char *key); /* -1 when unknown */
char *ews_key_name(const char *keys, int index);      /* caller frees */
xmlHashTable *ews_prop_table(void);

/* ews_value.c */
const char *ews_get(const struct ews_item *item, int prop, int key, int part); /* NULL: absent */
const char *ews_get_uri(const struct ews_item *item, const char *uri);
struct ews_value *ews_cell(struct ews_item *item, int prop, int key, int part);
void ews_put(struct ews_item *item, int prop, int key, int part, const char *text);
void ews_put_uri(struct ews_item *item, const char *uri, const char *text);
void ews_clear(struct ews_item *item, int prop, int key); /* key -1: all */
/* Of a simple property: stored, or what the server makes of it; NULL absent; caller frees. */
char *ews_value_text(const struct ews_item *item, int prop);
char *ews_date_text(int64_t ns);		    /* whole seconds */
char *ews_stamp(const struct ews *ews, int64_t ns); /* with a fraction when untidy */
char *ews_date_normal(const char *text);	    /* UTC with Z; NULL when it is no xs:dateTime */
char *ews_crlf(const char *text);

/* ews_zone.c: see ews_calendar.h.  The header's zone into c->zone, or -1 with a fault set. */
int ews_zone_context(struct ews_ctx *c);
void ews_zones_free(struct ews *ews);
const char *ews_zone_display(struct ews *ews, const char *windows_id);
/* A kept UTC text, or midnight of a floating day, as the zone's clock shows it. */
char *ews_zone_stamp(const struct ews_zone *zone, const char *utc, bool floating);
char *ews_zone_rewrite(const struct ews_zone *zone, const char *xml); /* all times in it */
/* An xs:dateTime of a request: as UTC; as the midnight of its day; NULL when it is none. */
char *ews_zone_read(const struct ews_zone *zone, const char *text);
char *ews_zone_day(const struct ews_zone *zone, const char *text);

/* ews_compute.c.  ews_settle() is called after each write, before ews_item_touch(), with the state
 * before (NULL for a new item): DisplayName of a new contact, FileAs by its mapping, and what
 * ews_calendar.c and ews_task.c say. */
ews_compute ews_c_size, ews_c_false, ews_c_created, ews_c_received, ews_c_modified,
	ews_c_modified_by, ews_c_culture, ews_c_normal, ews_c_rights, ews_c_class, ews_c_subject,
	ews_c_has_picture, ews_c_complete_name, ews_c_store, ews_c_none, ews_c_instance_key,
	ews_c_is_draft, ews_c_associated, ews_c_mime, ews_c_preview, ews_c_to, ews_c_cc,
	ews_c_topic, ews_c_from, ews_c_flag, ews_c_uid, ews_c_busy, ews_c_organizer, ews_c_owner,
	ews_c_not_started, ews_c_zero, ews_c_is_complete, ews_c_mime_id, ews_c_true, ews_c_icon,
	ews_c_attachments, ews_c_has_attachments;
/* ews_calendar.c, ews_task.c */
ews_compute ews_c_item_type, ews_c_is_recurring, ews_c_is_meeting, ews_c_state, ews_c_i_organize,
	ews_c_my_response, ews_c_duration, ews_c_original_start, ews_c_next_reminder,
	ews_c_zone_name, ews_c_meeting_zone, ews_c_end_zone, ews_c_start_wall, ews_c_end_wall,
	ews_c_first, ews_c_last, ews_c_modified_occurrences, ews_c_deleted_occurrences,
	ews_c_status_text, ews_c_change_count, ews_c_no_match;
/* PidLidGlobalObjectId in base64; clean: without an occurrence's day. */
char *ews_global_id(const struct ews_item *item, bool clean);
int ews_settle(struct ews_item *item, const struct ews_item *old, struct ews_error *err);
void ews_defaults(struct ews_ctx *c, struct ews_item *item); /* of a freshly created item */

/* ews_ext.c */
const struct ews_ext_name *ews_ext_intern(
	struct ews_ctx *c, const xmlNode *uri, struct ews_error *err);
const struct ews_ext_name *ews_ext_named(struct ews *ews, const char *label, const char *type);
void ews_ext_free_name(void *payload, const xmlChar *key);
/* The values (array and texts belong to the caller); 0 when absent. */
size_t ews_ext_get(const struct ews *ews, const struct ews_item *item,
	const struct ews_ext_name *name, char ***values);
int ews_ext_set(struct ews *ews, struct ews_item *item, const struct ews_ext_name *name,
	char **values, size_t n, struct ews_error *err);
struct ews_ext_value *ews_ext_slot(
	struct ews_ext_value **list, size_t *n, const struct ews_ext_name *name);
void ews_ext_store(struct ews_ext_value *slot, char **values, size_t n, uint64_t change);
/* <t:ExtendedProperty> read: name and values (caller frees with ews_strings_free). */
int ews_ext_read(struct ews_ctx *c, const xmlNode *property, const struct ews_ext_name **name,
	char ***values, size_t *n, struct ews_error *err);
/* The <t:ExtendedFieldURI/> as the client wrote it, with tags and GUIDs in small letters. */
char *ews_ext_uri_text(const xmlNode *uri);
void ews_ext_write(struct buf *b, const struct ews_ext_name *name, const char *uri_text,
	char **values, size_t n, size_t max_chars);
void ews_strings_free(char **values, size_t n);

/* ews_shape.c */
struct ews_shape_ext {
	const struct ews_ext_name *name;
	char *uri_text;
};

/* Which properties an operation can reach: all; without those that EWS_F_NOFIND marks (they are
 * left out); without them, and asking for one is an error. */
enum ews_reach { EWS_GET, EWS_SYNC, EWS_FIND };

struct ews_shape {
	unsigned int sel[EWS_MAX_PROPS]; /* 0 not wanted; dictionaries: a bit for key * 5 + part */
	struct ews_shape_ext *ext;
	size_t n_ext;
	enum ews_reach reach;
	size_t max_chars; /* of a text; 0 unlimited */
	bool mime;
	char body[8]; /* "Best", "HTML", "Text" */
};
int ews_shape_read(struct ews_ctx *c, const xmlNode *shape, enum ews_reach reach,
	struct ews_shape *out, struct ews_error *err);
void ews_shape_free(struct ews_shape *shape);
void ews_shape_write(struct ews_ctx *c, const struct ews_shape *shape, const struct ews_item *item);
/* A path of a restriction, sort order or update. */
struct ews_path {
	int prop;      /* -1 extended */
	int key, part; /* -1: whole */
	const struct ews_ext_name *ext;
	int folder_prop; /* of folders, else -1 */
};
bool ews_is_path(const xmlNode *node);
/* What is of no kind of item here (postitem:, conversation:, ...) has neither prop nor ext. */
int ews_path_read(
	struct ews_ctx *c, const xmlNode *node, struct ews_path *out, struct ews_error *err);

/* ews_parse.c: stores one child element of an item element.  An item that is seeding also takes
 * what clients may not write. */
int ews_parse_property(
	struct ews_ctx *c, struct ews_item *item, const xmlNode *element, struct ews_error *err);
int ews_parse_item(
	struct ews_ctx *c, struct ews_item *item, const xmlNode *element, struct ews_error *err);

/* ews_restrict.c */
struct ews_subject {
	const struct ews_item *item; /* one of the two */
	const struct ews_folder *folder;
};
/* 1 true, 0 false, -1 err. */
int ews_restrict(struct ews_ctx *c, const xmlNode *expression, const struct ews_subject *subject,
	struct ews_error *err);
size_t ews_path_values(struct ews_ctx *c, const struct ews_path *path,
	const struct ews_subject *subject, char ***values);
/* Like strcmp, by the type of the property. */
int ews_compare(const struct ews_path *path, const char *a, const char *b);

/* ews_attach.c */
void ews_attachments_free(struct ews_item *item);
void ews_attachments_copy(struct ews_item *copy, const struct ews_item *item);
size_t ews_attachments_size(const struct ews_item *item); /* bytes */
json_t *ews_attachments_dump(const struct ews_item *item);

/* ews_members.c: <t:Members> as the server keeps it, new string. */
char *ews_members_read(const xmlNode *element);

/* Operations. */
void ews_op_get_item(struct ews_ctx *c);
void ews_op_create_item(struct ews_ctx *c);
void ews_op_update_item(struct ews_ctx *c);
void ews_op_delete_item(struct ews_ctx *c);
void ews_op_move_item(struct ews_ctx *c);
void ews_op_send_item(struct ews_ctx *c);
void ews_op_create_attachment(struct ews_ctx *c);
void ews_op_get_attachment(struct ews_ctx *c);
void ews_op_delete_attachment(struct ews_ctx *c);
void ews_op_find_item(struct ews_ctx *c);
void ews_op_find_folder(struct ews_ctx *c);
void ews_op_get_folder(struct ews_ctx *c);
void ews_op_create_folder(struct ews_ctx *c);
void ews_op_update_folder(struct ews_ctx *c);
void ews_op_move_folder(struct ews_ctx *c);
void ews_op_delete_folder(struct ews_ctx *c);
void ews_op_empty_folder(struct ews_ctx *c);
void ews_op_sync_items(struct ews_ctx *c);
void ews_op_sync_hierarchy(struct ews_ctx *c);
void ews_op_get_config(struct ews_ctx *c);
void ews_op_write_config(struct ews_ctx *c);
void ews_op_delete_config(struct ews_ctx *c);
void ews_op_resolve_names(struct ews_ctx *c);
void ews_op_time_zones(struct ews_ctx *c);

/* ews_folder.c: a folder element in the wanted shape. */
void ews_folder_write(struct ews_ctx *c, const struct ews_shape *shape, const struct ews_folder *f);
int ews_folder_shape(
	struct ews_ctx *c, const xmlNode *shape, struct ews_shape *out, struct ews_error *err);
int ews_folder_prop(const char *uri);			      /* row, or -1 */
char *ews_folder_value(const struct ews_folder *f, int prop); /* NULL absent; caller frees */
size_t ews_folder_ext(const struct ews_folder *f, const struct ews_ext_name *name, char ***values);

/* ews_config.c */
void ews_configs_free(struct ews_mailbox *mb);
void ews_configs_follow(struct ews_mailbox *mb, const char *folder_id, const char *new_id);

/* ews_restore.c */
struct ews_snapshot;
void ews_snapshot_free(struct ews_snapshot *snapshot);
/* snapshot, restore, move; false: of no mailbox. */
bool ews_restore_act(struct ews *ews, const char *action, const json_t *args);

#endif
