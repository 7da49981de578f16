/* Invitees of an event.  Each invited user has an event of his own, a child (IsChild), which follows
 * the organizer's and cannot be changed by itself; an EventRelation stands for every invitee.
 *
 * The child's tie to the organizer's event is no field of the API: "_parent" is kept beside them. */
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/sf.h"

#define PARENT "_parent"

static struct sf_record *event_of(struct sf *sf, const json_t *fields)
{
	const char *id = json_string_value(json_object_get(fields, "EventId"));

	return id ? sf_find(sf, id) : NULL;
}

static const char *invited_user(struct sf *sf, const json_t *relation)
{
	const char *id = json_string_value(json_object_get(relation, "RelationId"));
	const struct sf_record *who = id ? sf_find(sf, id) : NULL;

	return who && strcmp(who->table->name, "User") == 0 ? who->id : NULL;
}

/* The organizer's event as an invitee has it. */
static json_t *copy_for(const struct sf_record *event, const char *user)
{
	json_t *fields = json_copy(event->fields);

	json_object_del(fields, "Id");
	json_object_del(fields, "Tandem_Token__c");
	json_object_set_new(fields, "OwnerId", json_string(user));
	json_object_set_new(fields, "IsChild", json_true());
	json_object_set_new(fields, "IsGroupEvent", json_true());
	json_object_set_new(fields, PARENT, json_string(event->id));
	return fields;
}

static bool is_child_of(const struct sf_record *child, const struct sf_record *event)
{
	const char *parent = sf_text(child, PARENT);

	return parent && strcmp(parent, event->id) == 0 && !child->deleted && !child->purged;
}

/* Relations ------------------------------------------------------------------------------- */

static void relation_defaults(struct sf *sf, const struct sf_save *how, json_t *fields)
{
	(void)sf;
	(void)how;
	json_object_set_new(fields, "Status", json_string("New"));
}

static json_t *relation_check(struct sf *sf, const struct sf_save *how, const json_t *before,
	const json_t *input, json_t *fields)
{
	const struct sf_record *event = event_of(sf, fields);

	(void)how;
	(void)input;
	if (before || !event)
		return NULL;
	if (sf_flag(event->fields, "IsChild"))
		return sf_error("FIELD_INTEGRITY_EXCEPTION", "EventId",
			"an event relation cannot be related to a child event");
	if (!sf_flag(fields, "IsParent"))
		json_object_set_new(fields, "IsInvitee", json_true());
	return NULL;
}

static json_t *relation_saved(struct sf *sf, const struct sf_save *how, struct sf_record *record,
	const json_t *before, const json_t *input)
{
	struct sf_record *event = event_of(sf, record->fields);
	const char *user = invited_user(sf, record->fields);
	json_t *fields;

	(void)input;
	if (before || !event || !sf_flag(record->fields, "IsInvitee"))
		return NULL;
	fields = json_copy(event->fields);
	json_object_set_new(fields, "IsGroupEvent", json_true());
	json_object_set_new(fields, "GroupEventType", json_string(SF_EVENT_GROUP));
	sf_change(sf, how, event, fields, false);
	if (user)
		sf_add(sf, how, event->table, copy_for(event, user));
	return NULL;
}

static json_t *relation_deleted(struct sf *sf, const struct sf_save *how, struct sf_record *record)
{
	const struct sf_record *event = event_of(sf, record->fields);
	const char *user = invited_user(sf, record->fields);

	for (size_t i = 0; event && user && i < event->table->n; i++) {
		struct sf_record *child = event->table->rows[i];

		if (is_child_of(child, event) && strcmp(sf_text(child, "OwnerId"), user) == 0)
			sf_change(sf, how, child, json_copy(child->fields), true);
	}
	return NULL;
}

const struct sf_rules sf_relation_rules = { relation_defaults, relation_check, relation_saved,
	relation_deleted };

/* The organizer's event ------------------------------------------------------------------- */

json_t *sf_invite_saved(struct sf *sf, const struct sf_save *how, struct sf_record *event)
{
	if (!sf_flag(event->fields, "IsGroupEvent") || sf_flag(event->fields, "IsChild"))
		return NULL;
	for (size_t i = 0; i < event->table->n; i++) {
		struct sf_record *child = event->table->rows[i];
		json_t *fields;

		if (!is_child_of(child, event))
			continue;
		fields = copy_for(event, sf_text(child, "OwnerId"));
		json_object_set(fields, "Id", sf_get(child, "Id"));
		json_object_set(fields, "CreatedDate", sf_get(child, "CreatedDate"));
		json_object_set(fields, "CreatedById", sf_get(child, "CreatedById"));
		sf_change(sf, how, child, fields, false);
	}
	return NULL;
}

json_t *sf_invite_deleted(struct sf *sf, const struct sf_save *how, struct sf_record *event)
{
	const struct sf_table *relations = sf_table_find(sf, "EventRelation");

	for (size_t i = 0; i < event->table->n; i++) {
		struct sf_record *child = event->table->rows[i];

		if (is_child_of(child, event))
			sf_change(sf, how, child, json_copy(child->fields), true);
	}
	for (size_t i = 0; i < relations->n; i++) {
		struct sf_record *relation = relations->rows[i];
		const char *id = sf_text(relation, "EventId");

		if (id && strcmp(id, event->id) == 0 && !relation->deleted && !relation->purged)
			sf_change(sf, how, relation, json_copy(relation->fields), true);
	}
	return NULL;
}
