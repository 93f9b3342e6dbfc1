// SPDX-License-Identifier: GPL-2.0-or-later
/* The machines: what they do with their queues and their window */
#include <stdlib.h>
#include <string.h>

#include "world.h"

static uint64_t some_command(struct game *g, const struct machine *m)
{
	static const uint8_t ops[] = {
		CMD_TLBI_NH_ASID, CMD_TLBI_NH_VA, CMD_ATC_INV, CMD_SYNC,
		CMD_TLBI_NH_VA, CMD_ATC_INV, CMD_SYNC, CMD_SYNC,
	};
	uint32_t kind = u8(g);
	uint64_t high = u32(g);
	uint64_t low = u32(g);

	if (kind < 0xc0)
		low = (low & ~0xffull) | ops[kind & 7];
	/* often a StreamID that is there, else it is hardly ever hit */
	if ((low & 0xff) == CMD_ATC_INV && (kind & 0x30) &&
	    m->sid[high % NUM_SIDS].used)
		high = m->sid[high % NUM_SIDS].virt |
		       (kind & 0x40 ? 1u << 20 : 0);	/* or nearly that */
	/* plain ones now and then: they go through */
	if ((kind & 0x08) && kind < 0xc0)
		low &= 0xff;
	return high << 32 | low;
}

static void write_ring(struct game *g, unsigned int v)
{
	struct machine *m = &g->machine[v];
	unsigned int l, q, index;
	uint64_t word[2];

	if (!m->num_queues)
		return;
	l = u8(g) % m->num_queues;
	q = m->queue[l];
	index = u8(g) % RING_ENTRIES;
	word[0] = some_command(g, m);
	word[1] = u32(g);
	memcpy(g->queue[q].ring + 16 * index, word, sizeof(word));
}

/* A well-behaved machine: a command at PROD, PROD moved, errors skipped */
void issue_to(struct game *g, unsigned int v, unsigned int l,
		     uint64_t word0, uint64_t word1)
{
	static const uint64_t sync[2] = { CMD_SYNC, 0 };
	unsigned int q = g->machine[v].queue[l];
	uint32_t mask = (2u << g->queue[q].log2size) - 1;
	uint64_t word[2] = { word0, word1 };
	uint32_t prod;

	wr(g, LOGICAL0(v, l) + Q_CONFIG, EN);
	if (rd(g, LOGICAL0(v, l) + Q_GERROR) !=
	    rd(g, LOGICAL0(v, l) + Q_GERRORN)) {
		uint32_t cons = rd(g, LOGICAL0(v, l) + Q_CONS);

		memcpy(g->queue[q].ring + 16 * (cons & mask >> 1), sync, 16);
		wr(g, LOGICAL0(v, l) + Q_GERRORN,
		   rd(g, LOGICAL0(v, l) + Q_GERROR));
	}
	prod = rd(g, LOGICAL0(v, l) + Q_PROD);
	memcpy(g->queue[q].ring + 16 * (prod & mask >> 1), word, 16);
	wr(g, LOGICAL0(v, l) + Q_PROD, (prod + 1) & mask);
}

static void issue(struct game *g, unsigned int v)
{
	struct machine *m = &g->machine[v];
	unsigned int l;
	uint64_t word0;

	if (!m->num_queues)
		return;
	l = u8(g) % m->num_queues;
	word0 = some_command(g, m);
	issue_to(g, v, l, word0, u32(g));
}

/* Anywhere in its 64 KiB, mostly where it matters */
static void write_window(struct game *g, unsigned int v)
{
	uint32_t where = u8(g), value = u32(g);
	uint32_t offset = u8(g) << 8 | u8(g);

	if (where & 0x80)
		offset = 0x80 * (where >> 3 & 3) + 4 * (where & 7);
	if (where & 0x40)
		value &= 0x1f;
	cmdqv_write(g->c, 0x30000 + 0x20000 * v + (offset & ~3u),
		    where & 0x20 && !(offset & 4) ? 8 : 4,
		    value | (uint64_t)value << 32);
}

void machine_acts(struct game *g)
{
	unsigned int v = 1 + u8(g) % (NUM_VINTFS - 1);

	/* A page that is not mapped to a machine can't be written by one */
	for (unsigned int i = 1; i < NUM_VINTFS; i++)
		if (g->machine[v].life == FREE)
			v = 1 + v % (NUM_VINTFS - 1);
	if (g->machine[v].life == FREE)
		return;
	switch (u8(g) % 4) {
	case 0:
		write_window(g, v);
		break;
	case 1:
		write_ring(g, v);
		break;
	default:
		issue(g, v);
		break;
	}
}

void race(struct game *g)
{
	while (!over(g) && (u8(g) & 7) == 0)
		machine_acts(g);
}
