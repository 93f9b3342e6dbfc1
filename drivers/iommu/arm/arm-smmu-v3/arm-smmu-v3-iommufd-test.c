// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of a guest's stream table entries: which words are accepted, what
 * STE is made of them, how it is written while DMA runs, where interrupts go
 * through; and of who can have a vSMMU, a vDEVICE and a VMID.
 *
 * Every test states a rule; "uapi" is the user ABI as include/uapi/linux/iommufd.h
 * documents it.
 */
#include <kunit/test.h>

#include "arm-smmu-v3-iommufd-test.h"

#define NUM_STE_QWORDS	STRTAB_STE_DWORDS

static int test_iopf_handler(struct iopf_group *group)
{
	return 0;
}

/* ----------------------------------------------- a guest's STE: validation */

static int set_vste(struct vsmmu_fixture *f, u64 ste0, u64 ste1)
{
	const __le64 vste[2] = { cpu_to_le64(ste0), cpu_to_le64(ste1) };

	return arm_smmu_nested_set_vste(&f->nested, vste);
}

#define VSTE_V		1ULL
#define VSTE_CFG(x)	((u64)(x) << 1)
#define VSTE_EATS(x)	((u64)(x) << 28)
#define VSTE_S1STALLD	BIT_ULL(27)

/* uapi: exactly these bits; written down again so that a wrong mask shows */
static const u64 vste_valid_bits[2] = {
	/* V, Config, S1Fmt, S1ContextPtr, S1CDMax */
	0x1ULL | 0xeULL | 0x30ULL | GENMASK_ULL(51, 6) | GENMASK_ULL(63, 59),
	/* S1DSS, S1CIR, S1COR, S1CSH, S1STALLD, EATS */
	0x3ULL | 0xcULL | 0x30ULL | 0xc0ULL | BIT_ULL(27) | GENMASK_ULL(29, 28),
};

/* Each single bit added to a good stage 1 entry is accepted or EIO */
static void vste_every_bit(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	unsigned int word, bit;

	for (word = 0; word != 2; word++) {
		for (bit = 0; bit != 64; bit++) {
			u64 ste[2] = { VSTE_V | VSTE_CFG(5), 0 };
			bool valid = vste_valid_bits[word] & BIT_ULL(bit);

			/* Fields whose value counts have tests of their own */
			if ((word == 0 && bit <= 3) ||
			    (word == 1 && (bit == 28 || bit == 29)))
				continue;
			ste[word] |= BIT_ULL(bit);
			KUNIT_EXPECT_EQ_MSG(test, set_vste(f, ste[0], ste[1]),
					    valid ? 0 : -EIO,
					    "word %u bit %u", word, bit);
			/* What was refused has left nothing */
			KUNIT_EXPECT_EQ(test, le64_to_cpu(f->nested.ste[0]),
					valid ? ste[0] : 0);
			KUNIT_EXPECT_EQ(test, le64_to_cpu(f->nested.ste[1]),
					valid ? ste[1] : 0);
		}
	}
}

/* Config is abort, bypass or stage 1; all else, stage 2 above all, is EIO */
static void vste_every_config(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	unsigned int cfg;

	for (cfg = 0; cfg != 8; cfg++)
		KUNIT_EXPECT_EQ_MSG(test,
				    set_vste(f, VSTE_V | VSTE_CFG(cfg), 0),
				    cfg == 0 || cfg == 4 || cfg == 5 ? 0 : -EIO,
				    "Config %u", cfg);
}

/* EATS is 0 or 1, and counts with stage 1 only */
static void vste_every_eats(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	static const unsigned int cfgs[] = { 0, 4, 5 };
	unsigned int i, eats;

	for (i = 0; i != ARRAY_SIZE(cfgs); i++) {
		for (eats = 0; eats != 4; eats++) {
			KUNIT_EXPECT_EQ_MSG(test,
					    set_vste(f,
						     VSTE_V | VSTE_CFG(cfgs[i]),
						     VSTE_EATS(eats)),
					    eats <= 1 ? 0 : -EIO,
					    "Config %u EATS %u", cfgs[i], eats);
			KUNIT_EXPECT_EQ(test, f->nested.enable_ats,
					cfgs[i] == 5 && eats == 1);
		}
	}
}

/* Without V nothing else counts: accepted, both words dropped, aborts */
static void vste_not_valid(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	struct arm_smmu_ste ste, abort;

	/* An entry from before must not shine through */
	KUNIT_ASSERT_EQ(test, set_vste(f, VSTE_V | VSTE_CFG(5), VSTE_EATS(1)), 0);

	KUNIT_EXPECT_EQ(test, set_vste(f, ~VSTE_V, ~0ULL), 0);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(f->nested.ste[0]), 0);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(f->nested.ste[1]), 0);
	KUNIT_EXPECT_FALSE(test, f->nested.enable_ats);

	arm_smmu_make_abort_ste(&abort);
	arm_smmu_make_nested_ste(&ste, &f->master, &f->nested, true);
	KUNIT_EXPECT_MEMEQ(test, &ste, &abort, sizeof(ste));
}

/* ---------------------------------------------- what STE is made of that */

/* Abort is the abort STE, whatever the other fields say and whatever ATS is */
static void nested_ste_abort(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	struct arm_smmu_ste ste, abort;
	unsigned int ats;

	arm_smmu_make_abort_ste(&abort);
	KUNIT_ASSERT_EQ(test,
			set_vste(f, vste_valid_bits[0] & ~0xeULL,
				 vste_valid_bits[1] & ~VSTE_EATS(2)), 0);
	for (ats = 0; ats != 2; ats++) {
		memset(&ste, 0xff, sizeof(ste));
		arm_smmu_make_nested_ste(&ste, &f->master, &f->nested, ats);
		KUNIT_EXPECT_MEMEQ(test, &ste, &abort, sizeof(ste));
	}
}

/* Bypass is the nest parent's own STE, whatever the other fields say */
static void nested_ste_bypass(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	struct arm_smmu_ste ste, s2;
	unsigned int ats;

	KUNIT_ASSERT_EQ(test,
			set_vste(f, (vste_valid_bits[0] & ~0xeULL) | VSTE_CFG(4),
				 vste_valid_bits[1] & ~VSTE_EATS(2)), 0);
	for (ats = 0; ats != 2; ats++) {
		arm_smmu_make_s2_domain_ste(&s2, &f->master, &f->s2_parent, ats);
		memset(&ste, 0xff, sizeof(ste));
		arm_smmu_make_nested_ste(&ste, &f->master, &f->nested, ats);
		KUNIT_EXPECT_MEMEQ(test, &ste, &s2, sizeof(ste));
	}
}

static u64 ste_word(const struct arm_smmu_ste *ste, unsigned int i)
{
	return le64_to_cpu(ste->data[i]);
}

/* The STE for a guest's stage 1 entry, compared word by word */
static void expect_stage1_ste(struct kunit *test, const u64 vste[2], bool ats)
{
	struct vsmmu_fixture *f = test->priv;
	struct arm_smmu_ste ste, s2;
	u64 word1;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, set_vste(f, vste[0], vste[1]), 0);
	arm_smmu_make_s2_domain_ste(&s2, &f->master, &f->s2_parent, ats);
	memset(&ste, 0xff, sizeof(ste));
	arm_smmu_make_nested_ste(&ste, &f->master, &f->nested, ats);

	KUNIT_EXPECT_EQ(test, ste_word(&ste, 0),
			(vste[0] & ~0xeULL) | VSTE_CFG(7));

	/* S1DSS to S1CSH; MEV; S2FWB, SHCFG as in the parent; no stalls */
	word1 = (vste[1] & 0xffULL) | BIT_ULL(19) | BIT_ULL(25) |
		FIELD_PREP(GENMASK_ULL(45, 44), 1) | VSTE_S1STALLD |
		VSTE_EATS(ats);
	KUNIT_EXPECT_EQ(test, ste_word(&ste, 1), word1);

	for (i = 2; i != NUM_STE_QWORDS; i++)
		KUNIT_EXPECT_EQ(test, ste_word(&ste, i), ste_word(&s2, i));
	KUNIT_EXPECT_EQ(test, ste_word(&ste, 2) & GENMASK_ULL(15, 0), TEST_VMID);
}

/*
 * With stage 1 the words 2 to 7, which have VMID, table and format of stage 2,
 * are the nest parent's; of the first two the guest's fields are the guest's and
 * everything else is the kernel's. For every bit that a guest can set, alone and
 * all but this one.
 */
static void nested_ste_stage1_fields(struct kunit *test)
{
	unsigned int n;

	for (n = 0; n != 2 * 2 * 2 * 64; n++) {
		u64 bit = BIT_ULL(n % 64);
		unsigned int word = n / 64 % 2;
		bool others = n / 128 % 2;
		u64 vste[2];

		vste[0] = others ? vste_valid_bits[0] : 0;
		vste[1] = others ? vste_valid_bits[1] : 0;
		vste[word] ^= bit & vste_valid_bits[word];
		vste[0] &= ~0xeULL;
		vste[0] |= VSTE_V | VSTE_CFG(5);
		vste[1] &= ~VSTE_EATS(2);
		expect_stage1_ste(test, vste, n / 256);
	}
}

/* The guest's wish for ATS never gets into the STE by itself */
static void nested_ste_eats_is_the_hosts(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	struct arm_smmu_ste ste;

	KUNIT_ASSERT_EQ(test, set_vste(f, VSTE_V | VSTE_CFG(5), VSTE_EATS(1)), 0);
	arm_smmu_make_nested_ste(&ste, &f->master, &f->nested, false);
	KUNIT_EXPECT_EQ(test, ste_word(&ste, 1) & VSTE_EATS(3), 0);
	arm_smmu_make_nested_ste(&ste, &f->master, &f->nested, true);
	KUNIT_EXPECT_EQ(test, ste_word(&ste, 1) & VSTE_EATS(3), VSTE_EATS(1));
}

/*
 * J98: a guest's stage 1 stalls transactions only if the device can and somebody
 * handles it. Stage 2 never stalls below a guest's stage 1, unless the hardware
 * knows nothing else.
 */
static void nested_ste_stalls(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	static const struct {
		u32 features;		/* of the SMMU */
		bool device, handler, queue, guest_stalld;
		bool attachable, s1stalld, s2s;
	} table[] = {
		/* No stalls: the fields are reserved */
		{ 0, 0, 0, 0, 0, true, false, false },
		{ 0, 0, 0, 0, 1, true, false, false },
		/* Stalls by choice, a device that can't, however it asks */
		{ ARM_SMMU_FEAT_STALLS, 0, 0, 0, 0, true, true, false },
		{ ARM_SMMU_FEAT_STALLS, 0, 1, 1, 0, true, true, false },
		/* ... that can, and nobody listens or nobody calls */
		{ ARM_SMMU_FEAT_STALLS, 1, 0, 0, 0, true, true, false },
		{ ARM_SMMU_FEAT_STALLS, 1, 0, 1, 0, true, true, false },
		{ ARM_SMMU_FEAT_STALLS, 1, 1, 0, 0, true, true, false },
		/* ... and somebody does: the guest's choice */
		{ ARM_SMMU_FEAT_STALLS, 1, 1, 1, 0, true, false, false },
		{ ARM_SMMU_FEAT_STALLS, 1, 1, 1, 1, true, true, false },
		/* Nothing but stalls: S1STALLD set and S2S clear are illegal */
		{ ARM_SMMU_FEAT_STALLS | ARM_SMMU_FEAT_STALL_FORCE,
		  1, 0, 0, 0, false, false, true },
		{ ARM_SMMU_FEAT_STALLS | ARM_SMMU_FEAT_STALL_FORCE,
		  1, 1, 0, 0, false, false, true },
		{ ARM_SMMU_FEAT_STALLS | ARM_SMMU_FEAT_STALL_FORCE,
		  1, 1, 1, 0, true, false, true },
		{ ARM_SMMU_FEAT_STALLS | ARM_SMMU_FEAT_STALL_FORCE,
		  1, 1, 1, 1, true, false, true },
	};
	struct iommu_fault_param fault_param;
	struct arm_smmu_ste ste;
	unsigned int i;

	for (i = 0; i != ARRAY_SIZE(table); i++) {
		bool attachable, s1stalld, s2s;
		u64 vste1 = 0;

		f->smmu.features &= ~(ARM_SMMU_FEAT_STALLS |
				      ARM_SMMU_FEAT_STALL_FORCE);
		f->smmu.features |= table[i].features;
		f->master.stall_enabled = table[i].device;
		f->nested.domain.iopf_handler = NULL;
		if (table[i].handler)
			f->nested.domain.iopf_handler = test_iopf_handler;
		RCU_INIT_POINTER(f->dev_iommu.fault_param,
				 table[i].queue ? &fault_param : NULL);
		if (table[i].guest_stalld)
			vste1 = VSTE_S1STALLD;
		KUNIT_ASSERT_EQ(test, set_vste(f, VSTE_V | VSTE_CFG(5), vste1),
				0);

		attachable = arm_smmu_nested_attachable(&f->nested, &f->master);
		KUNIT_EXPECT_EQ_MSG(test, attachable, table[i].attachable,
				    "row %u", i);
		arm_smmu_make_nested_ste(&ste, &f->master, &f->nested, false);
		s1stalld = ste_word(&ste, 1) & VSTE_S1STALLD;
		KUNIT_EXPECT_EQ_MSG(test, s1stalld, table[i].s1stalld,
				    "row %u", i);
		s2s = ste_word(&ste, 2) & STRTAB_STE_2_S2S;
		KUNIT_EXPECT_EQ_MSG(test, s2s, table[i].s2s, "row %u", i);

		/* Without stage 1 there is nothing to stall */
		KUNIT_ASSERT_EQ(test, set_vste(f, VSTE_V | VSTE_CFG(4), 0), 0);
		attachable = arm_smmu_nested_attachable(&f->nested, &f->master);
		KUNIT_EXPECT_TRUE(test, attachable);
	}
}

/* No guest owns a stage 1 that could make DMA non-coherent */
static void nested_needs_coherency(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	static const unsigned int cfgs[] = { 0, 4, 5 };
	unsigned int n, i;

	for (n = 0; n != 4; n++) {
		bool fwb = n & 1, canwbs = n & 2;
		size_t size;

		f->smmu.features &= ~ARM_SMMU_FEAT_S2FWB;
		if (fwb)
			f->smmu.features |= ARM_SMMU_FEAT_S2FWB;
		f->fwspec.flags = IOMMU_FWSPEC_PCI_RC_ATS;
		if (canwbs)
			f->fwspec.flags = IOMMU_FWSPEC_PCI_RC_CANWBS;

		size = arm_smmu_get_viommu_size(&f->dev,
						IOMMU_VIOMMU_TYPE_ARM_SMMUV3);
		KUNIT_EXPECT_EQ(test, !!size, fwb || canwbs);
		/* Also for a device that joins a VM later */
		for (i = 0; i != ARRAY_SIZE(cfgs); i++) {
			bool ok;

			KUNIT_ASSERT_EQ(test,
					set_vste(f, VSTE_V | VSTE_CFG(cfgs[i]),
						 0), 0);
			ok = arm_smmu_nested_attachable(&f->nested, &f->master);
			KUNIT_EXPECT_EQ(test, ok, fwb || canwbs);
		}
	}
}

/* -------------------------------------------------------------- interrupts */

/*
 * MSI pages are mapped where a device's MSI ends up: in the nest parent, whatever
 * the guest's entry says at the time when the interrupt is allocated.
 */
static void nested_msi_domain(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	static const u64 vstes[] = { 0, VSTE_ABORT, VSTE_BYPASS, VSTE_STAGE1 };
	struct iommu_domain *domain;
	unsigned int i;

	for (i = 0; i != ARRAY_SIZE(vstes); i++) {
		domain = vsmmu_fixture_nested(test, vstes[i]);
		KUNIT_ASSERT_NOT_NULL(test, domain->ops->get_msi_mapping_domain);
		KUNIT_EXPECT_PTR_EQ_MSG(test,
					domain->ops->get_msi_mapping_domain(domain),
					&f->s2_parent.domain, "Config %llu",
					vstes[i] >> 1);
		domain->ops->free(domain);
	}
}

/* ------------------------------------------------------------ the vIOMMU */

static size_t test_impl_viommu_size(enum iommu_viommu_type type)
{
	return type == IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV ? 4711 : 0;
}

/* Who can have a vSMMU, of which type */
static void viommu_size_refusals(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	static const struct arm_smmu_impl_ops impl_ops = {
		.get_viommu_size = test_impl_viommu_size,
	};
	static const struct arm_smmu_impl_ops no_viommu_ops = {};
	const size_t own = sizeof(struct arm_vsmmu);
	size_t (*size)(struct device *dev, enum iommu_viommu_type type) =
		arm_smmu_get_viommu_size;

	KUNIT_EXPECT_EQ(test, size(&f->dev, IOMMU_VIOMMU_TYPE_ARM_SMMUV3), own);
	KUNIT_EXPECT_EQ(test, size(&f->dev, IOMMU_VIOMMU_TYPE_DEFAULT), 0);
	KUNIT_EXPECT_EQ(test, size(&f->dev, IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV), 0);

	f->smmu.impl_ops = &no_viommu_ops;
	KUNIT_EXPECT_EQ(test, size(&f->dev, IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV), 0);
	f->smmu.impl_ops = &impl_ops;
	KUNIT_EXPECT_EQ(test, size(&f->dev, IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV),
			4711);
	KUNIT_EXPECT_EQ(test, size(&f->dev, IOMMU_VIOMMU_TYPE_ARM_SMMUV3), own);
	KUNIT_EXPECT_EQ(test, size(&f->dev, 0xdead), 0);

	f->smmu.options = ARM_SMMU_OPT_CMDQ_FORCE_SYNC;
	KUNIT_EXPECT_EQ(test, size(&f->dev, IOMMU_VIOMMU_TYPE_ARM_SMMUV3), 0);
	KUNIT_EXPECT_EQ(test, size(&f->dev, IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV), 0);
	f->smmu.options = 0;
	f->smmu.features &= ~ARM_SMMU_FEAT_NESTING;
	KUNIT_EXPECT_EQ(test, size(&f->dev, IOMMU_VIOMMU_TYPE_ARM_SMMUV3), 0);
	KUNIT_EXPECT_EQ(test, size(&f->dev, IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV), 0);
}

static int test_impl_vsmmu_init_fails(struct arm_vsmmu *vsmmu, struct device *dev,
				      const struct iommu_user_data *user_data)
{
	/* Everything that an implementation relies on is there */
	if (!vsmmu->smmu || !vsmmu->s2_parent || !vsmmu->vmid ||
	    vsmmu->vmid->id != TEST_VMID)
		return -EINVAL;
	return -ENOSPC;
}

/*
 * A vSMMU stands on a nest parent of its own SMMU and holds the VMID (I2, J97);
 * if it can't be made it holds nothing.
 */
static void viommu_init_and_vmid(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	static const struct arm_smmu_impl_ops impl_ops = {
		.vsmmu_init = test_impl_vsmmu_init_fails,
	};
	static const struct iommu_ops ops = {}, other_ops = {};
	struct arm_smmu_device other_smmu = {};
	struct arm_vsmmu *vsmmu = &f->vsmmu;

	f->smmu.iommu.ops = &ops;
	f->smmu.impl_ops = &impl_ops;
	f->s2_parent.domain.owner = &ops;
	vsmmu->core.type = IOMMU_VIOMMU_TYPE_ARM_SMMUV3;

	f->s2_parent.domain.owner = &other_ops;
	KUNIT_EXPECT_EQ(test, arm_vsmmu_init(&vsmmu->core, &f->s2_parent.domain,
					     &f->dev, NULL), -EINVAL);
	f->s2_parent.domain.owner = &ops;
	f->s2_parent.nest_parent = false;
	KUNIT_EXPECT_EQ(test, arm_vsmmu_init(&vsmmu->core, &f->s2_parent.domain,
					     &f->dev, NULL), -EINVAL);
	f->s2_parent.nest_parent = true;
	f->s2_parent.smmu = &other_smmu;
	KUNIT_EXPECT_EQ(test, arm_vsmmu_init(&vsmmu->core, &f->s2_parent.domain,
					     &f->dev, NULL), -EINVAL);
	f->s2_parent.smmu = &f->smmu;
	KUNIT_EXPECT_EQ(test, kref_read(&f->vmid.kref), 1);

	vsmmu->core.type = IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV;
	KUNIT_EXPECT_EQ(test, arm_vsmmu_init(&vsmmu->core, &f->s2_parent.domain,
					     &f->dev, NULL), -ENOSPC);
	KUNIT_EXPECT_EQ(test, kref_read(&f->vmid.kref), 1);

	vsmmu->core.type = IOMMU_VIOMMU_TYPE_ARM_SMMUV3;
	KUNIT_ASSERT_EQ(test, arm_vsmmu_init(&vsmmu->core, &f->s2_parent.domain,
					     &f->dev, NULL), 0);
	KUNIT_EXPECT_PTR_EQ(test, vsmmu->smmu, &f->smmu);
	KUNIT_EXPECT_PTR_EQ(test, vsmmu->s2_parent, &f->s2_parent);
	KUNIT_EXPECT_EQ(test, kref_read(&f->vmid.kref), 2);
	vsmmu->core.ops->destroy(&vsmmu->core);
	KUNIT_EXPECT_EQ(test, kref_read(&f->vmid.kref), 1);
}

/*
 * J97: a VMID is given back by its last holder, and only when the TLBs have nothing
 * of it any more.
 */
static void vmid_last_holder(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	struct arm_smmu_vmid *vmid, *second;
	u64 cmd[2];

	/* VMID 1 is the only one: 0 is reserved */
	f->smmu.vmid_bits = 1;
	vmid = arm_smmu_vmid_alloc(&f->smmu);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vmid);
	KUNIT_EXPECT_EQ(test, vmid->id, 1);
	KUNIT_EXPECT_PTR_EQ(test, arm_smmu_vmid_get(vmid), vmid);

	arm_smmu_vmid_put(vmid);
	KUNIT_EXPECT_EQ(test, vsmmu_fixture_num_cmds(f), 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR(arm_smmu_vmid_alloc(&f->smmu)), -ENOSPC);

	arm_smmu_vmid_put(vmid);
	KUNIT_ASSERT_EQ(test, vsmmu_fixture_num_cmds(f), 2);
	vsmmu_fixture_cmd(f, 0, cmd);
	/* TLBI_S12_VMALL of VMID 1, and CMD_SYNC */
	KUNIT_EXPECT_EQ(test, cmd[0], 0x28 | BIT_ULL(32));
	KUNIT_EXPECT_EQ(test, cmd[1], 0);
	vsmmu_fixture_cmd(f, 1, cmd);
	KUNIT_EXPECT_EQ(test, cmd[0] & 0xff, 0x46);

	second = arm_smmu_vmid_alloc(&f->smmu);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, second);
	arm_smmu_vmid_put(second);
}

/* The same, when the hardware does not say that they have nothing of it */
static void vmid_timeout(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	struct arm_smmu_vmid *vmid;

	f->smmu.vmid_bits = 1;
	vmid = arm_smmu_vmid_alloc(&f->smmu);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vmid);
	f->smmu.cmdq.q.cons_reg = (u32 __iomem *)&f->cmdq_stuck;
	arm_smmu_vmid_put(vmid);
	KUNIT_EXPECT_EQ(test, PTR_ERR(arm_smmu_vmid_alloc(&f->smmu)), -ENOSPC);
}

/*
 * When there is no VMID any more for a nest parent the caller hears of it, and
 * nothing is flushed in the name of a domain that never had one.
 */
static void nest_parent_without_vmid(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	struct arm_smmu_vmid *vmid;
	struct iommu_domain *domain;

	f->smmu.dev = &f->dev;
	f->smmu.features |= ARM_SMMU_FEAT_TRANS_S1 | ARM_SMMU_FEAT_TRANS_S2 |
			    ARM_SMMU_FEAT_COHERENCY;
	f->smmu.pgsize_bitmap = SZ_4K | SZ_2M | SZ_1G;
	f->smmu.ias = 44;
	f->smmu.oas = 44;
	f->smmu.vmid_bits = 1;
	vmid = arm_smmu_vmid_alloc(&f->smmu);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vmid);

	domain = arm_smmu_domain_alloc_user(&f->dev,
					    IOMMU_HWPT_ALLOC_NEST_PARENT, NULL,
					    NULL);
	KUNIT_EXPECT_EQ(test, PTR_ERR(domain), -ENOSPC);
	KUNIT_EXPECT_EQ(test, vsmmu_fixture_num_cmds(f), 0);

	/* Which was the reason */
	arm_smmu_vmid_put(vmid);
	domain = arm_smmu_domain_alloc_user(&f->dev,
					    IOMMU_HWPT_ALLOC_NEST_PARENT, NULL,
					    NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, domain);
	KUNIT_EXPECT_TRUE(test, to_smmu_domain(domain)->nest_parent);
	domain->ops->free(domain);
}

/* A vDEVICE is one stream, behind the vSMMU's SMMU, under a StreamID */
static void vdevice_init_refusals(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	struct arm_smmu_device other_smmu = {};
	struct arm_vsmmu_device vdev = {
		.core = {
			.viommu = &f->vsmmu.core,
			.dev = &f->dev,
			.virt_id = U32_MAX,
		},
	};

	f->master.num_streams = 2;
	KUNIT_EXPECT_EQ(test, arm_vsmmu_vdevice_init(&vdev.core), -EOPNOTSUPP);
	f->master.num_streams = 0;
	KUNIT_EXPECT_EQ(test, arm_vsmmu_vdevice_init(&vdev.core), -EOPNOTSUPP);
	f->master.num_streams = 1;
	f->master.smmu = &other_smmu;
	KUNIT_EXPECT_EQ(test, arm_vsmmu_vdevice_init(&vdev.core), -EINVAL);
	f->master.smmu = &f->smmu;
	vdev.core.virt_id = (u64)U32_MAX + 1;
	KUNIT_EXPECT_EQ(test, arm_vsmmu_vdevice_init(&vdev.core), -EINVAL);
	vdev.core.virt_id = U32_MAX;
	KUNIT_EXPECT_EQ(test, arm_vsmmu_vdevice_init(&vdev.core), 0);
	KUNIT_EXPECT_EQ(test, vdev.sid, TEST_PSID);
	KUNIT_EXPECT_PTR_EQ(test, vdev.master, &f->master);
}

/* -------------------------------------------- whose ATC stage 2 has to reach */

/* The first and the last step of an attach; the group's domain is @group_domain */
static int attach(struct vsmmu_fixture *f, struct iommu_domain *domain,
		  struct iommu_domain *group_domain)
{
	struct arm_smmu_attach_state state = {
		.old_domain = group_domain,
		.master = &f->master,
		.ssid = IOMMU_NO_PASID,
	};
	int ret;

	mutex_lock(&arm_smmu_asid_lock);
	ret = arm_smmu_attach_prepare(&state, domain);
	if (!ret)
		arm_smmu_attach_commit(&state);
	mutex_unlock(&arm_smmu_asid_lock);
	return ret;
}

/* The nest parent's list has the device once, or not at all for no @domain */
static void expect_on_list(struct kunit *test, struct iommu_domain *domain,
			   bool full_flush)
{
	struct vsmmu_fixture *f = test->priv;
	struct arm_smmu_master_domain *md;

	KUNIT_ASSERT_EQ(test, list_count_nodes(&f->s2_parent.devices),
			domain ? 1 : 0);
	if (!domain)
		return;
	md = list_first_entry(&f->s2_parent.devices,
			      struct arm_smmu_master_domain, devices_elm);
	KUNIT_EXPECT_PTR_EQ(test, md->domain, domain);
	KUNIT_EXPECT_PTR_EQ(test, md->master, &f->master);
	KUNIT_EXPECT_EQ(test, md->nested_ats_flush, full_flush);
}

/*
 * However a device moves between a nest parent, nested domains on it and others,
 * the nest parent's list has it exactly once, under the domain that is attached;
 * also when the core goes back to the group's domain after a failed change.
 */
static void nested_devices_list(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	struct arm_smmu_nested_domain ats = {
		.domain.type = IOMMU_DOMAIN_NESTED,
		.vsmmu = &f->vsmmu,
		.enable_ats = true,
	};
	struct iommu_domain *s2 = &f->s2_parent.domain;
	struct iommu_domain *nested = &f->nested.domain;
	struct iommu_domain blocked = { .type = IOMMU_DOMAIN_BLOCKED };

	KUNIT_EXPECT_EQ(test, attach(f, s2, NULL), 0);
	expect_on_list(test, s2, false);
	KUNIT_EXPECT_EQ(test, attach(f, nested, s2), 0);
	expect_on_list(test, nested, false);
	KUNIT_EXPECT_EQ(test, attach(f, &ats.domain, nested), 0);
	expect_on_list(test, &ats.domain, true);
	KUNIT_EXPECT_EQ(test, attach(f, &blocked, &ats.domain), 0);
	expect_on_list(test, NULL, false);
	KUNIT_EXPECT_EQ(test, attach(f, nested, &blocked), 0);
	expect_on_list(test, nested, false);

	/* The group never came to have the new domain */
	KUNIT_EXPECT_EQ(test, attach(f, &ats.domain, nested), 0);
	KUNIT_EXPECT_EQ(test, attach(f, nested, nested), 0);
	expect_on_list(test, nested, false);
	KUNIT_EXPECT_EQ(test, attach(f, &blocked, nested), 0);
	KUNIT_EXPECT_EQ(test, attach(f, nested, nested), 0);
	expect_on_list(test, nested, false);

	/* A promise of coherency is kept, and what is refused leaves nothing */
	f->s2_parent.enforce_cache_coherency = true;
	KUNIT_EXPECT_EQ(test, attach(f, s2, nested), -EINVAL);
	expect_on_list(test, nested, false);
	f->fwspec.flags = IOMMU_FWSPEC_PCI_RC_CANWBS;
	KUNIT_EXPECT_EQ(test, attach(f, s2, nested), 0);
	expect_on_list(test, s2, false);

	KUNIT_EXPECT_EQ(test, attach(f, &blocked, s2), 0);
	expect_on_list(test, NULL, false);
}

/* ---------------------------------------------- writing it while DMA runs */

struct ste_test_writer {
	struct arm_smmu_entry_writer writer;
	struct kunit *test;
	const struct arm_smmu_ste *init;
	const struct arm_smmu_ste *target;
	struct arm_smmu_ste *ste;
	bool invalid;
	unsigned int num_syncs;
};

/*
 * Whether the hardware, which looks at the bits @used of @ste, sees @what. MEV
 * only lets events be merged: it may come early and go late.
 */
static bool ste_looks_like(const struct arm_smmu_ste *ste, const __le64 *used,
			   const struct arm_smmu_ste *what)
{
	unsigned int i;

	for (i = 0; i != NUM_STE_QWORDS; i++) {
		__le64 differ = (ste->data[i] & used[i]) ^ what->data[i];

		if (i == 1)
			differ &= ~cpu_to_le64(STRTAB_STE_1_MEV);
		if (differ)
			return false;
	}
	return true;
}

static void ste_test_sync(struct arm_smmu_entry_writer *writer)
{
	struct ste_test_writer *w =
		container_of(writer, struct ste_test_writer, writer);
	__le64 used[NUM_STE_QWORDS] = {};
	bool seen;

	w->num_syncs++;
	if (!(w->ste->data[0] & cpu_to_le64(STRTAB_STE_0_V))) {
		w->invalid = true;
		return;
	}
	/* What the hardware can see is the old entry or the new one */
	arm_smmu_get_ste_used(w->ste->data, used);
	seen = ste_looks_like(w->ste, used, w->init) ||
	       ste_looks_like(w->ste, used, w->target);
	KUNIT_EXPECT_TRUE(w->test, seen);
}

static const struct arm_smmu_entry_writer_ops ste_test_ops = {
	.sync = ste_test_sync,
	.get_used = arm_smmu_get_ste_used,
};

static void expect_transition(struct kunit *test, const char *what,
			      const struct arm_smmu_ste *from,
			      const struct arm_smmu_ste *to, bool hitless)
{
	struct arm_smmu_ste ste = *from;
	struct ste_test_writer w = {
		.writer.ops = &ste_test_ops,
		.test = test,
		.init = from,
		.target = to,
		.ste = &ste,
	};
	__le64 used[NUM_STE_QWORDS] = {};
	unsigned int i;

	/* The writer warns of a bit that is set but not declared used */
	arm_smmu_get_ste_used(to->data, used);
	for (i = 0; i != NUM_STE_QWORDS; i++)
		KUNIT_EXPECT_FALSE_MSG(test, !!(to->data[i] & ~used[i]),
				       "%s: word %u", what, i);

	arm_smmu_write_entry(&w.writer, ste.data, to->data);
	KUNIT_EXPECT_EQ_MSG(test, w.invalid, !hitless, "%s", what);
	KUNIT_EXPECT_GT_MSG(test, w.num_syncs, 0, "%s", what);
	KUNIT_EXPECT_MEMEQ_MSG(test, &ste, to, sizeof(ste), "%s", what);
}

/*
 * A device moves between abort, bypass, the nest parent and a guest's stage 1
 * without a moment in which its STE is anything else.
 */
static void ste_writer_hitless(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	struct arm_smmu_ste abort, s2, bypass, host_bypass, s1;
	unsigned int ats;

	arm_smmu_make_abort_ste(&abort);
	arm_smmu_make_bypass_ste(&f->smmu, &host_bypass);
	for (ats = 0; ats != 2; ats++) {
		arm_smmu_make_s2_domain_ste(&s2, &f->master, &f->s2_parent, ats);
		KUNIT_ASSERT_EQ(test, set_vste(f, VSTE_V | VSTE_CFG(4), 0), 0);
		arm_smmu_make_nested_ste(&bypass, &f->master, &f->nested, ats);
		KUNIT_ASSERT_EQ(test,
				set_vste(f, VSTE_V | VSTE_CFG(5) |
					    0x0000123456789a80ULL |
					    2ULL << 4 | 10ULL << 59, 0xd6), 0);
		arm_smmu_make_nested_ste(&s1, &f->master, &f->nested, ats);

		expect_transition(test, "abort to nested", &abort, &s1, true);
		expect_transition(test, "nested to abort", &s1, &abort, true);
		expect_transition(test, "bypass to nested", &bypass, &s1, true);
		expect_transition(test, "nested to bypass", &s1, &bypass, true);
		expect_transition(test, "stage 2 to nested", &s2, &s1, true);
		expect_transition(test, "nested to stage 2", &s1, &s2, true);
		expect_transition(test, "abort to bypass", &abort, &bypass, true);
		expect_transition(test, "bypass to abort", &bypass, &abort, true);
	}

	/* Another table of the guest, same attributes: one word */
	KUNIT_ASSERT_EQ(test, set_vste(f, VSTE_V | VSTE_CFG(5) |
					  0x0000023456789a00ULL, 0xd6), 0);
	arm_smmu_make_nested_ste(&s2, &f->master, &f->nested, true);
	expect_transition(test, "nested to nested", &s1, &s2, true);
}

/* EATS is in a word of its own: with Config it takes two steps, each hitless */
static void ste_writer_eats_step(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	struct arm_smmu_ste from, between, to;
	unsigned int ats;

	for (ats = 0; ats != 2; ats++) {
		KUNIT_ASSERT_EQ(test, set_vste(f, VSTE_V | VSTE_CFG(4), 0), 0);
		arm_smmu_make_nested_ste(&from, &f->master, &f->nested, ats);
		KUNIT_ASSERT_EQ(test, set_vste(f, VSTE_V | VSTE_CFG(5) |
						  0x0000123456789a80ULL, 0x5),
				0);
		arm_smmu_make_nested_ste(&between, &f->master, &f->nested, ats);
		arm_smmu_make_nested_ste(&to, &f->master, &f->nested, !ats);
		expect_transition(test, "Config", &from, &between, true);
		expect_transition(test, "EATS", &between, &to, true);
		/* Which is what the step is for */
		expect_transition(test, "both", &from, &to, false);
	}
}

/*
 * Between a guest's stage 1 and a stage 1 of the host's the STE is invalid for a
 * moment, and never the host's Config with the guest's pointer or VMID.
 */
static void ste_writer_host_stage1(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	struct arm_smmu_ste cdtable, s1;
	unsigned int e2h;

	f->master.cd_table.cdtab_dma = 0xF0F0F0F0F0C0;
	f->master.cd_table.s1cdmax = 5;
	f->master.cd_table.s1fmt = STRTAB_STE_0_S1FMT_64K_L2;
	for (e2h = 0; e2h != 2; e2h++) {
		if (e2h)
			f->smmu.features |= ARM_SMMU_FEAT_E2H;
		arm_smmu_make_cdtable_ste(&cdtable, &f->master, false,
					  STRTAB_STE_1_S1DSS_SSID0);
		KUNIT_ASSERT_EQ(test,
				set_vste(f, VSTE_V | VSTE_CFG(5) |
					    0x0000123456789a80ULL |
					    2ULL << 4 | 5ULL << 59, 0xd6), 0);
		arm_smmu_make_nested_ste(&s1, &f->master, &f->nested, false);
		expect_transition(test, "host to guest", &cdtable, &s1, false);
		expect_transition(test, "guest to host", &s1, &cdtable, false);
	}
}

static struct kunit_case arm_smmu_v3_iommufd_test_cases[] = {
	KUNIT_CASE(vste_every_bit),
	KUNIT_CASE(vste_every_config),
	KUNIT_CASE(vste_every_eats),
	KUNIT_CASE(vste_not_valid),
	KUNIT_CASE(nested_ste_abort),
	KUNIT_CASE(nested_ste_bypass),
	KUNIT_CASE(nested_ste_stage1_fields),
	KUNIT_CASE(nested_ste_eats_is_the_hosts),
	KUNIT_CASE(nested_ste_stalls),
	KUNIT_CASE(nested_needs_coherency),
	KUNIT_CASE(nested_msi_domain),
	KUNIT_CASE(viommu_size_refusals),
	KUNIT_CASE(viommu_init_and_vmid),
	KUNIT_CASE(vmid_last_holder),
	KUNIT_CASE_SLOW(vmid_timeout),
	KUNIT_CASE(nest_parent_without_vmid),
	KUNIT_CASE(vdevice_init_refusals),
	KUNIT_CASE(nested_devices_list),
	KUNIT_CASE(ste_writer_hitless),
	KUNIT_CASE(ste_writer_eats_step),
	KUNIT_CASE(ste_writer_host_stage1),
	{},
};

static struct kunit_suite arm_smmu_v3_iommufd_test_suite = {
	.name = "arm-smmu-v3-iommufd",
	.init = vsmmu_fixture_init,
	.exit = vsmmu_fixture_exit,
	.test_cases = arm_smmu_v3_iommufd_test_cases,
};

kunit_test_suites(&arm_smmu_v3_iommufd_test_suite);

MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
MODULE_DESCRIPTION("KUnit tests for SMMUv3 nested translation");
MODULE_LICENSE("GPL");
