/* Slots: which value of a parsed card goes where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "sync/formats/card.h"
#include "sync/formats/vcard.h"
#include "sync/mem.h"
#include "tests/unit/json_text.h"

/* The card that these property lines make. */
static json_t *card_of(const char *lines)
{
	char *bytes AUTOFREE = xasprintf("BEGIN:VCARD\nVERSION:3.0\nFN:A\n%sEND:VCARD\n", lines);
	struct error err = ERROR_INIT;
	json_t *card;

	if (vcard_parse(bytes, strlen(bytes), &card, &err))
		fail_msg("%s", err.text);
	return card;
}

/* "slot=value slot=value ..." of a map, in its order. */
static char *slots(const json_t *card, const char *member, const char *value)
{
	struct buf out = BUF_INIT(1 << 16);
	const char *id;
	json_t *object;

	json_object_foreach(json_object_get(card, member), id, object)
		buf_addf(&out, "%s%s=%s", out.len ? " " : "", id,
			json_string_value(json_object_get(object, value)));
	return buf_take(&out);
}

static void assert_slots(
	const json_t *card, const char *member, const char *value, const char *want)
{
	char *got AUTOFREE = slots(card, member, value);

	assert_string_equal(got, want);
}

struct fresh {
	const char *lines;
	const char *member;
	const char *value;
	const char *want;
};

static const struct fresh fresh[] = {
	{ "EMAIL:a\nEMAIL:b\nEMAIL:c\nEMAIL:d\nEMAIL:e\n", "emails", "address",
		"EmailAddress1=a EmailAddress2=b EmailAddress3=c x-1=d x-2=e" },
	{ "EMAIL;TYPE=HOME:a\nEMAIL;TYPE=WORK,PREF:b\n", "emails", "address",
		"EmailAddress1=b EmailAddress2=a" },
	/* Without a type. */
	{ "TEL:1\nTEL:2\nTEL:3\nTEL:4\nTEL:5\nTEL:6\nTEL:7\nTEL:8\n", "phones", "number",
		"BusinessPhone=1 BusinessPhone2=5 MobilePhone=2 HomePhone=3 HomePhone2=6 "
		"OtherTelephone=4 PrimaryPhone=7 x-1=8" },
	/* By type, whatever the order. */
	{ "TEL;TYPE=HOME:1\nTEL;TYPE=CELL:2\nTEL:3\nTEL;TYPE=WORK,FAX:4\nTEL;TYPE=WORK:5\n",
		"phones", "number",
		"BusinessPhone=5 MobilePhone=2 HomePhone=1 OtherTelephone=3 BusinessFax=4" },
	{ "TEL;TYPE=VOICE:1\nTEL;TYPE=WORK,CELL:2\nTEL;TYPE=HOME,PAGER:3\nTEL;TYPE=FAX:4\n",
		"phones", "number", "MobilePhone=2 OtherTelephone=1 OtherFax=4 Pager=3" },
	{ "TEL;TYPE=CAR:1\nTEL;TYPE=ISDN:2\nTEL;TYPE=X-EVOLUTION-ASSISTANT:3\nTEL;TYPE=MAIN:4\n"
	  "TEL;TYPE=X-EVOLUTION-RADIO:5\nTEL;TYPE=X-EVOLUTION-TELEX:6\n"
	  "TEL;TYPE=X-EVOLUTION-TTYTDD:7\nTEL;TYPE=X-EVOLUTION-CALLBACK:8\n",
		"phones", "number",
		"AssistantPhone=3 Callback=8 CarPhone=1 CompanyMainPhone=4 Isdn=2 RadioPhone=5 "
		"Telex=6 TtyTddPhone=7" },
	/* What is left of a type: voices to "other", faxes to the other fax, then nowhere. */
	{ "TEL;TYPE=HOME:1\nTEL;TYPE=HOME:2\nTEL;TYPE=HOME:3\nTEL;TYPE=HOME:4\n", "phones",
		"number", "HomePhone=1 HomePhone2=2 OtherTelephone=3 x-1=4" },
	{ "TEL;TYPE=FAX,WORK:1\nTEL;TYPE=FAX,WORK:2\nTEL;TYPE=FAX,WORK:3\n", "phones", "number",
		"BusinessFax=1 OtherFax=2 x-1=3" },
	{ "TEL;TYPE=PAGER:1\nTEL;TYPE=PAGER:2\n", "phones", "number", "Pager=1 x-1=2" },
	{ "ADR;TYPE=HOME;LABEL=h:;;1\nADR;TYPE=DOM,POSTAL;LABEL=p:;;2\n"
	  "ADR;TYPE=OTHER;LABEL=o:;;3\n",
		"addresses", "full", "Business=p Home=h Other=o" },
	{ "ADR;TYPE=WORK;LABEL=1:;;1\nADR;TYPE=WORK;LABEL=2:;;2\nADR;LABEL=3:;;3\n", "addresses",
		"full", "Business=1 Other=3 x-1=2" },
	{ "TITLE:t\nROLE:r\nTITLE:u\n", "titles", "name", "JobTitle=t Profession=r x-1=u" },
	{ "URL;TYPE=HOME:h\nURL;TYPE=WORK:w\n", "links", "uri", "BusinessHomePage=w x-1=h" },
	{ "X-SOCIALPROFILE;TYPE=twitter:https://t.example/a\nIMPP:sip:a\nX-AIM:b\n",
		"onlineServices", "uri",
		"ImAddress1=sip:a ImAddress2=aim:b x-1=https://t.example/a" },
	/* PROP-ID names a slot; a wrong one is nobody's. */
	{ "EMAIL:a\nEMAIL;PROP-ID=EmailAddress1:b\nEMAIL;PROP-ID=MobilePhone:c\n", "emails",
		"address", "EmailAddress1=b EmailAddress2=a EmailAddress3=c" },
};

static void test_fresh(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fresh); i++) {
		json_t *card = card_of(fresh[i].lines);
		json_t *other = card_of("");

		card_assign_slots(card, NULL);
		assert_slots(card, fresh[i].member, fresh[i].value, fresh[i].want);
		/* A base without such values changes nothing. */
		card_assign_slots(card, other);
		assert_slots(card, fresh[i].member, fresh[i].value, fresh[i].want);
		json_decref(other);
		json_decref(card);
	}
}

struct based {
	const char *what;
	const char *base; /* JSON of the map */
	const char *lines;
	const char *member;
	const char *value;
	const char *want;
};

#define E(a)	   "{\"address\":\"" a "\"}"
#define P(n, rest) "{\"number\":\"" n "\"" rest "}"
#define WORK	   ",\"contexts\":{\"work\":true}"
#define HOME	   ",\"contexts\":{\"private\":true}"

static const struct based based[] = {
	{ "equal values keep their slots in any order",
		"{\"EmailAddress1\":" E("a") ",\"EmailAddress3\":" E("c") "}", "EMAIL:c\nEMAIL:a\n",
		"emails", "address", "EmailAddress1=a EmailAddress3=c" },
	{ "a changed value keeps its slot",
		"{\"EmailAddress1\":" E("a") ",\"EmailAddress2\":" E("b") "}", "EMAIL:a\nEMAIL:n\n",
		"emails", "address", "EmailAddress1=a EmailAddress2=n" },
	{ "a value beyond the slots stays there while nobody edits",
		"{\"EmailAddress1\":" E("a") ",\"x-4\":" E("d") "}", "EMAIL:a\nEMAIL:d\n", "emails",
		"address", "EmailAddress1=a x-4=d" },
	{ "and moves up when a user does",
		"{\"EmailAddress1\":" E("a") ",\"EmailAddress2\":" E("b") ",\"x-4\":" E("d") "}",
		"EMAIL:a\nEMAIL:d\n", "emails", "address", "EmailAddress1=a EmailAddress2=d" },
	{ "a new value takes a free slot before one from beyond",
		"{\"EmailAddress1\":" E("a") ",\"x-4\":" E("d") "}", "EMAIL:a\nEMAIL:d\nEMAIL:n\n",
		"emails", "address", "EmailAddress1=a EmailAddress2=d EmailAddress3=n" },
	{ "a changed value beyond the slots keeps its id",
		"{\"EmailAddress1\":" E("a") ",\"EmailAddress2\":" E("b") ",\"EmailAddress3\":" E(
			"c") ",\"x-9\":" E("d") "}",
		"EMAIL:a\nEMAIL:b\nEMAIL:c\nEMAIL:n\n", "emails", "address",
		"EmailAddress1=a EmailAddress2=b EmailAddress3=c x-9=n" },
	{ "a client that drops types loses no slot",
		"{\"CarPhone\":" P("1",
			",\"vCardParams\":{\"type\":\"x-car\"}") ",\"HomePhone\":" P("2", HOME) "}",
		"TEL:2\nTEL:1\n", "phones", "number", "HomePhone=2 CarPhone=1" },
	{ "a type that the user changed moves the value", "{\"BusinessPhone\":" P("1", WORK) "}",
		"TEL;TYPE=HOME:1\n", "phones", "number", "HomePhone=1" },
	{ "unless that slot is full",
		"{\"BusinessPhone\":" P("1", WORK) ",\"HomePhone\":" P(
			"2", HOME) ",\"HomePhone2\":" P("3", HOME) "}",
		"TEL;TYPE=HOME:1\nTEL;TYPE=HOME:2\nTEL;TYPE=HOME:3\n", "phones", "number",
		"BusinessPhone=1 HomePhone=2 HomePhone2=3" },
	{ "changed values go by type before order",
		"{\"BusinessPhone\":" P("1", WORK) ",\"HomePhone\":" P("2", HOME) "}",
		"TEL;TYPE=HOME:8\nTEL;TYPE=WORK:9\n", "phones", "number",
		"BusinessPhone=9 HomePhone=8" },
	{ "one removed and one of another type added are two changes",
		"{\"BusinessPhone\":" P("1", WORK) "}", "TEL;TYPE=CELL:5\n", "phones", "number",
		"MobilePhone=5" },
	{ "a changed number without a type stays where it was", "{\"HomePhone\":" P("1", "") "}",
		"TEL:5\n", "phones", "number", "HomePhone=5" },
};

static void test_with_base(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(based); i++) {
		json_t *base = card_new();
		json_t *card = card_of(based[i].lines);
		char *got AUTOFREE = NULL;

		json_object_set_new(base, based[i].member, json_of(based[i].base));
		card_assign_slots(card, base);
		got = slots(card, based[i].member, based[i].value);
		if (strcmp(got, based[i].want) != 0)
			fail_msg("%s: got %s, want %s", based[i].what, got, based[i].want);
		json_decref(base);
		json_decref(card);
	}
}

/* A document that was edited as JSON keeps the slots it names. */
static void test_slots_of_json_stay(void **state)
{
	json_t *card = json_of("{\"emails\":{\"mine\":" E("m") ",\"EmailAddress2\":" E("b") "}}");

	(void)state;
	card_assign_slots(card, NULL);
	assert_slots(card, "emails", "address", "EmailAddress1=m EmailAddress2=b");
	json_decref(card);
}

static void test_odd_documents(void **state)
{
	static const char *const docs[] = { "{\"emails\":5}", "{\"emails\":{\"x-1\":5}}",
		"{\"phones\":{\"x-1\":{}}}", "{\"emails\":{}}",
		"{\"phones\":{\"a\":{\"vCardParams\":{\"type\":[5,null]},\"contexts\":[]}}}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(docs); i++) {
		json_t *card = json_of(docs[i]);
		json_t *base = json_of(docs[i]);

		card_assign_slots(card, base);
		assert_true(json_is_object(card));
		json_decref(base);
		json_decref(card);
	}
}

static void test_emails_and_title(void **state)
{
	static const struct {
		const char *doc;
		const char *title;
	} cases[] = {
		{ "{\"name\":{\"full\":\"Anna\",\"components\":[{\"kind\":\"given\",\"value\":"
		  "\"B\"}]}}",
			"Anna" },
		{ "{\"name\":{\"full\":\" "
		  "\",\"components\":[{\"kind\":\"surname\",\"value\":\"Berg\"},"
		  "{\"kind\":\"given\",\"value\":\"Anna\"},{\"kind\":\"title\",\"value\":\"Dr.\"}]}"
		  "}",
			"Dr. Anna Berg" },
		{ "{\"organizations\":{\"x-1\":{\"name\":\"Corp\"}},\"emails\":{\"x-1\":" E(
			  "a") "}}",
			"Corp" },
		{ "{\"emails\":{\"x-2\":" E("b@c") ",\"EmailAddress1\":" E("a@c") "}}", "a@c" },
		{ "{}", "contact" },
	};
	json_t *card = json_of("{\"emails\":{\"x-1\":" E("Z@C") ",\"EmailAddress2\":" E(
		" A@Corp.Example ") ",\"EmailAddress1\":" E("a@corp.example") "}}");
	json_t *emails = card_emails(card);
	json_t *want = json_of("[\"a@corp.example\",\"z@c\"]");

	(void)state;
	assert_true(json_equal(emails, want));
	json_decref(want);
	json_decref(emails);
	json_decref(card);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf title AUTOBUF = BUF_INIT(1000);

		card = json_of(cases[i].doc);
		card_title(card, &title);
		assert_string_equal(buf_str(&title), cases[i].title);
		json_decref(card);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_with_base),
		cmocka_unit_test(test_slots_of_json_stay),
		cmocka_unit_test(test_odd_documents),
		cmocka_unit_test(test_emails_and_title),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
