/* Exchange's response codes and what they mean for the hub.
 *
 * One table gives each code its grade.  A code that is not in it is the server's own reason
 * (ERR_REMOTE).  Codes after which a write may nevertheless have been applied are ERR_LOST for a
 * write.  A missing mailbox is never ERR_NOT_FOUND: the hub would take that for a deleted item. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ews/ews_private.h"
#include "sync/mem.h"

static const struct {
	const char *code;
	enum error_code reads;
	enum error_code writes;
} codes[] = {
	{ "ErrorItemNotFound", ERR_NOT_FOUND, ERR_NOT_FOUND },
	{ "ErrorInvalidAttachmentId", ERR_NOT_FOUND, ERR_NOT_FOUND },
	{ "ErrorCalendarOccurrenceIsDeletedFromRecurrence", ERR_NOT_FOUND, ERR_NOT_FOUND },
	{ "ErrorFolderNotFound", ERR_NOT_FOUND, ERR_NOT_FOUND },
	{ "ErrorParentFolderNotFound", ERR_NOT_FOUND, ERR_NOT_FOUND },
	{ "ErrorSavedItemFolderNotFound", ERR_NOT_FOUND, ERR_NOT_FOUND },
	{ "ErrorSyncFolderNotFound", ERR_NOT_FOUND, ERR_NOT_FOUND },
	{ "ErrorToFolderNotFound", ERR_NOT_FOUND, ERR_NOT_FOUND },

	{ "ErrorIrresolvableConflict", ERR_CONFLICT, ERR_CONFLICT },
	{ "ErrorStaleObject", ERR_CONFLICT, ERR_CONFLICT },
	{ "ErrorInvalidChangeKey", ERR_CONFLICT, ERR_CONFLICT },

	{ "ErrorFolderExists", ERR_EXISTS, ERR_EXISTS },

	{ "ErrorInvalidSyncStateData", ERR_CURSOR, ERR_CURSOR },

	{ "ErrorAccessDenied", ERR_DENIED, ERR_DENIED },
	{ "ErrorAccountDisabled", ERR_DENIED, ERR_DENIED },
	{ "ErrorCannotDeleteObject", ERR_DENIED, ERR_DENIED },
	{ "ErrorCreateItemAccessDenied", ERR_DENIED, ERR_DENIED },
	{ "ErrorCreateSubfolderAccessDenied", ERR_DENIED, ERR_DENIED },
	{ "ErrorDeleteDistinguishedFolder", ERR_DENIED, ERR_DENIED },
	{ "ErrorImpersonateUserDenied", ERR_DENIED, ERR_DENIED },
	{ "ErrorImpersonationDenied", ERR_DENIED, ERR_DENIED },
	{ "ErrorImpersonationFailed", ERR_DENIED, ERR_DENIED },
	{ "ErrorMailboxLogonFailed", ERR_DENIED, ERR_DENIED },
	{ "ErrorMoveDistinguishedFolder", ERR_DENIED, ERR_DENIED },
	{ "ErrorPasswordChangeRequired", ERR_DENIED, ERR_DENIED },
	{ "ErrorPasswordExpired", ERR_DENIED, ERR_DENIED },

	{ "ErrorServerBusy", ERR_THROTTLED, ERR_THROTTLED },
	{ "ErrorExceededConnectionCount", ERR_THROTTLED, ERR_THROTTLED },

	{ "ErrorIncorrectUpdatePropertyCount", ERR_INTERNAL, ERR_INTERNAL },
	{ "ErrorInvalidPropertyAppend", ERR_INTERNAL, ERR_INTERNAL },
	{ "ErrorInvalidPropertyDelete", ERR_INTERNAL, ERR_INTERNAL },
	{ "ErrorInvalidPropertyRequest", ERR_INTERNAL, ERR_INTERNAL },
	{ "ErrorInvalidPropertySet", ERR_INTERNAL, ERR_INTERNAL },
	{ "ErrorInvalidRequest", ERR_INTERNAL, ERR_INTERNAL },
	{ "ErrorSchemaValidation", ERR_INTERNAL, ERR_INTERNAL },
	{ "ErrorUpdatePropertyMismatch", ERR_INTERNAL, ERR_INTERNAL },

	{ "ErrorAttachmentSizeLimitExceeded", ERR_TOO_BIG, ERR_TOO_BIG },
	{ "ErrorDataSizeLimitExceeded", ERR_TOO_BIG, ERR_TOO_BIG },
	{ "ErrorMessageSizeExceeded", ERR_TOO_BIG, ERR_TOO_BIG },
	{ "ErrorRequestStreamTooBig", ERR_TOO_BIG, ERR_TOO_BIG },

	{ "ErrorBatchProcessingStopped", ERR_REMOTE, ERR_UNSENT },
	{ "ErrorConnectionFailed", ERR_REMOTE, ERR_LOST },
	{ "ErrorInternalServerError", ERR_REMOTE, ERR_LOST },
	{ "ErrorInternalServerTransientError", ERR_REMOTE, ERR_LOST },
	{ "ErrorRequestAborted", ERR_REMOTE, ERR_LOST },
	{ "ErrorTimeoutExpired", ERR_REMOTE, ERR_LOST },
};

static enum error_code grade(const char *code, enum ews_effect effect)
{
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (!strcasecmp(codes[i].code, code))
			return effect == EWS_WRITES ? codes[i].writes : codes[i].reads;
	return ERR_REMOTE;
}

/* <Value Name="BackOffMilliseconds"> anywhere below; 0 when there is none. */
static unsigned int back_off_named(const xmlNode *node)
{
	for (xmlNode *child = xml_first(node); child; child = xml_next(child)) {
		unsigned int below = back_off_named(child);

		if (below)
			return below;
		if (xml_is(child, "Value") &&
			xml_attribute_is(child, "Name", "BackOffMilliseconds")) {
			char *text AUTOFREE = xml_content(child);
			unsigned long ms = strtoul(text, NULL, 10);

			return ms > EWS_BACK_OFF_MAX ? EWS_BACK_OFF_MAX : (unsigned int)ms;
		}
	}
	return 0;
}

/* The text of the first of these descendants that is there and not empty; a new string or NULL. */
static char *text_below(const xmlNode *node, const char *const *names)
{
	for (; *names; names++) {
		char *text = xml_content(xml_find(node, *names));

		if (text && text[strspn(text, " \t\r\n")])
			return text;
		free(text);
	}
	return NULL;
}

/* Cut at its first line end and without trailing full stop: an error is one sentence. */
static void tidy(char *text)
{
	size_t len = strcspn(text, "\r\n");

	while (len && (text[len - 1] == '.' || text[len - 1] == ' '))
		len--;
	text[len] = '\0';
}

int ews_error_of(const xmlNode *node, enum ews_effect effect, struct error *err)
{
	static const char *const code_names[] = { "ResponseCode", "faultcode", NULL };
	static const char *const text_names[] = { "MessageText", "Message", "faultstring", NULL };
	char *code AUTOFREE = text_below(node, code_names);
	char *text AUTOFREE = text_below(node, text_names);
	const char *name = code ? code : "no response code";
	enum error_code number;

	if (code && strchr(code, ':'))
		name = strchr(code, ':') + 1; /* faultcode is a qualified name */
	if (text)
		tidy(text);
	number = grade(name, effect);
	error_set(err, number, "Exchange: %.300s (%.80s)", text && *text ? text : "no reason given",
		name);
	if (number == ERR_THROTTLED && err) {
		err->retry_after_ms = back_off_named(node);
		if (!err->retry_after_ms)
			err->retry_after_ms = EWS_BACK_OFF_DEFAULT;
	}
	return number;
}

static int throttled(const struct http_answer *answer, struct error *err)
{
	error_set(err, ERR_THROTTLED, "Exchange is busy (HTTP status %d)", answer->status);
	if (!err)
		return ERR_THROTTLED;
	err->retry_after_ms = answer->retry_after_ms ? answer->retry_after_ms
						     : EWS_BACK_OFF_DEFAULT;
	if (err->retry_after_ms > EWS_BACK_OFF_MAX)
		err->retry_after_ms = EWS_BACK_OFF_MAX;
	return ERR_THROTTLED;
}

int ews_error_of_status(const struct mailbox *mailbox, const struct http_answer *answer,
	enum ews_effect effect, struct error *err)
{
	int status = answer->status;

	if (status == 429 || status == 503)
		return throttled(answer, err);
	if (status == 401 || status == 403 || status == 440 || status == 456)
		return error_set(err, ERR_DENIED,
			"Exchange refused the sign-in of %s (HTTP status %d)", mailbox->user,
			status);
	if (status == 413)
		return error_set(
			err, ERR_TOO_BIG, "Exchange finds the request too large (HTTP status 413)");
	if (status >= 300 && status < 400)
		return error_set(err, ERR_REMOTE,
			"Exchange is not at this URL: it redirects (HTTP status %d)", status);
	if (status == 404 || status == 405)
		return error_set(
			err, ERR_REMOTE, "there is no EWS at this URL (HTTP status %d)", status);
	/* A gateway that gave up, or a server that broke off, may have passed the request on. */
	if (effect == EWS_WRITES && (status >= 500 || status == 408 || status / 100 == 2))
		return error_set(
			err, ERR_LOST, "Exchange gave no answer to read (HTTP status %d)", status);
	return error_set(err, ERR_REMOTE, "Exchange answered with HTTP status %d", status);
}

void ews_error_copy(struct error *to, const struct error *from, enum error_code code)
{
	if (!to)
		return;
	*to = *from;
	to->code = code;
}
