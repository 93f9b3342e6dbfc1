// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: An interrupt that does not stop
 *
 * The brake on what VMs cause (tegra241-cmdqv-vm-brake.c) keeps the unit below 200
 * interrupts in 200 ms, as long as the unit heeds VINTF_INT_MASK, and errors of the
 * host's own queues are rare. What comes faster, or in spite of masking, comes from a unit
 * that is broken: one that raises interrupts for nothing, or an error anew whenever it is
 * acknowledged. Their thread has real-time priority, so that they would take a CPU away
 * for good.
 *
 * So the line is turned off, by the brake if masking does not help, or at the 250th
 * interrupt within 200 ms, whatever it is for. The error maps are looked at every 20 ms
 * instead, for as long as it is off: a second at first, twice as long each time that this
 * did not help, 10 minutes at most. No error is lost, a guest hears of one 20 ms late, and
 * the log has one line each time, 10 in the first quarter of an hour.
 */

#define dev_fmt(fmt) "tegra241_cmdqv: " fmt

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>

#include "tegra241-cmdqv-trace.h"
#include "tegra241-cmdqv-vm.h"

#define STORM_BURST	250
#define BURST_TIME	msecs_to_jiffies(200)
#define POLL_TIME	msecs_to_jiffies(20)
#define MIN_OFF_TIME	HZ
#define MAX_OFF_TIME	(600 * HZ)

/* What KUnit has a clock, an interrupt and a workqueue of its own for */
VISIBLE_IF_KUNIT unsigned long tegra241_storm_now(void)
{
	KUNIT_STATIC_STUB_REDIRECT(tegra241_storm_now);
	return jiffies;
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_storm_now);

/* Off: called by the interrupt thread, which may still be running when this returns */
VISIBLE_IF_KUNIT void tegra241_storm_irq(struct tegra241_cmdqv *cmdqv, bool on)
{
	KUNIT_STATIC_STUB_REDIRECT(tegra241_storm_irq, cmdqv, on);
	if (on)
		enable_irq(cmdqv->irq);
	else
		disable_irq_nosync(cmdqv->irq);
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_storm_irq);

VISIBLE_IF_KUNIT void tegra241_storm_schedule(struct tegra241_cmdqv *cmdqv)
{
	KUNIT_STATIC_STUB_REDIRECT(tegra241_storm_schedule, cmdqv);
	if (!READ_ONCE(cmdqv->storm.stopped))
		queue_delayed_work(system_highpri_wq, &cmdqv->storm.work,
				   POLL_TIME);
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_storm_schedule);

/**
 * tegra241_storm_begin() - the interrupt does not stop
 * @cmdqv: the unit
 *
 * Context: the interrupt thread, no lock is held; or the look that takes its place.
 */
void tegra241_storm_begin(struct tegra241_cmdqv *cmdqv)
{
	struct tegra241_storm *storm = &cmdqv->storm;
	unsigned long now = tegra241_storm_now();

	if (READ_ONCE(storm->off))
		return;
	/* It has been good for as long as it was off before */
	if (!storm->time || time_after(now, storm->until + storm->time))
		storm->time = MIN_OFF_TIME;
	else
		storm->time = min(storm->time * 2, MAX_OFF_TIME);
	storm->until = now + storm->time;
	tegra241_storm_irq(cmdqv, false);
	trace_cmdqv_interrupt_off(cmdqv, 0);
	dev_warn(cmdqv->dev,
		 "the interrupt does not stop, off for %lu s; errors are looked for every 20 ms, file vintfs in debugfs tells whose they are\n",
		 storm->time / HZ);
	WRITE_ONCE(storm->off, true);
	/* Pairs with the one in tegra241_storm_start(): one of the two schedules */
	smp_mb();
	tegra241_storm_schedule(cmdqv);
}

/**
 * tegra241_storm_count() - there has been an interrupt
 * @cmdqv: the unit
 *
 * Context: the interrupt thread.
 */
void tegra241_storm_count(struct tegra241_cmdqv *cmdqv)
{
	struct tegra241_storm *storm = &cmdqv->storm;
	unsigned long now = tegra241_storm_now();

	if (!time_in_range_open(now, storm->since, storm->since + BURST_TIME)) {
		storm->since = now;
		storm->num = 0;
	}
	if (++storm->num >= STORM_BURST)
		tegra241_storm_begin(cmdqv);
}

/* An edge after the last look is kept, and comes when the line is on */
VISIBLE_IF_KUNIT void tegra241_storm_tick(struct tegra241_cmdqv *cmdqv)
{
	struct tegra241_storm *storm = &cmdqv->storm;

	if (READ_ONCE(cmdqv->lost))
		return;
	tegra241_cmdqv_look(cmdqv);
	if (time_before(tegra241_storm_now(), storm->until)) {
		tegra241_storm_schedule(cmdqv);
		return;
	}
	storm->num = 0;
	tegra241_vm_brake_again(cmdqv);
	WRITE_ONCE(storm->off, false);
	trace_cmdqv_interrupt_on(cmdqv, 0);
	tegra241_storm_irq(cmdqv, true);
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_storm_tick);

static void tegra241_storm_work(struct work_struct *work)
{
	struct tegra241_cmdqv *cmdqv =
		container_of(work, struct tegra241_cmdqv, storm.work.work);

	/* Its thread may not have ended yet: one looks at a time */
	synchronize_irq(cmdqv->irq);
	tegra241_storm_tick(cmdqv);
}

/**
 * tegra241_storm_init() - the interrupt is on, and nothing is looked at yet
 * @cmdqv: the unit, zeroed
 */
void tegra241_storm_init(struct tegra241_cmdqv *cmdqv)
{
	cmdqv->storm.stopped = true;
	INIT_DELAYED_WORK(&cmdqv->storm.work, tegra241_storm_work);
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_storm_init);

/**
 * tegra241_storm_start() - the unit is about to be used
 * @cmdqv: the unit
 *
 * Context: sleeps.
 */
void tegra241_storm_start(struct tegra241_cmdqv *cmdqv)
{
	WRITE_ONCE(cmdqv->storm.stopped, false);
	/* Pairs with the one in tegra241_storm_begin() */
	smp_mb();
	if (READ_ONCE(cmdqv->storm.off))
		tegra241_storm_schedule(cmdqv);
}

/**
 * tegra241_storm_stop() - don't look any more
 * @cmdqv: the unit; the line stays as it is
 *
 * Not for an interrupt either, see tegra241_cmdqv_look(): the queues' memory may go.
 *
 * Context: sleeps.
 */
void tegra241_storm_stop(struct tegra241_cmdqv *cmdqv)
{
	WRITE_ONCE(cmdqv->storm.stopped, true);
	/* Who has not seen that, and would schedule, is done then */
	if (cmdqv->irq > 0)
		synchronize_irq(cmdqv->irq);
	cancel_delayed_work_sync(&cmdqv->storm.work);
}
