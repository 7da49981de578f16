/* The table of kinds, and what is the same for all of them: item names and file names. */
#include "sync/formats/document.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "sync/formats/card.h"
#include "sync/formats/card_check.h"
#include "sync/formats/event.h"
#include "sync/formats/ical.h"
#include "sync/formats/vcard.h"
#include "sync/mem.h"

#define NAME_BYTES  255
#define TITLE_BYTES (1 << 20)

static int render_card(const json_t *doc, struct buf *out, struct error *err)
{
	return vcard_render(doc, VCARD_40, out, err);
}

static int render_card_30(const json_t *doc, struct buf *out, struct error *err)
{
	return vcard_render(doc, VCARD_30, out, err);
}

static json_t *new_event(void)
{
	return event_new("Event");
}

static json_t *new_task(void)
{
	return event_new("Task");
}

/* Events and tasks have no slots and are not found by addresses. */
static void assign_nothing(json_t *doc, const json_t *base)
{
	(void)doc;
	(void)base;
}

static json_t *no_emails(const json_t *doc)
{
	(void)doc;
	return json_array();
}

static const struct document_kind kinds[] = {
	{
		.kind = KIND_CONTACT,
		.name = "contact",
		.suffix = ".vcf",
		.parse = vcard_parse,
		.render = render_card,
		.render_30 = render_card_30,
		.set_categories = vcard_set_categories,
		.assign_slots = card_assign_slots,
		.title = card_title,
		.blank = card_new,
		.emails = card_emails,
		.read_only = card_read_only,
		.check = card_check,
	},
	{
		.kind = KIND_EVENT,
		.name = "event",
		.suffix = ".ics",
		.parse = ical_parse_event,
		.render = ical_render,
		.set_categories = ical_set_categories_event,
		.assign_slots = event_keep_zone,
		.title = event_title,
		.blank = new_event,
		.emails = no_emails,
		.check = event_check,
	},
	{
		.kind = KIND_TASK,
		.name = "task",
		.suffix = ".ics",
		.parse = ical_parse_task,
		.render = ical_render,
		.set_categories = ical_set_categories_task,
		.assign_slots = assign_nothing,
		.title = event_title,
		.blank = new_task,
		.emails = no_emails,
		.check = event_check_task,
	},
};

const struct document_kind *document_kind(enum item_kind kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (kinds[i].kind == kind)
			return &kinds[i];
	}
	return NULL;
}

int document_render(const struct document_kind *kind, const json_t *doc, bool vcard_30,
	struct buf *out, struct error *err)
{
	return vcard_30 && kind->render_30 ? kind->render_30(doc, out, err)
					   : kind->render(doc, out, err);
}

bool document_is_item_name(enum item_kind kind, const char *name)
{
	const struct document_kind *row = document_kind(kind);
	size_t suffix = row ? strlen(row->suffix) : 0;
	size_t len = strlen(name);

	return row && name[0] != '.' && len > suffix &&
	       strcmp(name + len - suffix, row->suffix) == 0;
}

const char *document_uid(const json_t *doc)
{
	return json_string_value(json_object_get(doc, "uid"));
}

/* Adds title without what a name must not hold.  Line breaks and tabs become spaces, '/' a dash;
 * the other control characters (C0, DEL, and C1 as U+0080..U+009F) go. */
static void add_clean(const char *title, struct buf *out)
{
	const unsigned char *p = (const unsigned char *)title;

	for (; *p; p++) {
		if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
			p++;
		else if (isspace(*p))
			buf_addc(out, ' ');
		else if (*p == '/')
			buf_addc(out, '-');
		else if (*p >= 0x20 && *p != 0x7f)
			buf_addc(out, (char)*p);
	}
}

/* Length of text cut to at most max bytes at a character. */
static size_t cut(const char *text, size_t len, size_t max)
{
	if (len <= max)
		return len;
	while (max && ((unsigned char)text[max] & 0xc0) == 0x80)
		max--;
	return max;
}

char *document_file_name(const struct document_kind *kind, const json_t *doc, unsigned int n)
{
	struct buf title AUTOBUF = BUF_INIT(TITLE_BYTES);
	struct buf clean AUTOBUF = BUF_INIT(TITLE_BYTES);
	char number[32] = "";
	const char *name;
	size_t len;

	kind->title(doc, &title);
	add_clean(buf_str(&title), &clean);
	if (n >= 2)
		snprintf(number, sizeof(number), " (%u)", n);
	name = buf_str(&clean);
	name += strspn(name, ". ");
	len = cut(name, strlen(name), NAME_BYTES - strlen(number) - strlen(kind->suffix));
	while (len && name[len - 1] == ' ')
		len--;
	if (len == 0) {
		name = kind->name;
		len = strlen(name);
	}
	return xasprintf("%.*s%s%s", (int)len, name, number, kind->suffix);
}
