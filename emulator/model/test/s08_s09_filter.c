// SPDX-License-Identifier: GPL-2.0-or-later
/* hardware.md §8 and §9: what a machine's commands may be and may name */
#include "bench.h"

#define VMID_OF_GUEST	0x1234u

TEST(s08_host_commands_pass_unchanged,
     "HYP_OWN=1: every opcode goes to the SMMU, VMID and StreamID as in the command")
{
	struct bench *b = bench_host_queue();

	sid_set(b, 0, 0, 5, 6);
	for (unsigned int op = 0; op < 256; op++) {
		uint64_t word0 = 0xfedcba9876543200ull | op;
		uint64_t word1 = 0x0123456789abcdefull ^ op;

		cmd_issue(b, 0, word0, word1);
		EXPECT_EQ(b->num_executed, op + 1);
		EXPECT_EQ(last_executed(b)->cmd[0], word0);
		EXPECT_EQ(last_executed(b)->cmd[1], word1);
		EXPECT(last_executed(b)->origin.hyp_own);
		EXPECT_EQ(cmdqv_counters(b->c)->executed[0][op], 1);
	}
	bench_free(b);
}

TEST(s08_guest_opcodes,
     "HYP_OWN=0: only TLBI_NH_ASID, TLBI_NH_VA, ATC_INV and CMD_SYNC are executed; all others are illegal opcodes and never reach the SMMU")
{
	for (unsigned int op = 0; op < 256; op++) {
		struct bench *b = bench_guest_queue(VMID_OF_GUEST);
		int legal = op == CMD_TLBI_NH_ASID || op == CMD_TLBI_NH_VA ||
			    op == CMD_ATC_INV || op == CMD_SYNC;

		sid_set(b, GUEST_V, 0, 0, 3);
		cmd_issue(b, GUEST_Q, op, 0);
		EXPECT_EQ(b->num_executed, legal);
		EXPECT_EQ(cmd_error(b, GUEST_Q), legal ? 0 : CMDQV_CERROR_ILL);
		EXPECT_EQ(r32(b, DIRECT0(GUEST_Q) + Q_CONS) & 0xfffff, legal);
		EXPECT_EQ(cmdqv_counters(b->c)->refused[GUEST_V][CMDQV_R_OPCODE],
			  !legal);
		bench_free(b);
	}
}

TEST(s08_guest_sync_without_msi,
     "HYP_OWN=0: CMD_SYNC with CS=NONE or SEV completes, with MSI (CS=IRQ) or reserved CS it is illegal; no field of it reaches the SMMU (assumption)")
{
	for (unsigned int cs = 0; cs < 4; cs++) {
		struct bench *b = bench_guest_queue(VMID_OF_GUEST);
		int legal = cs == 0 || cs == 2;

		/* MSIADDRESS, MSIDATA and attributes set */
		cmd_issue(b, GUEST_Q, CMD_SYNC | SYNC_CS(cs) | 0xdead00000fc00000ull,
			  MEM_BASE + 0x4000);
		EXPECT_EQ(b->num_executed, legal);
		EXPECT_EQ(cmd_error(b, GUEST_Q), legal ? 0 : CMDQV_CERROR_ILL);
		EXPECT_EQ(b->writes, 0);
		if (legal) {
			EXPECT_EQ(last_executed(b)->cmd[0], CMD_SYNC);
			EXPECT_EQ(last_executed(b)->cmd[1], 0);
		}
		bench_free(b);
	}
}

TEST(s08_host_sync_with_msi, "HYP_OWN=1: CMD_SYNC with MSI reaches the SMMU")
{
	struct bench *b = bench_host_queue();

	cmd_issue(b, 0, CMD_SYNC | SYNC_CS(1) | 5ull << 32, MEM_BASE);
	EXPECT_EQ(last_executed(b)->cmd[0], CMD_SYNC | SYNC_CS(1) | 5ull << 32);
	EXPECT_EQ(last_executed(b)->cmd[1], MEM_BASE);
	bench_free(b);
}

TEST(s08_hyp_own_decides_at_execution,
     "HYP_OWN or VMID changed while enabled take effect at once (assumption) and are a violation")
{
	struct bench *b = bench_guest_queue(VMID_OF_GUEST);

	w32(b, VINTF(GUEST_V) + V_CONFIG, VMID(VMID_OF_GUEST) | HYP_OWN | EN);
	EXPECT_EQ(violations(b, CMDQV_V_VINTF_CHANGED_ENABLED), 1);
	cmd_issue(b, GUEST_Q, 0x04, 0);
	EXPECT_EQ(b->num_executed, 1);
	w32(b, VINTF(GUEST_V) + V_CONFIG, VMID(3) | EN);
	EXPECT_EQ(violations(b, CMDQV_V_VINTF_CHANGED_ENABLED), 2);
	cmd_issue(b, GUEST_Q, CMD_TLBI_NH_ASID, 0);
	EXPECT_EQ(last_executed(b)->cmd[0], CMD_TLBI_NH_ASID | TLBI_VMID(3));
	bench_free(b);
}

TEST(s09_vmid_replaced,
     "I2: the VMID of every TLBI of a machine is replaced by VINTF_CONFIG.VMID, whatever it was; all else stays")
{
	struct bench *b = bench_guest_queue(VMID_OF_GUEST);
	static const uint32_t vmids[] = { 0, 1, VMID_OF_GUEST, 0x8000, 0xffff };
	static const uint32_t ops[] = { CMD_TLBI_NH_ASID, CMD_TLBI_NH_VA };

	for (size_t i = 0; i < 5; i++)
		for (size_t op = 0; op < 2; op++) {
			uint64_t word0 = ops[op] | TLBI_VMID(vmids[i]) |
					 TLBI_ASID(0xabcd) | 0x01f1f000;
			uint64_t word1 = 0xfffff123456bd301ull;

			cmd_issue(b, GUEST_Q, word0, word1);
			EXPECT_EQ(last_executed(b)->cmd[0],
				  (word0 & ~TLBI_VMID(0xffff)) |
				  TLBI_VMID(VMID_OF_GUEST));
			EXPECT_EQ(last_executed(b)->cmd[1], word1);
			EXPECT_EQ(last_executed(b)->origin.vmid, VMID_OF_GUEST);
			EXPECT(!last_executed(b)->origin.hyp_own);
		}
	EXPECT_EQ(b->num_executed, 10);
	bench_free(b);
}

TEST(s09_vmid_is_per_vintf,
     "I2: two machines with the same guest command get their own VMIDs each")
{
	struct bench *b = bench_guest_queue(11);

	vintf_on(b, 2, 22, 0);
	queue_scrub(b, 8);
	queue_map(b, 8, 2, 0);
	queue_on(b, 8);
	cmd_issue(b, GUEST_Q, CMD_TLBI_NH_ASID | TLBI_VMID(22), 0);
	EXPECT_EQ(last_executed(b)->cmd[0], CMD_TLBI_NH_ASID | TLBI_VMID(11));
	EXPECT_EQ(last_executed(b)->origin.vcmdq, GUEST_Q);
	cmd_issue(b, 8, CMD_TLBI_NH_ASID | TLBI_VMID(11), 0);
	EXPECT_EQ(last_executed(b)->cmd[0], CMD_TLBI_NH_ASID | TLBI_VMID(22));
	EXPECT_EQ(last_executed(b)->origin.vintf, 2);
	bench_free(b);
}

TEST(s09_atc_inv_sid_replaced,
     "I3: ATC_INV's StreamID is matched against VIRT_SID of all slots and replaced by PHYS_SID; all else stays")
{
	struct bench *b = bench_guest_queue(VMID_OF_GUEST);

	for (unsigned int s = 0; s < 4; s++)
		sid_set(b, GUEST_V, s, 0x10 + s, 0xabc00 + s);
	/* the highest StreamIDs that fit */
	sid_set(b, GUEST_V, 2, 0xfffff, 0xffffe);
	for (unsigned int s = 0; s < 4; s++) {
		uint32_t virt = s == 2 ? 0xfffff : 0x10 + s;
		uint32_t phys = s == 2 ? 0xffffe : 0xabc00 + s;
		uint64_t low = CMD_ATC_INV | 0xfffffa00ull;	/* SSID, SSV, G */

		cmd_issue(b, GUEST_Q, low | ATC_SID(virt), 0x123456789abcd034ull);
		EXPECT_EQ(last_executed(b)->cmd[0], low | ATC_SID(phys));
		EXPECT_EQ(last_executed(b)->cmd[1], 0x123456789abcd034ull);
	}
	EXPECT_EQ(b->num_executed, 4);
	bench_free(b);
}

static void check_no_match(struct bench *b, uint32_t sid)
{
	unsigned int executed = b->num_executed;

	cmd_issue(b, GUEST_Q, CMD_ATC_INV | ATC_SID(sid), 0);
	EXPECT_EQ(b->num_executed, executed);
	EXPECT_EQ(cmd_error(b, GUEST_Q), CMDQV_CERROR_ILL_ACCESS);
	/* skip it as a driver does: put a CMD_SYNC in its place */
	cmd_put(b, GUEST_Q, r32(b, DIRECT0(GUEST_Q) + Q_CONS) & 0xf, CMD_SYNC, 0);
	error_ack(b, GUEST_Q);
	EXPECT_EQ(b->num_executed, executed + 1);
}

TEST(s09_no_match_is_refused,
     "I3: ATC_INV for a StreamID that no enabled slot holds is an illegal access and reaches nobody")
{
	struct bench *b = bench_guest_queue(VMID_OF_GUEST);

	vintf_on(b, 2, 22, 0);
	sid_set(b, 2, 0, 0x77, 0x177);		/* another VM's */
	sid_set(b, GUEST_V, 1, 0x10, 0x110);
	check_no_match(b, 0);
	check_no_match(b, 0x11);
	check_no_match(b, 0x77);
	check_no_match(b, 0x110);		/* physical numbers are no key */
	check_no_match(b, 0x100010);		/* wider than a slot */
	check_no_match(b, 0x80000010);
	/* a slot that is disabled holds nothing */
	w32(b, VINTF(GUEST_V) + V_SID_MATCH(1), 0x10 << 1);
	check_no_match(b, 0x10);
	EXPECT_EQ(cmdqv_counters(b->c)->refused[GUEST_V][CMDQV_R_SID], 7);
	bench_free(b);
}

TEST(s09_slot_is_live_at_once,
     "a slot counts from the write that enables it to the one that disables it")
{
	struct bench *b = bench_guest_queue(VMID_OF_GUEST);

	check_no_match(b, 0x10);
	w32(b, VINTF(GUEST_V) + V_SID_REPLACE(3), 0x110);
	check_no_match(b, 0x10);
	w32(b, VINTF(GUEST_V) + V_SID_MATCH(3), 0x10 << 1 | 1);
	cmd_issue(b, GUEST_Q, CMD_ATC_INV | ATC_SID(0x10), 0);
	EXPECT_EQ(last_executed(b)->cmd[0], CMD_ATC_INV | ATC_SID(0x110));
	w32(b, VINTF(GUEST_V) + V_SID_MATCH(3), 0);
	check_no_match(b, 0x10);
	w32(b, VINTF(GUEST_V) + V_SID_REPLACE(3), 0);
	EXPECT_EQ(all_violations(b), 0);
	bench_free(b);
}

TEST(s09_replace_before_match,
     "SID_REPLACE is written before SID_MATCH enables the slot, and cleared after; else a violation")
{
	struct bench *b = bench_default();

	vintf_on(b, 1, 1, 0);
	sid_set(b, 1, 0, 1, 0x101);
	EXPECT_EQ(all_violations(b), 0);
	w32(b, VINTF(1) + V_SID_REPLACE(0), 0);
	EXPECT_EQ(violations(b, CMDQV_V_SID_MATCH_ORDER), 1);
	bench_free(b);
}

TEST(s09_unique_virt_sid,
     "two enabled slots with the same VIRT_SID: a violation; the lower slot counts (assumption)")
{
	struct bench *b = bench_guest_queue(VMID_OF_GUEST);

	sid_set(b, GUEST_V, 2, 0x10, 0x122);
	sid_set(b, GUEST_V, 1, 0x10, 0x111);
	EXPECT_EQ(violations(b, CMDQV_V_SID_DUPLICATE), 1);
	cmd_issue(b, GUEST_Q, CMD_ATC_INV | ATC_SID(0x10), 0);
	EXPECT_EQ(last_executed(b)->cmd[0], CMD_ATC_INV | ATC_SID(0x111));
	/* in another VINTF it is another machine's number */
	sid_set(b, 2, 0, 0x10, 0x133);
	EXPECT_EQ(violations(b, CMDQV_V_SID_DUPLICATE), 1);
	bench_free(b);
}

TEST(s09_secure_atc_inv,
     "ATC_INV of a machine with SSec set is illegal (assumption)")
{
	struct bench *b = bench_guest_queue(VMID_OF_GUEST);

	sid_set(b, GUEST_V, 0, 0x10, 0x110);
	cmd_issue(b, GUEST_Q, CMD_ATC_INV | ATC_SID(0x10) | 1u << 10, 0);
	EXPECT_EQ(b->num_executed, 0);
	EXPECT_EQ(cmd_error(b, GUEST_Q), CMDQV_CERROR_ILL);
	EXPECT_EQ(cmdqv_counters(b->c)->refused[GUEST_V][CMDQV_R_SECURE], 1);
	bench_free(b);
}

TEST(s09_disabled_vintf_executes_nothing,
     "queues of a VINTF that is disabled are not processed, and are again when it is enabled")
{
	struct bench *b = bench_guest_queue(VMID_OF_GUEST);

	w32(b, VINTF(GUEST_V) + V_CONFIG, VMID(VMID_OF_GUEST));
	cmd_issue(b, GUEST_Q, CMD_TLBI_NH_ASID, 0);
	cmdqv_process(b->c);
	EXPECT_EQ(b->num_executed, 0);
	w32(b, VINTF(GUEST_V) + V_CONFIG, VMID(VMID_OF_GUEST) | EN);
	EXPECT_EQ(b->num_executed, 1);
	bench_free(b);
}

TEST(s09_log_keeps_original_and_final,
     "the log has every command as fetched and as handed over, whose it was and what became of it")
{
	struct bench *b = bench_guest_queue(VMID_OF_GUEST);
	struct cmdqv_log_entry e;
	uint64_t seq = cmdqv_log_head(b->c);

	cmd_issue(b, GUEST_Q, CMD_TLBI_NH_VA | TLBI_VMID(9), 0x1000);
	cmd_issue(b, GUEST_Q, 0x30, 0);
	EXPECT_EQ(cmdqv_log_head(b->c), seq + 2);
	EXPECT(cmdqv_log_get(b->c, seq + 1, &e));
	EXPECT_EQ(e.kind, CMDQV_LOG_EXECUTED);
	EXPECT_EQ(e.original[0], CMD_TLBI_NH_VA | TLBI_VMID(9));
	EXPECT_EQ(e.final[0], CMD_TLBI_NH_VA | TLBI_VMID(VMID_OF_GUEST));
	EXPECT_EQ(e.final[1], 0x1000);
	EXPECT_EQ(e.origin.vintf, GUEST_V);
	EXPECT_EQ(e.origin.vcmdq, GUEST_Q);
	EXPECT_EQ(e.origin.lvcmdq, 0);
	EXPECT_EQ(e.pa, RING(GUEST_Q));
	EXPECT(cmdqv_log_get(b->c, seq + 2, &e));
	EXPECT_EQ(e.kind, CMDQV_LOG_REFUSED);
	EXPECT_EQ(e.refusal, CMDQV_R_OPCODE);
	EXPECT_EQ(e.original[0], 0x30);
	EXPECT_EQ(e.final[0], 0);
	EXPECT_EQ(e.pa, RING(GUEST_Q) + 16);
	EXPECT(!cmdqv_log_get(b->c, seq + 3, &e));
	bench_free(b);
}
