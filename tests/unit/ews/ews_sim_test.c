/* The driver against the simulated Exchange, over real connections. */
#include "tests/unit/ews/ews_sim.h"

static void signing_in_is_tested(void **state)
{
	struct mailbox *other = open_box(SERVICE, "wrong-secret", ALICE);
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(ews_driver.test(box, &err), 0);
	assert_int_equal(ews_driver.test(other, &err), ERR_DENIED);
	assert_non_null(strstr(err.text, "refused the sign-in of " SERVICE));
	assert_null(strstr(err.text, "wrong-secret"));
	ews_driver.close(other);
	other = open_box("bob.tanaka@corp.example", "bob-password", ALICE);
	assert_int_equal(ews_driver.test(other, &err), ERR_DENIED);
	ews_driver.close(other);
	other = open_box(SERVICE, PASSWORD, "nobody@corp.example");
	assert_true(ews_driver.test(other, &err) < 0);
	assert_int_not_equal(err.code, ERR_NOT_FOUND);
	ews_driver.close(other);
}

static void all_contacts_are_read(void **state)
{
	struct mailbox_change *changes;
	char *cursor AUTOFREE = NULL;
	size_t n = pull(contacts_id, &cursor, &changes);
	const char **ids = xcalloc(n, sizeof(*ids));
	struct mailbox_item *items = xcalloc(n, sizeof(*items));
	struct error err = ERROR_INIT;

	(void)state;
	assert_true(n >= 50);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(changes[i].type, MAILBOX_CREATED);
		ids[i] = changes[i].id;
	}
	assert_int_equal(ews_driver.get_items(box, KIND_CONTACT, ids, n, items, &err), 0);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(items[i].error.code, ERR_NONE);
		assert_string_equal(items[i].id, ids[i]);
		assert_string_equal(items[i].version, changes[i].version);
		assert_string_equal(items[i].folder_id, contacts_id);
		assert_true(items[i].key && strlen(items[i].key) == 32);
		assert_true(items[i].modified > 0);
		assert_true(items[i].unsupported || json_object_size(items[i].fields) > 0);
		mailbox_item_clear(&items[i]);
	}
	free(items);
	free(ids);
	free_changes(changes, n);
}

static void a_cycle_without_changes_takes_one_request_each(void **state)
{
	struct mailbox_folder *folders;
	struct mailbox_change *changes;
	char *tree, *next, *cursor AUTOFREE = NULL;
	struct error err = ERROR_INIT;
	size_t n;

	(void)state;
	n = pull(contacts_id, &cursor, &changes);
	free_changes(changes, n);
	assert_int_equal(ews_driver.sync_folders(box, NULL, &folders, &n, &tree, &err), 0);
	for (size_t i = 0; i < n; i++)
		mailbox_folder_clear(&folders[i]);
	free(folders);
	json_decref(sim_process_command(&sim, "POST", "counters/reset", NULL));
	assert_int_equal(ews_driver.sync_folders(box, tree, &folders, &n, &next, &err), 0);
	assert_int_equal(n, 0);
	assert_int_equal(pull(contacts_id, &cursor, &changes), 0);
	free_changes(changes, 0);
	assert_int_equal(sim_process_requests(&sim, "SyncFolderHierarchy"), 1);
	assert_int_equal(sim_process_requests(&sim, "SyncFolderItems"), 1);
	assert_int_equal(sim_process_requests(&sim, "GetFolder"), 0);
	free(folders);
	free(next);
	free(tree);
}

static void every_field_goes_there_and_back(void **state)
{
	json_t *one = values("one"), *two = values("two"), *none = json_object();
	json_t *to_two = names_of(two, one), *to_none = names_of(two, NULL);
	struct mailbox_op make = { .folder_id = contacts_id, .fields = one };
	struct mailbox_op change, empty;
	struct mailbox_item item;

	(void)state;
	make.marks.token = xstrdup("token-7");
	make.marks.uid = xstrdup("urn:uuid:7");
	make.marks.file_name = xstrdup("anna & \xC3\xBC.vcf");
	write_one(MAILBOX_CREATE, &make);
	get_one(make.new_id, &item);
	assert_fields(&item, one);
	assert_string_equal(item.version, make.new_version);
	assert_string_equal(item.marks.token, "token-7");
	assert_string_equal(item.marks.uid, "urn:uuid:7");
	assert_string_equal(item.marks.file_name, "anna & \xC3\xBC.vcf");
	assert_null(item.marks.crm_link);

	change = (struct mailbox_op){
		.id = item.id, .version = item.version, .fields = two, .changed = to_two
	};
	write_one(MAILBOX_UPDATE, &change);
	mailbox_item_clear(&item);
	get_one(make.new_id, &item);
	assert_fields(&item, two);
	assert_string_equal(item.version, change.new_version);
	assert_string_equal(item.marks.token, "token-7");

	empty = (struct mailbox_op){
		.id = item.id, .version = item.version, .fields = none, .changed = to_none
	};
	write_one(MAILBOX_UPDATE, &empty);
	mailbox_item_clear(&item);
	get_one(make.new_id, &item);
	assert_fields(&item, none);
	mailbox_item_clear(&item);
	mailbox_op_clear(&make);
	mailbox_op_clear(&change);
	mailbox_op_clear(&empty);
	mailbox_marks_clear(&make.marks);
	json_decref(one);
	json_decref(two);
	json_decref(none);
	json_decref(to_two);
	json_decref(to_none);
}

/* Each row alone: set, another value, emptied; the other rows stay. */
static void one_field_changes_alone(void **state)
{
	json_t *fields = values("one"), *two = values("two");
	char *id AUTOFREE = create(json_copy(fields));
	struct field_table table = ews_driver.fields(KIND_CONTACT);
	struct mailbox_item item;

	(void)state;
	for (size_t i = 0; i < 2 * table.n; i++) {
		const struct field *row = &table.rows[i % table.n];
		const char *name = row->flags & FIELD_PER_KEY ? "Categories/two" : row->name;
		struct mailbox_op op = {
			.id = id, .fields = fields, .changed = json_pack("[s]", name)
		};

		if (i < table.n)
			json_object_set(fields, name, json_object_get(two, name));
		else
			json_object_del(fields, name);
		get_one(id, &item);
		op.version = item.version;
		write_one(MAILBOX_UPDATE, &op);
		mailbox_item_clear(&item);
		get_one(id, &item);
		assert_fields(&item, fields);
		mailbox_item_clear(&item);
		mailbox_op_clear(&op);
		json_decref((json_t *)op.changed);
	}
	json_decref(fields);
	json_decref(two);
}

static void marks_change_with_an_update(void **state)
{
	char *id AUTOFREE = create(json_pack("{s:s}", "Surname", "Marks"));
	struct mailbox_item item;
	struct mailbox_op op = { .id = id, .set_marks = true };

	(void)state;
	get_one(id, &item);
	op.version = item.version;
	op.marks.crm_link = xstrdup("003000000000001AAA");
	op.marks.uid = xstrdup("u-1");
	write_one(MAILBOX_UPDATE, &op);
	mailbox_item_clear(&item);
	mailbox_op_clear(&op);
	get_one(id, &item);
	assert_string_equal(item.marks.crm_link, "003000000000001AAA");
	assert_string_equal(item.marks.uid, "u-1");
	op.version = item.version;
	free(op.marks.crm_link);
	op.marks.crm_link = NULL;
	op.marks.unlinked = xstrdup("003000000000001AAA moved out");
	write_one(MAILBOX_UPDATE, &op);
	mailbox_item_clear(&item);
	mailbox_op_clear(&op);
	get_one(id, &item);
	assert_null(item.marks.crm_link);
	assert_string_equal(item.marks.unlinked, "003000000000001AAA moved out");
	mailbox_item_clear(&item);
	mailbox_marks_clear(&op.marks);
}

static void a_stale_version_is_a_conflict(void **state)
{
	char *id AUTOFREE = create(json_pack("{s:s}", "Surname", "Stale"));
	json_t *fields = json_pack("{s:s}", "Surname", "Newer"),
	       *changed = json_pack("[s]", "Surname");
	struct mailbox_op first = {
		.id = id, .kind = KIND_CONTACT, .fields = fields, .changed = changed
	};
	struct mailbox_op second = first;
	struct mailbox_item item;
	struct error err = ERROR_INIT;

	(void)state;
	get_one(id, &item);
	first.version = second.version = item.version;
	write_one(MAILBOX_UPDATE, &first);
	assert_int_equal(ews_driver.write_items(box, MAILBOX_UPDATE, &second, 1, &err), 0);
	assert_int_equal(second.error.code, ERR_CONFLICT);
	mailbox_item_clear(&item);
	mailbox_op_clear(&first);
	mailbox_op_clear(&second);
	json_decref(fields);
	json_decref(changed);
}

static void a_move_keeps_the_key_and_a_delete_is_seen(void **state)
{
	char *id AUTOFREE = create(json_pack("{s:s}", "Surname", "Mover"));
	struct mailbox_op move = { .id = id }, remove = { .id = NULL };
	struct mailbox_folder folder;
	struct mailbox_change *changes;
	struct mailbox_item before, after;
	struct error err = ERROR_INIT;
	char *cursor AUTOFREE = NULL, *other AUTOFREE = NULL;
	size_t n;

	(void)state;
	get_one(id, &before);
	assert_int_equal(ews_driver.create_folder(
				 box, contacts_id, "Salesforce_Sync", KIND_CONTACT, &folder, &err),
		0);
	n = pull(contacts_id, &cursor, &changes);
	free_changes(changes, n);
	move.folder_id = folder.id;
	write_one(MAILBOX_MOVE, &move);
	assert_string_not_equal(move.new_id, id);
	get_one(move.new_id, &after);
	assert_string_equal(after.key, before.key);
	assert_string_equal(after.folder_id, folder.id);
	mailbox_item_clear(&after);
	n = pull(contacts_id, &cursor, &changes);
	assert_int_equal(n, 1);
	assert_int_equal(changes[0].type, MAILBOX_DELETED);
	assert_string_equal(changes[0].id, id);
	free_changes(changes, n);
	n = pull(folder.id, &other, &changes);
	assert_int_equal(n, 1);
	assert_string_equal(changes[0].id, move.new_id);
	free_changes(changes, n);
	get_one(id, &after);
	assert_int_equal(after.error.code, ERR_NOT_FOUND);
	mailbox_item_clear(&after);

	remove.id = move.new_id;
	write_one(MAILBOX_DELETE, &remove);
	n = pull(folder.id, &other, &changes);
	assert_int_equal(n, 1);
	assert_int_equal(changes[0].type, MAILBOX_DELETED);
	free_changes(changes, n);
	remove.kind = KIND_CONTACT;
	assert_int_equal(ews_driver.write_items(box, MAILBOX_DELETE, &remove, 1, &err), 0);
	assert_int_equal(remove.error.code, ERR_NOT_FOUND);
	mailbox_item_clear(&before);
	mailbox_op_clear(&move);
	mailbox_op_clear(&remove);
	mailbox_folder_clear(&folder);
}

/* The folders that changed since *cursor; the caller clears them. */
static size_t pull_folders(char **cursor, struct mailbox_folder **folders)
{
	struct error err = ERROR_INIT;
	char *next;
	size_t n;

	if (ews_driver.sync_folders(box, *cursor, folders, &n, &next, &err))
		fail_msg("%s", err.text);
	free(*cursor);
	*cursor = next;
	return n;
}

static void free_folders(struct mailbox_folder *folders, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mailbox_folder_clear(&folders[i]);
	free(folders);
}

static void folders_come_and_go(void **state)
{
	struct mailbox_folder *folders, outer, inner;
	char *cursor AUTOFREE = NULL;
	struct error err = ERROR_INIT;
	size_t n;

	(void)state;
	n = pull_folders(&cursor, &folders);
	free_folders(folders, n);
	assert_int_equal(
		ews_driver.create_folder(box, contacts_id, "Outer", KIND_CONTACT, &outer, &err), 0);
	assert_int_equal(
		ews_driver.create_folder(box, outer.id, "Inner", KIND_CONTACT, &inner, &err), 0);
	n = pull_folders(&cursor, &folders);
	assert_int_equal(n, 2);
	assert_string_equal(folders[0].id, outer.id);
	assert_string_equal(folders[0].parent_id, contacts_id);
	assert_string_equal(folders[1].id, inner.id);
	assert_string_equal(folders[1].parent_id, outer.id);
	free_folders(folders, n);
	assert_int_equal(ews_driver.create_folder(box, contacts_id, "Outer", KIND_CONTACT,
				 &(struct mailbox_folder){ 0 }, &err),
		ERR_EXISTS);

	assert_int_equal(ews_driver.rename_folder(box, inner.id, inner.version, "Heart", &err), 0);
	n = pull_folders(&cursor, &folders);
	assert_int_equal(n, 1);
	assert_string_equal(folders[0].name, "Heart");
	free_folders(folders, n);

	assert_int_equal(ews_driver.move_folder(box, inner.id, contacts_id, &err), 0);
	n = pull_folders(&cursor, &folders);
	assert_int_equal(n, 1);
	assert_string_equal(folders[0].parent_id, contacts_id);
	free_folders(folders, n);
	assert_int_equal(ews_driver.move_folder(box, inner.id, outer.id, &err), 0);
	n = pull_folders(&cursor, &folders);
	free_folders(folders, n);

	assert_int_equal(ews_driver.delete_folder(box, outer.id, &err), 0);
	n = pull_folders(&cursor, &folders);
	assert_int_equal(n, 2);
	assert_true(folders[0].deleted && folders[1].deleted);
	free_folders(folders, n);
	mailbox_folder_clear(&outer);
	mailbox_folder_clear(&inner);
}

static void categories_are_added_once(void **state)
{
	const char *names[] = { "CRM", "DoNotSync" };
	struct error err = ERROR_INIT;
	json_int_t before;

	(void)state;
	if (ews_driver.add_categories(box, names, 2, &err))
		fail_msg("%s", err.text);
	before = sim_process_requests(&sim, "UpdateUserConfiguration") +
		 sim_process_requests(&sim, "CreateUserConfiguration");
	assert_int_equal(before, 1);
	assert_int_equal(ews_driver.add_categories(box, names, 2, &err), 0);
	assert_int_equal(sim_process_requests(&sim, "UpdateUserConfiguration") +
				 sim_process_requests(&sim, "CreateUserConfiguration"),
		before);
}

static void a_cursor_of_somebody_else_is_refused(void **state)
{
	struct mailbox_page page;
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(
		ews_driver.sync_items(box, contacts_id, "bm9uc2Vuc2U=", &page, &err), ERR_CURSOR);
}

static void answers_that_fail_have_their_grade(void **state)
{
	static const struct {
		const char *fault;
		enum error_code reads, writes;
	} cases[] = {
		{ "{\"type\": \"status\", \"status\": 500}", ERR_REMOTE, ERR_LOST },
		{ "{\"type\": \"status\", \"status\": 502}", ERR_REMOTE, ERR_LOST },
		{ "{\"type\": \"status\", \"status\": 403}", ERR_DENIED, ERR_UNSENT },
		{ "{\"type\": \"truncate\"}", ERR_NONE, ERR_LOST },
		{ "{\"type\": \"garble\"}", ERR_NONE, ERR_LOST },
		{ "{\"type\": \"drop-after\"}", ERR_LOST, ERR_LOST },
		{ "{\"type\": \"drop-before\"}", ERR_LOST, ERR_LOST },
	};
	json_t *fields = json_pack("{s:s}", "Surname", "Fault");
	struct error err = ERROR_INIT;
	void *shared_server = server;
	struct mailbox *own;

	(void)state;
	open_server(NULL); /* what is malformed on purpose is no part of the recording */
	own = open_box(SERVICE, PASSWORD, ALICE);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *what = json_loads(cases[i].fault, 0, NULL);
		struct mailbox_op op = {
			.folder_id = contacts_id, .kind = KIND_CONTACT, .fields = fields
		};
		int rc;

		json_object_set_new(what, "operation", json_string("GetFolder"));
		fault(json_deep_copy(what));
		rc = ews_driver.test(own, &err);
		assert_true(rc < 0);
		if (cases[i].reads)
			assert_int_equal(rc, cases[i].reads);
		json_object_set_new(what, "operation", json_string("CreateItem"));
		fault(what);
		assert_true(ews_driver.write_items(own, MAILBOX_CREATE, &op, 1, &err) < 0);
		assert_int_equal(op.error.code, cases[i].writes);
		mailbox_op_clear(&op);
	}
	ews_driver.close(own);
	ews_driver.server_close(server);
	server = shared_server;
	json_decref(fields);
}

/* Each on connections of its own, since a back-off stands for all of a server. */
static void a_busy_server_is_obeyed(void **state)
{
	static const struct {
		const char *fault;
		unsigned int ms;
	} shapes[] = {
		{ "{\"operation\": \"GetFolder\", \"type\": \"ews\", \"code\": "
		  "\"ErrorServerBusy\", "
		  "\"backoff_ms\": 4321}",
			4321 },
		{ "{\"operation\": \"GetFolder\", \"type\": \"ews\", \"code\": "
		  "\"ErrorServerBusy\", "
		  "\"shape\": \"fault\", \"backoff_ms\": 4321}",
			4321 },
		{ "{\"operation\": \"GetFolder\", \"type\": \"status\", \"status\": 503, "
		  "\"headers\": {\"Retry-After\": \"4\"}}",
			4000 },
	};
	void *shared_server = server;
	struct error err = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct mailbox *own;

		open_server(getenv("TANDEM_RECORD"));
		own = open_box(SERVICE, PASSWORD, ALICE);
		fault(json_loads(shapes[i].fault, 0, NULL));
		assert_int_equal(ews_driver.test(own, &err), ERR_THROTTLED);
		assert_int_equal(err.retry_after_ms, shapes[i].ms);
		assert_true(ews_driver.server_back_off_left(server) > 0);
		assert_int_equal(ews_driver.test(own, &err), ERR_THROTTLED);
		ews_driver.close(own);
		ews_driver.server_close(server);
	}
	server = shared_server;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		sim_test(signing_in_is_tested),
		sim_test(all_contacts_are_read),
		sim_test(a_cycle_without_changes_takes_one_request_each),
		sim_test(every_field_goes_there_and_back),
		sim_test(one_field_changes_alone),
		sim_test(marks_change_with_an_update),
		sim_test(a_stale_version_is_a_conflict),
		sim_test(a_move_keeps_the_key_and_a_delete_is_seen),
		sim_test(folders_come_and_go),
		sim_test(categories_are_added_once),
		sim_test(a_cursor_of_somebody_else_is_refused),
		sim_test(answers_that_fail_have_their_grade),
		sim_test(a_busy_server_is_obeyed),
	};

	(void)argc;
	return ews_sim_run(argv[0], tests, ARRAY_SIZE(tests));
}
