/* Users from a CSV file.  See users.h.  The columns are a table of the same value parsers that the
 * configuration's [user] keys use, so that whatever is taken here is taken there. */
#include "mountopts/users.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mountopts/private.h"
#include "sync/buf.h"
#include "sync/mem.h"

#define MAX_COLUMNS 64

static const struct column {
	const char *name;
	value_parser *parse; /* NULL: the address */
	size_t offset;
} columns[] = {
	{ "address", NULL, 0 },
	{ "name", value_optional, offsetof(struct config_user, name) },
	{ "crm-user", value_optional, offsetof(struct config_user, crm_user) },
	{ "uid", value_uid, offsetof(struct config_user, uid) },
	{ "gid", value_gid, offsetof(struct config_user, gid) },
	{ "timezone", value_timezone, offsetof(struct config_user, timezone) },
};

struct csv {
	const char *at;
	const char *name;
	unsigned int line; /* of the record being read */
	unsigned int next_line;
	char separator;
	char *cells[MAX_COLUMNS];
	size_t n;
};

static void clear_cells(struct csv *csv)
{
	while (csv->n)
		free(csv->cells[--csv->n]);
}

/* One cell; afterwards csv->at stands on what ended it. */
static int read_cell(struct csv *csv, struct buf *cell, struct error *err)
{
	bool quoted = *csv->at == '"';

	csv->at += quoted;
	for (; *csv->at; csv->at++) {
		if (quoted && *csv->at == '"') {
			if (csv->at[1] != '"')
				break;
			csv->at++;
		} else if (!quoted &&
			   (*csv->at == csv->separator || *csv->at == '\n' || *csv->at == '\r')) {
			break;
		}
		csv->next_line += *csv->at == '\n';
		buf_addc(cell, *csv->at);
	}
	if (!quoted)
		return 0;
	if (*csv->at != '"')
		return error_set(err, ERR_INVALID, "%s:%u: a quoted value does not end", csv->name,
			csv->line);
	csv->at++;
	if (*csv->at && *csv->at != csv->separator && *csv->at != '\n' && *csv->at != '\r')
		return error_set(
			err, ERR_INVALID, "%s:%u: text after a quoted value", csv->name, csv->line);
	return 0;
}

/* Reads one record into cells; blank lines are passed over.  n == 0 at the end. */
static int read_record(struct csv *csv, struct error *err)
{
	clear_cells(csv);
	for (; *csv->at == '\n' || *csv->at == '\r'; csv->at++)
		csv->next_line += *csv->at == '\n';
	csv->line = csv->next_line;
	for (bool more = *csv->at; more;) {
		struct buf cell AUTOBUF = BUF_INIT(4096);
		int rc = read_cell(csv, &cell, err);

		if (!rc)
			rc = buf_check(&cell, "a value", err);
		if (!rc && csv->n == MAX_COLUMNS)
			rc = error_set(err, ERR_INVALID, "%s:%u: more than %d columns", csv->name,
				csv->line, MAX_COLUMNS);
		if (rc)
			return rc;
		csv->cells[csv->n++] = buf_take(&cell);
		more = *csv->at == csv->separator;
		csv->at += more;
	}
	return 0;
}

/* The header row: which column of the file is which of ours. */
static int read_header(struct csv *csv, const struct column **order, size_t *n, struct error *err)
{
	bool address = false;
	int rc;

	csv->separator = csv->at[strcspn(csv->at, ",;\n")] == ';' ? ';' : ',';
	if ((rc = read_record(csv, err)))
		return rc;
	*n = csv->n;
	for (size_t i = 0; i < csv->n; i++) {
		order[i] = NULL;
		for (size_t j = 0; j < ARRAY_SIZE(columns); j++)
			if (!strcasecmp(columns[j].name, csv->cells[i]))
				order[i] = &columns[j];
		if (!order[i])
			return error_set(err, ERR_INVALID,
				"%s:%u: unknown column \"%s\" (known: address, name, crm-user, "
				"uid, gid, timezone)",
				csv->name, csv->line, csv->cells[i]);
		for (size_t j = 0; j < i; j++)
			if (order[j] == order[i])
				return error_set(err, ERR_INVALID,
					"%s:%u: the column \"%s\" stands here twice", csv->name,
					csv->line, order[i]->name);
		address = address || !order[i]->parse;
	}
	if (!address)
		return error_set(err, ERR_INVALID,
			"%s: the first line must name the columns, \"address\" among them",
			csv->name);
	return 0;
}

static int read_user(struct csv *csv, const struct column *const *order, struct config_user *user,
	struct error *err)
{
	struct value_place place = { 0 };

	for (size_t i = 0; i < csv->n; i++) {
		const struct column *column = order[i];
		int rc = 0;

		if (strstr(csv->cells[i], " ;")) {
			/* in the configuration that begins a comment */
			rc = error_set(err, ERR_INVALID, "cannot hold a blank and a semicolon");
		} else if (!column->parse) {
			user->address = config_address(csv->cells[i], err);
			rc = user->address ? 0 : ERR_INVALID;
		} else if (*csv->cells[i]) {
			rc = column->parse(
				(char *)user + column->offset, csv->cells[i], &place, NULL, err);
			user->own_uid = user->own_uid || column->parse == value_uid;
			user->own_gid = user->own_gid || column->parse == value_gid;
		}
		if (rc)
			return error_prefix(err, "%s:%u: %s", csv->name, csv->line, column->name);
	}
	return 0;
}

static int by_address(const void *a, const void *b)
{
	return strcmp((*(const struct config_user *const *)a)->address,
		(*(const struct config_user *const *)b)->address);
}

static int check_doubles(
	const char *name, const struct config_user *users, size_t n, struct error *err)
{
	const struct config_user **sorted = xcalloc(n, sizeof(*sorted));
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		sorted[i] = &users[i];
	qsort(sorted, n, sizeof(*sorted), by_address);
	for (size_t i = 1; i < n && !rc; i++)
		if (!strcmp(sorted[i - 1]->address, sorted[i]->address))
			rc = error_set(err, ERR_INVALID, "%s: %s stands here twice", name,
				sorted[i]->address);
	free(sorted);
	return rc;
}

int users_parse_csv(const char *text, const char *name, struct config_user **users, size_t *n,
	struct error *err)
{
	struct csv csv = { .at = text, .name = name, .next_line = 1 };
	const struct column *order[MAX_COLUMNS];
	size_t width = 0;
	int rc;

	*users = NULL;
	*n = 0;
	if (!strncmp(csv.at, "\xef\xbb\xbf", 3))
		csv.at += 3;
	rc = read_header(&csv, order, &width, err);
	while (!rc && !(rc = read_record(&csv, err)) && csv.n) {
		if (csv.n != width) {
			rc = error_set(err, ERR_INVALID,
				"%s:%u: %zu columns where the first line has %zu", name, csv.line,
				csv.n, width);
			break;
		}
		*users = xreallocarray(*users, *n + 1, sizeof(**users));
		memset(&(*users)[*n], 0, sizeof(**users));
		rc = read_user(&csv, order, &(*users)[(*n)++], err);
	}
	clear_cells(&csv);
	if (!rc)
		rc = check_doubles(name, *users, *n, err);
	if (rc) {
		users_free(*users, *n);
		*users = NULL;
		*n = 0;
	}
	return rc;
}

int users_import(const char *path, struct config_user **users, size_t *n, struct error *err)
{
	struct buf text AUTOBUF = BUF_INIT(CONFIG_FILE_MAX);
	int rc = config_read_file(&text, path, err);

	*users = NULL;
	*n = 0;
	return rc ? rc : users_parse_csv(buf_str(&text), path, users, n, err);
}

void users_print(const struct config_user *users, size_t n, FILE *out)
{
	for (size_t i = 0; i < n; i++) {
		fprintf(out, "%s[user \"%s\"]\n", i ? "\n" : "", users[i].address);
		if (users[i].name)
			fprintf(out, "name = %s\n", users[i].name);
		if (users[i].crm_user)
			fprintf(out, "crm-user = %s\n", users[i].crm_user);
		if (users[i].own_uid)
			fprintf(out, "uid = %u\n", (unsigned int)users[i].uid);
		if (users[i].own_gid)
			fprintf(out, "gid = %u\n", (unsigned int)users[i].gid);
		if (users[i].timezone)
			fprintf(out, "timezone = %s\n", users[i].timezone);
	}
}

void users_free(struct config_user *users, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(users[i].address);
		free(users[i].name);
		free(users[i].crm_user);
		free(users[i].timezone);
	}
	free(users);
}
