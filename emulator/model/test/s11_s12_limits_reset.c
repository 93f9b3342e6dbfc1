// SPDX-License-Identifier: GPL-2.0-or-later
/* hardware.md §11 and §12: queue limits, reset, late ATC timeouts */
#include "bench.h"

static void check_base(struct bench *b, uint64_t base, int good)
{
	uint64_t errors = cmdqv_counters(b->c)->init_errors;
	uint64_t violated = violations(b, CMDQV_V_ENABLE_BAD_BASE);

	queue_scrub(b, 0);
	w64(b, DIRECT1(0) + Q_BASE, base);
	w32(b, DIRECT0(0) + Q_PROD, 1);
	w32(b, DIRECT0(0) + Q_CONFIG, EN);
	EXPECT_EQ(r32(b, DIRECT0(0) + Q_STATUS), good);
	EXPECT_EQ(cmdqv_counters(b->c)->init_errors, errors + !good);
	EXPECT_EQ(violations(b, CMDQV_V_ENABLE_BAD_BASE), violated + !good);
	if (!good) {
		EXPECT_EQ(r32(b, DIRECT0(0) + Q_GERROR) ^
			  r32(b, DIRECT0(0) + Q_GERRORN), CMDQ_INIT_ERR);
		EXPECT_EQ(b->reads, 0);
	}
	queue_off(b, 0);
}

TEST(s11_bad_base_is_an_init_error,
     "LOG2SIZE 0 or above CMDQS, an address of 0 or not aligned to the size: CMDQ_INIT_ERR, STATUS stays 0, nothing is read (assumption)")
{
	struct cmdqv_config config = bench_config();
	struct bench *b;

	config.max_log2size = 10;
	b = bench_new(&config);
	unit_on(b);
	queue_scrub(b, 0);
	queue_map(b, 0, 0, 0);
	vintf_on(b, 0, 0, HYP_OWN);
	check_base(b, 0, 0);
	check_base(b, 4, 0);			/* address 0 */
	check_base(b, MEM_BASE, 0);		/* LOG2SIZE 0 */
	check_base(b, MEM_BASE | 11, 0);
	check_base(b, MEM_BASE | 31, 0);
	check_base(b, (MEM_BASE + 0x20) | 4, 0);
	check_base(b, (MEM_BASE + 0x80) | 4, 0);
	check_base(b, (MEM_BASE + 0x2000) | 10, 0);
	check_base(b, 0xffff000000000004ull, 0);	/* no bit of 47:5 */
	check_base(b, MEM_BASE | 10, 1);
	check_base(b, (MEM_BASE + 0x100) | 4, 1);
	check_base(b, (MEM_BASE + 0x20) | 1, 1);
	bench_free(b);
}

TEST(s11_init_error_recovers,
     "after CMDQ_INIT_ERR the queue can be set up and enabled as any other")
{
	struct bench *b = bench_host_queue();

	queue_off(b, 0);
	queue_scrub(b, 0);
	w32(b, DIRECT0(0) + Q_CONFIG, EN);
	EXPECT_EQ(r32(b, DIRECT0(0) + Q_STATUS), 0);
	EXPECT_EQ(b->irqs, 1);
	/* BASE can be written now, the queue is not running */
	w64(b, DIRECT1(0) + Q_BASE, RING(0) | RING_LOG2);
	EXPECT_EQ(r64(b, DIRECT1(0) + Q_BASE), RING(0) | RING_LOG2);
	error_ack(b, 0);
	EXPECT_EQ(r32(b, DIRECT0(0) + Q_STATUS), 0);
	w32(b, DIRECT0(0) + Q_CONFIG, 0);
	w32(b, DIRECT0(0) + Q_CONFIG, EN);
	EXPECT_EQ(r32(b, DIRECT0(0) + Q_STATUS), 1);
	cmd_issue(b, 0, CMD_SYNC, 0);
	EXPECT_EQ(b->num_executed, 1);
	bench_free(b);
}

TEST(s11_base_above_2_to_48,
     "BASE keeps bits 47:5 and LOG2SIZE only: an address of 2^48 and more is cut")
{
	struct bench *b = bench_default();

	w64(b, DIRECT1(0) + Q_BASE, 0xffff123456789ac4ull);
	EXPECT_EQ(r64(b, DIRECT1(0) + Q_BASE), 0x0000123456789ac4ull);
	bench_free(b);
}

TEST(s11_fetch_abort,
     "a fetch that aborts: CMDQ_ERR with CONS.ERR 2, CONS stays; acknowledged, it is fetched again")
{
	struct bench *b = bench_host_queue();

	EXPECT(cmdqv_inject(b->c, CMDQV_FAULT_FETCH_ABORT, 0, 2));
	cmd_issue(b, 0, CMD_SYNC, 0);
	EXPECT_EQ(cmd_error(b, 0), CMDQV_CERROR_ABT);
	EXPECT_EQ(b->irqs, 1);
	EXPECT_EQ(cmdqv_counters(b->c)->refused[0][CMDQV_R_FETCH], 1);
	error_ack(b, 0);
	EXPECT_EQ(cmd_error(b, 0), CMDQV_CERROR_ABT);
	error_ack(b, 0);
	EXPECT_EQ(cmd_error(b, 0), 0);
	EXPECT_EQ(b->num_executed, 1);

	/* memory that is not there */
	queue_off(b, 0);
	queue_scrub(b, 0);
	w64(b, DIRECT1(0) + Q_BASE, 0x1000000000ull | 4);
	w32(b, DIRECT0(0) + Q_CONFIG, EN);
	w32(b, DIRECT0(0) + Q_PROD, 1);
	EXPECT_EQ(cmd_error(b, 0), CMDQV_CERROR_ABT);
	bench_free(b);
}

TEST(s11_cons_copy_in_memory,
     "CONS is copied to CONS_INDX_BASE with CONS_DRAM_EN only; address 0 means none; an abort is CONS_DRAM_WR_ABT_ERR (assumption)")
{
	struct bench *b = bench_host_queue();

	queue_off(b, 0);
	w64(b, DIRECT1(0) + Q_CONS_INDX_BASE, MEM_BASE + 0x100000);
	w32(b, DIRECT0(0) + Q_CONFIG, EN);
	cmd_issue(b, 0, CMD_SYNC, 0);
	EXPECT_EQ(b->writes, 0);
	w32(b, CONFIG, r32(b, CONFIG) | 1u << 20);
	cmd_issue(b, 0, CMD_SYNC, 0);
	EXPECT_EQ(b->writes, 1);
	EXPECT_EQ(b->write_pa, MEM_BASE + 0x100000);
	EXPECT_EQ(b->write_value, 2);
	b->write_abort = 1;
	cmd_issue(b, 0, CMD_SYNC, 0);
	EXPECT_EQ(r32(b, DIRECT0(0) + Q_GERROR) ^
		  r32(b, DIRECT0(0) + Q_GERRORN), CONS_DRAM_WR_ABT_ERR);
	EXPECT_EQ(b->irqs, 1);
	EXPECT_EQ(b->num_executed, 3);
	queue_off(b, 0);
	w64(b, DIRECT1(0) + Q_CONS_INDX_BASE, 0);
	w32(b, DIRECT0(0) + Q_CONFIG, EN);
	cmd_issue(b, 0, CMD_SYNC, 0);
	EXPECT_EQ(b->num_executed, 4);
	EXPECT_EQ(b->writes, 2);
	bench_free(b);
}

TEST(s12_unknown_after_reset,
     "registers hold something after power-on, but nothing runs: not enabled, not allocated, no slot enabled, no error, nothing masked")
{
	for (uint64_t seed = 1; seed < 20; seed++) {
		struct cmdqv_config config = bench_config();
		uint64_t any_base = 0, any_prod = 0, any_vmid = 0, any_sid = 0;
		struct bench *b;

		config.reset_seed = seed;
		b = bench_new(&config);
		EXPECT_EQ(r32(b, CONFIG) & EN, 0);
		EXPECT_EQ(r32(b, STATUS), 0);
		for (unsigned int v = 0; v < 4; v++) {
			struct cmdqv_vintf_state s = vintf_state(b, v);

			EXPECT(!s.config_en && !s.enabled && !s.num_lvcmdqs);
			any_vmid |= s.vmid;
			for (unsigned int i = 0; i < 4; i++) {
				EXPECT(!s.sid[i].enabled);
				any_sid |= s.sid[i].phys_sid;
			}
		}
		for (unsigned int q = 0; q < 16; q++) {
			struct cmdqv_vcmdq_state s = vcmdq_state(b, q);

			EXPECT(!s.allocated && !s.config_en && !s.enabled);
			EXPECT_EQ(s.gerror, s.gerrorn);
			any_base |= s.base;
			any_prod |= s.prod;
		}
		EXPECT(any_base && any_prod && any_vmid && any_sid);
		EXPECT_EQ(r32(b, VINTF_ERR_MAP), 0);
		EXPECT_EQ(r32(b, VINTF_INT_MASK), 0);
		EXPECT_EQ(r32(b, VINTF_INT_MASK + 4), 0);
		EXPECT_EQ(b->irqs, 0);
		bench_free(b);
	}
}

TEST(s12_reset_patterns,
     "ZERO is all zero; DIRTY also leaves mappings, slots, errors and masked VINTFs behind, which a driver can scrub")
{
	struct cmdqv_config config = bench_config();
	uint64_t allocated = 0, errors = 0, slots = 0;
	char out[4096];
	struct bench *b;

	config.reset_pattern = CMDQV_RESET_ZERO;
	b = bench_new(&config);
	cmdqv_observe(b->c, "state", out, sizeof(out));
	/* "ok" and the unit's own line: nothing else holds anything */
	EXPECT_EQ(r32(b, CONFIG), 0);
	for (size_t i = 0, lines = 0; out[i]; i++) {
		lines += out[i] == '\n';
		EXPECT(lines < 2 || !out[i + 1]);
	}
	bench_free(b);

	config.reset_pattern = CMDQV_RESET_DIRTY;
	b = bench_new(&config);
	for (unsigned int q = 0; q < 16; q++) {
		allocated += vcmdq_state(b, q).allocated;
		errors += vcmdq_state(b, q).gerror != vcmdq_state(b, q).gerrorn;
	}
	for (unsigned int v = 0; v < 4; v++)
		for (unsigned int s = 0; s < 4; s++)
			slots += vintf_state(b, v).sid[s].enabled;
	EXPECT(allocated && errors && slots);
	/* VINTFs that there are, and not all of them */
	EXPECT(r32(b, VINTF_INT_MASK) && r32(b, VINTF_INT_MASK) < 0xf);
	EXPECT_EQ(r32(b, VINTF_INT_MASK + 4), 0);
	EXPECT_EQ(b->irqs, 0);
	for (unsigned int q = 16; q-- > 0;) {
		w32(b, ALLOC_MAP(q), 0);
		queue_scrub(b, q);
	}
	EXPECT_EQ(r32(b, VINTF_ERR_MAP), 0);
	EXPECT_EQ(r32(b, CMDQ_ERR_MAP(0)), 0);
	bench_free(b);
}

TEST(s12_reset_again,
     "a reset forgets all registers and handshakes; counters, log and injected faults stay, since they are the bench's")
{
	struct cmdqv_config config = bench_config();
	struct bench *b;
	uint64_t executed;

	config.enable_delay_ns = 100;
	b = bench_new(&config);
	unit_on(b);
	bench_pass(b, 100);
	vintf_on(b, 0, 0, HYP_OWN);
	queue_scrub(b, 0);
	queue_map(b, 0, 0, 0);
	queue_on(b, 0);
	bench_pass(b, 100);
	cmd_issue(b, 0, CMD_SYNC, 0);
	executed = cmdqv_counters(b->c)->executed[0][CMD_SYNC];
	EXPECT_EQ(executed, 1);
	w32(b, VINTF(1) + V_CONFIG, EN);
	w32(b, VINTF_INT_MASK, 1);
	EXPECT(cmdqv_inject(b->c, CMDQV_FAULT_STUCK_ENABLE_VINTF, 2, 1));
	cmdqv_reset(b->c);
	bench_pass(b, 1000);
	EXPECT_EQ(r32(b, STATUS), 0);
	EXPECT_EQ(r32(b, VINTF(1) + V_STATUS), 0);
	EXPECT_EQ(r32(b, DIRECT0(0) + Q_STATUS), 0);
	EXPECT_EQ(r32(b, ALLOC_MAP(0)) & ALLOCATED, 0);
	EXPECT_EQ(r32(b, VINTF_INT_MASK), 0);
	EXPECT_EQ(cmdqv_counters(b->c)->executed[0][CMD_SYNC], 1);
	w32(b, VINTF(2) + V_CONFIG, EN);
	bench_pass(b, 1000);
	EXPECT_EQ(r32(b, VINTF(2) + V_STATUS), 0);
	bench_free(b);
}

TEST(s12_disable_forgets_nothing,
     "EN=0, of the unit, a VINTF or a queue, forgets no configuration: software has to scrub")
{
	struct bench *b = bench_guest_queue(7);

	sid_set(b, GUEST_V, 1, 0x10, 0x110);
	cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
	queue_off(b, GUEST_Q);
	w32(b, VINTF(GUEST_V) + V_CONFIG, VMID(7));
	w32(b, CONFIG, 0);
	EXPECT_EQ(vintf_state(b, GUEST_V).vmid, 7);
	EXPECT(vintf_state(b, GUEST_V).sid[1].enabled);
	EXPECT_EQ(vcmdq_state(b, GUEST_Q).base, RING(GUEST_Q) | RING_LOG2);
	EXPECT_EQ(vcmdq_state(b, GUEST_Q).cons, 1);
	EXPECT_EQ(vcmdq_state(b, GUEST_Q).prod, 1);
	EXPECT(vcmdq_state(b, GUEST_Q).allocated);
	bench_free(b);
}

TEST(s12_driver_teardown_scrubs,
     "I7: the sequence of §12 leaves VINTF, queue and slots as if never used")
{
	struct cmdqv_config config = bench_config();
	char out[4096];
	struct bench *b;

	config.reset_pattern = CMDQV_RESET_ZERO;
	b = bench_new(&config);
	w32(b, CONFIG, EN);
	vintf_on(b, 1, 7, 0);
	for (unsigned int l = 0; l < 2; l++) {
		queue_map(b, 4 + l, 1, l);
		queue_on(b, 4 + l);
		cmd_issue(b, 4 + l, CMD_SYNC, 0);
	}
	sid_set(b, 1, 0, 1, 2);
	cmd_issue(b, 5, 0x01, 0);		/* an error is pending */
	for (unsigned int l = 2; l-- > 0;) {
		queue_off(b, 4 + l);
		cmdqv_smmu_sync(b->c);
		queue_scrub(b, 4 + l);
		w32(b, ALLOC_MAP(4 + l), ALLOC(1, l));
	}
	w32(b, VINTF(1) + V_CONFIG, 0);
	w32(b, VINTF(1) + V_SID_MATCH(0), 0);
	w32(b, VINTF(1) + V_SID_REPLACE(0), 0);
	EXPECT_EQ(all_violations(b), 0);
	cmdqv_observe(b->c, "state", out, sizeof(out));
	for (size_t i = 0, lines = 0; out[i]; i++) {
		lines += out[i] == '\n';
		EXPECT(lines < 2 || !out[i + 1]);
	}
	bench_free(b);
}

/* An ATC_INV of the guest's queue has timed out, and no CMD_SYNC followed */
static struct bench *owed(void)
{
	struct bench *b = bench_guest_queue(7);

	sid_set(b, GUEST_V, 0, 1, 0x101);
	EXPECT(cmdqv_inject(b->c, CMDQV_FAULT_ATC_TIMEOUT, GUEST_Q, 1));
	cmd_issue(b, GUEST_Q, CMD_ATC_INV | ATC_SID(1), 0);
	EXPECT_EQ(b->num_executed, 1);
	EXPECT(vcmdq_state(b, GUEST_Q).atc_owed);
	EXPECT_EQ(b->irqs, 0);
	return b;
}

static void hand_over(struct bench *b)
{
	queue_scrub(b, GUEST_Q);
	queue_unmap(b, GUEST_Q);
	vintf_on(b, 2, 8, 0);
	queue_map(b, GUEST_Q, 2, 0);
	queue_on(b, GUEST_Q);
}

TEST(s12_atc_timeout_fails_the_sync,
     "an ATC_INV that timed out makes the queue's next CMD_SYNC fail with CONS.ERR 3; run again it completes")
{
	struct bench *b = owed();

	cmd_issue(b, GUEST_Q, CMD_TLBI_NH_ASID, 0);
	EXPECT_EQ(b->num_executed, 2);
	cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
	EXPECT_EQ(b->num_executed, 2);
	EXPECT_EQ(cmd_error(b, GUEST_Q), CMDQV_CERROR_ATC_INV_SYNC);
	EXPECT_EQ(r32(b, DIRECT0(GUEST_Q) + Q_CONS) & 0xfffff, 2);
	error_ack(b, GUEST_Q);
	EXPECT_EQ(b->num_executed, 3);
	EXPECT_EQ(cmd_error(b, GUEST_Q), 0);
	/* only as many as were injected */
	cmd_issue(b, GUEST_Q, CMD_ATC_INV | ATC_SID(1), 0);
	cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
	EXPECT_EQ(cmd_error(b, GUEST_Q), 0);
	EXPECT_EQ(violations(b, CMDQV_V_ATC_TIMEOUT_FOREIGN), 0);
	bench_free(b);
}

TEST(s12_late_timeout_hits_the_next_owner,
     "without a flush, the time-out is reported to whoever enables the queue next: a violation")
{
	struct bench *b = owed();

	queue_off(b, GUEST_Q);
	hand_over(b);
	EXPECT_EQ(cmd_error(b, GUEST_Q), CMDQV_CERROR_ATC_INV_SYNC);
	EXPECT_EQ(r32(b, VINTF_ERR_MAP), 1 << 2);
	EXPECT_EQ(b->irqs, 1);
	EXPECT_EQ(violations(b, CMDQV_V_ATC_TIMEOUT_FOREIGN), 1);
	EXPECT(!vcmdq_state(b, GUEST_Q).atc_owed);
	bench_free(b);
}

TEST(s12_late_timeout_flushed_by_smmu_sync,
     "a CMD_SYNC on the SMMU's own queue after disabling brings the time-out out, to its owner; scrubbed, the next owner sees none")
{
	struct bench *b = owed();

	queue_off(b, GUEST_Q);
	EXPECT_EQ(b->irqs, 0);
	cmdqv_smmu_sync(b->c);
	EXPECT_EQ(cmd_error(b, GUEST_Q), CMDQV_CERROR_ATC_INV_SYNC);
	EXPECT_EQ(r32(b, VINTF_ERR_MAP), 1 << GUEST_V);
	EXPECT_EQ(b->irqs, 1);
	hand_over(b);
	EXPECT_EQ(cmd_error(b, GUEST_Q), 0);
	EXPECT_EQ(r32(b, VINTF_ERR_MAP), 0);
	cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
	EXPECT_EQ(b->num_executed, 2);
	EXPECT_EQ(all_violations(b), 0);
	bench_free(b);
}

TEST(s12_late_timeout_flushed_by_any_queue,
     "a CMD_SYNC on any other VCMDQ flushes it as well")
{
	struct bench *b = owed();

	queue_off(b, GUEST_Q);
	vintf_on(b, 0, 0, HYP_OWN);
	queue_scrub(b, 0);
	queue_map(b, 0, 0, 0);
	queue_on(b, 0);
	cmd_issue(b, 0, CMD_SYNC, 0);
	EXPECT_EQ(cmd_error(b, 0), 0);
	EXPECT_EQ(cmd_error(b, GUEST_Q), CMDQV_CERROR_ATC_INV_SYNC);
	EXPECT_EQ(violations(b, CMDQV_V_ATC_TIMEOUT_FOREIGN), 0);
	bench_free(b);
}

TEST(s12_flush_while_enabled_is_too_early,
     "a flush before the queue is disabled doesn't count: the time-out is still to come")
{
	struct bench *b = owed();

	cmdqv_smmu_sync(b->c);
	EXPECT(vcmdq_state(b, GUEST_Q).atc_owed);
	EXPECT_EQ(b->irqs, 0);
	queue_off(b, GUEST_Q);
	hand_over(b);
	EXPECT_EQ(violations(b, CMDQV_V_ATC_TIMEOUT_FOREIGN), 1);
	bench_free(b);
}

TEST(s12_late_timeout_by_time,
     "a late time-out may come at any time: to the new owner of the queue, while it is not even enabled")
{
	struct bench *b = owed();

	EXPECT(cmdqv_inject(b->c, CMDQV_FAULT_ATC_LATE_NS, 0, 5000));
	bench_pass(b, 6000);
	EXPECT_EQ(b->irqs, 0);			/* enabled: its own SYNC tells */
	queue_off(b, GUEST_Q);
	bench_pass(b, 0);
	EXPECT_EQ(b->irqs, 1);
	EXPECT_EQ(violations(b, CMDQV_V_ATC_TIMEOUT_FOREIGN), 0);
	bench_free(b);

	b = owed();
	EXPECT(cmdqv_inject(b->c, CMDQV_FAULT_ATC_LATE_NS, 0, 5000));
	queue_off(b, GUEST_Q);
	queue_scrub(b, GUEST_Q);
	queue_unmap(b, GUEST_Q);
	queue_map(b, GUEST_Q, 2, 0);
	bench_pass(b, 4999);
	EXPECT_EQ(b->irqs, 0);
	bench_pass(b, 1);
	EXPECT_EQ(b->irqs, 1);
	EXPECT_EQ(r32(b, VINTF_ERR_MAP), 1 << 2);
	EXPECT_EQ(violations(b, CMDQV_V_ATC_TIMEOUT_FOREIGN), 1);
	bench_free(b);
}

TEST(s12_recycled_vintf_is_another_owner,
     "a VINTF disabled and enabled again counts as another owner, even with the same queue")
{
	struct bench *b = owed();

	queue_off(b, GUEST_Q);
	w32(b, VINTF(GUEST_V) + V_CONFIG, 0);
	vintf_on(b, GUEST_V, 8, 0);
	w32(b, DIRECT0(GUEST_Q) + Q_CONFIG, EN);
	EXPECT_EQ(violations(b, CMDQV_V_ATC_TIMEOUT_FOREIGN), 1);
	bench_free(b);

	/* the same owner enabling its queue again is none */
	b = owed();
	queue_off(b, GUEST_Q);
	w32(b, DIRECT0(GUEST_Q) + Q_CONFIG, EN);
	EXPECT_EQ(cmd_error(b, GUEST_Q), CMDQV_CERROR_ATC_INV_SYNC);
	EXPECT_EQ(violations(b, CMDQV_V_ATC_TIMEOUT_FOREIGN), 0);
	bench_free(b);
}

TEST(s12_remapped_with_a_timeout_owed,
     "a queue given to another VINTF while it runs takes its time-out along: its CMD_SYNC fails there, a violation")
{
	struct bench *b = owed();

	vintf_on(b, 2, 8, 0);
	w32(b, ALLOC_MAP(GUEST_Q), ALLOC(2, 0) | ALLOCATED);
	cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
	EXPECT_EQ(cmd_error(b, GUEST_Q), CMDQV_CERROR_ATC_INV_SYNC);
	EXPECT_EQ(r32(b, VINTF_ERR_MAP), 1 << 2);
	EXPECT_EQ(violations(b, CMDQV_V_ATC_TIMEOUT_FOREIGN), 1);
	bench_free(b);
}
