/* The exceptions of a series: read from the master, written through OccurrenceItemId.
 *
 * A master lists its modified occurrences (id and original start) and its deleted ones (start).  The
 * modified ones are fetched; what they have otherwise than the master is their override.
 *
 * An occurrence is named by the master's id and its number in the pattern, deleted ones counted
 * (MS-OXWSCDATA OccurrenceItemIdType); which number a key has, the rule says.  Exchange drops all
 * exceptions when the pattern or the times of the master change, so after that all are sent, with the
 * HTML that ews_kept.c kept; else only what changed in them.  It cannot bring back a deleted occurrence
 * either: the pattern is sent anew, and then all again.
 *
 * Occurrences are written without ChangeKey, since each write of one changes the keys of all.  The
 * master's key is compared just before; within the few milliseconds between, an edit of the same
 * occurrence by somebody else would be overwritten. */
#include <stdlib.h>
#include <string.h>

#include "ews/ews_event.h"
#include "ews/ews_form.h"
#include "ews/ews_recurrence.h"
#include "ews/ews_time.h"
#include "sync/formats/caltime.h"
#include "sync/formats/recur.h"
#include "sync/mem.h"

#define MOST_OFF      (3 * 3600)
#define DATE_LEN      10
#define NO_END	      "4500-08-31" /* the last day but one that Exchange knows */
#define MOST_NUMBERED 999	   /* occurrences of a series that is told by their number */

const char *ews_override_key(const char *name)
{
	size_t prefix = strlen(EWS_OVERRIDES "/");

	return strncmp(name, EWS_OVERRIDES "/", prefix) ? NULL : name + prefix;
}

static void put_override(json_t *fields, const char *key, json_t *value)
{
	char *name AUTOFREE = xasprintf(EWS_OVERRIDES "/%s", key);

	json_object_set_new(fields, name, value);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* A series is at one time of the day.  What is a little off is so because the clocks skip that time, or
 * because Exchange knows other rules for the zone than we do. */
static int64_t at_time_of_series(int64_t local, int64_t start)
{
	int64_t off = caltime_of_day(local - start + CALTIME_DAY / 2) - CALTIME_DAY / 2;

	return llabs(off) <= MOST_OFF ? local - off : local;
}

/* The key, in the zone of the fields, of an original start as Exchange writes it. */
static bool local_key(
	struct zones *zones, const json_t *fields, const xmlNode *instant, char key[CALTIME_SIZE])
{
	const char *name = json_string_value(json_object_get(fields, "TimeZone"));
	const struct zone *zone = name ? zones_get(zones, name) : NULL;
	char *text AUTOFREE = xml_content(instant);
	int64_t utc, start;

	if (!zone || !ews_time_seconds(text, &utc) ||
		!caltime_read_local(json_string_value(json_object_get(fields, "Start")), &start))
		return false;
	caltime_write_local(at_time_of_series(zone_to_local(zone, utc), start), key);
	return true;
}

/* Exceptions of which one cannot be told are not known. */
static void mark_unread(struct mailbox_item *item)
{
	if (!item->unread)
		item->unread = json_array();
	json_array_append_new(item->unread, json_string(EWS_OVERRIDES));
}

void ews_read_occurrences(struct mailbox *mailbox, const xmlNode *node, struct mailbox_item *item,
	struct ews_exceptions *exceptions)
{
	xmlNode *each = xml_first(xml_child(node, "DeletedOccurrences"));
	char key[CALTIME_SIZE];

	for (; each; each = xml_next(each))
		if (local_key(&mailbox->zones, item->fields, xml_child(each, "Start"), key))
			put_override(item->fields, key, json_pack("{s:b}", "excluded", 1));
		else
			mark_unread(item);
	ews_read_modified(mailbox, node, item, exceptions);
}

void ews_read_modified(struct mailbox *mailbox, const xmlNode *node, struct mailbox_item *item,
	struct ews_exceptions *exceptions)
{
	xmlNode *each = xml_first(xml_child(node, "ModifiedOccurrences"));
	char key[CALTIME_SIZE];

	for (; each; each = xml_next(each)) {
		char *id = xml_attribute(xml_child(each, "ItemId"), "Id");
		struct ews_exception *exception;

		if (!id || !local_key(&mailbox->zones, item->fields,
				   xml_child(each, "OriginalStart"), key)) {
			free(id);
			mark_unread(item);
			continue;
		}
		exceptions->list = xreallocarray(
			exceptions->list, exceptions->n + 1, sizeof(*exceptions->list));
		exception = &exceptions->list[exceptions->n++];
		exception->item = item;
		exception->id = id;
		memcpy(exception->key, key, sizeof(key));
	}
}

void ews_exceptions_clear(struct ews_exceptions *exceptions)
{
	for (size_t i = 0; i < exceptions->n; i++)
		free(exceptions->list[i].id);
	free(exceptions->list);
	memset(exceptions, 0, sizeof(*exceptions));
}

/* What the occurrence has otherwise than the master; its start, otherwise than the rule says. */
static json_t *differences(const json_t *master, const json_t *occurrence, const char *key)
{
	json_t *out = json_object();

	for (size_t i = 0; i < EWS_OCCURRENCE_ROWS; i++) {
		const char *name = ews_occurrence_rows[i];
		json_t *theirs = json_object_get(occurrence, name);
		json_t *own = json_object_get(master, name);

		if (!strcmp(name, "Start")) {
			if (theirs && strcmp(json_string_value(theirs), key) != 0)
				json_object_set(out, name, theirs);
		} else if (theirs && !json_equal(theirs, own)) {
			json_object_set(out, name, theirs);
		} else if (!theirs && own) {
			json_object_set_new(out, name, json_null());
		}
	}
	return out;
}

int ews_get_exceptions(
	struct mailbox *mailbox, struct ews_exceptions *exceptions, struct error *err)
{
	const char **ids = xcalloc(exceptions->n, sizeof(*ids));
	struct mailbox_item *found = xcalloc(exceptions->n, sizeof(*found));
	int rc;

	for (size_t i = 0; i < exceptions->n; i++)
		ids[i] = exceptions->list[i].id;
	rc = exceptions->n ? ews_get_occurrences(mailbox, ids, exceptions->n, found, err) : 0;
	for (size_t i = 0; !rc && i < exceptions->n; i++) {
		struct ews_exception *exception = &exceptions->list[i];
		struct mailbox_item *item = exception->item;

		/* One that went since the series was read is no sign that the series went. */
		if (found[i].error.code == ERR_NOT_FOUND)
			mark_unread(item);
		else if (found[i].error.code && !item->error.code)
			ews_error_copy(&item->error, &found[i].error, found[i].error.code);
		if (!found[i].error.code)
			ews_event_to_zone(&mailbox->zones, found[i].fields,
				json_string_value(json_object_get(item->fields, "TimeZone")));
		if (!found[i].error.code)
			put_override(item->fields, exception->key,
				differences(item->fields, found[i].fields, exception->key));
	}
	for (size_t i = 0; i < exceptions->n; i++)
		mailbox_item_clear(&found[i]);
	free(found);
	free(ids);
	return rc;
}

/* ---- writing --------------------------------------------------------------------------------- */

static struct recur *open_series(const json_t *fields)
{
	static const struct field row = { .name = "Recurrence", .type = &ews_recurrence_type };
	json_t *doc = json_pack(
		"{s:s, s:O}", "@type", "Event", "start", json_object_get(fields, "Start"));
	struct recur *recur;

	row.type->set(doc, &row, NULL, json_object_get(fields, "Recurrence"), NULL);
	recur = recur_open_rules(doc);
	json_decref(doc);
	return recur;
}

/* Numbers of these occurrences of a series by their keys: an object. */
static json_t *number_keys(const json_t *fields, const json_t *names)
{
	json_t *numbers = json_object(), *wanted = json_object();
	char text[CALTIME_SIZE] = "";
	struct recur *recur = open_series(fields);
	const json_t *name;
	const char *last = "";
	int64_t local;
	size_t i;

	json_array_foreach((json_t *)names, i, name) {
		const char *key = ews_override_key(json_string_value(name));

		json_object_set_new(wanted, key, json_true());
		last = strcmp(key, last) > 0 ? key : last;
	}
	for (int n = 1; recur && strcmp(text, last) < 0 && recur_next(recur, &local); n++) {
		caltime_write_local(local, text);
		if (!json_object_del(wanted, text))
			json_object_set_new(numbers, text, json_integer(n));
	}
	recur_close(recur);
	json_decref(wanted);
	return numbers;
}

json_t *ews_other_range(const json_t *fields)
{
	json_t *other = json_copy((json_t *)fields);
	json_t *rule = json_copy(json_object_get(fields, "Recurrence"));
	bool by_count = json_object_get(rule, "NumberOfOccurrences") != NULL;
	bool by_end = json_object_get(rule, "EndDate") != NULL;
	struct recur *recur = by_count || by_end ? open_series(fields) : NULL;
	char last[CALTIME_SIZE] = NO_END;
	int64_t local;
	int n = 0;

	while (recur && recur_next(recur, &local)) {
		caltime_write_local(local, last);
		n++;
	}
	recur_close(recur);
	json_object_del(rule, "NumberOfOccurrences");
	json_object_del(rule, "EndDate");
	if (by_end && n && n <= MOST_NUMBERED)
		json_object_set_new(rule, "NumberOfOccurrences", json_integer(n));
	else if (!by_end)
		json_object_set_new(rule, "EndDate", json_stringn(last, DATE_LEN));
	json_object_set_new(other, "Recurrence", rule);
	return other;
}

static void write_occurrence_id(struct buf *out, const char *master, json_int_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)number);
	xml_empty(out, "t:OccurrenceItemId", "RecurringMasterId", master, "InstanceIndex", text);
}

/* The whole of an occurrence: the master's fields with the override's over them. */
static json_t *occurrence_fields(const json_t *fields, const char *key, const json_t *override)
{
	json_t *own = json_copy((json_t *)fields), *value;
	const char *name;

	json_object_set_new(own, "Start", json_string(key));
	json_object_foreach((json_t *) override, name, value) {
		if (json_is_null(value))
			json_object_del(own, name);
		else
			json_object_set(own, name, value);
	}
	json_object_del(own, "Recurrence");
	return own;
}

/* One occurrence to be written. */
struct change {
	const json_t *own;	/* the whole of it */
	const json_t *override; /* NULL: taken back, it is to be as the series */
	const json_t *before;	/* the override that Exchange has; NULL: none, or not known */
	const char *html;	/* its body, or NULL: the text in `own` */
};

/* Is this field of it sent? */
static bool differs(const struct change *change, const char *name)
{
	const json_t *now = json_object_get(change->override, name);
	const json_t *before = json_object_get(change->before, name);

	if (!change->override && !change->before) {
		for (size_t i = 0; i < EWS_OCCURRENCE_ROWS; i++)
			if (!strcmp(ews_occurrence_rows[i], name))
				return true;
		return false;
	}
	return now ? !json_equal(now, before) : before != NULL;
}

/* <t:ItemChange> of one occurrence: the fields that changed in it, and when it is. */
static int write_change(struct mailbox *mailbox, struct buf *out, const char *master,
	json_int_t number, const struct change *change, struct error *err)
{
	const struct ews_kind *kind = &ews_kinds[KIND_EVENT];
	json_t *wire;
	int rc = ews_event_to_wire(&mailbox->zones, mailbox->zone, change->own, &wire, err);

	if (rc)
		return rc;
	xml_start(out, "t:ItemChange");
	write_occurrence_id(out, master, number);
	xml_start(out, "t:Updates");
	for (size_t i = 0; i < kind->table->n; i++) {
		const struct field *row = &kind->table->rows[i];
		const char *group = ews_wire_of(row)->group;

		if (change->html && !strcmp(row->name, "Body"))
			ews_set_html_body(out, change->html, kind->item);
		else if (group ? strcmp(row->name, "TimeZone") != 0 : differs(change, row->name))
			ews_wire_write_change(out, row, wire, kind->item);
	}
	xml_end(out, "t:Updates");
	xml_end(out, "t:ItemChange");
	json_decref(wire);
	return 0;
}

/* Sends one request about occurrences; the first failure of one is the call's. */
static int send(struct mailbox *mailbox, const char *operation, const struct buf *payload,
	bool may_be_gone, struct error *err)
{
	struct ews_answer answer;
	int rc = ews_call(mailbox, operation, EWS_WRITES, payload, &answer, err);
	xmlNode *message = rc ? NULL : ews_first_message(&answer);

	for (; message && !rc; message = xml_next(message)) {
		rc = ews_message_error(mailbox, message, EWS_WRITES, err);
		if (rc == ERR_NOT_FOUND && may_be_gone)
			rc = 0;
	}
	ews_answer_free(&answer);
	return rc;
}

struct batch {
	struct buf updates, deletes;
	size_t n_updates, n_deletes;
};

/* Its override as Exchange has it, or NULL. */
static const json_t *held_override(const struct mailbox_op *op, const char *name)
{
	return ews_drops_exceptions(op) ? NULL : json_object_get(op->ours, name);
}

static int collect_update(struct mailbox *mailbox, const struct mailbox_op *op, const char *name,
	json_int_t number, struct batch *batch, struct error *err)
{
	const json_t *held = held_override(op, name);
	const char *key = ews_override_key(name);
	json_t *override = json_incref(json_object_get(op->fields, name));
	json_t *own = occurrence_fields(op->fields, key, override);
	struct change change = { .own = own };
	bool html_alone = !override && !held; /* it has nothing else of its own */
	int rc = 0;

	if (!json_is_true(json_object_get(held, "excluded")))
		change.before = held;
	if (!change.before)
		change.html = ews_kept_html(op->kept, key, own);
	if (html_alone)
		override = json_object();
	change.override = override;
	if (!html_alone || change.html) {
		rc = write_change(mailbox, &batch->updates, op->new_id, number, &change, err);
		batch->n_updates += !rc;
	}
	json_decref(own);
	json_decref(override);
	return rc;
}

static int collect(struct mailbox *mailbox, const struct mailbox_op *op, const json_t *numbers,
	const char *name, struct batch *batch, struct error *err)
{
	const json_t *override = json_object_get(op->fields, name), *number;
	const char *key = ews_override_key(name);

	number = json_object_get(numbers, key);
	if (!number)
		return override ? error_set(err, ERR_INVALID,
					  "the series has no occurrence at %.40s", key)
				: 0;
	if (json_is_true(json_object_get(override, "excluded"))) {
		write_occurrence_id(&batch->deletes, op->new_id, json_integer_value(number));
		batch->n_deletes++;
		return 0;
	}
	return collect_update(mailbox, op, name, json_integer_value(number), batch, err);
}

static int send_updates(struct mailbox *mailbox, const struct batch *batch, struct error *err)
{
	struct buf payload AUTOBUF = BUF_INIT(EWS_REQUEST_LIMIT);

	xml_start(&payload, "m:UpdateItem", "ConflictResolution", "AlwaysOverwrite",
		"MessageDisposition", "SaveOnly", "SendMeetingInvitationsOrCancellations",
		"SendToNone"); /* I10 */
	xml_start(&payload, "m:ItemChanges");
	buf_add(&payload, buf_str(&batch->updates), batch->updates.len);
	xml_end(&payload, "m:ItemChanges");
	xml_end(&payload, "m:UpdateItem");
	return send(mailbox, "UpdateItem", &payload, false, err);
}

static int send_deletes(struct mailbox *mailbox, const struct batch *batch, struct error *err)
{
	struct buf payload AUTOBUF = BUF_INIT(EWS_REQUEST_LIMIT);

	xml_start(&payload, "m:DeleteItem", "DeleteType", "MoveToDeletedItems",
		"SendMeetingCancellations", "SendToNone"); /* I10 */
	xml_start(&payload, "m:ItemIds");
	buf_add(&payload, buf_str(&batch->deletes), batch->deletes.len);
	xml_end(&payload, "m:ItemIds");
	xml_end(&payload, "m:DeleteItem");
	return send(mailbox, "DeleteItem", &payload, true, err);
}

bool ews_drops_exceptions(const struct mailbox_op *op)
{
	static const char *const dropping[] = { "Start", "Duration", "TimeZone", "IsAllDayEvent",
		"Recurrence" };
	const json_t *name;
	size_t i;

	json_array_foreach((json_t *)op->changed, i, name) {
		for (size_t k = 0; k < ARRAY_SIZE(dropping); k++)
			if (!strcmp(json_string_value(name), dropping[k]))
				return true;
	}
	return false;
}

static void append_kept(json_t *names, const struct mailbox_op *op, bool all)
{
	const char *key;
	json_t *value;

	json_object_foreach(op->kept, key, value) {
		char *name AUTOFREE = xasprintf(EWS_OVERRIDES "/%s", key);

		if (!json_object_get(op->fields, name) && (all || !json_object_get(op->ours, name)))
			json_array_append_new(names, json_string(name));
	}
}

/* The names of overrides to be sent: those that changed, or all when Exchange has dropped them; and what
 * was kept of those that the hub has no override for.  New array. */
static json_t *overrides_to_send(enum mailbox_op_type type, const struct mailbox_op *op)
{
	bool all = type == MAILBOX_CREATE || ews_drops_exceptions(op);
	json_t *names = json_array(), *value;
	const char *name;
	size_t i;

	if (all) {
		json_object_foreach((json_t *)op->fields, name, value) {
			if (ews_override_key(name))
				json_array_append_new(names, json_string(name));
		}
	} else {
		json_array_foreach((json_t *)op->changed, i, value) {
			if (ews_override_key(json_string_value(value)))
				json_array_append(names, value);
		}
	}
	append_kept(names, op, all);
	return names;
}

json_t *ews_later(
	enum mailbox_op_type type, enum item_kind kind, const json_t *fields, const json_t *changed)
{
	const struct mailbox_op op = { .kind = kind, .fields = fields, .changed = changed };
	json_t *later, *value;
	const char *name;

	if (!ews_has_overrides(type, &op))
		return NULL;
	later = json_array();
	json_object_foreach((json_t *)fields, name, value) {
		if (ews_override_key(name))
			json_array_append_new(later, json_string(name));
	}
	return later;
}

void ews_leave_overrides(enum mailbox_op_type type, struct mailbox_op *op, bool anew)
{
	op->left_dropped = anew || type == MAILBOX_CREATE || ews_drops_exceptions(op);
	op->left = anew ? ews_later(type, op->kind, op->fields, op->changed)
			: overrides_to_send(type, op);
}

bool ews_has_overrides(enum mailbox_op_type type, const struct mailbox_op *op)
{
	json_t *names = op->kind == KIND_EVENT && (type == MAILBOX_CREATE || type == MAILBOX_UPDATE)
				? overrides_to_send(type, op)
				: NULL;
	bool any = json_array_size(names) > 0;

	json_decref(names);
	return any;
}

int ews_write_overrides(struct mailbox *mailbox, enum mailbox_op_type type, struct mailbox_op *op,
	struct error *err)
{
	struct batch batch = { BUF_INIT(EWS_REQUEST_LIMIT), BUF_INIT(EWS_REQUEST_LIMIT), 0, 0 };
	json_t *names = overrides_to_send(type, op), *numbers = number_keys(op->fields, names);
	const json_t *name;
	size_t i;
	int rc = 0, refused = 0;

	/* One that cannot be sent stops no other. */
	json_array_foreach(names, i, name) {
		if (collect(mailbox, op, numbers, json_string_value(name), &batch,
			    refused ? NULL : err))
			refused = ERR_INVALID;
	}
	if (batch.n_updates)
		rc = send_updates(mailbox, &batch, err);
	if (!rc && batch.n_deletes)
		rc = send_deletes(mailbox, &batch, err);
	buf_free(&batch.updates);
	buf_free(&batch.deletes);
	json_decref(numbers);
	json_decref(names);
	return rc ? rc : refused;
}
