/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the two halves of the mock driver say to each other: selftest.c, which has
 * the devices and the domains, and selftest_viommu.c, which has what belongs to
 * vIOMMUs.
 */
#ifndef __IOMMUFD_SELFTEST_VIOMMU_H
#define __IOMMUFD_SELFTEST_VIOMMU_H

#include <linux/iommu.h>

struct iommufd_ucmd;
struct iommufd_viommu;

/* selftest.c */
struct iommu_domain *
mock_domain_alloc_nested(struct iommu_domain *parent,
			 struct iommufd_viommu *viommu,
			 const struct iommu_user_data *user_data);

/* selftest_viommu.c */
int mock_viommu_probe_device(struct device *dev);
void mock_viommu_release_device(struct device *dev);
int mock_viommu_attach_device(struct iommufd_viommu *viommu,
			      struct iommu_domain *domain, struct device *dev);
size_t mock_get_viommu_size(struct device *dev, enum iommu_viommu_type type);
int mock_viommu_init(struct iommufd_viommu *viommu,
		     struct iommu_domain *parent_domain, struct device *dev,
		     const struct iommu_user_data *user_data);
int mock_viommu_test(struct iommufd_ucmd *ucmd);
void mock_viommu_setup(void);
void mock_viommu_cleanup(void);

#endif
