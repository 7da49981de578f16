/* Mailboxes, folders and items in memory, and the log of what changed in each folder.
 *
 * Every change to an item takes the next number of its folder's log; the item remembers the
 * numbers it had.  An item that leaves (deleted, moved) takes a last number and stays behind as
 * a tombstone without properties, so that SyncFolderItems can report it to clients that knew it.
 * Moving makes a new item with a new id; search key, creation time and all properties go along. */
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews_calendar.h"

/* What a server takes unless told otherwise. */
#define MAX_ITEM ((size_t)36 << 20)

static const struct {
	const char *distinguished, *parent, *name, *folder_class;
} default_folders[] = {
	{ "root", NULL, "", "" },
	{ "msgfolderroot", "root", "Top of Information Store", "" },
	{ "calendar", "msgfolderroot", "Calendar", "IPF.Appointment" },
	{ "contacts", "msgfolderroot", "Contacts", "IPF.Contact" },
	{ "deleteditems", "msgfolderroot", "Deleted Items", "IPF.Note" },
	{ "drafts", "msgfolderroot", "Drafts", "IPF.Note" },
	{ "inbox", "msgfolderroot", "Inbox", "IPF.Note" },
	{ "journal", "msgfolderroot", "Journal", "IPF.Journal" },
	{ "junkemail", "msgfolderroot", "Junk Email", "IPF.Note" },
	{ "notes", "msgfolderroot", "Notes", "IPF.StickyNote" },
	{ "outbox", "msgfolderroot", "Outbox", "IPF.Note" },
	{ "sentitems", "msgfolderroot", "Sent Items", "IPF.Note" },
	{ "tasks", "msgfolderroot", "Tasks", "IPF.Task" },
	{ "searchfolders", "root", "Finder", "" },
	{ "recoverableitemsroot", "root", "Recoverable Items", "" },
	{ "recoverableitemsdeletions", "recoverableitemsroot", "Deletions", "" },
	{ "recoverableitemspurges", "recoverableitemsroot", "Purges", "" },
	{ "recoverableitemsversions", "recoverableitemsroot", "Versions", "" },
};

static const struct {
	enum ews_kind kind;
	const char *element;
} kinds[] = {
	{ EWS_ITEM, "Item" },
	{ EWS_MESSAGE, "Message" },
	{ EWS_CONTACT, "Contact" },
	{ EWS_CALENDAR, "CalendarItem" },
	{ EWS_TASK, "Task" },
	{ EWS_DISTLIST, "DistributionList" },
};

const char *ews_kind_element(enum ews_kind kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].kind == kind)
			return kinds[i].element;
	return "Item";
}

enum ews_kind ews_element_kind(const char *element)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].element, element))
			return kinds[i].kind;
	return 0;
}

struct ews_mailbox *ews_mailbox_find(struct ews *ews, const char *address)
{
	for (struct ews_mailbox *mb = ews->mailboxes; mb && address; mb = mb->next)
		if (!strcasecmp(mb->address, address))
			return mb;
	return NULL;
}

/* Folders */

struct ews_folder *ews_distinguished(struct ews_mailbox *mb, const char *name)
{
	for (size_t i = 0; i < mb->n_folders; i++)
		if (mb->folders[i]->distinguished && !strcmp(mb->folders[i]->distinguished, name))
			return mb->folders[i];
	return NULL;
}

struct ews_folder *ews_folder_child(struct ews_folder *parent, const char *name)
{
	for (struct ews_folder *f = parent->children; f; f = f->sibling)
		if (!strcasecmp(f->name, name))
			return f;
	return NULL;
}

void ews_folder_touch(struct ews *ews, struct ews_folder *f)
{
	f->change = ews_next_change(f->mailbox);
	f->seq = ++f->mailbox->hierarchy_seq;
	f->modified = sim_now_ns(ews->sim);
}

static void attach(struct ews_folder *f, struct ews_folder *parent)
{
	struct ews_folder **end = &parent->children;

	while (*end)
		end = &(*end)->sibling;
	*end = f;
	f->parent = parent;
	f->sibling = NULL;
}

static void detach(struct ews_folder *f)
{
	struct ews_folder **at = &f->parent->children;

	while (*at != f)
		at = &(*at)->sibling;
	*at = f->sibling;
}

static struct ews_folder *folder_new(struct ews *ews, struct ews_mailbox *mb,
	struct ews_folder *parent, const char *name, const char *folder_class)
{
	struct ews_folder *f = xcalloc(1, sizeof(*f));

	f->mailbox = mb;
	f->name = xstrdup(name);
	f->folder_class = xstrdup(folder_class);
	f->counter = ews_next_counter(mb);
	f->live = true;
	if (parent)
		attach(f, parent);
	f->id = ews_folder_id(f);
	ews_folder_touch(ews, f);
	f->created_seq = f->seq;
	mb->folders = xreallocarray(mb->folders, mb->n_folders + 1, sizeof(*mb->folders));
	mb->folders[mb->n_folders++] = f;
	xmlHashAddEntry(ews->folders, (const xmlChar *)f->id, f);
	return f;
}

struct ews_folder *ews_folder_new(
	struct ews *ews, struct ews_folder *parent, const char *name, const char *folder_class)
{
	return folder_new(ews, parent->mailbox, parent, name, folder_class);
}

bool ews_folder_within(const struct ews_folder *f, const struct ews_folder *ancestor)
{
	for (; f; f = f->parent)
		if (f == ancestor)
			return true;
	return false;
}

void ews_folder_remove(struct ews *ews, struct ews_folder *f)
{
	while (f->children)
		ews_folder_remove(ews, f->children);
	while (f->first)
		ews_item_remove(ews, f->first);
	detach(f);
	f->live = false;
	f->seq = ++f->mailbox->hierarchy_seq;
	xmlHashRemoveEntry(ews->folders, (const xmlChar *)f->id, NULL);
}

void ews_folder_reparent(struct ews *ews, struct ews_folder *f, struct ews_folder *parent)
{
	if (f->live)
		detach(f);
	else
		xmlHashAddEntry(ews->folders, (const xmlChar *)f->id, f);
	f->live = true;
	attach(f, parent);
	ews_folder_touch(ews, f);
}

void ews_folder_renumber(struct ews *ews, struct ews_folder *f)
{
	char *former AUTOFREE = f->id;

	xmlHashRemoveEntry(ews->folders, (const xmlChar *)former, NULL);
	f->counter = ews_next_counter(f->mailbox);
	f->id = ews_folder_id(f);
	xmlHashAddEntry(ews->folders, (const xmlChar *)f->id, f);
	ews_configs_follow(f->mailbox, former, f->id);
}

const char *ews_folder_element(const struct ews_folder *f)
{
	static const struct {
		const char *prefix, *element;
	} elements[] = {
		{ "IPF.Contact", "ContactsFolder" },
		{ "IPF.Appointment", "CalendarFolder" },
		{ "IPF.Task", "TasksFolder" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(elements); i++) {
		size_t len = strlen(elements[i].prefix);

		if (!strncasecmp(f->folder_class, elements[i].prefix, len) &&
			(!f->folder_class[len] || f->folder_class[len] == '.'))
			return elements[i].element;
	}
	return "Folder";
}

/* Items */

static void log_add(struct ews_folder *f, struct ews_item *item, bool read_flag)
{
	uint64_t seq = ++f->next_seq;

	if (f->n_log == f->cap_log) {
		f->cap_log = f->cap_log ? f->cap_log * 2 : 16;
		f->log = xreallocarray(f->log, f->cap_log, sizeof(*f->log));
	}
	f->log[f->n_log++] = (struct ews_log_entry){ .seq = seq, .item = item };
	item->history = xreallocarray(item->history, item->n_history + 1, sizeof(*item->history));
	item->history[item->n_history++] = (struct ews_history){ .seq = seq,
		.read_flag = read_flag };
}

static void link_item(struct ews *ews, struct ews_item *item, struct ews_folder *f)
{
	item->folder = f;
	item->mailbox = f->mailbox;
	item->counter = ews_next_counter(f->mailbox);
	item->id = ews_item_id(item);
	item->prev = f->last;
	if (f->last)
		f->last->next = item;
	else
		f->first = item;
	f->last = item;
	f->n_items++;
	xmlHashAddEntry(ews->items, (const xmlChar *)item->id, item);
}

struct ews_item *ews_item_new(struct ews *ews, struct ews_folder *f, enum ews_kind kind)
{
	struct ews_item *item = xcalloc(1, sizeof(*item));

	item->kind = kind;
	item->folder = f;
	item->mailbox = f->mailbox;
	item->created = sim_now_ns(ews->sim);
	return item;
}

void ews_item_insert(struct ews *ews, struct ews_item *draft, const char *by)
{
	static const unsigned char none[EWS_KEY_LEN];
	unsigned char digest[SHA256_DIGEST_LENGTH];

	link_item(ews, draft, draft->folder);
	if (!memcmp(draft->search_key, none, EWS_KEY_LEN)) {
		char *seed AUTOFREE = xasprintf("search key of %s", draft->id);

		SHA256((const unsigned char *)seed, strlen(seed), digest);
		memcpy(draft->search_key, digest, EWS_KEY_LEN);
	}
	ews_item_touch(ews, draft, by, false);
}

void ews_item_touch(struct ews *ews, struct ews_item *item, const char *by, bool read_flag)
{
	item->change = ews_next_change(item->mailbox);
	if (!read_flag || !item->modified) {
		item->modified = sim_now_ns(ews->sim);
		free(item->modified_by);
		item->modified_by = xstrdup(by);
	}
	log_add(item->folder, item, read_flag);
}

static void free_properties(struct ews_item *item)
{
	for (size_t i = 0; i < item->n_values; i++)
		free(item->values[i].text);
	free(item->values);
	for (size_t i = 0; i < item->n_ext; i++)
		ews_strings_free(item->ext[i].values, item->ext[i].n);
	free(item->ext);
	free(item->modified_by);
	item->values = NULL;
	item->ext = NULL;
	item->modified_by = NULL;
	item->n_values = item->n_ext = 0;
}

static void unlink_item(struct ews *ews, struct ews_item *item)
{
	struct ews_folder *f = item->folder;
	struct ews_mailbox *mb = item->mailbox;

	if (item->prev)
		item->prev->next = item->next;
	else
		f->first = item->next;
	if (item->next)
		item->next->prev = item->prev;
	else
		f->last = item->prev;
	f->n_items--;
	xmlHashRemoveEntry(ews->items, (const xmlChar *)item->id, NULL);
	log_add(f, item, false);
	item->folder = NULL;
	if ((mb->n_dead & (mb->n_dead - 1)) == 0)
		mb->dead = xreallocarray(
			mb->dead, mb->n_dead ? mb->n_dead * 2 : 1, sizeof(struct ews_item *));
	mb->dead[mb->n_dead++] = item;
}

void ews_item_remove(struct ews *ews, struct ews_item *item)
{
	unlink_item(ews, item);
	ews_exceptions_free(item);
	free_properties(item);
	ews_attachments_free(item);
}

static void copy_properties(struct ews_item *copy, const struct ews_item *item)
{
	for (size_t i = 0; i < item->n_values; i++) {
		const struct ews_value *v = &item->values[i];
		struct ews_value *cell = ews_cell(copy, v->prop, v->key, v->part);

		cell->change = v->change;
		cell->text = xstrdup(v->text);
	}
	for (size_t i = 0; i < item->n_ext; i++)
		ews_ext_store(ews_ext_slot(&copy->ext, &copy->n_ext, item->ext[i].name),
			item->ext[i].values, item->ext[i].n, item->ext[i].change);
}

struct ews_item *ews_item_scratch(const struct ews_item *item)
{
	struct ews_item *scratch = xcalloc(1, sizeof(*scratch));

	scratch->kind = item->kind;
	scratch->folder = item->folder;
	scratch->mailbox = item->mailbox;
	scratch->change = item->change;
	copy_properties(scratch, item);
	return scratch;
}

void ews_item_replace(struct ews_item *item, struct ews_item *scratch)
{
	char *by = item->modified_by;

	if (scratch->pattern_changed)
		ews_exceptions_free(item);
	item->modified_by = NULL;
	free_properties(item);
	item->modified_by = by;
	item->values = scratch->values;
	item->n_values = scratch->n_values;
	item->ext = scratch->ext;
	item->n_ext = scratch->n_ext;
	free(scratch);
}

void ews_item_discard(struct ews_item *draft)
{
	ews_attachments_free(draft);
	ews_exceptions_free(draft);
	free_properties(draft);
	free(draft);
}

static struct ews_item *copy_item(
	struct ews *ews, const struct ews_item *item, struct ews_folder *to)
{
	struct ews_item *copy = ews_item_new(ews, to, item->kind);

	memcpy(copy->search_key, item->search_key, EWS_KEY_LEN);
	copy->associated = item->associated;
	copy_properties(copy, item);
	ews_attachments_copy(copy, item);
	ews_exceptions_copy(copy, item);
	return copy;
}

struct ews_item *ews_item_duplicate(
	struct ews *ews, const struct ews_item *item, struct ews_folder *to)
{
	struct ews_item *same = copy_item(ews, item, to);

	same->created = item->created;
	same->modified = item->modified;
	same->modified_by = xstrdup(item->modified_by);
	return same;
}

struct ews_item *ews_item_copy(
	struct ews *ews, const struct ews_item *item, struct ews_folder *to, const char *by)
{
	struct ews_item *copy = copy_item(ews, item, to);

	ews_item_insert(ews, copy, by);
	return copy;
}

struct ews_item *ews_item_move(
	struct ews *ews, struct ews_item *item, struct ews_folder *to, const char *by)
{
	struct ews_item *moved = copy_item(ews, item, to);

	moved->created = item->created;
	ews_item_insert(ews, moved, by);
	ews_item_remove(ews, item);
	return moved;
}

/* Life */

void ews_add_account(struct ews *ews, const char *user, const char *password)
{
	struct ews_account *a = xcalloc(1, sizeof(*a));

	a->user = xstrdup(user);
	a->password = xstrdup(password);
	a->service = true;
	a->mailbox = ews_mailbox_find(ews, user);
	a->next = ews->accounts;
	ews->accounts = a;
}

void ews_add_mailbox(struct ews *ews, const char *address, const char *name, const char *password)
{
	struct ews_mailbox *mb = xcalloc(1, sizeof(*mb)), **end = &ews->mailboxes;
	struct ews_account *a = xcalloc(1, sizeof(*a));

	mb->ews = ews;
	mb->address = xstrdup(address);
	mb->name = xstrdup(name);
	ews_mailbox_ids(mb);
	while (*end)
		end = &(*end)->next;
	*end = mb;
	for (size_t i = 0; i < ARRAY_SIZE(default_folders); i++) {
		const char *up = default_folders[i].parent;
		struct ews_folder *f = folder_new(ews, mb, up ? ews_distinguished(mb, up) : NULL,
			default_folders[i].name, default_folders[i].folder_class);

		f->distinguished = default_folders[i].distinguished;
		if (!up)
			mb->root = f;
	}
	a->user = xstrdup(address);
	a->password = xstrdup(password);
	a->mailbox = mb;
	a->next = ews->accounts;
	ews->accounts = a;
}

struct ews *ews_new(struct sim *sim, const char *schema_dir)
{
	struct ews *ews = xcalloc(1, sizeof(*ews));

	ews->sim = sim;
	ews->max_item = MAX_ITEM;
	ews->items = xmlHashCreate(65536);
	ews->folders = xmlHashCreate(256);
	ews->ext_names = xmlHashCreate(64);
	ews->prop_uris = ews_prop_table();
	ews->zones = xmlHashCreate(64);
	if (schema_dir)
		ews->schema = ews_schema_load(schema_dir);
	return ews;
}

static void item_free(struct ews_item *item)
{
	ews_exceptions_free(item);
	free_properties(item);
	ews_attachments_free(item);
	free(item->id);
	free(item->history);
	free(item);
}

static void folder_free(struct ews_folder *f)
{
	struct ews_item *next;

	for (struct ews_item *item = f->first; item; item = next) {
		next = item->next;
		item_free(item);
	}
	for (size_t i = 0; i < f->n_ext; i++)
		ews_strings_free(f->ext[i].values, f->ext[i].n);
	free(f->ext);
	free(f->log);
	free(f->id);
	free(f->name);
	free(f->folder_class);
	free(f);
}

static void mailbox_free(struct ews_mailbox *mb)
{
	for (size_t i = 0; i < mb->n_folders; i++)
		folder_free(mb->folders[i]);
	for (size_t i = 0; i < mb->n_dead; i++)
		item_free(mb->dead[i]);
	ews_configs_free(mb);
	ews_snapshot_free(mb->snapshot);
	free(mb->folders);
	free(mb->dead);
	free(mb->guid_text);
	free(mb->address);
	free(mb->name);
	free(mb);
}

static void account_free(struct ews_account *a)
{
	ews_strings_free(a->denied, a->n_denied);
	free(a->user);
	free(a->password);
	free(a);
}

void ews_free(struct ews *ews)
{
	while (ews->mailboxes) {
		struct ews_mailbox *next = ews->mailboxes->next;

		mailbox_free(ews->mailboxes);
		ews->mailboxes = next;
	}
	while (ews->accounts) {
		struct ews_account *next = ews->accounts->next;

		account_free(ews->accounts);
		ews->accounts = next;
	}
	xmlHashFree(ews->items, NULL);
	xmlHashFree(ews->folders, NULL);
	xmlHashFree(ews->prop_uris, NULL);
	ews_zones_free(ews);
	xmlHashFree(ews->ext_names, ews_ext_free_name);
	ews_schema_free(ews->schema);
	free(ews);
}
