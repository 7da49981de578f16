/* The Card itself: a new one, its addresses, its display name.  See card.h. */
#include "sync/formats/card.h"

#include <ctype.h>
#include <string.h>

#include "sync/formats/card_slots.h"
#include "sync/mem.h"

#define TITLE_MAX (64 << 10)

json_t *card_new(void)
{
	return json_pack("{s:s, s:s}", "@type", "Card", "version", "1.0");
}

/* Trimmed, ASCII letters in lower case: the part before the @ is compared that way by everybody. */
static json_t *normalised(const char *address)
{
	char *text AUTOFREE = NULL;
	size_t len;

	address += strspn(address, " \t\r\n");
	len = strlen(address);
	while (len && strchr(" \t\r\n", address[len - 1]))
		len--;
	text = xstrndup(address, len);
	for (char *p = text; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return json_string(text);
}

static bool contains(const json_t *array, const json_t *value)
{
	json_t *one;
	size_t i;

	json_array_foreach(array, i, one) {
		if (json_equal(one, value))
			return true;
	}
	return false;
}

json_t *card_emails(const json_t *card)
{
	const struct card_map *map = card_map_find("emails");
	const json_t *emails = json_object_get(card, "emails");
	json_t *out = json_array();
	const char **ids = NULL;
	size_t n = card_sorted_ids(map, emails, &ids);

	for (size_t i = 0; i < n; i++) {
		const char *address = card_string(json_object_get(emails, ids[i]), "address");
		json_t *value = address ? normalised(address) : NULL;

		if (value && json_string_length(value) > 0 && !contains(out, value))
			json_array_append(out, value);
		json_decref(value);
	}
	mem_autofree(&ids);
	return out;
}

/* "Dr. Anna Maria Berg Jr." from the components, in the order in which one says them. */
static void add_components(const json_t *components, struct buf *out)
{
	static const char *const order[] = { "title", "given", "given2", "surname", "surname2",
		"generation", "credential" };

	for (size_t k = 0; k < ARRAY_SIZE(order); k++) {
		json_t *component;
		size_t i;

		json_array_foreach(components, i, component) {
			const char *kind = card_string(component, "kind");
			const char *value = card_string(component, "value");

			if (!kind || !value || !*value || strcmp(kind, order[k]) != 0)
				continue;
			if (out->len)
				buf_addc(out, ' ');
			buf_adds(out, value);
		}
	}
}

/* The first value of a map, in the order in which it is written. */
static void add_first(const json_t *card, const char *member, struct buf *out)
{
	const struct card_map *map = card_map_find(member);
	const json_t *values = json_object_get(card, member);
	const char **ids = NULL;
	size_t n = card_sorted_ids(map, values, &ids);

	for (size_t i = 0; i < n && !out->len; i++)
		buf_adds(out, card_string(json_object_get(values, ids[i]), map->value));
	mem_autofree(&ids);
}

static bool is_blank(const char *text)
{
	return !text || text[strspn(text, " \t\r\n")] == '\0';
}

void card_title(const json_t *card, struct buf *out)
{
	static const char *const members[] = { "organizations", "emails", "nicknames" };
	const json_t *name = json_object_get(card, "name");
	const char *full = card_string(name, "full");
	struct buf title AUTOBUF = BUF_INIT(TITLE_MAX);

	if (!is_blank(full))
		buf_adds(&title, full);
	else
		add_components(json_object_get(name, "components"), &title);
	for (size_t i = 0; i < ARRAY_SIZE(members) && is_blank(title.data); i++) {
		buf_reset(&title);
		add_first(card, members[i], &title);
	}
	buf_adds(out, is_blank(title.data) ? "contact" : title.data);
}
