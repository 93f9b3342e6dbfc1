// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A game for the fuzzer: one host that keeps the rules, machines that don't
 *
 * The host makes machines (VINTFs), gives them queues and StreamIDs, and takes
 * all that away again, in the order of hardware.md §7, §9, §12 and §14. The
 * machines write anything to their page 0 and to their queues' memory, also
 * between any two steps of the host. Handshakes take time or get stuck,
 * fetches abort, ATC invalidations time out late.
 *
 * What must hold is judged from books that the host keeps (struct machine),
 * never from the model's state:
 *   I1  a machine's command that is executed is one of the four
 *   I2  TLBIs carry the VMID that the host gave to that machine
 *   I3  ATC_INVs name the StreamID that the host gave for that virtual one
 *   I4  commands come from queues that the host gave to that machine
 *   I5  only memory of a queue in use is read, nothing is ever written
 *   I7  what is taken away carries nothing: registers are 0, no late time-out
 *       or old error reaches the next owner
 * and a host that keeps the rules is never told that it broke one.
 */
#include <stdlib.h>

#include "world.h"

/* Faults end; then everything can be taken down, and the host's queue works */
static void wind_up(struct game *g)
{
	const struct cmdqv_counters *n = cmdqv_counters(g->c);

	g->fail = CMDQV_CERROR_NONE;
	cmdqv_inject_none(g->c);
	cmdqv_set_delays(g->c, 100, 100, 10, 4);
	pass(g, 100000);
	for (unsigned int v = 1; v < NUM_VINTFS; v++) {
		if (g->machine[v].life != FREE)
			destroy_machine(g, v);
		if (g->machine[v].life != FREE)
			BROKEN("VINTF %u can't be taken down", v);
	}
	for (unsigned int q = 1; q < NUM_VCMDQS; q++)
		expect_scrubbed_queue(g, q);
	acknowledge_host(g);
	pass(g, 100000);
	if (rd(g, DIRECT0(0) + Q_CONS) << 12 != rd(g, DIRECT0(0) + Q_PROD) << 12)
		BROKEN("the host's queue is stopped");
	if (rd(g, VINTF_ERR_MAP))
		BROKEN("I7: VINTF_ERR_MAP 0x%x with no machine",
		       rd(g, VINTF_ERR_MAP));
	for (unsigned int v = 1; v < NUM_VINTFS; v++)
		for (unsigned int i = 0; i < CMDQV_REFUSALS; i++)
			g->stats->refused += n->refused[v][i];
}

void play(const uint8_t *data, size_t len, struct play_stats *stats)
{
	struct game *g = calloc(1, sizeof(*g));

	if (!g)
		BROKEN("out of memory");
	g->data = data;
	g->end = data + len;
	g->timer = UINT64_MAX;
	g->stats = stats;
	set_up(g);
	while (!over(g) && g->steps++ < MAX_STEPS) {
		if (u8(g) & 1)
			machine_acts(g);
		else
			host_acts(g);
		judge_model(g);
	}
	g->data = g->end;
	wind_up(g);
	judge_model(g);
	cmdqv_destroy(g->c);
	free(g);
}
