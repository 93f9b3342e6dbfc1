// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * §2: the address map
 *
 * The direct and the logical apertures are two ways to the same registers. The
 * logical one passes CMDQ_ALLOC_MAP; what leads to no VCMDQ reads as 0 and is
 * dropped, without any fault (§7).
 */
#include "unit.h"

struct place {
	enum cmdqv_aperture aperture;
	unsigned int vintf;		/* logical apertures */
	unsigned int queue;		/* VCMDQ, CMDQV_NONE: leads to none */
	uint32_t reg;			/* in the page, or of the queue */
};

uint64_t cmdqv_mem_size(const struct cmdqv *c)
{
	return CMDQV_LOGICAL_BASE +
	       (uint64_t)c->num_vintfs * CMDQV_LOGICAL_STRIDE;
}

static struct place decode(const struct cmdqv *c, uint64_t offset)
{
	struct place p = { .vintf = CMDQV_NONE, .queue = CMDQV_NONE };
	uint32_t in_page = (uint32_t)(offset % CMDQV_PAGE_SIZE);
	uint32_t index = in_page / CMDQV_QUEUE_STRIDE;
	uint64_t page = offset / CMDQV_PAGE_SIZE;

	if (page == 0) {
		p.aperture = CMDQV_AP_CONFIG;
		p.reg = in_page;
		return p;
	}
	p.reg = in_page % CMDQV_QUEUE_STRIDE;
	if (page <= 2) {
		p.aperture = page == 1 ? CMDQV_AP_DIRECT0 : CMDQV_AP_DIRECT1;
		if (index < c->num_vcmdqs)
			p.queue = index;
		return p;
	}
	p.aperture = page & 1 ? CMDQV_AP_LOGICAL0 : CMDQV_AP_LOGICAL1;
	p.vintf = (unsigned int)(page - 3) / 2;
	if (index < CMDQV_MAX_VCMDQS &&
	    c->vintf[p.vintf].lmap[index] != CMDQV_LMAP_NONE)
		p.queue = c->vintf[p.vintf].lmap[index];
	return p;
}

static bool acceptable(struct cmdqv *c, uint64_t offset, unsigned int size)
{
	if ((size == 4 || size == 8) && offset % size == 0 &&
	    offset < cmdqv_mem_size(c))
		return true;
	c->counters.rejected++;
	return false;
}

static bool is_vintf_reg(const struct cmdqv *c, uint32_t reg)
{
	return reg >= CMDQV_REG_VINTF &&
	       reg < CMDQV_REG_VINTF + c->num_vintfs * CMDQV_VINTF_STRIDE;
}

static uint32_t read32(struct cmdqv *c, const struct place *p)
{
	uint32_t value;

	if (cmdqv_fault_read(c, &value))
		return value;
	switch (p->aperture) {
	case CMDQV_AP_CONFIG:
		if (is_vintf_reg(c, p->reg))
			return cmdqv_vintf_read(c,
				(p->reg - CMDQV_REG_VINTF) / CMDQV_VINTF_STRIDE,
				p->reg % CMDQV_VINTF_STRIDE);
		return p->reg < CMDQV_REG_VINTF ?
		       cmdqv_global_read(c, p->reg) : 0;
	case CMDQV_AP_DIRECT0:
	case CMDQV_AP_LOGICAL0:
		return p->queue == CMDQV_NONE ? 0 :
		       cmdqv_vcmdq_read0(c, p->queue, p->reg);
	default:
		return p->queue == CMDQV_NONE ? 0 :
		       cmdqv_vcmdq_read1(c, p->queue, p->reg);
	}
}

static bool write32(struct cmdqv *c, const struct place *p, uint32_t value)
{
	if (c->fault.drop_writes || c->fault.lost)
		return false;
	switch (p->aperture) {
	case CMDQV_AP_CONFIG:
		if (is_vintf_reg(c, p->reg))
			return cmdqv_vintf_write(c,
				(p->reg - CMDQV_REG_VINTF) / CMDQV_VINTF_STRIDE,
				p->reg % CMDQV_VINTF_STRIDE, value);
		return p->reg < CMDQV_REG_VINTF &&
		       cmdqv_global_write(c, p->reg, value);
	case CMDQV_AP_DIRECT0:
	case CMDQV_AP_LOGICAL0:
		return p->queue != CMDQV_NONE &&
		       cmdqv_vcmdq_write0(c, p->queue, p->reg, value);
	default:
		return p->queue != CMDQV_NONE &&
		       cmdqv_vcmdq_write1(c, p->queue, p->reg, value);
	}
}

static bool is_logical(const struct place *p)
{
	return p->aperture == CMDQV_AP_LOGICAL0 ||
	       p->aperture == CMDQV_AP_LOGICAL1;
}

bool cmdqv_read(struct cmdqv *c, uint64_t offset, unsigned int size,
		uint64_t *value)
{
	struct place p;

	*value = 0;
	if (!acceptable(c, offset, size))
		return false;
	cmdqv_catch_up(c);
	p = decode(c, offset);
	c->counters.reads[p.aperture]++;
	if (p.aperture == CMDQV_AP_LOGICAL0)
		c->counters.vintf_reads[p.vintf]++;
	if (is_logical(&p) && p.queue == CMDQV_NONE)
		c->counters.dropped++;
	*value = read32(c, &p);
	if (size == 8) {
		p.reg += 4;
		*value |= (uint64_t)read32(c, &p) << 32;
	}
	return true;
}

bool cmdqv_write(struct cmdqv *c, uint64_t offset, unsigned int size,
		 uint64_t value)
{
	struct place p;
	bool taken;

	if (!acceptable(c, offset, size))
		return false;
	cmdqv_catch_up(c);
	p = decode(c, offset);
	c->counters.writes[p.aperture]++;
	if (p.aperture == CMDQV_AP_LOGICAL0)
		c->counters.vintf_writes[p.vintf]++;
	if (is_logical(&p) && p.queue == CMDQV_NONE) {
		c->counters.dropped++;
		return true;
	}
	taken = write32(c, &p, (uint32_t)value);
	if (size == 8) {
		p.reg += 4;
		taken |= write32(c, &p, (uint32_t)(value >> 32));
	}
	if (!taken)
		c->counters.ignored++;
	return true;
}
