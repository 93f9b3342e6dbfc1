// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "records.h"

/*
 * More keys than that no record has. It bounds the time that a line takes, in which
 * each key is compared to all before it.
 */
#define MAX_KEYS	1024

static void complain(struct records *records, size_t line, const char *what)
{
	/* Of one line once is enough */
	if (records->num_bad && records->bad[records->num_bad - 1].line == line)
		return;
	records->bad = grow(records->bad, records->num_bad, &records->size_bad,
			    sizeof(*records->bad));
	records->bad[records->num_bad++] = (struct complaint){ line, what };
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next word of the line, which becomes shorter; empty at the end */
static struct span next_word(struct span *line)
{
	struct span word;

	while (line->len && is_blank(*line->s)) {
		line->s++;
		line->len--;
	}
	word = (struct span){ line->s, 0 };
	while (line->len && !is_blank(*line->s)) {
		line->s++;
		line->len--;
		word.len++;
	}
	return word;
}

/* NULL, or what is wrong with it */
static const char *split_pair(struct span word, struct pair *pair)
{
	const char *equals = memchr(word.s, '=', word.len);

	if (!equals)
		return "is not all key=value";
	if (equals == word.s)
		return "has a value without a key";
	pair->key = (struct span){ word.s, equals - word.s };
	pair->value = (struct span){ equals + 1, word.len - pair->key.len - 1 };
	return NULL;
}

static bool has_key(const struct record *r, struct span key)
{
	for (size_t i = 0; i < r->num; i++)
		if (span_equal(r->pairs[i].key, key))
			return true;
	return false;
}

/* @cut: the line has no end, so nobody knows whether its last word has */
static void parse_line(struct records *records, struct span line, size_t number,
		       bool cut)
{
	struct span word = next_word(&line), next;
	struct record r = { .word = word };
	const char *what;
	size_t size = 0;
	struct pair p;

	if (cut)
		complain(records, number, "is cut off");
	if (!word.len)
		return;
	next = next_word(&line);
	if (memchr(word.s, '=', word.len) || (cut && !next.len)) {
		complain(records, number, "does not say what it is about");
		return;
	}
	for (word = next; word.len; word = next) {
		next = next_word(&line);
		if (cut && !next.len)
			break;
		what = split_pair(word, &p);
		if (!what && has_key(&r, p.key))
			what = "has a key twice";
		if (r.num == MAX_KEYS)
			what = "has too many keys";
		if (what) {
			complain(records, number, what);
			if (r.num == MAX_KEYS)
				break;
			continue;
		}
		r.pairs = grow(r.pairs, r.num, &size, sizeof(*r.pairs));
		r.pairs[r.num++] = p;
	}
	records->r = grow(records->r, records->num, &records->size, sizeof(*records->r));
	records->r[records->num++] = r;
}

/**
 * records_parse() - read all records of a file
 * @records: the result; whatever was in there is overwritten
 * @text: what the file holds; the records point into it
 */
void records_parse(struct records *records, struct span text)
{
	struct span line;
	size_t number = 0;
	bool whole;

	*records = (struct records){};
	while (text.len) {
		whole = span_line(&text, &line);
		parse_line(records, line, ++number, !whole);
	}
}

/**
 * records_free() - forget records
 * @records: those of records_parse()
 */
void records_free(struct records *records)
{
	for (size_t i = 0; i < records->num; i++)
		free(records->r[i].pairs);
	free(records->r);
	free(records->bad);
	*records = (struct records){};
}

/**
 * record_pair() - find a key
 * @r: a record, or NULL
 * @key: the key
 *
 * Return: the pair, or NULL if there is none.
 */
const struct pair *record_pair(const struct record *r, const char *key)
{
	for (size_t i = 0; r && i < r->num; i++)
		if (span_is(r->pairs[i].key, key))
			return &r->pairs[i];
	return NULL;
}

/**
 * record_u64() - the number that a key has
 * @r: a record, or NULL
 * @key: the key
 * @value: the number; unchanged if there is none
 *
 * Return: whether there is one.
 */
bool record_u64(const struct record *r, const char *key, u64 *value)
{
	const struct pair *p = record_pair(r, key);

	return p && span_u64(p->value, value);
}

/**
 * record_or() - the number that a key has, or another one
 * @r: a record, or NULL
 * @key: the key
 * @otherwise: what to take if there is none
 *
 * Return: that number.
 */
u64 record_or(const struct record *r, const char *key, u64 otherwise)
{
	u64 value = otherwise;

	record_u64(r, key, &value);
	return value;
}

/**
 * record_is() - has a key this value?
 * @r: a record, or NULL
 * @key: the key
 * @value: the value
 *
 * Return: whether it is there and has.
 */
bool record_is(const struct record *r, const char *key, const char *value)
{
	const struct pair *p = record_pair(r, key);

	return p && span_is(p->value, value);
}
