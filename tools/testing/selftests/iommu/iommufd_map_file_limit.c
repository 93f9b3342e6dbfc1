// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who pays for memory of files that is pinned: the same as for memory of a process,
 * which each test looks at as well. And what becomes of it when that process is gone,
 * or killed meanwhile.
 */
#include <grp.h>
#include <sys/resource.h>

#include "iommufd_map_file_utils.h"

FIXTURE(map_file_limit)
{
	int fd;
	int log;
	int file;
	char *va;
};

FIXTURE_VARIANT(map_file_limit)
{
	/* The process's locked memory instead of the user's */
	bool mm_mode;
	/* IOAS_MAP for comparison: the same rules */
	bool by_address;
};

FIXTURE_VARIANT_ADD(map_file_limit, user)
{
};

FIXTURE_VARIANT_ADD(map_file_limit, mm)
{
	.mm_mode = true,
};

FIXTURE_VARIANT_ADD(map_file_limit, user_by_address)
{
	.by_address = true,
};

FIXTURE_VARIANT_ADD(map_file_limit, mm_by_address)
{
	.mm_mode = true,
	.by_address = true,
};

FIXTURE_SETUP(map_file_limit)
{
	struct iommu_option mode = {
		.size = sizeof(mode),
		.option_id = IOMMU_OPTION_RLIMIT_MODE,
		.op = IOMMU_OPTION_OP_SET,
		.val64 = variant->mm_mode,
	};
	const char *why = map_file_missing();

	self->file = -1;
	if (why)
		SKIP(return, "%s", why);
	if (geteuid())
		SKIP(return, "needs root");
	self->fd = open("/dev/iommu", O_RDWR);
	ASSERT_LE(0, self->fd);
	self->log = kernel_log_open();
	ASSERT_EQ(0, ioctl(self->fd, IOMMU_OPTION, &mode));
	self->file = memory_file(0, 16 * PAGE_SIZE);
	ASSERT_LE(0, self->file);
	self->va = mmap(NULL, 16 * PAGE_SIZE, PROT_RW, MAP_SHARED, self->file, 0);
	ASSERT_NE(MAP_FAILED, self->va);
}

FIXTURE_TEARDOWN(map_file_limit)
{
	char line[256];

	if (self->file >= 0)
		close(self->file);
	EXPECT_EQ(0, close(self->fd));
	EXPECT_FALSE(kernel_has_warned(self->log, line, sizeof(line)))
		TH_LOG("%s", line);
	close(self->log);
}

/* In kB, from /proc/self/status; -1 if it isn't there */
static long status_kb(const char *name)
{
	FILE *f = fopen("/proc/self/status", "re");
	size_t len = strlen(name);
	char line[256];
	long kb = -1;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, len) && line[len] == ':')
			kb = atol(line + len + 1);
	if (f)
		fclose(f);
	return kb;
}

/* A child without rights that may lock four pages; 0 if all went well there */
static int poor_child(FIXTURE_DATA(map_file_limit) * self,
		      const FIXTURE_VARIANT(map_file_limit) * variant,
		      int (*run)(FIXTURE_DATA(map_file_limit) * self,
				 const FIXTURE_VARIANT(map_file_limit) * variant))
{
	struct rlimit limit = { 4 * PAGE_SIZE, 4 * PAGE_SIZE };
	pid_t child = fork();
	int status;

	if (!child) {
		if (setrlimit(RLIMIT_MEMLOCK, &limit) || setgroups(0, NULL) ||
		    setgid(65534) || setuid(65534))
			_exit(255);
		_exit(run(self, variant));
	}
	if (child < 0 || waitpid(child, &status, 0) != child ||
	    !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* In the child: what went wrong so far */
static int child_failed;

static void child_check(bool ok, int line, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "# line %d: %s\n", line, what);
	child_failed = 1;
}

#define check(_cond)	child_check(_cond, __LINE__, #_cond)

static int limit_map(FIXTURE_DATA(map_file_limit) * self,
		     const FIXTURE_VARIANT(map_file_limit) * variant,
		     __u32 ioas_id, unsigned int page, unsigned int pages)
{
	__u64 iova = BASE + page * PAGE_SIZE;

	if (!variant->by_address)
		return _test_cmd_map_file(self->fd, ioas_id, self->file,
					  page * PAGE_SIZE, pages * PAGE_SIZE,
					  &iova, FIXED | RW);
	return _test_ioctl_ioas_map(self->fd, ioas_id,
				    self->va + page * PAGE_SIZE,
				    pages * PAGE_SIZE, &iova, FIXED | RW) ?
	       errno : 0;
}

static int limit_run(FIXTURE_DATA(map_file_limit) * self,
		     const FIXTURE_VARIANT(map_file_limit) * variant)
{
	const long page_kb = PAGE_SIZE / 1024;
	__u32 ioas_id = 0, lazy = 0, stdev_id, hwpt_id;

	check(!_test_ioctl_ioas_alloc(self->fd, &ioas_id));
	check(!_test_ioctl_ioas_alloc(self->fd, &lazy));
	check(!_test_cmd_mock_domain(self->fd, ioas_id, &stdev_id, &hwpt_id,
				     NULL));
	check(limit_map(self, variant, ioas_id, 0, 5) == ENOMEM);
	check(status_kb("VmPin") == 0);
	check(limit_map(self, variant, ioas_id, 0, 3) == 0);
	check(status_kb("VmPin") == 3 * page_kb);
	check(status_kb("VmLck") == (variant->mm_mode ? 3 * page_kb : 0));
	check(limit_map(self, variant, ioas_id, 3, 2) == ENOMEM);
	check(limit_map(self, variant, ioas_id, 3, 1) == 0);
	/* Counted where it is pinned, not where it is copied */
	check(!ioas_copy(self->fd, ioas_id, BASE, 3 * PAGE_SIZE, ioas_id, OTHER,
			 RW));
	check(status_kb("VmPin") == 4 * page_kb);
	/* Nor where nothing is pinned */
	check(limit_map(self, variant, lazy, 0, 16) == 0);
	check(status_kb("VmPin") == 4 * page_kb);
	check(_test_cmd_mock_domain(self->fd, lazy, &stdev_id, &hwpt_id, NULL));
	check(errno == ENOMEM);
	check(status_kb("VmPin") == 4 * page_kb);
	check(!_test_cmd_unmap(self->fd, ioas_id, BASE, 3 * PAGE_SIZE));
	check(status_kb("VmPin") == 4 * page_kb);
	check(!_test_cmd_unmap(self->fd, ioas_id, OTHER, 3 * PAGE_SIZE));
	check(status_kb("VmPin") == page_kb);
	check(!_test_cmd_unmap(self->fd, ioas_id, BASE + 3 * PAGE_SIZE,
			       PAGE_SIZE));
	check(status_kb("VmPin") == 0);
	check(status_kb("VmLck") == 0);
	return child_failed;
}

TEST_F(map_file_limit, rlimit)
{
	EXPECT_EQ(0, poor_child(self, variant, limit_run));
}

/* What the process that is gone has left in its IOAS */
#define GONE_IOAS	1

static int gone_run(FIXTURE_DATA(map_file_limit) * self,
		    const FIXTURE_VARIANT(map_file_limit) * variant)
{
	__u32 ioas_id = 0, stdev_id, hwpt_id;

	check(!_test_ioctl_ioas_alloc(self->fd, &ioas_id));
	check(ioas_id == GONE_IOAS);
	check(!_test_cmd_mock_domain(self->fd, ioas_id, &stdev_id, &hwpt_id,
				     NULL));
	check(limit_map(self, variant, ioas_id, 0, 4) == 0);
	return child_failed;
}

/*
 * The process that has mapped is gone. What it has pinned can be used and unmapped,
 * in part while the rest is read again, and what it has not can be pinned yet:
 * unless it's the process's address space that is needed, or pays.
 */
TEST_F(map_file_limit, process_gone)
{
	__u32 ioas_id, dev_id, stdev_id, hwpt_id, second, lazy;
	int rc;

	ASSERT_EQ(0, poor_child(self, variant, gone_run));
	test_ioctl_ioas_alloc(&ioas_id);
	test_cmd_mock_domain(ioas_id, &stdev_id, &hwpt_id, NULL);
	ASSERT_EQ(0, ioas_copy(self->fd, GONE_IOAS, BASE, 2 * PAGE_SIZE, ioas_id,
			       BASE, RW));
	test_ioctl_ioas_alloc(&lazy);
	ASSERT_EQ(0, ioas_copy(self->fd, GONE_IOAS, BASE, 4 * PAGE_SIZE, lazy,
			       BASE, RW));
	test_cmd_check_map(hwpt_id, BASE, 2 * PAGE_SIZE, self->va);
	/* Two of four pages are unpinned */
	test_cmd_unmap(GONE_IOAS, BASE, 4 * PAGE_SIZE);
	test_cmd_check_map(hwpt_id, BASE, 2 * PAGE_SIZE, self->va);
	/* The other two are read for a second domain */
	test_cmd_mock_domain(ioas_id, &stdev_id, NULL, &dev_id);
	test_cmd_hwpt_alloc(dev_id, ioas_id, 0, &second);
	test_cmd_check_map(second, BASE, 2 * PAGE_SIZE, self->va);
	/* And pinned again */
	rc = _test_cmd_mock_domain(self->fd, lazy, &stdev_id, &hwpt_id, NULL);
	if (variant->by_address) {
		ASSERT_NE(0, rc);
		EXPECT_EQ(EFAULT, errno);
	} else if (variant->mm_mode) {
		ASSERT_NE(0, rc);
		EXPECT_EQ(EINVAL, errno);
	} else {
		ASSERT_EQ(0, rc);
		test_cmd_check_map(hwpt_id, BASE, 4 * PAGE_SIZE, self->va);
	}
}

/* A process that is killed doesn't stay until gigabytes are pinned */
TEST_F(map_file_limit, killed)
{
	const size_t length = 768UL << 20;
	useconds_t delay = 160000;
	struct stat st = {};
	unsigned int i;

	for (i = 0; i < 6; i++, delay /= 2) {
		int file = memory_file(0, length), status;
		pid_t child = fork();

		ASSERT_LE(0, child);
		if (!child) {
			__u32 ioas_id, stdev_id, hwpt_id;
			__u64 iova = BASE;

			if (_test_ioctl_ioas_alloc(self->fd, &ioas_id) ||
			    _test_cmd_mock_domain(self->fd, ioas_id, &stdev_id,
						  &hwpt_id, NULL))
				_exit(1);
			if (variant->by_address)
				_test_ioctl_ioas_map(self->fd, ioas_id,
						     mmap(NULL, length, PROT_RW,
							  MAP_SHARED, file, 0),
						     length, &iova, FIXED | RW);
			else
				_test_cmd_map_file(self->fd, ioas_id, file, 0,
						   length, &iova, FIXED | RW);
			_exit(0);
		}
		usleep(delay);
		kill(child, SIGKILL);
		ASSERT_EQ(child, waitpid(child, &status, 0));
		ASSERT_EQ(0, fstat(file, &st));
		close(file);
		/* It was at it, and has not finished */
		if (WIFSIGNALED(status) && st.st_blocks &&
		    st.st_blocks < (blkcnt_t)(length / 512))
			break;
		/* Too late, or too early */
		if (!st.st_blocks)
			delay *= 3;
	}
	EXPECT_LT(0, st.st_blocks);
	EXPECT_GT(length / 512, (size_t)st.st_blocks);
}

TEST_HARNESS_MAIN
