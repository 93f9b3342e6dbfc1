// SPDX-License-Identifier: GPL-2.0-or-later
#include "json.h"

static void new_line(struct json *j)
{
	if (j->compact)
		return;
	text_puts(j->out, "\n");
	for (unsigned int i = 0; i < j->depth; i++)
		text_puts(j->out, "  ");
}

/* text_span() leaves two characters that JSON escapes: one of them it has doubled */
static void quote(struct json *j, struct span s)
{
	struct text plain = {};

	text_span(&plain, s);
	text_puts(j->out, "\"");
	for (size_t i = 0; i < plain.len; i++) {
		if (plain.s[i] == '"' || plain.s[i] == '\\')
			text_puts(j->out, "\\");
		text_add(j->out, plain.s + i, 1);
	}
	text_puts(j->out, "\"");
	text_free(&plain);
}

static void begin_span(struct json *j, struct span key)
{
	if (j->comma)
		text_puts(j->out, j->compact && j->depth ? ", " : ",");
	if (j->depth)
		new_line(j);
	if (key.s) {
		quote(j, key);
		text_puts(j->out, ": ");
	}
	j->comma = true;
}

static void begin(struct json *j, const char *key)
{
	begin_span(j, key ? span_of(key) : (struct span){});
}

/**
 * json_open() - begin an object or a list
 * @j: the document
 * @key: its key; NULL in a list, and of the document itself
 * @bracket: { or [
 */
void json_open(struct json *j, const char *key, char bracket)
{
	begin(j, key);
	text_add(j->out, &bracket, 1);
	j->depth++;
	j->comma = false;
}

/**
 * json_close() - end the innermost object or list
 * @j: the document
 * @bracket: } or ]
 */
void json_close(struct json *j, char bracket)
{
	j->depth--;
	if (j->comma)
		new_line(j);
	text_add(j->out, &bracket, 1);
	j->comma = true;
	if (!j->depth)
		text_puts(j->out, "\n");
}

/**
 * json_span() - a string whose key comes from elsewhere, too
 * @j: the document
 * @key: the key
 * @value: the string, as text_span() would print it
 */
void json_span(struct json *j, struct span key, struct span value)
{
	begin_span(j, key);
	quote(j, value);
}

/**
 * json_string() - a string
 * @j: the document
 * @key: its key, or NULL
 * @value: the string, as text_span() would print it
 */
void json_string(struct json *j, const char *key, struct span value)
{
	begin(j, key);
	quote(j, value);
}

/**
 * json_number() - a whole number, of up to 64 bits
 * @j: the document
 * @key: its key, or NULL
 * @value: the number
 */
void json_number(struct json *j, const char *key, u64 value)
{
	begin(j, key);
	text_printf(j->out, "%llu", value);
}

/**
 * json_hex() - a register, an address or an ID: a string, since JSON has no such numbers
 * @j: the document
 * @key: its key, or NULL
 * @value: the number
 */
void json_hex(struct json *j, const char *key, u64 value)
{
	begin(j, key);
	text_printf(j->out, "\"0x%llx\"", value);
}

/**
 * json_rate() - something by second
 * @j: the document
 * @key: its key, or NULL
 * @value: the number, finite
 */
void json_rate(struct json *j, const char *key, double value)
{
	begin(j, key);
	text_printf(j->out, "%.3f", value);
}

/**
 * json_bool() - true or false
 * @j: the document
 * @key: its key, or NULL
 * @value: which of them
 */
void json_bool(struct json *j, const char *key, bool value)
{
	begin(j, key);
	text_puts(j->out, value ? "true" : "false");
}

/**
 * json_null() - nothing is known
 * @j: the document
 * @key: its key, or NULL
 */
void json_null(struct json *j, const char *key)
{
	begin(j, key);
	text_puts(j->out, "null");
}
