/* Pushes to Exchange: what differs from its shadow is sent, in three kinds of write.
 *
 *	create   token and intent committed with FULL (I1, I12)                   CreateItem
 *	move     its folder here is not its folder there                          MoveItem
 *	update   fields whose projection differs from `ours`                      UpdateItem
 *
 * Removals are in push_removals.c. */
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/engine/push.h"
#include "sync/mem.h"

struct push {
	struct push_batch batch;
	enum mailbox_op_type type;
	struct mailbox_op ops[WRITE_BATCH];
	json_t *rows[WRITE_BATCH]; /* of changed: without our marks */
	json_t *wholes[WRITE_BATCH];
	char *folders[WRITE_BATCH];
};

static void clear_slot(struct push_batch *b, size_t i)
{
	struct push *p = (struct push *)b;

	mailbox_op_clear(&p->ops[i]);
	json_decref(p->rows[i]);
	json_decref(p->wholes[i]);
	free(p->folders[i]);
}

/* ---- what an item needs ------------------------------------------------------------------------ */

bool push_may_create(struct cycle *c, const struct store_side *side)
{
	if (side->status == SIDE_NONE)
		return true;
	/* I1: again only when nothing had been sent, or when a pull that began after the request's
	 * deadline showed no token. */
	if (side->status != SIDE_CREATING)
		return false;
	if (!side->token_sent || c->began > side->token_sent + WRITE_DEADLINE_NS)
		return true;
	cycle_wake(c, side->token_sent + WRITE_DEADLINE_NS - c->began);
	return false;
}

/* The write this item needs now; false: none. */
static bool needs(struct cycle *c, struct pair *pair, enum mailbox_op_type *type, char **folder)
{
	struct store_side *side = &pair->sides[SIDE_EXCHANGE];
	struct store_folder here = { 0 };

	if (!pair->item.doc || !pair->item.ino || pair->item.removed ||
		pair_is_refused(pair, SIDE_EXCHANGE) ||
		store_writer_active(c->store, pair->item.ino))
		return false;
	if (store_folder_real(c->store, pair->item.folder, &here, NULL) || !here.remote_id) {
		store_folder_clear(&here);
		return false;
	}
	*folder = xstrdup(here.remote_id);
	store_folder_clear(&here);
	if (side->status == SIDE_NONE || side->status == SIDE_CREATING) {
		*type = MAILBOX_CREATE;
		return push_may_create(c, side);
	}
	if (side->status != SIDE_LINKED || !side->ours || !side->version)
		return false; /* not merged yet: nothing says what changed here */
	if (side->remote_id && json_object_get(c->gone, side->remote_id))
		return false; /* its deletion waits, and there is nothing to write to */
	*type = side->remote_folder && strcmp(side->remote_folder, *folder) != 0 ? MAILBOX_MOVE
										 : MAILBOX_UPDATE;
	return true;
}

/* ---- the write-ahead transaction --------------------------------------------------------------- */

/* The names that are rows of the driver's table; our marks are not. */
static json_t *without_marks(const json_t *changed)
{
	json_t *rows = json_array(), *name;
	size_t i;

	json_array_foreach((json_t *)changed, i, name)
		if (json_string_value(name)[0] != '@')
			json_array_append(rows, name);
	return rows;
}

static void set_marks(struct mailbox_op *op, const json_t *projection)
{
	op->marks.uid = (char *)json_string_value(value_get(projection, "@uid"));
	op->marks.file_name = (char *)json_string_value(value_get(projection, "@fileName"));
	op->marks.crm_link = (char *)json_string_value(value_get(projection, "@crmLink"));
	op->marks.unlinked = (char *)json_string_value(value_get(projection, "@unlinked"));
}

static void note_category(
	struct cycle *c, const json_t *projection, const json_t *changed, const char *field)
{
	json_t *name;
	size_t i;

	json_array_foreach((json_t *)changed, i, name)
		if (!strcmp(json_string_value(name), field) && value_get(projection, field))
			json_object_set_new(c->categories, strchr(field, '/') + 1, json_true());
}

/* Notes designating categories and the mark among what is sent: Outlook shows those that its list has. */
static void note_categories(
	struct cycle *c, const struct pair *pair, const json_t *projection, const json_t *changed)
{
	bool inside;
	char *view AUTOFREE = views_field(c, pair, &inside);

	for (size_t k = 0; c->policy && k < c->policy->n_categories; k++) {
		char *field AUTOFREE = xasprintf("Categories/%s", c->policy->categories[k]);

		note_category(c, projection, changed, field);
	}
	if (view)
		note_category(c, projection, changed, view);
	if (c->policy && c->policy->mark) {
		char *mark AUTOFREE = xasprintf("Categories/%s", c->policy->mark);

		note_category(c, projection, changed, mark);
	}
}

/* Adds them to the mailbox's list, each once. */
static int add_categories(struct cycle *c, struct error *err)
{
	const char *name;
	json_t *value;
	int rc = 0;

	json_object_foreach(c->categories, name, value) {
		char *note AUTOFREE = xasprintf("category:%lld:%s", (long long)c->mb->id, name);
		char *known AUTOFREE = NULL;

		rc = store_value_get(c->store, note, &known, err);
		if (rc || known)
			continue;
		rc = c->engine->mailbox_driver->add_categories(c->mb->connection, &name, 1, err);
		if (!rc)
			rc = store_begin(c->store, STORE_NORMAL, STORE_LOCAL, err);
		if (rc)
			return rc;
		rc = store_value_set(c->store, note, "listed", err);
		rc = rc ? (store_rollback(c->store), rc) : store_commit(c->store, err);
	}
	return rc;
}

/* The intent (I12), with the step that it is of. */
static json_t *intent_of(const struct push *p, const struct mailbox_op *op, const json_t *changed)
{
	static const char *const steps[] = {
		[MAILBOX_CREATE] = "create", [MAILBOX_UPDATE] = "update", [MAILBOX_MOVE] = "move"
	};
	const struct mailbox_driver *driver = p->batch.c->engine->mailbox_driver;
	json_t *intent, *later = NULL;

	if (p->type != MAILBOX_MOVE && driver->later)
		later = driver->later(p->type, op->kind, op->fields, op->changed);
	intent = pair_intent(op->fields, p->type == MAILBOX_MOVE ? NULL : changed, later);
	json_object_set_new(intent, "step", json_string(steps[p->type]));
	if (p->type == MAILBOX_MOVE)
		json_object_set_new(intent, "folder", json_string(op->folder_id));
	return intent;
}

static void begin_create(struct cycle *c, struct store_side *side, const char *folder)
{
	if (!side->token)
		side->token = gateway_token(c->engine);
	side->status = SIDE_CREATING;
	side->token_sent = store_now(c->store);
	xstrset(&side->remote_folder, folder);
}

static bool prepare(struct push_batch *b, struct pair *pair, struct error *err)
{
	struct push *p = (struct push *)b;
	struct store_side *side = &pair->sides[SIDE_EXCHANGE];
	struct mailbox_op *op = &p->ops[b->n];
	json_t *projection = NULL, *changed = NULL;
	enum mailbox_op_type type;
	char *folder = NULL;

	if (!needs(b->c, pair, &type, &folder) || type != p->type ||
		(b->creates && !cap_may_create(b->c, SIDE_EXCHANGE, pair->item.id)) ||
		!push_project(b, pair, !b->creates || !views_is_double(b->c, pair, err),
			&projection, &changed, err) ||
		(p->type == MAILBOX_UPDATE && !json_array_size(changed))) {
		json_decref(projection);
		json_decref(changed);
		free(folder);
		return false;
	}
	*op = (struct mailbox_op){ .id = side->remote_id,
		.version = side->version,
		.folder_id = folder,
		.kind = pair->item.kind,
		.fields = projection,
		.ours = side->ours,
		.kept = json_incref(value_get(side->theirs, "@kept")) };
	op->changed = p->rows[b->n] = without_marks(changed);
	op->wholes = p->wholes[b->n] = apart_wholes(
		&b->c->tables[SIDE_EXCHANGE][pair->item.kind], pair->item.doc, op->changed);
	json_decref(side->intent);
	side->intent = intent_of(p, op, changed);
	if (b->creates) {
		begin_create(b->c, side, folder);
		op->marks.token = side->token;
		set_marks(op, projection);
	} else if (p->type == MAILBOX_UPDATE &&
		   json_array_size(op->changed) < json_array_size(changed)) {
		set_marks(op, projection);
		op->set_marks = true;
	}
	note_categories(b->c, pair, projection, changed);
	b->projections[b->n] = projection;
	b->changed[b->n] = changed;
	p->folders[b->n] = folder;
	return true;
}

/* ---- the answers ------------------------------------------------------------------------------- */

static void succeeded(struct push *p, size_t i, struct pair *pair)
{
	struct store_side *side = &pair->sides[SIDE_EXCHANGE];
	struct mailbox_op *op = &p->ops[i];

	if (op->new_version)
		xstrset(&side->version, op->new_version);
	if (p->type == MAILBOX_MOVE) {
		xstrset(&side->error, NULL);
		if (op->new_id)
			xstrset(&side->remote_id, op->new_id);
		xstrset(&side->remote_folder, p->folders[i]);
		pair_forget_intent(side);
		return;
	}
	push_succeeded(&p->batch, i, pair, op->new_id, op->left, op->left_dropped, &op->left_error);
	if (!op->left)
		value_put(side->theirs, "@kept", NULL);
}

static void failed(struct push_batch *b, struct pair *pair, const struct error *why)
{
	/* Not found: moved or gone; the intent stands, so that it is looked at first. */
	if (!push_passes(b, pair, why) && (why->code != ERR_NOT_FOUND || b->creates))
		push_refused(b, pair, why);
}

static int answered(struct push_batch *b, size_t i, struct pair *pair, struct error *err)
{
	struct push *p = (struct push *)b;
	struct error *why = &p->ops[i].error;
	int rc;

	if (!why->code && b->creates && !p->ops[i].new_id)
		error_set(why, ERR_LOST, "an answer without an id");
	if (why->code)
		failed(b, pair, why);
	else
		succeeded(p, i, pair);
	rc = pair_save(b->c, pair, err);
	if (!rc && !why->code && p->type != MAILBOX_UPDATE)
		rc = unshown_note(b->c, pair->item.id, err);
	return rc;
}

/* What the first step will make Exchange drop, and only Exchange holds, is written down before it, like
 * the intent: a push that is cut short sends it in the next one. */
static int save_kept(struct push *p, struct error *err)
{
	struct store *store = p->batch.c->store;
	int rc = store_begin(store, STORE_FULL, STORE_REMOTE, err);

	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < p->batch.n; i++) {
		struct store_side side;

		if (!p->ops[i].kept)
			continue;
		rc = store_side_get(store, p->batch.pairs[i].item.id, SIDE_EXCHANGE, &side, err);
		if (!rc) {
			value_put(side.theirs, "@kept", p->ops[i].kept);
			rc = store_side_save(store, &side, err);
		}
		store_side_clear(&side);
	}
	if (!rc)
		return store_commit(store, err);
	store_rollback(store);
	return rc;
}

static bool keeps(const struct push *p)
{
	for (size_t i = 0; i < p->batch.n; i++)
		if (p->ops[i].kept)
			return true;
	return false;
}

static int send_batch(struct push_batch *b, struct error *err)
{
	struct push *p = (struct push *)b;
	const struct mailbox_driver *driver = b->c->engine->mailbox_driver;
	struct mailbox *connection = b->c->mb->connection;
	int rc = 0;

	if (p->type == MAILBOX_UPDATE && driver->keep)
		rc = driver->keep(connection, p->ops, b->n, err);
	if (!rc && keeps(p))
		rc = save_kept(p, err);
	if (!rc)
		return driver->write_items(connection, p->type, p->ops, b->n, err);
	for (size_t i = 0; i < b->n; i++)
		error_set(&p->ops[i].error, ERR_UNSENT, "what the server would drop was not read");
	return rc;
}

static int read_back(struct push_batch *b, struct error *err)
{
	return pull_mailbox_read(b->c, b->read_back, b->n_read_back, err);
}

static int push_type(
	struct cycle *c, enum mailbox_op_type type, const int64_t *ids, size_t n, struct error *err)
{
	static const struct push_steps steps = { .progress = "sending to Exchange",
		.prepare = prepare,
		.send = send_batch,
		.answered = answered,
		.read_back = read_back,
		.clear = clear_slot };
	struct push *p = xcalloc(1, sizeof(*p));
	int rc;

	p->batch.c = c;
	p->batch.side = SIDE_EXCHANGE;
	p->batch.creates = type == MAILBOX_CREATE;
	p->type = type;
	rc = push_batches(&p->batch, &steps, ids, n, err);
	free(p);
	return rc;
}

/* A request carries writes of one type to items of one kind. */
static int push_writes(struct cycle *c, const int64_t *ids, size_t n, struct error *err)
{
	static const enum mailbox_op_type order[] = { MAILBOX_CREATE, MAILBOX_MOVE,
		MAILBOX_UPDATE };
	int64_t *some AUTOFREE = xcalloc(n, sizeof(*some));
	int rc = 0;

	for (int kind = 0; !rc && kind < ITEM_KINDS; kind++) {
		size_t m = kind_takes_part(c, kind) ? kinds_filter(c, kind, ids, n, some) : 0;

		for (size_t i = 0; !rc && m && i < ARRAY_SIZE(order); i++)
			rc = push_type(c, order[i], some, m, err);
	}
	return rc;
}

int push_mailbox(struct cycle *c, struct error *err)
{
	int64_t *ids = NULL;
	size_t n = 0;
	int rc = store_items_dirty(c->store, c->mb->id, &ids, &n, err);

	if (c->engine->config->read_only) {
		free(ids);
		return rc;
	}
	if (!rc)
		rc = push_removals(c, ids, n, err);
	if (!rc)
		rc = push_writes(c, ids, n, err);
	free(ids);
	if (!rc && json_object_size(c->categories)) {
		struct error one = ERROR_INIT;

		if (add_categories(c, &one)) { /* nothing but colour depends on it */
			error_prefix(&one, "CategoryList");
			cycle_defer(c, &one);
		}
		json_object_clear(c->categories);
	}
	return rc;
}
