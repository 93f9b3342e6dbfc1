// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the Tegra241 CMDQV driver: hardware that is broken. The host survives,
 * nothing is let go of that hardware may still use, nobody waits for what can't come, and
 * no VM waits because of another one's hardware.
 */

#include <linux/ktime.h>

#include "tegra241-cmdqv-test-vm.h"

/* What a broken VM is made of */
struct broken_vm {
	struct tegra241_vsmmu *tv;
	struct tegra241_vsmmu_device *vdev;
	struct tegra241_hw_queue *hwq;
	struct page *page;
};

static struct broken_vm new_vm(struct fake_cmdqv *fake, u16 vmid)
{
	struct broken_vm vm;

	vm.tv = alloc_vsmmu(fake, vmid);
	vm.vdev = new_vdev(fake, vm.tv, 0x100 + vmid, vmid);
	KUNIT_ASSERT_EQ(fake->test, 0, init_vdev(vm.vdev));
	vm.page = queue_pages(fake->test);
	vm.hwq = new_queue(fake, vm.tv, 0, page_to_phys(vm.page), SZ_4K);
	KUNIT_ASSERT_EQ(fake->test, 0, init_queue(vm.hwq));
	to_fake_vcmdq(fake, vm.hwq)->config = VCMDQ_EN;
	to_fake_vcmdq(fake, vm.hwq)->status = VCMDQ_ENABLED;
	return vm;
}

static void end_vm(struct fake_cmdqv *fake, struct broken_vm *vm)
{
	struct fake_vcmdq *vcmdq = to_fake_vcmdq(fake, vm->hwq);
	bool stuck = vcmdq->stuck;

	/* What is lost keeps its BASE, and may */
	vcmdq->stuck |= fake->cmdqv->lost || fake->no_answer ||
			fake->param != FAKE_PARAM;
	destroy_queue(fake, vm->hwq);
	destroy_vdev(vm->vdev);
	destroy_vsmmu(vm->tv);
	vcmdq->stuck = stuck;
}

/* The unit answers again, and for once it is believed, so that nothing is left */
static void find_again(struct fake_cmdqv *fake)
{
	int q;

	fake->no_answer = false;
	fake->param = FAKE_PARAM;
	/* However well it looks, it is not taken back */
	if (fake->cmdqv->lost && !list_empty(&fake->cmdqv->quarantine.vintfs))
		KUNIT_EXPECT_TRUE(fake->test,
				  tegra241_quarantine_look(&fake->cmdqv->quarantine));
	fake->cmdqv->lost = false;
	KUNIT_EXPECT_FALSE(fake->test,
			   tegra241_quarantine_look(&fake->cmdqv->quarantine));
	for (q = FAKE_NUM_LVCMDQS; q < FAKE_NUM_VCMDQS; q++)
		fake->vcmdq[q].want_base = 0;
}

static bool uses_vintf0(struct fake_cmdqv *fake)
{
	struct arm_smmu_cmdq_ent ent = { .opcode = CMDQ_OP_TLBI_NH_VA };

	return tegra241_cmdqv_impl_ops.get_secondary_cmdq(&fake->cmdqv->smmu,
							  &ent);
}

/*
 * A unit that says nothing, or only that all is well, is lost from the first time on that
 * it is asked for something that matters: nothing is waited for, VINTF0 is left, no VM gets
 * anything, and what VMs have had is kept: memory, VINTF, VMID, SID slot.
 */
static void expect_lost(struct kunit *test, void (*lose)(struct fake_cmdqv *fake))
{
	struct iommu_user_data data = user_data(test, PROT_READ | PROT_WRITE);
	struct fake_cmdqv *fake = test->priv;
	unsigned int accesses;
	struct broken_vm vm;
	u32 type = IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV, length;
	u64 started;

	reset_unit(fake);
	vm = new_vm(fake, 3);
	KUNIT_EXPECT_EQ(test, 1, page_count(vm.page));
	lose(fake);

	accesses = fake->accesses;
	started = ktime_get_ns();
	end_vm(fake, &vm);
	KUNIT_EXPECT_TRUE(test, fake->cmdqv->lost);
	KUNIT_EXPECT_LT(test, fake->accesses - accesses, 60);
	/* A single time-out would be a second */
	KUNIT_EXPECT_LT(test, ktime_get_ns() - started, NSEC_PER_SEC);

	KUNIT_EXPECT_EQ(test, 2, page_count(vm.page));
	KUNIT_EXPECT_TRUE(test, test_bit(1, fake->cmdqv->vm_owners.taken));
	/* Garbage that is read must not be written back: it has HYP_OWN in it */
	KUNIT_EXPECT_EQ(test, 3, FIELD_GET(VINTF_VMID, fake->vintf[1].config));
	KUNIT_EXPECT_FALSE(test, fake->vintf[1].config & VINTF_HYP_OWN);

	accesses = fake->accesses;
	KUNIT_EXPECT_FALSE(test, uses_vintf0(fake));
	KUNIT_EXPECT_FALSE(test, tegra241_cmdqv_vm_usable(fake->cmdqv));
	KUNIT_EXPECT_EQ(test, -EIO, init_vsmmu(new_vsmmu(fake, 7), &data));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			PTR_ERR(tegra241_cmdqv_hw_info(&fake->cmdqv->smmu,
						       &length, &type)));
	KUNIT_EXPECT_EQ(test, fake->accesses, accesses);
	find_again(fake);
	KUNIT_EXPECT_EQ(test, 1, page_count(vm.page));
}

static void lose_to_ones(struct fake_cmdqv *fake)
{
	fake->no_answer = true;
	fake->answer = ~0ULL;
}

static void test_lost_ones(struct kunit *test)
{
	expect_lost(test, lose_to_ones);
}

static void lose_to_zeros(struct fake_cmdqv *fake)
{
	fake->no_answer = true;
	fake->answer = 0;
}

/* "Disabled, unmapped, no BASE": that is what zeros say */
static void test_lost_zeros(struct kunit *test)
{
	expect_lost(test, lose_to_zeros);
}

/*
 * What answers is another unit, or one that has forgotten what it was, and all goes well but
 * that. Its queue has stopped, as far as anybody can tell; the VMID is not given away.
 */
static void test_lost_param(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct broken_vm vm;

	reset_unit(fake);
	vm = new_vm(fake, 3);
	fake->param = 0x4241;
	end_vm(fake, &vm);
	KUNIT_EXPECT_TRUE(test, fake->cmdqv->lost);
	KUNIT_EXPECT_EQ(test, fake->vintf[1].status, 0);
	KUNIT_EXPECT_TRUE(test, test_bit(1, fake->cmdqv->vm_owners.taken));
	KUNIT_EXPECT_EQ(test, kref_read(&vm.tv->vsmmu.vmid->kref), 2);
	find_again(fake);
	KUNIT_EXPECT_EQ(test, kref_read(&vm.tv->vsmmu.vmid->kref), 1);
	expect_vintf_free(fake, 1);
}

/* A VM that lives on when the unit is lost: each of its ioctls ends, and says so */
static void test_lost_alive(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_vsmmu_device *vdev;
	struct tegra241_hw_queue *next;
	struct broken_vm vm;

	reset_unit(fake);
	vm = new_vm(fake, 3);
	vdev = new_vdev(fake, vm.tv, 0x104, 4);
	KUNIT_EXPECT_EQ(test, 0, init_vdev(vdev));
	lose_to_ones(fake);

	next = new_queue(fake, vm.tv, 1, page_to_phys(vm.page + 1), SZ_4K);
	KUNIT_EXPECT_EQ(test, -EIO, init_queue(next));
	KUNIT_EXPECT_TRUE(test, fake->cmdqv->lost);
	KUNIT_EXPECT_EQ(test, -EIO, init_queue(next));
	/* Nothing of it was ever mapped */
	KUNIT_EXPECT_EQ(test, 1, page_count(vm.page + 1));

	/*
	 * No device comes; one goes, and nobody gets its slot. That it has matched nothing
	 * any more is not to be found out
	 */
	fake->vintf[1].fenced = true;
	KUNIT_EXPECT_EQ(test, -EIO, init_vdev(new_vdev(fake, vm.tv, 0x105, 5)));
	destroy_vdev(vdev);
	KUNIT_EXPECT_TRUE(test, test_bit(vdev->slot, &vm.tv->vintf->sids));
	end_vm(fake, &vm);
	find_again(fake);
}

/* What a lost unit's error maps say is told to nobody, and nothing is acknowledged */
static void test_lost_interrupt(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	unsigned int writes, accesses;
	struct broken_vm vm;

	reset_unit(fake);
	vm = new_vm(fake, 3);
	lose_to_ones(fake);
	writes = fake->writes;
	accesses = fake->accesses;
	fake_cmdqv_interrupt(fake, 1);
	KUNIT_EXPECT_TRUE(test, fake->cmdqv->lost);
	KUNIT_EXPECT_EQ(test, fake->writes, writes);
	/* Not a register more than VINTF_ERR_MAP and PARAM */
	KUNIT_EXPECT_EQ(test, fake->accesses - accesses, 3);
	KUNIT_EXPECT_EQ(test, 0, fake->events);

	/* Nobody looks again */
	accesses = fake->accesses;
	fake_cmdqv_interrupt(fake, 1);
	KUNIT_EXPECT_EQ(test, fake->accesses, accesses);
	end_vm(fake, &vm);
	find_again(fake);
}

/* The same by the look at one VM's map, when the unit's map can't tell: all are in error */
static void test_lost_look(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct broken_vm vm;

	reset_unit(fake);
	vm = new_vm(fake, 3);
	lose_to_ones(fake);
	vm.tv->vsmmu.core.ops->veventq_added(&vm.tv->vsmmu.core,
					     IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV);
	KUNIT_EXPECT_EQ(test, 0, fake->events);
	KUNIT_EXPECT_TRUE(test, fake->cmdqv->lost);
	end_vm(fake, &vm);
	find_again(fake);
}

/* Lost between probe and reset: few accesses, no time-out, and the SMMU's own queue */
static void test_lost_at_reset(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	u64 started = ktime_get_ns();

	lose_to_ones(fake);
	KUNIT_EXPECT_EQ(test, 0,
			tegra241_cmdqv_impl_ops.device_reset(&fake->cmdqv->smmu));
	KUNIT_EXPECT_FALSE(test, fake->cmdqv->running);
	KUNIT_EXPECT_FALSE(test, uses_vintf0(fake));
	KUNIT_EXPECT_LT(test, fake->accesses, 100);
	KUNIT_EXPECT_LT(test, ktime_get_ns() - started, NSEC_PER_SEC);
	fake->no_answer = false;
}

/* Lost before a shutdown, with VMs that go on */
static void test_lost_at_shutdown(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct broken_vm vm;
	u64 started;

	reset_unit(fake);
	vm = new_vm(fake, 3);
	lose_to_ones(fake);
	started = ktime_get_ns();
	tegra241_cmdqv_impl_ops.device_disable(&fake->cmdqv->smmu);
	KUNIT_EXPECT_LT(test, ktime_get_ns() - started, NSEC_PER_SEC);
	/* It has been asked at least, if writes arrive */
	KUNIT_EXPECT_EQ(test, 0, fake->vcmdq[FAKE_NUM_LVCMDQS].config);
	KUNIT_EXPECT_EQ(test, 0, fake->config);
	KUNIT_EXPECT_FALSE(test, fake->vintf[1].config & VINTF_HYP_OWN);
	end_vm(fake, &vm);
	find_again(fake);
}

/* However many queues and VINTFs would not stop, a reset waits for a second for each kind */
static void test_reset_all_stuck(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	u64 started = ktime_get_ns();
	int i;

	for (i = FAKE_NUM_LVCMDQS; i < FAKE_NUM_VCMDQS; i++) {
		fake->vcmdq[i].config = VCMDQ_EN;
		fake->vcmdq[i].status = VCMDQ_ENABLED;
		fake->vcmdq[i].stuck = true;
		fake->vcmdq[i].want_base = 1;
	}
	for (i = 1; i < FAKE_NUM_VINTFS; i++) {
		fake->vintf[i].config = VINTF_EN | FIELD_PREP(VINTF_VMID, 9);
		fake->vintf[i].want_vmid = 9;
		fake->vintf[i].status = VINTF_ENABLED;
		fake->vintf[i].no_disable = true;
	}
	tegra241_cmdqv_impl_ops.device_reset(&fake->cmdqv->smmu);
	/* One by one it would be 9 seconds */
	KUNIT_EXPECT_LT(test, ktime_get_ns() - started, 5 * NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, *fake->cmdqv->vm_owners.aside, 0xe);
	KUNIT_EXPECT_TRUE(test, uses_vintf0(fake));

	started = ktime_get_ns();
	tegra241_cmdqv_impl_ops.device_disable(&fake->cmdqv->smmu);
	KUNIT_EXPECT_LT(test, ktime_get_ns() - started, 5 * NSEC_PER_SEC);
	for (i = FAKE_NUM_LVCMDQS; i < FAKE_NUM_VCMDQS; i++)
		fake->vcmdq[i].stuck = false;
	for (i = 1; i < FAKE_NUM_VINTFS; i++)
		fake->vintf[i].no_disable = false;
}

/* All queues of a VM stuck: a second for the first and one for the fence, in all */
static void test_vm_all_stuck(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_hw_queue *next;
	struct broken_vm vm;
	u64 started;

	reset_unit(fake);
	vm = new_vm(fake, 3);
	next = new_queue(fake, vm.tv, 1, page_to_phys(vm.page + 1), SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, init_queue(next));
	to_fake_vcmdq(fake, next)->config = VCMDQ_EN;
	to_fake_vcmdq(fake, next)->status = VCMDQ_ENABLED;
	fake->vcmdq[2].stuck = true;
	fake->vcmdq[3].stuck = true;
	fake->vintf[1].fenced = true;

	destroy_queue(fake, next);
	started = ktime_get_ns();
	/* The second one is not waited for, nor the VINTF again */
	end_vm(fake, &vm);
	KUNIT_EXPECT_LT(test, ktime_get_ns() - started, NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, 2, page_count(vm.page));
	KUNIT_EXPECT_EQ(test, 2, page_count(vm.page + 1));
	fake->vcmdq[2].stuck = false;
	fake->vcmdq[3].stuck = false;
	find_again(fake);
	KUNIT_EXPECT_EQ(test, 1, page_count(vm.page));
	KUNIT_EXPECT_EQ(test, 1, page_count(vm.page + 1));
	expect_vintf_free(fake, 1);
}

/* A VINTF that fails is the next VM's only if there is no other, until it has worked */
static void test_suspect(struct kunit *test)
{
	struct iommu_user_data data = user_data(test, PROT_READ | PROT_WRITE);
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_vsmmu *tv[2];
	struct broken_vm vm;

	reset_unit(fake);
	fake->vintf[1].no_enable = true;
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT,
			init_vsmmu(new_vsmmu(fake, 7), &data));
	tv[0] = alloc_vsmmu(fake, 3);
	KUNIT_EXPECT_EQ(test, 2, tv[0]->vintf->hw.idx);
	tv[1] = alloc_vsmmu(fake, 4);
	KUNIT_EXPECT_EQ(test, 3, tv[1]->vintf->hw.idx);
	/* Nobody is refused for it */
	fake->vintf[1].no_enable = false;
	vm = new_vm(fake, 5);
	KUNIT_EXPECT_EQ(test, 1, vm.tv->vintf->hw.idx);
	end_vm(fake, &vm);
	vm = new_vm(fake, 5);
	KUNIT_EXPECT_EQ(test, 1, vm.tv->vintf->hw.idx);
	end_vm(fake, &vm);
	destroy_vsmmu(tv[0]);
	destroy_vsmmu(tv[1]);

	/* The same for one whose queue can't be had */
	tv[0] = alloc_vsmmu(fake, 3);
	KUNIT_EXPECT_EQ(test, 1, tv[0]->vintf->hw.idx);
	fake->alloc[2] = 0;
	fake->drop_map = 2;
	vm.hwq = new_queue(fake, tv[0], 0, page_to_phys(vm.page), SZ_4K);
	KUNIT_EXPECT_EQ(test, -EIO, init_queue(vm.hwq));
	fake->drop_map = -1;
	to_fake_vcmdq(fake, vm.hwq)->want_base = 0;
	destroy_vsmmu(tv[0]);
	tv[0] = alloc_vsmmu(fake, 3);
	KUNIT_EXPECT_EQ(test, 2, tv[0]->vintf->hw.idx);
	destroy_vsmmu(tv[0]);
}

/* Accesses and CMD_SYNCs of a whole life of a VM */
static void live(struct fake_cmdqv *fake, unsigned int *accesses,
		 unsigned int *flushes)
{
	struct broken_vm vm;

	*accesses = fake->accesses;
	*flushes = fake->flushes;
	vm = new_vm(fake, 5);
	end_vm(fake, &vm);
	*accesses = fake->accesses - *accesses;
	*flushes = fake->flushes - *flushes;
}

/*
 * The bound that isolation.rst states, in what is waited for: a VM beside one whose queue
 * and VINTF don't stop makes the very same accesses as beside a good one, so it waits for
 * nothing of the other's.
 */
static void test_others_wait_for_nothing(struct kunit *test)
{
	unsigned int good[2], bad[2];
	struct fake_cmdqv *fake = test->priv;
	struct broken_vm vm;

	reset_unit(fake);
	vm = new_vm(fake, 3);
	live(fake, &good[0], &good[1]);

	fake->vcmdq[2].stuck = true;
	fake->vintf[1].no_disable = true;
	fake->vintf[1].fenced = true;
	fake->vintf[1].want_vmid = 3;
	end_vm(fake, &vm);
	live(fake, &bad[0], &bad[1]);
	KUNIT_EXPECT_EQ(test, good[0], bad[0]);
	KUNIT_EXPECT_EQ(test, good[1], bad[1]);

	fake->vcmdq[2].stuck = false;
	fake->vintf[1].no_disable = false;
	find_again(fake);
}

/*
 * The only ioctl that looks at what others have left is VIOMMU_ALLOC, when there is no
 * VINTF left; and one look waits for one CMD_SYNC that fails, whatever has stopped.
 */
static void test_look_waits_once(struct kunit *test)
{
	struct broken_vm vm[FAKE_NUM_VINTFS - 1];
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_vsmmu *tv, *other;
	unsigned int flushes;
	int i;

	reset_unit(fake);
	for (i = 0; i < ARRAY_SIZE(vm); i++) {
		vm[i] = new_vm(fake, 3 + i);
		fake->vcmdq[2 + 2 * i].stuck = true;
	}
	for (i = 0; i < ARRAY_SIZE(vm); i++) {
		fake->vintf[1 + i].fenced = true;
		fake->vintf[1 + i].want_vmid = 3 + i;
		end_vm(fake, &vm[i]);
	}
	for (i = 0; i < ARRAY_SIZE(vm); i++)
		fake->vcmdq[2 + 2 * i].stuck = false;

	/* The first has stopped, its memory goes, its flush is owed */
	fake->flush_ret = -ETIMEDOUT;
	flushes = fake->flushes;
	KUNIT_EXPECT_TRUE(test,
			  tegra241_quarantine_look(&fake->cmdqv->quarantine));
	KUNIT_EXPECT_EQ(test, 1, fake->flushes - flushes);
	KUNIT_EXPECT_EQ(test, 1, page_count(vm[0].page));
	KUNIT_EXPECT_EQ(test, 2, page_count(vm[1].page));
	tv = alloc_vsmmu(fake, 7);
	KUNIT_EXPECT_EQ(test, 1, tv->vintf->hw.idx);
	/* ... and so for whoever finds that all are taken */
	flushes = fake->flushes;
	other = alloc_vsmmu(fake, 8);
	KUNIT_EXPECT_EQ(test, 2, other->vintf->hw.idx);
	KUNIT_EXPECT_EQ(test, 1, fake->flushes - flushes);
	destroy_vsmmu(tv);
	destroy_vsmmu(other);
	fake->flush_ret = 0;
	find_again(fake);
	for (i = 0; i < ARRAY_SIZE(vm); i++)
		KUNIT_EXPECT_EQ(test, 1, page_count(vm[i].page));
}

/* Each with an error of the host's own, which the brake has nothing to do with */
static void storm(struct fake_cmdqv *fake, unsigned int num)
{
	while (num--) {
		fake->vcmdq[0].gerror ^= BIT(0);
		tegra241_cmdqv_isr(0, fake->cmdqv);
		KUNIT_EXPECT_EQ(fake->test, fake->vcmdq[0].gerror,
				fake->vcmdq[0].gerrorn);
	}
}

static void storm_pass(struct fake_cmdqv *fake, unsigned long time)
{
	unsigned long end = fake->now + time;

	while (fake->storm_at <= end) {
		fake_cmdqv_pass(fake, fake->storm_at - fake->now);
		fake->storm_at = ULONG_MAX;
		fake->looks++;
		tegra241_storm_tick(fake->cmdqv);
	}
	fake_cmdqv_pass(fake, end - fake->now);
}

/* 250 interrupts in 200 ms: off for 1 s, 2 s, 4 s ..., with a look each 20 ms */
static void test_storm(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	unsigned int looks;
	struct broken_vm vm;
	int i;

	reset_unit(fake);
	vm = new_vm(fake, 3);
	fake->now += HZ;
	storm(fake, 249);
	KUNIT_EXPECT_FALSE(test, fake->irq_off);
	fake->now += msecs_to_jiffies(200);
	storm(fake, 249);
	KUNIT_EXPECT_FALSE(test, fake->irq_off);

	for (i = 0; i < 3; i++) {
		storm(fake, i ? 250 : 1);
		KUNIT_EXPECT_TRUE(test, fake->irq_off);
		/* What is under way when it goes off is not another one */
		storm(fake, 1);
		looks = fake->looks;
		storm_pass(fake, (HZ << i) - 1);
		KUNIT_EXPECT_TRUE(test, fake->irq_off);
		KUNIT_EXPECT_LE(test, fake->looks - looks, 50 << i);
		storm_pass(fake, msecs_to_jiffies(20) + 1);
		KUNIT_EXPECT_FALSE(test, fake->irq_off);
		KUNIT_EXPECT_EQ(test, fake->storm_at, ULONG_MAX);
	}

	/* Errors are told while it is off, once each */
	storm(fake, 250);
	KUNIT_EXPECT_TRUE(test, fake->irq_off);
	KUNIT_EXPECT_EQ(test, 0, fake->events);
	to_fake_vcmdq(fake, vm.hwq)->gerror ^= BIT(0);
	storm_pass(fake, msecs_to_jiffies(60));
	KUNIT_EXPECT_EQ(test, 1, fake->events);
	to_fake_vcmdq(fake, vm.hwq)->gerrorn ^= BIT(0);
	storm_pass(fake, 9 * HZ);
	KUNIT_EXPECT_FALSE(test, fake->irq_off);
	KUNIT_EXPECT_EQ(test, 1, fake->events);

	/* After a good time it begins anew */
	fake->now += 20 * HZ;
	storm(fake, 250);
	storm_pass(fake, HZ + msecs_to_jiffies(20));
	KUNIT_EXPECT_FALSE(test, fake->irq_off);
	end_vm(fake, &vm);
}

/* Interrupts of nobody, whatever is masked: the brake has it turned off, and works again */
static void test_storm_of_nobody(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	int i;

	reset_unit(fake);
	fake->now += HZ;
	for (i = 0; i < 199; i++)
		tegra241_cmdqv_isr(0, fake->cmdqv);
	KUNIT_EXPECT_FALSE(test, fake->irq_off);
	tegra241_cmdqv_isr(0, fake->cmdqv);
	KUNIT_EXPECT_TRUE(test, fake->irq_off);
	KUNIT_EXPECT_TRUE(test, fake->cmdqv->vm_brake.useless);
	storm_pass(fake, HZ + msecs_to_jiffies(20));
	KUNIT_EXPECT_FALSE(test, fake->irq_off);
	KUNIT_EXPECT_FALSE(test, fake->cmdqv->vm_brake.useless);
	KUNIT_EXPECT_EQ(test, fake->int_mask[0], 0);
	fake_cmdqv_pass(fake, HZ);
	for (i = 0; i < 100; i++)
		tegra241_cmdqv_isr(0, fake->cmdqv);
	KUNIT_EXPECT_EQ(test, fake->int_mask[0],
			GENMASK(FAKE_NUM_VINTFS - 1, 1));
	fake_cmdqv_pass(fake, HZ);
}

/* It is off for 10 minutes at most */
static void test_storm_for_ever(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	int i;

	reset_unit(fake);
	for (i = 0; i < 15; i++) {
		storm(fake, 250);
		KUNIT_EXPECT_TRUE(test, fake->irq_off);
		KUNIT_EXPECT_LE(test, fake->cmdqv->storm.time, 600 * HZ);
		storm_pass(fake, 601 * HZ);
		KUNIT_EXPECT_FALSE(test, fake->irq_off);
		/* The good time was shorter than the bad one */
		fake->cmdqv->storm.until = fake->now;
	}
	KUNIT_EXPECT_EQ(test, fake->cmdqv->storm.time, 600 * HZ);

	/* Nothing is looked at when the unit is lost */
	storm(fake, 250);
	lose_to_ones(fake);
	storm_pass(fake, HZ);
	KUNIT_EXPECT_TRUE(test, fake->cmdqv->lost);
	storm_pass(fake, HZ);
	KUNIT_EXPECT_TRUE(test, fake->irq_off);
	KUNIT_EXPECT_EQ(test, fake->storm_at, ULONG_MAX);
	find_again(fake);
}

/* Whether an interrupt makes the driver look at anything */
static bool looks(struct fake_cmdqv *fake)
{
	unsigned int accesses = fake->accesses;

	tegra241_cmdqv_isr(0, fake->cmdqv);
	return fake->accesses != accesses;
}

/*
 * Nothing is looked at before the unit is taken into use and after it, or if that fails:
 * the memory of VINTF0's queues may be gone, and a unit that is broken interrupts.
 */
static void test_looks_while_in_use(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct arm_smmu_device *smmu = &fake->cmdqv->smmu;

	KUNIT_EXPECT_FALSE(test, looks(fake));
	fake->vintf[0].no_enable = true;
	tegra241_cmdqv_impl_ops.device_reset(smmu);
	KUNIT_EXPECT_FALSE(test, fake->cmdqv->running);
	KUNIT_EXPECT_FALSE(test, looks(fake));
	tegra241_cmdqv_impl_ops.device_disable(smmu);
	KUNIT_EXPECT_FALSE(test, looks(fake));

	fake->vintf[0].no_enable = false;
	reset_unit(fake);
	KUNIT_EXPECT_TRUE(test, looks(fake));
	tegra241_cmdqv_impl_ops.device_disable(smmu);
	KUNIT_EXPECT_FALSE(test, looks(fake));
}

/* Somebody else finds the unit lost while VINTF0 is being set up, just before the end */
static void lose_at_the_end(struct fake_cmdqv *fake, u32 off, u32 val)
{
	if (off != tegra241_lvcmdq_page0(0, FAKE_NUM_LVCMDQS - 1) +
		   TEGRA241_VCMDQ_CONFIG || !(val & VCMDQ_EN))
		return;
	fake->cmdqv->vintf0->enabled = false;
	fake->cmdqv->lost = true;
}

static void test_lost_while_set_up(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;

	fake->at_write = lose_at_the_end;
	tegra241_cmdqv_impl_ops.device_reset(&fake->cmdqv->smmu);
	fake->at_write = NULL;
	KUNIT_EXPECT_TRUE(test, fake->cmdqv->lost);
	KUNIT_EXPECT_FALSE(test, uses_vintf0(fake));
	KUNIT_EXPECT_FALSE(test, fake->cmdqv->running);
	fake->cmdqv->lost = false;
}

static struct kunit_case broken_cases[] = {
	KUNIT_CASE_SLOW(test_looks_while_in_use),
	KUNIT_CASE(test_lost_while_set_up),
	KUNIT_CASE(test_lost_ones),
	KUNIT_CASE(test_lost_zeros),
	KUNIT_CASE(test_lost_param),
	KUNIT_CASE(test_lost_alive),
	KUNIT_CASE(test_lost_interrupt),
	KUNIT_CASE(test_lost_look),
	KUNIT_CASE(test_lost_at_reset),
	KUNIT_CASE(test_lost_at_shutdown),
	KUNIT_CASE_SLOW(test_reset_all_stuck),
	KUNIT_CASE_SLOW(test_vm_all_stuck),
	KUNIT_CASE_SLOW(test_suspect),
	KUNIT_CASE_SLOW(test_others_wait_for_nothing),
	KUNIT_CASE_SLOW(test_look_waits_once),
	KUNIT_CASE(test_storm),
	KUNIT_CASE(test_storm_of_nobody),
	KUNIT_CASE(test_storm_for_ever),
	{},
};

static struct kunit_suite broken_suite = {
	.name = "tegra241-cmdqv-broken",
	.init = cmdqv_test_init,
	.exit = cmdqv_test_exit,
	.test_cases = broken_cases,
};

kunit_test_suites(&broken_suite);
