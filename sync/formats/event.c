/* Events and tasks themselves: titles, occurrences, patches.  See event.h. */
#include "sync/formats/event.h"

#include <string.h>

#include "sync/formats/caltime.h"
#include "sync/formats/card_slots.h"
#include "sync/mem.h"

#define POINTER_PARTS 16

json_t *event_new(const char *type)
{
	return json_pack("{s:s}", "@type", type);
}

void event_title(const json_t *doc, struct buf *out)
{
	const char *title = card_string(doc, "title");
	const char *type = card_string(doc, "@type");
	const char *when = card_string(doc, "start");
	int64_t time;

	if (!when)
		when = card_string(doc, "due");
	if (!title || title[strspn(title, " \t\r\n")] == '\0')
		title = type && strcmp(type, "Task") == 0 ? "task" : "event";
	if (caltime_read_local(when, &time))
		buf_addf(out, "%.10s ", when);
	buf_adds(out, title);
}

void event_keep_zone(json_t *doc, const json_t *base)
{
	json_t *zone = json_object_get(base, "timeZone");

	if (zone && json_is_true(json_object_get(doc, "showWithoutTime")) &&
		json_is_true(json_object_get(base, "showWithoutTime")) &&
		!json_object_get(doc, "timeZone"))
		json_object_set(doc, "timeZone", zone);
}

bool event_is_private(const json_t *doc)
{
	const char *privacy = card_string(doc, "privacy");
	const char *key;
	json_t *patch;

	if (privacy && strcmp(privacy, "public") != 0)
		return true;
	json_object_foreach(json_object_get(doc, "recurrenceOverrides"), key, patch) {
		privacy = card_string(patch, "privacy");
		if (privacy && strcmp(privacy, "public") != 0)
			return true;
	}
	return false;
}

/* --- occurrences ------------------------------------------------------------------------------ */

/* Belongs to the series, not to an occurrence. */
static bool is_of_series(const char *member)
{
	static const char members[] =
		"@type uid prodId method recurrenceRules excludedRecurrenceRules "
		"recurrenceOverrides recurrenceId recurrenceIdTimeZone tandemfs:calendar";

	return card_word_in(members, member, strlen(member));
}

/* Next part of a JSON pointer (RFC 6901), decoded; NULL at the end. */
static char *next_part(const char **pointer)
{
	size_t n = strcspn(*pointer, "/");
	char *part = xstrndup(*pointer, n);
	char *to = part;

	for (const char *from = part; *from; from++) {
		if (from[0] == '~' && (from[1] == '0' || from[1] == '1'))
			*to++ = *++from == '0' ? '~' : '/';
		else
			*to++ = *from;
	}
	*to = '\0';
	*pointer += n + ((*pointer)[n] == '/');
	return part;
}

static void apply(json_t *doc, const char *pointer, const json_t *value)
{
	json_t *node = doc;

	for (int depth = 0; depth < POINTER_PARTS && json_is_object(node); depth++) {
		char *part AUTOFREE = next_part(&pointer);

		if (*pointer) {
			node = json_object_get(node, part);
		} else if (json_is_null(value)) {
			json_object_del(node, part);
			return;
		} else {
			json_object_set_new(node, part, json_deep_copy(value));
			return;
		}
	}
}

json_t *event_occurrence(const json_t *doc, const char *key)
{
	const json_t *patch = json_object_get(json_object_get(doc, "recurrenceOverrides"), key);
	json_t *out = json_object();
	const char *member;
	json_t *value;
	int64_t start;
	int64_t due;
	int64_t at;

	json_object_foreach((json_t *)doc, member, value) {
		if (!is_of_series(member) || strcmp(member, "@type") == 0 ||
			strcmp(member, "uid") == 0)
			json_object_set_new(out, member, json_deep_copy(value));
	}
	json_object_set_new(out, "recurrenceId", json_string(key));
	/* The due time moves with the start. */
	if (caltime_read_local(key, &at) && caltime_read_local(card_string(doc, "due"), &due) &&
		caltime_read_local(card_string(doc, "start"), &start)) {
		char text[CALTIME_SIZE];

		caltime_write_local(due + at - start, text);
		json_object_set_new(out, "due", json_string(text));
	}
	if (card_string(doc, "start"))
		json_object_set_new(out, "start", json_string(key));
	else if (card_string(doc, "due"))
		json_object_set_new(out, "due", json_string(key));
	json_object_foreach((json_t *)patch, member, value) {
		if (!is_of_series(member) && strcmp(member, "excluded") != 0)
			apply(out, member, value);
	}
	return out;
}

/* A member's name as a JSON pointer. */
static char *as_pointer(const char *member)
{
	struct buf out AUTOBUF = BUF_INIT(1 << 20);

	for (const char *p = member; *p; p++) {
		if (*p == '~')
			buf_adds(&out, "~0");
		else if (*p == '/')
			buf_adds(&out, "~1");
		else
			buf_addc(&out, *p);
	}
	return buf_take(&out);
}

json_t *event_patch(const json_t *doc, const char *key, const json_t *occurrence)
{
	json_t *bare = json_copy((json_t *)doc);
	json_t *patch = json_object();
	json_t *base;
	const char *member;
	json_t *value;

	json_object_del(bare, "recurrenceOverrides");
	base = event_occurrence(bare, key);
	json_object_foreach((json_t *)occurrence, member, value) {
		char *pointer AUTOFREE = as_pointer(member);

		if (!is_of_series(member) && !json_equal(value, json_object_get(base, member)))
			json_object_set_new(patch, pointer, json_deep_copy(value));
	}
	json_object_foreach(base, member, value) {
		char *pointer AUTOFREE = as_pointer(member);

		if (!is_of_series(member) && !json_object_get(occurrence, member))
			json_object_set_new(patch, pointer, json_null());
	}
	json_decref(base);
	json_decref(bare);
	return patch;
}

/* --- instants --------------------------------------------------------------------------------- */

static int64_t to_utc(const struct zone *zone, int64_t local)
{
	return zone ? zone_to_utc(zone, local) : local;
}

bool event_instants(struct zones *zones, const json_t *doc, const struct zone *floating,
	int64_t *start, int64_t *end)
{
	const char *name = card_string(doc, "timeZone");
	const struct zone *zone = name ? zones_get(zones, name) : floating;
	struct caltime_duration length = { 0 };
	int64_t local;
	int64_t due;

	if (!caltime_read_local(card_string(doc, "start"), &local))
		return false;
	*start = to_utc(zone, local);
	if (caltime_read_local(card_string(doc, "due"), &due)) {
		*end = to_utc(zone, due);
		return true;
	}
	caltime_read_duration(card_string(doc, "duration"), &length);
	*end = to_utc(zone, local + length.days * CALTIME_DAY) + length.seconds;
	return true;
}
