// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The smallest VMM that gives a guest SMMU command queues of its own, to be read from
 * top to bottom. It uses the headers of the user ABI and libc, nothing else, and plays
 * the guest, too. Documentation/virt/tegra241-cmdqv/abi.rst explains each part.
 *
 *	minimal_vmm /dev/vfio/devices/vfioN
 *
 * The device has to be bound to vfio-pci, behind an SMMUv3 that has a CMDQV. It is not
 * used but for its place in the SMMU: any will do that nobody else needs meanwhile.
 * Each step is a line of TAP. The exit status is 0, 1 for a failure, 4 if something is
 * missing here. Whenever this ends, the kernel undoes what is left.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/iommufd.h>
#include <linux/vfio.h>

/* [frame] How a step ends */
static int steps, iommufd = -1, device = -1;

static void check(bool ok, const char *what)
{
	int error = errno;

	printf("%sok %d - %s\n", ok ? "" : "not ", ++steps, what);
	if (ok)
		return;
	printf("# %s\n1..%d\n", strerror(error), steps);
	exit(1);
}

static void skip(const char *what, const char *why)
{
	printf("ok 1 - minimal_vmm # SKIP %s: %s\n1..1\n", what, why);
	exit(4);
}

static void call(int fd, unsigned long request, void *arg, const char *what)
{
	check(ioctl(fd, request, arg) == 0, what);
}

static void destroy(uint32_t id, const char *what)
{
	struct iommu_destroy cmd = { .size = sizeof(cmd), .id = id };

	call(iommufd, IOMMU_DESTROY, &cmd, what);
}

/* [1] The device, bound to an iommufd */
static uint32_t dev_id;

static void bind_device(const char *path)
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };

	iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (iommufd < 0)
		skip("/dev/iommu", strerror(errno));
	device = open(path, O_RDWR | O_CLOEXEC);
	if (device < 0)
		skip(path, strerror(errno));
	bind.iommufd = iommufd;
	if (ioctl(device, VFIO_DEVICE_BIND_IOMMUFD, &bind))
		check(false, "the device is bound to the iommufd");
	dev_id = bind.out_devid;
}

static void attach(uint32_t pt, const char *what)
{
	struct vfio_device_attach_iommufd_pt cmd = { .argsz = sizeof(cmd), .pt_id = pt };

	call(device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &cmd, what);
}

/* [2] Is all of it there? What is the guest to see? */
static struct iommu_hw_info_tegra241_cmdqv cmdqv;
static struct iommu_hw_info_arm_smmuv3 smmu;

static void look_at_hardware(void)
{
	struct iommu_hw_info info = {
		.size = sizeof(info),
		.flags = IOMMU_HW_INFO_FLAG_INPUT_TYPE,
		.dev_id = dev_id,
		.in_data_type = IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV,
		.data_len = sizeof(cmdqv),
		.data_uptr = (uintptr_t)&cmdqv,
	};

	/* A kernel that does not know the flag says the same as one without the unit */
	if (ioctl(iommufd, IOMMU_GET_HW_INFO, &info) && errno == EOPNOTSUPP)
		skip("no CMDQV", "needs one, TEGRA241_CMDQV and ARM_SMMU_V3_IOMMUFD");
	check(info.out_data_type == IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV && cmdqv.version == 1,
	      "the device is bound, its SMMU has a CMDQV of version 1");
	info.in_data_type = IOMMU_HW_INFO_TYPE_ARM_SMMUV3;
	info.data_len = sizeof(smmu);
	info.data_uptr = (uintptr_t)&smmu;
	call(iommufd, IOMMU_GET_HW_INFO, &info, "what the SMMUv3 can do");
	printf("# queues %d, devices %d, entries of a queue up to 2^%d\n",
	       1 << cmdqv.log2vcmdqs, 1 << cmdqv.log2vsids, smmu.idr[1] >> 21 & 0x1f);
}

/* [3] The guest's memory, and stage 2 */
#define RAM_GPA		0x40000000ULL
#define RAM_SIZE	0x200000UL
/* What the guest keeps where in it; each in a page of its own, of any size */
#define CD_AT		0x00000UL	/* context descriptor */
#define TABLE_AT	0x10000UL	/* top of the stage-1 tables */
#define QUEUE_AT	0x20000UL
#define QUEUE_LOG2	8
#define QUEUE_BYTES	(16UL << QUEUE_LOG2)

static char *ram;
static uint32_t ioas_id, stage2_id;

static void make_memory(void)
{
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.length = RAM_SIZE,
		.iova = RAM_GPA,
	};
	struct iommu_hwpt_alloc stage2 = {
		.size = sizeof(stage2),
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
		.dev_id = dev_id,
	};

	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(ram != MAP_FAILED, "the guest has memory");
	call(iommufd, IOMMU_IOAS_ALLOC, &ioas, "an I/O address space");
	ioas_id = ioas.out_ioas_id;
	map.ioas_id = ioas_id;
	map.user_va = (uintptr_t)ram;
	call(iommufd, IOMMU_IOAS_MAP, &map, "guest memory at guest physical addresses");
	stage2.pt_id = ioas_id;
	call(iommufd, IOMMU_HWPT_ALLOC, &stage2, "stage 2, fit to be a parent");
	stage2_id = stage2.out_hwpt_id;
	attach(stage2_id, "the device is behind stage 2");
}

/* [4] The guest's slice of SMMU and CMDQV, and the window onto its queues */
static uint32_t viommu_id;
static struct iommu_viommu_tegra241_cmdqv window;
static char *page0;

static void make_viommu(void)
{
	struct iommu_viommu_alloc cmd = {
		.size = sizeof(cmd),
		.type = IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV,
		.dev_id = dev_id,
		.hwpt_id = stage2_id,
		.data_len = sizeof(window),
		.data_uptr = (uintptr_t)&window,
	};

	call(iommufd, IOMMU_VIOMMU_ALLOC, &cmd, "a vIOMMU with a VINTF");
	viommu_id = cmd.out_viommu_id;
	page0 = mmap(NULL, window.out_vintf_mmap_length, PROT_READ | PROT_WRITE, MAP_SHARED,
		     iommufd, window.out_vintf_mmap_offset);
	check(page0 != MAP_FAILED, "page 0 of the VINTF is mapped");
}

/* [5] What the guest is to be told: faults of its stage 1, errors of its queues */
static uint32_t faults_id, errors_id;
static int faults_fd, errors_fd;

static int make_veventq(uint32_t type, uint32_t *id, const char *what)
{
	struct iommu_veventq_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu_id,
		.type = type,
		.veventq_depth = 64,
	};

	call(iommufd, IOMMU_VEVENTQ_ALLOC, &cmd, what);
	*id = cmd.out_veventq_id;
	return cmd.out_veventq_fd;
}

/* [6] Translation: what the guest's stream table entry says */
#define STE_V		1ULL
#define STE_BYPASS	(4ULL << 1)
#define STE_STAGE1	(5ULL << 1)
#define STE_WB_INNER	0xd4ULL	/* tables: write-back cacheable, inner shareable */
#define GUEST_SID	0x10
#define GUEST_ASID	1ULL

static uint32_t bypass_id, vdevice_id, stage1_id;

static uint32_t make_nested(uint64_t word0, uint64_t word1, const char *what)
{
	struct iommu_hwpt_arm_smmuv3 ste = { .ste = { htole64(word0), htole64(word1) } };
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = dev_id,
		.pt_id = viommu_id,
		.data_type = IOMMU_HWPT_DATA_ARM_SMMUV3,
		.data_len = sizeof(ste),
		.data_uptr = (uintptr_t)&ste,
	};

	call(iommufd, IOMMU_HWPT_ALLOC, &cmd, what);
	return cmd.out_hwpt_id;
}

static void translate(void)
{
	struct iommu_vdevice_alloc vdevice = {
		.size = sizeof(vdevice),
		.viommu_id = viommu_id,
		.dev_id = dev_id,
		.virt_id = GUEST_SID,
	};
	uint64_t *cd = (uint64_t *)(ram + CD_AT);

	/* Before the guest has set up anything */
	bypass_id = make_nested(STE_V | STE_BYPASS, 0, "a table that lets everything through");
	attach(bypass_id, "the device is behind it");

	call(iommufd, IOMMU_VDEVICE_ALLOC, &vdevice, "the device has the guest's StreamID");
	vdevice_id = vdevice.out_vdevice_id;

	/*
	 * The guest: a context descriptor (IHI 0070, 5.4): 39 bits of address, pages of
	 * 4 KiB, tables write-back and inner shareable, no TTB1, V, 40 bits of output,
	 * AArch64, faults are recorded and abort, an ASID of its own. The tables are
	 * empty: each access of the device is a translation fault.
	 */
	cd[1] = htole64(RAM_GPA + TABLE_AT);
	cd[3] = htole64(0xff);
	cd[0] = htole64(25 | 1ULL << 8 | 1ULL << 10 | 3ULL << 12 | 1ULL << 30 | 1ULL << 31 |
			2ULL << 32 | 1ULL << 41 | 3ULL << 45 | 1ULL << 47 | GUEST_ASID << 48);
	/* It has written its stream table entry, and CMD_CFGI_STE into the trapped queue */
	stage1_id = make_nested(STE_V | STE_STAGE1 | (RAM_GPA + CD_AT), STE_WB_INNER,
				"a table of the guest's own");
	attach(stage1_id, "the device has moved there without a gap");
}

/* [7] A queue in the guest's memory */
static uint32_t queue_id;

static void make_queue(void)
{
	struct iommu_hw_queue_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu_id,
		.type = IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV,
		.index = 0,
		.nesting_parent_iova = RAM_GPA + QUEUE_AT,
		.length = QUEUE_BYTES,
	};

	call(iommufd, IOMMU_HW_QUEUE_ALLOC, &cmd, "the hardware has the guest's queue 0");
	queue_id = cmd.out_hw_queue_id;
}

/* [8] The guest: it works on its queue without a system call */
enum { CONS = 0x00, PROD = 0x04, CONFIG = 0x08, STATUS = 0x0c, GERROR = 0x10, GERRORN = 0x14 };
enum { CFGI_STE = 0x03, CFGI_CD = 0x05, TLBI_NH_ASID = 0x11, SYNC = 0x46 };

static uint32_t prod;	/* index, and the wrap bit above it */

/* Registers of queue 0; those of queue n begin at n * 0x80. 32 bits each access */
static uint32_t get(int reg)
{
	return __atomic_load_n((uint32_t *)(page0 + reg), __ATOMIC_RELAXED);
}

static void set(int reg, uint32_t value)
{
	__atomic_store_n((uint32_t *)(page0 + reg), value, __ATOMIC_RELAXED);
}

/* Between memory that a device reads or writes and registers; the SMMU is out there */
static void barrier(void)
{
#ifdef __aarch64__
	asm volatile("dmb osh" ::: "memory");
#else
	__sync_synchronize();
#endif
}

/* Up to a second for (register & mask) to be value. A guest would just look again */
static bool becomes(int reg, uint32_t mask, uint32_t value)
{
	for (int i = 0; i < 1000; i++, usleep(1000)) {
		if ((get(reg) & mask) == value)
			return true;
	}
	errno = ETIMEDOUT;
	return false;
}

static void put(uint32_t index, uint64_t word0)
{
	uint64_t *entry = (uint64_t *)(ram + QUEUE_AT) + 2 * (index & ((1 << QUEUE_LOG2) - 1));

	entry[0] = htole64(word0);
	entry[1] = 0;
}

/* A command, a CMD_SYNC behind it, and off they go */
static void issue(uint64_t word0)
{
	put(prod, word0);
	put(prod + 1, SYNC);
	prod = (prod + 2) & ((2 << QUEUE_LOG2) - 1);
	barrier();
	set(PROD, prod);
}

static bool completed(void)
{
	bool done = becomes(CONS, (2 << QUEUE_LOG2) - 1, prod);

	barrier();
	return done;
}

static void guest_works(void)
{
	set(PROD, 0);
	set(CONS, 0);
	set(GERRORN, get(GERROR));
	set(CONFIG, 1);
	check(becomes(STATUS, 1, 1), "the guest has enabled its queue");
	issue(GUEST_ASID << 48 | TLBI_NH_ASID);
	check(completed(), "the guest has invalidated its TLB entries by itself");
}

/* [9] An error: the queue stops, the VMM tells the guest, the guest goes on */
static void queue_stops(void)
{
	struct {
		struct iommufd_vevent_header header;
		struct iommu_vevent_tegra241_cmdqv error;
	} event;
	struct pollfd errors = { .fd = errors_fd, .events = POLLIN };
	uint32_t failed;

	/* Only the host may invalidate a stream table entry */
	issue((uint64_t)GUEST_SID << 32 | CFGI_STE);
	check(poll(&errors, 1, 5000) == 1 &&
	      read(errors_fd, &event, sizeof(event)) == sizeof(event), "there is an event");
	check(event.header.flags == 0 && event.header.sequence == 0,
	      "it is the first, and none was lost");
	check(le64toh(event.error.lvcmdq_err_map[0]) == 1 && !event.error.lvcmdq_err_map[1],
	      "it is about queue 0, and no other");
	/* Here a VMM sets its virtual error maps and raises its virtual interrupt */

	check((get(GERROR) ^ get(GERRORN)) & 1, "the guest sees that its queue has stopped");
	failed = get(CONS);
	check(failed >> 24 & 0x7f, "the guest sees why");
	put(failed, SYNC);
	barrier();
	set(GERRORN, get(GERROR));
	check(completed(), "the guest has skipped the command, and the queue went on");
}

/* [10] Commands that the guest can only put into its trapped queue */
static void pass_on_trapped(void)
{
	struct iommu_viommu_arm_smmuv3_invalidate cmds[] = {
		{ .cmd = { htole64((uint64_t)GUEST_SID << 32 | CFGI_CD), htole64(1) } },
		{ .cmd = { htole64(GUEST_ASID << 48 | TLBI_NH_ASID) } },
		{ .cmd = { htole64(0xff) } },	/* no such command */
	};
	struct iommu_hwpt_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = viommu_id,
		.data_uptr = (uintptr_t)cmds,
		.data_type = IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3,
		.entry_len = sizeof(cmds[0]),
		.entry_num = 3,
	};

	check(ioctl(iommufd, IOMMU_HWPT_INVALIDATE, &cmd) < 0 && errno == EIO,
	      "a trapped command that does not exist is refused");
	check(cmd.entry_num == 2, "the two before it are done");
}

/* [11] The end: the mirror of all that. EBUSY: something was left out */
static void take_down(void)
{
	struct iommu_destroy viommu = { .size = sizeof(viommu), .id = viommu_id };
	struct vfio_device_detach_iommufd_pt detach = { .argsz = sizeof(detach) };

	check(ioctl(iommufd, IOMMU_DESTROY, &viommu) < 0 && errno == EBUSY,
	      "a vIOMMU that is used can't be destroyed");
	attach(stage2_id, "the device is behind stage 2 again");
	destroy(stage1_id, "the guest's table is gone");
	destroy(bypass_id, "the other one is gone");
	destroy(vdevice_id, "the vDEVICE is gone");
	destroy(queue_id, "the queue has stopped and is gone");
	close(errors_fd);
	destroy(errors_id, "nobody is told of errors any more");
	close(faults_fd);
	destroy(faults_id, "nor of faults");
	munmap(page0, window.out_vintf_mmap_length);
	destroy(viommu_id, "the vIOMMU is gone, the VINTF free");
	call(device, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach, "the device is behind nothing");
	destroy(stage2_id, "stage 2 is gone");
	destroy(ioas_id, "the I/O address space is gone, the memory not pinned any more");
	close(device);
	close(iommufd);
}

/* [main] */
int main(int argc, char **argv)
{
	printf("TAP version 13\n");
	if (argc != 2)
		skip("no device is named", "minimal_vmm /dev/vfio/devices/vfioN");
	bind_device(argv[1]);
	look_at_hardware();
	make_memory();
	make_viommu();
	faults_fd = make_veventq(IOMMU_VEVENTQ_TYPE_ARM_SMMUV3, &faults_id, "a queue for faults");
	errors_fd = make_veventq(IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV, &errors_id,
				 "a queue for errors");
	translate();
	make_queue();
	guest_works();
	queue_stops();
	pass_on_trapped();
	take_down();
	printf("1..%d\n", steps);
	return 0;
}
