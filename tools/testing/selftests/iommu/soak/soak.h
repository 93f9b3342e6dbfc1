/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many VMs at once, some of them hostile, in processes of their own; what they share
 * with the one that starts and kills them.
 */
#ifndef SOAK_H
#define SOAK_H

#include <pthread.h>
#include <stdbool.h>

#include "oracle.h"
#include "vm.h"

#define SOAK_SLOTS	16u
/* Queues of a VM at most; the unit shares its out among its VINTFs */
#define SOAK_QUEUES	8u
/* Where queues are in the guest, each in its own piece of the IOAS */
#define SOAK_QUEUE_IPA	0x40000000ULL

/* What is counted; soak_counts[] says what it is */
enum soak_count {
	SOAK_VMS,
	SOAK_KILLED,
	SOAK_ENDED,
	SOAK_VIOMMUS,
	SOAK_NEW_QUEUES,
	SOAK_VDEVICES,
	SOAK_REFUSED,
	SOAK_STOLEN,
	SOAK_TRAPPED,
	SOAK_FILLS,
	SOAK_KICKS,
	SOAK_TOGGLES,
	SOAK_REGISTERS,
	SOAK_SCRIBBLES,
	SOAK_ROUNDS,
	SOAK_PROBES,
	SOAK_STALE,
	SOAK_NUM_COUNTS
};

struct soak_count_text {
	const char *name;
	const char *text;
};

extern const struct soak_count_text soak_counts[SOAK_NUM_COUNTS];

/**
 * struct soak - in memory that all processes share
 * @oracle: set before any process is forked
 * @seed: all random decisions come from this, a process' number and a thread's
 * @next_id: of the next VM
 * @stop: end in order
 * @broken: a rule is broken: @why
 * @slot: which VM a process has at the time, to the oracle; 0: none
 * @count: enum soak_count
 */
struct soak {
	struct oracle oracle;
	u64 seed;
	u32 next_id;
	bool stop;
	bool broken;
	char why[256];
	struct {
		u32 id;
	} slot[SOAK_SLOTS];
	u64 count[SOAK_NUM_COUNTS];
};

/**
 * struct soak_queue - memory of a queue and what is known of it
 * @va: the memory; NULL: the queue does not exist
 * @size: bytes of it, whole pages
 * @ipa: where the guest sees it
 * @pa: where it is
 * @log2size: log2 of the number of entries; they may be fewer than there is room for
 * @declared: the oracle has been told; who clears it tells it of the end
 */
struct soak_queue {
	void *va;
	size_t size;
	u64 ipa;
	u64 pa;
	unsigned int log2size;
	bool declared;
};

/**
 * struct soak_vm - a VM that the oracle knows about
 * @soak: what is shared
 * @slot: which process this is
 * @bdf: its device
 * @id: what the oracle calls it
 * @vm: it; vm::queues of it exist
 * @max_queues: as many as it can have
 * @queue: memory of its queues
 * @rng: of the thread that makes ioctls
 */
struct soak_vm {
	struct soak *soak;
	unsigned int slot;
	const char *bdf;
	u32 id;
	struct vm vm;
	unsigned int max_queues;
	struct soak_queue queue[SOAK_QUEUES];
	u64 rng;
};

static inline void soak_add(struct soak *soak, enum soak_count what, u64 n)
{
	__atomic_fetch_add(&soak->count[what], n, __ATOMIC_RELAXED);
}

static inline bool soak_stopped(struct soak *soak)
{
	return __atomic_load_n(&soak->stop, __ATOMIC_RELAXED);
}

/* xorshift64; a state is never 0 */
static inline u64 soak_random(u64 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static inline unsigned int soak_below(u64 *state, unsigned int limit)
{
	return (soak_random(state) >> 16) % limit;
}

/* A sequence of its own for each thread of each process that a run starts */
u64 soak_seed(const struct soak *soak, u32 process, u32 thread);

/* A rule is broken, which ends the run. Always 1, a process' exit status. */
__printf(2, 3) int soak_broken(struct soak *soak, const char *fmt, ...);

/*
 * Steps of a VM, told to the oracle. Each returns 0 or a negative errno, of the kernel
 * or, -EINVAL, of the oracle.
 */
int soak_vm_open(struct soak_vm *sv);
int soak_vm_add_viommu(struct soak_vm *sv);
int soak_vm_drop_viommu(struct soak_vm *sv);
int soak_vm_add_vdevice(struct soak_vm *sv, u32 vsid);
int soak_vm_drop_vdevice(struct soak_vm *sv);
/* The next queue: 1 << @log2size entries, or as many as fit into a page */
int soak_vm_add_queue(struct soak_vm *sv, unsigned int log2size);
/*
 * Destroy the highest queue. Its memory stays mapped for the program, and is what
 * soak_free_queue() gives back; a guest may go on writing to it between the two.
 */
int soak_vm_drop_queue(struct soak_vm *sv);
int soak_free_queue(struct soak_vm *sv, unsigned int i);
/*
 * Unmap a queue's memory, whether the queue exists or not, in any thread: 0 if the
 * kernel has given it up. The oracle has been told then.
 */
int soak_steal_queue(struct soak_vm *sv, unsigned int i);
/* Undo everything, in order */
int soak_vm_close(struct soak_vm *sv);

/*
 * The unit, as its observer sees it
 */

/**
 * struct soak_unit - what was seen of it
 * @vcmdqs: how many it has; 0: not known yet
 * @used: how many were a VM's or the host's at some time
 * @most_vcmdqs: and at the same time
 * @most_vintfs: VINTFs of VMs with queues at the same time
 */
struct soak_unit {
	unsigned int vcmdqs;
	unsigned int used;
	unsigned int most_vcmdqs;
	unsigned int most_vintfs;
};

/* Handshakes and commands take another while from now on; with the defaults, none */
void soak_unit_delays(struct soak *soak, u64 *rng);
void soak_unit_no_delays(struct soak *soak);
void soak_unit_look(struct soak *soak, struct soak_unit *unit);
/* Rules of the hardware that software has broken, and that a guest alone can't break */
u64 soak_unit_violations(struct soak *soak);
/* Nothing of a VM is left in it; waits for the kernel to clean up */
bool soak_unit_empty(struct soak *soak);
/* It has found no contradiction in itself */
bool soak_unit_consistent(struct soak *soak);
/* Print what the oracle has counted, and the first violations in full */
void soak_print_oracle(struct soak *soak);

/* Processes: what they are for. They end with 0, or after soak_broken() with 1. */
int soak_tenant(struct soak_vm *sv, bool disk);
int soak_hostile(struct soak_vm *sv);

#endif
