// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Who has which VINTF
 *
 * A unit has few VINTFs for all VMs behind its SMMU, and a vIOMMU takes one for as
 * long as it lives. So that not one user has them all, each has at most
 * vintfs_per_device of them at a time through one device. A VINTF counts against the
 * device that its vIOMMU was made through, and against the user who has made it,
 * until it is free again: wherever the device is meanwhile, and even if the vIOMMU
 * has ended and the hardware would not stop. Who has closed a device, or lost it,
 * still has the VINTF, and who gets it next does not. A VMM needs one for each SMMU
 * that its devices are behind; the default leaves room for a restart and for tests.
 *
 * Who is refused gets EDQUOT, or ENOSPC if there is no VINTF left for anybody, and
 * the log gets nothing above debug level: who has what is in debugfs, in
 * iommu/tegra241_cmdqv/<SMMU>/vintfs, for the administrator.
 */

#define dev_fmt(fmt) "tegra241_cmdqv: " fmt

#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/cred.h>
#include <linux/module.h>
#include <linux/ratelimit.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "tegra241-cmdqv-vm.h"

unsigned int tegra241_vintfs_per_device = 4;
EXPORT_SYMBOL_IF_KUNIT(tegra241_vintfs_per_device);
module_param_named(vintfs_per_device, tegra241_vintfs_per_device, uint, 0644);
MODULE_PARM_DESC(vintfs_per_device,
		 "VINTFs that a user's VMs can have at a time through one device; 0: as many as there are (default 4).");

static unsigned int tegra241_vm_owners_count(struct tegra241_vm_owners *owners,
					     struct device *dev, kuid_t user)
{
	struct tegra241_vm_vintf *vintf;
	unsigned int num = 0;

	list_for_each_entry(vintf, &owners->vintfs, owned)
		num += vintf->owner == dev && uid_eq(vintf->user, user);
	return num;
}

/**
 * tegra241_vm_owners_add() - a free VINTF for a vIOMMU of the current user
 * @cmdqv: the unit
 * @vintf: its structure; on success @vintf->hw is that VINTF
 * @dev: the device that the vIOMMU is made through, which keeps it for now
 *
 * Context: sleeps.
 * Return: 0; -EDQUOT if the user has as many as one can have through @dev, -ENOSPC if
 * none is free, or -ENOMEM.
 */
int tegra241_vm_owners_add(struct tegra241_cmdqv *cmdqv,
			   struct tegra241_vm_vintf *vintf, struct device *dev)
{
	unsigned int limit = READ_ONCE(tegra241_vintfs_per_device);
	struct tegra241_vm_owners *owners = &cmdqv->vm_owners;
	kuid_t user = current_uid();
	int idx;

	guard(mutex)(&owners->lock);
	if (limit && tegra241_vm_owners_count(owners, dev, user) >= limit) {
		dev_dbg_ratelimited(cmdqv->dev, "%s: user %u has %u VINTFs\n",
				    dev_name(dev),
				    from_kuid_munged(&init_user_ns, user), limit);
		return -EDQUOT;
	}
	/* VINTF0 is the host's */
	idx = ida_alloc_range(&cmdqv->vm_ids, 1, cmdqv->param.num_vintfs - 1,
			      GFP_KERNEL);
	if (idx < 0)
		return idx;

	tegra241_vintf_init(&vintf->hw, cmdqv, idx);
	vintf->owner = get_device(dev);
	vintf->user = user;
	list_add_tail(&vintf->owned, &owners->vintfs);
	return 0;
}

/**
 * tegra241_vm_owners_end() - the vIOMMU of a VINTF ends
 * @vintf: the VINTF; it counts on until it is free
 *
 * Context: sleeps.
 */
void tegra241_vm_owners_end(struct tegra241_vm_vintf *vintf)
{
	guard(mutex)(&vintf->hw.cmdqv->vm_owners.lock);
	vintf->ended = true;
}

/**
 * tegra241_vm_owners_remove() - a VINTF is about to be free
 * @vintf: the VINTF; nobody looks at it when this returns, and it does not count
 *
 * Context: sleeps.
 */
void tegra241_vm_owners_remove(struct tegra241_vm_vintf *vintf)
{
	scoped_guard(mutex, &vintf->hw.cmdqv->vm_owners.lock)
		list_del(&vintf->owned);
	put_device(vintf->owner);
}

/**
 * tegra241_vm_owners_init() - nobody has a VINTF
 * @cmdqv: the unit
 */
void tegra241_vm_owners_init(struct tegra241_cmdqv *cmdqv)
{
	mutex_init(&cmdqv->vm_owners.lock);
	INIT_LIST_HEAD(&cmdqv->vm_owners.vintfs);
}
