/* Is another gateway at work in the mailbox or the CRM?  Evidence for a warning in status; nothing is stopped.
 *
 *	token    a create carries a token (I1), and a token says which installation made it and when: a fresh
 *	         one of another installation is another tandemfs.  Old ones (of a cache that was lost, of a
 *	         copy, of a restored backup) say nothing.
 *	twin     soon after we made an item or a record, somebody made one with the same keys beside it
 *	rewrite  soon after we wrote a field, somebody changed it where we had written it
 *	folder   somebody makes items in a folder that another product is known to fill
 *
 * People do some of this as well, so all but a token have to come several times within an hour, and
 * rewrites after several of our cycles: a bulk edit or a restored backup follows one of them.  What we
 * wrote and what followed is kept in memory, and a restart that forgets it is no harm; a warning is in the
 * store.  All of it is told by what a cycle reads anyway. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

/* So many pieces of evidence within an hour are no accident any more. */
#define FEW 5
/* ... and rewrites after so many of our cycles. */
#define FEW_CYCLES 3
#define HOUR_NS	   (3600 * NS_PER_S)
/* Soon after we wrote a field. */
#define STEP_NS (15 * 60 * NS_PER_S)
/* A token is fresh, and a warning stands, for so long. */
#define DAY_NS (24 * HOUR_NS)
/* More writes than this are not remembered: a first sync is followed by more. */
#define WRITES_MAX 4096
/* Of the names of the fields of one. */
#define NAMES_LIMIT  ((size_t)1 << 16)

#define INSTALLATION "installation" /* its number, when it began, and its machine */
#define MACHINE_SIZE 40
#define ID_DIGITS    8
#define TIME_DIGITS  11
#define TOKEN_DIGITS 32

struct evidence_kind {
	const char *name;
	size_t few, few_cycles;
	const char *what[SIDES];
};

static const struct evidence_kind kinds[EVIDENCES] = {
	[EVIDENCE_TOKEN] = { "token", 1, 1,
		{ "another tandemfs makes items in this mailbox",
			"another tandemfs makes records of this user" } },
	[EVIDENCE_TWIN] = { "twin", FEW, 1,
		{ "somebody makes items a second time that tandemfs has just made",
			"somebody makes records a second time that tandemfs has just made" } },
	[EVIDENCE_REWRITE] = { "rewrite", FEW, FEW_CYCLES,
		{ "somebody changes in Exchange what tandemfs has just written there",
			"somebody changes in the CRM what tandemfs has just written there" } },
	[EVIDENCE_FOLDER] = { "folder", FEW, 1,
		{ "somebody makes items in a folder of another gateway", NULL } },
};

static const char *const side_names[SIDES] = { "exchange", "crm" };

/* Folders that other products make, and fill with what they copy from the CRM. */
static const struct {
	const char *name, *product;
	enum item_kind kind;
} folders[] = {
	/* linkpoint360.com/connectme/kb/articles/How-ConnectME-Works-and-What-It-Syncs */
	{ "Salesforce Contacts", "LinkPoint Connect(ME)", KIND_CONTACT },
	{ "Salesforce Tasks", "LinkPoint Connect(ME)", KIND_TASK },
	/* linkpoint360.com/kb/troubleshooting-contact-sync-exchange-salesforce */
	{ "SF Contact Sync", "LinkPoint Connect: Cloud Edition", KIND_CONTACT },
};

/* ---- what is remembered ----------------------------------------------------------------------- */

static struct gateway *memory_of(struct engine_mailbox *mb)
{
	struct gateway *g = mb->gateway;

	if (g)
		return g;
	g = mb->gateway = xcalloc(1, sizeof(*g));
	for (int side = 0; side < SIDES; side++) {
		g->wrote[side] = json_object();
		g->made[side] = json_object();
		for (int what = 0; what < EVIDENCES; what++)
			g->seen[what][side] = json_object();
	}
	return g;
}

void gateway_free(struct engine_mailbox *mb)
{
	struct gateway *g = mb->gateway;

	for (int side = 0; g && side < SIDES; side++) {
		json_decref(g->wrote[side]);
		json_decref(g->made[side]);
		for (int what = 0; what < EVIDENCES; what++)
			json_decref(g->seen[what][side]);
	}
	free(g);
	mb->gateway = NULL;
}

static int64_t time_of(const json_t *entry)
{
	return json_integer_value(json_object_get(entry, "at"));
}

static void forget_older(json_t *entries, int64_t before)
{
	const char *key;
	json_t *entry;
	void *next;

	json_object_foreach_safe(entries, next, key, entry)
	{
		if (time_of(entry) < before)
			json_object_del(entries, key);
	}
}

static void remember(struct cycle *c, json_t *entries, const char *key, json_t *entry)
{
	if (json_object_size(entries) >= WRITES_MAX)
		forget_older(entries, c->began - HOUR_NS);
	if (json_object_size(entries) >= WRITES_MAX)
		json_object_clear(entries);
	json_object_set_new(entries, key, entry);
}

static void item_name(char name[24], int64_t item)
{
	snprintf(name, 24, "%lld", (long long)item);
}

/* ---- installations and their tokens ----------------------------------------------------------- */

/* What tells this machine from others, or "-" (machine-id(5)). */
static void read_machine(char id[MACHINE_SIZE])
{
	FILE *file = fopen("/etc/machine-id", "re");

	snprintf(id, MACHINE_SIZE, "-");
	if (!file)
		return;
	if (!fgets(id, MACHINE_SIZE, file) || !isalnum((unsigned char)*id))
		snprintf(id, MACHINE_SIZE, "-");
	id[strcspn(id, " \n")] = '\0';
	fclose(file);
}

/* A cache that was copied to another machine is another installation there. */
int gateway_start(struct engine *e, struct error *err)
{
	char machine[MACHINE_SIZE], *random AUTOFREE = engine_token(), *known AUTOFREE = NULL;
	const char *where;
	int rc = store_value_get(e->store, INSTALLATION, &known, err);

	read_machine(machine);
	where = known ? strrchr(known, ' ') : NULL;
	if (!rc && (!where || strcmp(where + 1, machine) != 0)) {
		free(known);
		known = xasprintf("%.*s %lld %s", ID_DIGITS, random,
			(long long)(store_now(e->store) / NS_PER_MS), machine);
		rc = store_begin(e->store, STORE_FULL, STORE_LOCAL, err);
		if (!rc)
			rc = store_value_set(e->store, INSTALLATION, known, err);
		rc = rc ? (store_rollback(e->store), rc) : store_commit(e->store, err);
	}
	if (rc)
		return rc;
	snprintf(e->installation, sizeof(e->installation), "%s", known);
	e->installed = strtoll(known + ID_DIGITS, NULL, 10);
	return 0;
}

char *gateway_token(struct engine *e)
{
	char *random AUTOFREE = engine_token();

	return xasprintf("%s%0*llx%s", e->installation, TIME_DIGITS,
		(unsigned long long)(store_now(e->store) / NS_PER_MS),
		random + ID_DIGITS + TIME_DIGITS);
}

static bool is_ours(const struct engine *e, const char *token)
{
	return token && !strncmp(token, e->installation, ID_DIGITS);
}

/* Has another installation made this token since this one is there, and of late? */
static bool is_foreign(const struct cycle *c, const char *token)
{
	char digits[TIME_DIGITS + 1];
	int64_t made;

	if (!token || strlen(token) != TOKEN_DIGITS ||
		strspn(token, "0123456789abcdef") != TOKEN_DIGITS || is_ours(c->engine, token))
		return false;
	snprintf(digits, sizeof(digits), "%s", token + ID_DIGITS);
	made = strtoll(digits, NULL, 16);
	return made > c->engine->installed && made > (c->began - DAY_NS) / NS_PER_MS;
}

/* ---- evidence --------------------------------------------------------------------------------- */

/* id: whatever is the same thing seen again.  cycle: of ours that it followed. */
static void note(struct cycle *c, enum evidence what, enum side side, const char *id, int64_t cycle,
	const char *example, const char *who)
{
	struct gateway *g = memory_of(c->mb);

	remember(c, g->seen[what][side], id,
		json_pack("{s:I, s:I, s:s, s:s*}", "at", (json_int_t)store_now(c->store), "cycle",
			(json_int_t)cycle, "example", example, "who", who));
	g->fresh[what][side]++;
}

static void note_item(struct cycle *c, enum evidence what, enum side side, const struct pair *pair,
	const char *id, int64_t cycle, const char *who)
{
	char *path AUTOFREE = pair_path(c, pair);

	note(c, what, side, id, cycle, path, who);
}

/* What tells an item of this kind from others, as flat fields of the CRM have it.  New array. */
static json_t *keys_of(struct cycle *c, enum item_kind kind, const json_t *fields)
{
	const struct field_table *table = &c->tables[SIDE_CRM][kind];
	json_t *keys = json_array();
	char *key AUTOFREE = match_key(table, fields);

	if (key)
		json_array_append_new(keys, json_string(key));
	for (size_t i = 0; !key && i < table->n; i++) {
		const char *address = json_string_value(value_get(fields, table->rows[i].name));

		if (address && !strncmp(table->rows[i].path, "emails/", strlen("emails/")))
			json_array_append_new(keys, json_string(address));
	}
	return keys;
}

static json_t *keys_of_document(struct cycle *c, enum item_kind kind, const json_t *doc)
{
	const struct field_table *table = &c->tables[SIDE_CRM][kind];
	json_t *fields = table->n ? field_project(table, doc, NULL, NULL) : NULL;
	json_t *keys = keys_of(c, kind, fields);

	json_decref(fields);
	return keys;
}

/* Of two texts that differ in case only, and of one in different kinds. */
static char *key_name(enum item_kind kind, const json_t *key)
{
	char *name = xasprintf("%d:%s", kind, json_string_value(key));

	for (char *p = name; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return name;
}

void gateway_wrote(struct cycle *c, const struct pair *pair, enum side side, const json_t *changed,
	bool created)
{
	struct gateway *g = memory_of(c->mb);
	struct buf fields AUTOBUF = BUF_INIT(NAMES_LIMIT);
	json_t *keys, *value;
	char name[24];
	size_t i;

	item_name(name, pair->item.id);
	json_array_foreach((json_t *)changed, i, value)
		if (json_string_value(value)[0] != '@')
			buf_addf(&fields, "\n%s\n", json_string_value(value));
	if (!fields.len) /* but for our marks, what was written last is what it was */
		return;
	remember(c, g->wrote[side], name,
		json_pack("{s:I, s:I, s:s}", "at", (json_int_t)store_now(c->store), "cycle",
			(json_int_t)c->began, "fields", buf_str(&fields)));
	if (!created)
		return;
	keys = keys_of_document(c, pair->item.kind, pair->item.doc);
	json_array_foreach(keys, i, value) {
		char *key AUTOFREE = key_name(pair->item.kind, value);

		remember(c, g->made[side], key,
			json_pack("{s:I, s:I}", "at", (json_int_t)store_now(c->store), "item",
				(json_int_t)pair->item.id));
	}
	json_decref(keys);
}

void gateway_changed(struct cycle *c, const struct pair *pair, enum side side, const char *field)
{
	struct gateway *g = memory_of(c->mb);
	char *line AUTOFREE = xasprintf("\n%s\n", field);
	const json_t *wrote;
	char name[24];

	item_name(name, pair->item.id);
	wrote = json_object_get(g->wrote[side], name);
	if (wrote && store_now(c->store) - time_of(wrote) <= STEP_NS &&
		strstr(json_string_value(json_object_get(wrote, "fields")), line))
		note_item(c, EVIDENCE_REWRITE, side, pair, name,
			json_integer_value(json_object_get(wrote, "cycle")), NULL);
}

/* The item that we made on this side within the hour, and which has one of these keys; 0: none.  Takes the
 * keys. */
static int64_t twin_of(struct cycle *c, enum side side, enum item_kind kind, json_t *keys)
{
	struct gateway *g = memory_of(c->mb);
	int64_t found = 0;
	json_t *value;
	size_t i;

	json_array_foreach(keys, i, value) {
		char *key AUTOFREE = key_name(kind, value);
		const json_t *made = json_object_get(g->made[side], key);

		if (made && store_now(c->store) - time_of(made) <= HOUR_NS)
			found = json_integer_value(json_object_get(made, "item"));
	}
	json_decref(keys);
	return found;
}

static bool has_made(struct cycle *c, enum side side)
{
	return json_object_size(memory_of(c->mb)->made[side]) > 0;
}

static void note_twin(struct cycle *c, enum side side, int64_t item)
{
	struct pair pair;
	char name[24];

	if (pair_load(c, item, &pair, NULL))
		return;
	item_name(name, item);
	if (pair.item.ino)
		note_item(c, EVIDENCE_TWIN, side, &pair, name, 0, NULL);
	pair_clear(&pair);
}

/* The product whose folder the item came into, when all that was there before is known; NULL: none. */
static const char *product_of(struct cycle *c, const struct pair *pair)
{
	struct store_folder folder = { 0 };
	struct store_node node;
	bool is_new = !store_folder_get(c->store, pair->item.folder, &folder, NULL) &&
		      folder.complete && !folder.is_sync;

	store_folder_clear(&folder);
	if (!is_new || store_node_get(c->store, pair->item.folder, &node, NULL))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (folders[i].kind == pair->item.kind && !strcasecmp(folders[i].name, node.name))
			return folders[i].product;
	return NULL;
}

void gateway_item(
	struct cycle *c, const struct pair *pair, const json_t *data, const char *id, bool is_copy)
{
	const char *token = json_string_value(json_object_get(data, "token")), *product;
	enum item_kind kind = pair->item.kind;
	char who[ID_DIGITS + 1];
	int64_t item = 0;

	snprintf(who, sizeof(who), "%s", token ? token : "");
	if (is_foreign(c, token))
		note_item(c, EVIDENCE_TOKEN, SIDE_EXCHANGE, pair, id, 0, who);
	if (is_copy || is_ours(c->engine, token))
		return;
	if (has_made(c, SIDE_EXCHANGE))
		item = twin_of(c, SIDE_EXCHANGE, kind, keys_of_document(c, kind, pair->item.doc));
	if (item)
		note_twin(c, SIDE_EXCHANGE, item);
	product = product_of(c, pair);
	if (product)
		note_item(c, EVIDENCE_FOLDER, SIDE_EXCHANGE, pair, id, 0, product);
}

/* By the CRM's clock: was the record made after the one that the item is linked with? */
static bool is_younger(struct cycle *c, const struct store_record *record, int64_t item)
{
	struct store_record linked = { 0 };
	struct store_side side;
	bool younger = !store_side_get(c->store, item, SIDE_CRM, &side, NULL) && side.remote_id &&
		       !store_record_get(c->store, record->object, side.remote_id, &linked, NULL) &&
		       json_integer_value(json_object_get(record->data, "created")) >=
			       json_integer_value(json_object_get(linked.data, "created"));

	store_record_clear(&linked);
	store_side_clear(&side);
	return younger;
}

void gateway_record(struct cycle *c, const struct store_record *record, bool linked)
{
	const char *token = json_string_value(json_object_get(record->data, "token"));
	const char *owner = json_string_value(json_object_get(record->data, "owner"));
	bool owned = owner && c->mb->crm_user && !strcmp(owner, c->mb->crm_user);
	enum item_kind kind;
	int64_t item;

	if (record->deleted || !kind_by_name(record->object, &kind))
		return;
	if (owned && is_foreign(c, token)) {
		char who[ID_DIGITS + 1];
		char *example AUTOFREE = xasprintf("record %s", record->id);

		snprintf(who, sizeof(who), "%s", token);
		note(c, EVIDENCE_TOKEN, SIDE_CRM, record->id, 0, example, who);
	}
	/* Another user's event at the same time is the same meeting. */
	if (linked || !has_made(c, SIDE_CRM) || is_ours(c->engine, token) ||
		(kind != KIND_CONTACT && !owned) ||
		(!c->upserts[kind] && json_is_true(json_object_get(record->data, "created_by_us"))))
		return;
	item = twin_of(c, SIDE_CRM, kind, keys_of(c, kind, value_get(record->data, "fields")));
	if (item && is_younger(c, record, item))
		note_twin(c, SIDE_CRM, item);
}

/* ---- the warning ------------------------------------------------------------------------------ */

static char *value_name(int64_t mailbox)
{
	return xasprintf("gateway:%lld", (long long)mailbox);
}

/* The warnings that stand: {"SIDE KIND": {"since", "last", "times", "example", "who"}}. */
static json_t *standing(struct store *store, int64_t mailbox)
{
	char *name AUTOFREE = value_name(mailbox), *text AUTOFREE = NULL;
	int64_t now = store_now(store);
	json_t *warnings, *warning;
	const char *key;
	void *next;

	warnings = store_value_get(store, name, &text, NULL) || !text ? NULL
								      : json_loads(text, 0, NULL);
	json_object_foreach_safe(warnings, next, key, warning)
	{
		if (now - json_integer_value(json_object_get(warning, "last")) > DAY_NS)
			json_object_del(warnings, key);
	}
	return warnings ? warnings : json_object();
}

/* Is what was seen within the hour enough?  NULL: nothing was. */
static bool is_enough(
	const struct evidence_kind *kind, const json_t *seen, json_t **oldest, json_t **newest)
{
	json_t *cycles = json_object(), *entry;
	const char *key;
	bool enough;

	*oldest = *newest = NULL;
	json_object_foreach((json_t *)seen, key, entry) {
		char name[24];

		item_name(name, json_integer_value(json_object_get(entry, "cycle")));
		json_object_set_new(cycles, name, json_true());
		if (!*oldest || time_of(entry) < time_of(*oldest))
			*oldest = entry;
		if (!*newest || time_of(entry) >= time_of(*newest))
			*newest = entry;
	}
	enough = json_object_size(seen) >= kind->few &&
		 json_object_size(cycles) >= kind->few_cycles;
	json_decref(cycles);
	return enough;
}

/* Has this kind of evidence come up to a warning, or was there one already?  True: `warnings` changed. */
static bool judge(struct cycle *c, enum evidence what, enum side side, json_t *warnings)
{
	struct gateway *g = c->mb->gateway;
	char *key AUTOFREE = xasprintf("%s %s", side_names[side], kinds[what].name);
	json_t *warning = json_object_get(warnings, key), *oldest, *newest;
	size_t fresh = g->fresh[what][side];
	bool enough;

	forget_older(g->seen[what][side], store_now(c->store) - HOUR_NS);
	g->fresh[what][side] = 0;
	enough = is_enough(&kinds[what], g->seen[what][side], &oldest, &newest);
	if (!fresh || !newest || (!warning && !enough))
		return false;
	if (!warning) {
		warning = json_pack(
			"{s:I, s:I}", "since", (json_int_t)time_of(oldest), "times", (json_int_t)0);
		json_object_set_new(warnings, key, warning);
		fresh = json_object_size(g->seen[what][side]);
		cycle_log(c, "another gateway? %s (%s)", kinds[what].what[side],
			json_string_value(json_object_get(newest, "example")));
	}
	json_object_set_new(warning, "times",
		json_integer(
			json_integer_value(json_object_get(warning, "times")) + (json_int_t)fresh));
	json_object_set_new(warning, "last", json_integer(time_of(newest)));
	value_put(warning, "example", json_object_get(newest, "example"));
	value_put(warning, "who", json_object_get(newest, "who"));
	return true;
}

int gateway_end(struct cycle *c, struct error *err)
{
	char *name AUTOFREE = value_name(c->mb->id), *text AUTOFREE = NULL;
	json_t *warnings;
	bool changed = false;

	if (!c->mb->gateway)
		return 0;
	warnings = standing(c->store, c->mb->id);
	for (int what = 0; what < EVIDENCES; what++)
		for (int side = 0; side < SIDES; side++)
			changed |= judge(c, what, side, warnings);
	for (int side = 0; side < SIDES; side++) {
		forget_older(c->mb->gateway->wrote[side], store_now(c->store) - STEP_NS);
		forget_older(c->mb->gateway->made[side], store_now(c->store) - HOUR_NS);
	}
	if (changed)
		text = json_dumps(warnings, JSON_COMPACT);
	json_decref(warnings);
	return changed ? store_value_set(c->store, name, text, err) : 0;
}

json_t *gateway_status(struct engine *e, int64_t mailbox)
{
	json_t *warnings = standing(e->store, mailbox), *list = json_array();

	for (int what = 0; what < EVIDENCES; what++)
		for (int side = 0; side < SIDES; side++) {
			char *key AUTOFREE = xasprintf("%s %s", side_names[side], kinds[what].name);
			const json_t *warning = json_object_get(warnings, key);

			if (!warning)
				continue;
			json_array_append_new(
				list, json_pack("{s:s, s:s, s:s, s:O, s:O?, s:O?, s:o, s:o}",
					      "evidence", kinds[what].name, "side",
					      side_names[side], "what", kinds[what].what[side],
					      "times", json_object_get(warning, "times"), "who",
					      json_object_get(warning, "who"), "example",
					      json_object_get(warning, "example"), "since",
					      status_time(json_integer_value(
						      json_object_get(warning, "since"))),
					      "last",
					      status_time(json_integer_value(
						      json_object_get(warning, "last")))));
		}
	json_decref(warnings);
	return list;
}
