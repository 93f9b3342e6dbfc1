// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of vdevice.c: what VDEVICE_ALLOC finds, and refuses to connect. A device
 * that is leaving is there for an instant only, and no driver lacks vDEVICEs, so user
 * space can try neither at will.
 */
#include <kunit/test.h>
#include <linux/mman.h>
#include <linux/slab.h>

#include "viommu_private.h"

/*
 * struct vdevice_world - an iommufd with a vIOMMU and a device of the same IOMMU
 * @inits: vdevice_init calls that vdevice_destroy has not undone
 * @init_rc: what the next vdevice_init returns
 */
struct vdevice_world {
	struct iommufd_ctx ictx;
	struct iommufd_viommu_obj *viommu;
	struct iommufd_viommu core;
	struct iommufd_viommu_ops ops;
	struct iommu_device iommu;
	struct iommu_device other_iommu;
	struct iommufd_device *idev;
	struct device dev;
	struct dev_iommu dev_iommu;
	struct iommu_vdevice_alloc cmd;
	int inits;
	int init_rc;
};

#define TEST_VIRT_ID 0x1234567890ULL

static int test_vdevice_init(struct iommufd_vdevice *vdev)
{
	struct vdevice_world *w =
		container_of(vdev->viommu, struct vdevice_world, core);

	/* Not to be found before it is known to the hardware */
	if (iommufd_viommu_find_vdevice(vdev->viommu, vdev->virt_id) ||
	    vdev->dev != &w->dev)
		return -EBUSY;
	if (!w->init_rc)
		w->inits++;
	return w->init_rc;
}

static void test_vdevice_destroy(struct iommufd_vdevice *vdev)
{
	struct vdevice_world *w =
		container_of(vdev->viommu, struct vdevice_world, core);

	/* Not to be found any more */
	if (!iommufd_viommu_find_vdevice(vdev->viommu, vdev->virt_id))
		w->inits--;
}

static void add_object(struct kunit *test, struct iommufd_object *obj,
		       enum iommufd_object_type type)
{
	struct vdevice_world *w = test->priv;

	obj->type = type;
	refcount_set(&obj->users, 1);
	refcount_set(&obj->shortterm_users, 1);
	KUNIT_ASSERT_EQ(test, 0,
			xa_alloc(&w->ictx.objects, &obj->id, obj, xa_limit_31b,
				 GFP_KERNEL));
}

static int vdevice_test_init(struct kunit *test)
{
	struct vdevice_world *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, w);
	test->priv = w;
	xa_init_flags(&w->ictx.objects, XA_FLAGS_ALLOC1);
	mutex_init(&w->ictx.vdevs_lock);
	init_waitqueue_head(&w->ictx.destroy_wait);

	w->ops.vdevice_size = sizeof(struct iommufd_vdevice);
	w->ops.vdevice_init = test_vdevice_init;
	w->ops.vdevice_destroy = test_vdevice_destroy;
	w->core.ops = &w->ops;
	w->core.iommu_dev = &w->iommu;
	init_rwsem(&w->core.vdevs_rwsem);
	w->core.vdevs = RB_ROOT;

	w->viommu = kunit_kzalloc(test, sizeof(*w->viommu), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w->viommu);
	w->viommu->ictx = &w->ictx;
	w->viommu->core = &w->core;
	w->core.object = w->viommu;
	add_object(test, &w->viommu->obj, IOMMUFD_OBJ_VIOMMU);

	w->idev = kunit_kzalloc(test, sizeof(*w->idev), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w->idev);
	w->dev.init_name = "vdevice-test";
	w->dev.iommu = &w->dev_iommu;
	w->dev_iommu.iommu_dev = &w->iommu;
	w->idev->ictx = &w->ictx;
	w->idev->dev = &w->dev;
	add_object(test, &w->idev->obj, IOMMUFD_OBJ_DEVICE);

	w->cmd.size = sizeof(w->cmd);
	w->cmd.viommu_id = w->viommu->obj.id;
	w->cmd.dev_id = w->idev->obj.id;
	w->cmd.virt_id = TEST_VIRT_ID;
	return 0;
}

static void vdevice_test_exit(struct kunit *test)
{
	struct vdevice_world *w = test->priv;

	if (w)
		xa_destroy(&w->ictx.objects);
}

static int alloc_vdevice(struct vdevice_world *w, void __user *reply)
{
	struct iommufd_ucmd ucmd = {
		.ictx = &w->ictx,
		.ubuffer = reply,
		.user_size = sizeof(w->cmd),
		.cmd = &w->cmd,
	};

	return iommufd_vdevice_alloc_ioctl(&ucmd);
}

static void __user *user_page(struct kunit *test)
{
	unsigned long uptr = kunit_vm_mmap(test, NULL, 0, PAGE_SIZE,
					   PROT_READ | PROT_WRITE,
					   MAP_ANONYMOUS | MAP_PRIVATE, 0);

	KUNIT_ASSERT_NE(test, 0, uptr);
	KUNIT_ASSERT_LT(test, uptr, TASK_SIZE);
	return (void __user *)uptr;
}

static unsigned long count_objects(struct vdevice_world *w)
{
	XA_STATE(xas, &w->ictx.objects, 0);
	unsigned long num = 0;
	void *entry;

	/* Ids that are only reserved count, too */
	rcu_read_lock();
	xas_for_each(&xas, entry, ULONG_MAX)
		num++;
	rcu_read_unlock();
	return num;
}

/* Nothing is left of it: no id, no user, no connection */
static void expect_refused(struct kunit *test, int rc, void __user *reply)
{
	struct vdevice_world *w = test->priv;
	struct iommufd_vdevice_obj *vdev = w->idev->vdev;
	unsigned long objects = count_objects(w);
	int users = refcount_read(&w->viommu->obj.users);
	int inits = w->inits;

	KUNIT_EXPECT_EQ(test, rc, alloc_vdevice(w, reply));
	KUNIT_EXPECT_EQ(test, users, refcount_read(&w->viommu->obj.users));
	KUNIT_EXPECT_EQ(test, 1, refcount_read(&w->idev->obj.users));
	KUNIT_EXPECT_PTR_EQ(test, vdev, w->idev->vdev);
	KUNIT_EXPECT_EQ(test, objects, count_objects(w));
	KUNIT_EXPECT_EQ(test, inits, w->inits);
	KUNIT_EXPECT_FALSE(test, mutex_is_locked(&w->ictx.vdevs_lock));
	KUNIT_EXPECT_FALSE(test, rwsem_is_locked(&w->core.vdevs_rwsem));
}

/* Ids are looked up by what they are to name: a vIOMMU and a device, both of here */
static void vdevice_look_up(struct kunit *test)
{
	struct vdevice_world *w = test->priv;
	u32 viommu_id = w->cmd.viommu_id, dev_id = w->cmd.dev_id;
	u32 id;

	KUNIT_ASSERT_EQ(test, 0,
			xa_alloc(&w->ictx.objects, &id, XA_ZERO_ENTRY,
				 xa_limit_31b, GFP_KERNEL));

	w->cmd.viommu_id = 0;
	expect_refused(test, -ENOENT, NULL);
	w->cmd.viommu_id = 77;
	expect_refused(test, -ENOENT, NULL);
	w->cmd.viommu_id = id;
	expect_refused(test, -ENOENT, NULL);
	w->cmd.viommu_id = dev_id;
	expect_refused(test, -ENOENT, NULL);
	w->cmd.viommu_id = viommu_id;

	w->cmd.dev_id = 0;
	expect_refused(test, -ENOENT, NULL);
	w->cmd.dev_id = 77;
	expect_refused(test, -ENOENT, NULL);
	w->cmd.dev_id = id;
	expect_refused(test, -ENOENT, NULL);
	w->cmd.dev_id = viommu_id;
	expect_refused(test, -ENOENT, NULL);
	w->cmd.dev_id = dev_id;
}

/* A device that is leaving gets none: nobody would take it away from there again */
static void vdevice_leaving(struct kunit *test)
{
	struct vdevice_world *w = test->priv;

	iommufd_device_remove_vdevice(w->idev);
	KUNIT_EXPECT_TRUE(test, w->idev->destroying);
	expect_refused(test, -ENOENT, user_page(test));
}

/* What does not fit together */
static void vdevice_check(struct kunit *test)
{
	struct vdevice_world *w = test->priv;

	w->dev_iommu.iommu_dev = &w->other_iommu;
	expect_refused(test, -EINVAL, NULL);
	w->dev_iommu.iommu_dev = &w->iommu;

	w->ops.vdevice_size = 0;
	expect_refused(test, -EOPNOTSUPP, NULL);
	w->ops.vdevice_size = sizeof(struct iommufd_vdevice);

	w->init_rc = -ENOSPC;
	expect_refused(test, -ENOSPC, NULL);
	w->init_rc = 0;

	/* The driver knew it for a moment, and user space does not know its id */
	expect_refused(test, -EFAULT, NULL);
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&w->core.vdevs));
}

/* One that is connected, refuses another one, and goes with its device */
static void vdevice_connected(struct kunit *test)
{
	struct vdevice_world *w = test->priv;
	struct iommu_vdevice_alloc __user *reply = user_page(test);
	unsigned long objects = count_objects(w);
	struct iommufd_vdevice *core;
	u32 id;

	KUNIT_ASSERT_EQ(test, 0, alloc_vdevice(w, reply));
	KUNIT_ASSERT_EQ(test, 0, get_user(id, &reply->out_vdevice_id));
	KUNIT_ASSERT_NOT_NULL(test, w->idev->vdev);
	KUNIT_EXPECT_PTR_EQ(test, xa_load(&w->ictx.objects, id),
			    (void *)&w->idev->vdev->obj);
	KUNIT_EXPECT_EQ(test, 2, refcount_read(&w->viommu->obj.users));
	KUNIT_EXPECT_EQ(test, 1, w->inits);
	down_read(&w->core.vdevs_rwsem);
	core = iommufd_viommu_find_vdevice(&w->core, TEST_VIRT_ID);
	KUNIT_EXPECT_PTR_EQ(test, core,
			    iommufd_viommu_find_device(&w->core, &w->dev));
	KUNIT_EXPECT_NULL(test, iommufd_viommu_find_device(&w->core, NULL));
	up_read(&w->core.vdevs_rwsem);
	KUNIT_ASSERT_NOT_NULL(test, core);
	KUNIT_EXPECT_PTR_EQ(test, core->dev, &w->dev);

	expect_refused(test, -EEXIST, reply);
	w->cmd.virt_id++;
	expect_refused(test, -EEXIST, reply);

	iommufd_device_remove_vdevice(w->idev);
	KUNIT_EXPECT_EQ(test, 0, w->inits);
	KUNIT_EXPECT_NULL(test, w->idev->vdev);
	KUNIT_EXPECT_EQ(test, 1, refcount_read(&w->viommu->obj.users));
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&w->core.vdevs));
	/* Its id is nobody's: a tombstone */
	KUNIT_EXPECT_NULL(test, xa_load(&w->ictx.objects, id));
	KUNIT_EXPECT_EQ(test, objects + 1, count_objects(w));
}

static struct kunit_case vdevice_cases[] = {
	KUNIT_CASE(vdevice_look_up),
	KUNIT_CASE(vdevice_leaving),
	KUNIT_CASE(vdevice_check),
	KUNIT_CASE(vdevice_connected),
	{}
};

static struct kunit_suite vdevice_suite = {
	.name = "iommufd-vdevice",
	.init = vdevice_test_init,
	.exit = vdevice_test_exit,
	.test_cases = vdevice_cases,
};

kunit_test_suite(vdevice_suite);
