// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mmio.h"
#include "observer.h"

#define MAGIC		0x00	/* "CMQO" */
#define VERSION		0x04
#define DOORBELL	0x08
#define LENGTH		0x0c
#define COMMAND		0x1000
#define COMMAND_MAX	4095
#define REPLY		0x2000
#define TOTAL		0x50000

#define CMQO		0x4f514d43

/* Physical address of the mailbox, from /proc/iomem; 0: none */
static off_t find_mailbox(void)
{
	unsigned long long start;
	off_t base = 0;
	char line[256];
	FILE *f;

	f = fopen("/proc/iomem", "re");
	if (!f)
		return 0;
	while (!base && fgets(line, sizeof(line), f)) {
		if (strstr(line, "CMQO0001") &&
		    sscanf(line, " %llx-", &start) == 1)
			base = start;
	}
	fclose(f);
	return base;
}

int observer_open(struct observer *o)
{
	off_t base = find_mailbox();
	void *p;
	int fd;

	memset(o, 0, sizeof(*o));
	if (!base)
		return -ENODEV;
	fd = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	p = mmap(NULL, TOTAL, PROT_READ | PROT_WRITE, MAP_SHARED, fd, base);
	close(fd);
	if (p == MAP_FAILED)
		return -errno;
	o->regs = p;
	o->reply = malloc(OBSERVER_REPLY + 1);
	if (!o->reply || mmio_read32(o->regs, MAGIC) != CMQO ||
	    mmio_read32(o->regs, VERSION) != 1) {
		observer_close(o);
		return -ENODEV;
	}
	o->reply[0] = 0;
	return 0;
}

void observer_close(struct observer *o)
{
	if (o->regs)
		munmap(o->regs, TOTAL);
	free(o->reply);
	memset(o, 0, sizeof(*o));
}

const char *observer_run(struct observer *o, const char *fmt, ...)
{
	char cmd[COMMAND_MAX + 1] = {};
	u32 word, len, i;
	va_list ap;
	int n;

	if (!o->regs)
		return NULL;
	va_start(ap, fmt);
	n = vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	if (n < 0 || n > COMMAND_MAX)
		return NULL;

	/* Including the NUL, in whole words; cmd[] is zero behind it */
	for (i = 0; i <= (u32)n; i += 4) {
		memcpy(&word, cmd + i, 4);
		mmio_write32(o->regs, COMMAND + i, word);
	}
	mmio_write32(o->regs, DOORBELL, 1);
	len = mmio_read32(o->regs, LENGTH);
	if (len > OBSERVER_REPLY)
		len = OBSERVER_REPLY;
	for (i = 0; i < len; i += 4) {
		word = mmio_read32(o->regs, REPLY + i);
		memcpy(o->reply + i, &word, len - i < 4 ? len - i : 4);
	}
	o->reply[len] = 0;
	if (strncmp(o->reply, "ok", 2))
		return NULL;
	return o->reply;
}

/* Length of the word at @r */
static size_t word_len(const char *r)
{
	return strcspn(r, "\n ");
}

const char *record_next(const char *r)
{
	r = strchr(r, '\n');
	return r && r[1] ? r + 1 : NULL;
}

const char *record_find(const char *r, const char *kind)
{
	size_t len = strlen(kind);

	for (; r; r = record_next(r)) {
		if (word_len(r) == len && !strncmp(r, kind, len))
			return r;
	}
	return NULL;
}

/* Where the value of @key starts; NULL: there is none */
static const char *find_key(const char *r, const char *key)
{
	size_t len = strlen(key);

	while (*r && *r != '\n') {
		if (!strncmp(r, key, len) && r[len] == '=')
			return r + len + 1;
		r += word_len(r);
		if (*r == ' ')
			r++;
	}
	return NULL;
}

u64 record_value(const char *r, const char *key)
{
	const char *v = find_key(r, key);

	return v ? strtoull(v, NULL, 0) : 0;
}

bool record_is(const char *r, const char *key, const char *value)
{
	const char *v = find_key(r, key);

	return v && word_len(v) == strlen(value) &&
	       !strncmp(v, value, strlen(value));
}

int observer_vintf(struct observer *o, unsigned int v, struct vintf_state *s)
{
	const char *r = observer_run(o, "state");

	memset(s, 0, sizeof(*s));
	if (!r)
		return -EIO;
	for (; (r = record_find(r, "vintf")); r = record_next(r)) {
		if (record_value(r, "v") != v) {
			if (!record_next(r))
				break;
			continue;
		}
		s->exists = true;
		s->enabled = record_value(r, "enabled");
		s->hyp_own = record_value(r, "hyp_own");
		s->vmid = record_value(r, "vmid");
		s->lvcmdqs = record_value(r, "lvcmdqs");
		break;
	}
	return 0;
}

/* Sum of "count" of those @kind records of VINTF @v that @match likes */
static u64 sum_counts(struct observer *o, const char *kind, int v,
		      const char *key, const char *text, int number)
{
	const char *r = observer_run(o, "counters");
	u64 sum = 0;

	for (; r && (r = record_find(r, kind)); r = record_next(r)) {
		if (v >= 0 && record_value(r, "v") != (unsigned int)v)
			continue;
		if (text && !record_is(r, key, text))
			continue;
		if (number >= 0 && record_value(r, key) != (unsigned int)number)
			continue;
		sum += record_value(r, "count");
	}
	return sum;
}

u64 observer_executed(struct observer *o, unsigned int v)
{
	return sum_counts(o, "executed", v, NULL, NULL, -1);
}

u64 observer_executed_op(struct observer *o, unsigned int v,
			 unsigned int opcode)
{
	return sum_counts(o, "executed", v, "opcode", NULL, opcode);
}

u64 observer_refused(struct observer *o, unsigned int v, const char *reason)
{
	return sum_counts(o, "refused", v, "reason", reason, -1);
}

u64 observer_violations(struct observer *o, const char *name)
{
	return sum_counts(o, "violation", -1, "name", name, -1);
}

int observer_accesses(struct observer *o, unsigned int v,
		      struct observer_accesses *a)
{
	const char *all = observer_run(o, "counters");
	const char *r;
	u64 n;

	memset(a, 0, sizeof(*a));
	if (!all)
		return -EIO;
	for (r = all; r && (r = record_find(r, "access")); r = record_next(r)) {
		n = record_value(r, "reads") + record_value(r, "writes");
		if (record_is(r, "aperture", "config"))
			a->config += n;
		else if (record_is(r, "aperture", "direct0") ||
			 record_is(r, "aperture", "direct1"))
			a->direct += n;
		else if (record_is(r, "aperture", "logical1"))
			a->page1 += n;
	}
	for (r = all; r && (r = record_find(r, "window")); r = record_next(r)) {
		n = record_value(r, "reads") + record_value(r, "writes");
		if (record_value(r, "v") == v)
			a->window += n;
		else if (!record_value(r, "v"))
			a->host += n;
		else
			a->others += n;
	}
	return 0;
}

/* Is this record about the host's own VINTF? */
static bool is_host(const char *r, size_t len)
{
	if (!strncmp(r, "ok", 2) || !strncmp(r, "cmdqv ", 6))
		return true;
	if (!strncmp(r, "vintf ", 6) || !strncmp(r, "sid ", 4))
		return !record_value(r, "v");
	if (!strncmp(r, "vcmdq ", 6))
		return record_value(r, "allocated") &&
		       !record_value(r, "vintf");
	return !len;
}

char *observer_guest_state(struct observer *o)
{
	const char *r = observer_run(o, "state");
	char *text, *to;
	size_t len;

	if (!r)
		return NULL;
	text = malloc(strlen(r) + 1);
	if (!text)
		return NULL;
	for (to = text; r; r = record_next(r)) {
		len = strcspn(r, "\n");
		if (is_host(r, len))
			continue;
		memcpy(to, r, len);
		to += len;
		*to++ = '\n';
	}
	*to = 0;
	return text;
}
