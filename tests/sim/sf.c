/* Salesforce: placeholder that answers nothing yet, so that the simulator links. */
#include <stdio.h>
#include <stdlib.h>

#include "sync/mem.h"
#include "tests/sim/sim.h"

struct sf {
	struct sim *sim;
	unsigned int last;
	char id[19];
};

struct sf *sf_new(struct sim *sim)
{
	struct sf *sf = xcalloc(1, sizeof(*sf));

	sf->sim = sim;
	return sf;
}

void sf_free(struct sf *sf)
{
	free(sf);
}

void sf_handle(struct sf *sf, const struct sim_request *req, struct sim_response *resp)
{
	(void)sf;
	(void)req;
	resp->status = 404;
	resp->operation = "sf:unknown";
}

const char *sf_seed(struct sf *sf, const char *object, const json_t *fields)
{
	(void)object;
	(void)fields;
	snprintf(sf->id, sizeof(sf->id), "0055g00000%08u", ++sf->last);
	return sf->id;
}

json_t *sf_dump(struct sf *sf)
{
	(void)sf;
	return json_object();
}

const char *sf_operation(const struct sim_request *req)
{
	(void)req;
	return "sf:unknown";
}

json_t *sf_act(struct sf *sf, const char *action, const json_t *args, int *status)
{
	(void)sf;
	(void)action;
	(void)args;
	*status = 404;
	return json_object();
}

void sf_add_login(struct sf *sf, const char *user_id, const char *username, const char *password)
{
	(void)sf;
	(void)user_id;
	(void)username;
	(void)password;
}

void sf_set_client(struct sf *sf, const char *client_id, const char *client_secret)
{
	(void)sf;
	(void)client_id;
	(void)client_secret;
}

const char *sf_access_token(struct sf *sf)
{
	(void)sf;
	return "none";
}
