/* The time zone of a mailbox: the one that its working hours name. */
#include "fake_transport.h"

#include "sync/formats/data_uri.h"

#define HOURS(INSIDE)                                                                              \
	"<?xml version=\"1.0\"?><Root xmlns=\"WorkingHours.xsd\"><WorkHoursVersion1><TimeZone>"    \
	"<Bias>-60</Bias>" INSIDE "</TimeZone></WorkHoursVersion1></Root>"

static char *asked(void)
{
	struct error err = ERROR_INIT;
	char *zone;

	if (ews_driver.time_zone(box, &zone, &err))
		fail_msg("%s", err.text);
	fake_assert_last("Name=\"WorkHours\"", 1);
	fake_assert_last("Id=\"calendar\"", 1);
	return zone;
}

static void working_hours_name_it(void **state)
{
	static const struct {
		const char *xml, *zone;
	} cases[] = {
		{ HOURS("<Name>W. Europe Standard Time</Name>"), "Europe/Berlin" },
		{ HOURS("<Name>Nowhere Standard Time</Name>"), NULL },
		{ HOURS("<Name></Name>"), NULL },
		{ HOURS(""), NULL },
		{ "<Root/>", NULL },
		{ "<Root>", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *base64 AUTOFREE = data_base64(cases[i].xml, strlen(cases[i].xml));
		char *inside AUTOFREE = xasprintf("<m:UserConfiguration><e:UserConfigurationName "
						  "Name=\"WorkHours\"/><e:XmlData>%s</e:XmlData>"
						  "</m:UserConfiguration>",
			base64);
		char *zone AUTOFREE = NULL;

		fake_queue_success("GetUserConfiguration", inside);
		zone = asked();
		if (cases[i].zone ? !zone || strcmp(zone, cases[i].zone) != 0 : zone != NULL)
			fail_msg("%s: %s", cases[i].xml, zone ? zone : "none");
	}
}

static void a_mailbox_may_have_none(void **state)
{
	(void)state;
	fake_queue_failure("GetUserConfiguration", "ErrorItemNotFound");
	assert_null(asked());
	fake_queue_failure("GetUserConfiguration", "ErrorAccessDenied");
	assert_null(asked());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(working_hours_name_it),
		fake_test(a_mailbox_may_have_none),
	};

	return cmocka_run_group_tests(tests, fake_setup, fake_teardown);
}
