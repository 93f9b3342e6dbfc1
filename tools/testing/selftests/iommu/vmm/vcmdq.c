// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <errno.h>
#include <time.h>

#include "vcmdq.h"

#define SECOND	1000000000ULL

u64 vmm_now_ns(void)
{
#ifdef __aarch64__
	u64 count, freq;

	asm volatile("mrs %0, cntfrq_el0" : "=r" (freq));
	asm volatile("isb; mrs %0, cntvct_el0" : "=r" (count) :: "memory");
	return count / freq * SECOND + count % freq * SECOND / freq;
#else
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
#endif
}

void vcmdq_init(struct vcmdq *q, void *window, unsigned int index,
		void *entries, unsigned int log2size)
{
	q->regs = (char *)window + index * VCMDQ_STRIDE;
	q->entries = entries;
	q->log2size = log2size;
	q->prod = 0;
}

u32 vcmdq_read(const struct vcmdq *q, unsigned int reg)
{
	return mmio_read32(q->regs, reg);
}

void vcmdq_write(struct vcmdq *q, unsigned int reg, u32 value)
{
	mmio_write32(q->regs, reg, value);
}

static int wait_status(struct vcmdq *q, u32 want)
{
	u64 end = vmm_now_ns() + SECOND;

	while ((vcmdq_read(q, VCMDQ_STATUS) & VCMDQ_EN) != want) {
		if (vmm_now_ns() > end)
			return -ETIMEDOUT;
	}
	return 0;
}

int vcmdq_enable(struct vcmdq *q)
{
	q->prod = 0;
	vcmdq_write(q, VCMDQ_PROD, 0);
	vcmdq_write(q, VCMDQ_CONS, 0);
	vcmdq_write(q, VCMDQ_GERRORN, vcmdq_read(q, VCMDQ_GERROR));
	vcmdq_write(q, VCMDQ_CONFIG, VCMDQ_EN);
	return wait_status(q, VCMDQ_EN);
}

int vcmdq_disable(struct vcmdq *q)
{
	vcmdq_write(q, VCMDQ_CONFIG, 0);
	return wait_status(q, 0);
}

static u32 index_mask(const struct vcmdq *q)
{
	return (1u << q->log2size) - 1;
}

/* Index and wrap bit */
static u32 pointer_mask(const struct vcmdq *q)
{
	return (2u << q->log2size) - 1;
}

void vcmdq_push(struct vcmdq *q, struct smmu_cmd cmd)
{
	u64 *entry = &q->entries[2 * (q->prod & index_mask(q))];

	entry[0] = htole64(cmd.w[0]);
	entry[1] = htole64(cmd.w[1]);
	q->prod = (q->prod + 1) & pointer_mask(q);
}

void vcmdq_kick(struct vcmdq *q)
{
	/* Pairs with the hardware's read of PROD before it fetches entries */
	dma_barrier();
	vcmdq_write(q, VCMDQ_PROD, q->prod);
}

int vcmdq_wait(struct vcmdq *q)
{
	u64 end = vmm_now_ns() + SECOND;
	u32 cons, error;

	for (;;) {
		cons = vcmdq_read(q, VCMDQ_CONS);
		if ((cons & pointer_mask(q)) == q->prod)
			break;
		error = vcmdq_read(q, VCMDQ_GERROR) ^
			vcmdq_read(q, VCMDQ_GERRORN);
		if (error & (GERROR_CMDQ_ERR | GERROR_INIT_ERR))
			return -EIO;
		if (vmm_now_ns() > end)
			return -ETIMEDOUT;
	}
	/* Nothing that follows may use what the commands have invalidated */
	dma_barrier();
	return 0;
}

int vcmdq_issue(struct vcmdq *q, const struct smmu_cmd *cmds, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		vcmdq_push(q, cmds[i]);
	vcmdq_push(q, cmd_sync());
	vcmdq_kick(q);
	return vcmdq_wait(q);
}

unsigned int vcmdq_recover(struct vcmdq *q)
{
	u32 cons = vcmdq_read(q, VCMDQ_CONS);
	u64 *entry = &q->entries[2 * (cons & index_mask(q))];
	struct smmu_cmd sync = cmd_sync();

	entry[0] = htole64(sync.w[0]);
	entry[1] = htole64(sync.w[1]);
	dma_barrier();
	vcmdq_write(q, VCMDQ_GERRORN, vcmdq_read(q, VCMDQ_GERROR));
	return CONS_ERR(cons);
}
