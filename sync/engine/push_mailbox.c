/* Pushes to Exchange: what differs from its shadow is sent, in four kinds of write.
 *
 *	remove   quiet time over, the guard allows it, tombstone committed (I2)   DeleteItem
 *	create   token and intent committed with FULL (I1, I12)                   CreateItem
 *	move     its folder here is not its folder there                          MoveItem
 *	update   fields whose projection differs from `ours`                      UpdateItem
 *
 * Each batch: one transaction that writes down what is about to be sent, the request, one transaction
 * with the answers (I3), and one GetItem that reads back what Exchange made of it. */
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

struct push {
	struct cycle *c;
	enum mailbox_op_type type;
	struct mailbox_op ops[WRITE_BATCH];
	struct pair pairs[WRITE_BATCH];
	json_t *projections[WRITE_BATCH];
	json_t *changed[WRITE_BATCH];
	json_t *rows[WRITE_BATCH]; /* of changed: without our marks */
	json_t *wholes[WRITE_BATCH];
	char *folders[WRITE_BATCH];
	size_t n;
	int64_t read_back[WRITE_BATCH];
	size_t n_read_back;
};

static void push_clear(struct push *p)
{
	for (size_t i = 0; i < p->n; i++) {
		mailbox_op_clear(&p->ops[i]);
		pair_clear(&p->pairs[i]);
		json_decref(p->projections[i]);
		json_decref(p->changed[i]);
		json_decref(p->rows[i]);
		json_decref(p->wholes[i]);
		free(p->folders[i]);
	}
	p->n = p->n_read_back = 0;
}

/* ---- what an item needs ------------------------------------------------------------------------ */

static bool may_create(struct cycle *c, const struct store_side *side)
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
		return may_create(c, side);
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
	const struct mailbox_driver *driver = p->c->engine->mailbox_driver;
	json_t *intent, *later = NULL;

	if (p->type != MAILBOX_MOVE && driver->later)
		later = driver->later(p->type, op->kind, op->fields, op->changed);
	intent = pair_intent(op->fields, p->type == MAILBOX_MOVE ? NULL : changed, later);
	json_object_set_new(intent, "step", json_string(steps[p->type]));
	if (p->type == MAILBOX_MOVE)
		json_object_set_new(intent, "folder", json_string(op->folder_id));
	return intent;
}

/* Writes down what slot i is about to send; drops the slot (returns false) when there is nothing. */
static bool prepare(struct push *p, struct pair *pair, char *folder, struct error *err)
{
	struct cycle *c = p->c;
	struct store_side *side = &pair->sides[SIDE_EXCHANGE];
	struct mailbox_op *op = &p->ops[p->n];
	json_t *projection, *changed;

	projection = p->type == MAILBOX_CREATE && views_is_double(c, pair, err)
			     ? NULL
			     : pair_project(c, pair, SIDE_EXCHANGE, NULL, err);
	if (!projection) {
		pair_refuse(c, pair, SIDE_EXCHANGE, err);
		pair_save(c, pair, NULL);
		*err = (struct error)ERROR_INIT;
		return false;
	}
	changed = pair_changed(c, pair, SIDE_EXCHANGE, projection);
	if (p->type == MAILBOX_UPDATE && !json_array_size(changed)) {
		json_decref(projection);
		json_decref(changed);
		return false;
	}
	*op = (struct mailbox_op){ .id = side->remote_id,
		.version = side->version,
		.folder_id = folder,
		.kind = pair->item.kind,
		.fields = projection,
		.ours = side->ours,
		.kept = json_incref(value_get(side->theirs, "@kept")) };
	op->changed = p->rows[p->n] = without_marks(changed);
	op->wholes = p->wholes[p->n] = apart_wholes(
		&c->tables[SIDE_EXCHANGE][pair->item.kind], pair->item.doc, op->changed);
	json_decref(side->intent);
	side->intent = intent_of(p, op, changed);
	if (p->type == MAILBOX_CREATE) {
		if (!side->token)
			side->token = gateway_token(c->engine);
		side->status = SIDE_CREATING;
		side->token_sent = store_now(c->store);
		xstrset(&side->remote_folder, folder);
		op->marks.token = side->token;
		set_marks(op, projection);
	} else if (p->type == MAILBOX_UPDATE &&
		   json_array_size(op->changed) < json_array_size(changed)) {
		set_marks(op, projection);
		op->set_marks = true;
	}
	note_categories(c, pair, projection, changed);
	p->projections[p->n] = projection;
	p->changed[p->n] = changed;
	p->folders[p->n] = folder;
	return true;
}

/* Fills the batch from ids[*at] on, in one durable transaction. */
static int collect(struct push *p, const int64_t *ids, size_t n, size_t *at, struct error *err)
{
	struct cycle *c = p->c;
	int rc = store_begin(c->store, STORE_FULL, STORE_REMOTE, err);

	if (rc)
		return rc;
	for (; !rc && *at < n && p->n < WRITE_BATCH; (*at)++) {
		struct pair *pair = &p->pairs[p->n];
		enum mailbox_op_type type;
		char *folder = NULL;

		rc = pair_load(c, ids[*at], pair, err);
		if (rc) {
			rc = rc == ERR_NOT_FOUND ? 0 : rc;
			continue;
		}
		if (!needs(c, pair, &type, &folder) || type != p->type ||
			(type == MAILBOX_CREATE &&
				!cap_may_create(c, SIDE_EXCHANGE, pair->item.id)) ||
			!prepare(p, pair, folder, err)) {
			free(folder);
			pair_clear(pair);
			continue;
		}
		rc = store_side_save(c->store, &pair->sides[SIDE_EXCHANGE], err);
		p->n++;
	}
	if (!rc)
		return store_commit(c->store, err);
	store_rollback(c->store);
	return rc;
}

/* ---- the answers ------------------------------------------------------------------------------- */

static void succeeded(struct push *p, size_t i, struct pair *pair)
{
	struct store_side *side = &pair->sides[SIDE_EXCHANGE];
	struct mailbox_op *op = &p->ops[i];

	xstrset(&side->error, NULL);
	if (op->new_version)
		xstrset(&side->version, op->new_version);
	if (p->type == MAILBOX_MOVE) {
		if (op->new_id)
			xstrset(&side->remote_id, op->new_id);
		xstrset(&side->remote_folder, p->folders[i]);
		pair_forget_intent(side);
		return;
	}
	pair_answered(side);
	if (p->type == MAILBOX_CREATE) {
		xstrset(&side->remote_id, op->new_id);
		xstrset(&side->token, NULL);
		side->status = SIDE_LINKED;
		side->created_by_us = true;
		side->token_sent = 0;
	}
	if (op->left)
		pair_keep_left(side, &p->changed[i], op->left, op->left_dropped);
	pair_agree(side, p->projections[i], p->changed[i]);
	if (!op->left)
		value_put(side->theirs, "@kept", NULL);
	if (op->left && refusal_is_final(op->left_error.code))
		pair_refuse(p->c, pair, SIDE_EXCHANGE, &op->left_error);
	gateway_wrote(p->c, pair, SIDE_EXCHANGE, p->changed[i], p->type == MAILBOX_CREATE);
	p->read_back[p->n_read_back++] = pair->item.id;
}

static void failed(struct push *p, size_t i, struct pair *pair)
{
	struct store_side *side = &pair->sides[SIDE_EXCHANGE];
	const struct error *why = &p->ops[i].error;

	switch (why->code) {
	case ERR_LOST: /* the token or the intent stands; the next pull tells */
	case ERR_CANCELLED:
		return;
	case ERR_UNSENT:
	case ERR_THROTTLED:
	case ERR_BUSY:
		if (p->type == MAILBOX_CREATE)
			side->token_sent = 0;
		pair_forget_intent(side);
		return;
	case ERR_CONFLICT: /* newer there: read it, merge, try again */
		pair_forget_intent(side);
		p->read_back[p->n_read_back++] = pair->item.id;
		return;
	case ERR_NOT_FOUND: /* moved or gone: the intent stands, so that it is looked at first */
		if (p->type != MAILBOX_CREATE)
			return;
		break;
	default:
		break;
	}
	if (p->type == MAILBOX_CREATE) {
		side->status = SIDE_NONE;
		xstrset(&side->token, NULL);
		side->token_sent = 0;
	}
	pair_forget_intent(side);
	pair_refuse(p->c, pair, SIDE_EXCHANGE, why);
}

static int record_answers(struct push *p, struct error *err)
{
	struct cycle *c = p->c;
	int rc = store_begin(c->store, STORE_FULL, STORE_REMOTE, err);

	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < p->n; i++) {
		struct pair pair;

		rc = pair_load(c, p->pairs[i].item.id, &pair, err);
		if (rc)
			break;
		if (!p->ops[i].error.code && p->type == MAILBOX_CREATE && !p->ops[i].new_id)
			error_set(&p->ops[i].error, ERR_LOST, "an answer without an id");
		if (p->ops[i].error.code)
			failed(p, i, &pair);
		else
			succeeded(p, i, &pair);
		rc = pair_save(c, &pair, err);
		if (!rc && !p->ops[i].error.code && p->type != MAILBOX_UPDATE)
			rc = unshown_note(c, pair.item.id, err);
		pair_clear(&pair);
	}
	if (!rc)
		return store_commit(c->store, err);
	store_rollback(c->store);
	return rc;
}

/* What the first step will make Exchange drop, and only Exchange holds, is written down before it, like
 * the intent: a push that is cut short sends it in the next one. */
static int save_kept(struct push *p, struct error *err)
{
	struct store *store = p->c->store;
	int rc = store_begin(store, STORE_FULL, STORE_REMOTE, err);

	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < p->n; i++) {
		struct store_side side;

		if (!p->ops[i].kept)
			continue;
		rc = store_side_get(store, p->pairs[i].item.id, SIDE_EXCHANGE, &side, err);
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
	for (size_t i = 0; i < p->n; i++)
		if (p->ops[i].kept)
			return true;
	return false;
}

static int write_ops(struct push *p, struct error *err)
{
	const struct mailbox_driver *driver = p->c->engine->mailbox_driver;
	struct mailbox *connection = p->c->mb->connection;
	int rc = 0;

	if (p->type == MAILBOX_UPDATE && driver->keep)
		rc = driver->keep(connection, p->ops, p->n, err);
	if (!rc && keeps(p))
		rc = save_kept(p, err);
	if (!rc)
		return driver->write_items(connection, p->type, p->ops, p->n, err);
	for (size_t i = 0; i < p->n; i++)
		error_set(&p->ops[i].error, ERR_UNSENT, "what the server would drop was not read");
	return rc;
}

static int push_type(
	struct cycle *c, enum mailbox_op_type type, const int64_t *ids, size_t n, struct error *err)
{
	struct push *p = xcalloc(1, sizeof(*p));
	size_t at = 0;
	int rc = 0;

	p->c = c;
	p->type = type;
	while (!rc && at < n) {
		int recorded, sent;

		rc = collect(p, ids, n, &at, err);
		cycle_progress(c, "sending to Exchange", at, n);
		if (rc || !p->n) {
			push_clear(p);
			continue;
		}
		sent = write_ops(p, err);
		recorded = record_answers(p, sent ? NULL : err);
		rc = sent ? sent : recorded;
		if (!rc)
			rc = pull_mailbox_read(c, p->read_back, p->n_read_back, err);
		push_clear(p);
	}
	free(p);
	return rc;
}

/* ---- removals ---------------------------------------------------------------------------------- */

static int keep_tombstone(struct cycle *c, struct pair *pair, struct error *err)
{
	struct store_side *crm = &pair->sides[SIDE_CRM];
	struct store_tombstone t = { .mailbox = c->mb->id,
		.kind = pair->item.kind,
		.time = store_now(c->store),
		.uid = pair->item.uid,
		.key = pair->sides[SIDE_EXCHANGE].key,
		.folder = pair->item.folder,
		.ino = pair->item.ino,
		.remote_id = pair->sides[SIDE_EXCHANGE].remote_id,
		.doc = pair->item.doc };
	struct store_node node;
	int rc;

	if (pair->item.ino && !store_node_get(c->store, pair->item.ino, &node, NULL))
		t.name = node.name;
	else
		t.name = pair->item.removed_name;
	if (crm->status == SIDE_LINKED || crm->status == SIDE_UNLINKED) {
		t.record_id = crm->remote_id;
		t.record_state = crm->status == SIDE_LINKED
					 ? xstrdup("linked")
					 : xasprintf("unlinked %s", crm->reason ? crm->reason : "");
	}
	rc = store_tombstone_add(c->store, &t, err);
	free(t.record_state);
	return rc;
}

int push_item_end(struct cycle *c, int64_t item, struct error *err)
{
	int rc = store_claims_drop(c->store, item, err);

	if (!rc)
		rc = leads_forget(c, item, err);
	if (!rc)
		rc = account_forget(c, item, err);
	return rc ? rc : store_item_delete(c->store, item, err);
}

int push_item_gone(struct cycle *c, struct pair *pair, const char *reason, struct error *err)
{
	struct store_side *crm = &pair->sides[SIDE_CRM];
	const struct config_rule *rule = pair_rule(c, pair);
	char *path AUTOFREE = pair_path(c, pair);
	int rc = keep_tombstone(c, pair, err);

	if (!rc && pair->item.ino)
		rc = store_node_remove(c->store, pair->item.ino, err);
	pair->item.ino = 0;
	cycle_log(c, "%s: %s", path, reason);
	if (!rc && crm->status == SIDE_LINKED && rule &&
		(rule->remove == REMOVE_CRM || rule->remove == REMOVE_BOTH) &&
		designate_may_delete(c, pair)) {
		/* The record follows; the item stays as a removal until that is answered (I2). */
		crm->status = SIDE_DELETING;
		pair->item.removed = 1;
		pair->item.dirty = true;
		rc = store_side_delete(c->store, pair->item.id, SIDE_EXCHANGE, err);
		store_side_clear(&pair->sides[SIDE_EXCHANGE]);
		if (!rc)
			rc = store_side_save(c->store, crm, err);
		return rc ? rc : store_item_save(c->store, &pair->item, err);
	}
	if (!rc && crm->status == SIDE_LINKED)
		designate_unlink(c, pair, reason);
	return rc ? rc : push_item_end(c, pair->item.id, err);
}

/* Somebody is writing a new file under the name of the removed one, however long that takes: as soon as
 * it is a whole item, it takes the removed one's place. */
static bool is_being_replaced(struct cycle *c, const struct store_item *item)
{
	struct store_node node;

	return item->removed_name &&
	       !store_node_lookup(c->store, item->folder, item->removed_name, &node, NULL) &&
	       node.type == NODE_ITEM && !node.item && store_writer_active(c->store, node.ino);
}

static bool removal_is_due(struct cycle *c, const struct store_item *item)
{
	int64_t quiet = c->engine->commit->remove_quiet_ns, left;

	if (!item->removed)
		return false;
	if (c->urgent && quiet > URGENT_REMOVE_QUIET_NS)
		quiet = URGENT_REMOVE_QUIET_NS;
	left = item->removed + quiet - store_now(c->store);
	if (left > 0)
		cycle_wake(c,
			item->removed + c->engine->commit->remove_quiet_ns - store_now(c->store));
	return left <= 0 && !is_being_replaced(c, item); /* its last close starts a cycle */
}

/* One that Exchange refused waits for an administrator, as any item in error does. */
static bool removal_is_refused(struct cycle *c, const struct store_item *item)
{
	struct pair pair;
	bool refused = false;

	if (!item->error || pair_load(c, item->id, &pair, NULL))
		return false;
	refused = pair_is_refused(&pair, SIDE_EXCHANGE);
	pair_clear(&pair);
	return refused;
}

/* Judges one removal: a tombstone is written, or nothing was ever sent and it just ends. */
static int prepare_removal(struct cycle *c, int64_t id, bool allowed, bool *send, struct error *err)
{
	struct pair pair;
	struct store_side *side = &pair.sides[SIDE_EXCHANGE];
	int rc = pair_load(c, id, &pair, err);

	*send = false;
	if (rc)
		return rc;
	if (!pair.item.removed) { /* a file took it over since it was judged due */
		pair_clear(&pair);
		return 0;
	}
	if (side->status == SIDE_NONE || (side->status == SIDE_CREATING && may_create(c, side))) {
		if (pair.sides[SIDE_CRM].status != SIDE_DELETING)
			rc = push_item_gone(c, &pair, "removed", err);
	} else if (allowed && (side->status == SIDE_LINKED || side->status == SIDE_DELETING)) {
		side->status = SIDE_DELETING;
		*send = true;
		rc = store_side_save(c->store, side, err);
	}
	pair_clear(&pair);
	return rc;
}

static int finish_removal(struct cycle *c, int64_t id, const struct error *why, struct error *err)
{
	struct pair pair;
	int rc;

	if (why->code == ERR_LOST || why->code == ERR_UNSENT || why->code == ERR_THROTTLED ||
		why->code == ERR_BUSY || why->code == ERR_CANCELLED)
		return 0;
	rc = pair_load(c, id, &pair, err);
	if (rc)
		return rc;
	if (why->code && why->code != ERR_NOT_FOUND) {
		pair_refuse(c, &pair, SIDE_EXCHANGE, why);
		pair.sides[SIDE_EXCHANGE].status = SIDE_LINKED;
		rc = pair_save(c, &pair, err);
	} else {
		rc = guard_sent(c, &pair, SIDE_EXCHANGE, err);
		if (!rc)
			rc = push_item_gone(c, &pair, "removed", err);
	}
	pair_clear(&pair);
	return rc;
}

/* One batch of removals of one folder. */
static int remove_batch(
	struct cycle *c, const int64_t *ids, const bool *allowed, size_t n, struct error *err)
{
	struct mailbox_op *ops = xcalloc(n, sizeof(*ops));
	int64_t *sent = xcalloc(n, sizeof(*sent));
	size_t m = 0;
	int rc = store_begin(c->store, STORE_FULL, STORE_REMOTE, err), written = 0;

	for (size_t i = 0; !rc && i < n; i++) {
		struct store_side side;
		bool send;

		rc = prepare_removal(c, ids[i], allowed[i], &send, err);
		if (rc || !send)
			continue;
		rc = store_side_get(c->store, ids[i], SIDE_EXCHANGE, &side, err);
		ops[m].id = xstrdup(side.remote_id);
		store_item_kind(c->store, ids[i], &ops[m].kind, NULL);
		sent[m++] = ids[i];
		store_side_clear(&side);
	}
	if (!rc)
		rc = store_commit(c->store, err);
	else
		store_rollback(c->store);
	if (!rc && m)
		written = c->engine->mailbox_driver->write_items(
			c->mb->connection, MAILBOX_DELETE, ops, m, err);
	if (!rc && m)
		rc = store_begin(c->store, STORE_FULL, STORE_REMOTE, written ? NULL : err);
	for (size_t i = 0; !rc && i < m; i++)
		rc = finish_removal(c, sent[i], &ops[i].error, written ? NULL : err);
	if (m)
		rc = rc ? (store_rollback(c->store), rc) : store_commit(c->store, err);
	for (size_t i = 0; i < m; i++) {
		free((char *)ops[i].id);
		mailbox_op_clear(&ops[i]);
	}
	free(ops);
	free(sent);
	return written ? written : rc;
}

/* The removals of one folder: judged together, sent in batches. */
static int remove_in_folder(
	struct cycle *c, uint64_t folder, const int64_t *ids, size_t n, struct error *err)
{
	bool *allowed AUTOFREE = xcalloc(n, sizeof(*allowed));
	int64_t *linked AUTOFREE = xcalloc(n, sizeof(*linked));
	bool *may AUTOFREE = xcalloc(n, sizeof(*may));
	size_t m = 0, at = 0;
	int rc;

	for (size_t i = 0; i < n; i++) {
		struct store_side side;

		if (!store_side_get(c->store, ids[i], SIDE_EXCHANGE, &side, NULL)) {
			if (side.status == SIDE_LINKED)
				linked[m++] = ids[i];
			allowed[i] = side.status == SIDE_DELETING;
		}
		store_side_clear(&side);
	}
	rc = store_begin(c->store, STORE_FULL, STORE_REMOTE, err);
	if (rc)
		return rc;
	if (m)
		rc = guard_judge(c, folder, SIDE_EXCHANGE, linked, m, may, err);
	if (!rc)
		rc = store_commit(c->store, err);
	else
		store_rollback(c->store);
	for (size_t i = 0, j = 0; i < n && j < m; i++)
		if (linked[j] == ids[i])
			allowed[i] = may[j++];
	while (!rc && at < n) {
		size_t some = n - at < WRITE_BATCH ? n - at : WRITE_BATCH;

		rc = remove_batch(c, ids + at, allowed + at, some, err);
		at += some;
	}
	return rc;
}

static int push_removals(struct cycle *c, const int64_t *ids, size_t n, struct error *err)
{
	int64_t *due AUTOFREE = xcalloc(n, sizeof(*due));
	uint64_t *folder AUTOFREE = xcalloc(n, sizeof(*folder));
	int64_t *group AUTOFREE = xcalloc(n, sizeof(*group));
	size_t m = 0;
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		struct store_item item = { 0 };

		if (!store_item_get(c->store, ids[i], &item, NULL) && removal_is_due(c, &item) &&
			!removal_is_refused(c, &item)) {
			due[m] = ids[i];
			folder[m++] = guard_folder(c, item.folder);
		}
		store_item_clear(&item);
	}
	for (size_t i = 0; !rc && i < m; i++) {
		size_t k = 0;

		if (!due[i])
			continue;
		for (size_t j = i; j < m; j++)
			if (due[j] && folder[j] == folder[i]) {
				group[k++] = due[j];
				if (j > i)
					due[j] = 0;
			}
		rc = remove_in_folder(c, folder[i], group, k, err);
		due[i] = 0;
	}
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
