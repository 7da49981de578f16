/* Text compared as Salesforce does: without regard to case, in every script. */
#ifndef TESTS_SIM_SF_TEXT_H
#define TESTS_SIM_SF_TEXT_H

#include <stdbool.h>

/* A copy in lower case; the caller frees. */
char *sf_fold(const char *text);
/* Drops the backslash before % and _, in place. */
void sf_unescape(char *text);
/* LIKE on folded text: % any run, _ one character, a backslash takes the next as it is. */
bool sf_like(const char *text, const char *pattern);

#endif
