/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who goes on beside broken hardware: a VM whose device does DMA, a VM that is made and
 * ended over and over, and the host with a disk of its own. Each in a thread, which says
 * what went wrong first, and nothing if all is well.
 *
 * Assertions of the harness, and the observer, are for the thread that runs the test.
 */
#ifndef CMDQV_BROKEN_H
#define CMDQV_BROKEN_H

#include <poll.h>
#include <stdarg.h>

#include "cmdqv_utils.h"
#include "kernel_log.h"

#define NVME_VENDOR	0x1b36
#define NVME_DEVICE	0x0010
#define TYPE		IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV
#define EVENT		IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV
#define MSEC		1000000ULL
#define SEC		(1000 * MSEC)
#define DMA_BYTES	64
#define DMA_SOURCE	(IOVA + 0x100000)

/**
 * struct beside - what goes on in a thread
 * @step: one round of it; 0, or -1 when beside_broken() has been called
 * @vm: its VM, if it has one
 * @page: two guest pages that IOVA means in turn
 * @trapped: invalidations go through the kernel, not through the VM's queue
 * @file: the host's disk
 * @buffer: of two blocks, for it
 * @rounds: rounds that have been good; written with release semantics
 * @worst_ns: the longest time that one step of a round has taken, written likewise
 * @worst: which one
 * @why: what has gone wrong; empty: nothing
 * @stop: end
 * @thread: the thread
 */
struct beside {
	int (*step)(struct beside *b);
	struct vm *vm;
	u64 page[2];
	bool trapped;
	int file;
	char *buffer;
	unsigned long rounds;
	u64 worst_ns;
	const char *worst;
	char why[160];
	bool stop;
	pthread_t thread;
};

static inline int __printf(2, 3) beside_broken(struct beside *b,
					       const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(b->why, sizeof(b->why), fmt, args);
	va_end(args);
	return -1;
}

static inline void *beside_main(void *p)
{
	struct beside *b = p;

	while (!__atomic_load_n(&b->stop, __ATOMIC_ACQUIRE)) {
		if (b->step(b))
			break;
		__atomic_fetch_add(&b->rounds, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static inline int beside_start(struct beside *b)
{
	return -pthread_create(&b->thread, NULL, beside_main, b);
}

/* @n more good rounds, which take their time on a busy machine: 0 or -1 */
static inline int beside_more(struct beside *b, unsigned int n)
{
	unsigned long until = __atomic_load_n(&b->rounds, __ATOMIC_ACQUIRE) + n;

	for (int i = 0; i < 3000; i++) {
		if (__atomic_load_n(&b->rounds, __ATOMIC_ACQUIRE) >= until)
			return 0;
		if (b->why[0])
			return -1;
		usleep(20000);
	}
	return -1;
}

static inline void beside_stop(struct beside *b)
{
	__atomic_store_n(&b->stop, true, __ATOMIC_RELEASE);
	pthread_join(b->thread, NULL);
}

/* Of a step that began at @start; keeps the longest */
static inline void beside_took(struct beside *b, const char *what, u64 start)
{
	u64 ns = vmm_now_ns() - start;

	if (ns <= b->worst_ns)
		return;
	b->worst = what;
	__atomic_store_n(&b->worst_ns, ns, __ATOMIC_RELEASE);
}

static inline int beside_did(struct beside *b, const char *what, u64 start,
			     int rc)
{
	beside_took(b, what, start);
	return rc ? beside_broken(b, "%s: %d", what, rc) : 0;
}

/* One step of a round: how long it takes, and that it works */
#define beside_does(_b, _what, _call) ({				\
	u64 _start = vmm_now_ns();					\
									\
	beside_did(_b, _what, _start, _call);				\
})

/*
 * A device writes to one page, then to another, at the same IOVA: each arrives, and only
 * where it should.
 */
static inline int dma_step(struct beside *b)
{
	struct smmu_cmd cmd = cmd_tlbi_nh_va(ASID, IOVA);
	char want[DMA_BYTES], none[DMA_BYTES] = {};
	bool odd = b->rounds & 1;
	u64 to = b->page[odd], other = b->page[!odd];
	struct vm *vm = b->vm;
	u32 num = 1;

	memset(want, 'a' + b->rounds % 26, DMA_BYTES);
	memcpy(page_at(vm, b->page[0] + GUEST_PAGE), want, DMA_BYTES);
	if (edu_load(&vm->dev, DMA_SOURCE, DMA_BYTES))
		return beside_broken(b, "round %lu: no DMA", b->rounds);
	memset(page_at(vm, to), 0, GUEST_PAGE);
	memset(page_at(vm, other), 0, GUEST_PAGE);
	if (stage1_map(&vm->s1, IOVA, to))
		return beside_broken(b, "round %lu: no mapping", b->rounds);
	if (__atomic_load_n(&b->trapped, __ATOMIC_ACQUIRE)) {
		if (beside_does(b, "trapped invalidation",
				_test_cmd_invalidate(vm, &cmd, &num)))
			return -1;
	} else if (beside_does(b, "invalidation",
			       vcmdq_issue(&vm->q[0], &cmd, 1))) {
		/* The queue may have gone just now, and then the VMM traps */
		if (!__atomic_load_n(&b->trapped, __ATOMIC_ACQUIRE))
			return -1;
		b->why[0] = 0;
		return dma_step(b);
	}
	if (edu_store(&vm->dev, IOVA, DMA_BYTES))
		return beside_broken(b, "round %lu: no DMA back", b->rounds);
	if (memcmp(page_at(vm, to), want, DMA_BYTES) ||
	    memcmp(page_at(vm, other), none, DMA_BYTES))
		return beside_broken(b, "round %lu: DMA went elsewhere", b->rounds);
	return 0;
}

/* @vm is set up, with a queue that works */
static inline int dma_start(struct beside *b, struct vm *vm)
{
	u64 pages = guestmem_alloc(&vm->ram, 3 * GUEST_PAGE, GUEST_PAGE);

	memset(b, 0, sizeof(*b));
	b->step = dma_step;
	b->vm = vm;
	b->page[0] = pages;
	b->page[1] = pages + 2 * GUEST_PAGE;
	if (!pages)
		return -ENOMEM;
	return stage1_map(&vm->s1, DMA_SOURCE, pages + GUEST_PAGE) ?:
	       beside_start(b);
}

/* A whole life of a VM, but for its device and memory; no step waits for others */
static inline int life_step(struct beside *b)
{
	struct smmu_cmd cmd = cmd_tlbi_nh_asid(ASID);
	struct vm *vm = b->vm;
	u32 id;

	if (beside_does(b, "VIOMMU_ALLOC", vm_add_viommu(vm, TYPE)) ||
	    beside_does(b, "VDEVICE_ALLOC", vm_add_vdevice(vm, VSID)) ||
	    beside_does(b, "HW_QUEUE_ALLOC", vm_add_queue(vm, QUEUE_LOG2)) ||
	    beside_does(b, "enabling the queue", vcmdq_enable(&vm->q[0])) ||
	    beside_does(b, "a command", vcmdq_issue(&vm->q[0], &cmd, 1)) ||
	    beside_does(b, "HW_QUEUE's DESTROY", vm_drop_queue(vm)))
		return -1;
	id = vm->vdevice;
	vm->vdevice = 0;
	if (beside_does(b, "VDEVICE's DESTROY", iommufd_destroy(vm->fd, id)) ||
	    beside_does(b, "munmap", vm_unmap_window(vm)))
		return -1;
	id = vm->viommu;
	vm->viommu = 0;
	/* The memory of the queue is the next one's */
	vm->ram.used -= QUEUE_BYTES;
	return beside_does(b, "VIOMMU's DESTROY", iommufd_destroy(vm->fd, id));
}

/* @vm is open, and nothing more */
static inline int life_start(struct beside *b, struct vm *vm)
{
	memset(b, 0, sizeof(*b));
	b->step = life_step;
	b->vm = vm;
	vm->ram.used = (vm->ram.used + QUEUE_BYTES - 1) & -QUEUE_BYTES;
	return beside_start(b);
}

#define DISK_BYTES	(64UL << 10)

/* The host writes to its disk and reads it back; each is mapped and unmapped for DMA */
static inline int disk_step(struct beside *b)
{
	char *in = b->buffer + DISK_BYTES;

	memset(b->buffer, 1 + b->rounds % 255, DISK_BYTES);
	memset(in, 0, DISK_BYTES);
	if (beside_does(b, "write",
			pwrite(b->file, b->buffer, DISK_BYTES, 0) != DISK_BYTES) ||
	    beside_does(b, "read",
			pread(b->file, in, DISK_BYTES, 0) != DISK_BYTES))
		return -1;
	if (memcmp(b->buffer, in, DISK_BYTES))
		return beside_broken(b, "round %lu: not what was written", b->rounds);
	return 0;
}

/* The first disk, which the host keeps */
static inline int disk_start(struct beside *b)
{
	memset(b, 0, sizeof(*b));
	b->step = disk_step;
	b->file = open("/dev/nvme0n1", O_RDWR | O_DIRECT | O_CLOEXEC);
	if (b->file < 0)
		return -errno;
	b->buffer = mmap(NULL, 2 * DISK_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return b->buffer == MAP_FAILED ? -errno : beside_start(b);
}

static inline void disk_stop(struct beside *b)
{
	beside_stop(b);
	munmap(b->buffer, 2 * DISK_BYTES);
	close(b->file);
}

/* To be called for each at the end, and whenever a test wants to know */
#define expect_good(_b)							\
	EXPECT_STREQ((_b)->why, "")

/* Lines above debug level that the kernel has logged of these parts since the last call */
static inline unsigned int log_lines(int fd, const char *text, bool show)
{
	unsigned int lines = 0;
	char record[8192];

	while (kernel_log_next(fd, record, sizeof(record))) {
		if ((strtoul(record, NULL, 10) & 7) == 7)
			continue;
		if (!strstr(record, "cmdqv") && !strstr(record, "smmu") &&
		    !strstr(record, "suppressed"))
			continue;
		if (show)
			printf("# log: %.*s\n", (int)strcspn(record, "\n"),
			       record);
		lines += !text || strstr(record, text);
	}
	return lines;
}

/* Interrupts of the unit so far, on all CPUs */
static inline u64 irqs_so_far(void)
{
	char line[512], *p, *end;
	u64 sum = 0, n;
	FILE *f = fopen("/proc/interrupts", "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (!strstr(line, "tegra241-cmdqv"))
			continue;
		p = strchr(line, ':');
		for (p = p ? p + 1 : line; ; p = end) {
			n = strtoull(p, &end, 10);
			if (end == p)
				break;
			sum += n;
		}
	}
	if (f)
		fclose(f);
	return sum;
}

/* A figure of this run, broken_@_of_@_name, for isolation.rst */
#define figure(_of, _name, _value, _unit, _text)			\
	do {								\
		printf("# figure: broken_%s_%s %llu %s %s\n", _of, _name, \
		       (unsigned long long)(_value), _unit, _text);	\
		fflush(stdout);						\
	} while (0)

#endif
