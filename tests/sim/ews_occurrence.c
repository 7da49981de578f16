/* Occurrences and exceptions of a series.
 *
 * An occurrence has no place in a folder: it is made from its master when a request names it, by
 * an id that holds the master's and the day of the pattern, or by its index.  What an update
 * changes in it is kept with the master as an exception; a deleted one is an exception without
 * properties.  Either is a change of the master, whose ChangeKey occurrences share. */
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews_calendar.h"

/* Behind the master's id: a mark and the day in four bytes. */
enum { MARK = 0x49, TAIL = 5 };

bool ews_series_of(const struct ews_item *master, struct ews_series *out)
{
	const char *start = ews_get_uri(master, "calendar:Start");
	const char *end = ews_get_uri(master, "calendar:End");
	int64_t from, to;

	if (master->kind != EWS_CALENDAR || master->master || !start || !end ||
		!ews_recurrence_of(master, &out->r))
		return false;
	out->zone = ews_item_zone(master);
	from = ews_zone_local(out->zone, ews_seconds(start));
	to = ews_zone_local(out->zone, ews_seconds(end));
	out->time = from - ews_day_of(from) * EWS_DAY;
	out->length = to - from;
	return true;
}

int64_t ews_series_start(const struct ews_series *s, int64_t day)
{
	return ews_zone_utc(s->zone, day * EWS_DAY + s->time);
}

int64_t ews_series_end(const struct ews_series *s, int64_t day)
{
	return ews_zone_utc(s->zone, day * EWS_DAY + s->time + s->length);
}

const struct ews_exception *ews_exception_on(const struct ews_item *master, int64_t day)
{
	for (size_t i = 0; i < master->n_exceptions; i++)
		if (master->exceptions[i].day == day)
			return &master->exceptions[i];
	return NULL;
}

bool ews_occurrence_times(const struct ews_item *master, const struct ews_series *s, int64_t day,
	int64_t *start, int64_t *end)
{
	const struct ews_exception *e = ews_exception_on(master, day);

	if (e && !e->item)
		return false;
	*start = e ? ews_seconds(ews_get_uri(e->item, "calendar:Start")) : ews_series_start(s, day);
	*end = e ? ews_seconds(ews_get_uri(e->item, "calendar:End")) : ews_series_end(s, day);
	return true;
}

/* Exceptions --------------------------------------------------------------------------------- */

static void exception_free(struct ews_exception *e)
{
	if (e->item)
		ews_item_discard(e->item);
	e->item = NULL;
}

void ews_exceptions_free(struct ews_item *item)
{
	for (size_t i = 0; i < item->n_exceptions; i++)
		exception_free(&item->exceptions[i]);
	free(item->exceptions);
	item->exceptions = NULL;
	item->n_exceptions = 0;
}

/* In the order of their days. */
struct ews_exception *ews_exception_at(struct ews_item *master, int64_t day)
{
	size_t at = 0;

	while (at < master->n_exceptions && master->exceptions[at].day < day)
		at++;
	if (at < master->n_exceptions && master->exceptions[at].day == day)
		return &master->exceptions[at];
	master->exceptions = xreallocarray(
		master->exceptions, master->n_exceptions + 1, sizeof(*master->exceptions));
	memmove(master->exceptions + at + 1, master->exceptions + at,
		(master->n_exceptions - at) * sizeof(*master->exceptions));
	master->n_exceptions++;
	master->exceptions[at] = (struct ews_exception){ .day = day };
	return &master->exceptions[at];
}

void ews_exceptions_copy(struct ews_item *to, const struct ews_item *from)
{
	for (size_t i = 0; i < from->n_exceptions; i++) {
		struct ews_exception *e = ews_exception_at(to, from->exceptions[i].day);

		if (from->exceptions[i].item)
			e->item = ews_item_scratch(from->exceptions[i].item);
	}
}

/* A row that is one value although it has many cells. */
static bool whole(int prop)
{
	return ews_props[prop].type == EWS_T_LIST || ews_props[prop].type == EWS_T_BODY;
}

static bool same_text(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

static bool row_differs(const struct ews_item *a, const struct ews_item *b, int prop)
{
	for (size_t i = 0; i < a->n_values; i++) {
		const struct ews_value *v = &a->values[i];

		if (v->prop == prop && !same_text(v->text, ews_get(b, prop, v->key, v->part)))
			return true;
	}
	return false;
}

static void override_cell(struct ews_item *into, const struct ews_value *v, const char *text)
{
	struct ews_value *cell = ews_cell(into, v->prop, v->key, v->part);

	free(cell->text);
	cell->text = xstrdup(text);
	cell->change = v->change;
}

/* The cells of `scratch` in which it differs from `base`: also the empty ones. */
static void store_values(struct ews_item *into, const struct ews_item *scratch,
	const struct ews_item *base, const struct ews_item *from)
{
	for (size_t i = 0; i < from->n_values; i++) {
		const struct ews_value *v = &from->values[i];
		const char *text = ews_get(scratch, v->prop, v->key, v->part);
		bool times = !strcmp(ews_props[v->prop].element, "Start") ||
			     !strcmp(ews_props[v->prop].element, "End");

		if (times || !same_text(text, ews_get(base, v->prop, v->key, v->part)) ||
			(whole(v->prop) && (row_differs(scratch, base, v->prop) ||
						   row_differs(base, scratch, v->prop))))
			override_cell(into, v, text);
	}
}

static const struct ews_ext_value *ext_of(
	const struct ews_item *item, const struct ews_ext_name *name)
{
	for (size_t i = 0; i < item->n_ext; i++)
		if (item->ext[i].name == name)
			return &item->ext[i];
	return NULL;
}

static bool same_ext(const struct ews_ext_value *a, const struct ews_ext_value *b)
{
	if (!a || !b || a->n != b->n)
		return (!a || !a->n) && (!b || !b->n);
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->values[i], b->values[i]) != 0)
			return false;
	return true;
}

static void store_ext(
	struct ews_item *into, const struct ews_item *scratch, const struct ews_item *base)
{
	for (size_t i = 0; i < scratch->n_ext; i++) {
		const struct ews_ext_value *v = &scratch->ext[i];

		if (!same_ext(v, ext_of(base, v->name)))
			ews_ext_store(ews_ext_slot(&into->ext, &into->n_ext, v->name), v->values,
				v->n, v->change);
	}
}

/* Occurrences as items ----------------------------------------------------------------------- */

char *ews_occurrence_id(const struct ews_item *master, int64_t day)
{
	size_t len;
	unsigned char *raw = base64_decode(master->id, &len);
	uint32_t bits = (uint32_t)(int32_t)day;
	char *id;

	raw = xreallocarray(raw, len + TAIL, 1);
	raw[len] = MARK;
	for (int i = 0; i < 4; i++)
		raw[len + 1 + (size_t)i] = (unsigned char)(bits >> (8 * (3 - i)));
	id = base64_encode(raw, len + TAIL);
	free(raw);
	return id;
}

/* The master of an occurrence's id, and the day in it; NULL when it is no such id. */
static struct ews_item *master_of_id(struct ews *ews, const char *id, int64_t *day)
{
	size_t len;
	unsigned char *raw = base64_decode(id, &len);
	struct ews_item *master = NULL;
	uint32_t bits = 0;

	if (raw && len > TAIL && raw[len - TAIL] == MARK) {
		char *master_id AUTOFREE = base64_encode(raw, len - TAIL);

		for (size_t i = len - 4; i < len; i++)
			bits = bits << 8 | raw[i];
		*day = (int32_t)bits;
		master = xmlHashLookup(ews->items, (const xmlChar *)master_id);
	}
	free(raw);
	return master;
}

bool ews_is_occurrence_id(struct ews_ctx *c, const char *id)
{
	int64_t day;

	return master_of_id(c->ews, id, &day);
}

static const char *const series_rows[] = { "calendar:Recurrence", "calendar:Start", "calendar:End",
	"item:ReminderDueBy" };

static void apply_exception(struct ews_item *view, const struct ews_item *exception)
{
	for (size_t i = 0; i < exception->n_values; i++)
		if (whole(exception->values[i].prop))
			ews_clear(view, exception->values[i].prop, -1);
	for (size_t i = 0; i < exception->n_values; i++)
		override_cell(view, &exception->values[i], exception->values[i].text);
	for (size_t i = 0; i < exception->n_ext; i++) {
		const struct ews_ext_value *v = &exception->ext[i];

		ews_ext_store(ews_ext_slot(&view->ext, &view->n_ext, v->name), v->values, v->n,
			v->change);
	}
}

static void put_times(struct ews_item *view, int64_t start, int64_t end)
{
	char *from AUTOFREE = ews_seconds_text(start), *to AUTOFREE = ews_seconds_text(end);

	ews_put_uri(view, "calendar:Start", from);
	ews_put_uri(view, "calendar:End", to);
	ews_put_uri(view, "item:ReminderDueBy", from);
}

static struct ews_item *make_view(struct ews_item *master, const struct ews_series *s, int64_t day,
	const struct ews_exception *e)
{
	struct ews_item *view = ews_item_scratch(master);

	view->master = master;
	view->day = day;
	view->id = ews_occurrence_id(master, day);
	view->created = master->created;
	view->attachments = master->attachments; /* not its own */
	view->modified = master->modified;
	view->modified_by = xstrdup(master->modified_by);
	memcpy(view->search_key, master->search_key, EWS_KEY_LEN);
	for (size_t i = 0; i < ARRAY_SIZE(series_rows); i++)
		ews_clear(view, ews_prop_by_uri(master->mailbox->ews, series_rows[i]), -1);
	put_times(view, ews_series_start(s, day), ews_series_end(s, day));
	if (e && e->item) {
		view->is_exception = true;
		apply_exception(view, e->item);
	}
	return view;
}

struct ews_item *ews_occurrence_view(struct ews_item *master, int64_t day)
{
	struct ews_series s;

	if (!ews_series_of(master, &s))
		return NULL;
	return make_view(master, &s, day, ews_exception_on(master, day));
}

void ews_occurrence_free(struct ews_item *view)
{
	free(view->id);
	view->attachments = NULL; /* its series' */
	ews_item_discard(view);
}

/* A view that ends with the request. */
static struct ews_item *request_view(struct ews_ctx *c, struct ews_item *master, int64_t day)
{
	struct ews_item *view = ews_occurrence_view(master, day);

	view->next = c->views;
	c->views = view;
	return view;
}

/* Finding ------------------------------------------------------------------------------------ */

static struct ews_item *occurrence_on(
	struct ews_ctx *c, struct ews_item *master, int64_t day, struct ews_error *err)
{
	const struct ews_exception *e = ews_exception_on(master, day);

	if (!e || e->item)
		return request_view(c, master, day);
	ews_fail(err, "ErrorCalendarOccurrenceIsDeletedFromRecurrence",
		"The occurrence was deleted from the recurrence.");
	return NULL;
}

static struct ews_item *find_by_day(
	struct ews_ctx *c, struct ews_item *master, int64_t day, struct ews_error *err)
{
	struct ews_series s;
	struct ews_days days;
	int64_t at;

	if (ews_series_of(master, &s)) {
		ews_days_begin(&days, &s.r);
		while (ews_days_next(&days, &at) && at <= day)
			if (at == day)
				return occurrence_on(c, master, day, err);
	}
	ews_fail(err, "ErrorItemNotFound", "The specified object was not found in the store.");
	return NULL;
}

static struct ews_item *find_by_index(
	struct ews_ctx *c, struct ews_item *master, long index, struct ews_error *err)
{
	struct ews_series s;
	struct ews_days days;
	int64_t day;

	if (!ews_series_of(master, &s)) {
		ews_fail(err, "ErrorCalendarCannotUseIdForRecurringMasterId",
			"The id is not that of a recurring master.");
		return NULL;
	}
	ews_days_begin(&days, &s.r);
	while (index > 0 && ews_days_next(&days, &day))
		if (days.index == index)
			return occurrence_on(c, master, day, err);
	ews_fail(err, "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange",
		"The occurrence index is out of the range of the recurrence.");
	return NULL;
}

/* <OccurrenceItemId RecurringMasterId="..." InstanceIndex="..."/> */
static struct ews_item *find_instance(
	struct ews_ctx *c, const xmlNode *id, struct ews_item *master, struct ews_error *err)
{
	char *index AUTOFREE = xml_get(id, "InstanceIndex");

	return find_by_index(c, master, index ? strtol(index, NULL, 10) : 0, err);
}

struct ews_item *ews_find_occurrence(struct ews_ctx *c, const xmlNode *id, struct ews_error *err)
{
	bool instance = xml_is(id, "OccurrenceItemId"), up = xml_is(id, "RecurringMasterItemId");
	char *text AUTOFREE = xml_get(id, instance ? "RecurringMasterId"
					  : up	   ? "OccurrenceId"
						   : "Id");
	struct ews_item *master = NULL;
	int64_t day = 0;

	master = text ? master_of_id(c->ews, text, &day) : NULL;
	if (instance && master) {
		ews_fail(err, "ErrorCalendarCannotUseIdForRecurringMasterId",
			"The id of an occurrence is not that of a recurring master.");
		return NULL;
	}
	if (instance && text)
		master = xmlHashLookup(c->ews->items, (const xmlChar *)text);
	if (!master || !ews_may_open(c, master->mailbox)) {
		if (up && text && xmlHashLookup(c->ews->items, (const xmlChar *)text))
			ews_fail(err, "ErrorCalendarCannotUseIdForOccurrenceId",
				"The id is not that of an occurrence.");
		else if (!text || !ews_id_well_formed(text))
			ews_fail(err, "ErrorInvalidIdMalformed", "Id is malformed.");
		else
			ews_fail(err, "ErrorItemNotFound",
				"The specified object was not found in the store.");
		return NULL;
	}
	if (instance)
		return find_instance(c, id, master, err);
	return up ? master : find_by_day(c, master, day, err);
}

/* Changing ----------------------------------------------------------------------------------- */

/* The occurrences around a day that are not deleted; false where there is none. */
struct neighbours {
	bool has_before, has_after;
	int64_t before_start, before_end, after_start, after_end;
};

static void find_neighbours(const struct ews_item *master, const struct ews_series *s, int64_t day,
	struct neighbours *out)
{
	struct ews_days days;
	int64_t at, start, end;

	*out = (struct neighbours){ 0 };
	ews_days_begin(&days, &s->r);
	while (!out->has_after && ews_days_next(&days, &at)) {
		if (at == day || !ews_occurrence_times(master, s, at, &start, &end))
			continue;
		if (at < day) {
			out->has_before = true;
			out->before_start = start;
			out->before_end = end;
		} else {
			out->has_after = true;
			out->after_start = start;
			out->after_end = end;
		}
	}
}

static int64_t local_day(const struct ews_series *s, int64_t utc)
{
	return ews_day_of(ews_zone_local(s->zone, utc));
}

/* An occurrence stays between its neighbours, overlaps none, and shares its day with none. */
int ews_occurrence_settle(
	struct ews_item *occurrence, const struct ews_item *old, struct ews_error *err)
{
	int64_t start = ews_seconds(ews_get_uri(occurrence, "calendar:Start"));
	int64_t end = ews_seconds(ews_get_uri(occurrence, "calendar:End"));
	struct neighbours n;
	struct ews_series s;

	if (ews_get_uri(occurrence, "calendar:Recurrence"))
		return ews_fail(err, "ErrorInvalidPropertySet",
			"Set action is invalid for property calendar:Recurrence of an occurrence.");
	if (!ews_series_of(old->master, &s))
		return 0;
	find_neighbours(old->master, &s, old->day, &n);
	if ((n.has_before && (n.before_end > start ||
				     local_day(&s, n.before_start) >= local_day(&s, start))) ||
		(n.has_after && (n.after_start < end ||
					local_day(&s, n.after_start) <= local_day(&s, start))))
		return ews_fail(err, "ErrorOccurrenceCrossingBoundary",
			"Modified occurrence is crossing or overlapping adjacent occurrence.");
	return 0;
}

void ews_exception_save(struct ews_ctx *c, struct ews_item *view, const struct ews_item *scratch)
{
	struct ews_item *master = view->master, *base;
	struct ews_exception *e;
	struct ews_series s;

	if (!ews_series_of(master, &s))
		return;
	e = ews_exception_at(master, view->day);
	base = make_view(master, &s, view->day, NULL);
	exception_free(e);
	e->item = ews_item_new(c->ews, master->folder, EWS_CALENDAR);
	store_values(e->item, scratch, base, scratch);
	store_values(e->item, scratch, base, base);
	store_ext(e->item, scratch, base);
	ews_occurrence_free(base);
	ews_item_touch(c->ews, master, ews_actor(c), false);
	view->is_exception = true;
	view->change = master->change;
}

int ews_occurrence_delete(struct ews_ctx *c, struct ews_item *view, struct ews_error *err)
{
	struct ews_item *master = view->master;
	struct ews_days days;
	struct ews_series s;
	int64_t day, start, end;
	bool others = false;

	if (!ews_series_of(master, &s))
		return ews_fail(err, "ErrorItemNotFound", "The series is gone.");
	ews_days_begin(&days, &s.r);
	while (!others && ews_days_next(&days, &day))
		others = day != view->day && ews_occurrence_times(master, &s, day, &start, &end);
	if (!others)
		return ews_fail(err, "ErrorRecurrenceHasNoOccurrence",
			"The last occurrence of a recurrence can't be deleted.");
	exception_free(ews_exception_at(master, view->day));
	ews_item_touch(c->ews, master, ews_actor(c), false);
	return 0;
}
