/* Photos against the simulated Exchange: made, replaced and removed, and left when they cannot be. */
#include "tests/unit/ews/ews_sim.h"

/* The whole of the item's photo, or NULL; its token into *token. */
static json_t *photo_of(const char *id, char **token)
{
	struct mailbox_item item;
	struct mailbox_apart part = { 0 };
	struct error err = ERROR_INIT;

	get_one(id, &item);
	*token = xstrdup(json_string_value(json_object_get(item.fields, "Photo")));
	assert_null(item.doubled);
	mailbox_item_clear(&item);
	part.token = *token;
	if (!part.token)
		return NULL;
	assert_int_equal(ews_driver.get_apart(box, &part, 1, &err), 0);
	assert_int_equal(part.error.code, ERR_NONE);
	return part.whole;
}

/* Sets the photo of the item, which is at this version, or removes it; its new version. */
static char *set_photo(const char *id, char *version, const char *uri)
{
	json_t *changed = json_pack("[s]", "Photo"), *none = json_object();
	json_t *wholes = uri ? json_pack("{s:s}", "Photo", uri) : NULL;
	struct mailbox_op op = {
		.id = id, .version = version, .fields = none, .changed = changed, .wholes = wholes
	};

	write_one(MAILBOX_UPDATE, &op);
	assert_null(op.left);
	assert_string_equal(op.new_id, id);
	assert_string_not_equal(op.new_version, version);
	json_decref(changed);
	json_decref(none);
	json_decref(wholes);
	free(op.new_id);
	free(version);
	return op.new_version;
}

static void a_photo_is_made_replaced_and_removed(void **state)
{
	static const char *const photos[] = {
		"data:image/png;base64,iVBORw0KGgo=", "data:image/jpeg;base64,/9j/", NULL
	};
	json_t *fields = json_pack("{s:s}", "DisplayName", "Paula Foto");
	json_t *wholes = json_pack("{s:s}", "Photo", "data:image/jpeg;base64,/9j/4Q==");
	struct mailbox_op op = { .folder_id = contacts_id, .fields = fields, .wholes = wholes };
	char *token AUTOFREE = NULL, *version;
	json_t *whole;

	(void)state;
	write_one(MAILBOX_CREATE, &op);
	assert_null(op.left);
	version = op.new_version;
	whole = photo_of(op.new_id, &token);
	assert_string_equal(json_string_value(whole), "data:image/jpeg;base64,/9j/4Q==");
	json_decref(whole);
	for (size_t i = 0; i < ARRAY_SIZE(photos); i++) {
		char *before AUTOFREE = token;

		version = set_photo(op.new_id, version, photos[i]);
		whole = photo_of(op.new_id, &token);
		if (photos[i]) {
			assert_string_equal(json_string_value(whole), photos[i]);
			assert_string_not_equal(token, before);
		} else {
			assert_null(whole);
		}
		json_decref(whole);
	}
	json_decref(fields);
	json_decref(wholes);
	free(version);
	free(op.new_id);
}

static void a_photo_that_cannot_be_sent_is_left(void **state)
{
	static const struct {
		const char *fault;
		enum error_code code;
	} rows[] = {
		{ "{\"operation\":\"CreateAttachment\",\"type\":\"ews\",\"code\":"
		  "\"ErrorMessageSizeExceeded\",\"shape\":\"message\"}",
			ERR_TOO_BIG },
		{ "{\"operation\":\"CreateAttachment\",\"type\":\"ews\",\"code\":"
		  "\"ErrorInternalServerError\",\"shape\":\"message\"}",
			ERR_LOST },
		{ "{\"operation\":\"GetItem\",\"type\":\"ews\",\"code\":\"ErrorItemNotFound\","
		  "\"shape\":\"message\"}",
			ERR_NOT_FOUND },
	};
	char *id AUTOFREE = create(json_pack("{s:s}", "DisplayName", "Paul Foto"));

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *changed = json_pack("[s, s]", "JobTitle", "Photo");
		json_t *fields = json_pack("{s:o}", "JobTitle", json_sprintf("Title %zu", i));
		json_t *wholes = json_pack("{s:s}", "Photo", "data:,abc");
		struct mailbox_item item;
		struct mailbox_op op = {
			.id = id, .fields = fields, .changed = changed, .wholes = wholes
		};

		get_one(id, &item);
		op.version = item.version;
		fault(json_loads(rows[i].fault, 0, NULL));
		write_one(MAILBOX_UPDATE, &op);
		assert_int_equal(json_array_size(op.left), 1);
		assert_string_equal(json_string_value(json_array_get(op.left, 0)), "Photo");
		assert_int_equal(op.left_error.code, rows[i].code);
		mailbox_item_clear(&item);
		mailbox_op_clear(&op);
		get_one(id, &item); /* the rest was applied */
		assert_true(json_equal(json_object_get(item.fields, "JobTitle"),
			json_object_get(fields, "JobTitle")));
		assert_null(json_object_get(item.fields, "Photo"));
		mailbox_item_clear(&item);
		json_decref(changed);
		json_decref(fields);
		json_decref(wholes);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		sim_test(a_photo_is_made_replaced_and_removed),
		sim_test(a_photo_that_cannot_be_sent_is_left),
	};

	(void)argc;
	return ews_sim_run(argv[0], tests, ARRAY_SIZE(tests));
}
