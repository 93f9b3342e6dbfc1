/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Measuring what the paths of guest-owned command queues cost a VMM: each path is an
 * entry of a table, with what is set up for it, what is measured, and in which parts.
 * Only the user ABI is used, so that any kernel which has it can be measured.
 *
 * The measure is the generic counter. On the emulated board with --icount each
 * instruction, of kernel and program, is one tick of it, and a difference of two reads
 * is a number of instructions: exact, whatever else the machine is doing. Elsewhere
 * it's a time.
 */
#ifndef BENCH_H
#define BENCH_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <time.h>
#include <linux/vfio.h>

#include "../../kselftest.h"

#include "hostpages.h"
#include "types.h"
#include "vm.h"

#define BENCH_PARTS	4
/* The 63 that a unit has for VMs, less the one that is measured */
#define BENCH_OTHERS	62
#define BENCH_COMMANDS	64

#define BENCH_VSID	0x10
#define BENCH_ASID	1

/* What a path's VM has before the path begins; each includes those it depends on */
#define HAS_DEVICE	0x01	/* iommufd, device on stage 2 */
#define HAS_VIOMMU	0x02	/* and its window, mapped */
#define HAS_VDEVICE	0x04
#define HAS_EVENTS	0x08	/* a vEVENTQ of the CMDQV */
#define HAS_STAGE1	0x10	/* a nested HWPT that the device is attached to */
#define HAS_QUEUE	0x20	/* queue 0, enabled */

/**
 * struct bench_took - what a step takes
 * @ticks: of the counter, from its beginning to its end
 * @cpu: nanoseconds in which this thread had a CPU meanwhile; 0: not known
 */
struct bench_took {
	u64 ticks;
	u64 cpu;
};

/**
 * struct bench - what is measured, and on what
 * @make: argument of the ioctl that makes a path's object, or asks for its work; kept
 *	here so that nothing of filling it in is measured
 * @cmds: requests to invalidate
 * @window: what VIOMMU_ALLOC says
 * @ste: what HWPT_ALLOC is given
 * @use: argument of what is done with the object
 * @bdf: the device
 * @vm: the VM that is measured
 * @veventq: its vEVENTQ; 0: none
 * @event_fd: where to read it
 * @step: what is under way, for who is told that it has failed
 * @skip: why this can't be measured here; "" if it can
 * @sleeps: how often it has waited in what was measured
 * @cpu: the thread's CPU time when the step under way began
 * @pool: hugetlb pages that were set aside
 * @mem: memory for queues; NULL: none
 * @mem_size: bytes of it
 * @pt: two nested HWPTs
 * @attached: which of these
 *
 * How many instructions the kernel has for a copy depends on how that lies in memory:
 * what comes first is for the kernel, each at a multiple of 16 bytes.
 */
struct bench {
	union {
		struct iommu_hwpt_invalidate invalidate;
		struct iommu_viommu_alloc viommu;
		struct iommu_vdevice_alloc vdevice;
		struct iommu_hw_queue_alloc hwq;
		struct iommu_hwpt_alloc nested;
		struct iommu_veventq_alloc events;
		u64 room[8];
	} make;
	struct smmu_cmd cmds[BENCH_COMMANDS];
	struct iommu_viommu_tegra241_cmdqv window;
	struct iommu_hwpt_arm_smmuv3 ste;
	union {
		struct iommu_destroy destroy;
		struct vfio_device_attach_iommufd_pt attach;
		struct {
			struct iommufd_vevent_header header;
			struct iommu_vevent_tegra241_cmdqv data;
		} event;
		u64 room[8];
	} use;
	char bdf[16];
	struct vm vm;
	u32 veventq;
	int event_fd;
	const char *step;
	char skip[128];
	unsigned long sleeps;
	u64 cpu;
	struct hugetlb_pool pool;
	char *mem;
	size_t mem_size;
	u32 pt[2];
	unsigned int attached;
};

/**
 * struct bench_path - one of the paths
 * @name: how it is chosen, and what the result is called
 * @what: for people
 * @samples: how often it is measured if nobody says
 * @has: what the VM has, HAS_*
 * @arg: the path's own: bytes of a queue, commands
 * @part: names of the parts that are told apart; none: there is but one
 * @set_up: gets ready; 0, or a negative errno and bench.step; or bench.skip
 * @once: does it, and says what each part took, clock included
 * @tear_down: undoes @set_up, whatever came of that
 *
 * @set_up and @tear_down may be NULL.
 */
struct bench_path {
	const char *name;
	const char *what;
	unsigned int samples;
	unsigned int has;
	u64 arg;
	const char *part[BENCH_PARTS];
	int (*set_up)(struct bench *b, const struct bench_path *path);
	int (*once)(struct bench *b, const struct bench_path *path,
		    struct bench_took *took);
	void (*tear_down)(struct bench *b);
};

extern const struct bench_path bench_paths[];
extern const unsigned int bench_path_count;

/* The counter. What comes before in the program is done when it is read. */
static inline u64 bench_clock(void)
{
#ifdef __aarch64__
	u64 count;

	asm volatile("isb; mrs %0, cntvct_el0" : "=r" (count) :: "memory");
	return count;
#else
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
#endif
}

static inline unsigned long bench_sleeps(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw;
}

static inline u64 bench_cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* From here on it's measured */
static inline u64 step_begin(struct bench *b)
{
	b->sleeps -= bench_sleeps();
	b->cpu = bench_cpu();
	return bench_clock();
}

/* Up to here, since step_begin() returned @start */
static inline void step_end(struct bench *b, struct bench_took *took, u64 start)
{
	took->ticks = bench_clock() - start;
	took->cpu = bench_cpu() - b->cpu;
	b->sleeps += bench_sleeps();
}

/* An ioctl, and nothing but that: what it returned or a negative errno */
static __always_inline
int timed_ioctl(struct bench *b, struct bench_took *took, int fd, unsigned long cmd,
		void *arg)
{
	u64 start = step_begin(b);
	int rc = ioctl(fd, cmd, arg), error = errno;

	step_end(b, took, start);
	return rc < 0 ? -error : rc;
}

#define BENCH_NO_CMDQV	"this kernel gives no CMDQV to VMs"

/* This can't be measured here: 1, for the caller to return */
int bench_skip(struct bench *b, const char *why);

/* The VM, with what @has says: 0, or a negative errno and bench.step; or bench.skip */
int bench_vm_open(struct bench *b, unsigned int has);
/* Undo whatever there is of it: 0, or the first error */
int bench_vm_close(struct bench *b);

/**
 * bench_memory() - give the measured VM memory in pages of a size, at BENCH_IPA
 * @b: with a VM that has a device
 * @size: bytes
 * @page: bytes of a page of hugetlb, 0: base pages
 *
 * It is physically contiguous and begins at a multiple of its size.
 *
 * Return: 0, or a negative errno and bench.step; or bench.skip.
 */
int bench_memory(struct bench *b, size_t size, size_t page);
void bench_memory_free(struct bench *b);

#define BENCH_IPA	0x100000000ULL
/* From so many pages those are chosen that are next to each other */
#define BENCH_PIECES	64

/**
 * bench_per_device() - how many VINTFs VMs can have through one device
 * @n: to be set; 0: all that there are; -1: to be left
 *
 * Return: how many now; -1: this kernel has no such bound.
 */
long bench_per_device(long n);

/**
 * bench_per_device() - how many VINTFs VMs can have through one device
 * @n: to be set; 0: all that there are; -1: to be left
 *
 * Return: how many now; -1: this kernel has no such bound.
 */
long bench_per_device(long n);

struct bench_others;

/**
 * bench_others_open() - have some more VMs alive
 * @n: how many, at most BENCH_OTHERS
 * @bdf: the device that is measured, so none of theirs
 * @step: what failed
 *
 * Each has a VINTF with its page mapped, two queues, one of them at work, and a
 * vEVENTQ. They share all edu devices but one, as those are fewer. Another process has
 * them: what a program has mapped is a part of what mmap() costs it.
 *
 * Return: they; NULL, and errno and @step say why.
 */
struct bench_others *bench_others_open(unsigned int n, const char *bdf, char step[60]);
void bench_others_close(struct bench_others *others);

/**
 * struct bench_result - what a path takes
 * @n: samples
 * @parts: of it, at least 1
 * @took: @n by 1 + BENCH_PARTS, first all of it, then its parts; what measuring takes
 *	is taken off
 * @sleeps: how often the program has waited in what was measured: then it's a time that
 *	was, as the counter goes on
 */
struct bench_result {
	unsigned int n;
	unsigned int parts;
	struct bench_took (*took)[1 + BENCH_PARTS];
	unsigned long sleeps;
};

/**
 * bench_run() - measure a path
 * @b: after bench_init()
 * @path: the path
 * @samples: how often; after some that don't count
 * @result: to be freed with bench_result_free(), if this succeeds
 *
 * Return: 0, or a negative errno and bench.step; or 1 and bench.skip.
 */
int bench_run(struct bench *b, const struct bench_path *path,
	      unsigned int samples, struct bench_result *result);
void bench_result_free(struct bench_result *result);

/* Get ready for a path.once: 0, or a negative errno and bench.step; or 1 and bench.skip */
int bench_set_up(struct bench *b, const struct bench_path *path);
/* Undo that, whatever came of it: @rc, and if that's 0 what came of this */
int bench_tear_down(struct bench *b, const struct bench_path *path, int rc);

/* Do it so often and measure nothing: for profilers; as bench_run() */
int bench_repeat(struct bench *b, const struct bench_path *path,
		 unsigned long times);

/**
 * bench_guest() - what the kernel has to do with a path that's the guest's own
 * @b: after bench_set_up() for @path
 * @path: a path whose @once does no more than a guest does
 * @times: how often it is done, in a process that is traced
 * @report: the result
 *
 * Return: 0, or a negative errno and bench.step.
 */
int bench_guest(struct bench *b, const struct bench_path *path, unsigned int times,
		struct guest_report *report);

/**
 * struct bench_figure - what samples come to, in ticks
 * @min: the least
 * @median: the one in the middle
 * @p90: nine in ten are not larger
 * @max: the largest
 * @cpu: median of what this thread had a CPU for; 0: not known
 */
struct bench_figure {
	u64 min;
	u64 median;
	u64 p90;
	u64 max;
	u64 cpu;
};

/* Of all (@part 0) or of part @part - 1 of it */
struct bench_figure bench_figure(const struct bench_result *result,
				 unsigned int part);

/* "instructions" or what else a tick is */
const char *bench_unit(void);

const struct bench_path *bench_find(const char *name);

/* Counters of memory, and after them their total; objects, and after them all */
#define BENCH_COUNTERS	8
#define BENCH_TOTAL	BENCH_COUNTERS
#define BENCH_OBJECTS	4

/**
 * struct bench_kmem - by how much kernel memory has grown
 * @bytes: with all objects of a kind, by counter
 * @known: whether this kernel has the counter
 */
struct bench_kmem {
	s64 bytes[BENCH_OBJECTS + 1][BENCH_COUNTERS + 1];
	bool known[BENCH_COUNTERS + 1];
};

/**
 * bench_kmem() - what VMs cost in kernel memory
 * @b: with the device
 * @n: VMs, up to BENCH_OTHERS + 1: each a vIOMMU, a vEVENTQ, two queues, a window
 * @queue: bytes of a queue
 * @page: bytes of the pages that hold queues; more than a base page: of hugetlb
 * @kmem: the result
 *
 * Return: 0, or a negative errno and bench.step; or 1 and bench.skip.
 */
int bench_kmem(struct bench *b, unsigned int n, size_t queue, size_t page,
	       struct bench_kmem *kmem);
const char *bench_counter_name(unsigned int counter);
const char *bench_object_name(unsigned int object);

/**
 * struct bench_allocs - what the kernel has allocated for a system call or several
 * @calls: how often
 * @bytes: how much
 * @kept: bytes of that which it had not freed again in the end
 */
struct bench_allocs {
	unsigned int calls;
	u64 bytes;
	s64 kept;
};

/**
 * bench_allocs() - what the kernel allocates for a path, of whatever size it is and
 * even if it's freed again
 * @b: with the device
 * @path: the path, done once
 * @allocs: the result
 *
 * Return: 0, or a negative errno and bench.step; or 1 and bench.skip, such as of a
 * kernel without trace events.
 */
int bench_allocs(struct bench *b, const struct bench_path *path,
		 struct bench_allocs *allocs);

/**
 * bench_vmms() - VMMs that do at once what they do in steady state
 * @n: processes, each with a device of its own
 * @seconds: for how long
 *
 * Prints what each has done and, if the kernel counts that, which locks were waited for.
 *
 * Return: 0; 1, and what has failed is on standard error.
 */
int bench_vmms(unsigned int n, unsigned int seconds);

/* Write what bench_vmms() prints of /proc/lock_stat to @out, of @f which is like that */
void bench_lock_stat(FILE *f, FILE *out);

#endif
