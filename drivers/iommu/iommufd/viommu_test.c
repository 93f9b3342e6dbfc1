// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of viommu.c and viommu_mmap.c: what no driver that there is, and no user
 * space within its life, can bring about
 */
#include <kunit/test.h>
#include <linux/iommu.h>
#include <linux/slab.h>

#include "../iommu-priv.h"
#include "viommu_private.h"

/* An iommufd with a device and a nest parent, whose IOMMU's driver has @ops */
struct viommu_world {
	struct iommufd_ctx ictx;
	struct iommu_ops ops;
	struct iommu_ops other_ops;
	struct iommu_device iommu;
	struct device dev;
	struct dev_iommu dev_iommu;
	struct iommufd_device *idev;
	struct iommu_domain domain;
	struct iommufd_hwpt_paging *hwpt;
	struct iommu_viommu_alloc cmd;
	int inits;
};

#define TEST_TYPE ((enum iommu_viommu_type)77)

static size_t test_viommu_size(struct device *dev, enum iommu_viommu_type type)
{
	return type == TEST_TYPE ? sizeof(struct iommufd_viommu) : 0;
}

static int test_viommu_init(struct iommufd_viommu *viommu,
			    struct iommu_domain *parent, struct device *dev,
			    const struct iommu_user_data *user_data)
{
	struct viommu_world *w = container_of(dev, struct viommu_world, dev);

	w->inits++;
	return -ENODEV;
}

static void add_object(struct kunit *test, struct iommufd_object *obj,
		       enum iommufd_object_type type)
{
	struct viommu_world *w = test->priv;

	obj->type = type;
	refcount_set(&obj->users, 1);
	refcount_set(&obj->shortterm_users, 1);
	KUNIT_ASSERT_EQ(test, 0,
			xa_alloc(&w->ictx.objects, &obj->id, obj, xa_limit_31b,
				 GFP_KERNEL));
}

static int viommu_test_init(struct kunit *test)
{
	struct viommu_world *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, w);
	test->priv = w;
	xa_init_flags(&w->ictx.objects, XA_FLAGS_ALLOC1);
	init_waitqueue_head(&w->ictx.destroy_wait);
	iommufd_mmap_init(&w->ictx);

	w->ops.get_viommu_size = test_viommu_size;
	w->ops.viommu_init = test_viommu_init;
	w->iommu.ops = &w->ops;
	w->dev.init_name = "viommu-test";
	w->dev.iommu = &w->dev_iommu;
	w->dev_iommu.iommu_dev = &w->iommu;
	w->idev = kunit_kzalloc(test, sizeof(*w->idev), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w->idev);
	w->idev->ictx = &w->ictx;
	w->idev->dev = &w->dev;
	add_object(test, &w->idev->obj, IOMMUFD_OBJ_DEVICE);

	w->hwpt = kunit_kzalloc(test, sizeof(*w->hwpt), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w->hwpt);
	w->domain.owner = &w->ops;
	w->hwpt->common.domain = &w->domain;
	w->hwpt->nest_parent = true;
	add_object(test, &w->hwpt->common.obj, IOMMUFD_OBJ_HWPT_PAGING);

	w->cmd.size = sizeof(w->cmd);
	w->cmd.type = TEST_TYPE;
	w->cmd.dev_id = w->idev->obj.id;
	w->cmd.hwpt_id = w->hwpt->common.obj.id;
	return 0;
}

static void viommu_test_exit(struct kunit *test)
{
	struct viommu_world *w = test->priv;

	if (w)
		xa_destroy(&w->ictx.objects);
}

/* Refused before the driver has anything to undo, and nothing is held on to */
static void expect_refused(struct kunit *test, int rc, int inits)
{
	struct viommu_world *w = test->priv;
	struct iommufd_ucmd ucmd = {
		.ictx = &w->ictx,
		.user_size = sizeof(w->cmd),
		.cmd = &w->cmd,
	};
	unsigned long id = 0;
	unsigned int num = 0;
	void *entry;

	w->inits = 0;
	KUNIT_EXPECT_EQ(test, rc, iommufd_viommu_alloc_ioctl(&ucmd));
	KUNIT_EXPECT_EQ(test, inits, w->inits);
	KUNIT_EXPECT_EQ(test, 1, refcount_read(&w->idev->obj.users));
	KUNIT_EXPECT_EQ(test, 1, refcount_read(&w->idev->obj.shortterm_users));
	KUNIT_EXPECT_EQ(test, 1, refcount_read(&w->hwpt->common.obj.users));
	KUNIT_EXPECT_EQ(test, 1,
			refcount_read(&w->hwpt->common.obj.shortterm_users));
	xa_for_each(&w->ictx.objects, id, entry)
		num++;
	KUNIT_EXPECT_EQ(test, 2, num);
}

/* The driver has to have both operations, the type, and made the domain */
static void viommu_without_driver(struct kunit *test)
{
	struct viommu_world *w = test->priv;

	/* What else there is, is as it should be */
	expect_refused(test, -ENODEV, 1);

	w->ops.get_viommu_size = NULL;
	expect_refused(test, -EOPNOTSUPP, 0);
	w->ops.get_viommu_size = test_viommu_size;
	w->ops.viommu_init = NULL;
	expect_refused(test, -EOPNOTSUPP, 0);
	w->ops.viommu_init = test_viommu_init;

	w->cmd.type = TEST_TYPE + 1;
	expect_refused(test, -EOPNOTSUPP, 0);
	w->cmd.type = TEST_TYPE;

	w->domain.owner = &w->other_ops;
	expect_refused(test, -EINVAL, 0);
	w->domain.owner = &w->ops;
	w->hwpt->nest_parent = false;
	expect_refused(test, -EINVAL, 0);
}

/*
 * Offsets are given once. When they are used up, after 2^51 pages, there is no window any
 * more, none begins below another one's end, and the vIOMMU is as if it had not asked.
 */
static void mmap_offsets(struct kunit *test)
{
	const unsigned long end = (LONG_MAX >> PAGE_SHIFT);
	struct viommu_world *w = test->priv;
	struct iommufd_viommu_obj *viommu[2];
	struct iommufd_viommu core[2] = {};
	unsigned long offset[2] = {};
	unsigned int i;

	for (i = 0; i < 2; i++) {
		viommu[i] = kunit_kzalloc(test, sizeof(*viommu[i]), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, viommu[i]);
		viommu[i]->ictx = &w->ictx;
		viommu[i]->core = &core[i];
		core[i].object = viommu[i];
	}

	w->ictx.mmap_next_pgoff = end - 2;
	KUNIT_EXPECT_EQ(test, -ENOSPC,
			iommufd_viommu_alloc_mmap(&core[0], SZ_1G, 3 * PAGE_SIZE,
						  &offset[0]));
	KUNIT_EXPECT_EQ(test, 0, offset[0]);
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&w->ictx.mmap_windows));

	KUNIT_ASSERT_EQ(test, 0,
			iommufd_viommu_alloc_mmap(&core[0], SZ_1G, 2 * PAGE_SIZE,
						  &offset[0]));
	KUNIT_EXPECT_EQ(test, (end - 2) << PAGE_SHIFT, offset[0]);
	KUNIT_EXPECT_EQ(test, -ENOSPC,
			iommufd_viommu_alloc_mmap(&core[1], SZ_1G, PAGE_SIZE,
						  &offset[1]));
	/* Not again, though nobody has them any more */
	iommufd_viommu_destroy_mmap(&core[0], offset[0]);
	KUNIT_EXPECT_EQ(test, -ENOSPC,
			iommufd_viommu_alloc_mmap(&core[1], SZ_1G, PAGE_SIZE,
						  &offset[1]));
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&w->ictx.mmap_windows));
}

static struct kunit_case viommu_cases[] = {
	KUNIT_CASE(viommu_without_driver),
	KUNIT_CASE(mmap_offsets),
	{}
};

static struct kunit_suite viommu_suite = {
	.name = "iommufd-viommu",
	.init = viommu_test_init,
	.exit = viommu_test_exit,
	.test_cases = viommu_cases,
};

kunit_test_suite(viommu_suite);
