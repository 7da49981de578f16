/* Reading vCards: every way to write a value, and every way to be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sync/formats/card.h"
#include "sync/formats/vcard.h"
#include "sync/mem.h"
#include "tests/unit/json_text.h"

static void assert_json(const json_t *got, const char *want, const char *what)
{
	json_t *expected = json_of(want);

	if (!json_equal(got, expected))
		fail_msg("%s\ngot  %s\nwant %s", what,
			json_dumps(got, JSON_ENCODE_ANY | JSON_COMPACT), want);
	json_decref(expected);
}

static json_t *parse(const char *bytes, size_t len)
{
	struct error err = ERROR_INIT;
	json_t *card;

	if (vcard_parse(bytes, len, &card, &err))
		fail_msg("%s: %s", bytes, err.text);
	return card;
}

/* What a property line becomes: the member of the card. */
struct value {
	const char *version;
	const char *lines;
	const char *member;
	const char *want;
};

#define X(type, rest) "{\"x-1\":{\"@type\":\"" type "\"," rest "}}"
#define X2(type, one, two)                                                                         \
	"{\"x-1\":{\"@type\":\"" type "\"," one "},\"x-2\":{\"@type\":\"" type "\"," two "}}"
#define C(kind, value) "{\"kind\":\"" kind "\",\"value\":\"" value "\"}"
#define DATE(rest)     "\"date\":{\"@type\":\"PartialDate\"," rest "}"

static const struct value values[] = {
	/* escapes, line by line of RFC 6350 section 3.4 */
	{ "4.0", "NOTE:a\\, b\\; c\\\\ d\\n\\Ne \\x\n", "notes",
		X("Note", "\"note\":\"a, b; c\\\\ d\\n\\ne \\\\x\"") },
	{ "3.0", "NOTE:un, escaped; commas\n", "notes",
		X("Note", "\"note\":\"un, escaped; commas\"") },
	/* folds: one white space goes, in the middle of a character too */
	{ "3.0", "NOTE:a\n b\n\tc\n  d\n", "notes", X("Note", "\"note\":\"abc d\"") },
	{ "4.0", "NOTE:gr\xc3\n \xbc\xc3\x9f\n", "notes",
		X("Note", "\"note\":\"gr\\u00fc\\u00df\"") },
	/* in 2.1 it is part of the text */
	{ "2.1", "NOTE:a\n b\n", "notes", X("Note", "\"note\":\"a b\"") },
	/* quoted-printable with soft breaks, charsets, bare parameters */
	{ "2.1", "NOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=ISO-8859-1:gr=FC=\n=DFe=0D=0Ax=3D\n",
		"notes", X("Note", "\"note\":\"gr\\u00fc\\u00dfe\\nx=\"") },
	{ "2.1", "NOTE;QUOTED-PRINTABLE:=E2=82=AC\n", "notes", X("Note", "\"note\":\"\\u20ac\"") },
	{ "2.1", "NOTE;QUOTED-PRINTABLE:Reid=92s\n", "notes",
		X("Note", "\"note\":\"Reid\\u2019s\"") },
	{ "2.1", "NOTE;CHARSET=WINDOWS-1252:gr\xfc\n", "notes",
		X("Note", "\"note\":\"gr\\u00fc\"") },
	{ "2.1", "NOTE;CHARSET=UTF-8:gr\xc3\xbc\n", "notes", X("Note", "\"note\":\"gr\\u00fc\"") },
	{ "2.1", "NOTE;QUOTED-PRINTABLE:C:\\new\n", "notes", X("Note", "\"note\":\"C:\\\\new\"") },
	{ "2.1", "NOTE:a\\;b\\,c\\nd\n", "notes", X("Note", "\"note\":\"a;b,c\\nd\"") },
	{ "2.1", "TEL;HOME;VOICE:1\n", "phones",
		X("Phone", "\"number\":\"1\",\"contexts\":{\"private\":true},"
			   "\"features\":{\"voice\":true}") },
	{ "2.1", "ADR;WORK:;;1, Main St;Town\n", "addresses",
		X("Address", "\"contexts\":{\"work\":true},\"components\":[" C(
				     "name", "1, Main St") "," C("locality", "Town") "]") },
	/* parameters: lists, quotes, RFC 6868, group */
	{ "4.0", "TEL;TYPE=\"home,cell\";TYPE=x;PREF=3:1\n", "phones",
		X("Phone", "\"number\":\"1\",\"contexts\":{\"private\":true},"
			   "\"features\":{\"mobile\":true},\"pref\":3,\"vCardParams\":{\"type\":"
			   "\"x\"}") },
	{ "4.0", "EMAIL;X-A=\"a:;,b\";X-B=1,\"2,3\";x-c=^^^'^n^x:m@x\n", "emails",
		X("EmailAddress", "\"address\":\"m@x\",\"vCardParams\":{\"x-a\":\"a:;,b\","
				  "\"x-b\":[\"1\",\"2,3\"],\"x-c\":\"^\\\"\\n^x\"}") },
	{ "3.0", "EMAIL;TYPE=INTERNET,PREF:m@x\n", "emails",
		X("EmailAddress", "\"address\":\"m@x\",\"pref\":1") },
	{ "4.0", "EMAIL;PREF=0;TYPE=pref:mailto:m@x\n", "emails",
		X("EmailAddress",
			"\"address\":\"m@x\",\"pref\":1,\"vCardParams\":{\"pref\":\"0\"}") },
	{ "3.0", "a1.EMAIL:m@x\nA2.X-Y:1\na1.X-ABLabel:_$!<Work>!$_\n", "emails",
		X("EmailAddress", "\"address\":\"m@x\",\"label\":\"_$!<Work>!$_\","
				  "\"vCardParams\":{\"group\":\"a1\"}") },
	/* names */
	{ "4.0", "FN:F\nN:Berg;Anna;M.,S.;Dr.;Jr.\n", "name",
		"{\"@type\":\"Name\",\"full\":\"F\",\"components\":[" C("title", "Dr.") "," C(
			"given", "Anna") "," C("given2", "M.") "," C("given2",
			"S.") "," C("surname", "Berg") "," C("generation", "Jr.") "]}" },
	{ "4.0", "FN:F\nN:Berg,Ruiz;Anna;;;Jr.,MBA;Ruiz;Jr.\n", "name",
		"{\"@type\":\"Name\",\"full\":\"F\",\"components\":[" C("given", "Anna") "," C(
			"surname", "Berg") "," C("surname2", "Ruiz") "," C("generation",
			"Jr.") "," C("credential", "MBA") "]}" },
	{ "3.0", "N:Berg;Anna;;;\n", "name",
		"{\"@type\":\"Name\",\"full\":\"Anna Berg\",\"components\":[" C(
			"given", "Anna") "," C("surname", "Berg") "]}" },
	{ "4.0", "FN;DERIVED=TRUE:Anna Berg\nN:Berg;Anna;;;\n", "name",
		"{\"@type\":\"Name\",\"components\":[" C("given", "Anna") "," C(
			"surname", "Berg") "]}" },
	{ "4.0", "FN;DERIVED=TRUE:Annie\nN:Berg;Anna;;;\n", "name",
		"{\"@type\":\"Name\",\"full\":\"Annie\",\"components\":[" C("given", "Anna") "," C(
			"surname", "Berg") "]}" },
	{ "3.0", "NICKNAME:Al, Bo\n", "nicknames",
		X2("Nickname", "\"name\":\"Al\"", "\"name\":\"Bo\"") },
	/* organisation, titles, texts */
	{ "3.0", "ORG:Corp\\; Inc.;;South;\n", "organizations",
		X("Organization", "\"name\":\"Corp; "
				  "Inc.\",\"units\":[{\"name\":\"\"},{\"name\":\"South\"}]") },
	{ "3.0", "ORG:;Sales\n", "organizations",
		X("Organization", "\"units\":[{\"name\":\"Sales\"}]") },
	{ "3.0", "TITLE:CEO\nROLE:Cook\n", "titles",
		X2("Title", "\"kind\":\"title\",\"name\":\"CEO\"",
			"\"kind\":\"role\",\"name\":\"Cook\"") },
	{ "4.0", "EXPERTISE;LEVEL=expert;INDEX=2:wine\n", "personalInfo",
		X("PersonalInfo", "\"kind\":\"expertise\",\"value\":\"wine\",\"level\":\"high\","
				  "\"listAs\":2") },
	/* phones and addresses */
	{ "4.0", "TEL;VALUE=uri:tel:+1-555\nTEL;VALUE=uri:tel:1;ext=2\n", "phones",
		X2("Phone", "\"number\":\"+1-555\"", "\"number\":\"tel:1;ext=2\"") },
	{ "4.0", "ADR;LABEL=\"A^nB\";CC=DE;GEO=\"geo:1,2\":pob;;S;T;R;1;G\n", "addresses",
		X("Address",
			"\"components\":[" C("postOfficeBox", "pob") "," C("name", "S") "," C(
				"locality", "T") "," C("region", "R") "," C("postcode",
				"1") "," C("country", "G") "],\"full\":\"A\\nB\",\"countryCode\":"
							   "\"DE\",\"coordinates\":\"geo:1,2\"") },
	{ "4.0", "ADR:;;54 Oak;T;;;;;;;54;Oak\n", "addresses",
		X("Address", "\"components\":[" C("locality", "T") "," C("number", "54") "," C(
				     "name", "Oak") "]") },
	{ "3.0", "LABEL;TYPE=HOME:H\nADR;TYPE=WORK:;;W\nADR;TYPE=HOME:;;S\nLABEL;TYPE=WORK:L\n",
		"addresses",
		X2("Address",
			"\"contexts\":{\"work\":true},\"components\":[" C(
				"name", "W") "],\"full\":\"L\"",
			"\"contexts\":{\"private\":true},\"components\":[" C(
				"name", "S") "],\"full\":\"H\"") },
	/* instant messaging */
	{ "3.0", "X-AIM;TYPE=HOME:bo b\nIMPP;X-SERVICE-TYPE=Skype:skype:bo\n", "onlineServices",
		X2("OnlineService",
			"\"uri\":\"aim:bo b\",\"service\":\"AIM\",\"vCardName\":\"x-aim\","
			"\"contexts\":{\"private\":true}",
			"\"uri\":\"skype:bo\",\"service\":\"Skype\"") },
	{ "4.0", "SOCIALPROFILE;SERVICE-TYPE=Blue;VALUE=text:bo\n", "onlineServices",
		X("OnlineService",
			"\"user\":\"bo\",\"service\":\"Blue\",\"vCardName\":\"socialprofile\"") },
	/* binary values */
	{ "2.1", "PHOTO;JPEG;ENCODING=BASE64:\n /9j/4AAQ\n SkZJ\n\n", "media",
		X("Media", "\"kind\":\"photo\",\"uri\":\"data:image/jpeg;base64,/9j/4AAQSkZJ\"") },
	{ "2.1", "PHOTO;ENCODING=BASE64:iVBORw0K\nGgoAAA==\n\n", "media",
		X("Media",
			"\"kind\":\"photo\",\"uri\":\"data:image/png;base64,iVBORw0KGgoAAA==\"") },
	{ "3.0", "PHOTO;ENCODING=b:iVBORw0K\nGgoAAA==\nLONG\n NAME:x\n", "media",
		X("Media",
			"\"kind\":\"photo\",\"uri\":\"data:image/png;base64,iVBORw0KGgoAAA==\"") },
	{ "3.0", "LOGO;VALUE=uri;TYPE=GIF:http://x/y.gif\n", "media",
		X("Media", "\"kind\":\"logo\",\"uri\":\"http://x/y.gif\",\"mediaType\":\"image/"
			   "gif\"") },
	{ "4.0", "KEY;MEDIATYPE=application/pgp-keys:ftp://x/k\n", "cryptoKeys",
		X("CryptoKey", "\"uri\":\"ftp://x/k\",\"mediaType\":\"application/pgp-keys\"") },
	{ "3.0", "URL:http\\://x.example/a\\,b\n", "links",
		X("Link", "\"uri\":\"http://x.example/a,b\"") },
	/* dates */
	{ "4.0", "BDAY:19800229\n", "anniversaries",
		X("Anniversary",
			"\"kind\":\"birth\"," DATE("\"year\":1980,\"month\":2,\"day\":29")) },
	{ "3.0", "BDAY;VALUE=date:1980-02-29\n", "anniversaries",
		X("Anniversary",
			"\"kind\":\"birth\"," DATE("\"year\":1980,\"month\":2,\"day\":29")) },
	{ "4.0", "BDAY:--0203\n", "anniversaries",
		X("Anniversary", "\"kind\":\"birth\"," DATE("\"month\":2,\"day\":3")) },
	{ "4.0", "BDAY:---03\n", "anniversaries",
		X("Anniversary", "\"kind\":\"birth\"," DATE("\"day\":3")) },
	{ "4.0", "ANNIVERSARY:1980-02\n", "anniversaries",
		X("Anniversary", "\"kind\":\"wedding\"," DATE("\"year\":1980,\"month\":2")) },
	{ "4.0", "DEATHDATE:1980\n", "anniversaries",
		X("Anniversary", "\"kind\":\"death\"," DATE("\"year\":1980")) },
	{ "4.0", "BDAY:19531015T231000Z\n", "anniversaries",
		X("Anniversary", "\"kind\":\"birth\",\"date\":{\"@type\":\"Timestamp\",\"utc\":"
				 "\"1953-10-15T23:10:00Z\"}") },
	{ "3.0", "BDAY;X-APPLE-OMIT-YEAR=1604:1604-02-03\n", "anniversaries",
		X("Anniversary", "\"kind\":\"birth\"," DATE("\"month\":2,\"day\":3")) },
	{ "3.0", "i.X-ABDATE:2001-12-31\ni.X-ABLABEL:_$!<Anniversary>!$_\n", "anniversaries",
		X("Anniversary",
			"\"kind\":\"wedding\"," DATE("\"year\":2001,\"month\":12,\"day\":31")) },
	/* people */
	{ "4.0",
		"RELATED;TYPE=spouse,friend;VALUE=text:Jo\\, "
		"M.\nRELATED;TYPE=x-manager:urn:uuid:1\n",
		"relatedTo",
		"{\"Jo, "
		"M.\":{\"@type\":\"Relation\",\"relation\":{\"spouse\":true,\"friend\":true}},"
		"\"urn:uuid:1\":{\"@type\":\"Relation\",\"relation\":{\"manager\":true}}}" },
	{ "3.0",
		"X-EVOLUTION-SPOUSE:S\nX-MS-MANAGER:M\nX-ASSISTANT:A\n"
		"i.X-ABRELATEDNAMES:C\ni.X-ABLABEL:_$!<Child>!$_\n",
		"relatedTo",
		"{\"S\":{\"@type\":\"Relation\",\"relation\":{\"spouse\":true}},"
		"\"M\":{\"@type\":\"Relation\",\"relation\":{\"manager\":true}},"
		"\"A\":{\"@type\":\"Relation\",\"relation\":{\"assistant\":true}},"
		"\"C\":{\"@type\":\"Relation\",\"relation\":{\"child\":true}}}" },
	/* sets and singles */
	{ "3.0", "CATEGORIES:CRM,a\\,b, ,c \nCATEGORIES:CRM,d\n", "keywords",
		"{\"CRM\":true,\"a,b\":true,\"c\":true,\"d\":true}" },
	{ "4.0", "MEMBER:urn:uuid:1\nMEMBER:mailto:a@b\n", "members",
		"{\"urn:uuid:1\":true,\"mailto:a@b\":true}" },
	{ "4.0", "MEMBER;X-CN=Anna:mailto:a@b\n", "members", "{\"mailto:a@b\":true}" },
	{ "4.0", "MEMBER;X-CN=Anna:mailto:a@b\n", "tandemfs:params",
		"{\"members/mailto:a@b\":{\"x-cn\":\"Anna\"}}" },
	{ "3.0", "CLASS:private\n", "tandemfs:sensitivity", "\"Private\"" },
	{ "3.0", "CLASS:X-PERSONAL\n", "tandemfs:sensitivity", "\"Personal\"" },
	{ "3.0", "X-EVOLUTION-FILE-AS:Berg\\, Anna\n", "tandemfs:fileAs", "\"Berg, Anna\"" },
	{ "3.0", "UID:urn:uuid:1\nUID:2\n", "uid", "\"urn:uuid:1\"" },
	{ "3.0", "REV:2012-03-05T13:32:54Z\n", "updated", "\"2012-03-05T13:32:54Z\"" },
	{ "4.0", "REV:20120305T133254Z\n", "updated", "\"2012-03-05T13:32:54Z\"" },
	{ "4.0", "KIND:Group\n", "kind", "\"group\"" },
	{ "4.0", "JSPROP;JSPTR=speakToAs:{\"a\":[1\\,2]}\n", "speakToAs", "{\"a\":[1,2]}" },
	/* kept as it is: unknown, or a value without a place */
	{ "4.0", "g.X-Foo;A=b,\"c;d\";VALUE=text:x\\,y\n", "vCardProps",
		"[[\"x-foo\",{\"group\":\"g\",\"a\":[\"b\",\"c;d\"]},\"text\",\"x,y\"]]" },
	{ "4.0", "X-FOO:a;b,c\\,d\\n\nGENDER:M;x\n", "vCardProps",
		"[[\"x-foo\",{},\"unknown\",\"a;b,c\\\\,d\\\\n\"],[\"gender\",{},\"unknown\",\"M;"
		"x\"]]" },
	{ "4.0", "BDAY:circa 1800\nANNIVERSARY;VALUE=text:spring\n", "vCardProps",
		"[[\"bday\",{},\"unknown\",\"circa "
		"1800\"],[\"anniversary\",{},\"text\",\"spring\"]]" },
	{ "3.0", "BDAY:1980-02-30\nREV:yesterday\nUID:1\nUID:2\n", "vCardProps",
		"[[\"bday\",{},\"unknown\",\"1980-02-30\"],[\"rev\",{},\"unknown\",\"yesterday\"],"
		"[\"uid\",{},\"unknown\",\"2\"]]" },
	{ "3.0", "X-BIN;ENCODING=b:QUJD\nPHOTO:no uri\n", "vCardProps",
		"[[\"x-bin\",{\"encoding\":\"b\"},\"unknown\",\"QUJD\"],"
		"[\"photo\",{},\"unknown\",\"no uri\"]]" },
	{ "2.1", "AGENT:\nBEGIN:VCARD\nVERSION:2.1\nN:a;b\nEND:VCARD\n", "vCardProps",
		"[[\"agent\",{},\"unknown\","
		"\"BEGIN:VCARD\\\\nVERSION:2.1\\\\nN:a\\\\;b\\\\nEND:VCARD\\\\n\"]]" },
	{ "4.0", "FN;LANGUAGE=de:F\n", "tandemfs:params", "{\"fn\":{\"language\":\"de\"}}" },
	/* empty values say nothing */
	{ "3.0", "TEL:\nORG:;;\nADR;TYPE=HOME:;;;;;;\nEMAIL: \nUID:\nCATEGORIES:,\nX-E:\n",
		"vCardProps", "[[\"x-e\",{},\"unknown\",\"\"]]" },
};

static void test_values(void **state)
{
	static const char *const ends[] = { "\n", "\r\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		for (size_t e = 0; e < ARRAY_SIZE(ends); e++) {
			const struct value *v = &values[i];
			struct buf bytes AUTOBUF = BUF_INIT(1 << 20);
			json_t *card;

			buf_addf(&bytes, "BEGIN:VCARD%sVERSION:%s%s", ends[e], v->version, ends[e]);
			for (const char *p = v->lines; *p; p++)
				buf_add(&bytes, *p == '\n' ? ends[e] : p,
					*p == '\n' ? strlen(ends[e]) : 1);
			buf_addf(&bytes, "%s%sEND:VCARD%s",
				strstr(v->lines, "N:") || strstr(v->lines, "FN;") ? "" : "FN:F",
				ends[e], ends[e]);
			card = parse(bytes.data, bytes.len);
			assert_json(json_object_get(card, v->member), v->want, v->lines);
			json_decref(card);
		}
	}
}

/* What is wrong, and where. */
struct wrong {
	const char *bytes;
	const char *starts;
	const char *says;
};

#define HEAD "BEGIN:VCARD\nVERSION:4.0\nFN:A\n"

static const struct wrong wrong[] = {
	{ "", "line 1: BEGIN:", "missing" },
	{ "\n\n", "line 1: BEGIN:", "missing" },
	{ "FN:A\nEND:VCARD\n", "line 1: FN:", "BEGIN:VCARD" },
	{ "\n\nhello\n", "line 3: hello:", "no colon" },
	{ "BEGIN:VCALENDAR\nEND:VCALENDAR\n", "line 1: BEGIN:", "BEGIN:VCARD" },
	{ HEAD, "line 3: END:", "missing" },
	{ HEAD "TEL +49\nEND:VCARD\n", "line 4: TEL:", "no colon" },
	{ HEAD "NOTE:a\n b\nTEL;TYPE=work\nEND:VCARD\n", "line 6: TEL:", "no colon" },
	{ HEAD "X Y:1\nEND:VCARD\n", "line 4: X:", "not a property name" },
	{ HEAD ":1\nEND:VCARD\n", "line 4: ?:", "not a property name" },
	{ HEAD "a.b.TEL:1\nEND:VCARD\n", "line 4: a.b.TEL:", "not a property name" },
	{ HEAD "NOTE:\xff\nEND:VCARD\n", "line 4: NOTE:", "not UTF-8" },
	{ HEAD "NOTE;X=\xff:1\nEND:VCARD\n", "line 4: NOTE:", "not UTF-8" },
	{ HEAD "NOTE;CHARSET=KLINGON:1\nEND:VCARD\n", "line 4: NOTE:", "KLINGON" },
	{ HEAD "NOTE;CHARSET=US-ASCII:\xfc\nEND:VCARD\n", "line 4: NOTE:", "US-ASCII" },
	{ HEAD "NOTE;ENCODING=QUOTED-PRINTABLE:a=00b\nEND:VCARD\n", "line 4: NOTE:", "NUL" },
	{ "BEGIN:VCARD\nVERSION:5.0\nFN:A\nEND:VCARD\n", "line 2: VERSION:", "4.0" },
	{ "BEGIN:VCARD\nVERSION:4.0\nEND:VCARD\n", "line 3: END:", "empty" },
	{ HEAD "END:VCARD\nBEGIN:VCARD\nFN:B\nEND:VCARD\n", "line 5: BEGIN:", "tandemctl import" },
	{ HEAD "BEGIN:VCARD\nFN:B\nEND:VCARD\nEND:VCARD\n", "line 4: BEGIN:", "tandemctl import" },
	{ HEAD "END:VCARD\nTEL:1\n", "line 5: TEL:", "after END:VCARD" },
	{ HEAD "END:VEVENT\nEND:VCARD\n", "line 4: END:", "VCARD" },
	{ HEAD "AGENT:\nBEGIN:VCARD\nFN:B\nEND:VCARD\n", "line 7: END:", "missing" },
	{ HEAD "AGENT:\nBEGIN:VCARD\nFN:B\n", "line 5: BEGIN:", "no END" },
};

static void assert_refused(const char *bytes, size_t len, const struct wrong *w)
{
	struct error err = ERROR_INIT;
	json_t *card = (json_t *)&err;

	assert_int_equal(vcard_parse(bytes, len, &card, &err), ERR_INVALID);
	assert_null(card);
	if (strncmp(err.text, w->starts, strlen(w->starts)) != 0 || !strstr(err.text, w->says))
		fail_msg(
			"\"%s\", not \"%s ... %s\", of %s", err.text, w->starts, w->says, w->bytes);
}

static void test_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_refused(wrong[i].bytes, strlen(wrong[i].bytes), &wrong[i]);
}

static void test_wrong_bytes(void **state)
{
	static const struct wrong nul = { "NUL", "line 4: NOTE:", "NUL" };
	static const struct wrong utf16 = { "UTF-16", "line 1: BEGIN:", "UTF-16" };
	static const char with_nul[] = HEAD "NOTE:a\0b\nEND:VCARD\n";
	static const char little[] = "\xff\xfe"
				     "B\0E\0G\0I\0N\0";
	static const char big[] = "\xfe\xff\0B\0E\0G\0I\0N";
	static const char no_mark[] = "B\0E\0G\0I\0N\0:\0";

	(void)state;
	assert_refused(with_nul, sizeof(with_nul) - 1, &nul);
	assert_refused(little, sizeof(little) - 1, &utf16);
	assert_refused(big, sizeof(big) - 1, &utf16);
	assert_refused(no_mark, sizeof(no_mark) - 1, &utf16);
}

static const char marked[] = "\xef\xbb\xbf" HEAD "NOTE:n\nEND:VCARD\n";

/* Byte order mark, line ends of every kind, VERSION late or missing, lower case, blank lines. */
static void test_lenient(void **state)
{
	static const char *const cards[] = {
		marked,
		"BEGIN:VCARD\rVERSION:4.0\rFN:A\rNOTE:n\rEND:VCARD\r",
		"BEGIN:VCARD\r\r\nVERSION:4.0\r\r\nFN:A\r\r\nNOTE:n\r\r\nEND:VCARD",
		"\n begin : vcard \n\nfn:A\nnote:n\n\nend:vcard\n\n",
		"BEGIN:VCARD\nFN:A\nNOTE:n\nVERSION: 3.0 \nEND:VCARD\n",
		"BEGIN:VCARD\nVERSION;X=1:4.0\nFN;:A\nNOTE;;:n\nEND:VCARD",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cards); i++) {
		const char *bytes = cards[i][0] == '\n' ? cards[i] + 2 : cards[i];
		json_t *card = parse(bytes, strlen(bytes));

		assert_json(card,
			"{\"@type\":\"Card\",\"version\":\"1.0\",\"name\":{\"@type\":\"Name\","
			"\"full\":\"A\"},\"notes\":" X("Note", "\"note\":\"n\"") "}",
			bytes);
		json_decref(card);
	}
}

static void test_limits(void **state)
{
	struct buf big AUTOBUF = BUF_INIT((size_t)32 << 20);
	struct buf many AUTOBUF = BUF_INIT((size_t)32 << 20);
	struct buf deep AUTOBUF = BUF_INIT((size_t)32 << 20);
	struct error err = ERROR_INIT;
	json_t *card;

	(void)state;
	buf_resize(&big, ((size_t)16 << 20) + 1);
	assert_int_equal(vcard_parse(big.data, big.len, &card, &err), ERR_TOO_BIG);
	assert_non_null(strstr(err.text, "16 MB"));
	buf_adds(&many, HEAD);
	for (int i = 0; i < 20000; i++)
		buf_adds(&many, "TEL:1\n");
	assert_int_equal(vcard_parse(many.data, many.len, &card, &err), ERR_TOO_BIG);
	buf_adds(&deep, HEAD "AGENT:\n");
	for (int i = 0; i < 1000; i++)
		buf_adds(&deep, "BEGIN:VCARD\n");
	assert_int_equal(vcard_parse(deep.data, deep.len, &card, &err), ERR_INVALID);
	assert_non_null(strstr(err.text, "nested"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_wrong_bytes),
		cmocka_unit_test(test_lenient),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
