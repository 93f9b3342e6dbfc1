/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the emulated board's oracle has to be told, so that it can judge each command
 * that reaches the SMMU (emulator/model/oracle.h has the rules).
 *
 * Whoever starts VMs tells it what he knows from his own system calls and from
 * /proc/self/pagemap, and nothing else: which physical memory backs a queue, which
 * device a guest's StreamID is. He does so before he asks the kernel for it, and takes
 * it back after the kernel has said that it is gone.
 *
 * The mailbox is one for all: calls may come from several threads and processes, which
 * have struct oracle from before they were forked. A process may be killed in any of
 * them.
 */
#ifndef VMM_ORACLE_H
#define VMM_ORACLE_H

#include <pthread.h>

#include "observer.h"

/**
 * struct oracle - the mailbox, shared by several processes
 * @unit: the observer; only while @lock is held
 * @lock: robust, in shared memory
 */
struct oracle {
	struct observer unit;
	pthread_mutex_t *lock;
};

/*
 * Open it, once, before any fork(): 0; -ENODEV: no such board, -EPROTO: its emulator
 * has no oracle; or another negative errno.
 */
int oracle_open(struct oracle *o);
void oracle_close(struct oracle *o);

/* The mailbox is the caller's until oracle_unlock() */
struct observer *oracle_lock(struct oracle *o);
void oracle_unlock(struct oracle *o);

/**
 * oracle_tell() - run a command
 * @o: the oracle
 * @fmt: the command without the word "oracle", as for printf()
 *
 * Return: 0, or -EINVAL if it was refused: then what was declared before and what the
 * kernel has done contradict each other. The reason goes to standard error.
 */
__printf(2, 3) int oracle_tell(struct oracle *o, const char *fmt, ...);

/**
 * struct oracle_state - what it has seen
 * @judged: commands of VMs that have reached the SMMU
 * @fetched: commands read from VMs' memory, refused ones too
 * @host: commands of the host's
 * @violations: rules that were broken
 * @owners: VMs that have not ended
 * @ranges: pieces of memory that are declared
 */
struct oracle_state {
	u64 judged;
	u64 fetched;
	u64 host;
	u64 violations;
	u64 owners;
	u64 ranges;
};

/* 0 or -EIO */
int oracle_ask(struct oracle *o, struct oracle_state *s);

#endif
