// SPDX-License-Identifier: GPL-2.0-only
/*
 * NVIDIA Tegra241 CMDQV: a brake on interrupts that VMs make
 *
 * A VM can make errors and acknowledge them as fast as it can write to its window,
 * or write GERRORN so that it looks like that, and each raises the interrupt. The
 * host's cost is bounded, whatever VMs do:
 *
 *	20 interrupts of one VM, then none of it for 200 ms: 100 a second for each
 *	VM, 39 at most within any 200 ms. As many events, and one at the end of each
 *	brake.
 *	100 a second for the unit as long as it is not known whose they are.
 *	Not a line in the log above debug level, and there 10 in 5 seconds.
 *
 * The brake is VINTF_INT_MASK. It stops the interrupts of one VINTF, not its work,
 * and its error maps go on: when the time is over the VINTF is unmasked first, then
 * its map is looked at, and what is pending is reported, so nothing is lost
 * (assumption: unmasking raises no interrupt for what came meanwhile; if it does,
 * that one finds nothing new). VINTF0 is never masked.
 *
 * An interrupt says that something has happened in the unit, and not where. It is
 * put down to VINTFs that have an error which is new. If none has, somebody has
 * acknowledged before anybody looked; then it is put down to those that were found
 * to do so in the last 10 seconds. If there are none, and more of it than said
 * above, all VMs' VINTFs are masked and there is a trial: each is unmasked alone for
 * 20 ms, and if two such interrupts come it is the one; that ends the trial for the
 * others. They are looked at every 20 ms meanwhile, so an innocent VM hears of its
 * error 20 ms late, if at all, and so for as long as a trial takes, and only when a
 * VM begins to behave like that. Who is alone in the unit needs no trial.
 */

#define dev_fmt(fmt) "tegra241_cmdqv: " fmt

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/jiffies.h>
#include <linux/ratelimit.h>

#include "tegra241-cmdqv-vm.h"

#define BRAKE_BURST	20
#define BRAKE_TIME	msecs_to_jiffies(200)
#define SUSPECT_TIME	(10 * HZ)
#define TRIAL_BURST	2
#define TRIAL_SLICE	msecs_to_jiffies(20)

/* What KUnit has a clock and a workqueue of its own for */
VISIBLE_IF_KUNIT unsigned long tegra241_vm_brake_now(void)
{
	KUNIT_STATIC_STUB_REDIRECT(tegra241_vm_brake_now);
	return jiffies;
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_vm_brake_now);

VISIBLE_IF_KUNIT void tegra241_vm_brake_schedule(struct tegra241_vm_brake *brake,
						 unsigned long delay)
{
	KUNIT_STATIC_STUB_REDIRECT(tegra241_vm_brake_schedule, brake, delay);
	mod_delayed_work(system_unbound_wq, &brake->work, delay);
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_vm_brake_schedule);

/* Whether @rate has come to a burst. Windows follow upon one another, or later. */
static bool tegra241_vm_rate_count(struct tegra241_vm_rate *rate)
{
	unsigned long now = tegra241_vm_brake_now();

	if (!time_in_range_open(now, rate->since, rate->since + BRAKE_TIME)) {
		rate->since = now;
		rate->num = 0;
	}
	return ++rate->num >= BRAKE_BURST;
}

static void tegra241_vm_brake_mask(struct tegra241_cmdqv *cmdqv, u16 idx,
				   bool mask)
{
	struct tegra241_vm_brake *brake = &cmdqv->vm_brake;
	u64 bit = BIT_ULL(idx);

	lockdep_assert_held(&cmdqv->vm_errors.lock);

	/* The hardware is told what we know of it: nobody says that it tells us */
	if (brake->stopped || !(brake->int_mask & bit) == !mask)
		return;
	brake->int_mask ^= bit;
	tegra241_writel(brake->int_mask >> (idx & 32),
			cmdqv->base + TEGRA241_CMDQV_VINTF_INT_MASK(idx / 32));
}

/*
 * Reading the map comes after unmasking: an error after that read interrupts, and
 * one before it is seen. Accesses to a device stay in order.
 */
static void tegra241_vm_brake_unmask_and_look(struct tegra241_vm_vintf *vintf)
{
	tegra241_vm_brake_mask(vintf->hw.cmdqv, vintf->hw.idx, false);
	tegra241_vm_errors_look(vintf);
}

static unsigned long tegra241_vm_brake_left(unsigned long until)
{
	unsigned long now = tegra241_vm_brake_now();

	return time_after(until, now) ? until - now : 0;
}

/* Have tegra241_vm_brake_tick() called when there is something to do next */
static void tegra241_vm_brake_arm(struct tegra241_cmdqv *cmdqv)
{
	struct tegra241_vm_brake *brake = &cmdqv->vm_brake;
	unsigned long delay = ULONG_MAX;
	struct tegra241_vm_vintf *vintf;
	u16 idx;

	lockdep_assert_held(&cmdqv->vm_errors.lock);

	if (brake->stopped)
		return;
	if (brake->trial)
		delay = tegra241_vm_brake_left(brake->slice_end);
	for (idx = 1; idx < cmdqv->param.num_vintfs; idx++) {
		vintf = cmdqv->vm_errors.vintfs[idx];
		if (!vintf)
			continue;
		if (vintf->brake == TEGRA241_VM_BRAKED)
			delay = min(delay,
				    tegra241_vm_brake_left(vintf->release_at));
		else if (vintf->brake != TEGRA241_VM_FREE && !brake->trial)
			delay = 0;
	}
	if (delay != ULONG_MAX)
		tegra241_vm_brake_schedule(brake, delay);
}

/* @proven: nobody else can have made the interrupts that this is for */
static void tegra241_vm_brake_apply(struct tegra241_vm_vintf *vintf, bool proven)
{
	struct tegra241_cmdqv *cmdqv = vintf->hw.cmdqv;
	struct tegra241_vm_brake *brake = &cmdqv->vm_brake;
	unsigned long now = tegra241_vm_brake_now();

	tegra241_vm_brake_mask(cmdqv, vintf->hw.idx, true);
	vintf->brake = TEGRA241_VM_BRAKED;
	vintf->brakes++;
	vintf->release_at = now + BRAKE_TIME;
	if (proven)
		vintf->suspect_until = vintf->release_at + SUSPECT_TIME;
	/*
	 * Which errors come and go until then nobody sees, so what is pending in
	 * the end is new.
	 */
	tegra241_vm_errors_forget(vintf);

	if (brake->trying == vintf) {
		brake->trying = NULL;
		brake->trial = false;
	}
	tegra241_vm_brake_arm(cmdqv);
	dev_dbg_ratelimited(cmdqv->dev, "VINTF%u: interrupts masked\n",
			    vintf->hw.idx);
}

/**
 * tegra241_vm_brake_charge() - an interrupt has been a VM's
 * @vintf: its VINTF, not masked, with something new in its error map
 *
 * Context: tegra241_vm_errors::lock is held.
 */
void tegra241_vm_brake_charge(struct tegra241_vm_vintf *vintf)
{
	vintf->interrupts++;
	if (tegra241_vm_rate_count(&vintf->rate))
		tegra241_vm_brake_apply(vintf, true);
}

/* False if nobody has been found to make such interrupts lately */
static bool tegra241_vm_brake_charge_suspects(struct tegra241_cmdqv *cmdqv)
{
	struct tegra241_vm_vintf *vintf;
	bool found = false;
	u16 idx;

	for (idx = 1; idx < cmdqv->param.num_vintfs; idx++) {
		vintf = cmdqv->vm_errors.vintfs[idx];
		if (!vintf || vintf->brake != TEGRA241_VM_FREE ||
		    !tegra241_vm_brake_left(vintf->suspect_until))
			continue;
		found = true;
		vintf->interrupts++;
		if (tegra241_vm_rate_count(&vintf->rate))
			tegra241_vm_brake_apply(vintf, false);
	}
	return found;
}

static void tegra241_vm_brake_begin_trial(struct tegra241_cmdqv *cmdqv)
{
	struct tegra241_vm_brake *brake = &cmdqv->vm_brake;
	struct tegra241_vm_vintf *vintf, *last = NULL;
	unsigned int num = 0;
	u16 idx;

	for (idx = 1; idx < cmdqv->param.num_vintfs; idx++) {
		vintf = cmdqv->vm_errors.vintfs[idx];
		if (!vintf || vintf->brake != TEGRA241_VM_FREE)
			continue;
		tegra241_vm_brake_mask(cmdqv, idx, true);
		vintf->brake = TEGRA241_VM_UNTRIED;
		last = vintf;
		num++;
	}
	if (num > 1) {
		/* Before the first one's turn, what is under way comes to an end */
		brake->trial = true;
		brake->slice_end = tegra241_vm_brake_now() + TRIAL_SLICE;
		tegra241_vm_brake_arm(cmdqv);
	} else if (num) {
		tegra241_vm_brake_apply(last, true);
	}
}

/**
 * tegra241_vm_brake_charge_unknown() - an interrupt came with nothing new to see
 * @cmdqv: the unit
 *
 * Context: tegra241_vm_errors::lock is held.
 */
void tegra241_vm_brake_charge_unknown(struct tegra241_cmdqv *cmdqv)
{
	struct tegra241_vm_brake *brake = &cmdqv->vm_brake;

	if (brake->trial) {
		if (brake->trying && ++brake->slice_num >= TRIAL_BURST)
			tegra241_vm_brake_apply(brake->trying, true);
		return;
	}
	if (!tegra241_vm_brake_charge_suspects(cmdqv) &&
	    tegra241_vm_rate_count(&brake->unknown))
		tegra241_vm_brake_begin_trial(cmdqv);
}

/* The turn of the next VINTF; if there is none the trial ends without a result */
static void tegra241_vm_brake_next_slice(struct tegra241_cmdqv *cmdqv)
{
	struct tegra241_vm_brake *brake = &cmdqv->vm_brake;
	struct tegra241_vm_vintf *vintf;
	u16 idx;

	if (brake->trying) {
		tegra241_vm_brake_mask(cmdqv, brake->trying->hw.idx, true);
		brake->trying->brake = TEGRA241_VM_TRIED;
		brake->trying = NULL;
	}
	for (idx = 1; idx < cmdqv->param.num_vintfs; idx++) {
		vintf = cmdqv->vm_errors.vintfs[idx];
		if (!vintf || vintf->brake != TEGRA241_VM_UNTRIED)
			continue;
		vintf->brake = TEGRA241_VM_TRYING;
		brake->trying = vintf;
		brake->slice_num = 0;
		brake->slice_end = tegra241_vm_brake_now() + TRIAL_SLICE;
		tegra241_vm_brake_unmask_and_look(vintf);
		return;
	}
	brake->trial = false;
}

static void tegra241_vm_brake_tick_vintf(struct tegra241_vm_vintf *vintf)
{
	switch (vintf->brake) {
	case TEGRA241_VM_FREE:
	case TEGRA241_VM_TRYING:
		return;
	case TEGRA241_VM_BRAKED:
		if (tegra241_vm_brake_left(vintf->release_at))
			return;
		break;
	case TEGRA241_VM_UNTRIED:
	case TEGRA241_VM_TRIED:
		if (vintf->hw.cmdqv->vm_brake.trial) {
			tegra241_vm_errors_look(vintf);
			return;
		}
		break;
	}
	vintf->brake = TEGRA241_VM_FREE;
	vintf->rate.num = 0;
	vintf->rate.since = tegra241_vm_brake_now();
	tegra241_vm_brake_unmask_and_look(vintf);
}

/**
 * tegra241_vm_brake_tick() - release VINTFs whose time is over, go on with a trial
 * @cmdqv: the unit
 *
 * Context: any that may take a spinlock.
 */
VISIBLE_IF_KUNIT void tegra241_vm_brake_tick(struct tegra241_cmdqv *cmdqv)
{
	struct tegra241_vm_errors *errors = &cmdqv->vm_errors;
	struct tegra241_vm_brake *brake = &cmdqv->vm_brake;
	u16 idx;

	/* The interrupt thread has its turn between any two */
	for (idx = 1; idx < cmdqv->param.num_vintfs; idx++) {
		guard(spinlock)(&errors->lock);
		if (errors->vintfs[idx])
			tegra241_vm_brake_tick_vintf(errors->vintfs[idx]);
	}

	guard(spinlock)(&errors->lock);
	if (brake->trial && !tegra241_vm_brake_left(brake->slice_end))
		tegra241_vm_brake_next_slice(cmdqv);
	tegra241_vm_brake_arm(cmdqv);
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
 * tegra241_vm_brake_add() - a VINTF may interrupt from now on
 * @vintf: the VINTF, new, in tegra241_vm_errors::vintfs
 *
 * Context: tegra241_vm_errors::lock is held.
 */
void tegra241_vm_brake_add(struct tegra241_vm_vintf *vintf)
{
	struct tegra241_cmdqv *cmdqv = vintf->hw.cmdqv;

	vintf->suspect_until = tegra241_vm_brake_now();
	vintf->brake = TEGRA241_VM_FREE;
	if (!cmdqv->vm_brake.trial)
		return;
	vintf->brake = TEGRA241_VM_UNTRIED;
	tegra241_vm_brake_mask(cmdqv, vintf->hw.idx, true);
}

/**
 * tegra241_vm_brake_remove() - a VINTF has nobody to be told of its errors
 * @vintf: the VINTF, not in tegra241_vm_errors::vintfs any more
 *
 * Until tegra241_vm_brake_free() it stays masked, so that what has not stopped, and
 * may take long to do so, puts no interrupts down to others.
 *
 * Context: tegra241_vm_errors::lock is held.
 */
void tegra241_vm_brake_remove(struct tegra241_vm_vintf *vintf)
{
	struct tegra241_vm_brake *brake = &vintf->hw.cmdqv->vm_brake;

	if (brake->trying == vintf)
		brake->trying = NULL;
	tegra241_vm_brake_mask(vintf->hw.cmdqv, vintf->hw.idx, true);
}

/**
 * tegra241_vm_brake_free() - a VINTF is about to be anybody's
 * @cmdqv: the unit
 * @idx: the VINTF, disabled, without queues
 *
 * Context: any that may take a spinlock.
 */
void tegra241_vm_brake_free(struct tegra241_cmdqv *cmdqv, u16 idx)
{
	guard(spinlock)(&cmdqv->vm_errors.lock);
	tegra241_vm_brake_mask(cmdqv, idx, false);
}

/**
 * tegra241_vm_brake_init() - no VINTF is braked
 * @cmdqv: the unit, about to be reset for the first time
 */
void tegra241_vm_brake_init(struct tegra241_cmdqv *cmdqv)
{
	INIT_DELAYED_WORK(&cmdqv->vm_brake.work, tegra241_vm_brake_work);
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

	scoped_guard(spinlock, &cmdqv->vm_errors.lock) {
		brake->stopped = true;
		brake->int_mask = 0;
		for (i = 0; i < 2; i++)
			tegra241_writel(0, cmdqv->base +
					   TEGRA241_CMDQV_VINTF_INT_MASK(i));
	}
	cancel_delayed_work_sync(&brake->work);
}
