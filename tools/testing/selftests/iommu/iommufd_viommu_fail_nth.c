// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens to vIOMMUs and what belongs to them when there is no memory.
 *
 * A case is one call in a prepared setting. It is made again and again; the first
 * time the first allocation that the kernel makes for it fails, the next time the
 * second, and so on until a call gets through without any failing. The rule is the
 * same for all: a call that is refused for lack of memory has changed nothing.
 *
 *  - It says ENOMEM, and the same call made at once succeeds.
 *  - No id, no file descriptor, no mapping and no object of the driver's is left of
 *    it, which is looked at before that second call.
 *  - No reference is left: everything is destroyed afterwards, one object after the
 *    other, and each IOMMU_DESTROY succeeds.
 *  - The kernel has not warned.
 *
 * Calls that take something away must not need memory to do so: they succeed
 * whichever allocation fails.
 *
 * There is more that is made to fail in the same way: the kernel's look-up of an id,
 * as if another thread had just destroyed the object, and the mock driver's
 * operations, as hardware that refuses. The errno is the driver's then.
 *
 * The kernel needs CONFIG_FAULT_INJECTION_DEBUG_FS and CONFIG_FAILSLAB, and tells
 * more with kmemleak and KASAN. To be run by root.
 */
#include <dirent.h>

#include "iommufd_viommu_utils.h"
#include "vmm/fail_nth.h"
#include "vmm/mmio.h"

/* The device's id in the guest, and what the window begins with */
#define VIRT_ID 0x99
#define IN_DATA 0x12345678

/* More than any call needs: fork() makes by far the most allocations */
#define NTH_MAX 2000

/* A huge page, or a part of one */
#define CONTIG_SIZE (2 << 20)

/* Parts of a setting */
enum {
	VIOMMU = 1 << 0,
	WINDOW = 1 << 1, /* of the vIOMMU */
	MAPPING = 1 << 2, /* of the window */
	VDEVICE = 1 << 3,
	NESTED = 1 << 4,
	NESTED_FAULT = 1 << 5, /* with a fault queue */
	ATTACHED = 1 << 6, /* to NESTED */
	VEVENTQ = 1 << 7,
	EVENT = 1 << 8, /* in the vEVENTQ */
	QUEUE0 = 1 << 9,
	QUEUE1 = 1 << 10,
	FAULT = 1 << 11,
	AREAS = 1 << 12, /* memory in two areas for one queue */
};

struct vm {
	int fd;
	__u32 ioas_id;
	__u32 stdev_id;
	__u32 dev_id;
	__u32 parent_id;
	__u32 viommu_id;
	__u32 vdev_id;
	__u32 nested_id;
	__u32 fault_id;
	__u32 fault_fd;
	__u32 veventq_id;
	int event_fd;
	__u32 queue_id[2];
	struct iommu_viommu_selftest data;
	void *window;
	bool attached;
	/* of the case's call */
	__u32 new_stdev_id;
	pid_t child;
	struct test_vevent record;
	ssize_t record_len;
	__u32 requests;
};

struct fail_case {
	/* What is there before */
	unsigned int has;
	/* The call: 0 or its errno */
	int (*run)(struct vm *vm);
	/* It has succeeded; @failed: although an allocation failed. Optional */
	void (*done)(struct __test_metadata *_metadata, struct vm *vm,
		     bool failed);
	/* It has been refused. Optional */
	void (*refused)(struct __test_metadata *_metadata, struct vm *vm);
	/* It makes so many allocations at least */
	unsigned int min;
	/* It makes no allocation */
	bool none;
	/* An event is lost if there is no memory for it */
	bool loses;
	/* It succeeds whichever allocation fails */
	bool must_succeed;
	/* Others decide on the errno: the kernel's driver core, fork() */
	bool any_errno;
};

FIXTURE(fail_nth)
{
	int nth_fd;
	void *contig;
};

/* How many were, in all attempts */
static unsigned int lost_events;

FIXTURE_VARIANT(fail_nth)
{
	struct fail_case c;
};

/* ---- what a call can leave behind */

static const char counts[][16] = { "devices", "viommus", "vdevices",
				   "hw_queues" };

struct trace {
	__u32 next_id;
	int fds;
	int mappings;
	int counts[ARRAY_SIZE(counts)];
};

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static int count_mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];
	int n = 0;

	while (fgets(line, sizeof(line), f))
		if (strstr(line, "/dev/iommu"))
			n++;
	fclose(f);
	return n;
}

/* What the next object will get */
static __u32 lowest_free_id(int fd)
{
	__u32 id = 0;

	if (_test_ioctl_ioas_alloc(fd, &id) || _test_ioctl_destroy(fd, id))
		return 0;
	return id;
}

static void count_objects(int *out)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(counts); i++)
		out[i] = debugfs_read("iommufd_mock", counts[i]);
}

static void trace_take(struct trace *trace, int fd)
{
	trace->next_id = fd < 0 ? 0 : lowest_free_id(fd);
	trace->fds = count_fds();
	trace->mappings = count_mappings();
	count_objects(trace->counts);
}

static void trace_expect_same(struct __test_metadata *_metadata,
			      const struct trace *before, int fd,
			      unsigned int nth)
{
	struct trace now;
	size_t i;

	trace_take(&now, fd);
	EXPECT_EQ(before->next_id, now.next_id)
		TH_LOG("an id is left, failure %u", nth);
	EXPECT_EQ(before->fds, now.fds)
		TH_LOG("a file descriptor is left, failure %u", nth);
	EXPECT_EQ(before->mappings, now.mappings)
		TH_LOG("a mapping is left or lost, failure %u", nth);
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		EXPECT_EQ(before->counts[i], now.counts[i])
			TH_LOG("%s, failure %u", counts[i], nth);
	}
}

/* ---- the calls */

static int run_device(struct vm *vm)
{
	return _test_cmd_mock_domain(vm->fd, vm->ioas_id, &vm->new_stdev_id,
				     NULL, NULL) ? errno : 0;
}

static int run_hw_info(struct vm *vm)
{
	struct iommu_test_hw_info info;
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HW_INFO_FLAG_INPUT_TYPE,
		.in_data_type = IOMMU_HW_INFO_TYPE_SELFTEST,
		.dev_id = vm->dev_id,
		.data_len = sizeof(info),
		.data_uptr = (uintptr_t)&info,
	};

	return _test_ioctl(vm->fd, IOMMU_GET_HW_INFO, &cmd);
}

static int run_viommu(struct vm *vm)
{
	return _test_cmd_viommu_alloc(vm->fd, vm->dev_id, vm->parent_id,
				      IOMMU_VIOMMU_TYPE_SELFTEST, NULL, 0,
				      &vm->viommu_id);
}

static int run_viommu_data(struct vm *vm)
{
	vm->data.in_data = IN_DATA;
	return _test_cmd_viommu_alloc(vm->fd, vm->dev_id, vm->parent_id,
				      IOMMU_VIOMMU_TYPE_SELFTEST, &vm->data,
				      sizeof(vm->data), &vm->viommu_id);
}

static int run_mmap(struct vm *vm)
{
	return _test_cmd_mmap(vm->fd, vm->data.out_mmap_offset,
			      vm->data.out_mmap_length, &vm->window);
}

/* The fault that brings the page in is part of it */
static int run_mmap_read(struct vm *vm)
{
	int rc = run_mmap(vm);

	return rc ? rc : mmio_read32(vm->window, 0) != IN_DATA;
}

static int run_munmap_half(struct vm *vm)
{
	return munmap(vm->window + PAGE_SIZE, PAGE_SIZE) ? errno : 0;
}

static int run_move(struct vm *vm)
{
	void *to = mremap(vm->window, 2 * PAGE_SIZE, 2 * PAGE_SIZE,
			  MREMAP_MAYMOVE | MREMAP_FIXED,
			  vm->window + 64 * PAGE_SIZE);

	if (to == MAP_FAILED)
		return errno;
	vm->window = to;
	return 0;
}

static int run_fork(struct vm *vm)
{
	vm->child = fork();
	if (vm->child < 0)
		return errno;
	if (!vm->child)
		_exit(mmio_read32(vm->window, 0) != IN_DATA);
	return 0;
}

static int run_vdevice(struct vm *vm)
{
	return _test_cmd_vdevice_alloc(vm->fd, vm->viommu_id, vm->dev_id,
				       VIRT_ID, &vm->vdev_id);
}

static int run_nested(struct vm *vm)
{
	return _test_cmd_hwpt_alloc_viommu(vm->fd, vm->dev_id, vm->viommu_id, 0,
					   0, IOMMU_TEST_IOTLB_DEFAULT,
					   &vm->nested_id);
}

static int run_fault(struct vm *vm)
{
	return _test_ioctl_fault_alloc(vm->fd, &vm->fault_id, &vm->fault_fd) ?
		       errno : 0;
}

static int run_nested_fault(struct vm *vm)
{
	return _test_cmd_hwpt_alloc_viommu(vm->fd, vm->dev_id, vm->viommu_id,
					   IOMMU_HWPT_FAULT_ID_VALID,
					   vm->fault_id,
					   IOMMU_TEST_IOTLB_DEFAULT,
					   &vm->nested_id);
}

static int run_attach(struct vm *vm)
{
	if (_test_cmd_mock_domain_replace(vm->fd, vm->stdev_id, vm->nested_id,
					  NULL))
		return errno;
	vm->attached = true;
	return 0;
}

static int run_detach(struct vm *vm)
{
	if (_test_cmd_mock_domain_replace(vm->fd, vm->stdev_id, vm->parent_id,
					  NULL))
		return errno;
	vm->attached = false;
	return 0;
}

static int run_veventq(struct vm *vm)
{
	__u32 fd;
	int rc = _test_cmd_veventq_alloc(vm->fd, vm->viommu_id,
					 IOMMU_VEVENTQ_TYPE_SELFTEST, 2,
					 &vm->veventq_id, &fd);

	if (!rc)
		vm->event_fd = fd;
	return rc;
}

static int run_trigger(struct vm *vm)
{
	return _test_cmd_trigger_vevents(vm->fd, vm->dev_id, 1);
}

static int run_read(struct vm *vm)
{
	vm->record_len = _test_cmd_veventq_read(vm->event_fd, &vm->record,
						sizeof(vm->record));
	return vm->record_len < 0 ? -vm->record_len : 0;
}

static int run_queue(struct vm *vm, unsigned int index, __u64 iova,
		     __u64 length)
{
	return _test_cmd_hw_queue_alloc(vm->fd, vm->viommu_id,
					IOMMU_HW_QUEUE_TYPE_SELFTEST, index,
					iova, length, &vm->queue_id[index]);
}

static int run_queue0(struct vm *vm)
{
	return run_queue(vm, 0, MOCK_APERTURE_START, PAGE_SIZE);
}

/* Less than a page, in the same area as the other */
static int run_queue1(struct vm *vm)
{
	return run_queue(vm, 1, MOCK_APERTURE_START + PAGE_SIZE / 2,
			 PAGE_SIZE / 2);
}

/* Pages of both areas */
static int run_queue_areas(struct vm *vm)
{
	return run_queue(vm, 0, MOCK_APERTURE_START, 8 * PAGE_SIZE);
}

/* @num requests, each for the next cache */
static int invalidate(struct vm *vm, __u32 num)
{
	struct iommu_viommu_invalidate_selftest reqs[16];
	unsigned int i;

	for (i = 0; i < num; i++) {
		reqs[i].flags = 0;
		reqs[i].vdev_id = VIRT_ID;
		reqs[i].cache_id = i % MOCK_DEV_CACHE_NUM;
	}
	vm->requests = num;
	return _test_cmd_viommu_invalidate(vm->fd, vm->viommu_id,
					   IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST,
					   reqs, sizeof(*reqs), &vm->requests);
}

static int run_invalidate(struct vm *vm)
{
	return invalidate(vm, MOCK_DEV_CACHE_NUM);
}

static int run_invalidate_many(struct vm *vm)
{
	return invalidate(vm, 16);
}

static int destroy(struct vm *vm, __u32 *id)
{
	int rc = _test_cmd_destroy(vm->fd, *id);

	if (!rc)
		*id = 0;
	return rc;
}

static int run_destroy_viommu(struct vm *vm)
{
	return destroy(vm, &vm->viommu_id);
}

static int run_destroy_vdevice(struct vm *vm)
{
	return destroy(vm, &vm->vdev_id);
}

static int run_destroy_nested(struct vm *vm)
{
	return destroy(vm, &vm->nested_id);
}

static int run_destroy_queue(struct vm *vm)
{
	return destroy(vm, &vm->queue_id[1]);
}

static int run_close_event_fd(struct vm *vm)
{
	int fd = vm->event_fd;

	vm->event_fd = -1;
	return close(fd) ? errno : 0;
}

static int run_destroy_veventq(struct vm *vm)
{
	int rc = run_close_event_fd(vm);

	return rc ? rc : destroy(vm, &vm->veventq_id);
}

static int run_unplug(struct vm *vm)
{
	return destroy(vm, &vm->stdev_id);
}

static int run_close(struct vm *vm)
{
	int rc;

	rc = close(vm->event_fd) || munmap(vm->window, 2 * PAGE_SIZE) ||
	     close(vm->fault_fd) || close(vm->fd) ? errno : 0;
	memset(vm, 0, sizeof(*vm));
	vm->fd = -1;
	vm->event_fd = -1;
	return rc;
}

/* ---- a setting, and its end */

static void vm_add(struct __test_metadata *_metadata, struct vm *vm,
		   bool wanted, int (*run)(struct vm *vm))
{
	if (!wanted)
		return;
	ASSERT_EQ(0, run(vm));
}

static void vm_build(struct __test_metadata *_metadata, struct vm *vm,
		     unsigned int has, void *contig)
{
	struct vm *self = vm;

	memset(vm, 0, sizeof(*vm));
	vm->event_fd = -1;
	vm->fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, vm->fd);

	test_ioctl_ioas_alloc(&vm->ioas_id);
	test_cmd_mock_domain(vm->ioas_id, &vm->stdev_id, NULL, &vm->dev_id);
	test_cmd_hwpt_alloc(vm->dev_id, vm->ioas_id,
			    IOMMU_HWPT_ALLOC_NEST_PARENT, &vm->parent_id);
	/* The device leaves its automatic domain: that is not what is looked at */
	test_cmd_mock_domain_replace(vm->stdev_id, vm->parent_id);
	if (has & AREAS) {
		test_ioctl_ioas_map_fixed_id(vm->ioas_id, contig, 4 * PAGE_SIZE,
					     MOCK_APERTURE_START);
		test_ioctl_ioas_map_fixed_id(vm->ioas_id,
					     contig + 4 * PAGE_SIZE,
					     4 * PAGE_SIZE,
					     MOCK_APERTURE_START +
						     4 * PAGE_SIZE);
	} else {
		test_ioctl_ioas_map_fixed_id(vm->ioas_id, buffer, BUFFER_SIZE,
					     MOCK_APERTURE_START);
	}
	vm_add(_metadata, vm, has & WINDOW, run_viommu_data);
	vm_add(_metadata, vm, (has & (VIOMMU | WINDOW)) == VIOMMU, run_viommu);
	vm_add(_metadata, vm, has & MAPPING, run_mmap_read);
	vm_add(_metadata, vm, has & VDEVICE, run_vdevice);
	vm_add(_metadata, vm, has & (FAULT | NESTED_FAULT), run_fault);
	vm_add(_metadata, vm, has & NESTED_FAULT, run_nested_fault);
	vm_add(_metadata, vm, has & NESTED, run_nested);
	vm_add(_metadata, vm, has & ATTACHED, run_attach);
	vm_add(_metadata, vm, has & VEVENTQ, run_veventq);
	vm_add(_metadata, vm, has & EVENT, run_trigger);
	vm_add(_metadata, vm, has & QUEUE0, run_queue0);
	vm_add(_metadata, vm, has & QUEUE1, run_queue1);
}

static void vm_destroy(struct __test_metadata *_metadata, struct vm *vm,
		       __u32 *id, const char *what)
{
	if (*id) {
		EXPECT_EQ(0, destroy(vm, id))
			TH_LOG("something still holds the %s", what);
	}
}

/* One object after the other: whatever holds one too many of them is found out */
static void vm_unbuild(struct __test_metadata *_metadata, struct vm *vm)
{
	if (vm->fd < 0)
		return;
	if (vm->window)
		EXPECT_EQ(0, munmap(vm->window, 2 * PAGE_SIZE));
	if (vm->event_fd >= 0)
		EXPECT_EQ(0, close(vm->event_fd));
	vm_destroy(_metadata, vm, &vm->veventq_id, "vEVENTQ");
	vm_destroy(_metadata, vm, &vm->queue_id[1], "upper queue");
	vm_destroy(_metadata, vm, &vm->queue_id[0], "lower queue");
	if (vm->attached && vm->stdev_id)
		EXPECT_EQ(0, run_detach(vm));
	vm_destroy(_metadata, vm, &vm->nested_id, "nested HWPT");
	if (vm->fault_id) {
		EXPECT_EQ(0, close(vm->fault_fd));
		vm_destroy(_metadata, vm, &vm->fault_id, "fault queue");
	}
	vm_destroy(_metadata, vm, &vm->vdev_id, "vDEVICE");
	vm_destroy(_metadata, vm, &vm->viommu_id, "vIOMMU");
	vm_destroy(_metadata, vm, &vm->stdev_id, "device");
	vm_destroy(_metadata, vm, &vm->new_stdev_id, "new device");
	vm_destroy(_metadata, vm, &vm->parent_id, "nest parent");
	EXPECT_EQ(0, _test_ioctl_ioas_unmap(vm->fd, vm->ioas_id, 0, UINT64_MAX,
					    NULL));
	vm_destroy(_metadata, vm, &vm->ioas_id, "IOAS");
	EXPECT_EQ(0, close(vm->fd));
}

/* ---- the sweep */

/* What the call needs has been built: make it, and let the @nth chance fail */
static enum fail_nth attempt(struct __test_metadata *_metadata,
			     const struct fail_case *c, struct vm *vm,
			     int nth_fd, unsigned int nth)
{
	enum fail_nth failure;
	struct trace before;
	int rc;

	trace_take(&before, vm->fd);
	fail_nth_arm(nth_fd, nth);
	rc = c->run(vm);
	failure = fail_nth_disarm(nth_fd);
	ASSERT_NE(FAIL_NTH_OTHER, failure);
	if (failure == FAIL_NTH_NOTHING)
		ASSERT_EQ(0, rc);

	if (rc) {
		if (failure == FAIL_NTH_ALLOC) {
			EXPECT_FALSE(c->must_succeed)
				TH_LOG("errno %d, failure %u", rc, nth);
			if (!c->any_errno)
				EXPECT_EQ(ENOMEM, rc) TH_LOG("failure %u", nth);
		}
		trace_expect_same(_metadata, &before, vm->fd, nth);
		if (c->refused)
			c->refused(_metadata, vm);
		ASSERT_EQ(0, c->run(vm)) TH_LOG("after failure %u", nth);
	}
	if (c->done)
		c->done(_metadata, vm, failure == FAIL_NTH_ALLOC && !rc);
	return failure;
}

FIXTURE_SETUP(fail_nth)
{
	const char *missing = iommufd_mock_missing();

	self->nth_fd = -1;
	self->contig = MAP_FAILED;
	if (!missing)
		missing = fail_nth_missing();
	if (missing)
		SKIP(return, "%s", missing);
	if (variant->c.has & AREAS) {
		self->contig = mmap(NULL, CONTIG_SIZE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
					    MAP_POPULATE, -1, 0);
		if (self->contig == MAP_FAILED)
			SKIP(return,
			     "no huge page (/proc/sys/vm/nr_hugepages)");
	}
	self->nth_fd = fail_nth_open();
	ASSERT_LE(0, self->nth_fd);
}

FIXTURE_TEARDOWN(fail_nth)
{
	if (self->nth_fd >= 0)
		close(self->nth_fd);
	if (self->contig != MAP_FAILED)
		munmap(self->contig, CONTIG_SIZE);
}

/* Long enough for a kernel with all its checks, on a machine that is busy */
TEST_F_TIMEOUT(fail_nth, leaves_nothing, 300)
{
	int objects[ARRAY_SIZE(counts)], now[ARRAY_SIZE(counts)];
	const struct fail_case *c = &variant->c;
	unsigned int allocs = 0, nth = 0;
	int log = kernel_log_open();
	enum fail_nth failure;
	char line[256];
	struct vm vm;
	size_t i;

	ASSERT_LE(0, log);
	count_objects(objects);
	do {
		nth++;
		ASSERT_GT(NTH_MAX, nth);
		vm_build(_metadata, &vm, c->has, self->contig);
		failure = attempt(_metadata, c, &vm, self->nth_fd, nth);
		vm_unbuild(_metadata, &vm);

		count_objects(now);
		for (i = 0; i < ARRAY_SIZE(counts); i++) {
			EXPECT_EQ(objects[i], now[i])
				TH_LOG("%s are left, failure %u", counts[i],
				       nth);
		}
		EXPECT_FALSE(kernel_has_warned(log, line, sizeof(line)))
			TH_LOG("failure %u: %s", nth, line);
		allocs += failure == FAIL_NTH_ALLOC;
	} while (failure != FAIL_NTH_NOTHING);
	close(log);

	EXPECT_LE(c->min, allocs)
		TH_LOG("the call makes fewer allocations than it must");
	if (c->none)
		EXPECT_EQ(0, allocs);
	if (c->loses)
		EXPECT_LT(0, lost_events);
	TH_LOG("%u allocations and %u other things failed, one at a time", allocs,
	       nth - 1 - allocs);
}

/* ---- the cases */

/* A mock device: its probe is part of the driver that is tested here */
FIXTURE_VARIANT_ADD(fail_nth, device)
{
	.c = {
		.run = run_device,
		.min = 1,
		.any_errno = true,
	},
};

FIXTURE_VARIANT_ADD(fail_nth, hw_info)
{
	.c = {
		.run = run_hw_info,
		.min = 1,
	},
};

FIXTURE_VARIANT_ADD(fail_nth, viommu)
{
	.c = {
		.run = run_viommu,
		.min = 1,
	},
};

/* What is found at the offset is the window, after a failure as well */
static void done_viommu_data(struct __test_metadata *_metadata, struct vm *vm,
			     bool failed)
{
	EXPECT_EQ(IN_DATA, vm->data.out_data);
	ASSERT_EQ(0, run_mmap_read(vm));
	EXPECT_EQ(EBUSY, _test_cmd_destroy(vm->fd, vm->viommu_id));
}

FIXTURE_VARIANT_ADD(fail_nth, viommu_data)
{
	.c = {
		.run = run_viommu_data,
		.done = done_viommu_data,
		.min = 2,
	},
};

static void done_mmap(struct __test_metadata *_metadata, struct vm *vm,
		      bool failed)
{
	EXPECT_EQ(IN_DATA, mmio_read32(vm->window, 0));
	/* Memory, not a device: that would not take it */
	EXPECT_EQ(IN_DATA >> 8, mmio_read32(vm->window, 1));
	EXPECT_EQ(EBUSY, _test_cmd_destroy(vm->fd, vm->viommu_id));
}

FIXTURE_VARIANT_ADD(fail_nth, mmap)
{
	.c = {
		.has = WINDOW,
		.run = run_mmap_read,
		.done = done_mmap,
		.min = 1,
	},
};

/* Half a mapping keeps the vIOMMU as a whole one does */
FIXTURE_VARIANT_ADD(fail_nth, munmap_half)
{
	.c = {
		.has = WINDOW | MAPPING,
		.run = run_munmap_half,
		.done = done_mmap,
		.min = 1,
	},
};

FIXTURE_VARIANT_ADD(fail_nth, mremap)
{
	.c = {
		.has = WINDOW | MAPPING,
		.run = run_move,
		.done = done_mmap,
		.min = 1,
	},
};

/* The child's copy holds the vIOMMU for itself, one that came to nothing doesn't */
static void done_fork(struct __test_metadata *_metadata, struct vm *vm,
		      bool failed)
{
	int status;

	ASSERT_EQ(vm->child, waitpid(vm->child, &status, 0));
	EXPECT_EQ(0, status);
}

FIXTURE_VARIANT_ADD(fail_nth, fork)
{
	.c = {
		.has = WINDOW | MAPPING,
		.run = run_fork,
		.done = done_fork,
		.min = 10,
		.any_errno = true,
	},
};

FIXTURE_VARIANT_ADD(fail_nth, vdevice)
{
	.c = {
		.has = VIOMMU,
		.run = run_vdevice,
		.min = 1,
	},
};

FIXTURE_VARIANT_ADD(fail_nth, nested)
{
	.c = {
		.has = VIOMMU,
		.run = run_nested,
		.min = 2,
	},
};

FIXTURE_VARIANT_ADD(fail_nth, nested_fault)
{
	.c = {
		.has = VIOMMU | FAULT,
		.run = run_nested_fault,
		.min = 2,
	},
};

/* The device is where it was: its events are nobody's */
static void refused_attach(struct __test_metadata *_metadata, struct vm *vm)
{
	EXPECT_EQ(ENOENT, run_trigger(vm));
	EXPECT_EQ(EBUSY, _test_cmd_destroy(vm->fd, vm->parent_id));
}

static void done_attach(struct __test_metadata *_metadata, struct vm *vm,
			bool failed)
{
	EXPECT_EQ(EOPNOTSUPP, run_trigger(vm));
	EXPECT_EQ(EBUSY, _test_cmd_destroy(vm->fd, vm->nested_id));
}

FIXTURE_VARIANT_ADD(fail_nth, attach)
{
	.c = {
		.has = VIOMMU | VDEVICE | NESTED,
		.run = run_attach,
		.refused = refused_attach,
		.done = done_attach,
		.min = 1,
	},
};

FIXTURE_VARIANT_ADD(fail_nth, attach_fault)
{
	.c = {
		.has = VIOMMU | VDEVICE | NESTED_FAULT,
		.run = run_attach,
		.refused = refused_attach,
		.done = done_attach,
		.min = 2,
	},
};

/* The device stays attached: its events are still the vIOMMU's */
static void refused_detach(struct __test_metadata *_metadata, struct vm *vm)
{
	EXPECT_EQ(EOPNOTSUPP, run_trigger(vm));
	EXPECT_EQ(EBUSY, _test_cmd_destroy(vm->fd, vm->nested_id));
}

static void done_detach(struct __test_metadata *_metadata, struct vm *vm,
			bool failed)
{
	EXPECT_EQ(ENOENT, run_trigger(vm));
}

FIXTURE_VARIANT_ADD(fail_nth, detach)
{
	.c = {
		.has = VIOMMU | VDEVICE | NESTED_FAULT | ATTACHED,
		.run = run_detach,
		.refused = refused_detach,
		.done = done_detach,
		.min = 1,
	},
};

FIXTURE_VARIANT_ADD(fail_nth, hw_queue)
{
	.c = {
		.has = VIOMMU,
		.run = run_queue0,
		.min = 1,
	},
};

static void done_queue1(struct __test_metadata *_metadata, struct vm *vm,
			bool failed)
{
	EXPECT_EQ(EBUSY, _test_cmd_destroy(vm->fd, vm->queue_id[0]));
}

FIXTURE_VARIANT_ADD(fail_nth, hw_queue_upper)
{
	.c = {
		.has = VIOMMU | QUEUE0,
		.run = run_queue1,
		.done = done_queue1,
		.min = 1,
	},
};

/* Neither area can be unmapped while the queue is there */
static void done_queue_areas(struct __test_metadata *_metadata, struct vm *vm,
			     bool failed)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		__u64 iova = MOCK_APERTURE_START + i * 4 * PAGE_SIZE;

		EXPECT_EQ(-1, _test_ioctl_ioas_unmap(vm->fd, vm->ioas_id, iova,
						     4 * PAGE_SIZE, NULL));
		EXPECT_EQ(EBUSY, errno);
	}
}

FIXTURE_VARIANT_ADD(fail_nth, hw_queue_areas)
{
	.c = {
		.has = VIOMMU | AREAS,
		.run = run_queue_areas,
		.done = done_queue_areas,
		.min = 1,
	},
};

/* The queue works: an event goes in and comes out */
static void done_veventq(struct __test_metadata *_metadata, struct vm *vm,
			 bool failed)
{
	ASSERT_EQ(0, run_trigger(vm));
	test_cmd_read_vevent(vm->event_fd, 0, VIRT_ID);
	EXPECT_EQ(EBUSY, _test_cmd_destroy(vm->fd, vm->veventq_id));
}

FIXTURE_VARIANT_ADD(fail_nth, veventq)
{
	.c = {
		.has = VIOMMU | VDEVICE | NESTED | ATTACHED,
		.run = run_veventq,
		.done = done_veventq,
		.min = 3,
	},
};

/*
 * The device's event happens, memory or not. An event that there was no memory for
 * is lost: that is said at its place, and a gap in the numbers says it afterwards.
 * Not each allocation that fails costs the event.
 */
static void done_trigger(struct __test_metadata *_metadata, struct vm *vm,
			 bool failed)
{
	struct test_vevent ev = {};
	ssize_t len = _test_cmd_veventq_read(vm->event_fd, &ev, sizeof(ev));

	if (failed && len == sizeof(ev.header)) {
		EXPECT_EQ(IOMMU_VEVENTQ_FLAG_LOST_EVENTS, ev.header.flags);
		lost_events++;
	} else {
		ASSERT_EQ((ssize_t)sizeof(ev), len);
		EXPECT_EQ(0, ev.header.flags);
		EXPECT_EQ(VIRT_ID, ev.event.virt_id);
	}
	EXPECT_EQ(0, ev.header.sequence);
	test_cmd_read_nothing(vm->event_fd);

	ASSERT_EQ(0, run_trigger(vm));
	test_cmd_read_vevent(vm->event_fd, 1, VIRT_ID);
	test_cmd_read_nothing(vm->event_fd);
}

FIXTURE_VARIANT_ADD(fail_nth, event)
{
	.c = {
		.has = VIOMMU | VDEVICE | NESTED | ATTACHED | VEVENTQ,
		.run = run_trigger,
		.done = done_trigger,
		.loses = true,
		.must_succeed = true,
	},
};

/* The loss has not been read when the next event comes: then only the gap tells */
static void done_trigger_gap(struct __test_metadata *_metadata, struct vm *vm,
			     bool failed)
{
	struct test_vevent ev[3] = {};
	ssize_t len;

	test_cmd_read_vevent(vm->event_fd, 0, VIRT_ID);
	ASSERT_EQ(0, run_trigger(vm));
	len = _test_cmd_veventq_read(vm->event_fd, ev, sizeof(ev));
	if (failed && len == sizeof(ev[0])) {
		lost_events++;
	} else {
		ASSERT_EQ(2 * (ssize_t)sizeof(ev[0]), len);
		EXPECT_EQ(1, ev[0].header.sequence);
		ev[0] = ev[1];
	}
	EXPECT_EQ(0, ev[0].header.flags);
	EXPECT_EQ(2, ev[0].header.sequence);
	EXPECT_EQ(VIRT_ID, ev[0].event.virt_id);
	test_cmd_read_nothing(vm->event_fd);
}

FIXTURE_VARIANT_ADD(fail_nth, event_gap)
{
	.c = {
		.has = VIOMMU | VDEVICE | NESTED | ATTACHED | VEVENTQ | EVENT,
		.run = run_trigger,
		.done = done_trigger_gap,
		.loses = true,
		.must_succeed = true,
	},
};

static void done_read(struct __test_metadata *_metadata, struct vm *vm,
		      bool failed)
{
	EXPECT_EQ((ssize_t)sizeof(vm->record), vm->record_len);
	EXPECT_EQ(0, vm->record.header.flags);
	EXPECT_EQ(0, vm->record.header.sequence);
	EXPECT_EQ(VIRT_ID, vm->record.event.virt_id);
	test_cmd_read_nothing(vm->event_fd);
}

FIXTURE_VARIANT_ADD(fail_nth, read)
{
	.c = {
		.has = VIOMMU | VDEVICE | NESTED | ATTACHED | VEVENTQ | EVENT,
		.run = run_read,
		.done = done_read,
	},
};

/* Those that the ioctl calls done have been, and no other */
static void refused_invalidate(struct __test_metadata *_metadata, struct vm *vm)
{
	__u32 i, value = 0;

	ASSERT_GT(MOCK_DEV_CACHE_NUM, vm->requests);
	for (i = 0; i < MOCK_DEV_CACHE_NUM; i++) {
		if (i == vm->requests)
			value = IOMMU_TEST_DEV_CACHE_DEFAULT;
		EXPECT_EQ(0, _test_cmd_dev_check_cache(vm->fd, vm->dev_id, i,
						       value))
			TH_LOG("cache %u, %u done", i, vm->requests);
	}
}

static void done_invalidate(struct __test_metadata *_metadata, struct vm *vm,
			    bool failed)
{
	__u32 i;

	EXPECT_EQ(MOCK_DEV_CACHE_NUM, vm->requests);
	for (i = 0; i < MOCK_DEV_CACHE_NUM; i++) {
		EXPECT_EQ(0, _test_cmd_dev_check_cache(vm->fd, vm->dev_id, i,
						       0));
	}
}

FIXTURE_VARIANT_ADD(fail_nth, invalidate)
{
	.c = {
		.has = VIOMMU | VDEVICE,
		.run = run_invalidate,
		.refused = refused_invalidate,
		.done = done_invalidate,
		.none = true,
	},
};

/* Requests are copied by the few, so that no number of them needs memory */
FIXTURE_VARIANT_ADD(fail_nth, invalidate_many)
{
	.c = {
		.has = VIOMMU | VDEVICE,
		.run = run_invalidate_many,
		.none = true,
	},
};

/* ---- what gives something back needs nothing for it */

FIXTURE_VARIANT_ADD(fail_nth, destroy_viommu)
{
	.c = {
		.has = WINDOW,
		.run = run_destroy_viommu,
		.must_succeed = true,
	},
};

FIXTURE_VARIANT_ADD(fail_nth, destroy_vdevice)
{
	.c = {
		.has = VIOMMU | VDEVICE | NESTED | ATTACHED,
		.run = run_destroy_vdevice,
		.must_succeed = true,
	},
};

FIXTURE_VARIANT_ADD(fail_nth, destroy_nested)
{
	.c = {
		.has = VIOMMU | NESTED_FAULT,
		.run = run_destroy_nested,
		.must_succeed = true,
	},
};

FIXTURE_VARIANT_ADD(fail_nth, destroy_queue)
{
	.c = {
		.has = VIOMMU | QUEUE0 | QUEUE1,
		.run = run_destroy_queue,
		.must_succeed = true,
	},
};

FIXTURE_VARIANT_ADD(fail_nth, destroy_veventq)
{
	.c = {
		.has = VIOMMU | VDEVICE | NESTED | ATTACHED | VEVENTQ | EVENT,
		.run = run_destroy_veventq,
		.must_succeed = true,
	},
};

/* A device that leaves takes its vDEVICE along, whose id stays a tombstone */
static void done_unplug(struct __test_metadata *_metadata, struct vm *vm,
			bool failed)
{
	__u32 ids[4];
	size_t i;

	EXPECT_EQ(ENOENT, _test_cmd_destroy(vm->fd, vm->vdev_id));
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		ASSERT_EQ(0, _test_ioctl_ioas_alloc(vm->fd, &ids[i]));
		EXPECT_NE(vm->vdev_id, ids[i]);
	}
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		EXPECT_EQ(0, destroy(vm, &ids[i]));
	vm->vdev_id = 0;
	vm->attached = false;
}

FIXTURE_VARIANT_ADD(fail_nth, unplug)
{
	.c = {
		.has = VIOMMU | VDEVICE | NESTED_FAULT | ATTACHED,
		.run = run_unplug,
		.done = done_unplug,
		.must_succeed = true,
	},
};

FIXTURE_VARIANT_ADD(fail_nth, close)
{
	.c = {
		.has = WINDOW | MAPPING | VDEVICE | NESTED_FAULT | ATTACHED |
		       VEVENTQ | EVENT | QUEUE0 | QUEUE1,
		.run = run_close,
		.must_succeed = true,
	},
};

static __attribute__((constructor)) void setup_buffer(void)
{
	BUFFER_SIZE = 2 * PAGE_SIZE;
	buffer = mmap(NULL, BUFFER_SIZE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
}

TEST_HARNESS_MAIN
