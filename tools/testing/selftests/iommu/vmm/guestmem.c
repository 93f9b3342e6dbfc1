// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guestmem.h"

#define NR_HUGE	"/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"

int guestmem_init(struct guestmem *mem, u64 ipa, size_t size, bool huge)
{
	int flags = MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE;
	void *va;

	if (huge)
		flags |= MAP_HUGETLB | 21 << MAP_HUGE_SHIFT;
	va = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (va == MAP_FAILED)
		return -errno;
	*mem = (struct guestmem){ .va = va, .ipa = ipa, .size = size };
	return 0;
}

void guestmem_free(struct guestmem *mem)
{
	if (mem->va)
		munmap(mem->va, mem->size);
	memset(mem, 0, sizeof(*mem));
}

int guestmem_reserve_huge(unsigned int pages)
{
	unsigned int have = 0;
	FILE *f = fopen(NR_HUGE, "r+e");

	if (!f)
		return -ENOMEM;
	if (fscanf(f, "%u", &have) == 1 && have < pages) {
		rewind(f);
		fprintf(f, "%u\n", pages);
		fflush(f);
		rewind(f);
		if (fscanf(f, "%u", &have) != 1)
			have = 0;
	}
	fclose(f);
	return have >= pages ? 0 : -ENOMEM;
}

u64 guestmem_alloc(struct guestmem *mem, size_t size, size_t align)
{
	u64 start = (mem->ipa + mem->used + align - 1) & ~(align - 1);

	if (size > mem->size || start - mem->ipa > mem->size - size)
		return 0;
	mem->used = start - mem->ipa + size;
	return start;
}

void *guestmem_at(const struct guestmem *mem, u64 ipa, size_t len)
{
	if (ipa < mem->ipa || ipa - mem->ipa > mem->size ||
	    len > mem->size - (ipa - mem->ipa))
		return NULL;
	return mem->va + (ipa - mem->ipa);
}

u64 host_pa(const void *va)
{
	uintptr_t addr = (uintptr_t)va;
	long page = sysconf(_SC_PAGESIZE);
	u64 entry = 0;
	int fd;

	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (pread(fd, &entry, sizeof(entry), addr / page * sizeof(entry)) !=
	    sizeof(entry))
		entry = 0;
	close(fd);
	/* bit 63: present; bits 54:0: page frame number */
	if (!(entry >> 63))
		return 0;
	entry &= (1ULL << 55) - 1;
	return entry ? entry * page + addr % page : 0;
}
