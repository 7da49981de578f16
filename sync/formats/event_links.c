/* Attachments of an item of the server, as links: their names are told, their contents stay there.
 *
 * Projected they are an array of { "name", "type" }.  In the document each is a Link whose href says that
 * it is one of these: "urn:x-exchange:attachment:NAME".  What else is linked is the user's own. */
#include <string.h>

#include "sync/buf.h"
#include "sync/formats/card_slots.h"
#include "sync/formats/event.h"
#include "sync/mem.h"

#define HERE	"urn:x-exchange:attachment:"
#define URN_MAX 4096

static bool is_theirs(const json_t *link)
{
	const char *href = card_string(link, "href");

	return href && !strncmp(href, HERE, strlen(HERE));
}

static json_t *attachments_get(const json_t *doc, const struct field *field)
{
	json_t *out = json_array(), *link;
	const char *id;

	json_object_foreach(json_object_get(doc, field->path), id, link)
		if (is_theirs(link))
			json_array_append_new(out,
				json_pack("{s:O*, s:O*}", "name", json_object_get(link, "title"),
					"type", json_object_get(link, "contentType")));
	if (json_array_size(out))
		return out;
	json_decref(out);
	return NULL;
}

static json_t *link_of(const json_t *attachment)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	struct buf href AUTOBUF = BUF_INIT(URN_MAX);
	const char *name = card_string(attachment, "name");

	buf_adds(&href, HERE);
	for (const char *c = name; c && *c; c++)
		if (strchr(plain, *c))
			buf_addc(&href, *c);
		else
			buf_addf(&href, "%%%02X", (unsigned char)*c);
	return json_pack("{s:s, s:s, s:s, s:O*, s:O*}", "@type", "Link", "rel", "enclosure", "href",
		buf_str(&href), "title", json_object_get(attachment, "name"), "contentType",
		json_object_get(attachment, "type"));
}

/* The user's own keep their ids. */
static int attachments_set(json_t *doc, const struct field *field, const char *key,
	const json_t *value, struct error *err)
{
	json_t *links = json_object_get(doc, field->path), *link;
	const char *id;
	void *next;
	size_t i;

	(void)key;
	(void)err;
	json_object_foreach_safe(links, next, id, link)
	{
		if (is_theirs(link))
			json_object_del(links, id);
	}
	if (!links && json_array_size(value)) {
		links = json_object();
		json_object_set_new(doc, field->path, links);
	}
	json_array_foreach((json_t *)value, i, link) {
		char *own AUTOFREE = xasprintf("attachment-%zu", i + 1);

		json_object_set_new(links, own, link_of(link));
	}
	if (links && !json_object_size(links))
		json_object_del(doc, field->path);
	return 0;
}

const struct field_type field_event_attachments = { .get = attachments_get,
	.set = attachments_set };
