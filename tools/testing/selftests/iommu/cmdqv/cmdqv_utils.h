/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of guest-owned command queues share.
 *
 * iommufd_x() of ../vmm makes the ioctl and returns 0 or a negative errno;
 * test_cmd_x() asserts that it succeeds, test_err_x(errno, ...) that it is refused
 * for that reason *and* has changed nothing that the CMDQV unit knows of VMs.
 */
#ifndef CMDQV_UTILS_H
#define CMDQV_UTILS_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../kselftest_harness.h"

#include "edu.h"
#include "mmio.h"
#include "observer.h"
#include "pages.h"
#include "vm.h"

#define ASID		1
#define IOVA		0x00100000ULL
#define VSID		0x10
#define QUEUE_LOG2	8
#define QUEUE_BYTES	(16UL << QUEUE_LOG2)

/**
 * struct board - what the tests run on
 * @unit: the CMDQV unit's observer
 * @bdf: two edu devices
 * @taint: the kernel's taint flags at the start
 * @per_device: how many VINTFs a device gave at the start; -1: no bound is known
 */
struct board {
	struct observer unit;
	char bdf[2][16];
	unsigned long taint;
	long per_device;
};

static inline unsigned long kernel_taint(void)
{
	unsigned long taint = 0;
	FILE *f = fopen("/proc/sys/kernel/tainted", "re");

	if (f) {
		if (fscanf(f, "%lu", &taint) != 1)
			taint = 0;
		fclose(f);
	}
	return taint;
}

/* NULL, or what the kernel lacks that has the device */
static inline const char *kernel_lacks(const char *bdf)
{
	struct iommu_viommu_alloc none = { .size = sizeof(none) };
	struct iommu_hw_info_tegra241_cmdqv cmdqv;
	const char *why = NULL;
	struct vfio_dev dev;
	int fd = iommufd_open();

	if (fd < 0)
		return "cannot open /dev/iommu";
	if (iommufd_ioctl(fd, IOMMU_VIOMMU_ALLOC, &none) == -ENOTTY) {
		why = "this kernel's iommufd has no vIOMMUs";
	} else if (!vfio_open(&dev, bdf, fd)) {
		/* A device that does not open is for the test to complain of */
		if (iommufd_hw_info(fd, dev.dev_id,
				    IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV, &cmdqv,
				    sizeof(cmdqv), NULL) == -EOPNOTSUPP)
			why = "needs CONFIG_TEGRA241_CMDQV and CONFIG_ARM_SMMU_V3_IOMMUFD";
		vfio_close(&dev);
	}
	close(fd);
	return why;
}

#define PER_DEVICE "/sys/module/arm_smmu_v3/parameters/vintfs_per_device"

/* How many VINTFs VMs can have through one device, 0: all; -1: not known */
static inline long get_vintfs_per_device(void)
{
	FILE *f = fopen(PER_DEVICE, "re");
	long n;

	if (!f)
		return -1;
	if (fscanf(f, "%ld", &n) != 1)
		n = -1;
	fclose(f);
	return n;
}

/* 0 or a negative errno; board_check() puts it back */
static inline int set_vintfs_per_device(long n)
{
	FILE *f = fopen(PER_DEVICE, "we");
	int rc;

	if (!f)
		return -errno;
	fprintf(f, "%ld\n", n);
	rc = fclose(f) ? -errno : 0;
	return rc;
}

/* NULL, or why the tests can't run here */
static inline const char *board_find(struct board *b)
{
	const char *why;

	memset(b, 0, sizeof(*b));
	if (access("/dev/iommu", R_OK | W_OK))
		return "no /dev/iommu";
	if (vfio_find(EDU_VENDOR, EDU_DEVICE, 0, b->bdf[0]) ||
	    vfio_find(EDU_VENDOR, EDU_DEVICE, 1, b->bdf[1]))
		return "needs two edu devices, as the emulated board has";
	if (observer_open(&b->unit))
		return "needs the emulated board's observer (ACPI CMQO0001)";
	why = kernel_lacks(b->bdf[0]);
	if (why) {
		observer_close(&b->unit);
		return why;
	}
	b->taint = kernel_taint();
	b->per_device = get_vintfs_per_device();
	return NULL;
}

/* Up to 3 s for what the kernel does after a process has died */
static inline bool board_is_scrubbed(struct board *b)
{
	char *state;
	bool empty;
	int i;

	for (i = 0; i < 30; i++) {
		state = observer_guest_state(&b->unit);
		empty = state && !*state;
		free(state);
		if (empty)
			return true;
		usleep(100000);
	}
	return false;
}

/*
 * To be called at the end of each test: nothing is left of any VM, the model has
 * found no contradiction in itself and the kernel has warned of nothing.
 */
#define board_check(_b)							\
	do {								\
		struct board *_board = (_b);				\
		const char *_r;						\
									\
		EXPECT_TRUE(board_is_scrubbed(_board))			\
		{							\
			char *_s = observer_guest_state(&_board->unit);	\
									\
			TH_LOG("left over:\n%s", _s ? _s : "?");	\
			free(_s);					\
		}							\
		_r = observer_run(&_board->unit, "check");		\
		_r = _r ? record_find(_r, "check") : NULL;		\
		EXPECT_TRUE(_r && record_value(_r, "ok") == 1)		\
			TH_LOG("model: %s", _r ? _r : "no answer");	\
		EXPECT_EQ(kernel_taint(), _board->taint)		\
			TH_LOG("the kernel has warned, see dmesg");	\
		if (get_vintfs_per_device() != _board->per_device)	\
			EXPECT_EQ(0, set_vintfs_per_device(_board->per_device)); \
	} while (0)

/* The variable "unit" of the test is asked what it knows before and after */
#define test_refused(_errno, _call)					\
	do {								\
		char *_before = observer_guest_state(unit);		\
		char *_after;						\
									\
		EXPECT_EQ(-(_errno), _call)				\
			TH_LOG("%s", #_call);				\
		_after = observer_guest_state(unit);			\
		ASSERT_NE(_before, NULL);				\
		ASSERT_NE(_after, NULL);				\
		EXPECT_EQ(strcmp(_before, _after), 0)			\
			TH_LOG("a refused %s has changed\n%sto\n%s", #_call, \
			       _before, _after);			\
		free(_before);						\
		free(_after);						\
	} while (0)

#define test_cmd_hw_info(...)		ASSERT_EQ(0, iommufd_hw_info(__VA_ARGS__))
#define test_err_hw_info(_e, ...)	test_refused(_e, iommufd_hw_info(__VA_ARGS__))
#define test_cmd_hwpt_alloc(...)	ASSERT_EQ(0, iommufd_hwpt_alloc(__VA_ARGS__))
#define test_err_hwpt_alloc(_e, ...)	test_refused(_e, iommufd_hwpt_alloc(__VA_ARGS__))
#define test_cmd_viommu_alloc(...)	ASSERT_EQ(0, iommufd_viommu_alloc(__VA_ARGS__))
#define test_err_viommu_alloc(_e, ...)	test_refused(_e, iommufd_viommu_alloc(__VA_ARGS__))
#define test_cmd_vdevice_alloc(...)	ASSERT_EQ(0, iommufd_vdevice_alloc(__VA_ARGS__))
#define test_err_vdevice_alloc(_e, ...)	test_refused(_e, iommufd_vdevice_alloc(__VA_ARGS__))
#define test_cmd_hw_queue_alloc(...)	ASSERT_EQ(0, _test_cmd_hw_queue_alloc(__VA_ARGS__))
#define test_err_hw_queue_alloc(_e, ...) test_refused(_e, _test_cmd_hw_queue_alloc(__VA_ARGS__))
#define test_cmd_destroy(...)		ASSERT_EQ(0, iommufd_destroy(__VA_ARGS__))
#define test_err_destroy(_e, ...)	test_refused(_e, iommufd_destroy(__VA_ARGS__))
#define test_cmd_ioas_map(...)		ASSERT_EQ(0, iommufd_ioas_map(__VA_ARGS__))
#define test_cmd_ioas_unmap(...)	ASSERT_EQ(0, iommufd_ioas_unmap(__VA_ARGS__))
#define test_err_ioas_unmap(_e, ...)	test_refused(_e, iommufd_ioas_unmap(__VA_ARGS__))
#define test_cmd_attach(...)		ASSERT_EQ(0, vfio_attach(__VA_ARGS__))
#define test_err_attach(_e, ...)	test_refused(_e, vfio_attach(__VA_ARGS__))
#define test_cmd_mmap(...)		ASSERT_EQ(0, _test_cmd_mmap(__VA_ARGS__))
#define test_err_mmap(_e, ...)		test_refused(_e, _test_cmd_mmap(__VA_ARGS__))
#define test_err_ioctl(_e, ...)		test_refused(_e, iommufd_ioctl(__VA_ARGS__))

static inline int _test_cmd_hw_queue_alloc(struct vm *vm, u32 index,
					   u64 iova, u64 length,
					   u32 *id)
{
	return iommufd_hw_queue_alloc(vm->fd, vm->viommu,
				      IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV, index,
				      iova, length, id);
}

/* mmap() and, if that works, munmap() */
static inline int _test_cmd_mmap(int fd, u64 offset, size_t length,
				 int prot, int flags)
{
	void *p = mmap(NULL, length, prot, flags, fd, offset);

	if (p == MAP_FAILED)
		return -errno;
	munmap(p, length);
	return 0;
}

/*
 * A copy of a command's structure that the kernel can read but not write: the
 * ioctl does all of its work and then fails to tell the result. To be freed with
 * readonly_free().
 */
static inline void *readonly_copy(const void *cmd, size_t size)
{
	void *p = mmap(NULL, GUEST_PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	memcpy(p, cmd, size);
	mprotect(p, GUEST_PAGE, PROT_READ);
	return p;
}

static inline void readonly_free(void *p)
{
	munmap(p, GUEST_PAGE);
}

/* An address that nothing is mapped at */
static inline void *bad_address(void)
{
	void *p = mmap(NULL, GUEST_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	return p;
}

/*
 * Which VINTF a VM has: the one whose page 0 sees a read of the VM's window. It
 * clears the unit's counters. 0: not found.
 */
static inline unsigned int find_vintf(struct observer *unit, struct vm *vm)
{
	const char *r;

	observer_run(unit, "clear");
	mmio_read32(vm->window, VCMDQ_STATUS);
	r = observer_run(unit, "counters");
	for (; r && (r = record_find(r, "window")); r = record_next(r)) {
		if (record_value(r, "v") && record_value(r, "reads") == 1)
			return record_value(r, "v");
	}
	return 0;
}

/* Which VCMDQ of the unit is logical queue @l of VINTF @v; UINT32_MAX: none */
static inline unsigned int find_vcmdq(struct observer *unit, unsigned int v,
				      unsigned int l)
{
	const char *r = observer_run(unit, "state");

	for (; r && (r = record_find(r, "vcmdq")); r = record_next(r)) {
		if (record_value(r, "allocated") &&
		    record_value(r, "vintf") == v &&
		    record_value(r, "lvcmdq") == l)
			return record_value(r, "q");
	}
	return UINT32_MAX;
}

/* Number of records of @kind in the unit's state; -1 if it does not answer */
static inline int state_records(struct observer *unit, const char *kind)
{
	const char *r = observer_run(unit, "state");
	int n = 0;

	if (!r)
		return -1;
	for (; (r = record_find(r, kind)); n++) {
		r = record_next(r);
		if (!r)
			return n + 1;
	}
	return n;
}

/*
 * Queues that are a VM's, or nobody's but hold something of a VM still; -1 if the
 * unit does not answer. Also tells which, on standard error.
 */
static inline int guest_queues(struct observer *unit)
{
	char *state = observer_guest_state(unit);
	const char *r = state;
	int n = 0;

	if (!state)
		return -1;
	for (; r && (r = record_find(r, "vcmdq")); r = record_next(r), n++)
		fprintf(stderr, "# %.*s\n", (int)strcspn(r, "\n"), r);
	free(state);
	return n;
}

/* Requests of a trapped queue, executed by the kernel; @num as in the ioctl */
static inline int _test_cmd_invalidate(struct vm *vm, struct smmu_cmd *cmds,
				       u32 *num)
{
	return iommufd_hwpt_invalidate(vm->fd, vm->viommu,
				       IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3,
				       cmds, sizeof(*cmds), num);
}

#endif
