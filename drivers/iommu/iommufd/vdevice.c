// SPDX-License-Identifier: GPL-2.0-only
/*
 * vDEVICE: a device as the guest's IOMMU names it.
 *
 * User space makes and destroys vDEVICEs, but a device leaves whenever its driver
 * says so (a closed VFIO file, a removed card), and nothing of a vDEVICE may
 * outlive that: iommufd_device_unbind() calls iommufd_device_remove_vdevice()
 * first of all. Three threads can thus meet over one vDEVICE, and the lock of the
 * device's group sorts them:
 *
 *  - ALLOC makes the vDEVICE in one section of the lock and publishes its id, the
 *    reply being written, in a second one. The unbind sets
 *    iommufd_device::destroying in a section of its own. If that comes first, the
 *    second section of ALLOC sees it and the vDEVICE is undone; if it comes last,
 *    it finds a published vDEVICE.
 *  - DESTROY takes the id away under the xa_lock, as the unbind does. Who finds the
 *    object there destroys it; the other one has nothing to do, and if that is the
 *    unbind, it waits for the reference on the device like for any other ioctl.
 *
 * What the unbind takes away leaves a tombstone, a reserved entry, under its id:
 * user space does not know yet that the vDEVICE is gone, and its DESTROY must not
 * hit a newer object. Tombstones go when the iommufd is closed.
 */
#include <linux/cleanup.h>
#include <linux/slab.h>

#include "viommu_private.h"

/*
 * Make the vDEVICE known to the driver, then to lookups by the guest's id, and to
 * the device. Undoes itself when it fails.
 */
static int iommufd_vdevice_init(struct iommufd_vdevice_obj *vdev, u64 virt_id)
{
	struct iommufd_viommu *core_viommu = vdev->viommu->core;
	const struct iommufd_viommu_ops *ops = core_viommu->ops;
	struct iommufd_vdevice *core;
	int rc;

	lockdep_assert_held(&vdev->idev->igroup->lock);

	core = kzalloc(ops->vdevice_size, GFP_KERNEL_ACCOUNT);
	if (!core)
		return -ENOMEM;
	core->viommu = core_viommu;
	core->dev = vdev->idev->dev;
	core->virt_id = virt_id;

	down_write(&core_viommu->vdevs_rwsem);
	/* Reserves the place: nothing can fail any more after vdevice_init */
	rc = xa_insert(&core_viommu->vdevs, virt_id, NULL, GFP_KERNEL_ACCOUNT);
	if (rc) {
		if (rc == -EBUSY)
			rc = -EEXIST;
		goto err_unlock;
	}
	if (ops->vdevice_init) {
		rc = ops->vdevice_init(core);
		if (rc) {
			xa_release(&core_viommu->vdevs, virt_id);
			goto err_unlock;
		}
	}
	xa_store(&core_viommu->vdevs, virt_id, core, GFP_KERNEL);
	up_write(&core_viommu->vdevs_rwsem);

	vdev->core = core;
	vdev->idev->vdev = vdev;
	return 0;

err_unlock:
	up_write(&core_viommu->vdevs_rwsem);
	kfree(core);
	return rc;
}

/**
 * iommufd_vdevice_destroy() - undo iommufd_vdevice_create()
 * @obj: the vDEVICE, complete or not; its id no longer finds it
 *
 * Context: process context, may sleep; takes the lock of the device's group.
 */
void iommufd_vdevice_destroy(struct iommufd_object *obj)
{
	struct iommufd_vdevice_obj *vdev =
		container_of(obj, struct iommufd_vdevice_obj, obj);
	struct iommufd_viommu *core_viommu = vdev->viommu->core;
	struct iommufd_device *idev = vdev->idev;
	struct iommufd_vdevice *core = vdev->core;

	if (core) {
		mutex_lock(&idev->igroup->lock);
		down_write(&core_viommu->vdevs_rwsem);
		xa_erase(&core_viommu->vdevs, core->virt_id);
		if (core_viommu->ops->vdevice_destroy)
			core_viommu->ops->vdevice_destroy(core);
		up_write(&core_viommu->vdevs_rwsem);
		idev->vdev = NULL;
		mutex_unlock(&idev->igroup->lock);
		kfree(core);
	}

	/* An unbind waits for the device's; the group must not be touched now */
	if (refcount_dec_and_test(&idev->obj.shortterm_users))
		wake_up_all(&vdev->ictx->destroy_wait);
	refcount_dec(&vdev->viommu->obj.users);
}

/* The first section of VDEVICE_ALLOC: all but the reply and the publication */
static struct iommufd_vdevice_obj *
iommufd_vdevice_create(struct iommufd_ctx *ictx,
		       struct iommufd_viommu_obj *viommu,
		       struct iommufd_device *idev, u64 virt_id)
{
	struct iommufd_vdevice_obj *vdev;
	int rc;

	mutex_lock(&idev->igroup->lock);
	if (idev->destroying) {
		rc = -ENOENT;
		goto err_unlock;
	}
	if (idev->vdev) {
		rc = -EEXIST;
		goto err_unlock;
	}

	vdev = iommufd_object_alloc(ictx, vdev, IOMMUFD_OBJ_VDEVICE);
	if (IS_ERR(vdev)) {
		rc = PTR_ERR(vdev);
		goto err_unlock;
	}
	vdev->ictx = ictx;
	refcount_inc(&viommu->obj.users);
	vdev->viommu = viommu;
	/* The caller has one, so it can't be 0 */
	refcount_inc(&idev->obj.shortterm_users);
	vdev->idev = idev;

	rc = iommufd_vdevice_init(vdev, virt_id);
	mutex_unlock(&idev->igroup->lock);
	if (rc) {
		iommufd_object_abort_and_destroy(ictx, &vdev->obj);
		return ERR_PTR(rc);
	}
	return vdev;

err_unlock:
	mutex_unlock(&idev->igroup->lock);
	return ERR_PTR(rc);
}

/* The second section of VDEVICE_ALLOC. On success @vdev is no longer ours. */
static int iommufd_vdevice_publish(struct iommufd_vdevice_obj *vdev)
{
	guard(mutex)(&vdev->idev->igroup->lock);
	if (vdev->idev->destroying)
		return -ENOENT;
	iommufd_object_finalize(vdev->ictx, &vdev->obj);
	return 0;
}

/**
 * iommufd_vdevice_alloc_ioctl() - IOMMU_VDEVICE_ALLOC
 * @ucmd: the command, struct iommu_vdevice_alloc
 *
 * Context: ioctl.
 * Return: 0, or a negative errno as include/uapi/linux/iommufd.h lists them.
 */
int iommufd_vdevice_alloc_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_vdevice_alloc *cmd = ucmd->cmd;
	struct iommufd_vdevice_obj *vdev;
	struct iommufd_viommu_obj *viommu;
	struct iommufd_device *idev;
	size_t size;
	int rc;

	/* iommufd_viommu::vdevs is indexed by it */
	if (cmd->virt_id > ULONG_MAX)
		return -EINVAL;

	viommu = iommufd_get_viommu(ucmd, cmd->viommu_id);
	if (IS_ERR(viommu))
		return PTR_ERR(viommu);

	idev = iommufd_get_device(ucmd, cmd->dev_id);
	if (IS_ERR(idev)) {
		rc = PTR_ERR(idev);
		goto out_put_viommu;
	}
	if (idev->dev->iommu->iommu_dev != viommu->core->iommu_dev) {
		rc = -EINVAL;
		goto out_put_idev;
	}
	size = viommu->core->ops->vdevice_size;
	if (!size || WARN_ON_ONCE(size < sizeof(struct iommufd_vdevice))) {
		rc = -EOPNOTSUPP;
		goto out_put_idev;
	}

	vdev = iommufd_vdevice_create(ucmd->ictx, viommu, idev, cmd->virt_id);
	if (IS_ERR(vdev)) {
		rc = PTR_ERR(vdev);
		goto out_put_idev;
	}

	cmd->out_vdevice_id = vdev->obj.id;
	rc = iommufd_ucmd_respond(ucmd, sizeof(*cmd));
	if (!rc)
		rc = iommufd_vdevice_publish(vdev);
	if (rc)
		iommufd_object_abort_and_destroy(ucmd->ictx, &vdev->obj);

out_put_idev:
	iommufd_put_object(ucmd->ictx, &idev->obj);
out_put_viommu:
	iommufd_put_object(ucmd->ictx, &viommu->obj);
	return rc;
}

/**
 * iommufd_device_remove_vdevice() - take a leaving device's vDEVICE away
 * @idev: the device, about to be unbound
 *
 * To be called before anything waits for the references on @idev: the vDEVICE
 * holds one. Afterwards @idev has no vDEVICE that is not already being destroyed
 * by others, and gets no new one.
 *
 * Context: process context, may sleep; takes the group's lock of @idev.
 */
void iommufd_device_remove_vdevice(struct iommufd_device *idev)
{
	struct iommufd_ctx *ictx = idev->ictx;
	struct iommufd_vdevice_obj *vdev;
	bool ours;

	/*
	 * idev->vdev is cleared under this lock before its memory is freed. Its
	 * id is another matter: DESTROY may have taken the object from there, or
	 * ALLOC has not put it there yet.
	 */
	mutex_lock(&idev->igroup->lock);
	idev->destroying = true;
	vdev = idev->vdev;
	ours = vdev && xa_cmpxchg(&ictx->objects, vdev->obj.id, &vdev->obj,
				  XA_ZERO_ENTRY, 0) == &vdev->obj;
	mutex_unlock(&idev->igroup->lock);
	if (!ours)
		return;

	/* Ioctls that found the object before the tombstone was there */
	if (iommufd_object_dec_wait_shortterm(ictx, &vdev->obj)) {
		/* A bug, already reported: leave it for the close of iommufd */
		xa_store(&ictx->objects, vdev->obj.id, &vdev->obj, GFP_KERNEL);
		return;
	}
	WARN_ON(!refcount_dec_if_one(&vdev->obj.users));

	iommufd_vdevice_destroy(&vdev->obj);
	kfree(vdev);
}
