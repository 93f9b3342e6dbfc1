// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The published user ABI of iommufd's virtual IOMMU, as numbers.
 *
 * Compiles if and only if <linux/iommufd.h> keeps to it. Nothing in here is taken
 * from the header under test: each number is the contract's, so that a slip of
 * the header cannot hide in both. What 6.12 has already is compared with 6.12's
 * own header by abi-check.
 */
#include <stddef.h>
#include <linux/iommufd.h>

#define SIZE(type, bytes)						\
	_Static_assert(sizeof(struct type) == (bytes), "size of " #type)

/* Offset and size of a member */
#define AT(type, member, off, bytes)					\
	_Static_assert(offsetof(struct type, member) == (off) &&	\
		       sizeof(((struct type *)0)->member) == (bytes),	\
		       "place of " #type "." #member)

#define VALUE(name, number)						\
	_Static_assert((name) == (number), "value of " #name)

/* _IO(';', nr): no size and no direction in the command word */
#define COMMAND(name, nr)						\
	VALUE(IOMMUFD_CMD_##name, nr);					\
	VALUE(IOMMU_##name, 0x3b00 | (nr))

VALUE(IOMMUFD_CMD_BASE, 0x80);
COMMAND(HWPT_ALLOC, 0x89);
COMMAND(GET_HW_INFO, 0x8a);
COMMAND(HWPT_INVALIDATE, 0x8d);
COMMAND(IOAS_MAP_FILE, 0x8f);
COMMAND(VIOMMU_ALLOC, 0x90);
COMMAND(VDEVICE_ALLOC, 0x91);
COMMAND(IOAS_CHANGE_PROCESS, 0x92);
COMMAND(VEVENTQ_ALLOC, 0x93);
COMMAND(HW_QUEUE_ALLOC, 0x94);

SIZE(iommu_hw_info, 40);
AT(iommu_hw_info, size, 0, 4);
AT(iommu_hw_info, flags, 4, 4);
AT(iommu_hw_info, dev_id, 8, 4);
AT(iommu_hw_info, data_len, 12, 4);
AT(iommu_hw_info, data_uptr, 16, 8);
AT(iommu_hw_info, in_data_type, 24, 4);
AT(iommu_hw_info, out_data_type, 24, 4);
AT(iommu_hw_info, out_max_pasid_log2, 28, 1);
AT(iommu_hw_info, __reserved, 29, 3);
AT(iommu_hw_info, out_capabilities, 32, 8);
VALUE(IOMMU_HW_INFO_FLAG_INPUT_TYPE, 1);
VALUE(IOMMU_HW_INFO_TYPE_NONE, 0);
VALUE(IOMMU_HW_INFO_TYPE_DEFAULT, 0);
VALUE(IOMMU_HW_INFO_TYPE_INTEL_VTD, 1);
VALUE(IOMMU_HW_INFO_TYPE_ARM_SMMUV3, 2);
VALUE(IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV, 3);
VALUE(IOMMU_HW_INFO_TYPE_AMD, 4);
VALUE(IOMMU_HW_CAP_DIRTY_TRACKING, 1);
VALUE(IOMMU_HW_CAP_PCI_PASID_EXEC, 2);
VALUE(IOMMU_HW_CAP_PCI_PASID_PRIV, 4);
VALUE(IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED, 8);

SIZE(iommu_hw_info_arm_smmuv3, 40);
AT(iommu_hw_info_arm_smmuv3, flags, 0, 4);
AT(iommu_hw_info_arm_smmuv3, __reserved, 4, 4);
AT(iommu_hw_info_arm_smmuv3, idr, 8, 24);
AT(iommu_hw_info_arm_smmuv3, iidr, 32, 4);
AT(iommu_hw_info_arm_smmuv3, aidr, 36, 4);

SIZE(iommu_hw_info_tegra241_cmdqv, 8);
AT(iommu_hw_info_tegra241_cmdqv, flags, 0, 4);
AT(iommu_hw_info_tegra241_cmdqv, version, 4, 1);
AT(iommu_hw_info_tegra241_cmdqv, log2vcmdqs, 5, 1);
AT(iommu_hw_info_tegra241_cmdqv, log2vsids, 6, 1);
AT(iommu_hw_info_tegra241_cmdqv, __reserved, 7, 1);

SIZE(iommu_hwpt_alloc, 48);
AT(iommu_hwpt_alloc, size, 0, 4);
AT(iommu_hwpt_alloc, flags, 4, 4);
AT(iommu_hwpt_alloc, dev_id, 8, 4);
AT(iommu_hwpt_alloc, pt_id, 12, 4);
AT(iommu_hwpt_alloc, out_hwpt_id, 16, 4);
AT(iommu_hwpt_alloc, __reserved, 20, 4);
AT(iommu_hwpt_alloc, data_type, 24, 4);
AT(iommu_hwpt_alloc, data_len, 28, 4);
AT(iommu_hwpt_alloc, data_uptr, 32, 8);
AT(iommu_hwpt_alloc, fault_id, 40, 4);
AT(iommu_hwpt_alloc, __reserved2, 44, 4);
VALUE(IOMMU_HWPT_ALLOC_NEST_PARENT, 1);
VALUE(IOMMU_HWPT_ALLOC_DIRTY_TRACKING, 2);
VALUE(IOMMU_HWPT_FAULT_ID_VALID, 4);
VALUE(IOMMU_HWPT_ALLOC_PASID, 8);
VALUE(IOMMU_HWPT_DATA_NONE, 0);
VALUE(IOMMU_HWPT_DATA_VTD_S1, 1);
VALUE(IOMMU_HWPT_DATA_ARM_SMMUV3, 2);
VALUE(IOMMU_HWPT_DATA_AMD_GUEST, 3);

SIZE(iommu_hwpt_arm_smmuv3, 16);
AT(iommu_hwpt_arm_smmuv3, ste, 0, 16);

SIZE(iommu_hwpt_invalidate, 32);
AT(iommu_hwpt_invalidate, size, 0, 4);
AT(iommu_hwpt_invalidate, hwpt_id, 4, 4);
AT(iommu_hwpt_invalidate, data_uptr, 8, 8);
AT(iommu_hwpt_invalidate, data_type, 16, 4);
AT(iommu_hwpt_invalidate, entry_len, 20, 4);
AT(iommu_hwpt_invalidate, entry_num, 24, 4);
AT(iommu_hwpt_invalidate, __reserved, 28, 4);
VALUE(IOMMU_HWPT_INVALIDATE_DATA_VTD_S1, 0);
VALUE(IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3, 1);

SIZE(iommu_viommu_arm_smmuv3_invalidate, 16);
AT(iommu_viommu_arm_smmuv3_invalidate, cmd, 0, 16);

SIZE(iommu_ioas_map_file, 40);
AT(iommu_ioas_map_file, size, 0, 4);
AT(iommu_ioas_map_file, flags, 4, 4);
AT(iommu_ioas_map_file, ioas_id, 8, 4);
AT(iommu_ioas_map_file, fd, 12, 4);
AT(iommu_ioas_map_file, start, 16, 8);
AT(iommu_ioas_map_file, length, 24, 8);
AT(iommu_ioas_map_file, iova, 32, 8);

SIZE(iommu_viommu_alloc, 40);
AT(iommu_viommu_alloc, size, 0, 4);
AT(iommu_viommu_alloc, flags, 4, 4);
AT(iommu_viommu_alloc, type, 8, 4);
AT(iommu_viommu_alloc, dev_id, 12, 4);
AT(iommu_viommu_alloc, hwpt_id, 16, 4);
AT(iommu_viommu_alloc, out_viommu_id, 20, 4);
AT(iommu_viommu_alloc, data_len, 24, 4);
AT(iommu_viommu_alloc, __reserved, 28, 4);
AT(iommu_viommu_alloc, data_uptr, 32, 8);
VALUE(IOMMU_VIOMMU_TYPE_DEFAULT, 0);
VALUE(IOMMU_VIOMMU_TYPE_ARM_SMMUV3, 1);
VALUE(IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV, 2);

SIZE(iommu_viommu_tegra241_cmdqv, 16);
AT(iommu_viommu_tegra241_cmdqv, out_vintf_mmap_offset, 0, 8);
AT(iommu_viommu_tegra241_cmdqv, out_vintf_mmap_length, 8, 8);

SIZE(iommu_vdevice_alloc, 24);
AT(iommu_vdevice_alloc, size, 0, 4);
AT(iommu_vdevice_alloc, viommu_id, 4, 4);
AT(iommu_vdevice_alloc, dev_id, 8, 4);
AT(iommu_vdevice_alloc, out_vdevice_id, 12, 4);
AT(iommu_vdevice_alloc, virt_id, 16, 8);

SIZE(iommu_ioas_change_process, 8);
AT(iommu_ioas_change_process, size, 0, 4);
AT(iommu_ioas_change_process, __reserved, 4, 4);

SIZE(iommu_veventq_alloc, 32);
AT(iommu_veventq_alloc, size, 0, 4);
AT(iommu_veventq_alloc, flags, 4, 4);
AT(iommu_veventq_alloc, viommu_id, 8, 4);
AT(iommu_veventq_alloc, type, 12, 4);
AT(iommu_veventq_alloc, veventq_depth, 16, 4);
AT(iommu_veventq_alloc, out_veventq_id, 20, 4);
AT(iommu_veventq_alloc, out_veventq_fd, 24, 4);
AT(iommu_veventq_alloc, __reserved, 28, 4);
VALUE(IOMMU_VEVENTQ_TYPE_DEFAULT, 0);
VALUE(IOMMU_VEVENTQ_TYPE_ARM_SMMUV3, 1);
VALUE(IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV, 2);
VALUE(IOMMU_VEVENTQ_FLAG_LOST_EVENTS, 1);

SIZE(iommufd_vevent_header, 8);
AT(iommufd_vevent_header, flags, 0, 4);
AT(iommufd_vevent_header, sequence, 4, 4);
SIZE(iommu_vevent_arm_smmuv3, 32);
AT(iommu_vevent_arm_smmuv3, evt, 0, 32);
SIZE(iommu_vevent_tegra241_cmdqv, 16);
AT(iommu_vevent_tegra241_cmdqv, lvcmdq_err_map, 0, 16);

SIZE(iommu_hw_queue_alloc, 40);
AT(iommu_hw_queue_alloc, size, 0, 4);
AT(iommu_hw_queue_alloc, flags, 4, 4);
AT(iommu_hw_queue_alloc, viommu_id, 8, 4);
AT(iommu_hw_queue_alloc, type, 12, 4);
AT(iommu_hw_queue_alloc, index, 16, 4);
AT(iommu_hw_queue_alloc, out_hw_queue_id, 20, 4);
AT(iommu_hw_queue_alloc, nesting_parent_iova, 24, 8);
AT(iommu_hw_queue_alloc, length, 32, 8);
VALUE(IOMMU_HW_QUEUE_TYPE_DEFAULT, 0);
VALUE(IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV, 1);
