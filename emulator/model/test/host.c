// SPDX-License-Identifier: GPL-2.0-or-later
/* The host: it keeps the rules of hardware.md §7, §9, §12 and §14 */
#include <stdlib.h>
#include <string.h>

#include "world.h"

static bool wait_status(struct game *g, uint32_t status, uint32_t en)
{
	for (unsigned int i = 0; i < 12; i++) {
		if ((rd(g, status) & EN) == en)
			return true;
		pass(g, 1000);
		race(g);
	}
	return (rd(g, status) & EN) == en;
}

static bool vmid_used(const struct game *g, unsigned int vmid)
{
	for (unsigned int v = 1; v < NUM_VINTFS; v++)
		if (g->machine[v].life != FREE && g->machine[v].vmid == vmid)
			return true;
	return false;
}

static bool vintf_off(struct game *g, unsigned int v)
{
	struct machine *m = &g->machine[v];

	/* VMID and HYP_OWN stay as long as a queue might still run */
	wr(g, VINTF(v) + V_CONFIG, VMID(m->vmid));
	race(g);
	if (!wait_status(g, VINTF(v) + V_STATUS, 0))
		return false;
	m->life = FENCED;
	return true;
}

static void scrub_queue(struct game *g, unsigned int q)
{
	wr(g, DIRECT0(q) + Q_PROD, 0);
	wr(g, DIRECT0(q) + Q_CONS, 0);
	cmdqv_write(g->c, DIRECT1(q) + Q_BASE, 8, 0);
	cmdqv_write(g->c, DIRECT1(q) + Q_CONS_INDX_BASE, 8, 0);
	wr(g, DIRECT0(q) + Q_GERRORN, rd(g, DIRECT0(q) + Q_GERROR));
}

static void make_machine(struct game *g)
{
	unsigned int v = 1 + u8(g) % (NUM_VINTFS - 1), vmid = 1;
	struct machine *m = &g->machine[v];

	if (m->life != FREE)
		return;
	while (vmid_used(g, vmid))
		if (++vmid > NUM_VMIDS)
			return;
	*m = (struct machine){ .life = ALIVE, .vmid = vmid };
	wr(g, VINTF(v) + V_CONFIG, VMID(vmid));
	wr(g, VINTF(v) + V_CONFIG, VMID(vmid) | EN);
	/* What can't be enabled is taken down like any other, later */
	m->zombie = !wait_status(g, VINTF(v) + V_STATUS, EN);
}

static void give_queue(struct game *g)
{
	unsigned int v = 1 + u8(g) % (NUM_VINTFS - 1), q = u8(g) % NUM_VCMDQS;
	struct machine *m = &g->machine[v];
	struct queue *queue = &g->queue[q];

	if (m->life != ALIVE || m->zombie || queue->machine >= 0)
		return;
	queue->machine = (int)v;
	queue->pinned = true;
	queue->log2size = 1 + u8(g) % 4;
	expect_scrubbed_queue(g, q);
	cmdqv_write(g->c, DIRECT1(q) + Q_BASE, 8, ring_pa(q) | queue->log2size);
	race(g);
	wr(g, ALLOC_MAP(q), ALLOC(v, m->num_queues));
	wr(g, ALLOC_MAP(q), ALLOC(v, m->num_queues) | ALLOCATED);
	m->queue[m->num_queues++] = q;
	race(g);
}

/* false: it would not stop. It is unmapped anyway, the VINTF must be fenced */
static bool take_queue(struct game *g, unsigned int v)
{
	struct machine *m = &g->machine[v];
	unsigned int l = m->num_queues - 1, q = m->queue[l];
	bool late;

	/* polite first; the machine may well enable it again */
	wr(g, DIRECT0(q) + Q_CONFIG, 0);
	race(g);
	wait_status(g, DIRECT0(q) + Q_STATUS, 0);
	race(g);
	wr(g, ALLOC_MAP(q), ALLOC(v, l));
	/* now it can't be reached any more: verify */
	g->stats->raced += rd(g, DIRECT0(q) + Q_CONFIG);
	race(g);
	wr(g, DIRECT0(q) + Q_CONFIG, 0);
	if (!wait_status(g, DIRECT0(q) + Q_STATUS, 0))
		return false;
	late = rd(g, DIRECT0(q) + Q_GERROR) == rd(g, DIRECT0(q) + Q_GERRORN);
	cmdqv_smmu_sync(g->c);
	g->stats->late += late && rd(g, DIRECT0(q) + Q_GERROR) !=
				  rd(g, DIRECT0(q) + Q_GERRORN);
	scrub_queue(g, q);
	expect_scrubbed_queue(g, q);
	g->queue[q].pinned = false;
	g->queue[q].machine = -1;
	m->num_queues--;
	return true;
}

void destroy_machine(struct game *g, unsigned int v)
{
	struct machine *m = &g->machine[v];
	bool was_zombie = m->zombie;

	while (m->num_queues) {
		if (take_queue(g, v))
			continue;
		/* It keeps its memory; fence it and try again later */
		m->zombie = true;
		vintf_off(g, v);
		return;
	}
	if (!vintf_off(g, v)) {
		m->zombie = true;
		return;
	}
	for (uint32_t s = 0; s < NUM_SIDS; s++) {
		wr(g, VINTF(v) + V_SID_MATCH(s), 0);
		wr(g, VINTF(v) + V_SID_REPLACE(s), 0);
	}
	wr(g, VINTF(v) + V_CONFIG, 0);
	expect_scrubbed_vintf(g, v);
	*m = (struct machine){ .life = FREE };
	g->stats->destroyed++;
	g->stats->fenced += was_zombie;
}

static void give_sid(struct game *g)
{
	unsigned int v = 1 + u8(g) % (NUM_VINTFS - 1), s = u8(g) % NUM_SIDS;
	struct machine *m = &g->machine[v];
	uint32_t virt = u8(g) & 1 ? u32(g) & 0xfffff : u8(g);

	if (m->life != ALIVE || m->zombie || m->sid[s].used)
		return;
	for (unsigned int i = 0; i < NUM_SIDS; i++)
		if (m->sid[i].used && m->sid[i].virt == virt)
			return;
	m->sid[s].used = true;
	m->sid[s].virt = virt;
	m->sid[s].phys = 0x80000u | (g->next_phys++ & 0x7ffff);
	wr(g, VINTF(v) + V_SID_REPLACE(s), m->sid[s].phys);
	race(g);
	wr(g, VINTF(v) + V_SID_MATCH(s), virt << 1 | EN);
}

static void take_sid(struct game *g)
{
	unsigned int v = 1 + u8(g) % (NUM_VINTFS - 1);
	uint32_t s = u8(g) % NUM_SIDS;
	struct machine *m = &g->machine[v];

	if (m->life == FREE || !m->sid[s].used)
		return;
	wr(g, VINTF(v) + V_SID_MATCH(s), 0);
	m->sid[s].used = false;
	race(g);
	wr(g, VINTF(v) + V_SID_REPLACE(s), 0);
}

static void host_command(struct game *g)
{
	uint32_t prod = rd(g, DIRECT0(0) + Q_PROD);
	uint64_t word[2] = { (uint64_t)u32(g) << 32 | u32(g), u32(g) };

	if (prod - rd(g, DIRECT0(0) + Q_CONS) >= RING_ENTRIES)
		return;
	memcpy(g->queue[0].ring + 16 * (prod & (RING_ENTRIES - 1)), word, 16);
	wr(g, DIRECT0(0) + Q_PROD, (prod + 1) & (2 * RING_ENTRIES - 1));
}

void acknowledge_host(struct game *g)
{
	wr(g, LOGICAL0(0, 0) + Q_GERRORN, rd(g, LOGICAL0(0, 0) + Q_GERROR));
}

/* An ATC_INV that will time out, so that what follows happens more often */
static void issue_slow(struct game *g)
{
	unsigned int v = 1 + u8(g) % (NUM_VINTFS - 1), s = u8(g) % NUM_SIDS;
	struct machine *m = &g->machine[v];

	if (m->life != ALIVE || !m->num_queues || !m->sid[s].used)
		return;
	cmdqv_inject(g->c, CMDQV_FAULT_ATC_TIMEOUT, m->queue[0], 1);
	issue_to(g, v, 0, CMD_ATC_INV | ATC_SID(m->sid[s].virt), 0);
}

/* A queue that won't stop, with work left: its VINTF gets fenced */
static void stick_and_destroy(struct game *g)
{
	unsigned int v = 1 + u8(g) % (NUM_VINTFS - 1);
	struct machine *m = &g->machine[v];

	if (m->life != ALIVE || !m->num_queues)
		return;
	cmdqv_inject(g->c, CMDQV_FAULT_STUCK_DISABLE_VCMDQ, m->queue[0], 1);
	cmdqv_set_delays(g->c, 100, 100, 10000, 1);
	for (unsigned int i = 0; i < 4; i++)
		issue_to(g, v, 0, CMD_TLBI_NH_ASID, 0);
	destroy_machine(g, v);
	pass(g, 50000);
}

static void inject(struct game *g)
{
	static const enum cmdqv_fault faults[] = {
		CMDQV_FAULT_STUCK_ENABLE_VINTF, CMDQV_FAULT_STUCK_DISABLE_VINTF,
		CMDQV_FAULT_STUCK_ENABLE_VCMDQ, CMDQV_FAULT_STUCK_DISABLE_VCMDQ,
		CMDQV_FAULT_FETCH_ABORT, CMDQV_FAULT_ATC_TIMEOUT,
		CMDQV_FAULT_ATC_TIMEOUT, CMDQV_FAULT_ATC_LATE_NS,
	};
	enum cmdqv_fault fault = faults[u8(g) % 8];

	cmdqv_inject(g->c, fault, 1 + u8(g) % (NUM_VCMDQS - 1), u8(g) % 4);
}

void host_acts(struct game *g)
{
	unsigned int v;
	uint64_t delay;

	switch (u8(g) % 16) {
	case 0:
		make_machine(g);
		break;
	case 1: case 2:
		give_queue(g);
		break;
	case 3:
		v = 1 + u8(g) % (NUM_VINTFS - 1);
		if (g->machine[v].life == ALIVE && g->machine[v].num_queues &&
		    !take_queue(g, v)) {
			g->machine[v].zombie = true;
			vintf_off(g, v);
		}
		break;
	case 4: case 5:
		give_sid(g);
		break;
	case 6:
		take_sid(g);
		break;
	case 7:
		v = 1 + u8(g) % (NUM_VINTFS - 1);
		/* once gone it gets busy again only slowly */
		if (g->machine[v].life != FREE && u8(g) < 0x60)
			destroy_machine(g, v);
		break;
	case 8:
		host_command(g);
		break;
	case 9:
		acknowledge_host(g);
		break;
	case 10:
		inject(g);
		break;
	case 11:
		if (u8(g) & 1)
			cmdqv_inject_none(g->c);
		else
			g->fail = (enum cmdqv_cerror)(u8(g) % 5);
		break;
	case 12:
		/* so slow, at times, that work is left when a VINTF is fenced */
		delay = u8(g);
		cmdqv_set_delays(g->c, u8(g) * 10, u8(g) * 10, delay & 3 ?
				 delay & 3 : delay * 200, u8(g) & 7);
		break;
	case 13:
		switch (u8(g) & 3) {
		case 0:
			cmdqv_smmu_sync(g->c);
			break;
		case 1:
			stick_and_destroy(g);
			break;
		default:
			issue_slow(g);
			break;
		}
		break;
	default:
		pass(g, u8(g) * 8);
		break;
	}
}

void set_up(struct game *g)
{
	struct cmdqv_config config;

	cmdqv_config_init(&config);
	config.log2_vintfs = 2;
	config.log2_vcmdqs = 3;
	config.log2_sids = 2;
	config.log_entries = 64;
	config.commands_per_step = 4;
	config.reset_pattern = (uint8_t)(u8(g) % 3);
	config.reset_seed = u32(g);
	g->c = cmdqv_create(&config, &play_bench, g, NULL);
	if (!g->c)
		BROKEN("cmdqv_create");

	/* A driver's reset: nothing is taken to be as it should */
	wr(g, CONFIG, rd(g, CONFIG) & ~EN);
	wr(g, CONFIG, rd(g, CONFIG) | EN);
	wr(g, VINTF_INT_MASK, 0);
	wr(g, VINTF_INT_MASK + 4, 0);
	for (uint32_t q = NUM_VCMDQS; q-- > 0;) {
		wr(g, ALLOC_MAP(q), 0);
		wr(g, DIRECT0(q) + Q_CONFIG, 0);
		scrub_queue(g, q);
		expect_scrubbed_queue(g, q);
		g->queue[q].machine = -1;
	}
	for (uint32_t v = 0; v < NUM_VINTFS; v++) {
		wr(g, VINTF(v) + V_CONFIG, 0);
		for (uint32_t s = 0; s < NUM_SIDS; s++) {
			wr(g, VINTF(v) + V_SID_MATCH(s), 0);
			wr(g, VINTF(v) + V_SID_REPLACE(s), 0);
		}
		expect_scrubbed_vintf(g, v);
	}
	/* what a predecessor left may have been in any order (DIRTY) */
	cmdqv_clear(g->c);

	g->queue[0] = (struct queue){ .machine = 0, .pinned = true,
				      .log2size = 4 };
	cmdqv_write(g->c, DIRECT1(0) + Q_BASE, 8, ring_pa(0) | 4);
	wr(g, ALLOC_MAP(0), ALLOC(0, 0) | ALLOCATED);
	wr(g, VINTF(0) + V_CONFIG, HYP_OWN);
	wr(g, VINTF(0) + V_CONFIG, HYP_OWN | EN);
	wr(g, DIRECT0(0) + Q_CONFIG, EN);
}
