/* Two things for files that come back: a node under the number that it had, and the names of the
 * values in which a commit keeps what they showed. */
#include "sync/store/private.h"

#include <string.h>

#include "sync/mem.h"

static int number_is_free(struct store *store, uint64_t ino, struct error *err)
{
	uint64_t found = 0;
	int rc;
	struct query q QUERY_END = query_read(store, "SELECT ino FROM node WHERE ino = ?", err);

	query_int(&q, (int64_t)ino);
	rc = query_count(&q, &found);
	if (!rc && found)
		rc = error_set(err, ERR_EXISTS, "a file has that number");
	return rc;
}

int store_node_create_as(
	struct store *store, struct store_node *node, uint64_t ino, struct error *err)
{
	int rc = number_is_free(store, ino, err);

	if (!rc)
		rc = store_node_create(store, node, err);
	if (rc)
		return rc;
	struct query q QUERY_END = query_write(store, "UPDATE node SET ino = ? WHERE ino = ?", err);

	query_int(&q, (int64_t)ino);
	query_int(&q, (int64_t)node->ino);
	rc = query_run(&q);
	if (!rc)
		node->ino = ino;
	return rc;
}

int store_value_names(struct store *store, const char *prefix, json_t **names, struct error *err)
{
	/* Every name with the prefix is less than the prefix with the greatest byte after it. */
	char *end AUTOFREE = xasprintf("%s\xff", prefix);
	int rc;
	struct query q QUERY_END = query_read(
		store, "SELECT name FROM value WHERE name >= ? AND name < ? ORDER BY name", err);

	*names = json_array();
	query_text(&q, prefix);
	query_text(&q, end);
	while ((rc = query_row(&q)) > 0) {
		char *name AUTOFREE = column_text(&q);

		json_array_append_new(*names, json_string(name));
	}
	if (rc < 0) {
		json_decref(*names);
		*names = NULL;
	}
	return rc;
}
