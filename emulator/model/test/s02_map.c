// SPDX-License-Identifier: GPL-2.0-or-later
/* hardware.md §2: address map */
#include "bench.h"

TEST(s02_resource_size,
     "the MEM resource holds 3 pages and 2 for each VINTF, up to 0x830000")
{
	for (unsigned int log2 = 0; log2 <= CMDQV_MAX_LOG2_VINTFS; log2++) {
		struct cmdqv_config config = bench_config();
		struct bench *b;
		uint64_t value, size;

		config.log2_vintfs = (uint8_t)log2;
		b = bench_new(&config);
		size = cmdqv_mem_size(b->c);
		EXPECT_EQ(size, 0x30000 + (0x20000u << log2));
		EXPECT(cmdqv_read(b->c, size - 4, 4, &value));
		EXPECT(!cmdqv_read(b->c, size, 4, &value));
		EXPECT(!cmdqv_write(b->c, size, 4, 0));
		EXPECT(!cmdqv_read(b->c, UINT64_MAX - 3, 4, &value));
		bench_free(b);
	}
}

TEST(s02_direct_and_logical_are_aliases,
     "direct and logical aperture lead to the same registers, page 0 and 1")
{
	struct bench *b = bench_default();
	const unsigned int q = 6, v = 2, l = 1;

	queue_scrub(b, 5);
	queue_scrub(b, q);
	queue_map(b, 5, v, 0);
	queue_map(b, q, v, l);
	w32(b, LOGICAL0(v, l) + Q_PROD, 0x12345);
	w32(b, LOGICAL0(v, l) + Q_CONS, 0x54321);
	w64(b, LOGICAL1(v, l) + Q_BASE, RING(q) | RING_LOG2);
	w64(b, DIRECT1(q) + Q_CONS_INDX_BASE, 0x1234560);
	EXPECT_EQ(r32(b, DIRECT0(q) + Q_PROD), 0x12345);
	EXPECT_EQ(r32(b, DIRECT0(q) + Q_CONS), 0x54321);
	EXPECT_EQ(r64(b, DIRECT1(q) + Q_BASE), RING(q) | RING_LOG2);
	EXPECT_EQ(r64(b, LOGICAL1(v, l) + Q_CONS_INDX_BASE), 0x1234560);
	w32(b, DIRECT0(q) + Q_CONFIG, EN);
	EXPECT_EQ(r32(b, LOGICAL0(v, l) + Q_CONFIG), EN);
	EXPECT_EQ(r32(b, LOGICAL0(v, l) + Q_STATUS), EN);
	/* and to no other queue's */
	EXPECT_EQ(r32(b, DIRECT0(5) + Q_CONFIG), 0);
	EXPECT_EQ(r32(b, LOGICAL0(v, 0) + Q_PROD), 0);
	bench_free(b);
}

TEST(s02_queues_are_0x80_apart,
     "VCMDQ q is at +0x80*q in both pages of the direct aperture")
{
	struct bench *b = bench_default();

	for (unsigned int q = 0; q < 16; q++) {
		w32(b, 0x10000 + 0x80 * q + 4, 0x100 + q);
		w64(b, 0x20000 + 0x80 * q, (uint64_t)(q + 1) << 32);
	}
	for (unsigned int q = 0; q < 16; q++) {
		EXPECT_EQ(vcmdq_state(b, q).prod, 0x100 + q);
		EXPECT_EQ(vcmdq_state(b, q).base, (uint64_t)(q + 1) << 32);
	}
	bench_free(b);
}

TEST(s02_windows_of_vintfs_are_apart,
     "page 0 of VINTF i is at 0x30000 + i*0x20000, page 1 64 KiB above; the same logical number in two VINTFs is two queues")
{
	struct bench *b = bench_default();

	for (unsigned int v = 0; v < 4; v++) {
		queue_scrub(b, v);
		queue_map(b, v, v, 0);
		w32(b, 0x30000 + v * 0x20000 + 4, 0x200 + v);
		w64(b, 0x40000 + v * 0x20000, (uint64_t)(v + 1) << 20);
	}
	for (unsigned int v = 0; v < 4; v++) {
		EXPECT_EQ(vcmdq_state(b, v).prod, 0x200 + v);
		EXPECT_EQ(vcmdq_state(b, v).base, (uint64_t)(v + 1) << 20);
	}
	bench_free(b);
}

TEST(s02_access_sizes,
     "4 and 8 bytes, aligned; all else is rejected and changes nothing")
{
	struct bench *b = bench_default();
	static const unsigned int bad_sizes[] = { 0, 1, 2, 3, 5, 16, 32 };
	uint64_t value;

	w32(b, DIRECT0(0) + Q_PROD, 0x77);
	for (size_t i = 0; i < sizeof(bad_sizes) / sizeof(*bad_sizes); i++) {
		EXPECT(!cmdqv_write(b->c, DIRECT0(0) + Q_PROD, bad_sizes[i],
				    0x11));
		EXPECT(!cmdqv_read(b->c, DIRECT0(0) + Q_PROD, bad_sizes[i],
				   &value));
		EXPECT_EQ(value, 0);
	}
	for (unsigned int off = 1; off < 4; off++)
		EXPECT(!cmdqv_write(b->c, DIRECT0(0) + Q_PROD + off, 4, 0x11));
	EXPECT(!cmdqv_write(b->c, DIRECT0(0) + Q_PROD, 8, 0x11));
	EXPECT(!cmdqv_read(b->c, VINTF_ERR_MAP, 8, &value));
	EXPECT_EQ(r32(b, DIRECT0(0) + Q_PROD), 0x77);
	EXPECT_EQ(cmdqv_counters(b->c)->rejected, 2 * 7 + 3 + 2);
	bench_free(b);
}

TEST(s02_eight_bytes_are_two_words,
     "8 bytes access two registers, the lower one first")
{
	struct bench *b = bench_default();

	queue_scrub(b, 0);
	w64(b, DIRECT0(0) + Q_CONS, 0x0000000500000003ull);
	EXPECT_EQ(r32(b, DIRECT0(0) + Q_CONS), 3);
	EXPECT_EQ(r32(b, DIRECT0(0) + Q_PROD), 5);
	EXPECT_EQ(r64(b, DIRECT0(0) + Q_CONS), 0x0000000500000003ull);
	w32(b, DIRECT1(0) + Q_BASE, 0x80000004);
	w32(b, DIRECT1(0) + Q_BASE + 4, 0x12);
	EXPECT_EQ(r64(b, DIRECT1(0) + Q_BASE), 0x1280000004ull);
	bench_free(b);
}

TEST(s02_holes, "what holds no register reads as 0 and ignores writes")
{
	struct bench *b = bench_default();
	static const uint32_t holes[] = {
		0x000c, 0x0010, 0x0034, 0x01fc,
		0x0200 + 4 * 16,		/* ALLOC_MAP of a 17th VCMDQ */
		0x1000 + 0x100 * 4,		/* a fifth VINTF */
		0x1000 + 0x0c, 0x1000 + 0x10,	/* GLB_FILT_* */
		0x1000 + 0x40 + 4 * 4,		/* a fifth SID slot */
		0x1000 + 0x80 + 4 * 4,
		0x1000 + 0xd0, 0xfffc,
		0x10000 + 0x80 * 16 + 4,	/* a 17th VCMDQ */
		0x1fffc, 0x20000 + 0x80 * 16, 0x2fffc,
		0x10000 + 0x18, 0x10000 + 0x7c,
		0x20000 + 0x10, 0x20000 + 0x7c,
	};

	for (size_t i = 0; i < sizeof(holes) / sizeof(*holes); i++) {
		uint64_t ignored = cmdqv_counters(b->c)->ignored;

		w32(b, holes[i], 0xffffffff);
		EXPECT_EQ(cmdqv_counters(b->c)->ignored, ignored + 1);
		EXPECT_EQ(r32(b, holes[i]), 0);
	}
	bench_free(b);
}

TEST(s02_read_has_no_side_effect,
     "reading any register any number of times changes nothing")
{
	struct bench *b = bench_guest_queue(3);
	static char before[1 << 18], after[1 << 18];

	cmd_issue(b, GUEST_Q, 0x01, 0);
	cmdqv_observe(b->c, "state all", before, sizeof(before));
	for (unsigned int n = 0; n < 2; n++)
		for (uint64_t o = 0; o < cmdqv_mem_size(b->c); o += 4)
			r32(b, o);
	cmdqv_observe(b->c, "state all", after, sizeof(after));
	for (size_t i = 0; i < sizeof(before) && before[i]; i++)
		EXPECT_EQ(before[i], after[i]);
	EXPECT_EQ(b->irqs, 1);
	bench_free(b);
}
