// SPDX-License-Identifier: GPL-2.0-or-later
/* §6: CONFIG.EN asks, STATUS answers */
#include "unit.h"

/**
 * cmdqv_switch_write - software has written CONFIG.EN
 * @en: the bit; writing what it was already starts nothing anew
 *
 * With no delay the transition is due at once; the caller polls.
 */
void cmdqv_switch_write(struct cmdqv *c, struct cmdqv_switch *sw, bool en)
{
	uint64_t now = cmdqv_now(c);

	if (sw->want == en)
		return;
	sw->want = en;
	/* A request withdrawn before STATUS followed leaves STATUS as it is */
	sw->timed = sw->want != sw->is;
	sw->due = now + (en ? c->config.enable_delay_ns :
			      c->config.disable_delay_ns);
	if (sw->timed && sw->due > now)
		cmdqv_wake(c, sw->due);
}

static bool is_stuck(const struct cmdqv_switch *sw)
{
	return sw->want ? sw->stuck_on : sw->stuck_off;
}

/**
 * cmdqv_switch_poll - complete a transition that is due
 *
 * Return: true if STATUS has changed; the caller draws the consequences
 */
bool cmdqv_switch_poll(struct cmdqv_switch *sw, uint64_t now)
{
	if (!sw->timed || now < sw->due || is_stuck(sw))
		return false;
	sw->timed = false;
	sw->is = sw->want;
	return true;
}

/** cmdqv_switch_next - when there will be something to poll for */
uint64_t cmdqv_switch_next(const struct cmdqv_switch *sw)
{
	return sw->timed && !is_stuck(sw) ? sw->due : CMDQV_NEVER;
}
