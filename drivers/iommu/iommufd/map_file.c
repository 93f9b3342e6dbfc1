// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Memory of a file in an IOAS
 *
 * Memory of a file in an IOAS.
 *
 * A VMM that shares the memory of its guest with other processes has it in a file,
 * and can name it by file instead of by address. struct iopt_pages then has
 * another origin of PFNs: the page cache of shmem or hugetlbfs, in which a file's
 * only copy is. All the rest is as for memory of a process; a page is pinned as
 * often as it would be there, so that it is also unpinned by the same code.
 *
 * What a process may do by way of a device is what it may do with mmap(MAP_SHARED)
 * of that file, and the errors are the same:
 *
 *  - The file is open for reading, and for writing if devices are to write: EACCES.
 *  - No seal forbids writing: EPERM. As long as iopt_pages lives it counts as a
 *    writable mapping, so that F_SEAL_WRITE can't be added (EBUSY), also while no
 *    page is pinned. F_SEAL_FUTURE_WRITE can, and is about later ones.
 *
 * The file is held for as long as the iopt_pages is. That it is shmem or hugetlbfs
 * is made sure of first: no such file holds another one, an iommufd least of all,
 * so nothing holds itself. Pages are unpinned before the file is let go.
 *
 * Where the file ends is looked at when pages are pinned, because that changes.
 * Later it makes no difference: truncated or punched out, a pinned page is no
 * longer the file's, but remains what devices access.
 *
 * A fault in user space's page tables is not involved, so nothing here waits for
 * user space. It doesn't depend on the process either that has mapped the file:
 * pages can be pinned when that is gone.
 */
#include <linux/cleanup.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/memfd.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/sizes.h>
#include <uapi/linux/fcntl.h>
#include <uapi/linux/iommufd.h>

#include "io_pagetable.h"
#include "iommufd_private.h"

/*
 * Between two portions a fatal signal is noticed. Pages that the file doesn't have
 * yet are allocated and zeroed, and a huge page is one portion at least.
 */
#define IOPT_FILE_PORTION (SZ_16M / PAGE_SIZE)

/* Seals of a file that is shmem or hugetlbfs; not all that are have a memfd's */
static unsigned int iopt_file_seals(struct file *file)
{
#ifdef CONFIG_HUGETLBFS
	if (is_file_hugepages(file))
		return HUGETLBFS_I(file_inode(file))->seals;
#endif
	return SHMEM_I(file_inode(file))->seals;
}

/* The rules of mmap(MAP_SHARED) */
static int iopt_file_may_map(struct file *file, bool writable)
{
	if (!shmem_file(file) && !is_file_hugepages(file))
		return -EINVAL;
	if (!(file->f_mode & FMODE_READ))
		return -EACCES;
	if (!writable)
		return 0;
	if (!(file->f_mode & FMODE_WRITE) || IS_APPEND(file_inode(file)))
		return -EACCES;
	/* F_SEAL_WRITE: see mapping_map_writable() */
	if (iopt_file_seals(file) & F_SEAL_FUTURE_WRITE)
		return -EPERM;
	return 0;
}

/*
 * The file becomes the pages', or it is let go. @length is not 0, and @start +
 * @length doesn't overflow.
 */
static struct iopt_pages *iopt_alloc_file_pages(struct file *file, u64 start,
						unsigned long length,
						bool writable)
{
	struct iopt_pages *pages;
	int rc;

	rc = iopt_file_may_map(file, writable);
	if (rc)
		goto err_put;

	/* No file is that large; from here on it's a loff_t */
	if (start + (length - 1) > LLONG_MAX) {
		rc = -EINVAL;
		goto err_put;
	}

	/* It rounds down to the page, so that its address is NULL */
	pages = iopt_alloc_pages((void __user *)(uintptr_t)(start % PAGE_SIZE),
				 length, writable);
	if (IS_ERR(pages)) {
		rc = PTR_ERR(pages);
		goto err_put;
	}

	if (writable) {
		/* EPERM if F_SEAL_WRITE is set, and from here on it can't be */
		rc = mapping_map_writable(file->f_mapping);
		if (rc)
			goto err_pages;
	}
	pages->file = file;
	pages->file_start = round_down(start, PAGE_SIZE);
	pages->file_last = start + (length - 1);
	return pages;

err_pages:
	iopt_put_pages(pages);
err_put:
	fput(file);
	return ERR_PTR(rc);
}

/**
 * iopt_pages_put_file() - let go of the file
 * @pages: pages of a file, none of them pinned
 *
 * Context: any that may call fput().
 */
void iopt_pages_put_file(struct iopt_pages *pages)
{
	if (pages->writable)
		mapping_unmap_writable(pages->file->f_mapping);
	fput(pages->file);
}

/* The file's first page after @folio, counted from page @first of the file on */
static unsigned long iopt_folio_end(struct folio *folio, pgoff_t first)
{
	return folio_next_index(folio) - first;
}

/*
 * Make of @nfolios folios, each pinned once, in @upages the @npages pages that
 * begin with page @first of the file, each pinned once. In place and backwards: no
 * folio has less than one page here, so what is written is behind what is still to
 * be read.
 *
 * Returns the number of pages, or with nothing pinned ENOMEM; or EAGAIN: while they
 * were looked up the file got others, and these aren't what is next to each other.
 */
static long iopt_folios_to_pages(struct page **upages, unsigned long nfolios,
				 pgoff_t first, unsigned long npages)
{
	struct folio **folios = (struct folio **)upages;
	unsigned long end = 0;
	unsigned long i;

	for (i = 0; i < nfolios; i++) {
		/* Not folio_contains(): it may be on its way from or to swap */
		if (first + end - folios[i]->index >= folio_nr_pages(folios[i])) {
			unpin_folios(folios, nfolios);
			return -EAGAIN;
		}
		end = iopt_folio_end(folios[i], first);
	}
	/* Of the last folio the range may leave pages out, as of the first */
	end = min(npages, end);
	npages = end;

	for (i = nfolios; i--;) {
		struct folio *folio = folios[i];
		unsigned long start = 0;

		if (i)
			start = iopt_folio_end(folios[i - 1], first);
		if (end - start > 1 &&
		    (iommufd_should_fail() ||
		     memfd_add_pins(folio, end - start - 1))) {
			unpin_user_pages(upages + end, npages - end);
			unpin_folios(folios, i + 1);
			return -ENOMEM;
		}
		while (end-- > start)
			upages[end] = folio_file_page(folio, first + end);
		end = start;
	}
	return npages;
}

/**
 * iopt_pages_pin_file() - pin pages of a file
 * @pages: pages of a file
 * @start_index: the first page to pin
 * @npages: How many, not 0. All of them are within @pages.
 * @upages: out, the pages, each pinned once; room for @npages
 *
 * Pages that the file hasn't got yet are allocated as a write to a mapping of it
 * would, and charged to the memory cgroup of the caller.
 *
 * Context: process context, may sleep, but does not wait for user space. Takes
 * inode locks of hugetlbfs, and locks of the file's mapping.
 * Return: the number of pages pinned, at least one, or EINVAL: the range is beyond
 * the end of the file; EINTR, EAGAIN: a fatal signal is pending; ENOMEM, ENOSPC:
 * no page can be allocated; EIO: one can't be read from swap; EHWPOISON: one has a
 * memory error.
 */
long iopt_pages_pin_file(struct iopt_pages *pages, unsigned long start_index,
			 unsigned long npages, struct page **upages)
{
	u64 start = pages->file_start + (u64)start_index * PAGE_SIZE;
	bool huge = is_file_hugepages(pages->file);
	struct inode *inode = file_inode(pages->file);
	pgoff_t offset;
	u64 last;
	long rc;

	npages = min(npages, IOPT_FILE_PORTION);
	last = min(start + ((u64)npages * PAGE_SIZE - 1), pages->file_last);

	do {
		if (fatal_signal_pending(current))
			return -EINTR;

		/*
		 * hugetlbfs accounts for a page by what it finds when it truncates,
		 * so none may appear meanwhile. With no write(), nobody waits for
		 * user space with that lock held.
		 */
		if (huge)
			inode_lock_shared(inode);
		rc = memfd_pin_folios(pages->file, start, last,
				      (struct folio **)upages, npages, &offset);
		if (huge)
			inode_unlock_shared(inode);
		if (rc <= 0)
			return WARN_ON(!rc) ? -EFAULT : rc;

		rc = iopt_folios_to_pages(upages, rc, start / PAGE_SIZE, npages);
		cond_resched();
	} while (rc == -EAGAIN);
	return rc;
}

/**
 * iommufd_ioas_map_file() - IOMMU_IOAS_MAP_FILE
 * @ucmd: the command, a struct iommu_ioas_map_file
 *
 * Context: ioctl.
 * Return: 0 or an errno as the user ABI says.
 */
int iommufd_ioas_map_file(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_map_file *cmd = ucmd->cmd;
	unsigned long iova = cmd->iova;
	struct iommufd_ioas *ioas;
	struct iopt_pages *pages;
	unsigned int flags = 0;
	struct file *file;
	u64 end;
	int rc;

	if (cmd->flags &
	    ~(IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE |
	      IOMMU_IOAS_MAP_READABLE))
		return -EOPNOTSUPP;
	/* Without it no file gets the pages that it doesn't have yet */
	if (!IS_ENABLED(CONFIG_MEMFD_CREATE))
		return -EOPNOTSUPP;
	if (cmd->iova >= ULONG_MAX || cmd->length >= ULONG_MAX)
		return -EOVERFLOW;
	if (!(cmd->flags &
	      (IOMMU_IOAS_MAP_WRITEABLE | IOMMU_IOAS_MAP_READABLE)))
		return -EINVAL;

	ioas = iommufd_get_ioas(ucmd->ictx, cmd->ioas_id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);

	if (!cmd->length) {
		rc = -EINVAL;
		goto out_put;
	}
	if (check_add_overflow(cmd->start, cmd->length, &end)) {
		rc = -EOVERFLOW;
		goto out_put;
	}
	file = fget(cmd->fd);
	if (!file) {
		rc = -EBADF;
		goto out_put;
	}

	if (!(cmd->flags & IOMMU_IOAS_MAP_FIXED_IOVA))
		flags = IOPT_ALLOC_IOVA;
	pages = iopt_alloc_file_pages(file, cmd->start, cmd->length,
				      cmd->flags & IOMMU_IOAS_MAP_WRITEABLE);
	rc = iopt_map_new_pages(ucmd->ictx, &ioas->iopt, &iova, pages,
				cmd->start % PAGE_SIZE, cmd->length,
				iommufd_conv_iommu_prot(cmd->flags), flags);
	if (rc)
		goto out_put;

	cmd->iova = iova;
	rc = iommufd_ucmd_respond(ucmd, sizeof(*cmd));
out_put:
	iommufd_put_object(ucmd->ictx, &ioas->obj);
	return rc;
}
