/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest with a disk of the host's, over several lives: whatever has happened to it,
 * the next thing to be asked is whether it works, and at the end whether all is as it
 * was. One guest for many results, so without the harness.
 */
#ifndef GUEST_LIFE_H
#define GUEST_LIFE_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"
#include "guest_host.h"
#include "guest_say.h"
#include "vfio.h"

/* On the disk: what the host has written, and behind it what the guest writes */
#define LIFE_BLOCK	16384u
#define LIFE_BLOCKS	48u
/* md5sum's */
#define LIFE_SUM	32

/* The disk in the guest, and what anybody reads of a disk */
#define LIFE_DISK	"/dev/nvme0n1"
#define LIFE_SUM_OF	"dd if=%s bs=%u skip=%u count=%u iflag=direct 2>/dev/null | md5sum"
#define LIFE_BACKGROUND	">/dev/null 2>&1 &"

/*
 * For a guest that goes over to another kernel, or has one ready for a panic: one of
 * its programs, and what it has started from itself
 */
#define LIFE_KERNEL	"guest-Image"
#define LIFE_INITRD	"/tmp/initrd"

/**
 * struct life - a guest and what it is judged by
 * @unit: the CMDQV unit's observer
 * @bdf: the disk
 * @guest: the guest; @guest.dir is "" if there is none
 * @v: its VINTF
 * @seen: its commands
 * @host_sum: of what the host has written
 * @guest_sum: of what the guest has written last; "": nothing yet
 */
struct life {
	struct observer unit;
	char bdf[16];
	struct guest guest;
	unsigned int v;
	struct host_commands seen;
	char host_sum[LIFE_SUM + 1];
	char guest_sum[LIFE_SUM + 1];
};

/**
 * struct life_result - one result of a test
 * @name: what it says
 * @run: false: it has failed, and why has been said
 * @kind: LIFE_GOES_ON; LIFE_BEGINS: it does not need what comes before; LIFE_ENDS: the
 *	guest is not needed any more
 */
struct life_result {
	const char *name;
	bool (*run)(void);
	enum { LIFE_GOES_ON, LIFE_BEGINS, LIFE_ENDS } kind;
};

/* A command of the guest that must succeed; the first word it prints goes to @word */
static inline bool __printf(4, 5) guest_says(struct life *l, char *word, int len,
					     const char *fmt, ...)
{
	char *output, *command;
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = vasprintf(&command, fmt, ap);
	va_end(ap);
	if (rc < 0)
		return no("out of memory");
	rc = guest_run(&l->guest, &output, "%s", command);
	if (word)
		snprintf(word, len, "%.*s", (int)strcspn(output, "\n "), output);
	if (rc)
		no("status %d of the guest's: %s\n%s", rc, command, output);
	free(output);
	free(command);
	return !rc;
}

/* The sum of the host's or the guest's blocks, as the host reads them */
static inline bool host_reads(struct life *l, unsigned int skip, char sum[LIFE_SUM + 1])
{
	char path[PATH_MAX];

	if (pci_give(l->bdf, NULL) || host_disk(l->bdf, path))
		return no("the host has no block device of %s", l->bdf);
	return host_says(sum, LIFE_SUM + 1, LIFE_SUM_OF, path, LIFE_BLOCK, skip, LIFE_BLOCKS);
}

/* New contents for the disk, before the first guest has it */
static inline bool life_prepare(struct life *l)
{
	char path[PATH_MAX], sum[LIFE_SUM + 1];

	if (pci_give(l->bdf, NULL) || host_disk(l->bdf, path))
		return no("the host has no block device of %s", l->bdf);
	return host_says(sum, sizeof(sum),
			 "dd if=/dev/urandom of=%s bs=%u count=%u conv=fsync 2>&1",
			 path, LIFE_BLOCK, LIFE_BLOCKS) &&
	       host_reads(l, 0, l->host_sum);
}

/* Forget the guest, whether QEMU runs or not. Shows what it has said if @failed. */
static inline void life_forget(struct life *l, bool failed)
{
	if (!l->guest.dir[0])
		return;
	if (failed)
		guest_show(&l->guest, "guest");
	guest_close(&l->guest);
	memset(&l->guest, 0, sizeof(l->guest));
	l->guest.pidfd = -1;
}

/* Start QEMU with the disk, and the guest in it */
static inline bool life_start(struct life *l, struct guest_config *config)
{
	int rc = pci_give(l->bdf, "vfio-pci");

	if (rc)
		return no("vfio-pci does not take %s: %s", l->bdf, strerror(-rc));
	config->devices[0] = l->bdf;
	memset(&l->seen, 0, sizeof(l->seen));
	/* From here on counters tell of this guest and of the host */
	observer_run(&l->unit, "clear");
	rc = guest_start(&l->guest, config);
	if (rc) {
		l->guest.dir[0] = 0;
		return no("cannot start QEMU: %s", strerror(-rc));
	}
	rc = guest_wait_hello(&l->guest);
	return !rc || no("the guest does not come up: %s", strerror(-rc));
}

/* The guest says hello once more */
static inline bool life_again(struct life *l)
{
	int rc = guest_wait_hello(&l->guest);

	return !rc || no("the guest does not come up again: %s", strerror(-rc));
}

/* The next event of that name */
static inline bool life_event(struct life *l, const char *name)
{
	int rc = guest_wait_event(&l->guest, name);

	return !rc || no("QEMU does not tell of %s: %s", name, strerror(-rc));
}

/* Queues of VINTF @v: how many are mapped, how many of these run; -1: no answer */
static inline int life_queues(struct life *l, bool running)
{
	const char *r = observer_run(&l->unit, "state");
	int n = 0;

	if (!r)
		return -1;
	for (; (r = record_find(r, "vcmdq")); r = record_next(r))
		n += record_value(r, "allocated") && record_value(r, "vintf") == l->v &&
		     (!running || record_value(r, "enabled"));
	return n;
}

/* The guest's VINTF is one of a guest's; sets @l->v */
static inline bool life_has_vintf(struct life *l)
{
	struct vintf_state state;

	l->v = host_vintf(&l->unit, l->bdf);
	if (!l->v || observer_vintf(&l->unit, l->v, &state))
		return no("no VINTF has a SID slot for the disk");
	return (state.enabled && !state.hyp_own && state.vmid) ||
	       no("VINTF %u: enabled=%u hyp_own=%u vmid=%u", l->v, state.enabled,
		  state.hyp_own, state.vmid);
}

/* What the host wrote is there; what the guest writes now is there, too */
static inline bool life_disk_works(struct life *l)
{
	char sum[LIFE_SUM + 1];

	if (!guest_says(l, sum, sizeof(sum), LIFE_SUM_OF, LIFE_DISK, LIFE_BLOCK, 0,
			LIFE_BLOCKS))
		return false;
	if (strcmp(sum, l->host_sum))
		return no("the host wrote %s, the guest reads %s", l->host_sum, sum);
	if (!guest_says(l, l->guest_sum, sizeof(l->guest_sum),
			"dd if=/dev/urandom of=/tmp/data bs=%u count=%u 2>/dev/null; md5sum /tmp/data",
			LIFE_BLOCK, LIFE_BLOCKS) ||
	    !guest_says(l, NULL, 0, "dd if=/tmp/data of=" LIFE_DISK " bs=%u seek=%u oflag=direct",
			LIFE_BLOCK, LIFE_BLOCKS) ||
	    !guest_says(l, sum, sizeof(sum), LIFE_SUM_OF, LIFE_DISK, LIFE_BLOCK, LIFE_BLOCKS,
			LIFE_BLOCKS))
		return false;
	return !strcmp(sum, l->guest_sum) ||
	       no("the guest wrote %s, and reads %s", l->guest_sum, sum);
}

/* The commands since the last call: none of them names what is another's */
static inline bool life_nothing_foreign(struct life *l)
{
	if (host_commands(&l->unit, l->v, &l->seen))
		return no("the unit does not answer");
	return !l->seen.foreign || no("executed: %s", l->seen.example);
}

/**
 * life_works() - does the guest work as if nothing had happened?
 * @l: the guest, which has said hello
 *
 * It has a VINTF, and queues that run; it reads what the host has written to the disk,
 * and what it writes itself; and it is these queues that its invalidations come from,
 * one at least for each request. All of them name what is its own.
 */
static inline bool life_works(struct life *l)
{
	u64 executed, invalidations;
	char line[256];
	int running;

	if (!life_has_vintf(l) || !life_nothing_foreign(l))
		return false;
	running = life_queues(l, true);
	if (running < 1)
		return no("VINTF %u: %d queues run", l->v, running);
	executed = observer_executed(&l->unit, l->v);
	invalidations = l->seen.invalidations;
	if (!life_disk_works(l) || !life_nothing_foreign(l))
		return false;
	executed = observer_executed(&l->unit, l->v) - executed;
	invalidations = l->seen.invalidations - invalidations;
	ksft_print_msg("VINTF %u: %d queues run, %llu commands, %llu of them invalidations\n",
		       l->v, running, executed, invalidations);
	if (invalidations < 3 * LIFE_BLOCKS)
		return no("with %u requests there have to be more", 3 * LIFE_BLOCKS);
	if (!guest_says(l, line, sizeof(line),
			"dmesg | grep -cE '(CMD_SYNC|CMDQ) timeout|timed out: STATUS' || :"))
		return false;
	return !strcmp(line, "0") || no("the guest's kernel has waited for its queues in vain");
}

/* The guest executes commands: @more than now within the usual time */
static inline bool life_is_busy(struct life *l, u64 more)
{
	unsigned int tries = guest_patience(20) * 20;
	u64 until = observer_executed(&l->unit, l->v) + more;

	while (tries--) {
		if (observer_executed(&l->unit, l->v) >= until)
			return true;
		usleep(50000);
	}
	return no("the guest does no I/O");
}

/* Have it read the disk without end */
static inline bool life_io(struct life *l)
{
	return guest_says(l, NULL, 0,
			  "while dd if=%s of=/dev/null bs=%u count=%u iflag=direct; do :; done "
			  LIFE_BACKGROUND, LIFE_DISK, LIFE_BLOCK, LIFE_BLOCKS) &&
	       life_is_busy(l, 100);
}

/* What the guest has started from, as LIFE_INITRD */
static inline bool life_pack_initrd(struct life *l)
{
	return guest_says(l, NULL, 0,
			  "cd / && find dev/console init bin | cpio -o -H newc >" LIFE_INITRD
			  " 2>/dev/null");
}

/* Go over to another kernel, with more on its command line */
static inline bool life_kexec(struct life *l, const char *append)
{
	int rc;

	if (!life_pack_initrd(l))
		return false;
	rc = guest_send(&l->guest, "kexec-file /bin/%s %s \"$(cat /proc/cmdline) %s\"",
			LIFE_KERNEL, LIFE_INITRD, append);
	return (!rc || no("cannot say so: %s", strerror(-rc))) && life_again(l);
}

/* With QEMU gone: nothing is left of the guest, and the disk is the host's again */
static inline bool life_left_nothing(struct life *l)
{
	const char *left = host_left(&l->unit, NULL);
	char sum[LIFE_SUM + 1];

	if (left)
		return no("left: %s", left);
	if (!host_reads(l, 0, sum))
		return false;
	if (strcmp(sum, l->host_sum))
		return no("of what the host wrote %s is left as %s", l->host_sum, sum);
	if (!l->guest_sum[0])
		return true;
	return host_reads(l, LIFE_BLOCKS, sum) &&
	       (!strcmp(sum, l->guest_sum) ||
		no("the guest wrote %s, the host reads %s", l->guest_sum, sum));
}

/**
 * life_results() - run a test's parts, in their order
 * @l: the guest
 * @all: the parts
 * @num: how many
 * @why: why none of them can be tried here; NULL: they can
 *
 * What depends on something that has failed is a failure, too. Shows what a guest has
 * said in whose life something has.
 */
static inline void life_results(struct life *l, const struct life_result *all,
				unsigned int num, const char *why)
{
	bool up = true, failed = false;
	unsigned int i;

	ksft_set_plan(num);
	for (i = 0; i < num; i++) {
		if (why) {
			ksft_test_result_code(KSFT_SKIP, all[i].name, "%s", why);
			continue;
		}
		up = (up || all[i].kind == LIFE_BEGINS) && all[i].run();
		failed |= !up;
		ksft_test_result(up, "%s\n", all[i].name);
		if (all[i].kind == LIFE_ENDS) {
			life_forget(l, failed);
			failed = false;
		}
	}
	life_forget(l, failed);
}

#endif
