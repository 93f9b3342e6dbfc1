// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Memory that hardware reads by physical address
 *
 * Memory that hardware reads by physical address while it is mapped in an IOAS.
 *
 * An area with a domain is pinned and fully mapped in every domain of its
 * io_pagetable for as long as iopt_area::pages is set, seen under iova_rwsem:
 *
 *  - iopt_map_pages() sets it after all domains have been filled, within the same
 *    section of domains_rwsem, and iopt_table_add_domain() fills a new domain with
 *    that lock and iova_rwsem held for writing;
 *  - iopt_unmap_iova_range() clears it under iova_rwsem before it begins to take
 *    the area from the domains.
 *
 * The domain here is a nest parent that the caller's vIOMMU holds, so it does not
 * leave either. Hence while iova_rwsem is held, its page table tells the truth for
 * such an area, and to make it last it is enough that the area stays:
 * iopt_area::num_locks counts who needs that. Who would remove an area or cut it
 * in two holds iova_rwsem for writing, looks at the count and gives up (EBUSY).
 * The count itself changes under iova_rwsem, for reading, so that it stands still
 * for them. io_pagetable::num_locks is the sum: most unmaps meet no lock at all.
 */
#include <linux/atomic.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/overflow.h>

#include "io_pagetable.h"
#include "viommu_private.h"

/* The walk over a range: where it began, and what it has found so far */
struct iopt_contig_walk {
	struct iommufd_viommu *viommu;
	unsigned long iova;
	struct iopt_contig *found;
};

/*
 * Memory that the kernel manages: there is a struct page to hold it by. What is true
 * of one page is true of its folio. The pages are pinned, so their folios stay.
 */
static bool iopt_pa_is_memory(phys_addr_t pa, size_t length)
{
	unsigned long pfn = PHYS_PFN(pa), last = PHYS_PFN(pa + (length - 1));
	struct folio *folio;

	for (; pfn <= last; pfn = folio_pfn(folio) + folio_nr_pages(folio)) {
		if (!pfn_valid(pfn) || is_pci_p2pdma_page(pfn_to_page(pfn)))
			return false;
		folio = page_folio(pfn_to_page(pfn));
	}
	return true;
}

/*
 * Size of the page that the last byte of @found is in. It is pinned, and a page that
 * is pinned isn't split.
 */
static size_t iopt_contig_page_size(const struct iopt_contig *found)
{
	phys_addr_t last = found->base_pa + (found->length - 1);

	return folio_size(page_folio(pfn_to_page(PHYS_PFN(last))));
}

/*
 * Where the stage-2 parent maps @iova to, 0 if it doesn't, and in @length how many
 * bytes are contiguous from there: as many as an entry of the table has, which only
 * the driver knows. Pages begin at multiples of PAGE_SIZE of IOVA, so that many are
 * in any case.
 */
static phys_addr_t iopt_contig_at(struct iommufd_viommu *viommu,
				  unsigned long iova, size_t *length)
{
	struct iommu_domain *domain = viommu->s2_parent;
	unsigned long offset_mask;
	phys_addr_t pa;

	if (viommu->ops->s2_contig)
		return viommu->ops->s2_contig(viommu, iova, length);

	/* The smallest page of the domain: at its start, all drivers agree */
	offset_mask = (1UL << __ffs(domain->pgsize_bitmap)) - 1;
	pa = iommu_iova_to_phys(domain, iova & ~offset_mask);
	*length = PAGE_SIZE - offset_in_page(iova);
	return pa ? pa + (iova & offset_mask) : 0;
}

/* [@iova, @last] lies in one area and goes on from where the walk has got to */
static int iopt_contig_add(struct iopt_contig_walk *walk, unsigned long iova,
			   unsigned long last)
{
	struct iopt_contig *found = walk->found;

	while (true) {
		phys_addr_t pa;
		size_t length;

		pa = iopt_contig_at(walk->viommu, iova, &length);
		/* 0 means "not mapped" as well */
		if (!pa || WARN_ON_ONCE(!length))
			return -EFAULT;
		/* An entry can reach further than the range does */
		length = min(length, last - iova + 1);
		if (!iopt_pa_is_memory(pa, length))
			return -EINVAL;

		if (iova == walk->iova)
			found->base_pa = pa;
		else if (pa != found->base_pa + found->length)
			return -EFAULT;

		found->length += length;
		if (length > last - iova)
			return 0;
		iova += length;
		cond_resched();
	}
}

static int iopt_check_contig(struct io_pagetable *iopt,
			     struct iopt_contig_walk *walk, unsigned long last)
{
	struct iopt_area_contig_iter iter;
	struct iopt_area *area;
	int rc;

	iopt_for_each_contig_area(&iter, area, iopt, walk->iova, last) {
		/* An unmap waits for accesses to go away */
		if (area->prevent_access)
			return -EINVAL;
		if ((iopt_area_start_byte(area, iter.cur_iova) ^
		     iter.cur_iova) & ~PAGE_MASK)
			return -EINVAL;
		if (!(area->iommu_prot & IOMMU_READ))
			return -EPERM;
	}
	if (!iopt_area_contig_done(&iter))
		return -ENOENT;

	/* What is wrong with the mapping comes before what is with the memory */
	iopt_for_each_contig_area(&iter, area, iopt, walk->iova, last) {
		rc = iopt_contig_add(walk, iter.cur_iova,
				     min(last, iopt_area_last_iova(area)));
		if (rc)
			return rc;
	}
	return 0;
}

/**
 * iopt_lock_contig() - keep contiguous memory mapped where it is
 * @iopt: the IOVA space
 * @viommu: the vIOMMU, whose stage-2 parent is a domain of @iopt
 * @iova: where the memory is mapped, any alignment
 * @length: Bytes, not 0; @iova + @length - 1 does not overflow. The caller has
 *          bounded it: the walk goes by entries of the page table and by folios, but
 *          these can be as small as a page.
 * @found: the physical memory; the result also if this fails for EFAULT
 *
 * From here to iopt_unlock() each mapping in which a byte of the range lies stays
 * as it is, and unmapping it fails with EBUSY. Allocates nothing. May be called
 * for overlapping ranges, which count separately.
 *
 * Context: process context, may sleep; takes iova_rwsem.
 * Return: 0 or, with nothing locked, ENOENT: part of the range is not mapped;
 * EPERM: devices may not read it; EINVAL: it is being unmapped, its pages do not
 * begin where IOVA's do, or it is not memory of the kernel's; EFAULT: it is not
 * physically contiguous, and @found says how far it is.
 */
int iopt_lock_contig(struct io_pagetable *iopt, struct iommufd_viommu *viommu,
		     unsigned long iova, unsigned long length,
		     struct iopt_contig *found)
{
	struct iopt_contig_walk walk = {
		.viommu = viommu, .iova = iova, .found = found,
	};
	unsigned long last = iova + (length - 1);
	struct iopt_area_contig_iter iter;
	struct iopt_area *area;
	int rc;

	*found = (struct iopt_contig){};
	down_read(&iopt->iova_rwsem);
	rc = iopt_check_contig(iopt, &walk, last);
	if (rc == -EFAULT && found->length)
		found->page_size = iopt_contig_page_size(found);
	if (rc)
		goto out_unlock;

	iopt_for_each_contig_area(&iter, area, iopt, iova, last) {
		atomic_inc(&area->num_locks);
		atomic_inc(&iopt->num_locks);
	}
out_unlock:
	up_read(&iopt->iova_rwsem);
	return rc;
}

/**
 * iopt_unlock() - undo iopt_lock_contig()
 * @iopt: the IOVA space
 * @iova: as it was locked
 * @length: as it was locked
 *
 * Context: process context, may sleep; takes iova_rwsem.
 */
void iopt_unlock(struct io_pagetable *iopt, unsigned long iova,
		 unsigned long length)
{
	struct iopt_area_contig_iter iter;
	struct iopt_area *area;

	down_read(&iopt->iova_rwsem);
	iopt_for_each_contig_area(&iter, area, iopt, iova,
				  iova + (length - 1)) {
		WARN_ON(atomic_dec_return(&area->num_locks) < 0);
		atomic_dec(&iopt->num_locks);
	}
	WARN_ON(!iopt_area_contig_done(&iter));
	up_read(&iopt->iova_rwsem);
}

/**
 * iopt_range_is_locked() - whether an unmap would meet a locked area
 * @iopt: the IOVA space
 * @start: the first IOVA
 * @last: the last IOVA
 *
 * For an unmap to be refused before it has removed anything. An area can be locked
 * right after this; iopt_unmap_iova_range() looks at each one again.
 *
 * Context: process context; takes iova_rwsem unless nothing is locked.
 * Return: true if any part of the range is in a locked area.
 */
bool iopt_range_is_locked(struct io_pagetable *iopt, unsigned long start,
			  unsigned long last)
{
	struct iopt_area *area;

	if (!atomic_read(&iopt->num_locks))
		return false;

	guard(rwsem_read)(&iopt->iova_rwsem);
	for (area = iopt_area_iter_first(iopt, start, last); area;
	     area = iopt_area_iter_next(area, start, last))
		if (atomic_read(&area->num_locks))
			return true;
	return false;
}
