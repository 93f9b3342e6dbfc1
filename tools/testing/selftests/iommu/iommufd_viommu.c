// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contract of <linux/iommufd.h> about virtual IOMMUs, with the mock driver:
 * sizes, ids, the order in which refusals come, what a failing ioctl leaves, what
 * keeps what. Events are in iommufd_viommu_events.c, queues and windows in
 * iommufd_viommu_queues.c.
 *
 * Each test states the rule that it is about; each ioctl climbs a ladder of
 * refusals before its first success.
 */
#include <signal.h>
#include <stdlib.h>

#include "iommufd_viommu_utils.h"

#define SELFTEST_VIOMMU		IOMMU_VIOMMU_TYPE_SELFTEST
#define SELFTEST_EVENTS		IOMMU_VEVENTQ_TYPE_SELFTEST
#define SELFTEST_QUEUE		IOMMU_HW_QUEUE_TYPE_SELFTEST
#define SELFTEST_INVALIDATE	IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST

#define ABSENT_ID	0x7fffffff
#define QUEUE_IOVA	MOCK_APERTURE_START

/* The test ABI has the numbers and layouts that newer kernels publish it with */
static_assert(IOMMU_TEST_OP_TRIGGER_IOPF == 15, "op");
static_assert(IOMMU_TEST_OP_DEV_CHECK_CACHE == 16, "op");
static_assert(IOMMU_TEST_OP_TRIGGER_VEVENT == 17, "op");
static_assert(MOCK_FLAGS_DEVICE_PASID == 4, "flag");
static_assert(MOCK_DEV_CACHE_ID_MAX == 3 && MOCK_DEV_CACHE_NUM == 4, "cache");
static_assert(IOMMU_TEST_DEV_CACHE_DEFAULT == 0xbaddad, "cache");
static_assert(IOMMU_VIOMMU_TYPE_SELFTEST == 0xdeadbeef, "type");
static_assert(IOMMU_VEVENTQ_TYPE_SELFTEST == 0xbeefbeef, "type");
static_assert(IOMMU_HW_QUEUE_TYPE_SELFTEST == 0xdeadbeef, "type");
static_assert(IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST == 0xdeadbeef, "type");
static_assert(IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST_INVALID == 0xdadbeef,
	      "type");
static_assert(IOMMU_TEST_HW_QUEUE_MAX == 2, "queues");
static_assert(sizeof(struct iommu_viommu_selftest) == 24 &&
	      offsetof(struct iommu_viommu_selftest, out_data) == 4 &&
	      offsetof(struct iommu_viommu_selftest, out_mmap_offset) == 8 &&
	      offsetof(struct iommu_viommu_selftest, out_mmap_length) == 16,
	      "layout");
static_assert(sizeof(struct iommu_viommu_invalidate_selftest) == 12 &&
	      offsetof(struct iommu_viommu_invalidate_selftest, vdev_id) == 4 &&
	      offsetof(struct iommu_viommu_invalidate_selftest, cache_id) == 8,
	      "layout");
static_assert(sizeof(struct iommu_viommu_event_selftest) == 4, "layout");
static_assert(offsetof(struct iommu_test_cmd, check_dev_cache.cache) ==
	      offsetof(struct iommu_test_cmd, check_dev_cache.id) + 4 &&
	      offsetof(struct iommu_test_cmd, check_dev_cache.id) == 16 &&
	      offsetof(struct iommu_test_cmd, trigger_vevent.dev_id) == 16,
	      "layout");

static __attribute__((constructor)) void setup_buffer(void)
{
	BUFFER_SIZE = PAGE_SIZE * 4;
	buffer = mmap(NULL, BUFFER_SIZE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	assert(buffer != MAP_FAILED);
}

/* ---- the life of a vIOMMU, with one and without */

FIXTURE(viommu)
{
	int fd;
	struct mock_vm vm;
	__u32 nested_id;
};

FIXTURE_VARIANT(viommu)
{
	bool viommu;
};

FIXTURE_VARIANT_ADD(viommu, no_viommu)
{
	.viommu = false,
};

FIXTURE_VARIANT_ADD(viommu, mock_viommu)
{
	.viommu = true,
};

FIXTURE_SETUP(viommu)
{
	const char *why = iommufd_mock_missing();

	if (why)
		SKIP(return, "%s", why);
	mock_vm_setup(_metadata, &self->fd, &self->vm, variant->viommu);
	if (variant->viommu)
		test_cmd_hwpt_alloc_viommu(self->vm.dev_id, self->vm.viommu_id,
					   0, 0, &self->nested_id);
}

FIXTURE_TEARDOWN(viommu)
{
	mock_vm_teardown(_metadata, self->fd, &self->vm);
}

/* Closing the file is enough: the teardown looks whether anything is left */
TEST_F(viommu, auto_destroy)
{
}

/* What is needed to make a vIOMMU, and what it keeps */
TEST_F(viommu, negative)
{
	struct mock_vm *vm = &self->vm;
	__u32 plain_id;

	test_cmd_hwpt_alloc(vm->dev_id, vm->ioas_id, 0, &plain_id);
	test_err_viommu_alloc(ENOENT, 0, vm->parent_id, SELFTEST_VIOMMU, NULL,
			      0);
	test_err_viommu_alloc(ENOENT, vm->dev_id, 0, SELFTEST_VIOMMU, NULL, 0);
	test_err_viommu_alloc(EINVAL, vm->dev_id, plain_id, SELFTEST_VIOMMU,
			      NULL, 0);
	test_err_viommu_alloc(EINVAL, vm->dev_id, vm->hwpt_id, SELFTEST_VIOMMU,
			      NULL, 0);
	test_err_viommu_alloc(EOPNOTSUPP, vm->dev_id, vm->parent_id, 0xdead,
			      NULL, 0);
	test_err_viommu_alloc(EOPNOTSUPP, vm->dev_id, vm->parent_id,
			      IOMMU_VIOMMU_TYPE_DEFAULT, NULL, 0);

	if (!variant->viommu) {
		/* Nothing holds the nest parent */
		test_ioctl_destroy(vm->parent_id);
		return;
	}
	test_err_destroy(EBUSY, vm->parent_id);
	test_err_destroy(EBUSY, vm->viommu_id);
	test_ioctl_destroy(self->nested_id);
	test_err_destroy(EBUSY, vm->parent_id);
	test_ioctl_destroy(vm->viommu_id);
	test_ioctl_destroy(vm->parent_id);
}

/* A nested HWPT of a vIOMMU can deliver page faults */
TEST_F(viommu, nested_iopf)
{
	struct mock_vm *vm = &self->vm;
	__u32 fault_id, fault_fd, iopf_id, vdev_id;

	test_ioctl_fault_alloc(&fault_id, &fault_fd);
	if (!variant->viommu) {
		/* No vIOMMU, no object: EINVAL, as for any pt_id */
		test_err_hwpt_alloc_viommu(EINVAL, vm->dev_id, 0,
					   IOMMU_HWPT_FAULT_ID_VALID, fault_id);
		close(fault_fd);
		return;
	}
	test_err_hwpt_alloc_viommu(ENOENT, vm->dev_id, vm->viommu_id,
				   IOMMU_HWPT_FAULT_ID_VALID, UINT32_MAX);
	test_err_hwpt_alloc_viommu(EOPNOTSUPP, vm->dev_id, vm->viommu_id,
				   IOMMU_HWPT_FAULT_ID_VALID | (1u << 31),
				   fault_id);
	test_cmd_hwpt_alloc_viommu(vm->dev_id, vm->viommu_id,
				   IOMMU_HWPT_FAULT_ID_VALID, fault_id,
				   &iopf_id);

	/* Only a device with a vDEVICE can be attached */
	test_err_mock_domain_replace(ENOENT, vm->stdev_id, iopf_id);
	test_cmd_vdevice_alloc(vm->viommu_id, vm->dev_id, 0x99, &vdev_id);
	test_cmd_mock_domain_replace(vm->stdev_id, iopf_id);
	test_err_destroy(EBUSY, iopf_id);
	test_cmd_trigger_iopf(vm->dev_id, fault_fd);

	test_cmd_mock_domain_replace(vm->stdev_id, vm->ioas_id);
	test_ioctl_destroy(iopf_id);
	test_ioctl_destroy(vdev_id);
	close(fault_fd);
	test_ioctl_destroy(fault_id);
}

/* A vDEVICE is found by its id, exists once for a device and once for an id */
TEST_F(viommu, vdevice)
{
	struct mock_vm *vm = &self->vm;
	__u32 vdev_id;

	if (!variant->viommu) {
		test_err_vdevice_alloc(ENOENT, 0, vm->dev_id, 0x99);
		test_err_veventq_alloc(ENOENT, 0, SELFTEST_EVENTS, 16);
		test_err_hw_queue_alloc(ENOENT, 0, SELFTEST_QUEUE, 0,
					QUEUE_IOVA, PAGE_SIZE);
		return;
	}
	test_err_mock_domain_replace(ENOENT, vm->stdev_id, self->nested_id);
	test_cmd_vdevice_alloc(vm->viommu_id, vm->dev_id, 0x99, &vdev_id);
	test_cmd_mock_domain_replace(vm->stdev_id, self->nested_id);
	test_err_vdevice_alloc(EEXIST, vm->viommu_id, vm->dev_id, 0x99);
	test_err_vdevice_alloc(EEXIST, vm->viommu_id, vm->dev_id, 0x88);

	test_cmd_mock_domain_replace(vm->stdev_id, vm->ioas_id);
	test_ioctl_destroy(vdev_id);
	test_cmd_vdevice_alloc(vm->viommu_id, vm->dev_id, 0x88, &vdev_id);
	test_cmd_mock_domain_replace(vm->stdev_id, self->nested_id);
	/* Never busy, attached or not */
	test_ioctl_destroy(vdev_id);
	test_cmd_mock_domain_replace(vm->stdev_id, vm->ioas_id);
}

/* A device takes its vDEVICE along; the id finds nothing and is not used again */
TEST_F(viommu, vdevice_tombstone)
{
	struct mock_vm *vm = &self->vm;
	__u32 vdev_id, other_id, ids[32];
	size_t i;

	if (!variant->viommu) {
		test_ioctl_destroy(vm->stdev_id);
		test_err_viommu_alloc(ENOENT, vm->dev_id, vm->parent_id,
				      SELFTEST_VIOMMU, NULL, 0);
		return;
	}
	test_cmd_vdevice_alloc(vm->viommu_id, vm->dev_id, 0x99, &vdev_id);
	test_ioctl_destroy(vm->stdev_id);
	test_err_destroy(ENOENT, vdev_id);

	/* Ids are given out from the lowest free one: this one is not free */
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		test_ioctl_ioas_alloc(&ids[i]);
		EXPECT_NE(vdev_id, ids[i]);
	}
	EXPECT_LT(vdev_id, ids[ARRAY_SIZE(ids) - 1]);
	test_err_destroy(ENOENT, vdev_id);

	/* The device has left, and its vDEVICE holds the vIOMMU no more */
	test_err_vdevice_alloc(ENOENT, vm->viommu_id, vm->dev_id, 0x99);
	test_err_vdevice_alloc(ENOENT, vdev_id, vm->dev_id, 0x99);
	test_ioctl_destroy(self->nested_id);

	/* Another device gets the guest's id, and an id of its own */
	test_cmd_mock_domain(vm->ioas_id, &vm->stdev_id, &vm->hwpt_id,
			     &vm->dev_id);
	test_cmd_vdevice_alloc(vm->viommu_id, vm->dev_id, 0x99, &other_id);
	EXPECT_NE(vdev_id, other_id);
	test_ioctl_destroy(other_id);
	test_ioctl_destroy(vm->viommu_id);
}

/* ---- rules for every ioctl */

enum {
	GET_HW_INFO, HWPT_ALLOC, HWPT_INVALIDATE, VIOMMU_ALLOC, VDEVICE_ALLOC,
	VEVENTQ_ALLOC, HW_QUEUE_ALLOC, IOAS_MAP_FILE, COMMANDS
};

/**
 * struct command - an ioctl, as far as the general rules go
 * @name: for messages
 * @cmd: the number
 * @size: bytes of its structure
 * @min: bytes that the first version of it had
 * @id: where it says which object it has made; 0 if it makes none
 */
struct command {
	const char *name;
	unsigned long cmd;
	size_t size;
	size_t min;
	size_t id;
};

#define COMMAND(_nr, _struct, _min, _id)				\
	[_nr] = { #_nr, IOMMU_##_nr, sizeof(struct _struct), _min, _id }

/* The numbers are those of the published ABI, not what our header says */
static const struct command commands[COMMANDS] = {
	COMMAND(GET_HW_INFO, iommu_hw_info, 32, 0),
	COMMAND(HWPT_ALLOC, iommu_hwpt_alloc, 24, 16),
	COMMAND(HWPT_INVALIDATE, iommu_hwpt_invalidate, 32, 0),
	COMMAND(VIOMMU_ALLOC, iommu_viommu_alloc, 24, 20),
	COMMAND(VDEVICE_ALLOC, iommu_vdevice_alloc, 24, 12),
	COMMAND(VEVENTQ_ALLOC, iommu_veventq_alloc, 28, 20),
	COMMAND(HW_QUEUE_ALLOC, iommu_hw_queue_alloc, 40, 20),
	COMMAND(IOAS_MAP_FILE, iommu_ioas_map_file, 40, 0),
};

FIXTURE(command)
{
	int fd;
	struct mock_vm vm;
	struct stall stall;
	bool can_stall;
};

/* For IOAS_MAP_FILE, and where: beyond the buffer */
static int memory_file;
#define FILE_IOVA (QUEUE_IOVA + (1UL << 30))

FIXTURE_SETUP(command)
{
	const char *why = iommufd_mock_missing();

	if (why)
		SKIP(return, "%s", why);
	mock_vm_setup(_metadata, &self->fd, &self->vm, true);
	self->can_stall = !stall_init(&self->stall);
	memory_file = memfd_create("command", MFD_CLOEXEC);
	ASSERT_LE(0, memory_file);
	ASSERT_EQ(0, ftruncate(memory_file, PAGE_SIZE));
	/* For HW queues */
	ASSERT_EQ(0, _test_ioctl_ioas_map(self->fd, self->vm.ioas_id, buffer,
					  BUFFER_SIZE, &(__u64){ QUEUE_IOVA },
					  IOMMU_IOAS_MAP_FIXED_IOVA |
					  IOMMU_IOAS_MAP_READABLE |
					  IOMMU_IOAS_MAP_WRITEABLE));
	/* For invalidation: an object that is there for it */
	test_cmd_vdevice_alloc(self->vm.viommu_id, self->vm.dev_id, 0x77, NULL);
}

FIXTURE_TEARDOWN(command)
{
	if (self->can_stall)
		stall_exit(&self->stall);
	close(memory_file);
	mock_vm_teardown(_metadata, self->fd, &self->vm);
}

static struct iommu_viommu_invalidate_selftest good_request = {
	.vdev_id = 0x77,
};

/*
 * A request that succeeds, at @arg, zero beyond what the first version had. For
 * VDEVICE_ALLOC that needs a device without one: @dev_id.
 */
static void command_fill(struct mock_vm *vm, __u32 dev_id, int nr, void *arg)
{
	union {
		struct iommu_hw_info hw_info;
		struct iommu_hwpt_alloc hwpt;
		struct iommu_hwpt_invalidate invalidate;
		struct iommu_viommu_alloc viommu;
		struct iommu_vdevice_alloc vdevice;
		struct iommu_veventq_alloc veventq;
		struct iommu_hw_queue_alloc hw_queue;
		struct iommu_ioas_map_file map_file;
	} u = {};

	switch (nr) {
	case GET_HW_INFO:
		u.hw_info.dev_id = vm->dev_id;
		break;
	case HWPT_ALLOC:
		u.hwpt.dev_id = vm->dev_id;
		u.hwpt.pt_id = vm->ioas_id;
		break;
	case HWPT_INVALIDATE:
		u.invalidate.hwpt_id = vm->viommu_id;
		u.invalidate.data_type = SELFTEST_INVALIDATE;
		u.invalidate.data_uptr = (uintptr_t)&good_request;
		u.invalidate.entry_len = sizeof(good_request);
		u.invalidate.entry_num = 1;
		break;
	case VIOMMU_ALLOC:
		u.viommu.type = SELFTEST_VIOMMU;
		u.viommu.dev_id = vm->dev_id;
		u.viommu.hwpt_id = vm->parent_id;
		break;
	case VDEVICE_ALLOC:
		u.vdevice.viommu_id = vm->viommu_id;
		u.vdevice.dev_id = dev_id;
		u.vdevice.virt_id = 0x55;
		break;
	case VEVENTQ_ALLOC:
		u.veventq.viommu_id = vm->viommu_id;
		u.veventq.type = SELFTEST_EVENTS;
		u.veventq.veventq_depth = 2;
		break;
	case HW_QUEUE_ALLOC:
		u.hw_queue.viommu_id = vm->viommu_id;
		u.hw_queue.type = SELFTEST_QUEUE;
		u.hw_queue.nesting_parent_iova = QUEUE_IOVA;
		u.hw_queue.length = PAGE_SIZE;
		break;
	case IOAS_MAP_FILE:
		u.map_file.flags = IOMMU_IOAS_MAP_FIXED_IOVA |
				   IOMMU_IOAS_MAP_READABLE;
		u.map_file.ioas_id = vm->ioas_id;
		u.map_file.fd = memory_file;
		u.map_file.length = PAGE_SIZE;
		u.map_file.iova = FILE_IOVA;
		break;
	}
	u.hw_info.size = commands[nr].size;
	memcpy(arg, &u, commands[nr].size);
}

/* Undo what a successful ioctl has made: 0 or an errno */
static int command_undo(int fd, int nr, const void *arg)
{
	const char *reply = arg;
	__u32 id;

	if (nr == IOAS_MAP_FILE) {
		const struct iommu_ioas_map_file *map = arg;

		return _test_ioctl_ioas_unmap(fd, map->ioas_id, map->iova,
					      map->length, NULL) ? errno : 0;
	}
	if (!commands[nr].id)
		return 0;
	if (nr == VEVENTQ_ALLOC)
		close(((const struct iommu_veventq_alloc *)arg)->out_veventq_fd);
	memcpy(&id, reply + commands[nr].id, sizeof(id));
	return id ? _test_cmd_destroy(fd, id) : ENOENT;
}

static __u32 get_size(const void *arg)
{
	return *(const __u32 *)arg;
}

static void set_size(void *arg, __u32 size)
{
	*(__u32 *)arg = size;
}

/* A structure that ends before the first version's last member: EINVAL */
TEST_F(command, too_short)
{
	char arg[256];
	size_t size;
	int nr;

	for (nr = 0; nr < COMMANDS; nr++) {
		__u32 next = _test_next_id(self->fd);

		for (size = 0; size < commands[nr].min; size++) {
			command_fill(&self->vm, self->vm.dev_id, nr, arg);
			set_size(arg, size);
			EXPECT_EQ(EINVAL, _test_ioctl(self->fd,
						      commands[nr].cmd, arg))
				TH_LOG("%s of %zu bytes", commands[nr].name,
				       size);
		}
		EXPECT_EQ(next, _test_next_id(self->fd));
	}
}

/* From there on any length will do; what is beyond it is zero and not replied to */
TEST_F(command, as_short_as_the_first_version)
{
	__u32 stdev_id, dev_id, hwpt_id;
	size_t size, i;
	char arg[256];
	int nr;

	test_cmd_mock_domain(self->vm.ioas_id, &stdev_id, &hwpt_id, &dev_id);
	for (nr = 0; nr < COMMANDS; nr++) {
		for (size = commands[nr].min; size <= commands[nr].size; size++) {
			memset(arg, 0xa5, sizeof(arg));
			command_fill(&self->vm, dev_id, nr, arg);
			memset(arg + size, 0xa5, sizeof(arg) - size);
			set_size(arg, size);
			ASSERT_EQ(0, _test_ioctl(self->fd, commands[nr].cmd,
						 arg))
				TH_LOG("%s of %zu bytes", commands[nr].name,
				       size);
			for (i = size; i < sizeof(arg); i++)
				ASSERT_EQ((char)0xa5, arg[i])
					TH_LOG("%s of %zu bytes wrote byte %zu",
					       commands[nr].name, size, i);
			EXPECT_EQ(size, get_size(arg));
			ASSERT_EQ(0, command_undo(self->fd, nr, arg));
		}
	}
}

/* A structure of the future: fine as long as what we don't know is zero */
TEST_F(command, longer_than_known)
{
	const size_t more[] = { 1, 3, 4, 8, 64, 1024, 3000 };
	__u32 stdev_id, dev_id, hwpt_id;
	size_t size, i, k;
	char arg[4096];
	int nr;

	test_cmd_mock_domain(self->vm.ioas_id, &stdev_id, &hwpt_id, &dev_id);
	for (nr = 0; nr < COMMANDS; nr++) {
		__u32 next = _test_next_id(self->fd);

		for (k = 0; k < ARRAY_SIZE(more); k++) {
			size = commands[nr].size + more[k];
			/* Each byte that is not zero is seen */
			for (i = commands[nr].size; i < size;
			     i += k < 5 ? 1 : 97) {
				memset(arg, 0, sizeof(arg));
				command_fill(&self->vm, dev_id, nr, arg);
				set_size(arg, size);
				arg[i] = i & 1 ? 0xff : 0x01;
				EXPECT_EQ(E2BIG,
					  _test_ioctl(self->fd,
						      commands[nr].cmd, arg))
					TH_LOG("%s of %zu bytes, byte %zu",
					       commands[nr].name, size, i);
			}
			EXPECT_EQ(next, _test_next_id(self->fd));

			memset(arg, 0, sizeof(arg));
			command_fill(&self->vm, dev_id, nr, arg);
			set_size(arg, size);
			/* Not looked at: it is not ours any more */
			arg[size] = 0x7f;
			ASSERT_EQ(0, _test_ioctl(self->fd, commands[nr].cmd,
						 arg))
				TH_LOG("%s of %zu bytes", commands[nr].name,
				       size);
			for (i = commands[nr].size; i < size; i++)
				ASSERT_EQ(0, arg[i]);
			ASSERT_EQ(0, command_undo(self->fd, nr, arg));
		}
	}
}

/* A failing request fails in the same way, however long its structure is */
TEST_F(command, same_refusal_at_any_length)
{
	char arg[256];
	int nr;

	for (nr = 0; nr < COMMANDS; nr++) {
		int rc;

		/* Everything is 0: no such type, object or length */
		memset(arg, 0, sizeof(arg));
		set_size(arg, commands[nr].size);
		rc = _test_ioctl(self->fd, commands[nr].cmd, arg);
		EXPECT_NE(0, rc);
		set_size(arg, commands[nr].size + 1);
		EXPECT_EQ(rc, _test_ioctl(self->fd, commands[nr].cmd, arg));
		set_size(arg, commands[nr].size + 100);
		EXPECT_EQ(rc, _test_ioctl(self->fd, commands[nr].cmd, arg));
	}
}

/* What can't be read is EFAULT, as far as it is looked at */
TEST_F(command, unreadable)
{
	char *page = test_bordered_page();
	char *border = page + PAGE_SIZE;
	size_t size;
	int nr;

	for (nr = 0; nr < COMMANDS; nr++) {
		const struct command *c = &commands[nr];
		__u32 next = _test_next_id(self->fd);
		char *arg;

		/* Not even the size */
		EXPECT_EQ(EFAULT, _test_ioctl(self->fd, c->cmd, NULL));
		EXPECT_EQ(EFAULT, _test_ioctl(self->fd, c->cmd, border));
		EXPECT_EQ(EFAULT, _test_ioctl(self->fd, c->cmd, border - 3));

		/* The size, and then not all of the rest */
		for (size = 4; size < c->size; size++) {
			char whole[256];

			command_fill(&self->vm, self->vm.dev_id, nr, whole);
			arg = border - size;
			memcpy(arg, whole, size);
			EXPECT_EQ(EFAULT, _test_ioctl(self->fd, c->cmd, arg))
				TH_LOG("%s, %zu bytes readable", c->name,
				       size);
			/* That it is too short is seen before that */
			set_size(arg, c->min - 1);
			EXPECT_EQ(EINVAL, _test_ioctl(self->fd, c->cmd, arg));
		}

		/* The tail that has to be zero */
		arg = border - c->size;
		command_fill(&self->vm, self->vm.dev_id, nr, arg);
		set_size(arg, c->size + 1);
		EXPECT_EQ(EFAULT, _test_ioctl(self->fd, c->cmd, arg));
		EXPECT_EQ(next, _test_next_id(self->fd));
	}
	munmap(page, 2 * PAGE_SIZE);
}

/* Memory that has to be brought in first is as good as any */
TEST_F(command, untouched)
{
	__u32 stdev_id, dev_id, hwpt_id;
	char arg[256], *page;
	int nr, status;
	pid_t child;

	test_cmd_mock_domain(self->vm.ioas_id, &stdev_id, &hwpt_id, &dev_id);
	for (nr = 0; nr < COMMANDS; nr++) {
		command_fill(&self->vm, dev_id, nr, arg);
		page = test_untouched_page(arg, commands[nr].size);
		ASSERT_EQ(0, _test_ioctl(self->fd, commands[nr].cmd, page))
			TH_LOG("%s", commands[nr].name);
		ASSERT_EQ(0, command_undo(self->fd, nr, page));

		/* In memory, but shared with a child until it is written */
		memcpy(page, arg, commands[nr].size);
		child = fork();
		ASSERT_LE(0, child);
		if (!child) {
			pause();
			_exit(0);
		}
		EXPECT_EQ(0, _test_ioctl(self->fd, commands[nr].cmd, page))
			TH_LOG("%s", commands[nr].name);
		kill(child, SIGKILL);
		ASSERT_EQ(child, waitpid(child, &status, 0));
		ASSERT_EQ(0, command_undo(self->fd, nr, page));
		munmap(page, PAGE_SIZE);
	}
}

/* An ioctl is its whole command word; slots without one are ENOTTY */
TEST_F(command, unknown)
{
	static const unsigned int empty[] = {
		/*
		 * IOAS_CHANGE_PROCESS; and between the last ioctl and the one for
		 * tests
		 */
		0x92, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c,
		0x9d, 0x9e, 0x9f,
		/* Outside of the table: what VFIO's container has not either */
		0x7f, 0xa1, 0xff,
	};
	char arg[64];
	size_t i;
	int nr;

	memset(arg, 0, sizeof(arg));
	for (i = 0; i < ARRAY_SIZE(empty); i++) {
		set_size(arg, sizeof(arg));
		EXPECT_EQ(ENOTTY, _test_ioctl(self->fd,
					      _IO(IOMMUFD_TYPE, empty[i]), arg))
			TH_LOG("nr %#x", empty[i]);
		/* Before the length is looked at */
		set_size(arg, 0);
		EXPECT_EQ(ENOTTY, _test_ioctl(self->fd,
					      _IO(IOMMUFD_TYPE, empty[i]), arg));
	}
	/* In the table the size is read first */
	EXPECT_EQ(EFAULT, _test_ioctl(self->fd, IOMMU_IOAS_CHANGE_PROCESS, NULL));

	for (nr = 0; nr < COMMANDS; nr++) {
		const unsigned long nr_type = commands[nr].cmd;

		command_fill(&self->vm, self->vm.dev_id, nr, arg);
		EXPECT_EQ(ENOTTY, _test_ioctl(self->fd,
					      nr_type | _IOC(_IOC_READ, 0, 0,
							     commands[nr].size),
					      arg));
		EXPECT_EQ(ENOTTY, _test_ioctl(self->fd,
					      nr_type | _IOC(_IOC_WRITE, 0, 0,
							     4), arg));
		EXPECT_EQ(ENOTTY, _test_ioctl(self->fd, nr_type ^ (1 << 8),
					      arg));
	}
}

/*
 * If the reply can't be written, everything is undone: ids, file descriptors and
 * references are as before, and the next call succeeds.
 */
TEST_F(command, failed_reply_leaves_nothing)
{
	__u32 stdev_id, dev_id, hwpt_id;
	char arg[256];
	int nr, i;

	test_cmd_mock_domain(self->vm.ioas_id, &stdev_id, &hwpt_id, &dev_id);
	for (nr = 0; nr < COMMANDS; nr++) {
		const struct command *c = &commands[nr];
		__u32 next = _test_next_id(self->fd), id;
		int next_fd = dup(self->fd), fd;

		close(next_fd);
		for (i = 0; i < 3; i++) {
			command_fill(&self->vm, dev_id, nr, arg);
			EXPECT_EQ(EFAULT, _test_ioctl_no_reply(self->fd, c->cmd,
							       arg, c->size))
				TH_LOG("%s", c->name);
			EXPECT_EQ(next, _test_next_id(self->fd))
				TH_LOG("%s has kept an id", c->name);
			fd = dup(self->fd);
			EXPECT_EQ(next_fd, fd)
				TH_LOG("%s has kept a file", c->name);
			close(fd);
			/* Mappings are left, as those of IOAS_MAP are */
			if (nr == IOAS_MAP_FILE)
				ASSERT_EQ(0, command_undo(self->fd, nr, arg));
		}
		command_fill(&self->vm, dev_id, nr, arg);
		ASSERT_EQ(0, _test_ioctl(self->fd, c->cmd, arg))
			TH_LOG("%s", c->name);
		if (c->id) {
			memcpy(&id, arg + c->id, sizeof(id));
			EXPECT_EQ(next, id);
		}
		ASSERT_EQ(0, command_undo(self->fd, nr, arg));
	}

	/* No reference is left: all of it can be taken apart */
	test_ioctl_destroy(stdev_id);
	test_ioctl_destroy(self->vm.stdev_id);
	test_ioctl_destroy(self->vm.viommu_id);
	test_ioctl_destroy(self->vm.parent_id);
	test_ioctl_destroy(self->vm.ioas_id);
}

/*
 * An object is published by the success of its ioctl: as long as that can fail,
 * nobody finds it.
 */
TEST_F(command, unpublished_is_not_found)
{
	__u32 stdev_id, dev_id, hwpt_id;
	struct mock_vm *vm = &self->vm;
	int nr, succeed;

	if (!self->can_stall)
		SKIP(return, "no userfaultfd (CONFIG_USERFAULTFD)");
	test_cmd_mock_domain(vm->ioas_id, &stdev_id, &hwpt_id, &dev_id);
	for (nr = 0; nr < COMMANDS; nr++) {
		const struct command *c = &commands[nr];
		__u32 id = _test_next_id(self->fd);

		if (!c->id)
			continue;
		for (succeed = 0; succeed < 2; succeed++) {
			memset(self->stall.arg, 0, PAGE_SIZE);
			command_fill(vm, dev_id, nr, self->stall.arg);
			ASSERT_EQ(0, stall_begin(&self->stall, self->fd, c->cmd))
				TH_LOG("%s", c->name);
			/*
			 * The id is taken and finds nothing. HWPT_ALLOC has
			 * undone everything: it does not wait for user memory
			 * with a device in its hands.
			 */
			if (nr != HWPT_ALLOC)
				EXPECT_NE(id, _test_next_id(self->fd))
					TH_LOG("%s", c->name);
			test_err_destroy(ENOENT, id);
			test_err_viommu_alloc(ENOENT, vm->dev_id, id,
					      SELFTEST_VIOMMU, NULL, 0);
			test_err_vdevice_alloc(ENOENT, id, dev_id, 0x44);
			test_err_veventq_alloc(ENOENT, id, SELFTEST_EVENTS, 1);
			test_err_hw_queue_alloc(ENOENT, id, SELFTEST_QUEUE, 0,
						QUEUE_IOVA, PAGE_SIZE);
			test_err_hwpt_alloc_viommu(EINVAL, vm->dev_id, id, 0, 0);
			test_err_viommu_invalidate(ENOENT, id,
						   SELFTEST_INVALIDATE,
						   &good_request,
						   sizeof(good_request), 1, 0);
			test_err_mock_domain_replace(ENOENT, vm->stdev_id, id);
			/* What it is built on is held all the same */
			if (nr != HWPT_ALLOC && nr != VIOMMU_ALLOC)
				test_err_destroy(EBUSY, vm->viommu_id);
			test_err_destroy(EBUSY, vm->parent_id);

			ASSERT_EQ(succeed ? 0 : -EFAULT,
				  stall_end(&self->stall, succeed));
			if (succeed)
				ASSERT_EQ(0, command_undo(self->fd, nr,
							  self->stall.arg));
			EXPECT_EQ(id, _test_next_id(self->fd));
		}
	}
}

/* While one is being made there can't be another, and when it fails there can */
TEST_F(command, unpublished_takes_its_place)
{
	struct mock_vm *vm = &self->vm;
	__u32 stdev_id, dev_id, hwpt_id, id, event_fd;

	if (!self->can_stall)
		SKIP(return, "no userfaultfd (CONFIG_USERFAULTFD)");
	test_cmd_mock_domain(vm->ioas_id, &stdev_id, &hwpt_id, &dev_id);

	command_fill(vm, dev_id, VDEVICE_ALLOC, self->stall.arg);
	ASSERT_EQ(0, stall_begin(&self->stall, self->fd, IOMMU_VDEVICE_ALLOC));
	test_err_vdevice_alloc(EEXIST, vm->viommu_id, dev_id, 0x56);
	ASSERT_EQ(-EFAULT, stall_end(&self->stall, false));
	test_cmd_vdevice_alloc(vm->viommu_id, dev_id, 0x55, &id);
	test_ioctl_destroy(id);

	command_fill(vm, dev_id, VEVENTQ_ALLOC, self->stall.arg);
	ASSERT_EQ(0, stall_begin(&self->stall, self->fd, IOMMU_VEVENTQ_ALLOC));
	test_err_veventq_alloc(EEXIST, vm->viommu_id, SELFTEST_EVENTS, 2);
	ASSERT_EQ(-EFAULT, stall_end(&self->stall, false));
	test_cmd_veventq_alloc(vm->viommu_id, SELFTEST_EVENTS, 2, &id,
			       &event_fd);
	close(event_fd);
	test_ioctl_destroy(id);

	command_fill(vm, dev_id, HW_QUEUE_ALLOC, self->stall.arg);
	ASSERT_EQ(0, stall_begin(&self->stall, self->fd, IOMMU_HW_QUEUE_ALLOC));
	test_err_hw_queue_alloc(EEXIST, vm->viommu_id, SELFTEST_QUEUE, 0,
				QUEUE_IOVA, PAGE_SIZE);
	/* J82: nothing is built upon it */
	test_err_hw_queue_alloc(EIO, vm->viommu_id, SELFTEST_QUEUE, 1,
				QUEUE_IOVA, PAGE_SIZE);
	EXPECT_EQ(-1, _test_ioctl_ioas_unmap(self->fd, vm->ioas_id, QUEUE_IOVA,
					     BUFFER_SIZE, NULL));
	EXPECT_EQ(EBUSY, errno);
	ASSERT_EQ(-EFAULT, stall_end(&self->stall, false));
	test_err_hw_queue_alloc(EIO, vm->viommu_id, SELFTEST_QUEUE, 1,
				QUEUE_IOVA, PAGE_SIZE);
	test_cmd_hw_queue_alloc(vm->viommu_id, SELFTEST_QUEUE, 0, QUEUE_IOVA,
				PAGE_SIZE, &id);
	test_ioctl_destroy(id);
	ASSERT_EQ(0, _test_ioctl_ioas_unmap(self->fd, vm->ioas_id, QUEUE_IOVA,
					    BUFFER_SIZE, NULL));
}

/* ---- every id names an object of its kind */

enum {
	IOAS, AUTO_HWPT, PARENT, NESTED, DEVICE, STDEV, FAULT, VIOMMU, VDEVICE,
	VEVENTQ, HW_QUEUE, KINDS
};

static const char *const kind_names[KINDS] = {
	"IOAS", "HWPT", "nest parent", "nested HWPT", "device", "mock device",
	"FAULT", "vIOMMU", "vDEVICE", "vEVENTQ", "HW queue"
};

FIXTURE(ids)
{
	int fd;
	struct mock_vm vm;
	__u32 id[KINDS];
	/* Of another mock device, which has no vDEVICE */
	__u32 dev_id;
	__u32 fault_fd;
	__u32 event_fd;
	/* Ids that never find anything */
	__u32 bad[6];
};

FIXTURE_SETUP(ids)
{
	const char *why = iommufd_mock_missing();
	__u32 stdev_id, hwpt_id, dev_id, tombstone_id;
	struct mock_vm *vm = &self->vm;

	if (why)
		SKIP(return, "%s", why);
	mock_vm_setup(_metadata, &self->fd, vm, true);
	ASSERT_EQ(0, _test_ioctl_ioas_map(self->fd, vm->ioas_id, buffer,
					  BUFFER_SIZE, &(__u64){ QUEUE_IOVA },
					  IOMMU_IOAS_MAP_FIXED_IOVA |
					  IOMMU_IOAS_MAP_READABLE));

	/* A vDEVICE whose device has left */
	test_cmd_mock_domain(vm->ioas_id, &stdev_id, &hwpt_id, &dev_id);
	test_cmd_vdevice_alloc(vm->viommu_id, dev_id, 1, &tombstone_id);
	test_ioctl_destroy(stdev_id);
	test_cmd_mock_domain(vm->ioas_id, &stdev_id, &hwpt_id, &self->dev_id);

	self->id[IOAS] = vm->ioas_id;
	self->id[AUTO_HWPT] = vm->hwpt_id;
	self->id[PARENT] = vm->parent_id;
	self->id[DEVICE] = vm->dev_id;
	self->id[STDEV] = vm->stdev_id;
	self->id[VIOMMU] = vm->viommu_id;
	test_cmd_hwpt_alloc_viommu(vm->dev_id, vm->viommu_id, 0, 0,
				   &self->id[NESTED]);
	test_ioctl_fault_alloc(&self->id[FAULT], &self->fault_fd);
	test_cmd_vdevice_alloc(vm->viommu_id, vm->dev_id, 2,
			       &self->id[VDEVICE]);
	test_cmd_veventq_alloc(vm->viommu_id, SELFTEST_EVENTS, 1,
			       &self->id[VEVENTQ], &self->event_fd);
	test_cmd_hw_queue_alloc(vm->viommu_id, SELFTEST_QUEUE, 0, QUEUE_IOVA,
				PAGE_SIZE, &self->id[HW_QUEUE]);

	self->bad[0] = 0;
	self->bad[1] = tombstone_id;
	self->bad[2] = ABSENT_ID;
	self->bad[3] = 1u << 31;
	self->bad[4] = UINT32_MAX;
	/* An id that was good once */
	test_ioctl_ioas_alloc(&self->bad[5]);
	test_ioctl_destroy(self->bad[5]);
}

FIXTURE_TEARDOWN(ids)
{
	close(self->fault_fd);
	close(self->event_fd);
	mock_vm_teardown(_metadata, self->fd, &self->vm);
}

/*
 * @call, which names an object by the variable id, refuses every id that names
 * nothing with @absent, and every id of a kind that is not in the mask @good with
 * @wrong.
 */
#define for_each_bad_id(_absent, _wrong, _good, _call)			\
	do {								\
		const int _expected[] = { _absent, _wrong };		\
		const size_t _bads = ARRAY_SIZE(self->bad);		\
		const __u32 _kinds = _good;				\
		size_t _i;						\
									\
		for (_i = 0; _i < _bads + KINDS; _i++) {		\
			bool _object = _i >= _bads;			\
			__u32 id = _object ? self->id[_i - _bads] :	\
					     self->bad[_i];		\
									\
			if (_object && (_kinds & (1u << (_i - _bads))))	\
				continue;				\
			EXPECT_EQ(_expected[_object], _call)		\
				TH_LOG("id %#x, %s: %s", id,		\
				       _object ? kind_names[_i - _bads] : \
						 "no object",		\
				       #_call);				\
		}							\
	} while (0)

static int hwpt_alloc(int fd, __u32 dev_id, __u32 pt_id, __u32 flags,
		      __u32 fault_id)
{
	return _test_cmd_hwpt_alloc_viommu(fd, dev_id, pt_id, flags, fault_id,
					   IOMMU_TEST_IOTLB_DEFAULT, NULL);
}

static int hw_info(int fd, __u32 dev_id)
{
	struct iommu_hw_info cmd = { .size = sizeof(cmd), .dev_id = dev_id };

	return _test_ioctl(fd, IOMMU_GET_HW_INFO, &cmd);
}

static int invalidate_one(int fd, __u32 id)
{
	__u32 num = 1;
	int rc = _test_cmd_viommu_invalidate(fd, id, SELFTEST_INVALIDATE,
					     &good_request,
					     sizeof(good_request), &num);

	return num && rc ? ERANGE : rc;
}

/* The ioctls that take an id, one after the other */
TEST_F(ids, find_their_kind_only)
{
	const __u32 viommu_id = self->vm.viommu_id, dev_id = self->vm.dev_id;
	const __u32 parent_id = self->vm.parent_id;
	const int fd = self->fd;

	for_each_bad_id(ENOENT, ENOENT, 1 << DEVICE, hw_info(fd, id));

	for_each_bad_id(ENOENT, ENOENT, 1 << DEVICE,
			_test_cmd_viommu_alloc(fd, id, parent_id,
					       SELFTEST_VIOMMU, NULL, 0, NULL));
	for_each_bad_id(ENOENT, ENOENT, 1 << PARENT | 1 << AUTO_HWPT,
			_test_cmd_viommu_alloc(fd, dev_id, id, SELFTEST_VIOMMU,
					       NULL, 0, NULL));
	test_err_viommu_alloc(EINVAL, dev_id, self->id[AUTO_HWPT],
			      SELFTEST_VIOMMU, NULL, 0);

	for_each_bad_id(ENOENT, ENOENT, 1 << VIOMMU,
			_test_cmd_vdevice_alloc(fd, id, self->dev_id, 3, NULL));
	for_each_bad_id(ENOENT, ENOENT, 1 << DEVICE,
			_test_cmd_vdevice_alloc(fd, viommu_id, id, 3, NULL));
	for_each_bad_id(ENOENT, ENOENT, 1 << VIOMMU,
			_test_cmd_veventq_alloc(fd, id, SELFTEST_EVENTS, 1,
						NULL, NULL));
	for_each_bad_id(ENOENT, ENOENT, 1 << VIOMMU,
			_test_cmd_hw_queue_alloc(fd, id, SELFTEST_QUEUE, 1,
						 QUEUE_IOVA + PAGE_SIZE,
						 PAGE_SIZE, NULL));

	/* pt_id alone is EINVAL in both cases */
	for_each_bad_id(ENOENT, ENOENT, 1 << DEVICE,
			hwpt_alloc(fd, id, viommu_id, 0, 0));
	for_each_bad_id(EINVAL, EINVAL,
			1 << IOAS | 1 << PARENT | 1 << VIOMMU,
			hwpt_alloc(fd, dev_id, id, 0, 0));
	for_each_bad_id(ENOENT, ENOENT, 1 << FAULT,
			hwpt_alloc(fd, dev_id, viommu_id,
				   IOMMU_HWPT_FAULT_ID_VALID, id));

	/* An id that finds something that takes no requests is EINVAL */
	for_each_bad_id(ENOENT, EINVAL, 1 << NESTED | 1 << VIOMMU,
			invalidate_one(fd, id));
}

static int invalidate_none(int fd, __u32 id)
{
	__u32 num = 0;

	return _test_cmd_viommu_invalidate(fd, id, SELFTEST_INVALIDATE, NULL, 0,
					   &num);
}

/* An id means what has it now, not what was invalidated by that id before */
TEST_F(ids, invalidate_what_has_the_id_now)
{
	struct mock_vm *vm = &self->vm;
	__u32 viommu_id, nested_id, ioas_id;

	test_cmd_viommu_alloc(vm->dev_id, vm->parent_id, SELFTEST_VIOMMU, NULL,
			      0, &viommu_id);
	EXPECT_EQ(0, invalidate_none(self->fd, viommu_id));
	test_ioctl_destroy(viommu_id);
	EXPECT_EQ(ENOENT, invalidate_none(self->fd, viommu_id));
	test_ioctl_ioas_alloc(&ioas_id);
	ASSERT_EQ(viommu_id, ioas_id);
	EXPECT_EQ(EINVAL, invalidate_none(self->fd, ioas_id));
	test_ioctl_destroy(ioas_id);

	test_cmd_hwpt_alloc_viommu(vm->dev_id, vm->viommu_id, 0, 0, &nested_id);
	ASSERT_EQ(viommu_id, nested_id);
	EXPECT_NE(ENOENT, invalidate_none(self->fd, nested_id));
	test_ioctl_destroy(nested_id);
	test_cmd_viommu_alloc(vm->dev_id, vm->parent_id, SELFTEST_VIOMMU, NULL,
			      0, &viommu_id);
	ASSERT_EQ(viommu_id, nested_id);
	EXPECT_EQ(0, invalidate_none(self->fd, viommu_id));
	EXPECT_EQ(0, invalidate_none(self->fd, vm->viommu_id));
	EXPECT_EQ(0, invalidate_none(self->fd, viommu_id));
	test_ioctl_destroy(viommu_id);
}

/* DESTROY of each object, with and without somebody who needs it */
TEST_F(ids, destroy_in_order)
{
	const __u32 *id = self->id;
	__u32 iopf_id, queue1_id;
	struct mock_vm *vm = &self->vm;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(self->bad); i++)
		test_err_destroy(ENOENT, self->bad[i]);

	/* HWPT: attached; nested: attached */
	test_cmd_mock_domain_replace(vm->stdev_id, id[NESTED]);
	test_err_destroy(EBUSY, id[NESTED]);
	test_cmd_mock_domain_replace(vm->stdev_id, id[PARENT]);
	test_err_destroy(EBUSY, id[PARENT]);
	/* A device goes with its file, here with the mock device */
	test_err_destroy(EBUSY, id[DEVICE]);

	/* FAULT: its file, and each HWPT that uses it */
	test_err_destroy(EBUSY, id[FAULT]);
	test_cmd_hwpt_alloc_viommu(vm->dev_id, vm->viommu_id,
				   IOMMU_HWPT_FAULT_ID_VALID, id[FAULT],
				   &iopf_id);
	close(self->fault_fd);
	test_err_destroy(EBUSY, id[FAULT]);
	test_ioctl_destroy(iopf_id);
	test_ioctl_destroy(id[FAULT]);
	self->fault_fd = -1;

	/* HW queue: the next higher one */
	test_cmd_hw_queue_alloc(vm->viommu_id, SELFTEST_QUEUE, 1,
				QUEUE_IOVA + PAGE_SIZE, PAGE_SIZE, &queue1_id);
	test_err_destroy(EBUSY, id[HW_QUEUE]);
	test_ioctl_destroy(queue1_id);

	/* vEVENTQ: its file */
	test_err_destroy(EBUSY, id[VEVENTQ]);
	close(self->event_fd);
	self->event_fd = -1;

	/* vIOMMU: each of these alone */
	test_err_destroy(EBUSY, id[VIOMMU]);
	test_ioctl_destroy(id[NESTED]);
	test_err_destroy(EBUSY, id[VIOMMU]);
	test_ioctl_destroy(id[VEVENTQ]);
	test_err_destroy(EBUSY, id[VIOMMU]);
	test_ioctl_destroy(id[VDEVICE]);
	test_err_destroy(EBUSY, id[VIOMMU]);
	test_ioctl_destroy(id[HW_QUEUE]);
	/* Nest parent: a vIOMMU, and a device */
	test_err_destroy(EBUSY, id[PARENT]);
	test_ioctl_destroy(id[VIOMMU]);
	test_err_destroy(EBUSY, id[PARENT]);
	test_cmd_mock_domain_replace(vm->stdev_id, vm->ioas_id);
	/* IOAS: each HWPT of it */
	test_err_destroy(EBUSY, id[IOAS]);
	test_ioctl_destroy(id[PARENT]);
	test_err_destroy(EBUSY, id[IOAS]);

	for (i = PARENT; i < KINDS; i++)
		if (i != DEVICE && i != STDEV)
			test_err_destroy(ENOENT, id[i]);
}

/* Each of these alone keeps the vIOMMU */
TEST_F(ids, viommu_is_kept_by_each)
{
	struct mock_vm *vm = &self->vm;
	__u32 viommu_id, id, event_fd;

	test_cmd_viommu_alloc(vm->dev_id, vm->parent_id, SELFTEST_VIOMMU, NULL,
			      0, &viommu_id);
	test_cmd_hwpt_alloc_viommu(vm->dev_id, viommu_id, 0, 0, &id);
	test_err_destroy(EBUSY, viommu_id);
	test_ioctl_destroy(id);

	test_cmd_vdevice_alloc(viommu_id, self->dev_id, 1, &id);
	test_err_destroy(EBUSY, viommu_id);
	test_ioctl_destroy(id);

	test_cmd_veventq_alloc(viommu_id, SELFTEST_EVENTS, 1, &id, &event_fd);
	test_err_destroy(EBUSY, viommu_id);
	close(event_fd);
	test_err_destroy(EBUSY, viommu_id);
	test_ioctl_destroy(id);

	test_cmd_hw_queue_alloc(viommu_id, SELFTEST_QUEUE, 0,
				QUEUE_IOVA + PAGE_SIZE, PAGE_SIZE, &id);
	test_err_destroy(EBUSY, viommu_id);
	test_ioctl_destroy(id);
	test_ioctl_destroy(viommu_id);
}

/*
 * A vIOMMU needs the IOMMU, not the device it was made for: that can leave, and
 * all else still works.
 */
TEST_F(ids, viommu_outlives_its_device)
{
	struct mock_vm *vm = &self->vm;
	__u32 vdev_id;

	test_ioctl_destroy(vm->stdev_id);
	EXPECT_EQ(ENOENT, hw_info(self->fd, vm->dev_id));
	test_err_destroy(ENOENT, self->id[VDEVICE]);
	test_cmd_vdevice_alloc(vm->viommu_id, self->dev_id, 2, &vdev_id);
	EXPECT_EQ(EINVAL, invalidate_one(self->fd, vm->viommu_id));
	test_ioctl_destroy(vdev_id);
	test_ioctl_destroy(self->id[NESTED]);
	test_ioctl_destroy(self->id[HW_QUEUE]);
}

/* The file can be closed first: events and objects hold it as long as they need */
TEST_F(ids, close_with_all_of_it)
{
	/* A child that is killed with a copy of everything */
	pid_t child = fork();
	int status;

	ASSERT_LE(0, child);
	if (!child) {
		pause();
		_exit(0);
	}
	close(self->event_fd);
	close(self->fault_fd);
	self->event_fd = -1;
	self->fault_fd = -1;
	/* The child has them open still */
	test_err_destroy(EBUSY, self->id[VEVENTQ]);
	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	test_ioctl_destroy(self->id[VEVENTQ]);
	test_ioctl_destroy(self->id[FAULT]);
}

TEST_HARNESS_MAIN
