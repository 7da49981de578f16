/* /sim/ews/ACTION: what an administrator of Exchange does, and the manners of real servers.
 *
 *   deny   {"user", "address"}   takes a service account's right to impersonate this mailbox
 *   allow  {"user", "address"}   gives it back
 *   limit  {"item_bytes": N}       how large an item with its attachments may be
 *   respond {"id", "attendee", "response"}   an attendee's answer arrives
 *   snapshot, restore, move {"address", ...}   see ews_restore.c
 *   untidy {"on": bool}          answers as real servers do now and then: dates with one to seven
 *                                fractional digits, a Content-Type without charset */
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews_calendar.h"

static const char *text(const json_t *args, const char *key)
{
	return json_string_value(json_object_get(args, key));
}

static json_t *refuse(const char *why, int *status)
{
	*status = 400;
	return json_pack("{s:s}", "error", why);
}

static struct ews_account *service_account(struct ews *ews, const char *user)
{
	for (struct ews_account *a = ews->accounts; a && user; a = a->next)
		if (a->service && !strcasecmp(a->user, user))
			return a;
	return NULL;
}

static json_t *change_right(struct ews *ews, bool allow, const json_t *args, int *status)
{
	struct ews_account *account = service_account(ews, text(args, "user"));
	const char *address = text(args, "address");

	if (!account || !ews_mailbox_find(ews, address))
		return refuse("user is no service account, or address no mailbox", status);
	for (size_t i = 0; i < account->n_denied; i++) {
		if (strcasecmp(account->denied[i], address) != 0)
			continue;
		free(account->denied[i]);
		account->denied[i] = account->denied[--account->n_denied];
		break;
	}
	if (!allow) {
		account->denied = xreallocarray(
			account->denied, account->n_denied + 1, sizeof(char *));
		account->denied[account->n_denied++] = xstrdup(address);
	}
	return json_object();
}

static json_t *respond(struct ews *ews, const json_t *args, int *status)
{
	static const char *const responses[] = { "Unknown", "Tentative", "Accept", "Decline",
		"NoResponseReceived" };
	const char *id = text(args, "id"), *who = text(args, "attendee");
	const char *response = text(args, "response");
	struct ews_item *item = id ? xmlHashLookup(ews->items, (const xmlChar *)id) : NULL;

	for (size_t i = 0; response && who && i < ARRAY_SIZE(responses); i++)
		if (item && !strcmp(response, responses[i]) &&
			ews_attendee_respond(item, who, response)) {
			ews_item_touch(ews, item, item->mailbox->name, false);
			return json_object();
		}
	return refuse("id is no item, attendee none of its, or response no ResponseType", status);
}

json_t *ews_act(struct ews *ews, const char *action, const json_t *args, int *status)
{
	if (!strcmp(action, "deny") || !strcmp(action, "allow"))
		return change_right(ews, !strcmp(action, "allow"), args, status);
	if (!strcmp(action, "untidy")) {
		ews->untidy = json_is_true(json_object_get(args, "on"));
		return json_object();
	}
	if (!strcmp(action, "limit")) {
		ews->max_item = (size_t)json_integer_value(json_object_get(args, "item_bytes"));
		return json_object();
	}
	if (!strcmp(action, "respond"))
		return respond(ews, args, status);
	if (!strcmp(action, "snapshot") || !strcmp(action, "restore") || !strcmp(action, "move"))
		return ews_restore_act(ews, action, args) ? json_object()
							  : refuse("address is no mailbox", status);
	return refuse(
		"action is none of deny, allow, limit, respond, snapshot, restore, move, untidy",
		status);
}
