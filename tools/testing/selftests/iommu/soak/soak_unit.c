// SPDX-License-Identifier: GPL-2.0-or-later
/* The unit and the oracle, looked at while VMs run and afterwards */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "soak.h"

#define MAX_VCMDQS	128u
#define MAX_VINTFS	64u

void soak_unit_delays(struct soak *soak, u64 *rng)
{
	static const unsigned int ns[] = { 0, 0, 1000, 20000, 200000 };
	static const unsigned int steps[] = { 1, 64, 256, 1024, 1024 };

	observer_run(oracle_lock(&soak->oracle),
		     "delay enable_ns=%u disable_ns=%u command_ns=%u step=%u",
		     ns[soak_below(rng, 5)], ns[soak_below(rng, 5)],
		     soak_below(rng, 4) ? 0 : soak_below(rng, 20000),
		     steps[soak_below(rng, 5)]);
	oracle_unlock(&soak->oracle);
}

void soak_unit_no_delays(struct soak *soak)
{
	observer_run(oracle_lock(&soak->oracle),
		     "delay enable_ns=0 disable_ns=0 command_ns=0 step=64");
	oracle_unlock(&soak->oracle);
}

void soak_unit_look(struct soak *soak, struct soak_unit *unit)
{
	static bool seen[MAX_VCMDQS];
	bool vintf[MAX_VINTFS] = {};
	unsigned int vcmdqs = 0, vintfs = 0, q, v;
	const char *r;

	r = observer_run(oracle_lock(&soak->oracle), "state");
	if (r)
		unit->vcmdqs = record_value(record_next(r), "vcmdqs");
	for (; r && (r = record_find(r, "vcmdq")); r = record_next(r)) {
		q = record_value(r, "q");
		v = record_value(r, "vintf");
		if (!record_value(r, "allocated") || q >= MAX_VCMDQS ||
		    v >= MAX_VINTFS)
			continue;
		unit->used += !seen[q];
		seen[q] = true;
		vcmdqs++;
		vintfs += v && !vintf[v];
		vintf[v] = true;
	}
	oracle_unlock(&soak->oracle);
	if (vcmdqs > unit->most_vcmdqs)
		unit->most_vcmdqs = vcmdqs;
	if (vintfs > unit->most_vintfs)
		unit->most_vintfs = vintfs;
}

/*
 * A guest alone can put PROD too far ahead, and enable a queue again between the
 * driver's disabling it and taking it out of the VM, which the driver then has to stop
 * by itself.
 */
u64 soak_unit_violations(struct soak *soak)
{
	u64 n = 0;
	const char *r;

	r = observer_run(oracle_lock(&soak->oracle), "counters");
	for (; r && (r = record_find(r, "violation")); r = record_next(r)) {
		ksft_print_msg("%.*s\n", (int)strcspn(r, "\n"), r);
		if (!record_is(r, "name", "prod_overrun") &&
		    !record_is(r, "name", "unmap_enabled"))
			n += record_value(r, "count");
	}
	oracle_unlock(&soak->oracle);
	return n;
}

bool soak_unit_empty(struct soak *soak)
{
	struct observer *unit = oracle_lock(&soak->oracle);
	bool empty = false;
	char *state = NULL;
	int i;

	for (i = 0; i < 50 && !empty; i++) {
		free(state);
		state = observer_guest_state(unit);
		empty = state && !*state;
		if (!empty)
			usleep(100000);
	}
	if (!empty)
		ksft_print_msg("left over: %s\n", state ? state : "?");
	free(state);
	oracle_unlock(&soak->oracle);
	return empty;
}

bool soak_unit_consistent(struct soak *soak)
{
	const char *r = observer_run(oracle_lock(&soak->oracle), "check");
	bool ok;

	r = r ? record_find(r, "check") : NULL;
	ok = r && record_value(r, "ok") == 1;
	if (!ok)
		ksft_print_msg("%s\n", r ? r : "no answer");
	oracle_unlock(&soak->oracle);
	return ok;
}

void soak_print_oracle(struct soak *soak)
{
	const char *r = observer_run(oracle_lock(&soak->oracle), "oracle");

	for (; r; r = record_next(r))
		if (!strncmp(r, "oracle", 6))
			ksft_print_msg("%.*s\n", (int)strcspn(r, "\n"), r);
	oracle_unlock(&soak->oracle);
}
