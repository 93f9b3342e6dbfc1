// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of files in an IOAS, with the mock driver: such a mapping does all that one
 * of a process's memory does, for each kind of file.
 *
 * What is mapped is looked at in two ways: by the pages that the mock IOMMU's tables
 * name, compared with those of a mapping of the file in this process; and by the
 * contents that an access from within the kernel finds.
 */
#include <linux/falloc.h>
#include <linux/vfio.h>
#include <signal.h>

#include "iommufd_map_file_utils.h"

/* Of one access by way of the mock */
#define RW_MAX	(16UL << 20)

FIXTURE(map_file)
{
	int fd;
	struct mock_vm vm;
	int file;
	/* The file in this process. Of the same size. */
	char *va;
	size_t size;
	char dir[64];
};

FIXTURE_VARIANT(map_file)
{
	/* Of memfd_create() */
	unsigned int flags;
	/* If not NULL, of a tmpfs instead */
	const char *options;
	size_t page;
	unsigned int pages;
};

FIXTURE_VARIANT_ADD(map_file, memfd)
{
	.page = 4096,
	.pages = 64,
};

FIXTURE_VARIANT_ADD(map_file, memfd_hugetlb)
{
	.flags = MFD_HUGETLB | MFD_HUGE_2MB,
	.page = HUGE_PAGE,
	.pages = 4,
};

FIXTURE_VARIANT_ADD(map_file, tmpfs)
{
	.options = "size=16M",
	.page = 4096,
	.pages = 64,
};

/* Huge pages that aren't reserved: the file may have them or not */
FIXTURE_VARIANT_ADD(map_file, tmpfs_huge)
{
	.options = "size=64M,huge=always",
	.page = 4096,
	.pages = 2048,
};

FIXTURE_SETUP(map_file)
{
	const char *why = map_file_missing();

	self->file = -1;
	if (why)
		SKIP(return, "%s", why);
	self->size = variant->page * variant->pages;
	if (variant->options)
		self->file = tmpfs_file(self->dir, self->size, variant->options);
	else if (variant->flags && guestmem_reserve_huge(3 * variant->pages))
		SKIP(return, "not enough memory for huge pages");
	else
		self->file = memory_file(variant->flags, self->size);
	if (self->file < 0)
		SKIP(return, "%m: CONFIG_TMPFS, HUGETLBFS, TRANSPARENT_HUGEPAGE?");
	mock_vm_setup(_metadata, &self->fd, &self->vm, false);
	self->va = mmap(NULL, self->size, PROT_RW, MAP_SHARED, self->file, 0);
	ASSERT_NE(MAP_FAILED, self->va);
}

FIXTURE_TEARDOWN(map_file)
{
	munmap(self->va, self->size);
	if (self->file >= 0)
		close(self->file);
	mock_vm_teardown(_metadata, self->fd, &self->vm);
	if (self->dir[0]) {
		/* EBUSY if anything still had the file */
		EXPECT_EQ(0, umount(self->dir));
		rmdir(self->dir);
	}
}

/* A byte for each place, that no other place nearby has */
static char pattern(size_t at)
{
	return at * 7 + at / 4096 * 13;
}

/* Two domains. The device's pages are the process's, whoever was first. */
TEST_F(map_file, same_pages)
{
	const __u32 hwpts[] = { self->vm.hwpt_id, self->vm.parent_id };
	size_t half = self->size / 2;
	size_t i;

	memset(self->va, 1, half);
	test_cmd_map_file(self->vm.ioas_id, self->file, 0, self->size, BASE);
	for (i = 0; i < ARRAY_SIZE(hwpts); i++) {
		test_cmd_check_map(hwpts[i], BASE, self->size, self->va);
		/* Not just anything passes */
		test_err_check_map(EINVAL, hwpts[i], BASE, self->size / 2,
				   self->va + half);
	}
	EXPECT_EQ(1, self->va[half - 1]);
	EXPECT_EQ(0, self->va[half]);
	EXPECT_EQ(0, self->va[self->size - 1]);

	/* As one, not in parts */
	test_err_unmap(ENOENT, self->vm.ioas_id, BASE, self->size - PAGE_SIZE);
	test_err_unmap(ENOENT, self->vm.ioas_id, BASE + PAGE_SIZE,
		       self->size - PAGE_SIZE);
	test_cmd_unmap(self->vm.ioas_id, BASE, self->size);
	for (i = 0; i < ARRAY_SIZE(hwpts); i++)
		test_err_check_map(EINVAL, hwpts[i], BASE, PAGE_SIZE, self->va);
}

/* Any part of the file, down to the domain's smallest page */
TEST_F(map_file, part)
{
	const size_t half = PAGE_SIZE / 2;
	const struct {
		size_t start;
		size_t length;
	} parts[] = {
		{ 0, half }, { half, half }, { half, PAGE_SIZE },
		{ PAGE_SIZE, PAGE_SIZE }, { half, 4 * PAGE_SIZE },
		{ 3 * PAGE_SIZE, self->size - 3 * PAGE_SIZE },
		{ self->size / 2 - half, PAGE_SIZE },
		{ self->size / 2 - PAGE_SIZE, 5 * PAGE_SIZE + half },
		{ self->size - half, half },
		{ half, self->size - PAGE_SIZE },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		__u64 iova = BASE + (parts[i].start % PAGE_SIZE);

		test_cmd_map_file(self->vm.ioas_id, self->file, parts[i].start,
				  parts[i].length, iova);
		test_cmd_check_map(self->vm.hwpt_id, iova, parts[i].length,
				   self->va + parts[i].start);
		test_cmd_check_map(self->vm.parent_id, iova, parts[i].length,
				   self->va + parts[i].start);
		test_cmd_unmap(self->vm.ioas_id, iova, parts[i].length);
	}
}

/* The kernel's choice of IOVA allows large pages and keeps to what is allowed */
TEST_F(map_file, iova)
{
	struct iommu_iova_range allowed = { OTHER, OTHER + self->size - 1 };
	struct iommu_ioas_allow_iovas allow = {
		.size = sizeof(allow),
		.ioas_id = self->vm.ioas_id,
		.num_iovas = 1,
		.allowed_iovas = (uintptr_t)&allowed,
	};
	__u64 iova[3] = {};
	size_t i;

	ASSERT_EQ(0, _test_cmd_map_file(self->fd, self->vm.ioas_id, self->file, 0,
					self->size, &iova[0], RW));
	EXPECT_EQ(0, iova[0] % (self->size < HUGE_PAGE ? self->size : HUGE_PAGE));
	ASSERT_EQ(0, _test_cmd_map_file(self->fd, self->vm.ioas_id, self->file,
					PAGE_SIZE / 2, PAGE_SIZE, &iova[1], RW));
	EXPECT_EQ(PAGE_SIZE / 2, iova[1] % PAGE_SIZE);
	test_cmd_check_map(self->vm.hwpt_id, iova[0], self->size, self->va);
	test_cmd_check_map(self->vm.hwpt_id, iova[1], PAGE_SIZE,
			   self->va + PAGE_SIZE / 2);
	for (i = 0; i < 2; i++)
		test_cmd_unmap(self->vm.ioas_id, iova[i],
			       i ? PAGE_SIZE : self->size);

	ASSERT_EQ(0, ioctl(self->fd, IOMMU_IOAS_ALLOW_IOVAS, &allow));
	ASSERT_EQ(0, _test_cmd_map_file(self->fd, self->vm.ioas_id, self->file, 0,
					self->size, &iova[2], RW));
	EXPECT_EQ(OTHER, iova[2]);
	EXPECT_EQ(ENOSPC, _test_cmd_map_file(self->fd, self->vm.ioas_id,
					     self->file, 0, PAGE_SIZE, &iova[0],
					     RW));
	test_cmd_unmap(self->vm.ioas_id, OTHER, self->size);

	/* No more alignment than the start has: this fits exactly */
	allowed.start += PAGE_SIZE;
	ASSERT_EQ(0, ioctl(self->fd, IOMMU_IOAS_ALLOW_IOVAS, &allow));
	ASSERT_EQ(0, _test_cmd_map_file(self->fd, self->vm.ioas_id, self->file,
					PAGE_SIZE, self->size - PAGE_SIZE,
					&iova[2], RW));
	EXPECT_EQ(OTHER + PAGE_SIZE, iova[2]);
}

/* Nothing but the mapping needs the file, neither its fd nor its process */
TEST_F(map_file, closed)
{
	__u32 lazy, stdev_id, hwpt_id, access_id;
	char *buf = malloc(self->size);

	memset(self->va, 0x5a, self->size);
	test_ioctl_ioas_alloc(&lazy);
	test_cmd_map_file(self->vm.ioas_id, self->file, 0, self->size, BASE);
	test_cmd_map_file(lazy, self->file, 0, self->size, BASE);
	close(self->file);
	self->file = -1;
	test_cmd_mock_domain(lazy, &stdev_id, &hwpt_id, NULL);
	test_cmd_check_map(self->vm.hwpt_id, BASE, self->size, self->va);
	test_cmd_check_map(hwpt_id, BASE, self->size, self->va);
	munmap(self->va, self->size);

	test_cmd_create_access(lazy, &access_id, 0);
	memset(buf, 0, self->size);
	/* No more than the mock takes at a time */
	ASSERT_EQ(0, _test_cmd_rw(self->fd, access_id, BASE,
				  self->size > RW_MAX ? RW_MAX : self->size, buf,
				  0));
	EXPECT_EQ(0x5a, buf[0]);
	EXPECT_EQ(0x5a, buf[self->size > RW_MAX ? RW_MAX - 1 : self->size - 1]);
	test_cmd_destroy_access(access_id);
	free(buf);
}

/* Devices come and go: the pages are pinned, and are the same, for all of them */
TEST_F(map_file, domains)
{
	__u32 ioas_id, dev_id, stdev_id[3], hwpt_id[3];
	size_t i;

	test_ioctl_ioas_alloc(&ioas_id);
	test_cmd_map_file(ioas_id, self->file, 0, self->size / 2, BASE);
	test_cmd_mock_domain(ioas_id, &stdev_id[0], &hwpt_id[0], NULL);
	test_cmd_map_file(ioas_id, self->file, self->size / 2, self->size / 2,
			  OTHER);
	test_cmd_mock_domain_flags(ioas_id, MOCK_FLAGS_DEVICE_NO_DIRTY,
				   &stdev_id[1], &hwpt_id[1], NULL);
	test_cmd_mock_domain(ioas_id, &stdev_id[2], NULL, &dev_id);
	test_cmd_hwpt_alloc(dev_id, ioas_id, 0, &hwpt_id[2]);
	for (i = 0; i < 3; i++) {
		test_cmd_check_map(hwpt_id[i], BASE, self->size / 2, self->va);
		test_cmd_check_map(hwpt_id[i], OTHER, self->size / 2,
				   self->va + self->size / 2);
	}
	/* The one that the others have read the pages from */
	test_ioctl_destroy(stdev_id[0]);
	test_cmd_check_map(hwpt_id[2], BASE, self->size / 2, self->va);
	test_ioctl_destroy(stdev_id[1]);
	test_ioctl_destroy(hwpt_id[2]);
	test_ioctl_destroy(stdev_id[2]);
	/* None: unpinned, and pinned again for the next */
	test_cmd_mock_domain(ioas_id, &stdev_id[0], &hwpt_id[0], NULL);
	test_cmd_check_map(hwpt_id[0], BASE, self->size / 2, self->va);
	test_cmd_check_map(hwpt_id[0], OTHER, self->size / 2,
			   self->va + self->size / 2);
}

/* Whatever the kernel has to hold PFNs meanwhile */
TEST_F(map_file, little_memory)
{
	static const unsigned int limits[] = { 16, 24, 1024, 4096 };
	size_t length = self->size < 256 * PAGE_SIZE ? self->size :
						       256 * PAGE_SIZE;
	__u32 stdev_id, hwpt_id;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		test_ioctl_set_temp_memory_limit(limits[i]);
		test_cmd_map_file(self->vm.ioas_id, self->file, PAGE_SIZE / 2,
				  length - PAGE_SIZE, BASE + PAGE_SIZE / 2);
		test_cmd_check_map(self->vm.hwpt_id, BASE + PAGE_SIZE / 2,
				   length - PAGE_SIZE,
				   self->va + PAGE_SIZE / 2);
		test_cmd_mock_domain(self->vm.ioas_id, &stdev_id, &hwpt_id, NULL);
		test_ioctl_destroy(stdev_id);
		test_cmd_unmap(self->vm.ioas_id, BASE + PAGE_SIZE / 2,
			       length - PAGE_SIZE);
	}
	test_ioctl_set_default_memory_limit();
}

/* What an access reads is what is there, and what it writes is there then */
static void rw_all(struct __test_metadata *_metadata,
		   FIXTURE_DATA(map_file) * self, __u32 access_id, __u32 flags,
		   size_t length, char *buf)
{
	size_t at, i;

	for (at = 0; at + length <= self->size; at += self->size / 3 - 5) {
		memset(buf, 0, length);
		ASSERT_EQ(0, _test_cmd_rw(self->fd, access_id, BASE + at, length,
					  buf, flags));
		ASSERT_EQ(0, memcmp(buf, self->va + at, length));
		for (i = 0; i < length; i++)
			buf[i] = ~buf[i];
		ASSERT_EQ(0, _test_cmd_rw(self->fd, access_id, BASE + at, length,
					  buf, flags | MOCK_ACCESS_RW_WRITE));
		ASSERT_EQ(0, memcmp(buf, self->va + at, length));
	}
}

/* Reads and writes from within the kernel, pinned by a device or by nobody */
TEST_F(map_file, access_rw)
{
	size_t lengths[] = { 1, 100, PAGE_SIZE, PAGE_SIZE + 1,
			     self->size < 65536 ? self->size : 65536 };
	__u32 flags[] = { 0, MOCK_ACCESS_RW_SLOW_PATH };
	__u32 ioas[2] = { self->vm.ioas_id };
	char *buf = malloc(65536);
	__u32 access_id;
	size_t i, k, n;

	test_ioctl_ioas_alloc(&ioas[1]);
	for (i = 0; i < self->size; i++)
		self->va[i] = pattern(i);
	for (k = 0; k < ARRAY_SIZE(ioas); k++) {
		test_cmd_create_access(ioas[k], &access_id, 0);
		test_cmd_map_file(ioas[k], self->file, 0, self->size, BASE);
		for (n = 0; n < ARRAY_SIZE(flags) * ARRAY_SIZE(lengths); n++)
			rw_all(_metadata, self, access_id, flags[n % 2],
			       lengths[n / 2], buf);
		/* Not beyond */
		EXPECT_EQ(ENOENT, _test_cmd_rw(self->fd, access_id,
					       BASE + self->size - 1, 2, buf, 0));
		test_cmd_unmap(ioas[k], BASE, self->size);
		EXPECT_EQ(ENOENT, _test_cmd_rw(self->fd, access_id, BASE, 1, buf,
					       0));

		/* Neither more nor less than the mapping allows */
		ASSERT_EQ(0, map_file(self->fd, ioas[k], self->file, 0,
				      PAGE_SIZE, BASE, READABLE));
		EXPECT_EQ(0, _test_cmd_rw(self->fd, access_id, BASE, 1, buf, 0));
		EXPECT_EQ(EPERM, _test_cmd_rw(self->fd, access_id, BASE, 1, buf,
					      MOCK_ACCESS_RW_WRITE));
		test_cmd_unmap(ioas[k], BASE, PAGE_SIZE);
		test_cmd_destroy_access(access_id);
	}
	free(buf);
}

/* In pages that are nobody's yet; a write makes the file dirty */
TEST_F(map_file, access_first)
{
	__u32 ioas_id, access_id;
	char c = 0x77;

	test_ioctl_ioas_alloc(&ioas_id);
	test_cmd_create_access(ioas_id, &access_id, 0);
	test_cmd_map_file(ioas_id, self->file, 0, self->size, BASE);
	ASSERT_EQ(0, _test_cmd_rw(self->fd, access_id, BASE + self->size - 1, 1,
				  &c, MOCK_ACCESS_RW_WRITE));
	EXPECT_EQ(0x77, self->va[self->size - 1]);
	EXPECT_EQ(0, self->va[self->size - 2]);
	/* The file shrinks: as for a process, there is nothing there */
	ASSERT_EQ(0, ftruncate(self->file, self->size / 2));
	EXPECT_EQ(EINVAL, _test_cmd_rw(self->fd, access_id,
				       BASE + self->size / 2, 1, &c, 0));
	EXPECT_EQ(0, _test_cmd_rw(self->fd, access_id, BASE + self->size / 2 - 1,
				  1, &c, 0));
	EXPECT_EQ(0, c);
	test_cmd_destroy_access(access_id);
}

static int access_pages(int fd, __u32 access_id, __u64 iova, size_t length,
			void *va, __u32 flags, __u32 *id)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_ACCESS_PAGES,
		.id = access_id,
		.access_pages = { .flags = flags,
				  .iova = iova,
				  .length = length,
				  .uptr = (uintptr_t)va },
	};
	int rc = _test_ioctl(fd, IOMMU_TEST_CMD, &cmd);

	*id = cmd.access_pages.out_access_pages_id;
	return rc;
}

/* Pinned by somebody in the kernel, before, while and after a device has it */
TEST_F(map_file, access_pin)
{
	__u32 ioas_id, access_id, stdev_id, hwpt_id, id[4];
	size_t half = self->size / 2;

	test_ioctl_ioas_alloc(&ioas_id);
	test_cmd_create_access(ioas_id, &access_id,
			       MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES);
	test_cmd_map_file(ioas_id, self->file, 0, self->size, BASE);
	ASSERT_EQ(0, access_pages(self->fd, access_id, BASE + PAGE_SIZE, half,
				  self->va + PAGE_SIZE, MOCK_FLAGS_ACCESS_WRITE,
				  &id[0]));
	test_cmd_mock_domain(ioas_id, &stdev_id, &hwpt_id, NULL);
	test_cmd_check_map(hwpt_id, BASE, self->size, self->va);
	/* From the domain, from what is pinned already, and from both */
	ASSERT_EQ(0, access_pages(self->fd, access_id, BASE, half, self->va, 0,
				  &id[1]));
	ASSERT_EQ(0, access_pages(self->fd, access_id, BASE + half, half,
				  self->va + half, MOCK_FLAGS_ACCESS_WRITE,
				  &id[2]));
	test_cmd_destroy_access_pages(access_id, id[0]);
	test_ioctl_destroy(stdev_id);
	/* Still pinned: another file's end doesn't change that */
	ASSERT_EQ(0, access_pages(self->fd, access_id, BASE, self->size,
				  self->va, 0, &id[3]));
	test_cmd_destroy_access_pages(access_id, id[1]);
	test_cmd_destroy_access_pages(access_id, id[3]);
	/* The unmap tells the holder of the rest to let go */
	test_cmd_unmap(ioas_id, BASE, self->size);
	EXPECT_EQ(ENOENT, access_pages(self->fd, access_id, BASE, PAGE_SIZE,
				       self->va, 0, &id[0]));

	/* Only for reading */
	ASSERT_EQ(0, map_file(self->fd, ioas_id, self->file, 0, self->size, BASE,
			      READABLE));
	EXPECT_EQ(EPERM, access_pages(self->fd, access_id, BASE, PAGE_SIZE,
				      self->va, MOCK_FLAGS_ACCESS_WRITE, &id[0]));
	ASSERT_EQ(0, access_pages(self->fd, access_id, BASE, self->size,
				  self->va, 0, &id[0]));
	/* What can't be had is refused, with all of the rest let go */
	test_cmd_map_file(ioas_id, self->file, 0, self->size, OTHER);
	ASSERT_EQ(0, ftruncate(self->file, half));
	EXPECT_EQ(EINVAL, access_pages(self->fd, access_id, OTHER, self->size,
				       NULL, 0, &id[1]));
	test_cmd_destroy_access(access_id);
}

/* Copies have the same pages, once */
TEST_F(map_file, copy)
{
	__u32 ioas_id, stdev_id, hwpt_id;
	size_t part = self->size / 4;

	test_ioctl_ioas_alloc(&ioas_id);
	test_cmd_mock_domain(ioas_id, &stdev_id, &hwpt_id, NULL);
	test_cmd_map_file(self->vm.ioas_id, self->file, 0, self->size, BASE);
	ASSERT_EQ(0, ioas_copy(self->fd, self->vm.ioas_id, BASE, self->size,
			       ioas_id, OTHER, RW));
	ASSERT_EQ(0, ioas_copy(self->fd, self->vm.ioas_id, BASE + part, part,
			       ioas_id, BASE, READABLE));
	/* Within an IOAS as well, and a copy of a copy */
	ASSERT_EQ(0, ioas_copy(self->fd, ioas_id, BASE, part,
			       self->vm.ioas_id, OTHER, READABLE));
	test_cmd_check_map(hwpt_id, OTHER, self->size, self->va);
	test_cmd_check_map(hwpt_id, BASE, part, self->va + part);
	test_cmd_check_map(self->vm.hwpt_id, OTHER, part, self->va + part);
	test_cmd_unmap(self->vm.ioas_id, BASE, self->size);
	test_cmd_check_map(hwpt_id, OTHER, self->size, self->va);
	test_cmd_unmap(ioas_id, OTHER, self->size);
	test_cmd_check_map(hwpt_id, BASE, part, self->va + part);
	test_cmd_unmap(ioas_id, BASE, part);
	test_cmd_check_map(self->vm.hwpt_id, OTHER, part, self->va + part);
}

/* VFIO's old interface can take a piece out of a mapping */
TEST_F(map_file, split)
{
	struct iommu_vfio_ioas compat = {
		.size = sizeof(compat),
		.op = IOMMU_VFIO_IOAS_SET,
		.ioas_id = self->vm.ioas_id,
	};
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = BASE + 4 * PAGE_SIZE,
		.size = 2 * PAGE_SIZE,
	};
	__u32 access_id, id;

	ASSERT_EQ(0, ioctl(self->fd, IOMMU_VFIO_IOAS, &compat));
	ASSERT_EQ(0, ioctl(self->fd, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU));
	test_cmd_map_file(self->vm.ioas_id, self->file, 0, self->size, BASE);
	ASSERT_EQ(0, ioctl(self->fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	ASSERT_EQ(2 * PAGE_SIZE, unmap.size);
	test_cmd_check_map(self->vm.hwpt_id, BASE, 4 * PAGE_SIZE, self->va);
	test_err_check_map(EINVAL, self->vm.hwpt_id, BASE + 4 * PAGE_SIZE,
			   PAGE_SIZE, self->va + 4 * PAGE_SIZE);
	test_err_check_map(EINVAL, self->vm.hwpt_id, BASE + 5 * PAGE_SIZE,
			   PAGE_SIZE, self->va + 5 * PAGE_SIZE);
	test_cmd_check_map(self->vm.hwpt_id, BASE + 6 * PAGE_SIZE,
			   self->size - 6 * PAGE_SIZE, self->va + 6 * PAGE_SIZE);

	/* Both pieces go on as mappings of their own */
	test_cmd_create_access(self->vm.ioas_id, &access_id,
			       MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES);
	ASSERT_EQ(0, access_pages(self->fd, access_id, BASE + 6 * PAGE_SIZE,
				  4 * PAGE_SIZE, self->va + 6 * PAGE_SIZE, 0,
				  &id));
	test_cmd_destroy_access(access_id);
	test_cmd_unmap(self->vm.ioas_id, BASE, 4 * PAGE_SIZE);
	test_cmd_check_map(self->vm.parent_id, BASE + 6 * PAGE_SIZE,
			   self->size - 6 * PAGE_SIZE, self->va + 6 * PAGE_SIZE);
	test_cmd_unmap(self->vm.ioas_id, BASE + 6 * PAGE_SIZE,
		       self->size - 6 * PAGE_SIZE);
}

TEST_F(map_file, dirty_tracking)
{
	/* Of the mock's smallest pages */
	size_t page = PAGE_SIZE / 2, length = 64 * page;
	__u64 bitmap[64 / 64 + 1];
	__u32 dev_id, stdev_id, hwpt_id;

	test_cmd_mock_domain(self->vm.ioas_id, &stdev_id, NULL, &dev_id);
	test_cmd_hwpt_alloc(dev_id, self->vm.ioas_id,
			    IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt_id);
	test_cmd_map_file(self->vm.ioas_id, self->file, 0, self->size, BASE);
	test_cmd_set_dirty_tracking(hwpt_id, true);
	test_mock_dirty_bitmaps(hwpt_id, length, BASE, page, page,
				bitmap, 64, 0, _metadata);
	test_mock_dirty_bitmaps(hwpt_id, length, BASE, page, page,
				bitmap, 64,
				IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR, _metadata);
	test_cmd_set_dirty_tracking(hwpt_id, false);
	test_cmd_unmap(self->vm.ioas_id, BASE, self->size);
}

/* What happens to the file is not what happens to the device's memory */
TEST_F(map_file, truncate)
{
	__u32 access_id;
	size_t i;
	char c;

	for (i = 0; i < self->size; i += PAGE_SIZE)
		self->va[i] = pattern(i) | 1;
	test_cmd_map_file(self->vm.ioas_id, self->file, 0, self->size, BASE);
	test_cmd_create_access(self->vm.ioas_id, &access_id, 0);

	ASSERT_EQ(0, ftruncate(self->file, 0));
	ASSERT_EQ(0, ftruncate(self->file, self->size));
	for (i = 0; i < self->size; i += PAGE_SIZE) {
		ASSERT_EQ(0, self->va[i]);
		ASSERT_EQ(0, _test_cmd_rw(self->fd, access_id, BASE + i, 1, &c,
					  0));
		ASSERT_EQ((char)(pattern(i) | 1), c);
	}
	test_err_check_map(EINVAL, self->vm.hwpt_id, BASE, PAGE_SIZE, self->va);
	/* And another mapping of the same range has the new ones */
	test_cmd_map_file(self->vm.ioas_id, self->file, 0, self->size, OTHER);
	test_cmd_check_map(self->vm.hwpt_id, OTHER, self->size, self->va);

	ASSERT_EQ(0, fallocate(self->file,
			       FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       variant->page, variant->page));
	memset(self->va, 1, self->size);
	test_cmd_check_map(self->vm.hwpt_id, OTHER, variant->page, self->va);
	test_cmd_unmap(self->vm.ioas_id, BASE, self->size);
	test_cmd_unmap(self->vm.ioas_id, OTHER, self->size);
	test_cmd_destroy_access(access_id);
}

/* Who has made it is told, and could not ignore it */
static void memory_has_error(int sig)
{
}

/*
 * Nobody gets memory with an error, neither devices nor, by way of them, others. The
 * file keeps it until it is punched out.
 */
TEST_F(map_file, memory_error)
{
	size_t page = variant->page;

	if (variant->flags & MFD_HUGETLB)
		SKIP(return, "a huge page would be lost to the pool for good");
	memset(self->va, 1, self->size);
	ASSERT_NE(SIG_ERR, signal(SIGBUS, memory_has_error));
	if (madvise(self->va + page, page, MADV_HWPOISON))
		SKIP(return, "%m: CONFIG_MEMORY_FAILURE?");
	test_err_map_file(EHWPOISON, self->vm.ioas_id, self->file, 0,
			  self->size, BASE);
	test_err_map_file(EHWPOISON, self->vm.ioas_id, self->file,
			  2 * page - PAGE_SIZE, PAGE_SIZE, BASE);
	test_cmd_map_file(self->vm.ioas_id, self->file, 0, page, BASE);
	test_cmd_check_map(self->vm.hwpt_id, BASE, page, self->va);
	test_cmd_map_file(self->vm.ioas_id, self->file, 2 * page,
			  self->size - 2 * page, OTHER);
	test_cmd_check_map(self->vm.hwpt_id, OTHER, self->size - 2 * page,
			   self->va + 2 * page);
	test_cmd_unmap(self->vm.ioas_id, BASE, page);
	test_cmd_unmap(self->vm.ioas_id, OTHER, self->size - 2 * page);

	ASSERT_EQ(0, fallocate(self->file,
			       FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       page, page));
	test_cmd_map_file(self->vm.ioas_id, self->file, 0, self->size, BASE);
	/* The process's mapping does not forget the error */
	ASSERT_EQ(self->va, mmap(self->va, self->size, PROT_RW,
				 MAP_SHARED | MAP_FIXED, self->file, 0));
	test_cmd_check_map(self->vm.hwpt_id, BASE, self->size, self->va);
	test_cmd_unmap(self->vm.ioas_id, BASE, self->size);
}

/* A queue that hardware reads by itself can be in there */
TEST_F(map_file, hw_queue)
{
	size_t length = variant->page < HUGE_PAGE ? PAGE_SIZE : HUGE_PAGE;
	__u32 viommu_id, id;
	__u64 iova = BASE + self->size / 2;

	test_cmd_viommu_alloc(self->vm.dev_id, self->vm.parent_id,
			      IOMMU_VIOMMU_TYPE_SELFTEST, NULL, 0, &viommu_id);
	test_cmd_map_file(self->vm.ioas_id, self->file, 0, self->size, BASE);
	test_cmd_hw_queue_alloc(viommu_id, IOMMU_HW_QUEUE_TYPE_SELFTEST, 0, iova,
				length, &id);
	test_err_unmap(EBUSY, self->vm.ioas_id, BASE, self->size);
	test_err_unmap(EBUSY, self->vm.ioas_id, 0, UINT64_MAX);
	ASSERT_EQ(0, ftruncate(self->file, 0));
	test_err_unmap(EBUSY, self->vm.ioas_id, BASE, self->size);
	test_ioctl_destroy(id);
	test_cmd_unmap(self->vm.ioas_id, BASE, self->size);
	test_err_hw_queue_alloc(ENOENT, viommu_id, IOMMU_HW_QUEUE_TYPE_SELFTEST,
				0, iova, length);
}

TEST_HARNESS_MAIN
