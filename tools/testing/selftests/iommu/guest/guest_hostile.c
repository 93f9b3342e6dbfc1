// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A guest whose driver of the command queues does what it wants: it disables and
 * enables what is in use, moves queues, sends what it may not, keeps no rule of order,
 * and at last writes anything anywhere. What it gets out of that is its own affair, and
 * QEMU's. The rules are what all others see:
 *
 * - its VINTF keeps its VMID and never has HYP_OWN; nothing is executed for it that
 *   names another's VMID or StreamID, and what a guest may not send is refused;
 * - software breaks no rule of the hardware on its behalf, but for the one that a guest
 *   can break by itself (PROD ahead of its queue);
 * - another VM works on, with each of its invalidations; so does the host's own disk,
 *   through VINTF 0;
 * - the host's kernel warns of nothing, and logs next to nothing;
 * - the next guest starts clean, in the same QEMU and in a new one, and nothing is left.
 *
 * The guest's kernel must not suffer from what is done to its queues. It goes over to
 * one that leaves the CMDQV alone before the worst begins.
 */
#define _GNU_SOURCE
#include <signal.h>

#include "guest_life.h"
#include "guest_neighbour.h"
#include "kernel_log.h"

#define LIMIT_S		600

/* The random part: three seeds, each for so long */
#define RANDOM_MS	2000

/* In any five seconds, a message that is limited may come ten times */
#define MESSAGES	10

static struct life life = { .guest = { .pidfd = -1 } };
static struct neighbour neighbour;
static char host_disk_path[PATH_MAX];
static char host_disk_sum[LIFE_SUM + 1];
static int log_fd, warnings;

/* The QEMU whose guest has kept no order */
static pid_t disorderly;

/*
 * The others
 */

static bool read_host_disk(char sum[LIFE_SUM + 1])
{
	return host_says(sum, LIFE_SUM + 1, LIFE_SUM_OF, host_disk_path, LIFE_BLOCK, 0,
			 LIFE_BLOCKS);
}

static bool host_is_well(void)
{
	u64 before = observer_executed(&life.unit, 0);
	char sum[LIFE_SUM + 1];

	if (!read_host_disk(sum))
		return false;
	if (strcmp(sum, host_disk_sum))
		return no("the host's disk reads as %s, not as %s", sum, host_disk_sum);
	return observer_executed(&life.unit, 0) > before + LIFE_BLOCKS ||
	       no("the host's own queues are not in use");
}

/*
 * The guest
 */

static bool start(void)
{
	struct guest_config config = {
		.smmu = "accel=on,cmdqv=on",
		.memory_mb = 384,
		.programs = { LIFE_KERNEL, "kexec-file", "cmdqv-poke", "cmdqv-hostile" },
	};

	return life_start(&life, &config);
}

/* The VINTF is the guest's and no more than that; nobody else has its VMID */
static bool vintf_is_sane(u32 vmid)
{
	const char *r = observer_run(&life.unit, "state");
	struct vintf_state state;

	for (; (r = record_find(r, "vintf")); r = record_next(r)) {
		if (record_value(r, "v") != life.v && record_value(r, "vmid") == vmid)
			return no("%.*s", (int)strcspn(r, "\n"), r);
	}

	if (observer_vintf(&life.unit, life.v, &state))
		return no("the unit does not answer");
	return (state.enabled && !state.hyp_own && state.vmid == vmid) ||
	       no("VINTF %u: enabled=%u hyp_own=%u vmid=%u instead of %u", life.v,
		  state.enabled, state.hyp_own, state.vmid, vmid);
}

/* The only rule that a guest can break through its window */
static bool nobody_broke_a_rule(void)
{
	const char *r = observer_run(&life.unit, "counters");

	for (; (r = record_find(r, "violation")); r = record_next(r)) {
		if (record_value(r, "count") && !record_is(r, "name", "prod_overrun"))
			return no("%.*s", (int)strcspn(r, "\n"), r);
	}
	r = observer_run(&life.unit, "check");
	r = r ? record_find(r, "check") : NULL;
	return (r && record_value(r, "ok")) || no("the model: %s", r ?: "no answer");
}

/* Counted since the last call; those for debugging are not */
static bool log_is_quiet(void)
{
	unsigned int n = 0, level;
	char record[8192];
	ssize_t len;

	while (1) {
		len = read(log_fd, record, sizeof(record) - 1);
		if (len < 0 && errno == EPIPE)
			return no("the kernel's log has overflowed");
		if (len <= 0)
			break;
		record[len] = 0;
		if (sscanf(record, "%u,", &level) != 1 || (level & 7) > 6)
			continue;
		if (n++ < 2 * MESSAGES)
			ksft_print_msg("the host's log: %.*s\n",
				       (int)strcspn(record, "\n"), record);
	}
	return n <= MESSAGES || no("%u messages", n);
}

static bool others_are_well(void)
{
	return nobody_broke_a_rule() && neighbour_is_well(&neighbour) && host_is_well() &&
	       log_is_quiet();
}

static bool all_is_well(u32 vmid)
{
	return vintf_is_sane(vmid) && life_nothing_foreign(&life) && others_are_well();
}

static u32 vmid_now(void)
{
	struct vintf_state state;

	return life_has_vintf(&life) && !observer_vintf(&life.unit, life.v, &state) ?
	       state.vmid : 0;
}

/* The guest as it is after a start: with what that has logged, nothing is compared */
static bool works(void)
{
	lseek(log_fd, 0, SEEK_END);
	return life_works(&life) && all_is_well(vmid_now());
}

static bool starts(void)
{
	return neighbour_starts(&neighbour) && life_prepare(&life) &&
	       read_host_disk(host_disk_sum) && start() && works();
}

/*
 * By the rules, but by nobody that the kernel knows
 */

/* What the kernel's driver has last put into its queues; nothing is in flight */
#define PROD	"/tmp/prod"
#define SAVE	"cmdqv-poke LVCMDQ0_PROD LVCMDQ1_PROD >" PROD
/* Both queues as they were */
#define CONS	"$(sed s/PROD/CONS/ " PROD ") "
#define ENABLE	"LVCMDQ0_CONFIG=1 'LVCMDQ0_STATUS?1=1' LVCMDQ1_CONFIG=1 'LVCMDQ1_STATUS?1=1'"
#define DISABLE	"LVCMDQ1_CONFIG=0 'LVCMDQ1_STATUS?1=0' LVCMDQ0_CONFIG=0 'LVCMDQ0_STATUS?1=0'"
#define RESTORE	CONS "$(cat " PROD ") " ENABLE

static bool pokes(const char *operations)
{
	return guest_says(&life, NULL, 0, "cmdqv-poke %s", operations);
}

static bool saves(void)
{
	return guest_says(&life, NULL, 0, SAVE);
}

static bool no_queue_is(bool running)
{
	int n = life_queues(&life, running);

	return !n || no("%d queues are %s", n, running ? "in use" : "mapped");
}

static bool works_as_before(u32 vmid)
{
	return life_works(&life) && all_is_well(vmid);
}

static bool toggles_queues(void)
{
	u32 vmid = vmid_now();

	return pokes(DISABLE) && no_queue_is(true) && pokes(ENABLE) && works_as_before(vmid);
}

static bool toggles_vintf(void)
{
	u32 vmid = vmid_now();

	return saves() && pokes("VINTF0_CONFIG=0 'VINTF0_STATUS?1=0'") &&
	       no_queue_is(false) && vintf_is_sane(vmid) &&
	       pokes("VINTF0_CONFIG=1 'VINTF0_STATUS?1=1' " RESTORE) && works_as_before(vmid);
}

static bool toggles_unit(void)
{
	u32 vmid = vmid_now();

	return saves() && guest_says(&life, NULL, 0, "cmdqv-poke CMDQV_CONFIG >/tmp/config") &&
	       pokes("CMDQV_CONFIG=0 'CMDQV_STATUS?1=0'") &&
	       no_queue_is(false) && vintf_is_sane(vmid) &&
	       pokes("$(cat /tmp/config) 'CMDQV_STATUS?1=1' " RESTORE) && works_as_before(vmid);
}

/* Where VCMDQ @lvcmdq of the guest lies in the host's memory */
static u64 base_of(unsigned int lvcmdq)
{
	const char *r = observer_run(&life.unit, "state");

	for (; (r = record_find(r, "vcmdq")); r = record_next(r)) {
		if (record_value(r, "allocated") && record_value(r, "vintf") == life.v &&
		    record_value(r, "lvcmdq") == lvcmdq)
			return record_value(r, "base");
	}
	return 0;
}

/*
 * Queue 1, which a guest with one CPU does not use, moves to where queue 0 is; and
 * back. The other way around QEMU 11.1 loses track, see killed_without_order().
 */
static bool rewrites_base(void)
{
	u64 base[2] = { base_of(0), base_of(1) };
	u32 vmid = vmid_now();

	if (!saves() ||
	    !guest_says(&life, NULL, 0, "cmdqv-poke LVCMDQ0_BASE LVCMDQ1_BASE >/tmp/base") ||
	    !pokes("$(sed -n s/LVCMDQ0/LVCMDQ1/p /tmp/base)"))
		return false;
	if (base_of(0) != base[0] || base_of(1) != base[0])
		return no("moved from 0x%llx to 0x%llx instead of 0x%llx", base[1],
			  base_of(1), base[0]);
	return pokes("$(grep LVCMDQ1 /tmp/base) " RESTORE) &&
	       ((base_of(0) == base[0] && base_of(1) == base[1]) ||
		no("0x%llx and 0x%llx have become 0x%llx and 0x%llx", base[0], base[1],
		   base_of(0), base_of(1))) &&
	       works_as_before(vmid);
}

/*
 * By no rules
 */

/* To a kernel that has nothing to do with the CMDQV; so nothing comes from queues */
static bool leaves_unit_alone(void)
{
	u64 before;

	if (!life_kexec(&life, "arm_smmu_v3.disable_cmdqv=1"))
		return false;
	before = observer_executed(&life.unit, life.v);
	return life_disk_works(&life) &&
	       (observer_executed(&life.unit, life.v) == before ||
		no("commands come from its queues all the same"));
}

/* Sum of what was refused to the guest */
static u64 refused(void)
{
	const char *r = observer_run(&life.unit, "counters");
	u64 n = 0;

	for (; (r = record_find(r, "refused")); r = record_next(r)) {
		if (record_value(r, "v") == life.v)
			n += record_value(r, "count");
	}
	return n;
}

/*
 * QEMU 11.1 may find it too much and end, of a SIGSEGV of its own as a rule: its affair,
 * if its VINTF goes with it. A SIGBUS would be the kernel's doing: memory or a window has
 * been taken away. What was executed last can't be compared with what was the guest's any
 * more, but the model's own check can.
 */
static bool qemu_has_ended(void)
{
	unsigned int tries = guest_patience(5) * 20;
	int status;

	if (guest_run(&life.guest, NULL, ":") != -EPIPE)
		return false;
	status = guest_wait_end(&life.guest);
	no("QEMU has ended with %d, and with it this guest", status);
	while (host_vintf(&life.unit, life.bdf) && tries--)
		usleep(50000);
	return status >= 0 && status != 128 + SIGBUS;
}

/* Others don't notice that QEMU ends; what was to be seen of it is looked for once more */
static bool in_some_qemu(bool (*step)(void))
{
	unsigned int tries = 3;

	while (!step()) {
		if (!qemu_has_ended() || host_vintf(&life.unit, life.bdf) ||
		    !others_are_well() || !--tries)
			return false;
		life_forget(&life, false);
		if (!start() || !works() || !leaves_unit_alone())
			return false;
	}
	return true;
}

/* Have it done, and look at all the others meanwhile */
static bool __printf(1, 2) runs_hostile(const char *fmt, ...)
{
	u32 vmid = vmid_now();
	char command[128];
	char *text = NULL;
	va_list ap;
	int rc;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	if (!vmid || !guest_says(&life, NULL, 0, "rm -f /tmp/status") ||
	    !guest_says(&life, NULL, 0,
			"{ cmdqv-hostile %s >/tmp/hostile 2>&1; echo $? >/tmp/status; } "
			LIFE_BACKGROUND, command))
		return false;
	do {
		if (!all_is_well(vmid))
			return false;
		rc = guest_run(&life.guest, NULL, "test -e /tmp/status");
	} while (rc == 1);
	if (!rc)
		rc = guest_run(&life.guest, &text, "cat /tmp/hostile; exit $(cat /tmp/status)");
	no("cmdqv-hostile %s: %d\n%s", command, rc, text ?: "");
	free(text);
	return !rc && all_is_well(vmid);
}

/* The program knows which ones have to be refused, and found them refused, all 16 */
static bool sends_commands(void)
{
	u64 before = refused(), after;

	if (!runs_hostile("commands"))
		return false;
	after = refused();
	return after - before >= 16 || no("only %llu were refused", after - before);
}

static bool breaks_order(void)
{
	u64 before = life.seen.seen + refused();

	disorderly = life.guest.pid;
	return runs_hostile("order") &&
	       (life.seen.seen + refused() > before ||
		no("the hardware has seen nothing of it")) &&
	       life_disk_works(&life);
}

static bool writes_anything(void)
{
	unsigned int seed;
	u64 before = life.seen.seen + refused();

	for (seed = 1; seed <= 3; seed++) {
		if (runs_hostile("random %u %u", seed, RANDOM_MS))
			continue;
		if (!qemu_has_ended())
			return false;
		return !host_vintf(&life.unit, life.bdf) && others_are_well();
	}
	if (life.seen.seen + refused() <= before + 100)
		return no("the hardware has seen nothing of it");
	return life_disk_works(&life);
}

static bool resets_after_disorder(void)
{
	int rc;

	if (disorderly != life.guest.pid && !breaks_order())
		return false;
	rc = guest_qmp(&life.guest, NULL, "{'execute': 'system_reset'}");
	return (!rc || no("QEMU refuses system_reset: %s", strerror(-rc))) &&
	       life_again(&life) && works();
}

/*
 * QEMU 11.1 destroys queue 0 before queue 1 if the guest unmaps them so, which the
 * kernel refuses; QEMU forgets queue 0 nevertheless. What the guest had at the end of
 * QEMU goes all the same.
 */
static bool killed_without_order(void)
{
	int rc;

	if (qemu_has_ended())
		return others_are_well();
	rc = guest_send(&life.guest, "cmdqv-hostile order last");
	if (rc)
		return no("cannot say so: %s", strerror(-rc));
	/* Its kernel has got into trouble, so it does not tell when it is done. */
	sleep(2);
	if (!all_is_well(vmid_now()))
		return false;
	rc = guest_kill(&life.guest);
	return rc == 128 + SIGKILL || no("cannot kill QEMU: %d", rc);
}

static bool next_in_new_qemu(void)
{
	return start() && works();
}

static bool ends(void)
{
	int rc = guest_quit(&life.guest);
	bool ok = !rc || no("QEMU has ended with %d", rc);

	ok &= neighbour_ends(&neighbour);
	return life_left_nothing(&life) && ok;
}

static bool no_warning(void)
{
	char line[256];

	return !kernel_has_warned(warnings, line, sizeof(line)) || no("%s", line);
}

static bool commands_in_some_qemu(void)
{
	return in_some_qemu(sends_commands);
}

static bool disorder_in_some_qemu(void)
{
	return in_some_qemu(breaks_order);
}

static bool next_in_same_qemu(void)
{
	return in_some_qemu(resets_after_disorder);
}

static bool random_in_other_kernel(void)
{
	return leaves_unit_alone() && writes_anything();
}

static const struct life_result results[] = {
	{ "a guest starts beside another VM", starts, LIFE_GOES_ON },
	{ "it disables and enables its queues", toggles_queues, LIFE_GOES_ON },
	{ "it disables and enables its VINTF: meanwhile no queue is mapped",
	  toggles_vintf, LIFE_GOES_ON },
	{ "it disables and enables its unit: meanwhile no queue is mapped",
	  toggles_unit, LIFE_GOES_ON },
	{ "it moves a running queue over another one, and back", rewrites_base, LIFE_GOES_ON },
	{ "it goes over to a kernel that leaves the unit alone", leaves_unit_alone, LIFE_GOES_ON },
	{ "commands that a guest may not send are refused", commands_in_some_qemu,
	  LIFE_GOES_ON },
	{ "a driver that keeps no order harms nobody", disorder_in_some_qemu,
	  LIFE_GOES_ON },
	{ "the next guest in this QEMU works", next_in_same_qemu, LIFE_GOES_ON },
	{ "a driver that writes anything anywhere harms nobody",
	  random_in_other_kernel, LIFE_GOES_ON },
	{ "QEMU has lost track of queues, and is killed unless it has ended",
	  killed_without_order, LIFE_ENDS },
	{ "the next guest in a new QEMU works", next_in_new_qemu, LIFE_BEGINS },
	{ "nothing is left", ends, LIFE_ENDS },
	{ "the host's kernel has warned of nothing", no_warning, LIFE_BEGINS },
};

/* NULL or what is missing */
static const char *find_all(void)
{
	const char *why = guest_lacks();
	char bdf[16];

	if (why)
		return why;
	if (observer_open(&life.unit))
		return "needs the emulated board's observer (ACPI CMQO0001)";
	if (vfio_find(NVME_VENDOR, NVME_DEVICE, 0, life.bdf) ||
	    vfio_find(NVME_VENDOR, NVME_DEVICE, 1, bdf) ||
	    host_disk(bdf, host_disk_path))
		return "needs two NVMe disks, as the emulated board has";
	if (vfio_find(EDU_VENDOR, EDU_DEVICE, 0, neighbour.bdf))
		return "needs an edu device, as the emulated board has";
	return NULL;
}

int main(void)
{
	ksft_print_header();
	/* Nobody may wait forever */
	alarm(guest_patience(LIMIT_S));
	warnings = kernel_log_open();
	log_fd = kernel_log_open();
	life_results(&life, results, ARRAY_SIZE(results), find_all());
	ksft_finished();
}
