/* Who is designated: by place, category, policy and privacy; and that a pair once unlinked stays so
 * whatever is edited on either side. */
#include "tests/unit/sync/engine/calendar_world.h"

/* ---- designation ----------------------------------------------------------------------------- */

static void mv_into_the_folder_makes_a_record(void **state)
{
	struct world *w = *state;

	put(&w->e, CONTACTS, "anna.vcf", person(w, "Anna Adler", "a@ex.org", JOB("Buyer")));
	settle(w);
	assert_int_equal(crm_count(&w->f), 0);
	move(&w->e, CONTACTS, "anna.vcf", SYNC, "anna.vcf");
	settle(w);
	assert_int_equal(crm_count(&w->f), 1);
	assert_string_equal(field_of(w, "a@ex.org", "Title"), "Buyer");
	assert_string_equal(record(w, "a@ex.org")->owner, "005000000000000ALI");
	assert_string_equal(
		there(w, ALICE, "Anna Adler")->marks.crm_link, record(w, "a@ex.org")->id);
	crm_set(&w->f, record(w, "a@ex.org"), "Title", "Seller");
	settle(w);
	assert_true(shows(w, SYNC, "anna.vcf", "TITLE:Seller"));
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "Seller");
	edit(w, SYNC, "anna.vcf", "Seller", "Owner");
	settle(w);
	assert_string_equal(field_of(w, "a@ex.org", "Title"), "Owner");
}

static void a_category_designates_from_either_side(void **state)
{
	struct world *w = *state;
	struct fake_item *bert = outlook(w, ALICE, IN_CONTACTS, "Bert Berg", "b@ex.org");

	put(&w->e, CONTACTS, "anna.vcf", person(w, "Anna Adler", "a@ex.org", "CATEGORIES:CRM\r\n"));
	fake_set(box_of(w, ALICE), bert, "Categories/CRM", "");
	settle(w);
	assert_non_null(record(w, "a@ex.org"));
	assert_non_null(record(w, "b@ex.org"));
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "Categories/CRM"), "true");
}

static void turned_private_a_record_of_ours_is_deleted(void **state)
{
	struct world *w = *state;

	designated(w);
	crm_add(&w->f, "Bert", "Berg", "b@ex.org");
	put(&w->e, SYNC, "bert.vcf", person(w, "Bert Berg", "b@ex.org", ""));
	settle(w);
	add_lines(w, SYNC, "anna.vcf", "CLASS:PRIVATE\r\n");
	add_lines(w, SYNC, "bert.vcf", "CLASS:PRIVATE\r\n");
	settle(w);
	assert_null(record(w, "a@ex.org"));
	assert_non_null(record(w, "b@ex.org"));
	assert_int_equal(crm_status(w, SYNC, "bert.vcf"), SIDE_UNLINKED);
	assert_true(exists(&w->e, SYNC, "anna.vcf"));
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "Sensitivity"), "Private");
}

static void what_is_private_stays_here(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	put(&w->e, t->view, "a.ics", event(w, "a", "Doctor", 1, "CLASS:PRIVATE\r\n"));
	put(&w->e, t->view, "b.ics", event(w, "b", "Lunch", 1, ""));
	settle(w);
	assert_null(record_of(w, "Doctor"));
	assert_non_null(record_of(w, "Lunch"));
	edit(w, t->view, "b.ics", "SUMMARY:Lunch", "SUMMARY:Secret\r\nCLASS:CONFIDENTIAL");
	settle(w);
	assert_null(record_of(w, "Lunch"));
	assert_null(record_of(w, "Secret"));
}

static void series_are_left_out_where_the_policy_says_so(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	struct store_item item;

	w->policy.event_series = false;
	put(&w->e, t->view, "a.ics", event(w, "a", "Series", 1, "RRULE:FREQ=WEEKLY\r\n"));
	put(&w->e, t->view, "b.ics", event(w, "b", "Single", 1, ""));
	settle(w);
	assert_null(record_of(w, "Series"));
	assert_non_null(record_of(w, "Single"));
	item = item_get(&w->e, item_at(w, t->view, "a.ics"));
	assert_non_null(strstr(item.error, "series"));
	store_item_clear(&item);
	w->policy.event_series = true;
	settle(w);
	assert_non_null(record_of(w, "Series"));
}

/* ---- unlinked stays unlinked ----------------------------------------------------------------- */

/* Three cycles and an edit on each side: no record is made, linked or imported, no file either. */
static void assert_stays_apart(struct world *w, uint64_t folder, const char *file)
{
	size_t records = crm_count(&w->f), items = fake_count(box_of(w, ALICE), -1);
	struct fake_record *r = record(w, "a@ex.org");

	settle(w);
	settle(w);
	if (r)
		crm_set(&w->f, r, "Title", "Edited there");
	if (file)
		add_lines(w, folder, file, "NICKNAME:Nick\r\nTEL;TYPE=cell:+9\r\n");
	settle(w);
	assert_int_equal(crm_count(&w->f), records);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), items);
	if (file) {
		assert_false(shows(w, folder, file, "Edited there"));
		assert_int_equal(crm_status(w, folder, file), SIDE_UNLINKED);
	}
	if (r)
		assert_string_equal(net_text(r->fields, "MobilePhone"), "");
}

static void unlink_by_category(struct world *w, enum config_mode mode)
{
	with_mode(w, mode);
	designated(w);
	add_lines(w, SYNC, "anna.vcf", "CATEGORIES:DoNotSync\r\n");
	settle(w);
	assert_stays_apart(w, SYNC, "anna.vcf");
	assert_int_equal(state_of(w, SYNC, "anna.vcf"), ITEM_EXCLUDED);
	/* Designated anew: the same record. */
	edit(w, SYNC, "anna.vcf", "CATEGORIES:DoNotSync\r\n", "");
	settle(w);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_LINKED);
	assert_int_equal(crm_count(&w->f), 1);
}

static void do_not_sync_in_designated(void **state)
{
	unlink_by_category(*state, MODE_DESIGNATED);
}

static void do_not_sync_in_all(void **state)
{
	unlink_by_category(*state, MODE_ALL);
}

static void moving_out_unlinks_and_moving_in_links_again(void **state)
{
	struct world *w = *state;
	char id[20];

	designated(w);
	snprintf(id, sizeof(id), "%s", record(w, "a@ex.org")->id);
	move(&w->e, SYNC, "anna.vcf", CONTACTS, "anna.vcf");
	settle(w);
	assert_stays_apart(w, CONTACTS, "anna.vcf");
	assert_non_null(strstr(there(w, ALICE, "Anna Adler")->marks.unlinked, id));
	assert_null(there(w, ALICE, "Anna Adler")->marks.crm_link);
	move(&w->e, CONTACTS, "anna.vcf", SYNC, "anna.vcf");
	settle(w);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_LINKED);
	assert_int_equal(crm_count(&w->f), 1);
	assert_string_equal(there(w, ALICE, "Anna Adler")->marks.crm_link, id);
}

static void dragging_out_unlinks_and_dragging_in_links_again(void **state)
{
	struct world *w = *state;
	char id[20];

	designated(w);
	snprintf(id, sizeof(id), "%s", record(w, "a@ex.org")->id);
	fake_move(&w->x, box_of(w, ALICE), there(w, ALICE, "Anna Adler"), IN_CONTACTS);
	settle(w);
	assert_stays_apart(w, CONTACTS, "anna.vcf");
	fake_move(&w->x, box_of(w, ALICE), there(w, ALICE, "Anna Adler"), IN_SYNC);
	settle(w);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_LINKED);
	assert_int_equal(crm_count(&w->f), 1);
	assert_string_equal(there(w, ALICE, "Anna Adler")->marks.crm_link, id);
	/* Its record is deleted, it is dragged out, and in again: a new designation. */
	crm_delete(&w->f, record(w, "a@ex.org"));
	settle(w);
	fake_move(&w->x, box_of(w, ALICE), there(w, ALICE, "Anna Adler"), IN_CONTACTS);
	settle(w);
	fake_move(&w->x, box_of(w, ALICE), there(w, ALICE, "Anna Adler"), IN_SYNC);
	settle(w);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_LINKED);
	assert_int_equal(crm_count(&w->f), 1);
}

static void delete_the_item(struct world *w, enum config_mode mode, bool there_too)
{
	with_mode(w, mode);
	designated(w);
	if (there_too)
		fake_delete(box_of(w, ALICE), there(w, ALICE, "Anna Adler"));
	else
		remove_file(&w->e, SYNC, "anna.vcf");
	settle(w);
	assert_int_equal(files_in(w, SYNC), 0);
	assert_stays_apart(w, SYNC, NULL);
}

static void a_removed_file_leaves_its_record_alone(void **state)
{
	delete_the_item(*state, MODE_DESIGNATED, false);
}

static void a_removed_file_is_not_imported_again(void **state)
{
	delete_the_item(*state, MODE_ALL, false);
}

static void an_item_deleted_there_is_not_imported_again(void **state)
{
	delete_the_item(*state, MODE_ALL, true);
}

static void delete_the_record(struct world *w, enum config_mode mode)
{
	with_mode(w, mode);
	designated(w);
	crm_delete(&w->f, record(w, "a@ex.org"));
	settle(w);
	assert_int_equal(files_in(w, SYNC), 1);
	assert_stays_apart(w, SYNC, "anna.vcf");
}

static void a_deleted_record_is_not_made_again_in_designated(void **state)
{
	delete_the_record(*state, MODE_DESIGNATED);
}

static void a_deleted_record_is_not_made_again_in_all(void **state)
{
	delete_the_record(*state, MODE_ALL);
}

static void unlinked_survives_a_reset(void **state)
{
	struct world *w = *state;

	RULE.mode = MODE_ALL;
	designated(w);
	crm_delete(&w->f, record(w, "a@ex.org"));
	settle(w);
	assert_int_equal(engine_reset(w->engine, NULL, NULL), 0);
	settle(w);
	assert_stays_apart(w, SYNC, "anna.vcf");
}

static void relink_links_what_was_unlinked(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;

	RULE.mode = MODE_ALL;
	designated(w);
	crm_delete(&w->f, record(w, "a@ex.org"));
	settle(w);
	assert_ok(engine_relink(w->engine, at(&w->e, SYNC, "anna.vcf").ino, NULL, &err), err);
	settle(w);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_LINKED);
	assert_int_equal(crm_count(&w->f), 1);
}

/* In mode `all` another contact with the address does not find the record that was unlinked. */
static void an_unlinked_partner_is_matched_by_nobody(void **state)
{
	struct world *w = *state;

	with_mode(w, MODE_ALL);
	designated(w);
	add_lines(w, SYNC, "anna.vcf", "CATEGORIES:DoNotSync\r\n");
	settle(w);
	put(&w->e, CONTACTS, "copy.vcf", person(w, "Anna Copy", "a@ex.org", ""));
	settle(w);
	assert_int_equal(crm_count(&w->f), 1);
	assert_string_equal(field_of(w, "a@ex.org", "LastName"), "Adler");
	assert_int_equal(state_of(w, CONTACTS, "copy.vcf"), ITEM_ERROR);
	/* Somebody wants just this. */
	move(&w->e, CONTACTS, "copy.vcf", SYNC, "copy.vcf");
	settle(w);
	assert_int_equal(crm_status(w, SYNC, "copy.vcf"), SIDE_LINKED);
	assert_int_equal(crm_count(&w->f), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(mv_into_the_folder_makes_a_record),
		WORLD(a_category_designates_from_either_side),
		WORLD(turned_private_a_record_of_ours_is_deleted),
		CALENDAR(what_is_private_stays_here),
		CALENDAR(series_are_left_out_where_the_policy_says_so),
		WORLD(do_not_sync_in_designated),
		WORLD(do_not_sync_in_all),
		WORLD(moving_out_unlinks_and_moving_in_links_again),
		WORLD(dragging_out_unlinks_and_dragging_in_links_again),
		WORLD(a_removed_file_leaves_its_record_alone),
		WORLD(a_removed_file_is_not_imported_again),
		WORLD(an_item_deleted_there_is_not_imported_again),
		WORLD(a_deleted_record_is_not_made_again_in_designated),
		WORLD(a_deleted_record_is_not_made_again_in_all),
		WORLD(unlinked_survives_a_reset),
		WORLD(relink_links_what_was_unlinked),
		WORLD(an_unlinked_partner_is_matched_by_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
