// SPDX-License-Identifier: GPL-2.0-or-later
#include "rates.h"

/**
 * before_of() - how a unit was before
 * @look: the units now
 * @before: the units then; NULL: nobody has looked
 * @name: which unit
 *
 * Return: that; without a unit if there is nothing to compare to.
 */
struct before before_of(const struct look *look, const struct look *before,
			const char *name)
{
	struct before b = {};

	if (!before || look->time <= before->time)
		return b;
	b.seconds = (look->time - before->time) / 1e9;
	b.unit = look_find(before, name);
	return b;
}

/**
 * rate_of() - by how much a counter goes up
 * @b: how long ago it was
 * @then: the record then, or NULL
 * @now: the record now
 * @key: the counter
 * @rate: by second
 *
 * Return: whether that is known. A counter that is lower now counts something else.
 */
bool rate_of(const struct before *b, const struct record *then,
	     const struct record *now, const char *key, double *rate)
{
	u64 was, is;

	if (!b->unit || !record_u64(then, key, &was) || !record_u64(now, key, &is) ||
	    is < was)
		return false;
	*rate = (is - was) / b->seconds;
	return true;
}

/**
 * rate_vintf() - by how much a counter of a VINTF goes up
 * @b: the unit before
 * @now: the VINTF now
 * @key: the counter
 * @rate: by second
 *
 * Return: whether that is known.
 */
bool rate_vintf(const struct before *b, const struct record *now, const char *key,
		double *rate)
{
	u64 v;

	return record_u64(now, "v", &v) &&
	       rate_of(b, unit_find(b->unit, KIND_VINTF, "v", v), now, key, rate);
}

/**
 * rate_vcmdq() - how many commands a queue takes
 * @b: the unit before
 * @now: the queue now
 * @rate: by second. CONS tells it only up to twice the queue's length: of one that is
 *	faster than that between two looks the rest is lost.
 *
 * Return: whether that is known.
 */
bool rate_vcmdq(const struct before *b, const struct record *now, double *rate)
{
	static const char *const same[] = { "v", "l", "entries", "base" };
	u64 q, entries, was, is, one, other;
	const struct record *then;

	if (!record_u64(now, "q", &q))
		return false;
	then = unit_find(b->unit, KIND_VCMDQ, "q", q);
	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		if (!record_u64(then, same[i], &one) || !record_u64(now, same[i], &other) ||
		    one != other)
			return false;
	entries = record_or(now, "entries", 0);
	if (!queue_entries(entries) ||
	    !record_u64(then, "cons", &was) || !record_u64(now, "cons", &is))
		return false;
	*rate = ((is - was) & (2 * entries - 1)) / b->seconds;
	return true;
}

/**
 * rate_vintf_commands() - how many commands the queues of a VINTF take
 * @b: the unit before
 * @u: the unit now
 * @vintf: the VINTF now
 * @rate: by second, of those queues of which it is known
 *
 * Return: whether it is known of any.
 */
bool rate_vintf_commands(const struct before *b, const struct unit *u,
			 const struct record *vintf, double *rate)
{
	const struct list *queues = &u->list[KIND_VCMDQ];
	bool any = false;
	double one;
	u64 v;

	*rate = 0;
	if (!record_u64(vintf, "v", &v))
		return false;
	for (size_t i = 0; i < queues->num; i++) {
		if (record_or(queues->r[i], "v", ~0ULL) != v ||
		    !rate_vcmdq(b, queues->r[i], &one))
			continue;
		*rate += one;
		any = true;
	}
	return any;
}
