// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested translation on an SMMUv3 for iommufd: a guest's stage 1 above a stage 2
 * of the kernel's.
 *
 * What a guest says reaches hardware on two ways. This file is the gate on the
 * first: stream table entries, of which two words are the guest's, checked bit by
 * bit and put together with the nest parent's stage 2. The other, commands, is in
 * arm-smmu-v3-iommufd-inv.c. What hardware has to say to a guest, events, is in
 * arm-smmu-v3-iommufd-event.c.
 *
 * Section numbers are those of the SMMUv3 architecture, IHI 0070.
 */
#include <linux/cleanup.h>
#include <linux/io-pgtable.h>
#include <linux/iommufd_viommu.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <kunit/visibility.h>
#include <uapi/linux/iommufd.h>

#include "arm-smmu-v3.h"
#include "arm-smmu-v3-iommufd.h"

/* What a guest can say in the first two words of a stream table entry */
#define VSTE_0_GUEST	(STRTAB_STE_0_V | STRTAB_STE_0_CFG |		\
			 STRTAB_STE_0_S1FMT | STRTAB_STE_0_S1CTXPTR_MASK | \
			 STRTAB_STE_0_S1CDMAX)
/* ... of which these fields go into the STE as they are */
#define VSTE_1_COPIED	(STRTAB_STE_1_S1DSS | STRTAB_STE_1_S1CIR |	\
			 STRTAB_STE_1_S1COR | STRTAB_STE_1_S1CSH)
#define VSTE_1_GUEST	(VSTE_1_COPIED | STRTAB_STE_1_S1STALLD |	\
			 STRTAB_STE_1_EATS)

/* ------------------------------------------------------------------ VMIDs */

/**
 * arm_smmu_vmid_alloc() - a VMID for a nest parent
 * @smmu: the SMMU
 *
 * Context: may sleep.
 * Return: the VMID with one reference, or ERR_PTR(-ENOMEM), or ERR_PTR(-ENOSPC)
 * if all are in use.
 */
struct arm_smmu_vmid *arm_smmu_vmid_alloc(struct arm_smmu_device *smmu)
{
	struct arm_smmu_vmid *vmid __free(kfree) =
		kzalloc(sizeof(*vmid), GFP_KERNEL_ACCOUNT);
	int id;

	if (!vmid)
		return ERR_PTR(-ENOMEM);

	/* 0 is the VMID of streams without stage 2 */
	id = ida_alloc_range(&smmu->vmid_map, 1, (1 << smmu->vmid_bits) - 1,
			     GFP_KERNEL);
	if (id < 0)
		return ERR_PTR(id);

	kref_init(&vmid->kref);
	vmid->smmu = smmu;
	vmid->id = id;
	return_ptr(vmid);
}
EXPORT_SYMBOL_IF_KUNIT(arm_smmu_vmid_alloc);

/**
 * arm_smmu_vmid_get() - take one more reference
 * @vmid: a VMID that the caller knows to be referenced
 *
 * Context: any.
 * Return: @vmid
 */
struct arm_smmu_vmid *arm_smmu_vmid_get(struct arm_smmu_vmid *vmid)
{
	kref_get(&vmid->kref);
	return vmid;
}
EXPORT_SYMBOL_IF_KUNIT(arm_smmu_vmid_get);

static void arm_smmu_vmid_release(struct kref *kref)
{
	struct arm_smmu_vmid *vmid =
		container_of(kref, struct arm_smmu_vmid, kref);
	struct arm_smmu_device *smmu = vmid->smmu;
	u64 cmd[CMDQ_ENT_DWORDS] = {
		FIELD_PREP(CMDQ_0_OP, CMDQ_OP_TLBI_S12_VMALL) |
		FIELD_PREP(CMDQ_TLBI_0_VMID, vmid->id),
	};

	/*
	 * Freeing the domain has flushed the VMID, but whoever kept it for
	 * longer may have used it since. If nobody knows that what is cached has
	 * gone, no other VM can have the VMID any more.
	 */
	if (!arm_smmu_cmdq_issue_cmdlist(smmu, &smmu->cmdq, cmd, 1, true))
		ida_free(&smmu->vmid_map, vmid->id);
	else
		dev_err_ratelimited(smmu->dev,
				    "giving VMID 0x%x up: its TLB entries could not be invalidated\n",
				    vmid->id);
	kfree(vmid);
}

/**
 * arm_smmu_vmid_put() - drop a reference
 * @vmid: the VMID; not the caller's any more
 *
 * With the last reference all TLB entries of the VMID are invalidated, then it
 * can be allocated again; never, if that fails. The SMMU has to be enabled.
 *
 * Context: any; spins until the SMMU has completed the invalidation.
 */
void arm_smmu_vmid_put(struct arm_smmu_vmid *vmid)
{
	kref_put(&vmid->kref, arm_smmu_vmid_release);
}
EXPORT_SYMBOL_IF_KUNIT(arm_smmu_vmid_put);

/* ----------------------------------------------- what the hardware offers */

/**
 * arm_smmu_hw_info() - iommu_ops::hw_info
 * @dev: a device behind the SMMU
 * @length: out: bytes of the result
 * @type: in: what is wanted, IOMMU_HW_INFO_TYPE_DEFAULT for the SMMU itself;
 *        out: what it is
 *
 * Context: may sleep.
 * Return: the information, to be freed with kfree(), or ERR_PTR(-EOPNOTSUPP) for
 * a type that the SMMU does not have, or ERR_PTR(-ENOMEM).
 */
void *arm_smmu_hw_info(struct device *dev, u32 *length, u32 *type)
{
	struct arm_smmu_master *master = dev_iommu_priv_get(dev);
	struct arm_smmu_device *smmu = master->smmu;
	struct iommu_hw_info_arm_smmuv3 *info;
	unsigned int i;

	if (*type != IOMMU_HW_INFO_TYPE_DEFAULT &&
	    *type != IOMMU_HW_INFO_TYPE_ARM_SMMUV3) {
		if (smmu->impl_ops && smmu->impl_ops->hw_info)
			return smmu->impl_ops->hw_info(smmu, length, type);
		return ERR_PTR(-EOPNOTSUPP);
	}

	info = kzalloc(sizeof(*info), GFP_KERNEL);
	if (!info)
		return ERR_PTR(-ENOMEM);

	for (i = 0; i < ARRAY_SIZE(info->idr); i++)
		info->idr[i] = readl_relaxed(smmu->base + ARM_SMMU_IDR0 +
					     i * sizeof(u32));
	info->iidr = readl_relaxed(smmu->base + ARM_SMMU_IIDR);
	info->aidr = readl_relaxed(smmu->base + ARM_SMMU_AIDR);

	*length = sizeof(*info);
	*type = IOMMU_HW_INFO_TYPE_ARM_SMMUV3;
	return info;
}

/*
 * A guest's stage 1 can say that memory is not cacheable. Whether that counts is
 * up to stage 2 (forced write-back) or to the interconnect. That IDR3 and the IORT
 * tell the truth is assumption A2.
 */
static bool arm_smmu_master_stays_coherent(struct arm_smmu_master *master)
{
	return (master->smmu->features & ARM_SMMU_FEAT_S2FWB) ||
	       arm_smmu_master_canwbs(master);
}

/**
 * arm_smmu_get_viommu_size() - iommu_ops::get_viommu_size
 * @dev: a device behind the SMMU
 * @viommu_type: the type that is wanted
 *
 * A vSMMU needs an SMMU that can nest for VMs (that no erratum of Grace's is in the way
 * is assumption A1) and a device whose DMA stays coherent whatever a guest says.
 *
 * Context: any.
 * Return: bytes of the structure around struct arm_vsmmu, 0 if there is none.
 */
size_t arm_smmu_get_viommu_size(struct device *dev,
				enum iommu_viommu_type viommu_type)
{
	struct arm_smmu_master *master = dev_iommu_priv_get(dev);
	struct arm_smmu_device *smmu = master->smmu;

	if (!arm_smmu_can_nest_vms(smmu) ||
	    !arm_smmu_master_stays_coherent(master))
		return 0;

	if (viommu_type == IOMMU_VIOMMU_TYPE_ARM_SMMUV3)
		return sizeof(struct arm_vsmmu);
	if (smmu->impl_ops && smmu->impl_ops->get_viommu_size)
		return smmu->impl_ops->get_viommu_size(viommu_type);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(arm_smmu_get_viommu_size);

/* --------------------------------------------------------- nested domains */

/**
 * arm_smmu_nested_set_vste() - check a guest's stream table entry
 * @nested: the domain that it is for; gets ste and enable_ats
 * @vste: the first two words as the guest wrote them
 *
 * Context: any.
 * Return: 0, or -EIO if there is anything in @vste that a guest can't say.
 */
VISIBLE_IF_KUNIT
int arm_smmu_nested_set_vste(struct arm_smmu_nested_domain *nested,
			     const __le64 vste[2])
{
	u64 ste0 = le64_to_cpu(vste[0]);
	u64 ste1 = le64_to_cpu(vste[1]);
	unsigned int cfg, eats;

	nested->enable_ats = false;
	nested->ste[0] = 0;
	nested->ste[1] = 0;

	/* 5.2: all other fields of an entry that isn't valid are IGNORED */
	if (!(ste0 & STRTAB_STE_0_V))
		return 0;

	if ((ste0 & ~VSTE_0_GUEST) || (ste1 & ~VSTE_1_GUEST))
		return -EIO;

	cfg = FIELD_GET(STRTAB_STE_0_CFG, ste0);
	if (cfg != STRTAB_STE_0_CFG_ABORT && cfg != STRTAB_STE_0_CFG_BYPASS &&
	    cfg != STRTAB_STE_0_CFG_S1_TRANS)
		return -EIO;

	eats = FIELD_GET(STRTAB_STE_1_EATS, ste1);
	if (eats != STRTAB_STE_1_EATS_ABT && eats != STRTAB_STE_1_EATS_TRANS)
		return -EIO;

	nested->enable_ats = cfg == STRTAB_STE_0_CFG_S1_TRANS &&
			     eats == STRTAB_STE_1_EATS_TRANS;
	nested->ste[0] = vste[0];
	nested->ste[1] = vste[1];
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(arm_smmu_nested_set_vste);

/* Both words of an invalid entry are 0, which is how it behaves */
static unsigned int arm_smmu_nested_cfg(struct arm_smmu_nested_domain *nested)
{
	return FIELD_GET(STRTAB_STE_0_CFG, le64_to_cpu(nested->ste[0]));
}

/*
 * Whether a transaction of the master may stall on a fault of stage 1: only if
 * there is somebody to tell (the HWPT's fault queue), and a way to tell it (the
 * driver's queue of page requests, which 6.12 gives a device with SVA only).
 */
static bool arm_smmu_nested_may_stall(struct arm_smmu_nested_domain *nested,
				      struct arm_smmu_master *master)
{
	return master->stall_enabled && nested->domain.iopf_handler &&
	       rcu_access_pointer(master->dev->iommu->fault_param);
}

/**
 * arm_smmu_nested_attachable() - whether an STE for the master can be made
 * @nested: the domain
 * @master: the master, behind the same SMMU
 *
 * Context: any.
 * Return: false if @master could break coherency, or if its SMMU can't but stall
 * (IDR0.STALL_MODEL 0b10), and nobody would handle the guest's stalls.
 */
VISIBLE_IF_KUNIT
bool arm_smmu_nested_attachable(struct arm_smmu_nested_domain *nested,
				struct arm_smmu_master *master)
{
	if (!arm_smmu_master_stays_coherent(master))
		return false;
	return arm_smmu_nested_cfg(nested) != STRTAB_STE_0_CFG_S1_TRANS ||
	       !(master->smmu->features & ARM_SMMU_FEAT_STALL_FORCE) ||
	       arm_smmu_nested_may_stall(nested, master);
}
EXPORT_SYMBOL_IF_KUNIT(arm_smmu_nested_attachable);

/**
 * arm_smmu_make_nested_ste() - the STE for a guest's entry
 * @target: the result, all words of it
 * @master: the master
 * @nested: the domain; it is attachable to @master
 * @ats_enabled: ATS is on, or being switched on or off in the attach sequence
 *
 * Abort and bypass become abort and the nest parent's stage 2. Stage 1 becomes
 * Config 7 (5.2): the nest parent's STE with the guest's two words added, so
 * that VMID, table and attributes of stage 2 can't be anything else than the
 * nest parent's.
 *
 * A guest is not believed about stalls. S1STALLD clear lets its context
 * descriptors stall transactions, and a stalled one stays until it is resumed.
 * Without a fault queue nobody would do that in the guest's name, and for a
 * device that isn't known to stall nobody can; then S1STALLD is set. It is left
 * clear where the field is reserved (no stalls) or a set one illegal (nothing
 * but stalls). A fault of stage 2 is not the guest's to handle and never stalls
 * if there is the choice.
 *
 * Context: any.
 */
VISIBLE_IF_KUNIT
void arm_smmu_make_nested_ste(struct arm_smmu_ste *target,
			      struct arm_smmu_master *master,
			      struct arm_smmu_nested_domain *nested,
			      bool ats_enabled)
{
	u32 features = master->smmu->features;
	u64 ste0 = le64_to_cpu(nested->ste[0]);
	u64 ste1 = le64_to_cpu(nested->ste[1]);
	u64 target1;

	switch (arm_smmu_nested_cfg(nested)) {
	case STRTAB_STE_0_CFG_S1_TRANS:
		break;
	case STRTAB_STE_0_CFG_BYPASS:
		arm_smmu_make_s2_domain_ste(target, master,
					    nested->vsmmu->s2_parent,
					    ats_enabled);
		return;
	default:
		arm_smmu_make_abort_ste(target);
		return;
	}

	arm_smmu_make_s2_domain_ste(target, master, nested->vsmmu->s2_parent,
				    ats_enabled);

	ste0 &= VSTE_0_GUEST & ~STRTAB_STE_0_CFG;
	ste0 |= FIELD_PREP(STRTAB_STE_0_CFG, STRTAB_STE_0_CFG_NESTED);
	target->data[0] = cpu_to_le64(ste0);

	target1 = (ste1 & VSTE_1_COPIED) | STRTAB_STE_1_MEV;
	if ((features & ARM_SMMU_FEAT_STALLS) &&
	    !(features & ARM_SMMU_FEAT_STALL_FORCE)) {
		if (arm_smmu_nested_may_stall(nested, master))
			target1 |= ste1 & STRTAB_STE_1_S1STALLD;
		else
			target1 |= STRTAB_STE_1_S1STALLD;
		target->data[2] &= ~cpu_to_le64(STRTAB_STE_2_S2S);
	}
	target->data[1] |= cpu_to_le64(target1);
}
EXPORT_SYMBOL_IF_KUNIT(arm_smmu_make_nested_ste);

/* Whether @dev has a vDEVICE, and if so which StreamID */
static bool arm_vsmmu_find_vsid(struct arm_vsmmu *vsmmu, struct device *dev,
				u32 *vsid)
{
	struct iommufd_vdevice *vdev;

	guard(rwsem_read)(&vsmmu->core.vdevs_rwsem);
	vdev = iommufd_viommu_find_device(&vsmmu->core, dev);
	if (!vdev)
		return false;
	*vsid = vdev->virt_id;
	return true;
}

/* Called with the group's mutex held */
static int arm_smmu_attach_dev_nested(struct iommu_domain *domain,
				      struct device *dev)
{
	struct arm_smmu_nested_domain *nested = to_smmu_nested_domain(domain);
	struct arm_smmu_master *master = dev_iommu_priv_get(dev);
	struct arm_vsmmu *vsmmu = nested->vsmmu;
	struct arm_smmu_attach_state state = {
		.master = master,
		.old_domain = iommu_get_domain_for_dev(dev),
		.ssid = IOMMU_NO_PASID,
	};
	unsigned int cfg = arm_smmu_nested_cfg(nested);
	struct arm_smmu_ste ste;
	bool named;
	u32 vsid;
	int ret;

	if (master->smmu != vsmmu->smmu)
		return -EINVAL;
	/* The context descriptors are the guest's now */
	if (arm_smmu_ssids_in_use(&master->cd_table))
		return -EBUSY;
	if (!arm_smmu_nested_attachable(nested, master))
		return -EINVAL;
	/*
	 * A guest that translates has to be able to name the device, for its
	 * invalidations; abort and bypass are also what a guest's SMMU starts
	 * with. The core attaches the group's present domain again when it goes
	 * back from a failed change. That must not fail, also if the vDEVICE has
	 * gone since.
	 */
	named = arm_vsmmu_find_vsid(vsmmu, dev, &vsid);
	if (cfg == STRTAB_STE_0_CFG_S1_TRANS && domain != state.old_domain &&
	    !named)
		return -ENOENT;

	/*
	 * uapi: the StreamID of events is that of the vDEVICE now, whatever
	 * becomes of it, until another domain is attached. Without a vDEVICE the
	 * guest can't tell what an event would be about, so it is the host's.
	 */
	if (domain == master->sid_domain) {
		state.event_owner = master->event_owner;
	} else if (named) {
		state.event_owner.vsmmu = vsmmu;
		state.event_owner.vsid = vsid;
	}

	/*
	 * Who does not know that ATS is on does not invalidate the ATC. With
	 * bypass there is no stage 1 whose changes would matter; with abort ATS
	 * is not possible.
	 */
	if (cfg != STRTAB_STE_0_CFG_BYPASS)
		state.disable_ats = !nested->enable_ats;

	guard(mutex)(&arm_smmu_asid_lock);
	ret = arm_smmu_attach_prepare(&state, domain);
	if (ret)
		return ret;

	/*
	 * A guest changes between bypass and stage 1 with DMA running. That
	 * needs no invalid STE in between as long as only one word of it
	 * changes, so EATS, in another word than Config, gets a step of its
	 * own. ATS is off at the device while the two differ.
	 */
	if (master->ste_ats_enabled != state.ats_enabled) {
		arm_smmu_make_nested_ste(&ste, master, nested,
					 master->ste_ats_enabled);
		arm_smmu_install_ste_for_dev(master, &ste);
	}
	arm_smmu_make_nested_ste(&ste, master, nested, state.ats_enabled);
	arm_smmu_install_ste_for_dev(master, &ste);
	arm_smmu_clear_cd(master, IOMMU_NO_PASID);

	arm_smmu_attach_commit(&state);
	return 0;
}

static void arm_smmu_domain_nested_free(struct iommu_domain *domain)
{
	kfree(to_smmu_nested_domain(domain));
}

/*
 * An MSI ends up in stage 2, wherever the guest's stage 1 sends it. For it to
 * arrive the guest has to map the host's window for MSI pages (the reserved region
 * IOMMU_RESV_SW_MSI) as it is, or to bypass; VMMs make a guest do that with an RMR
 * (IORT, reserved memory range). A vector that is allocated while the guest aborts
 * works from when it doesn't any more.
 */
static struct iommu_domain *
arm_smmu_nested_msi_domain(struct iommu_domain *domain)
{
	return &to_smmu_nested_domain(domain)->vsmmu->s2_parent->domain;
}

static const struct iommu_domain_ops arm_smmu_nested_ops = {
	.attach_dev = arm_smmu_attach_dev_nested,
	.free = arm_smmu_domain_nested_free,
	.get_msi_mapping_domain = arm_smmu_nested_msi_domain,
};

/**
 * arm_vsmmu_alloc_domain_nested() - iommufd_viommu_ops::alloc_domain_nested
 * @viommu: the vSMMU
 * @flags: none is known
 * @user_data: struct iommu_hwpt_arm_smmuv3
 *
 * Context: may sleep, reads user memory.
 * Return: the domain, or ERR_PTR of -EOPNOTSUPP (@flags), -EINVAL (type of the
 * data, or too short), -E2BIG (more data than is known), -EFAULT, -EIO (see
 * arm_smmu_nested_set_vste()), -ENOMEM.
 */
struct iommu_domain *
arm_vsmmu_alloc_domain_nested(struct iommufd_viommu *viommu, u32 flags,
			      const struct iommu_user_data *user_data)
{
	struct arm_smmu_nested_domain *nested __free(kfree) = NULL;
	struct iommu_hwpt_arm_smmuv3 arg;
	int ret;

	if (flags)
		return ERR_PTR(-EOPNOTSUPP);
	if (user_data->type != IOMMU_HWPT_DATA_ARM_SMMUV3 ||
	    user_data->len < sizeof(arg))
		return ERR_PTR(-EINVAL);
	/* Looking for a non-zero byte in it takes time: bound that */
	if (user_data->len > PAGE_SIZE)
		return ERR_PTR(-E2BIG);
	ret = copy_struct_from_user(&arg, sizeof(arg), user_data->uptr,
				    user_data->len);
	if (ret)
		return ERR_PTR(ret);

	nested = kzalloc(sizeof(*nested), GFP_KERNEL_ACCOUNT);
	if (!nested)
		return ERR_PTR(-ENOMEM);
	ret = arm_smmu_nested_set_vste(nested, arg.ste);
	if (ret)
		return ERR_PTR(ret);

	nested->domain.type = IOMMU_DOMAIN_NESTED;
	nested->domain.ops = &arm_smmu_nested_ops;
	nested->vsmmu = to_vsmmu(viommu);
	return &no_free_ptr(nested)->domain;
}
EXPORT_SYMBOL_IF_KUNIT(arm_vsmmu_alloc_domain_nested);

/**
 * arm_vsmmu_s2_contig() - iommufd_viommu_ops::s2_contig
 * @viommu: the vSMMU
 * @iova: an address of the stage-2 parent
 * @length: set to the bytes from there that one entry of its table maps
 *
 * Context: any; what is asked for does not change meanwhile.
 * Return: the physical address, 0 if @iova is not mapped.
 */
phys_addr_t arm_vsmmu_s2_contig(struct iommufd_viommu *viommu,
				unsigned long iova, size_t *length)
{
	struct io_pgtable_ops *ops = to_vsmmu(viommu)->s2_parent->pgtbl_ops;

	return ops->iova_to_phys_contig(ops, iova, length);
}

/* -------------------------------------------------------------- vDEVICEs */

/**
 * arm_vsmmu_vdevice_init() - iommufd_viommu_ops::vdevice_init
 * @vdev: the vDEVICE; embedded in struct arm_vsmmu_device
 *
 * There is nothing to undo.
 *
 * Context: vdevs_rwsem is held for writing.
 * Return: 0, -EOPNOTSUPP if the device has more than one stream: a guest has but
 * one name for it; -EINVAL if the device is behind another SMMU, or virt_id is
 * not a StreamID (32 bits).
 */
int arm_vsmmu_vdevice_init(struct iommufd_vdevice *vdev)
{
	struct arm_smmu_master *master = dev_iommu_priv_get(vdev->dev);
	struct arm_vsmmu_device *vsmmu_device = to_vsmmu_device(vdev);

	if (master->smmu != to_vsmmu(vdev->viommu)->smmu ||
	    vdev->virt_id > U32_MAX)
		return -EINVAL;
	if (master->num_streams != 1)
		return -EOPNOTSUPP;

	vsmmu_device->master = master;
	vsmmu_device->sid = master->streams[0].id;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(arm_vsmmu_vdevice_init);

/* ----------------------------------------------------------- the vSMMU */

/**
 * arm_vsmmu_release() - drop what the generic part of a vSMMU holds
 * @vsmmu: the vSMMU
 *
 * For the destroy operation of an implementation, as its last step.
 *
 * Context: may sleep.
 */
void arm_vsmmu_release(struct arm_vsmmu *vsmmu)
{
	arm_smmu_vmid_put(vsmmu->vmid);
}

static void arm_vsmmu_destroy(struct iommufd_viommu *viommu)
{
	arm_vsmmu_release(to_vsmmu(viommu));
}

static bool arm_vsmmu_supports_veventq(struct iommufd_viommu *viommu, u32 type)
{
	return type == IOMMU_VEVENTQ_TYPE_ARM_SMMUV3;
}

static const struct iommufd_viommu_ops arm_vsmmu_ops = {
	.destroy = arm_vsmmu_destroy,
	.alloc_domain_nested = arm_vsmmu_alloc_domain_nested,
	.cache_invalidate = arm_vsmmu_cache_invalidate,
	.vdevice_size = sizeof(struct arm_vsmmu_device),
	.vdevice_init = arm_vsmmu_vdevice_init,
	.supports_veventq = arm_vsmmu_supports_veventq,
};

/**
 * arm_vsmmu_init() - iommu_ops::viommu_init
 * @viommu: the vIOMMU, of a type that arm_smmu_get_viommu_size() has a size for
 * @parent_domain: the nest parent
 * @dev: a device behind the SMMU
 * @user_data: what the type wants, or NULL; IOMMU_VIOMMU_TYPE_ARM_SMMUV3 ignores
 *             it
 *
 * Context: may sleep.
 * Return: 0, -EINVAL if @parent_domain is no nest parent or one of another SMMU:
 * VMIDs are per SMMU, or an error of the implementation.
 */
int arm_vsmmu_init(struct iommufd_viommu *viommu,
		   struct iommu_domain *parent_domain, struct device *dev,
		   const struct iommu_user_data *user_data)
{
	struct arm_smmu_master *master = dev_iommu_priv_get(dev);
	struct arm_smmu_device *smmu = master->smmu;
	struct arm_vsmmu *vsmmu = to_vsmmu(viommu);
	struct arm_smmu_domain *s2_parent;
	int ret;

	if (parent_domain->owner != smmu->iommu.ops)
		return -EINVAL;
	s2_parent = to_smmu_domain(parent_domain);
	if (!s2_parent->nest_parent || s2_parent->smmu != smmu)
		return -EINVAL;

	vsmmu->smmu = smmu;
	vsmmu->s2_parent = s2_parent;
	vsmmu->vmid = arm_smmu_vmid_get(s2_parent->s2_cfg.shared_vmid);
	arm_vsmmu_init_events(vsmmu);

	if (viommu->type == IOMMU_VIOMMU_TYPE_ARM_SMMUV3) {
		viommu->ops = &arm_vsmmu_ops;
		return 0;
	}

	ret = smmu->impl_ops->vsmmu_init(vsmmu, dev, user_data);
	if (ret)
		arm_smmu_vmid_put(vsmmu->vmid);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(arm_vsmmu_init);
