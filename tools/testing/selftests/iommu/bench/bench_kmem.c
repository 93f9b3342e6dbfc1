// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What VMs with queues of their own cost in kernel memory, object by object: as many VMs
 * as fit are given vIOMMUs, then vEVENTQs, queues and windows, and after each step the
 * counters of memory are read, the system's and those of a cgroup of the program's own.
 *
 * What is there without this feature, too, is there before: device, iommufd, memory of
 * the guest, stage 2.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "edu.h"
#include "files.h"

#define TYPE	IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV
#define CGROUP	"/sys/fs/cgroup"
#define OURS	CGROUP "/cmdqv-bench"

/* Enough not to have all in one iommufd */
#define DEVICES	2

/* Where each is read, in bytes after multiplication */
static const struct {
	const char *what;
	const char *file;
	const char *key;
	unsigned int unit;
	bool total;
} counters[BENCH_COUNTERS] = {
	{ "slab", "/proc/meminfo", "Slab:", 1024, true },
	{ "percpu", "/proc/meminfo", "Percpu:", 1024, true },
	{ "vmalloc", "/proc/meminfo", "VmallocUsed:", 1024, true },
	{ "pagetables", "/proc/meminfo", "PageTables:", 1024, true },
	{ "stacks", "/proc/meminfo", "KernelStack:", 1024, true },
	{ "cgroup_kernel", OURS "/memory.stat", "kernel ", 1, false },
	{ "cgroup_slab", OURS "/memory.stat", "slab ", 1, false },
	{ "cgroup_percpu", OURS "/memory.stat", "percpu ", 1, false },
};

static const char *const objects[BENCH_OBJECTS] = {
	"viommu", "veventq", "queues", "window"
};

const char *bench_counter_name(unsigned int counter)
{
	return counter == BENCH_TOTAL ? "total" : counters[counter].what;
}

const char *bench_object_name(unsigned int object)
{
	return object == BENCH_OBJECTS ? "all" : objects[object];
}

/* A cgroup that counts this process's memory; without one, its counters are -1 */
static void cgroup_enter(void)
{
	if (access(CGROUP "/cgroup.procs", F_OK))
		mount("cgroup2", CGROUP, "cgroup2", 0, NULL);
	write_file(CGROUP "/cgroup.subtree_control", "+memory");
	mkdir(OURS, 0755);
	write_file(OURS "/cgroup.procs", "0");
}

static void cgroup_leave(void)
{
	write_file(CGROUP "/cgroup.procs", "0");
	rmdir(OURS);
}

static s64 read_counter(unsigned int i)
{
	char line[128];
	s64 value = -1;
	FILE *f = fopen(counters[i].file, "re");

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, counters[i].key, strlen(counters[i].key)))
			value = strtoll(line + strlen(counters[i].key), NULL, 10) *
				counters[i].unit;
	fclose(f);
	return value;
}

static void read_counters(s64 value[BENCH_COUNTERS])
{
	unsigned int i;

	/* The kernel sums what its CPUs have counted every two seconds */
	usleep(2500000);
	for (i = 0; i < BENCH_COUNTERS; i++)
		value[i] = read_counter(i);
}

/**
 * struct set - the VMs
 * @vm: a device, an iommufd, guest memory and stage 2 for several of them
 * @vms: how many of those
 * @mem: memory for the queues of all that share one
 * @mem_size: bytes of it
 * @viommu, @veventq, @event_fd, @hwq, @window, @offset, @size: what each has
 */
struct set {
	struct vm vm[BENCH_OTHERS + 1];
	unsigned int vms;
	char *mem[BENCH_OTHERS + 1];
	size_t mem_size;
	u32 viommu[BENCH_OTHERS + 1];
	u64 offset[BENCH_OTHERS + 1];
	u64 size[BENCH_OTHERS + 1];
	void *window[BENCH_OTHERS + 1];
	u32 veventq[BENCH_OTHERS + 1];
	int event_fd[BENCH_OTHERS + 1];
	u32 hwq[BENCH_OTHERS + 1][2];
};

static int open_devices(struct set *s, unsigned int n)
{
	char bdf[16];
	unsigned int i;
	int rc;

	for (i = 0; i < DEVICES && i < n && !vfio_find(EDU_VENDOR, EDU_DEVICE, i, bdf); i++) {
		rc = vm_open(&s->vm[i], "memory", bdf);
		if (rc)
			return rc;
		s->vms++;
	}
	return s->vms ? 0 : -ENODEV;
}

/* Memory for the queues of @n VMs: queues of one guest follow one another */
static int add_queue_memory(struct set *s, struct bench *b, unsigned int n,
			    size_t queue, size_t page)
{
	unsigned int each = (n + s->vms - 1) / s->vms, i;
	int rc = 0;

	s->mem_size = (each * 2 * queue + page - 1) & ~(page - 1);
	if (page > GUEST_PAGE &&
	    hugetlb_reserve(&b->pool, page, s->vms * s->mem_size / page)) {
		snprintf(b->skip, sizeof(b->skip), "no %zu hugetlb pages of %zu MiB",
			 s->vms * s->mem_size / page, page >> 20);
		return 1;
	}
	for (i = 0; i < s->vms && !rc; i++) {
		s->mem[i] = hostpages_map(s->mem_size, page > GUEST_PAGE ?
					  PAGES_HUGETLB : PAGES_BASE, page);
		if (!s->mem[i])
			return -errno;
		rc = iommufd_ioas_map(s->vm[i].fd, s->vm[i].ioas, s->mem[i],
				      s->mem_size, BENCH_IPA, true);
	}
	return rc;
}

static int add_viommu(struct set *s, unsigned int i)
{
	struct iommu_viommu_tegra241_cmdqv data = {};
	struct vm *vm = &s->vm[i % s->vms];
	int rc;

	rc = iommufd_viommu_alloc(vm->fd, vm->dev.dev_id, vm->s2, TYPE, &data,
				  sizeof(data), &s->viommu[i]);
	s->offset[i] = data.out_vintf_mmap_offset;
	s->size[i] = data.out_vintf_mmap_length;
	return rc;
}

static int add_queues(struct set *s, unsigned int i, size_t queue)
{
	u64 ipa = BENCH_IPA + i / s->vms * 2 * queue;
	struct vm *vm = &s->vm[i % s->vms];
	unsigned int q;
	int rc = 0;

	for (q = 0; q < 2 && !rc; q++)
		rc = iommufd_hw_queue_alloc(vm->fd, s->viommu[i],
					    IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV, q,
					    ipa + q * queue, queue, &s->hwq[i][q]);
	return rc;
}

static int add_window(struct set *s, unsigned int i)
{
	void *p = mmap(NULL, s->size[i], PROT_READ | PROT_WRITE, MAP_SHARED,
		       s->vm[i % s->vms].fd, s->offset[i]);

	if (p == MAP_FAILED)
		return -errno;
	s->window[i] = p;
	return 0;
}

static int add_object(struct set *s, unsigned int i, unsigned int object,
		      size_t queue)
{
	switch (object) {
	case 0:
		return add_viommu(s, i);
	case 1:
		return iommufd_veventq_alloc(s->vm[i % s->vms].fd, s->viommu[i],
					     IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV, 64,
					     &s->veventq[i], &s->event_fd[i]);
	case 2:
		return add_queues(s, i, queue);
	default:
		return add_window(s, i);
	}
}

static void take_apart(struct set *s, unsigned int i)
{
	int fd = s->vm[i % s->vms].fd, q;

	if (s->window[i])
		munmap(s->window[i], s->size[i]);
	for (q = 1; q >= 0; q--)
		if (s->hwq[i][q])
			iommufd_destroy(fd, s->hwq[i][q]);
	if (s->veventq[i]) {
		close(s->event_fd[i]);
		iommufd_destroy(fd, s->veventq[i]);
	}
	if (s->viommu[i])
		iommufd_destroy(fd, s->viommu[i]);
	s->window[i] = NULL;
	s->viommu[i] = 0;
	s->veventq[i] = 0;
	memset(s->hwq[i], 0, sizeof(s->hwq[i]));
}

static void close_set(struct set *s)
{
	unsigned int i;

	for (i = 0; i < s->vms; i++) {
		vm_close(&s->vm[i]);
		if (s->mem[i])
			munmap(s->mem[i], s->mem_size);
	}
}

/* Objects of all @n VMs, one kind after the other */
static int grow(struct set *s, struct bench *b, unsigned int n, size_t queue,
		struct bench_kmem *kmem)
{
	unsigned int object, i, c;
	s64 before[BENCH_COUNTERS], after[BENCH_COUNTERS];
	int rc;

	read_counters(before);
	for (object = 0; object < BENCH_OBJECTS; object++) {
		b->step = objects[object];
		for (i = 0; i < n; i++) {
			rc = add_object(s, i, object, queue);
			if (rc)
				return rc;
		}
		read_counters(after);
		for (c = 0; c < BENCH_COUNTERS; c++) {
			s64 *bytes = kmem->bytes[object];

			kmem->known[c] = before[c] >= 0 && after[c] >= 0;
			bytes[c] = kmem->known[c] ? after[c] - before[c] : 0;
			if (counters[c].total)
				bytes[BENCH_TOTAL] += bytes[c];
		}
		memcpy(before, after, sizeof(before));
	}
	return 0;
}

int bench_kmem(struct bench *b, unsigned int n, size_t queue, size_t page,
	       struct bench_kmem *kmem)
{
	struct set *s = calloc(1, sizeof(*s));
	unsigned int object, i, c;
	long per_device = bench_per_device(-1);
	int rc;

	memset(kmem, 0, sizeof(*kmem));
	kmem->known[BENCH_TOTAL] = true;
	b->step = "memory";
	if (!s)
		return -ENOMEM;
	/* Known to be there, or this is skipped */
	rc = bench_vm_open(b, HAS_DEVICE | HAS_VIOMMU) ?: bench_vm_close(b);
	if (rc)
		goto out_free;

	bench_per_device(0);
	cgroup_enter();
	b->step = "open the devices";
	rc = open_devices(s, n);
	if (!rc)
		b->step = "memory for queues";
	if (!rc)
		rc = add_queue_memory(s, b, n, queue, page);
	/* One in vain: what is made once and kept is no VM's */
	for (object = 0; object < BENCH_OBJECTS && !rc; object++) {
		b->step = objects[object];
		rc = add_object(s, 0, object, queue);
	}
	if (s->vms)
		take_apart(s, 0);
	if (!rc)
		rc = grow(s, b, n, queue, kmem);
	for (i = 0; s->vms && i < n; i++)
		take_apart(s, i);
	close_set(s);
	hugetlb_restore(&b->pool);
	cgroup_leave();
	bench_per_device(per_device);
	for (c = 0; c <= BENCH_COUNTERS; c++)
		for (object = 0; object < BENCH_OBJECTS; object++)
			kmem->bytes[BENCH_OBJECTS][c] += kmem->bytes[object][c];
out_free:
	free(s);
	return rc;
}
