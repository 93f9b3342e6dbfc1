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
 * CPU time: half of a CPU. Of any time t the thread takes t / 2 and EVTQ_WORK_NS at
 *	most: after so much work that no idle time has made up for it sleeps as long
 *	as it has worked, whatever the events cost. Idle time of less than EVTQ_GAP_NS
 *	counts as work: so waking up for each event doesn't pay. (Time is that of the
 *	clock: who makes the thread wait makes it sleep, too. The bound is weaker for
 *	an event that takes longer than EVTQ_SLEEP_MAX_NS - EVTQ_WORK_NS: one that is
 *	printed on a slow console, as often as the limits of the log allow.)
 * Latency: an event waits for those before it. With n of them that take c each,
 *	2 n c + EVTQ_SLEEP_MAX_NS at most, and one tenth of each sleep more, which
 *	is the timer's slack. n is a full queue at most, which is what one guest alone
 *	can make of it: 2^15 to 2^19 events, as IDR1.EVTQS and the page size have it. A
 *	backlog is gone that soon after its cause.
 * Losses: what comes faster than that fills the event queue, and the SMMU drops what
 *	does not fit, as it does when the host is too slow: also events of others
 *	behind this SMMU. It says that this has happened, but not whose events they
 *	were: so every vSMMU with a device there is told of a loss. (An SMMU that can't
 *	write a record calls it a global error instead: that is in the log only.)
 * Stalled transactions: their events wait for those before them like others, but
 *	no sleep begins with one of them in hand. They are nothing that could be lost:
 *	the SMMU keeps them when its queue is full.
 * Interrupts: fewer than events; the SMMU raises one when its queue stops being
 *	empty, so there is one at most while the thread sleeps.
 * Log: of a vSMMU's events that nobody takes EVTQ_LOG_BURST in EVTQ_LOG_INTERVAL,
 *	five lines each, and one line about how many more there were. On top, the
 *	caller's limit for all events of all SMMUs.
 *
 * Measured on the emulated board, where the faults of a DMA come all at once: 9,728
 * a second that nobody wants are 9 interrupts a second and, in 12 s, 50 lines;
 * handling one takes 0.83 us, so that a full queue of 2^15 delays others by 54 ms
 * and the sleep, one of 2^19 by 0.9 s. (iommufd_cmdqv_faults prints the former,
 * KUnit's event_pace the cost of one.)
 *
 * Section numbers are those of the SMMUv3 architecture, IHI 0070.
 */
#include <linux/cleanup.h>
#include <linux/delay.h>
#include <linux/iommufd_viommu.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/ratelimit.h>
#include <linux/rbtree.h>
#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <uapi/linux/iommufd.h>

#include "arm-smmu-v3.h"
#include "arm-smmu-v3-iommufd.h"

#define EVTQ_WORK_NS		(10 * NSEC_PER_MSEC)
#define EVTQ_SLEEP_MAX_NS	(20 * NSEC_PER_MSEC)
#define EVTQ_GAP_NS		(100 * NSEC_PER_USEC)

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
 * belongs to the state before, and no new owner gets to see it (isolation.rst, I10),
 * not even if the thread handles it much later: such events go to the host's log.
 * (Assumption A3: with the CMD_SYNC that ends the use of the old STE the events of
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

VISIBLE_IF_KUNIT u64 arm_smmu_evtq_clock(void)
{
	KUNIT_STATIC_STUB_REDIRECT(arm_smmu_evtq_clock);
	return ktime_get_ns();
}
EXPORT_SYMBOL_IF_KUNIT(arm_smmu_evtq_clock);

VISIBLE_IF_KUNIT void arm_smmu_evtq_sleep(u64 ns)
{
	unsigned long us = div_u64(ns, NSEC_PER_USEC);

	KUNIT_STATIC_STUB_REDIRECT(arm_smmu_evtq_sleep, ns);
	usleep_range(us, us + us / 10);
}
EXPORT_SYMBOL_IF_KUNIT(arm_smmu_evtq_sleep);

static void evtq_count_work(struct arm_smmu_evtq *evtq)
{
	u64 now = arm_smmu_evtq_clock();

	evtq->vm.worked += now - evtq->vm.since;
	evtq->vm.since = now;
}

/* Sleep for as long as it took, if it was enough */
static void evtq_pace(struct arm_smmu_evtq *evtq)
{
	if (evtq->vm.worked < EVTQ_WORK_NS)
		return;
	arm_smmu_evtq_sleep(min(evtq->vm.worked, EVTQ_SLEEP_MAX_NS));
	evtq->vm.worked = 0;
	evtq->vm.since = arm_smmu_evtq_clock();
}

/**
 * arm_smmu_evtq_begin() - the thread of the event queue begins to work
 * @smmu: the SMMU
 *
 * Context: the thread; with arm_smmu_evtq_end() around all that it does.
 */
void arm_smmu_evtq_begin(struct arm_smmu_device *smmu)
{
	struct arm_smmu_evtq_vm *vm = &smmu->evtq.vm;
	u64 now = arm_smmu_evtq_clock();
	u64 idle = now - vm->since;

	if (idle < EVTQ_GAP_NS)
		return;
	vm->worked -= min(vm->worked, idle);
	vm->since = now;
}
EXPORT_SYMBOL_IF_KUNIT(arm_smmu_evtq_begin);

/**
 * arm_smmu_evtq_end() - the thread of the event queue has emptied it
 * @smmu: the SMMU
 *
 * Context: the thread.
 */
void arm_smmu_evtq_end(struct arm_smmu_device *smmu)
{
	evtq_count_work(&smmu->evtq);
}
EXPORT_SYMBOL_IF_KUNIT(arm_smmu_evtq_end);

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
 * Context: the thread of the event queue, between arm_smmu_evtq_begin() and
 * arm_smmu_evtq_end(); sleeps, and takes streams_mutex after that.
 * Return: 0 if the event needs nothing more, -EOPNOTSUPP if it is the caller's.
 */
int arm_smmu_handle_guest_event(struct arm_smmu_device *smmu, const u64 *evt)
{
	bool stalls = arm_smmu_event_stalls(evt);
	int ret = -EOPNOTSUPP;

	evtq_count_work(&smmu->evtq);
	/* Before, not after: what comes next may be a stall, this one is none */
	if (!stalls)
		evtq_pace(&smmu->evtq);

	scoped_guard(mutex, &smmu->streams_mutex) {
		evtq_count(&smmu->evtq);
		if (!stalls)
			ret = arm_smmu_dispatch_event(smmu, evt);
	}
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(arm_smmu_handle_guest_event);

/**
 * arm_smmu_guest_events_lost() - the SMMU has dropped events
 * @smmu: the SMMU
 *
 * To be called once for each overflow that was noticed. Each vSMMU that events could
 * have been for is told of one loss, however many of its devices there are. Of its
 * events that are still in the queue some may be older than the loss.
 *
 * Context: the thread of the event queue; takes streams_mutex.
 */
void arm_smmu_guest_events_lost(struct arm_smmu_device *smmu)
{
	u64 overflow = ++smmu->evtq.vm.overflows;
	struct arm_vsmmu *vsmmu;
	struct rb_node *node;

	guard(mutex)(&smmu->streams_mutex);
	for (node = rb_first(&smmu->streams); node; node = rb_next(node)) {
		vsmmu = rb_entry(node, struct arm_smmu_stream,
				 node)->master->event_owner.vsmmu;
		if (!vsmmu || vsmmu->overflow == overflow)
			continue;
		vsmmu->overflow = overflow;
		vsmmu->core.services->report_lost(&vsmmu->core,
						  IOMMU_VEVENTQ_TYPE_ARM_SMMUV3);
	}
}
EXPORT_SYMBOL_IF_KUNIT(arm_smmu_guest_events_lost);

/**
 * arm_smmu_events_allow_nesting() - whether guests can be let make events
 * @smmu: the SMMU, its interrupts known
 *
 * Not if one interrupt is for everything: it stays masked while the thread handles
 * events, for as long as guests make them, and no global error would be handled. An
 * error of the command queue, which a guest can cause as well, would stop the host's
 * commands until then.
 *
 * Context: any.
 * Return: true if yes.
 */
bool arm_smmu_events_allow_nesting(const struct arm_smmu_device *smmu)
{
	return !smmu->combined_irq;
}

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
