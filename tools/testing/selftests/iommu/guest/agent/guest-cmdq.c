// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs in a guest: puts a command of anybody's choice into one of the guest's
 * command queues, behind the back of the guest's driver, through /dev/mem.
 *
 *	guest-cmdq show
 *		the registers of all queues, one line each
 *	guest-cmdq put [UNIT:]QUEUE WORD0 [WORD1 [TIMES]]
 *		QUEUE: the number of a logical VCMDQ, or "smmu": the SMMU's own queue.
 *		UNIT: which of several SMMUs or CMDQVs, from 0 in the order of addresses.
 *		The command is where PROD is, then PROD is one more, and it is up to the
 *		hardware and the driver what becomes of it. When the queue has gone past
 *		it, the same again, TIMES in all. Prints "consumed=TIMES" and ends with
 *		0; with 2 and fewer if the queue has stood at one for ten seconds. 1:
 *		anything else, with the reason.
 *
 * The driver doesn't know of the command. So that its own idea of PROD is right
 * again, CMD_SYNCs follow until PROD, wrap bit included, is where it was. It must not
 * use the queue meanwhile: whoever calls this keeps the guest's devices quiet.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../../kselftest.h"
#include "agent.h"
#include "mmio.h"
#include "smmuv3.h"
#include "vcmdq.h"

#define PAGE		4096u
#define WAIT_NS		10000000000ull

/* The SMMU's registers for its own queue (IHI 0070, 6.3) */
#define SMMU_GERROR	0x60
#define SMMU_GERRORN	0x64
#define SMMU_CMDQ_BASE	0x90
#define SMMU_CMDQ_PROD	0x98
#define SMMU_CMDQ_CONS	0x9c
#define SMMU_SIZE	0x1000

/* The unit's, for a guest: VINTF 0 is all there is (hardware.md §2, §5) */
#define CMDQV_PARAM	0x0004
#define CMDQV_PAGE0	0x30000
#define CMDQV_PAGE1	0x40000
#define CMDQV_SIZE	0x50000

struct queue {
	char name[24];
	/* CONS, PROD, GERROR, GERRORN */
	void *cons;
	void *prod;
	void *gerror;
	void *gerrorn;
	/* BASE */
	void *base;
	u64 addr_mask;
};

static int mem = -1;

static void *map(u64 at, size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, mem, at);

	if (p == MAP_FAILED)
		die("%#llx in /dev/mem: %s (CONFIG_STRICT_DEVMEM?)",
		    (unsigned long long)at, strerror(errno));
	return p;
}

/* Where the @nth resource called @name is that contains no other; 0: there is none */
static u64 find(const char *name, unsigned int nth)
{
	unsigned long long start, end, last_end = 0;
	char line[256];
	u64 at = 0;
	FILE *f;

	f = fopen("/proc/iomem", "re");
	if (!f)
		die("/proc/iomem: %s", strerror(errno));
	while (!at && fgets(line, sizeof(line), f)) {
		if (!strstr(line, name) ||
		    sscanf(line, " %llx-%llx", &start, &end) != 2)
			continue;
		/* A part of the last one, as what the driver has reserved is */
		if (last_end && end <= last_end)
			continue;
		last_end = end;
		if (!nth--)
			at = start;
	}
	fclose(f);
	return at;
}

static bool open_smmu(struct queue *q, unsigned int unit)
{
	u64 at = find("arm-smmu-v3", unit);
	char *regs;

	if (!at)
		return false;
	regs = map(at, SMMU_SIZE);
	snprintf(q->name, sizeof(q->name), "%u:smmu", unit);
	q->cons = regs + SMMU_CMDQ_CONS;
	q->prod = regs + SMMU_CMDQ_PROD;
	q->gerror = regs + SMMU_GERROR;
	q->gerrorn = regs + SMMU_GERRORN;
	q->base = regs + SMMU_CMDQ_BASE;
	q->addr_mask = 0x000fffffffffffe0ull;
	return true;
}

static bool open_vcmdq(struct queue *q, unsigned int unit, unsigned int index)
{
	u64 at = find("NVDA200C", unit);
	char *regs;

	if (!at)
		return false;
	regs = map(at, CMDQV_SIZE);
	if (index >= 1u << (mmio_read32(regs, CMDQV_PARAM) >> 4 & 0xf))
		return false;
	snprintf(q->name, sizeof(q->name), "%u:%u", unit, index);
	q->base = regs + CMDQV_PAGE1 + VCMDQ_STRIDE * index;
	regs += CMDQV_PAGE0 + VCMDQ_STRIDE * index;
	q->cons = regs + VCMDQ_CONS;
	q->prod = regs + VCMDQ_PROD;
	q->gerror = regs + VCMDQ_GERROR;
	q->gerrorn = regs + VCMDQ_GERRORN;
	q->addr_mask = 0x0000ffffffffffe0ull;
	return true;
}

/* "[UNIT:]smmu" or "[UNIT:]NUMBER" */
static void open_queue(struct queue *q, const char *name)
{
	const char *colon = strchr(name, ':');
	unsigned int unit = 0;
	char text[16];
	bool found;

	if (colon) {
		snprintf(text, sizeof(text), "%.*s", (int)(colon - name), name);
		unit = to_number(text);
		name = colon + 1;
	}
	if (!strcmp(name, "smmu"))
		found = open_smmu(q, unit);
	else
		found = open_vcmdq(q, unit, to_number(name));
	if (!found)
		die("there is no queue %s", name);
}

static u64 base_of(const struct queue *q)
{
	return mmio_read32(q->base, 0) |
	       (u64)mmio_read32((char *)q->base + 4, 0) << 32;
}

/* Position in the queue: the index and the wrap bit above it */
static u32 position(u32 reg, unsigned int log2size)
{
	return reg & ((2u << log2size) - 1);
}

static void show_one(const struct queue *q)
{
	u64 base = base_of(q);

	printf("queue=%s base=%#llx log2size=%u prod=%#x cons=%#x gerror=%#x gerrorn=%#x\n",
	       q->name, (unsigned long long)(base & q->addr_mask),
	       (unsigned int)(base & 0x1f), mmio_read32(q->prod, 0),
	       mmio_read32(q->cons, 0), mmio_read32(q->gerror, 0),
	       mmio_read32(q->gerrorn, 0));
}

static void show(void)
{
	unsigned int unit, index;
	struct queue q;

	for (unit = 0; open_smmu(&q, unit); unit++)
		show_one(&q);
	for (unit = 0; open_vcmdq(&q, unit, 0); unit++)
		for (index = 0; open_vcmdq(&q, unit, index); index++)
			show_one(&q);
}

static bool wait_consumed(const struct queue *q, u32 prod, unsigned int log2size)
{
	u64 end = vmm_now_ns() + WAIT_NS;

	while (position(mmio_read32(q->cons, 0), log2size) != prod) {
		if (vmm_now_ns() > end)
			return false;
		usleep(1000);
	}
	dma_barrier();
	return true;
}

/* @n times the command, from PROD on */
static u32 push(const struct queue *q, u64 *entries, unsigned int log2size,
		u32 prod, const u64 cmd[2], u32 n)
{
	u32 i, at;

	for (i = 0; i < n; i++) {
		at = (prod + i) & ((1u << log2size) - 1);
		entries[2 * at] = cmd[0];
		entries[2 * at + 1] = cmd[1];
	}
	/* The entries are in memory before PROD says so */
	dma_barrier();
	prod = position(prod + n, log2size);
	mmio_write32(q->prod, 0, prod);
	return prod;
}

static int put(const struct queue *q, const u64 cmd[2], u32 times)
{
	static const u64 sync[2] = { CMD_SYNC, 0 };
	u64 base = base_of(q);
	unsigned int log2size = base & 0x1f;
	size_t len = (size_t)16 << log2size;
	u32 prod, start, left, n, i;
	u64 addr, *entries;
	char *mapped;

	addr = base & q->addr_mask;
	if (!addr || log2size < 1 || log2size > 19)
		die("queue %s has BASE %#llx", q->name, (unsigned long long)base);
	/* Aligned to its size, so a small one is within a page */
	if (len < PAGE)
		len = PAGE;
	mapped = map(addr & ~(u64)(PAGE - 1), len);
	entries = (u64 *)(mapped + (addr & (PAGE - 1)));

	start = position(mmio_read32(q->prod, 0), log2size);
	if (!wait_consumed(q, start, log2size))
		die("queue %s is not empty: PROD %#x, CONS %#x", q->name, start,
		    mmio_read32(q->cons, 0));

	for (i = 0, prod = start; i < times; i++) {
		prod = push(q, entries, log2size, prod, cmd, 1);
		if (!wait_consumed(q, prod, log2size)) {
			printf("consumed=%u\n", i);
			show_one(q);
			return 2;
		}
	}

	/* On to where PROD was, wrap bit included: the same modulo two queues */
	for (left = position(start - prod, log2size); left; left -= n) {
		n = left < 1u << log2size ? left : 1u << log2size;
		prod = push(q, entries, log2size, prod, sync, n);
		if (!wait_consumed(q, prod, log2size))
			die("queue %s took no CMD_SYNCs after the command: PROD %#x, CONS %#x",
			    q->name, prod, mmio_read32(q->cons, 0));
	}
	if (position(mmio_read32(q->prod, 0), log2size) != start)
		die("somebody else uses queue %s", q->name);
	printf("consumed=%u\n", times);
	munmap(mapped, len);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	struct queue q;
	u64 cmd[2] = {};
	u32 times = 1;

	mem = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	if (mem < 0)
		die("/dev/mem: %s", strerror(errno));
	if (!strcmp(what, "show") && argc == 2) {
		show();
		return 0;
	}
	if (strcmp(what, "put") || argc < 4 || argc > 6)
		die("wrong use, see the head of the source");
	cmd[0] = to_number(argv[3]);
	if (argc > 4)
		cmd[1] = to_number(argv[4]);
	if (argc > 5)
		times = to_number(argv[5]);
	open_queue(&q, argv[2]);
	return put(&q, cmd, times);
}
