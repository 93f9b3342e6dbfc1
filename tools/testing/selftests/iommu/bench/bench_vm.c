// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The VM that is measured, the memory for its queues, and those that are there meanwhile.
 */
#include <fcntl.h>
#include <string.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "edu.h"

#define TYPE	IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV

#define PER_DEVICE "/sys/module/arm_smmu_v3/parameters/vintfs_per_device"

int bench_skip(struct bench *b, const char *why)
{
	snprintf(b->skip, sizeof(b->skip), "%s", why);
	return 1;
}

/* A failure of @step; those that say what the kernel has not got are none */
static int lacking(struct bench *b, const char *step, int rc, int error,
		   const char *why)
{
	b->step = step;
	return rc == -error ? bench_skip(b, why) : rc;
}

int bench_vm_open(struct bench *b, unsigned int has)
{
	struct iommu_viommu_alloc none = { .size = sizeof(none) };
	struct vm *vm = &b->vm;
	int rc;

	b->event_fd = -1;
	b->veventq = 0;
	vm->fd = -1;
	if (!has)
		return 0;

	rc = iommufd_open();
	if (rc < 0)
		return lacking(b, "open /dev/iommu", rc, ENOENT, "no /dev/iommu");
	if (iommufd_ioctl(rc, IOMMU_VIOMMU_ALLOC, &none) == -ENOTTY) {
		close(rc);
		return bench_skip(b, "this kernel's iommufd has no vIOMMUs");
	}
	close(rc);

	rc = vm_open(vm, "measured", b->bdf);
	if (rc)
		return lacking(b, "open the device, attach it to a nest parent", rc,
			       EOPNOTSUPP, "this kernel's SMMU driver can't nest");
	if (has & HAS_VIOMMU) {
		rc = vm_add_viommu(vm, TYPE);
		if (rc)
			return lacking(b, "VIOMMU_ALLOC", rc, EOPNOTSUPP, BENCH_NO_CMDQV);
	}
	if (has & HAS_VDEVICE) {
		b->step = "VDEVICE_ALLOC";
		rc = vm_add_vdevice(vm, BENCH_VSID);
		if (rc)
			return rc;
	}
	if (has & HAS_EVENTS) {
		b->step = "VEVENTQ_ALLOC";
		rc = iommufd_veventq_alloc(vm->fd, vm->viommu,
					   IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV, 64,
					   &b->veventq, &b->event_fd);
		if (rc)
			return rc;
	}
	if (has & HAS_STAGE1) {
		b->step = "attach to a nested HWPT";
		rc = vm_add_stage1(vm, BENCH_ASID);
		if (rc)
			return rc;
	}
	if (has & HAS_QUEUE) {
		b->step = "HW_QUEUE_ALLOC";
		rc = vm_add_queue(vm, 8);
		if (!rc)
			rc = vcmdq_enable(&vm->q[0]);
		if (rc)
			return rc;
	}
	return 0;
}

int bench_vm_close(struct bench *b)
{
	int rc = 0;

	if (b->event_fd >= 0)
		close(b->event_fd);
	b->event_fd = -1;
	if (b->veventq)
		rc = iommufd_destroy(b->vm.fd, b->veventq);
	b->veventq = 0;
	b->step = "take the VM down";
	return vm_close(&b->vm) ?: rc;
}

int bench_memory(struct bench *b, size_t size, size_t page)
{
	char why[64];
	int rc;

	b->step = "memory for the queue";
	if (!page)
		page = GUEST_PAGE;
	if (page > GUEST_PAGE) {
		rc = hugetlb_reserve(&b->pool, page,
				     size > page ? BENCH_PIECES : 1);
		if (rc) {
			snprintf(why, sizeof(why), "no hugetlb pages of %zu MiB",
				 page >> 20);
			return bench_skip(b, why);
		}
	}
	if (size > page) {
		b->mem = hostpages_map_contig(size, page, BENCH_PIECES);
		b->mem_size = size;
		if (!b->mem)
			return bench_skip(b, "no hugetlb pages that are next to each other");
	} else {
		b->mem = hostpages_map(page, page > GUEST_PAGE ? PAGES_HUGETLB :
				       PAGES_BASE, page);
		b->mem_size = page;
		if (!b->mem)
			return -errno;
	}
	b->step = "IOAS_MAP of the memory for the queue";
	return iommufd_ioas_map(b->vm.fd, b->vm.ioas, b->mem, b->mem_size,
				BENCH_IPA, true);
}

void bench_memory_free(struct bench *b)
{
	if (b->mem) {
		iommufd_ioas_unmap(b->vm.fd, b->vm.ioas, BENCH_IPA, b->mem_size);
		munmap(b->mem, b->mem_size);
	}
	b->mem = NULL;
	hugetlb_restore(&b->pool);
}

/*
 * Those that are there meanwhile
 */

/**
 * struct other - one of them
 * @viommu: its vIOMMU
 * @window: page 0 of its VINTF
 * @window_size: bytes of it
 * @hwq: its queues
 * @veventq: its vEVENTQ
 * @event_fd: where to read that
 */
struct other {
	struct vm *vm;
	u32 viommu;
	void *window;
	size_t window_size;
	u32 hwq[2];
	u32 veventq;
	int event_fd;
};

/**
 * struct bench_others - all of them: in a process of their own, whose memory is none
 * of the measured VM's
 * @n: how many there are
 * @other: they
 * @vms: devices, iommufds and guest memories that they have
 * @vm: those
 * @per_device: the bound on VINTFs of a device before
 * @pid: the process
 * @leave: closed, it ends
 */
struct bench_others {
	unsigned int n;
	struct other other[BENCH_OTHERS];
	unsigned int vms;
	struct vm vm[BENCH_OTHERS];
	long per_device;
	pid_t pid;
	int leave;
};

/**
 * struct verdict - what the process says when they are there, or not
 * @rc: 0 or a negative errno
 * @step: what was under way
 */
struct verdict {
	int rc;
	char step[60];
};

long bench_per_device(long n)
{
	FILE *f = fopen(PER_DEVICE, n < 0 ? "re" : "we");
	long now = n;

	if (!f)
		return -1;
	if (n >= 0)
		fprintf(f, "%ld\n", n);
	else if (fscanf(f, "%ld", &now) != 1)
		now = -1;
	fclose(f);
	return now;
}

static int other_open(struct other *o, struct vm *vm, bool first)
{
	struct iommu_viommu_tegra241_cmdqv data = {};
	struct vcmdq q;
	u64 ipa;
	int rc, i;

	o->vm = vm;
	o->event_fd = -1;
	rc = iommufd_viommu_alloc(vm->fd, vm->dev.dev_id, vm->s2, TYPE, &data,
				  sizeof(data), &o->viommu);
	if (rc)
		return rc;
	o->window_size = data.out_vintf_mmap_length;
	o->window = mmap(NULL, o->window_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			 vm->fd, data.out_vintf_mmap_offset);
	if (o->window == MAP_FAILED) {
		o->window = NULL;
		return -errno;
	}
	if (first) {
		rc = iommufd_vdevice_alloc(vm->fd, o->viommu, vm->dev.dev_id,
					   BENCH_VSID, &vm->vdevice);
		if (rc)
			return rc;
	}
	rc = iommufd_veventq_alloc(vm->fd, o->viommu,
				   IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV, 64,
				   &o->veventq, &o->event_fd);
	for (i = 0; i < 2 && !rc; i++) {
		ipa = guestmem_alloc(&vm->ram, GUEST_PAGE, GUEST_PAGE);
		if (!ipa)
			return -ENOMEM;
		rc = iommufd_hw_queue_alloc(vm->fd, o->viommu,
					    IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV, i,
					    ipa, GUEST_PAGE, &o->hwq[i]);
		if (rc || i)
			continue;
		vcmdq_init(&q, o->window, i, guestmem_at(&vm->ram, ipa, GUEST_PAGE),
			   8);
		rc = vcmdq_enable(&q);
	}
	return rc;
}

static void other_close(struct other *o)
{
	int i;

	if (!o->vm)
		return;
	for (i = 1; i >= 0; i--)
		if (o->hwq[i])
			iommufd_destroy(o->vm->fd, o->hwq[i]);
	if (o->event_fd >= 0)
		close(o->event_fd);
	if (o->veventq)
		iommufd_destroy(o->vm->fd, o->veventq);
	if (o->window)
		munmap(o->window, o->window_size);
	if (o->vm->vdevice)
		iommufd_destroy(o->vm->fd, o->vm->vdevice);
	o->vm->vdevice = 0;
	if (o->viommu)
		iommufd_destroy(o->vm->fd, o->viommu);
}

/* A VM without a vIOMMU behind each device but @bdf, but no more than @n */
static int open_vms(struct bench_others *others, unsigned int n, const char *bdf)
{
	char name[16];
	unsigned int i;
	int rc;

	for (i = 0; others->vms < n && !vfio_find(EDU_VENDOR, EDU_DEVICE, i, name);
	     i++) {
		if (!strcmp(name, bdf))
			continue;
		rc = vm_open(&others->vm[others->vms], "other", name);
		if (rc)
			return rc;
		others->vms++;
	}
	return others->vms ? 0 : -ENODEV;
}

/* All @n of them: 0, or a negative errno and @v->step */
static int open_all(struct bench_others *others, unsigned int n, const char *bdf,
		    struct verdict *v)
{
	int rc;

	snprintf(v->step, sizeof(v->step), "open the devices of the other VMs");
	rc = open_vms(others, n, bdf);
	while (!rc && others->n < n) {
		struct vm *vm = &others->vm[others->n % others->vms];
		bool first = others->n < others->vms;

		snprintf(v->step, sizeof(v->step), "other VM number %u",
			 others->n + 1);
		rc = other_open(&others->other[others->n++], vm, first);
	}
	return rc;
}

static void close_all(struct bench_others *others)
{
	while (others->n)
		other_close(&others->other[--others->n]);
	while (others->vms)
		vm_close(&others->vm[--others->vms]);
}

/* The process: has them, says so at @tell, and waits for the end of @leave */
static void others_process(struct bench_others *others, unsigned int n,
			   const char *bdf, int tell, int leave)
{
	struct verdict v = {};
	char byte;

	v.rc = open_all(others, n, bdf, &v);
	if (write(tell, &v, sizeof(v)) == sizeof(v) && !v.rc)
		while (read(leave, &byte, 1) > 0)
			;
	close_all(others);
}

struct bench_others *bench_others_open(unsigned int n, const char *bdf, char step[60])
{
	struct bench_others *others = calloc(1, sizeof(*others));
	struct verdict v = { .rc = -EPIPE, .step = "a process for the other VMs" };
	int tell[2] = { -1, -1 }, leave[2] = { -1, -1 };

	if (!others)
		return NULL;
	others->pid = -1;
	others->leave = -1;
	others->per_device = bench_per_device(-1);
	bench_per_device(0);
	fflush(NULL);
	if (!pipe2(tell, O_CLOEXEC) && !pipe2(leave, O_CLOEXEC))
		others->pid = fork();
	if (!others->pid) {
		close(leave[1]);
		others_process(others, n, bdf, tell[1], leave[0]);
		_exit(0);
	}
	close(tell[1]);
	close(leave[0]);
	others->leave = leave[1];
	if (others->pid > 0 && read(tell[0], &v, sizeof(v)) != sizeof(v))
		v.rc = -EPIPE;
	close(tell[0]);
	if (!v.rc)
		return others;
	memcpy(step, v.step, sizeof(v.step));
	bench_others_close(others);
	errno = -v.rc;
	return NULL;
}

void bench_others_close(struct bench_others *others)
{
	if (!others)
		return;
	close(others->leave);
	if (others->pid > 0)
		waitpid(others->pid, NULL, 0);
	bench_per_device(others->per_device);
	free(others);
}
