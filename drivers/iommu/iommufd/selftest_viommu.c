// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mock vIOMMUs: hardware without hardware, for tools/testing/selftests/iommu. The
 * driver is one like any other, behind iommufd_viommu_ops; what it is asked for is
 * in iommufd_test.h.
 *
 * Hardware can refuse, at the worst moment: so does the mock if a test injects a
 * failure into its operations (iommufd_should_fail()).
 *
 * It takes nothing on trust: what include/linux/iommufd_viommu.h promises to a
 * driver it checks, with a WARN, as hardware would come to grief.
 *
 * Lock order, within that of include/linux/iommufd_viommu.h: vdevs_rwsem ->
 * mock_viommu_dev::lock -> what iommufd_viommu_services::report_event takes.
 */
#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/iommufd_viommu.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>

#include "iommufd_private.h"
#include "iommufd_test.h"
#include "selftest_viommu.h"

/* A window has two pages, so that there is a part of it to ask for */
#define MOCK_VIOMMU_WINDOW_SIZE		(2 * PAGE_SIZE)

/* The longest queue */
#define MOCK_HW_QUEUE_MAX_LENGTH	SZ_4M

/*
 * How many there are of what the core has to give back, to be read in debugfs: none
 * once the last iommufd is closed.
 */
static struct dentry *mock_debugfs;
static struct {
	atomic_t devices;
	atomic_t viommus;
	atomic_t vdevices;
	atomic_t hw_queues;
} mock_counts;

/*
 * struct mock_viommu_dev - what a mock device has to do with vIOMMUs
 * @lock: protects @viommu and @virt_id. A spinlock with interrupts off, since
 *        events are reported under it, and drivers do that in their interrupt
 *        handlers.
 * @viommu: The vIOMMU of the nested domain that the device is attached to, or NULL.
 *          It outlives the domain.
 * @virt_id: the device's id on @viommu at the time of the attach
 * @cache: the values of what the device caches, 0 when invalidated
 *
 * Lives from the device's probe to its release.
 */
struct mock_viommu_dev {
	/* of the attachment */
	spinlock_t lock;
	struct iommufd_viommu *viommu;
	u32 virt_id;
	u32 cache[MOCK_DEV_CACHE_NUM];
};

/*
 * struct mock_viommu - the driver's vIOMMU
 * @core: the core's part
 * @page: the memory behind the window, or NULL
 * @mmap_offset: of the window
 * @queues: The queues that run, one bit each. Changed by hw_queue_init and
 *          hw_queue_destroy, which the core calls one at a time.
 */
struct mock_viommu {
	struct iommufd_viommu core;
	u32 *page;
	unsigned long mmap_offset;
	unsigned long queues;
};

static_assert(offsetof(struct mock_viommu, core) == 0);
static_assert(IOMMU_TEST_HW_QUEUE_MAX <= BITS_PER_LONG);

static struct mock_viommu *to_mock_viommu(struct iommufd_viommu *viommu)
{
	return container_of(viommu, struct mock_viommu, core);
}

/**
 * mock_viommu_probe_device() - make what a new mock device needs for vIOMMUs
 * @dev: the device, in its probe_device
 *
 * Context: process context, may sleep.
 * Return: 0 or ENOMEM.
 */
int mock_viommu_probe_device(struct device *dev)
{
	struct mock_viommu_dev *mvdev;
	unsigned int i;

	mvdev = kzalloc(sizeof(*mvdev), GFP_KERNEL);
	if (!mvdev)
		return -ENOMEM;
	spin_lock_init(&mvdev->lock);
	for (i = 0; i < MOCK_DEV_CACHE_NUM; i++)
		mvdev->cache[i] = IOMMU_TEST_DEV_CACHE_DEFAULT;
	dev_iommu_priv_set(dev, mvdev);
	atomic_inc(&mock_counts.devices);
	return 0;
}

/**
 * mock_viommu_release_device() - undo mock_viommu_probe_device()
 * @dev: the device, in its release_device: unbound, and attached to no nested
 *       domain
 *
 * Context: process context, may sleep.
 */
void mock_viommu_release_device(struct device *dev)
{
	struct mock_viommu_dev *mvdev = dev_iommu_priv_get(dev);

	WARN_ON(mvdev->viommu);
	atomic_dec(&mock_counts.devices);
	kfree(mvdev);
}

/* The id that @dev has on @viommu. 0 or ENOENT if it has none. */
static int mock_viommu_get_virt_id(struct iommufd_viommu *viommu,
				   struct device *dev, u32 *virt_id)
{
	struct iommufd_vdevice *vdev;

	guard(rwsem_read)(&viommu->vdevs_rwsem);
	vdev = iommufd_viommu_find_device(viommu, dev);
	if (!vdev)
		return -ENOENT;
	*virt_id = vdev->virt_id;
	return 0;
}

/**
 * mock_viommu_attach_device() - remember whose events a device's are
 * @viommu: the vIOMMU of the nested domain that @dev is being attached to, NULL if
 *          it is another domain
 * @domain: the domain
 * @dev: the device
 *
 * The id is that of the moment: as with an SMMUv3, a vDEVICE that comes or goes
 * later is noticed by the next attach. An attach to the domain that @dev has is
 * the way back from a failed attach to another, after which nothing has changed. It
 * must not fail, also if the vDEVICE has gone since.
 *
 * Context: in attach_dev, under the group's mutex; takes vdevs_rwsem of @viommu.
 * Return: 0, or ENOENT if @dev has no vDEVICE on @viommu; nothing has changed then.
 */
int mock_viommu_attach_device(struct iommufd_viommu *viommu,
			      struct iommu_domain *domain, struct device *dev)
{
	struct mock_viommu_dev *mvdev = dev_iommu_priv_get(dev);
	unsigned long flags;
	u32 virt_id = 0;
	int rc;

	if (viommu && domain == iommu_get_domain_for_dev(dev))
		return 0;
	if (viommu) {
		if (iommufd_should_fail())
			return -ENOMEM;
		rc = mock_viommu_get_virt_id(viommu, dev, &virt_id);
		if (rc)
			return rc;
	}

	spin_lock_irqsave(&mvdev->lock, flags);
	mvdev->viommu = viommu;
	mvdev->virt_id = virt_id;
	spin_unlock_irqrestore(&mvdev->lock, flags);
	return 0;
}

static struct iommu_domain *
mock_viommu_alloc_domain_nested(struct iommufd_viommu *viommu, u32 flags,
				const struct iommu_user_data *user_data)
{
	if (flags)
		return ERR_PTR(-EOPNOTSUPP);
	return mock_domain_alloc_nested(viommu->s2_parent, viommu, user_data);
}

static int
mock_viommu_invalidate(struct iommufd_viommu *viommu,
		       const struct iommu_viommu_invalidate_selftest *req)
{
	struct mock_viommu_dev *mvdev;
	struct iommufd_vdevice *vdev;
	unsigned int i;

	if (req->flags & ~IOMMU_TEST_INVALIDATE_FLAG_ALL)
		return -EOPNOTSUPP;
	if (req->cache_id > MOCK_DEV_CACHE_ID_MAX)
		return -EINVAL;

	guard(rwsem_read)(&viommu->vdevs_rwsem);
	vdev = iommufd_viommu_find_vdevice(viommu, req->vdev_id);
	if (!vdev)
		return -EINVAL;
	if (iommufd_should_fail())
		return -EIO;
	mvdev = dev_iommu_priv_get(vdev->dev);
	for (i = 0; i < MOCK_DEV_CACHE_NUM; i++)
		if (i == req->cache_id ||
		    (req->flags & IOMMU_TEST_INVALIDATE_FLAG_ALL))
			WRITE_ONCE(mvdev->cache[i], 0);
	return 0;
}

/* One request after the other: there is no hardware that would gain by more */
static int mock_viommu_cache_invalidate(struct iommufd_viommu *viommu,
					struct iommu_user_data_array *array)
{
	const u32 type = IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST;
	struct iommu_viommu_invalidate_selftest req;
	u32 done = 0;
	int rc = 0;

	if (array->type != type)
		rc = -EINVAL;

	while (!rc && done < array->entry_num) {
		rc = iommu_copy_struct_from_user_array(&req, array, type, done,
						       cache_id);
		if (!rc)
			rc = mock_viommu_invalidate(viommu, &req);
		if (!rc)
			done++;
		cond_resched();
	}
	array->entry_num = done;
	return rc;
}

/* The ids in requests and events have 32 bits */
static int mock_vdevice_init(struct iommufd_vdevice *vdev)
{
	lockdep_assert_held_write(&vdev->viommu->vdevs_rwsem);
	WARN_ON(iommufd_viommu_find_vdevice(vdev->viommu, vdev->virt_id));

	if (vdev->virt_id > U32_MAX)
		return -EINVAL;
	if (iommufd_should_fail())
		return -ENOSPC;
	atomic_inc(&mock_counts.vdevices);
	return 0;
}

static void mock_vdevice_destroy(struct iommufd_vdevice *vdev)
{
	lockdep_assert_held_write(&vdev->viommu->vdevs_rwsem);
	WARN_ON(iommufd_viommu_find_vdevice(vdev->viommu, vdev->virt_id));

	atomic_dec(&mock_counts.vdevices);
}

static size_t mock_get_hw_queue_size(struct iommufd_viommu *viommu,
				     enum iommu_hw_queue_type type)
{
	return type == IOMMU_HW_QUEUE_TYPE_SELFTEST ?
		       sizeof(struct iommufd_hw_queue) : 0;
}

static int mock_hw_queue_check(struct iommufd_viommu *viommu,
			       enum iommu_hw_queue_type type, u64 length)
{
	return length > MOCK_HW_QUEUE_MAX_LENGTH ? -EINVAL : 0;
}

static int mock_hw_queue_check_index(struct iommufd_viommu *viommu,
				     enum iommu_hw_queue_type type, u32 index)
{
	return index >= IOMMU_TEST_HW_QUEUE_MAX ? -EINVAL : 0;
}

/* Whether the stage 2 has the queue where the core says, from end to end */
static bool mock_hw_queue_is_mapped(struct iommufd_hw_queue *hwq)
{
	struct iommu_domain *domain = hwq->viommu->s2_parent;
	u64 granule = 1ULL << __ffs(domain->pgsize_bitmap);
	u64 first = hwq->base_addr & ~(granule - 1);
	u64 last = hwq->base_addr + (hwq->length - 1);
	u64 iova;

	for (iova = first; iova <= last; iova += granule)
		if (iommu_iova_to_phys(domain, iova) + hwq->base_addr !=
		    hwq->base_pa + iova)
			return false;
	return true;
}

static int mock_hw_queue_init(struct iommufd_hw_queue *hwq)
{
	struct mock_viommu *mock = to_mock_viommu(hwq->viommu);

	/* Ascending, without gaps, and none twice */
	WARN_ON(mock->queues != BIT(hwq->index) - 1);

	if (!mock_hw_queue_is_mapped(hwq))
		return -EFAULT;
	if (iommufd_should_fail())
		return -ETIMEDOUT;
	mock->queues |= BIT(hwq->index);
	atomic_inc(&mock_counts.hw_queues);
	return 0;
}

static void mock_hw_queue_destroy(struct iommufd_hw_queue *hwq)
{
	struct mock_viommu *mock = to_mock_viommu(hwq->viommu);

	/* The hardware has read from the queue until now */
	WARN_ON(!mock_hw_queue_is_mapped(hwq));

	mock->queues &= ~BIT(hwq->index);
	/* Descending */
	WARN_ON(mock->queues != BIT(hwq->index) - 1);
	atomic_dec(&mock_counts.hw_queues);
}

static bool mock_supports_veventq(struct iommufd_viommu *viommu, u32 type)
{
	return type == IOMMU_VEVENTQ_TYPE_SELFTEST;
}

static void mock_viommu_free_window(struct mock_viommu *mock)
{
	if (!mock->page)
		return;
	mock->core.services->destroy_mmap(&mock->core, mock->mmap_offset);
	free_pages_exact(mock->page, MOCK_VIOMMU_WINDOW_SIZE);
}

static void mock_viommu_destroy(struct iommufd_viommu *viommu)
{
	struct mock_viommu *mock = to_mock_viommu(viommu);

	WARN_ON(mock->queues);
	WARN_ON(!RB_EMPTY_ROOT(&viommu->vdevs));
	mock_viommu_free_window(mock);
	atomic_dec(&mock_counts.viommus);
}

static const struct iommufd_viommu_ops mock_viommu_ops = {
	.destroy = mock_viommu_destroy,
	.alloc_domain_nested = mock_viommu_alloc_domain_nested,
	.cache_invalidate = mock_viommu_cache_invalidate,
	.vdevice_size = sizeof(struct iommufd_vdevice),
	.vdevice_init = mock_vdevice_init,
	.vdevice_destroy = mock_vdevice_destroy,
	.get_hw_queue_size = mock_get_hw_queue_size,
	.hw_queue_check = mock_hw_queue_check,
	.hw_queue_check_index = mock_hw_queue_check_index,
	.hw_queue_init = mock_hw_queue_init,
	.hw_queue_destroy = mock_hw_queue_destroy,
	.supports_veventq = mock_supports_veventq,
};

static int mock_viommu_alloc_window(struct mock_viommu *mock, u32 in_data)
{
	const struct iommufd_viommu_services *services = mock->core.services;
	u32 *page;
	int rc;

	page = alloc_pages_exact(MOCK_VIOMMU_WINDOW_SIZE,
				 GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!page)
		return -ENOMEM;
	*page = in_data;

	rc = services->alloc_mmap_memory(&mock->core, virt_to_phys(page),
					 MOCK_VIOMMU_WINDOW_SIZE,
					 &mock->mmap_offset);
	if (rc) {
		free_pages_exact(page, MOCK_VIOMMU_WINDOW_SIZE);
		return rc;
	}
	mock->page = page;
	return 0;
}

/**
 * mock_get_viommu_size() - iommu_ops::get_viommu_size
 * @dev: the device
 * @type: the type that user space asks for
 *
 * Return: bytes, 0 if @type is not the mock's.
 */
size_t mock_get_viommu_size(struct device *dev, enum iommu_viommu_type type)
{
	return type == IOMMU_VIOMMU_TYPE_SELFTEST ? sizeof(struct mock_viommu) :
						    0;
}

/**
 * mock_viommu_init() - iommu_ops::viommu_init
 * @viommu: the vIOMMU
 * @parent_domain: the nest parent
 * @dev: the device
 * @user_data: struct iommu_viommu_selftest, or NULL for a vIOMMU without window
 *
 * Context: process context, may sleep; accesses user memory.
 * Return: 0; EINVAL, E2BIG, EFAULT for @user_data; ENOMEM; what registering the
 * window returns; ENOSPC if a test has it fail.
 */
int mock_viommu_init(struct iommufd_viommu *viommu,
		     struct iommu_domain *parent_domain, struct device *dev,
		     const struct iommu_user_data *user_data)
{
	struct mock_viommu *mock = to_mock_viommu(viommu);
	struct iommu_viommu_selftest data;
	int rc;

	if (user_data) {
		rc = iommu_copy_struct_from_user(&data, user_data,
						 IOMMU_VIOMMU_TYPE_SELFTEST,
						 out_data);
		if (rc)
			return rc;

		rc = mock_viommu_alloc_window(mock, data.in_data);
		if (rc)
			return rc;

		data.out_data = data.in_data;
		data.out_mmap_offset = mock->mmap_offset;
		data.out_mmap_length = MOCK_VIOMMU_WINDOW_SIZE;
		if (copy_to_user(user_data->uptr, &data,
				 min(user_data->len, sizeof(data)))) {
			rc = -EFAULT;
			goto err_window;
		}
	}
	if (iommufd_should_fail()) {
		rc = -ENOSPC;
		goto err_window;
	}

	atomic_inc(&mock_counts.viommus);
	viommu->ops = &mock_viommu_ops;
	return 0;

err_window:
	mock_viommu_free_window(mock);
	return rc;
}

static int mock_viommu_check_cache(struct mock_viommu_dev *mvdev, u32 cache_id,
				   u32 cache)
{
	if (cache_id > MOCK_DEV_CACHE_ID_MAX ||
	    READ_ONCE(mvdev->cache[cache_id]) != cache)
		return -EINVAL;
	return 0;
}

static int mock_viommu_trigger_vevent(struct mock_viommu_dev *mvdev)
{
	struct iommu_viommu_event_selftest event = {};
	struct iommufd_viommu *viommu;
	unsigned long flags;
	int rc = -ENOENT;

	spin_lock_irqsave(&mvdev->lock, flags);
	viommu = mvdev->viommu;
	if (viommu) {
		event.virt_id = mvdev->virt_id;
		rc = viommu->services->report_event(viommu,
						    IOMMU_VEVENTQ_TYPE_SELFTEST,
						    &event, sizeof(event));
	}
	spin_unlock_irqrestore(&mvdev->lock, flags);
	return rc;
}

/**
 * mock_viommu_test() - IOMMU_TEST_CMD, the operations that concern vIOMMUs
 * @ucmd: the command, struct iommu_test_cmd
 *
 * IOMMU_TEST_OP_DEV_CHECK_CACHE: EINVAL if the device's cache has another value, or
 * there is no such cache. IOMMU_TEST_OP_TRIGGER_VEVENT: the device has an event;
 * ENOENT if it is not attached to a nested domain of a vIOMMU, EOPNOTSUPP if nobody
 * has asked for events. Both: ENOENT if there is no such device, EINVAL if it is no
 * mock device.
 *
 * Context: ioctl.
 * Return: 0 or a negative errno as above.
 */
int mock_viommu_test(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	const bool trigger = cmd->op == IOMMU_TEST_OP_TRIGGER_VEVENT;
	struct mock_viommu_dev *mvdev;
	struct iommufd_device *idev;
	int rc;

	idev = iommufd_get_device(ucmd, trigger ? cmd->trigger_vevent.dev_id :
						  cmd->id);
	if (IS_ERR(idev))
		return PTR_ERR(idev);

	mvdev = dev_iommu_priv_get(idev->dev);
	if (!iommufd_selftest_is_mock_dev(idev->dev))
		rc = -EINVAL;
	else if (trigger)
		rc = mock_viommu_trigger_vevent(mvdev);
	else
		rc = mock_viommu_check_cache(mvdev, cmd->check_dev_cache.id,
					     cmd->check_dev_cache.cache);
	iommufd_put_object(ucmd->ictx, &idev->obj);
	return rc;
}

/**
 * mock_viommu_setup() - the mock IOMMU comes into being
 *
 * Context: module initialisation.
 */
void __init mock_viommu_setup(void)
{
	mock_debugfs = debugfs_create_dir("iommufd_mock", NULL);
	debugfs_create_atomic_t("devices", 0400, mock_debugfs,
				&mock_counts.devices);
	debugfs_create_atomic_t("viommus", 0400, mock_debugfs,
				&mock_counts.viommus);
	debugfs_create_atomic_t("vdevices", 0400, mock_debugfs,
				&mock_counts.vdevices);
	debugfs_create_atomic_t("hw_queues", 0400, mock_debugfs,
				&mock_counts.hw_queues);
}

/**
 * mock_viommu_cleanup() - the mock IOMMU goes away
 *
 * No vIOMMU can be left that would still use it: each one pins the driver's module.
 *
 * Context: module exit.
 */
void mock_viommu_cleanup(void)
{
	WARN_ON(atomic_read(&mock_counts.viommus));
	debugfs_remove_recursive(mock_debugfs);
}
