/* What the store costs: fills a cache with items and their files, then times each operation of the
 * path that the filesystem and a cycle take.
 *
 *	store_bench [ITEMS [DIRECTORY]]
 *
 * The directory is made and removed; without one, a new one under TMPDIR. */
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sync/mem.h"
#include "sync/store/store.h"

#define PAGE	    512 /* items a transaction, like a page of SyncFolderItems */
#define THREADS	    8
#define RANDOM_STEP 7919 /* prime: visits all in an order that is none of theirs */

struct bench {
	struct store *store;
	int64_t mailbox;
	uint64_t folder, first;
	size_t n;
	char *card;
	size_t card_len;
	struct error err;
};

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void report(const char *what, int64_t since, size_t n)
{
	int64_t took = now_ns() - since;

	printf("%-34s %9.2f us each %9.1f ms in all\n", what, (double)took / 1000 / (double)n,
		(double)took / 1e6);
}

static void must(struct bench *b, int rc)
{
	if (!rc)
		return;
	fprintf(stderr, "store_bench: %s\n", b->err.text);
	exit(1);
}

static json_t *make_document(size_t i)
{
	char uid[48], mail[48];

	snprintf(uid, sizeof(uid), "urn:uuid:0000-%08zu", i);
	snprintf(mail, sizeof(mail), "person.%zu@example.com", i);
	return json_pack("{s:s, s:s, s:s, s:{s:s}, s:{s:{s:s}}, s:{s:{s:s}, s:{s:s}}}", "@type",
		"Card", "version", "1.0", "uid", uid, "name", "full", mail, "emails",
		"EmailAddress1", "address", mail, "phones", "MobilePhone", "number",
		"+49 30 1234567", "BusinessPhone", "number", "+49 30 7654321");
}

static json_t *make_shadow(size_t i)
{
	char mail[48];

	snprintf(mail, sizeof(mail), "person.%zu@example.com", i);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "GivenName", "Person", "Surname",
		"Someone", "EmailAddress1", mail, "MobilePhone", "+49 30 1234567", "BusinessPhone",
		"+49 30 7654321", "CompanyName", "Example GmbH");
}

static void insert(struct bench *b, size_t i)
{
	struct store_node node = {
		.parent = b->folder,
		.type = NODE_ITEM,
		.mailbox = b->mailbox,
		.mode = 0600,
	};
	struct store_item item = {
		.mailbox = b->mailbox, .folder = b->folder, .state = ITEM_SYNCED
	};
	struct store_side side = { .side = SIDE_EXCHANGE, .status = SIDE_LINKED };

	snprintf(node.name, sizeof(node.name), "Person Number %zu.vcf", i);
	must(b, store_node_create(b->store, &node, &b->err));
	must(b, store_content_set(b->store, node.ino, b->card, b->card_len, 0, &b->err));
	if (i == 0)
		b->first = node.ino;
	item.ino = node.ino;
	item.uid = xasprintf("urn:uuid:0000-%08zu", i);
	item.doc = make_document(i);
	must(b, store_item_save(b->store, &item, &b->err));
	side.item = item.id;
	side.remote_id = xasprintf("AAMkADk0ZjU4%0130zu=", i);
	side.version = xasprintf("EQAAABYAAAB%029zu", i);
	side.key = xasprintf("%032zx", i);
	side.remote_folder = xasprintf("AAMkADk0ZjU4%0108d=", 1);
	side.ours = make_shadow(i);
	side.theirs = make_shadow(i);
	must(b, store_side_save(b->store, &side, &b->err));
	store_item_clear(&item);
	store_side_clear(&side);
}

static void fill(struct bench *b)
{
	struct store_mailbox mb = { .address = (char *)"anna@corp.example" };
	struct store_node folder = { .type = NODE_FOLDER, .mode = 0700, .name = "Contacts" };
	int64_t since;

	must(b, store_begin(b->store, STORE_NORMAL, STORE_LOCAL, &b->err));
	must(b, store_mailbox_save(b->store, &mb, &b->err));
	folder.parent = mb.ino;
	must(b, store_node_create(b->store, &folder, &b->err));
	must(b, store_commit(b->store, &b->err));
	b->mailbox = mb.id;
	b->folder = folder.ino;
	since = now_ns();
	for (size_t i = 0; i < b->n; i++) {
		if (i % PAGE == 0)
			must(b, store_begin(b->store, STORE_NORMAL, STORE_REMOTE, &b->err));
		insert(b, i);
		if (i % PAGE == PAGE - 1 || i == b->n - 1)
			must(b, store_commit(b->store, &b->err));
	}
	report("insert item, file, side", since, b->n);
}

static bool count_one(void *data, const struct store_node *node)
{
	*(uint64_t *)data += node->ino != 0;
	return true;
}

static size_t shuffled(const struct bench *b, size_t i)
{
	return i * RANDOM_STEP % b->n;
}

static void time_lookups(struct bench *b)
{
	struct store_node node;
	char name[64];
	int64_t since = now_ns();

	for (size_t i = 0; i < b->n; i++) {
		snprintf(name, sizeof(name), "Person Number %zu.vcf", shuffled(b, i));
		must(b, store_node_lookup(b->store, b->folder, name, &node, &b->err));
	}
	report("lookup", since, b->n);
	since = now_ns();
	for (size_t i = 0; i < b->n; i++)
		must(b, store_node_get(b->store, b->first + shuffled(b, i), &node, &b->err));
	report("getattr", since, b->n);
}

static void time_reads(struct bench *b)
{
	char bytes[4096];
	size_t got;
	int64_t since = now_ns();

	for (size_t i = 0; i < b->n; i++)
		must(b, store_content_read(
				b->store, b->first + i, 0, bytes, sizeof(bytes), &got, &b->err));
	report("read, in order", since, b->n);
	since = now_ns();
	for (size_t i = 0; i < b->n; i++)
		must(b, store_content_read(b->store, b->first + shuffled(b, i), 0, bytes,
				sizeof(bytes), &got, &b->err));
	report("read, at random", since, b->n);
}

static void time_listing(struct bench *b)
{
	uint64_t seen = 0, count;
	int64_t since = now_ns();

	must(b, store_node_list(b->store, b->folder, 0, count_one, &seen, &b->err));
	report("list, a file", since, b->n);
	since = now_ns();
	must(b, store_node_count(b->store, b->folder, NODE_FOLDER, &count, &b->err));
	report("count of folders", since, 1);
	if (seen != b->n || count != 0)
		exit(1);
}

static void time_items(struct bench *b)
{
	struct store_item item;
	struct store_side side;
	int64_t *ids;
	size_t n;
	int64_t since = now_ns();

	must(b, store_items_all(b->store, b->mailbox, &ids, &n, &b->err));
	report("ids of all items", since, 1);
	since = now_ns();
	for (size_t i = 0; i < n; i++) {
		must(b, store_item_get(b->store, ids[i], &item, &b->err));
		store_item_clear(&item);
	}
	report("item with document", since, n);
	since = now_ns();
	for (size_t i = 0; i < n; i++) {
		must(b, store_side_get(b->store, ids[i], SIDE_EXCHANGE, &side, &b->err));
		store_side_clear(&side);
	}
	report("side with shadow", since, n);
	free(ids);
}

/* One transaction an operation, as files are written and closed. */
static void time_writes(
	struct bench *b, enum store_durability durability, size_t n, const char *what)
{
	int64_t since = now_ns();

	for (size_t i = 0; i < n; i++) {
		uint64_t ino = b->first + shuffled(b, i);
		struct store_item item;

		must(b, store_begin(b->store, durability, STORE_LOCAL, &b->err));
		must(b, store_item_by_ino(b->store, ino, &item, &b->err));
		json_object_set_new(item.doc, "n", json_integer((json_int_t)i));
		item.dirty = true;
		must(b, store_item_save(b->store, &item, &b->err));
		must(b, store_content_set(b->store, ino, b->card, b->card_len, 0, &b->err));
		must(b, store_commit(b->store, &b->err));
		store_item_clear(&item);
	}
	report(what, since, n);
}

static void *read_all(void *data)
{
	struct bench *b = data;
	char bytes[4096];
	size_t got;

	for (size_t i = 0; i < b->n; i++)
		store_content_read(b->store, b->first + i, 0, bytes, sizeof(bytes), &got, NULL);
	return NULL;
}

static void time_threads(struct bench *b)
{
	pthread_t threads[THREADS];
	int64_t since = now_ns();

	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, read_all, b);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	report("read, 8 threads", since, b->n * THREADS);
}

static void print_memory(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "VmHWM", 5) == 0 || strncmp(line, "RssAnon", 7) == 0)
			fputs(line, stdout);
	if (file)
		fclose(file);
}

static void print_size(const char *dir)
{
	char *path AUTOFREE = xasprintf("%s/cache.db", dir);
	struct stat st;

	if (stat(path, &st) == 0)
		printf("database %.1f MB\n", (double)st.st_size / 1e6);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void run(struct bench *b, const char *dir)
{
	int64_t since;

	must(b, store_open(&b->store, dir, &b->err));
	fill(b);
	since = now_ns();
	store_close(b->store);
	report("close", since, 1);
	since = now_ns();
	must(b, store_open(&b->store, dir, &b->err));
	report("open again", since, 1);
	time_listing(b);
	time_lookups(b);
	time_reads(b);
	time_items(b);
	time_writes(b, STORE_NORMAL, 2000, "edit and close");
	time_writes(b, STORE_FULL, 50, "edit and fsync");
	time_threads(b);
	print_memory();
	store_close(b->store);
	print_size(dir);
}

int main(int argc, char **argv)
{
	struct bench b = { .n = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000 };
	const char *tmp = getenv("TMPDIR");
	char *dir AUTOFREE = argc > 2 ? xstrdup(argv[2])
				      : xasprintf("%s/store-bench-XXXXXX", tmp ? tmp : "/tmp");

	if (b.n == 0 || b.n % RANDOM_STEP == 0 ||
		(argc > 2 ? mkdir(dir, 0700) != 0 : !mkdtemp(dir))) {
		fprintf(stderr, "usage: store_bench [ITEMS [NEW-DIRECTORY]]\n");
		return 2;
	}
	b.card_len = 700;
	b.card = xcalloc(1, b.card_len);
	memset(b.card, 'x', b.card_len);
	run(&b, dir);
	free(b.card);
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return 0;
}
