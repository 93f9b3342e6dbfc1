/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the emulated board's CMDQV unit itself says it did.
 *
 * The board has a mailbox, ACPI device CMQO0001: one writes a text command and
 * reads an answer, a record a line, "kind key=value key=value...". The commands
 * are those of emulator/model/cmdqv.h. Real hardware has no such thing: whoever
 * uses this asks observer_open() first and does without if it fails.
 */
#ifndef VMM_OBSERVER_H
#define VMM_OBSERVER_H

#include "../../kselftest.h"
#include "types.h"

#define OBSERVER_REPLY	(256u << 10)

/**
 * struct observer - an open mailbox
 * @regs: the mailbox, NULL if it is not open
 * @reply: the last answer
 */
struct observer {
	void *regs;
	char *reply;
};

/* 0; -ENODEV: the machine has none; or another negative errno. Needs root. */
int observer_open(struct observer *o);
void observer_close(struct observer *o);

/**
 * observer_run() - run a command
 * @o: the mailbox
 * @fmt: the command, as for printf()
 *
 * Return: the answer's records, valid until the next call; NULL if the unit
 * refused the command (observer::reply says why) or did not answer.
 */
__printf(2, 3) const char *observer_run(struct observer *o, const char *fmt, ...);

/*
 * Walk over records:
 *	for (r = first; (r = record_find(r, "vintf")); r = record_next(r))
 */
/* The first record of @kind at or after @r; NULL: none */
const char *record_find(const char *r, const char *kind);
/* The record after @r, whatever its kind; NULL: none */
const char *record_next(const char *r);
/* Value of @key; 0 if the record has no such key */
u64 record_value(const char *r, const char *key);
/* Is @key's value the text @value? */
bool record_is(const char *r, const char *key, const char *value);

/**
 * struct vintf_state - a VINTF as the unit has it
 * @exists: the unit's state mentions it: it is in use or holds something
 * @enabled: it works (STATUS)
 * @hyp_own: it may do what only the host may
 * @vmid: VMID of its commands
 * @lvcmdqs: queues mapped to it
 */
struct vintf_state {
	bool exists;
	bool enabled;
	bool hyp_own;
	unsigned int vmid;
	unsigned int lvcmdqs;
};

/* State of VINTF @v: 0 or -EIO */
int observer_vintf(struct observer *o, unsigned int v, struct vintf_state *s);

/* Total of commands executed, refused, or of violations, for which @v counts */
u64 observer_executed(struct observer *o, unsigned int v);
u64 observer_executed_op(struct observer *o, unsigned int v,
			 unsigned int opcode);
u64 observer_refused(struct observer *o, unsigned int v, const char *reason);
u64 observer_violations(struct observer *o, const char *name);

/**
 * struct observer_accesses - software's accesses to the unit since the last clear
 * @config: the configuration page
 * @direct: the direct aperture, both pages
 * @page1: the logical page 1 of all VINTFs
 * @host: page 0 of VINTF 0, the host's
 * @window: page 0 of the VINTF asked for
 * @others: page 0 of all the others
 */
struct observer_accesses {
	u64 config;
	u64 direct;
	u64 page1;
	u64 host;
	u64 window;
	u64 others;
};

int observer_accesses(struct observer *o, unsigned int v,
		      struct observer_accesses *a);

/**
 * observer_guest_state() - all state of the unit that belongs to VMs
 * @o: the mailbox
 *
 * The records of VINTF 0 and its queues are left out, as the host's own work
 * changes them at any time. A unit without VMs gives "".
 *
 * Return: text to be freed; NULL on failure.
 */
char *observer_guest_state(struct observer *o);

#endif
