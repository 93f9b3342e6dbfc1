// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs in the board and drives the CMDQV unit by hand, through /dev/mem: is
 * emulator/qemu/grace/ a faithful world around the model? VINTF 1 and its
 * first logical queue are used, which 6.12's own driver maps and leaves alone.
 * Needs arm_smmu_v3.bypass_vcmdq=1, so that the kernel's own commands go to the
 * SMMU's queue. KTAP on standard output; argument: an NVMe disk to read.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define VINTF		1
#define VMID		0x5a5
#define VIRT_SID	0x11
#define PHYS_SID	0x300		/* any; QEMU's SMMU has no ATS */

#define VINTF_CONFIG	(0x1000 + 0x100 * VINTF)
#define VINTF_STATUS	(VINTF_CONFIG + 4)
#define SID_MATCH	(VINTF_CONFIG + 0x40)
#define SID_REPLACE	(VINTF_CONFIG + 0x80)
#define PAGE0		(0x30000 + 0x20000 * VINTF)
#define PAGE1		(PAGE0 + 0x10000)
#define CONS		(PAGE0 + 0x00)
#define PROD		(PAGE0 + 0x04)
#define CONFIG		(PAGE0 + 0x08)
#define STATUS		(PAGE0 + 0x0c)
#define GERROR		(PAGE0 + 0x10)
#define GERRORN		(PAGE0 + 0x14)
#define BASE		(PAGE1 + 0x00)
#define LOG2SIZE	8		/* one page of 16-byte commands */

#define TLBI_NH_VA	0x12
#define ATC_INV		0x40
#define CMD_SYNC	0x46

static volatile uint8_t *unit, *mailbox;
static uint64_t unit_pa, queue_pa;
static uint64_t *queue;
static uint32_t prod;
static int failed;

/* Where the resource @name lies, by /proc/iomem. */
static volatile uint8_t *map_resource(const char *name, uint64_t *pa)
{
	char line[256];
	uint64_t start, end;
	FILE *iomem = fopen("/proc/iomem", "r");
	int fd = open("/dev/mem", O_RDWR | O_SYNC);
	void *p = MAP_FAILED;

	while (iomem && fd >= 0 && fgets(line, sizeof(line), iomem)) {
		if (strstr(line, name) &&
		    sscanf(line, " %" SCNx64 "-%" SCNx64, &start, &end) == 2) {
			*pa = start;
			p = mmap(NULL, end - start + 1, PROT_READ | PROT_WRITE,
				 MAP_SHARED, fd, start);
			break;
		}
	}
	if (p == MAP_FAILED) {
		printf("Bail out! no %s\n", name);
		exit(1);
	}
	fclose(iomem);
	close(fd);
	return p;
}

static uint32_t r32(uint32_t offset)
{
	return *(volatile uint32_t *)(unit + offset);
}

static void w32(uint32_t offset, uint32_t value)
{
	*(volatile uint32_t *)(unit + offset) = value;
}

static uint64_t r64(uint32_t offset)
{
	return *(volatile uint64_t *)(unit + offset);
}

static void w64(uint32_t offset, uint64_t value)
{
	*(volatile uint64_t *)(unit + offset) = value;
}

/* Ask the observer; the reply is valid until the next call. */
static const char *observe(const char *format, ...)
{
	static char reply[0x40000];
	uint32_t command[1024] = { 0 };
	uint32_t len;
	va_list args;

	va_start(args, format);
	vsnprintf((char *)command, sizeof(command), format, args);
	va_end(args);
	for (unsigned int i = 0; i < 1024; i++)
		((volatile uint32_t *)(mailbox + 0x1000))[i] = command[i];
	*(volatile uint32_t *)(mailbox + 8) = 1;
	len = *(volatile uint32_t *)(mailbox + 0xc);
	for (uint32_t i = 0; i < len; i += 4)
		*(uint32_t *)(reply + i) = *(volatile uint32_t *)(mailbox + 0x2000 + i);
	reply[len] = '\0';
	return reply;
}

static bool await(uint32_t offset, uint32_t mask, uint32_t value)
{
	for (int i = 0; i < 1000; i++) {
		if ((r32(offset) & mask) == value)
			return true;
		usleep(1000);
	}
	printf("# register 0x%x is 0x%x, not 0x%x\n", offset, r32(offset), value);
	return false;
}

static bool vintf_enable(bool on)
{
	w32(VINTF_CONFIG, VMID << 1);
	w32(VINTF_CONFIG, VMID << 1 | on);
	return await(VINTF_STATUS, 1, on);
}

static bool queue_enable(uint64_t pa)
{
	w32(CONFIG, 0);
	if (!await(STATUS, 1, 0))
		return false;
	prod = 0;
	w32(PROD, 0);
	w32(CONS, 0);
	w32(GERRORN, r32(GERROR));
	w64(BASE, pa | LOG2SIZE);
	w32(CONFIG, 1);
	return await(STATUS, 1, 1);
}

/* PROD is not written yet. */
static void add(uint64_t low, uint64_t high)
{
	unsigned int slot = prod & ((1 << LOG2SIZE) - 1);

	queue[2 * slot] = low;
	queue[2 * slot + 1] = high;
	prod = (prod + 1) & ((2 << LOG2SIZE) - 1);
	__sync_synchronize();
}

static void add_tlbi(uint64_t va)
{
	add(TLBI_NH_VA | 0x7777ull << 32 | 0x9ull << 48, va | 1);
}

static uint64_t physical(void *p)
{
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY);

	if (fd < 0 || pread(fd, &entry, 8, (uintptr_t)p / 4096 * 8) != 8 || !(entry >> 63)) {
		printf("Bail out! no physical address\n");
		exit(1);
	}
	close(fd);
	return (entry & ((1ull << 55) - 1)) * 4096;
}

/* A register write is enough, 64-bit registers are accessed as such. */
static bool executes(void)
{
	if (!vintf_enable(true) || !queue_enable(queue_pa))
		return false;
	if (r64(BASE) != (queue_pa | LOG2SIZE)) {
		printf("# BASE reads 0x%" PRIx64 "\n", r64(BASE));
		return false;
	}
	add_tlbi(0x123456000);
	add(CMD_SYNC, 0);
	w32(PROD, prod);
	/* Without a delay the write to PROD has executed them. */
	if (r32(CONS) != prod) {
		printf("# CONS 0x%x after PROD 0x%x\n", r32(CONS), prod);
		return false;
	}
	return true;
}

/* The whole command reached the model, in the right order of bytes. */
static bool substituted(void)
{
	const char *log = observe("log 2 v=%d", VINTF);
	char expected[128];

	/* ASID kept, VMID replaced, address and leaf as they were. */
	snprintf(expected, sizeof(expected), "orig=0x%" PRIx64 ",0x%" PRIx64 " final=0x%" PRIx64,
		 (uint64_t)(TLBI_NH_VA | 0x7777ull << 32 | 0x9ull << 48), (uint64_t)0x123456001,
		 (uint64_t)(TLBI_NH_VA | (uint64_t)VMID << 32 | 0x9ull << 48));
	if (strstr(log, expected) && strstr(log, "name=CMD_SYNC"))
		return true;
	printf("# no %s in:\n# %s\n", expected, log);
	return false;
}

static bool narrow_accesses(void)
{
	uint32_t config = r32(CONFIG);

	for (unsigned int i = 0; i < 4; i++) {
		if (unit[CONFIG + i]) {
			printf("# byte %u of CONFIG reads 0x%x\n", i, unit[CONFIG + i]);
			return false;
		}
		unit[CONFIG + i] = 0;
	}
	*(volatile uint16_t *)(unit + CONFIG) = 0;
	if (r32(CONFIG) != config || !(r32(STATUS) & 1)) {
		printf("# CONFIG 0x%x STATUS 0x%x\n", r32(CONFIG), r32(STATUS));
		return false;
	}
	return true;
}

static bool error(uint32_t code)
{
	uint32_t cons = r32(CONS), gerror = r32(GERROR) ^ r32(GERRORN);

	if ((cons >> 24 & 0x7f) == code && (gerror & 1))
		return true;
	printf("# CONS 0x%x, GERROR 0x%x pending\n", cons, gerror);
	return false;
}

/*
 * The unit's own registers as a queue: no recursion, no effect. The fetch is
 * delayed, since QEMU itself stops one that happens inside the write to PROD.
 */
static bool queue_in_registers(void)
{
	observe("delay command_ns=1000000");
	if (!queue_enable(unit_pa))
		return false;
	prod = 2;
	w32(PROD, prod);
	usleep(100 * 1000);
	observe("delay command_ns=0");
	if (!error(2))
		return false;
	return queue_enable(queue_pa);
}

static bool delayed(void)
{
	uint32_t before = r32(CONS), early, late;

	observe("delay command_ns=200000000");
	add_tlbi(0x1000);
	add(CMD_SYNC, 0);
	w32(PROD, prod);
	early = r32(CONS);
	/* No access meanwhile: time alone must do it. */
	usleep(1000 * 1000);
	late = r32(CONS);
	observe("delay command_ns=0");
	if (early == before && late == prod)
		return true;
	printf("# CONS 0x%x, then 0x%x, then 0x%x for PROD 0x%x\n", before, early, late, prod);
	return false;
}

static bool read_disk(const char *disk)
{
	int fd = open(disk, O_RDONLY | O_DIRECT);
	void *buffer = NULL;
	bool ok = fd >= 0 && !posix_memalign(&buffer, 4096, 4096) &&
		  pread(fd, buffer, 4096, 0) == 4096;

	if (!ok)
		printf("# reading %s: %s\n", disk, strerror(errno));
	free(buffer);
	if (fd >= 0)
		close(fd);
	return ok;
}

/*
 * hardware.md §12: a late ATC time-out of a queue that was disabled is flushed
 * by a CMD_SYNC on the SMMU's own queue. The disk's DMA unmap issues one.
 */
static bool late_timeout(const char *disk)
{
	w32(SID_REPLACE, PHYS_SID);
	w32(SID_MATCH, VIRT_SID << 1 | 1);
	if (!queue_enable(queue_pa) ||
	    strncmp(observe("inject atc_timeout q=%d arg=1", VINTF * 2), "ok", 2)) {
		printf("# can't inject\n");
		return false;
	}
	add(ATC_INV | (uint64_t)VIRT_SID << 32, 52);
	w32(PROD, prod);
	w32(CONFIG, 0);
	if (!await(STATUS, 1, 0))
		return false;
	if (r32(GERROR) != r32(GERRORN)) {
		printf("# the time-out is early\n");
		return false;
	}
	if (!read_disk(disk))
		return false;
	return error(3);
}

static bool disable(void)
{
	w32(GERRORN, r32(GERROR));
	w32(CONFIG, 0);
	w32(SID_MATCH, 0);
	return await(STATUS, 1, 0) && vintf_enable(false);
}

static void result(bool passed, const char *name)
{
	static int number;

	printf("%sok %d %s\n", passed ? "" : "not ", ++number, name);
	failed += !passed;
}

int main(int argc, char **argv)
{
	const char *disk = argc > 1 ? argv[1] : "";
	uint64_t mailbox_pa;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n");
	unit = map_resource("NVDA200C:00", &unit_pa);
	mailbox = map_resource("CMQO0001:00", &mailbox_pa);
	queue = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_LOCKED, -1, 0);
	if (queue == MAP_FAILED) {
		printf("Bail out! no memory\n");
		return 1;
	}
	queue[0] = 0;
	queue_pa = physical(queue);

	printf("1..7\n");
	/* In this order: each leaves the queue as the next one needs it. */
	result(executes(), "the unit fetches from memory and executes when PROD is written");
	result(substituted(), "commands arrive whole and are logged as substituted");
	result(narrow_accesses(), "8- and 16-bit accesses read zero and change nothing");
	result(queue_in_registers(), "a queue in device registers aborts its fetches");
	result(delayed(), "delayed commands are executed by time alone");
	result(late_timeout(disk), "a CMD_SYNC of the SMMU's own queue flushes a late ATC time-out");
	result(disable(), "VINTF and queue can be disabled");
	return failed ? 1 : 0;
}
