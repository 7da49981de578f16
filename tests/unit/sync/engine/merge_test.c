/* The merge, case by case: here, ours, theirs and there as a table, and what must come out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "ews/ews.h"
#include "sync/engine/internal.h"
#include "sync/formats/card.h"
#include "sync/mem.h"

struct bench {
	char dir[64];
	struct store *store;
	struct config config;
	struct config_policy policy;
	struct engine engine;
	struct engine_mailbox mailbox;
	struct cycle cycle;
	struct pair pair;
};

static const struct field crm_rows[] = {
	{ .name = "Title", .path = "titles/JobTitle/name", .type = &field_text },
	{ .name = "Phone", .path = "phones/BusinessPhone/number", .type = &field_text },
	{ .name = "LastName", .path = "name/components/surname", .type = &field_name_component },
};

static int setup(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));

	snprintf(b->dir, sizeof(b->dir), "/tmp/tandem-merge-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	assert_int_equal(store_open(&b->store, b->dir, NULL), 0);
	b->engine.store = b->store;
	b->engine.config = &b->config;
	b->cycle = (struct cycle){ .engine = &b->engine,
		.store = b->store,
		.mb = &b->mailbox,
		.policy = &b->policy,
		.log = json_array() };
	b->cycle.tables[SIDE_EXCHANGE][KIND_CONTACT] = ews_driver.fields(KIND_CONTACT);
	b->cycle.tables[SIDE_CRM][KIND_CONTACT] = (struct field_table){ crm_rows,
		ARRAY_SIZE(crm_rows) };
	b->pair.item.doc = card_new();
	b->pair.sides[SIDE_CRM].side = SIDE_CRM;
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	static const char *const files[] = { "cache.db", "cache.db-wal", "cache.db-shm",
		"cache.lock" };

	pair_clear(&b->pair);
	guard_forget_turns(&b->engine, &b->mailbox);
	gateway_free(&b->mailbox);
	json_decref(b->cycle.log);
	store_close(b->store);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char *path AUTOFREE = xasprintf("%s/%s", b->dir, files[i]);

		unlink(path);
	}
	rmdir(b->dir);
	free(b);
	return 0;
}

static void set(struct bench *b, enum side side, const char *name, const char *value)
{
	json_t *v = value ? json_string(value) : NULL;

	assert_int_equal(
		field_apply(&b->cycle.tables[side][KIND_CONTACT], b->pair.item.doc, name, v, NULL),
		0);
	json_decref(v);
}

/* What the document holds now in a field of the CRM; "" when empty. */
static const char *here(struct bench *b, const char *name, char *out, size_t size)
{
	json_t *projection = pair_project(&b->cycle, &b->pair, SIDE_CRM, NULL, NULL);
	const char *value = json_string_value(value_get(projection, name));

	snprintf(out, size, "%s", value ? value : "");
	json_decref(projection);
	return out;
}

static void shadow(
	struct bench *b, enum side side, const char *name, const char *ours, const char *theirs)
{
	struct store_side *s = &b->pair.sides[side];

	if (!s->ours) {
		s->ours = json_object();
		s->theirs = json_object();
	}
	if (ours)
		json_object_set_new(s->ours, name, json_string(ours));
	if (theirs)
		json_object_set_new(s->theirs, name, json_string(theirs));
}

static void merge(struct bench *b, enum side side, const char *name, const char *there, bool by_us)
{
	json_t *fields = there ? json_pack("{s:s}", name, there) : json_object();
	struct remote_state remote = { .version = "v2", .fields = fields, .by_us = by_us };
	struct error err = ERROR_INIT;

	assert_int_equal(merge_side(&b->cycle, &b->pair, side, &remote, &err), 0);
	json_decref(fields);
}

static bool is_pending(struct bench *b, enum side side, const char *name)
{
	json_t *projection = pair_project(&b->cycle, &b->pair, side, NULL, NULL);
	json_t *changed = pair_changed(&b->cycle, &b->pair, side, projection), *entry;
	bool found = false;
	size_t i;

	json_array_foreach(changed, i, entry)
		found |= !strcmp(json_string_value(entry), name);
	json_decref(projection);
	json_decref(changed);
	return found;
}

/* One row: the four values before, the policy, and what must be true after. */
struct row {
	const char *what;
	const char *here, *ours, *theirs, *there;
	enum config_conflict policy;
	const char *result;
	bool pending, clash;
};

static const struct row rows[] = {
	{ "nothing changed", "a", "a", "a", "a", CONFLICT_EXCHANGE, "a", false, false },
	{ "changed here", "b", "a", "a", "a", CONFLICT_EXCHANGE, "b", true, false },
	{ "changed there", "a", "a", "a", "b", CONFLICT_EXCHANGE, "b", false, false },
	{ "emptied there", "a", "a", "a", NULL, CONFLICT_EXCHANGE, "", false, false },
	{ "emptied here", NULL, "a", "a", "a", CONFLICT_EXCHANGE, "", true, false },
	{ "both to the same", "b", "a", "a", "b", CONFLICT_EXCHANGE, "b", false, false },
	{ "both, exchange wins", "b", "a", "a", "c", CONFLICT_EXCHANGE, "b", true, true },
	{ "both, crm wins", "b", "a", "a", "c", CONFLICT_CRM, "c", false, true },
	{ "emptied here, changed there, exchange wins", NULL, "a", "a", "c", CONFLICT_EXCHANGE, "",
		true, true },
	{ "normalised there is no change", "a", "a", "A", "A", CONFLICT_EXCHANGE, "a", false,
		false },
	{ "normalised, then changed here", "b", "a", "A", "A", CONFLICT_EXCHANGE, "b", true,
		false },
	{ "normalised, then changed there", "a", "a", "A", "B", CONFLICT_EXCHANGE, "B", false,
		false },
};

static void merges_by_shadow(void **state)
{
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		char value[64];

		pair_clear(&b->pair);
		b->pair.item.doc = card_new();
		b->pair.sides[SIDE_CRM].side = SIDE_CRM;
		b->config.conflict = r->policy;
		set(b, SIDE_CRM, "Title", r->here);
		shadow(b, SIDE_CRM, "Title", r->ours, r->theirs);
		merge(b, SIDE_CRM, "Title", r->there, false);
		print_message("  %s\n", r->what);
		assert_string_equal(here(b, "Title", value, sizeof(value)), r->result);
		assert_int_equal(is_pending(b, SIDE_CRM, "Title"), r->pending);
		assert_int_equal(json_array_size(b->pair.clashes), r->clash);
	}
}

static void a_conflict_record_holds_the_loser(void **state)
{
	struct bench *b = *state;
	json_t *clash, *loser;

	b->config.conflict = CONFLICT_EXCHANGE;
	set(b, SIDE_CRM, "Title", "mine");
	shadow(b, SIDE_CRM, "Title", "base", "base");
	merge(b, SIDE_CRM, "Title", "theirs", false);
	clash = json_array_get(b->pair.clashes, 0);
	loser = json_array_get(json_object_get(clash, "losers"), 0);
	assert_string_equal(json_string_value(json_object_get(clash, "field")), "Title");
	assert_string_equal(json_string_value(json_object_get(clash, "base")), "base");
	assert_string_equal(json_string_value(json_object_get(clash, "winner")), "mine");
	assert_string_equal(json_string_value(json_object_get(loser, "value")), "theirs");
	assert_string_equal(json_string_value(json_object_get(loser, "origin")), "crm");
}

static void first_link_fills_what_is_empty(void **state)
{
	struct bench *b = *state;
	char value[64];

	set(b, SIDE_CRM, "Phone", "+1");
	merge(b, SIDE_CRM, "Title", "Buyer", false);
	assert_string_equal(here(b, "Title", value, sizeof(value)), "Buyer");
	assert_string_equal(here(b, "Phone", value, sizeof(value)), "+1");
	assert_true(is_pending(b, SIDE_CRM, "Phone"));
	assert_false(is_pending(b, SIDE_CRM, "Title"));
	assert_int_equal(json_array_size(b->pair.clashes), 0);
}

static void an_intended_value_is_ours(void **state)
{
	struct bench *b = *state;
	struct store_side *side = &b->pair.sides[SIDE_CRM];
	char value[64];

	set(b, SIDE_CRM, "Title", "sent");
	shadow(b, SIDE_CRM, "Title", "old", "old");
	side->intent = json_pack("{s:{s:s}}", "fields", "Title", "sent");
	merge(b, SIDE_CRM, "Title", "sent", false);
	assert_false(is_pending(b, SIDE_CRM, "Title"));
	assert_null(side->intent);

	/* Our account wrote it last: whatever a flow made of it is what became of our value. */
	set(b, SIDE_CRM, "Title", "again");
	side->intent = json_pack("{s:{s:s}}", "fields", "Title", "again");
	merge(b, SIDE_CRM, "Title", "AGAIN", true);
	assert_string_equal(here(b, "Title", value, sizeof(value)), "again");
	assert_false(is_pending(b, SIDE_CRM, "Title"));
	assert_int_equal(json_array_size(b->pair.clashes), 0);
}

/* The version before ours was ours as well: a push that never arrived must be sent again. */
static void a_push_that_never_arrived_stays_pending(void **state)
{
	struct bench *b = *state;

	set(b, SIDE_CRM, "Title", "sent");
	shadow(b, SIDE_CRM, "Title", "old", "OLD");
	b->pair.sides[SIDE_CRM].intent = json_pack("{s:{s:s}}", "fields", "Title", "sent");
	merge(b, SIDE_CRM, "Title", "OLD", true);
	assert_true(is_pending(b, SIDE_CRM, "Title"));
	assert_null(b->pair.sides[SIDE_CRM].intent);
	assert_int_equal(json_array_size(b->pair.clashes), 0);
}

/* The first step arrived, and we died before the later one was sent (I12). */
static void a_later_step_that_was_not_come_to_stays_pending(void **state)
{
	struct bench *b = *state;
	struct store_side *side = &b->pair.sides[SIDE_CRM];
	json_t *projection, *changed = json_pack("[s, s]", "LastName", "Title"),
			    *there = json_pack("{s:s, s:s}", "LastName", "Berg", "Title", "old");

	set(b, SIDE_CRM, "LastName", "Berg");
	set(b, SIDE_CRM, "Title", "new");
	shadow(b, SIDE_CRM, "Title", "old", "old");
	projection = pair_project(&b->cycle, &b->pair, SIDE_CRM, NULL, NULL);
	side->intent = pair_intent(projection, changed, json_pack("[s]", "Title"));
	assert_int_equal(
		merge_side(&b->cycle, &b->pair, SIDE_CRM,
			&(struct remote_state){ .version = "v2", .fields = there, .by_us = true },
			NULL),
		0);
	assert_false(is_pending(b, SIDE_CRM, "LastName"));
	assert_true(is_pending(b, SIDE_CRM, "Title"));
	json_decref(projection);
	json_decref(changed);
	json_decref(there);
}

/* A later step of a push failed: one name had changed here, the other the remote had dropped; or it had
 * dropped both. */
static void leave_behind(struct bench *b, bool dropped)
{
	struct store_side *side = &b->pair.sides[SIDE_CRM];
	json_t *changed = json_pack("[s,s]", "LastName", "Title"), *projection;
	json_t *left = json_pack("[s,s]", "Title", "Phone");
	char value[64];

	set(b, SIDE_CRM, "LastName", "Berg");
	set(b, SIDE_CRM, "Title", "new");
	set(b, SIDE_CRM, "Phone", "1");
	shadow(b, SIDE_CRM, "Title", "old", "old");
	shadow(b, SIDE_CRM, "Phone", "1", "1");
	side->intent = json_pack(
		"{s:{s:s, s:s}, s:b}", "fields", "LastName", "Berg", "Title", "new", "answered", 1);
	projection = pair_project(&b->cycle, &b->pair, SIDE_CRM, NULL, NULL);
	pair_keep_left(side, &changed, left, dropped);
	pair_agree(side, projection, changed);
	json_decref(projection);
	json_decref(left);
	assert_int_equal(json_array_size(changed), 1);
	json_decref(changed);
	/* the read-back: Title as it was, or none, no Phone */
	projection = json_pack("{s:s, s:s*}", "LastName", "Berg", "Title", dropped ? NULL : "old");
	assert_int_equal(merge_side(&b->cycle, &b->pair, SIDE_CRM,
				 &(struct remote_state){
					 .version = "v2", .fields = projection, .by_us = true },
				 NULL),
		0);
	json_decref(projection);
	assert_false(is_pending(b, SIDE_CRM, "LastName"));
	assert_true(is_pending(b, SIDE_CRM, "Title") && is_pending(b, SIDE_CRM, "Phone"));
	assert_string_equal(here(b, "Title", value, sizeof(value)), "new");
	assert_string_equal(here(b, "Phone", value, sizeof(value)), "1");
	assert_int_equal(json_array_size(b->pair.clashes), 0);
}

static void what_a_push_left_behind_stays_pending(void **state)
{
	leave_behind(*state, false);
}

static void what_a_push_dropped_stays_pending(void **state)
{
	leave_behind(*state, true);
}

static void an_edit_after_the_intent_stays_pending(void **state)
{
	struct bench *b = *state;

	set(b, SIDE_CRM, "Title", "newer");
	shadow(b, SIDE_CRM, "Title", "old", "old");
	b->pair.sides[SIDE_CRM].intent = json_pack("{s:{s:s}}", "fields", "Title", "sent");
	merge(b, SIDE_CRM, "Title", "sent", false);
	assert_true(is_pending(b, SIDE_CRM, "Title"));
	assert_int_equal(json_array_size(b->pair.clashes), 0);
}

static void what_was_not_read_takes_no_part(void **state)
{
	struct bench *b = *state;
	json_t *fields = json_object(), *unread = json_pack("[s]", "Title");
	struct remote_state remote = { .version = "v2", .fields = fields, .unread = unread };
	char value[64];

	set(b, SIDE_CRM, "Title", "a");
	shadow(b, SIDE_CRM, "Title", "a", "a");
	assert_int_equal(merge_side(&b->cycle, &b->pair, SIDE_CRM, &remote, NULL), 0);
	assert_string_equal(here(b, "Title", value, sizeof(value)), "a");
	assert_false(is_pending(b, SIDE_CRM, "Title"));
	json_decref(fields);
	json_decref(unread);
}

static void one_way_does_not_pull(void **state)
{
	struct bench *b = *state;
	char value[64];

	b->policy.rules[CONFIG_CONTACTS].direction = DIRECTION_TO_CRM;
	set(b, SIDE_CRM, "Title", "a");
	shadow(b, SIDE_CRM, "Title", "a", "a");
	merge(b, SIDE_CRM, "Title", "b", false);
	assert_string_equal(here(b, "Title", value, sizeof(value)), "a");
	assert_false(is_pending(b, SIDE_CRM, "Title")); /* their edit stands */
	set(b, SIDE_CRM, "Title", "c");
	assert_true(is_pending(b, SIDE_CRM, "Title"));
}

static void a_file_wins_over_exchange(void **state)
{
	struct bench *b = *state;
	char value[64];

	b->pair.item.edited = store_now(b->store);
	set(b, SIDE_EXCHANGE, "JobTitle", "file");
	shadow(b, SIDE_EXCHANGE, "JobTitle", "base", "base");
	merge(b, SIDE_EXCHANGE, "JobTitle", "outlook", false);
	assert_string_equal(here(b, "Title", value, sizeof(value)), "file");
	assert_true(is_pending(b, SIDE_EXCHANGE, "JobTitle"));
	assert_int_equal(json_array_size(b->pair.clashes), 1);
}

static void save_conflict(struct bench *b)
{
	assert_int_equal(store_begin(b->store, STORE_NORMAL, STORE_REMOTE, NULL), 0);
	assert_int_equal(conflict_save(&b->cycle, &b->pair, NULL), 0);
	assert_int_equal(store_commit(b->store, NULL), 0);
	json_decref(b->pair.clashes);
	b->pair.clashes = NULL;
}

/* File and Exchange first, then the CRM, which wins: one record that holds both losers. */
static void a_field_changed_on_three_sides_is_one_conflict(void **state)
{
	struct bench *b = *state;
	struct store_conflict *list;
	json_t *field, *losers;
	size_t n;

	b->config.conflict = CONFLICT_CRM;
	b->pair.item.id = 7;
	b->pair.item.edited = store_now(b->store);
	set(b, SIDE_EXCHANGE, "JobTitle", "file");
	shadow(b, SIDE_EXCHANGE, "JobTitle", "base", "base");
	merge(b, SIDE_EXCHANGE, "JobTitle", "outlook", false);
	save_conflict(b);
	shadow(b, SIDE_CRM, "Title", "base", "base");
	merge(b, SIDE_CRM, "Title", "chief", false);
	save_conflict(b);
	assert_int_equal(store_conflict_list(b->store, 0, &list, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_int_equal(json_array_size(json_object_get(list[0].data, "fields")), 1);
	field = json_array_get(json_object_get(list[0].data, "fields"), 0);
	assert_string_equal(
		json_string_value(json_object_get(field, "path")), "titles/JobTitle/name");
	assert_string_equal(json_string_value(json_object_get(field, "base")), "base");
	assert_string_equal(json_string_value(json_object_get(field, "winner")), "chief");
	assert_string_equal(json_string_value(json_object_get(field, "winner_origin")), "crm");
	losers = json_pack("[{s:s, s:s}, {s:s, s:s}]", "origin", "exchange", "value", "outlook",
		"origin", "file", "value", "file");
	assert_true(json_equal(json_object_get(field, "losers"), losers));
	json_decref(losers);
	store_conflicts_free(list, n);
}

static void keywords_merge_one_by_one(void **state)
{
	struct bench *b = *state;
	json_t *fields = json_pack("{s:b, s:b}", "Categories/Outlook", 1, "Categories/Old", 1);
	struct remote_state remote = { .version = "v2", .fields = fields };
	struct store_side *s = &b->pair.sides[SIDE_EXCHANGE];
	json_t *keywords;

	json_object_set_new(
		b->pair.item.doc, "keywords", json_pack("{s:b, s:b}", "Old", 1, "Mine", 1));
	s->ours = json_pack("{s:b}", "Categories/Old", 1);
	s->theirs = json_pack("{s:b}", "Categories/Old", 1);
	assert_int_equal(merge_side(&b->cycle, &b->pair, SIDE_EXCHANGE, &remote, NULL), 0);
	keywords = json_object_get(b->pair.item.doc, "keywords");
	assert_true(json_is_true(json_object_get(keywords, "Old")));
	assert_true(json_is_true(json_object_get(keywords, "Mine")));
	assert_true(json_is_true(json_object_get(keywords, "Outlook")));
	assert_true(is_pending(b, SIDE_EXCHANGE, "Categories/Mine"));
	assert_false(is_pending(b, SIDE_EXCHANGE, "Categories/Outlook"));
	json_decref(fields);
}

/* A rule begins when its event does, a zone is part of every time: fields that depend on each other arrive
 * in any order, and nothing is to be sent back. */
static void a_series_that_arrives_is_not_sent_back(void **state)
{
	static const char series[] =
		"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\n"
		"UID:s1\r\nDTSTAMP:20261101T000000Z\r\nDTSTART;TZID=Europe/"
		"Berlin:20261102T090000\r\n"
		"DURATION:PT1H\r\nSUMMARY:Sales\r\nRRULE:FREQ=WEEKLY;BYDAY=MO\r\n"
		"EXDATE;TZID=Europe/Berlin:20261116T090000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
	const struct document_kind *kind = document_kind(KIND_EVENT);
	struct bench *b = *state;
	struct store_side *s = &b->pair.sides[SIDE_EXCHANGE];

	b->cycle.tables[SIDE_EXCHANGE][KIND_EVENT] = ews_driver.fields(KIND_EVENT);
	b->pair.item.kind = KIND_EVENT;
	for (int backwards = 0; backwards < 2; backwards++) {
		json_t *there, *value, *projection, *changed, *fields = json_object();
		struct remote_state remote = { .version = "v1", .fields = fields };
		const char *name;

		json_decref(b->pair.item.doc);
		assert_int_equal(
			kind->parse(series, sizeof(series) - 1, &b->pair.item.doc, NULL), 0);
		there = pair_project(&b->cycle, &b->pair, SIDE_EXCHANGE, NULL, NULL);
		assert_non_null(json_object_get(there, "Recurrence"));
		json_object_del(there, "UID"); /* given to an item before it is merged */
		json_object_foreach(there, name, value) {
			json_t *rest = json_copy(fields);

			if (backwards)
				json_object_clear(fields);
			json_object_set(fields, name, value);
			if (backwards)
				json_object_update(fields, rest);
			json_decref(rest);
		}
		json_decref(b->pair.item.doc);
		b->pair.item.doc = kind->blank();
		json_decref(s->ours);
		json_decref(s->theirs);
		s->ours = s->theirs = NULL;
		assert_int_equal(merge_side(&b->cycle, &b->pair, SIDE_EXCHANGE, &remote, NULL), 0);
		projection = pair_project(&b->cycle, &b->pair, SIDE_EXCHANGE, NULL, NULL);
		changed = pair_changed(&b->cycle, &b->pair, SIDE_EXCHANGE, projection);
		assert_true(json_equal(json_object_get(projection, "Recurrence"),
			json_object_get(there, "Recurrence")));
		assert_int_equal(json_array_size(changed), 0);
		json_decref(changed);
		json_decref(projection);
		json_decref(there);
		json_decref(fields);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(merges_by_shadow),
		TEST(a_conflict_record_holds_the_loser),
		TEST(first_link_fills_what_is_empty),
		TEST(an_intended_value_is_ours),
		TEST(a_push_that_never_arrived_stays_pending),
		TEST(a_later_step_that_was_not_come_to_stays_pending),
		TEST(what_a_push_left_behind_stays_pending),
		TEST(what_a_push_dropped_stays_pending),
		TEST(an_edit_after_the_intent_stays_pending),
		TEST(what_was_not_read_takes_no_part),
		TEST(one_way_does_not_pull),
		TEST(a_file_wins_over_exchange),
		TEST(a_field_changed_on_three_sides_is_one_conflict),
		TEST(keywords_merge_one_by_one),
		TEST(a_series_that_arrives_is_not_sent_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
