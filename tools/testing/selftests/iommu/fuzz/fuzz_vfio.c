// SPDX-License-Identifier: GPL-2.0-or-later
/* The devices that programs have: two edu and up to two NVMe disks of the board. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "../../kselftest.h"
#include "edu.h"
#include "fuzz.h"

#define DEVICES 4

/* /dev/vfio/devices/vfioN of each */
static char device[DEVICES][64];
static unsigned int n_devices;

static void find(const char *bdf)
{
	char path[PATH_MAX];
	struct dirent *e;
	DIR *dir;

	if (n_devices == DEVICES || pci_give(bdf, "vfio-pci"))
		return;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", bdf);
	dir = opendir(path);
	if (!dir)
		return;
	while ((e = readdir(dir))) {
		if (strncmp(e->d_name, "vfio", 4))
			continue;
		snprintf(device[n_devices++], sizeof(device[0]), "/dev/vfio/devices/%.32s",
			 e->d_name);
		break;
	}
	closedir(dir);
}

unsigned int fuzz_vfio_init(void)
{
	/* QEMU's NVMe controller */
	static const struct { u16 vendor, device; } kinds[] = {
		{ EDU_VENDOR, EDU_DEVICE }, { 0x1b36, 0x0010 },
	};
	unsigned int i, nth;
	char bdf[16];

	n_devices = 0;
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		for (nth = 0; nth < 2; nth++)
			if (!vfio_find(kinds[i].vendor, kinds[i].device, nth, bdf))
				find(bdf);
	return n_devices;
}

int fuzz_vfio_open(unsigned int nth)
{
	if (nth >= n_devices) {
		errno = ENODEV;
		return -1;
	}
	return open(device[nth], O_RDWR | O_CLOEXEC);
}
