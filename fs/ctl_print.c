/* What tandemctl prints: tables, the status, progress of a long sync. */
#include "fs/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sync/buf.h"
#include "sync/mem.h"

#define CELL_LIMIT ((size_t)4096)
#define BAR_WIDTH  24

void ctl_print_json(const json_t *json)
{
	json_dumpf(json ? json : json_null(), stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
}

/* Characters, not bytes. */
static int width(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* A value as a cell; control characters of a remote's text do not reach the terminal. */
static char *cell(const json_t *value)
{
	struct buf text AUTOBUF = BUF_INIT(CELL_LIMIT);
	const char *s = json_string_value(value);

	if (json_is_integer(value))
		buf_addf(&text, "%lld", (long long)json_integer_value(value));
	else if (json_is_boolean(value))
		buf_adds(&text, json_is_true(value) ? "yes" : "no");
	else if (!s)
		buf_adds(&text, "-");
	for (; s && *s; s++)
		buf_addc(&text, (unsigned char)*s < 0x20 || *s == 0x7f ? ' ' : *s);
	return buf_take(&text);
}

/* Pads to `column`, but not after the last one. */
static void print_cell(const char *text, int column, bool last)
{
	printf("%s%*s", text, last ? 0 : column - width(text) + 2, "");
	if (last)
		putchar('\n');
}

void ctl_print_list(const struct ctl *ctl, const json_t *rows, const struct ctl_column *columns,
	size_t n, const char *none)
{
	int *widths AUTOFREE = xcalloc(n, sizeof(*widths));
	const json_t *row;
	size_t i;

	if (ctl->json) {
		ctl_print_json(rows);
		return;
	}
	if (!json_array_size(rows)) {
		puts(none);
		return;
	}
	for (size_t k = 0; k < n; k++)
		widths[k] = width(columns[k].title);
	json_array_foreach((json_t *)rows, i, row) {
		for (size_t k = 0; k < n; k++) {
			char *text AUTOFREE = cell(json_object_get(row, columns[k].key));

			if (width(text) > widths[k])
				widths[k] = width(text);
		}
	}
	for (size_t k = 0; k < n; k++)
		print_cell(columns[k].title, widths[k], k + 1 == n);
	json_array_foreach((json_t *)rows, i, row) {
		for (size_t k = 0; k < n; k++) {
			char *text AUTOFREE = cell(json_object_get(row, columns[k].key));

			print_cell(text, widths[k], k + 1 == n);
		}
	}
}

/* ---- status ----------------------------------------------------------------------------------- */

static json_int_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *text_of(const json_t *object, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : otherwise;
}

/* Signs of another gateway. */
static void print_gateways(const json_t *warnings)
{
	const json_t *row;
	size_t i;

	json_array_foreach((json_t *)warnings, i, row) {
		const char *who = text_of(row, "who", NULL);

		printf("  WARNING    another gateway? %s%s%s%s\n"
		       "             %lld time%s, from %s to %s, the last was %s\n",
			text_of(row, "what", "?"), who ? " (" : "", who ? who : "", who ? ")" : "",
			(long long)number(row, "times"), number(row, "times") == 1 ? "" : "s",
			text_of(row, "since", "?"), text_of(row, "last", "?"),
			text_of(row, "example", "?"));
	}
}

static void print_mailbox(const json_t *mb)
{
	static const char *const states[] = { "synced", "pending", "local", "conflict", "excluded",
		"error" };
	const json_t *items = json_object_get(mb, "items"), *row;
	const char *between = "", *where;
	bool first = true;
	size_t i;

	printf("%s  (policy %s)%s\n", text_of(mb, "mailbox", "?"), text_of(mb, "policy", "none"),
		json_is_true(json_object_get(mb, "running")) ? "  syncing now" : "");
	printf("  last sync  %s\n", text_of(mb, "last_sync", "never"));
	if (text_of(mb, "error", NULL))
		printf("  error      %s\n", text_of(mb, "error", ""));
	print_gateways(json_object_get(mb, "other_gateways"));
	printf("  items      ");
	for (size_t k = 0; k < ARRAY_SIZE(states); k++) {
		if (k && !number(items, states[k]))
			continue;
		printf("%s%lld %s", between, (long long)number(items, states[k]), states[k]);
		between = ", ";
	}
	putchar('\n');
	json_array_foreach(json_object_get(mb, "folders"), i, row)
		printf("  %-9s  %s: %lld%s\n", i ? "" : "folders", text_of(row, "name", "?"),
			(long long)number(row, "items"),
			json_is_true(json_object_get(row, "complete")) ? ""
								       : " (first sync not ended)");
	if (number(mb, "conflicts"))
		printf("  conflicts  %lld, see `tandemctl conflicts`\n",
			(long long)number(mb, "conflicts"));
	json_object_foreach(json_object_get(mb, "waiting_creates"), where, row) {
		printf("  %-9s  %lld creates (%s) for the next cycle, by max-create\n",
			first ? "waiting" : "", (long long)json_integer_value(row), where);
		first = false;
	}
	json_array_foreach(json_object_get(mb, "leads"), i, row)
		printf("  %-9s  %s: %zu with one of its addresses\n", i ? "" : "leads",
			text_of(row, "path", "?"), json_array_size(json_object_get(row, "leads")));
	json_array_foreach(json_object_get(mb, "not_imported"), i, row)
		printf("  %-9s  record %s: %s has its address and is not designated\n",
			i ? "" : "no import", text_of(row, "record", "?"),
			text_of(row, "path", "?"));
	json_array_foreach(json_object_get(mb, "unmatched_companies"), i, row)
		printf("  %-9s  %s: %s has %lld accounts\n", i ? "" : "unmatched",
			text_of(row, "path", "?"), text_of(row, "company", "(no company)"),
			(long long)number(row, "accounts_of_that_name"));
	if (json_array_size(json_object_get(mb, "held_deletes")))
		printf("  held       %zu deletions, see `tandemctl deletes`\n",
			json_array_size(json_object_get(mb, "held_deletes")));
}

static void print_rebuilt(const json_t *note)
{
	if (!note)
		return;
	printf("WARNING    the cache was damaged and built anew at %s; the old one is kept as %s\n"
	       "           %lld items were taken over, %lld came or come again from Exchange,"
	       " %lld files went to lost+found\n",
		text_of(note, "time", "?"), text_of(note, "file", "?"),
		(long long)number(note, "items"), (long long)number(note, "incomplete"),
		(long long)number(note, "lost_found"));
}

void ctl_print_status(const struct ctl *ctl, const json_t *status)
{
	const json_t *mailboxes = json_object_get(status, "mailboxes"), *mb;
	size_t i;

	if (ctl->json) {
		ctl_print_json(status);
		return;
	}
	if (!mailboxes) {
		print_mailbox(status);
		return;
	}
	printf("gateway    %s%s, CRM: %s\n",
		json_is_true(json_object_get(status, "offline")) ? "offline" : "running",
		json_is_true(json_object_get(status, "held")) ? ", on hold" : "",
		text_of(status, "crm", "none"));
	print_rebuilt(json_object_get(status, "cache_rebuilt"));
	json_array_foreach((json_t *)mailboxes, i, mb) {
		putchar('\n');
		print_mailbox(mb);
	}
}

/* ---- progress --------------------------------------------------------------------------------- */

void ctl_bar_init(struct ctl_bar *bar)
{
	*bar = (struct ctl_bar){ .terminal = isatty(2) };
}

static void draw(
	struct ctl_bar *bar, const char *what, json_int_t done, json_int_t total, size_t more)
{
	int filled = total > 0 ? (int)(done * BAR_WIDTH / total) : 0;

	fprintf(stderr, "\r\033[K%s ", what);
	if (total > 0) {
		fputc('[', stderr);
		for (int i = 0; i < BAR_WIDTH; i++)
			fputc(i < filled ? '#' : '.', stderr);
		fprintf(stderr, "] %lld/%lld", (long long)done, (long long)total);
	}
	if (more)
		fprintf(stderr, " (%zu more)", more);
	fflush(stderr);
	bar->shown = true;
}

void ctl_bar_progress(void *data, const json_t *progress)
{
	struct ctl_bar *bar = data;
	const json_t *step = json_array_get(progress, 0);
	json_int_t done = number(step, "done"), total = number(step, "total");
	char what[sizeof(bar->last)];

	if (!step)
		return;
	snprintf(what, sizeof(what), "%s: %s", text_of(step, "mailbox", "?"),
		text_of(step, "phase", "?"));
	if (bar->terminal) {
		draw(bar, what, done, total, json_array_size(progress) - 1);
		return;
	}
	if (total > 0)
		snprintf(what + strlen(what), sizeof(what) - strlen(what), " %lld/%lld",
			(long long)done, (long long)total);
	if (strcmp(what, bar->last) != 0)
		fprintf(stderr, "%s\n", what);
	memcpy(bar->last, what, sizeof(what));
}

void ctl_bar_end(struct ctl_bar *bar)
{
	if (bar->shown)
		fputs("\r\033[K", stderr);
}
