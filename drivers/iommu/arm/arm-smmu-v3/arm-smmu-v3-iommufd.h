/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * iommufd's virtual IOMMU on an SMMUv3: what arm-smmu-v3-iommufd.c and an
 * implementation with a vIOMMU type of its own (tegra241-cmdqv) share.
 */
#ifndef _ARM_SMMU_V3_IOMMUFD_H
#define _ARM_SMMU_V3_IOMMUFD_H

#include <linux/iommufd_viommu.h>
#include <linux/kref.h>

#include "arm-smmu-v3.h"

/**
 * struct arm_smmu_vmid - a VMID and everybody who needs it not to be reused
 * @kref: the stage-2 nest parent domain, every vSMMU on it, and hardware that
 *        could not be stopped and still carries the VMID (DESIGN I2) hold one
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
 */
struct arm_vsmmu {
	struct iommufd_viommu core;
	struct arm_smmu_device *smmu;
	struct arm_smmu_domain *s2_parent;
	struct arm_smmu_vmid *vmid;
};

/**
 * struct arm_vsmmu_device - a device behind a vSMMU
 * @core: what the iommufd core sees
 * @sid: the physical StreamID; there is exactly one
 */
struct arm_vsmmu_device {
	struct iommufd_vdevice core;
	u32 sid;
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

struct arm_smmu_vmid *arm_smmu_vmid_get(struct arm_smmu_vmid *vmid);
void arm_smmu_vmid_put(struct arm_smmu_vmid *vmid);

struct iommu_domain *
arm_vsmmu_alloc_domain_nested(struct iommufd_viommu *viommu, u32 flags,
			      const struct iommu_user_data *user_data);
int arm_vsmmu_cache_invalidate(struct iommufd_viommu *viommu,
			       struct iommu_user_data_array *array);
int arm_vsmmu_vdevice_init(struct iommufd_vdevice *vdev);
void arm_vsmmu_release(struct arm_vsmmu *vsmmu);

#endif /* _ARM_SMMU_V3_IOMMUFD_H */
