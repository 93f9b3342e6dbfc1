// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Interrupts (MSI, MSI-X) of a device behind a guest's stage 1: whenever they are
 * allocated and whatever is attached later, the device sends them to an address
 * that stage 2 maps, and they arrive if the guest's stage 1 lets them through.
 *
 * The guest maps the window of the host's MSI pages as it is, as a VMM tells it to
 * by a reserved memory range (RMR).
 *
 * Runs on the emulated board (emulator/grace-vm); skips elsewhere.
 */
#include <limits.h>
#include <linux/vfio.h>

#include "cmdqv_utils.h"
#include "crew.h"
#include "irq.h"
#include "kernel_log.h"
#include "nvme.h"

#define TIMEOUT		240
#define NVME_VENDOR	0x1b36
#define NVME_DEVICE	0x0010
/* What VMMs know, and tell guests, of where the host maps MSI pages */
#define WINDOW		0x08000000ULL
#define WINDOW_SIZE	0x00100000ULL
/* For what is sure to come, on however slow a board; for what must not come */
#define SLOW_MS		20000
#define NEVER_MS	300
#define MSIX		VFIO_PCI_MSIX_IRQ_INDEX
#define MSI		VFIO_PCI_MSI_IRQ_INDEX
/* The disk's vectors: the admin queue has the first, the I/O queue the last */
#define VECTORS		3
#define IO_VECTOR	(VECTORS - 1)
#define RACE_S		4

/* What a device of a guest can be attached to */
enum pt { STAGE2, BYPASS, STAGE1, ABORT, NUM_PT };

static const char *const pt_name[NUM_PT] = {
	"stage 2", "bypass", "stage 1", "abort"
};

/* ------------------------------------------------------------- a guest's part */

static int nested_alloc(struct vm *vm, u64 ste0, u64 ste1, u32 *id)
{
	const struct iommu_hwpt_arm_smmuv3 data = { .ste = { ste0, ste1 } };

	return iommufd_hwpt_alloc(vm->fd, vm->dev.dev_id, vm->viommu, 0,
				  IOMMU_HWPT_DATA_ARM_SMMUV3, &data,
				  sizeof(data), id);
}

static int stage1_alloc(struct vm *vm, u32 *id)
{
	u64 ste[2];

	stage1_ste(&vm->s1, ste);
	return nested_alloc(vm, ste[0], ste[1], id);
}

static int map_window(struct vm *vm)
{
	u64 at;
	int rc = 0;

	for (at = 0; at < WINDOW_SIZE && !rc; at += GUEST_PAGE)
		rc = stage1_map(&vm->s1, WINDOW + at, WINDOW + at);
	return rc;
}

/* The vIOMMU, the vDEVICE, an empty stage 1 and HWPTs of each kind; nothing attached */
static int guest_init(struct vm *vm, u32 type, u32 pt[NUM_PT])
{
	u64 ste[2];
	int rc;

	pt[STAGE2] = vm->s2;
	rc = vm_add_viommu(vm, type) ?: vm_add_vdevice(vm, VSID) ?:
	     stage1_init(&vm->s1, &vm->ram, ASID);
	if (rc)
		return rc;
	ste_bypass(ste);
	rc = nested_alloc(vm, ste[0], ste[1], &pt[BYPASS]);
	if (rc)
		return rc;
	ste_abort(ste);
	return nested_alloc(vm, ste[0], ste[1], &pt[ABORT]) ?:
	       stage1_alloc(vm, &pt[STAGE1]);
}

static int guest_end(struct vm *vm, u32 pt[NUM_PT])
{
	unsigned int i;
	int rc = 0;

	if (vm->fd < 0)
		return 0;
	if (vm->s2)
		vfio_attach(&vm->dev, vm->s2);
	for (i = BYPASS; i < NUM_PT; i++)
		rc = rc ?: pt[i] ? iommufd_destroy(vm->fd, pt[i]) : 0;
	return vm_close(vm) ?: rc;
}

/* The device's own idea of where the vector goes is the host's window */
static bool in_window(struct irqs *irqs, unsigned int vector)
{
	u64 address;

	return !irqs_address(irqs, vector, &address) && address >= WINDOW &&
	       address - WINDOW < WINDOW_SIZE;
}

#define expect_in_window(_irqs, _vector)				\
	do {								\
		struct irqs *_i = (_irqs);				\
		unsigned int _v = (_vector);				\
		u64 _address = 0;					\
									\
		irqs_address(_i, _v, &_address);			\
		EXPECT_TRUE(in_window(_i, _v))				\
			TH_LOG("vector %u goes to 0x%llx", _v, _address); \
	} while (0)

/**
 * struct disk - an NVMe disk, its driver's queues at the same IOVA and IPA
 * @n: it and its admin queues
 * @io: one pair of I/O queues
 * @irqs: its vectors
 */
struct disk {
	struct nvme n;
	struct nvme_queue io;
	struct irqs irqs;
};

static int disk_init(struct disk *d, struct vm *vm)
{
	u64 ipa = guestmem_alloc(&vm->ram, 5 * GUEST_PAGE, GUEST_PAGE);
	unsigned int i;
	int rc = 0;

	if (!ipa)
		return -ENOMEM;
	d->n.dev = &vm->dev;
	d->n.iova = ipa;
	d->n.sq = guestmem_at(&vm->ram, ipa, GUEST_PAGE);
	d->n.cq = guestmem_at(&vm->ram, ipa + GUEST_PAGE, GUEST_PAGE);
	d->n.data = guestmem_at(&vm->ram, ipa + 2 * GUEST_PAGE, GUEST_PAGE);
	d->io.nr = 1;
	d->io.iova = ipa + 3 * GUEST_PAGE;
	d->io.sq = guestmem_at(&vm->ram, ipa + 3 * GUEST_PAGE, GUEST_PAGE);
	d->io.cq = guestmem_at(&vm->ram, ipa + 4 * GUEST_PAGE, GUEST_PAGE);
	for (i = 0; i < 5 && !rc; i++)
		rc = stage1_map(&vm->s1, ipa + i * GUEST_PAGE,
				ipa + i * GUEST_PAGE);
	return rc;
}

static int disk_vectors(struct disk *d)
{
	return irqs_open(&d->irqs, d->n.dev, MSIX, VECTORS);
}

/* Reset the disk and start its driver; what it interrupts for is forgotten */
static int disk_start(struct disk *d)
{
	int rc = nvme_enable(&d->n) ?:
		 nvme_add_queue(&d->n, &d->io, IO_VECTOR);

	if (!rc && d->irqs.num)
		irqs_wait(&d->irqs, 0, NEVER_MS);
	return rc;
}

/* One command of each queue; each is done when these return: 0 or an error */
static int disk_admin(struct disk *d)
{
	nvme_identify_begin(&d->n, 1);
	return nvme_wait(&d->n, 1);
}

/* A command of each queue interrupts by the queue's vector, and by no other one */
#define expect_interrupts(_d)						\
	do {								\
		struct disk *_disk = (_d);				\
		struct irqs *_irqs = &_disk->irqs;			\
									\
		EXPECT_EQ(0, disk_admin(_disk));			\
		EXPECT_EQ(1, irqs_wait(_irqs, 0, SLOW_MS));		\
		EXPECT_EQ(0, nvme_read(&_disk->n, &_disk->io));		\
		EXPECT_EQ(1, irqs_wait(_irqs, IO_VECTOR, SLOW_MS));	\
		EXPECT_EQ(0, irqs_wait(_irqs, 0, 0));			\
		EXPECT_EQ(0, irqs_wait(_irqs, 1, 0));			\
		expect_in_window(_irqs, 0);				\
		expect_in_window(_irqs, IO_VECTOR);			\
	} while (0)

/* The edu device can interrupt where it can't do DMA */
static u64 edu_interrupts(struct irqs *irqs, unsigned int ms)
{
	edu_interrupt(irqs->dev);
	return irqs_wait(irqs, 0, ms);
}

/* -------------------------------------------------------------- a disk, MSI-X */

FIXTURE(msi)
{
	struct board board;
	struct vm vm;
	struct disk disk;
	u32 pt[NUM_PT];
	int log;
};

FIXTURE_VARIANT(msi)
{
	u32 type;
};

FIXTURE_VARIANT_ADD(msi, arm_smmuv3)
{
	.type = IOMMU_VIOMMU_TYPE_ARM_SMMUV3,
};

FIXTURE_VARIANT_ADD(msi, tegra241_cmdqv)
{
	.type = IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV,
};

FIXTURE_SETUP(msi)
{
	const char *why = board_find(&self->board);
	char bdf[16];

	self->vm.fd = -1;
	if (why)
		SKIP(return, "%s", why);
	if (vfio_find(NVME_VENDOR, NVME_DEVICE, 0, bdf))
		SKIP(return, "needs an NVMe disk, as the emulated board has");
	self->log = kernel_log_open();
	ASSERT_GE(self->log, 0);
	ASSERT_EQ(0, vm_open(&self->vm, "disk", bdf));
	ASSERT_EQ(0, guest_init(&self->vm, variant->type, self->pt));
	ASSERT_EQ(0, disk_init(&self->disk, &self->vm));
}

FIXTURE_TEARDOWN(msi)
{
	char line[256];

	EXPECT_EQ(0, irqs_close(&self->disk.irqs));
	EXPECT_EQ(0, guest_end(&self->vm, self->pt));
	EXPECT_FALSE(kernel_has_warned(self->log, line, sizeof(line)))
		TH_LOG("%s", line);
	close(self->log);
	board_check(&self->board);
	observer_close(&self->board.unit);
}

/*
 * The guest's stage 1 decides: an MSI to a window that it doesn't map is a fault
 * of its own and no interrupt. Mapped, the same vectors work; taken away, they
 * don't.
 */
TEST_F_TIMEOUT(msi, only_through_stage1, TIMEOUT)
{
	struct disk *d = &self->disk;
	struct vm *vm = &self->vm;
	struct smmu_cmd flush = cmd_op(CMD_TLBI_NSNH_ALL);
	struct iommufd_vevent_header header;
	int event_fd, i;
	u64 address, evt[4];
	u32 veventq, num;

	ASSERT_EQ(0, iommufd_veventq_alloc(vm->fd, vm->viommu,
					   IOMMU_VEVENTQ_TYPE_ARM_SMMUV3, 16,
					   &veventq, &event_fd));
	ASSERT_EQ(0, vfio_attach(&vm->dev, self->pt[STAGE1]));
	ASSERT_EQ(0, disk_vectors(d));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, nvme_enable(&d->n));
		EXPECT_EQ(0, disk_admin(d));
		EXPECT_EQ(0, irqs_wait(&d->irqs, 0, NEVER_MS));
		expect_in_window(&d->irqs, 0);
		ASSERT_EQ(0, irqs_address(&d->irqs, 0, &address));
		ASSERT_EQ(0, iommufd_veventq_read(event_fd, &header, evt,
						  sizeof(evt)));
		EXPECT_EQ(EVT_F_TRANSLATION, EVT_ID(evt));
		EXPECT_EQ(VSID, EVT_SID(evt));
		EXPECT_EQ(0, EVT_S2(evt));
		EXPECT_EQ(0, EVT_READ(evt));
		EXPECT_EQ(address, EVT_ADDR(evt));
		EXPECT_EQ(-EAGAIN, iommufd_veventq_read(event_fd, &header, evt,
							sizeof(evt)));
		if (i)
			break;
		ASSERT_EQ(0, map_window(vm));
		ASSERT_EQ(0, disk_start(d));
		expect_interrupts(d);
		ASSERT_EQ(0, stage1_unmap(&vm->s1, address & ~(GUEST_PAGE - 1)));
		num = 1;
		ASSERT_EQ(0, _test_cmd_invalidate(vm, &flush, &num));
	}
	close(event_fd);
	EXPECT_EQ(0, iommufd_destroy(vm->fd, veventq));
}

/*
 * A device that does DMA interrupts, whatever it was attached to when its vectors
 * were allocated and whatever it is attached to now. Where it sends them does not
 * change.
 */
TEST_F_TIMEOUT(msi, allocated_before_or_after, TIMEOUT)
{
	struct disk *d = &self->disk;
	struct vm *vm = &self->vm;
	unsigned int then, now;
	u64 address, first;

	ASSERT_EQ(0, map_window(vm));
	for (then = 0; then < NUM_PT; then++) {
		ASSERT_EQ(0, vfio_attach(&vm->dev, self->pt[then]));
		ASSERT_EQ(0, disk_vectors(d))
			TH_LOG("under %s", pt_name[then]);
		ASSERT_EQ(0, irqs_address(&d->irqs, 0, &first));
		for (now = 0; now < NUM_PT; now++) {
			if (now == ABORT)
				continue;
			ASSERT_EQ(0, vfio_attach(&vm->dev, self->pt[now]));
			ASSERT_EQ(0, disk_start(d));
			expect_interrupts(d);
			ASSERT_EQ(0, irqs_address(&d->irqs, 0, &address));
			EXPECT_EQ(first, address);
			if (_metadata->exit_code == KSFT_FAIL)
				TH_LOG("allocated under %s, used under %s",
				       pt_name[then], pt_name[now]);
		}
		ASSERT_EQ(0, irqs_close(&d->irqs));
	}
}

/* Vectors survive everything that happens to a device's attachment */
TEST_F_TIMEOUT(msi, attached_again, TIMEOUT)
{
	struct disk *d = &self->disk;
	struct vm *vm = &self->vm;
	unsigned int i;
	u32 id;

	ASSERT_EQ(0, map_window(vm));
	ASSERT_EQ(0, vfio_attach(&vm->dev, self->pt[STAGE1]));
	ASSERT_EQ(0, disk_vectors(d));
	for (i = 0; i < 3; i++) {
		/* Another HWPT, as for each STE that a guest writes */
		ASSERT_EQ(0, stage1_alloc(vm, &id));
		ASSERT_EQ(0, vfio_attach(&vm->dev, id));
		ASSERT_EQ(0, iommufd_destroy(vm->fd, self->pt[STAGE1]));
		self->pt[STAGE1] = id;
		ASSERT_EQ(0, disk_start(d));
		expect_interrupts(d);

		/* Back to stage 2, as for a guest that disables its SMMU */
		ASSERT_EQ(0, vfio_attach(&vm->dev, vm->s2));
		expect_interrupts(d);
		ASSERT_EQ(0, vfio_attach(&vm->dev, id));
		expect_interrupts(d);

		/* To nothing, and to the nested domain without a stop at stage 2 */
		ASSERT_EQ(0, vfio_detach(&vm->dev));
		ASSERT_EQ(0, vfio_attach(&vm->dev, id));
		ASSERT_EQ(0, disk_start(d));
		expect_interrupts(d);
		/* The same vectors written to the device again */
		ASSERT_EQ(0, irqs_refresh(&d->irqs));
		expect_interrupts(d);
	}
}

/* Interrupts go to the CPU that the host's administrator or scheduler wants */
TEST_F_TIMEOUT(msi, moved_to_another_cpu, TIMEOUT)
{
	struct disk *d = &self->disk;
	struct vm *vm = &self->vm;
	unsigned int i, cpu;
	long before;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two CPUs");
	ASSERT_EQ(0, map_window(vm));
	/* Half of it with vectors from before the attach, half from after it */
	for (i = 0; i < 2; i++) {
		if (!i)
			ASSERT_EQ(0, disk_vectors(d));
		ASSERT_EQ(0, vfio_attach(&vm->dev, self->pt[STAGE1]));
		if (i)
			ASSERT_EQ(0, disk_vectors(d));
		ASSERT_EQ(0, disk_start(d));
		for (cpu = 0; cpu < 5; cpu++) {
			ASSERT_EQ(0, irqs_move(&d->irqs, 0, cpu % 2));
			ASSERT_EQ(0, irqs_move(&d->irqs, IO_VECTOR, cpu % 2));
			before = irqs_on_cpu(&d->irqs, IO_VECTOR, cpu % 2);
			ASSERT_LE(0, before);
			expect_interrupts(d);
			EXPECT_EQ(before + 1,
				  irqs_on_cpu(&d->irqs, IO_VECTOR, cpu % 2));
		}
		ASSERT_EQ(0, irqs_close(&d->irqs));
		ASSERT_EQ(0, vfio_attach(&vm->dev, vm->s2));
	}
}

/* A reset of the device takes nothing away, nor does one while a guest aborts */
TEST_F_TIMEOUT(msi, device_reset, TIMEOUT)
{
	static const enum pt during[] = { STAGE1, STAGE2, ABORT };
	struct disk *d = &self->disk;
	struct vm *vm = &self->vm;
	unsigned int i;

	ASSERT_EQ(0, map_window(vm));
	ASSERT_EQ(0, vfio_attach(&vm->dev, self->pt[STAGE1]));
	ASSERT_EQ(0, disk_vectors(d));
	for (i = 0; i < ARRAY_SIZE(during); i++) {
		ASSERT_EQ(0, vfio_attach(&vm->dev, self->pt[during[i]]));
		ASSERT_EQ(0, vfio_reset(&vm->dev));
		expect_in_window(&d->irqs, 0);
		expect_in_window(&d->irqs, IO_VECTOR);
		ASSERT_EQ(0, vfio_attach(&vm->dev, self->pt[STAGE1]));
		ASSERT_EQ(0, disk_start(d));
		expect_interrupts(d);
	}
}

/* A nested domain may be the first thing that a device is ever attached to */
TEST_F_TIMEOUT(msi, nested_at_first, TIMEOUT)
{
	static const enum pt first[] = { STAGE1, BYPASS };
	struct disk *d = &self->disk;
	struct vm *vm = &self->vm;
	unsigned int i;
	u32 s2;

	for (i = 0; i < ARRAY_SIZE(first); i++) {
		/* A nest parent that nothing has been attached to */
		ASSERT_EQ(0, iommufd_hwpt_alloc(vm->fd, vm->dev.dev_id, vm->ioas,
						IOMMU_HWPT_ALLOC_NEST_PARENT,
						IOMMU_HWPT_DATA_NONE, NULL, 0,
						&s2));
		ASSERT_EQ(0, vfio_detach(&vm->dev));
		ASSERT_EQ(0, iommufd_destroy(vm->fd, self->pt[BYPASS]));
		ASSERT_EQ(0, iommufd_destroy(vm->fd, self->pt[ABORT]));
		ASSERT_EQ(0, iommufd_destroy(vm->fd, self->pt[STAGE1]));
		memset(self->pt, 0, sizeof(self->pt));
		ASSERT_EQ(0, iommufd_destroy(vm->fd, vm->vdevice));
		vm->vdevice = 0;
		ASSERT_EQ(0, vm_unmap_window(vm));
		ASSERT_EQ(0, iommufd_destroy(vm->fd, vm->viommu));
		vm->viommu = 0;
		ASSERT_EQ(0, iommufd_destroy(vm->fd, vm->s2));
		vm->s2 = s2;
		ASSERT_EQ(0, guest_init(vm, variant->type, self->pt));
		ASSERT_EQ(0, disk_init(d, vm));
		ASSERT_EQ(0, map_window(vm));

		ASSERT_EQ(0, vfio_attach(&vm->dev, self->pt[first[i]]));
		ASSERT_EQ(0, disk_vectors(d));
		ASSERT_EQ(0, disk_start(d));
		expect_interrupts(d);
		ASSERT_EQ(0, irqs_close(&d->irqs));
	}
}

/*
 * The other device of the same VM, in a group of its own, has the same nest parent:
 * each has its interrupts, in whatever order they are attached and allocate.
 */
TEST_F_TIMEOUT(msi, two_devices_on_one_parent, TIMEOUT)
{
	struct disk *d = &self->disk;
	struct vm *vm = &self->vm;
	struct vfio_dev edu;
	u64 mine, others;
	struct irqs irqs;
	unsigned int i;

	ASSERT_EQ(0, map_window(vm));
	ASSERT_EQ(0, vfio_open(&edu, self->board.bdf[0], vm->fd));
	for (i = 0; i < 4; i++) {
		/* The disk first, or the other one */
		ASSERT_EQ(0, vfio_attach(i & 1 ? &vm->dev : &edu,
					 self->pt[BYPASS]));
		ASSERT_EQ(0, vfio_attach(i & 1 ? &edu : &vm->dev,
					 self->pt[BYPASS]));
		if (i & 2)
			ASSERT_EQ(0, irqs_open(&irqs, &edu, MSI, 1));
		ASSERT_EQ(0, disk_vectors(d));
		if (!(i & 2))
			ASSERT_EQ(0, irqs_open(&irqs, &edu, MSI, 1));

		ASSERT_EQ(0, vfio_attach(&vm->dev, self->pt[STAGE1]));
		ASSERT_EQ(0, disk_start(d));
		expect_interrupts(d);
		EXPECT_EQ(1, edu_interrupts(&irqs, SLOW_MS));
		/* One doorbell, one page */
		ASSERT_EQ(0, irqs_address(&d->irqs, 0, &mine));
		ASSERT_EQ(0, irqs_address(&irqs, 0, &others));
		EXPECT_EQ(mine, others);

		/* One goes, the other stays */
		ASSERT_EQ(0, irqs_close(&irqs));
		ASSERT_EQ(0, vfio_detach(&edu));
		expect_interrupts(d);
		ASSERT_EQ(0, irqs_close(&d->irqs));
		ASSERT_EQ(0, vfio_detach(&vm->dev));
	}
	vfio_close(&edu);
	ASSERT_EQ(0, vfio_attach(&vm->dev, vm->s2));
}

/*
 * Moved to another nest parent, a device interrupts by vectors that are allocated
 * there. (Vectors from before work as soon as the new parent has the page, which
 * is with the first vector allocated on it; see Linux' iommufd_group_setup_msi().)
 */
TEST_F_TIMEOUT(msi, another_parent, TIMEOUT)
{
	struct disk *d = &self->disk;
	struct vm *vm = &self->vm;
	struct vm other = {};
	u32 pt[NUM_PT] = {};

	ASSERT_EQ(0, map_window(vm));
	ASSERT_EQ(0, vfio_attach(&vm->dev, self->pt[STAGE1]));
	ASSERT_EQ(0, disk_vectors(d));
	ASSERT_EQ(0, disk_start(d));
	expect_interrupts(d);
	ASSERT_EQ(0, irqs_close(&d->irqs));

	/* The same memory, another stage 2 and all that is above it */
	other.fd = vm->fd;
	other.dev = vm->dev;
	other.ram = vm->ram;
	ASSERT_EQ(0, iommufd_hwpt_alloc(vm->fd, vm->dev.dev_id, vm->ioas,
					IOMMU_HWPT_ALLOC_NEST_PARENT,
					IOMMU_HWPT_DATA_NONE, NULL, 0,
					&other.s2));
	/* A device has one vDEVICE */
	ASSERT_EQ(0, vfio_attach(&vm->dev, vm->s2));
	ASSERT_EQ(0, iommufd_destroy(vm->fd, vm->vdevice));
	vm->vdevice = 0;
	ASSERT_EQ(0, guest_init(&other, variant->type, pt));
	ASSERT_EQ(0, disk_init(d, &other));
	d->n.dev = &vm->dev;
	ASSERT_EQ(0, map_window(&other));
	ASSERT_EQ(0, vfio_attach(&vm->dev, pt[STAGE1]));
	ASSERT_EQ(0, disk_vectors(d));
	ASSERT_EQ(0, disk_start(d));
	expect_interrupts(d);
	/* And back, with a vector allocated meanwhile on the other one */
	ASSERT_EQ(0, vfio_attach(&vm->dev, self->pt[BYPASS]));
	ASSERT_EQ(0, disk_start(d));
	expect_interrupts(d);

	ASSERT_EQ(0, iommufd_destroy(vm->fd, pt[STAGE1]));
	ASSERT_EQ(0, iommufd_destroy(vm->fd, pt[BYPASS]));
	ASSERT_EQ(0, iommufd_destroy(vm->fd, pt[ABORT]));
	ASSERT_EQ(0, iommufd_destroy(vm->fd, other.vdevice));
	ASSERT_EQ(0, vm_unmap_window(&other));
	ASSERT_EQ(0, iommufd_destroy(vm->fd, other.viommu));
	ASSERT_EQ(0, iommufd_destroy(vm->fd, other.s2));
}

/* ------------------------------------------------------------- the MSI window */

/* Whether memory can be mapped at @iova; it isn't afterwards */
static int try_map(struct vm *vm, u32 ioas, u64 iova)
{
	int rc = iommufd_ioas_map(vm->fd, ioas, vm->ram.va, GUEST_PAGE, iova,
				  true);

	return rc ?: iommufd_ioas_unmap(vm->fd, ioas, iova, GUEST_PAGE);
}

/*
 * No memory can be mapped where the host has MSI pages, from the first attach to the
 * stage 2 until that goes.
 */
TEST_F_TIMEOUT(msi, window_is_the_hosts, TIMEOUT)
{
	struct disk *d = &self->disk;
	struct vm *vm = &self->vm;
	u32 no_vdevice, ioas, s2;
	unsigned int i;

	ASSERT_EQ(0, map_window(vm));
	EXPECT_EQ(0, try_map(vm, vm->ioas, WINDOW - GUEST_PAGE));
	EXPECT_EQ(0, try_map(vm, vm->ioas, WINDOW + WINDOW_SIZE));
	for (i = 0; i < NUM_PT; i++) {
		ASSERT_EQ(0, vfio_attach(&vm->dev, self->pt[i]));
		EXPECT_EQ(-EINVAL, try_map(vm, vm->ioas, WINDOW));
		EXPECT_EQ(-EINVAL, try_map(vm, vm->ioas, WINDOW + WINDOW_SIZE -
					   GUEST_PAGE));
	}

	/* An attach that is refused takes nothing from what is attached */
	ASSERT_EQ(0, vfio_attach(&vm->dev, vm->s2));
	ASSERT_EQ(0, iommufd_destroy(vm->fd, vm->vdevice));
	vm->vdevice = 0;
	ASSERT_EQ(0, stage1_alloc(vm, &no_vdevice));
	EXPECT_EQ(-ENOENT, vfio_attach(&vm->dev, no_vdevice));
	EXPECT_EQ(0, iommufd_destroy(vm->fd, no_vdevice));
	EXPECT_EQ(-EINVAL, try_map(vm, vm->ioas, WINDOW));
	ASSERT_EQ(0, disk_vectors(d));
	ASSERT_EQ(0, disk_start(d));
	expect_interrupts(d);
	ASSERT_EQ(0, vm_add_vdevice(vm, VSID));

	/* Memory is there first: then the device can't be attached */
	ASSERT_EQ(0, iommufd_ioas_alloc(vm->fd, &ioas));
	ASSERT_EQ(0, iommufd_hwpt_alloc(vm->fd, vm->dev.dev_id, ioas,
					IOMMU_HWPT_ALLOC_NEST_PARENT,
					IOMMU_HWPT_DATA_NONE, NULL, 0, &s2));
	ASSERT_EQ(0, iommufd_ioas_map(vm->fd, ioas, vm->ram.va, GUEST_PAGE,
				      WINDOW, true));
	EXPECT_EQ(-EADDRINUSE, vfio_attach(&vm->dev, s2));
	expect_interrupts(d);
	ASSERT_EQ(0, iommufd_ioas_unmap(vm->fd, ioas, WINDOW, GUEST_PAGE));

	/* The page stays after the device, and so does the window */
	ASSERT_EQ(0, irqs_close(&d->irqs));
	ASSERT_EQ(0, vfio_attach(&vm->dev, s2));
	ASSERT_EQ(0, disk_vectors(d));
	ASSERT_EQ(0, vfio_detach(&vm->dev));
	EXPECT_EQ(-EINVAL, try_map(vm, ioas, WINDOW));
	ASSERT_EQ(0, iommufd_destroy(vm->fd, s2));
	EXPECT_EQ(0, try_map(vm, ioas, WINDOW));
	ASSERT_EQ(0, iommufd_destroy(vm->fd, ioas));
	ASSERT_EQ(0, vfio_attach(&vm->dev, vm->s2));
}

/* ------------------------------------------------------------------- races */

/**
 * struct race - a disk that is attached and given vectors at the same time
 * @vm: its VM
 * @pt: what it can be attached to
 * @type: of vIOMMU
 */
struct race {
	struct vm *vm;
	u32 *pt;
	u32 type;
};

/* Vectors come and go; as long as the device is attached all are in the window */
static void race_vectors(struct worker *w)
{
	struct race *race = w->arg;
	struct irqs irqs;
	unsigned int i;
	u64 address;
	int rc;

	rc = irqs_open(&irqs, &race->vm->dev, MSIX, VECTORS);
	if (rc) {
		crew_broken(w->crew, "no vectors: %d", rc);
		return;
	}
	for (i = 0; i < VECTORS; i++) {
		if (in_window(&irqs, i))
			continue;
		address = 0;
		irqs_address(&irqs, i, &address);
		crew_broken(w->crew, "vector %u goes to 0x%llx", i, address);
	}
	rc = irqs_close(&irqs);
	if (rc)
		crew_broken(w->crew, "can't free vectors: %d", rc);
	crew_pause(w, 2000);
}

/* Another HWPT, of which the one before has gone as soon as nobody is attached */
static void race_replace(struct worker *w)
{
	struct race *race = w->arg;
	struct vm *vm = race->vm;
	enum pt kind = BYPASS + crew_random(w, 3);
	u64 ste[2] = {};
	u32 id;
	int rc;

	if (kind == STAGE1)
		stage1_ste(&vm->s1, ste);
	else if (kind == BYPASS)
		ste_bypass(ste);
	else
		ste_abort(ste);
	rc = nested_alloc(vm, ste[0], ste[1], &id) ?:
	     vfio_attach(&vm->dev, id);
	crew_pause(w, 2000);
	if (!rc && crew_random(w, 2))
		rc = vfio_attach(&vm->dev, vm->s2);
	else if (!rc)
		rc = vfio_attach(&vm->dev, race->pt[STAGE1]);
	rc = rc ?: iommufd_destroy(vm->fd, id);
	if (rc)
		crew_broken(w->crew, "replacing by %s: %d", pt_name[kind], rc);
}

/* Vectors come and go while somebody does @step; then interrupts arrive */
static void race_vectors_against(struct __test_metadata *_metadata,
				 struct _test_data_msi *self, const char *name,
				 void (*step)(struct worker *w))
{
	struct disk *d = &self->disk;
	struct vm *vm = &self->vm;
	struct race race = { .vm = vm, .pt = self->pt };
	struct crew crew;
	const char *why;

	ASSERT_EQ(0, map_window(vm));
	crew_init(&crew);
	crew_add(&crew, "vectors", race_vectors, &race, 0);
	crew_add(&crew, name, step, &race, 0);
	why = crew_run(&crew, RACE_S);
	EXPECT_EQ(NULL, why)
		TH_LOG("%s", why);
	TH_LOG("%lu times vectors, %lu times %s", crew.worker[0].steps,
	       crew.worker[1].steps, name);

	ASSERT_EQ(0, vfio_attach(&vm->dev, self->pt[STAGE1]));
	ASSERT_EQ(0, disk_vectors(d));
	ASSERT_EQ(0, disk_start(d));
	expect_interrupts(d);
}

TEST_F_TIMEOUT(msi, race_replace, TIMEOUT)
{
	race_vectors_against(_metadata, self, "replace", race_replace);
}

/*
 * Another nest parent with all that is above it; the one before has gone. Bypass,
 * since a device has one vDEVICE, which is on one vIOMMU.
 */
static void race_parent(struct worker *w)
{
	struct race *race = w->arg;
	struct vm *vm = race->vm;
	u32 s2, viommu, bypass;
	struct vm other = *vm;
	u64 ste[2];
	int rc;

	ste_bypass(ste);
	rc = iommufd_hwpt_alloc(vm->fd, vm->dev.dev_id, vm->ioas,
				IOMMU_HWPT_ALLOC_NEST_PARENT,
				IOMMU_HWPT_DATA_NONE, NULL, 0, &s2) ?:
	     iommufd_viommu_alloc(vm->fd, vm->dev.dev_id, s2,
				  IOMMU_VIOMMU_TYPE_ARM_SMMUV3, NULL, 0,
				  &viommu);
	other.viommu = viommu;
	rc = rc ?: nested_alloc(&other, ste[0], ste[1], &bypass) ?:
	     vfio_attach(&vm->dev, bypass);
	crew_pause(w, 2000);
	rc = rc ?: vfio_attach(&vm->dev, race->pt[BYPASS]) ?:
	     iommufd_destroy(vm->fd, bypass) ?:
	     iommufd_destroy(vm->fd, viommu) ?: iommufd_destroy(vm->fd, s2);
	if (rc)
		crew_broken(w->crew, "another nest parent: %d", rc);
}

TEST_F_TIMEOUT(msi, race_parents, TIMEOUT)
{
	race_vectors_against(_metadata, self, "another parent", race_parent);
}

/**
 * struct pair - two devices that meet on one nest parent
 * @fd: the iommufd
 * @dev: they, each in a group of its own
 * @irqs: a vector each
 * @ioas: what nest parents are made of
 * @s2: the nest parent of this round
 * @barrier: begin and end of a round
 * @rounds: how many
 * @rc: the first error of each
 */
struct pair {
	int fd;
	struct vfio_dev dev[2];
	struct irqs irqs[2];
	u32 ioas;
	u32 s2;
	pthread_barrier_t barrier;
	unsigned int rounds;
	int rc[2];
};

struct half {
	struct pair *pair;
	unsigned int nr;
};

static void *pair_member(void *arg)
{
	struct half *half = arg;
	struct pair *p = half->pair;
	unsigned int nr = half->nr, i;
	struct vfio_dev *dev = &p->dev[nr];
	int rc;

	for (i = 0; i < p->rounds; i++) {
		if (!nr) {
			rc = iommufd_hwpt_alloc(p->fd, dev->dev_id, p->ioas,
						IOMMU_HWPT_ALLOC_NEST_PARENT,
						IOMMU_HWPT_DATA_NONE, NULL, 0,
						&p->s2);
			p->rc[0] = p->rc[0] ?: rc;
		}
		pthread_barrier_wait(&p->barrier);
		rc = vfio_attach(dev, p->s2);
		if (!rc) {
			rc = irqs_open(&p->irqs[nr], dev, MSI, 1);
			if (!rc && !in_window(&p->irqs[nr], 0))
				rc = -ERANGE;
			if (!rc && !edu_interrupts(&p->irqs[nr], SLOW_MS))
				rc = -ETIMEDOUT;
		}
		rc = irqs_close(&p->irqs[nr]) ?: rc;
		vfio_detach(dev);
		p->rc[nr] = p->rc[nr] ?: rc;
		pthread_barrier_wait(&p->barrier);
		if (!nr)
			iommufd_destroy(p->fd, p->s2);
	}
	return NULL;
}

/* Two devices may be attached to a new nest parent at the same moment */
TEST_F_TIMEOUT(msi, race_for_the_cookie, TIMEOUT)
{
	struct pair p = { .rounds = 100 };
	struct half half[2] = { { &p, 0 }, { &p, 1 } };
	pthread_t other;
	unsigned int i;

	p.fd = iommufd_open();
	ASSERT_GE(p.fd, 0);
	ASSERT_EQ(0, iommufd_ioas_alloc(p.fd, &p.ioas));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, vfio_open(&p.dev[i], self->board.bdf[i], p.fd));
	pthread_barrier_init(&p.barrier, NULL, 2);
	ASSERT_EQ(0, pthread_create(&other, NULL, pair_member, &half[1]));
	pair_member(&half[0]);
	ASSERT_EQ(0, pthread_join(other, NULL));
	EXPECT_EQ(0, p.rc[0]);
	EXPECT_EQ(0, p.rc[1]);
	for (i = 0; i < 2; i++)
		vfio_close(&p.dev[i]);
	close(p.fd);
}

/* ------------------------------------------------------------- edu, plain MSI */

FIXTURE(msi_edu)
{
	struct board board;
	struct vm vm;
	struct irqs irqs;
	u32 pt[NUM_PT];
	int log;
};

FIXTURE_SETUP(msi_edu)
{
	const char *why = board_find(&self->board);

	self->vm.fd = -1;
	if (why)
		SKIP(return, "%s", why);
	self->log = kernel_log_open();
	ASSERT_GE(self->log, 0);
	ASSERT_EQ(0, vm_open(&self->vm, "edu", self->board.bdf[0]));
	ASSERT_EQ(0, guest_init(&self->vm, IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV,
				self->pt));
	ASSERT_EQ(0, map_window(&self->vm));
}

FIXTURE_TEARDOWN(msi_edu)
{
	char line[256];

	EXPECT_EQ(0, irqs_close(&self->irqs));
	EXPECT_EQ(0, guest_end(&self->vm, self->pt));
	EXPECT_FALSE(kernel_has_warned(self->log, line, sizeof(line)))
		TH_LOG("%s", line);
	close(self->log);
	board_check(&self->board);
	observer_close(&self->board.unit);
}

/*
 * With abort, or attached to nothing, no interrupt gets through; vectors can be
 * allocated under abort all the same. In all else they get through, whatever the
 * device was attached to when they were allocated.
 */
TEST_F_TIMEOUT(msi_edu, allocated_before_or_after, TIMEOUT)
{
	struct vm *vm = &self->vm;
	unsigned int then, now;

	for (then = 0; then < NUM_PT; then++) {
		ASSERT_EQ(0, vfio_attach(&vm->dev, self->pt[then]));
		ASSERT_EQ(0, irqs_open(&self->irqs, &vm->dev, MSI, 1));
		expect_in_window(&self->irqs, 0);
		for (now = 0; now < NUM_PT; now++) {
			ASSERT_EQ(0, vfio_attach(&vm->dev, self->pt[now]));
			EXPECT_EQ(now != ABORT,
				  edu_interrupts(&self->irqs, now == ABORT ?
						 NEVER_MS : SLOW_MS))
				TH_LOG("allocated under %s, used under %s",
				       pt_name[then], pt_name[now]);
		}
		ASSERT_EQ(0, vfio_detach(&vm->dev));
		EXPECT_EQ(0, edu_interrupts(&self->irqs, NEVER_MS));
		ASSERT_EQ(0, vfio_attach(&vm->dev, self->pt[STAGE1]));
		EXPECT_EQ(1, edu_interrupts(&self->irqs, SLOW_MS));
		ASSERT_EQ(0, irqs_close(&self->irqs));
	}
}

/* Any CPU of the host can take them */
TEST_F_TIMEOUT(msi_edu, moved_to_another_cpu, TIMEOUT)
{
	struct vm *vm = &self->vm;
	unsigned int cpu;
	long before;

	ASSERT_EQ(0, vfio_attach(&vm->dev, self->pt[STAGE1]));
	ASSERT_EQ(0, irqs_open(&self->irqs, &vm->dev, MSI, 1));
	for (cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN) && cpu < 2; cpu++) {
		ASSERT_EQ(0, irqs_move(&self->irqs, 0, cpu));
		before = irqs_on_cpu(&self->irqs, 0, cpu);
		ASSERT_LE(0, before);
		EXPECT_EQ(1, edu_interrupts(&self->irqs, SLOW_MS));
		EXPECT_EQ(before + 1, irqs_on_cpu(&self->irqs, 0, cpu));
	}
}

TEST_HARNESS_MAIN
