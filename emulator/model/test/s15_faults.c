// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a broken unit does. No chapter of hardware.md says so: these are the ways to
 * fail that a driver has to survive.
 */
#include "bench.h"

static void inject(struct bench *b, enum cmdqv_fault fault, unsigned int index,
		   uint64_t arg)
{
	EXPECT(cmdqv_inject(b->c, fault, index, arg));
}

TEST(s15_hung_queue,
     "a hung queue is enabled, as STATUS says, and executes nothing; it goes on when the fault ends, and others do meanwhile")
{
	struct bench *b = bench_guest_queue(7);

	queue_scrub(b, GUEST_Q + 1);
	queue_map(b, GUEST_Q + 1, GUEST_V, 1);
	queue_on(b, GUEST_Q + 1);
	inject(b, CMDQV_FAULT_HUNG_VCMDQ, GUEST_Q, 1);
	cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
	bench_pass(b, 2000000000);
	EXPECT_EQ(b->num_executed, 0);
	EXPECT_EQ(b->reads, 0);
	EXPECT_EQ(r32(b, DIRECT0(GUEST_Q) + Q_STATUS), EN);
	cmd_issue(b, GUEST_Q + 1, CMD_SYNC, 0);
	EXPECT_EQ(b->num_executed, 1);
	inject(b, CMDQV_FAULT_HUNG_VCMDQ, GUEST_Q, 0);
	EXPECT_EQ(b->num_executed, 2);
	inject(b, CMDQV_FAULT_HUNG_VCMDQ, GUEST_Q, 1);
	cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
	EXPECT_EQ(b->num_executed, 2);
	cmdqv_inject_none(b->c);
	EXPECT_EQ(b->num_executed, 3);
	bench_free(b);
}

TEST(s15_stuck_error,
     "an error that never stops: raised at once, and anew with an edge each time it is acknowledged, until the fault ends")
{
	struct bench *b = bench_guest_queue(7);

	inject(b, CMDQV_FAULT_STUCK_ERROR, GUEST_Q, CMDQV_CERROR_ABT);
	for (unsigned int n = 1; n <= 5; n++) {
		EXPECT_EQ(b->irqs, n);
		EXPECT_EQ(cmd_error(b, GUEST_Q), CMDQV_CERROR_ABT);
		EXPECT_EQ(r32(b, VINTF_ERR_MAP), 1 << GUEST_V);
		error_ack(b, GUEST_Q);
	}
	/* what is not acknowledged does not come again */
	w32(b, DIRECT0(GUEST_Q) + Q_GERRORN,
	    r32(b, DIRECT0(GUEST_Q) + Q_GERROR) ^ CMDQ_ERR);
	EXPECT_EQ(b->irqs, 6);
	cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
	EXPECT_EQ(b->num_executed, 0);
	cmdqv_inject_none(b->c);
	error_ack(b, GUEST_Q);
	EXPECT_EQ(r32(b, VINTF_ERR_MAP), 0);
	EXPECT_EQ(b->irqs, 6);
	EXPECT_EQ(b->num_executed, 1);
	bench_free(b);
}

TEST(s15_irq_storm,
     "an interrupt that never stops: an edge each period, with nothing in the maps, whatever is masked")
{
	struct bench *b = bench_guest_queue(7);

	w32(b, VINTF_INT_MASK, 0xf);
	inject(b, CMDQV_FAULT_IRQ_STORM_NS, 0, 1000);
	EXPECT_EQ(b->irqs, 0);
	bench_pass(b, 1000);
	EXPECT_EQ(b->irqs, 1);
	bench_pass(b, 9000);
	EXPECT_EQ(b->irqs, 10);
	EXPECT_EQ(r32(b, VINTF_ERR_MAP), 0);
	EXPECT_EQ(cmdqv_counters(b->c)->irqs, 10);
	cmdqv_inject_none(b->c);
	bench_pass(b, 10000);
	EXPECT_EQ(b->irqs, 10);
	bench_free(b);
}

TEST(s15_no_irq, "an interrupt that never comes: errors show in the maps alone")
{
	struct bench *b = bench_guest_queue(7);

	inject(b, CMDQV_FAULT_NO_IRQ, 0, 1);
	cmd_issue(b, GUEST_Q, 0x01, 0);
	EXPECT_EQ(b->irqs, 0);
	EXPECT_EQ(r32(b, VINTF_ERR_MAP), 1 << GUEST_V);
	inject(b, CMDQV_FAULT_NO_IRQ, 0, 0);
	error_ack(b, GUEST_Q);
	EXPECT_EQ(b->irqs, 1);
	bench_free(b);
}

/* Registers of every aperture */
static const uint64_t everywhere[] = {
	CONFIG, PARAM, STATUS, VINTF_ERR_MAP, ALLOC_MAP(GUEST_Q), 0x0800,
	VINTF(GUEST_V) + V_CONFIG, VINTF(GUEST_V) + V_STATUS, 0x8000,
	DIRECT0(GUEST_Q) + Q_STATUS, DIRECT1(GUEST_Q) + Q_BASE,
	LOGICAL0(GUEST_V, 0) + Q_CONS, LOGICAL0(GUEST_V, 1) + Q_CONS,
	LOGICAL1(GUEST_V, 0) + Q_BASE,
};

#define NUM_EVERYWHERE	(sizeof(everywhere) / sizeof(everywhere[0]))

TEST(s15_reads,
     "a bus that gives all ones, or zeros, gives them for every register of every aperture; writes arrive, the unit works on, nothing is read into it")
{
	static const enum cmdqv_fault faults[] = { CMDQV_FAULT_READ_ONES,
						   CMDQV_FAULT_READ_ZEROS };

	for (unsigned int f = 0; f < 2; f++) {
		uint64_t want = f ? 0 : UINT64_MAX;
		struct bench *b = bench_guest_queue(7);
		uint64_t old[NUM_EVERYWHERE];

		for (unsigned int i = 0; i < NUM_EVERYWHERE; i++)
			old[i] = r32(b, everywhere[i]);
		cmd_put(b, GUEST_Q, 0, CMD_SYNC, 0);
		inject(b, faults[f], 0, 1);
		for (unsigned int i = 0; i < NUM_EVERYWHERE; i++) {
			EXPECT_EQ(r32(b, everywhere[i]), (uint32_t)want);
			if (everywhere[i] % 8 == 0)
				EXPECT_EQ(r64(b, everywhere[i]), want);
		}
		w32(b, LOGICAL0(GUEST_V, 0) + Q_PROD, 1);
		EXPECT_EQ(b->num_executed, 1);
		cmdqv_inject_none(b->c);
		old[11]++;	/* CONS */
		for (unsigned int i = 0; i < NUM_EVERYWHERE; i++)
			EXPECT_EQ(r32(b, everywhere[i]), old[i]);
		bench_free(b);
	}
}

TEST(s15_writes_dropped, "a bus that drops writes: nothing arrives, reads tell the truth")
{
	struct bench *b = bench_guest_queue(7);

	inject(b, CMDQV_FAULT_DROP_WRITES, 0, 1);
	cmd_put(b, GUEST_Q, 0, CMD_SYNC, 0);
	w32(b, LOGICAL0(GUEST_V, 0) + Q_PROD, 1);
	queue_off(b, GUEST_Q);
	w32(b, VINTF(GUEST_V) + V_CONFIG, 0);
	w32(b, CONFIG, 0);
	EXPECT_EQ(b->num_executed, 0);
	EXPECT_EQ(r32(b, STATUS), EN);
	EXPECT_EQ(r32(b, VINTF(GUEST_V) + V_STATUS) & EN, EN);
	EXPECT_EQ(r32(b, DIRECT0(GUEST_Q) + Q_STATUS), EN);
	EXPECT_EQ(cmdqv_counters(b->c)->ignored, 4);
	inject(b, CMDQV_FAULT_DROP_WRITES, 0, 0);
	w32(b, LOGICAL0(GUEST_V, 0) + Q_PROD, 1);
	EXPECT_EQ(b->num_executed, 1);
	bench_free(b);
}

TEST(s15_param,
     "PARAM can read as anything, 0 included, and changes nothing else; a value without bit 32 is refused as a slip")
{
	struct bench *b = bench_guest_queue(7);
	uint32_t param = r32(b, PARAM);

	inject(b, CMDQV_FAULT_PARAM, 0, 0x1ffffffffull);
	EXPECT_EQ(r32(b, PARAM), 0xffffffff);
	inject(b, CMDQV_FAULT_PARAM, 0, 0x100000000ull);
	EXPECT_EQ(r32(b, PARAM), 0);
	cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
	EXPECT_EQ(b->num_executed, 1);
	cmdqv_reset(b->c);
	EXPECT_EQ(r32(b, PARAM), 0);
	EXPECT(!cmdqv_inject(b->c, CMDQV_FAULT_PARAM, 0, 1));
	EXPECT(!cmdqv_inject(b->c, CMDQV_FAULT_PARAM, 0, 0x200000000ull));
	EXPECT_EQ(r32(b, PARAM), 0);
	inject(b, CMDQV_FAULT_PARAM, 0, 0);
	EXPECT_EQ(r32(b, PARAM), param);
	bench_free(b);
}

TEST(s15_lost,
     "a unit that is lost reads as all ones, takes no write, executes nothing, raises no edge and hears of no CMD_SYNC, however long it lasts")
{
	struct bench *b = bench_guest_queue(7);

	inject(b, CMDQV_FAULT_ATC_TIMEOUT, GUEST_Q, 1);
	sid_set(b, GUEST_V, 0, 1, 0x101);
	cmd_issue(b, GUEST_Q, CMD_ATC_INV | ATC_SID(1), 0);
	queue_off(b, GUEST_Q);
	EXPECT(vcmdq_state(b, GUEST_Q).atc_owed);
	cmdqv_set_delays(b->c, 0, 1000, 0, 1);
	w32(b, VINTF(GUEST_V) + V_CONFIG, VMID(7));	/* due in 1000 ns */
	EXPECT_EQ(b->num_executed, 1);
	inject(b, CMDQV_FAULT_LOST, 0, 1);
	w32(b, LOGICAL0(GUEST_V, 0) + Q_PROD, 5);
	bench_pass(b, 2000000000);
	cmdqv_smmu_sync(b->c);
	EXPECT_EQ(r32(b, LOGICAL0(GUEST_V, 0) + Q_STATUS), 0xffffffff);
	EXPECT_EQ(b->num_executed, 1);
	EXPECT_EQ(b->irqs, 0);
	EXPECT_EQ(vcmdq_state(b, GUEST_Q).prod, 1);
	EXPECT(vintf_state(b, GUEST_V).enabled);
	EXPECT(vcmdq_state(b, GUEST_Q).atc_owed);
	EXPECT(!cmdqv_check(b->c));
	/* said again it is the same loss */
	inject(b, CMDQV_FAULT_LOST, 0, 1);
	EXPECT(vintf_state(b, GUEST_V).enabled);
	inject(b, CMDQV_FAULT_STUCK_ERROR, GUEST_Q, CMDQV_CERROR_ILL);
	EXPECT_EQ(b->irqs, 0);
	bench_free(b);
}

TEST(s15_lost_with_work,
     "commands that a queue has not executed when the unit is lost are not executed, then or later")
{
	struct bench *b = bench_guest_queue(7);

	/* one that can begin at once, hung, and one with a step to come */
	queue_scrub(b, GUEST_Q + 1);
	queue_map(b, GUEST_Q + 1, GUEST_V, 1);
	queue_on(b, GUEST_Q + 1);
	inject(b, CMDQV_FAULT_HUNG_VCMDQ, GUEST_Q + 1, 1);
	cmd_issue(b, GUEST_Q + 1, CMD_SYNC, 0);
	cmdqv_set_delays(b->c, 0, 0, 100, 1);
	cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
	cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
	bench_pass(b, 100);
	EXPECT_EQ(b->num_executed, 1);
	inject(b, CMDQV_FAULT_LOST, 0, 1);
	bench_pass(b, 1000);
	cmdqv_process(b->c);
	EXPECT_EQ(b->num_executed, 1);
	/* nor does the end of another fault make it work */
	cmdqv_set_delays(b->c, 0, 0, 0, 1);
	inject(b, CMDQV_FAULT_HUNG_VCMDQ, GUEST_Q + 1, 0);
	EXPECT_EQ(b->num_executed, 1);
	inject(b, CMDQV_FAULT_LOST, 0, 0);
	bench_pass(b, 1000);
	EXPECT_EQ(b->num_executed, 1);
	bench_free(b);
}

TEST(s15_lost_comes_back,
     "a unit that comes back does so as after power-on: disabled, nothing mapped; faults of its parts stay")
{
	for (unsigned int all = 0; all < 2; all++) {
		struct bench *b = bench_guest_queue(7);

		inject(b, CMDQV_FAULT_HUNG_VCMDQ, GUEST_Q, 1);
		inject(b, CMDQV_FAULT_LOST, 0, 1);
		if (all)
			cmdqv_inject_none(b->c);
		else
			inject(b, CMDQV_FAULT_LOST, 0, 0);
		EXPECT_EQ(r32(b, STATUS), 0);
		EXPECT_EQ(r32(b, ALLOC_MAP(GUEST_Q)) & ALLOCATED, 0);
		EXPECT_EQ(r32(b, VINTF(GUEST_V) + V_STATUS) & EN, 0);
		EXPECT_EQ(r32(b, DIRECT0(GUEST_Q) + Q_STATUS), 0);
		unit_on(b);
		vintf_on(b, GUEST_V, 8, 0);
		queue_scrub(b, GUEST_Q);
		queue_map(b, GUEST_Q, GUEST_V, 0);
		queue_on(b, GUEST_Q);
		cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
		EXPECT_EQ(b->num_executed, all);
		bench_free(b);
	}
}
