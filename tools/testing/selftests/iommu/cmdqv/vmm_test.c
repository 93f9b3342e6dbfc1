// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The parts of the VMM library that need no hardware: what a guest writes into
 * memory must be what the architecture says, or all tests on hardware would prove
 * something else than they say. Expected values are numbers, worked out from IHI
 * 0070 (SMMUv3) and DDI 0487 (tables), not the library's own macros.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../kselftest_harness.h"

#include "observer.h"
#include "smmuv3.h"
#include "vcmdq.h"
#include "vm.h"

TEST(commands_are_those_of_the_architecture)
{
	struct smmu_cmd c;

	c = cmd_tlbi_nh_va(0x1234, 0xabcdef0123456);
	EXPECT_EQ(c.w[0], 0x1234000000000012ULL);
	EXPECT_EQ(c.w[1], 0xabcdef0123001ULL);
	c = cmd_with_vmid(c, 0x55aa);
	EXPECT_EQ(c.w[0], 0x123455aa00000012ULL);
	c = cmd_with_vmid(c, 0);
	EXPECT_EQ(c.w[0], 0x1234000000000012ULL);
	c = cmd_tlbi_nh_asid(0xffff);
	EXPECT_EQ(c.w[0], 0xffff000000000011ULL);
	EXPECT_EQ(c.w[1], 0);
	c = cmd_atc_inv(0x100, 0x7000, 52);
	EXPECT_EQ(c.w[0], 0x0000010000000040ULL);
	EXPECT_EQ(c.w[1], 0x7000ULL | 52);
	c = cmd_sid(CMD_CFGI_CD, 0xfffff);
	EXPECT_EQ(c.w[0], 0x000fffff00000005ULL);
	c = cmd_sync();
	EXPECT_EQ(c.w[0], 0x46);
	EXPECT_EQ(c.w[1], 0);
}

TEST(stream_table_entries_have_only_fields_of_the_guest)
{
	/* V, Config, S1Fmt, S1ContextPtr, S1CDMax */
	const u64 word0 = 0xf80fffffffffffffULL;
	/* S1DSS, S1CIR, S1COR, S1CSH, S1STALLD, EATS */
	const u64 word1 = 0x380000ffULL;
	struct guestmem mem;
	struct stage1 s1;
	u64 ste[2];

	ASSERT_EQ(guestmem_init(&mem, 0x40000000, 1 << 20, false), 0);
	ASSERT_EQ(stage1_init(&s1, &mem, 7), 0);
	stage1_ste(&s1, ste);
	EXPECT_EQ(ste[0] & ~word0, 0);
	EXPECT_EQ(ste[1] & ~word1, 0);
	EXPECT_EQ(ste[0], s1.cd | 0xb);
	ste_bypass(ste);
	EXPECT_EQ(ste[0], 9);
	EXPECT_EQ(ste[1], 0);
	ste_abort(ste);
	EXPECT_EQ(ste[0], 1);
	guestmem_free(&mem);
}

TEST(context_descriptor_is_as_expected)
{
	struct guestmem mem;
	struct stage1 s1;
	u64 *cd;

	ASSERT_EQ(guestmem_init(&mem, 0x40000000, 1 << 20, false), 0);
	ASSERT_EQ(stage1_init(&s1, &mem, 0xbeef), 0);
	EXPECT_EQ(s1.cd % 64, 0);
	cd = guestmem_at(&mem, s1.cd, 64);
	/*
	 * ASID 63:48, ASET 47, A 46, R 45, AA64 41, IPS 34:32 = 40 bits, V 31,
	 * EPD1 30, SH0 13:12, OR0 11:10, IR0 9:8, TG0 7:6 = 4 KiB, T0SZ 5:0
	 */
	EXPECT_EQ(cd[0], 0xbeefe202c0003519ULL);
	EXPECT_EQ(cd[1], s1.root);
	EXPECT_EQ(cd[3] & 0xff, 0xff);
	guestmem_free(&mem);
}

TEST(stage1_translates_what_was_mapped_and_nothing_else)
{
	enum { PAGES = 200 };
	u64 iova[PAGES], ipa[PAGES], *root, *l2, *l3;
	struct guestmem mem;
	struct stage1 s1;
	int i, j;

	ASSERT_EQ(guestmem_init(&mem, 0x40000000, 4 << 20, false), 0);
	ASSERT_EQ(stage1_init(&s1, &mem, 1), 0);
	srandom(1);
	for (i = 0; i < PAGES; i++) {
again:
		iova[i] = ((u64)random() << 12) & ((1ULL << 28) - 1);
		for (j = 0; j < i; j++)
			if (iova[j] == iova[i])
				goto again;
		ipa[i] = 0x40000000 + ((u64)random() % 1024 << 12);
		ASSERT_EQ(stage1_map(&s1, iova[i], ipa[i]), 0);
	}
	for (i = 0; i < PAGES; i++)
		EXPECT_EQ(stage1_walk(&s1, iova[i] + 0x123), ipa[i] + 0x123);
	for (i = 0; i < PAGES; i += 2)
		EXPECT_EQ(stage1_unmap(&s1, iova[i]), 0);
	for (i = 0; i < PAGES; i++)
		EXPECT_EQ(stage1_walk(&s1, iova[i]), i % 2 ? ipa[i] : 0);
	EXPECT_EQ(stage1_unmap(&s1, iova[0]), -ENOENT);

	/* As hardware walks it, by hand: level 1, 2, 3 of a 39-bit space */
	ASSERT_EQ(stage1_map(&s1, 0x5a5a5a5000, 0x40001000), 0);
	root = guestmem_at(&mem, s1.root, 4096);
	EXPECT_EQ(root[0x5a5a5a5000 >> 30] & 3, 3);
	l2 = guestmem_at(&mem, root[0x5a5a5a5000 >> 30] & ~0xfffULL, 4096);
	ASSERT_NE(l2, NULL);
	l3 = guestmem_at(&mem, l2[0x5a5a5a5000 >> 21 & 511] & ~0xfffULL, 4096);
	ASSERT_NE(l3, NULL);
	/* XN 54:53, nG 11, AF 10, SH 9:8, AP[1] 6, AttrIndx 4:2, page 1:0 */
	EXPECT_EQ(l3[0x5a5a5a5000 >> 12 & 511], 0x0060000040001f43ULL);

	EXPECT_EQ(stage1_map(&s1, 1ULL << 39, 0x40000000), -EINVAL);
	EXPECT_EQ(stage1_map(&s1, 0x1000, 0x40000800), -EINVAL);
	EXPECT_EQ(stage1_map(&s1, 0x1000, 1ULL << 40), -EINVAL);
	mem.used = mem.size;
	EXPECT_EQ(stage1_map(&s1, 0x7fc0000000, 0x40000000), -ENOMEM);
	guestmem_free(&mem);
}

TEST(guest_memory_is_given_out_once_and_within_bounds)
{
	struct guestmem mem;
	u64 a, b;

	ASSERT_EQ(guestmem_init(&mem, 0x40000000, 0x10000, false), 0);
	a = guestmem_alloc(&mem, 1, 1);
	b = guestmem_alloc(&mem, 0x1000, 0x1000);
	EXPECT_EQ(a, 0x40000000);
	EXPECT_EQ(b, 0x40001000);
	EXPECT_EQ(guestmem_alloc(&mem, 0x10000, 1), 0);
	EXPECT_EQ(guestmem_alloc(&mem, SIZE_MAX, 1), 0);
	EXPECT_EQ(guestmem_at(&mem, 0x40000000, 0x10000), mem.va);
	EXPECT_EQ(guestmem_at(&mem, 0x40000001, 0x10000), NULL);
	EXPECT_EQ(guestmem_at(&mem, 0x3fffffff, 1), NULL);
	EXPECT_EQ(guestmem_at(&mem, 0x40010000, 1), NULL);
	EXPECT_EQ(guestmem_at(&mem, ~0ULL, 1), NULL);
	guestmem_free(&mem);
}

FIXTURE(queue)
{
	u32 window[2 * VCMDQ_STRIDE / 4];
	u64 entries[2 * 4];
	struct vcmdq q;
};

FIXTURE_SETUP(queue)
{
	memset(self->window, 0, sizeof(self->window));
	memset(self->entries, 0, sizeof(self->entries));
	vcmdq_init(&self->q, self->window, 1, self->entries, 2);
}

FIXTURE_TEARDOWN(queue)
{
}

TEST_F(queue, entries_wrap_and_so_does_prod)
{
	u32 *regs = self->window + VCMDQ_STRIDE / 4;
	int i;

	for (i = 0; i < 5; i++)
		vcmdq_push(&self->q, cmd_op(i + 1));
	/* Nothing is told before the kick */
	EXPECT_EQ(regs[1], 0);
	vcmdq_kick(&self->q);
	/* Index 1, wrap bit (bit 2 of a queue of four) set */
	EXPECT_EQ(regs[1], 5);
	EXPECT_EQ(self->entries[0], 5);
	EXPECT_EQ(self->entries[2], 2);
	EXPECT_EQ(self->entries[6], 4);
	for (i = 0; i < 3; i++)
		vcmdq_push(&self->q, cmd_op(0x10));
	vcmdq_kick(&self->q);
	EXPECT_EQ(regs[1], 0);
	/* The other queue's registers were not touched */
	for (i = 0; i < VCMDQ_STRIDE / 4; i++)
		EXPECT_EQ(self->window[i], 0);
}

TEST_F(queue, wait_tells_done_from_error_from_silence)
{
	u32 *regs = self->window + VCMDQ_STRIDE / 4;

	vcmdq_push(&self->q, cmd_sync());
	vcmdq_kick(&self->q);
	regs[0] = 1;
	EXPECT_EQ(vcmdq_wait(&self->q), 0);
	vcmdq_push(&self->q, cmd_op(CMD_CFGI_STE));
	vcmdq_kick(&self->q);
	EXPECT_EQ(vcmdq_wait(&self->q), -ETIMEDOUT);
	regs[0] = 1 | CERROR_ILL << 24;
	regs[4] = GERROR_CMDQ_ERR;
	EXPECT_EQ(vcmdq_wait(&self->q), -EIO);
	EXPECT_EQ(vcmdq_recover(&self->q), CERROR_ILL);
	EXPECT_EQ(regs[5], GERROR_CMDQ_ERR);
	EXPECT_EQ(self->entries[2], CMD_SYNC);
	/* Acknowledged: not an error any more, but not done either */
	EXPECT_EQ(vcmdq_wait(&self->q), -ETIMEDOUT);
}

static unsigned int work_quiet(struct vm *vm, void *arg)
{
	unsigned int i;

	for (i = 0; i < 100; i++)
		vm->ram.va[i * GUEST_PAGE] = i;
	return 7;
}

static unsigned int work_talks(struct vm *vm, void *arg)
{
	int i;

	for (i = 0; i < 3; i++)
		syscall(SYS_getppid);
	return 0;
}

static unsigned int work_crashes(struct vm *vm, void *arg)
{
	mmio_write32(arg, 0, 0);
	return 0;
}

/* "Zero system calls" is worth something only if three are counted as three. */
TEST(system_calls_of_a_guest_are_counted)
{
	struct guest_report r;
	struct vm vm = {};

	ASSERT_EQ(guestmem_init(&vm.ram, VM_RAM_IPA, VM_RAM_SIZE, false), 0);
	ASSERT_EQ(vm_run_guest(&vm, work_quiet, NULL, NULL, NULL, &r), 0);
	EXPECT_FALSE(r.died);
	EXPECT_EQ(r.result, 7);
	EXPECT_EQ(r.syscalls, 0);
	EXPECT_EQ(r.faults, 0);
	EXPECT_EQ(vm.ram.va[99 * GUEST_PAGE], 99);
	ASSERT_EQ(vm_run_guest(&vm, work_talks, NULL, NULL, NULL, &r), 0);
	EXPECT_FALSE(r.died);
	EXPECT_EQ(r.syscalls, 3);
	ASSERT_EQ(vm_run_guest(&vm, work_crashes, NULL, NULL, NULL, &r), 0);
	EXPECT_TRUE(r.died);
	guestmem_free(&vm.ram);
}

TEST(records_of_the_observer_are_read_by_key)
{
	static const char text[] =
		"ok\n"
		"vintf v=1 en=1 enabled=1 hyp_own=0 vmid=42 err_map=0x0,0x1\n"
		"vintfs v=9\n"
		"vintf v=2 en=0 vmid=0x2b reason=sid\n"
		"total dropped=7";
	const char *r;

	r = record_find(text, "vintf");
	ASSERT_NE(r, NULL);
	EXPECT_EQ(record_value(r, "v"), 1);
	EXPECT_EQ(record_value(r, "vmid"), 42);
	EXPECT_EQ(record_value(r, "mid"), 0);
	EXPECT_EQ(record_value(r, "reason"), 0);
	r = record_find(record_next(r), "vintf");
	ASSERT_NE(r, NULL);
	EXPECT_EQ(record_value(r, "v"), 2);
	EXPECT_EQ(record_value(r, "vmid"), 43);
	EXPECT_TRUE(record_is(r, "reason", "sid"));
	EXPECT_FALSE(record_is(r, "reason", "si"));
	EXPECT_EQ(record_find(record_next(r), "vintf"), NULL);
	r = record_find(text, "total");
	ASSERT_NE(r, NULL);
	EXPECT_EQ(record_value(r, "dropped"), 7);
	EXPECT_EQ(record_next(r), NULL);
}

TEST_HARNESS_MAIN
