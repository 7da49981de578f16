/* Pulls, records, values, claims, conflicts, lost+found, tombstones, deletions, the log. */
#include "fixture.h"

/* ---- pulls and records ---------------------------------------------------------------------- */

static void pull(struct fixture *f, const char *id, int n)
{
	struct store_pull row = {
		.mailbox = f->mailbox,
		.folder = f->folder,
		.remote_id = (char *)id,
		.deleted = n < 0,
		.data = n < 0 ? NULL : json_pack("{s:i}", "n", n),
	};

	ok(f, store_pull_put(f->store, &row, &f->err));
	json_decref(row.data);
}

static void pulls_are_listed_in_order_and_replaced(void **state)
{
	struct fixture *f = *state;
	struct store_pull *list;
	int64_t last;
	size_t n;

	fixture_begin(f, STORE_REMOTE);
	pull(f, "a", 1);
	pull(f, "b", 2);
	pull(f, "c", -1);
	pull(f, "a", 4); /* replaces, and comes last */
	fixture_commit(f);
	ok(f, store_pull_list(f->store, f->mailbox, 0, 2, &list, &n, &f->err));
	assert_int_equal(n, 2);
	assert_string_equal(list[0].remote_id, "b");
	assert_int_equal(list[0].folder, f->folder);
	assert_int_equal(list[0].mailbox, f->mailbox);
	assert_string_equal(list[1].remote_id, "c");
	assert_true(list[1].deleted);
	assert_null(list[1].data);
	last = list[1].seq;
	store_pulls_free(list, n);
	ok(f, store_pull_list(f->store, f->mailbox, last, 99, &list, &n, &f->err));
	assert_int_equal(n, 1);
	assert_string_equal(list[0].remote_id, "a");
	assert_int_equal(json_integer_value(json_object_get(list[0].data, "n")), 4);
	fixture_begin(f, STORE_REMOTE);
	ok(f, store_pull_drop(f->store, list[0].seq, &f->err));
	fixture_commit(f);
	store_pulls_free(list, n);
	ok(f, store_pull_list(f->store, f->mailbox, last, 99, &list, &n, &f->err));
	assert_int_equal(n, 0);
	assert_null(list);
	ok(f, store_pull_list(f->store, f->mailbox + 1, 0, 99, &list, &n, &f->err));
	assert_int_equal(n, 0);
}

static void record(struct fixture *f, const char *id, const char *version, int n, bool deleted)
{
	struct store_record row = {
		.object = (char *)"contact",
		.id = (char *)id,
		.version = (char *)version,
		.deleted = deleted,
		.data = json_pack("{s:i}", "n", n),
	};

	ok(f, store_record_put(f->store, &row, &f->err));
	json_decref(row.data);
}

static int64_t record_seq(struct fixture *f, const char *id)
{
	struct store_record row;
	int64_t seq;

	ok(f, store_record_get(f->store, "contact", id, &row, &f->err));
	assert_string_equal(row.id, id);
	assert_string_equal(row.object, "contact");
	seq = row.seq;
	store_record_clear(&row);
	return seq;
}

static void record_seq_grows_with_content_only(void **state)
{
	struct fixture *f = *state;
	struct store_record row, *list;
	int64_t a, b;
	size_t n;

	fixture_begin(f, STORE_REMOTE);
	record(f, "003a", "v1", 1, false);
	record(f, "003b", "v1", 1, false);
	a = record_seq(f, "003a");
	b = record_seq(f, "003b");
	assert_true(b > a);
	record(f, "003a", "v1", 1, false);
	assert_int_equal(record_seq(f, "003a"), a);
	record(f, "003a", "v2", 1, false);
	assert_true(record_seq(f, "003a") > b);
	a = record_seq(f, "003a");
	record(f, "003a", "v2", 2, false);
	assert_true(record_seq(f, "003a") > a);
	a = record_seq(f, "003a");
	record(f, "003a", "v2", 2, true);
	assert_true(record_seq(f, "003a") > a);
	fixture_commit(f);
	ok(f, store_record_list(f->store, 0, 99, &list, &n, &f->err));
	assert_int_equal(n, 2);
	assert_string_equal(list[0].id, "003b");
	assert_true(list[1].deleted);
	assert_string_equal(list[1].version, "v2");
	store_records_free(list, n);
	ok(f, store_record_list(f->store, b, 99, &list, &n, &f->err));
	assert_int_equal(n, 1);
	store_records_free(list, n);
	ok(f, store_record_list(f->store, 0, 1, &list, &n, &f->err));
	assert_int_equal(n, 1);
	store_records_free(list, n);
	assert_int_equal(store_record_get(f->store, "lead", "003a", &row, &f->err), ERR_NOT_FOUND);
}

static void values_are_set_replaced_and_removed(void **state)
{
	struct fixture *f = *state;
	char *value;

	ok(f, store_value_get(f->store, "cursor", &value, &f->err));
	assert_null(value);
	fixture_begin(f, STORE_REMOTE);
	ok(f, store_value_set(f->store, "cursor", "1", &f->err));
	ok(f, store_value_set(f->store, "cursor", "2", &f->err));
	fixture_commit(f);
	ok(f, store_value_get(f->store, "cursor", &value, &f->err));
	assert_string_equal(value, "2");
	free(value);
	fixture_begin(f, STORE_REMOTE);
	ok(f, store_value_set(f->store, "cursor", NULL, &f->err));
	fixture_commit(f);
	ok(f, store_value_get(f->store, "cursor", &value, &f->err));
	assert_null(value);
}

static void values_are_found_by_prefix(void **state)
{
	struct fixture *f = *state;
	json_t *names, *expected = json_pack("[s, s, s]", "mark:1", "mark:10:a", "mark:1\xc3\xbf");

	fixture_begin(f, STORE_REMOTE);
	ok(f, store_value_set(f->store, "mark:1\xc3\xbf", "x", &f->err));
	ok(f, store_value_set(f->store, "mark:10:a", "x", &f->err));
	ok(f, store_value_set(f->store, "mark:2", "x", &f->err));
	ok(f, store_value_set(f->store, "mark:1", "x", &f->err));
	ok(f, store_value_set(f->store, "mark", "x", &f->err));
	fixture_commit(f);
	ok(f, store_value_names(f->store, "mark:1", &names, &f->err));
	assert_true(json_equal(names, expected));
	json_decref(names);
	json_decref(expected);
	ok(f, store_value_names(f->store, "other", &names, &f->err));
	assert_int_equal(json_array_size(names), 0);
	json_decref(names);
}

/* ---- claims, conflicts, lost+found ---------------------------------------------------------- */

static void claim_is_had_by_who_comes_first(void **state)
{
	struct fixture *f = *state;
	int64_t holder;

	fixture_begin(f, STORE_LOCAL);
	ok(f, store_claim_take(f->store, "Contact", "a@b", 7, &holder, &f->err));
	assert_int_equal(holder, 7);
	ok(f, store_claim_take(f->store, "Contact", "a@b", 8, &holder, &f->err));
	assert_int_equal(holder, 7);
	ok(f, store_claim_take(f->store, "Contact", "a@b", 7, &holder, &f->err));
	assert_int_equal(holder, 7);
	ok(f, store_claim_take(f->store, "Lead", "a@b", 8, &holder, &f->err));
	assert_int_equal(holder, 8);
	ok(f, store_claims_drop(f->store, 7, &f->err));
	ok(f, store_claim_take(f->store, "Contact", "a@b", 8, &holder, &f->err));
	assert_int_equal(holder, 8);
	fixture_commit(f);
}

static void conflict_gets_its_name_from_file_time_and_number(void **state)
{
	struct fixture *f = *state;
	struct store_conflict made = {
		.mailbox = f->mailbox,
		.item = 5,
		.time = INT64_C(1795341600) * NS_PER_S, /* 2026-11-22T10:00:00Z */
		.name = xstrdup("anna.vcf"),
		.data = json_pack("{s:s}", "item", "anna.vcf"),
	};
	struct store_conflict named = { .mailbox = f->mailbox, .name = xstrdup("x.json") };
	struct store_conflict *list, found;
	char expected[64];
	size_t n;

	fixture_begin(f, STORE_LOCAL);
	ok(f, store_conflict_add(f->store, &made, &f->err));
	ok(f, store_conflict_add(f->store, &named, &f->err));
	fixture_commit(f);
	snprintf(expected, sizeof(expected), "anna.vcf 2026-11-22T10:00:00Z %d.json", (int)made.id);
	assert_string_equal(made.name, expected);
	assert_true(named.time > 0);
	ok(f, store_conflict_list(f->store, f->mailbox, &list, &n, &f->err));
	assert_int_equal(n, 2);
	assert_int_equal(list[0].id, made.id);
	assert_int_equal(list[0].item, 5);
	assert_int_equal(list[0].time, made.time);
	assert_string_equal(list[0].name, expected);
	assert_true(json_equal(list[0].data, made.data));
	assert_string_equal(list[1].name, "x.json");
	store_conflicts_free(list, n);
	ok(f, store_conflict_page(f->store, f->mailbox, 0, 1, &list, &n, &f->err));
	assert_int_equal(n, 1);
	assert_int_equal(list[0].id, made.id);
	store_conflicts_free(list, n);
	ok(f, store_conflict_page(f->store, f->mailbox, made.id, 9, &list, &n, &f->err));
	assert_int_equal(n, 1);
	assert_int_equal(list[0].id, named.id);
	store_conflicts_free(list, n);
	ok(f, store_conflict_get(f->store, made.id, &found, &f->err));
	assert_string_equal(found.name, expected);
	store_conflict_clear(&found);
	ok(f, store_conflict_find(f->store, f->mailbox, expected, &found, &f->err));
	assert_int_equal(found.id, made.id);
	store_conflict_clear(&found);
	assert_int_equal(store_conflict_find(f->store, f->mailbox + 1, expected, &found, &f->err),
		ERR_NOT_FOUND);
	fixture_begin(f, STORE_LOCAL);
	ok(f, store_conflict_delete(f->store, made.id, &f->err));
	assert_int_equal(store_conflict_delete(f->store, made.id, &f->err), ERR_NOT_FOUND);
	fixture_commit(f);
	ok(f, store_conflict_list(f->store, f->mailbox, &list, &n, &f->err));
	assert_int_equal(n, 1);
	store_conflicts_free(list, n);
	store_conflicts_free(memcpy(xmalloc(sizeof(made)), &made, sizeof(made)), 1);
	store_conflicts_free(memcpy(xmalloc(sizeof(named)), &named, sizeof(named)), 1);
}

static enum item_state state_of(struct fixture *f, int64_t id)
{
	struct store_item item;
	enum item_state state;

	ok(f, store_item_get(f->store, id, &item, &f->err));
	state = item.state;
	store_item_clear(&item);
	return state;
}

static void item_is_in_conflict_until_its_last_record_goes(void **state)
{
	struct fixture *f = *state;
	struct store_conflict records[2] = { { .mailbox = f->mailbox, .name = xstrdup("1.json") },
		{ .mailbox = f->mailbox, .name = xstrdup("2.json") } };
	struct store_item item;
	uint64_t n;

	fixture_begin(f, STORE_LOCAL);
	ok(f, store_item_get(f->store, fixture_item(f, "a.vcf", "a", 1), &item, &f->err));
	item.state = ITEM_CONFLICT;
	ok(f, store_item_save(f->store, &item, &f->err));
	for (size_t i = 0; i < 2; i++) {
		records[i].item = item.id;
		ok(f, store_conflict_add(f->store, &records[i], &f->err));
	}
	ok(f, store_conflict_count(f->store, item.id, &n, &f->err));
	assert_int_equal(n, 2);
	ok(f, store_conflict_delete(f->store, records[1].id, &f->err));
	assert_int_equal(state_of(f, item.id), ITEM_CONFLICT);
	ok(f, store_conflict_delete(f->store, records[0].id, &f->err));
	assert_int_equal(state_of(f, item.id), ITEM_SYNCED);
	ok(f, store_conflict_count(f->store, item.id, &n, &f->err));
	assert_int_equal(n, 0);
	fixture_commit(f);
	store_item_clear(&item);
	free(records[0].name);
	free(records[1].name);
}

static int64_t lose(struct fixture *f, const char *name, const char *bytes)
{
	struct store_lost lost = {
		.mailbox = f->mailbox,
		.name = xstrdup(name),
		.reason = xstrdup("line 3: TEL without a value"),
	};
	int64_t id;

	buf_init(&lost.bytes, 100);
	buf_adds(&lost.bytes, bytes);
	ok(f, store_lost_add(f->store, &lost, &f->err));
	id = lost.id;
	store_lost_clear(&lost);
	return id;
}

static void lost_file_is_kept_with_its_reason(void **state)
{
	struct fixture *f = *state;
	struct store_lost *list, lost;
	char longest[256];
	int64_t first, last;
	size_t n;

	for (size_t i = 0; i < 254; i += 2)
		memcpy(longest + i, "ü", 2);
	longest[254] = '\0';
	fixture_begin(f, STORE_LOCAL);
	first = lose(f, "anna.vcf", "BEGIN:VCARD");
	lose(f, "anna.vcf", "");
	lose(f, "anna.vcf", "x");
	lose(f, longest, "x");
	last = lose(f, longest, "x");
	fixture_commit(f);
	ok(f, store_lost_list(f->store, f->mailbox, &list, &n, &f->err));
	assert_int_equal(n, 5);
	assert_string_equal(list[0].name, "anna.vcf");
	assert_string_equal(list[1].name, "anna.vcf (2)");
	assert_string_equal(list[2].name, "anna.vcf (3)");
	assert_true(strlen(list[3].name) + strlen(".refused") <= 255);
	assert_int_equal(strlen(list[3].name) % 2, 0); /* no half character */
	assert_string_not_equal(list[3].name, list[4].name);
	assert_int_equal(list[0].size, 11);
	assert_int_equal(list[1].size, 0);
	assert_null(list[0].bytes.data);
	assert_true(list[0].time > 0);
	store_lost_free(list, n);
	ok(f, store_lost_page(f->store, f->mailbox, first, 2, &list, &n, &f->err));
	assert_int_equal(n, 2);
	assert_string_equal(list[0].name, "anna.vcf (2)");
	store_lost_free(list, n);
	ok(f, store_lost_find(f->store, f->mailbox, "anna.vcf (3)", &lost, &f->err));
	assert_int_equal(lost.size, 1);
	store_lost_clear(&lost);
	ok(f, store_lost_get(f->store, first, &lost, &f->err));
	assert_string_equal(buf_str(&lost.bytes), "BEGIN:VCARD");
	assert_string_equal(lost.reason, "line 3: TEL without a value");
	store_lost_clear(&lost);
	fixture_begin(f, STORE_LOCAL);
	ok(f, store_lost_delete(f->store, last, &f->err));
	assert_int_equal(store_lost_delete(f->store, last, &f->err), ERR_NOT_FOUND);
	fixture_commit(f);
	assert_int_equal(store_lost_get(f->store, last, &lost, &f->err), ERR_NOT_FOUND);
}

/* ---- tombstones and deletions --------------------------------------------------------------- */

static int64_t bury(struct fixture *f, const char *uid, const char *key, int64_t when)
{
	struct store_tombstone t = {
		.mailbox = f->mailbox,
		.kind = KIND_CONTACT,
		.time = when,
		.uid = (char *)uid,
		.key = (char *)key,
		.name = (char *)"anna.vcf",
		.folder = f->folder,
		.ino = 12,
		.record_id = (char *)"003",
		.record_state = (char *)"linked",
		.remote_id = (char *)"AAMk",
		.doc = json_pack("{s:s}", "uid", uid),
	};

	ok(f, store_tombstone_add(f->store, &t, &f->err));
	json_decref(t.doc);
	return t.id;
}

static void tombstone_is_found_by_uid_or_key(void **state)
{
	struct fixture *f = *state;
	struct store_tombstone t;
	int64_t first, second;

	fixture_begin(f, STORE_LOCAL);
	first = bury(f, "u1", "k1", 100);
	second = bury(f, "u1", "k2", 200);
	fixture_commit(f);
	ok(f, store_tombstone_find(f->store, f->mailbox, "u1", NULL, &t, &f->err));
	assert_int_equal(t.id, second);
	assert_int_equal(t.time, 200);
	assert_string_equal(t.name, "anna.vcf");
	assert_int_equal(t.folder, f->folder);
	assert_int_equal(t.ino, 12);
	assert_string_equal(t.record_id, "003");
	assert_string_equal(t.record_state, "linked");
	assert_string_equal(t.remote_id, "AAMk");
	assert_string_equal(json_string_value(json_object_get(t.doc, "uid")), "u1");
	store_tombstone_clear(&t);
	ok(f, store_tombstone_find(f->store, f->mailbox, NULL, "k1", &t, &f->err));
	assert_int_equal(t.id, first);
	store_tombstone_clear(&t);
	assert_int_equal(
		store_tombstone_find(f->store, f->mailbox, NULL, NULL, &t, &f->err), ERR_NOT_FOUND);
	assert_int_equal(store_tombstone_find(f->store, f->mailbox + 1, "u1", "k1", &t, &f->err),
		ERR_NOT_FOUND);
	fixture_begin(f, STORE_LOCAL);
	ok(f, store_tombstones_expire(f->store, 200, &f->err));
	fixture_commit(f);
	assert_int_equal(
		store_tombstone_find(f->store, f->mailbox, NULL, "k1", &t, &f->err), ERR_NOT_FOUND);
	fixture_begin(f, STORE_LOCAL);
	ok(f, store_tombstone_delete(f->store, second, &f->err));
	fixture_commit(f);
	assert_int_equal(
		store_tombstone_find(f->store, f->mailbox, "u1", NULL, &t, &f->err), ERR_NOT_FOUND);
}

/* Two that were sent, at 1000 and 2000, and one that is held; the id of that. */
static int64_t put_deletions(struct fixture *f)
{
	static const struct {
		enum deletion_state state;
		int64_t time, batch;
	} rows[] = {
		{ DELETION_SENT, 1000, 0 },
		{ DELETION_SENT, 2000, 0 },
		{ DELETION_HELD, 2000, 4 },
	};
	int64_t last = 0;

	fixture_begin(f, STORE_LOCAL);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct store_deletion d = {
			.mailbox = f->mailbox,
			.item = 3,
			.folder = f->folder,
			.side = SIDE_EXCHANGE,
			.state = rows[i].state,
			.time = rows[i].time,
			.batch = rows[i].batch,
			.name = (char *)"a.vcf",
		};

		ok(f, store_deletion_put(f->store, &d, &f->err));
		last = d.id;
	}
	fixture_commit(f);
	return last;
}

/* folder: 0 is any. */
static uint64_t deletions_since(struct fixture *f, uint64_t folder, enum side side, int64_t time)
{
	uint64_t count;

	ok(f, store_deletion_count(f->store, f->mailbox, folder, side, time, &count, &f->err));
	return count;
}

static void deletions_are_counted(void **state)
{
	struct fixture *f = *state;

	put_deletions(f);
	assert_int_equal(deletions_since(f, f->folder, SIDE_EXCHANGE, 1000), 2);
	assert_int_equal(deletions_since(f, f->folder, SIDE_EXCHANGE, 1001), 1);
	assert_int_equal(deletions_since(f, f->folder, SIDE_CRM, 0), 0);
	fixture_begin(f, STORE_LOCAL);
	ok(f, store_deletions_expire(f->store, f->mailbox, 1500, &f->err)); /* the older sent one */
	fixture_commit(f);
	assert_int_equal(deletions_since(f, 0, SIDE_EXCHANGE, 0), 1);
}

/* The only deletion of this state; the caller frees it. */
static struct store_deletion *the_deletion(struct fixture *f, enum deletion_state state)
{
	struct store_deletion *list;
	size_t n;

	ok(f, store_deletion_list(f->store, f->mailbox, state, &list, &n, &f->err));
	assert_int_equal(n, 1);
	return list;
}

static void assert_no_deletion(struct fixture *f, enum deletion_state state)
{
	struct store_deletion *list;
	size_t n;

	ok(f, store_deletion_list(f->store, f->mailbox, state, &list, &n, &f->err));
	assert_int_equal(n, 0);
}

static void deletions_are_listed_by_their_state(void **state)
{
	struct fixture *f = *state;
	int64_t held = put_deletions(f);
	struct store_deletion *one = the_deletion(f, DELETION_HELD);

	assert_int_equal(one->id, held);
	assert_int_equal(one->batch, 4);
	assert_int_equal(one->item, 3);
	assert_string_equal(one->name, "a.vcf");
	fixture_begin(f, STORE_LOCAL);
	one->state = DELETION_CONFIRMED;
	ok(f, store_deletion_put(f->store, one, &f->err)); /* the same row */
	fixture_commit(f);
	store_deletions_free(one, 1);
	assert_no_deletion(f, DELETION_HELD);
	one = the_deletion(f, DELETION_CONFIRMED);
	assert_int_equal(one->id, held);
	store_deletions_free(one, 1);
	fixture_begin(f, STORE_LOCAL);
	ok(f, store_deletion_delete(f->store, held, &f->err));
	fixture_commit(f);
	assert_no_deletion(f, DELETION_CONFIRMED);
}

/* ---- log ------------------------------------------------------------------------------------ */

static void log_keeps_the_last_thousand_lines(void **state)
{
	struct fixture *f = *state;
	struct buf text AUTOBUF = BUF_INIT(0);
	char line[32];
	size_t lines = 0;

	fixture_begin(f, STORE_LOCAL);
	for (int i = 1; i <= 1003; i++) {
		snprintf(line, sizeof(line), "line\n%d", i);
		ok(f, store_log(f->store, f->mailbox, line, &f->err));
	}
	ok(f, store_log(f->store, f->mailbox + 1, "another's", &f->err));
	fixture_commit(f);
	ok(f, store_log_read(f->store, f->mailbox, &text, &f->err));
	for (const char *c = buf_str(&text); *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 1000);
	assert_int_equal(strncmp(buf_str(&text), "line 4\n", 7), 0);
	assert_string_equal(buf_str(&text) + text.len - 10, "line 1003\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(pulls_are_listed_in_order_and_replaced),
		store_test(record_seq_grows_with_content_only),
		store_test(values_are_set_replaced_and_removed),
		store_test(values_are_found_by_prefix),
		store_test(claim_is_had_by_who_comes_first),
		store_test(conflict_gets_its_name_from_file_time_and_number),
		store_test(item_is_in_conflict_until_its_last_record_goes),
		store_test(lost_file_is_kept_with_its_reason),
		store_test(tombstone_is_found_by_uid_or_key),
		store_test(deletions_are_counted),
		store_test(deletions_are_listed_by_their_state),
		store_test(log_keeps_the_last_thousand_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
