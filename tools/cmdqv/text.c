// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static void *check(void *p)
{
	if (!p) {
		fputs("cmdqv-info: out of memory\n", stderr);
		exit(2);
	}
	return p;
}

/**
 * allocate() - memory that is all zero
 * @num: for how many elements
 * @each: bytes of one
 *
 * Return: the memory, to be freed.
 */
void *allocate(size_t num, size_t each)
{
	return check(calloc(num ?: 1, each));
}

/**
 * grow() - make room for one more element
 * @array: the elements, or NULL
 * @num: how many there are
 * @size: for how many there is room; updated
 * @each: bytes of one
 *
 * Return: the elements, moved if need be.
 */
void *grow(void *array, size_t num, size_t *size, size_t each)
{
	if (num < *size)
		return array;
	if (*size > SIZE_MAX / each / 2)
		check(NULL);
	*size = *size ? *size * 2 : 8;
	return check(realloc(array, *size * each));
}

/**
 * copy_string() - a copy of some bytes, as a string
 * @s: the bytes
 * @len: how many
 *
 * Return: the string, to be freed.
 */
char *copy_string(const char *s, size_t len)
{
	char *copy = check(malloc(len + 1));

	if (len)
		memcpy(copy, s, len);
	copy[len] = 0;
	return copy;
}

static void reserve(struct text *t, size_t more)
{
	if (more > SIZE_MAX / 2 - t->len - 1)
		check(NULL);
	if (t->len + more < t->size)
		return;
	t->size = (t->len + more + 1) * 2;
	t->s = check(realloc(t->s, t->size));
}

/**
 * text_add() - add bytes as they are
 * @t: where to
 * @s: the bytes
 * @len: how many
 */
void text_add(struct text *t, const char *s, size_t len)
{
	reserve(t, len);
	if (len)
		memcpy(t->s + t->len, s, len);
	t->len += len;
	t->s[t->len] = 0;
}

/**
 * text_puts() - add a string as it is
 * @t: where to
 * @s: the string
 */
void text_puts(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

/**
 * text_vprintf() - add what vprintf() would print
 * @t: where to
 * @fmt: as for printf(); what comes from records goes through text_span() instead
 * @ap: what @fmt asks for
 */
void text_vprintf(struct text *t, const char *fmt, va_list ap)
{
	va_list again;
	int len;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len < 0)
		check(NULL);
	reserve(t, len);
	vsnprintf(t->s + t->len, (size_t)len + 1, fmt, ap);
	t->len += len;
}

/**
 * text_printf() - add what printf() would print
 * @t: where to
 * @fmt: as for printf(); what comes from records goes through text_span() instead
 */
void text_printf(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_vprintf(t, fmt, ap);
	va_end(ap);
}

/**
 * format_string() - what printf() would print, as a string
 * @fmt: as for printf()
 *
 * Return: the string, to be freed.
 */
char *format_string(const char *fmt, ...)
{
	struct text t = {};
	va_list ap;

	va_start(ap, fmt);
	text_vprintf(&t, fmt, ap);
	va_end(ap);
	return t.s;
}

/**
 * text_span() - add what came from somewhere else
 * @t: where to
 * @span: any bytes
 *
 * Printable ASCII stays, but a backslash is doubled; every other byte becomes \xNN.
 * So no terminal is told anything, no table gets out of line, and the bytes can be
 * had back.
 */
void text_span(struct text *t, struct span span)
{
	for (size_t i = 0; i < span.len; i++) {
		unsigned char c = span.s[i];

		if (c == '\\')
			text_puts(t, "\\\\");
		else if (c >= ' ' && c <= '~')
			text_add(t, span.s + i, 1);
		else
			text_printf(t, "\\x%02x", c);
	}
}

/**
 * text_free() - give the memory back
 * @t: the text; empty afterwards
 */
void text_free(struct text *t)
{
	free(t->s);
	*t = (struct text){};
}

/**
 * span_of() - a string as a span
 * @s: the string, which has to outlive it
 *
 * Return: all of @s.
 */
struct span span_of(const char *s)
{
	return (struct span){ s, strlen(s) };
}

/**
 * span_equal() - are these the same bytes?
 * @a: a span
 * @b: another
 *
 * Return: whether they are.
 */
bool span_equal(struct span a, struct span b)
{
	return a.len == b.len && (!a.len || !memcmp(a.s, b.s, a.len));
}

/**
 * span_is() - is it this string?
 * @span: a span
 * @s: a string
 *
 * Return: whether it is.
 */
bool span_is(struct span span, const char *s)
{
	return span_equal(span, span_of(s));
}

/**
 * span_line() - take the first line
 * @text: all that is left, not empty; becomes what is behind the line
 * @line: the line, without its end
 *
 * Return: whether the line has an end.
 */
bool span_line(struct span *text, struct span *line)
{
	const char *end = memchr(text->s, '\n', text->len);
	size_t taken;

	*line = (struct span){ text->s, end ? (size_t)(end - text->s) : text->len };
	taken = line->len + !!end;
	text->s += taken;
	text->len -= taken;
	return end;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/**
 * span_u64() - a number
 * @span: decimal digits, or 0x and hexadecimal ones, and nothing else
 * @value: what they mean; unchanged if it is no number
 *
 * Return: whether it is a number of at most 64 bits.
 */
bool span_u64(struct span span, u64 *value)
{
	int base = 10, d;
	u64 v = 0;

	if (span.len > 2 && span.s[0] == '0' && (span.s[1] | 0x20) == 'x') {
		base = 16;
		span.s += 2;
		span.len -= 2;
	}
	if (!span.len)
		return false;
	for (size_t i = 0; i < span.len; i++) {
		d = digit(span.s[i]);
		if (d >= base || v > (~0ULL - d) / base)
			return false;
		v = v * base + d;
	}
	*value = v;
	return true;
}
