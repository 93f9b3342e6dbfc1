// SPDX-License-Identifier: GPL-2.0-or-later
/* Random operations, and what must hold whatever they are */
#include <string.h>

#include "bench.h"
#include "play.h"

static uint64_t rng;

static uint64_t next(void)
{
	uint64_t z = rng += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

TEST(p1_games_of_random_bytes,
     "I1 to I5 and I7 hold in 1500 random games of a host that keeps the rules and machines that don't; all that can happen does")
{
	static uint8_t data[1500];
	struct play_stats stats = { 0 };

	rng = 1;
	for (unsigned int n = 0; n < 1500; n++) {
		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = (uint8_t)next();
		play(data, n % sizeof(data), &stats);
	}
	printf("# executed %" PRIu64 " refused %" PRIu64 " destroyed %" PRIu64
	       " fenced %" PRIu64 " raced %" PRIu64 " late %" PRIu64 "\n",
	       stats.executed, stats.refused, stats.destroyed, stats.fenced,
	       stats.raced, stats.late);
	EXPECT(stats.executed > 2000);
	EXPECT(stats.refused > 1000);
	EXPECT(stats.destroyed > 1000);
	EXPECT(stats.fenced > 10);
	EXPECT(stats.raced > 10);
	EXPECT(stats.late > 2);
}

/* A register somewhere, most often one that exists */
static uint64_t some_offset(const struct bench *b)
{
	uint64_t n = next();

	switch (n & 7) {
	case 0:
		return next() % cmdqv_mem_size(b->c) & ~3ull;
	case 1:
		return (n >> 8 & 0x3f) * 4;
	case 2:
		return ALLOC_MAP((uint32_t)(n >> 8 & 0xf));
	case 3:
		return VINTF((uint32_t)(n >> 8 & 3)) + (n >> 12 & 0xcc);
	case 4:
		return DIRECT0((uint32_t)(n >> 8 & 0xf)) + (n >> 16 & 0x1c);
	case 5:
		return DIRECT1((uint32_t)(n >> 8 & 0xf)) + (n >> 16 & 0xc);
	case 6:
		return LOGICAL0((uint32_t)(n >> 8 & 3), (uint32_t)(n >> 10 & 3)) +
		       (n >> 16 & 0x1c);
	default:
		return LOGICAL1((uint32_t)(n >> 8 & 3), (uint32_t)(n >> 10 & 3)) +
		       (n >> 16 & 0xc);
	}
}

static uint64_t some_value(void)
{
	uint64_t n = next();

	switch (n & 3) {
	case 0:
		return n >> 8 & 0xff;
	case 1:
		return RING(n >> 8 & 0xf) | (n >> 12 & 7);
	case 2:
		return (n >> 8 & 0x18003f) | 1;
	default:
		return next();
	}
}

TEST(p2_any_register_any_value,
     "a host that writes anything anywhere breaks no invariant of the unit, nor makes it run without bound")
{
	for (uint64_t seed = 0; seed < 60; seed++) {
		struct cmdqv_config config = bench_config();
		struct bench *b;

		rng = seed;
		config.reset_pattern = (uint8_t)(seed % 3);
		config.reset_seed = seed;
		config.hyp_wired = seed & 1;
		config.log_entries = 32;
		b = bench_new(&config);
		for (unsigned int i = 0; i < MEM_SIZE / 16; i += 7)
			b->mem[16 * i] = (uint8_t)next();
		unit_on(b);
		for (unsigned int n = 0; n < 1500; n++) {
			const char *what;
			uint64_t ops = next();

			if ((ops & 31) == 0)
				cmdqv_set_delays(b->c, next() % 100,
						 next() % 100, next() % 10,
						 (uint32_t)(next() % 9));
			else if ((ops & 31) == 1)
				cmdqv_inject(b->c, (enum cmdqv_fault)
					     (next() % CMDQV_FAULTS),
					     (unsigned int)(next() % 20),
					     next() % 3);
			else if ((ops & 31) == 2)
				b->fail = (enum cmdqv_cerror)(next() % 5);
			else if ((ops & 31) < 6)
				cmdqv_process(b->c);
			else if ((ops & 31) == 6)
				cmdqv_smmu_sync(b->c);
			else if ((ops & 511) == 511)
				cmdqv_reset(b->c);
			else
				cmdqv_write(b->c, some_offset(b),
					    ops & 32 ? 4 : 8, some_value());
			what = cmdqv_check(b->c);
			if (what)
				FAIL("seed %" PRIu64 ", step %u: %s", seed, n,
				     what);
		}
		bench_free(b);
	}
}

TEST(p3_wrap_against_a_plain_counter,
     "for every size and any pace, what is executed is what was put in, in order, each once")
{
	rng = 3;
	for (unsigned int log2 = 1; log2 <= 8; log2++) {
		struct bench *b = bench_host_queue();
		uint64_t put = 0, size = 1ull << log2;

		queue_off(b, 0);
		queue_scrub(b, 0);
		w64(b, DIRECT1(0) + Q_BASE, RING(0) | log2);
		w32(b, DIRECT0(0) + Q_CONFIG, EN);
		while (put < 1000) {
			uint64_t burst = 1 + next() % size;
			uint64_t prod;

			for (uint64_t i = 0; i < burst; i++)
				cmd_put(b, 0, (unsigned int)((put + i) % size),
					CMD_TLBI_NH_ASID, put + i);
			put += burst;
			prod = put % (2 * size);
			w32(b, DIRECT0(0) + Q_PROD, (uint32_t)prod);
			bench_pass(b, 0);
			EXPECT_EQ(b->num_executed, put);
			EXPECT_EQ(r32(b, DIRECT0(0) + Q_CONS), prod);
		}
		for (uint64_t i = 0; i < put; i++)
			EXPECT_EQ(b->executed[i].cmd[1], i);
		EXPECT_EQ(all_violations(b), 0);
		bench_free(b);
	}
}
