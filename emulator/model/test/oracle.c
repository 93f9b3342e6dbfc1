// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The oracle: that it is silent when all is well, and that it speaks up at each
 * mistake, of the unit or of the driver, for each rule of oracle.h
 */
#include <stdarg.h>
#include <string.h>

#include "bench.h"

/* The SMMU's stream table in the bench's memory: 16 bits, split at 8 */
#define STRTAB		(MEM_BASE + 0x100000)
#define STRTAB_CFG	(16u | 8u << 6 | 1u << 16)
#define LEVEL2(bus)	(STRTAB + 0x10000ull * ((bus) + 1))
#define STE_S2		(1u | 6u << 1)
#define STE_NESTED	(1u | 7u << 1)
#define STE_S1		(1u | 5u << 1)
#define STE_ABORT	1u

/* Two VMs: VINTF, VMID, StreamIDs, queue */
#define A_ID		1u
#define A_VMID		7u
#define A_SID		0x108u
#define A_VSID		0x10u
#define B_ID		2u
#define B_VMID		9u
#define B_SID		0x210u
#define B_VSID		0x20u
#define B_V		2u
#define B_Q		8u

static char reply[8192];

static void put64(struct bench *b, uint64_t pa, uint64_t value)
{
	for (unsigned int i = 0; i < 8; i++)
		b->mem[pa - MEM_BASE + i] = (uint8_t)(value >> (8 * i));
}

static void ste(struct bench *b, uint32_t sid, uint64_t word0, uint16_t vmid)
{
	uint64_t at = LEVEL2(sid >> 8) + 64 * (sid & 0xff);

	put64(b, STRTAB + 8 * (sid >> 8), LEVEL2(sid >> 8) | 9);
	put64(b, at, word0);
	/* The upper half of word 2 is not the VMID's */
	put64(b, at + 16, 0xabcd00000000ull | vmid);
}

__attribute__((format(printf, 2, 3)))
static bool tell(struct bench *b, const char *format, ...)
{
	char command[256];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	cmdqv_oracle_observe(b->oracle, command, reply, sizeof(reply));
	return !strncmp(reply, "ok\n", 3);
}

static uint64_t fires(struct bench *b)
{
	uint64_t all = 0;

	for (unsigned int v = 0; v < CMDQV_O_VIOLATIONS; v++)
		all += cmdqv_oracle_violations(b->oracle,
					       (enum cmdqv_oracle_violation)v);
	return all;
}

/* Since the last call: this violation, once, and no other */
static void expect_fired(struct bench *b, enum cmdqv_oracle_violation v)
{
	uint64_t before = fires(b);
	const char *found = strstr((tell(b, "oracle"), reply), "oracle_case");

	if (cmdqv_oracle_violations(b->oracle, v) != 1 || before != 1)
		FAIL("expected %s once, not: %s",
		     cmdqv_oracle_violation_name(v), found ? found : "nothing");
}

/* Nothing is judged but what follows; the VMs are the same */
static void again(struct bench *b);

#define EXPECT_FIRED(b, v)						\
	do {								\
		expect_fired(b, v);					\
		again(b);						\
	} while (0)

static void strtab_on(struct bench *b)
{
	b->strtab_base = STRTAB | 1ull << 62;	/* RA */
	b->strtab_cfg = STRTAB_CFG;
	ste(b, A_SID, STE_S2, A_VMID);
	ste(b, B_SID, STE_NESTED, B_VMID);
}

static void declare(struct bench *b)
{
	EXPECT(tell(b, "oracle owner id=%u psid=0x%x", A_ID, A_SID));
	EXPECT(tell(b, "oracle stream id=%u vsid=0x%x psid=0x%x", A_ID, A_VSID,
		    A_SID));
	EXPECT(tell(b, "oracle memory id=%u pa=0x%llx len=256", A_ID,
		    RING(GUEST_Q)));
	EXPECT(tell(b, "oracle owner id=%u psid=0x%x", B_ID, B_SID));
	EXPECT(tell(b, "oracle stream id=%u vsid=0x%x psid=0x%x", B_ID, B_VSID,
		    B_SID));
	EXPECT(tell(b, "oracle memory id=%u pa=0x%llx len=256", B_ID,
		    RING(B_Q)));
}

static void queues_off(struct bench *b)
{
	queue_off(b, GUEST_Q);
	queue_off(b, B_Q);
	queue_unmap(b, GUEST_Q);
	queue_unmap(b, B_Q);
}

static void queues_on(struct bench *b)
{
	vintf_on(b, GUEST_V, A_VMID, 0);
	vintf_on(b, B_V, B_VMID, 0);
	sid_set(b, GUEST_V, 0, A_VSID, A_SID);
	sid_set(b, B_V, 1, B_VSID, B_SID);
	queue_scrub(b, GUEST_Q);
	queue_scrub(b, B_Q);
	queue_map(b, GUEST_Q, GUEST_V, 0);
	queue_map(b, B_Q, B_V, 0);
	queue_on(b, GUEST_Q);
	queue_on(b, B_Q);
}

static void again(struct bench *b)
{
	queues_off(b);
	strtab_on(b);
	EXPECT(tell(b, "oracle begin"));
	declare(b);
	queues_on(b);
}

/* The host with a queue, and two VMs with a queue and a device each */
static struct bench *two_vms(void)
{
	struct bench *b = bench_host_queue();

	again(b);
	return b;
}

/* What a unit would do that reads a command at @pa and hands another over */
static void unit_does(struct bench *b, uint64_t pa, const uint64_t original[2],
		      const uint64_t final[2], const struct cmdqv_origin *origin)
{
	const struct cmdqv_bench *ops = cmdqv_oracle_bench();
	uint8_t raw[16];

	put64(b, pa, original[0]);
	put64(b, pa + 8, original[1]);
	EXPECT_EQ(ops->read_mem(b->oracle, pa, raw, 16), 0);
	ops->execute(b->oracle, final, origin);
}

#define CMD(word0, word1)	((const uint64_t[2]){ (word0), (word1) })
#define ORIGIN_A	(&(struct cmdqv_origin){ .vintf = GUEST_V,	\
						 .vcmdq = GUEST_Q,	\
						 .vmid = A_VMID })
#define A_DOES(original, final)						\
	unit_does(b, RING(GUEST_Q), original, final, ORIGIN_A)

TEST(j1_lawful, "the oracle is silent as long as everybody gets what is his: VMs' commands, refused ones, and the host's")
{
	struct bench *b = two_vms();

	cmd_issue(b, 0, CMD_TLBI_NH_VA | TLBI_VMID(B_VMID), 0x1000);
	cmd_issue(b, 0, 0x03, 0);
	cmd_issue(b, 0, CMD_SYNC | SYNC_CS(1), 0x1000);
	EXPECT_EQ(b->num_executed, 3);
	EXPECT_EQ(cmdqv_oracle_judged(b->oracle), 0);
	cmd_issue(b, GUEST_Q, CMD_TLBI_NH_VA | TLBI_VMID(3), 0x1000);
	cmd_issue(b, GUEST_Q, CMD_TLBI_NH_ASID | TLBI_ASID(1), 0);
	cmd_issue(b, GUEST_Q, CMD_ATC_INV | ATC_SID(A_VSID), 0x1000);
	cmd_issue(b, GUEST_Q, CMD_SYNC | SYNC_CS(2), 0x1000);
	cmd_issue(b, B_Q, CMD_TLBI_NH_VA | TLBI_VMID(A_VMID), 0x1000);
	cmd_issue(b, B_Q, CMD_ATC_INV | ATC_SID(A_VSID), 0x1000);
	EXPECT(cmd_error(b, B_Q));
	EXPECT_EQ(cmdqv_oracle_judged(b->oracle), 5);
	EXPECT_EQ(fires(b), 0);
	EXPECT(tell(b, "oracle"));
	EXPECT(!!strstr(reply, "oracle armed=1 judged=5 host=3 fetched=6 "
			"violations=0 owners=2 ranges=2 host_ranges=1\n"));
	EXPECT(!!strstr(reply, "oracle_opcode opcode=0x12 count=2\n"));
	EXPECT(!!strstr(reply, "oracle_violation name=vmid count=0\n"));
	EXPECT(!strstr(reply, "oracle_case"));
	bench_free(b);
}

TEST(j2_opcodes, "the oracle: of a VM's commands only the four that it may send")
{
	struct bench *b = two_vms();

	for (unsigned int op = 0; op < 256; op++) {
		uint64_t before = fires(b);
		bool may = op == CMD_TLBI_NH_ASID || op == CMD_TLBI_NH_VA ||
			   op == CMD_SYNC || op == CMD_ATC_INV;
		uint64_t word = op | (op == CMD_ATC_INV ? ATC_SID(A_VSID) : 0);
		uint64_t final = op | (op == CMD_ATC_INV ? ATC_SID(A_SID) :
				 op == CMD_SYNC ? 0 : TLBI_VMID(A_VMID));

		A_DOES(CMD(word, 0), CMD(final, 0));
		EXPECT_EQ(fires(b) - before, !may);
		EXPECT_EQ(cmdqv_oracle_violations(b->oracle, CMDQV_O_OPCODE),
			  fires(b));
	}
	again(b);
	/* One that it may send became another one */
	A_DOES(CMD(CMD_ATC_INV | ATC_SID(A_VSID), 0), CMD(CMD_SYNC, 0));
	EXPECT_FIRED(b, CMDQV_O_OPCODE);
	bench_free(b);
}

TEST(j3_vmid, "the oracle: the VMID is the one in the stream table entry of the VM's device, and nothing else changes in a TLBI")
{
	struct bench *b = two_vms();
	const uint64_t *cmd = CMD(CMD_TLBI_NH_VA | TLBI_ASID(5), 0x1000);

	A_DOES(cmd, CMD(cmd[0] | TLBI_VMID(A_VMID), cmd[1]));
	EXPECT_EQ(fires(b), 0);
	A_DOES(cmd, CMD(cmd[0] | TLBI_VMID(B_VMID), cmd[1]));
	EXPECT_FIRED(b, CMDQV_O_VMID);
	A_DOES(cmd, cmd);
	EXPECT_FIRED(b, CMDQV_O_VMID);
	A_DOES(cmd, CMD((cmd[0] | TLBI_VMID(A_VMID)) & ~TLBI_ASID(1), cmd[1]));
	EXPECT_FIRED(b, CMDQV_O_FIELDS);
	A_DOES(cmd, CMD(cmd[0] | TLBI_VMID(A_VMID), 0x2000));
	EXPECT_FIRED(b, CMDQV_O_FIELDS);
	/* The unit is as it was; the device has been given to another stage 2 */
	ste(b, A_SID, STE_S2, A_VMID + 1);
	cmd_issue(b, GUEST_Q, CMD_TLBI_NH_VA, 0x1000);
	EXPECT_FIRED(b, CMDQV_O_VMID_MOVED);
	/* It is attached to something else now, or being attached */
	ste(b, A_SID, STE_S1, A_VMID + 1);
	cmd_issue(b, GUEST_Q, CMD_TLBI_NH_VA, 0x1000);
	ste(b, A_SID, 0, A_VMID + 1);
	cmd_issue(b, GUEST_Q, CMD_TLBI_NH_VA, 0x1000);
	EXPECT_EQ(fires(b), 0);
	/* Two VMs, one VMID */
	ste(b, 0x109, STE_S2, A_VMID);
	EXPECT(tell(b, "oracle owner id=3 psid=0x109"));
	EXPECT(!!strstr(reply, "owner id=3 vmid=7\n"));
	EXPECT_FIRED(b, CMDQV_O_VMID_SHARED);
	/* One after the other */
	EXPECT(tell(b, "oracle end id=%u", A_ID));
	EXPECT(tell(b, "oracle owner id=3 psid=0x109"));
	EXPECT_EQ(fires(b), 0);
	bench_free(b);
}

TEST(j4_streams, "the oracle: an ATC_INV goes to the device that the guest has named, as long as it is the VM's")
{
	struct bench *b = two_vms();
	const uint64_t *cmd = CMD(CMD_ATC_INV | ATC_SID(A_VSID), 0x1000);

	A_DOES(cmd, CMD(CMD_ATC_INV | ATC_SID(A_SID), 0x1000));
	EXPECT_EQ(fires(b), 0);
	A_DOES(cmd, CMD(CMD_ATC_INV | ATC_SID(B_SID), 0x1000));
	EXPECT_FIRED(b, CMDQV_O_SID);
	A_DOES(cmd, cmd);
	EXPECT_FIRED(b, CMDQV_O_SID);
	A_DOES(cmd, CMD(CMD_ATC_INV | ATC_SID(A_SID), 0x2000));
	EXPECT_FIRED(b, CMDQV_O_FIELDS);
	A_DOES(cmd, CMD(CMD_ATC_INV | ATC_SID(A_SID) | 1u << 11, 0x1000));
	EXPECT_FIRED(b, CMDQV_O_FIELDS);
	A_DOES(CMD(cmd[0] | 1u << 10, 0),
	       CMD(CMD_ATC_INV | ATC_SID(A_SID) | 1u << 10, 0));
	EXPECT_FIRED(b, CMDQV_O_FIELDS);
	/* The other VM's name for its device is none of this one's */
	A_DOES(CMD(CMD_ATC_INV | ATC_SID(B_VSID), 0),
	       CMD(CMD_ATC_INV | ATC_SID(B_SID), 0));
	EXPECT_FIRED(b, CMDQV_O_SID);
	/* A slot that outlives its vDEVICE */
	EXPECT(tell(b, "oracle gone id=%u vsid=0x%x", A_ID, A_VSID));
	cmd_issue(b, GUEST_Q, cmd[0], cmd[1]);
	EXPECT_FIRED(b, CMDQV_O_SID);
	/* The second of two devices */
	ste(b, 0x109, STE_NESTED, A_VMID);
	EXPECT(tell(b, "oracle stream id=%u vsid=0x11 psid=0x109", A_ID));
	sid_set(b, GUEST_V, 1, 0x11, 0x109);
	cmd_issue(b, GUEST_Q, CMD_ATC_INV | ATC_SID(0x11), 0);
	EXPECT(tell(b, "oracle gone id=%u vsid=0x%x", A_ID, A_VSID));
	cmd_issue(b, GUEST_Q, CMD_ATC_INV | ATC_SID(0x11), 0);
	EXPECT_EQ(fires(b), 0);
	bench_free(b);
}

TEST(j5_sync, "the oracle: a VM's CMD_SYNC has no field set")
{
	struct bench *b = two_vms();

	A_DOES(CMD(CMD_SYNC | SYNC_CS(2), 5), CMD(CMD_SYNC, 0));
	EXPECT_EQ(fires(b), 0);
	A_DOES(CMD(CMD_SYNC | SYNC_CS(1), 0), CMD(CMD_SYNC | SYNC_CS(1), 0));
	EXPECT_FIRED(b, CMDQV_O_FIELDS);
	A_DOES(CMD(CMD_SYNC, 0x1000), CMD(CMD_SYNC, 0x1000));
	EXPECT_FIRED(b, CMDQV_O_FIELDS);
	bench_free(b);
}

TEST(j6_memory, "the oracle: commands are read from memory that is declared, of a VM that lives, and from no other")
{
	struct bench *b = two_vms();
	const struct cmdqv_bench *ops = cmdqv_oracle_bench();
	uint8_t raw[16];

	/* In time, and too late: of this VM's queues, or of the VM */
	EXPECT(tell(b, "oracle release id=%u pa=0x%llx", A_ID, RING(GUEST_Q)));
	cmd_put(b, GUEST_Q, 0, 0xff, 0);
	w32(b, DIRECT0(GUEST_Q) + Q_PROD, 1);
	EXPECT_EQ(b->num_executed, 0);
	EXPECT_FIRED(b, CMDQV_O_RELEASED);
	EXPECT(tell(b, "oracle end id=%u", B_ID));
	cmd_issue(b, B_Q, CMD_SYNC, 0);
	EXPECT_EQ(cmdqv_oracle_violations(b->oracle, CMDQV_O_RELEASED), 1);
	EXPECT_EQ(cmdqv_oracle_violations(b->oracle, CMDQV_O_NOBODY), 1);
	EXPECT_EQ(fires(b), 2);
	tell(b, "oracle");
	EXPECT(!!strstr(reply, "oracle_case name=released owner=0 v=-1 q=-1 "
			"pa=0x80080000 orig=0x46,0x0 final=0x0,0x0 want=0x2\n"));
	EXPECT(!!strstr(reply, "oracle_case name=nobody owner=0 v=2 q=8 "
			"pa=0x80080000 orig=0x46,0x0 final=0x46,0x0 want=0x0\n"));
	/* And used by somebody else since */
	EXPECT(tell(b, "oracle memory id=%u pa=0x%llx len=64", A_ID, RING(B_Q)));
	again(b);

	/* Never anybody's: beyond the end, before the start, across it */
	ops->read_mem(b->oracle, RING(GUEST_Q) + 256, raw, 16);
	EXPECT_FIRED(b, CMDQV_O_MEMORY);
	ops->read_mem(b->oracle, RING(GUEST_Q) - 16, raw, 16);
	EXPECT_FIRED(b, CMDQV_O_MEMORY);
	ops->read_mem(b->oracle, RING(GUEST_Q) - 8, raw, 16);
	EXPECT_FIRED(b, CMDQV_O_MEMORY);
	ops->read_mem(b->oracle, RING(GUEST_Q) + 248, raw, 16);
	EXPECT_FIRED(b, CMDQV_O_MEMORY);
	ops->read_mem(b->oracle, RING(GUEST_Q), raw, 16);
	ops->read_mem(b->oracle, RING(GUEST_Q) + 240, raw, 16);
	EXPECT_EQ(fires(b), 0);
	/* A command that was read once and executed twice */
	cmd_put(b, GUEST_Q, 15, CMD_SYNC, 0);
	ops->read_mem(b->oracle, RING(GUEST_Q) + 240, raw, 16);
	ops->execute(b->oracle, CMD(CMD_SYNC, 0), ORIGIN_A);
	EXPECT_EQ(fires(b), 0);
	ops->execute(b->oracle, CMD(CMD_SYNC, 0), ORIGIN_A);
	EXPECT_FIRED(b, CMDQV_O_NOBODY);
	/* That could not be read */
	EXPECT(tell(b, "oracle memory id=%u pa=0x1000 len=16", A_ID));
	EXPECT(ops->read_mem(b->oracle, 0x1000, raw, 16));
	EXPECT_EQ(fires(b), 0);
	ops->execute(b->oracle, CMD(CMD_SYNC, 0), ORIGIN_A);
	EXPECT_FIRED(b, CMDQV_O_NOBODY);
	ops->write_mem(b->oracle, RING(GUEST_Q), raw, 4);
	EXPECT_FIRED(b, CMDQV_O_WRITE);
	bench_free(b);
}

TEST(j7_dying, "the oracle: what a VM has that is being killed may pass to others, and is not its any longer then")
{
	struct bench *b = two_vms();

	EXPECT(!tell(b, "oracle dying id=9"));
	EXPECT(tell(b, "oracle dying id=%u", A_ID));
	cmd_issue(b, GUEST_Q, CMD_TLBI_NH_VA, 0x1000);
	EXPECT_EQ(fires(b), 0);
	EXPECT(!tell(b, "oracle memory id=%u pa=0x%llx len=16", A_ID, RING(B_Q)));
	/* Its VMID is another's; it still has memory */
	ste(b, 0x333, STE_S2, A_VMID);
	EXPECT(tell(b, "oracle owner id=3 psid=0x333"));
	EXPECT_EQ(fires(b), 0);
	cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
	EXPECT_EQ(fires(b), 0);
	cmd_issue(b, GUEST_Q, CMD_TLBI_NH_VA, 0x1000);
	EXPECT_FIRED(b, CMDQV_O_VMID_SHARED);
	/* Its memory is another's */
	EXPECT(tell(b, "oracle dying id=%u", A_ID));
	EXPECT(tell(b, "oracle memory id=%u pa=0x%llx len=64", B_ID,
		    RING(GUEST_Q)));
	cmd_issue(b, GUEST_Q, CMD_TLBI_NH_VA, 0x1000);
	EXPECT_FIRED(b, CMDQV_O_VMID);
	EXPECT(tell(b, "oracle dying id=%u", A_ID));
	EXPECT(tell(b, "oracle memory id=%u pa=0x%llx len=32", B_ID,
		    RING(GUEST_Q) + 32));
	cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
	EXPECT_EQ(cmdqv_oracle_violations(b->oracle, CMDQV_O_RELEASED), 1);
	EXPECT_EQ(cmdqv_oracle_violations(b->oracle, CMDQV_O_NOBODY), 1);
	EXPECT(tell(b, "oracle end id=%u", A_ID));
	tell(b, "oracle");
	EXPECT(!!strstr(reply, " owners=1 ranges=2 host_ranges=1\n"));
	bench_free(b);
}

TEST(j7_host, "the oracle: no VM's command is executed as the host's, nor the host's memory read for a VM; the host's are not changed")
{
	struct bench *b = two_vms();
	const struct cmdqv_origin host = { .hyp_own = true };
	const uint64_t *cmd = CMD(CMD_TLBI_NH_VA | TLBI_VMID(4), 0);

	unit_does(b, RING(0), cmd, cmd, &host);
	EXPECT_EQ(fires(b), 0);
	unit_does(b, RING(0), cmd, CMD(cmd[0], 1), &host);
	EXPECT_FIRED(b, CMDQV_O_FIELDS);
	unit_does(b, RING(0), cmd, CMD(cmd[0] ^ TLBI_VMID(1), 0), &host);
	EXPECT_FIRED(b, CMDQV_O_FIELDS);
	unit_does(b, RING(0), cmd, cmd, ORIGIN_A);
	EXPECT_FIRED(b, CMDQV_O_HYP_OWN);
	unit_does(b, RING(0), cmd, cmd, &(struct cmdqv_origin){ .vintf = 0 });
	EXPECT_FIRED(b, CMDQV_O_HYP_OWN);
	unit_does(b, RING(GUEST_Q), CMD(CMD_SYNC, 0), CMD(CMD_SYNC, 0), &host);
	EXPECT_FIRED(b, CMDQV_O_HYP_OWN);
	bench_free(b);
}

TEST(j8_drivers_mistakes, "the oracle finds what a driver gets wrong: VMID, HYP_OWN, slots, BASE, a queue mapped to another VM")
{
	struct bench *b = two_vms();

	vintf_on(b, GUEST_V, B_VMID, 0);
	cmd_issue(b, GUEST_Q, CMD_TLBI_NH_VA, 0x1000);
	EXPECT_FIRED(b, CMDQV_O_VMID);
	vintf_on(b, GUEST_V, A_VMID, HYP_OWN);
	cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
	EXPECT_FIRED(b, CMDQV_O_HYP_OWN);
	sid_set(b, GUEST_V, 0, A_VSID, B_SID);
	cmd_issue(b, GUEST_Q, CMD_ATC_INV | ATC_SID(A_VSID), 0);
	EXPECT_FIRED(b, CMDQV_O_SID);
	sid_set(b, GUEST_V, 2, 0x33, A_SID);
	cmd_issue(b, GUEST_Q, CMD_ATC_INV | ATC_SID(0x33), 0);
	EXPECT_FIRED(b, CMDQV_O_SID);
	/* The other's memory: its own commands, with the VMID of this one */
	queue_off(b, GUEST_Q);
	w64(b, DIRECT1(GUEST_Q) + Q_BASE, RING(B_Q) | RING_LOG2);
	w32(b, DIRECT0(GUEST_Q) + Q_CONFIG, EN);
	cmd_issue(b, GUEST_Q, CMD_TLBI_NH_VA, 0);
	EXPECT_FIRED(b, CMDQV_O_VMID);
	/* A size too large */
	queue_off(b, GUEST_Q);
	w64(b, DIRECT1(GUEST_Q) + Q_BASE, RING(GUEST_Q) | (RING_LOG2 + 1));
	w32(b, DIRECT0(GUEST_Q) + Q_CONS, 1u << RING_LOG2);
	w32(b, DIRECT0(GUEST_Q) + Q_PROD, 1u << RING_LOG2);
	w32(b, DIRECT0(GUEST_Q) + Q_CONFIG, EN);
	cmd_put(b, GUEST_Q, 1u << RING_LOG2, 0xff, 0);
	w32(b, DIRECT0(GUEST_Q) + Q_PROD, (1u << RING_LOG2) + 1);
	EXPECT_FIRED(b, CMDQV_O_MEMORY);
	/* Two queues change hands, their memory doesn't */
	queue_unmap(b, GUEST_Q);
	queue_map(b, GUEST_Q, B_V, 1);
	cmd_issue(b, GUEST_Q, CMD_TLBI_NH_ASID, 0);
	EXPECT_FIRED(b, CMDQV_O_VMID);
	bench_free(b);
}

TEST(j9_stream_table, "the oracle reads the stream table as the SMMU does: linear or of two levels, in its bounds")
{
	struct bench *b = two_vms();
	static const struct {
		uint64_t word0;
		bool stage2;
	} entries[] = {
		{ STE_S2, true }, { STE_NESTED, true }, { STE_S1, false },
		{ STE_ABORT, false }, { STE_S2 & ~1u, false },
		{ 1u | 4u << 1, false }, { STE_S2 | 1ull << 40, true },
	};

	for (unsigned int i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
		ste(b, 0x1ff, entries[i].word0, 0x1234);
		EXPECT_EQ(tell(b, "oracle owner id=%u psid=0x1ff", 10 + i),
			  entries[i].stage2);
		if (entries[i].stage2)
			EXPECT(tell(b, "oracle end id=%u", 10 + i));
	}
	ste(b, 0x1ff, STE_S2, 0x1234);
	/* Not in the table, whatever is behind it; a second level that ends before */
	put64(b, STRTAB + 8 * 0x100, LEVEL2(1) | 9);
	ste(b, 0x100, STE_S2, 0x77);
	EXPECT(!tell(b, "oracle owner id=50 psid=0x10000"));
	EXPECT(!tell(b, "oracle owner id=50 psid=0x1000001ff"));
	put64(b, STRTAB + 8, LEVEL2(1) | 8);
	EXPECT(!tell(b, "oracle owner id=50 psid=0x1ff"));
	put64(b, STRTAB + 8, LEVEL2(1));
	EXPECT(!tell(b, "oracle owner id=50 psid=0x1ff"));
	put64(b, STRTAB + 8, 0xff000000000ull | 9);
	EXPECT(!tell(b, "oracle owner id=50 psid=0x1ff"));
	put64(b, STRTAB + 8, LEVEL2(1) | 9);
	EXPECT(tell(b, "oracle owner id=50 psid=0x1ff"));
	EXPECT(!!strstr(reply, "owner id=50 vmid=4660\n"));
	b->strtab_base = 0x1000;
	EXPECT(!tell(b, "oracle owner id=51 psid=0x101"));
	/* Linear */
	b->strtab_base = LEVEL2(1);
	b->strtab_cfg = 8;
	ste(b, 0x17f, STE_S2, 0x55);
	EXPECT(tell(b, "oracle owner id=52 psid=0x7f"));
	EXPECT(!!strstr(reply, "owner id=52 vmid=85\n"));
	put64(b, LEVEL2(1) + 64 * 0x17f, STE_S2);
	EXPECT(!tell(b, "oracle owner id=53 psid=0x17f"));
	b->strtab_cfg = 32;
	EXPECT(!tell(b, "oracle owner id=53 psid=0xffffffff"));
	bench_free(b);
}

TEST(j10_books, "the oracle's books: ids are used once, memory is declared once, what is not there is refused")
{
	struct bench *b = two_vms();
	uint64_t pa;

	EXPECT(!tell(b, "oracle begin"));	/* there are VMs */
	EXPECT(!!strstr(reply, "error reason=there is a VM"));
	EXPECT(!tell(b, "oracle owner id=%u psid=0x%x", A_ID, A_SID));
	EXPECT(!tell(b, "oracle owner id=0 psid=0x%x", A_SID));
	EXPECT(!tell(b, "oracle owner id=65536 psid=0x%x", A_SID));
	EXPECT(!tell(b, "oracle stream id=9 vsid=1 psid=0x%x", A_SID));
	EXPECT(!tell(b, "oracle stream id=1 vsid=0x%x psid=0x%x", A_VSID, A_SID));
	EXPECT(!tell(b, "oracle stream id=1 vsid=0x100000000 psid=0x%x", A_SID));
	EXPECT(!tell(b, "oracle stream id=1 vsid=1 psid=0x%x", B_SID));
	EXPECT(!tell(b, "oracle stream id=1 vsid=1 psid=0x3ff"));
	EXPECT(!tell(b, "oracle gone id=1 vsid=0x%x", B_VSID));
	EXPECT(!tell(b, "oracle gone id=1 vsid=0x100000010"));
	EXPECT(!tell(b, "oracle gone id=9 vsid=1"));
	for (unsigned int vsid = 0; vsid < 15; vsid++)
		EXPECT(tell(b, "oracle stream id=1 vsid=%u psid=0x%x", vsid,
			    A_SID));
	EXPECT(!tell(b, "oracle stream id=1 vsid=99 psid=0x%x", A_SID));
	pa = RING(GUEST_Q);
	EXPECT(!tell(b, "oracle memory id=2 pa=0x%" PRIx64 " len=16", pa));
	EXPECT(!tell(b, "oracle memory id=2 pa=0x%" PRIx64 " len=16", pa + 240));
	EXPECT(!tell(b, "oracle memory id=2 pa=0x%" PRIx64 " len=17", pa - 16));
	EXPECT(!tell(b, "oracle memory id=2 pa=0x%" PRIx64 " len=0", pa - 16));
	EXPECT(!tell(b, "oracle memory id=2 pa=0xffffffffffffff00 len=0x100"));
	EXPECT(!tell(b, "oracle memory id=9 pa=0x%" PRIx64 " len=16", pa - 16));
	EXPECT(!tell(b, "oracle memory id=65536 pa=0x10 len=16"));
	EXPECT(tell(b, "oracle memory id=2 pa=0x%" PRIx64 " len=16", pa - 16));
	EXPECT(tell(b, "oracle memory id=2 pa=0x%" PRIx64 " len=16", pa + 256));
	EXPECT(!tell(b, "oracle release id=2 pa=0x%" PRIx64, pa));
	EXPECT(!tell(b, "oracle release id=2 pa=0x%" PRIx64, pa - 8));
	EXPECT(!tell(b, "oracle release id=2 pa=0xffffffff00000000"));
	EXPECT(tell(b, "oracle release id=2 pa=0x%" PRIx64, pa - 16));
	EXPECT(!tell(b, "oracle end id=9"));
	/* A VM's end is the end of all of its memory and of nobody else's */
	EXPECT(tell(b, "oracle end id=2"));
	EXPECT(!tell(b, "oracle owner id=2 psid=0x%x", B_SID));
	EXPECT(!tell(b, "oracle end id=2"));
	tell(b, "oracle");
	EXPECT(!!strstr(reply, " owners=1 ranges=1 host_ranges=1\n"));
	for (unsigned int i = 0; i < 510; i++)
		EXPECT(tell(b, "oracle memory id=1 pa=%u len=16", 65536 - 32 * i));
	EXPECT(!tell(b, "oracle memory id=1 pa=0x100000 len=16"));
	for (unsigned int i = 2; i <= 64; i++) {
		ste(b, 0x300 + i, STE_S2, (uint16_t)(100 + i));
		EXPECT(tell(b, "oracle owner id=%u psid=0x%x", i + 1, 0x300 + i));
	}
	EXPECT(!tell(b, "oracle owner id=66 psid=0x302"));
	EXPECT_EQ(fires(b), 0);
	bench_free(b);
}

TEST(j11_commands, "the oracle's commands: what is not understood is refused; counts go away only with begin, which says so")
{
	struct bench *b = two_vms();
	static const char *const junk[] = {
		"", "state", "oracle what", "oracle begin now", "oracle owner",
		"oracle owner id=3", "oracle owner psid=1 id=3",
		"oracle owner id=3 psid=1 x=1", "oracle memory id=1 pa=0",
		"oracle end", "oracle dying", "oracle end id=-1", "oracle gone id=1",
		"oracle release id=1", "oracle stream id=1 vsid=1", NULL
	};

	for (unsigned int i = 0; junk[i]; i++)
		EXPECT(!tell(b, "%s", junk[i]));
	for (unsigned int i = 0; i < 20; i++)
		A_DOES(CMD(CMD_SYNC, 0), CMD(CMD_SYNC, 1));
	EXPECT_EQ(cmdqv_oracle_violations(b->oracle, CMDQV_O_FIELDS), 20);
	tell(b, "oracle");
	cmdqv_clear(b->c);
	EXPECT_EQ(fires(b), 20);
	queues_off(b);
	EXPECT(tell(b, "oracle begin"));
	EXPECT(!strcmp(reply, "ok\ndiscarded judged=20 violations=20\n"));
	EXPECT_EQ(fires(b), 0);
	EXPECT_EQ(cmdqv_oracle_judged(b->oracle), 0);
	EXPECT(!strcmp(cmdqv_oracle_violation_name(CMDQV_O_VIOLATIONS), "?"));
	cmdqv_oracle_observe(b->oracle, "oracle", reply, 64);
	EXPECT(!strcmp(reply, "ok\ntruncated\n"));
	bench_free(b);
	/* Before begin nothing is judged */
	b = bench_guest_queue(7);
	cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
	cmdqv_oracle_bench()->write_mem(b->oracle, MEM_BASE, &(uint32_t){ 0 },
					4);
	EXPECT_EQ(fires(b), 0);
	bench_free(b);
}

TEST(j12_random, "the oracle is silent about whatever two VMs and the host put into their queues; all kinds of commands get through")
{
	struct bench *b = two_vms();
	static const uint8_t ops[] = { 0x11, 0x12, 0x40, 0x46, 0x10, 0x13, 0x03 };
	uint64_t seed = 1;
	unsigned int errors = 0;

	for (unsigned int i = 0; i < 200000; i++) {
		unsigned int q = i & 1 ? GUEST_Q : B_Q;
		uint64_t word[2];

		for (unsigned int w = 0; w < 2; w++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			word[w] = seed;
		}
		if (i % 8 == 0)
			cmd_issue(b, 0, word[0], word[1]);
		if (word[1] & 1)
			word[0] = (word[0] & ~0xffull) |
				  ops[word[1] >> 8 & 7 ? word[1] >> 8 & 3 :
				      word[1] >> 16 & 7 ? 5 : 6];
		if (word[1] & 2)
			word[0] = (uint32_t)word[0] |
				  ATC_SID(word[1] & 4 ? A_VSID : B_VSID);
		if (word[1] & 8)
			word[0] &= ~0x7f00ull;
		cmd_issue(b, q, word[0], word[1]);
		while (cmd_error(b, q)) {
			errors++;
			cmd_put(b, q, r32(b, DIRECT0(q) + Q_CONS) & 15, CMD_SYNC,
				0);
			error_ack(b, q);
		}
	}
	EXPECT(errors > 50000);
	tell(b, "oracle");
	for (unsigned int i = 0; i < 4; i++) {
		char line[64];

		snprintf(line, sizeof(line), "oracle_opcode opcode=0x%02x", ops[i]);
		EXPECT(!!strstr(reply, line));
	}
	EXPECT(cmdqv_oracle_judged(b->oracle) > 100000);
	EXPECT_EQ(fires(b), 0);
	bench_free(b);
}
