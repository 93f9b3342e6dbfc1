// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of hwpt_viommu.c: requests for objects that take none. All drivers that
 * there are take some, so user space can't try it.
 */
#include <kunit/test.h>

#include "viommu_private.h"

/* What the requests are is for a driver to look at: none here may */
static void expect_refused(struct kunit *test, int rc,
			   struct iommufd_object *obj)
{
	struct iommu_user_data_array array = {
		.type = 1,
		.entry_len = 16,
		.entry_num = 3,
	};

	KUNIT_EXPECT_EQ(test, rc, iommufd_object_cache_invalidate(obj, &array));
	KUNIT_EXPECT_EQ(test, 0, array.entry_num);
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

/* Any other object: EINVAL, and nothing was done */
static void invalidate_other_object(struct kunit *test)
{
	struct iommufd_object obj = { .type = IOMMUFD_OBJ_IOAS };

	expect_refused(test, -EINVAL, &obj);
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
