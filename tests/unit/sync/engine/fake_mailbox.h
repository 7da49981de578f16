/* A mailbox server in memory, behind struct mailbox_driver: several mailboxes of contacts, and of events
 * and tasks where fields is fake_calendar_fields; with item ids that change on a move, search keys and
 * marks that a copy carries too, ChangeKeys, sync cursors and a Deleted Items that nobody sees. */
#ifndef TESTS_UNIT_SYNC_ENGINE_FAKE_MAILBOX_H
#define TESTS_UNIT_SYNC_ENGINE_FAKE_MAILBOX_H

#include "sync/formats/card.h"
#include "sync/formats/event.h"
#include "sync/mailbox.h"
#include "tests/unit/sync/engine/fake_net.h"

#define FAKE_BOXES   2
#define FAKE_ITEMS   600
#define FAKE_FOLDERS 24
#define FAKE_LOG     8000

struct fake_item {
	char id[40];
	int version;
	int folder; /* index; -1 in Deleted Items */
	char key[40];
	json_t *fields;
	struct mailbox_marks marks;
	bool by_us;
	int64_t modified;
};

struct fake_folder {
	char id[40];
	char parent[40];
	char name[128];
	int version;
	enum item_kind kind;
	bool is_default;
	bool deleted;
	int changed; /* number in the log of folders */
};

struct fake_box {
	const char *address;
	struct fake_item items[FAKE_ITEMS];
	size_t n_items;
	struct fake_folder folders[FAKE_FOLDERS];
	size_t n_folders;
	struct {
		int folder;
		char id[40];
	} log[FAKE_LOG]; /* what happened to which id in which folder */
	size_t n_log;
	int folder_log;
};

struct fake_exchange {
	struct fake_net *net;
	struct fake_box boxes[FAKE_BOXES];
	int next_id;
	size_t page;		/* changes a page */
	const char *normalised; /* a field whose values it puts into capitals */
	bool shows_us;		/* items that we wrote last say so */
	char unreadable[40];	/* id of an item that cannot be read */
	bool halfway;		/* only the first step of a write arrives */
};

struct mailbox {
	struct fake_exchange *x;
	struct fake_box *box;
};

static const struct field fake_mailbox_rows[] = {
	{ .name = "GivenName", .path = "name/components/given", .type = &field_name_component },
	{ .name = "Surname", .path = "name/components/surname", .type = &field_name_component },
	{ .name = "DisplayName",
		.path = "name/full",
		.type = &field_text,
		.flags = FIELD_NAMING,
		.max_chars = 60 },
	{ .name = "JobTitle", .path = "titles/JobTitle/name", .type = &field_text },
	{ .name = "MobilePhone", .path = "phones/MobilePhone/number", .type = &field_text },
	{ .name = "EmailAddress1", .path = "emails/EmailAddress1/address", .type = &field_text },
	{ .name = "Sensitivity", .path = "tandemfs:sensitivity", .type = &field_text },
	{ .name = "Categories",
		.path = "keywords",
		.type = &field_keywords,
		.flags = FIELD_PER_KEY },
};

static const struct field fake_event_rows[] = {
	{ .name = "Subject",
		.path = "title",
		.type = &field_event_text,
		.flags = FIELD_NAMING,
		.max_chars = 60 },
	{ .name = "Time", .path = "start", .type = &field_event_when },
	{ .name = "Body", .path = "description", .type = &field_event_text },
	{ .name = "Sensitivity", .path = "privacy", .type = &field_event_text },
	{ .name = "Rules", .path = "recurrenceRules", .type = &field_event_rules },
	{ .name = "Exceptions",
		.path = "recurrenceOverrides/excluded title start",
		.type = &field_event_entries,
		.flags = FIELD_PER_KEY | FIELD_VALUES },
	{ .name = "Attendees",
		.path = "participants/name participationStatus",
		.type = &field_event_entries,
		.flags = FIELD_PER_KEY | FIELD_VALUES },
	{ .name = "Categories",
		.path = "keywords",
		.type = &field_keywords,
		.flags = FIELD_PER_KEY },
};

static inline struct field_table fake_calendar_fields(enum item_kind kind)
{
	if (kind == KIND_EVENT || kind == KIND_TASK)
		return (struct field_table){ fake_event_rows, ARRAY_SIZE(fake_event_rows) };
	if (kind != KIND_CONTACT)
		return (struct field_table){ NULL, 0 };
	return (struct field_table){ fake_mailbox_rows, ARRAY_SIZE(fake_mailbox_rows) };
}

static inline struct field_table fake_mailbox_fields(enum item_kind kind)
{
	if (kind != KIND_CONTACT)
		return (struct field_table){ NULL, 0 };
	return (struct field_table){ fake_mailbox_rows, ARRAY_SIZE(fake_mailbox_rows) };
}

/* ---- what happens in a mailbox ------------------------------------------------------------------ */

static inline int64_t fake_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static inline void fake_note(struct fake_box *box, int folder, const char id[40])
{
	if (folder < 0)
		return;
	if (box->n_log >= FAKE_LOG)
		abort();
	box->log[box->n_log].folder = folder;
	memmove(box->log[box->n_log++].id, id, 40);
}

static inline struct fake_item *fake_by_id(struct fake_box *box, const char *id)
{
	for (size_t i = 0; id && i < box->n_items; i++)
		if (!strcmp(box->items[i].id, id) && box->items[i].folder >= 0)
			return &box->items[i];
	return NULL;
}

static inline int fake_folder_by_id(const struct fake_box *box, const char *id)
{
	for (size_t i = 0; id && i < box->n_folders; i++)
		if (!strcmp(box->folders[i].id, id) && !box->folders[i].deleted)
			return (int)i;
	return -1;
}

static inline int fake_folder_by_name(const struct fake_box *box, const char *name)
{
	for (size_t i = 0; i < box->n_folders; i++)
		if (!strcasecmp(box->folders[i].name, name) && !box->folders[i].deleted)
			return (int)i;
	return -1;
}

static inline int fake_add_folder(struct fake_exchange *x, struct fake_box *box, const char *parent,
	const char *name, bool is_default)
{
	struct fake_folder *folder = &box->folders[box->n_folders];

	if (box->n_folders >= FAKE_FOLDERS)
		abort();
	*folder = (struct fake_folder){ .is_default = is_default, .version = 1 };
	for (size_t i = 0; i < box->n_folders; i++)
		if (!strcmp(box->folders[i].id, parent))
			folder->kind = box->folders[i].kind;
	if (is_default)
		folder->kind = !strcmp(name, "Calendar") ? KIND_EVENT
			       : !strcmp(name, "Tasks")	 ? KIND_TASK
							 : KIND_CONTACT;
	snprintf(folder->id, sizeof(folder->id), "folder%d", ++x->next_id);
	snprintf(folder->parent, sizeof(folder->parent), "%s", parent);
	snprintf(folder->name, sizeof(folder->name), "%s", name);
	folder->changed = ++box->folder_log;
	return (int)box->n_folders++;
}

static inline void fake_touched(struct fake_box *box, struct fake_item *item, bool by_us)
{
	item->version++;
	item->by_us = by_us;
	item->modified = fake_now();
	fake_note(box, item->folder, item->id);
}

static inline struct fake_item *fake_add(struct fake_exchange *x, struct fake_box *box, int folder)
{
	struct fake_item *item = &box->items[box->n_items++];

	if (box->n_items > FAKE_ITEMS)
		abort();
	*item = (struct fake_item){ .folder = folder, .fields = json_object() };
	x->next_id++;
	snprintf(item->id, sizeof(item->id), "item%d", x->next_id);
	snprintf(item->key, sizeof(item->key), "%032d", x->next_id);
	return item;
}

/* Somebody moves the item: a new id, key and marks stay. */
static inline void fake_move(
	struct fake_exchange *x, struct fake_box *box, struct fake_item *item, int folder)
{
	fake_note(box, item->folder, item->id);
	snprintf(item->id, sizeof(item->id), "item%d", ++x->next_id);
	item->folder = folder;
	fake_touched(box, item, false);
}

/* To Deleted Items; fake_move brings it back. */
static inline void fake_delete(struct fake_box *box, struct fake_item *item)
{
	fake_note(box, item->folder, item->id);
	item->folder = -1;
}

static inline void fake_copy_marks(struct mailbox_marks *to, const struct mailbox_marks *from)
{
	to->token = xstrdup(from->token);
	to->uid = xstrdup(from->uid);
	to->file_name = xstrdup(from->file_name);
	to->crm_link = xstrdup(from->crm_link);
	to->unlinked = xstrdup(from->unlinked);
}

/* Somebody copies the item: another id, the same key and marks. */
static inline struct fake_item *fake_copy(
	struct fake_exchange *x, struct fake_box *box, const struct fake_item *from, int folder)
{
	struct fake_item *item = fake_add(x, box, folder);

	snprintf(item->key, sizeof(item->key), "%s", from ? from->key : "");
	if (!from)
		return item;
	json_object_update(item->fields, from->fields);
	fake_copy_marks(&item->marks, &from->marks);
	fake_touched(box, item, false);
	return item;
}

static inline void fake_set(
	struct fake_box *box, struct fake_item *item, const char *field, const char *value)
{
	if (!value)
		json_object_del(item->fields, field);
	else
		json_object_set_new(
			item->fields, field, strchr(field, '/') ? json_true() : json_string(value));
	fake_touched(box, item, false);
}

static inline void fake_delete_folder(struct fake_box *box, int folder)
{
	for (size_t i = 0; i < box->n_items; i++)
		if (box->items[i].folder == folder)
			box->items[i].folder = -1;
	box->folders[folder].deleted = true;
	box->folders[folder].changed = ++box->folder_log;
}

static inline size_t fake_count(const struct fake_box *box, int folder)
{
	size_t n = 0;

	for (size_t i = 0; i < box->n_items; i++)
		n += folder < 0 ? box->items[i].folder >= 0 : box->items[i].folder == folder;
	return n;
}

static inline void fake_exchange_free(struct fake_exchange *x)
{
	for (size_t b = 0; b < FAKE_BOXES; b++)
		for (size_t i = 0; i < x->boxes[b].n_items; i++) {
			json_decref(x->boxes[b].items[i].fields);
			mailbox_marks_clear(&x->boxes[b].items[i].marks);
		}
}

/* ---- the driver --------------------------------------------------------------------------------- */

static inline int fake_server_open(void **server, const char *url, const char *ca_file,
	const char *record_dir, struct error *err)
{
	(void)ca_file;
	(void)record_dir;
	if (sscanf(url, "fake:%p", server) != 1)
		return error_set(err, ERR_INVALID, "no fake server");
	return 0;
}

static inline void fake_server_nothing(void *server)
{
	(void)server;
}

static inline unsigned int fake_server_back_off(void *server)
{
	(void)server;
	return 0;
}

static inline int fake_open(struct mailbox **out, void *server,
	const struct mailbox_options *options, struct error *err)
{
	struct fake_exchange *x = server;

	for (size_t i = 0; i < FAKE_BOXES; i++)
		if (x->boxes[i].address && !strcmp(x->boxes[i].address, options->address)) {
			*out = xcalloc(1, sizeof(**out));
			(*out)->x = x;
			(*out)->box = &x->boxes[i];
			return 0;
		}
	return error_set(err, ERR_NOT_FOUND, "no such mailbox");
}

static inline void fake_close(struct mailbox *mailbox)
{
	free(mailbox);
}

static inline int fake_test(struct mailbox *mailbox, struct error *err)
{
	enum fault_mode mode = net_begin(mailbox->x->net, "test", false);

	return net_end(mailbox->x->net, net_error(mode, err), err);
}

static inline void fake_folder_out(const struct fake_folder *from, struct mailbox_folder *to)
{
	*to = (struct mailbox_folder){ .id = xstrdup(from->id), .deleted = from->deleted };
	if (from->deleted)
		return;
	to->version = xasprintf("v%d", from->version);
	to->parent_id = xstrdup(from->parent);
	to->name = xstrdup(from->name);
	to->kind = from->kind;
	to->is_default = from->is_default;
}

static inline int fake_sync_folders(struct mailbox *m, const char *cursor,
	struct mailbox_folder **folders, size_t *n, char **next, struct error *err)
{
	struct fake_box *box = m->box;
	enum fault_mode mode = net_begin(m->x->net, "sync_folders", false);
	int since = cursor ? (int)strtol(cursor, NULL, 10) : 0, rc = net_error(mode, err);

	*n = 0;
	if (rc)
		return net_end(m->x->net, rc, err);
	*folders = xcalloc(box->n_folders, sizeof(**folders));
	for (size_t i = 0; mode != SAY_NOTHING && i < box->n_folders; i++) {
		const struct fake_folder *folder = &box->folders[i];

		if (folder->changed > since && (cursor || !folder->deleted))
			fake_folder_out(folder, &(*folders)[(*n)++]);
	}
	*next = xasprintf("%d", box->folder_log);
	return net_end(m->x->net, 0, err);
}

static inline void fake_change(
	struct mailbox_page *page, const struct fake_item *item, const char *id)
{
	struct mailbox_change *change;

	page->changes = xreallocarray(page->changes, page->n + 1, sizeof(*change));
	change = &page->changes[page->n++];
	change->type = item ? MAILBOX_UPDATED : MAILBOX_DELETED;
	change->id = xstrdup(id);
	change->version = item ? xasprintf("v%d", item->version) : NULL;
}

/* Is there a later entry for the same id and folder? */
static inline bool fake_is_repeated(const struct fake_box *box, size_t at)
{
	for (size_t i = at + 1; i < box->n_log; i++)
		if (box->log[i].folder == box->log[at].folder &&
			!strcmp(box->log[i].id, box->log[at].id))
			return true;
	return false;
}

/* The cursor counts entries of the log; from the start, what is gone is not shown. */
static inline int fake_sync_items(struct mailbox *m, const char *folder_id, const char *cursor,
	struct mailbox_page *page, struct error *err)
{
	struct fake_box *box = m->box;
	enum fault_mode mode = net_begin(m->x->net, "sync_items", false);
	int folder = fake_folder_by_id(box, folder_id);
	bool from_start = !cursor || cursor[0] == 's';
	size_t at = cursor ? strtoul(cursor + 1, NULL, 10) : 0;
	int rc = net_error(mode, err);

	memset(page, 0, sizeof(*page));
	if (!rc && folder < 0)
		rc = error_set(err, ERR_NOT_FOUND, "no such folder");
	if (rc)
		return net_end(m->x->net, rc, err);
	for (; mode != SAY_NOTHING && at < box->n_log && page->n < m->x->page; at++) {
		struct fake_item *item = fake_by_id(box, box->log[at].id);

		if (item && item->folder != folder)
			item = NULL;
		if (box->log[at].folder == folder && !fake_is_repeated(box, at) &&
			(item || !from_start))
			fake_change(page, item, box->log[at].id);
	}
	if (mode == SAY_NOTHING)
		at = box->n_log;
	page->last = at >= box->n_log;
	page->cursor = xasprintf("%c%zu", from_start && !page->last ? 's' : 'c', at);
	rc = net_end(m->x->net, 0, err);
	if (rc)
		mailbox_page_clear(page);
	return rc;
}

static inline void fake_item_out(const struct fake_box *box, const struct fake_item *from,
	bool shows_us, struct mailbox_item *to)
{
	to->id = xstrdup(from->id);
	to->version = xasprintf("v%d", from->version);
	to->folder_id = xstrdup(box->folders[from->folder].id);
	to->key = xstrdup(from->key);
	to->modified_by = xstrdup(from->by_us ? "gateway" : "somebody");
	to->modified_by_us = from->by_us && shows_us;
	to->modified = from->modified;
	to->fields = json_deep_copy(from->fields);
	fake_copy_marks(&to->marks, &from->marks);
}

static inline int fake_get_items(struct mailbox *m, enum item_kind kind, const char *const *ids,
	size_t n, struct mailbox_item *items, struct error *err)
{
	enum fault_mode mode = net_begin(m->x->net, "get_items", false);
	int rc = net_error(mode, err);

	memset(items, 0, n * sizeof(*items));
	for (size_t i = 0; !rc && i < n; i++) {
		struct fake_item *item = fake_by_id(m->box, ids[i]);

		if (item && !strcmp(item->id, m->x->unreadable))
			error_set(&items[i].error, ERR_REMOTE, "the item is corrupt");
		else if (item)
			fake_item_out(m->box, item, m->x->shows_us, &items[i]);
		else
			error_set(&items[i].error, ERR_NOT_FOUND, "no such item");
		if (item && m->box->folders[item->folder].kind != kind)
			abort(); /* a request carries one kind */
	}
	rc = net_end(m->x->net, rc, err);
	for (size_t i = 0; rc && i < n; i++)
		mailbox_item_clear(&items[i]);
	return rc;
}

static inline void fake_set_marks(struct mailbox_marks *to, const struct mailbox_marks *from)
{
	xstrset(&to->uid, from->uid);
	xstrset(&to->file_name, from->file_name);
	xstrset(&to->crm_link, from->crm_link);
	xstrset(&to->unlinked, from->unlinked);
}

/* Exceptions go in a second step: all of them after a create, and when the time or the rule changed,
 * which takes away those that are there. */
static inline bool fake_is_later(const char *name)
{
	return !strncmp(name, "Exceptions/", 11);
}

static inline bool fake_drops(enum mailbox_op_type type, const json_t *changed)
{
	json_t *name;
	size_t i;

	json_array_foreach((json_t *)changed, i, name)
		if (!strcmp(json_string_value(name), "Time") ||
			!strcmp(json_string_value(name), "Rules"))
			return true;
	return type == MAILBOX_CREATE;
}

static inline json_t *fake_later(
	enum mailbox_op_type type, enum item_kind kind, const json_t *fields, const json_t *changed)
{
	json_t *later = json_array(), *value;
	const char *name;

	(void)kind;
	if (type <= MAILBOX_UPDATE && fake_drops(type, changed))
		json_object_foreach((json_t *)fields, name, value)
			if (fake_is_later(name))
				json_array_append_new(later, json_string(name));
	return later;
}

/* The steps of one write. */
static inline void fake_put(struct mailbox *m, enum mailbox_op_type type, struct fake_item *item,
	const json_t *fields, const json_t *changed)
{
	json_t *later = fake_later(type, KIND_EVENT, fields, changed), *name, *value;
	const char *key;
	void *next;
	size_t i;

	if (fake_drops(type, changed))
		json_object_foreach_safe(item->fields, next, key, value) if (fake_is_later(key))
			json_object_del(item->fields, key);
	json_array_foreach((json_t *)changed, i, name)
		if (!m->x->halfway || !fake_is_later(json_string_value(name)))
			json_array_append(later, name);
	json_array_foreach(later, i, name) {
		key = json_string_value(name);
		if (key[0] != '@' && !(m->x->halfway && fake_is_later(key)))
			net_set(item->fields, key, json_object_get(fields, key), m->x->normalised);
	}
	json_decref(later);
}

static inline void fake_apply_create(struct mailbox *m, struct mailbox_op *op)
{
	int folder = fake_folder_by_id(m->box, op->folder_id);
	struct fake_item *item;
	json_t *names, *value;
	const char *name;

	if (folder < 0) {
		error_set(&op->error, ERR_NOT_FOUND, "no such folder");
		return;
	}
	item = fake_add(m->x, m->box, folder);
	names = json_array();
	json_object_foreach((json_t *)op->fields, name, value)
		json_array_append_new(names, json_string(name));
	fake_put(m, MAILBOX_CREATE, item, op->fields, names);
	json_decref(names);
	xstrset(&item->marks.token, op->marks.token);
	fake_set_marks(&item->marks, &op->marks);
	fake_touched(m->box, item, true);
	op->new_id = xstrdup(item->id);
	op->new_version = xasprintf("v%d", item->version);
}

static inline void fake_apply_update(
	struct mailbox *m, struct fake_item *item, struct mailbox_op *op)
{
	char *version AUTOFREE = xasprintf("v%d", item->version);

	if (!op->version || strcmp(version, op->version) != 0) {
		error_set(&op->error, ERR_CONFLICT, "the ChangeKey is stale");
		return;
	}
	fake_put(m, MAILBOX_UPDATE, item, op->fields, op->changed);
	if (op->set_marks)
		fake_set_marks(&item->marks, &op->marks);
	fake_touched(m->box, item, true);
	op->new_id = xstrdup(item->id);
	op->new_version = xasprintf("v%d", item->version);
}

static inline void fake_apply_move(struct mailbox *m, struct fake_item *item, struct mailbox_op *op)
{
	int folder = fake_folder_by_id(m->box, op->folder_id);

	if (folder < 0) {
		error_set(&op->error, ERR_NOT_FOUND, "no such folder");
		return;
	}
	fake_move(m->x, m->box, item, folder);
	item->by_us = true;
	op->new_id = xstrdup(item->id);
	op->new_version = xasprintf("v%d", item->version);
}

static inline void fake_apply(struct mailbox *m, enum mailbox_op_type type, struct mailbox_op *op)
{
	struct fake_item *item = fake_by_id(m->box, op->id);

	if (type == MAILBOX_CREATE)
		fake_apply_create(m, op);
	else if (!item)
		error_set(&op->error, ERR_NOT_FOUND, "no such item");
	else if (type == MAILBOX_UPDATE)
		fake_apply_update(m, item, op);
	else if (type == MAILBOX_MOVE)
		fake_apply_move(m, item, op);
	else
		fake_delete(m->box, item);
}

static inline int fake_write_items(struct mailbox *m, enum mailbox_op_type type,
	struct mailbox_op *ops, size_t n, struct error *err)
{
	static const char *const names[] = { "create", "update", "move", "delete" };
	enum fault_mode mode = net_begin(m->x->net, names[type], true);
	int rc = net_error(mode, err);

	m->x->halfway = mode == LOSE_HALFWAY || mode == REFUSE_LATER;
	for (size_t i = 0; i < n; i++) {
		ops[i].error = (struct error)ERROR_INIT;
		if (ops[i].kind != ops[0].kind)
			abort(); /* a request carries one kind */
		if (mode == REFUSE && i == 0)
			error_set(&ops[i].error, ERR_REMOTE, "this item is not wanted");
		else if (!rc || mode == LOSE_AFTER || mode == LOSE_HALFWAY)
			fake_apply(m, type, &ops[i]);
		if (mode == REFUSE_LATER) {
			ops[i].left = fake_later(type, ops[i].kind, ops[i].fields, ops[i].changed);
			ops[i].left_dropped = true;
			error_set(&ops[i].left_error, ERR_REMOTE, "an exception is not wanted");
		}
		if (rc) {
			mailbox_op_clear(&ops[i]);
			error_set(&ops[i].error, rc == ERR_LOST ? ERR_LOST : ERR_UNSENT, "%s",
				err ? err->text : "");
		}
	}
	m->x->net->writes += (int)n - 1;
	rc = net_end(m->x->net, rc, err);
	for (size_t i = 0; rc == ERR_CANCELLED && i < n; i++) {
		mailbox_op_clear(&ops[i]);
		error_set(&ops[i].error, ERR_LOST, "the process is dead");
	}
	return rc;
}

static inline int fake_create_folder(struct mailbox *m, const char *parent_id, const char *name,
	enum item_kind kind, struct mailbox_folder *out, struct error *err)
{
	enum fault_mode mode = net_begin(m->x->net, "create_folder", true);
	int rc = net_error(mode, err), made;

	(void)kind;
	memset(out, 0, sizeof(*out));
	if (!rc && fake_folder_by_name(m->box, name) >= 0)
		rc = error_set(err, ERR_EXISTS, "a folder of that name exists");
	if (!rc || mode == LOSE_AFTER) {
		made = fake_add_folder(m->x, m->box, parent_id, name, false);
		if (!rc)
			fake_folder_out(&m->box->folders[made], out);
	}
	rc = net_end(m->x->net, rc, err);
	if (rc)
		mailbox_folder_clear(out);
	return rc;
}

static inline int fake_change_folder(struct mailbox *m, const char *call, const char *id,
	const char *name, const char *parent, bool gone, struct error *err)
{
	enum fault_mode mode = net_begin(m->x->net, call, true);
	int rc = net_error(mode, err), at = fake_folder_by_id(m->box, id);

	if (!rc && at < 0)
		rc = error_set(err, ERR_NOT_FOUND, "no such folder");
	if (at >= 0 && (!rc || mode == LOSE_AFTER)) {
		struct fake_folder *folder = &m->box->folders[at];

		if (gone)
			fake_delete_folder(m->box, at);
		if (name)
			snprintf(folder->name, sizeof(folder->name), "%s", name);
		if (parent)
			snprintf(folder->parent, sizeof(folder->parent), "%s", parent);
		folder->version++;
		folder->changed = ++m->box->folder_log;
	}
	return net_end(m->x->net, rc, err);
}

static inline int fake_rename_folder(
	struct mailbox *m, const char *id, const char *version, const char *name, struct error *err)
{
	(void)version;
	return fake_change_folder(m, "rename_folder", id, name, NULL, false, err);
}

static inline int fake_move_folder(
	struct mailbox *m, const char *id, const char *parent_id, struct error *err)
{
	return fake_change_folder(m, "move_folder", id, NULL, parent_id, false, err);
}

static inline int fake_remove_folder(struct mailbox *m, const char *id, struct error *err)
{
	return fake_change_folder(m, "delete_folder", id, NULL, NULL, true, err);
}

static inline int fake_add_categories(
	struct mailbox *m, const char *const *names, size_t n, struct error *err)
{
	(void)names;
	(void)n;
	return net_end(
		m->x->net, net_error(net_begin(m->x->net, "add_categories", true), err), err);
}

static const struct mailbox_driver fake_mailbox_driver = {
	.name = "fake",
	.fields = fake_mailbox_fields,
	.server_open = fake_server_open,
	.server_close = fake_server_nothing,
	.server_cancel = fake_server_nothing,
	.server_back_off_left = fake_server_back_off,
	.open = fake_open,
	.close = fake_close,
	.test = fake_test,
	.sync_folders = fake_sync_folders,
	.sync_items = fake_sync_items,
	.get_items = fake_get_items,
	.later = fake_later,
	.write_items = fake_write_items,
	.create_folder = fake_create_folder,
	.rename_folder = fake_rename_folder,
	.move_folder = fake_move_folder,
	.delete_folder = fake_remove_folder,
	.add_categories = fake_add_categories,
};

#endif
