/* What only the whole card tells, done when all lines are read.
 *
 * Apple labels a property by another one of the same group (item1.TEL, item1.X-ABLabel): the label
 * goes to the object where JSContact has a place for it (RFC 9555 section 3.4.1), and where the
 * label itself says what a value is (X-ABRELATEDNAMES "Spouse"), that value gets its proper place.
 * LABELs that stood before their address find it, and the name is made or recognised as made. */
#include <string.h>
#include <strings.h>

#include "sync/formats/card.h"
#include "sync/formats/card_slots.h"
#include "sync/formats/vcard_impl.h"
#include "sync/mem.h"

/* Maps whose objects have a label. */
static const char *const labelled[] = { "emails", "phones", "onlineServices", "links", "media",
	"cryptoKeys", "directories", "calendars", "schedulingAddresses", "personalInfo" };

static const char *kept_name(const json_t *prop)
{
	return json_string_value(json_array_get(prop, 0));
}

static const char *kept_group(const json_t *prop)
{
	return card_string(json_array_get(prop, 1), "group");
}

/* The text of a kept property. */
static json_t *kept_text(const json_t *prop)
{
	const char *value = json_string_value(json_array_get(prop, 3));

	if (strcmp(json_string_value(json_array_get(prop, 2)), "text") == 0)
		return json_string(value);
	return vcard_text(value, strlen(value));
}

static bool is_label(const json_t *prop)
{
	return strcmp(kept_name(prop), "x-ablabel") == 0 && kept_group(prop) &&
	       json_object_size(json_array_get(prop, 1)) == 1;
}

/* group -> [label, index of its property]; the first one of a group counts. */
static json_t *collect_labels(const json_t *kept)
{
	json_t *labels = json_object();
	json_t *prop;
	size_t i;

	json_array_foreach(kept, i, prop) {
		json_t *text;

		if (!is_label(prop) || json_object_get(labels, kept_group(prop)))
			continue;
		text = kept_text(prop);
		if (json_string_length(text) > 0)
			json_object_set_new(
				labels, kept_group(prop), json_pack("{s:O}", "text", text));
		json_decref(text);
	}
	return labels;
}

static void use(json_t *label)
{
	json_object_set_new(label, "used", json_true());
}

/* Number of kept properties by group. */
static json_t *count_groups(const json_t *kept)
{
	json_t *counts = json_object();
	json_t *prop;
	size_t i;

	json_array_foreach(kept, i, prop) {
		const char *group = kept_group(prop);

		if (group)
			json_object_set_new(counts, group,
				json_integer(
					1 + json_integer_value(json_object_get(counts, group))));
	}
	return counts;
}

/* "_$!<Spouse>!$_" is Apple's Spouse; others write the word alone. */
static const char *bare_label(const char *label, size_t *len)
{
	*len = strlen(label);
	if (*len > 8 && strncmp(label, "_$!<", 4) == 0 && strcmp(label + *len - 4, ">!$_") == 0) {
		*len -= 8;
		return label + 4;
	}
	return label;
}

static bool take_wedding(struct vcard_reader *r, const char *value)
{
	static const struct vcard_rule rule = { .prop = "X-ANNIVERSARY",
		.member = "anniversaries",
		.value = "date",
		.kind = "wedding" };
	struct vcard_line line = { .value = (char *)value, .params = json_object() };
	int taken = vcard_read_date(r, &rule, &line, NULL);

	json_decref(line.params);
	return taken == 1;
}

/* A kept property that only its label explains; true when it found its place. */
static bool take_explained(struct vcard_reader *r, const json_t *prop, const char *label)
{
	json_t *text = kept_text(prop);
	size_t len;
	const char *word = bare_label(label, &len);
	const char *relation = vcard_relation_of_label(word, len);
	bool taken = false;

	if (json_string_length(text) > 0 && strcmp(kept_name(prop), "x-abrelatednames") == 0 &&
		relation) {
		vcard_relate(r, json_string_value(text), relation, NULL);
		taken = true;
	} else if (strcmp(kept_name(prop), "x-abdate") == 0 &&
		   card_word_in("anniversary", word, len)) {
		taken = take_wedding(r, json_string_value(text));
	}
	json_decref(text);
	return taken;
}

static void explain(struct vcard_reader *r, json_t *labels)
{
	json_t *counts = count_groups(r->kept);

	for (size_t i = 0; i < json_array_size(r->kept);) {
		const json_t *prop = json_array_get(r->kept, i);
		const char *group = kept_group(prop);
		json_t *label = group ? json_object_get(labels, group) : NULL;

		/* Another property of the group would lose its label. */
		if (label && json_integer_value(json_object_get(counts, group)) == 2 &&
			take_explained(r, prop, card_string(label, "text"))) {
			use(label);
			json_array_remove(r->kept, i);
		} else {
			i++;
		}
	}
	json_decref(counts);
}

static void label_objects(struct vcard_reader *r, json_t *labels)
{
	for (size_t i = 0; i < ARRAY_SIZE(labelled); i++) {
		const char *id;
		json_t *object;

		json_object_foreach(json_object_get(r->card, labelled[i]), id, object) {
			const char *group = card_string(
				json_object_get(object, "vCardParams"), "group");
			json_t *label = group ? json_object_get(labels, group) : NULL;

			if (!label)
				continue;
			json_object_set(object, "label", json_object_get(label, "text"));
			use(label);
		}
	}
}

static void remove_used(struct vcard_reader *r, json_t *labels)
{
	for (size_t i = 0; i < json_array_size(r->kept);) {
		const json_t *prop = json_array_get(r->kept, i);
		json_t *label = is_label(prop) ? json_object_get(labels, kept_group(prop)) : NULL;

		if (label && json_is_true(json_object_get(label, "used"))) {
			json_object_del(labels, kept_group(prop)); /* a second one stays */
			json_array_remove(r->kept, i);
		} else {
			i++;
		}
	}
}

/* FN;DERIVED=TRUE is our own making as long as it is what we would make (RFC 9554 section 4.5). */
static bool was_derived(struct vcard_reader *r)
{
	json_t *all = json_object_get(r->card, "tandemfs:params");
	json_t *params = json_object_get(all, "fn");
	const char *derived = card_string(params, "derived");
	bool yes = derived && strcasecmp(derived, "true") == 0;

	if (!yes)
		return false;
	json_object_del(params, "derived");
	if (json_object_size(params) == 0)
		json_object_del(all, "fn");
	if (json_object_size(all) == 0)
		json_object_del(r->card, "tandemfs:params");
	return true;
}

static void settle_name(struct vcard_reader *r)
{
	struct buf title AUTOBUF = BUF_INIT(1 << 20);
	json_t *name = json_object_get(r->card, "name");
	bool derived = was_derived(r);
	json_t *full = json_incref(json_object_get(name, "full"));

	if (full && derived) {
		json_object_del(name, "full");
		card_title(r->card, &title);
		if (strcmp(buf_str(&title), json_string_value(full)) != 0)
			json_object_set(name, "full", full);
		else if (!json_object_get(name, "components"))
			json_object_del(r->card, "name");
	} else if (!full && json_object_get(name, "components")) {
		card_title(r->card, &title);
		json_object_set_new(name, "full", json_string(buf_str(&title)));
	}
	json_decref(full);
}

/* A CLASS that says nothing (PUBLIC) beside one that does: the writer would have to choose too. */
static void settle_class(struct vcard_reader *r)
{
	if (!card_string(r->card, "tandemfs:sensitivity"))
		return;
	for (size_t i = json_array_size(r->kept); i-- > 0;) {
		if (strcmp(kept_name(json_array_get(r->kept, i)), "class") == 0)
			json_array_remove(r->kept, i);
	}
}

void vcard_read_after(struct vcard_reader *r)
{
	json_t *labels = collect_labels(r->kept);

	explain(r, labels);
	label_objects(r, labels);
	remove_used(r, labels);
	json_decref(labels);
	vcard_attach_labels(r);
	settle_class(r);
	settle_name(r);
}
