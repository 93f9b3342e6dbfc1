/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk that host and guest use in turn: what one of them writes, the other has to
 * read, and each request has to interrupt.
 */
#ifndef GUEST_RW_DISK_H
#define GUEST_RW_DISK_H

#include <stdbool.h>

#include "guest.h"

/* What the host writes is at the beginning, what the guest writes behind it. */
#define RW_BLOCK	16384u
#define RW_BLOCKS	64u
/* Requests that rw_disk_use() makes, one after the other */
#define RW_REQUESTS	(3 * RW_BLOCKS)
#define RW_SUM	32

/**
 * struct rw_disk - an NVMe disk of the host's
 * @bdf: its PCI name there
 * @serial: what it calls itself, to all who ask
 * @host_sum: of what the host has written
 * @guest_sum: of what the guest has written; "" as long as it hasn't
 */
struct rw_disk {
	char bdf[16];
	char serial[32];
	char host_sum[RW_SUM + 1];
	char guest_sum[RW_SUM + 1];
};

/**
 * struct rw_disk_use - what a guest has to tell of a disk
 * @read: sum of what was on it
 * @wrote: sum of what it has written there, and read again
 * @vectors: MSI-X vectors of the disk
 * @interrupts: times that these have come
 * @translated: the disk is behind an SMMU of the guest's
 */
struct rw_disk_use {
	char read[RW_SUM + 1];
	char wrote[RW_SUM + 1];
	unsigned int vectors;
	unsigned int interrupts;
	unsigned int translated;
};

/**
 * rw_disk_prepare() - let the host write on a disk
 * @d: the result
 * @nth: which of the host's NVMe disks
 *
 * vfio-pci has it after this.
 *
 * Return: 0 or a negative errno.
 */
int rw_disk_prepare(struct rw_disk *d, unsigned int nth);

/**
 * rw_disk_use() - let a guest with one CPU read, write and read again
 * @g: the guest
 * @serial: the disk's name of itself, of an NVMe or a VirtIO disk
 * @u: the result
 * @says: what the guest has said instead, if it can't; to be freed, in any case
 *
 * Return: 0, or the guest can't.
 */
int rw_disk_use(struct guest *g, const char *serial, struct rw_disk_use *u, char **says);

/**
 * rw_disk_take_back() - let the host look at what is on the disk now
 * @d: the disk
 *
 * Return: NULL if all is there that was written, or what is wrong; valid until the
 * next call.
 */
const char *rw_disk_take_back(struct rw_disk *d);

#endif
