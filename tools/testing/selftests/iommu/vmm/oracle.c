// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "oracle.h"

/* The lock is in memory of its own, which all processes have */
static int make_lock(struct oracle *o)
{
	pthread_mutexattr_t attr;
	void *p;

	p = mmap(NULL, sizeof(*o->lock), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -errno;
	o->lock = p;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(o->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	return 0;
}

int oracle_open(struct oracle *o)
{
	int rc;

	memset(o, 0, sizeof(*o));
	rc = observer_open(&o->unit);
	if (rc)
		return rc;
	rc = make_lock(o);
	if (!rc && !observer_run(&o->unit, "oracle"))
		rc = -EPROTO;
	if (rc)
		oracle_close(o);
	return rc;
}

void oracle_close(struct oracle *o)
{
	observer_close(&o->unit);
	if (o->lock)
		munmap(o->lock, sizeof(*o->lock));
	o->lock = NULL;
}

struct observer *oracle_lock(struct oracle *o)
{
	/*
	 * Whoever died with it left a command half written, or one that was done.
	 * The next one is written from the start.
	 */
	if (pthread_mutex_lock(o->lock) == EOWNERDEAD)
		pthread_mutex_consistent(o->lock);
	return &o->unit;
}

void oracle_unlock(struct oracle *o)
{
	pthread_mutex_unlock(o->lock);
}

int oracle_tell(struct oracle *o, const char *fmt, ...)
{
	char command[160];
	va_list ap;
	int rc = 0;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	if (!observer_run(oracle_lock(o), "oracle %s", command)) {
		fprintf(stderr, "# oracle %s: %.*s\n", command,
			(int)strcspn(o->unit.reply, "\n"), o->unit.reply);
		rc = -EINVAL;
	}
	oracle_unlock(o);
	return rc;
}

int oracle_ask(struct oracle *o, struct oracle_state *s)
{
	const char *r = observer_run(oracle_lock(o), "oracle");

	r = r ? record_find(r, "oracle") : NULL;
	if (r)
		*s = (struct oracle_state){
			.judged = record_value(r, "judged"),
			.fetched = record_value(r, "fetched"),
			.host = record_value(r, "host"),
			.violations = record_value(r, "violations"),
			.owners = record_value(r, "owners"),
			.ranges = record_value(r, "ranges"),
		};
	oracle_unlock(o);
	return r ? 0 : -EIO;
}
