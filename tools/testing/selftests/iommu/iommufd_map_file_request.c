// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU_IOAS_MAP_FILE, the request: what is refused, in which order, and who may map
 * what. With the mock driver.
 */
#include <linux/fs.h>
#include <linux/userfaultfd.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "iommufd_map_file_utils.h"

/* Another process's file can be opened anew, with other rights */
static int reopen(int file, int flags)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	return open(path, flags | O_CLOEXEC);
}

FIXTURE(map_file_request)
{
	int fd;
	struct mock_vm vm;
	int file;
};

FIXTURE_SETUP(map_file_request)
{
	const char *why = map_file_missing();

	self->file = -1;
	if (why)
		SKIP(return, "%s", why);
	mock_vm_setup(_metadata, &self->fd, &self->vm, false);
	self->file = memory_file(MFD_ALLOW_SEALING, 16 * PAGE_SIZE);
	ASSERT_LE(0, self->file);
}

FIXTURE_TEARDOWN(map_file_request)
{
	if (self->file >= 0)
		close(self->file);
	mock_vm_teardown(_metadata, self->fd, &self->vm);
}

/* One thing after the other is put right; each is found before those behind it */
TEST_F(map_file_request, order)
{
	struct iommu_ioas_map_file cmd = {
		.size = sizeof(cmd),
		.flags = 1u << 3,
		.ioas_id = ABSENT_ID,
		.fd = -1,
		.start = UINT64_MAX,
		.length = UINT64_MAX,
		.iova = UINT64_MAX,
	};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	unsigned int bit;
	__u32 lazy;

#define refused(_errno) \
	EXPECT_EQ(_errno, _test_ioctl(self->fd, IOMMU_IOAS_MAP_FILE, &cmd))

	for (bit = 3; bit < 32; bit++) {
		cmd.flags = 1u << bit;
		refused(EOPNOTSUPP);
		cmd.flags |= FIXED | RW;
		refused(EOPNOTSUPP);
	}
	cmd.flags = FIXED;
	refused(EOVERFLOW);
	cmd.iova = BASE + 1;
	refused(EOVERFLOW);
	cmd.length = 0;
	refused(EINVAL);
	cmd.flags = FIXED | RW;
	refused(ENOENT);
	cmd.ioas_id = self->vm.dev_id;
	refused(ENOENT);
	cmd.ioas_id = self->vm.ioas_id;
	refused(EINVAL);
	cmd.length = 1;
	refused(EOVERFLOW);
	cmd.start = PAGE_SIZE;
	cmd.length = -PAGE_SIZE;
	refused(EOVERFLOW);
	cmd.length = PAGE_SIZE;
	refused(EBADF);
	cmd.fd = null;
	refused(EINVAL);
	cmd.fd = self->file;
	/* Not a loff_t: the first byte, the last one. Also where nothing is pinned. */
	test_ioctl_ioas_alloc(&lazy);
	cmd.ioas_id = lazy;
	cmd.iova = BASE;
	cmd.start = 1ULL << 63;
	refused(EINVAL);
	cmd.start = (1ULL << 63) - PAGE_SIZE / 2;
	refused(EINVAL);
	cmd.ioas_id = self->vm.ioas_id;
	cmd.iova = BASE + 1;
	cmd.start = 1;
	/* IOVA, start and length are multiples of the domain's smallest page */
	refused(EINVAL);
	cmd.iova = BASE;
	refused(EINVAL);
	cmd.start = 0;
	cmd.length = PAGE_SIZE - 1;
	refused(EINVAL);
	cmd.length = PAGE_SIZE;
	/* Outside of the aperture */
	cmd.iova = 0;
	refused(EINVAL);
	cmd.iova = BASE;
	/* Beyond the end of the file, by a page or by all of it */
	cmd.start = 16 * PAGE_SIZE;
	refused(EINVAL);
	cmd.start = (1ULL << 63) - PAGE_SIZE;
	refused(EINVAL);
	cmd.start = 15 * PAGE_SIZE;
	cmd.length = 2 * PAGE_SIZE;
	refused(EINVAL);
	cmd.length = PAGE_SIZE;
	refused(0);
	EXPECT_EQ(BASE, cmd.iova);
	refused(EEXIST);
	test_cmd_unmap(self->vm.ioas_id, BASE, PAGE_SIZE);
#undef refused
	close(null);
}

/* Nothing that holds something else, or that is backed by something else */
TEST_F(map_file_request, kinds)
{
	int sv[2], pfd[2], mfd, dir;
	__u32 lazy, id;
	size_t i;
	struct {
		const char *name;
		int fd;
		int err;
	} kind[] = {
		{ "a closed one", 1000, EBADF },
		{ "a negative one", -2, EBADF },
		{ "O_PATH", reopen(self->file, O_PATH), EBADF },
		{ "/dev/null", open("/dev/null", O_RDWR | O_CLOEXEC), EINVAL },
		{ "/dev/zero", open("/dev/zero", O_RDWR | O_CLOEXEC), EINVAL },
		{ "/proc", open("/proc/self/maps", O_RDONLY | O_CLOEXEC),
		  EINVAL },
		{ "a directory", open("/", O_RDONLY | O_CLOEXEC), EINVAL },
		{ "eventfd", eventfd(0, EFD_CLOEXEC), EINVAL },
		{ "epoll", epoll_create1(EPOLL_CLOEXEC), EINVAL },
		{ "socket", -1, EINVAL },
		{ "pipe", -1, EINVAL },
		{ "this program", open("/proc/self/exe", O_RDONLY | O_CLOEXEC),
		  EINVAL },
		/* It would hold itself for ever */
		{ "this iommufd", dup(self->fd), EINVAL },
		{ "another iommufd", open("/dev/iommu", O_RDWR | O_CLOEXEC),
		  EINVAL },
	};

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	ASSERT_EQ(0, pipe(pfd));
	for (i = 0; i < ARRAY_SIZE(kind); i++) {
		if (!strcmp(kind[i].name, "socket"))
			kind[i].fd = sv[0];
		if (!strcmp(kind[i].name, "pipe"))
			kind[i].fd = pfd[0];
	}

	/* Where pages are pinned at once, and where they are not */
	test_ioctl_ioas_alloc(&lazy);
	for (i = 0; i < ARRAY_SIZE(kind); i++) {
		for (id = 0; id < 2; id++) {
			EXPECT_EQ(kind[i].err,
				  map_file(self->fd,
					   id ? lazy : self->vm.ioas_id,
					   kind[i].fd, 0, PAGE_SIZE, BASE,
					   READABLE))
				TH_LOG("%s, fd %d", kind[i].name, kind[i].fd);
		}
	}
	for (i = 2; i < ARRAY_SIZE(kind); i++)
		close(kind[i].fd);
	close(sv[1]);
	close(pfd[1]);

	/* A directory of tmpfs is no memory */
	mfd = memory_file(0, 0);
	EXPECT_EQ(EINVAL, map_file(self->fd, self->vm.ioas_id, mfd, 0,
				   PAGE_SIZE, BASE, READABLE));
	close(mfd);
	dir = open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	EXPECT_EQ(EINVAL, map_file(self->fd, lazy, dir, 0, PAGE_SIZE, BASE,
				   READABLE));
	close(dir);
}

/* Of all ways to open a file with these seals: how many are refused */
static unsigned int permissions_of(struct __test_metadata *_metadata,
				   FIXTURE_DATA(map_file_request) * self,
				   __u32 lazy, unsigned int mfd_flags, int seals)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };
	static const struct {
		int prot;
		__u32 flags;
	} access[] = {
		{ PROT_READ, READABLE },
		{ PROT_WRITE, WRITEABLE },
		{ PROT_READ | PROT_WRITE, RW },
	};
	size_t size = mfd_flags ? HUGE_PAGE : PAGE_SIZE;
	int file = memory_file(MFD_ALLOW_SEALING | mfd_flags, size);
	unsigned int refused = 0;
	size_t i;

	EXPECT_LE(0, file);
	EXPECT_EQ(0, fcntl(file, F_ADD_SEALS, seals));
	for (i = 0; i < ARRAY_SIZE(modes) * ARRAY_SIZE(access); i++) {
		int mode = modes[i / ARRAY_SIZE(access)];
		size_t a = i % ARRAY_SIZE(access);
		int fd = reopen(file, mode);
		int want = 0;
		void *va;

		EXPECT_LE(0, fd);
		va = mmap(NULL, size, access[a].prot, MAP_SHARED, fd, 0);
		if (va == MAP_FAILED)
			want = errno;
		else
			munmap(va, size);
		EXPECT_EQ(want, map_file(self->fd, lazy, fd, 0, size, BASE,
					 access[a].flags))
			TH_LOG("seals %#x, mode %d, access %#x", seals, mode,
			       access[a].flags);
		EXPECT_EQ(want, map_file(self->fd, self->vm.ioas_id, fd, 0, size,
					 BASE, access[a].flags));
		if (want) {
			refused++;
		} else {
			EXPECT_EQ(0, _test_cmd_unmap(self->fd, lazy, BASE, size));
			EXPECT_EQ(0, _test_cmd_unmap(self->fd, self->vm.ioas_id,
						     BASE, size));
		}
		close(fd);
	}
	close(file);
	return refused;
}

/* What mmap() of the file says is what this ioctl says */
TEST_F(map_file_request, permissions)
{
	static const int seals[] = {
		0, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_FUTURE_WRITE,
		F_SEAL_WRITE, F_SEAL_WRITE | F_SEAL_FUTURE_WRITE, F_SEAL_SEAL,
	};
	unsigned int refused = 0, flags;
	__u32 lazy;
	size_t s;

	ASSERT_EQ(0, guestmem_reserve_huge(2));
	test_ioctl_ioas_alloc(&lazy);
	for (s = 0; s < ARRAY_SIZE(seals); s++) {
		refused += permissions_of(_metadata, self, lazy, 0, seals[s]);
		refused += permissions_of(_metadata, self, lazy,
					  MFD_HUGETLB | MFD_HUGE_2MB, seals[s]);
	}
	/* mmap() does refuse what it should, so the above has tested something */
	EXPECT_LT(40, refused);

	/* Only to be appended to; not every tmpfs has that */
	if (!ioctl(self->file, FS_IOC_GETFLAGS, &flags)) {
		flags |= FS_APPEND_FL;
		if (!ioctl(self->file, FS_IOC_SETFLAGS, &flags)) {
			EXPECT_EQ(EACCES, map_file(self->fd, lazy, self->file, 0,
						   PAGE_SIZE, BASE, RW));
			EXPECT_EQ(0, map_file(self->fd, lazy, self->file, 0,
					      PAGE_SIZE, BASE, READABLE));
		}
	}
}

static int add_seal(int file, int seal)
{
	return fcntl(file, F_ADD_SEALS, seal) ? errno : 0;
}

/* A file that devices may write to one day can't be sealed against writing */
TEST_F(map_file_request, sealed_later)
{
	__u32 ioas[2], stdev_id, hwpt_id;
	int other;

	test_ioctl_ioas_alloc(&ioas[0]);
	test_ioctl_ioas_alloc(&ioas[1]);

	/* Nothing is pinned, so the pages themselves don't tell */
	test_cmd_map_file(ioas[0], self->file, 0, PAGE_SIZE, BASE);
	EXPECT_EQ(EBUSY, add_seal(self->file, F_SEAL_WRITE));
	ASSERT_EQ(0, ioas_copy(self->fd, ioas[0], BASE, PAGE_SIZE, ioas[1],
			       OTHER, READABLE));
	test_cmd_unmap(ioas[0], BASE, PAGE_SIZE);
	/* The copy could be copied for writing */
	EXPECT_EQ(EBUSY, add_seal(self->file, F_SEAL_WRITE));
	test_cmd_unmap(ioas[1], OTHER, PAGE_SIZE);

	/* What is mapped already may go on, what is new may not be writeable */
	test_cmd_map_file(ioas[0], self->file, 0, PAGE_SIZE, BASE);
	EXPECT_EQ(0, add_seal(self->file, F_SEAL_FUTURE_WRITE));
	test_err_map_file(EPERM, ioas[0], self->file, 0, PAGE_SIZE,
			  BASE + PAGE_SIZE);
	EXPECT_EQ(0, map_file(self->fd, ioas[0], self->file, 0, PAGE_SIZE,
			      BASE + PAGE_SIZE, READABLE));
	EXPECT_EQ(0, _test_cmd_mock_domain(self->fd, ioas[0], &stdev_id,
					   &hwpt_id, NULL));
	/* Pinned, though only for reading */
	test_cmd_unmap(ioas[0], BASE, PAGE_SIZE);
	EXPECT_EQ(EBUSY, add_seal(self->file, F_SEAL_WRITE));
	test_cmd_unmap(ioas[0], BASE + PAGE_SIZE, PAGE_SIZE);
	EXPECT_EQ(0, add_seal(self->file, F_SEAL_WRITE));

	/* Mapped for reading it can be sealed, and never becomes writeable */
	other = memory_file(MFD_ALLOW_SEALING, PAGE_SIZE);
	ASSERT_LE(0, other);
	EXPECT_EQ(0, map_file(self->fd, ioas[1], other, 0, PAGE_SIZE, BASE,
			      READABLE));
	EXPECT_EQ(0, add_seal(other, F_SEAL_WRITE));
	EXPECT_EQ(EPERM, ioas_copy(self->fd, ioas[1], BASE, PAGE_SIZE, ioas[0],
				   OTHER, RW));
	EXPECT_EQ(0, ioas_copy(self->fd, ioas[1], BASE, PAGE_SIZE, ioas[0],
			       OTHER, READABLE));
	close(other);
}

/* Where the file ends counts when pages are pinned */
TEST_F(map_file_request, end_of_file)
{
	__u32 lazy, stdev_id, hwpt_id;
	char *va;

	test_ioctl_ioas_alloc(&lazy);
	test_cmd_map_file(lazy, self->file, 0, 32 * PAGE_SIZE, BASE);
	EXPECT_NE(0, _test_cmd_mock_domain(self->fd, lazy, &stdev_id, &hwpt_id,
					   NULL));
	EXPECT_EQ(EINVAL, errno);
	/* One byte less is not enough */
	ASSERT_EQ(0, ftruncate(self->file, 32 * PAGE_SIZE - 1));
	EXPECT_NE(0, _test_cmd_mock_domain(self->fd, lazy, &stdev_id, &hwpt_id,
					   NULL));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(0, ftruncate(self->file, 32 * PAGE_SIZE));
	ASSERT_EQ(0, _test_cmd_mock_domain(self->fd, lazy, &stdev_id, &hwpt_id,
					   NULL));
	va = mmap(NULL, 32 * PAGE_SIZE, PROT_RW, MAP_SHARED, self->file, 0);
	ASSERT_NE(MAP_FAILED, va);
	test_cmd_check_map(hwpt_id, BASE, 32 * PAGE_SIZE, va);
	munmap(va, 32 * PAGE_SIZE);

	/* The bytes count, not the pages: the mock's smallest page is a half */
	ASSERT_EQ(0, ftruncate(self->file, PAGE_SIZE / 2));
	test_err_map_file(EINVAL, self->vm.ioas_id, self->file, 0, PAGE_SIZE,
			  BASE);
	test_cmd_map_file(self->vm.ioas_id, self->file, 0, PAGE_SIZE / 2, BASE);
	ASSERT_EQ(0, ftruncate(self->file, 0));
	test_err_map_file(EINVAL, self->vm.ioas_id, self->file, 0, PAGE_SIZE / 2,
			  OTHER);
}

/* Whose pages aren't in memory: nobody has to be asked for a file's */
TEST_F(map_file_request, not_by_faults)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	char *va;

	if (uffd < 0)
		SKIP(return, "no userfaultfd (CONFIG_USERFAULTFD)");
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_API, &api));
	va = mmap(NULL, 16 * PAGE_SIZE, PROT_RW, MAP_SHARED, self->file, 0);
	ASSERT_NE(MAP_FAILED, va);
	reg.range.start = (uintptr_t)va;
	reg.range.len = 16 * PAGE_SIZE;
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_REGISTER, &reg));
	/* A fault of anybody's at va would wait for us */
	alarm(20);
	test_cmd_map_file(self->vm.ioas_id, self->file, 0, 16 * PAGE_SIZE, BASE);
	alarm(0);
	close(uffd);
	test_cmd_check_map(self->vm.hwpt_id, BASE, 16 * PAGE_SIZE, va);
	munmap(va, 16 * PAGE_SIZE);
}

TEST_HARNESS_MAIN
