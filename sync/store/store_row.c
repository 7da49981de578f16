/* Rows: structs to columns and back, driven by one table of fields a struct; and the little hash
 * that counts numbers in memory. */
#include "sync/store/private.h"

#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"

static int64_t integer_get(const void *at, size_t size)
{
	switch (size) {
	case sizeof(bool):
		return *(const bool *)at;
	case sizeof(int32_t):
		return *(const int32_t *)at;
	default:
		return *(const int64_t *)at;
	}
}

static void integer_set(void *at, size_t size, int64_t value)
{
	switch (size) {
	case sizeof(bool):
		*(bool *)at = value != 0;
		break;
	case sizeof(int32_t):
		*(int32_t *)at = (int32_t)value;
		break;
	default:
		*(int64_t *)at = value;
	}
}

void row_bind(struct query *q, const struct table *table, const void *row)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct column *c = &table->columns[i];
		const char *at = (const char *)row + c->offset;

		switch (c->type) {
		case INTEGER:
			if (i == 0 && integer_get(at, c->size) == 0)
				query_text(q, NULL);
			else
				query_int(q, integer_get(at, c->size));
			break;
		case TEXT:
			query_text(q, *(char *const *)at);
			break;
		case NAME:
			query_text(q, at);
			break;
		case JSON:
			query_json(q, *(json_t *const *)at);
			break;
		}
	}
}

static void name_set(char *at, size_t size, struct query *q)
{
	const char *text = (const char *)sqlite3_column_text(q->stmt, q->column);
	size_t len = (size_t)sqlite3_column_bytes(q->stmt, q->column);

	q->column++;
	if (!text)
		return; /* the struct was zeroed */
	if (len >= size)
		len = size - 1;
	memcpy(at, text, len);
	at[len] = '\0';
}

int row_read(struct query *q, const struct table *table, void *row)
{
	memset(row, 0, table->size);
	for (size_t i = 0; i < table->n; i++) {
		const struct column *c = &table->columns[i];
		char *at = (char *)row + c->offset;

		switch (c->type) {
		case INTEGER:
			integer_set(at, c->size, column_int(q));
			break;
		case TEXT:
			*(char **)at = column_text(q);
			break;
		case NAME:
			name_set(at, c->size, q);
			break;
		case JSON:
			*(json_t **)at = column_json(q);
			break;
		}
	}
	if (q->failed)
		row_clear(table, row);
	return q->failed;
}

void row_clear(const struct table *table, void *row)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct column *c = &table->columns[i];
		char *at = (char *)row + c->offset;

		if (c->type == TEXT)
			free(*(char **)at);
		else if (c->type == JSON)
			json_decref(*(json_t **)at);
	}
	memset(row, 0, table->size);
}

int row_one(struct query *q, const struct table *table, void *row)
{
	int rc = query_row(q);

	if (rc > 0)
		return row_read(q, table, row);
	memset(row, 0, table->size);
	if (rc == 0)
		rc = error_set(q->err, ERR_NOT_FOUND, "no such %s", table->what);
	return rc;
}

int row_all(struct query *q, const struct table *table, void *rows, size_t *n)
{
	char *list = NULL;
	size_t count = 0, cap = 0;
	int rc;

	while ((rc = query_row(q)) > 0) {
		if (count == cap) {
			cap = cap ? cap * 2 : 8;
			list = xreallocarray(list, cap, table->size);
		}
		rc = row_read(q, table, list + count * table->size);
		if (rc)
			break;
		count++;
	}
	if (rc < 0) {
		rows_free(table, list, count);
		list = NULL;
		count = 0;
	}
	*(void **)rows = list;
	*n = count;
	return rc;
}

void rows_free(const struct table *table, void *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		row_clear(table, (char *)rows + i * table->size);
	free(rows);
}

/* ---- counter -------------------------------------------------------------------------------- */

static struct counter_slot *counter_slot(struct counter_slot *slots, size_t cap, uint64_t key)
{
	size_t i = (size_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> 20) & (cap - 1);

	while (slots[i].key && slots[i].key != key)
		i = (i + 1) & (cap - 1);
	return &slots[i];
}

/* Keys whose count fell to 0 stay until the next growth, which leaves them out. */
static void counter_grow(struct counter *c)
{
	size_t live = 0, cap = 16;
	struct counter_slot *slots;

	for (size_t i = 0; i < c->cap; i++)
		live += c->slots[i].key && c->slots[i].count;
	while (cap < 4 * (live + 1))
		cap *= 2;
	slots = xcalloc(cap, sizeof(*slots));
	for (size_t i = 0; i < c->cap; i++)
		if (c->slots[i].key && c->slots[i].count)
			*counter_slot(slots, cap, c->slots[i].key) = c->slots[i];
	free(c->slots);
	c->slots = slots;
	c->cap = cap;
	c->used = live;
}

size_t counter_add(struct counter *c, uint64_t key)
{
	struct counter_slot *slot;

	if (2 * (c->used + 1) > c->cap)
		counter_grow(c);
	slot = counter_slot(c->slots, c->cap, key);
	if (!slot->key) {
		slot->key = key;
		c->used++;
	}
	return ++slot->count;
}

void counter_drop(struct counter *c, uint64_t key)
{
	struct counter_slot *slot;

	if (!c->cap)
		return;
	slot = counter_slot(c->slots, c->cap, key);
	if (slot->key && slot->count)
		slot->count--;
}

size_t counter_get(const struct counter *c, uint64_t key)
{
	return c->cap ? counter_slot(c->slots, c->cap, key)->count : 0;
}

void counter_free(struct counter *c)
{
	free(c->slots);
	*c = (struct counter){ 0 };
}
