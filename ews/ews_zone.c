/* Time zones that Exchange has no name for, told by their rules.
 *
 * An item that came by mail, or from a program of another kind, has a zone of its own: the Id is
 * empty or "Customized Time Zone", and its periods and transitions say what the clocks do (MS-OXWSCDATA
 * TimeZoneDefinitionType).  The rules that hold at the end are compared with those of the zones of the
 * tz database.  How far from UTC they are stands there westward, as a Bias. */
#include <stdlib.h>
#include <string.h>

#include "ews/ews_event.h"
#include "ews/ews_xml.h"
#include "sync/formats/caltime.h"
#include "sync/mem.h"

/* xs:duration in seconds, with a sign. */
static bool read_seconds(const char *text, int *seconds)
{
	struct caltime_duration duration = { 0 };
	bool negative = text && *text == '-';

	if (!text || !caltime_read_duration(text + negative, &duration) || duration.days ||
		llabs(duration.seconds) > CALTIME_DAY)
		return false;
	*seconds = negative ? -(int)duration.seconds : (int)duration.seconds;
	return true;
}

/* The child of `list` with this Id; NULL: none. */
static xmlNode *by_id(const xmlNode *list, const char *id)
{
	xmlNode *child = xml_first(list);

	while (child && !xml_attribute_is(child, "Id", id))
		child = xml_next(child);
	return child;
}

/* Seconds east of UTC of the period that a transition leads to. */
static bool offset_of(const xmlNode *zone, const xmlNode *transition, int *offset)
{
	char *id AUTOFREE = xml_child_text(transition, "To");
	xmlNode *period = id ? by_id(xml_child(zone, "Periods"), id) : NULL;
	char *bias AUTOFREE = xml_attribute(period, "Bias");

	if (!read_seconds(bias, offset))
		return false;
	*offset = -*offset;
	return true;
}

/* Of a <t:RecurringDayTransition>: [month, week, weekday, seconds, offset], as in struct zone_yearly. */
static json_t *read_yearly(const xmlNode *zone, const xmlNode *transition)
{
	static const char *const days[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday",
		"Friday", "Saturday" };
	char *time AUTOFREE = xml_child_text(transition, "TimeOffset");
	char *month AUTOFREE = xml_child_text(transition, "Month");
	char *day AUTOFREE = xml_child_text(transition, "DayOfWeek");
	char *week AUTOFREE = xml_child_text(transition, "Occurrence");
	int seconds, offset, which = week ? (int)strtol(week, NULL, 10) : 0;
	size_t weekday = 0;

	while (day && weekday < ARRAY_SIZE(days) && strcmp(days[weekday], day) != 0)
		weekday++;
	if (!month || !day || !which || weekday == ARRAY_SIZE(days) ||
		!read_seconds(time, &seconds) || !offset_of(zone, transition, &offset))
		return NULL;
	return json_pack("[i, i, i, i, i]", (int)strtol(month, NULL, 10), which < 0 ? 5 : which,
		(int)weekday, seconds, offset);
}

/* The group of transitions that holds at the end. */
static xmlNode *last_group(const xmlNode *zone)
{
	xmlNode *each = xml_first(xml_child(zone, "Transitions")), *last = NULL;
	char *id AUTOFREE = NULL;

	for (; each; each = xml_next(each))
		last = each;
	id = xml_child_text(last, "To");
	return id ? by_id(xml_child(zone, "TransitionsGroups"), id) : NULL;
}

json_t *ews_zone_rules(const xmlNode *zone)
{
	xmlNode *each = xml_first(last_group(zone));
	json_t *rules = json_array(), *yearly = NULL;
	int offset;

	for (; each; each = xml_next(each)) {
		if (xml_is(each, "Transition") && offset_of(zone, each, &offset))
			json_array_append_new(rules, json_integer(offset));
		else if ((yearly = read_yearly(zone, each)))
			json_array_append_new(rules, yearly);
		else
			break;
	}
	if (!each && json_array_size(rules))
		return rules;
	json_decref(rules);
	return NULL;
}

static bool is_rule(const json_t *rule, const struct zone_yearly *yearly)
{
	const int ours[] = { yearly->month, yearly->week, yearly->weekday, yearly->seconds,
		yearly->offset };

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (json_integer_value(json_array_get(rule, i)) != ours[i])
			return false;
	return true;
}

struct wanted {
	const json_t *rules;
	int64_t around;
};

static bool fits(const struct zone *zone, void *data)
{
	const struct wanted *wanted = data;
	const json_t *first = json_array_get(wanted->rules, 0);
	const json_t *second = json_array_get(wanted->rules, 1);
	struct zone_yearly yearly[2];
	struct zone_change change;
	int64_t since;

	if (json_is_integer(first))
		return !second && !zone_next(zone, wanted->around, &change) &&
		       zone_offset(zone, wanted->around) == json_integer_value(first);
	if (json_array_size(wanted->rules) != 2 || !zone_rules(zone, yearly, &since) ||
		since > wanted->around)
		return false;
	return (is_rule(first, &yearly[0]) && is_rule(second, &yearly[1])) ||
	       (is_rule(first, &yearly[1]) && is_rule(second, &yearly[0]));
}

bool ews_zone_match(struct zones *zones, const json_t *rules, int64_t around, char iana[ZONE_NAME])
{
	struct wanted wanted = { rules, around };
	char *key AUTOFREE = json_dumps(rules, JSON_COMPACT);
	const char *known = zones_recall(zones, key);
	bool found;

	if (known) {
		snprintf(iana, ZONE_NAME, "%s", known);
		return *iana;
	}
	found = zone_search(fits, &wanted, iana);
	zones_remember(zones, key, found ? iana : "");
	return found;
}
