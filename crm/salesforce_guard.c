/* The guard of updates: that nobody changed the record since it was read.
 *
 * If-Unmodified-Since guards the rows of an sObject; that an org heeds it in the subrequests of a composite
 * too is not promised.  So the first composite after the start carries a subrequest that asks: a GET that
 * only an unheeded condition lets through.  Until the answer is known, and where the org does not heed it,
 * the stamps are read just before the write, and updates of newer records are not sent: the hub merges
 * first (design section 7). */
#include <string.h>

#include "crm/private.h"
#include "sync/mem.h"

json_t *salesforce_guard_probe(const struct salesforce_object *object, const char *id)
{
	char date[40];

	salesforce_format_http_date(0, date);
	return json_pack("{s:s, s:o, s:s, s:{s:s}}", "method", "GET", "url",
		json_sprintf(SALESFORCE_PATH "/sobjects/%s/%s?fields=Id", object->name, id),
		"referenceId", "guard", "httpHeaders", "If-Unmodified-Since", date);
}

void salesforce_guard_learn(struct crm *crm, const json_t *subresult)
{
	json_int_t status = json_integer_value(json_object_get(subresult, "httpStatusCode"));

	if (status == 412)
		atomic_store(&crm->guard, SALESFORCE_GUARD_HEEDED);
	else if (status == 200)
		atomic_store(&crm->guard, SALESFORCE_GUARD_IGNORED);
	/* Any other is about the record: the next one tells. */
}

/* The row of a series may well be older than the series, which is as new as its newest occurrence. */
static bool is_newer(const char *stamp, const char *version)
{
	int64_t is, was;

	return !salesforce_parse_stamp(stamp, &is) || !salesforce_parse_stamp(version, &was) ||
	       is > was;
}

/* Stamps of the records: {id: SystemModstamp}.  The ids were checked to be ids. */
static int read_stamps(struct crm *crm, const struct salesforce_object *object,
	const char *const *ids, size_t n, json_t *stamps, struct error *err)
{
	int rc = 0;

	for (size_t at = 0; !rc && at < n;) {
		struct buf soql AUTOBUF = BUF_INIT(SALESFORCE_QUERY_MAX);
		json_t *answer = NULL, *row;
		size_t i;

		buf_addf(&soql, "SELECT Id,SystemModstamp FROM %s WHERE Id IN ", object->name);
		at += salesforce_add_values(&soql, ids + at, n - at);
		rc = salesforce_ask(crm, "query", &soql, NULL, &answer, err);
		json_array_foreach(json_object_get(answer, "records"), i, row) {
			const char *id = json_string_value(json_object_get(row, "Id"));

			if (id)
				json_object_set(stamps, id, json_object_get(row, "SystemModstamp"));
		}
		json_decref(answer);
	}
	return rc;
}

int salesforce_guard_read(struct crm *crm, const struct salesforce_object *object,
	struct crm_op **ops, size_t n, struct error *err)
{
	const char **ids = xcalloc(n, sizeof(*ids));
	json_t *stamps = json_object();
	int rc;

	for (size_t i = 0; i < n; i++)
		ids[i] = ops[i]->id;
	rc = read_stamps(crm, object, ids, n, stamps, err);
	for (size_t i = 0; !rc && i < n; i++) {
		const char *stamp = json_string_value(json_object_get(stamps, ids[i]));

		/* One that does not show is gone or out of view: its update says which. */
		if (stamp && ops[i]->version && is_newer(stamp, ops[i]->version))
			error_set(&ops[i]->error, ERR_CONFLICT,
				"the record was changed in Salesforce since it was read");
	}
	json_decref(stamps);
	free(ids);
	return rc;
}
