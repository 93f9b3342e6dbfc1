// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmdqv_check() is what the random tests rely on, so it has to find something:
 * here the inside of the model is damaged, one place at a time
 */
#include <string.h>

#include "bench.h"
#include "../unit.h"

static void expect_found(struct bench *b, const char *what)
{
	const char *found = cmdqv_check(b->c);

	if (!found || strncmp(found, what, strlen(what)))
		FAIL("found \"%s\", expected \"%s\"", found ? found : "nothing",
		     what);
}

/* DAMAGE: spoil @place, have it found, and mend it */
#define DAMAGE(place, value, what)					\
	do {								\
		__typeof__(place) old_ = (place);			\
									\
		(place) = (value);					\
		expect_found(b, what);					\
		(place) = old_;						\
		EXPECT(!cmdqv_check(b->c));				\
	} while (0)

static struct cmdqv_log_entry *latest(struct bench *b)
{
	return &b->c->log[b->c->log_head % b->c->config.log_entries];
}

TEST(c1_commands, "cmdqv_check() finds commands that must not have been executed")
{
	struct bench *b = bench_guest_queue(7);
	struct cmdqv_log_entry *e;

	sid_set(b, GUEST_V, 0, 1, 0x101);
	cmd_issue(b, GUEST_Q, CMD_TLBI_NH_VA, 0x1000);
	e = latest(b);
	DAMAGE(e->final[0], 0x10, "I1: opcode");
	DAMAGE(e->final[0], CMD_TLBI_NH_VA | TLBI_VMID(8), "I2: ");
	DAMAGE(e->final[0], e->final[0] | TLBI_ASID(1), "TLBI: more");
	DAMAGE(e->final[1], 0, "TLBI: more");
	DAMAGE(e->origin.vintf, CMDQV_NONE, "I4: command from nobody");
	DAMAGE(e->origin.vcmdq, 16, "I4: command from nobody");
	DAMAGE(e->result, CMDQV_CERROR_ILL, "log: executed with an error");
	DAMAGE(e->seq, 77, "log: sequence");
	DAMAGE(e->origin.hyp_own, true, "host's command was changed");
	cmd_issue(b, GUEST_Q, CMD_ATC_INV | ATC_SID(1), 0x1000);
	e = latest(b);
	DAMAGE(e->final[0], CMD_ATC_INV | ATC_SID(0x100000), "I3: ");
	DAMAGE(e->final[0], e->final[0] | 1u << 9, "ATC_INV: more");
	DAMAGE(e->final[1], 0, "ATC_INV: more");
	cmd_issue(b, GUEST_Q, CMD_SYNC, 0);
	e = latest(b);
	DAMAGE(e->final[0], CMD_SYNC | SYNC_CS(1), "CMD_SYNC with");
	DAMAGE(e->final[1], 1, "CMD_SYNC with");
	DAMAGE(b->c->bad_fetches, 1, "I5: fetch");
	bench_free(b);
}

TEST(c2_state, "cmdqv_check() finds registers and mappings that contradict each other")
{
	struct bench *b = bench_guest_queue(7);
	struct cmdqv_vcmdq *q = &b->c->vcmdq[GUEST_Q];

	DAMAGE(q->prod, 1u << 20, "VCMDQ: reserved");
	DAMAGE(q->cons, 1u << 20, "VCMDQ: reserved");
	DAMAGE(q->gerror, 8, "VCMDQ: reserved");
	DAMAGE(q->base, q->base | 1ull << 50, "VCMDQ: reserved");
	DAMAGE(q->base, 0, "I5: VCMDQ enabled");
	DAMAGE(q->cons, 0x20, "VCMDQ: CONS beyond");
	DAMAGE(q->orphan, true, "I4: VCMDQ mapped and orphaned");
	DAMAGE(b->c->vcmdq[3].orphan, true, "I7: disabled VCMDQ remembers");
	DAMAGE(q->reported, true, "VCMDQ: error map");
	DAMAGE(b->c->vintf[GUEST_V].lmap[0], 5, "I4: logical aperture");
	DAMAGE(b->c->vintf[2].lmap[0], GUEST_Q, "I4: logical aperture");
	b->c->vintf[3].hyp_own = true;
	DAMAGE(b->c->config.hyp_wired, false, "I1: HYP_OWN");
	bench_free(b);
}

TEST(c3_progress, "cmdqv_check() finds work and handshakes that nobody will come back to")
{
	struct bench *b = bench_guest_queue(7);
	struct cmdqv_vcmdq *q = &b->c->vcmdq[GUEST_Q];
	struct cmdqv_switch *sw = &b->c->vintf[2].sw;

	DAMAGE(q->prod, 5, "VCMDQ: work forgotten");
	DAMAGE(q->step_pending, true, "VCMDQ: step forgotten");
	DAMAGE(sw->timed, true, "handshake: under way");
	sw->want = !sw->is;
	DAMAGE(sw->timed, true, "handshake: forgotten");
	sw->want = sw->is;
	queue_off(b, GUEST_Q);
	b->c->fault.atc_late_ns = 5;
	DAMAGE(q->atc_owed, true, "I7: late ATC");
	bench_free(b);
}
