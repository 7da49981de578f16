/* Queries of the Salesforce driver that are read to their end, against a server whose script has none. */
#include "tests/unit/scripted_server.h"

#include "crm/private.h"

#define PAGES 1000 /* the driver asks for no more of one query */
#define USER  "005000000000009AAA"

static char *answer(const char *body)
{
	return xasprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
			 "Content-Length: %zu\r\n\r\n%s",
		strlen(body), body);
}

static void a_query_without_end_is_an_error(void **state)
{
	static struct step steps[PAGES + 2];
	char *page AUTOFREE = answer("{\"done\":false,\"records\":[{\"Id\":\"" USER "\"}],"
				     "\"nextRecordsUrl\":\"/services/data/v66.0/query/01g-1\"}");
	char *url AUTOFREE = NULL, *session AUTOFREE = NULL, *body AUTOFREE = NULL, *zone;
	struct crm_options options = { .client_id = "id", .client_secret = "secret" };
	struct error err = ERROR_INIT;
	struct server server;
	struct crm *crm;

	(void)state;
	server_start(&server, steps, ARRAY_SIZE(steps));
	url = xasprintf("http://127.0.0.1:%u/", server.port);
	options.url = url;
	body = xasprintf("{\"access_token\":\"tok\",\"instance_url\":\"http://127.0.0.1:%u\","
			 "\"id\":\"https://login.salesforce.com/id/00D/" USER
			 "\",\"token_type\":\"Bearer\"}",
		server.port);
	session = answer(body);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		steps[i] = (struct step){ .answer = i ? page : session, .after = KEEP };
	assert_int_equal(salesforce_driver.open(&crm, &options, &err), 0);
	assert_int_equal(salesforce_driver.user_time_zone(crm, USER, &zone, &err), ERR_REMOTE);
	assert_non_null(strstr(err.text, "a query does not end"));
	assert_null(zone);
	assert_int_equal(server.requests, 1 + PAGES);
	salesforce_driver.close(crm);
	server_stop(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_query_without_end_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
