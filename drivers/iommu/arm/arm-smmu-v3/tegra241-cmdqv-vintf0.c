// SPDX-License-Identifier: GPL-2.0-only
/*
 * NVIDIA Tegra241 CMDQV: VINTF0 and the kernel's own queues on it
 *
 * As a hypervisor the kernel sends these queues anything; in a VM, where the
 * hardware reads VINTF_CONFIG.HYP_OWN as 0, the few commands that are left to a
 * guest.
 */

#define dev_fmt(fmt) "tegra241_cmdqv: " fmt

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "tegra241-cmdqv.h"
#include "tegra241-cmdqv-trace.h"

/* One for all units; also in debugfs */
bool tegra241_bypass_vcmdq;
module_param_named(bypass_vcmdq, tegra241_bypass_vcmdq, bool, 0444);
MODULE_PARM_DESC(bypass_vcmdq,
		 "Send the kernel's commands past the VCMDQs, to debug or to compare performance.");

/* For how long a queue has to stand still before it is said to, and between two looks */
#define STAND_US	1000
#define STAND_STEP_US	10

#define vcmdq_err(vcmdq, fmt, ...)					\
do {									\
	struct tegra241_vcmdq *_vcmdq = (vcmdq);			\
									\
	dev_err(_vcmdq->cmdqv->dev, "VINTF0: VCMDQ%u/LVCMDQ%u: " fmt,	\
		_vcmdq->idx, _vcmdq->lidx, ##__VA_ARGS__);		\
} while (0)

/*
 * Errors
 */

/* Index and wrap bit; what the queue says of an error is not part of where it is */
static u32 tegra241_host_vcmdq_cons_mask(struct tegra241_host_vcmdq *vcmdq)
{
	return (2U << vcmdq->cmdq.q.llq.max_n_shift) - 1;
}

/**
 * tegra241_vintf0_handle_error() - let queues that stopped at an error go on
 * @vintf: VINTF0
 *
 * Context: the interrupt thread.
 */
void tegra241_vintf0_handle_error(struct tegra241_host_vintf *vintf)
{
	struct tegra241_cmdqv *cmdqv = vintf->hw.cmdqv;
	DECLARE_BITMAP(map, TEGRA241_MAX_VCMDQS);
	unsigned int lidx;

	tegra241_vintf_read_err_map(&vintf->hw, map);
	for_each_set_bit(lidx, map, cmdqv->param.num_lvcmdqs_per_vintf) {
		struct tegra241_host_vcmdq *vcmdq;
		u32 gerror, cons;

		/* Pairs with the release in tegra241_vintf0_add_lvcmdq() */
		vcmdq = smp_load_acquire(&vintf->lvcmdqs[lidx]);
		if (!vcmdq)
			continue;

		/*
		 * The queue stands at the failing command until GERRORN says
		 * that this very error has been seen.
		 */
		gerror = tegra241_readl(vcmdq->hw.page0 + TEGRA241_VCMDQ_GERROR);
		/* Skipping would write into the queue at an index that CONS never had */
		if (gerror == TEGRA241_NO_ANSWER &&
		    !tegra241_cmdqv_alive(cmdqv))
			return;
		cons = tegra241_readl(vcmdq->hw.page0 + TEGRA241_VCMDQ_CONS);
		trace_cmdqv_vcmdq_error(&vcmdq->hw, gerror, cons, true);
		if (READ_ONCE(vcmdq->state) != TEGRA241_HOST_VCMDQ_LEFT)
			__arm_smmu_cmdq_skip_err(&cmdqv->smmu, &vcmdq->cmdq);
		WRITE_ONCE(vintf->errors, vintf->errors + 1);
		tegra241_writel(gerror,
				vcmdq->hw.page0 + TEGRA241_VCMDQ_GERRORN);
		/* Has to be there before @state is looked at: what is posted is not */
		tegra241_readl(vcmdq->hw.page0 + TEGRA241_VCMDQ_GERRORN);
		/*
		 * A CMD_SYNC may fail for each device that has not answered an ATC_INV.
		 * Pairs with the acquire in tegra241_host_vcmdq_wait_for_irq()
		 */
		smp_store_release(&vcmdq->handled_at,
				  FIELD_GET(CMDQ_CONS_ERR, cons) ==
				  CMDQ_ERR_CERROR_ATC_INV_IDX ? Q_NO_ANSWER :
				  cons & tegra241_host_vcmdq_cons_mask(vcmdq));
		/* Pairs with the one in tegra241_host_vcmdq_wait_for_irq() */
		if (cmpxchg(&vcmdq->state, TEGRA241_HOST_VCMDQ_WAITS,
			    TEGRA241_HOST_VCMDQ_ON) == TEGRA241_HOST_VCMDQ_WAITS)
			trace_cmdqv_host_vcmdq_enable(&vcmdq->hw, 0);
	}
}

/*
 * Choice of the queue for a command
 */

/*
 * What the hardware takes from a queue without HYP_OWN (hardware.md §8), besides
 * the CMD_SYNC that ends each batch.
 */
static bool tegra241_guest_vcmdq_supports_cmd(struct arm_smmu_cmdq_ent *ent)
{
	switch (ent->opcode) {
	case CMDQ_OP_TLBI_NH_ASID:
	case CMDQ_OP_TLBI_NH_VA:
	case CMDQ_OP_ATC_INV:
		return true;
	default:
		return false;
	}
}

/**
 * tegra241_vintf0_get_cmdq() - the queue to send a command to
 * @smmu: the SMMU, part of a struct tegra241_cmdqv
 * @ent: the command
 *
 * Context: any. The result stays a good one if the CPU changes.
 * Return: a queue of VINTF0, or NULL for the SMMU's own.
 */
struct arm_smmu_cmdq *tegra241_vintf0_get_cmdq(struct arm_smmu_device *smmu,
					       struct arm_smmu_cmdq_ent *ent)
{
	struct tegra241_cmdqv *cmdqv = to_cmdqv(smmu);
	struct tegra241_host_vintf *vintf = cmdqv->vintf0;
	struct tegra241_host_vcmdq *vcmdq;

	if (READ_ONCE(tegra241_bypass_vcmdq) || !READ_ONCE(vintf->enabled))
		return NULL;
	/* Nobody waits for these, so nobody would find out if they were lost */
	if (ent->opcode == CMDQ_OP_RESUME || ent->opcode == CMDQ_OP_PRI_RESP)
		return NULL;

	/*
	 * CPUs that insert into one queue take turns on it. Spread them. A CPU
	 * number that is out of date costs a little contention and nothing else.
	 */
	vcmdq = vintf->lvcmdqs[raw_smp_processor_id() %
			       cmdqv->param.num_lvcmdqs_per_vintf];
	if (READ_ONCE(vcmdq->state) != TEGRA241_HOST_VCMDQ_ON ||
	    !arm_smmu_cmdq_supports_cmd(&vcmdq->cmdq, ent))
		return NULL;
	return &vcmdq->cmdq;
}

static bool tegra241_host_vcmdq_has_error(struct tegra241_vcmdq *hw)
{
	return (tegra241_readl(hw->page0 + TEGRA241_VCMDQ_GERROR) ^
		tegra241_readl(hw->page0 + TEGRA241_VCMDQ_GERRORN)) &
	       VCMDQ_GERROR_MASK;
}

/*
 * Whether a queue that has not got further than @cons within a second does not get
 * further at all. What both it and the SMMU's own queue have waited for, a device that
 * answers late, may have come to it a moment later.
 */
static bool tegra241_host_vcmdq_stands(struct tegra241_host_vcmdq *vcmdq,
				       u32 cons)
{
	u32 mask = tegra241_host_vcmdq_cons_mask(vcmdq);
	struct tegra241_vcmdq *hw = &vcmdq->hw;
	unsigned int us;

	for (us = 0; us < STAND_US; us += STAND_STEP_US) {
		if ((tegra241_readl(hw->page0 + TEGRA241_VCMDQ_CONS) ^ cons) &
		    mask)
			return false;
		udelay(STAND_STEP_US);
	}
	return true;
}

/*
 * The queue stands at an error. That is for the interrupt, whose thread may have to wait
 * for whoever has waited for the queue, with interrupts off; so nobody else does.
 *
 * Return: whether that helps. An error that is back where the interrupt has just seen to
 * one would cost a second each time that the queue seems to go on. (So would be one in the
 * same place once around; that the queue is left then, too, does no harm.)
 */
static bool tegra241_host_vcmdq_wait_for_irq(struct tegra241_host_vcmdq *vcmdq)
{
	u32 mask = tegra241_host_vcmdq_cons_mask(vcmdq);
	struct tegra241_vcmdq *hw = &vcmdq->hw;
	u32 handled_at;

	/*
	 * Pairs with the one in tegra241_vintf0_handle_error(): if that has not seen
	 * WAITS, its GERRORN is seen here.
	 */
	if (cmpxchg(&vcmdq->state, TEGRA241_HOST_VCMDQ_ON,
		    TEGRA241_HOST_VCMDQ_WAITS) != TEGRA241_HOST_VCMDQ_ON)
		return true;
	/*
	 * Pairs with the release in tegra241_vintf0_handle_error(): an error that is
	 * seen from here on is not the one that was seen to there.
	 */
	handled_at = smp_load_acquire(&vcmdq->handled_at);
	if (tegra241_host_vcmdq_has_error(hw)) {
		trace_cmdqv_host_vcmdq_disable(hw, -EAGAIN);
		if ((tegra241_readl(hw->page0 + TEGRA241_VCMDQ_CONS) & mask) ==
		    handled_at)
			return false;
		dev_warn_ratelimited(hw->cmdqv->dev,
				     "VINTF0: VCMDQ%u/LVCMDQ%u: stands at an error, not used until the interrupt comes\n",
				     hw->idx, hw->lidx);
		return true;
	}
	cmpxchg(&vcmdq->state, TEGRA241_HOST_VCMDQ_WAITS,
		TEGRA241_HOST_VCMDQ_ON);
	return true;
}

/**
 * tegra241_vintf0_cmdq_failed() - a queue has not executed what it was told
 * @smmu: the SMMU, part of a struct tegra241_cmdqv
 * @cmdq: the queue, one of VINTF0; what it was told has been done by the SMMU's own
 *	queue meanwhile, within its time
 * @cons: what CONS was when the time was over, or Q_NO_ANSWER if that was something
 *	that CONS can't be
 *
 * Unless it was late only, the queue is left: each command that waits for it costs a
 * second with interrupts off. Until the interrupt has seen to the error that it stands at,
 * or for good, also if that error is back then. VMs' queues are not concerned, unless the
 * whole unit is gone.
 *
 * Context: any; spins for 1 ms.
 */
void tegra241_vintf0_cmdq_failed(struct arm_smmu_device *smmu,
				 struct arm_smmu_cmdq *cmdq, u32 cons)
{
	struct tegra241_host_vcmdq *vcmdq =
		container_of(cmdq, struct tegra241_host_vcmdq, cmdq);
	struct tegra241_cmdqv *cmdqv = to_cmdqv(smmu);
	bool error;

	if (READ_ONCE(vcmdq->state) != TEGRA241_HOST_VCMDQ_ON)
		return;
	if (tegra241_cmdqv_alive(cmdqv) && cons != Q_NO_ANSWER) {
		/* The interrupt may come at any time; then the queue has just begun again */
		error = tegra241_host_vcmdq_has_error(&vcmdq->hw);
		if (!tegra241_host_vcmdq_stands(vcmdq, cons))
			return;
		error |= tegra241_host_vcmdq_has_error(&vcmdq->hw);
		if (error && cmdqv->irq > 0 &&
		    tegra241_host_vcmdq_wait_for_irq(vcmdq))
			return;
	}
	if (cmpxchg(&vcmdq->state, TEGRA241_HOST_VCMDQ_ON,
		    TEGRA241_HOST_VCMDQ_LEFT) != TEGRA241_HOST_VCMDQ_ON &&
	    cmpxchg(&vcmdq->state, TEGRA241_HOST_VCMDQ_WAITS,
		    TEGRA241_HOST_VCMDQ_LEFT) != TEGRA241_HOST_VCMDQ_WAITS)
		return;
	trace_cmdqv_host_vcmdq_disable(&vcmdq->hw, -ETIMEDOUT);
	if (!tegra241_cmdqv_alive(cmdqv))
		return;
	/* So that it makes no more errors. Who waits for it has a time-out, as before */
	tegra241_writel(0, vcmdq->hw.page0 + TEGRA241_VCMDQ_CONFIG);
	vcmdq_err(&vcmdq->hw,
		  "does not execute commands, using the SMMU's own command queue instead\n");
}

/**
 * tegra241_vintf0_cmdq_at_zero() - whether a queue is where it says
 * @smmu: the SMMU, part of a struct tegra241_cmdqv
 * @cmdq: the queue, one of VINTF0, whose CONS reads 0, which it may be
 *
 * A unit that is lost may say 0, and so does a queue that has been taken down.
 *
 * Context: any.
 * Return: false if it can't be believed.
 */
bool tegra241_vintf0_cmdq_at_zero(struct arm_smmu_device *smmu,
				  struct arm_smmu_cmdq *cmdq)
{
	struct tegra241_host_vcmdq *vcmdq =
		container_of(cmdq, struct tegra241_host_vcmdq, cmdq);

	return READ_ONCE(vcmdq->state) != TEGRA241_HOST_VCMDQ_OFF &&
	       tegra241_cmdqv_alive(to_cmdqv(smmu));
}

/*
 * Hardware of VINTF0
 */

static void tegra241_host_vcmdq_dump(struct tegra241_vcmdq *vcmdq,
				     const char *what)
{
	vcmdq_err(vcmdq,
		  "%s timed out: STATUS=0x%x GERROR=0x%x GERRORN=0x%x CONS=0x%x\n",
		  what,
		  tegra241_readl(vcmdq->page0 + TEGRA241_VCMDQ_STATUS),
		  tegra241_readl(vcmdq->page0 + TEGRA241_VCMDQ_GERROR),
		  tegra241_readl(vcmdq->page0 + TEGRA241_VCMDQ_GERRORN),
		  tegra241_readl(vcmdq->page0 + TEGRA241_VCMDQ_CONS));
}

static void tegra241_host_vintf_dump(struct tegra241_vintf *vintf,
				     const char *what)
{
	dev_err(vintf->cmdqv->dev, "VINTF0: %s timed out: STATUS=0x%x\n", what,
		tegra241_readl(vintf->base + TEGRA241_VINTF_STATUS));
}

/*
 * Stop a mapped queue and make it forget all, unless it goes on: then BASE must not
 * change under it. The SMMU is enabled.
 */
static int tegra241_host_vcmdq_hw_reset(struct tegra241_host_vcmdq *vcmdq)
{
	struct tegra241_vcmdq *hw = &vcmdq->hw;
	int ret;

	WRITE_ONCE(vcmdq->state, TEGRA241_HOST_VCMDQ_OFF);

	ret = tegra241_vcmdq_write_config(hw, 0);
	if (ret)
		tegra241_host_vcmdq_dump(hw, "disabling");
	if (tegra241_cmdqv_flush(hw->cmdqv))
		vcmdq_err(hw, "late ATC timeouts could not be flushed, look for a device that hangs\n");
	if (!ret && tegra241_vcmdq_scrub(hw))
		dev_warn(hw->cmdqv->dev,
			 "VINTF0: VCMDQ%u/LVCMDQ%u: uncleared error detected, resetting\n",
			 hw->idx, hw->lidx);
	return ret;
}

static void tegra241_host_vcmdq_hw_deinit(struct tegra241_host_vcmdq *vcmdq)
{
	int ret = tegra241_host_vcmdq_hw_reset(vcmdq);

	trace_cmdqv_host_vcmdq_disable(&vcmdq->hw, ret);
	if (tegra241_vcmdq_unmap(&vcmdq->hw))
		vcmdq_err(&vcmdq->hw, "could not be unmapped\n");
}

static int tegra241_host_vcmdq_hw_start(struct tegra241_host_vcmdq *vcmdq,
					bool hyp_own)
{
	struct tegra241_vcmdq *hw = &vcmdq->hw;
	int ret;

	/*
	 * Map first: a VMM below looks at BASE only of a queue that is mapped.
	 * Nobody else has VINTF0's window, so nothing can happen in between.
	 */
	ret = tegra241_vcmdq_place(hw) ?: tegra241_vcmdq_map(hw);
	if (ret) {
		vcmdq_err(hw, "could not be mapped\n");
		goto err_unmap;
	}
	ret = tegra241_host_vcmdq_hw_reset(vcmdq);
	if (ret)
		goto err_unmap;

	vcmdq->cmdq.supports_cmd =
		hyp_own ? NULL : tegra241_guest_vcmdq_supports_cmd;

	/* Scrubbing has set the hardware's indices to 0 */
	tegra241_writeq(vcmdq->cmdq.q.q_base, hw->page1 + TEGRA241_VCMDQ_BASE);
	ret = tegra241_vcmdq_write_config(hw, VCMDQ_EN);
	if (ret) {
		tegra241_host_vcmdq_dump(hw, "enabling");
		tegra241_host_vcmdq_hw_reset(vcmdq);
		goto err_unmap;
	}
	WRITE_ONCE(vcmdq->handled_at, Q_NO_ANSWER);
	WRITE_ONCE(vcmdq->state, TEGRA241_HOST_VCMDQ_ON);
	return 0;

err_unmap:
	tegra241_vcmdq_unmap(hw);
	return ret;
}

static int tegra241_host_vcmdq_hw_init(struct tegra241_host_vcmdq *vcmdq,
				       bool hyp_own)
{
	int ret = tegra241_host_vcmdq_hw_start(vcmdq, hyp_own);

	trace_cmdqv_host_vcmdq_enable(&vcmdq->hw, ret);
	return ret;
}

/* Take down the lowest @num queues, in the order that the hardware wants */
static void tegra241_vintf0_hw_down(struct tegra241_host_vintf *vintf, u16 num)
{
	int ret;

	WRITE_ONCE(vintf->enabled, false);

	while (num--)
		tegra241_host_vcmdq_hw_deinit(vintf->lvcmdqs[num]);
	ret = tegra241_vintf_disable_any(&vintf->hw, true);
	trace_cmdqv_vintf_disable(&vintf->hw, 0, ret);
	if (ret)
		tegra241_host_vintf_dump(&vintf->hw, "disabling");
	else
		tegra241_vintf_scrub(&vintf->hw, TEGRA241_ALL_SIDS);
}

/**
 * tegra241_vintf0_hw_deinit() - take VINTF0 out of use
 * @vintf: VINTF0, brought up by tegra241_vintf0_hw_init()
 *
 * Context: sleeps; the SMMU is enabled.
 */
void tegra241_vintf0_hw_deinit(struct tegra241_host_vintf *vintf)
{
	tegra241_vintf0_hw_down(vintf,
				vintf->hw.cmdqv->param.num_lvcmdqs_per_vintf);
}

/**
 * tegra241_vintf0_hw_init() - take VINTF0 into use
 * @vintf: VINTF0, disabled, with none of its queues mapped
 *
 * Context: sleeps; the SMMU is enabled.
 * Return: 0; -ETIMEDOUT or -EIO if the hardware does not follow, and then all is
 * undone as far as it lets itself be.
 */
int tegra241_vintf0_hw_init(struct tegra241_host_vintf *vintf)
{
	struct tegra241_cmdqv *cmdqv = vintf->hw.cmdqv;
	u16 lidx = 0;
	int ret;

	ret = tegra241_vintf_enable(&vintf->hw, VINTF_HYP_OWN);
	trace_cmdqv_vintf_enable(&vintf->hw, 0, ret);
	if (ret) {
		tegra241_host_vintf_dump(&vintf->hw, "enabling");
		goto err_down;
	}

	/* Asked for in vain in a VM: wired to 0 there */
	vintf->hyp_own = tegra241_readl(vintf->hw.base +
					TEGRA241_VINTF_CONFIG) & VINTF_HYP_OWN;
	/* Pairs with the acquire in tegra241_unit_role() */
	smp_store_release(&vintf->role_known, true);

	for (; lidx < cmdqv->param.num_lvcmdqs_per_vintf; lidx++) {
		ret = tegra241_host_vcmdq_hw_init(vintf->lvcmdqs[lidx],
						  vintf->hyp_own);
		if (ret)
			goto err_down;
	}

	WRITE_ONCE(vintf->enabled, true);
	/*
	 * Pairs with the xchg() in tegra241_cmdqv_alive(): if the loss is not seen here,
	 * its own write to enabled comes after this one.
	 */
	smp_mb();
	if (!READ_ONCE(cmdqv->lost))
		return 0;
	ret = -EIO;

err_down:
	tegra241_vintf0_hw_down(vintf, lidx);
	return ret;
}

/*
 * Structures of VINTF0
 */

static int tegra241_host_vcmdq_alloc_queue(struct tegra241_host_vcmdq *vcmdq)
{
	struct tegra241_cmdqv *cmdqv = vcmdq->hw.cmdqv;
	struct arm_smmu_queue *q = &vcmdq->cmdq.q;
	char name[16];
	int ret;

	snprintf(name, sizeof(name), "vcmdq%u", vcmdq->hw.idx);

	q->llq.max_n_shift = min_t(u32, CMDQ_MAX_SZ_SHIFT,
				   cmdqv->max_log2_entries);
	ret = arm_smmu_init_one_queue(&cmdqv->smmu, q, vcmdq->hw.page0,
				      TEGRA241_VCMDQ_PROD, TEGRA241_VCMDQ_CONS,
				      CMDQ_ENT_DWORDS, name);
	if (ret)
		return ret;

	/* SMMU_CMDQ_BASE and VCMDQ_BASE differ */
	ret = tegra241_vcmdq_base(q->base_dma,
				  1ULL << (q->llq.max_n_shift +
					   CMDQ_ENT_SZ_SHIFT), &q->q_base);
	if (ret)
		return ret;

	return arm_smmu_cmdq_init(&cmdqv->smmu, &vcmdq->cmdq);
}

static int tegra241_vintf0_add_lvcmdq(struct tegra241_host_vintf *vintf,
				      u16 lidx)
{
	struct tegra241_host_vcmdq *vcmdq;
	int ret;

	vcmdq = kzalloc(sizeof(*vcmdq), GFP_KERNEL);
	if (!vcmdq)
		return -ENOMEM;

	tegra241_vcmdq_init_logical(&vcmdq->hw, vintf->hw.cmdqv, 0, lidx);
	ret = tegra241_host_vcmdq_alloc_queue(vcmdq);
	if (ret) {
		kfree(vcmdq);
		return ret;
	}

	/* Pairs with the acquire in tegra241_vintf0_handle_error() */
	smp_store_release(&vintf->lvcmdqs[lidx], vcmdq);
	return 0;
}

/**
 * tegra241_vintf0_alloc() - VINTF0 and the memory of its queues
 * @cmdqv: the unit
 *
 * Context: sleeps; the interrupt may come already.
 * Return: 0 or a negative errno. @cmdqv->vintf0 is to be freed in either case.
 */
int tegra241_vintf0_alloc(struct tegra241_cmdqv *cmdqv)
{
	u16 num = cmdqv->param.num_lvcmdqs_per_vintf;
	struct tegra241_host_vintf *vintf;
	u16 lidx;
	int ret;

	KUNIT_STATIC_STUB_REDIRECT(tegra241_vintf0_alloc, cmdqv);

	vintf = kzalloc(struct_size(vintf, lvcmdqs, num), GFP_KERNEL);
	if (!vintf)
		return -ENOMEM;
	tegra241_vintf_init(&vintf->hw, cmdqv, 0);

	/* Pairs with the acquire in tegra241_cmdqv_isr() */
	smp_store_release(&cmdqv->vintf0, vintf);

	for (lidx = 0; lidx < num; lidx++) {
		ret = tegra241_vintf0_add_lvcmdq(vintf, lidx);
		if (ret)
			return ret;
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_vintf0_alloc);

/**
 * tegra241_vintf0_free() - undo tegra241_vintf0_alloc()
 * @cmdqv: the unit, whose interrupt is free and whose VINTF0 is not in use
 */
void tegra241_vintf0_free(struct tegra241_cmdqv *cmdqv)
{
	u16 lidx;

	if (!cmdqv->vintf0)
		return;
	for (lidx = 0; lidx < cmdqv->param.num_lvcmdqs_per_vintf; lidx++)
		kfree(cmdqv->vintf0->lvcmdqs[lidx]);
	kfree(cmdqv->vintf0);
	cmdqv->vintf0 = NULL;
}
