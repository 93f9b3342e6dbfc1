/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of IOMMU_IOAS_MAP_FILE share: the ioctl, files of memory, and what
 * the system has of huge pages.
 */
#ifndef __SELFTEST_IOMMUFD_MAP_FILE_UTILS
#define __SELFTEST_IOMMUFD_MAP_FILE_UTILS

#include <linux/memfd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "iommufd_viommu_utils.h"
#include "vmm/guestmem.h"

#define READABLE	IOMMU_IOAS_MAP_READABLE
#define WRITEABLE	IOMMU_IOAS_MAP_WRITEABLE
#define FIXED		IOMMU_IOAS_MAP_FIXED_IOVA
#define RW		(READABLE | WRITEABLE)
#define PROT_RW		(PROT_READ | PROT_WRITE)

#define ABSENT_ID	0x7fffffff
#define BASE		MOCK_APERTURE_START
#define OTHER		(BASE + (256UL << 20))

#ifndef MFD_HUGE_2MB
#define MFD_HUGE_2MB	(21U << MAP_HUGE_SHIFT)
#endif

/* NULL, or why it can't be tested: to be said in a SKIP */
static inline const char *map_file_missing(void)
{
	struct iommu_ioas_map_file cmd = { .size = sizeof(cmd) };
	const char *why = iommufd_mock_missing();
	int fd;

	if (why)
		return why;
	fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (_test_ioctl(fd, IOMMU_IOAS_MAP_FILE, &cmd) == ENOTTY)
		why = "no IOMMU_IOAS_MAP_FILE in this kernel";
	close(fd);
	return why;
}

/* IOMMU_IOAS_MAP_FILE: 0 or its errno. *@iova is in with FIXED and always out. */
static inline int _test_cmd_map_file(int fd, __u32 ioas_id, int file,
				     __u64 start, __u64 length, __u64 *iova,
				     __u32 flags)
{
	struct iommu_ioas_map_file cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.ioas_id = ioas_id,
		.fd = file,
		.start = start,
		.length = length,
		.iova = *iova,
	};
	int rc = _test_ioctl(fd, IOMMU_IOAS_MAP_FILE, &cmd);

	*iova = cmd.iova;
	return rc;
}

#define test_cmd_map_file(ioas_id, file, start, length, iova)                  \
	ASSERT_EQ(0, _test_cmd_map_file(self->fd, ioas_id, file, start,        \
					length, &(__u64){ iova }, FIXED | RW))
#define test_err_map_file(_errno, ioas_id, file, start, length, iova)          \
	EXPECT_EQ(_errno,                                                      \
		  _test_cmd_map_file(self->fd, ioas_id, file, start, length,   \
				     &(__u64){ iova }, FIXED | RW))

/* IOMMU_IOAS_UNMAP of exactly that: 0 or its errno */
static inline int _test_cmd_unmap(int fd, __u32 ioas_id, __u64 iova,
				  __u64 length)
{
	return _test_ioctl_ioas_unmap(fd, ioas_id, iova, length, NULL) ? errno :
									 0;
}

#define test_cmd_unmap(ioas_id, iova, length) \
	ASSERT_EQ(0, _test_cmd_unmap(self->fd, ioas_id, iova, length))
#define test_err_unmap(_errno, ioas_id, iova, length) \
	EXPECT_EQ(_errno, _test_cmd_unmap(self->fd, ioas_id, iova, length))

/* Whether @hwpt_id translates the IOVA to the very pages that are at @va */
static inline int _test_cmd_check_map(int fd, __u32 hwpt_id, __u64 iova,
				      __u64 length, void *va)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_MD_CHECK_MAP,
		.id = hwpt_id,
		.check_map = { .iova = iova,
			       .length = length,
			       .uptr = (uintptr_t)va },
	};

	return _test_ioctl(fd, IOMMU_TEST_CMD, &cmd);
}

#define test_cmd_check_map(hwpt_id, iova, length, va) \
	ASSERT_EQ(0, _test_cmd_check_map(self->fd, hwpt_id, iova, length, va))
#define test_err_check_map(_errno, hwpt_id, iova, length, va)               \
	EXPECT_EQ(_errno, _test_cmd_check_map(self->fd, hwpt_id, iova, length, \
					      va))

/* Read or write by way of an access: 0 or its errno */
static inline int _test_cmd_rw(int fd, __u32 access_id, __u64 iova,
			       __u64 length, void *buf, __u32 flags)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_ACCESS_RW,
		.id = access_id,
		.access_rw = { .iova = iova,
			       .length = length,
			       .uptr = (uintptr_t)buf,
			       .flags = flags },
	};

	return _test_ioctl(fd, IOMMU_TEST_CMD, &cmd);
}

/* At a fixed IOVA: 0 or the errno */
static inline int map_file(int fd, __u32 ioas_id, int file, __u64 start,
			   __u64 length, __u64 iova, __u32 prot)
{
	return _test_cmd_map_file(fd, ioas_id, file, start, length, &iova,
				  FIXED | prot);
}

/* IOMMU_IOAS_COPY to a fixed IOVA: 0 or its errno */
static inline int ioas_copy(int fd, __u32 src, __u64 src_iova, __u64 length,
			    __u32 dst, __u64 dst_iova, __u32 prot)
{
	struct iommu_ioas_copy cmd = {
		.size = sizeof(cmd),
		.flags = FIXED | prot,
		.dst_ioas_id = dst,
		.src_ioas_id = src,
		.length = length,
		.dst_iova = dst_iova,
		.src_iova = src_iova,
	};

	return _test_ioctl(fd, IOMMU_IOAS_COPY, &cmd);
}

/* A memfd of @size bytes; @flags of memfd_create() */
static inline int memory_file(unsigned int flags, off_t size)
{
	int fd = memfd_create("map_file", flags | MFD_CLOEXEC);

	if (fd >= 0 && ftruncate(fd, size)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A file of @size bytes on a tmpfs of its own, at @dir; to be unmounted */
static inline int tmpfs_file(char *dir, size_t size, const char *options)
{
	char path[96];
	int fd;

	sprintf(dir, "/dev/map_file.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	if (mount("none", dir, "tmpfs", 0, options)) {
		rmdir(dir);
		dir[0] = 0;
		return -1;
	}
	snprintf(path, sizeof(path), "%s/file", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && (ftruncate(fd, size) || unlink(path)))
		return -1;
	return fd;
}

/* What the system has of huge pages of 2 MiB, in pages */
struct huge_pool {
	long total;
	long free;
	long reserved;
	long surplus;
};

static inline long huge_pool_file(const char *name, const char *value)
{
	char path[96];
	long n = -1;
	FILE *f;

	snprintf(path, sizeof(path),
		 "/sys/kernel/mm/hugepages/hugepages-2048kB/%s", name);
	f = fopen(path, value ? "we" : "re");
	if (!f)
		return -1;
	if (value)
		n = fputs(value, f) < 0 ? -1 : 0;
	else if (fscanf(f, "%ld", &n) != 1)
		n = -1;
	if (fclose(f))
		n = -1;
	return n;
}

static inline struct huge_pool huge_pool_read(void)
{
	return (struct huge_pool){
		.total = huge_pool_file("nr_hugepages", NULL),
		.free = huge_pool_file("free_hugepages", NULL),
		.reserved = huge_pool_file("resv_hugepages", NULL),
		.surplus = huge_pool_file("surplus_hugepages", NULL),
	};
}

/* The pool is @was but for so many free, reserved and surplus pages */
#define EXPECT_POOL(was, dfree, dreserved, dsurplus) \
	expect_pool(_metadata, __LINE__, &(was), dfree, dreserved, dsurplus)
static inline void expect_pool(struct __test_metadata *_metadata, int line,
			       const struct huge_pool *was, long free,
			       long reserved, long surplus)
{
	struct huge_pool is = huge_pool_read();

	EXPECT_EQ(was->free + free, is.free) TH_LOG("line %d", line);
	EXPECT_EQ(was->reserved + reserved, is.reserved) TH_LOG("line %d", line);
	EXPECT_EQ(was->surplus + surplus, is.surplus) TH_LOG("line %d", line);
	EXPECT_EQ(was->total + surplus, is.total) TH_LOG("line %d", line);
}

#endif
