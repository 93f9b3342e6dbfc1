// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Windows
 *
 * Windows: pieces of MMIO that user space can mmap() through its iommufd.
 *
 * A driver registers the window of a vIOMMU while it makes it, and takes it back while
 * it destroys it. Between these the window is in iommufd_ctx::mmap_windows, but it
 * is found only while its owner is published under its id. So there is no mapping
 * of a vIOMMU that may yet fail, nor of one that is on its way out; and as every
 * mapping holds the owner ("users"), a window and its owner outlive all VMAs of it.
 *
 * A window is mapped whole or not at all. Parts of a mapping can be unmapped later:
 * what is left holds the owner.
 *
 * No offset is handed out twice in the life of an iommufd: one that user space kept
 * too long finds nothing.
 */
#include <linux/cleanup.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/pfn_t.h>
#include <linux/rbtree.h>

#include "trace.h"
#include "viommu_private.h"

#define to_iommufd_mmap_window(_node) \
	rb_entry_safe(_node, struct iommufd_mmap_window, node)

static struct iommufd_viommu_obj *
iommufd_mmap_window_owner(struct iommufd_mmap_window *window)
{
	return container_of(window, struct iommufd_viommu_obj, window);
}

static int iommufd_mmap_window_cmp(const void *pgoff,
				   const struct rb_node *node)
{
	const struct iommufd_mmap_window *window = to_iommufd_mmap_window(node);
	unsigned long key = *(const unsigned long *)pgoff;

	return key < window->pgoff ? -1 : key > window->pgoff;
}

static bool iommufd_mmap_window_less(struct rb_node *node,
				     const struct rb_node *other)
{
	return to_iommufd_mmap_window(node)->pgoff <
	       to_iommufd_mmap_window(other)->pgoff;
}

/**
 * iommufd_mmap_init() - prepare a new iommufd for windows
 * @ictx: the iommufd
 */
void iommufd_mmap_init(struct iommufd_ctx *ictx)
{
	mutex_init(&ictx->mmap_lock);
	ictx->mmap_windows = RB_ROOT;
	/* Offset 0 means "no window" */
	ictx->mmap_next_pgoff = 1;
}

/**
 * iommufd_mmap_destroy() - undo iommufd_mmap_init()
 * @ictx: the iommufd; it has no objects any more
 */
void iommufd_mmap_destroy(struct iommufd_ctx *ictx)
{
	WARN_ON(!RB_EMPTY_ROOT(&ictx->mmap_windows));
	mutex_destroy(&ictx->mmap_lock);
}

static int iommufd_mmap_window_insert(struct iommufd_ctx *ictx,
				      struct iommufd_mmap_window *window,
				      unsigned long *offset)
{
	unsigned long pgoff;

	guard(mutex)(&ictx->mmap_lock);
	/* User space has to get the end of it into an off_t */
	pgoff = ictx->mmap_next_pgoff;
	if (window->npages > (LONG_MAX >> PAGE_SHIFT) - pgoff)
		return -ENOSPC;

	window->pgoff = pgoff;
	rb_add(&window->node, &ictx->mmap_windows, iommufd_mmap_window_less);
	ictx->mmap_next_pgoff = pgoff + window->npages;
	*offset = pgoff << PAGE_SHIFT;
	return 0;
}

static int iommufd_viommu_add_window(struct iommufd_viommu *core,
				     phys_addr_t base, size_t length,
				     bool memory, unsigned long *offset)
{
	struct iommufd_viommu_obj *viommu = core->object;
	struct iommufd_mmap_window *window = &viommu->window;
	int rc;

	if (WARN_ON_ONCE(!length || !PAGE_ALIGNED(base) ||
			 !PAGE_ALIGNED(length) || window->npages))
		return -EINVAL;

	window->pfn = PHYS_PFN(base);
	window->npages = length >> PAGE_SHIFT;
	window->memory = memory;

	rc = iommufd_mmap_window_insert(viommu->ictx, window, offset);
	trace_iommufd_window_add(viommu->ictx, viommu->obj.id,
				 rc ? 0 : *offset, length, rc);
	if (rc)
		window->npages = 0;
	return rc;
}

/**
 * iommufd_viommu_alloc_mmap() - iommufd_viommu_services::alloc_mmap
 * @core: the vIOMMU, in its viommu_init
 * @base: physical address, a multiple of PAGE_SIZE
 * @length: bytes, a multiple of PAGE_SIZE, not 0
 * @offset: set to the offset for mmap(), never 0
 *
 * Context: process context, may sleep.
 * Return: 0, EINVAL for a misaligned window or a second one, or ENOSPC when no
 * offset is left.
 */
int iommufd_viommu_alloc_mmap(struct iommufd_viommu *core, phys_addr_t base,
			      size_t length, unsigned long *offset)
{
	return iommufd_viommu_add_window(core, base, length, false, offset);
}

/**
 * iommufd_viommu_alloc_mmap_memory() - iommufd_viommu_services::alloc_mmap_memory
 * @core: the vIOMMU, in its viommu_init
 * @base: physical address of memory of the driver's, a multiple of PAGE_SIZE
 * @length: bytes, a multiple of PAGE_SIZE, not 0
 * @offset: set to the offset for mmap(), never 0
 *
 * Context: process context, may sleep.
 * Return: as iommufd_viommu_alloc_mmap().
 */
int iommufd_viommu_alloc_mmap_memory(struct iommufd_viommu *core,
				     phys_addr_t base, size_t length,
				     unsigned long *offset)
{
	return iommufd_viommu_add_window(core, base, length, true, offset);
}

/**
 * iommufd_viommu_destroy_mmap() - iommufd_viommu_services::destroy_mmap
 * @core: the vIOMMU, in its destroy op or its failing viommu_init
 * @offset: what alloc_mmap has returned for @core
 *
 * Context: process context, may sleep.
 */
void iommufd_viommu_destroy_mmap(struct iommufd_viommu *core,
				 unsigned long offset)
{
	struct iommufd_viommu_obj *viommu = core->object;
	struct iommufd_ctx *ictx = viommu->ictx;
	struct iommufd_mmap_window *window = &viommu->window;

	if (WARN_ON(!window->npages || window->pgoff != offset >> PAGE_SHIFT))
		return;
	scoped_guard(mutex, &ictx->mmap_lock)
		rb_erase(&window->node, &ictx->mmap_windows);
	trace_iommufd_window_remove(ictx, viommu->obj.id, offset,
				    (u64)window->npages << PAGE_SHIFT, 0);
	window->npages = 0;
}

static void iommufd_mmap_window_get(struct iommufd_mmap_window *window)
{
	refcount_inc(&iommufd_mmap_window_owner(window)->obj.users);
}

/* The window and its owner may be gone when this returns */
static void iommufd_mmap_window_put(struct iommufd_mmap_window *window)
{
	refcount_dec(&iommufd_mmap_window_owner(window)->obj.users);
}

/* The window of exactly this place and size, with a reference on its owner */
static struct iommufd_mmap_window *
iommufd_mmap_window_find(struct iommufd_ctx *ictx, unsigned long pgoff,
			 unsigned long npages)
{
	struct iommufd_mmap_window *window;

	/* destroy_mmap needs the lock, so window and owner are still there */
	guard(mutex)(&ictx->mmap_lock);
	window = to_iommufd_mmap_window(rb_find(&pgoff, &ictx->mmap_windows,
						iommufd_mmap_window_cmp));
	if (!window || window->npages != npages ||
	    !iommufd_object_get_published(ictx,
				&iommufd_mmap_window_owner(window)->obj))
		return NULL;
	return window;
}

/* fork(), and what splitting or moving a mapping makes of it */
static void iommufd_vma_open(struct vm_area_struct *vma)
{
	struct iommufd_mmap_window *window = vma->vm_private_data;
	struct iommufd_viommu_obj *owner = iommufd_mmap_window_owner(window);

	iommufd_mmap_window_get(window);
	trace_iommufd_vma_open(owner->ictx, owner->obj.id,
			       (u64)vma->vm_pgoff << PAGE_SHIFT,
			       vma->vm_end - vma->vm_start, 0);
}

static void iommufd_vma_close(struct vm_area_struct *vma)
{
	struct iommufd_mmap_window *window = vma->vm_private_data;
	struct iommufd_viommu_obj *owner = iommufd_mmap_window_owner(window);

	trace_iommufd_munmap(owner->ictx, owner->obj.id,
			     (u64)vma->vm_pgoff << PAGE_SHIFT,
			     vma->vm_end - vma->vm_start, 0);
	iommufd_mmap_window_put(window);
}

/* The VMA holds the owner, so the window is there and still the VM's */
static vm_fault_t iommufd_vma_fault(struct vm_fault *vmf)
{
	struct iommufd_mmap_window *window = vmf->vma->vm_private_data;
	unsigned long page = vmf->pgoff - window->pgoff;

	if (page >= window->npages)
		return VM_FAULT_SIGBUS;
	return vmf_insert_mixed(vmf->vma, vmf->address,
				__pfn_to_pfn_t(window->pfn + page, PFN_DEV));
}

static const struct vm_operations_struct iommufd_vma_ops = {
	.open = iommufd_vma_open,
	.close = iommufd_vma_close,
	.fault = iommufd_vma_fault,
};

static int iommufd_mmap_check(const struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EPERM;
	return 0;
}

/**
 * iommufd_fops_mmap() - mmap() of an iommufd
 * @filp: the iommufd
 * @vma: the mapping to be; its length is a multiple of PAGE_SIZE
 *
 * The pages are device memory, but for a mock's, and come in by faults. Copies of
 * the VMA hold the window by themselves. mremap() can move it but not make it
 * larger: that is VM_DONTEXPAND.
 *
 * The VMA must not be VM_PFNMAP: VFIO type 1 takes page frames out of such VMAs and
 * maps them for DMA without a reference on anything, and so for longer than the
 * window belongs to the VM. VM_IO keeps everybody else from pinning the pages.
 *
 * Context: mmap_lock of the mm held for writing.
 * Return: 0, EINVAL if not MAP_SHARED, EPERM with PROT_EXEC, ENXIO unless offset
 * and length are those of a window whose vIOMMU is published.
 */
int iommufd_fops_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct iommufd_ctx *ictx = filp->private_data;
	struct iommufd_mmap_window *window = NULL;
	u32 owner_id = 0;
	int rc;

	rc = iommufd_mmap_check(vma);
	if (!rc) {
		window = iommufd_mmap_window_find(ictx, vma->vm_pgoff,
						  vma_pages(vma));
		if (window)
			owner_id = iommufd_mmap_window_owner(window)->obj.id;
		else
			rc = -ENXIO;
	}
	trace_iommufd_mmap(ictx, owner_id, (u64)vma->vm_pgoff << PAGE_SHIFT,
			   vma->vm_end - vma->vm_start, rc);
	if (rc)
		return rc;

	/* No mprotect() to PROT_EXEC either */
	vm_flags_clear(vma, VM_MAYEXEC);
	vm_flags_set(vma, VM_IO | VM_MIXEDMAP | VM_DONTEXPAND | VM_DONTDUMP);
	if (!window->memory)
		vma->vm_page_prot = pgprot_device(vma->vm_page_prot);
	vma->vm_private_data = window;
	vma->vm_ops = &iommufd_vma_ops;
	return 0;
}
