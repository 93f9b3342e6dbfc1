// SPDX-License-Identifier: GPL-2.0-only
/*
 * NVIDIA Tegra241 CMDQV: what an administrator sees of VMs, in debugfs
 *
 * The records about VMs of the files that tegra241-cmdqv-debugfs.c has, and what has
 * to be kept for them: hardware says which queue belongs to which VINTF, but not
 * whether it is stuck, nor which device a SID slot is for.
 */

#include <linux/cleanup.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "tegra241-cmdqv-vm.h"

/* Long enough for any name of a PCI device, or of one that ACPI or a tree describes */
#define DEVICE_NAME_LEN	64

/**
 * tegra241_view_add_vcmdq() - a queue is about to be mapped
 * @vcmdq: the queue
 *
 * Context: any that may take a spinlock.
 */
void tegra241_view_add_vcmdq(struct tegra241_vm_vcmdq *vcmdq)
{
	struct tegra241_view *view = &vcmdq->hw.cmdqv->view;

	guard(spinlock)(&view->lock);
	view->vm_vcmdqs[vcmdq->hw.idx] = vcmdq;
}

/**
 * tegra241_view_stuck_vcmdq() - a queue would not stop
 * @vcmdq: the queue
 *
 * Context: any that may take a spinlock.
 */
void tegra241_view_stuck_vcmdq(struct tegra241_vm_vcmdq *vcmdq)
{
	guard(spinlock)(&vcmdq->hw.cmdqv->view.lock);
	vcmdq->stuck = true;
}

/**
 * tegra241_view_remove_vcmdq() - a queue has stopped
 * @vcmdq: the queue; nobody looks at it when this returns
 *
 * Context: any that may take a spinlock.
 */
void tegra241_view_remove_vcmdq(struct tegra241_vm_vcmdq *vcmdq)
{
	struct tegra241_view *view = &vcmdq->hw.cmdqv->view;

	guard(spinlock)(&view->lock);
	view->vm_vcmdqs[vcmdq->hw.idx] = NULL;
}

/**
 * tegra241_view_set_slot() - a SID slot is in use
 * @vintf: the VINTF
 * @slot: the slot
 * @vdev: the vDEVICE that it is for; it keeps its device
 *
 * Context: any that may take a spinlock.
 */
void tegra241_view_set_slot(struct tegra241_vm_vintf *vintf, u16 slot,
			    const struct arm_vsmmu_device *vdev)
{
	guard(spinlock)(&vintf->hw.cmdqv->view.lock);
	vintf->slots[slot] = (struct tegra241_vm_slot){
		.used = true,
		.virt_sid = vdev->core.virt_id,
		.phys_sid = vdev->sid,
		.dev = vdev->core.dev,
	};
}

/**
 * tegra241_view_give_up_slot() - a SID slot matches nothing, and can't be reused
 * @vintf: the VINTF
 * @slot: the slot; its device may be gone when this returns
 *
 * Context: any that may take a spinlock.
 */
void tegra241_view_give_up_slot(struct tegra241_vm_vintf *vintf, u16 slot)
{
	guard(spinlock)(&vintf->hw.cmdqv->view.lock);
	vintf->slots[slot].dev = NULL;
}

/**
 * tegra241_view_clear_slot() - a SID slot is free
 * @vintf: the VINTF
 * @slot: the slot; its device may be gone when this returns
 *
 * Context: any that may take a spinlock.
 */
void tegra241_view_clear_slot(struct tegra241_vm_vintf *vintf, u16 slot)
{
	guard(spinlock)(&vintf->hw.cmdqv->view.lock);
	vintf->slots[slot] = (struct tegra241_vm_slot){};
}

static unsigned int tegra241_vm_vintf_num_sids(struct tegra241_vm_vintf *vintf)
{
	struct tegra241_view *view = &vintf->hw.cmdqv->view;
	unsigned int num = 0;
	u16 slot;

	spin_lock(&view->lock);
	for (slot = 0; slot < ARRAY_SIZE(vintf->slots); slot++)
		num += vintf->slots[slot].used;
	spin_unlock(&view->lock);
	return num;
}

static void tegra241_vintfs_show_total(struct seq_file *m,
				       struct tegra241_cmdqv *cmdqv)
{
	unsigned int taken = 0, ended = 0;
	struct tegra241_vm_vintf *vintf;
	struct tegra241_vm_rate rate;

	lockdep_assert_held(&cmdqv->vm_owners.lock);

	scoped_guard(spinlock, &cmdqv->vm_brake.lock)
		rate = cmdqv->vm_brake.rate;
	list_for_each_entry(vintf, &cmdqv->vm_owners.vintfs, owned) {
		taken++;
		ended += vintf->ended;
	}
	seq_printf(m, "total vintfs=%u taken=%u ended=%u aside=%u per_device=%u interrupts=%llu brakes=%llu\n",
		   cmdqv->param.num_vintfs - 1, taken, ended,
		   bitmap_weight(cmdqv->vm_owners.aside, TEGRA241_MAX_VINTFS),
		   READ_ONCE(tegra241_vintfs_per_device),
		   rate.interrupts, rate.brakes);
}

static void tegra241_vintfs_show_vm(struct seq_file *m,
				    struct tegra241_vm_vintf *vintf)
{
	struct tegra241_cmdqv *cmdqv = vintf->hw.cmdqv;
	struct tegra241_vm_errors *errors = &cmdqv->vm_errors[vintf->hw.idx];
	struct tegra241_vm_rate rate;
	bool masked;
	u64 events;

	scoped_guard(spinlock, &errors->lock) {
		masked = READ_ONCE(cmdqv->vm_brake.int_mask) &
			 BIT_ULL(vintf->hw.idx);
		rate = errors->rate;
		events = vintf->events;
	}
	seq_printf(m, "vintf v=%u vmid=0x%x device=%s user=%u queues=%u ended=%d fenced=%d masked=%d interrupts=%llu brakes=%llu",
		   vintf->hw.idx, vintf->vmid->id,
		   dev_name(vintf->owner),
		   from_kuid_munged(&init_user_ns, vintf->user),
		   READ_ONCE(vintf->num_queues), vintf->ended,
		   READ_ONCE(vintf->fenced), masked, rate.interrupts,
		   rate.brakes);
	tegra241_view_show_vintf_regs(m, &vintf->hw);
	seq_printf(m, " sids=%u errors=%llu\n",
		   tegra241_vm_vintf_num_sids(vintf), events);
}

/**
 * tegra241_vintfs_show_all() - file "vintfs"
 * @m: the file
 * @cmdqv: the unit
 *
 * First the totals: VINTFs that VMs can have, how many are not free, how many of these
 * have ended and wait for the hardware, and how many could not be reset (aside); how
 * many one user can have through one device (0: no bound); interrupts that were not
 * VINTF0's, and how often all had to be polled for them (brakes). Then VINTF0.
 *
 * Then one record for each VINTF that is not free, as many as are taken: VMID, the
 * device and the user that it counts against, HW queues, whether its vIOMMU has ended
 * and the hardware has not, it is fenced (isolation.rst, I5), or its interrupts are
 * masked; the interrupts that were for it and how often it had to be polled, whoever had
 * it then; its registers, SID slots in use, and how often there was something new in its
 * error map since it was allocated.
 *
 * Context: sleeps.
 */
void tegra241_vintfs_show_all(struct seq_file *m, struct tegra241_cmdqv *cmdqv)
{
	struct tegra241_vm_vintf *vintf;

	guard(mutex)(&cmdqv->vm_owners.lock);
	tegra241_vintfs_show_total(m, cmdqv);
	tegra241_vintfs_show_host(m, cmdqv);
	list_for_each_entry(vintf, &cmdqv->vm_owners.vintfs, owned)
		tegra241_vintfs_show_vm(m, vintf);
}

static void tegra241_vcmdqs_show_vm(struct seq_file *m,
				    struct tegra241_cmdqv *cmdqv, u16 idx)
{
	struct tegra241_view *view = &cmdqv->view;
	struct tegra241_vm_vcmdq *vcmdq;
	struct tegra241_vcmdq_regs regs;
	struct tegra241_vcmdq hw;
	bool aside, stuck;

	tegra241_vcmdq_init_direct(&hw, cmdqv, idx);
	scoped_guard(mutex, &cmdqv->vm_owners.lock)
		aside = test_bit(hw.vintf_idx, cmdqv->vm_owners.aside);

	scoped_guard(spinlock, &view->lock) {
		vcmdq = view->vm_vcmdqs[idx];
		if (!view->readable || (!vcmdq && !aside))
			return;
		stuck = !vcmdq || vcmdq->stuck;
		tegra241_view_read_vcmdq(&hw, &regs);
	}
	/* Of a VINTF that could not be reset it may be another queue's fault */
	if (aside && !(regs.alloc & CMDQV_CMDQ_ALLOCATED) &&
	    !(regs.status & VCMDQ_ENABLED))
		return;
	tegra241_view_show_vcmdq(m, &hw, stuck ? "stuck" : "vm", &regs);
}

/**
 * tegra241_vcmdqs_show_vms() - the records of VMs' queues in file "vcmdqs"
 * @m: the file
 * @cmdqv: the unit
 *
 * One for each queue from just before it is mapped until it is known to have stopped.
 * owner=stuck: it would not, and is in the quarantine, or it has not since before the
 * unit was reset.
 *
 * Context: sleeps.
 */
void tegra241_vcmdqs_show_vms(struct seq_file *m, struct tegra241_cmdqv *cmdqv)
{
	u16 idx;

	for (idx = 0; idx < cmdqv->param.num_vcmdqs; idx++)
		tegra241_vcmdqs_show_vm(m, cmdqv, idx);
}

static void tegra241_sids_show_slot(struct seq_file *m,
				    struct tegra241_vm_vintf *vintf, u16 slot)
{
	struct tegra241_view *view = &vintf->hw.cmdqv->view;
	u32 match = 0, replace = 0;
	char name[DEVICE_NAME_LEN];
	struct tegra241_vm_slot s;
	bool readable;

	scoped_guard(spinlock, &view->lock) {
		s = vintf->slots[slot];
		if (!s.used)
			return;
		/* The device may be gone after this */
		strscpy(name, s.dev ? dev_name(s.dev) : "-");
		readable = view->readable;
		if (readable) {
			/* In this order, as MATCH goes first: what matches is whole */
			replace = tegra241_readl(vintf->hw.base +
						 TEGRA241_VINTF_SID_REPLACE(slot));
			match = tegra241_readl(vintf->hw.base +
					       TEGRA241_VINTF_SID_MATCH(slot));
		}
	}
	seq_printf(m, "sid v=%u slot=%u virt=0x%x phys=0x%x device=%s given_up=%d",
		   vintf->hw.idx, slot, s.virt_sid, s.phys_sid, name, !s.dev);
	if (readable)
		seq_printf(m, " match=0x%x replace=0x%x", match, replace);
	seq_putc(m, '\n');
}

/**
 * tegra241_sids_show_vms() - file "sids"
 * @m: the file
 * @cmdqv: the unit
 *
 * One record for each SID slot that is not free. given_up=1: its vDEVICE is gone, but
 * what may still be under way to the device could not be flushed, so that nobody gets
 * the slot before the VINTF ends. match= and replace= are the registers.
 *
 * Context: sleeps.
 */
void tegra241_sids_show_vms(struct seq_file *m, struct tegra241_cmdqv *cmdqv)
{
	struct tegra241_vm_vintf *vintf;
	u16 slot;

	guard(mutex)(&cmdqv->vm_owners.lock);
	list_for_each_entry(vintf, &cmdqv->vm_owners.vintfs, owned)
		for (slot = 0; slot < cmdqv->param.num_sids_per_vintf; slot++)
			tegra241_sids_show_slot(m, vintf, slot);
}
