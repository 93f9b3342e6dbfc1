// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Is the model consistent with itself, and does its log show no command that
 * hardware must not let pass? (isolation.rst, I1 to I4 and I7)
 *
 * The log is judged from the commands as fetched and as handed over, not by
 * asking the filter again.
 */
#include "unit.h"

/* A machine's command: only who it is about may differ, and as it has to */
static const char *check_guest_command(const struct cmdqv_log_entry *e)
{
	uint64_t changed = e->original[0] ^ e->final[0];

	switch (e->final[0] & SMMU_CMD_OP) {
	case SMMU_OP_TLBI_NH_ASID:
	case SMMU_OP_TLBI_NH_VA:
		if ((e->final[0] & SMMU_TLBI_VMID) >> SMMU_TLBI_VMID_SHIFT !=
		    e->origin.vmid)
			return "I2: TLBI with a VMID not its VINTF's";
		if (changed & ~SMMU_TLBI_VMID || e->original[1] != e->final[1])
			return "TLBI: more than the VMID was changed";
		return NULL;
	case SMMU_OP_ATC_INV:
		if (e->final[0] >> SMMU_ATC_SID_SHIFT > CMDQV_SID_MASK)
			return "I3: ATC_INV with a StreamID of no slot";
		if (changed & ~SMMU_ATC_SID || e->original[1] != e->final[1])
			return "ATC_INV: more than the StreamID was changed";
		return NULL;
	case SMMU_OP_CMD_SYNC:
		if (e->final[0] != SMMU_OP_CMD_SYNC || e->final[1])
			return "CMD_SYNC with fields of a machine's choice";
		return NULL;
	default:
		return "I1: opcode not for a machine's queue";
	}
}

static const char *check_log(const struct cmdqv *c)
{
	struct cmdqv_log_entry e;
	uint64_t seq = c->log_head < c->config.log_entries ? 1 :
		       c->log_head - c->config.log_entries + 1;

	for (; seq <= c->log_head; seq++) {
		const char *what;

		if (!cmdqv_log_get(c, seq, &e))
			continue;
		if (e.seq != seq)
			return "log: sequence number has a gap";
		if (e.kind != CMDQV_LOG_EXECUTED)
			continue;
		if (e.result)
			return "log: executed with an error";
		if (e.origin.vintf >= c->num_vintfs ||
		    e.origin.vcmdq >= c->num_vcmdqs)
			return "I4: command from nobody's queue";
		if (e.origin.hyp_own) {
			if (!c->config.hyp_wired)
				return "I1: HYP_OWN although wired to 0";
			if (e.original[0] != e.final[0] ||
			    e.original[1] != e.final[1])
				return "host's command was changed";
			continue;
		}
		what = check_guest_command(&e);
		if (what)
			return what;
	}
	return NULL;
}

static const char *check_switch(const struct cmdqv *c,
				const struct cmdqv_switch *sw)
{
	if (sw->timed && sw->want == sw->is)
		return "handshake: under way to where it is";
	if (cmdqv_switch_next(sw) < c->wakeup)
		return "handshake: forgotten";
	return NULL;
}

static const char *check_vcmdq(const struct cmdqv *c, unsigned int q)
{
	const struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];
	bool active = cmdqv_error_active(vcmdq);

	if (vcmdq->prod & ~CMDQV_PROD_WR ||
	    vcmdq->cons & ~(CMDQV_CONS_RD | CMDQV_CONS_ERR) ||
	    (vcmdq->gerror | vcmdq->gerrorn) & ~CMDQV_GERROR_MASK ||
	    vcmdq->base & ~(CMDQV_BASE_ADDR | CMDQV_BASE_LOG2SIZE))
		return "VCMDQ: reserved bits set";
	if (vcmdq->sw.is && !cmdqv_vcmdq_base_valid(c, q))
		return "I5: VCMDQ enabled with a bad BASE";
	if (vcmdq->sw.is && (vcmdq->cons & CMDQV_CONS_RD) >=
			    2u << (vcmdq->base & CMDQV_BASE_LOG2SIZE))
		return "VCMDQ: CONS beyond the size";
	if (vcmdq->orphan && vcmdq->allocated)
		return "I4: VCMDQ mapped and orphaned";
	if (vcmdq->orphan && !vcmdq->sw.is && !vcmdq->sw.timed)
		return "I7: disabled VCMDQ remembers its VINTF";
	if (vcmdq->reported != (cmdqv_mapped(c, q) && active))
		return "VCMDQ: error map bit out of step";
	if (cmdqv_queue_runnable(c, q) && !vcmdq->step_pending)
		return "VCMDQ: work forgotten";
	if (vcmdq->step_pending && vcmdq->step_due < c->wakeup)
		return "VCMDQ: step forgotten";
	if (cmdqv_atc_next(c, q) < c->wakeup)
		return "I7: late ATC timeout forgotten";
	return check_switch(c, &vcmdq->sw);
}

static const char *check_lmap(const struct cmdqv *c, unsigned int v)
{
	for (unsigned int l = 0; l < CMDQV_MAX_VCMDQS; l++) {
		unsigned int want = CMDQV_LMAP_NONE;

		for (unsigned int q = c->num_vcmdqs; q-- > 0;)
			if (cmdqv_mapped(c, q) && c->vcmdq[q].vintf == v &&
			    c->vcmdq[q].lvcmdq == l)
				want = q;
		if (c->vintf[v].lmap[l] != want)
			return "I4: logical aperture leads elsewhere than ALLOC_MAP";
	}
	return NULL;
}

const char *cmdqv_check(const struct cmdqv *c)
{
	const char *what = check_switch(c, &c->sw);

	if (c->bad_fetches)
		return "I5: fetch outside BASE and size";
	for (unsigned int v = 0; !what && v < c->num_vintfs; v++) {
		if (c->vintf[v].hyp_own && !c->config.hyp_wired)
			return "I1: HYP_OWN although wired to 0";
		what = check_switch(c, &c->vintf[v].sw);
		if (!what)
			what = check_lmap(c, v);
	}
	for (unsigned int q = 0; !what && q < c->num_vcmdqs; q++)
		what = check_vcmdq(c, q);
	return what ? what : check_log(c);
}
