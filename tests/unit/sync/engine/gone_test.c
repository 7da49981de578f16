/* Records that go elsewhere: out of our view, or into another one (I13). */
#include "tests/unit/sync/engine/world.h"

static void a_record_out_of_view_is_unlinked_not_deleted(void **state)
{
	struct world *w = *state;

	RULE.remove = REMOVE_BOTH;
	designated(w);
	w->f.records[0].hidden = true;
	edit(w, SYNC, "anna.vcf", "Buyer", "Seller");
	settle(w);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_UNLINKED);
	assert_int_equal(crm_count(&w->f), 1);
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "Seller");
}

/* Nobody writes to it: a look at all links, once a day, notices. */
static void out_of_view_is_noticed_within_a_day(void **state)
{
	struct world *w = *state;

	RULE.remove = REMOVE_BOTH;
	designated(w);
	put(&w->e, SYNC, "bert.vcf", person(w, "Bert Berg", "b@ex.org", ""));
	settle(w);
	record(w, "a@ex.org")->hidden = true;
	settle(w);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_LINKED);
	age_view(w);
	settle(w);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_UNLINKED);
	assert_int_equal(crm_status(w, SYNC, "bert.vcf"), SIDE_LINKED);
	assert_int_equal(crm_count(&w->f), 2);
	assert_int_equal(files_in(w, SYNC), 2);
}

static void a_merged_record_takes_the_link_along(void **state)
{
	struct world *w = *state;
	struct fake_record *survivor;

	RULE.remove = REMOVE_BOTH;
	designated(w);
	survivor = crm_add(&w->f, "Anna", "Adler", "anna.adler@ex.org");
	crm_set(&w->f, survivor, "MobilePhone", "+1");
	crm_set(&w->f, survivor, "Title", "Buyer");
	crm_merge(&w->f, record(w, "a@ex.org"), survivor);
	settle(w);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_LINKED);
	assert_string_equal(there(w, ALICE, "Anna Adler")->marks.crm_link, survivor->id);
	assert_true(shows(w, SYNC, "anna.vcf", "+1"));
	edit(w, SYNC, "anna.vcf", "Buyer", "Seller");
	settle(w);
	assert_string_equal(net_text(survivor->fields, "Title"), "Seller");
}

static void merged_into_one_we_cannot_see_is_unlinked(void **state)
{
	struct world *w = *state;
	struct fake_record *survivor;

	designated(w);
	survivor = crm_add(&w->f, "Anna", "Adler", "anna.adler@ex.org");
	survivor->hidden = true;
	crm_merge(&w->f, record(w, "a@ex.org"), survivor);
	settle(w);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_UNLINKED);
	assert_true(exists(&w->e, SYNC, "anna.vcf"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(a_record_out_of_view_is_unlinked_not_deleted),
		WORLD(out_of_view_is_noticed_within_a_day),
		WORLD(a_merged_record_takes_the_link_along),
		WORLD(merged_into_one_we_cannot_see_is_unlinked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
