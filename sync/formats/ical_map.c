/* The table: iCalendar property <-> place in the document.
 *
 * The order of the rows is the order in which a component is written.  Times and recurrence are not
 * here: they need each other (ical_time.c, ical_recur.c). */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "sync/formats/card_slots.h"
#include "sync/formats/ical_impl.h"
#include "sync/mem.h"

#define EVENT_STATUS "CONFIRMED=confirmed TENTATIVE=tentative CANCELLED=cancelled"
#define TASK_STATUS                                                                                \
	"NEEDS-ACTION=needs-action IN-PROCESS=in-process COMPLETED=completed "                     \
	"CANCELLED=cancelled FAILED=failed"
#define CLASSES                                                                                    \
	"PUBLIC=public PRIVATE=private CONFIDENTIAL=secret X-PERSONAL=microsoft.com:personal"
#define BUSY                                                                                       \
	"FREE=free BUSY=busy TENTATIVE=microsoft.com:tentative OOF=microsoft.com:oof "             \
	"WORKINGELSEWHERE=microsoft.com:workingElsewhere"

static const struct ical_rule rules[] = {
	{ "UID", "uid", .read = ical_read_text, .write = ical_write_text },
	{ "LAST-MODIFIED", "updated", .read = ical_read_stamp },
	{ "DTSTAMP", "updated", .read = ical_read_stamp },
	{ "CREATED", "created", .read = ical_read_utc, .write = ical_write_utc },
	{ "SEQUENCE", "sequence", .read = ical_read_number, .write = ical_write_number },
	{ "SUMMARY", "title", .read = ical_read_text, .write = ical_write_text },
	{ "DESCRIPTION", "description", .read = ical_read_text, .write = ical_write_text },
	{ "LOCATION", "locations", .read = ical_read_location, .write = ical_write_location },
	{ "CONFERENCE", "virtualLocations", .read = ical_read_conference,
		.write = ical_write_conference },
	{ "X-GOOGLE-CONFERENCE", "virtualLocations", .read = ical_read_conference },
	{ "X-MICROSOFT-SKYPETEAMSMEETINGURL", "virtualLocations", .read = ical_read_conference },
	{ "X-MICROSOFT-ONLINEMEETINGCONFLINK", "virtualLocations", .read = ical_read_conference },
	{ "STATUS", "status", EVENT_STATUS, ical_read_word, ical_write_word, 'E' },
	{ "STATUS", "progress", TASK_STATUS, ical_read_word, ical_write_progress, 'T' },
	{ "PERCENT-COMPLETE", "percentComplete", .read = ical_read_number,
		.write = ical_write_number, .only = 'T' },
	{ "COMPLETED", "progressUpdated", .read = ical_read_completed, .write = ical_write_utc,
		.only = 'T' },
	{ "CLASS", "privacy", CLASSES, ical_read_class, ical_write_class, 0 },
	{ "PRIORITY", "priority", .read = ical_read_number, .write = ical_write_number },
	{ "TRANSP", "freeBusyStatus", BUSY, ical_read_transp, ical_write_transp, 'E' },
	{ "X-MICROSOFT-CDO-BUSYSTATUS", "freeBusyStatus", BUSY, ical_read_busy, NULL, 'E' },
	{ "CATEGORIES", "keywords", .read = ical_read_categories, .write = ical_write_categories },
	{ "COLOR", "color", .read = ical_read_text, .write = ical_write_text },
	{ "ORGANIZER", "replyTo", .read = ical_read_organizer, .write = ical_write_organizer },
	{ "ATTENDEE", "participants", .read = ical_read_attendee, .write = ical_write_attendees },
	{ "ATTACH", "links", .read = ical_read_attach, .write = ical_write_attach },
	{ "JSPROP", "", .read = ical_read_jsprop },
};

const struct ical_rule *ical_rules(size_t *n)
{
	*n = ARRAY_SIZE(rules);
	return rules;
}

const struct ical_rule *ical_rule_find(const char *prop, bool task)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (strcmp(rules[i].prop, prop) == 0 &&
			(!rules[i].only || rules[i].only == (task ? 'T' : 'E')))
			return &rules[i];
	}
	return NULL;
}

bool ical_knows_member(const char *member)
{
	static const char own[] =
		"@type start due duration timeZone showWithoutTime recurrenceRules "
		"excludedRecurrenceRules recurrenceOverrides recurrenceId recurrenceIdTimeZone "
		"alerts iCalComponent tandemfs:params tandemfs:calendar prodId method";

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (strcmp(rules[i].member, member) == 0)
			return true;
	}
	return card_word_in(own, member, strlen(member));
}

/* One side of a "WORD=value" pair, found by the other. */
static const char *look_up(const char *words, const char *text, bool by_word, char out[64])
{
	size_t len = strlen(text);

	for (const char *p = words; *p;) {
		size_t n = strcspn(p, " ");
		size_t word = strcspn(p, "=");
		size_t value = n - word - 1;
		const char *key = by_word ? p : p + word + 1;
		const char *found = by_word ? p + word + 1 : p;
		size_t found_len = by_word ? value : word;

		if ((by_word ? word : value) == len &&
			(by_word ? strncasecmp(key, text, len) : strncmp(key, text, len)) == 0 &&
			found_len < 64) {
			memcpy(out, found, found_len);
			out[found_len] = '\0';
			return out;
		}
		p += n;
		p += *p == ' ';
	}
	return NULL;
}

const char *ical_word_value(const char *words, const char *word, char out[64])
{
	return look_up(words, word, true, out);
}

const char *ical_value_word(const char *words, const char *value, char out[64])
{
	return look_up(words, value, false, out);
}
