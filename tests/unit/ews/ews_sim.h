/* What tests of the driver against the simulated Exchange share.
 *
 * Starts the tandem-sim that was built beside the program, on a free port of loopback, and ends it.
 * Microsoft's schema, when it is at hand, is given to the simulator, which then checks every
 * request; $TANDEM_RECORD, when it is set, is where the transport records. */
#ifndef TESTS_UNIT_EWS_EWS_SIM_H
#define TESTS_UNIT_EWS_EWS_SIM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ews/ews.h"
#include "ews/ews_wire.h"
#include "sync/http/http.h"
#include "sync/mem.h"
#include "tests/unit/sim_process.h"

#define SERVICE	 "svc-tandem@corp.example"
#define PASSWORD "tandem-service-password"
#define ALICE	 "alice.moreau@corp.example"

static struct sim_process sim;
static void *server;
static struct mailbox *box;
static char *contacts_id; /* of Alice's Contacts */

/* The simulator. */

static inline void start_sim(void)
{
	const char *shared = getenv("TANDEM_SHARED");
	char *schema AUTOFREE = xasprintf("%s/ews-schema", shared ? shared : "../shared");
	bool is_there = !access(schema, R_OK);
	const char *const args[] = { is_there ? "--schema" : NULL, schema, NULL };

	sim_process_start(&sim, args);
}

static inline void fault(json_t *what)
{
	json_decref(sim_process_command(&sim, "POST", "faults", what));
}

/* Setting up. */

static inline struct mailbox *open_box(const char *user, const char *password, const char *address)
{
	struct mailbox_options options = {
		.user = user, .password = password, .address = address, .impersonate = true
	};
	struct error err = ERROR_INIT;
	struct mailbox *out;

	assert_int_equal(ews_driver.open(&out, server, &options, &err), 0);
	return out;
}

/* `record`: where the transport records, or NULL. */
static inline void open_server(const char *record)
{
	char *url AUTOFREE = xasprintf("%s/EWS/Exchange.asmx", sim.url);
	struct error err = ERROR_INIT;

	if (ews_driver.server_open(&server, url, NULL, record, &err))
		fail_msg("%s", err.text);
}

static inline int start(void **state)
{
	struct http_options options = { .name = "sim" };
	struct error err = ERROR_INIT;
	struct mailbox_folder *folders;
	char *cursor;
	size_t n;

	(void)state;
	start_sim();
	sim.control = http_new(&options, &err);
	open_server(getenv("TANDEM_RECORD"));
	box = open_box(SERVICE, PASSWORD, ALICE);
	if (ews_driver.sync_folders(box, NULL, &folders, &n, &cursor, &err))
		fail_msg("%s", err.text);
	for (size_t i = 0; i < n; i++) {
		if (folders[i].is_default && folders[i].kind == KIND_CONTACT)
			contacts_id = xstrdup(folders[i].id);
		mailbox_folder_clear(&folders[i]);
	}
	assert_non_null(contacts_id);
	free(folders);
	free(cursor);
	return 0;
}

static inline int stop(void **state)
{
	(void)state;
	ews_driver.close(box);
	ews_driver.server_close(server);
	http_free(sim.control);
	free(contacts_id);
	sim_process_stop(&sim);
	return 0;
}

static inline int after_each(void **state)
{
	(void)state;
	return sim_process_after_each(&sim);
}

/* Helpers. */

/* All changes of a folder since *cursor, which moves on; the last page only is kept. */
static inline size_t pull(const char *folder, char **cursor, struct mailbox_change **changes)
{
	struct mailbox_page page = { 0 };
	struct error err = ERROR_INIT;
	size_t n = 0;

	*changes = NULL;
	do {
		if (ews_driver.sync_items(box, folder, *cursor, &page, &err))
			fail_msg("%s", err.text);
		*changes = xreallocarray(*changes, n + page.n + 1, sizeof(**changes));
		for (size_t i = 0; i < page.n; i++)
			(*changes)[n++] = page.changes[i];
		free(page.changes);
		free(*cursor);
		*cursor = page.cursor;
	} while (!page.last);
	return n;
}

static inline void free_changes(struct mailbox_change *changes, size_t n)
{
	struct mailbox_page page = { .changes = changes, .n = n };

	mailbox_page_clear(&page);
}

static inline void get_one(const char *id, struct mailbox_item *item)
{
	struct error err = ERROR_INIT;

	if (ews_driver.get_items(box, KIND_CONTACT, &id, 1, item, &err))
		fail_msg("%s", err.text);
}

static inline void write_one(enum mailbox_op_type type, struct mailbox_op *op)
{
	struct error err = ERROR_INIT;

	op->kind = KIND_CONTACT;
	if (ews_driver.write_items(box, type, op, 1, &err))
		fail_msg("%s", err.text);
	if (op->error.code)
		fail_msg("%s", op->error.text);
}

static inline json_t *values(const char *round)
{
	struct field_table table = ews_driver.fields(KIND_CONTACT);
	json_t *fields = json_object();

	for (size_t i = 0; i < table.n; i++) {
		const struct field *row = &table.rows[i];
		const struct ews_wire *wire = row->wire;
		char *key AUTOFREE = xasprintf("%s/%s", row->name, round);
		bool first = !strcmp(round, "one");

		if (row->apart || row->flags & FIELD_READ_ONLY)
			continue;
		if (row->flags & FIELD_PER_KEY)
			json_object_set_new(fields, key, json_true());
		else if (wire->form == EWS_DATE)
			json_object_set_new(fields, row->name,
				json_string(first ? "1984-02-29" : "2001-12-31"));
		else if (wire->form == EWS_STRINGS)
			json_object_set_new(fields, row->name, json_pack("[s, s]", "Mia", round));
		else if (wire->form == EWS_CHOICE)
			json_object_set_new(
				fields, row->name, json_string(first ? "Private" : "Confidential"));
		else if (!strncmp(row->name, "EmailAddress", 12))
			json_object_set_new(fields, row->name,
				json_sprintf("%s.%s@x.example", row->name, round));
		else if (!strcmp(row->name, "BusinessHomePage"))
			json_object_set_new(fields, row->name,
				json_sprintf("https://x.example/%s?a=1&b=2", round));
		else
			json_object_set_new(fields, row->name,
				json_sprintf("%s <%s> & \xC3\xBC\xE2\x82\xAC", row->name, round));
	}
	json_object_set_new(fields, "Body", json_sprintf("A note, %s\n\nwith \"lines\"\n", round));
	return fields;
}

static inline json_t *names_of(const json_t *fields, const json_t *more)
{
	json_t *names = json_array();
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)fields, name, value) {
		json_array_append_new(names, json_string(name));
	}
	json_object_foreach((json_t *)more, name, value) {
		if (!json_object_get(fields, name))
			json_array_append_new(names, json_string(name));
	}
	return names;
}

static inline void assert_fields(const struct mailbox_item *item, const json_t *expected)
{
	const char *name;
	json_t *value;

	assert_null(item->unread);
	json_object_foreach((json_t *)expected, name, value) {
		if (!json_equal(value, json_object_get(item->fields, name)))
			fail_msg("%s is %s", name,
				json_dumps(json_object_get(item->fields, name), JSON_ENCODE_ANY));
	}
	json_object_foreach(item->fields, name, value) {
		if (!json_object_get(expected, name))
			fail_msg("%s should be empty, is %s", name,
				json_dumps(value, JSON_ENCODE_ANY));
	}
}

static inline char *create(json_t *fields)
{
	struct mailbox_op op = { .folder_id = contacts_id, .fields = fields };

	write_one(MAILBOX_CREATE, &op);
	json_decref(fields);
	free(op.new_version);
	return op.new_id;
}

#define sim_test(f) cmocka_unit_test_setup_teardown(f, NULL, after_each)

static inline int ews_sim_run(const char *program, const struct CMUnitTest *tests, size_t n)
{
	return sim_process_run(&sim, program, tests, n, start, stop);
}

#endif
