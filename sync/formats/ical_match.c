/* Which zone of the tz database a VTIMEZONE means, told by its offsets.  (First step: none.) */
#include "sync/formats/ical_impl.h"

bool ical_match_zone(const struct ical_component *vtimezone, struct zones *zones, int64_t around,
	char iana[ZONE_NAME])
{
	(void)vtimezone;
	(void)zones;
	(void)around;
	(void)iana;
	return false;
}
