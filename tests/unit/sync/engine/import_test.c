/* Imports: records that no item is linked with become items, once, and never over somebody's own. */
#include "tests/unit/sync/engine/calendar_world.h"

static void owned_records_are_imported_once(void **state)
{
	struct world *w = *state;
	struct fake_record *mine = crm_add(&w->f, "Mine", "Own", "mine@ex.org");

	snprintf(mine->owner, sizeof(mine->owner), "005000000000000ALI");
	crm_add(&w->f, "Foreign", "Person", "f@ex.org");
	with_mode(w, MODE_ALL);
	settle(w);
	assert_int_equal(files_in(w, SYNC), 1);
	assert_int_equal(fake_count(box_of(w, ALICE), IN_SYNC), 1);
	assert_int_equal(fake_count(box_of(w, BOB), -1), 0);
	assert_int_equal(crm_count(&w->f), 2);
	crm_set(&w->f, mine, "Title", "Boss");
	settle(w);
	assert_int_equal(files_in(w, SYNC), 1);
	assert_true(shows(w, SYNC, "Mine Own.vcf", "Boss"));
	edit(w, SYNC, "Mine Own.vcf", "Boss", "Chief");
	settle(w);
	assert_string_equal(net_text(mine->fields, "Title"), "Chief");
}

static void visible_records_are_imported_but_not_over_somebodys_own(void **state)
{
	struct world *w = *state;

	RULE.import = IMPORT_VISIBLE;
	outlook(w, ALICE, IN_CONTACTS, "Private Friend", "friend@ex.org");
	outlook(w, ALICE, IN_SYNC, "Known Person", "known@ex.org");
	cycle(w, ALICE);
	crm_add(&w->f, "Public", "Friend", "Friend@ex.org");
	crm_add(&w->f, "Known", "Person", "known@ex.org");
	crm_add(&w->f, "New", "Person", "new@ex.org");
	settle(w);
	assert_int_equal(files_in(w, CONTACTS), 1);
	assert_int_equal(files_in(w, SYNC), 2);
	assert_int_equal(crm_status(w, CONTACTS, "Private Friend.vcf"), SIDE_NONE);
	assert_int_equal(crm_status(w, SYNC, "Known Person.vcf"), SIDE_LINKED);
	assert_int_equal(crm_status(w, SYNC, "New Person.vcf"), SIDE_LINKED);
	/* "Known Person" was designated before the record was there, and made one. */
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 3);
}

static void an_import_switched_on_later_brings_what_was_there(void **state)
{
	struct world *w = *state;

	crm_add(&w->f, "Old", "Record", "old@ex.org");
	settle(w);
	assert_int_equal(files_in(w, SYNC), 0);
	RULE.import = IMPORT_VISIBLE;
	settle(w);
	assert_int_equal(files_in(w, SYNC), 1);
	assert_int_equal(crm_count(&w->f), 1);
}

static void records_are_imported_into_the_view(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	w->policy.rules[CONFIG_CALENDAR].import = IMPORT_OWNED;
	outlook_event(t, "Lunch", 1); /* somebody's own, not designated */
	cycle(w, ALICE);
	crm_event(w, "Lunch", 1, "005000000000000ALI");
	crm_event(w, "Visit", 1, "005000000000000ALI");
	crm_event(w, "Over", -5, "005000000000000ALI");
	crm_event(w, "Other", 1, "005000000000000BOB");
	settle(w);
	assert_true(exists(&w->e, t->view, name_of(w, "Visit", 1)));
	assert_int_equal(files_in(w, t->view), 1);
	assert_true(is_categorized(w, "Visit", CATEGORY));
	assert_int_equal(crm_count(&w->f), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(owned_records_are_imported_once),
		WORLD(visible_records_are_imported_but_not_over_somebodys_own),
		WORLD(an_import_switched_on_later_brings_what_was_there),
		CALENDAR(records_are_imported_into_the_view),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
