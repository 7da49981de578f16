/* A CRM in memory, behind struct crm_driver: contacts, events and tasks with SystemModstamps, owners, an external id
 * field that may be missing, merges, and records that leave our view. */
#ifndef TESTS_UNIT_SYNC_ENGINE_FAKE_CRM_H
#define TESTS_UNIT_SYNC_ENGINE_FAKE_CRM_H

#include <time.h>

#include "sync/crm.h"
#include "sync/formats/card.h"
#include "sync/formats/event.h"
#include "tests/unit/sync/engine/fake_net.h"

#define FAKE_RECORDS 600
/* A pull shows the last changes again, as the overlap does. */
#define FAKE_OVERLAP 3

struct fake_record {
	enum item_kind kind;
	char id[20];
	int seq; /* of its last change; the stamp is made of it */
	bool deleted, hidden;
	char master[20], owner[20], token[40];
	bool by_us, created_by_us;
	time_t created;
	const char *unsupported; /* or NULL */
	json_t *fields;
};

struct crm {
	struct fake_net *net;
	struct fake_record records[FAKE_RECORDS];
	size_t n;
	int seq;
	size_t page;
	const char *normalised;
	bool has_token_field;
	bool no_first_names;	   /* which we may not see */
	bool activities_have_none; /* ... and events and tasks do without */
	const char *users[4];	   /* address, id, address, id */
};

static const struct field fake_crm_rows[] = {
	{ .name = "FirstName", .path = "name/components/given", .type = &field_name_component },
	{ .name = "LastName", .path = "name/components/surname", .type = &field_name_component },
	{ .name = "Title", .path = "titles/JobTitle/name", .type = &field_text },
	{ .name = "MobilePhone", .path = "phones/MobilePhone/number", .type = &field_text },
	{ .name = "Email", .path = "emails/EmailAddress1/address", .type = &field_text },
};

static const struct field fake_crm_event_rows[] = {
	{ .name = "Subject",
		.path = "title",
		.type = &field_event_text,
		.flags = FIELD_NAMING | FIELD_MATCH,
		.max_chars = 60 },
	{ .name = "Start", .path = "start", .type = &field_event_instant, .flags = FIELD_MATCH },
	{ .name = "End", .path = "end", .type = &field_event_instant },
	{ .name = "Description", .path = "description", .type = &field_event_text },
};

/* ---- what happens in the CRM -------------------------------------------------------------------- */

static inline struct fake_record *crm_by_id(struct crm *f, const char *id)
{
	for (size_t i = 0; id && i < f->n; i++)
		if (!strcmp(f->records[i].id, id))
			return &f->records[i];
	return NULL;
}

static inline void crm_touched(struct crm *f, struct fake_record *record, bool by_us)
{
	record->seq = ++f->seq;
	record->by_us = by_us;
}

static inline struct fake_record *crm_add(
	struct crm *f, const char *first, const char *last, const char *email)
{
	struct fake_record *record = &f->records[f->n++];

	if (f->n > FAKE_RECORDS)
		abort();
	*record = (struct fake_record){ .fields = json_object(), .created = time(NULL) };
	snprintf(record->id, sizeof(record->id), "003%015zu", f->n);
	if (first)
		json_object_set_new(record->fields, "FirstName", json_string(first));
	if (last)
		json_object_set_new(record->fields, "LastName", json_string(last));
	if (email)
		json_object_set_new(record->fields, "Email", json_string(email));
	crm_touched(f, record, false);
	return record;
}

static inline void crm_set(
	struct crm *f, struct fake_record *record, const char *field, const char *value)
{
	if (value)
		json_object_set_new(record->fields, field, json_string(value));
	else
		json_object_del(record->fields, field);
	crm_touched(f, record, false);
}

static inline void crm_delete(struct crm *f, struct fake_record *record)
{
	record->deleted = true;
	crm_touched(f, record, false);
}

/* `loser` is merged into `winner`. */
static inline void crm_merge(
	struct crm *f, struct fake_record *loser, const struct fake_record *winner)
{
	snprintf(loser->master, sizeof(loser->master), "%s", winner->id);
	crm_delete(f, loser);
}

static inline size_t crm_count(const struct crm *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += !f->records[i].deleted;
	return n;
}

static inline void fake_crm_free(struct crm *f)
{
	for (size_t i = 0; i < f->n; i++)
		json_decref(f->records[i].fields);
}

/* ---- the driver --------------------------------------------------------------------------------- */

static inline int fake_crm_open(
	struct crm **out, const struct crm_options *options, struct error *err)
{
	void *crm;

	if (sscanf(options->url, "fake:%p", &crm) != 1)
		return error_set(err, ERR_INVALID, "no fake CRM");
	*out = crm;
	(*out)->has_token_field = options->external_id_field != NULL;
	return 0;
}

static inline void fake_crm_nothing(struct crm *crm)
{
	(void)crm;
}

static inline unsigned int fake_crm_back_off(struct crm *crm)
{
	(void)crm;
	return 0;
}

static inline int fake_crm_test(struct crm *f, struct error *err)
{
	return net_end(f->net, net_error(net_begin(f->net, "crm_test", false), err), err);
}

static inline int fake_crm_fields(
	struct crm *crm, enum item_kind kind, struct field_table *table, struct error *err)
{
	size_t unseen = crm->no_first_names;

	(void)err;
	*table = (struct field_table){ NULL, 0 };
	if (kind == KIND_CONTACT)
		*table = (struct field_table){ fake_crm_rows + unseen,
			ARRAY_SIZE(fake_crm_rows) - unseen };
	if (kind == KIND_EVENT || kind == KIND_TASK)
		*table = (struct field_table){ fake_crm_event_rows,
			ARRAY_SIZE(fake_crm_event_rows) };
	return 0;
}

static inline bool fake_crm_upserts(struct crm *f, enum item_kind kind)
{
	return f->has_token_field && (kind == KIND_CONTACT || !f->activities_have_none);
}

static inline void crm_record_out(
	const struct crm *f, const struct fake_record *from, struct crm_record *to)
{
	const char *email = net_text(from->fields, "Email");

	*to = (struct crm_record){ .id = xstrdup(from->id),
		.version = xasprintf("2026-01-%02dT%02d:%02d:%02d.000+0000", 1 + from->seq / 86400,
			from->seq / 3600 % 24, from->seq / 60 % 60, from->seq % 60),
		.deleted = from->deleted,
		.master_id = from->master[0] ? xstrdup(from->master) : NULL,
		.owner_id = xstrdup(from->owner),
		.modified_by_us = from->by_us,
		.created_by_us = from->created_by_us,
		.unsupported = xstrdup(from->unsupported),
		.created = from->created * 1000000000LL,
		.token = from->token[0] ? xstrdup(from->token) : NULL,
		.fields = json_deep_copy(from->fields),
		.emails = json_array() };
	if (f->no_first_names)
		json_object_del(to->fields, "FirstName");
	if (email[0])
		json_array_append_new(to->emails, json_string(email));
}

static inline int compare_seq(const void *a, const void *b)
{
	return (*(struct fake_record *const *)a)->seq - (*(struct fake_record *const *)b)->seq;
}

/* Records by the order of their stamps; the cursor is the greatest shown. */
static inline int fake_crm_pull(struct crm *f, enum item_kind kind, const char *cursor,
	struct crm_page *page, struct error *err)
{
	enum fault_mode mode = net_begin(f->net, "pull", false);
	bool inside = cursor && cursor[0] == '+';
	int shown = cursor ? (int)strtol(cursor + inside, NULL, 10) : 0;
	int since = cursor && !inside ? shown - FAKE_OVERLAP : shown;
	struct fake_record **sorted = xcalloc(f->n, sizeof(*sorted));
	int rc = net_error(mode, err), greatest = shown;
	size_t m = 0;

	memset(page, 0, sizeof(*page));
	for (size_t i = 0; !rc && mode != SAY_NOTHING && i < f->n; i++)
		if (f->records[i].seq > since && !f->records[i].hidden &&
			f->records[i].kind == kind)
			sorted[m++] = &f->records[i];
	qsort(sorted, m, sizeof(*sorted), compare_seq);
	page->last = m <= f->page;
	page->records = xcalloc(m, sizeof(*page->records));
	for (; !rc && page->n < m && page->n < f->page; page->n++) {
		crm_record_out(f, sorted[page->n], &page->records[page->n]);
		if (sorted[page->n]->seq > greatest)
			greatest = sorted[page->n]->seq;
	}
	page->cursor = xasprintf("%s%d", page->last ? "" : "+", greatest);
	free(sorted);
	rc = net_end(f->net, rc, err);
	if (rc)
		crm_page_clear(page);
	return rc;
}

static inline int fake_crm_get(struct crm *f, enum item_kind kind, const char *const *ids, size_t n,
	struct crm_record **records, size_t *found, struct error *err)
{
	int rc = net_error(net_begin(f->net, "get", false), err);

	*records = xcalloc(n, sizeof(**records));
	*found = 0;
	for (size_t i = 0; !rc && i < n; i++) {
		struct fake_record *record = crm_by_id(f, ids[i]);

		if (record && !record->hidden && record->kind == kind)
			crm_record_out(f, record, &(*records)[(*found)++]);
	}
	rc = net_end(f->net, rc, err);
	if (rc) {
		crm_records_free(*records, *found);
		*records = NULL;
		*found = 0;
	}
	return rc;
}

static inline int fake_crm_match(struct crm *f, enum item_kind kind, const char *const *addresses,
	size_t n, struct crm_record **records, size_t *found, struct error *err)
{
	int rc = net_error(net_begin(f->net, "match", false), err);

	(void)kind;
	*records = xcalloc(f->n, sizeof(**records));
	*found = 0;
	for (size_t i = 0; !rc && i < f->n; i++) {
		struct fake_record *record = &f->records[i];
		bool hit = false;

		for (size_t j = 0; j < n; j++)
			hit |= !strcasecmp(net_text(record->fields, "Email"), addresses[j]);
		if (hit && !record->hidden && !record->deleted)
			crm_record_out(f, record, &(*records)[(*found)++]);
	}
	rc = net_end(f->net, rc, err);
	if (rc) {
		crm_records_free(*records, *found);
		*records = NULL;
		*found = 0;
	}
	return rc;
}

static inline bool crm_is_alike(const json_t *a, const json_t *b)
{
	return !strcmp(net_text(a, "Subject"), net_text(b, "Subject")) &&
	       !strcmp(net_text(a, "Start"), net_text(b, "Start"));
}

static inline int fake_crm_match_fields(struct crm *f, enum item_kind kind, const char *owner_id,
	const json_t *const *projections, size_t n, struct crm_record **records, size_t *found,
	struct error *err)
{
	int rc = net_error(net_begin(f->net, "match_fields", false), err);

	*records = xcalloc(f->n, sizeof(**records));
	*found = 0;
	for (size_t i = 0; !rc && i < f->n; i++) {
		struct fake_record *record = &f->records[i];
		bool hit = false;

		for (size_t j = 0; j < n; j++)
			hit |= crm_is_alike(record->fields, projections[j]);
		if (hit && record->kind == kind && !record->hidden && !record->deleted &&
			(!owner_id || !strcmp(record->owner, owner_id)))
			crm_record_out(f, record, &(*records)[(*found)++]);
	}
	rc = net_end(f->net, rc, err);
	if (rc) {
		crm_records_free(*records, *found);
		*records = NULL;
		*found = 0;
	}
	return rc;
}

static inline void crm_apply_create(struct crm *f, enum item_kind kind, struct crm_op *op)
{
	struct fake_record *record = NULL;
	const char *name;
	json_t *value;

	for (size_t i = 0; op->token && fake_crm_upserts(f, kind) && i < f->n; i++)
		if (!strcmp(f->records[i].token, op->token))
			record = &f->records[i];
	op->created = !record;
	if (!record) {
		record = crm_add(f, NULL, NULL, NULL);
		record->created_by_us = true;
		record->kind = kind;
	}
	json_object_foreach((json_t *)op->fields, name, value)
		net_set(record->fields, name, value, f->normalised);
	if (op->owner_id)
		snprintf(record->owner, sizeof(record->owner), "%s", op->owner_id);
	if (op->token && fake_crm_upserts(f, kind))
		snprintf(record->token, sizeof(record->token), "%s", op->token);
	crm_touched(f, record, true);
	op->new_id = xstrdup(record->id);
}

static inline void crm_apply_update(struct crm *f, struct fake_record *record, struct crm_op *op)
{
	struct crm_record now;
	json_t *name;
	size_t i;

	crm_record_out(f, record, &now);
	if (op->version && strcmp(now.version, op->version) != 0)
		error_set(&op->error, ERR_CONFLICT, "newer there");
	crm_record_clear(&now);
	if (op->error.code)
		return;
	json_array_foreach((json_t *)op->changed, i, name)
		net_set(record->fields, json_string_value(name),
			json_object_get(op->fields, json_string_value(name)), f->normalised);
	crm_touched(f, record, true);
}

static inline void crm_apply(
	struct crm *f, enum item_kind kind, enum crm_op_type type, struct crm_op *op)
{
	struct fake_record *record = crm_by_id(f, op->id);

	if (type == CRM_CREATE) {
		crm_apply_create(f, kind, op);
	} else if (!record || record->hidden || record->deleted) {
		error_set(&op->error, ERR_NOT_FOUND, "no such record");
	} else if (type == CRM_UPDATE) {
		crm_apply_update(f, record, op);
	} else {
		crm_delete(f, record);
		record->by_us = true;
	}
}

static inline int fake_crm_write(struct crm *f, enum item_kind kind, enum crm_op_type type,
	struct crm_op *ops, size_t n, struct error *err)
{
	static const char *const names[] = { "crm_create", "crm_update", "crm_delete" };
	enum fault_mode mode = net_begin(f->net, names[type], true);
	int rc = net_error(mode, err);

	for (size_t i = 0; i < n; i++) {
		ops[i].error = (struct error)ERROR_INIT;
		if (mode == REFUSE && i == 0)
			error_set(&ops[i].error, ERR_REMOTE, "a rule of the org refuses this");
		else if (!rc || mode == LOSE_AFTER)
			crm_apply(f, kind, type, &ops[i]);
		if (rc) {
			crm_op_clear(&ops[i]);
			error_set(&ops[i].error, rc == ERR_LOST ? ERR_LOST : ERR_UNSENT, "%s",
				err ? err->text : "");
		}
	}
	f->net->writes += (int)n - 1;
	rc = net_end(f->net, rc, err);
	for (size_t i = 0; rc == ERR_CANCELLED && i < n; i++) {
		crm_op_clear(&ops[i]);
		error_set(&ops[i].error, ERR_LOST, "the process is dead");
	}
	return rc;
}

static inline int fake_find_users(
	struct crm *f, const char *const *addresses, size_t n, char **ids, struct error *err)
{
	int rc = net_error(net_begin(f->net, "find_users", false), err);

	for (size_t i = 0; i < n; i++) {
		ids[i] = NULL;
		for (size_t u = 0; !rc && u < ARRAY_SIZE(f->users) && f->users[u]; u += 2)
			if (!strcmp(f->users[u], addresses[i]))
				ids[i] = xstrdup(f->users[u + 1]);
	}
	return net_end(f->net, rc, err);
}

static inline long fake_requests_left(struct crm *f)
{
	(void)f;
	return -1;
}

static const struct crm_driver fake_crm_driver = {
	.name = "fakecrm",
	.record_id = xstrdup,
	.open = fake_crm_open,
	.close = fake_crm_nothing,
	.cancel = fake_crm_nothing,
	.back_off_left = fake_crm_back_off,
	.test = fake_crm_test,
	.fields = fake_crm_fields,
	.upserts = fake_crm_upserts,
	.pull = fake_crm_pull,
	.get = fake_crm_get,
	.match_emails = fake_crm_match,
	.match_fields = fake_crm_match_fields,
	.write = fake_crm_write,
	.find_users = fake_find_users,
	.requests_left = fake_requests_left,
};

#endif
