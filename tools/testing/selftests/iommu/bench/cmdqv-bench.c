// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmdqv-bench - what a VMM with guest-owned command queues pays
 *
 * Output, a line a figure; fields of a line are NAME=VALUE, in this order, and more may
 * follow. Lines that begin with '#' are for people.
 *
 *	path=NAME vms=N unit=UNIT n=SAMPLES min=I median=I max=I p90=I sleeps=I
 *	path=NAME vms=N part=PART unit=UNIT n=SAMPLES min=I median=I max=I p90=I
 *	count path=NAME vms=N faults=I
 *	skip path=NAME vms=N reason="TEXT"
 *
 * vms		VINTFs that are taken by VMs, the measured one's among them
 * unit		instructions, if the counter counts those (the board's --icount); else
 *		ticks of the counter
 * sleeps	how often the program has waited in what was measured, in all samples. While
 *		all wait the counter goes on, so such a figure is a time.
 * faults	page faults while the commands went through page 0
 *
 * Exits with 0 if all was measured or skipped, 1 if something failed, which is said on
 * standard error with the step and the error; 2: wrong use.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "edu.h"

#define MAX_COUNTS	16

struct options {
	unsigned int vms[MAX_COUNTS];
	unsigned int counts;
	unsigned int samples;
	unsigned long repeat;
};

static int usage(FILE *out)
{
	fprintf(out,
"usage: cmdqv-bench [OPTION...] [PATH...]\n"
"Measures PATHs, all of them if none is named: what each takes, one line a figure.\n"
"\n"
"  --list          names of the paths, and what they are\n"
"  --vms N[,N...]  with so many VINTFs taken by VMs, 1 to 63 (1)\n"
"  --samples N     how often each is measured (by path)\n"
"  --repeat N PATH do it N times and measure nothing: for profilers that compare\n"
"                  N times with 2N times\n"
"  --device BDF    the PCI device (the first edu device)\n"
"\n"
"A line is \"path=NAME vms=N unit=UNIT n=SAMPLES min=I median=I max=I p90=I sleeps=I\", for\n"
"a part of a path with part=PART after vms=N. What has sleeps is a time, not a count.\n"
"\"skip path=NAME vms=N reason=\"TEXT\"\": can't be measured here.\n"
"\"count path=NAME vms=N faults=I\": page faults while it was measured.\n");
	return out == stdout ? 0 : 2;
}

static int list(void)
{
	unsigned int i;

	for (i = 0; i < bench_path_count; i++)
		printf("%-15s %s\n", bench_paths[i].name, bench_paths[i].what);
	return 0;
}

static void print_figure(const struct bench_path *path, unsigned int vms,
			 const struct bench_result *r, unsigned int part)
{
	struct bench_figure f = bench_figure(r, part);

	printf("path=%s vms=%u ", path->name, vms);
	if (part)
		printf("part=%s ", path->part[part - 1]);
	printf("unit=%s n=%u min=%llu median=%llu max=%llu p90=%llu", bench_unit(), r->n,
	       f.min, f.median, f.max, f.p90);
	if (!part)
		printf(" sleeps=%lu", r->sleeps);
	printf("\n");
}

static int failed(struct bench *b, const struct bench_path *path, int rc)
{
	fprintf(stderr, "cmdqv-bench: %s: %s: %s (%d)\n", path->name, b->step,
		strerror(-rc), -rc);
	return 1;
}

static int measure(struct bench *b, const struct bench_path *path,
		   unsigned int vms, unsigned int samples)
{
	struct bench_result r;
	unsigned int part;
	int rc;

	rc = bench_run(b, path, samples ?: path->samples, &r);
	if (rc > 0) {
		printf("skip path=%s vms=%u reason=\"%s\"\n", path->name, vms, b->skip);
		return 0;
	}
	if (rc)
		return failed(b, path, rc);
	print_figure(path, vms, &r, 0);
	for (part = 1; r.parts > 1 && part <= r.parts; part++)
		print_figure(path, vms, &r, part);
	if (!strncmp(path->name, "page0", 5))
		printf("count path=%s vms=%u faults=%lu\n", path->name, vms, r.faults);
	fflush(stdout);
	bench_result_free(&r);
	return 0;
}

static int measure_all(struct bench *b, const struct bench_path *const *paths,
		       unsigned int n, const struct options *o)
{
	struct bench_others *others;
	unsigned int c, i;
	const char *error;
	int status = 0;

	for (c = 0; c < o->counts; c++) {
		others = NULL;
		if (o->vms[c] > 1) {
			others = bench_others_open(o->vms[c] - 1, b->bdf, &error);
			if (!others) {
				fprintf(stderr, "cmdqv-bench: %u VMs: %s: %s\n",
					o->vms[c], error, strerror(errno));
				return 1;
			}
		}
		for (i = 0; i < n; i++)
			status |= measure(b, paths[i], o->vms[c], o->samples);
		bench_others_close(others);
	}
	return status;
}

static bool parse_counts(struct options *o, char *text)
{
	char *word, *rest;
	unsigned long n;

	for (o->counts = 0; (word = strsep(&text, ",")); o->counts++) {
		n = strtoul(word, &rest, 10);
		if (!*word || *rest || !n || n > BENCH_OTHERS + 1 ||
		    o->counts == MAX_COUNTS)
			return false;
		o->vms[o->counts] = n;
	}
	return o->counts;
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "list", no_argument, NULL, 'l' },
		{ "vms", required_argument, NULL, 'v' },
		{ "samples", required_argument, NULL, 's' },
		{ "repeat", required_argument, NULL, 'r' },
		{ "device", required_argument, NULL, 'd' },
		{}
	};
	struct options o = { .vms = { 1 }, .counts = 1 };
	const struct bench_path **paths;
	static struct bench b;
	unsigned int n = 0;
	const char *bdf = NULL;
	int opt, rc;

	while ((opt = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (opt) {
		case 'h':
			return usage(stdout);
		case 'l':
			return list();
		case 'v':
			if (!parse_counts(&o, optarg))
				return usage(stderr);
			break;
		case 's':
			o.samples = strtoul(optarg, NULL, 10);
			break;
		case 'r':
			o.repeat = strtoul(optarg, NULL, 10);
			break;
		case 'd':
			bdf = optarg;
			break;
		default:
			return usage(stderr);
		}
	}
	paths = calloc(bench_path_count + argc, sizeof(*paths));
	if (!paths)
		return 1;
	for (; optind < argc; optind++, n++) {
		paths[n] = bench_find(argv[optind]);
		if (!paths[n]) {
			fprintf(stderr, "cmdqv-bench: there is no path '%s', see --list\n",
				argv[optind]);
			return 2;
		}
	}
	if (!n)
		for (; n < bench_path_count; n++)
			paths[n] = &bench_paths[n];

	if (bdf) {
		snprintf(b.bdf, sizeof(b.bdf), "%s", bdf);
	} else if (vfio_find(EDU_VENDOR, EDU_DEVICE, 0, b.bdf)) {
		fprintf(stderr, "cmdqv-bench: no edu device, name another one with --device\n");
		return 1;
	}
	if (!o.repeat)
		return measure_all(&b, paths, n, &o);
	if (n != 1)
		return usage(stderr);
	rc = bench_repeat(&b, paths[0], o.repeat);
	if (rc > 0)
		printf("skip path=%s vms=1 reason=\"%s\"\n", paths[0]->name, b.skip);
	return rc < 0 ? failed(&b, paths[0], rc) : 0;
}
