/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's driver of one of its own command queues: memory that it fills, and
 * registers in the window (page 0 of the VINTF). From vcmdq_push() to
 * vcmdq_wait() nothing here makes a system call.
 */
#ifndef VMM_VCMDQ_H
#define VMM_VCMDQ_H

#include "types.h"
#include "mmio.h"
#include "smmuv3.h"

/* Registers of a logical queue, VCMDQ_STRIDE apart in the window */
#define VCMDQ_STRIDE		0x80
#define VCMDQ_CONS		0x00
#define VCMDQ_PROD		0x04
#define VCMDQ_CONFIG		0x08
#define VCMDQ_STATUS		0x0c
#define VCMDQ_GERROR		0x10
#define VCMDQ_GERRORN		0x14

#define VCMDQ_EN		1u
#define CONS_ERR(cons)		((cons) >> 24 & 0x7f)
#define GERROR_CMDQ_ERR		1u
#define GERROR_INIT_ERR		4u

/* CONS.ERR */
#define CERROR_NONE		0
#define CERROR_ILL		1
#define CERROR_ABT		2
#define CERROR_ATC_INV_SYNC	3
#define CERROR_ILL_ACCESS	4

/**
 * struct vcmdq - a queue as its driver sees it
 * @regs: its registers
 * @entries: its memory, 16 bytes an entry
 * @log2size: log2 of the number of entries
 * @prod: where the next command goes, with the wrap bit above the index
 */
struct vcmdq {
	void *regs;
	u64 *entries;
	unsigned int log2size;
	u32 prod;
};

/* Queue @index behind @window, over the 16 << @log2size bytes at @entries */
void vcmdq_init(struct vcmdq *q, void *window, unsigned int index,
		void *entries, unsigned int log2size);

u32 vcmdq_read(const struct vcmdq *q, unsigned int reg);
void vcmdq_write(struct vcmdq *q, unsigned int reg, u32 value);

/* Start it, empty: 0, or -ETIMEDOUT if it does not come up within a second. */
int vcmdq_enable(struct vcmdq *q);
/* Stop it: 0 or -ETIMEDOUT. */
int vcmdq_disable(struct vcmdq *q);

/* Put a command into memory. The caller leaves room for it. */
void vcmdq_push(struct vcmdq *q, struct smmu_cmd cmd);
/* Tell the hardware about all that was pushed. */
void vcmdq_kick(struct vcmdq *q);

/**
 * vcmdq_wait() - wait until everything up to the last kick is done
 * @q: the queue
 *
 * Return: 0, -EIO if the queue has stopped with an error, -ETIMEDOUT after a
 * second.
 */
int vcmdq_wait(struct vcmdq *q);

/* Push @n commands and a CMD_SYNC, kick, wait. */
int vcmdq_issue(struct vcmdq *q, const struct smmu_cmd *cmds, unsigned int n);

/*
 * After -EIO: which error it was (CONS.ERR). The failing command becomes a
 * CMD_SYNC, the error is acknowledged, the queue goes on.
 */
unsigned int vcmdq_recover(struct vcmdq *q);

/* Nanoseconds of a clock that is read without a system call */
u64 vmm_now_ns(void);

#endif
