// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs in a guest: has one of the guest's edu devices do DMA to an IOVA of anybody's
 * choice.
 *
 *	guest-dma NTH load|store IOVA LEN [ROUNDS]
 *		NTH: which of several edu devices, from 0. LEN: at most 4096; a transfer
 *		of the device is one transaction for each 4 bytes. ROUNDS: transfers, 1.
 *
 * The device gets a driver that asks nothing of it (pci-stub or vfio-pci), and with it a stage 1
 * in which the guest's kernel has mapped nothing but what firmware asks for: QEMU
 * has MSI doorbells there, 1:1. The guest's DMA API knows nothing of all this.
 *
 * Ends with 0 when the device says that it is done, which it also does of transfers
 * that were refused. 1: anything else, with the reason.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/pci_regs.h>

#include "../../../kselftest.h"
#include "agent.h"
#include "edu.h"

#define DEVICES	"/sys/bus/pci/devices"

static int open_file(const char *bdf, const char *file, int flags)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), DEVICES "/%s/%s", bdf, file);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

static void write_text(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die("\"%s\" can't be written: %s", text, strerror(errno));
	close(fd);
}

/* The driver's coming is what makes the kernel set up a stage 1 */
static void give_driver(const char *bdf)
{
	static const char *const drivers[] = { "pci-stub", "vfio-pci" };
	char path[PATH_MAX];
	unsigned int i;

	snprintf(path, sizeof(path), DEVICES "/%s/driver", bdf);
	for (i = 0; access(path, F_OK); i++) {
		if (i == ARRAY_SIZE(drivers))
			die("%s: no driver (CONFIG_PCI_STUB, CONFIG_VFIO_PCI)", bdf);
		write_text(open_file(bdf, "driver_override", O_WRONLY), drivers[i]);
		write_text(open("/sys/bus/pci/drivers_probe", O_WRONLY | O_CLOEXEC),
			   bdf);
	}
	snprintf(path, sizeof(path), DEVICES "/%s/iommu_group", bdf);
	if (access(path, F_OK))
		die("%s: no IOMMU", bdf);
}

static void enable_master(const char *bdf)
{
	int fd = open_file(bdf, "config", O_RDWR);
	unsigned short cmd;

	if (pread(fd, &cmd, sizeof(cmd), PCI_COMMAND) != sizeof(cmd))
		die("%s: configuration space: %s", bdf, strerror(errno));
	cmd |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	if (pwrite(fd, &cmd, sizeof(cmd), PCI_COMMAND) != sizeof(cmd))
		die("%s: configuration space: %s", bdf, strerror(errno));
	close(fd);
}

static void open_edu(struct vfio_dev *dev, unsigned int nth)
{
	void *bar;
	int fd;

	if (vfio_find(EDU_VENDOR, EDU_DEVICE, nth, dev->bdf))
		die("no edu device %u", nth);
	give_driver(dev->bdf);
	enable_master(dev->bdf);
	fd = open_file(dev->bdf, "resource0", O_RDWR);
	bar = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bar == MAP_FAILED)
		die("%s: resource0: %s", dev->bdf, strerror(errno));
	close(fd);
	dev->bar = bar;
	if (edu_probe(dev))
		die("%s: does not answer like an edu device", dev->bdf);
}

int main(int argc, char **argv)
{
	unsigned long long iova, len, rounds = 1, i;
	struct vfio_dev dev = { .fd = -1 };
	bool load;
	int rc;

	if (argc < 5 || argc > 6 ||
	    (strcmp(argv[2], "load") && strcmp(argv[2], "store")))
		die("use: guest-dma NTH load|store IOVA LEN [ROUNDS]");
	load = !strcmp(argv[2], "load");
	iova = to_number(argv[3]);
	len = to_number(argv[4]);
	if (argc == 6)
		rounds = to_number(argv[5]);

	open_edu(&dev, to_number(argv[1]));
	for (i = 0; i < rounds; i++) {
		rc = load ? edu_load(&dev, iova, len) : edu_store(&dev, iova, len);
		if (rc)
			die("%s of %llu bytes at %#llx: %s", argv[2], len, iova,
			    strerror(-rc));
	}
	printf("device=%s transfers=%llu\n", dev.bdf, rounds);
	return 0;
}
