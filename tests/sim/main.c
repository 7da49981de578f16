/* tandem-sim: a simulated Exchange and Salesforce.
 *
 * Parses the command line, fills both servers with the seed, listens, says where, and waits for
 * SIGTERM or SIGINT.  See sim.h for the parts. */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/core.h"

struct options {
	const char *listen;
	const char *seed;
	const char *config_out;
	const char *log;
	const char *schema;
	const char *record;
};

static const char usage[] =
	"usage: tandem-sim --listen ADDR:PORT [--seed demo|FILE|N] [--config-out DIR] [--log "
	"FILE]\n"
	"                  [--schema DIR] [--record DIR]\n"
	"\n"
	"A simulated Exchange (/EWS/Exchange.asmx), Autodiscover and Salesforce (/services/...).\n"
	"  --listen ADDR:PORT  where to listen; port 0 takes a free one, which is printed\n"
	"  --seed WHAT         demo: a small company; a number: so many contacts a mailbox;\n"
	"                      a file: mailboxes and records as JSON; without: empty mailboxes\n"
	"  --config-out DIR    writes tandemfs.conf with its secret files, and clients.json\n"
	"  --log FILE          one line for each request\n"
	"  --schema DIR        checks EWS requests and answers against messages.xsd there\n"
	"  --record DIR        writes every exchange there\n";

static const struct option long_options[] = {
	{ "listen", required_argument, NULL, 'l' },
	{ "seed", required_argument, NULL, 's' },
	{ "config-out", required_argument, NULL, 'c' },
	{ "log", required_argument, NULL, 'o' },
	{ "schema", required_argument, NULL, 'x' },
	{ "record", required_argument, NULL, 'r' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* 0 to go on, or 1 + the exit status. */
static int parse_options(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		switch (c) {
		case 'l':
			o->listen = optarg;
			break;
		case 's':
			o->seed = optarg;
			break;
		case 'c':
			o->config_out = optarg;
			break;
		case 'o':
			o->log = optarg;
			break;
		case 'x':
			o->schema = optarg;
			break;
		case 'r':
			o->record = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 1;
		default:
			fputs(usage, stderr);
			return 3;
		}
	}
	if (!o->listen || optind < argc) {
		fputs(usage, stderr);
		return 3;
	}
	return 0;
}

static int start(struct sim *sim, const struct options *o, struct error *err)
{
	struct seed seed = { 0 };
	int rc;

	if (o->log) {
		sim->log = fopen(o->log, "ae");
		if (!sim->log)
			return error_set(err, ERR_INVALID, "%s: %s", o->log, strerror(errno));
	}
	rc = recorder_start(&sim->recorder, o->record, err);
	if (rc == 0)
		rc = seed_fill(sim, o->seed, &seed, err);
	/* Requests that come at once wait until all is there. */
	pthread_mutex_lock(&sim->lock);
	if (rc == 0)
		rc = http_start(sim, o->listen, err);
	if (rc == 0 && o->config_out)
		rc = seed_write_config(sim, &seed, o->config_out, err);
	pthread_mutex_unlock(&sim->lock);
	seed_free(&seed);
	return rc;
}

static void wait_for_signal(const sigset_t *signals)
{
	int number;

	while (sigwait(signals, &number) != 0)
		continue;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	struct error err = ERROR_INIT;
	struct sim sim = { 0 };
	sigset_t signals;
	int rc = parse_options(argc, argv, &o);

	if (rc)
		return rc - 1;
	setlocale(LC_CTYPE, "C.UTF-8"); /* case mapping beyond ASCII */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);

	control_init(&sim);
	sim.ews = ews_new(&sim, o.schema);
	sim.sf = sf_new(&sim);
	if (!sim.ews || !sim.sf)
		rc = error_set(&err, ERR_INVALID, "cannot start the simulated servers");
	else
		rc = start(&sim, &o, &err);
	if (rc == 0) {
		printf("listening on %s\n", sim.base_url);
		fflush(stdout);
		wait_for_signal(&signals);
	} else {
		fprintf(stderr, "tandem-sim: %s\n", err.text);
	}
	http_stop(&sim);
	ews_free(sim.ews);
	sf_free(sim.sf);
	control_free(&sim);
	if (sim.log)
		fclose(sim.log);
	return rc == 0 ? 0 : 1;
}
