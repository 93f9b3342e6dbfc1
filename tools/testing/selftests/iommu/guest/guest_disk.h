/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NVMe disks of the host for guests, with contents that both sides know. */
#ifndef GUEST_DISK_H
#define GUEST_DISK_H

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "guest.h"
#include "guest_host.h"
#include "vfio.h"

/* Known of each disk, from its start: in blocks */
#define DISK_BLOCK	65536u
#define DISK_BLOCKS	8u

/**
 * struct disk - an NVMe disk of the host
 * @bdf: its name
 * @sum: MD5 of what is known of it, in hex
 */
struct disk {
	char bdf[16];
	char sum[33];
};

/* MD5 of the known part of the host's block device @path */
static inline int disk_host_sum(const char *path, char sum[33])
{
	char command[PATH_MAX + 128];
	FILE *p;
	int n;

	snprintf(command, sizeof(command),
		 "dd if=%s bs=%u count=%u iflag=direct 2>/dev/null | md5sum",
		 path, DISK_BLOCK, DISK_BLOCKS);
	p = popen(command, "re");
	if (!p)
		return -errno;
	n = fscanf(p, "%32s", sum);
	return !pclose(p) && n == 1 && strlen(sum) == 32 ? 0 : -EIO;
}

/**
 * disk_prepare() - fill a disk with random data and give it to vfio-pci
 * @d: the result
 * @nth: which of the host's
 *
 * Return: 0; -ENODEV if there are not so many; or another negative errno.
 */
static inline int disk_prepare(struct disk *d, unsigned int nth)
{
	char path[PATH_MAX], command[PATH_MAX + 128];
	int rc;

	rc = vfio_find(NVME_VENDOR, NVME_DEVICE, nth, d->bdf);
	if (!rc)
		rc = pci_give(d->bdf, NULL);
	if (!rc)
		rc = host_disk(d->bdf, path);
	if (rc)
		return rc;
	snprintf(command, sizeof(command),
		 "dd if=/dev/urandom of=%s bs=%u count=%u conv=fsync 2>/dev/null",
		 path, DISK_BLOCK, DISK_BLOCKS);
	if (system(command))
		return -EIO;
	rc = disk_host_sum(path, d->sum);
	return rc ?: pci_give(d->bdf, "vfio-pci");
}

/* Take the disk back: 0 if the host can use it and its known part is as it was. */
static inline int disk_return(struct disk *d)
{
	char path[PATH_MAX], sum[33];
	int rc;

	rc = pci_give(d->bdf, NULL);
	if (!rc)
		rc = host_disk(d->bdf, path);
	if (!rc)
		rc = disk_host_sum(path, sum);
	return rc ?: strcmp(sum, d->sum) ? -EBADMSG : 0;
}

/* Does the guest read from its disk @path, not its cache, what the host has put there? */
static inline bool disk_is_read(struct guest *g, const char *path,
				const struct disk *d)
{
	bool same = false;
	char *text;

	if (!guest_run(g, &text,
		       "dd if=%s bs=%u count=%u iflag=direct 2>/dev/null | md5sum",
		       path, DISK_BLOCK, DISK_BLOCKS))
		same = !strncmp(text, d->sum, 32);
	free(text);
	return same;
}

#endif
