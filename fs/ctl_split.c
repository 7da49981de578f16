/* Exports taken apart and put together; see ctl_split.h.
 *
 * A walk over the logical lines knows the component that each stands in by a depth; ranges of the file
 * are copied, never rewritten. */
#include "fs/ctl_split.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/mem.h"

#define LINE_MAX_BYTES ((size_t)64 << 20)
#define NESTING_MAX    16

/* ---- lines ------------------------------------------------------------------------------------- */

/* One logical line: its bytes with all folds, and itself unfolded. */
struct line {
	const char *begin, *end; /* the end is after the line break */
	struct buf text;
	size_t number;
};

struct walk {
	const char *at, *end;
	struct line line;
	size_t next; /* number of the physical line at `at` */
};

static void walk_init(struct walk *w, const char *text, size_t len)
{
	*w = (struct walk){
		.at = text, .end = text + len, .line.text = BUF_INIT(LINE_MAX_BYTES), .next = 1
	};
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		w->at += 3;
}

static const char *after_break(const char *at, const char *end)
{
	const char *newline = memchr(at, '\n', (size_t)(end - at));

	return newline ? newline + 1 : end;
}

/* The next logical line that is not blank. */
static bool walk_next(struct walk *w)
{
	struct line *line = &w->line;

	do {
		line->begin = w->at;
		line->number = w->next;
		buf_reset(&line->text);
		if (w->at >= w->end)
			return false;
		do {
			const char *next = after_break(w->at, w->end), *stop = next;
			size_t fold = w->at != line->begin;

			while (stop > w->at + fold && (stop[-1] == '\n' || stop[-1] == '\r'))
				stop--;
			buf_add(&line->text, w->at + fold, (size_t)(stop - w->at) - fold);
			w->at = next;
			w->next++;
		} while (w->at < w->end && (*w->at == ' ' || *w->at == '\t'));
		line->end = w->at;
	} while (!line->text.len);
	return true;
}

/* Is the line NAME:VALUE, where NAME may have parameters?  The value, or NULL. */
static const char *value_of(const struct line *line, const char *name)
{
	const char *at = buf_str(&line->text);
	bool quoted = false;

	if (strncasecmp(at, name, strlen(name)) != 0)
		return NULL;
	at += strlen(name);
	if (*at != ':' && *at != ';')
		return NULL;
	for (; *at && (quoted || *at != ':'); at++)
		quoted ^= *at == '"';
	return *at ? at + 1 : NULL;
}

static bool is_line(const struct line *line, const char *name, const char *value)
{
	const char *is = value_of(line, name);
	size_t n = strlen(value);

	return is && !strncasecmp(is, value, n) && !is[n + strspn(is + n, " \t")];
}

/* The value of the parameter TZID, or NULL.  New string. */
static char *tzid_of(const struct line *line)
{
	const char *at = buf_str(&line->text);
	bool quoted = false;

	for (; *at && (quoted || *at != ':'); at++) {
		quoted ^= *at == '"';
		if (quoted || strncasecmp(at, ";TZID=", 6) != 0)
			continue;
		at += 6;
		return *at == '"' ? xstrndup(at + 1, strcspn(at + 1, "\""))
				  : xstrndup(at, strcspn(at, ";:"));
	}
	return NULL;
}

/* ---- components -------------------------------------------------------------------------------- */

/* A component of a calendar, or a card. */
struct component {
	char name[32];
	char *uid;     /* or NULL */
	char *tzid;    /* of a VTIMEZONE */
	json_t *zones; /* set: TZIDs that its lines name */
	const char *begin, *end;
	size_t line;
};

static void component_clear(struct component *c)
{
	free(c->uid);
	free(c->tzid);
	json_decref(c->zones);
}

static void copy_name(char name[32], const char *value)
{
	size_t n = strcspn(value, " \t");

	snprintf(name, 32, "%.*s", (int)(n < 31 ? n : 31), value);
	for (char *at = name; *at; at++)
		*at = (char)toupper((unsigned char)*at);
}

/* What has begun and not ended, the innermost last. */
struct nesting {
	char names[NESTING_MAX][32];
	size_t n;
};

/* Takes a BEGIN or END line; any other is none. */
static int nest(struct nesting *nesting, const struct line *line, struct error *err)
{
	const char *begins = value_of(line, "BEGIN");

	if (begins && nesting->n < NESTING_MAX)
		copy_name(nesting->names[nesting->n++], begins);
	else if (begins)
		return error_set(err, ERR_INVALID, "line %zu: nested too deeply", line->number);
	else if (value_of(line, "END") && is_line(line, "END", nesting->names[nesting->n - 1]))
		nesting->n--;
	else if (value_of(line, "END"))
		return error_set(err, ERR_INVALID, "line %zu: %.40s ends what is BEGIN:%s",
			line->number, buf_str(&line->text), nesting->names[nesting->n - 1]);
	return 0;
}

/* What a line in the component, right in it or deeper, says of it. */
static void read_line(struct component *c, const struct line *line, bool right_in_it)
{
	char *tzid AUTOFREE = tzid_of(line);
	const char *uid = right_in_it && !c->uid ? value_of(line, "UID") : NULL;
	const char *id = right_in_it && !c->tzid ? value_of(line, "TZID") : NULL;

	if (tzid)
		json_object_set_new(c->zones, tzid, json_true());
	if (uid && *uid)
		c->uid = xstrdup(uid);
	if (id)
		c->tzid = xstrdup(id);
}

/* The walk stands on its BEGIN line; afterwards on its END. */
static int read_component(struct walk *w, struct component *c, struct error *err)
{
	struct nesting nesting = { .n = 0 };
	int rc = nest(&nesting, &w->line, err);

	*c = (struct component){
		.zones = json_object(), .begin = w->line.begin, .line = w->line.number
	};
	copy_name(c->name, value_of(&w->line, "BEGIN"));
	while (!rc && nesting.n && walk_next(w)) {
		rc = nest(&nesting, &w->line, err);
		read_line(c, &w->line, nesting.n == 1);
	}
	c->end = w->line.end;
	if (!rc && nesting.n)
		rc = error_set(err, ERR_INVALID, "line %zu: BEGIN:%s has no end", c->line, c->name);
	return rc;
}

/* ---- a calendar -------------------------------------------------------------------------------- */

struct components {
	struct component *list;
	size_t n;
};

struct calendar {
	struct components zones, parts; /* VTIMEZONEs, all others */
	char *prodid, *version;		/* whole lines */
	json_t *left_out;		/* name -> what is not taken along, each once */
};

static void components_clear(struct components *components)
{
	for (size_t i = 0; i < components->n; i++)
		component_clear(&components->list[i]);
	free(components->list);
}

static void calendar_clear(struct calendar *calendar)
{
	components_clear(&calendar->zones);
	components_clear(&calendar->parts);
	free(calendar->prodid);
	free(calendar->version);
	json_decref(calendar->left_out);
}

static void leave_out(struct calendar *calendar, const char *name, const char *text, size_t line)
{
	if (!json_object_get(calendar->left_out, name))
		json_object_set_new(calendar->left_out, name,
			json_sprintf("line %zu: %.200s is left out", line, text));
}

static void read_property(struct calendar *calendar, const struct line *line)
{
	const char *text = buf_str(&line->text);
	char *name AUTOFREE = xstrndup(text, strcspn(text, ":;"));

	if (!strcasecmp(name, "PRODID"))
		xstrset(&calendar->prodid, text);
	else if (!strcasecmp(name, "VERSION"))
		xstrset(&calendar->version, text);
	else if (!is_line(line, "CALSCALE", "GREGORIAN"))
		leave_out(calendar, name, text, line->number);
}

static int add_component(struct walk *w, struct calendar *calendar, struct error *err)
{
	bool zone = is_line(&w->line, "BEGIN", "VTIMEZONE");
	struct components *to = zone ? &calendar->zones : &calendar->parts;

	to->list = xreallocarray(to->list, to->n + 1, sizeof(*to->list));
	return read_component(w, &to->list[to->n++], err);
}

/* The walk stands on its BEGIN line; afterwards on its END. */
static int read_calendar(struct walk *w, struct calendar *calendar, struct error *err)
{
	size_t begun = w->line.number;
	int rc = 0;

	*calendar = (struct calendar){ .left_out = json_object() };
	while (!rc && walk_next(w)) {
		if (is_line(&w->line, "END", "VCALENDAR"))
			return 0;
		if (value_of(&w->line, "BEGIN"))
			rc = add_component(w, calendar, err);
		else
			read_property(calendar, &w->line);
	}
	return rc ? rc : error_set(err, ERR_INVALID, "line %zu: BEGIN:VCALENDAR has no end", begun);
}

/* ---- items -------------------------------------------------------------------------------------- */

static struct split_item *add_item(struct split *out, enum item_kind kind, size_t line)
{
	struct split_item *item;

	out->items = xreallocarray(out->items, out->n + 1, sizeof(*out->items));
	item = &out->items[out->n++];
	*item = (struct split_item){
		.kind = kind, .bytes = BUF_INIT(SPLIT_BYTES_MAX), .line = line
	};
	return item;
}

/* The component's bytes, with a line break at the end. */
static void add_part(struct buf *to, const struct component *part)
{
	buf_add(to, part->begin, (size_t)(part->end - part->begin));
	if (part->end[-1] != '\n')
		buf_adds(to, "\r\n");
}

/* FNV-1a, twice: the same bytes have the same UID on every import. */
static char *made_uid(const struct component *part)
{
	uint64_t a = 0xcbf29ce484222325ULL, b = ~a;

	for (const char *at = part->begin; at < part->end; at++) {
		a = (a ^ (unsigned char)*at) * 0x100000001b3ULL;
		b = (b ^ (unsigned char)*at ^ (a >> 32)) * 0x100000001b3ULL;
	}
	return xasprintf("%08" PRIx64 "-%04" PRIx64 "-8%03" PRIx64 "-8%03" PRIx64 "-%012" PRIx64,
		a >> 32, a >> 16 & 0xffff, a & 0xfff, b >> 52, b & (UINT64_MAX >> 16));
}

/* A component without a UID gets one, after its BEGIN line. */
static void add_with_uid(struct buf *to, const struct component *part, const char *uid)
{
	struct component rest = *part;

	if (!part->uid) {
		rest.begin = after_break(part->begin, part->end);
		buf_add(to, part->begin, (size_t)(rest.begin - part->begin));
		buf_addf(to, "UID:%s\r\n", uid);
	}
	add_part(to, &rest);
}

static void take_card(struct split *out, const struct component *card)
{
	struct split_item *item = add_item(out, KIND_CONTACT, card->line);

	item->uid = card->uid ? xstrdup(card->uid) : made_uid(card);
	add_with_uid(&item->bytes, card, item->uid);
}

static void add_zones(struct buf *to, const struct components *all, const json_t *wanted)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->list[i].tzid && json_object_get(wanted, all->list[i].tzid))
			add_part(to, &all->list[i]);
}

/* The parts with these numbers are one item: a series with its exceptions. */
static void take_series(struct split *out, const struct calendar *calendar, const json_t *numbers,
	enum item_kind kind)
{
	const struct component *parts = calendar->parts.list;
	const struct component *first = &parts[json_integer_value(json_array_get(numbers, 0))];
	struct split_item *item = add_item(out, kind, first->line);
	json_t *zones = json_object(), *number;
	size_t i;

	item->uid = first->uid ? xstrdup(first->uid) : made_uid(first);
	json_array_foreach((json_t *)numbers, i, number)
		json_object_update(zones, parts[json_integer_value(number)].zones);
	buf_addf(&item->bytes, "BEGIN:VCALENDAR\r\n%s\r\n%s\r\n",
		calendar->version ? calendar->version : "VERSION:2.0",
		calendar->prodid ? calendar->prodid : "PRODID:-//tandemfs//tandemctl import//EN");
	add_zones(&item->bytes, &calendar->zones, zones);
	json_array_foreach((json_t *)numbers, i, number)
		add_with_uid(&item->bytes, &parts[json_integer_value(number)], item->uid);
	buf_adds(&item->bytes, "END:VCALENDAR\r\n");
	json_decref(zones);
}

/* Numbers of the parts of this name, those with one UID together: an array of arrays. */
static json_t *series_of(const struct components *all, const char *name)
{
	json_t *by_uid = json_object(), *groups = json_array();

	for (size_t i = 0; i < all->n; i++) {
		json_t *group = all->list[i].uid ? json_object_get(by_uid, all->list[i].uid) : NULL;

		if (strcmp(all->list[i].name, name) != 0)
			continue;
		if (!group) {
			group = json_array();
			json_array_append_new(groups, group);
			if (all->list[i].uid)
				json_object_set(by_uid, all->list[i].uid, group);
		}
		json_array_append_new(group, json_integer((json_int_t)i));
	}
	json_decref(by_uid);
	return groups;
}

static void take_calendar(struct split *out, struct calendar *calendar)
{
	static const struct {
		const char *name;
		enum item_kind kind;
	} taken[] = { { "VEVENT", KIND_EVENT }, { "VTODO", KIND_TASK } };
	const char *name;
	json_t *group;
	size_t k;

	for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
		json_t *groups = series_of(&calendar->parts, taken[i].name);

		json_array_foreach(groups, k, group)
			take_series(out, calendar, group, taken[i].kind);
		json_decref(groups);
	}
	for (size_t i = 0; i < calendar->parts.n; i++) {
		const struct component *part = &calendar->parts.list[i];

		if (strcmp(part->name, "VEVENT") != 0 && strcmp(part->name, "VTODO") != 0)
			leave_out(calendar, part->name, part->name, part->line);
	}
	json_object_foreach(calendar->left_out, name, group)
		json_array_append(out->notes, group);
}

int split_text(const char *text, size_t len, struct split *out, struct error *err)
{
	struct walk w;
	int rc = 0;

	*out = (struct split){ .notes = json_array() };
	walk_init(&w, text, len);
	while (!rc && walk_next(&w)) {
		if (is_line(&w.line, "BEGIN", "VCARD")) {
			struct component card;

			rc = read_component(&w, &card, err);
			if (!rc)
				take_card(out, &card);
			component_clear(&card);
		} else if (is_line(&w.line, "BEGIN", "VCALENDAR")) {
			struct calendar calendar;

			rc = read_calendar(&w, &calendar, err);
			if (!rc)
				take_calendar(out, &calendar);
			calendar_clear(&calendar);
		} else {
			rc = error_set(err, ERR_INVALID,
				"line %zu: neither BEGIN:VCALENDAR nor BEGIN:VCARD", w.line.number);
		}
	}
	buf_free(&w.line.text);
	return rc;
}

void split_clear(struct split *split)
{
	for (size_t i = 0; i < split->n; i++) {
		free(split->items[i].uid);
		buf_free(&split->items[i].bytes);
	}
	free(split->items);
	json_decref(split->notes);
	*split = (struct split){ 0 };
}

/* ---- together ------------------------------------------------------------------------------------ */

void join_init(struct join *join)
{
	*join = (struct join){ .cards = BUF_INIT(SPLIT_BYTES_MAX),
		.zones = BUF_INIT(SPLIT_BYTES_MAX),
		.components = BUF_INIT(SPLIT_BYTES_MAX),
		.zone_ids = json_object() };
}

static void join_calendar(struct join *join, const struct calendar *calendar)
{
	for (size_t i = 0; i < calendar->zones.n; i++) {
		const struct component *zone = &calendar->zones.list[i];
		const char *tzid = zone->tzid ? zone->tzid : "";

		if (json_object_get(join->zone_ids, tzid))
			continue;
		json_object_set_new(join->zone_ids, tzid, json_true());
		add_part(&join->zones, zone);
	}
	for (size_t i = 0; i < calendar->parts.n; i++)
		add_part(&join->components, &calendar->parts.list[i]);
}

int join_add(struct join *join, const char *text, size_t len, struct error *err)
{
	struct walk w;
	int rc = 0;

	walk_init(&w, text, len);
	while (!rc && walk_next(&w)) {
		if (is_line(&w.line, "BEGIN", "VCALENDAR")) {
			struct calendar calendar;

			rc = read_calendar(&w, &calendar, err);
			if (!rc)
				join_calendar(join, &calendar);
			calendar_clear(&calendar);
		} else if (is_line(&w.line, "BEGIN", "VCARD")) {
			struct component card;

			rc = read_component(&w, &card, err);
			if (!rc)
				add_part(&join->cards, &card);
			component_clear(&card);
		} else {
			rc = error_set(err, ERR_INVALID, "line %zu: no item", w.line.number);
		}
	}
	buf_free(&w.line.text);
	return rc;
}

void join_finish(struct join *join, struct buf *out)
{
	buf_add(out, buf_str(&join->cards), join->cards.len);
	if (!join->components.len)
		return;
	buf_adds(out, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"
		      "PRODID:-//tandemfs//tandemctl export//EN\r\n");
	buf_add(out, buf_str(&join->zones), join->zones.len);
	buf_add(out, buf_str(&join->components), join->components.len);
	buf_adds(out, "END:VCALENDAR\r\n");
}

void join_clear(struct join *join)
{
	buf_free(&join->cards);
	buf_free(&join->zones);
	buf_free(&join->components);
	json_decref(join->zone_ids);
}
