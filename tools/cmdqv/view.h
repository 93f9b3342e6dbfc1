/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is printed of a look: all of it or a part, for people or for programs. */
#ifndef CMDQV_VIEW_H
#define CMDQV_VIEW_H

#include "findings.h"
#include "rates.h"

#define CMDQV_INFO_VERSION	"1.0"

/* Of what is printed for programs; a change that breaks them makes it another number */
#define CMDQV_INFO_FORMAT	1

/**
 * struct view - what to print
 * @look: the units
 * @before: how they were before; NULL: nobody has looked
 * @findings: what there is to say
 * @only: just this unit; NULL: all
 * @vintf: just this VINTF, its queues and its slots; -1: all
 * @watch: the changes by second, too
 * @brief: just the findings
 * @width: characters in a line; 0: it has no end
 */
struct view {
	const struct look *look;
	const struct look *before;
	const struct findings *findings;
	const struct unit *only;
	long long vintf;
	bool watch;
	bool brief;
	size_t width;
};

/* Is it asked for? A record that is of no VINTF always is */
bool view_has(const struct view *v, const struct record *r);

void show(const struct view *v, struct text *out);
void export(const struct view *v, struct text *out);

#endif
