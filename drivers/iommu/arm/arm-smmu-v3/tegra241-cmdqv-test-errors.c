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
	spin_lock(&fake->cmdqv->vm_errors[1].lock);
	wake_up_process(thread);
	mdelay(50);
	ended = completion_done(&ending.done);
	status = fake->vintf[1].status;
	mmaps = fake->mmaps;
	spin_unlock(&fake->cmdqv->vm_errors[1].lock);

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

/* Somebody who has a lock until it is told that this is enough, or for 10 s */
struct holder {
	spinlock_t *lock; /* somebody else's */
	struct completion holds;
	struct completion done;
	bool enough;
	bool waited;
};

static int hold_lock(void *data)
{
	unsigned long end = jiffies + 10 * HZ;
	struct holder *h = data;

	spin_lock(h->lock);
	complete_all(&h->holds);
	while (!READ_ONCE(h->enough) && time_before(jiffies, end))
		cpu_relax();
	h->waited = READ_ONCE(h->enough);
	spin_unlock(h->lock);
	complete_all(&h->done);
	return 0;
}

/*
 * No VM waits for another one: while A's errors are looked at, for however long, B
 * comes, begins to listen, hears of its own error, and its queue and its vIOMMU end.
 */
static void test_events_apart(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_hw_queue *hwq;
	struct tegra241_vsmmu *a, *b;
	struct task_struct *thread;
	struct holder h = {};

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	reset_unit(fake);
	a = alloc_vsmmu(fake, 3);
	h.lock = &fake->cmdqv->vm_errors[a->vintf->hw.idx].lock;
	init_completion(&h.holds);
	init_completion(&h.done);
	thread = kthread_run(hold_lock, &h, "cmdqv-test");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, thread);
	wait_for_completion(&h.holds);

	b = vsmmu_with_queue(fake, 4, &hwq);
	add_veventq(b, IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV);
	fake->vcmdq[4].gerror ^= BIT(0);
	tegra241_cmdqv_isr(0, fake->cmdqv);
	expect_event(fake, b, BIT(0));
	destroy_queue(fake, hwq);
	destroy_vsmmu(b);
	expect_vintf_free(fake, 2);

	WRITE_ONCE(h.enough, true);
	wait_for_completion(&h.done);
	KUNIT_EXPECT_TRUE(test, h.waited);
	destroy_vsmmu(a);
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
 * The brake. Its bounds are stated in the head of tegra241-cmdqv-vm-brake.c; they are
 * counted here, with a clock that stands still meanwhile.
 */

#define BURST		20
#define UNIT_BURST	100
#define BRAKE_TIME	msecs_to_jiffies(200)
#define POLL_TIME	msecs_to_jiffies(20)

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

static u64 brakes(struct fake_cmdqv *fake, int v)
{
	return v ? fake->cmdqv->vm_errors[v].rate.brakes :
		   fake->cmdqv->vm_brake.rate.brakes;
}

static void expect_all_masked(struct fake_cmdqv *fake, bool masked)
{
	int v;

	KUNIT_EXPECT_FALSE(fake->test, fake_cmdqv_masked(fake, 0));
	for (v = 1; v < FAKE_NUM_VINTFS; v++)
		KUNIT_EXPECT_EQ(fake->test, masked, fake_cmdqv_masked(fake, v));
}

/* Whatever has happened, it comes to an end by itself, and is forgotten then */
static void expect_calm(struct fake_cmdqv *fake)
{
	unsigned int ticks;

	fake_cmdqv_pass(fake, BRAKE_TIME + POLL_TIME);
	expect_all_masked(fake, false);
	ticks = fake->ticks;
	fake_cmdqv_pass(fake, 10 * BRAKE_TIME);
	KUNIT_EXPECT_EQ(fake->test, fake->ticks, ticks);
}

/**
 * struct bounds - what is counted while something goes on for a number of seconds
 * @attack: called in each jiffy
 * @seconds: how long
 * @burst: the most interrupts there may be before a pause of 200 ms
 * @interrupts: how many there have been
 * @events: likewise
 */
struct bounds {
	void (*attack)(struct fake_cmdqv *fake);
	unsigned int seconds;
	unsigned int burst;
	unsigned int interrupts;
	unsigned int events;
};

/*
 * @burst in 200 ms on average, twice that less one in any 200 ms, 50 polls a second,
 * and in each of these one look at each VINTF
 */
static void expect_bounds(struct fake_cmdqv *fake, struct bounds *b)
{
	unsigned int len = b->seconds * HZ, window = 0, most = 0, i;
	unsigned int ticks = fake->ticks, reads, most_reads = 0;
	struct kunit *test = fake->test;
	unsigned int *then;

	then = kunit_kcalloc(test, len, sizeof(*then), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, then);
	b->interrupts = 0;
	fake->events = 0;
	for (i = 0; i < len; i++) {
		fake->interrupts = 0;
		b->attack(fake);
		then[i] = fake->interrupts;
		b->interrupts += then[i];
		window += then[i];
		if (i >= BRAKE_TIME)
			window -= then[i - BRAKE_TIME];
		most = max(most, window);
		reads = fake->map_reads;
		fake_cmdqv_pass(fake, 1);
		most_reads = max(most_reads, fake->map_reads - reads);
	}
	b->events = fake->events;
	KUNIT_EXPECT_LE(test, b->interrupts,
			(b->seconds * 5 + 1) * b->burst);
	KUNIT_EXPECT_LE(test, most, 2 * b->burst - 1);
	KUNIT_EXPECT_LE(test, fake->ticks - ticks, b->seconds * 50 + 1);
	KUNIT_EXPECT_LE(test, most_reads, FAKE_NUM_VINTFS - 1);
	/* As many events as interrupts, and one more for each poll */
	KUNIT_EXPECT_LE(test, b->events, b->interrupts + fake->ticks - ticks);
	kunit_info(test, "%u s: %u interrupts, %u in 200 ms, %u polls, %u events",
		   b->seconds, b->interrupts, most, fake->ticks - ticks,
		   b->events);
}

static void attack_seen(struct fake_cmdqv *fake)
{
	storm(fake, 1, 7, false);
}

/* J90: interrupts and events of a VM that makes errors without end are bounded */
static void test_brake(struct kunit *test)
{
	struct bounds b = { attack_seen, 10, BURST };
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_hw_queue *qa, *qb;
	struct tegra241_vsmmu *va, *vb;
	int i;

	reset_unit(fake);
	va = vsmmu_with_queue(fake, 3, &qa);
	vb = vsmmu_with_queue(fake, 4, &qb);

	/* What is no storm is left alone */
	for (i = 0; i < 100; i++) {
		storm(fake, 1, 1, false);
		fake_cmdqv_pass(fake, DIV_ROUND_UP(BRAKE_TIME, BURST - 1));
	}
	KUNIT_EXPECT_EQ(test, fake->interrupts, 100);
	KUNIT_EXPECT_EQ(test, fake->events, 100);
	KUNIT_EXPECT_EQ(test, fake->ticks, 0);

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
	expect_event(fake, vb, BIT(0));
	make_error(fake, 0);
	KUNIT_EXPECT_EQ(test, fake->vcmdq[0].gerror, fake->vcmdq[0].gerrorn);
	KUNIT_EXPECT_EQ(test, fake->events, 0);
	acknowledge(fake, 2);

	/* What is pending is told at the next poll, and once */
	fake_cmdqv_pass(fake, POLL_TIME - 1);
	KUNIT_EXPECT_EQ(test, fake->events, 0);
	fake_cmdqv_pass(fake, 1);
	expect_event(fake, va, BIT(0));
	fake_cmdqv_pass(fake, BRAKE_TIME - POLL_TIME - 1);
	KUNIT_EXPECT_TRUE(test, fake_cmdqv_masked(fake, 1));
	fake_cmdqv_pass(fake, 1);
	KUNIT_EXPECT_FALSE(test, fake_cmdqv_masked(fake, 1));
	KUNIT_EXPECT_EQ(test, fake->ticks, BRAKE_TIME / POLL_TIME);
	KUNIT_EXPECT_EQ(test, fake->events, 0);
	acknowledge(fake, 1);
	expect_calm(fake);

	/* An error of the very moment that the time is over is told, too, and once */
	storm(fake, 1, BURST, false);
	fake_cmdqv_pass(fake, BRAKE_TIME - 1);
	fake->events = 0;
	fake->error_at_unmask = 2;
	fake_cmdqv_pass(fake, 1);
	KUNIT_EXPECT_EQ(test, fake->error_at_unmask, -1);
	expect_event(fake, va, BIT(0));
	expect_calm(fake);
	KUNIT_EXPECT_EQ(test, fake->events, 0);
	acknowledge(fake, 1);

	/* In the long run, and it is not stopped altogether */
	expect_bounds(fake, &b);
	KUNIT_EXPECT_GE(test, b.interrupts, 10 * 80);
	KUNIT_EXPECT_EQ(test, brakes(fake, 2), 0);
	KUNIT_EXPECT_EQ(test, brakes(fake, 0), 0);
	expect_calm(fake);

	destroy_queue(fake, qb);
	destroy_queue(fake, qa);
	destroy_vsmmu(vb);
	destroy_vsmmu(va);
	expect_vintf_free(fake, 1);
}

static void attack_hidden(struct fake_cmdqv *fake)
{
	storm(fake, 1, 30, true);
}

/* VINTFs 1 and 2, each with less than what has it polled, and as much unseen */
static void attack_in_league(struct fake_cmdqv *fake)
{
	storm(fake, 1, 3, false);
	storm(fake, 2, 3, false);
	storm(fake, 1, 15, true);
	storm(fake, 2, 15, true);
}

/* J90: nor does it help VMs to have acknowledged before anybody looks, or to be many */
static void test_brake_unit(struct kunit *test)
{
	struct bounds hidden = { attack_hidden, 10, UNIT_BURST };
	struct bounds league = { attack_in_league, 10, UNIT_BURST };
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_hw_queue *q[3];
	struct tegra241_vsmmu *tv[3];
	int i;

	reset_unit(fake);
	for (i = 0; i < 3; i++)
		tv[i] = vsmmu_with_queue(fake, 3 + i, &q[i]);

	/* What is no storm is left alone */
	storm(fake, 1, UNIT_BURST - 1, true);
	fake_cmdqv_pass(fake, BRAKE_TIME);
	expect_all_masked(fake, false);
	fake->interrupts = 0;
	storm(fake, 1, 1000, true);
	KUNIT_EXPECT_EQ(test, fake->interrupts, UNIT_BURST);
	expect_all_masked(fake, true);
	expect_calm(fake);

	expect_bounds(fake, &hidden);
	KUNIT_EXPECT_GE(test, hidden.interrupts, 10 * 400);
	expect_calm(fake);
	/* Nobody is blamed */
	for (i = 1; i <= 3; i++)
		KUNIT_EXPECT_EQ(test, brakes(fake, i), 0);

	/* Those of several that are seen are as good */
	fake->interrupts = 0;
	for (i = 0; i < 3 * (BURST - 1); i++)
		storm(fake, 1 + i % 3, 1, false);
	KUNIT_EXPECT_EQ(test, fake->interrupts, 3 * (BURST - 1));
	storm(fake, 2, UNIT_BURST, true);
	KUNIT_EXPECT_EQ(test, fake->interrupts, UNIT_BURST);
	expect_all_masked(fake, true);
	expect_calm(fake);
	expect_bounds(fake, &league);
	expect_calm(fake);

	for (i = 0; i < 3; i++) {
		destroy_queue(fake, q[i]);
		destroy_vsmmu(tv[i]);
		expect_vintf_free(fake, 1 + i);
	}
}

/* Who has nothing to do with it hears of each error, once, and 20 ms late at most */
static void test_brake_innocent(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_hw_queue *qa, *qb;
	struct tegra241_vsmmu *va, *vb;
	unsigned int waited, i, j;

	reset_unit(fake);
	va = vsmmu_with_queue(fake, 3, &qa);
	vb = vsmmu_with_queue(fake, 4, &qb);

	for (i = 0; i < 200; i++) {
		storm(fake, 1, UNIT_BURST, true);
		KUNIT_EXPECT_EQ(test, fake->events, 0);
		make_error(fake, 2);
		for (waited = 0; !fake->events && waited <= POLL_TIME; waited++) {
			fake_cmdqv_pass(fake, 1);
			storm(fake, 1, 50, true);
		}
		KUNIT_EXPECT_LE(test, waited, POLL_TIME);
		expect_event(fake, vb, BIT(0));
		/* As long as it is pending, and whether that ends when it is polled */
		for (j = 0; j < i % (2 * BRAKE_TIME); j++) {
			fake_cmdqv_pass(fake, 1);
			storm(fake, 1, 50, true);
		}
		acknowledge(fake, 2);
	}
	/* Nor is VINTF0 late */
	expect_all_masked(fake, true);
	make_error(fake, 0);
	KUNIT_EXPECT_EQ(test, fake->vcmdq[0].gerror, fake->vcmdq[0].gerrorn);
	KUNIT_EXPECT_EQ(test, brakes(fake, 1) + brakes(fake, 2), 0);
	expect_calm(fake);
	KUNIT_EXPECT_EQ(test, fake->events, 0);

	destroy_queue(fake, qb);
	destroy_queue(fake, qa);
	destroy_vsmmu(vb);
	destroy_vsmmu(va);
}

/* A vIOMMU with a queue, some errors of either kind, and the end: again and again */
static void attack_with_lives(struct fake_cmdqv *fake)
{
	struct tegra241_hw_queue *hwq;
	struct tegra241_vsmmu *tv;

	tv = vsmmu_with_queue(fake, 3, &hwq);
	storm(fake, tv->vintf->hw.idx, BURST - 1, false);
	destroy_queue(fake, hwq);
	destroy_vsmmu(tv);
}

static void attack_with_hidden_lives(struct fake_cmdqv *fake)
{
	struct tegra241_hw_queue *hwq;
	struct tegra241_vsmmu *tv;

	tv = vsmmu_with_queue(fake, 3, &hwq);
	storm(fake, tv->vintf->hw.idx, BURST - 1, true);
	destroy_queue(fake, hwq);
	destroy_vsmmu(tv);
}

/* J90: nor does it help to be another vIOMMU by then */
static void test_brake_lives(struct kunit *test)
{
	struct bounds seen = { attack_with_lives, 1, BURST };
	struct bounds hidden = { attack_with_hidden_lives, 1, UNIT_BURST };
	struct fake_cmdqv *fake = test->priv;

	reset_unit(fake);
	expect_bounds(fake, &seen);
	KUNIT_EXPECT_GE(test, seen.interrupts, 3 * BURST);
	expect_calm(fake);
	expect_bounds(fake, &hidden);
	KUNIT_EXPECT_GE(test, hidden.interrupts, 2 * UNIT_BURST);
	expect_calm(fake);
}

static void stray_interrupts(struct fake_cmdqv *fake, int num)
{
	while (num--)
		tegra241_cmdqv_isr(0, fake->cmdqv);
}

/* What comes though all are masked, since it was under way, prolongs nothing */
static void test_brake_stray(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_hw_queue *hwq;
	struct tegra241_vsmmu *tv;
	int i;

	reset_unit(fake);
	tv = vsmmu_with_queue(fake, 3, &hwq);

	for (i = 0; i < 2; i++) {
		storm(fake, 1, i ? UNIT_BURST : BURST, i);
		stray_interrupts(fake, 1);
		fake_cmdqv_pass(fake, POLL_TIME);
		stray_interrupts(fake, 1);
		fake_cmdqv_pass(fake, BRAKE_TIME - POLL_TIME - 1);
		KUNIT_EXPECT_TRUE(test, fake_cmdqv_masked(fake, 1));
		stray_interrupts(fake, 10);
		fake_cmdqv_pass(fake, 1);
		expect_all_masked(fake, false);
		stray_interrupts(fake, 1);
		expect_all_masked(fake, false);
		expect_calm(fake);
	}

	/* They don't count for what comes then, even if the work item is late */
	storm(fake, 1, UNIT_BURST, true);
	fake_cmdqv_pass(fake, BRAKE_TIME - 1);
	KUNIT_ASSERT_EQ(test, fake->tick_at, fake->now + 1);
	fake->tick_at += 3;
	fake_cmdqv_pass(fake, 2);
	stray_interrupts(fake, UNIT_BURST / 2);
	fake_cmdqv_pass(fake, 2);
	expect_all_masked(fake, false);
	storm(fake, 1, UNIT_BURST - 1, true);
	expect_all_masked(fake, false);
	storm(fake, 1, 1, true);
	expect_all_masked(fake, true);
	KUNIT_EXPECT_FALSE(test, fake->cmdqv->vm_brake.useless);
	expect_calm(fake);

	destroy_queue(fake, hwq);
	destroy_vsmmu(tv);
}

/* Hardware whose mask does nothing: no brake, and the line is turned off */
static void test_brake_useless(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_hw_queue *qa, *qb;
	struct tegra241_vsmmu *va, *vb;

	reset_unit(fake);
	va = vsmmu_with_queue(fake, 3, &qa);
	vb = vsmmu_with_queue(fake, 4, &qb);
	fake->mask_useless = true;
	storm(fake, 1, 2 * UNIT_BURST - 1, true);
	KUNIT_EXPECT_FALSE(test, fake->cmdqv->vm_brake.useless);
	make_error(fake, 2);
	KUNIT_EXPECT_EQ(test, fake->interrupts, 2 * UNIT_BURST);
	KUNIT_EXPECT_TRUE(test, fake->cmdqv->vm_brake.useless);
	KUNIT_EXPECT_TRUE(test, fake->irq_off);
	fake_cmdqv_pass(fake, POLL_TIME);
	expect_event(fake, vb, BIT(0));
	storm(fake, 1, 10 * UNIT_BURST, true);
	expect_calm(fake);
	acknowledge(fake, 2);

	/* Each at once from now on, and all of them */
	storm(fake, 1, 10 * UNIT_BURST, true);
	KUNIT_EXPECT_EQ(test, fake->events, 0);
	make_error(fake, 2);
	expect_event(fake, vb, BIT(0));
	storm(fake, 1, 10 * BURST, false);
	KUNIT_EXPECT_EQ(test, fake->events, 10 * BURST);
	expect_all_masked(fake, false);
	KUNIT_EXPECT_EQ(test, brakes(fake, 0), 1);
	KUNIT_EXPECT_EQ(test, brakes(fake, 1) + brakes(fake, 2), 0);
	KUNIT_EXPECT_EQ(test, fake->tick_at, ULONG_MAX);

	destroy_queue(fake, qb);
	destroy_queue(fake, qa);
	destroy_vsmmu(vb);
	destroy_vsmmu(va);
}

/* I7: the mask ends with what it is for: the time, the quarantine, the unit */
static void test_brake_life(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_hw_queue *qa, *qb;
	struct tegra241_vsmmu *va, *vb;

	reset_unit(fake);
	va = vsmmu_with_queue(fake, 3, &qa);
	storm(fake, 1, BURST, false);
	KUNIT_ASSERT_TRUE(test, fake_cmdqv_masked(fake, 1));
	destroy_queue(fake, qa);
	destroy_vsmmu(va);
	expect_vintf_free(fake, 1);

	/* The next owner is polled for the rest of the time and interrupts then */
	fake->events = 0;
	va = vsmmu_with_queue(fake, 4, &qa);
	make_error(fake, 1);
	fake_cmdqv_pass(fake, POLL_TIME);
	expect_event(fake, va, BIT(0));
	acknowledge(fake, 1);
	fake_cmdqv_pass(fake, BRAKE_TIME - POLL_TIME);
	KUNIT_EXPECT_FALSE(test, fake_cmdqv_masked(fake, 1));
	storm(fake, 1, BURST - 1, false);
	KUNIT_EXPECT_EQ(test, fake->events, BURST - 1);
	KUNIT_EXPECT_FALSE(test, fake_cmdqv_masked(fake, 1));

	/* In the quarantine it is masked until it is free, whatever is polled */
	destroy_queue(fake, qa);
	fake->vintf[1].no_disable = true;
	destroy_vsmmu(va);
	KUNIT_EXPECT_TRUE(test, fake_cmdqv_masked(fake, 1));
	vb = vsmmu_with_queue(fake, 3, &qb);
	storm(fake, 2, UNIT_BURST, true);
	fake_cmdqv_pass(fake, 10 * BRAKE_TIME);
	KUNIT_EXPECT_TRUE(test, fake_cmdqv_masked(fake, 1));
	KUNIT_EXPECT_FALSE(test, fake_cmdqv_masked(fake, 2));
	fake->vintf[1].no_disable = false;
	KUNIT_EXPECT_FALSE(test,
			   tegra241_quarantine_look(&fake->cmdqv->quarantine));
	expect_vintf_free(fake, 1);
	KUNIT_EXPECT_FALSE(test, fake_cmdqv_masked(fake, 1));

	/* A shutdown leaves nothing masked, whoever storms on */
	storm(fake, 2, BURST, false);
	KUNIT_ASSERT_TRUE(test, fake_cmdqv_masked(fake, 2));
	tegra241_cmdqv_impl_ops.device_disable(&fake->cmdqv->smmu);
	KUNIT_EXPECT_EQ(test, fake->int_mask[0], 0);
	storm(fake, 2, 2 * BURST, false);
	storm(fake, 2, 2 * UNIT_BURST, true);
	KUNIT_EXPECT_EQ(test, fake->int_mask[0], 0);
	fake_cmdqv_pass(fake, BRAKE_TIME);
	KUNIT_EXPECT_EQ(test, fake->int_mask[0], 0);
	destroy_queue(fake, qb);
	destroy_vsmmu(vb);
	KUNIT_EXPECT_EQ(test, fake->int_mask[0], 0);
	KUNIT_EXPECT_EQ(test, fake->tick_at, ULONG_MAX);
}

/* Interrupts while a unit is reset, which fails: no poll comes when it has gone */
static void test_brake_exit(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	int i;

	fake->cmdqv->storm.stopped = false;
	for (i = 0; i < UNIT_BURST; i++)
		tegra241_cmdqv_isr(0, fake->cmdqv);
	KUNIT_EXPECT_EQ(test, fake->cmdqv->vm_brake.polled,
			TEGRA241_VM_BRAKE_ALL);
	tegra241_cmdqv_vm_exit(fake->cmdqv);
	KUNIT_EXPECT_EQ(test, fake->cmdqv->vm_brake.polled, 0);
	KUNIT_EXPECT_TRUE(test, fake->cmdqv->vm_brake.stopped);
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&fake->cmdqv->vm_brake.work));
}

static struct kunit_case errors_cases[] = {
	KUNIT_CASE(test_events),
	KUNIT_CASE(test_events_end),
	KUNIT_CASE(test_events_apart),
	KUNIT_CASE(test_events_late),
	KUNIT_CASE(test_brake),
	KUNIT_CASE(test_brake_unit),
	KUNIT_CASE_SLOW(test_brake_innocent),
	KUNIT_CASE_SLOW(test_brake_lives),
	KUNIT_CASE(test_brake_stray),
	KUNIT_CASE(test_brake_useless),
	KUNIT_CASE(test_brake_life),
	KUNIT_CASE(test_brake_exit),
	{},
};

static struct kunit_suite errors_suite = {
	.name = "tegra241-cmdqv-errors",
	.init = cmdqv_test_init,
	.exit = cmdqv_test_exit,
	.test_cases = errors_cases,
};

kunit_test_suite(errors_suite);
