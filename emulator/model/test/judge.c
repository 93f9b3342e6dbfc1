// SPDX-License-Identifier: GPL-2.0-or-later
/* The bench of the game: it sees all that the unit does, and judges */
#include <stdlib.h>
#include <string.h>

#include "world.h"

static int play_read(void *opaque, uint64_t pa, void *buf, size_t len)
{
	struct game *g = opaque;

	for (unsigned int q = 0; q < NUM_VCMDQS; q++) {
		const struct queue *queue = &g->queue[q];

		if (pa < ring_pa(q) || pa >= ring_pa(q) + sizeof(queue->ring))
			continue;
		if (!queue->pinned)
			BROKEN("I5: read of VCMDQ %u's memory, not in use", q);
		if (pa + len > ring_pa(q) + (16u << queue->log2size))
			BROKEN("I5: read beyond the end of VCMDQ %u", q);
		memcpy(buf, queue->ring + (pa - ring_pa(q)), len);
		memcpy(g->raw, buf, sizeof(g->raw));	/* host is little-endian */
		g->last_pa = pa;
		return 0;
	}
	BROKEN("I5: read at 0x%" PRIx64, pa);
}

static int play_write(void *opaque, uint64_t pa, const void *buf, size_t len)
{
	(void)opaque;
	(void)buf;
	BROKEN("I5: %zu bytes written at 0x%" PRIx64, len, pa);
}

static void judge_atc_inv(const struct machine *m, uint64_t raw, uint64_t cmd)
{
	uint32_t virt = (uint32_t)(raw >> 32), phys = (uint32_t)(cmd >> 32);

	if ((uint32_t)raw != (uint32_t)cmd)
		BROKEN("ATC_INV was changed");
	for (unsigned int s = 0; s < NUM_SIDS; s++)
		if (m->sid[s].used && m->sid[s].virt == virt &&
		    m->sid[s].phys == phys)
			return;
	BROKEN("I3: ATC_INV for 0x%x became 0x%x", virt, phys);
}

static void judge(struct game *g, const uint64_t cmd[2],
		  const struct cmdqv_origin *o)
{
	const struct machine *m = &g->machine[o->vintf];
	const uint64_t vmid_mask = 0xffffull << 32;

	if (o->vintf >= NUM_VINTFS || o->vcmdq >= NUM_VCMDQS)
		BROKEN("I4: command of VINTF %u, VCMDQ %u", o->vintf, o->vcmdq);
	if (g->queue[o->vcmdq].machine != o->vintf)
		BROKEN("I4: VCMDQ %u ran for VINTF %u, is %d's", o->vcmdq,
		       o->vintf, g->queue[o->vcmdq].machine);
	if (g->last_pa < ring_pa(o->vcmdq) ||
	    g->last_pa >= ring_pa(o->vcmdq + 1u))
		BROKEN("I5: VCMDQ %u executed what it didn't read", o->vcmdq);
	if (o->vintf == 0) {
		if (!o->hyp_own || cmd[0] != g->raw[0] || cmd[1] != g->raw[1])
			BROKEN("host's command was changed");
		return;
	}
	if (o->hyp_own)
		BROKEN("I1: HYP_OWN for VINTF %u", o->vintf);
	if (m->life != ALIVE)
		BROKEN("I7: command of VINTF %u, which is %s", o->vintf,
		       m->life == FREE ? "free" : "fenced");
	switch (cmd[0] & 0xff) {
	case CMD_TLBI_NH_ASID:
	case CMD_TLBI_NH_VA:
		if ((cmd[0] & vmid_mask) >> 32 != m->vmid)
			BROKEN("I2: VMID %u, is %u", (unsigned int)
			       (cmd[0] >> 32 & 0xffff), m->vmid);
		if ((cmd[0] ^ g->raw[0]) & ~vmid_mask || cmd[1] != g->raw[1])
			BROKEN("TLBI was changed");
		break;
	case CMD_ATC_INV:
		judge_atc_inv(m, g->raw[0], cmd[0]);
		if (cmd[1] != g->raw[1])
			BROKEN("ATC_INV was changed");
		break;
	case CMD_SYNC:
		if (cmd[0] != CMD_SYNC || cmd[1])
			BROKEN("I5: CMD_SYNC with fields");
		break;
	default:
		BROKEN("I1: opcode 0x%02x", (unsigned int)(cmd[0] & 0xff));
	}
	g->stats->executed++;
}

static enum cmdqv_cerror play_execute(void *opaque, const uint64_t cmd[2],
				      const struct cmdqv_origin *o)
{
	struct game *g = opaque;
	enum cmdqv_cerror fail = g->fail;

	judge(g, cmd, o);
	g->fail = CMDQV_CERROR_NONE;
	return fail;
}

static void play_irq(void *opaque)
{
	(void)opaque;
}

static uint64_t play_now(void *opaque)
{
	return ((struct game *)opaque)->now;
}

static void play_schedule(void *opaque, uint64_t delay_ns)
{
	struct game *g = opaque;

	g->timer = g->now + delay_ns;
}

const struct cmdqv_bench play_bench = {
	.read_mem = play_read,
	.write_mem = play_write,
	.execute = play_execute,
	.irq_edge = play_irq,
	.now_ns = play_now,
	.schedule = play_schedule,
};

void expect_scrubbed_vintf(struct game *g, unsigned int v)
{
	if (rd(g, VINTF(v) + V_CONFIG))
		BROKEN("I7: VINTF %u keeps CONFIG 0x%x", v,
		       rd(g, VINTF(v) + V_CONFIG));
	if (rd(g, VINTF(v) + V_STATUS))
		BROKEN("I7: VINTF %u keeps STATUS 0x%x", v,
		       rd(g, VINTF(v) + V_STATUS));
	for (uint32_t s = 0; s < NUM_SIDS; s++)
		if (rd(g, VINTF(v) + V_SID_MATCH(s)) ||
		    rd(g, VINTF(v) + V_SID_REPLACE(s)))
			BROKEN("I7: VINTF %u keeps SID slot %u", v, s);
	for (uint32_t off = 0; off < 0x80 * NUM_VCMDQS; off += 4)
		if (rd(g, LOGICAL0(v, 0) + off) || rd(g, LOGICAL1(v, 0) + off))
			BROKEN("I7: VINTF %u's window is not empty", v);
}

void expect_scrubbed_queue(struct game *g, unsigned int q)
{
	static const uint32_t regs[] = {
		DIRECT0(0) + Q_CONS, DIRECT0(0) + Q_PROD,
		DIRECT0(0) + Q_CONFIG, DIRECT0(0) + Q_STATUS,
		DIRECT1(0), DIRECT1(0) + 4, DIRECT1(0) + 8, DIRECT1(0) + 12,
	};

	for (size_t i = 0; i < sizeof(regs) / sizeof(*regs); i++)
		if (rd(g, regs[i] + 0x80 * q))
			BROKEN("I7: VCMDQ %u keeps 0x%x at 0x%x", q,
			       rd(g, regs[i] + 0x80 * q), regs[i]);
	if (rd(g, DIRECT0(q) + Q_GERROR) != rd(g, DIRECT0(q) + Q_GERRORN))
		BROKEN("I7: VCMDQ %u keeps an error", q);
	if (rd(g, ALLOC_MAP(q)) & ALLOCATED)
		BROKEN("I4: VCMDQ %u is still mapped", q);
}

/* Those that a machine can bring about, or that fencing looks like */
static bool is_excused(enum cmdqv_violation v)
{
	return v == CMDQV_V_UNMAP_ENABLED || v == CMDQV_V_ENABLE_BAD_BASE ||
	       v == CMDQV_V_PROD_OVERRUN || v == CMDQV_V_VINTF_DISABLED_BUSY;
}

void judge_model(struct game *g)
{
	const struct cmdqv_counters *n = cmdqv_counters(g->c);
	const char *what = cmdqv_check(g->c);

	if (what)
		BROKEN("cmdqv_check: %s", what);
	for (unsigned int i = 0; i < CMDQV_VIOLATIONS; i++)
		if (n->violations[i] && !is_excused((enum cmdqv_violation)i))
			BROKEN("violation %s by a host that keeps the rules",
			       cmdqv_violation_name((enum cmdqv_violation)i));
}
