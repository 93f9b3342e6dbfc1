// SPDX-License-Identifier: GPL-2.0-or-later
/* The game's input, clock and registers */
#include "world.h"

bool over(const struct game *g)
{
	return g->data == g->end;
}

uint32_t u8(struct game *g)
{
	return over(g) ? 0 : *g->data++;
}

uint32_t u32(struct game *g)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < 4; i++)
		value = value << 8 | u8(g);
	return value;
}

uint64_t ring_pa(unsigned int q)
{
	return 0x90000000ull + 0x1000ull * q;
}

void pass(struct game *g, uint64_t ns)
{
	uint64_t end = g->now + ns;

	while (g->timer <= end) {
		g->now = g->timer > g->now ? g->timer : g->now;
		g->timer = UINT64_MAX;
		cmdqv_process(g->c);
	}
	g->now = end;
}

uint32_t rd(struct game *g, uint64_t offset)
{
	uint64_t value;

	cmdqv_read(g->c, offset, 4, &value);
	return (uint32_t)value;
}

void wr(struct game *g, uint64_t offset, uint32_t value)
{
	cmdqv_write(g->c, offset, 4, value);
}
