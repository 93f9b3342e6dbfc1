/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registers of a Tegra241 CMDQV by their names, for programs that run as root in
 * a guest and write to them behind the kernel's back, through /dev/mem. The unit is
 * what the VMM makes of it: one VINTF, number 0.
 */
#ifndef AGENT_CMDQV_REGS_H
#define AGENT_CMDQV_REGS_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../../vmm/mmio.h"
#include "../../vmm/types.h"

/* Offsets in the unit's resource (hardware.md §2 to §5) */
#define CMDQV_CONFIG		0x0000
#define CMDQV_PARAM		0x0004
#define CMDQV_STATUS		0x0008
#define CMDQV_INT_MASK(m)	(0x001c + 4 * (m))
#define CMDQV_ALLOC_MAP(q)	(0x0200 + 4 * (q))
#define VINTF_CONFIG(v)		(0x1000 + 0x100 * (v))
#define VINTF_STATUS(v)		(0x1004 + 0x100 * (v))
#define VINTF_SID_MATCH(v, s)	(0x1040 + 0x100 * (v) + 4 * (s))
#define VINTF_SID_REPLACE(v, s)	(0x1080 + 0x100 * (v) + 4 * (s))
/* Page 0 and page 1 of a queue, by its number in the unit */
#define VCMDQ_PAGE0(q)		(0x10000 + 0x80 * (q))
#define VCMDQ_PAGE1(q)		(0x20000 + 0x80 * (q))
/* The same by its number in VINTF 0 */
#define LVCMDQ_PAGE0(l)		(0x30000 + 0x80 * (l))
#define LVCMDQ_PAGE1(l)		(0x40000 + 0x80 * (l))

#define PAGE0_CONS		0x00
#define PAGE0_PROD		0x04
#define PAGE0_CONFIG		0x08
#define PAGE0_STATUS		0x0c
#define PAGE0_GERROR		0x10
#define PAGE0_GERRORN		0x14
#define PAGE1_BASE		0x00
#define PAGE1_CONS_INDX_BASE	0x08

/* Of the kinds that the manuals count in the unit: not what PARAM says of this one */
#define CMDQV_MAX_QUEUES	128u
#define CMDQV_MAX_VINTFS	64u

/**
 * struct cmdqv - the mapped unit
 * @regs: its registers
 * @size: their size in bytes
 * @queues: how many queues PARAM says there are
 */
struct cmdqv {
	void *regs;
	size_t size;
	unsigned int queues;
};

/* "  start-end : NVDA200C:00": the resource of the unit's ACPI device */
static inline int cmdqv_find(unsigned long long *base, size_t *size)
{
	FILE *f = fopen("/proc/iomem", "re");
	unsigned long long start, end;
	char line[256];
	int ret = -ENODEV;

	if (!f)
		return -errno;
	while (ret == -ENODEV && fgets(line, sizeof(line), f)) {
		if (!strstr(line, "NVDA200C") ||
		    sscanf(line, " %llx-%llx", &start, &end) != 2)
			continue;
		*base = start;
		*size = end - start + 1;
		/* Who lacks CAP_SYS_ADMIN sees zeroes */
		ret = start ? 0 : -EPERM;
	}
	fclose(f);
	return ret;
}

/* Map the unit: 0; -ENODEV: the machine has none; or another negative errno */
static inline int cmdqv_map(struct cmdqv *c)
{
	unsigned long long base;
	int fd, ret;

	ret = cmdqv_find(&base, &c->size);
	if (ret)
		return ret;
	/* O_SYNC: as a device */
	fd = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	c->regs = mmap(NULL, c->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, base);
	ret = c->regs == MAP_FAILED ? -errno : 0;
	close(fd);
	if (ret)
		return ret;
	c->queues = 1u << (mmio_read32(c->regs, CMDQV_PARAM) >> 4 & 0xf);
	return 0;
}

static inline bool cmdqv_find_name(const char *name, const char *const *names,
				   const u8 *offsets, size_t *offset)
{
	unsigned int i;

	for (i = 0; names[i]; i++) {
		if (!strcmp(name, names[i])) {
			*offset += offsets[i];
			return true;
		}
	}
	return false;
}

/* A register of a queue whose pages are there */
static inline bool cmdqv_find_queue_register(const char *name, size_t page0, size_t page1,
					     size_t *offset, bool *wide)
{
	static const char *const names0[] = { "CONS", "PROD", "CONFIG", "STATUS",
					      "GERROR", "GERRORN", NULL };
	static const u8 at0[] = { PAGE0_CONS, PAGE0_PROD, PAGE0_CONFIG,
				  PAGE0_STATUS, PAGE0_GERROR, PAGE0_GERRORN };
	static const char *const names1[] = { "BASE", "CONS_INDX_BASE", NULL };
	static const u8 at1[] = { PAGE1_BASE, PAGE1_CONS_INDX_BASE };

	*offset = page1;
	*wide = cmdqv_find_name(name, names1, at1, offset);
	if (*wide)
		return true;
	*offset = page0;
	return cmdqv_find_name(name, names0, at0, offset);
}

/**
 * cmdqv_find_register() - offset of a register
 * @name: e.g. "CMDQV_CONFIG", "CMDQ_ALLOC_MAP_0", "VINTF0_STATUS", "VCMDQ1_PROD"
 *	(direct aperture), "LVCMDQ1_BASE" (logical aperture)
 * @offset: where it goes
 * @wide: is it one of 64 bits?
 *
 * Return: whether there is one of that name.
 */
static inline bool cmdqv_find_register(const char *name, size_t *offset, bool *wide)
{
	static const char *const unit[] = { "CONFIG", "PARAM", "STATUS", NULL };
	static const u8 unit_at[] = { CMDQV_CONFIG, CMDQV_PARAM, CMDQV_STATUS };
	static const char *const vintf[] = { "CONFIG", "STATUS", NULL };
	static const u8 vintf_at[] = { 0, 4 };
	char reg[32];
	unsigned int n;
	int end = 0;

	*wide = false;
	*offset = 0;
	if (sscanf(name, "CMDQV_%31s", reg) == 1)
		return cmdqv_find_name(reg, unit, unit_at, offset);
	if (sscanf(name, "CMDQ_ALLOC_MAP_%u%n", &n, &end) == 1 && !name[end]) {
		*offset = CMDQV_ALLOC_MAP(n);
		return n < CMDQV_MAX_QUEUES;
	}
	if (sscanf(name, "VINTF%u_%31s", &n, reg) == 2) {
		*offset = VINTF_CONFIG(n);
		return n < CMDQV_MAX_VINTFS &&
		       cmdqv_find_name(reg, vintf, vintf_at, offset);
	}
	if (sscanf(name, "VCMDQ%u_%31s", &n, reg) == 2)
		return n < CMDQV_MAX_QUEUES &&
		       cmdqv_find_queue_register(reg, VCMDQ_PAGE0(n),
						 VCMDQ_PAGE1(n), offset, wide);
	if (sscanf(name, "LVCMDQ%u_%31s", &n, reg) == 2)
		return n < CMDQV_MAX_QUEUES &&
		       cmdqv_find_queue_register(reg, LVCMDQ_PAGE0(n),
						 LVCMDQ_PAGE1(n), offset, wide);
	return false;
}

static inline u64 cmdqv_read(const struct cmdqv *c, size_t offset, bool wide)
{
	u64 value = mmio_read32(c->regs, offset);

	if (wide)
		value |= (u64)mmio_read32(c->regs, offset + 4) << 32;
	return value;
}

static inline void cmdqv_write(struct cmdqv *c, size_t offset, u64 value, bool wide)
{
	if (wide)
		mmio_write64(c->regs, offset, value);
	else
		mmio_write32(c->regs, offset, value);
}

/* Wait up to @ms for bits of a register of 32: 0 or -ETIMEDOUT */
static inline int cmdqv_wait(const struct cmdqv *c, size_t offset, u32 mask, u32 value,
			     unsigned int ms)
{
	const struct timespec nap = { .tv_nsec = 1000000 };

	while ((mmio_read32(c->regs, offset) & mask) != value) {
		if (!ms--)
			return -ETIMEDOUT;
		nanosleep(&nap, NULL);
	}
	return 0;
}

#endif
