// SPDX-License-Identifier: GPL-2.0-only
/*
 * NVIDIA Tegra241 CMDQV: what an administrator sees of the unit, in debugfs
 *
 *	tegra241_cmdqv/bypass_vcmdq	a switch, for all units
 *	tegra241_cmdqv/<SMMU>/unit	the unit, its SMMU, its interrupt
 *	tegra241_cmdqv/<SMMU>/vintfs	VINTFs and who has them
 *	tegra241_cmdqv/<SMMU>/vcmdqs	queues: geometry, indices, errors
 *	tegra241_cmdqv/<SMMU>/sids	SID slots of VMs
 *
 * That is in "iommu" with CONFIG_IOMMU_DEBUGFS, at the top without: production kernels
 * don't have that option, and administrators want to see this nevertheless.
 *
 * The files hold records, one a line: a word, then key=value. Programs read them, so
 * keys stay where they are and what they are; new ones come at the end. The part
 * about VMs is in tegra241-cmdqv-vm-debugfs.c.
 *
 * Only root can read the files: they tell which VM does what, and where its queues
 * are in memory. They never write to hardware, and read nothing but what the driver
 * itself reads or has written, which has no side effects (assumption A22). Registers
 * of VINTFs and VCMDQs are read while the unit is enabled and not after: nobody says
 * that a disabled unit answers.
 *
 * What is shown of one VINTF or one queue is of one owner, see struct tegra241_view.
 * Hardware and VMs go on meanwhile: registers are read one after the other.
 */

#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>

#include "tegra241-cmdqv-vm.h"

/* VINTF0, if it is there yet: @cmdqv is shown while it is still being probed */
static struct tegra241_host_vintf *tegra241_view_vintf0(struct tegra241_cmdqv *cmdqv)
{
	/* Pairs with the release in tegra241_vintf0_alloc() */
	return smp_load_acquire(&cmdqv->vintf0);
}

static const char *tegra241_unit_role(struct tegra241_host_vintf *vintf0)
{
	/* Pairs with the release in tegra241_vintf0_hw_init() */
	if (!vintf0 || !smp_load_acquire(&vintf0->role_known))
		return "-";
	return vintf0->hyp_own ? "host" : "guest";
}

static void tegra241_unit_show_smmu(struct seq_file *m,
				    struct tegra241_cmdqv *cmdqv)
{
	const struct tegra241_smmu_ids *ids = &cmdqv->view.smmu_ids;
	const struct arm_smmu_device *smmu = &cmdqv->smmu;

	/* Pairs with the release in tegra241_view_smmu() */
	if (!smp_load_acquire(&cmdqv->view.smmu_known))
		return;
	seq_printf(m, "smmu iidr=0x%x aidr=0x%x idr0=0x%x idr1=0x%x idr3=0x%x idr5=0x%x nesting=%d s2fwb=%d coherent=%d nest_vm=%d\n",
		   ids->iidr, ids->aidr, ids->idr0, ids->idr1, ids->idr3,
		   ids->idr5,
		   !!(smmu->features & ARM_SMMU_FEAT_NESTING),
		   !!(smmu->features & ARM_SMMU_FEAT_S2FWB),
		   !!(smmu->features & ARM_SMMU_FEAT_COHERENCY),
		   arm_smmu_can_nest_vms(smmu));
}

/**
 * tegra241_unit_show() - debugfs file "unit"
 * @m: the file; its private data is the unit
 * @v: unused
 *
 * What the hardware has, whether it is in use and as what (role=-: nobody knows yet),
 * and whether VMs can have VINTFs (vm_usable). nest_vm: whether the SMMU is one that
 * VMs can have nested translation on; their devices have a say in it as well. There is
 * no record of the SMMU before it has been probed.
 *
 * Context: sleeps.
 * Return: 0.
 */
VISIBLE_IF_KUNIT int tegra241_unit_show(struct seq_file *m, void *v)
{
	struct tegra241_cmdqv *cmdqv = m->private;
	struct tegra241_host_vintf *vintf0 = tegra241_view_vintf0(cmdqv);
	const struct tegra241_cmdqv_param *param = &cmdqv->param;
	phys_addr_t base = cmdqv->base_phys;

	seq_printf(m, "unit smmu=%s cmdqv=%s role=%s state=%s version=%u vintfs=%u vcmdqs=%u lvcmdqs_per_vintf=%u sids_per_vintf=%u max_log2_entries=%u vm_usable=%d param=0x%x config=0x%x status=0x%x base=%pap size=0x%llx\n",
		   dev_name(cmdqv->smmu.dev), dev_name(cmdqv->dev),
		   tegra241_unit_role(vintf0),
		   READ_ONCE(cmdqv->lost) ? "lost" :
		   READ_ONCE(cmdqv->running) ? "running" : "stopped",
		   param->version, param->num_vintfs, param->num_vcmdqs,
		   param->num_lvcmdqs_per_vintf, param->num_sids_per_vintf,
		   cmdqv->max_log2_entries,
		   vintf0 && tegra241_cmdqv_vm_usable(cmdqv),
		   tegra241_readl(cmdqv->base + TEGRA241_CMDQV_PARAM),
		   tegra241_readl(cmdqv->base + TEGRA241_CMDQV_CONFIG),
		   tegra241_readl(cmdqv->base + TEGRA241_CMDQV_STATUS),
		   &base, (u64)cmdqv->size);
	tegra241_unit_show_smmu(m, cmdqv);
	if (cmdqv->irq > 0)
		seq_printf(m, "interrupt irq=%d count=%llu\n", cmdqv->irq,
			   READ_ONCE(cmdqv->interrupts));
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_unit_show);
DEFINE_SHOW_ATTRIBUTE(tegra241_unit);

/**
 * tegra241_view_show_vintf_regs() - end a record of a VINTF
 * @m: the file
 * @vintf: the VINTF; nobody else gets it before this returns
 *
 * The keys config= and status=, if they can be read now.
 *
 * Context: takes tegra241_view::lock.
 */
void tegra241_view_show_vintf_regs(struct seq_file *m,
				   struct tegra241_vintf *vintf)
{
	struct tegra241_view *view = &vintf->cmdqv->view;
	u32 config, status;

	scoped_guard(spinlock, &view->lock) {
		if (!view->readable)
			return;
		config = tegra241_readl(vintf->base + TEGRA241_VINTF_CONFIG);
		status = tegra241_readl(vintf->base + TEGRA241_VINTF_STATUS);
	}
	seq_printf(m, " config=0x%x status=0x%x", config, status);
}

/**
 * tegra241_vintfs_show_host() - the record of VINTF0 in file "vintfs"
 * @m: the file
 * @cmdqv: the unit; its VINTF0 need not be there yet
 *
 * Whether it takes commands, whether it is a hypervisor's, its queues, the errors that
 * these have had, and its registers.
 *
 * Context: takes tegra241_view::lock.
 */
void tegra241_vintfs_show_host(struct seq_file *m, struct tegra241_cmdqv *cmdqv)
{
	struct tegra241_host_vintf *vintf0 = tegra241_view_vintf0(cmdqv);
	unsigned int lidx, queues = 0;

	if (!vintf0)
		return;
	for (lidx = 0; READ_ONCE(vintf0->enabled) &&
	     lidx < cmdqv->param.num_lvcmdqs_per_vintf; lidx++)
		queues += READ_ONCE(vintf0->lvcmdqs[lidx]->state) ==
			  TEGRA241_HOST_VCMDQ_ON;
	seq_printf(m, "vintf0 enabled=%d hyp_own=%d queues=%u errors=%llu",
		   READ_ONCE(vintf0->enabled), vintf0->hyp_own, queues,
		   READ_ONCE(vintf0->errors));
	tegra241_view_show_vintf_regs(m, &vintf0->hw);
	seq_putc(m, '\n');
}

/**
 * tegra241_vintfs_show() - debugfs file "vintfs"
 * @m: the file; its private data is the unit
 * @v: unused
 *
 * See tegra241_vintfs_show_all(); without a VM side VINTF0 is all.
 *
 * Context: sleeps.
 * Return: 0.
 */
VISIBLE_IF_KUNIT int tegra241_vintfs_show(struct seq_file *m, void *v)
{
	tegra241_vintfs_show_all(m, m->private);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_vintfs_show);
DEFINE_SHOW_ATTRIBUTE(tegra241_vintfs);

/**
 * tegra241_view_read_vcmdq() - read the registers of a queue
 * @vcmdq: the queue, in use
 * @regs: filled in
 *
 * Context: tegra241_view::lock is held, tegra241_view::readable is set.
 */
void tegra241_view_read_vcmdq(struct tegra241_vcmdq *vcmdq,
			      struct tegra241_vcmdq_regs *regs)
{
	void __iomem *page0 = vcmdq->page0;

	lockdep_assert_held(&vcmdq->cmdqv->view.lock);

	regs->base = tegra241_readq(vcmdq->page1 + TEGRA241_VCMDQ_BASE);
	regs->prod = tegra241_readl(page0 + TEGRA241_VCMDQ_PROD);
	regs->cons = tegra241_readl(page0 + TEGRA241_VCMDQ_CONS);
	regs->config = tegra241_readl(page0 + TEGRA241_VCMDQ_CONFIG);
	regs->status = tegra241_readl(page0 + TEGRA241_VCMDQ_STATUS);
	regs->gerror = tegra241_readl(page0 + TEGRA241_VCMDQ_GERROR);
	regs->gerrorn = tegra241_readl(page0 + TEGRA241_VCMDQ_GERRORN);
	/* Last, as it goes first: a VM's queue that is mapped has its BASE */
	regs->alloc = tegra241_readl(vcmdq->cmdqv->base +
				     TEGRA241_CMDQV_CMDQ_ALLOC_MAP(vcmdq->idx));
}

/**
 * tegra241_view_show_vcmdq() - a record of file "vcmdqs"
 * @m: the file
 * @vcmdq: the queue; only its numbers are looked at
 * @owner: who has it
 * @regs: its registers
 *
 * PROD and CONS with their wrap bits, CONS without its error, which is cons_err. A
 * queue without BASE has no entries.
 *
 * Context: any.
 */
void tegra241_view_show_vcmdq(struct seq_file *m,
			      const struct tegra241_vcmdq *vcmdq,
			      const char *owner,
			      const struct tegra241_vcmdq_regs *regs)
{
	u64 entries = regs->base ?
			      1ULL << FIELD_GET(VCMDQ_LOG2SIZE, regs->base) : 0;

	seq_printf(m, "vcmdq q=%u v=%u l=%u owner=%s entries=%llu base=0x%llx prod=0x%lx cons=0x%lx cons_err=%lu config=0x%x status=0x%x gerror=0x%x gerrorn=0x%x alloc=0x%x\n",
		   vcmdq->idx, vcmdq->vintf_idx, vcmdq->lidx, owner, entries,
		   regs->base & VCMDQ_ADDR, regs->prod & VCMDQ_INDEX,
		   regs->cons & VCMDQ_INDEX,
		   FIELD_GET(VCMDQ_CONS_ERR, regs->cons), regs->config,
		   regs->status, regs->gerror, regs->gerrorn, regs->alloc);
}

/* The kernel's own, as long as they are mapped */
static void tegra241_vcmdqs_show_host(struct seq_file *m,
				      struct tegra241_cmdqv *cmdqv)
{
	struct tegra241_host_vintf *vintf0 = tegra241_view_vintf0(cmdqv);
	struct tegra241_view *view = &cmdqv->view;
	u16 lidx;

	for (lidx = 0; vintf0 && lidx < cmdqv->param.num_lvcmdqs_per_vintf;
	     lidx++) {
		struct tegra241_host_vcmdq *vcmdq;
		struct tegra241_vcmdq_regs regs = {};

		/* Pairs with the release in tegra241_vintf0_add_lvcmdq() */
		vcmdq = smp_load_acquire(&vintf0->lvcmdqs[lidx]);
		if (!vcmdq)
			return;
		scoped_guard(spinlock, &view->lock) {
			if (view->readable)
				tegra241_view_read_vcmdq(&vcmdq->hw, &regs);
		}
		if (regs.alloc & CMDQV_CMDQ_ALLOCATED)
			tegra241_view_show_vcmdq(m, &vcmdq->hw, "host", &regs);
	}
}

/**
 * tegra241_vcmdqs_show() - debugfs file "vcmdqs"
 * @m: the file; its private data is the unit
 * @v: unused
 *
 * The kernel's own queues that are mapped, then those of VMs, in the order of their
 * global numbers. None while the unit is stopped.
 *
 * Context: sleeps.
 * Return: 0.
 */
VISIBLE_IF_KUNIT int tegra241_vcmdqs_show(struct seq_file *m, void *v)
{
	struct tegra241_cmdqv *cmdqv = m->private;

	tegra241_vcmdqs_show_host(m, cmdqv);
	tegra241_vcmdqs_show_vms(m, cmdqv);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_vcmdqs_show);
DEFINE_SHOW_ATTRIBUTE(tegra241_vcmdqs);

/**
 * tegra241_sids_show() - debugfs file "sids"
 * @m: the file; its private data is the unit
 * @v: unused
 *
 * Context: sleeps.
 * Return: 0.
 */
VISIBLE_IF_KUNIT int tegra241_sids_show(struct seq_file *m, void *v)
{
	tegra241_sids_show_vms(m, m->private);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_sids_show);
DEFINE_SHOW_ATTRIBUTE(tegra241_sids);

/**
 * tegra241_view_init() - nothing can be looked at yet
 * @cmdqv: the unit, zeroed
 */
void tegra241_view_init(struct tegra241_cmdqv *cmdqv)
{
	spin_lock_init(&cmdqv->view.lock);
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_view_init);

/**
 * tegra241_view_smmu() - the SMMU has been probed
 * @cmdqv: the unit; the SMMU's registers are mapped, its features won't change
 *
 * Context: the SMMU's probe.
 */
void tegra241_view_smmu(struct tegra241_cmdqv *cmdqv)
{
	void __iomem *base = cmdqv->smmu.base;

	cmdqv->view.smmu_ids = (struct tegra241_smmu_ids){
		.iidr = readl_relaxed(base + ARM_SMMU_IIDR),
		.aidr = readl_relaxed(base + ARM_SMMU_AIDR),
		.idr0 = readl_relaxed(base + ARM_SMMU_IDR0),
		.idr1 = readl_relaxed(base + ARM_SMMU_IDR1),
		.idr3 = readl_relaxed(base + ARM_SMMU_IDR3),
		.idr5 = readl_relaxed(base + ARM_SMMU_IDR5),
	};
	/* Pairs with the acquire in tegra241_unit_show_smmu() */
	smp_store_release(&cmdqv->view.smmu_known, true);
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_view_smmu);

/**
 * tegra241_view_readable() - the unit goes on or off
 * @cmdqv: the unit, enabled now
 * @readable: registers of VINTFs and VCMDQs can be read from now on; false: when this
 *	returns nobody reads them
 *
 * Context: any that may take a spinlock.
 */
void tegra241_view_readable(struct tegra241_cmdqv *cmdqv, bool readable)
{
	guard(spinlock)(&cmdqv->view.lock);
	cmdqv->view.readable = readable;
}

static struct dentry *tegra241_debugfs_parent(void)
{
#ifdef CONFIG_IOMMU_DEBUGFS
	return iommu_debugfs_dir;
#else
	return NULL;
#endif
}

static DEFINE_MUTEX(debugfs_lock); /* protects what follows */
static struct dentry *debugfs_dir;
static unsigned int debugfs_users;

/**
 * tegra241_debugfs_add() - let the administrator see a unit
 * @cmdqv: the unit; its VINTF0 need not be there yet
 *
 * bypass_vcmdq is one switch for all units.
 *
 * Context: sleeps.
 */
void tegra241_debugfs_add(struct tegra241_cmdqv *cmdqv)
{
	struct dentry *dir;

	guard(mutex)(&debugfs_lock);
	if (!debugfs_users++) {
		debugfs_dir = debugfs_create_dir("tegra241_cmdqv",
						 tegra241_debugfs_parent());
		debugfs_create_bool("bypass_vcmdq", 0600, debugfs_dir,
				    &tegra241_bypass_vcmdq);
	}
	dir = debugfs_create_dir(dev_name(cmdqv->smmu.dev), debugfs_dir);
	debugfs_create_file("unit", 0400, dir, cmdqv, &tegra241_unit_fops);
	debugfs_create_file("vintfs", 0400, dir, cmdqv, &tegra241_vintfs_fops);
	debugfs_create_file("vcmdqs", 0400, dir, cmdqv, &tegra241_vcmdqs_fops);
	debugfs_create_file("sids", 0400, dir, cmdqv, &tegra241_sids_fops);
	cmdqv->view.dir = dir;
}

/**
 * tegra241_debugfs_remove() - undo tegra241_debugfs_add()
 * @cmdqv: the unit, all of it still there; if it has no files, nothing happens
 *
 * The last unit takes the driver's directory with it: the switch is in this module.
 *
 * Context: sleeps, for as long as somebody reads the files. Nobody does any more when
 * this returns.
 */
void tegra241_debugfs_remove(struct tegra241_cmdqv *cmdqv)
{
	if (!cmdqv->view.dir)
		return;
	guard(mutex)(&debugfs_lock);
	debugfs_remove(cmdqv->view.dir);
	if (!--debugfs_users)
		debugfs_remove(debugfs_dir);
}
