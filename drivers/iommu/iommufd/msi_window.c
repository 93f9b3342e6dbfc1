// SPDX-License-Identifier: GPL-2.0-only
/*
 * The window of IOVAs in which the kernel maps MSI pages into an HWPT, for IOMMU
 * drivers with a region of type IOMMU_RESV_SW_MSI.
 *
 * Pages are mapped there when interrupts are allocated, behind the IOAS's back, and
 * stay as long as the HWPT. So the window is no user's as long as the HWPT lives;
 * that devices reserve it while they are attached isn't enough: a page table entry
 * that is there already is a WARN of the page table code, which user space must not
 * be able to cause.
 */
#include <linux/cleanup.h>
#include <linux/iommu.h>

#include "iommufd_private.h"
#include "viommu_private.h"

/* Devices of different groups can be attached to one HWPT at the same time */
static DEFINE_MUTEX(iommufd_msi_lock);

static int iommufd_hwpt_reserve_msi(struct iommufd_hwpt_paging *hwpt_paging,
				    struct iommufd_group *igroup)
{
	struct io_pagetable *iopt = &hwpt_paging->ioas->iopt;
	struct iommu_resv_region *resv;
	LIST_HEAD(resv_regions);
	int rc;

	rc = iommu_get_group_resv_regions(igroup->group, &resv_regions);
	if (rc)
		goto out;

	rc = -ENODEV;
	down_write(&iopt->iova_rwsem);
	list_for_each_entry(resv, &resv_regions, list) {
		if (resv->type != IOMMU_RESV_SW_MSI)
			continue;
		rc = iopt_reserve_iova(iopt, resv->start,
				       resv->start + resv->length - 1,
				       hwpt_paging);
		break;
	}
	up_write(&iopt->iova_rwsem);
out:
	iommu_put_resv_regions(NULL, &resv_regions);
	return rc;
}

/**
 * iommufd_hwpt_setup_msi() - let the kernel map MSI pages into an HWPT
 * @hwpt_paging: the HWPT that the group is about to be attached to
 * @igroup: the group, whose IOMMU has an IOMMU_RESV_SW_MSI region at
 *          @igroup->sw_msi_start; its devices have reserved that already
 *
 * Only the first call for an HWPT has something to do.
 *
 * Context: may sleep. @igroup's lock is held; takes the mutex of the IOMMU group.
 * Return: 0 or -ENOMEM.
 */
int iommufd_hwpt_setup_msi(struct iommufd_hwpt_paging *hwpt_paging,
			   struct iommufd_group *igroup)
{
	int rc;

	lockdep_assert_held(&igroup->lock);

	guard(mutex)(&iommufd_msi_lock);
	if (hwpt_paging->msi_cookie)
		return 0;
	rc = iommufd_hwpt_reserve_msi(hwpt_paging, igroup);
	if (rc)
		return rc;
	rc = iommu_get_msi_cookie(hwpt_paging->common.domain,
				  igroup->sw_msi_start);
	if (rc) {
		iommufd_hwpt_release_msi(hwpt_paging);
		return rc;
	}
	hwpt_paging->msi_cookie = true;
	return 0;
}

/**
 * iommufd_hwpt_release_msi() - give the window back to the IOAS
 * @hwpt_paging: the HWPT; nothing is mapped into it any more. It may have had no
 *               window.
 *
 * Context: may sleep; the IOAS may be locked.
 */
void iommufd_hwpt_release_msi(struct iommufd_hwpt_paging *hwpt_paging)
{
	iopt_remove_reserved_iova(&hwpt_paging->ioas->iopt, hwpt_paging);
}
