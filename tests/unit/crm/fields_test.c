/* The table of Contact: every row goes into a card and comes out of it, and LastName stands in for
 * a missing surname without ever becoming one. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "crm/private.h"
#include "sync/formats/card.h"
#include "sync/mem.h"

static struct field_table table(void)
{
	return (struct field_table){ .rows = salesforce_contact_rows, .n = salesforce_contact_n };
}

static void every_row(void **state)
{
	struct field_table rows = table();

	(void)state;
	for (size_t i = 0; i < rows.n; i++) {
		const struct field *row = &rows.rows[i];
		bool date = row->type == &field_date;
		json_t *value = json_string(date ? "1990-01-31" : "Wert \xc3\xa4");
		json_t *doc = card_new(), *seen;
		struct error err = ERROR_INIT;

		assert_int_equal(field_apply(&rows, doc, row->name, value, &err), 0);
		seen = field_project(&rows, doc, NULL, &err);
		assert_true(json_equal(json_object_get(seen, row->name), value));
		assert_int_equal(field_apply(&rows, doc, row->name, json_null(), &err), 0);
		json_decref(seen);
		seen = field_project(&rows, doc, NULL, &err);
		assert_null(json_object_get(seen, row->name));
		json_decref(seen);
		json_decref(value);
		json_decref(doc);
	}
}

/* Design section 7: each pair of fields of the table and nothing else. */
static void names(void **state)
{
	static const char *const expected[] = { "Salutation", "FirstName", "MiddleName", "LastName",
		"Suffix", "Account.Name", "Department", "Title", "Email", "Phone", "MobilePhone",
		"HomePhone", "OtherPhone", "Fax", "AssistantPhone", "MailingStreet", "MailingCity",
		"MailingState", "MailingPostalCode", "MailingCountry", "OtherStreet", "OtherCity",
		"OtherState", "OtherPostalCode", "OtherCountry", "Birthdate", "AssistantName" };

	(void)state;
	assert_int_equal(salesforce_contact_n, ARRAY_SIZE(expected));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		assert_string_equal(salesforce_contact_rows[i].name, expected[i]);
}

static void a_real_card(void **state)
{
	json_t *doc = json_loads(
		"{\"@type\":\"Card\",\"version\":\"1.0\",\"name\":{\"components\":["
		"{\"kind\":\"title\",\"value\":\"Dr.\"},{\"kind\":\"given\",\"value\":\"Anna\"},"
		"{\"kind\":\"surname\",\"value\":\"Berg\"}]},"
		"\"emails\":{\"EmailAddress1\":{\"address\":\"anna@a.example\"},\"EmailAddress2\":{"
		"\"address\":\"x@a.example\"}},"
		"\"phones\":{\"BusinessPhone\":{\"number\":\"1\"},\"OtherTelephone\":{\"number\":"
		"\"2\"}},"
		"\"addresses\":{\"Business\":{\"components\":[{\"kind\":\"locality\",\"value\":"
		"\"Ulm\"}]},"
		"\"Home\":{\"components\":[{\"kind\":\"locality\",\"value\":\"Bonn\"}]}},"
		"\"organizations\":{\"CompanyName\":{\"name\":\"Acme\",\"units\":[{\"name\":"
		"\"Sales\"}]}},"
		"\"notes\":{\"Body\":{\"note\":\"private\"}}}",
		0, NULL);
	json_t *expected = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "Salutation",
		"Dr.", "Account.Name", "Acme", "FirstName", "Anna", "LastName", "Berg", "Email",
		"anna@a.example", "Phone", "1", "OtherPhone", "2", "MailingCity", "Ulm",
		"Department", "Sales");
	struct field_table rows = table();
	struct error err = ERROR_INIT;
	json_t *seen = field_project(&rows, doc, NULL, &err);

	(void)state;
	assert_true(json_equal(seen, expected));
	json_decref(seen);
	json_decref(expected);
	json_decref(doc);
}

static void last_name_stands_in(void **state)
{
	static const struct {
		const char *card, *last_name;
		bool stand_in;
	} rows[] = {
		{ "{\"name\":{\"full\":\"Berg, "
		  "A\",\"components\":[{\"kind\":\"surname\",\"value\":\"Berg\"}]}}",
			"Berg", false },
		{ "{\"name\":{\"full\":\"Acme "
		  "Support\"},\"organizations\":{\"CompanyName\":{\"name\":\"Acme\"}}}",
			"Acme Support", true },
		{ "{\"organizations\":{\"CompanyName\":{\"name\":\"Acme\"}},\"emails\":{"
		  "\"EmailAddress1\":{\"address\":\"info@acme.example\"}}}",
			"Acme", true },
		{ "{\"emails\":{\"EmailAddress1\":{\"address\":\"info@acme.example\"}}}", "info",
			true },
		{ "{\"name\":{\"full\":\"Anna\",\"components\":[{\"kind\":\"given\",\"value\":"
		  "\"Anna\"}]},\"organizations\":{\"CompanyName\":{\"name\":\"Acme\"}}}",
			"Acme", true },
		{ "{\"name\":{\"components\":[{\"kind\":\"given\",\"value\":\"Anna\"}]}}", "Anna",
			true },
		{ "{\"phones\":{\"MobilePhone\":{\"number\":\"1\"}}}", NULL, false },
	};
	struct field_table all = table();
	const struct field *row = field_find(&all, "LastName");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *doc = json_loads(rows[i].card, 0, NULL), *before = json_deep_copy(doc);
		json_t *value = row->type->get(doc, row);
		struct error err = ERROR_INIT;

		assert_non_null(doc);
		if (rows[i].last_name)
			assert_string_equal(json_string_value(value), rows[i].last_name);
		else
			assert_null(value);
		assert_int_equal(field_is_stand_in(row, doc), rows[i].stand_in);
		/* Coming back from the CRM it changes nothing; another value becomes the surname. */
		assert_int_equal(field_apply(&all, doc, "LastName", value, &err), 0);
		assert_true(json_equal(doc, before));
		json_decref(value);
		value = json_string("Neu");
		assert_int_equal(field_apply(&all, doc, "LastName", value, &err), 0);
		json_decref(value);
		value = field_name_component.get(doc, row);
		assert_string_equal(json_string_value(value), "Neu");
		assert_false(field_is_stand_in(row, doc));
		json_decref(value);
		json_decref(doc);
		json_decref(before);
	}
}

static void a_long_stand_in_is_cut(void **state)
{
	struct field_table all = table();
	json_t *doc = card_new(), *seen;
	char name[4 * 90 + 1] = "";
	struct error err = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < 90; i++)
		memcpy(name + 4 * i, "\xf0\x9f\x8c\x8d", 5); /* two UTF-16 units each */
	json_object_set_new(
		doc, "organizations", json_pack("{s:{s:s}}", "CompanyName", "name", name));
	seen = field_project(&all, doc, NULL, &err);
	assert_non_null(seen);
	assert_int_equal(json_string_length(json_object_get(seen, "LastName")), 4 * 40);
	json_decref(seen);
	/* A surname of that length is the user's to shorten. */
	json_object_set_new(doc, "name",
		json_pack("{s:[{s:s, s:s}]}", "components", "kind", "surname", "value", name));
	assert_null(field_project(&all, doc, NULL, &err));
	assert_int_equal(err.code, ERR_TOO_BIG);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row),
		cmocka_unit_test(names),
		cmocka_unit_test(a_real_card),
		cmocka_unit_test(last_name_stands_in),
		cmocka_unit_test(a_long_stand_in_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
