/* The Salesforce driver: open, close, test and the table of operations.  See salesforce.h. */
#include "crm/salesforce.h"

#include <stdlib.h>
#include <string.h>

#include "crm/private.h"
#include "crm/salesforce_activity.h"
#include "sync/mem.h"

static int salesforce_open(struct crm **out, const struct crm_options *options, struct error *err)
{
	struct http_options http = { .name = "salesforce",
		.ca_file = options->ca_file,
		.answer_limit = SALESFORCE_ANSWER_MAX,
		.record_dir = options->record_dir };
	struct crm *crm;
	size_t len;

	if (!options->url || !options->client_id || !options->client_secret)
		return error_set(
			err, ERR_INVALID, "Salesforce: url, client id and secret are needed");
	crm = xcalloc(1, sizeof(*crm));
	crm->http = http_new(&http, err);
	if (!crm->http) {
		free(crm);
		return err ? (int)err->code : ERR_INTERNAL;
	}
	crm->login_url = xstrdup(options->url);
	for (len = strlen(crm->login_url); len && crm->login_url[len - 1] == '/'; len--)
		crm->login_url[len - 1] = '\0';
	crm->client_id = xstrdup(options->client_id);
	crm->client_secret = xstrdup(options->client_secret);
	crm->external_id_field = xstrdup(options->external_id_field);
	crm->daily_reserve = options->daily_reserve;
	atomic_init(&crm->requests_left, -1);
	pthread_mutex_init(&crm->lock, NULL);
	pthread_mutex_init(&crm->describe_lock, NULL);
	*out = crm;
	return 0;
}

static void salesforce_close(struct crm *crm)
{
	if (!crm)
		return;
	salesforce_sign_out(crm);
	http_free(crm->http);
	for (size_t i = 0; i < ARRAY_SIZE(crm->objects); i++)
		salesforce_object_free(crm->objects[i]);
	salesforce_object_free(crm->lead);
	explicit_bzero(crm->client_secret, strlen(crm->client_secret));
	free(crm->client_secret);
	free(crm->client_id);
	free(crm->login_url);
	free(crm->external_id_field);
	pthread_mutex_destroy(&crm->lock);
	pthread_mutex_destroy(&crm->describe_lock);
	free(crm);
}

static void salesforce_cancel(struct crm *crm)
{
	http_cancel(crm->http);
}

static unsigned int salesforce_back_off_left(struct crm *crm)
{
	return http_back_off_left(crm->http);
}

/* Signs in and asks for the limits, which also brings the count of requests up to date. */
static int salesforce_test(struct crm *crm, struct error *err)
{
	struct salesforce_call call = { .method = "GET",
		.path = SALESFORCE_PATH "/limits",
		.operation = "limits",
		.beyond_reserve = true };
	const struct salesforce_object *object;
	const json_t *left;
	int rc = salesforce_send(crm, &call, err);

	left = json_object_get(json_object_get(call.answer, "DailyApiRequests"), "Remaining");
	if (!rc && json_is_integer(left) && json_integer_value(left) >= 0)
		atomic_store(&crm->requests_left, (long)json_integer_value(left));
	json_decref(call.answer);
	return rc ? rc : salesforce_object(crm, KIND_CONTACT, &object, err);
}

static int salesforce_fields(
	struct crm *crm, enum item_kind kind, struct field_table *table, struct error *err)
{
	const struct salesforce_object *object;
	int rc;

	*table = (struct field_table){ 0 };
	rc = salesforce_object(crm, kind, &object, err);
	if (object)
		*table = (struct field_table){ .rows = object->rows, .n = object->n_rows };
	return rc;
}

static bool salesforce_upserts(struct crm *crm, enum item_kind kind)
{
	const struct salesforce_object *object = NULL;

	return !salesforce_object(crm, kind, &object, NULL) && object && object->token_field;
}

static long salesforce_requests_left(struct crm *crm)
{
	return atomic_load(&crm->requests_left);
}

const struct crm_driver salesforce_driver = {
	.name = "salesforce",
	.account_prefix = "001",
	.record_id = salesforce_record_id,
	.open = salesforce_open,
	.close = salesforce_close,
	.cancel = salesforce_cancel,
	.back_off_left = salesforce_back_off_left,
	.test = salesforce_test,
	.fields = salesforce_fields,
	.upserts = salesforce_upserts,
	.pull = salesforce_pull,
	.get = salesforce_get,
	.match_emails = salesforce_match_emails,
	.match_fields = salesforce_match_fields,
	.pull_accounts = salesforce_pull_accounts,
	.match_accounts = salesforce_match_accounts,
	.match_leads = salesforce_match_leads,
	.later = salesforce_later,
	.write = salesforce_write,
	.find_users = salesforce_find_users,
	.user_time_zone = salesforce_user_time_zone,
	.requests_left = salesforce_requests_left,
};
