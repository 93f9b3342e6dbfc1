/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory of this process in pages of a chosen size: base pages, transparent huge
 * pages, and those of hugetlb, which the system is asked to set aside for the time
 * of a test.
 */
#ifndef VMM_HOSTPAGES_H
#define VMM_HOSTPAGES_H

#include "types.h"

/**
 * struct hugetlb_pool - pages of hugetlb, set aside
 * @size: bytes of one; 0: none
 * @were: how many there were before
 */
struct hugetlb_pool {
	size_t size;
	unsigned long were;
};

/**
 * hugetlb_reserve() - see that some pages of hugetlb are free
 * @pool: for hugetlb_restore(); may be given to it also if this fails
 * @size: bytes of a page
 * @pages: how many
 *
 * Return: 0; -ENOENT if the kernel has none of this size, -ENOMEM if they can't be
 * had.
 */
int hugetlb_reserve(struct hugetlb_pool *pool, size_t size, unsigned long pages);

/* Have as many as there were */
void hugetlb_restore(struct hugetlb_pool *pool);

/* How many of @size bytes are free, and neither mapped nor promised; -1: none exist */
long hugetlb_free(size_t size);

enum host_pages { PAGES_BASE, PAGES_TRANSPARENT, PAGES_HUGETLB };

/**
 * hostpages_map() - memory in pages of one size, all present
 * @length: bytes, a multiple of @size
 * @kind: which pages
 * @size: bytes of one; of PAGES_BASE and PAGES_TRANSPARENT there is but one
 *
 * It begins at a multiple of @size. Each page is physically contiguous: that is
 * looked after, as transparent huge pages come only if the kernel likes.
 *
 * Return: the memory, to be unmapped with munmap(); NULL, and errno says why.
 */
void *hostpages_map(size_t length, enum host_pages kind, size_t size);

/**
 * hostpages_map_contig() - hugetlb pages that are next to each other, all present
 * @length: bytes, a power of two and more than @size
 * @size: bytes of a page of hugetlb
 * @pages: how many to choose from; they have been set aside
 *
 * The memory is physically contiguous and begins at a multiple of @length, both as the
 * program sees it and physically.
 *
 * Return: the memory, to be unmapped with munmap(); NULL, and errno says why: ENOENT if
 * there are no such pages among those.
 */
void *hostpages_map_contig(size_t length, size_t size, unsigned int pages);

/* How many bytes from @va on are physically contiguous, up to @length */
size_t host_contig(const void *va, size_t length);

#endif
