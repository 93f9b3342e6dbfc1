// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens to mappings of files when there is no memory.
 *
 * Each call is made again and again, every time with a new file: first the first
 * allocation that the kernel makes for it fails, then the second, until none fails.
 * Then what iommufd makes fail for its own tests has had its turn as well, pinning
 * among it. The rules:
 *
 *  - The call is refused, or has succeeded all the same.
 *  - Refused, it has mapped and pinned nothing: the same call made at once succeeds.
 *  - In the end no file is held, no huge page or reservation is missing, and the
 *    kernel has not warned.
 *
 * The kernel needs CONFIG_FAULT_INJECTION_DEBUG_FS and CONFIG_FAILSLAB. To be run by
 * root.
 */
#include "iommufd_map_file_utils.h"
#include "vmm/fail_nth.h"

/* More than any call needs */
#define NTH_MAX 1000

FIXTURE(map_file_fail)
{
	int fd;
	struct mock_vm vm;
	/* Without a device */
	__u32 lazy_id;
	int file;
	size_t size;
	int nth_fd;
	struct huge_pool was;
	/* of the call */
	__u32 hwpt_id;
	__u32 access_id;
	char *buf;
	char dir[64];
};

FIXTURE_VARIANT(map_file_fail)
{
	size_t page;
	unsigned int pages;
};

FIXTURE_VARIANT_ADD(map_file_fail, tmpfs)
{
	.page = 4096,
	.pages = 40,
};

FIXTURE_VARIANT_ADD(map_file_fail, hugetlb)
{
	.page = HUGE_PAGE,
	.pages = 2,
};

FIXTURE_SETUP(map_file_fail)
{
	const char *why = map_file_missing();

	self->nth_fd = -1;
	self->file = -1;
	why = why ?: fail_nth_missing();
	if (why)
		SKIP(return, "%s", why);
	self->size = variant->page * variant->pages;
	/* One for a file that lasts a little longer than it should */
	if (variant->page == HUGE_PAGE && guestmem_reserve_huge(4))
		SKIP(return, "not enough memory for huge pages");
	snprintf(self->dir, sizeof(self->dir), "/dev/map_file.XXXXXX");
	ASSERT_TRUE(!!mkdtemp(self->dir));
	ASSERT_EQ(0, mount("none", self->dir,
			   variant->page == HUGE_PAGE ? "hugetlbfs" : "tmpfs", 0,
			   variant->page == HUGE_PAGE ? "pagesize=2M,size=8M" :
							"size=1M"));
	self->was = huge_pool_read();
	mock_vm_setup(_metadata, &self->fd, &self->vm, false);
	test_ioctl_ioas_alloc(&self->lazy_id);
	self->buf = malloc(self->size);
	/* A system call that is not to fail because of that */
	memset(self->buf, 1, self->size);
	self->nth_fd = fail_nth_open();
	ASSERT_LE(0, self->nth_fd);
}

FIXTURE_TEARDOWN(map_file_fail)
{
	if (self->nth_fd >= 0)
		close(self->nth_fd);
	mock_vm_teardown(_metadata, self->fd, &self->vm);
	EXPECT_POOL(self->was, 0, 0, 0);
	if (self->dir[0]) {
		EXPECT_EQ(0, umount(self->dir));
		rmdir(self->dir);
	}
	free(self->buf);
}

static int new_file(FIXTURE_DATA(map_file_fail) * self)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/file", self->dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && (unlink(path) || ftruncate(fd, self->size))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Calls, and how to undo them: 0 or an errno */
typedef int (*call_fn)(FIXTURE_DATA(map_file_fail) * self);

static int map_in(FIXTURE_DATA(map_file_fail) * self, __u32 ioas_id)
{
	return _test_cmd_map_file(self->fd, ioas_id, self->file, 0, self->size,
				  &(__u64){ BASE }, FIXED | RW);
}

static int do_map(FIXTURE_DATA(map_file_fail) * self)
{
	return map_in(self, self->vm.ioas_id);
}

static int do_unmap(FIXTURE_DATA(map_file_fail) * self)
{
	return _test_cmd_unmap(self->fd, self->vm.ioas_id, BASE, self->size);
}

static int do_map_lazy(FIXTURE_DATA(map_file_fail) * self)
{
	return map_in(self, self->lazy_id);
}

static int do_unmap_lazy(FIXTURE_DATA(map_file_fail) * self)
{
	return _test_cmd_unmap(self->fd, self->lazy_id, BASE, self->size);
}

/* The first domain, which all pages are pinned for */
static int do_domain(FIXTURE_DATA(map_file_fail) * self)
{
	return _test_cmd_hwpt_alloc(self->fd, self->vm.dev_id, self->lazy_id, 0,
				    0, &self->hwpt_id, IOMMU_HWPT_DATA_NONE,
				    NULL, 0) ? errno : 0;
}

static int do_drop_domain(FIXTURE_DATA(map_file_fail) * self)
{
	return _test_cmd_destroy(self->fd, self->hwpt_id);
}

static int do_copy(FIXTURE_DATA(map_file_fail) * self)
{
	struct iommu_ioas_copy cmd = {
		.size = sizeof(cmd),
		.flags = FIXED | RW,
		.dst_ioas_id = self->vm.ioas_id,
		.src_ioas_id = self->lazy_id,
		.length = self->size / 2,
		.dst_iova = OTHER,
		.src_iova = BASE + self->size / 2,
	};

	return _test_ioctl(self->fd, IOMMU_IOAS_COPY, &cmd);
}

static int do_uncopy(FIXTURE_DATA(map_file_fail) * self)
{
	return _test_cmd_unmap(self->fd, self->vm.ioas_id, OTHER,
			       self->size / 2);
}

static int do_access(FIXTURE_DATA(map_file_fail) * self)
{
	return _test_cmd_create_access(self->fd, self->lazy_id, &self->access_id,
				       MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES) ?
	       errno : 0;
}

static int do_unaccess(FIXTURE_DATA(map_file_fail) * self)
{
	return close(self->access_id) ? errno : 0;
}

static int do_pin(FIXTURE_DATA(map_file_fail) * self)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_ACCESS_PAGES,
		.id = self->access_id,
		.access_pages = { .iova = BASE, .length = self->size },
	};

	return _test_ioctl(self->fd, IOMMU_TEST_CMD, &cmd);
}

static int do_read(FIXTURE_DATA(map_file_fail) * self)
{
	return _test_cmd_rw(self->fd, self->access_id, BASE, self->size,
			    self->buf, 0);
}

static int do_write(FIXTURE_DATA(map_file_fail) * self)
{
	return _test_cmd_rw(self->fd, self->access_id, BASE, self->size,
			    self->buf, MOCK_ACCESS_RW_WRITE);
}

struct fail_case {
	/* With no failures before, and after */
	call_fn before[2];
	call_fn call;
	call_fn after[4];
	/* So many failures at least are to be had */
	unsigned int min;
};

/* The first error, if any */
static int all(FIXTURE_DATA(map_file_fail) * self, const call_fn *call, size_t n)
{
	int rc = 0;

	for (; n && *call && !rc; n--)
		rc = (*call++)(self);
	return rc;
}

static void fail(struct __test_metadata *_metadata,
		 FIXTURE_DATA(map_file_fail) * self, const struct fail_case *c)
{
	unsigned int nth = 0, failures = 0;
	enum fail_nth failure;

	do {
		int rc;

		ASSERT_GT(NTH_MAX, ++nth);
		self->file = new_file(self);
		ASSERT_LE(0, self->file);
		ASSERT_EQ(0, all(self, c->before, ARRAY_SIZE(c->before)));

		fail_nth_arm(self->nth_fd, nth);
		rc = c->call(self);
		failure = fail_nth_disarm(self->nth_fd);
		failures += failure != FAIL_NTH_NOTHING;
		if (failure == FAIL_NTH_NOTHING)
			ASSERT_EQ(0, rc);
		if (failure == FAIL_NTH_ALLOC && rc)
			EXPECT_EQ(ENOMEM, rc)
				TH_LOG("failure %u", nth);
		if (rc)
			ASSERT_EQ(0, c->call(self))
				TH_LOG("after failure %u, errno %d", nth, rc);
		ASSERT_EQ(0, all(self, c->after, ARRAY_SIZE(c->after)));
		close(self->file);
		/* Nobody has it any more */
		EXPECT_POOL(self->was, 0, 0, 0);
	} while (failure != FAIL_NTH_NOTHING);
	EXPECT_LE(c->min, failures);
}

TEST_F_TIMEOUT(map_file_fail, map, 120)
{
	fail(_metadata, self, &(struct fail_case){
		.call = do_map,
		.after = { do_unmap },
		.min = 10,
	});
}

TEST_F_TIMEOUT(map_file_fail, map_lazy, 120)
{
	fail(_metadata, self, &(struct fail_case){
		.call = do_map_lazy,
		.after = { do_unmap_lazy },
		.min = 2,
	});
}

TEST_F_TIMEOUT(map_file_fail, domain, 120)
{
	fail(_metadata, self, &(struct fail_case){
		.before = { do_map_lazy },
		.call = do_domain,
		.after = { do_drop_domain, do_unmap_lazy },
		.min = 10,
	});
}

TEST_F_TIMEOUT(map_file_fail, copy, 120)
{
	fail(_metadata, self, &(struct fail_case){
		.before = { do_map_lazy },
		.call = do_copy,
		.after = { do_uncopy, do_unmap_lazy },
		.min = 10,
	});
}

TEST_F_TIMEOUT(map_file_fail, pin, 120)
{
	fail(_metadata, self, &(struct fail_case){
		.before = { do_map_lazy, do_access },
		.call = do_pin,
		.after = { do_unaccess, do_unmap_lazy },
		.min = 5,
	});
}

TEST_F_TIMEOUT(map_file_fail, read, 120)
{
	fail(_metadata, self, &(struct fail_case){
		.before = { do_map_lazy, do_access },
		.call = do_read,
		.after = { do_unaccess, do_unmap_lazy },
		.min = 5,
	});
}

TEST_F_TIMEOUT(map_file_fail, write, 120)
{
	fail(_metadata, self, &(struct fail_case){
		.before = { do_map_lazy, do_access },
		.call = do_write,
		.after = { do_unaccess, do_unmap_lazy },
		.min = 5,
	});
}

/* What takes something away needs no memory to do so */
TEST_F_TIMEOUT(map_file_fail, unmap, 120)
{
	enum fail_nth failure;
	unsigned int nth = 0;

	do {
		ASSERT_GT(NTH_MAX, ++nth);
		self->file = new_file(self);
		ASSERT_LE(0, self->file);
		ASSERT_EQ(0, do_map(self));
		fail_nth_arm(self->nth_fd, nth);
		if (_test_cmd_unmap(self->fd, self->vm.ioas_id, BASE, self->size)) {
			failure = fail_nth_disarm(self->nth_fd);
			/* The id was not found, as if just destroyed */
			EXPECT_EQ(FAIL_NTH_IOMMUFD, failure)
				TH_LOG("failure %u", nth);
			ASSERT_EQ(0, do_unmap(self));
		} else {
			failure = fail_nth_disarm(self->nth_fd);
		}
		close(self->file);
		EXPECT_POOL(self->was, 0, 0, 0);
	} while (failure != FAIL_NTH_NOTHING);
}

TEST_HARNESS_MAIN
