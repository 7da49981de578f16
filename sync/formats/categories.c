/* The CATEGORIES lines of stored bytes, and nothing else of them: of a card, or of the component of a
 * calendar that is the item.
 *
 * The lexer tells where each content line begins and ends in the bytes; the first CATEGORIES line
 * is replaced where it stands, others are left out, a missing one goes before the END.  Every
 * other byte is copied, line ends and odd folds included. */
#include <string.h>

#include "sync/formats/content.h"
#include "sync/formats/ical_impl.h"
#include "sync/formats/vcard.h"
#include "sync/mem.h"

struct format {
	const char *what; /* for errors */
	int (*parse)(const char *bytes, size_t len, json_t **doc, struct error *err);
	const char *component; /* of a calendar; NULL: a card */
};

struct edit {
	struct buf *out;
	const char *bytes;
	size_t copied; /* bytes up to here are in out, or left out on purpose */
	bool written;
	const json_t *names;
	enum vcard_syntax syntax;
	size_t begin;  /* line of the component's BEGIN; 0: the first line */
	size_t depth;  /* components begun and not ended */
	size_t inside; /* the depth inside the component; 0: not there */
};

static void copy_to(struct edit *e, size_t to)
{
	buf_add(e->out, e->bytes + e->copied, to - e->copied);
	e->copied = to;
}

/* The line end that the line at [begin, end) has, or CRLF. */
static const char *eol_of(const struct edit *e, size_t end)
{
	if (end >= 2 && e->bytes[end - 1] == '\n')
		return e->bytes[end - 2] == '\r' ? "\r\n" : "\n";
	return end >= 1 && e->bytes[end - 1] == '\r' ? "\r" : "\r\n";
}

static bool is_ascii(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text >= 0x80)
			return false;
	}
	return true;
}

/* Names as 2.1 has them: only separators are escaped.  It knows neither UTF-8 without a charset nor
 * folds inside words, so what is not plain ASCII is written as quoted-printable. */
static void add_old(const json_t *names, struct buf *line)
{
	struct buf value AUTOBUF = BUF_INIT(VCARD_MAX_BYTES);
	json_t *name;
	size_t i;
	bool plain;

	json_array_foreach(names, i, name) {
		if (i)
			buf_addc(&value, ',');
		for (const char *p = json_string_value(name); *p; p++) {
			if (strchr(",;", *p))
				buf_addc(&value, '\\');
			buf_addc(&value, *p);
		}
	}
	plain = is_ascii(buf_str(&value)) && !strchr(buf_str(&value), '\\');
	buf_adds(line, plain ? ":" : ";CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:");
	for (const char *p = buf_str(&value); *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (!plain && (c >= 0x80 || c == '='))
			buf_addf(line, "=%02X", c);
		else
			buf_addc(line, *p);
	}
}

static void write_names(struct edit *e, const char *group, const char *eol)
{
	struct buf line AUTOBUF = BUF_INIT(VCARD_MAX_BYTES);

	e->written = true;
	if (json_array_size(e->names) == 0)
		return;
	if (group)
		buf_addf(&line, "%s.", group);
	buf_adds(&line, "CATEGORIES");
	if (e->syntax == SYNTAX_21) {
		add_old(e->names, &line);
		buf_add(e->out, buf_str(&line), line.len);
		buf_adds(e->out, eol);
	} else {
		buf_addc(&line, ':');
		vcard_add_categories(e->names, &line);
		vcard_fold(buf_str(&line), line.len, eol, e->out);
	}
	if (line.failed)
		e->out->failed = true;
}

static bool is_end(const struct vcard_line *line)
{
	return strcmp(line->name, "END") == 0;
}

static void edit_line(struct edit *e, const struct vcard_line *line)
{
	if (strcmp(line->name, "CATEGORIES") == 0) {
		copy_to(e, line->begin);
		if (!e->written)
			write_names(e, line->group, eol_of(e, line->end));
		e->copied = line->end;
	} else if (is_end(line) && !e->written) {
		copy_to(e, line->begin);
		/* The line before END tells the line end; END itself may have none. */
		write_names(e, NULL, eol_of(e, line->begin));
	}
}

static void take_line(struct edit *e, const struct vcard_line *line)
{
	if (strcmp(line->name, "BEGIN") == 0) {
		e->depth++;
		if (line->number == e->begin || (!e->begin && e->depth == 1))
			e->inside = e->depth;
	}
	if (e->inside && e->depth == e->inside)
		edit_line(e, line);
	if (is_end(line)) {
		if (e->depth == e->inside)
			e->inside = 0;
		e->depth--;
	}
}

/* The file's categories are these already: then its bytes stay. */
static bool is_same(const json_t *doc, const json_t *names)
{
	const json_t *keywords = json_object_get(doc, "keywords");
	json_t *set = json_object();
	json_t *name;
	bool same;
	size_t i;

	json_array_foreach(names, i, name)
		json_object_set_new(set, json_string_value(name), json_true());
	same = keywords ? json_equal(keywords, set) : json_object_size(set) == 0;
	json_decref(set);
	return same;
}

static int check_names(const json_t *names, struct error *err)
{
	json_t *name;
	size_t i;

	if (!json_is_array(names))
		return error_set(err, ERR_INVALID, "categories must be a list of names");
	json_array_foreach(names, i, name) {
		const char *text = json_string_value(name);

		if (!text || vcard_is_blank(text) || strpbrk(text, "\r\n"))
			return error_set(err, ERR_INVALID, "category %zu is not a name", i + 1);
	}
	return 0;
}

static int edit_lines(struct edit *e, size_t len, const struct format *format, struct error *err)
{
	struct vcard_lexer lexer;
	int rc = vcard_lex_open(&lexer, e->bytes, len, err);

	if (rc == 0 && format->component)
		rc = ical_item_line(e->bytes, len, format->component, &e->begin, err);
	if (format->component)
		lexer.syntax = SYNTAX_30;
	e->syntax = lexer.syntax;
	while (rc == 0) {
		struct vcard_line line;

		rc = vcard_lex_next(&lexer, &line, err);
		if (rc <= 0)
			break;
		rc = 0;
		take_line(e, &line);
		vcard_line_free(&line);
	}
	copy_to(e, len);
	return rc ? rc : buf_check(e->out, format->what, err);
}

static int set_categories(const struct format *format, const char *bytes, size_t len,
	const json_t *names, struct buf *out, struct error *err)
{
	struct edit e = { .out = out, .bytes = bytes, .names = names };
	size_t before = out->len;
	json_t *doc = NULL;
	bool same;
	int rc = check_names(names, err);

	if (rc == 0)
		rc = format->parse(bytes, len, &doc, err);
	if (rc)
		return rc;
	same = is_same(doc, names);
	json_decref(doc);
	if (same) {
		buf_add(out, bytes, len);
		return buf_check(out, format->what, err);
	}
	rc = edit_lines(&e, len, format, err);
	if (rc == 0)
		rc = format->parse(out->data + before, out->len - before, &doc, err);
	if (rc)
		return rc;
	/* vCard 2.1 cannot say a name that ends in a backslash before another one. */
	if (!is_same(doc, names))
		rc = error_set(err, ERR_INVALID, "these categories cannot be written in this file");
	json_decref(doc);
	return rc;
}

int vcard_set_categories(
	const char *bytes, size_t len, const json_t *names, struct buf *out, struct error *err)
{
	static const struct format card = { "the vCard", vcard_parse, NULL };

	return set_categories(&card, bytes, len, names, out, err);
}

int ical_set_categories_event(
	const char *bytes, size_t len, const json_t *names, struct buf *out, struct error *err)
{
	static const struct format event = { "the calendar", ical_parse_event, "VEVENT" };

	return set_categories(&event, bytes, len, names, out, err);
}

int ical_set_categories_task(
	const char *bytes, size_t len, const json_t *names, struct buf *out, struct error *err)
{
	static const struct format task = { "the calendar", ical_parse_task, "VTODO" };

	return set_categories(&task, bytes, len, names, out, err);
}
