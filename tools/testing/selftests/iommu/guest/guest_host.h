/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's side of a test with guests: its devices, what the CMDQV unit says that
 * it did for guests, and whether all is as it was before.
 */
#ifndef GUEST_HOST_H
#define GUEST_HOST_H

#include <limits.h>
#include <stddef.h>

#include "observer.h"
#include "types.h"

#define NVME_VENDOR	0x1b36
#define NVME_DEVICE	0x0010

/**
 * host_disk() - the host's block device of an NVMe disk
 * @bdf: the disk, which the host's own driver has; waits until it is there
 * @path: the result, e.g. /dev/nvme0n1
 *
 * Return: 0 or -ENODEV.
 */
int host_disk(const char *bdf, char path[PATH_MAX]);

/**
 * host_vintf() - the VINTF of the guest that has a device
 * @unit: the CMDQV unit's observer
 * @bdf: the device
 *
 * Return: its number; 0 if no guest's VINTF has a SID slot for the device.
 */
unsigned int host_vintf(struct observer *unit, const char *bdf);

/**
 * struct host_commands - what the unit has executed for a guest
 * @seq: of the last one looked at; 0 to begin with
 * @seen: commands looked at
 * @invalidations: those of them that invalidate a TLB entry or more
 * @syncs: CMD_SYNC
 * @foreign: those that were executed as the host's own, with another VMID than the
 *	VINTF's, or with a StreamID of a device that isn't the guest's
 * @example: the first of the foreign ones, as the unit logs it
 */
struct host_commands {
	u64 seq;
	u64 seen;
	u64 invalidations;
	u64 syncs;
	u64 foreign;
	char example[320];
};

/**
 * host_commands() - look at all commands that the unit has executed since the last call
 * @unit: the CMDQV unit's observer
 * @v: the guest's VINTF, which is still enabled
 * @c: added up; all zero before the first call
 *
 * The unit keeps the last few thousand commands only. Whether some were missed, the
 * caller knows by comparing @c->seen with observer_executed().
 *
 * Return: 0, -EIO if the unit doesn't answer.
 */
int host_commands(struct observer *unit, unsigned int v, struct host_commands *c);

/**
 * host_left() - is anything left of guests?
 * @unit: the CMDQV unit's observer
 * @before: observer_guest_state() of when there had been no guest yet; or NULL
 *
 * Nothing of a VM is in the unit, neither VINTF, queue nor SID slot; the kernel has
 * given all its VINTFs back; the unit's own check of itself is content and it has seen
 * no violation of a rule since it was cleared. What takes the kernel a while after the
 * VMM's death is waited for.
 *
 * A driver that isn't this project's may leave in VINTFs that it doesn't use what reset
 * or firmware has left there. With such a kernel what was so before isn't left.
 *
 * Return: NULL, or what is left, in words; valid until the next call.
 */
const char *host_left(struct observer *unit, const char *before);

#endif
