/* The merge: field by field, what changed here against what changed there.
 *
 * For each name of a side's table there are four values:
 *
 *	here    the projection of our document now
 *	ours    the projection when the two last agreed        (shadow)
 *	theirs  what the remote held then                      (shadow)
 *	there   what the remote holds now
 *
 * changed here: here != ours.  changed there: there != theirs.  What a remote makes of our own value
 * (trims, cuts, flows) is `theirs` from then on and never a change (I11).  While an intent stands, a
 * pulled value that equals it, or any new value of an intended field in a version that our account
 * wrote last, is our own (I12); one that still equals `theirs` says that the push never arrived, and
 * the field stays changed here.  Fields not read take no part (I8). */
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

struct field_merge {
	struct cycle *c;
	struct pair *pair;
	struct store_side *side;
	const struct field_table *table;
	const struct remote_state *remote;
	json_t *projection; /* of the document as merged so far */
	json_t *cut;	    /* array: names whose values are cut in it */
	json_t *agreed;	    /* set: names whose values here and there are one now */
	const json_t *intended;
	const json_t *unsure; /* names that an unanswered push sends in later steps, or NULL */
	bool answered;	      /* this is the version that our answered push made */
	bool first;	      /* no base: linked for the first time */
	bool pulls;	      /* edits of the remote are taken */
	bool took;	      /* one was */
	bool restored;	      /* what differs there is from a backup, and nobody's edit */
	const char *view;     /* name of the category that is the item's location, or NULL */
	struct error *err;
};

static const char *const origins[SIDES] = { "exchange", "crm" };

/* Who the value in our document comes from, as far as a conflict record can say. */
static const char *local_origin(const struct field_merge *m)
{
	if (m->pair->item.edited)
		return "file";
	return m->side->side == SIDE_EXCHANGE ? "crm" : "exchange";
}

static void note_clash(struct field_merge *m, const char *name, const json_t *winner,
	const char *winner_origin, const json_t *loser, const char *loser_origin)
{
	const struct field *row = field_find(m->table, name);
	/* Of a set, each key is a place of its own. */
	const char *key = row && row->flags & FIELD_PER_KEY ? strchr(name, '/') : NULL;
	char *path AUTOFREE = row ? xasprintf("%s%s", row->path, key ? key : "") : NULL;
	const struct conflict_clash clash = { .field = name,
		.path = path,
		.base = value_get(m->side->ours, name),
		.winner = winner,
		.winner_origin = winner_origin,
		.loser = loser,
		.loser_origin = loser_origin };

	conflict_note(m->pair, &clash);
}

/* The category of the view comes and goes: the file moves, and what the user wrote in it goes with it. */
static int apply_view(struct field_merge *m, const char *name, const json_t *there)
{
	int rc = views_place(m->c, m->pair, there != NULL, m->err);

	if (rc || there)
		return rc;
	return field_apply(m->table, m->pair->item.doc, name, NULL, m->err);
}

/* The value that the remote holds, not what stands for it. */
static json_t *whole_there(const struct field_merge *m, const struct field *row, json_t *there)
{
	return there && row && row->apart ? value_get(m->remote->wholes, row->name) : there;
}

/* Has the value members that can change each on its own: an exception of a series? */
static bool has_members(const struct field_merge *m, const char *name, const json_t *there)
{
	const struct field *row = field_find(m->table, name);

	return row && row->flags & FIELD_VALUES && json_is_object(there) &&
	       json_is_object(value_get(m->side->ours, name)) &&
	       json_is_object(value_get(m->side->theirs, name));
}

/* `ours` with the members that changed there: what the remote made of another one (cut, trimmed) is no
 * change of it.  New reference. */
static json_t *with_changes(const struct field_merge *m, const char *name, json_t *there)
{
	const json_t *theirs = value_get(m->side->theirs, name);
	json_t *all, *out, *value;
	const char *member;

	if (!has_members(m, name, there))
		return json_incref(there);
	all = json_copy(there);
	json_object_update_missing(all, (json_t *)theirs);
	out = json_copy(value_get(m->side->ours, name));
	json_object_foreach(all, member, value) {
		json_t *now = json_object_get(there, member);

		if (json_equal(now, json_object_get(theirs, member)))
			continue;
		if (now)
			json_object_set(out, member, now);
		else
			json_object_del(out, member);
	}
	json_decref(all);
	return out;
}

static int apply(struct field_merge *m, const char *name, json_t *there)
{
	bool is_view = m->view && !strcmp(m->view, name);
	json_t *value = with_changes(m, name, whole_there(m, field_find(m->table, name), there));
	int rc = is_view ? apply_view(m, name, there)
			 : field_apply(m->table, m->pair->item.doc, name, value, m->err);

	json_decref(value);
	if (rc)
		return error_prefix(m->err, "%s", name);
	m->took = true;
	json_decref(m->projection);
	json_array_clear(m->cut);
	m->projection = pair_project(m->c, m->pair, m->side->side, m->cut, m->err);
	return m->projection ? 0 : m->err ? (int)m->err->code : ERR_INVALID;
}

static void agree(struct field_merge *m, const char *name, json_t *there)
{
	json_object_set_new(m->agreed, name, json_true());
	value_put(m->side->theirs, name, there);
}

/* What a field looks like may depend on others (a series' rule begins when its event does), which were
 * merged after it perhaps.  So `ours` of those that agree is what all of them together look like. */
static void note_agreed(struct field_merge *m)
{
	const char *name;
	json_t *value;

	json_object_foreach(m->agreed, name, value)
		value_put(m->side->ours, name, value_get(m->projection, name));
}

/* Does the remote's value win over ours?  Files are the mailbox's side towards the CRM; between a
 * file and Exchange the file wins. */
static bool remote_wins(const struct field_merge *m)
{
	bool is_crm = m->side->side == SIDE_CRM;
	enum config_conflict policy = m->c->engine->config->conflict;
	const struct config_rule *rule = pair_rule(m->c, m->pair);
	int64_t local = m->pair->item.edited;

	if (is_crm && rule && rule->direction == DIRECTION_TO_CRM)
		return false;
	if (is_crm && rule && rule->direction == DIRECTION_TO_EXCHANGE)
		return true;
	if (!is_crm && m->pair->item.edited)
		return false;
	if (policy == CONFLICT_NEWEST) {
		if (is_crm && !local)
			local = json_integer_value(
				value_get(m->pair->sides[SIDE_EXCHANGE].theirs, "@modified"));
		else if (!is_crm)
			local = json_integer_value(
				value_get(m->pair->sides[SIDE_CRM].theirs, "@modified"));
		return m->remote->modified > local;
	}
	return is_crm == (policy == CONFLICT_CRM);
}

static int merge_both_changed(struct field_merge *m, const char *name, json_t *there)
{
	json_t *whole = field_whole(m->table, m->pair->item.doc, name);
	json_t *here = whole ? whole : value_get(m->projection, name);
	json_t *lost = whole_there(m, field_find(m->table, name), there);
	const char *origin = origins[m->side->side];
	int rc = ERR_CONFLICT;

	if (remote_wins(m)) {
		note_clash(m, name, lost, origin, here, local_origin(m));
		rc = apply(m, name, there);
	} else if (m->side->side == SIDE_CRM || !m->remote->modified ||
		   store_now(m->c->store) - m->remote->modified < CONFLICT_WINDOW_NS) {
		note_clash(m, name, here, local_origin(m), lost, origin);
	}
	json_decref(whole);
	return rc;
}

/* Is this value what became of the push that the intent describes (I12)? */
static bool is_our_own(
	const struct field_merge *m, const struct field *row, const char *name, const json_t *there)
{
	if (!m->intended)
		return false;
	if (!json_object_get(m->intended, name)) /* an exception may have made a version since */
		return json_is_true(json_object_get(m->side->intent, "answered")) &&
		       (row->flags & FIELD_FILLED) && !value_get(m->side->ours, name);
	if (value_equal(there, value_get(m->intended, name)))
		return true;
	if (m->answered && !array_has(m->unsure, name))
		return true;
	return m->remote->by_us && !value_equal(there, value_get(m->side->theirs, name));
}

/* Dropped by the first step of our push, and the step that sends it again was not come to (I12): nobody
 * removed it there, and it is to be sent. */
static bool was_dropped(const struct field_merge *m, const char *name, const json_t *there)
{
	return !there && value_get(m->intended, name) && array_has(m->unsure, name);
}

/* Older than what we know: that stands, and is to be sent again. */
static int keep_newer(struct field_merge *m, const char *name, json_t *there)
{
	json_t *whole = field_whole(m->table, m->pair->item.doc, name);

	note_clash(m, name, whole ? whole : value_get(m->projection, name), "file",
		whole_there(m, field_find(m->table, name), there), origins[m->side->side]);
	json_decref(whole);
	if (!has_members(m, name, there))
		value_put(m->side->ours, name, there);
	return ERR_CONFLICT;
}

static int merge_field(struct field_merge *m, const char *name)
{
	json_t *there = value_get(m->remote->fields, name);
	json_t *here = value_get(m->projection, name);
	const struct field *row = field_find(m->table, name);
	bool changed_here, changed_there, same;
	int rc = 0;

	/* An item's identity is decided before it is merged: a copy has the other's UID there. */
	if (!row || (row->flags & (FIELD_NO_ACCESS | FIELD_CREATE_ONLY)))
		return 0;
	if (was_dropped(m, name, there)) {
		value_put(m->side->ours, name, NULL);
		value_put(m->side->theirs, name, NULL);
	} else if (is_our_own(m, row, name, there)) {
		value_put(m->side->ours, name, value_get(m->intended, name));
		value_put(m->side->theirs, name, there);
	}
	if (m->first && field_is_stand_in(row, m->pair->item.doc))
		here = NULL; /* worth less than any value of the other side */
	changed_there = !value_equal(there, value_get(m->side->theirs, name));
	changed_here = !value_equal(here, value_get(m->side->ours, name));
	if (!changed_there)
		return 0;
	same = value_equal(there, here) || (changed_here && field_same(row, there, here));
	if (same) {
		agree(m, name, there);
		return 0;
	}
	if (!m->first && !m->remote->by_us)
		gateway_changed(m->c, m->pair, m->side->side, name);
	if (there && !whole_there(m, row, there)) /* staged without it: another pull brings it */
		return 0;
	/* One-way: not taken, and not undone until it changes here.  `theirs` stays what it was, so that
	 * what is replaced then can be told. */
	if (!m->pulls && !changed_here) {
		if (m->answered && !m->side->version) /* what the CRM filled in of itself */
			value_put(m->side->theirs, name, there);
		return 0;
	}
	if (m->restored && !(row->flags & FIELD_READ_ONLY))
		rc = keep_newer(m, name, there);
	else if (!changed_here || (row->flags & FIELD_READ_ONLY))
		rc = apply(m, name, there);
	else
		rc = merge_both_changed(m, name, there);
	if (rc == ERR_CONFLICT) { /* ours stands and is sent, over what changed there */
		if (has_members(m, name, there)) {
			json_t *base = with_changes(m, name, there);

			value_put(m->side->ours, name, base);
			json_decref(base);
		}
		value_put(m->side->theirs, name, there);
		return 0;
	}
	if (!rc)
		agree(m, name, there);
	return rc;
}

static bool is_unread(const json_t *unread, const char *name)
{
	size_t length = strcspn(name, "/"), i;
	json_t *entry;

	json_array_foreach((json_t *)unread, i, entry) {
		const char *text = json_string_value(entry);

		if (text && (!strcmp(text, name) ||
				    (strlen(text) == length && !strncmp(text, name, length))))
			return true;
	}
	return false;
}

/* The marks are ours alone: what the remote holds is `theirs`, what we sent is `ours`. */
static void merge_marks(struct field_merge *m)
{
	static const char *const marks[] = { "@uid", "@fileName", "@crmLink", "@unlinked" };

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		json_t *there = value_get(m->remote->fields, marks[i]);

		value_put(m->side->theirs, marks[i], there);
		value_put(m->side->ours, marks[i], there);
	}
}

/* A lost push arrived if one of its values is there that was not there before: it is applied whole or not
 * at all, but for its later steps.  Another item of ours that is linked with the record could have sent
 * that value, too. */
static bool has_arrived(struct cycle *c, const struct pair *pair, const struct store_side *s,
	const struct remote_state *remote)
{
	const char *name;
	json_t *sent;

	if (!remote->by_us || (s->side == SIDE_CRM && designate_is_shared(c, pair)))
		return false;
	json_object_foreach(json_object_get(s->intent, "fields"), name, sent) {
		json_t *there = value_get(remote->fields, name);

		if (!is_unread(remote->unread, name) && value_equal(there, sent) &&
			!value_equal(there, value_get(s->theirs, name)))
			return true;
	}
	return false;
}

/* Our push went through, and this is what it made: in Exchange by the ChangeKey of the answer, in the CRM,
 * whose answers name no version, by who wrote it last; without an answer by what is there. */
static bool is_answered(struct cycle *c, const struct pair *pair, const struct store_side *s,
	const struct remote_state *remote)
{
	if (!json_is_true(json_object_get(s->intent, "answered")))
		return has_arrived(c, pair, s, remote);
	if (s->side == SIDE_CRM)
		return remote->by_us;
	return s->version && remote->version && !strcmp(s->version, remote->version);
}

/* Every field that one of the two has, or had. */
static int merge_fields(struct field_merge *m)
{
	json_t *all = json_copy((json_t *)m->remote->fields), *names, *entry;
	int rc = 0;
	size_t i;

	json_object_update(all, m->projection);
	json_object_update(all, m->side->ours);
	json_object_update(all, m->side->theirs);
	names = field_names(m->table, all);
	json_array_foreach(names, i, entry) {
		const char *name = json_string_value(entry);

		if (name[0] == '@' || is_unread(m->remote->unread, name))
			continue;
		rc = merge_field(m, name);
		if (rc)
			break;
	}
	json_decref(names);
	json_decref(all);
	return rc;
}

/* All fields are merged: the shadow is about this version, and the intent is done with. */
static void settle_shadow(struct field_merge *m)
{
	const struct remote_state *remote = m->remote;
	struct store_side *s = m->side;

	note_agreed(m);
	/* What was refused against another version is worth another try. */
	if (s->error && s->version && remote->version && strcmp(s->version, remote->version) != 0 &&
		!guard_is_fighting(m->c, m->pair->item.id))
		xstrset(&s->error, NULL);
	if (s->side == SIDE_EXCHANGE) {
		merge_marks(m);
		apart_remember(s, remote);
		apart_tidy(s, remote);
	} else {
		value_put(s->theirs, "@unread", (json_t *)remote->unread);
	}
	value_put(s->theirs, "@cut", json_array_size(m->cut) ? m->cut : NULL);
	if (remote->modified)
		json_object_set_new(s->theirs, "@modified", json_integer(remote->modified));
	xstrset(&s->version, remote->version);
	pair_forget_intent(s);
}

int merge_side(struct cycle *c, struct pair *pair, enum side side,
	const struct remote_state *remote, struct error *err)
{
	struct store_side *s = &pair->sides[side];
	const struct config_rule *rule = pair_rule(c, pair);
	bool inside;
	char *view AUTOFREE = side == SIDE_EXCHANGE ? views_field(c, pair, &inside) : NULL;
	struct field_merge m = { .c = c,
		.pair = pair,
		.side = s,
		.remote = remote,
		.table = &c->tables[side][pair->item.kind],
		.answered = is_answered(c, pair, s, remote),
		.first = !s->ours,
		.view = view,
		.err = err,
		.restored = side == SIDE_EXCHANGE && pair->restored && s->ours,
		.pulls = side == SIDE_EXCHANGE || !rule || rule->direction != DIRECTION_TO_CRM,
		.agreed = json_object(),
		.cut = json_array(),
		.unsure = json_object_get(s->intent, "later"),
		.intended = json_object_get(s->intent, "fields") };
	int rc = 0;

	if (!s->ours)
		s->ours = json_object();
	if (!s->theirs)
		s->theirs = json_object();
	m.projection = pair_project(c, pair, side, m.cut, err);
	if (!m.projection)
		rc = err ? (int)err->code : ERR_INVALID;
	if (!rc)
		rc = merge_fields(&m);
	if (!rc && view)
		rc = views_settle(c, pair, err);
	if (!rc)
		settle_shadow(&m);
	if (!rc && m.took && !m.first)
		pair->fights = guard_turn(c, pair->item.id, side);
	json_decref(m.agreed);
	json_decref(m.cut);
	json_decref(m.projection);
	return rc;
}

void merge_replaced(struct cycle *c, struct pair *pair, enum side side, const json_t *projection,
	const json_t *changed, const json_t *held)
{
	struct field_merge m = { .c = c,
		.pair = pair,
		.side = &pair->sides[side],
		.table = &c->tables[side][pair->item.kind],
		.projection = (json_t *)projection };
	json_t *entry;
	size_t i;

	json_array_foreach((json_t *)changed, i, entry) {
		const char *name = json_string_value(entry);
		json_t *there = value_get(held, name), *here = value_get(projection, name);

		if (value_equal(there, value_get(m.side->theirs, name)) || value_equal(there, here))
			continue;
		note_clash(&m, name, here, local_origin(&m), there, origins[side]);
		value_put(m.side->theirs, name, there);
	}
}
