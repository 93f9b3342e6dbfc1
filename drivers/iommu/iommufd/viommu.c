// SPDX-License-Identifier: GPL-2.0-only
/*
 * vIOMMU: the slice of a physical IOMMU that a VM gets. The object here has the
 * id and the references; what the slice is in hardware only the driver knows.
 */
#include <linux/module.h>
#include <linux/uaccess.h>

#include "trace.h"
#include "viommu_private.h"

/**
 * iommufd_object_get_published() - take a reference that keeps an object
 * @ictx: the iommufd
 * @obj: an object of @ictx whose memory the caller keeps from being freed
 *
 * What other ioctls might not find under its id must not be built upon: an object
 * in the making may yet fail, and one whose "users" is 0 is on its way out, so
 * that a plain increment would revive the dead.
 *
 * Context: takes the xa_lock of @ictx->objects.
 * Return: true if "users" of @obj was incremented; the caller decrements it. false
 * if @obj is not published (yet, or any more).
 */
bool iommufd_object_get_published(struct iommufd_ctx *ictx,
				  struct iommufd_object *obj)
{
	bool taken;

	xa_lock(&ictx->objects);
	taken = xa_load(&ictx->objects, obj->id) == obj &&
		refcount_inc_not_zero(&obj->users);
	xa_unlock(&ictx->objects);
	return taken;
}

static const struct iommufd_viommu_services iommufd_viommu_services = {
	.alloc_mmap = iommufd_viommu_alloc_mmap,
	.alloc_mmap_memory = iommufd_viommu_alloc_mmap_memory,
	.destroy_mmap = iommufd_viommu_destroy_mmap,
	.report_event = iommufd_viommu_report_event,
	.report_lost = iommufd_viommu_report_lost,
};

/**
 * iommufd_viommu_destroy() - undo iommufd_viommu_create()
 * @obj: the vIOMMU, complete or not; nothing refers to it any more
 *
 * Context: process context, may sleep; no lock of iommufd's held.
 */
void iommufd_viommu_destroy(struct iommufd_object *obj)
{
	struct iommufd_viommu_obj *viommu =
		container_of(obj, struct iommufd_viommu_obj, obj);
	struct iommufd_viommu *core = viommu->core;

	if (core) {
		/* No ops: viommu_init has failed, and undone itself */
		if (core->ops && core->ops->destroy)
			core->ops->destroy(core);
		WARN_ON(!RB_EMPTY_ROOT(&core->vdevs));
	}
	WARN_ON(!list_empty(&viommu->queues));
	WARN_ON(!list_empty(&viommu->veventqs));
	mutex_destroy(&viommu->queues_lock);
	module_put(viommu->driver);
	refcount_dec(&viommu->hwpt->common.obj.users);
}

/* Everything of VIOMMU_ALLOC that has to be undone when the reply fails */
static struct iommufd_viommu_obj *
iommufd_viommu_create(struct iommufd_ucmd *ucmd, struct iommufd_device *idev,
		      struct iommufd_hwpt_paging *hwpt, size_t size,
		      const struct iommu_user_data *user_data)
{
	const struct iommu_ops *ops = dev_iommu_ops(idev->dev);
	struct iommufd_ctx *ictx = ucmd->ictx;
	struct iommufd_viommu_obj *viommu;
	struct iommufd_viommu *core;
	struct iommufd_object *obj;
	int rc;

	ucmd->about = "memory";
	obj = _iommufd_object_alloc(ictx, struct_size(viommu, driver_part, size),
				    IOMMUFD_OBJ_VIOMMU);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	viommu = container_of(obj, struct iommufd_viommu_obj, obj);
	viommu->ictx = ictx;
	mutex_init(&viommu->queues_lock);
	INIT_LIST_HEAD(&viommu->queues);
	spin_lock_init(&viommu->veventqs_lock);
	INIT_LIST_HEAD(&viommu->veventqs);
	refcount_inc(&hwpt->common.obj.users);
	viommu->hwpt = hwpt;
	/* @idev keeps it loaded now, but may be unbound while the vIOMMU lives */
	__module_get(ops->owner);
	viommu->driver = ops->owner;

	core = (struct iommufd_viommu *)viommu->driver_part;
	viommu->core = core;
	core->object = viommu;
	core->services = &iommufd_viommu_services;
	core->iommu_dev = idev->dev->iommu->iommu_dev;
	core->s2_parent = hwpt->common.domain;
	core->type = user_data->type;
	init_rwsem(&core->vdevs_rwsem);
	core->vdevs = RB_ROOT;

	ucmd->about = "driver";
	/* What a driver looks through while it holds the device */
	if (user_data->len > PAGE_SIZE) {
		rc = -E2BIG;
		goto err_abort;
	}
	pagefault_disable();
	rc = ops->viommu_init(core, core->s2_parent, idev->dev,
			      user_data->len ? user_data : NULL);
	pagefault_enable();
	if (rc) {
		core->ops = NULL;
		if (rc == -EFAULT)
			rc = -IOMMUFD_FAULT_IN;
		goto err_abort;
	}
	if (WARN_ON_ONCE(!core->ops)) {
		rc = -EOPNOTSUPP;
		goto err_abort;
	}
	return viommu;

err_abort:
	iommufd_object_abort_and_destroy(ictx, &viommu->obj);
	return ERR_PTR(rc);
}

static int iommufd_viommu_alloc(struct iommufd_ucmd *ucmd)
{
	struct iommu_viommu_alloc __user *reply = ucmd->ubuffer;
	struct iommu_viommu_alloc *cmd = ucmd->cmd;
	const struct iommu_user_data user_data = {
		.type = cmd->type,
		.uptr = u64_to_user_ptr(cmd->data_uptr),
		.len = cmd->data_len,
	};
	struct iommufd_hwpt_paging *hwpt;
	struct iommufd_viommu_obj *viommu;
	const struct iommu_ops *ops;
	struct iommufd_device *idev;
	size_t size = 0;
	int rc;

	ucmd->about = "arguments";
	if (cmd->flags || cmd->__reserved ||
	    cmd->type == IOMMU_VIOMMU_TYPE_DEFAULT)
		return -EOPNOTSUPP;

	ucmd->about = "device";
	idev = iommufd_get_device(ucmd, cmd->dev_id);
	if (IS_ERR(idev))
		return PTR_ERR(idev);

	ucmd->about = "type";
	ops = dev_iommu_ops(idev->dev);
	if (ops->get_viommu_size && ops->viommu_init)
		size = ops->get_viommu_size(idev->dev, cmd->type);
	if (!size || WARN_ON_ONCE(size < sizeof(struct iommufd_viommu))) {
		rc = -EOPNOTSUPP;
		goto out_put_idev;
	}

	ucmd->about = "hwpt";
	hwpt = iommufd_get_hwpt_paging(ucmd, cmd->hwpt_id);
	if (IS_ERR(hwpt)) {
		rc = PTR_ERR(hwpt);
		goto out_put_idev;
	}
	/* Another driver's domain is of a type that this driver can't read */
	if (!hwpt->nest_parent || hwpt->common.domain->owner != ops) {
		rc = -EINVAL;
		goto out_put_hwpt;
	}

	viommu = iommufd_viommu_create(ucmd, idev, hwpt, size,
				       &user_data);
	iommufd_put_object(ucmd->ictx, &hwpt->common.obj);
	/* An unbind waits for this, and must not wait for user memory */
	iommufd_put_object(ucmd->ictx, &idev->obj);
	if (IS_ERR(viommu))
		return PTR_ERR(viommu);

	ucmd->about = "reply";
	cmd->out_viommu_id = viommu->obj.id;
	rc = put_user(cmd->out_viommu_id, &reply->out_viommu_id);
	if (rc)
		iommufd_object_abort_and_destroy(ucmd->ictx, &viommu->obj);
	else
		iommufd_object_finalize(ucmd->ictx, &viommu->obj);
	return rc;

out_put_hwpt:
	iommufd_put_object(ucmd->ictx, &hwpt->common.obj);
out_put_idev:
	iommufd_put_object(ucmd->ictx, &idev->obj);
	return rc;
}

/**
 * iommufd_viommu_alloc_ioctl() - IOMMU_VIOMMU_ALLOC
 * @ucmd: the command, struct iommu_viommu_alloc
 *
 * Context: ioctl.
 * Return: 0, or a negative errno as include/uapi/linux/iommufd.h lists them.
 */
int iommufd_viommu_alloc_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_viommu_alloc *cmd = ucmd->cmd;
	int rc;

	rc = iommufd_ucmd_execute_nofault(ucmd, cmd->data_uptr, cmd->data_len,
					  true, iommufd_viommu_alloc);
	trace_iommufd_viommu_alloc(ucmd->ictx, cmd, rc, ucmd->about);
	return rc;
}
