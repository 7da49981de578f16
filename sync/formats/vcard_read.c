/* Content lines to a Card.
 *
 * Each line finds its rule (vcard_map.c); the rule's reader takes it or leaves it.  What is left,
 * because no rule knows it or its value has no place, is kept as RFC 9555 section 2.15.1 says:
 * ["x-name", {parameters}, type, value] in vCardProps, in the order of the file.  The value is kept
 * as it stands in the line (type "unknown"), so that it comes back out unchanged.
 *
 * One file holds one contact.  It need not have a VERSION (then it is read as 3.0, as others do),
 * but what has one that nobody knows is refused.  A card inside a card (AGENT of 2.1) is kept as
 * the text of its AGENT. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/formats/card.h"
#include "sync/formats/card_slots.h"
#include "sync/formats/vcard_impl.h"
#include "sync/mem.h"

/* A list of one value is kept as the value (RFC 7095 section 3.4). */
static json_t *param_json(json_t *values)
{
	if (json_array_size(values) == 1)
		return json_incref(json_array_get(values, 0));
	return json_incref(values);
}

/* All parameters of a line but VALUE, and its group. */
static json_t *all_params(const struct vcard_line *line)
{
	json_t *out = json_object();
	const char *name;
	json_t *values;

	if (line->group)
		json_object_set_new(out, "group", json_string(line->group));
	json_object_foreach(line->params, name, values) {
		if (strcmp(name, "value") != 0)
			json_object_set_new(out, name, param_json(values));
	}
	if (line->base64)
		json_object_set_new(out, "encoding", json_string("b"));
	return out;
}

/* The text of the value if writing it again gives the same bytes; else NULL. */
static json_t *faithful_text(const char *value)
{
	struct buf back AUTOBUF = BUF_INIT(2 * VCARD_MAX_BYTES);
	json_t *text = vcard_text(value, strlen(value));

	vcard_escape(json_string_value(text), &back);
	if (strcmp(buf_str(&back), value) == 0)
		return text;
	json_decref(text);
	return NULL;
}

json_t *vcard_kept_prop(const struct vcard_line *line)
{
	const json_t *values = json_object_get(line->params, "value");
	const char *given = vcard_param(line, "value");
	/* A word that is no name could not be written. */
	const char *type = given && vcard_is_name(given) ? given : NULL;
	json_t *params = all_params(line);
	json_t *prop = json_array();
	json_t *value = NULL;
	char *name AUTOFREE = xstrdup(line->name);
	char *lower AUTOFREE = xstrdup(type ? type : "unknown");

	for (char *p = name; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	for (char *p = lower; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (strcmp(lower, "text") == 0)
		value = faithful_text(line->value);
	/* What jCard's type cannot say stays a parameter. */
	if (json_array_size(values) > 1 || (strcmp(lower, "text") == 0 && !value) ||
		(type && strcmp(lower, "unknown") == 0)) {
		json_object_set_new(params, "value", param_json((json_t *)values));
		mem_autofree(&lower);
		lower = xstrdup("unknown");
		json_decref(value);
		value = NULL;
	}
	json_array_append_new(prop, json_string(name));
	json_array_append_new(prop, params);
	json_array_append_new(prop, json_string(lower));
	json_array_append_new(prop, value ? value : json_string(line->value));
	return prop;
}

json_t *vcard_add_object(struct vcard_reader *r, const struct vcard_rule *rule)
{
	const struct card_map *map = card_map_find(rule->member);
	json_t *values = json_object_get(r->card, rule->member);
	json_t *object = json_pack("{s:s}", "@type", map->type);
	char *id AUTOFREE = NULL;

	if (!values) {
		values = json_object();
		json_object_set_new(r->card, rule->member, values);
	}
	id = xasprintf("x-%zu", json_object_size(values) + 1);
	if (rule->kind && rule->read != vcard_read_im)
		json_object_set_new(object, "kind", json_string(rule->kind));
	json_object_set_new(values, id, object);
	return object;
}

/* --- parameters ------------------------------------------------------------------------------- */

static void set_true(json_t *object, const char *member, const char *key)
{
	json_t *set = json_object_get(object, member);

	if (!set) {
		set = json_object();
		json_object_set_new(object, member, set);
	}
	json_object_set_new(set, key, json_true());
}

static void keep_param(json_t *object, const char *name, json_t *value)
{
	json_t *params = json_object_get(object, "vCardParams");
	json_t *old;

	if (!params) {
		params = json_object();
		json_object_set_new(object, "vCardParams", params);
	}
	old = json_object_get(params, name);
	if (!old) {
		json_object_set(params, name, value);
		return;
	}
	if (!json_is_array(old)) {
		json_object_set_new(params, name, json_pack("[O]", old));
		old = json_object_get(params, name);
	}
	json_array_append(old, value);
}

static const struct vcard_type *find_type(const char *prop, const char *type)
{
	size_t n;
	const struct vcard_type *types = vcard_types(&n);

	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(types[i].type, type) == 0 &&
			(!types[i].prop || strcmp(types[i].prop, prop) == 0))
			return &types[i];
	}
	return NULL;
}

/* The property that the rule's map is written as, for its TYPE values (X-MS-TEL is a TEL). */
static const char *typed_prop(const struct vcard_rule *rule)
{
	return strcmp(rule->member, "phones") == 0	? "TEL"
	       : strcmp(rule->member, "addresses") == 0 ? "ADR"
							: rule->prop;
}

static void read_type(
	const struct vcard_rule *rule, const char *text, json_t *object, json_t *value)
{
	const struct vcard_type *type = find_type(typed_prop(rule), text);
	bool binary = rule->extra && strcmp(rule->extra, "binary") == 0;
	const char *media = binary ? vcard_media_of_type(text) : NULL;

	if (type)
		set_true(object, type->member, type->key);
	else if (strcasecmp(text, "pref") == 0 && !json_object_get(object, "pref"))
		json_object_set_new(object, "pref", json_integer(1));
	else if (media && !json_object_get(object, "mediaType"))
		json_object_set_new(object, "mediaType", json_string(media));
	else if (strcasecmp(text, "pref") != 0 &&
		 !(strcasecmp(text, "internet") == 0 && strcmp(rule->member, "emails") == 0))
		keep_param(object, "type", value);
}

static bool read_number(json_t *object, const char *member, const char *text, long max)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*end || end == text || n < 1 || n > max || json_object_get(object, member))
		return false;
	/* "007" would not come back as it was, but means the same. */
	json_object_set_new(object, member, json_integer(n));
	return true;
}

static bool read_placed(
	const struct vcard_rule *rule, const char *name, const char *text, json_t *object)
{
	size_t n;
	const struct vcard_param_place *places = vcard_param_places(&n);

	for (size_t i = 0; i < n; i++) {
		const struct vcard_param_place *place = &places[i];
		const char *level;

		if (strcmp(place->map, rule->member) != 0 || strcmp(place->param, name) != 0 ||
			json_object_get(object, place->member))
			continue;
		if (place->type == PLACE_NUMBER)
			return read_number(object, place->member, text, 1000000);
		if (place->type == PLACE_TEXT) {
			json_object_set_new(object, place->member, json_string(text));
			return true;
		}
		level = vcard_level_read(rule->prop, text);
		if (!level)
			return false;
		json_object_set_new(object, place->member, json_string(level));
		return true;
	}
	return false;
}

/* The members that vCard has no parameter for. */
static bool read_rest(const struct vcard_rule *rule, const char *text, json_t *object)
{
	json_t *rest = json_loads(text, 0, NULL);
	const char *member;
	json_t *value;

	if (!json_is_object(rest)) {
		json_decref(rest);
		return false;
	}
	json_object_foreach(rest, member, value) {
		if (!vcard_has_place(rule->member, member) && !json_object_get(object, member))
			json_object_set(object, member, value);
	}
	json_decref(rest);
	return true;
}

static void read_param(
	const struct vcard_rule *rule, const char *name, json_t *values, json_t *object)
{
	json_t *value;
	size_t i;

	json_array_foreach(values, i, value) {
		const char *text = json_string_value(value);

		if (strcmp(name, "type") == 0)
			read_type(rule, text, object, value);
		else if (strcmp(name, "pref") == 0 && json_array_size(values) == 1 &&
			 read_number(object, "pref", text, 100))
			continue;
		else if (strcmp(name, "x-json") == 0 && json_array_size(values) == 1 &&
			 read_rest(rule, text, object))
			continue;
		else if (json_array_size(values) != 1 || !read_placed(rule, name, text, object))
			keep_param(object, name, value);
	}
}

void vcard_read_params(const struct vcard_rule *rule, const struct vcard_line *line, json_t *object)
{
	const char *name;
	json_t *values;

	if (line->group) {
		json_t *group = json_string(line->group);

		keep_param(object, "group", group);
		json_decref(group);
	}
	/* PREF first: it says more than TYPE=pref. */
	values = json_object_get(line->params, "pref");
	if (values)
		read_param(rule, "pref", values, object);
	json_object_foreach(line->params, name, values) {
		if (strcmp(name, "value") != 0 && strcmp(name, "pref") != 0 &&
			strcmp(name, "group") != 0)
			read_param(rule, name, values, object);
	}
}

void vcard_keep_params(struct vcard_reader *r, const char *member, const struct vcard_line *line)
{
	json_t *params = all_params(line);
	json_t *all;

	if (json_object_size(params) == 0) {
		json_decref(params);
		return;
	}
	all = json_object_get(r->card, "tandemfs:params");
	if (!all) {
		all = json_object();
		json_object_set_new(r->card, "tandemfs:params", all);
	}
	json_object_set_new(all, member, params);
}

/* --- lines ------------------------------------------------------------------------------------ */

static int read_property(struct vcard_reader *r, const struct vcard_line *line, struct error *err)
{
	const struct vcard_rule *rule = vcard_rule_find(line->name);
	int taken = 0;

	/* Said by BEGIN and by how the card is written; PROFILE:VCARD makes vobject fail. */
	if (strcmp(line->name, "VERSION") == 0 ||
		(strcmp(line->name, "PROFILE") == 0 && strcasecmp(line->value, "VCARD") == 0))
		return 0;
	if (rule && (!line->base64 || rule->read == vcard_read_resource))
		taken = rule->read(r, rule, line, err);
	if (taken == 0)
		json_array_append_new(r->kept, vcard_kept_prop(line));
	return taken < 0 ? taken : 0;
}

static bool is_card(const struct vcard_line *line, const char *name)
{
	const char *value = line->value;
	size_t n;

	if (strcmp(line->name, name) != 0)
		return false;
	value += strspn(value, " \t");
	n = strcspn(value, " \t");
	return n == 5 && strncasecmp(value, "VCARD", 5) == 0 &&
	       !value[n + strspn(value + n, " \t")];
}

/* The bytes of a component inside the card, to its END, as escaped text. */
static int read_nested(struct vcard_lexer *lexer, const struct vcard_line *begin, struct buf *out,
	struct error *err)
{
	size_t depth = 1;
	size_t end = begin->end;
	char *text AUTOFREE = NULL;

	while (depth > 0) {
		struct vcard_line line;
		int rc = vcard_lex_next(lexer, &line, err);

		if (rc < 0)
			return rc;
		if (rc == 0)
			return vcard_line_error(begin, err, "has no END");
		depth += strcmp(line.name, "BEGIN") == 0;
		depth -= strcmp(line.name, "END") == 0;
		end = line.end;
		vcard_line_free(&line);
		if (depth > VCARD_MAX_NESTING)
			return vcard_line_error(begin, err, "nested too deeply");
	}
	text = xstrndup(lexer->bytes + begin->begin, end - begin->begin);
	if (!vcard_is_utf8(text, strlen(text)))
		return vcard_line_error(begin, err, "bytes that are not UTF-8");
	vcard_escape(text, out);
	return 0;
}

/* The last kept property if it is an AGENT that waits for its card (2.1), else NULL. */
static json_t *waiting_agent(struct vcard_reader *r)
{
	size_t n = json_array_size(r->kept);
	json_t *agent = json_array_get(r->kept, n ? n - 1 : 0);
	const char *name = json_string_value(json_array_get(agent, 0));
	const char *value = json_string_value(json_array_get(agent, 3));

	return name && strcmp(name, "agent") == 0 && value && !*value ? agent : NULL;
}

/* A component inside the card: the value of an AGENT, or something (an early draft of 4.0 had
 * PROFILE) that is kept as text. */
static int read_inner(struct vcard_reader *r, struct vcard_lexer *lexer,
	const struct vcard_line *begin, struct error *err)
{
	json_t *agent = waiting_agent(r);
	struct buf text AUTOBUF = BUF_INIT(2 * VCARD_MAX_BYTES);
	int rc;

	if (!agent && is_card(begin, "BEGIN"))
		return vcard_line_error(begin, err,
			"a card inside a card; a file holds one contact (several: tandemctl "
			"import)");
	rc = read_nested(lexer, begin, &text, err);
	if (rc == 0)
		rc = buf_check(&text, begin->name, err);
	if (rc)
		return rc;
	if (agent)
		json_array_set_new(agent, 3, json_string(buf_str(&text)));
	else
		json_array_append_new(r->kept,
			json_pack("[s, {}, s, s]", "x-component", "unknown", buf_str(&text)));
	return 0;
}

/* What stands between BEGIN and END; *ended tells whether END came. */
static int read_body(
	struct vcard_reader *r, struct vcard_lexer *lexer, bool *ended, struct error *err)
{
	int rc = 0;

	while (rc == 0 && !*ended) {
		struct vcard_line line;

		rc = vcard_lex_next(lexer, &line, err);
		if (rc <= 0)
			return rc;
		rc = 0;
		if (++r->lines > VCARD_MAX_LINES)
			rc = error_set(err, ERR_TOO_BIG, "line %zu: %s: more than %d properties",
				line.number, line.name, VCARD_MAX_LINES);
		else if (is_card(&line, "END"))
			*ended = true;
		else if (strcmp(line.name, "BEGIN") == 0)
			rc = read_inner(r, lexer, &line, err);
		else if (strcmp(line.name, "END") == 0)
			rc = vcard_line_error(&line, err, "does not end a VCARD");
		else
			rc = read_property(r, &line, err);
		vcard_line_free(&line);
	}
	return rc;
}

static int read_begin(struct vcard_lexer *lexer, struct error *err)
{
	struct vcard_line line;
	int rc = vcard_lex_next(lexer, &line, err);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return error_set(err, ERR_INVALID, "line 1: BEGIN: missing");
	rc = 0;
	if (is_card(&line, "BEGIN") && lexer->bad_version)
		rc = error_set(err, ERR_INVALID, "line %zu: VERSION: not one of 2.1, 3.0 and 4.0",
			lexer->bad_version);
	else if (!is_card(&line, "BEGIN"))
		rc = error_set(err, ERR_INVALID,
			"line %zu: %s: the file must begin with BEGIN:VCARD", line.number,
			line.name);
	vcard_line_free(&line);
	return rc;
}

static int check_end(struct vcard_lexer *lexer, bool ended, struct error *err)
{
	struct vcard_line line;
	int rc;

	if (!ended)
		return error_set(err, ERR_INVALID, "line %zu: END: missing at the end of the file",
			lexer->number);
	rc = vcard_lex_next(lexer, &line, err);
	if (rc <= 0)
		return rc;
	rc = is_card(&line, "BEGIN") ? vcard_line_error(&line, err,
					       "a second card; a file holds one contact (several: "
					       "tandemctl import)")
				     : vcard_line_error(&line, err, "text after END:VCARD");
	vcard_line_free(&line);
	return rc;
}

int vcard_parse(const char *bytes, size_t len, json_t **card, struct error *err)
{
	struct vcard_reader r = { 0 };
	struct vcard_lexer lexer;
	bool ended = false;
	int rc = vcard_lex_open(&lexer, bytes, len, err);

	*card = NULL;
	if (rc == 0)
		rc = read_begin(&lexer, err);
	if (rc)
		return rc;
	r.card = card_new();
	r.kept = json_array();
	r.syntax = lexer.syntax;
	rc = read_body(&r, &lexer, &ended, err);
	if (rc == 0)
		rc = check_end(&lexer, ended, err);
	/* Readers in the wild take a card without FN and N (Exchange has such contacts too), but
	 * one that says nothing is a mistake. */
	if (rc == 0 && r.lines <= 1 + (size_t)lexer.has_version)
		rc = error_set(err, ERR_INVALID, "line %zu: END: the card is empty", lexer.number);
	if (rc) {
		json_decref(r.card);
		json_decref(r.kept);
		return rc;
	}
	vcard_read_after(&r);
	if (json_array_size(r.kept) > 0)
		json_object_set(r.card, "vCardProps", r.kept);
	json_decref(r.kept);
	*card = r.card;
	return 0;
}
