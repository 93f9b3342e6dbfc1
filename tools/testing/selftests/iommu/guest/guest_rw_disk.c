// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest_rw_disk.h"
#include "guest_host.h"
#include "vfio.h"

/* The first line that a command of the host prints: 0, or the command has failed */
static int __printf(3, 4) host_says(char *line, int len, const char *fmt, ...)
{
	char command[1024];
	va_list ap;
	FILE *f;
	int rc;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	f = popen(command, "re");
	if (!f)
		return -errno;
	rc = fgets(line, len, f) ? 0 : -EIO;
	line[strcspn(line, "\n")] = 0;
	return pclose(f) ? -EIO : rc;
}

static int sum_of(const char *path, unsigned int skip, char sum[RW_SUM + 1])
{
	return host_says(sum, RW_SUM + 1,
			 "dd if=%s bs=%u count=%u skip=%u iflag=direct 2>/dev/null | md5sum",
			 path, RW_BLOCK, RW_BLOCKS, skip);
}

int rw_disk_prepare(struct rw_disk *d, unsigned int nth)
{
	char path[PATH_MAX], line[64];
	int rc;

	memset(d, 0, sizeof(*d));
	rc = vfio_find(NVME_VENDOR, NVME_DEVICE, nth, d->bdf);
	if (!rc)
		rc = pci_give(d->bdf, NULL);
	if (!rc)
		rc = host_disk(d->bdf, path);
	if (!rc)
		rc = host_says(d->serial, sizeof(d->serial),
			       "sed 's/ *$//' /sys/block/%s/device/serial",
			       strrchr(path, '/') + 1);
	if (!rc)
		rc = host_says(line, sizeof(line),
			       "dd if=/dev/urandom of=%s bs=%u count=%u conv=fsync 2>/dev/null && echo written",
			       path, RW_BLOCK, RW_BLOCKS);
	if (!rc)
		rc = sum_of(path, 0, d->host_sum);
	if (!rc)
		rc = pci_give(d->bdf, "vfio-pci");
	return rc;
}

/* Runs in the guest: $1 serial, $2 bytes of a block, $3 blocks */
static const char use_script[] =
	"set -- %s %u %u\n"
	/* The driver looks for its disks in the background */
	"for i in $(seq 100); do\n"
	"	disk=$(grep -l \"^$1 *\\$\" /sys/block/*/device/serial /sys/block/*/serial 2>/dev/null | head -n 1)\n"
	"	[ -z \"$disk\" ] || break\n"
	"	usleep 100000\n"
	"done\n"
	"[ -n \"$disk\" ] || { echo \"there is no disk $1\"; exit 1; }\n"
	"disk=${disk#/sys/block/}; disk=${disk%%%%/*}\n"
	/* Its PCI function: of a VirtIO disk, the device's parent */
	"dev=$(readlink -f /sys/block/$disk/device/device)\n"
	"[ -e \"$dev/irq\" ] || dev=$(readlink -f /sys/block/$disk/device/..)\n"
	"sum() { dd if=/dev/$disk bs=$2 count=$3 skip=$1 iflag=direct 2>/dev/null | md5sum; }\n"
	"read=$(sum 0 $2 $3)\n"
	"dd if=/dev/urandom of=/tmp/data bs=$2 count=$3 2>/dev/null || exit\n"
	"dd if=/tmp/data of=/dev/$disk bs=$2 seek=$3 oflag=direct 2>/dev/null || exit\n"
	"wrote=$(md5sum </tmp/data)\n"
	"again=$(sum $3 $2 $3)\n"
	"rm /tmp/data\n"
	"[ \"$again\" = \"$wrote\" ] || { echo \"wrote $wrote, reads $again\"; exit 1; }\n"
	"irqs=$(awk -v name=ITS-PCI-MSIX-${dev##*/} '\n"
	"	index($0, name) { n += $2; v++ } END { print v + 0, n + 0 }' /proc/interrupts)\n"
	"translated=0\n"
	"[ ! -e \"$dev/iommu_group\" ] || translated=1\n"
	"echo ${read%%%% *} ${wrote%%%% *} $irqs $translated\n";

int rw_disk_use(struct guest *g, const char *serial, struct rw_disk_use *u, char **says)
{
	int rc = guest_run(g, says, use_script, serial, RW_BLOCK, RW_BLOCKS);

	if (rc)
		return rc;
	return sscanf(*says, "%32s %32s %u %u %u", u->read, u->wrote, &u->vectors,
		      &u->interrupts, &u->translated) == 5 ? 0 : -EIO;
}

const char *rw_disk_take_back(struct rw_disk *d)
{
	static char why[160];
	char path[PATH_MAX], sum[RW_SUM + 1];

	if (pci_give(d->bdf, NULL) || host_disk(d->bdf, path)) {
		snprintf(why, sizeof(why), "the host has not got %s back", d->bdf);
		return why;
	}
	if (sum_of(path, 0, sum) || strcmp(sum, d->host_sum)) {
		snprintf(why, sizeof(why), "the host wrote %s on %s and reads %s",
			 d->host_sum, d->bdf, sum);
		return why;
	}
	if (!d->guest_sum[0])
		return NULL;
	if (sum_of(path, RW_BLOCKS, sum) || strcmp(sum, d->guest_sum)) {
		snprintf(why, sizeof(why), "the guest wrote %s on %s, the host reads %s",
			 d->guest_sum, d->bdf, sum);
		return why;
	}
	return NULL;
}
