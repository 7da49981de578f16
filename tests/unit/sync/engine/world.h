/* Two mailboxes, a CRM, and our real store, commits and engine between them; and the words in which the
 * tests of the engine are written.  Files are written with the words of commit_fixture.h.  A cycle is run
 * in the test's own thread. */
#ifndef TESTS_UNIT_SYNC_ENGINE_WORLD_H
#define TESTS_UNIT_SYNC_ENGINE_WORLD_H

#include <fcntl.h>

#include "sync/engine/internal.h"
#include "tests/unit/sync/commit_fixture.h"
#include "tests/unit/sync/engine/fake_crm.h"
#include "tests/unit/sync/engine/fake_mailbox.h"

#define ALICE 0
#define BOB   1

/* Where `w` is the world. */
#define CONTACTS (w->e.contacts)
#define SYNC	 (w->e.sync)
#define RULE	 (w->policy.rules[CONFIG_CONTACTS])

struct world {
	struct env e; /* first: the words of commit_fixture.h take &w->e */
	struct config config;
	struct config_user users[FAKE_BOXES];
	struct config_policy policy;
	char *categories[1];
	struct fake_net net;
	struct fake_exchange x;
	struct crm f;
	struct mailbox_driver driver;
	bool calendar; /* with events and tasks */
	struct engine *engine;
	char *copies[2]; /* database and WAL at our death */
	size_t sizes[2];
	bool copied[2];
};

static inline struct fake_box *box_of(struct world *w, int who)
{
	return &w->x.boxes[who];
}

/* ---- opening and closing ------------------------------------------------------------------------- */

static inline void world_open(struct world *w)
{
	struct engine_options options;
	struct error err = ERROR_INIT;

	assert_ok(store_open(&w->e.store, w->e.dir, &err), err);
	w->e.c = (struct commit){ .store = w->e.store };
	assert_ok(commit_recover(&w->e.c, &err), err);
	w->driver = fake_mailbox_driver;
	if (w->calendar)
		w->driver.fields = fake_calendar_fields;
	options = (struct engine_options){ .store = w->e.store,
		.config = &w->config,
		.commit = &w->e.c,
		.mailbox = &w->driver,
		.crm = w->config.crm_driver ? &fake_crm_driver : NULL };
	assert_ok(engine_new(&w->engine, &options, &err), err);
}

static inline void world_close(struct world *w)
{
	engine_stop(w->engine);
	engine_free(w->engine);
	w->engine = NULL;
	store_close(w->e.store);
	w->e.store = NULL;
}

static inline void world_reopen(struct world *w)
{
	world_close(w);
	world_open(w);
}

static inline uint64_t child(struct world *w, uint64_t parent, const char *name)
{
	struct store_node node;

	return store_node_lookup(w->e.store, parent, name, &node, NULL) ? 0 : node.ino;
}

/* ---- cycles --------------------------------------------------------------------------------------- */

static inline int64_t monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static inline int cycle_rc(struct world *w, int who, struct error *err)
{
	return cycle_run(w->engine, &w->engine->mailboxes[who], true, monotonic(), err);
}

static inline void cycle(struct world *w, int who)
{
	struct error err = ERROR_INIT;

	assert_ok(cycle_rc(w, who, &err), err);
}

/* A cycle that must fail; its error's code. */
static inline int failing_cycle(struct world *w, int who)
{
	struct error err = ERROR_INIT;
	int rc = cycle_rc(w, who, &err);

	assert_int_not_equal(rc, 0);
	assert_true(err.text[0] != '\0');
	return rc;
}

/* I11: nothing is left to say on either side. */
static inline void assert_quiet(struct world *w)
{
	for (int who = 0; who < FAKE_BOXES; who++) {
		w->net.writes = 0;
		cycle(w, who);
		if (w->net.writes)
			print_error("mailbox %d: %d writes\n", who, w->net.writes);
		assert_int_equal(w->net.writes, 0);
	}
}

/* A few cycles of both, then quiet. */
static inline void settle(struct world *w)
{
	for (int i = 0; i < 3; i++)
		for (int who = 0; who < FAKE_BOXES; who++)
			cycle(w, who);
	assert_quiet(w);
}

/* ---- the passing of time -------------------------------------------------------------------------- */

/* What is noted with a time is noted as so much older. */
static inline void age_item(struct world *w, int64_t id, int64_t ns)
{
	struct error err = ERROR_INIT;
	struct store_item item;

	assert_ok(store_item_get(w->e.store, id, &item, &err), err);
	if (item.removed) {
		item.removed -= ns;
		assert_ok(store_item_save(w->e.store, &item, &err), err);
	}
	store_item_clear(&item);
	for (int which = 0; which < SIDES; which++) {
		struct store_side side;

		if (store_side_get(w->e.store, id, which, &side, NULL))
			continue;
		if (side.token_sent)
			side.token_sent -= ns;
		if (side.retry_at)
			side.retry_at -= ns;
		assert_ok(store_side_save(w->e.store, &side, &err), err);
		store_side_clear(&side);
	}
}

static inline void age(struct world *w, int64_t ns)
{
	struct error err = ERROR_INIT;

	assert_ok(store_begin(w->e.store, STORE_NORMAL, STORE_REMOTE, &err), err);
	for (size_t i = 0; i < w->engine->n_mailboxes; i++) {
		int64_t *ids = NULL;
		size_t n = 0;

		assert_ok(store_items_all(w->e.store, w->engine->mailboxes[i].id, &ids, &n, &err),
			err);
		for (size_t k = 0; k < n; k++)
			age_item(w, ids[k], ns);
		free(ids);
	}
	assert_ok(store_commit(w->e.store, &err), err);
}

#define MINUTE (60 * NS_PER_S)

/* The links of Alice's mailbox were looked at long ago, and will be in the next cycle. */
static inline void age_view(struct world *w)
{
	char *name AUTOFREE = xasprintf("viewed:%lld", (long long)w->e.mailbox);
	struct error err = ERROR_INIT;

	assert_ok(store_begin(w->e.store, STORE_NORMAL, STORE_LOCAL, &err), err);
	assert_ok(store_value_set(w->e.store, name, "1", &err), err);
	assert_ok(store_commit(w->e.store, &err), err);
}

/* ---- our death ------------------------------------------------------------------------------------ */

static const char *const database_files[] = { "cache.db", "cache.db-wal" };

static inline void keep_database(void *data)
{
	struct world *w = data;

	for (size_t i = 0; i < ARRAY_SIZE(database_files); i++) {
		char *path AUTOFREE = xasprintf("%s/%s", w->e.dir, database_files[i]);
		FILE *file = fopen(path, "rb");

		w->copied[i] = file != NULL;
		if (!file)
			continue;
		fseek(file, 0, SEEK_END);
		w->sizes[i] = (size_t)ftell(file);
		rewind(file);
		free(w->copies[i]);
		w->copies[i] = xmalloc(w->sizes[i] + 1);
		assert_int_equal(fread(w->copies[i], 1, w->sizes[i], file), w->sizes[i]);
		fclose(file);
	}
}

static inline void put_database_back(struct world *w)
{
	char *shm AUTOFREE = xasprintf("%s/cache.db-shm", w->e.dir);

	unlink(shm);
	for (size_t i = 0; i < ARRAY_SIZE(database_files); i++) {
		char *path AUTOFREE = xasprintf("%s/%s", w->e.dir, database_files[i]);
		FILE *file;

		unlink(path);
		if (!w->copied[i])
			continue;
		file = fopen(path, "wb");
		assert_non_null(file);
		assert_int_equal(fwrite(w->copies[i], 1, w->sizes[i], file), w->sizes[i]);
		fclose(file);
	}
}

/* Runs cycles until call number `n` from now kills us (after the server had done its work, or before);
 * false when the cycles make fewer calls.  Afterwards we have started again. */
static inline bool die_in_cycles(struct world *w, int cycles, int n, bool after)
{
	struct error err = ERROR_INIT;

	w->net.keep = keep_database;
	w->net.keep_data = w;
	w->net.die_at = w->net.calls + n;
	w->net.die_after = after;
	for (int i = 0; i < cycles && !w->net.dead; i++)
		for (int who = 0; who < FAKE_BOXES && !w->net.dead; who++)
			cycle_rc(w, who, &err);
	w->net.die_at = 0;
	if (!w->net.dead)
		return false;
	world_close(w);
	w->net.dead = false;
	put_database_back(w);
	world_open(w);
	return true;
}

/* ---- set up ---------------------------------------------------------------------------------------- */

static inline void world_config(struct world *w)
{
	static char *const addresses[] = { "alice@corp.example", "bob@corp.example" };

	w->categories[0] = "CRM";
	w->policy = (struct config_policy){ .name = "test",
		.folder = "Salesforce_Sync",
		.categories = w->categories,
		.n_categories = 1,
		.exclude = "DoNotSync",
		.event_series = true };
	w->policy.rules[CONFIG_CONTACTS] = (struct config_rule){ MODE_DESIGNATED, DIRECTION_BOTH,
		IMPORT_OFF, REMOVE_NONE };
	w->policy.rules[CONFIG_CALENDAR].mode = w->policy.rules[CONFIG_TASKS].mode =
		MODE_DESIGNATED;
	w->config = (struct config){ .exchange_url = xasprintf("fake:%p", (void *)&w->x),
		.exchange_user = "gateway",
		.exchange_password = "secret",
		.impersonate = true,
		.crm_driver = "fakecrm",
		.crm_url = xasprintf("fake:%p", (void *)&w->f),
		.crm_client_id = "client",
		.crm_client_secret = "secret",
		.crm_external_id_field = "Token__c",
		.interval_s = 300,
		.workers = 2,
		.conflict = CONFLICT_EXCHANGE,
		.max_delete = 20,
		.max_create = 1000,
		.users = w->users,
		.n_users = FAKE_BOXES };
	for (int i = 0; i < FAKE_BOXES; i++)
		w->users[i] = (struct config_user){ .address = addresses[i], .policy = &w->policy };
	w->f.users[0] = addresses[0];
	w->f.users[1] = "005000000000000ALI";
	w->f.users[2] = addresses[1];
	w->f.users[3] = "005000000000000BOB";
}

static inline int world_setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	snprintf(w->e.dir, sizeof(w->e.dir), "/tmp/engine-test-XXXXXX");
	assert_non_null(mkdtemp(w->e.dir));
	net_init(&w->net);
	w->x.net = w->f.net = &w->net;
	w->x.page = w->f.page = 7;
	w->x.shows_us = true;
	world_config(w);
	for (int i = 0; i < FAKE_BOXES; i++) {
		w->x.boxes[i].address = w->users[i].address;
		fake_add_folder(&w->x, &w->x.boxes[i], "root", "Contacts", true);
	}
	world_open(w);
	for (int i = 0; i < FAKE_BOXES; i++)
		cycle(w, i);
	w->e.mailbox = w->engine->mailboxes[ALICE].id;
	w->e.other = w->engine->mailboxes[BOB].id;
	w->e.root = child(w, STORE_ROOT_INO, "alice@corp.example");
	w->e.other_root = child(w, STORE_ROOT_INO, "bob@corp.example");
	w->e.contacts = child(w, w->e.root, "Contacts");
	w->e.sync = child(w, w->e.contacts, "Salesforce_Sync");
	w->e.other_contacts = child(w, w->e.other_root, "Contacts");
	assert_true(w->e.contacts && w->e.sync && w->e.other_contacts);
	*state = w;
	return 0;
}

static inline int world_teardown(void **state)
{
	struct world *w = *state;

	world_close(w);
	nftw(w->e.dir, env_unlink, 8, FTW_DEPTH | FTW_PHYS);
	for (size_t i = 0; i < w->e.n_pool; i++)
		free(w->e.pool[i]);
	fake_exchange_free(&w->x);
	fake_crm_free(&w->f);
	for (size_t i = 0; i < ARRAY_SIZE(w->copies); i++)
		free(w->copies[i]);
	free(w->config.exchange_url);
	free(w->config.crm_url);
	free(w);
	return 0;
}

#define WORLD(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

/* ---- in Exchange ------------------------------------------------------------------------------------ */

#define IN_CONTACTS 0 /* index of the folder */
#define IN_SYNC	    1

/* A contact made with Outlook: "Anna Adler" with anna@ex.org. */
static inline struct fake_item *outlook(
	struct world *w, int who, int folder, const char *name, const char *email)
{
	struct fake_item *item = fake_add(&w->x, box_of(w, who), folder);
	const char *space = strchr(name, ' ');
	char *given AUTOFREE = space ? xstrndup(name, (size_t)(space - name)) : xstrdup(name);

	json_object_set_new(item->fields, "DisplayName", json_string(name));
	json_object_set_new(item->fields, "GivenName", json_string(given));
	if (space)
		json_object_set_new(item->fields, "Surname", json_string(space + 1));
	if (email)
		json_object_set_new(item->fields, "EmailAddress1", json_string(email));
	fake_touched(box_of(w, who), item, false);
	return item;
}

/* The one live item with this value there; NULL when there is none. */
static inline struct fake_item *there_with(
	struct world *w, int who, const char *field, const char *value)
{
	struct fake_item *found = NULL;

	for (size_t i = 0; i < box_of(w, who)->n_items; i++) {
		struct fake_item *item = &box_of(w, who)->items[i];

		if (item->folder < 0 || strcmp(net_text(item->fields, field), value) != 0)
			continue;
		assert_null(found); /* no duplicates */
		found = item;
	}
	return found;
}

static inline struct fake_item *there(struct world *w, int who, const char *name)
{
	return there_with(w, who, "DisplayName", name);
}

static inline const char *field_there(struct world *w, int who, const char *name, const char *field)
{
	struct fake_item *item = there(w, who, name);

	assert_non_null(item);
	if (strchr(field, '/'))
		return json_is_true(json_object_get(item->fields, field)) ? "true" : "";
	return net_text(item->fields, field);
}

/* ---- in the CRM --------------------------------------------------------------------------------------- */

/* The one live record with this value, in any case; NULL: none. */
static inline struct fake_record *record_with(struct world *w, const char *field, const char *value)
{
	struct fake_record *found = NULL;

	for (size_t i = 0; i < w->f.n; i++) {
		struct fake_record *r = &w->f.records[i];

		if (r->deleted || strcasecmp(net_text(r->fields, field), value) != 0)
			continue;
		assert_null(found); /* no duplicates */
		found = r;
	}
	return found;
}

static inline struct fake_record *record(struct world *w, const char *email)
{
	return record_with(w, "Email", email);
}

static inline const char *field_of(struct world *w, const char *email, const char *field)
{
	struct fake_record *r = record(w, email);

	assert_non_null(r);
	return net_text(r->fields, field);
}

/* ---- files ----------------------------------------------------------------------------------------------- */

/* A card with name, address and more whole lines. */
static inline const char *person(
	struct world *w, const char *name, const char *email, const char *extra)
{
	const char *space = strchr(name, ' ');
	char *lines = keep(&w->e,
		xasprintf("N:%s;%.*s;;;\r\n%s%s%s%s", space ? space + 1 : "",
			space ? (int)(space - name) : (int)strlen(name), name,
			email ? "EMAIL:" : "", email ? email : "", email ? "\r\n" : "", extra));

	return card(&w->e, NULL, name, lines);
}

/* Of many alike: "Person 3" with p3@ex.org in p3.vcf. */
static inline const char *nth(struct world *w, int i)
{
	return keep(&w->e, xasprintf("Person %d", i));
}

static inline const char *nth_file(struct world *w, int i)
{
	return keep(&w->e, xasprintf("p%d.vcf", i));
}

static inline const char *nth_email(struct world *w, int i)
{
	return keep(&w->e, xasprintf("p%d@ex.org", i));
}

static inline const char *nth_person(struct world *w, int i)
{
	return person(w, nth(w, i), nth_email(w, i), "");
}

/* The file's bytes with lines added before END. */
static inline void add_lines(struct world *w, uint64_t parent, const char *name, const char *lines)
{
	uint64_t ino = at(&w->e, parent, name).ino;
	char *text = xstrdup(bytes_of(&w->e, ino)), *end = strstr(text, "END:VCARD");

	assert_non_null(end);
	*end = '\0';
	write_bytes(&w->e, ino, keep(&w->e, xasprintf("%s%sEND:VCARD\r\n", text, lines)));
	free(text);
}

/* The file's bytes with `from` replaced by `to`. */
static inline void edit(
	struct world *w, uint64_t parent, const char *name, const char *from, const char *to)
{
	uint64_t ino = at(&w->e, parent, name).ino;
	const char *text = bytes_of(&w->e, ino), *found = strstr(text, from);

	if (!found)
		print_error("no \"%s\" in:\n%s\n", from, text);
	assert_non_null(found);
	write_bytes(&w->e, ino,
		keep(&w->e, xasprintf("%.*s%s%s", (int)(found - text), text, to,
				    found + strlen(from))));
}

static inline bool shows(struct world *w, uint64_t parent, const char *name, const char *text)
{
	return strstr(bytes_of(&w->e, at(&w->e, parent, name).ino), text) != NULL;
}

static inline int64_t item_at(struct world *w, uint64_t parent, const char *name)
{
	int64_t id = item_of(&w->e, at(&w->e, parent, name).ino);

	assert_true(id > 0);
	return id;
}

static inline enum item_state state_of(struct world *w, uint64_t parent, const char *name)
{
	struct store_item item = item_get(&w->e, item_at(w, parent, name));
	enum item_state state = item.state;

	store_item_clear(&item);
	return state;
}

static inline enum side_status crm_status(struct world *w, uint64_t parent, const char *name)
{
	struct store_side side;
	enum side_status status;

	store_side_get(w->e.store, item_at(w, parent, name), SIDE_CRM, &side, NULL);
	status = side.status;
	store_side_clear(&side);
	return status;
}

static inline bool count_file(void *data, const struct store_node *node)
{
	*(size_t *)data += node->type == NODE_ITEM;
	return true;
}

static inline size_t files_in(struct world *w, uint64_t parent)
{
	size_t n = 0;

	assert_int_equal(store_node_list(w->e.store, parent, 0, count_file, &n, NULL), 0);
	return n;
}

/* ---- a pair ------------------------------------------------------------------------------------------- */

/* anna.vcf in Salesforce_Sync, linked with the only record. */
static inline void designated(struct world *w)
{
	put(&w->e, SYNC, "anna.vcf", person(w, "Anna Adler", "a@ex.org", JOB("Buyer")));
	settle(w);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_LINKED);
	assert_int_equal(crm_count(&w->f), 1);
}

static inline void with_mode(struct world *w, enum config_mode mode)
{
	RULE.mode = mode;
	RULE.import = mode == MODE_ALL ? IMPORT_OWNED : IMPORT_OFF;
}

#endif
