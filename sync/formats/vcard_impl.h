/* Inside the vCard codec: what its files share.  Not for anybody else.
 *
 *   vcard_text.c   escapes, lists, base64, quoted-printable, charsets, folding
 *   vcard_lex.c    bytes -> content lines: line ends, folds, soft breaks, groups, parameters
 *   vcard_map.c    the table: property <-> place in the Card
 *   vcard_read.c   content lines -> Card; vcard_values.c and vcard_refs.c read the values
 *   vcard_after.c  what only the whole card tells: labels, names made, Apple's related names
 *   vcard_write.c  Card -> content lines; vcard_put.c writes the values
 *   categories.c   the CATEGORIES lines of stored bytes
 *
 * All versions meet in the lexer: a struct vcard_line holds its value as vCard 4.0 text, whatever
 * charset, quoted-printable or way to escape it came in.  All that follows knows one syntax. */
#ifndef SYNC_FORMATS_VCARD_IMPL_H
#define SYNC_FORMATS_VCARD_IMPL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "sync/buf.h"
#include "sync/error.h"
#include "sync/formats/content.h"
#include "sync/formats/vcard.h"

/* --- the table -------------------------------------------------------------------------------- */

struct vcard_reader;
struct vcard_writer;

struct vcard_rule {
	const char *prop;   /* "EMAIL" */
	const char *prop30; /* its name in 3.0 where that differs, or NULL */
	const char *member; /* "emails" */
	const char *value;  /* member of the object that holds the value, or NULL */
	const char *kind;   /* the object's kind, service or relation, or NULL */
	const char *extra;  /* the reader's and writer's own: default media type, URI scheme */
	/* Takes the line: 1; 0 leaves it to be kept as it is; or an error. */
	int (*read)(struct vcard_reader *r, const struct vcard_rule *rule,
		const struct vcard_line *line, struct error *err);
	/* Writes the member (object NULL) or one object of it.  NULL: only read (an alias). */
	void (*write)(struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object);
	bool each; /* the writer is called for each object of the map that is of this rule's kind */
};

const struct vcard_rule *vcard_rule_find(const char *prop);
const struct vcard_rule *vcard_rules(size_t *n);

/* A TYPE value that has its own place in JSContact. */
struct vcard_type {
	const char *prop; /* only there; NULL: everywhere */
	const char *type;
	const char *member; /* "contexts", "features" */
	const char *key;
};
const struct vcard_type *vcard_types(size_t *n);

/* TYPE of 3.0 for binary data, its media type, and how such data begins in base64. */
struct vcard_media_type {
	const char *type;
	const char *media;
	const char *magic;
};
const char *vcard_media_of_type(const char *type); /* NULL when unknown */
const char *vcard_type_of_media(const char *media, size_t len);
const char *vcard_media_of_data(const char *base64);

/* A parameter that has a member of its own in the objects of a map. */
enum place_type { PLACE_TEXT, PLACE_NUMBER, PLACE_LEVEL };
struct vcard_param_place {
	const char *map;
	const char *param;
	const char *member;
	const char *param30; /* its name in 3.0 where that differs */
	enum place_type type;
};
const struct vcard_param_place *vcard_param_places(size_t *n);
const char *vcard_level_read(const char *prop, const char *level);
const char *vcard_level_written(const char *prop, const char *level);

/* CLASS and Exchange's Sensitivity; PUBLIC and Normal are the absent value. */
struct vcard_class {
	const char *class;
	const char *sensitivity;
};
const char *vcard_sensitivity_of(const char *class);
const char *vcard_class_of(const char *sensitivity);

struct vcard_relation {
	const char *relation; /* in relatedTo */
	const char *type;     /* of RELATED */
	const char *prop30;   /* property that says it in 3.0, or NULL */
	const char *label;    /* Apple's: _$!<Spouse>!$_ */
};
const struct vcard_relation *vcard_relation_find(const char *relation);
const char *vcard_relation_of_type(const char *type);
const char *vcard_relation_of_label(const char *label, size_t len);

/* Kinds of the components of N and ADR in their order, NULL at the end. */
const char *const *vcard_n_kinds(void);
const char *const *vcard_adr_kinds(void);

/* --- reading ---------------------------------------------------------------------------------- */

struct vcard_reader {
	json_t *card;
	json_t *kept; /* the card's vCardProps */
	enum vcard_syntax syntax;
	size_t lines; /* content lines after BEGIN */
};

/* New object of the rule's map under the next free id, with "@type"; borrowed. */
json_t *vcard_add_object(struct vcard_reader *r, const struct vcard_rule *rule);
/* Puts the line's parameters where they belong: PREF, TYPE, what rule and object know, and the rest
 * into vCardParams. */
void vcard_read_params(
	const struct vcard_rule *rule, const struct vcard_line *line, json_t *object);
/* Parameters of a single-valued property; kept under tandemfs:params. */
void vcard_keep_params(struct vcard_reader *r, const char *member, const struct vcard_line *line);
void vcard_read_after(struct vcard_reader *r);

int vcard_read_single(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err);
int vcard_read_kind(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err);
int vcard_read_time(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err);
int vcard_read_class(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err);
int vcard_read_fn(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err);
int vcard_read_n(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err);
int vcard_read_categories(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err);
int vcard_read_text(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err);
int vcard_read_list(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err);
int vcard_read_org(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err);
int vcard_read_tel(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err);
int vcard_read_adr(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err);
int vcard_read_label(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err);
int vcard_read_im(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err);
int vcard_read_resource(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err);
int vcard_read_date(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err);
int vcard_read_related(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err);
int vcard_read_member(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err);
int vcard_read_jsprop(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err);

/* Puts `text` under relation; shared by RELATED and by Apple's related names. */
void vcard_relate(struct vcard_reader *r, const char *text, const char *relation,
	const struct vcard_line *line);
/* The LABELs that came before their address. */
void vcard_attach_labels(struct vcard_reader *r);
/* Date of a value (RFC 6350 section 4.3) as a JSContact PartialDate or Timestamp; NULL when it is
 * none. */
json_t *vcard_date(const char *value);
/* The rest of a date-time from its 'T' on: only digits and their marks. */
bool vcard_is_time(const char *text);

/* --- writing ---------------------------------------------------------------------------------- */

struct vcard_writer {
	struct buf *out;
	enum vcard_version version;
	const json_t *card;
	struct buf line;  /* the content line being made, unfolded */
	json_t *used;	  /* parameter names of this line, as keys */
	json_t *groups;	  /* group -> label already written for it ("" for none) */
	json_t *prop_ids; /* "emails/EmailAddress2" -> true: needs PROP-ID to be found again */
	const char *id;	  /* of the object being written */
	const struct vcard_rule *rule;
	const char *label; /* to be written after this line, in label_group */
	const char *label_group;
	const char *media_type; /* goes into the line's TYPE (3.0) */
	json_t *trial;		/* what reading the file would find: see find_prop_ids */
	unsigned int group_number;
};

/* Begins a line: group, name, and the parameters that every object may carry (PROP-ID, PREF, TYPE,
 * vCardParams).  Parameters of the value come first with vcard_put_param after vcard_begin_bare. */
void vcard_begin(struct vcard_writer *w, const char *prop, const json_t *object);
void vcard_begin_bare(struct vcard_writer *w, const char *prop, const json_t *object);
void vcard_put_param(struct vcard_writer *w, const char *name, const char *value);
void vcard_put_params(struct vcard_writer *w, const json_t *object);
/* Begins the line of a single-valued property: its parameters stand in tandemfs:params. */
void vcard_begin_single(struct vcard_writer *w, const char *prop, const char *key);
/* A whole member, or one object of it, that vCard has no property for. */
void vcard_write_jsprop(
	struct vcard_writer *w, const char *member, const char *id, const json_t *value);
/* The member of that map's objects is a value or parameter of vCard's own. */
bool vcard_has_place(const char *map_member, const char *member);
/* Ends the line with ':' and a value. */
void vcard_end_text(struct vcard_writer *w, const char *text);
void vcard_end_uri(struct vcard_writer *w, const char *uri);
void vcard_end_raw(struct vcard_writer *w, const char *value);
/* The rule's name in this version. */
const char *vcard_prop(const struct vcard_writer *w, const struct vcard_rule *rule);

void vcard_write_single(
	struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object);
void vcard_write_time(struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object);
void vcard_write_class(struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object);
void vcard_write_fn(struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object);
void vcard_write_n(struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object);
void vcard_write_categories(
	struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object);
void vcard_write_text(struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object);
void vcard_write_org(struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object);
void vcard_write_tel(struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object);
void vcard_write_adr(struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object);
void vcard_write_im(struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object);
void vcard_write_resource(
	struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object);
void vcard_write_date(struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object);
void vcard_write_related(
	struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object);
void vcard_write_member(
	struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object);

#endif
