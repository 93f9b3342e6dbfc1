// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Hardware of VMs that would not stop
 *
 * A queue that is still enabled reads its memory and executes what it finds there,
 * whoever the memory belongs to by then. User space can't be made to wait for it,
 * so its objects go, and what the hardware holds on to is kept here:
 *
 * - the queue's pages, by a reference on each. They are not charged to anybody any
 *   more; there can be no more of them than the unit has queues.
 * - the VCMDQ: its VINTF takes no new queue.
 * - the VINTF: it is disabled (the fence), so that commands which the queue comes
 *   across are not executed (assumption A13). Should that fail as well, they are,
 *   with the VMID of a VM that is gone: CONFIG keeps it.
 * - so the VMID, and the VINTF's number with it, are not given to anybody else.
 *
 * A look every now and then lets go of what has stopped meanwhile, unless the unit is lost:
 * then nobody knows, ever. Nothing but
 * broken hardware should bring anything here, or a device that makes the SMMU wait
 * for ATC invalidations; a guest may know how to do the latter, so warnings are
 * limited.
 */

#define dev_fmt(fmt) "tegra241_cmdqv: " fmt

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/mm.h>
#include <linux/ratelimit.h>

#include "tegra241-cmdqv-trace.h"
#include "tegra241-cmdqv-vm.h"

#define QUARANTINE_MIN_DELAY	HZ
#define QUARANTINE_MAX_DELAY	(5 * 60 * HZ)

static void tegra241_vm_vcmdq_hold_pages(struct tegra241_vm_vcmdq *vcmdq,
					 bool hold)
{
	unsigned long pfn = PHYS_PFN(vcmdq->base_pa);
	unsigned long last = PHYS_PFN(vcmdq->base_pa + vcmdq->length - 1);

	for (; pfn <= last; pfn++) {
		if (hold)
			get_page(pfn_to_page(pfn));
		else
			put_page(pfn_to_page(pfn));
	}
}

/*
 * Whether the hardware has been waited for. What has stopped is unmapped, and will be gone
 * after the next flush.
 */
static bool tegra241_quarantine_halt(struct tegra241_vm_vcmdq *vcmdq)
{
	struct tegra241_vcmdq *hw = &vcmdq->hw;
	int ret, unmapped;

	tegra241_writel(0, hw->page0 + TEGRA241_VCMDQ_CONFIG);
	if (tegra241_readl(hw->page0 + TEGRA241_VCMDQ_STATUS) & VCMDQ_ENABLED)
		return false;
	ret = tegra241_vm_vcmdq_halt(hw, false, &unmapped);
	trace_cmdqv_vcmdq_unmap(hw, unmapped);
	vcmdq->halted = !ret;
	return ret == -ETIMEDOUT;
}

static void tegra241_quarantine_let_go(struct tegra241_vm_vcmdq *vcmdq,
				       int flushed)
{
	struct tegra241_vcmdq *hw = &vcmdq->hw;

	tegra241_vm_vcmdq_finish(hw, flushed);
	trace_cmdqv_vcmdq_stop(hw, 0);
	list_del(&vcmdq->node);
	tegra241_vm_vcmdq_hold_pages(vcmdq, false);
	dev_dbg(hw->cmdqv->dev, "VINTF%u: VCMDQ%u has stopped\n",
		hw->vintf_idx, hw->idx);
	tegra241_view_remove_vcmdq(vcmdq);
	trace_cmdqv_vcmdq_unquarantine(hw, 0);
}

/*
 * Whether the VINTF has left the quarantine. Then @vintf may be gone, unless its
 * vIOMMU lives. @flushed: set if a flush fails.
 */
static bool tegra241_quarantine_look_at(struct tegra241_vm_vintf *vintf,
					int *flushed)
{
	struct tegra241_cmdqv *cmdqv = vintf->hw.cmdqv;
	struct tegra241_vm_vcmdq *vcmdq, *next;
	void __iomem *base = vintf->hw.base;
	bool halted = false;

	/*
	 * The VMID stays, see tegra241_vintf_disable(); and it is written as it is known
	 * here: what is read may be all ones, which would be HYP_OWN.
	 */
	tegra241_writel(FIELD_PREP(VINTF_VMID, vintf->vmid->id),
			base + TEGRA241_VINTF_CONFIG);
	list_for_each_entry(vcmdq, &vintf->stuck, node) {
		/* One that comes and goes is enough for one look, the next begins behind it */
		if (tegra241_quarantine_halt(vcmdq)) {
			list_move_tail(&vcmdq->node, &vintf->stuck);
			break;
		}
		halted |= vcmdq->halted;
	}
	if (halted) {
		*flushed = tegra241_cmdqv_flush(cmdqv);
		list_for_each_entry_safe(vcmdq, next, &vintf->stuck, node)
			if (vcmdq->halted)
				tegra241_quarantine_let_go(vcmdq, *flushed);
	}

	if (!list_empty(&vintf->stuck) ||
	    tegra241_readl(base + TEGRA241_VINTF_STATUS) & VINTF_ENABLED ||
	    !tegra241_cmdqv_alive(cmdqv))
		return false;
	if (!vintf->vsmmu && tegra241_vintf_scrub(&vintf->hw, vintf->sids))
		return false;

	list_del_init(&vintf->node);
	dev_dbg(cmdqv->dev, "VINTF%u has stopped\n", vintf->hw.idx);
	if (!vintf->vsmmu) {
		trace_cmdqv_vintf_unquarantine(&vintf->hw, vintf->vmid->id, 0);
		tegra241_vm_vintf_free(vintf);
	}
	return true;
}

/**
 * tegra241_quarantine_look() - let go of what has stopped meanwhile
 * @quarantine: of a unit whose SMMU is enabled
 *
 * Nothing is waited for that has not stopped. What has stopped costs a CMD_SYNC, of which
 * not more than one may fail, so a look takes a second at most, and that only if devices
 * don't answer ATC invalidations. Who comes while others look takes their result: it waits
 * for two looks at most, or makes one.
 *
 * Context: sleeps.
 * Return: whether something is left.
 */
bool tegra241_quarantine_look(struct tegra241_quarantine *quarantine)
{
	unsigned int looks = READ_ONCE(quarantine->looks);
	struct tegra241_vm_vintf *vintf, *next;
	int flushed = 0;

	guard(mutex)(&quarantine->lock);
	/* The first may have been half over, the second has begun since */
	if (quarantine->looks - looks < 2) {
		list_for_each_entry_safe(vintf, next, &quarantine->vintfs,
					 node) {
			tegra241_quarantine_look_at(vintf, &flushed);
			if (flushed)
				break;
		}
		WRITE_ONCE(quarantine->looks, quarantine->looks + 1);
	}
	return !list_empty(&quarantine->vintfs);
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_quarantine_look);

/**
 * tegra241_quarantine_schedule() - look again after @quarantine->delay
 * @quarantine: with something in it
 */
VISIBLE_IF_KUNIT
void tegra241_quarantine_schedule(struct tegra241_quarantine *quarantine)
{
	KUNIT_STATIC_STUB_REDIRECT(tegra241_quarantine_schedule, quarantine);
	mod_delayed_work(system_unbound_wq, &quarantine->work,
			 quarantine->delay);
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_quarantine_schedule);

static void tegra241_quarantine_work(struct work_struct *work)
{
	struct tegra241_quarantine *quarantine =
		container_of(work, struct tegra241_quarantine, work.work);
	struct tegra241_cmdqv *cmdqv =
		container_of(quarantine, struct tegra241_cmdqv, quarantine);

	if (!tegra241_quarantine_look(quarantine) || READ_ONCE(cmdqv->lost))
		return;

	guard(mutex)(&quarantine->lock);
	quarantine->delay = min(quarantine->delay * 2, QUARANTINE_MAX_DELAY);
	tegra241_quarantine_schedule(quarantine);
}

static void tegra241_quarantine_add(struct tegra241_quarantine *quarantine,
				    struct tegra241_vm_vintf *vintf)
{
	lockdep_assert_held(&quarantine->lock);

	if (list_empty(&vintf->node))
		list_add_tail(&vintf->node, &quarantine->vintfs);
	quarantine->delay = QUARANTINE_MIN_DELAY;
	tegra241_quarantine_schedule(quarantine);
}

/**
 * tegra241_quarantine_fence() - execute no commands of a VM any more
 * @vintf: its VINTF
 *
 * What fails here, the looks at the quarantine try again.
 *
 * Context: sleeps; tegra241_quarantine::lock is not held. May run beside itself.
 */
void tegra241_quarantine_fence(struct tegra241_vm_vintf *vintf)
{
	struct tegra241_quarantine *quarantine = &vintf->hw.cmdqv->quarantine;
	int ret;

	if (READ_ONCE(vintf->fenced))
		return;
	ret = tegra241_vm_vintf_disable(vintf);
	trace_cmdqv_vintf_fence(&vintf->hw, vintf->vmid->id, ret);
	WRITE_ONCE(vintf->fenced, true);
	if (ret) {
		guard(mutex)(&quarantine->lock);
		tegra241_quarantine_add(quarantine, vintf);
	}
}

/**
 * tegra241_quarantine_queue() - take over a queue that would not stop
 * @vintf: its VINTF, which becomes fenced
 * @vcmdq: the queue, unmapped if the hardware allowed that
 * @why: what stopping it returned
 *
 * When this returns the queue's memory may be unpinned.
 *
 * Context: sleeps; iommufd's queue lock is held.
 */
void tegra241_quarantine_queue(struct tegra241_vm_vintf *vintf,
			       struct tegra241_vm_vcmdq *vcmdq, int why)
{
	struct tegra241_cmdqv *cmdqv = vintf->hw.cmdqv;

	tegra241_vm_vcmdq_hold_pages(vcmdq, true);
	tegra241_view_stuck_vcmdq(vcmdq);
	trace_cmdqv_vcmdq_quarantine(&vcmdq->hw, why);
	dev_warn_ratelimited(cmdqv->dev,
			     "VINTF%u (%s): VCMDQ%u would not stop (%d), fencing: no more queues for this VM, end it\n",
			     vintf->hw.idx, dev_name(vintf->owner),
			     vcmdq->hw.idx, why);

	tegra241_quarantine_fence(vintf);

	guard(mutex)(&cmdqv->quarantine.lock);
	list_add_tail(&vcmdq->node, &vintf->stuck);
	tegra241_quarantine_add(&cmdqv->quarantine, vintf);
}

/**
 * tegra241_quarantine_vintf() - take over a VINTF whose vIOMMU ends
 * @vintf: could not be disabled, or is fenced; has no queues but stuck ones, and no
 *	vDEVICEs. Freed here in the end, at once if it has stopped meanwhile.
 * @why: what disabling it returned, or -EIO if it is fenced
 *
 * Context: sleeps.
 */
void tegra241_quarantine_vintf(struct tegra241_vm_vintf *vintf, int why)
{
	struct tegra241_cmdqv *cmdqv = vintf->hw.cmdqv;
	int flushed = 0;

	/* What is stuck interrupts still, and a look that is under way may take long */
	tegra241_vm_brake_hold(cmdqv, vintf->hw.idx);

	guard(mutex)(&cmdqv->quarantine.lock);
	vintf->fenced = true;
	vintf->vsmmu = NULL;
	tegra241_vm_owners_end(vintf);
	trace_cmdqv_vintf_quarantine(&vintf->hw, vintf->vmid->id, why);
	if (tegra241_quarantine_look_at(vintf, &flushed))
		return;
	dev_warn_ratelimited(cmdqv->dev,
			     "VINTF%u (%s): would not stop (%d), kept from other VMs with its VMID 0x%x until it does\n",
			     vintf->hw.idx, dev_name(vintf->owner), why,
			     vintf->vmid->id);
	tegra241_quarantine_add(&cmdqv->quarantine, vintf);
}

/**
 * tegra241_quarantine_init() - an empty quarantine
 * @quarantine: to set up
 */
void tegra241_quarantine_init(struct tegra241_quarantine *quarantine)
{
	mutex_init(&quarantine->lock);
	INIT_LIST_HEAD(&quarantine->vintfs);
	INIT_DELAYED_WORK(&quarantine->work, tegra241_quarantine_work);
	quarantine->delay = QUARANTINE_MIN_DELAY;
}

/**
 * tegra241_quarantine_stop() - have a last look and no more
 * @quarantine: of a unit whose SMMU is enabled for the last time
 *
 * What is left then keeps its memory for ever.
 *
 * Context: sleeps.
 */
void tegra241_quarantine_stop(struct tegra241_quarantine *quarantine)
{
	struct tegra241_cmdqv *cmdqv =
		container_of(quarantine, struct tegra241_cmdqv, quarantine);

	cancel_delayed_work_sync(&quarantine->work);
	if (tegra241_quarantine_look(quarantine))
		dev_err(cmdqv->dev, "hardware of VMs is still running at shutdown, power-cycle before another kernel runs here\n");
}
