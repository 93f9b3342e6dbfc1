// SPDX-License-Identifier: GPL-2.0-or-later
/* Counters, the log of commands and violations, and reading the state */
#include <string.h>

#include "unit.h"

const struct cmdqv_counters *cmdqv_counters(const struct cmdqv *c)
{
	return &c->counters;
}

void cmdqv_clear(struct cmdqv *c)
{
	memset(&c->counters, 0, sizeof(c->counters));
	c->log_first = c->log_head + 1;
}

/** cmdqv_log_new - the next entry of the ring, empty but for number and time */
struct cmdqv_log_entry *cmdqv_log_new(struct cmdqv *c,
				      enum cmdqv_log_kind kind)
{
	uint64_t seq = ++c->log_head;
	struct cmdqv_log_entry *entry = &c->log[seq % c->config.log_entries];

	*entry = (struct cmdqv_log_entry){
		.seq = seq,
		.time_ns = cmdqv_now(c),
		.kind = kind,
	};
	return entry;
}

/**
 * cmdqv_violate - software broke a rule of the hardware: count it, log it
 * @v, @q: VINTF and VCMDQ it is about, CMDQV_NONE if about none
 * @value: what was written
 */
void cmdqv_violate(struct cmdqv *c, enum cmdqv_violation what, unsigned int v,
		   unsigned int q, uint64_t value)
{
	struct cmdqv_log_entry *entry = cmdqv_log_new(c, CMDQV_LOG_VIOLATION);

	c->counters.violations[what]++;
	entry->violation = what;
	entry->original[0] = value;
	entry->origin = (struct cmdqv_origin){
		.vintf = (uint16_t)v,
		.vcmdq = (uint16_t)q,
		.lvcmdq = CMDQV_NONE,
	};
	if (q != CMDQV_NONE)
		entry->origin.lvcmdq = (uint16_t)cmdqv_identity(c, q).lvcmdq;
	if (v < c->num_vintfs) {
		entry->origin.hyp_own = c->vintf[v].hyp_own;
		entry->origin.vmid = c->vintf[v].vmid;
	}
}

uint64_t cmdqv_log_head(const struct cmdqv *c)
{
	return c->log_head;
}

bool cmdqv_log_get(const struct cmdqv *c, uint64_t seq,
		   struct cmdqv_log_entry *entry)
{
	if (seq < c->log_first || seq > c->log_head ||
	    c->log_head - seq >= c->config.log_entries)
		return false;
	*entry = c->log[seq % c->config.log_entries];
	return true;
}

static const char *const violation_names[CMDQV_VIOLATIONS] = {
	[CMDQV_V_MAP_ORDER] = "map_order",
	[CMDQV_V_UNMAP_ORDER] = "unmap_order",
	[CMDQV_V_MAP_DUPLICATE] = "map_duplicate",
	[CMDQV_V_MAP_RANGE] = "map_range",
	[CMDQV_V_REMAP_ALLOCATED] = "remap_allocated",
	[CMDQV_V_UNMAP_ENABLED] = "unmap_enabled",
	[CMDQV_V_MAP_ENABLED] = "map_enabled",
	[CMDQV_V_ENABLE_UNMAPPED] = "enable_unmapped",
	[CMDQV_V_ENABLE_BAD_BASE] = "enable_bad_base",
	[CMDQV_V_BASE_ENABLED] = "base_enabled",
	[CMDQV_V_VINTF_CHANGED_ENABLED] = "vintf_changed_enabled",
	[CMDQV_V_VINTF_DISABLED_BUSY] = "vintf_disabled_busy",
	[CMDQV_V_SID_MATCH_ORDER] = "sid_match_order",
	[CMDQV_V_SID_DUPLICATE] = "sid_duplicate",
	[CMDQV_V_ATC_TIMEOUT_FOREIGN] = "atc_timeout_foreign",
	[CMDQV_V_STALE_ERROR] = "stale_error",
	[CMDQV_V_PROD_OVERRUN] = "prod_overrun",
};

static const char *const refusal_names[CMDQV_REFUSALS] = {
	[CMDQV_R_OPCODE] = "opcode",
	[CMDQV_R_SECURE] = "secure",
	[CMDQV_R_SYNC_CS] = "sync_cs",
	[CMDQV_R_SID] = "sid",
	[CMDQV_R_SMMU] = "smmu",
	[CMDQV_R_FETCH] = "fetch",
	[CMDQV_R_ATC_TIMEOUT] = "atc_timeout",
};

static const char *const aperture_names[CMDQV_APERTURES] = {
	[CMDQV_AP_CONFIG] = "config",
	[CMDQV_AP_DIRECT0] = "direct0",
	[CMDQV_AP_DIRECT1] = "direct1",
	[CMDQV_AP_LOGICAL0] = "logical0",
	[CMDQV_AP_LOGICAL1] = "logical1",
};

const char *cmdqv_violation_name(enum cmdqv_violation v)
{
	return (unsigned int)v < CMDQV_VIOLATIONS ? violation_names[v] : "?";
}

const char *cmdqv_refusal_name(enum cmdqv_refusal r)
{
	return (unsigned int)r < CMDQV_REFUSALS ? refusal_names[r] : "?";
}

const char *cmdqv_aperture_name(enum cmdqv_aperture a)
{
	return (unsigned int)a < CMDQV_APERTURES ? aperture_names[a] : "?";
}

/* SMMUv3 architecture, §4 */
const char *cmdqv_opcode_name(unsigned int opcode)
{
	switch (opcode) {
	case 0x01: return "PREFETCH_CONFIG";
	case 0x02: return "PREFETCH_ADDR";
	case 0x03: return "CFGI_STE";
	case 0x04: return "CFGI_ALL";
	case 0x05: return "CFGI_CD";
	case 0x06: return "CFGI_CD_ALL";
	case 0x07: return "CFGI_VMS_PIDM";
	case 0x10: return "TLBI_NH_ALL";
	case 0x11: return "TLBI_NH_ASID";
	case 0x12: return "TLBI_NH_VA";
	case 0x13: return "TLBI_NH_VAA";
	case 0x18: return "TLBI_EL3_ALL";
	case 0x1a: return "TLBI_EL3_VA";
	case 0x20: return "TLBI_EL2_ALL";
	case 0x21: return "TLBI_EL2_ASID";
	case 0x22: return "TLBI_EL2_VA";
	case 0x23: return "TLBI_EL2_VAA";
	case 0x28: return "TLBI_S12_VMALL";
	case 0x2a: return "TLBI_S2_IPA";
	case 0x30: return "TLBI_NSNH_ALL";
	case 0x40: return "ATC_INV";
	case 0x41: return "PRI_RESP";
	case 0x44: return "RESUME";
	case 0x45: return "STALL_TERM";
	case 0x46: return "CMD_SYNC";
	default: return "?";
	}
}

void cmdqv_get_state(const struct cmdqv *c, struct cmdqv_state *state)
{
	*state = (struct cmdqv_state){
		.config_en = c->sw.want,
		.enabled = c->sw.is,
		.config = c->config_reg | (c->sw.want ? CMDQV_CONFIG_EN : 0),
		.num_vintfs = c->num_vintfs,
		.num_vcmdqs = c->num_vcmdqs,
		.num_sids = c->num_sids,
		.vintf_err_map = cmdqv_error_vintf_map(c),
		.vintf_int_mask = c->vintf_int_mask,
	};
	for (unsigned int word = 0; word < 4; word++)
		state->cmdq_err_map[word] = cmdqv_error_cmdq_map(c, word);
}

bool cmdqv_get_vintf(const struct cmdqv *c, unsigned int v,
		     struct cmdqv_vintf_state *state)
{
	const struct cmdqv_vintf *vintf = &c->vintf[v];

	if (v >= c->num_vintfs)
		return false;
	*state = (struct cmdqv_vintf_state){
		.config_en = vintf->sw.want,
		.enabled = vintf->sw.is,
		.hyp_own = vintf->hyp_own,
		.vmid = vintf->vmid,
		.num_lvcmdqs = cmdqv_vintf_num_lvcmdqs(c, v),
	};
	for (unsigned int word = 0; word < 4; word++)
		state->err_map[word / 2] |=
			(uint64_t)cmdqv_error_lvcmdq_map(c, v, word)
			<< 32 * (word % 2);
	for (unsigned int s = 0; s < c->num_sids; s++)
		state->sid[s] = (struct cmdqv_sid_state){
			.enabled = vintf->sid_match[s] & CMDQV_SID_MATCH_EN,
			.virt_sid = vintf->sid_match[s] >>
				    CMDQV_SID_MATCH_SHIFT,
			.phys_sid = vintf->sid_replace[s],
		};
	return true;
}

bool cmdqv_get_vcmdq(const struct cmdqv *c, unsigned int q,
		     struct cmdqv_vcmdq_state *state)
{
	const struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];

	if (q >= c->num_vcmdqs)
		return false;
	*state = (struct cmdqv_vcmdq_state){
		.allocated = vcmdq->allocated,
		.vintf = vcmdq->vintf,
		.lvcmdq = vcmdq->lvcmdq,
		.config_en = vcmdq->sw.want,
		.enabled = vcmdq->sw.is,
		.orphan = vcmdq->orphan,
		.atc_owed = vcmdq->atc_owed,
		.prod = vcmdq->prod,
		.cons = vcmdq->cons,
		.gerror = vcmdq->gerror,
		.gerrorn = vcmdq->gerrorn,
		.base = vcmdq->base,
		.cons_indx_base = vcmdq->cons_indx_base,
	};
	return true;
}
