/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the KUnit tests of nested translation stand on: an SMMU in memory.
 */
#ifndef _ARM_SMMU_V3_IOMMUFD_TEST_H
#define _ARM_SMMU_V3_IOMMUFD_TEST_H

#include <kunit/test.h>
#include <kunit/test-bug.h>
#include <linux/io-pgtable.h>
#include <linux/mman.h>
#include <linux/uaccess.h>

#include "arm-smmu-v3.h"
#include "arm-smmu-v3-iommufd.h"

#define TEST_VMID	0xabcd
#define TEST_PSID	0x00c0ffee
#define TEST_VSID	0x0000beef
/* The first word of a guest's stream table entry */
#define VSTE_ABORT	1ULL
#define VSTE_BYPASS	(1ULL | 4ULL << 1)
#define VSTE_STAGE1	(1ULL | 5ULL << 1)
#define TEST_CMDQ_SHIFT	12
#define TEST_EVTQ_SHIFT	4

/*
 * A nest parent, a vSMMU upon it with one device, the device's master, and an SMMU
 * that takes commands: its queue is in memory, and PROD and CONS are one and the
 * same register, so commands are consumed as soon as they are there. cmdq_stuck is
 * a CONS that says that nothing is ever consumed. Of the event queue there are only
 * the positions; vevents and last_vevent are what has been reported to the vSMMU of
 * last_viommu, as long as report_ret is 0; losses of how many vsmmu has been told,
 * others_losses all other vSMMUs.
 */
struct vsmmu_fixture {
	struct arm_smmu_device smmu;
	u32 cmdq_reg;
	u32 cmdq_stuck;
	u32 evtq_prod;
	u32 evtq_cons;
	int report_ret;
	unsigned int vevents;
	unsigned int losses;
	unsigned int others_losses;
	struct iommufd_viommu *last_viommu;
	struct iommu_vevent_arm_smmuv3 last_vevent;
	struct iommufd_viommu_services services;
	struct iommu_fwspec fwspec;
	struct dev_iommu dev_iommu;
	struct device dev;
	struct arm_smmu_stream stream;
	struct arm_smmu_master master;
	struct io_pgtable io_pgtable;
	struct arm_smmu_domain s2_parent;
	struct arm_smmu_vmid vmid;
	struct arm_vsmmu vsmmu;
	struct arm_vsmmu_device vdev;
	struct arm_smmu_nested_domain nested;
};

/* iommufd_viommu_services::report_event */
static inline int vsmmu_fixture_report_event(struct iommufd_viommu *viommu,
					     u32 type, const void *data,
					     size_t len)
{
	struct kunit *test = kunit_get_current_test();
	struct vsmmu_fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, type, IOMMU_VEVENTQ_TYPE_ARM_SMMUV3);
	KUNIT_EXPECT_EQ(test, len, sizeof(f->last_vevent));
	/* What the vSMMU's life hangs on */
	KUNIT_EXPECT_TRUE(test, mutex_is_locked(&f->smmu.streams_mutex));
	if (f->report_ret)
		return f->report_ret;
	f->vevents++;
	f->last_viommu = viommu;
	memcpy(&f->last_vevent, data, sizeof(f->last_vevent));
	return 0;
}

/* iommufd_viommu_services::report_lost */
static inline int vsmmu_fixture_report_lost(struct iommufd_viommu *viommu,
					    u32 type)
{
	struct kunit *test = kunit_get_current_test();
	struct vsmmu_fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, type, IOMMU_VEVENTQ_TYPE_ARM_SMMUV3);
	/* As above */
	KUNIT_EXPECT_TRUE(test, mutex_is_locked(&f->smmu.streams_mutex));
	if (viommu == &f->vsmmu.core)
		f->losses++;
	else
		f->others_losses++;
	return 0;
}

/* The guest's name of the device from now on; U32_MAX: it has none */
static inline void vsmmu_fixture_name_device(struct vsmmu_fixture *f, u32 vsid)
{
	struct iommufd_vdevice *vdev = &f->vdev.core;

	guard(rwsem_write)(&f->vsmmu.core.vdevs_rwsem);
	if (!RB_EMPTY_NODE(&vdev->node)) {
		iommufd_viommu_unpublish_vdevice(vdev);
		RB_CLEAR_NODE(&vdev->node);
	}
	if (vsid == U32_MAX)
		return;
	vdev->virt_id = vsid;
	iommufd_viommu_publish_vdevice(vdev);
}

/* kunit_suite::init; the fixture is the test's priv */
static inline int vsmmu_fixture_init(struct kunit *test)
{
	struct arm_smmu_queue *q;
	struct vsmmu_fixture *f;

	f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;

	f->smmu.features = ARM_SMMU_FEAT_STALLS | ARM_SMMU_FEAT_ATTR_TYPES_OVR |
			   ARM_SMMU_FEAT_RANGE_INV | ARM_SMMU_FEAT_S2FWB |
			   ARM_SMMU_FEAT_NESTING;
	f->smmu.ssid_bits = 5;
	f->smmu.vmid_bits = 8;
	ida_init(&f->smmu.vmid_map);

	q = &f->smmu.cmdq.q;
	q->llq.max_n_shift = TEST_CMDQ_SHIFT;
	q->ent_dwords = CMDQ_ENT_DWORDS;
	q->base = kunit_kzalloc(test, 16 << TEST_CMDQ_SHIFT, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, q->base);
	q->prod_reg = (u32 __iomem *)&f->cmdq_reg;
	q->cons_reg = q->prod_reg;
	f->smmu.cmdq.valid_map =
		kunit_kzalloc(test, BITS_TO_BYTES(1 << TEST_CMDQ_SHIFT),
			      GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->smmu.cmdq.valid_map);

	q = &f->smmu.evtq.q;
	q->llq.max_n_shift = TEST_EVTQ_SHIFT;
	q->prod_reg = (u32 __iomem *)&f->evtq_prod;
	q->cons_reg = (u32 __iomem *)&f->evtq_cons;

	f->dev_iommu.priv = &f->master;
	f->dev_iommu.fwspec = &f->fwspec;
	f->dev.iommu = &f->dev_iommu;
	f->stream.id = TEST_PSID;
	f->stream.master = &f->master;
	f->master.smmu = &f->smmu;
	f->master.dev = &f->dev;
	f->master.streams = &f->stream;
	f->master.num_streams = 1;
	mutex_init(&f->smmu.streams_mutex);
	f->smmu.streams = RB_ROOT;
	rb_link_node(&f->stream.node, NULL, &f->smmu.streams.rb_node);
	rb_insert_color(&f->stream.node, &f->smmu.streams);

	f->io_pgtable.cfg.quirks = IO_PGTABLE_QUIRK_ARM_S2FWB;
	f->io_pgtable.cfg.arm_lpae_s2_cfg.vttbr = 0x0000beefdeadbee0ULL;
	f->io_pgtable.cfg.arm_lpae_s2_cfg.vtcr.ps = 1;
	f->io_pgtable.cfg.arm_lpae_s2_cfg.vtcr.tg = 2;
	f->io_pgtable.cfg.arm_lpae_s2_cfg.vtcr.sh = 3;
	f->io_pgtable.cfg.arm_lpae_s2_cfg.vtcr.orgn = 1;
	f->io_pgtable.cfg.arm_lpae_s2_cfg.vtcr.irgn = 2;
	f->io_pgtable.cfg.arm_lpae_s2_cfg.vtcr.sl = 3;
	f->io_pgtable.cfg.arm_lpae_s2_cfg.vtcr.tsz = 4;

	kref_init(&f->vmid.kref);
	f->vmid.smmu = &f->smmu;
	f->vmid.id = TEST_VMID;

	f->s2_parent.smmu = &f->smmu;
	f->s2_parent.stage = ARM_SMMU_DOMAIN_S2;
	f->s2_parent.nest_parent = true;
	f->s2_parent.s2_cfg.vmid = TEST_VMID;
	f->s2_parent.s2_cfg.shared_vmid = &f->vmid;
	f->s2_parent.pgtbl_ops = &f->io_pgtable.ops;
	f->s2_parent.domain.type = IOMMU_DOMAIN_UNMANAGED;
	INIT_LIST_HEAD(&f->s2_parent.devices);
	spin_lock_init(&f->s2_parent.devices_lock);

	f->vsmmu.smmu = &f->smmu;
	f->vsmmu.s2_parent = &f->s2_parent;
	f->vsmmu.vmid = &f->vmid;
	arm_vsmmu_init_events(&f->vsmmu);
	f->services.report_event = vsmmu_fixture_report_event;
	f->services.report_lost = vsmmu_fixture_report_lost;
	f->vsmmu.core.services = &f->services;
	init_rwsem(&f->vsmmu.core.vdevs_rwsem);
	f->vsmmu.core.vdevs = RB_ROOT;

	f->vdev.core.viommu = &f->vsmmu.core;
	f->vdev.core.dev = &f->dev;
	f->vdev.master = &f->master;
	f->vdev.sid = TEST_PSID;
	RB_CLEAR_NODE(&f->vdev.core.node);
	vsmmu_fixture_name_device(f, TEST_VSID);

	f->nested.domain.type = IOMMU_DOMAIN_NESTED;
	f->nested.vsmmu = &f->vsmmu;
	return 0;
}

static inline void vsmmu_fixture_exit(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;

	if (!f)
		return;
	ida_destroy(&f->smmu.vmid_map);
}

/* A nested domain on the vSMMU, made as user space makes it */
static inline struct iommu_domain *vsmmu_fixture_nested(struct kunit *test,
							u64 vste0)
{
	struct vsmmu_fixture *f = test->priv;
	struct iommu_hwpt_arm_smmuv3 arg = { .ste = { cpu_to_le64(vste0) } };
	struct iommu_user_data user_data = {
		.type = IOMMU_HWPT_DATA_ARM_SMMUV3,
		.len = sizeof(arg),
	};
	struct iommu_domain *domain;
	unsigned long addr;

	addr = kunit_vm_mmap(test, NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, addr, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	user_data.uptr = (void __user *)addr;
	KUNIT_ASSERT_EQ(test, copy_to_user(user_data.uptr, &arg, sizeof(arg)), 0);
	domain = arm_vsmmu_alloc_domain_nested(&f->vsmmu.core, 0, &user_data);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, domain);
	return domain;
}

/* How many commands are in the queue; it must not have wrapped */
static inline u32 vsmmu_fixture_num_cmds(struct vsmmu_fixture *f)
{
	return f->cmdq_reg;
}

/* Command @i of the queue, counted from the first ever */
static inline void vsmmu_fixture_cmd(struct vsmmu_fixture *f, u32 i, u64 cmd[2])
{
	cmd[0] = le64_to_cpu(f->smmu.cmdq.q.base[i * 2]);
	cmd[1] = le64_to_cpu(f->smmu.cmdq.q.base[i * 2 + 1]);
}

#endif /* _ARM_SMMU_V3_IOMMUFD_TEST_H */
