// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of hwpt_viommu.c: requests for objects that take none. All drivers that
 * there are take some, so user space can't try it.
 */
#include <kunit/test.h>

#include "viommu_private.h"

#define TEST_ID 1

/* What the requests are is for a driver to look at: none here may */
static void expect_refused(struct kunit *test, int rc,
			   struct iommufd_object *obj)
{
	struct iommufd_ctx *ictx = kunit_kzalloc(test, sizeof(*ictx), GFP_KERNEL);
	struct iommu_user_data_array array = {
		.type = 1,
		.entry_len = 16,
		.entry_num = 3,
	};

	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, ictx);
	xa_init(&ictx->objects);
	if (obj) {
		obj->id = TEST_ID;
		refcount_set(&obj->users, 1);
		KUNIT_ASSERT_FALSE(test, xa_is_err(xa_store(&ictx->objects,
							    TEST_ID, obj,
							    GFP_KERNEL)));
	}
	/* Also if it was named before */
	for (i = 0; i < 2; i++) {
		array.entry_num = 3;
		KUNIT_EXPECT_EQ(test, rc, iommufd_cache_invalidate(ictx, TEST_ID,
								   &array));
		KUNIT_EXPECT_EQ(test, 0, array.entry_num);
		if (obj)
			KUNIT_EXPECT_EQ(test, 1, refcount_read(&obj->users));
	}
	xa_destroy(&ictx->objects);
}

/* A driver without the operation: EOPNOTSUPP, and nothing was done */
static void invalidate_without_operation(struct kunit *test)
{
	static const struct iommu_domain_ops domain_ops;
	static const struct iommufd_viommu_ops viommu_ops;
	struct iommu_domain domain = { .ops = &domain_ops };
	struct iommufd_viommu core = { .ops = &viommu_ops };
	struct iommufd_hwpt_nested *nested =
		kunit_kzalloc(test, sizeof(*nested), GFP_KERNEL);
	struct iommufd_viommu_obj *viommu =
		kunit_kzalloc(test, sizeof(*viommu), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, nested);
	KUNIT_ASSERT_NOT_NULL(test, viommu);
	nested->common.obj.type = IOMMUFD_OBJ_HWPT_NESTED;
	nested->common.domain = &domain;
	expect_refused(test, -EOPNOTSUPP, &nested->common.obj);
	viommu->obj.type = IOMMUFD_OBJ_VIOMMU;
	viommu->core = &core;
	expect_refused(test, -EOPNOTSUPP, &viommu->obj);
}

/* Any other object: EINVAL, none: ENOENT; and nothing was done */
static void invalidate_other_object(struct kunit *test)
{
	struct iommufd_object obj = { .type = IOMMUFD_OBJ_IOAS };

	expect_refused(test, -EINVAL, &obj);
	expect_refused(test, -ENOENT, NULL);
}

static struct kunit_case hwpt_viommu_cases[] = {
	KUNIT_CASE(invalidate_without_operation),
	KUNIT_CASE(invalidate_other_object),
	{}
};

static struct kunit_suite hwpt_viommu_suite = {
	.name = "iommufd-hwpt-viommu",
	.test_cases = hwpt_viommu_cases,
};

kunit_test_suite(hwpt_viommu_suite);
