// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: vDEVICEs, and devices that leave
 *
 * vDEVICE: a device as the guest's IOMMU names it.
 *
 * User space makes and destroys vDEVICEs, but a device leaves whenever its driver
 * says so (a closed VFIO file, a removed card). Nothing that a vDEVICE has set up
 * for a device may outlive that, and nothing that user space does may hold it up.
 * So the object is one thing and its connection to the device another: while it is
 * connected (iommufd_vdevice_obj::core is set) the driver knows the device, the
 * guest's id finds it, and device and object point to each other. It takes no
 * reference on the device: iommufd_device_unbind() breaks the connection first of
 * all. Connecting, breaking and publishing are sections of iommufd_ctx::vdevs_lock,
 * and user memory is not waited for within:
 *
 *  - ALLOC connects, writes the reply, and publishes, all in one section if the
 *    user memory for the reply is there, as it nearly always is. If not it only
 *    reserves the id, writes the reply in its own time, and publishes what is still
 *    connected. If the device has left meanwhile, ALLOC fails.
 *  - DESTROY takes the id away and breaks the connection, if there still is one.
 *  - An unbind breaks the connection, lets no new one be made, and if the object is
 *    published, takes the id away and destroys what is left.
 *
 * An id that an unbind takes away is not free again: a tombstone, a reserved entry,
 * is left there for the life of the iommufd. User space does not know yet that the
 * vDEVICE has gone, and its DESTROY must not hit a newer object.
 */
#include <linux/cleanup.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "trace.h"
#include "viommu_private.h"

/*
 * Make the device known to the driver, then to lookups by the guest's id. Undoes
 * itself when it fails.
 */
static int iommufd_vdevice_connect(struct iommufd_ucmd *ucmd,
				   struct iommufd_vdevice_obj *vdev,
				   struct iommufd_device *idev, u64 virt_id)
{
	struct iommufd_viommu *core_viommu = vdev->viommu->core;
	const struct iommufd_viommu_ops *ops = core_viommu->ops;
	struct iommufd_vdevice *core;
	int rc;

	lockdep_assert_held(&vdev->ictx->vdevs_lock);

	core = (struct iommufd_vdevice *)vdev->driver_part;
	core->viommu = core_viommu;
	core->dev = idev->dev;
	core->virt_id = virt_id;

	down_write(&core_viommu->vdevs_rwsem);
	ucmd->about = "virt_id";
	if (iommufd_viommu_find_vdevice(core_viommu, virt_id)) {
		rc = -EEXIST;
		goto err_unlock;
	}
	if (ops->vdevice_init) {
		ucmd->about = "driver";
		rc = ops->vdevice_init(core);
		if (rc)
			goto err_unlock;
	}
	iommufd_viommu_publish_vdevice(core);
	up_write(&core_viommu->vdevs_rwsem);

	vdev->core = core;
	vdev->idev = idev;
	idev->vdev = vdev;
	return 0;

err_unlock:
	up_write(&core_viommu->vdevs_rwsem);
	return rc;
}

static void iommufd_vdevice_disconnect(struct iommufd_vdevice_obj *vdev)
{
	struct iommufd_viommu *core_viommu = vdev->viommu->core;
	struct iommufd_vdevice *core = vdev->core;

	lockdep_assert_held(&vdev->ictx->vdevs_lock);

	down_write(&core_viommu->vdevs_rwsem);
	iommufd_viommu_unpublish_vdevice(core);
	if (core_viommu->ops->vdevice_destroy)
		core_viommu->ops->vdevice_destroy(core);
	up_write(&core_viommu->vdevs_rwsem);

	vdev->idev->vdev = NULL;
	vdev->idev = NULL;
	vdev->core = NULL;
}

/**
 * iommufd_vdevice_destroy() - undo iommufd_vdevice_create()
 * @obj: the vDEVICE, connected or not; its id no longer finds it
 *
 * Context: process context, may sleep; takes iommufd_ctx::vdevs_lock.
 */
void iommufd_vdevice_destroy(struct iommufd_object *obj)
{
	struct iommufd_vdevice_obj *vdev =
		container_of(obj, struct iommufd_vdevice_obj, obj);

	scoped_guard(mutex, &vdev->ictx->vdevs_lock) {
		if (vdev->core)
			iommufd_vdevice_disconnect(vdev);
	}
	refcount_dec(&vdev->viommu->obj.users);
}

/*
 * What a vDEVICE connects. The vIOMMU's "users" is incremented, for the vDEVICE. The
 * device needs no reference: its unbind takes vdevs_lock before anything else, and
 * sets destroying there. If that is set the device may be freed as soon as the
 * xa_lock is no longer held, if not it stays until vdevs_lock is no longer held.
 */
static int iommufd_vdevice_find(struct iommufd_ucmd *ucmd,
				struct iommufd_viommu_obj **viommu,
				struct iommufd_device **idev)
{
	const struct iommu_vdevice_alloc *cmd = ucmd->cmd;
	struct iommufd_ctx *ictx = ucmd->ictx;
	struct iommufd_object *obj;
	int rc = -ENOENT;

	lockdep_assert_held(&ictx->vdevs_lock);
	xa_lock(&ictx->objects);

	ucmd->about = "viommu";
	obj = xa_load(&ictx->objects, cmd->viommu_id);
	if (!obj || obj->type != IOMMUFD_OBJ_VIOMMU || iommufd_should_fail())
		goto out_unlock;
	*viommu = container_of(obj, struct iommufd_viommu_obj, obj);

	ucmd->about = "device";
	obj = xa_load(&ictx->objects, cmd->dev_id);
	if (!obj || obj->type != IOMMUFD_OBJ_DEVICE || iommufd_should_fail())
		goto out_unlock;
	*idev = container_of(obj, struct iommufd_device, obj);
	if ((*idev)->destroying)
		goto out_unlock;

	/* What is found has users */
	refcount_inc(&(*viommu)->obj.users);
	rc = 0;
out_unlock:
	xa_unlock(&ictx->objects);
	return rc;
}

/* Whether @viommu can have a vDEVICE for @idev */
static int iommufd_vdevice_check(struct iommufd_viommu_obj *viommu,
				 struct iommufd_device *idev)
{
	size_t size = viommu->core->ops->vdevice_size;

	if (idev->dev->iommu->iommu_dev != viommu->core->iommu_dev)
		return -EINVAL;
	if (!size || WARN_ON_ONCE(size < sizeof(struct iommufd_vdevice)))
		return -EOPNOTSUPP;
	return idev->vdev ? -EEXIST : 0;
}

/*
 * Make a vDEVICE that is connected to @idev. Its id comes when nothing but that can
 * fail any more. Takes over the reference on @viommu.
 */
static struct iommufd_vdevice_obj *
iommufd_vdevice_create(struct iommufd_ucmd *ucmd,
		       struct iommufd_viommu_obj *viommu,
		       struct iommufd_device *idev)
{
	const struct iommu_vdevice_alloc *cmd = ucmd->cmd;
	struct iommufd_vdevice_obj *vdev;
	int rc;

	rc = iommufd_vdevice_check(viommu, idev);
	if (rc)
		goto err_put_viommu;

	ucmd->about = "memory";
	vdev = kzalloc(struct_size(vdev, driver_part,
				   viommu->core->ops->vdevice_size),
		       GFP_KERNEL_ACCOUNT);
	if (!vdev) {
		rc = -ENOMEM;
		goto err_put_viommu;
	}
	/* As of _iommufd_object_alloc() */
	vdev->obj.type = IOMMUFD_OBJ_VDEVICE;
	refcount_set(&vdev->obj.shortterm_users, 1);
	refcount_set(&vdev->obj.users, 1);
	vdev->ictx = ucmd->ictx;
	vdev->viommu = viommu;

	rc = iommufd_vdevice_connect(ucmd, vdev, idev, cmd->virt_id);
	if (rc)
		goto err_free;
	return vdev;

err_free:
	trace_iommufd_abort(ucmd->ictx, &vdev->obj);
	kfree(vdev);
err_put_viommu:
	refcount_dec(&viommu->obj.users);
	return ERR_PTR(rc);
}

static int iommufd_vdevice_reply(struct iommufd_ucmd *ucmd,
				 const struct iommufd_vdevice_obj *vdev)
{
	struct iommu_vdevice_alloc __user *reply = ucmd->ubuffer;
	struct iommu_vdevice_alloc *cmd = ucmd->cmd;

	cmd->out_vdevice_id = vdev->obj.id;
	return put_user(cmd->out_vdevice_id, &reply->out_vdevice_id);
}

/*
 * Give @vdev its id, and reply if that needs no waiting. Whoever looks for an object
 * holds the xa_lock, so nobody finds @vdev before the reply is written, or at all if it
 * can't be: then the id is reserved, and the caller is to write the reply and publish.
 *
 * Returns 1 if @vdev is published and no longer ours, 0 if its id is reserved.
 */
static int iommufd_vdevice_number(struct iommufd_ucmd *ucmd,
				  struct iommufd_vdevice_obj *vdev)
{
	struct xarray *objects = &ucmd->ictx->objects;
	int rc;

	lockdep_assert_held(&ucmd->ictx->vdevs_lock);

	ucmd->about = "memory";
	if (iommufd_should_fail())
		return -ENOMEM;
	xa_lock(objects);
	/* May sleep for memory, but not once the entry is there */
	rc = __xa_alloc(objects, &vdev->obj.id, &vdev->obj, xa_limit_31b,
			GFP_KERNEL_ACCOUNT);
	if (rc)
		goto out_unlock;

	pagefault_disable();
	rc = iommufd_vdevice_reply(ucmd, vdev);
	pagefault_enable();
	if (rc)
		__xa_store(objects, vdev->obj.id, XA_ZERO_ENTRY, 0);
	rc = !rc;
out_unlock:
	xa_unlock(objects);
	return rc;
}

/*
 * All of VDEVICE_ALLOC, or all but the reply and the publication. Returns the vDEVICE
 * if these are left to do, NULL if not.
 */
static struct iommufd_vdevice_obj *
iommufd_vdevice_begin(struct iommufd_ucmd *ucmd)
{
	struct iommufd_viommu_obj *viommu;
	struct iommufd_vdevice_obj *vdev;
	struct iommufd_device *idev;
	int rc;

	guard(mutex)(&ucmd->ictx->vdevs_lock);
	rc = iommufd_vdevice_find(ucmd, &viommu, &idev);
	if (rc)
		return ERR_PTR(rc);
	vdev = iommufd_vdevice_create(ucmd, viommu, idev);
	if (IS_ERR(vdev))
		return vdev;
	rc = iommufd_vdevice_number(ucmd, vdev);
	if (rc >= 0)
		return rc ? NULL : vdev;

	trace_iommufd_abort(ucmd->ictx, &vdev->obj);
	iommufd_vdevice_disconnect(vdev);
	kfree(vdev);
	refcount_dec(&viommu->obj.users);
	return ERR_PTR(rc);
}

/* On success @vdev is no longer ours */
static int iommufd_vdevice_publish(struct iommufd_vdevice_obj *vdev)
{
	guard(mutex)(&vdev->ictx->vdevs_lock);
	if (!vdev->core)
		return -ENOENT;
	iommufd_object_finalize(vdev->ictx, &vdev->obj);
	return 0;
}

static int iommufd_vdevice_alloc(struct iommufd_ucmd *ucmd)
{
	struct iommufd_vdevice_obj *vdev;
	int rc;

	vdev = iommufd_vdevice_begin(ucmd);
	if (IS_ERR_OR_NULL(vdev))
		return PTR_ERR_OR_ZERO(vdev);

	ucmd->about = "reply";
	rc = iommufd_vdevice_reply(ucmd, vdev);
	if (!rc) {
		ucmd->about = "device";
		rc = iommufd_vdevice_publish(vdev);
	}
	if (rc)
		iommufd_object_abort_and_destroy(ucmd->ictx, &vdev->obj);
	return rc;
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
	int rc = iommufd_vdevice_alloc(ucmd);

	trace_iommufd_vdevice_alloc(ucmd->ictx, ucmd->cmd, rc, ucmd->about);
	return rc;
}

/**
 * iommufd_device_remove_vdevice() - take a leaving device's vDEVICE away
 * @idev: the device, about to be unbound
 *
 * Afterwards @idev has no vDEVICE, and gets no new one.
 *
 * Context: process context, may sleep; takes iommufd_ctx::vdevs_lock.
 */
void iommufd_device_remove_vdevice(struct iommufd_device *idev)
{
	struct iommufd_ctx *ictx = idev->ictx;
	struct iommufd_vdevice_obj *vdev;
	bool ours = false;

	scoped_guard(mutex, &ictx->vdevs_lock) {
		idev->destroying = true;
		vdev = idev->vdev;
		if (!vdev)
			return;
		/*
		 * Not there if ALLOC has not published it yet, or DESTROY has
		 * taken it away: either will destroy it, which can't come before
		 * this section has ended.
		 */
		ours = xa_cmpxchg(&ictx->objects, vdev->obj.id, &vdev->obj,
				  XA_ZERO_ENTRY, 0) == &vdev->obj;
		trace_iommufd_unbind_vdevice(ictx, idev->dev, idev->obj.id,
					     vdev->obj.id, ours);
		iommufd_vdevice_disconnect(vdev);
	}
	if (!ours)
		return;

	/* Ioctls that found the object before the tombstone was there */
	if (iommufd_object_dec_wait_shortterm(ictx, &vdev->obj)) {
		/* A bug, already reported: leave it for the close of iommufd */
		xa_store(&ictx->objects, vdev->obj.id, &vdev->obj, GFP_KERNEL);
		return;
	}
	WARN_ON(!refcount_dec_if_one(&vdev->obj.users));
	trace_iommufd_object_destroy(ictx, &vdev->obj);
	iommufd_vdevice_destroy(&vdev->obj);
	kfree(vdev);
}
