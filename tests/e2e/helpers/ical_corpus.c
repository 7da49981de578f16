/* What the gateway makes of iCalendar files, for test_corpus_ics.py and test_ical_oracle.py.
 *
 *	ical_corpus OUT_DIR FILE...
 *
 * One line a file: path, what it was taken as, "taken", "refused" or "bug", and the reason, between
 * tabs.  Of what was taken, OUT_DIR gets NAME.json, the document, NAME.ics, the calendar written
 * from it, and NAME.times, the occurrences: key, start and end (seconds since the epoch; of floating
 * times as if they were UTC), at most MAX_TIMES. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/formats/caltime.h"
#include "sync/formats/document.h"
#include "sync/formats/event.h"
#include "sync/formats/recur.h"
#include "sync/mem.h"

#define MAX_FILE  ((size_t)64 << 20)
#define MAX_TIMES 40

struct reading {
	enum item_kind kind;
	json_t *doc;
	char verdict[16];
	struct error err;
};

static bool read_file(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "rb");
	char chunk[65536];
	size_t n;

	if (!f)
		return false;
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(out, chunk, n);
	fclose(f);
	return true;
}

static void write_file(
	const char *dir, const char *path, const char *suffix, const char *bytes, size_t len)
{
	const char *slash = strrchr(path, '/');
	char *name AUTOFREE = xasprintf("%s/%s%s", dir, slash ? slash + 1 : path, suffix);
	FILE *f = fopen(name, "wb");

	if (!f || fwrite(bytes, 1, len, f) != len) {
		perror(name);
		exit(1);
	}
	fclose(f);
}

static void parse(const struct buf *bytes, struct reading *r)
{
	struct error second = ERROR_INIT;

	r->kind = KIND_EVENT;
	if (!document_kind(KIND_EVENT)->parse(buf_str(bytes), bytes->len, &r->doc, &r->err))
		return;
	if (document_kind(KIND_TASK)->parse(buf_str(bytes), bytes->len, &r->doc, &second))
		return;
	r->kind = KIND_TASK;
}

static bool is_bug(struct reading *r, const char *what)
{
	snprintf(r->verdict, sizeof(r->verdict), "bug");
	error_prefix(&r->err, "%s", what);
	return true;
}

/* Written, read and written again must be the same; so must the document. */
static bool has_bug(struct reading *r, struct buf *first)
{
	const struct document_kind *kind = document_kind(r->kind);
	struct buf second AUTOBUF = BUF_INIT(MAX_FILE);
	json_t *again = NULL;
	bool bug;

	error_set(&r->err, ERR_INTERNAL, "-");
	if (kind->check(r->doc, &r->err))
		return is_bug(r, "check");
	if (kind->render(r->doc, first, &r->err))
		return is_bug(r, "render");
	if (kind->parse(buf_str(first), first->len, &again, &r->err))
		return is_bug(r, "second parse");
	bug = kind->render(again, &second, &r->err) && is_bug(r, "second render");
	if (!bug && (second.len != first->len || memcmp(second.data, first->data, first->len) != 0))
		bug = is_bug(r, "written twice, it differs");
	if (!bug && !json_equal(again, r->doc))
		bug = is_bug(r, "read twice, it differs");
	json_decref(again);
	return bug;
}

static void add_times(const json_t *doc, struct buf *out)
{
	struct zones zones = { 0 };
	struct recur *recur = recur_open(doc);
	int64_t local;

	for (int n = 0; recur && n < MAX_TIMES && recur_next(recur, &local); n++) {
		char key[CALTIME_SIZE];
		json_t *occurrence;
		int64_t start;
		int64_t end;

		caltime_write_local(local, key);
		occurrence = event_occurrence(doc, key);
		if (event_instants(&zones, occurrence, NULL, &start, &end))
			buf_addf(out, "%s %" PRId64 " %" PRId64 "\n", key, start, end);
		json_decref(occurrence);
	}
	recur_close(recur);
	zones_free(&zones);
}

static void judge(const char *dir, const char *path)
{
	struct buf bytes AUTOBUF = BUF_INIT(MAX_FILE);
	struct buf written AUTOBUF = BUF_INIT(MAX_FILE);
	struct buf times AUTOBUF = BUF_INIT(MAX_FILE);
	struct reading r = { .verdict = "refused", .err = ERROR_INIT };
	const char *name = "-";

	if (!read_file(path, &bytes)) {
		perror(path);
		exit(1);
	}
	parse(&bytes, &r);
	if (r.doc) {
		char *json = json_dumps(r.doc, JSON_INDENT(1));

		name = document_kind(r.kind)->name;
		if (!has_bug(&r, &written))
			snprintf(r.verdict, sizeof(r.verdict), "taken");
		add_times(r.doc, &times);
		write_file(dir, path, ".json", json, strlen(json));
		write_file(dir, path, ".ics", buf_str(&written), written.len);
		write_file(dir, path, ".times", buf_str(&times), times.len);
		free(json);
	}
	printf("%s\t%s\t%s\t%s\n", path, name, r.verdict,
		strcmp(r.verdict, "taken") == 0 ? "" : r.err.text);
	json_decref(r.doc);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: ical_corpus OUT_DIR FILE...\n");
		return 2;
	}
	for (int i = 2; i < argc; i++)
		judge(argv[1], argv[i]);
	return 0;
}
