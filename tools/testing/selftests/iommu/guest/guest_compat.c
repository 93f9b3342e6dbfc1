// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What has nothing to do with guest-owned command queues works as it did before, and
 * what has to do with them works without what it doesn't need:
 *
 * - a VMM that knows nothing of nested translation, with or without an emulated SMMU,
 *   through VFIO's type 1 and through iommufd;
 * - a VMM that knows of it and isn't asked for it;
 * - nested translation without queues, because nobody wants them, because there are
 *   none, or because all are taken: invalidations are trapped then;
 * - what can't work is refused at once, in words, and leaves nothing.
 *
 * What works depends on the host. Its ioctls are asked what it can do, not the VMM, so
 * that each statement about the VMM can fail. On a kernel that can't nest the tests of
 * the first two kinds have to pass all the same: that they do on Debian's own kernel,
 * too, is what "as before" means.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../kselftest_harness.h"

#include "guest.h"
#include "guest_can.h"
#include "guest_rw_disk.h"
#include "guest_host.h"
#include "iommufd.h"
#include "kernel_log.h"
#include "mmio.h"
#include "vfio.h"

#define EDU_VENDOR	0x1234
#define EDU_DEVICE	0x11e8

#define DISKS		2
#define GUESTS		2
/* For one test; on the idle machine the longest takes 12 */
#define SECONDS		300

/* SMMUv3, page 0 */
#define SMMU_CMDQ_BASE	0x90
#define SMMU_CMDQ_PROD	0x98

#define PER_DEVICE	"/sys/module/arm_smmu_v3/parameters/vintfs_per_device"
/* More than any unit has */
#define VINTFS		64

/* As QEMU's messages have them */
#define UNSUPPORTED	"Operation not supported"
#define NO_SPACE	"No space left on device"
/* Of an SMMU that isn't told to nest, old QEMU and new: it tells nobody what it maps. */
#define NO_NOTIFIER	"requires iommu MAP notifier which is not currently supported"

FIXTURE(compat)
{
	struct observer unit;
	char *unit_before;
	enum host_can can;
	void *smmu;
	u32 prod;
	struct rw_disk disk[DISKS];
	char edu[16];
	const char *old_qemu;
	int log;
	/* 0: not started */
	struct guest guest[GUESTS];
	bool started[GUESTS];
	/* of all_vintfs_taken */
	char bound[16];
	int hog;
};

/* What a test's helper gets; EXPECT and ASSERT want it so */
#define TEST_DATA struct _test_data_compat
#define TEST_ARGS struct __test_metadata *_metadata, struct _test_data_compat *self

/*
 * Trapped invalidations go into the SMMU's own command queue. Where there is a CMDQV
 * the host uses that for everything else, and this one for nothing.
 */
static void *map_smmu(void)
{
	unsigned long long start, at = 0;
	void *p = MAP_FAILED;
	char line[256];
	FILE *f;
	int fd;

	f = fopen("/proc/iomem", "re");
	while (f && !at && fgets(line, sizeof(line), f)) {
		if (strstr(line, "arm-smmu-v3") &&
		    sscanf(line, " %llx-", &start) == 1)
			at = start;
	}
	if (f)
		fclose(f);
	fd = open("/dev/mem", O_RDONLY | O_SYNC | O_CLOEXEC);
	if (at && fd >= 0)
		p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, at);
	if (fd >= 0)
		close(fd);
	return p == MAP_FAILED ? NULL : p;
}

/* Commands that the SMMU's own queue has been given since the last call */
static u32 given_to_smmu(TEST_DATA *self)
{
	u32 log2 = mmio_read32(self->smmu, SMMU_CMDQ_BASE) & 0x1f;
	u32 prod = mmio_read32(self->smmu, SMMU_CMDQ_PROD);
	/* With its wrap bit it counts to twice the size. */
	u32 n = (prod - self->prod) & ((2U << log2) - 1);

	self->prod = prod;
	return n;
}

FIXTURE_SETUP(compat)
{
	const char *why = guest_lacks();
	unsigned int n;
	char bdf[16];
	int rc;

	self->log = -1;
	self->hog = -1;
	if (why)
		SKIP(return, "%s", why);
	if (vfio_find(NVME_VENDOR, NVME_DEVICE, DISKS - 1, bdf) ||
	    vfio_find(EDU_VENDOR, EDU_DEVICE, 0, self->edu))
		SKIP(return, "needs %u NVMe disks and an edu device", DISKS);
	self->smmu = map_smmu();
	if (!self->smmu)
		SKIP(return, "needs /dev/mem, without CONFIG_IO_STRICT_DEVMEM");
	self->old_qemu = getenv("GUEST_QEMU_OLD") ?: "/opt/qemu-trixie/bin/qemu-system-aarch64";
	/* It has none where there is no CMDQV unit. */
	observer_open(&self->unit);
	rc = host_can(self->edu, &self->can);
	ASSERT_EQ(rc, 0);
	for (n = 0; n < DISKS; n++) {
		rc = rw_disk_prepare(&self->disk[n], n);
		ASSERT_EQ(rc, 0)
			TH_LOG("disk %u can't be prepared: %s", n, strerror(-rc));
	}
	self->log = kernel_log_open();
	if (self->unit.regs) {
		observer_run(&self->unit, "clear");
		self->unit_before = observer_guest_state(&self->unit);
		ASSERT_NE(self->unit_before, NULL);
	}
	given_to_smmu(self);
}

/* ---- whether all is as before */

static void nothing_is_left(TEST_ARGS)
{
	const char *left;

	if (!self->unit.regs)
		return;
	left = host_left(&self->unit, self->unit_before);
	EXPECT_EQ(left, NULL)
		TH_LOG("left: %.*s", (int)strcspn(left, "\n"), left);
}

static void set_bound(TEST_ARGS, const char *bound)
{
	FILE *f = fopen(PER_DEVICE, "we");

	ASSERT_NE(f, NULL);
	fputs(bound, f);
	ASSERT_EQ(fclose(f), 0);
}

static void forget(TEST_DATA *self, unsigned int n)
{
	if (self->started[n])
		guest_close(&self->guest[n]);
	self->started[n] = false;
}

FIXTURE_TEARDOWN(compat)
{
	char warning[256];
	const char *wrong;
	unsigned int n;

	for (n = 0; n < GUESTS; n++) {
		if (self->started[n] && _metadata->exit_code != KSFT_PASS)
			guest_show(&self->guest[n], "guest");
		forget(self, n);
	}
	if (self->hog >= 0)
		close(self->hog);
	if (self->bound[0])
		set_bound(_metadata, self, self->bound);
	/* Not set up to the end */
	if (self->log < 0)
		return;
	nothing_is_left(_metadata, self);
	for (n = 0; n < DISKS; n++) {
		wrong = rw_disk_take_back(&self->disk[n]);
		EXPECT_EQ(wrong, NULL)
			TH_LOG("%s", wrong);
	}
	EXPECT_FALSE(kernel_has_warned(self->log, warning, sizeof(warning)))
		TH_LOG("%s", warning);
	close(self->log);
	munmap(self->smmu, 4096);
	free(self->unit_before);
	observer_close(&self->unit);
}

/* ---- guests */

static void start(TEST_ARGS, unsigned int n, const struct guest_config *c)
{
	int rc = guest_start(&self->guest[n], c);

	ASSERT_EQ(rc, 0);
	self->started[n] = true;
}

static void comes_up(TEST_ARGS, unsigned int n)
{
	int rc = guest_wait_hello(&self->guest[n]);

	ASSERT_EQ(rc, 0)
		TH_LOG("the guest does not come up: %s", strerror(-rc));
}

static void use(TEST_ARGS, unsigned int n, const char *serial, struct rw_disk_use *u)
{
	char *says;
	int rc = rw_disk_use(&self->guest[n], serial, u, &says);

	ASSERT_EQ(rc, 0)
		TH_LOG("disk %s does not work: %s", serial, says);
	free(says);
	TH_LOG("disk %s: %u requests, %u interrupts of %u vectors", serial,
	       RW_REQUESTS, u->interrupts, u->vectors);
	/* Not one lost: each request waits for its own. */
	EXPECT_GE(u->vectors, 1);
	EXPECT_GE(u->interrupts, RW_REQUESTS);
}

/*
 * Guest @n reads what the host has written, and writes, and is interrupted by MSI-X.
 * @translated: the disk is behind an SMMU of the guest's.
 */
static void use_disk(TEST_ARGS, unsigned int n, struct rw_disk *d, bool translated)
{
	struct rw_disk_use u;

	use(_metadata, self, n, d->serial, &u);
	EXPECT_STREQ(u.read, d->host_sum);
	memcpy(d->guest_sum, u.wrote, sizeof(d->guest_sum));
	EXPECT_EQ(u.translated, translated);
}

static void power_off(TEST_ARGS, unsigned int n)
{
	struct guest *g = &self->guest[n];
	char *text;
	int rc;

	rc = guest_run(g, &text, "dmesg | grep -E '%s|%s|%s'",
		       "WARNING:|BUG:|Oops|I/O error",
		       "arm-smmu-v3.*(event 0x|GERROR|timeout|Unhandled)",
		       "nvme.*(timeout|abort|reset)");
	EXPECT_EQ(rc, 1)
		TH_LOG("in the guest: %s", text);
	free(text);
	rc = guest_send(g, "poweroff -f") ?: guest_wait_end(g);
	EXPECT_EQ(rc, 0)
		TH_LOG("QEMU has ended with %d", rc);
}

static unsigned int vintfs_in_use(TEST_DATA *self)
{
	const char *r = self->unit.regs ? observer_run(&self->unit, "state") : NULL;
	unsigned int n = 0;

	for (; (r = record_find(r, "vintf")); r = record_next(r))
		n += record_value(r, "v") && record_value(r, "enabled");
	return n;
}

/* No VINTF but the host's is, or was, in use. */
static void no_vintf(TEST_ARGS)
{
	struct observer_accesses a;

	if (!self->unit.regs)
		return;
	EXPECT_EQ(vintfs_in_use(self), 0);
	ASSERT_EQ(observer_accesses(&self->unit, 0, &a), 0);
	EXPECT_EQ(a.others, 0);
}

/* Nor has the host made a command for a VM. */
static void no_command(TEST_ARGS)
{
	u32 given = given_to_smmu(self);

	if (self->unit.regs) {
		EXPECT_EQ(given, 0)
			TH_LOG("in the SMMU's own queue, where only those of VMs belong");
	}
}

/* ---- as before */

/*
 * One guest with all that the old VMM has: an emulated SMMU with a VirtIO disk behind
 * it, and two disks that bypass it, through type 1 and through iommufd.
 */
TEST_F_TIMEOUT(compat, old_vmm, SECONDS)
{
	char vfio[128], drive[128], image[] = "/tmp/disk.XXXXXX";
	struct guest_config config = {
		.qemu = self->old_qemu,
		.machine = "iommu=smmuv3,default_bus_bypass_iommu=on",
		.no_smmu = true,
		.type1 = true,
		.devices = { self->disk[0].bdf },
		.arguments = {
			"-object", "iommufd,id=iommufd1",
			"-device", "pcie-root-port,id=port.b,bus=pcie.0,chassis=17",
			"-device", vfio,
			"-device", "pxb-pcie,id=pcie.v,bus_nr=8,bus=pcie.0",
			"-device", "pcie-root-port,id=port.v,bus=pcie.v,chassis=18",
			"-drive", drive,
			"-device", "virtio-blk-pci,drive=v,serial=vmm,bus=port.v,iommu_platform=on",
		},
	};
	struct rw_disk_use virtio;
	int fd;

	if (access(config.qemu, X_OK))
		SKIP(return, "no %s (or GUEST_QEMU_OLD)", config.qemu);
	fd = mkstemp(image);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(ftruncate(fd, 2 * RW_BLOCK * RW_BLOCKS), 0);
	close(fd);
	snprintf(vfio, sizeof(vfio), "vfio-pci,host=%.15s,bus=port.b,rombar=0,iommufd=iommufd1",
		 self->disk[1].bdf);
	snprintf(drive, sizeof(drive), "if=none,id=v,format=raw,cache=unsafe,file=%s", image);
	start(_metadata, self, 0, &config);
	/* QEMU has it open when the guest is up. */
	comes_up(_metadata, self, 0);
	unlink(image);
	use_disk(_metadata, self, 0, &self->disk[0], false);
	use_disk(_metadata, self, 0, &self->disk[1], false);
	use(_metadata, self, 0, "vmm", &virtio);
	EXPECT_EQ(virtio.translated, 1)
		TH_LOG("the guest has no emulated SMMU");
	no_vintf(_metadata, self);
	no_command(_metadata, self);
	power_off(_metadata, self, 0);
}

/* Two guests of the new one, which isn't asked for an SMMU: one through each of both */
TEST_F_TIMEOUT(compat, no_smmu, SECONDS)
{
	struct guest_config config = {
		.no_smmu = true,
		.device_tree = true,
	};
	unsigned int n;

	for (n = 0; n < GUESTS; n++) {
		config.type1 = !n;
		config.devices[0] = self->disk[n].bdf;
		start(_metadata, self, n, &config);
	}
	for (n = 0; n < GUESTS; n++) {
		comes_up(_metadata, self, n);
		use_disk(_metadata, self, n, &self->disk[n], false);
	}
	no_vintf(_metadata, self);
	no_command(_metadata, self);
	for (n = 0; n < GUESTS; n++)
		power_off(_metadata, self, n);
}

/* ---- nested, without queues */

static bool guest_has_cmdqv(TEST_ARGS)
{
	int rc = guest_run(&self->guest[0], NULL,
			   "dmesg | grep -q 'found companion CMDQV'");

	EXPECT_GE(rc, 0);
	return !rc;
}

/*
 * The guest's DMA is strict: it invalidates at least once for each request, and waits
 * for that with a CMD_SYNC, which for the hardware the host makes.
 */
static void disk_is_trapped(TEST_ARGS, struct rw_disk *d)
{
	u32 trapped;

	given_to_smmu(self);
	use_disk(_metadata, self, 0, d, true);
	trapped = given_to_smmu(self);
	TH_LOG("disk %s: %u commands through the host into the SMMU's own queue",
	       d->serial, trapped);
	EXPECT_GE(trapped, 2 * RW_REQUESTS);
}

TEST_F_TIMEOUT(compat, cmdqv_off, SECONDS)
{
	struct guest_config config = {
		.smmu = "accel=on,cmdqv=off",
		.devices = { self->disk[0].bdf },
	};

	if (self->can < CAN_NEST)
		SKIP(return, "%s", host_cannot(self->can));
	start(_metadata, self, 0, &config);
	comes_up(_metadata, self, 0);
	EXPECT_FALSE(guest_has_cmdqv(_metadata, self));
	disk_is_trapped(_metadata, self, &self->disk[0]);
	no_vintf(_metadata, self);
	power_off(_metadata, self, 0);
}

static void disk_is_direct(TEST_ARGS, struct rw_disk *d)
{
	unsigned int v = host_vintf(&self->unit, d->bdf);
	struct host_commands direct = {};

	ASSERT_NE(v, 0)
		TH_LOG("no VINTF has a SID slot for disk %s", d->serial);
	given_to_smmu(self);
	use_disk(_metadata, self, 0, d, true);
	ASSERT_EQ(host_commands(&self->unit, v, &direct), 0);
	TH_LOG("disk %s: %llu invalidations straight from the guest", d->serial,
	       direct.invalidations);
	EXPECT_GE(direct.invalidations, RW_REQUESTS);
	EXPECT_EQ(direct.foreign, 0)
		TH_LOG("%s", direct.example);
	no_command(_metadata, self);
}

/*
 * "accel=on" alone leaves it to the VMM whether there are queues: there are if the host
 * has any. A second SMMU of the same guest is told not to have them.
 */
TEST_F_TIMEOUT(compat, plain_accel, SECONDS)
{
	char vfio[128];
	struct guest_config config = {
		.smmu = "accel=on",
		.devices = { self->disk[0].bdf },
		.arguments = {
			"-device", "pxb-pcie,id=pcie.b,bus_nr=32,bus=pcie.0",
			"-device", "arm-smmuv3,id=smmu.b,primary-bus=pcie.b,accel=on,cmdqv=off",
			"-device", "pcie-root-port,id=port.b,bus=pcie.b,chassis=17",
			"-device", vfio,
		},
	};
	bool queues = self->can >= CAN_QUEUE;

	if (self->can < CAN_NEST)
		SKIP(return, "%s", host_cannot(self->can));
	snprintf(vfio, sizeof(vfio), "vfio-pci,host=%.15s,bus=port.b,rombar=0,iommufd=iommufd0",
		 self->disk[1].bdf);
	start(_metadata, self, 0, &config);
	comes_up(_metadata, self, 0);
	EXPECT_EQ(guest_has_cmdqv(_metadata, self), queues);
	EXPECT_EQ(vintfs_in_use(self), queues);
	if (queues)
		disk_is_direct(_metadata, self, &self->disk[0]);
	else
		disk_is_trapped(_metadata, self, &self->disk[0]);
	disk_is_trapped(_metadata, self, &self->disk[1]);
	power_off(_metadata, self, 0);
}

/* ---- refused, or at least started */

static struct guest_config stopped(const char *smmu, const char *bdf)
{
	return (struct guest_config){
		.smmu = smmu,
		.devices = { bdf },
		.arguments = { "-S" },
	};
}

/*
 * QEMU without letting the guest run. @why NULL: it holds @vintfs VINTFs then. Else it
 * refuses with words that have @why among them. After it all is as before.
 */
static void tried(TEST_ARGS, const struct guest_config *c, const char *why,
		  unsigned int vintfs)
{
	unsigned int before = vintfs_in_use(self);
	struct guest *g = &self->guest[0];
	char *says;
	int rc;

	TH_LOG("%s: %s", c->smmu ?: c->machine, why ?: "starts");
	start(_metadata, self, 0, c);
	rc = guest_qmp(g, NULL, "{'execute': 'query-status'}");
	says = guest_stderr(g);
	if (why) {
		EXPECT_EQ(rc, -EPIPE)
			TH_LOG("not refused: %s", c->smmu);
		EXPECT_NE(strstr(says, why), NULL)
			TH_LOG("%s: not \"%s\" but: %s", c->smmu, why, says);
		rc = rc == -EPIPE ? guest_wait_end(g) : 0;
		EXPECT_EQ(rc, 1);
	} else {
		EXPECT_EQ(rc, 0)
			TH_LOG("%s: refused: %s", c->smmu, says);
		EXPECT_EQ(vintfs_in_use(self), before + vintfs);
	}
	free(says);
	forget(self, 0);
	EXPECT_EQ(vintfs_in_use(self), before);
}

static void refused(TEST_ARGS, const struct guest_config *c, const char *why)
{
	tried(_metadata, self, c, why, 0);
}

static void accepted(TEST_ARGS, const struct guest_config *c, unsigned int vintfs)
{
	tried(_metadata, self, c, NULL, vintfs);
}

TEST_F_TIMEOUT(compat, refusals, SECONDS)
{
	static const char *const words[] = {
		[CAN_ASSIGN] = "Failed to allocate hwpt: " UNSUPPORTED,
		[CAN_NEST_PARENT] = "IOMMU_VIOMMU_ALLOC failed: " UNSUPPORTED,
		[CAN_NEST] = "CMDQV requested but not supported",
	};
	bool queues = self->can >= CAN_QUEUE, nests = self->can >= CAN_NEST;
	const char *bdf = self->disk[0].bdf;
	struct guest_config config;

	config = stopped("accel=on,cmdqv=on", bdf);
	tried(_metadata, self, &config, queues ? NULL : words[self->can], 1);
	/* Whoever doesn't insist on queues is not refused for their lack. */
	config = stopped("accel=on", bdf);
	tried(_metadata, self, &config, nests ? NULL : words[self->can], queues);
	config = stopped("accel=on,cmdqv=off", bdf);
	tried(_metadata, self, &config, nests ? NULL : words[self->can], 0);

	/* An assigned device behind an SMMU that doesn't nest has never worked. */
	config = stopped("accel=off", bdf);
	refused(_metadata, self, &config, NO_NOTIFIER);
	config.type1 = true;
	refused(_metadata, self, &config, NO_NOTIFIER);
	/* To nest takes iommufd. */
	config.smmu = "accel=on";
	refused(_metadata, self, &config, "without an iommufd backend not allowed");
}

TEST_F_TIMEOUT(compat, old_vmm_refusals, SECONDS)
{
	struct guest_config config = stopped(NULL, self->disk[0].bdf);

	config.qemu = self->old_qemu;
	config.machine = "iommu=smmuv3";
	config.no_smmu = true;
	if (access(config.qemu, X_OK))
		SKIP(return, "no %s (or GUEST_QEMU_OLD)", config.qemu);
	refused(_metadata, self, &config, NO_NOTIFIER);
	config.type1 = true;
	refused(_metadata, self, &config, NO_NOTIFIER);
}

/* ---- all queues are taken */

/* The host itself takes all VINTFs, through one device: how many, or an errno */
static int take_all(TEST_DATA *self, struct vfio_dev *dev)
{
	struct iommu_viommu_tegra241_cmdqv window = {};
	u32 ioas, s2, viommu;
	int rc, n;

	self->hog = iommufd_open();
	if (self->hog < 0)
		return self->hog;
	rc = vfio_open(dev, self->edu, self->hog);
	if (rc)
		return rc;
	rc = iommufd_ioas_alloc(self->hog, &ioas);
	if (!rc)
		rc = iommufd_hwpt_alloc(self->hog, dev->dev_id, ioas,
					IOMMU_HWPT_ALLOC_NEST_PARENT,
					IOMMU_HWPT_DATA_NONE, NULL, 0, &s2);
	for (n = 0; !rc && n <= VINTFS; n++)
		rc = iommufd_viommu_alloc(self->hog, dev->dev_id, s2,
					  IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV,
					  &window, sizeof(window), &viommu);
	return rc == -ENOSPC ? n - 1 : rc ?: -EOVERFLOW;
}

/*
 * The VMM asks only whether there is hardware. So a guest that would be content without
 * queues is refused when there are none left, unless it says that it wants none.
 */
TEST_F_TIMEOUT(compat, all_vintfs_taken, SECONDS)
{
	struct guest_config plain = stopped("accel=on", self->disk[0].bdf);
	struct guest_config off = stopped("accel=on,cmdqv=off", self->disk[0].bdf);
	struct vfio_dev dev;
	FILE *f;
	int n;

	if (self->can < CAN_QUEUE)
		SKIP(return, "%s", host_cannot(self->can));
	f = fopen(PER_DEVICE, "re");
	if (!f)
		SKIP(return, "no parameter vintfs_per_device: can't take them all");
	ASSERT_NE(fgets(self->bound, sizeof(self->bound), f), NULL);
	fclose(f);
	set_bound(_metadata, self, "0");
	n = take_all(self, &dev);
	ASSERT_GT(n, 0);
	ASSERT_EQ(vintfs_in_use(self), n);

	refused(_metadata, self, &plain, "IOMMU_VIOMMU_ALLOC failed: " NO_SPACE);
	accepted(_metadata, self, &off, 0);

	vfio_close(&dev);
	close(self->hog);
	self->hog = -1;
	accepted(_metadata, self, &plain, 1);
}

TEST_HARNESS_MAIN
