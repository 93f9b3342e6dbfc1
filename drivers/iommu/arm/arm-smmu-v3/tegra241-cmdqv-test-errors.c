// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the Tegra241 CMDQV driver: what VMs hear of errors of their queues,
 * and what they can cost the host with them
 */

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>

#include "tegra241-cmdqv-test-vm.h"

static void expect_event(struct fake_cmdqv *fake, struct tegra241_vsmmu *tv,
			 u64 map)
{
	KUNIT_EXPECT_EQ(fake->test, fake->events, 1);
	KUNIT_EXPECT_PTR_EQ(fake->test, fake->event_viommu, &tv->vsmmu.core);
	KUNIT_EXPECT_EQ(fake->test, map,
			le64_to_cpu(fake->event.lvcmdq_err_map[0]));
	KUNIT_EXPECT_EQ(fake->test, 0,
			le64_to_cpu(fake->event.lvcmdq_err_map[1]));
	fake->events = 0;
}

static struct tegra241_vsmmu *vsmmu_with_queue(struct fake_cmdqv *fake, u16 vmid,
					       struct tegra241_hw_queue **hwq)
{
	struct tegra241_vsmmu *tv = alloc_vsmmu(fake, vmid);
	struct page *page = queue_pages(fake->test);

	*hwq = new_queue(fake, tv, 0, page_to_phys(page), SZ_4K);
	KUNIT_ASSERT_EQ(fake->test, 0, init_queue(*hwq));
	return tv;
}

/* J91, 60: to each what is new of its own, and all of that */
static void test_events(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_hw_queue *qa, *qb;
	struct fake_vcmdq *va = &fake->vcmdq[2], *vb = &fake->vcmdq[4];
	struct tegra241_vsmmu *a, *b;
	u32 gerrorn;

	reset_unit(fake);
	a = vsmmu_with_queue(fake, 3, &qa);
	b = vsmmu_with_queue(fake, 4, &qb);
	fake->noise = ~0ULL;

	va->gerror ^= BIT(0);
	gerrorn = va->gerrorn;
	tegra241_cmdqv_isr(0, fake->cmdqv);
	expect_event(fake, a, BIT(0));
	/* The guest acknowledges, not we */
	KUNIT_EXPECT_EQ(test, va->gerrorn, gerrorn);

	/* B's error is no news to A, whose own is still pending */
	vb->gerror ^= BIT(0);
	tegra241_cmdqv_isr(0, fake->cmdqv);
	expect_event(fake, b, BIT(0));
	tegra241_cmdqv_isr(0, fake->cmdqv);
	KUNIT_EXPECT_EQ(test, fake->events, 0);

	/* A acknowledges and errs again before the interrupt is handled */
	va->gerrorn = va->gerror;
	va->gerror ^= BIT(0);
	tegra241_cmdqv_isr(0, fake->cmdqv);
	expect_event(fake, a, BIT(0));

	/* And twice: GERROR is what it was, but the queue has moved on */
	va->gerrorn = va->gerror;
	va->gerror ^= BIT(0);
	va->gerrorn = va->gerror;
	va->gerror ^= BIT(0);
	va->cons = 0x01000004;
	tegra241_cmdqv_isr(0, fake->cmdqv);
	expect_event(fake, a, BIT(0));

	/* Acknowledged, seen to be so, and the very same error once more */
	va->gerrorn = va->gerror;
	tegra241_cmdqv_isr(0, fake->cmdqv);
	KUNIT_EXPECT_EQ(test, fake->events, 0);
	va->gerror ^= BIT(0);
	va->gerrorn = va->gerror ^ BIT(0);
	tegra241_cmdqv_isr(0, fake->cmdqv);
	expect_event(fake, a, BIT(0));

	destroy_queue(fake, qb);
	destroy_queue(fake, qa);
	destroy_vsmmu(b);
	destroy_vsmmu(a);

	/* Nobody to tell */
	tegra241_cmdqv_isr(0, fake->cmdqv);
	KUNIT_EXPECT_EQ(test, fake->events, 0);
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

/* 58: a vIOMMU does not end while the interrupt thread is looking at it */
static void test_events_end(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct ending ending = { .test = test };
	struct task_struct *thread;
	bool ended;
	u32 status;
	int mmaps;

	reset_unit(fake);
	ending.tv = alloc_vsmmu(fake, 3);
	init_completion(&ending.done);

	/* As the interrupt thread does meanwhile */
	thread = kthread_create(end_vsmmu, &ending, "cmdqv-test");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, thread);
	spin_lock(&fake->cmdqv->vm_errors.lock);
	wake_up_process(thread);
	mdelay(50);
	ended = completion_done(&ending.done);
	status = fake->vintf[1].status;
	mmaps = fake->mmaps;
	spin_unlock(&fake->cmdqv->vm_errors.lock);

	wait_for_completion(&ending.done);
	KUNIT_EXPECT_FALSE(test, ended);
	KUNIT_EXPECT_EQ(test, status, VINTF_ENABLED);
	KUNIT_EXPECT_EQ(test, mmaps, 1);
	expect_vintf_free(fake, 1);
}

static void add_veventq(struct tegra241_vsmmu *tv, u32 type)
{
	tv->vsmmu.core.ops->veventq_added(&tv->vsmmu.core, type);
}

/*
 * Who begins to listen hears of what is pending, for which no interrupt comes any
 * more, whether somebody has been told before or not; and of nothing if there is
 * nothing. A new queue's error is new.
 */
static void test_events_late(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct fake_vcmdq *vcmdq = &fake->vcmdq[2];
	struct tegra241_hw_queue *hwq;
	struct tegra241_vsmmu *tv;

	reset_unit(fake);
	tv = vsmmu_with_queue(fake, 3, &hwq);
	add_veventq(tv, IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV);
	KUNIT_EXPECT_EQ(test, fake->events, 0);

	vcmdq->gerror ^= BIT(0);
	fake->event_ret = -EOPNOTSUPP;
	tegra241_cmdqv_isr(0, fake->cmdqv);
	fake->event_ret = 0;
	fake->events = 0;
	add_veventq(tv, IOMMU_VEVENTQ_TYPE_ARM_SMMUV3);
	KUNIT_EXPECT_EQ(test, fake->events, 0);
	add_veventq(tv, IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV);
	expect_event(fake, tv, BIT(0));
	tegra241_cmdqv_isr(0, fake->cmdqv);
	KUNIT_EXPECT_EQ(test, fake->events, 0);
	/* Another vEVENTQ in the place of the first one */
	add_veventq(tv, IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV);
	expect_event(fake, tv, BIT(0));

	/* No run of the handler sees that the error went with its queue */
	destroy_queue(fake, hwq);
	vcmdq->gerror = 0;
	vcmdq->gerrorn = 0;
	hwq = new_queue(fake, tv, 0, page_to_phys(queue_pages(test)), SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(hwq));
	vcmdq->gerror ^= BIT(0);
	tegra241_cmdqv_isr(0, fake->cmdqv);
	expect_event(fake, tv, BIT(0));

	destroy_queue(fake, hwq);
	destroy_vsmmu(tv);
}

/*
 * The brake. What its constants are is said in the head of tegra241-cmdqv-vm-brake.c.
 */

#define BURST		20
#define BRAKE_TIME	msecs_to_jiffies(200)
#define SLICE		msecs_to_jiffies(20)

/* The queue 0 of a VINTF makes an error */
static void make_error(struct fake_cmdqv *fake, int v)
{
	fake->vcmdq[v * FAKE_NUM_LVCMDQS].gerror ^= BIT(0);
	fake_cmdqv_interrupt(fake, v);
}

static void acknowledge(struct fake_cmdqv *fake, int v)
{
	struct fake_vcmdq *vcmdq = &fake->vcmdq[v * FAKE_NUM_LVCMDQS];

	vcmdq->gerrorn = vcmdq->gerror;
}

/* It makes one and acknowledges it before the host looks */
static void make_hidden_error(struct fake_cmdqv *fake, int v)
{
	fake->vcmdq[v * FAKE_NUM_LVCMDQS].gerror ^= BIT(0);
	acknowledge(fake, v);
	fake_cmdqv_interrupt(fake, v);
}

/* @num errors at a time that is the same for the host, each acknowledged */
static void storm(struct fake_cmdqv *fake, int v, int num, bool hidden)
{
	while (num--) {
		if (hidden)
			make_hidden_error(fake, v);
		else
			make_error(fake, v);
		acknowledge(fake, v);
	}
}

/* J90: interrupts and events of a VM that makes errors without end are bounded */
static void test_brake(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_hw_queue *qa, *qb;
	struct tegra241_vsmmu *a, *b;
	unsigned int events;
	int i;

	reset_unit(fake);
	a = vsmmu_with_queue(fake, 3, &qa);
	b = vsmmu_with_queue(fake, 4, &qb);

	/* What is no storm is left alone */
	for (i = 0; i < 100; i++) {
		storm(fake, 1, 1, false);
		fake_cmdqv_pass(fake, DIV_ROUND_UP(BRAKE_TIME, BURST - 1));
	}
	KUNIT_EXPECT_EQ(test, fake->interrupts, 100);
	KUNIT_EXPECT_EQ(test, fake->events, 100);

	fake_cmdqv_pass(fake, BRAKE_TIME);
	fake->interrupts = 0;
	fake->events = 0;
	storm(fake, 1, 1000, false);
	KUNIT_EXPECT_EQ(test, fake->interrupts, BURST);
	KUNIT_EXPECT_EQ(test, fake->events, BURST);
	KUNIT_EXPECT_TRUE(test, fake_cmdqv_masked(fake, 1));

	/* Others are heard at once, and only what is theirs; so is VINTF0 */
	fake->events = 0;
	fake->vcmdq[2].gerror ^= BIT(0);
	make_error(fake, 2);
	expect_event(fake, b, BIT(0));
	make_error(fake, 0);
	KUNIT_EXPECT_EQ(test, fake->vcmdq[0].gerror, fake->vcmdq[0].gerrorn);
	KUNIT_EXPECT_EQ(test, fake->events, 0);
	acknowledge(fake, 2);

	/* What is pending when the time is over is told then, and once */
	fake_cmdqv_pass(fake, BRAKE_TIME - 1);
	KUNIT_EXPECT_EQ(test, fake->events, 0);
	KUNIT_EXPECT_TRUE(test, fake_cmdqv_masked(fake, 1));
	fake_cmdqv_pass(fake, 1);
	KUNIT_EXPECT_FALSE(test, fake_cmdqv_masked(fake, 1));
	expect_event(fake, a, BIT(0));
	acknowledge(fake, 1);
	fake_cmdqv_pass(fake, 10 * BRAKE_TIME);
	KUNIT_EXPECT_EQ(test, fake->events, 0);

	/* Though it be the same error at the same place as the last one told */
	make_error(fake, 1);
	fake->events = 0;
	storm(fake, 1, 1 + 2 * BURST, false);
	KUNIT_ASSERT_TRUE(test, fake_cmdqv_masked(fake, 1));
	fake->vcmdq[2].gerror = a->vintf->errors[0].gerror;
	fake->vcmdq[2].gerrorn = fake->vcmdq[2].gerror ^ BIT(0);
	fake->events = 0;
	fake_cmdqv_pass(fake, BRAKE_TIME);
	expect_event(fake, a, BIT(0));
	acknowledge(fake, 1);

	/* Nor does it help to wait for the very end */
	fake_cmdqv_pass(fake, 10 * BRAKE_TIME);
	storm(fake, 1, BURST, false);
	fake->events = 0;
	fake->error_at_unmask = 2;
	fake_cmdqv_pass(fake, BRAKE_TIME);
	KUNIT_EXPECT_EQ(test, fake->error_at_unmask, -1);
	expect_event(fake, a, BIT(0));
	acknowledge(fake, 1);

	/* In the long run: 100 a second, and an event more at the end of each brake */
	fake_cmdqv_pass(fake, 10 * BRAKE_TIME);
	fake->interrupts = 0;
	fake->events = 0;
	for (i = 0; i < 10 * HZ; i++) {
		storm(fake, 1, 7, false);
		fake_cmdqv_pass(fake, 1);
	}
	events = fake->events;
	KUNIT_EXPECT_LE(test, fake->interrupts, 10 * 100 + BURST);
	KUNIT_EXPECT_GE(test, fake->interrupts, 10 * 80);
	KUNIT_EXPECT_LE(test, events, 10 * 105 + BURST);

	destroy_queue(fake, qb);
	destroy_queue(fake, qa);
	destroy_vsmmu(b);
	destroy_vsmmu(a);
	expect_vintf_free(fake, 1);
}

/* J90: nor does it help a VM to have acknowledged before anybody looks */
static void test_brake_hidden(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_hw_queue *hwq;
	struct tegra241_vsmmu *tv;
	int i;

	reset_unit(fake);
	tv = vsmmu_with_queue(fake, 3, &hwq);
	storm(fake, 1, 1000, true);
	KUNIT_EXPECT_EQ(test, fake->interrupts, BURST);
	KUNIT_EXPECT_TRUE(test, fake_cmdqv_masked(fake, 1));

	/* Both kinds together, too */
	fake->interrupts = 0;
	for (i = 0; i < 10 * HZ; i++) {
		storm(fake, 1, 3, true);
		storm(fake, 1, 1, false);
		fake_cmdqv_pass(fake, 1);
	}
	KUNIT_EXPECT_LE(test, fake->interrupts, 10 * 100 + BURST);

	/* Nothing gets lost */
	fake_cmdqv_pass(fake, 10 * BRAKE_TIME);
	fake->events = 0;
	storm(fake, 1, 2 * BURST, true);
	make_error(fake, 1);
	KUNIT_EXPECT_EQ(test, fake->events, 0);
	fake_cmdqv_pass(fake, BRAKE_TIME);
	expect_event(fake, tv, BIT(0));

	/* It is not masked for ever, nor called for ever */
	acknowledge(fake, 1);
	fake_cmdqv_pass(fake, BRAKE_TIME);
	KUNIT_EXPECT_FALSE(test, fake_cmdqv_masked(fake, 1));
	KUNIT_EXPECT_EQ(test, fake->tick_at, ULONG_MAX);

	destroy_queue(fake, hwq);
	destroy_vsmmu(tv);
}

/* Which of several VMs it is comes out; the others hear of their errors meanwhile */
static void test_brake_trial(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_hw_queue *q[3];
	struct tegra241_vsmmu *tv[3];
	unsigned int told = 0;
	int i;

	reset_unit(fake);
	for (i = 0; i < 3; i++)
		tv[i] = vsmmu_with_queue(fake, 3 + i, &q[i]);

	/* The second one storms; the third one has an error in the middle of that */
	storm(fake, 2, 1000, true);
	KUNIT_EXPECT_EQ(test, fake->interrupts, BURST);
	for (i = 1; i <= 3; i++)
		KUNIT_EXPECT_TRUE(test, fake_cmdqv_masked(fake, i));
	make_error(fake, 3);
	KUNIT_EXPECT_EQ(test, fake->events, 0);
	for (i = 0; i < 3 * SLICE; i++) {
		storm(fake, 2, 5, true);
		fake_cmdqv_pass(fake, 1);
		if (fake->events && !told)
			told = i + 1;
	}
	expect_event(fake, tv[2], BIT(0));
	KUNIT_EXPECT_LE(test, told, SLICE);
	KUNIT_EXPECT_FALSE(test, fake_cmdqv_masked(fake, 1));
	KUNIT_EXPECT_TRUE(test, fake_cmdqv_masked(fake, 2));
	KUNIT_EXPECT_FALSE(test, fake_cmdqv_masked(fake, 3));
	KUNIT_EXPECT_EQ(test, tv[0]->vintf->brakes, 0);
	KUNIT_EXPECT_EQ(test, tv[1]->vintf->brakes, 1);
	KUNIT_EXPECT_EQ(test, tv[2]->vintf->brakes, 0);

	/* From then on it is known, and the others have nothing to do with it */
	fake->interrupts = 0;
	for (i = 0; i < 5 * HZ; i++) {
		storm(fake, 2, 5, true);
		fake_cmdqv_pass(fake, 1);
		if (fake_cmdqv_masked(fake, 1) || fake_cmdqv_masked(fake, 3))
			break;
	}
	KUNIT_EXPECT_EQ(test, i, 5 * HZ);
	KUNIT_EXPECT_LE(test, fake->interrupts, 5 * 100 + BURST);
	KUNIT_EXPECT_GT(test, tv[1]->vintf->brakes, 20);

	/* But it might be another one by now, so that it is asked for again */
	for (i = 0; i < 7 * HZ && !fake_cmdqv_masked(fake, 1); i++) {
		storm(fake, 2, 5, true);
		fake_cmdqv_pass(fake, 1);
	}
	KUNIT_EXPECT_LT(test, i, 7 * HZ);
	for (i = 0; i < 3 * SLICE; i++) {
		storm(fake, 2, 5, true);
		fake_cmdqv_pass(fake, 1);
	}
	KUNIT_EXPECT_FALSE(test, fake_cmdqv_masked(fake, 1));
	KUNIT_EXPECT_TRUE(test, fake_cmdqv_masked(fake, 2));

	/* When nobody is to be found the trial ends, and nobody is blamed */
	fake_cmdqv_pass(fake, 11 * HZ);
	storm(fake, 1, BURST, true);
	KUNIT_EXPECT_TRUE(test, fake_cmdqv_masked(fake, 1));
	fake_cmdqv_pass(fake, 10 * SLICE);
	for (i = 1; i <= 3; i++)
		KUNIT_EXPECT_FALSE(test, fake_cmdqv_masked(fake, i));
	KUNIT_EXPECT_EQ(test, tv[0]->vintf->brakes, 0);
	KUNIT_EXPECT_EQ(test, fake->tick_at, ULONG_MAX);

	for (i = 0; i < 3; i++) {
		destroy_queue(fake, q[i]);
		destroy_vsmmu(tv[i]);
		expect_vintf_free(fake, 1 + i);
	}
}

/* I7: the mask ends with who it is for: VINTF, quarantine, unit */
static void test_brake_life(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_hw_queue *qa, *qb;
	struct tegra241_vsmmu *a, *b;

	reset_unit(fake);
	a = vsmmu_with_queue(fake, 3, &qa);
	storm(fake, 1, BURST, false);
	KUNIT_ASSERT_TRUE(test, fake_cmdqv_masked(fake, 1));
	destroy_queue(fake, qa);
	destroy_vsmmu(a);
	expect_vintf_free(fake, 1);

	/* The next owner is not blamed for what the last one did */
	fake->events = 0;
	a = vsmmu_with_queue(fake, 4, &qa);
	storm(fake, 1, BURST - 1, false);
	KUNIT_EXPECT_EQ(test, fake->events, BURST - 1);
	KUNIT_EXPECT_FALSE(test, fake_cmdqv_masked(fake, 1));
	KUNIT_EXPECT_EQ(test, a->vintf->brakes, 0);

	/* Into the quarantine masked: it stays so until it is free */
	storm(fake, 1, 1, false);
	KUNIT_ASSERT_TRUE(test, fake_cmdqv_masked(fake, 1));
	destroy_queue(fake, qa);
	fake->vintf[1].no_disable = true;
	destroy_vsmmu(a);
	fake_cmdqv_pass(fake, 10 * BRAKE_TIME);
	KUNIT_EXPECT_TRUE(test, fake_cmdqv_masked(fake, 1));
	fake->vintf[1].no_disable = false;
	KUNIT_EXPECT_FALSE(test,
			   tegra241_quarantine_look(&fake->cmdqv->quarantine));
	expect_vintf_free(fake, 1);

	/* Whose turn it is in a trial may leave, and another one may come */
	a = vsmmu_with_queue(fake, 3, &qa);
	b = vsmmu_with_queue(fake, 4, &qb);
	storm(fake, 1, BURST, true);
	fake_cmdqv_pass(fake, SLICE);
	KUNIT_ASSERT_FALSE(test, fake_cmdqv_masked(fake, 1));
	destroy_queue(fake, qa);
	destroy_vsmmu(a);
	expect_vintf_free(fake, 1);
	make_hidden_error(fake, 0);
	a = vsmmu_with_queue(fake, 5, &qa);
	KUNIT_EXPECT_TRUE(test, fake_cmdqv_masked(fake, 1));
	fake_cmdqv_pass(fake, 10 * SLICE);
	KUNIT_EXPECT_FALSE(test, fake_cmdqv_masked(fake, 1));
	KUNIT_EXPECT_FALSE(test, fake_cmdqv_masked(fake, 2));

	/* A shutdown leaves nothing masked, whoever storms on */
	storm(fake, 1, BURST, false);
	KUNIT_ASSERT_TRUE(test, fake_cmdqv_masked(fake, 1));
	tegra241_cmdqv_impl_ops.device_disable(&fake->cmdqv->smmu);
	KUNIT_EXPECT_EQ(test, fake->int_mask[0], 0);
	storm(fake, 2, 2 * BURST, false);
	storm(fake, 2, 2 * BURST, true);
	KUNIT_EXPECT_EQ(test, fake->int_mask[0], 0);
	fake_cmdqv_pass(fake, BRAKE_TIME);
	KUNIT_EXPECT_EQ(test, fake->int_mask[0], 0);
	destroy_queue(fake, qb);
	destroy_queue(fake, qa);
	destroy_vsmmu(b);
	destroy_vsmmu(a);
	KUNIT_EXPECT_EQ(test, fake->int_mask[0], 0);
}

static struct kunit_case errors_cases[] = {
	KUNIT_CASE(test_events),
	KUNIT_CASE(test_events_end),
	KUNIT_CASE(test_events_late),
	KUNIT_CASE(test_brake),
	KUNIT_CASE(test_brake_hidden),
	KUNIT_CASE(test_brake_trial),
	KUNIT_CASE(test_brake_life),
	{},
};

static struct kunit_suite errors_suite = {
	.name = "tegra241-cmdqv-errors",
	.init = cmdqv_test_init,
	.exit = cmdqv_test_exit,
	.test_cases = errors_cases,
};

kunit_test_suite(errors_suite);
