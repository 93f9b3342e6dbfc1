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

static struct life life = { .guest = { .pidfd = -1 } };
static bool failed;

/* All that the two guests share */
static bool start(void)
{
	struct guest_config config = {
		.smmu = "accel=on,cmdqv=on",
		.memory_mb = 512,
		/* As much as the kernel wants for one that is there for a panic */
		.append = "crashkernel=160M panic=0",
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
	life_forget(&life, false);
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

static bool has_room_for_crash_kernel(void)
{
	return !guest_run(&life.guest, NULL, "grep -qv '^0$' /sys/kernel/kexec_crash_size");
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
	       guest_says(&life, NULL, 0, "test -e /proc/vmcore") && life_works(&life);
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

static void result(bool ok, const char *name)
{
	failed |= !ok;
	ksft_test_result(ok, "%s\n", name);
}

int main(void)
{
	const char *why = guest_lacks();
	char warning[256];
	int log;
	bool up;

	ksft_print_header();
	if (why)
		ksft_exit_skip("%s\n", why);
	if (observer_open(&life.unit))
		ksft_exit_skip("needs the emulated board's observer (ACPI CMQO0001)\n");
	if (vfio_find(NVME_VENDOR, NVME_DEVICE, 0, life.bdf))
		ksft_exit_skip("needs an NVMe disk, as the emulated board has\n");
	/* Nobody may wait forever */
	alarm(guest_patience(LIMIT_S));
	ksft_set_plan(11);
	log = kernel_log_open();

	up = starts();
	result(up, "a guest starts");
	up = up && stop_and_cont();
	result(up, "it is stopped under load and continued");
	up = up && system_reset();
	result(up, "it is reset under load: its queues are gone, the next guest works");
	up = up && killed();
	result(up, "its QEMU is killed under load: nothing is left");
	life_forget(&life, failed);

	up = next_guest();
	result(up, "the next guest works");
	up = up && other_kernel();
	result(up, "it goes over to another kernel, which works");
	if (up && !has_room_for_crash_kernel()) {
		ksft_test_result_skip("its kernel needs CONFIG_CRASH_DUMP\n");
	} else {
		up = up && crash_kernel();
		result(up, "it panics under load, and the kernel for that works");
	}
	up = up && reboots();
	result(up, "it reboots: its queues are gone, the next guest works");
	up = up && panics();
	result(up, "it panics under load and is reset: its queues are gone, the next guest works");
	up = up && quits();
	result(up, "its QEMU is told to quit under load: nothing is left");
	life_forget(&life, failed);

	result(!kernel_has_warned(log, warning, sizeof(warning)) || no("%s", warning),
	       "the host's kernel has warned of nothing");
	ksft_finished();
}
