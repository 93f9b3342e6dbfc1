// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * iommufd_cmdqv_soak - hostile VMs among well-behaved ones, under an oracle's eyes
 *
 *	iommufd_cmdqv_soak [--commands N] [--seconds N] [--seed N]
 *
 * As many VMs as there are devices, but one, each in a process of its own: some do what
 * they want with the queues that they have (soak_hostile.c), and are killed at any time
 * and replaced; others only work, and look at each transfer of their devices
 * (soak_tenant.c). The emulated unit's delays change all the time. It goes on until N
 * commands of VMs have reached the SMMU (a million) and everything has happened that is
 * to happen, for N seconds at most (600).
 *
 * The oracle (emulator/model/oracle.h) judges each command: right VMID, right StreamID,
 * allowed opcode, owner alive, memory the owner's at that time. A single mistake, of the
 * driver or of the unit's own filter, ends the run. All that is random comes from the
 * seed, which is printed; what VMs do at the same time is not the same again.
 *
 * Prints KTAP, and figures: "# figure: NAME VALUE UNIT TEXT". Runs on the emulated
 * board, with ten or more edu or NVMe devices; skips elsewhere.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../guest/host_log.h"
#include "edu.h"
#include "files.h"
#include "hostpages.h"
#include "soak.h"

#define NVME_VENDOR	0x1b36
#define NVME_DEVICE	0x0010
#define MIN_DEVICES	10u
#define MAX_DEVICES	SOAK_SLOTS
/* Of the edu devices; disks are all for well-behaved VMs */
#define EDU_TENANTS	3u
/* Without that it is no soak: VMs killed, and rounds of each well-behaved one */
#define MIN_KILLED	20u
#define MIN_ROUNDS	20u
/* How long VMs may take to end in order */
#define END_S		120

/**
 * struct child - the process of a VM
 * @pid: it; 0: none
 * @device: index of the device that it has
 * @tenant: well-behaved
 * @kill_at: when it dies, seconds; 0: not planned
 */
struct child {
	pid_t pid;
	unsigned int device;
	bool tenant;
	double kill_at;
};

static struct {
	u64 commands;
	unsigned int seconds;
	u64 seed;
} options = { .commands = 1000000, .seconds = 600 };

static struct soak *soak;
static char device[MAX_DEVICES][16];
static unsigned int devices, disks, children, spare, forked;
static struct child child[SOAK_SLOTS];
static u64 rng;
static struct host_log host_log;
static struct soak_unit unit;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* A value of /proc/vmstat, 0 if there is none */
static long read_vmstat(const char *name)
{
	long value, found = 0;
	char key[64];
	FILE *f;

	/* Each CPU counts for itself; this has them add it up */
	write_file("/proc/sys/vm/stat_refresh", "1");
	f = fopen("/proc/vmstat", "re");
	if (!f)
		return 0;
	while (fscanf(f, "%63s %ld", key, &value) == 2)
		if (!strcmp(key, name))
			found = value;
	fclose(f);
	return found;
}

/* Pages that the kernel holds for devices at the time */
static long pinned_pages(void)
{
	return read_vmstat("nr_foll_pin_acquired") -
	       read_vmstat("nr_foll_pin_released");
}

static const char *find_devices(void)
{
	unsigned int n;

	for (n = 0; devices < MAX_DEVICES &&
	     !vfio_find(NVME_VENDOR, NVME_DEVICE, n, device[devices]); n++)
		devices++;
	disks = devices;
	for (n = 0; devices < MAX_DEVICES &&
	     !vfio_find(EDU_VENDOR, EDU_DEVICE, n, device[devices]); n++)
		devices++;
	if (devices < MIN_DEVICES || devices - disks < EDU_TENANTS + 2)
		return "needs ten edu devices or NVMe disks (grace-vm --edu)";
	for (n = 0; n < devices; n++)
		if (pci_give(device[n], "vfio-pci"))
			return "a device could not be given to vfio-pci";
	return NULL;
}

/* Has the kernel what VMs with queues need? NULL, or what is missing */
static const char *kernel_lacks(void)
{
	struct iommu_viommu_alloc none = { .size = sizeof(none) };
	int fd = iommufd_open(), rc;

	if (fd < 0)
		return "no /dev/iommu";
	rc = iommufd_ioctl(fd, IOMMU_VIOMMU_ALLOC, &none);
	close(fd);
	return rc == -ENOTTY ? "this kernel's iommufd has no vIOMMUs" : NULL;
}

/* NULL, or why this can't run here */
static const char *set_up(void)
{
	const char *why = kernel_lacks();
	int rc;

	if (why)
		return why;
	soak = mmap(NULL, sizeof(*soak), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (soak == MAP_FAILED)
		return "out of memory";
	rc = oracle_open(&soak->oracle);
	if (rc)
		return rc == -EPROTO ? "the emulated board has no oracle" :
		       "needs the emulated board's observer (ACPI CMQO0001)";
	why = find_devices();
	if (why)
		return why;
	if (host_log_open(&host_log))
		return "no /dev/kmsg";
	soak->seed = options.seed;
	soak->next_id = 1;
	rng = soak_seed(soak, 0, 0);
	return NULL;
}

/*
 * VMs
 */

static void fork_child(unsigned int i)
{
	struct child *c = &child[i];
	u32 number = ++forked;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		struct soak_vm sv = {
			.soak = soak,
			.slot = i,
			.bdf = device[c->device],
			.rng = soak_seed(soak, number, 0),
		};

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(c->tenant ? soak_tenant(&sv, c->device < disks) :
				  soak_hostile(&sv));
	}
	c->pid = pid;
	c->kill_at = 0;
	if (pid < 0)
		soak_broken(soak, "fork: %s", strerror(errno));
	/* Some die while they begin */
	if (!c->tenant && !soak_below(&rng, 4))
		c->kill_at = now() + soak_below(&rng, 200) / 1000.0;
}

/* What becomes of the VM that a process has, if it has one. The oracle is locked. */
static void tell_of(unsigned int i, const char *what)
{
	u32 id = __atomic_load_n(&soak->slot[i].id, __ATOMIC_ACQUIRE);

	/* Refused if it was not yet declared, or is no longer */
	if (id)
		observer_run(&soak->oracle.unit, "oracle %s id=%u", what, id);
}

/* All that the process had is released now, since it has been waited for */
static void bury(unsigned int i)
{
	tell_of(i, "end");
	__atomic_store_n(&soak->slot[i].id, 0, __ATOMIC_RELEASE);
	child[i].pid = 0;
}

static void kill_child(unsigned int i)
{
	struct child *c = &child[i];
	unsigned int device;

	/* It can tell the oracle nothing until it is dead, so this is the VM it has */
	oracle_lock(&soak->oracle);
	tell_of(i, "dying");
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	bury(i);
	oracle_unlock(&soak->oracle);
	soak_add(soak, SOAK_KILLED, 1);
	/* The device is given to somebody else, and here comes another one */
	device = c->device;
	c->device = spare;
	spare = device;
	fork_child(i);
}

/* Nobody ends unless told to */
static void look_after_children(void)
{
	unsigned int i;
	int status;

	for (i = 0; i < children; i++) {
		struct child *c = &child[i];

		if (!c->pid || waitpid(c->pid, &status, WNOHANG) != c->pid)
			continue;
		oracle_lock(&soak->oracle);
		bury(i);
		oracle_unlock(&soak->oracle);
		if (!soak_stopped(soak))
			soak_broken(soak, "the process of VM slot %u on %s has died: status 0x%x",
				    i, device[c->device], status);
	}
}

static void kill_some(double *next)
{
	unsigned int i;

	for (i = 0; i < children; i++)
		if (child[i].pid && child[i].kill_at && now() > child[i].kill_at)
			kill_child(i);
	if (now() < *next)
		return;
	*next = now() + 0.2 + soak_below(&rng, 1500) / 1000.0;
	i = soak_below(&rng, children);
	if (!child[i].tenant && child[i].pid)
		kill_child(i);
}

static void start_children(void)
{
	unsigned int i;

	/* One device is nobody's at a time */
	children = devices - 1;
	spare = devices - 1;
	for (i = 0; i < children; i++) {
		child[i] = (struct child){
			.device = i,
			.tenant = i < disks + EDU_TENANTS,
		};
		fork_child(i);
	}
}

/* All end, in order if they can: whether they could */
static bool end_children(void)
{
	double end = now() + END_S;
	unsigned int i, left;

	__atomic_store_n(&soak->stop, true, __ATOMIC_RELEASE);
	do {
		usleep(20000);
		look_after_children();
		for (left = 0, i = 0; i < children; i++)
			left += child[i].pid != 0;
	} while (left && now() < end);
	for (i = 0; i < children; i++) {
		if (!child[i].pid)
			continue;
		soak_broken(soak, "VM %u of slot %u did not end in %u s",
			    soak->slot[i].id, i, END_S);
		kill(child[i].pid, SIGKILL);
		waitpid(child[i].pid, NULL, 0);
		oracle_lock(&soak->oracle);
		bury(i);
		oracle_unlock(&soak->oracle);
	}
	return !left;
}

/*
 * The kernel's log: what is known to come of VMs' DMA to what they have not mapped, and
 * nothing else.
 */
static unsigned int unknown_messages(void)
{
	static const char *const known[] = {
		"event 0x10 received", ": \\x090x", "callbacks suppressed", NULL
	};
	unsigned int unknown = 0, i;
	char record[8192];
	ssize_t n;

	while ((n = read(host_log.fd, record, sizeof(record) - 1)) > 0 ||
	       (n < 0 && errno == EPIPE)) {
		if (n < 0)
			continue;
		record[n] = 0;
		record[strcspn(record, "\n")] = 0;
		for (i = 0; known[i] && !strstr(record, known[i]); i++)
			;
		if (known[i] || !host_log_matters(record))
			continue;
		if (unknown++ < 20)
			ksft_print_msg("kernel: %s\n", record);
	}
	return unknown;
}

/* Has all happened that is to happen? */
static bool enough(const struct oracle_state *s)
{
	return s->judged >= options.commands && s->fetched > s->judged &&
	       soak->count[SOAK_KILLED] >= MIN_KILLED &&
	       soak->count[SOAK_ROUNDS] >= MIN_ROUNDS * (disks + EDU_TENANTS) &&
	       soak->count[SOAK_STALE] && soak->count[SOAK_ENDED] &&
	       unit.vcmdqs && unit.used == unit.vcmdqs;
}

static void say_figure(const char *name, u64 value, const char *text)
{
	ksft_print_msg("figure: soak_%s %llu %s\n", name, value, text);
}

static void soak_along(struct oracle_state *s)
{
	double start = now(), ask = 0, say = start + 10, look = 0,
	       killing = start + 1;

	while (!soak_stopped(soak) && now() < start + options.seconds) {
		look_after_children();
		kill_some(&killing);
		if (now() > look) {
			soak_unit_delays(soak, &rng);
			soak_unit_look(soak, &unit);
			look = now() + 0.4;
		}
		usleep(20000);
		if (now() < ask)
			continue;
		ask = now() + 0.5;
		if (oracle_ask(&soak->oracle, s))
			soak_broken(soak, "the oracle does not answer");
		else if (s->violations)
			soak_broken(soak, "the oracle has seen a violation");
		if (enough(s))
			break;
		if (now() > say) {
			say += 10;
			ksft_print_msg("%.0fs: %llu commands, %llu VMs, %llu killed, %llu rounds\n",
				       now() - start, s->judged,
				       soak->count[SOAK_VMS],
				       soak->count[SOAK_KILLED],
				       soak->count[SOAK_ROUNDS]);
			fflush(stdout);
		}
	}
	say_figure("seconds", now() - start, "s for the run");
	say_figure("rate", s->judged / (now() - start), "commands/s of VMs executed");
}

static void print_figures(const struct oracle_state *s)
{
	unsigned int i;

	say_figure("commands", s->judged, "commands of VMs executed, each judged by the oracle");
	say_figure("refused_commands", s->fetched - s->judged,
		   "commands of VMs read and refused by the unit");
	say_figure("violations", s->violations, "rules broken that the oracle knows");
	say_figure("host_commands", s->host, "commands of the host's own queues, judged too");
	for (i = 0; i < SOAK_NUM_COUNTS; i++)
		say_figure(soak_counts[i].name, soak->count[i], soak_counts[i].text);
	say_figure("vintfs", unit.most_vintfs, "VINTFs of VMs at once");
	say_figure("vcmdqs", unit.most_vcmdqs, "VCMDQs at once, the host's among them");
	say_figure("vcmdqs_used", unit.used, "VCMDQs that were in use at some time");
}

static bool nothing_is_read(struct oracle_state *s)
{
	struct oracle_state later = {};

	oracle_ask(&soak->oracle, s);
	sleep(1);
	oracle_ask(&soak->oracle, &later);
	if (later.owners || later.ranges)
		ksft_print_msg("the oracle still knows %llu VMs, %llu queues\n",
			       later.owners, later.ranges);
	return !later.owners && !later.ranges && later.fetched == s->fetched;
}

static void test(void)
{
	struct hugetlb_pool pool;
	struct oracle_state s = {};
	long pinned, huge, huge_after;
	bool ended, clean;

	/* Two for each VM, and some for those that come while others go */
	hugetlb_reserve(&pool, HUGE_PAGE, 2 * devices + 8);
	huge = hugetlb_free(HUGE_PAGE);
	pinned = pinned_pages();
	ksft_print_msg("seed %llu, %u VMs at once, %ld huge pages\n", options.seed,
		       devices - 1, huge);
	start_children();
	soak_along(&s);
	ended = end_children();
	soak_unit_no_delays(soak);
	clean = soak_unit_empty(soak) && nothing_is_read(&s);
	pinned = pinned_pages() - pinned;
	huge_after = hugetlb_free(HUGE_PAGE);
	print_figures(&s);
	soak_print_oracle(soak);

	ksft_test_result(!s.violations && s.judged >= options.commands,
			 "%llu commands: right VMID, StreamID, opcode, owner and memory each\n",
			 options.commands);
	if (soak->broken)
		ksft_print_msg("%s\n", soak->why);
	ksft_test_result(!soak->broken && soak->count[SOAK_STALE] &&
			 soak->count[SOAK_ROUNDS] >= MIN_ROUNDS * (disks + EDU_TENANTS),
			 "well-behaved VMs' DMA was right all along, and what is in use stayed\n");
	ksft_test_result(ended && clean && soak->count[SOAK_KILLED] >= MIN_KILLED,
			 "VMs that ended or were killed have left nothing, nothing is read for them\n");
	ksft_test_result(unit.most_vintfs >= 8 && unit.used == unit.vcmdqs,
			 "8 VINTFs and more at once, and each queue of the unit in use\n");
	ksft_test_result(!soak_unit_violations(soak) && soak_unit_consistent(soak),
			 "no rule of the hardware was broken that a guest can't break by itself\n");
	ksft_test_result(!unknown_messages(),
			 "the host's kernel has said nothing about it\n");
	ksft_test_result(!pinned && huge == huge_after,
			 "no page has stayed pinned: %ld, huge pages %ld of %ld\n",
			 pinned, huge_after, huge);
	hugetlb_restore(&pool);
}

static u64 parse_number(const char *text)
{
	char *end;
	u64 n = strtoull(text, &end, 0);

	if (!*text || *end || *text == '-')
		ksft_exit_fail_msg("not a number: %s\n", text);
	return n;
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{ "commands", required_argument, NULL, 'c' },
		{ "seconds", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 'r' },
		{}
	};
	const char *why;
	int c;

	options.seed = time(NULL);
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 'c':
			options.commands = parse_number(optarg);
			break;
		case 's':
			options.seconds = parse_number(optarg);
			break;
		case 'r':
			options.seed = parse_number(optarg);
			break;
		default:
			fprintf(stderr, "usage: %s [--commands N] [--seconds N] [--seed N]\n",
				argv[0]);
			return 2;
		}
	}
	ksft_print_header();
	why = set_up();
	if (why) {
		ksft_set_plan(1);
		ksft_test_result_code(KSFT_SKIP, "soak", "%s", why);
		ksft_finished();
	}
	observer_run(&soak->oracle.unit, "clear");
	if (oracle_tell(&soak->oracle, "begin"))
		ksft_exit_fail_msg("the oracle can't begin\n");
	ksft_set_plan(7);
	test();
	ksft_finished();
}
