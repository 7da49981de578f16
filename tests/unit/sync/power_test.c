/* Power cuts: what was fsynced is there afterwards, and the cache is sound.
 *
 * Files are written, replaced by rename, moved and removed through the commit path; now and then one
 * of them, or its directory, is fsynced.  In the middle of that the power goes (power.h).  What the disk then
 * holds is opened like any cache after a crash of the machine: it must need no rebuild, and every file
 * must be in a state that it had at its last fsync or later.  A file that was never fsynced may be in any
 * state that it had.
 *
 * TANDEM_POWER_CUTS says how many cuts there are, TANDEM_POWER_SEED which. */
#include "tests/unit/sync/commit_fixture.h"
#include "tests/unit/sync/power.h"

#define FILES 8
#define STEPS 60

static struct power disk; /* for the one function that has no argument for it */

/* The store syncs its WAL itself for fsync(2). */
int fdatasync(int fd)
{
	power_sync_fd(&disk, fd);
	return 0;
}

/* A state is a number that grows with each change of the file; 0: it is not there. */
struct file {
	char name[32];
	bool moved; /* into Salesforce_Sync */
	int state, states[STEPS + 1], n_states;
	int safe; /* of states: the first that may be found */
};

struct scene {
	struct env *e;
	struct file files[FILES];
	int counter, last_token, safe_token;
	unsigned long fsyncs, changes;
};

static uint64_t folder_of(const struct scene *s, const struct file *f)
{
	return f->moved ? s->e->sync : s->e->contacts;
}

static void became(struct scene *s, struct file *f, int state)
{
	f->state = state;
	f->states[f->n_states++] = state;
	s->changes++;
}

static void op_write(struct scene *s, struct file *f)
{
	struct error err = ERROR_INIT;
	struct store_node node;
	char *bytes AUTOFREE = NULL;
	int state = ++s->counter;

	if (!f->state)
		assert_ok(
			commit_create(&s->e->c, folder_of(s, f), f->name, 0600, &node, &err), err);
	else
		node = at(s->e, folder_of(s, f), f->name);
	bytes = xasprintf("BEGIN:VCARD\r\nVERSION:4.0\r\nUID:%s\r\nFN:Person\r\nNOTE:state %d\\, "
			  "%*s\r\nEND:VCARD\r\n",
		f->name, state, (int)power_random(&disk, 20000) + 1, "x");
	assert_ok(commit_write(&s->e->c, node.ino, bytes, strlen(bytes), NULL, &err), err);
	became(s, f, state);
}

static void op_replace(struct scene *s, struct file *f)
{
	struct error err = ERROR_INIT;
	struct store_node node;
	char *bytes AUTOFREE = NULL;
	int state = ++s->counter, number = 0;

	bytes = xasprintf(
		"BEGIN:VCARD\r\nVERSION:4.0\r\nUID:%s\r\nFN:Person\r\nNOTE:state %d\\, \r\n"
		"END:VCARD\r\n",
		f->name, state);
	assert_ok(commit_create(&s->e->c, s->e->contacts, ".draft", 0600, &node, &err), err);
	assert_ok(commit_draft(&s->e->c, node.ino, bytes, strlen(bytes), &err), err);
	assert_ok(commit_rename(&s->e->c, s->e->contacts, ".draft", folder_of(s, f), f->name, false,
			  &number, &err),
		err);
	became(s, f, state);
}

static void op_remove(struct scene *s, struct file *f)
{
	struct error err = ERROR_INIT;
	int number = 0;

	if (!f->state)
		return;
	assert_ok(commit_unlink(&s->e->c, folder_of(s, f), f->name, &number, &err), err);
	became(s, f, 0);
}

/* As the hub notes a token before a create: durable without an fsync (I1). */
static void op_token(struct scene *s)
{
	char *text AUTOFREE = xasprintf("%d", ++s->last_token);
	struct error err = ERROR_INIT;

	assert_ok(store_begin(s->e->store, STORE_FULL, STORE_LOCAL, &err), err);
	assert_ok(store_value_set(s->e->store, "token", text, &err), err);
	assert_ok(store_commit(s->e->store, &err), err);
	if (!disk.off)
		s->safe_token = s->last_token;
}

static void op_fsync(struct scene *s)
{
	struct error err = ERROR_INIT;

	assert_ok(store_sync(s->e->store, &err), err);
	if (disk.off)
		return;
	s->fsyncs++;
	for (int i = 0; i < FILES; i++)
		s->files[i].safe = s->files[i].n_states - 1;
}

static void step(struct scene *s)
{
	struct file *f = &s->files[power_random(&disk, FILES)];

	switch (power_random(&disk, 10)) {
	case 0:
	case 1:
	case 2:
	case 3:
		op_write(s, f);
		break;
	case 4:
		op_replace(s, f);
		break;
	case 5:
		op_remove(s, f);
		break;
	case 6:
		op_token(s);
		break;
	default:
		op_fsync(s);
	}
}

/* ---- after the cut ------------------------------------------------------------------------------- */

/* The state in which a file is found: 0 when it is not there, -1 when it is there and empty. */
static int found_state(struct scene *s, const struct file *f)
{
	struct buf bytes AUTOBUF = BUF_INIT(1 << 20);
	struct error err = ERROR_INIT;
	struct store_node node;
	const char *at_state;

	if (store_node_lookup(s->e->store, folder_of(s, f), f->name, &node, NULL))
		return 0;
	assert_ok(store_content_get(s->e->store, node.ino, &bytes, &err), err);
	if (!bytes.len)
		return -1;
	assert_int_equal(bytes.len, node.size);
	assert_non_null(strstr(buf_str(&bytes), "END:VCARD\r\n"));
	at_state = strstr(buf_str(&bytes), "NOTE:state ");
	assert_non_null(at_state);
	return (int)strtol(at_state + strlen("NOTE:state "), NULL, 10);
}

/* A create is a change of its own, which a cut may part from the write: then the file is empty, and no
 * fsync came after the write. */
static void check_file(struct scene *s, const struct file *f)
{
	int found = found_state(s, f);
	bool known = found == -1 && f->safe < f->n_states - 1;

	for (int i = f->safe; i < f->n_states; i++)
		known |= f->states[i] == found;
	if (!known)
		print_error("%s: found in state %d, fsynced in state %d, last in state %d\n",
			f->name, found, f->states[f->safe], f->state);
	assert_true(known);
}

static void check(struct scene *s)
{
	char *token AUTOFREE = NULL;
	struct error err = ERROR_INIT;

	env_open(s->e);
	assert_false(store_was_rebuilt(s->e->store));
	for (int i = 0; i < FILES; i++)
		check_file(s, &s->files[i]);
	assert_ok(store_value_get(s->e->store, "token", &token, &err), err);
	assert_true((token ? strtol(token, NULL, 10) : 0) >= s->safe_token);
	assert_ok(commit_recover(&s->e->c, &err), err);
}

/* The lock file says that the machine went down: pages are checked. */
static void write_lock(const char *dir)
{
	char *path AUTOFREE = xasprintf("%s/cache.lock", dir);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs("123 another-boot\n", f);
	fclose(f);
}

struct totals {
	unsigned long cuts, writes, syncs, discarded, changes, fsyncs;
};

static void one_cut(uint64_t seed, struct totals *all)
{
	struct scene s = { 0 };
	void *state = NULL;
	char kept[] = "/tmp/power-test-XXXXXX";

	assert_non_null(mkdtemp(kept));
	power_begin(&disk, kept, seed);
	env_setup(&state);
	s.e = state;
	for (int i = 0; i < FILES; i++) {
		snprintf(s.files[i].name, sizeof(s.files[i].name), "f%d.vcf", i);
		s.files[i].moved = i % 2;
		s.files[i].n_states = 1; /* not there */
	}
	op_fsync(&s);
	disk.until = (long)power_random(&disk, 3000);
	for (int i = 0; i < STEPS && !disk.off; i++)
		step(&s);
	if (!disk.off)
		power_cut(&disk);
	store_close(s.e->store);
	power_end(&disk);
	*all = (struct totals){ all->cuts + 1, all->writes + disk.writes, all->syncs + disk.syncs,
		all->discarded + disk.discarded, all->changes + s.changes, all->fsyncs + s.fsyncs };

	nftw(s.e->dir, env_unlink, 8, FTW_DEPTH | FTW_PHYS);
	snprintf(s.e->dir, sizeof(s.e->dir), "%s", kept);
	write_lock(kept);
	check(&s);
	env_teardown(&state);
}

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void what_was_fsynced_is_there(void **state)
{
	uint64_t cuts = number("TANDEM_POWER_CUTS", 25), first = number("TANDEM_POWER_SEED", 1);
	struct totals all = { 0 };

	(void)state;
	for (uint64_t i = 0; i < cuts; i++) {
		one_cut(first + i, &all);
	}
	print_message("%lu power cuts: %lu changes of files, %lu fsyncs; %lu writes, %lu syncs, "
		      "%lu writes"
		      " not synced at the cut; lost 0, damaged 0\n",
		all.cuts, all.changes, all.fsyncs, all.writes, all.syncs, all.discarded);
	assert_true(all.discarded > all.cuts);
	assert_true(all.fsyncs > all.cuts);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_was_fsynced_is_there) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
