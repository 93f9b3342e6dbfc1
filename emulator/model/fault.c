// SPDX-License-Identifier: GPL-2.0-or-later
/* Faults that a test injects */
#include "unit.h"

static uint64_t clamp(uint64_t delay)
{
	return delay < CMDQV_MAX_DELAY ? delay : CMDQV_MAX_DELAY;
}

static void set_stuck(struct cmdqv_switch *sw, enum cmdqv_fault fault,
		      bool stuck)
{
	switch (fault) {
	case CMDQV_FAULT_STUCK_ENABLE_CMDQV:
	case CMDQV_FAULT_STUCK_ENABLE_VINTF:
	case CMDQV_FAULT_STUCK_ENABLE_VCMDQ:
		sw->stuck_on = stuck;
		break;
	default:
		sw->stuck_off = stuck;
		break;
	}
}

bool cmdqv_inject(struct cmdqv *c, enum cmdqv_fault fault, unsigned int index,
		  uint64_t arg)
{
	switch (fault) {
	case CMDQV_FAULT_STUCK_ENABLE_CMDQV:
	case CMDQV_FAULT_STUCK_DISABLE_CMDQV:
		set_stuck(&c->sw, fault, arg);
		break;
	case CMDQV_FAULT_STUCK_ENABLE_VINTF:
	case CMDQV_FAULT_STUCK_DISABLE_VINTF:
		if (index >= c->num_vintfs)
			return false;
		set_stuck(&c->vintf[index].sw, fault, arg);
		break;
	case CMDQV_FAULT_STUCK_ENABLE_VCMDQ:
	case CMDQV_FAULT_STUCK_DISABLE_VCMDQ:
		if (index >= c->num_vcmdqs)
			return false;
		set_stuck(&c->vcmdq[index].sw, fault, arg);
		break;
	case CMDQV_FAULT_FETCH_ABORT:
		if (index >= c->num_vcmdqs)
			return false;
		c->vcmdq[index].fetch_aborts = arg;
		break;
	case CMDQV_FAULT_ATC_TIMEOUT:
		if (index >= c->num_vcmdqs)
			return false;
		c->vcmdq[index].atc_timeouts = arg;
		break;
	case CMDQV_FAULT_ATC_LATE_NS:
		c->atc_late_ns = clamp(arg);
		break;
	default:
		return false;
	}
	/* What was stuck may complete now, what is owed may be due */
	cmdqv_process(c);
	return true;
}

void cmdqv_inject_none(struct cmdqv *c)
{
	c->sw.stuck_on = false;
	c->sw.stuck_off = false;
	for (unsigned int v = 0; v < c->num_vintfs; v++) {
		c->vintf[v].sw.stuck_on = false;
		c->vintf[v].sw.stuck_off = false;
	}
	for (unsigned int q = 0; q < c->num_vcmdqs; q++) {
		c->vcmdq[q].sw.stuck_on = false;
		c->vcmdq[q].sw.stuck_off = false;
		c->vcmdq[q].fetch_aborts = 0;
		c->vcmdq[q].atc_timeouts = 0;
	}
	c->atc_late_ns = 0;
	cmdqv_process(c);
}

void cmdqv_set_delays(struct cmdqv *c, uint64_t enable_ns, uint64_t disable_ns,
		      uint64_t command_ns, uint32_t commands_per_step)
{
	c->config.enable_delay_ns = clamp(enable_ns);
	c->config.disable_delay_ns = clamp(disable_ns);
	c->config.command_delay_ns = clamp(command_ns);
	c->config.commands_per_step = commands_per_step ? commands_per_step : 1;
}

static const char *const fault_names[CMDQV_FAULTS] = {
	[CMDQV_FAULT_FETCH_ABORT] = "fetch_abort",
	[CMDQV_FAULT_STUCK_ENABLE_CMDQV] = "stuck_enable_cmdqv",
	[CMDQV_FAULT_STUCK_DISABLE_CMDQV] = "stuck_disable_cmdqv",
	[CMDQV_FAULT_STUCK_ENABLE_VINTF] = "stuck_enable_vintf",
	[CMDQV_FAULT_STUCK_DISABLE_VINTF] = "stuck_disable_vintf",
	[CMDQV_FAULT_STUCK_ENABLE_VCMDQ] = "stuck_enable_vcmdq",
	[CMDQV_FAULT_STUCK_DISABLE_VCMDQ] = "stuck_disable_vcmdq",
	[CMDQV_FAULT_ATC_TIMEOUT] = "atc_timeout",
	[CMDQV_FAULT_ATC_LATE_NS] = "atc_late_ns",
};

const char *cmdqv_fault_name(enum cmdqv_fault f)
{
	return (unsigned int)f < CMDQV_FAULTS ? fault_names[f] : "?";
}

/** cmdqv_fault_scope - 'v': it is one of a VINTF, 'q': of a VCMDQ, 0: of all */
char cmdqv_fault_scope(enum cmdqv_fault f)
{
	switch (f) {
	case CMDQV_FAULT_STUCK_ENABLE_VINTF:
	case CMDQV_FAULT_STUCK_DISABLE_VINTF:
		return 'v';
	case CMDQV_FAULT_STUCK_ENABLE_VCMDQ:
	case CMDQV_FAULT_STUCK_DISABLE_VCMDQ:
	case CMDQV_FAULT_FETCH_ABORT:
	case CMDQV_FAULT_ATC_TIMEOUT:
		return 'q';
	default:
		return 0;
	}
}
