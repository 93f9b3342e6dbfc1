// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The memory that a program has for structures, data and pages: areas at fixed
 * addresses, of each kind that the kernel may meet.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fuzz.h"

static void *map(unsigned int area, int prot, int flags, int fd)
{
	return mmap((void *)fuzz_area_at(area), fuzz_area_size(area), prot,
		    flags | MAP_FIXED, fd, 0);
}

/* A memfd, and the program's own view of it */
static int make_file(struct fuzz_memory *m, unsigned int area, int prot)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	void *p;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, FUZZ_AREA_SIZE))
		return -errno;
	p = mmap(NULL, FUZZ_AREA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED || map(area, prot, MAP_SHARED, fd) == MAP_FAILED)
		return -errno;
	m->alias[area] = p;
	return fd;
}

/* Pages come when somebody has waited for them: @alias is what they will be */
static int make_stall(struct fuzz_memory *m)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { fuzz_area_at(A_STALL), FUZZ_AREA_SIZE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	void *p = mmap(NULL, FUZZ_AREA_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd;

	if (p == MAP_FAILED)
		return -errno;
	m->alias[A_STALL] = p;
	fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg)) {
		close(fd);
		return 0;
	}
	/* Out of reach of the program's own calls */
	m->uffd = fcntl(fd, F_DUPFD_CLOEXEC, 300);
	close(fd);
	return 0;
}

int fuzz_memory_init(struct fuzz_memory *m)
{
	static const u8 anonymous[] = { A_PRIVATE, A_HOLE, A_STALL, A_HUGE };
	unsigned int i;
	int fd;

	m->uffd = -1;
	for (i = 0; i < sizeof(anonymous); i++)
		if (map(anonymous[i], PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1) == MAP_FAILED)
			return -errno;
	munmap((void *)(fuzz_area_at(A_HOLE) + FUZZ_AREA_SIZE / 2), 0x1000);
	madvise((void *)fuzz_area_at(A_HUGE), fuzz_area_size(A_HUGE), MADV_HUGEPAGE);

	m->memfd[0] = make_file(m, A_SHARED, PROT_READ | PROT_WRITE);
	m->memfd[1] = make_file(m, A_CUT, PROT_READ | PROT_WRITE);
	if (m->memfd[0] < 0 || m->memfd[1] < 0)
		return m->memfd[0] < 0 ? m->memfd[0] : m->memfd[1];
	if (ftruncate(m->memfd[1], FUZZ_AREA_SIZE / 2))
		return -errno;
	fd = make_file(m, A_READONLY, PROT_READ);
	if (fd < 0)
		return fd;
	close(fd);
	fd = make_file(m, A_NONE, PROT_NONE);
	if (fd < 0)
		return fd;
	close(fd);
	return make_stall(m);
}
