// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rules that are easily broken in the corners: by threads that race, by hardware
 * that does not answer, by requests that are wrong in the middle. Each test is
 * named after its rule and states it above.
 *
 * Runs on the emulated board (emulator/grace-vm); skips elsewhere.
 */
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>

#include "cmdqv_utils.h"

#define TIMEOUT	120
#define TYPE	IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV

FIXTURE(rules)
{
	struct board board;
	struct vm vm;
};

FIXTURE_SETUP(rules)
{
	const char *why = board_find(&self->board);

	if (why)
		SKIP(return, "%s", why);
	ASSERT_NE(NULL, observer_run(&self->board.unit, "inject none"));
	ASSERT_NE(NULL, observer_run(&self->board.unit, "clear"));
	ASSERT_EQ(0, vm_open(&self->vm, "A", self->board.bdf[0]));
}

FIXTURE_TEARDOWN(rules)
{
	observer_run(&self->board.unit, "inject none");
	observer_run(&self->board.unit, "delay command_ns=0 step=64");
	EXPECT_EQ(0, vm_close(&self->vm));
	board_check(&self->board);
	observer_close(&self->board.unit);
}

/**
 * struct racer - a thread that does one thing over and over
 * @go: what it does each time, with @vm and @arg
 * @stop: set to end it
 * @hits: how often @go returned non-zero
 * @runs: how often it was called
 */
struct racer {
	int (*go)(struct racer *r);
	struct vm *vm;
	u64 arg;
	bool stop;
	unsigned long hits;
	unsigned long runs;
	pthread_t thread;
};

static void *racer_main(void *p)
{
	struct racer *r = p;

	while (!__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE)) {
		if (r->go(r))
			r->hits++;
		__atomic_fetch_add(&r->runs, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static int racer_start(struct racer *r)
{
	return -pthread_create(&r->thread, NULL, racer_main, r);
}

/*
 * Shall the other side go on for round @i? At least @rounds times, and until the
 * thread has had its share of a busy machine.
 */
static bool racer_more(struct racer *r, int i, int rounds)
{
	return i < rounds ||
	       (__atomic_load_n(&r->runs, __ATOMIC_ACQUIRE) < 100 && i < 100 * rounds);
}

static void racer_stop(struct racer *r)
{
	__atomic_store_n(&r->stop, true, __ATOMIC_RELEASE);
	pthread_join(r->thread, NULL);
}

/* ---- */

/* Would the next vIOMMU's window, or the first one's, be found now? */
static int map_guessed(struct racer *r)
{
	u64 k = __atomic_load_n(&r->arg, __ATOMIC_RELAXED), guess;
	int hit = 0;

	for (guess = k ? k - 1 : 0; guess <= k + 1; guess++)
		hit |= !_test_cmd_mmap(r->vm->fd, GUEST_PAGE + guess * 0x10000,
				       0x10000, PROT_READ | PROT_WRITE,
				       MAP_SHARED);
	hit |= !_test_cmd_mmap(r->vm->fd, GUEST_PAGE, 0x10000, PROT_READ,
			       MAP_SHARED);
	return hit;
}

/*
 * A window is found by mmap() only if its vIOMMU is published under its id; never
 * while VIOMMU_ALLOC can still fail. Here it always fails, as late as it can, while
 * a thread guesses the offset.
 */
TEST_F_TIMEOUT(rules, window_only_of_published_viommu, TIMEOUT)
{
	struct iommu_viommu_tegra241_cmdqv data;
	struct vm *vm = &self->vm;
	struct iommu_viommu_alloc cmd = {
		.size = sizeof(cmd), .type = TYPE, .dev_id = vm->dev.dev_id,
		.hwpt_id = vm->s2, .data_len = sizeof(data),
		.data_uptr = (uintptr_t)&data,
	};
	struct racer r = { .go = map_guessed, .vm = vm };
	void *ro = readonly_copy(&cmd, sizeof(cmd));

	ASSERT_NE(ro, NULL);
	ASSERT_EQ(0, racer_start(&r));
	for (int i = 0; racer_more(&r, i, 600); i++) {
		ASSERT_EQ(-EFAULT,
			  iommufd_ioctl(vm->fd, IOMMU_VIOMMU_ALLOC, ro));
		__atomic_fetch_add(&r.arg, 1, __ATOMIC_RELAXED);
	}
	racer_stop(&r);
	EXPECT_GE(r.runs, 100);
	EXPECT_EQ(r.hits, 0)
		TH_LOG("%lu of %lu rounds mapped a window of nobody", r.hits,
		       r.runs);
	readonly_free(ro);
}

/* ---- */

/* Queue 0, which fails when everything has been done for it */
static int alloc_failing_queue0(struct racer *r)
{
	return iommufd_ioctl(r->vm->fd, IOMMU_HW_QUEUE_ALLOC,
			     (void *)(uintptr_t)r->arg) != -EFAULT;
}

/*
 * A queue is put on top of a published one only. Queue 0 never gets published
 * here, so queue 1 must always be refused, with EIO, and is never mapped.
 */
TEST_F_TIMEOUT(rules, predecessor_is_published, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	struct vm *vm = &self->vm;
	struct iommu_hw_queue_alloc cmd;
	struct racer r = { .go = alloc_failing_queue0, .vm = vm };
	u64 page;
	u32 id;
	void *ro;
	int rc;

	ASSERT_EQ(0, vm_add_viommu(vm, TYPE));
	page = guestmem_alloc(&vm->ram, GUEST_PAGE, GUEST_PAGE);
	cmd = (struct iommu_hw_queue_alloc){
		.size = sizeof(cmd), .viommu_id = vm->viommu,
		.type = IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV,
		.nesting_parent_iova = page, .length = 2048,
	};
	ro = readonly_copy(&cmd, sizeof(cmd));
	ASSERT_NE(ro, NULL);
	r.arg = (uintptr_t)ro;
	ASSERT_EQ(0, racer_start(&r));
	for (int i = 0; racer_more(&r, i, 3000); i++) {
		rc = _test_cmd_hw_queue_alloc(vm, 1, page + 2048, 2048, &id);
		EXPECT_EQ(rc, -EIO);
		if (!rc) {
			iommufd_destroy(vm->fd, id);
			break;
		}
	}
	racer_stop(&r);
	EXPECT_GE(r.runs, 100);
	EXPECT_EQ(r.hits, 0);
	EXPECT_EQ(observer_violations(unit, "map_order"), 0);
	EXPECT_EQ(observer_violations(unit, "unmap_order"), 0);
	readonly_free(ro);
}

/* ---- */

/* The other thread's queue 0 comes and goes */
static u32 id0;

static int cycle_queue0(struct racer *r)
{
	u32 id = __atomic_load_n(&id0, __ATOMIC_RELAXED);
	int rc = iommufd_destroy(r->vm->fd, id);

	/* EBUSY: queue 1 is on top. ENOENT would mean that it has got lost. */
	if (rc == -EBUSY)
		return 0;
	if (rc)
		return 1;
	rc = _test_cmd_hw_queue_alloc(r->vm, 0, r->arg, 2048, &id);
	__atomic_store_n(&id0, id, __ATOMIC_RELAXED);
	return rc != 0;
}

/*
 * A queue holds its predecessor only if that is alive: queue 0 is destroyed or is
 * held, and nothing comes between. Who loses is told EBUSY or EIO.
 */
TEST_F_TIMEOUT(rules, dependency_only_on_the_living, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	struct racer r = { .go = cycle_queue0 };
	unsigned int made = 0, refused = 0;
	struct vm *vm = &self->vm;
	u64 page;
	u32 id;
	int rc;

	ASSERT_EQ(0, vm_add_viommu(vm, TYPE));
	page = guestmem_alloc(&vm->ram, GUEST_PAGE, GUEST_PAGE);
	test_cmd_hw_queue_alloc(vm, 0, page, 2048, &id);
	__atomic_store_n(&id0, id, __ATOMIC_RELAXED);
	r.vm = vm;
	r.arg = page;
	ASSERT_EQ(0, racer_start(&r));
	for (int i = 0; racer_more(&r, i, 3000); i++) {
		rc = _test_cmd_hw_queue_alloc(vm, 1, page + 2048, 2048, &id);
		if (rc) {
			EXPECT_EQ(rc, -EIO);
			refused++;
			continue;
		}
		made++;
		ASSERT_EQ(0, iommufd_destroy(vm->fd, id));
	}
	racer_stop(&r);
	TH_LOG("queue 1: %u made, %u refused; queue 0: %lu rounds", made, refused,
	       r.runs);
	EXPECT_GT(made, 0);
	EXPECT_GE(r.runs, 100);
	EXPECT_EQ(r.hits, 0);
	EXPECT_EQ(observer_violations(unit, "map_order"), 0);
	EXPECT_EQ(observer_violations(unit, "unmap_order"), 0);
	test_cmd_destroy(vm->fd, __atomic_load_n(&id0, __ATOMIC_RELAXED));
}

/* ---- */

/* Kilobytes of free memory */
static unsigned long mem_free(void)
{
	unsigned long kb = 0;
	char line[128];
	FILE *f = fopen("/proc/meminfo", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemFree: %lu kB", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

/* Kilobytes that this process has pinned, as RLIMIT_MEMLOCK counts them */
static unsigned long pinned(void)
{
	unsigned long kb = 0;
	char line[128];
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmPin: %lu kB", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

/* Memory of a queue is guest memory: it is counted once, with that. */
TEST_F(rules, queue_memory_is_counted_once)
{
	struct vm *vm = &self->vm;
	unsigned long before;

	before = pinned();
	EXPECT_GE(before, VM_RAM_SIZE / 1024);
	ASSERT_EQ(0, vm_add_viommu(vm, TYPE));
	ASSERT_EQ(0, vm_add_queue(vm, QUEUE_LOG2));
	EXPECT_EQ(pinned(), before);
	ASSERT_EQ(0, vm_drop_queue(vm));
	EXPECT_EQ(pinned(), before);
}

static int watch_memory(struct racer *r)
{
	unsigned long kb = mem_free();

	if (kb < r->arg)
		r->arg = kb;
	return 0;
}

static int alloc_huge(struct racer *r)
{
	u32 id;

	return _test_cmd_hw_queue_alloc(r->vm, 0, VM_RAM_IPA, r->arg, &id) !=
	       -EINVAL;
}

/*
 * The length is checked against what the hardware can use before anything is
 * looked up or allocated for it: EINVAL even where there is no memory at all, and
 * no memory is used for the attempt.
 */
TEST_F_TIMEOUT(rules, length_is_bounded_first, TIMEOUT)
{
	struct racer watch = { .go = watch_memory };
	struct racer r[3] = {};
	struct vm *vm = &self->vm;
	unsigned long before;
	u32 id;

	ASSERT_EQ(0, vm_add_viommu(vm, TYPE));
	for (int bit = 24; bit < 64; bit++) {
		EXPECT_EQ(-EINVAL,
			  _test_cmd_hw_queue_alloc(vm, 0, 0, 1ULL << bit, &id))
			TH_LOG("length 1 << %d", bit);
		EXPECT_EQ(-EINVAL,
			  _test_cmd_hw_queue_alloc(vm, 0, 0,
						   (1ULL << bit) - GUEST_PAGE,
						   &id));
	}
	before = mem_free();
	watch.arg = before;
	ASSERT_EQ(0, racer_start(&watch));
	for (int i = 0; i < 3; i++) {
		r[i] = (struct racer){ .go = alloc_huge, .vm = vm,
				       .arg = 1ULL << (36 + i) };
		ASSERT_EQ(0, racer_start(&r[i]));
	}
	for (int i = 0; i < 300; i++) {
		usleep(10000);
		if (i >= 100 && !racer_more(&r[0], 1, 1) &&
		    !racer_more(&r[1], 1, 1) && !racer_more(&r[2], 1, 1))
			break;
	}
	for (int i = 0; i < 3; i++) {
		racer_stop(&r[i]);
		EXPECT_GE(r[i].runs, 100);
		EXPECT_EQ(r[i].hits, 0);
	}
	racer_stop(&watch);
	/* A page pointer for each page of 2^36 bytes would be 128 MiB */
	EXPECT_LT(before - watch.arg, 32 << 10)
		TH_LOG("%lu kB used", before - (unsigned long)watch.arg);
}

/* ---- */

/*
 * entry_num of HWPT_INVALIDATE is what the hardware has completed: with a wrong
 * request at position n, those before it have taken effect, it and those after it
 * have not, and n is what is told. Seen by the device: two neighbouring pages,
 * whose requests stand right before and right after the wrong one.
 */
TEST_F_TIMEOUT(rules, count_is_what_hardware_has_done, TIMEOUT)
{
	static const unsigned int at[] = { 0, 1, 10, 62, 63, 64, 65, 100, 126 };
	static struct smmu_cmd cmds[128];
	struct vm *vm = &self->vm;
	u64 old[2], new[2], src;
	enum { N = 128, LEN = 64 };
	u32 num;

	ASSERT_EQ(0, vm_set_up(vm, VSID, ASID));
	src = guestmem_alloc(&vm->ram, GUEST_PAGE, GUEST_PAGE);
	memset(page_at(vm, src), 'x', LEN);
	for (int i = 0; i < 2; i++) {
		old[i] = guestmem_alloc(&vm->ram, GUEST_PAGE, GUEST_PAGE);
		new[i] = guestmem_alloc(&vm->ram, GUEST_PAGE, GUEST_PAGE);
	}
	ASSERT_EQ(0, stage1_map(&vm->s1, IOVA + 0x100000, src));
	ASSERT_EQ(0, edu_load(&vm->dev, IOVA + 0x100000, LEN));

	for (size_t k = 0; k < ARRAY_SIZE(at); k++) {
		unsigned int bad = at[k];

		/* Everything fresh, then cached, then changed */
		for (int i = 0; i < 2; i++)
			ASSERT_EQ(0, stage1_map(&vm->s1, IOVA + i * GUEST_PAGE,
						old[i]));
		cmds[0] = cmd_tlbi_nh_asid(ASID);
		ASSERT_EQ(0, vcmdq_issue(&vm->q[0], cmds, 1));
		ASSERT_EQ(0, edu_store(&vm->dev, IOVA + GUEST_PAGE - LEN / 2,
				       LEN));
		for (int i = 0; i < 2; i++) {
			ASSERT_EQ(0, stage1_map(&vm->s1, IOVA + i * GUEST_PAGE,
						new[i]));
			memset(page_at(vm, old[i]), 0, GUEST_PAGE);
			memset(page_at(vm, new[i]), 0, GUEST_PAGE);
		}

		for (unsigned int i = 0; i < N; i++)
			cmds[i] = cmd_tlbi_nh_va(ASID, IOVA + 0x800000 +
						 i * GUEST_PAGE);
		if (bad)
			cmds[bad - 1] = cmd_tlbi_nh_va(ASID, IOVA);
		cmds[bad] = cmd_op(CMD_CFGI_STE);
		cmds[bad + 1] = cmd_tlbi_nh_va(ASID, IOVA + GUEST_PAGE);
		num = N;
		EXPECT_EQ(-EIO, _test_cmd_invalidate(vm, cmds, &num));
		EXPECT_EQ(num, bad);

		ASSERT_EQ(0, edu_store(&vm->dev, IOVA + GUEST_PAGE - LEN / 2,
				       LEN));
		EXPECT_EQ(page_at(vm, bad ? new[0] : old[0])[GUEST_PAGE - 1], 'x')
			TH_LOG("bad request at %u: the one before", bad);
		EXPECT_EQ(page_at(vm, old[1])[0], 'x')
			TH_LOG("bad request at %u: the one after", bad);
		EXPECT_EQ(page_at(vm, new[1])[0], 0);
	}

	/* All good, more than any batch: all done */
	for (unsigned int i = 0; i < N; i++)
		cmds[i] = cmd_tlbi_nh_va(ASID, IOVA + i * GUEST_PAGE);
	num = N;
	EXPECT_EQ(0, _test_cmd_invalidate(vm, cmds, &num));
	EXPECT_EQ(num, N);
	/* The request cannot be read: none of that page was done */
	num = 1;
	EXPECT_EQ(-EFAULT, _test_cmd_invalidate(vm, bad_address(), &num));
	EXPECT_EQ(num, 0);
}

/* ---- */

/**
 * struct invalidation - HWPT_INVALIDATE in a thread
 * @vm: whose
 * @cmds: the requests
 * @num: in: how many, out: how many are done
 * @rc: what the ioctl has returned
 */
struct invalidation {
	struct vm *vm;
	struct smmu_cmd *cmds;
	u32 num;
	int rc;
};

static void *invalidation_thread(void *arg)
{
	struct invalidation *inv = arg;

	inv->rc = _test_cmd_invalidate(inv->vm, inv->cmds, &inv->num);
	return NULL;
}

/* A page that is not there before userfaultfd's reader puts it there: the fd */
static int missing_page(void *page)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)page, .len = GUEST_PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (uffd >= 0 && (ioctl(uffd, UFFDIO_API, &api) ||
			  ioctl(uffd, UFFDIO_REGISTER, &reg))) {
		close(uffd);
		uffd = -1;
	}
	return uffd;
}

/* Free memory of the machine in KiB */
static long free_memory(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	long kib = -1;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemFree: %ld", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

/*
 * J86: of the largest array, 8 MiB, only as much as the hardware takes at once is
 * copied before it is executed, and nothing as large as the array is allocated. Seen
 * where the kernel waits for a page of the array: what stands before that page has
 * been done.
 */
TEST_F_TIMEOUT(rules, largest_array_is_done_in_blocks, TIMEOUT)
{
	enum { N = 1 << 19, PER_PAGE = GUEST_PAGE / sizeof(struct smmu_cmd) };
	const size_t size = N * sizeof(struct smmu_cmd);
	struct vm *vm = &self->vm;
	struct invalidation inv = { .vm = vm, .num = N };
	struct smmu_cmd late[PER_PAGE];
	struct uffdio_copy copy = { .src = (uintptr_t)late, .len = GUEST_PAGE };
	struct pollfd p = { .events = POLLIN };
	struct uffd_msg msg;
	struct pages pages;
	pthread_t thread;
	long before, taken;
	u32 num;

	ASSERT_EQ(0, vm_set_up(vm, VSID, ASID));
	ASSERT_EQ(0, pages_init(&pages, vm, IOVA));
	inv.cmds = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, inv.cmds);
	/* Huge pages would be there as a whole */
	madvise(inv.cmds, size, MADV_NOHUGEPAGE);
	p.fd = missing_page(inv.cmds + PER_PAGE);
	if (p.fd < 0)
		SKIP(goto out, "no userfaultfd (CONFIG_USERFAULTFD)");
	for (unsigned int i = 0; i < N; i++)
		if (i / PER_PAGE != 1)
			inv.cmds[i] = cmd_tlbi_nh_va(ASID, IOVA + GUEST_PAGE);
	for (unsigned int i = 0; i < PER_PAGE; i++)
		late[i] = cmd_tlbi_nh_va(ASID, IOVA + GUEST_PAGE);
	inv.cmds[0] = cmd_tlbi_nh_va(ASID, IOVA);

	ASSERT_EQ(pages_make_stale(&pages), OLD);
	EXPECT_EQ(pages_probe(&pages), OLD);
	before = free_memory();
	ASSERT_EQ(0, pthread_create(&thread, NULL, invalidation_thread, &inv));
	EXPECT_EQ(1, poll(&p, 1, 10000));
	EXPECT_EQ(sizeof(msg), read(p.fd, &msg, sizeof(msg)));
	taken = before - free_memory();
	EXPECT_EQ(pages_probe(&pages), NEW)
		TH_LOG("the array is copied before any of it is done");
	EXPECT_LT(taken, (long)size / 2 / 1024);
	copy.dst = (uintptr_t)(inv.cmds + PER_PAGE);
	EXPECT_EQ(0, ioctl(p.fd, UFFDIO_COPY, &copy));
	pthread_join(thread, NULL);
	EXPECT_EQ(inv.rc, 0);
	EXPECT_EQ(inv.num, N);

	/* Before anything can fail nothing is done, however much is asked for */
	num = N;
	EXPECT_EQ(-EFAULT, _test_cmd_invalidate(vm, bad_address(), &num));
	EXPECT_EQ(num, 0);
	num = N;
	EXPECT_EQ(-EINVAL, iommufd_hwpt_invalidate(vm->fd, vm->viommu, 0xdead,
						   inv.cmds,
						   sizeof(*inv.cmds), &num));
	EXPECT_EQ(num, 0);
	close(p.fd);
out:
	munmap(inv.cmds, size);
}

/* ---- */

static int guest_enables(struct racer *r)
{
	/* PROD now and then: what is fetched is to be logged, but not all day */
	mmio_write32(r->vm->window, VCMDQ_PROD, r->runs & 3);
	for (int i = 0; i < 16; i++)
		mmio_write32(r->vm->window, VCMDQ_CONFIG, VCMDQ_EN);
	return 0;
}

/* Every fetch since @seq for a VM: inside one of the @n pages at @pa? */
static unsigned int foreign_fetches(struct observer *unit, u64 *seq,
				    const u64 *pa, int n)
{
	const char *r = observer_run(unit, "log since %llu 512",
				     *seq + 1);
	unsigned int foreign = 0;
	u64 at;
	int i;

	for (; r; r = record_next(r)) {
		if (!strncmp(r, "head", 4)) {
			*seq = record_value(r, "seq");
			break;
		}
		if ((strncmp(r, "executed", 8) && strncmp(r, "refused", 7)) ||
		    !record_value(r, "v"))
			continue;
		at = record_value(r, "pa");
		for (i = 0; i < n; i++)
			if (at >= pa[i] && at < pa[i] + GUEST_PAGE)
				break;
		if (i == n) {
			fprintf(stderr, "# fetch from elsewhere: %.*s\n",
				(int)strcspn(r, "\n"), r);
			foreign++;
		}
	}
	return foreign;
}

/*
 * Hardware reads commands from the queue's memory and from nowhere else, and a
 * queue that DESTROY has answered for is stopped and unmapped, whatever the guest
 * writes into its window meanwhile.
 */
TEST_F_TIMEOUT(rules, fetches_only_from_the_queue, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	struct racer r = { .go = guest_enables };
	u64 page[4], pa[4], seq = 0;
	struct vm *vm = &self->vm;
	u32 id;

	ASSERT_EQ(0, vm_add_viommu(vm, TYPE));
	for (int i = 0; i < 4; i++) {
		page[i] = guestmem_alloc(&vm->ram, GUEST_PAGE, GUEST_PAGE);
		for (unsigned int c = 0; c < GUEST_PAGE / 16; c++)
			((u64 *)page_at(vm, page[i]))[2 * c] = CMD_SYNC;
		pa[i] = host_pa(page_at(vm, page[i]));
		ASSERT_NE(pa[i], 0);
	}
	foreign_fetches(unit, &seq, pa, 4);
	r.vm = vm;
	ASSERT_EQ(0, racer_start(&r));
	for (int i = 0; racer_more(&r, i, 4000); i++) {
		test_cmd_hw_queue_alloc(vm, 0, page[i % 4], GUEST_PAGE, &id);
		if (!(i % 8))
			usleep(i % 7 * 20);
		test_cmd_destroy(vm->fd, id);
		/* Looking takes longer than a cycle does */
		if (i % 16)
			continue;
		EXPECT_EQ(guest_queues(unit), 0)
			TH_LOG("in cycle %d", i);
		EXPECT_EQ(foreign_fetches(unit, &seq, pa, 4), 0);
		EXPECT_EQ(observer_violations(unit, "enable_bad_base"), 0);
		if (_metadata->exit_code)
			break;
	}
	racer_stop(&r);
	EXPECT_GE(r.runs, 100);
	EXPECT_EQ(observer_violations(unit, "map_enabled"), 0);
	EXPECT_EQ(observer_violations(unit, "base_enabled"), 0);
}

/* ---- */

/* Allocate @mb MiB of pages and say whether that of @pa is one of them. */
static bool grab(u64 pa, size_t mb)
{
	size_t len = mb << 20, off;
	bool found = false;
	char *p;

	p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (p == MAP_FAILED)
		return false;
	for (off = 0; off < len && !found; off += GUEST_PAGE)
		found = host_pa(p + off) == pa;
	munmap(p, len);
	return found;
}

#define QIPA	0x90000000ULL

/* A queue 0 in a page of its own, enabled; the page, NULL on failure */
static void *lone_queue(struct vm *vm, u32 *id, struct vcmdq *q)
{
	void *page = mmap(NULL, GUEST_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (page == MAP_FAILED)
		return NULL;
	if (iommufd_ioas_map(vm->fd, vm->ioas, page, GUEST_PAGE, QIPA, true) ||
	    _test_cmd_hw_queue_alloc(vm, 0, QIPA, GUEST_PAGE, id))
		return NULL;
	vcmdq_init(q, vm->window, 0, page, QUEUE_LOG2);
	return vcmdq_enable(q) ? NULL : page;
}

/* Give the page back to the system, after DESTROY of the queue */
static int lone_queue_free(struct vm *vm, void *page)
{
	int rc = iommufd_ioas_unmap(vm->fd, vm->ioas, QIPA, GUEST_PAGE);

	munmap(page, GUEST_PAGE);
	return rc;
}

/*
 * Has the kernel noticed that the hardware answers again? If so, nothing is left
 * of the last owner of VINTF @v, and the next VM gets it. Waits for up to 20 s.
 */
static bool cured(struct board *b, unsigned int v)
{
	unsigned int have;
	struct vm vm;
	int i;

	for (i = 0; i < 40; i++) {
		if (vm_open(&vm, "C", b->bdf[1]))
			return false;
		have = vm_add_viommu(&vm, TYPE) ? 0 : find_vintf(&b->unit, &vm);
		vm_close(&vm);
		if (have == v)
			return board_is_scrubbed(b);
		usleep(500000);
	}
	return false;
}

/*
 * A queue that does not stop keeps its memory, its VINTF is fenced off, and both
 * come back when it has stopped in the end. DESTROY does not wait for that.
 */
TEST_F_TIMEOUT(rules, stuck_queue_keeps_its_memory, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	struct vm *vm = &self->vm, other;
	unsigned int v, vq, i;
	struct vcmdq q;
	cpu_set_t cpu;
	bool found;
	u64 pa;
	void *page;
	u32 id;

	/* One CPU: what it frees it gets first when it allocates */
	CPU_ZERO(&cpu);
	CPU_SET(0, &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	ASSERT_EQ(0, vm_add_viommu(vm, TYPE));

	/* The way to look is good: a page that is given back is found */
	for (i = 0, found = false; i < 5 && !found; i++) {
		page = lone_queue(vm, &id, &q);
		ASSERT_NE(page, NULL);
		pa = host_pa(page);
		ASSERT_NE(pa, 0);
		test_cmd_destroy(vm->fd, id);
		ASSERT_EQ(0, lone_queue_free(vm, page));
		found = grab(pa, 64);
	}
	ASSERT_TRUE(found)
		TH_LOG("freed pages are not found again, can't tell");

	v = find_vintf(unit, vm);
	ASSERT_NE(v, 0);
	page = lone_queue(vm, &id, &q);
	ASSERT_NE(page, NULL);
	pa = host_pa(page);
	vq = find_vcmdq(unit, v, 0);
	ASSERT_NE(vq, UINT32_MAX);
	ASSERT_NE(NULL, observer_run(unit, "inject stuck_disable_vcmdq q=%u", vq));
	test_cmd_destroy(vm->fd, id);
	EXPECT_GT(state_records(unit, "vcmdq"), 0);
	ASSERT_EQ(0, lone_queue_free(vm, page));
	EXPECT_FALSE(grab(pa, 64))
		TH_LOG("memory that hardware reads was given to somebody else");
	/* Fenced: no queue in this VINTF any more ... */
	EXPECT_NE(0, _test_cmd_hw_queue_alloc(vm, 0, VM_RAM_IPA, GUEST_PAGE, &id));
	/* ... nor for the next VM, which gets another one and works */
	EXPECT_EQ(0, vm_close(vm));
	ASSERT_EQ(0, vm_open(&other, "B", self->board.bdf[1]));
	ASSERT_EQ(0, vm_set_up(&other, VSID, ASID));
	EXPECT_NE(find_vintf(unit, &other), v);
	EXPECT_NE(find_vcmdq(unit, find_vintf(unit, &other), 0), vq);
	EXPECT_EQ(0, vcmdq_issue(&other.q[0], (struct smmu_cmd[]){
				 cmd_tlbi_nh_asid(ASID) }, 1));
	EXPECT_EQ(0, vm_close(&other));
	EXPECT_FALSE(grab(pa, 64));

	ASSERT_NE(NULL, observer_run(unit, "inject none"));
	EXPECT_TRUE(cured(&self->board, v));
	ASSERT_EQ(0, vm_open(vm, "A", self->board.bdf[0]));
	ASSERT_EQ(0, vm_set_up(vm, VSID, ASID));
}

/*
 * A VINTF that can't be disabled is given to nobody, and keeps its VMID: no other
 * stage 2 gets it as long as the VINTF may act with it.
 */
TEST_F_TIMEOUT(rules, stuck_vintf_keeps_its_vmid, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	struct vm *vm = &self->vm, other;
	struct vintf_state s;
	unsigned int v, vmid;

	/* The way to look is good: a VMID that is free is used again */
	ASSERT_EQ(0, vm_add_viommu(vm, TYPE));
	v = find_vintf(unit, vm);
	ASSERT_NE(v, 0);
	ASSERT_EQ(0, observer_vintf(unit, v, &s));
	vmid = s.vmid;
	ASSERT_EQ(0, vm_close(vm));
	ASSERT_EQ(0, vm_open(vm, "A", self->board.bdf[0]));
	ASSERT_EQ(0, vm_add_viommu(vm, TYPE));
	v = find_vintf(unit, vm);
	ASSERT_EQ(0, observer_vintf(unit, v, &s));
	EXPECT_EQ(s.vmid, vmid)
		TH_LOG("VMIDs are not reused at once: can't tell");

	ASSERT_NE(NULL, observer_run(unit, "inject stuck_disable_vintf v=%u", v));
	EXPECT_EQ(0, vm_close(vm));
	ASSERT_EQ(0, observer_vintf(unit, v, &s));
	EXPECT_TRUE(s.enabled);
	EXPECT_FALSE(s.hyp_own);

	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, vm_open(&other, "B", self->board.bdf[i]));
		ASSERT_EQ(0, vm_add_viommu(&other, TYPE));
		EXPECT_NE(find_vintf(unit, &other), v);
		ASSERT_EQ(0, observer_vintf(unit, find_vintf(unit, &other), &s));
		EXPECT_NE(s.vmid, vmid);
		EXPECT_EQ(0, vm_close(&other));
	}

	ASSERT_NE(NULL, observer_run(unit, "inject none"));
	EXPECT_TRUE(cured(&self->board, v));
	ASSERT_EQ(0, vm_open(vm, "A", self->board.bdf[0]));
	ASSERT_EQ(0, vm_set_up(vm, VSID, ASID));
	EXPECT_EQ(find_vintf(unit, vm), v);
}

/*
 * What can't be stopped goes on with the VMID of the VM it belonged to, never with
 * another: neither the queue nor its VINTF stops here, and the queue has commands
 * left for a while.
 */
TEST_F_TIMEOUT(rules, stuck_queue_keeps_to_its_vmid, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	unsigned int v, vq, executed = 0, foreign = 0;
	struct vm *vm = &self->vm;
	struct vintf_state s;
	const char *r;
	u64 seq;

	ASSERT_EQ(0, vm_set_up(vm, VSID, ASID));
	v = find_vintf(unit, vm);
	vq = find_vcmdq(unit, v, 0);
	ASSERT_NE(vq, UINT32_MAX);
	ASSERT_EQ(0, observer_vintf(unit, v, &s));
	ASSERT_NE(s.vmid, 0);
	ASSERT_NE(NULL, observer_run(unit, "inject stuck_disable_vcmdq q=%u", vq));
	ASSERT_NE(NULL, observer_run(unit, "inject stuck_disable_vintf v=%u", v));
	ASSERT_NE(NULL, observer_run(unit, "delay command_ns=30000000 step=1"));
	for (int i = 0; i < 200; i++)
		vcmdq_push(&vm->q[0], cmd_tlbi_nh_va(ASID, IOVA + i * GUEST_PAGE));
	vcmdq_kick(&vm->q[0]);
	ASSERT_EQ(0, vm_drop_queue(vm));
	EXPECT_EQ(0, vm_close(vm));

	/* From here on it is nobody's */
	r = record_find(observer_run(unit, "log 1"), "head");
	ASSERT_NE(r, NULL);
	seq = record_value(r, "seq");
	sleep(1);
	r = observer_run(unit, "log since %llu 512 q=%u",
			 seq + 1, vq);
	for (; r && (r = record_find(r, "executed")); r = record_next(r)) {
		foreign += (record_value(r, "final") >> 32 & 0xffff) != s.vmid ||
			   record_value(r, "hyp_own");
		executed++;
	}
	TH_LOG("after the VM was gone %u commands were executed, %u with another VMID",
	       executed, foreign);
	EXPECT_GT(executed, 0);
	EXPECT_EQ(foreign, 0);

	ASSERT_NE(NULL, observer_run(unit, "delay command_ns=0 step=64"));
	ASSERT_NE(NULL, observer_run(unit, "inject none"));
	EXPECT_TRUE(cured(&self->board, v));
	ASSERT_EQ(0, vm_open(vm, "A", self->board.bdf[0]));
	ASSERT_EQ(0, vm_set_up(vm, VSID, ASID));
}

/* ---- */

/* A window is never executable, neither by mmap() nor by mprotect() later. */
TEST_F(rules, window_is_never_executable)
{
	const int rw = PROT_READ | PROT_WRITE;
	struct vm *vm = &self->vm;

	ASSERT_EQ(0, vm_add_viommu(vm, TYPE));
	EXPECT_EQ(-EPERM, _test_cmd_mmap(vm->fd, vm->window_offset,
					 vm->window_size, rw | PROT_EXEC,
					 MAP_SHARED));
	errno = 0;
	EXPECT_EQ(-1, mprotect(vm->window, vm->window_size,
			       rw | PROT_EXEC));
	EXPECT_EQ(errno, EACCES);
	EXPECT_EQ(-1, mprotect(vm->window, GUEST_PAGE,
			       PROT_READ | PROT_EXEC));
	/* All else may change */
	EXPECT_EQ(0, mprotect(vm->window, vm->window_size, PROT_READ));
	EXPECT_EQ(0, mprotect(vm->window, vm->window_size, rw));
}

/* A reserved member of VIOMMU_ALLOC is refused, so that it can mean something. */
TEST_F(rules, reserved_member_is_refused)
{
	struct iommu_viommu_tegra241_cmdqv data = {};
	struct observer *unit = &self->board.unit;
	struct vm *vm = &self->vm;
	struct iommu_viommu_alloc cmd;

	for (int bit = 0; bit < 32; bit++) {
		cmd = (struct iommu_viommu_alloc){
			.size = sizeof(cmd), .type = TYPE,
			.dev_id = vm->dev.dev_id, .hwpt_id = vm->s2,
			.data_len = sizeof(data), .data_uptr = (uintptr_t)&data,
			.__reserved = 1u << bit,
		};
		test_err_ioctl(EOPNOTSUPP, vm->fd, IOMMU_VIOMMU_ALLOC, &cmd);
		EXPECT_EQ(data.out_vintf_mmap_length, 0);
	}
}

TEST_HARNESS_MAIN
