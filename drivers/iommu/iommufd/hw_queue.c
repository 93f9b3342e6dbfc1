// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: HW queues
 *
 * HW queue: a queue in guest memory that the hardware reads by itself.
 *
 * The hardware reads by physical address, so the memory must be contiguous and
 * stay where it is. It is pinned already, once, by the IOAS of the nest parent;
 * what a queue adds is that it can't be unmapped from there, area_lock.c. Nothing
 * of the size of the queue is allocated.
 *
 * The queues of a vIOMMU form a stack: each holds the one with the next lower
 * index, for the hardware has them without gaps. Only a published queue can be
 * held: one still in the making may yet fail, and could not be undone below
 * another; and one that is dying can't be held at all.
 */
#include <linux/cleanup.h>
#include <linux/overflow.h>
#include <linux/uaccess.h>

#include "trace.h"
#include "viommu_private.h"

/* Whether the driver has all of what queues need */
static bool iommufd_viommu_has_hw_queues(const struct iommufd_viommu_ops *ops)
{
	return ops->get_hw_queue_size && ops->hw_queue_check &&
	       ops->hw_queue_check_index && ops->hw_queue_init &&
	       ops->hw_queue_destroy;
}

/* The queue of this index, published or not, or NULL */
static struct iommufd_hw_queue_obj *
iommufd_viommu_find_hw_queue(struct iommufd_viommu_obj *viommu, u32 index)
{
	struct iommufd_hw_queue_obj *hwq;

	lockdep_assert_held(&viommu->queues_lock);
	/* No more of them than the driver has indices; the highest one first */
	list_for_each_entry(hwq, &viommu->queues, node)
		if (hwq->core->index == index)
			return hwq;
	return NULL;
}

/**
 * iommufd_hw_queue_destroy() - undo iommufd_hw_queue_create()
 * @obj: the HW queue, complete or not; nothing refers to it any more, so there is
 *       none above it
 *
 * Context: process context, may sleep; no lock of iommufd's held.
 */
void iommufd_hw_queue_destroy(struct iommufd_object *obj)
{
	struct iommufd_hw_queue_obj *hwq =
		container_of(obj, struct iommufd_hw_queue_obj, obj);
	struct iommufd_viommu_obj *viommu = hwq->viommu;
	struct iommufd_hw_queue *core = hwq->core;

	if (hwq->running) {
		mutex_lock(&viommu->queues_lock);
		viommu->core->ops->hw_queue_destroy(core);
		list_del(&hwq->node);
		mutex_unlock(&viommu->queues_lock);
	}
	/* The hardware is off the memory, or the driver holds the pages itself */
	if (hwq->locked)
		iopt_unlock(&viommu->hwpt->ioas->iopt, core->base_addr,
			    core->length);

	/* DESTROY of that one may succeed from here on */
	if (hwq->below)
		refcount_dec(&hwq->below->obj.users);
	refcount_dec(&viommu->obj.users);
}

/* Have the hardware's memory stay where it is, or tell the operator why it can't */
static int iommufd_hw_queue_lock(struct iommufd_hw_queue_obj *hwq)
{
	struct iommufd_viommu_obj *viommu = hwq->viommu;
	const struct iommufd_viommu_ops *ops = viommu->core->ops;
	struct iommufd_hw_queue *core = hwq->core;
	struct iopt_contig found;
	int rc;

	rc = iopt_lock_contig(&viommu->hwpt->ioas->iopt, viommu->core,
			      core->base_addr, core->length, &found);
	if (!rc) {
		hwq->locked = true;
		core->base_pa = found.base_pa;
	} else if (rc == -EFAULT && found.length && ops->hw_queue_not_contig) {
		ops->hw_queue_not_contig(core, found.length, found.page_size);
	}
	return rc;
}

/* Take the index, hold the queue below it and hand the queue to the driver */
static int iommufd_hw_queue_start(struct iommufd_ucmd *ucmd,
				  struct iommufd_hw_queue_obj *hwq)
{
	struct iommufd_viommu_obj *viommu = hwq->viommu;
	struct iommufd_hw_queue *core = hwq->core;
	const struct iommufd_viommu_ops *ops = viommu->core->ops;
	struct iommufd_hw_queue_obj *below;
	int rc;

	ucmd->about = "index";
	rc = ops->hw_queue_check_index(viommu->core, core->type, core->index);
	if (rc)
		return rc;

	guard(mutex)(&viommu->queues_lock);

	if (iommufd_viommu_find_hw_queue(viommu, core->index))
		return -EEXIST;
	if (core->index) {
		/* What is in there is not freed while the lock is held */
		below = iommufd_viommu_find_hw_queue(viommu, core->index - 1);
		if (!below ||
		    !iommufd_object_get_published(ucmd->ictx, &below->obj))
			return -EIO;
		/* Dropped with the object */
		hwq->below = below;
	}

	ucmd->about = "driver";
	rc = ops->hw_queue_init(core);
	if (rc)
		return rc;
	list_add(&hwq->node, &viommu->queues);
	hwq->running = true;
	return 0;
}

/* Everything of HW_QUEUE_ALLOC that has to be undone when the reply fails */
static struct iommufd_hw_queue_obj *
iommufd_hw_queue_create(struct iommufd_ucmd *ucmd,
			struct iommufd_viommu_obj *viommu, size_t size)
{
	const struct iommu_hw_queue_alloc *cmd = ucmd->cmd;
	struct iommufd_ctx *ictx = ucmd->ictx;
	struct iommufd_hw_queue_obj *hwq;
	struct iommufd_hw_queue *core;
	struct iommufd_object *obj;
	int rc;

	ucmd->about = "memory";
	obj = _iommufd_object_alloc(ictx, struct_size(hwq, driver_part, size),
				    IOMMUFD_OBJ_HW_QUEUE);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	hwq = container_of(obj, struct iommufd_hw_queue_obj, obj);
	refcount_inc(&viommu->obj.users);
	hwq->viommu = viommu;

	core = (struct iommufd_hw_queue *)hwq->driver_part;
	hwq->core = core;
	core->viommu = viommu->core;
	core->type = cmd->type;
	core->index = cmd->index;
	core->base_addr = cmd->nesting_parent_iova;
	core->length = cmd->length;

	ucmd->about = "iova";
	rc = iommufd_hw_queue_lock(hwq);
	if (rc)
		goto err_abort;

	rc = iommufd_hw_queue_start(ucmd, hwq);
	if (rc)
		goto err_abort;
	return hwq;

err_abort:
	iommufd_object_abort_and_destroy(ictx, &hwq->obj);
	return ERR_PTR(rc);
}

static int iommufd_hw_queue_alloc(struct iommufd_ucmd *ucmd)
{
	struct iommu_hw_queue_alloc __user *reply = ucmd->ubuffer;
	struct iommu_hw_queue_alloc *cmd = ucmd->cmd;
	const struct iommufd_viommu_ops *ops;
	struct iommufd_hw_queue_obj *hwq;
	struct iommufd_viommu_obj *viommu;
	size_t size = 0;
	u64 last;
	int rc;

	ucmd->about = "arguments";
	if (cmd->flags || cmd->type == IOMMU_HW_QUEUE_TYPE_DEFAULT)
		return -EOPNOTSUPP;
	if (!cmd->length)
		return -EINVAL;
	if (check_add_overflow(cmd->nesting_parent_iova, cmd->length - 1,
			       &last) ||
	    last > ULONG_MAX || cmd->length > SIZE_MAX)
		return -EOVERFLOW;

	ucmd->about = "viommu";
	viommu = iommufd_get_viommu(ucmd, cmd->viommu_id);
	if (IS_ERR(viommu))
		return PTR_ERR(viommu);

	ucmd->about = "type";
	ops = viommu->core->ops;
	if (iommufd_viommu_has_hw_queues(ops))
		size = ops->get_hw_queue_size(viommu->core, cmd->type);
	if (!size || WARN_ON_ONCE(size < sizeof(struct iommufd_hw_queue))) {
		rc = -EOPNOTSUPP;
		goto out_put_viommu;
	}
	ucmd->about = "length";
	/* First: what follows can cost time in proportion to the length */
	rc = ops->hw_queue_check(viommu->core, cmd->type, cmd->length);
	if (rc)
		goto out_put_viommu;

	hwq = iommufd_hw_queue_create(ucmd, viommu, size);
	if (IS_ERR(hwq)) {
		rc = PTR_ERR(hwq);
		goto out_put_viommu;
	}

	ucmd->about = "reply";
	cmd->out_hw_queue_id = hwq->obj.id;
	rc = put_user(cmd->out_hw_queue_id, &reply->out_hw_queue_id);
	if (rc)
		iommufd_object_abort_and_destroy(ucmd->ictx, &hwq->obj);
	else
		iommufd_object_finalize(ucmd->ictx, &hwq->obj);

out_put_viommu:
	iommufd_put_object(ucmd->ictx, &viommu->obj);
	return rc;
}

/**
 * iommufd_hw_queue_alloc_ioctl() - IOMMU_HW_QUEUE_ALLOC
 * @ucmd: the command, struct iommu_hw_queue_alloc
 *
 * Context: ioctl.
 * Return: 0, or a negative errno as include/uapi/linux/iommufd.h lists them.
 */
int iommufd_hw_queue_alloc_ioctl(struct iommufd_ucmd *ucmd)
{
	int rc = iommufd_hw_queue_alloc(ucmd);

	trace_iommufd_hw_queue_alloc(ucmd->ictx, ucmd->cmd, rc, ucmd->about);
	return rc;
}
