// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"
#include "guest_host.h"
#include "smmuv3.h"

#define TICK_US		50000

int host_disk(const char *bdf, char path[PATH_MAX])
{
	unsigned int tries = guest_patience(10) * (1000000 / TICK_US);
	char pattern[128];
	glob_t found;
	int rc;

	snprintf(pattern, sizeof(pattern),
		 "/sys/bus/pci/devices/%.16s/nvme/nvme*/nvme*n1", bdf);
	while (tries--) {
		rc = glob(pattern, 0, NULL, &found);
		if (!rc)
			snprintf(path, PATH_MAX, "/dev/%s",
				 strrchr(found.gl_pathv[0], '/') + 1);
		globfree(&found);
		if (!rc && !access(path, R_OK | W_OK))
			return 0;
		usleep(TICK_US);
	}
	return -ENODEV;
}

/* StreamID of a device: on the board, what its PCI name says; 0: that is no name */
static u32 sid_of(const char *bdf)
{
	unsigned int bus, slot, fn;

	if (sscanf(bdf, "%*x:%x:%x.%x", &bus, &slot, &fn) != 3)
		return 0;
	return bus << 8 | slot << 3 | fn;
}

unsigned int host_vintf(struct observer *unit, const char *bdf)
{
	const char *r = observer_run(unit, "state");

	for (; (r = record_find(r, "sid")); r = record_next(r)) {
		if (record_value(r, "v") &&
		    record_value(r, "phys_sid") == sid_of(bdf))
			return record_value(r, "v");
	}
	return 0;
}

#define SIDS	16

/**
 * struct owner - what a guest's commands may name
 * @vmid: its VMID
 * @sid: StreamIDs of its devices
 * @sids: number of them
 */
struct owner {
	u32 vmid;
	u32 sid[SIDS];
	unsigned int sids;
};

static int get_owner(struct observer *unit, unsigned int v, struct owner *o)
{
	struct vintf_state state;
	const char *r;

	memset(o, 0, sizeof(*o));
	if (observer_vintf(unit, v, &state))
		return -EIO;
	o->vmid = state.vmid;
	r = observer_run(unit, "state");
	if (!r)
		return -EIO;
	for (; (r = record_find(r, "sid")); r = record_next(r)) {
		if (record_value(r, "v") == v && o->sids < SIDS)
			o->sid[o->sids++] = record_value(r, "phys_sid");
	}
	return 0;
}

static bool is_own(const struct owner *o, u32 sid)
{
	unsigned int i;

	for (i = 0; i < o->sids; i++) {
		if (o->sid[i] == sid)
			return true;
	}
	return false;
}

/* Does a command, as executed, name only what is the guest's? */
static bool is_clean(const char *r, const struct owner *o)
{
	const char *final = strstr(r, " final=");
	u64 word = final ? strtoull(final + 7, NULL, 0) : 0;

	if (!final || record_value(r, "hyp_own") ||
	    record_value(r, "vmid") != o->vmid)
		return false;
	switch (record_value(r, "op")) {
	case CMD_TLBI_NH_ALL:
	case CMD_TLBI_NH_ASID:
	case CMD_TLBI_NH_VA:
	case CMD_TLBI_NH_VAA:
		return (word >> 32 & 0xffff) == o->vmid;
	case CMD_ATC_INV:
		return is_own(o, word >> 32);
	case CMD_SYNC:
		return true;
	default:
		/* No other command may come from a guest's queue */
		return false;
	}
}

static void count_command(struct host_commands *c, const char *r,
			  const struct owner *o)
{
	unsigned int op = record_value(r, "op");

	c->seen++;
	c->invalidations += op >= CMD_TLBI_NH_ALL && op <= CMD_TLBI_NH_VAA;
	c->syncs += op == CMD_SYNC;
	if (is_clean(r, o))
		return;
	if (!c->foreign++)
		snprintf(c->example, sizeof(c->example), "%.*s",
			 (int)strcspn(r, "\n"), r);
}

int host_commands(struct observer *unit, unsigned int v, struct host_commands *c)
{
	struct owner o;
	const char *r;
	u64 before;

	if (get_owner(unit, v, &o))
		return -EIO;
	do {
		before = c->seq;
		r = observer_run(unit, "log since %llu 512 v=%u", c->seq + 1, v);
		if (!r)
			return -EIO;
		for (; r; r = record_next(r)) {
			if (strncmp(r, "executed ", 9))
				continue;
			c->seq = record_value(r, "seq");
			count_command(c, r, &o);
		}
	} while (c->seq != before);
	return 0;
}

/*
 * What the kernel says of its VINTFs, "" if all are free; false if it is not one that
 * says anything
 */
static bool vintfs_taken(char *text, size_t len)
{
	bool says;
	char line[256];
	glob_t found;
	FILE *f;

	text[0] = 0;
	says = !glob("/sys/kernel/debug/iommu/tegra241_cmdqv/*/vintfs", 0, NULL, &found);
	if (says) {
		f = fopen(found.gl_pathv[0], "re");
		while (f && fgets(line, sizeof(line), f)) {
			if (!strncmp(line, "total ", 6) &&
			    (record_value(line, "taken") ||
			     record_value(line, "aside")))
				snprintf(text, len, "%s", line);
		}
		if (f)
			fclose(f);
	}
	globfree(&found);
	return says;
}

/* Take the records out of @state that stand in @before, too: nobody has touched them */
static void drop_untouched(char *state, const char *before)
{
	char *from, *to = state;
	size_t len;

	for (from = state; *from; from += len) {
		char record[512];

		len = strcspn(from, "\n");
		len += from[len] == '\n';
		snprintf(record, sizeof(record), "%.*s", (int)len, from);
		if (len < sizeof(record) && strstr(before, record))
			continue;
		memmove(to, from, len);
		to += len;
	}
	*to = 0;
}

/* NULL or why the unit is not content with itself or with software */
static const char *unit_complains(struct observer *unit)
{
	const char *r = observer_run(unit, "check");

	r = r ? record_find(r, "check") : NULL;
	if (!r || !record_value(r, "ok"))
		return r ?: "the unit does not answer";
	r = observer_run(unit, "counters");
	r = r ? record_find(r, "total") : NULL;
	if (!r || record_value(r, "violations"))
		return r ?: "the unit does not answer";
	return NULL;
}

const char *host_left(struct observer *unit, const char *before)
{
	unsigned int tries = guest_patience(5) * (1000000 / TICK_US);
	static char text[4096];
	char taken[256], *state;
	const char *why;

	do {
		state = observer_guest_state(unit);
		if (!vintfs_taken(taken, sizeof(taken)) && state && before)
			drop_untouched(state, before);
		snprintf(text, sizeof(text), "%s%s", state ?: "no answer", taken);
		free(state);
		if (!text[0])
			break;
		usleep(TICK_US);
	} while (tries--);
	if (text[0])
		return text;
	why = unit_complains(unit);
	if (why)
		snprintf(text, sizeof(text), "%s", why);
	return why ? text : NULL;
}
