// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guest-owned command queues, ioctl by ioctl: each climbs a ladder of refusals
 * before its first success. After each refusal the unit is asked whether anything
 * about VMs has changed.
 *
 * Runs on the emulated board (emulator/grace-vm); skips elsewhere.
 */
#include <signal.h>

#include "cmdqv_utils.h"

FIXTURE(cmdqv)
{
	struct board board;
	struct vm vm;
	/* what the hardware has */
	unsigned int queues;
	unsigned int cmdqs;
};

FIXTURE_SETUP(cmdqv)
{
	struct iommu_hw_info_tegra241_cmdqv cmdqv = {};
	struct iommu_hw_info_arm_smmuv3 smmu = {};
	const char *why = board_find(&self->board);
	struct vm *vm = &self->vm;

	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, vm_open(vm, "A", self->board.bdf[0]));
	ASSERT_EQ(0, edu_probe(&vm->dev));
	ASSERT_EQ(0, iommufd_hw_info(vm->fd, vm->dev.dev_id,
				     IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV, &cmdqv,
				     sizeof(cmdqv), NULL));
	ASSERT_EQ(0, iommufd_hw_info(vm->fd, vm->dev.dev_id,
				     IOMMU_HW_INFO_TYPE_ARM_SMMUV3, &smmu,
				     sizeof(smmu), NULL));
	self->queues = 1u << cmdqv.log2vcmdqs;
	self->cmdqs = smmu.idr[1] >> 21 & 0x1f;
}

FIXTURE_TEARDOWN(cmdqv)
{
	EXPECT_EQ(0, vm_close(&self->vm));
	board_check(&self->board);
	observer_close(&self->board.unit);
}

/* A structure of any ioctl, with room for a byte too much */
union any_cmd {
	u32 size;
	char bytes[256];
};

TEST_F(cmdqv, cmd_length)
{
	static const struct {
		const char *name;
		unsigned long cmd;
		u32 min;
		u32 size;
	} cmds[] = {
		/* The ABI's numbers, not what the structures make of them */
		{ "GET_HW_INFO", IOMMU_GET_HW_INFO, 32, 40 },
		{ "HWPT_ALLOC", IOMMU_HWPT_ALLOC, 24, 48 },
		{ "HWPT_INVALIDATE", IOMMU_HWPT_INVALIDATE, 32, 32 },
		{ "VIOMMU_ALLOC", IOMMU_VIOMMU_ALLOC, 24, 40 },
		{ "VDEVICE_ALLOC", IOMMU_VDEVICE_ALLOC, 24, 24 },
		{ "HW_QUEUE_ALLOC", IOMMU_HW_QUEUE_ALLOC, 40, 40 },
	};
	struct observer *unit = &self->board.unit;
	int fd = self->vm.fd, exact;
	union any_cmd c;

	for (size_t i = 0; i < ARRAY_SIZE(cmds); i++) {
		TH_LOG("%s", cmds[i].name);
		memset(&c, 0, sizeof(c));
		c.size = cmds[i].min - 1;
		test_err_ioctl(EINVAL, fd, cmds[i].cmd, &c);

		/* All zero is a wrong request of every kind; which one, it says */
		memset(&c, 0, sizeof(c));
		c.size = cmds[i].size;
		exact = iommufd_ioctl(fd, cmds[i].cmd, &c);
		EXPECT_NE(exact, 0);
		EXPECT_NE(exact, -ENOTTY);
		EXPECT_NE(exact, -E2BIG);

		memset(&c, 0, sizeof(c));
		c.size = cmds[i].size + 1;
		EXPECT_EQ(exact, iommufd_ioctl(fd, cmds[i].cmd, &c));

		memset(&c, 0, sizeof(c));
		c.size = cmds[i].size + 1;
		c.bytes[cmds[i].size] = 0xff;
		test_err_ioctl(E2BIG, fd, cmds[i].cmd, &c);
	}
	/* Numbers that this kernel leaves empty */
	memset(&c, 0, sizeof(c));
	c.size = sizeof(struct iommu_ioas_change_process);
	test_err_ioctl(ENOTTY, fd, IOMMU_IOAS_CHANGE_PROCESS, &c);
}

TEST_F(cmdqv, hw_info)
{
	struct {
		struct iommu_hw_info_tegra241_cmdqv cmdqv;
		char more[56];
	} buf;
	struct observer *unit = &self->board.unit;
	struct iommu_hw_info_arm_smmuv3 smmu;
	struct vm *vm = &self->vm;
	struct iommu_hw_info info;
	u32 dev = vm->dev.dev_id;
	char byte;

	info = (struct iommu_hw_info){ .size = sizeof(info), .dev_id = dev,
				       .flags = 1u << 1 };
	test_err_ioctl(EOPNOTSUPP, vm->fd, IOMMU_GET_HW_INFO, &info);
	for (int i = 0; i < 3; i++) {
		info = (struct iommu_hw_info){ .size = sizeof(info),
					       .dev_id = dev };
		info.__reserved[i] = 1;
		test_err_ioctl(EOPNOTSUPP, vm->fd, IOMMU_GET_HW_INFO, &info);
	}
	/* Flags are looked at before ids */
	info = (struct iommu_hw_info){ .size = sizeof(info), .flags = 1u << 31 };
	test_err_ioctl(EOPNOTSUPP, vm->fd, IOMMU_GET_HW_INFO, &info);
	test_err_hw_info(ENOENT, vm->fd, 0, IOMMUFD_ANY_TYPE, &buf, sizeof(buf),
			 NULL);
	test_err_hw_info(ENOENT, vm->fd, vm->ioas, IOMMUFD_ANY_TYPE, &buf,
			 sizeof(buf), NULL);
	test_err_hw_info(EOPNOTSUPP, vm->fd, dev, IOMMU_HW_INFO_TYPE_INTEL_VTD,
			 &buf, sizeof(buf), NULL);
	test_err_hw_info(EOPNOTSUPP, vm->fd, dev, IOMMU_HW_INFO_TYPE_AMD, &buf,
			 sizeof(buf), NULL);
	test_err_hw_info(EOPNOTSUPP, vm->fd, dev, 0xdead, &buf, sizeof(buf),
			 NULL);
	test_err_hw_info(EFAULT, vm->fd, dev, IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV,
			 bad_address(), sizeof(buf), NULL);

	test_cmd_hw_info(vm->fd, dev, IOMMUFD_ANY_TYPE, &smmu, sizeof(smmu),
			 &info);
	EXPECT_EQ(info.out_data_type, IOMMU_HW_INFO_TYPE_ARM_SMMUV3);
	EXPECT_EQ(info.data_len, sizeof(smmu));
	EXPECT_EQ(smmu.flags, 0);
	EXPECT_EQ(smmu.idr[0] & 3, 3);
	test_cmd_hw_info(vm->fd, dev, IOMMU_HW_INFO_TYPE_DEFAULT, &smmu,
			 sizeof(smmu), &info);
	EXPECT_EQ(info.out_data_type, IOMMU_HW_INFO_TYPE_ARM_SMMUV3);
	test_cmd_hw_info(vm->fd, dev, IOMMU_HW_INFO_TYPE_ARM_SMMUV3, &smmu,
			 sizeof(smmu), &info);
	EXPECT_EQ(info.out_data_type, IOMMU_HW_INFO_TYPE_ARM_SMMUV3);

	/* Without the flag the member is not an input, whatever it holds */
	info = (struct iommu_hw_info){ .size = sizeof(info), .dev_id = dev,
				       .in_data_type = 0xdead };
	ASSERT_EQ(0, iommufd_ioctl(vm->fd, IOMMU_GET_HW_INFO, &info));
	EXPECT_EQ(info.out_data_type, IOMMU_HW_INFO_TYPE_ARM_SMMUV3);
	EXPECT_EQ(info.data_len, sizeof(smmu));

	/* A longer buffer is filled up with zeros */
	memset(&buf, 0xff, sizeof(buf));
	test_cmd_hw_info(vm->fd, dev, IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV, &buf,
			 sizeof(buf), &info);
	EXPECT_EQ(info.out_data_type, IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV);
	EXPECT_EQ(info.data_len, sizeof(buf.cmdqv));
	EXPECT_EQ(buf.cmdqv.flags, 0);
	EXPECT_EQ(buf.cmdqv.version, 1);
	EXPECT_GE(buf.cmdqv.log2vcmdqs, 1);
	EXPECT_GE(buf.cmdqv.log2vsids, 4);
	EXPECT_EQ(buf.cmdqv.__reserved, 0);
	for (size_t i = 0; i < sizeof(buf.more); i++)
		EXPECT_EQ(buf.more[i], 0);
	/* A shorter one gets what fits, and the true length */
	memset(&buf, 0xff, sizeof(buf));
	test_cmd_hw_info(vm->fd, dev, IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV, &buf, 5,
			 &info);
	EXPECT_EQ(info.data_len, sizeof(buf.cmdqv));
	EXPECT_EQ(buf.cmdqv.version, 1);
	EXPECT_EQ(buf.cmdqv.log2vcmdqs, 0xff);
	test_cmd_hw_info(vm->fd, dev, IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV, NULL, 0,
			 &info);
	EXPECT_EQ(info.data_len, sizeof(buf.cmdqv));
	/* 6.12's structure without what came later */
	info = (struct iommu_hw_info){ .size = 32, .dev_id = dev,
				       .data_uptr = (uintptr_t)&byte,
				       .data_len = 1 };
	ASSERT_EQ(0, iommufd_ioctl(vm->fd, IOMMU_GET_HW_INFO, &info));
	EXPECT_EQ(info.out_capabilities, 0);
}

TEST_F(cmdqv, hwpt_alloc_on_ioas)
{
	struct iommu_hwpt_arm_smmuv3 ste = { .ste = { STE0_V } };
	struct observer *unit = &self->board.unit;
	struct iommu_hwpt_alloc cmd;
	struct vm *vm = &self->vm;
	u32 dev = vm->dev.dev_id, id;
	void *ro;

	cmd = (struct iommu_hwpt_alloc){ .size = sizeof(cmd), .__reserved = 1 };
	test_err_ioctl(EOPNOTSUPP, vm->fd, IOMMU_HWPT_ALLOC, &cmd);
	test_err_hwpt_alloc(EINVAL, vm->fd, dev, vm->ioas, 0,
			    IOMMU_HWPT_DATA_NONE, &ste, sizeof(ste), &id);
	test_err_hwpt_alloc(EINVAL, vm->fd, dev, vm->ioas, 0,
			    IOMMU_HWPT_DATA_ARM_SMMUV3, NULL, 0, &id);
	test_err_hwpt_alloc(ENOENT, vm->fd, 0, vm->ioas, 0, IOMMU_HWPT_DATA_NONE,
			    NULL, 0, &id);
	test_err_hwpt_alloc(ENOENT, vm->fd, vm->ioas, vm->ioas, 0,
			    IOMMU_HWPT_DATA_NONE, NULL, 0, &id);
	/* Not ENOENT: it may be of several kinds */
	test_err_hwpt_alloc(EINVAL, vm->fd, dev, 0, 0, IOMMU_HWPT_DATA_NONE,
			    NULL, 0, &id);
	test_err_hwpt_alloc(EINVAL, vm->fd, dev, dev, 0, IOMMU_HWPT_DATA_NONE,
			    NULL, 0, &id);
	test_err_hwpt_alloc(EOPNOTSUPP, vm->fd, dev, vm->ioas, 1u << 31,
			    IOMMU_HWPT_DATA_NONE, NULL, 0, &id);
	test_err_hwpt_alloc(EOPNOTSUPP, vm->fd, dev, vm->ioas,
			    IOMMU_HWPT_FAULT_ID_VALID |
			    IOMMU_HWPT_ALLOC_NEST_PARENT,
			    IOMMU_HWPT_DATA_NONE, NULL, 0, &id);
	test_err_hwpt_alloc(EOPNOTSUPP, vm->fd, dev, vm->ioas,
			    IOMMU_HWPT_ALLOC_NEST_PARENT |
			    IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
			    IOMMU_HWPT_DATA_NONE, NULL, 0, &id);
	test_err_hwpt_alloc(EOPNOTSUPP, vm->fd, dev, vm->ioas,
			    IOMMU_HWPT_ALLOC_NEST_PARENT | IOMMU_HWPT_ALLOC_PASID,
			    IOMMU_HWPT_DATA_NONE, NULL, 0, &id);
	test_err_hwpt_alloc(EOPNOTSUPP, vm->fd, dev, vm->ioas, 0,
			    IOMMU_HWPT_DATA_ARM_SMMUV3, &ste, sizeof(ste), &id);
	test_err_hwpt_alloc(EOPNOTSUPP, vm->fd, dev, vm->ioas,
			    IOMMU_HWPT_ALLOC_NEST_PARENT,
			    IOMMU_HWPT_DATA_ARM_SMMUV3, &ste, sizeof(ste), &id);
	/* SMMUv3 nests on vIOMMUs only */
	test_err_hwpt_alloc(EOPNOTSUPP, vm->fd, dev, vm->s2, 0,
			    IOMMU_HWPT_DATA_ARM_SMMUV3, &ste, sizeof(ste), &id);
	cmd = (struct iommu_hwpt_alloc){
		.size = sizeof(cmd), .dev_id = dev, .pt_id = vm->ioas,
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
	};
	ro = readonly_copy(&cmd, sizeof(cmd));
	ASSERT_NE(ro, NULL);
	test_err_ioctl(EFAULT, vm->fd, IOMMU_HWPT_ALLOC, ro);
	readonly_free(ro);

	test_cmd_hwpt_alloc(vm->fd, dev, vm->ioas, IOMMU_HWPT_ALLOC_NEST_PARENT,
			    IOMMU_HWPT_DATA_NONE, NULL, 0, &id);
	test_err_destroy(EBUSY, vm->fd, vm->ioas);
	test_cmd_destroy(vm->fd, id);
	test_err_destroy(ENOENT, vm->fd, id);
	test_cmd_hwpt_alloc(vm->fd, dev, vm->ioas, 0, IOMMU_HWPT_DATA_NONE, NULL,
			    0, &id);
	test_cmd_destroy(vm->fd, id);
}

TEST_F(cmdqv, viommu_alloc)
{
	struct {
		struct iommu_viommu_tegra241_cmdqv data;
		u64 more;
	} buf = {};
	const u32 type = IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV;
	struct observer *unit = &self->board.unit;
	u32 plain, id, other, ids[128];
	struct iommu_viommu_alloc cmd;
	struct vm *vm = &self->vm;
	u32 dev = vm->dev.dev_id;
	struct vintf_state s;
	unsigned int n;
	void *ro;
	int rc;

	cmd = (struct iommu_viommu_alloc){
		.size = sizeof(cmd), .flags = 1, .type = type, .dev_id = dev,
		.hwpt_id = vm->s2, .data_len = sizeof(buf.data),
		.data_uptr = (uintptr_t)&buf,
	};
	test_err_ioctl(EOPNOTSUPP, vm->fd, IOMMU_VIOMMU_ALLOC, &cmd);
	test_err_viommu_alloc(EOPNOTSUPP, vm->fd, dev, vm->s2,
			      IOMMU_VIOMMU_TYPE_DEFAULT, NULL, 0, &id);
	test_err_viommu_alloc(EOPNOTSUPP, vm->fd, dev, vm->s2, 0xdead, &buf,
			      sizeof(buf.data), &id);
	test_err_viommu_alloc(ENOENT, vm->fd, 0, vm->s2, type, &buf,
			      sizeof(buf.data), &id);
	test_err_viommu_alloc(ENOENT, vm->fd, vm->ioas, vm->s2, type, &buf,
			      sizeof(buf.data), &id);
	/* The type is the device's matter, so it comes before the HWPT */
	test_err_viommu_alloc(EOPNOTSUPP, vm->fd, dev, 0, 0xdead, &buf,
			      sizeof(buf.data), &id);
	test_err_viommu_alloc(ENOENT, vm->fd, dev, 0, type, &buf,
			      sizeof(buf.data), &id);
	test_err_viommu_alloc(ENOENT, vm->fd, dev, vm->ioas, type, &buf,
			      sizeof(buf.data), &id);
	test_cmd_hwpt_alloc(vm->fd, dev, vm->ioas, 0, IOMMU_HWPT_DATA_NONE, NULL,
			    0, &plain);
	test_err_viommu_alloc(EINVAL, vm->fd, dev, plain, type, &buf,
			      sizeof(buf.data), &id);
	test_cmd_destroy(vm->fd, plain);
	test_err_viommu_alloc(EINVAL, vm->fd, dev, vm->s2, type, NULL, 0, &id);
	test_err_viommu_alloc(EINVAL, vm->fd, dev, vm->s2, type, &buf,
			      sizeof(buf.data) - 1, &id);
	buf.more = 1;
	test_err_viommu_alloc(E2BIG, vm->fd, dev, vm->s2, type, &buf, sizeof(buf),
			      &id);
	test_err_viommu_alloc(EFAULT, vm->fd, dev, vm->s2, type, bad_address(),
			      sizeof(buf.data), &id);
	ro = readonly_copy(&buf, sizeof(buf));
	ASSERT_NE(ro, NULL);
	test_err_viommu_alloc(EFAULT, vm->fd, dev, vm->s2, type, ro,
			      sizeof(buf.data), &id);
	readonly_free(ro);
	cmd = (struct iommu_viommu_alloc){
		.size = sizeof(cmd), .type = type, .dev_id = dev,
		.hwpt_id = vm->s2, .data_len = sizeof(buf.data),
		.data_uptr = (uintptr_t)&buf,
	};
	ro = readonly_copy(&cmd, sizeof(cmd));
	ASSERT_NE(ro, NULL);
	test_err_ioctl(EFAULT, vm->fd, IOMMU_VIOMMU_ALLOC, ro);
	readonly_free(ro);

	/* Plain nesting takes no VINTF */
	ASSERT_EQ(0, vm_add_viommu(vm, IOMMU_VIOMMU_TYPE_ARM_SMMUV3));
	EXPECT_TRUE(board_is_scrubbed(&self->board));
	test_err_destroy(EBUSY, vm->fd, vm->s2);
	test_cmd_destroy(vm->fd, vm->viommu);
	vm->viommu = 0;

	ASSERT_EQ(0, vm_add_viommu(vm, type));
	EXPECT_EQ(vm->window_size, 0x10000);
	EXPECT_NE(vm->window_offset, 0);
	EXPECT_EQ(vm->window_offset % GUEST_PAGE, 0);
	ASSERT_EQ(0, observer_vintf(unit, find_vintf(unit, vm), &s));
	EXPECT_TRUE(s.enabled);
	EXPECT_FALSE(s.hyp_own);
	EXPECT_NE(s.vmid, 0);
	EXPECT_EQ(s.lvcmdqs, 0);
	test_err_destroy(EBUSY, vm->fd, vm->s2);
	test_err_destroy(EBUSY, vm->fd, vm->viommu);
	ASSERT_EQ(0, vm_unmap_window(vm));
	other = vm->viommu;
	vm->viommu = 0;
	test_cmd_destroy(vm->fd, other);
	test_err_destroy(ENOENT, vm->fd, other);

	/* Until there are no more; all come back */
	ASSERT_EQ(0, set_vintfs_per_device(0));
	for (int round = 0; round < 2; round++) {
		unsigned int first = round ? n : 0;

		for (n = 0; n < 128; n++) {
			rc = iommufd_viommu_alloc(vm->fd, dev, vm->s2, type,
						  &buf.data, sizeof(buf.data),
						  &ids[n]);
			if (rc)
				break;
		}
		EXPECT_EQ(rc, -ENOSPC);
		EXPECT_GT(n, 0);
		if (round)
			EXPECT_EQ(n, first);
		test_err_viommu_alloc(ENOSPC, vm->fd, dev, vm->s2, type, &buf.data,
				      sizeof(buf.data), &id);
		for (unsigned int i = 0; i < n; i++)
			test_cmd_destroy(vm->fd, ids[i]);
		EXPECT_TRUE(board_is_scrubbed(&self->board));
	}
}

TEST_F(cmdqv, hwpt_alloc_on_viommu)
{
	/* Fields of a guest: hardware.md of the STE, uapi.md 2 */
	const u64 allowed[2] = { 0xf80fffffffffffffULL, 0x380000ffULL };
	struct {
		struct iommu_hwpt_arm_smmuv3 ste;
		u64 more;
	} buf = { .ste.ste = { STE0_V } };
	const u32 type = IOMMU_HWPT_DATA_ARM_SMMUV3;
	struct observer *unit = &self->board.unit;
	struct iommu_hwpt_alloc cmd;
	struct vm *vm = &self->vm;
	u32 dev = vm->dev.dev_id, vi, id;
	void *ro;

	ASSERT_EQ(0, vm_add_viommu(vm, IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV));
	vi = vm->viommu;

	test_err_hwpt_alloc(EOPNOTSUPP, vm->fd, dev, vi,
			    IOMMU_HWPT_ALLOC_NEST_PARENT, type, &buf,
			    sizeof(buf.ste), &id);
	test_err_hwpt_alloc(EOPNOTSUPP, vm->fd, dev, vi,
			    IOMMU_HWPT_ALLOC_DIRTY_TRACKING, type, &buf,
			    sizeof(buf.ste), &id);
	test_err_hwpt_alloc(EOPNOTSUPP, vm->fd, dev, vi, IOMMU_HWPT_ALLOC_PASID,
			    type, &buf, sizeof(buf.ste), &id);
	test_err_hwpt_alloc(EOPNOTSUPP, vm->fd, dev, vi, 1u << 31, type, &buf,
			    sizeof(buf.ste), &id);
	test_err_hwpt_alloc(EOPNOTSUPP, vm->fd, dev, vi, 0, IOMMU_HWPT_DATA_NONE,
			    NULL, 0, &id);
	test_err_hwpt_alloc(EINVAL, vm->fd, dev, vi, 0, IOMMU_HWPT_DATA_VTD_S1,
			    &buf, sizeof(buf.ste), &id);
	test_err_hwpt_alloc(EINVAL, vm->fd, dev, vi, 0, type, &buf,
			    sizeof(buf.ste) - 1, &id);
	buf.more = 1ULL << 63;
	test_err_hwpt_alloc(E2BIG, vm->fd, dev, vi, 0, type, &buf, sizeof(buf),
			    &id);
	buf.more = 0;
	test_err_hwpt_alloc(EFAULT, vm->fd, dev, vi, 0, type, bad_address(),
			    sizeof(buf.ste), &id);
	cmd = (struct iommu_hwpt_alloc){
		.size = sizeof(cmd), .dev_id = dev, .pt_id = vi,
		.flags = IOMMU_HWPT_FAULT_ID_VALID, .data_type = type,
		.data_len = sizeof(buf.ste), .data_uptr = (uintptr_t)&buf,
		.fault_id = UINT32_MAX,
	};
	test_err_ioctl(ENOENT, vm->fd, IOMMU_HWPT_ALLOC, &cmd);
	cmd.flags = 0;
	cmd.fault_id = 0;
	ro = readonly_copy(&cmd, sizeof(cmd));
	ASSERT_NE(ro, NULL);
	test_err_ioctl(EFAULT, vm->fd, IOMMU_HWPT_ALLOC, ro);
	readonly_free(ro);

	/* Every bit that is not a guest's field, alone */
	for (int w = 0; w < 2; w++) {
		for (int bit = 0; bit < 64; bit++) {
			if (allowed[w] >> bit & 1)
				continue;
			buf.ste.ste[0] = STE0_V | STE0_CFG_BYPASS;
			buf.ste.ste[1] = 0;
			buf.ste.ste[w] |= 1ULL << bit;
			EXPECT_EQ(-EIO, iommufd_hwpt_alloc(vm->fd, dev, vi, 0,
							   type, &buf,
							   sizeof(buf.ste), &id))
				TH_LOG("word %d bit %d", w, bit);
		}
	}
	buf.ste.ste[1] = 0;
	for (u64 config = 0; config < 8; config++) {
		buf.ste.ste[0] = STE0_V | config << 1;
		if (config == 0 || config == 4 || config == 5) {
			test_cmd_hwpt_alloc(vm->fd, dev, vi, 0, type, &buf,
					    sizeof(buf.ste), &id);
			test_err_destroy(EBUSY, vm->fd, vi);
			test_cmd_destroy(vm->fd, id);
			continue;
		}
		test_err_hwpt_alloc(EIO, vm->fd, dev, vi, 0, type, &buf,
				    sizeof(buf.ste), &id);
	}
	for (u64 eats = 0; eats < 4; eats++) {
		buf.ste.ste[0] = STE0_V | STE0_CFG_S1;
		buf.ste.ste[1] = eats << 28;
		if (eats > 1) {
			test_err_hwpt_alloc(EIO, vm->fd, dev, vi, 0, type, &buf,
					    sizeof(buf.ste), &id);
			continue;
		}
		test_cmd_hwpt_alloc(vm->fd, dev, vi, 0, type, &buf,
				    sizeof(buf.ste), &id);
		test_cmd_destroy(vm->fd, id);
	}
	/* Not valid: the rest is the guest's business. Longer, but zero: fine. */
	buf.ste.ste[0] = ~1ULL;
	buf.ste.ste[1] = ~0ULL;
	test_cmd_hwpt_alloc(vm->fd, dev, vi, 0, type, &buf, sizeof(buf), &id);
	test_cmd_destroy(vm->fd, id);
}

/* A nested HWPT holds the fault queue that it names. */
TEST_F(cmdqv, hwpt_with_fault_queue)
{
	struct iommu_fault_alloc fault = { .size = sizeof(fault) };
	struct iommu_hwpt_arm_smmuv3 ste = { .ste = { STE0_V } };
	struct observer *unit = &self->board.unit;
	struct iommu_hwpt_alloc cmd;
	struct vm *vm = &self->vm;

	ASSERT_EQ(0, vm_add_viommu(vm, IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV));
	ASSERT_EQ(0, iommufd_ioctl(vm->fd, IOMMU_FAULT_QUEUE_ALLOC, &fault));
	cmd = (struct iommu_hwpt_alloc){
		.size = sizeof(cmd), .dev_id = vm->dev.dev_id,
		.pt_id = vm->viommu, .flags = IOMMU_HWPT_FAULT_ID_VALID,
		.data_type = IOMMU_HWPT_DATA_ARM_SMMUV3,
		.data_len = sizeof(ste), .data_uptr = (uintptr_t)&ste,
		.fault_id = vm->ioas,
	};
	test_err_ioctl(ENOENT, vm->fd, IOMMU_HWPT_ALLOC, &cmd);
	cmd.fault_id = fault.out_fault_id;
	ASSERT_EQ(0, iommufd_ioctl(vm->fd, IOMMU_HWPT_ALLOC, &cmd));
	test_err_destroy(EBUSY, vm->fd, fault.out_fault_id);
	close(fault.out_fault_fd);
	test_err_destroy(EBUSY, vm->fd, fault.out_fault_id);
	test_cmd_destroy(vm->fd, cmd.out_hwpt_id);
	test_cmd_destroy(vm->fd, fault.out_fault_id);
}

TEST_F(cmdqv, attach)
{
	struct observer *unit = &self->board.unit;
	struct vm *vm = &self->vm, other;
	struct iommu_hwpt_arm_smmuv3 d = {};
	u32 dev, abort, bypass, s1;
	u64 ste[2], src, dst;

	ASSERT_EQ(0, vm_add_viommu(vm, IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV));
	dev = vm->dev.dev_id;
	ste_abort(ste);
	d.ste[0] = ste[0];
	test_cmd_hwpt_alloc(vm->fd, dev, vm->viommu, 0,
			    IOMMU_HWPT_DATA_ARM_SMMUV3, &d, sizeof(d), &abort);
	ste_bypass(ste);
	d.ste[0] = ste[0];
	test_cmd_hwpt_alloc(vm->fd, dev, vm->viommu, 0,
			    IOMMU_HWPT_DATA_ARM_SMMUV3, &d, sizeof(d), &bypass);
	ASSERT_EQ(0, stage1_init(&vm->s1, &vm->ram, ASID));
	stage1_ste(&vm->s1, ste);
	d.ste[0] = ste[0];
	d.ste[1] = ste[1];
	test_cmd_hwpt_alloc(vm->fd, dev, vm->viommu, 0,
			    IOMMU_HWPT_DATA_ARM_SMMUV3, &d, sizeof(d), &s1);

	test_err_attach(ENOENT, &vm->dev, 0);
	/* A guest's SMMU begins without stage 1: no vDEVICE needed so far */
	test_err_attach(ENOENT, &vm->dev, s1);
	test_cmd_attach(&vm->dev, abort);
	test_err_destroy(EBUSY, vm->fd, abort);
	test_err_attach(ENOENT, &vm->dev, s1);
	test_cmd_attach(&vm->dev, bypass);
	test_cmd_destroy(vm->fd, abort);

	/* Bypass: the device uses guest physical addresses */
	src = guestmem_alloc(&vm->ram, GUEST_PAGE, GUEST_PAGE);
	dst = guestmem_alloc(&vm->ram, GUEST_PAGE, GUEST_PAGE);
	memset(page_at(vm, src), 'b', GUEST_PAGE);
	ASSERT_EQ(0, edu_load(&vm->dev, src, 256));
	ASSERT_EQ(0, edu_store(&vm->dev, dst, 256));
	EXPECT_EQ(memcmp(page_at(vm, src), page_at(vm, dst), 256), 0);

	ASSERT_EQ(0, vm_add_vdevice(vm, VSID));
	test_cmd_attach(&vm->dev, s1);
	test_err_destroy(EBUSY, vm->fd, s1);
	ASSERT_EQ(0, stage1_map(&vm->s1, IOVA, dst));
	memset(page_at(vm, dst), 0, 256);
	ASSERT_EQ(0, edu_store(&vm->dev, IOVA, 256));
	EXPECT_EQ(memcmp(page_at(vm, src), page_at(vm, dst), 256), 0);

	/* Another VM's HWPT is not even found */
	ASSERT_EQ(0, vm_open(&other, "B", self->board.bdf[1]));
	test_err_attach(ENOENT, &other.dev, UINT32_MAX);
	EXPECT_EQ(0, vm_close(&other));

	test_cmd_attach(&vm->dev, vm->s2);
	test_cmd_destroy(vm->fd, s1);
	test_cmd_destroy(vm->fd, bypass);
}

TEST_F(cmdqv, vdevice_alloc)
{
	struct observer *unit = &self->board.unit;
	struct vm *vm = &self->vm;
	u32 dev = vm->dev.dev_id, id, id2;
	struct iommu_vdevice_alloc cmd;
	const char *r;
	void *ro;

	ASSERT_EQ(0, vm_add_viommu(vm, IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV));
	test_err_vdevice_alloc(ENOENT, vm->fd, 0, dev, VSID, &id);
	test_err_vdevice_alloc(ENOENT, vm->fd, vm->s2, dev, VSID, &id);
	test_err_vdevice_alloc(ENOENT, vm->fd, vm->viommu, 0, VSID, &id);
	test_err_vdevice_alloc(ENOENT, vm->fd, vm->viommu, vm->ioas, VSID, &id);
	test_err_vdevice_alloc(EINVAL, vm->fd, vm->viommu, dev, 1u << 20, &id);
	test_err_vdevice_alloc(EINVAL, vm->fd, vm->viommu, dev,
			       (1ULL << 32) + VSID, &id);
	cmd = (struct iommu_vdevice_alloc){
		.size = sizeof(cmd), .viommu_id = vm->viommu, .dev_id = dev,
		.virt_id = VSID,
	};
	ro = readonly_copy(&cmd, sizeof(cmd));
	ASSERT_NE(ro, NULL);
	test_err_ioctl(EFAULT, vm->fd, IOMMU_VDEVICE_ALLOC, ro);
	readonly_free(ro);

	/* The largest StreamID that a slot can hold */
	test_cmd_vdevice_alloc(vm->fd, vm->viommu, dev, (1u << 20) - 1, &id);
	r = record_find(observer_run(unit, "state"), "sid");
	while (r && !record_value(r, "match"))
		r = record_find(record_next(r), "sid");
	ASSERT_NE(r, NULL);
	EXPECT_EQ(record_value(r, "virt_sid"), (1u << 20) - 1);
	EXPECT_EQ(record_value(r, "phys_sid"), vm->dev.sid);
	test_err_vdevice_alloc(EEXIST, vm->fd, vm->viommu, dev, VSID, &id2);
	test_err_vdevice_alloc(EEXIST, vm->fd, vm->viommu, dev, (1u << 20) - 1,
			       &id2);
	test_err_destroy(EBUSY, vm->fd, vm->viommu);
	test_cmd_destroy(vm->fd, id);
	test_err_destroy(ENOENT, vm->fd, id);
	EXPECT_EQ(state_records(unit, "sid"), 0);
}

TEST_F(cmdqv, hw_queue_alloc)
{
	const u32 type = IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV;
	const u64 twice = 0x80000000, ro_mem = 0x90000000;
	struct observer *unit = &self->board.unit;
	struct iommu_hw_queue_alloc cmd;
	struct vm *vm = &self->vm;
	u32 plain, id, q[128];
	u64 page;
	unsigned int i;
	void *ro;

	ASSERT_EQ(0, vm_add_viommu(vm, IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV));
	page = guestmem_alloc(&vm->ram, GUEST_PAGE, GUEST_PAGE);
	ASSERT_NE(page, 0);
	test_cmd_ioas_map(vm->fd, vm->ioas, page_at(vm, page), GUEST_PAGE, twice,
			  true);
	test_cmd_ioas_map(vm->fd, vm->ioas, page_at(vm, page), GUEST_PAGE,
			  twice + GUEST_PAGE, true);

	cmd = (struct iommu_hw_queue_alloc){
		.size = sizeof(cmd), .flags = 1, .viommu_id = vm->viommu,
		.type = type, .nesting_parent_iova = page, .length = GUEST_PAGE,
	};
	test_err_ioctl(EOPNOTSUPP, vm->fd, IOMMU_HW_QUEUE_ALLOC, &cmd);
	cmd.flags = 0;
	cmd.type = IOMMU_HW_QUEUE_TYPE_DEFAULT;
	test_err_ioctl(EOPNOTSUPP, vm->fd, IOMMU_HW_QUEUE_ALLOC, &cmd);
	cmd.type = 0xdead;
	test_err_ioctl(EOPNOTSUPP, vm->fd, IOMMU_HW_QUEUE_ALLOC, &cmd);
	test_err_hw_queue_alloc(EINVAL, vm, 0, page, 0, &id);
	test_err_hw_queue_alloc(EOVERFLOW, vm, 0, ~0ULL, 2, &id);
	test_err_hw_queue_alloc(EOVERFLOW, vm, 0, page, ~0ULL, &id);
	cmd.type = type;
	cmd.viommu_id = 0;
	test_err_ioctl(ENOENT, vm->fd, IOMMU_HW_QUEUE_ALLOC, &cmd);
	cmd.viommu_id = vm->s2;
	test_err_ioctl(ENOENT, vm->fd, IOMMU_HW_QUEUE_ALLOC, &cmd);
	test_cmd_viommu_alloc(vm->fd, vm->dev.dev_id, vm->s2,
			      IOMMU_VIOMMU_TYPE_ARM_SMMUV3, NULL, 0, &plain);
	cmd.viommu_id = plain;
	test_err_ioctl(EOPNOTSUPP, vm->fd, IOMMU_HW_QUEUE_ALLOC, &cmd);
	test_cmd_destroy(vm->fd, plain);

	/* The length alone: no power of two, less than two entries, too large */
	test_err_hw_queue_alloc(EINVAL, vm, 0, page, 3000, &id);
	test_err_hw_queue_alloc(EINVAL, vm, 0, page, 16, &id);
	test_err_hw_queue_alloc(EINVAL, vm, 0, page, 1, &id);
	test_err_hw_queue_alloc(EINVAL, vm, 0, 0, 32ULL << self->cmdqs, &id);
	/* Memory */
	test_err_hw_queue_alloc(ENOENT, vm, 0, 0x1000, GUEST_PAGE, &id);
	test_err_hw_queue_alloc(ENOENT, vm, 0, twice + GUEST_PAGE,
				2 * GUEST_PAGE, &id);
	test_err_hw_queue_alloc(EFAULT, vm, 0, twice, 2 * GUEST_PAGE, &id);
	/* A queue begins at a multiple of its length, in physical memory */
	test_err_hw_queue_alloc(EINVAL, vm, 0, page + 1024, 2048, &id);
	test_err_hw_queue_alloc(EINVAL, vm, 0, page + 8, 32, &id);
	/* Order */
	test_err_hw_queue_alloc(EINVAL, vm, self->queues, page, GUEST_PAGE, &id);
	test_err_hw_queue_alloc(EINVAL, vm, UINT32_MAX, page, GUEST_PAGE, &id);
	test_err_hw_queue_alloc(EIO, vm, 1, page, GUEST_PAGE, &id);
	cmd.viommu_id = vm->viommu;
	ro = readonly_copy(&cmd, sizeof(cmd));
	ASSERT_NE(ro, NULL);
	test_err_ioctl(EFAULT, vm->fd, IOMMU_HW_QUEUE_ALLOC, ro);
	readonly_free(ro);

	/* Memory that only the host may write is fine for a reader */
	test_cmd_ioas_map(vm->fd, vm->ioas, page_at(vm, page), GUEST_PAGE, ro_mem,
			  false);
	test_cmd_hw_queue_alloc(vm, 0, ro_mem, GUEST_PAGE, &id);
	test_cmd_destroy(vm->fd, id);
	test_cmd_ioas_unmap(vm->fd, vm->ioas, ro_mem, GUEST_PAGE);

	/* The smallest, inside a page; then all that there are, two in a page */
	test_cmd_hw_queue_alloc(vm, 0, page + 96, 32, &id);
	test_cmd_destroy(vm->fd, id);
	ASSERT_LE(self->queues, 128);
	for (i = 0; i < self->queues; i++) {
		test_cmd_hw_queue_alloc(vm, i, page + i % 2 * 2048, 2048, &q[i]);
		test_err_hw_queue_alloc(EEXIST, vm, i, page, 2048, &id);
	}
	test_err_ioas_unmap(EBUSY, vm->fd, vm->ioas, vm->ram.ipa, vm->ram.size);
	test_err_ioas_unmap(EBUSY, vm->fd, vm->ioas, 0, UINT64_MAX);
	test_err_destroy(EBUSY, vm->fd, vm->viommu);
	for (i = 0; i + 1 < self->queues; i++)
		test_err_destroy(EBUSY, vm->fd, q[i]);
	/* What is not under a queue can go */
	test_cmd_ioas_unmap(vm->fd, vm->ioas, twice, 2 * GUEST_PAGE);
	while (i)
		test_cmd_destroy(vm->fd, q[i--]);
	test_cmd_destroy(vm->fd, q[0]);
	test_err_destroy(ENOENT, vm->fd, q[0]);
}

TEST_F(cmdqv, hw_queue_of_many_pages)
{
	const u64 huge_ipa = 0x40000000;
	struct observer *unit = &self->board.unit;
	struct guestmem huge = {};
	struct vm *vm = &self->vm;
	struct smmu_cmd cmd;
	struct vcmdq q;
	u32 id;
	int i;

	if (guestmem_reserve_huge(2) ||
	    guestmem_init(&huge, huge_ipa, HUGE_PAGE, true))
		SKIP(return, "no huge pages of 2 MiB");
	ASSERT_EQ(0, vm_add_viommu(vm, IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV));
	test_cmd_ioas_map(vm->fd, vm->ioas, huge.va, HUGE_PAGE, huge_ipa, true);
	test_err_hw_queue_alloc(EINVAL, vm, 0, huge_ipa + GUEST_PAGE,
				2 * GUEST_PAGE, &id);
	test_err_hw_queue_alloc(ENOENT, vm, 0, huge_ipa, 2 * HUGE_PAGE, &id);
	if (self->cmdqs < 17)
		SKIP(goto out, "queues of 2 MiB are too large for this SMMU");
	test_cmd_hw_queue_alloc(vm, 0, huge_ipa, HUGE_PAGE, &id);
	vcmdq_init(&q, vm->window, 0, huge.va, 17);
	ASSERT_EQ(0, vcmdq_enable(&q));
	/* The last entries, and over the edge */
	q.prod = (1u << 17) - 2;
	vcmdq_write(&q, VCMDQ_CONFIG, 0);
	vcmdq_write(&q, VCMDQ_PROD, q.prod);
	vcmdq_write(&q, VCMDQ_CONS, q.prod);
	vcmdq_write(&q, VCMDQ_CONFIG, VCMDQ_EN);
	for (i = 0; i < 4; i++) {
		cmd = cmd_tlbi_nh_va(ASID, IOVA);
		EXPECT_EQ(0, vcmdq_issue(&q, &cmd, 1));
	}
	EXPECT_EQ(vcmdq_read(&q, VCMDQ_CONS), (1u << 17) + 6);
	EXPECT_EQ(0, vcmdq_disable(&q));
	test_cmd_destroy(vm->fd, id);
out:
	test_cmd_ioas_unmap(vm->fd, vm->ioas, huge_ipa, HUGE_PAGE);
	guestmem_free(&huge);
}

TEST_F(cmdqv, mmap_window)
{
	const int rw = PROT_READ | PROT_WRITE;
	struct observer *unit = &self->board.unit;
	struct vm *vm = &self->vm;
	u64 off, len;
	int other;

	ASSERT_EQ(0, vm_add_viommu(vm, IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV));
	off = vm->window_offset;
	len = vm->window_size;
	test_err_mmap(EINVAL, vm->fd, off, len, rw, MAP_PRIVATE);
	test_err_mmap(EPERM, vm->fd, off, len, rw | PROT_EXEC, MAP_SHARED);
	test_err_mmap(ENXIO, vm->fd, 0, len, rw, MAP_SHARED);
	test_err_mmap(ENXIO, vm->fd, 0, GUEST_PAGE, rw, MAP_SHARED);
	test_err_mmap(ENXIO, vm->fd, off + GUEST_PAGE, len, rw, MAP_SHARED);
	test_err_mmap(ENXIO, vm->fd, off + GUEST_PAGE, len - GUEST_PAGE, rw,
		      MAP_SHARED);
	test_err_mmap(ENXIO, vm->fd, off, len / 2, rw, MAP_SHARED);
	test_err_mmap(ENXIO, vm->fd, off, GUEST_PAGE, rw, MAP_SHARED);
	test_err_mmap(ENXIO, vm->fd, off, len * 2, rw, MAP_SHARED);
	test_err_mmap(ENXIO, vm->fd, off + len, len, rw, MAP_SHARED);
	test_cmd_mmap(vm->fd, off, len, rw, MAP_SHARED);
	test_cmd_mmap(vm->fd, off, len, PROT_READ, MAP_SHARED);
	/* Another iommufd has no such window */
	other = iommufd_open();
	ASSERT_GE(other, 0);
	test_err_mmap(ENXIO, other, off, len, rw, MAP_SHARED);
	close(other);

	/* Parts of a mapping hold the vIOMMU until the last one is gone */
	ASSERT_EQ(0, munmap(vm->window + GUEST_PAGE, GUEST_PAGE));
	test_err_destroy(EBUSY, vm->fd, vm->viommu);
	ASSERT_EQ(0, munmap(vm->window, GUEST_PAGE));
	test_err_destroy(EBUSY, vm->fd, vm->viommu);
	ASSERT_EQ(0, munmap(vm->window + 2 * GUEST_PAGE,
			    len - 2 * GUEST_PAGE));
	vm->window = NULL;
	test_cmd_destroy(vm->fd, vm->viommu);
	vm->viommu = 0;
	test_err_mmap(ENXIO, vm->fd, off, len, rw, MAP_SHARED);
}

/*
 * The window is for the CPU. Who could map it for DMA would reach it for longer than
 * the VM has it: neither kind of VFIO container takes it, before its pages have been
 * touched or after.
 */
TEST_F(cmdqv, mmap_is_not_for_dma)
{
	struct vm *vm = &self->vm;
	int container, group;
	void *page;
	u64 iova;

	ASSERT_EQ(0, vm_add_viommu(vm, IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV));
	container = vfio_type1_open(self->board.bdf[1], &group);
	if (container == -ENOENT)
		SKIP(return, "this kernel has no VFIO type 1 container");
	ASSERT_GE(container, 0);
	/* It works with memory */
	page = mmap(NULL, GUEST_PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, vfio_type1_map(container, page, 0, GUEST_PAGE));

	iova = vm->window_size;
	EXPECT_EQ(-EFAULT, vfio_type1_map(container, vm->window, iova,
					  vm->window_size));
	mmio_read32(vm->window, 0);
	EXPECT_EQ(-EFAULT, vfio_type1_map(container, vm->window, iova,
					  vm->window_size));
	EXPECT_EQ(-EFAULT, vfio_type1_map(container, vm->window, iova,
					  GUEST_PAGE));
	EXPECT_EQ(-EFAULT, iommufd_ioas_map(vm->fd, vm->ioas, vm->window,
					    vm->window_size, 1ULL << 40, true));
	munmap(page, GUEST_PAGE);
	close(container);
	close(group);
}

/* What can be done to a mapping, by accident or not: it works on or is gone. */
TEST_F(cmdqv, mmap_odd_operations)
{
	struct observer *unit = &self->board.unit;
	struct vm *vm = &self->vm;
	struct smmu_cmd cmd = cmd_tlbi_nh_va(ASID, IOVA);
	void *from, *to;
	u64 len;
	int status;
	pid_t pid;

	ASSERT_EQ(0, vm_set_up(vm, VSID, ASID));
	from = vm->window;
	len = vm->window_size;
	EXPECT_EQ(MAP_FAILED, mremap(from, len, 2 * len, MREMAP_MAYMOVE));
	EXPECT_EQ(MAP_FAILED, mremap(from, len, len + GUEST_PAGE, 0));
	EXPECT_EQ(MAP_FAILED, mremap(from, 0, len, MREMAP_MAYMOVE));
	EXPECT_EQ(-1, madvise(from, len, MADV_REMOVE));
	/* Takes the pages away; they come back */
	EXPECT_EQ(0, madvise(from, len, MADV_DONTNEED));
	EXPECT_EQ(0, vcmdq_issue(&vm->q[0], &cmd, 1));

	/* Moved: the registers are at the new place */
	to = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, to);
	ASSERT_EQ(to, mremap(from, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to));
	vm->window = to;
	vm->q[0].regs = to;
	EXPECT_EQ(0, vcmdq_issue(&vm->q[0], &cmd, 1));

	/* fork(): the copy alone holds the vIOMMU */
	ASSERT_EQ(0, vm_drop_queue(vm));
	ASSERT_EQ(0, vm_drop_stage1(vm));
	test_cmd_destroy(vm->fd, vm->vdevice);
	vm->vdevice = 0;
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		pause();
		_exit(0);
	}
	ASSERT_EQ(0, vm_unmap_window(vm));
	test_err_destroy(EBUSY, vm->fd, vm->viommu);
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	test_cmd_destroy(vm->fd, vm->viommu);
	vm->viommu = 0;
}

TEST_F(cmdqv, invalidate)
{
	const u32 type = IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3;
	struct {
		struct smmu_cmd cmd;
		u64 more;
	} buf[2] = { { .cmd = { { CMD_TLBI_NSNH_ALL } } } };
	struct observer *unit = &self->board.unit;
	struct iommu_hwpt_invalidate cmd;
	struct vm *vm = &self->vm;
	struct pages p;
	u32 n;

	ASSERT_EQ(0, vm_add_viommu(vm, IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV));
	ASSERT_EQ(0, vm_add_vdevice(vm, VSID));
	ASSERT_EQ(0, vm_add_stage1(vm, ASID));
	ASSERT_EQ(0, pages_init(&p, vm, IOVA));

#define test_err_invalidate(_errno, _id, _type, _data, _len, _num, _done)	\
	do {									\
		n = _num;							\
		test_refused(_errno, iommufd_hwpt_invalidate(vm->fd, _id, _type, \
			     _data, _len, &n));					\
		EXPECT_EQ(n, _done);						\
	} while (0)
	cmd = (struct iommu_hwpt_invalidate){
		.size = sizeof(cmd), .hwpt_id = vm->viommu, .data_type = type,
		.data_uptr = (uintptr_t)buf, .entry_len = 16, .entry_num = 1,
		.__reserved = 1,
	};
	test_err_ioctl(EOPNOTSUPP, vm->fd, IOMMU_HWPT_INVALIDATE, &cmd);
	EXPECT_EQ(cmd.entry_num, 0);
	test_err_invalidate(EINVAL, vm->viommu, type, NULL, 16, 1, 0);
	test_err_invalidate(EINVAL, vm->viommu, type, buf, 0, 1, 0);
	test_err_invalidate(EINVAL, vm->viommu, type, buf, 4097, 1, 0);
	test_err_invalidate(EINVAL, vm->viommu, type, buf, 16, (1 << 19) + 1, 0);
	test_err_invalidate(ENOENT, 0, type, buf, 16, 1, 0);
	test_err_invalidate(EINVAL, vm->ioas, type, buf, 16, 1, 0);
	test_err_invalidate(EINVAL, vm->s2, type, buf, 16, 1, 0);
	test_err_invalidate(EOPNOTSUPP, vm->nested, type, buf, 16, 1, 0);
	test_err_invalidate(EINVAL, vm->viommu, 0, buf, 16, 1, 0);
	test_err_invalidate(EINVAL, vm->viommu, 0xdead, buf, 16, 1, 0);
	test_err_invalidate(EFAULT, vm->viommu, type, bad_address(), 16, 1, 0);
	buf[0].more = 1;
	test_err_invalidate(E2BIG, vm->viommu, type, buf, 24, 1, 0);
	buf[0].more = 0;

	/* A probe of the type, with nothing to do */
	n = 0;
	EXPECT_EQ(0, iommufd_hwpt_invalidate(vm->fd, vm->viommu, type, NULL, 0,
					     &n));
	n = 0;
	EXPECT_EQ(-EINVAL, iommufd_hwpt_invalidate(vm->fd, vm->viommu, 0xdead,
						   NULL, 0, &n));

	/* Each opcode: which may, which may not */
	for (unsigned int op = 0; op < 256; op++) {
		buf[0].cmd = cmd_op(op);
		if (op == CMD_CFGI_CD || op == CMD_CFGI_CD_ALL ||
		    op == CMD_ATC_INV) {
			buf[0].cmd = cmd_sid(op, VSID + 1);
			test_err_invalidate(EIO, vm->viommu, type, buf, 16, 1, 0);
			buf[0].cmd = cmd_sid(op, vm->dev.sid);
			if (vm->dev.sid != VSID)
				test_err_invalidate(EIO, vm->viommu, type, buf,
						    16, 1, 0);
			buf[0].cmd = cmd_sid(op, VSID);
		} else if (op != CMD_TLBI_NSNH_ALL &&
			   (op < CMD_TLBI_NH_ALL || op > CMD_TLBI_NH_VAA)) {
			n = 1;
			EXPECT_EQ(-EIO, _test_cmd_invalidate(vm, &buf[0].cmd, &n))
				TH_LOG("opcode 0x%x", op);
			EXPECT_EQ(n, 0);
			continue;
		}
		n = 1;
		EXPECT_EQ(0, _test_cmd_invalidate(vm, &buf[0].cmd, &n))
			TH_LOG("opcode 0x%x", op);
		EXPECT_EQ(n, 1);
	}

	/* And they do what they say: by address, ASID, all */
	for (unsigned int op = CMD_TLBI_NH_ALL; op <= CMD_TLBI_NSNH_ALL; op++) {
		if (op > CMD_TLBI_NH_VAA && op < CMD_TLBI_NSNH_ALL)
			continue;
		buf[0].cmd = cmd_tlbi_nh_va(ASID, IOVA);
		n = 1;
		ASSERT_EQ(0, _test_cmd_invalidate(vm, &buf[0].cmd, &n));
		ASSERT_EQ(pages_make_stale(&p), OLD);
		EXPECT_EQ(pages_probe(&p), OLD);
		buf[0].cmd = cmd_tlbi_nh_va(ASID, IOVA);
		buf[0].cmd.w[0] = (buf[0].cmd.w[0] & ~0xffULL) | op;
		/* A VMID that is not the guest's own makes no difference */
		buf[0].cmd = cmd_with_vmid(buf[0].cmd, 0xffff);
		/* Requests longer than the kernel's are fine if zero there */
		n = 1;
		EXPECT_EQ(0, iommufd_hwpt_invalidate(vm->fd, vm->viommu, type, buf,
						     24, &n));
		EXPECT_EQ(n, 1);
		EXPECT_EQ(pages_probe(&p), NEW)
			TH_LOG("opcode 0x%x", op);
	}
}

TEST_F(cmdqv, vdevice_goes_with_its_device)
{
	struct observer *unit = &self->board.unit;
	struct vm *vm = &self->vm;
	u32 id, again;

	ASSERT_EQ(0, vm_add_viommu(vm, IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV));
	ASSERT_EQ(0, vm_add_vdevice(vm, VSID));
	id = vm->vdevice;
	vm->vdevice = 0;
	/* Closing the device is never refused */
	vfio_close(&vm->dev);
	EXPECT_EQ(state_records(unit, "sid"), 0);
	test_err_destroy(ENOENT, vm->fd, id);
	/* The id is not used again while this iommufd is open */
	for (int i = 0; i < 8; i++) {
		ASSERT_EQ(0, iommufd_ioas_alloc(vm->fd, &again));
		EXPECT_NE(again, id);
	}
	test_err_destroy(ENOENT, vm->fd, id);
	/* vm_close() destroys the rest, and finds no vDEVICE in the way */
}

TEST_F(cmdqv, destroy_in_order)
{
	struct observer *unit = &self->board.unit;
	struct vm *vm = &self->vm;

	ASSERT_EQ(0, vm_set_up(vm, VSID, ASID));
	test_err_destroy(ENOENT, vm->fd, 0);
	test_err_destroy(ENOENT, vm->fd, UINT32_MAX);
	test_err_destroy(EBUSY, vm->fd, vm->ioas);
	test_err_destroy(EBUSY, vm->fd, vm->s2);
	test_err_destroy(EBUSY, vm->fd, vm->viommu);
	test_err_destroy(EBUSY, vm->fd, vm->nested);
	ASSERT_EQ(0, vm_drop_stage1(vm));
	test_err_destroy(EBUSY, vm->fd, vm->viommu);
	test_cmd_destroy(vm->fd, vm->vdevice);
	vm->vdevice = 0;
	test_err_destroy(EBUSY, vm->fd, vm->viommu);
	/* Enabled by the guest or not: the queue goes when the VMM says so */
	ASSERT_EQ(0, vm_drop_queue(vm));
	test_err_destroy(EBUSY, vm->fd, vm->viommu);
	ASSERT_EQ(0, vm_unmap_window(vm));
	test_cmd_destroy(vm->fd, vm->viommu);
	vm->viommu = 0;
	test_err_destroy(EBUSY, vm->fd, vm->s2);
}

TEST_HARNESS_MAIN
