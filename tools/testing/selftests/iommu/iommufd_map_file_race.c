// SPDX-License-Identifier: GPL-2.0-only
/*
 * A file that changes while it is mapped into an IOAS, read, pinned and unmapped.
 *
 * Whatever the order, a call succeeds or is refused with one of the errnos that the
 * header names, and ends soon; what a mapping has pinned stays what it has pinned;
 * and when all is over no page, no reservation and no reference is missing.
 *
 * Each test races for RACE_MS milliseconds (environment; 1000).
 */
#include <linux/falloc.h>

#include "iommufd_map_file_utils.h"
#include "vmm/crew.h"

#define PAGES	8U
#define SLOTS	6U

FIXTURE(map_file_race)
{
	int fd;
	struct mock_vm vm;
	struct huge_pool was;
	struct race *race;
	char dir[64];
};

FIXTURE_VARIANT(map_file_race)
{
	/* Of memfd_create() */
	unsigned int flags;
	/* If not NULL, of a tmpfs instead */
	const char *options;
	/* What the threads take for a page */
	size_t page;
};

FIXTURE_VARIANT_ADD(map_file_race, memfd)
{
	.page = 4096,
};

FIXTURE_VARIANT_ADD(map_file_race, hugetlb)
{
	.flags = MFD_HUGETLB | MFD_HUGE_2MB,
	.page = HUGE_PAGE,
};

/* Folios come as huge ones, and are split where there is a hole */
FIXTURE_VARIANT_ADD(map_file_race, tmpfs_huge)
{
	.options = "size=64M,huge=always",
	.page = HUGE_PAGE / 4,
};

/* struct race - what all work on: a file of up to PAGES pages, SLOTS places for it */
struct race {
	int fd;
	__u32 ioas_id;
	__u32 access_id;
	int file;
	char *va;
	size_t page;
};

static double race_seconds(void)
{
	const char *ms = getenv("RACE_MS");

	return (ms ? atol(ms) : 1000) / 1000.0;
}

FIXTURE_SETUP(map_file_race)
{
	const char *why = map_file_missing();

	if (why)
		SKIP(return, "%s", why);
	/* Those of the file, and those that are pinned only */
	if (variant->flags && guestmem_reserve_huge(PAGES * 3))
		SKIP(return, "not enough memory for huge pages");
	self->was = huge_pool_read();
	mock_vm_setup(_metadata, &self->fd, &self->vm, false);
	self->race = calloc(1, sizeof(*self->race));
	*self->race = (struct race){
		.fd = self->fd,
		.ioas_id = self->vm.ioas_id,
		.file = variant->options ?
			tmpfs_file(self->dir, PAGES * variant->page,
				   variant->options) :
			memory_file(variant->flags, PAGES * variant->page),
		.page = variant->page,
	};
	ASSERT_LE(0, self->race->file);
	self->race->va = mmap(NULL, PAGES * variant->page, PROT_RW, MAP_SHARED,
			      self->race->file, 0);
	ASSERT_NE(MAP_FAILED, self->race->va);
	test_cmd_create_access(self->vm.ioas_id, &self->race->access_id,
			       MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES);
}

FIXTURE_TEARDOWN(map_file_race)
{
	if (self->race) {
		munmap(self->race->va, PAGES * variant->page);
		close(self->race->file);
		close(self->race->access_id);
		free(self->race);
	}
	mock_vm_teardown(_metadata, self->fd, &self->vm);
	EXPECT_POOL(self->was, 0, 0, 0);
	if (self->dir[0]) {
		/* EBUSY if anything still had the file */
		EXPECT_EQ(0, umount(self->dir));
		rmdir(self->dir);
	}
}

static __u64 slot_iova(struct race *r, unsigned int slot)
{
	return BASE + slot * PAGES * r->page;
}

static void step_map(struct worker *w)
{
	unsigned int first = crew_random(w, PAGES);
	unsigned int n = 1 + crew_random(w, PAGES - first);
	struct race *r = w->arg;
	__u64 iova = slot_iova(r, crew_random(w, SLOTS));
	int rc;

	/* A part of the slot that has its length, so that it can be unmapped */
	rc = _test_cmd_map_file(r->fd, r->ioas_id, r->file, first * r->page,
				n * r->page, &iova, FIXED | RW);
	switch (rc) {
	case 0:
		w->hits++;
		break;
	case EINVAL: /* beyond the end */
	case EEXIST:
	case ENOMEM: /* the pool is empty: pages of the file that was */
	case ENOSPC: /* and so is the file system */
		break;
	default:
		crew_broken(w->crew, "IOAS_MAP_FILE: %s", strerror(rc));
	}
	crew_pause(w, 200);
}

static void step_unmap(struct worker *w)
{
	struct race *r = w->arg;
	__u64 iova = slot_iova(r, crew_random(w, SLOTS));
	int rc = _test_cmd_unmap(r->fd, r->ioas_id, iova, PAGES * r->page);

	/* EBUSY: it is being mapped */
	if (!rc)
		w->hits++;
	else if (rc != ENOENT && rc != EBUSY)
		crew_broken(w->crew, "IOAS_UNMAP: %s", strerror(rc));
	crew_pause(w, 300);
}

static void step_truncate(struct worker *w)
{
	struct race *r = w->arg;

	if (ftruncate(r->file, crew_random(w, PAGES + 1) * r->page))
		crew_broken(w->crew, "ftruncate: %m");
	crew_pause(w, 300);
	if (ftruncate(r->file, PAGES * r->page))
		crew_broken(w->crew, "ftruncate: %m");
	crew_pause(w, 300);
}

static void step_hole(struct worker *w)
{
	struct race *r = w->arg;

	if (fallocate(r->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      crew_random(w, PAGES) * r->page,
		      (1 + crew_random(w, PAGES)) * r->page))
		crew_broken(w->crew, "punch hole: %m");
	crew_pause(w, 300);
}

/* Another one that the file gets pages by */
static void step_allocate(struct worker *w)
{
	struct race *r = w->arg;

	if (fallocate(r->file, FALLOC_FL_KEEP_SIZE,
		      crew_random(w, PAGES) * r->page, r->page) &&
	    errno != ENOSPC && errno != ENOMEM && errno != EINTR)
		crew_broken(w->crew, "fallocate: %m");
	crew_pause(w, 300);
}

/* And faults: by madvise(), which takes no for an answer where SIGBUS would be */
static void step_fault(struct worker *w)
{
	struct race *r = w->arg;

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
	madvise(r->va + crew_random(w, PAGES) * r->page, r->page,
		MADV_POPULATE_WRITE);
	crew_pause(w, 300);
}

static void step_rw(struct worker *w)
{
	struct race *r = w->arg;
	__u64 iova = slot_iova(r, crew_random(w, SLOTS)) +
		     crew_random(w, PAGES * r->page);
	char buf[8192];
	int rc;

	rc = _test_cmd_rw(r->fd, r->access_id, iova, 1 + crew_random(w, 8192),
			  buf, crew_random(w, 2) ? MOCK_ACCESS_RW_WRITE : 0);
	if (!rc)
		w->hits++;
	else if (rc != ENOENT && rc != EINVAL)
		crew_broken(w->crew, "access: %s", strerror(rc));
	crew_pause(w, 100);
}

/* One more domain for all that is mapped */
static void step_attach(struct worker *w)
{
	__u32 stdev_id, hwpt_id, dev_id, second;
	struct race *r = w->arg;
	int rc = 0;

	if (_test_cmd_mock_domain(r->fd, r->ioas_id, &stdev_id, &hwpt_id,
				  &dev_id)) {
		crew_broken(w->crew, "attach: %m");
		return;
	}
	if (_test_cmd_hwpt_alloc(r->fd, dev_id, r->ioas_id, 0, 0, &second,
				 IOMMU_HWPT_DATA_NONE, NULL, 0))
		rc = errno;
	else
		rc = _test_cmd_destroy(r->fd, second);
	if (rc)
		crew_broken(w->crew, "another domain: %s", strerror(rc));
	rc = _test_cmd_destroy(r->fd, stdev_id);
	if (rc)
		crew_broken(w->crew, "detach: %s", strerror(rc));
	crew_pause(w, 1000);
}

TEST_F_TIMEOUT(map_file_race, file_changes, 7200)
{
	static struct crew crew;
	const char *why;

	crew_init(&crew);
	crew_add(&crew, "map", step_map, self->race, 0)->need = 20;
	crew_add(&crew, "map", step_map, self->race, 1)->need = 20;
	crew_add(&crew, "unmap", step_unmap, self->race, 0)->need = 20;
	crew_add(&crew, "truncate", step_truncate, self->race, 0);
	crew_add(&crew, "hole", step_hole, self->race, 0);
	crew_add(&crew, "allocate", step_allocate, self->race, 0);
	crew_add(&crew, "fault", step_fault, self->race, 0);
	crew_add(&crew, "access", step_rw, self->race, 0)->need = 20;
	crew_add(&crew, "attach", step_attach, self->race, 0);
	why = crew_run(&crew, race_seconds());
	EXPECT_FALSE(!!why) TH_LOG("%s", why);
}

/*
 * Two who need the same pages that nobody has yet. One mapping of a range is the
 * same as the other, and both are the file's.
 */
static void step_first(struct worker *w)
{
	struct race *r = w->arg;
	__u64 iova = slot_iova(r, w->nr);
	int rc = _test_cmd_map_file(r->fd, r->ioas_id, r->file, 0,
				    PAGES * r->page, &iova, FIXED | RW);

	if (rc) {
		crew_broken(w->crew, "IOAS_MAP_FILE: %s", strerror(rc));
		return;
	}
	rc = _test_cmd_unmap(r->fd, r->ioas_id, iova, PAGES * r->page);
	if (rc)
		crew_broken(w->crew, "IOAS_UNMAP: %s", strerror(rc));
}

/* No truncation here: every page is there or comes */
TEST_F_TIMEOUT(map_file_race, same_page, 7200)
{
	static struct crew crew;
	const char *why;

	crew_init(&crew);
	crew_add(&crew, "map", step_first, self->race, 0);
	crew_add(&crew, "map", step_first, self->race, 1);
	crew_add(&crew, "hole", step_hole, self->race, 0);
	crew_add(&crew, "fault", step_fault, self->race, 0);
	crew_add(&crew, "allocate", step_allocate, self->race, 0);
	why = crew_run(&crew, race_seconds());
	EXPECT_FALSE(!!why) TH_LOG("%s", why);
	test_cmd_map_file(self->race->ioas_id, self->race->file, 0,
			  PAGES * variant->page, BASE);
	test_cmd_check_map(self->vm.hwpt_id, BASE, PAGES * variant->page,
			   self->race->va);
}

TEST_HARNESS_MAIN
