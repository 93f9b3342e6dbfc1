/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables for people. Columns are as wide as what is in them, and a column with
 * nothing in it is not there. Where a line has an end, the columns that matter least
 * go until the others fit.
 */
#ifndef CMDQV_TABLE_H
#define CMDQV_TABLE_H

#include "text.h"

/**
 * struct column - a column
 * @title: what is above it
 * @right: its text ends where the column ends
 * @detail: 0: it never goes; else those with more of it go first
 */
struct column {
	const char *title;
	bool right;
	unsigned char detail;
};

/**
 * struct table - a table
 * @columns: its columns
 * @num: how many
 * @width: characters in a line; 0: it has no end
 * @cells: row by row; NULL: nothing
 * @used: how many cells
 * @size: for how many there is room
 */
struct table {
	const struct column *columns;
	size_t num;
	size_t width;
	char **cells;
	size_t used;
	size_t size;
};

void table_cell(struct table *t, struct text *text);
void table_print(struct table *t, struct text *out);

#endif
