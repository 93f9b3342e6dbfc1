// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Several guests behind one SMMU, each with a disk of its own and at work: each has
 * its own VINTF and VMID, none notices what becomes of another, and what one that is
 * killed has had is free for the next (isolation.rst, I2, I4, I7, I12). Then guests with two
 * devices: behind one SMMU of theirs, and each behind its own.
 *
 * A guest at work writes new data to its disk, reads it again, and reads what the host
 * has put there, over and over, and stops at the first byte that is wrong. Each buffer
 * is mapped and unmapped for it, so that there are invalidations all the time: a lost
 * one is wrong data sooner or later.
 */
#include <errno.h>
#include <unistd.h>

#include "guest_disk.h"
#include "guest_step.h"
#include "host_log.h"
#include "vcmdq.h"

/* In blocks: where a guest writes, and how much */
#define WORK_AT		(2 * DISK_BLOCKS)
#define WORK_BLOCKS	4u

/* Rounds of work that show that a guest goes on */
#define ROUNDS		3

#define SMMU		"accel=on,cmdqv=on"

/**
 * struct worker - a guest with a disk
 * @name: for people
 * @disk: the disk
 * @guest: the guest
 * @started: it has been
 * @v: its VINTF
 * @vmid: its VMID
 * @commands: what the unit has executed for it
 * @rounds: of its work, when last asked
 */
struct worker {
	const char *name;
	struct disk *disk;
	struct guest guest;
	bool started;
	unsigned int v;
	unsigned int vmid;
	struct host_commands commands;
	long rounds;
};

/**
 * struct many - the test
 * @unit: the CMDQV unit's observer
 * @log: the host's log
 * @disk: the disks
 * @killed: is killed
 * @stays: works meanwhile
 * @next: comes in the killed one's place
 * @two: has two disks
 */
struct many {
	struct observer unit;
	struct host_log log;
	struct disk disk[2];
	struct worker killed;
	struct worker stays;
	struct worker next;
	struct worker two;
};

/*
 * Work
 */

/* Have the guest work on its disk @path from now on; rounds are told in /tmp/NTH */
static void work_begin(struct worker *w, unsigned int nth, const char *path,
		       const struct disk *d)
{
	int rc;

	rc = guest_run(&w->guest, NULL,
		       "[ -b %s ] && echo 0 >/tmp/%u || exit\n"
		       "n=0\n"
		       "while dd if=/dev/urandom of=/tmp/data.%u bs=%u count=%u &&\n"
		       "	want=$(md5sum </tmp/data.%u) &&\n"
		       "	dd if=/tmp/data.%u of=%s bs=%u seek=%u oflag=direct &&\n"
		       "	got=$(dd if=%s bs=%u skip=%u count=%u iflag=direct | md5sum) &&\n"
		       "	[ \"$want\" = \"$got\" ] &&\n"
		       "	got=$(dd if=%s bs=%u count=%u iflag=direct | md5sum) &&\n"
		       "	[ \"$got\" = '%s  -' ]\n"
		       "do\n"
		       "	n=$((n + 1))\n"
		       "	echo $n >/tmp/new.%u && mv /tmp/new.%u /tmp/%u\n"
		       "done >/dev/null 2>/tmp/errors.%u && : &\n",
		       path, nth, nth, DISK_BLOCK, WORK_BLOCKS, nth, nth, path,
		       DISK_BLOCK, WORK_AT, path, DISK_BLOCK, WORK_AT, WORK_BLOCKS,
		       path, DISK_BLOCK, DISK_BLOCKS, d->sum, nth, nth, nth, nth);
	MUST(!rc, "%s: %d, is there a disk?", w->name, rc);
}

static long work_rounds(struct worker *w, unsigned int nth)
{
	char command[32];

	snprintf(command, sizeof(command), "cat /tmp/%u", nth);
	return guest_number(&w->guest, command);
}

/* It does ROUNDS more without a mistake */
static void expect_work(struct worker *w, unsigned int nth)
{
	u64 end = vmm_now_ns() + guest_patience(60) * 1000000000ull;
	long begin = work_rounds(w, nth), now;
	char *text;

	MUST(begin >= 0, "%s: %ld", w->name, begin);
	do {
		usleep(200000);
		now = work_rounds(w, nth);
	} while (now >= 0 && now < begin + ROUNDS && vmm_now_ns() < end);
	if (MUST(now >= begin + ROUNDS, "%s has stopped at round %ld of disk %u",
		 w->name, now, nth))
		return;
	guest_run(&w->guest, &text, "tail -n 5 /tmp/errors.%u", nth);
	say("%s", text);
	free(text);
}

/* From here on: a VINTF may have been another guest's, with another VMID */
static void commands_begin(struct many *m, struct worker *w)
{
	const char *r = observer_run(&m->unit, "log 1");

	memset(&w->commands, 0, sizeof(w->commands));
	r = r ? record_find(r, "head") : NULL;
	if (MUST(r, "the unit's log: %s", m->unit.reply))
		w->commands.seq = record_value(r, "seq");
}

/* Commands straight from the guest, and all with its own VMID and devices */
static void expect_commands(struct many *m, struct worker *w)
{
	u64 before = w->commands.invalidations;
	struct vintf_state state;

	host_commands(&m->unit, w->v, &w->commands);
	MUST(w->commands.invalidations > before, "%s: %llu, and %llu before",
	     w->name, w->commands.invalidations, before);
	MUST(!w->commands.foreign, "%s: %llu, the first: %s", w->name,
	     w->commands.foreign, w->commands.example);
	MUST(!observer_refused(&m->unit, w->v, NULL), "%s", w->name);
	MUST(!observer_vintf(&m->unit, w->v, &state) && state.enabled &&
	     !state.hyp_own && state.lvcmdqs == 2 && state.vmid == w->vmid,
	     "%s: VINTF %u: enabled %d, hyp_own %d, %u queues, VMID %u", w->name,
	     w->v, state.enabled, state.hyp_own, state.lvcmdqs, state.vmid);
}

/* No error of any kind in the guest */
static void expect_peace(struct worker *w)
{
	static const char *const irqs[] = { CMDQV_IRQ, GERROR_IRQ, EVTQ_IRQ };
	unsigned int i;
	char *log;
	long n;

	log = guest_log(&w->guest);
	MUST(!strstr(log, "smmu") && !strstr(log, "cmdqv") && !strstr(log, "nvme"),
	     "%s says: %s", w->name, log);
	free(log);
	for (i = 0; i < ARRAY_SIZE(irqs); i++) {
		n = guest_interrupts(&w->guest, irqs[i]);
		MUST(!n, "%ld of %s in %s", n, irqs[i], w->name);
	}
}

/*
 * Guests
 */

static void worker_start(struct worker *w, const struct guest_config *config)
{
	int rc = guest_start(&w->guest, config);

	w->started = MUST(!rc, "%s: %s", w->name, strerror(-rc));
}

/* It is up; with VINTF and VMID by its first device */
static void worker_wait(struct many *m, struct worker *w)
{
	struct vintf_state state;
	int rc;

	if (!w->started)
		return;
	rc = guest_wait_hello(&w->guest);
	if (!MUST(!rc, "%s: %s", w->name, strerror(-rc)))
		return;
	w->v = host_vintf(&m->unit, w->disk->bdf);
	if (!MUST(w->v, "%s has no VINTF", w->name))
		return;
	MUST(!observer_vintf(&m->unit, w->v, &state), "VINTF %u", w->v);
	w->vmid = state.vmid;
	commands_begin(m, w);
	/* What it said when it came up is not the matter here */
	free(guest_log(&w->guest));
}

static void worker_end(struct worker *w)
{
	if (w->started)
		guest_close(&w->guest);
	w->started = false;
}

static void all_end(struct many *m)
{
	worker_end(&m->killed);
	worker_end(&m->stays);
	worker_end(&m->next);
	worker_end(&m->two);
}

static void expect_nothing_left(struct many *m)
{
	const char *left = host_left(&m->unit, NULL);

	MUST(!left, "%s", left);
}

/*
 * Two guests, and the next
 */

static void two_guests_work(void *arg)
{
	struct many *m = arg;
	struct guest_config one = {
		.smmu = SMMU, .devices = { m->killed.disk->bdf },
	};
	struct guest_config other = {
		.smmu = SMMU, .devices = { m->stays.disk->bdf },
	};

	/* Both boot at once */
	worker_start(&m->killed, &one);
	worker_start(&m->stays, &other);
	worker_wait(m, &m->killed);
	worker_wait(m, &m->stays);
	if (steps.failed)
		return;
	MUST(m->killed.v != m->stays.v, "both have VINTF %u", m->stays.v);
	MUST(m->killed.vmid != m->stays.vmid, "both have VMID %u", m->stays.vmid);
	host_log_lines(&m->log);

	work_begin(&m->killed, 0, "/dev/nvme0n1", m->killed.disk);
	work_begin(&m->stays, 0, "/dev/nvme0n1", m->stays.disk);
	expect_work(&m->killed, 0);
	expect_work(&m->stays, 0);
	expect_commands(m, &m->killed);
	expect_commands(m, &m->stays);
	expect_peace(&m->killed);
	expect_peace(&m->stays);
	MUST(!host_log_lines(&m->log), "the host says: %s", m->log.example);
}

/* The state that the unit has of a VINTF is that of a free one */
static bool vintf_is_free(struct many *m, unsigned int v)
{
	struct vintf_state state;

	return !observer_vintf(&m->unit, v, &state) && !state.enabled &&
	       !state.lvcmdqs && !host_vintf(&m->unit, m->killed.disk->bdf);
}

/* SIGKILL in the middle of its work: what it had is free, and nobody notices */
static void one_is_killed(void *arg)
{
	struct many *m = arg;
	u64 end = vmm_now_ns() + guest_patience(10) * 1000000000ull;
	int rc;

	rc = guest_kill(&m->killed.guest);
	MUST(rc == 128 + 9, "%d", rc);
	/* What the kernel still does when the process can be waited for */
	while (!vintf_is_free(m, m->killed.v) && vmm_now_ns() < end)
		usleep(20000);
	MUST(vintf_is_free(m, m->killed.v), "VINTF %u", m->killed.v);
	expect_work(&m->stays, 0);
	expect_commands(m, &m->stays);
	expect_peace(&m->stays);
	MUST(!host_log_lines(&m->log), "the host says: %s", m->log.example);
}

/* The next guest with the killed one's disk, while the other one works on */
static void the_next_takes_its_place(void *arg)
{
	struct many *m = arg;
	struct guest_config config = {
		.smmu = SMMU, .devices = { m->next.disk->bdf },
	};

	worker_start(&m->next, &config);
	worker_wait(m, &m->next);
	if (steps.failed)
		return;
	MUST(m->next.v != m->stays.v, "both have VINTF %u", m->stays.v);
	MUST(m->next.vmid != m->stays.vmid, "both have VMID %u", m->stays.vmid);
	work_begin(&m->next, 0, "/dev/nvme0n1", m->next.disk);
	expect_work(&m->next, 0);
	expect_work(&m->stays, 0);
	expect_commands(m, &m->next);
	expect_commands(m, &m->stays);
	expect_peace(&m->next);
	expect_peace(&m->stays);
	MUST(!host_log_lines(&m->log), "the host says: %s", m->log.example);
}

static void nothing_is_left_of_them(void *arg)
{
	struct many *m = arg;
	unsigned int i;
	int rc;

	rc = guest_quit(&m->stays.guest);
	MUST(!rc, "%d", rc);
	rc = guest_quit(&m->next.guest);
	MUST(!rc, "%d", rc);
	expect_nothing_left(m);
	/* And the host finds on the disks what it has put there */
	for (i = 0; i < ARRAY_SIZE(m->disk); i++) {
		rc = disk_return(&m->disk[i]);
		MUST(!rc, "disk %u: %s", i, strerror(-rc));
		rc = pci_give(m->disk[i].bdf, "vfio-pci");
		MUST(!rc, "disk %u: %s", i, strerror(-rc));
	}
}

/*
 * Two devices
 */

/* The guest's block device behind which @d is: the guest names them as they come up */
static void find_disk(struct guest *g, const struct disk *d, char path[16])
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		snprintf(path, 16, "/dev/nvme%un1", i);
		if (disk_is_read(g, path, d))
			return;
	}
	MUST(false, "no disk of the guest has what is on %s", d->bdf);
}

static void work_on_both(struct many *m)
{
	char path[16];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(m->disk) && !steps.failed; i++) {
		find_disk(&m->two.guest, &m->disk[i], path);
		work_begin(&m->two, i, path, &m->disk[i]);
	}
	for (i = 0; i < ARRAY_SIZE(m->disk) && !steps.failed; i++)
		expect_work(&m->two, i);
	expect_commands(m, &m->two);
	expect_peace(&m->two);
	MUST(!host_log_lines(&m->log), "the host says: %s", m->log.example);
}

/* One SMMU, so one VINTF, with a slot for each device's StreamID */
static void two_devices_behind_one_smmu(void *arg)
{
	struct many *m = arg;
	struct guest_config config = {
		.smmu = SMMU, .cpus = 2,
		.devices = { m->disk[0].bdf, m->disk[1].bdf },
	};
	unsigned int v;
	int rc;

	all_end(m);
	m->two.name = "the guest with two disks";
	worker_start(&m->two, &config);
	worker_wait(m, &m->two);
	if (steps.failed)
		return;
	v = host_vintf(&m->unit, m->disk[1].bdf);
	MUST(v == m->two.v, "VINTFs %u and %u", m->two.v, v);
	host_log_lines(&m->log);
	work_on_both(m);
	rc = guest_quit(&m->two.guest);
	MUST(!rc, "%d", rc);
	expect_nothing_left(m);
}

/* An SMMU for each device: a VINTF each, too, with queues of its own */
static void two_devices_behind_two_smmus(void *arg)
{
	struct many *m = arg;
	char device[96];
	struct guest_config config = {
		.smmu = SMMU, .devices = { m->disk[0].bdf },
		.arguments = {
			"-device", "pxb-pcie,id=pcie.9,bus_nr=64,bus=pcie.0",
			"-device", "arm-smmuv3,id=smmu.9,primary-bus=pcie.9," SMMU,
			"-device", "pcie-root-port,id=port9,bus=pcie.9,chassis=9,slot=9",
			"-device", device,
		},
	};
	struct worker second = {};
	struct vintf_state state;
	int rc;

	snprintf(device, sizeof(device),
		 "vfio-pci,id=dev9,host=%s,bus=port9,rombar=0,iommufd=iommufd0",
		 m->disk[1].bdf);
	all_end(m);
	m->two.name = "the guest with two SMMUs";
	worker_start(&m->two, &config);
	worker_wait(m, &m->two);
	if (steps.failed)
		return;
	second.name = "the second SMMU of the guest";
	second.v = host_vintf(&m->unit, m->disk[1].bdf);
	MUST(second.v && second.v != m->two.v, "VINTFs %u and %u", m->two.v,
	     second.v);
	MUST(!observer_vintf(&m->unit, second.v, &state), "VINTF %u", second.v);
	second.vmid = state.vmid;
	commands_begin(m, &second);
	host_log_lines(&m->log);
	work_on_both(m);
	expect_commands(m, &second);
	rc = guest_quit(&m->two.guest);
	MUST(!rc, "%d", rc);
	expect_nothing_left(m);
}

static const char *prepare(struct many *m)
{
	const char *why = guest_lacks();

	if (why)
		return why;
	if (observer_open(&m->unit))
		return "needs the emulated board's observer (ACPI CMQO0001)";
	if (disk_prepare(&m->disk[0], 0) || disk_prepare(&m->disk[1], 1))
		return "needs two NVMe disks, as the emulated board has";
	if (host_log_open(&m->log))
		return "cannot read /dev/kmsg";
	observer_run(&m->unit, "clear");
	m->killed.name = "the guest that is killed";
	m->killed.disk = &m->disk[0];
	m->stays.name = "the guest that stays";
	m->stays.disk = &m->disk[1];
	m->next.name = "the next guest";
	m->next.disk = &m->disk[0];
	m->two.disk = &m->disk[0];
	return NULL;
}

static void show(void *arg)
{
	struct many *m = arg;
	struct worker *worker[] = { &m->killed, &m->stays, &m->next, &m->two };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(worker); i++)
		if (worker[i]->started)
			guest_show(&worker[i]->guest, worker[i]->name);
}

static const struct step all[] = {
	{ .name = "two_guests_work",
	  .rule = two_guests_work },
	{ .name = "one_is_killed",
	  .rule = one_is_killed },
	{ .name = "the_next_takes_its_place",
	  .rule = the_next_takes_its_place },
	{ .name = "nothing_is_left_of_them",
	  .rule = nothing_is_left_of_them },
	{ .name = "two_devices_behind_one_smmu",
	  .rule = two_devices_behind_one_smmu, .alone = true },
	{ .name = "two_devices_behind_two_smmus",
	  .rule = two_devices_behind_two_smmus, .alone = true },
};

int main(void)
{
	static struct many m;
	const char *why;

	ksft_print_header();
	ksft_set_plan(ARRAY_SIZE(all));
	why = prepare(&m);
	if (why) {
		steps_skip(all, ARRAY_SIZE(all), why);
		ksft_finished();
	}
	steps_run(all, ARRAY_SIZE(all), &m, show);
	all_end(&m);
	pci_give(m.disk[0].bdf, NULL);
	pci_give(m.disk[1].bdf, NULL);
	host_log_close(&m.log);
	observer_close(&m.unit);
	ksft_finished();
}
