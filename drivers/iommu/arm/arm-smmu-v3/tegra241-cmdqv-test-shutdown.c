// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the Tegra241 CMDQV driver: the host shuts down while user space sets
 * VMs up. Whoever comes first, nothing of a VM's is left when device_disable returns,
 * and nothing comes later.
 */

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kthread.h>

#include "tegra241-cmdqv-test-vm.h"

/* Far more than a shutdown takes that waits for nobody */
#define AT_ONCE_MS	200

/**
 * struct shutdown - a shutdown that begins at a certain write of somebody else's
 * @off: to this register
 * @bit: with this bit set
 * @begun: it has begun
 * @overtook: it has ended before that write took effect
 * @done: it has ended
 * @fake: the unit
 * @thread: who shuts down
 */
struct shutdown {
	u32 off;
	u32 bit;
	bool begun;
	bool overtook;
	struct completion done;
	struct fake_cmdqv *fake;
	struct task_struct *thread;
};

static struct shutdown the_shutdown;

static int shut_down(void *data)
{
	struct shutdown *s = data;

	/* The accesses of this thread go to the fake unit, too */
	current->kunit_test = s->fake->test;
	tegra241_cmdqv_impl_ops.device_disable(&s->fake->cmdqv->smmu);
	current->kunit_test = NULL;
	complete_all(&s->done);
	return 0;
}

static void begin_shutdown(struct fake_cmdqv *fake, u32 off, u32 val)
{
	struct shutdown *s = &the_shutdown;
	unsigned int ms;

	if (s->begun || off != s->off || !(val & s->bit))
		return;
	s->begun = true;
	wake_up_process(s->thread);
	/* Without sleeping, as some of those that write must not */
	for (ms = 0; ms < AT_ONCE_MS && !completion_done(&s->done); ms++)
		mdelay(1);
	s->overtook = completion_done(&s->done);
}

static void shutdown_at(struct fake_cmdqv *fake, u32 off, u32 bit)
{
	if (num_online_cpus() < 2)
		kunit_skip(fake->test, "needs two CPUs");
	the_shutdown = (struct shutdown){
		.off = off,
		.bit = bit,
		.fake = fake,
	};
	init_completion(&the_shutdown.done);
	the_shutdown.thread = kthread_create(shut_down, &the_shutdown,
					     "cmdqv-test");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(fake->test, the_shutdown.thread);
	fake->at_write = begin_shutdown;
}

static void expect_nothing_left(struct fake_cmdqv *fake)
{
	struct kunit *test = fake->test;
	int i, s;

	fake->at_write = NULL;
	KUNIT_EXPECT_TRUE(test, the_shutdown.begun);
	if (!the_shutdown.begun)
		wake_up_process(the_shutdown.thread);
	wait_for_completion(&the_shutdown.done);
	KUNIT_EXPECT_FALSE(test, the_shutdown.overtook);
	KUNIT_EXPECT_EQ(test, 0, fake->status);
	for (i = 0; i < FAKE_NUM_VCMDQS; i++) {
		expect_scrubbed(fake, &fake->vcmdq[i]);
		KUNIT_EXPECT_FALSE(test, fake->alloc[i] & CMDQV_CMDQ_ALLOCATED);
	}
	for (i = 1; i < FAKE_NUM_VINTFS; i++) {
		KUNIT_EXPECT_EQ(test, 0, fake->vintf[i].status);
		KUNIT_EXPECT_EQ(test, 0, fake->vintf[i].config);
		for (s = 0; s < FAKE_NUM_SIDS; s++) {
			KUNIT_EXPECT_EQ(test, 0, fake->vintf[i].match[s]);
			KUNIT_EXPECT_EQ(test, 0, fake->vintf[i].replace[s]);
		}
	}
}

/* A queue whose memory is another kernel's a moment later */
static void test_shutdown_queue(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_hw_queue *hwq;
	struct tegra241_vsmmu *tv;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	hwq = new_queue(fake, tv, 0, page_to_phys(queue_pages(test)), SZ_4K);
	shutdown_at(fake, TEGRA241_CMDQV_CMDQ_ALLOC_MAP(FAKE_NUM_LVCMDQS),
		    CMDQV_CMDQ_ALLOCATED);
	KUNIT_ASSERT_EQ(test, 0, init_queue(hwq));
	expect_nothing_left(fake);
	destroy_queue(fake, hwq);
	destroy_vsmmu(tv);
}

static void test_shutdown_vintf(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_vsmmu *tv;

	reset_unit(fake);
	shutdown_at(fake, TEGRA241_VINTF(1) + TEGRA241_VINTF_CONFIG, VINTF_EN);
	tv = alloc_vsmmu(fake, 3);
	expect_nothing_left(fake);
	destroy_vsmmu(tv);
}

static void test_shutdown_sid(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_vsmmu_device *vdev;
	struct tegra241_vsmmu *tv;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	vdev = new_vdev(fake, tv, 0x101, 1);
	shutdown_at(fake, TEGRA241_VINTF(1) + TEGRA241_VINTF_SID_MATCH(0),
		    VINTF_SID_MATCH_EN);
	KUNIT_ASSERT_EQ(test, 0, init_vdev(vdev));
	expect_nothing_left(fake);
	destroy_vdev(vdev);
	destroy_vsmmu(tv);
}

/* What begins when the shutdown has begun is turned away: the unit never sees it */
static void test_shutdown_first(struct kunit *test)
{
	struct iommu_user_data data = user_data(test, PROT_READ | PROT_WRITE);
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_vsmmu *tv;
	unsigned int accesses;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	tegra241_cmdqv_impl_ops.device_disable(&fake->cmdqv->smmu);
	accesses = fake->accesses;
	KUNIT_EXPECT_EQ(test, -EIO,
			init_queue(new_queue(fake, tv, 0,
					     page_to_phys(queue_pages(test)),
					     SZ_4K)));
	KUNIT_EXPECT_EQ(test, -EIO, init_vdev(new_vdev(fake, tv, 0x101, 1)));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			init_vsmmu(new_vsmmu(fake, 4), &data));
	KUNIT_EXPECT_EQ(test, fake->accesses, accesses);
	destroy_vsmmu(tv);
}

static struct kunit_case shutdown_cases[] = {
	KUNIT_CASE_SLOW(test_shutdown_queue),
	KUNIT_CASE_SLOW(test_shutdown_vintf),
	KUNIT_CASE_SLOW(test_shutdown_sid),
	KUNIT_CASE(test_shutdown_first),
	{},
};

static struct kunit_suite shutdown_suite = {
	.name = "tegra241-cmdqv-shutdown",
	.init = cmdqv_test_init,
	.exit = cmdqv_test_exit,
	.test_cases = shutdown_cases,
};

kunit_test_suite(shutdown_suite);
