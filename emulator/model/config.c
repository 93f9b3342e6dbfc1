// SPDX-License-Identifier: GPL-2.0-or-later
/* §3: the global registers of the configuration page */
#include "unit.h"

static uint32_t param(const struct cmdqv *c)
{
	if (c->fault.param)
		return (uint32_t)c->fault.param;
	return CMDQV_PARAM_NUM_SID_LOG2(c->config.log2_sids) |
	       CMDQV_PARAM_NUM_VINTF_LOG2(c->config.log2_vintfs) |
	       CMDQV_PARAM_NUM_VCMDQ_LOG2(c->config.log2_vcmdqs) |
	       c->config.ver;
}

static bool is_alloc_map(const struct cmdqv *c, uint32_t reg)
{
	return reg >= CMDQV_REG_CMDQ_ALLOC_MAP &&
	       reg < CMDQV_REG_CMDQ_ALLOC_MAP + 4 * c->num_vcmdqs;
}

/** cmdqv_global_read - @reg below 0x1000; holes read as 0 */
uint32_t cmdqv_global_read(const struct cmdqv *c, uint32_t reg)
{
	if (is_alloc_map(c, reg))
		return cmdqv_alloc_read(c,
					(reg - CMDQV_REG_CMDQ_ALLOC_MAP) / 4);
	if (reg >= CMDQV_REG_CMDQ_ERR_MAP && reg < CMDQV_REG_CMDQ_ERR_MAP + 16)
		return cmdqv_error_cmdq_map(c,
					    (reg - CMDQV_REG_CMDQ_ERR_MAP) / 4);
	switch (reg) {
	case CMDQV_REG_CONFIG:
		return c->config_reg | (c->sw.want ? CMDQV_CONFIG_EN : 0);
	case CMDQV_REG_PARAM:
		return param(c);
	case CMDQV_REG_STATUS:
		return c->sw.is;
	case CMDQV_REG_VINTF_ERR_MAP_LO:
		return (uint32_t)cmdqv_error_vintf_map(c);
	case CMDQV_REG_VINTF_ERR_MAP_HI:
		return (uint32_t)(cmdqv_error_vintf_map(c) >> 32);
	case CMDQV_REG_VINTF_INT_MASK_LO:
		return (uint32_t)c->vintf_int_mask;
	case CMDQV_REG_VINTF_INT_MASK_HI:
		return (uint32_t)(c->vintf_int_mask >> 32);
	default:
		return 0;
	}
}

/** cmdqv_vintfs - a bit for each VINTF that there is */
uint64_t cmdqv_vintfs(const struct cmdqv *c)
{
	return c->num_vintfs == 64 ? UINT64_MAX : (1ull << c->num_vintfs) - 1;
}

/*
 * Assumption: unmasking raises no edge for errors that came while masked.
 * "Does not re-assert for a pending map bit" (§10) allows that, and it is what
 * a driver that unmasks without looking at the map would miss.
 */
static void write_int_mask(struct cmdqv *c, unsigned int shift, uint32_t value)
{
	c->vintf_int_mask &= ~(0xffffffffull << shift);
	c->vintf_int_mask |= ((uint64_t)value << shift) & cmdqv_vintfs(c);
}

/** cmdqv_global_write - returns false if nothing is there to be written */
bool cmdqv_global_write(struct cmdqv *c, uint32_t reg, uint32_t value)
{
	if (is_alloc_map(c, reg)) {
		cmdqv_alloc_write(c, (reg - CMDQV_REG_CMDQ_ALLOC_MAP) / 4,
				  value);
		return true;
	}
	switch (reg) {
	case CMDQV_REG_CONFIG:
		c->config_reg = value & CMDQV_CONFIG_MASK & ~CMDQV_CONFIG_EN;
		cmdqv_switch_write(c, &c->sw, value & CMDQV_CONFIG_EN);
		cmdqv_global_poll(c, cmdqv_now(c));
		return true;
	case CMDQV_REG_VINTF_INT_MASK_LO:
		write_int_mask(c, 0, value);
		return true;
	case CMDQV_REG_VINTF_INT_MASK_HI:
		write_int_mask(c, 32, value);
		return true;
	default:
		return false;
	}
}

/**
 * cmdqv_global_poll - CMDQV_EN takes effect
 *
 * With EN=0 nothing runs, and nothing is forgotten (§12).
 */
void cmdqv_global_poll(struct cmdqv *c, uint64_t now)
{
	if (!cmdqv_switch_poll(&c->sw, now) || !c->sw.is)
		return;
	for (unsigned int q = 0; q < c->num_vcmdqs; q++)
		cmdqv_queue_kick(c, q);
}
