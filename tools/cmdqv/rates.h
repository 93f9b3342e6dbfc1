/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What has changed from one look to the next, by second. */
#ifndef CMDQV_RATES_H
#define CMDQV_RATES_H

#include "units.h"

/**
 * struct before - an earlier look, as far as one unit is concerned
 * @unit: the unit as it was; NULL: nobody has looked
 * @seconds: how long ago, more than 0 if there is a unit
 */
struct before {
	const struct unit *unit;
	double seconds;
};

struct before before_of(const struct look *look, const struct look *before,
			const char *name);

bool rate_of(const struct before *b, const struct record *then,
	     const struct record *now, const char *key, double *rate);
bool rate_vintf(const struct before *b, const struct record *now, const char *key,
		double *rate);
bool rate_vcmdq(const struct before *b, const struct record *now, double *rate);
bool rate_vintf_commands(const struct before *b, const struct unit *u,
			 const struct record *vintf, double *rate);

#endif
