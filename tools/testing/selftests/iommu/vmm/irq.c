// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "iommufd.h"
#include "irq.h"
#include "mmio.h"

static int set_irqs(struct irqs *irqs, unsigned int num)
{
	union {
		struct vfio_irq_set set;
		char bytes[sizeof(struct vfio_irq_set) + sizeof(irqs->fd)];
	} cmd = {
		.set = {
			.argsz = sizeof(cmd.set) + num * sizeof(irqs->fd[0]),
			.flags = VFIO_IRQ_SET_ACTION_TRIGGER |
				 (num ? VFIO_IRQ_SET_DATA_EVENTFD :
					VFIO_IRQ_SET_DATA_NONE),
			.index = irqs->index,
			.count = num,
		},
	};

	memcpy(cmd.set.data, irqs->fd, num * sizeof(irqs->fd[0]));
	return iommufd_ioctl(irqs->dev->fd, VFIO_DEVICE_SET_IRQS, &cmd);
}

static void close_fds(struct irqs *irqs, unsigned int num)
{
	while (num--)
		close(irqs->fd[num]);
}

int irqs_open(struct irqs *irqs, struct vfio_dev *dev, u32 index,
	      unsigned int num)
{
	unsigned int i;
	int rc;

	irqs->dev = dev;
	irqs->index = index;
	irqs->num = 0;
	if (!num || num > IRQS_MAX)
		return -EINVAL;
	for (i = 0; i < num; i++) {
		irqs->fd[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (irqs->fd[i] < 0) {
			rc = -errno;
			close_fds(irqs, i);
			return rc;
		}
	}
	rc = set_irqs(irqs, num);
	if (rc) {
		close_fds(irqs, num);
		return rc;
	}
	irqs->num = num;
	return 0;
}

int irqs_close(struct irqs *irqs)
{
	unsigned int num = irqs->num;
	int rc;

	if (!num)
		return 0;
	rc = set_irqs(irqs, 0);
	irqs->num = 0;
	close_fds(irqs, num);
	return rc;
}

int irqs_refresh(struct irqs *irqs)
{
	return set_irqs(irqs, irqs->num);
}

u64 irqs_wait(struct irqs *irqs, unsigned int vector, unsigned int ms)
{
	struct pollfd p = { .fd = irqs->fd[vector], .events = POLLIN };
	u64 n;

	if (poll(&p, 1, ms) != 1 || read(p.fd, &n, sizeof(n)) != sizeof(n))
		return 0;
	return n;
}

/* A word of the device's own configuration space; VFIO shows a guest another */
static int config_word(const char *bdf, unsigned int at, u32 *word)
{
	char path[PATH_MAX];
	int fd, rc = 0;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (pread(fd, word, sizeof(*word), at) != sizeof(*word))
		rc = -EIO;
	close(fd);
	return rc;
}

static int capability(const char *bdf, unsigned int id)
{
	unsigned int n;
	u32 at, word;
	int rc;

	rc = config_word(bdf, PCI_CAPABILITY_LIST, &at);
	for (n = 0; !rc && n < 48; n++) {
		at &= 0xfc;
		if (!at)
			return -ENOENT;
		rc = config_word(bdf, at, &word);
		if (!rc && (word & 0xff) == id)
			return at;
		at = word >> 8;
	}
	return rc ?: -ENOENT;
}

static int msi_address(const char *bdf, u64 *address)
{
	int at = capability(bdf, PCI_CAP_ID_MSI);
	u32 control, low, high = 0;
	int rc;

	if (at < 0)
		return at;
	rc = config_word(bdf, at, &control) ?:
	     config_word(bdf, at + PCI_MSI_ADDRESS_LO, &low);
	if (!rc && (control >> 16 & PCI_MSI_FLAGS_64BIT))
		rc = config_word(bdf, at + PCI_MSI_ADDRESS_HI, &high);
	if (rc)
		return rc;
	*address = (u64)high << 32 | low;
	return 0;
}

static int msix_address(struct vfio_dev *dev, unsigned int vector, u64 *address)
{
	int at = capability(dev->bdf, PCI_CAP_ID_MSIX);
	size_t entry;
	u32 table;
	int rc;

	if (at < 0)
		return at;
	rc = config_word(dev->bdf, at + PCI_MSIX_TABLE, &table);
	if (rc)
		return rc;
	/* Only BAR 0 is mapped */
	entry = (table & PCI_MSIX_TABLE_OFFSET) + vector * PCI_MSIX_ENTRY_SIZE;
	if ((table & PCI_MSIX_TABLE_BIR) ||
	    entry + PCI_MSIX_ENTRY_SIZE > dev->bar_size)
		return -ENXIO;
	*address = mmio_read32(dev->bar, entry + PCI_MSIX_ENTRY_LOWER_ADDR) |
		   (u64)mmio_read32(dev->bar, entry + PCI_MSIX_ENTRY_UPPER_ADDR)
		   << 32;
	return 0;
}

int irqs_address(struct irqs *irqs, unsigned int vector, u64 *address)
{
	if (irqs->index == VFIO_PCI_MSI_IRQ_INDEX)
		return vector ? -EINVAL : msi_address(irqs->dev->bdf, address);
	return msix_address(irqs->dev, vector, address);
}

/* The vector's line of /proc/interrupts, to be freed, or NULL */
static char *proc_line(struct irqs *irqs, unsigned int vector)
{
	FILE *f = fopen("/proc/interrupts", "re");
	char name[64], *line = NULL;
	size_t size = 0;

	/* As vfio-pci calls it */
	snprintf(name, sizeof(name), "vfio-msi%s[%u](%s)",
		 irqs->index == VFIO_PCI_MSI_IRQ_INDEX ? "" : "x", vector,
		 irqs->dev->bdf);
	while (f && getline(&line, &size, f) > 0) {
		if (strstr(line, name)) {
			fclose(f);
			return line;
		}
	}
	free(line);
	if (f)
		fclose(f);
	return NULL;
}

int irqs_number(struct irqs *irqs, unsigned int vector)
{
	char *line = proc_line(irqs, vector);
	int number = line ? atoi(line) : -ENOENT;

	free(line);
	return number;
}

long irqs_on_cpu(struct irqs *irqs, unsigned int vector, unsigned int cpu)
{
	char *line = proc_line(irqs, vector), *p, *end;
	long n = -ENOENT;

	if (!line)
		return n;
	p = strchr(line, ':') + 1;
	do {
		n = strtol(p, &end, 10);
		if (end == p)
			n = -ENOENT;
		p = end;
	} while (cpu-- && n >= 0);
	free(line);
	return n;
}

int irqs_move(struct irqs *irqs, unsigned int vector, unsigned int cpu)
{
	int number = irqs_number(irqs, vector);
	char path[64];
	FILE *f;

	if (number < 0)
		return number;
	snprintf(path, sizeof(path), "/proc/irq/%d/smp_affinity_list", number);
	f = fopen(path, "we");
	if (!f)
		return -errno;
	fprintf(f, "%u\n", cpu);
	return fclose(f) ? -errno : 0;
}
