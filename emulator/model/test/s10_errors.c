// SPDX-License-Identifier: GPL-2.0-or-later
/* hardware.md §10: errors and the interrupt */
#include "bench.h"

static void host_and_guest(struct bench *b)
{
	vintf_on(b, GUEST_V, 7, 0);
	for (unsigned int l = 0; l < 2; l++) {
		queue_scrub(b, GUEST_Q + l);
		queue_map(b, GUEST_Q + l, GUEST_V, l);
		queue_on(b, GUEST_Q + l);
	}
}

TEST(s10_error_shows_everywhere,
     "an error shows in GERROR, CONS.ERR, LVCMDQ_ERR_MAP, VINTF_ERR_MAP, CMDQ_ERR_MAP and VINTF STATUS, with one edge")
{
	struct bench *b = bench_host_queue();

	host_and_guest(b);
	cmd_issue(b, GUEST_Q + 1, 0x01, 0);
	EXPECT_EQ(b->irqs, 1);
	EXPECT_EQ(r32(b, VINTF_ERR_MAP), 1 << GUEST_V);
	EXPECT_EQ(r32(b, CMDQ_ERR_MAP(0)), 1 << (GUEST_Q + 1));
	EXPECT_EQ(r64(b, VINTF(GUEST_V) + V_LVCMDQ_ERR_MAP), 1 << 1);
	EXPECT_EQ(r64(b, VINTF(0) + V_LVCMDQ_ERR_MAP), 0);
	EXPECT_EQ(r32(b, VINTF(GUEST_V) + V_STATUS), 1 | 1 << 1 | 2 << 16);
	EXPECT_EQ(CONS_ERR(r32(b, LOGICAL0(GUEST_V, 1) + Q_CONS)),
		  CMDQV_CERROR_ILL);
	EXPECT_EQ(r32(b, LOGICAL0(GUEST_V, 1) + Q_GERROR) ^
		  r32(b, LOGICAL0(GUEST_V, 1) + Q_GERRORN), CMDQ_ERR);
	EXPECT_EQ(cmdqv_counters(b->c)->irqs, 1);
	bench_free(b);
}

TEST(s10_queue_stops_until_acknowledged,
     "the queue stops at the failing command; GERRORN = GERROR lets it go on from there, and clears the maps")
{
	struct bench *b = bench_host_queue();

	host_and_guest(b);
	cmd_put(b, GUEST_Q, 0, CMD_SYNC, 0);
	cmd_put(b, GUEST_Q, 1, 0x01, 0);
	cmd_put(b, GUEST_Q, 2, CMD_TLBI_NH_ASID, 0);
	w32(b, LOGICAL0(GUEST_V, 0) + Q_PROD, 3);
	EXPECT_EQ(b->num_executed, 1);
	EXPECT_EQ(r32(b, LOGICAL0(GUEST_V, 0) + Q_CONS) & 0xfffff, 1);
	/* stopped: neither PROD nor time make it go on */
	w32(b, LOGICAL0(GUEST_V, 0) + Q_PROD, 3);
	cmdqv_process(b->c);
	EXPECT_EQ(b->num_executed, 1);
	/* others do */
	cmd_issue(b, GUEST_Q + 1, CMD_SYNC, 0);
	EXPECT_EQ(b->num_executed, 2);
	/* acknowledged but not mended: it fails again, with an edge */
	w32(b, LOGICAL0(GUEST_V, 0) + Q_GERRORN,
	    r32(b, LOGICAL0(GUEST_V, 0) + Q_GERROR));
	EXPECT_EQ(b->irqs, 2);
	EXPECT_EQ(r32(b, LOGICAL0(GUEST_V, 0) + Q_CONS) & 0xfffff, 1);
	cmd_put(b, GUEST_Q, 1, CMD_SYNC, 0);
	w32(b, LOGICAL0(GUEST_V, 0) + Q_GERRORN,
	    r32(b, LOGICAL0(GUEST_V, 0) + Q_GERROR));
	EXPECT_EQ(b->num_executed, 4);
	EXPECT_EQ(r32(b, VINTF_ERR_MAP), 0);
	EXPECT_EQ(r32(b, CMDQ_ERR_MAP(0)), 0);
	EXPECT_EQ(r64(b, VINTF(GUEST_V) + V_LVCMDQ_ERR_MAP), 0);
	EXPECT_EQ(b->irqs, 2);
	bench_free(b);
}

TEST(s10_gerror_toggles,
     "an error toggles its GERROR bit, from either value; the other bits stay")
{
	struct bench *b = bench_guest_queue(7);

	for (unsigned int n = 0; n < 4; n++) {
		uint32_t before = r32(b, DIRECT0(GUEST_Q) + Q_GERROR);

		cmd_issue(b, GUEST_Q, 0x01, 0);
		EXPECT_EQ(r32(b, DIRECT0(GUEST_Q) + Q_GERROR), before ^ 1);
		cmd_put(b, GUEST_Q, 2 * n, CMD_SYNC, 0);
		error_ack(b, GUEST_Q);
		EXPECT_EQ(r32(b, DIRECT0(GUEST_Q) + Q_GERROR), before ^ 1);
		cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
	}
	EXPECT_EQ(b->irqs, 4);
	bench_free(b);
}

TEST(s10_no_new_edge_for_a_pending_bit,
     "no further edge for a map bit that is already set; one for another queue's, of the same or another VINTF")
{
	struct bench *b = bench_host_queue();

	host_and_guest(b);
	cmd_issue(b, GUEST_Q, 0x01, 0);
	EXPECT_EQ(b->irqs, 1);
	/* another error of the same queue while it is pending */
	queue_off(b, GUEST_Q);
	w64(b, DIRECT1(GUEST_Q) + Q_BASE, 0);
	w32(b, DIRECT0(GUEST_Q) + Q_CONFIG, EN);
	EXPECT_EQ(r32(b, DIRECT0(GUEST_Q) + Q_GERROR) ^
		  r32(b, DIRECT0(GUEST_Q) + Q_GERRORN),
		  CMDQ_ERR | CMDQ_INIT_ERR);
	EXPECT_EQ(b->irqs, 1);
	/* another queue of the same VINTF, whose VINTF bit is set already */
	cmd_issue(b, GUEST_Q + 1, 0x01, 0);
	EXPECT_EQ(b->irqs, 2);
	b->fail = CMDQV_CERROR_ILL;
	cmd_issue(b, 0, 0x01, 0);
	EXPECT_EQ(b->irqs, 3);
	EXPECT_EQ(r32(b, VINTF_ERR_MAP), 1 << GUEST_V | 1);
	bench_free(b);
}

TEST(s10_acknowledging_one_of_two_errors,
     "the map bit stays until all errors of the queue are acknowledged, without a new edge")
{
	struct bench *b = bench_guest_queue(7);
	uint32_t gerrorn;

	cmd_issue(b, GUEST_Q, 0x01, 0);
	queue_off(b, GUEST_Q);
	w64(b, DIRECT1(GUEST_Q) + Q_BASE, 0);
	w32(b, DIRECT0(GUEST_Q) + Q_CONFIG, EN);
	gerrorn = r32(b, DIRECT0(GUEST_Q) + Q_GERRORN);
	w32(b, DIRECT0(GUEST_Q) + Q_GERRORN, gerrorn ^ CMDQ_ERR);
	EXPECT_EQ(r64(b, VINTF(GUEST_V) + V_LVCMDQ_ERR_MAP), 1);
	EXPECT_EQ(b->irqs, 1);
	error_ack(b, GUEST_Q);
	EXPECT_EQ(r64(b, VINTF(GUEST_V) + V_LVCMDQ_ERR_MAP), 0);
	EXPECT_EQ(b->irqs, 1);
	bench_free(b);
}

TEST(s10_int_mask,
     "VINTF_INT_MASK keeps a VINTF's errors from raising an edge, not from the maps; unmasking raises none (assumption); 0 after reset")
{
	struct bench *b = bench_host_queue();

	EXPECT_EQ(r32(b, VINTF_INT_MASK), 0);
	EXPECT_EQ(r32(b, VINTF_INT_MASK + 4), 0);
	host_and_guest(b);
	w32(b, VINTF_INT_MASK, 0xffffffff);
	w32(b, VINTF_INT_MASK + 4, 0xffffffff);
	EXPECT_EQ(r32(b, VINTF_INT_MASK), 0xf);	/* 4 VINTFs */
	EXPECT_EQ(r32(b, VINTF_INT_MASK + 4), 0);
	w32(b, VINTF_INT_MASK, 1 << GUEST_V);
	cmd_issue(b, GUEST_Q, 0x01, 0);
	EXPECT_EQ(b->irqs, 0);
	EXPECT_EQ(r32(b, VINTF_ERR_MAP), 1 << GUEST_V);
	EXPECT_EQ(r64(b, VINTF(GUEST_V) + V_LVCMDQ_ERR_MAP), 1);
	EXPECT_EQ(r32(b, VINTF(GUEST_V) + V_STATUS), 1 | 1 << 1 | 2 << 16);
	/* others are not masked */
	b->fail = CMDQV_CERROR_ILL;
	cmd_issue(b, 0, 0x01, 0);
	EXPECT_EQ(b->irqs, 1);
	/* acknowledged, failed again at the same command: still masked */
	error_ack(b, GUEST_Q);
	EXPECT_EQ(r32(b, VINTF_ERR_MAP), 1 << GUEST_V | 1);
	EXPECT_EQ(b->irqs, 1);
	w32(b, VINTF_INT_MASK, 0);
	EXPECT_EQ(b->irqs, 1);
	/* nor does the pending bit raise one when nothing of it changes */
	w32(b, DIRECT0(GUEST_Q) + Q_GERRORN,
	    r32(b, DIRECT0(GUEST_Q) + Q_GERRORN));
	cmdqv_process(b->c);
	EXPECT_EQ(b->irqs, 1);
	error_ack(b, GUEST_Q);
	EXPECT_EQ(b->irqs, 2);
	bench_free(b);
}

TEST(s10_int_mask_does_not_stop_queues,
     "a masked VINTF's queues work, stop at errors and go on when these are acknowledged, as any other's")
{
	struct bench *b = bench_guest_queue(7);

	w32(b, VINTF_INT_MASK, 1 << GUEST_V);
	cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
	EXPECT_EQ(b->num_executed, 1);
	cmd_issue(b, GUEST_Q, 0x01, 0);
	cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
	EXPECT_EQ(b->num_executed, 1);
	EXPECT_EQ(cmd_error(b, GUEST_Q), CMDQV_CERROR_ILL);
	cmd_put(b, GUEST_Q, 1, CMD_SYNC, 0);
	error_ack(b, GUEST_Q);
	EXPECT_EQ(b->num_executed, 3);
	EXPECT_EQ(b->irqs, 0);
	bench_free(b);
}

TEST(s10_int_mask_of_high_vintfs, "VINTF_INT_MASK's upper word masks VINTF 32 to 63")
{
	struct cmdqv_config config = bench_config();
	struct bench *b;

	config.log2_vintfs = 6;
	b = bench_new(&config);
	w32(b, VINTF_INT_MASK + 4, 1u << 31);
	/* each word for itself */
	w32(b, VINTF_INT_MASK, 1u << 31);
	EXPECT_EQ(r32(b, VINTF_INT_MASK + 4), 1u << 31);
	w32(b, VINTF_INT_MASK, 0);
	EXPECT_EQ(r32(b, VINTF_INT_MASK + 4), 1u << 31);
	for (unsigned int v = 62; v < 64; v++) {
		queue_scrub(b, v - 62);
		queue_map(b, v - 62, v, 0);
		w32(b, DIRECT0(v - 62) + Q_CONFIG, EN);
	}
	EXPECT_EQ(r32(b, VINTF_ERR_MAP + 4), 3u << 30);
	EXPECT_EQ(b->irqs, 1);
	bench_free(b);
}

TEST(s10_smmu_errors_stop_the_queue,
     "a code that the SMMU returns is CONS.ERR, CONS stays at the command")
{
	for (unsigned int code = 1; code <= 4; code++) {
		struct bench *b = bench_host_queue();

		b->fail = (enum cmdqv_cerror)code;
		cmd_issue(b, 0, CMD_SYNC, 0);
		EXPECT_EQ(cmd_error(b, 0), code);
		EXPECT_EQ(r32(b, DIRECT0(0) + Q_CONS) & 0xfffff, 0);
		EXPECT_EQ(cmdqv_counters(b->c)->refused[0][CMDQV_R_SMMU], 1);
		EXPECT_EQ(cmdqv_counters(b->c)->executed[0][CMD_SYNC], 0);
		error_ack(b, 0);
		EXPECT_EQ(b->num_executed, 1);
		EXPECT_EQ(r32(b, DIRECT0(0) + Q_CONS) & 0xfffff, 1);
		bench_free(b);
	}
}

TEST(s10_guest_can_toggle_gerrorn,
     "a GERRORN that differs without an error looks like one and raises an edge: the host has to stand it; nobody else is stopped")
{
	struct bench *b = bench_host_queue();

	host_and_guest(b);
	for (unsigned int n = 1; n <= 5; n++) {
		w32(b, LOGICAL0(GUEST_V, 0) + Q_GERRORN,
		    r32(b, LOGICAL0(GUEST_V, 0) + Q_GERROR) ^ CMDQ_ERR);
		EXPECT_EQ(b->irqs, n);
		cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
		EXPECT_EQ(b->num_executed, 3 * n - 3);
		cmd_issue(b, 0, CMD_SYNC, 0);
		cmd_issue(b, GUEST_Q + 1, CMD_SYNC, 0);
		EXPECT_EQ(b->num_executed, 3 * n - 1);
		error_ack(b, GUEST_Q);
		EXPECT_EQ(b->num_executed, 3 * n);
	}
	bench_free(b);
}

TEST(s10_error_of_an_unmapped_queue,
     "an error of a queue of no VINTF shows in CMDQ_ERR_MAP only, without an edge (assumption); mapping it then is a violation and tells the new owner")
{
	struct bench *b = bench_default();

	vintf_on(b, 1, 1, 0);
	queue_scrub(b, 4);
	w32(b, DIRECT0(4) + Q_CONFIG, EN);	/* without BASE */
	EXPECT_EQ(r32(b, CMDQ_ERR_MAP(0)), 1 << 4);
	EXPECT_EQ(r32(b, VINTF_ERR_MAP), 0);
	EXPECT_EQ(b->irqs, 0);
	w32(b, DIRECT0(4) + Q_CONFIG, 0);
	queue_map(b, 4, 1, 0);
	EXPECT_EQ(violations(b, CMDQV_V_STALE_ERROR), 1);
	EXPECT_EQ(r32(b, VINTF_ERR_MAP), 1 << 1);
	EXPECT_EQ(b->irqs, 1);
	queue_unmap(b, 4);
	EXPECT_EQ(r32(b, VINTF_ERR_MAP), 0);
	bench_free(b);
}
