/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * iommufd: I/O page tables, and the parts of a virtual IOMMU, for user space.
 *
 * One header for VMMs: everything that Linux 6.12 offers, and on top of it the
 * virtual IOMMU objects (vIOMMU, vDEVICE, vEVENTQ, HW queue) with the numbers,
 * names and layouts under which newer kernels publish them. A program compiled
 * against either header runs on either kernel. Where this kernel decides
 * differently from newer ones, the text says "Here:".
 */
#ifndef _UAPI_IOMMUFD_H
#define _UAPI_IOMMUFD_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define IOMMUFD_TYPE (';')

/**
 * DOC: The form of every ioctl
 *
 * /dev/iommu has one kind of ioctl: the argument points to a structure whose
 * first member is its own size in bytes. A program may be older or newer than
 * the kernel. A structure longer than the kernel's is accepted if the bytes that
 * the kernel does not know are zero; a structure that ends early is completed
 * with zeros, as long as it reaches the last member that the first version of
 * the ioctl had. The answer is copied back into as many bytes as the caller
 * gave.
 *
 * The same errno means the same thing everywhere:
 *
 *  - ENOTTY: this kernel has no such ioctl
 *  - EINVAL: the structure is too short; or all of the request was understood
 *    and a value in it is wrong
 *  - E2BIG: a byte that this kernel does not know is not zero
 *  - EOPNOTSUPP: a flag, a type or a reserved member has a value that this
 *    kernel, this driver or this hardware does not offer
 *  - ENOENT: no such object or IOVA: the id was never given out, is of another
 *    kind, is under construction or on its way out
 *  - EBUSY: something still uses the object
 *  - EEXIST: one of these exists already
 *  - EOVERFLOW: an address plus a length leaves the 64-bit range
 *  - EFAULT: memory of the caller could not be read or written
 *  - ENOMEM: out of memory
 *
 * A refused ioctl has changed nothing. What else an ioctl can return stands with
 * it, in the order of the checks where a program can see the order.
 *
 * Objects are named by ids, small positive numbers of one number space per open
 * file. An id can be used as soon as the ioctl that made it has returned, and
 * never before. Closing the last reference to the file destroys everything in
 * it, in the right order; a process that is killed leaves nothing behind.
 */

/**
 * DOC: A virtual machine with command queues of its own
 *
 * What a VMM does for one VM behind one SMMUv3 with a Tegra241 CMDQV unit, in
 * order. What is marked [C] is for CMDQV; the rest is nesting on any SMMUv3, with
 * &IOMMU_VIOMMU_TYPE_ARM_SMMUV3.
 *
 * 1.  Open the VFIO device (/dev/vfio/devices/vfioN), bind it to the iommufd:
 *     VFIO_DEVICE_BIND_IOMMUFD returns a *dev_id*.
 * 2.  IOMMU_IOAS_ALLOC and IOMMU_IOAS_MAP: guest memory at guest physical
 *     addresses.
 * 3.  IOMMU_HWPT_ALLOC of that IOAS with &IOMMU_HWPT_ALLOC_NEST_PARENT: the
 *     stage-2 tables. Attach the device to it (VFIO_DEVICE_ATTACH_IOMMUFD_PT).
 * 4.  IOMMU_GET_HW_INFO: what the guest's SMMUv3 may advertise, and [C] with
 *     &IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV how many queues and StreamIDs.
 * 5.  IOMMU_VIOMMU_ALLOC on the stage 2, then [C] mmap() of the window it names:
 *     the page with the CONS, PROD, CONFIG, STATUS, GERROR and GERRORN registers of
 *     the VM's own queues.
 * 6.  IOMMU_VEVENTQ_ALLOC, one for each type: &IOMMU_VEVENTQ_TYPE_ARM_SMMUV3 for
 *     what belongs into the guest's event queue, [C]
 *     &IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV for errors of its own queues. poll() them.
 * 7.  IOMMU_HWPT_ALLOC on the vIOMMU, once with an entry that has nothing but V set
 *     (abort) and once with V and Config bypass: what a guest begins with. Attach
 *     the device to the one that fits the guest's GBPA.
 * 8.  IOMMU_VDEVICE_ALLOC for each device: the StreamID that the guest knows. At
 *     the latest before the device is attached to a stage 1.
 * 9.  When the guest writes a stream table entry: IOMMU_HWPT_ALLOC on the vIOMMU
 *     with its first two words, attach the device to the result, destroy the
 *     previous one. The device goes over from one to the other without a gap.
 * 10. [C] When the guest has programmed a queue's BASE register and maps it to its
 *     VINTF: IOMMU_HW_QUEUE_ALLOC. The window can be given to the guest as memory
 *     now: it enables the queue itself, and from there on its TLB invalidations
 *     never leave it.
 * 11. For commands on the guest's ordinary, trapped queue, and for those that
 *     CMDQV does not execute for a guest: IOMMU_HWPT_INVALIDATE on the vIOMMU.
 *
 * All the time: what the guest does, and what the VMM does then.
 *
 * ======================================  =======================================
 * The guest                               The VMM
 * ======================================  =======================================
 * STE with Config abort or bypass         attach the HWPT of step 7; or
 *                                         HWPT_ALLOC with the two words, attach
 * STE with Config stage 1                 HWPT_ALLOC with the two words, attach
 * STE that is not valid (V is 0)          attach the abort HWPT
 * CFGI_STE, CFGI_STE_RANGE, CFGI_ALL      when these come on the trapped queue,
 *                                         read the STEs from guest memory again and
 *                                         do the above for those that changed
 * CFGI_CD, CFGI_CD_ALL                    HWPT_INVALIDATE
 * TLBI, ATC_INV on the trapped queue      HWPT_INVALIDATE, several in one call if
 *                                         there are several
 * SYNC on the trapped queue               nothing: what was before it is done
 * a command the ioctl refuses (EIO)       CERROR_ILL at the command that entry_num
 *                                         names; those before it are done
 * TLBI, ATC_INV, SYNC on its own queue    nothing
 * faults in its stage 1                   read the vEVENTQ, put the record into the
 *                                         guest's event queue; lost events: the
 *                                         overflow flag of that
 * disables its SMMU (SMMUEN)              attach the HWPT for GBPA
 * CMDQV: reads PARAM                      the numbers of step 4, or fewer
 * CMDQV: writes VINTF CONFIG              keep it; HYP_OWN reads as 0 whatever was
 *                                         written, or the guest issues commands
 *                                         that its queues refuse
 * CMDQV: writes BASE                      keep it
 * CMDQV: maps a queue (CMDQ_ALLOC_MAP)    when it has a BASE and the unit and the
 *                                         VINTF are enabled, too: HW_QUEUE_ALLOC,
 *                                         from index 0 upwards. If that fails:
 *                                         CMDQ_INIT_ERR in the queue's GERROR
 * CMDQV: rewrites BASE, unmaps a queue    DESTROY of the queue and of those above,
 *                                         which are made again afterwards
 * CMDQV: disables the VINTF or the unit   DESTROY of all queues, downwards
 * CMDQV: error of its own queue           read the vEVENTQ, show its map as the
 *                                         virtual error maps, raise the virtual
 *                                         interrupt. The queue has stopped; the
 *                                         guest goes on by itself when it has
 *                                         written GERRORN, in the window
 * resets, reboots                         DESTROY of all queues, attach the HWPT for
 *                                         GBPA, destroy other nested HWPTs, read
 *                                         the vEVENTQs empty
 * ======================================  =======================================
 *
 * Interrupts: a device's interrupt message is a write of the device to memory. The
 * kernel maps where it goes in the nest parent, in the window that is missing from
 * IOMMU_IOAS_IOVA_RANGES (1 MiB at 0x8000000), and tells the device an address in
 * there. With a stage 1 in front of it, the guest's tables must translate the window
 * to itself: the VMM has to tell the guest so (a reserved memory range in IORT).
 *
 * A guest's StreamIDs are the VMM's to choose and, if a device gets another one, to
 * change: attach the device to abort or bypass, destroy the vDEVICE, make the new
 * one, attach the device to a new HWPT.
 *
 * Hot unplug of a device: attach it to the stage 2 or detach it, destroy its nested
 * HWPTs and its vDEVICE, close the VFIO file. A VMM that is not asked first (the
 * device was removed) finds that the kernel has destroyed the vDEVICE; the rest is
 * as above. The vIOMMU with its queues, window and vEVENTQs does not depend on a
 * device and stays; another device behind the same SMMU can join it.
 *
 * The end: each step is the mirror of one above, and EBUSY says that one before it
 * was left out:
 *
 *  1. attach the devices to the stage 2, or detach them
 *  2. destroy the nested HWPTs
 *  3. destroy the vDEVICEs
 *  4. [C] destroy the HW queues, from the highest index down
 *  5. close the files of the vEVENTQs, then destroy the vEVENTQs
 *  6. [C] munmap() the window, in every process that has it
 *  7. destroy the vIOMMU
 *  8. detach the devices, destroy the stage 2, the IOAS
 *
 * Steps 2 to 6 in any order. Closing all files and mappings does all of it: when
 * the VMM dies, the kernel leaves nothing enabled.
 *
 * Who owns what: guest memory stays the VMM's, but what the hardware reads as a
 * queue cannot be unmapped from the stage 2. The window belongs to the vIOMMU;
 * every mapping of it, copies by fork() included, keeps the vIOMMU. The queue's
 * BASE, the VMID and the physical StreamIDs are the kernel's alone: a guest can
 * name only its own VMID and its own devices in a command, whatever it writes.
 * Events belong to the vIOMMU whose guest has caused them; the memory they take is
 * charged to the memory cgroup of who made the vEVENTQ.
 */

/**
 * DOC: Where this kernel differs
 *
 * A VMM that was written against the iommufd of other kernels (6.13 to 7.2) works
 * here. These are the points in which it could tell the difference; each stands
 * with its ioctl again, marked "Here:".
 *
 *  - IOMMU_IOAS_CHANGE_PROCESS is ENOTTY.
 *  - IOMMU_IOAS_MAP_FILE: the file is looked at once it is mapped, not only when
 *    pages of it are pinned. Devices may do what mmap() would let the caller do.
 *  - No HWPT can be attached to a PASID: &IOMMU_HWPT_ALLOC_PASID is EOPNOTSUPP.
 *  - IOMMU_HWPT_INVALIDATE: what is reported as done, hardware has done, exactly.
 *    No requests at all are a question about the type that SMMUv3 answers, too.
 *  - IOMMU_VIOMMU_ALLOC: the reserved member is checked. A user has only a limited
 *    number of VINTFs at a time through one device (EDQUOT).
 *  - IOMMU_VIOMMU_ALLOC, IOMMU_HWPT_ALLOC: E2BIG for more data than a page, whatever
 *    it is.
 *  - IOMMU_VEVENTQ_ALLOC: a type that the vIOMMU does not have is EOPNOTSUPP, the
 *    events' memory is charged to the owner, and what an SMMU drops is a loss.
 *  - IOMMU_HW_QUEUE_ALLOC: the length is checked before memory is looked at. No
 *    queue is built upon one whose own ioctl has not returned yet.
 *  - mmap(): a window is found only from when IOMMU_VIOMMU_ALLOC has returned until
 *    the vIOMMU is destroyed, and never becomes executable.
 *  - An error of a guest reaches only this guest, and once.
 *  - S1STALLD counts as set where nobody could end a stall.
 */
enum {
	IOMMUFD_CMD_BASE = 0x80,
	IOMMUFD_CMD_DESTROY = IOMMUFD_CMD_BASE,
	IOMMUFD_CMD_IOAS_ALLOC = 0x81,
	IOMMUFD_CMD_IOAS_ALLOW_IOVAS = 0x82,
	IOMMUFD_CMD_IOAS_COPY = 0x83,
	IOMMUFD_CMD_IOAS_IOVA_RANGES = 0x84,
	IOMMUFD_CMD_IOAS_MAP = 0x85,
	IOMMUFD_CMD_IOAS_UNMAP = 0x86,
	IOMMUFD_CMD_OPTION = 0x87,
	IOMMUFD_CMD_VFIO_IOAS = 0x88,
	IOMMUFD_CMD_HWPT_ALLOC = 0x89,
	IOMMUFD_CMD_GET_HW_INFO = 0x8a,
	IOMMUFD_CMD_HWPT_SET_DIRTY_TRACKING = 0x8b,
	IOMMUFD_CMD_HWPT_GET_DIRTY_BITMAP = 0x8c,
	IOMMUFD_CMD_HWPT_INVALIDATE = 0x8d,
	IOMMUFD_CMD_FAULT_QUEUE_ALLOC = 0x8e,
	IOMMUFD_CMD_IOAS_MAP_FILE = 0x8f,
	IOMMUFD_CMD_VIOMMU_ALLOC = 0x90,
	IOMMUFD_CMD_VDEVICE_ALLOC = 0x91,
	IOMMUFD_CMD_IOAS_CHANGE_PROCESS = 0x92,
	IOMMUFD_CMD_VEVENTQ_ALLOC = 0x93,
	IOMMUFD_CMD_HW_QUEUE_ALLOC = 0x94,
};

/**
 * struct iommu_destroy - ioctl(IOMMU_DESTROY)
 * @size: sizeof(struct iommu_destroy)
 * @id: the object to destroy, of any kind that a program can allocate
 *
 * ENOENT if there is no such object, EBUSY while another one needs it:
 *
 * ====================  ====================================================
 * Object                Busy while
 * ====================  ====================================================
 * IOAS                  an HWPT of it exists
 * HWPT                  a device is attached; for a nest parent also while a
 *                       vIOMMU or a nested HWPT is based on it
 * FAULT                 an HWPT delivers faults to it or its fd is open
 * vIOMMU                a nested HWPT, vDEVICE, vEVENTQ or HW queue of it, or
 *                       a mapping of its window exists
 * vDEVICE               never
 * vEVENTQ               its fd is open
 * HW queue              the queue with the next higher index exists
 * ====================  ====================================================
 *
 * The id of a device that VFIO bound is not destroyed here but by closing the
 * VFIO device.
 */
struct iommu_destroy {
	__u32 size;
	__u32 id;
};

#define IOMMU_DESTROY _IO(IOMMUFD_TYPE, IOMMUFD_CMD_DESTROY)

/**
 * struct iommu_ioas_alloc - ioctl(IOMMU_IOAS_ALLOC)
 * @size: sizeof(struct iommu_ioas_alloc)
 * @flags: must be 0
 * @out_ioas_id: the id of the new IOAS
 *
 * Make an I/O address space: a set of mappings from IOVAs to memory, empty at
 * first. Page tables for hardware (HWPTs) are filled from it.
 */
struct iommu_ioas_alloc {
	__u32 size;
	__u32 flags;
	__u32 out_ioas_id;
};

#define IOMMU_IOAS_ALLOC _IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_ALLOC)

/**
 * struct iommu_iova_range - a piece of IOVA space
 * @start: its first IOVA
 * @last: its last IOVA, which belongs to it
 */
struct iommu_iova_range {
	__aligned_u64 start;
	__aligned_u64 last;
};

/**
 * struct iommu_ioas_iova_ranges - ioctl(IOMMU_IOAS_IOVA_RANGES)
 * @size: sizeof(struct iommu_ioas_iova_ranges)
 * @ioas_id: the IOAS
 * @num_iovas: in: how many ranges fit into @allowed_iovas; out: how many there
 *             are
 * @__reserved: must be 0
 * @allowed_iovas: pointer to an array of struct iommu_iova_range
 * @out_iova_alignment: the smallest unit of a mapping, at most a page; start and
 *                      end of each mapping must be multiples of it
 *
 * Which IOVAs can be mapped. The set shrinks when a device is attached whose
 * hardware cannot use all of it (on ARM the window where the device's interrupts
 * go is always missing), and grows when it is detached: ask again after each.
 *
 * EMSGSIZE if the array is too short; @num_iovas then says what is needed.
 */
struct iommu_ioas_iova_ranges {
	__u32 size;
	__u32 ioas_id;
	__u32 num_iovas;
	__u32 __reserved;
	__aligned_u64 allowed_iovas;
	__aligned_u64 out_iova_alignment;
};

#define IOMMU_IOAS_IOVA_RANGES _IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_IOVA_RANGES)

/**
 * struct iommu_ioas_allow_iovas - ioctl(IOMMU_IOAS_ALLOW_IOVAS)
 * @size: sizeof(struct iommu_ioas_allow_iovas)
 * @ioas_id: the IOAS
 * @num_iovas: number of ranges in @allowed_iovas
 * @__reserved: must be 0
 * @allowed_iovas: pointer to an array of struct iommu_iova_range
 *
 * Reserve ranges that must stay usable. The ioctl fails if they are not usable
 * now; afterwards the attach of a device that would take one of them away fails.
 * Automatic placement by IOMMU_IOAS_MAP stays inside the list. Each call
 * replaces the whole list.
 */
struct iommu_ioas_allow_iovas {
	__u32 size;
	__u32 ioas_id;
	__u32 num_iovas;
	__u32 __reserved;
	__aligned_u64 allowed_iovas;
};

#define IOMMU_IOAS_ALLOW_IOVAS _IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_ALLOW_IOVAS)

/**
 * enum iommufd_ioas_map_flags - how to map
 * @IOMMU_IOAS_MAP_FIXED_IOVA: map at the IOVA given; otherwise the kernel finds
 *                             a free one
 * @IOMMU_IOAS_MAP_WRITEABLE: devices may write
 * @IOMMU_IOAS_MAP_READABLE: devices may read
 */
enum iommufd_ioas_map_flags {
	IOMMU_IOAS_MAP_FIXED_IOVA = 1 << 0,
	IOMMU_IOAS_MAP_WRITEABLE = 1 << 1,
	IOMMU_IOAS_MAP_READABLE = 1 << 2,
};

/**
 * struct iommu_ioas_map - ioctl(IOMMU_IOAS_MAP)
 * @size: sizeof(struct iommu_ioas_map)
 * @flags: of enum iommufd_ioas_map_flags
 * @ioas_id: the IOAS to map into
 * @__reserved: must be 0
 * @user_va: address of the memory in the calling process
 * @length: bytes to map
 * @iova: where to map; without IOMMU_IOAS_MAP_FIXED_IOVA: out, where it was
 *        mapped
 *
 * Let devices reach memory of the caller. The memory is pinned from now on, or
 * from when the first device is attached, and counted against RLIMIT_MEMLOCK. A
 * fixed IOVA must be free: EEXIST otherwise.
 */
struct iommu_ioas_map {
	__u32 size;
	__u32 flags;
	__u32 ioas_id;
	__u32 __reserved;
	__aligned_u64 user_va;
	__aligned_u64 length;
	__aligned_u64 iova;
};

#define IOMMU_IOAS_MAP _IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_MAP)

/**
 * struct iommu_ioas_map_file - ioctl(IOMMU_IOAS_MAP_FILE)
 * @size: sizeof(struct iommu_ioas_map_file)
 * @flags: of enum iommufd_ioas_map_flags
 * @ioas_id: the IOAS to map into
 * @fd: a file of memory: of memfd_create(), tmpfs or hugetlbfs
 * @start: Where in the file the memory begins. If the kernel chooses the IOVA, that
 *         is aligned as this is, up to a huge page.
 * @length: bytes to map
 * @iova: as in IOMMU_IOAS_MAP
 *
 * As IOMMU_IOAS_MAP, with memory named by file instead of by address. What is
 * mapped does not depend on the process that did it, nor on where that has the file
 * in its address space, if anywhere. The same pages are accounted in the same way,
 * and all that can be done with a mapping can be done with this one. A huge page
 * of the file is one entry of the I/O page tables if IOVA, @start and @length allow.
 *
 * Permissions are those of mmap(MAP_SHARED), and are looked at once. The file must
 * be open for reading and, for IOMMU_IOAS_MAP_WRITEABLE, for writing: EACCES.
 * Writing must not be sealed, by F_SEAL_WRITE or F_SEAL_FUTURE_WRITE: EPERM. A
 * writeable mapping and every copy of it keep F_SEAL_WRITE from being added
 * (EBUSY), as a pinned page does.
 *
 * Pages that the file doesn't have yet are allocated when they are pinned, and
 * charged to the memory cgroup of who does that; a huge page reserved for the
 * file is used up, and one that is reserved for another is never taken. mbind() of
 * a mapping says nothing about huge pages that are allocated so, as with
 * fallocate(): touch them first (QEMU: prealloc=on) where NUMA nodes matter. A pinned
 * page stays where it is until it is unmapped. If meanwhile the file is truncated
 * or a hole is punched there, devices go on accessing the old page, and the file
 * gets a new one when it is accessed there.
 *
 * The file is held until the mapping and all copies are gone. It may be closed.
 *
 * Return: EOPNOTSUPP: unknown flags, or a kernel without CONFIG_MEMFD_CREATE.
 * EOVERFLOW: IOVA, length or the end of the range can't be expressed. EINVAL:
 * neither readable nor writeable; no length; not a file of memory; beyond what any
 * file can have; alignment as in IOMMU_IOAS_MAP. ENOENT: no such IOAS. EBADF: no
 * such file, or one that is opened with O_PATH. EACCES, EPERM: see above. EEXIST,
 * ENOSPC, EPERM as in IOMMU_IOAS_MAP. When pages are pinned, which is when there
 * is or will be a device, also EINVAL: beyond the end of the file; ENOMEM: out of
 * memory, of huge pages or of what may be locked; ENOSPC: the file system is full;
 * EHWPOISON: the file has memory with an error there. EFAULT: the reply can't be
 * written; the memory is mapped all the same, as by IOMMU_IOAS_MAP.
 *
 * Here: that a file is of the wrong kind is said at once, also if nothing is
 * pinned yet.
 */
struct iommu_ioas_map_file {
	__u32 size;
	__u32 flags;
	__u32 ioas_id;
	__s32 fd;
	__aligned_u64 start;
	__aligned_u64 length;
	__aligned_u64 iova;
};

#define IOMMU_IOAS_MAP_FILE _IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_MAP_FILE)

/**
 * struct iommu_ioas_copy - ioctl(IOMMU_IOAS_COPY)
 * @size: sizeof(struct iommu_ioas_copy)
 * @flags: as in IOMMU_IOAS_MAP
 * @dst_ioas_id: the IOAS to map into
 * @src_ioas_id: the IOAS that has the mapping already
 * @length: bytes to map
 * @dst_iova: as @iova in IOMMU_IOAS_MAP
 * @src_iova: start of the mapping to copy
 *
 * Map the same memory a second time. Source IOVA and length must be exactly those
 * of one IOMMU_IOAS_MAP. Cheaper than mapping again: the memory stays pinned once
 * and is counted once.
 */
struct iommu_ioas_copy {
	__u32 size;
	__u32 flags;
	__u32 dst_ioas_id;
	__u32 src_ioas_id;
	__aligned_u64 length;
	__aligned_u64 dst_iova;
	__aligned_u64 src_iova;
};

#define IOMMU_IOAS_COPY _IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_COPY)

/**
 * struct iommu_ioas_unmap - ioctl(IOMMU_IOAS_UNMAP)
 * @size: sizeof(struct iommu_ioas_unmap)
 * @ioas_id: the IOAS
 * @iova: start of the range
 * @length: in: bytes of the range; out: bytes that were unmapped
 *
 * Unmap whole mappings. A range that would split one is refused with ENOENT, an
 * empty one too; 0 to U64_MAX unmaps everything.
 *
 * EBUSY while memory in the range backs a HW queue; this holds for the whole
 * mapping that the queue's memory is part of.
 */
struct iommu_ioas_unmap {
	__u32 size;
	__u32 ioas_id;
	__aligned_u64 iova;
	__aligned_u64 length;
};

#define IOMMU_IOAS_UNMAP _IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_UNMAP)

/**
 * enum iommufd_option - what IOMMU_OPTION can set
 * @IOMMU_OPTION_RLIMIT_MODE: whose RLIMIT_MEMLOCK counts: 0 (default) the
 *    user's, 1 the process's. Needs privilege; concerns the whole file, so
 *    object_id is 0.
 * @IOMMU_OPTION_HUGE_PAGES: of an IOAS: 1 (default) to use large entries where
 *    memory is contiguous, 0 to map everything in pages of PAGE_SIZE.
 */
enum iommufd_option {
	IOMMU_OPTION_RLIMIT_MODE = 0,
	IOMMU_OPTION_HUGE_PAGES = 1,
};

/**
 * enum iommufd_option_ops - what to do with an option
 * @IOMMU_OPTION_OP_SET: give it the value
 * @IOMMU_OPTION_OP_GET: tell the value
 */
enum iommufd_option_ops {
	IOMMU_OPTION_OP_SET = 0,
	IOMMU_OPTION_OP_GET = 1,
};

/**
 * struct iommu_option - ioctl(IOMMU_OPTION)
 * @size: sizeof(struct iommu_option)
 * @option_id: of enum iommufd_option
 * @op: of enum iommufd_option_ops
 * @__reserved: must be 0
 * @object_id: the object, where the option belongs to one
 * @val64: the value, in for SET, out for GET
 *
 * Read or write a single value.
 */
struct iommu_option {
	__u32 size;
	__u32 option_id;
	__u16 op;
	__u16 __reserved;
	__u32 object_id;
	__aligned_u64 val64;
};

#define IOMMU_OPTION _IO(IOMMUFD_TYPE, IOMMUFD_CMD_OPTION)

/**
 * enum iommufd_vfio_ioas_op - what IOMMU_VFIO_IOAS does
 * @IOMMU_VFIO_IOAS_GET: tell which IOAS serves the VFIO container calls
 * @IOMMU_VFIO_IOAS_SET: choose it
 * @IOMMU_VFIO_IOAS_CLEAR: have none: switch the VFIO container calls off
 */
enum iommufd_vfio_ioas_op {
	IOMMU_VFIO_IOAS_GET = 0,
	IOMMU_VFIO_IOAS_SET = 1,
	IOMMU_VFIO_IOAS_CLEAR = 2,
};

/**
 * struct iommu_vfio_ioas - ioctl(IOMMU_VFIO_IOAS)
 * @size: sizeof(struct iommu_vfio_ioas)
 * @ioas_id: the IOAS, in for SET, out for GET
 * @op: of enum iommufd_vfio_ioas_op
 * @__reserved: must be 0
 *
 * VFIO's old container interface knows no ids, so when an iommufd stands in for
 * a container, its calls concern this one IOAS. If none was chosen, the first
 * VFIO_GROUP_SET_CONTAINER makes one. Neither SET nor CLEAR destroys it.
 */
struct iommu_vfio_ioas {
	__u32 size;
	__u32 ioas_id;
	__u16 op;
	__u16 __reserved;
};

#define IOMMU_VFIO_IOAS _IO(IOMMUFD_TYPE, IOMMUFD_CMD_VFIO_IOAS)

/**
 * enum iommufd_hwpt_alloc_flags - what kind of HWPT
 * @IOMMU_HWPT_ALLOC_NEST_PARENT: stage-2 tables on which a vIOMMU can be based
 * @IOMMU_HWPT_ALLOC_DIRTY_TRACKING: only devices whose IOMMU can track dirty
 *                                   memory may be attached
 * @IOMMU_HWPT_FAULT_ID_VALID: deliver page faults to the object @fault_id
 * @IOMMU_HWPT_ALLOC_PASID: tables that may also be attached to a PASID. Here:
 *                          EOPNOTSUPP
 */
enum iommufd_hwpt_alloc_flags {
	IOMMU_HWPT_ALLOC_NEST_PARENT = 1 << 0,
	IOMMU_HWPT_ALLOC_DIRTY_TRACKING = 1 << 1,
	IOMMU_HWPT_FAULT_ID_VALID = 1 << 2,
	IOMMU_HWPT_ALLOC_PASID = 1 << 3,
};

/**
 * enum iommu_hwpt_vtd_s1_flags - of a VT-d stage-1 page table
 * @IOMMU_VTD_S1_SRE: supervisor requests
 * @IOMMU_VTD_S1_EAFE: extended access flag
 * @IOMMU_VTD_S1_WPE: write protection
 */
enum iommu_hwpt_vtd_s1_flags {
	IOMMU_VTD_S1_SRE = 1 << 0,
	IOMMU_VTD_S1_EAFE = 1 << 1,
	IOMMU_VTD_S1_WPE = 1 << 2,
};

/**
 * struct iommu_hwpt_vtd_s1 - a guest's VT-d stage-1 table
 *                            (IOMMU_HWPT_DATA_VTD_S1)
 * @flags: of enum iommu_hwpt_vtd_s1_flags
 * @pgtbl_addr: guest physical address of the table
 * @addr_width: bits of the addresses that it translates
 * @__reserved: must be 0
 */
struct iommu_hwpt_vtd_s1 {
	__aligned_u64 flags;
	__aligned_u64 pgtbl_addr;
	__u32 addr_width;
	__u32 __reserved;
};

/**
 * struct iommu_hwpt_arm_smmuv3 - a guest's stream table entry
 *                                (IOMMU_HWPT_DATA_ARM_SMMUV3)
 * @ste: the first two of the entry's eight words, little endian, as the guest
 *       wrote them
 *
 * If V is 0 the rest is ignored, and the device's DMA is aborted. Otherwise
 * nothing but these fields may be set:
 *
 *  - word 0: V, Config, S1Fmt, S1ContextPtr, S1CDMax
 *  - word 1: S1DSS, S1CIR, S1COR, S1CSH, S1STALLD, EATS
 *
 * Config is 0 (abort), 4 (bypass: DMA uses guest physical addresses) or 5 (stage
 * 1); EATS is 0 or 1. Anything else is EIO: mask what the VMM does not offer to
 * the guest, do not pass it on. S1ContextPtr is a guest physical address; the
 * context descriptors and tables behind it stay the guest's, and the hardware
 * reads them through stage 2.
 *
 * All stage-2 fields, the VMID and the fields of the remaining words are the
 * kernel's. EATS takes effect only if the host allows ATS for the device.
 *
 * Here: S1STALLD counts as set unless the HWPT has a fault queue and the device is
 * known to stall, so that no transaction waits for an answer that nobody can give;
 * newer kernels take it as it is. Do not offer stalls to a guest without both.
 */
struct iommu_hwpt_arm_smmuv3 {
	__aligned_le64 ste[2];
};

/**
 * enum iommu_hwpt_data_type - what describes a HWPT
 * @IOMMU_HWPT_DATA_NONE: nothing: the kernel fills the tables from an IOAS
 * @IOMMU_HWPT_DATA_VTD_S1: struct iommu_hwpt_vtd_s1
 * @IOMMU_HWPT_DATA_ARM_SMMUV3: struct iommu_hwpt_arm_smmuv3
 * @IOMMU_HWPT_DATA_AMD_GUEST: an AMD guest's table. Here: EOPNOTSUPP
 */
enum iommu_hwpt_data_type {
	IOMMU_HWPT_DATA_NONE = 0,
	IOMMU_HWPT_DATA_VTD_S1 = 1,
	IOMMU_HWPT_DATA_ARM_SMMUV3 = 2,
	IOMMU_HWPT_DATA_AMD_GUEST = 3,
};

/**
 * struct iommu_hwpt_alloc - ioctl(IOMMU_HWPT_ALLOC)
 * @size: sizeof(struct iommu_hwpt_alloc)
 * @flags: of enum iommufd_hwpt_alloc_flags
 * @dev_id: the device for whose IOMMU this is
 * @pt_id: what to build on: an IOAS, a nest parent HWPT or a vIOMMU
 * @out_hwpt_id: the id of the new HWPT
 * @__reserved: must be 0
 * @data_type: of enum iommu_hwpt_data_type
 * @data_len: bytes of data
 * @data_uptr: pointer to the data
 * @fault_id: the FAULT object, with IOMMU_HWPT_FAULT_ID_VALID
 * @__reserved2: must be 0; not looked at, as in 6.12
 *
 * Make a hardware page table. What it is follows from @pt_id:
 *
 *  - an IOAS: tables that the kernel keeps filled with the mappings of the IOAS;
 *    no data. With IOMMU_HWPT_ALLOC_NEST_PARENT they are stage 2, which a vIOMMU
 *    needs (SMMUv3: EOPNOTSUPP unless it has both stages; no other flag beside
 *    it).
 *  - a nest parent: a table that the guest fills (VT-d). SMMUv3: EOPNOTSUPP, it
 *    needs the vIOMMU, which knows the VMID and the StreamIDs.
 *  - a vIOMMU: as before, on the vIOMMU's nest parent. Data is required; only
 *    IOMMU_HWPT_FAULT_ID_VALID is allowed on SMMUv3. EINVAL if the device is
 *    behind another physical IOMMU than the vIOMMU.
 *
 * EOPNOTSUPP: reserved members, flags; EINVAL: data and @data_type do not go
 * together, a data type that is not the hardware's, data too short; ENOENT:
 * @dev_id, @fault_id; EINVAL: no object @pt_id, or of a wrong kind; E2BIG: data
 * is longer than the kernel knows and not zero there (Here: or longer than a page);
 * EIO: the guest's words, see struct iommu_hwpt_arm_smmuv3.
 *
 * The device uses the new table when it is attached to it. Attaching to a HWPT on
 * a vIOMMU: EINVAL for a device behind another IOMMU, for one that could leave
 * coherency, and for Config stage 1 on hardware that stalls at every fault if
 * nobody handles the stalls; EBUSY if PASIDs of the device are in use; ENOENT for
 * Config stage 1 if the device has no vDEVICE on the vIOMMU (abort and bypass need
 * none: a guest's SMMU starts with them). The vDEVICE is looked up when attaching;
 * after a change of it attach to a new HWPT, as attaching to the same one again
 * does nothing.
 */
struct iommu_hwpt_alloc {
	__u32 size;
	__u32 flags;
	__u32 dev_id;
	__u32 pt_id;
	__u32 out_hwpt_id;
	__u32 __reserved;
	__u32 data_type;
	__u32 data_len;
	__aligned_u64 data_uptr;
	__u32 fault_id;
	__u32 __reserved2;
};

#define IOMMU_HWPT_ALLOC _IO(IOMMUFD_TYPE, IOMMUFD_CMD_HWPT_ALLOC)

/**
 * enum iommu_hw_info_vtd_flags - of a VT-d unit
 * @IOMMU_HW_INFO_VTD_ERRATA_772415_SPR17: a nest parent must not have read-only
 *    mappings (erratum SPR17 of Intel document 772415)
 */
enum iommu_hw_info_vtd_flags {
	IOMMU_HW_INFO_VTD_ERRATA_772415_SPR17 = 1 << 0,
};

/**
 * struct iommu_hw_info_vtd - about a VT-d unit (IOMMU_HW_INFO_TYPE_INTEL_VTD)
 * @flags: of enum iommu_hw_info_vtd_flags
 * @__reserved: 0
 * @cap_reg: the Capability Register (VT-d specification, 11.4.2)
 * @ecap_reg: the Extended Capability Register (11.4.3)
 */
struct iommu_hw_info_vtd {
	__u32 flags;
	__u32 __reserved;
	__aligned_u64 cap_reg;
	__aligned_u64 ecap_reg;
};

/**
 * struct iommu_hw_info_arm_smmuv3 - about an SMMUv3
 *                                   (IOMMU_HW_INFO_TYPE_ARM_SMMUV3)
 * @flags: 0
 * @__reserved: 0
 * @idr: SMMU_IDR0 to SMMU_IDR5
 * @iidr: SMMU_IIDR
 * @aidr: SMMU_AIDR
 *
 * The registers as the hardware has them. A VMM shows its guest a subset: not
 * everything in here works for a guest (HTTU, stalls and PRI without a fault
 * queue, BTM and ATS without the host's consent do not), and what the VMM does
 * not know must be shown as absent.
 */
struct iommu_hw_info_arm_smmuv3 {
	__u32 flags;
	__u32 __reserved;
	__u32 idr[6];
	__u32 iidr;
	__u32 aidr;
};

/**
 * struct iommu_hw_info_tegra241_cmdqv - about the CMDQV unit of an SMMUv3
 *                                       (IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV)
 * @flags: 0
 * @version: of the unit, PARAM.VER
 * @log2vcmdqs: log2 of the number of queues that one vIOMMU can have
 * @log2vsids: log2 of the number of devices that one vIOMMU can have
 * @__reserved: 0
 */
struct iommu_hw_info_tegra241_cmdqv {
	__u32 flags;
	__u8 version;
	__u8 log2vcmdqs;
	__u8 log2vsids;
	__u8 __reserved;
};

/**
 * enum iommu_hw_info_type - what IOMMU_GET_HW_INFO can tell about
 * @IOMMU_HW_INFO_TYPE_NONE: out: the driver has nothing to tell
 * @IOMMU_HW_INFO_TYPE_DEFAULT: in: whatever the device's IOMMU is
 * @IOMMU_HW_INFO_TYPE_INTEL_VTD: struct iommu_hw_info_vtd
 * @IOMMU_HW_INFO_TYPE_ARM_SMMUV3: struct iommu_hw_info_arm_smmuv3
 * @IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV: struct iommu_hw_info_tegra241_cmdqv; an
 *    SMMUv3 with CMDQV has both this and the one before
 * @IOMMU_HW_INFO_TYPE_AMD: an AMD IOMMU. Here: EOPNOTSUPP
 */
enum iommu_hw_info_type {
	IOMMU_HW_INFO_TYPE_NONE = 0,
	IOMMU_HW_INFO_TYPE_DEFAULT = 0,
	IOMMU_HW_INFO_TYPE_INTEL_VTD = 1,
	IOMMU_HW_INFO_TYPE_ARM_SMMUV3 = 2,
	IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV = 3,
	IOMMU_HW_INFO_TYPE_AMD = 4,
};

/**
 * enum iommufd_hw_capabilities - what the device and its IOMMU can do
 * @IOMMU_HW_CAP_DIRTY_TRACKING: IOMMU_HWPT_SET_DIRTY_TRACKING and
 *                               IOMMU_HWPT_GET_DIRTY_BITMAP work
 * @IOMMU_HW_CAP_PCI_PASID_EXEC: requests with PASID may ask for execution;
 *                               meaningless if out_max_pasid_log2 is 0
 * @IOMMU_HW_CAP_PCI_PASID_PRIV: they may be privileged; likewise
 * @IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED: the device cannot use ATS here
 */
enum iommufd_hw_capabilities {
	IOMMU_HW_CAP_DIRTY_TRACKING = 1 << 0,
	IOMMU_HW_CAP_PCI_PASID_EXEC = 1 << 1,
	IOMMU_HW_CAP_PCI_PASID_PRIV = 1 << 2,
	IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED = 1 << 3,
};

/**
 * enum iommufd_hw_info_flags - of IOMMU_GET_HW_INFO
 * @IOMMU_HW_INFO_FLAG_INPUT_TYPE: @in_data_type says what to tell about.
 *    Without it that member is not read.
 */
enum iommufd_hw_info_flags {
	IOMMU_HW_INFO_FLAG_INPUT_TYPE = 1 << 0,
};

/**
 * struct iommu_hw_info - ioctl(IOMMU_GET_HW_INFO)
 * @size: sizeof(struct iommu_hw_info)
 * @flags: of enum iommufd_hw_info_flags
 * @dev_id: the device
 * @data_len: in: bytes of the buffer; out: bytes that the kernel has to tell,
 *            also when the buffer was shorter
 * @data_uptr: pointer to the buffer
 * @in_data_type: of enum iommu_hw_info_type, with
 *                IOMMU_HW_INFO_FLAG_INPUT_TYPE
 * @out_data_type: what is in the buffer, of enum iommu_hw_info_type
 * @out_max_pasid_log2: how many bits of PASID the device can use, 0 for none
 * @__reserved: must be 0
 * @out_capabilities: of enum iommufd_hw_capabilities
 *
 * What the hardware behind a device can do, for a VMM to decide what its guest
 * will see. A buffer that is longer than the data is filled up with zeros, a
 * shorter one gets as much as fits; none at all (@data_len 0) is fine.
 *
 * EOPNOTSUPP: unknown flags, reserved members; a type that this hardware does
 * not have: that is how a VMM finds out that there is no CMDQV. ENOENT: @dev_id.
 * EFAULT: the buffer.
 */
struct iommu_hw_info {
	__u32 size;
	__u32 flags;
	__u32 dev_id;
	__u32 data_len;
	__aligned_u64 data_uptr;
	union {
		__u32 in_data_type;
		__u32 out_data_type;
	};
	__u8 out_max_pasid_log2;
	__u8 __reserved[3];
	__aligned_u64 out_capabilities;
};

#define IOMMU_GET_HW_INFO _IO(IOMMUFD_TYPE, IOMMUFD_CMD_GET_HW_INFO)

/**
 * enum iommufd_hwpt_set_dirty_tracking_flags - of IOMMU_HWPT_SET_DIRTY_TRACKING
 * @IOMMU_HWPT_DIRTY_TRACKING_ENABLE: track; without it: stop tracking
 */
enum iommufd_hwpt_set_dirty_tracking_flags {
	IOMMU_HWPT_DIRTY_TRACKING_ENABLE = 1,
};

/**
 * struct iommu_hwpt_set_dirty_tracking - ioctl(IOMMU_HWPT_SET_DIRTY_TRACKING)
 * @size: sizeof(struct iommu_hwpt_set_dirty_tracking)
 * @flags: of enum iommufd_hwpt_set_dirty_tracking_flags
 * @hwpt_id: the HWPT
 * @__reserved: must be 0
 *
 * Have the hardware note, or not note, which memory devices have written.
 */
struct iommu_hwpt_set_dirty_tracking {
	__u32 size;
	__u32 flags;
	__u32 hwpt_id;
	__u32 __reserved;
};

#define IOMMU_HWPT_SET_DIRTY_TRACKING _IO(IOMMUFD_TYPE, \
					  IOMMUFD_CMD_HWPT_SET_DIRTY_TRACKING)

/**
 * enum iommufd_hwpt_get_dirty_bitmap_flags - of IOMMU_HWPT_GET_DIRTY_BITMAP
 * @IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR: leave the hardware's notes as they are;
 *    saves work if the range is going to be unmapped anyway
 */
enum iommufd_hwpt_get_dirty_bitmap_flags {
	IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR = 1,
};

/**
 * struct iommu_hwpt_get_dirty_bitmap - ioctl(IOMMU_HWPT_GET_DIRTY_BITMAP)
 * @size: sizeof(struct iommu_hwpt_get_dirty_bitmap)
 * @hwpt_id: the HWPT
 * @flags: of enum iommufd_hwpt_get_dirty_bitmap_flags
 * @__reserved: must be 0
 * @iova: what bit 0 of the bitmap stands for
 * @length: bytes of IOVA to look at
 * @page_size: bytes of IOVA that one bit stands for
 * @data: pointer to the bitmap, 64-bit words
 *
 * Which memory devices have written since the last time. The bit of an IOVA::
 *
 *	n = (addr - iova) / page_size
 *	data[n / 64] & (1ULL << (n % 64))
 *
 * Bits are only set, so the caller clears the bitmap first. Unless told
 * otherwise the hardware's notes are cleared by reading them.
 */
struct iommu_hwpt_get_dirty_bitmap {
	__u32 size;
	__u32 hwpt_id;
	__u32 flags;
	__u32 __reserved;
	__aligned_u64 iova;
	__aligned_u64 length;
	__aligned_u64 page_size;
	__aligned_u64 data;
};

#define IOMMU_HWPT_GET_DIRTY_BITMAP _IO(IOMMUFD_TYPE, \
					IOMMUFD_CMD_HWPT_GET_DIRTY_BITMAP)

/**
 * enum iommu_hwpt_invalidate_data_type - what a request is made of
 * @IOMMU_HWPT_INVALIDATE_DATA_VTD_S1: struct iommu_hwpt_vtd_s1_invalidate, for a
 *    nested HWPT
 * @IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3: struct
 *    iommu_viommu_arm_smmuv3_invalidate, for a vIOMMU
 */
enum iommu_hwpt_invalidate_data_type {
	IOMMU_HWPT_INVALIDATE_DATA_VTD_S1 = 0,
	IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3 = 1,
};

/**
 * enum iommu_hwpt_vtd_s1_invalidate_flags - of a VT-d request
 * @IOMMU_VTD_INV_FLAGS_LEAF: only leaf entries have changed
 */
enum iommu_hwpt_vtd_s1_invalidate_flags {
	IOMMU_VTD_INV_FLAGS_LEAF = 1 << 0,
};

/**
 * struct iommu_hwpt_vtd_s1_invalidate - a VT-d request
 *                                       (IOMMU_HWPT_INVALIDATE_DATA_VTD_S1)
 * @addr: where to start, a multiple of 4 KiB
 * @npages: how many pages of 4 KiB; U64_MAX with @addr 0 for everything
 * @flags: of enum iommu_hwpt_vtd_s1_invalidate_flags
 * @__reserved: must be 0
 *
 * Device TLBs are included if the device uses ATS.
 */
struct iommu_hwpt_vtd_s1_invalidate {
	__aligned_u64 addr;
	__aligned_u64 npages;
	__u32 flags;
	__u32 __reserved;
};

/**
 * struct iommu_viommu_arm_smmuv3_invalidate - an SMMUv3 request
 *                                   (IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3)
 * @cmd: the guest's command, little endian, as it stood in the guest's queue
 *
 * These are executed; of what they name, the VMID becomes the vIOMMU's and the
 * StreamID that of the physical device:
 *
 *  - CMD_TLBI_NSNH_ALL (as CMD_TLBI_NH_ALL), CMD_TLBI_NH_ALL, CMD_TLBI_NH_ASID,
 *    CMD_TLBI_NH_VA, CMD_TLBI_NH_VAA
 *  - CMD_CFGI_CD, CMD_CFGI_CD_ALL, CMD_ATC_INV; the device needs a vDEVICE
 *
 * All others are EIO, as is a StreamID without a vDEVICE, and what hardware would
 * call an illegal command: SSec, a SubstreamID or a range that there is not. To a
 * guest all of it is CERROR_ILL. CMD_SYNC is not passed on: when the ioctl returns,
 * everything before it has completed. CMD_CFGI_STE and its relatives are for the
 * VMM: it reads the guest's entry again and attaches the device to a HWPT of the
 * new words. CMD_ATC_INV for a device without ATS has nothing to do, and is done.
 */
struct iommu_viommu_arm_smmuv3_invalidate {
	__aligned_le64 cmd[2];
};

/**
 * struct iommu_hwpt_invalidate - ioctl(IOMMU_HWPT_INVALIDATE)
 * @size: sizeof(struct iommu_hwpt_invalidate)
 * @hwpt_id: a nested HWPT, or a vIOMMU
 * @data_uptr: pointer to an array of requests
 * @data_type: of enum iommu_hwpt_invalidate_data_type
 * @entry_len: bytes of one request, at most PAGE_SIZE
 * @entry_num: in: number of requests, at most 1 << 19; out: number of requests
 *             that were completed, also when the ioctl fails
 * @__reserved: must be 0
 *
 * Drop what hardware caches of tables that the guest has changed. Requests are
 * executed in order, up to the first that is wrong; then the ioctl fails with
 * @entry_num requests done, and the next one is the culprit.
 *
 * @entry_num 0 asks whether @data_type is known and does nothing else; @entry_len
 * and @data_uptr are not looked at.
 *
 * In this order. EOPNOTSUPP: reserved member. EINVAL: @data_uptr is NULL,
 * @entry_len is 0 or beyond PAGE_SIZE, @entry_num is too large. ENOENT: @hwpt_id.
 * EINVAL: an object that takes no requests. EOPNOTSUPP: its driver takes none.
 * EINVAL: a data type that the object does not know. Then of each request: EFAULT,
 * E2BIG (longer than the kernel knows, and not zero there; one that is shorter is
 * completed with zeros), EIO (what it asks for). ETIMEDOUT: the hardware did not
 * answer; EINTR: the caller is being killed.
 *
 * If @entry_num can't be written, the ioctl fails with EFAULT whatever it has done:
 * the VMM has to take everything for not done, and do all of it again.
 *
 * Here: @entry_num is what the hardware has completed, exactly; some kernels count
 * requests that were only read. @entry_num 0 is good for SMMUv3, too; some kernels
 * answer EINVAL. The largest number of requests takes no more memory than one does.
 */
struct iommu_hwpt_invalidate {
	__u32 size;
	__u32 hwpt_id;
	__aligned_u64 data_uptr;
	__u32 data_type;
	__u32 entry_len;
	__u32 entry_num;
	__u32 __reserved;
};

#define IOMMU_HWPT_INVALIDATE _IO(IOMMUFD_TYPE, IOMMUFD_CMD_HWPT_INVALIDATE)

/**
 * enum iommu_hwpt_pgfault_flags - of a page fault
 * @IOMMU_PGFAULT_FLAGS_PASID_VALID: it has a PASID
 * @IOMMU_PGFAULT_FLAGS_LAST_PAGE: it is the last one of its group
 */
enum iommu_hwpt_pgfault_flags {
	IOMMU_PGFAULT_FLAGS_PASID_VALID		= (1 << 0),
	IOMMU_PGFAULT_FLAGS_LAST_PAGE		= (1 << 1),
};

/**
 * enum iommu_hwpt_pgfault_perm - what the device wanted to do
 * @IOMMU_PGFAULT_PERM_READ: read
 * @IOMMU_PGFAULT_PERM_WRITE: write
 * @IOMMU_PGFAULT_PERM_EXEC: execute (Execute Requested of the PASID prefix)
 * @IOMMU_PGFAULT_PERM_PRIV: with privilege (Privileged Mode Requested of it)
 */
enum iommu_hwpt_pgfault_perm {
	IOMMU_PGFAULT_PERM_READ			= (1 << 0),
	IOMMU_PGFAULT_PERM_WRITE		= (1 << 1),
	IOMMU_PGFAULT_PERM_EXEC			= (1 << 2),
	IOMMU_PGFAULT_PERM_PRIV			= (1 << 3),
};

/**
 * struct iommu_hwpt_pgfault - a page fault, as read from a fault fd
 * @flags: of enum iommu_hwpt_pgfault_flags
 * @dev_id: the device
 * @pasid: its PASID
 * @grpid: number of the group of faults
 * @perm: of enum iommu_hwpt_pgfault_perm
 * @__reserved: 0
 * @addr: the address
 * @length: how much the device is going to access, if it says so; otherwise 0
 * @cookie: to be repeated in the response, of the last fault of the group
 */
struct iommu_hwpt_pgfault {
	__u32 flags;
	__u32 dev_id;
	__u32 pasid;
	__u32 grpid;
	__u32 perm;
	__u32 __reserved;
	__aligned_u64 addr;
	__u32 length;
	__u32 cookie;
};

/**
 * enum iommufd_page_response_code - how a fault ends
 * @IOMMUFD_PAGE_RESP_SUCCESS: the page is there now, the device tries again
 * @IOMMUFD_PAGE_RESP_INVALID: there is no such page, the device gives up
 */
enum iommufd_page_response_code {
	IOMMUFD_PAGE_RESP_SUCCESS = 0,
	IOMMUFD_PAGE_RESP_INVALID = 1,
};

/**
 * struct iommu_hwpt_page_response - the answer, to be written to a fault fd
 * @cookie: of the fault group
 * @code: of enum iommufd_page_response_code
 */
struct iommu_hwpt_page_response {
	__u32 cookie;
	__u32 code;
};

/**
 * struct iommu_fault_alloc - ioctl(IOMMU_FAULT_QUEUE_ALLOC)
 * @size: sizeof(struct iommu_fault_alloc)
 * @flags: must be 0
 * @out_fault_id: the id of the new FAULT object
 * @out_fault_fd: a file to read faults from and to write responses to
 *
 * Make a queue for page faults of devices. HWPTs name it when they are made; each
 * of them keeps it, and its file does.
 *
 * read() returns struct iommu_hwpt_pgfault, whole groups of them, and 0 if there is
 * none. ESPIPE if the buffer is no multiple of that, EINVAL if the first group does
 * not fit. write() takes struct iommu_hwpt_page_response, one for each group, in any
 * order; ESPIPE if the length is no multiple of that, EINVAL for a cookie that
 * nobody waits for or an unknown code; if it fails after the first one, it returns
 * the bytes that were taken. poll() says POLLIN while there is something to read.
 *
 * Who has not been answered when the device is detached from the HWPT is told
 * &IOMMUFD_PAGE_RESP_INVALID by the kernel.
 */
struct iommu_fault_alloc {
	__u32 size;
	__u32 flags;
	__u32 out_fault_id;
	__u32 out_fault_fd;
};

#define IOMMU_FAULT_QUEUE_ALLOC _IO(IOMMUFD_TYPE, IOMMUFD_CMD_FAULT_QUEUE_ALLOC)

/**
 * enum iommu_viommu_type - what a VM gets a slice of
 * @IOMMU_VIOMMU_TYPE_DEFAULT: refused
 * @IOMMU_VIOMMU_TYPE_ARM_SMMUV3: an SMMUv3: translation for the VM's devices,
 *    and invalidation by IOMMU_HWPT_INVALIDATE
 * @IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV: the same, and a VINTF of the CMDQV unit with
 *    queues of its own; data is struct iommu_viommu_tegra241_cmdqv
 */
enum iommu_viommu_type {
	IOMMU_VIOMMU_TYPE_DEFAULT = 0,
	IOMMU_VIOMMU_TYPE_ARM_SMMUV3 = 1,
	IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV = 2,
};

/**
 * struct iommu_viommu_tegra241_cmdqv - where the VINTF's registers are
 *                                      (IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV)
 * @out_vintf_mmap_offset: out: the offset for mmap() on the iommufd
 * @out_vintf_mmap_length: out: the length for it
 *
 * The window is page 0 of the VINTF, 64 KiB with every page size. Logical queue
 * n has at n * 0x80: CONS, PROD, CONFIG, STATUS, GERROR, GERRORN. What a guest
 * must not touch (BASE) is in page 1, which cannot be mapped; the VMM traps it.
 *
 * mmap() on the iommufd takes exactly this offset and exactly this length
 * (otherwise ENXIO), with MAP_SHARED (EINVAL) and without PROT_EXEC (EPERM). The
 * memory is device memory: registers are accessed with 32 bits, and what a
 * command refers to is written before PROD, with a barrier for devices between
 * them. Accesses to a queue that is not there are dropped: reads give nothing
 * useful, writes are lost. Here: nor can PROT_EXEC be added with mprotect() later
 * (EACCES).
 *
 * Every mapping keeps the vIOMMU: fork() and splitting a mapping included.
 */
struct iommu_viommu_tegra241_cmdqv {
	__aligned_u64 out_vintf_mmap_offset;
	__aligned_u64 out_vintf_mmap_length;
};

/**
 * struct iommu_viommu_alloc - ioctl(IOMMU_VIOMMU_ALLOC)
 * @size: sizeof(struct iommu_viommu_alloc)
 * @flags: must be 0
 * @type: of enum iommu_viommu_type
 * @dev_id: a device behind the physical IOMMU
 * @hwpt_id: the nest parent that the VM's translation ends in
 * @out_viommu_id: the id of the new vIOMMU
 * @data_len: bytes of data, where the type has any
 * @__reserved: must be 0. Here: EOPNOTSUPP if it is not
 * @data_uptr: pointer to the data
 *
 * Give a VM a slice of a physical IOMMU. One vIOMMU stands for one physical
 * IOMMU; a VM with devices behind several needs one, and a nest parent, for each.
 * What the VM's queues and requests invalidate is tagged with the nest parent's
 * VMID: a nest parent must not be shared by VMs.
 *
 * EOPNOTSUPP: flags, type DEFAULT or one that the hardware does not have; an SMMU
 * without two stages, with an erratum that forbids nesting, or with neither
 * stage-2 forced write-back (S2FWB) nor a coherent path to memory for the device
 * (CANWBS), as a guest could then switch off coherency. ENOENT: @dev_id, then
 * @hwpt_id. EINVAL: no nest parent, or one of another SMMU. For CMDQV: EINVAL if
 * the data is missing or too short, E2BIG if it is longer and not zero there,
 * EDQUOT if the user has as many VINTFs through the device as he may, ENOSPC if no
 * VINTF is free, ETIMEDOUT or EIO if the hardware does not follow, EFAULT.
 *
 * The vIOMMU, and with it its window, exist for others when the ioctl has
 * returned, not before. It needs the SMMU, not the device: @dev_id may be unbound
 * while the vIOMMU lives.
 *
 * Here: E2BIG for more data than a page, before the driver sees it.
 *
 * Here: an SMMU has few VINTFs (63 on Grace), so a user has at most four at a time
 * through one device. The administrator can change that:
 * arm_smmu_v3.vintfs_per_device on the kernel's command line or in /sys/module, 0
 * for no bound. A VINTF counts until its vIOMMU is destroyed and the hardware has
 * stopped, wherever the device is meanwhile. EDQUOT is therefore not for the VMM to
 * wait for: it holds the others itself, or another process of its user does.
 */
struct iommu_viommu_alloc {
	__u32 size;
	__u32 flags;
	__u32 type;
	__u32 dev_id;
	__u32 hwpt_id;
	__u32 out_viommu_id;
	__u32 data_len;
	__u32 __reserved;
	__aligned_u64 data_uptr;
};

#define IOMMU_VIOMMU_ALLOC _IO(IOMMUFD_TYPE, IOMMUFD_CMD_VIOMMU_ALLOC)

/**
 * struct iommu_vdevice_alloc - ioctl(IOMMU_VDEVICE_ALLOC)
 * @size: sizeof(struct iommu_vdevice_alloc)
 * @viommu_id: the vIOMMU
 * @dev_id: the device
 * @out_vdevice_id: the id of the new vDEVICE
 * @virt_id: what the guest calls the device; SMMUv3: the StreamID
 *
 * Tell the vIOMMU which physical device a guest's command means. With CMDQV this
 * takes one of the VINTF's StreamID slots, and works for commands in the VM's
 * queues as soon as the ioctl returns.
 *
 * ENOENT: @viommu_id, @dev_id, or the device is just being unbound. EINVAL: the
 * device is behind another IOMMU. EEXIST: the device has a vDEVICE already, or
 * the vIOMMU has one of this @virt_id. SMMUv3: EINVAL if @virt_id is not a
 * StreamID (32 bits), EOPNOTSUPP if the device has not exactly one StreamID. CMDQV:
 * EINVAL if @virt_id is not below 2^20, ENOSPC if all slots are taken.
 *
 * A vDEVICE can be destroyed at any time. When the device is unbound (its VFIO
 * file is closed) the kernel does it, and the id stays unusable for the life of
 * the iommufd: a later IOMMU_DESTROY of it gets ENOENT and hits nothing else.
 */
struct iommu_vdevice_alloc {
	__u32 size;
	__u32 viommu_id;
	__u32 dev_id;
	__u32 out_vdevice_id;
	__aligned_u64 virt_id;
};

#define IOMMU_VDEVICE_ALLOC _IO(IOMMUFD_TYPE, IOMMUFD_CMD_VDEVICE_ALLOC)

/**
 * struct iommu_ioas_change_process - ioctl(IOMMU_IOAS_CHANGE_PROCESS)
 * @size: sizeof(struct iommu_ioas_change_process)
 * @__reserved: must be 0
 *
 * On newer kernels: move the accounting of pinned memory to the calling process.
 * Here: ENOTTY; a VMM cannot replace itself under a running guest.
 */
struct iommu_ioas_change_process {
	__u32 size;
	__u32 __reserved;
};

#define IOMMU_IOAS_CHANGE_PROCESS \
	_IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_CHANGE_PROCESS)

/**
 * enum iommu_veventq_flag - of struct iommufd_vevent_header
 * @IOMMU_VEVENTQ_FLAG_LOST_EVENTS: events were lost here; no data follows
 */
enum iommu_veventq_flag {
	IOMMU_VEVENTQ_FLAG_LOST_EVENTS = (1U << 0),
};

/**
 * struct iommufd_vevent_header - what precedes each event in a vEVENTQ
 * @flags: of enum iommu_veventq_flag
 * @sequence: the number of the event: 0 for the first of the queue, then one more
 *            than that of the event before, 0 after INT_MAX. Lost events are
 *            numbered, too: a gap tells how many. In a record with
 *            IOMMU_VEVENTQ_FLAG_LOST_EVENTS it is the number of the newest event
 *            that was lost.
 */
struct iommufd_vevent_header {
	__u32 flags;
	__u32 sequence;
};

/**
 * enum iommu_veventq_type - what a vEVENTQ tells about
 * @IOMMU_VEVENTQ_TYPE_DEFAULT: refused
 * @IOMMU_VEVENTQ_TYPE_ARM_SMMUV3: faults of stage 1: struct
 *    iommu_vevent_arm_smmuv3
 * @IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV: errors of queues: struct
 *    iommu_vevent_tegra241_cmdqv; of a vIOMMU of this type only
 */
enum iommu_veventq_type {
	IOMMU_VEVENTQ_TYPE_DEFAULT = 0,
	IOMMU_VEVENTQ_TYPE_ARM_SMMUV3 = 1,
	IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV = 2,
};

/**
 * struct iommu_vevent_arm_smmuv3 - an event for the guest's event queue
 *                                  (IOMMU_VEVENTQ_TYPE_ARM_SMMUV3)
 * @evt: the record, little endian, with the StreamID that the guest knows
 *
 * Of C_BAD_STE, F_STREAM_DISABLED, C_BAD_SUBSTREAMID, C_BAD_CD, F_TRANSLATION,
 * F_ADDR_SIZE, F_ACCESS and F_PERMISSION: those that the guest's own tables
 * caused, while the device was attached to a HWPT of Config stage 1. Faults of
 * stage 2 are the host's, and stalls go to the fault queue of the HWPT. The guest's
 * memory may hold fewer events than happen: if its queue is full, set the overflow
 * flag of its PROD register as an SMMU does.
 *
 * Here: fields that mean nothing to a guest are 0. An event that happened before
 * the device was attached is not reported.
 */
struct iommu_vevent_arm_smmuv3 {
	__aligned_le64 evt[4];
};

/**
 * struct iommu_vevent_tegra241_cmdqv - queues have stopped with an error
 *                                      (IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV)
 * @lvcmdq_err_map: bit n of the 128: logical queue n has an error that the guest
 *                  has not acknowledged in GERRORN. Little endian.
 *
 * A state, not a moment: the latest record tells all. A bit that is not set any
 * more was acknowledged by the guest, which it does in its window without anybody
 * noticing: there is no event for that. The registers there say the same of one
 * queue: it has an error if GERROR and GERRORN differ.
 *
 * Here: there is an event when there is a new error, of this vIOMMU, and not for
 * errors of others; what is pending when the vEVENTQ is made is told at once. A
 * guest that makes errors as fast as it can is told of them less often: its
 * interrupts are masked for a moment, and the state after that is reported.
 */
struct iommu_vevent_tegra241_cmdqv {
	__aligned_le64 lvcmdq_err_map[2];
};

/**
 * struct iommu_veventq_alloc - ioctl(IOMMU_VEVENTQ_ALLOC)
 * @size: sizeof(struct iommu_veventq_alloc)
 * @flags: must be 0
 * @viommu_id: the vIOMMU
 * @type: of enum iommu_veventq_type
 * @veventq_depth: how many unread events are kept, 1 to 1 << 19
 * @out_veventq_id: the id of the new vEVENTQ
 * @out_veventq_fd: a file to read events from; closed by execve()
 * @__reserved: must be 0
 *
 * Make a queue for events of one type of a vIOMMU. Without one nobody is told: the
 * events go to the host's log, a few of them.
 *
 * EOPNOTSUPP: flags, reserved member, type DEFAULT; EINVAL: depth; ENOENT:
 * @viommu_id; EOPNOTSUPP: a type that the vIOMMU does not have; EEXIST: the vIOMMU
 * has a queue of this type; ENOMEM; EMFILE, ENFILE: too many open files.
 *
 * The file is for read() and poll(), nothing else (no write(), lseek(), pread(),
 * mmap() or ioctl()). Every copy of it, in whichever process, keeps the vEVENTQ
 * (DESTROY: EBUSY) and the iommufd. Closing it stops nothing: only DESTROY of the
 * vEVENTQ does.
 *
 * read() returns records: a struct iommufd_vevent_header, and after it the event of
 * the type, unless the header says that events were lost.
 *
 *  - It never waits, with or without O_NONBLOCK, and returns 0 if there is nothing.
 *  - It returns as many records as there are and as fit, whole ones only, in the
 *    order of their events; what does not fit stays.
 *  - EINVAL: not even a header would fit; or the first record does not.
 *  - EFAULT: the first record could not be copied. Nothing was taken: a record that
 *    could not be copied is read again by the next read().
 *  - Of several readers each record goes to one.
 *
 * poll() says POLLIN and POLLRDNORM while there is something to read. Here: an event
 * wakes who waits only if something has been read since the last wake-up, so with
 * EPOLLET read until there is nothing any more.
 *
 * If the queue is full, or memory short, what happens is lost, not what is in it. A
 * record with IOMMU_VEVENTQ_FLAG_LOST_EVENTS after the last event says so as long as
 * no newer event has been kept; from then on the gap in the numbers does, and there
 * is no such record for it. So a reader keeps the number that it expects next and
 * compares.
 *
 * Here: what the SMMU itself drops, because its own queue is full, counts as lost,
 * too: one number for all that was dropped since the last time. All devices behind the
 * SMMU share that queue, and what is dropped does not say whose it was. So each vIOMMU
 * with a device behind it is told of a loss, which may have been of another's event.
 * It is told as soon as the kernel knows: events that are older may follow.
 *
 * Here: the type is checked, so there are at most as many queues as the vIOMMU has
 * types of events. Memory for events is charged to the memory cgroup of the caller
 * of this ioctl, event by event; a depth that is not used costs nothing.
 */
struct iommu_veventq_alloc {
	__u32 size;
	__u32 flags;
	__u32 viommu_id;
	__u32 type;
	__u32 veventq_depth;
	__u32 out_veventq_id;
	__u32 out_veventq_fd;
	__u32 __reserved;
};

#define IOMMU_VEVENTQ_ALLOC _IO(IOMMUFD_TYPE, IOMMUFD_CMD_VEVENTQ_ALLOC)

/**
 * enum iommu_hw_queue_type - what reads the queue
 * @IOMMU_HW_QUEUE_TYPE_DEFAULT: refused
 * @IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV: a command queue (VCMDQ) of a VINTF; for a
 *    vIOMMU of IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV. The index is that of the logical
 *    queue, below 1 << log2vcmdqs. The length is 16 bytes times the number of
 *    entries: a power of two, from 32 bytes to what IDR1.CMDQS allows.
 */
enum iommu_hw_queue_type {
	IOMMU_HW_QUEUE_TYPE_DEFAULT = 0,
	IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV = 1,
};

/**
 * struct iommu_hw_queue_alloc - ioctl(IOMMU_HW_QUEUE_ALLOC)
 * @size: sizeof(struct iommu_hw_queue_alloc)
 * @flags: must be 0
 * @viommu_id: the vIOMMU
 * @type: of enum iommu_hw_queue_type
 * @index: number of the queue within the vIOMMU
 * @out_hw_queue_id: the id of the new HW queue
 * @nesting_parent_iova: guest physical address of the queue's memory
 * @length: bytes of it
 *
 * Have the hardware read commands from guest memory. It does so by physical
 * address, without translation, so the memory must be contiguous there: within
 * one page of the size that backs the guest, unless the VMM knows better. Back the
 * guest with huge pages, or limit the size of queues that it may ask for (CMDQS
 * of the guest's IDR1).
 *
 * Only the host's operator can change what backs a guest, so the host's log tells
 * of a queue whose memory is not contiguous (EFAULT), or does not begin at a
 * multiple of @length in physical memory although @nesting_parent_iova is one
 * (EINVAL): VINTF, device and process, index, size and address of the queue, where
 * it ceases to be contiguous, the size of the page there, and of the pages that
 * would do. One line a minute for a vIOMMU, ten in five seconds for all.
 *
 * While the queue lives, its memory cannot be unmapped from the IOAS (EBUSY), and
 * queue @index + 1 keeps queue @index: queues are made upwards from 0 without a
 * gap, and destroyed downwards. The new queue is disabled and empty (CONS, PROD
 * and CONFIG are 0); its errors and its memory's former contents mean nothing to
 * it.
 *
 * In this order. EOPNOTSUPP: flags, type DEFAULT. EINVAL: @length is 0.
 * EOVERFLOW: the range leaves the 64-bit space. ENOENT: @viommu_id. EOPNOTSUPP: a
 * vIOMMU without queues of the type. EINVAL: @length is no power of two, below 32
 * or above what the hardware takes. ENOENT: memory is not mapped; EPERM: it is, but
 * devices may not read it; EINVAL: it is being unmapped, or is no memory of the
 * kernel's; EFAULT: it is not contiguous. EINVAL: @index is not below the number of
 * queues. EEXIST: queue @index exists. EIO: queue @index - 1 does not. EINVAL: the
 * physical address is no multiple of @length or has more than 48 bits. EIO: a queue
 * of this vIOMMU could not be stopped, so it is out of use and the VM needs another
 * one. ETIMEDOUT, EIO: the hardware does not follow.
 *
 * Here: @length is checked before memory is looked at, and nothing of that size is
 * allocated; newer kernels count and pin page by page first. Queue @index - 1 counts
 * as missing (EIO) until the ioctl that makes it has returned.
 *
 * IOMMU_DESTROY stops the queue, whatever the guest does at the same time.
 */
struct iommu_hw_queue_alloc {
	__u32 size;
	__u32 flags;
	__u32 viommu_id;
	__u32 type;
	__u32 index;
	__u32 out_hw_queue_id;
	__aligned_u64 nesting_parent_iova;
	__aligned_u64 length;
};

#define IOMMU_HW_QUEUE_ALLOC _IO(IOMMUFD_TYPE, IOMMUFD_CMD_HW_QUEUE_ALLOC)

#endif /* _UAPI_IOMMUFD_H */
