// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Measuring a path: warming up, samples, and what they come to.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* Slabs, page tables and the program's own pages are there after that */
#define WARM_UP		16

/* What icount makes of QEMU's counter, Hz: a tick each 16 ns, and an instruction, too */
#define ICOUNT_HZ	62500000

static void keep_least(u64 *least, u64 value)
{
	if (value < *least)
		*least = value;
}

/* What measuring takes: a step with nothing in it */
static struct bench_took step_cost(struct bench *b)
{
	struct bench_took least = { UINT64_MAX, UINT64_MAX }, took;
	unsigned int i;
	u64 start;

	for (i = 0; i < 100; i++) {
		start = step_begin(b);
		step_end(b, &took, start);
		keep_least(&least.ticks, took.ticks);
		keep_least(&least.cpu, took.cpu);
		/* As where nobody wants to know the CPU time */
		start = bench_clock();
		took.ticks = bench_clock() - start;
		keep_least(&least.ticks, took.ticks);
	}
	return least;
}

/*
 * Only icount has each instruction take exactly one tick: a thousand of them, as often
 * as one may be interrupted.
 */
const char *bench_unit(void)
{
#ifdef __aarch64__
	unsigned int i, exact = 0;
	u64 freq, start;

	asm volatile("mrs %0, cntfrq_el0" : "=r" (freq));
	for (i = 0; freq == ICOUNT_HZ && i < 20; i++) {
		start = bench_clock();
		asm volatile(".rept 1000; nop; .endr");
		exact += bench_clock() - start - 1000 < 10;
	}
	return exact > 10 ? "instructions" : "ticks";
#else
	return "ns";
#endif
}

const struct bench_path *bench_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < bench_path_count; i++)
		if (!strcmp(bench_paths[i].name, name))
			return &bench_paths[i];
	return NULL;
}

int bench_set_up(struct bench *b, const struct bench_path *path)
{
	int rc;

	b->skip[0] = 0;
	rc = bench_vm_open(b, path->has);
	if (!rc && path->set_up)
		rc = path->set_up(b, path);
	return rc;
}

int bench_tear_down(struct bench *b, const struct bench_path *path, int rc)
{
	const char *step = b->step;
	int undone;

	if (path->tear_down)
		path->tear_down(b);
	undone = bench_vm_close(b);
	if (!rc)
		return undone;
	b->step = step;
	return rc;
}

static void less(u64 *value, u64 cost)
{
	*value -= *value < cost ? *value : cost;
}

int bench_run(struct bench *b, const struct bench_path *path,
	      unsigned int samples, struct bench_result *result)
{
	struct bench_took cost = step_cost(b), part[BENCH_PARTS];
	unsigned int i, p, parts = 1;
	int rc;

	while (parts < BENCH_PARTS && path->part[parts])
		parts++;
	memset(result, 0, sizeof(*result));
	result->n = samples;
	result->parts = parts;
	result->took = calloc(samples, sizeof(*result->took));
	b->step = "memory for the result";
	if (!result->took)
		return -ENOMEM;
	/* The memory is had now, not while it's measured */
	memset(result->took, 0xff, samples * sizeof(*result->took));

	rc = bench_set_up(b, path);
	for (i = 0; !rc && i < WARM_UP && i < samples; i++)
		rc = path->once(b, path, part);
	b->sleeps = 0;
	for (i = 0; !rc && i < samples; i++) {
		struct bench_took *took = result->took[i];

		memset(took, 0, sizeof(result->took[i]));
		rc = path->once(b, path, took + 1);
		for (p = 1; p <= parts; p++) {
			less(&took[p].ticks, cost.ticks);
			less(&took[p].cpu, cost.cpu);
			took[0].ticks += took[p].ticks;
			took[0].cpu += took[p].cpu;
		}
	}
	result->sleeps = b->sleeps;
	rc = bench_tear_down(b, path, rc);
	if (rc)
		bench_result_free(result);
	return rc;
}

void bench_result_free(struct bench_result *result)
{
	free(result->took);
	memset(result, 0, sizeof(*result));
}

int bench_repeat(struct bench *b, const struct bench_path *path,
		 unsigned long times)
{
	struct bench_took part[BENCH_PARTS];
	int rc;

	rc = bench_set_up(b, path);
	while (!rc && times--)
		rc = path->once(b, path, part);
	return bench_tear_down(b, path, rc);
}

struct work {
	struct bench *bench;
	const struct bench_path *path;
	unsigned int times;
};

static unsigned int do_work(struct vm *vm, void *arg)
{
	struct bench_took part[BENCH_PARTS];
	struct work *work = arg;
	unsigned int i;

	for (i = 0; i < work->times; i++)
		if (work->path->once(work->bench, work->path, part))
			return 1;
	return 0;
}

int bench_guest(struct bench *b, const struct bench_path *path, unsigned int times,
		struct guest_report *report)
{
	struct work work = { b, path, times };

	b->step = "a process that plays the guest";
	return vm_run_guest(&b->vm, do_work, &work, NULL, NULL, report);
}

static int by_value(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

/* Nanoseconds in ticks of the counter */
static u64 ticks_of(u64 ns)
{
#ifdef __aarch64__
	u64 freq;

	asm volatile("mrs %0, cntfrq_el0" : "=r" (freq));
	return ns / 1000000000 * freq + ns % 1000000000 * freq / 1000000000;
#else
	return ns;
#endif
}

struct bench_figure bench_figure(const struct bench_result *result,
				 unsigned int part)
{
	u64 *v = malloc(result->n * sizeof(*v));
	struct bench_figure f = {};
	unsigned int i;

	if (!v)
		return f;
	for (i = 0; i < result->n; i++)
		v[i] = result->took[i][part].cpu;
	qsort(v, result->n, sizeof(*v), by_value);
	f.cpu = ticks_of(v[result->n / 2]);
	for (i = 0; i < result->n; i++)
		v[i] = result->took[i][part].ticks;
	qsort(v, result->n, sizeof(*v), by_value);
	f.min = v[0];
	f.median = v[result->n / 2];
	f.p90 = v[(u64)(result->n - 1) * 9 / 10];
	f.max = v[result->n - 1];
	free(v);
	return f;
}
