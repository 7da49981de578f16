/* Kinds: which take part in a cycle, their rules, and work done kind by kind.
 *
 * A kind takes part when there is a row for its documents and the mailbox driver has a table for it.
 * A request to a remote carries items of one kind, so what is to be read or written is sorted first. */
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/formats/card.h"
#include "sync/mem.h"

bool kind_takes_part(const struct cycle *c, enum item_kind kind)
{
	return c->tables[SIDE_EXCHANGE][kind].n && document_kind(kind);
}

bool kind_by_name(const char *name, enum item_kind *kind)
{
	for (int i = 0; i < ITEM_KINDS; i++) {
		const struct document_kind *row = document_kind(i);

		if (!row || strcmp(row->name, name) != 0)
			continue;
		*kind = i;
		return true;
	}
	return false;
}

bool kind_in_crm(const struct cycle *c, enum item_kind kind)
{
	return !c->crm || c->tables[SIDE_CRM][kind].n;
}

const struct config_rule *kind_rule(const struct cycle *c, enum item_kind kind)
{
	static const enum config_kind kinds[ITEM_KINDS] = {
		[KIND_CONTACT] = CONFIG_CONTACTS,
		[KIND_EVENT] = CONFIG_CALENDAR,
		[KIND_TASK] = CONFIG_TASKS,
		[KIND_MAIL] = CONFIG_KINDS,
	};

	if (!c->policy || kinds[kind] == CONFIG_KINDS)
		return NULL;
	return &c->policy->rules[kinds[kind]];
}

const struct field *kind_categories(const struct cycle *c, enum item_kind kind)
{
	const struct field_table *table = &c->tables[SIDE_EXCHANGE][kind];

	for (size_t i = 0; i < table->n; i++)
		if (table->rows[i].type == &field_keywords)
			return &table->rows[i];
	return NULL;
}

size_t kinds_filter(
	struct cycle *c, enum item_kind kind, const int64_t *items, size_t n, int64_t *out)
{
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		enum item_kind is;

		if (!store_item_kind(c->store, items[i], &is, NULL) && is == kind)
			out[m++] = items[i];
	}
	return m;
}

int kinds_each(struct cycle *c, const int64_t *items, size_t n, kinds_step *step, void *data,
	struct error *err)
{
	int64_t *some AUTOFREE = xcalloc(n, sizeof(*some));
	int rc = 0;

	for (int kind = 0; n && !rc && kind < ITEM_KINDS; kind++) {
		size_t m = kind_takes_part(c, kind) ? kinds_filter(c, kind, items, n, some) : 0;

		for (size_t i = 0; !rc && i < m; i += MERGE_BATCH)
			rc = step(c, kind, some + i, m - i < MERGE_BATCH ? m - i : MERGE_BATCH,
				data, err);
	}
	return rc;
}
