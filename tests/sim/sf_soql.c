/* SOQL to a tree.
 *
 *	SELECT paths | COUNT() | FIELDS(...) FROM object [alias] [WHERE condition]
 *	[ORDER BY path [ASC|DESC] [NULLS FIRST|LAST], ...] [LIMIT n] [OFFSET n]
 *
 * Conditions compare a path (up to five relationships deep) with literals; AND and OR are not mixed
 * without parentheses, as in Salesforce.  A parser error leaves a position and a message in the
 * parser; the first one counts.  What is wrong with a name is INVALID_FIELD or INVALID_TYPE, the
 * rest MALFORMED_QUERY. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "sync/mem.h"
#include "tests/sim/sf.h"
#include "tests/sim/sf_text.h"

enum token_kind { T_END, T_WORD, T_STRING, T_NUMBER, T_DATE, T_DATETIME, T_SIGN, T_BAD };

struct token {
	enum token_kind kind;
	size_t at;  /* offset in the text */
	char *text; /* words and numbers as written, strings without quotes and escapes */
};

struct parser {
	struct sf *sf;
	const char *text;
	size_t pos;
	struct token token;
	struct sf_soql *q;
	char *alias;
	json_t *errors;
	unsigned int depth;
};

/* Errors ---------------------------------------------------------------------------------- */

/* Salesforce quotes the query and puts a caret below the place. */
static void fail(struct parser *p, const char *code, size_t at, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void fail(struct parser *p, const char *code, size_t at, const char *fmt, ...)
{
	char *message = NULL;
	size_t from = at > 40 ? at - 40 : 0;
	va_list ap;

	if (p->errors)
		return;
	va_start(ap, fmt);
	if (vasprintf(&message, fmt, ap) < 0)
		message = NULL;
	va_end(ap);
	while (from > 0 && ((unsigned char)p->text[from] & 0xc0) == 0x80)
		from--;
	p->errors = sf_error(code, NULL, "\n%.80s\n%*s^\nERROR at Row:1:Column:%zu\n%s",
		p->text + from, (int)(at - from), "", at + 1, message ? message : "");
	free(message);
}

static void unexpected(struct parser *p)
{
	if (p->token.kind == T_END)
		fail(p, "MALFORMED_QUERY", p->token.at, "unexpected token: <EOF>");
	else
		fail(p, "MALFORMED_QUERY", p->token.at, "unexpected token: '%s'", p->token.text);
}

/* Tokens ---------------------------------------------------------------------------------- */

static char *string_literal(struct parser *p)
{
	AUTOBUF struct buf out = BUF_INIT(SF_QUERY_MAX);
	const char *s = p->text + p->pos + 1;

	for (; *s && *s != '\''; s++) {
		if (*s != '\\') {
			buf_addc(&out, *s);
			continue;
		}
		s++;
		switch (*s) {
		case 'n':
			buf_addc(&out, '\n');
			break;
		case 'r':
			buf_addc(&out, '\r');
			break;
		case 't':
			buf_addc(&out, '\t');
			break;
		case '%':
		case '_': /* kept escaped: LIKE takes it literally */
			buf_addc(&out, '\\');
			buf_addc(&out, *s);
			break;
		case '\\':
		case '\'':
		case '"':
			buf_addc(&out, *s);
			break;
		default:
			return NULL;
		}
	}
	if (*s != '\'')
		return NULL;
	p->pos = (size_t)(s + 1 - p->text);
	return buf_take(&out);
}

static enum token_kind classify_number(const char *text)
{
	int64_t seconds;
	char *end;

	if (sf_parse_date(text))
		return T_DATE;
	if (sf_parse_datetime(text, &seconds))
		return T_DATETIME;
	strtod(text, &end);
	return *end ? T_BAD : T_NUMBER;
}

static void next(struct parser *p)
{
	const char *s;
	size_t len;

	free(p->token.text);
	p->pos += strspn(p->text + p->pos, " \t\r\n");
	s = p->text + p->pos;
	p->token = (struct token){ .kind = T_END, .at = p->pos };
	if (!*s)
		return;
	if (*s == '\'') {
		p->token.text = string_literal(p);
		p->token.kind = p->token.text ? T_STRING : T_BAD;
		if (!p->token.text) {
			p->token.text = xstrdup("'");
			p->pos = strlen(p->text);
		}
		return;
	}
	if (isalpha((unsigned char)*s) || *s == '_') {
		len = strspn(
			s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:");
		p->token.kind = T_WORD;
	} else if (isdigit((unsigned char)*s) ||
		   ((*s == '-' || *s == '+') && isdigit((unsigned char)s[1]))) {
		len = 1 + strspn(s + 1, "0123456789.:+-TZeE");
		p->token.kind = T_NUMBER;
	} else {
		len = 1;
		if ((*s == '<' || *s == '>' || *s == '!') &&
			(s[1] == '=' || (s[0] == '<' && s[1] == '>')))
			len = 2;
		p->token.kind = T_SIGN;
	}
	p->token.text = xstrndup(s, len);
	p->pos += len;
	if (p->token.kind == T_NUMBER)
		p->token.kind = classify_number(p->token.text);
}

static bool at_word(const struct parser *p, const char *word)
{
	return p->token.kind == T_WORD && strcasecmp(p->token.text, word) == 0;
}

static bool at_sign(const struct parser *p, const char *sign)
{
	return p->token.kind == T_SIGN && strcmp(p->token.text, sign) == 0;
}

static bool accept_word(struct parser *p, const char *word)
{
	if (!at_word(p, word))
		return false;
	next(p);
	return true;
}

static bool accept_sign(struct parser *p, const char *sign)
{
	if (!at_sign(p, sign))
		return false;
	next(p);
	return true;
}

static void expect_word(struct parser *p, const char *word)
{
	if (!accept_word(p, word))
		unexpected(p);
}

static void expect_sign(struct parser *p, const char *sign)
{
	if (!accept_sign(p, sign))
		unexpected(p);
}

/* Paths ----------------------------------------------------------------------------------- */

static const struct sf_field *relationship(const struct sf_table *table, const char *name)
{
	for (size_t i = 0; i < table->n_fields; i++)
		if (table->fields[i].relationship && !(table->fields[i].flags & SF_HIDDEN) &&
			strcasecmp(table->fields[i].relationship, name) == 0)
			return &table->fields[i];
	return NULL;
}

/* What a reference leads to.  One that leads to several objects (Who) shows the fields that all of
 * them have: those of the first will do. */
static const struct sf_table *first_object(struct sf *sf, const struct sf_field *hop)
{
	char *name AUTOFREE = xstrndup(hop->refers, strcspn(hop->refers, "|"));

	return sf_table_find(sf, name);
}

/* "Account.Owner.Name", with or without the alias or the object's name in front. */
static void resolve(struct parser *p, const char *text, size_t at, struct sf_path *path)
{
	const struct sf_table *table = p->q->table;
	char *copy AUTOFREE = xstrdup(text);
	char *rest = copy;
	char *name;

	*path = (struct sf_path){ 0 };
	name = strsep(&rest, ".");
	if (rest && !relationship(table, name) &&
		(strcasecmp(name, table->name) == 0 ||
			(p->alias && strcasecmp(name, p->alias) == 0)))
		name = strsep(&rest, ".");
	for (; rest; name = strsep(&rest, ".")) {
		const struct sf_field *hop = relationship(table, name);

		if (!hop || path->n_hops == SF_HOPS) {
			fail(p, "INVALID_FIELD", at,
				"Didn't understand relationship '%s' in field path. If you are "
				"attempting to use a custom relationship, be sure to append the "
				"'__r' "
				"after the custom relationship name. Please reference your WSDL or "
				"the "
				"describe call for the appropriate names.",
				name);
			return;
		}
		path->hops[path->n_hops++] = hop;
		table = first_object(p->sf, hop);
	}
	path->table = table;
	path->field = sf_field_find(table, name);
	if (!path->field)
		fail(p, "INVALID_FIELD", at,
			"No such column '%s' on entity '%s'. If you are attempting to use a custom "
			"field, be sure to append the '__c' after the custom field name. Please "
			"reference your WSDL or the describe call for the appropriate names.",
			name, table->name);
}

/* Literals -------------------------------------------------------------------------------- */

static bool is_text(enum sf_type type)
{
	return type == SF_STRING || type == SF_TEXTAREA || type == SF_EMAIL || type == SF_PHONE ||
	       type == SF_URL || type == SF_PICKLIST || type == SF_COMBOBOX;
}

static const char *type_name(enum sf_type type)
{
	switch (type) {
	case SF_DATE:
		return "date";
	case SF_DATETIME:
		return "dateTime";
	case SF_BOOLEAN:
		return "boolean";
	case SF_INT:
		return "int";
	case SF_DOUBLE:
		return "double";
	case SF_CURRENCY:
		return "currency";
	default:
		return "string";
	}
}

static json_t *wrong_literal(struct parser *p, const struct sf_field *field)
{
	bool quote = is_text(field->type) || field->type == SF_ID || field->type == SF_REFERENCE;

	if (p->token.kind == T_BAD || p->token.kind == T_SIGN || p->token.kind == T_END)
		unexpected(p); /* the first error counts */
	fail(p, "INVALID_FIELD", p->token.at,
		"value of filter criterion for field '%s' must be of type %s and should %sbe "
		"enclosed "
		"in quotes",
		field->name, type_name(field->type), quote ? "" : "not ");
	return NULL;
}

/* TODAY, YESTERDAY, TOMORROW, LAST_N_DAYS:n, NEXT_N_DAYS:n as the start of that day. */
static json_t *relative_date(struct parser *p, const struct sf_field *field)
{
	static const struct {
		const char *word;
		int days;
	} words[] = { { "TODAY", 0 }, { "YESTERDAY", -1 }, { "TOMORROW", 1 } };
	const char *word = p->token.text;
	int64_t now = sf_now(p->sf);
	char text[32];
	long days = 0;
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(word, words[i].word) == 0) {
			days = words[i].days;
			known = true;
		}
	}
	if (strncasecmp(word, "LAST_N_DAYS:", 12) == 0 ||
		strncasecmp(word, "NEXT_N_DAYS:", 12) == 0) {
		days = strtol(word + 12, NULL, 10);
		if (tolower((unsigned char)word[0]) == 'l')
			days = -days;
		known = days != 0 && labs(days) < 100000;
	}
	if (!known)
		return wrong_literal(p, field);
	sf_format_datetime(now / 86400 * 86400 + days * INT64_C(86400), text);
	if (field->type == SF_DATE)
		text[10] = '\0';
	return json_string(text);
}

static json_t *text_literal(struct parser *p, const struct sf_field *field, bool like)
{
	char *folded AUTOFREE = NULL;

	if (p->token.kind != T_STRING)
		return wrong_literal(p, field);
	folded = sf_fold(p->token.text);
	if (!like) /* an escaped wildcard is itself outside LIKE */
		sf_unescape(folded);
	return *folded ? json_string(folded) : json_null();
}

static json_t *id_literal(struct parser *p, const struct sf_field *field)
{
	char full[SF_ID_LEN + 1];

	if (p->token.kind != T_STRING)
		return wrong_literal(p, field);
	if (!*p->token.text)
		return json_null();
	if (!sf_id_valid(p->token.text)) {
		fail(p, "INVALID_QUERY_FILTER_OPERATOR", p->token.at, "invalid ID field: %s",
			p->token.text);
		return NULL;
	}
	sf_id_full(p->token.text, full);
	return json_string(full);
}

static json_t *date_literal(struct parser *p, const struct sf_field *field)
{
	int64_t seconds;
	char text[32];

	if (p->token.kind == T_WORD)
		return relative_date(p, field);
	if (p->token.kind != (field->type == SF_DATE ? T_DATE : T_DATETIME))
		return wrong_literal(p, field);
	if (field->type == SF_DATE)
		return json_string(p->token.text);
	sf_parse_datetime(p->token.text, &seconds);
	sf_format_datetime(seconds, text);
	return json_string(text);
}

/* The literal at the token, in the form that stored values are compared in; NULL after an error. */
static json_t *literal(struct parser *p, const struct sf_field *field, bool like)
{
	json_t *value;

	if (at_word(p, "null"))
		value = json_null();
	else if (is_text(field->type))
		value = text_literal(p, field, like);
	else if (field->type == SF_ID || field->type == SF_REFERENCE)
		value = id_literal(p, field);
	else if (field->type == SF_DATE || field->type == SF_DATETIME)
		value = date_literal(p, field);
	else if (field->type == SF_BOOLEAN)
		value = at_word(p, "true") || at_word(p, "false") ? json_boolean(at_word(p, "true"))
								  : wrong_literal(p, field);
	else
		value = p->token.kind == T_NUMBER ? json_real(strtod(p->token.text, NULL))
						  : wrong_literal(p, field);
	next(p);
	return value;
}

/* Conditions ------------------------------------------------------------------------------ */

static void free_expr(struct sf_expr *e)
{
	if (!e)
		return;
	free_expr(e->left);
	free_expr(e->right);
	json_decref(e->values);
	json_decref(e->set);
	free(e);
}

static struct sf_expr *new_expr(enum sf_node node, struct sf_expr *left, struct sf_expr *right)
{
	struct sf_expr *e = xcalloc(1, sizeof(*e));

	e->node = node;
	e->left = left;
	e->right = right;
	return e;
}

static bool operator(struct parser *p, enum sf_op *op)
{
	static const struct {
		const char *sign;
		enum sf_op op;
	} signs[] = { { "=", SF_EQ }, { "!=", SF_NE }, { "<>", SF_NE }, { "<=", SF_LE },
		{ ">=", SF_GE }, { "<", SF_LT }, { ">", SF_GT } };

	for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
		if (accept_sign(p, signs[i].sign)) {
			*op = signs[i].op;
			return true;
		}
	}
	if (accept_word(p, "LIKE")) {
		*op = SF_LIKE;
		return true;
	}
	if (accept_word(p, "NOT")) {
		*op = SF_NOT_IN;
		expect_word(p, "IN");
		return !p->errors;
	}
	*op = SF_IN;
	if (accept_word(p, "IN"))
		return true;
	unexpected(p);
	return false;
}

static void value_list(struct parser *p, struct sf_expr *e)
{
	expect_sign(p, "(");
	e->set = json_object();
	do {
		json_t *value = p->errors ? NULL : literal(p, e->path.field, false);

		if (!value)
			return;
		if (json_is_string(value))
			json_object_set_new(e->set, json_string_value(value), json_true());
		json_array_append_new(e->values, value);
	} while (accept_sign(p, ","));
	expect_sign(p, ")");
}

static void check_filter(struct parser *p, const struct sf_expr *e, size_t at)
{
	const struct sf_field *field = e->path.field;

	if (field->flags & SF_NOFILTER || (field->type == SF_TEXTAREA && field->length > 255))
		fail(p, "INVALID_FIELD", at, "field '%s' can not be filtered in a query call",
			field->name);
	if (e->op == SF_LIKE && !is_text(field->type))
		fail(p, "INVALID_QUERY_FILTER_OPERATOR", at, "invalid operator on %s field '%s'",
			type_name(field->type), field->name);
	if (field->type == SF_BOOLEAN && e->op != SF_EQ && e->op != SF_NE)
		fail(p, "INVALID_QUERY_FILTER_OPERATOR", at,
			"invalid operator on boolean field '%s'", field->name);
}

static struct sf_expr *comparison(struct parser *p)
{
	struct sf_expr *e;
	size_t at = p->token.at;

	if (p->token.kind != T_WORD) {
		unexpected(p);
		return NULL;
	}
	e = new_expr(SF_TEST, NULL, NULL);
	e->values = json_array();
	resolve(p, p->token.text, at, &e->path);
	next(p);
	if (p->errors || !operator(p, &e->op))
		return e;
	check_filter(p, e, at);
	e->text = is_text(e->path.field->type);
	if (p->errors)
		return e;
	if (e->op == SF_IN || e->op == SF_NOT_IN) {
		value_list(p, e);
	} else {
		json_t *value = literal(p, e->path.field, e->op == SF_LIKE);

		if (value)
			json_array_append_new(e->values, value);
	}
	return e;
}

static struct sf_expr *condition(struct parser *p);

static struct sf_expr *operand(struct parser *p)
{
	struct sf_expr *e;

	if (++p->depth > 200) {
		fail(p, "MALFORMED_QUERY", p->token.at, "the query is too complicated");
		return NULL;
	}
	if (accept_word(p, "NOT")) {
		e = new_expr(SF_NOT, operand(p), NULL);
	} else if (accept_sign(p, "(")) {
		e = condition(p);
		expect_sign(p, ")");
	} else {
		e = comparison(p);
	}
	p->depth--;
	return e;
}

static struct sf_expr *condition(struct parser *p)
{
	struct sf_expr *e = operand(p);
	enum sf_node node = at_word(p, "OR") ? SF_OR : SF_AND;
	const char *word = node == SF_OR ? "OR" : "AND";

	while (!p->errors && accept_word(p, word))
		e = new_expr(node, e, operand(p));
	if (!p->errors && (at_word(p, "AND") || at_word(p, "OR")))
		unexpected(p);
	return e;
}

/* Clauses --------------------------------------------------------------------------------- */

static struct sf_path *add_select(struct sf_soql *q)
{
	q->select = xreallocarray(q->select, q->n_select + 1, sizeof(*q->select));
	return &q->select[q->n_select++];
}

static void select_fields_of(struct parser *p, const char *which)
{
	const struct sf_table *table = p->q->table;
	bool standard = strcasecmp(which, "CUSTOM") != 0,
	     custom = strcasecmp(which, "STANDARD") != 0;

	for (size_t i = 0; i < table->n_fields; i++) {
		const struct sf_field *field = &table->fields[i];
		bool is_custom = field->flags & SF_CUSTOM;

		if (!(field->flags & SF_HIDDEN) && (is_custom ? custom : standard))
			*add_select(p->q) = (struct sf_path){ .table = table, .field = field };
	}
}

/* The names of the SELECT list are resolved once FROM is known. */
struct name {
	char *text;
	size_t at;
};

static void select_list(struct parser *p, struct name **names, size_t *n, char **fields_of)
{
	do {
		if (p->token.kind != T_WORD) {
			unexpected(p);
			return;
		}
		*names = xreallocarray(*names, *n + 1, sizeof(**names));
		(*names)[*n] = (struct name){ .text = xstrdup(p->token.text), .at = p->token.at };
		(*n)++;
		next(p);
		if (!at_sign(p, "("))
			continue;
		next(p);
		if (strcasecmp((*names)[*n - 1].text, "COUNT") == 0 && *n == 1 && at_sign(p, ")")) {
			p->q->count = true;
		} else if (strcasecmp((*names)[*n - 1].text, "FIELDS") == 0 && *n == 1 &&
			   (at_word(p, "ALL") || at_word(p, "STANDARD") || at_word(p, "CUSTOM"))) {
			*fields_of = xstrdup(p->token.text);
			next(p);
		} else {
			unexpected(p);
			return;
		}
		expect_sign(p, ")");
		if (!p->errors && p->q->count)
			return;
	} while (!p->errors && accept_sign(p, ","));
}

static void from(struct parser *p)
{
	size_t at;

	expect_word(p, "FROM");
	if (p->errors)
		return;
	if (p->token.kind != T_WORD) {
		unexpected(p);
		return;
	}
	at = p->token.at;
	p->q->table = sf_table_find(p->sf, p->token.text);
	if (!p->q->table || p->q->table->forbidden) {
		fail(p, "INVALID_TYPE", at,
			"sObject type '%s' is not supported. If you are attempting to use a custom "
			"object, be sure to append the '__c' after the entity name. Please "
			"reference "
			"your WSDL or the describe call for the appropriate names.",
			p->token.text);
		return;
	}
	next(p);
	if (p->token.kind == T_WORD && !at_word(p, "WHERE") && !at_word(p, "ORDER") &&
		!at_word(p, "LIMIT") && !at_word(p, "OFFSET") && !at_word(p, "GROUP") &&
		!at_word(p, "USING") && !at_word(p, "WITH") && !at_word(p, "FOR") &&
		!at_word(p, "ALL")) {
		p->alias = xstrdup(p->token.text);
		next(p);
	}
}

static void order_by(struct parser *p)
{
	struct sf_soql *q = p->q;

	expect_word(p, "BY");
	do {
		struct sf_order *order;

		if (p->errors || p->token.kind != T_WORD) {
			unexpected(p);
			return;
		}
		q->order = xreallocarray(q->order, q->n_order + 1, sizeof(*q->order));
		order = &q->order[q->n_order++];
		*order = (struct sf_order){ 0 };
		resolve(p, p->token.text, p->token.at, &order->path);
		next(p);
		if (accept_word(p, "DESC"))
			order->descending = true;
		else
			accept_word(p, "ASC");
		if (accept_word(p, "NULLS")) {
			order->nulls_last = at_word(p, "LAST");
			if (!accept_word(p, "LAST"))
				expect_word(p, "FIRST");
		}
	} while (!p->errors && accept_sign(p, ","));
}

static long count_after(struct parser *p)
{
	long n = -1;

	if (p->token.kind == T_NUMBER &&
		strspn(p->token.text, "0123456789") == strlen(p->token.text))
		n = strtol(p->token.text, NULL, 10);
	else
		unexpected(p);
	next(p);
	return n;
}

static void resolve_select(
	struct parser *p, const struct name *names, size_t n, const char *fields_of)
{
	if (p->q->count || p->errors)
		return;
	if (fields_of) {
		select_fields_of(p, fields_of);
		if (strcasecmp(fields_of, "STANDARD") != 0 &&
			(p->q->limit < 0 || p->q->limit > 200))
			fail(p, "MALFORMED_QUERY", 0,
				"The SOQL FIELDS function must have a LIMIT of at most 200");
		return;
	}
	for (size_t i = 0; i < n && !p->errors; i++) {
		for (size_t j = 0; j < i && !p->errors; j++)
			if (strcasecmp(names[i].text, names[j].text) == 0)
				fail(p, "INVALID_FIELD", names[i].at,
					"duplicate field selected: %s", names[i].text);
		resolve(p, names[i].text, names[i].at, add_select(p->q));
	}
}

static void parse(struct parser *p)
{
	struct name *names = NULL;
	char *fields_of AUTOFREE = NULL;
	size_t n = 0;

	next(p);
	expect_word(p, "SELECT");
	if (!p->errors)
		select_list(p, &names, &n, &fields_of);
	if (!p->errors)
		from(p);
	if (!p->errors && accept_word(p, "WHERE"))
		p->q->where = condition(p);
	if (!p->errors && accept_word(p, "ORDER"))
		order_by(p);
	if (!p->errors && accept_word(p, "LIMIT"))
		p->q->limit = count_after(p);
	if (!p->errors && accept_word(p, "OFFSET"))
		p->q->offset = count_after(p);
	if (!p->errors && p->token.kind != T_END)
		unexpected(p);
	if (!p->errors && p->q->offset > 2000)
		fail(p, "NUMBER_OUTSIDE_VALID_RANGE", 0, "Maximum SOQL offset allowed is 2000");
	resolve_select(p, names, n, fields_of);
	for (size_t i = 0; i < n; i++)
		free(names[i].text);
	free(names);
}

struct sf_soql *sf_soql_parse(struct sf *sf, const char *text, json_t **errors)
{
	struct parser p = { .sf = sf, .text = text };

	p.q = xcalloc(1, sizeof(*p.q));
	p.q->limit = -1;
	parse(&p);
	free(p.token.text);
	free(p.alias);
	*errors = p.errors;
	if (!p.errors)
		return p.q;
	sf_soql_free(p.q);
	return NULL;
}

void sf_soql_free(struct sf_soql *q)
{
	if (!q)
		return;
	free_expr(q->where);
	free(q->select);
	free(q->order);
	free(q);
}
