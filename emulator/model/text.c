// SPDX-License-Identifier: GPL-2.0-or-later
/* Text commands and their replies, for whoever answers them */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define TRUNCATED	"truncated\n"

/** cmdqv_say - add to a reply, as printf() */
void cmdqv_say(struct cmdqv_reply *r, const char *format, ...)
{
	size_t room = r->len < r->out_len ? r->out_len - r->len : 0;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(room ? r->out + r->len : NULL, room, format, args);
	va_end(args);
	if (n > 0)
		r->len += (size_t)n;
}

/** cmdqv_say_end - cut what does not fit at the end of a line, and say so */
void cmdqv_say_end(struct cmdqv_reply *r)
{
	size_t mark = sizeof(TRUNCATED);
	size_t end;

	if (r->len < r->out_len || !r->out_len)
		return;
	end = r->out_len > mark ? r->out_len - mark : 0;
	while (end && r->out[end - 1] != '\n')
		end--;
	snprintf(r->out + end, r->out_len - end, "%s", TRUNCATED);
}

/**
 * cmdqv_words - split a command into words
 *
 * Return: false if it has none; one that is too long or has too many words is not
 * understood
 */
bool cmdqv_words(struct cmdqv_words *w, const char *command)
{
	char *p = w->text;

	w->count = 0;
	if (strlen(command) >= sizeof(w->text))
		return false;
	strcpy(w->text, command);
	while (*p) {
		p += strspn(p, " \t\r\n");
		if (!*p)
			break;
		if (w->count == CMDQV_MAX_WORDS)
			return false;
		w->word[w->count++] = p;
		p += strcspn(p, " \t\r\n");
		if (*p)
			*p++ = '\0';
	}
	return w->count > 0;
}

/**
 * cmdqv_parse - a number of digits only, decimal or 0x
 *
 * strtoull() alone would take signs and spaces.
 */
bool cmdqv_parse(const char *text, uint64_t *value)
{
	bool hex = !strncmp(text, "0x", 2);
	const char *digits = hex ? text + 2 : text;
	size_t n = strlen(digits);

	if (!n || n > (hex ? 16 : 19) ||
	    strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789") != n)
		return false;
	*value = strtoull(digits, NULL, hex ? 16 : 10);
	return true;
}

/** cmdqv_parse_key - "key=N" */
bool cmdqv_parse_key(const char *text, const char *key, uint64_t *value)
{
	size_t n = strlen(key);

	return !strncmp(text, key, n) && text[n] == '=' &&
	       cmdqv_parse(text + n + 1, value);
}
