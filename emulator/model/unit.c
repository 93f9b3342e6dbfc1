// SPDX-License-Identifier: GPL-2.0-or-later
/* The unit as a whole: creation, reset (§12), the passing of time */
#include <stdlib.h>
#include <string.h>

#include "unit.h"

void cmdqv_config_init(struct cmdqv_config *config)
{
	*config = (struct cmdqv_config){
		.log2_vintfs = CMDQV_MAX_LOG2_VINTFS,
		.log2_vcmdqs = CMDQV_MAX_LOG2_VCMDQS,
		.log2_sids = CMDQV_MAX_LOG2_SIDS,
		.max_log2size = CMDQV_MAX_LOG2SIZE,
		.ver = 1,
		.hyp_wired = true,
		.reset_pattern = CMDQV_RESET_RANDOM,
		.reset_seed = 0x0c0ffee0c0ffee01ull,
		.commands_per_step = 64,
		.log_entries = 4096,
	};
}

static const char *config_problem(const struct cmdqv_config *config,
				  const struct cmdqv_bench *bench)
{
	if (config->log2_vintfs > CMDQV_MAX_LOG2_VINTFS)
		return "log2_vintfs is more than 6";
	if (config->log2_vcmdqs > CMDQV_MAX_LOG2_VCMDQS)
		return "log2_vcmdqs is more than 7";
	if (config->log2_sids > CMDQV_MAX_LOG2_SIDS)
		return "log2_sids is more than 4";
	if (!config->max_log2size || config->max_log2size > CMDQV_MAX_LOG2SIZE)
		return "max_log2size is not 1 to 19";
	if (config->ver > 15)
		return "ver is more than 15";
	if (config->reset_pattern > CMDQV_RESET_DIRTY)
		return "reset_pattern is unknown";
	if (!config->commands_per_step)
		return "commands_per_step is 0";
	if (!config->log_entries)
		return "log_entries is 0";
	if (config->enable_delay_ns > CMDQV_MAX_DELAY ||
	    config->disable_delay_ns > CMDQV_MAX_DELAY ||
	    config->command_delay_ns > CMDQV_MAX_DELAY)
		return "a delay is more than 2^62 ns";
	if (!bench->read_mem || !bench->write_mem || !bench->execute ||
	    !bench->irq_edge || !bench->now_ns || !bench->schedule)
		return "a bench callback is missing";
	return NULL;
}

struct cmdqv *cmdqv_create(const struct cmdqv_config *config,
			   const struct cmdqv_bench *bench, void *opaque,
			   const char **why)
{
	const char *problem = config_problem(config, bench);
	struct cmdqv *c = NULL;

	if (!problem) {
		c = calloc(1, sizeof(*c));
		if (c)
			c->log = calloc(config->log_entries, sizeof(*c->log));
		if (!c || !c->log) {
			free(c);
			c = NULL;
			problem = "out of memory";
		}
	}
	if (!c) {
		if (why)
			*why = problem;
		return NULL;
	}
	c->config = *config;
	c->bench = *bench;
	c->opaque = opaque;
	c->num_vintfs = 1u << config->log2_vintfs;
	c->num_vcmdqs = 1u << config->log2_vcmdqs;
	c->num_sids = 1u << config->log2_sids;
	c->log_first = 1;
	cmdqv_reset(c);
	return c;
}

void cmdqv_destroy(struct cmdqv *c)
{
	if (!c)
		return;
	free(c->log);
	free(c);
}

/* splitmix64 */
static uint64_t next_random(struct cmdqv *c)
{
	uint64_t z = c->rng += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* What a register of unknown value holds: 0 with the pattern ZERO */
static uint64_t unknown(struct cmdqv *c, uint64_t mask)
{
	uint64_t value = next_random(c);

	return c->config.reset_pattern == CMDQV_RESET_ZERO ? 0 : value & mask;
}

/* The same for what would make the unit act: 0 except with DIRTY */
static uint64_t unknown_active(struct cmdqv *c, uint64_t mask)
{
	uint64_t value = next_random(c);

	return c->config.reset_pattern == CMDQV_RESET_DIRTY ? value & mask : 0;
}

static void reset_switch(struct cmdqv_switch *sw)
{
	*sw = (struct cmdqv_switch){ .stuck_on = sw->stuck_on,
				     .stuck_off = sw->stuck_off };
}

static void reset_vintf(struct cmdqv *c, struct cmdqv_vintf *vintf)
{
	reset_switch(&vintf->sw);
	vintf->hyp_own = unknown(c, 1) && c->config.hyp_wired;
	vintf->vmid = (uint16_t)unknown(c, CMDQV_VINTF_VMID_MASK);
	for (unsigned int s = 0; s < c->num_sids; s++) {
		vintf->sid_match[s] = (uint32_t)unknown(c, CMDQV_SID_MASK) <<
				      CMDQV_SID_MATCH_SHIFT;
		vintf->sid_match[s] |=
			(uint32_t)unknown_active(c, CMDQV_SID_MATCH_EN);
		vintf->sid_replace[s] = (uint32_t)unknown(c, CMDQV_SID_MASK);
	}
	vintf->epoch++;
}

static void reset_vcmdq(struct cmdqv *c, struct cmdqv_vcmdq *vcmdq)
{
	struct cmdqv_vcmdq old = *vcmdq;

	*vcmdq = (struct cmdqv_vcmdq){
		.sw = old.sw,
		.epoch = old.epoch + 1,
		.fetch_aborts = old.fetch_aborts,
		.atc_timeouts = old.atc_timeouts,
		.hung = old.hung,
		.stuck_error = old.stuck_error,
	};
	reset_switch(&vcmdq->sw);
	vcmdq->vintf = (uint8_t)unknown(c, CMDQV_ALLOC_VINTF_MASK);
	vcmdq->lvcmdq = (uint8_t)unknown(c, CMDQV_ALLOC_LVCMDQ_MASK);
	vcmdq->allocated = unknown_active(c, 1);
	vcmdq->prod = (uint32_t)unknown(c, CMDQV_PROD_WR);
	vcmdq->cons = (uint32_t)unknown(c, CMDQV_CONS_RD | CMDQV_CONS_ERR);
	vcmdq->gerror = (uint32_t)unknown(c, CMDQV_GERROR_MASK);
	vcmdq->gerrorn = vcmdq->gerror ^
			 (uint32_t)unknown_active(c, CMDQV_GERROR_MASK);
	vcmdq->base = unknown(c, CMDQV_BASE_ADDR | CMDQV_BASE_LOG2SIZE);
	vcmdq->cons_indx_base = unknown(c, CMDQV_CONS_INDX_ADDR);
}

void cmdqv_reset(struct cmdqv *c)
{
	c->rng = c->config.reset_seed;
	reset_switch(&c->sw);
	c->config_reg = (uint32_t)unknown(c, CMDQV_CONFIG_MASK &
					     ~CMDQV_CONFIG_EN &
					     ~CMDQV_CONFIG_CONS_DRAM_EN);
	c->wakeup = CMDQV_NEVER;
	for (unsigned int v = 0; v < c->num_vintfs; v++)
		reset_vintf(c, &c->vintf[v]);
	for (unsigned int q = 0; q < c->num_vcmdqs; q++)
		reset_vcmdq(c, &c->vcmdq[q]);
	/* Few drivers write INT_MASK: it can't come up masked by itself */
	c->vintf_int_mask = unknown_active(c, cmdqv_vintfs(c));
	cmdqv_alloc_rebuild(c);
	/* Errors that a predecessor left (DIRTY) have had their edge */
	for (unsigned int q = 0; q < c->num_vcmdqs; q++)
		c->vcmdq[q].reported = cmdqv_mapped(c, q) &&
				       cmdqv_error_active(&c->vcmdq[q]);
}

uint64_t cmdqv_now(const struct cmdqv *c)
{
	return c->bench.now_ns(c->opaque);
}

/** cmdqv_wake - have cmdqv_process() called at @due, or earlier */
void cmdqv_wake(struct cmdqv *c, uint64_t due)
{
	uint64_t now;

	if (due >= c->wakeup)
		return;
	c->wakeup = due;
	now = cmdqv_now(c);
	c->bench.schedule(c->opaque, due > now ? due - now : 0);
}

/* Earliest point in time at which there is something to do */
static uint64_t next_due(const struct cmdqv *c)
{
	uint64_t next = cmdqv_fault_next(c);

	if (cmdqv_switch_next(&c->sw) < next)
		next = cmdqv_switch_next(&c->sw);
	for (unsigned int v = 0; v < c->num_vintfs; v++) {
		uint64_t due = cmdqv_switch_next(&c->vintf[v].sw);

		next = due < next ? due : next;
	}
	for (unsigned int q = 0; q < c->num_vcmdqs; q++) {
		const struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];
		uint64_t due = cmdqv_switch_next(&vcmdq->sw);

		next = due < next ? due : next;
		due = cmdqv_atc_next(c, q);
		next = due < next ? due : next;
		if (vcmdq->step_pending && vcmdq->step_due < next)
			next = vcmdq->step_due;
	}
	return next;
}

void cmdqv_process(struct cmdqv *c)
{
	uint64_t now = cmdqv_now(c);
	uint64_t next;

	if (c->fault.lost)
		return;
	/*
	 * While this runs, nothing below needs to ask for another call: all
	 * that is left is found at the end. Each queue does one step at most.
	 */
	c->wakeup = 0;
	cmdqv_fault_poll(c, now);
	for (unsigned int q = 0; q < c->num_vcmdqs; q++)
		cmdqv_queue_poll(c, q, now);
	cmdqv_global_poll(c, now);
	for (unsigned int v = 0; v < c->num_vintfs; v++)
		cmdqv_vintf_poll(c, v, now);
	for (unsigned int q = 0; q < c->num_vcmdqs; q++) {
		cmdqv_vcmdq_poll(c, q, now);
		cmdqv_atc_poll(c, q, now);
	}
	c->wakeup = CMDQV_NEVER;
	next = next_due(c);
	if (next != CMDQV_NEVER)
		cmdqv_wake(c, next);
}

/**
 * cmdqv_catch_up - do what is due before somebody looks
 *
 * The call that the bench owes comes from a loop that may have much else to do, on a machine
 * that is busy; the clock does not wait for that, nor does software that reads STATUS in
 * vain until its time is over. What has not got its call in time gets it here.
 */
void cmdqv_catch_up(struct cmdqv *c)
{
	/* 0: cmdqv_process() is what looks, by way of the bench */
	if (c->wakeup && c->wakeup != CMDQV_NEVER && cmdqv_now(c) >= c->wakeup)
		cmdqv_process(c);
}

void cmdqv_smmu_sync(struct cmdqv *c)
{
	if (!c->fault.lost)
		cmdqv_atc_flush(c);
}
