/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of vIOMMU, vDEVICE, vEVENTQ and HW queue share, on top of what
 * iommufd_utils.h has for IOAS, HWPT and the mock device. A program includes this
 * one only.
 *
 * _test_cmd_x() makes the ioctl and returns 0 or its errno; outputs are touched
 * on success only, but for the entry_num of HWPT_INVALIDATE. test_cmd_x() asserts
 * that it succeeds, test_err_x(errno, ...) that it is refused with this errno. The
 * latter two take the iommufd from self->fd.
 */
#ifndef __SELFTEST_IOMMUFD_VIOMMU_UTILS
#define __SELFTEST_IOMMUFD_VIOMMU_UTILS

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "iommufd_utils.h"
#include "vmm/kernel_log.h"
#include "vmm/stall.h"

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(_a) (sizeof(_a) / sizeof((_a)[0]))
#endif

/* Before main() and before constructors of the programs */
static __attribute__((constructor(101))) void setup_page_size(void)
{
	PAGE_SIZE = sysconf(_SC_PAGE_SIZE);
}

/* 0 or the errno of an ioctl */
static inline int _test_ioctl(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) ? errno : 0;
}

/* NULL, or why there is no mock device: to be said in a SKIP */
static inline const char *iommufd_mock_missing(void)
{
	struct iommu_test_cmd cmd = { .size = sizeof(cmd) };
	const char *why = NULL;
	int fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return "no /dev/iommu (CONFIG_IOMMUFD)";
	if (_test_ioctl(fd, IOMMU_TEST_CMD, &cmd) == ENOTTY)
		why = "no mock IOMMU (CONFIG_IOMMUFD_TEST)";
	else if (_test_ioctl(fd, IOMMU_VIOMMU_ALLOC, &cmd) == ENOTTY)
		why = "no vIOMMUs in this kernel";
	close(fd);
	return why;
}

/* IOMMU_DESTROY: 0 or its errno */
static inline int _test_cmd_destroy(int fd, __u32 id)
{
	return _test_ioctl_destroy(fd, id) ? errno : 0;
}

#define test_err_destroy(_errno, id) \
	EXPECT_EQ(_errno, _test_cmd_destroy(self->fd, id))

/* ---- vIOMMU */

static inline int _test_cmd_viommu_alloc(int fd, __u32 dev_id, __u32 hwpt_id,
					 __u32 type, void *data,
					 __u32 data_len, __u32 *viommu_id)
{
	struct iommu_viommu_alloc cmd = {
		.size = sizeof(cmd),
		.type = type,
		.dev_id = dev_id,
		.hwpt_id = hwpt_id,
		.data_len = data_len,
		.data_uptr = (uintptr_t)data,
	};
	int rc = _test_ioctl(fd, IOMMU_VIOMMU_ALLOC, &cmd);

	if (!rc && viommu_id)
		*viommu_id = cmd.out_viommu_id;
	return rc;
}

#define test_cmd_viommu_alloc(dev_id, hwpt_id, type, data, data_len, id)       \
	ASSERT_EQ(0, _test_cmd_viommu_alloc(self->fd, dev_id, hwpt_id, type,   \
					    data, data_len, id))
#define test_err_viommu_alloc(_errno, dev_id, hwpt_id, type, data, data_len)   \
	EXPECT_EQ(_errno, _test_cmd_viommu_alloc(self->fd, dev_id, hwpt_id,    \
						 type, data, data_len, NULL))

/* ---- nested HWPT on a vIOMMU of the mock device */

static inline int _test_cmd_hwpt_alloc_viommu(int fd, __u32 dev_id,
					      __u32 viommu_id, __u32 flags,
					      __u32 fault_id, __u32 iotlb,
					      __u32 *hwpt_id)
{
	struct iommu_hwpt_selftest data = { .iotlb = iotlb };

	return _test_cmd_hwpt_alloc(fd, dev_id, viommu_id, fault_id, flags,
				    hwpt_id, IOMMU_HWPT_DATA_SELFTEST, &data,
				    sizeof(data)) ? errno : 0;
}

#define test_cmd_hwpt_alloc_viommu(dev_id, viommu_id, flags, fault_id, id)     \
	ASSERT_EQ(0, _test_cmd_hwpt_alloc_viommu(self->fd, dev_id, viommu_id,  \
						 flags, fault_id,              \
						 IOMMU_TEST_IOTLB_DEFAULT, id))
#define test_err_hwpt_alloc_viommu(_errno, dev_id, viommu_id, flags, fault_id) \
	EXPECT_EQ(_errno,                                                      \
		  _test_cmd_hwpt_alloc_viommu(self->fd, dev_id, viommu_id,     \
					      flags, fault_id,                 \
					      IOMMU_TEST_IOTLB_DEFAULT, NULL))

/* ---- invalidation through a vIOMMU; *@num is what the ioctl says in the end */

static inline int _test_cmd_viommu_invalidate(int fd, __u32 viommu_id,
					      __u32 type, void *reqs,
					      __u32 len, __u32 *num)
{
	return _test_cmd_hwpt_invalidate(fd, viommu_id, reqs, type, len, num) ?
	       errno : 0;
}

#define test_cmd_viommu_invalidate(viommu_id, reqs, len, num)                  \
	ASSERT_EQ(0, _test_cmd_viommu_invalidate(                              \
			     self->fd, viommu_id,                              \
			     IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST, reqs, len, \
			     num))
/* Refused with @done requests done */
#define test_err_viommu_invalidate(_errno, viommu_id, type, reqs, len, n,      \
				   done)                                       \
	({                                                                     \
		__u32 __num = n;                                               \
									       \
		EXPECT_EQ(_errno,                                              \
			  _test_cmd_viommu_invalidate(self->fd, viommu_id,     \
						      type, reqs, len,         \
						      &__num));                \
		EXPECT_EQ(done, __num);                                        \
	})

/* The mock device's cache as the driver has it: 0, or EINVAL if it differs */
static inline int _test_cmd_dev_check_cache(int fd, __u32 dev_id,
					    __u32 cache_id, __u32 expected)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_DEV_CHECK_CACHE,
		.id = dev_id,
		.check_dev_cache = { .id = cache_id, .cache = expected },
	};

	return _test_ioctl(fd, IOMMU_TEST_CMD, &cmd);
}

#define test_cmd_dev_check_cache(dev_id, cache_id, expected)                   \
	ASSERT_EQ(0, _test_cmd_dev_check_cache(self->fd, dev_id, cache_id,     \
					       expected))
#define test_cmd_dev_check_cache_all(dev_id, expected)                         \
	({                                                                     \
		__u32 __c;                                                     \
									       \
		for (__c = 0; __c < MOCK_DEV_CACHE_NUM; __c++)                 \
			test_cmd_dev_check_cache(dev_id, __c, expected);       \
	})

/* ---- vDEVICE */

static inline int _test_cmd_vdevice_alloc(int fd, __u32 viommu_id,
					  __u32 dev_id, __u64 virt_id,
					  __u32 *vdevice_id)
{
	struct iommu_vdevice_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu_id,
		.dev_id = dev_id,
		.virt_id = virt_id,
	};
	int rc = _test_ioctl(fd, IOMMU_VDEVICE_ALLOC, &cmd);

	if (!rc && vdevice_id)
		*vdevice_id = cmd.out_vdevice_id;
	return rc;
}

#define test_cmd_vdevice_alloc(viommu_id, dev_id, virt_id, id)                 \
	ASSERT_EQ(0, _test_cmd_vdevice_alloc(self->fd, viommu_id, dev_id,      \
					     virt_id, id))
#define test_err_vdevice_alloc(_errno, viommu_id, dev_id, virt_id)             \
	EXPECT_EQ(_errno, _test_cmd_vdevice_alloc(self->fd, viommu_id, dev_id, \
						  virt_id, NULL))

/* ---- vEVENTQ */

static inline int _test_cmd_veventq_alloc(int fd, __u32 viommu_id, __u32 type,
					  __u32 depth, __u32 *veventq_id,
					  __u32 *veventq_fd)
{
	struct iommu_veventq_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu_id,
		.type = type,
		.veventq_depth = depth,
	};
	int rc = _test_ioctl(fd, IOMMU_VEVENTQ_ALLOC, &cmd);

	if (rc)
		return rc;
	if (veventq_id)
		*veventq_id = cmd.out_veventq_id;
	if (veventq_fd)
		*veventq_fd = cmd.out_veventq_fd;
	return 0;
}

#define test_cmd_veventq_alloc(viommu_id, type, depth, id, event_fd)           \
	ASSERT_EQ(0, _test_cmd_veventq_alloc(self->fd, viommu_id, type, depth, \
					     id, event_fd))
#define test_err_veventq_alloc(_errno, viommu_id, type, depth)                 \
	EXPECT_EQ(_errno, _test_cmd_veventq_alloc(self->fd, viommu_id, type,   \
						  depth, NULL, NULL))

/* @num events of the mock device, if it is attached to a HWPT on a vIOMMU */
static inline int _test_cmd_trigger_vevents(int fd, __u32 dev_id,
					    unsigned int num)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_TRIGGER_VEVENT,
		.trigger_vevent = { .dev_id = dev_id },
	};
	int rc = 0;

	while (num-- && !rc)
		rc = _test_ioctl(fd, IOMMU_TEST_CMD, &cmd);
	return rc;
}

#define test_cmd_trigger_vevents(dev_id, num) \
	ASSERT_EQ(0, _test_cmd_trigger_vevents(self->fd, dev_id, num))
#define test_err_trigger_vevent(_errno, dev_id) \
	EXPECT_EQ(_errno, _test_cmd_trigger_vevents(self->fd, dev_id, 1))

/* A record of the mock driver's events as read() returns it */
struct test_vevent {
	struct iommufd_vevent_header header;
	struct iommu_viommu_event_selftest event;
};

/* read() of at most @len bytes: how many there were, or a negative errno */
static inline ssize_t _test_cmd_veventq_read(int event_fd, void *buf,
					     size_t len)
{
	ssize_t n = read(event_fd, buf, len);

	return n < 0 ? -errno : n;
}

/* The next record is an event with this number and this id, or not */
#define test_cmd_read_vevent(event_fd, seq, id)                                \
	({                                                                     \
		struct test_vevent __ev = {};                                  \
									       \
		ASSERT_EQ((ssize_t)sizeof(__ev),                               \
			  _test_cmd_veventq_read(event_fd, &__ev,              \
						 sizeof(__ev)));               \
		EXPECT_EQ(0, __ev.header.flags);                               \
		EXPECT_EQ(seq, __ev.header.sequence);                          \
		EXPECT_EQ(id, __ev.event.virt_id);                             \
	})
/* The next record, and the last one, tells that event @seq was lost */
#define test_cmd_read_lost(event_fd, seq)                                      \
	({                                                                     \
		struct test_vevent __ev = {};                                  \
									       \
		ASSERT_EQ((ssize_t)sizeof(__ev.header),                        \
			  _test_cmd_veventq_read(event_fd, &__ev,              \
						 sizeof(__ev)));               \
		EXPECT_EQ(IOMMU_VEVENTQ_FLAG_LOST_EVENTS, __ev.header.flags);  \
		EXPECT_EQ(seq, __ev.header.sequence);                          \
	})
#define test_cmd_read_nothing(event_fd)                                        \
	({                                                                     \
		struct test_vevent __ev;                                       \
									       \
		EXPECT_EQ(0, _test_cmd_veventq_read(event_fd, &__ev,           \
						    sizeof(__ev)));            \
	})

/* What poll() says at once of everything that it can say */
static inline int _test_cmd_poll(int event_fd)
{
	struct pollfd p = {
		.fd = event_fd,
		.events = POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLPRI,
	};

	return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

/* ---- HW queue */

static inline int _test_cmd_hw_queue_alloc(int fd, __u32 viommu_id, __u32 type,
					   __u32 index, __u64 iova,
					   __u64 length, __u32 *hw_queue_id)
{
	struct iommu_hw_queue_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu_id,
		.type = type,
		.index = index,
		.nesting_parent_iova = iova,
		.length = length,
	};
	int rc = _test_ioctl(fd, IOMMU_HW_QUEUE_ALLOC, &cmd);

	if (!rc && hw_queue_id)
		*hw_queue_id = cmd.out_hw_queue_id;
	return rc;
}

#define test_cmd_hw_queue_alloc(viommu_id, type, index, iova, length, id)      \
	ASSERT_EQ(0, _test_cmd_hw_queue_alloc(self->fd, viommu_id, type,       \
					      index, iova, length, id))
#define test_err_hw_queue_alloc(_errno, viommu_id, type, index, iova, length)  \
	EXPECT_EQ(_errno,                                                      \
		  _test_cmd_hw_queue_alloc(self->fd, viommu_id, type, index,   \
					   iova, length, NULL))

/* ---- mmap() of a window */

/* 0 with the mapping in *@p, or the errno; without @p it is undone at once. */
static inline int _test_cmd_mmap_prot(int fd, __u64 offset, size_t length,
				      int prot, int flags, void **p)
{
	void *va = mmap(NULL, length, prot, flags, fd, offset);

	if (p)
		*p = va;
	if (va == MAP_FAILED)
		return errno;
	if (!p)
		munmap(va, length);
	return 0;
}

static inline int _test_cmd_mmap(int fd, __u64 offset, size_t length, void **p)
{
	return _test_cmd_mmap_prot(fd, offset, length, PROT_READ | PROT_WRITE,
				   MAP_SHARED, p);
}

#define test_cmd_mmap(offset, length, p) \
	ASSERT_EQ(0, _test_cmd_mmap(self->fd, offset, length, p))
#define test_err_mmap(_errno, offset, length) \
	EXPECT_EQ(_errno, _test_cmd_mmap(self->fd, offset, length, NULL))

/* ---- memory that the kernel can't read or can't write */

/* A page that nobody can access; to be given back with munmap() */
static inline void *test_bad_page(void)
{
	void *p = mmap(NULL, PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	assert(p != MAP_FAILED);
	return p;
}

/* Two pages, of which the second can't be accessed: things end at the border */
static inline char *test_bordered_page(void)
{
	char *p = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert(p != MAP_FAILED);
	assert(!mprotect(p + PAGE_SIZE, PAGE_SIZE, PROT_NONE));
	return p;
}

/*
 * A page that begins with @data and that nobody has touched: it comes in when it is
 * read, and once more when it is written. To be given back with munmap().
 */
static inline void *test_untouched_page(const void *data, size_t size)
{
	int fd = memfd_create("page", MFD_CLOEXEC);
	void *p;

	assert(fd >= 0 && !ftruncate(fd, PAGE_SIZE));
	assert(pwrite(fd, data, size, 0) == (ssize_t)size);
	p = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	assert(p != MAP_FAILED);
	close(fd);
	return p;
}

/*
 * The ioctl on a copy of @arg that the kernel can read and not write: it does all
 * of its work and fails to tell the result. 0 or the errno.
 */
static inline int _test_ioctl_no_reply(int fd, unsigned long cmd,
				       const void *arg, size_t size)
{
	void *p = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int rc;

	assert(p != MAP_FAILED);
	memcpy(p, arg, size);
	assert(!mprotect(p, PAGE_SIZE, PROT_READ));
	rc = _test_ioctl(fd, cmd, p);
	munmap(p, PAGE_SIZE);
	return rc;
}

/* ---- a mock device, with what a VM has of it */

/**
 * struct mock_vm - what the tests begin with
 * @ioas_id: the guest's memory; empty
 * @stdev_id: the mock device, by which it is attached and unplugged
 * @hwpt_id: what it is attached to at first: an HWPT that the kernel has made
 * @dev_id: the device as ioctls name it
 * @parent_id: the nest parent, on @ioas_id
 * @viommu_id: a vIOMMU on @parent_id, without data; 0 if the test has none
 * @log: the kernel's log since the test began
 */
struct mock_vm {
	__u32 ioas_id;
	__u32 stdev_id;
	__u32 hwpt_id;
	__u32 dev_id;
	__u32 parent_id;
	__u32 viommu_id;
	int log;
};

/* What the mock driver still has, as "name number ..."; "" if it has nothing */
static inline const char *mock_left(void)
{
	static const char *const names[] = { "devices", "viommus", "vdevices",
					     "hw_queues" };
	static char left[128];
	size_t i, len = 0;

	left[0] = 0;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		char path[64];
		FILE *f;
		int n;

		snprintf(path, sizeof(path), "/sys/kernel/debug/iommufd_mock/%s",
			 names[i]);
		/* Without debugfs nobody can tell */
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fscanf(f, "%d", &n) == 1 && n)
			len += snprintf(left + len, sizeof(left) - len,
					"%s %d ", names[i], n);
		fclose(f);
	}
	return left;
}

/* Open an iommufd, and give it a mock device, a nest parent and perhaps a vIOMMU */
static inline void mock_vm_setup(struct __test_metadata *_metadata, int *fd,
				 struct mock_vm *vm, bool with_viommu)
{
	struct {
		int fd;
	} _self, *self = &_self;

	*fd = open("/dev/iommu", O_RDWR);
	ASSERT_LE(0, *fd);
	self->fd = *fd;
	vm->log = kernel_log_open();
	ASSERT_LE(0, vm->log);
	test_ioctl_ioas_alloc(&vm->ioas_id);
	test_cmd_mock_domain(vm->ioas_id, &vm->stdev_id, &vm->hwpt_id,
			     &vm->dev_id);
	test_cmd_hwpt_alloc(vm->dev_id, vm->ioas_id,
			    IOMMU_HWPT_ALLOC_NEST_PARENT, &vm->parent_id);
	if (with_viommu)
		test_cmd_viommu_alloc(vm->dev_id, vm->parent_id,
				      IOMMU_VIOMMU_TYPE_SELFTEST, NULL, 0,
				      &vm->viommu_id);
}

/* Up to 10 s for what the kernel does after a process has died */
static inline bool mock_nothing_left(void)
{
	int i;

	for (i = 0; i < 100 && *mock_left(); i++)
		usleep(100000);
	return !*mock_left();
}

/*
 * Closes the iommufd, if it is open still: nothing is left of it, and the kernel
 * has not warned.
 */
static inline void mock_vm_teardown(struct __test_metadata *_metadata, int fd,
				    struct mock_vm *vm)
{
	char line[256];

	if (fd >= 0)
		EXPECT_EQ(0, close(fd));
	EXPECT_TRUE(mock_nothing_left())
		TH_LOG("left: %s", mock_left());
	EXPECT_FALSE(kernel_has_warned(vm->log, line, sizeof(line)))
		TH_LOG("%s", line);
	close(vm->log);
}

/* The lowest id that is free: what the next object will get */
static inline __u32 _test_next_id(int fd)
{
	__u32 id = 0;

	if (_test_ioctl_ioas_alloc(fd, &id) || _test_ioctl_destroy(fd, id))
		return 0;
	return id;
}

#endif
