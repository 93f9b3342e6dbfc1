// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * §7: CMDQ_ALLOC_MAP, which VCMDQ is which logical queue of which VINTF
 *
 * The rules of §7 are what software has to keep; what hardware does if it
 * doesn't is not public. The model obeys and counts a violation.
 */
#include <string.h>

#include "unit.h"

/** cmdqv_mapped - allocated to a VINTF that exists */
bool cmdqv_mapped(const struct cmdqv *c, unsigned int q)
{
	return c->vcmdq[q].allocated && c->vcmdq[q].vintf < c->num_vintfs;
}

/** cmdqv_identity - in whose name does the queue run? */
struct cmdqv_identity cmdqv_identity(const struct cmdqv *c, unsigned int q)
{
	const struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];

	if (cmdqv_mapped(c, q))
		return (struct cmdqv_identity){ vcmdq->vintf, vcmdq->lvcmdq };
	if (vcmdq->orphan)
		return (struct cmdqv_identity){ vcmdq->orphan_vintf,
						vcmdq->orphan_lvcmdq };
	return (struct cmdqv_identity){ CMDQV_NONE, CMDQV_NONE };
}

uint32_t cmdqv_alloc_read(const struct cmdqv *c, unsigned int q)
{
	const struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];

	return (uint32_t)vcmdq->vintf << CMDQV_ALLOC_VINTF_SHIFT |
	       (uint32_t)vcmdq->lvcmdq << CMDQV_ALLOC_LVCMDQ_SHIFT |
	       (vcmdq->allocated ? CMDQV_ALLOC_ALLOCATED : 0);
}

/**
 * cmdqv_alloc_rebuild - the way from a logical queue to its VCMDQ
 *
 * Assumption: of two VCMDQs on one logical queue, the lower number answers.
 */
void cmdqv_alloc_rebuild(struct cmdqv *c)
{
	for (unsigned int v = 0; v < c->num_vintfs; v++)
		memset(c->vintf[v].lmap, CMDQV_LMAP_NONE,
		       sizeof(c->vintf[v].lmap));
	for (unsigned int q = c->num_vcmdqs; q-- > 0;)
		if (cmdqv_mapped(c, q))
			c->vintf[c->vcmdq[q].vintf].lmap[c->vcmdq[q].lvcmdq] =
				(uint8_t)q;
}

static bool has_other(const struct cmdqv *c, unsigned int q, unsigned int v,
		      unsigned int first, unsigned int last)
{
	for (unsigned int i = 0; i < c->num_vcmdqs; i++)
		if (i != q && cmdqv_mapped(c, i) && c->vcmdq[i].vintf == v &&
		    c->vcmdq[i].lvcmdq >= first && c->vcmdq[i].lvcmdq <= last)
			return true;
	return false;
}

static void unmap(struct cmdqv *c, unsigned int q, uint32_t value)
{
	struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];
	bool was_mapped = cmdqv_mapped(c, q);

	if (was_mapped && has_other(c, q, vcmdq->vintf, vcmdq->lvcmdq + 1u,
				    CMDQV_MAX_VCMDQS))
		cmdqv_violate(c, CMDQV_V_UNMAP_ORDER, vcmdq->vintf, q, value);
	if (vcmdq->sw.is || vcmdq->sw.want)
		cmdqv_violate(c, CMDQV_V_UNMAP_ENABLED, vcmdq->vintf, q, value);
	if (was_mapped && (vcmdq->sw.is || vcmdq->sw.timed)) {
		vcmdq->orphan = true;
		vcmdq->orphan_vintf = vcmdq->vintf;
		vcmdq->orphan_lvcmdq = vcmdq->lvcmdq;
	}
	vcmdq->allocated = false;
}

static void map(struct cmdqv *c, unsigned int q, unsigned int v,
		unsigned int l, uint32_t value)
{
	struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];

	if (v >= c->num_vintfs)
		cmdqv_violate(c, CMDQV_V_MAP_RANGE, v, q, value);
	else if (has_other(c, q, v, l, l))
		cmdqv_violate(c, CMDQV_V_MAP_DUPLICATE, v, q, value);
	else if (l && !has_other(c, q, v, l - 1, l - 1))
		cmdqv_violate(c, CMDQV_V_MAP_ORDER, v, q, value);
	if (vcmdq->sw.is || vcmdq->sw.want)
		cmdqv_violate(c, CMDQV_V_MAP_ENABLED, v, q, value);
	if (cmdqv_error_active(vcmdq))
		cmdqv_violate(c, CMDQV_V_STALE_ERROR, v, q, value);
	/* One that still runs does so for its new owner from now on */
	vcmdq->orphan = false;
	vcmdq->allocated = true;
	vcmdq->epoch++;
}

/** cmdqv_alloc_write - software writes CMDQ_ALLOC_MAP @q */
void cmdqv_alloc_write(struct cmdqv *c, unsigned int q, uint32_t value)
{
	struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];
	bool allocated = value & CMDQV_ALLOC_ALLOCATED;
	unsigned int v = value >> CMDQV_ALLOC_VINTF_SHIFT &
			 CMDQV_ALLOC_VINTF_MASK;
	unsigned int l = value >> CMDQV_ALLOC_LVCMDQ_SHIFT &
			 CMDQV_ALLOC_LVCMDQ_MASK;
	bool moved = v != vcmdq->vintf || l != vcmdq->lvcmdq;

	if (vcmdq->allocated && allocated && moved)
		cmdqv_violate(c, CMDQV_V_REMAP_ALLOCATED, vcmdq->vintf, q,
			      value);
	if (vcmdq->allocated && (!allocated || moved))
		unmap(c, q, value);
	/* The error map bit of the last owner goes with the mapping */
	cmdqv_error_update(c, q);

	vcmdq->vintf = (uint8_t)v;
	vcmdq->lvcmdq = (uint8_t)l;
	if (allocated && !vcmdq->allocated)
		map(c, q, v, l, value);
	cmdqv_alloc_rebuild(c);
	cmdqv_error_update(c, q);
	cmdqv_queue_kick(c, q);
}
