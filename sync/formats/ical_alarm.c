/* VALARM <-> alerts (RFC 8984 section 4.5.2), one a component.  What an alert has no place for is
 * kept in it; an AUDIO alarm is shown as one to display and keeps its ACTION. */
#include <string.h>
#include <strings.h>

#include "sync/formats/card_slots.h"
#include "sync/formats/ical_impl.h"
#include "sync/mem.h"

/* What a DISPLAY alarm must have and nobody wrote. */
static const char no_description[] = "Reminder";

/* An instant; what others write as local time is the clock of the item's zone. */
static json_t *read_instant(struct ical_reader *r, const char *value)
{
	const char *name = card_string(r->doc, "timeZone");
	const struct zone *zone = name ? zones_get(&r->zones, name) : NULL;
	json_t *when = ical_utc(value);
	char text[CALTIME_SIZE];
	int64_t local;

	if (!when || !zone || strchr(value, 'Z') ||
		!caltime_read_utc(json_string_value(when), &local))
		return when;
	caltime_write_utc(zone_to_utc(zone, local), text);
	json_decref(when);
	return json_string(text);
}

static json_t *read_trigger(struct ical_reader *r, const struct vcard_line *line)
{
	const char *related = vcard_param(line, "related");
	json_t *text = vcard_trimmed(line->value);
	json_t *when = read_instant(r, line->value);
	struct caltime_duration offset;
	json_t *trigger = NULL;
	char written[48];

	if (when) {
		trigger = json_pack("{s:s, s:O}", "@type", "AbsoluteTrigger", "when", when);
	} else if (caltime_read_duration(json_string_value(text), &offset)) {
		caltime_write_duration(offset, written);
		trigger = json_pack("{s:s, s:s}", "@type", "OffsetTrigger", "offset", written);
		if (related && strcasecmp(related, "END") == 0)
			json_object_set_new(trigger, "relativeTo", json_string("end"));
	}
	json_decref(when);
	json_decref(text);
	return trigger;
}

static bool take_line(json_t *alert, const struct vcard_line *line, const char *action)
{
	if (strcmp(line->name, "TRIGGER") == 0)
		return true;
	if (strcmp(line->name, "ACTION") == 0)
		return strcasecmp(action, "AUDIO") != 0;
	if (strcmp(line->name, "DESCRIPTION") == 0)
		return strcmp(line->value, no_description) == 0;
	if (strcmp(line->name, "ACKNOWLEDGED") == 0 && !json_object_get(alert, "acknowledged")) {
		json_t *when = ical_utc(line->value);

		if (when)
			json_object_set_new(alert, "acknowledged", when);
		return when;
	}
	return false;
}

int ical_read_alarm(struct ical_reader *r, const struct ical_component *alarm, struct error *err)
{
	const struct vcard_line *line = ical_line(alarm, "TRIGGER");
	const struct vcard_line *action_line = ical_line(alarm, "ACTION");
	json_t *action = action_line ? vcard_trimmed(action_line->value) : json_string("DISPLAY");
	const char *word = json_string_value(action);
	bool known = card_word_in("DISPLAY EMAIL AUDIO", word, strlen(word));
	json_t *trigger = line && known ? read_trigger(r, line) : NULL;
	json_t *alert;

	(void)err;
	if (!trigger) {
		json_decref(action);
		return 0;
	}
	alert = json_pack("{s:s, s:s, s:o}", "@type", "Alert", "action",
		strcasecmp(word, "EMAIL") == 0 ? "email" : "display", "trigger", trigger);
	ical_read_rest(alert, line);
	ical_keep_params(alert, NULL, line, "related");
	for (size_t i = 0; i < alarm->n_lines; i++) {
		if (!take_line(alert, &alarm->lines[i], word))
			ical_keep_line(alert, &alarm->lines[i]);
	}
	for (size_t i = 0; i < alarm->n_parts; i++)
		ical_keep_component(alert, alarm->parts[i]);
	ical_add_entry(r->doc, "alerts", alert);
	json_decref(action);
	return 1;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* False when the trigger is none that a VALARM can have. */
static bool write_trigger(struct ical_writer *w, const json_t *alert)
{
	const json_t *trigger = json_object_get(alert, "trigger");
	const char *relative = card_string(trigger, "relativeTo");
	struct caltime_duration offset;
	char text[48];
	int64_t when;
	bool absolute = caltime_read_utc(card_string(trigger, "when"), &when);

	if (!absolute && !caltime_read_duration(card_string(trigger, "offset"), &offset))
		return false;
	ical_put_mark(w, "BEGIN", "VALARM");
	ical_begin_bare(w, "TRIGGER");
	if (absolute) {
		ical_put_param(w, "VALUE", "DATE-TIME");
		ical_format(when, false, true, text);
	} else {
		if (relative && strcmp(relative, "end") == 0)
			ical_put_param(w, "RELATED", "END");
		caltime_write_duration(offset, text);
	}
	ical_put_params(w, json_object_get(alert, "tandemfs:params"));
	ical_put_rest(w, alert, "action trigger acknowledged iCalComponent");
	ical_end_raw(w, text);
	return true;
}

static void write_alert(struct ical_writer *w, const json_t *alert)
{
	const char *action = card_string(alert, "action");
	bool email = action && strcmp(action, "email") == 0;
	char text[ICAL_TIME_SIZE];
	int64_t when;

	if (!json_is_object(alert) || !write_trigger(w, alert))
		return;
	if (!ical_has_kept(alert, "ACTION")) {
		ical_begin_bare(w, "ACTION");
		ical_end_raw(w, email ? "EMAIL" : "DISPLAY");
		if (!ical_has_kept(alert, "DESCRIPTION")) {
			ical_begin_bare(w, "DESCRIPTION");
			ical_end_text(w, no_description);
		}
	}
	if (caltime_read_utc(card_string(alert, "acknowledged"), &when)) {
		ical_format(when, false, true, text);
		ical_begin_bare(w, "ACKNOWLEDGED");
		ical_end_raw(w, text);
	}
	ical_write_kept(w, alert);
	ical_write_kept_components(w, alert);
	ical_put_mark(w, "END", "VALARM");
}

void ical_write_alarms(struct ical_writer *w)
{
	const char *id;
	json_t *alert;

	json_object_foreach(json_object_get(w->doc, "alerts"), id, alert)
		write_alert(w, alert);
}
