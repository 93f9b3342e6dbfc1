// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The paths: what a VMM does for a guest that has command queues of its own, and what the
 * guest does itself.
 */
#include <endian.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

#define TYPE	IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV
#define KIB	1024ULL
#define MIB	(1024 * KIB)

#define IOVA	0x00100000ULL

/* The hardware has no such command, so no guest is allowed it */
#define CMD_ILLEGAL	0xff

/*
 * A host may bound how many errors of a guest it deals with in some time. This
 * project's does: 20 of a VINTF at once, and 100 a second.
 */
#define ERROR_PAUSE_US	20000

/*
 * The scale: what any system call takes
 */

static int once_syscall(struct bench *b, const struct bench_path *path,
			struct bench_took *took)
{
	u64 start = bench_clock();

	syscall(SYS_getppid);
	took[0].ticks = bench_clock() - start;
	return 0;
}

static int once_no_ioctl(struct bench *b, const struct bench_path *path,
			 struct bench_took *took)
{
	int rc = timed_ioctl(b, &took[0], b->vm.fd, _IO(IOMMUFD_TYPE, 0x7f), NULL);

	b->step = "ioctl that isn't one";
	return rc == -ENOTTY ? 0 : rc ?: -EIO;
}

/*
 * Through page 0
 */

/*
 * So many invalidations of consecutive pages and a CMD_SYNC, until the hardware has done
 * them: what a guest's driver does, with what it knows of the queue in registers.
 */
static int once_page0(struct bench *b, const struct bench_path *path,
		      struct bench_took *took)
{
	struct vcmdq *q = &b->vm.q[0];
	const u32 mask = (1u << q->log2size) - 1, wrap = 2 * mask + 1;
	u64 w0 = htole64(b->cmds[0].w[0]), w1 = b->cmds[0].w[1];
	const u64 sync = htole64(cmd_sync().w[0]);
	unsigned int n = path->arg, tries = 1000000;
	u64 (*const entries)[2] = (void *)q->entries;
	char *prod_reg = (char *)q->regs + VCMDQ_PROD;
	char *cons_reg = (char *)q->regs + VCMDQ_CONS;
	u32 prod = q->prod;
	u64 start, *entry;

	/* Known before, and not only computed on the way */
	asm volatile("" : "+r" (tries), "+r" (prod_reg), "+r" (cons_reg));

	b->step = "commands through page 0";
	start = bench_clock();
	do {
		entry = entries[prod++ & mask];
		entry[0] = w0;
		entry[1] = htole64(w1);
		w1 += GUEST_PAGE;
	} while (--n);
	entry = entries[prod & mask];
	entry[0] = sync;
	entry[1] = 0;
	prod = (prod + 1) & wrap;
	/* Pairs with the hardware's read of PROD before it fetches entries */
	dma_barrier();
	mmio_write32(prod_reg, 0, prod);
	for (;;) {
		if (__builtin_expect((mmio_read32(cons_reg, 0) & wrap) == prod, 1))
			break;
		if (!--tries)
			return -ETIMEDOUT;
	}
	/* Nothing that follows may use what the commands have invalidated */
	dma_barrier();
	took[0].ticks = bench_clock() - start;
	q->prod = prod;
	return 0;
}

static int set_up_page0(struct bench *b, const struct bench_path *path)
{
	b->cmds[0] = cmd_tlbi_nh_va(BENCH_ASID, IOVA);
	return 0;
}

/*
 * Trapped
 */

static int set_up_trapped(struct bench *b, const struct bench_path *path)
{
	b->make.invalidate = (struct iommu_hwpt_invalidate){
		.size = sizeof(b->make.invalidate),
		.hwpt_id = b->vm.viommu,
		.data_uptr = (uintptr_t)b->cmds,
		.data_type = IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3,
		.entry_len = sizeof(b->cmds[0]),
	};
	return 0;
}

static int set_up_tlbi(struct bench *b, const struct bench_path *path)
{
	unsigned int i;

	for (i = 0; i < path->arg; i++)
		b->cmds[i] = cmd_tlbi_nh_va(BENCH_ASID, IOVA + i * GUEST_PAGE);
	return set_up_trapped(b, path);
}

static int set_up_cfgi_cd(struct bench *b, const struct bench_path *path)
{
	unsigned int i;

	for (i = 0; i < path->arg; i++)
		b->cmds[i] = cmd_sid(CMD_CFGI_CD, BENCH_VSID);
	return set_up_trapped(b, path);
}

static int set_up_atc_inv(struct bench *b, const struct bench_path *path)
{
	unsigned int i;

	for (i = 0; i < path->arg; i++)
		b->cmds[i] = cmd_atc_inv(BENCH_VSID, IOVA + i * GUEST_PAGE, 0);
	return set_up_trapped(b, path);
}

static int once_trapped(struct bench *b, const struct bench_path *path,
			struct bench_took *took)
{
	int rc;

	/* Of these, each time */
	b->step = "HWPT_INVALIDATE";
	b->make.invalidate.entry_num = path->arg;
	rc = timed_ioctl(b, &took[0], b->vm.fd, IOMMU_HWPT_INVALIDATE, &b->make.invalidate);
	if (!rc && b->make.invalidate.entry_num != path->arg)
		rc = -EIO;
	return rc;
}

/*
 * Objects: one is made, and destroyed again
 */

static int timed_destroy(struct bench *b, struct bench_took *took, u32 id)
{
	struct iommu_destroy *cmd = &b->use.destroy;

	*cmd = (struct iommu_destroy){ .size = sizeof(*cmd), .id = id };
	return timed_ioctl(b, took, b->vm.fd, IOMMU_DESTROY, cmd);
}

static int set_up_viommu(struct bench *b, const struct bench_path *path)
{
	int rc;

	b->make.viommu = (struct iommu_viommu_alloc){
		.size = sizeof(b->make.viommu),
		.type = TYPE,
		.dev_id = b->vm.dev.dev_id,
		.hwpt_id = b->vm.s2,
		.data_len = sizeof(b->window),
		.data_uptr = (uintptr_t)&b->window,
	};
	b->step = "VIOMMU_ALLOC";
	rc = iommufd_ioctl(b->vm.fd, IOMMU_VIOMMU_ALLOC, &b->make.viommu);
	if (rc)
		return rc == -EOPNOTSUPP ? bench_skip(b, BENCH_NO_CMDQV) : rc;
	return iommufd_destroy(b->vm.fd, b->make.viommu.out_viommu_id);
}

static int once_viommu(struct bench *b, const struct bench_path *path,
		       struct bench_took *took)
{
	int rc;

	b->step = "VIOMMU_ALLOC";
	rc = timed_ioctl(b, &took[0], b->vm.fd, IOMMU_VIOMMU_ALLOC, &b->make.viommu);
	if (rc)
		return rc;
	b->step = "DESTROY of the vIOMMU";
	return timed_destroy(b, &took[1], b->make.viommu.out_viommu_id);
}

static int set_up_vdevice(struct bench *b, const struct bench_path *path)
{
	b->make.vdevice = (struct iommu_vdevice_alloc){
		.size = sizeof(b->make.vdevice),
		.viommu_id = b->vm.viommu,
		.dev_id = b->vm.dev.dev_id,
		.virt_id = BENCH_VSID,
	};
	return 0;
}

static int once_vdevice(struct bench *b, const struct bench_path *path,
			struct bench_took *took)
{
	int rc;

	b->step = "VDEVICE_ALLOC";
	rc = timed_ioctl(b, &took[0], b->vm.fd, IOMMU_VDEVICE_ALLOC, &b->make.vdevice);
	if (rc)
		return rc;
	b->step = "DESTROY of the vDEVICE";
	return timed_destroy(b, &took[1], b->make.vdevice.out_vdevice_id);
}

static int set_up_hwq(struct bench *b, size_t size, size_t page)
{
	b->make.hwq = (struct iommu_hw_queue_alloc){
		.size = sizeof(b->make.hwq),
		.viommu_id = b->vm.viommu,
		.type = IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV,
		.index = 0,
		.nesting_parent_iova = BENCH_IPA,
		.length = size,
	};
	return bench_memory(b, size, page);
}

static int set_up_hwq_small(struct bench *b, const struct bench_path *path)
{
	return set_up_hwq(b, path->arg, 0);
}

static int set_up_hwq_2m(struct bench *b, const struct bench_path *path)
{
	return set_up_hwq(b, path->arg, 2 * MIB);
}

static int set_up_hwq_32m(struct bench *b, const struct bench_path *path)
{
	return set_up_hwq(b, path->arg, 32 * MIB);
}

static int once_hwq(struct bench *b, const struct bench_path *path,
		    struct bench_took *took)
{
	int rc;

	b->step = "HW_QUEUE_ALLOC";
	rc = timed_ioctl(b, &took[0], b->vm.fd, IOMMU_HW_QUEUE_ALLOC, &b->make.hwq);
	if (rc)
		return rc;
	b->step = "DESTROY of the HW_QUEUE";
	return timed_destroy(b, &took[1], b->make.hwq.out_hw_queue_id);
}

static int set_up_veventq(struct bench *b, const struct bench_path *path)
{
	b->make.events = (struct iommu_veventq_alloc){
		.size = sizeof(b->make.events),
		.viommu_id = b->vm.viommu,
		.type = IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV,
		.veventq_depth = path->arg,
	};
	return 0;
}

static int once_veventq(struct bench *b, const struct bench_path *path,
			struct bench_took *took)
{
	u64 start;
	int rc;

	b->step = "VEVENTQ_ALLOC";
	rc = timed_ioctl(b, &took[0], b->vm.fd, IOMMU_VEVENTQ_ALLOC, &b->make.events);
	if (rc)
		return rc;
	start = step_begin(b);
	close(b->make.events.out_veventq_fd);
	step_end(b, &took[1], start);
	b->step = "DESTROY of the vEVENTQ";
	return timed_destroy(b, &took[2], b->make.events.out_veventq_id);
}

/*
 * Nested HWPTs
 */

static int set_up_nested(struct bench *b, const struct bench_path *path)
{
	u64 ste[2];
	int rc;

	b->step = "a stage 1";
	rc = stage1_init(&b->vm.s1, &b->vm.ram, BENCH_ASID);
	if (rc)
		return rc;
	stage1_ste(&b->vm.s1, ste);
	b->ste.ste[0] = htole64(ste[0]);
	b->ste.ste[1] = htole64(ste[1]);
	b->make.nested = (struct iommu_hwpt_alloc){
		.size = sizeof(b->make.nested),
		.dev_id = b->vm.dev.dev_id,
		.pt_id = b->vm.viommu,
		.data_type = IOMMU_HWPT_DATA_ARM_SMMUV3,
		.data_len = sizeof(b->ste),
		.data_uptr = (uintptr_t)&b->ste,
	};
	return 0;
}

static int timed_attach(struct bench *b, struct bench_took *took, u32 pt)
{
	struct vfio_device_attach_iommufd_pt *cmd = &b->use.attach;

	*cmd = (struct vfio_device_attach_iommufd_pt){
		.argsz = sizeof(*cmd),
		.pt_id = pt,
	};
	return timed_ioctl(b, took, b->vm.dev.fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, cmd);
}

static int once_nested(struct bench *b, const struct bench_path *path,
		       struct bench_took *took)
{
	int rc;

	b->step = "HWPT_ALLOC";
	rc = timed_ioctl(b, &took[0], b->vm.fd, IOMMU_HWPT_ALLOC, &b->make.nested);
	if (rc)
		return rc;
	b->step = "attach to the nested HWPT";
	rc = timed_attach(b, &took[1], b->make.nested.out_hwpt_id);
	if (rc)
		return rc;
	b->step = "attach to the nest parent";
	rc = timed_attach(b, &took[2], b->vm.s2);
	if (rc)
		return rc;
	b->step = "DESTROY of the nested HWPT";
	return timed_destroy(b, &took[3], b->make.nested.out_hwpt_id);
}

static int set_up_replace(struct bench *b, const struct bench_path *path)
{
	int rc = set_up_nested(b, path), i;

	b->step = "two nested HWPTs";
	for (i = 0; i < 2 && !rc; i++) {
		rc = iommufd_ioctl(b->vm.fd, IOMMU_HWPT_ALLOC, &b->make.nested);
		if (!rc)
			b->pt[i] = b->make.nested.out_hwpt_id;
	}
	b->attached = 0;
	return rc ?: vfio_attach(&b->vm.dev, b->pt[0]);
}

static int once_replace(struct bench *b, const struct bench_path *path,
			struct bench_took *took)
{
	b->step = "attach to another nested HWPT";
	b->attached ^= 1;
	return timed_attach(b, &took[0], b->pt[b->attached]);
}

static void tear_down_replace(struct bench *b)
{
	int i;

	if (b->pt[0])
		vfio_attach(&b->vm.dev, b->vm.s2);
	for (i = 0; i < 2; i++) {
		if (b->pt[i])
			iommufd_destroy(b->vm.fd, b->pt[i]);
		b->pt[i] = 0;
	}
}

/*
 * The window
 */

static int once_mmap(struct bench *b, const struct bench_path *path,
		     struct bench_took *took)
{
	struct vm *vm = &b->vm;
	u64 start;
	void *p;
	int rc;

	b->step = "mmap() of page 0";
	start = step_begin(b);
	p = mmap(NULL, vm->window_size, PROT_READ | PROT_WRITE, MAP_SHARED, vm->fd,
		 vm->window_offset);
	step_end(b, &took[0], start);
	if (p == MAP_FAILED)
		return -errno;
	b->step = "munmap() of page 0";
	start = step_begin(b);
	rc = munmap(p, vm->window_size);
	step_end(b, &took[1], start);
	return rc ? -errno : 0;
}

/*
 * Errors and events
 */

/* An illegal command until poll() returns, and reading the event: both on the clock */
static int error_and_event(struct bench *b, struct bench_took *until_poll,
			   struct bench_took *until_read)
{
	struct pollfd p = { .fd = b->event_fd, .events = POLLIN };
	struct vcmdq *q = &b->vm.q[0];
	ssize_t len;
	u64 start;
	int rc;

	usleep(ERROR_PAUSE_US);
	b->step = "an illegal command, and poll()";
	vcmdq_push(q, cmd_op(CMD_ILLEGAL));
	start = step_begin(b);
	vcmdq_kick(q);
	rc = poll(&p, 1, 1000);
	step_end(b, until_poll, start);
	if (rc != 1 || p.revents != POLLIN)
		return rc < 0 ? -errno : -ETIMEDOUT;

	b->step = "read() of the event";
	start = step_begin(b);
	len = read(b->event_fd, &b->use.event, sizeof(b->use.event));
	step_end(b, until_read, start);
	if (len < 0)
		return -errno;
	if (len != sizeof(b->use.event) ||
	    le64toh(b->use.event.data.lvcmdq_err_map[0]) != 1)
		return -EIO;

	b->step = "the queue after its error";
	if (vcmdq_recover(q) != CERROR_ILL)
		return -EIO;
	return vcmdq_wait(q);
}

static int once_event_read(struct bench *b, const struct bench_path *path,
			   struct bench_took *took)
{
	struct bench_took unused;

	return error_and_event(b, &unused, &took[0]);
}

static int once_error_poll(struct bench *b, const struct bench_path *path,
			   struct bench_took *took)
{
	struct bench_took unused;

	return error_and_event(b, &took[0], &unused);
}

/*
 * The end
 */

/* A VM with all that one has, made anew each time, and its iommufd closed */
static int once_close(struct bench *b, const struct bench_path *path,
		      struct bench_took *took)
{
	struct vm *vm = &b->vm;
	u64 start;
	int rc;

	rc = bench_vm_open(b, HAS_DEVICE | HAS_VIOMMU | HAS_VDEVICE | HAS_EVENTS |
			   HAS_STAGE1 | HAS_QUEUE);
	if (rc)
		return rc;
	b->step = "HW_QUEUE_ALLOC of a second queue";
	rc = vm_add_queue(vm, 8);
	if (rc)
		return rc;

	/* As exit() does it: memory, then files from the lowest on */
	munmap(vm->dev.bar, vm->dev.bar_size);
	vm->dev.bar = NULL;
	start = step_begin(b);
	munmap(vm->window, vm->window_size);
	step_end(b, &took[0], start);
	start = step_begin(b);
	close(b->event_fd);
	step_end(b, &took[1], start);
	start = step_begin(b);
	close(vm->dev.fd);
	step_end(b, &took[2], start);
	start = step_begin(b);
	close(vm->fd);
	step_end(b, &took[3], start);

	b->event_fd = -1;
	b->veventq = 0;
	vm->dev.fd = -1;
	vm_forget(vm);
	return 0;
}

#define VINTF	(HAS_DEVICE | HAS_VIOMMU)
#define OBJECT	.part = { "alloc", "destroy" }
#define HWQ(_name, _what, _size, _set_up, _samples)			\
	{ _name, _what, _samples, VINTF, _size, OBJECT, _set_up,	\
	  once_hwq, bench_memory_free }
#define TRAPPED(_name, _what, _n, _set_up)				\
	{ _name, _what, 301, VINTF | HAS_VDEVICE | HAS_STAGE1, _n, {},	\
	  _set_up, once_trapped, NULL }

const struct bench_path bench_paths[] = {
	{ "syscall", "getppid(), for the scale", 1001, 0, 0, {}, NULL,
	  once_syscall, NULL },
	{ "ioctl_none", "an ioctl that iommufd does not have, for the scale", 1001,
	  HAS_DEVICE, 0, {}, NULL, once_no_ioctl, NULL },
	{ "page0_1", "1 TLBI_NH_VA and a CMD_SYNC through page 0, until CONS has moved",
	  1001, VINTF | HAS_QUEUE, 1, {}, set_up_page0, once_page0, NULL },
	{ "page0_64", "64 TLBI_NH_VA and a CMD_SYNC, the same way", 1001,
	  VINTF | HAS_QUEUE, 64, {}, set_up_page0, once_page0, NULL },
	TRAPPED("tlbi_1", "HWPT_INVALIDATE of the vIOMMU with 1 TLBI_NH_VA", 1,
		set_up_tlbi),
	TRAPPED("tlbi_64", "with 64 of them", 64, set_up_tlbi),
	TRAPPED("cfgi_cd_1", "with 1 CFGI_CD", 1, set_up_cfgi_cd),
	TRAPPED("cfgi_cd_64", "with 64 of them", 64, set_up_cfgi_cd),
	TRAPPED("atc_inv_1", "with 1 ATC_INV", 1, set_up_atc_inv),
	TRAPPED("atc_inv_64", "with 64 of them", 64, set_up_atc_inv),
	{ "viommu", "VIOMMU_ALLOC and DESTROY", 301, HAS_DEVICE, 0, OBJECT,
	  set_up_viommu, once_viommu, NULL },
	{ "vdevice", "VDEVICE_ALLOC and DESTROY", 301, VINTF, 0, OBJECT,
	  set_up_vdevice, once_vdevice, NULL },
	HWQ("hwq_4k", "HW_QUEUE_ALLOC and DESTROY, of 4 KiB", 4 * KIB,
	    set_up_hwq_small, 301),
	HWQ("hwq_2m", "of 2 MiB, in a huge page of that size", 2 * MIB, set_up_hwq_2m,
	    101),
	HWQ("hwq_8m_2m", "of 8 MiB, in huge pages of 2 MiB", 8 * MIB, set_up_hwq_2m,
	    51),
	HWQ("hwq_8m_32m", "of 8 MiB, in a huge page of 32 MiB", 8 * MIB,
	    set_up_hwq_32m, 51),
	{ "mmap", "mmap() and munmap() of page 0", 301, VINTF, 0,
	  { "mmap", "munmap" }, NULL, once_mmap, NULL },
	{ "event_read", "read() of a queued event", 101,
	  VINTF | HAS_EVENTS | HAS_QUEUE, 0, {}, NULL, once_event_read, NULL },
	{ "error_poll", "an illegal command through page 0, until poll() returns",
	  101, VINTF | HAS_EVENTS | HAS_QUEUE, 0, {}, NULL, once_error_poll, NULL },
	{ "nested", "nested HWPT: HWPT_ALLOC, attach, attach to its parent, DESTROY",
	  301, VINTF | HAS_VDEVICE, 0, { "alloc", "attach", "detach", "destroy" },
	  set_up_nested, once_nested, NULL },
	{ "nested_replace", "attach of a device from one nested HWPT to another", 301,
	  VINTF | HAS_VDEVICE, 0, {}, set_up_replace, once_replace,
	  tear_down_replace },
	{ "veventq", "VEVENTQ_ALLOC, close() and DESTROY", 301, VINTF, 64,
	  { "alloc", "close", "destroy" }, set_up_veventq, once_veventq, NULL },
	{ "close", "close() of a VM's files: vIOMMU, vDEVICE, vEVENTQ, 2 queues, nested HWPT",
	  21, 0, 0, { "window", "events", "device", "iommufd" }, NULL, once_close,
	  NULL },
};

const unsigned int bench_path_count = ARRAY_SIZE(bench_paths);
