// SPDX-License-Identifier: GPL-2.0-only
/*
 * NVIDIA Tegra241 CMDQV: the host side
 *
 * Finds the unit beside its SMMU, takes it into use and out of use, and hears of
 * its errors. Whatever goes wrong here, the SMMU goes on with its own command
 * queue.
 */

#define dev_fmt(fmt) "tegra241_cmdqv: " fmt

#include <kunit/visibility.h>
#include <linux/acpi.h>
#include <linux/interrupt.h>
#include <linux/ioport.h>
#include <linux/module.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>

#include "tegra241-cmdqv-trace.h"
#include "tegra241-cmdqv-vm.h"

static bool disable_cmdqv;
module_param(disable_cmdqv, bool, 0444);
MODULE_PARM_DESC(disable_cmdqv,
		 "Leave the CMDQV hardware off and use the SMMU's own command queue only.");

/* Of VINTF0 only: what a VM's queues do is no message's worth */
static void tegra241_cmdqv_log_error(struct tegra241_cmdqv *cmdqv, u64 map)
{
	void __iomem *base = cmdqv->base;

	dev_warn_ratelimited(cmdqv->dev,
			     "VINTF0: error reported, VINTFs %016llx, VCMDQs %08x:%08x:%08x:%08x\n",
			     map,
			     tegra241_readl(base + TEGRA241_CMDQV_CMDQ_ERR_MAP(3)),
			     tegra241_readl(base + TEGRA241_CMDQV_CMDQ_ERR_MAP(2)),
			     tegra241_readl(base + TEGRA241_CMDQV_CMDQ_ERR_MAP(1)),
			     tegra241_readl(base + TEGRA241_CMDQV_CMDQ_ERR_MAP(0)));
}

/*
 * One edge for the whole unit. It does not come again for an error that is
 * pending already, and errors of other queues raise it meanwhile
 * (hardware.md §10), so each run looks at all VINTFs that have an error.
 */
/**
 * tegra241_cmdqv_look() - see to errors of all queues
 * @cmdqv: the unit
 *
 * Context: the interrupt thread; a work item while the interrupt is off.
 */
void tegra241_cmdqv_look(struct tegra241_cmdqv *cmdqv)
{
	void __iomem *reg = cmdqv->base + TEGRA241_CMDQV_VINTF_ERR_MAP;
	struct tegra241_host_vintf *vintf0;
	bool host;
	u64 map;

	if (READ_ONCE(cmdqv->lost) || READ_ONCE(cmdqv->storm.stopped))
		return;

	/* Not aligned for a 64-bit access; bits past the last VINTF are noise */
	map = tegra241_readl(reg) | (u64)tegra241_readl(reg + 4) << 32;
	if (!~map && !tegra241_cmdqv_alive(cmdqv))
		return;
	map &= GENMASK_ULL(cmdqv->param.num_vintfs - 1, 0);

	trace_cmdqv_interrupt(cmdqv, map);

	host = map & BIT_ULL(0);
	if (host) {
		tegra241_cmdqv_log_error(cmdqv, map);
		map &= ~BIT_ULL(0);

		/* Pairs with the release in tegra241_vintf0_alloc() */
		vintf0 = smp_load_acquire(&cmdqv->vintf0);
		if (vintf0)
			tegra241_vintf0_handle_error(vintf0);
	}

	tegra241_vm_errors_handle(cmdqv, map, host);
}

VISIBLE_IF_KUNIT irqreturn_t tegra241_cmdqv_isr(int irq, void *devid)
{
	struct tegra241_cmdqv *cmdqv = devid;

	WRITE_ONCE(cmdqv->interrupts, cmdqv->interrupts + 1);
	tegra241_cmdqv_look(cmdqv);
	tegra241_storm_count(cmdqv);
	return IRQ_HANDLED;
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_cmdqv_isr);

/*
 * A unit that is enabled comes back with all that it knows, and queues that are
 * enabled would read whatever has become of a predecessor's memory. Waits for
 * nothing, since a disabled unit need not answer; that it takes the writes is
 * assumption A9. Of a unit that is lost it is as good as nothing that arrives.
 */
static void tegra241_cmdqv_hw_ask_all_to_stop(struct tegra241_cmdqv *cmdqv)
{
	struct tegra241_vintf vintf;
	struct tegra241_vcmdq vcmdq;
	u16 idx;
	u32 reg;

	for (idx = cmdqv->param.num_vcmdqs; idx--;) {
		tegra241_vcmdq_init_direct(&vcmdq, cmdqv, idx);
		tegra241_writel(0, vcmdq.page0 + TEGRA241_VCMDQ_CONFIG);
		tegra241_vcmdq_unmap(&vcmdq);
	}
	for (idx = cmdqv->param.num_vintfs; idx--;) {
		tegra241_vintf_init(&vintf, cmdqv, idx);
		reg = tegra241_readl(vintf.base + TEGRA241_VINTF_CONFIG);
		if (reg != TEGRA241_NO_ANSWER)
			tegra241_writel(reg & ~VINTF_EN,
					vintf.base + TEGRA241_VINTF_CONFIG);
	}
}

/*
 * Stop and empty what firmware or, over kexec, another kernel has left, which
 * may have mapped queues to every VINTF. From here on a queue is mapped to a
 * VINTF only while somebody owns it: a VM could enable one that nobody set up.
 * All queues are asked before the first is waited for, so that however many would not
 * stop, they are given a second together, and each 10 ms more; and so are the VINTFs.
 * @broken: set to the VINTFs of which something would not stop
 */
static void tegra241_cmdqv_hw_quiesce(struct tegra241_cmdqv *cmdqv,
				      unsigned long *broken)
{
	struct tegra241_vintf vintf;
	struct tegra241_vcmdq vcmdq;
	bool patient = true;
	u16 idx;
	int ret;

	bitmap_zero(broken, TEGRA241_MAX_VINTFS);

	/* A VINTF that somebody has masked would never tell of an error again */
	for (idx = 0; idx < 2; idx++)
		tegra241_writel(0, cmdqv->base +
				   TEGRA241_CMDQV_VINTF_INT_MASK(idx));

	for (idx = cmdqv->param.num_vcmdqs; idx--;) {
		tegra241_vcmdq_init_direct(&vcmdq, cmdqv, idx);
		tegra241_writel(0, vcmdq.page0 + TEGRA241_VCMDQ_CONFIG);
	}
	for (idx = cmdqv->param.num_vcmdqs; idx--;) {
		tegra241_vcmdq_init_direct(&vcmdq, cmdqv, idx);
		ret = tegra241_vcmdq_disable(&vcmdq, patient);
		if (!ret)
			tegra241_vcmdq_scrub(&vcmdq);
		else
			patient = false;
		ret = tegra241_vcmdq_unmap(&vcmdq) ?: ret;
		if (ret) {
			dev_err_ratelimited(cmdqv->dev,
					    "VINTF%u: VCMDQ%u would not stop (%d), left out until a power cycle\n",
					    vcmdq.vintf_idx, idx, ret);
			__set_bit(vcmdq.vintf_idx, broken);
		}
	}
	patient = true;
	for (idx = cmdqv->param.num_vintfs; idx--;) {
		tegra241_vintf_init(&vintf, cmdqv, idx);
		ret = tegra241_vintf_disable_any(&vintf, patient);
		if (ret) {
			patient = false;
			dev_err_ratelimited(cmdqv->dev,
					    "VINTF%u: would not stop (%d), left out until a power cycle\n",
					    idx, ret);
			__set_bit(idx, broken);
		} else if (tegra241_vintf_scrub(&vintf, TEGRA241_ALL_SIDS) && idx) {
			/* The host's own commands are not matched with slots */
			dev_err_ratelimited(cmdqv->dev,
					    "VINTF%u: still names devices, left out until a power cycle\n",
					    idx);
			__set_bit(idx, broken);
		}
	}
}

/*
 * What would not stop must not be given to a VM, but costs the host nothing, unless
 * it is of VINTF0.
 */
static int tegra241_cmdqv_set_aside(struct tegra241_cmdqv *cmdqv,
				    const unsigned long *broken)
{
	unsigned int idx;

	if (test_bit(0, broken))
		return -EIO;
	for_each_set_bit(idx, broken, cmdqv->param.num_vintfs)
		tegra241_cmdqv_vm_reserve(cmdqv, idx);
	return 0;
}

static void tegra241_cmdqv_hw_disable(struct tegra241_cmdqv *cmdqv)
{
	u32 config = tegra241_readl(cmdqv->base + TEGRA241_CMDQV_CONFIG);
	int ret;

	tegra241_view_readable(cmdqv, false);
	/* What else would be written then: CONS_DRAM_EN, say */
	if (config == TEGRA241_NO_ANSWER)
		config = 0;
	ret = tegra241_cmdqv_write_config(cmdqv, config & ~CMDQV_EN);
	trace_cmdqv_disable(cmdqv, ret);
	if (ret)
		dev_err(cmdqv->dev, "the unit would not be disabled (%d): STATUS=0x%x; power-cycle before another kernel runs here\n",
			ret, tegra241_readl(cmdqv->base + TEGRA241_CMDQV_STATUS));
	WRITE_ONCE(cmdqv->running, false);
}

/*
 * The SMMU is enabled. A unit that does not work is turned off and the SMMU's
 * own queue used, so there is nothing to fail for.
 */
static int tegra241_cmdqv_device_reset(struct arm_smmu_device *smmu)
{
	struct tegra241_cmdqv *cmdqv = to_cmdqv(smmu);
	u32 config = tegra241_readl(cmdqv->base + TEGRA241_CMDQV_CONFIG);
	DECLARE_BITMAP(broken, TEGRA241_MAX_VINTFS) = {};
	u64 aside;
	int ret;

	if (!tegra241_cmdqv_alive(cmdqv)) {
		tegra241_cmdqv_hw_ask_all_to_stop(cmdqv);
		tegra241_cmdqv_hw_disable(cmdqv);
		return 0;
	}

	/* While the unit runs its queues can be waited for; failing does no harm */
	if (tegra241_readl(cmdqv->base + TEGRA241_CMDQV_STATUS) & CMDQV_ENABLED)
		tegra241_cmdqv_hw_quiesce(cmdqv, broken);
	tegra241_cmdqv_hw_ask_all_to_stop(cmdqv);

	ret = tegra241_cmdqv_write_config(cmdqv, config & ~CMDQV_EN) ?:
	      tegra241_cmdqv_write_config(cmdqv, config | CMDQV_EN);
	trace_cmdqv_enable(cmdqv, ret);
	if (!ret) {
		tegra241_cmdqv_hw_quiesce(cmdqv, broken);
		tegra241_storm_start(cmdqv);
		ret = tegra241_cmdqv_set_aside(cmdqv, broken) ?:
		      tegra241_vintf0_hw_init(cmdqv->vintf0);
	}
	bitmap_to_arr64(&aside, broken, TEGRA241_MAX_VINTFS);
	trace_cmdqv_reset(cmdqv, aside, ret);
	if (ret) {
		dev_err(cmdqv->dev,
			"reset failed: %d, using the SMMU's own command queue, none for VMs\n",
			ret);
		tegra241_storm_stop(cmdqv);
		tegra241_cmdqv_hw_disable(cmdqv);
		return 0;
	}

	WRITE_ONCE(cmdqv->running, true);
	tegra241_view_readable(cmdqv, true);
	dev_info(cmdqv->dev, "%u VCMDQs in use as %s, %u VINTFs for VMs\n",
		 cmdqv->param.num_lvcmdqs_per_vintf,
		 cmdqv->vintf0->hyp_own ? "hypervisor" : "guest",
		 tegra241_cmdqv_vm_usable(cmdqv) ?
			 cmdqv->param.num_vintfs - 1 -
			 bitmap_weight(broken, TEGRA241_MAX_VINTFS) : 0);
	return 0;
}

/*
 * The SMMU is still enabled, so that the queues' last commands and the flush
 * complete. Called for a shutdown as well, where VMs may still be there. No VM gets
 * anything new once VINTF0 is down, see tegra241_cmdqv_vm_usable().
 */
static void tegra241_cmdqv_device_disable(struct arm_smmu_device *smmu)
{
	struct tegra241_cmdqv *cmdqv = to_cmdqv(smmu);

	tegra241_storm_stop(cmdqv);
	if (!cmdqv->running)
		return;

	if (tegra241_cmdqv_alive(cmdqv))
		tegra241_vintf0_hw_deinit(cmdqv->vintf0);
	else
		tegra241_cmdqv_hw_ask_all_to_stop(cmdqv);
	tegra241_cmdqv_vm_stop(cmdqv);
	tegra241_cmdqv_hw_disable(cmdqv);
}

/* The SMMU is off, and so are the queues since device_disable */
static void tegra241_cmdqv_device_remove(struct arm_smmu_device *smmu)
{
	struct tegra241_cmdqv *cmdqv = to_cmdqv(smmu);

	/* These look at all that goes now, so they have to be done with it */
	tegra241_debugfs_remove(cmdqv);
	/* If the unit was never in use. Before the line goes, which it may turn on */
	tegra241_storm_stop(cmdqv);
	if (cmdqv->irq > 0)
		free_irq(cmdqv->irq, cmdqv);

	tegra241_vintf0_free(cmdqv);
	tegra241_cmdqv_vm_exit(cmdqv);
	iounmap(cmdqv->base);
	put_device(cmdqv->dev);
}

VISIBLE_IF_KUNIT const struct arm_smmu_impl_ops tegra241_cmdqv_impl_ops = {
	.get_secondary_cmdq = tegra241_vintf0_get_cmdq,
	.secondary_cmdq_failed = tegra241_vintf0_cmdq_failed,
	.secondary_cmdq_at_zero = tegra241_vintf0_cmdq_at_zero,
	.device_reset = tegra241_cmdqv_device_reset,
	.device_disable = tegra241_cmdqv_device_disable,
	.device_remove = tegra241_cmdqv_device_remove,
	.hw_info = tegra241_cmdqv_hw_info,
	.get_viommu_size = tegra241_cmdqv_get_viommu_size,
	.vsmmu_init = tegra241_vsmmu_init,
};
EXPORT_SYMBOL_IF_KUNIT(tegra241_cmdqv_impl_ops);

static int tegra241_cmdqv_init_structures(struct arm_smmu_device *smmu)
{
	struct tegra241_cmdqv *cmdqv = to_cmdqv(smmu);
	int ret;

	cmdqv->max_log2_entries = FIELD_GET(IDR1_CMDQS,
					    readl_relaxed(smmu->base +
							  ARM_SMMU_IDR1));

	tegra241_view_smmu(cmdqv);

	ret = tegra241_vintf0_alloc(cmdqv);
	if (ret) {
		/* impl_ops stay as they are, which frees what there is */
		dev_err(cmdqv->dev,
			"could not set VINTF0 up: %d, using the SMMU's own command queue, none for VMs\n",
			ret);
		tegra241_cmdqv_hw_ask_all_to_stop(cmdqv);
		tegra241_cmdqv_hw_disable(cmdqv);
		return 0;
	}

	smmu->impl_ops = &tegra241_cmdqv_impl_ops;
	return 0;
}

/* Until init_structures the unit has nothing but memory, and if that fails after it */
VISIBLE_IF_KUNIT const struct arm_smmu_impl_ops tegra241_cmdqv_init_ops = {
	.init_structures = tegra241_cmdqv_init_structures,
	.device_remove = tegra241_cmdqv_device_remove,
};
EXPORT_SYMBOL_IF_KUNIT(tegra241_cmdqv_init_ops);

/*
 * Discovery
 */

/* The first memory resource and, if there is one, the first interrupt */
static int tegra241_cmdqv_acpi_resources(struct device *dev,
					 struct resource *mem, int *irq)
{
	struct resource_entry *entry;
	LIST_HEAD(list);
	int ret;

	*mem = (struct resource){};
	*irq = 0;

	ret = acpi_dev_get_resources(to_acpi_device(dev), &list, NULL, NULL);
	if (ret < 0) {
		dev_err(dev, "no ACPI resources: %d, update the firmware\n", ret);
		return ret;
	}
	list_for_each_entry(entry, &list, node) {
		struct resource *res = entry->res;

		if (res->flags & IORESOURCE_DISABLED)
			continue;
		if (resource_type(res) == IORESOURCE_MEM && !mem->flags)
			*mem = *res;
		else if (resource_type(res) == IORESOURCE_IRQ && *irq <= 0)
			*irq = res->start;
	}
	acpi_dev_free_resource_list(&list);

	if (!mem->flags) {
		dev_err(dev, "no memory resource, update the firmware\n");
		return -ENODEV;
	}
	if (*irq <= 0)
		dev_warn(dev, "no interrupt, errors will not be reported, update the firmware\n");
	return 0;
}

/*
 * devm_krealloc() may have freed *@smmu even if this fails later; *@smmu is valid
 * again in any case.
 */
VISIBLE_IF_KUNIT int tegra241_cmdqv_setup(struct arm_smmu_device **smmu,
					  const struct resource *mem, int irq)
{
	struct device *dev = (*smmu)->impl_dev;
	struct tegra241_cmdqv_param param;
	struct tegra241_cmdqv *cmdqv;
	void __iomem *base;
	u32 reg;
	int ret;

	static_assert(offsetof(struct tegra241_cmdqv, smmu) == 0);

	/* The smallest unit there can be; PARAM says how much it really is */
	if (resource_size(mem) < tegra241_cmdqv_resource_size(1)) {
		dev_err(dev, "memory resource of 0x%llx bytes is too small, update the firmware\n",
			(u64)resource_size(mem));
		return -EINVAL;
	}
	base = ioremap(mem->start, resource_size(mem));
	if (!base) {
		dev_err(dev, "could not map the registers\n");
		return -ENOMEM;
	}

	if (disable_cmdqv) {
		dev_info(dev, "off because of disable_cmdqv\n");
		reg = tegra241_readl(base + TEGRA241_CMDQV_CONFIG);
		tegra241_writel(reg & ~CMDQV_EN, base + TEGRA241_CMDQV_CONFIG);
		ret = -ENODEV;
		goto err_iounmap;
	}

	reg = tegra241_readl(base + TEGRA241_CMDQV_PARAM);
	ret = tegra241_cmdqv_decode_param(reg, resource_size(mem), &param);
	if (ret) {
		dev_err(dev, "PARAM 0x%08x makes no sense for a resource of 0x%llx bytes, update the firmware\n",
			reg, (u64)resource_size(mem));
		goto err_iounmap;
	}

	cmdqv = devm_krealloc((*smmu)->dev, *smmu, sizeof(*cmdqv), GFP_KERNEL);
	if (!cmdqv) {
		ret = -ENOMEM;
		goto err_iounmap;
	}
	*smmu = &cmdqv->smmu;

	memset_after(cmdqv, 0, smmu);
	cmdqv->dev = dev;
	cmdqv->base = base;
	cmdqv->base_phys = mem->start;
	cmdqv->size = resource_size(mem);
	cmdqv->irq = irq;
	cmdqv->param = param;
	tegra241_view_init(cmdqv);
	tegra241_storm_init(cmdqv);

	ret = tegra241_cmdqv_vm_init(cmdqv);
	if (ret)
		goto err_iounmap;

	/* All that the handler looks at is there */
	if (irq > 0) {
		ret = request_threaded_irq(irq, NULL, tegra241_cmdqv_isr,
					   IRQF_ONESHOT, "tegra241-cmdqv",
					   cmdqv);
		if (ret) {
			dev_err(dev, "could not request irq %d: %d\n", irq,
				ret);
			goto err_vm_exit;
		}
	}

	tegra241_debugfs_add(cmdqv);
	cmdqv->smmu.impl_ops = &tegra241_cmdqv_init_ops;
	return 0;

err_vm_exit:
	tegra241_cmdqv_vm_exit(cmdqv);
err_iounmap:
	iounmap(base);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_cmdqv_setup);

/**
 * tegra241_cmdqv_probe() - take a CMDQV into use with its SMMU
 * @smmu: the SMMU, allocated with devm. impl_dev is the ACPI device of the unit,
 *	referenced; that reference becomes this driver's. May be freed here.
 *
 * Context: the SMMU's probe, before anything points to @smmu.
 * Return: what is to be used in place of @smmu. Without impl_ops, and without
 * ARM_SMMU_OPT_TEGRA241_CMDQV, the unit can't be used and the SMMU's own command
 * queue has to do.
 */
struct arm_smmu_device *tegra241_cmdqv_probe(struct arm_smmu_device *smmu)
{
	struct resource mem;
	int irq;

	if (!smmu->dev->of_node &&
	    !tegra241_cmdqv_acpi_resources(smmu->impl_dev, &mem, &irq) &&
	    !tegra241_cmdqv_setup(&smmu, &mem, irq))
		return smmu;

	dev_info(smmu->impl_dev, "falling back to the SMMU's own command queue\n");
	smmu->options &= ~ARM_SMMU_OPT_TEGRA241_CMDQV;
	put_device(smmu->impl_dev);
	return smmu;
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_cmdqv_probe);
