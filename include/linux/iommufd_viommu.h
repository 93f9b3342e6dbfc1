/* SPDX-License-Identifier: GPL-2.0-only */
/**
 * DOC: Core and driver of a virtual IOMMU
 *
 * What an IOMMU driver and the iommufd core say to each other about a virtual
 * IOMMU (vIOMMU).
 *
 * The core keeps its own object for every id that user space sees, and never
 * shows it to a driver. A driver gets the structures of this file, each the
 * first member of a structure of the driver's own, allocated and freed by the
 * core with the size the driver asked for, and as aligned as kmalloc() memory::
 *
 *	vIOMMU		iommu_ops::get_viommu_size	struct iommufd_viommu
 *	vDEVICE		iommufd_viommu_ops::vdevice_size struct iommufd_vdevice
 *	HW queue	iommufd_viommu_ops::get_hw_queue_size
 *							struct iommufd_hw_queue
 *
 * The core reaches the driver through iommufd_viommu_ops, the driver reaches
 * the core through the table iommufd_viommu_services that it finds in its
 * vIOMMU. No symbol is shared, so iommufd can be a module while the IOMMU driver
 * is built in: a vIOMMU implies an open /dev/iommu, and that pins the module.
 *
 * Lifetimes: a vDEVICE and a HW queue end before their vIOMMU; a vIOMMU ends
 * before its stage-2 parent domain is freed, and before the IOMMU that it was
 * made for goes away.
 *
 * Lock order, outermost first::
 *
 *	iommufd's vDEVICE lock -> iommufd_viommu::vdevs_rwsem (for writing)
 *	iommufd's group lock -> vdevs_rwsem (for reading, by an attach)
 *	iommufd's queue lock (serialises hw_queue_init and hw_queue_destroy of
 *	one vIOMMU) -> driver's locks
 *
 * An unbind of a device waits for viommu_init and alloc_domain_nested, so they don't
 * wait for user space: page faults are disabled, and an access to user memory that
 * isn't there fails. The driver undoes what it has done and returns EFAULT; the core
 * brings the memory in and calls it again. There are at most PAGE_SIZE bytes of data.
 *
 * The driver's locks may nest in any; a driver never takes one of these itself but
 * for reading vdevs_rwsem. User memory is not accessed with vdevs_rwsem held: a
 * device that leaves waits for it, and must not wait for user space.
 */
#ifndef _LINUX_IOMMUFD_VIOMMU_H
#define _LINUX_IOMMUFD_VIOMMU_H

#include <linux/iommu.h>
#include <linux/lockdep.h>
#include <linux/rbtree.h>
#include <linux/rwsem.h>
#include <linux/types.h>
#include <uapi/linux/iommufd.h>

struct device;
struct iommufd_viommu;
struct iommufd_viommu_obj;

/* An event for user space is at most this long, in bytes */
#define IOMMUFD_VEVENT_LEN_MAX 64

/**
 * struct iommufd_vdevice - a device as one vIOMMU names it
 * @viommu: the vIOMMU
 * @dev: the physical device; it stays bound to iommufd while this exists
 * @virt_id: the id that the guest's IOMMU has for the device (SMMUv3: StreamID)
 * @node: in iommufd_viommu::vdevs; the core's
 */
struct iommufd_vdevice {
	struct iommufd_viommu *viommu;
	struct device *dev;
	u64 virt_id;
	struct rb_node node;
};

/**
 * struct iommufd_hw_queue - a hardware queue over guest memory
 * @viommu: the vIOMMU
 * @type: the type that user space asked for, one the driver has a size for
 * @index: the queue's number within the vIOMMU
 * @base_addr: where the queue starts, an IOVA of the stage-2 parent
 * @base_pa: the same as a physical address; the whole queue is contiguous from
 *           here and cannot be unmapped from the stage-2 parent before
 *           hw_queue_destroy() has returned
 * @length: bytes, as bounded by hw_queue_check()
 */
struct iommufd_hw_queue {
	struct iommufd_viommu *viommu;
	enum iommu_hw_queue_type type;
	u32 index;
	u64 base_addr;
	phys_addr_t base_pa;
	size_t length;
};

/**
 * struct iommufd_viommu_services - what the iommufd core does for a driver
 * @alloc_mmap: Register the @length bytes of MMIO at physical address @base so
 *              that user space can mmap() them through the iommufd of @viommu.
 *              Both are multiples of PAGE_SIZE. The window cannot be found
 *              before the vIOMMU is published under its id, nor from the moment
 *              its destruction has begun. Returns the offset for mmap() through
 *              @offset, never 0. 0 or a negative errno; may sleep. To be called
 *              in viommu_init only. A vIOMMU has one window at most.
 * @alloc_mmap_memory: The same for memory that the driver has allocated and keeps
 *                     until destroy_mmap: it is mapped as memory, not as a device.
 * @destroy_mmap: Take the window at @offset back. No mapping of it is left: each
 *                one holds the vIOMMU. May sleep. To be called in
 *                iommufd_viommu_ops::destroy or to undo a failing viommu_init.
 * @report_event: Queue an event of @type for user space, @len bytes at @data.
 *                @len is at most IOMMUFD_VEVENT_LEN_MAX. 0 also if there is no
 *                room: user space is told that events were lost. -EOPNOTSUPP if
 *                nobody asked for events of this type. Any context that may take a
 *                spinlock; what it costs does not depend on user space. Who needs
 *                an order among events reports them one at a time.
 * @report_lost: Tell user space that an event of @type has happened of which
 *               nothing is known any more, or might have. It gets a number like
 *               others. 0 or -EOPNOTSUPP; any context, as above.
 */
struct iommufd_viommu_services {
	int (*alloc_mmap)(struct iommufd_viommu *viommu, phys_addr_t base,
			  size_t length, unsigned long *offset);
	int (*alloc_mmap_memory)(struct iommufd_viommu *viommu,
				 phys_addr_t base, size_t length,
				 unsigned long *offset);
	void (*destroy_mmap)(struct iommufd_viommu *viommu,
			     unsigned long offset);
	int (*report_event)(struct iommufd_viommu *viommu, u32 type,
			    const void *data, size_t len);
	int (*report_lost)(struct iommufd_viommu *viommu, u32 type);
};

/**
 * struct iommufd_viommu_ops - what a driver does for a vIOMMU
 * @destroy: Undo viommu_init. Nothing refers to the vIOMMU any more. What the
 *           hardware will not give back stays the driver's. May sleep.
 * @alloc_domain_nested: A nested domain on this vIOMMU from @user_data, which is
 *                       never empty. Optional.
 * @cache_invalidate: Run the guest's invalidation requests of @array in order.
 *                    On return, also with an error, array->entry_num is the
 *                    number of requests that the hardware has completed.
 *                    Optional.
 * @vdevice_size: size of the driver's structure around struct iommufd_vdevice,
 *                0 if the driver has no use for vDEVICEs
 * @vdevice_init: Make @vdev known to the hardware. The core publishes it in
 *                iommufd_viommu::vdevs only after this has succeeded. Called
 *                with vdevs_rwsem held for writing. Optional.
 * @vdevice_destroy: Undo vdevice_init. @vdev cannot be found any more. Called
 *                   with vdevs_rwsem held for writing. Optional.
 * @get_hw_queue_size: Size of the driver's structure around struct
 *                     iommufd_hw_queue, 0 if the vIOMMU has no queues of @type.
 *                     Optional.
 * @s2_contig: Where the stage-2 parent maps @iova to, 0 if it does not, and in
 *             @length how many bytes from there one entry of its page table maps, at
 *             least 1 and not past where @iova's mapping ends. Called for memory
 *             that can't be unmapped meanwhile, so that a queue is found to be
 *             contiguous at the cost of its mappings, not of its pages. Optional.
 * @hw_queue_check: Whether a queue of @length bytes can exist at all; called
 *                  before anything is looked up or allocated for it, so that no
 *                  cost of the call grows past what the hardware can use.
 * @hw_queue_check_index: Whether the hardware has a queue @index.
 * @hw_queue_not_contig: A queue is refused (EFAULT): only the first @contig bytes of
 *                       its memory are physically contiguous, and they end in a
 *                       page of @page_size bytes. For the driver to tell the
 *                       host's operator, who can change that; the guest can cause
 *                       it as often as it likes. Of @hwq neither base_pa nor what
 *                       the driver has in its structure is set, and index has not
 *                       been checked. May sleep. Optional.
 * @hw_queue_init: Hand the queue to the hardware. Called in ascending order of
 *                 index without gaps, one at a time; @hwq is completely filled
 *                 in.
 * @hw_queue_destroy: Take the queue back; called in descending order, one at a
 *                    time. Memory that the hardware may still read when this
 *                    returns must have been given references of the driver's own
 *                    on its pages: the core lets go of it.
 * @supports_veventq: Whether the vIOMMU can produce events of @type. Optional: no
 *                    vEVENTQ is made for a vIOMMU without it.
 * @veventq_added: User space has a vEVENTQ of @type from now on, perhaps not the
 *                 first. For events that are states, not moments: what is pending
 *                 is to be reported, whether it has been before or not. No lock is
 *                 held; a report may be under way at the same time. May sleep.
 *                 Optional.
 */
struct iommufd_viommu_ops {
	void (*destroy)(struct iommufd_viommu *viommu);
	struct iommu_domain *
	(*alloc_domain_nested)(struct iommufd_viommu *viommu, u32 flags,
			       const struct iommu_user_data *user_data);
	int (*cache_invalidate)(struct iommufd_viommu *viommu,
				struct iommu_user_data_array *array);

	size_t vdevice_size;
	int (*vdevice_init)(struct iommufd_vdevice *vdev);
	void (*vdevice_destroy)(struct iommufd_vdevice *vdev);

	size_t (*get_hw_queue_size)(struct iommufd_viommu *viommu,
				    enum iommu_hw_queue_type type);
	phys_addr_t (*s2_contig)(struct iommufd_viommu *viommu,
				 unsigned long iova, size_t *length);
	int (*hw_queue_check)(struct iommufd_viommu *viommu,
			      enum iommu_hw_queue_type type, u64 length);
	int (*hw_queue_check_index)(struct iommufd_viommu *viommu,
				    enum iommu_hw_queue_type type, u32 index);
	void (*hw_queue_not_contig)(struct iommufd_hw_queue *hwq, size_t contig,
				    size_t page_size);
	int (*hw_queue_init)(struct iommufd_hw_queue *hwq);
	void (*hw_queue_destroy)(struct iommufd_hw_queue *hwq);

	bool (*supports_veventq)(struct iommufd_viommu *viommu, u32 type);
	void (*veventq_added)(struct iommufd_viommu *viommu, u32 type);
};

/**
 * struct iommufd_viommu - a slice of a physical IOMMU that a VM owns
 * @object: the core's own side of it, nothing that a driver can use
 * @ops: the driver's operations, set by viommu_init when it succeeds
 * @services: the core's operations, set before viommu_init
 * @iommu_dev: the physical IOMMU
 * @s2_parent: the nest parent domain; it outlives the vIOMMU
 * @type: the type that user space asked for, one the driver has a size for
 * @vdevs_rwsem: Held for writing where a vDEVICE comes and goes. Who translates
 *               a guest's id holds it for reading until the hardware has done
 *               what the translation was for, so that no command names a device
 *               that has left.
 * @vdevs: The published vDEVICEs by virt_id; under @vdevs_rwsem. There are as many as
 *         the VM has devices, and to have one more costs no memory.
 */
struct iommufd_viommu {
	struct iommufd_viommu_obj *object;
	const struct iommufd_viommu_ops *ops;
	const struct iommufd_viommu_services *services;
	struct iommu_device *iommu_dev;
	struct iommu_domain *s2_parent;
	enum iommu_viommu_type type;

	struct rw_semaphore vdevs_rwsem;
	struct rb_root vdevs;
};

#define to_iommufd_vdevice(_node) \
	rb_entry_safe(_node, struct iommufd_vdevice, node)

/**
 * iommufd_vdevice_cmp_id() - order of a guest's id and a vDEVICE
 * @virt_id: the id, a pointer to u64
 * @node: iommufd_vdevice::node
 *
 * Context: the caller holds iommufd_viommu::vdevs_rwsem of the vDEVICE's vIOMMU.
 * Return: less than, equal to or greater than 0, as the id is to the vDEVICE's.
 */
static inline int iommufd_vdevice_cmp_id(const void *virt_id,
					 const struct rb_node *node)
{
	const struct iommufd_vdevice *vdev = to_iommufd_vdevice(node);
	u64 id = *(const u64 *)virt_id;

	return id < vdev->virt_id ? -1 : id > vdev->virt_id;
}

/**
 * iommufd_vdevice_cmp() - order of two vDEVICEs of a vIOMMU, by the guest's id
 * @node: iommufd_vdevice::node of one
 * @parent: that of the other
 *
 * Context: the caller holds iommufd_viommu::vdevs_rwsem of their vIOMMU.
 * Return: less than, equal to or greater than 0, as @node is to @parent.
 */
static inline int iommufd_vdevice_cmp(struct rb_node *node,
				      const struct rb_node *parent)
{
	return iommufd_vdevice_cmp_id(&to_iommufd_vdevice(node)->virt_id,
				      parent);
}

/**
 * iommufd_viommu_find_vdevice() - look up a device by the guest's id
 * @viommu: the vIOMMU
 * @virt_id: the guest's id of the device
 *
 * Context: the caller holds @viommu->vdevs_rwsem; the result is valid as long.
 * Return: the vDEVICE, or NULL if the vIOMMU has none of this id.
 */
static inline struct iommufd_vdevice *
iommufd_viommu_find_vdevice(struct iommufd_viommu *viommu, u64 virt_id)
{
	lockdep_assert_held(&viommu->vdevs_rwsem);
	return to_iommufd_vdevice(rb_find(&virt_id, &viommu->vdevs,
					  iommufd_vdevice_cmp_id));
}

/**
 * iommufd_viommu_find_device() - look up a device
 * @viommu: the vIOMMU
 * @dev: the device
 *
 * Context: the caller holds @viommu->vdevs_rwsem; the result is valid as long.
 * Return: its vDEVICE, or NULL if it has none on this vIOMMU. There is no other.
 */
static inline struct iommufd_vdevice *
iommufd_viommu_find_device(struct iommufd_viommu *viommu,
			   const struct device *dev)
{
	struct rb_node *node;

	lockdep_assert_held(&viommu->vdevs_rwsem);
	for (node = rb_first(&viommu->vdevs); node; node = rb_next(node))
		if (to_iommufd_vdevice(node)->dev == dev)
			return to_iommufd_vdevice(node);
	return NULL;
}

/**
 * iommufd_viommu_publish_vdevice() - have lookups find a vDEVICE
 * @vdev: the vDEVICE; its vIOMMU has none of the same virt_id
 *
 * For the core, and for tests of drivers.
 *
 * Context: the caller holds vdevs_rwsem of the vIOMMU for writing.
 */
static inline void iommufd_viommu_publish_vdevice(struct iommufd_vdevice *vdev)
{
	struct iommufd_viommu *viommu = vdev->viommu;

	lockdep_assert_held_write(&viommu->vdevs_rwsem);
	rb_find_add(&vdev->node, &viommu->vdevs, iommufd_vdevice_cmp);
}

/**
 * iommufd_viommu_unpublish_vdevice() - undo iommufd_viommu_publish_vdevice()
 * @vdev: the vDEVICE
 *
 * Context: the caller holds vdevs_rwsem of the vIOMMU for writing.
 */
static inline void
iommufd_viommu_unpublish_vdevice(struct iommufd_vdevice *vdev)
{
	struct iommufd_viommu *viommu = vdev->viommu;

	lockdep_assert_held_write(&viommu->vdevs_rwsem);
	rb_erase(&vdev->node, &viommu->vdevs);
}

#endif /* _LINUX_IOMMUFD_VIOMMU_H */
