/* tandem-sim: a simulated Exchange and Salesforce, on loopback, for the demo and the tests.
 *
 * It stands in for real servers and is itself tested with clients that others wrote.  It shares no
 * mapping code with tandemfs: only sync/error, sync/mem and sync/buf are linked from there.
 *
 *   main.c        options, start, stop, the files of --config-out
 *   http.c        libmicrohttpd in front: routing, compression, faults of transport
 *   request.c     what a handler asks of a request: header, query parameter, Basic credentials
 *   control.c     /sim/...: faults, clock, recording, counters, state dump
 *   record.c      every exchange written to a directory
 *   seed*.c       the demo company, generated mailboxes, a seed file
 *   ews*.c        Exchange: EWS 15.1 (everything below struct ews)
 *   sf*.c         Salesforce: OAuth and REST v66 (everything below struct sf)
 *
 * All request handlers run under one lock (sim->lock, taken by http.c), so ews and sf code is
 * single-threaded. */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "sync/buf.h"

struct error;
struct sim;
struct ews;
struct sf;

struct sim_request {
	const char *method; /* "GET" ... */
	const char *path;   /* decoded, without the query */
	const char *query;  /* raw, after '?', or NULL */
	const char *body;   /* NUL-terminated, already decompressed */
	size_t body_len;
	void *connection;     /* http.c's own */
	const char *raw_path; /* as sent, still percent-encoded */
	json_t *params;	      /* decoded query parameters, name -> value */
	json_t *headers; /* lower-case name -> value; looked at before the connection's; or NULL */
};

struct sim_response {
	int status; /* 0 is taken as 200 */
	struct buf body;
	json_t *headers; /* object name -> value; http.c frees it */
	const char
		*operation; /* for counters and faults: "GetItem", "sf:query", static or interned */
	bool is_write;	    /* the request changed, or asked to change, something */
};

/* Value of a request header, case-insensitive; NULL when absent.  Query parameter, decoded. */
const char *sim_header(const struct sim_request *req, const char *name);
const char *sim_query(const struct sim_request *req, const char *name);
void sim_set_header(struct sim_response *resp, const char *name, const char *value);
/* The credentials of `Authorization: Basic`; false when absent or malformed.  Caller frees both. */
bool sim_basic_auth(const struct sim_request *req, char **user, char **password);
/* "http://127.0.0.1:PORT", without a trailing slash; valid once the simulator listens. */
const char *sim_base_url(struct sim *sim);

/* The simulated clock, ns since the epoch (real clock plus an offset, or frozen, set by /sim/clock). */
int64_t sim_now_ns(struct sim *sim);

/* A fault for this operation, taken off its counter, or NULL.  EWS and sf code asks for the kinds
 * that must be answered in the protocol's own words; http.c treats status, delay, garbled,
 * truncated, padded, drop-before and drop-after itself.  The object belongs to sim. */
const json_t *sim_fault(struct sim *sim, const char *operation, const char *type);

/* Mails that the simulated servers would have sent, with the User-Agent that caused them: must stay
 * empty. */
void sim_mail_log(struct sim *sim, const char *server, const char *why, const char *to);

struct ews *sim_ews(struct sim *sim);
struct sf *sim_sf(struct sim *sim);

/* Exchange (ews*.c). */
struct ews *ews_new(struct sim *sim, const char *schema_dir /* or NULL */);
void ews_free(struct ews *ews);
void ews_handle(struct ews *ews, const struct sim_request *req, struct sim_response *resp);
void autodiscover_handle(struct ews *ews, const struct sim_request *req, struct sim_response *resp);
/* Seeding.  A service account may impersonate every mailbox; a mailbox's own password signs in as
 * that user only.  `contact` maps EWS names to values: "GivenName", "Surname", "CompanyName",
 * "EmailAddress1", "MobilePhone", "Business/Street", "Body", "Categories": [...], ...; folder is
 * "contacts" or the name of a subfolder of Contacts that is made if missing. */
void ews_add_account(struct ews *ews, const char *user, const char *password);
void ews_add_mailbox(struct ews *ews, const char *address, const char *name, const char *password);
void ews_add_contact(
	struct ews *ews, const char *address, const char *folder, const json_t *contact);
/* An appointment or task ("calendar", "tasks"): see ews_seed.c for its JSON. */
int ews_add_item(struct ews *ews, const char *address, const char *kind, const json_t *item,
	struct error *err);
/* The whole state for /sim/state (new reference): mailboxes -> folders -> items, every property. */
json_t *ews_dump(struct ews *ews);
/* POST /sim/ews/ACTION: what an administrator of Exchange does.  Answers like sf_act(). */
json_t *ews_act(struct ews *ews, const char *action, const json_t *args, int *status);

/* Salesforce (sf*.c). */
struct sf *sf_new(struct sim *sim);
void sf_free(struct sf *sf);
void sf_handle(struct sf *sf, const struct sim_request *req, struct sim_response *resp);
/* Inserts a record without rules or triggers; returns its 18-character id (owned by sf). */
const char *sf_seed(struct sf *sf, const char *object, const json_t *fields);
json_t *sf_dump(struct sf *sf);
/* The operation that a request names ("sf:query"), for faults that come before it is carried out. */
const char *sf_operation(const struct sim_request *req);
/* POST /sim/sf/ACTION: what another user, an administrator or Salesforce itself does.  The answer
 * (new reference) is {"error": text} with *status 400 when it could not be done. */
json_t *sf_act(struct sf *sf, const char *action, const json_t *args, int *status);
/* Signs a user of Salesforce in by OAuth password grant, or the application by client credentials. */
void sf_add_login(struct sf *sf, const char *user_id, const char *username, const char *password);
void sf_set_client(struct sf *sf, const char *client_id, const char *client_secret);
/* A token for other programs, valid until tokens are expired on demand.  It signs in as the sales
 * administrator (the second user): what they change is another's, not the gateway's own. */
const char *sf_access_token(struct sf *sf);

#endif
