// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What must hold when nothing of a program is left, whatever it did: the kernel has
 * not warned; the CMDQV unit has nothing of any VM and the model finds no contradiction
 * in itself; no page is pinned.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/iommufd.h>

#include "../../../../../drivers/iommu/iommufd/iommufd_test.h"
#include "fuzz.h"
#include "iommufd.h"
#include "kernel_log.h"
#include "observer.h"

static struct {
	enum fuzz_target target;
	struct observer unit;
	int log;
	unsigned long taint;
	s64 pins;
} base = { .log = -1 };

static unsigned long kernel_taint(void)
{
	FILE *f = fopen("/proc/sys/kernel/tainted", "re");
	unsigned long taint = 0;

	if (f) {
		if (fscanf(f, "%lu", &taint) != 1)
			taint = 0;
		fclose(f);
	}
	return taint;
}

/* Pins of pages that have been taken and not given back, by whomever */
static s64 pins(void)
{
	char name[64];
	s64 n, sum = 0;
	FILE *f;
	int fd;

	/* Each CPU counts for itself until it is asked */
	fd = open("/proc/sys/vm/stat_refresh", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (write(fd, "1", 1) != 1)
			sum = 0;
		close(fd);
	}
	f = fopen("/proc/vmstat", "re");
	while (f && fscanf(f, "%63s %lld", name, &n) == 2) {
		if (!strcmp(name, "nr_foll_pin_acquired"))
			sum += n;
		if (!strcmp(name, "nr_foll_pin_released"))
			sum -= n;
	}
	if (f)
		fclose(f);
	return sum;
}

static const char *mock_missing(void)
{
	struct iommu_test_cmd cmd = { .size = sizeof(cmd), .op = 0xffff };
	int fd = open("/dev/iommu", O_RDWR | O_CLOEXEC), rc;

	if (fd < 0)
		return "no /dev/iommu";
	rc = ioctl(fd, IOMMU_TEST_CMD, &cmd) ? errno : 0;
	close(fd);
	return rc == ENOTTY ? "needs CONFIG_IOMMUFD_TEST" : NULL;
}

static const char *unit_missing(void)
{
	struct iommu_viommu_alloc none = { .size = sizeof(none) };
	int fd = iommufd_open(), rc;

	if (fd < 0)
		return "no /dev/iommu";
	rc = iommufd_ioctl(fd, IOMMU_VIOMMU_ALLOC, &none);
	close(fd);
	if (rc == -ENOTTY)
		return "this kernel's iommufd has no vIOMMUs";
	if (!base.unit.regs && observer_open(&base.unit))
		return "needs the emulated board's observer (ACPI CMQO0001)";
	if (fuzz_vfio_init() < 2)
		return "needs two edu devices, as the emulated board has, and vfio-pci";
	return NULL;
}

void fuzz_check_switch(enum fuzz_target target)
{
	base.target = target;
}

int fuzz_check_init(enum fuzz_target target, const char **why)
{
	if (geteuid()) {
		*why = "needs root";
		return -1;
	}
	*why = target == FUZZ_MOCK ? mock_missing() : unit_missing();
	if (*why)
		return -1;
	base.target = target;
	if (base.log >= 0)
		return 0;
	base.log = kernel_log_open();
	base.taint = kernel_taint();
	base.pins = pins();
	return 0;
}

/* Up to 3 s, or longer on a slow board, for what the kernel does late */
static bool unit_is_scrubbed(char *why, size_t len)
{
	unsigned int i;
	char *state;

	for (i = 0; i < 300 * fuzz_slow(); i++) {
		state = observer_guest_state(&base.unit);
		if (state && !*state) {
			free(state);
			return true;
		}
		snprintf(why, len, "the unit has something of a VM still: %s",
			 state ? state : "no answer");
		free(state);
		usleep(10000);
	}
	return false;
}

int fuzz_check(char *why, size_t len)
{
	const char *r;
	char line[512];

	if (kernel_has_warned(base.log, line, sizeof(line))) {
		snprintf(why, len, "the kernel has warned: %s", line);
		return -1;
	}
	if (base.target != FUZZ_UNIT)
		return 0;
	if (!unit_is_scrubbed(why, len))
		return -1;
	r = observer_run(&base.unit, "check");
	r = r ? record_find(r, "check") : NULL;
	if (!r || record_value(r, "ok") != 1) {
		snprintf(why, len, "the model: %.*s", r ? (int)strcspn(r, "\n") : 9,
			 r ? r : "no answer");
		return -1;
	}
	return 0;
}

int fuzz_check_all(char *why, size_t len)
{
	unsigned int i;
	s64 now = 0;

	if (fuzz_check(why, len))
		return -1;
	if (kernel_taint() != base.taint) {
		snprintf(why, len, "the kernel is tainted: %#lx", kernel_taint());
		return -1;
	}
	for (i = 0; i < 20 * fuzz_slow(); i++) {
		now = pins();
		if (now == base.pins)
			return 0;
		usleep(100000);
	}
	snprintf(why, len, "pins of pages: %lld more than at the start", now - base.pins);
	return -1;
}
