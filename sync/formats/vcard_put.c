/* Writers of the rules: one property each, the way back of vcard_values.c and vcard_refs.c.
 *
 * A writer writes nothing for what is absent, empty or of a shape it does not know. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sync/formats/card.h"
#include "sync/formats/card_slots.h"
#include "sync/formats/vcard_impl.h"
#include "sync/mem.h"

static const char *text_of(const json_t *object, const char *member)
{
	const char *text = card_string(object, member);

	return text && !vcard_is_blank(text) ? text : NULL;
}

void vcard_write_single(struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object)
{
	const char *text = text_of(w->card, rule->member);

	(void)object;
	if (!text)
		return;
	vcard_begin_single(w, vcard_prop(w, rule), rule->member);
	vcard_end_text(w, text);
}

/* UTCDateTime in ISO 8601's basic form, which all versions have. */
void vcard_write_time(struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object)
{
	const char *text = text_of(w->card, rule->member);
	struct buf basic AUTOBUF = BUF_INIT(64);

	(void)object;
	if (!text)
		return;
	if (strlen(text) < 20 || strlen(text) > 40 ||
		strspn(text, "0123456789-:TZ.") != strlen(text)) {
		vcard_write_jsprop(w, rule->member, NULL, json_object_get(w->card, rule->member));
		return;
	}
	for (; *text; text++) {
		if (*text != '-' && *text != ':')
			buf_addc(&basic, *text);
	}
	vcard_begin_single(w, rule->prop, rule->member);
	vcard_end_raw(w, buf_str(&basic));
}

void vcard_write_class(struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object)
{
	const char *sensitivity = text_of(w->card, rule->member);
	const char *class = sensitivity ? vcard_class_of(sensitivity) : NULL;

	(void)object;
	if (!class)
		return;
	vcard_begin_single(w, rule->prop, rule->member);
	vcard_end_text(w, class);
}

/* --- names ------------------------------------------------------------------------------------ */

/* FN is required; where the card has none it is made and says so. */
void vcard_write_fn(struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object)
{
	const char *full = text_of(json_object_get(w->card, "name"), rule->value);
	struct buf title AUTOBUF = BUF_INIT(1 << 20);

	(void)object;
	if (!full)
		card_title(w->card, &title);
	vcard_begin_single(w, rule->prop, "fn");
	if (!full)
		vcard_put_param(w, "DERIVED", "TRUE");
	vcard_end_text(w, full ? full : buf_str(&title));
}

/* The values of one kind, as one field. */
static void add_kind(struct buf *out, const json_t *components, const char *kind, bool *first)
{
	json_t *component;
	size_t i;

	json_array_foreach(components, i, component) {
		const char *its = card_string(component, "kind");
		const char *value = text_of(component, "value");

		if (!its || !value || strcmp(its, kind) != 0)
			continue;
		if (!*first)
			buf_addc(out, ',');
		*first = false;
		vcard_escape(value, out);
	}
}

/* A field made of several kinds; `kinds` are separated by spaces. */
static void add_field(struct buf *out, const json_t *components, const char *kinds)
{
	bool first = true;

	for (const char *p = kinds; *p;) {
		char *kind AUTOFREE = xstrndup(p, strcspn(p, " "));

		add_kind(out, components, kind, &first);
		p += strlen(kind);
		p += *p == ' ';
	}
}

static bool has_kind(const json_t *components, const char *kinds)
{
	json_t *component;
	size_t i;

	json_array_foreach(components, i, component) {
		const char *kind = card_string(component, "kind");

		if (kind && text_of(component, "value") && card_word_in(kinds, kind, strlen(kind)))
			return true;
	}
	return false;
}

/* Fields of N; the last two only where one of them says what the first five cannot (RFC 9554). */
static const char *const n_fields[] = { "surname surname2", "given", "given2", "title",
	"generation credential", "surname2", "generation" };
static const char n_extended[] = "surname2 credential";

void vcard_write_n(struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object)
{
	const json_t *components = json_object_get(json_object_get(w->card, "name"), rule->value);
	size_t n = has_kind(components, n_extended) ? ARRAY_SIZE(n_fields) : 5;
	struct buf value AUTOBUF = BUF_INIT(VCARD_MAX_RENDERED);

	(void)object;
	if (!has_kind(components, "surname given given2 title generation surname2 credential") &&
		w->version != VCARD_30)
		return;
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_addc(&value, ';');
		add_field(&value, components, n_fields[i]);
	}
	vcard_begin_single(w, rule->prop, "n");
	vcard_end_raw(w, buf_str(&value));
}

/* --- texts ------------------------------------------------------------------------------------ */

void vcard_add_categories(const json_t *names, struct buf *out)
{
	json_t *name;
	size_t i;

	json_array_foreach(names, i, name) {
		if (i)
			buf_addc(out, ',');
		vcard_escape(json_string_value(name) ?: "", out);
	}
}

void vcard_write_categories(
	struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object)
{
	json_t *names = json_array();
	struct buf value AUTOBUF = BUF_INIT(VCARD_MAX_RENDERED);
	const char *key;
	json_t *on;

	(void)object;
	json_object_foreach(json_object_get(w->card, rule->member), key, on) {
		if (json_is_true(on) && !vcard_is_blank(key))
			json_array_append_new(names, json_string(key));
	}
	if (json_array_size(names) > 0) {
		vcard_add_categories(names, &value);
		vcard_begin_single(w, rule->prop, rule->member);
		vcard_end_raw(w, buf_str(&value));
	}
	json_decref(names);
}

void vcard_write_text(struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object)
{
	const char *text = text_of(object, rule->value);

	if (!text)
		return;
	vcard_begin(w, vcard_prop(w, rule), object);
	vcard_end_text(w, text);
}

void vcard_write_org(struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object)
{
	const char *name = text_of(object, rule->value);
	const json_t *units = json_object_get(object, "units");
	struct buf value AUTOBUF = BUF_INIT(VCARD_MAX_RENDERED);
	bool any = name;
	json_t *unit;
	size_t i;

	vcard_escape(name ? name : "", &value);
	json_array_foreach(units, i, unit) {
		const char *text = card_string(unit, "name");

		buf_addc(&value, ';');
		vcard_escape(text ? text : "", &value);
		any = any || (text && !vcard_is_blank(text));
	}
	if (!any)
		return;
	vcard_begin(w, rule->prop, object);
	vcard_end_raw(w, buf_str(&value));
}

void vcard_write_tel(struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object)
{
	const char *number = text_of(object, rule->value);

	if (!number)
		return;
	vcard_begin_bare(w, rule->prop, object);
	if (strncasecmp(number, "tel:", 4) == 0 || strncasecmp(number, "sip:", 4) == 0) {
		vcard_put_param(w, "VALUE", "uri");
		vcard_put_params(w, object);
		vcard_end_uri(w, number);
		return;
	}
	vcard_put_params(w, object);
	vcard_end_text(w, number);
}

/* --- addresses -------------------------------------------------------------------------------- */

/* The second and third field repeat, for older readers, what the later ones say (RFC 9554). */
static const char *const adr_fields[] = { "postOfficeBox", "apartment", "name", "locality",
	"region", "postcode", "country" };
static const char *const adr_extended[] = { "postOfficeBox", "room apartment floor building",
	"number name block direction", "locality", "region", "postcode", "country", "room",
	"apartment", "floor", "number", "name", "building", "block", "subdistrict", "district",
	"landmark", "direction" };
static const char adr_new_kinds[] =
	"room floor number building block subdistrict district landmark direction";

static void add_address(struct buf *out, const json_t *components)
{
	bool extended = has_kind(components, adr_new_kinds);
	const char *const *fields = extended ? adr_extended : adr_fields;
	size_t n = extended ? ARRAY_SIZE(adr_extended) : ARRAY_SIZE(adr_fields);

	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_addc(out, ';');
		add_field(out, components, fields[i]);
	}
}

/* The formatted address: a parameter in 4.0, a property of its own before. */
void vcard_write_adr(struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object)
{
	const char *full = text_of(object, "full");
	struct buf value AUTOBUF = BUF_INIT(VCARD_MAX_RENDERED);
	json_t *label;

	add_address(&value, json_object_get(object, "components"));
	if (!full && strspn(buf_str(&value), ";") == value.len)
		return;
	vcard_begin_bare(w, rule->prop, object);
	if (w->version == VCARD_30)
		json_object_set_new(w->used, "label", json_true());
	vcard_put_params(w, object);
	vcard_end_raw(w, buf_str(&value));
	if (!full || w->version != VCARD_30)
		return;
	label = json_pack("{s:O*, s:{s:O*}}", "contexts", json_object_get(object, "contexts"),
		"vCardParams", "type",
		json_object_get(json_object_get(object, "vCardParams"), "type"));
	vcard_begin(w, "LABEL", label);
	vcard_end_text(w, full);
	json_decref(label);
}

/* --- URIs ------------------------------------------------------------------------------------- */

void vcard_write_im(struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object)
{
	const char *uri = text_of(object, "uri");
	const char *user = text_of(object, "user");
	bool own = rule->extra && uri && strncasecmp(uri, rule->extra, strlen(rule->extra)) == 0 &&
		   !vcard_is_blank(uri + strlen(rule->extra));
	const char *service = card_string(object, "service");

	if (!uri && !user)
		return;
	vcard_begin_bare(w, rule->extra && !own ? "IMPP" : rule->prop, object);
	if (!uri) {
		vcard_put_param(w, "VALUE", "text");
		json_object_set_new(w->used, "username", json_true());
	}
	/* The property says its service. */
	if (own && rule->kind && service && strcmp(service, rule->kind) == 0) {
		json_object_set_new(w->used, "service-type", json_true());
		json_object_set_new(w->used, "x-service-type", json_true());
	}
	vcard_put_params(w, object);
	if (own)
		vcard_end_text(w, uri + strlen(rule->extra));
	else if (uri)
		vcard_end_uri(w, uri);
	else
		vcard_end_text(w, user);
}

/* The base64 part of a data: URI that 3.0 can hold, and its media type; NULL for other URIs. */
static const char *base64_of(const char *uri, const char **media, size_t *media_len)
{
	const char *comma = strchr(uri, ',');

	if (strncasecmp(uri, "data:", 5) != 0 || !comma || comma - uri < 12 ||
		strncasecmp(comma - 7, ";base64", 7) != 0 || !vcard_is_base64(comma + 1))
		return NULL;
	*media = uri + 5;
	*media_len = (size_t)(comma - 7 - *media);
	return memchr(*media, ';', *media_len) ? NULL : comma + 1;
}

static void write_binary30(struct vcard_writer *w, const struct vcard_rule *rule,
	const json_t *object, const char *uri)
{
	const char *media = NULL;
	size_t len = 0;
	const char *data = base64_of(uri, &media, &len);
	const char *type;
	char *whole AUTOFREE = NULL;

	vcard_begin_bare(w, rule->prop, object);
	if (data) {
		whole = xstrndup(media, len);
		vcard_put_param(w, "ENCODING", "b");
	} else {
		whole = xstrdup(card_string(object, "mediaType"));
		vcard_put_param(w, "VALUE", "uri");
	}
	if (whole && strcmp(whole, "application/octet-stream") != 0) {
		type = vcard_type_of_media(whole, strlen(whole));
		w->media_type = type ? type : whole;
		json_object_set_new(w->used, "mediatype", json_true());
	}
	vcard_put_params(w, object);
	if (data)
		vcard_end_raw(w, data);
	else
		vcard_end_uri(w, uri);
}

void vcard_write_resource(
	struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object)
{
	const char *uri = text_of(object, "uri");

	if (!uri)
		return;
	if (rule->extra && w->version == VCARD_30) {
		write_binary30(w, rule, object, uri);
		return;
	}
	vcard_begin(w, rule->prop, object);
	vcard_end_uri(w, uri);
}

/* --- dates ------------------------------------------------------------------------------------ */

static int part(const json_t *date, const char *member)
{
	json_int_t value = json_integer_value(json_object_get(date, member));

	return value > 0 && value < 10000 ? (int)value : 0;
}

/* RFC 6350 section 4.3.1; 3.0 has dashes between the parts. */
static void add_date(struct buf *out, const json_t *date, bool dashes)
{
	const char *dash = dashes ? "-" : "";
	const char *time = card_string(date, "tandemfs:time");
	int year = part(date, "year");
	int month = part(date, "month");
	int day = part(date, "day");

	if (year && month && day)
		buf_addf(out, "%04d%s%02d%s%02d", year, dash, month, dash, day);
	else if (year && month)
		buf_addf(out, "%04d-%02d", year, month);
	else if (year)
		buf_addf(out, "%04d", year);
	else if (month && day)
		buf_addf(out, "--%02d%s%02d", month, dash, day);
	else if (month)
		buf_addf(out, "--%02d", month);
	else if (day)
		buf_addf(out, "---%02d", day);
	if (out->len && time && time[0] == 'T' && vcard_is_time(time))
		buf_adds(out, time);
}

static void add_utc(struct buf *out, const char *utc, bool dashes)
{
	for (; *utc; utc++) {
		if (dashes || (*utc != '-' && *utc != ':'))
			buf_addc(out, *utc);
	}
}

void vcard_write_date(struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object)
{
	const json_t *date = json_object_get(object, rule->value);
	const char *utc = card_string(date, "utc");
	bool dashes = w->version == VCARD_30;
	struct buf value AUTOBUF = BUF_INIT(256);
	json_t *again;

	if (utc)
		add_utc(&value, utc, dashes);
	else
		add_date(&value, date, dashes);
	/* What would not be read as a date again, or is counted in another calendar. */
	again = vcard_date(buf_str(&value));
	if (!again || card_string(date, "calendarScale")) {
		vcard_write_jsprop(w, rule->member, w->id, object);
	} else {
		vcard_begin(w, vcard_prop(w, rule), object);
		vcard_end_raw(w, buf_str(&value));
	}
	json_decref(again);
}

/* --- related people --------------------------------------------------------------------------- */

/* Relations as TYPE values, those that vCard knows under its name for them. */
static json_t *relation_types(const json_t *entry)
{
	json_t *types = json_array();
	const char *relation;
	json_t *on;

	json_object_foreach(json_object_get(entry, "relation"), relation, on) {
		const struct vcard_relation *known = vcard_relation_find(relation);

		if (json_is_true(on) && *relation)
			json_array_append_new(types, json_string(known ? known->type : relation));
	}
	return types;
}

/* The property that says it in 3.0, where there is one. */
static const char *related_prop30(const struct vcard_writer *w, const json_t *types, bool uri)
{
	const char *only = json_string_value(json_array_get(types, 0));
	const char *relation = only ? vcard_relation_of_type(only) : NULL;

	if (w->version != VCARD_30 || uri || json_array_size(types) != 1 || !relation)
		return NULL;
	return vcard_relation_find(relation)->prop30;
}

void vcard_write_related(
	struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object)
{
	const char *name;
	json_t *entry;

	(void)object;
	json_object_foreach(json_object_get(w->card, rule->member), name, entry) {
		json_t *types = relation_types(entry);
		bool uri = card_is_uri(name);
		const char *prop30 = related_prop30(w, types, uri);
		json_t *typed = json_copy(entry);
		json_t *params = json_copy(json_object_get(entry, "vCardParams"));

		if (vcard_is_blank(name) || !json_is_object(entry)) {
			json_decref(params);
			json_decref(typed);
			json_decref(types);
			continue;
		}
		params = params ? params : json_object();
		json_object_del(params, "type");
		if (!prop30 && json_array_size(types) > 0)
			json_object_set(params, "type", types);
		json_object_set_new(typed, "vCardParams", params);
		vcard_begin_bare(w, prop30 ? prop30 : rule->prop, typed);
		if (!uri && !prop30)
			vcard_put_param(w, "VALUE", "text");
		vcard_put_params(w, typed);
		if (uri)
			vcard_end_uri(w, name);
		else
			vcard_end_text(w, name);
		json_decref(typed);
		json_decref(types);
	}
}

void vcard_write_member(struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object)
{
	const char *uri;
	json_t *on;

	(void)object;
	json_object_foreach(json_object_get(w->card, rule->member), uri, on) {
		char *key AUTOFREE = xasprintf("%s/%s", rule->member, uri);

		if (!json_is_true(on) || vcard_is_blank(uri))
			continue;
		vcard_begin_single(w, vcard_prop(w, rule), key);
		vcard_end_uri(w, uri);
	}
}
