/* What the simulator's own parts share: the state behind `struct sim`, the recorder, the front.
 *
 * Private to main.c, http.c, control.c, record.c and seed*.c; ews and sf see sim.h only. */
#ifndef TESTS_SIM_CORE_H
#define TESTS_SIM_CORE_H

#include <pthread.h>
#include <stdio.h>

#include "tests/sim/sim.h"

#define SIM_BODY_MAX   (64u << 20) /* bytes of a request, also once decompressed */
#define SIM_ANSWER_MAX (512u << 20)

struct recorder {
	char *dir; /* NULL: off */
	unsigned int count;
};

struct sim {
	pthread_mutex_t lock;	/* taken by http.c around every handler */
	pthread_cond_t stopped; /* wakes delayed answers when the simulator ends */
	bool stopping;
	struct ews *ews;
	struct sf *sf;
	struct MHD_Daemon *daemon;
	char *base_url;
	FILE *log; /* --log, or NULL */

	json_t *faults; /* array of the objects as posted, plus "id", "left", "fired" */
	json_int_t last_fault;
	long delayed;			   /* requests that a fault makes wait now */
	const struct sim_request *current; /* the request being handled, for a fault's "match" */

	int64_t clock_offset; /* ns */
	int64_t clock_frozen; /* ns; valid while `frozen` */
	bool frozen;

	json_t *operations; /* operation -> number of requests */
	json_int_t writes;
	json_int_t requests;
	json_t *mails;
	struct recorder recorder;
};

/* http.c.  Listens on "ADDR:PORT" (port 0: any free one) and sets base_url. */
int http_start(struct sim *sim, const char *listen, struct error *err);
void http_stop(struct sim *sim);

/* request.c.  Fills params from the raw query; the caller drops the reference. */
json_t *request_params(const char *query);
/* Percent-decodes len bytes ('+' becomes a space when `plus`); the caller frees. */
char *request_decode(const char *s, size_t len, bool plus);

/* control.c */
void control_init(struct sim *sim);
void control_free(struct sim *sim);
void control_handle(struct sim *sim, const struct sim_request *req, struct sim_response *resp);
void control_count(struct sim *sim, const char *operation, bool is_write);

/* record.c.  An exchange as its server sent it, before a fault altered it. */
struct recorded {
	const char *operation;
	const struct sim_request *request;
	const struct buf *answer;
	const char *content_type; /* of the answer, or NULL */
	int status;
	bool malformed; /* goes to the subdirectory "malformed" */
};
int recorder_start(struct recorder *r, const char *dir /* NULL stops */, struct error *err);
void recorder_write(struct recorder *r, const struct recorded *x);
void recorder_stop(struct recorder *r);

/* seed.c: one CRM user and one mailbox in each object of `people`, for --config-out. */
struct seed {
	json_t *mailboxes; /* array of {"address", "name", "password", "crm_user_id"} */
	const char *service_user;
	const char *service_password;
	const char *client_id;
	const char *client_secret;
};
/* `what` is "demo", a number, a file name or NULL. */
int seed_fill(struct sim *sim, const char *what, struct seed *seed, struct error *err);
void seed_free(struct seed *seed);
/* seed_calendar.c: what one of the demo's team (SEED_ALICE ...) has in calendar and tasks. */
int seed_demo_calendar(struct sim *sim, const char *address, unsigned int owner, struct error *err);
/* Writes tandemfs.conf, its secret files and clients.json to dir (made if missing). */
int seed_write_config(struct sim *sim, const struct seed *seed, const char *dir, struct error *err);

#endif
