// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of what the Tegra241 CMDQV driver tells the host's operator about
 * memory that a queue can't be in: whether, and how often. What it says is tested by
 * tools/testing/selftests/iommu/cmdqv/iommufd_cmdqv_queues.c.
 */
#include <linux/jiffies.h>
#include <linux/ratelimit.h>

#include "tegra241-cmdqv-test-vm.h"

#define OFTEN 1000

/* Any queue that the driver might be told of: not initialised, of any index */
static bool not_contig(struct fake_cmdqv *fake, struct tegra241_vsmmu *tv,
		       u32 index)
{
	struct iommufd_hw_queue hwq = {
		.viommu = &tv->vsmmu.core,
		.type = IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV,
		.index = index,
		.base_addr = SZ_1G,
		.length = SZ_8M,
	};

	return tegra241_vm_memory_not_contig(tv->vintf, &hwq, SZ_2M, SZ_2M);
}

/* I8, J90: a vIOMMU has one line, and all together what the global limit lets by */
static void test_memory_limits(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	unsigned int i, said = 0, periods;
	struct tegra241_vsmmu *a, *b;
	unsigned long start = jiffies;

	reset_unit(fake);
	a = alloc_vsmmu(fake, 3);
	b = alloc_vsmmu(fake, 4);
	for (i = 0; i < OFTEN; i++)
		said += not_contig(fake, a, i ? U32_MAX - i : 0);
	KUNIT_EXPECT_EQ(test, said, 1);
	/* That one says no more takes nothing from the other */
	KUNIT_EXPECT_TRUE(test, not_contig(fake, b, 0));
	KUNIT_EXPECT_FALSE(test, not_contig(fake, b, 0));
	destroy_vsmmu(a);
	destroy_vsmmu(b);

	/* Who makes a new vIOMMU each time meets the other limit */
	for (i = 0, said = 0; i < 5 * DEFAULT_RATELIMIT_BURST; i++) {
		a = alloc_vsmmu(fake, 3);
		said += not_contig(fake, a, 0);
		destroy_vsmmu(a);
	}
	periods = (jiffies - start) / DEFAULT_RATELIMIT_INTERVAL + 1;
	KUNIT_EXPECT_GT(test, said, 0);
	KUNIT_EXPECT_LE(test, said, periods * DEFAULT_RATELIMIT_BURST);
}

/* A place that the guest has chosen is not the operator's business */
static void test_memory_alignment(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	phys_addr_t pa = page_to_phys(queue_pages(test));
	struct tegra241_hw_queue *hwq;
	struct tegra241_vsmmu *tv;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	hwq = new_queue(fake, tv, 0, pa + SZ_1K, SZ_4K);

	hwq->core.base_addr = SZ_1G + SZ_1K;
	KUNIT_EXPECT_EQ(test, -EINVAL, init_queue(hwq));
	KUNIT_EXPECT_FALSE(test, tegra241_vm_memory_not_aligned(tv->vintf,
								&hwq->core));
	/* Fine where it is: there is something else */
	hwq->core.base_addr = SZ_1G;
	hwq->core.base_pa = pa;
	KUNIT_EXPECT_FALSE(test, tegra241_vm_memory_not_aligned(tv->vintf,
								&hwq->core));
	/* Nothing was said until now; init_queue() does it once */
	hwq->core.base_pa = pa + SZ_1K;
	KUNIT_EXPECT_EQ(test, tv->vintf->memory_limit.printed, 0);
	KUNIT_EXPECT_EQ(test, -EINVAL, init_queue(hwq));
	KUNIT_EXPECT_EQ(test, tv->vintf->memory_limit.printed, 1);
	KUNIT_EXPECT_FALSE(test, tegra241_vm_memory_not_aligned(tv->vintf,
								&hwq->core));
	destroy_vsmmu(tv);
}

static struct kunit_case memory_cases[] = {
	KUNIT_CASE_SLOW(test_memory_limits),
	KUNIT_CASE(test_memory_alignment),
	{},
};

static struct kunit_suite memory_suite = {
	.name = "tegra241-cmdqv-memory",
	.init = cmdqv_test_init,
	.exit = cmdqv_test_exit,
	.test_cases = memory_cases,
};

kunit_test_suite(memory_suite);
