/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * As much of an NVMe disk (NVM Express base specification 1.4) as it takes to have it do
 * DMA and interrupt: the admin queues, whose completions interrupt by vector 0, and the
 * one command that writes 4 KiB of known contents to memory; I/O queues with vectors of
 * their own. The disk reads commands, writes data and writes completions by itself,
 * through whatever it is attached to.
 */
#ifndef VMM_NVME_H
#define VMM_NVME_H

#include "guestmem.h"
#include "types.h"
#include "vfio.h"

#define NVME_ENTRIES	64u

/**
 * struct nvme - a disk with its admin queues
 * @dev: the device; gone when that is closed
 * @iova: where the disk sees three pages: submissions, completions, data
 * @sq: the submissions, as the CPU sees them
 * @cq: the completions
 * @data: what a command writes
 * @tail: where the next command goes
 * @head: where the next completion is expected
 * @phase: and its phase bit
 */
struct nvme {
	struct vfio_dev *dev;
	u64 iova;
	u64 *sq;
	u64 *cq;
	char *data;
	unsigned int tail;
	unsigned int head;
	unsigned int phase;
};

/**
 * struct nvme_queue - a pair of I/O queues
 * @nr: 1 and on
 * @iova: where the disk sees two pages: submissions, completions
 * @sq: the submissions, as the CPU sees them
 * @cq: the completions
 * @tail: where the next command goes
 * @head: where the next completion is expected
 * @phase: and its phase bit
 */
struct nvme_queue {
	unsigned int nr;
	u64 iova;
	u64 *sq;
	u64 *cq;
	unsigned int tail;
	unsigned int head;
	unsigned int phase;
};

/**
 * nvme_enable() - reset the disk and give it empty admin queues
 * @n: the disk; @n->dev, @n->iova, @n->sq, @n->cq and @n->data are set
 *
 * Return: 0; -ETIMEDOUT; -EIO if the disk has found an error, such as memory that it
 * can't reach.
 */
int nvme_enable(struct nvme *n);

/* Have it write its identity @times times, up to NVME_ENTRIES - 1. Does not wait. */
void nvme_identify_begin(struct nvme *n, unsigned int times);

/* Wait for @times completions: 0, -EIO for one that failed, or -ETIMEDOUT. */
int nvme_wait(struct nvme *n, unsigned int times);

/**
 * nvme_add_queue() - give an enabled disk a pair of I/O queues
 * @n: the disk
 * @q: the queues; @q->nr, @q->iova, @q->sq and @q->cq are set
 * @vector: MSI-X vector by which the disk tells of completions; it is enabled
 *
 * Waits without interrupts, but causes those of vector 0.
 *
 * Return: 0, -EIO if the disk refuses, or -ETIMEDOUT.
 */
int nvme_add_queue(struct nvme *n, struct nvme_queue *q, unsigned int vector);

/* Read block 0 into @n->data and wait for that, as nvme_wait() */
int nvme_read(struct nvme *n, struct nvme_queue *q);

#endif
