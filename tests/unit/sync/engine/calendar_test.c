/* Events and tasks: their folders and views, designation by place, category and time, and that contacts,
 * events and tasks of one mailbox go side by side. */
#include "sync/formats/caltime.h"
#include "tests/unit/sync/engine/world.h"

#define VIEW	 "Salesforce_Sync"
#define CATEGORY "Categories/" VIEW

struct calendar {
	struct world *w;
	uint64_t calendar, view, tasks, task_view;
	int there, tasks_there; /* indexes of the folders in Exchange */
};

/* ---- the words of these tests --------------------------------------------------------------------- */

static int calendar_setup(void **state)
{
	struct calendar *t = xcalloc(1, sizeof(*t));
	struct world *w;

	world_setup(state);
	w = t->w = *state;
	w->calendar = true;
	for (int i = 0; i < FAKE_BOXES; i++) {
		t->there = fake_add_folder(&w->x, &w->x.boxes[i], "root", "Calendar", true);
		t->tasks_there = fake_add_folder(&w->x, &w->x.boxes[i], "root", "Tasks", true);
		/* They are older than our cursor: a new kind makes us read all folders. */
		w->x.boxes[i].folders[t->there].changed = 1;
		w->x.boxes[i].folders[t->tasks_there].changed = 1;
	}
	world_reopen(w);
	for (int i = 0; i < FAKE_BOXES; i++)
		cycle(w, i);
	t->calendar = child(w, w->e.root, "Calendar");
	t->tasks = child(w, w->e.root, "Tasks");
	t->view = child(w, t->calendar, VIEW);
	t->task_view = child(w, t->tasks, VIEW);
	assert_true(t->calendar && t->view && t->tasks && t->task_view);
	*state = t;
	return 0;
}

static int calendar_teardown(void **state)
{
	struct calendar *t = *state;

	*state = t->w;
	free(t);
	return world_teardown(state);
}

#define CALENDAR(name) cmocka_unit_test_setup_teardown(name, calendar_setup, calendar_teardown)

/* "20261124T100000Z", so many days from now. */
static const char *stamp(struct world *w, int days)
{
	struct caltime_date d = caltime_date_of(time(NULL) + days * (int64_t)CALTIME_DAY);

	return keep(&w->e, xasprintf("%04d%02d%02dT100000Z", d.year, d.month, d.day));
}

/* An event of an hour as a calendar program writes it; more: whole lines. */
static const char *event(
	struct world *w, const char *uid, const char *title, int days, const char *more)
{
	return keep(&w->e, xasprintf("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n"
				     "BEGIN:VEVENT\r\nUID:%s\r\nDTSTAMP:20261101T000000Z\r\n"
				     "DTSTART:%s\r\nDURATION:PT1H\r\nSUMMARY:%s\r\n%sEND:VEVENT\r\n"
				     "END:VCALENDAR\r\n",
				   uid, stamp(w, days), title, more));
}

static const char *task(struct world *w, const char *uid, const char *title)
{
	return keep(&w->e, xasprintf("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n"
				     "BEGIN:VTODO\r\nUID:%s\r\nDTSTAMP:20261101T000000Z\r\n"
				     "SUMMARY:%s\r\nEND:VTODO\r\nEND:VCALENDAR\r\n",
				   uid, title));
}

/* The one live item with this subject in Alice's mailbox; NULL: none. */
static struct fake_item *item_there(struct world *w, const char *subject)
{
	struct fake_item *found = NULL;

	for (size_t i = 0; i < box_of(w, ALICE)->n_items; i++) {
		struct fake_item *item = &box_of(w, ALICE)->items[i];

		if (item->folder < 0 || strcmp(net_text(item->fields, "Subject"), subject) != 0)
			continue;
		assert_null(found);
		found = item;
	}
	return found;
}

static bool is_categorized(struct world *w, const char *subject, const char *category)
{
	return json_is_true(json_object_get(item_there(w, subject)->fields, category));
}

/* The one live record with this subject; NULL: none. */
static struct fake_record *record_of(struct world *w, const char *subject)
{
	struct fake_record *found = NULL;

	for (size_t i = 0; i < w->f.n; i++) {
		struct fake_record *r = &w->f.records[i];

		if (r->deleted || strcmp(net_text(r->fields, "Subject"), subject) != 0)
			continue;
		assert_null(found);
		found = r;
	}
	return found;
}

/* Made with Outlook, so many days from now. */
static struct fake_item *outlook_event(struct calendar *t, const char *subject, int days)
{
	struct world *w = t->w;
	struct fake_item *item = fake_add(&w->x, box_of(w, ALICE), t->there);
	struct caltime_date d = caltime_date_of(time(NULL) + days * (int64_t)CALTIME_DAY);

	json_object_set_new(item->fields, "Subject", json_string(subject));
	json_object_set_new(item->fields, "Time",
		json_pack("{s:o, s:s, s:s}", "start",
			json_sprintf("%04d-%02d-%02dT10:00:00", d.year, d.month, d.day), "timeZone",
			"Etc/UTC", "duration", "PT1H"));
	fake_touched(box_of(w, ALICE), item, false);
	return item;
}

static const char *name_of(struct world *w, const char *subject, int days)
{
	struct caltime_date d = caltime_date_of(time(NULL) + days * (int64_t)CALTIME_DAY);

	return keep(&w->e, xasprintf("%04d-%02d-%02d %s.ics", d.year, d.month, d.day, subject));
}

/* ---- side by side -------------------------------------------------------------------------------- */

static void three_kinds_in_one_cycle(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	put(&w->e, w->e.contacts, "anna.vcf", person(w, "Anna Adler", "anna@ex.org", ""));
	put(&w->e, t->calendar, "lunch.ics", event(w, "e1", "Lunch", 1, ""));
	put(&w->e, t->tasks, "call.ics", task(w, "t1", "Call"));
	outlook_event(t, "Meeting", 2);
	settle(w);
	assert_int_equal(there(w, ALICE, "Anna Adler")->folder, IN_CONTACTS);
	assert_int_equal(item_there(w, "Lunch")->folder, t->there);
	assert_int_equal(item_there(w, "Call")->folder, t->tasks_there);
	assert_true(exists(&w->e, t->calendar, name_of(w, "Meeting", 2)));
	assert_int_equal(crm_count(&w->f), 0);
	edit(w, t->calendar, "lunch.ics", "SUMMARY:Lunch", "SUMMARY:Dinner");
	edit(w, t->tasks, "call.ics", "SUMMARY:Call", "SUMMARY:Write");
	edit(w, w->e.contacts, "anna.vcf", "anna@ex.org", "adler@ex.org");
	settle(w);
	assert_non_null(item_there(w, "Dinner"));
	assert_non_null(item_there(w, "Write"));
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "EmailAddress1"), "adler@ex.org");
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 4);
}

static void between_kinds_nothing_moves(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	put(&w->e, t->calendar, "lunch.ics", event(w, "e1", "Lunch", 1, ""));
	cycle(w, ALICE);
	assert_int_equal(move_errno(&w->e, t->calendar, "lunch.ics", t->tasks, "lunch.ics"), EPERM);
	assert_int_equal(
		move_errno(&w->e, t->calendar, "lunch.ics", t->task_view, "lunch.ics"), EPERM);
	assert_true(exists(&w->e, t->calendar, "lunch.ics"));
}

/* The key of an event is its iCalendar UID; a copy, which has the same, is another event. */
static void an_event_keeps_the_uid_it_has_in_exchange(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	struct fake_item *there = outlook_event(t, "Meeting", 2);
	struct store_item item, copy;

	cycle(w, ALICE);
	item = item_get(&w->e, item_at(w, t->calendar, name_of(w, "Meeting", 2)));
	assert_string_equal(item.uid, there->key);
	assert_true(shows(w, t->calendar, name_of(w, "Meeting", 2), there->key));
	fake_copy(&w->x, box_of(w, ALICE), there, t->there);
	settle(w);
	copy = item_get(&w->e, item_at(w, t->calendar, name_of(w, "Meeting (2)", 2)));
	assert_string_not_equal(copy.uid, item.uid);
	store_item_clear(&item);
	store_item_clear(&copy);
}

/* A task's UID is no event's. */
static void an_event_and_a_task_may_share_a_uid(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	put(&w->e, t->calendar, "a.ics", event(w, "same", "Lunch", 1, ""));
	put(&w->e, t->tasks, "a.ics", task(w, "same", "Call"));
	settle(w);
	assert_non_null(item_there(w, "Lunch"));
	assert_non_null(item_there(w, "Call"));
}

/* Attendees and exceptions are merged one by one. */
static void each_key_of_a_map_is_merged_alone(void **state)
{
	static const char series[] = "RRULE:FREQ=DAILY;COUNT=5\r\n"
				     "ORGANIZER:mailto:a@ex.org\r\n"
				     "ATTENDEE;CN=Bert:mailto:b@ex.org\r\n"
				     "ATTENDEE;CN=Cara:mailto:c@ex.org\r\n";
	struct calendar *t = *state;
	struct world *w = t->w;
	struct fake_item *there;

	put(&w->e, t->calendar, "s.ics", event(w, "s", "Series", 1, series));
	settle(w);
	there = item_there(w, "Series");
	json_object_set_new(there->fields, "Attendees/b@ex.org",
		json_pack("{s:s, s:s}", "name", "Bert", "participationStatus", "accepted"));
	fake_touched(box_of(w, ALICE), there, false);
	edit(w, t->calendar, "s.ics", "CN=Cara", "CN=Carla");
	settle(w);
	assert_true(shows(w, t->calendar, "s.ics", "CN=Carla"));
	assert_true(shows(w, t->calendar, "s.ics", "PARTSTAT=ACCEPTED"));
	assert_string_equal(
		net_text(json_object_get(there->fields, "Attendees/c@ex.org"), "name"), "Carla");
	assert_int_equal(count_conflicts(&w->e), 0);
}

/* ---- the view ------------------------------------------------------------------------------------ */

static void moving_into_the_view_sets_a_category_and_no_byte(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	const char *bytes = event(w, "e1", "Lunch", 1, "CATEGORIES:Food\r\n");
	uint64_t ino = put(&w->e, t->calendar, "lunch.ics", bytes);

	settle(w);
	for (int twice = 0; twice < 2; twice++) {
		move(&w->e, t->calendar, "lunch.ics", t->view, "lunch.ics");
		settle(w);
		assert_int_equal(item_there(w, "Lunch")->folder, t->there);
		assert_true(is_categorized(w, "Lunch", CATEGORY));
		assert_true(is_categorized(w, "Lunch", "Categories/Food"));
		assert_int_equal(at(&w->e, t->view, "lunch.ics").ino, ino);
		assert_string_equal(bytes_of(&w->e, ino), bytes);
		assert_non_null(record_of(w, "Lunch"));
		move(&w->e, t->view, "lunch.ics", t->calendar, "lunch.ics");
		settle(w);
		assert_false(is_categorized(w, "Lunch", CATEGORY));
		assert_true(is_categorized(w, "Lunch", "Categories/Food"));
		assert_int_equal(at(&w->e, t->calendar, "lunch.ics").ino, ino);
		assert_string_equal(bytes_of(&w->e, ino), bytes);
		assert_int_equal(crm_status(w, t->calendar, "lunch.ics"), SIDE_UNLINKED);
	}
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
	assert_int_equal(crm_count(&w->f), 1);
}

static void a_category_set_in_outlook_moves_the_file(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	struct fake_item *there = outlook_event(t, "Meeting", 2);
	const char *name = name_of(w, "Meeting", 2);
	uint64_t ino;

	cycle(w, ALICE);
	ino = at(&w->e, t->calendar, name).ino;
	for (int twice = 0; twice < 2; twice++) {
		fake_set(box_of(w, ALICE), there, CATEGORY, "true");
		settle(w);
		assert_false(exists(&w->e, t->calendar, name));
		assert_int_equal(at(&w->e, t->view, name).ino, ino);
		assert_false(shows(w, t->view, name, "CATEGORIES"));
		assert_non_null(record_of(w, "Meeting"));
		fake_set(box_of(w, ALICE), there, CATEGORY, NULL);
		settle(w);
		assert_false(exists(&w->e, t->view, name));
		assert_int_equal(at(&w->e, t->calendar, name).ino, ino);
	}
	assert_int_equal(files_in(w, t->calendar) + files_in(w, t->view), 1);
}

static void an_item_that_has_it_arrives_in_the_view(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	fake_set(box_of(w, ALICE), outlook_event(t, "Meeting", 2), CATEGORY, "true");
	settle(w);
	assert_true(exists(&w->e, t->view, name_of(w, "Meeting", 2)));
	assert_int_equal(files_in(w, t->calendar), 0);
	assert_non_null(record_of(w, "Meeting"));
}

static void a_file_made_in_the_view_has_the_category(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	put(&w->e, t->view, "lunch.ics", event(w, "e1", "Lunch", 1, ""));
	put(&w->e, t->task_view, "call.ics", task(w, "t1", "Call"));
	settle(w);
	assert_int_equal(item_there(w, "Lunch")->folder, t->there);
	assert_true(is_categorized(w, "Lunch", CATEGORY));
	assert_true(is_categorized(w, "Call", CATEGORY));
	assert_non_null(record_of(w, "Lunch"));
	assert_non_null(record_of(w, "Call"));
	assert_false(shows(w, t->view, "lunch.ics", "CATEGORIES"));
}

/* vim, khal and vdirsyncer write a draft and rename it over the item. */
static void a_file_rewritten_in_the_view_stays_in_it(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	put(&w->e, t->view, "lunch.ics", event(w, "e1", "Lunch", 1, ""));
	settle(w);
	put(&w->e, t->view, ".tmp", event(w, "e1", "Dinner", 1, "CATEGORIES:Food\r\n"));
	move(&w->e, t->view, ".tmp", t->view, "lunch.ics");
	settle(w);
	assert_true(is_categorized(w, "Dinner", CATEGORY));
	assert_true(is_categorized(w, "Dinner", "Categories/Food"));
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
	assert_non_null(record_of(w, "Dinner"));
	assert_true(exists(&w->e, t->view, "lunch.ics"));
}

static void removing_in_the_view_deletes(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	put(&w->e, t->view, "lunch.ics", event(w, "e1", "Lunch", 1, ""));
	settle(w);
	remove_file(&w->e, t->view, "lunch.ics");
	age(w, MINUTE);
	settle(w);
	assert_null(item_there(w, "Lunch"));
	assert_int_equal(files_in(w, t->view) + files_in(w, t->calendar), 0);
}

/* What the user wrote in the file counts as the place; it goes when he moves the file out. */
static void a_category_written_in_the_file_is_the_place_too(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	uint64_t ino;

	ino = put(&w->e, t->calendar, "lunch.ics",
		event(w, "e1", "Lunch", 1, "CATEGORIES:" VIEW ",Food\r\n"));
	settle(w);
	assert_int_equal(at(&w->e, t->view, "lunch.ics").ino, ino);
	assert_true(shows(w, t->view, "lunch.ics", VIEW));
	move(&w->e, t->view, "lunch.ics", t->calendar, "lunch.ics");
	assert_false(shows(w, t->calendar, "lunch.ics", VIEW));
	assert_true(shows(w, t->calendar, "lunch.ics", "CATEGORIES:Food"));
	settle(w);
	assert_false(is_categorized(w, "Lunch", CATEGORY));
	assert_true(exists(&w->e, t->calendar, "lunch.ics"));
	/* Taken out of the file alone, the place stays. */
	move(&w->e, t->calendar, "lunch.ics", t->view, "lunch.ics");
	edit(w, t->view, "lunch.ics", "CATEGORIES:Food", "CATEGORIES:Food," VIEW);
	settle(w);
	edit(w, t->view, "lunch.ics", "," VIEW, "");
	settle(w);
	assert_true(is_categorized(w, "Lunch", CATEGORY));
	assert_true(exists(&w->e, t->view, "lunch.ics"));
}

/* Removed there, it goes from the file as well. */
static void a_category_removed_there_leaves_the_file(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	put(&w->e, t->calendar, "lunch.ics", event(w, "e1", "Lunch", 1, "CATEGORIES:" VIEW "\r\n"));
	settle(w);
	fake_set(box_of(w, ALICE), item_there(w, "Lunch"), CATEGORY, NULL);
	settle(w);
	assert_true(exists(&w->e, t->calendar, "lunch.ics"));
	assert_false(shows(w, t->calendar, "lunch.ics", VIEW));
	assert_false(is_categorized(w, "Lunch", CATEGORY));
}

/* khal writes the event anew before it removes the old file; until then nothing is doubled. */
static void a_copy_into_the_view_waits_and_takes_over(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	const char *bytes = event(w, "e1", "Lunch", 1, "");
	char id[40];

	put(&w->e, t->calendar, "lunch.ics", bytes);
	settle(w);
	snprintf(id, sizeof(id), "%s", item_there(w, "Lunch")->id);
	put(&w->e, t->view, "copy.ics", bytes);
	settle(w);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
	assert_int_equal(crm_count(&w->f), 0);
	assert_int_equal(state_of(w, t->view, "copy.ics"), ITEM_ERROR);
	remove_file(&w->e, t->calendar, "lunch.ics");
	settle(w);
	assert_string_equal(item_there(w, "Lunch")->id, id);
	assert_true(is_categorized(w, "Lunch", CATEGORY));
	assert_int_equal(state_of(w, t->view, "copy.ics"), ITEM_SYNCED);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
	assert_non_null(record_of(w, "Lunch"));
}

/* A folder made in Outlook below Alice's calendar. */
static int add_folder(struct calendar *t, const char *name)
{
	struct fake_box *box = box_of(t->w, ALICE);
	char *parent AUTOFREE = xstrdup(box->folders[t->there].id);

	return fake_add_folder(&t->w->x, box, parent, name, false);
}

/* ---- folders ------------------------------------------------------------------------------------- */

static void each_folder_has_its_view(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	int team = add_folder(t, "Team");
	uint64_t made = make_dir(&w->e, t->calendar, "Mine"), there, view;

	settle(w);
	there = child(w, t->calendar, "Team");
	view = child(w, there, VIEW);
	assert_true(there && view && child(w, made, VIEW));
	put(&w->e, t->calendar, "lunch.ics", event(w, "e1", "Lunch", 1, ""));
	settle(w);
	move(&w->e, t->calendar, "lunch.ics", view, "lunch.ics");
	settle(w);
	assert_int_equal(item_there(w, "Lunch")->folder, team);
	assert_true(is_categorized(w, "Lunch", CATEGORY));
	/* Moved in Outlook, it keeps its category, and so its view. */
	fake_move(&w->x, box_of(w, ALICE), item_there(w, "Lunch"), t->there);
	settle(w);
	assert_true(exists(&w->e, t->view, "lunch.ics"));
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
}

static void a_real_folder_of_that_name_gets_a_number(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	int real = add_folder(t, VIEW);
	uint64_t shown;

	settle(w);
	shown = child(w, t->calendar, VIEW " (2)");
	assert_true(shown != 0);
	assert_int_equal(child(w, t->calendar, VIEW), t->view);
	assert_string_equal(box_of(w, ALICE)->folders[real].name, VIEW);
	put(&w->e, shown, "lunch.ics", event(w, "e1", "Lunch", 1, ""));
	settle(w);
	assert_int_equal(item_there(w, "Lunch")->folder, real);
	assert_false(is_categorized(w, "Lunch", CATEGORY));
}

static void the_view_has_to_stay_where_it_is(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	struct error err = ERROR_INIT;
	struct store_node node;
	int number = 0;

	assert_int_equal(move_errno(&w->e, t->calendar, VIEW, t->calendar, "Other"), EPERM);
	assert_int_not_equal(commit_rmdir(&w->e.c, t->calendar, VIEW, &number, &err), 0);
	assert_int_equal(number, EPERM);
	assert_int_equal(commit_mkdir(&w->e.c, t->view, "Sub", 0700, &node, &err), ERR_DENIED);
	make_dir(&w->e, t->calendar, "Mine");
	assert_int_equal(move_errno(&w->e, t->calendar, "Mine", t->view, "Mine"), EPERM);
	assert_int_equal(commit_mkdir(&w->e.c, t->view, ".draft", 0700, &node, &err), 0);
}

static void a_folder_goes_with_its_empty_view(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	uint64_t mine = make_dir(&w->e, t->calendar, "Mine");
	struct error err = ERROR_INIT;
	int number = 0;

	settle(w);
	put(&w->e, child(w, mine, VIEW), "lunch.ics", event(w, "e1", "Lunch", 1, ""));
	settle(w);
	assert_int_not_equal(commit_rmdir(&w->e.c, t->calendar, "Mine", &number, &err), 0);
	assert_int_equal(number, ENOTEMPTY);
	move(&w->e, child(w, mine, VIEW), "lunch.ics", t->calendar, "lunch.ics");
	settle(w);
	assert_int_equal(commit_rmdir(&w->e.c, t->calendar, "Mine", &number, &err), 0);
	settle(w);
	assert_false(exists(&w->e, t->calendar, "Mine"));
	assert_int_equal(fake_folder_by_name(box_of(w, ALICE), "Mine"), -1);
	assert_non_null(item_there(w, "Lunch"));
}

static void a_folder_gone_there_takes_its_view_along(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	int team = add_folder(t, "Team");

	settle(w);
	put(&w->e, child(w, child(w, t->calendar, "Team"), VIEW), "lunch.ics",
		event(w, "e1", "Lunch", 1, ""));
	settle(w);
	fake_delete_folder(box_of(w, ALICE), team);
	settle(w);
	assert_false(exists(&w->e, t->calendar, "Team"));
}

static void the_policy_may_name_the_view_anew(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	put(&w->e, t->view, "lunch.ics", event(w, "e1", "Lunch", 1, ""));
	settle(w);
	w->policy.folder = (char *)"Kunden";
	settle(w);
	assert_int_equal(child(w, t->calendar, "Kunden"), t->view);
	assert_false(exists(&w->e, t->calendar, VIEW));
	assert_true(is_categorized(w, "Lunch", "Categories/Kunden"));
	assert_false(is_categorized(w, "Lunch", CATEGORY));
	w->policy.folder = (char *)VIEW;
}

/* A policy that begins later finds what has the category already. */
static void a_view_made_later_finds_its_items(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	int team;

	w->policy.rules[CONFIG_CALENDAR].mode = MODE_OFF;
	team = add_folder(t, "Team");
	settle(w);
	assert_int_equal(child(w, child(w, t->calendar, "Team"), VIEW), 0);
	put(&w->e, child(w, t->calendar, "Team"), "lunch.ics",
		event(w, "e1", "Lunch", 1, "CATEGORIES:" VIEW "\r\n"));
	settle(w);
	w->policy.rules[CONFIG_CALENDAR].mode = MODE_DESIGNATED;
	settle(w);
	assert_true(exists(&w->e, child(w, child(w, t->calendar, "Team"), VIEW), "lunch.ics"));
	assert_int_equal(item_there(w, "Lunch")->folder, team);
}

/* ---- who is designated --------------------------------------------------------------------------- */

static void an_event_that_is_over_is_not_designated(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	put(&w->e, t->view, "old.ics", event(w, "e1", "Old", -3, ""));
	put(&w->e, t->view, "new.ics", event(w, "e2", "New", 3, ""));
	settle(w);
	assert_null(record_of(w, "Old"));
	assert_non_null(record_of(w, "New"));
	assert_int_equal(state_of(w, t->view, "old.ics"), ITEM_SYNCED);
	/* A wider limit brings it. */
	w->policy.event_days = 5;
	settle(w);
	assert_non_null(record_of(w, "Old"));
	/* Linked and aged, it stays linked (I13). */
	w->policy.event_days = 0;
	edit(w, t->view, "old.ics", "SUMMARY:Old", "SUMMARY:Older");
	settle(w);
	assert_non_null(record_of(w, "Older"));
	assert_int_equal(crm_status(w, t->view, "old.ics"), SIDE_LINKED);
}

static void a_series_is_over_with_its_last_occurrence(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	put(&w->e, t->view, "a.ics", event(w, "a", "Endless", -9, "RRULE:FREQ=WEEKLY\r\n"));
	put(&w->e, t->view, "b.ics", event(w, "b", "Going", -9, "RRULE:FREQ=DAILY;COUNT=20\r\n"));
	put(&w->e, t->view, "c.ics", event(w, "c", "Over", -9, "RRULE:FREQ=DAILY;COUNT=3\r\n"));
	settle(w);
	assert_non_null(record_of(w, "Endless"));
	assert_non_null(record_of(w, "Going"));
	assert_null(record_of(w, "Over"));
}

/* Between the series and its exceptions Exchange has none (I12): nobody removed them, whether what we
 * wrote says that it was us or not. */
static void a_series_cut_short_keeps_its_exceptions(void **state)
{
	static const enum fault_mode modes[] = { LOSE_HALFWAY, LOSE_BEFORE, LOSE_AFTER };
	struct calendar *t = *state;
	struct world *w = t->w;

	for (size_t i = 0; i < ARRAY_SIZE(modes) * 4; i++) {
		bool update = i & 1;
		char *name AUTOFREE = xasprintf("s%zu", i);
		char *file AUTOFREE = xasprintf("%s.ics", name);
		const char *key = NULL;
		json_t *value;

		w->x.shows_us = i & 2;
		if (!update)
			net_fault(&w->net, "create", modes[i / 4], 1);
		put(&w->e, t->calendar, file,
			event(w, name, name, 1,
				keep(&w->e, xasprintf("RRULE:FREQ=DAILY;COUNT=5\r\nEXDATE:%s\r\n",
						    stamp(w, 3)))));
		if (update) {
			settle(w);
			net_fault(&w->net, "update", modes[i / 4], 1);
			edit(w, t->calendar, file, "PT1H", "PT2H");
		}
		assert_int_equal(failing_cycle(w, ALICE), ERR_LOST);
		world_reopen(w);
		age(w, 3 * MINUTE);
		settle(w);
		assert_true(shows(w, t->calendar, file, "EXDATE"));
		assert_true(shows(w, t->calendar, file, update ? "PT2H" : "PT1H"));
		json_object_foreach(item_there(w, name)->fields, key, value)
			if (fake_is_later(key))
				break;
		assert_true(key && fake_is_later(key));
		assert_int_equal(state_of(w, t->calendar, file), ITEM_SYNCED);
	}
	assert_int_equal(fake_count(box_of(w, ALICE), -1), ARRAY_SIZE(modes) * 4);
	assert_int_equal(count_conflicts(&w->e), 0);
}

/* The series is there, its exceptions were refused: they stay here, and go with the next edit. */
static void refused_exceptions_stay(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	const char *rule = keep(
		&w->e, xasprintf("RRULE:FREQ=DAILY;COUNT=5\r\nEXDATE:%s\r\n", stamp(w, 3)));

	for (int update = 0; update < 2; update++) {
		net_fault(&w->net, update ? "update" : "create", REFUSE_LATER, 1);
		if (update)
			edit(w, t->calendar, "s.ics", "PT1H", "PT2H");
		else
			put(&w->e, t->calendar, "s.ics", event(w, "s", "Series", 1, rule));
		cycle(w, ALICE);
		cycle(w, ALICE);
		assert_int_equal(state_of(w, t->calendar, "s.ics"), ITEM_ERROR);
		assert_true(shows(w, t->calendar, "s.ics", "EXDATE"));
		assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
		edit(w, t->calendar, "s.ics", update ? "Series!" : "Series", "Series!!");
		edit(w, t->calendar, "s.ics", "Series!!", update ? "Series" : "Series!");
		settle(w);
		assert_int_equal(state_of(w, t->calendar, "s.ics"), ITEM_SYNCED);
		assert_true(shows(w, t->calendar, "s.ics", "EXDATE"));
	}
	assert_int_equal(count_conflicts(&w->e), 0);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
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

static void the_limit_is_midnight_of_the_users_day(void **state)
{
	struct zones zones = { 0 };
	const struct zone *berlin = zones_get(&zones, "Europe/Berlin");
	const struct zone *auckland = zones_get(&zones, "Pacific/Auckland");
	int64_t now, midnight;

	(void)state;
	/* 2026-11-22T12:00Z is 13:00 in Berlin and already the 23rd, 01:00, in Auckland (+13). */
	assert_true(caltime_read_utc("2026-11-22T12:00:00Z", &now));
	assert_true(caltime_read_utc("2026-11-21T23:00:00Z", &midnight));
	assert_int_equal(limit_midnight(now, 0, berlin), midnight);
	assert_true(caltime_read_utc("2026-11-22T11:00:00Z", &midnight));
	assert_int_equal(limit_midnight(now, 0, auckland), midnight);
	assert_true(caltime_read_utc("2026-11-22T00:00:00Z", &midnight));
	assert_int_equal(limit_midnight(now, 0, NULL), midnight);
	/* Summer time ended on 25 October: midnight of the 22nd was 22:00Z the day before. */
	assert_true(caltime_read_utc("2026-10-21T22:00:00Z", &midnight));
	assert_int_equal(limit_midnight(now, EVENTS_LAST_MONTH, berlin), midnight);
	assert_int_equal(limit_midnight(now, 31, berlin), midnight);
	/* 31 March has no day a month before: the last of February. */
	assert_true(caltime_read_utc("2027-03-31T12:00:00Z", &now));
	assert_true(caltime_read_utc("2027-02-28T00:00:00Z", &midnight));
	assert_int_equal(limit_midnight(now, EVENTS_LAST_MONTH, NULL), midnight);
	zones_free(&zones);
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

static struct fake_record *crm_event(
	struct world *w, const char *subject, int days, const char *owner)
{
	struct fake_record *record = crm_add(&w->f, NULL, NULL, NULL);
	struct caltime_date d = caltime_date_of(time(NULL) + days * (int64_t)CALTIME_DAY);

	record->kind = KIND_EVENT;
	snprintf(record->owner, sizeof(record->owner), "%s", owner);
	json_object_set_new(record->fields, "Subject", json_string(subject));
	json_object_set_new(record->fields, "Start",
		json_sprintf("%04d-%02d-%02dT10:00:00Z", d.year, d.month, d.day));
	json_object_set_new(record->fields, "End",
		json_sprintf("%04d-%02d-%02dT11:00:00Z", d.year, d.month, d.day));
	return record;
}

/* ---- the guard ------------------------------------------------------------------------------------ */

static size_t held(struct world *w)
{
	json_t *list = engine_deletes(w->engine);
	size_t n = json_array_size(list);

	json_decref(list);
	return n;
}

static void put_events(struct calendar *t, uint64_t folder, const char *prefix, int n)
{
	for (int i = 0; i < n; i++) {
		const char *uid = keep(&t->w->e, xasprintf("%s%d", prefix, i));

		put(&t->w->e, folder, keep(&t->w->e, xasprintf("%s.ics", uid)),
			event(t->w, uid, uid, 1 + i, ""));
	}
}

static void remove_events(struct calendar *t, uint64_t folder, const char *prefix, int n)
{
	for (int i = 0; i < n; i++)
		remove_file(&t->w->e, folder, keep(&t->w->e, xasprintf("%s%d.ics", prefix, i)));
}

/* Three here and three in the view are all that the calendar has (I9). */
static void a_folder_and_its_view_are_emptied_together(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	put_events(t, t->calendar, "a", 3);
	put_events(t, t->view, "v", 3);
	settle(w);
	assert_int_equal(fake_count(box_of(w, ALICE), t->there), 6);
	remove_events(t, t->calendar, "a", 3);
	remove_events(t, t->view, "v", 3);
	settle(w);
	assert_int_equal(fake_count(box_of(w, ALICE), t->there), 6);
	assert_int_equal(held(w), 6);
}

/* Five of many are no mass deletion, but here they are all of what is synced. */
static void a_view_is_not_emptied_unasked(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	put_events(t, t->calendar, "a", 20);
	put_events(t, t->view, "v", 5);
	settle(w);
	remove_events(t, t->view, "v", 5);
	settle(w);
	assert_int_equal(fake_count(box_of(w, ALICE), t->there), 25);
	assert_int_equal(held(w), 5);
}

/* By owner, start and subject; what has the same subject at another time, or is another's, is not it. */
static void a_record_is_matched_before_one_is_made(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	struct fake_record *mine = crm_event(w, "Lunch", 1, "005000000000000ALI");
	size_t n;

	crm_event(w, "Dinner", 1, "005000000000000BOB");
	n = crm_count(&w->f);
	put(&w->e, t->view, "a.ics", event(w, "a", "Lunch", 1, ""));
	settle(w);
	assert_int_equal(crm_count(&w->f), n);
	edit(w, t->view, "a.ics", "SUMMARY:Lunch", "SUMMARY:Brunch");
	settle(w);
	assert_string_equal(net_text(mine->fields, "Subject"), "Brunch");
	crm_event(w, "Tea", 1, "005000000000000ALI");
	crm_event(w, "Tea", 1, "005000000000000ALI");
	put(&w->e, t->view, "b.ics", event(w, "b", "Tea", 1, ""));
	settle(w);
	assert_int_equal(crm_count(&w->f), n + 2);
	assert_int_equal(state_of(w, t->view, "b.ics"), ITEM_ERROR);
}

/* The org has an external id field, Activity has none: only the match tells what a create without an answer
 * made, and a transaction may commit late (I1). */
static void an_event_without_external_id_is_made_once(void **state)
{
	static const enum fault_mode modes[] = { LOSE_BEFORE, LOSE_AFTER };
	struct calendar *t = *state;
	struct world *w = t->w;

	w->f.activities_have_none = true;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		const char *title = i ? "Dinner" : "Lunch";

		/* Of another object, and alike but for that. */
		crm_event(w, title, 9, "005000000000000ALI")->kind = KIND_TASK;
		w->f.records[w->f.n - 1].created_by_us = true;
		put(&w->e, t->view, i ? "b.ics" : "a.ics", event(w, i ? "b" : "a", title, 1, ""));
		net_fault(&w->net, "crm_create", modes[i], 1);
		assert_int_equal(failing_cycle(w, ALICE), ERR_LOST);
		age(w, 3 * MINUTE);
		cycle(w, ALICE);
		assert_int_equal(crm_count(&w->f), 2 * i + 1 + (modes[i] == LOSE_AFTER));
		age(w, 10 * MINUTE);
		settle(w);
		assert_int_equal(crm_count(&w->f), 2 * i + 2);
		assert_int_equal(crm_status(w, t->view, i ? "b.ics" : "a.ics"), SIDE_LINKED);
	}
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
		CALENDAR(three_kinds_in_one_cycle),
		CALENDAR(between_kinds_nothing_moves),
		CALENDAR(an_event_keeps_the_uid_it_has_in_exchange),
		CALENDAR(an_event_and_a_task_may_share_a_uid),
		CALENDAR(each_key_of_a_map_is_merged_alone),
		CALENDAR(moving_into_the_view_sets_a_category_and_no_byte),
		CALENDAR(a_category_set_in_outlook_moves_the_file),
		CALENDAR(an_item_that_has_it_arrives_in_the_view),
		CALENDAR(a_file_made_in_the_view_has_the_category),
		CALENDAR(a_file_rewritten_in_the_view_stays_in_it),
		CALENDAR(removing_in_the_view_deletes),
		CALENDAR(a_category_written_in_the_file_is_the_place_too),
		CALENDAR(a_category_removed_there_leaves_the_file),
		CALENDAR(a_copy_into_the_view_waits_and_takes_over),
		CALENDAR(each_folder_has_its_view),
		CALENDAR(a_real_folder_of_that_name_gets_a_number),
		CALENDAR(the_view_has_to_stay_where_it_is),
		CALENDAR(a_folder_goes_with_its_empty_view),
		CALENDAR(a_folder_gone_there_takes_its_view_along),
		CALENDAR(the_policy_may_name_the_view_anew),
		CALENDAR(a_view_made_later_finds_its_items),
		CALENDAR(an_event_that_is_over_is_not_designated),
		CALENDAR(a_series_is_over_with_its_last_occurrence),
		CALENDAR(a_series_cut_short_keeps_its_exceptions),
		CALENDAR(refused_exceptions_stay),
		CALENDAR(series_are_left_out_where_the_policy_says_so),
		cmocka_unit_test(the_limit_is_midnight_of_the_users_day),
		CALENDAR(what_is_private_stays_here),
		CALENDAR(a_folder_and_its_view_are_emptied_together),
		CALENDAR(a_view_is_not_emptied_unasked),
		CALENDAR(a_record_is_matched_before_one_is_made),
		CALENDAR(an_event_without_external_id_is_made_once),
		CALENDAR(records_are_imported_into_the_view),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
