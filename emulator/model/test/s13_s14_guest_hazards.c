// SPDX-License-Identifier: GPL-2.0-or-later
/* hardware.md §13 and §14: what drivers do, and what goes wrong in between */
#include "bench.h"

/*
 * What a driver that splits the queues statically does at reset, by logical
 * aperture only (§6, §7, §12): CMDQV off and on, all queues allocated, VINTF 0
 * reset and enabled, its queues reset and enabled.
 */
static void static_driver_reset(struct bench *b, uint32_t hyp_own)
{
	uint32_t param = r32(b, PARAM);
	unsigned int vintfs = 1u << (param >> 8 & 0xf);
	unsigned int vcmdqs = 1u << (param >> 4 & 0xf);
	unsigned int each = vcmdqs / vintfs;

	unit_on(b);
	EXPECT_EQ(r32(b, STATUS), 1);
	for (unsigned int v = 0, q = 0; v < vintfs; v++)
		for (unsigned int l = 0; l < each; l++)
			w32(b, ALLOC_MAP(q++), ALLOC(v, l) | ALLOCATED);
	w32(b, VINTF(0) + V_CONFIG, 0);
	EXPECT_EQ(r32(b, VINTF(0) + V_STATUS) & EN, 0);
	w32(b, VINTF(0) + V_CONFIG, hyp_own);
	w32(b, VINTF(0) + V_CONFIG, hyp_own | EN);
	EXPECT_EQ(r32(b, VINTF(0) + V_STATUS) & EN, EN);
	for (unsigned int l = 0; l < each; l++) {
		uint32_t page0 = LOGICAL0(0, l), page1 = LOGICAL1(0, l);

		w32(b, page0 + Q_CONFIG, 0);
		EXPECT_EQ(r32(b, page0 + Q_STATUS), 0);
		w32(b, page0 + Q_PROD, 0);
		w32(b, page0 + Q_CONS, 0);
		w64(b, page1 + Q_BASE, 0);
		w64(b, page1 + Q_CONS_INDX_BASE, 0);
		if (r32(b, page0 + Q_GERROR) != r32(b, page0 + Q_GERRORN))
			w32(b, page0 + Q_GERRORN, r32(b, page0 + Q_GERROR));
		w64(b, page1 + Q_BASE, RING(l) | RING_LOG2);
		w32(b, page0 + Q_CONFIG, EN);
		EXPECT_EQ(r32(b, page0 + Q_STATUS), EN);
	}
}

TEST(s13_static_split_driver,
     "a host driver that splits the queues statically comes up from any power-on state, without a violation from the defined ones")
{
	for (unsigned int pattern = 0; pattern <= CMDQV_RESET_DIRTY; pattern++)
		for (uint64_t seed = 0; seed < 8; seed++) {
			struct cmdqv_config config = bench_config();
			struct bench *b;

			config.reset_pattern = (uint8_t)pattern;
			config.reset_seed = seed;
			b = bench_new(&config);
			static_driver_reset(b, HYP_OWN);
			if (pattern != CMDQV_RESET_DIRTY)
				EXPECT_EQ(all_violations(b), 0);
			for (unsigned int l = 0; l < 4; l++) {
				cmd_issue(b, l, 0x30, 0);	/* NSNH_ALL */
				cmd_issue(b, l, CMD_SYNC, 0);
			}
			EXPECT_EQ(b->num_executed, 8);
			/* and does its reset once more (resume) */
			for (unsigned int l = 0; l < 4; l++)
				w32(b, LOGICAL0(0, l) + Q_CONFIG, 0);
			static_driver_reset(b, HYP_OWN);
			cmd_issue(b, 0, CMD_SYNC, 0);
			EXPECT_EQ(b->num_executed, 9);
			bench_free(b);
		}
}

TEST(s13_guest_driver,
     "the unit that a guest sees (1 VINTF, 2 VCMDQs, 16 slots, HYP_OWN wired to 0) works with the guest's driver")
{
	struct cmdqv_config config = bench_config();
	struct bench *b;

	config.log2_vintfs = 0;
	config.log2_vcmdqs = 1;
	config.log2_sids = 4;
	config.hyp_wired = false;
	b = bench_new(&config);
	EXPECT_EQ(r32(b, PARAM), 4 << 12 | 0 << 8 | 1 << 4 | 1);
	EXPECT_EQ(cmdqv_mem_size(b->c), 0x50000);
	static_driver_reset(b, HYP_OWN);
	EXPECT_EQ(r32(b, VINTF(0) + V_CONFIG) & HYP_OWN, 0);
	sid_set(b, 0, 15, 0x1234, 0x5678);
	for (unsigned int l = 0; l < 2; l++) {
		cmd_issue(b, l, CMD_TLBI_NH_VA, 0x1000);
		cmd_issue(b, l, CMD_ATC_INV | ATC_SID(0x1234), 0);
		cmd_issue(b, l, CMD_SYNC, 0);
	}
	EXPECT_EQ(b->num_executed, 6);
	EXPECT_EQ(all_violations(b), 0);
	bench_free(b);
}

TEST(s13_numbers_that_do_not_fit,
     "fewer VCMDQs than VINTFs are possible: software has to cope with PARAM")
{
	struct cmdqv_config config = bench_config();
	struct bench *b;

	config.log2_vintfs = 6;
	config.log2_vcmdqs = 0;
	b = bench_new(&config);
	EXPECT_EQ(r32(b, PARAM) >> 4 & 0xff, 0x60);
	EXPECT_EQ(r32(b, ALLOC_MAP(1)), 0);
	queue_scrub(b, 0);
	queue_map(b, 0, 63, 0);
	EXPECT_EQ(vintf_state(b, 63).num_lvcmdqs, 1);
	bench_free(b);
}

TEST(s14_enabled_between_map_and_base,
     "hazard 1: a machine enabling its queue before BASE is written gets CMDQ_INIT_ERR; BASE programmed directly before mapping leaves no such window")
{
	struct bench *b = bench_default();

	unit_on(b);
	vintf_on(b, 1, 7, 0);
	/* mapped first: the machine is quicker than the host */
	queue_scrub(b, 4);
	queue_map(b, 4, 1, 0);
	w32(b, LOGICAL0(1, 0) + Q_PROD, 1);
	w32(b, LOGICAL0(1, 0) + Q_CONFIG, EN);
	EXPECT_EQ(violations(b, CMDQV_V_ENABLE_BAD_BASE), 1);
	EXPECT_EQ(r32(b, LOGICAL0(1, 0) + Q_STATUS), 0);
	EXPECT_EQ(b->irqs, 1);
	EXPECT_EQ(b->reads, 0);		/* address 0 least of all */
	queue_scrub(b, 4);
	queue_unmap(b, 4);
	/* BASE first */
	w64(b, DIRECT1(4) + Q_BASE, RING(4) | RING_LOG2);
	queue_map(b, 4, 1, 0);
	w32(b, LOGICAL0(1, 0) + Q_CONFIG, EN);
	EXPECT_EQ(r32(b, LOGICAL0(1, 0) + Q_STATUS), EN);
	EXPECT_EQ(violations(b, CMDQV_V_ENABLE_BAD_BASE), 1);
	bench_free(b);
}

TEST(s14_base_lost_if_enabled_first,
     "hazard 1: with a BASE of before in place the machine's enable wins, and the host's BASE is not taken")
{
	struct bench *b = bench_default();

	unit_on(b);
	vintf_on(b, 1, 7, 0);
	queue_scrub(b, 4);
	w64(b, DIRECT1(4) + Q_BASE, RING(9) | RING_LOG2);
	queue_map(b, 4, 1, 0);
	w32(b, LOGICAL0(1, 0) + Q_CONFIG, EN);
	w64(b, DIRECT1(4) + Q_BASE, RING(4) | RING_LOG2);
	EXPECT(violations(b, CMDQV_V_BASE_ENABLED));
	EXPECT_EQ(r64(b, DIRECT1(4) + Q_BASE), RING(9) | RING_LOG2);
	bench_free(b);
}

TEST(s14_enabled_between_disable_and_unmap,
     "hazard 2: a machine may enable again before the unmap; unmapped, the direct aperture shows it and stops it for good")
{
	struct bench *b = bench_guest_queue(7);

	queue_off(b, GUEST_Q);
	w32(b, LOGICAL0(GUEST_V, 0) + Q_CONFIG, EN);	/* the machine */
	queue_unmap(b, GUEST_Q);
	EXPECT_EQ(violations(b, CMDQV_V_UNMAP_ENABLED), 1);
	EXPECT_EQ(r32(b, DIRECT0(GUEST_Q) + Q_STATUS), EN);
	w32(b, LOGICAL0(GUEST_V, 0) + Q_CONFIG, 0);	/* nothing any more */
	EXPECT_EQ(r32(b, DIRECT0(GUEST_Q) + Q_STATUS), EN);
	queue_off(b, GUEST_Q);
	w32(b, LOGICAL0(GUEST_V, 0) + Q_CONFIG, EN);
	EXPECT_EQ(r32(b, DIRECT0(GUEST_Q) + Q_CONFIG), 0);
	EXPECT_EQ(r32(b, DIRECT0(GUEST_Q) + Q_STATUS), 0);
	bench_free(b);
}

TEST(s14_unmapped_status_reads_0,
     "hazard 3: STATUS of a logical queue that is not mapped reads 0")
{
	struct bench *b = bench_guest_queue(7);

	EXPECT_EQ(r32(b, LOGICAL0(GUEST_V, 1) + Q_STATUS), 0);
	queue_unmap(b, GUEST_Q);
	EXPECT_EQ(r32(b, LOGICAL0(GUEST_V, 0) + Q_STATUS), 0);
	bench_free(b);
}

TEST(s14_prod_without_base, "hazard 4: PROD written without BASE does nothing at all")
{
	struct bench *b = bench_default();

	unit_on(b);
	vintf_on(b, 1, 7, 0);
	queue_scrub(b, 4);
	queue_map(b, 4, 1, 0);
	w32(b, LOGICAL0(1, 0) + Q_PROD, 5);
	cmdqv_process(b->c);
	EXPECT_EQ(b->reads, 0);
	EXPECT_EQ(b->irqs, 0);
	EXPECT_EQ(r32(b, LOGICAL0(1, 0) + Q_PROD), 5);
	bench_free(b);
}

TEST(s14_window_reaches_own_queues_only,
     "hazard 6: whatever a machine writes anywhere in its page 0, registers of others don't change")
{
	struct bench *b = bench_host_queue();
	struct cmdqv_vcmdq_state before[16];

	vintf_on(b, 1, 7, 0);
	vintf_on(b, 2, 8, 0);
	for (unsigned int q = 4; q < 8; q++) {
		queue_scrub(b, q);
		queue_map(b, q, q < 6 ? 1 : 2, q & 1);
		queue_on(b, q);
	}
	for (unsigned int q = 0; q < 16; q++)
		before[q] = vcmdq_state(b, q);
	for (uint32_t offset = 0; offset < 0x10000; offset += 4) {
		w32(b, 0x30000 + 0x20000 + offset, 0xffffffff);
		w32(b, 0x30000 + 0x20000 + offset, 0);
	}
	for (unsigned int q = 0; q < 16; q++) {
		struct cmdqv_vcmdq_state after = vcmdq_state(b, q);

		if (q == 4 || q == 5)
			continue;
		EXPECT_EQ(after.prod, before[q].prod);
		EXPECT_EQ(after.cons, before[q].cons);
		EXPECT_EQ(after.config_en, before[q].config_en);
		EXPECT_EQ(after.enabled, before[q].enabled);
		EXPECT_EQ(after.gerror, before[q].gerror);
		EXPECT_EQ(after.gerrorn, before[q].gerrorn);
		EXPECT_EQ(after.base, before[q].base);
		EXPECT_EQ(after.vintf, before[q].vintf);
		EXPECT_EQ(after.allocated, before[q].allocated);
	}
	EXPECT_EQ(vintf_state(b, 1).vmid, 7);
	EXPECT_EQ(vintf_state(b, 2).vmid, 8);
	/* BASE, mapping and SIDs of its own are not in page 0 either */
	EXPECT_EQ(vcmdq_state(b, 4).base, RING(4) | RING_LOG2);
	EXPECT(vcmdq_state(b, 4).allocated);
	bench_free(b);
}

TEST(s14_disabling_vintf_with_vmid_cleared,
     "a VINTF's VMID cleared in the write that disables it counts at once, so a queue that still runs invalidates for VMID 0 (assumption)")
{
	struct bench *b = bench_guest_queue(7);

	EXPECT(cmdqv_inject(b->c, CMDQV_FAULT_STUCK_DISABLE_VINTF, GUEST_V, 1));
	w32(b, VINTF(GUEST_V) + V_CONFIG, 0);
	EXPECT_EQ(violations(b, CMDQV_V_VINTF_DISABLED_BUSY), 1);
	cmd_issue(b, GUEST_Q, CMD_TLBI_NH_ASID | TLBI_VMID(5), 0);
	EXPECT_EQ(last_executed(b)->cmd[0], CMD_TLBI_NH_ASID);
	/* clearing only ENABLE keeps it harmless */
	w32(b, VINTF(GUEST_V) + V_CONFIG, VMID(7));
	cmd_issue(b, GUEST_Q, CMD_TLBI_NH_ASID | TLBI_VMID(5), 0);
	EXPECT_EQ(last_executed(b)->cmd[0], CMD_TLBI_NH_ASID | TLBI_VMID(7));
	bench_free(b);
}
