// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmdqv-bench measures what it says: each path can be run and leaves nothing behind,
 * with other VMs there as well; commands through page 0 have nothing but the hardware
 * do them; a larger queue takes no more of the kernel's memory. How much a path takes
 * is not tested: "make bench" compares that.
 *
 * Runs on the emulated board (emulator/grace-vm); skips elsewhere.
 */
#include "../cmdqv/cmdqv_utils.h"
#include "bench.h"

#define TIMEOUT		60
#define SAMPLES		3
#define TIMES		20

/* How many VINTFs are some VM's; -1 if the unit doesn't answer */
static int guest_vintfs(struct observer *unit)
{
	char *state = observer_guest_state(unit);
	const char *r = state;
	int n = 0;

	if (!state)
		return -1;
	for (; r && (r = record_find(r, "vintf")); r = record_next(r))
		n++;
	free(state);
	return n;
}

FIXTURE(path)
{
	struct board board;
	struct bench bench;
};

FIXTURE_VARIANT(path)
{
	const char *name;
};

/* A path that isn't here isn't tested, so the test "all" looks for it */
FIXTURE_VARIANT_ADD(path, syscall) { "syscall" };
FIXTURE_VARIANT_ADD(path, ioctl_none) { "ioctl_none" };
FIXTURE_VARIANT_ADD(path, page0_1) { "page0_1" };
FIXTURE_VARIANT_ADD(path, page0_64) { "page0_64" };
FIXTURE_VARIANT_ADD(path, tlbi_1) { "tlbi_1" };
FIXTURE_VARIANT_ADD(path, tlbi_64) { "tlbi_64" };
FIXTURE_VARIANT_ADD(path, cfgi_cd_1) { "cfgi_cd_1" };
FIXTURE_VARIANT_ADD(path, cfgi_cd_64) { "cfgi_cd_64" };
FIXTURE_VARIANT_ADD(path, atc_inv_1) { "atc_inv_1" };
FIXTURE_VARIANT_ADD(path, atc_inv_64) { "atc_inv_64" };
FIXTURE_VARIANT_ADD(path, viommu) { "viommu" };
FIXTURE_VARIANT_ADD(path, vdevice) { "vdevice" };
FIXTURE_VARIANT_ADD(path, hwq_4k) { "hwq_4k" };
FIXTURE_VARIANT_ADD(path, hwq_2m) { "hwq_2m" };
FIXTURE_VARIANT_ADD(path, hwq_8m_2m) { "hwq_8m_2m" };
FIXTURE_VARIANT_ADD(path, hwq_8m_32m) { "hwq_8m_32m" };
FIXTURE_VARIANT_ADD(path, mmap) { "mmap" };
FIXTURE_VARIANT_ADD(path, event_read) { "event_read" };
FIXTURE_VARIANT_ADD(path, error_poll) { "error_poll" };
FIXTURE_VARIANT_ADD(path, nested) { "nested" };
FIXTURE_VARIANT_ADD(path, nested_replace) { "nested_replace" };
FIXTURE_VARIANT_ADD(path, veventq) { "veventq" };
FIXTURE_VARIANT_ADD(path, close) { "close" };

FIXTURE_SETUP(path)
{
	const char *why = board_find(&self->board);

	if (why)
		SKIP(return, "%s", why);
	memset(&self->bench, 0, sizeof(self->bench));
	memcpy(self->bench.bdf, self->board.bdf[0], sizeof(self->bench.bdf));
}

FIXTURE_TEARDOWN(path)
{
	board_check(&self->board);
	observer_close(&self->board.unit);
}

TEST_F_TIMEOUT(path, measured, TIMEOUT)
{
	const struct bench_path *path = bench_find(variant->name);
	struct bench_result r;
	unsigned int part;
	int rc;

	ASSERT_NE(NULL, path);
	rc = bench_run(&self->bench, path, SAMPLES, &r);
	if (rc > 0)
		SKIP(return, "%s", self->bench.skip);
	ASSERT_EQ(0, rc)
		TH_LOG("%s", self->bench.step);
	EXPECT_EQ(SAMPLES, r.n);
	for (part = 0; part <= r.parts; part++) {
		struct bench_figure f = bench_figure(&r, part);

		/* A part that nothing has measured says 0 */
		EXPECT_LT(0, f.median);
		EXPECT_LE(f.min, f.median);
		EXPECT_LE(f.median, f.p90);
		EXPECT_LE(f.p90, f.max);
		/* A minute, and more, of ticks or nanoseconds */
		EXPECT_GT(1ULL << 36, f.max);
	}
	bench_result_free(&r);
}

FIXTURE(bench)
{
	struct board board;
	struct bench bench;
};

FIXTURE_SETUP(bench)
{
	const char *why = board_find(&self->board);

	if (why)
		SKIP(return, "%s", why);
	memset(&self->bench, 0, sizeof(self->bench));
	memcpy(self->bench.bdf, self->board.bdf[0], sizeof(self->bench.bdf));
}

FIXTURE_TEARDOWN(bench)
{
	board_check(&self->board);
	observer_close(&self->board.unit);
}

/* Each path that the program has is one of the variants above */
TEST_F(bench, all)
{
	const struct __fixture_variant_metadata *v;
	unsigned int i;

	for (i = 0; i < bench_path_count; i++) {
		for (v = _path_fixture_object.variant;
		     v && strcmp(v->name, bench_paths[i].name); v = v->next)
			;
		EXPECT_NE(NULL, v)
			TH_LOG("%s is not tested", bench_paths[i].name);
	}
}

/* What samples come to */
TEST_F(bench, figures)
{
	struct bench_result r = { .n = 10, .parts = 1 };
	struct bench_figure f;
	unsigned int i;

	r.took = calloc(r.n, sizeof(*r.took));
	ASSERT_NE(NULL, r.took);
	/* 90, 10, 100, 20 ... */
	for (i = 0; i < r.n; i++)
		r.took[i][0].ticks = 10 * (1 + (i * 7 + 8) % 10);
	f = bench_figure(&r, 0);
	EXPECT_EQ(10, f.min);
	EXPECT_EQ(60, f.median);
	EXPECT_EQ(90, f.p90);
	EXPECT_EQ(100, f.max);
	bench_result_free(&r);
}

/* Which locks are told of: those waited for, with where, and ours in any case */
TEST_F(bench, locks)
{
	static char stat[] =
		"lock_stat version 0.4\n"
		"    class name    con-bounces    contentions   waittime-min\n"
		"    &smmu->l-W:  1  3  0.20  7.50  9.00  3.00  11  12  0.10  8.25  20.00  1.00\n"
		"    ----------\n"
		"    &smmu->l     2   [<00000000a1b2c3d4>] first+0x10/0x20\n"
		"    &smmu->l     1   [<00000000a1b2c3d5>] second+0x8/0x20\n"
		"    &vdevs:  0  0  0.00  0.00  0.00  0.00  5  6  0.10  1.50  2.00  0.50\n"
		"    &rq->l:  0  0  0.00  0.00  0.00  0.00  5  6  0.10  1.50  2.00  0.50\n";
	static const char *const want[] = {
		"lock class=\"&smmu->l-W\" contentions=3 acquisitions=12 ",
		"wait_max_us=7.50 hold_max_us=8.25 at=\"first second\"\n",
		"lock class=\"&vdevs\" contentions=0 acquisitions=6 ",
		"wait_max_us=0.00 hold_max_us=1.50 at=\"\"\n",
	};
	FILE *in = fmemopen(stat, sizeof(stat) - 1, "r"), *out;
	char *text = NULL, *at;
	unsigned int i;
	size_t len;

	out = open_memstream(&text, &len);
	ASSERT_NE(NULL, in);
	ASSERT_NE(NULL, out);
	bench_lock_stat(in, out);
	fclose(in);
	fclose(out);
	ASSERT_NE(NULL, text);
	at = text;
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		EXPECT_EQ(at, strstr(at, want[i]))
			TH_LOG("line %u is not as expected: %s", i, at);
		at += strlen(want[i]);
		ASSERT_LE(at, text + len);
	}
	/* And no more */
	EXPECT_EQ(0, *at);
	free(text);
}

/* Commands through page 0: the guest's side makes no system call and has no fault */
TEST_F_TIMEOUT(bench, page0_only, TIMEOUT)
{
	static const char *const names[] = { "page0_1", "page0_64" };
	struct observer *unit = &self->board.unit;
	const struct bench_path *path;
	struct guest_report report;
	unsigned int i, v;
	u64 before, after;

	for (i = 0; i < 2; i++) {
		path = bench_find(names[i]);
		ASSERT_NE(NULL, path);
		ASSERT_EQ(0, bench_set_up(&self->bench, path));
		v = find_vintf(unit, &self->bench.vm);
		before = observer_executed(unit, v);
		ASSERT_EQ(0, bench_guest(&self->bench, path, TIMES, &report));
		after = observer_executed(unit, v);
		EXPECT_FALSE(report.died);
		EXPECT_EQ(0, report.result);
		EXPECT_EQ(0, report.syscalls)
			TH_LOG("%s", names[i]);
		EXPECT_EQ(0, report.faults)
			TH_LOG("%s", names[i]);
		/* And the hardware has done all of them, CMD_SYNCs as well */
		EXPECT_EQ(TIMES * (path->arg + 1), after - before);
		EXPECT_EQ(0, bench_tear_down(&self->bench, path, 0));
	}
}

/* With others there, they are: a VINTF each, and it is the same path that is measured */
TEST_F_TIMEOUT(bench, others, TIMEOUT)
{
	static const char *const names[] = { "viommu", "vdevice", "hwq_4k", "mmap" };
	struct bench_others *others;
	struct bench_result r;
	char step[60] = "";
	unsigned int i;

	others = bench_others_open(5, self->bench.bdf, step);
	ASSERT_NE(NULL, others)
		TH_LOG("%s: %s", step, strerror(errno));
	EXPECT_EQ(5, guest_vintfs(&self->board.unit));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(0, bench_run(&self->bench, bench_find(names[i]), SAMPLES, &r))
			TH_LOG("%s: %s", names[i], self->bench.step);
		bench_result_free(&r);
	}
	EXPECT_EQ(5, guest_vintfs(&self->board.unit));
	bench_others_close(others);
	EXPECT_EQ(self->board.per_device, get_vintfs_per_device());
}

/*
 * bench_allocs() of several tries that with the fewest bytes: a kernel for debugging
 * refills what it keeps for itself now and then.
 */
static int least_allocs(struct bench *b, const char *name, struct bench_allocs *least)
{
	struct bench_allocs allocs;
	unsigned int i;
	int rc = 0;

	for (i = 0; i < 3 && !rc; i++) {
		rc = bench_allocs(b, bench_find(name), &allocs);
		if (!rc && (!i || allocs.bytes < least->bytes))
			*least = allocs;
	}
	return rc;
}

/*
 * However large the queue, the kernel allocates the same for it, as often and as many
 * bytes: neither while it looks at the queue's memory nor for as long as it's there.
 */
TEST_F_TIMEOUT(bench, queue_memory, TIMEOUT)
{
	static const char *const names[] = { "hwq_2m", "hwq_8m_2m", "hwq_8m_32m" };
	struct bench_allocs small, large;
	unsigned int i;
	int rc;

	rc = least_allocs(&self->bench, "hwq_4k", &small);
	if (rc > 0)
		SKIP(return, "%s", self->bench.skip);
	ASSERT_EQ(0, rc)
		TH_LOG("%s", self->bench.step);
	/* Or nothing was counted */
	ASSERT_LT(0, small.calls);
	ASSERT_LE(sizeof(void *), small.bytes);
	for (i = 0; i < 3; i++) {
		rc = least_allocs(&self->bench, names[i], &large);
		if (rc > 0) {
			TH_LOG("%s not tried: %s", names[i], self->bench.skip);
			continue;
		}
		ASSERT_EQ(0, rc)
			TH_LOG("%s: %s", names[i], self->bench.step);
		EXPECT_EQ(small.calls, large.calls)
			TH_LOG("%s", names[i]);
		EXPECT_EQ(small.bytes, large.bytes)
			TH_LOG("%s", names[i]);
	}
}

TEST_HARNESS_MAIN
