/* Content lines, and the values of properties that stand alone, written.
 *
 * A line is made unfolded in w->line, then folded into the output.  Everything that comes from the
 * document is made harmless on its way: names are checked, texts escaped, and no control character
 * can end a line. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sync/formats/card_slots.h"
#include "sync/formats/ical_impl.h"
#include "sync/mem.h"

/* --- lines ------------------------------------------------------------------------------------ */

static void add_upper(struct buf *out, const char *text)
{
	for (; *text; text++)
		buf_addc(out, (char)toupper((unsigned char)*text));
}

void ical_begin_bare(struct ical_writer *w, const char *prop)
{
	buf_reset(&w->line);
	json_object_clear(w->used);
	add_upper(&w->line, prop);
}

void ical_begin(struct ical_writer *w, const char *prop)
{
	ical_begin_bare(w, prop);
	ical_put_params(w, json_object_get(json_object_get(w->doc, "tandemfs:params"), prop));
}

/* Begins the parameter; false when the line has it. */
static bool begin_param(struct ical_writer *w, const char *name)
{
	char *lower AUTOFREE = xstrdup(name);

	for (char *p = lower; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (!vcard_is_name(name) || json_object_get(w->used, lower))
		return false;
	json_object_set_new(w->used, lower, json_true());
	buf_addc(&w->line, ';');
	add_upper(&w->line, name);
	return true;
}

void ical_put_param(struct ical_writer *w, const char *name, const char *value)
{
	if (!value || !begin_param(w, name))
		return;
	buf_addc(&w->line, '=');
	vcard_add_param_value(&w->line, value);
}

void ical_put_params(struct ical_writer *w, const json_t *params)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)params, name, value) {
		const char *separator = "=";
		json_t *one;
		size_t i;

		if (strcmp(name, "encoding") == 0 && json_is_string(value) &&
			strcasecmp(json_string_value(value), "b") == 0)
			ical_put_param(w, name, "BASE64"); /* as iCalendar says it */
		if (json_is_string(value))
			ical_put_param(w, name, json_string_value(value));
		if (json_array_size(value) == 0 || !begin_param(w, name))
			continue;
		json_array_foreach(value, i, one) {
			buf_adds(&w->line, separator);
			vcard_add_param_value(&w->line, json_string_value(one) ?: "");
			separator = ",";
		}
	}
}

static void end_line(struct ical_writer *w)
{
	w->out->failed |= w->line.failed;
	vcard_fold(buf_str(&w->line), w->line.len, "\r\n", w->out);
}

void ical_end_text(struct ical_writer *w, const char *text)
{
	buf_addc(&w->line, ':');
	vcard_escape(text, &w->line);
	end_line(w);
}

void ical_end_raw(struct ical_writer *w, const char *value)
{
	buf_addc(&w->line, ':');
	for (const char *p = value; *p; p++) {
		if (*p == '\n')
			buf_adds(&w->line, "\\n");
		else if (*p != '\r')
			buf_addc(&w->line, *p);
	}
	end_line(w);
}

void ical_put_mark(struct ical_writer *w, const char *mark, const char *component)
{
	ical_begin_bare(w, mark);
	ical_end_raw(w, component);
}

void ical_format(int64_t seconds, bool date, bool utc, char out[ICAL_TIME_SIZE])
{
	char text[CALTIME_SIZE];
	char *p = out;

	caltime_write_local(seconds, text);
	for (const char *q = text; *q && !(date && *q == 'T'); q++) {
		if (*q != '-' && *q != ':')
			*p++ = *q;
	}
	if (utc && !date)
		*p++ = 'Z';
	*p = '\0';
}

/* --- values ----------------------------------------------------------------------------------- */

void ical_write_text(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc)
{
	const char *text = card_string(doc, rule->member);

	if (!text || (!*text && strcmp(rule->prop, "UID") == 0))
		return;
	ical_begin(w, rule->prop);
	ical_end_text(w, text);
}

void ical_write_utc(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc)
{
	char text[ICAL_TIME_SIZE];
	int64_t time;

	if (!caltime_read_utc(card_string(doc, rule->member), &time))
		return;
	ical_format(time, false, true, text);
	ical_begin(w, rule->prop);
	ical_end_raw(w, text);
}

void ical_write_number(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc)
{
	const json_t *value = json_object_get(doc, rule->member);
	char text[32];

	if (!json_is_integer(value))
		return;
	snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
	ical_begin(w, rule->prop);
	ical_end_raw(w, text);
}

void ical_write_word(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc)
{
	const char *value = card_string(doc, rule->member);
	char word[64];

	if (!value || !ical_value_word(rule->words, value, word))
		return;
	ical_begin(w, rule->prop);
	ical_end_raw(w, word);
}

/* What STATUS has no word for is not done yet; JSPROP says the rest. */
void ical_write_progress(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc)
{
	const char *value = card_string(doc, rule->member);

	if (value && strchr(value, ':')) {
		ical_begin(w, rule->prop);
		ical_end_raw(w, "NEEDS-ACTION");
	} else {
		ical_write_word(w, rule, doc);
	}
}

void ical_write_class(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc)
{
	const char *value = card_string(doc, rule->member);
	char word[64];

	if (!value || strcmp(value, "public") == 0)
		return;
	ical_begin(w, rule->prop);
	if (ical_value_word(rule->words, value, word))
		ical_end_raw(w, word);
	else
		ical_end_raw(w, vcard_is_name(value) ? value : "PRIVATE");
}

void ical_write_transp(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc)
{
	const char *value = card_string(doc, rule->member);
	bool free_time = value && (strcmp(value, "free") == 0 ||
					  strcmp(value, "microsoft.com:workingElsewhere") == 0);
	char word[64];

	if (!value)
		return;
	ical_begin(w, rule->prop);
	ical_end_raw(w, free_time ? "TRANSPARENT" : "OPAQUE");
	if (strchr(value, ':') && ical_value_word(rule->words, value, word)) {
		ical_begin_bare(w, "X-MICROSOFT-CDO-BUSYSTATUS");
		ical_end_raw(w, word);
	}
}

void ical_write_categories(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc)
{
	struct buf value AUTOBUF = BUF_INIT(ICAL_MAX_RENDERED);
	json_t *names = json_array();
	const char *key;
	json_t *on;

	json_object_foreach(json_object_get(doc, rule->member), key, on) {
		if (json_is_true(on) && !vcard_is_blank(key))
			json_array_append_new(names, json_string(key));
	}
	if (json_array_size(names) > 0) {
		vcard_add_categories(names, &value);
		w->out->failed |= value.failed;
		ical_begin(w, rule->prop);
		ical_end_raw(w, buf_str(&value));
	}
	json_decref(names);
}

void ical_write_location(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc)
{
	const char *id;
	json_t *location;

	json_object_foreach(json_object_get(doc, rule->member), id, location) {
		const char *relative = card_string(location, "relativeTo");

		if (!json_is_object(location) ||
			(relative && strcmp(id, "end") == 0 && card_string(location, "timeZone")))
			continue; /* the zone of DTEND */
		ical_begin_bare(w, rule->prop);
		ical_put_params(w, json_object_get(location, "tandemfs:params"));
		ical_put_rest(w, location, "name");
		ical_end_text(w, card_string(location, "name") ?: "");
	}
}

static void end_uri(struct ical_writer *w, const char *uri)
{
	struct buf value AUTOBUF = BUF_INIT(ICAL_MAX_RENDERED);

	vcard_escape_uri(uri, &value);
	w->out->failed |= value.failed;
	ical_end_raw(w, buf_str(&value));
}

static void put_features(struct ical_writer *w, const json_t *place)
{
	json_t *list = json_array();
	json_t *params;
	const char *key;
	json_t *on;

	json_object_foreach(json_object_get(place, "features"), key, on) {
		struct buf upper AUTOBUF = BUF_INIT(VCARD_MAX_BYTES);

		add_upper(&upper, key);
		json_array_append_new(list, json_string(buf_str(&upper)));
	}
	params = json_pack("{s:o}", "FEATURE", list);
	ical_put_params(w, params);
	json_decref(params);
}

void ical_write_conference(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc)
{
	const char *id;
	json_t *place;

	json_object_foreach(json_object_get(doc, rule->member), id, place) {
		const char *uri = card_string(place, "uri");
		const char *prop = card_string(place, "tandemfs:property");
		const struct ical_rule *other = prop ? ical_rule_find(prop, w->task) : NULL;

		if (!uri)
			continue;
		if (!other || other->read != rule->read)
			prop = rule->prop;
		ical_begin_bare(w, prop);
		if (strcmp(prop, rule->prop) == 0)
			ical_put_param(w, "VALUE", "URI");
		put_features(w, place);
		ical_put_param(w, "LABEL", card_string(place, "name"));
		ical_put_params(w, json_object_get(place, "tandemfs:params"));
		ical_put_rest(w, place, "name uri features tandemfs:property");
		end_uri(w, uri);
	}
}

void ical_write_attach(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc)
{
	const char *id;
	json_t *link;

	json_object_foreach(json_object_get(doc, rule->member), id, link) {
		const char *href = card_string(link, "href");
		const char *rel = card_string(link, "rel");
		const char *data = href && strncmp(href, "data:", 5) == 0 ? strstr(href, ";base64,")
									  : NULL;
		bool other = rel && strcmp(rel, "enclosure") != 0;

		if (!href)
			continue;
		if (data && !vcard_is_base64(data + 8))
			data = NULL;
		ical_begin_bare(w, rule->prop);
		if (data) {
			ical_put_param(w, "VALUE", "BINARY");
			ical_put_param(w, "ENCODING", "BASE64");
		}
		ical_put_param(w, "FMTTYPE", card_string(link, "contentType"));
		ical_put_param(w, "FILENAME", card_string(link, "title"));
		ical_put_params(w, json_object_get(link, "tandemfs:params"));
		ical_put_rest(
			w, link, other ? "href contentType title" : "href contentType title rel");
		if (data)
			ical_end_raw(w, data + 8);
		else
			end_uri(w, href);
	}
}
