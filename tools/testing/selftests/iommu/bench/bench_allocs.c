// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the kernel allocates for a path, by its own trace events of allocations: exact,
 * and with what is there for a moment only.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "tracefs.h"

/* Steps of one path have far fewer */
#define LIVE_MAX	4096

/**
 * struct live - what was allocated and not freed
 * @n: how many
 * @at: where: a pointer, or a page frame number with bit 63 set
 * @bytes: how much
 */
struct live {
	unsigned int n;
	u64 at[LIVE_MAX];
	u64 bytes[LIVE_MAX];
};

static const char *const events[] = {
	"kmem/kmalloc", "kmem/kmem_cache_alloc", "kmem/mm_page_alloc", "kmem/kfree",
	"kmem/kmem_cache_free", "kmem/mm_page_free", "percpu/percpu_alloc_percpu",
	"percpu/percpu_free_percpu",
};

/* The number after @key in the line that begins at @line, hexadecimal or not; 0: none */
static u64 number(const char *line, const char *key)
{
	const char *end = line + strcspn(line, "\n");
	const char *at = strstr(line, key);

	return at && at < end ? strtoull(at + strlen(key), NULL, 0) : 0;
}

static u64 pointer(const char *line)
{
	const char *at = strstr(line, " ptr=");

	return at ? strtoull(at + 5, NULL, 16) : 0;
}

static void allocated(struct bench_allocs *a, struct live *live, u64 at, u64 bytes)
{
	a->calls++;
	a->bytes += bytes;
	a->kept += bytes;
	if (live->n == LIVE_MAX)
		return;
	live->at[live->n] = at;
	live->bytes[live->n++] = bytes;
}

/* What was there before doesn't count */
static void freed(struct bench_allocs *a, struct live *live, u64 at)
{
	unsigned int i;

	for (i = 0; i < live->n && live->at[i] != at; i++)
		;
	if (i == live->n)
		return;
	a->kept -= live->bytes[i];
	live->n--;
	live->at[i] = live->at[live->n];
	live->bytes[i] = live->bytes[live->n];
}

#define PFN(line)	(number(line, " pfn=") | 1ULL << 63)

static void count(struct bench_allocs *a, struct live *live, const char *line)
{
	if (!strncmp(line, "kmalloc ", 8) || !strncmp(line, "kmem_cache_alloc ", 17))
		allocated(a, live, pointer(line), number(line, " bytes_alloc="));
	else if (!strncmp(line, "percpu_alloc_percpu ", 20))
		allocated(a, live, pointer(line), number(line, " bytes_alloc="));
	else if (!strncmp(line, "mm_page_alloc ", 14))
		allocated(a, live, PFN(line), GUEST_PAGE << number(line, " order="));
	else if (!strncmp(line, "mm_page_free ", 13))
		freed(a, live, PFN(line));
	else if (!strncmp(line, "kfree ", 6) || !strncmp(line, "kmem_cache_free ", 16) ||
		 !strncmp(line, "percpu_free_percpu ", 19))
		freed(a, live, pointer(line));
}

/* Get ready to trace this process's allocations: 0 or a negative errno; none yet */
static int trace_open(struct tracefs *t)
{
	char path[96], filter[48];
	unsigned int i;
	int rc;

	rc = tracefs_open(t);
	if (!rc)
		rc = tracefs_write(t, "tracing_on", "0");
	snprintf(filter, sizeof(filter), "common_pid == %d", getpid());
	for (i = 0; i < ARRAY_SIZE(events) && !rc; i++) {
		snprintf(path, sizeof(path), "events/%s/filter", events[i]);
		rc = tracefs_write(t, path, filter);
		if (!rc)
			rc = tracefs_enable(t, events[i]);
	}
	return rc;
}

/*
 * Do the path once, on the record: with a file that is open already, and a write to that
 * allocates nothing, so that this is all that is recorded.
 */
static int traced(struct bench *b, const struct bench_path *path, struct tracefs *t)
{
	char file[160];
	struct bench_took part[BENCH_PARTS];
	int on, rc;

	snprintf(file, sizeof(file), "%s/tracing_on", t->dir);
	on = open(file, O_WRONLY | O_CLOEXEC);
	if (on < 0)
		return -errno;
	if (write(on, "1", 1) != 1)
		rc = -errno;
	else
		rc = path->once(b, path, part);
	if (write(on, "0", 1) != 1 && !rc)
		rc = -errno;
	close(on);
	return rc;
}

int bench_allocs(struct bench *b, const struct bench_path *path,
		 struct bench_allocs *allocs)
{
	struct live *live = calloc(1, sizeof(*live));
	struct bench_took part[BENCH_PARTS];
	char *trace = NULL;
	struct tracefs t;
	const char *r;
	int rc, i;

	memset(allocs, 0, sizeof(*allocs));
	b->step = "memory";
	if (!live)
		return -ENOMEM;
	rc = trace_open(&t);
	if (rc == -ENOENT) {
		rc = bench_skip(b, "no trace events of allocations (CONFIG_FTRACE)");
		goto out;
	}
	b->step = "trace events";
	if (rc)
		goto out;
	rc = bench_set_up(b, path);
	/* What is made once and kept is there after that */
	for (i = 0; i < 4 && !rc; i++)
		rc = path->once(b, path, part);
	if (!rc)
		rc = traced(b, path, &t);
	trace = tracefs_take(&t);
	rc = bench_tear_down(b, path, rc);
	if (!rc && !trace)
		rc = -EIO;
	for (r = trace; !rc && r && *r; r += strcspn(r, "\n"), r += *r == '\n')
		count(allocs, live, r);
out:
	tracefs_close(&t);
	free(trace);
	free(live);
	return rc;
}
