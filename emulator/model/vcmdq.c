// SPDX-License-Identifier: GPL-2.0-or-later
/* §5, §6, §11: the registers of a VCMDQ, whichever aperture they come by */
#include "unit.h"

/** cmdqv_vcmdq_read0 - page 0, @reg below 0x80; holes read as 0 */
uint32_t cmdqv_vcmdq_read0(const struct cmdqv *c, unsigned int q, uint32_t reg)
{
	const struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];

	switch (reg) {
	case CMDQV_VCMDQ_CONS:
		return vcmdq->cons;
	case CMDQV_VCMDQ_PROD:
		return vcmdq->prod;
	case CMDQV_VCMDQ_CONFIG:
		return vcmdq->sw.want;
	case CMDQV_VCMDQ_STATUS:
		return vcmdq->sw.is;
	case CMDQV_VCMDQ_GERROR:
		return vcmdq->gerror;
	case CMDQV_VCMDQ_GERRORN:
		return vcmdq->gerrorn;
	default:
		return 0;
	}
}

/** cmdqv_vcmdq_read1 - page 1, @reg below 0x80; holes read as 0 */
uint32_t cmdqv_vcmdq_read1(const struct cmdqv *c, unsigned int q, uint32_t reg)
{
	const struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];

	switch (reg) {
	case CMDQV_VCMDQ_BASE_LO:
		return (uint32_t)vcmdq->base;
	case CMDQV_VCMDQ_BASE_HI:
		return (uint32_t)(vcmdq->base >> 32);
	case CMDQV_VCMDQ_CONS_INDX_BASE_LO:
		return (uint32_t)vcmdq->cons_indx_base;
	case CMDQV_VCMDQ_CONS_INDX_BASE_HI:
		return (uint32_t)(vcmdq->cons_indx_base >> 32);
	default:
		return 0;
	}
}

/* At work, or about to be: where it reads can't be changed any more */
static bool is_engaged(const struct cmdqv_vcmdq *vcmdq)
{
	return vcmdq->sw.is || vcmdq->sw.timed;
}

/*
 * Assumption: the public material says no more than that CONS is written while
 * the queue is disabled; SMMUv3 leaves writes at other times undefined. They
 * are dropped, so that CONS never says what was not executed.
 */
static bool write_cons(struct cmdqv *c, unsigned int q, uint32_t value)
{
	struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];

	if (is_engaged(vcmdq))
		return false;
	vcmdq->cons = value & (CMDQV_CONS_RD | CMDQV_CONS_ERR);
	return true;
}

static void write_prod(struct cmdqv *c, unsigned int q, uint32_t value)
{
	struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];

	vcmdq->prod = value & CMDQV_PROD_WR;
	if (vcmdq->sw.is && cmdqv_queue_used(vcmdq) >
			    1u << (vcmdq->base & CMDQV_BASE_LOG2SIZE))
		cmdqv_violate(c, CMDQV_V_PROD_OVERRUN,
			      cmdqv_identity(c, q).vintf, q, value);
	cmdqv_queue_kick(c, q);
}

static void write_enable(struct cmdqv *c, unsigned int q, bool en)
{
	struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];

	/* "must be allocated before it is used to send commands" (§7) */
	if (en && !vcmdq->sw.want && !cmdqv_mapped(c, q))
		cmdqv_violate(c, CMDQV_V_ENABLE_UNMAPPED, CMDQV_NONE, q, en);
	cmdqv_switch_write(c, &vcmdq->sw, en);
	/* Withdrawn before it took effect: it is nobody's any more */
	if (!is_engaged(vcmdq))
		vcmdq->orphan = false;
	cmdqv_vcmdq_poll(c, q, cmdqv_now(c));
}

/*
 * Any value is taken: a bit that differs from GERROR without an error looks
 * like one, as in SMMUv3. So a guest can make the map bits and the interrupt
 * come and go, which the host has to stand.
 */
static void write_gerrorn(struct cmdqv *c, unsigned int q, uint32_t value)
{
	c->vcmdq[q].gerrorn = value & CMDQV_GERROR_MASK;
	cmdqv_error_acknowledged(c, q);
	cmdqv_queue_kick(c, q);
}

/** cmdqv_vcmdq_write0 - returns false if the write was dropped */
bool cmdqv_vcmdq_write0(struct cmdqv *c, unsigned int q, uint32_t reg,
			uint32_t value)
{
	switch (reg) {
	case CMDQV_VCMDQ_CONS:
		return write_cons(c, q, value);
	case CMDQV_VCMDQ_PROD:
		write_prod(c, q, value);
		return true;
	case CMDQV_VCMDQ_CONFIG:
		write_enable(c, q, value & CMDQV_VCMDQ_EN);
		return true;
	case CMDQV_VCMDQ_GERRORN:
		write_gerrorn(c, q, value);
		return true;
	default:
		return false;
	}
}

static uint64_t set_half(uint64_t old, unsigned int shift, uint32_t value)
{
	return (old & ~(0xffffffffull << shift)) | (uint64_t)value << shift;
}

/** cmdqv_vcmdq_write1 - returns false if the write was dropped */
bool cmdqv_vcmdq_write1(struct cmdqv *c, unsigned int q, uint32_t reg,
			uint32_t value)
{
	struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];
	unsigned int shift = reg & 4 ? 32 : 0;

	if (reg > CMDQV_VCMDQ_CONS_INDX_BASE_HI)
		return false;
	/* Assumption: dropped, as SMMUv3 guards CMDQ_BASE while enabled */
	if (is_engaged(vcmdq)) {
		cmdqv_violate(c, CMDQV_V_BASE_ENABLED,
			      cmdqv_identity(c, q).vintf, q, value);
		return false;
	}
	if (reg <= CMDQV_VCMDQ_BASE_HI)
		vcmdq->base = set_half(vcmdq->base, shift, value) &
			      (CMDQV_BASE_ADDR | CMDQV_BASE_LOG2SIZE);
	else
		vcmdq->cons_indx_base =
			set_half(vcmdq->cons_indx_base, shift, value) &
			CMDQV_CONS_INDX_ADDR;
	return true;
}

/**
 * cmdqv_vcmdq_base_valid - can the queue be enabled with what BASE says? (§11)
 *
 * Assumption: what is out of range raises CMDQ_INIT_ERR. So does address 0,
 * which no board has its memory at: BASE was never written.
 */
bool cmdqv_vcmdq_base_valid(const struct cmdqv *c, unsigned int q)
{
	uint64_t base = c->vcmdq[q].base;
	uint64_t log2size = base & CMDQV_BASE_LOG2SIZE;
	uint64_t addr = base & CMDQV_BASE_ADDR;

	if (log2size < 1 || log2size > c->config.max_log2size)
		return false;
	return addr && !(addr & ((CMDQV_ENTRY_SIZE << log2size) - 1));
}

/** cmdqv_vcmdq_poll - EN takes effect */
void cmdqv_vcmdq_poll(struct cmdqv *c, unsigned int q, uint64_t now)
{
	struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];

	if (!cmdqv_switch_poll(&vcmdq->sw, now))
		return;
	if (!vcmdq->sw.is) {
		vcmdq->orphan = false;
		vcmdq->step_pending = false;
		if (cmdqv_atc_next(c, q) != CMDQV_NEVER)
			cmdqv_wake(c, cmdqv_atc_next(c, q));
		return;
	}
	if (!cmdqv_vcmdq_base_valid(c, q)) {
		/*
		 * Assumption: STATUS stays 0, which is why a host sees time-outs
		 * of queues that were never set up (§14.6). EN has to be
		 * written 0 and 1 again.
		 */
		vcmdq->sw.is = false;
		vcmdq->orphan = false;
		c->counters.init_errors++;
		cmdqv_violate(c, CMDQV_V_ENABLE_BAD_BASE,
			      cmdqv_identity(c, q).vintf, q, vcmdq->base);
		cmdqv_error_raise(c, q, CMDQV_GERROR_INIT_ERR);
		return;
	}
	/* bits above the wrap bit of this size are not part of the index */
	vcmdq->cons &= CMDQV_CONS_ERR |
		       ((2u << (vcmdq->base & CMDQV_BASE_LOG2SIZE)) - 1);
	cmdqv_atc_enabled(c, q);
	cmdqv_queue_kick(c, q);
}
