/* The world of world.h with a calendar and a task folder in each mailbox, and the words for events and
 * tasks. */
#ifndef TESTS_UNIT_SYNC_ENGINE_CALENDAR_WORLD_H
#define TESTS_UNIT_SYNC_ENGINE_CALENDAR_WORLD_H

#include "sync/formats/caltime.h"
#include "tests/unit/sync/engine/world.h"

#define VIEW	 "Salesforce_Sync"
#define CATEGORY "Categories/" VIEW

struct calendar {
	struct world *w;
	uint64_t calendar, view, tasks, task_view;
	int there, tasks_there; /* indexes of the folders in Exchange */
};

static inline int calendar_setup(void **state)
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

static inline int calendar_teardown(void **state)
{
	struct calendar *t = *state;

	*state = t->w;
	free(t);
	return world_teardown(state);
}

#define CALENDAR(name) cmocka_unit_test_setup_teardown(name, calendar_setup, calendar_teardown)

/* ---- files ----------------------------------------------------------------------------------- */

static inline struct caltime_date day_from_now(int days)
{
	return caltime_date_of(time(NULL) + days * (int64_t)CALTIME_DAY);
}

/* "20261124T100000Z", so many days from now. */
static inline const char *stamp(struct world *w, int days)
{
	struct caltime_date d = day_from_now(days);

	return keep(&w->e, xasprintf("%04d%02d%02dT100000Z", d.year, d.month, d.day));
}

/* An event of an hour as a calendar program writes it; more: whole lines. */
static inline const char *event(
	struct world *w, const char *uid, const char *title, int days, const char *more)
{
	return keep(&w->e, xasprintf("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n"
				     "BEGIN:VEVENT\r\nUID:%s\r\nDTSTAMP:20261101T000000Z\r\n"
				     "DTSTART:%s\r\nDURATION:PT1H\r\nSUMMARY:%s\r\n%sEND:VEVENT\r\n"
				     "END:VCALENDAR\r\n",
				   uid, stamp(w, days), title, more));
}

static inline const char *task(struct world *w, const char *uid, const char *title)
{
	return keep(&w->e, xasprintf("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n"
				     "BEGIN:VTODO\r\nUID:%s\r\nDTSTAMP:20261101T000000Z\r\n"
				     "SUMMARY:%s\r\nEND:VTODO\r\nEND:VCALENDAR\r\n",
				   uid, title));
}

/* The name that the file of an event made elsewhere gets. */
static inline const char *name_of(struct world *w, const char *subject, int days)
{
	struct caltime_date d = day_from_now(days);

	return keep(&w->e, xasprintf("%04d-%02d-%02d %s.ics", d.year, d.month, d.day, subject));
}

/* ---- in Exchange ----------------------------------------------------------------------------- */

static inline struct fake_item *item_there(struct world *w, const char *subject)
{
	return there_with(w, ALICE, "Subject", subject);
}

static inline bool is_categorized(struct world *w, const char *subject, const char *category)
{
	return json_is_true(json_object_get(item_there(w, subject)->fields, category));
}

/* Made with Outlook, so many days from now. */
static inline struct fake_item *outlook_event(struct calendar *t, const char *subject, int days)
{
	struct world *w = t->w;
	struct fake_item *item = fake_add(&w->x, box_of(w, ALICE), t->there);
	struct caltime_date d = day_from_now(days);

	json_object_set_new(item->fields, "Subject", json_string(subject));
	json_object_set_new(item->fields, "Time",
		json_pack("{s:o, s:s, s:s}", "start",
			json_sprintf("%04d-%02d-%02dT10:00:00", d.year, d.month, d.day), "timeZone",
			"Etc/UTC", "duration", "PT1H"));
	fake_touched(box_of(w, ALICE), item, false);
	return item;
}

/* A folder made in Outlook below Alice's calendar. */
static inline int add_folder(struct calendar *t, const char *name)
{
	struct fake_box *box = box_of(t->w, ALICE);
	char *parent AUTOFREE = xstrdup(box->folders[t->there].id);

	return fake_add_folder(&t->w->x, box, parent, name, false);
}

/* ---- in the CRM ------------------------------------------------------------------------------ */

static inline struct fake_record *record_of(struct world *w, const char *subject)
{
	return record_with(w, "Subject", subject);
}

/* An event of an hour, so many days from now, made in the CRM. */
static inline struct fake_record *crm_event(
	struct world *w, const char *subject, int days, const char *owner)
{
	struct fake_record *record = crm_add(&w->f, NULL, NULL, NULL);
	struct caltime_date d = day_from_now(days);

	record->kind = KIND_EVENT;
	snprintf(record->owner, sizeof(record->owner), "%s", owner);
	json_object_set_new(record->fields, "Subject", json_string(subject));
	json_object_set_new(record->fields, "Start",
		json_sprintf("%04d-%02d-%02dT10:00:00Z", d.year, d.month, d.day));
	json_object_set_new(record->fields, "End",
		json_sprintf("%04d-%02d-%02dT11:00:00Z", d.year, d.month, d.day));
	return record;
}

#endif
