/* Appointments, meetings and tasks of the simulated Exchange: zones, recurrences, occurrences.
 *
 *   ews_zone.c        Windows time zones by ICU, GetServerTimeZones
 *   ews_recurrence.c  a Recurrence read, written, and its days one after another
 *   ews_calendar.c    what the server makes of a CalendarItem while it saves it
 *   ews_attendees.c   attendees and their answers, who would be mailed
 *   ews_occurrence.c  occurrences and exceptions of a series
 *   ews_task.c        the same for a Task: status, completion, the next one of a series
 *   ews_seed.c        items of a seed;  ews_dump.c shows them in the state
 *
 * Instants are seconds since 1970 in UTC; local times are counted the same way as a zone's clock
 * shows them; days are days since 1970-01-01.  The master of a series holds its Recurrence, and
 * its own Start and End are those of the first day of the pattern.  An exception is kept with the
 * master, under the day that the pattern gave it, as the properties in which it differs.  What
 * requests see as occurrence is made for them and ends with the request. */
#ifndef TESTS_SIM_EWS_CALENDAR_H
#define TESTS_SIM_EWS_CALENDAR_H

#include "tests/sim/ews.h"

#define EWS_DAY 86400

/* ews_zone.c */
struct ews_zone *ews_zone_by_id(struct ews *ews, const char *windows_id); /* NULL: unknown */
const char *ews_zone_id(const struct ews_zone *zone);
const char *ews_zone_name(const struct ews_zone *zone);
long ews_zone_offset(const struct ews_zone *zone, int64_t utc); /* seconds east */
int64_t ews_zone_local(const struct ews_zone *zone, int64_t utc);
int64_t ews_zone_utc(const struct ews_zone *zone, int64_t local);
/* Of a text that is kept ("2024-01-02T03:04:05Z"), and back. */
int64_t ews_seconds(const char *utc);
char *ews_seconds_text(int64_t seconds);
int64_t ews_day_of(int64_t local);
char *ews_day_text(int64_t day); /* "2024-01-02" */

/* ews_recurrence.c */
enum ews_pattern {
	EWS_P_DAILY,
	EWS_P_WEEKLY,
	EWS_P_MONTHLY,
	EWS_P_MONTHLY_NTH,
	EWS_P_YEARLY,
	EWS_P_YEARLY_NTH,
	EWS_P_AGAIN_DAYS, /* of tasks: so long after the completion of the last */
	EWS_P_AGAIN_WEEKS,
	EWS_P_AGAIN_MONTHS,
	EWS_P_AGAIN_YEARS,
};

struct ews_recurrence {
	enum ews_pattern pattern;
	int interval;	       /* days, weeks or months; 12 for the yearly ones */
	int day;	       /* of the month; the last one where a month has fewer */
	int month;	       /* 1 to 12, of the yearly ones */
	int nth;	       /* 1 to 4, 5 the last */
	unsigned int weekdays; /* bit 0 Sunday */
	int first_weekday;     /* 0 Sunday */
	int64_t start;
	int64_t end; /* last day, INT64_MAX without */
	int count;   /* 0 without */
};

/* Of an element with a pattern and a range; -1 with err. */
int ews_recurrence_parse(const xmlNode *element, struct ews_recurrence *out, struct ews_error *err);
/* Of what an item keeps; false when it has none. */
bool ews_recurrence_of(const struct ews_item *item, struct ews_recurrence *out);
char *ews_recurrence_text(const struct ews_recurrence *r);
bool ews_recurrence_equal(const struct ews_recurrence *a, const struct ews_recurrence *b);

/* The days of a pattern, in order. */
struct ews_days {
	const struct ews_recurrence *r;
	int64_t period; /* weeks or months or days from the first, in steps of the interval */
	int weekday;	/* position in the week */
	int index;	/* of the day last given; the first is 1 */
};
void ews_days_begin(struct ews_days *days, const struct ews_recurrence *r);
bool ews_days_next(struct ews_days *days, int64_t *day);
/* The day so many units after `day`, for patterns that begin again after completion. */
int64_t ews_days_after(const struct ews_recurrence *r, int64_t day);

/* ews_calendar.c, ews_attendees.c */
int ews_calendar_settle(struct ews_item *item, const struct ews_item *old, struct ews_error *err);
void ews_calendar_defaults(struct ews_ctx *c, struct ews_item *item);
struct ews_zone *ews_item_zone(const struct ews_item *item);
void ews_attendees_settle(struct ews_item *item, const struct ews_item *old);
bool ews_has_attendees(const struct ews_item *item);
/* To the log of mails when `how` says to send and somebody would get it. */
void ews_meeting_mail(struct ews_ctx *c, struct ews_item *item, const char *how);
/* An attendee answered; false when nobody has that address. */
bool ews_attendee_respond(struct ews_item *item, const char *address, const char *response);

/* ews_occurrence.c */
struct ews_series {
	struct ews_recurrence r;
	struct ews_zone *zone;
	int64_t time;	/* of the day, local seconds */
	int64_t length; /* local seconds */
};
bool ews_series_of(const struct ews_item *master, struct ews_series *out);
int64_t ews_series_start(const struct ews_series *s, int64_t day);
int64_t ews_series_end(const struct ews_series *s, int64_t day);
const struct ews_exception *ews_exception_on(const struct ews_item *master, int64_t day);
/* Start and end of the occurrence of a day; false when it is deleted. */
bool ews_occurrence_times(const struct ews_item *master, const struct ews_series *s, int64_t day,
	int64_t *start, int64_t *end);
/* The occurrence as an item of its own, which the caller frees with ews_occurrence_free(). */
struct ews_item *ews_occurrence_view(struct ews_item *master, int64_t day);
void ews_occurrence_free(struct ews_item *view);
char *ews_occurrence_id(const struct ews_item *master, int64_t day);
/* What OccurrenceItemId, RecurringMasterItemId and an occurrence's ItemId name. */
bool ews_is_occurrence_id(struct ews_ctx *c, const char *id);
struct ews_item *ews_find_occurrence(struct ews_ctx *c, const xmlNode *id, struct ews_error *err);
int ews_occurrence_settle(
	struct ews_item *occurrence, const struct ews_item *old, struct ews_error *err);
void ews_exception_save(struct ews_ctx *c, struct ews_item *view, const struct ews_item *scratch);
int ews_occurrence_delete(struct ews_ctx *c, struct ews_item *view, struct ews_error *err);
void ews_exceptions_copy(struct ews_item *to, const struct ews_item *from);
void ews_exceptions_free(struct ews_item *item);
/* The one of that day, made where there is none: deleted until it has an item. */
struct ews_exception *ews_exception_at(struct ews_item *master, int64_t day);

/* ews_task.c */
int ews_task_settle(struct ews_item *item, struct ews_error *err);
/* After a save: a completed task of a series leaves a copy, and the series goes on. */
void ews_task_saved(struct ews_ctx *c, struct ews_item *item);
/* Goes on to the next one without completing this; -1 when there is none. */
int ews_task_skip(struct ews_ctx *c, struct ews_item *item, struct ews_error *err);

#endif
