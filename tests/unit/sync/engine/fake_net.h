/* What the two fake servers share: faults that a test orders, a count of calls, and the death of our
 * process at a chosen call.
 *
 * A fault names a call ("update", "pull" ...) and what becomes of it.  A death is played without a
 * fork: at the chosen call the test keeps a copy of the database as it is on the disk, every later call
 * fails, and afterwards the copy is put back and opened anew. */
#ifndef TESTS_UNIT_SYNC_ENGINE_FAKE_NET_H
#define TESTS_UNIT_SYNC_ENGINE_FAKE_NET_H

#include <ctype.h>
#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "sync/error.h"
#include "sync/mem.h"

enum fault_mode {
	FAULT_NONE,
	LOSE_BEFORE, /* the request never arrived, which we cannot know: ERR_LOST */
	LOSE_AFTER,  /* it was applied, its answer was lost: ERR_LOST */
	LOSE_HALFWAY, /* a write in steps: the first was applied, the others never arrived: ERR_LOST */
	REFUSE_LATER, /* the first was applied, the others were refused */
	UNSENT,	      /* no connection: ERR_UNSENT */
	THROTTLE,     /* "try again later": ERR_THROTTLED */
	REFUSE,	      /* the first op is refused for a reason of its own: ERR_REMOTE */
	BAD_CURSOR,   /* ERR_CURSOR */
	SAY_NOTHING,  /* an answer without anything in it */
};

struct fault {
	const char *call; /* NULL: free */
	enum fault_mode mode;
	int times; /* how often it strikes; 0 is used up */
};

struct fake_net {
	pthread_mutex_t lock; /* recursive: hooks act on the servers during a call */
	struct fault faults[8];
	/* Called when a call begins, before anything happens (may be NULL). */
	void (*hook)(void *data, const char *call);
	void *hook_data;

	int calls;  /* all of them */
	int writes; /* those that change something, one an op */
	int reads;

	/* The death of our process. */
	int die_at;	/* number of the call, counted from 1; 0: never */
	bool die_after; /* the server had done its work */
	bool dead;
	void (*keep)(void *data); /* keeps a copy of the database */
	void *keep_data;
};

static inline void net_init(struct fake_net *net)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&net->lock, &attr);
	pthread_mutexattr_destroy(&attr);
}

static inline void net_fault(
	struct fake_net *net, const char *call, enum fault_mode mode, int times)
{
	for (size_t i = 0; i < ARRAY_SIZE(net->faults); i++) {
		if (net->faults[i].call)
			continue;
		net->faults[i] = (struct fault){ call, mode, times };
		return;
	}
	abort();
}

static inline void net_heal(struct fake_net *net)
{
	memset(net->faults, 0, sizeof(net->faults));
}

/* Begins a call: what becomes of it.  Takes the lock. */
static inline enum fault_mode net_begin(struct fake_net *net, const char *call, bool write)
{
	pthread_mutex_lock(&net->lock);
	net->calls++;
	*(write ? &net->writes : &net->reads) += 1;
	if (net->die_at == net->calls && !net->die_after && !net->dead) {
		net->keep(net->keep_data);
		net->dead = true;
	}
	if (net->dead)
		return UNSENT;
	if (net->hook) { /* may run a cycle, which takes the engine's locks before this one */
		pthread_mutex_unlock(&net->lock);
		net->hook(net->hook_data, call);
		pthread_mutex_lock(&net->lock);
	}
	for (size_t i = 0; i < ARRAY_SIZE(net->faults); i++) {
		struct fault *fault = &net->faults[i];

		if (!fault->call || strcmp(fault->call, call) != 0 || !fault->times)
			continue;
		if (--fault->times == 0)
			fault->call = NULL;
		return fault->mode;
	}
	return FAULT_NONE;
}

/* Ends a call; rc as the server would answer.  Releases the lock. */
static inline int net_end(struct fake_net *net, int rc, struct error *err)
{
	if (net->die_at == net->calls && net->die_after && !net->dead) {
		net->keep(net->keep_data);
		net->dead = true;
	}
	if (net->dead)
		rc = error_set(err, ERR_CANCELLED, "the process is dead");
	pthread_mutex_unlock(&net->lock);
	return rc;
}

/* The error of a call that does not get through. */
static inline int net_error(enum fault_mode mode, struct error *err)
{
	switch (mode) {
	case LOSE_BEFORE:
	case LOSE_AFTER:
	case LOSE_HALFWAY:
		return error_set(err, ERR_LOST, "the answer was lost");
	case UNSENT:
		return error_set(err, ERR_UNSENT, "no connection");
	case THROTTLE:
		return error_set(err, ERR_THROTTLED, "too busy");
	case BAD_CURSOR:
		return error_set(err, ERR_CURSOR, "this cursor is not known");
	default:
		return 0;
	}
}

/* The JSON string in capitals: what a server that normalises makes of it.  New. */
static inline json_t *net_capitals(const json_t *value)
{
	char *text AUTOFREE = xstrdup(json_string_value(value));

	for (char *c = text; c && *c; c++)
		*c = (char)toupper((unsigned char)*c);
	return text ? json_string(text) : json_incref((json_t *)value);
}

static inline void net_set(
	json_t *fields, const char *name, const json_t *value, const char *normalised)
{
	if (!value || json_is_null(value))
		json_object_del(fields, name);
	else if (normalised && !strcmp(name, normalised))
		json_object_set_new(fields, name, net_capitals(value));
	else
		json_object_set(fields, name, (json_t *)value);
}

static inline const char *net_text(const json_t *fields, const char *name)
{
	const char *text = json_string_value(json_object_get(fields, name));

	return text ? text : "";
}

#endif
