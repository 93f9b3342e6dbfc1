// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rules about the lives of iommufd's vIOMMU objects: who can be found when, what
 * keeps what, and what happens when one thread makes an object that another one is
 * destroying.
 *
 * Where a rule is about the middle of an ioctl, the ioctl is stopped there: its
 * argument is write-protected with userfaultfd, so that the kernel waits where it
 * writes the reply, everything being done but the publication. Without userfaultfd
 * these tests are skipped. Where threads just have to meet, they do so many times.
 *
 * A kernel that warns has broken a rule, whatever the ioctls said: each test looks
 * whether it has.
 */
#include <time.h>

#include "cmdqv_utils.h"
#include "kernel_log.h"
#include "stall.h"

#define VIOMMU_TYPE	IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV
#define QUEUE_TYPE	IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV
#define TIMEOUT		180

/* An unbind that finds nobody in its way takes milliseconds; a time-out 60 s */
#define UNBIND_MAX_S	10

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

FIXTURE(objects)
{
	struct board board;
	struct vm vm;
	struct stall stall;
	bool can_stall;
	/* The kernel's log since the test began */
	int log;
	/* Memory for queues 0 and 1 */
	u64 ipa[2];
};

FIXTURE_SETUP(objects)
{
	const char *why = board_find(&self->board);

	if (why)
		SKIP(return, "%s", why);
	self->log = kernel_log_open();
	ASSERT_LE(0, self->log);
	ASSERT_EQ(0, vm_open(&self->vm, "A", self->board.bdf[0]));
	self->ipa[0] = guestmem_alloc(&self->vm.ram, QUEUE_BYTES, QUEUE_BYTES);
	self->ipa[1] = guestmem_alloc(&self->vm.ram, QUEUE_BYTES, QUEUE_BYTES);
	ASSERT_NE(0, self->ipa[0]);
	ASSERT_NE(0, self->ipa[1]);
	self->can_stall = !stall_init(&self->stall);
}

FIXTURE_TEARDOWN(objects)
{
	char line[256];

	EXPECT_EQ(0, vm_close(&self->vm));
	if (self->can_stall)
		stall_exit(&self->stall);
	board_check(&self->board);
	/* The taint flags that this looks at tell only of the first time */
	EXPECT_FALSE(kernel_has_warned(self->log, line, sizeof(line)))
		TH_LOG("%s", line);
	close(self->log);
	observer_close(&self->board.unit);
}

static int queue_alloc(struct vm *vm, unsigned int index, u64 ipa,
		       u32 *id)
{
	return iommufd_hw_queue_alloc(vm->fd, vm->viommu, QUEUE_TYPE, index,
				      ipa, QUEUE_BYTES, id);
}

static int map_window(int fd, u64 offset, u64 length, void **p)
{
	*p = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
	return *p == MAP_FAILED ? -errno : 0;
}

/* Arguments of ioctls that are to be stopped */
static void prepare_viommu(struct stall *stall, struct vm *vm,
			   struct iommu_viommu_tegra241_cmdqv *data)
{
	struct iommu_viommu_alloc cmd = {
		.size = sizeof(cmd),
		.type = VIOMMU_TYPE,
		.dev_id = vm->dev.dev_id,
		.hwpt_id = vm->s2,
		.data_len = sizeof(*data),
		.data_uptr = (uintptr_t)data,
	};

	memcpy(stall->arg, &cmd, sizeof(cmd));
}

static void prepare_queue(struct stall *stall, struct vm *vm, u64 ipa)
{
	struct iommu_hw_queue_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = vm->viommu,
		.type = QUEUE_TYPE,
		.nesting_parent_iova = ipa,
		.length = QUEUE_BYTES,
	};

	memcpy(stall->arg, &cmd, sizeof(cmd));
}

static void prepare_vdevice(struct stall *stall, struct vm *vm)
{
	struct iommu_vdevice_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = vm->viommu,
		.dev_id = vm->dev.dev_id,
		.virt_id = VSID,
	};

	memcpy(stall->arg, &cmd, sizeof(cmd));
}

/* J81: a window can be mapped when its vIOMMU is published, not before */
TEST_F(objects, window_appears_with_its_viommu)
{
	struct iommu_viommu_tegra241_cmdqv data = {};
	struct vm *vm = &self->vm;
	void *p;

	if (!self->can_stall)
		SKIP(return, "no userfaultfd");
	prepare_viommu(&self->stall, vm, &data);
	ASSERT_EQ(0, stall_begin(&self->stall, vm->fd, IOMMU_VIOMMU_ALLOC));

	/* The driver has told us where, the core has not replied yet */
	EXPECT_NE(0, data.out_vintf_mmap_offset);
	EXPECT_EQ(-ENXIO, map_window(vm->fd, data.out_vintf_mmap_offset,
				     data.out_vintf_mmap_length, &p));

	ASSERT_EQ(0, stall_end(&self->stall, true));
	vm->viommu = ((struct iommu_viommu_alloc *)self->stall.arg)->out_viommu_id;
	ASSERT_EQ(0, map_window(vm->fd, data.out_vintf_mmap_offset,
				data.out_vintf_mmap_length, &p));
	EXPECT_EQ(-EBUSY, iommufd_destroy(vm->fd, vm->viommu));
	EXPECT_EQ(0, munmap(p, data.out_vintf_mmap_length));
}

/* J81: nor is there one of a vIOMMU that has failed, then or later */
TEST_F(objects, window_of_failed_viommu_is_never_there)
{
	struct iommu_viommu_tegra241_cmdqv data = {};
	struct vm *vm = &self->vm;
	u64 offset;
	void *p;

	if (!self->can_stall)
		SKIP(return, "no userfaultfd");
	prepare_viommu(&self->stall, vm, &data);
	ASSERT_EQ(0, stall_begin(&self->stall, vm->fd, IOMMU_VIOMMU_ALLOC));
	EXPECT_EQ(-ENXIO, map_window(vm->fd, data.out_vintf_mmap_offset,
				     data.out_vintf_mmap_length, &p));
	ASSERT_EQ(-EFAULT, stall_end(&self->stall, false));
	EXPECT_EQ(-ENXIO, map_window(vm->fd, data.out_vintf_mmap_offset,
				     data.out_vintf_mmap_length, &p));

	/* An offset that was kept too long doesn't find the next one's */
	offset = data.out_vintf_mmap_offset;
	ASSERT_EQ(0, vm_add_viommu(vm, VIOMMU_TYPE));
	EXPECT_NE(offset, vm->window_offset);
	EXPECT_EQ(-ENXIO, map_window(vm->fd, offset, vm->window_size, &p));
}

/* A window goes with its vIOMMU, whoever still knows the offset */
TEST_F(objects, window_leaves_with_its_viommu)
{
	struct vm *vm = &self->vm;
	u64 offset;
	void *p;

	ASSERT_EQ(0, vm_add_viommu(vm, VIOMMU_TYPE));
	offset = vm->window_offset;
	ASSERT_EQ(0, vm_unmap_window(vm));
	ASSERT_EQ(0, iommufd_destroy(vm->fd, vm->viommu));
	vm->viommu = 0;
	EXPECT_EQ(-ENXIO, map_window(vm->fd, offset, vm->window_size, &p));
}

struct mapper {
	int fd;
	u64 offset;
	u64 length;
	bool stop;
	unsigned long mapped;
	unsigned long strange;
};

static void *mapper_thread(void *arg)
{
	struct mapper *m = arg;
	void *p;
	int rc;

	while (!__atomic_load_n(&m->stop, __ATOMIC_RELAXED)) {
		u64 offset = __atomic_load_n(&m->offset, __ATOMIC_RELAXED);

		rc = map_window(m->fd, offset, m->length, &p);
		if (!rc) {
			/* It is ours as long as this takes, and reads at least */
			__atomic_load_n((u32 *)p, __ATOMIC_RELAXED);
			munmap(p, m->length);
			m->mapped++;
		} else if (rc != -ENXIO) {
			m->strange++;
		}
	}
	return NULL;
}

/* mmap() and DESTROY of the vIOMMU at the same time: one of them wins */
TEST_F_TIMEOUT(objects, window_against_destroy, TIMEOUT)
{
	struct mapper m = { .fd = self->vm.fd };
	struct vm *vm = &self->vm;
	unsigned int i, busy = 0;
	pthread_t thread;
	int rc;

	ASSERT_EQ(0, vm_add_viommu(vm, VIOMMU_TYPE));
	m.length = vm->window_size;
	m.offset = vm->window_offset;
	ASSERT_EQ(0, vm_unmap_window(vm));
	ASSERT_EQ(0, pthread_create(&thread, NULL, mapper_thread, &m));

	for (i = 0; i < 100; i++) {
		struct iommu_viommu_tegra241_cmdqv data = {};

		while ((rc = iommufd_destroy(vm->fd, vm->viommu)) == -EBUSY)
			busy++;
		ASSERT_EQ(0, rc);
		vm->viommu = 0;
		ASSERT_EQ(0, iommufd_viommu_alloc(vm->fd, vm->dev.dev_id,
						  vm->s2, VIOMMU_TYPE, &data,
						  sizeof(data), &vm->viommu));
		__atomic_store_n(&m.offset, data.out_vintf_mmap_offset,
				 __ATOMIC_RELAXED);
		/* For the mapper to be at any point of its loop */
		usleep(i * 10);
	}
	__atomic_store_n(&m.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, m.strange);
	EXPECT_NE(0, m.mapped)
		TH_LOG("they never met");
	TH_LOG("%lu times mapped, %u times busy", m.mapped, busy);
}

/* Whatever is left of a mapping, wherever, keeps the vIOMMU */
TEST_F(objects, every_mapping_keeps_the_viommu)
{
	struct vm *vm = &self->vm;
	size_t page = getpagesize();
	int pipefd[2], status;
	char *p, *moved;
	u64 size;
	pid_t child;
	char c;

	ASSERT_EQ(0, vm_add_viommu(vm, VIOMMU_TYPE));
	p = (char *)vm->window;
	size = vm->window_size;
	if (size < 4 * page)
		SKIP(return, "the window has too few pages to be split");

	/* Split in three by a change of protection */
	ASSERT_EQ(0, mprotect(p + page, page, PROT_READ));
	EXPECT_EQ(-EBUSY, iommufd_destroy(vm->fd, vm->viommu));
	/* A hole; one page moved away */
	ASSERT_EQ(0, munmap(p, page));
	EXPECT_EQ(-EBUSY, iommufd_destroy(vm->fd, vm->viommu));
	moved = mremap(p + page, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, p);
	ASSERT_EQ(p, moved);
	EXPECT_EQ(-EBUSY, iommufd_destroy(vm->fd, vm->viommu));
	/* It can't grow, nor be doubled in the old way */
	EXPECT_EQ(MAP_FAILED, mremap(p, page, size, MREMAP_MAYMOVE));
	EXPECT_EQ(MAP_FAILED, mremap(p, 0, page, MREMAP_MAYMOVE));
	ASSERT_EQ(0, munmap(p + 2 * page, size - 2 * page));
	EXPECT_EQ(-EBUSY, iommufd_destroy(vm->fd, vm->viommu));

	/* The page that is left goes to a child, and then from us */
	ASSERT_EQ(0, pipe(pipefd));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		close(pipefd[1]);
		_exit(read(pipefd[0], &c, 1) != 0);
	}
	close(pipefd[0]);
	ASSERT_EQ(0, munmap(p, page));
	vm->window = NULL;
	EXPECT_EQ(-EBUSY, iommufd_destroy(vm->fd, vm->viommu));
	close(pipefd[1]);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);

	ASSERT_EQ(0, iommufd_destroy(vm->fd, vm->viommu));
	vm->viommu = 0;
}

/* J82: a queue is built on a published one only */
TEST_F(objects, queue_needs_a_published_one_below)
{
	struct vm *vm = &self->vm;
	u32 id;

	if (!self->can_stall)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(0, vm_add_viommu(vm, VIOMMU_TYPE));
	prepare_queue(&self->stall, vm, self->ipa[0]);
	ASSERT_EQ(0, stall_begin(&self->stall, vm->fd, IOMMU_HW_QUEUE_ALLOC));

	/* Queue 0 is in hardware, but its ALLOC can still fail; and does */
	EXPECT_EQ(-EIO, queue_alloc(vm, 1, self->ipa[1], &id));
	EXPECT_EQ(-EEXIST, queue_alloc(vm, 0, self->ipa[1], &id));
	EXPECT_EQ(-EBUSY, iommufd_destroy(vm->fd, vm->viommu));
	ASSERT_EQ(-EFAULT, stall_end(&self->stall, false));

	EXPECT_EQ(-EIO, queue_alloc(vm, 1, self->ipa[1], &id));
	/* Its memory is free again */
	EXPECT_EQ(0, iommufd_ioas_unmap(vm->fd, vm->ioas, vm->ram.ipa,
					vm->ram.size));
	ASSERT_EQ(0, iommufd_ioas_map(vm->fd, vm->ioas, vm->ram.va,
				      vm->ram.size, vm->ram.ipa, true));

	/* And if it does not fail, it can be built upon */
	ASSERT_EQ(0, stall_begin(&self->stall, vm->fd, IOMMU_HW_QUEUE_ALLOC));
	EXPECT_EQ(-EIO, queue_alloc(vm, 1, self->ipa[1], &id));
	ASSERT_EQ(0, stall_end(&self->stall, true));
	vm->hwq[0] = ((struct iommu_hw_queue_alloc *)self->stall.arg)->out_hw_queue_id;
	vm->queues = 1;
	ASSERT_EQ(0, queue_alloc(vm, 1, self->ipa[1], &vm->hwq[1]));
	vm->queues = 2;
	EXPECT_EQ(-EBUSY, iommufd_destroy(vm->fd, vm->hwq[0]));
}

/* I9, and that an unmap which is refused removes nothing */
TEST_F(objects, queue_memory_stays_mapped)
{
	struct vm *vm = &self->vm;
	u64 low = VM_RAM_IPA / 2;
	u32 id;
	char *page;

	page = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, vm_add_viommu(vm, VIOMMU_TYPE));
	ASSERT_EQ(0, iommufd_ioas_map(vm->fd, vm->ioas, page, getpagesize(),
				      low, true));
	ASSERT_EQ(0, queue_alloc(vm, 0, self->ipa[0], &id));

	EXPECT_EQ(-EBUSY, iommufd_ioas_unmap(vm->fd, vm->ioas, vm->ram.ipa,
					     vm->ram.size));
	EXPECT_EQ(-EBUSY, iommufd_ioas_unmap(vm->fd, vm->ioas, 0, UINT64_MAX));
	EXPECT_EQ(-EBUSY, iommufd_ioas_unmap(vm->fd, vm->ioas, low,
					     vm->ram.ipa + vm->ram.size - low));
	/* The page below was in the range of both, and is still there */
	EXPECT_EQ(0, iommufd_ioas_unmap(vm->fd, vm->ioas, low, getpagesize()));

	ASSERT_EQ(0, iommufd_destroy(vm->fd, id));
	EXPECT_EQ(0, iommufd_ioas_unmap(vm->fd, vm->ioas, vm->ram.ipa,
					vm->ram.size));
	munmap(page, getpagesize());
}

/* Close the device's file; returns how long it took */
static double close_device(struct vm *vm)
{
	double start = now();

	vfio_close(&vm->dev);
	vm->dev.fd = -1;
	return now() - start;
}

/* A device takes its vDEVICE along, and leaves an id that finds nothing */
TEST_F_TIMEOUT(objects, vdevice_leaves_a_tombstone, TIMEOUT)
{
	struct vm *vm = &self->vm;
	u32 id, ioas[16], i;

	ASSERT_EQ(0, vm_add_viommu(vm, VIOMMU_TYPE));
	ASSERT_EQ(0, vm_add_vdevice(vm, VSID));
	id = vm->vdevice;
	vm->vdevice = 0;
	ASSERT_EQ(0, vm_unmap_window(vm));
	EXPECT_EQ(-EBUSY, iommufd_destroy(vm->fd, vm->viommu));

	EXPECT_GT((double)UNBIND_MAX_S, close_device(vm));

	EXPECT_EQ(-ENOENT, iommufd_destroy(vm->fd, id));
	/* Ids are given out from the lowest free one; this is not free */
	for (i = 0; i < 16; i++) {
		ASSERT_EQ(0, iommufd_ioas_alloc(vm->fd, &ioas[i]));
		EXPECT_NE(id, ioas[i]);
	}
	for (i = 0; i < 16; i++)
		EXPECT_EQ(0, iommufd_destroy(vm->fd, ioas[i]));
	EXPECT_EQ(-ENOENT, iommufd_destroy(vm->fd, id));
	/* The vDEVICE does not hold the vIOMMU any more */
	EXPECT_EQ(0, iommufd_destroy(vm->fd, vm->viommu));
	vm->viommu = 0;
}

static void *closer_thread(void *arg)
{
	static double took;

	took = close_device(arg);
	return &took;
}

/*
 * A device that leaves while its vDEVICE is being made: it does not wait for the
 * ioctl, which may wait for user memory as long as it likes. The vDEVICE is not
 * made.
 */
TEST_F_TIMEOUT(objects, unbind_in_the_middle_of_vdevice_alloc, TIMEOUT)
{
	struct vm *vm = &self->vm;

	if (!self->can_stall)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(0, vm_add_viommu(vm, VIOMMU_TYPE));
	ASSERT_EQ(0, vm_unmap_window(vm));
	prepare_vdevice(&self->stall, vm);
	ASSERT_EQ(0, stall_begin(&self->stall, vm->fd, IOMMU_VDEVICE_ALLOC));
	EXPECT_GT((double)UNBIND_MAX_S, close_device(vm));
	/* Nothing of it is left that the failing ioctl could still need */
	EXPECT_EQ(-EBUSY, iommufd_destroy(vm->fd, vm->viommu));
	EXPECT_EQ(-ENOENT, stall_end(&self->stall, true));
	EXPECT_EQ(0, iommufd_destroy(vm->fd, vm->viommu));
	vm->viommu = 0;
}

/* A device that leaves while an ioctl holds it: it waits as long as that takes */
TEST_F_TIMEOUT(objects, unbind_wakes_when_the_ioctl_ends, TIMEOUT)
{
	struct iommu_hw_info *cmd = self->stall.arg;
	struct vm *vm = &self->vm;
	pthread_t closer;
	void *took;

	if (!self->can_stall)
		SKIP(return, "no userfaultfd");
	*cmd = (struct iommu_hw_info){
		.size = sizeof(*cmd),
		.dev_id = vm->dev.dev_id,
	};
	ASSERT_EQ(0, stall_begin(&self->stall, vm->fd, IOMMU_GET_HW_INFO));
	ASSERT_EQ(0, pthread_create(&closer, NULL, closer_thread, vm));
	/* For the unbind to get to where it waits */
	usleep(500000);
	EXPECT_EQ(0, stall_end(&self->stall, true));
	ASSERT_EQ(0, pthread_join(closer, &took));
	EXPECT_GT((double)UNBIND_MAX_S, *(double *)took);
}

struct destroyer {
	int fd;
	u32 id;
	pthread_barrier_t *start;
	unsigned int delay_us;
	int rc;
};

static void *destroyer_thread(void *arg)
{
	struct destroyer *d = arg;

	pthread_barrier_wait(d->start);
	usleep(d->delay_us);
	d->rc = iommufd_destroy(d->fd, d->id);
	return NULL;
}

/* A device that leaves while user space destroys its vDEVICE */
TEST_F_TIMEOUT(objects, unbind_against_destroy_of_the_vdevice, TIMEOUT)
{
	struct vm *vm = &self->vm;
	pthread_barrier_t start;
	struct destroyer d = { .fd = vm->fd, .start = &start };
	unsigned int i, gone = 0;

	ASSERT_EQ(0, vm_add_viommu(vm, VIOMMU_TYPE));
	ASSERT_EQ(0, pthread_barrier_init(&start, NULL, 2));
	for (i = 0; i < 20; i++) {
		pthread_t thread;

		ASSERT_EQ(0, vm_add_vdevice(vm, VSID));
		d.id = vm->vdevice;
		vm->vdevice = 0;
		/* Let the two meet at different points */
		d.delay_us = i * 500;
		ASSERT_EQ(0, pthread_create(&thread, NULL, destroyer_thread,
					    &d));
		pthread_barrier_wait(&start);
		EXPECT_GT((double)UNBIND_MAX_S, close_device(vm));
		pthread_join(thread, NULL);
		EXPECT_TRUE(!d.rc || d.rc == -ENOENT)
			TH_LOG("destroy: %d", d.rc);
		gone += d.rc == -ENOENT;
		ASSERT_EQ(0, vfio_open(&vm->dev, self->board.bdf[0],
				       vm->fd));
		ASSERT_EQ(0, vfio_attach(&vm->dev, vm->s2));
	}
	pthread_barrier_destroy(&start);
	TH_LOG("%u of %u times the device was first", gone, i);
}

struct maker {
	struct vm *vm;
	u32 dev_id;
	unsigned long made;
	unsigned long strange;
};

static void *maker_thread(void *arg)
{
	struct maker *m = arg;
	u32 id;
	int rc;

	/* One is made, then there is one, until the device has gone */
	while ((rc = iommufd_vdevice_alloc(m->vm->fd, m->vm->viommu, m->dev_id,
					   VSID, &id)) != -ENOENT) {
		if (!rc)
			__atomic_fetch_add(&m->made, 1, __ATOMIC_RELAXED);
		else if (rc != -EEXIST)
			__atomic_fetch_add(&m->strange, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* A device that leaves while others try to make a vDEVICE of it: none is left */
TEST_F_TIMEOUT(objects, unbind_against_vdevice_alloc, TIMEOUT)
{
	struct maker m = { .vm = &self->vm };
	struct vm *vm = &self->vm;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		pthread_t threads[4];
		unsigned int j;

		ASSERT_EQ(0, vm_add_viommu(vm, VIOMMU_TYPE));
		ASSERT_EQ(0, vm_unmap_window(vm));
		m.dev_id = vm->dev.dev_id;
		for (j = 0; j < 4; j++)
			ASSERT_EQ(0, pthread_create(&threads[j], NULL,
						    maker_thread, &m));
		usleep(5000 + i * 100);
		EXPECT_GT((double)UNBIND_MAX_S, close_device(vm));
		for (j = 0; j < 4; j++)
			pthread_join(threads[j], NULL);
		/* A vDEVICE would hold it */
		ASSERT_EQ(0, iommufd_destroy(vm->fd, vm->viommu));
		vm->viommu = 0;
		ASSERT_EQ(0, vfio_open(&vm->dev, self->board.bdf[0],
				       vm->fd));
		ASSERT_EQ(0, vfio_attach(&vm->dev, vm->s2));
	}
	EXPECT_EQ(0, m.strange);
	/* At most one each time: the one that there was when the device left */
	EXPECT_LE(m.made, i);
	EXPECT_NE(0, m.made);
}

/* What a failed VDEVICE_ALLOC has begun is undone: the guest's id, the device */
TEST_F(objects, failed_vdevice_leaves_nothing)
{
	struct vm *vm = &self->vm;
	u32 id;

	if (!self->can_stall)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(0, vm_add_viommu(vm, VIOMMU_TYPE));
	prepare_vdevice(&self->stall, vm);
	ASSERT_EQ(0, stall_begin(&self->stall, vm->fd, IOMMU_VDEVICE_ALLOC));
	EXPECT_EQ(-EEXIST, iommufd_vdevice_alloc(vm->fd, vm->viommu,
						 vm->dev.dev_id, VSID + 1,
						 &id));
	EXPECT_EQ(-EFAULT, stall_end(&self->stall, false));
	ASSERT_EQ(0, vm_add_vdevice(vm, VSID));
}

/* ---- rows of the contract that only this hardware has */

/* Which vIOMMU has what: a plain one neither queues nor their errors */
TEST_F(objects, each_viommu_has_its_types)
{
	static const u32 viommus[] = { IOMMU_VIOMMU_TYPE_ARM_SMMUV3,
				       VIOMMU_TYPE };
	static const u32 events[] = { IOMMU_VEVENTQ_TYPE_ARM_SMMUV3,
				      IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV };
	struct vm *vm = &self->vm;
	u32 id[2], queue;
	int fd[2];

	for (int v = 0; v < 2; v++) {
		ASSERT_EQ(0, vm_add_viommu(vm, viommus[v]));
		for (int e = 0; e < 2; e++) {
			bool there = e <= v;

			/* The depth comes first, whatever the type */
			EXPECT_EQ(-EINVAL, iommufd_veventq_alloc(vm->fd, vm->viommu,
								 events[e], 0,
								 &id[e], &fd[e]));
			EXPECT_EQ(-EINVAL, iommufd_veventq_alloc(vm->fd, vm->viommu,
								 events[e],
								 0x80001,
								 &id[e], &fd[e]));
			EXPECT_EQ(-ENOENT, iommufd_veventq_alloc(vm->fd, vm->s2,
								 events[e],
								 0x80000,
								 &id[e], &fd[e]));
			/* The largest depth is what QEMU asks for */
			EXPECT_EQ(there ? 0 : -EOPNOTSUPP,
				  iommufd_veventq_alloc(vm->fd, vm->viommu,
							events[e], 0x80000,
							&id[e], &fd[e]));
			if (!there)
				continue;
			EXPECT_EQ(-EEXIST, iommufd_veventq_alloc(vm->fd, vm->viommu,
								 events[e], 1,
								 &id[e], &fd[e]));
		}
		EXPECT_EQ(v ? 0 : -EOPNOTSUPP,
			  queue_alloc(vm, 0, self->ipa[0], &queue));
		if (v)
			EXPECT_EQ(0, iommufd_destroy(vm->fd, queue));
		/* Each vEVENTQ holds the vIOMMU, its file the vEVENTQ */
		if (v)
			ASSERT_EQ(0, vm_unmap_window(vm));
		for (int e = 0; e <= v; e++) {
			EXPECT_EQ(-EBUSY, iommufd_destroy(vm->fd, vm->viommu));
			EXPECT_EQ(-EBUSY, iommufd_destroy(vm->fd, id[e]));
			close(fd[e]);
			EXPECT_EQ(-EBUSY, iommufd_destroy(vm->fd, vm->viommu));
			EXPECT_EQ(0, iommufd_destroy(vm->fd, id[e]));
		}
		EXPECT_EQ(0, iommufd_destroy(vm->fd, vm->viommu));
		vm->viommu = 0;
	}
}

/* Data of VIOMMU_ALLOC: a plain vIOMMU has none, so none is looked at */
TEST_F(objects, data_of_a_viommu)
{
	struct {
		struct iommu_viommu_tegra241_cmdqv data;
		u64 more[8];
	} buf = {};
	struct vm *vm = &self->vm;
	u32 id;

	ASSERT_EQ(0, iommufd_viommu_alloc(vm->fd, vm->dev.dev_id, vm->s2,
					  IOMMU_VIOMMU_TYPE_ARM_SMMUV3,
					  bad_address(), 4096, &id));
	EXPECT_EQ(0, iommufd_destroy(vm->fd, id));

	/* From the future, and zero there; what we don't know is not written */
	ASSERT_EQ(0, iommufd_viommu_alloc(vm->fd, vm->dev.dev_id, vm->s2,
					  VIOMMU_TYPE, &buf, sizeof(buf), &id));
	EXPECT_EQ(0x10000, buf.data.out_vintf_mmap_length);
	for (size_t i = 0; i < ARRAY_SIZE(buf.more); i++)
		EXPECT_EQ(0, buf.more[i]);
	EXPECT_EQ(0, iommufd_destroy(vm->fd, id));
	for (size_t len = 0; len < sizeof(buf.data); len++)
		EXPECT_EQ(-EINVAL,
			  iommufd_viommu_alloc(vm->fd, vm->dev.dev_id, vm->s2,
					       VIOMMU_TYPE, &buf, len, &id));
	for (size_t i = 0; i < ARRAY_SIZE(buf.more); i++) {
		buf.more[i] = 1;
		EXPECT_EQ(-E2BIG,
			  iommufd_viommu_alloc(vm->fd, vm->dev.dev_id, vm->s2,
					       VIOMMU_TYPE, &buf, sizeof(buf),
					       &id));
		buf.more[i] = 0;
	}
}

/* A StreamID has 32 bits, and 20 where a slot must hold it */
TEST_F(objects, streamids_of_a_viommu)
{
	static const struct {
		u64 virt_id;
		int plain;
		int cmdqv;
	} rows[] = {
		{ 0, 0, 0 },
		{ 0xfffff, 0, 0 },
		{ 0x100000, 0, -EINVAL },
		{ 0x80000000, 0, -EINVAL },
		{ 0xffffffff, 0, -EINVAL },
		{ 0x100000000, -EINVAL, -EINVAL },
		{ UINT64_MAX, -EINVAL, -EINVAL },
	};
	struct vm *vm = &self->vm;
	u32 id;
	int rc;

	for (int v = 0; v < 2; v++) {
		ASSERT_EQ(0, vm_add_viommu(vm, v ? VIOMMU_TYPE :
						   IOMMU_VIOMMU_TYPE_ARM_SMMUV3));
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			rc = iommufd_vdevice_alloc(vm->fd, vm->viommu,
						   vm->dev.dev_id,
						   rows[i].virt_id, &id);
			EXPECT_EQ(v ? rows[i].cmdqv : rows[i].plain, rc)
				TH_LOG("id %#llx", rows[i].virt_id);
			if (!rc)
				EXPECT_EQ(0, iommufd_destroy(vm->fd, id));
		}
		if (v)
			ASSERT_EQ(0, vm_unmap_window(vm));
		EXPECT_EQ(0, iommufd_destroy(vm->fd, vm->viommu));
		vm->viommu = 0;
	}
}

/* Two things are wrong with a queue: which one is told */
TEST_F(objects, queue_refusals_in_order)
{
	const u64 nowhere = 0x70000000;
	struct vm *vm = &self->vm;
	u32 id, other, dev = vm->dev.dev_id, queues;
	struct iommu_hw_info_tegra241_cmdqv info;

	ASSERT_EQ(0, iommufd_hw_info(vm->fd, dev,
				     IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV, &info,
				     sizeof(info), NULL));
	queues = 1u << info.log2vcmdqs;
	ASSERT_EQ(0, vm_add_viommu(vm, VIOMMU_TYPE));
#define refused(_errno, _index, _ipa, _length)				\
	EXPECT_EQ(-(_errno), iommufd_hw_queue_alloc(vm->fd, vm->viommu,	\
						    QUEUE_TYPE, _index,	\
						    _ipa, _length, &id))
	/* The length, before memory, before the index, before the address */
	refused(EINVAL, queues, nowhere, 48);
	refused(EINVAL, 0, nowhere, 1ULL << 40);
	refused(ENOENT, queues, nowhere, 4096);
	refused(EINVAL, queues, self->ipa[0] + 32, 64);
	refused(EIO, 1, self->ipa[0] + 32, 64);
	refused(EINVAL, 0, self->ipa[0] + 32, 64);
	ASSERT_EQ(0, queue_alloc(vm, 0, self->ipa[0], &id));
	EXPECT_EQ(-EEXIST, iommufd_hw_queue_alloc(vm->fd, vm->viommu, QUEUE_TYPE,
						  0, self->ipa[1] + 32, 64,
						  &other));
#undef refused
	EXPECT_EQ(0, iommufd_destroy(vm->fd, id));
}

/* Requests of any length up to a page: completed with zeros, or zero beyond */
TEST_F(objects, lengths_of_requests)
{
	const u32 type = IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3;
	const u32 page = getpagesize();
	struct vm *vm = &self->vm;
	char *buf;
	u32 num;

	ASSERT_EQ(0, vm_add_viommu(vm, VIOMMU_TYPE));
	buf = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, buf);
	for (u32 len = 1; len <= page; len = len < 40 ? len + 1 : len * 2) {
		memset(buf, 0, 3 * page);
		for (int i = 0; i < 3; i++)
			buf[i * len] = CMD_TLBI_NSNH_ALL;
		num = 3;
		EXPECT_EQ(0, iommufd_hwpt_invalidate(vm->fd, vm->viommu, type,
						     buf, len, &num))
			TH_LOG("%u bytes", len);
		EXPECT_EQ(3, num);
		if (len <= sizeof(struct smmu_cmd))
			continue;
		/* The last byte of the second one */
		buf[2 * len - 1] = 1;
		num = 3;
		EXPECT_EQ(-E2BIG, iommufd_hwpt_invalidate(vm->fd, vm->viommu,
							  type, buf, len, &num))
			TH_LOG("%u bytes", len);
		EXPECT_EQ(1, num);
	}
	/* A page is the most, and no less */
	memset(buf, 0, 3 * page);
	buf[0] = CMD_TLBI_NSNH_ALL;
	num = 1;
	EXPECT_EQ(0, iommufd_hwpt_invalidate(vm->fd, vm->viommu, type, buf, page,
					     &num));
	EXPECT_EQ(1, num);
	num = 1;
	EXPECT_EQ(-EINVAL, iommufd_hwpt_invalidate(vm->fd, vm->viommu, type, buf,
						   page + 1, &num));
	EXPECT_EQ(0, num);
	munmap(buf, 3 * page);
}

/* The reply that can't be written is EFAULT, whatever has been done */
TEST_F(objects, invalidation_without_a_reply)
{
	struct smmu_cmd cmd = { { CMD_TLBI_NSNH_ALL } };
	struct vm *vm = &self->vm;
	struct iommu_hwpt_invalidate inv = {
		.size = sizeof(inv),
		.data_type = IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3,
		.data_uptr = (uintptr_t)&cmd,
		.entry_len = sizeof(cmd),
		.entry_num = 1,
	};
	void *ro;

	ASSERT_EQ(0, vm_add_viommu(vm, VIOMMU_TYPE));
	for (int i = 0; i < 4; i++) {
		/* It would be: done; refused; unknown; a reserved member */
		inv.hwpt_id = i == 2 ? UINT32_MAX : vm->viommu;
		cmd.w[0] = i == 1 ? CMD_CFGI_STE : CMD_TLBI_NSNH_ALL;
		inv.__reserved = i == 3;
		ro = readonly_copy(&inv, sizeof(inv));
		ASSERT_NE(NULL, ro);
		EXPECT_EQ(-EFAULT, iommufd_ioctl(vm->fd, IOMMU_HWPT_INVALIDATE,
						 ro));
		readonly_free(ro);
	}
}

/* The board's edu devices have neither PASIDs nor ATS */
TEST_F(objects, capabilities)
{
	struct iommu_hw_info info = {
		.size = sizeof(info),
		.dev_id = self->vm.dev.dev_id,
		.out_max_pasid_log2 = 0xff,
	};

	ASSERT_EQ(0, iommufd_ioctl(self->vm.fd, IOMMU_GET_HW_INFO, &info));
	EXPECT_EQ(0, info.out_max_pasid_log2);
	EXPECT_EQ(IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED,
		  info.out_capabilities & ~(u64)IOMMU_HW_CAP_DIRTY_TRACKING);
}

TEST_HARNESS_MAIN
