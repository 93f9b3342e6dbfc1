/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMs for the KUnit tests of the Tegra241 CMDQV driver, as the iommufd core has them
 * when it calls the driver
 */
#ifndef _TEGRA241_CMDQV_TEST_VM_H
#define _TEGRA241_CMDQV_TEST_VM_H

#include <kunit/device.h>
#include <linux/cred.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mman.h>

#include "tegra241-cmdqv-test.h"

static inline int cmdqv_test_init(struct kunit *test)
{
	fake_cmdqv_create(test);
	return 0;
}

static inline void cmdqv_test_exit(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;

	if (!fake)
		return;
	fake->hostile = 0;
	tegra241_cmdqv_impl_ops.device_disable(&fake->cmdqv->smmu);
	tegra241_cmdqv_vm_exit(fake->cmdqv);
}

static inline struct device *new_device(struct kunit *test, const char *name)
{
	struct device *dev = kunit_device_register(test, name);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	return dev;
}

/* Until unbecome(), with what this returns */
static inline const struct cred *become(struct kunit *test, uid_t uid)
{
	struct cred *cred = prepare_creds();

	KUNIT_ASSERT_NOT_NULL(test, cred);
	cred->uid = KUIDT_INIT(uid);
	return override_creds(cred);
}

static inline void unbecome(const struct cred *old)
{
	const struct cred *cred = current_cred();

	revert_creds(old);
	put_cred(cred);
}

static inline void reset_unit(struct fake_cmdqv *fake)
{
	KUNIT_ASSERT_EQ(fake->test, 0,
			tegra241_cmdqv_impl_ops.device_reset(&fake->cmdqv->smmu));
	KUNIT_ASSERT_TRUE(fake->test, fake->cmdqv->running);
}

/* A vIOMMU as the core has it before the driver gets it */
static inline struct tegra241_vsmmu *new_vsmmu(struct fake_cmdqv *fake,
					       u16 vmid)
{
	struct tegra241_vsmmu *tv;
	struct arm_smmu_vmid *id;

	tv = kunit_kzalloc(fake->test, sizeof(*tv), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fake->test, tv);
	id = kunit_kzalloc(fake->test, sizeof(*id), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fake->test, id);

	/* One reference the vSMMU's, one the domain's that stays */
	kref_init(&id->kref);
	kref_get(&id->kref);
	id->smmu = &fake->cmdqv->smmu;
	id->id = vmid;

	tv->vsmmu.smmu = &fake->cmdqv->smmu;
	tv->vsmmu.vmid = id;
	tv->vsmmu.core.services = &fake_services;
	tv->vsmmu.core.type = IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV;
	return tv;
}

static inline struct iommu_user_data user_data(struct kunit *test,
					       unsigned long prot)
{
	unsigned long uptr = kunit_vm_mmap(test, NULL, 0, PAGE_SIZE, prot,
					   MAP_ANONYMOUS | MAP_PRIVATE, 0);

	KUNIT_ASSERT_NE(test, 0, uptr);
	KUNIT_ASSERT_LT(test, uptr, TASK_SIZE);
	return (struct iommu_user_data){
		.type = IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV,
		.uptr = (void __user *)uptr,
		.len = sizeof(struct iommu_viommu_tegra241_cmdqv),
	};
}

/* Through a device that has nothing to do with it but its name */
static inline int init_vsmmu(struct tegra241_vsmmu *tv,
			     const struct iommu_user_data *data)
{
	struct tegra241_cmdqv *cmdqv = to_cmdqv(tv->vsmmu.smmu);

	return tegra241_vsmmu_init(&tv->vsmmu, cmdqv->dev, data);
}

static inline struct tegra241_vsmmu *
alloc_vsmmu_by(struct fake_cmdqv *fake, u16 vmid, struct device *dev)
{
	struct iommu_user_data data = user_data(fake->test,
						PROT_READ | PROT_WRITE);
	struct tegra241_vsmmu *tv = new_vsmmu(fake, vmid);
	int v;

	/* Whichever VINTF it gets may have this VMID, if it is free */
	for (v = 1; v < FAKE_NUM_VINTFS; v++)
		if (!(fake->vintf[v].status & VINTF_ENABLED))
			fake->vintf[v].want_vmid = vmid;
	KUNIT_ASSERT_EQ(fake->test, 0,
			tegra241_vsmmu_init(&tv->vsmmu, dev, &data));
	for (v = 1; v < FAKE_NUM_VINTFS; v++)
		if (!(fake->vintf[v].status & VINTF_ENABLED))
			fake->vintf[v].want_vmid = 0;
	return tv;
}

static inline struct tegra241_vsmmu *alloc_vsmmu(struct fake_cmdqv *fake,
						 u16 vmid)
{
	return alloc_vsmmu_by(fake, vmid, fake->cmdqv->dev);
}

static inline void destroy_vsmmu(struct tegra241_vsmmu *tv)
{
	tv->vsmmu.core.ops->destroy(&tv->vsmmu.core);
}

static inline void free_queue_pages(void *data)
{
	struct page *page = data;

	__free_page(page + 1);
	__free_page(page);
}

/*
 * Memory for queues: two pages that are referenced one by one, as the ones of a
 * guest are. A driver that wrongly quarantines a queue finds real pages.
 */
static inline struct page *queue_pages(struct kunit *test)
{
	struct page *page = alloc_pages(GFP_KERNEL, 1);

	KUNIT_ASSERT_NOT_NULL(test, page);
	split_page(page, 1);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, free_queue_pages, page));
	return page;
}

static inline struct tegra241_hw_queue *
new_queue(struct fake_cmdqv *fake, struct tegra241_vsmmu *tv, u32 index,
	  phys_addr_t pa, size_t length)
{
	struct tegra241_hw_queue *hwq;
	int q = tv->vintf->hw.idx * FAKE_NUM_LVCMDQS + index;

	hwq = kunit_kzalloc(fake->test, sizeof(*hwq), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fake->test, hwq);
	hwq->core.viommu = &tv->vsmmu.core;
	hwq->core.type = IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV;
	hwq->core.index = index;
	hwq->core.base_pa = pa;
	hwq->core.length = length;
	fake->vcmdq[q].want_base = pa | (ilog2(length) - 4);
	return hwq;
}

static inline int init_queue(struct tegra241_hw_queue *hwq)
{
	return hwq->core.viommu->ops->hw_queue_init(&hwq->core);
}

/* A vIOMMU, and LVCMDQ 0 of it in @hwq */
static inline struct tegra241_vsmmu *
vsmmu_with_queue(struct fake_cmdqv *fake, u16 vmid,
		 struct tegra241_hw_queue **hwq)
{
	struct tegra241_vsmmu *tv = alloc_vsmmu(fake, vmid);
	struct page *page = queue_pages(fake->test);

	*hwq = new_queue(fake, tv, 0, page_to_phys(page), SZ_4K);
	KUNIT_ASSERT_EQ(fake->test, 0, init_queue(*hwq));
	return tv;
}

static inline struct fake_vcmdq *to_fake_vcmdq(struct fake_cmdqv *fake,
					       struct tegra241_hw_queue *hwq)
{
	struct tegra241_vsmmu *tv = container_of(to_vsmmu(hwq->core.viommu),
						 struct tegra241_vsmmu, vsmmu);

	return &fake->vcmdq[tv->vintf->hw.idx * FAKE_NUM_LVCMDQS +
			    hwq->core.index];
}

/* The core lets go of the memory when hw_queue_destroy returns */
static inline void destroy_queue(struct fake_cmdqv *fake,
				 struct tegra241_hw_queue *hwq)
{
	struct fake_vcmdq *vcmdq = to_fake_vcmdq(fake, hwq);

	hwq->core.viommu->ops->hw_queue_destroy(&hwq->core);
	if (!vcmdq->stuck)
		vcmdq->want_base = 0;
	fake_cmdqv_check(fake);
}

static inline struct tegra241_vsmmu_device *
new_vdev(struct fake_cmdqv *fake, struct tegra241_vsmmu *tv, u32 sid,
	 u64 virt_id)
{
	struct tegra241_vsmmu_device *vdev;
	struct arm_smmu_master *master;
	struct device *dev;

	/* Of the device nothing but its name and its SMMU's data is looked at */
	dev = kunit_kzalloc(fake->test, sizeof(*dev), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fake->test, dev);
	dev->init_name = "vdev";
	dev->iommu = kunit_kzalloc(fake->test, sizeof(*dev->iommu), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fake->test, dev->iommu);

	master = kunit_kzalloc(fake->test, sizeof(*master), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fake->test, master);
	master->smmu = &fake->cmdqv->smmu;
	master->num_streams = 1;
	master->streams = kunit_kzalloc(fake->test, sizeof(*master->streams),
					GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fake->test, master->streams);
	master->streams[0].id = sid;
	/* dev_iommu_priv_set() wants a lock that has no meaning here */
	dev->iommu->priv = master;

	vdev = kunit_kzalloc(fake->test, sizeof(*vdev), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fake->test, vdev);
	vdev->vdev.core.viommu = &tv->vsmmu.core;
	vdev->vdev.core.dev = dev;
	vdev->vdev.core.virt_id = virt_id;
	return vdev;
}

static inline int init_vdev(struct tegra241_vsmmu_device *vdev)
{
	struct iommufd_vdevice *core = &vdev->vdev.core;

	return core->viommu->ops->vdevice_init(core);
}

static inline void destroy_vdev(struct tegra241_vsmmu_device *vdev)
{
	struct iommufd_vdevice *core = &vdev->vdev.core;

	core->viommu->ops->vdevice_destroy(core);
}

static inline void expect_scrubbed(struct fake_cmdqv *fake,
				   struct fake_vcmdq *vcmdq)
{
	KUNIT_EXPECT_EQ(fake->test, 0, vcmdq->status);
	KUNIT_EXPECT_EQ(fake->test, 0, vcmdq->config);
	KUNIT_EXPECT_EQ(fake->test, 0, vcmdq->cons);
	KUNIT_EXPECT_EQ(fake->test, 0, vcmdq->prod);
	KUNIT_EXPECT_EQ(fake->test, 0, vcmdq->base);
	KUNIT_EXPECT_EQ(fake->test, 0, vcmdq->cons_indx_base);
	KUNIT_EXPECT_EQ(fake->test, vcmdq->gerror, vcmdq->gerrorn);
}

static inline void expect_vintf_free(struct fake_cmdqv *fake, int v)
{
	struct fake_vintf *vintf = &fake->vintf[v];
	int i;

	KUNIT_EXPECT_EQ(fake->test, 0, vintf->config);
	KUNIT_EXPECT_EQ(fake->test, 0, vintf->status);
	for (i = 0; i < FAKE_NUM_SIDS; i++) {
		KUNIT_EXPECT_EQ(fake->test, 0, vintf->match[i]);
		KUNIT_EXPECT_EQ(fake->test, 0, vintf->replace[i]);
	}
	for (i = 0; i < FAKE_NUM_LVCMDQS; i++)
		KUNIT_EXPECT_FALSE(fake->test,
				   fake->alloc[v * FAKE_NUM_LVCMDQS + i] &
				   CMDQV_CMDQ_ALLOCATED);
	KUNIT_EXPECT_NULL(fake->test, fake->cmdqv->vm_errors[v].vintf);
	/* Unless the time is not over that it, or each, is polled for */
	KUNIT_EXPECT_EQ(fake->test, 0,
			fake->cmdqv->vm_brake.held & BIT_ULL(v));
	if (!(fake->cmdqv->vm_brake.polled &
	      (BIT_ULL(v) | TEGRA241_VM_BRAKE_ALL)))
		KUNIT_EXPECT_FALSE(fake->test, fake_cmdqv_masked(fake, v));
	/* The number is to be had again */
	KUNIT_EXPECT_FALSE(fake->test,
			   test_bit(v, fake->cmdqv->vm_owners.taken));
}

#endif /* _TEGRA241_CMDQV_TEST_VM_H */
