/* Which events are designated by their time: those that end at the policy's limit or after.
 *
 * The limit is a midnight of the user's own day; his zone is that of the configuration, else of his CRM
 * user, else of his mailbox, and is that of events that name none.  The limit counts at the first
 * designation only (I13): an event that is linked and then ages stays linked. */
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/formats/caltime.h"
#include "sync/formats/event.h"
#include "sync/mem.h"

#define UTC "Etc/UTC"

/* Asks whoever knows, once; what cannot be asked now is asked in the next cycle. */
static void learn_zone(struct cycle *c)
{
	const struct crm_driver *crm = c->engine->crm_driver;
	const struct mailbox_driver *mailbox = c->engine->mailbox_driver;
	struct engine_mailbox *mb = c->mb;
	char *zone = NULL;
	bool asked = true;

	if (mb->zone_asked)
		return;
	if (c->crm && mb->crm_user && crm->user_time_zone)
		asked = !crm->user_time_zone(c->crm, mb->crm_user, &zone, NULL);
	if (!zone && mailbox->time_zone)
		asked &= !mailbox->time_zone(mb->connection, &zone, NULL);
	if (zone) {
		free(mb->zone);
		mb->zone = zone;
	}
	mb->zone_asked = asked;
}

static const char *zone_name_of(struct cycle *c)
{
	if (c->mb->user->timezone)
		return c->mb->user->timezone;
	learn_zone(c);
	return c->mb->zone ? c->mb->zone : UTC;
}

/* The same day a month before, or that month's last. */
static int64_t month_before(int64_t midnight)
{
	struct caltime_date date = caltime_date_of(midnight);

	if (--date.month == 0) {
		date.month = 12;
		date.year--;
	}
	while (!caltime_is_date(date.year, date.month, date.day))
		date.day--;
	return caltime_days(date.year, date.month, date.day) * CALTIME_DAY;
}

int64_t limit_midnight(int64_t now, int days, const struct zone *zone)
{
	int64_t local = zone ? zone_to_local(zone, now) : now;
	int64_t midnight = local - caltime_of_day(local);

	midnight = days == EVENTS_LAST_MONTH ? month_before(midnight)
					     : midnight - (int64_t)days * CALTIME_DAY;
	return zone ? zone_to_utc(zone, midnight) : midnight;
}

void limit_prepare(struct cycle *c)
{
	const struct mailbox_driver *mailbox = c->engine->mailbox_driver;

	if (!kind_takes_part(c, KIND_EVENT))
		return;
	c->floating = zones_get(&c->zones, zone_name_of(c));
	if (c->floating && mailbox->use_time_zone)
		mailbox->use_time_zone(c->mb->connection, zone_name(c->floating));
	if (c->policy)
		c->event_limit = limit_midnight(
			c->began / NS_PER_S, c->policy->event_days, c->floating);
}

const char *limit_forbids(struct cycle *c, const json_t *doc)
{
	int64_t end;

	if (!c->policy->event_series && json_array_size(json_object_get(doc, "recurrenceRules")))
		return LIMIT_SERIES;
	if (event_last_end(&c->zones, doc, c->floating, &end) && end < c->event_limit)
		return LIMIT_ENDED;
	return NULL;
}
