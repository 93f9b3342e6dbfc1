// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: VINTFs of VMs
 *
 *
 * A vIOMMU of type TEGRA241_CMDQV owns a VINTF. User space maps page 0 of it, all
 * that the guest needs to run its queues, from the moment that the vIOMMU exists;
 * so the guest, or the VMM, may write to any of these registers between any two
 * accesses of this file. (That it harms nobody else by doing so is assumption A8.)
 * What holds nevertheless:
 *
 * - The VINTF carries its VMID, and HYP_OWN=0, from before its first queue is
 *   mapped until it is disabled. HYP_OWN and VMID are not in page 0.
 * - Page 0 reaches a queue only while it is mapped, which is only while a HW queue
 *   object exists. Everything that must not be undone happens while it is not,
 *   through the direct aperture: BASE is there before the queue is mapped, and the
 *   queue is unmapped before it is stopped for good (hardware.md §14.1, §14.2; that
 *   an enabled queue can be unmapped is assumption A10, hence the verification).
 * - Memory and numbers are let go of only when the hardware says that it has
 *   stopped; else they go to the quarantine.
 * - Nothing that a guest can cause is logged above debug level without a limit.
 */

#define dev_fmt(fmt) "tegra241_cmdqv: " fmt

#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "tegra241-cmdqv-trace.h"
#include "tegra241-cmdqv-vm.h"

/* Up to a second each, for a CMD_SYNC that ATC_INVs hold up */
#define FLUSH_TRIES	3

static struct tegra241_vsmmu *to_tegra241_vsmmu(struct iommufd_viommu *viommu)
{
	return container_of(to_vsmmu(viommu), struct tegra241_vsmmu, vsmmu);
}

/*
 * HW queues
 */

/*
 * Unmap, which @unmapped says the result of, and disable: 0, or -ETIMEDOUT or -EIO if
 * the queue may still be running
 */
static int tegra241_vm_vcmdq_halt(struct tegra241_vcmdq *vcmdq, int *unmapped)
{
	tegra241_vcmdq_ask_to_stop(vcmdq);
	*unmapped = tegra241_vcmdq_unmap(vcmdq);
	tegra241_vcmdq_await_enabling(vcmdq);
	return tegra241_vcmdq_write_config(vcmdq, 0) ?: *unmapped;
}

/*
 * A CMD_SYNC waits behind the ATC_INVs of all VMs, so one VM can keep another one's
 * from completing. What that must not cost the latter is more than this queue.
 */
static void tegra241_vm_vcmdq_flush(struct tegra241_vcmdq *vcmdq)
{
	struct tegra241_cmdqv *cmdqv = vcmdq->cmdqv;
	int tries, ret;

	for (tries = 0; tries < FLUSH_TRIES; tries++) {
		ret = tegra241_cmdqv_flush(cmdqv);
		if (!ret) {
			clear_bit(vcmdq->idx, cmdqv->unflushed);
			return;
		}
		cond_resched();
	}
	set_bit(vcmdq->idx, cmdqv->unflushed);
	trace_cmdqv_vcmdq_unflushed(vcmdq, ret);
	dev_warn_ratelimited(cmdqv->dev,
			     "VINTF%u: VCMDQ%u: late ATC timeouts could not be flushed (%d), look for a device that hangs\n",
			     vcmdq->vintf_idx, vcmdq->idx, ret);
}

/**
 * tegra241_vm_vcmdq_stop() - stop a queue of a VM for good
 * @vcmdq: the queue, through the direct aperture, mapped or not; those above it
 *	in its VINTF are unmapped
 *
 * What counts comes after unmapping: from then on the VM can't start again what is
 * being stopped. The queue is asked to stop before that only because nobody knows
 * what hardware thinks of unmapping an enabled queue; a VM that leaves its queues
 * alone does not make us find out. An ATC_INV may be timing out still, which the
 * flush waits for before errors are acknowledged. If that can't be had now, the
 * queue's memory may go nevertheless, and the flush is owed: see
 * tegra241_cmdqv::unflushed.
 *
 * Context: sleeps.
 * Return: 0 if the queue is disabled, unmapped, and knows no memory any more; else
 * -ETIMEDOUT or -EIO, and the hardware may be reading the queue.
 */
int tegra241_vm_vcmdq_stop(struct tegra241_vcmdq *vcmdq)
{
	int ret, unmapped;

	ret = tegra241_vm_vcmdq_halt(vcmdq, &unmapped);
	trace_cmdqv_vcmdq_unmap(vcmdq, unmapped);
	if (!ret) {
		tegra241_vm_vcmdq_flush(vcmdq);
		tegra241_vcmdq_scrub(vcmdq);
		ret = tegra241_vcmdq_verify_stopped(vcmdq);
	}
	trace_cmdqv_vcmdq_stop(vcmdq, ret);
	return ret;
}

/*
 * Have an unmapped queue ready for a VM to enable the moment it is mapped. The unit
 * reads it at this address, whatever its size, and coherently (assumption A4).
 */
static int tegra241_vm_vcmdq_prepare(struct tegra241_vcmdq *vcmdq, u64 base)
{
	struct tegra241_cmdqv *cmdqv = vcmdq->cmdqv;
	int ret;

	/*
	 * What the last owner left has gone in tegra241_vm_vcmdq_stop(), but
	 * possibly for a late error, which scrubbing acknowledges once it is there.
	 */
	if (test_bit(vcmdq->idx, cmdqv->unflushed)) {
		if (tegra241_cmdqv_flush(cmdqv))
			return -EIO;
		clear_bit(vcmdq->idx, cmdqv->unflushed);
	}
	ret = tegra241_vcmdq_unmap(vcmdq) ?:
	      tegra241_vcmdq_write_config(vcmdq, 0);
	if (ret)
		return ret;
	tegra241_vcmdq_scrub(vcmdq);
	ret = tegra241_vcmdq_verify_empty(vcmdq);
	if (ret)
		return ret;

	tegra241_writeq(base, vcmdq->page1 + TEGRA241_VCMDQ_BASE);
	if (tegra241_readq(vcmdq->page1 + TEGRA241_VCMDQ_BASE) == base)
		return 0;
	tegra241_vcmdq_scrub(vcmdq);
	return -EIO;
}

static void tegra241_vm_vcmdq_retire(struct tegra241_vm_vintf *vintf,
				     struct tegra241_vm_vcmdq *vcmdq)
{
	int ret = tegra241_vm_vcmdq_stop(&vcmdq->hw);

	if (ret) {
		tegra241_quarantine_queue(vintf, vcmdq, ret);
		return;
	}
	tegra241_view_remove_vcmdq(vcmdq);
	trace_cmdqv_vcmdq_retire(&vcmdq->hw, 0);
	kfree(vcmdq);
}

static size_t
tegra241_vm_get_hw_queue_size(struct iommufd_viommu *viommu,
			      enum iommu_hw_queue_type type)
{
	return type == IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV ?
		       sizeof(struct tegra241_hw_queue) : 0;
}

static int tegra241_vm_hw_queue_check(struct iommufd_viommu *viommu,
				      enum iommu_hw_queue_type type, u64 length)
{
	struct tegra241_cmdqv *cmdqv = to_cmdqv(to_vsmmu(viommu)->smmu);

	return tegra241_vcmdq_length_valid(length, cmdqv->max_log2_entries) ?
		       0 : -EINVAL;
}

static int tegra241_vm_hw_queue_check_index(struct iommufd_viommu *viommu,
					    enum iommu_hw_queue_type type,
					    u32 index)
{
	struct tegra241_cmdqv *cmdqv = to_cmdqv(to_vsmmu(viommu)->smmu);

	return index < cmdqv->param.num_lvcmdqs_per_vintf ? 0 : -EINVAL;
}

static void tegra241_vm_hw_queue_not_contig(struct iommufd_hw_queue *core,
					    size_t contig, size_t page_size)
{
	struct tegra241_vm_vintf *vintf = to_tegra241_vsmmu(core->viommu)->vintf;

	trace_cmdqv_vcmdq_refused(&vintf->hw, core->index, core->base_addr,
				  core->length, -EFAULT);
	tegra241_vm_memory_not_contig(vintf, core, contig, page_size);
}

static int tegra241_vm_hw_queue_start(struct tegra241_vm_vintf *vintf,
				      struct tegra241_hw_queue *hwq)
{
	struct iommufd_hw_queue *core = &hwq->core;
	struct tegra241_cmdqv *cmdqv = vintf->hw.cmdqv;
	u64 base;
	int ret;

	ret = tegra241_vcmdq_base(core->base_pa, core->length, &base);
	if (ret) {
		tegra241_vm_memory_not_aligned(vintf, core);
		return ret;
	}
	if (vintf->fenced || !tegra241_cmdqv_vm_usable(cmdqv))
		return -EIO;

	struct tegra241_vm_vcmdq *vcmdq __free(kfree) =
		kzalloc(sizeof(*vcmdq), GFP_KERNEL_ACCOUNT);
	if (!vcmdq)
		return -ENOMEM;
	tegra241_vcmdq_init_direct(&vcmdq->hw, cmdqv,
				   vintf->hw.idx *
				   cmdqv->param.num_lvcmdqs_per_vintf +
				   core->index);
	vcmdq->base_pa = core->base_pa;
	vcmdq->length = core->length;

	ret = tegra241_vm_vcmdq_prepare(&vcmdq->hw, base);
	trace_cmdqv_vcmdq_prepare(&vcmdq->hw, base, ret);
	if (ret)
		return ret;

	tegra241_vm_errors_new_queue(vintf, core->index);
	tegra241_view_add_vcmdq(vcmdq);
	ret = tegra241_vcmdq_map(&vcmdq->hw);
	trace_cmdqv_vcmdq_map(&vcmdq->hw, ret);
	if (ret) {
		tegra241_vm_vcmdq_retire(vintf, no_free_ptr(vcmdq));
		return ret;
	}

	dev_dbg(cmdqv->dev, "VINTF%u: VCMDQ%u/LVCMDQ%u: base 0x%016llx\n",
		vintf->hw.idx, vcmdq->hw.idx, vcmdq->hw.lidx, base);
	hwq->vcmdq = no_free_ptr(vcmdq);
	WRITE_ONCE(vintf->queues, vintf->queues + 1);
	return 0;
}

static int tegra241_vm_hw_queue_init(struct iommufd_hw_queue *core)
{
	struct tegra241_hw_queue *hwq =
		container_of(core, struct tegra241_hw_queue, core);
	struct tegra241_vm_vintf *vintf = to_tegra241_vsmmu(core->viommu)->vintf;
	int ret = tegra241_vm_hw_queue_start(vintf, hwq);

	if (ret)
		trace_cmdqv_vcmdq_refused(&vintf->hw, core->index,
					  core->base_addr, core->length, ret);
	return ret;
}

static void tegra241_vm_hw_queue_destroy(struct iommufd_hw_queue *core)
{
	struct tegra241_hw_queue *hwq =
		container_of(core, struct tegra241_hw_queue, core);

	struct tegra241_vm_vintf *vintf = to_tegra241_vsmmu(core->viommu)->vintf;

	tegra241_vm_vcmdq_retire(vintf, hwq->vcmdq);
	WRITE_ONCE(vintf->queues, vintf->queues - 1);
}

/*
 * vDEVICEs
 */

static int tegra241_vm_vdevice_set(struct tegra241_vm_vintf *vintf,
				   struct tegra241_vsmmu_device *vdev)
{
	struct iommufd_vdevice *core = &vdev->vdev.core;
	int ret;

	if (!tegra241_sid_valid(core->virt_id))
		return -EINVAL;
	ret = arm_vsmmu_vdevice_init(core);
	if (ret)
		return ret;
	if (!tegra241_sid_valid(vdev->vdev.sid))
		return -EINVAL;

	ret = ida_alloc_max(&vintf->sids,
			    vintf->hw.cmdqv->param.num_sids_per_vintf - 1,
			    GFP_KERNEL_ACCOUNT);
	if (ret < 0)
		return ret;
	vdev->slot = ret;
	tegra241_vintf_set_sid(&vintf->hw, vdev->slot, core->virt_id,
			       vdev->vdev.sid);
	tegra241_view_set_slot(vintf, vdev->slot, &vdev->vdev);
	trace_cmdqv_sid_set(&vintf->hw, vdev->slot, core->virt_id,
			    vdev->vdev.sid, core->dev, 0);
	return 0;
}

static int tegra241_vm_vdevice_init(struct iommufd_vdevice *core)
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

static void tegra241_vm_vdevice_destroy(struct iommufd_vdevice *core)
{
	struct tegra241_vsmmu_device *vdev =
		container_of(to_vsmmu_device(core),
			     struct tegra241_vsmmu_device, vdev);
	struct tegra241_vm_vintf *vintf = to_tegra241_vsmmu(core->viommu)->vintf;
	int ret;

	/*
	 * The device may go elsewhere when this returns, or go altogether, and
	 * ATC_INVs that name it already must not be left waiting for it.
	 */
	tegra241_vintf_unmatch_sid(&vintf->hw, vdev->slot);
	ret = tegra241_cmdqv_flush(vintf->hw.cmdqv);
	if (ret) {
		/* The slot matches nothing, and stays so until the VINTF ends */
		tegra241_view_give_up_slot(vintf, vdev->slot);
		trace_cmdqv_sid_give_up(&vintf->hw, vdev->slot, core->virt_id,
					vdev->vdev.sid, core->dev, ret);
		dev_warn_ratelimited(vintf->hw.cmdqv->dev,
				     "VINTF%u: SID slot %u of %s given up until the VM ends: its ATC invalidations could not be flushed (%d)\n",
				     vintf->hw.idx, vdev->slot,
				     dev_name(core->dev), ret);
		return;
	}
	tegra241_vintf_clear_sid(&vintf->hw, vdev->slot);
	tegra241_view_clear_slot(vintf, vdev->slot);
	trace_cmdqv_sid_clear(&vintf->hw, vdev->slot, core->virt_id,
			      vdev->vdev.sid, core->dev, 0);
	ida_free(&vintf->sids, vdev->slot);
}

/*
 * VINTFs
 */

static struct tegra241_vm_vintf *
tegra241_vm_vintf_alloc(struct tegra241_cmdqv *cmdqv, struct arm_vsmmu *vsmmu,
			struct device *dev)
{
	struct tegra241_vm_vintf *vintf;
	int ret;

	vintf = kzalloc(struct_size(vintf, errors,
				    cmdqv->param.num_lvcmdqs_per_vintf),
			GFP_KERNEL_ACCOUNT);
	if (!vintf)
		return ERR_PTR(-ENOMEM);

	vintf->vsmmu = vsmmu;
	vintf->vmid = arm_smmu_vmid_get(vsmmu->vmid);
	ida_init(&vintf->sids);
	tegra241_vm_memory_init(vintf);
	INIT_LIST_HEAD(&vintf->stuck);
	INIT_LIST_HEAD(&vintf->node);

	ret = tegra241_vm_owners_add(cmdqv, vintf, dev);
	if (ret == -ENOSPC || ret == -EDQUOT) {
		/* The next look at what has not stopped may be minutes away */
		tegra241_quarantine_look(&cmdqv->quarantine);
		ret = tegra241_vm_owners_add(cmdqv, vintf, dev);
	}
	if (ret) {
		trace_cmdqv_vintf_refused(cmdqv, dev, current_uid(), ret);
		arm_smmu_vmid_put(vintf->vmid);
		kfree(vintf);
		return ERR_PTR(ret);
	}
	trace_cmdqv_vintf_alloc(&vintf->hw, vintf->vmid->id, dev, vintf->user);
	return vintf;
}

/**
 * tegra241_vm_vintf_free() - give a VINTF back
 * @vintf: disabled, without queues and vDEVICEs, and removed from the interrupt
 *	thread
 *
 * Its number goes last, when nothing of it is left that the next owner could find.
 *
 * Context: sleeps; takes tegra241_vm_owners::lock and tegra241_vm_errors::lock. The
 * SMMU is enabled.
 */
void tegra241_vm_vintf_free(struct tegra241_vm_vintf *vintf)
{
	struct tegra241_cmdqv *cmdqv = vintf->hw.cmdqv;

	tegra241_vm_owners_remove(vintf);
	tegra241_vintf_scrub(&vintf->hw);
	trace_cmdqv_vintf_free(&vintf->hw, vintf->vmid->id, 0);
	arm_smmu_vmid_put(vintf->vmid);
	ida_destroy(&vintf->sids);
	tegra241_vm_brake_free(cmdqv, vintf->hw.idx);
	ida_free(&cmdqv->vm_ids, vintf->hw.idx);
	dev_dbg(cmdqv->dev, "VINTF%u: free\n", vintf->hw.idx);
	kfree(vintf);
}

static void tegra241_vm_vintf_retire(struct tegra241_vm_vintf *vintf)
{
	int ret;

	tegra241_vm_owners_end(vintf);
	if (vintf->fenced) {
		ret = -EIO;
	} else {
		ret = tegra241_vintf_disable(&vintf->hw);
		trace_cmdqv_vintf_disable(&vintf->hw, vintf->vmid->id, ret);
	}
	if (!ret)
		tegra241_vm_vintf_free(vintf);
	else
		tegra241_quarantine_vintf(vintf, ret);
}

/*
 * No queue is mapped yet, so that none ever is without VMID or with HYP_OWN. What the
 * hardware then does with commands is assumptions A15, A16 and A17; that CONFIG reads
 * back, assumption A7.
 */
static int tegra241_vm_vintf_enable(struct tegra241_vm_vintf *vintf)
{
	u32 config = FIELD_PREP(VINTF_VMID, vintf->vmid->id);
	u32 mask = VINTF_HYP_OWN | VINTF_VMID | VINTF_EN;
	int ret;

	ret = tegra241_vintf_enable(&vintf->hw, config);
	if (!ret &&
	    (tegra241_readl(vintf->hw.base + TEGRA241_VINTF_CONFIG) & mask) !=
	    (config | VINTF_EN))
		ret = -EIO;
	trace_cmdqv_vintf_enable(&vintf->hw, vintf->vmid->id, ret);
	return ret;
}

static void tegra241_vsmmu_destroy(struct iommufd_viommu *viommu)
{
	struct tegra241_vm_vintf *vintf = to_tegra241_vsmmu(viommu)->vintf;

	tegra241_vm_errors_remove(vintf);

	viommu->services->destroy_mmap(viommu, vintf->mmap_offset);
	tegra241_vm_vintf_retire(vintf);
	arm_vsmmu_release(to_vsmmu(viommu));
}

static bool tegra241_vsmmu_supports_veventq(struct iommufd_viommu *viommu,
					    u32 type)
{
	return type == IOMMU_VEVENTQ_TYPE_ARM_SMMUV3 ||
	       type == IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV;
}

static void tegra241_vsmmu_veventq_added(struct iommufd_viommu *viommu,
					 u32 type)
{
	if (type == IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV)
		tegra241_vm_errors_tell_again(to_tegra241_vsmmu(viommu)->vintf);
}

static const struct iommufd_viommu_ops tegra241_vsmmu_ops = {
	.destroy = tegra241_vsmmu_destroy,
	.alloc_domain_nested = arm_vsmmu_alloc_domain_nested,
	.cache_invalidate = arm_vsmmu_cache_invalidate,
	.vdevice_size = sizeof(struct tegra241_vsmmu_device),
	.vdevice_init = tegra241_vm_vdevice_init,
	.vdevice_destroy = tegra241_vm_vdevice_destroy,
	.get_hw_queue_size = tegra241_vm_get_hw_queue_size,
	.s2_contig = arm_vsmmu_s2_contig,
	.hw_queue_check = tegra241_vm_hw_queue_check,
	.hw_queue_check_index = tegra241_vm_hw_queue_check_index,
	.hw_queue_not_contig = tegra241_vm_hw_queue_not_contig,
	.hw_queue_init = tegra241_vm_hw_queue_init,
	.hw_queue_destroy = tegra241_vm_hw_queue_destroy,
	.supports_veventq = tegra241_vsmmu_supports_veventq,
	.veventq_added = tegra241_vsmmu_veventq_added,
};

/* The structure has only outputs, but a longer one than we know may not ask */
static int tegra241_vsmmu_check_data(const struct iommu_user_data *user_data)
{
	struct iommu_viommu_tegra241_cmdqv data;

	if (!user_data || user_data->len < sizeof(data))
		return -EINVAL;
	if (user_data->len > PAGE_SIZE)
		return -E2BIG;
	return copy_struct_from_user(&data, sizeof(data), user_data->uptr,
				     user_data->len);
}

/**
 * tegra241_vsmmu_init() - give a vSMMU of type TEGRA241_CMDQV its VINTF
 * @vsmmu: within a struct tegra241_vsmmu; all but core.ops is set
 * @dev: the device that the vIOMMU is made through, which it counts against
 * @user_data: struct iommu_viommu_tegra241_cmdqv of user space. Mandatory: that
 *	is where the window's offset goes.
 *
 * Context: sleeps.
 * Return: 0; -EOPNOTSUPP if no VM can have a VINTF here, -EINVAL, -E2BIG or
 * -EFAULT for @user_data, -EDQUOT if the user has as many VINTFs through @dev as one
 * can have, -ENOSPC if all are taken, -ENOMEM, -ETIMEDOUT or -EIO if the hardware does not
 * follow, or what registering the window returns.
 * After an error nothing is left, but possibly a VINTF in the quarantine.
 */
int tegra241_vsmmu_init(struct arm_vsmmu *vsmmu, struct device *dev,
			const struct iommu_user_data *user_data)
{
	struct tegra241_cmdqv *cmdqv = to_cmdqv(vsmmu->smmu);
	struct iommufd_viommu *viommu = &vsmmu->core;
	struct iommu_viommu_tegra241_cmdqv data = {};
	struct tegra241_vm_vintf *vintf;
	phys_addr_t window;
	int ret;

	if (!tegra241_cmdqv_vm_usable(cmdqv))
		return -EOPNOTSUPP;
	ret = tegra241_vsmmu_check_data(user_data);
	if (ret)
		return ret;

	vintf = tegra241_vm_vintf_alloc(cmdqv, vsmmu, dev);
	if (IS_ERR(vintf))
		return PTR_ERR(vintf);

	ret = tegra241_vm_vintf_enable(vintf);
	if (ret)
		goto err_retire;

	window = cmdqv->base_phys + tegra241_vintf_window(vintf->hw.idx);
	ret = viommu->services->alloc_mmap(viommu, window,
					   TEGRA241_VINTF_PAGE_SIZE,
					   &vintf->mmap_offset);
	trace_cmdqv_vintf_window(&vintf->hw, vintf->mmap_offset,
				 TEGRA241_VINTF_PAGE_SIZE, ret);
	if (ret)
		goto err_retire;

	data.out_vintf_mmap_offset = vintf->mmap_offset;
	data.out_vintf_mmap_length = TEGRA241_VINTF_PAGE_SIZE;
	if (copy_to_user(user_data->uptr, &data, sizeof(data))) {
		ret = -EFAULT;
		goto err_mmap;
	}

	to_tegra241_vsmmu(viommu)->vintf = vintf;
	viommu->ops = &tegra241_vsmmu_ops;
	dev_dbg(cmdqv->dev, "VINTF%u: VMID 0x%x\n", vintf->hw.idx,
		vintf->vmid->id);

	tegra241_vm_errors_add(vintf);
	return 0;

err_mmap:
	viommu->services->destroy_mmap(viommu, vintf->mmap_offset);
err_retire:
	tegra241_vm_vintf_retire(vintf);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_vsmmu_init);

/**
 * tegra241_cmdqv_get_viommu_size() - what the core allocates for a vIOMMU
 * @type: the type that user space asks for
 *
 * Return: bytes; 0 if @type is not this driver's.
 */
size_t tegra241_cmdqv_get_viommu_size(enum iommu_viommu_type type)
{
	static_assert(offsetof(struct tegra241_vsmmu, vsmmu.core) == 0);
	static_assert(offsetof(struct tegra241_hw_queue, core) == 0);
	static_assert(offsetof(struct tegra241_vsmmu_device, vdev.core) == 0);

	return type == IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV ?
		       sizeof(struct tegra241_vsmmu) : 0;
}

/**
 * tegra241_cmdqv_hw_info() - what the unit offers to one VM
 * @smmu: the SMMU, part of a struct tegra241_cmdqv
 * @length: set to the bytes of the result
 * @type: the type that user space asks for; stays
 *
 * Context: sleeps.
 * Return: a struct iommu_hw_info_tegra241_cmdqv that the caller kfrees,
 * -EOPNOTSUPP if @type is another or no VM can have a VINTF, or -ENOMEM.
 */
void *tegra241_cmdqv_hw_info(struct arm_smmu_device *smmu, u32 *length,
			     u32 *type)
{
	struct tegra241_cmdqv *cmdqv = to_cmdqv(smmu);
	struct iommu_hw_info_tegra241_cmdqv *info;

	if (*type != IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV ||
	    !tegra241_cmdqv_vm_usable(cmdqv))
		return ERR_PTR(-EOPNOTSUPP);

	info = kzalloc(sizeof(*info), GFP_KERNEL);
	if (!info)
		return ERR_PTR(-ENOMEM);

	info->version = cmdqv->param.version;
	info->log2vcmdqs = ilog2(cmdqv->param.num_lvcmdqs_per_vintf);
	info->log2vsids = ilog2(cmdqv->param.num_sids_per_vintf);
	*length = sizeof(*info);
	return info;
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_cmdqv_hw_info);

/**
 * tegra241_cmdqv_vm_init() - set up the VM side's own data
 * @cmdqv: the unit, with valid @cmdqv->param
 *
 * Context: sleeps.
 * Return: 0 or -ENOMEM.
 */
int tegra241_cmdqv_vm_init(struct tegra241_cmdqv *cmdqv)
{
	int ret = tegra241_vm_errors_init(cmdqv);

	if (ret)
		return ret;
	tegra241_vm_owners_init(cmdqv);
	ida_init(&cmdqv->vm_ids);
	tegra241_quarantine_init(&cmdqv->quarantine);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_cmdqv_vm_init);

/**
 * tegra241_cmdqv_vm_reserve() - keep a VINTF from VMs
 * @cmdqv: the unit
 * @idx: a VINTF that no VM has, 1 to num_vintfs - 1
 *
 * For good: nobody looks at it again, and it does not interrupt. May be repeated.
 *
 * Context: sleeps; takes tegra241_vm_errors::lock.
 * Return: 0 or -ENOMEM.
 */
int tegra241_cmdqv_vm_reserve(struct tegra241_cmdqv *cmdqv, u16 idx)
{
	int ret = ida_alloc_range(&cmdqv->vm_ids, idx, idx, GFP_KERNEL);

	if (ret == -ENOMEM)
		return ret;
	spin_lock(&cmdqv->vm_errors.lock);
	cmdqv->vm_owners.aside |= BIT_ULL(idx);
	tegra241_vm_brake_hold(cmdqv, idx);
	spin_unlock(&cmdqv->vm_errors.lock);
	return 0;
}

/**
 * tegra241_cmdqv_vm_stop() - the SMMU is going to be switched off
 * @cmdqv: the unit, with VINTF0 out of use
 *
 * At a shutdown VMs may still be running. Over kexec their memory becomes that of
 * another kernel, which enables the unit again, so turning that off is not enough:
 * no queue of theirs is left mapped or with a BASE, no VINTF enabled, which no VM
 * can undo, and none masked. There is no flush, since no VM gets these queues from
 * this kernel any more.
 *
 * Context: sleeps; the SMMU is enabled.
 */
void tegra241_cmdqv_vm_stop(struct tegra241_cmdqv *cmdqv)
{
	struct tegra241_vintf vintf;
	struct tegra241_vcmdq vcmdq;
	int ret, unmapped;
	u16 idx;

	tegra241_quarantine_stop(&cmdqv->quarantine);

	for (idx = cmdqv->param.num_vcmdqs;
	     idx-- > cmdqv->param.num_lvcmdqs_per_vintf;) {
		tegra241_vcmdq_init_direct(&vcmdq, cmdqv, idx);
		ret = tegra241_vm_vcmdq_halt(&vcmdq, &unmapped);
		if (ret)
			dev_err(cmdqv->dev,
				"VINTF%u: VCMDQ%u would not stop (%d) at shutdown, power-cycle before another kernel runs here\n",
				vcmdq.vintf_idx, idx, ret);
		else
			tegra241_vcmdq_scrub(&vcmdq);
	}
	for (idx = cmdqv->param.num_vintfs; --idx;) {
		tegra241_vintf_init(&vintf, cmdqv, idx);
		ret = tegra241_vintf_disable(&vintf);
		if (ret)
			dev_err(cmdqv->dev,
				"VINTF%u: would not stop (%d) at shutdown, power-cycle before another kernel runs here\n",
				idx, ret);
	}
	tegra241_vm_brake_stop(cmdqv);
}

/**
 * tegra241_cmdqv_vm_exit() - free the VM side's own data
 * @cmdqv: the unit; no vIOMMU is left, the interrupt is free
 *
 * Context: sleeps.
 */
void tegra241_cmdqv_vm_exit(struct tegra241_cmdqv *cmdqv)
{
	ida_destroy(&cmdqv->vm_ids);
	tegra241_vm_errors_exit(cmdqv);
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_cmdqv_vm_exit);
