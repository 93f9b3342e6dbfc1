// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: SID slots
 *
 * A vDEVICE has a slot of its VINTF, which names one physical StreamID, for as long as
 * it exists. An ATC_INV that has matched the slot may still be under way when it matches
 * no more: a CMD_SYNC waits for it, and then the slot can be another device's.
 * Of a unit that is lost nobody knows what still matches: the slot stays given up.
 *
 * That CMD_SYNC goes through the queue that all VMs behind the SMMU share, so there is
 * none if nothing can be under way: a queue of the VINTF was mapped neither since the
 * slot was set nor since the last of them had been stopped and flushed, and the CMD_SYNC
 * of each trapped command has completed.
 */

#define dev_fmt(fmt) "tegra241_cmdqv: " fmt

#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>

#include "tegra241-cmdqv-trace.h"
#include "tegra241-cmdqv-vm.h"

static int tegra241_vm_vdevice_set(struct tegra241_vm_vintf *vintf,
				   struct tegra241_vsmmu_device *vdev)
{
	u16 num = vintf->hw.cmdqv->param.num_sids_per_vintf;
	struct iommufd_vdevice *core = &vdev->vdev.core;
	unsigned int slot;
	int ret;

	if (!tegra241_sid_valid(core->virt_id))
		return -EINVAL;
	ret = arm_vsmmu_vdevice_init(core);
	if (ret)
		return ret;
	if (!tegra241_sid_valid(vdev->vdev.sid))
		return -EINVAL;

	/* Which tegra241_cmdqv_vm_stop() waits for */
	guard(rcu)();
	if (!tegra241_cmdqv_vm_usable(vintf->hw.cmdqv))
		return -EIO;
	slot = find_first_zero_bit(&vintf->sids, num);
	if (slot >= num)
		return -ENOSPC;
	__set_bit(slot, &vintf->sids);
	vdev->slot = slot;
	tegra241_vintf_set_sid(&vintf->hw, vdev->slot, core->virt_id,
			       vdev->vdev.sid);
	tegra241_view_set_slot(vintf, vdev->slot, &vdev->vdev);
	trace_cmdqv_sid_set(&vintf->hw, vdev->slot, core->virt_id,
			    vdev->vdev.sid, core->dev, 0);
	return 0;
}

/**
 * tegra241_vm_vdevice_init() - iommufd_viommu_ops::vdevice_init
 * @core: the vDEVICE; embedded in struct tegra241_vsmmu_device
 *
 * Context: vdevs_rwsem is held for writing.
 * Return: 0; -EINVAL if a StreamID is wider than the registers, -ENOSPC if all slots are
 * taken, -EIO if the unit takes nothing any more, or what arm_vsmmu_vdevice_init() says.
 */
int tegra241_vm_vdevice_init(struct iommufd_vdevice *core)
{
	struct tegra241_vsmmu_device *vdev =
		container_of(to_vsmmu_device(core),
			     struct tegra241_vsmmu_device, vdev);
	struct tegra241_vm_vintf *vintf = to_tegra241_vsmmu(core->viommu)->vintf;
	int ret = tegra241_vm_vdevice_set(vintf, vdev);

	if (ret)
		trace_cmdqv_sid_refused(&vintf->hw, -1, core->virt_id,
					vdev->vdev.sid, core->dev, ret);
	return ret;
}

/*
 * Wait for what may have matched a slot that matches no more. A queue that is not in
 * @queues now is mapped, if it is, after the slot has stopped to match: reading the slot
 * back comes before reading @queues. Pairs with the write of CMDQ_ALLOC_MAP after setting
 * the bit in tegra241_vm_hw_queue_start().
 */
static int tegra241_vm_vdevice_flush(struct tegra241_vm_vintf *vintf)
{
	struct arm_vsmmu *vsmmu = vintf->vsmmu;
	int ret;

	if (bitmap_empty(vintf->queues, TEGRA241_MAX_VCMDQS) &&
	    !vsmmu->unsynced)
		return 0;
	ret = tegra241_cmdqv_flush(vintf->hw.cmdqv);
	if (!ret)
		vsmmu->unsynced = false;
	return ret;
}

/**
 * tegra241_vm_vdevice_destroy() - iommufd_viommu_ops::vdevice_destroy
 * @core: the vDEVICE
 *
 * The device may go elsewhere when this returns, or go altogether, and ATC_INVs that
 * name it already must not be left waiting for it.
 *
 * Context: vdevs_rwsem is held for writing; may spin as long as a CMD_SYNC takes.
 */
void tegra241_vm_vdevice_destroy(struct iommufd_vdevice *core)
{
	struct tegra241_vsmmu_device *vdev =
		container_of(to_vsmmu_device(core),
			     struct tegra241_vsmmu_device, vdev);
	struct tegra241_vm_vintf *vintf = to_tegra241_vsmmu(core->viommu)->vintf;
	int matches, ret;

	matches = tegra241_vintf_unmatch_sid(&vintf->hw, vdev->slot);
	if (matches)
		tegra241_quarantine_fence(vintf);
	ret = tegra241_vm_vdevice_flush(vintf) ?: matches;
	/* 0 has to be the unit's own */
	if (!ret && !tegra241_cmdqv_alive(vintf->hw.cmdqv))
		ret = -EIO;
	if (ret) {
		/* It stays as it is, matching nothing or fenced, until the VINTF ends */
		tegra241_view_give_up_slot(vintf, vdev->slot);
		trace_cmdqv_sid_give_up(&vintf->hw, vdev->slot, core->virt_id,
					vdev->vdev.sid, core->dev, ret);
		dev_warn_ratelimited(vintf->hw.cmdqv->dev,
				     "VINTF%u: SID slot %u of %s given up until the VM ends: %s (%d)\n",
				     vintf->hw.idx, vdev->slot,
				     dev_name(core->dev),
				     matches ? "still matches, fencing" :
					       "its ATC invalidations could not be flushed",
				     ret);
		return;
	}
	tegra241_vintf_clear_sid(&vintf->hw, vdev->slot);
	tegra241_view_clear_slot(vintf, vdev->slot);
	trace_cmdqv_sid_clear(&vintf->hw, vdev->slot, core->virt_id,
			      vdev->vdev.sid, core->dev, 0);
	__clear_bit(vdev->slot, &vintf->sids);
}
