/* The folder tree: what the hub is told, and what it costs. */
#include "fake_transport.h"

#define FOLDER(ELEMENT, ID, KEY, PARENT, CLASS, NAME)                                              \
	"<e:" ELEMENT "><e:FolderId Id=\"" ID "\" ChangeKey=\"" KEY                                \
	"\"/><e:ParentFolderId Id=\"" PARENT "\" ChangeKey=\"x\"/><e:FolderClass>" CLASS           \
	"</e:FolderClass><e:DisplayName>" NAME "</e:DisplayName></e:" ELEMENT ">"
#define CONTACT_FOLDER(ID, PARENT, NAME)                                                           \
	FOLDER("ContactsFolder", ID, "k", PARENT, "IPF.Contact", NAME)
#define CREATE(X)     "<e:Create>" X "</e:Create>"
#define UPDATE(X)     "<e:Update>" X "</e:Update>"
#define DELETE(ID)    "<e:Delete><e:FolderId Id=\"" ID "\" ChangeKey=\"k\"/></e:Delete>"

#define ROOT_CONTACTS CONTACT_FOLDER("C", "R", "Kontakte")
#define ROOT_CALENDAR FOLDER("CalendarFolder", "K", "k", "R", "IPF.Appointment", "Kalender")
#define ROOT_TASKS    FOLDER("TasksFolder", "T", "k", "R", "IPF.Task", "Aufgaben")
#define ROOT_DELETED  FOLDER("Folder", "D", "k", "R", "IPF.Note", "Gel&#246;schte Elemente")

static struct mailbox_folder *folders;
static size_t n_folders;
static char *cursor;

/* In the order in which they are asked for. */
static void queue_roots(void)
{
	static const char *const roots[] = { ROOT_DELETED, ROOT_CONTACTS, ROOT_CALENDAR,
		ROOT_TASKS };
	struct buf messages AUTOBUF = BUF_INIT(100000);

	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		char *inside AUTOFREE = xasprintf("<m:Folders>%s</m:Folders>", roots[i]);
		char *message AUTOFREE = fake_success("GetFolder", inside);

		buf_adds(&messages, message);
	}
	fake_queue((struct fake_answer){
		.status = 200, .body = fake_messages("GetFolder", buf_str(&messages)) });
}

static void queue_changes(const char *state, bool last, const char *changes)
{
	char *inside AUTOFREE = xasprintf(
		"<m:SyncState>%s</m:SyncState><m:IncludesLastFolderInRange>%s"
		"</m:IncludesLastFolderInRange><m:Changes>%s</m:Changes>",
		state, last ? "true" : "false", changes);

	fake_queue_success("SyncFolderHierarchy", inside);
}

static void forget(void)
{
	for (size_t i = 0; i < n_folders; i++)
		mailbox_folder_clear(&folders[i]);
	free(folders);
	folders = NULL;
	n_folders = 0;
}

/* One call from the last cursor; the number of requests it took. */
static size_t pull(void)
{
	struct error err = ERROR_INIT;
	size_t before = fake.n_requests;
	char *next = NULL;

	forget();
	if (ews_driver.sync_folders(box, cursor, &folders, &n_folders, &next, &err))
		fail_msg("%s", err.text);
	free(cursor);
	cursor = next;
	return fake.n_requests - before;
}

/* The folder of that id in the last result; its name, parent and place must be these. */
static void assert_folder(size_t i, const char *id, const char *parent, const char *name)
{
	assert_true(i < n_folders);
	assert_string_equal(folders[i].id, id);
	assert_int_equal(folders[i].kind, KIND_CONTACT);
	assert_false(folders[i].deleted);
	assert_string_equal(folders[i].name, name);
	assert_int_equal(folders[i].is_default, !parent);
	if (parent)
		assert_string_equal(folders[i].parent_id, parent);
	else
		assert_null(folders[i].parent_id);
}

static void assert_gone(size_t i, const char *id)
{
	assert_true(i < n_folders);
	assert_string_equal(folders[i].id, id);
	assert_true(folders[i].deleted);
}

static int start(void **state)
{
	fake_open(state);
	queue_roots();
	queue_changes("S1", true,
		CREATE(CONTACT_FOLDER("C2", "C1", "West")) CREATE(CONTACT_FOLDER(
			"C1", "C", "Salesforce_Sync")) CREATE(ROOT_CONTACTS) CREATE(ROOT_DELETED)
			CREATE(FOLDER("Folder", "I", "k", "R", "IPF.Note", "Inbox"))
				CREATE(CONTACT_FOLDER("X", "D", "Thrown away"))
					CREATE(FOLDER("ContactsFolder", "H", "k", "C",
						"IPF.Contact.RecipientCache", "Cache")));
	assert_int_equal(pull(), 2);
	return 0;
}

static int stop(void **state)
{
	forget();
	free(cursor);
	cursor = NULL;
	return fake_close(state);
}

static void the_first_sync_shows_the_kind_parents_first(void **state)
{
	(void)state;
	assert_int_equal(n_folders, 5);
	assert_folder(0, "C", NULL, "Kontakte");
	assert_string_equal(folders[1].id, "K");
	assert_int_equal(folders[1].kind, KIND_EVENT);
	assert_string_equal(folders[2].id, "T");
	assert_int_equal(folders[2].kind, KIND_TASK);
	assert_folder(3, "C1", "C", "Salesforce_Sync");
	assert_folder(4, "C2", "C1", "West");
	assert_string_equal(folders[3].version, "k");
}

static void nothing_changed_costs_one_request(void **state)
{
	(void)state;
	queue_changes("S1", true, "");
	assert_int_equal(pull(), 1);
	assert_int_equal(n_folders, 0);
	fake_assert_last("<m:SyncState>S1</m:SyncState>", 1);
	queue_changes("S2", true, UPDATE(FOLDER("Folder", "I", "k9", "R", "IPF.Note", "Inbox")));
	assert_int_equal(pull(), 1);
	assert_int_equal(n_folders, 0);
}

static void pages_are_read_to_the_last(void **state)
{
	(void)state;
	queue_changes("S2", false, CREATE(CONTACT_FOLDER("C3", "C", "North")));
	queue_changes("S3", false, "");
	queue_changes("S4", true, CREATE(CONTACT_FOLDER("C4", "C3", "South")));
	assert_int_equal(pull(), 3);
	fake_assert_last("<m:SyncState>S3</m:SyncState>", 1);
	assert_int_equal(n_folders, 2);
	assert_folder(0, "C3", "C", "North");
	assert_folder(1, "C4", "C3", "South");
}

static void a_server_that_does_not_move_on_is_not_asked_for_ever(void **state)
{
	(void)state;
	queue_changes("S1", false, "");
	assert_int_equal(pull(), 1);
}

static void renames_and_moves_are_shown(void **state)
{
	(void)state;
	queue_changes("S2", true, UPDATE(CONTACT_FOLDER("C2", "C", "Far West")));
	pull();
	assert_int_equal(n_folders, 1);
	assert_folder(0, "C2", "C", "Far West");
}

static void a_folder_takes_what_lies_below_it_into_deleted_items_and_back(void **state)
{
	(void)state;
	queue_changes("S2", true, UPDATE(CONTACT_FOLDER("C1", "D", "Salesforce_Sync")));
	pull();
	assert_int_equal(n_folders, 2);
	assert_true(folders[0].deleted && folders[1].deleted);
	queue_changes("S3", true, UPDATE(CONTACT_FOLDER("C1", "C", "Salesforce_Sync")));
	pull();
	assert_int_equal(n_folders, 2);
	assert_folder(0, "C1", "C", "Salesforce_Sync");
	assert_folder(1, "C2", "C1", "West");
}

static void a_deleted_folder_is_gone_once(void **state)
{
	(void)state;
	queue_changes("S2", true, DELETE("C2") DELETE("I") DELETE("never seen"));
	pull();
	assert_int_equal(n_folders, 1);
	assert_gone(0, "C2");
	queue_changes("S3", true, "");
	pull();
	assert_int_equal(n_folders, 0);
}

static void a_folder_that_is_restored_appears(void **state)
{
	(void)state;
	queue_changes("S2", true, UPDATE(CONTACT_FOLDER("X", "C1", "Back again")));
	pull();
	assert_int_equal(n_folders, 1);
	assert_folder(0, "X", "C1", "Back again");
}

static void a_folder_elsewhere_stands_below_the_folder_of_its_kind(void **state)
{
	(void)state;
	queue_changes("S2", true,
		CREATE(CONTACT_FOLDER("E1", "I", "In the Inbox"))
			CREATE(CONTACT_FOLDER("E2", "E1", "Deep")));
	pull();
	assert_int_equal(n_folders, 2);
	assert_folder(0, "E1", "C", "In the Inbox");
	assert_folder(1, "E2", "E1", "Deep");
}

static void hidden_and_search_folders_are_left_out(void **state)
{
	(void)state;
	queue_changes("S2", true,
		"<e:Create><e:ContactsFolder><e:FolderId Id=\"G\" ChangeKey=\"k\"/>"
		"<e:ParentFolderId Id=\"C\"/><e:FolderClass>IPF.Contact</e:FolderClass>"
		"<e:DisplayName>{GUID}</e:DisplayName><e:ExtendedProperty><e:ExtendedFieldURI "
		"PropertyTag=\"0x10f4\" PropertyType=\"Boolean\"/><e:Value>true</e:Value>"
		"</e:ExtendedProperty></e:ContactsFolder></e:Create>" CREATE(
			FOLDER("SearchFolder", "Q", "k", "C", "IPF.Contact", "All of them")));
	pull();
	assert_int_equal(n_folders, 0);
}

static void a_parent_that_is_its_own_child_hangs_nobody(void **state)
{
	(void)state;
	queue_changes("S2", true,
		UPDATE(CONTACT_FOLDER("C1", "C2", "One"))
			UPDATE(CONTACT_FOLDER("C2", "C1", "Two")));
	pull();
	assert_int_equal(n_folders, 2);
	assert_true(folders[0].deleted && folders[1].deleted);
}

static void a_cursor_that_is_none_of_ours_is_refused(void **state)
{
	static const char *const cursors[] = { "", "{}", "[1]", "H4sIAAAA", "{\"state\": \"S\"}",
		"{\"state\": \"S\", \"roots\": {\"contacts\": \"C\"}, \"folders\": {}}" };
	struct error err = ERROR_INIT;
	struct mailbox_folder *list;
	size_t n, before = fake.n_requests;
	char *next;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cursors); i++)
		assert_int_equal(ews_driver.sync_folders(box, cursors[i], &list, &n, &next, &err),
			ERR_CURSOR);
	assert_int_equal(fake.n_requests, before);
	fake_queue_failure("SyncFolderHierarchy", "ErrorInvalidSyncStateData");
	assert_int_equal(ews_driver.sync_folders(box, cursor, &list, &n, &next, &err), ERR_CURSOR);
	assert_null(next);
}

static void an_answer_without_a_state_is_an_error(void **state)
{
	struct error err = ERROR_INIT;
	struct mailbox_folder *list;
	char *next;
	size_t n;

	(void)state;
	fake_queue_success("SyncFolderHierarchy", "<m:Changes/>");
	assert_int_equal(ews_driver.sync_folders(box, cursor, &list, &n, &next, &err), ERR_REMOTE);
	assert_null(next);
	assert_null(list);
}

static void a_missing_default_folder_is_an_error(void **state)
{
	char *deleted AUTOFREE = fake_success(
		"GetFolder", "<m:Folders>" ROOT_DELETED "</m:Folders>");
	struct error err = ERROR_INIT;
	struct mailbox_folder *list;
	char *next;
	size_t n;

	(void)state;
	fake_queue(
		(struct fake_answer){ .status = 200, .body = fake_messages("GetFolder", deleted) });
	assert_int_equal(ews_driver.sync_folders(box, NULL, &list, &n, &next, &err), ERR_REMOTE);
	assert_non_null(strstr(err.text, "contacts"));
}

static void folders_are_made_renamed_moved_and_removed(void **state)
{
	struct error err = ERROR_INIT;
	struct mailbox_folder made;

	(void)state;
	fake_queue_success("CreateFolder", "<m:Folders><e:ContactsFolder><e:FolderId Id=\"N\" "
					   "ChangeKey=\"k1\"/></e:ContactsFolder></m:Folders>");
	assert_int_equal(
		ews_driver.create_folder(box, "C", "North & South", KIND_CONTACT, &made, &err), 0);
	assert_string_equal(made.id, "N");
	assert_string_equal(made.version, "k1");
	assert_string_equal(made.parent_id, "C");
	fake_assert_last("<t:ContactsFolder><t:DisplayName>North &amp; South</t:DisplayName>", 1);
	mailbox_folder_clear(&made);

	fake_queue_success("GetFolder", "<m:Folders><e:ContactsFolder><e:FolderId Id=\"N\" "
					"ChangeKey=\"k2\"/></e:ContactsFolder></m:Folders>");
	fake_queue_success("UpdateFolder", "<m:Folders/>");
	assert_int_equal(ews_driver.rename_folder(box, "N", "k1", "East", &err), 0);
	fake_assert_last("<t:FolderId Id=\"N\" ChangeKey=\"k2\"/>", 1);
	fake_assert_last("<t:ContactsFolder><t:DisplayName>East</t:DisplayName>", 1);

	fake_queue_success("MoveFolder", "<m:Folders/>");
	assert_int_equal(ews_driver.move_folder(box, "N", "C1", &err), 0);
	fake_assert_last("<m:ToFolderId><t:FolderId Id=\"C1\"/></m:ToFolderId>", 1);

	fake_queue_success("DeleteFolder", "");
	assert_int_equal(ews_driver.delete_folder(box, "N", &err), 0);
	fake_assert_last("DeleteType=\"MoveToDeletedItems\"", 1);
}

static void folder_writes_fail_with_their_grade(void **state)
{
	struct error err = ERROR_INIT;
	struct mailbox_folder made;

	(void)state;
	fake_queue_failure("CreateFolder", "ErrorFolderExists");
	assert_int_equal(
		ews_driver.create_folder(box, "C", "West", KIND_CONTACT, &made, &err), ERR_EXISTS);
	assert_null(made.id);
	fake_queue_failure("DeleteFolder", "ErrorDeleteDistinguishedFolder");
	assert_int_equal(ews_driver.delete_folder(box, "C", &err), ERR_DENIED);
	fake_queue((struct fake_answer){ .status = 502, .body = xstrdup("bad gateway") });
	assert_int_equal(ews_driver.move_folder(box, "N", "C1", &err), ERR_LOST);
	fake_queue((struct fake_answer){
		.status = 200, .body = xstrdup("<Envelope><Body><MoveFold") });
	assert_int_equal(ews_driver.move_folder(box, "N", "C1", &err), ERR_LOST);
}

#define tree_test(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		tree_test(the_first_sync_shows_the_kind_parents_first),
		tree_test(nothing_changed_costs_one_request),
		tree_test(pages_are_read_to_the_last),
		tree_test(a_server_that_does_not_move_on_is_not_asked_for_ever),
		tree_test(renames_and_moves_are_shown),
		tree_test(a_folder_takes_what_lies_below_it_into_deleted_items_and_back),
		tree_test(a_deleted_folder_is_gone_once),
		tree_test(a_folder_that_is_restored_appears),
		tree_test(a_folder_elsewhere_stands_below_the_folder_of_its_kind),
		tree_test(hidden_and_search_folders_are_left_out),
		tree_test(a_parent_that_is_its_own_child_hangs_nobody),
		tree_test(a_cursor_that_is_none_of_ours_is_refused),
		tree_test(an_answer_without_a_state_is_an_error),
		tree_test(a_missing_default_folder_is_an_error),
		tree_test(folders_are_made_renamed_moved_and_removed),
		tree_test(folder_writes_fail_with_their_grade),
	};

	return cmocka_run_group_tests(tests, fake_setup, fake_teardown);
}
