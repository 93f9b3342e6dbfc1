// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmdqv-bench - what a VMM with guest-owned command queues pays
 *
 * Output, a line a figure; fields of a line are NAME=VALUE, in this order, and more may
 * follow. Lines that begin with '#' are for people.
 *
 *	path=NAME vms=N unit=UNIT n=SAMPLES min=I median=I max=I p90=I [cpu=I] sleeps=I
 *	path=NAME vms=N part=PART unit=UNIT n=SAMPLES min=I median=I max=I p90=I [cpu=I]
 *	count path=NAME vms=N times=I syscalls=I faults=I
 *	skip path=NAME [vms=N] reason="TEXT"
 *	memory vms=N queue=BYTES object=OBJECT what=COUNTER bytes=I per_vm=I
 *	alloc path=NAME calls=I bytes=I kept=I
 *	vmm nr=I path=NAME ops=I
 *	lock class="NAME" contentions=I acquisitions=I wait_max_us=F hold_max_us=F at="SYMBOL..."
 *
 * vms		VINTFs that are taken by VMs, the measured one's among them
 * unit		instructions, if the counter counts those (the board's --icount); else
 *		ticks of the counter
 * cpu		the median without the time in which the program had no CPU: what a path that
 *		sleeps has itself executed, and others have not for it
 * sleeps	how often the program has waited in what was measured, in all samples. While
 *		all wait the counter goes on, so such a figure is a time.
 * count		what the kernel had to do for a process that went that path so often, and
 *		nothing else
 *
 * memory	by how much a counter of memory has grown with that object of all VMs:
 *		cgroup_*: of the memory cgroup, exact but for what the kernel does not
 *		charge to anybody; others: of /proc/meminfo, in pages, and "total" of
 *		those. Slabs that are in part empty are filled first, so those are worth
 *		something in the first rows only. "all": of all objects.
 * alloc	what the kernel allocates when the path is gone once: how often, how many
 *		bytes, and how many of those it had not freed again at the end
 * vmm		how often VMM number I did it
 * lock		of /proc/lock_stat, for all VMMs together: locks that somebody waited for, and
 *		where, and those of I/O page tables and their units in any case
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

static const char help[] =
	"usage: cmdqv-bench [OPTION...] [PATH...]\n"
	"       cmdqv-bench memory\n"
	"       cmdqv-bench vmms N SECONDS\n"
	"Measures PATHs, all of them if none is named: what each takes, one line a figure.\n"
	"memory: what VMs take of the kernel's memory, and what it allocates for each path.\n"
	"vmms: N VMMs do at once what they do in steady state; the locks they wait for.\n"
	"\n"
	"  --list          names of the paths, and what they are\n"
	"  --vms N[,N...]  with so many VINTFs taken by VMs, 1 to 63 (1); the others share\n"
	"                  all edu devices but the measured one\n"
	"  --samples N     how often each is measured (by path)\n"
	"  --repeat N PATH do it N times and measure nothing: for profilers that compare\n"
	"                  N times with 2N times\n"
	"  --device BDF    the PCI device (the first edu device)\n"
	"\n"
	"A line is \"path=NAME vms=N unit=UNIT n=SAMPLES min=I median=I max=I p90=I cpu=I\n"
	"sleeps=I\", for a part of a path with part=PART after vms=N. What has sleeps is a\n"
	"time, not a count; cpu is what the program itself was busy with.\n"
	"\"skip path=NAME vms=N reason=\"TEXT\"\": can't be measured here. The head of\n"
	"cmdqv-bench.c has the other lines.\n";

static int wrong_use(void)
{
	fputs(help, stderr);
	return 2;
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
	if (f.cpu)
		printf(" cpu=%llu", f.cpu);
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

/* What the guest's own paths are to the kernel: nothing */
static int guest_only(struct bench *b, const struct bench_path *path, unsigned int vms,
		      unsigned int times)
{
	struct guest_report report;
	int rc = bench_set_up(b, path);

	if (!rc)
		rc = bench_guest(b, path, times, &report);
	if (!rc && (report.died || report.result))
		rc = -EIO;
	rc = bench_tear_down(b, path, rc);
	if (rc)
		return failed(b, path, rc);
	printf("count path=%s vms=%u times=%u syscalls=%u faults=%lu\n", path->name, vms,
	       times, report.syscalls, report.faults);
	return 0;
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
	bench_result_free(&r);
	if (!strncmp(path->name, "page0", 5))
		rc = guest_only(b, path, vms, samples ?: path->samples);
	fflush(stdout);
	return rc;
}

static int measure_all(struct bench *b, const struct bench_path *const *paths,
		       unsigned int n, const struct options *o)
{
	struct bench_others *others;
	unsigned int c, i;
	int status = 0;
	char step[60];

	for (c = 0; c < o->counts; c++) {
		others = NULL;
		if (o->vms[c] > 1) {
			others = bench_others_open(o->vms[c] - 1, b->bdf, step);
			if (!others) {
				fprintf(stderr, "cmdqv-bench: %u VMs: %s: %s\n",
					o->vms[c], step, strerror(errno));
				return 1;
			}
		}
		for (i = 0; i < n; i++)
			status |= measure(b, paths[i], o->vms[c], o->samples);
		bench_others_close(others);
	}
	return status;
}

static int find_device(struct bench *b, const char *bdf)
{
	if (bdf) {
		snprintf(b->bdf, sizeof(b->bdf), "%s", bdf);
		return 0;
	}
	if (!vfio_find(EDU_VENDOR, EDU_DEVICE, 0, b->bdf))
		return 0;
	fprintf(stderr, "cmdqv-bench: no edu device, name another one with --device\n");
	return -ENODEV;
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

/*
 * As many VMs as there are pages for their queues: sizes of queues, of the pages that
 * they are in, and how many VMs at most
 */
static const struct {
	size_t queue;
	size_t page;
	unsigned int vms;
} kmem_rows[] = {
	{ 4UL << 10, 4UL << 10, 32 },
	{ 64UL << 10, 2UL << 20, 32 },
	{ 2UL << 20, 2UL << 20, 32 },
	{ 8UL << 20, 32UL << 20, 4 },
};

static void print_counter(unsigned int n, size_t queue, unsigned int object,
			  unsigned int counter, s64 bytes)
{
	printf("memory vms=%u queue=%zu object=%s what=%s bytes=%lld per_vm=%lld\n", n,
	       queue, bench_object_name(object), bench_counter_name(counter), bytes,
	       bytes / (int)n);
}

static int print_kmem(struct bench *b, unsigned int row)
{
	unsigned int n = kmem_rows[row].vms, object, c;
	size_t queue = kmem_rows[row].queue;
	struct bench_kmem kmem;
	int rc;

	rc = bench_kmem(b, n, queue, kmem_rows[row].page, &kmem);
	if (rc > 0) {
		printf("skip path=memory vms=%u queue=%zu reason=\"%s\"\n", n, queue,
		       b->skip);
		return 0;
	}
	if (rc) {
		fprintf(stderr, "cmdqv-bench: memory, queues of %zu bytes: %s: %s (%d)\n",
			queue, b->step, strerror(-rc), -rc);
		return 1;
	}
	for (object = 0; object <= BENCH_OBJECTS; object++)
		for (c = 0; c <= BENCH_COUNTERS; c++)
			if (kmem.known[c])
				print_counter(n, queue, object, c, kmem.bytes[object][c]);
	fflush(stdout);
	return 0;
}

/* What VMs cost in kernel memory, and what is allocated for each path */
static int memory(struct bench *b)
{
	const struct bench_path *path;
	struct bench_allocs a;
	unsigned int i;
	int status = 0, rc;

	for (i = 0; i < ARRAY_SIZE(kmem_rows); i++)
		status |= print_kmem(b, i);
	for (i = 0; i < bench_path_count; i++) {
		path = &bench_paths[i];
		rc = bench_allocs(b, path, &a);
		if (rc < 0)
			status |= failed(b, path, rc);
		else if (rc)
			printf("skip path=%s what=alloc reason=\"%s\"\n", path->name,
			       b->skip);
		else
			printf("alloc path=%s calls=%u bytes=%llu kept=%lld\n",
			       path->name, a.calls, a.bytes, a.kept);
	}
	return status;
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
	struct bench *b = aligned_alloc(64, (sizeof(*b) + 63) & ~63UL);
	unsigned int n = 0;
	const char *bdf = NULL;
	int opt, rc;

	if (!b)
		return 1;
	memset(b, 0, sizeof(*b));
	while ((opt = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (opt) {
		case 'h':
			fputs(help, stdout);
			return 0;
		case 'l':
			return list();
		case 'v':
			if (!parse_counts(&o, optarg))
				return wrong_use();
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
			return wrong_use();
		}
	}
	if (argv[optind] && !strcmp(argv[optind], "vmms")) {
		if (argc - optind != 3)
			return wrong_use();
		return bench_vmms(strtoul(argv[optind + 1], NULL, 10),
				  strtoul(argv[optind + 2], NULL, 10));
	}
	if (find_device(b, bdf))
		return 1;
	if (argv[optind] && !strcmp(argv[optind], "memory"))
		return memory(b);

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

	if (!o.repeat)
		return measure_all(b, paths, n, &o);
	if (n != 1)
		return wrong_use();
	rc = bench_repeat(b, paths[0], o.repeat);
	if (rc > 0)
		printf("skip path=%s vms=1 reason=\"%s\"\n", paths[0]->name, b->skip);
	return rc < 0 ? failed(b, paths[0], rc) : 0;
}
