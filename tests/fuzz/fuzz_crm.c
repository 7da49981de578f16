/* Fuzzing of Salesforce's answers: the first byte chooses the parser, the rest is the answer's body.
 * Whatever a parser takes must be what the hub relies on: ids that are ids, one result an op. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crm/private.h"
#include "sync/mem.h"

#define US "005000000000009AAA"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
	if (!good)
		abort();
}

static const struct salesforce_spec *spec_of(uint8_t which)
{
	static const enum item_kind kinds[] = { KIND_CONTACT, KIND_EVENT, KIND_TASK };

	return salesforce_spec(kinds[which % ARRAY_SIZE(kinds)]);
}

/* An object with every row, as an org would describe it. */
static struct salesforce_object *all_rows(const struct salesforce_spec *spec)
{
	json_t *fields = json_pack("[{s:s}, {s:s}, {s:s}, {s:s}, {s:s, s:b, s:b}]", "name", "Id",
		"name", "SystemModstamp", "name", "AccountId", "name", "OwnerId", "name",
		"Token__c", "externalId", 1, "createable", 1);
	struct salesforce_object *object = NULL;
	json_t *answer;

	for (size_t i = 0; i < *spec->n_rows; i++)
		json_array_append_new(fields,
			json_pack("{s:s, s:s}", "name",
				spec->rows[i].wire ? (const char *)spec->rows[i].wire
						   : spec->rows[i].name,
				"type", strcmp(spec->rows[i].name, "Email") ? "string" : "email"));
	answer = json_pack("{s:o}", "fields", fields);
	require(!salesforce_read_describe(answer, spec, "Token__c", &object, NULL));
	json_decref(answer);
	return object;
}

static void page(const json_t *answer, uint8_t which)
{
	struct salesforce_object *object = all_rows(spec_of(which));
	struct error err = ERROR_INIT;
	struct crm_record *records;
	char *next;
	size_t n;

	if (!salesforce_read_page(answer, object, US, &records, &n, &next, &err)) {
		for (size_t i = 0; i < n; i++)
			require(salesforce_is_id(records[i].id) && records[i].version &&
				records[i].fields);
		require(!next || !strncmp(next, "/services/data/", 15));
		crm_records_free(records, n);
		free(next);
	} else {
		require(!records && !n && !next && err.code);
	}
	salesforce_object_free(object);
}

static void results(const json_t *answer, uint8_t which)
{
	struct crm_op ops[2] = { { .id = "003000000000001AAA" }, { .id = "003000000000002AAA" } };
	struct crm_op *list[2] = { &ops[0], &ops[1] };
	struct error err = ERROR_INIT;
	int rc;

	ops[0].error.code = ops[1].error.code = ERR_UNSENT;
	if (which == 1)
		rc = salesforce_read_results(answer, CRM_CREATE, list, 2, &err);
	else if (which == 2)
		rc = salesforce_read_results(answer, CRM_DELETE, list, 2, &err);
	else
		rc = salesforce_read_composite(answer, list, 2, &err);
	require(rc == 0 || rc == ERR_LOST);
	for (size_t i = 0; i < 2; i++) {
		require((rc != 0) == (ops[i].error.code == ERR_UNSENT));
		if (!rc && which == 1)
			require((ops[i].error.code == ERR_NONE) == salesforce_is_id(ops[i].new_id));
		crm_op_clear(&ops[i]);
	}
}

static void describe(const json_t *answer, uint8_t which)
{
	const struct salesforce_spec *spec = spec_of(which);
	struct salesforce_object *object = NULL;

	if (!salesforce_read_describe(answer, spec, "Token__c", &object, NULL))
		require(object->token_field && object->n_rows <= *spec->n_rows);
	salesforce_object_free(object);
}

static void cursor(const char *text)
{
	struct salesforce_cursor c;
	char *again;

	if (salesforce_cursor_parse(&c, text, NULL))
		return;
	again = salesforce_cursor_text(&c);
	salesforce_cursor_clear(&c);
	require(!salesforce_cursor_parse(&c, again, NULL));
	salesforce_cursor_clear(&c);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = ERROR_INIT;
	char *text;
	json_t *answer;

	if (size < 1)
		return 0;
	text = xstrndup((const char *)data + 1, size - 1);
	answer = json_loadb((const char *)data + 1, size - 1, JSON_DECODE_ANY, NULL);
	switch (data[0] % 7) {
	case 0:
		page(answer, data[0] / 7);
		break;
	case 1:
	case 2:
	case 3:
		results(answer, data[0] % 7);
		break;
	case 4:
		describe(answer, data[0] / 7);
		break;
	case 5:
		require(salesforce_read_errors(answer, 400, SALESFORCE_CHANGING, NULL, &err) != 0);
		break;
	default:
		cursor(text);
	}
	json_decref(answer);
	free(text);
	return 0;
}
