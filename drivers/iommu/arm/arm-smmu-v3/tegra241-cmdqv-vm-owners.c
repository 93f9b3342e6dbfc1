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

#include "tegra241-cmdqv-trace.h"
#include "tegra241-cmdqv-vm.h"

unsigned int tegra241_vintfs_per_device = 4;
EXPORT_SYMBOL_IF_KUNIT(tegra241_vintfs_per_device);
module_param_named(vintfs_per_device, tegra241_vintfs_per_device, uint, 0644);
MODULE_PARM_DESC(vintfs_per_device,
		 "VINTFs that a user's VMs can have at a time through one device; 0: as many as there are (default 4).");

static struct tegra241_vm_share *
tegra241_vm_owners_find(struct tegra241_vm_owners *owners, struct device *dev,
			kuid_t user)
{
	struct tegra241_vm_share *share;

	hash_for_each_possible(owners->shares, share, node,
			       (unsigned long)dev + __kuid_val(user))
		if (share->dev == dev && uid_eq(share->user, user))
			return share;
	return NULL;
}

/* There is one for each VINTF that can be taken, so one is free */
static struct tegra241_vm_share *
tegra241_vm_owners_new(struct tegra241_vm_owners *owners, struct device *dev,
		       kuid_t user)
{
	unsigned int i = find_first_zero_bit(owners->shares_used,
					     ARRAY_SIZE(owners->all_shares));
	struct tegra241_vm_share *share = &owners->all_shares[i];

	__set_bit(i, owners->shares_used);
	share->dev = dev;
	share->user = user;
	hash_add(owners->shares, &share->node,
		 (unsigned long)dev + __kuid_val(user));
	return share;
}

static void tegra241_vm_owners_uncount(struct tegra241_vm_owners *owners,
				       struct tegra241_vm_share *share)
{
	if (--share->num)
		return;
	hash_del(&share->node);
	__clear_bit(share - owners->all_shares, owners->shares_used);
}

/*
 * The lowest that is free. One that is broken would be that for all VMs, over and over, so
 * those that have failed come last.
 */
static unsigned int tegra241_vm_owners_choose(struct tegra241_vm_owners *owners,
					      unsigned int num)
{
	DECLARE_BITMAP(avoid, TEGRA241_MAX_VINTFS);
	unsigned int idx;

	bitmap_or(avoid, owners->taken, owners->suspect, TEGRA241_MAX_VINTFS);
	idx = find_first_zero_bit(avoid, num);
	return idx < num ? idx : find_first_zero_bit(owners->taken, num);
}

/**
 * tegra241_vm_owners_suspect() - whether a VINTF has done what it was told
 * @vintf: the VINTF
 * @suspect: it has not, or a queue of it; or both have
 *
 * Context: sleeps.
 */
void tegra241_vm_owners_suspect(struct tegra241_vm_vintf *vintf, bool suspect)
{
	struct tegra241_vm_owners *owners = &vintf->hw.cmdqv->vm_owners;
	u16 idx = vintf->hw.idx;

	/* Whoever has it is the only one to change its bit, and most often it is 0 */
	if (test_bit(idx, owners->suspect) == suspect)
		return;
	guard(mutex)(&owners->lock);
	__assign_bit(idx, owners->suspect, suspect);
}

/**
 * tegra241_vm_owners_add() - a free VINTF for a vIOMMU of the current user
 * @cmdqv: the unit
 * @vintf: its structure; on success @vintf->hw is that VINTF
 * @dev: the device that the vIOMMU is made through, which keeps it for now
 *
 * Context: sleeps.
 * Return: 0; -EDQUOT if the user has as many as one can have through @dev, or -ENOSPC if
 * none is free.
 */
int tegra241_vm_owners_add(struct tegra241_cmdqv *cmdqv,
			   struct tegra241_vm_vintf *vintf, struct device *dev)
{
	unsigned int limit = READ_ONCE(tegra241_vintfs_per_device);
	struct tegra241_vm_owners *owners = &cmdqv->vm_owners;
	struct tegra241_vm_share *share;
	kuid_t user = current_uid();
	unsigned int idx;

	guard(mutex)(&owners->lock);
	share = tegra241_vm_owners_find(owners, dev, user);
	if (limit && share && share->num >= limit) {
		dev_dbg_ratelimited(cmdqv->dev, "%s: user %u has %u VINTFs\n",
				    dev_name(dev),
				    from_kuid_munged(&init_user_ns, user), limit);
		return -EDQUOT;
	}
	idx = tegra241_vm_owners_choose(owners, cmdqv->param.num_vintfs);
	if (idx >= cmdqv->param.num_vintfs)
		return -ENOSPC;
	__set_bit(idx, owners->taken);

	tegra241_vintf_init(&vintf->hw, cmdqv, idx);
	vintf->owner = get_device(dev);
	vintf->user = user;
	vintf->share = share ?: tegra241_vm_owners_new(owners, dev, user);
	vintf->share->num++;
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
 * tegra241_vm_owners_remove() - a VINTF is free
 * @vintf: the VINTF, with nothing left of it that the next owner could find; nobody looks
 *	at @vintf when this returns, it does not count, and its number is to be had. Who
 *	learns of it by the trace event finds it so.
 *
 * Context: sleeps.
 */
void tegra241_vm_owners_remove(struct tegra241_vm_vintf *vintf)
{
	struct tegra241_vm_owners *owners = &vintf->hw.cmdqv->vm_owners;

	scoped_guard(mutex, &owners->lock) {
		list_del(&vintf->owned);
		tegra241_vm_owners_uncount(owners, vintf->share);
		trace_cmdqv_vintf_free(&vintf->hw, vintf->vmid->id, 0);
		__clear_bit(vintf->hw.idx, owners->taken);
	}
	put_device(vintf->owner);
}

/**
 * tegra241_cmdqv_vm_reserve() - keep a VINTF from VMs
 * @cmdqv: the unit
 * @idx: a VINTF that no VM has, 1 to num_vintfs - 1
 *
 * For good: nobody looks at it again, and it does not interrupt. May be repeated.
 *
 * Context: sleeps; takes tegra241_vm_brake::lock.
 */
void tegra241_cmdqv_vm_reserve(struct tegra241_cmdqv *cmdqv, u16 idx)
{
	struct tegra241_vm_owners *owners = &cmdqv->vm_owners;

	guard(mutex)(&owners->lock);
	__set_bit(idx, owners->taken);
	__set_bit(idx, owners->aside);
	tegra241_vm_brake_hold(cmdqv, idx);
}

/**
 * tegra241_vm_owners_init() - nobody has a VINTF but the host
 * @cmdqv: the unit
 */
void tegra241_vm_owners_init(struct tegra241_cmdqv *cmdqv)
{
	struct tegra241_vm_owners *owners = &cmdqv->vm_owners;

	mutex_init(&owners->lock);
	INIT_LIST_HEAD(&owners->vintfs);
	hash_init(owners->shares);
	__set_bit(0, owners->taken);
}
