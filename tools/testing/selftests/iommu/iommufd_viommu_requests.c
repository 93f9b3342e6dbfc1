// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contract of <linux/iommufd.h>, request by request, with the mock driver:
 * what hardware tells, how vIOMMUs, vDEVICEs and nested HWPTs are made, and how a
 * guest's invalidations are executed. In each the order of the refusals: everything
 * is wrong at first and put right step by step.
 */
#include <stdlib.h>

#include "iommufd_viommu_utils.h"

#define SELFTEST_VIOMMU		IOMMU_VIOMMU_TYPE_SELFTEST
#define SELFTEST_EVENTS		IOMMU_VEVENTQ_TYPE_SELFTEST
#define SELFTEST_INVALIDATE	IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST

#define ABSENT_ID	0x7fffffff

/* For half a million requests on a kernel that looks at each lock */
#define TIMEOUT		300

/* The numbers of the published ABI, whatever our headers say */
#define INVALIDATE_NUM_MAX	0x80000u

FIXTURE(request)
{
	int fd;
	struct mock_vm vm;
	/* Memory that nobody can access, and a page that ends in such */
	void *bad;
	char *page;
	char *border;
};

FIXTURE_SETUP(request)
{
	const char *why = iommufd_mock_missing();

	if (why)
		SKIP(return, "%s", why);
	mock_vm_setup(_metadata, &self->fd, &self->vm, true);
	self->bad = test_bad_page();
	self->page = test_bordered_page();
	self->border = self->page + PAGE_SIZE;
}

FIXTURE_TEARDOWN(request)
{
	munmap(self->bad, PAGE_SIZE);
	munmap(self->page, 2 * PAGE_SIZE);
	mock_vm_teardown(_metadata, self->fd, &self->vm);
}

/* ---- IOMMU_GET_HW_INFO */

#define HW_INFO_LEN	sizeof(struct iommu_test_hw_info)

/* What is asked for: anything without the flag, the type that there is with it */
TEST_F(request, hw_info_types)
{
	static const __u32 other[] = {
		IOMMU_HW_INFO_TYPE_INTEL_VTD, IOMMU_HW_INFO_TYPE_ARM_SMMUV3,
		IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV, IOMMU_HW_INFO_TYPE_AMD, 5,
		IOMMU_HW_INFO_TYPE_SELFTEST - 1, UINT32_MAX,
	};
	struct iommu_hw_info cmd, in = {
		.size = sizeof(cmd),
		.dev_id = self->vm.dev_id,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(other); i++) {
		cmd = in;
		cmd.flags = IOMMU_HW_INFO_FLAG_INPUT_TYPE;
		cmd.in_data_type = other[i];
		EXPECT_EQ(EOPNOTSUPP, _test_ioctl(self->fd, IOMMU_GET_HW_INFO,
						  &cmd))
			TH_LOG("type %u", other[i]);
		/* The same number means nothing without the flag */
		cmd.flags = 0;
		EXPECT_EQ(0, _test_ioctl(self->fd, IOMMU_GET_HW_INFO, &cmd));
		EXPECT_EQ(IOMMU_HW_INFO_TYPE_SELFTEST, cmd.out_data_type);
	}
	for (i = 0; i < 2; i++) {
		cmd = in;
		cmd.flags = IOMMU_HW_INFO_FLAG_INPUT_TYPE;
		cmd.in_data_type = i ? IOMMU_HW_INFO_TYPE_SELFTEST :
				       IOMMU_HW_INFO_TYPE_DEFAULT;
		ASSERT_EQ(0, _test_ioctl(self->fd, IOMMU_GET_HW_INFO, &cmd));
		EXPECT_EQ(IOMMU_HW_INFO_TYPE_SELFTEST, cmd.out_data_type);
		EXPECT_EQ(HW_INFO_LEN, cmd.data_len);
	}
}

/* Flags and reserved members first, then the device, then the type */
TEST_F(request, hw_info_order)
{
	struct iommu_hw_info cmd;
	int bit, i;

	for (bit = 1; bit < 32; bit++) {
		cmd = (struct iommu_hw_info){
			.size = sizeof(cmd),
			.flags = 1u << bit,
			.dev_id = ABSENT_ID,
		};
		EXPECT_EQ(EOPNOTSUPP, _test_ioctl(self->fd, IOMMU_GET_HW_INFO,
						  &cmd))
			TH_LOG("flag %d", bit);
	}
	for (i = 0; i < 3; i++) {
		cmd = (struct iommu_hw_info){
			.size = sizeof(cmd),
			.dev_id = ABSENT_ID,
		};
		cmd.__reserved[i] = 1;
		EXPECT_EQ(EOPNOTSUPP, _test_ioctl(self->fd, IOMMU_GET_HW_INFO,
						  &cmd));
		cmd.__reserved[i] = 0;
		cmd.flags = IOMMU_HW_INFO_FLAG_INPUT_TYPE;
		cmd.in_data_type = 4711;
		EXPECT_EQ(ENOENT, _test_ioctl(self->fd, IOMMU_GET_HW_INFO,
					      &cmd));
		cmd.dev_id = self->vm.dev_id;
		cmd.data_len = 1;
		cmd.data_uptr = (uintptr_t)self->bad;
		EXPECT_EQ(EOPNOTSUPP, _test_ioctl(self->fd, IOMMU_GET_HW_INFO,
						  &cmd));
		cmd.in_data_type = IOMMU_HW_INFO_TYPE_SELFTEST;
		EXPECT_EQ(EFAULT, _test_ioctl(self->fd, IOMMU_GET_HW_INFO,
					      &cmd));
		cmd.data_uptr = (uintptr_t)self->page;
		EXPECT_EQ(0, _test_ioctl(self->fd, IOMMU_GET_HW_INFO, &cmd));
	}
}

/* As much as fits, zeros beyond what there is, and always what there would be */
TEST_F(request, hw_info_length)
{
	struct iommu_test_hw_info want = {
		.test_reg = IOMMU_HW_INFO_SELFTEST_REGVAL,
	};
	size_t len, i;

	for (len = 0; len <= 64; len++) {
		struct iommu_hw_info cmd = {
			.size = sizeof(cmd),
			.dev_id = self->vm.dev_id,
			.data_len = len,
			.data_uptr = (uintptr_t)self->page,
		};

		memset(self->page, 0xa5, PAGE_SIZE);
		ASSERT_EQ(0, _test_ioctl(self->fd, IOMMU_GET_HW_INFO, &cmd));
		EXPECT_EQ(HW_INFO_LEN, cmd.data_len);
		EXPECT_EQ(0, memcmp(self->page, &want,
				    len < HW_INFO_LEN ? len : HW_INFO_LEN));
		for (i = HW_INFO_LEN; i < len; i++)
			EXPECT_EQ(0, self->page[i]);
		for (i = len; i < 128; i++)
			ASSERT_EQ((char)0xa5, self->page[i]);

		/* Exactly as long as it is said to be */
		cmd.data_len = len;
		cmd.data_uptr = (uintptr_t)self->border - len;
		EXPECT_EQ(0, _test_ioctl(self->fd, IOMMU_GET_HW_INFO, &cmd));
		/* One byte of it is not there, of the data or of the zeros */
		cmd.data_len = len + 1;
		EXPECT_EQ(EFAULT, _test_ioctl(self->fd, IOMMU_GET_HW_INFO,
					      &cmd))
			TH_LOG("%zu bytes", len);
		/* No buffer is needed if there is none */
		cmd.data_len = 0;
		cmd.data_uptr = len & 1 ? (uintptr_t)self->bad : 0;
		EXPECT_EQ(0, _test_ioctl(self->fd, IOMMU_GET_HW_INFO, &cmd));
		EXPECT_EQ(HW_INFO_LEN, cmd.data_len);
	}
}

/* What the device can do */
TEST_F(request, hw_info_capabilities)
{
	__u32 stdev_id, hwpt_id, dev_id;
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.dev_id = self->vm.dev_id,
		.out_max_pasid_log2 = 0xff,
		.out_capabilities = UINT64_MAX,
	};

	ASSERT_EQ(0, _test_ioctl(self->fd, IOMMU_GET_HW_INFO, &cmd));
	EXPECT_EQ(IOMMU_HW_CAP_DIRTY_TRACKING, cmd.out_capabilities);
	EXPECT_EQ(0, cmd.out_max_pasid_log2);

	test_cmd_mock_domain_flags(self->vm.ioas_id,
				   MOCK_FLAGS_DEVICE_NO_DIRTY, &stdev_id,
				   &hwpt_id, &dev_id);
	cmd.dev_id = dev_id;
	cmd.data_len = 0;
	ASSERT_EQ(0, _test_ioctl(self->fd, IOMMU_GET_HW_INFO, &cmd));
	EXPECT_EQ(0, cmd.out_capabilities);
}

/* ---- IOMMU_VIOMMU_ALLOC */

TEST_F(request, viommu_order)
{
	struct iommu_viommu_selftest data = { .in_data = 0x1234 };
	struct mock_vm *vm = &self->vm;
	struct iommu_viommu_alloc cmd = {
		.size = sizeof(cmd),
		.flags = 1,
		.type = IOMMU_VIOMMU_TYPE_DEFAULT,
		.dev_id = ABSENT_ID,
		.hwpt_id = ABSENT_ID,
		.out_viommu_id = 0x5a5a5a5a,
		.__reserved = 1,
		.data_len = sizeof(data) + 1,
		.data_uptr = (uintptr_t)self->bad,
	};
	__u32 next = _test_next_id(self->fd);
	int bit;

#define viommu_alloc() _test_ioctl(self->fd, IOMMU_VIOMMU_ALLOC, &cmd)
	EXPECT_EQ(EOPNOTSUPP, viommu_alloc());
	for (bit = 0; bit < 32; bit++) {
		cmd.type = SELFTEST_VIOMMU;
		cmd.__reserved = 0;
		cmd.flags = 1u << bit;
		EXPECT_EQ(EOPNOTSUPP, viommu_alloc())
			TH_LOG("flag %d", bit);
		/* J96: a reserved member is not ignored */
		cmd.flags = 0;
		cmd.__reserved = 1u << bit;
		EXPECT_EQ(EOPNOTSUPP, viommu_alloc())
			TH_LOG("bit %d of __reserved", bit);
	}
	cmd.__reserved = 0;
	cmd.type = IOMMU_VIOMMU_TYPE_DEFAULT;
	EXPECT_EQ(EOPNOTSUPP, viommu_alloc());

	/* An unknown type is the driver's to refuse: the device comes first */
	cmd.type = 0xdead;
	EXPECT_EQ(ENOENT, viommu_alloc());
	cmd.dev_id = vm->dev_id;
	EXPECT_EQ(EOPNOTSUPP, viommu_alloc());
	cmd.type = IOMMU_VIOMMU_TYPE_ARM_SMMUV3;
	EXPECT_EQ(EOPNOTSUPP, viommu_alloc());
	cmd.type = IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV;
	EXPECT_EQ(EOPNOTSUPP, viommu_alloc());
	cmd.type = SELFTEST_VIOMMU;
	EXPECT_EQ(ENOENT, viommu_alloc());
	/* A HWPT, but no nest parent */
	cmd.hwpt_id = vm->hwpt_id;
	EXPECT_EQ(EINVAL, viommu_alloc());
	cmd.hwpt_id = vm->parent_id;
	/* Now the data: its length, for us and for the driver, then its contents */
	cmd.data_len = PAGE_SIZE + 1;
	EXPECT_EQ(E2BIG, viommu_alloc());
	cmd.data_len = UINT32_MAX;
	EXPECT_EQ(E2BIG, viommu_alloc());
	cmd.data_len = PAGE_SIZE;
	EXPECT_EQ(EINVAL, viommu_alloc());
	cmd.data_len = sizeof(data) + 1;
	EXPECT_EQ(EINVAL, viommu_alloc());
	cmd.data_len = 7;
	EXPECT_EQ(EINVAL, viommu_alloc());
	cmd.data_len = 8;
	EXPECT_EQ(EFAULT, viommu_alloc());
	cmd.data_uptr = 0;
	EXPECT_EQ(EFAULT, viommu_alloc());
	cmd.data_uptr = (uintptr_t)&data;
	cmd.data_len = sizeof(data);
	/* And last the reply */
	EXPECT_EQ(EFAULT, _test_ioctl_no_reply(self->fd, IOMMU_VIOMMU_ALLOC,
					       &cmd, sizeof(cmd)));
	EXPECT_EQ(0x5a5a5a5a, cmd.out_viommu_id);
	EXPECT_EQ(next, _test_next_id(self->fd));

	ASSERT_EQ(0, viommu_alloc());
	EXPECT_EQ(next, cmd.out_viommu_id);
	EXPECT_EQ(data.in_data, data.out_data);
	test_ioctl_destroy(cmd.out_viommu_id);
#undef viommu_alloc
}

/* The driver's data can be read but not written: nothing of the vIOMMU is left */
TEST_F(request, viommu_data_unwritable)
{
	struct iommu_viommu_selftest data = { .in_data = 1 };
	struct mock_vm *vm = &self->vm;
	__u32 next = _test_next_id(self->fd), id;
	__u64 offset;
	int i;

	/* Where the next window would be */
	test_cmd_viommu_alloc(vm->dev_id, vm->parent_id, SELFTEST_VIOMMU, &data,
			      sizeof(data), &id);
	offset = data.out_mmap_offset;
	test_ioctl_destroy(id);

	memcpy(self->page, &data, sizeof(data));
	ASSERT_EQ(0, mprotect(self->page, PAGE_SIZE, PROT_READ));
	for (i = 0; i < 3; i++) {
		test_err_viommu_alloc(EFAULT, vm->dev_id, vm->parent_id,
				      SELFTEST_VIOMMU, self->page,
				      sizeof(data));
		EXPECT_EQ(next, _test_next_id(self->fd));
	}
	for (i = 0; i < 16; i++)
		test_err_mmap(ENXIO, offset + i * PAGE_SIZE, 2 * PAGE_SIZE);
	test_ioctl_destroy(vm->viommu_id);
	test_ioctl_destroy(vm->parent_id);
}

/* Data in memory that has to be brought in first */
TEST_F(request, data_untouched)
{
	struct iommu_viommu_selftest in = { .in_data = 0x1234 }, *data;
	struct iommu_hwpt_selftest iotlb = { .iotlb = 0x4711 };
	struct mock_vm *vm = &self->vm;
	__u32 viommu_id, nested_id;
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.dev_id = vm->dev_id,
		.data_len = PAGE_SIZE,
	};
	__u32 *info;
	void *va;

	data = test_untouched_page(&in, sizeof(in));
	test_cmd_viommu_alloc(vm->dev_id, vm->parent_id, SELFTEST_VIOMMU, data,
			      sizeof(*data), &viommu_id);
	EXPECT_EQ(0x1234, data->out_data);
	/* What was tried before the memory was there has left no window */
	test_cmd_mmap(data->out_mmap_offset, data->out_mmap_length, &va);
	munmap(va, data->out_mmap_length);
	munmap(data, PAGE_SIZE);

	va = test_untouched_page(&iotlb, sizeof(iotlb));
	ASSERT_EQ(0, _test_cmd_hwpt_alloc(self->fd, vm->dev_id, viommu_id, 0, 0,
					  &nested_id, IOMMU_HWPT_DATA_SELFTEST,
					  va, sizeof(iotlb)));
	test_cmd_hwpt_check_iotlb_all(nested_id, 0x4711);
	munmap(va, PAGE_SIZE);
	test_ioctl_destroy(nested_id);
	test_ioctl_destroy(viommu_id);

	info = test_untouched_page("xxxxxxxxxxxx", 12);
	cmd.data_uptr = (uintptr_t)info;
	ASSERT_EQ(0, _test_ioctl(self->fd, IOMMU_GET_HW_INFO, &cmd));
	EXPECT_EQ(IOMMU_HW_INFO_SELFTEST_REGVAL, info[1]);
	EXPECT_EQ(0, info[2]);
	munmap(info, PAGE_SIZE);
}

/* A nest parent may have several vIOMMUs, each with data of its own */
TEST_F(request, viommu_many)
{
	struct iommu_viommu_selftest data[8] = {};
	struct mock_vm *vm = &self->vm;
	__u32 id[8];
	int i, j;

	for (i = 0; i < 8; i++) {
		data[i].in_data = i + 1;
		test_cmd_viommu_alloc(vm->dev_id, vm->parent_id,
				      SELFTEST_VIOMMU, &data[i],
				      sizeof(data[i]), &id[i]);
		EXPECT_EQ(i + 1, data[i].out_data);
		EXPECT_NE(0, data[i].out_mmap_offset);
		EXPECT_EQ(2 * PAGE_SIZE, data[i].out_mmap_length);
		for (j = 0; j < i; j++)
			EXPECT_NE(data[i].out_mmap_offset,
				  data[j].out_mmap_offset);
	}
	for (i = 0; i < 8; i++) {
		test_err_destroy(EBUSY, vm->parent_id);
		test_ioctl_destroy(id[i]);
	}
}

/* ---- IOMMU_VDEVICE_ALLOC */

TEST_F(request, vdevice_order)
{
	__u32 stdev_id, hwpt_id, dev_id, id, other_id;
	struct mock_vm *vm = &self->vm;
	struct iommu_vdevice_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = ABSENT_ID,
		.dev_id = ABSENT_ID,
		.out_vdevice_id = 0x5a5a5a5a,
		.virt_id = UINT64_MAX,
	};

	test_cmd_mock_domain(vm->ioas_id, &stdev_id, &hwpt_id, &dev_id);
	test_cmd_vdevice_alloc(vm->viommu_id, dev_id, 5, &other_id);

#define vdevice_alloc() _test_ioctl(self->fd, IOMMU_VDEVICE_ALLOC, &cmd)
	EXPECT_EQ(ENOENT, vdevice_alloc());
	cmd.dev_id = dev_id;
	EXPECT_EQ(ENOENT, vdevice_alloc());
	cmd.dev_id = ABSENT_ID;
	cmd.viommu_id = vm->viommu_id;
	EXPECT_EQ(ENOENT, vdevice_alloc());
	/* The device has one: before the guest's id is looked at */
	cmd.dev_id = dev_id;
	EXPECT_EQ(EEXIST, vdevice_alloc());
	/* The vIOMMU has this id; before the driver */
	cmd.dev_id = vm->dev_id;
	cmd.virt_id = 5;
	EXPECT_EQ(EEXIST, vdevice_alloc());
	/* The driver: the mock's ids have 32 bits */
	cmd.virt_id = 1ULL << 32;
	EXPECT_EQ(EINVAL, vdevice_alloc());
	cmd.virt_id = UINT64_MAX;
	EXPECT_EQ(EINVAL, vdevice_alloc());
	/* What the driver has refused is not taken */
	cmd.virt_id = UINT32_MAX;
	EXPECT_EQ(EFAULT, _test_ioctl_no_reply(self->fd, IOMMU_VDEVICE_ALLOC,
					       &cmd, sizeof(cmd)));
	EXPECT_EQ(0x5a5a5a5a, cmd.out_vdevice_id);
	ASSERT_EQ(0, vdevice_alloc());
	id = cmd.out_vdevice_id;
	test_ioctl_destroy(id);
	cmd.virt_id = 0;
	ASSERT_EQ(0, vdevice_alloc());
	EXPECT_EQ(id, cmd.out_vdevice_id);
	/* A vDEVICE on one vIOMMU, and none on any other */
	test_cmd_viommu_alloc(vm->dev_id, vm->parent_id, SELFTEST_VIOMMU, NULL,
			      0, &cmd.viommu_id);
	cmd.virt_id = 7;
	EXPECT_EQ(EEXIST, vdevice_alloc());
	/* Each vIOMMU has ids of its own */
	test_ioctl_destroy(id);
	cmd.virt_id = 5;
	ASSERT_EQ(0, vdevice_alloc());
	test_ioctl_destroy(cmd.out_vdevice_id);
#undef vdevice_alloc
}

/* ---- IOMMU_HWPT_ALLOC */

static int hwpt_alloc(int fd, struct iommu_hwpt_alloc *cmd)
{
	cmd->size = sizeof(*cmd);
	return _test_ioctl(fd, IOMMU_HWPT_ALLOC, cmd);
}

/* What stands before the question what pt_id is */
TEST_F(request, hwpt_order)
{
	struct iommu_hwpt_alloc cmd = {
		.flags = UINT32_MAX,
		.dev_id = ABSENT_ID,
		.pt_id = ABSENT_ID,
		.__reserved = 1,
		.data_type = IOMMU_HWPT_DATA_NONE,
		.data_len = 1,
	};

	EXPECT_EQ(EOPNOTSUPP, hwpt_alloc(self->fd, &cmd));
	cmd.__reserved = 0;
	EXPECT_EQ(EINVAL, hwpt_alloc(self->fd, &cmd));
	cmd.data_type = IOMMU_HWPT_DATA_SELFTEST;
	cmd.data_len = 0;
	EXPECT_EQ(EINVAL, hwpt_alloc(self->fd, &cmd));
	cmd.data_len = 4;
	EXPECT_EQ(ENOENT, hwpt_alloc(self->fd, &cmd));
	cmd.dev_id = self->vm.dev_id;
	/* Not ENOENT */
	EXPECT_EQ(EINVAL, hwpt_alloc(self->fd, &cmd));
	cmd.pt_id = self->vm.dev_id;
	EXPECT_EQ(EINVAL, hwpt_alloc(self->fd, &cmd));
	cmd.pt_id = self->vm.ioas_id;
	EXPECT_EQ(EOPNOTSUPP, hwpt_alloc(self->fd, &cmd));
	cmd.flags = IOMMU_HWPT_ALLOC_NEST_PARENT | IOMMU_HWPT_FAULT_ID_VALID;
	EXPECT_EQ(EOPNOTSUPP, hwpt_alloc(self->fd, &cmd));
	/* Data, on an IOAS */
	cmd.flags = 0;
	EXPECT_EQ(EOPNOTSUPP, hwpt_alloc(self->fd, &cmd));
	cmd.data_type = IOMMU_HWPT_DATA_NONE;
	cmd.data_len = 0;
	cmd.flags = IOMMU_HWPT_FAULT_ID_VALID;
	cmd.fault_id = ABSENT_ID;
	EXPECT_EQ(ENOENT, hwpt_alloc(self->fd, &cmd));
	cmd.flags = 0;
	ASSERT_EQ(0, hwpt_alloc(self->fd, &cmd));
	test_ioctl_destroy(cmd.out_hwpt_id);
}

/* An HWPT on an IOAS delivers faults as a nested one does, unless it is a parent */
TEST_F(request, hwpt_on_ioas_with_faults)
{
	struct mock_vm *vm = &self->vm;
	struct iommu_hwpt_alloc cmd = {
		.flags = IOMMU_HWPT_FAULT_ID_VALID,
		.dev_id = vm->dev_id,
		.pt_id = vm->ioas_id,
	};
	/* Of the device itself: PASIDs are a nested HWPT's */
	struct iommu_test_cmd trigger = {
		.size = sizeof(trigger),
		.op = IOMMU_TEST_OP_TRIGGER_IOPF,
		.trigger_iopf = { .dev_id = vm->dev_id, .addr = 0x1000 },
	};
	struct iommu_hwpt_page_response response = {};
	struct iommu_hwpt_pgfault fault = {};
	__u32 fault_id, fault_fd;

	test_ioctl_fault_alloc(&fault_id, &fault_fd);
	cmd.fault_id = vm->ioas_id;
	EXPECT_EQ(ENOENT, hwpt_alloc(self->fd, &cmd));
	cmd.fault_id = fault_id;
	cmd.flags |= IOMMU_HWPT_ALLOC_NEST_PARENT;
	EXPECT_EQ(EOPNOTSUPP, hwpt_alloc(self->fd, &cmd));
	cmd.flags = IOMMU_HWPT_FAULT_ID_VALID;
	ASSERT_EQ(0, hwpt_alloc(self->fd, &cmd));
	test_cmd_mock_domain_replace(vm->stdev_id, cmd.out_hwpt_id);
	ASSERT_EQ(0, _test_ioctl(self->fd, IOMMU_TEST_CMD, &trigger));
	ASSERT_EQ(sizeof(fault), read(fault_fd, &fault, sizeof(fault)));
	EXPECT_EQ(0x1000, fault.addr);
	EXPECT_EQ(vm->dev_id, fault.dev_id);
	response.cookie = fault.cookie;
	EXPECT_EQ(sizeof(response), write(fault_fd, &response, sizeof(response)));
	test_cmd_mock_domain_replace(vm->stdev_id, vm->ioas_id);
	close(fault_fd);
	test_err_destroy(EBUSY, fault_id);
	test_ioctl_destroy(cmd.out_hwpt_id);
	test_ioctl_destroy(fault_id);
}

/* On an HWPT: it must be a nest parent that user space has made */
TEST_F(request, hwpt_on_hwpt)
{
	struct iommu_hwpt_selftest data = { .iotlb = IOMMU_TEST_IOTLB_DEFAULT };
	struct mock_vm *vm = &self->vm;
	struct iommu_hwpt_alloc cmd = {
		.dev_id = vm->dev_id,
		.pt_id = vm->hwpt_id,
		.data_type = IOMMU_HWPT_DATA_SELFTEST,
		.data_len = sizeof(data),
		.data_uptr = (uintptr_t)&data,
	};
	__u32 plain_id;

	EXPECT_EQ(EINVAL, hwpt_alloc(self->fd, &cmd));
	test_cmd_hwpt_alloc(vm->dev_id, vm->ioas_id, 0, &plain_id);
	cmd.pt_id = plain_id;
	EXPECT_EQ(EINVAL, hwpt_alloc(self->fd, &cmd));
	cmd.pt_id = vm->parent_id;
	cmd.flags = IOMMU_HWPT_ALLOC_NEST_PARENT;
	EXPECT_EQ(EOPNOTSUPP, hwpt_alloc(self->fd, &cmd));
	cmd.flags = 0;
	ASSERT_EQ(0, hwpt_alloc(self->fd, &cmd));
	/* Without a vIOMMU it holds the parent itself */
	test_ioctl_destroy(vm->viommu_id);
	test_err_destroy(EBUSY, vm->parent_id);
	cmd.pt_id = cmd.out_hwpt_id;
	EXPECT_EQ(EINVAL, hwpt_alloc(self->fd, &cmd));
	test_ioctl_destroy(cmd.out_hwpt_id);
	test_ioctl_destroy(vm->parent_id);
}

/* On a vIOMMU */
TEST_F(request, hwpt_on_viommu)
{
	struct iommu_hwpt_selftest data = { .iotlb = 0x4711 };
	struct mock_vm *vm = &self->vm;
	struct iommu_hwpt_alloc cmd = {
		.dev_id = vm->dev_id,
		.pt_id = vm->viommu_id,
		.data_type = IOMMU_HWPT_DATA_NONE,
		.fault_id = ABSENT_ID,
	};
	__u32 next = _test_next_id(self->fd);
	int bit;

	/* No data: before flags are the driver's, and after ours */
	EXPECT_EQ(EOPNOTSUPP, hwpt_alloc(self->fd, &cmd));
	cmd.data_type = IOMMU_HWPT_DATA_SELFTEST;
	cmd.data_len = sizeof(data);
	cmd.data_uptr = (uintptr_t)self->bad;
	for (bit = 0; bit < 32; bit++) {
		cmd.flags = 1u << bit;
		if (cmd.flags == IOMMU_HWPT_FAULT_ID_VALID)
			continue;
		EXPECT_EQ(EOPNOTSUPP, hwpt_alloc(self->fd, &cmd))
			TH_LOG("flag %d", bit);
		cmd.flags |= IOMMU_HWPT_FAULT_ID_VALID;
		EXPECT_EQ(EOPNOTSUPP, hwpt_alloc(self->fd, &cmd));
	}
	/* The data comes before the fault object */
	cmd.flags = IOMMU_HWPT_FAULT_ID_VALID;
	EXPECT_EQ(EFAULT, hwpt_alloc(self->fd, &cmd));
	cmd.data_len = PAGE_SIZE + 1;
	EXPECT_EQ(E2BIG, hwpt_alloc(self->fd, &cmd));
	cmd.data_len = 3;
	EXPECT_EQ(EINVAL, hwpt_alloc(self->fd, &cmd));
	cmd.data_len = sizeof(data);
	cmd.data_uptr = (uintptr_t)&data;
	cmd.data_type = IOMMU_HWPT_DATA_ARM_SMMUV3;
	EXPECT_NE(0, hwpt_alloc(self->fd, &cmd));
	cmd.data_type = IOMMU_HWPT_DATA_SELFTEST;
	EXPECT_EQ(ENOENT, hwpt_alloc(self->fd, &cmd));
	EXPECT_EQ(next, _test_next_id(self->fd));

	cmd.flags = 0;
	ASSERT_EQ(0, hwpt_alloc(self->fd, &cmd));
	test_cmd_hwpt_check_iotlb_all(cmd.out_hwpt_id, 0x4711);
	/* It holds the vIOMMU, and that holds the nest parent */
	test_err_destroy(EBUSY, vm->viommu_id);
	test_err_destroy(EBUSY, vm->parent_id);
	test_ioctl_destroy(cmd.out_hwpt_id);
	test_ioctl_destroy(vm->viommu_id);
	test_ioctl_destroy(vm->parent_id);
}

/* Which device a nested HWPT can be attached to, and when that is looked up */
TEST_F(request, attach_looks_up_the_vdevice)
{
	struct mock_vm *vm = &self->vm;
	__u32 nested_id, other_id, vdev_id, viommu_id, event_id, event_fd;

	test_cmd_hwpt_alloc_viommu(vm->dev_id, vm->viommu_id, 0, 0, &nested_id);
	test_cmd_hwpt_alloc_viommu(vm->dev_id, vm->viommu_id, 0, 0, &other_id);
	test_cmd_veventq_alloc(vm->viommu_id, SELFTEST_EVENTS, 4, &event_id,
			       &event_fd);
	test_err_mock_domain_replace(ENOENT, vm->stdev_id, nested_id);
	test_err_trigger_vevent(ENOENT, vm->dev_id);

	/* A vDEVICE on another vIOMMU is none here */
	test_cmd_viommu_alloc(vm->dev_id, vm->parent_id, SELFTEST_VIOMMU, NULL,
			      0, &viommu_id);
	test_cmd_vdevice_alloc(viommu_id, vm->dev_id, 1, &vdev_id);
	test_err_mock_domain_replace(ENOENT, vm->stdev_id, nested_id);
	test_ioctl_destroy(vdev_id);

	test_cmd_vdevice_alloc(vm->viommu_id, vm->dev_id, 2, &vdev_id);
	test_cmd_mock_domain_replace(vm->stdev_id, nested_id);
	test_cmd_trigger_vevents(vm->dev_id, 1);
	test_cmd_read_vevent(event_fd, 0, 2);
	/* Afterwards a change of it is not noticed ... */
	test_ioctl_destroy(vdev_id);
	test_cmd_trigger_vevents(vm->dev_id, 1);
	test_cmd_read_vevent(event_fd, 1, 2);
	test_cmd_vdevice_alloc(vm->viommu_id, vm->dev_id, 3, &vdev_id);
	test_cmd_mock_domain_replace(vm->stdev_id, nested_id);
	test_cmd_trigger_vevents(vm->dev_id, 1);
	test_cmd_read_vevent(event_fd, 2, 2);
	/* ... until the device is attached to a different one */
	test_cmd_mock_domain_replace(vm->stdev_id, other_id);
	test_cmd_trigger_vevents(vm->dev_id, 1);
	test_cmd_read_vevent(event_fd, 3, 3);

	test_cmd_mock_domain_replace(vm->stdev_id, vm->ioas_id);
	test_err_trigger_vevent(ENOENT, vm->dev_id);
	close(event_fd);
}

/* Page faults go to the fault queue, events to the vEVENTQ, never the other way */
TEST_F(request, faults_and_events_are_separate)
{
	struct mock_vm *vm = &self->vm;
	__u32 fault_id, fault_fd, nested_id, event_id, event_fd;

	test_ioctl_fault_alloc(&fault_id, &fault_fd);
	test_cmd_hwpt_alloc_viommu(vm->dev_id, vm->viommu_id,
				   IOMMU_HWPT_FAULT_ID_VALID, fault_id,
				   &nested_id);
	test_cmd_vdevice_alloc(vm->viommu_id, vm->dev_id, 1, NULL);
	test_cmd_veventq_alloc(vm->viommu_id, SELFTEST_EVENTS, 4, &event_id,
			       &event_fd);
	test_cmd_mock_domain_replace(vm->stdev_id, nested_id);

	test_cmd_trigger_vevents(vm->dev_id, 1);
	EXPECT_EQ(POLLOUT, _test_cmd_poll(fault_fd) & (POLLOUT | POLLIN));
	test_cmd_read_vevent(event_fd, 0, 1);
	test_cmd_trigger_iopf(vm->dev_id, fault_fd);
	EXPECT_EQ(0, _test_cmd_poll(event_fd));

	/* The HWPT holds the fault queue, whose file is not needed for that */
	test_err_destroy(EBUSY, fault_id);
	close(fault_fd);
	test_err_destroy(EBUSY, fault_id);
	test_cmd_mock_domain_replace(vm->stdev_id, vm->ioas_id);
	test_ioctl_destroy(nested_id);
	test_ioctl_destroy(fault_id);
	close(event_fd);
}

static int trigger_iopf(int fd, __u32 dev_id, __u64 addr)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_TRIGGER_IOPF,
		.trigger_iopf = {
			.dev_id = dev_id,
			.pasid = 1,
			.addr = addr,
		},
	};

	return _test_ioctl(fd, IOMMU_TEST_CMD, &cmd);
}

static ssize_t respond(int fault_fd, __u32 cookie, __u32 code)
{
	struct iommu_hwpt_page_response response = {
		.cookie = cookie,
		.code = code,
	};
	ssize_t n = write(fault_fd, &response, sizeof(response));

	return n < 0 ? -errno : n;
}

/* The file of a fault queue of a HWPT on a vIOMMU: as 6.12 has it */
TEST_F(request, fault_file)
{
	const size_t len = sizeof(struct iommu_hwpt_pgfault);
	const size_t answer = sizeof(struct iommu_hwpt_page_response);
	__u32 fault_id, fault_fd, nested_id, cookie[3];
	struct iommu_hwpt_pgfault fault[4];
	struct mock_vm *vm = &self->vm;
	size_t cut;
	int i;

	test_ioctl_fault_alloc(&fault_id, &fault_fd);
	test_cmd_hwpt_alloc_viommu(vm->dev_id, vm->viommu_id,
				   IOMMU_HWPT_FAULT_ID_VALID, fault_id,
				   &nested_id);
	test_cmd_vdevice_alloc(vm->viommu_id, vm->dev_id, 1, NULL);
	test_cmd_mock_domain_replace(vm->stdev_id, nested_id);

	EXPECT_EQ(0, read(fault_fd, fault, sizeof(fault)));
	EXPECT_EQ(0, _test_cmd_poll(fault_fd) & POLLIN);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, trigger_iopf(self->fd, vm->dev_id, 0x1000 * i));
	EXPECT_EQ(POLLIN, _test_cmd_poll(fault_fd) & POLLIN);
	EXPECT_EQ(-1, pread(fault_fd, fault, len, 0));
	EXPECT_EQ(ESPIPE, errno);
	for (cut = 1; cut < len; cut++) {
		EXPECT_EQ(-1, read(fault_fd, fault, len + cut));
		EXPECT_EQ(ESPIPE, errno);
	}
	EXPECT_EQ(-1, read(fault_fd, fault, 0));
	EXPECT_EQ(EINVAL, errno);
	/* What can't be copied stays */
	for (cut = 0; cut < len; cut += 4) {
		EXPECT_EQ(-1, read(fault_fd, self->border - cut, 2 * len));
		EXPECT_EQ(EFAULT, errno);
	}
	EXPECT_EQ(len, read(fault_fd, self->border - len - 8, 2 * len));
	memcpy(fault, self->border - len - 8, len);
	ASSERT_EQ(2 * len, read(fault_fd, fault + 1, 3 * len));
	EXPECT_EQ(0, _test_cmd_poll(fault_fd) & POLLIN);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0x1000 * i, fault[i].addr);
		EXPECT_EQ(1, fault[i].pasid);
		EXPECT_EQ(vm->dev_id, fault[i].dev_id);
		cookie[i] = fault[i].cookie;
	}

	/* Answers in any order, each once */
	EXPECT_EQ(-EINVAL, respond(fault_fd, cookie[1], 2));
	EXPECT_EQ(-EINVAL, respond(fault_fd, ABSENT_ID,
				   IOMMUFD_PAGE_RESP_SUCCESS));
	EXPECT_EQ(-1, write(fault_fd, fault, answer + 1));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, write(fault_fd, self->bad, answer));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(answer, respond(fault_fd, cookie[2],
				  IOMMUFD_PAGE_RESP_SUCCESS));
	EXPECT_EQ(answer, respond(fault_fd, cookie[0],
				  IOMMUFD_PAGE_RESP_INVALID));
	EXPECT_EQ(-EINVAL, respond(fault_fd, cookie[0],
				   IOMMUFD_PAGE_RESP_SUCCESS));

	/* Who waits still is answered when the device leaves the HWPT */
	test_cmd_mock_domain_replace(vm->stdev_id, vm->ioas_id);
	EXPECT_EQ(-EINVAL, respond(fault_fd, cookie[1],
				   IOMMUFD_PAGE_RESP_SUCCESS));
	close(fault_fd);
}

/* ---- IOMMU_HWPT_INVALIDATE */

FIXTURE(invalidate)
{
	int fd;
	struct mock_vm vm;
	void *bad;
	char *page;
	char *border;
	/* The guest's ids of two devices, and the other device */
	__u32 dev2_id;
};

#define VDEV	0x10
#define VDEV2	0x20
#define NO_VDEV	0x30
#define CACHED	IOMMU_TEST_DEV_CACHE_DEFAULT

FIXTURE_SETUP(invalidate)
{
	const char *why = iommufd_mock_missing();
	__u32 stdev_id, hwpt_id;

	if (why)
		SKIP(return, "%s", why);
	mock_vm_setup(_metadata, &self->fd, &self->vm, true);
	test_cmd_mock_domain(self->vm.ioas_id, &stdev_id, &hwpt_id,
			     &self->dev2_id);
	test_cmd_vdevice_alloc(self->vm.viommu_id, self->vm.dev_id, VDEV, NULL);
	test_cmd_vdevice_alloc(self->vm.viommu_id, self->dev2_id, VDEV2, NULL);
	self->bad = test_bad_page();
	self->page = test_bordered_page();
	self->border = self->page + PAGE_SIZE;
	test_cmd_dev_check_cache_all(self->vm.dev_id, CACHED);
	test_cmd_dev_check_cache_all(self->dev2_id, CACHED);
}

FIXTURE_TEARDOWN(invalidate)
{
	munmap(self->bad, PAGE_SIZE);
	munmap(self->page, 2 * PAGE_SIZE);
	mock_vm_teardown(_metadata, self->fd, &self->vm);
}

static int invalidate(int fd, struct iommu_hwpt_invalidate *cmd)
{
	cmd->size = sizeof(*cmd);
	return _test_ioctl(fd, IOMMU_HWPT_INVALIDATE, cmd);
}

/* The order of the refusals; each of them says that nothing was done */
TEST_F(invalidate, order)
{
	struct iommu_viommu_invalidate_selftest req = {
		.flags = 2,
		.vdev_id = NO_VDEV,
		.cache_id = MOCK_DEV_CACHE_ID_MAX + 1,
	};
	struct iommu_hwpt_invalidate cmd = {}, wrong = {
		.hwpt_id = ABSENT_ID,
		.data_type = IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST_INVALID,
		.entry_num = INVALIDATE_NUM_MAX + 1,
		.entry_len = PAGE_SIZE + 1,
		.__reserved = 1,
	};

#define refused(_errno)							\
	do {								\
		cmd = wrong;						\
		EXPECT_EQ(_errno, invalidate(self->fd, &cmd));		\
		EXPECT_EQ(0, cmd.entry_num);				\
		/* Written back on every path: if it can't be, EFAULT */ \
		wrong.size = sizeof(wrong);				\
		EXPECT_EQ(EFAULT,					\
			  _test_ioctl_no_reply(self->fd,		\
					       IOMMU_HWPT_INVALIDATE,	\
					       &wrong, sizeof(wrong)));	\
	} while (0)

	refused(EOPNOTSUPP);
	wrong.__reserved = 0;
	/* Four limits: all of them, and then each alone */
	refused(EINVAL);
	wrong.entry_len = sizeof(req);
	wrong.data_uptr = (uintptr_t)self->bad;
	refused(EINVAL);
	wrong.entry_num = 1;
	wrong.entry_len = PAGE_SIZE + 1;
	refused(EINVAL);
	wrong.entry_len = 0;
	refused(EINVAL);
	wrong.entry_len = sizeof(req);
	wrong.data_uptr = 0;
	refused(EINVAL);
	wrong.data_uptr = (uintptr_t)self->bad;
	refused(ENOENT);
	/* The largest that there can be */
	wrong.entry_len = PAGE_SIZE;
	wrong.entry_num = INVALIDATE_NUM_MAX;
	refused(ENOENT);
	wrong.entry_num = 1;
	wrong.hwpt_id = self->vm.parent_id;
	refused(EINVAL);
	wrong.hwpt_id = self->vm.viommu_id;
	refused(EINVAL);
	wrong.data_type = SELFTEST_INVALIDATE;
	/* The requests: their length, their memory, their contents */
	wrong.entry_len = sizeof(req) - 1;
	refused(EINVAL);
	wrong.entry_len = 1;
	refused(EINVAL);
	wrong.entry_len = sizeof(req);
	refused(EFAULT);
	wrong.data_uptr = (uintptr_t)self->border - sizeof(req) + 1;
	refused(EFAULT);
	wrong.data_uptr = (uintptr_t)&req;
	refused(EOPNOTSUPP);
	req.flags = 0;
	refused(EINVAL);
	req.cache_id = 0;
	refused(EINVAL);
	req.vdev_id = VDEV;
	test_cmd_dev_check_cache_all(self->vm.dev_id, CACHED);

	/* If it can't say that it was done, it is done all the same */
	EXPECT_EQ(EFAULT, _test_ioctl_no_reply(self->fd, IOMMU_HWPT_INVALIDATE,
					       &wrong, sizeof(wrong)));
	test_cmd_dev_check_cache(self->vm.dev_id, 0, 0);
	req.cache_id = 1;
	cmd = wrong;
	ASSERT_EQ(0, invalidate(self->fd, &cmd));
	EXPECT_EQ(1, cmd.entry_num);
	test_cmd_dev_check_cache(self->vm.dev_id, 1, 0);
	test_cmd_dev_check_cache(self->vm.dev_id, 2, CACHED);
	test_cmd_dev_check_cache_all(self->dev2_id, CACHED);
#undef refused
}

/* No request at all is a question about the type; nothing else is looked at */
TEST_F(invalidate, no_request_asks_for_the_type)
{
	struct iommu_hwpt_invalidate cmd = {
		.hwpt_id = self->vm.viommu_id,
		.data_type = SELFTEST_INVALIDATE,
	};
	__u32 nested_id;

	EXPECT_EQ(0, invalidate(self->fd, &cmd));
	EXPECT_EQ(0, cmd.entry_num);
	cmd.entry_len = UINT32_MAX;
	cmd.data_uptr = (uintptr_t)self->bad;
	EXPECT_EQ(0, invalidate(self->fd, &cmd));
	EXPECT_EQ(0, cmd.entry_num);
	cmd.data_type = IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST_INVALID;
	EXPECT_EQ(EINVAL, invalidate(self->fd, &cmd));
	cmd.hwpt_id = ABSENT_ID;
	EXPECT_EQ(ENOENT, invalidate(self->fd, &cmd));
	cmd.__reserved = 1;
	EXPECT_EQ(EOPNOTSUPP, invalidate(self->fd, &cmd));

	/* A nested HWPT of the vIOMMU takes its own type */
	test_cmd_hwpt_alloc_viommu(self->vm.dev_id, self->vm.viommu_id, 0, 0,
				   &nested_id);
	cmd.hwpt_id = nested_id;
	cmd.__reserved = 0;
	EXPECT_EQ(EINVAL, invalidate(self->fd, &cmd));
	cmd.data_type = IOMMU_HWPT_INVALIDATE_DATA_SELFTEST;
	EXPECT_EQ(0, invalidate(self->fd, &cmd));
	test_cmd_dev_check_cache_all(self->vm.dev_id, CACHED);
}

/*
 * Requests are executed in order. With a wrong one at any place, those before it
 * are done, it and those after it are not; and the ioctl tells how many were done.
 */
TEST_F(invalidate, up_to_the_first_wrong_one)
{
	static const struct {
		__u32 flags, vdev_id, cache_id;
		int rc;
	} wrong[] = {
		{ 2, VDEV2, 0, EOPNOTSUPP },
		{ 1u << 31, VDEV2, 0, EOPNOTSUPP },
		{ 0, VDEV2, MOCK_DEV_CACHE_ID_MAX + 1, EINVAL },
		{ 0, VDEV2, UINT32_MAX, EINVAL },
		{ 1, NO_VDEV, 0, EINVAL },
	};
	struct iommu_viommu_invalidate_selftest req[MOCK_DEV_CACHE_NUM + 2];
	struct mock_vm *vm = &self->vm;
	__u32 stdev_id, hwpt_id, dev_id, vdev_id, c;
	size_t w;
	int bad, i;

	for (w = 0; w < ARRAY_SIZE(wrong); w++) {
		for (bad = 0; bad <= MOCK_DEV_CACHE_NUM; bad++) {
			/* A fresh device for each */
			test_cmd_mock_domain(vm->ioas_id, &stdev_id, &hwpt_id,
					     &dev_id);
			test_cmd_vdevice_alloc(vm->viommu_id, dev_id, 0x40,
					       &vdev_id);
			memset(req, 0, sizeof(req));
			for (i = 0, c = 0; i < ARRAY_SIZE(req); i++) {
				req[i].vdev_id = 0x40;
				req[i].cache_id = c;
				if (i != bad)
					c += c < MOCK_DEV_CACHE_ID_MAX;
			}
			req[bad].flags = wrong[w].flags;
			req[bad].vdev_id = wrong[w].vdev_id;
			req[bad].cache_id = wrong[w].cache_id;
			test_err_viommu_invalidate(wrong[w].rc, vm->viommu_id,
						   SELFTEST_INVALIDATE, req,
						   sizeof(req[0]),
						   ARRAY_SIZE(req), bad);
			for (c = 0; c < MOCK_DEV_CACHE_NUM; c++)
				test_cmd_dev_check_cache(dev_id, c,
							 c < bad ? 0 : CACHED);
			test_ioctl_destroy(vdev_id);
			test_ioctl_destroy(stdev_id);
		}
	}
	/* What was wrong named this one */
	test_cmd_dev_check_cache_all(self->dev2_id, CACHED);
}

/* A request that can't be read stops it as well, right there */
TEST_F(invalidate, up_to_the_first_unreadable_one)
{
	struct iommu_viommu_invalidate_selftest *req;
	size_t cut;
	int i;

	for (cut = 0; cut < sizeof(*req); cut++) {
		req = (void *)(self->border - 3 * sizeof(*req) - cut);
		memset(req, 0, 3 * sizeof(*req) + cut);
		for (i = 0; i < 3; i++) {
			req[i].vdev_id = VDEV;
			req[i].cache_id = i;
		}
		test_err_viommu_invalidate(EFAULT, self->vm.viommu_id,
					   SELFTEST_INVALIDATE, req,
					   sizeof(*req), 5, 3);
	}
	for (i = 0; i < 3; i++)
		test_cmd_dev_check_cache(self->vm.dev_id, i, 0);
	test_cmd_dev_check_cache(self->vm.dev_id, 3, CACHED);
}

/* One cache of one device, or all of one device's */
TEST_F(invalidate, hits_what_it_names)
{
	struct iommu_viommu_invalidate_selftest req = { .vdev_id = VDEV };
	__u32 num, c;

	for (c = 0; c < MOCK_DEV_CACHE_NUM; c++) {
		req.cache_id = c;
		num = 1;
		test_cmd_viommu_invalidate(self->vm.viommu_id, &req,
					   sizeof(req), &num);
		EXPECT_EQ(1, num);
		test_cmd_dev_check_cache(self->vm.dev_id, c, 0);
		if (c < MOCK_DEV_CACHE_ID_MAX)
			test_cmd_dev_check_cache(self->vm.dev_id, c + 1, CACHED);
	}
	test_cmd_dev_check_cache_all(self->dev2_id, CACHED);
	req.vdev_id = VDEV2;
	req.flags = IOMMU_TEST_INVALIDATE_FLAG_ALL;
	num = 1;
	test_cmd_viommu_invalidate(self->vm.viommu_id, &req, sizeof(req), &num);
	test_cmd_dev_check_cache_all(self->dev2_id, 0);

	/* There is no such cache, and no such device */
	EXPECT_EQ(EINVAL, _test_cmd_dev_check_cache(self->fd, self->vm.dev_id,
						    MOCK_DEV_CACHE_NUM, 0));
	EXPECT_EQ(ENOENT, _test_cmd_dev_check_cache(self->fd, ABSENT_ID, 0, 0));
}

/*
 * J86: the largest legal number of requests needs no more memory than one, and is
 * done to the last. One more is refused, and reported as nothing.
 */
TEST_F_TIMEOUT(invalidate, largest_number, TIMEOUT)
{
	const size_t len = sizeof(struct iommu_viommu_invalidate_selftest);
	struct iommu_viommu_invalidate_selftest *req;
	__u32 num, i;

	req = calloc(INVALIDATE_NUM_MAX + 1, len);
	ASSERT_NE(NULL, req);
	for (i = 0; i <= INVALIDATE_NUM_MAX; i++)
		req[i].vdev_id = VDEV;
	/* Only the very last request means this one */
	req[INVALIDATE_NUM_MAX - 1].vdev_id = VDEV2;

	test_err_viommu_invalidate(EINVAL, self->vm.viommu_id,
				   SELFTEST_INVALIDATE, req, len,
				   INVALIDATE_NUM_MAX + 1, 0);
	test_err_viommu_invalidate(EINVAL, self->vm.viommu_id,
				   SELFTEST_INVALIDATE, req, len, UINT32_MAX,
				   0);
	test_cmd_dev_check_cache_all(self->vm.dev_id, CACHED);

	num = INVALIDATE_NUM_MAX;
	test_cmd_viommu_invalidate(self->vm.viommu_id, req, len, &num);
	EXPECT_EQ(INVALIDATE_NUM_MAX, num);
	test_cmd_dev_check_cache(self->dev2_id, 0, 0);
	test_cmd_dev_check_cache(self->dev2_id, 1, CACHED);

	/* Wrong at the end: all the others are done */
	req[INVALIDATE_NUM_MAX - 1].flags = 2;
	test_err_viommu_invalidate(EOPNOTSUPP, self->vm.viommu_id,
				   SELFTEST_INVALIDATE, req, len,
				   INVALIDATE_NUM_MAX, INVALIDATE_NUM_MAX - 1);
	free(req);
}

/* A vDEVICE that has gone, with its device or without, is not found any more */
TEST_F(invalidate, not_after_the_vdevice)
{
	struct iommu_viommu_invalidate_selftest req = { .vdev_id = VDEV };
	__u32 num = 1;

	test_cmd_viommu_invalidate(self->vm.viommu_id, &req, sizeof(req), &num);
	test_ioctl_destroy(self->vm.stdev_id);
	test_err_viommu_invalidate(EINVAL, self->vm.viommu_id,
				   SELFTEST_INVALIDATE, &req, sizeof(req), 1, 0);
	req.vdev_id = VDEV2;
	num = 1;
	test_cmd_viommu_invalidate(self->vm.viommu_id, &req, sizeof(req), &num);
}

TEST_HARNESS_MAIN
