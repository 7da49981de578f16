/* Inside the iCalendar codec: what its files share.  Not for anybody else.
 *
 *   content.h        bytes -> content lines, escapes, folds (shared with vCard)
 *   ical_tree.c      content lines -> components
 *   ical_map.c       the table: property <-> place in the document
 *   ical_read.c      a calendar -> one item; ical_values.c and ical_people.c read the values
 *   ical_time.c      dates, zones, durations of a component; ical_recur.c its recurrence, both ways
 *   ical_kept.c      what has no place: jCal, parameters, JSPROP, both ways
 *   ical_alarm.c     VALARM, both ways
 *   ical_write.c     a document -> components; ical_put.c writes the values
 *   ical_zone.c      VTIMEZONE: rendered from the tz database
 *   ical_match.c     VTIMEZONE: which zone of the tz database it means
 *   categories.c     the CATEGORIES lines of stored bytes (shared with vCard) */
#ifndef SYNC_FORMATS_ICAL_IMPL_H
#define SYNC_FORMATS_ICAL_IMPL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/buf.h"
#include "sync/error.h"
#include "sync/formats/caltime.h"
#include "sync/formats/content.h"
#include "sync/formats/ical.h"
#include "sync/formats/zone.h"

#define ICAL_MAX_LINES	  100000
#define ICAL_MAX_NESTING  8
#define ICAL_MAX_ZONES	  16 /* custom ones: each is compared with the whole tz database */
#define ICAL_MAX_RENDERED VCARD_MAX_RENDERED

/* --- components ------------------------------------------------------------------------------- */

struct ical_component {
	char *name;  /* upper case; "" for the file itself */
	size_t line; /* of BEGIN */
	struct ical_component *parent;
	size_t n_lines;
	struct vcard_line *lines;
	size_t n_parts;
	struct ical_component **parts;
};

/* The file as one component, whose parts are its calendars. */
int ical_tree_read(const char *bytes, size_t len, struct ical_component **root, struct error *err);
void ical_tree_free(struct ical_component *component);
bool ical_is(const struct ical_component *component, const char *name);
/* The first line of that name, or NULL. */
const struct vcard_line *ical_line(const struct ical_component *component, const char *name);
/* "line 4: VEVENT: what" */
int ical_component_error(
	const struct ical_component *component, struct error *err, const char *what);

/* --- reading ---------------------------------------------------------------------------------- */

struct ical_reader {
	const char *component_name; /* "VEVENT" or "VTODO" */
	const struct ical_component *calendar;
	const struct ical_component *component; /* the one being read */
	struct zones zones;
	json_t *tzids;	/* TZID -> IANA name, as found so far */
	size_t matched; /* zones that were matched by their rules */
	json_t *doc;	/* the document being made */
	int64_t around; /* a time near the item's, to match custom time zones by */
};

static inline bool ical_is_task(const struct ical_reader *r)
{
	return r->component_name[1] == 'T';
}

struct ical_writer;

/* One row of the table. */
struct ical_rule {
	const char *prop;
	const char *member;
	const char *words; /* "TENTATIVE=tentative CONFIRMED=confirmed" */
	/* Takes the line: 1; 0 leaves it to be kept as it is; or an error. */
	int (*read)(struct ical_reader *r, const struct ical_rule *rule,
		const struct vcard_line *line, struct error *err);
	/* NULL: another row or file writes the member. */
	void (*write)(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc);
	char only; /* 'E' events, 'T' tasks, 0 both */
};

const struct ical_rule *ical_rules(size_t *n);
const struct ical_rule *ical_rule_find(const char *prop, bool task);
/* A member that a row or ical_time.c writes. */
bool ical_knows_member(const char *member);
/* The word for a value of a rule, upper case, or NULL; and back (new string or NULL). */
const char *ical_word_value(const char *words, const char *word, char out[64]);
const char *ical_value_word(const char *words, const char *value, char out[64]);

/* A date or date-time with its zone. */
struct ical_when {
	int64_t local;
	bool date;
	char zone[ZONE_NAME]; /* "" floating */
};

/* Reads the value of DTSTART and the like. */
int ical_read_when(struct ical_reader *r, const struct vcard_line *line, const char *value,
	size_t len, struct ical_when *when, struct error *err);
/* "20261122T100000Z" as a UTC date-time of JSON; NULL when it is none. */
json_t *ical_utc(const char *value);
/* DTSTART, DTEND, DUE, DURATION of the component. */
int ical_read_times(struct ical_reader *r, struct error *err);
/* RRULE, EXRULE, RDATE, EXDATE; after ical_read_times. */
int ical_read_recurrence(struct ical_reader *r, struct error *err);
/* Takes away what overrides say needlessly. */
void ical_tidy_overrides(json_t *series);
/* The key of the series `doc` that the time means. */
int64_t ical_key(struct ical_reader *r, const json_t *doc, const struct ical_when *when);
/* Is it read by one of the two above? */
bool ical_is_time_property(const char *name);
/* The IANA name that the TZID of this calendar means. */
int ical_find_zone(struct ical_reader *r, const struct vcard_line *line, const char *tzid,
	const char **iana, struct error *err);
/* The zone of the tz database whose offsets are those of the VTIMEZONE around that time. */
bool ical_match_zone(const struct ical_component *vtimezone, int64_t around, char iana[ZONE_NAME]);

/* Reads the reader's component into a new document. */
int ical_read_component(struct ical_reader *r, const struct ical_component *component, json_t **doc,
	struct error *err);

int ical_read_text(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err);
int ical_read_utc(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err);
int ical_read_stamp(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err);
int ical_read_number(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err);
int ical_read_word(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err);
int ical_read_completed(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err);
int ical_read_class(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err);
int ical_read_transp(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err);
int ical_read_busy(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err);
int ical_read_categories(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err);
int ical_read_location(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err);
int ical_read_conference(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err);
int ical_read_attach(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err);
int ical_read_organizer(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err);
int ical_read_attendee(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err);
int ical_read_jsprop(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err);

/* Adds {id: object} to the map `member` of doc under the next free number; borrowed. */
json_t *ical_add_entry(json_t *doc, const char *member, json_t *object);
/* Puts all parameters but those of `taken` (space-separated) and VALUE, TZID into
 * object["tandemfs:params"], under `name` when that is not NULL. */
void ical_keep_params(
	json_t *object, const char *name, const struct vcard_line *line, const char *taken);
void ical_keep_line(json_t *object, const struct vcard_line *line);
void ical_keep_component(json_t *object, const struct ical_component *component);

/* 1: taken, 0: not an alert that we know, or an error. */
int ical_read_alarm(struct ical_reader *r, const struct ical_component *alarm, struct error *err);

/* The line of BEGIN of the component that is the item: the series, not an exception. */
int ical_item_line(
	const char *bytes, size_t len, const char *component, size_t *line, struct error *err);

/* --- writing ---------------------------------------------------------------------------------- */

struct ical_writer {
	struct buf *out;
	struct buf line;   /* the content line being made, unfolded */
	json_t *used;	   /* parameter names of this line */
	const json_t *doc; /* being written: the series or one occurrence */
	const json_t *series;
	bool task;
	struct zones zones;
	json_t *zones_used; /* IANA name -> true */
	int64_t from;	    /* all times of the document lie between these (UTC) */
	int64_t to;
};

/* Begins a line with its name and the kept parameters that doc has for it. */
void ical_begin(struct ical_writer *w, const char *prop);
/* Without kept parameters. */
void ical_begin_bare(struct ical_writer *w, const char *prop);
/* Adds a parameter once; NULL adds nothing. */
void ical_put_param(struct ical_writer *w, const char *name, const char *value);
/* Adds the parameters of a kept object. */
void ical_put_params(struct ical_writer *w, const json_t *params);
void ical_end_text(struct ical_writer *w, const char *text);
/* A value that is no text; line ends in it become \n. */
void ical_end_raw(struct ical_writer *w, const char *value);
/* BEGIN:, END: */
void ical_put_mark(struct ical_writer *w, const char *mark, const char *component);

/* Keys in order; the array is to be freed, the strings belong to the object. */
const char **ical_sorted_keys(const json_t *object, size_t *n);
/* The keys of overrides that the rules alone make, as an object of true; NULL when the rules cannot be
 * walked.  A new reference. */
json_t *ical_made_by_rules(const json_t *series);
/* Members of an object that its line has no place for (all but the words of `known`) go into the
 * parameter X-JSON, and back. */
void ical_put_rest(struct ical_writer *w, const json_t *object, const char *known);
void ical_read_rest(json_t *object, const struct vcard_line *line);
/* RRULE, RDATE ... of w->series */
void ical_write_recurrence(struct ical_writer *w);
void ical_write_alarms(struct ical_writer *w);
void ical_write_kept(struct ical_writer *w, const json_t *object);
void ical_write_kept_components(struct ical_writer *w, const json_t *object);
void ical_write_jsprops(struct ical_writer *w);
bool ical_has_kept(const json_t *object, const char *prop);
/* The VTIMEZONE of a zone for instants in [from, to]. */
void ical_write_zone(struct ical_writer *w, const struct zone *zone);

/* "20261122T100000" */
#define ICAL_TIME_SIZE 24
void ical_format(int64_t seconds, bool date, bool utc, char out[ICAL_TIME_SIZE]);

void ical_write_text(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc);
void ical_write_utc(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc);
void ical_write_number(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc);
void ical_write_word(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc);
void ical_write_progress(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc);
void ical_write_class(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc);
void ical_write_transp(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc);
void ical_write_categories(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc);
void ical_write_location(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc);
void ical_write_conference(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc);
void ical_write_attach(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc);
void ical_write_organizer(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc);
void ical_write_attendees(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc);

#endif
