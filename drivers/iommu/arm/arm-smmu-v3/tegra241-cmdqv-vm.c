// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: VINTFs of VMs
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
 *   queue is unmapped before it is stopped for good (hardware.md §14.1, §14.2; see
 *   tegra241_vm_vcmdq_halt()).
 * - Memory and numbers are let go of only when the hardware says that it has
 *   stopped; else they go to the quarantine.
 * - Nothing that a guest can cause is logged above debug level without a limit.
 */

#define dev_fmt(fmt) "tegra241_cmdqv: " fmt

#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "tegra241-cmdqv-trace.h"
#include "tegra241-cmdqv-vm.h"

static struct tegra241_vm_vintf *
tegra241_vm_vintf_alloc(struct tegra241_cmdqv *cmdqv, struct arm_vsmmu *vsmmu,
			struct device *dev)
{
	struct tegra241_vm_vintf *vintf;
	int ret;

	vintf = kzalloc(struct_size(vintf, vcmdqs,
				    cmdqv->param.num_lvcmdqs_per_vintf),
			GFP_KERNEL_ACCOUNT);
	if (!vintf)
		return ERR_PTR(-ENOMEM);

	vintf->vsmmu = vsmmu;
	vintf->vmid = arm_smmu_vmid_get(vsmmu->vmid);
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
 * @vintf: disabled and scrubbed, without queues and vDEVICEs, and removed from the
 *	interrupt thread
 *
 * Its number goes last, when nothing of it is left that the next owner could find.
 *
 * Context: sleeps; takes tegra241_vm_owners::lock and tegra241_vm_brake::lock. The
 * SMMU is enabled.
 */
void tegra241_vm_vintf_free(struct tegra241_vm_vintf *vintf)
{
	struct tegra241_cmdqv *cmdqv = vintf->hw.cmdqv;

	tegra241_vm_brake_free(cmdqv, vintf->hw.idx);
	dev_dbg(cmdqv->dev, "VINTF%u: free\n", vintf->hw.idx);
	tegra241_vm_owners_remove(vintf);
	arm_smmu_vmid_put(vintf->vmid);
	kfree(vintf);
}

/**
 * tegra241_vm_vintf_disable() - disable a VINTF of a VM
 * @vintf: the VINTF
 *
 * Context: sleeps.
 * Return: as tegra241_vintf_disable().
 */
int tegra241_vm_vintf_disable(struct tegra241_vm_vintf *vintf)
{
	return tegra241_vintf_disable(&vintf->hw,
				      FIELD_PREP(VINTF_VMID, vintf->vmid->id));
}

static void tegra241_vm_vintf_retire(struct tegra241_vm_vintf *vintf)
{
	int ret = -EIO;

	if (!vintf->fenced) {
		ret = tegra241_vm_vintf_disable(vintf);
		trace_cmdqv_vintf_disable(&vintf->hw, vintf->vmid->id, ret);
	}
	/* vDEVICEs have cleared their slots, if they could */
	if (!ret)
		ret = tegra241_vintf_scrub(&vintf->hw, vintf->sids);
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

	guard(rwsem_read)(&vintf->hw.cmdqv->vm_gate);
	if (!tegra241_cmdqv_vm_usable(vintf->hw.cmdqv))
		return -EIO;

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

/*
 * The structure has only outputs, but a longer one than we know may not ask. Memory that
 * has to be brought in before it can be written is found out now, not when there is a
 * VINTF to give back for it.
 */
static int tegra241_vsmmu_check_data(const struct iommu_user_data *user_data)
{
	struct iommu_viommu_tegra241_cmdqv data = {};
	int ret;

	if (!user_data || user_data->len < sizeof(data))
		return -EINVAL;
	if (user_data->len > PAGE_SIZE)
		return -E2BIG;
	if (user_data->len > sizeof(data)) {
		ret = check_zeroed_user(user_data->uptr + sizeof(data),
					user_data->len - sizeof(data));
		if (ret <= 0)
			return ret ?: -E2BIG;
	}
	return copy_to_user(user_data->uptr, &data, sizeof(data)) ? -EFAULT : 0;
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
 * follow, -EIO if the unit is lost, or what registering the window returns.
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

	if (READ_ONCE(cmdqv->lost))
		return -EIO;
	if (!tegra241_cmdqv_vm_usable(cmdqv))
		return -EOPNOTSUPP;
	ret = tegra241_vsmmu_check_data(user_data);
	if (ret)
		return ret;

	vintf = tegra241_vm_vintf_alloc(cmdqv, vsmmu, dev);
	if (IS_ERR(vintf))
		return PTR_ERR(vintf);

	ret = tegra241_vm_vintf_enable(vintf);
	if (ret) {
		tegra241_vm_owners_suspect(vintf, true);
		goto err_retire;
	}

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
	init_rwsem(&cmdqv->vm_gate);
	tegra241_vm_owners_init(cmdqv);
	tegra241_quarantine_init(&cmdqv->quarantine);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_cmdqv_vm_init);

/**
 * tegra241_cmdqv_vm_stop() - the SMMU is going to be switched off
 * @cmdqv: the unit, with VINTF0 out of use
 *
 * At a shutdown VMs may still be running. Over kexec their memory becomes that of
 * another kernel, which enables the unit again, so turning that off is not enough:
 * no queue of theirs is left mapped or with a BASE, no VINTF enabled, with a VMID or
 * with a StreamID, which no VM can undo, and none masked. There is no flush, since no
 * VM gets these queues from this kernel any more. However many would not stop, the first
 * takes a second and the others 30 ms each.
 *
 * User space is still there. What it was setting up when VINTF0 went out of use is
 * waited for, or this would come first and leave it running; later it is turned away.
 *
 * Context: sleeps; the SMMU is enabled.
 */
void tegra241_cmdqv_vm_stop(struct tegra241_cmdqv *cmdqv)
{
	struct tegra241_vintf vintf;
	struct tegra241_vcmdq vcmdq;
	bool patient = true;
	int ret, unmapped;
	u16 idx;

	down_write(&cmdqv->vm_gate);
	up_write(&cmdqv->vm_gate);
	synchronize_rcu();
	tegra241_quarantine_stop(&cmdqv->quarantine);
	if (READ_ONCE(cmdqv->lost)) {
		dev_err(cmdqv->dev, "the unit is lost, hardware of VMs may be running at shutdown, power-cycle before another kernel runs here\n");
		tegra241_vm_brake_stop(cmdqv);
		return;
	}

	for (idx = cmdqv->param.num_vcmdqs;
	     idx-- > cmdqv->param.num_lvcmdqs_per_vintf;) {
		tegra241_vcmdq_init_direct(&vcmdq, cmdqv, idx);
		ret = tegra241_vm_vcmdq_halt(&vcmdq, patient, &unmapped);
		if (!ret) {
			tegra241_vcmdq_scrub(&vcmdq);
			continue;
		}
		patient = false;
		dev_err_ratelimited(cmdqv->dev,
				    "VINTF%u: VCMDQ%u would not stop (%d) at shutdown, power-cycle before another kernel runs here\n",
				    vcmdq.vintf_idx, idx, ret);
	}
	patient = true;
	for (idx = cmdqv->param.num_vintfs; --idx;) {
		tegra241_vintf_init(&vintf, cmdqv, idx);
		ret = tegra241_vintf_disable_any(&vintf, patient);
		if (!ret) {
			if (!tegra241_vintf_scrub(&vintf, TEGRA241_ALL_SIDS))
				continue;
			ret = -EIO;
		} else {
			patient = false;
		}
		dev_err_ratelimited(cmdqv->dev,
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
	tegra241_vm_errors_exit(cmdqv);
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_cmdqv_vm_exit);
