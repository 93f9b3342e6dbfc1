/* SPDX-License-Identifier: GPL-2.0-only */
/**
 * DOC: Lifetimes and locks of nested translation
 *
 * iommufd's virtual IOMMU on an SMMUv3: what arm-smmu-v3-iommufd.c, the hooks in
 * arm-smmu-v3.c and an implementation with a vIOMMU type of its own
 * (tegra241-cmdqv) share.
 *
 * Lifetimes, each held by the one before it::
 *
 *	device attached -> nested domain -> vSMMU -> nest parent (stage 2)
 *
 * A VMID lives longer than all of them if it has to: see struct arm_smmu_vmid.
 *
 * Lock order, outermost first::
 *
 *	iommu_group's mutex -> iommufd_viommu::vdevs_rwsem (for reading)
 *	iommu_group's mutex -> arm_smmu_asid_lock -> arm_smmu_domain::devices_lock
 *	iommu_group's mutex -> arm_smmu_asid_lock -> arm_smmu_device::streams_mutex
 *	    -> iommufd's locks for reporting an event
 *
 * Trapped invalidations that name devices hold vdevs_rwsem for reading while they wait
 * for the hardware; nothing is copied from user space under it.
 */
#ifndef _ARM_SMMU_V3_IOMMUFD_H
#define _ARM_SMMU_V3_IOMMUFD_H

#include <linux/iommufd_viommu.h>
#include <linux/kref.h>
#include <linux/ratelimit_types.h>

#include "arm-smmu-v3.h"

/**
 * struct arm_smmu_vmid - a VMID and everybody who needs it not to be reused
 * @kref: the stage-2 nest parent domain, every vSMMU on it, and hardware that
 *        could not be stopped and still carries the VMID (isolation.rst, I2) hold one
 *        each; the last one gives the VMID back
 * @smmu: the SMMU whose VMID it is
 * @id: the VMID
 */
struct arm_smmu_vmid {
	struct kref kref;
	struct arm_smmu_device *smmu;
	u16 id;
};

/**
 * struct arm_vsmmu - a VM's slice of one SMMUv3
 * @core: what the iommufd core sees; its size is what get_viommu_size reports
 *        unless an implementation embeds this in something larger
 * @smmu: the physical SMMU
 * @s2_parent: the stage-2 domain that all translation of the VM ends in
 * @vmid: the VMID of @s2_parent, referenced
 * @log_limit: what the VM can write into the host's log by its events
 * @overflow: the overflow of the SMMU's event queue that the VM was last told of;
 *            the event thread's alone
 * @unsynced: a trapped command that names a device may still be under way, since its
 *            CMD_SYNC did not complete. Set with vdevs_rwsem held for reading, cleared
 *            with it held for writing, by who has waited for a later CMD_SYNC.
 */
struct arm_vsmmu {
	struct iommufd_viommu core;
	struct arm_smmu_device *smmu;
	struct arm_smmu_domain *s2_parent;
	struct arm_smmu_vmid *vmid;
	struct ratelimit_state log_limit;
	u64 overflow;
	bool unsynced;
};

/**
 * struct arm_vsmmu_device - a device behind a vSMMU
 * @core: what the iommufd core sees
 * @master: the physical device; valid as long as this exists
 * @sid: the physical StreamID; there is exactly one
 */
struct arm_vsmmu_device {
	struct iommufd_vdevice core;
	struct arm_smmu_master *master;
	u32 sid;
};

/**
 * struct arm_vsmmu_block - some of a guest's commands, being converted and executed
 * @vsmmu: whose they are
 * @vmid: what stands for @vsmmu's VMID in a command
 * @vsid: the last StreamID that was looked up, if there is a @device
 * @device: what it names; NULL before there was one
 * @locked: vdevs_rwsem is held for reading, since there was a StreamID
 */
struct arm_vsmmu_block {
	struct arm_vsmmu *vsmmu;
	u64 vmid;
	u32 vsid;
	struct arm_vsmmu_device *device;
	bool locked;
};

/**
 * struct arm_smmu_nested_domain - a guest's stream table entry on a vSMMU
 * @domain: what the IOMMU core sees, of type IOMMU_DOMAIN_NESTED
 * @vsmmu: the vSMMU; iommufd keeps it for as long as this exists
 * @enable_ats: the guest translates with stage 1 and has asked for ATS, so it
 *              sends ATC invalidations
 * @ste: the guest's two words, with nothing in them but what a guest may say;
 *       both 0 if the entry is not valid
 *
 * Immutable once allocated. One such domain can be attached to several devices;
 * whose events each of them has is the device's: see struct arm_smmu_event_owner.
 */
struct arm_smmu_nested_domain {
	struct iommu_domain domain;
	struct arm_vsmmu *vsmmu;
	bool enable_ats;
	__le64 ste[2];
};

static inline struct arm_vsmmu *to_vsmmu(struct iommufd_viommu *viommu)
{
	return container_of(viommu, struct arm_vsmmu, core);
}

static inline struct arm_vsmmu_device *
to_vsmmu_device(struct iommufd_vdevice *vdev)
{
	return container_of(vdev, struct arm_vsmmu_device, core);
}

static inline struct arm_smmu_nested_domain *
to_smmu_nested_domain(struct iommu_domain *dom)
{
	return container_of(dom, struct arm_smmu_nested_domain, domain);
}

/**
 * arm_smmu_can_nest_vms() - whether VMs can have nested translation
 * @smmu: the SMMU
 *
 * Both stages, and no need of a CMD_SYNC after so many commands
 * (ARM_SMMU_OPT_CMDQ_FORCE_SYNC: its erratum is about nested translation, too).
 *
 * Context: any; @smmu has been probed.
 * Return: false if not as far as the SMMU is concerned. The device has to keep its DMA
 * coherent besides, see arm_smmu_get_viommu_size().
 */
static inline bool arm_smmu_can_nest_vms(const struct arm_smmu_device *smmu)
{
	return IS_ENABLED(CONFIG_ARM_SMMU_V3_IOMMUFD) &&
	       (smmu->features & ARM_SMMU_FEAT_NESTING) &&
	       !(smmu->options & ARM_SMMU_OPT_CMDQ_FORCE_SYNC);
}

#ifdef CONFIG_ARM_SMMU_V3_IOMMUFD
/* iommu_ops */
void *arm_smmu_hw_info(struct device *dev, u32 *length, u32 *type);
size_t arm_smmu_get_viommu_size(struct device *dev,
				enum iommu_viommu_type viommu_type);
int arm_vsmmu_init(struct iommufd_viommu *viommu,
		   struct iommu_domain *parent_domain, struct device *dev,
		   const struct iommu_user_data *user_data);

/* VMIDs of nest parents */
struct arm_smmu_vmid *arm_smmu_vmid_alloc(struct arm_smmu_device *smmu);
struct arm_smmu_vmid *arm_smmu_vmid_get(struct arm_smmu_vmid *vmid);
void arm_smmu_vmid_put(struct arm_smmu_vmid *vmid);

/* iommufd_viommu_ops, for an implementation's own table as well */
struct iommu_domain *
arm_vsmmu_alloc_domain_nested(struct iommufd_viommu *viommu, u32 flags,
			      const struct iommu_user_data *user_data);
int arm_vsmmu_cache_invalidate(struct iommufd_viommu *viommu,
			       struct iommu_user_data_array *array);
phys_addr_t arm_vsmmu_s2_contig(struct iommufd_viommu *viommu,
				unsigned long iova, size_t *length);
int arm_vsmmu_vdevice_init(struct iommufd_vdevice *vdev);
void arm_vsmmu_release(struct arm_vsmmu *vsmmu);

#if IS_ENABLED(CONFIG_KUNIT)
int arm_smmu_nested_set_vste(struct arm_smmu_nested_domain *nested,
			     const __le64 vste[2]);
void arm_smmu_make_nested_ste(struct arm_smmu_ste *target,
			      struct arm_smmu_master *master,
			      struct arm_smmu_nested_domain *nested,
			      bool ats_enabled);
bool arm_smmu_nested_attachable(struct arm_smmu_nested_domain *nested,
				struct arm_smmu_master *master);
void arm_vsmmu_block_begin(struct arm_vsmmu_block *block,
			   struct arm_vsmmu *vsmmu);
void arm_vsmmu_block_end(struct arm_vsmmu_block *block);
int arm_vsmmu_convert_cmd(struct arm_vsmmu_block *block,
			  u64 cmd[CMDQ_ENT_DWORDS]);
#endif
#else /* !CONFIG_ARM_SMMU_V3_IOMMUFD */
#define arm_smmu_hw_info NULL
#define arm_smmu_get_viommu_size NULL
#define arm_vsmmu_init NULL

/* No domain is a nest parent then */
static inline struct arm_smmu_vmid *
arm_smmu_vmid_alloc(struct arm_smmu_device *smmu)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static inline void arm_smmu_vmid_put(struct arm_smmu_vmid *vmid)
{
}
#endif /* CONFIG_ARM_SMMU_V3_IOMMUFD */

#endif /* _ARM_SMMU_V3_IOMMUFD_H */
