// SPDX-License-Identifier: GPL-2.0-only
/*
 * NVIDIA Tegra241 CMDQV: the register sequences that the host side and the VM
 * side share. No policy, and one message, when the whole unit is lost: else who calls
 * knows what a failure means.
 */

#define dev_fmt(fmt) "tegra241_cmdqv: " fmt

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/iopoll.h>

#include "tegra241-cmdqv.h"
#include "tegra241-cmdqv-trace.h"

/* For what may not happen at all, without being an error */
#define BRIEFLY_US	(10 * USEC_PER_MSEC)

#if IS_ENABLED(CONFIG_KUNIT)
/**
 * tegra241_readl() - read 32 bits of a register
 * @reg: the register
 *
 * Context: any. Orders as readl() does.
 * Return: its value.
 */
u32 tegra241_readl(const void __iomem *reg)
{
	KUNIT_STATIC_STUB_REDIRECT(tegra241_readl, reg);
	return readl(reg);
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_readl);

/**
 * tegra241_readq() - read 64 bits of a register
 * @reg: the register
 *
 * Context: any. Orders as readq() does.
 * Return: its value.
 */
u64 tegra241_readq(const void __iomem *reg)
{
	KUNIT_STATIC_STUB_REDIRECT(tegra241_readq, reg);
	return readq(reg);
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_readq);

/**
 * tegra241_writel() - write 32 bits of a register
 * @val: the value
 * @reg: the register
 *
 * Context: any. Orders as writel() does.
 */
void tegra241_writel(u32 val, void __iomem *reg)
{
	KUNIT_STATIC_STUB_REDIRECT(tegra241_writel, val, reg);
	writel(val, reg);
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_writel);

/**
 * tegra241_writeq() - write 64 bits of a register
 * @val: the value
 * @reg: the register
 *
 * Context: any. Orders as writeq() does.
 */
void tegra241_writeq(u64 val, void __iomem *reg)
{
	KUNIT_STATIC_STUB_REDIRECT(tegra241_writeq, val, reg);
	writeq(val, reg);
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_writeq);
#endif

/**
 * tegra241_cmdqv_alive() - whether the unit still is what it was
 * @cmdqv: the unit, with valid @cmdqv->param
 *
 * A unit that the bus has lost, or that has lost its power, says the same whatever it is
 * asked, all ones or zeros most likely, and either of them means something in every
 * other register. PARAM is known and never changes. To be asked when something is not
 * as it should be, and before anything is given away that only such an answer allows.
 *
 * Nobody comes back from this. VINTF0 is left at once; VMs' memory and numbers go to the
 * quarantine when their owners do, and stay there.
 *
 * Context: any.
 * Return: false from the first time on that PARAM has read as anything else.
 */
bool tegra241_cmdqv_alive(struct tegra241_cmdqv *cmdqv)
{
	struct tegra241_host_vintf *vintf0;
	u32 reg;

	if (READ_ONCE(cmdqv->lost))
		return false;
	reg = tegra241_readl(cmdqv->base + TEGRA241_CMDQV_PARAM);
	if (reg == cmdqv->param.reg)
		return true;
	if (xchg(&cmdqv->lost, true))
		return false;

	/* Pairs with the release in tegra241_vintf0_alloc() */
	vintf0 = smp_load_acquire(&cmdqv->vintf0);
	if (vintf0)
		WRITE_ONCE(vintf0->enabled, false);
	trace_cmdqv_lost(cmdqv, -EIO);
	dev_err(cmdqv->dev,
		"the unit is lost: PARAM reads 0x%08x instead of 0x%08x; using the SMMU's own command queue, none for VMs any more; power-cycle\n",
		reg, cmdqv->param.reg);
	return false;
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_cmdqv_alive);

/*
 * CMDQV, VINTF and VCMDQ share this: bit 0 of CONFIG asks, bit 0 of STATUS says
 * when it has happened (hardware.md §6). Who says nothing at all is not waited for.
 */
static int tegra241_await(struct tegra241_cmdqv *cmdqv, u32 val,
			  void __iomem *status, u64 timeout_us)
{
	u32 sts = tegra241_readl(status);
	int ret = 0;

	/* The clock is for who has to wait */
	if (sts != TEGRA241_NO_ANSWER && !((sts ^ val) & BIT(0)))
		return 0;
	if (sts != TEGRA241_NO_ANSWER && !READ_ONCE(cmdqv->lost))
		ret = read_poll_timeout(tegra241_readl, sts,
					sts == TEGRA241_NO_ANSWER ||
					!((sts ^ val) & BIT(0)), 1, timeout_us,
					false, status);
	if (!ret && sts != TEGRA241_NO_ANSWER)
		return READ_ONCE(cmdqv->lost) ? -EIO : 0;
	return tegra241_cmdqv_alive(cmdqv) ? -ETIMEDOUT : -EIO;
}

static int tegra241_handshake_for(struct tegra241_cmdqv *cmdqv, u32 val,
				  void __iomem *config, void __iomem *status,
				  u64 timeout_us)
{
	tegra241_writel(val, config);
	return tegra241_await(cmdqv, val, status, timeout_us);
}

static int tegra241_handshake(struct tegra241_cmdqv *cmdqv, u32 val,
			      void __iomem *config, void __iomem *status)
{
	return tegra241_handshake_for(cmdqv, val, config, status,
				      ARM_SMMU_POLL_TIMEOUT_US);
}

/* Who has not shown patience before need not wait again for what is asked already */
static u64 tegra241_patience(bool patient)
{
	return patient ? ARM_SMMU_POLL_TIMEOUT_US : BRIEFLY_US;
}

/**
 * tegra241_cmdqv_write_config() - enable or disable the unit
 * @cmdqv: the unit
 * @val: all of CMDQV_CONFIG
 *
 * Context: sleeps.
 * Return: 0, -ETIMEDOUT if the unit does not follow within a second, -EIO if it is lost.
 */
int tegra241_cmdqv_write_config(struct tegra241_cmdqv *cmdqv, u32 val)
{
	return tegra241_handshake(cmdqv, val,
				  cmdqv->base + TEGRA241_CMDQV_CONFIG,
				  cmdqv->base + TEGRA241_CMDQV_STATUS);
}

/**
 * tegra241_cmdqv_flush() - flush what disabled queues still owe
 * @cmdqv: the unit; its SMMU and the SMMU's own command queue are enabled
 *
 * An ATC_INV that times out after its queue has been disabled is reported to
 * whoever enables that queue next, unless a CMD_SYNC has completed in between
 * (hardware.md §12). It goes to the SMMU's own queue, which is nobody's VCMDQ; that
 * this will do is assumption A19.
 *
 * Context: any; may spin for as long as a CMD_SYNC takes, a second at most.
 * Return: 0; -ETIMEDOUT, or -EIO if the SMMU does not answer.
 */
int tegra241_cmdqv_flush(struct tegra241_cmdqv *cmdqv)
{
	int ret;

	KUNIT_STATIC_STUB_REDIRECT(tegra241_cmdqv_flush, cmdqv);
	ret = arm_smmu_cmdq_flush(&cmdqv->smmu);
	if (ret)
		trace_cmdqv_flush_failed(cmdqv, ret);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_cmdqv_flush);

/**
 * tegra241_vcmdq_init_direct() - a handle on a VCMDQ through the direct aperture
 * @vcmdq: to fill in
 * @cmdqv: the unit, with valid @cmdqv->param
 * @idx: global number
 *
 * The direct aperture is the host's alone and reaches a queue whether it is
 * mapped or not (hardware.md §7, p.176; for all that is done with it, assumption A6).
 */
void tegra241_vcmdq_init_direct(struct tegra241_vcmdq *vcmdq,
				struct tegra241_cmdqv *cmdqv, u16 idx)
{
	*vcmdq = (struct tegra241_vcmdq){
		.cmdqv = cmdqv,
		.idx = idx,
		.vintf_idx = idx / cmdqv->param.num_lvcmdqs_per_vintf,
		.lidx = idx % cmdqv->param.num_lvcmdqs_per_vintf,
		.page0 = cmdqv->base + tegra241_vcmdq_page0(idx),
		.page1 = cmdqv->base + tegra241_vcmdq_page1(idx),
	};
}

/**
 * tegra241_vcmdq_init_logical() - a handle on a VCMDQ through its VINTF
 * @vcmdq: to fill in
 * @cmdqv: the unit, with valid @cmdqv->param
 * @v: the VINTF
 * @l: logical number
 *
 * Accesses are dropped while the queue is not mapped, and read as 0 (assumption A5).
 */
void tegra241_vcmdq_init_logical(struct tegra241_vcmdq *vcmdq,
				 struct tegra241_cmdqv *cmdqv, u16 v, u16 l)
{
	*vcmdq = (struct tegra241_vcmdq){
		.cmdqv = cmdqv,
		.idx = v * cmdqv->param.num_lvcmdqs_per_vintf + l,
		.vintf_idx = v,
		.lidx = l,
		.page0 = cmdqv->base + tegra241_lvcmdq_page0(v, l),
		.page1 = cmdqv->base + tegra241_lvcmdq_page1(v, l),
	};
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_vcmdq_init_logical);

/* Write CMDQ_ALLOC_MAP and see it there, which a lost unit does not show */
static int tegra241_vcmdq_write_map(struct tegra241_vcmdq *vcmdq, u32 val)
{
	void __iomem *reg = vcmdq->cmdqv->base +
			    TEGRA241_CMDQV_CMDQ_ALLOC_MAP(vcmdq->idx);

	tegra241_writel(val, reg);
	if ((tegra241_readl(reg) & CMDQV_CMDQ_ALLOC_MASK) == val)
		return 0;
	tegra241_cmdqv_alive(vcmdq->cmdqv);
	return -EIO;
}

/**
 * tegra241_vcmdq_place() - say where a queue will be mapped
 * @vcmdq: a queue that is unmapped, or whose mapping is nobody's and may go; those above
 *	it in the same VINTF are unmapped
 *
 * When this returns 0 the queue is unmapped, as after tegra241_vcmdq_unmap().
 *
 * Return: 0, or -EIO if the map does not take the value.
 */
int tegra241_vcmdq_place(struct tegra241_vcmdq *vcmdq)
{
	return tegra241_vcmdq_write_map(vcmdq,
					tegra241_alloc_map(vcmdq->vintf_idx,
							   vcmdq->lidx));
}

/**
 * tegra241_vcmdq_map() - let the VINTF have the queue
 * @vcmdq: a queue that tegra241_vcmdq_place() has returned 0 for since it was last
 *	mapped: ALLOCATED only when the fields hold. Those below it in the same VINTF are
 *	mapped: the hardware wants ascending order (hardware.md §7)
 *
 * From here on whoever has the logical page 0 can use the queue. The map reads back
 * as written (assumption A7).
 *
 * Return: 0, or -EIO if the map does not take the value.
 */
int tegra241_vcmdq_map(struct tegra241_vcmdq *vcmdq)
{
	return tegra241_vcmdq_write_map(vcmdq,
					tegra241_alloc_map(vcmdq->vintf_idx,
							   vcmdq->lidx) |
					CMDQV_CMDQ_ALLOCATED);
}

/**
 * tegra241_vcmdq_unmap() - take the queue from its VINTF
 * @vcmdq: a queue; those above it in the same VINTF are unmapped: the hardware
 *	wants descending order (hardware.md §7)
 *
 * When this returns 0 nobody but the host reaches the queue's registers: reading
 * the map back has also pushed the write out.
 *
 * Return: 0, or -EIO if the queue may have stayed mapped.
 */
int tegra241_vcmdq_unmap(struct tegra241_vcmdq *vcmdq)
{
	return tegra241_vcmdq_place(vcmdq);
}

/**
 * tegra241_vcmdq_write_config() - enable or disable a queue
 * @vcmdq: the queue
 * @val: VCMDQ_EN or 0
 *
 * Context: sleeps.
 * Return: 0, -ETIMEDOUT if the queue does not follow within a second, -EIO if the unit is
 * lost.
 */
int tegra241_vcmdq_write_config(struct tegra241_vcmdq *vcmdq, u32 val)
{
	return tegra241_handshake(vcmdq->cmdqv, val,
				  vcmdq->page0 + TEGRA241_VCMDQ_CONFIG,
				  vcmdq->page0 + TEGRA241_VCMDQ_STATUS);
}

/**
 * tegra241_vcmdq_disable() - disable a queue, one of many perhaps
 * @vcmdq: the queue
 * @patient: wait for a second, else for 10 ms: something has been waited for in vain
 *	already that this queue shares its fate with, or since this one was asked
 *
 * Context: sleeps.
 * Return: 0, -ETIMEDOUT if the queue does not follow, -EIO if the unit is lost.
 */
int tegra241_vcmdq_disable(struct tegra241_vcmdq *vcmdq, bool patient)
{
	return tegra241_handshake_for(vcmdq->cmdqv, 0,
				      vcmdq->page0 + TEGRA241_VCMDQ_CONFIG,
				      vcmdq->page0 + TEGRA241_VCMDQ_STATUS,
				      tegra241_patience(patient));
}

/**
 * tegra241_vcmdq_ask_to_stop() - disable a queue that somebody may enable again
 * @vcmdq: the queue
 *
 * Waits for 10 ms at most, and promises nothing.
 *
 * Context: sleeps.
 */
void tegra241_vcmdq_ask_to_stop(struct tegra241_vcmdq *vcmdq)
{
	tegra241_vcmdq_disable(vcmdq, false);
}

/**
 * tegra241_vcmdq_await_enabling() - let an enabling that is under way complete
 * @vcmdq: an unmapped queue, so that nobody begins another one
 *
 * If CONFIG.EN is taken back before STATUS has followed it, STATUS says "disabled"
 * at once, and nobody knows whether it still does a moment later (assumption A11: it
 * may not). Waits for 10 ms at most: hardware may also refuse to enable a queue.
 *
 * Context: sleeps.
 */
void tegra241_vcmdq_await_enabling(struct tegra241_vcmdq *vcmdq)
{
	if (tegra241_readl(vcmdq->page0 + TEGRA241_VCMDQ_CONFIG) & VCMDQ_EN)
		tegra241_await(vcmdq->cmdqv, VCMDQ_EN,
			       vcmdq->page0 + TEGRA241_VCMDQ_STATUS, BRIEFLY_US);
}

/**
 * tegra241_vcmdq_forget_memory() - make a queue point to no memory
 * @vcmdq: a queue that is disabled
 *
 * CONS_INDX_BASE is a physical address that the hardware would write to.
 */
void tegra241_vcmdq_forget_memory(struct tegra241_vcmdq *vcmdq)
{
	tegra241_writeq(0, vcmdq->page1 + TEGRA241_VCMDQ_BASE);
	tegra241_writeq(0, vcmdq->page1 + TEGRA241_VCMDQ_CONS_INDX_BASE);
}

/**
 * tegra241_vcmdq_forget_user() - make a queue carry no indices and no error
 * @vcmdq: a queue that is disabled and points to no memory, and has been flushed since
 *	if it had a user
 *
 * Return: whether an error was pending; it is acknowledged now.
 */
bool tegra241_vcmdq_forget_user(struct tegra241_vcmdq *vcmdq)
{
	u32 gerror;

	tegra241_writel(0, vcmdq->page0 + TEGRA241_VCMDQ_PROD);
	tegra241_writel(0, vcmdq->page0 + TEGRA241_VCMDQ_CONS);

	gerror = tegra241_readl(vcmdq->page0 + TEGRA241_VCMDQ_GERROR);
	if (gerror == tegra241_readl(vcmdq->page0 + TEGRA241_VCMDQ_GERRORN))
		return false;
	tegra241_writel(gerror, vcmdq->page0 + TEGRA241_VCMDQ_GERRORN);
	return true;
}

/**
 * tegra241_vcmdq_scrub() - make a queue carry nothing of its last user
 * @vcmdq: a queue that is disabled, and flushed if it had a user
 *
 * Disabling a queue makes it forget nothing (hardware.md §12).
 *
 * Return: whether an error was pending; it is acknowledged now.
 */
bool tegra241_vcmdq_scrub(struct tegra241_vcmdq *vcmdq)
{
	tegra241_vcmdq_forget_memory(vcmdq);
	return tegra241_vcmdq_forget_user(vcmdq);
}

/**
 * tegra241_vcmdq_verify_stopped() - whether a queue holds on to no memory
 * @vcmdq: the queue, after tegra241_vcmdq_forget_memory()
 *
 * Nothing is trusted that somebody else could have undone or the hardware could
 * have ignored: memory is let go of on the strength of this, and of assumption A12:
 * what says "disabled" reads no more. What points to nothing
 * by itself is left to tegra241_vcmdq_verify_empty().
 *
 * Return: 0, or -EIO.
 */
int tegra241_vcmdq_verify_stopped(struct tegra241_vcmdq *vcmdq)
{
	void __iomem *page0 = vcmdq->page0;
	void __iomem *page1 = vcmdq->page1;

	if (tegra241_readl(page0 + TEGRA241_VCMDQ_CONFIG) & VCMDQ_EN ||
	    tegra241_readl(page0 + TEGRA241_VCMDQ_STATUS) & VCMDQ_ENABLED)
		return -EIO;
	if (tegra241_readq(page1 + TEGRA241_VCMDQ_BASE) ||
	    tegra241_readq(page1 + TEGRA241_VCMDQ_CONS_INDX_BASE))
		return -EIO;
	return 0;
}

/**
 * tegra241_vcmdq_verify_empty() - whether a scrubbed queue can get a new user
 * @vcmdq: the queue
 *
 * The user starts at index 0, with no error: neither in GERROR, nor in CONS.ERR.
 *
 * Return: 0, or -EIO.
 */
int tegra241_vcmdq_verify_empty(struct tegra241_vcmdq *vcmdq)
{
	void __iomem *page0 = vcmdq->page0;
	int ret;

	ret = tegra241_vcmdq_verify_stopped(vcmdq);
	if (ret)
		return ret;
	if (tegra241_readl(page0 + TEGRA241_VCMDQ_PROD) ||
	    tegra241_readl(page0 + TEGRA241_VCMDQ_CONS))
		return -EIO;
	if ((tegra241_readl(page0 + TEGRA241_VCMDQ_GERROR) ^
	     tegra241_readl(page0 + TEGRA241_VCMDQ_GERRORN)) & VCMDQ_GERROR_MASK)
		return -EIO;
	return 0;
}

/**
 * tegra241_vintf_init() - a handle on a VINTF
 * @vintf: to fill in
 * @cmdqv: the unit
 * @idx: its number
 */
void tegra241_vintf_init(struct tegra241_vintf *vintf,
			 struct tegra241_cmdqv *cmdqv, u16 idx)
{
	*vintf = (struct tegra241_vintf){
		.cmdqv = cmdqv,
		.idx = idx,
		.base = cmdqv->base + TEGRA241_VINTF(idx),
	};
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_vintf_init);

/**
 * tegra241_vintf_enable() - enable a VINTF
 * @vintf: a disabled VINTF
 * @config: VMID and HYP_OWN, which have to be there before VINTF_EN is
 *	(hardware.md §6)
 *
 * Context: sleeps.
 * Return: 0, -ETIMEDOUT if the VINTF does not follow within a second, -EIO if the unit is
 * lost.
 */
int tegra241_vintf_enable(struct tegra241_vintf *vintf, u32 config)
{
	void __iomem *reg = vintf->base + TEGRA241_VINTF_CONFIG;

	tegra241_writel(config, reg);
	return tegra241_handshake(vintf->cmdqv, config | VINTF_EN, reg,
				  vintf->base + TEGRA241_VINTF_STATUS);
}

static int tegra241_vintf_disable_for(struct tegra241_vintf *vintf, u32 config,
				      u64 timeout_us)
{
	int ret = tegra241_handshake_for(vintf->cmdqv, config & ~VINTF_EN,
					 vintf->base + TEGRA241_VINTF_CONFIG,
					 vintf->base + TEGRA241_VINTF_STATUS,
					 timeout_us);

	if (ret)
		return ret;
	/* A VMID goes by this answer: 0 has to be the unit's own */
	return tegra241_cmdqv_alive(vintf->cmdqv) ? 0 : -EIO;
}

/**
 * tegra241_vintf_disable() - disable a VINTF
 * @vintf: the VINTF
 * @config: VMID and HYP_OWN that it has
 *
 * It keeps its VMID: until it has stopped, which it may never do, the commands of
 * its queues carry what stands there (assumption A14).
 *
 * Context: sleeps.
 * Return: 0, -ETIMEDOUT if the VINTF does not follow within a second, -EIO if the unit is
 * lost.
 */
int tegra241_vintf_disable(struct tegra241_vintf *vintf, u32 config)
{
	return tegra241_vintf_disable_for(vintf, config,
					  ARM_SMMU_POLL_TIMEOUT_US);
}

/**
 * tegra241_vintf_disable_any() - disable a VINTF that somebody else has set up
 * @vintf: the VINTF
 * @patient: as for tegra241_vcmdq_disable()
 *
 * Context: sleeps.
 * Return: as tegra241_vintf_disable().
 */
int tegra241_vintf_disable_any(struct tegra241_vintf *vintf, bool patient)
{
	u32 config = tegra241_readl(vintf->base + TEGRA241_VINTF_CONFIG);

	/* That would be HYP_OWN, for a VINTF that may be a VM's */
	if (config == TEGRA241_NO_ANSWER)
		return tegra241_cmdqv_alive(vintf->cmdqv) ? -ETIMEDOUT : -EIO;
	return tegra241_vintf_disable_for(vintf, config,
					  tegra241_patience(patient));
}

/**
 * tegra241_vintf_scrub() - make a VINTF carry nothing of its last owner
 * @vintf: a disabled VINTF
 * @slots: SID slots that tegra241_vintf_clear_sid() has not cleared since they were
 *	set, or since nobody knows what is in them. Nobody but this driver writes there.
 *
 * Return: 0, or -EIO if a slot still matches, or the unit is lost: the next owner could
 * name its device.
 */
int tegra241_vintf_scrub(struct tegra241_vintf *vintf, unsigned long slots)
{
	unsigned int slot;
	int ret = 0;

	tegra241_writel(0, vintf->base + TEGRA241_VINTF_CONFIG);
	for_each_set_bit(slot, &slots, vintf->cmdqv->param.num_sids_per_vintf) {
		if (tegra241_vintf_unmatch_sid(vintf, slot))
			ret = -EIO;
		else
			tegra241_vintf_clear_sid(vintf, slot);
	}
	if (slots && !tegra241_cmdqv_alive(vintf->cmdqv))
		ret = -EIO;
	return ret;
}

/**
 * tegra241_vintf_read_err_map() - which queues of a VINTF have an error
 * @vintf: the VINTF
 * @map: one bit a logical queue; filled in, bits without a queue are 0
 *
 * A bit goes when the queue's user acknowledges the error in GERRORN.
 */
void tegra241_vintf_read_err_map(struct tegra241_vintf *vintf,
				 unsigned long *map)
{
	u64 raw[LVCMDQ_ERR_MAP_NUM_64];
	int i;

	for (i = 0; i < LVCMDQ_ERR_MAP_NUM_64; i++)
		raw[i] = tegra241_readq(vintf->base +
					TEGRA241_VINTF_LVCMDQ_ERR_MAP_64(i));
	bitmap_from_arr64(map, raw, TEGRA241_MAX_VCMDQS);
	bitmap_clear(map, vintf->cmdqv->param.num_lvcmdqs_per_vintf,
		     TEGRA241_MAX_VCMDQS -
		     vintf->cmdqv->param.num_lvcmdqs_per_vintf);
}

/**
 * tegra241_vintf_set_sid() - let a VINTF name a device
 * @vintf: the VINTF
 * @slot: a free slot, below num_sids_per_vintf
 * @virt_sid: the guest's StreamID, 20 bits, in no other slot of the VINTF
 * @phys_sid: the real one, 20 bits
 *
 * The replacement has to stand before anything can match, so both writes are
 * ordered ones. A command is matched with what stands there when it is executed, by
 * all bits of its StreamID (assumption A18).
 */
void tegra241_vintf_set_sid(struct tegra241_vintf *vintf, u16 slot,
			    u32 virt_sid, u32 phys_sid)
{
	tegra241_writel(FIELD_PREP(VINTF_SID_REPLACE_PHYS_SID, phys_sid),
			vintf->base + TEGRA241_VINTF_SID_REPLACE(slot));
	tegra241_writel(tegra241_sid_match(virt_sid),
			vintf->base + TEGRA241_VINTF_SID_MATCH(slot));
}

/**
 * tegra241_vintf_unmatch_sid() - let no more commands of a VINTF name a device
 * @vintf: the VINTF
 * @slot: the slot
 *
 * A command is matched when it is executed (assumption A18), and reading back has
 * pushed the write out. Those that have been matched before may still be under way
 * when this returns, tegra241_cmdqv_flush() waits for them.
 *
 * Return: 0, or -EIO if the slot still matches, or says so (assumption A7). What a unit
 * says that is lost may be 0, too: ask tegra241_cmdqv_alive() after it.
 */
int tegra241_vintf_unmatch_sid(struct tegra241_vintf *vintf, u16 slot)
{
	tegra241_writel(0, vintf->base + TEGRA241_VINTF_SID_MATCH(slot));
	return tegra241_readl(vintf->base + TEGRA241_VINTF_SID_MATCH(slot)) &
	       VINTF_SID_MATCH_EN ? -EIO : 0;
}

/**
 * tegra241_vintf_clear_sid() - make a SID slot carry nothing of its last device
 * @vintf: the VINTF
 * @slot: a slot that matches nothing and that no command can have matched: the last ones
 *	have been flushed, or the VINTF is disabled
 */
void tegra241_vintf_clear_sid(struct tegra241_vintf *vintf, u16 slot)
{
	tegra241_writel(0, vintf->base + TEGRA241_VINTF_SID_REPLACE(slot));
}
