/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the administrator sees of who has which VINTF: the file "vintfs" in debugfs, of
 * the first unit.
 */
#ifndef CMDQV_SHOWN_H
#define CMDQV_SHOWN_H

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmdqv_utils.h"

/* What the administrator sees, as records; to be freed. NULL: there is no file. */
static inline char *shown(void)
{
	char *text = NULL;
	size_t len = 0;
	glob_t g;
	FILE *f;

	if (glob("/sys/kernel/debug/iommu/tegra241_cmdqv/*/vintfs", 0, NULL, &g))
		return NULL;
	f = fopen(g.gl_pathv[0], "re");
	globfree(&g);
	if (!f)
		return NULL;
	if (getdelim(&text, &len, 0, f) < 0) {
		free(text);
		text = NULL;
	}
	fclose(f);
	return text;
}

/* @key of VINTF @v there; of the totals if @v is 0. -1: it is not there */
static inline long shown_value(unsigned int v, const char *key)
{
	char *text = shown();
	const char *r = text ? record_find(text, v ? "vintf" : "total") : NULL;
	long value = -1;

	while (r && v && record_value(r, "v") != v) {
		r = record_next(r);
		r = r ? record_find(r, "vintf") : NULL;
	}
	if (r)
		value = record_value(r, key);
	free(text);
	return value;
}

/* How many VINTFs count against the device @bdf */
static inline int shown_of(const char *bdf)
{
	char *text = shown();
	const char *r = text;
	int n = 0;

	for (; r && (r = record_find(r, "vintf")); r = record_next(r))
		n += record_is(r, "device", bdf);
	free(text);
	return n;
}

/* How many count against a user */
static inline int shown_user(unsigned int uid)
{
	char *text = shown();
	const char *r = text;
	int n = 0;

	for (; r && (r = record_find(r, "vintf")); r = record_next(r))
		n += record_value(r, "user") == uid;
	free(text);
	return n;
}

#endif
