// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Queues of all sizes in memory of all page sizes.
 *
 * The unit reads a queue by physical address, so the queue lies within one piece of
 * physical memory, at a multiple of its size. Which sizes a VM can have is hence up
 * to the pages that its VMM was given; when they are too small, the host's log tells
 * the operator so, and what would help, as often as is good for the log.
 *
 * Runs on the emulated board (emulator/grace-vm); skips elsewhere.
 */
#include <linux/memfd.h>
#include <sys/mman.h>
#include <time.h>

#include "cmdqv_utils.h"
#include "hostpages.h"
#include "kernel_log.h"

#define TIMEOUT	180
#define TYPE	IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV

/* Where the memory under test is to the guest: a multiple of any page's size */
#define IPA	0x100000000ULL

#define KIB	1024ULL
#define MIB	(1024 * KIB)

/* What each line for the operator has */
#define TOLD	"HW queue"

/* The log takes so many of them in so long a time; LIMIT_S for sure is over after it */
#define LIMIT		10
#define LIMIT_S		5

/* Fits within the IDR1.CMDQS that the SMMU has: log2 of the entries, and bytes */
struct largest {
	unsigned int log2;
	u64 bytes;
};

static struct largest largest_queue(struct vm *vm)
{
	struct iommu_hw_info_arm_smmuv3 smmu = {};
	struct largest l = {};

	if (!iommufd_hw_info(vm->fd, vm->dev.dev_id, IOMMU_HW_INFO_TYPE_ARM_SMMUV3,
			     &smmu, sizeof(smmu), NULL)) {
		l.log2 = smmu.idr[1] >> 21 & 0x1f;
		l.bytes = 16ULL << l.log2;
	}
	return l;
}

/* As the kernel writes sizes: in the largest unit of which it is a whole number */
static const char *size_text(u64 bytes, char text[16])
{
	static const char *const unit[] = { "bytes", "KiB", "MiB", "GiB" };
	unsigned int i;

	for (i = 0; bytes % 1024 == 0 && i < 3; i++)
		bytes /= 1024;
	snprintf(text, 16, "%llu %s", bytes, unit[i]);
	return text;
}

/* What the VM says no more than once is said again of a new vIOMMU */
static int renew_viommu(struct vm *vm)
{
	int rc = vm_unmap_window(vm);

	if (!rc)
		rc = iommufd_destroy(vm->fd, vm->viommu);
	if (rc)
		return rc;
	vm->viommu = 0;
	return vm_add_viommu(vm, TYPE);
}

/*
 * Queue 0 is refused with @error, and the log told why: @line. If the time's lines
 * are used up, this waits for others. 0, or what was not so.
 */
static int refused_and_told(struct vm *vm, int log, int error, u64 iova,
			    u64 length, char *line, size_t len)
{
	unsigned int lines, tries;
	u32 id;
	int rc;

	for (tries = 0; tries < 3; tries++) {
		kernel_log_count(log, TOLD, line, len);
		rc = _test_cmd_hw_queue_alloc(vm, 0, iova, length, &id);
		if (rc != -error) {
			fprintf(stderr, "# queue of 0x%llx bytes: %d, not %d\n",
				length, rc, -error);
			return -1;
		}
		lines = kernel_log_count(log, TOLD, line, len);
		if (lines == 1)
			return 0;
		if (lines) {
			fprintf(stderr, "# the log was told %u times\n", lines);
			return -1;
		}
		sleep(LIMIT_S + 1);
		rc = renew_viommu(vm);
		if (rc)
			return rc;
	}
	fprintf(stderr, "# the log was told nothing\n");
	return -1;
}

/* Does @line name all that the operator needs? @why goes between address and advice. */
static bool names_all(struct board *b, struct vm *vm, const char *line, u64 iova,
		      u64 length, const char *why)
{
	char text[512], size[16], pages[16];
	unsigned int v = find_vintf(&b->unit, vm);

	size_text(length, size);
	size_text(length < GUEST_PAGE ? GUEST_PAGE : length, pages);
	snprintf(text, sizeof(text),
		 "VINTF%u (%s, pid %d): HW queue 0 refused: its %s at guest address 0x%llx %s; back the guest's memory with pages of %s or more",
		 v, vm->dev.bdf, getpid(), size, iova, why, pages);
	if (strstr(line, text))
		return true;
	fprintf(stderr, "# expected: %s\n# is: %s\n", text, line);
	return false;
}

/* As above, of memory whose first piece ends at @end, in a page of @page bytes */
static bool names_gap(struct board *b, struct vm *vm, const char *line, u64 iova,
		      u64 length, u64 end, u64 page)
{
	char why[128], size[16];

	snprintf(why, sizeof(why),
		 "are not physically contiguous from 0x%llx on, where a page of %s ends",
		 end, size_text(page, size));
	return names_all(b, vm, line, iova, length, why);
}

#define MISPLACED "do not begin at a multiple of that in physical memory"

/* Is queue 0 of VINTF @v where @va is, and of the size asked for? */
static bool base_is(struct observer *unit, unsigned int v, const void *va,
		    unsigned int log2)
{
	unsigned int q = find_vcmdq(unit, v, 0);
	const char *r = observer_run(unit, "state");

	for (; r && (r = record_find(r, "vcmdq")); r = record_next(r))
		if (record_value(r, "q") == q)
			return record_value(r, "base") == host_pa(va) &&
			       record_value(r, "log2size") == log2;
	return false;
}

/*
 * The guest's commands from the last entries of the queue on into its first, and
 * again with the wrap bit the other way: 0 or what vcmdq_*() say.
 */
static int run_over_the_edge(struct vcmdq *q)
{
	u32 entries = 1u << q->log2size;
	/* Each issue is a command and a CMD_SYNC */
	unsigned int n = entries < 4 ? 1 : 3, wrap, i;
	struct smmu_cmd cmd = cmd_tlbi_nh_va(ASID, IOVA);
	int rc;

	rc = vcmdq_enable(q);
	for (wrap = 0; !rc && wrap < 2; wrap++) {
		rc = vcmdq_disable(q);
		if (rc)
			return rc;
		q->prod = entries * wrap + entries - (entries < 4 ? 1 : 3);
		vcmdq_write(q, VCMDQ_PROD, q->prod);
		vcmdq_write(q, VCMDQ_CONS, q->prod);
		vcmdq_write(q, VCMDQ_CONFIG, VCMDQ_EN);
		for (i = 0; !rc && i < n; i++)
			rc = vcmdq_issue(q, &cmd, 1);
	}
	return rc ?: vcmdq_disable(q);
}

/* A queue in memory at @va, which the guest has at @iova, as a guest would use it */
static void try_queue(struct __test_metadata *_metadata, struct board *b,
		      struct vm *vm, void *va, u64 iova, unsigned int log2)
{
	struct observer *unit = &b->unit;
	unsigned int v = find_vintf(unit, vm);
	struct vcmdq q;
	u64 commands;
	u32 id;

	ASSERT_EQ(0, _test_cmd_hw_queue_alloc(vm, 0, iova, 16ULL << log2, &id))
		TH_LOG("%u entries", 1u << log2);
	EXPECT_TRUE(base_is(unit, v, va, log2))
		TH_LOG("%u entries", 1u << log2);
	vcmdq_init(&q, vm->window, 0, va, log2);
	commands = observer_executed(unit, v);
	EXPECT_EQ(0, run_over_the_edge(&q))
		TH_LOG("%u entries", 1u << log2);
	EXPECT_EQ(observer_executed(unit, v) - commands, log2 < 2 ? 4 : 12)
		TH_LOG("%u entries", 1u << log2);
	test_cmd_destroy(vm->fd, id);
}

/* ---- Memory of one kind of page each ---- */

FIXTURE(queues)
{
	struct board board;
	struct vm vm;
	struct hugetlb_pool pool;
	/* Of pages of hugetlb, before */
	long free;
	int log;
	struct largest largest;
	/* Two pages */
	char *mem;
};

FIXTURE_VARIANT(queues)
{
	enum host_pages kind;
	size_t page;
};

FIXTURE_VARIANT_ADD(queues, base_4k) { PAGES_BASE, 4 * KIB };
FIXTURE_VARIANT_ADD(queues, thp_2m) { PAGES_TRANSPARENT, 2 * MIB };
FIXTURE_VARIANT_ADD(queues, hugetlb_64k) { PAGES_HUGETLB, 64 * KIB };
FIXTURE_VARIANT_ADD(queues, hugetlb_2m) { PAGES_HUGETLB, 2 * MIB };
FIXTURE_VARIANT_ADD(queues, hugetlb_32m) { PAGES_HUGETLB, 32 * MIB };
FIXTURE_VARIANT_ADD(queues, hugetlb_1g) { PAGES_HUGETLB, 1024 * MIB };

/* The second of two gigabytes is the first once more: a board has but two */
static size_t pages_of(size_t page)
{
	return page < 1024 * MIB ? 2 : 1;
}

FIXTURE_SETUP(queues)
{
	const char *why = board_find(&self->board);
	size_t page = variant->page;
	struct vm *vm = &self->vm;

	self->vm.fd = -1;
	if (why)
		SKIP(return, "%s", why);
	if (variant->kind == PAGES_BASE && sysconf(_SC_PAGESIZE) != (long)page)
		SKIP(return, "the kernel's pages are not 4 KiB");
	self->free = hugetlb_free(page);
	if (variant->kind == PAGES_HUGETLB) {
		int rc = hugetlb_reserve(&self->pool, page, pages_of(page));

		if (rc) {
			hugetlb_restore(&self->pool);
			SKIP(return, "hugetlb pages of %zu KiB: %s", page >> 10,
			     rc == -ENOENT ? "not offered by this kernel" :
					     "none to be had");
		}
	}
	self->mem = hostpages_map(pages_of(page) * page, variant->kind, page);
	if (!self->mem) {
		hugetlb_restore(&self->pool);
		SKIP(return, "pages of %zu KiB: %s", page >> 10, strerror(errno));
	}

	self->log = kernel_log_open();
	ASSERT_LE(0, self->log);
	ASSERT_EQ(0, vm_open(vm, "A", self->board.bdf[0]));
	ASSERT_EQ(0, vm_add_viommu(vm, TYPE));
	self->largest = largest_queue(vm);
	ASSERT_NE(0, self->largest.log2);
	/* Twice the same page is surely not contiguous */
	test_cmd_ioas_map(vm->fd, vm->ioas, self->mem, page, IPA, true);
	test_cmd_ioas_map(vm->fd, vm->ioas, self->mem, page, IPA + page, true);
}

FIXTURE_TEARDOWN(queues)
{
	char line[256];

	EXPECT_EQ(0, vm_close(&self->vm));
	munmap(self->mem, pages_of(variant->page) * variant->page);
	hugetlb_restore(&self->pool);
	/* Memory of queues that are gone is the system's again */
	EXPECT_EQ(hugetlb_free(variant->page), self->free);
	board_check(&self->board);
	EXPECT_FALSE(kernel_has_warned(self->log, line, sizeof(line)))
		TH_LOG("%s", line);
	close(self->log);
	observer_close(&self->board.unit);
}

/*
 * A queue that goes over the end of a page into another one is refused, and the
 * operator told where, what pages they are, and what pages would do.
 */
TEST_F_TIMEOUT(queues, not_over_the_end_of_a_page, TIMEOUT)
{
	u64 length = self->largest.bytes, iova, page = variant->page;
	struct observer *unit = &self->board.unit;
	struct vm *vm = &self->vm;
	char line[1024];
	u32 id;

	if (length > 2 * page)
		length = 2 * page;
	iova = IPA + page - length / 2;
	test_err_hw_queue_alloc(EFAULT, vm, 0, iova, length, &id);
	ASSERT_EQ(0, renew_viommu(vm));
	ASSERT_EQ(0, refused_and_told(vm, self->log, EFAULT, iova, length, line,
				      sizeof(line)));
	EXPECT_TRUE(names_gap(&self->board, vm, line, iova, length, IPA + page,
			      page));

	/* The smallest that does: a command before the end, a command after it */
	ASSERT_EQ(0, renew_viommu(vm));
	ASSERT_EQ(0, refused_and_told(vm, self->log, EFAULT, IPA + page - 16, 32,
				      line, sizeof(line)));
	EXPECT_TRUE(names_gap(&self->board, vm, line, IPA + page - 16, 32,
			      IPA + page, page));
}

/* Within a page a queue of any size works at any multiple of it, and nowhere else */
TEST_F_TIMEOUT(queues, every_size_within_a_page, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	u64 page = variant->page, bytes, offset;
	struct vm *vm = &self->vm;
	unsigned int log2;
	char line[1024];
	u32 id;

	test_err_hw_queue_alloc(EINVAL, vm, 0, IPA, 16, &id);
	test_err_hw_queue_alloc(EINVAL, vm, 0, IPA, 2 * self->largest.bytes, &id);
	kernel_log_count(self->log, TOLD, line, sizeof(line));
	for (log2 = 1; log2 <= self->largest.log2; log2++) {
		bytes = 16ULL << log2;
		if (2 * bytes <= page) {
			test_err_hw_queue_alloc(EINVAL, vm, 0, IPA + bytes / 2,
						bytes, &id);
			test_err_hw_queue_alloc(EINVAL, vm, 0, IPA + 16, bytes,
						&id);
		}
	}
	/* Where the guest puts its queues is not the operator's business */
	EXPECT_EQ(kernel_log_count(self->log, TOLD, line, sizeof(line)), 0)
		TH_LOG("%s", line);

	for (log2 = 1; log2 <= self->largest.log2; log2++) {
		bytes = 16ULL << log2;
		if (bytes > page)
			break;
		/* The last place in the page */
		offset = page - bytes;
		try_queue(_metadata, &self->board, vm, self->mem + offset,
			  IPA + offset, log2);
	}
	/* From the smallest on, to the largest that a page or the unit can take */
	EXPECT_GE(log2, 9);
	if (page >= self->largest.bytes)
		EXPECT_EQ(log2, self->largest.log2 + 1);
}

/* Every entry of the largest queue is used: filled up, done, and filled up again */
TEST_F_TIMEOUT(queues, each_entry_of_the_largest, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	struct smmu_cmd cmd = cmd_tlbi_nh_va(ASID, IOVA);
	u64 bytes = self->largest.bytes, tlbis, syncs;
	u32 id, entries, time, i, tries;
	struct vm *vm = &self->vm;
	unsigned int v;
	struct vcmdq q;
	int rc;

	if (bytes > variant->page)
		bytes = variant->page;
	entries = bytes / 16;
	test_cmd_hw_queue_alloc(vm, 0, IPA, bytes, &id);
	vcmdq_init(&q, vm->window, 0, self->mem, __builtin_ctzll(entries));
	ASSERT_EQ(0, vcmdq_enable(&q));
	v = find_vintf(unit, vm);
	tlbis = observer_executed_op(unit, v, CMD_TLBI_NH_VA);
	syncs = observer_executed_op(unit, v, CMD_SYNC);

	for (time = 1; time <= 2; time++) {
		for (i = 1; i < entries; i++)
			vcmdq_push(&q, cmd);
		vcmdq_push(&q, cmd_sync());
		/* All entries are full: the index is where it was, the wrap bit isn't */
		EXPECT_EQ(q.prod, time % 2 * entries);
		vcmdq_kick(&q);
		/* It waits a second, in which no machine has to do half a million */
		rc = -ETIMEDOUT;
		for (tries = 0; rc == -ETIMEDOUT && tries < TIMEOUT / 3; tries++)
			rc = vcmdq_wait(&q);
		ASSERT_EQ(0, rc);
		EXPECT_EQ(observer_executed_op(unit, v, CMD_TLBI_NH_VA) - tlbis,
			  time * (entries - 1));
		EXPECT_EQ(observer_executed_op(unit, v, CMD_SYNC) - syncs, time);
	}
	EXPECT_EQ(0, vcmdq_disable(&q));
	test_cmd_destroy(vm->fd, id);
}

/* ---- Memory that is put together from several pages ---- */

/* Of 2 MiB, as many as it takes to find neighbours among them */
#define PIECES 16

FIXTURE(pieces)
{
	struct board board;
	struct vm vm;
	struct hugetlb_pool pool;
	long free;
	int log;
	/* Pages in any order */
	char *mem;
	/* Two neighbours of which the first is at a multiple of 4 MiB; and two where it isn't */
	char *even[2], *odd[2];
};

FIXTURE_SETUP(pieces)
{
	const char *why = board_find(&self->board);
	struct vm *vm = &self->vm;
	unsigned int i, j;

	vm->fd = -1;
	if (why)
		SKIP(return, "%s", why);
	self->free = hugetlb_free(HUGE_PAGE);
	/* One more is for a file */
	if (hugetlb_reserve(&self->pool, HUGE_PAGE, PIECES + 1)) {
		hugetlb_restore(&self->pool);
		SKIP(return, "no %u hugetlb pages of 2 MiB to be had", PIECES);
	}
	self->mem = hostpages_map(PIECES * HUGE_PAGE, PAGES_HUGETLB, HUGE_PAGE);
	if (!self->mem)
		hugetlb_restore(&self->pool);
	ASSERT_NE(NULL, self->mem);
	for (i = 0; i < PIECES; i++) {
		for (j = 0; j < PIECES; j++) {
			char *a = self->mem + i * HUGE_PAGE;
			char *b = self->mem + j * HUGE_PAGE;
			char **pair = host_pa(a) % (2 * HUGE_PAGE) ?
				      self->odd : self->even;

			if (host_pa(b) == host_pa(a) + HUGE_PAGE) {
				pair[0] = a;
				pair[1] = b;
			}
		}
	}
	self->log = kernel_log_open();
	ASSERT_LE(0, self->log);
	ASSERT_EQ(0, vm_open(vm, "A", self->board.bdf[0]));
	ASSERT_EQ(0, vm_add_viommu(vm, TYPE));
	ASSERT_GE(largest_queue(vm).bytes, 2 * HUGE_PAGE);
}

FIXTURE_TEARDOWN(pieces)
{
	char line[256];

	EXPECT_EQ(0, vm_close(&self->vm));
	munmap(self->mem, PIECES * HUGE_PAGE);
	hugetlb_restore(&self->pool);
	EXPECT_EQ(hugetlb_free(HUGE_PAGE), self->free);
	board_check(&self->board);
	EXPECT_FALSE(kernel_has_warned(self->log, line, sizeof(line)))
		TH_LOG("%s", line);
	close(self->log);
	observer_close(&self->board.unit);
}

/* vcmdq_push() to a queue of two huge pages that are neighbours, but not in here */
static void push_into_halves(struct vcmdq *q, char *half[2], struct smmu_cmd cmd)
{
	if (q->prod & 1u << 17)
		q->entries = (u64 *)(half[1] - HUGE_PAGE);
	else
		q->entries = (u64 *)half[0];
	vcmdq_push(q, cmd);
}

/* Pages that happen to be neighbours are as good as one page, in their order only */
TEST_F_TIMEOUT(pieces, neighbours_are_as_good_as_one, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	struct smmu_cmd cmd = cmd_tlbi_nh_va(ASID, IOVA);
	const u64 second = IPA + HUGE_PAGE;
	struct vm *vm = &self->vm;
	unsigned int i, v;
	char line[1024];
	struct vcmdq q;
	u32 id;

	if (!self->even[0])
		SKIP(return, "no neighbours among %u pages", PIECES);

	/* The wrong way round */
	test_cmd_ioas_map(vm->fd, vm->ioas, self->even[1], HUGE_PAGE, IPA, true);
	test_cmd_ioas_map(vm->fd, vm->ioas, self->even[0], HUGE_PAGE, second, true);
	test_err_hw_queue_alloc(EFAULT, vm, 0, IPA, 2 * HUGE_PAGE, &id);
	ASSERT_EQ(0, renew_viommu(vm));
	ASSERT_EQ(0, refused_and_told(vm, self->log, EFAULT, IPA, 2 * HUGE_PAGE,
				      line, sizeof(line)));
	EXPECT_TRUE(names_gap(&self->board, vm, line, IPA, 2 * HUGE_PAGE, second,
			      HUGE_PAGE));
	test_cmd_ioas_unmap(vm->fd, vm->ioas, IPA, HUGE_PAGE);
	test_cmd_ioas_unmap(vm->fd, vm->ioas, second, HUGE_PAGE);

	/* The right way round */
	test_cmd_ioas_map(vm->fd, vm->ioas, self->even[0], HUGE_PAGE, IPA, true);
	test_cmd_ioas_map(vm->fd, vm->ioas, self->even[1], HUGE_PAGE, second, true);
	test_cmd_hw_queue_alloc(vm, 0, IPA, 2 * HUGE_PAGE, &id);
	v = find_vintf(unit, vm);
	EXPECT_TRUE(base_is(unit, v, self->even[0], 18));

	/* From the last entries of one page into the first ones of the other */
	vcmdq_init(&q, vm->window, 0, NULL, 18);
	ASSERT_EQ(0, vcmdq_enable(&q));
	ASSERT_EQ(0, vcmdq_disable(&q));
	q.prod = (1u << 17) - 3;
	vcmdq_write(&q, VCMDQ_PROD, q.prod);
	vcmdq_write(&q, VCMDQ_CONS, q.prod);
	vcmdq_write(&q, VCMDQ_CONFIG, VCMDQ_EN);
	for (i = 0; i < 3; i++) {
		push_into_halves(&q, self->even, cmd);
		push_into_halves(&q, self->even, cmd_sync());
		vcmdq_kick(&q);
		EXPECT_EQ(0, vcmdq_wait(&q));
	}
	EXPECT_EQ(vcmdq_read(&q, VCMDQ_CONS), (1u << 17) + 3);
	EXPECT_EQ(0, vcmdq_disable(&q));
	test_cmd_destroy(vm->fd, id);
}

/* What is contiguous but not at a multiple of its size won't do; the operator is told */
TEST_F_TIMEOUT(pieces, neighbours_at_a_wrong_place, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	struct vm *vm = &self->vm;
	char line[1024];
	u32 id;

	if (!self->odd[0])
		SKIP(return, "no such neighbours among %u pages", PIECES);
	test_cmd_ioas_map(vm->fd, vm->ioas, self->odd[0], HUGE_PAGE, IPA, true);
	test_cmd_ioas_map(vm->fd, vm->ioas, self->odd[1], HUGE_PAGE,
			  IPA + HUGE_PAGE, true);
	test_err_hw_queue_alloc(EINVAL, vm, 0, IPA, 2 * HUGE_PAGE, &id);
	ASSERT_EQ(0, renew_viommu(vm));
	ASSERT_EQ(0, refused_and_told(vm, self->log, EINVAL, IPA, 2 * HUGE_PAGE,
				      line, sizeof(line)));
	EXPECT_TRUE(names_all(&self->board, vm, line, IPA, 2 * HUGE_PAGE, MISPLACED));
}

/* Pages that are large enough don't help a guest that has them at odd addresses */
TEST_F_TIMEOUT(pieces, pages_at_odd_addresses, TIMEOUT)
{
	const u64 odd = IPA + 512 * KIB, page_end = odd + HUGE_PAGE;
	struct observer *unit = &self->board.unit;
	struct vm *vm = &self->vm;
	char line[1024];
	u32 id;

	test_cmd_ioas_map(vm->fd, vm->ioas, self->mem, HUGE_PAGE, odd, true);
	test_cmd_ioas_map(vm->fd, vm->ioas, self->mem, HUGE_PAGE, page_end, true);
	/* In the middle of it, as the guest sees it, the page ends */
	test_err_hw_queue_alloc(EFAULT, vm, 0, IPA + 2 * MIB, MIB, &id);
	ASSERT_EQ(0, renew_viommu(vm));
	ASSERT_EQ(0, refused_and_told(vm, self->log, EFAULT, IPA + 2 * MIB, MIB,
				      line, sizeof(line)));
	EXPECT_TRUE(names_gap(&self->board, vm, line, IPA + 2 * MIB, MIB, page_end,
			      HUGE_PAGE));
	EXPECT_NE(NULL, strstr(line, "multiples of their size"));
	/* In one page, and yet not where the unit can have it */
	ASSERT_EQ(0, renew_viommu(vm));
	ASSERT_EQ(0, refused_and_told(vm, self->log, EINVAL, IPA + MIB, MIB, line,
				      sizeof(line)));
	EXPECT_TRUE(names_all(&self->board, vm, line, IPA + MIB, MIB, MISPLACED));
	/* What is no larger than the shift is right by itself */
	try_queue(_metadata, &self->board, vm, self->mem + 512 * KIB, IPA + MIB, 15);
}

/* One page among others that is not where it should be is found, wherever it is */
TEST_F_TIMEOUT(pieces, one_page_exchanged, TIMEOUT)
{
	const u64 wrong[] = { 0, 4 * KIB, 1024 * KIB, 2044 * KIB };
	struct observer *unit = &self->board.unit;
	struct vm *vm = &self->vm;
	char line[1024], *other;
	unsigned int i;
	u32 id;

	other = hostpages_map(GUEST_PAGE, PAGES_BASE, GUEST_PAGE);
	ASSERT_NE(NULL, other);
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		u64 at = wrong[i], after = at + GUEST_PAGE, end = at, page;

		if (at)
			test_cmd_ioas_map(vm->fd, vm->ioas, self->mem, at, IPA, true);
		test_cmd_ioas_map(vm->fd, vm->ioas, other, GUEST_PAGE, IPA + at, true);
		if (after < HUGE_PAGE)
			test_cmd_ioas_map(vm->fd, vm->ioas, self->mem + after,
					  HUGE_PAGE - after, IPA + after, true);
		/* The piece that counts is the first one, which is this page or before it */
		page = HUGE_PAGE;
		if (!at) {
			end = after;
			page = GUEST_PAGE;
		}
		test_err_hw_queue_alloc(EFAULT, vm, 0, IPA, HUGE_PAGE, &id);
		ASSERT_EQ(0, renew_viommu(vm));
		ASSERT_EQ(0, refused_and_told(vm, self->log, EFAULT, IPA, HUGE_PAGE,
					      line, sizeof(line)));
		EXPECT_TRUE(names_gap(&self->board, vm, line, IPA, HUGE_PAGE,
				      IPA + end, page));

		/* Put right, it is a queue */
		test_cmd_ioas_unmap(vm->fd, vm->ioas, IPA + at, GUEST_PAGE);
		test_err_hw_queue_alloc(ENOENT, vm, 0, IPA, HUGE_PAGE, &id);
		test_cmd_ioas_map(vm->fd, vm->ioas, self->mem + at, GUEST_PAGE,
				  IPA + at, true);
		try_queue(_metadata, &self->board, vm, self->mem, IPA, 17);
		test_cmd_ioas_unmap(vm->fd, vm->ioas, IPA, HUGE_PAGE);
	}
	munmap(other, GUEST_PAGE);
}

/*
 * Memory that is mapped by its file is as good, and as bad, as memory by address. The
 * queue keeps it, also when file and mapping are gone: what the guest's own view of it
 * was is what the unit reads.
 */
TEST_F_TIMEOUT(pieces, memory_of_a_file, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	struct vm *vm = &self->vm;
	char line[1024], *va;
	unsigned int v;
	int file, rc;
	long were;
	u32 id;

	were = hugetlb_free(HUGE_PAGE);
	file = memfd_create("queues", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB);
	ASSERT_LE(0, file);
	ASSERT_EQ(0, ftruncate(file, HUGE_PAGE));
	rc = iommufd_ioas_map_file(vm->fd, vm->ioas, file, 0, HUGE_PAGE, IPA);
	if (rc == -ENOTTY)
		SKIP(close(file); return, "no IOMMU_IOAS_MAP_FILE");
	ASSERT_EQ(0, rc);
	ASSERT_EQ(0, iommufd_ioas_map_file(vm->fd, vm->ioas, file, 0, HUGE_PAGE,
					   IPA + HUGE_PAGE));
	va = mmap(NULL, HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	ASSERT_NE(MAP_FAILED, va);
	memset(va, 0, HUGE_PAGE);

	test_err_hw_queue_alloc(EFAULT, vm, 0, IPA + HUGE_PAGE / 2, HUGE_PAGE, &id);
	ASSERT_EQ(0, renew_viommu(vm));
	ASSERT_EQ(0, refused_and_told(vm, self->log, EFAULT, IPA + HUGE_PAGE / 2,
				      HUGE_PAGE, line, sizeof(line)));
	EXPECT_TRUE(names_gap(&self->board, vm, line, IPA + HUGE_PAGE / 2, HUGE_PAGE,
			      IPA + HUGE_PAGE, HUGE_PAGE));
	try_queue(_metadata, &self->board, vm, va, IPA, 17);

	test_cmd_hw_queue_alloc(vm, 0, IPA, HUGE_PAGE, &id);
	v = find_vintf(unit, vm);
	EXPECT_TRUE(base_is(unit, v, va, 17));
	/* The pool has it back only when the queue has gone and the mappings with it */
	munmap(va, HUGE_PAGE);
	EXPECT_EQ(0, ftruncate(file, 0));
	close(file);
	EXPECT_EQ(were - 1, hugetlb_free(HUGE_PAGE));
	test_err_ioas_unmap(EBUSY, vm->fd, vm->ioas, IPA, HUGE_PAGE);
	test_cmd_destroy(vm->fd, id);
	test_cmd_ioas_unmap(vm->fd, vm->ioas, IPA, HUGE_PAGE);
	test_cmd_ioas_unmap(vm->fd, vm->ioas, IPA + HUGE_PAGE, HUGE_PAGE);
	EXPECT_EQ(were, hugetlb_free(HUGE_PAGE));
}

/* ---- How often the operator is told ---- */

/* I8, J90: however often a guest asks, and for what, its vIOMMU is good for one line */
TEST_F_TIMEOUT(pieces, one_line_for_a_thousand, TIMEOUT)
{
	struct vm *vm = &self->vm;
	u64 started = vmm_now_ns();
	unsigned int i;
	char line[1024];
	u32 id;

	test_cmd_ioas_map(vm->fd, vm->ioas, self->mem, HUGE_PAGE, IPA, true);
	test_cmd_ioas_map(vm->fd, vm->ioas, self->mem, HUGE_PAGE, IPA + HUGE_PAGE,
			  true);
	ASSERT_EQ(0, refused_and_told(vm, self->log, EFAULT, IPA, 2 * HUGE_PAGE,
				      line, sizeof(line)));
	for (i = 1; i < 1000; i++) {
		/* Any index, and queues of 32 KiB to 4 MiB */
		u64 length = 32 * KIB << i % 8;

		ASSERT_EQ(-EFAULT, _test_cmd_hw_queue_alloc(vm, i, IPA + HUGE_PAGE -
							    length / 2, length, &id));
	}
	if (vmm_now_ns() - started > 55 * 1000000000ULL)
		SKIP(return, "the board is too slow: another minute has begun");
	EXPECT_EQ(kernel_log_count(self->log, TOLD, line, sizeof(line)), 0)
		TH_LOG("%s", line);
	EXPECT_EQ(kernel_log_count(self->log, "suppressed", line, sizeof(line)), 0)
		TH_LOG("%s", line);
}

/* A VMM that makes one vIOMMU after the other is limited, too: all together are */
TEST_F_TIMEOUT(pieces, ten_lines_for_all, TIMEOUT)
{
	struct vm *vm = &self->vm;
	u64 started = vmm_now_ns(), periods;
	unsigned int i, lines;
	char line[1024];
	u32 id;

	test_cmd_ioas_map(vm->fd, vm->ioas, self->mem, HUGE_PAGE, IPA, true);
	test_cmd_ioas_map(vm->fd, vm->ioas, self->mem, HUGE_PAGE, IPA + HUGE_PAGE,
			  true);
	kernel_log_count(self->log, TOLD, line, sizeof(line));
	for (i = 0; i < 20 * LIMIT; i++) {
		ASSERT_EQ(-EFAULT, _test_cmd_hw_queue_alloc(vm, 0, IPA, 2 * HUGE_PAGE,
							    &id));
		ASSERT_EQ(0, renew_viommu(vm));
	}
	periods = (vmm_now_ns() - started) / (LIMIT_S * 1000000000ULL) + 2;
	lines = kernel_log_count(self->log, TOLD, line, sizeof(line));
	EXPECT_LE(lines, periods * LIMIT);
	TH_LOG("%u of %u refusals are in the log", lines, 20 * LIMIT);

	/* And when they have been quiet, another one is heard */
	sleep(LIMIT_S + 1);
	ASSERT_EQ(0, refused_and_told(vm, self->log, EFAULT, IPA, 2 * HUGE_PAGE,
				      line, sizeof(line)));
}

TEST_HARNESS_MAIN
