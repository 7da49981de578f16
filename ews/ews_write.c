/* Writes of items: CreateItem, UpdateItem, MoveItem, DeleteItem, in batches.
 *
 * A batch holds up to 100 ops with one target folder and ends early when the request has grown
 * large. Each op gets its own answer.  When Exchange finds a request malformed it applies nothing
 * of it; then the batch is sent again in halves, so that one impossible item fails alone and
 * stops nobody else.
 *
 * I10: every request says SendToNone, and SaveOnly where a message could be sent.
 *
 * UpdateItem says NeverOverwrite: with the ChangeKey in ItemId Exchange refuses a change of an item
 * that somebody else changed meanwhile. */
#include <stdlib.h>
#include <string.h>

#include "ews/ews_event.h"
#include "ews/ews_form.h"
#include "ews/ews_private.h"
#include "sync/mem.h"

static void start_create(struct buf *out, const struct mailbox_op *first)
{
	xml_start(out, "m:CreateItem", "MessageDisposition", "SaveOnly", "SendMeetingInvitations",
		"SendToNone"); /* I10 */
	xml_start(out, "m:SavedItemFolderId");
	ews_write_folder_id(out, "t:FolderId", first->folder_id);
	xml_end(out, "m:SavedItemFolderId");
	xml_start(out, "m:Items");
}

static void write_create(struct buf *out, const struct mailbox_op *op)
{
	const struct ews_kind *kind = &ews_kinds[op->kind];

	ews_open(out, kind->item);
	ews_wire_write_item(out, kind->table, op->fields, &op->marks);
	ews_close(out, kind->item);
}

static void end_create(struct buf *out)
{
	xml_end(out, "m:Items");
	xml_end(out, "m:CreateItem");
}

static void start_update(struct buf *out, const struct mailbox_op *first)
{
	(void)first;
	xml_start(out, "m:UpdateItem", "ConflictResolution", "NeverOverwrite", "MessageDisposition",
		"SaveOnly", "SendMeetingInvitationsOrCancellations", "SendToNone"); /* I10 */
	xml_start(out, "m:ItemChanges");
}

/* Did the row change, or another of its group, or of the group that it goes with? */
static bool is_changed(
	const struct field_table *table, const struct mailbox_op *op, const struct field *row)
{
	const struct ews_wire *wire = ews_wire_of(row);
	const char *group = wire->with && ews_form_has_value(row, op->fields) ? wire->with
									      : wire->group;
	const json_t *name;
	size_t i;

	json_array_foreach((json_t *)op->changed, i, name) {
		const struct field *other = field_find(table, json_string_value(name));

		if (other == row || (other && group && ews_wire_of(other)->group &&
					    !strcmp(ews_wire_of(other)->group, group)))
			return true;
	}
	return false;
}

/* The rows of `changed`, each once (several keys of one row are one property). */
static void write_changed_rows(
	struct buf *out, const struct ews_kind *kind, const struct mailbox_op *op)
{
	for (size_t i = 0; i < kind->table->n; i++) {
		const struct field *row = &kind->table->rows[i];

		if (row->apart ||
			row->flags & (FIELD_READ_ONLY | FIELD_NO_ACCESS | FIELD_CREATE_ONLY))
			continue;
		if (is_changed(kind->table, op, row))
			ews_wire_write_change(out, row, op->fields, ews_item_element(kind, op));
	}
}

static void write_update(struct buf *out, const struct mailbox_op *op)
{
	const struct ews_kind *kind = &ews_kinds[op->kind];

	xml_start(out, "t:ItemChange");
	xml_empty(out, "t:ItemId", "Id", op->id, "ChangeKey", op->version);
	xml_start(out, "t:Updates");
	write_changed_rows(out, kind, op);
	if (op->set_marks)
		ews_wire_write_marks_change(out, &op->marks, ews_item_element(kind, op));
	xml_end(out, "t:Updates");
	xml_end(out, "t:ItemChange");
}

static void end_update(struct buf *out)
{
	xml_end(out, "m:ItemChanges");
	xml_end(out, "m:UpdateItem");
}

static void start_move(struct buf *out, const struct mailbox_op *first)
{
	xml_start(out, "m:MoveItem");
	xml_start(out, "m:ToFolderId");
	ews_write_folder_id(out, "t:FolderId", first->folder_id);
	xml_end(out, "m:ToFolderId");
	xml_start(out, "m:ItemIds");
}

static void write_id(struct buf *out, const struct mailbox_op *op)
{
	xml_empty(out, "t:ItemId", "Id", op->id);
}

static void end_move(struct buf *out)
{
	xml_end(out, "m:ItemIds");
	xml_element(out, "m:ReturnNewItemIds", "true");
	xml_end(out, "m:MoveItem");
}

static void start_delete(struct buf *out, const struct mailbox_op *first)
{
	(void)first;
	xml_start(out, "m:DeleteItem", "DeleteType", "MoveToDeletedItems",
		"SendMeetingCancellations", "SendToNone", "AffectedTaskOccurrences",
		"AllOccurrences"); /* I10 */
	xml_start(out, "m:ItemIds");
}

static void end_delete(struct buf *out)
{
	xml_end(out, "m:ItemIds");
	xml_end(out, "m:DeleteItem");
}

static const struct {
	const char *operation;
	void (*start)(struct buf *out, const struct mailbox_op *first);
	void (*op)(struct buf *out, const struct mailbox_op *op);
	void (*end)(struct buf *out);
	bool has_target; /* all ops of one request have the same target folder */
	bool gives_id;	 /* an answer without an id tells nothing */
} writers[] = {
	[MAILBOX_CREATE] = { "CreateItem", start_create, write_create, end_create, true, true },
	[MAILBOX_UPDATE] = { "UpdateItem", start_update, write_update, end_update, false, true },
	[MAILBOX_MOVE] = { "MoveItem", start_move, write_id, end_move, true, false },
	[MAILBOX_DELETE] = { "DeleteItem", start_delete, write_id, end_delete, false, false },
};

size_t ews_write_ops(
	struct buf *out, enum mailbox_op_type type, struct mailbox_op *const *ops, size_t n)
{
	size_t taken = 0;

	writers[type].start(out, ops[0]);
	do
		writers[type].op(out, ops[taken++]);
	while (taken < n && taken < EWS_BATCH && out->len < EWS_REQUEST_FULL && !out->failed &&
		(!writers[type].has_target || !strcmp(ops[0]->folder_id, ops[taken]->folder_id)));
	writers[type].end(out);
	return taken;
}

/* The outcome of one op from its response message (NULL when the answer lacks it). */
static void read_outcome(struct mailbox *mailbox, enum mailbox_op_type type, const xmlNode *message,
	struct mailbox_op *op)
{
	xmlNode *id;

	if (!message) {
		error_set(&op->error, ERR_LOST, "%s: Exchange's answer lacks this item",
			writers[type].operation);
		return;
	}
	if (ews_message_error(mailbox, message, EWS_WRITES, &op->error))
		return;
	id = xml_child(xml_first(xml_child(message, "Items")), "ItemId");
	op->new_id = xml_attribute(id, "Id");
	op->new_version = xml_attribute(id, "ChangeKey");
	if (writers[type].gives_id && !op->new_id)
		error_set(&op->error, ERR_LOST, "%s: Exchange's answer lacks the item's id",
			writers[type].operation);
}

static void mark_all(
	struct mailbox_op *const *ops, size_t n, const struct error *why, enum error_code code)
{
	for (size_t i = 0; i < n; i++)
		ews_error_copy(&ops[i]->error, why, code);
}

static int write_batch(struct mailbox *mailbox, enum mailbox_op_type type,
	struct mailbox_op *const *ops, size_t n, size_t *taken, struct error *err);

/* Sends all ops.  When the call fails, those not yet sent are marked. */
static int write_run(struct mailbox *mailbox, enum mailbox_op_type type,
	struct mailbox_op *const *ops, size_t n, struct error *err)
{
	for (size_t i = 0, taken; i < n; i += taken) {
		int rc = write_batch(mailbox, type, ops + i, n - i, &taken, err);

		if (rc) {
			mark_all(ops + i + taken, n - i - taken, err, ERR_UNSENT);
			return rc;
		}
	}
	return 0;
}

/* A request that was refused whole, nothing of it applied: too large, or malformed because of one
 * of its items.  Halves find that one. */
static int split_batch(struct mailbox *mailbox, enum mailbox_op_type type,
	struct mailbox_op *const *ops, size_t n, const struct error *why, struct error *err)
{
	int rc;

	if (n == 1) {
		ops[0]->error = *why;
		return 0;
	}
	rc = write_run(mailbox, type, ops, n / 2, err);
	if (rc)
		mark_all(ops + n / 2, n - n / 2, err, ERR_UNSENT);
	else
		rc = write_run(mailbox, type, ops + n / 2, n - n / 2, err);
	return rc;
}

static int write_batch(struct mailbox *mailbox, enum mailbox_op_type type,
	struct mailbox_op *const *ops, size_t n, size_t *taken, struct error *err)
{
	struct buf payload AUTOBUF = BUF_INIT(EWS_REQUEST_LIMIT);
	struct ews_answer answer;
	struct error why = ERROR_INIT;
	xmlNode *message;
	int rc;

	*taken = ews_write_ops(&payload, type, ops, n);
	rc = ews_call(mailbox, writers[type].operation, EWS_WRITES, &payload, &answer, &why);
	if (!rc) {
		message = ews_first_message(&answer);
		for (size_t i = 0; i < *taken; i++, message = xml_next(message))
			read_outcome(mailbox, type, message, ops[i]);
	}
	ews_answer_free(&answer);
	if (rc == ERR_INTERNAL || rc == ERR_TOO_BIG)
		return split_batch(mailbox, type, ops, *taken, &why, err);
	if (rc) {
		mark_all(ops, *taken, &why, rc == ERR_LOST ? ERR_LOST : ERR_UNSENT);
		ews_error_copy(err, &why, rc);
	}
	return rc;
}

/* An update of which no row can be sent needs no request. */
static bool nothing_to_send(const struct mailbox_op *op)
{
	struct buf changes AUTOBUF = BUF_INIT(EWS_REQUEST_LIMIT);

	if (op->set_marks)
		return false;
	write_changed_rows(&changes, &ews_kinds[op->kind], op);
	return !changes.len && !changes.failed;
}

static bool is_list(const struct mailbox_op *op)
{
	const struct ews_kind *kind = &ews_kinds[op->kind];

	return ews_item_element(kind, op) != kind->item;
}

/* A name that is none of the table's would be taken for sent. */
static int check_names(struct mailbox_op *op)
{
	const json_t *name;
	size_t i;

	json_array_foreach((json_t *)op->changed, i, name) {
		if (!json_is_string(name) ||
			!field_find(ews_kinds[op->kind].table, json_string_value(name)))
			return error_set(&op->error, ERR_INTERNAL, "%s is no field of this mailbox",
				json_is_string(name) ? json_string_value(name) : "a value");
	}
	return 0;
}

/* Sends the ops with the fields of events as they stand in Exchange. */
static int write_all(struct mailbox *mailbox, enum mailbox_op_type type, struct mailbox_op **ops,
	size_t n, struct error *err)
{
	const json_t **hub = xcalloc(n, sizeof(*hub));
	json_t **wire = xcalloc(n, sizeof(*wire));
	struct mailbox_op **run = xcalloc(n, sizeof(*run));
	size_t count = 0;
	int rc;

	for (size_t i = 0; i < n; i++) {
		hub[i] = ops[i]->fields;
		if (ops[i]->kind == KIND_EVENT && ops[i]->fields) {
			if (ews_event_to_wire(&mailbox->zones, mailbox->zone, hub[i], &wire[i],
				    &ops[i]->error))
				continue;
			ops[i]->fields = wire[i];
		}
		run[count++] = ops[i];
	}
	rc = write_run(mailbox, type, run, count, err);
	for (size_t i = 0; i < n; i++) {
		ops[i]->fields = hub[i];
		json_decref(wire[i]);
	}
	free(run);
	free(wire);
	free(hub);
	return rc;
}

/* Writes the pattern of these fields, guarded by *version; *version is the new one. */
static int write_pattern(struct mailbox *mailbox, struct mailbox_op *op, const json_t *fields,
	char **version, struct error *err)
{
	struct mailbox_op pattern = { .kind = op->kind,
		.id = op->new_id,
		.version = *version,
		.fields = fields,
		.changed = op->changed };
	struct mailbox_op *list = &pattern;
	int rc = write_all(mailbox, MAILBOX_UPDATE, &list, 1, err);

	if (!rc && pattern.error.code) {
		ews_error_copy(err, &pattern.error, pattern.error.code);
		rc = pattern.error.code;
	}
	if (!rc && pattern.new_version) {
		free(*version);
		*version = xstrdup(pattern.new_version);
	}
	mailbox_op_clear(&pattern);
	return rc;
}

/* A deleted occurrence is to be there again: the pattern is written anew, which drops all exceptions,
 * and then they are sent.  Exchange need not take the same pattern for a change, so it is written in
 * other words first, which make the same occurrences: whoever reads between the two misses nothing else. */
static int write_series_anew(
	struct mailbox *mailbox, struct mailbox_op *op, bool *dropped, struct error *err)
{
	json_t *changed = json_pack("[s]", "Recurrence"), *other = ews_other_range(op->fields);
	struct mailbox_op anew = { .kind = op->kind,
		.new_id = op->new_id,
		.fields = op->fields,
		.changed = changed,
		.kept = op->kept };
	char *version = NULL;
	int rc = ews_get_version(mailbox, op->new_id, &version, err);

	if (!rc)
		rc = write_pattern(mailbox, &anew, other, &version, err);
	*dropped = !rc;
	if (!rc)
		rc = write_pattern(mailbox, &anew, op->fields, &version, err);
	if (!rc)
		rc = ews_write_overrides(mailbox, MAILBOX_UPDATE, &anew, err);
	free(version);
	json_decref(other);
	json_decref(changed);
	return rc;
}

/* Exceptions change the version of their series, and no answer names it: without it what Exchange made of
 * our values would come back as a change there.  All is written; that it cannot be asked now is no
 * failure. */
static void take_version(struct mailbox *mailbox, struct mailbox_op *op)
{
	char *version = NULL;

	if (ews_get_version(mailbox, op->new_id, &version, NULL))
		return;
	free(op->new_version);
	op->new_version = version;
}

/* The exceptions of one series that was written, or needs no writing itself.  *anew: its pattern was
 * written once more. */
static int write_overrides(struct mailbox *mailbox, enum mailbox_op_type type,
	struct mailbox_op *op, bool written, bool *anew, struct error *err)
{
	char *version = NULL;
	int rc = 0;

	if (!written) {
		rc = ews_get_version(mailbox, op->id, &version, err);
		if (!rc && (!op->version || strcmp(version, op->version) != 0))
			rc = error_set(err, ERR_CONFLICT, "the series is newer in Exchange");
		free(version);
	}
	if (!rc)
		rc = ews_write_overrides(mailbox, type, op, err);
	if (rc == ERR_NOT_FOUND)
		rc = write_series_anew(mailbox, op, anew, err);
	if (!rc)
		take_version(mailbox, op);
	return rc;
}

/* The connection ended before their exceptions were sent. */
static void mark_exceptions_left(
	enum mailbox_op_type type, struct mailbox_op *ops, size_t n, const struct error *why)
{
	for (size_t i = 0; i < n; i++)
		if (!ops[i].error.code && ews_has_overrides(type, &ops[i]))
			ews_error_copy(&ops[i].error, why, ERR_LOST);
}

/* After the series themselves: their exceptions.  Exchange may have taken a part of what failed on
 * the way: then the item is in doubt.  What was refused is left: the series itself stands there. */
static int write_exceptions(struct mailbox *mailbox, enum mailbox_op_type type,
	struct mailbox_op *ops, size_t n, struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		struct mailbox_op *op = &ops[i];
		bool written = type == MAILBOX_CREATE || !nothing_to_send(op);
		struct error why = ERROR_INIT;
		bool anew = false;
		int rc;

		if (op->error.code || !ews_has_overrides(type, op))
			continue;
		rc = write_overrides(mailbox, type, op, written, &anew, &why);
		if (!rc)
			continue;
		if (rc != ERR_THROTTLED && rc != ERR_LOST && rc != ERR_UNSENT) {
			if (written || anew)
				ews_leave_overrides(type, op, anew);
			*(written || anew ? &op->left_error : &op->error) = why;
			continue;
		}
		ews_error_copy(err, &why, rc);
		mark_exceptions_left(type, ops + i, n - i, &why);
		return rc;
	}
	return 0;
}

int ews_write_items(struct mailbox *mailbox, enum mailbox_op_type type, struct mailbox_op *ops,
	size_t n, struct error *err)
{
	struct mailbox_op **run = xcalloc(n, sizeof(*run));
	struct error own = ERROR_INIT;
	size_t count = 0;
	int rc;

	if (!err)
		err = &own;
	for (size_t i = 0; i < n; i++) {
		struct mailbox_op *op = &ops[i];

		op->new_id = op->new_version = NULL;
		op->left = NULL;
		op->left_dropped = false;
		op->error = (struct error)ERROR_INIT;
		if (type == MAILBOX_UPDATE && check_names(op))
			continue;
		if (type == MAILBOX_CREATE && is_list(op)) {
			error_set(&op->error, ERR_DENIED, "a distribution list is made in Outlook");
			continue;
		}
		if (type == MAILBOX_UPDATE && nothing_to_send(op)) {
			op->new_id = xstrdup(op->id);
			op->new_version = xstrdup(op->version);
		} else {
			run[count++] = op;
		}
	}
	rc = write_all(mailbox, type, run, count, err);
	free(run);
	if (!rc)
		rc = write_exceptions(mailbox, type, ops, n, err);
	return ews_write_photos(mailbox, type, ops, n, rc, err);
}
