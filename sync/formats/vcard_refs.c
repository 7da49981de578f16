/* Values that refer to something: URIs, data, days of the year, related people.
 *
 * As in vcard_values.c a reader takes its line (1), leaves it to be kept as it is (0), or fails. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sync/formats/card_slots.h"
#include "sync/formats/vcard_impl.h"
#include "sync/mem.h"

/* --- URIs ------------------------------------------------------------------------------------- */

static bool has_scheme(const char *uri)
{
	size_t n = 0;

	while (isalnum((unsigned char)uri[n]) || (n && uri[n] && strchr("+-.", uri[n])))
		n++;
	return n > 1 && isalpha((unsigned char)uri[0]) && uri[n] == ':' && uri[n + 1];
}

static json_t *trimmed_uri(const char *value)
{
	struct buf uri AUTOBUF = BUF_INIT(VCARD_MAX_BYTES);

	vcard_unescape_uri(value, &uri);
	return vcard_trimmed(buf_str(&uri));
}

/* Instant messaging: the property of a service (X-AIM:name) becomes a URI of that service. */
int vcard_read_im(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	const char *type = vcard_param(line, "value");
	bool text = rule->extra || (type && strcasecmp(type, "text") == 0);
	json_t *raw = text ? vcard_text(line->value, strlen(line->value)) : NULL;
	json_t *value = raw ? vcard_trimmed(json_string_value(raw)) : trimmed_uri(line->value);
	const char *s = json_string_value(value);
	json_t *object;

	(void)err;
	json_decref(raw);
	if (!*s) {
		json_decref(value);
		return 1;
	}
	object = vcard_add_object(r, rule);
	if (rule->extra && strncasecmp(s, rule->extra, strlen(rule->extra)) != 0)
		json_object_set_new(object, "uri", json_sprintf("%s%s", rule->extra, s));
	else
		json_object_set(object, text && !rule->extra ? "user" : "uri", value);
	json_decref(value);
	if (strcmp(rule->prop, "IMPP") != 0) {
		char *name AUTOFREE = xstrdup(rule->prop);

		for (char *p = name; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		json_object_set_new(object, "vCardName", json_string(name));
	}
	vcard_read_params(rule, line, object);
	if (rule->kind && !json_object_get(object, "service"))
		json_object_set_new(object, "service", json_string(rule->kind));
	return 1;
}

/* data: URI of base64 whose type the line says, or its first bytes. */
static void set_data(json_t *object, const struct vcard_line *line)
{
	const char *media = card_string(object, "mediaType");
	json_t *uri;

	if (!media)
		media = vcard_media_of_data(line->value);
	uri = json_sprintf(
		"data:%s;base64,%s", media ? media : "application/octet-stream", line->value);
	json_object_set_new(object, "uri", uri);
	json_object_del(object, "mediaType");
}

int vcard_read_resource(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	const char *type = vcard_param(line, "value");
	bool binary = rule->extra != NULL;
	json_t *uri = trimmed_uri(line->value);
	int taken = 1;
	json_t *object;

	(void)err;
	if (json_string_length(uri) == 0)
		goto out;
	if (line->base64 ? !binary || !vcard_is_base64(line->value)
			 : binary && (!has_scheme(json_string_value(uri)) ||
					     (type && strcasecmp(type, "text") == 0))) {
		taken = 0;
		goto out;
	}
	object = vcard_add_object(r, rule);
	vcard_read_params(rule, line, object);
	if (line->base64)
		set_data(object, line);
	else
		json_object_set(object, "uri", uri);
out:
	json_decref(uri);
	return taken;
}

/* --- dates ------------------------------------------------------------------------------------ */

static bool is_day(int year, int month, int day)
{
	static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (month == 0 || month > 12 || day == 0 || day > 31 || year == 0)
		return false;
	if (month > 0 && day > days[month - 1])
		return false;
	return !(month == 2 && day == 29 && year > 0 &&
		 (year % 4 || (year % 100 == 0 && year % 400)));
}

/* YYYY-MM-DD, YYYYMMDD, YYYY-MM, YYYY, --MM-DD, --MMDD, --MM, ---DD; *p moves behind. */
static bool read_day(const char **p, int *year, int *month, int *day)
{
	*year = *month = *day = -1;
	if (strncmp(*p, "---", 3) == 0) {
		*p += 3;
		*day = vcard_digits(p, 2);
		return *day > 0 && *day <= 31;
	}
	if (strncmp(*p, "--", 2) == 0) {
		*p += 2;
	} else {
		*year = vcard_digits(p, 4);
		if (*year < 1)
			return false;
		*p += **p == '-' && isdigit((unsigned char)(*p)[1]);
	}
	*month = vcard_digits(p, 2);
	if (*month < 0)
		return *year > 0;
	*p += **p == '-' && isdigit((unsigned char)(*p)[1]);
	*day = vcard_digits(p, 2);
	return is_day(*year, *month, *day);
}

/* The time that may follow, in UTC and to the second: "T231000Z", "T23:10:00Z". */
static bool read_utc(const char *p, int *hour, int *minute, int *second)
{
	*hour = vcard_digits(&p, 2);
	p += *p == ':';
	*minute = vcard_digits(&p, 2);
	p += *p == ':';
	*second = vcard_digits(&p, 2);
	return *hour >= 0 && *hour < 24 && *minute >= 0 && *minute < 60 && *second >= 0 &&
	       *second <= 60 && *p == 'Z' && !p[1];
}

static void set_part(json_t *date, const char *member, int value)
{
	if (value > 0)
		json_object_set_new(date, member, json_integer(value));
}

bool vcard_is_time(const char *text)
{
	return text[strspn(text, "T0123456789:.,+-Z")] == '\0';
}

json_t *vcard_date(const char *value)
{
	const char *p = value + strspn(value, " \t");
	int year;
	int month;
	int day;
	int time[3];
	json_t *date;

	if (!read_day(&p, &year, &month, &day))
		return NULL;
	if (*p == 'T' && year > 0 && month > 0 && day > 0 &&
		read_utc(p + 1, &time[0], &time[1], &time[2]))
		return json_pack("{s:s, s:o}", "@type", "Timestamp", "utc",
			json_sprintf("%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, day, time[0],
				time[1], time[2]));
	if (*p == 'T' ? !vcard_is_time(p) : !vcard_is_blank(p))
		return NULL;
	date = json_pack("{s:s}", "@type", "PartialDate");
	set_part(date, "year", year);
	set_part(date, "month", month);
	set_part(date, "day", day);
	/* A local time has no place in JSContact; it comes back out as long as the day stands. */
	if (*p == 'T')
		json_object_set_new(date, "tandemfs:time", json_string(p));
	return date;
}

static bool is_other_calendar(const struct vcard_line *line)
{
	const char *calendar = vcard_param(line, "calscale");

	return calendar && strcasecmp(calendar, "gregorian") != 0;
}

/* Apple writes a year of its own for a day without one. */
static void omit_year(json_t *object, json_t *date)
{
	json_t *params = json_object_get(object, "vCardParams");
	const char *omitted = card_string(params, "x-apple-omit-year");
	char year[16];

	if (!omitted)
		return;
	snprintf(year, sizeof(year), "%d", (int)json_integer_value(json_object_get(date, "year")));
	if (strcmp(year, omitted) != 0)
		return;
	json_object_del(date, "year");
	json_object_del(params, "x-apple-omit-year");
	if (json_object_size(params) == 0)
		json_object_del(object, "vCardParams");
}

/* One date of a kind; what is no date, or a second one, is kept as it is. */
int vcard_read_date(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	const char *type = vcard_param(line, "value");
	const char *id;
	json_t *object;
	json_t *date;

	(void)err;
	if (vcard_is_blank(line->value))
		return 1;
	json_object_foreach(json_object_get(r->card, rule->member), id, object) {
		if (strcmp(card_string(object, "kind") ?: "", rule->kind) == 0)
			return 0;
	}
	if (is_other_calendar(line) || (type && strcasecmp(type, "text") == 0))
		return 0;
	date = vcard_date(line->value);
	if (!date)
		return 0;
	object = vcard_add_object(r, rule);
	json_object_set(object, rule->value, date);
	vcard_read_params(rule, line, object);
	omit_year(object, date);
	json_decref(date);
	return 1;
}

/* --- related people --------------------------------------------------------------------------- */

void vcard_relate(struct vcard_reader *r, const char *text, const char *relation,
	const struct vcard_line *line)
{
	json_t *related = json_object_get(r->card, "relatedTo");
	json_t *entry;
	json_t *set;

	if (!related) {
		related = json_object();
		json_object_set_new(r->card, "relatedTo", related);
	}
	entry = json_object_get(related, text);
	if (!entry) {
		entry = json_pack("{s:s, s:{}}", "@type", "Relation", "relation");
		json_object_set_new(related, text, entry);
	}
	set = json_object_get(entry, "relation");
	if (relation)
		json_object_set_new(set, relation, json_true());
	if (line) {
		static const struct vcard_rule plain = { .prop = "RELATED", .member = "relatedTo" };

		json_object_del(line->params, "type");
		vcard_read_params(&plain, line, entry);
	}
}

/* RELATED;TYPE=spouse:..., and the properties that name one relation. */
int vcard_read_related(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	const char *type = vcard_param(line, "value");
	bool text = rule->kind || (type && strcasecmp(type, "text") == 0);
	json_t *raw = text ? vcard_text(line->value, strlen(line->value)) : NULL;
	json_t *value = raw ? vcard_trimmed(json_string_value(raw)) : trimmed_uri(line->value);
	const char *name = json_string_value(value);
	json_t *types = json_incref(json_object_get(line->params, "type"));
	json_t *one;
	size_t i;

	(void)err;
	json_decref(raw);
	if (*name) {
		json_array_foreach(types, i, one) {
			const char *known = vcard_relation_of_type(json_string_value(one));
			char *other AUTOFREE = xstrdup(json_string_value(one));

			for (char *p = other; *p; p++)
				*p = (char)tolower((unsigned char)*p);
			vcard_relate(r, name, known ? known : other, NULL);
		}
		vcard_relate(r, name, rule->kind, line);
	}
	json_decref(types);
	json_decref(value);
	return 1;
}
