// SPDX-License-Identifier: GPL-2.0-or-later
/* Chance that comes again from the same seed: splitmix64. */
#include "fuzz.h"

u64 fuzz_random64(struct fuzz_random *r)
{
	u64 z = r->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

u32 fuzz_below(struct fuzz_random *r, u32 limit)
{
	return (fuzz_random64(r) >> 32) * limit >> 32;
}
