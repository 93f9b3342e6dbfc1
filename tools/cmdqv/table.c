// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "table.h"

/**
 * table_cell() - fill the next cell, row by row
 * @t: the table
 * @text: what is in it, printable; empty: nothing. It becomes the table's.
 */
void table_cell(struct table *t, struct text *text)
{
	t->cells = grow(t->cells, t->used, &t->size, sizeof(*t->cells));
	t->cells[t->used++] = text->s;
	*text = (struct text){};
}

static size_t width(const struct table *t, size_t column)
{
	size_t widest = 0, title = strlen(t->columns[column].title);

	for (size_t i = column; i < t->used; i += t->num) {
		size_t len = t->cells[i] ? strlen(t->cells[i]) : 0;

		if (len > widest)
			widest = len;
	}
	return !widest || widest > title ? widest : title;
}

/* Columns without a width are not there */
static void fit(const struct table *t, size_t *widths)
{
	for (;;) {
		size_t total = 0, least = t->num;
		unsigned char detail = 0;

		for (size_t c = 0; c < t->num; c++) {
			if (!widths[c])
				continue;
			total += 2 + widths[c];
			if (t->columns[c].detail > detail) {
				detail = t->columns[c].detail;
				least = c;
			}
		}
		if (!t->width || total <= t->width || least == t->num)
			return;
		widths[least] = 0;
	}
}

static void pad(struct text *out, size_t n)
{
	while (n--)
		text_puts(out, " ");
}

/* Blanks are only put before something: no line ends in them */
static void print_row(const struct table *t, const size_t *widths, char *const *cells,
		      struct text *out)
{
	size_t gap = 0;

	for (size_t c = 0; c < t->num; c++) {
		const char *s = cells ? cells[c] ?: "-" : t->columns[c].title;
		size_t blank;

		if (!widths[c])
			continue;
		blank = widths[c] - strlen(s);
		pad(out, 2 + gap + (t->columns[c].right ? blank : 0));
		text_puts(out, s);
		gap = t->columns[c].right ? 0 : blank;
	}
	text_puts(out, "\n");
}

/**
 * table_print() - print a table, and forget what is in it
 * @t: the table; nothing is printed of one without rows
 * @out: where to
 */
void table_print(struct table *t, struct text *out)
{
	size_t *widths = allocate(t->num, sizeof(*widths));

	for (size_t c = 0; c < t->num; c++)
		widths[c] = width(t, c);
	fit(t, widths);
	if (t->used)
		print_row(t, widths, NULL, out);
	for (size_t i = 0; i + t->num <= t->used; i += t->num)
		print_row(t, widths, t->cells + i, out);
	for (size_t i = 0; i < t->used; i++)
		free(t->cells[i]);
	free(t->cells);
	free(widths);
	t->cells = NULL;
	t->used = 0;
	t->size = 0;
}
