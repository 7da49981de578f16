/* The shape of an Event or Task given as JSON, checked against a table of what each place must be,
 * and the few things that places must be together. */
#include <string.h>

#include "sync/formats/caltime.h"
#include "sync/formats/card_slots.h"
#include "sync/formats/event.h"
#include "sync/formats/shape.h"
#include "sync/mem.h"

/* Places of an event, a task or a patch. */
static const struct place places[] = {
	{ "uid", SHAPE_TEXT },
	{ "title", SHAPE_TEXT },
	{ "description", SHAPE_TEXT },
	{ "created", SHAPE_UTC },
	{ "updated", SHAPE_UTC },
	{ "sequence", SHAPE_NUMBER },
	{ "start", SHAPE_LOCAL },
	{ "due", SHAPE_LOCAL },
	{ "duration", SHAPE_DURATION },
	{ "timeZone", SHAPE_ZONE },
	{ "showWithoutTime", SHAPE_BOOLEAN },
	{ "recurrenceId", SHAPE_LOCAL },
	{ "locations", SHAPE_OBJECT },
	{ "locations/*", SHAPE_OBJECT },
	{ "locations/*/name", SHAPE_TEXT },
	{ "locations/*/timeZone", SHAPE_ZONE },
	{ "virtualLocations", SHAPE_OBJECT },
	{ "virtualLocations/*", SHAPE_OBJECT },
	{ "virtualLocations/*/uri", SHAPE_TEXT },
	{ "virtualLocations/*/name", SHAPE_TEXT },
	{ "virtualLocations/*/features", SHAPE_SET },
	{ "freeBusyStatus", SHAPE_TEXT },
	{ "privacy", SHAPE_TEXT },
	{ "priority", SHAPE_NUMBER },
	{ "status", SHAPE_TEXT },
	{ "progress", SHAPE_TEXT },
	{ "percentComplete", SHAPE_NUMBER },
	{ "progressUpdated", SHAPE_UTC },
	{ "color", SHAPE_TEXT },
	{ "keywords", SHAPE_SET },
	{ "alerts", SHAPE_OBJECT },
	{ "alerts/*", SHAPE_OBJECT },
	{ "alerts/*/action", SHAPE_TEXT },
	{ "alerts/*/trigger", SHAPE_OBJECT },
	{ "alerts/*/trigger/offset", SHAPE_DURATION },
	{ "alerts/*/trigger/when", SHAPE_UTC },
	{ "alerts/*/acknowledged", SHAPE_UTC },
	{ "alerts/*/iCalComponent", SHAPE_OBJECT },
	{ "alerts/*/iCalComponent/properties", SHAPE_PROPS },
	{ "replyTo", SHAPE_OBJECT },
	{ "replyTo/*", SHAPE_TEXT },
	{ "participants", SHAPE_OBJECT },
	{ "participants/*", SHAPE_OBJECT },
	{ "participants/*/name", SHAPE_TEXT },
	{ "participants/*/email", SHAPE_TEXT },
	{ "participants/*/kind", SHAPE_TEXT },
	{ "participants/*/sendTo", SHAPE_OBJECT },
	{ "participants/*/sendTo/*", SHAPE_TEXT },
	{ "participants/*/roles", SHAPE_SET },
	{ "participants/*/participationStatus", SHAPE_TEXT },
	{ "participants/*/expectReply", SHAPE_BOOLEAN },
	{ "links", SHAPE_OBJECT },
	{ "links/*", SHAPE_OBJECT },
	{ "links/*/href", SHAPE_TEXT },
	{ "links/*/title", SHAPE_TEXT },
	{ "links/*/contentType", SHAPE_TEXT },
	{ "iCalComponent", SHAPE_OBJECT },
	{ "iCalComponent/properties", SHAPE_PROPS },
	{ "iCalComponent/components", SHAPE_ARRAY },
	{ "tandemfs:params", SHAPE_OBJECT },
	{ "tandemfs:params/*", SHAPE_OBJECT },
};

/* Places of the series alone. */
static const struct place series_places[] = {
	{ "recurrenceRules", SHAPE_ARRAY },
	{ "recurrenceRules/[]", SHAPE_RULE },
	{ "recurrenceRules/[]/until", SHAPE_LOCAL },
	{ "excludedRecurrenceRules", SHAPE_ARRAY },
	{ "excludedRecurrenceRules/[]", SHAPE_RULE },
	{ "excludedRecurrenceRules/[]/until", SHAPE_LOCAL },
	{ "recurrenceOverrides", SHAPE_OBJECT },
	{ "recurrenceOverrides/*", SHAPE_OBJECT },
	{ "recurrenceOverrides/*/excluded", SHAPE_BOOLEAN },
	{ "tandemfs:calendar", SHAPE_OBJECT },
	{ "tandemfs:calendar/properties", SHAPE_PROPS },
	{ "tandemfs:calendar/components", SHAPE_ARRAY },
};

static int check_places(const json_t *doc, const struct place *list, size_t n, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = shape_check(doc, list[i].path, list[i].shape, err);
	return rc;
}

/* All day means whole days from midnight. */
static int check_all_day(const json_t *doc, struct error *err)
{
	struct caltime_duration length = { 0 };
	int64_t time = 0;

	if (!json_is_true(json_object_get(doc, "showWithoutTime")))
		return 0;
	if (caltime_read_local(card_string(doc, "start"), &time) && caltime_of_day(time))
		return error_set(
			err, ERR_INVALID, "start: must be midnight, since showWithoutTime is true");
	if (caltime_read_local(card_string(doc, "due"), &time) && caltime_of_day(time))
		return error_set(
			err, ERR_INVALID, "due: must be midnight, since showWithoutTime is true");
	if (caltime_read_duration(card_string(doc, "duration"), &length) && length.seconds)
		return error_set(err, ERR_INVALID,
			"duration: must be whole days, since showWithoutTime is true");
	return 0;
}

static int check_range(const json_t *doc, const char *member, json_int_t max, struct error *err)
{
	const json_t *value = json_object_get(doc, member);

	if (value && (json_integer_value(value) < 0 || json_integer_value(value) > max))
		return error_set(err, ERR_INVALID, "%s: must be 0 to %d", member, (int)max);
	return 0;
}

/* One event: the series, or an occurrence with its patch applied. */
static int check_one(const json_t *doc, struct error *err)
{
	struct caltime_duration length = { 0 };
	int rc = check_places(doc, places, ARRAY_SIZE(places), err);

	if (rc == 0)
		rc = check_all_day(doc, err);
	if (rc == 0)
		rc = check_range(doc, "priority", 9, err);
	if (rc == 0)
		rc = check_range(doc, "percentComplete", 100, err);
	if (rc == 0)
		rc = check_range(doc, "sequence", INT32_MAX, err);
	if (rc == 0 && caltime_read_duration(card_string(doc, "duration"), &length) &&
		(length.days < 0 || length.seconds < 0))
		rc = error_set(err, ERR_INVALID, "duration: must not be negative");
	return rc;
}

static int check_overrides(const json_t *doc, struct error *err)
{
	const char *key;
	json_t *patch;

	json_object_foreach(json_object_get(doc, "recurrenceOverrides"), key, patch) {
		json_t *occurrence;
		int64_t time;
		int rc;

		if (!caltime_read_local(key, &time))
			return error_set(err, ERR_INVALID,
				"recurrenceOverrides/%.40s: must be a local date-time", key);
		occurrence = event_occurrence(doc, key);
		rc = check_one(occurrence, err);
		json_decref(occurrence);
		if (rc)
			return error_prefix(err, "recurrenceOverrides/%s", key);
	}
	return 0;
}

static int check(const json_t *doc, const char *type, struct error *err)
{
	const char *given = card_string(doc, "@type");
	int rc;

	if (!json_is_object(doc))
		return error_set(err, ERR_INVALID, "an item must be a JSON object");
	if (!given || strcmp(given, type) != 0)
		return error_set(err, ERR_INVALID, "@type: must be \"%s\"", type);
	rc = check_one(doc, err);
	if (rc == 0)
		rc = check_places(doc, series_places, ARRAY_SIZE(series_places), err);
	if (rc == 0)
		rc = check_overrides(doc, err);
	return rc;
}

int event_check(const json_t *doc, struct error *err)
{
	int rc = check(doc, "Event", err);

	if (rc == 0 && !card_string(doc, "start"))
		rc = error_set(err, ERR_INVALID, "start: missing");
	return rc;
}

int event_check_task(const json_t *doc, struct error *err)
{
	return check(doc, "Task", err);
}
