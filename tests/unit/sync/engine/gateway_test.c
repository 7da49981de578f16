/* Another gateway: what is evidence of it, what is not, and how long the warning stands. */
#include "tests/unit/sync/engine/calendar_world.h"

#define HOUR  (3600 * NS_PER_S)
#define OTHER "0badcafe" /* another installation */
#define FEW   5

/* ---- the warnings ---------------------------------------------------------------------------- */

static json_t *warnings_of(struct world *w, int who)
{
	json_t *status = engine_status(w->engine, w->users[who].address);
	json_t *warnings = json_incref(json_object_get(status, "other_gateways"));

	json_decref(status);
	assert_true(json_is_array(warnings));
	return warnings;
}

static void assert_no_warning(struct world *w)
{
	for (int who = 0; who < FAKE_BOXES; who++) {
		json_t *warnings = warnings_of(w, who);
		char *text AUTOFREE = json_dumps(warnings, JSON_COMPACT);

		json_decref(warnings);
		assert_string_equal(text, "[]");
	}
}

/* Alice's only warning is this one, and so many times. */
static void assert_warned(struct world *w, const char *evidence, const char *side, int times)
{
	json_t *warnings = warnings_of(w, ALICE), *one = json_array_get(warnings, 0);

	assert_int_equal(json_array_size(warnings), 1);
	assert_string_equal(net_text(one, "evidence"), evidence);
	assert_string_equal(net_text(one, "side"), side);
	assert_true(net_text(one, "what")[0] != '\0');
	assert_true(net_text(one, "since")[0] != '\0' && net_text(one, "last")[0] != '\0');
	assert_int_equal(json_integer_value(json_object_get(one, "times")), times);
	json_decref(warnings);
}

static void make_older(json_t *entries, const char *member, int64_t ns)
{
	const char *key;
	json_t *entry;

	json_object_foreach(entries, key, entry)
		json_object_set_new(entry, member,
			json_integer(json_integer_value(json_object_get(entry, member)) - ns));
}

/* What is remembered of Alice's mailbox, and her warnings, are so much older. */
static void time_passes(struct world *w, int64_t ns)
{
	struct gateway *g = w->engine->mailboxes[ALICE].gateway;
	char *name AUTOFREE = xasprintf("gateway:%lld", (long long)w->e.mailbox);
	char *known AUTOFREE = NULL, *older AUTOFREE = NULL;
	struct error err = ERROR_INIT;
	json_t *warnings;

	for (int side = 0; g && side < SIDES; side++) {
		make_older(g->wrote[side], "at", ns);
		make_older(g->made[side], "at", ns);
		for (int what = 0; what < EVIDENCES; what++)
			make_older(g->seen[what][side], "at", ns);
	}
	assert_ok(store_value_get(w->e.store, name, &known, &err), err);
	if (!known)
		return;
	warnings = json_loads(known, 0, NULL);
	make_older(warnings, "last", ns);
	older = json_dumps(warnings, JSON_COMPACT);
	json_decref(warnings);
	assert_ok(store_begin(w->e.store, STORE_NORMAL, STORE_LOCAL, &err), err);
	assert_ok(store_value_set(w->e.store, name, older, &err), err);
	assert_ok(store_commit(w->e.store, &err), err);
}

/* ---- another installation -------------------------------------------------------------------- */

static const char *token_of(struct world *w, const char *who, int64_t seconds_from_now)
{
	return keep(&w->e, xasprintf("%s%011llx0123456789abc", who,
				   (unsigned long long)(time(NULL) + seconds_from_now) * 1000));
}

/* A contact that the program with this token made in Alice's mailbox. */
static void made_with(struct world *w, const char *name, const char *token)
{
	struct fake_item *item = outlook(w, ALICE, IN_CONTACTS, name, NULL);

	xstrset(&item->marks.token, token);
}

static void a_token_says_who_made_it_and_when(void **state)
{
	struct world *w = *state;
	char *one AUTOFREE = gateway_token(w->engine), *two AUTOFREE = gateway_token(w->engine);
	char digits[12];
	int64_t made;

	assert_int_equal(strlen(one), 32);
	assert_int_equal(strspn(one, "0123456789abcdef"), 32);
	assert_memory_equal(one, two, 8);
	assert_string_not_equal(one + 19, two + 19);
	snprintf(digits, sizeof(digits), "%s", one + 8);
	made = strtoll(digits, NULL, 16) / 1000;
	assert_true(made >= time(NULL) - 60 && made <= time(NULL) + 60);
	world_reopen(w); /* the same installation */
	free(two);
	two = gateway_token(w->engine);
	assert_memory_equal(one, two, 8);
}

/* The old one may be running yet. */
static void a_cache_on_another_machine_is_another_installation(void **state)
{
	struct world *w = *state;
	char *known AUTOFREE = NULL, *elsewhere AUTOFREE = NULL;
	char *one AUTOFREE = gateway_token(w->engine), *two = NULL;
	struct error err = ERROR_INIT;

	assert_ok(store_value_get(w->e.store, "installation", &known, &err), err);
	elsewhere = xasprintf("%.*s machine", (int)(strrchr(known, ' ') - known), known);
	assert_ok(store_begin(w->e.store, STORE_NORMAL, STORE_LOCAL, &err), err);
	assert_ok(store_value_set(w->e.store, "installation", elsewhere, &err), err);
	assert_ok(store_commit(w->e.store, &err), err);
	world_reopen(w);
	two = gateway_token(w->engine);
	assert_memory_not_equal(one, two, 8);
	made_with(w, "Anna Adler", one); /* older than the move */
	settle(w);
	assert_no_warning(w);
	free(two);
}

static void one_item_of_another_tandemfs_is_enough(void **state)
{
	struct world *w = *state;
	json_t *warnings;

	made_with(w, "Anna Adler", token_of(w, OTHER, 10));
	settle(w);
	assert_warned(w, "token", "exchange", 1);
	warnings = warnings_of(w, ALICE);
	assert_string_equal(net_text(json_array_get(warnings, 0), "who"), OTHER);
	assert_string_equal(net_text(json_array_get(warnings, 0), "example"),
		"alice@corp.example/Contacts/Anna Adler.vcf");
	json_decref(warnings);
}

static void a_record_of_another_tandemfs_is_that_users_warning(void **state)
{
	struct world *w = *state;
	struct fake_record *hers = crm_add(&w->f, "Anna", "Adler", "a@ex.org");
	struct fake_record *nobodys = crm_add(&w->f, "Ben", "Baker", "b@ex.org");
	json_t *bobs;

	snprintf(hers->owner, sizeof(hers->owner), "005000000000000ALI");
	snprintf(hers->token, sizeof(hers->token), "%s", token_of(w, OTHER, 10));
	/* Two installations may serve the users of one org. */
	snprintf(nobodys->owner, sizeof(nobodys->owner), "005000000000000ELSE");
	snprintf(nobodys->token, sizeof(nobodys->token), "%s", token_of(w, OTHER, 10));
	settle(w);
	assert_warned(w, "token", "crm", 1);
	bobs = warnings_of(w, BOB);
	assert_int_equal(json_array_size(bobs), 0);
	json_decref(bobs);
}

/* Of a cache that was lost, of a mailbox that was handed over. */
static void old_tokens_say_nothing(void **state)
{
	struct world *w = *state;
	struct fake_record *r = crm_add(&w->f, "Anna", "Adler", "a@ex.org");

	snprintf(r->owner, sizeof(r->owner), "005000000000000ALI");
	snprintf(r->token, sizeof(r->token), "%s", token_of(w, OTHER, -3600));
	made_with(w, "Ben Baker", token_of(w, OTHER, -3600));
	made_with(w, "Dan Dill", "1234");
	made_with(w, "Eve Eden", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz");
	settle(w);
	assert_no_warning(w);
	w->engine->installed = 0; /* we have been here for long */
	made_with(w, "Cleo Cook", token_of(w, OTHER, -25 * 3600));
	settle(w);
	assert_no_warning(w);
	made_with(w, "Finn Falk", token_of(w, OTHER, -23 * 3600));
	settle(w);
	assert_warned(w, "token", "exchange", 1);
}

static void a_lost_cache_is_no_other_gateway(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 2 * FEW; i++)
		put(&w->e, SYNC, nth_file(w, i), nth_person(w, i));
	settle(w);
	assert_no_warning(w);
	world_close(w);
	nftw(w->e.dir, env_unlink, 8, FTW_DEPTH | FTW_PHYS);
	assert_int_equal(mkdir(w->e.dir, 0700), 0);
	world_open(w);
	settle(w);
	assert_int_equal(crm_count(&w->f), 2 * FEW);
	assert_no_warning(w);
}

/* ---- twins ----------------------------------------------------------------------------------- */

static void designated_people(struct world *w, int from, int to)
{
	for (int i = from; i < to; i++)
		put(&w->e, SYNC, nth_file(w, i), nth_person(w, i));
	settle(w);
	assert_int_equal(crm_status(w, SYNC, nth_file(w, from)), SIDE_LINKED);
}

static void copied_to_the_crm(struct world *w, int from, int to)
{
	for (int i = from; i < to; i++)
		crm_add(&w->f, "Person", keep(&w->e, xasprintf("%d", i)), nth_email(w, i));
	settle(w);
}

static void records_made_a_second_time(void **state)
{
	struct world *w = *state;

	designated_people(w, 0, FEW + 2);
	copied_to_the_crm(w, 0, FEW - 1);
	assert_no_warning(w);
	copied_to_the_crm(w, FEW - 1, FEW);
	assert_warned(w, "twin", "crm", FEW);
	copied_to_the_crm(w, FEW, FEW + 2);
	assert_warned(w, "twin", "crm", FEW + 2);

	world_reopen(w); /* it survives a restart, and ends a day after the last of them */
	settle(w);
	assert_warned(w, "twin", "crm", FEW + 2);
	time_passes(w, 23 * HOUR);
	assert_warned(w, "twin", "crm", FEW + 2);
	time_passes(w, 2 * HOUR);
	assert_no_warning(w);
}

static void the_same_people_much_later(void **state)
{
	struct world *w = *state;

	designated_people(w, 0, 2 * FEW);
	time_passes(w, 2 * HOUR);
	copied_to_the_crm(w, 0, 2 * FEW);
	assert_no_warning(w);
}

/* Four an hour is somebody who does not look first. */
static void slow_twins(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 3 * FEW; i += FEW - 1) {
		designated_people(w, i, i + FEW - 1);
		copied_to_the_crm(w, i, i + FEW - 1);
		time_passes(w, HOUR + MINUTE);
	}
	assert_no_warning(w);
}

static void records_that_were_there_before_are_no_twins(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 2 * FEW; i++) {
		struct fake_record *r = crm_add(&w->f, "Person", "Old", NULL);

		r->created -= 1000;
	}
	designated_people(w, 0, 2 * FEW);
	for (int i = 0; i < 2 * FEW; i++)
		crm_set(&w->f, &w->f.records[i], "Email", nth_email(w, i));
	settle(w);
	assert_no_warning(w);
}

static void items_made_a_second_time(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < FEW; i++)
		put(&w->e, CONTACTS, nth_file(w, i), nth_person(w, i));
	settle(w);
	for (int i = 0; i < FEW; i++)
		outlook(w, ALICE, IN_SYNC, nth(w, 100 + i), nth_email(w, i));
	settle(w);
	assert_warned(w, "twin", "exchange", FEW);
}

/* Copies, and what comes back from Deleted Items, has our token or a key that is known. */
static void copies_and_restored_items_are_no_twins(void **state)
{
	struct world *w = *state;
	struct fake_box *box = box_of(w, ALICE);
	size_t n;

	for (int i = 0; i < 2 * FEW; i++)
		put(&w->e, CONTACTS, nth_file(w, i), nth_person(w, i));
	settle(w);
	n = box->n_items;
	for (size_t i = 0; i < n; i++)
		fake_copy(&w->x, box, &box->items[i], IN_SYNC);
	settle(w);
	assert_no_warning(w);
	for (size_t i = 0; i < FEW; i++)
		fake_delete(box, &box->items[i]);
	settle(w);
	for (size_t i = 0; i < FEW; i++)
		fake_move(&w->x, box, &box->items[i], IN_CONTACTS);
	settle(w);
	assert_no_warning(w);
}

/* ---- rewrites -------------------------------------------------------------------------------- */

static void set_title(struct world *w, int i, const char *from, const char *to)
{
	edit(w, SYNC, nth_file(w, i), from, to);
	cycle(w, ALICE);
	assert_string_equal(field_of(w, nth_email(w, i), "Title"), to);
}

static void titled_people(struct world *w, int n)
{
	for (int i = 0; i < n; i++)
		put(&w->e, SYNC, nth_file(w, i),
			person(w, nth(w, i), nth_email(w, i), JOB("Buyer")));
	settle(w);
	time_passes(w, HOUR);
}

/* Another gateway that knows the former value only sets it again, after each of our writes. */
static void values_that_we_wrote_are_changed_back(void **state)
{
	struct world *w = *state;

	titled_people(w, FEW);
	for (int i = 0; i < FEW; i++) {
		assert_no_warning(w);
		set_title(w, i, "Buyer", "Chief");
		crm_set(&w->f, record(w, nth_email(w, i)), "Title", "Buyer");
		cycle(w, ALICE);
	}
	assert_warned(w, "rewrite", "crm", FEW);
}

/* A script edits them all here, and another one restores them all there. */
static void a_bulk_edit_and_another_one_are_no_fight(void **state)
{
	struct world *w = *state;

	titled_people(w, 4 * FEW);
	for (int i = 0; i < 4 * FEW; i++)
		edit(w, SYNC, nth_file(w, i), "Buyer", "Chief");
	cycle(w, ALICE);
	for (int i = 0; i < 4 * FEW; i++)
		crm_set(&w->f, record(w, nth_email(w, i)), "Title", "Buyer");
	cycle(w, ALICE);
	assert_no_warning(w);
}

static void people_who_add_to_what_we_wrote_are_no_fight(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 2 * FEW; i++) {
		put(&w->e, SYNC, nth_file(w, i), nth_person(w, i));
		cycle(w, ALICE);
		crm_set(&w->f, record(w, nth_email(w, i)), "MobilePhone", "+49 30 1");
		cycle(w, ALICE);
		crm_set(&w->f, record(w, nth_email(w, i)), "Title", "Buyer");
		cycle(w, ALICE);
	}
	settle(w);
	assert_no_warning(w);
}

static void a_change_long_after_is_no_rewrite(void **state)
{
	struct world *w = *state;

	titled_people(w, 2 * FEW);
	for (int i = 0; i < 2 * FEW; i++)
		set_title(w, i, "Buyer", "Chief");
	time_passes(w, 16 * MINUTE);
	for (int i = 0; i < 2 * FEW; i++) {
		crm_set(&w->f, record(w, nth_email(w, i)), "Title", "Buyer");
		cycle(w, ALICE);
	}
	assert_no_warning(w);
}

static void values_in_exchange_are_changed_back(void **state)
{
	struct world *w = *state;

	titled_people(w, FEW);
	for (int i = 0; i < FEW; i++) {
		crm_set(&w->f, record(w, nth_email(w, i)), "Title", "Chief");
		cycle(w, ALICE);
		fake_set(box_of(w, ALICE), there(w, ALICE, nth(w, i)), "JobTitle", "Buyer");
		cycle(w, ALICE);
	}
	assert_warned(w, "rewrite", "exchange", FEW);
}

/* Written by the create; the link that is noted with it after that hides nothing. */
static void values_of_new_items_are_changed(void **state)
{
	struct world *w = *state;
	struct buf log AUTOBUF = BUF_INIT(1 << 20);

	for (int i = 0; i < FEW; i++) {
		put(&w->e, SYNC, nth_file(w, i),
			person(w, nth(w, i), nth_email(w, i), JOB("Buyer")));
		settle(w);
		assert_true(there(w, ALICE, nth(w, i))->marks.crm_link != NULL);
		fake_set(box_of(w, ALICE), there(w, ALICE, nth(w, i)), "JobTitle", "Chief");
		cycle(w, ALICE);
	}
	assert_warned(w, "rewrite", "exchange", FEW);
	assert_int_equal(store_log_read(w->e.store, w->e.mailbox, &log, NULL), 0);
	assert_non_null(strstr(buf_str(&log), "another gateway?"));
}

/* ---- folders --------------------------------------------------------------------------------- */

static void a_folder_that_another_product_fills(void **state)
{
	struct world *w = *state;
	struct fake_box *box = box_of(w, ALICE);
	char *parent AUTOFREE = xstrdup(box->folders[IN_CONTACTS].id);
	int folder = fake_add_folder(&w->x, box, parent, "Salesforce Contacts", false);
	json_t *warnings;

	for (int i = 0; i < 2 * FEW; i++) /* what was there when we came */
		outlook(w, ALICE, folder, nth(w, i), NULL);
	settle(w);
	assert_no_warning(w);
	for (size_t i = 0; i < 2 * FEW; i++) /* copies by hand */
		fake_copy(&w->x, box, &box->items[i], folder);
	settle(w);
	assert_no_warning(w);
	for (int i = 0; i < FEW; i++)
		outlook(w, ALICE, folder, nth(w, 100 + i), NULL);
	settle(w);
	assert_warned(w, "folder", "exchange", FEW);
	warnings = warnings_of(w, ALICE);
	assert_string_equal(net_text(json_array_get(warnings, 0), "who"), "LinkPoint Connect(ME)");
	json_decref(warnings);
}

static void the_same_folder_by_our_own_hand(void **state)
{
	struct world *w = *state;
	uint64_t dir = make_dir(&w->e, CONTACTS, "Salesforce Contacts");

	put(&w->e, dir, "first.vcf", person(w, "First One", NULL, ""));
	settle(w);
	for (int i = 0; i < 2 * FEW; i++)
		put(&w->e, dir, nth_file(w, i), nth_person(w, i));
	settle(w);
	assert_no_warning(w);
}

/* ---- events ---------------------------------------------------------------------------------- */

static void events_made_a_second_time(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	for (int i = 0; i < FEW; i++) {
		const char *title = keep(&w->e, xasprintf("Review %d", i));

		put(&w->e, t->view, keep(&w->e, xasprintf("r%d.ics", i)),
			event(w, keep(&w->e, xasprintf("r%d", i)), title, 1, ""));
	}
	settle(w);
	for (int i = 0; i < FEW; i++) {
		const char *title = keep(&w->e, xasprintf("Review %d", i));
		struct fake_record *ours = record_of(w, title), *twin;

		/* One at the same time for a colleague is his. */
		twin = crm_event(w, "-", 1, "005000000000000ELSE");
		json_object_update(twin->fields, ours->fields);
	}
	settle(w);
	assert_no_warning(w);
	for (int i = 0; i < FEW; i++)
		snprintf(w->f.records[w->f.n - 1 - (size_t)i].owner, sizeof(w->f.records[0].owner),
			"005000000000000ALI");
	for (int i = 0; i < FEW; i++)
		crm_touched(&w->f, &w->f.records[w->f.n - 1 - (size_t)i], false);
	settle(w);
	assert_warned(w, "twin", "crm", FEW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(a_token_says_who_made_it_and_when),
		WORLD(a_cache_on_another_machine_is_another_installation),
		WORLD(one_item_of_another_tandemfs_is_enough),
		WORLD(a_record_of_another_tandemfs_is_that_users_warning),
		WORLD(old_tokens_say_nothing),
		WORLD(a_lost_cache_is_no_other_gateway),
		WORLD(records_made_a_second_time),
		WORLD(the_same_people_much_later),
		WORLD(slow_twins),
		WORLD(records_that_were_there_before_are_no_twins),
		WORLD(items_made_a_second_time),
		WORLD(copies_and_restored_items_are_no_twins),
		WORLD(values_that_we_wrote_are_changed_back),
		WORLD(a_bulk_edit_and_another_one_are_no_fight),
		WORLD(people_who_add_to_what_we_wrote_are_no_fight),
		WORLD(a_change_long_after_is_no_rewrite),
		WORLD(values_in_exchange_are_changed_back),
		WORLD(values_of_new_items_are_changed),
		WORLD(a_folder_that_another_product_fills),
		WORLD(the_same_folder_by_our_own_hand),
		CALENDAR(events_made_a_second_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
