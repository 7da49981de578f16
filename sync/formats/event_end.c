/* When an event is over: a series when its last occurrence is.  See event.h. */
#include "sync/formats/event.h"

#include "sync/formats/caltime.h"
#include "sync/formats/recur.h"
#include "sync/mem.h"

/* A rule without count and until goes on for ever. */
static bool is_endless(const json_t *doc)
{
	const json_t *rules = json_object_get(doc, "recurrenceRules"), *rule;
	size_t i;

	json_array_foreach((json_t *)rules, i, rule)
		if (!json_object_get(rule, "count") && !json_object_get(rule, "until"))
			return true;
	return false;
}

static void raise_end(struct zones *zones, const json_t *doc, const char *key,
	const struct zone *floating, int64_t *end)
{
	json_t *occurrence = event_occurrence(doc, key);
	int64_t start, one;

	if (event_instants(zones, occurrence, floating, &start, &one) && one > *end)
		*end = one;
	json_decref(occurrence);
}

/* The last occurrence that the series has, and each that was changed: it may have moved past that. */
static bool series_end(
	struct zones *zones, const json_t *doc, const struct zone *floating, int64_t *end)
{
	struct recur *recur = recur_open(doc);
	size_t steps = 0;
	char last[CALTIME_SIZE];
	const char *key;
	json_t *patch;
	int64_t at, local = 0;

	if (!recur)
		return false;
	for (; recur_next(recur, &at); steps++)
		local = at > local || !steps ? at : local;
	recur_close(recur);
	if (steps >= RECUR_MAX_STEPS)
		return false;
	*end = INT64_MIN;
	if (steps) {
		caltime_write_local(local, last);
		raise_end(zones, doc, last, floating, end);
	}
	json_object_foreach(json_object_get(doc, "recurrenceOverrides"), key, patch)
		if (!json_is_true(json_object_get(patch, "excluded")))
			raise_end(zones, doc, key, floating, end);
	return true;
}

bool event_last_end(
	struct zones *zones, const json_t *doc, const struct zone *floating, int64_t *end)
{
	int64_t start;

	if (!event_instants(zones, doc, floating, &start, end))
		return false;
	if (!json_object_get(doc, "recurrenceRules") &&
		!json_object_get(doc, "recurrenceOverrides"))
		return true;
	if (is_endless(doc) || !series_end(zones, doc, floating, end))
		*end = INT64_MAX;
	return true;
}
