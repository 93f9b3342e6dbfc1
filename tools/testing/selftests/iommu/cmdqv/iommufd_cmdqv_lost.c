// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hardware that breaks while VMs run, and is not used again before the next boot: queues
 * of the host's own that hang or fail without end, and then a unit that says nothing any
 * more. One test is one boot, so none is run by itself: "iommufd_cmdqv_lost -v VARIANT".
 * What comes after the first is skipped.
 *
 * The host's disk works all the time, and what is read is what was written. The devices of
 * two VMs go on with their DMA, each invalidation having its effect, through their queues
 * as long as these work, and trapped from then on. Every ioctl ends, in its time.
 */
#include "cmdqv_broken.h"

#define TIMEOUT		180
/* No time-out of the hardware is waited for when the unit is lost; each would be 1 s */
#define PROMPT_NS	(getenv("BOARD_SLOW") ? 10 * SEC : 1 * SEC)
/* CMD_SYNCs that are under way then take a second, and the SMMU's own queue does it again */
#define DISK_NS		(5 * SEC)

FIXTURE(lost)
{
	struct board board;
	struct vm a, b;
	struct beside dma, disk;
	char spare[16];
	int log;
};

FIXTURE_VARIANT(lost)
{
	const char *figures;	/* what the names of the run's figures begin with */
	const char *host;	/* what happens to the host's queues first, q= is added */
	const char *host_log;	/* what the log then says, besides that a queue is left */
	unsigned int host_lines; /* how often, at most */
	const char *unit;	/* what happens to the unit then */
	const char *cure;	/* how it comes back */
	bool late;		/* it takes an ioctl that gives a VMID back to find out */
};

/* The unit works on, and nobody sees it */
FIXTURE_VARIANT_ADD(lost, ones)
{
	.figures = "lost_ones",
	.host = "hung_vcmdq",
	.host_log = "does not execute commands",
	.host_lines = 2,
	.unit = "inject read_ones",
	.cure = "inject none",
};

/* "Not enabled, no BASE, no error" */
FIXTURE_VARIANT_ADD(lost, zeros)
{
	.figures = "lost_zeros",
	.host = "stuck_error arg=2",
	.host_log = "error reported",
	.host_lines = 40,
	.unit = "inject read_zeros",
	.cure = "inject none",
};

/* Nothing of it is left; it comes back as after power-on */
FIXTURE_VARIANT_ADD(lost, power)
{
	.figures = "lost_power",
	.unit = "inject lost",
	.cure = "inject lost arg=0",
};

/* All but PARAM is as ever */
FIXTURE_VARIANT_ADD(lost, param)
{
	.figures = "lost_param",
	.unit = "inject param arg=0x100000000",
	.cure = "inject param arg=0",
	.late = true,
};

FIXTURE_SETUP(lost)
{
	const char *why;

	self->a.fd = -1;
	self->b.fd = -1;
	self->log = -1;
	why = board_find(&self->board);
	if (why)
		SKIP(return, "%s, or the unit is lost since an earlier test: boot", why);
	if (vfio_find(NVME_VENDOR, NVME_DEVICE, 1, self->spare)) {
		observer_close(&self->board.unit);
		SKIP(return, "needs a second NVMe disk, as the emulated board has");
	}
	ASSERT_EQ(0, vm_open(&self->a, "A", self->board.bdf[0]));
	ASSERT_EQ(0, vm_open(&self->b, "B", self->board.bdf[1]));
	ASSERT_EQ(0, vm_set_up(&self->a, VSID, ASID));
	ASSERT_EQ(0, vm_set_up(&self->b, VSID, ASID));
	ASSERT_EQ(0, dma_start(&self->dma, &self->b));
	ASSERT_EQ(0, disk_start(&self->disk));
	ASSERT_EQ(0, beside_more(&self->dma, 1)) TH_LOG("%s", self->dma.why);
	ASSERT_EQ(0, beside_more(&self->disk, 3)) TH_LOG("%s", self->disk.why);
	self->log = kernel_log_open();
	ASSERT_GE(self->log, 0);
}

FIXTURE_TEARDOWN(lost)
{
	EXPECT_EQ(kernel_taint(), self->board.taint)
		TH_LOG("the kernel has warned, see dmesg");
	close(self->log);
	observer_close(&self->board.unit);
}

#define expect_all_goes_on()						\
	do {								\
		EXPECT_EQ(0, beside_more(&self->dma, 2))		\
			TH_LOG("B: %s", self->dma.why);			\
		EXPECT_EQ(0, beside_more(&self->disk, 5))		\
			TH_LOG("the host: %s", self->disk.why);		\
	} while (0)

#define expect_prompt(_rc, _call)					\
	do {								\
		u64 _start = vmm_now_ns(), _ns;				\
									\
		EXPECT_EQ(_rc, _call)					\
			TH_LOG("%s", #_call);				\
		_ns = vmm_now_ns() - _start;				\
		EXPECT_LE(_ns, PROMPT_NS)				\
			TH_LOG("%s took %llu ms", #_call, _ns / MSEC);	\
		worst = _ns > worst ? _ns : worst;			\
	} while (0)

/* A VM whose invalidations are all trapped, which needs no CMDQV */
static int plain_vm(struct vm *vm, const char *bdf)
{
	return vm_open(vm, "C", bdf) ?:
	       vm_add_viommu(vm, IOMMU_VIOMMU_TYPE_ARM_SMMUV3) ?:
	       vm_add_vdevice(vm, VSID) ?:
	       vm_add_stage1(vm, ASID);
}

TEST_F_TIMEOUT(lost, all_go_on, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	struct iommu_hw_info_tegra241_cmdqv info;
	struct vm *a = &self->a, *b = &self->b, c;
	u64 worst = 0, irqs, start;
	unsigned int lines;
	int left;
	u32 id;

	/* The host's queues: the host does without, VMs don't notice */
	if (variant->host) {
		left = kernel_log_open();
		ASSERT_GE(left, 0);
		irqs = irqs_so_far();
		start = vmm_now_ns();
		for (int q = 0; q < 2; q++)
			ASSERT_NE(NULL, observer_run(unit, "inject %s q=%d",
						     variant->host, q));
		expect_all_goes_on();
		sleep(2);
		EXPECT_EQ(0, beside_more(&self->disk, 20));
		start = vmm_now_ns() - start;
		irqs = irqs_so_far() - irqs;
		EXPECT_LE(irqs, 500 * start / SEC + 600);
		lines = log_lines(self->log, variant->host_log, true);
		EXPECT_GE(lines, 1);
		EXPECT_LE(lines, variant->host_lines);
		/* Or each access would be that late */
		lines = log_lines(left, "does not execute commands", false);
		EXPECT_GE(lines, 1);
		EXPECT_LE(lines, 2);
		close(left);
		EXPECT_LE(self->disk.worst_ns, DISK_NS)
			TH_LOG("%s", self->disk.worst);
		figure(variant->figures, "host_queue_disk_worst_ms",
		       self->disk.worst_ns / MSEC, "ms",
		       "longest access of the host to its disk when its own queues break");
		self->disk.worst_ns = 0;
		/* VMs come and go */
		ASSERT_EQ(0, vm_drop_queue(a));
		ASSERT_EQ(0, vm_add_queue(a, QUEUE_LOG2));
		ASSERT_EQ(0, vcmdq_enable(&a->q[0]));
		ASSERT_EQ(0, vcmdq_issue(&a->q[0], (struct smmu_cmd[]){
					 cmd_tlbi_nh_asid(ASID) }, 1));
		log_lines(self->log, NULL, false);
	}

	/* The unit. What B's VMM does when it sees it is to trap */
	__atomic_store_n(&self->dma.trapped, true, __ATOMIC_RELEASE);
	ASSERT_EQ(0, beside_more(&self->dma, 1));
	ASSERT_NE(NULL, observer_run(unit, "%s", variant->unit));
	expect_all_goes_on();
	EXPECT_LE(self->disk.worst_ns, DISK_NS)
		TH_LOG("%s", self->disk.worst);
	figure(variant->figures, "disk_worst_ms", self->disk.worst_ns / MSEC, "ms",
	       "longest access of the host to its disk when the unit is lost");

	/* A's VMM: all ioctls end at once, and what is gone says so */
	expect_prompt(0, vm_drop_queue(a));
	if (!variant->late)
		expect_prompt(-EIO, _test_cmd_hw_queue_alloc(a, 0, VM_RAM_IPA,
							     GUEST_PAGE, &id));
	expect_prompt(0, vm_drop_stage1(a));
	expect_prompt(0, iommufd_destroy(a->fd, a->vdevice));
	a->vdevice = 0;
	ASSERT_EQ(0, vm_unmap_window(a));
	expect_prompt(0, iommufd_destroy(a->fd, a->viommu));
	a->viommu = 0;
	expect_prompt(-EIO, vm_add_viommu(a, TYPE));
	expect_prompt(-EOPNOTSUPP,
		      iommufd_hw_info(a->fd, a->dev.dev_id,
				      IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV, &info,
				      sizeof(info), NULL));
	expect_all_goes_on();

	/* Who comes then goes without, and works */
	expect_prompt(0, vm_close(a));
	ASSERT_EQ(0, plain_vm(&c, self->board.bdf[0]));
	beside_stop(&self->dma);
	expect_good(&self->dma);
	ASSERT_EQ(0, dma_start(&self->dma, &c));
	/* dma_step() has not begun to invalidate: it has DMA to do first */
	__atomic_store_n(&self->dma.trapped, true, __ATOMIC_RELEASE);
	expect_all_goes_on();

	/* It is said once, however many have found it out */
	lines = log_lines(self->log, "the unit is lost", true);
	EXPECT_EQ(lines, 1);

	/* It comes back, and nobody is taken in; B ends only now */
	ASSERT_NE(NULL, observer_run(unit, "%s", variant->cure));
	expect_prompt(0, vm_close(b));
	ASSERT_EQ(0, vm_open(b, "B", self->board.bdf[1]));
	expect_prompt(-EIO, vm_add_viommu(b, TYPE));
	expect_all_goes_on();
	EXPECT_EQ(0, vm_close(b));
	/* I5: what hardware may read still is not given back; not even if it says so */
	EXPECT_GT(log_lines(self->log, "kept from other VMs", true), 0);

	beside_stop(&self->dma);
	disk_stop(&self->disk);
	expect_good(&self->dma);
	expect_good(&self->disk);
	EXPECT_EQ(0, vm_close(&c));
	figure(variant->figures, "ioctl_worst_ms", worst / MSEC, "ms",
	       "longest ioctl of a VMM then, its own VM's end included");
}

TEST_HARNESS_MAIN
