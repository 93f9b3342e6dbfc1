/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The iommufd core's own side of virtual IOMMUs. What drivers see of it is in
 * include/linux/iommufd_viommu.h.
 *
 * Who holds what, and for how long:
 *
 *	vIOMMU		"users" of its nest parent HWPT, the module of the IOMMU
 *			driver						life
 *	nested HWPT	"users" of its vIOMMU				life
 *	vDEVICE		"users" of its vIOMMU				life
 *	HW queue	"users" of its vIOMMU, "users" of the queue with
 *			the next lower index				life
 *			num_locks of the areas its memory lies in	life
 *	VMA		"users" of the vIOMMU whose window it maps	life
 *
 * "users" makes IOMMU_DESTROY fail with EBUSY. Nothing holds a device: when it
 * leaves, its vDEVICE goes first (vdevice.c). A vIOMMU needs the IOMMU, not the
 * device that it was made for.
 *
 * An object drops its references as the last thing in its destruction: what it
 * refers to may be gone the moment after.
 *
 * Lock order, outermost first; there is none between these groups:
 *
 *	iommufd_ctx::vdevs_lock -> iommufd_viommu::vdevs_rwsem -> driver's locks
 *	iommufd_ctx::vdevs_lock -> xa_lock of iommufd_ctx::objects
 *	iommufd_group::lock -> vdevs_rwsem, for reading, in a driver's attach_dev
 *
 *	iommufd_viommu_obj::queues_lock -> driver's locks
 *	iommufd_viommu_obj::queues_lock -> xa_lock of iommufd_ctx::objects
 *
 *	mmap_lock -> iommufd_ctx::mmap_lock -> xa_lock of iommufd_ctx::objects
 *
 *	io_pagetable::iova_rwsem -> iopt_pages::mutex
 *
 * None of them is held while user memory is accessed.
 */
#ifndef __IOMMUFD_VIOMMU_PRIVATE_H
#define __IOMMUFD_VIOMMU_PRIVATE_H

#include <linux/iommufd_viommu.h>
#include <linux/mutex.h>
#include <linux/xarray.h>

#include "iommufd_private.h"

struct file;
struct vm_area_struct;

/*
 * struct iommufd_viommu_obj - a vIOMMU as its id names it
 * @obj: the object
 * @ictx: the iommufd that it belongs to; outlives it as every object
 * @hwpt: the nest parent; "users" held
 * @driver: the module that @core's operations are in; referenced
 * @core: what the driver sees, the head of the driver's structure. NULL in an
 *        object that did not get that far.
 * @queues_lock: serialises hw_queue_init and hw_queue_destroy of the driver, and
 *               protects @queues
 * @queues: The HW queues by index, from before hw_queue_init until after
 *          hw_queue_destroy. An entry may be unpublished yet, or dying.
 *
 * A place for issue 3: the vEVENTQs of the vIOMMU, with a lock of their own that
 * report_event can take in any context.
 */
struct iommufd_viommu_obj {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	struct iommufd_hwpt_paging *hwpt;
	struct module *driver;
	struct iommufd_viommu *core;

	/* of hw_queue_init, hw_queue_destroy and @queues */
	struct mutex queues_lock;
	struct xarray queues;
};

/*
 * struct iommufd_vdevice_obj - a vDEVICE as its id names it
 * @obj: the object
 * @ictx: the iommufd that it belongs to
 * @viommu: the vIOMMU; "users" held
 * @idev: the device; NULL when it has left
 * @core: What the driver sees, the head of the driver's structure; NULL before
 *        vdevice_init has succeeded, and when the device has left.
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
};

/*
 * struct iommufd_hw_queue_obj - a HW queue as its id names it
 * @obj: the object
 * @viommu: the vIOMMU; "users" held
 * @below: the queue with the next lower index; "users" held. NULL for index 0.
 * @core: What the driver sees, the head of the driver's structure.
 * @locked: the areas of [base_addr, base_addr + length) are locked for this
 * @running: the driver has the queue, and iommufd_viommu_obj::queues has this
 *
 * Only the thread that makes or destroys the object writes to it; others look at
 * @obj alone.
 */
struct iommufd_hw_queue_obj {
	struct iommufd_object obj;
	struct iommufd_viommu_obj *viommu;
	struct iommufd_hw_queue_obj *below;
	struct iommufd_hw_queue *core;
	bool locked;
	bool running;
};

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

/* hwpt_viommu.c */
struct iommufd_hwpt_nested *
iommufd_viommu_alloc_hwpt_nested(struct iommufd_ctx *ictx,
				 struct iommufd_object *viommu_obj,
				 struct iommufd_device *idev, u32 flags,
				 const struct iommu_user_data *user_data);
int iommufd_object_cache_invalidate(struct iommufd_object *obj,
				    struct iommu_user_data_array *array);

/* vdevice.c */
int iommufd_vdevice_alloc_ioctl(struct iommufd_ucmd *ucmd);
void iommufd_vdevice_destroy(struct iommufd_object *obj);
void iommufd_device_remove_vdevice(struct iommufd_device *idev);

/* hw_queue.c */
int iommufd_hw_queue_alloc_ioctl(struct iommufd_ucmd *ucmd);
void iommufd_hw_queue_destroy(struct iommufd_object *obj);

/* viommu_mmap.c */
void iommufd_mmap_init(struct iommufd_ctx *ictx);
void iommufd_mmap_destroy(struct iommufd_ctx *ictx);
int iommufd_fops_mmap(struct file *filp, struct vm_area_struct *vma);
int iommufd_viommu_alloc_mmap(struct iommufd_viommu *core, phys_addr_t base,
			      size_t length, unsigned long *offset);
void iommufd_viommu_destroy_mmap(struct iommufd_viommu *core,
				 unsigned long offset);

/* area_lock.c */
int iopt_lock_contig(struct io_pagetable *iopt, struct iommu_domain *domain,
		     unsigned long iova, unsigned long length,
		     phys_addr_t *base_pa);
void iopt_unlock(struct io_pagetable *iopt, unsigned long iova,
		 unsigned long length);

#endif
