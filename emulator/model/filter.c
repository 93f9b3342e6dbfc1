// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * §8, §9: what a virtual machine's command may be, and whom it may name
 *
 * A queue of the host (HYP_OWN=1) is handed over unchanged. From a machine's
 * queue comes nothing that names a VMID or a StreamID of the machine's choice:
 * the VMID is the VINTF's, the StreamID is looked up in its slots.
 */
#include "unit.h"

static struct cmdqv_verdict refuse(enum cmdqv_refusal reason,
				   enum cmdqv_cerror error)
{
	return (struct cmdqv_verdict){ .error = error, .reason = reason };
}

static struct cmdqv_verdict pass(uint64_t word0, uint64_t word1)
{
	return (struct cmdqv_verdict){ .error = CMDQV_CERROR_NONE,
				       .final = { word0, word1 } };
}

/* Whatever the machine has put there: it is replaced, not checked */
static struct cmdqv_verdict filter_tlbi(const struct cmdqv_vintf *vintf,
					const uint64_t cmd[2])
{
	return pass((cmd[0] & ~SMMU_TLBI_VMID) |
		    (uint64_t)vintf->vmid << SMMU_TLBI_VMID_SHIFT, cmd[1]);
}

/*
 * Assumptions: all 32 bits of the StreamID are compared, so one that is too
 * wide for a slot matches none; of two slots that match the lower one counts;
 * no match is an illegal access.
 */
static struct cmdqv_verdict filter_atc_inv(const struct cmdqv *c,
					   const struct cmdqv_vintf *vintf,
					   const uint64_t cmd[2])
{
	uint64_t sid = cmd[0] >> SMMU_ATC_SID_SHIFT;

	if (cmd[0] & SMMU_ATC_SSEC)
		return refuse(CMDQV_R_SECURE, CMDQV_CERROR_ILL);
	for (unsigned int s = 0; s < c->num_sids; s++) {
		if (!(vintf->sid_match[s] & CMDQV_SID_MATCH_EN) ||
		    vintf->sid_match[s] >> CMDQV_SID_MATCH_SHIFT != sid)
			continue;
		return pass((cmd[0] & ~SMMU_ATC_SID) |
			    (uint64_t)vintf->sid_replace[s] <<
			    SMMU_ATC_SID_SHIFT, cmd[1]);
	}
	return refuse(CMDQV_R_SID, CMDQV_CERROR_ILL_ACCESS);
}

/*
 * Assumption: completion by MSI would write where the machine wants it to, so
 * that CMD_SYNC is illegal. SEV is taken as no signal at all. What is handed
 * over has no field of the machine's left.
 */
static struct cmdqv_verdict filter_sync(const uint64_t cmd[2])
{
	uint64_t cs = cmd[0] >> SMMU_SYNC_CS_SHIFT & SMMU_SYNC_CS;

	if (cs != SMMU_SYNC_CS_NONE && cs != SMMU_SYNC_CS_SEV)
		return refuse(CMDQV_R_SYNC_CS, CMDQV_CERROR_ILL);
	return pass(SMMU_OP_CMD_SYNC, 0);
}

/**
 * cmdqv_filter - may this command from a queue of VINTF @v be executed, and as
 * what?
 */
struct cmdqv_verdict cmdqv_filter(const struct cmdqv *c, unsigned int v,
				  const uint64_t cmd[2])
{
	const struct cmdqv_vintf *vintf = &c->vintf[v];

	if (vintf->hyp_own)
		return pass(cmd[0], cmd[1]);
	switch (cmd[0] & SMMU_CMD_OP) {
	case SMMU_OP_TLBI_NH_ASID:
	case SMMU_OP_TLBI_NH_VA:
		return filter_tlbi(vintf, cmd);
	case SMMU_OP_ATC_INV:
		return filter_atc_inv(c, vintf, cmd);
	case SMMU_OP_CMD_SYNC:
		return filter_sync(cmd);
	default:
		/* NH_ALL, NH_VAA, CFGI_*, S12, S2, EL2, PRI, RESUME, PREFETCH */
		return refuse(CMDQV_R_OPCODE, CMDQV_CERROR_ILL);
	}
}
