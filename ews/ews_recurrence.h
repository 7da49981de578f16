/* Recurrences: between a JSCalendar RecurrenceRule (RFC 8984, 4.3) and what Exchange can hold.
 *
 * The value of a row of this form is an object with Exchange's own names (MS-OXWSCDATA 2.2.3,
 * t:RecurrenceType):
 *
 *	{ "Pattern": "WeeklyRecurrence", "Interval": 2, "DaysOfWeek": "Monday Friday",
 *	  "FirstDayOfWeek": "Monday", "EndDate": "2026-12-31" }
 *
 * with EndDate, NumberOfOccurrences or neither.  It says all that the rule says together with the
 * start of the item, so that two spellings of one rule are one value. */
#ifndef EWS_EWS_RECURRENCE_H
#define EWS_EWS_RECURRENCE_H

#include <jansson.h>
#include <libxml/tree.h>

#include "sync/buf.h"
#include "sync/error.h"
#include "sync/field.h"

/* The rule of an Event or Task, in `recurrenceRules`.  get: NULL also for what Exchange cannot hold;
 * ews_recurrence_check says what that is. */
extern const struct field_type ews_recurrence_type;

/* 0 for a document without a rule, or with one that Exchange can hold; else ERR_INVALID, naming
 * the part of the rule that it cannot. */
int ews_recurrence_check(const json_t *doc, struct error *err);

/* <t:Recurrence> of a value; start_date is the day of the first occurrence, "YYYY-MM-DD". */
void ews_recurrence_write(struct buf *out, const json_t *value, const char *start_date);
/* The value of <t:Recurrence>, new reference; NULL when node is NULL or of a pattern that we do not
 * know (a regenerating task). */
json_t *ews_recurrence_read(const xmlNode *node);

#endif
