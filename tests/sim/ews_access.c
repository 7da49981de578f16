/* Who signs in, who is acted as, and which mailbox, folder or item a request names.
 *
 * A mailbox's own account reaches that mailbox.  A service account has none: it impersonates
 * (and is then that user in everything), or as a delegate names the mailbox in each
 * DistinguishedFolderId. */
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews_calendar.h"

/* "DOMAIN\user" and "user" are one. */
static const char *bare_user(const char *user)
{
	const char *backslash = strrchr(user, '\\');

	return backslash ? backslash + 1 : user;
}

struct ews_account *ews_sign_in(struct ews *ews, const struct sim_request *req)
{
	const char *header = sim_header(req, "Authorization");
	struct ews_account *found = NULL;
	unsigned char *raw;
	char *pair, *colon;
	size_t len;

	if (!header || strncasecmp(header, "Basic ", 6) != 0)
		return NULL;
	raw = base64_decode(header + 6, &len);
	if (!raw)
		return NULL;
	pair = xstrndup((char *)raw, len);
	colon = strchr(pair, ':');
	if (colon) {
		*colon = '\0';
		for (struct ews_account *a = ews->accounts; a && !found; a = a->next)
			if (!strcasecmp(bare_user(a->user), bare_user(pair)) &&
				!strcmp(a->password, colon + 1))
				found = a;
	}
	free(pair);
	free(raw);
	return found;
}

static bool denied(const struct ews_account *a, const char *address)
{
	for (size_t i = 0; i < a->n_denied; i++)
		if (!strcasecmp(a->denied[i], address))
			return true;
	return !a->service;
}

int ews_impersonate(struct ews_ctx *c)
{
	xmlNode *header = c->header ? xml_child(c->header, "ExchangeImpersonation") : NULL;
	xmlNode *sid = xml_first(xml_child(header, "ConnectingSID"));
	char *who AUTOFREE = xml_content(sid);
	struct ews_mailbox *mb;

	c->mailbox = c->account->mailbox;
	if (!header)
		return 0;
	if (!sid || !*who) {
		ews_fault(c, "ErrorInvalidExchangeImpersonationHeaderData",
			"ExchangeImpersonation SOAP header must be present for this type of OAuth "
			"token.");
		return -1;
	}
	mb = ews_mailbox_find(c->ews, who);
	if (!mb) {
		if (xml_is(sid, "SID"))
			ews_fault(c, "ErrorInvalidUserSid", "The user's SID is invalid.");
		else if (xml_is(sid, "PrincipalName"))
			ews_fault(c, "ErrorInvalidUserPrincipalName",
				"The user principal name (UPN) is invalid.");
		else
			ews_fault(c, "ErrorNonExistentMailbox",
				"The SMTP address has no mailbox associated with it.");
		return -1;
	}
	if (mb != c->account->mailbox && denied(c->account, mb->address)) {
		ews_fault(c, "ErrorImpersonateUserDenied",
			"The account does not have permission to impersonate the requested user.");
		return -1;
	}
	c->mailbox = mb;
	return 0;
}

const char *ews_actor(const struct ews_ctx *c)
{
	return c->mailbox ? c->mailbox->name : c->account->user;
}

bool ews_may_open(const struct ews_ctx *c, const struct ews_mailbox *mb)
{
	if (c->mailbox)
		return c->mailbox == mb;
	return c->account->service && !denied(c->account, mb->address);
}

static struct ews_folder *find_distinguished(
	struct ews_ctx *c, const xmlNode *id, struct ews_error *err)
{
	xmlNode *named = xml_child(id, "Mailbox");
	char *address AUTOFREE = xml_content(xml_child(named, "EmailAddress"));
	char *name AUTOFREE = xml_get(id, "Id");
	struct ews_mailbox *mb = named ? ews_mailbox_find(c->ews, address) : c->mailbox;
	struct ews_folder *f;

	if (named && !mb) {
		ews_fail(err, "ErrorNonExistentMailbox",
			"The SMTP address has no mailbox associated with it.");
		return NULL;
	}
	if (!mb) {
		ews_fail(err, "ErrorMissingEmailAddress",
			"When making a request as an account that "
			"does not have a mailbox, you must specify the mailbox primary SMTP "
			"address "
			"for any distinguished folder Ids.");
		return NULL;
	}
	if (!ews_may_open(c, mb)) {
		ews_fail(err, "ErrorAccessDenied",
			"Access is denied. Check credentials and try again.");
		return NULL;
	}
	f = ews_distinguished(mb, name);
	if (!f)
		ews_fail(err, "ErrorFolderNotFound",
			"The specified folder could not be found in the store.");
	return f;
}

/* Why an id finds nothing. */
static void not_found(struct ews_error *err, const char *id, const char *code, const char *text)
{
	if (!*id)
		ews_fail(err, "ErrorInvalidIdEmpty", "Id must be non-empty.");
	else if (!ews_id_well_formed(id))
		ews_fail(err, "ErrorInvalidIdMalformed", "Id is malformed.");
	else
		ews_fail(err, code, "%s", text);
}

struct ews_folder *ews_find_folder(struct ews_ctx *c, const xmlNode *id, struct ews_error *err)
{
	char *text AUTOFREE = xml_get(id, "Id");
	struct ews_folder *f;

	if (xml_is(id, "DistinguishedFolderId"))
		return find_distinguished(c, id, err);
	f = text ? xmlHashLookup(c->ews->folders, (const xmlChar *)text) : NULL;
	if (!f && text && xmlHashLookup(c->ews->items, (const xmlChar *)text)) {
		ews_fail(err, "ErrorCannotUseItemIdForFolderId",
			"An item Id cannot be used where a folder Id is expected.");
	} else if (!f) {
		not_found(err, text ? text : "", "ErrorFolderNotFound",
			"The specified folder could not be found in the store.");
	} else if (!ews_may_open(c, f->mailbox)) {
		ews_fail(err, "ErrorAccessDenied",
			"Access is denied. Check credentials and try again.");
		return NULL;
	}
	return f;
}

struct ews_item *ews_find_item(struct ews_ctx *c, const xmlNode *id, struct ews_error *err)
{
	char *text AUTOFREE = xml_get(id, "Id");

	if (!xml_is(id, "ItemId") || ews_is_occurrence_id(c, text))
		return ews_find_occurrence(c, id, err);
	return ews_item_by_id(c, text, err);
}

struct ews_item *ews_item_by_id(struct ews_ctx *c, const char *text, struct ews_error *err)
{
	struct ews_item *item = xmlHashLookup(c->ews->items, (const xmlChar *)text);

	if (!item && xmlHashLookup(c->ews->folders, (const xmlChar *)text)) {
		ews_fail(err, "ErrorCannotUseFolderIdForItemId",
			"A folder Id cannot be used where an item Id is expected.");
	} else if (!item) {
		not_found(err, text, "ErrorItemNotFound",
			"The specified object was not found in the store., The process failed to "
			"get "
			"the correct properties.");
	} else if (!ews_may_open(c, item->mailbox)) {
		ews_fail(err, "ErrorAccessDenied",
			"Access is denied. Check credentials and try again.");
		return NULL;
	}
	return item;
}
