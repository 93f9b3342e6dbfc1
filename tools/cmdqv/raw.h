/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files of all units as they are, wherever they come from: the kernel's debugfs,
 * a copy of those directories, or what --dump has written.
 */
#ifndef CMDQV_RAW_H
#define CMDQV_RAW_H

#include "text.h"

/* The files that the driver makes for each unit */
enum raw_kind {
	RAW_UNIT,
	RAW_VINTFS,
	RAW_VCMDQS,
	RAW_SIDS,
	RAW_KINDS,
};

extern const char *const raw_names[RAW_KINDS];

/**
 * struct raw_file - one of them
 * @error: 0, or the errno for which it could not be read; ENOENT: there is none
 * @text: what it holds; with an error, what could be read before
 */
struct raw_file {
	int error;
	struct text text;
};

/**
 * struct raw_unit - those of a unit
 * @name: of its directory: the SMMU's device
 * @file: each of them
 */
struct raw_unit {
	char *name;
	struct raw_file file[RAW_KINDS];
};

/**
 * struct raw - those of all units
 * @path: where they are, or were looked for
 * @live: that is the kernel of this machine
 * @unit: the units, in the order of their names
 * @num: how many
 * @size: for how many there is room
 * @why: why there is none: a message with its remedy; NULL if there are some
 */
struct raw {
	char *path;
	bool live;
	struct raw_unit *unit;
	size_t num;
	size_t size;
	char *why;
};

void raw_read(struct raw *raw, const char *root);
void raw_parse_dump(struct raw *raw, struct span dump);
void raw_print_dump(const struct raw *raw, const char *only, struct text *out);
void raw_free(struct raw *raw);

#endif
