/* SyncFolderItems and SyncFolderHierarchy.
 *
 * Changes come newest first, so a client pages from the top of the folder's log downwards while the
 * log grows above it.  The sync state therefore holds ranges of log numbers that the client has
 * seen.  Each page begins at the newest change not seen; since a page skips nothing above its end,
 * an item was reported to the client exactly when one of the numbers it had lies in those ranges:
 * then a change is an Update (or Delete), otherwise a Create (or nothing). */
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews.h"

#define MAX_RANGES 64

struct range {
	uint64_t from, to; /* both inclusive */
};

/* Ascending, not touching. */
struct seen {
	struct range r[MAX_RANGES];
	size_t n;
};

static const struct range *range_of(const struct seen *seen, uint64_t seq)
{
	for (size_t i = 0; i < seen->n; i++)
		if (seq >= seen->r[i].from && seq <= seen->r[i].to)
			return &seen->r[i];
	return NULL;
}

static bool contains(const struct seen *seen, uint64_t seq)
{
	return range_of(seen, seq);
}

/* Adds a range that reaches up to the newest number: what it touches melts into it. */
static void add_top(struct seen *seen, uint64_t from, uint64_t to)
{
	while (seen->n && seen->r[seen->n - 1].to + 1 >= from) {
		seen->n--;
		if (seen->r[seen->n].from < from)
			from = seen->r[seen->n].from;
	}
	if (seen->n == MAX_RANGES) {
		/* So many unfinished passes: forget the oldest knowledge, it is sent again. */
		memmove(seen->r, seen->r + 1, (MAX_RANGES - 1) * sizeof(seen->r[0]));
		seen->n--;
	}
	seen->r[seen->n++] = (struct range){ from, to };
}

/* ";FROM-TO" at *at, which moves behind it. */
static bool read_range(const char **at, struct range *r)
{
	char *end;

	r->from = strtoull(*at + 1, &end, 10);
	if (*end != '-')
		return false;
	r->to = strtoull(end + 1, &end, 10);
	*at = end;
	return r->from && r->from <= r->to;
}

static bool parse_state(const char *state, const struct ews_folder *f, struct seen *seen)
{
	char *prefix AUTOFREE = xasprintf("SI1:%u:", f->mailbox->generation);
	char *at;

	if (!state || strncmp(state, prefix, strlen(prefix)) != 0 ||
		strtoull(state + strlen(prefix), &at, 16) != f->counter)
		return false;
	for (const char *rest = at; *rest; seen->n++)
		if (*rest != ';' || seen->n == MAX_RANGES ||
			!read_range(&rest, &seen->r[seen->n]) || seen->r[seen->n].to > f->next_seq)
			return false;
	return true;
}

static int read_state(
	const char *text, const struct ews_folder *f, struct seen *seen, struct ews_error *err)
{
	size_t len = 0;
	unsigned char *raw = *text ? base64_decode(text, &len) : NULL;
	char *state AUTOFREE = raw ? xstrndup((char *)raw, len) : NULL;

	free(raw);
	seen->n = 0;
	if (*text && !parse_state(state, f, seen))
		return ews_fail(
			err, "ErrorInvalidSyncStateData", "The sync state data is invalid.");
	return 0;
}

static char *write_state(const struct ews_folder *f, const struct seen *seen)
{
	struct buf b = BUF_INIT(1 << 16);
	char *text;

	buf_addf(&b, "SI1:%u:%llx", f->mailbox->generation, (unsigned long long)f->counter);
	for (size_t i = 0; i < seen->n; i++)
		buf_addf(&b, ";%llu-%llu", (unsigned long long)seen->r[i].from,
			(unsigned long long)seen->r[i].to);
	text = base64_encode(buf_str(&b), b.len);
	buf_free(&b);
	return text;
}

enum change { NOTHING, CREATE, UPDATE, DELETE, READ_FLAG };

static enum change what_changed(const struct ews_item *item, const struct seen *seen)
{
	bool known = false, read_only = true;

	for (size_t i = item->n_history; i-- > 0 && !known;) {
		if (contains(seen, item->history[i].seq))
			known = true;
		else
			read_only = read_only && item->history[i].read_flag;
	}
	if (!item->folder)
		return known ? DELETE : NOTHING;
	if (!known)
		return CREATE;
	return read_only ? READ_FLAG : UPDATE;
}

struct page {
	struct ews_ctx *c;
	struct ews_folder *folder;
	const struct ews_shape *shape;
	struct seen seen;
	xmlHashTable *ignore;
	bool associated;
	long left;
};

static void write_change(struct page *p, const struct ews_item *item, enum change what)
{
	struct buf *b = &p->c->out;

	switch (what) {
	case CREATE:
	case UPDATE:
		buf_adds(b, what == CREATE ? "<t:Create>" : "<t:Update>");
		ews_shape_write(p->c, p->shape, item);
		buf_adds(b, what == CREATE ? "</t:Create>" : "</t:Update>");
		break;
	case DELETE:
		buf_adds(b, "<t:Delete>");
		ews_write_item_id(b, item);
		buf_adds(b, "</t:Delete>");
		break;
	case READ_FLAG:
		buf_adds(b, "<t:ReadFlagChange>");
		ews_write_item_id(b, item);
		xml_element(b, "t:IsRead", ews_get_uri(item, "message:IsRead") ?: "true");
		buf_adds(b, "</t:ReadFlagChange>");
		break;
	case NOTHING:
		break;
	}
}

/* Writes the changes; true when nothing is left after them. */
static bool write_page(struct page *p)
{
	const struct ews_folder *f = p->folder;
	const struct seen before = p->seen;
	uint64_t end = f->next_seq + 1; /* all from here up is in the page */

	for (size_t i = f->n_log; i-- > 0;) {
		const struct ews_log_entry *e = &f->log[i];
		const struct range *known = range_of(&before, e->seq);
		const struct ews_item *item = e->item;
		enum change what = NOTHING;

		if (known) {
			/* The log has every number once: entry i is number i + 1. */
			end = known->from;
			i = (size_t)known->from - 1;
			continue;
		}
		if (item->history[item->n_history - 1].seq == e->seq)
			what = what_changed(item, &before);
		if (item->associated && !p->associated)
			what = NOTHING;
		if (p->ignore && xmlHashLookup(p->ignore, (const xmlChar *)item->id))
			what = NOTHING;
		if (what != NOTHING && p->left-- == 0) {
			add_top(&p->seen, end, f->next_seq);
			return false;
		}
		write_change(p, item, what);
		end = e->seq;
	}
	p->seen.n = 0;
	if (f->next_seq)
		add_top(&p->seen, 1, f->next_seq);
	return true;
}

static xmlHashTable *read_ignore(const xmlNode *list)
{
	xmlHashTable *ids = list ? xmlHashCreate(64) : NULL;

	xml_each(id, list)
	{
		char *text AUTOFREE = xml_get(id, "Id");

		xmlHashAddEntry(ids, (const xmlChar *)text, (void *)list);
	}
	return ids;
}

/* A failed message has an empty state and a last flag all the same. */
static void not_synced(struct ews_ctx *c, struct ews_error *err, const char *last)
{
	char *tail AUTOFREE = xasprintf("<m:SyncState/><m:%s>true</m:%s>", last, last);

	if (!strcmp(err->code, "ErrorFolderNotFound"))
		err->code = "ErrorSyncFolderNotFound";
	ews_message_error(c, err, tail);
}

void ews_op_sync_items(struct ews_ctx *c)
{
	char *state AUTOFREE = xml_content(xml_child(c->payload, "SyncState"));
	char *max AUTOFREE = xml_content(xml_child(c->payload, "MaxChangesReturned"));
	char *scope AUTOFREE = xml_content(xml_child(c->payload, "SyncScope"));
	struct page p = { .c = c, .left = strtol(max, NULL, 10) };
	struct buf frame = c->out, changes;
	struct ews_error err = { 0 };
	struct ews_shape shape = { 0 };
	char *next AUTOFREE = NULL;
	bool last;

	p.folder = ews_injected(c, &err)
			   ? NULL
			   : ews_find_folder(
				     c, xml_first(xml_child(c->payload, "SyncFolderId")), &err);
	if (!p.folder || read_state(state, p.folder, &p.seen, &err) ||
		ews_shape_read(c, xml_child(c->payload, "ItemShape"), EWS_SYNC, &shape, &err)) {
		not_synced(c, &err, "IncludesLastItemInRange");
		return;
	}
	p.shape = &shape;
	p.associated = !strcmp(scope, "NormalAndAssociatedItems");
	p.ignore = read_ignore(xml_child(c->payload, "Ignore"));
	/* The new state stands before the changes: they are written aside first. */
	buf_init(&c->out, EWS_ANSWER_LIMIT);
	last = write_page(&p);
	changes = c->out;
	c->out = frame;
	next = write_state(p.folder, &p.seen);
	ews_message_begin(c, "Success");
	xml_element(&c->out, "m:SyncState", next);
	xml_element(&c->out, "m:IncludesLastItemInRange", last ? "true" : "false");
	buf_adds(&c->out, "<m:Changes>");
	buf_add(&c->out, buf_str(&changes), changes.len);
	buf_adds(&c->out, "</m:Changes>");
	ews_message_end(c);
	buf_free(&changes);
	ews_shape_free(&shape);
	xmlHashFree(p.ignore, NULL);
}

/* Folders: few, so a state is one number of the mailbox's hierarchy. */

static int read_hierarchy_state(
	const char *text, const struct ews_mailbox *mb, uint64_t *seq, struct ews_error *err)
{
	size_t len = 0;
	unsigned char *raw = *text ? base64_decode(text, &len) : NULL;
	char *state AUTOFREE = raw ? xstrndup((char *)raw, len) : NULL;
	char *want AUTOFREE = xasprintf("SH1:%s:%u:", mb->guid_text, mb->generation);
	char *end = NULL;

	free(raw);
	*seq = 0;
	if (!*text)
		return 0;
	if (state && !strncmp(state, want, strlen(want)))
		*seq = strtoull(state + strlen(want), &end, 10);
	if (!end || *end || *seq > mb->hierarchy_seq)
		return ews_fail(
			err, "ErrorInvalidSyncStateData", "The sync state data is invalid.");
	return 0;
}

static void write_folder_changes(struct ews_ctx *c, const struct ews_shape *shape,
	const struct ews_folder *root, uint64_t since)
{
	const struct ews_mailbox *mb = root->mailbox;

	for (size_t i = 0; i < mb->n_folders; i++) {
		const struct ews_folder *f = mb->folders[i];
		const char *change = f->created_seq > since ? "Create" : "Update";

		if (f->seq <= since || f == root || !ews_folder_within(f, root))
			continue;
		if (f->live) {
			buf_addf(&c->out, "<t:%s>", change);
			ews_folder_write(c, shape, f);
			buf_addf(&c->out, "</t:%s>", change);
		} else if (f->created_seq <= since) {
			buf_adds(&c->out, "<t:Delete>");
			ews_write_folder_id(&c->out, "t:FolderId", f);
			buf_adds(&c->out, "</t:Delete>");
		}
	}
}

void ews_op_sync_hierarchy(struct ews_ctx *c)
{
	xmlNode *id = xml_first(xml_child(c->payload, "SyncFolderId"));
	char *state AUTOFREE = xml_content(xml_child(c->payload, "SyncState"));
	char *text AUTOFREE = NULL, *next AUTOFREE = NULL;
	struct ews_folder *root = NULL;
	struct ews_error err = { 0 };
	struct ews_shape shape = { 0 };
	uint64_t since;

	if (ews_injected(c, &err))
		root = NULL;
	else if (id)
		root = ews_find_folder(c, id, &err);
	else if (c->mailbox)
		root = ews_distinguished(c->mailbox, "msgfolderroot");
	else
		ews_fail(&err, "ErrorMissingEmailAddress",
			"An account without a mailbox must name "
			"the folder to sync.");
	if (!root || read_hierarchy_state(state, root->mailbox, &since, &err) ||
		ews_folder_shape(c, xml_child(c->payload, "FolderShape"), &shape, &err)) {
		not_synced(c, &err, "IncludesLastFolderInRange");
		return;
	}
	text = xasprintf("SH1:%s:%u:%llu", root->mailbox->guid_text, root->mailbox->generation,
		(unsigned long long)root->mailbox->hierarchy_seq);
	next = base64_encode(text, strlen(text));
	ews_message_begin(c, "Success");
	xml_element(&c->out, "m:SyncState", next);
	buf_adds(&c->out, "<m:IncludesLastFolderInRange>true</m:IncludesLastFolderInRange>"
			  "<m:Changes>");
	write_folder_changes(c, &shape, root, since);
	buf_adds(&c->out, "</m:Changes>");
	ews_message_end(c);
	ews_shape_free(&shape);
}
