/* Stand-ins: values that a row projects while its own place in the document is empty. */
#include "sync/field.h"

bool field_is_stand_in(const struct field *row, const json_t *doc)
{
	json_t *value, *copy, *again;
	bool stands_in;

	if (!(row->flags & FIELD_STAND_IN))
		return false;
	value = row->type->get(doc, row);
	if (!value)
		return false;
	/* Whatever is still there once the place is emptied did not come from there: nor did it when
	 * there was nothing to empty. */
	copy = json_deep_copy(doc);
	stands_in = !row->type->set(copy, row, NULL, NULL, NULL);
	again = row->type->get(copy, row);
	stands_in = stands_in && again && json_equal(again, value) && json_equal(copy, doc);
	json_decref(again);
	json_decref(copy);
	json_decref(value);
	return stands_in;
}
