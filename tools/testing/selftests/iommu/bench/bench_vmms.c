// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Several VMMs at once, each a process with a device and a VM of its own, and each doing
 * what a VMM and its guest do in steady state. They share nothing that they could help,
 * so what they wait for each other is the kernel's or the hardware's.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "edu.h"

#define MAX_VMMS	64
#define LOCK_STAT	"/proc/lock_stat"
#define LOCK_STAT_ON	"/proc/sys/kernel/lock_stat"

/* Errors come seldom, and a host may bound how many it deals with */
#define ROUNDS_PER_ERROR	200

static const char *const steady[] = {
	"page0_64", "tlbi_1", "tlbi_64", "cfgi_cd_1", "atc_inv_1", "error_poll"
};

#define STEADY	ARRAY_SIZE(steady)

/**
 * struct report - what a VMM has to say
 * @rc: 0 or a negative errno
 * @step: of what has failed
 * @ops: how often it has done each path
 */
struct report {
	int rc;
	char step[128];
	unsigned long ops[STEADY];
};

/**
 * struct vmm - a VMM
 * @pid: its process
 * @tell: where it reports: when it's ready, and when it's done
 */
struct vmm {
	pid_t pid;
	int tell;
};

static int do_round(struct bench *b, struct report *r, bool error)
{
	const struct bench_path *path;
	struct bench_took part[BENCH_PARTS];
	unsigned int i;
	int rc = 0;

	for (i = 0; i < STEADY && !rc; i++) {
		if (!error && !strcmp(steady[i], "error_poll"))
			continue;
		path = bench_find(steady[i]);
		/* Each has its own requests in the same place */
		if (path->set_up)
			rc = path->set_up(b, path);
		if (!rc)
			rc = path->once(b, path, part);
		r->ops[i] += !rc;
	}
	return rc;
}

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void report(struct bench *b, struct report *r, int rc, int tell)
{
	r->rc = rc > 0 ? -EOPNOTSUPP : rc;
	snprintf(r->step, sizeof(r->step), "%s", rc > 0 ? b->skip : b->step);
	if (write(tell, r, sizeof(*r)) != sizeof(*r))
		_exit(1);
}

/* Ready, wait for @go to end, work, done, wait for @leave to end */
static int vmm_process(const char *bdf, unsigned int seconds, int tell, int go,
		       int leave)
{
	static struct bench b;
	struct report r = {};
	unsigned long round;
	char byte;
	u64 end;
	int rc;

	snprintf(b.bdf, sizeof(b.bdf), "%s", bdf);
	rc = bench_vm_open(&b, HAS_DEVICE | HAS_VIOMMU | HAS_VDEVICE | HAS_EVENTS |
			   HAS_STAGE1 | HAS_QUEUE);
	if (!rc)
		rc = do_round(&b, &r, true);
	memset(&r, 0, sizeof(r));
	report(&b, &r, rc, tell);
	if (!rc && read(go, &byte, 1) >= 0) {
		end = now_ns() + seconds * 1000000000ULL;
		for (round = 0; !rc && now_ns() < end; round++)
			rc = do_round(&b, &r, !(round % ROUNDS_PER_ERROR));
		report(&b, &r, rc, tell);
	}
	if (read(leave, &byte, 1) < 0)
		rc = -errno;
	rc = bench_vm_close(&b) ?: rc;
	return rc ? 1 : 0;
}

/* Its next report; a process that has died has none */
static bool report_of(const struct vmm *v, struct report *r)
{
	memset(r, 0, sizeof(*r));
	if (read(v->tell, r, sizeof(*r)) != sizeof(*r)) {
		r->rc = -EPIPE;
		snprintf(r->step, sizeof(r->step), "the process has ended");
	}
	return !r->rc;
}

static bool lock_stat_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return ok;
}

/* Locks of these are told of even if nobody waited for them */
static bool is_ours(const char *class)
{
	static const char *const words[] = {
		"iommu", "smmu", "cmdq", "vintf", "viommu", "vdev", "vevent", "queue->lock",
		"iopt", "ioas", "hwpt", "igroup", "ictx", "xa_lock", "arm_lpae"
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(class, words[i]))
			return true;
	return false;
}

/**
 * struct lock_class - a class of locks, as it was used
 * @name: its name
 * @contentions: how often somebody waited
 * @acquisitions: how often somebody had it
 * @wait_max: the longest wait, microseconds
 * @hold_max: for how long somebody had it at most, microseconds
 * @at: where they waited
 */
struct lock_class {
	char name[128];
	unsigned long contentions;
	unsigned long acquisitions;
	double wait_max;
	double hold_max;
	char at[256];
};

static void print_class(const struct lock_class *c, FILE *out)
{
	if (!c->name[0] || (!c->contentions && !is_ours(c->name)))
		return;
	fprintf(out, "lock class=\"%s\" contentions=%lu acquisitions=%lu ", c->name,
		c->contentions, c->acquisitions);
	fprintf(out, "wait_max_us=%.2f hold_max_us=%.2f at=\"%s\"\n", c->wait_max,
		c->hold_max, c->at);
}

/*
 * "class name: con-bounces contentions waittime-min -max -total -avg acq-bounces
 * acquisitions holdtime-min -max -total -avg", times in us. Is it such a line?
 */
static bool read_class(char *line, struct lock_class *c)
{
	/* The names have colons of their own */
	char *end = strrchr(line, ':');

	if (!end || sscanf(end, ": %*u %lu %*f %lf %*f %*f %*u %lu %*f %lf",
			   &c->contentions, &c->wait_max, &c->acquisitions,
			   &c->hold_max) != 4)
		return false;
	*end = 0;
	snprintf(c->name, sizeof(c->name), "%s", line + strspn(line, " "));
	c->at[0] = 0;
	return true;
}

/* "class name  contentions  [<address>] symbol": first of who waited, then for whom */
static void read_point(const char *line, struct lock_class *c)
{
	const char *symbol = strstr(line, ">] ");
	size_t len = strlen(c->at);

	if (symbol)
		snprintf(c->at + len, sizeof(c->at) - len, "%s%.*s", len ? " " : "",
			 (int)strcspn(symbol + 3, "+\n"), symbol + 3);
}

void bench_lock_stat(FILE *f, FILE *out)
{
	struct lock_class class = {}, next;
	char line[512];

	while (fgets(line, sizeof(line), f)) {
		if (read_class(line, &next)) {
			print_class(&class, out);
			class = next;
		} else {
			read_point(line, &class);
		}
	}
	print_class(&class, out);
}

static void print_lock_stat(void)
{
	FILE *f = fopen(LOCK_STAT, "re");

	if (!f) {
		printf("skip path=vmms reason=\"no %s (CONFIG_LOCK_STAT)\"\n", LOCK_STAT);
		return;
	}
	bench_lock_stat(f, stdout);
	fclose(f);
}

static int start(struct vmm *v, const char *bdf, unsigned int seconds,
		 const int go[2], const int leave[2])
{
	int tell[2];

	if (pipe2(tell, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	v->pid = fork();
	if (!v->pid) {
		close(go[1]);
		close(leave[1]);
		_exit(vmm_process(bdf, seconds, tell[1], go[0], leave[0]));
	}
	close(tell[1]);
	v->tell = tell[0];
	return v->pid < 0 ? -errno : 0;
}

static int failure(unsigned int nr, const struct report *r)
{
	fprintf(stderr, "cmdqv-bench: VMM %u: %s: %s (%d)\n", nr, r->step,
		strerror(-r->rc), -r->rc);
	return 1;
}

int bench_vmms(unsigned int n, unsigned int seconds)
{
	struct vmm vmm[MAX_VMMS] = {};
	int go[2], leave[2], status = 0, ended;
	unsigned int i, p, started;
	struct report r;
	char bdf[16];

	if (!n || n > MAX_VMMS || pipe2(go, O_CLOEXEC) || pipe2(leave, O_CLOEXEC))
		return 1;
	for (started = 0; started < n && !status; started++) {
		if (vfio_find(EDU_VENDOR, EDU_DEVICE, started, bdf)) {
			fprintf(stderr, "cmdqv-bench: %u edu devices for %u VMMs\n",
				started, n);
			status = 1;
			break;
		}
		if (start(&vmm[started], bdf, seconds, go, leave))
			status = 1;
	}
	for (i = 0; i < started && !status; i++)
		if (!report_of(&vmm[i], &r))
			status = failure(i, &r);

	/* What came before is nobody's steady state */
	lock_stat_write(LOCK_STAT_ON, "1");
	lock_stat_write(LOCK_STAT, "0");
	close(go[1]);
	for (i = 0; i < started && !status; i++) {
		if (!report_of(&vmm[i], &r))
			status = failure(i, &r);
		for (p = 0; p < STEADY && !status; p++)
			printf("vmm nr=%u path=%s ops=%lu\n", i, steady[p], r.ops[p]);
	}
	lock_stat_write(LOCK_STAT_ON, "0");
	if (!status)
		print_lock_stat();
	close(leave[1]);
	for (i = 0; i < started; i++) {
		if (waitpid(vmm[i].pid, &ended, 0) != vmm[i].pid || ended)
			status = 1;
		close(vmm[i].tell);
	}
	close(go[0]);
	close(leave[0]);
	return status;
}
