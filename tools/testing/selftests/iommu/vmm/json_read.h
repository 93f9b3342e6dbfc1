/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values of a JSON document by their paths, for tests that look at a few of them:
 * "units.0.vintfs.1.vmid" is a key, an index, a key and so on. Keys have no dots.
 */
#ifndef JSON_READ_H
#define JSON_READ_H

#include <stdlib.h>
#include <string.h>

#include "types.h"

static inline const char *json_blanks(const char *s)
{
	return s ? s + strspn(s, " \t\r\n") : NULL;
}

/* Behind the string at @s; NULL: there is none */
static inline const char *json_string_end(const char *s)
{
	if (*s++ != '"')
		return NULL;
	for (; *s && *s != '"'; s++) {
		if (*s == '\\' && !*++s)
			return NULL;
	}
	return *s ? s + 1 : NULL;
}

/* Behind the value at @s, whatever it is; NULL: there is none */
static inline const char *json_end(const char *s)
{
	size_t depth = 0;

	do {
		s = json_blanks(s);
		if (!*s)
			return NULL;
		if (*s == '{' || *s == '[') {
			depth++;
			s++;
		} else if (*s == '}' || *s == ']') {
			if (!depth--)
				return NULL;
			s++;
		} else if (*s == '"') {
			s = json_string_end(s);
			if (!s)
				return NULL;
		} else if (depth && (*s == ',' || *s == ':')) {
			s++;
		} else {
			size_t len = strcspn(s, " \t\r\n,:{}[]\"");

			if (!len)
				return NULL;
			s += len;
		}
	} while (depth);
	return s;
}

/* The member of the object, or the element of the list, at @s that @name names */
static inline const char *json_member(const char *s, const char *name, size_t len)
{
	bool list = *s == '[';
	size_t index = list ? strtoul(name, NULL, 10) : 0;
	const char *key;

	if (!list && *s != '{')
		return NULL;
	for (s = json_blanks(s + 1); s && *s && *s != '}' && *s != ']';
	     s = json_blanks(s)) {
		if (list) {
			if (!index--)
				return s;
		} else {
			key = s;
			s = json_blanks(json_string_end(s));
			if (!s || *s != ':')
				return NULL;
			s = json_blanks(s + 1);
			if (!strncmp(key + 1, name, len) && key[1 + len] == '"')
				return s;
		}
		s = json_blanks(json_end(s));
		if (s && *s == ',')
			s++;
	}
	return NULL;
}

/* The value at @path in the document @s; NULL: there is none */
static inline const char *json_get(const char *s, const char *path)
{
	s = json_blanks(s);
	while (s && *path) {
		size_t len = strcspn(path, ".");

		s = json_member(s, path, len);
		path += len + (path[len] == '.');
	}
	return s;
}

/* The number there, also one that is a hexadecimal string; ~0: there is none */
static inline u64 json_number(const char *s, const char *path)
{
	char *end;
	u64 value;

	s = json_get(s, path);
	if (!s)
		return ~0ULL;
	if (*s == '"')
		s++;
	value = strtoull(s, &end, 0);
	return end == s ? ~0ULL : value;
}

/* Is it just that text: true, null, 5, "running" with its quotes? */
static inline bool json_is(const char *s, const char *path, const char *text)
{
	s = json_get(s, path);
	return s && json_end(s) == s + strlen(text) &&
	       !strncmp(s, text, strlen(text));
}

#endif
