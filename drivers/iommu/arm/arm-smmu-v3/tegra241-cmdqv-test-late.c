// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the Tegra241 CMDQV driver: a queue of the host's own that does not
 * execute in time. The SMMU's own queue does its work, whatever it says; it is left for
 * good if it has really stopped, and only then.
 */

#include <kunit/test-bug.h>
#include <linux/ktime.h>

#include "tegra241-cmdqv-test-vm.h"

/*
 * arm-smmu-v3.c with such a queue
 */

#define LOG2SIZE	8
#define SIZE		BIT(LOG2SIZE)

/*
 * struct late_queue - a command queue
 * @cmdq: as arm-smmu-v3.c has it
 * @prod: its PROD; and its CONS, for one that executes all at once
 * @cons: its CONS otherwise
 */
struct late_queue {
	struct arm_smmu_cmdq *cmdq;
	u32 prod;
	u32 cons;
};

/*
 * struct late - an SMMU with two queues
 * @smmu: the SMMU
 * @cmdq: the implementation's queue
 * @own: the SMMU's own queue
 * @second: @cmdq
 * @failures: how often the implementation was told that @second has failed
 * @where: with which position
 * @offers: so often @second is offered, until it has failed
 * @means_zero: what the implementation says when it is asked whether a CONS of 0 is meant
 * @asked: how often it was
 */
struct late {
	struct arm_smmu_device smmu;
	struct arm_smmu_cmdq cmdq;
	struct late_queue own;
	struct late_queue second;
	unsigned int failures;
	u32 where;
	unsigned int offers;
	bool means_zero;
	unsigned int asked;
};

static void late_failed(struct arm_smmu_device *smmu, struct arm_smmu_cmdq *cmdq,
			u32 cons)
{
	struct kunit *test = kunit_get_current_test();
	struct late *late = test->priv;

	KUNIT_EXPECT_PTR_EQ(test, cmdq, &late->cmdq);
	late->failures++;
	late->where = cons;
}

static struct arm_smmu_cmdq *late_get(struct arm_smmu_device *smmu,
				      struct arm_smmu_cmdq_ent *ent)
{
	struct late *late = container_of(smmu, struct late, smmu);

	if (late->failures || !late->offers)
		return NULL;
	late->offers--;
	return &late->cmdq;
}

static bool late_at_zero(struct arm_smmu_device *smmu,
			 struct arm_smmu_cmdq *cmdq)
{
	struct late *late = container_of(smmu, struct late, smmu);

	late->asked++;
	return late->means_zero;
}

static const struct arm_smmu_impl_ops late_ops = {
	.get_secondary_cmdq = late_get,
	.secondary_cmdq_failed = late_failed,
	.secondary_cmdq_at_zero = late_at_zero,
};

/* From now on it stands where @cons says */
static void late_queue_stand(struct late_queue *q, u32 cons)
{
	q->cons = cons;
	q->cmdq->q.cons_reg = (u32 __iomem __force *)&q->cons;
}

static void late_queue_init(struct kunit *test, struct arm_smmu_cmdq *cmdq,
			    struct late_queue *q)
{
	size_t bytes = (CMDQ_ENT_DWORDS * sizeof(u64)) << LOG2SIZE;

	q->cmdq = cmdq;
	cmdq->q.llq.max_n_shift = LOG2SIZE;
	cmdq->q.ent_dwords = CMDQ_ENT_DWORDS;
	cmdq->q.base = kunit_kzalloc(test, bytes, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cmdq->q.base);
	cmdq->valid_map = kunit_kzalloc(test, SIZE / BITS_PER_BYTE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cmdq->valid_map);
	cmdq->q.prod_reg = (u32 __iomem __force *)&q->prod;
	cmdq->q.cons_reg = cmdq->q.prod_reg;
}

static int late_init(struct kunit *test)
{
	struct device *dev = new_device(test, "late");
	struct late *late;

	late = kunit_kzalloc(test, sizeof(*late), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, late);
	late->smmu.dev = dev;
	late->smmu.impl_ops = &late_ops;
	late->smmu.features = ARM_SMMU_FEAT_HYP;
	late->smmu.options = ARM_SMMU_OPT_TEGRA241_CMDQV;
	late_queue_init(test, &late->smmu.cmdq, &late->own);
	late_queue_init(test, &late->cmdq, &late->second);
	test->priv = late;
	return 0;
}

/* @n commands that can be told from others, to the second queue */
static int late_put(struct late *late, u64 mark, int n, bool sync)
{
	u64 cmds[CMDQ_BATCH_ENTRIES * CMDQ_ENT_DWORDS] = {};
	int i;

	for (i = 0; i < n; i++) {
		cmds[i * CMDQ_ENT_DWORDS] = CMDQ_OP_TLBI_NH_VA;
		cmds[i * CMDQ_ENT_DWORDS + 1] = mark + i;
	}
	return arm_smmu_cmdq_issue_cmdlist(&late->smmu, &late->cmdq, cmds, n,
					   sync);
}

static u64 own_entry(struct late *late, unsigned int i, unsigned int dword)
{
	return le64_to_cpu(late->smmu.cmdq.q.base[i * CMDQ_ENT_DWORDS + dword]);
}

/* All of the TLB, the commands, and a CMD_SYNC, in the SMMU's own queue */
static void expect_done_over(struct kunit *test, u64 mark, int n)
{
	struct late *late = test->priv;
	int i;

	KUNIT_EXPECT_EQ(test, late->own.prod, n + 3);
	KUNIT_EXPECT_EQ(test, own_entry(late, 0, 0) & 0xff,
			CMDQ_OP_TLBI_NSNH_ALL);
	KUNIT_EXPECT_EQ(test, own_entry(late, 1, 0) & 0xff,
			CMDQ_OP_TLBI_EL2_ALL);
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_EQ(test, own_entry(late, 2 + i, 1), mark + i);
	KUNIT_EXPECT_EQ(test, own_entry(late, 2 + n, 0) & 0xff,
			CMDQ_OP_CMD_SYNC);
	KUNIT_EXPECT_EQ(test, late->failures, 1);
}

/* It executes: nobody else has anything to do with it */
static void test_in_time(struct kunit *test)
{
	struct late *late = test->priv;
	int i;

	late->means_zero = true;
	/* Twice around */
	for (i = 0; i < 2 * SIZE; i++)
		KUNIT_EXPECT_EQ(test, 0, late_put(late, i, 1, true));
	KUNIT_EXPECT_EQ(test, late->own.prod, 0);
	KUNIT_EXPECT_EQ(test, late->failures, 0);
}

static void test_stops(struct kunit *test)
{
	struct late *late = test->priv;

	KUNIT_ASSERT_EQ(test, 0, late_put(late, 0, 5, true));
	late_queue_stand(&late->second, 6);
	KUNIT_EXPECT_EQ(test, 0, late_put(late, 0x1000, 3, true));
	expect_done_over(test, 0x1000, 3);
	KUNIT_EXPECT_EQ(test, late->where, 6);
}

/* Nor can the SMMU's own: that is what the caller hears, and no queue is to blame */
static void test_both_stop(struct kunit *test)
{
	struct late *late = test->priv;

	late_queue_stand(&late->second, 0);
	late_queue_stand(&late->own, 0);
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, late_put(late, 0, 3, true));
	KUNIT_EXPECT_EQ(test, late->failures, 0);
}

/* What CONS can't be is not waited for, wherever it lies as an index */
static void expect_not_believed(struct kunit *test, u32 cons)
{
	struct late *late = test->priv;
	u64 started = ktime_get_ns();

	late_queue_stand(&late->second, cons);
	KUNIT_EXPECT_EQ(test, 0, late_put(late, 0x2000, 1, true));
	KUNIT_EXPECT_LT(test, ktime_get_ns() - started, NSEC_PER_SEC);
	expect_done_over(test, 0x2000, 1);
	KUNIT_EXPECT_EQ(test, late->where, Q_NO_ANSWER);
}

static void test_says_ones(struct kunit *test)
{
	expect_not_believed(test, Q_NO_ANSWER);
}

static void test_says_zero(struct kunit *test)
{
	struct late *late = test->priv;

	/* With the wrap bit set 0 is behind all of the queue */
	while (late->second.prod < SIZE + 10)
		KUNIT_ASSERT_EQ(test, 0, late_put(late, 0, 1, true));
	expect_not_believed(test, 0);
}

/* Where 0 is as right as anything, the implementation knows better */
static void test_says_zero_in_time(struct kunit *test)
{
	struct late *late = test->priv;
	int i;

	for (i = 0; i < 2; i++) {
		while (late->second.prod % (2 * SIZE) < 2 * SIZE - 2)
			KUNIT_ASSERT_EQ(test, 0, late_put(late, 0, 1, true));
		KUNIT_EXPECT_EQ(test, late->asked, i);
		late->means_zero = !i;
		if (i)
			expect_not_believed(test, 0);
		else
			KUNIT_EXPECT_EQ(test, 0, late_put(late, 0, 1, true));
		KUNIT_EXPECT_EQ(test, late->asked, i + 1);
	}
}

static void test_says_the_future(struct kunit *test)
{
	struct late *late = test->priv;

	KUNIT_ASSERT_EQ(test, 0, late_put(late, 0, 5, true));
	expect_not_believed(test, 9);
}

/* Where it may be is between what it was and what it was told, error codes aside */
static void test_says_the_end(struct kunit *test)
{
	struct late *late = test->priv;

	KUNIT_ASSERT_EQ(test, 0, late_put(late, 0, 5, true));
	late_queue_stand(&late->second, 8 | FIELD_PREP(CMDQ_CONS_ERR, 2));
	KUNIT_EXPECT_EQ(test, 0, late_put(late, 0, 1, true));
	KUNIT_EXPECT_EQ(test, late->failures, 0);
}

/* Not full, but never with enough space: also that is waited for a second, not for ever */
static void test_too_little_space(struct kunit *test)
{
	struct late *late = test->priv;
	int i;

	late_queue_stand(&late->second, 0);
	for (i = 0; i < 4; i++)
		KUNIT_ASSERT_EQ(test, 0, late_put(late, 0, 62, false));
	KUNIT_EXPECT_EQ(test, late->own.prod, 0);
	KUNIT_EXPECT_EQ(test, 0, late_put(late, 0x3000, 20, true));
	expect_done_over(test, 0x3000, 20);
	KUNIT_EXPECT_EQ(test, late->where, 0);
}

static void test_no_space(struct kunit *test)
{
	struct late *late = test->priv;
	int i;

	late_queue_stand(&late->second, 0);
	for (i = 0; i < 4; i++)
		KUNIT_ASSERT_EQ(test, 0, late_put(late, 0, 64, false));
	/* Done, although nobody has asked for a CMD_SYNC */
	KUNIT_EXPECT_EQ(test, 1, late_put(late, 0x4000, 2, false));
	expect_done_over(test, 0x4000, 2);
}

/*
 * Batches
 */

/* A domain with @num StreamIDs that have ATS */
static struct arm_smmu_domain *late_domain(struct kunit *test, unsigned int num)
{
	struct arm_smmu_master_domain *md;
	struct arm_smmu_domain *domain;
	struct arm_smmu_master *master;
	struct late *late = test->priv;

	domain = kunit_kzalloc(test, sizeof(*domain), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, domain);
	md = kunit_kzalloc(test, sizeof(*md), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, md);
	master = kunit_kzalloc(test, sizeof(*master), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, master);
	master->streams = kunit_kcalloc(test, num, sizeof(*master->streams),
					GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, master->streams);
	master->num_streams = num;
	master->ats_enabled = true;
	md->master = master;
	late->smmu.features |= ARM_SMMU_FEAT_ATS;
	domain->smmu = &late->smmu;
	domain->domain.pgsize_bitmap = SZ_4K;
	spin_lock_init(&domain->devices_lock);
	INIT_LIST_HEAD(&domain->devices);
	list_add(&md->devices_elm, &domain->devices);
	atomic_set(&domain->nr_ats_masters, 1);
	return domain;
}

/* @num batches of TLBIs */
static void late_unmap(struct kunit *test, unsigned int num)
{
	arm_smmu_tlb_inv_range_asid(0, num * CMDQ_BATCH_ENTRIES * SZ_4K, 1,
				    SZ_4K, true, late_domain(test, 0));
}

/* Its CMD_SYNC is where its commands are, although another queue is offered by then */
static void test_batches_stay(struct kunit *test)
{
	struct late *late = test->priv;

	late->offers = 1;
	late_unmap(test, 3);
	KUNIT_EXPECT_EQ(test, late->second.prod, 3 * CMDQ_BATCH_ENTRIES + 1);
	KUNIT_EXPECT_EQ(test, late->own.prod, 0);
}

/* But not where nothing of it is left: a dead queue would cost a second for each batch */
static void test_batches_move(struct kunit *test)
{
	struct late *late = test->priv;

	late->offers = UINT_MAX;
	late_queue_stand(&late->second, 0);
	/* The fifth has no space */
	late_unmap(test, 7);
	KUNIT_EXPECT_EQ(test, late->failures, 1);
	KUNIT_EXPECT_EQ(test, late->second.prod, 4 * CMDQ_BATCH_ENTRIES);
	KUNIT_EXPECT_EQ(test, late->own.prod, 3 * CMDQ_BATCH_ENTRIES + 2 + 2);
}

/* What the SMMU's own has not done in time either is waited for there, not where it is not */
static void test_batches_move_and_wait(struct kunit *test)
{
	struct late *late = test->priv;

	late->offers = UINT_MAX;
	late_queue_stand(&late->second, 0);
	late_queue_stand(&late->own, 0);
	late_unmap(test, 7);
	KUNIT_EXPECT_EQ(test, late->failures, 0);
	KUNIT_EXPECT_EQ(test, late->second.prod, 4 * CMDQ_BATCH_ENTRIES);
	KUNIT_EXPECT_EQ(test, late->own.prod, 3 * CMDQ_BATCH_ENTRIES + 2 + 2);
}

/* What all of the TLB does not include is waited for with each batch */
static void test_atc_batches(struct kunit *test)
{
	struct late *late = test->priv;

	late->offers = UINT_MAX;
	KUNIT_EXPECT_EQ(test, 0, arm_smmu_atc_inv_domain(late_domain(test, 150),
							 0, SZ_4K));
	KUNIT_EXPECT_EQ(test, late->second.prod, 150 + 3);
	KUNIT_EXPECT_EQ(test, late->own.prod, 0);

	late_queue_stand(&late->second, 150 + 3);
	KUNIT_EXPECT_EQ(test, 0, arm_smmu_atc_inv_domain(late_domain(test, 150),
							 0, SZ_4K));
	KUNIT_EXPECT_EQ(test, late->failures, 1);
	KUNIT_EXPECT_EQ(test, late->second.prod - 150 - 3, CMDQ_BATCH_ENTRIES + 1);
	/* The first of them again; of the others only the last, there it is as before */
	KUNIT_EXPECT_EQ(test, late->own.prod, 2 + 150 + 2);
}

static struct kunit_case late_cases[] = {
	KUNIT_CASE(test_in_time),
	KUNIT_CASE_SLOW(test_stops),
	KUNIT_CASE_SLOW(test_both_stop),
	KUNIT_CASE(test_says_ones),
	KUNIT_CASE(test_says_zero),
	KUNIT_CASE(test_says_zero_in_time),
	KUNIT_CASE(test_says_the_future),
	KUNIT_CASE(test_says_the_end),
	KUNIT_CASE_SLOW(test_too_little_space),
	KUNIT_CASE_SLOW(test_no_space),
	KUNIT_CASE(test_batches_stay),
	KUNIT_CASE_SLOW(test_batches_move),
	KUNIT_CASE_SLOW(test_batches_move_and_wait),
	KUNIT_CASE_SLOW(test_atc_batches),
	{},
};

static struct kunit_suite late_suite = {
	.name = "tegra241-cmdqv-late",
	.init = late_init,
	.test_cases = late_cases,
};

/*
 * Whether VINTF0 leaves such a queue
 */

static enum tegra241_host_vcmdq_state state(struct fake_cmdqv *fake, u16 lidx)
{
	return fake->cmdqv->vintf0->lvcmdqs[lidx]->state;
}

/* What is left is left, whatever else happens */
static bool leaves(struct fake_cmdqv *fake, u16 lidx, u32 cons)
{
	struct tegra241_host_vcmdq *vcmdq = fake->cmdqv->vintf0->lvcmdqs[lidx];

	vcmdq->cmdq.q.llq.max_n_shift = LOG2SIZE;
	tegra241_cmdqv_impl_ops.secondary_cmdq_failed(&fake->cmdqv->smmu,
						      &vcmdq->cmdq, cons);
	return state(fake, lidx) == TEGRA241_HOST_VCMDQ_LEFT;
}

static bool uses_vintf0(struct fake_cmdqv *fake, u8 opcode)
{
	struct arm_smmu_cmdq_ent ent = { .opcode = opcode };

	return tegra241_cmdqv_impl_ops.get_secondary_cmdq(&fake->cmdqv->smmu,
							  &ent);
}

static void test_left(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	int l;

	reset_unit(fake);
	KUNIT_EXPECT_TRUE(test, uses_vintf0(fake, CMDQ_OP_TLBI_NH_VA));
	for (l = 0; l < FAKE_NUM_LVCMDQS; l++) {
		fake->vcmdq[l].cons = 7;
		/* An error has come since, and gone: it has not got further for that */
		KUNIT_EXPECT_TRUE(test, leaves(fake, l, 7 | FIELD_PREP(CMDQ_CONS_ERR, 1)));
		/* It makes no more errors */
		KUNIT_EXPECT_EQ(test, fake->vcmdq[l].config, 0);
	}
	KUNIT_EXPECT_FALSE(test, uses_vintf0(fake, CMDQ_OP_TLBI_NH_VA));
	KUNIT_EXPECT_FALSE(test, fake->cmdqv->lost);
	KUNIT_EXPECT_TRUE(test, tegra241_cmdqv_vm_usable(fake->cmdqv));
}

/* What both queues have waited for has come meanwhile */
static void test_late_only(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	int i;

	reset_unit(fake);
	fake->vcmdq[0].cons = 7;
	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_FALSE(test, leaves(fake, 0, 6));
	KUNIT_EXPECT_TRUE(test, uses_vintf0(fake, CMDQ_OP_TLBI_NH_VA));
	KUNIT_EXPECT_TRUE(test, leaves(fake, 0, 7));
}

/*
 * An error that the interrupt has not seen to, however many have waited for the queue: it
 * waits for that, and goes on then.
 */
static void test_error_not_handled(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	int i;

	reset_unit(fake);
	fake->cmdqv->irq = INT_MAX;
	for (i = 7; i < 10; i++) {
		fake->vcmdq[0].cons = i;
		fake->vcmdq[0].gerror ^= BIT(0);
		KUNIT_EXPECT_FALSE(test, leaves(fake, 0, i));
		KUNIT_EXPECT_EQ(test, state(fake, 0), TEGRA241_HOST_VCMDQ_WAITS);
		KUNIT_EXPECT_FALSE(test, leaves(fake, 0, i));
		KUNIT_EXPECT_EQ(test, state(fake, 0), TEGRA241_HOST_VCMDQ_WAITS);
		fake_cmdqv_interrupt(fake, 0);
		KUNIT_EXPECT_EQ(test, fake->vcmdq[0].gerror,
				fake->vcmdq[0].gerrorn);
		KUNIT_EXPECT_EQ(test, state(fake, 0), TEGRA241_HOST_VCMDQ_ON);
	}
	fake->cmdqv->irq = 0;
}

/*
 * An error that is back at once when the interrupt has seen to it: somebody has waited for
 * the queue in between, or nobody. Each further wait would take a second.
 */
static void test_error_comes_back(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	int waited;

	for (waited = 0; waited < 2; waited++) {
		reset_unit(fake);
		fake->cmdqv->vintf0->lvcmdqs[0]->cmdq.q.llq.max_n_shift = LOG2SIZE;
		fake->cmdqv->irq = INT_MAX;
		fake->vcmdq[0].cons = 7 | FIELD_PREP(CMDQ_CONS_ERR, 1);
		fake->vcmdq[0].gerror ^= BIT(0);
		if (waited)
			KUNIT_EXPECT_FALSE(test, leaves(fake, 0, 7));
		fake_cmdqv_interrupt(fake, 0);
		KUNIT_EXPECT_EQ(test, state(fake, 0), TEGRA241_HOST_VCMDQ_ON);

		fake->vcmdq[0].cons = 7 | FIELD_PREP(CMDQ_CONS_ERR, 2);
		fake->vcmdq[0].gerror ^= BIT(0);
		KUNIT_EXPECT_TRUE(test, leaves(fake, 0, 7));
		fake_cmdqv_interrupt(fake, 0);
		KUNIT_EXPECT_EQ(test, state(fake, 0), TEGRA241_HOST_VCMDQ_LEFT);
	}
	fake->cmdqv->irq = 0;
}

/* Of several devices that hang each may make the same CMD_SYNC fail: no queue is to blame */
static void test_atc_error_comes_back(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	int i;

	reset_unit(fake);
	fake->cmdqv->irq = INT_MAX;
	fake->cmdqv->vintf0->lvcmdqs[0]->cmdq.q.llq.max_n_shift = LOG2SIZE;
	for (i = 0; i < 5; i++) {
		fake->vcmdq[0].cons = 7 | FIELD_PREP(CMDQ_CONS_ERR,
						     CMDQ_ERR_CERROR_ATC_INV_IDX);
		fake->vcmdq[0].gerror ^= BIT(0);
		KUNIT_EXPECT_FALSE(test, leaves(fake, 0, 7));
		KUNIT_EXPECT_EQ(test, state(fake, 0), TEGRA241_HOST_VCMDQ_WAITS);
		fake_cmdqv_interrupt(fake, 0);
		KUNIT_EXPECT_EQ(test, state(fake, 0), TEGRA241_HOST_VCMDQ_ON);
	}
	fake->cmdqv->irq = 0;
}

/* An error of a queue that is left is acknowledged, and nothing is repaired */
static void test_error_after_leaving(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct arm_smmu_queue *q;

	reset_unit(fake);
	q = &fake->cmdqv->vintf0->lvcmdqs[0]->cmdq.q;
	q->ent_dwords = CMDQ_ENT_DWORDS;
	q->base = kunit_kzalloc(test, (CMDQ_ENT_DWORDS * sizeof(u64)) << LOG2SIZE,
				GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, q->base);
	*(u32 __force *)q->cons_reg = FIELD_PREP(CMDQ_CONS_ERR,
						 CMDQ_ERR_CERROR_ILL_IDX);
	KUNIT_EXPECT_TRUE(test, leaves(fake, 0, 0));
	fake->vcmdq[0].gerror ^= BIT(0);
	fake_cmdqv_interrupt(fake, 0);
	KUNIT_EXPECT_EQ(test, fake->vcmdq[0].gerror, fake->vcmdq[0].gerrorn);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(q->base[0]), 0);
	*(u32 __force *)q->cons_reg = 0;
}

static bool at_zero(struct fake_cmdqv *fake)
{
	struct tegra241_cmdqv *cmdqv = fake->cmdqv;
	struct arm_smmu_cmdq *cmdq = &cmdqv->vintf0->lvcmdqs[0]->cmdq;

	return tegra241_cmdqv_impl_ops.secondary_cmdq_at_zero(&cmdqv->smmu, cmdq);
}

/* A CONS of 0 is that of a queue that is set up, in a unit that is there */
static void test_at_zero(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tegra241_host_vcmdq *vcmdq;

	reset_unit(fake);
	vcmdq = fake->cmdqv->vintf0->lvcmdqs[0];
	KUNIT_EXPECT_TRUE(test, at_zero(fake));
	vcmdq->state = TEGRA241_HOST_VCMDQ_OFF;
	KUNIT_EXPECT_FALSE(test, at_zero(fake));
	vcmdq->state = TEGRA241_HOST_VCMDQ_ON;
	fake->param = 0;
	KUNIT_EXPECT_FALSE(test, at_zero(fake));
	KUNIT_EXPECT_TRUE(test, fake->cmdqv->lost);
	fake->param = FAKE_PARAM;
	fake->cmdqv->lost = false;
}

/* The interrupt comes at any time meanwhile: that is when the queue begins to move again */
static void test_error_handled_meanwhile(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	int reads;

	reset_unit(fake);
	fake->cmdqv->irq = INT_MAX;
	for (reads = 2; reads <= 3; reads++) {
		fake->vcmdq[0].cons = 7;
		fake->vcmdq[0].gerror ^= BIT(0);
		fake->vcmdq[0].ack_after = reads;
		KUNIT_EXPECT_FALSE(test, leaves(fake, 0, 7));
		KUNIT_EXPECT_EQ(test, state(fake, 0), TEGRA241_HOST_VCMDQ_ON);
		KUNIT_EXPECT_EQ(test, fake->vcmdq[0].ack_after, 0);
	}
	/* Without an error it is the queue's fault */
	KUNIT_EXPECT_TRUE(test, leaves(fake, 0, 7));
	/* And no interrupt brings it back */
	fake->vcmdq[0].gerror ^= BIT(0);
	fake_cmdqv_interrupt(fake, 0);
	KUNIT_EXPECT_EQ(test, state(fake, 0), TEGRA241_HOST_VCMDQ_LEFT);
	fake->cmdqv->irq = 0;
}

/* Without an interrupt nobody sees to it */
static void test_error_for_nobody(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;

	reset_unit(fake);
	fake->vcmdq[1].gerror ^= BIT(0);
	KUNIT_EXPECT_TRUE(test, leaves(fake, 1, 0));
	fake->vcmdq[1].gerror ^= BIT(0);
}

/* A CONS that can't be, from a unit that is there and from one that is not */
static void test_nonsense(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;

	reset_unit(fake);
	KUNIT_EXPECT_TRUE(test, leaves(fake, 0, Q_NO_ANSWER));
	KUNIT_EXPECT_FALSE(test, fake->cmdqv->lost);

	fake->param = 0;
	KUNIT_EXPECT_TRUE(test, leaves(fake, 1, 3));
	KUNIT_EXPECT_TRUE(test, fake->cmdqv->lost);
	KUNIT_EXPECT_FALSE(test, uses_vintf0(fake, CMDQ_OP_TLBI_NH_VA));
	fake->param = FAKE_PARAM;
	fake->cmdqv->lost = false;
}

/* Nobody waits for these, and nobody would miss them */
static void test_not_waited_for(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;

	reset_unit(fake);
	KUNIT_EXPECT_TRUE(test, uses_vintf0(fake, CMDQ_OP_CFGI_STE));
	KUNIT_EXPECT_FALSE(test, uses_vintf0(fake, CMDQ_OP_RESUME));
	KUNIT_EXPECT_FALSE(test, uses_vintf0(fake, CMDQ_OP_PRI_RESP));
}

static struct kunit_case leave_cases[] = {
	KUNIT_CASE(test_left),
	KUNIT_CASE(test_late_only),
	KUNIT_CASE(test_error_not_handled),
	KUNIT_CASE(test_error_comes_back),
	KUNIT_CASE(test_atc_error_comes_back),
	KUNIT_CASE(test_error_after_leaving),
	KUNIT_CASE(test_at_zero),
	KUNIT_CASE(test_error_handled_meanwhile),
	KUNIT_CASE(test_error_for_nobody),
	KUNIT_CASE(test_nonsense),
	KUNIT_CASE(test_not_waited_for),
	{},
};

static struct kunit_suite leave_suite = {
	.name = "tegra241-cmdqv-leave",
	.init = cmdqv_test_init,
	.exit = cmdqv_test_exit,
	.test_cases = leave_cases,
};

kunit_test_suites(&late_suite, &leave_suite);
