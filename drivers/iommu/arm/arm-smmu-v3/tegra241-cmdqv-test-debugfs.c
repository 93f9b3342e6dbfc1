// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the Tegra241 CMDQV driver: what the administrator sees. Each record
 * says what the unit is, at that moment, and reading it changes nothing.
 */

#include <linux/seq_file.h>
#include <linux/string.h>

#include "tegra241-cmdqv-test-vm.h"

/* What @show says, as text, after which everything is as it was */
static char *shown(struct fake_cmdqv *fake,
		   int (*show)(struct seq_file *m, void *v))
{
	struct seq_file m = {
		.size = SZ_4K,
		.private = fake->cmdqv,
	};
	unsigned int writes = fake->writes;

	m.buf = kunit_kzalloc(fake->test, m.size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fake->test, m.buf);
	KUNIT_EXPECT_EQ(fake->test, 0, show(&m, NULL));
	KUNIT_EXPECT_FALSE(fake->test, seq_has_overflowed(&m));
	KUNIT_EXPECT_EQ(fake->test, fake->writes, writes);
	return m.buf;
}

static __printf(3, 4)
void expect_shown(struct fake_cmdqv *fake,
		  int (*show)(struct seq_file *m, void *v), const char *fmt, ...)
{
	va_list args;
	char *text;

	text = kunit_kzalloc(fake->test, SZ_4K, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fake->test, text);
	va_start(args, fmt);
	vscnprintf(text, SZ_4K, fmt, args);
	va_end(args);
	KUNIT_EXPECT_STREQ(fake->test, shown(fake, show), text);
}

#define UNIT_HAS "version=1 vintfs=4 vcmdqs=8 lvcmdqs_per_vintf=2 sids_per_vintf=16 max_log2_entries=8"
#define UNIT_IS "param=0x4231 config=0x%x status=0x%x base=0x0000004200000000 size=0x100000\n"
#define SMMU_IS "smmu iidr=0x43b aidr=0x0 idr0=0x0 idr1=0x0 idr3=0x0 idr5=0x0 nesting=%d s2fwb=%d coherent=%d nest_vm=%d\n"

/* The unit and its SMMU, on and off, and what VMs can have of it */
static void test_unit(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_cmdqv *cmdqv = fake->cmdqv;
	const char *name = dev_name(cmdqv->dev);
	void __iomem *base = cmdqv->smmu.base;

	/*
	 * The files come before the SMMU's registers are mapped, and go when these are not
	 * any more. And nobody has asked yet what this kernel is to the unit.
	 */
	cmdqv->smmu.base = NULL;
	expect_shown(fake, tegra241_unit_show,
		     "unit smmu=%s cmdqv=%s role=- state=stopped " UNIT_HAS
		     " vm_usable=0 " UNIT_IS,
		     name, name, 0, 0);
	*(u32 __force *)(base + ARM_SMMU_IIDR) = 0x43b;
	cmdqv->smmu.base = base;
	tegra241_view_smmu(cmdqv);
	cmdqv->smmu.base = NULL;

	reset_unit(fake);
	cmdqv->smmu.features = ARM_SMMU_FEAT_NESTING | ARM_SMMU_FEAT_S2FWB |
			       ARM_SMMU_FEAT_COHERENCY;
	cmdqv->irq = 33;
	tegra241_cmdqv_isr(33, cmdqv);
	tegra241_cmdqv_isr(33, cmdqv);
	expect_shown(fake, tegra241_unit_show,
		     "unit smmu=%s cmdqv=%s role=host state=running " UNIT_HAS
		     " vm_usable=1 " UNIT_IS SMMU_IS
		     "interrupt irq=33 count=2\n",
		     name, name, 1, 1, 1, 1, 1, 1);

	/* One of the two is not enough for VMs */
	cmdqv->smmu.options = ARM_SMMU_OPT_CMDQ_FORCE_SYNC;
	KUNIT_EXPECT_NOT_NULL(test, strstr(shown(fake, tegra241_unit_show),
					   " nesting=1 s2fwb=1 coherent=1 nest_vm=0\n"));
	cmdqv->smmu.options = 0;
	cmdqv->smmu.features = ARM_SMMU_FEAT_S2FWB;
	KUNIT_EXPECT_NOT_NULL(test, strstr(shown(fake, tegra241_unit_show),
					   " nesting=0 s2fwb=1 coherent=0 nest_vm=0\n"));

	cmdqv->irq = 0;
	cmdqv->smmu.base = base;
	tegra241_cmdqv_impl_ops.device_disable(&cmdqv->smmu);
	cmdqv->smmu.base = NULL;
	expect_shown(fake, tegra241_unit_show,
		     "unit smmu=%s cmdqv=%s role=host state=stopped " UNIT_HAS
		     " vm_usable=0 " UNIT_IS SMMU_IS,
		     name, name, 0, 0, 0, 1, 0, 0);
	cmdqv->smmu.base = base;
}

/* While the unit is probed there is no VINTF0 yet; inside a VM there is nothing else */
static void test_unit_early_and_guest(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_host_vintf *vintf0 = fake->cmdqv->vintf0;
	struct tegra241_host_vcmdq *second = vintf0->lvcmdqs[1];

	fake->cmdqv->vintf0 = NULL;
	KUNIT_EXPECT_NOT_NULL(test, strstr(shown(fake, tegra241_unit_show),
					   " role=- state=stopped "));
	expect_shown(fake, tegra241_vintfs_show,
		     "total vintfs=3 taken=0 ended=0 aside=0 per_device=4 interrupts=0 brakes=0\n");
	expect_shown(fake, tegra241_vcmdqs_show, "%s", "");
	expect_shown(fake, tegra241_sids_show, "%s", "");
	fake->cmdqv->vintf0 = vintf0;

	fake->guest = true;
	reset_unit(fake);
	/* Nor has it all of its queues at once */
	vintf0->lvcmdqs[1] = NULL;
	KUNIT_EXPECT_NOT_NULL(test, strstr(shown(fake, tegra241_vcmdqs_show),
					   "q=0 "));
	KUNIT_EXPECT_NULL(test, strstr(shown(fake, tegra241_vcmdqs_show),
				       "q=1 "));
	vintf0->lvcmdqs[1] = second;

	KUNIT_EXPECT_NOT_NULL(test, strstr(shown(fake, tegra241_unit_show),
					   " role=guest state=running "));
	KUNIT_EXPECT_NOT_NULL(test, strstr(shown(fake, tegra241_unit_show),
					   " vm_usable=0 "));
	KUNIT_EXPECT_NOT_NULL(test, strstr(shown(fake, tegra241_vintfs_show),
					   " hyp_own=0 queues=2 errors=0 config=0x1 "));
}

#define VINTF0 "vintf0 enabled=1 hyp_own=1 queues=2 errors=%d config=0x20001 status=0x1\n"

/* Who has what (J93), which is what the unit says, and what has happened there */
static void test_vintfs(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct device *one = new_device(test, "one");
	struct device *two = new_device(test, "two");
	struct tegra241_vsmmu *a, *b;
	struct tegra241_hw_queue *hwq;
	const struct cred *old;

	reset_unit(fake);
	expect_shown(fake, tegra241_vintfs_show,
		     "total vintfs=3 taken=0 ended=0 aside=0 per_device=4 interrupts=0 brakes=0\n"
		     VINTF0, 0);

	a = alloc_vsmmu_by(fake, 7, one);
	old = become(test, 1000);
	b = alloc_vsmmu_by(fake, 9, two);
	unbecome(old);
	hwq = new_queue(fake, b, 0, page_to_phys(queue_pages(test)), SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(hwq));
	fake->vcmdq[4].gerror ^= BIT(0);
	fake_cmdqv_interrupt(fake, 2);
	/* That was one; the same once more is none */
	fake_cmdqv_interrupt(fake, 2);
	expect_shown(fake, tegra241_vintfs_show,
		     "total vintfs=3 taken=2 ended=0 aside=0 per_device=4 interrupts=2 brakes=0\n"
		     VINTF0
		     "vintf v=1 vmid=0x7 device=%s user=0 queues=0 ended=0 fenced=0 masked=0 interrupts=0 brakes=0 config=0xf status=0x1 sids=0 errors=0\n"
		     "vintf v=2 vmid=0x9 device=%s user=1000 queues=1 ended=0 fenced=0 masked=0 interrupts=1 brakes=0 config=0x13 status=0x1 sids=0 errors=1\n",
		     0, dev_name(one), dev_name(two));

	/* One has ended, and its VINTF will not */
	fake->vintf[1].no_disable = true;
	destroy_vsmmu(a);
	destroy_queue(fake, hwq);
	fake->vcmdq[0].gerror ^= BIT(0);
	fake_cmdqv_interrupt(fake, 0);
	expect_shown(fake, tegra241_vintfs_show,
		     "total vintfs=3 taken=2 ended=1 aside=0 per_device=4 interrupts=2 brakes=0\n"
		     VINTF0
		     "vintf v=1 vmid=0x7 device=%s user=0 queues=0 ended=1 fenced=1 masked=1 interrupts=0 brakes=0 config=0xe status=0x1 sids=0 errors=0\n"
		     "vintf v=2 vmid=0x9 device=%s user=1000 queues=0 ended=0 fenced=0 masked=0 interrupts=1 brakes=0 config=0x13 status=0x1 sids=0 errors=1\n",
		     1, dev_name(one), dev_name(two));
	fake->vintf[1].no_disable = false;
	tegra241_quarantine_look(&fake->cmdqv->quarantine);
	destroy_vsmmu(b);
	expect_shown(fake, tegra241_vintfs_show,
		     "total vintfs=3 taken=0 ended=0 aside=0 per_device=4 interrupts=2 brakes=0\n"
		     VINTF0, 1);
}

#define VCMDQ_HOST0 "vcmdq q=0 v=0 l=0 owner=host entries=256 base=0x80000000 prod=0x0 cons=0x0 cons_err=0 config=0x1 status=0x1 gerror=0x0 gerrorn=0x0 alloc=0x1\n"
#define VCMDQ_HOST1 "vcmdq q=1 v=0 l=1 owner=host entries=256 base=0x80001000 prod=0x0 cons=0x0 cons_err=0 config=0x1 status=0x1 gerror=0x0 gerrorn=0x0 alloc=0x3\n"

/* Geometry, indices and errors of each queue, from when it is mapped until it is not */
static void test_vcmdqs(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	phys_addr_t pa = page_to_phys(queue_pages(test));
	struct tegra241_hw_queue *hwq, *next;
	struct tegra241_vsmmu *tv;

	expect_shown(fake, tegra241_vcmdqs_show, "%s", "");
	reset_unit(fake);
	expect_shown(fake, tegra241_vcmdqs_show, VCMDQ_HOST0 VCMDQ_HOST1);

	tv = alloc_vsmmu(fake, 3);
	hwq = new_queue(fake, tv, 0, pa, SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(hwq));
	next = new_queue(fake, tv, 1, pa + SZ_4K, 512);
	KUNIT_ASSERT_EQ(test, 0, init_queue(next));
	/* It stands at an illegal command, with the wrap bit set */
	fake->vcmdq[3].prod = 0x25;
	fake->vcmdq[3].cons = 0x1000021;
	fake->vcmdq[3].gerror = 1;
	fake->vcmdq[3].config = VCMDQ_EN;
	fake->vcmdq[3].status = VCMDQ_ENABLED;
	expect_shown(fake, tegra241_vcmdqs_show, VCMDQ_HOST0 VCMDQ_HOST1
		     "vcmdq q=2 v=1 l=0 owner=vm entries=256 base=0x%llx prod=0x0 cons=0x0 cons_err=0 config=0x0 status=0x0 gerror=0x0 gerrorn=0x0 alloc=0x8001\n"
		     "vcmdq q=3 v=1 l=1 owner=vm entries=32 base=0x%llx prod=0x25 cons=0x21 cons_err=1 config=0x1 status=0x1 gerror=0x1 gerrorn=0x0 alloc=0x8003\n",
		     pa, pa + SZ_4K);

	destroy_queue(fake, next);
	expect_shown(fake, tegra241_vcmdqs_show, VCMDQ_HOST0 VCMDQ_HOST1
		     "vcmdq q=2 v=1 l=0 owner=vm entries=256 base=0x%llx prod=0x0 cons=0x0 cons_err=0 config=0x0 status=0x0 gerror=0x0 gerrorn=0x0 alloc=0x8001\n",
		     pa);
	destroy_queue(fake, hwq);
	expect_shown(fake, tegra241_vcmdqs_show, VCMDQ_HOST0 VCMDQ_HOST1);

	/* One that can't be mapped has never been there */
	hwq = new_queue(fake, tv, 0, pa, SZ_4K);
	fake->drop_map = 2;
	KUNIT_EXPECT_EQ(test, -EIO, init_queue(hwq));
	fake->drop_map = -1;
	expect_shown(fake, tegra241_vcmdqs_show, VCMDQ_HOST0 VCMDQ_HOST1);
	fake->vcmdq[2].want_base = 0;
	destroy_vsmmu(tv);

	/* Of a unit that is off nothing is read but whether it is */
	tegra241_cmdqv_impl_ops.device_disable(&fake->cmdqv->smmu);
	expect_shown(fake, tegra241_vcmdqs_show, "%s", "");
	expect_shown(fake, tegra241_vintfs_show,
		     "total vintfs=3 taken=0 ended=0 aside=0 per_device=4 interrupts=0 brakes=0\n"
		     "vintf0 enabled=0 hyp_own=1 queues=0 errors=0\n");
}

/* A queue that would not stop is there for as long as it does not, and so is its VINTF */
static void test_stuck(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct page *page = queue_pages(test);
	struct fake_vcmdq *vcmdq = &fake->vcmdq[2];
	struct tegra241_hw_queue *hwq;
	struct tegra241_vsmmu *tv;
	char stuck[128];

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	hwq = new_queue(fake, tv, 0, page_to_phys(page), SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(hwq));
	vcmdq->config = VCMDQ_EN;
	vcmdq->status = VCMDQ_ENABLED;
	vcmdq->stuck = true;
	destroy_queue(fake, hwq);

	snprintf(stuck, sizeof(stuck),
		 "\nvcmdq q=2 v=1 l=0 owner=stuck entries=256 base=0x%llx prod=0x0 ",
		 page_to_phys(page));
	KUNIT_EXPECT_NOT_NULL(test, strstr(shown(fake, tegra241_vcmdqs_show),
					   stuck));
	/* Not mapped any more */
	KUNIT_EXPECT_NOT_NULL(test, strstr(shown(fake, tegra241_vcmdqs_show),
					   " status=0x1 gerror=0x0 gerrorn=0x0 alloc=0x8000\n"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(shown(fake, tegra241_vintfs_show),
					   " queues=0 ended=0 fenced=1 "));

	destroy_vsmmu(tv);
	KUNIT_EXPECT_NOT_NULL(test, strstr(shown(fake, tegra241_vcmdqs_show),
					   " owner=stuck "));
	KUNIT_EXPECT_NOT_NULL(test, strstr(shown(fake, tegra241_vintfs_show),
					   "vintf v=1 vmid=0x3 "));
	vcmdq->stuck = false;
	tegra241_quarantine_look(&fake->cmdqv->quarantine);
	vcmdq->want_base = 0;
	expect_shown(fake, tegra241_vcmdqs_show, VCMDQ_HOST0 VCMDQ_HOST1);
	expect_vintf_free(fake, 1);
}

/* What has not stopped since before the reset is nobody's, and is shown as well */
static void test_stuck_at_reset(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;

	fake->status = CMDQV_ENABLED;
	fake->vcmdq[3].stuck = true;
	fake->vcmdq[3].want_base = 1;
	fake->vcmdq[3].config = VCMDQ_EN;
	fake->vcmdq[3].status = VCMDQ_ENABLED;
	reset_unit(fake);
	expect_shown(fake, tegra241_vcmdqs_show, VCMDQ_HOST0 VCMDQ_HOST1
		     "vcmdq q=3 v=1 l=1 owner=stuck entries=0 base=0x0 prod=0x0 cons=0x0 cons_err=0 config=0x0 status=0x1 gerror=0x0 gerrorn=0x0 alloc=0x8002\n");
	KUNIT_EXPECT_NOT_NULL(test, strstr(shown(fake, tegra241_vintfs_show),
					   "total vintfs=3 taken=0 ended=0 aside=1 "));
	fake->vcmdq[3].stuck = false;
}

/* I3: a slot for each vDEVICE, with its device, which may go when the vDEVICE has */
static void test_sids(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_vsmmu_device *a, *b;
	struct tegra241_hw_queue *hwq;
	struct tegra241_vsmmu *tv;

	reset_unit(fake);
	tv = alloc_vsmmu(fake, 3);
	hwq = new_queue(fake, tv, 0, page_to_phys(queue_pages(test)), SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(hwq));
	expect_shown(fake, tegra241_sids_show, "%s", "");
	a = new_vdev(fake, tv, 0x108, 0x8);
	KUNIT_ASSERT_EQ(test, 0, init_vdev(a));
	b = new_vdev(fake, tv, 0xfffff, 0xffeff);
	KUNIT_ASSERT_EQ(test, 0, init_vdev(b));
	expect_shown(fake, tegra241_sids_show,
		     "sid v=1 slot=0 virt=0x8 phys=0x108 device=vdev given_up=0 match=0x11 replace=0x108\n"
		     "sid v=1 slot=1 virt=0xffeff phys=0xfffff device=vdev given_up=0 match=0x1ffdff replace=0xfffff\n");
	KUNIT_EXPECT_NOT_NULL(test, strstr(shown(fake, tegra241_vintfs_show),
					   " sids=2 errors=0\n"));

	/* One leaves in peace, the other one's last commands can't be flushed */
	destroy_vdev(b);
	fake->flush_ret = -ETIMEDOUT;
	destroy_vdev(a);
	fake->flush_ret = 0;
	memset((void *)a->vdev.core.dev, 0, sizeof(struct device));
	expect_shown(fake, tegra241_sids_show,
		     "sid v=1 slot=0 virt=0x8 phys=0x108 device=- given_up=1 match=0x0 replace=0x108\n");
	KUNIT_EXPECT_NOT_NULL(test, strstr(shown(fake, tegra241_vintfs_show),
					   " sids=1 errors=0\n"));
	/* What is known is shown when the unit is off and can't be asked */
	tegra241_cmdqv_impl_ops.device_disable(&fake->cmdqv->smmu);
	expect_shown(fake, tegra241_sids_show,
		     "sid v=1 slot=0 virt=0x8 phys=0x108 device=- given_up=1\n");
	/* With the VINTF that ends, too */
	destroy_queue(fake, hwq);
	destroy_vsmmu(tv);
	expect_shown(fake, tegra241_sids_show, "%s", "");
}

static struct kunit_case debugfs_cases[] = {
	KUNIT_CASE(test_unit),
	KUNIT_CASE(test_unit_early_and_guest),
	KUNIT_CASE_SLOW(test_vintfs),
	KUNIT_CASE(test_vcmdqs),
	KUNIT_CASE_SLOW(test_stuck),
	KUNIT_CASE_SLOW(test_stuck_at_reset),
	KUNIT_CASE(test_sids),
	{},
};

static struct kunit_suite debugfs_suite = {
	.name = "tegra241-cmdqv-debugfs",
	.init = cmdqv_test_init,
	.exit = cmdqv_test_exit,
	.test_cases = debugfs_cases,
};

kunit_test_suite(debugfs_suite);
