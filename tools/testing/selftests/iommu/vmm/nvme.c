// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "mmio.h"
#include "nvme.h"
#include "vcmdq.h"

#define CAP		0x00
#define CC		0x14
#define CSTS		0x1c
#define AQA		0x24
#define ASQ		0x28
#define ACQ		0x30
#define DOORBELLS	0x1000

#define CC_EN		1u
#define CC_IOSQES_64	(6u << 16)
#define CC_IOCQES_16	(4u << 20)
#define CSTS_RDY	1u
#define CSTS_CFS	2u

#define SQ_WORDS	8	/* 64 bytes */
#define CQ_WORDS	2
#define OP_CREATE_IO_SQ	0x01
#define OP_CREATE_IO_CQ	0x05
#define OP_IDENTIFY	0x06
#define OP_IO_READ	0x02
#define QUEUE_PC	1u	/* physically contiguous */
#define QUEUE_IEN	2u	/* interrupts enabled */
#define CNS_CONTROLLER	1

#define PATIENCE_NS	10000000000ULL

static int wait_ready(struct nvme *n, u32 ready)
{
	u64 end = vmm_now_ns() + PATIENCE_NS;
	u32 status;

	while (1) {
		status = mmio_read32(n->dev->bar, CSTS);
		if (status & CSTS_CFS)
			return -EIO;
		if ((status & CSTS_RDY) == ready)
			return 0;
		if (vmm_now_ns() > end)
			return -ETIMEDOUT;
		usleep(1000);
	}
}

int nvme_enable(struct nvme *n)
{
	int rc;

	mmio_write32(n->dev->bar, CC, 0);
	rc = wait_ready(n, 0);
	if (rc)
		return rc;
	memset(n->sq, 0, GUEST_PAGE);
	memset(n->cq, 0, GUEST_PAGE);
	n->tail = 0;
	n->head = 0;
	n->phase = 1;
	dma_barrier();
	mmio_write32(n->dev->bar, AQA, (NVME_ENTRIES - 1) << 16 |
		     (NVME_ENTRIES - 1));
	mmio_write64(n->dev->bar, ASQ, n->iova);
	mmio_write64(n->dev->bar, ACQ, n->iova + GUEST_PAGE);
	mmio_write32(n->dev->bar, CC, CC_EN | CC_IOSQES_64 | CC_IOCQES_16);
	return wait_ready(n, CSTS_RDY);
}

static unsigned int doorbell(struct nvme *n, unsigned int nr)
{
	/* CAP.DSTRD, bits 35:32 */
	return DOORBELLS + nr * (4u << (mmio_read32(n->dev->bar, CAP + 4) & 0xf));
}

/* A command of the guest's, up to but without the doorbell */
static u64 *push(u64 *sq, unsigned int *tail, u64 opcode)
{
	u64 *cmd = sq + *tail * SQ_WORDS;

	memset(cmd, 0, SQ_WORDS * sizeof(*cmd));
	cmd[0] = htole64(opcode | (u64)*tail << 16);
	*tail = (*tail + 1) % NVME_ENTRIES;
	return cmd;
}

static void ring(struct nvme *n, unsigned int nr, unsigned int value)
{
	dma_barrier();
	mmio_write32(n->dev->bar, doorbell(n, nr), value);
}

void nvme_identify_begin(struct nvme *n, unsigned int times)
{
	while (times--) {
		u64 *cmd = push(n->sq, &n->tail, OP_IDENTIFY);

		cmd[3] = htole64(n->iova + 2 * GUEST_PAGE);
		cmd[5] = htole64(CNS_CONTROLLER);
	}
	ring(n, 0, n->tail);
}

/* Completions of one queue: what nvme_wait() says */
static int complete(u64 *cq, unsigned int *head, unsigned int *phase,
		    unsigned int times)
{
	u64 end = vmm_now_ns() + PATIENCE_NS;
	int rc = 0;

	while (times) {
		/* Command id in 15:0, phase in bit 16, status above it */
		u32 status = le64toh(__atomic_load_n(cq + *head * CQ_WORDS + 1,
						     __ATOMIC_ACQUIRE)) >> 32;

		if ((status >> 16 & 1) != *phase) {
			if (vmm_now_ns() > end)
				return -ETIMEDOUT;
			usleep(100);
			continue;
		}
		if (status >> 17)
			rc = -EIO;
		*head = (*head + 1) % NVME_ENTRIES;
		*phase ^= !*head;
		times--;
	}
	return rc;
}

int nvme_wait(struct nvme *n, unsigned int times)
{
	int rc = complete(n->cq, &n->head, &n->phase, times);

	/* What the disk wrote is read after it has said so */
	if (rc != -ETIMEDOUT)
		ring(n, 1, n->head);
	return rc;
}

int nvme_add_queue(struct nvme *n, struct nvme_queue *q, unsigned int vector)
{
	u64 *cmd;

	memset(q->sq, 0, GUEST_PAGE);
	memset(q->cq, 0, GUEST_PAGE);
	q->tail = 0;
	q->head = 0;
	q->phase = 1;

	/* Completions first, submissions refer to them */
	cmd = push(n->sq, &n->tail, OP_CREATE_IO_CQ);
	cmd[3] = htole64(q->iova + GUEST_PAGE);
	cmd[5] = htole64((NVME_ENTRIES - 1) << 16 | q->nr |
			 (u64)(vector << 16 | QUEUE_IEN | QUEUE_PC) << 32);
	cmd = push(n->sq, &n->tail, OP_CREATE_IO_SQ);
	cmd[3] = htole64(q->iova);
	cmd[5] = htole64((NVME_ENTRIES - 1) << 16 | q->nr |
			 (u64)(q->nr << 16 | QUEUE_PC) << 32);
	ring(n, 0, n->tail);
	return nvme_wait(n, 2);
}

int nvme_read(struct nvme *n, struct nvme_queue *q)
{
	u64 *cmd = push(q->sq, &q->tail, OP_IO_READ | 1ULL << 32);
	int rc;

	/* 0's based number of blocks: one, from block 0 */
	cmd[3] = htole64(n->iova + 2 * GUEST_PAGE);
	ring(n, 2 * q->nr, q->tail);
	rc = complete(q->cq, &q->head, &q->phase, 1);
	if (rc != -ETIMEDOUT)
		ring(n, 2 * q->nr + 1, q->head);
	return rc;
}
