/* HTML bodies of exceptions, over a write that makes Exchange drop them.
 *
 * The hub holds the text of a body, and a body is sent only where its text changed.  But when the times
 * or the pattern of a series change, Exchange drops its exceptions, and all are sent anew.  So before such
 * a write their bodies are read as Exchange has them, and kept with the text that stands for them:
 *
 *	{ KEY: { "text": "...", "html": "..." } }
 *
 * KEY is that of the occurrence in the series as it will be: where the first start moves, all move with
 * it.  An exception whose text is still the one that was kept gets the HTML back.  One with the text of
 * its series can have another HTML: it is kept too, and sent though no field of it differs. */
#include <stdlib.h>
#include <string.h>

#include "ews/ews_event.h"
#include "ews/ews_form.h"
#include "sync/formats/caltime.h"
#include "sync/mem.h"

static void write_get_bodies(struct buf *out, const char *const *ids, size_t n, bool master)
{
	xml_start(out, "m:GetItem");
	xml_start(out, "m:ItemShape");
	xml_element(out, "t:BaseShape", "IdOnly");
	xml_element(out, "t:BodyType", "Best"); /* as it is stored */
	xml_start(out, "t:AdditionalProperties");
	xml_empty(out, "t:FieldURI", "FieldURI", "item:Body");
	if (master)
		xml_empty(out, "t:FieldURI", "FieldURI", "calendar:ModifiedOccurrences");
	xml_end(out, "t:AdditionalProperties");
	xml_end(out, "m:ItemShape");
	ews_write_item_ids(out, ids, n);
	xml_end(out, "m:GetItem");
}

static int get_bodies(struct mailbox *mailbox, const char *const *ids, size_t n, bool master,
	struct ews_answer *answer, struct error *err)
{
	struct buf payload AUTOBUF = BUF_INIT(EWS_REQUEST_LIMIT);

	write_get_bodies(&payload, ids, n, master);
	return ews_call(mailbox, "GetItem", EWS_READS, &payload, answer, err);
}

/* A busy server is asked again in the next cycle; what it cannot tell otherwise is as good as none. */
static int is_busy(struct mailbox *mailbox, const xmlNode *message, struct error *err)
{
	struct error why = ERROR_INIT;

	if (!message || ews_message_error(mailbox, message, EWS_READS, &why) != ERR_THROTTLED)
		return 0;
	ews_error_copy(err, &why, ERR_THROTTLED);
	return ERR_THROTTLED;
}

/* New string, or NULL: it has none in HTML, or was not given whole. */
static char *html_of(const xmlNode *message)
{
	xmlNode *body = xml_child(xml_first(xml_child(message, "Items")), "Body");

	if (!xml_attribute_is(body, "BodyType", "HTML") ||
		xml_attribute_is(body, "IsTruncated", "true") ||
		xml_attribute_is(body, "IsTruncated", "1"))
		return NULL;
	return xml_exact_content(body);
}

/* The key of an occurrence once the series begins at another time. */
static bool moved_key(const struct mailbox_op *op, const char *key, char out[CALTIME_SIZE])
{
	int64_t local, before, after;

	if (!caltime_read_local(key, &local) ||
		!caltime_read_local(
			json_string_value(json_object_get(op->ours, "Start")), &before) ||
		!caltime_read_local(
			json_string_value(json_object_get(op->fields, "Start")), &after))
		return false;
	caltime_write_local(local + after - before, out);
	return true;
}

/* One with the body of the series needs no keeping. */
static void keep_body(struct mailbox_op *op, const char *key, const char *html, const char *common)
{
	char *name AUTOFREE = xasprintf(EWS_OVERRIDES "/%s", key), moved[CALTIME_SIZE];
	const json_t *override = json_object_get(op->ours, name);
	json_t *text;

	if (!html || (common && !strcmp(html, common)) || !moved_key(op, key, moved))
		return;
	text = json_object_get(override, "Body");
	if (!text)
		text = json_object_get(op->ours, "Body");
	json_object_set_new(op->kept, moved,
		json_pack("{s:O, s:s}", "text", text ? text : json_null(), "html", html));
}

/* The series has exceptions: their bodies, EWS_BATCH in a request. */
static int keep_exceptions(struct mailbox *mailbox, struct mailbox_op *op,
	const struct ews_exceptions *exceptions, const char *common, struct error *err)
{
	const char *ids[EWS_BATCH];

	for (size_t at = 0, n; at < exceptions->n; at += n) {
		struct ews_answer answer;
		xmlNode *message;
		int rc;

		for (n = 0; n < EWS_BATCH && at + n < exceptions->n; n++)
			ids[n] = exceptions->list[at + n].id;
		rc = get_bodies(mailbox, ids, n, false, &answer, err);
		message = rc ? NULL : ews_first_message(&answer);
		for (size_t i = 0; i < n && message && !rc; i++, message = xml_next(message)) {
			char *html AUTOFREE = html_of(message);

			rc = is_busy(mailbox, message, err);
			keep_body(op, exceptions->list[at + i].key, html, common);
		}
		ews_answer_free(&answer);
		if (rc)
			return rc;
	}
	return 0;
}

/* A series that is gone, or cannot be read, says so when it is written. */
static int keep_one(struct mailbox *mailbox, struct mailbox_op *op, struct error *err)
{
	struct ews_exceptions exceptions = { 0 };
	struct mailbox_item series = { .fields = (json_t *)op->ours };
	struct ews_answer answer;
	char *common AUTOFREE = NULL;
	xmlNode *message;
	int rc = get_bodies(mailbox, &op->id, 1, true, &answer, err);

	message = rc ? NULL : ews_first_message(&answer);
	rc = rc ? rc : is_busy(mailbox, message, err);
	common = html_of(message);
	ews_read_modified(mailbox, xml_first(xml_child(message, "Items")), &series, &exceptions);
	ews_answer_free(&answer);
	json_decref(series.unread);
	if (!rc)
		rc = keep_exceptions(mailbox, op, &exceptions, common, err);
	ews_exceptions_clear(&exceptions);
	return rc;
}

/* An occurrence that was deleted is to be there again: the pattern is sent anew (ews_write.c). */
static bool restores(const struct mailbox_op *op)
{
	const json_t *entry;
	size_t i;

	json_array_foreach((json_t *)op->changed, i, entry) {
		const char *name = json_string_value(entry);

		if (json_is_true(json_object_get(json_object_get(op->ours, name), "excluded")))
			return true;
	}
	return false;
}

int ews_keep(struct mailbox *mailbox, struct mailbox_op *ops, size_t n, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++) {
		struct mailbox_op *op = &ops[i];
		json_t *before = op->kept;

		if (op->kind != KIND_EVENT || !json_object_get(op->ours, "Recurrence") ||
			!(ews_drops_exceptions(op) || restores(op)))
			continue;
		op->kept = before ? json_copy(before) : json_object();
		json_decref(before);
		rc = keep_one(mailbox, op, err);
		if (!json_object_size(op->kept)) {
			json_decref(op->kept);
			op->kept = NULL;
		}
	}
	return rc;
}

const char *ews_kept_html(const json_t *kept, const char *key, const json_t *own)
{
	const json_t *body = json_object_get(kept, key), *text = json_object_get(own, "Body");
	const json_t *before = json_object_get(body, "text");

	if (!body || !json_equal(before, text ? text : json_null()))
		return NULL;
	return json_string_value(json_object_get(body, "html"));
}
