// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the Tegra241 CMDQV driver: what it computes, and in which order it
 * does what to the hardware. The rules that hold at every single access are in
 * tegra241-cmdqv-test-fake.c and are checked by every test here that has a unit.
 */

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>

#include <kunit/static_stub.h>

#include "tegra241-cmdqv-test-vm.h"

/*
 * What is computed
 */

static void test_param(struct kunit *test)
{
	const u64 room = tegra241_cmdqv_resource_size(64);
	struct tegra241_cmdqv_param param;

	/* Grace: 64 VINTFs, 128 VCMDQs, 16 SID slots, 0x830000 bytes */
	KUNIT_EXPECT_EQ(test, room, 0x830000);
	KUNIT_ASSERT_EQ(test, 0,
			tegra241_cmdqv_decode_param(0x4671, room, &param));
	KUNIT_EXPECT_EQ(test, param.version, 1);
	KUNIT_EXPECT_EQ(test, param.num_vintfs, 64);
	KUNIT_EXPECT_EQ(test, param.num_vcmdqs, 128);
	KUNIT_EXPECT_EQ(test, param.num_lvcmdqs_per_vintf, 2);
	KUNIT_EXPECT_EQ(test, param.num_sids_per_vintf, 16);

	/* A VM: 1 VINTF, 2 VCMDQs */
	KUNIT_ASSERT_EQ(test, 0,
			tegra241_cmdqv_decode_param(0x4011, 0x50000, &param));
	KUNIT_EXPECT_EQ(test, param.num_vintfs, 1);
	KUNIT_EXPECT_EQ(test, param.num_lvcmdqs_per_vintf, 2);

	/* The resource is one byte short */
	KUNIT_EXPECT_EQ(test, -EINVAL,
			tegra241_cmdqv_decode_param(0x4011, 0x4ffff, &param));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			tegra241_cmdqv_decode_param(0x4671, room - 1, &param));
	/* More VINTFs than VCMDQs: none for each */
	KUNIT_EXPECT_EQ(test, -EINVAL,
			tegra241_cmdqv_decode_param(0x4651, room, &param));
	/* 128 VINTFs, 256 VCMDQs: past their registers */
	KUNIT_EXPECT_EQ(test, -EINVAL,
			tegra241_cmdqv_decode_param(0x4771, SZ_1G, &param));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			tegra241_cmdqv_decode_param(0x4681, SZ_1G, &param));
	/* 32 SID slots: only 16 have a place */
	KUNIT_ASSERT_EQ(test, 0,
			tegra241_cmdqv_decode_param(0x5671, room, &param));
	KUNIT_EXPECT_EQ(test, param.num_sids_per_vintf, 16);
	/* The widest fields there are must not shift out of anything */
	KUNIT_EXPECT_EQ(test, -EINVAL,
			tegra241_cmdqv_decode_param(U32_MAX, U64_MAX, &param));
}

static void test_apertures(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, tegra241_vcmdq_page0(0), 0x10000);
	KUNIT_EXPECT_EQ(test, tegra241_vcmdq_page0(127), 0x13f80);
	KUNIT_EXPECT_EQ(test, tegra241_vcmdq_page1(1), 0x20080);
	KUNIT_EXPECT_EQ(test, tegra241_vintf_window(0), 0x30000);
	KUNIT_EXPECT_EQ(test, tegra241_vintf_window(63), 0x810000);
	KUNIT_EXPECT_EQ(test, tegra241_lvcmdq_page0(1, 1), 0x50080);
	KUNIT_EXPECT_EQ(test, tegra241_lvcmdq_page1(1, 1), 0x60080);
	KUNIT_EXPECT_EQ(test, TEGRA241_CMDQV_CMDQ_ALLOC_MAP(127), 0x3fc);
	KUNIT_EXPECT_EQ(test, TEGRA241_VINTF(63), 0x4f00);
}

static void test_alloc_map(struct kunit *test)
{
	/* LVCMDQ in [7:1], VINTF in [20:15], ALLOCATED never by itself */
	KUNIT_EXPECT_EQ(test, tegra241_alloc_map(0, 0), 0);
	KUNIT_EXPECT_EQ(test, tegra241_alloc_map(0, 1), 0x2);
	KUNIT_EXPECT_EQ(test, tegra241_alloc_map(1, 0), 0x8000);
	KUNIT_EXPECT_EQ(test, tegra241_alloc_map(63, 127), 0x1f80fe);
}

static void test_sid(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, tegra241_sid_match(0), 0x1);
	KUNIT_EXPECT_EQ(test, tegra241_sid_match(0xfffff), 0x1fffff);
	KUNIT_EXPECT_TRUE(test, tegra241_sid_valid(0xfffff));
	KUNIT_EXPECT_FALSE(test, tegra241_sid_valid(0x100000));
	KUNIT_EXPECT_FALSE(test, tegra241_sid_valid(BIT_ULL(32)));
	KUNIT_EXPECT_FALSE(test, tegra241_sid_valid(U64_MAX));
}

static void test_queue_length(struct kunit *test)
{
	/* 2 entries at least, 1 << IDR1.CMDQS at most */
	KUNIT_EXPECT_FALSE(test, tegra241_vcmdq_length_valid(0, 19));
	KUNIT_EXPECT_FALSE(test, tegra241_vcmdq_length_valid(16, 19));
	KUNIT_EXPECT_TRUE(test, tegra241_vcmdq_length_valid(32, 19));
	KUNIT_EXPECT_FALSE(test, tegra241_vcmdq_length_valid(48, 19));
	KUNIT_EXPECT_TRUE(test, tegra241_vcmdq_length_valid(SZ_8M, 19));
	KUNIT_EXPECT_FALSE(test, tegra241_vcmdq_length_valid(SZ_16M, 19));
	KUNIT_EXPECT_TRUE(test, tegra241_vcmdq_length_valid(SZ_4K, 8));
	KUNIT_EXPECT_FALSE(test, tegra241_vcmdq_length_valid(SZ_8K, 8));
	/* Nothing is computed in 32 bits */
	KUNIT_EXPECT_FALSE(test,
			   tegra241_vcmdq_length_valid(BIT_ULL(32) + 32, 19));
	KUNIT_EXPECT_FALSE(test, tegra241_vcmdq_length_valid(BIT_ULL(32), 19));
	KUNIT_EXPECT_TRUE(test, tegra241_vcmdq_length_valid(BIT_ULL(35), 31));
	KUNIT_EXPECT_FALSE(test, tegra241_vcmdq_length_valid(BIT_ULL(63), 31));
}

static void test_queue_base(struct kunit *test)
{
	u64 base = 0;

	KUNIT_ASSERT_EQ(test, 0, tegra241_vcmdq_base(0x20, 32, &base));
	KUNIT_EXPECT_EQ(test, base, 0x21);
	KUNIT_ASSERT_EQ(test, 0,
			tegra241_vcmdq_base(0xffffff800000, SZ_8M, &base));
	KUNIT_EXPECT_EQ(test, base, 0xffffff800013);
	/* Not aligned to the queue, though to something */
	KUNIT_EXPECT_EQ(test, -EINVAL,
			tegra241_vcmdq_base(0x1000, SZ_8K, &base));
	/* Below what ADDR has */
	KUNIT_EXPECT_EQ(test, -EINVAL, tegra241_vcmdq_base(0x10, 32, &base));
	/* Above it: would be truncated to somebody else's memory */
	KUNIT_EXPECT_EQ(test, -EINVAL,
			tegra241_vcmdq_base(BIT_ULL(48), SZ_4K, &base));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			tegra241_vcmdq_base(BIT_ULL(48) + SZ_4K, SZ_4K, &base));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			tegra241_vcmdq_base(BIT_ULL(63), SZ_4K, &base));
}

/*
 * The host side
 */

/* What a predecessor may leave */
static void leave_all_running(struct fake_cmdqv *fake)
{
	int i, s;

	memset(fake->int_mask, 0xff, sizeof(fake->int_mask));
	for (i = 0; i < FAKE_NUM_VCMDQS; i++) {
		fake->alloc[i] = tegra241_alloc_map(i / FAKE_NUM_LVCMDQS,
						    i % FAKE_NUM_LVCMDQS) |
				 CMDQV_CMDQ_ALLOCATED;
		fake->vcmdq[i].config = VCMDQ_EN;
		fake->vcmdq[i].status = VCMDQ_ENABLED;
		fake->vcmdq[i].prod = 3;
		fake->vcmdq[i].gerror = 5;
	}
	for (i = 0; i < FAKE_NUM_VINTFS; i++) {
		fake->vintf[i].config = VINTF_EN | FIELD_PREP(VINTF_VMID, 9);
		fake->vintf[i].status = VINTF_ENABLED;
		for (s = 0; s < FAKE_NUM_SIDS; s++)
			fake->vintf[i].match[s] = tegra241_sid_match(s);
	}
}

static void expect_reset(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	int i;

	for (i = 0; i < FAKE_NUM_LVCMDQS; i++) {
		struct fake_vcmdq *vcmdq = &fake->vcmdq[i];

		KUNIT_EXPECT_EQ(test, fake->alloc[i],
				tegra241_alloc_map(0, i) | CMDQV_CMDQ_ALLOCATED);
		KUNIT_EXPECT_EQ(test, vcmdq->status, VCMDQ_ENABLED);
		KUNIT_EXPECT_EQ(test, vcmdq->base,
				fake->cmdqv->vintf0->lvcmdqs[i]->cmdq.q.q_base);
		KUNIT_EXPECT_EQ(test, 0, vcmdq->prod);
		KUNIT_EXPECT_EQ(test, vcmdq->gerror, vcmdq->gerrorn);
	}
	for (; i < FAKE_NUM_VCMDQS; i++)
		expect_scrubbed(fake, &fake->vcmdq[i]);
	KUNIT_EXPECT_EQ(test, 0, fake->int_mask[0]);
	KUNIT_EXPECT_EQ(test, 0, fake->int_mask[1]);
	KUNIT_EXPECT_EQ(test, fake->vintf[0].config, VINTF_HYP_OWN | VINTF_EN);
	for (i = 1; i < FAKE_NUM_VINTFS; i++)
		expect_vintf_free(fake, i);
	KUNIT_EXPECT_TRUE(test, fake->cmdqv->vintf0->hyp_own);
	KUNIT_EXPECT_TRUE(test, tegra241_cmdqv_vm_usable(fake->cmdqv));
}

/* 66: nothing is mapped at reset but VINTF0's queues */
static void test_reset(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;

	/* The unit is off, but its parts are not */
	leave_all_running(fake);
	reset_unit(fake);
	expect_reset(test);
}

/* The queues have stopped before the unit is turned off */
static void test_reset_running(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	int i;

	fake->config = CMDQV_EN;
	fake->status = CMDQV_ENABLED;
	leave_all_running(fake);
	for (i = 0; i < FAKE_NUM_VCMDQS; i++)
		fake->vcmdq[i].slow = 3;
	reset_unit(fake);
	expect_reset(test);
}

/* What would not stop is given to no VM, and costs nobody anything else */
static void test_reset_broken(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct iommu_user_data data = user_data(test, PROT_READ | PROT_WRITE);
	struct tegra241_vsmmu *tv;

	leave_all_running(fake);
	/* A queue of VINTF1, and VINTF2 */
	fake->vcmdq[3].stuck = true;
	fake->vcmdq[3].want_base = 1;
	fake->vintf[2].no_disable = true;
	fake->vintf[2].want_vmid = 9;
	memset(fake->vintf[2].match, 0, sizeof(fake->vintf[2].match));
	reset_unit(fake);
	KUNIT_EXPECT_TRUE(test, tegra241_cmdqv_vm_usable(fake->cmdqv));
	/* What goes on there is for nobody to hear */
	KUNIT_EXPECT_EQ(test, fake->int_mask[0], BIT(1) | BIT(2));
	KUNIT_EXPECT_EQ(test, *fake->cmdqv->vm_owners.aside, BIT(1) | BIT(2));

	tv = alloc_vsmmu(fake, 3);
	KUNIT_EXPECT_EQ(test, tv->vintf->hw.idx, 3);
	KUNIT_EXPECT_EQ(test, -ENOSPC,
			init_vsmmu(new_vsmmu(fake, 7), &data));
	destroy_vsmmu(tv);

	fake->vcmdq[3].stuck = false;
	fake->vintf[2].no_disable = false;
}

/* But of VINTF0 everything is needed */
static void test_reset_broken_vintf0(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;

	leave_all_running(fake);
	fake->vcmdq[1].stuck = true;
	KUNIT_EXPECT_EQ(test, 0,
			tegra241_cmdqv_impl_ops.device_reset(&fake->cmdqv->smmu));
	KUNIT_EXPECT_FALSE(test, fake->cmdqv->running);
	KUNIT_EXPECT_EQ(test, 0, fake->status);
	KUNIT_EXPECT_FALSE(test, tegra241_cmdqv_vm_usable(fake->cmdqv));
}

/* 55: all is off and unmapped, descending, while the SMMU can still flush */
static void test_device_disable(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	unsigned int flushes, accesses;
	int i;

	reset_unit(fake);
	flushes = fake->flushes;

	tegra241_cmdqv_impl_ops.device_disable(&fake->cmdqv->smmu);
	for (i = 0; i < FAKE_NUM_LVCMDQS; i++) {
		expect_scrubbed(fake, &fake->vcmdq[i]);
		KUNIT_EXPECT_FALSE(test, fake->alloc[i] & CMDQV_CMDQ_ALLOCATED);
	}
	KUNIT_EXPECT_EQ(test, 0, fake->vintf[0].status);
	KUNIT_EXPECT_EQ(test, 0, fake->status);
	KUNIT_EXPECT_GT(test, fake->flushes, flushes);
	KUNIT_EXPECT_FALSE(test, tegra241_cmdqv_vm_usable(fake->cmdqv));

	/* Once more does nothing: at shutdown the SMMU may be off by then */
	accesses = fake->accesses;
	tegra241_cmdqv_impl_ops.device_disable(&fake->cmdqv->smmu);
	KUNIT_EXPECT_EQ(test, fake->accesses, accesses);
}

/* The same with VMs that go on: nothing of theirs is left for the next kernel */
static void test_shutdown(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	phys_addr_t pa = page_to_phys(queue_pages(test));
	struct tegra241_hw_queue *hwq, *next;
	struct tegra241_vsmmu *tv, *other;
	int i;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	hwq = new_queue(fake, tv, 0, pa, SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(hwq));
	other = alloc_vsmmu(fake, 4);

	fake->hostile = 1;
	tegra241_cmdqv_impl_ops.device_disable(&fake->cmdqv->smmu);
	for (i = FAKE_NUM_LVCMDQS; i < FAKE_NUM_VCMDQS; i++) {
		expect_scrubbed(fake, &fake->vcmdq[i]);
		KUNIT_EXPECT_FALSE(test, fake->alloc[i] & CMDQV_CMDQ_ALLOCATED);
	}
	for (i = 1; i < FAKE_NUM_VINTFS; i++)
		KUNIT_EXPECT_EQ(test, 0, fake->vintf[i].status);
	/* As long as it could have run, it had its VMID */
	KUNIT_EXPECT_EQ(test, fake->vintf[1].config, 0);

	/* User space is still there, too */
	next = new_queue(fake, tv, 1, pa + PAGE_SIZE, SZ_4K);
	KUNIT_EXPECT_EQ(test, -EIO, init_queue(next));
	KUNIT_EXPECT_EQ(test, -EIO, init_vdev(new_vdev(fake, tv, 0x30, 0x10)));
	destroy_queue(fake, hwq);
	destroy_vsmmu(tv);
	destroy_vsmmu(other);
}

static bool uses_vintf0(struct fake_cmdqv *fake, u8 opcode)
{
	struct arm_smmu_cmdq_ent ent = { .opcode = opcode };
	struct arm_smmu_cmdq *cmdq;
	int i;

	cmdq = tegra241_cmdqv_impl_ops.get_secondary_cmdq(&fake->cmdqv->smmu,
							   &ent);
	if (!cmdq)
		return false;
	for (i = 0; i < FAKE_NUM_LVCMDQS; i++)
		if (cmdq == &fake->cmdqv->vintf0->lvcmdqs[i]->cmdq)
			return true;
	KUNIT_FAIL(fake->test, "a queue from nowhere");
	return true;
}

/* HYP_OWN, as read back, says which commands the queues take */
static void test_supports_cmd(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;

	KUNIT_EXPECT_FALSE(test, uses_vintf0(fake, CMDQ_OP_TLBI_NH_VA));

	reset_unit(fake);
	KUNIT_EXPECT_TRUE(test, uses_vintf0(fake, CMDQ_OP_TLBI_NH_VA));
	KUNIT_EXPECT_TRUE(test, uses_vintf0(fake, CMDQ_OP_CFGI_STE));
	KUNIT_EXPECT_TRUE(test, uses_vintf0(fake, CMDQ_OP_TLBI_S2_IPA));

	fake->guest = true;
	reset_unit(fake);
	KUNIT_EXPECT_FALSE(test, fake->cmdqv->vintf0->hyp_own);
	KUNIT_EXPECT_FALSE(test, tegra241_cmdqv_vm_usable(fake->cmdqv));
	KUNIT_EXPECT_TRUE(test, uses_vintf0(fake, CMDQ_OP_TLBI_NH_VA));
	KUNIT_EXPECT_TRUE(test, uses_vintf0(fake, CMDQ_OP_TLBI_NH_ASID));
	KUNIT_EXPECT_TRUE(test, uses_vintf0(fake, CMDQ_OP_ATC_INV));
	KUNIT_EXPECT_FALSE(test, uses_vintf0(fake, CMDQ_OP_CFGI_STE));
	KUNIT_EXPECT_FALSE(test, uses_vintf0(fake, CMDQ_OP_CFGI_CD));
	KUNIT_EXPECT_FALSE(test, uses_vintf0(fake, CMDQ_OP_TLBI_NSNH_ALL));
	KUNIT_EXPECT_FALSE(test, uses_vintf0(fake, CMDQ_OP_TLBI_S2_IPA));
}

/* A unit that does not come up leaves the SMMU its own queue */
static void test_fallback(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	int i;

	fake->vintf[0].no_enable = true;
	KUNIT_EXPECT_EQ(test, 0,
			tegra241_cmdqv_impl_ops.device_reset(&fake->cmdqv->smmu));
	KUNIT_EXPECT_FALSE(test, fake->cmdqv->running);
	KUNIT_EXPECT_EQ(test, 0, fake->status);
	KUNIT_EXPECT_FALSE(test, uses_vintf0(fake, CMDQ_OP_TLBI_NH_VA));
	KUNIT_EXPECT_FALSE(test, tegra241_cmdqv_vm_usable(fake->cmdqv));
	for (i = 0; i < FAKE_NUM_VCMDQS; i++)
		KUNIT_EXPECT_FALSE(test, fake->alloc[i] & CMDQV_CMDQ_ALLOCATED);
}

static int no_vintf0(struct tegra241_cmdqv *cmdqv)
{
	return -ENOMEM;
}

/* So does one that has no memory for its queues: the SMMU's probe goes on */
static void test_fallback_early(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct arm_smmu_device *smmu = &fake->cmdqv->smmu;
	int i;

	fake->config = CMDQV_EN;
	fake->status = CMDQV_ENABLED;
	leave_all_running(fake);
	smmu->impl_ops = &tegra241_cmdqv_init_ops;
	kunit_activate_static_stub(test, tegra241_vintf0_alloc, no_vintf0);
	KUNIT_EXPECT_EQ(test, 0, smmu->impl_ops->init_structures(smmu));

	KUNIT_EXPECT_PTR_EQ(test, smmu->impl_ops, &tegra241_cmdqv_init_ops);
	KUNIT_EXPECT_FALSE(test, fake->cmdqv->running);
	KUNIT_EXPECT_EQ(test, 0, fake->status);
	for (i = 0; i < FAKE_NUM_VCMDQS; i++)
		KUNIT_EXPECT_EQ(test, 0, fake->vcmdq[i].config);
}

static void test_host_error(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;

	reset_unit(fake);
	fake->vcmdq[1].gerror ^= BIT(0);
	fake->noise = ~0ULL;	/* 60 */
	KUNIT_EXPECT_EQ(test, IRQ_HANDLED, tegra241_cmdqv_isr(0, fake->cmdqv));
	KUNIT_EXPECT_EQ(test, fake->vcmdq[1].gerror, fake->vcmdq[1].gerrorn);
	KUNIT_EXPECT_EQ(test, 0, fake->events);
}

/*
 * VINTFs
 */

static void test_hw_info(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct arm_smmu_device *smmu = &fake->cmdqv->smmu;
	struct iommu_hw_info_tegra241_cmdqv *info;
	u32 type = IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV, length = 0;

	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			PTR_ERR(tegra241_cmdqv_hw_info(smmu, &length, &type)));

	reset_unit(fake);
	info = tegra241_cmdqv_hw_info(smmu, &length, &type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, info);
	KUNIT_EXPECT_EQ(test, length, 8);
	KUNIT_EXPECT_EQ(test, type, IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV);
	KUNIT_EXPECT_EQ(test, info->flags, 0);
	KUNIT_EXPECT_EQ(test, info->version, 1);
	KUNIT_EXPECT_EQ(test, info->log2vcmdqs, ilog2(FAKE_NUM_LVCMDQS));
	KUNIT_EXPECT_EQ(test, info->log2vsids, 4);
	KUNIT_EXPECT_EQ(test, info->__reserved, 0);
	kfree(info);

	type = IOMMU_HW_INFO_TYPE_AMD;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			PTR_ERR(tegra241_cmdqv_hw_info(smmu, &length, &type)));
}

/* I1, I2, I7: VMID and HYP_OWN=0 while enabled, nothing left afterwards */
static void test_vintf(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_vsmmu *a, *b;
	u16 v;

	reset_unit(fake);
	a = alloc_vsmmu(fake, 0x1234);
	v = a->vintf->hw.idx;
	KUNIT_EXPECT_EQ(test, v, 1);
	KUNIT_EXPECT_EQ(test, fake->vintf[v].config,
			FIELD_PREP(VINTF_VMID, 0x1234) | VINTF_EN);
	KUNIT_EXPECT_EQ(test, fake->mmap_base, FAKE_BASE_PHYS + 0x50000);
	KUNIT_EXPECT_EQ(test, fake->mmap_length, SZ_64K);
	KUNIT_EXPECT_EQ(test, fake->mmaps, 1);
	/* The domain's, the vSMMU's and the VINTF's */
	KUNIT_EXPECT_EQ(test, kref_read(&a->vsmmu.vmid->kref), 3);

	b = alloc_vsmmu(fake, 0xffff);
	KUNIT_EXPECT_EQ(test, b->vintf->hw.idx, 2);
	KUNIT_EXPECT_EQ(test, fake->vintf[2].config,
			FIELD_PREP(VINTF_VMID, 0xffff) | VINTF_EN);

	destroy_vsmmu(a);
	KUNIT_EXPECT_EQ(test, kref_read(&a->vsmmu.vmid->kref), 1);
	expect_vintf_free(fake, v);
	KUNIT_EXPECT_EQ(test, fake->vintf[2].status, VINTF_ENABLED);
	destroy_vsmmu(b);
	expect_vintf_free(fake, 2);
	KUNIT_EXPECT_EQ(test, fake->mmaps, 0);
}

static void expect_init_fails(struct fake_cmdqv *fake,
			      const struct iommu_user_data *data, int err)
{
	struct tegra241_vsmmu *tv = new_vsmmu(fake, 7);
	int v;

	for (v = 1; v < FAKE_NUM_VINTFS; v++)
		fake->vintf[v].want_vmid = 7;
	KUNIT_EXPECT_EQ(fake->test, err, init_vsmmu(tv, data));
	for (v = 1; v < FAKE_NUM_VINTFS; v++)
		fake->vintf[v].want_vmid = 0;
	KUNIT_EXPECT_EQ(fake->test, kref_read(&tv->vsmmu.vmid->kref), 2);
	KUNIT_EXPECT_NULL(fake->test, tv->vsmmu.core.ops);
	KUNIT_EXPECT_EQ(fake->test, fake->mmaps, 0);
	for (v = 1; v < FAKE_NUM_VINTFS; v++)
		expect_vintf_free(fake, v);
}

/* Each way to fail leaves nothing */
static void test_vintf_errors(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct iommu_user_data rw = user_data(test, PROT_READ | PROT_WRITE);
	struct iommu_user_data ro = user_data(test, PROT_READ);
	struct iommu_user_data data;
	struct tegra241_vsmmu *tv[FAKE_NUM_VINTFS - 1];
	unsigned int writes;
	int i;

	/* No unit, no VINTF */
	expect_init_fails(fake, &rw, -EOPNOTSUPP);

	reset_unit(fake);
	expect_init_fails(fake, NULL, -EINVAL);
	data = rw;
	data.len = 15;
	expect_init_fails(fake, &data, -EINVAL);
	data.len = PAGE_SIZE + 1;
	expect_init_fails(fake, &data, -E2BIG);
	/* Longer than we know is fine, if it asks for nothing */
	data.len = 24;
	KUNIT_ASSERT_EQ(test, 0, put_user(1, (u8 __user *)rw.uptr + 23));
	expect_init_fails(fake, &data, -E2BIG);
	KUNIT_ASSERT_EQ(test, 0, put_user(0, (u8 __user *)rw.uptr + 23));
	fake->mmap_ret = -EXDEV;
	expect_init_fails(fake, &data, -EXDEV);
	fake->mmap_ret = 0;
	/* What it would ask for is not there: the first mapping is the highest */
	data.uptr = rw.uptr + PAGE_SIZE - 16;
	expect_init_fails(fake, &data, -EFAULT);
	data.uptr = (void __user *)PAGE_SIZE;
	data.len = 16;
	expect_init_fails(fake, &data, -EFAULT);

	/* That the reply can't be written is found out before a VINTF is taken for it */
	writes = fake->writes;
	expect_init_fails(fake, &ro, -EFAULT);
	KUNIT_EXPECT_EQ(test, fake->writes, writes);

	fake->mmap_ret = -EINVAL;
	expect_init_fails(fake, &rw, -EINVAL);
	fake->mmap_ret = 0;

	fake->vintf[1].no_enable = true;
	expect_init_fails(fake, &rw, -ETIMEDOUT);
	fake->vintf[1].no_enable = false;

	/*
	 * It says that it is enabled, but not that it was asked to: not to be trusted. It is
	 * another one, for the one that has failed comes last now.
	 */
	fake->vintf[2].hides_en = true;
	expect_init_fails(fake, &rw, -EIO);
	fake->vintf[2].hides_en = false;

	/* The reply's memory goes after it has been looked at; the window goes, too */
	data = user_data(test, PROT_READ | PROT_WRITE);
	fake->mmap_unmaps = (unsigned long)data.uptr;
	expect_init_fails(fake, &data, -EFAULT);
	KUNIT_EXPECT_EQ(test, 0, fake->mmaps);

	/* All taken */
	for (i = 0; i < ARRAY_SIZE(tv); i++)
		tv[i] = alloc_vsmmu(fake, 8 + i);
	KUNIT_EXPECT_EQ(test, -ENOSPC,
			init_vsmmu(new_vsmmu(fake, 7), &rw));
	while (i--)
		destroy_vsmmu(tv[i]);
}

/* J97: what carries a VMID keeps it, and its number */
static void test_vintf_stuck(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct arm_smmu_vmid *vmid;
	struct tegra241_vsmmu_device *vdev[FAKE_NUM_SIDS];
	struct tegra241_vsmmu *tv, *other;
	struct tegra241_hw_queue *hwq;
	int s;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 5);
	vmid = tv->vsmmu.vmid;
	hwq = new_queue(fake, tv, 0, page_to_phys(queue_pages(test)), SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(hwq));
	for (s = 0; s < FAKE_NUM_SIDS; s++) {
		vdev[s] = new_vdev(fake, tv, s + 0x101, s + 1);
		KUNIT_ASSERT_EQ(test, 0, init_vdev(vdev[s]));
	}
	/* What can't be flushed stays until the VINTF ends */
	fake->flush_ret = -ETIMEDOUT;
	while (s--)
		destroy_vdev(vdev[s]);
	fake->flush_ret = 0;
	destroy_queue(fake, hwq);

	fake->vintf[1].no_disable = true;
	destroy_vsmmu(tv);
	/* As it runs on, it runs on with its own VMID: that is checked always */
	KUNIT_EXPECT_EQ(test, kref_read(&vmid->kref), 2);
	KUNIT_EXPECT_NULL(test, fake->cmdqv->vm_errors[1].vintf);
	/* Nor does it interrupt: there is nobody to be told */
	KUNIT_EXPECT_TRUE(test, fake_cmdqv_masked(fake, 1));
	KUNIT_EXPECT_EQ(test, fake->scheduled, 1);
	KUNIT_EXPECT_EQ(test, fake->mmaps, 0);

	/* Nobody gets the VINTF, and a look changes nothing, while it runs */
	other = alloc_vsmmu(fake, 6);
	KUNIT_EXPECT_EQ(test, other->vintf->hw.idx, 2);
	KUNIT_EXPECT_TRUE(test,
			  tegra241_quarantine_look(&fake->cmdqv->quarantine));
	KUNIT_EXPECT_EQ(test, kref_read(&vmid->kref), 2);
	KUNIT_EXPECT_EQ(test, fake->vintf[1].replace[3], 0x104);

	fake->vintf[1].no_disable = false;
	KUNIT_EXPECT_FALSE(test,
			   tegra241_quarantine_look(&fake->cmdqv->quarantine));
	KUNIT_EXPECT_EQ(test, kref_read(&vmid->kref), 1);
	expect_vintf_free(fake, 1);
	destroy_vsmmu(other);
}

/* A VINTF that has stopped meanwhile is found when it is needed */
static void test_vintf_reclaimed(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_vsmmu *tv[FAKE_NUM_VINTFS - 1];
	int i;

	reset_unit(fake);
	for (i = 0; i < ARRAY_SIZE(tv); i++)
		tv[i] = alloc_vsmmu(fake, 8 + i);
	fake->vintf[2].no_disable = true;
	destroy_vsmmu(tv[1]);

	/* As soon as the hardware follows the next one has it, without a look */
	fake->vintf[2].no_disable = false;
	fake->vintf[2].status = 0;
	tv[1] = alloc_vsmmu(fake, 20);
	KUNIT_EXPECT_EQ(test, tv[1]->vintf->hw.idx, 2);

	for (i = 0; i < ARRAY_SIZE(tv); i++)
		destroy_vsmmu(tv[i]);
}

/*
 * HW queues
 */

/*
 * J88, I1, I5, I7: the VM writes to its window before each access of the driver.
 * The queue is never mapped without its BASE, and is off when its memory goes.
 */
static void test_queue_hostile(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	phys_addr_t pa = page_to_phys(queue_pages(test));
	struct tegra241_hw_queue *q0, *q1;
	struct tegra241_vsmmu *tv;
	int round;

	reset_unit(fake);
	fake->hostile = 1;
	for (round = 0; round < 3; round++) {
		tv = alloc_vsmmu(fake, 3 + round);
		q0 = new_queue(fake, tv, 0, pa, SZ_4K);
		KUNIT_ASSERT_EQ(test, 0, init_queue(q0));
		q1 = new_queue(fake, tv, 1, pa + PAGE_SIZE + 32, 32);
		KUNIT_ASSERT_EQ(test, 0, init_queue(q1));

		/* It did get at them */
		KUNIT_EXPECT_EQ(test, fake->vcmdq[2].status, VCMDQ_ENABLED);
		fake->vcmdq[2].gerror ^= BIT(0);
		fake->vcmdq[3].owes_timeout = true;

		destroy_queue(fake, q1);
		expect_scrubbed(fake, &fake->vcmdq[3]);
		destroy_queue(fake, q0);
		expect_scrubbed(fake, &fake->vcmdq[2]);
		destroy_vsmmu(tv);
		expect_vintf_free(fake, 1);
	}
	/* Nothing of it was taken for broken hardware */
	KUNIT_EXPECT_EQ(test, fake->scheduled, 0);
}

/* J88: an enabling that STATUS does not show yet is not missed */
static void test_queue_late_enable(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	phys_addr_t pa = page_to_phys(queue_pages(test));
	struct fake_vcmdq *vcmdq = &fake->vcmdq[2];
	struct tegra241_hw_queue *hwq;
	struct tegra241_vsmmu *tv;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	hwq = new_queue(fake, tv, 0, pa, SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(hwq));

	/* Two looks there are, however long they take */
	vcmdq->late_enable = 2;
	destroy_queue(fake, hwq);
	KUNIT_EXPECT_EQ(test, 0, vcmdq->late_enable);
	KUNIT_EXPECT_EQ(test, 0, vcmdq->enabling);
	expect_scrubbed(fake, vcmdq);
	KUNIT_EXPECT_EQ(test, fake->scheduled, 0);
	destroy_vsmmu(tv);
}

/*
 * A11, I7: an enabling that the VM itself has taken back happens when the queue has been
 * flushed. It must not find the VM's commands any more: their late ATC timeouts would be
 * the next owner's.
 */
static void test_queue_starts_after_flush(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	phys_addr_t pa = page_to_phys(queue_pages(test));
	struct fake_vcmdq *vcmdq = &fake->vcmdq[2];
	struct tegra241_hw_queue *hwq;
	struct tegra241_vsmmu *tv;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	hwq = new_queue(fake, tv, 0, pa, SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(hwq));

	vcmdq->starts_at = FAKE_AFTER_FLUSH;
	vcmdq->ran_on = ~0ULL;
	destroy_queue(fake, hwq);
	KUNIT_EXPECT_EQ(test, vcmdq->ran_on, 0);
	KUNIT_EXPECT_FALSE(test, vcmdq->owes_timeout);
	expect_scrubbed(fake, vcmdq);
	KUNIT_EXPECT_EQ(test, fake->scheduled, 0);
	destroy_vsmmu(tv);
}

/* A11, I5: or just before BASE is taken from it, and then it keeps its memory */
static void test_queue_starts_at_scrub(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct page *page = queue_pages(test);
	struct fake_vcmdq *vcmdq = &fake->vcmdq[2];
	struct tegra241_hw_queue *hwq;
	struct tegra241_vsmmu *tv;
	u64 base;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	hwq = new_queue(fake, tv, 0, page_to_phys(page), SZ_4K);
	base = vcmdq->want_base;
	KUNIT_ASSERT_EQ(test, 0, init_queue(hwq));

	vcmdq->starts_at = FAKE_BEFORE_SCRUB;
	destroy_queue(fake, hwq);
	KUNIT_EXPECT_EQ(test, vcmdq->ran_on, base);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 2);
	KUNIT_EXPECT_EQ(test, fake->scheduled, 1);

	vcmdq->stuck = false;
	vcmdq->status = 0;
	KUNIT_EXPECT_FALSE(test,
			   tegra241_quarantine_look(&fake->cmdqv->quarantine));
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	expect_scrubbed(fake, vcmdq);
	destroy_vsmmu(tv);
	expect_vintf_free(fake, 1);
}

/* What the last user left, and 56: what shows up late */
static void test_queue_recycled(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	phys_addr_t pa = page_to_phys(queue_pages(test));
	struct fake_vcmdq *vcmdq = &fake->vcmdq[2];
	struct tegra241_hw_queue *hwq;
	struct tegra241_vsmmu *tv;
	unsigned int flushes;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	*vcmdq = (struct fake_vcmdq){
		.cons = 0x02000011, .prod = 0x22, .gerror = 3, .gerrorn = 4,
		.base = 0x777000, .cons_indx_base = 0x888000,
	};
	fake->alloc[2] = tegra241_alloc_map(3, 1);
	hwq = new_queue(fake, tv, 0, pa, SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(hwq));
	KUNIT_EXPECT_EQ(test, 0, vcmdq->cons);
	KUNIT_EXPECT_EQ(test, 0, vcmdq->prod);
	KUNIT_EXPECT_EQ(test, vcmdq->gerror, vcmdq->gerrorn);
	/* The user enables it, not we */
	KUNIT_EXPECT_EQ(test, 0, vcmdq->config);

	flushes = fake->flushes;
	vcmdq->owes_timeout = true;
	vcmdq->config = VCMDQ_EN;
	vcmdq->status = VCMDQ_ENABLED;
	destroy_queue(fake, hwq);
	KUNIT_EXPECT_EQ(test, fake->flushes, flushes + 1);
	KUNIT_EXPECT_FALSE(test, vcmdq->owes_timeout);
	expect_scrubbed(fake, vcmdq);
	destroy_vsmmu(tv);
}

static void test_queue_errors(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	phys_addr_t pa = page_to_phys(queue_pages(test));
	const struct iommufd_viommu_ops *ops;
	struct tegra241_hw_queue *hwq;
	struct iommufd_viommu *viommu;
	struct tegra241_vsmmu *tv;
	const int type = IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	viommu = &tv->vsmmu.core;
	ops = viommu->ops;

	KUNIT_EXPECT_EQ(test, 0,
			ops->get_hw_queue_size(viommu,
					       IOMMU_HW_QUEUE_TYPE_DEFAULT));
	KUNIT_EXPECT_GE(test, ops->get_hw_queue_size(viommu, type),
			sizeof(struct iommufd_hw_queue));
	KUNIT_EXPECT_EQ(test, 0, ops->hw_queue_check(viommu, type, SZ_4K));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			ops->hw_queue_check(viommu, type, SZ_8K));
	KUNIT_EXPECT_EQ(test, -EINVAL, ops->hw_queue_check(viommu, type, 16));
	KUNIT_EXPECT_EQ(test, -EINVAL, ops->hw_queue_check(viommu, type, 48));
	KUNIT_EXPECT_EQ(test, 0, ops->hw_queue_check_index(viommu, type, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			ops->hw_queue_check_index(viommu, type,
						  FAKE_NUM_LVCMDQS));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			ops->hw_queue_check_index(viommu, type, U32_MAX));

	hwq = new_queue(fake, tv, 0, pa + 0x800, SZ_4K);
	KUNIT_EXPECT_EQ(test, -EINVAL, init_queue(hwq));
	hwq = new_queue(fake, tv, 0, BIT_ULL(48), SZ_4K);
	KUNIT_EXPECT_EQ(test, -EINVAL, init_queue(hwq));

	/* The map does not take it: nothing is left for the VM to enable */
	fake->drop_map = 2;
	hwq = new_queue(fake, tv, 0, pa, SZ_4K);
	KUNIT_EXPECT_EQ(test, -EIO, init_queue(hwq));
	expect_scrubbed(fake, &fake->vcmdq[2]);
	fake->drop_map = -1;

	/* A queue that is running already, for whatever reason, is not mapped */
	fake->vcmdq[2].status = VCMDQ_ENABLED;
	fake->vcmdq[2].stuck = true;
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, init_queue(hwq));
	KUNIT_EXPECT_FALSE(test, fake->alloc[2] & CMDQV_CMDQ_ALLOCATED);
	fake->vcmdq[2].status = 0;
	fake->vcmdq[2].stuck = false;

	/* The error of another VM's command would be the first thing it sees */
	fake->vcmdq[2].cons = FIELD_PREP(VCMDQ_CONS_ERR, 1);
	fake->vcmdq[2].keeps_cons = true;
	KUNIT_EXPECT_EQ(test, -EIO, init_queue(hwq));
	KUNIT_EXPECT_FALSE(test, fake->alloc[2] & CMDQV_CMDQ_ALLOCATED);
	fake->vcmdq[2].keeps_cons = false;
	fake->vcmdq[2].prod = 7;
	fake->vcmdq[2].keeps_prod = true;
	KUNIT_EXPECT_EQ(test, -EIO, init_queue(hwq));
	KUNIT_EXPECT_FALSE(test, fake->alloc[2] & CMDQV_CMDQ_ALLOCATED);
	fake->vcmdq[2].keeps_prod = false;

	/* BASE does not take it: the queue would be read from somewhere else */
	fake->vcmdq[2].keeps_base = true;
	KUNIT_EXPECT_EQ(test, -EIO, init_queue(hwq));
	fake->vcmdq[2].keeps_base = false;
	expect_scrubbed(fake, &fake->vcmdq[2]);
	KUNIT_EXPECT_FALSE(test, fake->alloc[2] & CMDQV_CMDQ_ALLOCATED);

	/* Nor does the map take a place for it */
	fake->alloc[2] = tegra241_alloc_map(3, 1);
	fake->drop_map = 2;
	KUNIT_EXPECT_EQ(test, -EIO, init_queue(hwq));
	expect_scrubbed(fake, &fake->vcmdq[2]);
	fake->drop_map = -1;

	KUNIT_EXPECT_EQ(test, 0, init_queue(hwq));
	/* But it points to nothing, so it is no reason to hold on to memory */
	fake->vcmdq[2].cons = 3;
	fake->vcmdq[2].keeps_cons = true;
	destroy_queue(fake, hwq);
	destroy_vsmmu(tv);
	KUNIT_EXPECT_EQ(test, fake->scheduled, 0);
}

/* J89: a queue that runs on keeps its pages, behind a disabled VINTF */
static void test_queue_stuck(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct page *page = queue_pages(test);
	struct fake_vcmdq *vcmdq = &fake->vcmdq[2];
	struct arm_smmu_vmid *vmid;
	struct tegra241_hw_queue *hwq, *next;
	struct tegra241_vsmmu *tv;

	reset_unit(fake);
	fake->cmdqv->max_log2_entries = 19;
	tv = alloc_vsmmu(fake, 3);
	vmid = tv->vsmmu.vmid;
	hwq = new_queue(fake, tv, 0, page_to_phys(page), 2 * PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, 0, init_queue(hwq));

	vcmdq->config = VCMDQ_EN;
	vcmdq->status = VCMDQ_ENABLED;
	vcmdq->stuck = true;
	fake->hostile = 1;
	destroy_queue(fake, hwq);
	fake->hostile = 0;

	KUNIT_EXPECT_EQ(test, page_ref_count(page), 2);
	KUNIT_EXPECT_EQ(test, page_ref_count(page + 1), 2);
	/* It reads what it knows: nothing of it has been changed */
	KUNIT_EXPECT_EQ(test, vcmdq->base, vcmdq->want_base);
	KUNIT_EXPECT_FALSE(test, fake->alloc[2] & CMDQV_CMDQ_ALLOCATED);
	KUNIT_EXPECT_EQ(test, fake->vintf[1].status, 0);
	KUNIT_EXPECT_EQ(test, fake->scheduled, 1);

	/* No new queue in there, this one's number least of all */
	next = new_queue(fake, tv, 1, page_to_phys(page), SZ_4K);
	KUNIT_EXPECT_EQ(test, -EIO, init_queue(next));
	fake->vcmdq[3].want_base = 0;
	KUNIT_EXPECT_EQ(test, -EIO, init_queue(hwq));

	/* The vIOMMU goes, the VINTF and its VMID stay */
	destroy_vsmmu(tv);
	KUNIT_EXPECT_EQ(test, kref_read(&vmid->kref), 2);
	KUNIT_EXPECT_TRUE(test,
			  tegra241_quarantine_look(&fake->cmdqv->quarantine));
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 2);

	vcmdq->stuck = false;
	vcmdq->owes_timeout = true;
	KUNIT_EXPECT_FALSE(test,
			   tegra241_quarantine_look(&fake->cmdqv->quarantine));
	vcmdq->want_base = 0;
	expect_scrubbed(fake, vcmdq);
	expect_vintf_free(fake, 1);
	KUNIT_EXPECT_EQ(test, kref_read(&vmid->kref), 1);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	KUNIT_EXPECT_EQ(test, page_ref_count(page + 1), 1);
}

/* The same, but the queue stops before its vIOMMU goes */
static void test_queue_stuck_cured_early(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct page *page = queue_pages(test);
	struct fake_vcmdq *vcmdq = &fake->vcmdq[2];
	struct tegra241_hw_queue *hwq;
	struct arm_smmu_vmid *vmid;
	struct tegra241_vsmmu *tv;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	vmid = tv->vsmmu.vmid;
	hwq = new_queue(fake, tv, 0, page_to_phys(page), SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(hwq));

	vcmdq->config = VCMDQ_EN;
	vcmdq->status = VCMDQ_ENABLED;
	vcmdq->stuck = true;
	destroy_queue(fake, hwq);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 2);
	KUNIT_EXPECT_TRUE(test,
			  tegra241_quarantine_look(&fake->cmdqv->quarantine));

	/* The flush that it owes then holds nothing up here, either */
	vcmdq->stuck = false;
	fake->flush_ret = -ETIMEDOUT;
	KUNIT_EXPECT_FALSE(test,
			   tegra241_quarantine_look(&fake->cmdqv->quarantine));
	fake->flush_ret = 0;
	vcmdq->want_base = 0;
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	expect_scrubbed(fake, vcmdq);

	/* The vIOMMU is alive, and so is its VINTF's number; no queue, though */
	KUNIT_EXPECT_EQ(test, kref_read(&vmid->kref), 3);
	KUNIT_EXPECT_EQ(test, -EIO, init_queue(hwq));
	destroy_vsmmu(tv);
	KUNIT_EXPECT_EQ(test, kref_read(&vmid->kref), 1);
	expect_vintf_free(fake, 1);
}

/*
 * A flush that another VM's ATC_INVs hold up costs this one no VINTF and nobody
 * memory, but the queue is not enabled again before it has been flushed.
 */
static void test_queue_unflushed(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct page *page = queue_pages(test);
	struct fake_vcmdq *vcmdq = &fake->vcmdq[2];
	struct tegra241_hw_queue *hwq, *next;
	struct tegra241_vsmmu *tv;
	unsigned int flushes;
	u64 want_base;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	hwq = new_queue(fake, tv, 0, page_to_phys(page), SZ_4K);
	want_base = vcmdq->want_base;
	KUNIT_ASSERT_EQ(test, 0, init_queue(hwq));

	/* It is tried more than once */
	fake->flush_fails = 2;
	destroy_queue(fake, hwq);
	flushes = fake->flushes;
	vcmdq->want_base = want_base;
	KUNIT_ASSERT_EQ(test, 0, init_queue(hwq));
	KUNIT_EXPECT_EQ(test, fake->flushes, flushes);

	fake->flush_ret = -ETIMEDOUT;
	vcmdq->config = VCMDQ_EN;
	vcmdq->status = VCMDQ_ENABLED;
	vcmdq->owes_timeout = true;
	destroy_queue(fake, hwq);
	expect_scrubbed(fake, vcmdq);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	KUNIT_EXPECT_EQ(test, fake->scheduled, 0);
	KUNIT_EXPECT_EQ(test, fake->vintf[1].status, VINTF_ENABLED);

	/* Not by the next owner of the VINTF either */
	vcmdq->want_base = want_base;
	KUNIT_EXPECT_EQ(test, -EIO, init_queue(hwq));
	destroy_vsmmu(tv);
	expect_vintf_free(fake, 1);
	tv = alloc_vsmmu(fake, 4);
	next = new_queue(fake, tv, 0, page_to_phys(page), SZ_4K);
	KUNIT_EXPECT_EQ(test, -EIO, init_queue(next));
	KUNIT_EXPECT_FALSE(test, fake->alloc[2] & CMDQV_CMDQ_ALLOCATED);

	/* What comes late is nobody's */
	fake->flush_ret = 0;
	flushes = fake->flushes;
	KUNIT_ASSERT_EQ(test, 0, init_queue(next));
	KUNIT_EXPECT_EQ(test, fake->flushes, flushes + 1);
	KUNIT_EXPECT_EQ(test, vcmdq->gerror, vcmdq->gerrorn);

	/* Paid is paid */
	destroy_queue(fake, next);
	flushes = fake->flushes;
	vcmdq->want_base = want_base;
	KUNIT_ASSERT_EQ(test, 0, init_queue(next));
	KUNIT_EXPECT_EQ(test, fake->flushes, flushes);
	destroy_queue(fake, next);
	destroy_vsmmu(tv);
	expect_vintf_free(fake, 1);
}

/* A VINTF that can't be disabled under a stuck queue: both have to stop */
static void test_fence_stuck(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct page *page = queue_pages(test);
	struct tegra241_hw_queue *q0, *q1;
	struct arm_smmu_vmid *vmid;
	struct tegra241_vsmmu *tv;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	vmid = tv->vsmmu.vmid;
	q0 = new_queue(fake, tv, 0, page_to_phys(page + 1), SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(q0));
	q1 = new_queue(fake, tv, 1, page_to_phys(page), SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(q1));

	fake->vcmdq[3].status = VCMDQ_ENABLED;
	fake->vcmdq[3].stuck = true;
	fake->vintf[1].no_disable = true;
	fake->vintf[1].fenced = true;
	destroy_queue(fake, q1);
	destroy_queue(fake, q0);
	expect_scrubbed(fake, &fake->vcmdq[2]);
	destroy_vsmmu(tv);

	fake->vcmdq[3].stuck = false;
	KUNIT_EXPECT_TRUE(test,
			  tegra241_quarantine_look(&fake->cmdqv->quarantine));
	fake->vcmdq[3].want_base = 0;
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	KUNIT_EXPECT_EQ(test, kref_read(&vmid->kref), 2);
	fake->vintf[1].no_disable = false;
	KUNIT_EXPECT_FALSE(test,
			   tegra241_quarantine_look(&fake->cmdqv->quarantine));
	KUNIT_EXPECT_EQ(test, kref_read(&vmid->kref), 1);
	expect_vintf_free(fake, 1);
}

/*
 * vDEVICEs
 */

/* I3: a slot stands while its vDEVICE does; the 17th does not fit */
static void test_sid_slots(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_vsmmu_device *vdev[FAKE_NUM_SIDS], *more;
	struct fake_vintf *vintf = &fake->vintf[1];
	struct tegra241_hw_queue *hwq;
	struct tegra241_vsmmu *tv;
	unsigned int flushes;
	int i;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	hwq = new_queue(fake, tv, 0, page_to_phys(queue_pages(test)), SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(hwq));
	for (i = 0; i < FAKE_NUM_SIDS; i++) {
		vdev[i] = new_vdev(fake, tv, 0xffe00 + i + 0x100, 0xffe00 + i);
		KUNIT_ASSERT_EQ(test, 0, init_vdev(vdev[i]));
		KUNIT_EXPECT_EQ(test, vintf->replace[i], 0xfff00 + i);
		KUNIT_EXPECT_EQ(test, vintf->match[i],
				(0xffe00 + i) << 1 | VINTF_SID_MATCH_EN);
	}
	more = new_vdev(fake, tv, 0x1100, 0x1000);
	KUNIT_EXPECT_EQ(test, -ENOSPC, init_vdev(more));

	/* One that is free is found again, and carries nothing meanwhile */
	flushes = fake->flushes;
	destroy_vdev(vdev[7]);
	KUNIT_EXPECT_EQ(test, fake->flushes, flushes + 1);
	KUNIT_EXPECT_EQ(test, 0, vintf->match[7]);
	KUNIT_EXPECT_EQ(test, 0, vintf->replace[7]);
	KUNIT_ASSERT_EQ(test, 0, init_vdev(more));
	KUNIT_EXPECT_EQ(test, vintf->replace[7], 0x1100);
	KUNIT_EXPECT_EQ(test, vintf->match[7], 0x2001);

	destroy_vdev(more);
	for (i = 0; i < FAKE_NUM_SIDS; i++)
		if (i != 7)
			destroy_vdev(vdev[i]);
	destroy_queue(fake, hwq);
	destroy_vsmmu(tv);
	expect_vintf_free(fake, 1);
}

/*
 * What may have matched a slot is waited for; a VM that has no queue, or none any more,
 * takes nobody's time by it. The fake unit sees to it that nothing is left out.
 */
static void test_sid_flush(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	phys_addr_t pa = page_to_phys(queue_pages(test));
	struct tegra241_vsmmu_device *a, *b;
	struct tegra241_hw_queue *hwq;
	struct tegra241_vsmmu *tv;
	unsigned int flushes;
	u64 want_base;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	a = new_vdev(fake, tv, 0x101, 1);
	KUNIT_ASSERT_EQ(test, 0, init_vdev(a));

	/* No queue ever */
	flushes = fake->flushes;
	destroy_vdev(a);
	KUNIT_EXPECT_EQ(test, fake->flushes, flushes);
	KUNIT_EXPECT_EQ(test, 0, fake->vintf[1].match[0]);
	KUNIT_EXPECT_EQ(test, 0, fake->vintf[1].replace[0]);

	/* One that came later than the vDEVICE */
	KUNIT_ASSERT_EQ(test, 0, init_vdev(a));
	hwq = new_queue(fake, tv, 0, pa, SZ_4K);
	want_base = fake->vcmdq[2].want_base;
	KUNIT_ASSERT_EQ(test, 0, init_queue(hwq));
	flushes = fake->flushes;
	destroy_vdev(a);
	KUNIT_EXPECT_EQ(test, fake->flushes, flushes + 1);

	/* One that has been stopped and flushed */
	KUNIT_ASSERT_EQ(test, 0, init_vdev(a));
	destroy_queue(fake, hwq);
	flushes = fake->flushes;
	destroy_vdev(a);
	KUNIT_EXPECT_EQ(test, fake->flushes, flushes);

	/* One that has been stopped, and could not be flushed */
	KUNIT_ASSERT_EQ(test, 0, init_vdev(a));
	b = new_vdev(fake, tv, 0x102, 2);
	KUNIT_ASSERT_EQ(test, 0, init_vdev(b));
	fake->vcmdq[2].want_base = want_base;
	KUNIT_ASSERT_EQ(test, 0, init_queue(hwq));
	fake->flush_ret = -ETIMEDOUT;
	destroy_queue(fake, hwq);
	destroy_vdev(a);
	KUNIT_EXPECT_EQ(test, fake->vintf[1].replace[0], 0x101);
	fake->flush_ret = 0;
	flushes = fake->flushes;
	destroy_vdev(b);
	KUNIT_EXPECT_EQ(test, fake->flushes, flushes + 1);

	destroy_vsmmu(tv);
	expect_vintf_free(fake, 1);

	/* Trapped ones whose CMD_SYNC did not complete, until one does */
	tv = alloc_vsmmu(fake, 4);
	a = new_vdev(fake, tv, 0x101, 1);
	KUNIT_ASSERT_EQ(test, 0, init_vdev(a));
	b = new_vdev(fake, tv, 0x102, 2);
	KUNIT_ASSERT_EQ(test, 0, init_vdev(b));
	tv->vsmmu.unsynced = true;
	fake->flush_ret = -ETIMEDOUT;
	destroy_vdev(a);
	KUNIT_EXPECT_EQ(test, fake->vintf[1].replace[0], 0x101);
	fake->flush_ret = 0;
	flushes = fake->flushes;
	destroy_vdev(b);
	KUNIT_EXPECT_EQ(test, fake->flushes, flushes + 1);
	KUNIT_ASSERT_EQ(test, 0, init_vdev(b));
	destroy_vdev(b);
	KUNIT_EXPECT_EQ(test, fake->flushes, flushes + 1);
	destroy_vsmmu(tv);
	expect_vintf_free(fake, 1);
}

/* A slot whose last commands can't be flushed is nobody's until the VINTF ends */
static void test_sid_unflushed(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct fake_vintf *vintf = &fake->vintf[1];
	struct tegra241_vsmmu_device *a, *b;
	struct tegra241_hw_queue *hwq;
	struct tegra241_vsmmu *tv;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	hwq = new_queue(fake, tv, 0, page_to_phys(queue_pages(test)), SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(hwq));
	a = new_vdev(fake, tv, 0x101, 1);
	KUNIT_ASSERT_EQ(test, 0, init_vdev(a));

	fake->flush_ret = -ETIMEDOUT;
	destroy_vdev(a);
	fake->flush_ret = 0;
	KUNIT_EXPECT_EQ(test, 0, vintf->match[0]);
	KUNIT_EXPECT_EQ(test, vintf->replace[0], 0x101);

	b = new_vdev(fake, tv, 0x102, 2);
	KUNIT_ASSERT_EQ(test, 0, init_vdev(b));
	KUNIT_EXPECT_EQ(test, b->slot, 1);
	KUNIT_EXPECT_EQ(test, 0, vintf->match[0]);
	destroy_vdev(b);

	destroy_queue(fake, hwq);
	destroy_vsmmu(tv);
	expect_vintf_free(fake, 1);
}

static void test_sid_errors(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_vsmmu_device *vdev;
	struct arm_smmu_master *master;
	struct tegra241_vsmmu *tv;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);

	/* 64: wider than the register */
	vdev = new_vdev(fake, tv, 0x100, BIT(20));
	KUNIT_EXPECT_EQ(test, -EINVAL, init_vdev(vdev));
	vdev = new_vdev(fake, tv, 0x100, BIT_ULL(32));
	KUNIT_EXPECT_EQ(test, -EINVAL, init_vdev(vdev));
	vdev = new_vdev(fake, tv, BIT(20), 0);
	KUNIT_EXPECT_EQ(test, -EINVAL, init_vdev(vdev));
	/* 44: a device with two names */
	vdev = new_vdev(fake, tv, 0x100, 0);
	master = dev_iommu_priv_get(vdev->vdev.core.dev);
	master->num_streams = 2;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, init_vdev(vdev));

	destroy_vsmmu(tv);
	expect_vintf_free(fake, 1);
}

/* What has been read and written since the last time, the flushes apart */
static void expect_accesses(struct fake_cmdqv *fake, unsigned int writes,
			    unsigned int reads, const char *what)
{
	KUNIT_EXPECT_EQ_MSG(fake->test, fake->writes, writes, "%s", what);
	KUNIT_EXPECT_EQ_MSG(fake->test, fake->accesses - fake->writes, reads,
			    "%s", what);
	fake->writes = 0;
	fake->accesses = 0;
}

/*
 * What a VM that leaves its hardware alone costs: an access to the unit can take as long
 * as hundreds of instructions. Each of these has its reason in internals.rst; one that is
 * added needs one.
 */
static void test_accesses(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_vsmmu_device *vdev;
	struct tegra241_hw_queue *hwq;
	struct tegra241_vsmmu *tv;
	phys_addr_t pa;

	reset_unit(fake);
	pa = page_to_phys(queue_pages(test));
	expect_accesses(fake, fake->writes, fake->accesses - fake->writes, "");

	tv = alloc_vsmmu(fake, 3);
	expect_accesses(fake, 2, 2, "a VINTF begins");
	vdev = new_vdev(fake, tv, 0x101, 1);
	KUNIT_ASSERT_EQ(test, 0, init_vdev(vdev));
	expect_accesses(fake, 2, 0, "a SID slot begins");
	hwq = new_queue(fake, tv, 0, pa, SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(hwq));
	expect_accesses(fake, 3, 11, "a queue begins");
	destroy_queue(fake, hwq);
	expect_accesses(fake, 7, 10, "a queue ends");
	destroy_vdev(vdev);
	expect_accesses(fake, 2, 2, "a SID slot ends");
	destroy_vsmmu(tv);
	expect_accesses(fake, 2, 2, "a VINTF ends");
}

static struct kunit_case geometry_cases[] = {
	KUNIT_CASE(test_param),
	KUNIT_CASE(test_apertures),
	KUNIT_CASE(test_alloc_map),
	KUNIT_CASE(test_sid),
	KUNIT_CASE(test_queue_length),
	KUNIT_CASE(test_queue_base),
	{},
};

static struct kunit_suite geometry_suite = {
	.name = "tegra241-cmdqv-geometry",
	.test_cases = geometry_cases,
};

static struct kunit_case sequence_cases[] = {
	KUNIT_CASE(test_reset),
	KUNIT_CASE(test_reset_running),
	KUNIT_CASE_SLOW(test_reset_broken),
	KUNIT_CASE_SLOW(test_reset_broken_vintf0),
	KUNIT_CASE(test_device_disable),
	KUNIT_CASE(test_shutdown),
	KUNIT_CASE(test_supports_cmd),
	KUNIT_CASE_SLOW(test_fallback),
	KUNIT_CASE(test_fallback_early),
	KUNIT_CASE(test_host_error),
	KUNIT_CASE(test_hw_info),
	KUNIT_CASE(test_vintf),
	KUNIT_CASE_SLOW(test_vintf_errors),
	KUNIT_CASE_SLOW(test_vintf_stuck),
	KUNIT_CASE_SLOW(test_vintf_reclaimed),
	KUNIT_CASE(test_queue_hostile),
	KUNIT_CASE(test_queue_late_enable),
	KUNIT_CASE(test_queue_starts_after_flush),
	KUNIT_CASE(test_queue_starts_at_scrub),
	KUNIT_CASE(test_queue_recycled),
	KUNIT_CASE_SLOW(test_queue_errors),
	KUNIT_CASE_SLOW(test_queue_stuck),
	KUNIT_CASE_SLOW(test_queue_stuck_cured_early),
	KUNIT_CASE(test_queue_unflushed),
	KUNIT_CASE_SLOW(test_fence_stuck),
	KUNIT_CASE(test_sid_slots),
	KUNIT_CASE(test_sid_flush),
	KUNIT_CASE(test_sid_unflushed),
	KUNIT_CASE(test_sid_errors),
	KUNIT_CASE(test_accesses),
	{},
};

static struct kunit_suite sequence_suite = {
	.name = "tegra241-cmdqv-sequences",
	.init = cmdqv_test_init,
	.exit = cmdqv_test_exit,
	.test_cases = sequence_cases,
};

kunit_test_suites(&geometry_suite, &sequence_suite);

MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
MODULE_DESCRIPTION("KUnit tests for the Tegra241 CMDQV driver");
MODULE_LICENSE("GPL");
