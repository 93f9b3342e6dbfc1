// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guestmem.h"
#include "hostpages.h"

#define HUGETLB_DIR	"/sys/kernel/mm/hugepages/hugepages-%zukB/%s"

#ifndef MFD_HUGETLB
#define MFD_HUGETLB		4U
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE	23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE		25
#endif

static long hugetlb_read(size_t size, const char *what)
{
	char path[96];
	long n = -1;
	FILE *f;

	snprintf(path, sizeof(path), HUGETLB_DIR, size >> 10, what);
	f = fopen(path, "re");
	if (!f)
		return -1;
	if (fscanf(f, "%ld", &n) != 1)
		n = -1;
	fclose(f);
	return n;
}

static void write_number(const char *path, unsigned long n)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return;
	fprintf(f, "%lu\n", n);
	/* What it comes to is read back */
	fclose(f);
}

static void hugetlb_write(size_t size, unsigned long n)
{
	char path[96];

	snprintf(path, sizeof(path), HUGETLB_DIR, size >> 10, "nr_hugepages");
	write_number(path, n);
}

long hugetlb_free(size_t size)
{
	long free = hugetlb_read(size, "free_hugepages");
	long promised = hugetlb_read(size, "resv_hugepages");

	return free < 0 || promised < 0 ? -1 : free - promised;
}

int hugetlb_reserve(struct hugetlb_pool *pool, size_t size, unsigned long pages)
{
	long were = hugetlb_read(size, "nr_hugepages");
	long free = hugetlb_free(size);

	*pool = (struct hugetlb_pool){};
	if (were < 0 || free < 0)
		return -ENOENT;
	*pool = (struct hugetlb_pool){ .size = size, .were = were };
	if ((unsigned long)free >= pages)
		return 0;

	hugetlb_write(size, were + pages - free);
	if (hugetlb_free(size) < (long)pages) {
		/* Files that were read lie everywhere; they can be read again */
		write_number("/proc/sys/vm/drop_caches", 3);
		write_number("/proc/sys/vm/compact_memory", 1);
		hugetlb_write(size, were + pages - free);
	}
	return hugetlb_free(size) >= (long)pages ? 0 : -ENOMEM;
}

void hugetlb_restore(struct hugetlb_pool *pool)
{
	if (pool->size)
		hugetlb_write(pool->size, pool->were);
	*pool = (struct hugetlb_pool){};
}

/* By blocks of pagemap: a huge page of 1 GiB has 2^18 entries there */
size_t host_contig(const void *va, size_t length)
{
	size_t page = sysconf(_SC_PAGESIZE), done = 0;
	u64 first = (uintptr_t)va / page, pfn = 0, i = 0, entry[512];
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	ssize_t len = 0;

	if (fd < 0)
		return 0;
	for (; done < length; i++) {
		if (i % 512 == 0)
			len = pread(fd, entry, sizeof(entry),
				    (first + i) * sizeof(entry[0]));
		/* Bit 63: present; bits 54:0: page frame number */
		if ((ssize_t)(i % 512 * sizeof(entry[0])) >= len ||
		    !(entry[i % 512] >> 63))
			break;
		entry[i % 512] &= (1ULL << 55) - 1;
		pfn = i ? pfn : entry[0];
		if (!pfn || entry[i % 512] != pfn + i)
			break;
		done = (i + 1) * page - (uintptr_t)va % page;
	}
	close(fd);
	return done < length ? done : length;
}

/* Room for @length bytes at a multiple of @align, with nothing in it */
static void *reserve_va(size_t length, size_t align)
{
	char *p, *start;

	p = mmap(NULL, length + align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		 -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	start = (char *)(((uintptr_t)p + align - 1) & ~(align - 1));
	if (start > p)
		munmap(p, start - p);
	munmap(start + length, align - (start - p));
	return start;
}

static bool pages_are_whole(const char *va, size_t length, size_t size)
{
	size_t done;

	for (done = 0; done < length; done += size)
		if (host_contig(va + done, size) < size ||
		    host_pa(va + done) % size)
			return false;
	return true;
}

void *hostpages_map(size_t length, enum host_pages kind, size_t size)
{
	int flags = MAP_FIXED | MAP_ANONYMOUS | MAP_PRIVATE;
	void *va = reserve_va(length, size);
	int error;

	if (!va)
		return NULL;
	if (kind == PAGES_HUGETLB)
		flags |= MAP_HUGETLB | __builtin_ctzl(size) << MAP_HUGE_SHIFT;
	if (mmap(va, length, PROT_READ | PROT_WRITE, flags, -1, 0) ==
	    MAP_FAILED)
		goto fail;
	if (kind == PAGES_TRANSPARENT && madvise(va, length, MADV_HUGEPAGE))
		goto fail;
	if (kind == PAGES_BASE && madvise(va, length, MADV_NOHUGEPAGE) &&
	    errno != EINVAL)
		goto fail;
	if (madvise(va, length, MADV_POPULATE_WRITE))
		goto fail;
	/* What follows says whether there was any need, and whether it worked */
	if (kind == PAGES_TRANSPARENT)
		madvise(va, length, MADV_COLLAPSE);
	if (!pages_are_whole(va, length, size)) {
		errno = ENOMEM;
		goto fail;
	}
	return va;
fail:
	error = errno;
	munmap(va, length);
	errno = error;
	return NULL;
}

/* Map the page of @file that is at the physical address @pa to @va: is there one? */
static bool map_page_of(int file, const u64 *at, unsigned int pages, u64 pa,
			char *va, size_t size)
{
	unsigned int i;

	for (i = 0; i < pages && at[i] != pa; i++)
		;
	return i < pages &&
	       mmap(va, size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_FIXED | MAP_POPULATE, file, i * size) == va;
}

void *hostpages_map_contig(size_t length, size_t size, unsigned int pages)
{
	int file = memfd_create("pages", MFD_CLOEXEC | MFD_HUGETLB |
				__builtin_ctzl(size) << MAP_HUGE_SHIFT);
	u64 *at = calloc(pages, sizeof(*at));
	char *all = MAP_FAILED, *va = NULL;
	unsigned int i;
	size_t done;

	if (file < 0 || !at || ftruncate(file, (off_t)pages * size))
		goto out;
	all = mmap(NULL, pages * size, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_POPULATE, file, 0);
	if (all == MAP_FAILED)
		goto out;
	for (i = 0; i < pages; i++)
		at[i] = host_pa(all + i * size);
	va = reserve_va(length, length);
	for (i = 0; va && i < pages; i++) {
		if (!at[i] || at[i] % length)
			continue;
		for (done = 0; done < length; done += size)
			if (!map_page_of(file, at, pages, at[i] + done, va + done,
					 size))
				break;
		if (done == length)
			break;
	}
	if (va && i == pages) {
		munmap(va, length);
		va = NULL;
		errno = ENOENT;
	}
out:
	if (all != MAP_FAILED)
		munmap(all, pages * size);
	if (file >= 0)
		close(file);
	free(at);
	return va;
}
