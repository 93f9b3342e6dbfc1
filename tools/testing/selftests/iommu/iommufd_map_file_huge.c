// SPDX-License-Identifier: GPL-2.0-only
/*
 * Huge pages of a file that devices get before any process has touched them.
 *
 * The rules are those of a fault, whoever makes the file have a page:
 *
 *  - A page that was reserved for the file uses up that reservation, and no other.
 *  - One that was not must be free and reserved for nobody else, or a surplus page
 *    that the administrator allows. Otherwise there is none: ENOMEM.
 *  - It counts for the file system's size and for its reserved minimum.
 *  - When the file is gone and nothing is pinned, all is as before.
 *
 * Each test counts, before, in between and after. Nothing else on the system may
 * use huge pages meanwhile.
 */
#include <linux/falloc.h>
#include <sys/prctl.h>

#include "iommufd_map_file_utils.h"

#define POOL_PAGES	8

FIXTURE(map_file_huge)
{
	int fd;
	struct mock_vm vm;
	int file;
	struct huge_pool was;
	struct huge_pool restore;
	char dir[64];
};

FIXTURE_SETUP(map_file_huge)
{
	const char *why = map_file_missing();

	self->file = -1;
	if (why)
		SKIP(return, "%s", why);
	self->restore = huge_pool_read();
	if (huge_pool_file("nr_hugepages", "8") ||
	    huge_pool_file("nr_overcommit_hugepages", "0"))
		SKIP(return, "no huge pages of 2 MiB (CONFIG_HUGETLBFS, root)");
	self->was = huge_pool_read();
	if (self->was.total != POOL_PAGES || self->was.free != POOL_PAGES ||
	    self->was.reserved)
		SKIP(return, "not %d huge pages that nobody uses", POOL_PAGES);
	mock_vm_setup(_metadata, &self->fd, &self->vm, false);
	self->file = memory_file(MFD_HUGETLB | MFD_HUGE_2MB, 4 * HUGE_PAGE);
	ASSERT_LE(0, self->file);
	EXPECT_POOL(self->was, 0, 0, 0);
}

FIXTURE_TEARDOWN(map_file_huge)
{
	char n[16];

	if (self->file >= 0)
		close(self->file);
	mock_vm_teardown(_metadata, self->fd, &self->vm);
	if (self->dir[0]) {
		EXPECT_EQ(0, umount(self->dir));
		rmdir(self->dir);
	}
	EXPECT_POOL(self->was, 0, 0, 0);
	snprintf(n, sizeof(n), "%ld", self->restore.total);
	huge_pool_file("nr_overcommit_hugepages", "0");
	huge_pool_file("nr_hugepages", n);
}

/* A process that reserves @pages and doesn't touch them; killed to end it */
static pid_t reserve(struct __test_metadata *_metadata, size_t pages)
{
	pid_t child;
	char c = 0;
	int pfd[2];

	ASSERT_EQ(0, pipe(pfd));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		/* If the test fails it ends here */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (mmap(NULL, pages * HUGE_PAGE, PROT_RW,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB |
				 (int)MFD_HUGE_2MB, -1, 0) != MAP_FAILED)
			c = 1;
		(void)!write(pfd[1], &c, 1);
		pause();
		_exit(0);
	}
	close(pfd[1]);
	ASSERT_EQ(1, read(pfd[0], &c, 1));
	ASSERT_EQ(1, c);
	close(pfd[0]);
	return child;
}

static void unreserve(struct __test_metadata *_metadata, pid_t child)
{
	ASSERT_EQ(0, kill(child, SIGKILL));
	ASSERT_EQ(child, waitpid(child, NULL, 0));
}

/* Nobody has reserved anything: free pages become the file's */
TEST_F(map_file_huge, without_reservation)
{
	test_cmd_map_file(self->vm.ioas_id, self->file, 0, 4 * HUGE_PAGE, BASE);
	EXPECT_POOL(self->was, -4, 0, 0);
	test_cmd_unmap(self->vm.ioas_id, BASE, 4 * HUGE_PAGE);
	/* They are in the file now */
	EXPECT_POOL(self->was, -4, 0, 0);
	ASSERT_EQ(0, ftruncate(self->file, 0));
	EXPECT_POOL(self->was, 0, 0, 0);
}

/* As a VMM does it: mapping the file reserves, pinning it uses that up */
TEST_F(map_file_huge, after_mmap)
{
	char *va = mmap(NULL, 4 * HUGE_PAGE, PROT_RW, MAP_SHARED, self->file, 0);

	ASSERT_NE(MAP_FAILED, va);
	EXPECT_POOL(self->was, 0, 4, 0);
	test_cmd_map_file(self->vm.ioas_id, self->file, 0, 2 * HUGE_PAGE, BASE);
	EXPECT_POOL(self->was, -2, 2, 0);
	memset(va, 1, 4 * HUGE_PAGE);
	EXPECT_POOL(self->was, -4, 0, 0);
	test_cmd_check_map(self->vm.hwpt_id, BASE, 2 * HUGE_PAGE, va);
	munmap(va, 4 * HUGE_PAGE);
	test_cmd_unmap(self->vm.ioas_id, BASE, 2 * HUGE_PAGE);
	EXPECT_POOL(self->was, -4, 0, 0);
}

/* The other way round: what the file has needs no reservation */
TEST_F(map_file_huge, before_mmap)
{
	char *va;

	test_cmd_map_file(self->vm.ioas_id, self->file, 0, 2 * HUGE_PAGE, BASE);
	EXPECT_POOL(self->was, -2, 0, 0);
	va = mmap(NULL, 4 * HUGE_PAGE, PROT_RW, MAP_SHARED, self->file, 0);
	ASSERT_NE(MAP_FAILED, va);
	EXPECT_POOL(self->was, -2, 2, 0);
	memset(va, 1, 4 * HUGE_PAGE);
	EXPECT_POOL(self->was, -4, 0, 0);
	munmap(va, 4 * HUGE_PAGE);
	/* Closed by the test's end with everything in place */
}

/* With more in the file than was mapped, and without the whole of it reserved */
TEST_F(map_file_huge, noreserve)
{
	char *va = mmap(NULL, 4 * HUGE_PAGE, PROT_RW, MAP_SHARED | MAP_NORESERVE,
			self->file, 0);

	ASSERT_NE(MAP_FAILED, va);
	EXPECT_POOL(self->was, 0, 0, 0);
	test_cmd_map_file(self->vm.ioas_id, self->file, 0, 3 * HUGE_PAGE, BASE);
	EXPECT_POOL(self->was, -3, 0, 0);
	memset(va, 1, 4 * HUGE_PAGE);
	EXPECT_POOL(self->was, -4, 0, 0);
	munmap(va, 4 * HUGE_PAGE);
}

/* A private mapping reserves for itself, not for the file */
TEST_F(map_file_huge, private)
{
	char *va = mmap(NULL, 2 * HUGE_PAGE, PROT_RW, MAP_PRIVATE, self->file, 0);

	ASSERT_NE(MAP_FAILED, va);
	EXPECT_POOL(self->was, 0, 2, 0);
	test_cmd_map_file(self->vm.ioas_id, self->file, 0, 2 * HUGE_PAGE, BASE);
	EXPECT_POOL(self->was, -2, 2, 0);
	memset(va, 1, 2 * HUGE_PAGE);
	EXPECT_POOL(self->was, -4, 0, 0);
	munmap(va, 2 * HUGE_PAGE);
	EXPECT_POOL(self->was, -2, 0, 0);
}

/* What others have reserved is not taken, or they get SIGBUS */
TEST_F(map_file_huge, reserved_for_another)
{
	pid_t other = reserve(_metadata, POOL_PAGES - 1);

	EXPECT_POOL(self->was, 0, POOL_PAGES - 1, 0);
	test_err_map_file(ENOMEM, self->vm.ioas_id, self->file, 0,
			  2 * HUGE_PAGE, BASE);
	/* The one that was to be had is the file's now, as with a fault */
	EXPECT_POOL(self->was, -1, POOL_PAGES - 1, 0);
	test_cmd_map_file(self->vm.ioas_id, self->file, 0, HUGE_PAGE, BASE);
	EXPECT_POOL(self->was, -1, POOL_PAGES - 1, 0);
	unreserve(_metadata, other);
	EXPECT_POOL(self->was, -1, 0, 0);
	test_cmd_map_file(self->vm.ioas_id, self->file, HUGE_PAGE, HUGE_PAGE,
			  BASE + HUGE_PAGE);
	EXPECT_POOL(self->was, -2, 0, 0);
}

/* Beyond the pool, as far as the administrator allows */
TEST_F(map_file_huge, surplus)
{
	pid_t other = reserve(_metadata, POOL_PAGES);

	ASSERT_EQ(0, huge_pool_file("nr_overcommit_hugepages", "2"));
	test_err_map_file(ENOMEM, self->vm.ioas_id, self->file, 0,
			  3 * HUGE_PAGE, BASE);
	EXPECT_POOL(self->was, 0, POOL_PAGES, 2);
	ASSERT_EQ(0, ftruncate(self->file, 0));
	EXPECT_POOL(self->was, 0, POOL_PAGES, 0);
	ASSERT_EQ(0, ftruncate(self->file, 2 * HUGE_PAGE));
	test_cmd_map_file(self->vm.ioas_id, self->file, 0, 2 * HUGE_PAGE, BASE);
	EXPECT_POOL(self->was, 0, POOL_PAGES, 2);
	unreserve(_metadata, other);
	test_cmd_unmap(self->vm.ioas_id, BASE, 2 * HUGE_PAGE);
	ASSERT_EQ(0, ftruncate(self->file, 0));
	EXPECT_POOL(self->was, 0, 0, 0);
}

/* Truncated while pinned: the pages come back when they are unpinned */
TEST_F(map_file_huge, truncate)
{
	char *va = mmap(NULL, 4 * HUGE_PAGE, PROT_RW, MAP_SHARED, self->file, 0);

	ASSERT_NE(MAP_FAILED, va);
	test_cmd_map_file(self->vm.ioas_id, self->file, 0, 4 * HUGE_PAGE, BASE);
	EXPECT_POOL(self->was, -4, 0, 0);
	ASSERT_EQ(0, ftruncate(self->file, HUGE_PAGE));
	EXPECT_POOL(self->was, -4, 0, 0);
	test_cmd_check_map(self->vm.hwpt_id, BASE, HUGE_PAGE, va);
	test_cmd_unmap(self->vm.ioas_id, BASE, 4 * HUGE_PAGE);
	EXPECT_POOL(self->was, -1, 0, 0);
	/* Larger again: pages without a reservation, which was truncated as well */
	ASSERT_EQ(0, ftruncate(self->file, 4 * HUGE_PAGE));
	test_cmd_map_file(self->vm.ioas_id, self->file, HUGE_PAGE, HUGE_PAGE,
			  BASE);
	EXPECT_POOL(self->was, -2, 0, 0);
	munmap(va, 4 * HUGE_PAGE);
}

/* A hole while pinned: the file may get another page there, reserved by nobody */
TEST_F(map_file_huge, hole)
{
	char *va = mmap(NULL, 2 * HUGE_PAGE, PROT_RW, MAP_SHARED, self->file, 0);

	ASSERT_NE(MAP_FAILED, va);
	test_cmd_map_file(self->vm.ioas_id, self->file, 0, 2 * HUGE_PAGE, BASE);
	EXPECT_POOL(self->was, -2, 0, 0);
	ASSERT_EQ(0, fallocate(self->file,
			       FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			       HUGE_PAGE));
	EXPECT_POOL(self->was, -2, 0, 0);
	va[0] = 1;
	EXPECT_POOL(self->was, -3, 0, 0);
	test_err_check_map(EINVAL, self->vm.hwpt_id, BASE, HUGE_PAGE, va);
	test_cmd_unmap(self->vm.ioas_id, BASE, 2 * HUGE_PAGE);
	EXPECT_POOL(self->was, -2, 0, 0);
	/* And a hole that a device is the first to fill */
	ASSERT_EQ(0, fallocate(self->file,
			       FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			       2 * HUGE_PAGE));
	EXPECT_POOL(self->was, 0, 0, 0);
	test_cmd_map_file(self->vm.ioas_id, self->file, 0, HUGE_PAGE, BASE);
	EXPECT_POOL(self->was, -1, 0, 0);
	munmap(va, 2 * HUGE_PAGE);
}

/* The last to know the file is the mapping */
TEST_F(map_file_huge, closed)
{
	char *va = mmap(NULL, 4 * HUGE_PAGE, PROT_RW, MAP_SHARED, self->file, 0);

	ASSERT_NE(MAP_FAILED, va);
	test_cmd_map_file(self->vm.ioas_id, self->file, 0, 2 * HUGE_PAGE, BASE);
	munmap(va, 4 * HUGE_PAGE);
	close(self->file);
	self->file = -1;
	/* Two more are reserved for the file, as long as there is one */
	EXPECT_POOL(self->was, -2, 2, 0);
	test_cmd_unmap(self->vm.ioas_id, BASE, 2 * HUGE_PAGE);
	EXPECT_POOL(self->was, 0, 0, 0);
}

static int hugetlbfs_file(struct __test_metadata *_metadata,
			  FIXTURE_DATA(map_file_huge) * self, const char *options)
{
	char path[96];
	int fd;

	snprintf(self->dir, sizeof(self->dir), "/dev/map_file.XXXXXX");
	ASSERT_TRUE(!!mkdtemp(self->dir));
	if (mount("none", self->dir, "hugetlbfs", 0, options)) {
		rmdir(self->dir);
		self->dir[0] = 0;
		ASSERT_TRUE(false)
			TH_LOG("mount -t hugetlbfs -o %s: %m", options);
	}
	snprintf(path, sizeof(path), "%s/file", self->dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, unlink(path));
	ASSERT_EQ(0, ftruncate(fd, 4 * HUGE_PAGE));
	return fd;
}

static long fs_free(const char *dir)
{
	struct statfs fs;

	return statfs(dir, &fs) ? -1 : (long)fs.f_bfree;
}

/* A file system of limited size */
TEST_F(map_file_huge, filesystem_size)
{
	close(self->file);
	self->file = hugetlbfs_file(_metadata, self, "pagesize=2M,size=6M");
	EXPECT_EQ(3, fs_free(self->dir));
	test_cmd_map_file(self->vm.ioas_id, self->file, 0, 2 * HUGE_PAGE, BASE);
	EXPECT_EQ(1, fs_free(self->dir));
	EXPECT_POOL(self->was, -2, 0, 0);
	/* It is full, though the system has pages */
	test_err_map_file(ENOMEM, self->vm.ioas_id, self->file, 2 * HUGE_PAGE,
			  2 * HUGE_PAGE, BASE + 2 * HUGE_PAGE);
	EXPECT_EQ(0, fs_free(self->dir));
	EXPECT_POOL(self->was, -3, 0, 0);
	ASSERT_EQ(0, ftruncate(self->file, 0));
	/* The pinned ones still count */
	EXPECT_EQ(1, fs_free(self->dir));
	test_cmd_unmap(self->vm.ioas_id, BASE, 2 * HUGE_PAGE);
	EXPECT_EQ(3, fs_free(self->dir));
	EXPECT_POOL(self->was, 0, 0, 0);
}

/* A file system with pages of its own */
TEST_F(map_file_huge, filesystem_minimum)
{
	pid_t other;

	close(self->file);
	self->file = hugetlbfs_file(_metadata, self, "pagesize=2M,min_size=4M");
	EXPECT_POOL(self->was, 0, 2, 0);
	test_cmd_map_file(self->vm.ioas_id, self->file, 0, 3 * HUGE_PAGE, BASE);
	EXPECT_POOL(self->was, -3, 0, 0);
	test_cmd_unmap(self->vm.ioas_id, BASE, 3 * HUGE_PAGE);
	EXPECT_POOL(self->was, -3, 0, 0);
	ASSERT_EQ(0, ftruncate(self->file, 0));
	EXPECT_POOL(self->was, 0, 2, 0);
	/* Its own two can be had when others have reserved the rest */
	ASSERT_EQ(0, ftruncate(self->file, 4 * HUGE_PAGE));
	other = reserve(_metadata, POOL_PAGES - 2);
	test_cmd_map_file(self->vm.ioas_id, self->file, 0, 2 * HUGE_PAGE, BASE);
	test_err_map_file(ENOMEM, self->vm.ioas_id, self->file, 2 * HUGE_PAGE,
			  HUGE_PAGE, BASE + 2 * HUGE_PAGE);
	EXPECT_POOL(self->was, -2, POOL_PAGES - 2, 0);
	/* Nor does a process get one, and that leaves nothing either */
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4 * HUGE_PAGE, PROT_RW, MAP_SHARED,
				   self->file, 0));
	EXPECT_POOL(self->was, -2, POOL_PAGES - 2, 0);
	unreserve(_metadata, other);
}

TEST_HARNESS_MAIN
