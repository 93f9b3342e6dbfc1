// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: The window of MSI pages
 *
 * The window of IOVAs in which the kernel maps MSI pages into an HWPT, for IOMMU
 * drivers with a region of type IOMMU_RESV_SW_MSI.
 *
 * Pages are mapped there when interrupts are allocated, behind the IOAS's back, and
 * stay as long as the HWPT. So the window is no user's as long as the HWPT lives;
 * that devices reserve it while they are attached isn't enough: a page table entry
 * that is there already is a WARN of the page table code, which user space must not
 * be able to cause.
 */
#include <linux/iommu.h>

#include "iommufd_private.h"
#include "viommu_private.h"

/* Called with the IOAS's iova_rwsem held for writing */
static int iommufd_hwpt_make_msi_cookie(struct iommufd_hwpt_paging *hwpt_paging,
					struct list_head *resv_regions)
{
	struct iommu_resv_region *resv;
	int rc;

	if (hwpt_paging->msi_cookie)
		return 0;
	list_for_each_entry(resv, resv_regions, list) {
		if (resv->type != IOMMU_RESV_SW_MSI)
			continue;
		rc = iopt_reserve_iova(&hwpt_paging->ioas->iopt, resv->start,
				       resv->start + resv->length - 1,
				       hwpt_paging);
		if (rc)
			return rc;
		/* If this fails, what is reserved is so until the HWPT goes */
		rc = iommu_get_msi_cookie(hwpt_paging->common.domain,
					  resv->start);
		if (rc)
			return rc;
		/* Pairs with smp_load_acquire() below: cookie and window are there */
		smp_store_release(&hwpt_paging->msi_cookie, true);
		return 0;
	}
	return -ENODEV;
}

/**
 * iommufd_hwpt_setup_msi() - let the kernel map MSI pages into an HWPT
 * @hwpt_paging: the HWPT that the group is about to be attached to
 * @igroup: the group, whose IOMMU has an IOMMU_RESV_SW_MSI region; its devices have
 *          reserved that already
 *
 * Only the first call for an HWPT has something to do. Devices of different groups
 * can be attached to one HWPT at the same time, so the lock is the IOAS's: nobody
 * waits for another VMM's.
 *
 * Context: may sleep. @igroup's lock is held; takes the mutex of the IOMMU group,
 * then the IOAS's iova_rwsem.
 * Return: 0 or -ENOMEM.
 */
int iommufd_hwpt_setup_msi(struct iommufd_hwpt_paging *hwpt_paging,
			   struct iommufd_group *igroup)
{
	struct io_pagetable *iopt = &hwpt_paging->ioas->iopt;
	LIST_HEAD(resv_regions);
	int rc;

	lockdep_assert_held(&igroup->lock);

	/* As for most attaches of a guest. Pairs with smp_store_release() above. */
	if (smp_load_acquire(&hwpt_paging->msi_cookie))
		return 0;

	rc = iommu_get_group_resv_regions(igroup->group, &resv_regions);
	if (!rc) {
		down_write(&iopt->iova_rwsem);
		rc = iommufd_hwpt_make_msi_cookie(hwpt_paging, &resv_regions);
		up_write(&iopt->iova_rwsem);
	}
	iommu_put_resv_regions(NULL, &resv_regions);
	return rc;
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
