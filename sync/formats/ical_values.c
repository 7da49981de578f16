/* Values of properties that stand alone, read: one function a type of row.
 *
 * Each answers 1 when it took the line, 0 when the line is to be kept as it is: a second SUMMARY, a
 * STATUS that nobody knows, a number that is none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/formats/card_slots.h"
#include "sync/formats/ical_impl.h"
#include "sync/mem.h"

static bool has(const struct ical_reader *r, const char *member)
{
	return json_object_get(r->doc, member);
}

json_t *ical_add_entry(json_t *doc, const char *member, json_t *object)
{
	json_t *map = json_object_get(doc, member);
	char id[32];
	size_t n;

	if (!json_is_object(map)) {
		map = json_object();
		json_object_set_new(doc, member, map);
	}
	n = json_object_size(map) + 1 - (json_object_get(map, "end") ? 1 : 0);
	snprintf(id, sizeof(id), "%zu", n);
	json_object_set_new(map, id, object);
	return object;
}

int ical_read_text(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	(void)err;
	if (has(r, rule->member))
		return 0;
	if (vcard_is_blank(line->value))
		return json_object_size(line->params) == 0; /* says nothing */
	json_object_set_new(r->doc, rule->member, vcard_text(line->value, strlen(line->value)));
	ical_keep_params(r->doc, line->name, line, "");
	return 1;
}

int ical_read_utc(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	json_t *time = has(r, rule->member) ? NULL : ical_utc(line->value);

	(void)err;
	if (!time)
		return 0;
	json_object_set_new(r->doc, rule->member, time);
	ical_keep_params(r->doc, line->name, line, "");
	return 1;
}

/* What a component without either is written with. */
static const char no_stamp[] = "1970-01-01T00:00:00Z";

/* LAST-MODIFIED is `updated`; where it differs, DTSTAMP is kept beside it. */
int ical_read_stamp(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	const struct vcard_line *modified = ical_line(r->component, "LAST-MODIFIED");
	json_t *stamp = ical_utc(line->value);
	json_t *updated = modified ? ical_utc(modified->value) : NULL;
	int taken = stamp != NULL;

	(void)err;
	if (strcmp(line->name, "DTSTAMP") == 0 && stamp) {
		if (updated)
			taken = json_equal(stamp, updated);
		else if (strcmp(json_string_value(stamp), no_stamp) == 0)
			json_object_del(r->doc, rule->member);
		else
			updated = json_incref(stamp);
	}
	if (updated && taken)
		json_object_set(r->doc, rule->member, updated);
	json_decref(stamp);
	json_decref(updated);
	return taken;
}

int ical_read_number(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	const char *p = line->value + strspn(line->value, " \t");
	size_t digits = strspn(p, "0123456789");
	long value = digits && digits < 10 ? strtol(p, NULL, 10) : -1;
	bool priority = strcmp(rule->member, "priority") == 0;
	bool percent = strcmp(rule->member, "percentComplete") == 0;

	(void)err;
	if (has(r, rule->member) || value < 0 || !vcard_is_blank(p + digits) ||
		(priority && value > 9) || (percent && value > 100))
		return 0;
	if (value || !priority) /* 0: undefined */
		json_object_set_new(r->doc, rule->member, json_integer(value));
	ical_keep_params(r->doc, line->name, line, "");
	return 1;
}

int ical_read_word(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	json_t *text = vcard_trimmed(line->value);
	char value[64];
	bool known = !has(r, rule->member) &&
		     ical_word_value(rule->words, json_string_value(text), value);

	(void)err;
	json_decref(text);
	if (!known)
		return 0;
	json_object_set_new(r->doc, rule->member, json_string(value));
	ical_keep_params(r->doc, line->name, line, "");
	return 1;
}

/* A task that says when it was completed, and no status, is completed. */
int ical_read_completed(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	int taken = ical_read_utc(r, rule, line, err);

	if (taken > 0 && !ical_line(r->component, "STATUS"))
		json_object_set_new(r->doc, "progress", json_string("completed"));
	return taken;
}

/* A word that nobody knows is private (RFC 5545 section 3.8.1.3). */
int ical_read_class(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	json_t *text = vcard_trimmed(line->value);
	const char *word = json_string_value(text);
	char value[64];
	const char *privacy = ical_word_value(rule->words, word, value);
	int taken = 0;

	(void)err;
	if (!privacy && *word)
		privacy = vcard_is_name(word) ? word : "private";
	if (privacy && !has(r, rule->member)) {
		if (strcmp(privacy, "public") != 0)
			json_object_set_new(r->doc, rule->member, json_string(privacy));
		ical_keep_params(r->doc, line->name, line, "");
		taken = 1;
	}
	json_decref(text);
	return taken;
}

/* What Outlook's property adds to TRANSP; NULL when it says no more. */
static const char *outlook_busy(struct ical_reader *r, const struct ical_rule *rule, char out[64])
{
	const struct vcard_line *line = ical_line(r->component, "X-MICROSOFT-CDO-BUSYSTATUS");
	json_t *text = line ? vcard_trimmed(line->value) : NULL;
	const char *value = text ? ical_word_value(rule->words, json_string_value(text), out)
				 : NULL;

	json_decref(text);
	return value;
}

/* TRANSP decides between free and busy; Outlook's property between the kinds of busy.  "Working
 * elsewhere" is written with either. */
int ical_read_transp(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	json_t *text = vcard_trimmed(line->value);
	bool free_time = strcasecmp(json_string_value(text), "TRANSPARENT") == 0;
	bool busy = strcasecmp(json_string_value(text), "OPAQUE") == 0;
	char out[64];
	const char *more = outlook_busy(r, rule, out);
	const char *value = free_time ? "free" : "busy";

	(void)err;
	json_decref(text);
	if (!free_time && !busy)
		return 0;
	if (more && strchr(more, ':') && (busy || strstr(more, "workingElsewhere")))
		value = more;
	json_object_set_new(r->doc, rule->member, json_string(value));
	ical_keep_params(r->doc, line->name, line, "");
	return 1;
}

int ical_read_busy(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	char out[64];
	const char *value = outlook_busy(r, rule, out);

	(void)err;
	(void)line;
	if (!value)
		return 0;
	if (!ical_line(r->component, "TRANSP"))
		json_object_set_new(r->doc, rule->member, json_string(value));
	return 1;
}

int ical_read_categories(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	json_t *names = vcard_split(line->value, strlen(line->value), ',');
	json_t *keywords = json_object_get(r->doc, rule->member);
	json_t *name;
	size_t i;

	(void)err;
	if (!keywords)
		keywords = json_object();
	else
		json_incref(keywords);
	json_array_foreach(names, i, name) {
		json_t *trimmed = vcard_trimmed(json_string_value(name));

		if (json_string_length(trimmed) > 0)
			json_object_set_new(keywords, json_string_value(trimmed), json_true());
		json_decref(trimmed);
	}
	if (json_object_size(keywords) > 0)
		json_object_set(r->doc, rule->member, keywords);
	json_decref(keywords);
	json_decref(names);
	ical_keep_params(r->doc, line->name, line, "");
	return 1;
}

int ical_read_location(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	json_t *location;

	(void)err;
	if (vcard_is_blank(line->value) && !vcard_param(line, "x-json"))
		return json_object_size(line->params) == 0;
	location = json_pack("{s:s}", "@type", "Location");
	if (!vcard_is_blank(line->value))
		json_object_set_new(location, "name", vcard_text(line->value, strlen(line->value)));
	ical_read_rest(location, line);
	ical_keep_params(location, NULL, line, "");
	ical_add_entry(r->doc, rule->member, location);
	return 1;
}

/* CONFERENCE (RFC 7986) and what others call it; which one it was is kept. */
int ical_read_conference(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	struct buf uri AUTOBUF = BUF_INIT(VCARD_MAX_BYTES);
	const char *label = vcard_param(line, "label");
	json_t *features = json_object_get(line->params, "feature");
	json_t *place;
	json_t *one;
	size_t i;

	(void)err;
	if (vcard_is_blank(line->value))
		return 0;
	vcard_unescape_uri(line->value, &uri);
	place = json_pack("{s:s, s:s}", "@type", "VirtualLocation", "uri", buf_str(&uri));
	if (label)
		json_object_set_new(place, "name", json_string(label));
	if (features)
		json_object_set_new(place, "features", json_object());
	json_array_foreach(features, i, one) {
		char *name AUTOFREE = xstrdup(json_string_value(one));

		for (char *p = name; *p; p++)
			*p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
		json_object_set_new(json_object_get(place, "features"), name, json_true());
	}
	if (strcmp(line->name, "CONFERENCE") != 0)
		json_object_set_new(place, "tandemfs:property", json_string(line->name));
	ical_read_rest(place, line);
	ical_keep_params(place, NULL, line, "label feature");
	ical_add_entry(r->doc, rule->member, place);
	return 1;
}

static void set_param(
	json_t *object, const char *member, const struct vcard_line *line, const char *param)
{
	const char *value = vcard_param(line, param);

	if (value && *value)
		json_object_set_new(object, member, json_string(value));
}

int ical_read_attach(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	const char *media = vcard_param(line, "fmttype");
	json_t *link;

	(void)err;
	if (vcard_is_blank(line->value))
		return 0;
	link = json_pack("{s:s, s:s}", "@type", "Link", "rel", "enclosure");
	if (line->base64) {
		json_object_set_new(link, "href",
			json_sprintf("data:%s;base64,%s", media ? media : "", line->value));
	} else {
		struct buf uri AUTOBUF = BUF_INIT(VCARD_MAX_BYTES);

		vcard_unescape_uri(line->value, &uri);
		json_object_set_new(link, "href", json_string(buf_str(&uri)));
	}
	set_param(link, "contentType", line, "fmttype");
	set_param(link, "title", line, "filename");
	ical_read_rest(link, line);
	ical_keep_params(link, NULL, line, "fmttype filename encoding");
	ical_add_entry(r->doc, rule->member, link);
	return 1;
}
