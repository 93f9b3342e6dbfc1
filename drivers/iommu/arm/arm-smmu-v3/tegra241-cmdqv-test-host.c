// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the Tegra241 CMDQV driver: the host side where firmware or hardware
 * is not what it should be. The SMMU goes on without the unit, nothing is left behind,
 * and what the unit may still read stays known to the driver.
 */

#include <linux/acpi.h>
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/ioport.h>
#include <linux/irq.h>
#include <linux/kthread.h>

#include <kunit/static_stub.h>

#include "tegra241-cmdqv-test-vm.h"

/*
 * Taking the unit into use, from what the SMMU's driver has found
 */

/*
 * An SMMU as its driver has it before the unit is there: devm memory of its device, a
 * reference on the unit's device. The fake unit learns where its registers are.
 */
static struct arm_smmu_device *new_smmu(struct fake_cmdqv *fake,
					struct device *unit)
{
	struct arm_smmu_device *smmu;
	struct device *dev;
	char *name;

	/* A test may have several, and devices keep their name */
	name = kunit_kzalloc(fake->test, 16, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fake->test, name);
	snprintf(name, 16, "smmu%u", fake->num_smmus++);
	dev = new_device(fake->test, name);
	smmu = devm_kzalloc(dev, sizeof(*smmu), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fake->test, smmu);
	smmu->dev = dev;
	smmu->impl_dev = get_device(unit);
	smmu->options = ARM_SMMU_OPT_TEGRA241_CMDQV;
	fake->base = NULL;
	return smmu;
}

static struct resource new_mem(phys_addr_t start, resource_size_t size)
{
	return DEFINE_RES_MEM(start, size);
}

/* Whoever gets @unit as impl_dev has let go of it again */
static void expect_refs(struct kunit *test, struct device *unit,
			unsigned int refs)
{
	KUNIT_EXPECT_EQ(test, kref_read(&unit->kobj.kref), refs);
}

/* Any number that nobody has */
static int new_irq(struct kunit *test)
{
	int irq = irq_alloc_desc(NUMA_NO_NODE);

	KUNIT_ASSERT_GT(test, irq, 0);
	irq_set_chip_and_handler(irq, &dummy_irq_chip, handle_simple_irq);
	irq_clear_status_flags(irq, IRQ_NOREQUEST);
	return irq;
}

/* The life of the unit from probe to remove, with VINTF0's real structures in between */
static void test_setup(struct kunit *test)
{
	struct resource mem = new_mem(FAKE_BASE_PHYS, SZ_1M);
	struct fake_cmdqv *fake = test->priv;
	struct device *unit = new_device(test, "unit");
	unsigned int refs = kref_read(&unit->kobj.kref);
	struct arm_smmu_device *smmu = new_smmu(fake, unit);
	struct tegra241_cmdqv *cmdqv;
	int irq = new_irq(test);
	u32 *idr;
	int i;

	KUNIT_ASSERT_EQ(test, 0, tegra241_cmdqv_setup(&smmu, &mem, irq));
	cmdqv = to_cmdqv(smmu);
	KUNIT_EXPECT_PTR_EQ(test, cmdqv->dev, unit);
	KUNIT_EXPECT_TRUE(test, cmdqv->base == fake->base);
	KUNIT_EXPECT_EQ(test, cmdqv->base_phys, FAKE_BASE_PHYS);
	KUNIT_EXPECT_EQ(test, cmdqv->size, SZ_1M);
	KUNIT_EXPECT_EQ(test, cmdqv->param.num_vcmdqs, FAKE_NUM_VCMDQS);
	KUNIT_EXPECT_PTR_EQ(test, smmu->impl_ops, &tegra241_cmdqv_init_ops);
	KUNIT_EXPECT_FALSE(test, cmdqv->running);
	KUNIT_EXPECT_NULL(test, cmdqv->vintf0);
	KUNIT_EXPECT_EQ(test, fake->writes, 0);
	/* The interrupt is the unit's */
	KUNIT_EXPECT_NE(test, 0,
			request_irq(irq, NULL, IRQF_ONESHOT, "other", test));

	idr = kunit_kzalloc(test, SZ_4K, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, idr);
	idr[ARM_SMMU_IDR1 / 4] = FIELD_PREP(IDR1_CMDQS, 5);
	smmu->base = (void __iomem __force *)idr;
	smmu->dev->coherent_dma_mask = DMA_BIT_MASK(48);
	smmu->dev->dma_mask = &smmu->dev->coherent_dma_mask;
	KUNIT_ASSERT_EQ(test, 0, smmu->impl_ops->init_structures(smmu));
	KUNIT_EXPECT_PTR_EQ(test, smmu->impl_ops, &tegra241_cmdqv_impl_ops);
	KUNIT_ASSERT_NOT_NULL(test, cmdqv->vintf0);
	for (i = 0; i < FAKE_NUM_LVCMDQS; i++) {
		struct arm_smmu_queue *q = &cmdqv->vintf0->lvcmdqs[i]->cmdq.q;

		/* 32 commands, in the form that VCMDQ_BASE has */
		KUNIT_EXPECT_EQ(test, q->llq.max_n_shift, 5);
		KUNIT_EXPECT_EQ(test, q->q_base, q->base_dma | 5);
	}
	KUNIT_EXPECT_EQ(test, fake->writes, 0);

	smmu->impl_ops->device_remove(smmu);
	KUNIT_EXPECT_NULL(test, cmdqv->vintf0);
	expect_refs(test, unit, refs);
	/* What is left of it can be freed: nobody has the interrupt any more */
	KUNIT_EXPECT_FALSE(test, irq_has_action(irq));
	irq_free_descs(irq, 1);
}

#ifdef CONFIG_DEBUG_FS
struct removal {
	struct kunit *test;
	struct arm_smmu_device *smmu;
	struct completion done;
};

static int remove_unit(void *data)
{
	struct removal *removal = data;

	current->kunit_test = removal->test;
	removal->smmu->impl_ops->device_remove(removal->smmu);
	current->kunit_test = NULL;
	complete_all(&removal->done);
	return 0;
}

/* Somebody reads a file of the unit's: it stays until he has done so, and then he can't */
static void test_remove_under_reader(struct kunit *test)
{
	struct resource mem = new_mem(FAKE_BASE_PHYS, SZ_1M);
	struct fake_cmdqv *fake = test->priv;
	struct device *unit = new_device(test, "unit");
	struct removal removal = { .test = test };
	struct tegra241_cmdqv *cmdqv;
	struct task_struct *thread;
	struct dentry *file;
	bool ended;

	removal.smmu = new_smmu(fake, unit);
	KUNIT_ASSERT_EQ(test, 0, tegra241_cmdqv_setup(&removal.smmu, &mem, 0));
	cmdqv = to_cmdqv(removal.smmu);
	file = debugfs_lookup("vintfs", cmdqv->view.dir);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	/* What a read begins with */
	KUNIT_ASSERT_EQ(test, 0, debugfs_file_get(file));

	init_completion(&removal.done);
	thread = kthread_run(remove_unit, &removal, "cmdqv-test");
	KUNIT_EXPECT_FALSE(test, IS_ERR(thread));
	msleep(100);
	ended = completion_done(&removal.done);
	/* All that the file shows is there */
	KUNIT_EXPECT_NOT_NULL(test, cmdqv->vm_errors);
	debugfs_file_put(file);
	wait_for_completion(&removal.done);
	KUNIT_EXPECT_FALSE(test, ended);
	KUNIT_EXPECT_EQ(test, -EIO, debugfs_file_get(file));
	dput(file);
}
#endif

/* A unit without an interrupt is one without events, and nothing else */
static void test_setup_no_irq(struct kunit *test)
{
	struct resource mem = new_mem(FAKE_BASE_PHYS, SZ_1M);
	struct fake_cmdqv *fake = test->priv;
	struct device *unit = new_device(test, "unit");
	unsigned int refs = kref_read(&unit->kobj.kref);
	struct arm_smmu_device *smmu = new_smmu(fake, unit);

	KUNIT_ASSERT_EQ(test, 0, tegra241_cmdqv_setup(&smmu, &mem, 0));
	KUNIT_EXPECT_PTR_EQ(test, smmu->impl_ops, &tegra241_cmdqv_init_ops);
	/* The SMMU's probe may fail before init_structures */
	smmu->impl_ops->device_remove(smmu);
	expect_refs(test, unit, refs);
}

/* What firmware says must make sense; nothing is written to what does not */
static void test_setup_refused(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct device *unit = new_device(test, "unit");
	struct arm_smmu_device *smmu = new_smmu(fake, unit);
	struct resource mem;

	/* Room for one VINTF is the least */
	mem = new_mem(FAKE_BASE_PHYS, tegra241_cmdqv_resource_size(1) - 1);
	KUNIT_EXPECT_EQ(test, -EINVAL, tegra241_cmdqv_setup(&smmu, &mem, 0));
	/* Past all that the CPU can address */
	mem = new_mem(BIT_ULL(60), SZ_1M);
	KUNIT_EXPECT_EQ(test, -ENOMEM, tegra241_cmdqv_setup(&smmu, &mem, 0));
	KUNIT_EXPECT_EQ(test, fake->accesses, 0);

	/* PARAM names four VINTFs, the resource has room for three */
	mem = new_mem(FAKE_BASE_PHYS, tegra241_cmdqv_resource_size(3));
	KUNIT_EXPECT_EQ(test, -EINVAL, tegra241_cmdqv_setup(&smmu, &mem, 0));
	KUNIT_EXPECT_EQ(test, fake->accesses, 1);

	/* More VINTFs than VCMDQs: what would each have? */
	fake->base = NULL;
	fake->param = 0x4211;
	mem = new_mem(FAKE_BASE_PHYS, SZ_1M);
	KUNIT_EXPECT_EQ(test, -EINVAL, tegra241_cmdqv_setup(&smmu, &mem, 0));

	/* A unit that is not there reads as all ones */
	fake->base = NULL;
	fake->param = U32_MAX;
	KUNIT_EXPECT_EQ(test, -EINVAL, tegra241_cmdqv_setup(&smmu, &mem, 0));
	fake->param = FAKE_PARAM;

	/* Nobody has this interrupt to give */
	fake->base = NULL;
	KUNIT_EXPECT_NE(test, 0, tegra241_cmdqv_setup(&smmu, &mem, INT_MAX));
	KUNIT_EXPECT_NULL(test, smmu->impl_ops);

	KUNIT_EXPECT_EQ(test, fake->writes, 0);
	put_device(unit);
}

/* No memory in what the SMMU can address: the unit is off, and all of it can go */
static void test_no_queue_memory(struct kunit *test)
{
	struct resource mem = new_mem(FAKE_BASE_PHYS, SZ_1M);
	struct fake_cmdqv *fake = test->priv;
	struct device *unit = new_device(test, "unit");
	struct arm_smmu_device *smmu = new_smmu(fake, unit);
	void *regs;

	KUNIT_ASSERT_EQ(test, 0, tegra241_cmdqv_setup(&smmu, &mem, 0));
	regs = kunit_kzalloc(test, SZ_4K, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, regs);
	smmu->base = (void __iomem __force *)regs;
	smmu->dev->coherent_dma_mask = DMA_BIT_MASK(12);
	smmu->dev->dma_mask = &smmu->dev->coherent_dma_mask;

	KUNIT_EXPECT_EQ(test, 0, smmu->impl_ops->init_structures(smmu));
	KUNIT_EXPECT_PTR_EQ(test, smmu->impl_ops, &tegra241_cmdqv_init_ops);
	KUNIT_EXPECT_FALSE(test, to_cmdqv(smmu)->running);
	KUNIT_EXPECT_EQ(test, 0, fake->config & CMDQV_EN);
	smmu->impl_ops->device_remove(smmu);
}

/*
 * Firmware
 */

static void expect_fallback(struct fake_cmdqv *fake, struct acpi_device *adev)
{
	struct arm_smmu_device *smmu = new_smmu(fake, &adev->dev);
	unsigned int refs = kref_read(&adev->dev.kobj.kref);

	KUNIT_EXPECT_PTR_EQ(fake->test, smmu, tegra241_cmdqv_probe(smmu));
	KUNIT_EXPECT_FALSE(fake->test,
			   smmu->options & ARM_SMMU_OPT_TEGRA241_CMDQV);
	KUNIT_EXPECT_NULL(fake->test, smmu->impl_ops);
	KUNIT_EXPECT_EQ(fake->test, fake->accesses, 0);
	expect_refs(fake->test, &adev->dev, refs - 1);
}

/* Whatever the tables lack, the SMMU goes on with its own queue */
static void test_probe(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct device_node node = {};
	struct arm_smmu_device *smmu;
	struct acpi_device *adev;

	adev = kunit_kzalloc(test, sizeof(*adev), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, adev);
	device_initialize(&adev->dev);
	adev->dev.init_name = "adev";

	/* Not from ACPI at all */
	smmu = new_smmu(fake, &adev->dev);
	smmu->dev->of_node = &node;
	KUNIT_EXPECT_PTR_EQ(test, smmu, tegra241_cmdqv_probe(smmu));
	KUNIT_EXPECT_FALSE(test, smmu->options & ARM_SMMU_OPT_TEGRA241_CMDQV);
	KUNIT_EXPECT_NULL(test, smmu->impl_ops);
	smmu->dev->of_node = NULL;

	/* No device in the namespace */
	expect_fallback(fake, adev);
	if (acpi_disabled)
		return;
	/* One without resources */
	adev->handle = ACPI_ROOT_OBJECT;
	expect_fallback(fake, adev);
	/* One with the wrong ones: QEMU's fw_cfg has 24 bytes, and no interrupt */
	if (ACPI_SUCCESS(acpi_get_handle(NULL, "\\_SB.FWCF", &adev->handle)))
		expect_fallback(fake, adev);
}

/*
 * VINTF0 of a unit that works, but not all of it
 */

/* The unit is off, and no queue comes back with it */
static void expect_reset_fails(struct fake_cmdqv *fake)
{
	struct arm_smmu_cmdq_ent ent = { .opcode = CMDQ_OP_TLBI_NH_VA };
	struct arm_smmu_device *smmu = &fake->cmdqv->smmu;
	int i;

	KUNIT_EXPECT_EQ(fake->test, 0,
			tegra241_cmdqv_impl_ops.device_reset(smmu));
	KUNIT_EXPECT_FALSE(fake->test, fake->cmdqv->running);
	KUNIT_EXPECT_FALSE(fake->test, tegra241_cmdqv_vm_usable(fake->cmdqv));
	KUNIT_EXPECT_NULL(fake->test,
			  tegra241_cmdqv_impl_ops.get_secondary_cmdq(smmu, &ent));
	KUNIT_EXPECT_FALSE(fake->test, fake->config & CMDQV_EN);
	for (i = 0; i < FAKE_NUM_VCMDQS; i++) {
		KUNIT_EXPECT_FALSE(fake->test,
				   fake->alloc[i] & CMDQV_CMDQ_ALLOCATED);
		KUNIT_EXPECT_EQ(fake->test, 0, fake->vcmdq[i].config);
		KUNIT_EXPECT_EQ(fake->test, 0, fake->vcmdq[i].base);
	}
	KUNIT_EXPECT_FALSE(fake->test, fake->vintf[0].config & VINTF_EN);
}

static void test_reset_queue_errors(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;

	/* The second queue does not get its place; the first one goes, too */
	fake->drop_map = 1;
	fake->alloc[1] = tegra241_alloc_map(2, 0);
	expect_reset_fails(fake);
	fake->drop_map = -1;

	/* It does not start */
	fake->vcmdq[1].no_enable = true;
	expect_reset_fails(fake);
	fake->vcmdq[1].no_enable = false;

	/* What was wrong has been mended, so all is well */
	reset_unit(fake);
}

/* A map that takes the place, but not ALLOCATED */
static void test_reset_no_map(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;

	fake->no_map = 1;
	expect_reset_fails(fake);
}

/* VINTF0 comes up and does not go down again: nothing in it is forgotten about */
static void test_reset_vintf0_stays(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;

	fake->vcmdq[1].no_enable = true;
	fake->vintf[0].no_disable = true;
	expect_reset_fails(fake);
	KUNIT_EXPECT_EQ(test, fake->vintf[0].status, VINTF_ENABLED);
}

/* The unit itself does not follow: no queue can be waited for, but none is left on */
static void test_reset_unit_stays_on(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;

	fake->config = CMDQV_EN;
	fake->status = CMDQV_ENABLED;
	fake->stays_on = true;
	expect_reset_fails(fake);
	KUNIT_EXPECT_EQ(test, fake->status, CMDQV_ENABLED);
}

/*
 * Going down, whatever the hardware does: what does not follow is asked all the same, and
 * the unit is turned off in the end
 */
static void test_disable_errors(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct arm_smmu_device *smmu = &fake->cmdqv->smmu;

	reset_unit(fake);
	/* An error that nobody has looked at, a queue that stays, no CMD_SYNC */
	fake->vcmdq[0].gerror ^= BIT(0);
	fake->vcmdq[1].stuck = true;
	fake->flush_ret = -ETIMEDOUT;
	fake->vintf[0].no_disable = true;
	fake->drop_map = 1;
	tegra241_cmdqv_impl_ops.device_disable(smmu);
	KUNIT_EXPECT_FALSE(test, fake->cmdqv->running);
	KUNIT_EXPECT_EQ(test, 0, fake->status);
	KUNIT_EXPECT_EQ(test, 0, fake->vcmdq[0].config);
	KUNIT_EXPECT_EQ(test, 0, fake->vcmdq[1].config);
	KUNIT_EXPECT_EQ(test, fake->vcmdq[0].gerror, fake->vcmdq[0].gerrorn);
	KUNIT_EXPECT_FALSE(test, fake->alloc[0] & CMDQV_CMDQ_ALLOCATED);
	KUNIT_EXPECT_FALSE(test, fake->vintf[0].config & VINTF_EN);
	/* The one that stays is VINTF0's still, for whoever looks at the unit */
	KUNIT_EXPECT_TRUE(test, fake->alloc[1] & CMDQV_CMDQ_ALLOCATED);
	fake->vcmdq[1].stuck = false;
}

static void test_disable_unit_stays_on(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	int i;

	reset_unit(fake);
	fake->stays_on = true;
	tegra241_cmdqv_impl_ops.device_disable(&fake->cmdqv->smmu);
	KUNIT_EXPECT_FALSE(test, fake->cmdqv->running);
	KUNIT_EXPECT_FALSE(test, fake->config & CMDQV_EN);
	for (i = 0; i < FAKE_NUM_VCMDQS; i++)
		expect_scrubbed(fake, &fake->vcmdq[i]);
}

/* VMs' hardware that runs on at a shutdown is asked to stop, all of it, and told of */
static void test_shutdown_stuck(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	phys_addr_t pa = page_to_phys(queue_pages(test));
	struct page *kept = queue_pages(test);
	struct tegra241_hw_queue *hwq, *next, *gone;
	struct tegra241_vsmmu *tv, *other, *fenced;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	hwq = new_queue(fake, tv, 0, pa, SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(hwq));
	/* One that has been in the quarantine since before */
	fenced = alloc_vsmmu(fake, 5);
	gone = new_queue(fake, fenced, 0, page_to_phys(kept), SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(gone));
	to_fake_vcmdq(fake, gone)->config = VCMDQ_EN;
	to_fake_vcmdq(fake, gone)->status = VCMDQ_ENABLED;
	to_fake_vcmdq(fake, gone)->stuck = true;
	destroy_queue(fake, gone);
	other = alloc_vsmmu(fake, 4);
	next = new_queue(fake, other, 0, pa + PAGE_SIZE, SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(next));

	fake->hostile = 1;
	fake->vcmdq[FAKE_NUM_LVCMDQS].stuck = true;
	fake->vintf[3].no_disable = true;
	tegra241_cmdqv_impl_ops.device_disable(&fake->cmdqv->smmu);
	fake->hostile = 0;
	KUNIT_EXPECT_FALSE(test, fake->cmdqv->running);
	KUNIT_EXPECT_EQ(test, 0, fake->status);
	/* Neither can be reached by its VM any more, and both have been asked */
	KUNIT_EXPECT_EQ(test, 0, fake->vcmdq[FAKE_NUM_LVCMDQS].config);
	KUNIT_EXPECT_FALSE(test, fake->alloc[FAKE_NUM_LVCMDQS] &
				 CMDQV_CMDQ_ALLOCATED);
	KUNIT_EXPECT_EQ(test, fake->vcmdq[FAKE_NUM_LVCMDQS].base,
			fake->vcmdq[FAKE_NUM_LVCMDQS].want_base);
	expect_scrubbed(fake, to_fake_vcmdq(fake, next));
	KUNIT_EXPECT_FALSE(test, fake->vintf[3].config & VINTF_EN);
	KUNIT_EXPECT_EQ(test, fake->vintf[3].status, VINTF_ENABLED);
	/* It reads its memory for ever, so that is kept */
	KUNIT_EXPECT_EQ(test, page_ref_count(kept), 2);

	fake->vcmdq[FAKE_NUM_LVCMDQS].stuck = false;
	fake->vintf[3].no_disable = false;
	to_fake_vcmdq(fake, gone)->stuck = false;
	destroy_queue(fake, hwq);
	destroy_queue(fake, next);
	destroy_vsmmu(tv);
	destroy_vsmmu(other);
	destroy_vsmmu(fenced);
	KUNIT_EXPECT_EQ(test, page_ref_count(kept), 1);
}

/*
 * Work
 */

/* The queues are left out while somebody debugs, and one that has stopped for itself */
static void test_bypass(struct kunit *test)
{
	struct arm_smmu_cmdq_ent ent = { .opcode = CMDQ_OP_TLBI_NH_VA };
	struct fake_cmdqv *fake = test->priv;
	struct arm_smmu_device *smmu = &fake->cmdqv->smmu;
	bool bypass = tegra241_bypass_vcmdq;
	int i;

	reset_unit(fake);
	tegra241_bypass_vcmdq = false;
	KUNIT_EXPECT_NOT_NULL(test,
			      tegra241_cmdqv_impl_ops.get_secondary_cmdq(smmu, &ent));
	tegra241_bypass_vcmdq = true;
	KUNIT_EXPECT_NULL(test,
			  tegra241_cmdqv_impl_ops.get_secondary_cmdq(smmu, &ent));
	tegra241_bypass_vcmdq = false;
	for (i = 0; i < FAKE_NUM_LVCMDQS; i++)
		fake->cmdqv->vintf0->lvcmdqs[i]->state =
			i & 1 ? TEGRA241_HOST_VCMDQ_OFF :
				TEGRA241_HOST_VCMDQ_WAITS;
	KUNIT_EXPECT_NULL(test,
			  tegra241_cmdqv_impl_ops.get_secondary_cmdq(smmu, &ent));
	for (i = 0; i < FAKE_NUM_LVCMDQS; i++)
		fake->cmdqv->vintf0->lvcmdqs[i]->state =
			TEGRA241_HOST_VCMDQ_ON;
	tegra241_bypass_vcmdq = bypass;
}

static irqreturn_t never(int irq, void *devid)
{
	return IRQ_NONE;
}

static bool irq_is_off(unsigned int irq)
{
	return irqd_irq_disabled(irq_get_irq_data(irq));
}

/*
 * The line itself goes off in a storm and on again after it, once each: who disables it
 * twice and enables it once has no interrupt any more. Nothing looks at a unit that has
 * been stopped, and a reset in between goes on looking.
 */
static void test_line_off(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_cmdqv *cmdqv = fake->cmdqv;
	struct work_struct *work = &cmdqv->storm.work.work;
	int i, irq = new_irq(test);

	reset_unit(fake);
	cmdqv->irq = irq;
	KUNIT_ASSERT_EQ(test, 0, request_irq(irq, never, 0, "cmdqv-test", test));
	KUNIT_ASSERT_FALSE(test, irq_is_off(irq));
	kunit_deactivate_static_stub(test, tegra241_storm_irq);

	for (i = 0; i < 250 && !irq_is_off(irq); i++)
		tegra241_cmdqv_isr(irq, cmdqv);
	KUNIT_EXPECT_GT(test, i, 100);
	KUNIT_EXPECT_TRUE(test, irq_is_off(irq));
	KUNIT_EXPECT_TRUE(test, cmdqv->storm.off);
	/* As many again, though one is all that can be under way */
	for (i = 0; i < 300; i++)
		tegra241_cmdqv_isr(irq, cmdqv);

	fake->storm_at = ULONG_MAX;
	work->func(work);
	KUNIT_EXPECT_NE(test, fake->storm_at, ULONG_MAX);
	KUNIT_EXPECT_TRUE(test, irq_is_off(irq));
	fake->storm_at = ULONG_MAX;
	reset_unit(fake);
	KUNIT_EXPECT_NE(test, fake->storm_at, ULONG_MAX);
	KUNIT_EXPECT_TRUE(test, irq_is_off(irq));

	fake->now += 10 * HZ;
	fake->storm_at = ULONG_MAX;
	work->func(work);
	KUNIT_EXPECT_FALSE(test, irq_is_off(irq));
	KUNIT_EXPECT_FALSE(test, cmdqv->storm.off);
	KUNIT_EXPECT_EQ(test, fake->storm_at, ULONG_MAX);

	/* The work itself, of a unit that is lost so that it touches nothing */
	kunit_deactivate_static_stub(test, tegra241_storm_schedule);
	cmdqv->storm.stopped = true;
	tegra241_storm_schedule(cmdqv);
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&cmdqv->storm.work));
	cmdqv->lost = true;
	cmdqv->storm.stopped = false;
	tegra241_storm_schedule(cmdqv);
	flush_delayed_work(&cmdqv->storm.work);
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&cmdqv->storm.work));
	cmdqv->lost = false;

	cmdqv->irq = 0;
	free_irq(irq, test);
	irq_free_descs(irq, 1);
}

/* VMs get something only from a unit that works, of which this kernel is the host */
static void test_usable(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_cmdqv *cmdqv = fake->cmdqv;

	reset_unit(fake);
	KUNIT_EXPECT_TRUE(test, tegra241_cmdqv_vm_usable(cmdqv));
	cmdqv->vintf0->enabled = false;
	KUNIT_EXPECT_FALSE(test, tegra241_cmdqv_vm_usable(cmdqv));
	cmdqv->vintf0->enabled = true;
	cmdqv->vintf0->hyp_own = false;
	KUNIT_EXPECT_FALSE(test, tegra241_cmdqv_vm_usable(cmdqv));
	cmdqv->vintf0->hyp_own = true;
	/* And that has more than its own VINTF */
	cmdqv->param.num_vintfs = 1;
	KUNIT_EXPECT_FALSE(test, tegra241_cmdqv_vm_usable(cmdqv));
	cmdqv->param.num_vintfs = FAKE_NUM_VINTFS;
	KUNIT_EXPECT_TRUE(test, tegra241_cmdqv_vm_usable(cmdqv));
}

/* The interrupt may come before VINTF0 is there, and before each of its queues is */
static void test_early_error(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_host_vintf *vintf0 = fake->cmdqv->vintf0;
	struct tegra241_host_vcmdq *second = vintf0->lvcmdqs[1];

	reset_unit(fake);
	fake->vcmdq[0].gerror ^= BIT(0);
	fake->vcmdq[1].gerror ^= BIT(0);

	fake->cmdqv->vintf0 = NULL;
	KUNIT_EXPECT_EQ(test, IRQ_HANDLED, tegra241_cmdqv_isr(0, fake->cmdqv));
	KUNIT_EXPECT_NE(test, fake->vcmdq[0].gerror, fake->vcmdq[0].gerrorn);
	fake->cmdqv->vintf0 = vintf0;

	vintf0->lvcmdqs[1] = NULL;
	KUNIT_EXPECT_EQ(test, IRQ_HANDLED, tegra241_cmdqv_isr(0, fake->cmdqv));
	KUNIT_EXPECT_EQ(test, fake->vcmdq[0].gerror, fake->vcmdq[0].gerrorn);
	KUNIT_EXPECT_NE(test, fake->vcmdq[1].gerror, fake->vcmdq[1].gerrorn);
	KUNIT_EXPECT_EQ(test, vintf0->errors, 1);
	vintf0->lvcmdqs[1] = second;
}

static struct kunit_case host_cases[] = {
	KUNIT_CASE(test_setup),
#ifdef CONFIG_DEBUG_FS
	KUNIT_CASE(test_remove_under_reader),
#endif
	KUNIT_CASE(test_setup_no_irq),
	KUNIT_CASE(test_setup_refused),
	KUNIT_CASE(test_no_queue_memory),
	KUNIT_CASE(test_probe),
	KUNIT_CASE_SLOW(test_reset_queue_errors),
	KUNIT_CASE(test_reset_no_map),
	KUNIT_CASE_SLOW(test_reset_vintf0_stays),
	KUNIT_CASE_SLOW(test_reset_unit_stays_on),
	KUNIT_CASE_SLOW(test_disable_errors),
	KUNIT_CASE_SLOW(test_disable_unit_stays_on),
	KUNIT_CASE_SLOW(test_shutdown_stuck),
	KUNIT_CASE(test_bypass),
	KUNIT_CASE(test_usable),
	KUNIT_CASE(test_line_off),
	KUNIT_CASE(test_early_error),
	{},
};

static struct kunit_suite host_suite = {
	.name = "tegra241-cmdqv-host",
	.init = cmdqv_test_init,
	.exit = cmdqv_test_exit,
	.test_cases = host_cases,
};

kunit_test_suite(host_suite);
