/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the game (see play.c) share */
#ifndef CMDQV_TEST_WORLD_H
#define CMDQV_TEST_WORLD_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "../cmdqv.h"
#include "bench.h"
#include "play.h"

#define NUM_VINTFS	4u
#define NUM_VCMDQS	8u
#define NUM_SIDS	4u
#define NUM_VMIDS	6u	/* few, so that they are used again soon */
#define RING_ENTRIES	16u
#define MAX_STEPS	400

#define BROKEN(...)							\
	do {								\
		printf("# %s:%d: ", __FILE__, __LINE__);		\
		printf(__VA_ARGS__);					\
		printf("\n");						\
		fflush(stdout);						\
		abort();						\
	} while (0)

enum life { FREE, ALIVE, FENCED };

struct machine {
	enum life life;
	bool zombie;			/* couldn't be taken down completely */
	unsigned int vmid;
	unsigned int num_queues;
	unsigned int queue[NUM_VCMDQS];
	struct {
		bool used;
		uint32_t virt, phys;
	} sid[NUM_SIDS];
};

struct queue {
	int machine;			/* VINTF, -1: nobody's */
	bool pinned;
	unsigned int log2size;
	uint8_t ring[16 * RING_ENTRIES];
};

struct game {
	const uint8_t *data, *end;
	struct cmdqv *c;
	uint64_t now, timer;
	struct machine machine[NUM_VINTFS];
	struct queue queue[NUM_VCMDQS];
	uint32_t next_phys;
	uint64_t last_pa;		/* latest fetch */
	uint64_t raw[2];
	enum cmdqv_cerror fail;
	unsigned int steps;
	struct play_stats *stats;
};

/* world.c: input, clock, registers */
bool over(const struct game *g);
uint32_t u8(struct game *g);
uint32_t u32(struct game *g);
uint64_t ring_pa(unsigned int q);
void pass(struct game *g, uint64_t ns);
uint32_t rd(struct game *g, uint64_t offset);
void wr(struct game *g, uint64_t offset, uint32_t value);

/* judge.c: the bench of the unit, which sees what it does */
extern const struct cmdqv_bench play_bench;
void judge_model(struct game *g);
void expect_scrubbed_vintf(struct game *g, unsigned int v);
void expect_scrubbed_queue(struct game *g, unsigned int q);

/* machines.c */
void issue_to(struct game *g, unsigned int v, unsigned int l, uint64_t word0,
	      uint64_t word1);
void machine_acts(struct game *g);
/* Between any two steps of the host, anything may happen */
void race(struct game *g);

/* host.c */
void set_up(struct game *g);
void destroy_machine(struct game *g, unsigned int v);
void acknowledge_host(struct game *g);
void host_acts(struct game *g);

#endif /* CMDQV_TEST_WORLD_H */
