// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events of a guest's stage 1: from the SMMU's event queue to the guest's.
 *
 * There is one event queue for everybody behind an SMMU. This file says whose an
 * event is, makes of a record of the host's one that a guest may see, and bounds
 * what a guest costs that makes events as fast as its devices can.
 *
 * The bounds:
 *
 * CPU time: EVTQ_BURST events in EVTQ_PERIOD_US, then the thread sleeps for the rest
 *	of the period: 102,400 events a second and SMMU, plus one burst. What comes
 *	faster fills the event queue, and the SMMU drops what does not fit, as it does
 *	when the host is too slow: also events of others behind this SMMU. It tells
 *	the host that this has happened, but not whose events they were. Events of
 *	stalled transactions don't count for the burst: the SMMU bounds them, and
 *	keeps them when its queue is full.
 * Interrupts: fewer than events; the SMMU raises one when its queue stops being
 *	empty, so there is none while the thread sleeps.
 * Log: of a vSMMU's events that nobody takes EVTQ_LOG_BURST in EVTQ_LOG_INTERVAL,
 *	five lines each, and one line about how many more there were. On top, the
 *	caller's limit for all events of all SMMUs.
 *
 * Measured on the emulated board, where the faults of a DMA come all at once: 9,728
 * a second that nobody wants are 9 interrupts a second and, in 12 s, 50 lines;
 * handling one takes 0.56 us. (iommufd_cmdqv_faults prints the former, KUnit's
 * event_pace the latter.)
 *
 * Section numbers are those of the SMMUv3 architecture, IHI 0070.
 */
#include <linux/cleanup.h>
#include <linux/delay.h>
#include <linux/iommufd_viommu.h>
#include <linux/ktime.h>
#include <linux/ratelimit.h>
#include <kunit/visibility.h>
#include <uapi/linux/iommufd.h>

#include "arm-smmu-v3.h"
#include "arm-smmu-v3-iommufd.h"

#define EVTQ_BURST		1024
#define EVTQ_PERIOD_US		(10 * USEC_PER_MSEC)

#define EVTQ_LOG_BURST		10
#define EVTQ_LOG_INTERVAL	(60 * HZ)

/* 7.3: from here on events are the implementation's, and may have no StreamID */
#define EVT_ID_IMPLEMENTATION	0xe0

/* Positions in the event queue, with the wrap bit */
static u32 evtq_position(const struct arm_smmu_ll_queue *llq, u32 reg)
{
	return Q_WRP(llq, reg) | Q_IDX(llq, reg);
}

/* How many records are between two positions; one more than fit is possible */
static u32 evtq_distance(const struct arm_smmu_ll_queue *llq, u32 from, u32 to)
{
	return (evtq_position(llq, to) - evtq_position(llq, from)) &
	       ((2U << llq->max_n_shift) - 1);
}

/* The thread has removed one record: its number is evtq->vm.handled now */
static void evtq_count(struct arm_smmu_evtq *evtq)
{
	struct arm_smmu_ll_queue *llq = &evtq->q.llq;

	evtq->vm.handled += evtq_distance(llq, evtq->vm.handled_cons, llq->cons);
	evtq->vm.handled_cons = evtq_position(llq, llq->cons);
}

/* The number of the last event that the SMMU has put into the queue */
static u64 evtq_last(struct arm_smmu_evtq *evtq)
{
	return evtq->vm.handled +
	       evtq_distance(&evtq->q.llq, evtq->vm.handled_cons,
			     readl(evtq->q.prod_reg));
}

/**
 * arm_smmu_set_event_owner() - say whose the events of a device are from now on
 * @master: the device
 * @owner: the vSMMU and the guest's StreamID, or no vSMMU: the host
 *
 * The last step of every attach. The STE has been written and the SMMU has said
 * that it uses no other any more. What is in the event queue at this moment
 * belongs to the state before, and no new owner gets to see it (DESIGN I10), not
 * even if the thread handles it much later: such events go to the host's log.
 * (Assumption: with the CMD_SYNC that ends the use of the old STE the events of
 * transactions that used it are in the queue.)
 *
 * If nothing changes the number of the first event stays, so that a guest which
 * gives a device another context table loses no event.
 *
 * Context: the group's mutex is held: nobody else writes the owner meanwhile. Takes
 * streams_mutex; when this returns no event is being reported to the old owner.
 */
void arm_smmu_set_event_owner(struct arm_smmu_master *master,
			      const struct arm_smmu_event_owner *owner)
{
	struct arm_smmu_event_owner *cur = &master->event_owner;

	if (cur->vsmmu == owner->vsmmu && cur->vsid == owner->vsid)
		return;

	guard(mutex)(&master->smmu->streams_mutex);
	*cur = *owner;
	cur->first_event = evtq_last(&master->smmu->evtq) + 1;
}
EXPORT_SYMBOL_IF_KUNIT(arm_smmu_set_event_owner);

/*
 * What of a record a guest may see. Everything in it was caused by the guest, and
 * no field says more than the guest's own SMMU would have to say:
 *
 *	event, SSV, SubstreamID: what was wrong with the guest's tables, and the
 *		PASID that its device has used
 *	StreamID: exchanged, the physical one is the host's
 *	RnW, InD, PnU, InputAddr: the device's transaction, untranslated
 *	CLASS, TT_READ: which of the guest's tables it was about
 *
 * All else is 0, as a guest's SMMU would leave it:
 *
 *	SubstreamID: of no meaning unless SSV is set
 *	S2, Stall, STag: 0 or, without a stall, of no meaning: a tag may be that of
 *		somebody else's transaction
 *	IPA: UNKNOWN unless S2 is set
 *	anything that is reserved or the implementation's: nobody knows what it says
 *
 * Not a guest's at all: faults of stage 2 (IPAs that only the host can explain,
 * also when it was the fetch of a context descriptor or of a table), and failed
 * fetches and walks (F_STE_FETCH, F_CD_FETCH, F_WALK_EABT), whose records have
 * physical addresses. C_BAD_STE is the guest's, for the STE is illegal by its two
 * words or not at all.
 */
static bool arm_smmu_convert_event(const u64 evt[EVTQ_ENT_DWORDS], u32 vsid,
				   struct iommu_vevent_arm_smmuv3 *vevent)
{
	u64 word[EVTQ_ENT_DWORDS] = {};

	switch (FIELD_GET(EVTQ_0_ID, evt[0])) {
	case EVT_ID_TRANSLATION_FAULT:
	case EVT_ID_ADDR_SIZE_FAULT:
	case EVT_ID_ACCESS_FAULT:
	case EVT_ID_PERMISSION_FAULT:
		if (evt[1] & (EVTQ_1_STALL | EVTQ_1_S2))
			return false;
		word[1] = evt[1] & (EVTQ_1_PnU | EVTQ_1_InD | EVTQ_1_RnW |
				    EVTQ_1_CLASS | EVTQ_1_TT_READ);
		word[2] = evt[2];
		break;
	case EVT_ID_BAD_STE:
	case EVT_ID_STREAM_DISABLED:
	case EVT_ID_BAD_SUBSTREAMID:
	case EVT_ID_BAD_CD:
		break;
	default:
		return false;
	}
	word[0] = (evt[0] & (EVTQ_0_ID | EVTQ_0_SSV)) |
		  FIELD_PREP(EVTQ_0_SID, vsid);
	if (evt[0] & EVTQ_0_SSV)
		word[0] |= evt[0] & EVTQ_0_SSID;

	for (unsigned int i = 0; i < ARRAY_SIZE(vevent->evt); i++)
		vevent->evt[i] = cpu_to_le64(word[i]);
	return true;
}

/* A stalled transaction waits for an answer; only these four events can be one */
static bool arm_smmu_event_stalls(const u64 evt[EVTQ_ENT_DWORDS])
{
	switch (FIELD_GET(EVTQ_0_ID, evt[0])) {
	case EVT_ID_TRANSLATION_FAULT:
	case EVT_ID_ADDR_SIZE_FAULT:
	case EVT_ID_ACCESS_FAULT:
	case EVT_ID_PERMISSION_FAULT:
		return evt[1] & EVTQ_1_STALL;
	default:
		return false;
	}
}

/* To the owner's vEVENTQ, or to nobody if that is what the log has room for */
static int arm_smmu_dispatch_event(struct arm_smmu_device *smmu,
				   const u64 evt[EVTQ_ENT_DWORDS])
{
	struct iommu_vevent_arm_smmuv3 vevent;
	struct arm_smmu_event_owner *owner;
	struct arm_smmu_master *master;
	struct arm_vsmmu *vsmmu;

	if (FIELD_GET(EVTQ_0_ID, evt[0]) >= EVT_ID_IMPLEMENTATION)
		return -EOPNOTSUPP;
	master = arm_smmu_find_master(smmu, FIELD_GET(EVTQ_0_SID, evt[0]));
	if (!master)
		return -EOPNOTSUPP;
	owner = &master->event_owner;
	vsmmu = owner->vsmmu;
	if (!vsmmu || smmu->evtq.vm.handled < owner->first_event)
		return -EOPNOTSUPP;

	if (arm_smmu_convert_event(evt, owner->vsid, &vevent) &&
	    !vsmmu->core.services->report_event(&vsmmu->core,
						IOMMU_VEVENTQ_TYPE_ARM_SMMUV3,
						&vevent, sizeof(vevent)))
		return 0;
	return __ratelimit(&vsmmu->log_limit) ? -EOPNOTSUPP : 0;
}

/* Sleep if EVTQ_BURST events have taken less than a period */
static void evtq_pace(struct arm_smmu_evtq *evtq)
{
	s64 left;

	if (!evtq->vm.in_burst)
		evtq->vm.burst_start = ktime_get();
	if (++evtq->vm.in_burst < EVTQ_BURST)
		return;

	evtq->vm.in_burst = 0;
	left = EVTQ_PERIOD_US - ktime_us_delta(ktime_get(),
					       evtq->vm.burst_start);
	if (left > 0)
		usleep_range(left, left + EVTQ_PERIOD_US / 10);
}

/**
 * arm_smmu_handle_guest_event() - see whether an event is a guest's
 * @smmu: the SMMU
 * @evt: the record, just removed from the SMMU's event queue
 *
 * To be called for each record once, in order. An event that reaches nobody is the
 * caller's, to be logged: one of the host's devices, of stage 2, one that no guest
 * may see, or one that nobody asked for with a vEVENTQ. If there are too many of
 * them of one vSMMU they end here.
 *
 * Context: the thread of the event queue; takes streams_mutex and sleeps.
 * Return: 0 if the event needs nothing more, -EOPNOTSUPP if it is the caller's.
 */
int arm_smmu_handle_guest_event(struct arm_smmu_device *smmu, const u64 *evt)
{
	bool stalls = arm_smmu_event_stalls(evt);
	int ret = -EOPNOTSUPP;

	scoped_guard(mutex, &smmu->streams_mutex) {
		evtq_count(&smmu->evtq);
		if (!stalls)
			ret = arm_smmu_dispatch_event(smmu, evt);
	}
	if (!stalls)
		evtq_pace(&smmu->evtq);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(arm_smmu_handle_guest_event);

/**
 * arm_vsmmu_init_events() - prepare a vSMMU for events
 * @vsmmu: the vSMMU, not known to anybody yet
 *
 * Context: any.
 */
void arm_vsmmu_init_events(struct arm_vsmmu *vsmmu)
{
	ratelimit_state_init(&vsmmu->log_limit, EVTQ_LOG_INTERVAL,
			     EVTQ_LOG_BURST);
}
EXPORT_SYMBOL_IF_KUNIT(arm_vsmmu_init_events);
