/* Names, moves, partial folders (design section 5): create, mkdir, rmdir, unlink, rename, link. */
#include "tests/unit/sync/commit_fixture.h"

static const char *anna(struct env *e)
{
	return card(e, ANNA_UID, "Anna Berg", EMAIL("anna@a.example"));
}

static const char *bert(struct env *e)
{
	return card(e, BERT_UID, "Bert Vos", MOBILE("+31 5"));
}

static uint64_t draft(struct env *e, uint64_t parent, const char *name, const char *bytes)
{
	struct error err = ERROR_INIT;
	uint64_t ino = create(e, parent, name);

	assert_int_equal(node_of(e, ino).type, NODE_DRAFT);
	assert_ok(commit_draft(&e->c, ino, bytes, strlen(bytes), &err), err);
	return ino;
}

static uint64_t calendar(struct env *e)
{
	struct error err = ERROR_INIT;
	uint64_t ino;

	assert_ok(store_begin(e->store, STORE_NORMAL, STORE_LOCAL, &err), err);
	ino = env_folder(e, e->mailbox, e->root, "Calendar", KIND_EVENT, true, false);
	assert_ok(store_commit(e->store, &err), err);
	return ino;
}

/* ---- create, mkdir, rmdir ------------------------------------------------------------------------ */

static void suffix_and_dot_decide_what_a_new_name_is(void **state)
{
	struct env *e = *state;
	static const struct {
		const char *name;
		enum node_type type;
	} rows[] = {
		{ "anna.vcf", NODE_ITEM },
		{ "anna berg (2).vcf", NODE_ITEM },
		{ "anna.vcf~", NODE_DRAFT },
		{ "anna.txt", NODE_DRAFT },
		{ ".anna.vcf", NODE_DRAFT },
		{ "4913", NODE_DRAFT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(
			node_of(e, create(e, e->contacts, rows[i].name)).type, rows[i].type);
}

static void nothing_is_made_outside_folders(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	struct store_node node;

	assert_int_equal(commit_create(&e->c, e->root, "x.vcf", 0600, &node, &err), ERR_DENIED);
	assert_int_equal(commit_create(&e->c, STORE_ROOT_INO, "x", 0600, &node, &err), ERR_DENIED);
	assert_int_equal(commit_mkdir(&e->c, e->root, "x", 0700, &node, &err), ERR_DENIED);
	assert_int_equal(commit_mkdir(&e->c, e->root, ".x", 0700, &node, &err), ERR_DENIED);
}

static void names_that_go_to_exchange_are_clean_text(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	struct store_node node;
	static const char *const bad[] = { "a\nb.vcf", "a\x7f.vcf", "a\xff.vcf" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(
			commit_create(&e->c, e->contacts, bad[i], 0600, &node, &err), ERR_INVALID);
	assert_int_equal(commit_mkdir(&e->c, e->contacts, "a\xff", 0700, &node, &err), ERR_INVALID);
	create(e, e->contacts, "a\xff"); /* a draft goes nowhere */
}

static void a_name_exists_once(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	struct store_node node;

	create(e, e->contacts, "anna.vcf");
	assert_int_equal(
		commit_create(&e->c, e->contacts, "anna.vcf", 0600, &node, &err), ERR_EXISTS);
	assert_int_equal(
		commit_mkdir(&e->c, e->contacts, "Salesforce_Sync", 0700, &node, &err), ERR_EXISTS);
}

static void a_directory_with_a_dot_is_a_draft_and_others_are_folders(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	struct store_folder folder;
	uint64_t dot = make_dir(e, e->contacts, ".tmp"), below, real;

	assert_int_equal(node_of(e, dot).type, NODE_DRAFT_DIR);
	assert_int_equal(e->committed, 0);
	below = make_dir(e, dot, "any name");
	assert_int_equal(node_of(e, below).type, NODE_DRAFT_DIR);
	assert_int_equal(node_of(e, create(e, below, "anna.vcf")).type, NODE_DRAFT);
	real = make_dir(e, e->contacts, "Customers");
	assert_int_equal(node_of(e, real).type, NODE_FOLDER);
	assert_int_equal(e->committed, 1);
	assert_ok(store_folder_get(e->store, real, &folder, &err), err);
	assert_null(folder.remote_id);
	assert_true(folder.complete);
	assert_true(folder.created > 0);
	assert_int_equal(folder.kind, KIND_CONTACT);
	store_folder_clear(&folder);
}

static int rmdir_errno(struct env *e, uint64_t parent, const char *name)
{
	struct error err = ERROR_INIT;
	int number = 0;

	assert_int_not_equal(commit_rmdir(&e->c, parent, name, &number, &err), 0);
	return number;
}

static void remove_dir(struct env *e, uint64_t parent, const char *name)
{
	struct error err = ERROR_INIT;
	int number;

	assert_ok(commit_rmdir(&e->c, parent, name, &number, &err), err);
}

static void rmdir_answers_as_posix_says(void **state)
{
	struct env *e = *state;
	uint64_t dir = make_dir(e, e->contacts, "Customers");

	put(e, dir, "anna.vcf", anna(e));
	assert_int_equal(rmdir_errno(e, e->contacts, "Customers"), ENOTEMPTY);
	assert_int_equal(rmdir_errno(e, dir, "anna.vcf"), ENOTDIR);
	assert_int_equal(rmdir_errno(e, dir, "nobody"), ENOENT);
	assert_int_equal(rmdir_errno(e, e->contacts, "Salesforce_Sync"), EPERM);
	assert_int_equal(rmdir_errno(e, e->root, "Contacts"), EPERM);
	remove_file(e, dir, "anna.vcf");
	remove_dir(e, e->contacts, "Customers");
	assert_false(exists(e, e->contacts, "Customers"));
}

static void a_folder_that_looks_empty_before_its_first_sync_is_not_removed(void **state)
{
	struct env *e = *state;
	uint64_t dir = make_dir(e, e->contacts, "Customers");

	set_complete(e, dir, false);
	assert_int_equal(rmdir_errno(e, e->contacts, "Customers"), EAGAIN);
}

static void a_folder_made_again_is_the_one_removed(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	struct store_folder folder, contacts;
	uint64_t first = make_dir(e, e->contacts, "Customers"), second;

	assert_ok(store_begin(e->store, STORE_NORMAL, STORE_REMOTE, &err), err);
	assert_ok(store_folder_get(e->store, first, &folder, &err), err);
	assert_ok(store_folder_get(e->store, e->contacts, &contacts, &err), err);
	folder.remote_id = xstrdup("FFF");
	folder.remote_name = xstrdup("Customers");
	folder.shown_name = xstrdup("Customers");
	folder.remote_parent = xstrdup(contacts.remote_id);
	assert_ok(store_folder_save(e->store, &folder, &err), err);
	assert_ok(store_commit(e->store, &err), err);
	store_folder_clear(&folder);
	store_folder_clear(&contacts);

	remove_dir(e, e->contacts, "Customers");
	assert_ok(store_folder_get(e->store, first, &folder, &err), err);
	assert_true(folder.removed > 0);
	store_folder_clear(&folder);
	second = make_dir(e, e->contacts, "Customers");
	assert_int_not_equal(second, first);
	assert_ok(store_folder_by_remote(e->store, e->mailbox, "FFF", &folder, &err), err);
	assert_int_equal(folder.ino, second);
	assert_int_equal(folder.removed, 0);
	store_folder_clear(&folder);
}

static void a_partial_folder_takes_no_new_names(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	struct store_node node;
	uint64_t ino = put(e, e->contacts, "anna.vcf", anna(e));
	uint64_t tmp = draft(e, e->contacts, "tmp", bert(e));
	int number;

	put(e, e->sync, "here.vcf", bert(e));
	set_complete(e, e->sync, false);
	assert_int_equal(commit_create(&e->c, e->sync, "x.vcf", 0600, &node, &err), ERR_BUSY);
	assert_int_equal(commit_create(&e->c, e->sync, "x", 0600, &node, &err), ERR_BUSY);
	assert_int_equal(commit_mkdir(&e->c, e->sync, "x", 0700, &node, &err), ERR_BUSY);
	assert_int_equal(commit_link(&e->c, tmp, e->sync, "x.vcf", &node, &number, &err), ERR_BUSY);
	assert_int_equal(number, EAGAIN);
	assert_int_equal(move_errno(e, e->contacts, "anna.vcf", e->sync, "anna.vcf"), EAGAIN);
	assert_int_equal(at(e, e->contacts, "anna.vcf").ino, ino);
	/* What is there already can be written. */
	write_bytes(e, at(e, e->sync, "here.vcf").ino, card(e, BERT_UID, "Bert Vos", ""));
}

/* ---- rename: items ------------------------------------------------------------------------------- */

static void mv_between_folders_of_one_kind_keeps_identity_and_number(void **state)
{
	struct env *e = *state;
	uint64_t ino = put(e, e->contacts, "anna.vcf", anna(e));
	int64_t id = item_of(e, ino), mtime = node_of(e, ino).mtime;
	struct store_item item;

	remote_link(e, id, "AAA");
	e->committed = 0;
	move(e, e->contacts, "anna.vcf", e->sync, "anna.vcf");
	item = item_get(e, id);
	assert_int_equal(at(e, e->sync, "anna.vcf").ino, ino);
	assert_int_equal(node_of(e, ino).mtime, mtime);
	assert_int_equal(item.folder, e->sync);
	assert_int_equal(item.ino, ino);
	assert_true(item.dirty);
	assert_int_equal(e->committed, 1);
	assert_string_equal(remote_id_of(e, id), "AAA");
	store_item_clear(&item);
}

static void a_name_that_a_client_chose_is_the_items(void **state)
{
	struct env *e = *state;
	uint64_t ino = put(e, e->contacts, "anna.vcf", anna(e));
	struct store_item item = item_get(e, item_of(e, ino));
	struct error err = ERROR_INIT;

	item.name_chosen = false;
	assert_ok(store_begin(e->store, STORE_NORMAL, STORE_REMOTE, &err), err);
	assert_ok(store_item_save(e->store, &item, &err), err);
	assert_ok(store_commit(e->store, &err), err);
	store_item_clear(&item);
	move(e, e->contacts, "anna.vcf", e->contacts, "anna-berg.vcf");
	item = item_get(e, item_of(e, ino));
	assert_true(item.name_chosen);
	assert_true(item.dirty);
	store_item_clear(&item);
}

static void between_kinds_it_is_eperm_and_between_mailboxes_exdev(void **state)
{
	struct env *e = *state;
	uint64_t dir = calendar(e);

	put(e, e->contacts, "anna.vcf", anna(e));
	draft(e, dir, "tmp", bert(e));
	assert_int_equal(move_errno(e, e->contacts, "anna.vcf", dir, "anna.vcf"), EPERM);
	assert_int_equal(move_errno(e, e->contacts, "anna.vcf", dir, "anna.ics"), EPERM);
	assert_int_equal(move_errno(e, dir, "tmp", e->contacts, "bert.vcf"), EPERM);
	move(e, dir, "tmp", e->contacts, "tmp");
	assert_int_equal(
		move_errno(e, e->contacts, "anna.vcf", e->other_contacts, "anna.vcf"), EXDEV);
	assert_int_equal(move_errno(e, e->contacts, "anna.vcf", e->other_root, "anna.vcf"), EXDEV);
	assert_int_equal(move_errno(e, e->contacts, "anna.vcf", e->root, "anna.vcf"), EPERM);
	assert_int_equal(move_errno(e, e->contacts, "nobody.vcf", e->sync, "x.vcf"), ENOENT);
}

static void an_item_renamed_over_an_item_removes_it(void **state)
{
	struct env *e = *state;
	uint64_t a = put(e, e->contacts, "anna.vcf", anna(e));
	uint64_t b = put(e, e->contacts, "bert.vcf", bert(e));
	int64_t anna_id = item_of(e, a), bert_id = item_of(e, b);

	move(e, e->contacts, "anna.vcf", e->contacts, "bert.vcf");
	assert_int_equal(at(e, e->contacts, "bert.vcf").ino, a);
	assert_int_equal(item_of(e, a), anna_id);
	assert_true(is_removed(e, bert_id));
	assert_false(exists(e, e->contacts, "anna.vcf"));
	assert_string_equal(bytes_of(e, b), bert(e)); /* for who holds it open */
}

static void renaming_an_item_to_a_draft_name_removes_it(void **state)
{
	struct env *e = *state;
	uint64_t ino = put(e, e->contacts, "anna.vcf", anna(e));
	int64_t id = item_of(e, ino);
	struct store_item item;

	move(e, e->contacts, "anna.vcf", e->contacts, "anna.vcf~");
	assert_int_equal(at(e, e->contacts, "anna.vcf~").ino, ino);
	assert_int_equal(node_of(e, ino).type, NODE_DRAFT);
	assert_int_equal(item_of(e, ino), 0);
	assert_string_equal(bytes_of(e, ino), anna(e));
	item = item_get(e, id);
	assert_string_equal(item.removed_name, "anna.vcf");
	assert_int_equal(item.ino, 0);
	store_item_clear(&item);
	/* And back: the same item, the same number. */
	move(e, e->contacts, "anna.vcf~", e->contacts, "anna.vcf");
	assert_int_equal(item_of(e, ino), id);
	assert_int_equal(at(e, e->contacts, "anna.vcf").ino, ino);
	assert_false(is_removed(e, id));
}

static void a_move_to_where_its_uid_lives_is_refused(void **state)
{
	struct env *e = *state;

	put(e, e->contacts, "anna.vcf", anna(e));
	put(e, e->sync, "copy.vcf", anna(e));
	assert_int_equal(move_errno(e, e->contacts, "anna.vcf", e->sync, "anna.vcf"), EEXIST);
	assert_true(exists(e, e->contacts, "anna.vcf"));
	/* Over that copy is another matter: it gives way. */
	move(e, e->contacts, "anna.vcf", e->sync, "copy.vcf");
}

/* ---- rename: drafts ------------------------------------------------------------------------------- */

static void the_rename_of_a_draft_to_an_item_name_is_a_commit(void **state)
{
	struct env *e = *state;
	uint64_t ino = draft(e, e->contacts, "tmp", anna(e));
	struct store_node before = node_of(e, ino), after;

	move(e, e->contacts, "tmp", e->contacts, "anna.vcf");
	after = at(e, e->contacts, "anna.vcf");
	assert_int_equal(after.ino, ino);
	assert_int_equal(after.type, NODE_ITEM);
	assert_int_equal(after.mtime, before.mtime);
	assert_int_equal(after.size, before.size);
	assert_int_not_equal(after.item, 0);
	assert_string_equal(doc_text(e, after.item, "name/full"), "Anna Berg");
	assert_int_equal(e->committed, 1);
}

static void renamed_over_an_item_it_updates_it(void **state)
{
	struct env *e = *state;
	uint64_t old = put(e, e->contacts, "anna.vcf", anna(e));
	int64_t id = item_of(e, old);
	uint64_t tmp = draft(e, e->contacts, "tmp", card(e, ANNA_UID, "Anna Berg", JOB("Buyer")));

	remote_link(e, id, "AAA");
	remote_set(e, id, "tandemfs:note", NULL, "\"kept\"", false);
	move(e, e->contacts, "tmp", e->contacts, "anna.vcf");
	assert_int_equal(at(e, e->contacts, "anna.vcf").ino, tmp);
	assert_int_equal(item_of(e, tmp), id);
	assert_int_equal(item_of(e, old), 0);
	assert_string_equal(doc_text(e, id, "titles/JobTitle/name"), "Buyer");
	assert_string_equal(doc_text(e, id, "tandemfs:note"), "kept");
	assert_null(doc_text(e, id, "emails/EmailAddress1/address"));
	assert_string_equal(remote_id_of(e, id), "AAA");
	assert_string_equal(bytes_of(e, old), anna(e));
	assert_int_equal(count_items(e), 1);
}

static void a_draft_with_another_uid_over_an_item_replaces_it(void **state)
{
	struct env *e = *state;
	uint64_t old = put(e, e->contacts, "anna.vcf", anna(e));
	int64_t id = item_of(e, old);
	uint64_t tmp = draft(e, e->contacts, "tmp", bert(e));

	move(e, e->contacts, "tmp", e->contacts, "anna.vcf");
	assert_int_not_equal(item_of(e, tmp), id);
	assert_true(is_removed(e, id));
	assert_string_equal(doc_text(e, item_of(e, tmp), "uid"), BERT_UID);
}

static void refused_the_draft_stays_and_a_copy_is_in_lost_and_found(void **state)
{
	struct env *e = *state;
	static const char junk[] = "BEGIN:VCARD\nVERSION:4.0\nFN\nEND:VCARD\n";
	uint64_t old = put(e, e->contacts, "anna.vcf", anna(e));
	uint64_t tmp = draft(e, e->contacts, "tmp", junk);

	assert_int_equal(move_errno(e, e->contacts, "tmp", e->contacts, "anna.vcf"), EINVAL);
	assert_int_equal(at(e, e->contacts, "tmp").ino, tmp);
	assert_int_equal(node_of(e, tmp).type, NODE_DRAFT);
	assert_int_equal(at(e, e->contacts, "anna.vcf").ino, old);
	assert_non_null(strstr(lost_reason(e, junk), "line 3"));
}

static void an_empty_draft_renamed_to_an_item_name_is_local(void **state)
{
	struct env *e = *state;
	uint64_t ino = draft(e, e->contacts, "tmp", "");

	move(e, e->contacts, "tmp", e->contacts, "anna.vcf");
	assert_int_equal(node_of(e, ino).type, NODE_ITEM);
	assert_int_equal(item_of(e, ino), 0);
	assert_int_equal(count_items(e), 0);
	move(e, e->contacts, "anna.vcf", e->contacts, "bert.vcf"); /* still local */
	assert_int_equal(at(e, e->contacts, "bert.vcf").ino, ino);
	move(e, e->contacts, "bert.vcf", e->contacts, "tmp2");
	assert_int_equal(node_of(e, ino).type, NODE_DRAFT);
}

static void an_empty_draft_over_an_item_empties_it(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	int64_t id = item_of(e, put(e, e->contacts, "anna.vcf", anna(e)));
	uint64_t tmp = draft(e, e->contacts, "tmp", "");

	move(e, e->contacts, "tmp", e->contacts, "anna.vcf");
	assert_int_equal(at(e, e->contacts, "anna.vcf").ino, tmp);
	assert_int_equal(item_of(e, tmp), id);
	assert_false(is_removed(e, id));
	e->c.remove_quiet_ns = 0;
	assert_ok(commit_settle(&e->c, e->mailbox, &err), err);
	assert_string_equal(bytes_of(e, at(e, e->contacts, "anna.vcf").ino), anna(e));
}

static void drafts_move_freely_within_a_mailbox(void **state)
{
	struct env *e = *state;
	uint64_t dir = make_dir(e, e->contacts, ".d");
	uint64_t ino = draft(e, e->contacts, "a", "1");
	uint64_t other = draft(e, e->contacts, "b", "2");

	move(e, e->contacts, "a", dir, "anna.vcf");
	assert_int_equal(node_of(e, ino).type, NODE_DRAFT);
	move(e, dir, "anna.vcf", e->contacts, "b"); /* replaces */
	assert_int_equal(at(e, e->contacts, "b").ino, ino);
	assert_int_equal(node_of(e, other).parent, 0);
	assert_int_equal(e->committed, 0);
}

static void rename_noreplace_does_not_replace(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	uint64_t ino = put(e, e->contacts, "anna.vcf", anna(e));
	int number;

	draft(e, e->contacts, "tmp", bert(e));
	assert_int_equal(commit_rename(&e->c, e->contacts, "tmp", e->contacts, "anna.vcf", true,
				 &number, &err),
		ERR_EXISTS);
	assert_int_equal(number, EEXIST);
	assert_int_equal(at(e, e->contacts, "anna.vcf").ino, ino);
	assert_int_equal(count_lost(e), 0);
}

static void a_file_and_a_directory_do_not_replace_each_other(void **state)
{
	struct env *e = *state;

	make_dir(e, e->contacts, "Customers");
	make_dir(e, e->contacts, ".d");
	draft(e, e->contacts, "tmp", "x");
	put(e, e->contacts, "anna.vcf", anna(e));
	assert_int_equal(move_errno(e, e->contacts, "tmp", e->contacts, "Customers"), EISDIR);
	assert_int_equal(move_errno(e, e->contacts, "anna.vcf", e->contacts, "Customers"), EISDIR);
	assert_int_equal(move_errno(e, e->contacts, "Customers", e->contacts, "tmp"), ENOTDIR);
}

/* ---- rename: directories --------------------------------------------------------------------------- */

static void a_folder_moves_within_its_kind(void **state)
{
	struct env *e = *state;
	uint64_t a = make_dir(e, e->contacts, "A"), b = make_dir(e, e->contacts, "B");
	uint64_t dir = calendar(e);

	put(e, a, "anna.vcf", anna(e));
	e->committed = 0;
	move(e, e->contacts, "A", b, "A2");
	assert_int_equal(at(e, b, "A2").ino, a);
	assert_true(exists(e, a, "anna.vcf"));
	assert_int_equal(e->committed, 1);
	assert_int_equal(move_errno(e, e->contacts, "B", dir, "B"), EPERM);
	assert_int_equal(move_errno(e, e->contacts, "B", a, "B"), EINVAL);
	assert_int_equal(move_errno(e, e->contacts, "B", e->root, "B"), EPERM);
	assert_int_equal(move_errno(e, e->contacts, "B", e->other_contacts, "B"), EXDEV);
	assert_int_equal(move_errno(e, e->contacts, "B", e->contacts, ".B"), EPERM);
}

static void folders_that_have_to_stay_stay(void **state)
{
	struct env *e = *state;

	make_dir(e, e->contacts, "A");
	assert_int_equal(move_errno(e, e->contacts, "Salesforce_Sync", e->contacts, "S"), EPERM);
	assert_int_equal(move_errno(e, e->contacts, "A", e->contacts, "Salesforce_Sync"), EPERM);
	assert_int_equal(move_errno(e, e->root, "Contacts", e->contacts, "C"), EPERM);
	assert_int_equal(
		move_errno(e, STORE_ROOT_INO, "alice@corp.example", e->contacts, "C"), EPERM);
}

static void a_directory_replaces_only_an_empty_one(void **state)
{
	struct env *e = *state;
	uint64_t a = make_dir(e, e->contacts, "A"), b = make_dir(e, e->contacts, "B");

	put(e, b, "anna.vcf", anna(e));
	assert_int_equal(move_errno(e, e->contacts, "A", e->contacts, "B"), ENOTEMPTY);
	remove_file(e, b, "anna.vcf");
	move(e, e->contacts, "A", e->contacts, "B");
	assert_int_equal(at(e, e->contacts, "B").ino, a);
}

static void local_directories_move_freely(void **state)
{
	struct env *e = *state;
	uint64_t a = make_dir(e, e->contacts, ".a"), dir = calendar(e), below;

	below = make_dir(e, a, "b");
	draft(e, below, "x", "1");
	move(e, e->contacts, ".a", dir, ".c");
	assert_int_equal(at(e, dir, ".c").ino, a);
	move(e, a, "b", e->contacts, ".b");
	assert_int_equal(move_errno(e, e->contacts, ".b", e->contacts, "b"), EPERM);
	/* What becomes an item belongs to the kind of the folder it lies in now. */
	move(e, e->contacts, ".b", dir, ".b");
	draft(e, below, "y", anna(e));
	assert_int_equal(move_errno(e, below, "y", e->contacts, "anna.vcf"), EPERM);
}

/* ---- link ------------------------------------------------------------------------------------------ */

static struct store_node link_file(struct env *e, uint64_t ino, uint64_t parent, const char *name)
{
	struct error err = ERROR_INIT;
	struct store_node node;
	int number;

	assert_ok(commit_link(&e->c, ino, parent, name, &node, &number, &err), err);
	return node;
}

static int link_errno(struct env *e, uint64_t ino, uint64_t parent, const char *name)
{
	struct error err = ERROR_INIT;
	struct store_node node;
	int number = 0;

	assert_int_not_equal(commit_link(&e->c, ino, parent, name, &node, &number, &err), 0);
	return number;
}

static void link_from_a_draft_to_an_item_name_creates(void **state)
{
	struct env *e = *state;
	uint64_t tmp = draft(e, e->contacts, "tmp", anna(e));
	struct store_node before = node_of(e, tmp);
	struct store_node item = link_file(e, tmp, e->contacts, "anna.vcf");

	assert_int_equal(item.ino, tmp);
	assert_int_equal(item.type, NODE_ITEM);
	assert_int_equal(item.mtime, before.mtime);
	assert_int_equal(item.size, before.size);
	assert_int_not_equal(item.item, 0);
	assert_string_equal(item.name, "anna.vcf");
	assert_int_equal(e->committed, 1);
	/* The draft name stands until it is unlinked. */
	assert_string_equal(bytes_of(e, at(e, e->contacts, "tmp").ino), anna(e));
	remove_file(e, e->contacts, "tmp");
	assert_int_equal(at(e, e->contacts, "anna.vcf").ino, tmp);
	assert_false(is_removed(e, item.item));
}

static void link_refuses_what_it_must(void **state)
{
	struct env *e = *state;
	uint64_t item = put(e, e->contacts, "anna.vcf", anna(e));
	uint64_t tmp = draft(e, e->contacts, "tmp", "junk");

	assert_int_equal(link_errno(e, item, e->contacts, "copy.vcf"), EPERM);
	assert_int_equal(link_errno(e, e->sync, e->contacts, "s"), EPERM);
	assert_int_equal(link_errno(e, tmp, e->contacts, "anna.vcf"), EEXIST);
	assert_int_equal(link_errno(e, tmp, e->other_contacts, "x"), EXDEV);
	assert_int_equal(count_lost(e), 0);
	assert_int_equal(link_errno(e, tmp, e->contacts, "bert.vcf"), EINVAL);
	assert_true(exists(e, e->contacts, "tmp"));
	assert_false(exists(e, e->contacts, "bert.vcf"));
	lost_reason(e, "junk");
}

static void link_from_an_item_to_a_draft_name_copies(void **state)
{
	struct env *e = *state;
	uint64_t ino = put(e, e->contacts, "anna.vcf", anna(e));
	struct store_node copy = link_file(e, ino, e->contacts, "anna.vcf~");

	assert_int_not_equal(copy.ino, ino);
	assert_int_equal(copy.type, NODE_DRAFT);
	assert_int_equal(copy.mtime, node_of(e, ino).mtime);
	assert_string_equal(bytes_of(e, copy.ino), anna(e));
	write_bytes(e, ino, card(e, ANNA_UID, "Anna Berg", JOB("Buyer")));
	assert_string_equal(bytes_of(e, copy.ino), anna(e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(suffix_and_dot_decide_what_a_new_name_is),
		TEST(nothing_is_made_outside_folders),
		TEST(names_that_go_to_exchange_are_clean_text),
		TEST(a_name_exists_once),
		TEST(a_directory_with_a_dot_is_a_draft_and_others_are_folders),
		TEST(rmdir_answers_as_posix_says),
		TEST(a_folder_that_looks_empty_before_its_first_sync_is_not_removed),
		TEST(a_folder_made_again_is_the_one_removed),
		TEST(a_partial_folder_takes_no_new_names),
		TEST(mv_between_folders_of_one_kind_keeps_identity_and_number),
		TEST(a_name_that_a_client_chose_is_the_items),
		TEST(between_kinds_it_is_eperm_and_between_mailboxes_exdev),
		TEST(an_item_renamed_over_an_item_removes_it),
		TEST(renaming_an_item_to_a_draft_name_removes_it),
		TEST(a_move_to_where_its_uid_lives_is_refused),
		TEST(the_rename_of_a_draft_to_an_item_name_is_a_commit),
		TEST(renamed_over_an_item_it_updates_it),
		TEST(a_draft_with_another_uid_over_an_item_replaces_it),
		TEST(refused_the_draft_stays_and_a_copy_is_in_lost_and_found),
		TEST(an_empty_draft_renamed_to_an_item_name_is_local),
		TEST(an_empty_draft_over_an_item_empties_it),
		TEST(drafts_move_freely_within_a_mailbox),
		TEST(rename_noreplace_does_not_replace),
		TEST(a_file_and_a_directory_do_not_replace_each_other),
		TEST(a_folder_moves_within_its_kind),
		TEST(folders_that_have_to_stay_stay),
		TEST(a_directory_replaces_only_an_empty_one),
		TEST(local_directories_move_freely),
		TEST(link_from_a_draft_to_an_item_name_creates),
		TEST(link_refuses_what_it_must),
		TEST(link_from_an_item_to_a_draft_name_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
