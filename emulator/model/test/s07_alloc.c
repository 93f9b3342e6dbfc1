// SPDX-License-Identifier: GPL-2.0-or-later
/* hardware.md §7: CMDQ_ALLOC_MAP */
#include "bench.h"

TEST(s07_mapping_ascending,
     "mapping is ascending by logical index inside a VINTF; otherwise a violation")
{
	struct bench *b = bench_default();

	for (unsigned int q = 0; q < 16; q++)
		queue_scrub(b, q);
	queue_map(b, 0, 1, 0);
	queue_map(b, 9, 1, 1);
	queue_map(b, 4, 1, 2);
	/* another VINTF counts for itself */
	queue_map(b, 5, 2, 0);
	EXPECT_EQ(all_violations(b), 0);
	queue_map(b, 6, 1, 4);
	EXPECT_EQ(violations(b, CMDQV_V_MAP_ORDER), 1);
	queue_map(b, 7, 3, 1);
	EXPECT_EQ(violations(b, CMDQV_V_MAP_ORDER), 2);
	EXPECT_EQ(all_violations(b), 2);
	bench_free(b);
}

TEST(s07_unmapping_descending,
     "unmapping is descending by logical index inside a VINTF; otherwise a violation")
{
	struct bench *b = bench_default();

	for (unsigned int l = 0; l < 4; l++) {
		queue_scrub(b, l);
		queue_map(b, l, 1, l);
	}
	queue_unmap(b, 3);
	queue_unmap(b, 2);
	EXPECT_EQ(all_violations(b), 0);
	queue_unmap(b, 0);
	EXPECT_EQ(violations(b, CMDQV_V_UNMAP_ORDER), 1);
	queue_unmap(b, 1);
	EXPECT_EQ(all_violations(b), 1);
	bench_free(b);
}

TEST(s07_any_distribution,
     "any VCMDQ can be any logical queue; numbers need not follow the static split")
{
	struct bench *b = bench_default();

	for (unsigned int l = 0; l < 16; l++) {
		queue_scrub(b, 15 - l);
		queue_map(b, 15 - l, 3, l);
		w32(b, LOGICAL0(3, l) + Q_PROD, l);
	}
	for (unsigned int l = 0; l < 16; l++)
		EXPECT_EQ(r32(b, DIRECT0(15 - l) + Q_PROD), l);
	EXPECT_EQ(all_violations(b), 0);
	bench_free(b);
}

TEST(s07_fields_count_only_when_allocated,
     "VINTF and LVCMDQ fields without ALLOCATED map nothing")
{
	struct bench *b = bench_default();

	queue_scrub(b, 0);
	w32(b, DIRECT0(0) + Q_PROD, 7);
	w32(b, ALLOC_MAP(0), ALLOC(2, 0));
	EXPECT_EQ(r32(b, LOGICAL0(2, 0) + Q_PROD), 0);
	EXPECT_EQ(vintf_state(b, 2).num_lvcmdqs, 0);
	w32(b, ALLOC_MAP(0), ALLOC(2, 0) | ALLOCATED);
	EXPECT_EQ(r32(b, LOGICAL0(2, 0) + Q_PROD), 7);
	w32(b, ALLOC_MAP(0), ALLOC(2, 0));
	EXPECT_EQ(r32(b, LOGICAL0(2, 0) + Q_PROD), 0);
	EXPECT_EQ(all_violations(b), 0);
	bench_free(b);
}

TEST(s07_before_or_after_vintf_enable,
     "ALLOC_MAP may be programmed before or after the VINTF is enabled")
{
	for (unsigned int after = 0; after < 2; after++) {
		struct bench *b = bench_default();

		unit_on(b);
		queue_scrub(b, 4);
		if (after)
			vintf_on(b, 1, 7, 0);
		queue_map(b, 4, 1, 0);
		if (!after)
			vintf_on(b, 1, 7, 0);
		queue_on(b, 4);
		cmd_issue(b, 4, CMD_SYNC, 0);
		EXPECT_EQ(b->num_executed, 1);
		EXPECT_EQ(all_violations(b), 0);
		bench_free(b);
	}
}

TEST(s07_unmapped_access_is_dropped,
     "access to a logical queue that maps to no VCMDQ: read 0, write dropped, no fault, no interrupt")
{
	struct bench *b = bench_default();
	static char before[1 << 18], after[1 << 18];

	for (unsigned int q = 0; q < 16; q++)
		queue_scrub(b, q);
	queue_map(b, 0, 1, 0);
	cmdqv_observe(b->c, "state all", before, sizeof(before));
	cmdqv_clear(b->c);
	for (unsigned int v = 0; v < 4; v++)
		for (unsigned int l = v == 1; l < 512; l++)
			for (uint32_t reg = 0; reg < 0x80; reg += 4) {
				w32(b, LOGICAL0(v, l) + reg, 0xffffffff);
				w32(b, LOGICAL1(v, l) + reg, 0xffffffff);
				EXPECT_EQ(r32(b, LOGICAL0(v, l) + reg), 0);
				EXPECT_EQ(r32(b, LOGICAL1(v, l) + reg), 0);
			}
	EXPECT_EQ(cmdqv_counters(b->c)->dropped, (4 * 512 - 1) * 32 * 4);
	EXPECT_EQ(b->irqs, 0);
	EXPECT_EQ(all_violations(b), 0);
	cmdqv_observe(b->c, "state all", after, sizeof(after));
	for (size_t i = 0; i < sizeof(before) && before[i]; i++)
		EXPECT_EQ(before[i], after[i]);
	bench_free(b);
}

TEST(s07_direct_before_allocation,
     "a VCMDQ can be programmed through the direct aperture before it is allocated, but executes nothing until it is")
{
	struct bench *b = bench_default();

	unit_on(b);
	vintf_on(b, 1, 7, 0);
	queue_scrub(b, 4);
	w64(b, DIRECT1(4) + Q_BASE, RING(4) | RING_LOG2);
	EXPECT_EQ(all_violations(b), 0);
	/* enabling it already now is against the rules */
	w32(b, DIRECT0(4) + Q_CONFIG, EN);
	EXPECT_EQ(violations(b, CMDQV_V_ENABLE_UNMAPPED), 1);
	cmd_issue(b, 4, CMD_SYNC, 0);
	EXPECT_EQ(b->reads, 0);
	EXPECT_EQ(b->num_executed, 0);
	queue_map(b, 4, 1, 0);
	EXPECT_EQ(violations(b, CMDQV_V_MAP_ENABLED), 1);
	EXPECT_EQ(b->num_executed, 1);
	bench_free(b);
}

TEST(s07_duplicate_mapping,
     "two VCMDQs on one logical queue: a violation; the lower number answers (assumption)")
{
	struct bench *b = bench_default();

	queue_scrub(b, 3);
	queue_scrub(b, 8);
	queue_map(b, 8, 1, 0);
	queue_map(b, 3, 1, 0);
	EXPECT_EQ(violations(b, CMDQV_V_MAP_DUPLICATE), 1);
	w32(b, LOGICAL0(1, 0) + Q_PROD, 5);
	EXPECT_EQ(vcmdq_state(b, 3).prod, 5);
	EXPECT_EQ(vcmdq_state(b, 8).prod, 0);
	queue_unmap(b, 3);
	w32(b, LOGICAL0(1, 0) + Q_PROD, 6);
	EXPECT_EQ(vcmdq_state(b, 8).prod, 6);
	bench_free(b);
}

TEST(s07_remap_while_allocated,
     "fields changed with ALLOCATED left 1: a violation, the queue belongs to the new VINTF")
{
	struct bench *b = bench_guest_queue(7);

	vintf_on(b, 2, 8, 0);
	w32(b, ALLOC_MAP(GUEST_Q), ALLOC(2, 0) | ALLOCATED);
	EXPECT_EQ(violations(b, CMDQV_V_REMAP_ALLOCATED), 1);
	EXPECT_EQ(r32(b, LOGICAL0(1, 0) + Q_CONFIG), 0);
	EXPECT_EQ(r32(b, LOGICAL0(2, 0) + Q_CONFIG), EN);
	cmd_issue(b, GUEST_Q, CMD_TLBI_NH_ASID, 0);
	EXPECT_EQ(last_executed(b)->origin.vintf, 2);
	EXPECT_EQ(last_executed(b)->cmd[0] >> 32 & 0xffff, 8);
	/* the same value once more is none */
	w32(b, ALLOC_MAP(GUEST_Q), ALLOC(2, 0) | ALLOCATED);
	EXPECT_EQ(violations(b, CMDQV_V_REMAP_ALLOCATED), 1);
	bench_free(b);
}

TEST(s07_mapping_to_no_vintf,
     "mapped to a VINTF that does not exist: a violation, reachable nowhere, never runs")
{
	struct bench *b = bench_default();

	unit_on(b);
	queue_scrub(b, 2);
	queue_map(b, 2, 63, 0);
	EXPECT_EQ(violations(b, CMDQV_V_MAP_RANGE), 1);
	queue_on(b, 2);
	cmd_issue(b, 2, CMD_SYNC, 0);
	EXPECT_EQ(b->reads, 0);
	for (unsigned int v = 0; v < 4; v++)
		EXPECT_EQ(vintf_state(b, v).num_lvcmdqs, 0);
	/* its errors have no VINTF to be reported to */
	queue_off(b, 2);
	w64(b, DIRECT1(2) + Q_BASE, 0);
	w32(b, DIRECT0(2) + Q_CONFIG, EN);
	EXPECT_EQ(r32(b, CMDQ_ERR_MAP(0)), 1 << 2);
	EXPECT_EQ(r32(b, VINTF_ERR_MAP), 0);
	EXPECT_EQ(r32(b, VINTF_ERR_MAP + 4), 0);
	EXPECT_EQ(b->irqs, 0);
	bench_free(b);
}

TEST(s07_unmapping_an_enabled_queue,
     "unmapped while enabled: a violation; it runs on in its VINTF's name until disabled directly (assumption)")
{
	struct bench *b = bench_guest_queue(7);

	queue_unmap(b, GUEST_Q);
	EXPECT_EQ(violations(b, CMDQV_V_UNMAP_ENABLED), 1);
	/* the VM's window no longer reaches it */
	w32(b, LOGICAL0(GUEST_V, 0) + Q_CONFIG, 0);
	EXPECT_EQ(r32(b, LOGICAL0(GUEST_V, 0) + Q_STATUS), 0);
	EXPECT_EQ(r32(b, DIRECT0(GUEST_Q) + Q_STATUS), EN);
	EXPECT(vcmdq_state(b, GUEST_Q).orphan);
	cmd_issue(b, GUEST_Q, CMD_TLBI_NH_ASID | TLBI_VMID(1), 0);
	EXPECT_EQ(last_executed(b)->cmd[0] >> 32 & 0xffff, 7);
	EXPECT_EQ(last_executed(b)->origin.vintf, GUEST_V);
	queue_off(b, GUEST_Q);
	EXPECT(!vcmdq_state(b, GUEST_Q).orphan);
	cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
	EXPECT_EQ(b->num_executed, 1);
	/* enabled again it is nobody's and does nothing */
	w32(b, DIRECT0(GUEST_Q) + Q_CONFIG, EN);
	EXPECT_EQ(b->num_executed, 1);
	EXPECT(!vcmdq_state(b, GUEST_Q).orphan);
	bench_free(b);
}

TEST(s07_unmapping_while_enabling,
     "unmapped while CONFIG.EN is set but STATUS is not: a violation; withdrawn, nothing of it remains")
{
	struct cmdqv_config config = bench_config();
	struct bench *b;

	config.enable_delay_ns = 1000;
	config.reset_pattern = CMDQV_RESET_ZERO;
	b = bench_new(&config);
	w32(b, CONFIG, EN);
	vintf_on(b, 1, 7, 0);
	bench_pass(b, 1000);
	queue_map(b, 4, 1, 0);
	queue_on(b, 4);
	queue_unmap(b, 4);
	EXPECT_EQ(violations(b, CMDQV_V_UNMAP_ENABLED), 1);
	queue_off(b, 4);
	EXPECT(!vcmdq_state(b, 4).orphan);
	bench_pass(b, 5000);
	queue_on(b, 4);
	bench_pass(b, 5000);
	cmd_issue(b, 4, CMD_SYNC, 0);
	EXPECT_EQ(b->num_executed, 0);
	bench_free(b);
}

TEST(s07_free_queue_is_unreachable,
     "I4: after unmapping, no VINTF's window reaches the queue, in either page")
{
	struct bench *b = bench_guest_queue(7);

	queue_off(b, GUEST_Q);
	queue_unmap(b, GUEST_Q);
	EXPECT_EQ(all_violations(b), 0);
	for (unsigned int v = 0; v < 4; v++)
		for (unsigned int l = 0; l < 128; l++) {
			w32(b, LOGICAL0(v, l) + Q_CONFIG, EN);
			w32(b, LOGICAL0(v, l) + Q_PROD, 1);
			w64(b, LOGICAL1(v, l) + Q_BASE, 0x1000);
		}
	EXPECT_EQ(r32(b, DIRECT0(GUEST_Q) + Q_CONFIG), 0);
	EXPECT_EQ(r32(b, DIRECT0(GUEST_Q) + Q_PROD), 0);
	EXPECT_EQ(r64(b, DIRECT1(GUEST_Q) + Q_BASE), RING(GUEST_Q) | RING_LOG2);
	bench_free(b);
}
