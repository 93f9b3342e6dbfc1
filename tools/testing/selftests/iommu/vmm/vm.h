/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtual machine without a CPU: one device, guest memory, stage 2, a vIOMMU
 * with its window, a stage-1 translation and command queues. What a guest would
 * do is done by this program (or by a process that it forks), with nothing but
 * what a guest has: its memory and its window.
 *
 * Each vm_*() step returns 0 or a negative errno and can be undone alone, so that
 * a test stops wherever it wants. vm_close() undoes whatever was done, in order.
 */
#ifndef VMM_VM_H
#define VMM_VM_H

#include "types.h"
#include "guestmem.h"
#include "iommufd.h"
#include "smmuv3.h"
#include "vcmdq.h"
#include "vfio.h"

/* Below 256 MiB, so that the edu device reaches it without a stage 1, too */
#define VM_RAM_IPA	0x04000000ULL
#define VM_RAM_SIZE	(4UL << 20)
#define VM_MAX_QUEUES	128

/**
 * struct vm - all of it; ids are 0 while the object does not exist
 * @name: what to call it
 * @fd: its iommufd
 * @dev: its device
 * @ram: its memory, mapped at VM_RAM_IPA
 * @ioas: the address space that holds @ram
 * @s2: the nest parent
 * @viommu: the vIOMMU
 * @window: page 0 of its VINTF
 * @window_offset: where it is in the iommufd
 * @window_size: bytes of it
 * @vsid: StreamID that the guest knows for the device
 * @vdevice: that, in iommufd
 * @s1: the guest's translation
 * @nested: the HWPT of it
 * @queues: number of queues
 * @hwq: their ids
 * @q: the guest's driver of each; shared with a process that plays the guest, as
 *     guest memory is
 */
struct vm {
	const char *name;
	int fd;
	struct vfio_dev dev;
	struct guestmem ram;
	u32 ioas;
	u32 s2;
	u32 viommu;
	void *window;
	u64 window_offset;
	u64 window_size;
	u32 vsid;
	u32 vdevice;
	struct stage1 s1;
	u32 nested;
	unsigned int queues;
	u32 hwq[VM_MAX_QUEUES];
	struct vcmdq *q;
};

/* iommufd, device, memory, stage 2; the device is attached to stage 2 */
int vm_open(struct vm *vm, const char *name, const char *bdf);
/* The same with @size bytes of memory instead of VM_RAM_SIZE */
int vm_open_ram(struct vm *vm, const char *name, const char *bdf, size_t size);
/* vIOMMU of @type; window and mapping of it if it has one */
int vm_add_viommu(struct vm *vm, u32 type);
int vm_map_window(struct vm *vm);
int vm_unmap_window(struct vm *vm);
/* The device is @vsid to the guest */
int vm_add_vdevice(struct vm *vm, u32 vsid);
/* An empty stage 1 of @asid, and the device behind it */
int vm_add_stage1(struct vm *vm, u16 asid);
/* The device on stage 2 alone again */
int vm_drop_stage1(struct vm *vm);
/* The next queue, of 1 << @log2size entries; the guest has not enabled it yet */
int vm_add_queue(struct vm *vm, unsigned int log2size);
/* Destroy the highest queue */
int vm_drop_queue(struct vm *vm);
/* All of the above but vm_open(), and an enabled queue of 256 entries */
int vm_set_up(struct vm *vm, u32 vsid, u16 asid);
/* Undo everything, in order; the first error, if any */
int vm_close(struct vm *vm);
/* What the program has of a VM whose files are closed and whose window is unmapped */
void vm_forget(struct vm *vm);

/**
 * struct guest_report - what the kernel had to do with a guest's work
 * @syscalls: system calls made
 * @faults: page faults taken
 * @result: what the work returned, 0 to 255
 * @died: it did not get to its end
 */
struct guest_report {
	unsigned int syscalls;
	unsigned long faults;
	unsigned int result;
	bool died;
};

/**
 * vm_run_guest() - run a guest's work in a process of its own, under observation
 * @vm: the VM; guest memory and window are there in the process as well
 * @work: what to do; it must not use the C library beyond memory operations
 * @arg: for it
 * @at_start: called here when the process is about to start @work; may be NULL
 * @at_end: called here when @work is done; may be NULL
 * @report: the result
 *
 * The process is traced: each system call that it makes between start and end of
 * @work stops it and is counted.
 *
 * Return: 0 or a negative errno, if it could not be run.
 */
int vm_run_guest(struct vm *vm, unsigned int (*work)(struct vm *vm, void *arg),
		 void *arg, void (*at_start)(void *arg),
		 void (*at_end)(void *arg), struct guest_report *report);

#endif
