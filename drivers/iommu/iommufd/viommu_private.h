/* SPDX-License-Identifier: GPL-2.0-only */
/**
 * DOC: References and locks of virtual IOMMUs
 *
 * The iommufd core's own side of virtual IOMMUs. What drivers see of it is in
 * include/linux/iommufd_viommu.h.
 *
 * Who holds what, and for how long::
 *
 *	vIOMMU		"users" of its nest parent HWPT, the module of the IOMMU
 *			driver						life
 *	nested HWPT	"users" of its vIOMMU				life
 *	vDEVICE		"users" of its vIOMMU				life
 *	HW queue	"users" of its vIOMMU, "users" of the queue with
 *			the next lower index				life
 *			num_locks of the areas its memory lies in	life
 *	VMA		"users" of the vIOMMU whose window it maps	life
 *	vEVENTQ		"users" of its vIOMMU, the memory cgroup that its
 *			events are charged to				life
 *	file of a	"users" of the vEVENTQ, the file of the iommufd
 *	vEVENTQ								until closed
 *
 * "users" makes IOMMU_DESTROY fail with EBUSY. Nothing holds a device: when it
 * leaves, its vDEVICE goes first (vdevice.c). A vIOMMU needs the IOMMU, not the
 * device that it was made for.
 *
 * An object drops its references as the last thing in its destruction: what it
 * refers to may be gone the moment after.
 *
 * Lock order, outermost first; there is none between these groups, but that Linux'
 * part of iommufd pins memory, which takes mmap_lock, with iova_rwsem held::
 *
 *	iommufd_ctx::vdevs_lock -> iommufd_viommu::vdevs_rwsem -> driver's locks
 *	iommufd_ctx::vdevs_lock -> xa_lock of iommufd_ctx::objects
 *	iommufd_group::lock -> vdevs_rwsem, for reading, in a driver's attach_dev
 *	iommufd_group::lock -> the IOMMU group's mutex
 *	iommufd_group::lock -> io_pagetable::iova_rwsem
 *
 *	iommufd_viommu_obj::queues_lock -> driver's locks
 *	iommufd_viommu_obj::queues_lock -> xa_lock of iommufd_ctx::objects
 *
 *	mmap_lock -> iommufd_ctx::mmap_lock -> xa_lock of iommufd_ctx::objects
 *
 *	io_pagetable::iova_rwsem, for reading
 *
 *	driver's locks -> iommufd_viommu_obj::veventqs_lock ->
 *	    iommufd_veventq_obj::lock
 *
 * Here none of them is held while user memory is waited for, nor is a reference on
 * a device (fault_in.c).
 */
#ifndef __IOMMUFD_VIOMMU_PRIVATE_H
#define __IOMMUFD_VIOMMU_PRIVATE_H

#include <linux/err.h>
#include <linux/iommufd_viommu.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "iommufd_private.h"

struct file;
struct mem_cgroup;
struct vm_area_struct;

/**
 * struct iommufd_mmap_window - MMIO, or a mock's memory, that can be mapped
 * @node: in iommufd_ctx::mmap_windows
 * @pgoff: where it is in the iommufd, in pages
 * @pfn: the first page frame
 * @npages: how many there are; 0 if the vIOMMU has no window
 * @memory: the frames are memory, which others access through the cache
 *
 * Part of the vIOMMU that owns it; VMAs refer to it in vm_private_data and hold that.
 */
struct iommufd_mmap_window {
	struct rb_node node;
	unsigned long pgoff;
	unsigned long pfn;
	unsigned long npages;
	bool memory;
};

/**
 * struct iommufd_viommu_obj - a vIOMMU as its id names it
 * @obj: the object
 * @ictx: the iommufd that it belongs to; outlives it as every object
 * @hwpt: the nest parent; "users" held
 * @driver: the module that @core's operations are in; referenced
 * @core: what the driver sees: @driver_part. NULL until viommu_init has begun.
 * @queues_lock: serialises hw_queue_init and hw_queue_destroy of the driver, and
 *               protects @queues
 * @queues: The HW queues that the driver has, the one made last first. One may be
 *          unpublished yet, or dying.
 * @window: what user space can map of it; its driver's, from alloc_mmap to
 *          destroy_mmap, and found under iommufd_ctx::mmap_lock
 * @veventqs_lock: Protects @veventqs; taken in any context. A report holds it until
 *                 the queue has the event, so that a queue which is taken off the
 *                 list has nobody in it any more.
 * @veventqs: The vEVENTQs, one of a type; from the beginning of ALLOC, published at
 *            its end
 * @driver_part: the driver's structure, with @core at its head
 */
struct iommufd_viommu_obj {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	struct iommufd_hwpt_paging *hwpt;
	struct module *driver;
	struct iommufd_viommu *core;

	/* of hw_queue_init, hw_queue_destroy and @queues */
	struct mutex queues_lock;
	struct list_head queues;

	struct iommufd_mmap_window window;

	/* of veventqs; any context */
	spinlock_t veventqs_lock;
	struct list_head veventqs;

	u8 driver_part[] __aligned(ARCH_KMALLOC_MINALIGN);
};

/**
 * struct iommufd_vdevice_obj - a vDEVICE as its id names it
 * @obj: the object
 * @ictx: the iommufd that it belongs to
 * @viommu: the vIOMMU; "users" held
 * @idev: the device; NULL when it has left
 * @core: What the driver sees: @driver_part. NULL before vdevice_init has succeeded,
 *        and when the device has left.
 * @driver_part: the driver's structure, with @core at its head
 *
 * @idev and @core are set or not together, and so is iommufd_device::vdev that
 * points back here; all under iommufd_ctx::vdevs_lock.
 */
struct iommufd_vdevice_obj {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	struct iommufd_viommu_obj *viommu;
	struct iommufd_device *idev;
	struct iommufd_vdevice *core;

	u8 driver_part[] __aligned(ARCH_KMALLOC_MINALIGN);
};

/**
 * struct iommufd_hw_queue_obj - a HW queue as its id names it
 * @obj: the object
 * @viommu: the vIOMMU; "users" held
 * @node: in iommufd_viommu_obj::queues while @running; of its lock
 * @below: the queue with the next lower index; "users" held. NULL for index 0.
 * @core: what the driver sees: @driver_part
 * @locked: the areas of [base_addr, base_addr + length) are locked for this
 * @running: the driver has the queue, and iommufd_viommu_obj::queues has this
 * @driver_part: the driver's structure, with @core at its head
 *
 * Only the thread that makes or destroys the object writes to it; others look at
 * @obj alone.
 */
struct iommufd_hw_queue_obj {
	struct iommufd_object obj;
	struct iommufd_viommu_obj *viommu;
	struct list_head node;
	struct iommufd_hw_queue_obj *below;
	struct iommufd_hw_queue *core;
	bool locked;
	bool running;

	u8 driver_part[] __aligned(ARCH_KMALLOC_MINALIGN);
};

/**
 * struct iommufd_veventq_obj - a vEVENTQ as its id names it
 * @obj: the object
 * @viommu: the vIOMMU; "users" held
 * @node: in iommufd_viommu_obj::veventqs; of its lock
 * @published: drivers may report to it; of the same lock
 * @file: the file to read from. It holds @obj ("users"), not the other way round.
 * @type: of enum iommu_veventq_type
 * @depth: how many events are kept at most
 * @memcg: who pays for the events; referenced
 * @wait: who waits for one; there may be many
 * @wake_work: wakes them
 * @lock: protects what follows; taken in any context
 * @events: the events that are kept, struct iommufd_vevent, in their order
 * @num_events: how many these are; written under @lock
 * @next_sequence: the number of the next event
 * @num_read: how many records have been read ever. Tells a reader whether the
 *            record that it copied is still the first.
 * @wake: the next event is to queue @wake_work: none has since the last read
 * @woken: an event has been reported, so @wake_work may have been queued
 * @lost: no event since the last of @events (or since the last one that was read,
 *        if there is none) could be kept, and there was one
 * @lost_sequence: its number, the newest such event's
 *
 * Readers and the file keep it by "users", report_event by veventqs_lock: it leaves
 * iommufd_viommu_obj::veventqs before it is freed.
 */
struct iommufd_veventq_obj {
	struct iommufd_object obj;
	struct iommufd_viommu_obj *viommu;
	struct list_head node;
	bool published;
	struct file *file;
	u32 type;
	u32 depth;
	struct mem_cgroup *memcg;
	wait_queue_head_t wait;
	struct work_struct wake_work;

	/* of all below; any context */
	spinlock_t lock;
	struct list_head events;
	u32 num_events;
	u32 next_sequence;
	u64 num_read;
	bool wake;
	bool woken;
	bool lost;
	u32 lost_sequence;
};

/* Whether IOMMUFD_OBJ_ANY finds it: a translation in one of its forms */
static inline bool iommufd_object_is_pt(const struct iommufd_object *obj)
{
	switch (obj->type) {
	case IOMMUFD_OBJ_IOAS:
	case IOMMUFD_OBJ_HWPT_PAGING:
	case IOMMUFD_OBJ_HWPT_NESTED:
	case IOMMUFD_OBJ_VIOMMU:
		return true;
	default:
		return false;
	}
}

/**
 * struct iopt_contig - physically contiguous memory at the beginning of a range
 * @base_pa: where it is
 * @length: bytes of it
 * @page_size: if the range goes on: bytes of the page, huge or not, in which this
 *             ends. 0 if the range doesn't go on, or @length is 0.
 */
struct iopt_contig {
	phys_addr_t base_pa;
	size_t length;
	size_t page_size;
};

/*
 * Of an ioctl that was executed without handling page faults: something in user
 * memory isn't there. An errno that user space never sees, see fault_in.c.
 */
#define IOMMUFD_FAULT_IN MAX_ERRNO

static inline struct iommufd_viommu_obj *
iommufd_get_viommu(struct iommufd_ucmd *ucmd, u32 id)
{
	return container_of(iommufd_get_object(ucmd->ictx, id,
					       IOMMUFD_OBJ_VIOMMU),
			    struct iommufd_viommu_obj, obj);
}

/* viommu.c */
bool iommufd_object_get_published(struct iommufd_ctx *ictx,
				  struct iommufd_object *obj);
int iommufd_viommu_alloc_ioctl(struct iommufd_ucmd *ucmd);
void iommufd_viommu_destroy(struct iommufd_object *obj);

/* hw_pagetable.c, in hooks */
int iommufd_hwpt_paging_fill(struct iommufd_hwpt_paging *hwpt_paging);

/* msi_window.c */
int iommufd_hwpt_setup_msi(struct iommufd_hwpt_paging *hwpt_paging,
			   struct iommufd_group *igroup);
void iommufd_hwpt_release_msi(struct iommufd_hwpt_paging *hwpt_paging);

/* fault_in.c */
int iommufd_ucmd_respond_nofault(struct iommufd_ucmd *ucmd, size_t cmd_len);
int iommufd_ucmd_execute_nofault(struct iommufd_ucmd *ucmd, u64 data_uptr,
				 u32 data_len, bool data_write,
				 int (*execute)(struct iommufd_ucmd *));
ssize_t iommufd_read_nofault(struct file *file, char __user *buf, size_t count,
			     loff_t *ppos,
			     ssize_t (*read)(struct file *file,
					     char __user *buf, size_t count,
					     loff_t *ppos));

/* hwpt_viommu.c */
int iommufd_hwpt_alloc_ioctl(struct iommufd_ucmd *ucmd);
struct iommufd_hwpt_nested *
iommufd_viommu_alloc_hwpt_nested(struct iommufd_ctx *ictx,
				 struct iommufd_object *viommu_obj,
				 struct iommufd_device *idev, u32 flags,
				 const struct iommu_user_data *user_data);
int iommufd_cache_invalidate(struct iommufd_ctx *ictx, u32 id,
			     struct iommu_user_data_array *array);

/* vdevice.c */
int iommufd_vdevice_alloc_ioctl(struct iommufd_ucmd *ucmd);
void iommufd_vdevice_destroy(struct iommufd_object *obj);
void iommufd_device_remove_vdevice(struct iommufd_device *idev);

/* hw_queue.c */
int iommufd_hw_queue_alloc_ioctl(struct iommufd_ucmd *ucmd);
void iommufd_hw_queue_destroy(struct iommufd_object *obj);

/* veventq.c */
int iommufd_veventq_alloc_ioctl(struct iommufd_ucmd *ucmd);
void iommufd_veventq_destroy(struct iommufd_object *obj);
int iommufd_viommu_report_event(struct iommufd_viommu *core, u32 type,
				const void *data, size_t len);
int iommufd_viommu_report_lost(struct iommufd_viommu *core, u32 type);
/* For its tests */
int iommufd_viommu_add_veventq(struct iommufd_viommu_obj *viommu,
			       struct iommufd_veventq_obj *veventq);
void iommufd_viommu_publish_veventq(struct iommufd_viommu_obj *viommu,
				    struct iommufd_veventq_obj *veventq);
void iommufd_viommu_remove_veventq(struct iommufd_viommu_obj *viommu,
				   struct iommufd_veventq_obj *veventq);
void iommufd_veventq_init(struct iommufd_veventq_obj *veventq, u32 depth);
void iommufd_veventq_fini(struct iommufd_veventq_obj *veventq);
void iommufd_veventq_add(struct iommufd_veventq_obj *veventq, const void *data,
			 size_t len);
void iommufd_veventq_add_loss(struct iommufd_veventq_obj *veventq);
ssize_t iommufd_veventq_read(struct iommufd_veventq_obj *veventq,
			     char __user *buf, size_t count);
__poll_t iommufd_veventq_poll_mask(struct iommufd_veventq_obj *veventq);

/* trace.c */
u32 iommufd_next_number(void);

/* viommu_mmap.c */
void iommufd_mmap_init(struct iommufd_ctx *ictx);
void iommufd_mmap_destroy(struct iommufd_ctx *ictx);
int iommufd_fops_mmap(struct file *filp, struct vm_area_struct *vma);
int iommufd_viommu_alloc_mmap(struct iommufd_viommu *core, phys_addr_t base,
			      size_t length, unsigned long *offset);
int iommufd_viommu_alloc_mmap_memory(struct iommufd_viommu *core,
				     phys_addr_t base, size_t length,
				     unsigned long *offset);
void iommufd_viommu_destroy_mmap(struct iommufd_viommu *core,
				 unsigned long offset);

/* area_lock.c */
int iopt_lock_contig(struct io_pagetable *iopt, struct iommufd_viommu *viommu,
		     unsigned long iova, unsigned long length,
		     struct iopt_contig *found);
void iopt_unlock(struct io_pagetable *iopt, unsigned long iova,
		 unsigned long length);

#endif
