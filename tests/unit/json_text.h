/* JSON as tests write it: text in, a value out, or the test fails. */
#ifndef TESTS_UNIT_JSON_TEXT_H
#define TESTS_UNIT_JSON_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>

#include "sync/mem.h"

static inline json_t *json_of(const char *text)
{
	json_error_t error;
	json_t *value = json_loads(text, JSON_DECODE_ANY, &error);

	if (!value)
		fail_msg("%s: %s", error.text, text);
	return value;
}

/* The same with ' for ". */
static inline json_t *json_of_lax(const char *text)
{
	char *strict AUTOFREE = xstrdup(text);

	for (char *c = strict; *c; c++)
		if (*c == '\'')
			*c = '"';
	return json_of(strict);
}

#endif
