// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a real guest costs the host: no test, a part of "make bench".
 *
 *	guest_cost on|off [STRACE]
 *
 * starts an unmodified QEMU with a guest that has an SMMU, with command queues of its own
 * (cmdqv=on) or without, lets it boot and read from an NVMe disk, and prints what
 * the host had to do, in lines as cmdqv-bench prints them: for the boot, and for the
 * reading per 1,000 unmaps of the guest. The guest is strict, so each of its unmaps is
 * a TLBI, through whichever queue.
 *
 *	exits		from the guest to KVM, all of them, by KVM's own count
 *	user_exits	those of them that QEMU had to emulate an access for
 *	ioctls		of QEMU, all of them, KVM_RUN included; while it reads only
 *	invalidate	those of them that are IOMMU_HWPT_INVALIDATE
 *	trapped		commands that QEMU took from the SMMU's queue, by its own trace
 *	direct		commands that came straight from the guest's queues, by the
 *			board's observer
 *
 * STRACE is the program strace, which counts the ioctls. It makes QEMU slower, and
 * changes no count. Without it they are not counted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"
#include "guest_can.h"
#include "guest_host.h"
#include "vfio.h"

#define KVM_STATS	"/sys/kernel/debug/kvm"
/* Requests of 4 KiB; each is at least one mapping and unmapping */
#define BLOCKS		2048u
#define READ		"dd if=/dev/nvme0n1 of=/dev/null bs=4k count=%u iflag=direct"
#define LIMIT_S		600
/* What strace writes, and QEMU */
#define IOCTL_LOG	"/tmp/guest_cost.ioctls"
#define TRACE_LOG	"/tmp/guest_cost.trace"
/* A command in the SMMU's own queue, which QEMU emulates */
#define TRACE_EVENT	"smmuv3_cmdq_opcode"

/* Opcodes of SMMUv3 */
#define TLBI_FIRST	0x10
#define TLBI_LAST	0x2f

enum what { EXITS, USER_EXITS, IOCTLS, INVALIDATE, TRAPPED, DIRECT, UNMAPS, COUNTS };

static const char *const names[COUNTS] = {
	[EXITS] = "exits",
	[USER_EXITS] = "user_exits",
	[IOCTLS] = "ioctls",
	[INVALIDATE] = "invalidate",
	[TRAPPED] = "trapped",
	[DIRECT] = "direct",
};

/**
 * struct counts - what there was since the guest was started
 * @n: by enum what
 */
struct counts {
	u64 n[COUNTS];
};

static int complain(const char *what, int rc)
{
	fprintf(stderr, "guest_cost: %s: %s\n", what, strerror(-rc));
	return rc;
}

static int kvm_stat(const char *name, u64 *value)
{
	char path[128];
	FILE *f;
	int n;

	snprintf(path, sizeof(path), KVM_STATS "/%s", name);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	n = fscanf(f, "%llu", (unsigned long long *)value);
	fclose(f);
	return n == 1 ? 0 : -EIO;
}

/* Is anybody tracing that process? */
static bool is_traced(pid_t pid)
{
	char path[32], line[128];
	int tracer = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "TracerPid: %d", &tracer) == 1)
			break;
	if (f)
		fclose(f);
	return tracer;
}

/* Its pid when it has all threads of QEMU, or a negative errno */
static pid_t strace_start(const char *strace, pid_t qemu)
{
	unsigned int tries = guest_patience(10) * 100;
	pid_t pid;
	char arg[16];

	snprintf(arg, sizeof(arg), "%d", qemu);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		execl(strace, strace, "-f", "-q", "-X", "raw", "-e", "trace=ioctl", "-e",
		      "signal=none", "-o", IOCTL_LOG, "-p", arg, NULL);
		_exit(127);
	}
	/* The first thread that it attaches to is the one asked for */
	while (!is_traced(qemu)) {
		if (waitpid(pid, NULL, WNOHANG) || !tries--)
			return -ENOEXEC;
		usleep(10000);
	}
	/* The others follow at once */
	sleep(1);
	return pid;
}

static int strace_stop(pid_t pid)
{
	int status;

	/* It lets go of QEMU, and ends as by that signal */
	kill(pid, SIGINT);
	return waitpid(pid, &status, 0) == pid ? 0 : -errno;
}

/* Lines of strace's, one a call */
static int count_ioctls(struct counts *c)
{
	size_t size = 0;
	char *line = NULL;
	FILE *f = fopen(IOCTL_LOG, "re");

	if (!f)
		return -errno;
	while (getline(&line, &size, f) > 0) {
		/* The second half of a call that another thread's came between */
		if (strstr(line, "resumed>") || !strstr(line, "ioctl("))
			continue;
		c->n[IOCTLS]++;
		c->n[INVALIDATE] += !!strstr(line, ", 0x3b8d,");
	}
	free(line);
	fclose(f);
	return c->n[IOCTLS] ? 0 : -ENODATA;
}

/* By the board's observer: those of VINTF 0 are the host's own */
static int count_direct(struct observer *unit, struct counts *c)
{
	const char *r = observer_run(unit, "counters");

	if (!r)
		return -EIO;
	for (; (r = record_find(r, "executed")); r = record_next(r)) {
		u64 op = record_value(r, "opcode"), n = record_value(r, "count");

		if (!record_value(r, "v"))
			continue;
		c->n[DIRECT] += n;
		if (op >= TLBI_FIRST && op <= TLBI_LAST)
			c->n[UNMAPS] += n;
	}
	return 0;
}

/* By QEMU's trace: a line each, with the command's name */
static int count_trapped(struct counts *c)
{
	size_t size = 0;
	char *line = NULL;
	FILE *f = fopen(TRACE_LOG, "re");

	if (!f)
		return -errno;
	while (getline(&line, &size, f) > 0) {
		if (!strstr(line, TRACE_EVENT))
			continue;
		c->n[TRAPPED]++;
		c->n[UNMAPS] += !!strstr(line, "TLBI");
	}
	free(line);
	fclose(f);
	/* The guest's first commands are for that queue whatever it has besides */
	return c->n[TRAPPED] ? 0 : -ENODATA;
}

static int count(struct observer *unit, struct counts *c)
{
	int rc;

	memset(c, 0, sizeof(*c));
	rc = kvm_stat("exits", &c->n[EXITS]);
	if (!rc)
		rc = kvm_stat("mmio_exit_user", &c->n[USER_EXITS]);
	if (rc)
		return complain("no statistics of KVM's in " KVM_STATS, rc);
	rc = count_direct(unit, c);
	if (rc)
		return complain("the unit's observer", rc);
	rc = count_trapped(c);
	return rc ? complain("QEMU's trace", rc) : 0;
}

static void print_one(const char *when, enum what w, const char *mode, u64 unmaps,
		      unsigned long long value)
{
	printf("path=guest_%s_%s_%s vms=1 unit=%s n=%llu min=%llu median=%llu max=%llu p90=%llu\n",
	       when, names[w], mode, unmaps ? "per-1000-unmaps" : "count",
	       unmaps ? (unsigned long long)unmaps : 1, value, value, value, value);
}

static int print(const char *mode, const struct counts *booted, const struct counts *from,
		 const struct counts *to)
{
	u64 unmaps = to->n[UNMAPS] - from->n[UNMAPS];
	enum what w;

	if (unmaps < BLOCKS)
		return complain("each request has to be unmapped", -ENODATA);
	printf("# cmdqv=%s: %llu unmaps at boot, %llu while it read\n", mode,
	       (unsigned long long)booted->n[UNMAPS], (unsigned long long)unmaps);
	for (w = 0; w < UNMAPS; w++) {
		bool ioctls = w == IOCTLS || w == INVALIDATE;
		u64 n = to->n[w] - from->n[w];

		if (!ioctls)
			print_one("boot", w, mode, 0, booted->n[w]);
		if (ioctls && !to->n[IOCTLS])
			printf("skip path=guest_read_%s_%s reason=\"ioctls were not traced\"\n",
			       names[w], mode);
		else
			print_one("read", w, mode, unmaps, (n * 1000 + unmaps / 2) / unmaps);
	}
	return 0;
}

/* The guest reads, with or without strace looking on; *from and *to: counts before and after */
static int read_disk(struct guest *g, struct observer *unit, const char *strace,
		     struct counts *from, struct counts *to)
{
	pid_t tracer = 0;
	char *output;
	int rc;

	if (strace) {
		tracer = strace_start(strace, g->pid);
		if (tracer < 0)
			return complain(strace, tracer);
	}
	rc = count(unit, from);
	if (!rc) {
		rc = guest_run(g, &output, READ, BLOCKS);
		if (rc)
			fprintf(stderr, "guest_cost: %s\n", output);
		free(output);
		rc = rc ? complain("the guest can't read", -EIO) : count(unit, to);
	}
	if (!tracer)
		return rc;
	if (strace_stop(tracer))
		return complain(strace, -EIO);
	if (!rc && count_ioctls(to))
		return complain("strace has written nothing", -ENODATA);
	return rc;
}

static int measure(struct guest *g, struct observer *unit, const char *mode, const char *strace)
{
	struct counts booted, from, to;
	char *output;
	int rc;

	rc = guest_wait_hello(g);
	if (rc)
		return complain("the guest does not come up", rc);
	rc = guest_run(g, &output, "test -b /dev/nvme0n1 && " READ, 1);
	free(output);
	if (rc)
		return complain("the guest has no disk", -EIO);
	rc = count(unit, &booted);
	if (!rc)
		rc = read_disk(g, unit, strace, &from, &to);
	return rc ? rc : print(mode, &booted, &from, &to);
}

static int lacks(const char *mode, const char *why)
{
	static const char *const when[] = { "boot", "read" };
	unsigned int i;
	enum what w;

	for (i = 0; i < 2; i++)
		for (w = 0; w < UNMAPS; w++) {
			if (!i && (w == IOCTLS || w == INVALIDATE))
				continue;
			printf("skip path=guest_%s_%s_%s reason=\"%s\"\n", when[i], names[w],
			       mode, why);
		}
	return 0;
}

int main(int argc, char **argv)
{
	struct guest_config config = {};
	struct observer unit;
	enum host_can can;
	struct guest g;
	const char *why = guest_lacks();
	char bdf[16], smmu[32];
	int rc;

	if (argc < 2 || argc > 3 || (strcmp(argv[1], "on") && strcmp(argv[1], "off"))) {
		fprintf(stderr, "usage: guest_cost on|off [STRACE]\n");
		return 2;
	}
	if (!why && observer_open(&unit))
		why = "no emulated board";
	if (!why && vfio_find(NVME_VENDOR, NVME_DEVICE, 0, bdf))
		why = "no NVMe disk";
	if (why)
		return lacks(argv[1], why);
	rc = host_can(bdf, &can);
	if (rc)
		return !!complain(bdf, rc);
	if (can < CAN_QUEUE)
		return lacks(argv[1], host_cannot(can));
	alarm(guest_patience(LIMIT_S));
	snprintf(smmu, sizeof(smmu), "accel=on,cmdqv=%s", argv[1]);
	config.smmu = smmu;
	config.devices[0] = bdf;
	config.arguments[0] = "-trace";
	config.arguments[1] = TRACE_EVENT;
	config.arguments[2] = "-D";
	config.arguments[3] = TRACE_LOG;
	unlink(TRACE_LOG);
	/* host_can() has made commands of its own */
	if (!observer_run(&unit, "clear"))
		return !!complain("the unit's observer", -EIO);
	rc = guest_start(&g, &config);
	if (rc)
		return !!complain("cannot run QEMU", rc);
	rc = measure(&g, &unit, argv[1], argc > 2 ? argv[2] : NULL);
	if (rc)
		guest_show(&g, "guest");
	guest_close(&g);
	return !!rc;
}
