// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <unistd.h>

#include "guest_can.h"
#include "iommufd.h"
#include "vfio.h"

/*
 * A vIOMMU of each type in turn, for device @dev on I/O page tables of @ioas. Those
 * that can be had are given back when @fd is closed.
 */
static int try_all(int fd, u32 dev, u32 ioas, enum host_can *can)
{
	struct iommu_viommu_tegra241_cmdqv window = {};
	u32 s2, viommu;
	int rc;

	*can = CAN_ASSIGN;
	rc = iommufd_hwpt_alloc(fd, dev, ioas, IOMMU_HWPT_ALLOC_NEST_PARENT,
				IOMMU_HWPT_DATA_NONE, NULL, 0, &s2);
	if (rc)
		return rc == -EOPNOTSUPP ? 0 : rc;
	*can = CAN_NEST_PARENT;
	rc = iommufd_viommu_alloc(fd, dev, s2, IOMMU_VIOMMU_TYPE_ARM_SMMUV3,
				  NULL, 0, &viommu);
	if (rc)
		return rc == -EOPNOTSUPP ? 0 : rc;
	*can = CAN_NEST;
	rc = iommufd_viommu_alloc(fd, dev, s2, IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV,
				  &window, sizeof(window), &viommu);
	if (rc)
		return rc == -EOPNOTSUPP ? 0 : rc;
	*can = CAN_QUEUE;
	return 0;
}

int host_can(const char *bdf, enum host_can *can)
{
	struct vfio_dev dev;
	int fd, rc;
	u32 ioas;

	fd = iommufd_open();
	if (fd < 0)
		return fd;
	rc = vfio_open(&dev, bdf, fd);
	if (!rc) {
		rc = iommufd_ioas_alloc(fd, &ioas);
		if (!rc)
			rc = try_all(fd, dev.dev_id, ioas, can);
		vfio_close(&dev);
	}
	close(fd);
	return rc;
}

const char *host_cannot(enum host_can can)
{
	static const char *const why[] = {
		[CAN_ASSIGN] =
			"this kernel can't nest on this SMMU (stock 6.12? ARM_SMMU_V3_IOMMUFD=n?)",
		[CAN_NEST_PARENT] =
			"no vIOMMU: neither S2FWB nor CANWBS makes the device's DMA coherent",
		[CAN_NEST] =
			"no queues for VMs (no CMDQV? TEGRA241_CMDQV=n? disable_cmdqv?)",
		[CAN_QUEUE] = "",
	};

	return why[can];
}
