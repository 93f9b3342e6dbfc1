// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest reaches without the kernel, with the mock driver: HW queues, which
 * hardware reads from guest memory, and windows, which user space maps.
 */
#include <stdlib.h>

#include "iommufd_viommu_utils.h"

#define SELFTEST_VIOMMU		IOMMU_VIOMMU_TYPE_SELFTEST
#define SELFTEST_QUEUE		IOMMU_HW_QUEUE_TYPE_SELFTEST

#define ABSENT_ID	0x7fffffff
#define BASE		MOCK_APERTURE_START
#define NOWHERE		(BASE + (64UL << 20))
/* The longest queue of the mock driver */
#define LENGTH_MAX	(4UL << 20)

#define RW	(PROT_READ | PROT_WRITE)

/* ---- HW queues */

FIXTURE(hw_queue)
{
	int fd;
	struct mock_vm vm;
	char *mem;
};

#define MEM_PAGES	16

FIXTURE_SETUP(hw_queue)
{
	const char *why = iommufd_mock_missing();

	if (why)
		SKIP(return, "%s", why);
	mock_vm_setup(_metadata, &self->fd, &self->vm, true);
	self->mem = mmap(NULL, MEM_PAGES * PAGE_SIZE, RW,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	ASSERT_NE(MAP_FAILED, self->mem);
}

FIXTURE_TEARDOWN(hw_queue)
{
	munmap(self->mem, MEM_PAGES * PAGE_SIZE);
	mock_vm_teardown(_metadata, self->fd, &self->vm);
}

static int hw_queue_alloc(int fd, struct iommu_hw_queue_alloc *cmd)
{
	cmd->size = sizeof(*cmd);
	return _test_ioctl(fd, IOMMU_HW_QUEUE_ALLOC, cmd);
}

/* IOAS_MAP at a fixed IOVA: 0 or the errno */
static int map_at(int fd, __u32 ioas_id, void *va, size_t len, __u64 iova,
		  __u32 prot)
{
	return _test_ioctl_ioas_map(fd, ioas_id, va, len, &iova,
				    IOMMU_IOAS_MAP_FIXED_IOVA | prot) ?
	       errno : 0;
}

#define READABLE	IOMMU_IOAS_MAP_READABLE
#define WRITEABLE	IOMMU_IOAS_MAP_WRITEABLE

static int unmap_at(int fd, __u32 ioas_id, __u64 iova, __u64 len,
		    uint64_t *done)
{
	return _test_ioctl_ioas_unmap(fd, ioas_id, iova, len, done) ? errno : 0;
}

/* The page frame behind an address; 0 if it can't be told */
static __u64 page_frame(const void *va)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	__u64 entry = 0;

	if (fd < 0)
		return 0;
	if (pread(fd, &entry, sizeof(entry),
		  (uintptr_t)va / PAGE_SIZE * sizeof(entry)) != sizeof(entry))
		entry = 0;
	close(fd);
	return entry & ((1ULL << 55) - 1);
}

TEST_F(hw_queue, order)
{
	struct mock_vm *vm = &self->vm;
	struct iommu_hw_queue_alloc cmd = {
		.flags = 1,
		.viommu_id = ABSENT_ID,
		.type = IOMMU_HW_QUEUE_TYPE_DEFAULT,
		.index = 2,
		.out_hw_queue_id = 0x5a5a5a5a,
		.nesting_parent_iova = UINT64_MAX,
		.length = 0,
	};
	__u32 next = _test_next_id(self->fd);
	int bit;

	EXPECT_EQ(EOPNOTSUPP, hw_queue_alloc(self->fd, &cmd));
	cmd.type = SELFTEST_QUEUE;
	for (bit = 0; bit < 32; bit++) {
		cmd.flags = 1u << bit;
		EXPECT_EQ(EOPNOTSUPP, hw_queue_alloc(self->fd, &cmd));
	}
	cmd.flags = 0;
	cmd.type = IOMMU_HW_QUEUE_TYPE_DEFAULT;
	EXPECT_EQ(EOPNOTSUPP, hw_queue_alloc(self->fd, &cmd));
	/* Whether the vIOMMU has the type is known only when there is a vIOMMU */
	cmd.type = 0xdead;
	EXPECT_EQ(EINVAL, hw_queue_alloc(self->fd, &cmd));
	/* The last byte counts, not the one after it */
	cmd.length = 2;
	EXPECT_EQ(EOVERFLOW, hw_queue_alloc(self->fd, &cmd));
	cmd.length = UINT64_MAX;
	cmd.nesting_parent_iova = 2;
	EXPECT_EQ(EOVERFLOW, hw_queue_alloc(self->fd, &cmd));
	cmd.nesting_parent_iova = 1;
	EXPECT_EQ(ENOENT, hw_queue_alloc(self->fd, &cmd));
	cmd.nesting_parent_iova = UINT64_MAX;
	cmd.length = 1;
	EXPECT_EQ(ENOENT, hw_queue_alloc(self->fd, &cmd));
	cmd.viommu_id = vm->viommu_id;
	EXPECT_EQ(EOPNOTSUPP, hw_queue_alloc(self->fd, &cmd));
	cmd.type = IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV;
	EXPECT_EQ(EOPNOTSUPP, hw_queue_alloc(self->fd, &cmd));

	/* J85: too long for the hardware, before memory is looked at */
	cmd.type = SELFTEST_QUEUE;
	cmd.nesting_parent_iova = NOWHERE;
	cmd.length = LENGTH_MAX + 1;
	EXPECT_EQ(EINVAL, hw_queue_alloc(self->fd, &cmd));
	cmd.length = 1ULL << 62;
	EXPECT_EQ(EINVAL, hw_queue_alloc(self->fd, &cmd));

	/* Memory: nothing there; then some, that devices may not read */
	cmd.length = PAGE_SIZE;
	EXPECT_EQ(ENOENT, hw_queue_alloc(self->fd, &cmd));
	ASSERT_EQ(0, map_at(self->fd, vm->ioas_id, self->mem, PAGE_SIZE,
			    NOWHERE, WRITEABLE));
	EXPECT_EQ(EPERM, hw_queue_alloc(self->fd, &cmd));
	ASSERT_EQ(0, unmap_at(self->fd, vm->ioas_id, NOWHERE, PAGE_SIZE, NULL));
	/* It may be read-only for them */
	ASSERT_EQ(0, map_at(self->fd, vm->ioas_id, self->mem, PAGE_SIZE,
			    NOWHERE, READABLE));

	/* The queue itself: its index, its place, the one below it */
	EXPECT_EQ(EINVAL, hw_queue_alloc(self->fd, &cmd));
	cmd.index = UINT32_MAX;
	EXPECT_EQ(EINVAL, hw_queue_alloc(self->fd, &cmd));
	cmd.index = 1;
	EXPECT_EQ(EIO, hw_queue_alloc(self->fd, &cmd));
	cmd.index = 0;
	EXPECT_EQ(EFAULT, _test_ioctl_no_reply(self->fd, IOMMU_HW_QUEUE_ALLOC,
					       &cmd, sizeof(cmd)));
	EXPECT_EQ(0x5a5a5a5a, cmd.out_hw_queue_id);
	EXPECT_EQ(next, _test_next_id(self->fd));
	/* No refusal has left the memory locked */
	ASSERT_EQ(0, unmap_at(self->fd, vm->ioas_id, NOWHERE, PAGE_SIZE, NULL));
	ASSERT_EQ(0, map_at(self->fd, vm->ioas_id, self->mem, PAGE_SIZE,
			    NOWHERE, READABLE));

	ASSERT_EQ(0, hw_queue_alloc(self->fd, &cmd));
	EXPECT_EQ(next, cmd.out_hw_queue_id);
	EXPECT_EQ(EEXIST, hw_queue_alloc(self->fd, &cmd));
	/* Its index is free, but there is no such memory: memory is first */
	cmd.index = 2;
	cmd.nesting_parent_iova = BASE;
	EXPECT_EQ(ENOENT, hw_queue_alloc(self->fd, &cmd));
	test_ioctl_destroy(cmd.out_hw_queue_id);
}

/* Made upwards without a gap, destroyed downwards */
TEST_F(hw_queue, stack)
{
	struct mock_vm *vm = &self->vm;
	__u32 id[2], other, viommu_id;
	int i;

	ASSERT_EQ(0, map_at(self->fd, vm->ioas_id, self->mem, 2 * PAGE_SIZE,
			    BASE, READABLE));
	for (i = 0; i < 3; i++) {
		test_err_hw_queue_alloc(EIO, vm->viommu_id, SELFTEST_QUEUE, 1,
					BASE, PAGE_SIZE);
		test_cmd_hw_queue_alloc(vm->viommu_id, SELFTEST_QUEUE, 0, BASE,
					PAGE_SIZE, &id[0]);
		test_err_hw_queue_alloc(EINVAL, vm->viommu_id, SELFTEST_QUEUE,
					2, BASE + PAGE_SIZE, PAGE_SIZE);
		test_cmd_hw_queue_alloc(vm->viommu_id, SELFTEST_QUEUE, 1,
					BASE + PAGE_SIZE, PAGE_SIZE, &id[1]);
		test_err_hw_queue_alloc(EEXIST, vm->viommu_id, SELFTEST_QUEUE,
					0, BASE, PAGE_SIZE);
		test_err_hw_queue_alloc(EEXIST, vm->viommu_id, SELFTEST_QUEUE,
					1, BASE, PAGE_SIZE);
		test_err_destroy(EBUSY, id[0]);
		test_ioctl_destroy(id[1]);
		test_err_destroy(ENOENT, id[1]);
		test_ioctl_destroy(id[0]);
	}
	/* Each vIOMMU has its own, and one below is none of another's */
	test_cmd_viommu_alloc(vm->dev_id, vm->parent_id, SELFTEST_VIOMMU, NULL,
			      0, &viommu_id);
	test_cmd_hw_queue_alloc(vm->viommu_id, SELFTEST_QUEUE, 0, BASE,
				PAGE_SIZE, &id[0]);
	test_err_hw_queue_alloc(EIO, viommu_id, SELFTEST_QUEUE, 1, BASE,
				PAGE_SIZE);
	test_cmd_hw_queue_alloc(viommu_id, SELFTEST_QUEUE, 0, BASE, PAGE_SIZE,
				&other);
	test_cmd_hw_queue_alloc(vm->viommu_id, SELFTEST_QUEUE, 1, BASE,
				PAGE_SIZE, &id[1]);
	test_ioctl_destroy(other);
	test_err_destroy(EBUSY, id[0]);
	/* The rest goes with the file */
}

/* I9: memory of a queue can't be unmapped, and a refused unmap removes nothing */
TEST_F(hw_queue, memory_stays)
{
	struct mock_vm *vm = &self->vm;
	uint64_t done;
	__u32 id[2];
	int i;

	/* Three mappings of one page each; the middle one has two queues */
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, map_at(self->fd, vm->ioas_id,
				    self->mem + i * PAGE_SIZE, PAGE_SIZE,
				    BASE + i * PAGE_SIZE, READABLE));
	test_cmd_hw_queue_alloc(vm->viommu_id, SELFTEST_QUEUE, 0,
				BASE + PAGE_SIZE, PAGE_SIZE / 2, &id[0]);
	test_cmd_hw_queue_alloc(vm->viommu_id, SELFTEST_QUEUE, 1,
				BASE + PAGE_SIZE + PAGE_SIZE / 2, PAGE_SIZE / 2,
				&id[1]);

	for (i = 1; i >= 0; i--) {
		EXPECT_EQ(EBUSY, unmap_at(self->fd, vm->ioas_id,
					  BASE + PAGE_SIZE, PAGE_SIZE, &done));
		EXPECT_EQ(EBUSY, unmap_at(self->fd, vm->ioas_id, BASE,
					  3 * PAGE_SIZE, &done));
		EXPECT_EQ(EBUSY, unmap_at(self->fd, vm->ioas_id, 0, UINT64_MAX,
					  &done));
		EXPECT_EQ(EBUSY, unmap_at(self->fd, vm->ioas_id, BASE,
					  2 * PAGE_SIZE, &done));
		test_ioctl_destroy(id[i]);
	}
	/* All three are there still, and can go now */
	ASSERT_EQ(0, unmap_at(self->fd, vm->ioas_id, 0, UINT64_MAX, &done));
	EXPECT_EQ(3 * PAGE_SIZE, done);
}

/* Mappings beside the queue's are not concerned */
TEST_F(hw_queue, other_memory_goes)
{
	struct mock_vm *vm = &self->vm;
	__u32 id;
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, map_at(self->fd, vm->ioas_id,
				    self->mem + i * PAGE_SIZE, PAGE_SIZE,
				    BASE + i * PAGE_SIZE, READABLE));
	test_cmd_hw_queue_alloc(vm->viommu_id, SELFTEST_QUEUE, 0,
				BASE + PAGE_SIZE, PAGE_SIZE, &id);
	EXPECT_EQ(0, unmap_at(self->fd, vm->ioas_id, BASE, PAGE_SIZE, NULL));
	EXPECT_EQ(0, unmap_at(self->fd, vm->ioas_id, BASE + 2 * PAGE_SIZE,
			      PAGE_SIZE, NULL));
	EXPECT_EQ(EBUSY, unmap_at(self->fd, vm->ioas_id, BASE + PAGE_SIZE,
				  PAGE_SIZE, NULL));
	/* A queue of a part of a mapping holds all of it */
	test_ioctl_destroy(id);
	ASSERT_EQ(0, unmap_at(self->fd, vm->ioas_id, BASE + PAGE_SIZE,
			      PAGE_SIZE, NULL));
	ASSERT_EQ(0, map_at(self->fd, vm->ioas_id, self->mem, 8 * PAGE_SIZE,
			    BASE, READABLE));
	test_cmd_hw_queue_alloc(vm->viommu_id, SELFTEST_QUEUE, 0,
				BASE + 7 * PAGE_SIZE + 16, 16, &id);
	EXPECT_EQ(EBUSY, unmap_at(self->fd, vm->ioas_id, BASE, 8 * PAGE_SIZE,
				  NULL));
	test_ioctl_destroy(id);
	ASSERT_EQ(0, unmap_at(self->fd, vm->ioas_id, BASE, 8 * PAGE_SIZE,
			      NULL));
}

/* Every byte of a queue must be mapped, in the nest parent's IOAS */
TEST_F(hw_queue, memory_is_mapped)
{
	struct mock_vm *vm = &self->vm;
	__u32 ioas_id, id;

	test_ioctl_ioas_alloc(&ioas_id);
	ASSERT_EQ(0, map_at(self->fd, ioas_id, self->mem, PAGE_SIZE, BASE,
			    READABLE));
	test_err_hw_queue_alloc(ENOENT, vm->viommu_id, SELFTEST_QUEUE, 0, BASE,
				PAGE_SIZE);
	ASSERT_EQ(0, map_at(self->fd, vm->ioas_id, self->mem, PAGE_SIZE,
			    BASE + PAGE_SIZE, READABLE));
	/* Its first byte isn't, its last byte isn't, a hole in it */
	test_err_hw_queue_alloc(ENOENT, vm->viommu_id, SELFTEST_QUEUE, 0,
				BASE + PAGE_SIZE - 1, 16);
	test_err_hw_queue_alloc(ENOENT, vm->viommu_id, SELFTEST_QUEUE, 0,
				BASE + 2 * PAGE_SIZE - 15, 16);
	ASSERT_EQ(0, map_at(self->fd, vm->ioas_id, self->mem, PAGE_SIZE,
			    BASE + 3 * PAGE_SIZE, READABLE));
	test_err_hw_queue_alloc(ENOENT, vm->viommu_id, SELFTEST_QUEUE, 0,
				BASE + 2 * PAGE_SIZE - 16,
				PAGE_SIZE + 32);
	/* To the very byte */
	test_cmd_hw_queue_alloc(vm->viommu_id, SELFTEST_QUEUE, 0,
				BASE + 2 * PAGE_SIZE - 16, 16, &id);
	test_ioctl_destroy(id);
	test_cmd_hw_queue_alloc(vm->viommu_id, SELFTEST_QUEUE, 0,
				BASE + PAGE_SIZE + 1, 1, &id);
	test_ioctl_destroy(id);
}

/*
 * Hardware does not translate what it reads from a queue: pages that are not
 * neighbours in physical memory are no queue. Whether two are is asked of pagemap.
 */
TEST_F(hw_queue, memory_is_contiguous)
{
	struct mock_vm *vm = &self->vm;
	int i, j, contiguous = 0, apart = 0;
	const size_t huge = 2UL << 20;
	char *mem, *both;

	if (!page_frame(self->mem))
		SKIP(return, "needs /proc/self/pagemap, as root");
	/* With a huge page there are neighbours for sure */
	both = mmap(NULL, 2 * huge, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, both);
	mem = both + (-(uintptr_t)both & (huge - 1));
	madvise(mem, huge, MADV_HUGEPAGE);
	memset(mem, 1, MEM_PAGES * PAGE_SIZE);

	for (i = 0; i < MEM_PAGES; i++) {
		for (j = 0; j < MEM_PAGES; j++) {
			char *a = mem + i * PAGE_SIZE;
			char *b = mem + j * PAGE_SIZE;
			bool good = page_frame(a) + 1 == page_frame(b);

			ASSERT_EQ(0, map_at(self->fd, vm->ioas_id, a, PAGE_SIZE,
					    BASE, READABLE));
			ASSERT_EQ(0, map_at(self->fd, vm->ioas_id, b, PAGE_SIZE,
					    BASE + PAGE_SIZE, READABLE));
			if (good) {
				__u32 id;

				contiguous++;
				test_cmd_hw_queue_alloc(vm->viommu_id,
							SELFTEST_QUEUE, 0,
							BASE + 16,
							2 * PAGE_SIZE - 32,
							&id);
				/* Both mappings are held */
				EXPECT_EQ(EBUSY, unmap_at(self->fd, vm->ioas_id,
							  BASE, PAGE_SIZE,
							  NULL));
				EXPECT_EQ(EBUSY, unmap_at(self->fd, vm->ioas_id,
							  BASE + PAGE_SIZE,
							  PAGE_SIZE, NULL));
				test_ioctl_destroy(id);
			} else {
				apart++;
				test_err_hw_queue_alloc(EFAULT, vm->viommu_id,
							SELFTEST_QUEUE, 0, BASE,
							2 * PAGE_SIZE);
				/* However little of the second it is */
				test_err_hw_queue_alloc(EFAULT, vm->viommu_id,
							SELFTEST_QUEUE, 0,
							BASE + PAGE_SIZE - 1,
							2);
			}
			ASSERT_EQ(0, unmap_at(self->fd, vm->ioas_id, BASE,
					      2 * PAGE_SIZE, NULL));
		}
	}
	/* A page is its own neighbour never, so there are some of these */
	EXPECT_LE(MEM_PAGES, apart);
	TH_LOG("%d pairs contiguous, %d not", contiguous, apart);
	munmap(both, 2 * huge);
}

/* A mapping whose pages don't begin where those of IOVAs do has no whole page */
TEST_F(hw_queue, memory_is_page_aligned)
{
	struct mock_vm *vm = &self->vm;

	/* The mock's smallest page is half of one */
	ASSERT_EQ(0, map_at(self->fd, vm->ioas_id, self->mem, PAGE_SIZE,
			    BASE + PAGE_SIZE / 2, READABLE));
	test_err_hw_queue_alloc(EINVAL, vm->viommu_id, SELFTEST_QUEUE, 0,
				BASE + PAGE_SIZE / 2, PAGE_SIZE / 2);
	ASSERT_EQ(0, unmap_at(self->fd, vm->ioas_id, BASE + PAGE_SIZE / 2,
			      PAGE_SIZE, NULL));
}

/* A queue keeps nothing but what it must: its vIOMMU and its memory */
TEST_F(hw_queue, outlives_device_and_file)
{
	struct mock_vm *vm = &self->vm;
	__u32 id;

	ASSERT_EQ(0, map_at(self->fd, vm->ioas_id, self->mem, PAGE_SIZE, BASE,
			    READABLE));
	test_cmd_hw_queue_alloc(vm->viommu_id, SELFTEST_QUEUE, 0, BASE,
				PAGE_SIZE, &id);
	test_ioctl_destroy(vm->stdev_id);
	test_err_destroy(EBUSY, vm->viommu_id);
	EXPECT_EQ(EBUSY, unmap_at(self->fd, vm->ioas_id, BASE, PAGE_SIZE,
				  NULL));
	/* User space may forget the memory: what devices read stays */
	ASSERT_EQ(0, madvise(self->mem, PAGE_SIZE, MADV_DONTNEED));
	self->mem[0] = 1;
	test_ioctl_destroy(id);
	ASSERT_EQ(0, unmap_at(self->fd, vm->ioas_id, BASE, PAGE_SIZE, NULL));
}

/* ---- windows */

#define MAGIC	0xbeef1234

FIXTURE(window)
{
	int fd;
	struct mock_vm vm;
	/* A vIOMMU with a window of two pages */
	struct iommu_viommu_selftest data;
	__u32 viommu_id;
};

FIXTURE_SETUP(window)
{
	const char *why = iommufd_mock_missing();
	struct mock_vm *vm = &self->vm;

	if (why)
		SKIP(return, "%s", why);
	mock_vm_setup(_metadata, &self->fd, vm, true);
	self->data.in_data = MAGIC;
	test_cmd_viommu_alloc(vm->dev_id, vm->parent_id, SELFTEST_VIOMMU,
			      &self->data, sizeof(self->data),
			      &self->viommu_id);
	EXPECT_EQ(MAGIC, self->data.out_data);
	ASSERT_EQ(2 * PAGE_SIZE, self->data.out_mmap_length);
	ASSERT_NE(0, self->data.out_mmap_offset);
}

FIXTURE_TEARDOWN(window)
{
	mock_vm_teardown(_metadata, self->fd, &self->vm);
}

/* A window is mapped whole, from its start; there is nothing else to map */
TEST_F(window, exactly)
{
	const __u64 offset = self->data.out_mmap_offset;
	const size_t len = 2 * PAGE_SIZE;
	struct iommu_viommu_selftest other = {};
	struct mock_vm *vm = &self->vm;
	__u32 *p, id;
	void *va;
	int fd;

	test_err_mmap(ENXIO, 0, PAGE_SIZE);
	test_err_mmap(ENXIO, 0, len);
	test_err_mmap(ENXIO, offset - PAGE_SIZE, len);
	test_err_mmap(ENXIO, offset - PAGE_SIZE, 3 * PAGE_SIZE);
	test_err_mmap(ENXIO, offset + PAGE_SIZE, len);
	test_err_mmap(ENXIO, offset + PAGE_SIZE, PAGE_SIZE);
	test_err_mmap(ENXIO, offset + len, len);
	test_err_mmap(ENXIO, offset, PAGE_SIZE);
	test_err_mmap(ENXIO, offset, 3 * PAGE_SIZE);
	test_err_mmap(ENXIO, offset, 4 * PAGE_SIZE);
	test_err_mmap(ENXIO, offset, 1024 * PAGE_SIZE);
	test_err_mmap(ENXIO, 1ULL << 40, len);

	/* Two windows beside each other are two, not one of double size */
	test_cmd_viommu_alloc(vm->dev_id, vm->parent_id, SELFTEST_VIOMMU,
			      &other, sizeof(other), &id);
	test_err_mmap(ENXIO, offset, 2 * len);

	/* Another iommufd knows nothing of it */
	fd = open("/dev/iommu", O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(ENXIO, _test_cmd_mmap(fd, offset, len, NULL));
	close(fd);

	test_cmd_mmap(offset, len, &va);
	p = va;
	EXPECT_EQ(MAGIC, p[0]);
	p[PAGE_SIZE / 4] = 0x1234;
	EXPECT_EQ(0x1234, p[PAGE_SIZE / 4]);
	munmap(va, len);
}

/* How it is mapped: shared and not executable; in this order of refusals */
TEST_F(window, shared_and_not_executable)
{
	const __u64 offset = self->data.out_mmap_offset;
	const size_t len = 2 * PAGE_SIZE;
	static const int prots[] = { PROT_NONE, PROT_READ, PROT_WRITE, RW };
	void *p;
	size_t i;

	EXPECT_EQ(EINVAL, _test_cmd_mmap_prot(self->fd, 0, PAGE_SIZE,
					      RW | PROT_EXEC, MAP_PRIVATE,
					      NULL));
	EXPECT_EQ(EINVAL, _test_cmd_mmap_prot(self->fd, offset, len, RW,
					      MAP_PRIVATE, NULL));
	EXPECT_EQ(EINVAL, _test_cmd_mmap_prot(self->fd, offset, len, PROT_READ,
					      MAP_PRIVATE, NULL));
	EXPECT_EQ(EPERM, _test_cmd_mmap_prot(self->fd, 0, PAGE_SIZE,
					     RW | PROT_EXEC, MAP_SHARED, NULL));
	EXPECT_EQ(EPERM, _test_cmd_mmap_prot(self->fd, offset, len,
					     PROT_READ | PROT_EXEC, MAP_SHARED,
					     NULL));
	for (i = 0; i < ARRAY_SIZE(prots); i++) {
		ASSERT_EQ(0, _test_cmd_mmap_prot(self->fd, offset, len,
						 prots[i], MAP_SHARED, &p));
		/* J94: nor later, all of it or a part */
		EXPECT_EQ(-1, mprotect(p, len, RW | PROT_EXEC));
		EXPECT_EQ(EACCES, errno);
		EXPECT_EQ(-1, mprotect(p, PAGE_SIZE, PROT_EXEC));
		EXPECT_EQ(EACCES, errno);
		/* All else may change */
		EXPECT_EQ(0, mprotect(p, len, PROT_NONE));
		EXPECT_EQ(0, mprotect(p, len, RW));
		EXPECT_EQ(MAGIC, *(__u32 *)p);
		munmap(p, len);
	}
}

/* Several mappings see the same, and the last of them lets go of the vIOMMU */
TEST_F(window, each_mapping_keeps_the_viommu)
{
	const __u64 offset = self->data.out_mmap_offset;
	const size_t len = 2 * PAGE_SIZE;
	__u32 *a, *b;
	void *va, *vb;

	test_cmd_mmap(offset, len, &va);
	test_cmd_mmap(offset, len, &vb);
	a = va;
	b = vb;
	a[1] = 77;
	EXPECT_EQ(77, b[1]);
	test_err_destroy(EBUSY, self->viommu_id);
	munmap(va, len);
	test_err_destroy(EBUSY, self->viommu_id);
	EXPECT_EQ(77, b[1]);
	munmap(vb, len);
	test_ioctl_destroy(self->viommu_id);
	/* Gone, and the offset is not given out again */
	test_err_mmap(ENXIO, offset, len);
	test_cmd_viommu_alloc(self->vm.dev_id, self->vm.parent_id,
			      SELFTEST_VIOMMU, &self->data, sizeof(self->data),
			      &self->viommu_id);
	EXPECT_NE(offset, self->data.out_mmap_offset);
	test_err_mmap(ENXIO, offset, len);
}

/* What is left of a mapping, wherever it is, keeps it; it can't become more */
TEST_F(window, parts_of_a_mapping)
{
	const size_t len = 2 * PAGE_SIZE;
	char *p, *elsewhere;
	void *va;

	test_cmd_mmap(self->data.out_mmap_offset, len, &va);
	p = va;
	/* Two VMAs */
	ASSERT_EQ(0, mprotect(p + PAGE_SIZE, PAGE_SIZE, PROT_READ));
	test_err_destroy(EBUSY, self->viommu_id);
	/* No growing, in place or elsewhere, nor the old way to double it */
	EXPECT_EQ(MAP_FAILED, mremap(p, PAGE_SIZE, 2 * len, MREMAP_MAYMOVE));
	EXPECT_EQ(MAP_FAILED, mremap(p + PAGE_SIZE, PAGE_SIZE, len, 0));
	EXPECT_EQ(MAP_FAILED, mremap(p, 0, PAGE_SIZE, MREMAP_MAYMOVE));
	/* What is dropped comes back */
	madvise(p, PAGE_SIZE, MADV_DONTNEED);
	EXPECT_EQ(MAGIC, *(__u32 *)p);
	/* Moved */
	elsewhere = mmap(NULL, PAGE_SIZE, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, elsewhere);
	ASSERT_EQ(elsewhere, mremap(p, PAGE_SIZE, PAGE_SIZE,
				    MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere));
	EXPECT_EQ(MAGIC, *(__u32 *)elsewhere);
	test_err_destroy(EBUSY, self->viommu_id);
	ASSERT_EQ(0, munmap(p + PAGE_SIZE, PAGE_SIZE));
	test_err_destroy(EBUSY, self->viommu_id);
	ASSERT_EQ(0, munmap(elsewhere, PAGE_SIZE));
	test_ioctl_destroy(self->viommu_id);

	/* Covered by something else is unmapped as well */
	test_cmd_viommu_alloc(self->vm.dev_id, self->vm.parent_id,
			      SELFTEST_VIOMMU, &self->data, sizeof(self->data),
			      &self->viommu_id);
	test_cmd_mmap(self->data.out_mmap_offset, len, &va);
	ASSERT_EQ(va, mmap(va, len, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	test_ioctl_destroy(self->viommu_id);
	munmap(va, len);
}

/* A child has a mapping of its own, and takes it along when it dies */
TEST_F(window, fork_keeps_it)
{
	const size_t len = 2 * PAGE_SIZE;
	int pipefd[2], back[2], status;
	pid_t child;
	__u32 *p;
	void *va;
	char c;

	test_cmd_mmap(self->data.out_mmap_offset, len, &va);
	p = va;
	ASSERT_EQ(0, pipe(pipefd));
	ASSERT_EQ(0, pipe(back));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		close(pipefd[1]);
		p[2] = p[0] == MAGIC ? 0x600d : 0xbad;
		if (write(back[1], "x", 1) != 1)
			_exit(1);
		_exit(read(pipefd[0], &c, 1) != 0);
	}
	ASSERT_EQ(1, read(back[0], &c, 1));
	EXPECT_EQ(0x600d, p[2]);
	close(pipefd[0]);
	close(back[0]);
	close(back[1]);
	munmap(va, len);
	test_err_destroy(EBUSY, self->viommu_id);
	close(pipefd[1]);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	test_ioctl_destroy(self->viommu_id);
}

/* The iommufd can be closed first: a mapping keeps all of it */
TEST_F(window, iommufd_closed_first)
{
	const size_t len = 2 * PAGE_SIZE;
	void *va;

	test_cmd_mmap(self->data.out_mmap_offset, len, &va);
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_EQ(MAGIC, *(__u32 *)va);
	EXPECT_STRNE("", mock_left());
	munmap(va, len);
	EXPECT_TRUE(mock_nothing_left())
		TH_LOG("left: %s", mock_left());
}

/* J81: found while its vIOMMU is published under its id, and not before */
TEST_F(window, not_before_its_viommu)
{
	struct iommu_viommu_selftest *data;
	const size_t len = 2 * PAGE_SIZE;
	struct iommu_viommu_alloc *cmd;
	struct stall stall;
	int succeed;

	if (stall_init(&stall))
		SKIP(return, "no userfaultfd (CONFIG_USERFAULTFD)");
	data = mmap(NULL, PAGE_SIZE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, data);
	for (succeed = 0; succeed < 2; succeed++) {
		memset(data, 0, sizeof(*data));
		cmd = stall.arg;
		*cmd = (struct iommu_viommu_alloc){
			.size = sizeof(*cmd),
			.type = SELFTEST_VIOMMU,
			.dev_id = self->vm.dev_id,
			.hwpt_id = self->vm.parent_id,
			.data_len = sizeof(*data),
			.data_uptr = (uintptr_t)data,
		};
		ASSERT_EQ(0, stall_begin(&stall, self->fd, IOMMU_VIOMMU_ALLOC));
		/* The driver has said where; the ioctl can fail yet */
		ASSERT_NE(0, data->out_mmap_offset);
		test_err_mmap(ENXIO, data->out_mmap_offset, len);
		ASSERT_EQ(succeed ? 0 : -EFAULT, stall_end(&stall, succeed));
		EXPECT_EQ(succeed ? 0 : ENXIO,
			  _test_cmd_mmap(self->fd, data->out_mmap_offset, len,
					 NULL));
	}
	stall_exit(&stall);
	munmap(data, PAGE_SIZE);
}

/* I6: a window is nothing that devices can be given */
TEST_F(window, not_for_dma)
{
	const size_t len = 2 * PAGE_SIZE;
	void *va;

	test_cmd_mmap(self->data.out_mmap_offset, len, &va);
	EXPECT_EQ(MAGIC, *(__u32 *)va);
	EXPECT_EQ(EFAULT, map_at(self->fd, self->vm.ioas_id, va, len, BASE,
				 READABLE | WRITEABLE));
	EXPECT_EQ(EFAULT, map_at(self->fd, self->vm.ioas_id, va, PAGE_SIZE,
				 BASE, READABLE));
	munmap(va, len);
}

TEST_HARNESS_MAIN
