/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whose the SMMU's events are: what struct arm_smmu_master and struct
 * arm_smmu_evtq have of it. The rules are in arm-smmu-v3-iommufd-event.c.
 */
#ifndef _ARM_SMMU_V3_IOMMUFD_EVENT_H
#define _ARM_SMMU_V3_IOMMUFD_EVENT_H

#include <linux/errno.h>
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
 * @overflows: how often the SMMU has dropped events; the thread's alone, as the next
 * @worked: how long the thread has worked without sleep or idle time that would
 *          have made up for it, in ns
 * @since: up to when that is counted, in ns of the monotonic clock
 */
struct arm_smmu_evtq_vm {
	u64 handled;
	u32 handled_cons;
	u64 overflows;
	u64 worked;
	u64 since;
};

#ifdef CONFIG_ARM_SMMU_V3_IOMMUFD
void arm_smmu_set_event_owner(struct arm_smmu_master *master,
			      const struct arm_smmu_event_owner *owner);
int arm_smmu_handle_guest_event(struct arm_smmu_device *smmu, const u64 *evt);
void arm_smmu_guest_events_lost(struct arm_smmu_device *smmu);
void arm_smmu_evtq_begin(struct arm_smmu_device *smmu);
void arm_smmu_evtq_end(struct arm_smmu_device *smmu);
bool arm_smmu_events_allow_nesting(const struct arm_smmu_device *smmu);
void arm_vsmmu_init_events(struct arm_vsmmu *vsmmu);

#if IS_ENABLED(CONFIG_KUNIT)
u64 arm_smmu_evtq_clock(void);
void arm_smmu_evtq_sleep(u64 ns);
#endif
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

static inline void arm_smmu_guest_events_lost(struct arm_smmu_device *smmu)
{
}

static inline void arm_smmu_evtq_begin(struct arm_smmu_device *smmu)
{
}

static inline void arm_smmu_evtq_end(struct arm_smmu_device *smmu)
{
}

/* There is none */
static inline bool
arm_smmu_events_allow_nesting(const struct arm_smmu_device *smmu)
{
	return true;
}
#endif /* CONFIG_ARM_SMMU_V3_IOMMUFD */

#endif /* _ARM_SMMU_V3_IOMMUFD_EVENT_H */
