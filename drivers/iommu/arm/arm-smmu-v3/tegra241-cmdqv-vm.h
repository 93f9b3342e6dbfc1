/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NVIDIA Tegra241 CMDQV: structures of the VM side, and what the host side calls
 * of it. Without ARM_SMMU_V3_IOMMUFD there is none and no VM gets a VINTF.
 */
#ifndef _TEGRA241_CMDQV_VM_H
#define _TEGRA241_CMDQV_VM_H

#include "arm-smmu-v3-iommufd.h"
#include "tegra241-cmdqv.h"

/**
 * tegra241_cmdqv_vm_usable() - whether VMs can have VINTFs
 * @cmdqv: the unit
 *
 * Return: false before the unit runs and when it does not any more or is lost, inside a VM,
 * and if VINTF0 is all there is.
 */
static inline bool tegra241_cmdqv_vm_usable(struct tegra241_cmdqv *cmdqv)
{
	return IS_ENABLED(CONFIG_ARM_SMMU_V3_IOMMUFD) &&
	       READ_ONCE(cmdqv->vintf0->enabled) && cmdqv->vintf0->hyp_own &&
	       cmdqv->param.num_vintfs > 1;
}

#ifdef CONFIG_ARM_SMMU_V3_IOMMUFD
#include <linux/ratelimit_types.h>

/**
 * struct tegra241_vm_error - an error as it was last seen
 * @gerror: VCMDQ_GERROR then
 * @cons: VCMDQ_CONS then
 *
 * GERROR alone repeats after two errors. That both repeat takes a guest that has
 * acknowledged twice between two looks, an error of which it has not been told among
 * them, and stands at the same command with the same error as when it was: it has
 * been told how things are.
 */
struct tegra241_vm_error {
	u32 gerror;
	u32 cons;
};

/**
 * struct tegra241_vm_vcmdq - a queue of a VM
 * @hw: through the direct aperture, which no VM reaches
 * @base_pa: the queue's memory
 * @length: of it, in bytes
 * @node: in tegra241_vm_vintf::stuck; then this holds a reference on each page
 *	of the memory
 * @stuck: that is so; protected by tegra241_view::lock
 * @halted: it has stopped, and holds on to its memory until the next flush; protected by
 *	tegra241_quarantine::lock
 * @error: as it was last seen; protected by the VINTF's tegra241_vm_errors::lock
 *
 * Part of its VINTF, so that a queue takes no memory that could fail to be there. In use
 * from hw_queue_init until the queue is known to have stopped: normally when the HW
 * queue is destroyed, else when the quarantine lets it go. Then no other is made in its
 * place, since the VINTF is fenced.
 */
struct tegra241_vm_vcmdq {
	struct tegra241_vcmdq hw;
	phys_addr_t base_pa;
	size_t length;
	struct list_head node;
	bool halted;
#ifdef CONFIG_DEBUG_FS
	bool stuck;
#endif
	struct tegra241_vm_error error;
};

/**
 * struct tegra241_vm_slot - a SID slot as debugfs shows it
 * @used: it is not free
 * @virt_sid: the guest's StreamID
 * @phys_sid: the real one
 * @dev: the device, which the vDEVICE keeps; NULL if the slot has been given up
 */
struct tegra241_vm_slot {
	bool used;
	u32 virt_sid;
	u32 phys_sid;
	struct device *dev;
};

/**
 * struct tegra241_vm_vintf - a VINTF for a VM
 * @hw: the VINTF
 * @vsmmu: whose it is; NULL once the vIOMMU is gone and the hardware is not.
 *	Protected by tegra241_quarantine::lock when that matters: where a VINTF is
 *	fenced.
 * @vmid: the VMID that it carries, referenced for as long as the hardware could
 *	use it
 * @mmap_offset: where user space maps the window
 * @sids: SID slots in use, or given up because they still match or could not be flushed;
 *	serialised by iommufd_viommu::vdevs_rwsem
 * @owner: the device that it counts against, referenced
 * @user: the user that it counts against
 * @share: what it counts in; protected by tegra241_vm_owners::lock
 * @owned: in tegra241_vm_owners::vintfs; likewise
 * @ended: the vIOMMU is gone and the hardware is not; likewise
 * @queues: logical queues that may have ATC_INVs under way: from just before one is
 *	mapped until it has been stopped and flushed. Written under iommufd's queue lock.
 * @num_queues: HW queues in it. Serialised by iommufd's queue lock, read without it.
 * @fenced: something in it would not stop: the VINTF is disabled, or was told to
 *	be, and takes no queue any more. It is set for good, by whoever holds iommufd's
 *	queue lock or iommufd_viommu::vdevs_rwsem, or ends the vIOMMU.
 * @memory_limit: of messages about memory that a queue can't be in; its own lock
 * @stuck: queues (tegra241_vm_vcmdq::node) that would not stop; protected by
 *	tegra241_quarantine::lock
 * @node: in tegra241_quarantine::vintfs while something of it is stuck, else
 *	empty; protected by tegra241_quarantine::lock
 * @seen: logical queues whose error in @vcmdqs is in force: a VM that listened has
 *	been told. Protected by the VINTF's tegra241_vm_errors::lock.
 * @events: how often there was something new in its error map; likewise
 * @slots: SID slots; protected by tegra241_view::lock
 * @vcmdqs: by logical number
 *
 * Lives from vsmmu_init until the hardware is known to have stopped and to be
 * scrubbed: normally when the vIOMMU is destroyed, else when the quarantine lets
 * it go. Its number in tegra241_vm_owners::taken lives exactly as long.
 */
struct tegra241_vm_vintf {
	struct tegra241_vintf hw;
	struct arm_vsmmu *vsmmu;
	struct arm_smmu_vmid *vmid;
	unsigned long mmap_offset;
	unsigned long sids;

	struct device *owner;
	kuid_t user;
	struct tegra241_vm_share *share;
	struct list_head owned;
	bool ended;

	DECLARE_BITMAP(queues, TEGRA241_MAX_VCMDQS);
	unsigned int num_queues;
	bool fenced;
	struct ratelimit_state memory_limit;
	struct list_head stuck;
	struct list_head node;

	u64 events;
#ifdef CONFIG_DEBUG_FS
	struct tegra241_vm_slot slots[TEGRA241_MAX_SIDS];
#endif
	DECLARE_BITMAP(seen, TEGRA241_MAX_VCMDQS);
	struct tegra241_vm_vcmdq vcmdqs[];
};

/**
 * struct tegra241_vsmmu - a vSMMU with a VINTF, as the iommufd core allocates it
 * @vsmmu: what all vSMMUs have; first
 * @vintf: its VINTF
 */
struct tegra241_vsmmu {
	struct arm_vsmmu vsmmu;
	struct tegra241_vm_vintf *vintf;
};

/**
 * struct tegra241_hw_queue - a HW queue as the iommufd core allocates it
 * @core: what the core sees; first
 * @vcmdq: its VCMDQ
 */
struct tegra241_hw_queue {
	struct iommufd_hw_queue core;
	struct tegra241_vm_vcmdq *vcmdq;
};

/**
 * struct tegra241_vsmmu_device - a vDEVICE as the iommufd core allocates it
 * @vdev: what all vDEVICEs of a vSMMU have; first
 * @slot: SID slot of the VINTF
 */
struct tegra241_vsmmu_device {
	struct arm_vsmmu_device vdev;
	u16 slot;
};

static inline struct tegra241_vsmmu *
to_tegra241_vsmmu(struct iommufd_viommu *viommu)
{
	return container_of(to_vsmmu(viommu), struct tegra241_vsmmu, vsmmu);
}

/* tegra241-cmdqv-vm.c */
void *tegra241_cmdqv_hw_info(struct arm_smmu_device *smmu, u32 *length,
			     u32 *type);
size_t tegra241_cmdqv_get_viommu_size(enum iommu_viommu_type type);
int tegra241_vsmmu_init(struct arm_vsmmu *vsmmu, struct device *dev,
			const struct iommu_user_data *user_data);
int tegra241_cmdqv_vm_init(struct tegra241_cmdqv *cmdqv);
void tegra241_cmdqv_vm_stop(struct tegra241_cmdqv *cmdqv);
void tegra241_cmdqv_vm_exit(struct tegra241_cmdqv *cmdqv);

int tegra241_vm_vintf_disable(struct tegra241_vm_vintf *vintf);
void tegra241_vm_vintf_free(struct tegra241_vm_vintf *vintf);

/* tegra241-cmdqv-vm-queue.c */
size_t tegra241_vm_get_hw_queue_size(struct iommufd_viommu *viommu,
				     enum iommu_hw_queue_type type);
int tegra241_vm_hw_queue_check(struct iommufd_viommu *viommu,
			       enum iommu_hw_queue_type type, u64 length);
int tegra241_vm_hw_queue_check_index(struct iommufd_viommu *viommu,
				     enum iommu_hw_queue_type type, u32 index);
void tegra241_vm_hw_queue_not_contig(struct iommufd_hw_queue *core,
				     size_t contig, size_t page_size);
int tegra241_vm_hw_queue_init(struct iommufd_hw_queue *core);
void tegra241_vm_hw_queue_destroy(struct iommufd_hw_queue *core);
int tegra241_vm_vcmdq_halt(struct tegra241_vcmdq *vcmdq, bool patient,
			   int *unmapped);
void tegra241_vm_vcmdq_finish(struct tegra241_vcmdq *vcmdq, int flushed);
int tegra241_vm_vcmdq_stop(struct tegra241_vcmdq *vcmdq, bool patient);

/* tegra241-cmdqv-vm-vdevice.c */
int tegra241_vm_vdevice_init(struct iommufd_vdevice *core);
void tegra241_vm_vdevice_destroy(struct iommufd_vdevice *core);

/* tegra241-cmdqv-vm-owners.c */
extern unsigned int tegra241_vintfs_per_device;
void tegra241_vm_owners_init(struct tegra241_cmdqv *cmdqv);
int tegra241_vm_owners_add(struct tegra241_cmdqv *cmdqv,
			   struct tegra241_vm_vintf *vintf, struct device *dev);
void tegra241_vm_owners_end(struct tegra241_vm_vintf *vintf);
void tegra241_vm_owners_remove(struct tegra241_vm_vintf *vintf);
void tegra241_vm_owners_suspect(struct tegra241_vm_vintf *vintf, bool suspect);
void tegra241_cmdqv_vm_reserve(struct tegra241_cmdqv *cmdqv, u16 idx);

/* tegra241-cmdqv-vm-memory.c */
void tegra241_vm_memory_init(struct tegra241_vm_vintf *vintf);
bool tegra241_vm_memory_not_contig(struct tegra241_vm_vintf *vintf,
				   struct iommufd_hw_queue *hwq, size_t contig,
				   size_t page_size);
bool tegra241_vm_memory_not_aligned(struct tegra241_vm_vintf *vintf,
				    struct iommufd_hw_queue *hwq);

/* tegra241-cmdqv-vm-errors.c */
int tegra241_vm_errors_init(struct tegra241_cmdqv *cmdqv);
void tegra241_vm_errors_exit(struct tegra241_cmdqv *cmdqv);
void tegra241_vm_errors_handle(struct tegra241_cmdqv *cmdqv, u64 map, bool host);
bool tegra241_vm_errors_look(struct tegra241_vm_vintf *vintf);
void tegra241_vm_errors_add(struct tegra241_vm_vintf *vintf);
void tegra241_vm_errors_remove(struct tegra241_vm_vintf *vintf);
void tegra241_vm_errors_new_queue(struct tegra241_vm_vintf *vintf, u16 lidx);
void tegra241_vm_errors_tell_again(struct tegra241_vm_vintf *vintf);

/* tegra241-cmdqv-vm-brake.c */
void tegra241_vm_brake_init(struct tegra241_cmdqv *cmdqv);
void tegra241_vm_brake_stop(struct tegra241_cmdqv *cmdqv);
void tegra241_vm_brake_exit(struct tegra241_cmdqv *cmdqv);
void tegra241_vm_brake_hold(struct tegra241_cmdqv *cmdqv, u16 idx);
void tegra241_vm_brake_free(struct tegra241_cmdqv *cmdqv, u16 idx);
void tegra241_vm_brake_charge(struct tegra241_vm_vintf *vintf);
void tegra241_vm_brake_charge_unit(struct tegra241_cmdqv *cmdqv);
void tegra241_vm_brake_again(struct tegra241_cmdqv *cmdqv);
#if IS_ENABLED(CONFIG_KUNIT)
unsigned long tegra241_vm_brake_now(void);
void tegra241_vm_brake_schedule(struct tegra241_vm_brake *brake,
				unsigned long delay);
void tegra241_vm_brake_tick(struct tegra241_cmdqv *cmdqv);
#endif

/* tegra241-cmdqv-quarantine.c */
void tegra241_quarantine_init(struct tegra241_quarantine *quarantine);
void tegra241_quarantine_fence(struct tegra241_vm_vintf *vintf);
void tegra241_quarantine_queue(struct tegra241_vm_vintf *vintf,
			       struct tegra241_vm_vcmdq *vcmdq, int why);
void tegra241_quarantine_vintf(struct tegra241_vm_vintf *vintf, int why);
bool tegra241_quarantine_look(struct tegra241_quarantine *quarantine);
void tegra241_quarantine_stop(struct tegra241_quarantine *quarantine);
#if IS_ENABLED(CONFIG_KUNIT)
void tegra241_quarantine_schedule(struct tegra241_quarantine *quarantine);
#endif

/* tegra241-cmdqv-vm-debugfs.c */
#ifdef CONFIG_DEBUG_FS
void tegra241_view_add_vcmdq(struct tegra241_vm_vcmdq *vcmdq);
void tegra241_view_stuck_vcmdq(struct tegra241_vm_vcmdq *vcmdq);
void tegra241_view_remove_vcmdq(struct tegra241_vm_vcmdq *vcmdq);
void tegra241_view_set_slot(struct tegra241_vm_vintf *vintf, u16 slot,
			    const struct arm_vsmmu_device *vdev);
void tegra241_view_give_up_slot(struct tegra241_vm_vintf *vintf, u16 slot);
void tegra241_view_clear_slot(struct tegra241_vm_vintf *vintf, u16 slot);
void tegra241_vintfs_show_all(struct seq_file *m, struct tegra241_cmdqv *cmdqv);
void tegra241_vcmdqs_show_vms(struct seq_file *m, struct tegra241_cmdqv *cmdqv);
void tegra241_sids_show_vms(struct seq_file *m, struct tegra241_cmdqv *cmdqv);
#else
static inline void tegra241_view_add_vcmdq(struct tegra241_vm_vcmdq *vcmdq)
{
}

static inline void tegra241_view_stuck_vcmdq(struct tegra241_vm_vcmdq *vcmdq)
{
}

static inline void tegra241_view_remove_vcmdq(struct tegra241_vm_vcmdq *vcmdq)
{
}

static inline void tegra241_view_set_slot(struct tegra241_vm_vintf *vintf,
					  u16 slot,
					  const struct arm_vsmmu_device *vdev)
{
}

static inline void tegra241_view_give_up_slot(struct tegra241_vm_vintf *vintf,
					      u16 slot)
{
}

static inline void tegra241_view_clear_slot(struct tegra241_vm_vintf *vintf,
					    u16 slot)
{
}
#endif

#else /* CONFIG_ARM_SMMU_V3_IOMMUFD */

#define tegra241_cmdqv_hw_info NULL
#define tegra241_cmdqv_get_viommu_size NULL
#define tegra241_vsmmu_init NULL

static inline void tegra241_vm_errors_handle(struct tegra241_cmdqv *cmdqv,
					     u64 map, bool host)
{
}

#ifdef CONFIG_DEBUG_FS
static inline void tegra241_vintfs_show_all(struct seq_file *m,
					    struct tegra241_cmdqv *cmdqv)
{
	tegra241_vintfs_show_host(m, cmdqv);
}

static inline void tegra241_vcmdqs_show_vms(struct seq_file *m,
					    struct tegra241_cmdqv *cmdqv)
{
}

static inline void tegra241_sids_show_vms(struct seq_file *m,
					  struct tegra241_cmdqv *cmdqv)
{
}
#endif

static inline int tegra241_cmdqv_vm_init(struct tegra241_cmdqv *cmdqv)
{
	return 0;
}

static inline void tegra241_cmdqv_vm_reserve(struct tegra241_cmdqv *cmdqv,
					     u16 idx)
{
}

static inline void tegra241_vm_brake_again(struct tegra241_cmdqv *cmdqv)
{
}

static inline void tegra241_cmdqv_vm_stop(struct tegra241_cmdqv *cmdqv)
{
}

static inline void tegra241_cmdqv_vm_exit(struct tegra241_cmdqv *cmdqv)
{
}

#endif /* CONFIG_ARM_SMMU_V3_IOMMUFD */
#endif /* _TEGRA241_CMDQV_VM_H */
