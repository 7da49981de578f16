/* Checks a Card that comes as JSON. */
#ifndef SYNC_FORMATS_CARD_CHECK_H
#define SYNC_FORMATS_CARD_CHECK_H

#include <jansson.h>

#include "sync/error.h"

/* 0, or ERR_INVALID naming the path and what must stand there: "phones/a/number: must be text".
 * Members that nobody here knows are let through (RFC 9553 section 1.7). */
int card_check(const json_t *doc, struct error *err);

#endif
