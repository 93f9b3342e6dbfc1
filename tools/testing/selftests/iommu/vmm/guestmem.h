/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory of a guest: a piece of this process's memory, at guest physical
 * addresses (IPAs, what stage 2 translates) of its own, given out from the bottom.
 */
#ifndef VMM_GUESTMEM_H
#define VMM_GUESTMEM_H

#include "types.h"

#define GUEST_PAGE	4096UL
#define HUGE_PAGE	(2UL << 20)

/**
 * struct guestmem - contiguous guest physical memory
 * @va: where it is in this process
 * @ipa: where the guest sees it
 * @size: bytes
 * @used: bytes given out
 *
 * The memory is shared, so that a forked process that plays the guest works on
 * the very same pages.
 */
struct guestmem {
	char *va;
	u64 ipa;
	size_t size;
	size_t used;
};

/**
 * guestmem_init() - make guest memory, filled with zeros
 * @mem: the result
 * @ipa: guest physical address
 * @size: bytes, a multiple of the page size used
 * @huge: of 2 MiB pages, each of them physically contiguous
 *
 * Return: 0 or a negative errno; -ENOMEM if there are not enough huge pages.
 */
int guestmem_init(struct guestmem *mem, u64 ipa, size_t size, bool huge);
void guestmem_free(struct guestmem *mem);

/* See that the system has @pages huge pages of 2 MiB: 0 or -ENOMEM. */
int guestmem_reserve_huge(unsigned int pages);

/* @size bytes at a multiple of @align (a power of two): IPA, 0 if used up. */
u64 guestmem_alloc(struct guestmem *mem, size_t size, size_t align);

/* Where @ipa is in this process; NULL if @ipa to @ipa + @len is not memory. */
void *guestmem_at(const struct guestmem *mem, u64 ipa, size_t len);

/**
 * host_pa() - the physical address behind an address of this process
 * @va: the address, of memory that is present
 *
 * Return: the address, 0 if the kernel does not tell (it tells root).
 */
u64 host_pa(const void *va);

#endif
