// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * §12: ATC invalidations that time out, and when one hears of it
 *
 * Normally the next CMD_SYNC of the same queue fails. If the queue gets
 * disabled before that, the time-out is still owed and comes late: with a
 * CMD_SYNC on any other queue, after some time, or when the queue is enabled
 * again, and by then it may belong to somebody else. So software has to flush
 * with a CMD_SYNC after disabling and to acknowledge what comes of it.
 */
#include "unit.h"

/**
 * cmdqv_atc_executed - an ATC_INV of queue @q has gone out
 *
 * Return: true if it is one that will time out
 */
bool cmdqv_atc_executed(struct cmdqv *c, unsigned int q)
{
	struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];

	if (!vcmdq->atc_timeouts)
		return false;
	vcmdq->atc_timeouts--;
	vcmdq->atc_owed = true;
	vcmdq->atc_epoch = vcmdq->epoch;
	vcmdq->atc_vintf_epoch = c->vintf[cmdqv_identity(c, q).vintf].epoch;
	vcmdq->atc_time = cmdqv_now(c);
	return true;
}

static bool is_foreign(const struct cmdqv *c, unsigned int q)
{
	const struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];

	return cmdqv_mapped(c, q) &&
	       (vcmdq->epoch != vcmdq->atc_epoch ||
		c->vintf[vcmdq->vintf].epoch != vcmdq->atc_vintf_epoch);
}

/* Late: the queue in question executes no CMD_SYNC that could tell */
static void raise_late(struct cmdqv *c, unsigned int q)
{
	struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];

	if (is_foreign(c, q))
		cmdqv_violate(c, CMDQV_V_ATC_TIMEOUT_FOREIGN, vcmdq->vintf, q,
			      0);
	vcmdq->atc_owed = false;
	cmdqv_error_command(c, q, CMDQV_CERROR_ATC_INV_SYNC);
}

/**
 * cmdqv_atc_flush - a CMD_SYNC has been executed somewhere
 *
 * Disabled queues are told now. One that is enabled has its own CMD_SYNC to
 * come (assumption: it isn't interrupted by those of others).
 */
void cmdqv_atc_flush(struct cmdqv *c)
{
	for (unsigned int q = 0; q < c->num_vcmdqs; q++)
		if (c->vcmdq[q].atc_owed && !c->vcmdq[q].sw.is)
			raise_late(c, q);
}

/**
 * cmdqv_atc_sync - queue @q is about to execute a CMD_SYNC
 *
 * Return: false if the CMD_SYNC fails, for an ATC_INV of this queue timed out;
 * that is settled then, so the CMD_SYNC succeeds when it is run again
 */
bool cmdqv_atc_sync(struct cmdqv *c, unsigned int q)
{
	struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];
	bool timed_out = vcmdq->atc_owed;

	if (timed_out && is_foreign(c, q))
		cmdqv_violate(c, CMDQV_V_ATC_TIMEOUT_FOREIGN, vcmdq->vintf, q,
			      0);
	vcmdq->atc_owed = false;
	cmdqv_atc_flush(c);
	return !timed_out;
}

/** cmdqv_atc_enabled - queue @q runs (again): it hears what is still owed */
void cmdqv_atc_enabled(struct cmdqv *c, unsigned int q)
{
	if (c->vcmdq[q].atc_owed)
		raise_late(c, q);
}

/** cmdqv_atc_next - when a time-out of a disabled queue comes by itself */
uint64_t cmdqv_atc_next(const struct cmdqv *c, unsigned int q)
{
	const struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];

	if (!vcmdq->atc_owed || vcmdq->sw.is || !c->fault.atc_late_ns)
		return CMDQV_NEVER;
	return vcmdq->atc_time + c->fault.atc_late_ns;
}

void cmdqv_atc_poll(struct cmdqv *c, unsigned int q, uint64_t now)
{
	if (now >= cmdqv_atc_next(c, q))
		raise_late(c, q);
}
