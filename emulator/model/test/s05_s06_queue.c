// SPDX-License-Identifier: GPL-2.0-or-later
/* hardware.md §5 and §6: queue registers, handshakes */
#include "bench.h"

TEST(s05_register_fields,
     "page 0 and page 1 registers hold the fields of §5, reserved bits read 0, STATUS and GERROR are read-only")
{
	struct bench *b = bench_default();

	queue_scrub(b, 2);
	w32(b, DIRECT0(2) + Q_CONS, 0xffffffff);
	EXPECT_EQ(r32(b, DIRECT0(2) + Q_CONS), 0x7f0fffff);
	w32(b, DIRECT0(2) + Q_PROD, 0xffffffff);
	EXPECT_EQ(r32(b, DIRECT0(2) + Q_PROD), 0x000fffff);
	w32(b, DIRECT0(2) + Q_CONFIG, 0xfffffffe);
	EXPECT_EQ(r32(b, DIRECT0(2) + Q_CONFIG), 0);
	w32(b, DIRECT0(2) + Q_STATUS, 1);
	EXPECT_EQ(r32(b, DIRECT0(2) + Q_STATUS), 0);
	w32(b, DIRECT0(2) + Q_GERROR, ~r32(b, DIRECT0(2) + Q_GERROR));
	EXPECT_EQ(r32(b, DIRECT0(2) + Q_GERROR),
		  r32(b, DIRECT0(2) + Q_GERRORN));
	w32(b, DIRECT0(2) + Q_GERRORN, 0xffffffff);
	EXPECT_EQ(r32(b, DIRECT0(2) + Q_GERRORN), 7);
	w64(b, DIRECT1(2) + Q_BASE, UINT64_MAX);
	EXPECT_EQ(r64(b, DIRECT1(2) + Q_BASE), 0x0000ffffffffffffull);
	bench_free(b);
}

TEST(s05_commands_run_in_order,
     "commands are executed in order from CONS to PROD, each once, from BASE + 16 * index")
{
	struct bench *b = bench_host_queue();

	for (unsigned int i = 0; i < 10; i++)
		cmd_put(b, 0, i, CMD_TLBI_NH_ASID | TLBI_ASID(i), i);
	w32(b, DIRECT0(0) + Q_PROD, 10);
	EXPECT_EQ(b->num_executed, 10);
	for (unsigned int i = 0; i < 10; i++) {
		EXPECT_EQ(b->executed[i].cmd[0], CMD_TLBI_NH_ASID | TLBI_ASID(i));
		EXPECT_EQ(b->executed[i].cmd[1], i);
	}
	EXPECT_EQ(r32(b, DIRECT0(0) + Q_CONS), 10);
	EXPECT_EQ(b->reads, 10);
	EXPECT_EQ(b->read_low, RING(0));
	EXPECT_EQ(b->read_high, RING(0) + 160);
	/* no news, no work */
	w32(b, DIRECT0(0) + Q_PROD, 10);
	cmdqv_process(b->c);
	EXPECT_EQ(b->num_executed, 10);
	bench_free(b);
}

TEST(s05_cons_follows_execution,
     "CONS shows a command as consumed only after it was executed")
{
	struct bench *b = bench_host_queue();

	for (unsigned int i = 0; i < 8; i++)
		cmd_put(b, 0, i, CMD_SYNC, 0);
	w32(b, DIRECT0(0) + Q_PROD, 8);
	for (unsigned int i = 0; i < 8; i++)
		EXPECT_EQ(b->executed[i].cons & 0xfffff, i);
	bench_free(b);
}

TEST(s05_wrap_bit,
     "CONS and PROD carry a wrap bit just above LOG2SIZE, as SMMUv3's do; a full queue is not an empty one")
{
	struct bench *b = bench_host_queue();

	for (unsigned int i = 0; i < 16; i++)
		cmd_put(b, 0, i, CMD_SYNC, 0);
	w32(b, DIRECT0(0) + Q_PROD, 0x10);		/* full */
	EXPECT_EQ(b->num_executed, 16);
	EXPECT_EQ(r32(b, DIRECT0(0) + Q_CONS), 0x10);
	w32(b, DIRECT0(0) + Q_PROD, 0x10);		/* empty */
	EXPECT_EQ(b->num_executed, 16);
	w32(b, DIRECT0(0) + Q_PROD, 0x00);		/* full again */
	EXPECT_EQ(b->num_executed, 32);
	EXPECT_EQ(r32(b, DIRECT0(0) + Q_CONS), 0);
	w32(b, DIRECT0(0) + Q_PROD, 0x0f);
	w32(b, DIRECT0(0) + Q_PROD, 0x11);		/* past the end */
	EXPECT_EQ(b->num_executed, 32 + 17);
	EXPECT_EQ(r32(b, DIRECT0(0) + Q_CONS), 0x11);
	EXPECT_EQ(b->read_low, RING(0));
	EXPECT_EQ(b->read_high, RING(0) + 256);
	EXPECT_EQ(all_violations(b), 0);
	bench_free(b);
}

TEST(s05_smallest_and_largest_queue,
     "two commands (LOG2SIZE 1) and 2^19 commands (LOG2SIZE 19) work, wrap bit included")
{
	struct bench *b = bench_host_queue();

	queue_off(b, 0);
	queue_scrub(b, 0);
	w64(b, DIRECT1(0) + Q_BASE, RING(0) | 1);
	w32(b, DIRECT0(0) + Q_CONFIG, EN);
	for (unsigned int i = 0; i < 9; i++)
		cmd_issue(b, 0, CMD_SYNC, 0);
	EXPECT_EQ(b->num_executed, 9);
	EXPECT_EQ(r32(b, DIRECT0(0) + Q_CONS), 1);
	EXPECT_EQ(b->read_high, RING(0) + 32);

	/* 2^19 entries are 8 MiB: only the last one is looked at */
	queue_off(b, 0);
	queue_scrub(b, 0);
	w64(b, DIRECT1(0) + Q_BASE, (MEM_BASE - 0x800000) | 19);
	w32(b, DIRECT0(0) + Q_CONS, 0x7ffff);
	w32(b, DIRECT0(0) + Q_PROD, 0x80000);
	w32(b, DIRECT0(0) + Q_CONFIG, EN);
	EXPECT_EQ(b->read_low, MEM_BASE - 16);
	EXPECT_EQ(cmd_error(b, 0), CMDQV_CERROR_ABT);
	bench_free(b);
}

TEST(s05_prod_beyond_the_queue,
     "PROD further ahead than the size is bounded: fewer than twice the size, nothing read outside the queue")
{
	struct bench *b = bench_host_queue();

	for (unsigned int i = 0; i < 16; i++)
		cmd_put(b, 0, i, CMD_SYNC, 0);
	w32(b, DIRECT0(0) + Q_PROD, 0x1f);
	EXPECT_EQ(violations(b, CMDQV_V_PROD_OVERRUN), 1);
	EXPECT_EQ(b->num_executed, 31);
	w32(b, DIRECT0(0) + Q_PROD, 0xfffff);	/* the same, bits above */
	EXPECT_EQ(b->num_executed, 31);
	EXPECT_EQ(r32(b, DIRECT0(0) + Q_CONS), 0x1f);
	EXPECT_EQ(b->read_low, RING(0));
	EXPECT_EQ(b->read_high, RING(0) + 256);
	bench_free(b);
}

TEST(s05_cons_of_a_running_queue_is_its_own,
     "while the queue is enabled a write to CONS is dropped (assumption)")
{
	struct bench *b = bench_host_queue();
	uint64_t ignored;

	cmd_issue(b, 0, CMD_SYNC, 0);
	ignored = cmdqv_counters(b->c)->ignored;
	w32(b, DIRECT0(0) + Q_CONS, 0);
	EXPECT_EQ(cmdqv_counters(b->c)->ignored, ignored + 1);
	EXPECT_EQ(r32(b, DIRECT0(0) + Q_CONS), 1);
	EXPECT_EQ(b->num_executed, 1);
	bench_free(b);
}

TEST(s05_commands_are_little_endian, "commands lie in memory little-endian")
{
	struct bench *b = bench_host_queue();

	b->mem[RING(0) - MEM_BASE] = CMD_TLBI_NH_ASID;
	b->mem[RING(0) - MEM_BASE + 7] = 0x12;
	b->mem[RING(0) - MEM_BASE + 8] = 0x34;
	w32(b, DIRECT0(0) + Q_PROD, 1);
	EXPECT_EQ(last_executed(b)->cmd[0], 0x1200000000000011ull);
	EXPECT_EQ(last_executed(b)->cmd[1], 0x34);
	bench_free(b);
}

TEST(s05_steps_are_bounded,
     "a queue executes at most commands_per_step at a time and asks to go on")
{
	struct cmdqv_config config = bench_config();
	struct bench *b;

	config.commands_per_step = 3;
	config.reset_pattern = CMDQV_RESET_ZERO;
	b = bench_new(&config);
	unit_on(b);
	queue_map(b, 0, 0, 0);
	vintf_on(b, 0, 0, HYP_OWN);
	queue_on(b, 0);
	for (unsigned int i = 0; i < 8; i++)
		cmd_put(b, 0, i, CMD_SYNC, 0);
	w32(b, DIRECT0(0) + Q_PROD, 8);
	EXPECT_EQ(b->num_executed, 3);
	EXPECT_EQ(b->timer, b->now);
	cmdqv_process(b->c);
	EXPECT_EQ(b->num_executed, 6);
	bench_pass(b, 0);
	EXPECT_EQ(b->num_executed, 8);
	EXPECT_EQ(b->timer, UINT64_MAX);
	bench_free(b);
}

TEST(s05_command_delay, "with a delay, commands come step by step")
{
	struct cmdqv_config config = bench_config();
	struct bench *b;

	config.command_delay_ns = 500;
	config.commands_per_step = 2;
	config.reset_pattern = CMDQV_RESET_ZERO;
	b = bench_new(&config);
	unit_on(b);
	queue_map(b, 0, 0, 0);
	vintf_on(b, 0, 0, HYP_OWN);
	queue_on(b, 0);
	for (unsigned int i = 0; i < 5; i++)
		cmd_put(b, 0, i, CMD_SYNC, 0);
	w32(b, DIRECT0(0) + Q_PROD, 5);
	EXPECT_EQ(b->num_executed, 0);
	bench_pass(b, 499);
	EXPECT_EQ(b->num_executed, 0);
	bench_pass(b, 1);
	EXPECT_EQ(b->num_executed, 2);
	/* a call of process() before its time changes nothing */
	cmdqv_process(b->c);
	EXPECT_EQ(b->num_executed, 2);
	bench_pass(b, 1000);
	EXPECT_EQ(b->num_executed, 5);
	bench_free(b);
}

static struct bench *delayed(void)
{
	struct cmdqv_config config = bench_config();

	config.enable_delay_ns = 1000;
	config.disable_delay_ns = 2000;
	config.reset_pattern = CMDQV_RESET_ZERO;
	return bench_new(&config);
}

static void check_handshake(struct bench *b, uint32_t config, uint32_t status)
{
	w32(b, config, EN);
	EXPECT_EQ(r32(b, config) & EN, EN);
	EXPECT_EQ(r32(b, status) & EN, 0);
	bench_pass(b, 999);
	EXPECT_EQ(r32(b, status) & EN, 0);
	bench_pass(b, 1);
	EXPECT_EQ(r32(b, status) & EN, EN);
	w32(b, config, 0);
	EXPECT_EQ(r32(b, config) & EN, 0);
	EXPECT_EQ(r32(b, status) & EN, EN);
	bench_pass(b, 1999);
	EXPECT_EQ(r32(b, status) & EN, EN);
	bench_pass(b, 1);
	EXPECT_EQ(r32(b, status) & EN, 0);
	/* back before it took effect: STATUS never moves */
	w32(b, config, EN);
	bench_pass(b, 500);
	w32(b, config, 0);
	bench_pass(b, 5000);
	EXPECT_EQ(r32(b, status) & EN, 0);
	w32(b, config, EN);
	bench_pass(b, 1000);
	EXPECT_EQ(r32(b, status) & EN, EN);
}

TEST(s06_status_follows_config,
     "CMDQV, VINTF and VCMDQ: STATUS bit 0 follows CONFIG bit 0 after a delay, both ways")
{
	struct bench *b = delayed();

	check_handshake(b, CONFIG, STATUS);
	check_handshake(b, VINTF(1) + V_CONFIG, VINTF(1) + V_STATUS);
	queue_map(b, 3, 1, 0);
	w64(b, DIRECT1(3) + Q_BASE, RING(3) | RING_LOG2);
	check_handshake(b, LOGICAL0(1, 0) + Q_CONFIG, LOGICAL0(1, 0) + Q_STATUS);
	bench_free(b);
}

TEST(s06_status_follows_the_clock,
     "STATUS is what it has to be by now, also if the bench's call is late")
{
	struct bench *b = delayed();

	w32(b, CONFIG, EN);
	vintf_on(b, 1, 7, 0);
	queue_map(b, 3, 1, 0);
	queue_on(b, 3);
	b->now += 999;
	EXPECT_EQ(r32(b, STATUS), 0);
	EXPECT_EQ(r32(b, DIRECT0(3) + Q_STATUS), 0);
	b->now += 1;
	EXPECT_EQ(r32(b, STATUS), EN);
	EXPECT_EQ(r32(b, DIRECT0(3) + Q_STATUS), EN);
	queue_off(b, 3);
	b->now += 1999;
	EXPECT_EQ(r32(b, DIRECT0(3) + Q_STATUS), EN);
	b->now += 1;
	/* It has stopped, whether or not anybody has read that */
	w32(b, ALLOC_MAP(3), 0);
	EXPECT_EQ(all_violations(b), 0);
	EXPECT_EQ(r32(b, DIRECT0(3) + Q_STATUS), 0);
	/* The call comes, and finds nothing to do */
	bench_pass(b, 0);
	EXPECT_EQ(r32(b, DIRECT0(3) + Q_STATUS), 0);
	bench_free(b);
}

TEST(s06_queue_runs_until_status_says_disabled,
     "after CONFIG.EN=0 a queue goes on fetching until STATUS is 0, and not after")
{
	struct bench *b = delayed();

	w32(b, CONFIG, EN);
	vintf_on(b, 0, 0, HYP_OWN);
	queue_map(b, 0, 0, 0);
	queue_on(b, 0);
	bench_pass(b, 1000);
	cmd_issue(b, 0, CMD_SYNC, 0);
	EXPECT_EQ(b->num_executed, 1);
	queue_off(b, 0);
	cmd_issue(b, 0, CMD_SYNC, 0);
	EXPECT_EQ(b->num_executed, 2);
	bench_pass(b, 2000);
	EXPECT_EQ(r32(b, DIRECT0(0) + Q_STATUS), 0);
	cmd_issue(b, 0, CMD_SYNC, 0);
	bench_pass(b, 100000);
	EXPECT_EQ(b->num_executed, 2);
	/* enabled again it takes up where it was */
	w32(b, DIRECT0(0) + Q_CONFIG, EN);
	bench_pass(b, 1000);
	EXPECT_EQ(b->num_executed, 3);
	bench_free(b);
}

TEST(s06_all_three_have_to_be_enabled,
     "a queue works only with CMDQV, its VINTF and itself enabled")
{
	for (unsigned int off = 0; off < 3; off++) {
		struct bench *b = bench_host_queue();
		static const uint32_t config[] = {
			CONFIG, VINTF(0) + V_CONFIG, DIRECT0(0) + Q_CONFIG,
		};
		uint32_t old = r32(b, config[off]);

		w32(b, config[off], old & ~EN);
		cmd_issue(b, 0, CMD_SYNC, 0);
		cmdqv_process(b->c);
		EXPECT_EQ(b->num_executed, 0);
		EXPECT_EQ(b->reads, 0);
		w32(b, config[off], old);
		EXPECT_EQ(b->num_executed, 1);
		bench_free(b);
	}
}

TEST(s06_base_is_programmed_while_disabled,
     "BASE and CONS_INDX_BASE written while the queue is enabled are dropped and counted (assumption)")
{
	struct bench *b = bench_host_queue();

	w32(b, DIRECT1(0) + Q_BASE, 0x1000);
	EXPECT_EQ(violations(b, CMDQV_V_BASE_ENABLED), 1);
	w32(b, DIRECT1(0) + Q_CONS_INDX_BASE, 0x1000);
	EXPECT_EQ(violations(b, CMDQV_V_BASE_ENABLED), 2);
	EXPECT_EQ(r64(b, DIRECT1(0) + Q_BASE), RING(0) | RING_LOG2);
	EXPECT_EQ(r64(b, DIRECT1(0) + Q_CONS_INDX_BASE), 0);
	queue_off(b, 0);
	w64(b, DIRECT1(0) + Q_BASE, RING(1) | RING_LOG2);
	EXPECT_EQ(r64(b, DIRECT1(0) + Q_BASE), RING(1) | RING_LOG2);
	EXPECT_EQ(violations(b, CMDQV_V_BASE_ENABLED), 2);
	bench_free(b);
}

TEST(s06_hyp_own_reads_back,
     "HYP_OWN reads back as written for a hypervisor, as 0 where it is wired to 0 (a guest)")
{
	struct cmdqv_config config = bench_config();
	struct bench *b = bench_default();

	vintf_on(b, 0, 0, HYP_OWN);
	EXPECT_EQ(r32(b, VINTF(0) + V_CONFIG), HYP_OWN | EN);
	bench_free(b);

	config.hyp_wired = false;
	b = bench_new(&config);
	for (unsigned int v = 0; v < 4; v++)
		EXPECT_EQ(r32(b, VINTF(v) + V_CONFIG) & HYP_OWN, 0);
	unit_on(b);
	vintf_on(b, 0, 0, HYP_OWN);
	EXPECT_EQ(r32(b, VINTF(0) + V_CONFIG), EN);
	queue_scrub(b, 0);
	queue_map(b, 0, 0, 0);
	queue_on(b, 0);
	cmd_issue(b, 0, 0x04 /* CFGI_ALL */, 0);
	EXPECT_EQ(b->num_executed, 0);
	EXPECT_EQ(cmd_error(b, 0), CMDQV_CERROR_ILL);
	bench_free(b);
}

static void check_stuck(struct bench *b, enum cmdqv_fault on,
			enum cmdqv_fault off, unsigned int index,
			uint32_t config, uint32_t status)
{
	EXPECT(cmdqv_inject(b->c, on, index, 1));
	w32(b, config, EN);
	bench_pass(b, 1000000000);
	EXPECT_EQ(r32(b, status) & EN, 0);
	EXPECT(cmdqv_inject(b->c, on, index, 0));
	EXPECT_EQ(r32(b, status) & EN, EN);
	EXPECT(cmdqv_inject(b->c, off, index, 1));
	w32(b, config, 0);
	bench_pass(b, 1000000000);
	EXPECT_EQ(r32(b, status) & EN, EN);
	cmdqv_inject_none(b->c);
	EXPECT_EQ(r32(b, status) & EN, 0);
}

TEST(s06_stuck_handshakes,
     "an injected fault keeps STATUS from following, until it is withdrawn: CMDQV, VINTF, VCMDQ, both ways")
{
	struct bench *b = bench_default();

	check_stuck(b, CMDQV_FAULT_STUCK_ENABLE_CMDQV,
		    CMDQV_FAULT_STUCK_DISABLE_CMDQV, 0, CONFIG, STATUS);
	check_stuck(b, CMDQV_FAULT_STUCK_ENABLE_VINTF,
		    CMDQV_FAULT_STUCK_DISABLE_VINTF, 2, VINTF(2) + V_CONFIG,
		    VINTF(2) + V_STATUS);
	w64(b, DIRECT1(7) + Q_BASE, RING(7) | RING_LOG2);
	check_stuck(b, CMDQV_FAULT_STUCK_ENABLE_VCMDQ,
		    CMDQV_FAULT_STUCK_DISABLE_VCMDQ, 7, DIRECT0(7) + Q_CONFIG,
		    DIRECT0(7) + Q_STATUS);
	/* others are not concerned */
	EXPECT(cmdqv_inject(b->c, CMDQV_FAULT_STUCK_ENABLE_VINTF, 2, 1));
	w32(b, VINTF(3) + V_CONFIG, EN);
	EXPECT_EQ(r32(b, VINTF(3) + V_STATUS) & EN, EN);
	bench_free(b);
}

TEST(s06_stuck_queue_runs_on,
     "a queue that can't be disabled goes on executing; disabling its VINTF stops it")
{
	struct bench *b = bench_guest_queue(9);

	EXPECT(cmdqv_inject(b->c, CMDQV_FAULT_STUCK_DISABLE_VCMDQ, GUEST_Q, 1));
	queue_off(b, GUEST_Q);
	bench_pass(b, 2000000000);
	cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
	EXPECT_EQ(b->num_executed, 1);
	w32(b, VINTF(GUEST_V) + V_CONFIG, VMID(9));
	EXPECT_EQ(violations(b, CMDQV_V_VINTF_DISABLED_BUSY), 1);
	cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
	bench_pass(b, 2000000000);
	EXPECT_EQ(b->num_executed, 1);
	EXPECT_EQ(b->reads, 1);
	bench_free(b);
}
