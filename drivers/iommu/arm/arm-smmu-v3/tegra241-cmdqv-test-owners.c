// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the Tegra241 CMDQV driver: who has which VINTF (J93)
 */

#include "tegra241-cmdqv-test-vm.h"

static unsigned int old_limit;

static int owners_test_init(struct kunit *test)
{
	old_limit = tegra241_vintfs_per_device;
	return cmdqv_test_init(test);
}

static void owners_test_exit(struct kunit *test)
{
	tegra241_vintfs_per_device = old_limit;
	cmdqv_test_exit(test);
}

/* A vIOMMU through @dev, or NULL and what was returned in *@ret */
static struct tegra241_vsmmu *try_vsmmu(struct fake_cmdqv *fake,
					struct device *dev, int *ret)
{
	struct iommu_user_data data = user_data(fake->test,
						PROT_READ | PROT_WRITE);
	struct tegra241_vsmmu *tv = new_vsmmu(fake, 7);
	int v;

	for (v = 1; v < FAKE_NUM_VINTFS; v++)
		fake->vintf[v].want_vmid = 7;
	*ret = tegra241_vsmmu_init(&tv->vsmmu, dev, &data);
	/* Which is what holds the VMID, besides the domain and the caller */
	KUNIT_EXPECT_EQ(fake->test, kref_read(&tv->vsmmu.vmid->kref),
			*ret ? 2 : 3);
	return *ret ? NULL : tv;
}

static struct tegra241_vsmmu *get_vsmmu(struct fake_cmdqv *fake,
					struct device *dev)
{
	struct tegra241_vsmmu *tv;
	int ret;

	tv = try_vsmmu(fake, dev, &ret);
	KUNIT_ASSERT_EQ(fake->test, ret, 0);
	return tv;
}

static void expect_refused(struct fake_cmdqv *fake, struct device *dev, int err)
{
	unsigned int accesses = fake->accesses;
	int ret;

	try_vsmmu(fake, dev, &ret);
	KUNIT_EXPECT_EQ(fake->test, ret, err);
	/* The hardware has not heard of it */
	KUNIT_EXPECT_EQ(fake->test, fake->accesses, accesses);
}

/* So many through a device, and no more until one has ended; others can */
static void test_limit(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct device *one = new_device(test, "one");
	struct device *two = new_device(test, "two");
	unsigned int refs = kref_read(&one->kobj.kref);
	struct tegra241_vsmmu *a, *b, *c;

	KUNIT_EXPECT_EQ(test, tegra241_vintfs_per_device, 4);
	reset_unit(fake);
	tegra241_vintfs_per_device = 1;
	a = get_vsmmu(fake, one);
	expect_refused(fake, one, -EDQUOT);
	/* The device may be gone by now, and another one have its memory */
	KUNIT_EXPECT_EQ(test, kref_read(&one->kobj.kref), refs + 1);
	b = get_vsmmu(fake, two);
	expect_refused(fake, two, -EDQUOT);

	/* More at run time; what is there stays if it becomes less again */
	tegra241_vintfs_per_device = 2;
	c = get_vsmmu(fake, one);
	/* All are taken: by whom decides what is said */
	expect_refused(fake, one, -EDQUOT);
	expect_refused(fake, two, -ENOSPC);
	tegra241_vintfs_per_device = 1;
	destroy_vsmmu(c);
	expect_refused(fake, one, -EDQUOT);
	destroy_vsmmu(a);
	KUNIT_EXPECT_EQ(test, kref_read(&one->kobj.kref), refs);
	a = get_vsmmu(fake, one);

	/* 0: no bound */
	tegra241_vintfs_per_device = 0;
	c = get_vsmmu(fake, one);
	expect_refused(fake, one, -ENOSPC);

	destroy_vsmmu(a);
	destroy_vsmmu(b);
	destroy_vsmmu(c);
	KUNIT_EXPECT_EQ(test, kref_read(&one->kobj.kref), refs);
}

/* Who has had the device before leaves the next user as many as there can be */
static void test_limit_of_users(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct device *dev = new_device(test, "one");
	struct tegra241_vsmmu *a, *b;
	const struct cred *old;

	reset_unit(fake);
	tegra241_vintfs_per_device = 1;
	a = get_vsmmu(fake, dev);
	old = become(test, 1000);
	b = get_vsmmu(fake, dev);
	expect_refused(fake, dev, -EDQUOT);
	/* Whose it is does not change with who ends it */
	destroy_vsmmu(a);
	expect_refused(fake, dev, -EDQUOT);
	unbecome(old);
	a = get_vsmmu(fake, dev);
	expect_refused(fake, dev, -EDQUOT);
	destroy_vsmmu(b);
	expect_refused(fake, dev, -EDQUOT);
	destroy_vsmmu(a);
}

/* What fails counts against nobody; what has ended does until the hardware has */
static void test_limit_of_the_living(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct iommu_user_data ro = user_data(test, PROT_READ);
	struct device *dev = new_device(test, "one");
	struct device *other = new_device(test, "two");
	unsigned int refs = kref_read(&dev->kobj.kref);
	struct tegra241_vsmmu *a, *b;
	int ret;

	reset_unit(fake);
	tegra241_vintfs_per_device = 1;
	fake->vintf[1].want_vmid = 7;
	KUNIT_EXPECT_EQ(test, -EFAULT,
			tegra241_vsmmu_init(&new_vsmmu(fake, 7)->vsmmu, dev,
					    &ro));
	KUNIT_EXPECT_EQ(test, kref_read(&dev->kobj.kref), refs);
	a = get_vsmmu(fake, dev);

	/* Its VINTF goes on, as the hardware wants it */
	fake->vintf[1].no_disable = true;
	destroy_vsmmu(a);
	KUNIT_EXPECT_EQ(test, kref_read(&dev->kobj.kref), refs + 1);
	KUNIT_EXPECT_NULL(test, try_vsmmu(fake, dev, &ret));
	KUNIT_EXPECT_EQ(test, ret, -EDQUOT);
	/* Others go on */
	b = get_vsmmu(fake, other);
	KUNIT_EXPECT_EQ(test, b->vintf->hw.idx, 2);
	destroy_vsmmu(b);

	/* Nobody waits for the next look at the quarantine */
	fake->vintf[1].no_disable = false;
	a = get_vsmmu(fake, dev);
	KUNIT_EXPECT_EQ(test, a->vintf->hw.idx, 1);
	destroy_vsmmu(a);
	expect_vintf_free(fake, 1);
	KUNIT_EXPECT_EQ(test, kref_read(&dev->kobj.kref), refs);
}

static struct kunit_case owners_cases[] = {
	KUNIT_CASE(test_limit),
	KUNIT_CASE(test_limit_of_users),
	KUNIT_CASE_SLOW(test_limit_of_the_living),
	{},
};

static struct kunit_suite owners_suite = {
	.name = "tegra241-cmdqv-owners",
	.init = owners_test_init,
	.exit = owners_test_exit,
	.test_cases = owners_cases,
};

kunit_test_suite(owners_suite);
