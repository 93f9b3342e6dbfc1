/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whose the SMMU's events are: what struct arm_smmu_master and struct
 * arm_smmu_evtq have of it. The rules are in arm-smmu-v3-iommufd-event.c.
 */
#ifndef _ARM_SMMU_V3_IOMMUFD_EVENT_H
#define _ARM_SMMU_V3_IOMMUFD_EVENT_H

#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/types.h>

struct arm_smmu_device;
struct arm_smmu_master;
struct arm_vsmmu;

/**
 * struct arm_smmu_event_owner - whose the events of a device are
 * @vsmmu: the VM's, NULL for the host
 * @vsid: the StreamID that the guest had for the device when it was attached: a
 *        vDEVICE that goes, or comes again under another one, changes nothing
 *        before the next attach
 * @first_event: number of the first event that is @vsmmu's; see
 *               arm_smmu_set_event_owner()
 *
 * Written at the end of an attach, with the group's mutex and streams_mutex held;
 * read with either.
 *
 * @vsmmu needs no reference. It is set only while a nested domain on it is
 * attached: every attach of any domain ends with writing this, also that of the
 * blocking (or identity) domain in arm_smmu_release_device(). iommufd destroys
 * no nested domain that is attached, and no vSMMU that has a nested domain.
 * Whoever attaches something else waits for streams_mutex, which the event thread
 * holds from looking up the device to the end of the report; so when the last
 * nested domain can go no event is on its way to the vSMMU. The device itself is
 * found by arm_smmu_device::streams, and removed from there under streams_mutex
 * before it is freed.
 */
struct arm_smmu_event_owner {
	struct arm_vsmmu *vsmmu;
	u32 vsid;
	u64 first_event;
};

/**
 * struct arm_smmu_evtq_vm - what reporting events to VMs needs to know of the queue
 * @handled: events handled so far, that is the number of the last one, from 1;
 *           written by the thread, under streams_mutex
 * @handled_cons: CONS after it, without the overflow flag; likewise
 * @in_burst: events since @burst_start; the thread's alone, as the next
 * @burst_start: when the first of them came
 */
struct arm_smmu_evtq_vm {
	u64 handled;
	u32 handled_cons;
	unsigned int in_burst;
	ktime_t burst_start;
};

#ifdef CONFIG_ARM_SMMU_V3_IOMMUFD
void arm_smmu_set_event_owner(struct arm_smmu_master *master,
			      const struct arm_smmu_event_owner *owner);
int arm_smmu_handle_guest_event(struct arm_smmu_device *smmu, const u64 *evt);
void arm_vsmmu_init_events(struct arm_vsmmu *vsmmu);
#else /* !CONFIG_ARM_SMMU_V3_IOMMUFD */
static inline void
arm_smmu_set_event_owner(struct arm_smmu_master *master,
			 const struct arm_smmu_event_owner *owner)
{
}

static inline int arm_smmu_handle_guest_event(struct arm_smmu_device *smmu,
					      const u64 *evt)
{
	return -EOPNOTSUPP;
}
#endif /* CONFIG_ARM_SMMU_V3_IOMMUFD */

#endif /* _ARM_SMMU_V3_IOMMUFD_EVENT_H */
