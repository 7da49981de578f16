/* The shape of a document given as JSON: what each place must be.
 *
 * The rest of the program answers "absent" to a value of the wrong type, so this is not what keeps
 * it safe; it is what tells a user that `"phones": "123"` would be ignored. */
#ifndef SYNC_FORMATS_SHAPE_H
#define SYNC_FORMATS_SHAPE_H

#include <jansson.h>

#include "sync/error.h"

enum shape {
	SHAPE_TEXT,
	SHAPE_OBJECT,
	SHAPE_ARRAY,
	SHAPE_NUMBER,
	SHAPE_BOOLEAN,
	SHAPE_SET,	/* object of true */
	SHAPE_DATE,	/* PartialDate or Timestamp */
	SHAPE_PROPS,	/* jCard or jCal properties: arrays of name, parameters, type, value ... */
	SHAPE_LOCAL,	/* 2026-11-22T10:00:00 */
	SHAPE_UTC,	/* 2026-11-22T10:00:00Z */
	SHAPE_DURATION, /* PT1H, may be negative */
	SHAPE_ZONE,	/* a name of the tz database */
	SHAPE_RULE,	/* RecurrenceRule */
};

struct place {
	const char *path; /* "*" for any id, "[]" for any element */
	enum shape shape;
};

/* Checks all values that `pattern` leads to from `node`; absent ones are right.  ERR_INVALID names
 * the path. */
int shape_check(const json_t *node, const char *pattern, enum shape shape, struct error *err);

#endif
