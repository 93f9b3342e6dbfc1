// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What programs can call: each ioctl of iommufd, of its mock driver and of VFIO that
 * matters, by the layout of its structure; and the calls of fuzz_calls.c. One that is
 * missing here isn't fuzzed.
 */
#include <stddef.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "../../../../../drivers/iommu/iommufd/iommufd_test.h"
#include "../../kselftest.h"
#include "fuzz.h"
#include "fuzz_calls.h"
#include "vcmdq.h"

/* Numbers that mean something; the first is what works in most places */
#define NUMBERS(_name, ...)					\
	static const u64 _name##_values[] = { __VA_ARGS__ };		\
	static const struct fuzz_pool _name = {				\
		_name##_values, sizeof(_name##_values) / sizeof(u64) }

NUMBERS(flags, 0, 0, 0, 1, 2, 4, 8, 3, 1u << 31);
NUMBERS(map_flags, 7, 7, 7, 6, 5, 3, 4, 2, 1, 0, 8);
NUMBERS(hwpt_flags, 0, 0, 1, 1, 2, 4, 4, 8, 3, 5, 9, 10, 16);
NUMBERS(iova, 0x1000000, 0x1000000, 0x1001000, 0x1010000, 0x1200000, 0x2000000, 0x4000000,
	0x4000800, 0x8000000, 0x7ffff000, 0, 0x1000, 0xfffffffffffff000, ~0ULL);
NUMBERS(length, 0x10000, 0x10000, 0x1000, 0x1000, 0x2000, 0x200000, 0x8000, 0x800, 0x200,
	0, 1, 0x1001, 0x100000000, ~0ULL);
NUMBERS(sizes, 8, 16, 16, 32, 40, 0, 1, 4, 12, 0x1000, 0xffffffff);
NUMBERS(hwpt_type, 0, 0, 2, 2, 0xdead, 0xdead, 1, 3);
NUMBERS(info_type, 0, 2, 3, 3, 0xfeedbeef, 1);
NUMBERS(inv_type, 1, 1, 0xdeadbeef, 0xdeadbeef, 0, 0xdadbeef);
NUMBERS(inv_num, 1, 1, 2, 4, 32, 0, 4096, 0x80000, 0x80001, 0xffffffff);
NUMBERS(unit_type, 2, 2, 2, 1, 1, 0, 3, 0xdeadbeef);
NUMBERS(mock_type, 0xdeadbeef, 0xdeadbeef, 0xdeadbeef, 0, 1);
NUMBERS(vsid, 0x10, 0x10, 0x11, 0, 1, 0xfffff, 0x100000, 0x100000010, ~0ULL);
NUMBERS(events, 2, 2, 1, 1, 0xbeefbeef, 0xbeefbeef, 0, 3);
NUMBERS(depth, 2, 2, 1, 16, 0x80000, 0x80001, 0, 0xffffffff);
NUMBERS(queue_type, 1, 1, 0xdeadbeef, 0xdeadbeef, 0, 2);
NUMBERS(queue, 0, 0, 0, 1, 1, 2, 3, 127, 128, 0xffffffff);
/* Stream table entries: valid, abort, bypass, stage 1; more than a guest may say */
NUMBERS(word0, 1, 1, 9, 9, 0xb, 0xb | 0x4000000, 0, 0xd, ~0ULL, 0xdeadbeef,
	/* Commands of a vIOMMU, TLBI and CFGI, and of the mock driver */
	0x10, 0x11, 0x1000000000012, 0x30, 0x1000000005, 0x1000000006, 0x1000000040,
	0x1100000005, 0x46, 0x1000000000, 0x1000000001);
NUMBERS(word1, 0, 0, 0x10000000, 0x8000000, 0x54, 0x34, 1, 2, 3, 4, 0x1000000, ~0ULL);
NUMBERS(dev_flags, 0, 0, 1, 2, 4, 4, 8);
NUMBERS(iotlb, 0, 1, 3, 4, 0xbadbeef, 0xbaddad);
NUMBERS(limit, 65536, 4096, 512, 16, 12, 11, 0);
NUMBERS(boolean, 0, 1, 1, 2);
NUMBERS(option, 0, 0, 1, 1, 2);
NUMBERS(op, 0, 1, 1, 2);
NUMBERS(value, 0, 1, 2, 4096, ~0ULL);
NUMBERS(page_size, 0x1000, 0x1000, 0x800, 0x10000, 0x200000, 0, 3);
NUMBERS(perm, 0, 1, 2, 4, 7, 8);
NUMBERS(pasid, 0, 0, 1, 100, 0xfffff, 0x100000);
NUMBERS(group, 0, 1, 2, 3);
NUMBERS(access_flags, 0, 1, 0x10000, 0x10001, 4, 5);
NUMBERS(prot, 3, 3, 3, 1, 2, 0, 7);
NUMBERS(map_mode, 1, 1, 1, 2, 0);
NUMBERS(window_length, 0x10000, 0x10000, 0x2000, 0x2000, 0x1000, 0x8000, 0x20000, 0);
NUMBERS(part, 0, 0, 0x1000, 0x8000, 0xf000);
NUMBERS(advice, 4, 4, 8, 9, 10, 11, 14, 15, 18, 19, 21, 22);
NUMBERS(microseconds, 10, 100, 1000, 5000, 20000);
NUMBERS(count, 1, 8, 28, 36, 40, 64, 256, 4096, 7, 0);
NUMBERS(who, 0, 1, 2, 3);
NUMBERS(cut, 0x8000, 0, 0x1000, 0x10000, 0x7001);
NUMBERS(bytes, 0x1000, 0x1000, 0x8000, 0x10000, 1);
NUMBERS(device, 0, 0, 1, 1, 2, 3);
NUMBERS(reg, VCMDQ_CONFIG, VCMDQ_CONFIG, VCMDQ_PROD, VCMDQ_PROD, VCMDQ_CONS, VCMDQ_GERRORN,
	VCMDQ_STATUS, VCMDQ_GERROR, VCMDQ_STRIDE + VCMDQ_CONFIG, VCMDQ_STRIDE + VCMDQ_PROD,
	0xfffc);
NUMBERS(reg_value, 0, 1, 1, 2, 3, 4, 8, 16, 0xff, 0x1000001, 0xffffffff);
/* BAR 0 of an edu device: DMA from, to, bytes, start; the command register */
NUMBERS(region, 0x98, 0x98, 0x80, 0x88, 0x90, 0x60, (7ULL << 40) | 4, (7ULL << 40) | 4,
	7ULL << 40);
NUMBERS(region_value, 6, 6, 1, 3, 5, 7, 0x40000, 0x1000000, 0x1001000, 64, 0);
NUMBERS(fork_mode, 0, 1, 2, 3, 4);

#define AT(_type, _member) \
	.at = offsetof(_type, _member), .width = sizeof(((_type *)0)->_member)
#define FILE_OF(_type)		{ "fd", C_FD, _type }
#define NUMBER(_name, _s, _m, _pool) \
	{ _name, C_NUMBER, AT(_s, _m), .pool = &(_pool) }
#define OBJECT(_name, _type, _s, _m)	{ _name, C_OBJECT, _type, AT(_s, _m) }
#define ADDRESS(_name, _s, _m)		{ _name, C_ADDRESS, AT(_s, _m) }
#define DATA(_name, _at, _pool) \
	{ _name, C_DATA, .at = _at, .width = 8, .pool = &(_pool) }
#define OUT(_type, _s, _m)	{ "out", C_OUT_OBJECT, _type, AT(_s, _m) }
#define OUT_FD(_type, _s, _m)	{ "outfd", C_OUT_FD, _type, AT(_s, _m) }
#define ARG(_name, _pool)	{ _name, C_NUMBER, .pool = &(_pool) }

#define IOMMU(_name, _weight, _target, _cmd, _struct, ...) \
	{ _name, _weight, _target, .cmd = _cmd, .size = sizeof(struct _struct), \
	  .arg = { FILE_OF(T_IOMMUFD), __VA_ARGS__ } }
#define MOCK(_name, _weight, _op, ...) \
	{ _name, _weight, FUZZ_MOCK, .cmd = IOMMU_TEST_CMD, .op = _op, \
	  .size = sizeof(struct iommu_test_cmd), \
	  .arg = { FILE_OF(T_IOMMUFD), __VA_ARGS__ } }
#define TEST	struct iommu_test_cmd
#define VFIO(_name, _weight, _cmd, _struct, ...) \
	{ _name, _weight, FUZZ_UNIT, .cmd = _cmd, .size = sizeof(struct _struct), \
	  .arg = { FILE_OF(T_VFIO), __VA_ARGS__ } }
#define CALL(_name, _weight, _target, ...) \
	{ #_name, _weight, _target, .call = call_##_name, .arg = { __VA_ARGS__ } }

const struct fuzz_kind fuzz_kinds[] = {
	/* What iommufd had before */
	IOMMU("destroy", 20, FUZZ_BOTH, IOMMU_DESTROY, iommu_destroy,
	      OBJECT("id", T_OBJECT, struct iommu_destroy, id)),
	IOMMU("ioas_alloc", 8, FUZZ_BOTH, IOMMU_IOAS_ALLOC, iommu_ioas_alloc,
	      NUMBER("flags", struct iommu_ioas_alloc, flags, flags),
	      OUT(T_IOAS, struct iommu_ioas_alloc, out_ioas_id)),
	IOMMU("ioas_allow_iovas", 2, FUZZ_BOTH, IOMMU_IOAS_ALLOW_IOVAS,
	      iommu_ioas_allow_iovas,
	      OBJECT("ioas", T_IOAS, struct iommu_ioas_allow_iovas, ioas_id),
	      NUMBER("num", struct iommu_ioas_allow_iovas, num_iovas, queue),
	      ADDRESS("data", struct iommu_ioas_allow_iovas, allowed_iovas),
	      DATA("d0", 0, iova), DATA("d1", 8, iova)),
	IOMMU("ioas_copy", 6, FUZZ_BOTH, IOMMU_IOAS_COPY, iommu_ioas_copy,
	      NUMBER("flags", struct iommu_ioas_copy, flags, map_flags),
	      OBJECT("dst", T_IOAS, struct iommu_ioas_copy, dst_ioas_id),
	      OBJECT("src", T_IOAS, struct iommu_ioas_copy, src_ioas_id),
	      NUMBER("length", struct iommu_ioas_copy, length, length),
	      NUMBER("to", struct iommu_ioas_copy, dst_iova, iova),
	      NUMBER("from", struct iommu_ioas_copy, src_iova, iova)),
	IOMMU("ioas_iova_ranges", 2, FUZZ_BOTH, IOMMU_IOAS_IOVA_RANGES,
	      iommu_ioas_iova_ranges,
	      OBJECT("ioas", T_IOAS, struct iommu_ioas_iova_ranges, ioas_id),
	      NUMBER("num", struct iommu_ioas_iova_ranges, num_iovas, queue),
	      ADDRESS("data", struct iommu_ioas_iova_ranges, allowed_iovas)),
	IOMMU("ioas_map", 20, FUZZ_BOTH, IOMMU_IOAS_MAP, iommu_ioas_map,
	      NUMBER("flags", struct iommu_ioas_map, flags, map_flags),
	      OBJECT("ioas", T_IOAS, struct iommu_ioas_map, ioas_id),
	      ADDRESS("va", struct iommu_ioas_map, user_va),
	      NUMBER("length", struct iommu_ioas_map, length, length),
	      NUMBER("iova", struct iommu_ioas_map, iova, iova)),
	IOMMU("ioas_map_file", 12, FUZZ_BOTH, IOMMU_IOAS_MAP_FILE, iommu_ioas_map_file,
	      NUMBER("flags", struct iommu_ioas_map_file, flags, map_flags),
	      OBJECT("ioas", T_IOAS, struct iommu_ioas_map_file, ioas_id),
	      { "file", C_FD, T_MEMFD, AT(struct iommu_ioas_map_file, fd) },
	      NUMBER("start", struct iommu_ioas_map_file, start, part),
	      NUMBER("length", struct iommu_ioas_map_file, length, length),
	      NUMBER("iova", struct iommu_ioas_map_file, iova, iova)),
	IOMMU("ioas_unmap", 16, FUZZ_BOTH, IOMMU_IOAS_UNMAP, iommu_ioas_unmap,
	      OBJECT("ioas", T_IOAS, struct iommu_ioas_unmap, ioas_id),
	      NUMBER("iova", struct iommu_ioas_unmap, iova, iova),
	      NUMBER("length", struct iommu_ioas_unmap, length, length)),
	IOMMU("option", 3, FUZZ_BOTH, IOMMU_OPTION, iommu_option,
	      NUMBER("option", struct iommu_option, option_id, option),
	      NUMBER("op", struct iommu_option, op, op),
	      OBJECT("id", T_IOAS, struct iommu_option, object_id),
	      NUMBER("value", struct iommu_option, val64, value)),
	IOMMU("vfio_ioas", 2, FUZZ_BOTH, IOMMU_VFIO_IOAS, iommu_vfio_ioas,
	      OBJECT("ioas", T_IOAS, struct iommu_vfio_ioas, ioas_id),
	      NUMBER("op", struct iommu_vfio_ioas, op, op)),
	IOMMU("hwpt_alloc", 24, FUZZ_BOTH, IOMMU_HWPT_ALLOC, iommu_hwpt_alloc,
	      NUMBER("flags", struct iommu_hwpt_alloc, flags, hwpt_flags),
	      OBJECT("dev", T_DEVICE, struct iommu_hwpt_alloc, dev_id),
	      OBJECT("pt", T_IOAS | T_HWPT, struct iommu_hwpt_alloc, pt_id),
	      OUT(T_HWPT, struct iommu_hwpt_alloc, out_hwpt_id),
	      OBJECT("fault", T_FAULT, struct iommu_hwpt_alloc, fault_id)),
	IOMMU("nested_alloc", 24, FUZZ_BOTH, IOMMU_HWPT_ALLOC, iommu_hwpt_alloc,
	      NUMBER("flags", struct iommu_hwpt_alloc, flags, hwpt_flags),
	      OBJECT("dev", T_DEVICE, struct iommu_hwpt_alloc, dev_id),
	      OBJECT("pt", T_VIOMMU | T_HWPT, struct iommu_hwpt_alloc, pt_id),
	      OUT(T_NESTED, struct iommu_hwpt_alloc, out_hwpt_id),
	      OBJECT("fault", T_FAULT, struct iommu_hwpt_alloc, fault_id),
	      NUMBER("type", struct iommu_hwpt_alloc, data_type, hwpt_type),
	      NUMBER("len", struct iommu_hwpt_alloc, data_len, sizes),
	      ADDRESS("data", struct iommu_hwpt_alloc, data_uptr),
	      DATA("d0", 0, word0), DATA("d1", 8, word1)),
	IOMMU("hw_info", 6, FUZZ_BOTH, IOMMU_GET_HW_INFO, iommu_hw_info,
	      NUMBER("flags", struct iommu_hw_info, flags, flags),
	      OBJECT("dev", T_DEVICE, struct iommu_hw_info, dev_id),
	      NUMBER("len", struct iommu_hw_info, data_len, sizes),
	      ADDRESS("data", struct iommu_hw_info, data_uptr),
	      NUMBER("type", struct iommu_hw_info, in_data_type, info_type)),
	IOMMU("dirty_tracking", 2, FUZZ_BOTH, IOMMU_HWPT_SET_DIRTY_TRACKING,
	      iommu_hwpt_set_dirty_tracking,
	      NUMBER("flags", struct iommu_hwpt_set_dirty_tracking, flags, flags),
	      OBJECT("hwpt", T_HWPT, struct iommu_hwpt_set_dirty_tracking, hwpt_id)),
	IOMMU("dirty_bitmap", 2, FUZZ_BOTH, IOMMU_HWPT_GET_DIRTY_BITMAP,
	      iommu_hwpt_get_dirty_bitmap,
	      OBJECT("hwpt", T_HWPT, struct iommu_hwpt_get_dirty_bitmap, hwpt_id),
	      NUMBER("flags", struct iommu_hwpt_get_dirty_bitmap, flags, flags),
	      NUMBER("iova", struct iommu_hwpt_get_dirty_bitmap, iova, iova),
	      NUMBER("length", struct iommu_hwpt_get_dirty_bitmap, length, length),
	      NUMBER("page", struct iommu_hwpt_get_dirty_bitmap, page_size, page_size),
	      ADDRESS("data", struct iommu_hwpt_get_dirty_bitmap, data)),
	IOMMU("invalidate", 20, FUZZ_BOTH, IOMMU_HWPT_INVALIDATE, iommu_hwpt_invalidate,
	      OBJECT("id", T_VIOMMU | T_NESTED, struct iommu_hwpt_invalidate, hwpt_id),
	      NUMBER("type", struct iommu_hwpt_invalidate, data_type, inv_type),
	      NUMBER("len", struct iommu_hwpt_invalidate, entry_len, sizes),
	      NUMBER("num", struct iommu_hwpt_invalidate, entry_num, inv_num),
	      ADDRESS("data", struct iommu_hwpt_invalidate, data_uptr),
	      DATA("d0", 0, word0), DATA("d1", 8, word1),
	      DATA("d2", 16, word0), DATA("d3", 24, word1)),
	IOMMU("fault_alloc", 6, FUZZ_BOTH, IOMMU_FAULT_QUEUE_ALLOC, iommu_fault_alloc,
	      NUMBER("flags", struct iommu_fault_alloc, flags, flags),
	      OUT(T_FAULT, struct iommu_fault_alloc, out_fault_id),
	      OUT_FD(T_FAULT_FD, struct iommu_fault_alloc, out_fault_fd)),

	/* What is new */
	IOMMU("viommu_alloc", 24, FUZZ_UNIT, IOMMU_VIOMMU_ALLOC, iommu_viommu_alloc,
	      NUMBER("flags", struct iommu_viommu_alloc, flags, flags),
	      NUMBER("type", struct iommu_viommu_alloc, type, unit_type),
	      OBJECT("dev", T_DEVICE, struct iommu_viommu_alloc, dev_id),
	      OBJECT("hwpt", T_HWPT, struct iommu_viommu_alloc, hwpt_id),
	      OUT(T_VIOMMU, struct iommu_viommu_alloc, out_viommu_id),
	      NUMBER("len", struct iommu_viommu_alloc, data_len, sizes),
	      ADDRESS("data", struct iommu_viommu_alloc, data_uptr),
	      { "window", C_OUT_WINDOW,
		AT(struct iommu_viommu_tegra241_cmdqv, out_vintf_mmap_offset) }),
	IOMMU("mock_viommu_alloc", 24, FUZZ_MOCK, IOMMU_VIOMMU_ALLOC, iommu_viommu_alloc,
	      NUMBER("flags", struct iommu_viommu_alloc, flags, flags),
	      NUMBER("type", struct iommu_viommu_alloc, type, mock_type),
	      OBJECT("dev", T_DEVICE, struct iommu_viommu_alloc, dev_id),
	      OBJECT("hwpt", T_HWPT, struct iommu_viommu_alloc, hwpt_id),
	      OUT(T_VIOMMU, struct iommu_viommu_alloc, out_viommu_id),
	      NUMBER("len", struct iommu_viommu_alloc, data_len, sizes),
	      ADDRESS("data", struct iommu_viommu_alloc, data_uptr),
	      DATA("d0", 0, word1),
	      { "window", C_OUT_WINDOW,
		AT(struct iommu_viommu_selftest, out_mmap_offset) }),
	IOMMU("vdevice_alloc", 24, FUZZ_BOTH, IOMMU_VDEVICE_ALLOC, iommu_vdevice_alloc,
	      OBJECT("viommu", T_VIOMMU, struct iommu_vdevice_alloc, viommu_id),
	      OBJECT("dev", T_DEVICE, struct iommu_vdevice_alloc, dev_id),
	      OUT(T_VDEVICE, struct iommu_vdevice_alloc, out_vdevice_id),
	      NUMBER("virt", struct iommu_vdevice_alloc, virt_id, vsid)),
	IOMMU("veventq_alloc", 20, FUZZ_BOTH, IOMMU_VEVENTQ_ALLOC, iommu_veventq_alloc,
	      NUMBER("flags", struct iommu_veventq_alloc, flags, flags),
	      OBJECT("viommu", T_VIOMMU, struct iommu_veventq_alloc, viommu_id),
	      NUMBER("type", struct iommu_veventq_alloc, type, events),
	      NUMBER("depth", struct iommu_veventq_alloc, veventq_depth, depth),
	      OUT(T_VEVENTQ, struct iommu_veventq_alloc, out_veventq_id),
	      OUT_FD(T_EVENT_FD, struct iommu_veventq_alloc, out_veventq_fd)),
	IOMMU("hw_queue_alloc", 30, FUZZ_BOTH, IOMMU_HW_QUEUE_ALLOC, iommu_hw_queue_alloc,
	      NUMBER("flags", struct iommu_hw_queue_alloc, flags, flags),
	      OBJECT("viommu", T_VIOMMU, struct iommu_hw_queue_alloc, viommu_id),
	      NUMBER("type", struct iommu_hw_queue_alloc, type, queue_type),
	      NUMBER("index", struct iommu_hw_queue_alloc, index, queue),
	      OUT(T_HWQ, struct iommu_hw_queue_alloc, out_hw_queue_id),
	      NUMBER("iova", struct iommu_hw_queue_alloc, nesting_parent_iova, iova),
	      NUMBER("length", struct iommu_hw_queue_alloc, length, length)),
	IOMMU("change_process", 1, FUZZ_BOTH, IOMMU_IOAS_CHANGE_PROCESS,
	      iommu_ioas_change_process,
	      NUMBER("reserved", struct iommu_ioas_change_process, __reserved, flags)),

	/* The mock driver */
	MOCK("mock_domain", 14, IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS,
	     OBJECT("pt", T_IOAS | T_HWPT, TEST, id),
	     NUMBER("flags", TEST, mock_domain_flags.dev_flags, dev_flags),
	     { "stdev", C_OUT_OBJECT, T_STDEV, AT(TEST, mock_domain_flags.out_stdev_id) },
	     { "hwpt", C_OUT_OBJECT, T_HWPT, AT(TEST, mock_domain_flags.out_hwpt_id) },
	     { "dev", C_OUT_OBJECT, T_DEVICE, AT(TEST, mock_domain_flags.out_idev_id) }),
	MOCK("mock_replace", 20, IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE,
	     OBJECT("stdev", T_STDEV, TEST, id),
	     OBJECT("pt", T_IOAS | T_HWPT | T_NESTED, TEST, mock_domain_replace.pt_id)),
	MOCK("mock_add_reserved", 2, IOMMU_TEST_OP_ADD_RESERVED,
	     OBJECT("ioas", T_IOAS, TEST, id),
	     NUMBER("start", TEST, add_reserved.start, iova),
	     NUMBER("length", TEST, add_reserved.length, length)),
	MOCK("mock_check_map", 2, IOMMU_TEST_OP_MD_CHECK_MAP,
	     OBJECT("hwpt", T_HWPT, TEST, id),
	     NUMBER("iova", TEST, check_map.iova, iova),
	     NUMBER("length", TEST, check_map.length, length),
	     ADDRESS("va", TEST, check_map.uptr)),
	MOCK("mock_check_iotlb", 2, IOMMU_TEST_OP_MD_CHECK_IOTLB,
	     OBJECT("hwpt", T_NESTED, TEST, id),
	     NUMBER("entry", TEST, check_iotlb.id, queue),
	     NUMBER("iotlb", TEST, check_iotlb.iotlb, iotlb)),
	MOCK("mock_access", 4, IOMMU_TEST_OP_CREATE_ACCESS,
	     OBJECT("ioas", T_IOAS, TEST, id),
	     NUMBER("flags", TEST, create_access.flags, boolean),
	     OUT_FD(T_ACCESS_FD, TEST, create_access.out_access_fd)),
	MOCK("mock_access_replace", 4, IOMMU_TEST_OP_ACCESS_REPLACE_IOAS,
	     { "access", C_FD, T_ACCESS_FD, AT(TEST, id) },
	     OBJECT("ioas", T_IOAS, TEST, access_replace_ioas.ioas_id)),
	MOCK("mock_access_pages", 6, IOMMU_TEST_OP_ACCESS_PAGES,
	     { "access", C_FD, T_ACCESS_FD, AT(TEST, id) },
	     NUMBER("flags", TEST, access_pages.flags, access_flags),
	     OUT(T_PAGES, TEST, access_pages.out_access_pages_id),
	     NUMBER("iova", TEST, access_pages.iova, iova),
	     NUMBER("length", TEST, access_pages.length, length),
	     ADDRESS("va", TEST, access_pages.uptr)),
	MOCK("mock_access_rw", 4, IOMMU_TEST_OP_ACCESS_RW,
	     { "access", C_FD, T_ACCESS_FD, AT(TEST, id) },
	     NUMBER("iova", TEST, access_rw.iova, iova),
	     NUMBER("length", TEST, access_rw.length, count),
	     ADDRESS("va", TEST, access_rw.uptr),
	     NUMBER("flags", TEST, access_rw.flags, access_flags)),
	MOCK("mock_access_drop", 4, IOMMU_TEST_OP_DESTROY_ACCESS_PAGES,
	     { "access", C_FD, T_ACCESS_FD, AT(TEST, id) },
	     OBJECT("pages", T_PAGES, TEST, destroy_access_pages.access_pages_id)),
	MOCK("mock_memory_limit", 1, IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT,
	     NUMBER("limit", TEST, memory_limit.limit, limit)),
	MOCK("mock_dirty", 2, IOMMU_TEST_OP_DIRTY,
	     OBJECT("hwpt", T_HWPT, TEST, id),
	     NUMBER("flags", TEST, dirty.flags, flags),
	     NUMBER("iova", TEST, dirty.iova, iova),
	     NUMBER("length", TEST, dirty.length, length),
	     NUMBER("page", TEST, dirty.page_size, page_size),
	     ADDRESS("data", TEST, dirty.uptr)),
	MOCK("mock_iopf", 8, IOMMU_TEST_OP_TRIGGER_IOPF,
	     OBJECT("dev", T_DEVICE, TEST, trigger_iopf.dev_id),
	     NUMBER("pasid", TEST, trigger_iopf.pasid, pasid),
	     NUMBER("group", TEST, trigger_iopf.grpid, group),
	     NUMBER("perm", TEST, trigger_iopf.perm, perm),
	     NUMBER("addr", TEST, trigger_iopf.addr, iova)),
	MOCK("mock_check_cache", 2, IOMMU_TEST_OP_DEV_CHECK_CACHE,
	     OBJECT("dev", T_DEVICE, TEST, id),
	     NUMBER("entry", TEST, check_dev_cache.id, queue),
	     NUMBER("cache", TEST, check_dev_cache.cache, iotlb)),
	MOCK("mock_vevent", 14, IOMMU_TEST_OP_TRIGGER_VEVENT,
	     OBJECT("dev", T_DEVICE, TEST, trigger_vevent.dev_id)),

	/* Devices */
	CALL(vfio_open, 10, FUZZ_UNIT, ARG("device", device),
	     { "outfd", C_OUT_FD, T_VFIO }),
	VFIO("vfio_bind", 14, VFIO_DEVICE_BIND_IOMMUFD, vfio_device_bind_iommufd,
	     { "iommufd", C_FD, T_IOMMUFD, AT(struct vfio_device_bind_iommufd, iommufd) },
	     NUMBER("flags", struct vfio_device_bind_iommufd, flags, flags),
	     OUT(T_DEVICE, struct vfio_device_bind_iommufd, out_devid)),
	VFIO("vfio_attach", 20, VFIO_DEVICE_ATTACH_IOMMUFD_PT,
	     vfio_device_attach_iommufd_pt,
	     OBJECT("pt", T_IOAS | T_HWPT | T_NESTED, struct vfio_device_attach_iommufd_pt,
		    pt_id)),
	VFIO("vfio_detach", 8, VFIO_DEVICE_DETACH_IOMMUFD_PT,
	     vfio_device_detach_iommufd_pt,
	     NUMBER("flags", struct vfio_device_detach_iommufd_pt, flags, flags)),
	CALL(region, 8, FUZZ_UNIT, FILE_OF(T_VFIO), ARG("at", region),
	     ARG("value", region_value)),

	/* Files */
	CALL(open, 3, FUZZ_BOTH, { "outfd", C_OUT_FD, T_IOMMUFD }),
	CALL(close, 8, FUZZ_BOTH, FILE_OF(T_FD)),
	CALL(dup, 4, FUZZ_BOTH, FILE_OF(T_FD), { "outfd", C_OUT_FD, T_FD }),
	CALL(read, 12, FUZZ_BOTH, FILE_OF(T_EVENT_FD | T_FAULT_FD),
	     { "data", C_ADDRESS }, ARG("count", count)),
	CALL(write, 6, FUZZ_BOTH, FILE_OF(T_FAULT_FD | T_EVENT_FD), { "data", C_ADDRESS },
	     ARG("count", count)),
	CALL(poll, 3, FUZZ_BOTH, FILE_OF(T_EVENT_FD | T_FAULT_FD)),
	CALL(ftruncate, 3, FUZZ_BOTH, FILE_OF(T_MEMFD), ARG("length", cut)),
	CALL(punch, 3, FUZZ_BOTH, FILE_OF(T_MEMFD), ARG("at", part), ARG("length", bytes)),

	/* Windows */
	CALL(mmap, 18, FUZZ_BOTH, FILE_OF(T_IOMMUFD), { "window", C_WINDOW },
	     ARG("length", window_length), ARG("prot", prot), ARG("flags", map_mode),
	     { "out", C_OUT_MAP }),
	CALL(munmap, 8, FUZZ_BOTH, { "at", C_MAP, .pool = &part },
	     ARG("length", window_length)),
	CALL(mremap, 5, FUZZ_BOTH, { "at", C_MAP, .pool = &part },
	     ARG("from", window_length), ARG("to", window_length), { "out", C_OUT_MAP }),
	CALL(protect_map, 5, FUZZ_BOTH, { "at", C_MAP, .pool = &part },
	     ARG("length", window_length), ARG("prot", prot)),
	CALL(advise_map, 3, FUZZ_BOTH, { "at", C_MAP, .pool = &part },
	     ARG("length", window_length), ARG("advice", advice)),
	CALL(poke, 12, FUZZ_BOTH, { "at", C_MAP, .pool = &reg }, ARG("value", reg_value)),
	CALL(peek, 4, FUZZ_BOTH, { "at", C_MAP, .pool = &reg }),

	/* Memory */
	CALL(store, 6, FUZZ_BOTH, { "at", C_ADDRESS }, ARG("d0", word0), ARG("d1", word1)),
	CALL(flip, 5, FUZZ_BOTH, { "at", C_ADDRESS }, ARG("d0", word0), ARG("d1", word0)),
	CALL(unmap_area, 4, FUZZ_BOTH, { "at", C_ADDRESS }, ARG("length", bytes)),
	CALL(map_area, 4, FUZZ_BOTH, { "at", C_ADDRESS }, ARG("length", bytes)),
	CALL(protect_area, 4, FUZZ_BOTH, { "at", C_ADDRESS }, ARG("length", bytes),
	     ARG("prot", prot)),
	CALL(advise_area, 4, FUZZ_BOTH, { "at", C_ADDRESS }, ARG("length", bytes),
	     ARG("advice", advice)),

	/* The process */
	CALL(fork, 4, FUZZ_BOTH, ARG("mode", fork_mode), ARG("time", microseconds)),
	CALL(signal, 5, FUZZ_BOTH, ARG("to", who)),
	CALL(kill, 1, FUZZ_BOTH),
	CALL(nap, 5, FUZZ_BOTH, ARG("time", microseconds)),
	CALL(meet, 8, FUZZ_BOTH),
};

const unsigned int fuzz_n_kinds = ARRAY_SIZE(fuzz_kinds);
