// SPDX-License-Identifier: GPL-2.0-or-later
/* §4: a virtual interface: whose commands these are, and what they may name */
#include "unit.h"

static bool sid_slot(const struct cmdqv *c, uint32_t reg, uint32_t first,
		     unsigned int *slot)
{
	if (reg < first || reg >= first + 4 * c->num_sids)
		return false;
	*slot = (reg - first) / 4;
	return true;
}

/* VI_NUM_LVCMDQ: VCMDQs allocated to the VINTF */
unsigned int cmdqv_vintf_num_lvcmdqs(const struct cmdqv *c, unsigned int v)
{
	unsigned int n = 0;

	for (unsigned int q = 0; q < c->num_vcmdqs; q++)
		n += cmdqv_mapped(c, q) && c->vcmdq[q].vintf == v;
	return n;
}

static uint32_t status(const struct cmdqv *c, unsigned int v)
{
	uint32_t value = c->vintf[v].sw.is ? CMDQV_VINTF_STATUS_OK : 0;

	for (unsigned int word = 0; word < 4; word++)
		if (cmdqv_error_lvcmdq_map(c, v, word))
			value |= CMDQV_VINTF_STATUS_ERROR;
	return value | (uint32_t)cmdqv_vintf_num_lvcmdqs(c, v)
		       << CMDQV_VINTF_STATUS_NUM_SHIFT;
}

/** cmdqv_vintf_read - @reg below 0x100; GLB_FILT_* and holes read as 0 */
uint32_t cmdqv_vintf_read(const struct cmdqv *c, unsigned int v, uint32_t reg)
{
	const struct cmdqv_vintf *vintf = &c->vintf[v];
	unsigned int slot;

	if (sid_slot(c, reg, CMDQV_VINTF_SID_MATCH, &slot))
		return vintf->sid_match[slot];
	if (sid_slot(c, reg, CMDQV_VINTF_SID_REPLACE, &slot))
		return vintf->sid_replace[slot];
	if (reg >= CMDQV_VINTF_LVCMDQ_ERR_MAP &&
	    reg < CMDQV_VINTF_LVCMDQ_ERR_MAP + 16)
		return cmdqv_error_lvcmdq_map(c, v,
				(reg - CMDQV_VINTF_LVCMDQ_ERR_MAP) / 4);
	switch (reg) {
	case CMDQV_VINTF_CONFIG:
		return (vintf->sw.want ? CMDQV_VINTF_EN : 0) |
		       (uint32_t)vintf->vmid << CMDQV_VINTF_VMID_SHIFT |
		       (vintf->hyp_own ? CMDQV_VINTF_HYP_OWN : 0);
	case CMDQV_VINTF_STATUS:
		return status(c, v);
	default:
		return 0;
	}
}

static bool has_enabled_queue(const struct cmdqv *c, unsigned int v)
{
	for (unsigned int q = 0; q < c->num_vcmdqs; q++) {
		const struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];

		if (cmdqv_identity(c, q).vintf == v &&
		    (vcmdq->sw.is || vcmdq->sw.timed))
			return true;
	}
	return false;
}

static void write_config(struct cmdqv *c, unsigned int v, uint32_t value)
{
	struct cmdqv_vintf *vintf = &c->vintf[v];
	bool en = value & CMDQV_VINTF_EN;
	bool hyp_own = (value & CMDQV_VINTF_HYP_OWN) && c->config.hyp_wired;
	uint16_t vmid = (uint16_t)(value >> CMDQV_VINTF_VMID_SHIFT);

	/*
	 * Assumption: a change takes effect at once even while enabled. The
	 * write that disables may change the rest: it is no longer of use.
	 */
	if ((vintf->sw.want || vintf->sw.is) && en &&
	    (hyp_own != vintf->hyp_own || vmid != vintf->vmid))
		cmdqv_violate(c, CMDQV_V_VINTF_CHANGED_ENABLED, v, CMDQV_NONE,
			      value);
	if (vintf->sw.want && !en && has_enabled_queue(c, v))
		cmdqv_violate(c, CMDQV_V_VINTF_DISABLED_BUSY, v, CMDQV_NONE,
			      value);
	vintf->hyp_own = hyp_own;
	vintf->vmid = vmid;
	cmdqv_switch_write(c, &vintf->sw, en);
	cmdqv_vintf_poll(c, v, cmdqv_now(c));
}

static void write_sid_match(struct cmdqv *c, unsigned int v, unsigned int slot,
			    uint32_t value)
{
	struct cmdqv_vintf *vintf = &c->vintf[v];

	value &= CMDQV_SID_MASK << CMDQV_SID_MATCH_SHIFT | CMDQV_SID_MATCH_EN;
	for (unsigned int s = 0; s < c->num_sids; s++)
		if (s != slot && (value & CMDQV_SID_MATCH_EN) &&
		    vintf->sid_match[s] == value)
			cmdqv_violate(c, CMDQV_V_SID_DUPLICATE, v, CMDQV_NONE,
				      value);
	vintf->sid_match[slot] = value;
}

static void write_sid_replace(struct cmdqv *c, unsigned int v,
			      unsigned int slot, uint32_t value)
{
	struct cmdqv_vintf *vintf = &c->vintf[v];

	value &= CMDQV_SID_MASK;
	/* A command in between would reach a device of nobody's choice (§9) */
	if ((vintf->sid_match[slot] & CMDQV_SID_MATCH_EN) &&
	    vintf->sid_replace[slot] != value)
		cmdqv_violate(c, CMDQV_V_SID_MATCH_ORDER, v, CMDQV_NONE, value);
	vintf->sid_replace[slot] = value;
}

/** cmdqv_vintf_write - returns false if nothing is there to be written */
bool cmdqv_vintf_write(struct cmdqv *c, unsigned int v, uint32_t reg,
		       uint32_t value)
{
	unsigned int slot;

	if (sid_slot(c, reg, CMDQV_VINTF_SID_MATCH, &slot)) {
		write_sid_match(c, v, slot, value);
		return true;
	}
	if (sid_slot(c, reg, CMDQV_VINTF_SID_REPLACE, &slot)) {
		write_sid_replace(c, v, slot, value);
		return true;
	}
	if (reg != CMDQV_VINTF_CONFIG)
		return false;
	write_config(c, v, value);
	return true;
}

/**
 * cmdqv_vintf_poll - ENABLE takes effect
 *
 * A VINTF that gets enabled counts as one with a new owner.
 */
void cmdqv_vintf_poll(struct cmdqv *c, unsigned int v, uint64_t now)
{
	struct cmdqv_vintf *vintf = &c->vintf[v];

	if (!cmdqv_switch_poll(&vintf->sw, now) || !vintf->sw.is)
		return;
	vintf->epoch++;
	for (unsigned int q = 0; q < c->num_vcmdqs; q++)
		if (cmdqv_identity(c, q).vintf == v)
			cmdqv_queue_kick(c, q);
}
