/* Items of Exchange folders that are not shown here.
 *
 * A contacts folder may hold items of other classes, and items that cannot be read.  A directory that
 * looks empty is then none: removing it would take them along.  So each is noted with the number of its
 * directory until Exchange says that it is gone, or it can be read; rmdir(2) answers ENOTEMPTY for a
 * directory with such a note, and a folder that was removed before the note was made comes back. */
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

static int set(
	struct cycle *c, uint64_t folder, const char *remote_id, const char *why, struct error *err)
{
	char *prefix AUTOFREE = commit_hidden_prefix(folder);
	char *name AUTOFREE = xasprintf("%s%s", prefix, remote_id);
	char *known AUTOFREE = NULL;
	int rc = store_value_get(c->store, name, &known, err);

	if (rc || (!known && !why))
		return rc;
	return store_value_set(c->store, name, why, err);
}

int hidden_note(
	struct cycle *c, uint64_t folder, const char *remote_id, const char *why, struct error *err)
{
	return set(c, folder, remote_id, why ? why : "not shown here", err);
}

int hidden_forget(struct cycle *c, uint64_t folder, const char *remote_id, struct error *err)
{
	return set(c, folder, remote_id, NULL, err);
}

int hidden_keep(struct cycle *c, uint64_t folder, const json_t *seen, struct error *err)
{
	char *prefix AUTOFREE = commit_hidden_prefix(folder);
	json_t *names = NULL, *name;
	size_t i;
	int rc = store_value_names(c->store, prefix, &names, err);

	json_array_foreach(names, i, name) {
		const char *id = json_string_value(name) + strlen(prefix);

		if (!rc && !json_object_get(seen, id))
			rc = store_value_set(c->store, json_string_value(name), NULL, err);
	}
	json_decref(names);
	return rc;
}
