/* FindItem and FindFolder: what lies in a folder, restricted, sorted, in pages. */
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews_calendar.h"

#define MAX_SORT 4
/* Of a CalendarView: the days it may span, and what it gives when it names no maximum. */
#define VIEW_DAYS 732
#define VIEW_MAX  1000

/* One page of `total`: [first, end), and what the answer says of it. */
struct paging {
	size_t first, end;
	size_t next;
	bool last;
	bool indexed;
};

static long number(const xmlNode *view, const char *attribute, long otherwise)
{
	char *text AUTOFREE = xml_get(view, attribute);

	return text ? strtol(text, NULL, 10) : otherwise;
}

static int page(const xmlNode *view, size_t total, struct paging *out, struct ews_error *err)
{
	long max = number(view, "MaxEntriesReturned", -1), offset = 0;
	char *base AUTOFREE = xml_get(view, "BasePoint");

	*out = (struct paging){ .indexed = view };
	if (view && max == 0)
		return ews_fail(err, "ErrorInvalidPagingMaxRows",
			"The maximum number of entries must be greater than zero.");
	if (view && strstr((const char *)view->name, "Indexed"))
		offset = number(view, "Offset", 0);
	if (view && strstr((const char *)view->name, "Fractional"))
		offset = number(view, "Denominator", 1)
				 ? (long)total * number(view, "Numerator", 0) /
					   number(view, "Denominator", 1)
				 : 0;
	if (offset < 0)
		return ews_fail(err, "ErrorInvalidIndexedPagingParameters",
			"The offset must not be negative.");
	out->first = (size_t)offset < total ? (size_t)offset : total;
	out->end = max > 0 && (size_t)max < total - out->first ? out->first + (size_t)max : total;
	out->last = out->end == total;
	out->next = out->end;
	if (base && !strcmp(base, "End")) {
		size_t first = total - out->end, end = total - out->first;

		out->first = first;
		out->end = end;
	}
	return 0;
}

static void open_root(struct ews_ctx *c, const struct paging *p, size_t total)
{
	ews_message_begin(c, "Success");
	buf_adds(&c->out, "<m:RootFolder");
	if (p->indexed)
		buf_addf(&c->out, " IndexedPagingOffset=\"%zu\"", p->next);
	buf_addf(&c->out, " TotalItemsInView=\"%zu\" IncludesLastItemInRange=\"%s\">", total,
		p->last ? "true" : "false");
}

static xmlNode *view_of(const xmlNode *payload)
{
	xml_each(child, payload)
	{
		const char *name = (const char *)child->name;
		size_t len = strlen(name);

		if (len > 4 && !strcmp(name + len - 4, "View"))
			return child;
	}
	return NULL;
}

/* FindItem */

struct sort_key {
	struct ews_path path;
	bool descending;
};

struct found {
	const struct ews_item *item;
	char *keys[MAX_SORT];
	size_t order; /* newest first, where the keys are equal */
};

struct search {
	struct found *found;
	size_t n, cap;
	struct sort_key sort[MAX_SORT];
	size_t n_sort;
};

static int by_keys(const void *left, const void *right, void *data)
{
	const struct found *a = left, *b = right;
	const struct search *s = data;

	for (size_t i = 0; i < s->n_sort; i++) {
		const char *x = a->keys[i], *y = b->keys[i];
		int order = x && y ? ews_compare(&s->sort[i].path, x, y) : !!x - !!y;

		if (order)
			return s->sort[i].descending ? -order : order;
	}
	return (a->order > b->order) - (a->order < b->order);
}

static int read_sort(struct ews_ctx *c, struct search *s, struct ews_error *err)
{
	xml_each(field, xml_child(c->payload, "SortOrder"))
	{
		char *order AUTOFREE = xml_get(field, "Order");

		if (s->n_sort == MAX_SORT)
			return ews_fail(err, "ErrorUnsupportedPathForSortGroup", "Too many keys.");
		if (ews_path_read(c, xml_first(field), &s->sort[s->n_sort].path, err))
			return -1;
		s->sort[s->n_sort++].descending = !strcmp(order, "Descending");
	}
	return 0;
}

/* ContactsView restricts by itself. */
static bool in_view(const xmlNode *view, const struct ews_item *item)
{
	char *from AUTOFREE = NULL, *to AUTOFREE = NULL;
	const char *low;

	if (xml_is(view, "ContactsView")) {
		low = ews_get_uri(item, "contacts:DisplayName");
		from = xml_get(view, "InitialName");
		to = xml_get(view, "FinalName");
		return (!from || (low && strcasecmp(low, from) >= 0)) &&
		       (!to || (low && strcasecmp(low, to) <= 0));
	}
	return true;
}

static void add_found(struct ews_ctx *c, struct search *s, const struct ews_item *item)
{
	const struct ews_subject subject = { .item = item };
	struct found *f;

	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 64;
		s->found = xreallocarray(s->found, s->cap, sizeof(*s->found));
	}
	f = &s->found[s->n];
	*f = (struct found){ .item = item, .order = s->n++ };
	for (size_t i = 0; i < s->n_sort; i++) {
		char **values;
		size_t n = ews_path_values(c, &s->sort[i].path, &subject, &values);

		f->keys[i] = n ? values[0] : NULL;
		for (size_t k = 1; k < n; k++)
			free(values[k]);
		free(values);
	}
}

/* CalendarView: what happens in a span of time, each occurrence of a series by itself. */

struct span {
	int64_t from, to;
};

static int read_span(
	struct ews_ctx *c, const xmlNode *view, struct span *out, struct ews_error *err)
{
	char *from AUTOFREE = xml_get(view, "StartDate"), *to AUTOFREE = xml_get(view, "EndDate");
	char *begin AUTOFREE = ews_zone_read(c->zone, from);
	char *end AUTOFREE = ews_zone_read(c->zone, to);

	if (!begin || !end)
		return ews_fail(err, "ErrorCalendarInvalidAttributeValue",
			"A calendar view needs two dates.");
	*out = (struct span){ ews_seconds(begin), ews_seconds(end) };
	if (out->to < out->from)
		return ews_fail(err, "ErrorCalendarEndDateIsEarlierThanStartDate",
			"EndDate is earlier than StartDate.");
	if (out->to - out->from > (int64_t)VIEW_DAYS * EWS_DAY)
		return ews_fail(err, "ErrorCalendarViewRangeTooBig",
			"The calendar view spans more than two years.");
	return 0;
}

/* What only touches an end of the span is outside, but what lasts no time is at its start. */
static bool in_span(const struct span *span, int64_t start, int64_t end)
{
	return start < span->to && (end > span->from || (start == end && start == span->from));
}

static void add_series(struct ews_ctx *c, struct search *s, struct ews_item *master,
	const struct ews_series *series, const struct span *span)
{
	struct ews_days days;
	int64_t day, start, end;

	ews_days_begin(&days, &series->r);
	/* An exception may lie a little before its day, but never before its neighbour. */
	while (ews_days_next(&days, &day) &&
		ews_series_start(series, day) < span->to + 366 * (int64_t)EWS_DAY) {
		struct ews_item *view;

		if (!ews_occurrence_times(master, series, day, &start, &end) ||
			!in_span(span, start, end))
			continue;
		view = ews_occurrence_view(master, day);
		view->next = c->views;
		c->views = view;
		add_found(c, s, view);
	}
}

static int by_start(const void *left, const void *right)
{
	const struct found *a = left, *b = right;
	int order = strcmp(
		ews_get_uri(a->item, "calendar:Start"), ews_get_uri(b->item, "calendar:Start"));

	return order ? order : (a->order > b->order) - (a->order < b->order);
}

static int search_calendar(struct ews_ctx *c, const struct ews_folder *f, const xmlNode *view,
	struct search *s, struct ews_error *err)
{
	char *max AUTOFREE = xml_get(view, "MaxEntriesReturned");
	struct span span = { 0 };

	if (strcmp(ews_folder_element(f), "CalendarFolder") != 0)
		return ews_fail(err, "ErrorCalendarFolderIsInvalidForCalendarView",
			"The folder %s is no calendar.", f->name);
	if (xml_child(c->payload, "Restriction") || xml_child(c->payload, "SortOrder"))
		return ews_fail(err, "ErrorInvalidOperation",
			"A calendar view is neither restricted nor sorted.");
	if (read_span(c, view, &span, err))
		return -1;
	for (struct ews_item *item = f->first; item; item = item->next) {
		const char *start = ews_get_uri(item, "calendar:Start");
		const char *end = ews_get_uri(item, "calendar:End");
		struct ews_series series;

		if (item->associated || !start || !end)
			continue;
		if (ews_series_of(item, &series))
			add_series(c, s, item, &series, &span);
		else if (in_span(&span, ews_seconds(start), ews_seconds(end)))
			add_found(c, s, item);
	}
	if (!max && s->n > VIEW_MAX)
		return ews_fail(err, "ErrorExceededFindCountLimit",
			"You have exceeded the maximum number of objects that can be returned for "
			"the find operation.");
	if (s->n)
		qsort(s->found, s->n, sizeof(*s->found), by_start);
	return 0;
}

static int search(
	struct ews_ctx *c, const struct ews_folder *f, struct search *s, struct ews_error *err)
{
	xmlNode *restriction = xml_first(xml_child(c->payload, "Restriction"));
	char *traversal AUTOFREE = xml_get(c->payload, "Traversal");
	bool associated = !strcmp(traversal, "Associated");
	xmlNode *view = view_of(c->payload);

	if (xml_child(c->payload, "QueryString"))
		return ews_fail(
			err, "ErrorContentIndexingNotEnabled", "Content indexing is not enabled.");
	if (xml_child(c->payload, "GroupBy") || xml_child(c->payload, "DistinguishedGroupBy"))
		return ews_fail(
			err, "ErrorUnsupportedPathForSortGroup", "Grouping is not supported.");
	if (xml_is(view, "CalendarView"))
		return search_calendar(c, f, view, s, err);
	if (read_sort(c, s, err))
		return -1;
	if (!strcmp(traversal, "SoftDeleted"))
		return 0;
	for (const struct ews_item *item = f->last; item; item = item->prev) {
		const struct ews_subject subject = { .item = item };
		int rc = 1;

		if (item->associated != associated || !in_view(view, item))
			continue;
		if (restriction)
			rc = ews_restrict(c, restriction, &subject, err);
		if (rc < 0)
			return -1;
		if (rc)
			add_found(c, s, item);
	}
	if (s->n && s->n_sort)
		qsort_r(s->found, s->n, sizeof(*s->found), by_keys, s);
	return 0;
}

static void find_in(
	struct ews_ctx *c, const xmlNode *id, const struct ews_shape *shape, struct ews_error *err)
{
	struct ews_folder *f = NULL;
	struct search s = { 0 };
	struct paging p;

	if (!ews_injected(c, err) && !err->code)
		f = ews_find_folder(c, id, err);
	if (!f || search(c, f, &s, err) || page(view_of(c->payload), s.n, &p, err)) {
		ews_message_error(c, err, "");
		goto out;
	}
	open_root(c, &p, s.n);
	buf_adds(&c->out, "<t:Items>");
	for (size_t i = p.first; s.found && i < p.end; i++)
		ews_shape_write(c, shape, s.found[i].item);
	buf_adds(&c->out, "</t:Items></m:RootFolder>");
	ews_message_end(c);
out:
	for (size_t i = 0; s.found && i < s.n; i++)
		for (size_t k = 0; k < s.n_sort; k++)
			free(s.found[i].keys[k]);
	free(s.found);
}

void ews_op_find_item(struct ews_ctx *c)
{
	struct ews_error shape_err = { 0 };
	struct ews_shape shape;

	ews_shape_read(c, xml_child(c->payload, "ItemShape"), EWS_FIND, &shape, &shape_err);
	shape.max_chars = 255;
	xml_each(id, xml_child(c->payload, "ParentFolderIds"))
	{
		struct ews_error err = shape_err;

		find_in(c, id, &shape, &err);
	}
	ews_shape_free(&shape);
}

/* FindFolder */

struct folders {
	const struct ews_folder **found;
	size_t n;
};

static int collect(struct ews_ctx *c, const struct ews_folder *parent, bool deep,
	struct folders *out, struct ews_error *err)
{
	xmlNode *restriction = xml_first(xml_child(c->payload, "Restriction"));

	for (const struct ews_folder *f = parent->children; f; f = f->sibling) {
		const struct ews_subject subject = { .folder = f };
		int rc = restriction ? ews_restrict(c, restriction, &subject, err) : 1;

		if (rc < 0)
			return -1;
		if (rc) {
			out->found = xreallocarray(out->found, out->n + 1, sizeof(*out->found));
			out->found[out->n++] = f;
		}
		if (deep && collect(c, f, deep, out, err))
			return -1;
	}
	return 0;
}

static void find_folders_in(
	struct ews_ctx *c, const xmlNode *id, const struct ews_shape *shape, struct ews_error *err)
{
	char *traversal AUTOFREE = xml_get(c->payload, "Traversal");
	struct ews_folder *parent = NULL;
	struct folders s = { 0 };
	struct paging p;

	if (!ews_injected(c, err) && !err->code)
		parent = ews_find_folder(c, id, err);
	if (!parent ||
		(strcmp(traversal, "SoftDeleted") != 0 &&
			collect(c, parent, !strcmp(traversal, "Deep"), &s, err)) ||
		page(view_of(c->payload), s.n, &p, err)) {
		ews_message_error(c, err, "");
		goto out;
	}
	open_root(c, &p, s.n);
	buf_adds(&c->out, "<t:Folders>");
	for (size_t i = p.first; s.found && i < p.end; i++)
		ews_folder_write(c, shape, s.found[i]);
	buf_adds(&c->out, "</t:Folders></m:RootFolder>");
	ews_message_end(c);
out:
	free(s.found);
}

void ews_op_find_folder(struct ews_ctx *c)
{
	struct ews_error shape_err = { 0 };
	struct ews_shape shape;

	ews_folder_shape(c, xml_child(c->payload, "FolderShape"), &shape, &shape_err);
	xml_each(id, xml_child(c->payload, "ParentFolderIds"))
	{
		struct ews_error err = shape_err;

		find_folders_in(c, id, &shape, &err);
	}
	ews_shape_free(&shape);
}
