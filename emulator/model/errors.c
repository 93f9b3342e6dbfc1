// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * §10: errors and the interrupt
 *
 * The maps are not registers of their own: a bit stands for GERROR xor
 * GERRORN of a queue, so it goes when software acknowledges.
 */
#include "unit.h"

/** cmdqv_error_active - errors that have not been acknowledged */
uint32_t cmdqv_error_active(const struct cmdqv_vcmdq *vcmdq)
{
	return (vcmdq->gerror ^ vcmdq->gerrorn) & CMDQV_GERROR_MASK;
}

/** cmdqv_error_edge - one rising edge on the interrupt */
void cmdqv_error_edge(struct cmdqv *c)
{
	if (c->fault.no_irq || c->fault.lost)
		return;
	c->counters.irqs++;
	c->bench.irq_edge(c->opaque);
}

/**
 * cmdqv_error_update - GERROR, GERRORN or the mapping of @q has changed
 *
 * One rising edge when the queue's bit in its VINTF's map gets set. A bit that
 * is set already raises none, bits of other queues don't matter. Assumption:
 * a queue that is mapped to no VINTF shows in CMDQ_ERR_MAP only, silently.
 */
void cmdqv_error_update(struct cmdqv *c, unsigned int q)
{
	struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];
	bool pending = cmdqv_mapped(c, q) && cmdqv_error_active(vcmdq);
	bool edge = pending && !vcmdq->reported;

	vcmdq->reported = pending;
	if (edge && !(c->vintf_int_mask >> vcmdq->vintf & 1))
		cmdqv_error_edge(c);
}

/** cmdqv_error_raise - make the error @gerror active; toggles GERROR once */
void cmdqv_error_raise(struct cmdqv *c, unsigned int q, uint32_t gerror)
{
	struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];

	if (!(cmdqv_error_active(vcmdq) & gerror))
		vcmdq->gerror ^= gerror;
	cmdqv_error_update(c, q);
}

/** cmdqv_error_command - the command at CONS has failed */
void cmdqv_error_command(struct cmdqv *c, unsigned int q,
			 enum cmdqv_cerror code)
{
	struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];

	vcmdq->cons = (vcmdq->cons & ~CMDQV_CONS_ERR) |
		      ((uint32_t)code << CMDQV_CONS_ERR_SHIFT & CMDQV_CONS_ERR);
	cmdqv_error_raise(c, q, CMDQV_GERROR_CMDQ_ERR);
}

/** cmdqv_error_acknowledged - software has written GERRORN of queue @q */
void cmdqv_error_acknowledged(struct cmdqv *c, unsigned int q)
{
	struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];

	cmdqv_error_update(c, q);
	if (vcmdq->stuck_error &&
	    !(cmdqv_error_active(vcmdq) & CMDQV_GERROR_CMDQ_ERR))
		cmdqv_error_command(c, q, vcmdq->stuck_error);
}

/** cmdqv_error_lvcmdq_map - word 0 to 3 of a VINTF's LVCMDQ_ERR_MAP */
uint32_t cmdqv_error_lvcmdq_map(const struct cmdqv *c, unsigned int v,
				unsigned int word)
{
	uint32_t map = 0;

	for (unsigned int q = 0; q < c->num_vcmdqs; q++) {
		const struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];

		if (cmdqv_mapped(c, q) && vcmdq->vintf == v &&
		    vcmdq->lvcmdq / 32 == word && cmdqv_error_active(vcmdq))
			map |= 1u << vcmdq->lvcmdq % 32;
	}
	return map;
}

/** cmdqv_error_cmdq_map - word 0 to 3 of CMDQ_ERR_MAP, mapped or not */
uint32_t cmdqv_error_cmdq_map(const struct cmdqv *c, unsigned int word)
{
	uint32_t map = 0;

	for (unsigned int bit = 0; bit < 32; bit++) {
		unsigned int q = 32 * word + bit;

		if (q < c->num_vcmdqs && cmdqv_error_active(&c->vcmdq[q]))
			map |= 1u << bit;
	}
	return map;
}

/** cmdqv_error_vintf_map - VINTF_ERR_MAP; INT_MASK doesn't hide bits in it */
uint64_t cmdqv_error_vintf_map(const struct cmdqv *c)
{
	uint64_t map = 0;

	for (unsigned int q = 0; q < c->num_vcmdqs; q++)
		if (cmdqv_mapped(c, q) && cmdqv_error_active(&c->vcmdq[q]))
			map |= 1ull << c->vcmdq[q].vintf;
	return map;
}
