// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libFuzzer on records. The rules: whatever the files hold, nothing crashes, all that
 * is printed is printable ASCII, JSON is JSON, and the status is one that there is.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../view.h"

/* What libFuzzer calls; the Makefile gives it the name that it has there */
int fuzz_one(const uint8_t *data, size_t size);

#define RULE(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "rule broken: %s\n", #cond);	\
			abort();					\
		}							\
	} while (0)

static void rule_printable(const struct text *t)
{
	for (size_t i = 0; i < t->len; i++)
		RULE(t->s[i] == '\n' || (t->s[i] >= ' ' && t->s[i] <= '~'));
}

/* A reader of JSON that takes nothing but JSON: behind the value, or NULL */
static const char *json_value(const char *s);

static const char *blanks(const char *s)
{
	return s ? s + strspn(s, "\n ") : NULL;
}

static const char *json_text(const char *s)
{
	if (*s++ != '"')
		return NULL;
	for (; *s != '"'; s++) {
		if (*s < ' ' || *s > '~')
			return NULL;
		if (*s == '\\' && !strchr("\"\\/bfnrt", *++s))
			return NULL;
	}
	return s + 1;
}

static const char *json_digits(const char *s)
{
	size_t n = strspn(s, "0123456789");

	if (!n || (n > 1 && *s == '0'))
		return NULL;
	s += n;
	if (*s != '.')
		return s;
	n = strspn(s + 1, "0123456789");
	return n ? s + 1 + n : NULL;
}

static const char *json_items(const char *s, char close, int keys)
{
	s = blanks(s + 1);
	if (*s == close)
		return s + 1;
	for (;;) {
		if (keys) {
			s = blanks(json_text(s));
			if (!s || *s++ != ':')
				return NULL;
		}
		s = blanks(json_value(blanks(s)));
		if (!s)
			return NULL;
		if (*s == close)
			return s + 1;
		if (*s != ',')
			return NULL;
		s = blanks(s + 1);
	}
}

static const char *json_value(const char *s)
{
	static const char *const words[] = { "null", "true", "false" };

	if (*s == '{')
		return json_items(s, '}', 1);
	if (*s == '[')
		return json_items(s, ']', 0);
	if (*s == '"')
		return json_text(s);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strncmp(s, words[i], strlen(words[i])))
			return s + strlen(words[i]);
	return json_digits(s);
}

static void rule_json(const struct text *t)
{
	const char *end = blanks(json_value(t->s));

	RULE(end && !*end);
}

static void print_all(struct look *look, struct look *before, long long vintf)
{
	struct findings findings;
	struct view v = {
		.look = look, .before = before, .findings = &findings,
		.vintf = vintf, .watch = before,
	};
	int status;

	findings_make(&findings, look, before, NULL, vintf);
	status = findings_status(&findings);
	RULE(status >= 0 && status <= 2);
	for (int i = 0; i < 2; i++) {
		struct text out = {};

		v.brief = i;
		v.width = i ? 0 : 80;
		show(&v, &out);
		rule_printable(&out);
		text_free(&out);
		export(&v, &out);
		rule_printable(&out);
		rule_json(&out);
		text_free(&out);
	}
	findings_free(&findings);
}

/* The first half is how all was before the second */
int fuzz_one(const uint8_t *data, size_t size)
{
	struct span half[] = {
		{ (const char *)data, size / 2 },
		{ (const char *)data + size / 2, size - size / 2 },
	};
	struct look looks[2] = {};
	struct text out = {};

	for (int i = 0; i < 2; i++) {
		struct raw *raw = &looks[i].raw;

		raw->path = copy_string("fuzz", 4);
		raw_parse_dump(raw, half[i]);
		/* And as a file by itself, with all that may be in one */
		if (raw->num)
			text_add(&raw->unit[0].file[RAW_VCMDQS].text, half[i].s, half[i].len);
		looks[i].time = i + 1;
		look_make(&looks[i]);
	}
	print_all(&looks[0], NULL, -1);
	print_all(&looks[1], &looks[0], 1);
	raw_print_dump(&looks[1].raw, NULL, &out);
	for (size_t i = 0; i < out.len; i++)
		RULE(out.s[i] == '\n' || out.s[i] == '\t' ||
		     (out.s[i] >= ' ' && out.s[i] <= '~'));
	text_free(&out);
	look_free(&looks[0]);
	look_free(&looks[1]);
	return 0;
}
