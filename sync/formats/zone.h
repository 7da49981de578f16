/* Time zones: names, and what a clock on the wall shows.
 *
 * Offsets come from the tz database of the system (RFC 8536 files below /usr/share/zoneinfo), which
 * every other program of the machine reads too; ICU's copy is as old as the library.  Names come
 * from ICU: Windows <-> IANA by the CLDR table.  A zone is immutable once loaded; a `struct zones`
 * keeps those that one task uses and belongs to one thread. */
#ifndef SYNC_FORMATS_ZONE_H
#define SYNC_FORMATS_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZONE_NAME 64 /* bytes of an IANA name and its NUL */

struct zone;

struct zone_alias; /* what a name was found to be */

struct zones {
	struct zone **zones;
	size_t n;
	struct zone_alias *aliases;
	size_t n_aliases;
};

/* The zone of this IANA name, loaded once; NULL when the tz database has none.  Borrowed. */
const struct zone *zones_get(struct zones *zones, const char *name);
void zones_free(struct zones *zones);
void zones_forget(struct zones *zones); /* the names; part of zones_free() */

const char *zone_name(const struct zone *zone);

/* Seconds east of Greenwich at that instant. */
int zone_offset(const struct zone *zone, int64_t utc);
int64_t zone_to_local(const struct zone *zone, int64_t utc);
/* The instant of a local time as RFC 5545 section 3.3.5 reads it: what occurs twice is the first,
 * what the clocks skip is read with the offset before the gap. */
int64_t zone_to_utc(const struct zone *zone, int64_t local);

/* The state that begins at an instant: until the next change the offset is this. */
struct zone_change {
	int64_t utc;
	int offset;
	bool daylight; /* the database calls it daylight saving time */
	char abbreviation[16];
};

/* What holds at that instant; `utc` is when it began (INT64_MIN: always held). */
void zone_state(const struct zone *zone, int64_t utc, struct zone_change *state);
/* The first change after that instant; false when there is none any more. */
bool zone_next(const struct zone *zone, int64_t utc, struct zone_change *change);

/* A rule that holds for ever from `since` on: two changes a year (POSIX TZ, Mm.w.d). */
struct zone_yearly {
	int month;   /* 1 to 12 */
	int week;    /* 1 to 5; 5 is the last */
	int weekday; /* 0 is Sunday */
	int seconds; /* after midnight of that day, of the clock before the change; may be negative */
	int offset; /* after the change */
	bool daylight;
	char abbreviation[16];
};

/* The two rules in force at the end; false when the zone then has one offset all year, or its rules
 * are of another kind.  *since is the first of the changes that follow them without a break. */
bool zone_rules(const struct zone *zone, struct zone_yearly rules[2], int64_t *since);

/* The IANA name for what a file or server calls a zone: an IANA name (case aside), a Windows name,
 * or a longer name that ends in an IANA name after a slash (/citadel.org/20250101_1/Europe/Berlin).
 * UTC by any name is "Etc/UTC".  False when nobody knows it. */
bool zone_find(const char *name, char iana[ZONE_NAME]);

/* The same, remembered: looking a name up reads files and walks ICU's lists. */
bool zones_find(struct zones *zones, const char *name, char iana[ZONE_NAME]);
/* The name remembered for this text, "" when nobody knows it; NULL: none yet.  Borrowed until the next
 * zones_remember().  No more than a few hundred are kept, since they may come from a server. */
const char *zones_recall(const struct zones *zones, const char *text);
void zones_remember(struct zones *zones, const char *text, const char *iana);

/* The first zone that `fits` takes, the better known ones first: UTC, then those that Windows takes
 * for a whole region by the number of places in it, then all others.  False when there is none. */
bool zone_search(
	bool (*fits)(const struct zone *zone, void *data), void *data, char iana[ZONE_NAME]);

/* Windows' name ("W. Europe Standard Time"); false when there is none. */
bool zone_to_windows(const char *iana, char windows[ZONE_NAME]);

#endif
