/* The table of contact fields, row by row: what is written reads back, in schema order. */
#include "fake_transport.h"

#include "sync/formats/card.h"

/* An empty PNG file, and what `sha256sum` says of it. */
#define PHOTO  "data:image/png;base64,iVBORw0KGgo="
#define DIGEST "sha256:4c4b6a3be1314ab86138bef4314dde022e600960d8689a2c8f8631802d20dab6"

/* Is the row an element of the item that we write? */
static bool is_written(const struct field *row)
{
	return !row->apart && !(row->flags & FIELD_READ_ONLY);
}

/* A value that suits the row's form. */
static json_t *sample(const struct field *row)
{
	const struct ews_wire *wire = row->wire;

	if (wire->form == EWS_PHOTO)
		return json_string(PHOTO);
	if (wire->form == EWS_MEMBERS)
		return json_loads("[[\"mailto:a@x\",\"Anna\"],[\"mailto:b@x\",\"\"]]", 0, NULL);
	if (wire->form == EWS_DATE)
		return json_string("1984-02-29");
	if (wire->form == EWS_STRINGS)
		return json_pack("[s, s]", "Mia", "No\xC3\xAB");
	if (wire->form == EWS_CHOICE)
		return json_string("Private");
	if (!strcmp(row->name, "BusinessHomePage"))
		return json_string("https://www.corp.example/m\xC3\xBCller?a=1&b=2");
	return json_sprintf("%s <&> \"M\xC3\xBCller\"\nsecond line", row->name);
}

static json_t *all_samples(void)
{
	json_t *fields = json_object();

	for (size_t i = 0; i < ews_contact_table.n; i++) {
		const struct field *row = &ews_contact_table.rows[i];

		if (!is_written(row))
			continue;
		if (row->flags & FIELD_PER_KEY) {
			json_object_set_new(fields, "Categories/CRM", json_true());
			json_object_set_new(fields, "Categories/Key Account/West", json_true());
		} else {
			json_object_set_new(fields, row->name, sample(row));
		}
	}
	return fields;
}

static xmlDoc *as_item(const struct buf *inside)
{
	struct buf text = BUF_INIT(1000000);
	struct error err = ERROR_INIT;
	xmlDoc *doc;

	buf_adds(&text, "<t:Contact xmlns:t=\"urn:t\">");
	buf_adds(&text, buf_str(inside));
	buf_adds(&text, "</t:Contact>");
	assert_int_equal(xml_parse(buf_str(&text), text.len, &doc, &err), 0);
	buf_free(&text);
	return doc;
}

static json_t *read_back(const struct buf *inside, struct mailbox_marks *marks)
{
	xmlDoc *doc = as_item(inside);
	json_t *fields = json_object(), *unread = json_array();

	ews_wire_read(&ews_contact_table, xmlDocGetRootElement(doc), fields, unread, marks);
	assert_int_equal(json_array_size(unread), 0);
	json_decref(unread);
	xmlFreeDoc(doc);
	return fields;
}

static void the_table_has_every_property_once(void **state)
{
	static const char *const phones[] = { "AssistantPhone", "BusinessFax", "BusinessPhone",
		"BusinessPhone2", "Callback", "CarPhone", "CompanyMainPhone", "HomeFax",
		"HomePhone", "HomePhone2", "Isdn", "MobilePhone", "OtherFax", "OtherTelephone",
		"Pager", "PrimaryPhone", "RadioPhone", "Telex", "TtyTddPhone" };

	(void)state;
	assert_int_equal(ARRAY_SIZE(phones), 19);
	for (size_t i = 0; i < ARRAY_SIZE(phones); i++)
		assert_non_null(field_find(&ews_contact_table, phones[i]));
	for (size_t i = 0; i < ews_contact_table.n; i++) {
		const struct field *row = &ews_contact_table.rows[i];

		assert_ptr_equal(field_find(&ews_contact_table, row->name), row);
		assert_non_null(row->type->get);
		assert_non_null(row->type->set);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(row->path, ews_contact_table.rows[k].path);
	}
	assert_ptr_equal(field_find(&ews_contact_table, "Categories/CRM"),
		field_find(&ews_contact_table, "Categories"));
}

static void every_row_has_its_place_in_a_card(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ews_contact_table.n; i++) {
		const struct field *row = &ews_contact_table.rows[i];
		const char *name = row->flags & FIELD_PER_KEY ? "Categories/CRM" : row->name;
		json_t *value = row->flags & FIELD_PER_KEY ? json_true() : sample(row);
		json_t *shown = row->apart ? json_string(DIGEST) : json_incref(value);
		json_t *card = card_new(), *projection;

		assert_int_equal(field_apply(&ews_contact_table, card, name, value, &err), 0);
		projection = field_project(&ews_contact_table, card, NULL, &err);
		assert_non_null(projection);
		if (json_object_size(projection) != 1 ||
			!json_equal(json_object_get(projection, name), shown))
			fail_msg("%s gives %s", name, json_dumps(projection, 0));
		json_decref(projection);
		assert_int_equal(field_apply(&ews_contact_table, card, name, NULL, &err), 0);
		projection = field_project(&ews_contact_table, card, NULL, &err);
		assert_int_equal(json_object_size(projection), 0);
		json_decref(projection);
		json_decref(card);
		json_decref(value);
		json_decref(shown);
	}
}

/* The schema takes URIs alone; another page stays in the file. */
static void a_page_that_is_no_uri_is_not_sent(void **state)
{
	const struct field *row = field_find(&ews_contact_table, "BusinessHomePage");
	json_t *card = card_new(), *value = json_string("http\\://test.example.com");

	(void)state;
	assert_int_equal(row->type->set(card, row, NULL, value, NULL), 0);
	assert_null(row->type->get(card, row));
	json_decref(value);
	json_decref(card);
}

static void a_whole_contact_reads_back(void **state)
{
	struct buf out AUTOBUF = BUF_INIT(1000000);
	struct mailbox_marks marks = { .token = xstrdup("tok-1"),
		.uid = xstrdup("urn:uuid:1"),
		.file_name = xstrdup("anna & co.vcf"),
		.crm_link = xstrdup("003000000000001AAA"),
		.unlinked = xstrdup("003000000000002AAA moved out") };
	struct mailbox_marks back = { 0 };
	json_t *fields = all_samples(), *read;

	(void)state;
	ews_wire_write_item(&out, &ews_contact_table, fields, &marks);
	read = read_back(&out, &back);
	if (!json_equal(read, fields))
		fail_msg("%s", json_dumps(read, JSON_INDENT(1)));
	assert_string_equal(back.token, marks.token);
	assert_string_equal(back.uid, marks.uid);
	assert_string_equal(back.file_name, marks.file_name);
	assert_string_equal(back.crm_link, marks.crm_link);
	assert_string_equal(back.unlinked, marks.unlinked);
	/* one dictionary each, one entry an address */
	assert_int_equal(fake_count(buf_str(&out), "<t:PhoneNumbers>"), 1);
	assert_int_equal(fake_count(buf_str(&out), "<t:EmailAddresses>"), 1);
	assert_int_equal(fake_count(buf_str(&out), "<t:Entry Key=\"Home\">"), 1);
	mailbox_marks_clear(&marks);
	mailbox_marks_clear(&back);
	json_decref(read);
	json_decref(fields);
}

static void each_row_alone_reads_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < ews_contact_table.n; i++) {
		const struct field *row = &ews_contact_table.rows[i];
		struct buf out AUTOBUF = BUF_INIT(100000);
		struct mailbox_marks marks = { 0 };
		json_t *fields = json_object(), *read;

		if (!is_written(row)) {
			json_decref(fields);
			continue;
		}
		if (row->flags & FIELD_PER_KEY)
			json_object_set_new(fields, "Categories/CRM", json_true());
		else
			json_object_set_new(fields, row->name, sample(row));
		ews_wire_write_item(&out, &ews_contact_table, fields, NULL);
		read = read_back(&out, &marks);
		assert_true(json_equal(read, fields));
		json_decref(read);
		json_decref(fields);
	}
}

/* Creates and updates every row through the driver; the transport validates what is sent. */
static void every_row_can_be_created_set_and_emptied(void **state)
{
	json_t *fields = all_samples(), *changed = json_array(), *none = json_object();
	struct mailbox_op create = { .folder_id = "F1", .kind = KIND_CONTACT, .fields = fields };
	struct error err = ERROR_INIT;
	const char *name;
	json_t *value;

	(void)state;
	create.marks.token = xstrdup("tok-1");
	fake_queue_success("CreateItem",
		"<m:Items><e:Contact><e:ItemId Id=\"N1\" ChangeKey=\"K1\"/></e:Contact></m:Items>");
	assert_int_equal(ews_driver.write_items(box, MAILBOX_CREATE, &create, 1, &err), 0);
	assert_int_equal(create.error.code, ERR_NONE);
	assert_string_equal(create.new_id, "N1");
	json_object_foreach(fields, name, value) {
		json_array_append_new(changed, json_string(name));
	}
	for (int empty = 0; empty < 2; empty++) {
		struct mailbox_op update = { .id = "N1",
			.version = "K1",
			.kind = KIND_CONTACT,
			.fields = empty ? none : fields,
			.changed = changed };

		fake_queue_success("UpdateItem", "<m:Items><e:Contact><e:ItemId Id=\"N1\" "
						 "ChangeKey=\"K2\"/></e:Contact></m:Items>");
		assert_int_equal(ews_driver.write_items(box, MAILBOX_UPDATE, &update, 1, &err), 0);
		assert_int_equal(update.error.code, ERR_NONE);
		assert_string_equal(update.new_version, "K2");
		mailbox_op_clear(&update);
	}
	mailbox_op_clear(&create);
	mailbox_marks_clear(&create.marks);
	json_decref(fields);
	json_decref(changed);
	json_decref(none);
}

static json_t *read_text(const char *inside, json_t **unread)
{
	struct buf out AUTOBUF = BUF_INIT(100000);
	struct mailbox_marks marks = { 0 };
	json_t *fields = json_object();
	xmlDoc *doc;

	buf_adds(&out, inside);
	doc = as_item(&out);
	*unread = json_array();
	ews_wire_read(&ews_contact_table, xmlDocGetRootElement(doc), fields, *unread, &marks);
	mailbox_marks_clear(&marks);
	xmlFreeDoc(doc);
	return fields;
}

static void values_that_are_not_given_whole_are_unread(void **state)
{
	static const struct {
		const char *xml, *name;
	} cases[] = {
		{ "<t:Body BodyType=\"Text\" IsTruncated=\"true\">half a no</t:Body>", "Body" },
		{ "<t:Body BodyType=\"HTML\">&lt;p&gt;a note&lt;/p&gt;</t:Body>", "Body" },
		{ "<t:EmailAddresses><t:Entry Key=\"EmailAddress2\" "
		  "RoutingType=\"EX\">/o=Corp/cn=anna"
		  "</t:Entry></t:EmailAddresses>",
			"EmailAddress2" },
		{ "<t:EmailAddresses><t:Entry Key=\"EmailAddress1\">/O=Corp/ou=x/cn=anna</t:Entry>"
		  "</t:EmailAddresses>",
			"EmailAddress1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *unread, *fields = read_text(cases[i].xml, &unread);

		assert_int_equal(json_object_size(fields), 0);
		assert_int_equal(json_array_size(unread), 1);
		assert_string_equal(json_string_value(json_array_get(unread, 0)), cases[i].name);
		json_decref(fields);
		json_decref(unread);
	}
}

static void what_means_empty_is_absent(void **state)
{
	static const char *const cases[] = {
		"",
		"<t:GivenName/>",
		"<t:GivenName></t:GivenName>",
		"<t:Sensitivity>Normal</t:Sensitivity>",
		"<t:Body BodyType=\"Text\">\r\n</t:Body>",
		"<t:Categories/>",
		"<t:Children><t:String/></t:Children>",
		"<t:Birthday>4501-01-01T00:00:00Z</t:Birthday>",
		"<t:Birthday/>",
		"<t:EmailAddresses><t:Entry Key='EmailAddress1'/></t:EmailAddresses>",
		"<t:PhysicalAddresses><t:Entry Key='Home'/></t:PhysicalAddresses>",
		"<t:PhoneNumbers><t:Entry Key='Pager'/></t:PhoneNumbers>",
		"<t:Unknown><t:GivenName>inside</t:GivenName></t:Unknown>",
		"<t:PhoneNumbers><t:Entry Key=\"Telepathy\">1</t:Entry></t:PhoneNumbers>",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *unread, *fields = read_text(cases[i], &unread);

		if (json_object_size(fields) || json_array_size(unread))
			fail_msg("%s is not empty", cases[i]);
		json_decref(fields);
		json_decref(unread);
	}
}

static void properties_are_recognised_as_servers_write_them(void **state)
{
	static const struct {
		const char *xml, *name, *value;
	} cases[] = {
		{ "<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag=\"0x3a45\" "
		  "PropertyType=\"String\"/>"
		  "<t:Value>Dr.</t:Value></t:ExtendedProperty>",
			"Prefix", "Dr." },
		{ "<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag=\"14917\" "
		  "PropertyType=\"String\"/>"
		  "<t:Value>Prof.</t:Value></t:ExtendedProperty>",
			"Prefix", "Prof." },
		{ "<t:Body BodyType=\"Text\">one&#xD;\ntwo</t:Body>", "Body", "one\ntwo" },
		{ "<t:EmailAddresses><t:Entry Key=\"EmailAddress3\" Name=\"Anna\" "
		  "RoutingType=\"SMTP\" "
		  "MailboxType=\"OneOff\">anna@corp.example</t:Entry></t:EmailAddresses>",
			"EmailAddress3", "anna@corp.example" },
		{ "<t:Birthday>1984-06-11T22:00:00Z</t:Birthday>", "Birthday", "1984-06-12" },
		{ "<t:ExtendedProperty><t:ExtendedFieldURI PropertySetId=\"00062004-0000-0000-c000-"
		  "000000000046\" PropertyId=\"32990\" PropertyType=\"SystemTime\"/><t:Value>"
		  "1984-06-12T00:00:00Z</t:Value></t:ExtendedProperty>"
		  "<t:Birthday>1984-06-11T11:00:00Z</t:Birthday>",
			"Birthday", "1984-06-12" },
		{ "<t:Sensitivity>Confidential</t:Sensitivity>", "Sensitivity", "Confidential" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *unread, *fields = read_text(cases[i].xml, &unread);

		assert_int_equal(json_object_size(fields), 1);
		assert_string_equal(
			json_string_value(json_object_get(fields, cases[i].name)), cases[i].value);
		json_decref(fields);
		json_decref(unread);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(the_table_has_every_property_once),
		fake_test(every_row_has_its_place_in_a_card),
		fake_test(a_page_that_is_no_uri_is_not_sent),
		fake_test(a_whole_contact_reads_back),
		fake_test(each_row_alone_reads_back),
		fake_test(every_row_can_be_created_set_and_emptied),
		fake_test(values_that_are_not_given_whole_are_unread),
		fake_test(what_means_empty_is_absent),
		fake_test(properties_are_recognised_as_servers_write_them),
	};

	return cmocka_run_group_tests(tests, fake_setup, fake_teardown);
}
