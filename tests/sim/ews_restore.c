/* A mailbox as an administrator brings it back from a backup, or moves it to another database.
 *
 *   snapshot {"address"}                 remembers all folders and items as they are now
 *   restore  {"address", "new_folders"}  the mailbox is again as remembered, or without a snapshot
 *                                        as it is: under new ids and ChangeKeys; new_folders: of
 *                                        folders too
 *   move     {"address"}                 it moved: all ids stay
 *
 * After the last two no SyncState is known any more.  Search keys, UIDs, times and named properties go
 * along, as in a backup; ids of before are of nothing. */
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews.h"

struct remembered {
	struct ews_folder *folder; /* folders live as long as their mailbox */
	struct ews_folder *parent;
	char *name;
	struct ews_item **items;
	size_t n_items;
};

struct ews_snapshot {
	struct remembered *folders; /* parents before what is in them */
	size_t n;
};

static void remember(struct ews *ews, struct ews_snapshot *snapshot, struct ews_folder *f)
{
	struct remembered *r;

	snapshot->folders = xreallocarray(
		snapshot->folders, snapshot->n + 1, sizeof(*snapshot->folders));
	r = &snapshot->folders[snapshot->n++];
	*r = (struct remembered){ .folder = f,
		.parent = f->parent,
		.name = xstrdup(f->name),
		.items = xcalloc(f->n_items, sizeof(struct ews_item *)) };
	for (struct ews_item *item = f->first; item; item = item->next)
		r->items[r->n_items++] = ews_item_duplicate(ews, item, f);
	for (struct ews_folder *child = f->children; child; child = child->sibling)
		remember(ews, snapshot, child);
}

static struct ews_snapshot *take(struct ews_mailbox *mb)
{
	struct ews_snapshot *snapshot = xcalloc(1, sizeof(*snapshot));

	remember(mb->ews, snapshot, mb->root);
	return snapshot;
}

void ews_snapshot_free(struct ews_snapshot *snapshot)
{
	for (size_t i = 0; snapshot && i < snapshot->n; i++) {
		for (size_t k = 0; k < snapshot->folders[i].n_items; k++)
			ews_item_discard(snapshot->folders[i].items[k]);
		free(snapshot->folders[i].items);
		free(snapshot->folders[i].name);
	}
	if (snapshot)
		free(snapshot->folders);
	free(snapshot);
}

static bool is_remembered(const struct ews_snapshot *snapshot, const struct ews_folder *f)
{
	for (size_t i = 0; i < snapshot->n; i++)
		if (snapshot->folders[i].folder == f)
			return true;
	return false;
}

/* The folder with its name, place and items; what else is in it goes. */
static void bring_back(struct ews *ews, struct remembered *r)
{
	struct ews_folder *f = r->folder;

	while (f->first)
		ews_item_remove(ews, f->first);
	if (r->parent)
		ews_folder_reparent(ews, f, r->parent);
	free(f->name);
	f->name = xstrdup(r->name);
	for (size_t i = 0; i < r->n_items; i++) {
		struct ews_item *item = ews_item_duplicate(ews, r->items[i], f);
		char *by AUTOFREE = xstrdup(item->modified_by);
		int64_t modified = item->modified;

		ews_item_insert(ews, item, by);
		item->modified = modified;
	}
}

static void restore(struct ews_mailbox *mb, bool new_folders)
{
	struct ews *ews = mb->ews;
	struct ews_snapshot *snapshot = mb->snapshot ? mb->snapshot : take(mb);

	for (size_t i = mb->n_folders; i-- > 0;)
		if (mb->folders[i]->live && !is_remembered(snapshot, mb->folders[i]))
			ews_folder_remove(ews, mb->folders[i]);
	for (size_t i = 0; i < snapshot->n; i++)
		bring_back(ews, &snapshot->folders[i]);
	for (size_t i = 0; new_folders && i < snapshot->n; i++)
		ews_folder_renumber(ews, snapshot->folders[i].folder);
	if (snapshot != mb->snapshot)
		ews_snapshot_free(snapshot);
	mb->generation++;
}

bool ews_restore_act(struct ews *ews, const char *action, const json_t *args)
{
	const char *address = json_string_value(json_object_get(args, "address"));
	struct ews_mailbox *mb = ews_mailbox_find(ews, address);

	if (!mb)
		return false;
	if (!strcmp(action, "snapshot")) {
		ews_snapshot_free(mb->snapshot);
		mb->snapshot = take(mb);
	} else if (!strcmp(action, "restore")) {
		restore(mb, json_is_true(json_object_get(args, "new_folders")));
	} else {
		mb->generation++;
	}
	return true;
}
