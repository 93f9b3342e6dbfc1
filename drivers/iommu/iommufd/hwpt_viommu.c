// SPDX-License-Identifier: GPL-2.0-only
/*
 * What HWPTs have to do with vIOMMUs: a nested HWPT whose parent is a vIOMMU, and
 * IOMMU_HWPT_INVALIDATE with the id of one.
 */
#include "viommu_private.h"

/**
 * iommufd_viommu_alloc_hwpt_nested() - a nested HWPT on a vIOMMU
 * @ictx: the iommufd
 * @viommu_obj: the vIOMMU, referenced by the caller
 * @idev: the device that user space named; the HWPT can be attached to any device
 *        behind the same physical IOMMU
 * @flags: of enum iommufd_hwpt_alloc_flags
 * @user_data: the driver's description of the guest's translation
 *
 * The HWPT holds the vIOMMU until iommufd_hwpt_nested_destroy(), and through it the
 * nest parent.
 *
 * Context: ioctl; may sleep; page faults are disabled.
 * Return: the unpublished HWPT, to be finalised or aborted, or an ERR_PTR: EINVAL
 * if @idev is behind another physical IOMMU, EOPNOTSUPP for flags, for no data and
 * for a driver without nested domains, E2BIG for more data than a page, ENOMEM, or
 * what the driver says.
 */
struct iommufd_hwpt_nested *
iommufd_viommu_alloc_hwpt_nested(struct iommufd_ctx *ictx,
				 struct iommufd_object *viommu_obj,
				 struct iommufd_device *idev, u32 flags,
				 const struct iommu_user_data *user_data)
{
	const u32 valid_flags = IOMMU_HWPT_FAULT_ID_VALID |
				IOMMU_HWPT_ALLOC_PASID;
	struct iommufd_viommu_obj *viommu =
		container_of(viommu_obj, struct iommufd_viommu_obj, obj);
	struct iommufd_viommu *core = viommu->core;
	struct iommufd_hwpt_nested *hwpt_nested;
	struct iommufd_hw_pagetable *hwpt;
	struct iommu_domain *domain;
	int rc;

	if (idev->dev->iommu->iommu_dev != core->iommu_dev)
		return ERR_PTR(-EINVAL);
	if ((flags & ~valid_flags) || !user_data->len ||
	    !core->ops->alloc_domain_nested)
		return ERR_PTR(-EOPNOTSUPP);
	/* What a driver looks through while it holds the device */
	if (user_data->len > PAGE_SIZE)
		return ERR_PTR(-E2BIG);

	hwpt_nested = __iommufd_object_alloc(ictx, hwpt_nested,
					     IOMMUFD_OBJ_HWPT_NESTED,
					     common.obj);
	if (IS_ERR(hwpt_nested))
		return hwpt_nested;
	hwpt = &hwpt_nested->common;

	refcount_inc(&viommu->obj.users);
	hwpt_nested->viommu = viommu;
	hwpt_nested->parent = viommu->hwpt;

	/* Faults are the core's matter, the domain is the same */
	flags &= ~IOMMU_HWPT_FAULT_ID_VALID;
	domain = core->ops->alloc_domain_nested(core, flags, user_data);
	if (IS_ERR(domain)) {
		rc = PTR_ERR(domain);
		goto err_abort;
	}
	hwpt->domain = domain;
	domain->owner = viommu->hwpt->common.domain->owner;

	if (WARN_ON_ONCE(domain->type != IOMMU_DOMAIN_NESTED)) {
		rc = -EINVAL;
		goto err_abort;
	}
	return hwpt_nested;

err_abort:
	iommufd_object_abort_and_destroy(ictx, &hwpt->obj);
	return ERR_PTR(rc);
}

/**
 * iommufd_hwpt_alloc_ioctl() - IOMMU_HWPT_ALLOC
 * @ucmd: the command, struct iommu_hwpt_alloc
 *
 * Context: ioctl.
 * Return: 0, or a negative errno as include/uapi/linux/iommufd.h lists them.
 */
int iommufd_hwpt_alloc_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_hwpt_alloc *cmd = ucmd->cmd;

	return iommufd_ucmd_execute_nofault(ucmd, cmd->data_uptr, cmd->data_len,
					    false, iommufd_hwpt_alloc);
}

/*
 * The guest's requests, where they belong: @obj is a vIOMMU or a nested HWPT. One
 * without requests reaches the driver as well, which says whether it knows the type.
 */
static int iommufd_object_cache_invalidate(struct iommufd_object *obj,
					   struct iommu_user_data_array *array)
{
	struct iommufd_viommu *core;
	struct iommu_domain *domain;

	if (obj->type == IOMMUFD_OBJ_VIOMMU) {
		core = container_of(obj, struct iommufd_viommu_obj, obj)->core;
		if (core->ops->cache_invalidate)
			return core->ops->cache_invalidate(core, array);
	} else {
		domain = container_of(obj, struct iommufd_hw_pagetable, obj)
				 ->domain;
		if (domain->ops->cache_invalidate_user)
			return domain->ops->cache_invalidate_user(domain,
								  array);
	}
	array->entry_num = 0;
	return -EOPNOTSUPP;
}

/*
 * The object, which a DESTROY does not find idle until iommufd_put_invalidated(). It is
 * none that the kernel ever destroys by itself, so there is nobody who would have to
 * wait for this, and "users" alone is enough.
 */
static struct iommufd_object *iommufd_get_invalidated(struct iommufd_ctx *ictx,
						      u32 id)
{
	struct iommufd_object *obj;

	if (iommufd_should_fail())
		return ERR_PTR(-ENOENT);

	/* Most VMs name one vIOMMU all the time: what was named last is there */
	xa_lock(&ictx->objects);
	obj = ictx->last_invalidated;
	if (!obj || obj->id != id)
		obj = xa_load(&ictx->objects, id);
	if (!obj)
		obj = ERR_PTR(-ENOENT);
	else if (obj->type != IOMMUFD_OBJ_VIOMMU &&
		 obj->type != IOMMUFD_OBJ_HWPT_NESTED)
		obj = ERR_PTR(-EINVAL);
	else if (!refcount_inc_not_zero(&obj->users))
		obj = ERR_PTR(-ENOENT);
	else
		ictx->last_invalidated = obj;
	xa_unlock(&ictx->objects);
	return obj;
}

static void iommufd_put_invalidated(struct iommufd_object *obj)
{
	/* It may be gone when this returns */
	refcount_dec(&obj->users);
}

/**
 * iommufd_cache_invalidate() - the requests of an IOMMU_HWPT_INVALIDATE
 * @ictx: the iommufd
 * @id: what user space named
 * @array: The requests. On return, with an error too, @array->entry_num is how
 *         many of them the hardware has completed, never more than there were.
 *
 * Context: ioctl; may sleep.
 * Return: 0, ENOENT if there is no object @id, EINVAL if it is neither a nested HWPT
 * nor a vIOMMU, EOPNOTSUPP if its driver takes no requests, or what the driver says.
 */
int iommufd_cache_invalidate(struct iommufd_ctx *ictx, u32 id,
			     struct iommu_user_data_array *array)
{
	const u32 entry_num = array->entry_num;
	struct iommufd_object *obj;
	int rc;

	obj = iommufd_get_invalidated(ictx, id);
	if (IS_ERR(obj)) {
		array->entry_num = 0;
		return PTR_ERR(obj);
	}
	rc = iommufd_object_cache_invalidate(obj, array);
	if (WARN_ON_ONCE(array->entry_num > entry_num))
		array->entry_num = entry_num;
	iommufd_put_invalidated(obj);
	return rc;
}
