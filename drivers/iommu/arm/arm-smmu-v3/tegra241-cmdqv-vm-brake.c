// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: A brake on interrupts that VMs make
 *
 * A VM can make errors and acknowledge them as fast as it can write to its window,
 * or write GERRORN so that it looks like that, and each raises the interrupt. As
 * NAPI does, the host goes from interrupts to polling when there are too many: the
 * VINTF is masked in VINTF_INT_MASK for 200 ms, and its error map is looked at every
 * 20 ms. That stops the interrupts of a VINTF, and neither its work nor its map.
 *
 * - A VINTF is polled at the 20th interrupt within 200 ms that finds something
 *   new in its map: 100 a second, 39 at most within any 200 ms.
 * - All VMs' VINTFs are polled at the 100th interrupt within 200 ms that VINTF0
 *   does not explain, whatever it finds, if anything: 500 a second for the unit,
 *   199 at most within any 200 ms, and one that is under way when they are masked.
 * - There are 50 polls a second at most, each with one look at the map of each
 *   VINTF that is polled, and the lock free between any two.
 * - Not a line in the log above debug level, and there 10 in 5 seconds.
 *
 * So much, whatever any number of VMs and VMMs do: what is counted belongs to the
 * VINTF's number and to the unit, and does not end with a vIOMMU. Nobody needs to
 * find out whose interrupts they are, which can't be seen of errors that have been
 * acknowledged by then, and nobody is blamed. A VM that has nothing to do with it
 * hears of an error when the next poll comes, so 20 ms late at most, and what a work
 * item of high priority has to wait for a CPU. Nothing is lost, nor told twice: a
 * poll looks for the same thing as an interrupt does, and in the end VINTFs are
 * unmasked first and looked at then.
 *
 * VINTF0 is never masked, and its interrupts don't count. A VINTF that nobody would
 * be told about, since its vIOMMU has ended and something in it would not stop, or it
 * could not be reset, is masked until it is free.
 *
 * Assumption A21: only VINTF_INT_MASK's place is known, so
 *
 * - it does what its name says. Should it do nothing, interrupts go on while all
 *   VMs' VINTFs are masked. A burst of these has the whole line turned off for a
 *   while (tegra241-cmdqv-storm.c).
 * - unmasking raises no interrupt for what came meanwhile. If it does, that one
 *   finds nothing new.
 */

#define dev_fmt(fmt) "tegra241_cmdqv: " fmt

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/jiffies.h>
#include <linux/ratelimit.h>

#include "tegra241-cmdqv-trace.h"
#include "tegra241-cmdqv-vm.h"

#define VINTF_BURST	20
#define UNIT_BURST	100
#define BURST_TIME	msecs_to_jiffies(200)
#define MASK_TIME	msecs_to_jiffies(200)
#define POLL_TIME	msecs_to_jiffies(20)

/* What KUnit has a clock and a workqueue of its own for */
VISIBLE_IF_KUNIT unsigned long tegra241_vm_brake_now(void)
{
	KUNIT_STATIC_STUB_REDIRECT(tegra241_vm_brake_now);
	return jiffies;
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_vm_brake_now);

/*
 * A poll that is due already stays when it is. It takes the interrupts' place, so the
 * VMMs' tasks should not have it wait.
 */
VISIBLE_IF_KUNIT void tegra241_vm_brake_schedule(struct tegra241_vm_brake *brake,
						 unsigned long delay)
{
	KUNIT_STATIC_STUB_REDIRECT(tegra241_vm_brake_schedule, brake, delay);
	queue_delayed_work(system_highpri_wq, &brake->work, delay);
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_vm_brake_schedule);

/* Write what follows from @polled and @held to VINTF_INT_MASK */
static void tegra241_vm_brake_update(struct tegra241_cmdqv *cmdqv)
{
	struct tegra241_vm_brake *brake = &cmdqv->vm_brake;
	u64 vms = GENMASK_ULL(cmdqv->param.num_vintfs - 1, 0) & ~BIT_ULL(0);
	u64 old = brake->int_mask, mask;
	int i;

	lockdep_assert_held(&brake->lock);

	mask = brake->polled | brake->held;
	if (brake->polled & TEGRA241_VM_BRAKE_ALL)
		mask = ~0ULL;
	WRITE_ONCE(brake->int_mask, mask & vms);

	/* The hardware is told what we know of it: nobody says that it tells us */
	for (i = 0; i < 2; i++)
		if ((u32)((brake->int_mask ^ old) >> (32 * i)))
			tegra241_writel(brake->int_mask >> (32 * i),
					cmdqv->base +
					TEGRA241_CMDQV_VINTF_INT_MASK(i));
}

static void tegra241_vm_brake_restart_count(struct tegra241_vm_rate *rate)
{
	rate->since = tegra241_vm_brake_now();
	rate->num = 0;
}

/* Whether @rate has come to @burst. Stretches follow upon one another, or later. */
static bool tegra241_vm_brake_count(struct tegra241_vm_rate *rate,
				    unsigned int burst)
{
	if (!time_in_range_open(tegra241_vm_brake_now(), rate->since,
				rate->since + BURST_TIME))
		tegra241_vm_brake_restart_count(rate);
	rate->interrupts++;
	return ++rate->num >= burst;
}

/* @rate is that of VINTF @idx, and its owner's lock held, or the unit's and @idx 0 */
static void tegra241_vm_brake_begin(struct tegra241_cmdqv *cmdqv, u16 idx,
				    struct tegra241_vm_rate *rate)
{
	struct tegra241_vm_brake *brake = &cmdqv->vm_brake;

	lockdep_assert_held(&brake->lock);

	if (brake->stopped || brake->useless)
		return;
	tegra241_vm_brake_restart_count(rate);
	rate->until = tegra241_vm_brake_now() + MASK_TIME;
	rate->brakes++;
	brake->polled |= BIT_ULL(idx);
	tegra241_vm_brake_update(cmdqv);
	trace_cmdqv_masked(cmdqv, idx, brake->int_mask);
	tegra241_vm_brake_schedule(brake, POLL_TIME);
	if (idx)
		dev_dbg_ratelimited(cmdqv->dev, "VINTF%u: polled\n", idx);
	else
		dev_dbg_ratelimited(cmdqv->dev, "all VMs' VINTFs: polled\n");
}

/**
 * tegra241_vm_brake_charge() - an interrupt has found something new of a VM's
 * @vintf: its VINTF, not masked
 *
 * Context: its tegra241_vm_errors::lock is held.
 */
void tegra241_vm_brake_charge(struct tegra241_vm_vintf *vintf)
{
	struct tegra241_cmdqv *cmdqv = vintf->hw.cmdqv;
	struct tegra241_vm_rate *rate = &cmdqv->vm_errors[vintf->hw.idx].rate;

	if (!tegra241_vm_brake_count(rate, VINTF_BURST))
		return;
	spin_lock(&cmdqv->vm_brake.lock);
	tegra241_vm_brake_begin(cmdqv, vintf->hw.idx, rate);
	spin_unlock(&cmdqv->vm_brake.lock);
}

/**
 * tegra241_vm_brake_charge_unit() - an interrupt has been no error of VINTF0
 * @cmdqv: the unit
 *
 * Those that come while all are masked prolong nothing.
 *
 * Context: the interrupt thread.
 */
void tegra241_vm_brake_charge_unit(struct tegra241_cmdqv *cmdqv)
{
	struct tegra241_vm_brake *brake = &cmdqv->vm_brake;
	bool useless = false;

	spin_lock(&brake->lock);
	if (!tegra241_vm_brake_count(&brake->rate, UNIT_BURST))
		goto out_unlock;
	if (!(brake->polled & TEGRA241_VM_BRAKE_ALL)) {
		tegra241_vm_brake_begin(cmdqv, 0, &brake->rate);
	} else if (!brake->useless) {
		/* Of what has come before masking, one edge can be left */
		brake->useless = true;
		useless = true;
		trace_cmdqv_mask_useless(cmdqv, 0, brake->int_mask);
	}
out_unlock:
	spin_unlock(&brake->lock);
	if (useless)
		tegra241_storm_begin(cmdqv);
}

/**
 * tegra241_vm_brake_again() - the interrupt is about to be on again
 * @cmdqv: the unit
 *
 * What did not heed the mask may have been something else than VMs.
 *
 * Context: any that may take a spinlock.
 */
void tegra241_vm_brake_again(struct tegra241_cmdqv *cmdqv)
{
	spin_lock(&cmdqv->vm_brake.lock);
	cmdqv->vm_brake.useless = false;
	spin_unlock(&cmdqv->vm_brake.lock);
}

/*
 * Reading a map comes after unmasking: an error after that read interrupts, and one
 * before it is seen. Accesses to a device stay in order.
 */
VISIBLE_IF_KUNIT void tegra241_vm_brake_tick(struct tegra241_cmdqv *cmdqv)
{
	struct tegra241_vm_brake *brake = &cmdqv->vm_brake;
	unsigned long now = tegra241_vm_brake_now();
	struct tegra241_vm_errors *errors;
	u64 look, polled, over = 0;
	u16 idx;

	spin_lock(&brake->lock);
	look = brake->int_mask;
	for (polled = brake->polled; polled; polled &= polled - 1) {
		idx = __ffs64(polled);
		if (!time_before(now, idx ? cmdqv->vm_errors[idx].rate.until :
					    brake->rate.until))
			over |= BIT_ULL(idx);
	}
	/* A VINTF's count begins anew by itself: that stretch is over, too */
	if (over & TEGRA241_VM_BRAKE_ALL)
		tegra241_vm_brake_restart_count(&brake->rate);
	brake->polled &= ~over;
	tegra241_vm_brake_update(cmdqv);
	for (; over; over &= over - 1)
		trace_cmdqv_unmasked(cmdqv, __ffs64(over), brake->int_mask);
	spin_unlock(&brake->lock);

	for (; look; look &= look - 1) {
		errors = &cmdqv->vm_errors[__ffs64(look)];
		spin_lock(&errors->lock);
		if (errors->vintf)
			tegra241_vm_errors_look(errors->vintf);
		spin_unlock(&errors->lock);
	}

	spin_lock(&brake->lock);
	if (brake->polled)
		tegra241_vm_brake_schedule(brake, POLL_TIME);
	spin_unlock(&brake->lock);
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_vm_brake_tick);

static void tegra241_vm_brake_work(struct work_struct *work)
{
	struct tegra241_vm_brake *brake =
		container_of(work, struct tegra241_vm_brake, work.work);

	tegra241_vm_brake_tick(container_of(brake, struct tegra241_cmdqv,
					    vm_brake));
}

/**
 * tegra241_vm_brake_hold() - a VINTF has nobody to be told of its errors
 * @cmdqv: the unit
 * @idx: the VINTF, not in tegra241_vm_errors::vintfs
 *
 * Until tegra241_vm_brake_free() it stays masked: what has not stopped, and may take
 * long to do so, interrupts in vain, and would have VMs polled.
 *
 * Context: any that may take a spinlock.
 */
void tegra241_vm_brake_hold(struct tegra241_cmdqv *cmdqv, u16 idx)
{
	spin_lock(&cmdqv->vm_brake.lock);
	if (!cmdqv->vm_brake.stopped) {
		WRITE_ONCE(cmdqv->vm_brake.held,
			   cmdqv->vm_brake.held | BIT_ULL(idx));
		tegra241_vm_brake_update(cmdqv);
	}
	spin_unlock(&cmdqv->vm_brake.lock);
}

/**
 * tegra241_vm_brake_free() - a VINTF is about to be anybody's
 * @cmdqv: the unit
 * @idx: the VINTF, disabled, without queues
 *
 * What is left of the time that it is polled for is its next owner's.
 *
 * Context: any that may take a spinlock.
 */
void tegra241_vm_brake_free(struct tegra241_cmdqv *cmdqv, u16 idx)
{
	/* Nobody else holds this one, or lets go of it */
	if (!(READ_ONCE(cmdqv->vm_brake.held) & BIT_ULL(idx)))
		return;
	spin_lock(&cmdqv->vm_brake.lock);
	WRITE_ONCE(cmdqv->vm_brake.held,
		   cmdqv->vm_brake.held & ~BIT_ULL(idx));
	tegra241_vm_brake_update(cmdqv);
	spin_unlock(&cmdqv->vm_brake.lock);
}

/**
 * tegra241_vm_brake_init() - no VINTF is masked
 * @cmdqv: the unit, about to be reset for the first time
 */
void tegra241_vm_brake_init(struct tegra241_cmdqv *cmdqv)
{
	spin_lock_init(&cmdqv->vm_brake.lock);
	INIT_DELAYED_WORK(&cmdqv->vm_brake.work, tegra241_vm_brake_work);
}

/**
 * tegra241_vm_brake_exit() - no poll comes any more
 * @cmdqv: the unit, whose interrupt is free; it need not answer
 *
 * Context: sleeps.
 */
void tegra241_vm_brake_exit(struct tegra241_cmdqv *cmdqv)
{
	struct tegra241_vm_brake *brake = &cmdqv->vm_brake;

	scoped_guard(spinlock, &brake->lock) {
		brake->stopped = true;
		brake->polled = 0;
	}
	cancel_delayed_work_sync(&brake->work);
}

/**
 * tegra241_vm_brake_stop() - mask nothing any more, and leave nothing masked
 * @cmdqv: the unit; no queue of a VM is mapped any more, so no VM interrupts
 *
 * Who has the unit next may not know of the mask.
 *
 * Context: sleeps.
 */
void tegra241_vm_brake_stop(struct tegra241_cmdqv *cmdqv)
{
	struct tegra241_vm_brake *brake = &cmdqv->vm_brake;
	int i;

	scoped_guard(spinlock, &brake->lock) {
		brake->stopped = true;
		brake->polled = 0;
		WRITE_ONCE(brake->held, 0);
		WRITE_ONCE(brake->int_mask, 0);
		for (i = 0; i < 2; i++)
			tegra241_writel(0, cmdqv->base +
					   TEGRA241_CMDQV_VINTF_INT_MASK(i));
	}
	cancel_delayed_work_sync(&brake->work);
}
