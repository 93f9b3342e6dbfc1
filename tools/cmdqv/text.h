/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text that grows, and pieces of text that something else owns.
 *
 * Whoever runs out of memory here ends with status 2: a tool that cannot even hold
 * what it read has nothing to say.
 */
#ifndef CMDQV_TEXT_H
#define CMDQV_TEXT_H

#include <stdarg.h>

#include "types.h"

/**
 * struct text - text that grows
 * @s: NUL-terminated; NULL as long as nothing was added
 * @len: bytes of it, without the NUL
 * @size: bytes that there is room for
 */
struct text {
	char *s;
	size_t len;
	size_t size;
};

/**
 * struct span - a piece of text
 * @s: where it starts; not NUL-terminated, and any byte may be in it
 * @len: bytes of it
 */
struct span {
	const char *s;
	size_t len;
};

void text_add(struct text *t, const char *s, size_t len);
void text_puts(struct text *t, const char *s);
__printf(2, 0) void text_vprintf(struct text *t, const char *fmt, va_list ap);
__printf(2, 3) void text_printf(struct text *t, const char *fmt, ...);
void text_span(struct text *t, struct span span);
void text_free(struct text *t);

bool span_is(struct span span, const char *s);
bool span_equal(struct span a, struct span b);
bool span_line(struct span *text, struct span *line);
bool span_u64(struct span span, u64 *value);
struct span span_of(const char *s);

void *allocate(size_t num, size_t each);
void *grow(void *array, size_t num, size_t *size, size_t each);
char *copy_string(const char *s, size_t len);
__printf(1, 2) char *format_string(const char *fmt, ...);

#endif
