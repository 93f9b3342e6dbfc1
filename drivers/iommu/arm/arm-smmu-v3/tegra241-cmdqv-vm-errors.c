// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Errors of VMs' queues
 *
 * An error of a queue is the VM's to look after: it acknowledges it in GERRORN, in
 * its window. What the host does is to tell the VM, by an event with the VINTF's
 * error map, when there is something new in that map. New is what has not been seen
 * by this file before; there may be nobody to tell at that time, so when somebody
 * begins to listen (veventq_added) all that is pending is told, seen or not.
 *
 * That a bit is set is not enough to be new, nor that it has been set before to be
 * old. It stays set until the VM acknowledges, and interrupts come for other VMs,
 * too; but the VM may also have acknowledged one error and made the next before
 * anybody looks. So what is compared is GERROR, which toggles (assumption A20), and
 * CONS. Both are read before the event is reported: what happens later differs from
 * them and comes with an interrupt of its own.
 */

#define dev_fmt(fmt) "tegra241_cmdqv: " fmt

#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "tegra241-cmdqv-trace.h"
#include "tegra241-cmdqv-vm.h"

static struct tegra241_vm_errors *
tegra241_vm_vintf_errors(struct tegra241_vm_vintf *vintf)
{
	return &vintf->hw.cmdqv->vm_errors[vintf->hw.idx];
}

/* Whether @map has an error that was not there when this was last asked */
static bool tegra241_vm_vintf_new_errors(struct tegra241_vm_vintf *vintf,
					 const unsigned long *map)
{
	struct tegra241_cmdqv *cmdqv = vintf->hw.cmdqv;
	u16 num = cmdqv->param.num_lvcmdqs_per_vintf;
	bool new = false;
	unsigned int lidx;

	for_each_set_bit(lidx, map, num) {
		struct tegra241_vm_error *last = &vintf->vcmdqs[lidx].error;
		struct tegra241_vm_error now;
		struct tegra241_vcmdq vcmdq;
		bool fresh;

		tegra241_vcmdq_init_direct(&vcmdq, cmdqv,
					   vintf->hw.idx * num + lidx);
		now.gerror = tegra241_readl(vcmdq.page0 + TEGRA241_VCMDQ_GERROR);
		now.cons = tegra241_readl(vcmdq.page0 + TEGRA241_VCMDQ_CONS);

		fresh = !test_bit(lidx, vintf->seen) ||
			now.gerror != last->gerror || now.cons != last->cons;
		trace_cmdqv_vcmdq_error(&vcmdq, now.gerror, now.cons, fresh);
		new |= fresh;
		*last = now;
	}
	bitmap_copy(vintf->seen, map, TEGRA241_MAX_VCMDQS);
	return new;
}

static void tegra241_vm_vintf_report(struct tegra241_vm_vintf *vintf,
				     const unsigned long *map)
{
	struct iommufd_viommu *viommu = &vintf->vsmmu->core;
	struct iommu_vevent_tegra241_cmdqv event;
	u64 raw[LVCMDQ_ERR_MAP_NUM_64];
	int i, ret;

	bitmap_to_arr64(raw, map, TEGRA241_MAX_VCMDQS);
	for (i = 0; i < ARRAY_SIZE(raw); i++)
		event.lvcmdq_err_map[i] = cpu_to_le64(raw[i]);

	/* If nobody listens, veventq_added comes before anybody does */
	ret = viommu->services->report_event(viommu,
					     IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV,
					     &event, sizeof(event));
	if (ret)
		trace_cmdqv_error_dropped(&vintf->hw, raw, ret);
	else
		trace_cmdqv_error_reported(&vintf->hw, raw, ret);
	dev_dbg_ratelimited(vintf->hw.cmdqv->dev,
			    "VINTF%u: error map %016llx:%016llx reported: %d\n",
			    vintf->hw.idx, raw[1], raw[0], ret);
}

/**
 * tegra241_vm_errors_look() - tell a VM of what is new in its error map
 * @vintf: its VINTF
 *
 * Context: its tegra241_vm_errors::lock is held.
 * Return: whether anything was new.
 */
bool tegra241_vm_errors_look(struct tegra241_vm_vintf *vintf)
{
	DECLARE_BITMAP(map, TEGRA241_MAX_VCMDQS);

	lockdep_assert_held(&tegra241_vm_vintf_errors(vintf)->lock);

	tegra241_vintf_read_err_map(&vintf->hw, map);
	/* What can't be seen is not told: all queues in error is what a lost bus reads as */
	if (bitmap_weight(map, TEGRA241_MAX_VCMDQS) ==
	    vintf->hw.cmdqv->param.num_lvcmdqs_per_vintf &&
	    !tegra241_cmdqv_alive(vintf->hw.cmdqv))
		return false;
	if (!tegra241_vm_vintf_new_errors(vintf, map))
		return false;
	vintf->events++;
	tegra241_vm_vintf_report(vintf, map);
	return true;
}

/**
 * tegra241_vm_errors_handle() - tell VMs of errors of their queues
 * @cmdqv: the unit
 * @map: VINTFs with an error, without VINTF0; they need not belong to VMs
 * @host: VINTF0 has an error, which may be all that the interrupt is for
 *
 * Context: the interrupt thread.
 */
void tegra241_vm_errors_handle(struct tegra241_cmdqv *cmdqv, u64 map, bool host)
{
	struct tegra241_vm_errors *errors;
	u16 idx;

	while (map) {
		idx = __ffs64(map);
		map &= ~BIT_ULL(idx);

		errors = &cmdqv->vm_errors[idx];
		spin_lock(&errors->lock);
		/*
		 * If it is masked it has not interrupted, and is polled: once more,
		 * after unmasking, if this is just over.
		 */
		if (errors->vintf &&
		    !(READ_ONCE(cmdqv->vm_brake.int_mask) & BIT_ULL(idx)) &&
		    tegra241_vm_errors_look(errors->vintf))
			tegra241_vm_brake_charge(errors->vintf);
		spin_unlock(&errors->lock);
	}

	if (!host)
		tegra241_vm_brake_charge_unit(cmdqv);
}

/**
 * tegra241_vm_errors_tell_again() - somebody has begun to listen
 * @vintf: a VINTF whose vIOMMU lives
 *
 * An error that is pending raises no interrupt any more.
 *
 * Context: any that may take a spinlock.
 */
void tegra241_vm_errors_tell_again(struct tegra241_vm_vintf *vintf)
{
	guard(spinlock)(&tegra241_vm_vintf_errors(vintf)->lock);
	bitmap_zero(vintf->seen, TEGRA241_MAX_VCMDQS);
	tegra241_vm_errors_look(vintf);
}

/**
 * tegra241_vm_errors_new_queue() - a queue is about to be mapped
 * @vintf: its VINTF
 * @lidx: its logical number
 *
 * It has nothing to do with errors of the last one.
 *
 * Context: any that may take a spinlock.
 */
void tegra241_vm_errors_new_queue(struct tegra241_vm_vintf *vintf, u16 lidx)
{
	guard(spinlock)(&tegra241_vm_vintf_errors(vintf)->lock);
	__clear_bit(lidx, vintf->seen);
}

/**
 * tegra241_vm_errors_add() - let the interrupt thread have a VINTF
 * @vintf: the VINTF, with a vIOMMU that can't fail any more
 *
 * Context: any that may take a spinlock.
 */
void tegra241_vm_errors_add(struct tegra241_vm_vintf *vintf)
{
	struct tegra241_vm_errors *errors = tegra241_vm_vintf_errors(vintf);

	guard(spinlock)(&errors->lock);
	errors->vintf = vintf;
}

/**
 * tegra241_vm_errors_remove() - have the interrupt thread be done with a VINTF
 * @vintf: the VINTF; nobody hears of its errors any more when this returns
 *
 * Context: any that may take a spinlock.
 */
void tegra241_vm_errors_remove(struct tegra241_vm_vintf *vintf)
{
	struct tegra241_vm_errors *errors = tegra241_vm_vintf_errors(vintf);

	guard(spinlock)(&errors->lock);
	errors->vintf = NULL;
}

/**
 * tegra241_vm_errors_init() - set up what this file has for a unit
 * @cmdqv: the unit, with valid @cmdqv->param
 *
 * Context: sleeps.
 * Return: 0 or -ENOMEM.
 */
int tegra241_vm_errors_init(struct tegra241_cmdqv *cmdqv)
{
	u16 idx;

	cmdqv->vm_errors = kcalloc(cmdqv->param.num_vintfs,
				   sizeof(*cmdqv->vm_errors), GFP_KERNEL);
	if (!cmdqv->vm_errors)
		return -ENOMEM;
	for (idx = 0; idx < cmdqv->param.num_vintfs; idx++)
		spin_lock_init(&cmdqv->vm_errors[idx].lock);
	tegra241_vm_brake_init(cmdqv);
	return 0;
}

/**
 * tegra241_vm_errors_exit() - undo tegra241_vm_errors_init()
 * @cmdqv: the unit; no vIOMMU is left, the interrupt is free
 *
 * Context: sleeps.
 */
void tegra241_vm_errors_exit(struct tegra241_cmdqv *cmdqv)
{
	tegra241_vm_brake_exit(cmdqv);
	kfree(cmdqv->vm_errors);
	cmdqv->vm_errors = NULL;
}
