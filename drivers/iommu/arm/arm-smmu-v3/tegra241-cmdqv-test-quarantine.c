// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the Tegra241 CMDQV driver: the quarantine at work. What the hardware
 * may still use is kept, for as long as it takes, and not longer.
 */

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>

#include "tegra241-cmdqv-test-vm.h"

static void make_stuck(struct fake_vcmdq *vcmdq)
{
	vcmdq->config = VCMDQ_EN;
	vcmdq->status = VCMDQ_ENABLED;
	vcmdq->stuck = true;
}

static void expect_left(struct fake_cmdqv *fake, bool left)
{
	KUNIT_EXPECT_EQ(fake->test, left,
			tegra241_quarantine_look(&fake->cmdqv->quarantine));
}

/* A second queue of a VINTF that is fenced already: both are kept, each by itself */
static void test_two_stuck(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct fake_vcmdq *vcmdq = &fake->vcmdq[FAKE_NUM_LVCMDQS];
	struct page *page = queue_pages(test);
	struct tegra241_hw_queue *first, *second;
	struct tegra241_vsmmu *tv;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	first = new_queue(fake, tv, 0, page_to_phys(page + 1), SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(first));
	second = new_queue(fake, tv, 1, page_to_phys(page), SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(second));
	make_stuck(&vcmdq[0]);
	make_stuck(&vcmdq[1]);
	/* The fence closes behind the first of them */
	fake->vintf[1].fenced = true;
	destroy_queue(fake, second);
	KUNIT_EXPECT_EQ(test, 0, fake->vintf[1].status);
	destroy_queue(fake, first);
	KUNIT_ASSERT_EQ(test, page_ref_count(page), 2);
	KUNIT_ASSERT_EQ(test, page_ref_count(page + 1), 2);
	expect_left(fake, true);

	vcmdq[1].stuck = false;
	expect_left(fake, true);
	vcmdq[1].want_base = 0;
	expect_scrubbed(fake, &vcmdq[1]);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	KUNIT_EXPECT_EQ(test, page_ref_count(page + 1), 2);
	destroy_vsmmu(tv);
	expect_left(fake, true);
	vcmdq[0].stuck = false;
	expect_left(fake, false);
	KUNIT_EXPECT_EQ(test, page_ref_count(page + 1), 1);
	vcmdq[0].want_base = 0;
	expect_vintf_free(fake, 1);
}

/* It says that it is disabled, but BASE stays: its memory is not let go of for that */
static void test_base_stays(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct fake_vcmdq *vcmdq = &fake->vcmdq[FAKE_NUM_LVCMDQS];
	struct page *page = queue_pages(test);
	struct tegra241_hw_queue *hwq;
	struct tegra241_vsmmu *tv;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	hwq = new_queue(fake, tv, 0, page_to_phys(page), SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(hwq));
	vcmdq->keeps_base = true;
	destroy_queue(fake, hwq);
	KUNIT_EXPECT_EQ(test, 0, vcmdq->status);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 2);
	expect_left(fake, true);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 2);

	vcmdq->keeps_base = false;
	expect_left(fake, false);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	expect_scrubbed(fake, vcmdq);
	destroy_vsmmu(tv);
	expect_vintf_free(fake, 1);
}

/*
 * It is looked at again for as long as something is left, ever more rarely, but within
 * five minutes; and what is new is looked at soon
 */
static void test_looks(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_quarantine *quarantine = &fake->cmdqv->quarantine;
	struct work_struct *work = &quarantine->work.work;
	struct fake_vcmdq *vcmdq = &fake->vcmdq[FAKE_NUM_LVCMDQS];
	struct tegra241_hw_queue *hwq, *other;
	struct tegra241_vsmmu *tv, *next;
	unsigned int i, scheduled;

	reset_unit(fake);
	tv = vsmmu_with_queue(fake, 3, &hwq);
	next = vsmmu_with_queue(fake, 4, &other);

	make_stuck(vcmdq);
	destroy_queue(fake, hwq);
	KUNIT_EXPECT_EQ(test, quarantine->delay, HZ);
	scheduled = fake->scheduled;
	for (i = 1; i < 9; i++) {
		work->func(work);
		KUNIT_EXPECT_EQ(test, fake->scheduled, scheduled + i);
		KUNIT_EXPECT_EQ(test, quarantine->delay, HZ << i);
	}
	for (; i < 20; i++) {
		work->func(work);
		KUNIT_EXPECT_EQ(test, fake->scheduled, scheduled + i);
		KUNIT_EXPECT_EQ(test, quarantine->delay, 5 * 60 * HZ);
	}

	make_stuck(&vcmdq[FAKE_NUM_LVCMDQS]);
	destroy_queue(fake, other);
	KUNIT_EXPECT_EQ(test, quarantine->delay, HZ);

	/* Nothing left to look at */
	vcmdq[0].stuck = false;
	vcmdq[FAKE_NUM_LVCMDQS].stuck = false;
	scheduled = fake->scheduled;
	work->func(work);
	KUNIT_EXPECT_EQ(test, fake->scheduled, scheduled);
	vcmdq[0].want_base = 0;
	vcmdq[FAKE_NUM_LVCMDQS].want_base = 0;
	destroy_vsmmu(tv);
	destroy_vsmmu(next);
	expect_vintf_free(fake, 1);
	expect_vintf_free(fake, 2);
}

struct ending {
	struct kunit *test;
	struct tegra241_vsmmu *tv;
	struct completion done;
};

static int end_vsmmu(void *data)
{
	struct ending *ending = data;

	/* The accesses of this thread go to the fake unit, too */
	current->kunit_test = ending->test;
	destroy_vsmmu(ending->tv);
	current->kunit_test = NULL;
	complete_all(&ending->done);
	return 0;
}

/*
 * What is stuck can interrupt without end, and its vIOMMU, which would have been told, is
 * ending. The quarantine may be busy for seconds; the VINTF is masked before it is asked.
 */
static void test_fenced_is_masked_first(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct fake_vcmdq *vcmdq = &fake->vcmdq[FAKE_NUM_LVCMDQS];
	struct ending ending = { .test = test };
	struct tegra241_hw_queue *hwq;
	struct task_struct *thread;
	bool ended;
	u32 mask;
	int i;

	reset_unit(fake);
	ending.tv = vsmmu_with_queue(fake, 3, &hwq);
	init_completion(&ending.done);
	make_stuck(vcmdq);
	destroy_queue(fake, hwq);
	KUNIT_EXPECT_FALSE(test, fake_cmdqv_masked(fake, 1));

	thread = kthread_create(end_vsmmu, &ending, "cmdqv-test");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, thread);
	mutex_lock(&fake->cmdqv->quarantine.lock);
	wake_up_process(thread);
	for (i = 0; i < 100 && !fake_cmdqv_masked(fake, 1); i++)
		msleep(20);
	mask = fake->int_mask[0];
	ended = completion_done(&ending.done);
	mutex_unlock(&fake->cmdqv->quarantine.lock);
	wait_for_completion(&ending.done);
	KUNIT_EXPECT_EQ(test, mask, BIT(1));
	KUNIT_EXPECT_FALSE(test, ended);
	KUNIT_EXPECT_TRUE(test, fake_cmdqv_masked(fake, 1));

	vcmdq->stuck = false;
	expect_left(fake, false);
	vcmdq->want_base = 0;
	expect_vintf_free(fake, 1);
}

/*
 * A slot that goes on to match names a device that may be another VM's: the VINTF
 * executes nothing any more, and nobody else gets it before the slot is empty.
 */
static void test_slot_stays(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct fake_vcmdq *vcmdq = &fake->vcmdq[FAKE_NUM_LVCMDQS];
	phys_addr_t pa = page_to_phys(queue_pages(test));
	struct tegra241_vsmmu_device *vdev, *next;
	struct fake_vintf *vintf = &fake->vintf[1];
	struct tegra241_hw_queue *hwq;
	struct tegra241_vsmmu *tv;
	unsigned int flushes;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	vdev = new_vdev(fake, tv, 0x107, 7);
	KUNIT_ASSERT_EQ(test, 0, init_vdev(vdev));
	hwq = new_queue(fake, tv, 0, pa, SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(hwq));

	vintf->keeps_match = true;
	vintf->fenced = true;
	flushes = fake->flushes;
	destroy_vdev(vdev);
	KUNIT_EXPECT_EQ(test, 0, vintf->status);
	/* What has matched is on its way */
	KUNIT_EXPECT_EQ(test, fake->flushes, flushes + 1);
	KUNIT_EXPECT_EQ(test, vintf->replace[0], 0x107);

	/* Not for another device of this VM either */
	next = new_vdev(fake, tv, 0x108, 8);
	KUNIT_ASSERT_EQ(test, 0, init_vdev(next));
	KUNIT_EXPECT_EQ(test, vintf->replace[1], 0x108);
	vintf->match[1] = 0;
	KUNIT_EXPECT_EQ(test, -EIO, init_queue(new_queue(fake, tv, 1, pa, SZ_4K)));
	destroy_vdev(next);
	destroy_queue(fake, hwq);
	vcmdq->want_base = 0;
	expect_scrubbed(fake, vcmdq);
	destroy_vsmmu(tv);
	KUNIT_EXPECT_TRUE(test, test_bit(1, fake->cmdqv->vm_owners.taken));
	expect_left(fake, true);

	vintf->keeps_match = false;
	expect_left(fake, false);
	expect_vintf_free(fake, 1);
}

/* Nor can the VINTF be disabled at that time: that is tried again, while the VM lives */
static void test_slot_and_fence_fail(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct fake_vintf *vintf = &fake->vintf[1];
	struct tegra241_vsmmu_device *vdev[2];
	struct tegra241_vsmmu *tv;
	int i;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	for (i = 0; i < 2; i++) {
		vdev[i] = new_vdev(fake, tv, 0x107 + i, 7 + i);
		KUNIT_ASSERT_EQ(test, 0, init_vdev(vdev[i]));
	}
	vintf->keeps_match = true;
	vintf->no_disable = true;
	destroy_vdev(vdev[0]);
	KUNIT_EXPECT_TRUE(test, vintf->status & VINTF_ENABLED);
	expect_left(fake, true);
	vintf->no_disable = false;
	expect_left(fake, false);
	KUNIT_EXPECT_EQ(test, 0, vintf->status);
	/* It is not enabled again for that */
	vintf->keeps_match = false;
	destroy_vdev(vdev[1]);
	KUNIT_EXPECT_EQ(test, 0, vintf->status);
	destroy_vsmmu(tv);
	expect_vintf_free(fake, 1);
}

/* A unit that says 0 because it is lost: nobody knows whether the slot matches */
static void test_slot_of_lost_unit(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_vsmmu_device *vdev;
	struct tegra241_vm_vintf *vintf;
	struct tegra241_vsmmu *tv;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	vintf = tv->vintf;
	vdev = new_vdev(fake, tv, 0x107, 7);
	KUNIT_ASSERT_EQ(test, 0, init_vdev(vdev));
	fake->no_answer = true;
	fake->answer = 0;
	destroy_vdev(vdev);
	KUNIT_EXPECT_EQ(test, vintf->sids, BIT(0));
	KUNIT_EXPECT_EQ(test, fake->vintf[1].replace[0], 0x107);
	/* Nor does it go to the next VM, with all that is in it */
	KUNIT_EXPECT_EQ(test, -EIO,
			tegra241_vintf_scrub(&vintf->hw, vintf->sids));
	destroy_vsmmu(tv);
	KUNIT_EXPECT_TRUE(test, test_bit(1, fake->cmdqv->vm_owners.taken));
	fake->no_answer = false;
	fake->cmdqv->lost = false;
	expect_left(fake, false);
	expect_vintf_free(fake, 1);
}

/* The same at the end of a VINTF whose slot could not be flushed: it is not fenced */
static void test_slot_stays_at_the_end(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct fake_vintf *vintf = &fake->vintf[1];
	struct tegra241_vsmmu_device *vdev;
	struct tegra241_vsmmu *tv;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	vdev = new_vdev(fake, tv, 0x107, 7);
	KUNIT_ASSERT_EQ(test, 0, init_vdev(vdev));
	tv->vsmmu.unsynced = true;
	fake->flush_fails = 1;
	destroy_vdev(vdev);
	KUNIT_EXPECT_TRUE(test, vintf->status & VINTF_ENABLED);
	vintf->match[0] = VINTF_SID_MATCH_EN | 7 << 1;
	vintf->keeps_match = true;
	destroy_vsmmu(tv);
	KUNIT_EXPECT_TRUE(test, test_bit(1, fake->cmdqv->vm_owners.taken));
	expect_left(fake, true);
	vintf->keeps_match = false;
	expect_left(fake, false);
	expect_vintf_free(fake, 1);
}

/* Nor does a VM get a VINTF with what firmware, or the kernel before, has left in a slot */
static void test_slot_stays_at_reset(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct fake_vintf *vintf = &fake->vintf[1];
	struct tegra241_vsmmu *tv;

	vintf->match[3] = VINTF_SID_MATCH_EN | 7 << 1;
	vintf->replace[3] = 0x107;
	vintf->keeps_match = true;
	reset_unit(fake);
	KUNIT_EXPECT_TRUE(test, test_bit(1, fake->cmdqv->vm_owners.taken));
	tv = alloc_vsmmu(fake, 3);
	KUNIT_EXPECT_EQ(test, 2, tv->vintf->hw.idx);
	destroy_vsmmu(tv);
}

/* One that only keeps the StreamID matches nothing, and the host's are not looked at */
static void test_slot_is_noise_at_reset(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_vsmmu *tv;

	fake->vintf[1].match[3] = 7 << 1;
	fake->vintf[1].keeps_match = true;
	fake->vintf[0].match[3] = VINTF_SID_MATCH_EN | 7 << 1;
	fake->vintf[0].keeps_match = true;
	reset_unit(fake);
	KUNIT_EXPECT_TRUE(test, fake->cmdqv->vintf0->enabled);
	tv = alloc_vsmmu(fake, 3);
	KUNIT_EXPECT_EQ(test, 1, tv->vintf->hw.idx);
	destroy_vsmmu(tv);
	fake->vintf[1].match[3] = 0;
}

/* One that comes and goes holds nobody up but itself */
static void test_one_comes_and_goes(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct fake_vcmdq *vcmdq = &fake->vcmdq[FAKE_NUM_LVCMDQS];
	struct page *page = queue_pages(test);
	struct tegra241_hw_queue *first, *second;
	struct tegra241_vsmmu *tv;
	int i;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	first = new_queue(fake, tv, 0, page_to_phys(page), SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(first));
	second = new_queue(fake, tv, 1, page_to_phys(page + 1), SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(second));
	make_stuck(&vcmdq[0]);
	make_stuck(&vcmdq[1]);
	fake->vintf[1].fenced = true;
	/* The head of the list is the one that goes first */
	destroy_queue(fake, second);
	destroy_queue(fake, first);
	KUNIT_ASSERT_EQ(test, page_ref_count(page), 2);

	/* It says that it is disabled, and is enabled for good when it is unmapped */
	vcmdq[0].stuck = false;
	for (i = 0; i < 2; i++) {
		vcmdq[1].status = 0;
		vcmdq[1].late_enable = 1;
		expect_left(fake, true);
		KUNIT_EXPECT_TRUE(test, vcmdq[1].status & VCMDQ_ENABLED);
	}
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	KUNIT_EXPECT_EQ(test, page_ref_count(page + 1), 2);
	vcmdq[1].stuck = false;
	expect_left(fake, false);
	KUNIT_EXPECT_EQ(test, page_ref_count(page + 1), 1);
	vcmdq[0].want_base = 0;
	vcmdq[1].want_base = 0;
	destroy_vsmmu(tv);
	expect_vintf_free(fake, 1);
}

static struct kunit_case quarantine_cases[] = {
	KUNIT_CASE_SLOW(test_two_stuck),
	KUNIT_CASE(test_base_stays),
	KUNIT_CASE_SLOW(test_looks),
	KUNIT_CASE_SLOW(test_fenced_is_masked_first),
	KUNIT_CASE(test_slot_stays),
	KUNIT_CASE_SLOW(test_slot_and_fence_fail),
	KUNIT_CASE(test_slot_of_lost_unit),
	KUNIT_CASE(test_slot_stays_at_the_end),
	KUNIT_CASE(test_slot_stays_at_reset),
	KUNIT_CASE(test_slot_is_noise_at_reset),
	KUNIT_CASE_SLOW(test_one_comes_and_goes),
	{},
};

static struct kunit_suite quarantine_suite = {
	.name = "tegra241-cmdqv-quarantine",
	.init = cmdqv_test_init,
	.exit = cmdqv_test_exit,
	.test_cases = quarantine_cases,
};

kunit_test_suite(quarantine_suite);
