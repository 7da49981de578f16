/* What the server makes of a Task: status, percent and completion together, and the next one of a
 * series.
 *
 * Start, due and completion are days without a zone, kept as their midnight.  A series of tasks is
 * one item that stands for the task that is due; completed, it leaves a copy that recurs no more
 * and goes on to the next day of its pattern, or so long after the completion. */
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews_calendar.h"

static int row(const struct ews_item *item, const char *uri)
{
	return ews_prop_by_uri(item->mailbox->ews, uri);
}

/* Whether the request wrote this property, be it with the value that it had. */
static bool written(const struct ews_item *item, const char *uri)
{
	int prop = row(item, uri);

	for (size_t i = 0; i < item->n_values; i++)
		if (item->values[i].prop == prop && item->values[i].change == item->change + 1)
			return true;
	return false;
}

static bool status_is(const struct ews_item *item, const char *status)
{
	const char *now = ews_get_uri(item, "task:Status");

	return !strcmp(now ? now : "NotStarted", status);
}

static double percent(const struct ews_item *item)
{
	const char *text = ews_get_uri(item, "task:PercentComplete");

	return text ? strtod(text, NULL) : 0;
}

static int64_t today(const struct ews_item *item)
{
	return ews_day_of(sim_now_ns(item->mailbox->ews->sim) / 1000000000);
}

static void put_day(struct ews_item *item, const char *uri, int64_t day)
{
	char *text AUTOFREE = ews_seconds_text(day * EWS_DAY);

	ews_put_uri(item, uri, text);
}

static bool get_day(const struct ews_item *item, const char *uri, int64_t *day)
{
	const char *text = ews_get_uri(item, uri);

	if (text)
		*day = ews_day_of(ews_seconds(text));
	return text;
}

static void complete(struct ews_item *item)
{
	int64_t day;

	ews_put_uri(item, "task:Status", "Completed");
	ews_put_uri(item, "task:PercentComplete", "100");
	if (!get_day(item, "task:CompleteDate", &day))
		put_day(item, "task:CompleteDate", today(item));
}

static void not_complete(struct ews_item *item, const char *status, const char *percent_text)
{
	ews_put_uri(item, "task:Status", status);
	if (percent_text)
		ews_put_uri(item, "task:PercentComplete", percent_text);
	ews_put_uri(item, "task:CompleteDate", NULL);
}

static int settle_completion(struct ews_item *item, struct ews_error *err)
{
	bool date = written(item, "task:CompleteDate"), status = written(item, "task:Status");
	int64_t day;

	if (percent(item) < 0 || percent(item) > 100)
		return ews_fail(err, "ErrorValueOutOfRange", "PercentComplete is from 0 to 100.");
	if (date && get_day(item, "task:CompleteDate", &day)) {
		if (day > today(item) + 1) /* it may be tomorrow already where the client is */
			return ews_fail(err, "ErrorInvalidCompleteDate",
				"The complete date is in the future.");
		complete(item);
	} else if (status && status_is(item, "Completed")) {
		complete(item);
	} else if (status) {
		bool not_started = status_is(item, "NotStarted");

		ews_put_uri(item, "task:CompleteDate", NULL);
		if (not_started || percent(item) >= 100)
			ews_put_uri(item, "task:PercentComplete", "0");
	} else if (date) {
		not_complete(item, "NotStarted", "0");
	} else if (written(item, "task:PercentComplete")) {
		if (percent(item) >= 100)
			complete(item);
		else if (percent(item) <= 0)
			not_complete(item, "NotStarted", NULL);
		else if (status_is(item, "NotStarted") || status_is(item, "Completed"))
			not_complete(item, "InProgress", NULL);
	}
	return 0;
}

/* A task is not due before it starts: what the request wrote moves the other. */
static void settle_days(struct ews_item *item)
{
	int64_t start, due;

	if (!get_day(item, "task:StartDate", &start) || !get_day(item, "task:DueDate", &due) ||
		due >= start)
		return;
	if (written(item, "task:StartDate"))
		put_day(item, "task:DueDate", start);
	else
		put_day(item, "task:StartDate", due);
}

static int settle_recurrence(struct ews_item *item, struct ews_error *err)
{
	struct ews_recurrence r;
	struct ews_days days;
	int64_t first, day;
	char *text AUTOFREE = NULL;

	if (!ews_recurrence_of(item, &r))
		return 0;
	ews_days_begin(&days, &r);
	first = r.start;
	if (r.pattern < EWS_P_AGAIN_DAYS && !ews_days_next(&days, &first))
		return ews_fail(
			err, "ErrorRecurrenceHasNoOccurrence", "The recurrence has no occurrence.");
	text = ews_recurrence_text(&r);
	if (strcmp(text, ews_get_uri(item, "task:Recurrence")) != 0)
		ews_put_uri(item, "task:Recurrence", text);
	if (!get_day(item, "task:DueDate", &day) && !get_day(item, "task:StartDate", &day)) {
		put_day(item, "task:StartDate", first);
		put_day(item, "task:DueDate", first);
	}
	return 0;
}

int ews_task_settle(struct ews_item *item, struct ews_error *err)
{
	if (settle_completion(item, err))
		return -1;
	settle_days(item);
	return settle_recurrence(item, err);
}

/* Series ------------------------------------------------------------------------------------- */

/* The day after this one that the series goes on with; false at its end. */
static bool next_day(
	struct ews_item *item, struct ews_recurrence *r, int64_t current, int64_t *next)
{
	struct ews_days days;
	int64_t done = today(item);

	if (r->pattern < EWS_P_AGAIN_DAYS) {
		ews_days_begin(&days, r);
		while (ews_days_next(&days, next))
			if (*next > current)
				return true;
		return false;
	}
	/* These count down: what is left is what still comes. */
	get_day(item, "task:CompleteDate", &done);
	*next = ews_days_after(r, done);
	if (r->count == 1 || *next > r->end)
		return false;
	if (r->count) {
		char *text AUTOFREE = NULL;

		r->count--;
		text = ews_recurrence_text(r);
		ews_put_uri(item, "task:Recurrence", text);
	}
	return true;
}

static void shift(struct ews_item *item, const char *uri, int64_t by)
{
	const char *text = ews_get_uri(item, uri);

	if (text) {
		char *moved AUTOFREE = ews_seconds_text(ews_seconds(text) + by * EWS_DAY);

		ews_put_uri(item, uri, moved);
	}
}

static bool go_on(struct ews_item *item)
{
	struct ews_recurrence r;
	int64_t current, next;

	if (!ews_recurrence_of(item, &r))
		return false;
	if (!get_day(item, "task:DueDate", &current) && !get_day(item, "task:StartDate", &current))
		current = r.start;
	if (!next_day(item, &r, current, &next))
		return false;
	shift(item, "task:StartDate", next - current);
	shift(item, "task:DueDate", next - current);
	shift(item, "item:ReminderDueBy", next - current);
	not_complete(item, "NotStarted", "0");
	ews_put_uri(item, "task:ActualWork", NULL);
	return true;
}

void ews_task_saved(struct ews_ctx *c, struct ews_item *item)
{
	struct ews_item *done;

	if (item->kind != EWS_TASK || !status_is(item, "Completed") ||
		!ews_get_uri(item, "task:Recurrence"))
		return;
	done = ews_item_scratch(item);
	if (!go_on(item)) {
		ews_item_discard(done);
		return;
	}
	done->created = sim_now_ns(c->ews->sim);
	ews_put_uri(done, "task:Recurrence", NULL);
	ews_put_uri(done, "item:ReminderIsSet", NULL);
	ews_item_insert(c->ews, done, ews_actor(c));
	ews_item_touch(c->ews, item, ews_actor(c), false);
}

int ews_task_skip(struct ews_ctx *c, struct ews_item *item, struct ews_error *err)
{
	if (!go_on(item))
		return ews_fail(err, "ErrorCannotDeleteTaskOccurrence",
			"The last occurrence of a task can't be deleted alone.");
	ews_item_touch(c->ews, item, ews_actor(c), false);
	return 0;
}

char *ews_c_status_text(const struct ews_item *item)
{
	static const char *const texts[][2] = { { "NotStarted", "Not Started" },
		{ "InProgress", "In Progress" }, { "Completed", "Completed" },
		{ "WaitingOnOthers", "Waiting on someone else" }, { "Deferred", "Deferred" } };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (status_is(item, texts[i][0]))
			return xstrdup(texts[i][1]);
	return NULL;
}

char *ews_c_change_count(const struct ews_item *item)
{
	return xasprintf("%zu", item->n_history);
}
