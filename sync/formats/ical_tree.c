/* Content lines to components: BEGIN and END made into a tree. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "sync/formats/ical_impl.h"
#include "sync/mem.h"

bool ical_is(const struct ical_component *component, const char *name)
{
	return strcmp(component->name, name) == 0;
}

const struct vcard_line *ical_line(const struct ical_component *component, const char *name)
{
	for (size_t i = 0; i < component->n_lines; i++) {
		if (strcmp(component->lines[i].name, name) == 0)
			return &component->lines[i];
	}
	return NULL;
}

int ical_component_error(
	const struct ical_component *component, struct error *err, const char *what)
{
	return error_set(err, ERR_INVALID, "line %zu: %.40s: %s", component->line,
		component->name[0] ? component->name : "BEGIN", what);
}

void ical_tree_free(struct ical_component *component)
{
	if (!component)
		return;
	for (size_t i = 0; i < component->n_lines; i++)
		vcard_line_free(&component->lines[i]);
	for (size_t i = 0; i < component->n_parts; i++)
		ical_tree_free(component->parts[i]);
	free(component->lines);
	free(component->parts);
	free(component->name);
	free(component);
}

/* Grows at powers of two. */
static bool is_full(size_t n)
{
	return (n & (n - 1)) == 0;
}

static void add_line(struct ical_component *component, const struct vcard_line *line)
{
	size_t n = component->n_lines;

	if (is_full(n))
		component->lines = xreallocarray(
			component->lines, n ? 2 * n : 1, sizeof(*component->lines));
	component->lines[component->n_lines++] = *line;
}

static struct ical_component *add_part(struct ical_component *parent, const char *name, size_t line)
{
	struct ical_component *part = xcalloc(1, sizeof(*part));
	size_t n = parent->n_parts;

	part->name = xstrdup(name);
	part->line = line;
	part->parent = parent;
	if (is_full(n))
		parent->parts = xreallocarray(
			parent->parts, n ? 2 * n : 1, sizeof(struct ical_component *));
	parent->parts[parent->n_parts++] = part;
	return part;
}

/* The component's name of BEGIN or END: trimmed, upper case. */
static char *component_name(const struct vcard_line *line)
{
	json_t *text = vcard_trimmed(line->value);
	char *name = xstrdup(json_string_value(text));

	json_decref(text);
	for (char *p = name; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return name;
}

static int begin(
	struct ical_component **at, const struct vcard_line *line, size_t *depth, struct error *err)
{
	char *name AUTOFREE = component_name(line);

	if (!vcard_is_name(name))
		return vcard_line_error(line, err, "not the name of a component");
	if (++*depth > ICAL_MAX_NESTING)
		return vcard_line_error(line, err, "components nested too deep");
	*at = add_part(*at, name, line->number);
	return 0;
}

static int end(
	struct ical_component **at, const struct vcard_line *line, size_t *depth, struct error *err)
{
	char *name AUTOFREE = component_name(line);

	if (!(*at)->parent || strcmp((*at)->name, name) != 0)
		return error_set(
			err, ERR_INVALID, "line %zu: END: %.40s was not begun", line->number, name);
	*at = (*at)->parent;
	(*depth)--;
	return 0;
}

static int take(
	struct ical_component **at, struct vcard_line *line, size_t *depth, struct error *err)
{
	int rc;

	if (strcmp(line->name, "BEGIN") == 0) {
		rc = begin(at, line, depth, err);
	} else if (strcmp(line->name, "END") == 0) {
		rc = end(at, line, depth, err);
	} else if (!(*at)->parent) {
		rc = vcard_line_error(line, err, "not inside a calendar (BEGIN:VCALENDAR)");
	} else {
		add_line(*at, line);
		return 0; /* the line is the component's now */
	}
	vcard_line_free(line);
	return rc;
}

static int read_lines(struct vcard_lexer *lexer, struct ical_component *root, struct error *err)
{
	struct ical_component *at = root;
	size_t depth = 0;

	for (size_t n = 0;; n++) {
		struct vcard_line line;
		int rc = vcard_lex_next(lexer, &line, err);

		if (rc < 0)
			return rc;
		if (rc == 0)
			break;
		if (n >= ICAL_MAX_LINES) {
			vcard_line_free(&line);
			return error_set(err, ERR_TOO_BIG,
				"line %zu: the file has more than %d properties", lexer->number,
				ICAL_MAX_LINES);
		}
		free(line.group); /* iCalendar has none: a.SUMMARY is SUMMARY */
		line.group = NULL;
		rc = take(&at, &line, &depth, err);
		if (rc)
			return rc;
	}
	return at->parent ? ical_component_error(at, err, "has no END") : 0;
}

int ical_tree_read(const char *bytes, size_t len, struct ical_component **root, struct error *err)
{
	struct vcard_lexer lexer;
	int rc = vcard_lex_open(&lexer, bytes, len, err);

	if (rc)
		return rc;
	lexer.syntax = SYNTAX_30; /* what iCalendar's values look like */
	*root = xcalloc(1, sizeof(**root));
	(*root)->name = xstrdup("");
	(*root)->line = 1;
	rc = read_lines(&lexer, *root, err);
	if (rc) {
		ical_tree_free(*root);
		*root = NULL;
	}
	return rc;
}
