/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a look at the units says in words: what is wrong, what is worth knowing. */
#ifndef CMDQV_FINDINGS_H
#define CMDQV_FINDINGS_H

#include "units.h"

enum finding_level {
	LEVEL_ATTENTION,	/* somebody should do something */
	LEVEL_UNREAD,		/* could not be looked at */
	LEVEL_NOTE,		/* worth knowing */
	LEVELS,
};

/**
 * struct finding - one of them
 * @level: how much it matters
 * @code: what it is, for programs; the man page lists them
 * @unit: of which unit
 * @vintf: of which VINTF; -1: of none
 * @vcmdq: of which VCMDQ; -1: of none
 * @text: in words, with nothing in it that a terminal could mind
 */
struct finding {
	enum finding_level level;
	const char *code;
	const char *unit;
	long long vintf;
	long long vcmdq;
	char *text;
};

/**
 * struct findings - all of them
 * @f: the findings, unit by unit
 * @num: how many
 * @size: for how many there is room
 * @count: how many of each level
 */
struct findings {
	struct finding *f;
	size_t num;
	size_t size;
	size_t count[LEVELS];
};

extern const char *const level_names[LEVELS];

void findings_make(struct findings *findings, const struct look *look,
		   const struct look *before, const struct unit *only, long long vintf);
void findings_free(struct findings *findings);
int findings_status(const struct findings *findings);

#endif
