// SPDX-License-Identifier: GPL-2.0-or-later
/* The observer's text, the log, the configuration */
#include <string.h>

#include "bench.h"

static char out[1 << 18];

static const char *ask(struct bench *b, const char *command)
{
	size_t len = cmdqv_observe(b->c, command, out, sizeof(out));

	EXPECT_EQ(len, strlen(out));
	EXPECT(len && out[len - 1] == '\n');
	EXPECT(!strstr(out, "\n\n"));
	return out;
}

static void expect_line(const char *line)
{
	size_t n = strlen(line);
	const char *p = out;

	for (; (p = strstr(p, line)); p++)
		if ((p == out || p[-1] == '\n') && p[n] == '\n')
			return;
	FAIL("no line \"%s\" in:\n%s", line, out);
}

static unsigned int lines(void)
{
	unsigned int n = 0;

	for (const char *p = out; *p; p++)
		n += *p == '\n';
	return n;
}

TEST(o_state, "state: a line for the unit and each VINTF, slot and VCMDQ in use")
{
	struct cmdqv_config config = bench_config();
	struct bench *b;

	config.reset_pattern = CMDQV_RESET_ZERO;
	b = bench_new(&config);
	ask(b, "state");
	EXPECT_EQ(lines(), 2);
	expect_line("cmdqv en=0 enabled=0 vintfs=4 vcmdqs=16 sids=4 cmdqs=19 hyp_wired=1 vintf_err_map=0x0 int_mask=0x0");
	unit_on(b);
	vintf_on(b, 1, 7, 0);
	sid_set(b, 1, 2, 0x10, 0x110);
	queue_map(b, 4, 1, 0);
	queue_on(b, 4);
	cmd_issue(b, 4, CMD_SYNC, 0);
	cmd_issue(b, 4, 0x01, 0);
	ask(b, "state");
	expect_line("ok");
	expect_line("cmdqv en=1 enabled=1 vintfs=4 vcmdqs=16 sids=4 cmdqs=19 hyp_wired=1 vintf_err_map=0x2 int_mask=0x0");
	expect_line("vintf v=1 en=1 enabled=1 hyp_own=0 vmid=7 lvcmdqs=1 err_map=0x1,0x0");
	expect_line("sid v=1 slot=2 match=1 virt_sid=0x10 phys_sid=0x110");
	expect_line("vcmdq q=4 allocated=1 vintf=1 lvcmdq=0 en=1 enabled=1 orphan=0 atc_owed=0 base=0x80040000 log2size=4 prod=0x2 cons=0x1 err=1 gerror=0x1 gerrorn=0x0 cons_indx_base=0x0");
	EXPECT_EQ(lines(), 5);
	ask(b, "state all");
	EXPECT_EQ(lines(), 2 + 4 * (1 + 4) + 16);
	bench_free(b);
}

TEST(o_counters, "counters: commands by VINTF and opcode, refusals, accesses, totals")
{
	struct bench *b = bench_guest_queue(7);

	cmdqv_clear(b->c);
	cmd_issue(b, GUEST_Q, CMD_TLBI_NH_VA, 0);
	cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
	cmd_issue(b, GUEST_Q, CMD_ATC_INV, 0);
	w32(b, LOGICAL0(3, 0) + Q_PROD, 1);
	r32(b, LOGICAL0(GUEST_V, 0) + Q_CONS);
	w32(b, ALLOC_MAP(9), ALLOC(2, 5) | ALLOCATED);
	ask(b, "counters");
	expect_line("executed v=1 opcode=0x12 name=TLBI_NH_VA count=1");
	expect_line("executed v=1 opcode=0x46 name=CMD_SYNC count=1");
	expect_line("refused v=1 reason=sid count=1");
	expect_line("violation name=map_order count=1");
	expect_line("access aperture=config reads=0 writes=1");
	expect_line("access aperture=logical0 reads=1 writes=1");
	expect_line("window v=1 reads=1 writes=0");
	expect_line("window v=3 reads=0 writes=1");
	expect_line("total executed=2 refused=1 violations=1 dropped=1 rejected=0 ignored=0 irqs=1 init_errors=0 dram_write_aborts=0");
	ask(b, "clear");
	ask(b, "counters");
	expect_line("total executed=0 refused=0 violations=0 dropped=0 rejected=0 ignored=0 irqs=0 init_errors=0 dram_write_aborts=0");
	bench_free(b);
}

TEST(o_log, "log: executed and refused commands with original and final words, violations; by number, since, by VINTF and VCMDQ")
{
	struct bench *b = bench_guest_queue(7);
	uint64_t head = cmdqv_log_head(b->c);
	char line[256];

	EXPECT_EQ(head, 0);
	cmd_issue(b, GUEST_Q, CMD_TLBI_NH_ASID | TLBI_ASID(1) | TLBI_VMID(3), 5);
	cmd_issue(b, GUEST_Q, 0x30, 0);
	w32(b, ALLOC_MAP(9), ALLOC(2, 5) | ALLOCATED);
	ask(b, "log");
	snprintf(line, sizeof(line), "executed seq=1 t=%" PRIu64 " v=1 q=4 l=0 hyp_own=0 vmid=7 op=0x11 name=TLBI_NH_ASID result=0 pa=0x80040000 orig=0x1000300000011,0x5 final=0x1000700000011,0x5", b->now);
	expect_line(line);
	snprintf(line, sizeof(line), "refused seq=2 t=%" PRIu64 " v=1 q=4 l=0 hyp_own=0 vmid=7 op=0x30 name=TLBI_NSNH_ALL result=1 pa=0x80040010 orig=0x30,0x0 final=0x0,0x0 reason=opcode", b->now);
	expect_line(line);
	snprintf(line, sizeof(line), "violation seq=3 t=%" PRIu64 " name=map_order v=2 q=9 l=-1 value=0x1000b", b->now);
	expect_line(line);
	expect_line("head seq=3");
	EXPECT_EQ(lines(), 5);
	ask(b, "log 1");
	EXPECT_EQ(lines(), 3);
	EXPECT(strstr(out, "violation seq=3"));
	ask(b, "log since 2");
	EXPECT_EQ(lines(), 4);
	ask(b, "log since 2 1");
	EXPECT_EQ(lines(), 3);
	EXPECT(strstr(out, "refused seq=2"));
	ask(b, "log v=1");
	EXPECT_EQ(lines(), 4);
	ask(b, "log 1 v=1");
	EXPECT_EQ(lines(), 3);
	EXPECT(strstr(out, "refused seq=2"));
	ask(b, "log q=9");
	EXPECT_EQ(lines(), 3);
	ask(b, "log since 0 v=3");
	EXPECT_EQ(lines(), 2);
	ask(b, "clear");
	ask(b, "log");
	EXPECT_EQ(lines(), 2);
	expect_line("head seq=3");
	bench_free(b);
}

TEST(o_log_ring, "the log keeps the last entries; older ones are gone, numbers go on")
{
	struct cmdqv_config config = bench_config();
	struct cmdqv_log_entry e;
	struct bench *b;

	config.log_entries = 5;
	config.reset_pattern = CMDQV_RESET_ZERO;
	b = bench_new(&config);
	unit_on(b);
	vintf_on(b, 0, 0, HYP_OWN);
	queue_map(b, 0, 0, 0);
	queue_on(b, 0);
	for (unsigned int i = 0; i < 12; i++)
		cmd_issue(b, 0, CMD_SYNC, i);
	EXPECT_EQ(cmdqv_log_head(b->c), 12);
	EXPECT(!cmdqv_log_get(b->c, 0, &e));
	EXPECT(!cmdqv_log_get(b->c, 7, &e));
	for (uint64_t seq = 8; seq <= 12; seq++) {
		EXPECT(cmdqv_log_get(b->c, seq, &e));
		EXPECT_EQ(e.seq, seq);
		EXPECT_EQ(e.original[1], seq - 1);
	}
	EXPECT(!cmdqv_log_get(b->c, 13, &e));
	ask(b, "log since 1");
	EXPECT_EQ(lines(), 7);
	ask(b, "log 100");
	EXPECT_EQ(lines(), 7);
	ask(b, "log 2");
	EXPECT_EQ(lines(), 4);
	cmdqv_clear(b->c);
	EXPECT(!cmdqv_log_get(b->c, 12, &e));
	cmd_issue(b, 0, CMD_SYNC, 99);
	EXPECT(!cmdqv_log_get(b->c, 12, &e));
	EXPECT(cmdqv_log_get(b->c, 13, &e));
	bench_free(b);
}

TEST(o_inject, "inject: every fault by its name, the index that it wants and no other; none withdraws all")
{
	struct bench *b = bench_guest_queue(7);

	ask(b, "inject fetch_abort q=4");
	expect_line("ok");
	cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
	EXPECT_EQ(cmd_error(b, GUEST_Q), CMDQV_CERROR_ABT);
	error_ack(b, GUEST_Q);
	ask(b, "inject stuck_disable_vcmdq q=4 arg=1");
	queue_off(b, GUEST_Q);
	EXPECT_EQ(r32(b, DIRECT0(GUEST_Q) + Q_STATUS), EN);
	ask(b, "inject none");
	EXPECT_EQ(r32(b, DIRECT0(GUEST_Q) + Q_STATUS), 0);
	for (unsigned int f = 0; f < CMDQV_FAULTS; f++) {
		const char *name = cmdqv_fault_name((enum cmdqv_fault)f);
		const char *index = strstr(name, "vintf") ? " v=1" :
				    strstr(name, "vcmdq") ||
				    strstr(name, "fetch") ||
				    strstr(name, "error") ||
				    strstr(name, "timeout") ? " q=1" : "";
		char command[64];

		snprintf(command, sizeof(command), "inject %s%s arg=%s", name,
			 index, strcmp(name, "param") ? "1" : "0x100000001");
		ask(b, command);
		expect_line("ok");
		snprintf(command, sizeof(command), "inject %s v=1 q=1", name);
		ask(b, command);
		EXPECT(!strncmp(out, "error reason=", 13));
	}
	ask(b, "inject none");
	ask(b, "inject stuck_disable_vintf v=4");
	EXPECT(!strncmp(out, "error ", 6));
	ask(b, "inject fetch_abort q=16");
	EXPECT(!strncmp(out, "error ", 6));
	ask(b, "inject fetch_abort");
	EXPECT(!strncmp(out, "error ", 6));
	ask(b, "inject nonsense q=1");
	EXPECT(!strncmp(out, "error ", 6));
	EXPECT(!cmdqv_inject(b->c, CMDQV_FAULTS, 0, 1));
	EXPECT(!cmdqv_inject(b->c, CMDQV_FAULT_STUCK_ENABLE_VINTF, 4, 1));
	EXPECT(!cmdqv_inject(b->c, CMDQV_FAULT_STUCK_ENABLE_VCMDQ, 16, 1));
	EXPECT(!cmdqv_inject(b->c, CMDQV_FAULT_ATC_TIMEOUT, 16, 1));
	bench_free(b);
}

TEST(o_delay, "delay: sets what is named, tells all; delays beyond any clock are cut")
{
	struct bench *b = bench_default();

	ask(b, "delay");
	expect_line("delay enable_ns=0 disable_ns=0 command_ns=0 step=64");
	ask(b, "delay enable_ns=5 step=0");
	expect_line("delay enable_ns=5 disable_ns=0 command_ns=0 step=1");
	ask(b, "delay disable_ns=0xffffffffffffffff command_ns=7");
	expect_line("delay enable_ns=5 disable_ns=4611686018427387904 command_ns=7 step=1");
	ask(b, "delay enable_ns=0 command_ns=0");
	w32(b, VINTF(1) + V_CONFIG, EN);
	w32(b, VINTF(1) + V_CONFIG, 0);
	bench_pass(b, 1000000000);
	EXPECT_EQ(r32(b, VINTF(1) + V_STATUS), EN);
	ask(b, "delay step=4294967296");
	EXPECT(!strncmp(out, "error ", 6));
	bench_free(b);
}

TEST(o_junk, "what is not understood is answered with an error and changes nothing")
{
	static const char *const junk[] = {
		"", " ", "\n", "nonsense", "state x", "state all x", "counters 1",
		"log x", "log since", "log since x", "log 1 2", "log v=x",
		"log v=", "log v=-1", "inject", "inject x=1",
		"inject atc_timeout q=1 arg=+1", "delay x=1", "delay step=1x",
		"delay step=0x", "delay step=99999999999999999999",
		"clear all", "check 1", "log 1 v=1 q=1 v=1 q=1 v=1 q=1 v=1",
		"delay step=0x11111111111111111",
	};
	struct bench *b = bench_guest_queue(7);
	static char long_one[5000];

	for (size_t i = 0; i < sizeof(junk) / sizeof(*junk); i++) {
		ask(b, junk[i]);
		if (strncmp(out, "error reason=", 13))
			FAIL("\"%s\" was taken: %s", junk[i], out);
	}
	memset(long_one, 'a', sizeof(long_one) - 1);
	ask(b, long_one);
	EXPECT(!strncmp(out, "error ", 6));
	ask(b, "help");
	expect_line("check");
	ask(b, " check\r\n");
	expect_line("check ok=1");
	EXPECT_EQ(r32(b, DIRECT0(GUEST_Q) + Q_STATUS), EN);
	bench_free(b);
}

TEST(o_short_buffer, "a reply that does not fit ends after a whole line with \"truncated\"; the length is that of all of it")
{
	struct bench *b = bench_guest_queue(7);
	size_t all = cmdqv_observe(b->c, "state all", out, sizeof(out));
	static char part[4000];

	for (size_t len = 0; len < sizeof(part); len += len < 40 ? 1 : 61) {
		memset(part, 'x', sizeof(part));
		EXPECT_EQ(cmdqv_observe(b->c, "state all", part, len), all);
		EXPECT_EQ(part[len], 'x');
		if (!len)
			continue;
		EXPECT(strlen(part) < len);
		if (len < 11)
			continue;
		EXPECT(!strcmp(part + strlen(part) - 10, "truncated\n"));
		EXPECT(strlen(part) == 10 || part[strlen(part) - 11] == '\n');
		EXPECT(!strncmp(part, out, strlen(part) - 10));
	}
	/* exactly fitting is fitting */
	EXPECT_EQ(cmdqv_observe(b->c, "check", part, 15), 14);
	EXPECT(!strcmp(part, "ok\ncheck ok=1\n"));
	EXPECT_EQ(cmdqv_observe(b->c, "check", part, 14), 14);
	EXPECT(!strcmp(part, "ok\ntruncated\n"));
	bench_free(b);
}

TEST(o_largest_state_fits, "256 KiB hold the state of the largest unit and a full log of the default size does not overflow")
{
	struct cmdqv_config config;
	struct bench *b;

	cmdqv_config_init(&config);
	b = bench_new(&config);
	EXPECT(cmdqv_observe(b->c, "state all", out, sizeof(out)) <
	       sizeof(out));
	EXPECT(!strstr(out, "truncated"));
	bench_free(b);
}

TEST(o_names, "names of what is out of range are \"?\"")
{
	EXPECT(!strcmp(cmdqv_violation_name(CMDQV_VIOLATIONS), "?"));
	EXPECT(!strcmp(cmdqv_refusal_name(CMDQV_REFUSALS), "?"));
	EXPECT(!strcmp(cmdqv_aperture_name(CMDQV_APERTURES), "?"));
	EXPECT(!strcmp(cmdqv_fault_name(CMDQV_FAULTS), "?"));
	EXPECT(!strcmp(cmdqv_opcode_name(0xff), "?"));
	for (unsigned int i = 0; i < CMDQV_VIOLATIONS; i++)
		EXPECT(strlen(cmdqv_violation_name((enum cmdqv_violation)i)) > 3);
	for (unsigned int i = 0; i < CMDQV_REFUSALS; i++)
		EXPECT(strlen(cmdqv_refusal_name((enum cmdqv_refusal)i)) > 2);
	for (unsigned int op = 0; op < 256; op++)
		EXPECT(strlen(cmdqv_opcode_name(op)) > 0);
}

TEST(o_state_accessors, "the state can be read without side effects; numbers out of range are refused")
{
	struct bench *b = bench_guest_queue(7);
	struct cmdqv_vintf_state vintf;
	struct cmdqv_vcmdq_state vcmdq;
	struct cmdqv_state state;

	cmdqv_get_state(b->c, &state);
	EXPECT(state.enabled && state.config_en);
	EXPECT_EQ(state.config, r32(b, CONFIG));
	EXPECT_EQ(state.num_vintfs, 4);
	EXPECT_EQ(state.num_vcmdqs, 16);
	EXPECT_EQ(state.num_sids, 4);
	EXPECT(!cmdqv_get_vintf(b->c, 4, &vintf));
	EXPECT(!cmdqv_get_vcmdq(b->c, 16, &vcmdq));
	EXPECT(cmdqv_get_vintf(b->c, 3, &vintf));
	EXPECT(cmdqv_get_vcmdq(b->c, 15, &vcmdq));
	bench_free(b);
}

static void expect_refused(const struct cmdqv_config *config, const char *reason)
{
	struct bench *b = bench_default();
	const struct cmdqv_bench none = { 0 };
	const char *why = NULL;

	/* the bench is incomplete as well; the configuration is judged first */
	EXPECT(!cmdqv_create(config, &none, b, &why));
	EXPECT(why);
	if (strcmp(why, reason))
		FAIL("\"%s\", expected \"%s\"", why, reason);
	EXPECT(!cmdqv_create(config, &none, b, NULL));
	bench_free(b);
}

TEST(o_config_limits, "a configuration out of range is refused with the reason")
{
	struct cmdqv_config config;

#define REFUSED(member, value, reason)					\
	do {								\
		cmdqv_config_init(&config);				\
		config.member = (value);				\
		expect_refused(&config, reason);			\
	} while (0)
	REFUSED(log2_vintfs, 7, "log2_vintfs is more than 6");
	REFUSED(log2_vcmdqs, 8, "log2_vcmdqs is more than 7");
	REFUSED(log2_sids, 5, "log2_sids is more than 4");
	REFUSED(max_log2size, 0, "max_log2size is not 1 to 19");
	REFUSED(max_log2size, 20, "max_log2size is not 1 to 19");
	REFUSED(ver, 16, "ver is more than 15");
	REFUSED(reset_pattern, 3, "reset_pattern is unknown");
	REFUSED(commands_per_step, 0, "commands_per_step is 0");
	REFUSED(log_entries, 0, "log_entries is 0");
	REFUSED(enable_delay_ns, UINT64_MAX, "a delay is more than 2^62 ns");
	REFUSED(ver, 1, "a bench callback is missing");
#undef REFUSED
	cmdqv_destroy(NULL);
}
