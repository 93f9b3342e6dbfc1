// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What happens to guests: they are stopped, reset, killed under load, start another
 * kernel, panic. After each of these the guest, the next one in the same QEMU or a new
 * QEMU's works: with queues of its own, with a disk that has what was written to it.
 * And between them nothing is left: no queue over a reset, nothing at all over an end
 * of QEMU.
 *
 * Each guest lives as long as it can, so results depend on each other: what can't be
 * tried after a failure is reported as failed.
 */
#define _GNU_SOURCE
#include <signal.h>

#include "guest_life.h"
#include "kernel_log.h"

#define LIMIT_S	600

/* Memory for the kernel that is there for a panic, in MiB: all that it has */
#define CRASH	"160"

static struct life life = { .guest = { .pidfd = -1 } };
static int warnings;

/* All that the two guests share */
static bool start(void)
{
	struct guest_config config = {
		.smmu = "accel=on,cmdqv=on",
		.memory_mb = 512,
		.append = "crashkernel=" CRASH "M panic=0",
		.arguments = { "-device", "pvpanic-pci,bus=pcie.0",
			       "-action", "panic=pause" },
		.programs = { LIFE_KERNEL, "kexec-file" },
	};

	return life_start(&life, &config);
}

static bool qmp(const char *command)
{
	int rc = guest_qmp(&life.guest, NULL, "{'execute': '%s'}", command);

	return !rc || no("QEMU refuses %s: %s", command, strerror(-rc));
}

/*
 * The VINTF stays, as the VMM's vIOMMU does; its queues, which point to memory that is
 * somebody else's now, are gone. Linux takes seconds to come to new ones.
 */
static bool reset_has_unmapped(void)
{
	struct vintf_state state;
	int mapped;

	if (!life_event(&life, "RESET"))
		return false;
	mapped = life_queues(&life, false);
	if (observer_vintf(&life.unit, life.v, &state))
		return no("the unit does not answer");
	return (state.enabled && !state.hyp_own && !mapped) ||
	       no("after the reset: enabled=%u hyp_own=%u, %d queues mapped",
		  state.enabled, state.hyp_own, mapped);
}

static bool starts(void)
{
	return life_prepare(&life) && start() && life_works(&life);
}

/* Under load: nothing goes on, nothing is lost */
static bool stop_and_cont(void)
{
	struct vintf_state before, after;
	int queues;
	u64 executed;

	if (!life_io(&life) || !qmp("stop") || !life_event(&life, "STOP"))
		return false;
	/* What the device still had to do */
	usleep(200000);
	queues = life_queues(&life, true);
	executed = observer_executed(&life.unit, life.v);
	if (observer_vintf(&life.unit, life.v, &before))
		return no("the unit does not answer");
	usleep(300000);
	if (observer_executed(&life.unit, life.v) != executed)
		return no("a stopped guest executes commands");
	if (!qmp("cont") || !life_event(&life, "RESUME") || !life_is_busy(&life, 100) ||
	    observer_vintf(&life.unit, life.v, &after))
		return false;
	if (before.vmid != after.vmid || queues != life_queues(&life, true))
		return no("VMID %u and %d queues, then VMID %u and %d queues", before.vmid,
			  queues, after.vmid, life_queues(&life, true));
	return life_works(&life);
}

static bool system_reset(void)
{
	return qmp("system_reset") && reset_has_unmapped() && life_again(&life) &&
	       life_works(&life);
}

static bool killed(void)
{
	int rc;

	if (!life_io(&life))
		return false;
	rc = guest_kill(&life.guest);
	return (rc == 128 + SIGKILL || no("cannot kill QEMU: %d", rc)) &&
	       life_left_nothing(&life);
}

static bool next_guest(void)
{
	return start() && life_works(&life);
}

static bool other_kernel(void)
{
	return life_kexec(&life, "") && life_works(&life);
}

static bool send(const char *command)
{
	int rc = guest_send(&life.guest, "%s", command);

	return !rc || no("the guest can't be told: %s", strerror(-rc));
}

/* The first kernel had all in use and has undone nothing of it */
static bool crash_kernel(void)
{
	return life_pack_initrd(&life) &&
	       guest_says(&life, NULL, 0, "kexec-file -p /bin/%s %s \"$(%s) nr_cpus=1\"",
			  LIFE_KERNEL, LIFE_INITRD,
			  "sed 's/crashkernel=[^ ]*//' /proc/cmdline") &&
	       guest_says(&life, NULL, 0, "rm " LIFE_INITRD) && life_io(&life) &&
	       send("echo c >/proc/sysrq-trigger") && life_again(&life) &&
	       guest_says(&life, NULL, 0, "free -m | awk '/^Mem/ { exit $2 > " CRASH " }'") &&
	       life_works(&life);
}

static bool reboots(void)
{
	return send("reboot -f") && reset_has_unmapped() && life_again(&life) &&
	       life_works(&life);
}

/* Paused by QEMU with all in use, then reset */
static bool panics(void)
{
	return life_io(&life) && send("echo c >/proc/sysrq-trigger") &&
	       life_event(&life, "GUEST_PANICKED") &&
	       qmp("system_reset") && reset_has_unmapped() && qmp("cont") &&
	       life_again(&life) && life_works(&life);
}

static bool quits(void)
{
	int rc;

	if (!life_io(&life))
		return false;
	rc = guest_quit(&life.guest);
	return (!rc || no("QEMU has ended with %d", rc)) && life_left_nothing(&life);
}

static bool no_warning(void)
{
	char line[256];

	return !kernel_has_warned(warnings, line, sizeof(line)) || no("%s", line);
}

static const struct life_result results[] = {
	{ "a guest starts", starts, LIFE_GOES_ON },
	{ "it is stopped under load and continued", stop_and_cont, LIFE_GOES_ON },
	{ "it is reset under load: its queues are gone, the next guest works",
	  system_reset, LIFE_GOES_ON },
	{ "its QEMU is killed under load: nothing is left", killed, LIFE_ENDS },
	{ "the next guest works", next_guest, LIFE_BEGINS },
	{ "it goes over to another kernel, which works", other_kernel, LIFE_GOES_ON },
	{ "it panics under load, and the kernel for that works", crash_kernel, LIFE_GOES_ON },
	{ "it reboots: its queues are gone, the next guest works", reboots, LIFE_GOES_ON },
	{ "it panics under load and is reset: its queues are gone, the next guest works",
	  panics, LIFE_GOES_ON },
	{ "its QEMU is told to quit under load: nothing is left", quits, LIFE_ENDS },
	{ "the host's kernel has warned of nothing", no_warning, LIFE_BEGINS },
};

/* NULL or what is missing */
static const char *find_all(void)
{
	const char *why = guest_lacks();

	if (why)
		return why;
	if (observer_open(&life.unit))
		return "needs the emulated board's observer (ACPI CMQO0001)";
	if (vfio_find(NVME_VENDOR, NVME_DEVICE, 0, life.bdf))
		return "needs an NVMe disk, as the emulated board has";
	return NULL;
}

int main(void)
{
	ksft_print_header();
	/* Nobody may wait forever */
	alarm(guest_patience(LIMIT_S));
	warnings = kernel_log_open();
	life_results(&life, results, ARRAY_SIZE(results), find_all());
	ksft_finished();
}
