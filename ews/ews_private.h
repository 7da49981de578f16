/* What the files of the EWS client share.  Nothing outside ews/ (and its tests) includes this. */
#ifndef EWS_EWS_PRIVATE_H
#define EWS_EWS_PRIVATE_H

#include <libxml/tree.h>

#include "ews/ews_wire.h"
#include "ews/ews_xml.h"
#include "sync/formats/caltime.h"
#include "sync/formats/zone.h"
#include "sync/http/http.h"
#include "sync/mailbox.h"

#define EWS_BATCH	     100		/* items in one request */
#define EWS_SYNC_PAGE	     "512"		/* the most that SyncFolderItems allows */
#define EWS_REQUEST_LIMIT    ((size_t)48 << 20) /* bytes of one request; Exchange takes 64 MiB */
#define EWS_REQUEST_FULL     ((size_t)4 << 20)	/* a batch that has grown past this is sent */
#define EWS_ANSWER_LIMIT     ((size_t)64 << 20) /* bytes of one answer */
#define EWS_PHOTO_LIMIT	     ((size_t)1 << 20)	/* bytes of a photo that is fetched or sent */
#define EWS_CURSOR_LIMIT     ((size_t)32 << 20) /* bytes of the folder tree's cursor */
#define EWS_FOLDER_PAGES     1000		/* of SyncFolderHierarchy in one call */
#define EWS_FOLDER_DEPTH     100		/* of the folder tree */
#define EWS_BACK_OFF_DEFAULT 10000		/* ms, when the server is busy and names no time */
#define EWS_BACK_OFF_MAX     3600000		/* ms */

struct ews_server {
	struct http *http;
	char *url;
};

struct mailbox {
	struct ews_server *server;
	char *url;
	char *user;
	char *password; /* wiped when freed */
	char *address;
	bool impersonate;
	char *zone;	    /* IANA; of events that name none */
	struct zones zones; /* used by the one worker that has the mailbox */
};

/* What EWS calls the things of a kind.  Kinds whose table is empty are not carried yet. */
struct ews_kind {
	enum item_kind kind;
	const char *item;	  /* element of an item: "Contact" */
	const char *item_class;	  /* "IPM.Contact" */
	const char *folder;	  /* element of a folder: "ContactsFolder" */
	const char *folder_class; /* "IPF.Contact" */
	const char *defaults[3];  /* distinguished folders, NULL-terminated */
	const struct field_table *table;
	/* FieldURIs that a GetItem asks for besides the table's, NULL-terminated */
	const char *also[6];
};

extern const struct ews_kind ews_kinds[ITEM_KINDS];
extern const struct field_table ews_contact_table, ews_event_table, ews_task_table;

/* The rows of ItemType that events and tasks share, in the schema's order. */
#define EWS_ITEM_ROWS                                                                              \
	EWS_ROW("Subject", "title", field_event_text, FIELD_NAMING, .form = EWS_TEXT,              \
		.uri = "item:Subject", .element = "Subject"),                                      \
		EWS_ROW("Sensitivity",                                                             \
			"privacy|Private=private Confidential=secret "                             \
			"Personal=microsoft.com:personal =public",                                 \
			field_event_words, 0, .form = EWS_CHOICE, .uri = "item:Sensitivity",       \
			.element = "Sensitivity", .none = "Normal"),                               \
		EWS_ROW("Body", "description", field_event_text, 0, .form = EWS_BODY,              \
			.uri = "item:Body", .element = "Body"),                                    \
		EWS_ROW("Attachments", "links", field_event_attachments, FIELD_READ_ONLY,          \
			.form = EWS_ATTACHMENTS, .uri = "item:Attachments"),                       \
		EWS_ROW("Categories", "keywords", field_keywords, FIELD_PER_KEY, .form = EWS_KEYS, \
			.uri = "item:Categories", .element = "Categories"),                        \
		EWS_ROW("Importance", "priority", field_event_priority, 0, .form = EWS_CHOICE,     \
			.uri = "item:Importance", .element = "Importance", .none = "Normal")

/* ews_request.c */

enum ews_effect { EWS_READS, EWS_WRITES };

/* An answer whose Body holds a response (not a fault). */
struct ews_answer {
	struct http_answer http;
	xmlDoc *doc;
	xmlNode *response; /* GetItemResponse ... */
};

/* The whole request: envelope and headers around the payload. */
int ews_envelope(const struct mailbox *mailbox, const struct buf *payload, struct buf *out,
	struct error *err);
/* Sends one request.  0: answer->response is there, its messages not yet judged; free with
 * ews_answer_free (also after an error).  For EWS_WRITES, ERR_LOST whenever the change may have
 * been applied.  ERR_INTERNAL: Exchange says the request is malformed; nothing was applied. */
int ews_call(struct mailbox *mailbox, const char *operation, enum ews_effect effect,
	const struct buf *payload, struct ews_answer *answer, struct error *err);
/* The same for a request with one response message, whose error is the call's.  ERR_REMOTE or, for
 * writes, ERR_LOST when the answer lacks it. */
int ews_call_one(struct mailbox *mailbox, const char *operation, enum ews_effect effect,
	const struct buf *payload, struct ews_answer *answer, xmlNode **message, struct error *err);
void ews_answer_free(struct ews_answer *answer);
/* The first response message, or NULL; xml_next gives the others. */
xmlNode *ews_first_message(const struct ews_answer *answer);
/* 0, or the error of a response message (ResponseClass, ResponseCode, MessageText).  A busy server
 * makes the whole server back off. */
int ews_message_error(
	struct mailbox *mailbox, const xmlNode *message, enum ews_effect effect, struct error *err);
/* Parses the bytes of an answer: 0 with *response or *fault set (inside *doc), or ERR_REMOTE. */
int ews_parse_answer(const char *bytes, size_t len, xmlDoc **doc, xmlNode **response,
	xmlNode **fault, struct error *err);

/* ews_error.c */

/* Fills err from a response message or a fault; returns the code.  retry_after_ms is set for
 * ERR_THROTTLED. */
int ews_error_of(const xmlNode *node, enum ews_effect effect, struct error *err);
/* Fills err from an HTTP answer that carries no response; returns the code. */
int ews_error_of_status(const struct mailbox *mailbox, const struct http_answer *answer,
	enum ews_effect effect, struct error *err);

/* ews_folder.c */

void ews_write_folder_id(struct buf *out, const char *element, const char *id);
/* <t:DistinguishedFolderId>, with the mailbox unless we impersonate its owner. */
void ews_write_distinguished(struct buf *out, const struct mailbox *mailbox, const char *name);
void ews_write_get_folders(
	struct buf *out, const struct mailbox *mailbox, const char *const *names, size_t n);
void ews_write_sync_folders(struct buf *out, const struct mailbox *mailbox, const char *state);
/* Applies one SyncFolderHierarchyResponseMessage to the tree: an object { "folders": { id: folder
 * } }. */
void ews_read_folder_changes(json_t *tree, const xmlNode *message);
int ews_test(struct mailbox *mailbox, struct error *err);
int ews_sync_folders(struct mailbox *mailbox, const char *cursor, struct mailbox_folder **folders,
	size_t *n, char **next, struct error *err);
/* ews_folder_write.c */

int ews_create_folder(struct mailbox *mailbox, const char *parent_id, const char *name,
	enum item_kind kind, struct mailbox_folder *out, struct error *err);
int ews_rename_folder(struct mailbox *mailbox, const char *id, const char *version,
	const char *name, struct error *err);
int ews_move_folder(
	struct mailbox *mailbox, const char *id, const char *parent_id, struct error *err);
int ews_delete_folder(struct mailbox *mailbox, const char *id, struct error *err);

/* ews_sync.c */

void ews_write_sync_items(struct buf *out, const char *folder_id, const char *state);
int ews_read_sync_page(
	const xmlNode *message, const char *state, struct mailbox_page *page, struct error *err);
int ews_sync_items(struct mailbox *mailbox, const char *folder_id, const char *cursor,
	struct mailbox_page *page, struct error *err);

/* ews_item.c */

/* <m:ItemIds> of a request that only reads: without change keys. */
void ews_write_item_ids(struct buf *out, const char *const *ids, size_t n);
void ews_write_get_items(
	struct buf *out, const struct ews_kind *kind, const char *const *ids, size_t n);
/* Reads an item element (<t:Contact> ...) into `item`, which is empty. */
void ews_read_item(const struct ews_kind *kind, const xmlNode *node, struct mailbox_item *item);
int ews_get_items(struct mailbox *mailbox, enum item_kind kind, const char *const *ids, size_t n,
	struct mailbox_item *items, struct error *err);
/* The same for single occurrences, which have no exceptions themselves. */
int ews_get_occurrences(struct mailbox *mailbox, const char *const *ids, size_t n,
	struct mailbox_item *items, struct error *err);

/* The ChangeKey of an item now, a new string. */
int ews_get_version(struct mailbox *mailbox, const char *id, char **version, struct error *err);

/* ews_write.c */

/* Writes one request for as many of the ops (at least one) as fit; returns how many.  All are of
 * one kind. */
size_t ews_write_ops(
	struct buf *out, enum mailbox_op_type type, struct mailbox_op *const *ops, size_t n);
int ews_write_items(struct mailbox *mailbox, enum mailbox_op_type type, struct mailbox_op *ops,
	size_t n, struct error *err);

/* ews_list.c: distribution lists */

#define EWS_LIST_FIELD "Kind" /* the row that says that an item is one */
/* Is this element, of this class (NULL: not given), a distribution list? */
bool ews_list_is(const xmlNode *item, const char *item_class);
/* The element that the op's item is ("Contact", "DistributionList"). */
const char *ews_item_element(const struct ews_kind *kind, const struct mailbox_op *op);

/* ews_attachment.c */

#define EWS_PHOTO_FIELD "Photo" /* its row in every table that has one */
/* Has the item several photos, one of them ours: a replacement that was cut short? */
bool ews_photo_is_doubled(const xmlNode *node);
int ews_get_apart(
	struct mailbox *mailbox, struct mailbox_apart *parts, size_t n, struct error *err);
/* The photos of these ops, all of one kind, after the ops were answered; rc and err are those of
 * their write: when that failed, what it got to is left without its photo.  Returns rc, or an error
 * of its own that ends the call. */
int ews_write_photos(struct mailbox *mailbox, enum mailbox_op_type type, struct mailbox_op *ops,
	size_t n, int rc, struct error *err);
/* ews_occurrence.c */

/* A modified occurrence that is to be fetched. */
struct ews_exception {
	struct mailbox_item *item; /* its series; borrowed */
	char *id;
	char key[CALTIME_SIZE]; /* local start that the rule gave it */
};

struct ews_exceptions {
	struct ews_exception *list;
	size_t n;
};

/* "Overrides/KEY" -> KEY, or NULL. */
const char *ews_override_key(const char *name);
/* Deleted occurrences into the fields of the series, modified ones into the list. */
void ews_read_occurrences(struct mailbox *mailbox, const xmlNode *node, struct mailbox_item *item,
	struct ews_exceptions *exceptions);
/* The list alone. */
void ews_read_modified(struct mailbox *mailbox, const xmlNode *node, struct mailbox_item *item,
	struct ews_exceptions *exceptions);
/* Fetches them into the fields of their series. */
int ews_get_exceptions(
	struct mailbox *mailbox, struct ews_exceptions *exceptions, struct error *err);
void ews_exceptions_clear(struct ews_exceptions *exceptions);
/* See struct mailbox_driver. */
json_t *ews_later(enum mailbox_op_type type, enum item_kind kind, const json_t *fields,
	const json_t *changed);
/* The series was written and its overrides, or some of them, were refused: op->left.  `anew`: its
 * pattern was written once more on the way. */
void ews_leave_overrides(enum mailbox_op_type type, struct mailbox_op *op, bool anew);
/* The fields of a series whose range is told in other words: the same occurrences by another Recurrence. */
json_t *ews_other_range(const json_t *fields);
/* Does the update make Exchange drop the exceptions? */
bool ews_drops_exceptions(const struct mailbox_op *op);
/* Has the op overrides to be sent, after the series itself? */
bool ews_has_overrides(enum mailbox_op_type type, const struct mailbox_op *op);
/* Sends them; op->new_id is the series.  Exchange may have taken some when it fails.  ERR_NOT_FOUND:
 * one of those that are to be there is deleted. */
int ews_write_overrides(struct mailbox *mailbox, enum mailbox_op_type type, struct mailbox_op *op,
	struct error *err);

/* ews_kept.c */

int ews_keep(struct mailbox *mailbox, struct mailbox_op *ops, size_t n, struct error *err);
/* The HTML that was kept of this occurrence, when its fields still have the text of it; else NULL. */
const char *ews_kept_html(const json_t *kept, const char *key, const json_t *own);

/* ews_config.c */

void ews_write_config_name(
	struct buf *out, const struct mailbox *mailbox, const char *prefix, const char *name);
/* The XML of a user configuration in the calendar; *absent when the mailbox has none yet. */
int ews_get_config(struct mailbox *mailbox, const char *name, struct buf *xml, bool *absent,
	struct error *err);
int ews_time_zone(struct mailbox *mailbox, char **zone, struct error *err);

/* ews_category.c */

#define EWS_GUID_LEN 37 /* with its NUL */

int ews_add_categories(
	struct mailbox *mailbox, const char *const *names, size_t n, struct error *err);
/* The list with what is missing added: 0 and *added.  list "" makes a new one.  `guids` gives n
 * GUIDs without braces. */
int ews_category_list_add(const char *list, size_t len, const char *const *names,
	const char (*guids)[EWS_GUID_LEN], size_t n, struct buf *out, size_t *added,
	struct error *err);

/* Makes *to (may be NULL) a copy of *from with another code. */
void ews_error_copy(struct error *to, const struct error *from, enum error_code code);

#endif
