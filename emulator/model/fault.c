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

static void set_lost(struct cmdqv *c, bool lost)
{
	bool back = c->fault.lost && !lost;

	c->fault.lost = lost;
	if (back)
		cmdqv_reset(c);
}

static void set_stuck_error(struct cmdqv *c, unsigned int q, uint64_t arg)
{
	struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];

	vcmdq->stuck_error = (enum cmdqv_cerror)
		(arg & CMDQV_CONS_ERR >> CMDQV_CONS_ERR_SHIFT);
	if (vcmdq->stuck_error)
		cmdqv_error_command(c, q, vcmdq->stuck_error);
}

static void set_storm(struct cmdqv *c, uint64_t period)
{
	c->fault.irq_storm_ns = clamp(period);
	c->fault.irq_storm_due = cmdqv_now(c) + c->fault.irq_storm_ns;
}

static bool inject_unit(struct cmdqv *c, enum cmdqv_fault fault, uint64_t arg)
{
	switch (fault) {
	case CMDQV_FAULT_STUCK_ENABLE_CMDQV:
	case CMDQV_FAULT_STUCK_DISABLE_CMDQV:
		set_stuck(&c->sw, fault, arg);
		return true;
	case CMDQV_FAULT_ATC_LATE_NS:
		c->fault.atc_late_ns = clamp(arg);
		return true;
	case CMDQV_FAULT_IRQ_STORM_NS:
		set_storm(c, arg);
		return true;
	case CMDQV_FAULT_NO_IRQ:
		c->fault.no_irq = arg;
		return true;
	case CMDQV_FAULT_READ_ONES:
		c->fault.read_ones = arg;
		return true;
	case CMDQV_FAULT_READ_ZEROS:
		c->fault.read_zeros = arg;
		return true;
	case CMDQV_FAULT_DROP_WRITES:
		c->fault.drop_writes = arg;
		return true;
	case CMDQV_FAULT_PARAM:
		/* Without bit 32 it is a slip, not a PARAM of 0 */
		if (arg && arg >> 32 != 1)
			return false;
		c->fault.param = arg;
		return true;
	case CMDQV_FAULT_LOST:
		set_lost(c, arg);
		return true;
	default:
		return false;
	}
}

static bool inject_vcmdq(struct cmdqv *c, enum cmdqv_fault fault,
			 unsigned int q, uint64_t arg)
{
	struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];

	switch (fault) {
	case CMDQV_FAULT_STUCK_ENABLE_VCMDQ:
	case CMDQV_FAULT_STUCK_DISABLE_VCMDQ:
		set_stuck(&vcmdq->sw, fault, arg);
		break;
	case CMDQV_FAULT_FETCH_ABORT:
		vcmdq->fetch_aborts = arg;
		break;
	case CMDQV_FAULT_ATC_TIMEOUT:
		vcmdq->atc_timeouts = arg;
		break;
	case CMDQV_FAULT_HUNG_VCMDQ:
		vcmdq->hung = arg;
		cmdqv_queue_kick(c, q);
		break;
	default:
		set_stuck_error(c, q, arg);
		break;
	}
	return true;
}

bool cmdqv_inject(struct cmdqv *c, enum cmdqv_fault fault, unsigned int index,
		  uint64_t arg)
{
	bool known;

	switch (cmdqv_fault_scope(fault)) {
	case 'v':
		known = index < c->num_vintfs;
		if (known)
			set_stuck(&c->vintf[index].sw, fault, arg);
		break;
	case 'q':
		known = index < c->num_vcmdqs &&
			inject_vcmdq(c, fault, index, arg);
		break;
	default:
		known = inject_unit(c, fault, arg);
		break;
	}
	/* What was stuck may complete now, what is owed may be due */
	if (known)
		cmdqv_process(c);
	return known;
}

void cmdqv_inject_none(struct cmdqv *c)
{
	set_lost(c, false);
	c->fault = (struct cmdqv_unit_faults){ 0 };
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
		c->vcmdq[q].stuck_error = CMDQV_CERROR_NONE;
		c->vcmdq[q].hung = false;
		cmdqv_queue_kick(c, q);
	}
	cmdqv_process(c);
}

/** cmdqv_fault_read - what a fault makes software read instead of a register */
bool cmdqv_fault_read(const struct cmdqv *c, uint32_t *value)
{
	bool ones = c->fault.read_ones || c->fault.lost;

	*value = ones ? UINT32_MAX : 0;
	return ones || c->fault.read_zeros;
}

/** cmdqv_fault_next - when there will be something to poll for */
uint64_t cmdqv_fault_next(const struct cmdqv *c)
{
	return c->fault.irq_storm_ns ? c->fault.irq_storm_due : CMDQV_NEVER;
}

/** cmdqv_fault_poll - an interrupt that never stops comes again */
void cmdqv_fault_poll(struct cmdqv *c, uint64_t now)
{
	if (now < cmdqv_fault_next(c))
		return;
	c->fault.irq_storm_due = now + c->fault.irq_storm_ns;
	cmdqv_error_edge(c);
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
	[CMDQV_FAULT_HUNG_VCMDQ] = "hung_vcmdq",
	[CMDQV_FAULT_STUCK_ERROR] = "stuck_error",
	[CMDQV_FAULT_IRQ_STORM_NS] = "irq_storm_ns",
	[CMDQV_FAULT_NO_IRQ] = "no_irq",
	[CMDQV_FAULT_READ_ONES] = "read_ones",
	[CMDQV_FAULT_READ_ZEROS] = "read_zeros",
	[CMDQV_FAULT_DROP_WRITES] = "drop_writes",
	[CMDQV_FAULT_PARAM] = "param",
	[CMDQV_FAULT_LOST] = "lost",
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
	case CMDQV_FAULT_HUNG_VCMDQ:
	case CMDQV_FAULT_STUCK_ERROR:
		return 'q';
	default:
		return 0;
	}
}
