// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The nets below the rules: what the model does when it is itself damaged, or
 * when the machine that it runs on has no memory. None of it can be reached by
 * registers, so the inside is damaged here.
 */
#include <string.h>

#include "bench.h"
#include "../unit.h"

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

/* Allocations left until one fails; 0: none does. The linker puts this in between. */
static unsigned int calloc_fails;

void *__wrap_calloc(size_t n, size_t size)
{
	if (calloc_fails && !--calloc_fails)
		return NULL;
	return __real_calloc(n, size);
}

TEST(c4_fetch, "a queue whose BASE leads nowhere reads no memory, stops with ABT, and cmdqv_check() tells")
{
	struct bench *b = bench_guest_queue(7);
	struct cmdqv_vcmdq *q = &b->c->vcmdq[GUEST_Q];
	unsigned int reads = b->reads;
	uint64_t base = q->base;

	cmd_put(b, GUEST_Q, 0, CMD_SYNC, 0);
	q->base &= ~CMDQV_BASE_ADDR;
	w32(b, LOGICAL0(GUEST_V, 0) + Q_PROD, 1);
	EXPECT_EQ(b->reads, reads);
	EXPECT_EQ(b->num_executed, 0);
	EXPECT_EQ(cmd_error(b, GUEST_Q), CMDQV_CERROR_ABT);
	EXPECT_EQ(b->c->bad_fetches, 1);
	EXPECT(!strcmp(cmdqv_check(b->c), "I5: fetch outside BASE and size"));
	/* Mended, since bench_free() checks */
	q->base = base;
	b->c->bad_fetches = 0;
	bench_free(b);
}

TEST(c5_hyp_own, "cmdqv_check() finds a host's command in the log of a unit that has no host")
{
	struct bench *b = bench_guest_queue(7);
	struct cmdqv_log_entry *e;

	cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
	b->c->config.hyp_wired = false;
	for (unsigned int v = 0; v < b->c->num_vintfs; v++)
		b->c->vintf[v].hyp_own = false;
	EXPECT(!cmdqv_check(b->c));
	e = &b->c->log[b->c->log_head % b->c->config.log_entries];
	e->origin.hyp_own = true;
	EXPECT(cmdqv_check(b->c));
	EXPECT(!strcmp(cmdqv_check(b->c), "I1: HYP_OWN although wired to 0"));
	e->origin.hyp_own = false;
	bench_free(b);
}

TEST(c6_observer, "the observer's check says what cmdqv_check() has found")
{
	struct bench *b = bench_guest_queue(7);
	char out[256];

	EXPECT(cmdqv_observe(b->c, "check", out, sizeof(out)));
	EXPECT(!strcmp(out, "ok\ncheck ok=1\n"));
	b->c->bad_fetches = 1;
	EXPECT(cmdqv_observe(b->c, "check", out, sizeof(out)));
	EXPECT(!strcmp(out,
		       "ok\ncheck ok=0 what=I5: fetch outside BASE and size\n"));
	b->c->bad_fetches = 0;
	bench_free(b);
}

TEST(c7_memory, "without memory there is no unit and no oracle, and the caller is told why")
{
	struct bench *b = bench_default();
	struct cmdqv_config config = bench_config();
	const char *why;

	for (unsigned int n = 1; n <= 2; n++) {
		why = NULL;
		calloc_fails = n;
		EXPECT(!cmdqv_create(&config, &b->c->bench, b, &why));
		EXPECT_EQ(calloc_fails, 0);
		EXPECT(why && !strcmp(why, "out of memory"));
		calloc_fails = n;
		EXPECT(!cmdqv_create(&config, &b->c->bench, b, NULL));
	}
	calloc_fails = 1;
	EXPECT(!cmdqv_oracle_create(cmdqv_oracle_bench(), b->oracle, NULL));
	bench_free(b);
}
