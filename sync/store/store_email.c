/* Addresses of items, an index to their documents: who has this address is asked for every record
 * that the CRM shows, and must not read every document.
 *
 * Kept by store_item_save itself whenever a document changes, by the kind's own `emails`, so that
 * nobody can forget it and both sides of a comparison are normalised alike. */
#include "sync/store/private.h"

static int emails_clear(struct store *store, int64_t item, struct error *err)
{
	struct query q QUERY_END = query_write(store, "DELETE FROM email WHERE item = ?", err);

	query_int(&q, item);
	return query_run(&q);
}

static int email_put(
	struct store *store, const struct store_item *item, const char *address, struct error *err)
{
	struct query q QUERY_END = query_write(
		store, "INSERT OR IGNORE INTO email(mailbox, address, item) VALUES (?, ?, ?)", err);

	query_int(&q, item->mailbox);
	query_text(&q, address);
	query_int(&q, item->id);
	return query_run(&q);
}

int emails_save(struct store *store, const struct store_item *item, struct error *err)
{
	const struct document_kind *kind = document_kind(item->kind);
	json_t *addresses, *address;
	size_t i;
	int rc = emails_clear(store, item->id, err);

	if (rc || !item->doc || !kind || !kind->emails)
		return rc;
	addresses = kind->emails(item->doc);
	json_array_foreach(addresses, i, address) {
		if (!rc && json_is_string(address))
			rc = email_put(store, item, json_string_value(address), err);
	}
	json_decref(addresses);
	return rc;
}

int store_items_by_email(struct store *store, int64_t mailbox, const char *email, int64_t **ids,
	size_t *n, struct error *err)
{
	struct query q QUERY_END = query_read(store,
		"SELECT item FROM email WHERE mailbox = ? AND address = ? ORDER BY item", err);

	query_int(&q, mailbox);
	query_text(&q, email);
	return query_ids(&q, ids, n);
}
