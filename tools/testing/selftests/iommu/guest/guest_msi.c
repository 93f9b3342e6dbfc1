// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Interrupts of a guest's disk (MSI-X): with a vector for each CPU of the guest, moved
 * from CPU to CPU by guest and host, with the driver bound anew, the guest's stage 1
 * bypassed, the guest reset. Whatever the guest does, the disk itself sends them to
 * the window of the host's MSI pages, which the guest maps as it is: vectors are
 * allocated by the host while the guest's SMMU is on (iommufd_cmdqv_msi.c has the cases
 * that no guest of QEMU's can make).
 *
 * One guest of two CPUs for all of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/vfio.h>

#include "guest_disk.h"
#include "guest_step.h"
#include "host_log.h"
#include "irq.h"

#define DISK		"/dev/nvme0n1"
#define DRIVER		"/sys/bus/pci/drivers/nvme"
#define CPUS		2u
/* The admin queue's vector and one for each CPU */
#define VECTORS		(1 + CPUS)
/* IOMMU_RESV_SW_MSI of the host's SMMU, as guests are told by QEMU (RMR) */
#define WINDOW		0x08000000ull
#define WINDOW_SIZE	0x00100000ull

/**
 * struct msi - the test
 * @unit: the CMDQV unit's observer
 * @log: the host's log
 * @disk: the disk
 * @dev: the same, with its registers
 * @irqs: its vectors as the host has them
 * @guest: the guest
 * @started: it has been
 * @bdf: the disk's name in the guest
 */
struct msi {
	struct observer unit;
	struct host_log log;
	struct disk disk;
	struct vfio_dev dev;
	struct irqs irqs;
	struct guest guest;
	bool started;
	char bdf[16];
};

/* Interrupts that @cpu of the guest has had by queue @queue of the disk's */
static long guest_had(struct msi *m, unsigned int queue, unsigned int cpu)
{
	char command[128];

	snprintf(command, sizeof(command),
		 "awk '/nvme0q%u$/ { print $%u }' /proc/interrupts", queue,
		 cpu + 2);
	return guest_number(&m->guest, command);
}

static void expect_in_window(struct msi *m)
{
	unsigned int i;
	u64 address;
	int rc;

	for (i = 0; i < VECTORS; i++) {
		rc = irqs_address(&m->irqs, i, &address);
		if (!MUST(!rc, "vector %u: %s", i, strerror(-rc)))
			return;
		MUST(address >= WINDOW && address - WINDOW < WINDOW_SIZE,
		     "vector %u goes to 0x%llx", i, address);
	}
}

/*
 * The disk is read from each CPU, each by its own queue, whose vector interrupts just
 * this CPU; and what is read is right.
 */
static void expect_all_cpus(struct msi *m)
{
	unsigned int cpu, other;
	long before[CPUS], after;
	int rc;

	for (cpu = 0; cpu < CPUS; cpu++) {
		for (other = 0; other < CPUS; other++)
			before[other] = guest_had(m, cpu + 1, other);
		rc = guest_run(&m->guest, NULL,
			       "taskset %x dd if=" DISK " of=/dev/null bs=4k count=16 iflag=direct",
			       1u << cpu);
		MUST(!rc, "CPU %u can't read: %d", cpu, rc);
		for (other = 0; other < CPUS; other++) {
			after = guest_had(m, cpu + 1, other);
			MUST(other == cpu ? after >= before[other] + 16 :
					    after == before[other],
			     "queue %u on CPU %u: %ld, before %ld", cpu + 1, other,
			     after, before[other]);
		}
	}
	MUST(disk_is_read(&m->guest, DISK, &m->disk), "the contents");
	expect_in_window(m);
}

static void expect_silence(struct msi *m)
{
	MUST(!host_log_lines(&m->log), "the host says: %s", m->log.example);
}

static void guest_starts(void *arg)
{
	struct msi *m = arg;
	struct guest_config config = {
		.smmu = "accel=on,cmdqv=on",
		.devices = { m->disk.bdf },
		.cpus = CPUS,
	};
	char *text;
	int rc;

	rc = guest_start(&m->guest, &config);
	if (!MUST(!rc, "%s", strerror(-rc)))
		return;
	m->started = true;
	rc = guest_wait_hello(&m->guest);
	if (!MUST(!rc, "%s", strerror(-rc)))
		return;
	guest_run(&m->guest, NULL, "dmesg -n 1");
	rc = guest_run(&m->guest, &text, "cd " DRIVER " && echo 0000:*");
	MUST(!rc && sscanf(text, "%15s", m->bdf) == 1, "no disk: %s", text);
	free(text);
	host_log_lines(&m->log);
	expect_all_cpus(m);
	expect_silence(m);
}

/* Or else nothing of this file would work; QEMU's part, and the guest's */
static void guest_maps_the_window(void *arg)
{
	struct msi *m = arg;
	char *text;
	int rc;

	rc = guest_run(&m->guest, &text,
		       "cd /sys/bus/pci/devices/%3$s/iommu_group || exit 1\n"
		       "grep -x '0x%1$016llx 0x%2$016llx direct' reserved_regions",
		       WINDOW, WINDOW + WINDOW_SIZE - 1, m->bdf);
	MUST(!rc, "%s", text);
	free(text);
}

/* One admin command or more, that interrupts by queue 0's vector */
static void admin_command(struct msi *m)
{
	int rc = guest_run(&m->guest, NULL,
			   "echo 1 >/sys/class/nvme/nvme0/rescan_controller && sleep 1");

	MUST(!rc, "%d", rc);
}

static void moved_by_the_guest(void *arg)
{
	struct msi *m = arg;
	unsigned int i, cpu;
	long here, there;
	int rc;

	for (i = 0; i < 2 * CPUS + 1; i++) {
		cpu = i % CPUS;
		rc = guest_run(&m->guest, NULL,
			       "n=$(sed -n 's/^ *\\([0-9]*\\):.*nvme0q0$/\\1/p' /proc/interrupts)\n"
			       "echo %u >/proc/irq/$n/smp_affinity_list",
			       cpu);
		if (!MUST(!rc, "can't be moved to CPU %u: %d", cpu, rc))
			return;
		here = guest_had(m, 0, cpu);
		there = guest_had(m, 0, !cpu);
		admin_command(m);
		MUST(guest_had(m, 0, cpu) > here, "%ld on CPU %u", here, cpu);
		MUST(guest_had(m, 0, !cpu) == there, "%ld on CPU %u", there,
		     !cpu);
	}
	expect_in_window(m);
	expect_silence(m);
}

static void moved_by_the_host(void *arg)
{
	struct msi *m = arg;
	unsigned int i, v, cpu;
	long before[VECTORS];
	int rc;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		say("the host has one CPU, nothing to move to");
		return;
	}
	for (i = 0; i < 3; i++) {
		cpu = i % 2;
		for (v = 0; v < VECTORS; v++) {
			rc = irqs_move(&m->irqs, v, cpu);
			MUST(!rc, "vector %u: %s", v, strerror(-rc));
			before[v] = irqs_on_cpu(&m->irqs, v, cpu);
		}
		admin_command(m);
		expect_all_cpus(m);
		for (v = 0; v < VECTORS; v++)
			MUST(irqs_on_cpu(&m->irqs, v, cpu) > before[v],
			     "%ld of vector %u on the host's CPU %u", before[v],
			     v, cpu);
	}
	expect_silence(m);
}

static bool unbind(struct msi *m)
{
	int rc = guest_run(&m->guest, NULL, "echo %s >" DRIVER "/unbind", m->bdf);

	return MUST(!rc, "%d", rc);
}

static bool bind(struct msi *m)
{
	int rc = guest_run(&m->guest, NULL,
			   "echo %s >" DRIVER "/bind && i=0\n"
			   "until [ -b " DISK " ]; do\n"
			   "	sleep 0.2; i=$((i + 1)); [ $i -lt 200 ] || exit 1\n"
			   "done",
			   m->bdf);

	return MUST(!rc, "%d", rc);
}

/* Vectors are freed and allocated anew, with the guest's stage 1 attached */
static void driver_again(void *arg)
{
	struct msi *m = arg;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		if (!unbind(m) || !bind(m))
			return;
		expect_all_cpus(m);
	}
	expect_silence(m);
}

/* The guest's SMMU lets the disk through as it is; and translates again */
static void guest_bypasses(void *arg)
{
	static const char *const types[] = { "identity", "DMA", "identity", "DMA" };
	struct msi *m = arg;
	unsigned int i;
	char *text;
	int rc;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		if (!unbind(m))
			return;
		rc = guest_run(&m->guest, &text,
			       "echo %s >/sys/bus/pci/devices/%s/iommu_group/type",
			       types[i], m->bdf);
		MUST(!rc, "%s: %s", types[i], text);
		free(text);
		if (!bind(m))
			return;
		expect_all_cpus(m);
	}
	expect_silence(m);
}

static void guest_is_reset(void *arg)
{
	struct msi *m = arg;
	int rc;

	rc = guest_qmp(&m->guest, NULL, "{'execute': 'system_reset'}");
	rc = rc ?: guest_wait_hello(&m->guest);
	if (!MUST(!rc, "%s", strerror(-rc)))
		return;
	expect_all_cpus(m);
	expect_silence(m);
}

static void nothing_is_left(void *arg)
{
	struct msi *m = arg;
	const char *left;
	int rc;

	rc = m->started ? guest_quit(&m->guest) : 0;
	MUST(!rc, "QEMU ended with %d", rc);
	left = host_left(&m->unit, NULL);
	MUST(!left, "%s", left);
	MUST(irqs_number(&m->irqs, 0) == -ENOENT, "a vector");
	rc = disk_return(&m->disk);
	MUST(!rc, "%s", strerror(-rc));
	expect_silence(m);
}

/* The disk's registers, to look at what it has in its MSI-X table */
static int map_registers(struct msi *m)
{
	char path[PATH_MAX];
	struct stat st;
	void *bar;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0",
		 m->disk.bdf);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return -errno;
	bar = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (bar == MAP_FAILED)
		return -errno;
	m->dev.bar = bar;
	m->dev.bar_size = st.st_size;
	snprintf(m->dev.bdf, sizeof(m->dev.bdf), "%s", m->disk.bdf);
	m->irqs.dev = &m->dev;
	m->irqs.index = VFIO_PCI_MSIX_IRQ_INDEX;
	return 0;
}

static const char *prepare(struct msi *m)
{
	const char *why = guest_lacks();

	if (why)
		return why;
	if (observer_open(&m->unit))
		return "needs the emulated board's observer (ACPI CMQO0001)";
	if (disk_prepare(&m->disk, 0))
		return "needs an NVMe disk, as the emulated board has";
	if (map_registers(m))
		return "cannot map the disk's registers (CONFIG_IO_STRICT_DEVMEM?)";
	if (host_log_open(&m->log))
		return "cannot read /dev/kmsg";
	observer_run(&m->unit, "clear");
	return NULL;
}

static void show(void *arg)
{
	struct msi *m = arg;

	if (m->started)
		guest_show(&m->guest, "the guest");
}

static const struct step all[] = {
	{ .name = "guest_starts", .rule = guest_starts },
	{ .name = "guest_maps_the_window", .rule = guest_maps_the_window },
	{ .name = "moved_by_the_guest", .rule = moved_by_the_guest },
	{ .name = "moved_by_the_host", .rule = moved_by_the_host },
	{ .name = "driver_again", .rule = driver_again },
	{ .name = "guest_bypasses", .rule = guest_bypasses },
	{ .name = "guest_is_reset", .rule = guest_is_reset },
	{ .name = "nothing_is_left", .rule = nothing_is_left, .alone = true },
};

int main(void)
{
	static struct msi m;
	const char *why;

	ksft_print_header();
	ksft_set_plan(ARRAY_SIZE(all));
	why = prepare(&m);
	if (why) {
		steps_skip(all, ARRAY_SIZE(all), why);
		ksft_finished();
	}
	steps_run(all, ARRAY_SIZE(all), &m, show);
	if (m.started)
		guest_close(&m.guest);
	pci_give(m.disk.bdf, NULL);
	host_log_close(&m.log);
	observer_close(&m.unit);
	ksft_finished();
}
