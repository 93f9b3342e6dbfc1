// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the events of a guest's stage 1: which records are a guest's, what
 * of them it gets to see, whose they are at which moment, what an endless stream of
 * them costs, who is told if the SMMU drops some.
 *
 * Every test states a rule; "uapi" is the user ABI as include/uapi/linux/iommufd.h
 * documents it.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>

#include "arm-smmu-v3-iommufd-test.h"

/* Fields of a record, written down again so that a wrong mask shows */
#define EVT_SSV		BIT_ULL(11)
#define EVT_SSID	GENMASK_ULL(31, 12)
#define EVT_SID		GENMASK_ULL(63, 32)
#define EVT_STALL	BIT_ULL(31)
#define EVT_S2		BIT_ULL(39)

/* uapi: what a guest is told of */
static const u8 guest_events[] = {
	0x04, 0x06, 0x08, 0x0a, 0x10, 0x11, 0x12, 0x13,
};

#define TEST_VSID2	0x00000bad
#define TEST_IOVA	0x0000123456789abcULL

static bool is_guest_event(u8 id)
{
	return memchr(guest_events, id, sizeof(guest_events));
}

/* F_TRANSLATION, F_ADDR_SIZE, F_ACCESS, F_PERMISSION */
static bool has_address(u8 id)
{
	return id >= 0x10 && id <= 0x13;
}

static u32 inc_position(u32 position, u32 n)
{
	return (position + n) & ((2U << TEST_EVTQ_SHIFT) - 1);
}

/* The SMMU puts @n records into its queue */
static void produce(struct vsmmu_fixture *f, u32 n)
{
	f->evtq_prod = inc_position(f->evtq_prod, n);
}

/* The thread takes one of them, and calls what is tested */
static void take(struct vsmmu_fixture *f)
{
	struct arm_smmu_ll_queue *llq = &f->smmu.evtq.q.llq;

	llq->cons = inc_position(llq->cons, 1);
}

static int handle(struct vsmmu_fixture *f, u64 word0, u64 word1, u64 word2,
		  u64 word3)
{
	const u64 evt[4] = { word0, word1, word2, word3 };

	return arm_smmu_handle_guest_event(&f->smmu, evt);
}

static int deliver(struct vsmmu_fixture *f, u8 id, u32 sid)
{
	produce(f, 1);
	take(f);
	return handle(f, id | FIELD_PREP(EVT_SID, sid), 0, TEST_IOVA, 0);
}

/* The device's owner without an attach */
static void give_to(struct vsmmu_fixture *f, struct arm_vsmmu *vsmmu, u32 vsid)
{
	const struct arm_smmu_event_owner owner = {
		.vsmmu = vsmmu,
		.vsid = vsid,
	};

	arm_smmu_set_event_owner(&f->master, &owner);
}

/* One event of the device is reported, to @vsid; or none, if that is U32_MAX */
static void expect_vsid(struct kunit *test, u32 vsid, const char *what)
{
	struct vsmmu_fixture *f = test->priv;
	unsigned int before = f->vevents;
	int ret = deliver(f, EVT_ID_TRANSLATION_FAULT, f->stream.id);

	if (vsid == U32_MAX) {
		KUNIT_EXPECT_EQ_MSG(test, ret, -EOPNOTSUPP, "%s", what);
		KUNIT_EXPECT_EQ_MSG(test, f->vevents, before, "%s", what);
		return;
	}
	KUNIT_EXPECT_EQ_MSG(test, ret, 0, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, f->vevents, before + 1, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test,
			    FIELD_GET(EVT_SID,
				      le64_to_cpu(f->last_vevent.evt[0])),
			    vsid, "%s", what);
}

/* --------------------------------------------- what of a record a guest sees */

/* uapi: exactly these events, and no other, whatever else the record says */
static void event_every_id(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	unsigned int id;

	for (id = 0; id != 256; id++) {
		/* So that nothing ends at the limit of the log */
		arm_vsmmu_init_events(&f->vsmmu);
		give_to(f, NULL, 0);
		give_to(f, &f->vsmmu, TEST_VSID);
		f->vevents = 0;
		KUNIT_EXPECT_EQ_MSG(test, deliver(f, id, TEST_PSID),
				    is_guest_event(id) ? 0 : -EOPNOTSUPP,
				    "event %#x", id);
		KUNIT_EXPECT_EQ_MSG(test, f->vevents, is_guest_event(id),
				    "event %#x", id);
		if (!f->vevents)
			continue;
		KUNIT_EXPECT_PTR_EQ(test, f->last_viommu, &f->vsmmu.core);
		KUNIT_EXPECT_EQ(test, le64_to_cpu(f->last_vevent.evt[0]),
				id | FIELD_PREP(EVT_SID, TEST_VSID));
	}
}

/*
 * A guest sees the event, its own StreamID, its PASID and its transaction. The
 * physical StreamID, addresses and tags of others and what nobody has defined stay
 * with the host. For every bit of a record, alone and all but this one.
 */
static void event_every_field(struct kunit *test)
{
	/* RnW, InD, PnU; CLASS; TT_READ */
	const u64 seen1 = GENMASK_ULL(35, 33) | GENMASK_ULL(41, 40) | BIT_ULL(44);
	struct vsmmu_fixture *f = test->priv;
	unsigned int i, n;

	give_to(f, &f->vsmmu, TEST_VSID);
	for (i = 0; i != ARRAY_SIZE(guest_events); i++) {
		u8 id = guest_events[i];

		for (n = 0; n != 2 * 4 * 64; n++) {
			bool others = n / 256;
			u64 evt[4], want[4] = {};
			unsigned int w;

			memset(evt, others ? 0xff : 0, sizeof(evt));
			evt[n / 64 % 4] ^= BIT_ULL(n % 64);
			evt[0] &= ~(EVT_SID | 0xff);
			evt[0] |= id | FIELD_PREP(EVT_SID, TEST_PSID);
			/* Those have a test of their own */
			evt[1] &= ~(EVT_STALL | EVT_S2);

			want[0] = (evt[0] & EVT_SSV) | id |
				  FIELD_PREP(EVT_SID, TEST_VSID);
			/* Without a PASID there is none, whatever it looks like */
			if (evt[0] & EVT_SSV)
				want[0] |= evt[0] & EVT_SSID;
			if (has_address(id)) {
				want[1] = evt[1] & seen1;
				want[2] = evt[2];
			}

			f->vevents = 0;
			produce(f, 1);
			take(f);
			KUNIT_EXPECT_EQ(test, handle(f, evt[0], evt[1], evt[2],
						     evt[3]), 0);
			KUNIT_EXPECT_EQ(test, f->vevents, 1);
			for (w = 0; w != 4; w++)
				KUNIT_EXPECT_EQ_MSG(test,
						    le64_to_cpu(f->last_vevent.evt[w]),
						    want[w],
						    "event %#x word %u bit %u",
						    id, w, n % 256);
		}
	}
}

/* uapi: faults of stage 2 are the host's, stalls the fault queue's */
static void event_stage2_and_stalls(struct kunit *test)
{
	static const u64 word1[] = { EVT_S2, EVT_STALL, EVT_S2 | EVT_STALL };
	struct vsmmu_fixture *f = test->priv;
	unsigned int id, i, dropped = 0;

	give_to(f, &f->vsmmu, TEST_VSID);
	for (id = 0x10; id <= 0x13; id++) {
		for (i = 0; i != ARRAY_SIZE(word1); i++) {
			arm_vsmmu_init_events(&f->vsmmu);
			produce(f, 1);
			take(f);
			KUNIT_EXPECT_EQ(test,
					handle(f, id | FIELD_PREP(EVT_SID, TEST_PSID),
					       word1[i], TEST_IOVA, 0),
					-EOPNOTSUPP);
		}
	}
	KUNIT_EXPECT_EQ(test, f->vevents, 0);

	/* Stalls are never dropped: they need an answer */
	for (i = 0; i != 5000; i++) {
		produce(f, 1);
		take(f);
		if (!handle(f, 0x10 | FIELD_PREP(EVT_SID, TEST_PSID), EVT_STALL,
			    TEST_IOVA, 0))
			dropped++;
	}
	KUNIT_EXPECT_EQ(test, dropped, 0);
}

/* -------------------------------------------------------- whose an event is */

/* An event of a device that is no VM's, or of no device, is the host's */
static void event_of_the_host(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	unsigned int i;

	for (i = 0; i != ARRAY_SIZE(guest_events); i++)
		KUNIT_EXPECT_EQ(test, deliver(f, guest_events[i], TEST_PSID),
				-EOPNOTSUPP);
	give_to(f, &f->vsmmu, TEST_VSID);
	for (i = 0; i != ARRAY_SIZE(guest_events); i++) {
		KUNIT_EXPECT_EQ(test, deliver(f, guest_events[i], TEST_PSID + 1),
				-EOPNOTSUPP);
		/* The guest's name is nothing to the hardware */
		KUNIT_EXPECT_EQ(test, deliver(f, guest_events[i], TEST_VSID),
				-EOPNOTSUPP);
	}
	KUNIT_EXPECT_EQ(test, f->vevents, 0);

	/* A device that is being released has no StreamID any more */
	rb_erase(&f->stream.node, &f->smmu.streams);
	KUNIT_EXPECT_EQ(test, deliver(f, 0x10, TEST_PSID), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, f->vevents, 0);
}

/* The device gets a table of one stream, so that a nested domain can be attached */
static void make_attachable(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	struct arm_smmu_strtab_cfg *cfg = &f->smmu.strtab_cfg;

	f->smmu.dev = &f->dev;
	rb_erase(&f->stream.node, &f->smmu.streams);
	f->stream.id = 0;
	rb_link_node(&f->stream.node, NULL, &f->smmu.streams.rb_node);
	rb_insert_color(&f->stream.node, &f->smmu.streams);
	f->vdev.sid = 0;
	cfg->linear.num_ents = 1;
	cfg->linear.table = kunit_kzalloc(test, sizeof(*cfg->linear.table),
					  GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cfg->linear.table);
}

static int attach(struct vsmmu_fixture *f, struct iommu_domain *domain)
{
	return domain->ops->attach_dev(domain, &f->dev);
}

/* What blocking and identity domains come down to */
static void detach(struct vsmmu_fixture *f, struct iommu_domain *blocked)
{
	struct arm_smmu_attach_state state = {
		.master = &f->master,
		.ssid = IOMMU_NO_PASID,
	};

	mutex_lock(&arm_smmu_asid_lock);
	arm_smmu_attach_prepare(&state, blocked);
	arm_smmu_attach_commit(&state);
	mutex_unlock(&arm_smmu_asid_lock);
}

static void name_device(struct kunit *test, u32 vsid)
{
	vsmmu_fixture_name_device(test->priv, vsid);
}

/*
 * uapi: events go to the vSMMU of the nested domain that is attached, under the
 * StreamID of the vDEVICE at that time. Attaching anything else ends that; an
 * attach that fails changes nothing.
 */
static void event_owner_by_attach(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	struct iommu_domain blocked = { .type = IOMMU_DOMAIN_BLOCKED };
	struct iommu_domain *one, *two;

	make_attachable(test);
	one = vsmmu_fixture_nested(test, VSTE_STAGE1);
	two = vsmmu_fixture_nested(test, VSTE_STAGE1 | BIT_ULL(12));

	expect_vsid(test, U32_MAX, "never attached");
	KUNIT_ASSERT_EQ(test, attach(f, one), 0);
	expect_vsid(test, TEST_VSID, "attached");

	/* The latch: neither of these reaches it */
	name_device(test, U32_MAX);
	expect_vsid(test, TEST_VSID, "vDEVICE gone");
	KUNIT_EXPECT_EQ(test, attach(f, two), -ENOENT);
	expect_vsid(test, TEST_VSID, "failed for want of a vDEVICE");
	name_device(test, TEST_VSID2);
	expect_vsid(test, TEST_VSID, "vDEVICE under another StreamID");
	f->s2_parent.enforce_cache_coherency = true;
	KUNIT_EXPECT_EQ(test, attach(f, two), -EINVAL);
	expect_vsid(test, TEST_VSID, "failed in prepare");
	f->s2_parent.enforce_cache_coherency = false;

	/* The core goes back from a change that failed for another device */
	KUNIT_EXPECT_EQ(test, attach(f, one), 0);
	expect_vsid(test, TEST_VSID, "the same again");

	KUNIT_EXPECT_EQ(test, attach(f, two), 0);
	expect_vsid(test, TEST_VSID2, "another domain");
	detach(f, &blocked);
	KUNIT_EXPECT_PTR_EQ(test, f->master.event_owner.vsmmu, NULL);
	expect_vsid(test, U32_MAX, "detached");

	/* Nothing but the StreamID itself has been attached */
	KUNIT_ASSERT_EQ(test, attach(f, one), 0);
	expect_vsid(test, TEST_VSID2, "attached again");
	detach(f, &blocked);
	one->ops->free(one);
	two->ops->free(two);
}

/* uapi: abort and bypass need no vDEVICE; then the events are the host's */
static void event_owner_without_stage1(struct kunit *test)
{
	static const u64 vstes[] = { 0, VSTE_ABORT, VSTE_BYPASS };
	struct iommu_domain blocked = { .type = IOMMU_DOMAIN_BLOCKED };
	struct vsmmu_fixture *f = test->priv;
	struct iommu_domain *domain;
	unsigned int i;

	make_attachable(test);
	for (i = 0; i != ARRAY_SIZE(vstes); i++) {
		domain = vsmmu_fixture_nested(test, vstes[i]);
		name_device(test, U32_MAX);
		KUNIT_ASSERT_EQ(test, attach(f, domain), 0);
		expect_vsid(test, U32_MAX, "no vDEVICE");
		name_device(test, TEST_VSID);
		expect_vsid(test, U32_MAX, "a vDEVICE too late");
		detach(f, &blocked);
		KUNIT_ASSERT_EQ(test, attach(f, domain), 0);
		expect_vsid(test, TEST_VSID, "a vDEVICE");
		detach(f, &blocked);
		domain->ops->free(domain);
	}
}

/*
 * I10: what is in the queue when a device changes hands is its former owner's, in
 * whatever place of the ring, with whatever the thread has in its hands. What comes
 * after that is the new owner's, from the first event on.
 */
static void event_of_former_owner(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	const u64 word0 = 0x10 | FIELD_PREP(EVT_SID, TEST_PSID);
	unsigned int queued, in_hand, round, i;

	for (round = 0; round != 100; round++) {
		/* Up to a full queue */
		queued = round % ((1 << TEST_EVTQ_SHIFT) + 1);
		in_hand = queued ? round / 50 : 0;

		give_to(f, NULL, 0);
		produce(f, queued);
		/* Removed from the queue, not handled yet */
		if (in_hand)
			take(f);
		give_to(f, &f->vsmmu, TEST_VSID);
		arm_vsmmu_init_events(&f->vsmmu);
		f->vevents = 0;
		for (i = 0; i != queued; i++) {
			if (i || !in_hand)
				take(f);
			KUNIT_EXPECT_EQ(test, handle(f, word0, 0, 0, 0),
					-EOPNOTSUPP);
		}
		KUNIT_EXPECT_EQ_MSG(test, f->vevents, 0, "round %u", round);
		/* Also the overflow flags are no part of a position */
		f->evtq_prod |= BIT(31);
		f->smmu.evtq.q.llq.cons |= BIT(31);
		expect_vsid(test, TEST_VSID, "the first of the new owner");
		KUNIT_EXPECT_EQ(test, f->evtq_prod & ~BIT(31),
				f->smmu.evtq.q.llq.cons & ~BIT(31));
		f->evtq_prod &= ~BIT(31);
		f->smmu.evtq.q.llq.cons &= ~BIT(31);
	}

	/* Who gets the same device in the same way again loses nothing */
	produce(f, 1);
	give_to(f, &f->vsmmu, TEST_VSID);
	f->vevents = 0;
	take(f);
	KUNIT_EXPECT_EQ(test, handle(f, word0, 0, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, f->vevents, 1);
}

/* ------------------------------------------------------------ what it costs */

/*
 * J90: of the events of a VM that nobody takes, of whatever kind, ten reach the log
 * at once. The limit is the VM's own: neither another VM nor the host lacks a line.
 */
static void event_log_is_bounded(struct kunit *test)
{
	static const u8 ids[] = { 0x02, 0x03, 0x04, 0x09, 0x0b, 0x10, 0x13, 0x20 };
	struct arm_vsmmu *other = kunit_kzalloc(test, sizeof(*other), GFP_KERNEL);
	struct vsmmu_fixture *f = test->priv;
	unsigned int i, logged = 0;

	KUNIT_ASSERT_NOT_NULL(test, other);
	other->core.services = &f->services;
	arm_vsmmu_init_events(other);

	f->report_ret = -EOPNOTSUPP;
	give_to(f, &f->vsmmu, TEST_VSID);
	for (i = 0; i != 1000; i++) {
		u64 word1 = i & 1 ? EVT_S2 : 0;

		produce(f, 1);
		take(f);
		if (handle(f, ids[i % ARRAY_SIZE(ids)] |
			      FIELD_PREP(EVT_SID, TEST_PSID), word1, 0, 0))
			logged++;
	}
	KUNIT_EXPECT_EQ(test, logged, 10);
	/* What has no StreamID by the architecture is no VM's, as it may look */
	for (i = 0, logged = 0; i != 1000; i++)
		logged += !!deliver(f, 0xe0 + i % 32, TEST_PSID);
	KUNIT_EXPECT_EQ(test, logged, 1000);

	give_to(f, other, TEST_VSID);
	KUNIT_EXPECT_EQ(test, deliver(f, 0x10, TEST_PSID), -EOPNOTSUPP);
	give_to(f, NULL, 0);
	for (i = 0, logged = 0; i != 1000; i++)
		logged += !!deliver(f, 0x10, TEST_PSID);
	KUNIT_EXPECT_EQ(test, logged, 1000);

	/* An event that is wanted is no matter of the log */
	f->report_ret = 0;
	give_to(f, &f->vsmmu, TEST_VSID);
	for (i = 0; i != 100; i++)
		expect_vsid(test, TEST_VSID, "wanted");
}

/* What the thread takes for the time: it passes only when a test says so */
static struct {
	u64 now;
	u64 slept;
	u64 longest;
	unsigned int sleeps;
} fake;

static u64 fake_clock(void)
{
	return fake.now;
}

static void fake_sleep(u64 ns)
{
	fake.now += ns;
	fake.slept += ns;
	fake.longest = max(fake.longest, ns);
	fake.sleeps++;
}

static void fake_time(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;

	memset(&fake, 0, sizeof(fake));
	/* Long after whatever has been before */
	fake.now = 1000ULL * NSEC_PER_SEC;
	f->smmu.evtq.vm.worked = 0;
	f->smmu.evtq.vm.since = fake.now;
	kunit_activate_static_stub(test, arm_smmu_evtq_clock, fake_clock);
	kunit_activate_static_stub(test, arm_smmu_evtq_sleep, fake_sleep);
}

/* The thread handles an event that takes @ns */
static void work(struct vsmmu_fixture *f, bool stalls, u64 ns)
{
	produce(f, 1);
	take(f);
	handle(f, EVT_ID_TRANSLATION_FAULT | FIELD_PREP(EVT_SID, TEST_PSID),
	       stalls ? EVT_STALL : 0, TEST_IOVA, 0);
	fake.now += ns;
}

#define MS	((u64)NSEC_PER_MSEC)

/*
 * I8: the thread has half a CPU, whatever an event costs and whatever becomes of it;
 * and no less, so that it catches up as fast as that allows.
 */
static void event_pace(struct kunit *test)
{
	static const u64 costs[] = {
		100, 1000, 9766, 100000, 3 * MS, 9 * MS, 10 * MS,
	};
	struct vsmmu_fixture *f = test->priv;
	unsigned int i, wanted;
	ktime_t start;
	u64 worked;

	give_to(f, &f->vsmmu, TEST_VSID);
	arm_smmu_evtq_begin(&f->smmu);
	start = ktime_get();
	for (i = 0; i != 1000; i++)
		deliver(f, 0x10, TEST_PSID);
	kunit_info(test, "%lld ns an event",
		   ktime_to_ns(ktime_sub(ktime_get(), start)) / 1000);

	for (i = 0; i != 2 * ARRAY_SIZE(costs); i++) {
		u64 cost = costs[i / 2];

		wanted = i % 2;
		f->report_ret = wanted ? 0 : -EOPNOTSUPP;
		fake_time(test);
		arm_smmu_evtq_begin(&f->smmu);
		/* Three times what it may work at a stretch: a debug kernel is slow */
		for (worked = 0; worked < 30 * MS; worked += cost)
			work(f, false, cost);
		arm_smmu_evtq_end(&f->smmu);
		KUNIT_EXPECT_GE_MSG(test, fake.slept + 10 * MS + cost, worked,
				    "%llu ns an event", cost);
		KUNIT_EXPECT_LE_MSG(test, fake.slept, worked,
				    "%llu ns an event", cost);
		KUNIT_EXPECT_LE_MSG(test, fake.sleeps, worked / (10 * MS),
				    "%llu ns an event", cost);
	}

	/* However long an event took, the next one doesn't wait as long */
	fake_time(test);
	arm_smmu_evtq_begin(&f->smmu);
	work(f, false, 1000 * MS);
	work(f, false, 0);
	KUNIT_EXPECT_EQ(test, fake.sleeps, 1);
	KUNIT_EXPECT_EQ(test, fake.slept, 20 * MS);
}

/* An event that needs an answer is never what a sleep begins with */
static void event_pace_stalls(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	unsigned int i;

	give_to(f, &f->vsmmu, TEST_VSID);
	fake_time(test);
	arm_smmu_evtq_begin(&f->smmu);
	for (i = 0; i != 10; i++)
		work(f, false, MS);
	for (i = 0; i != 1000; i++)
		work(f, true, MS);
	KUNIT_EXPECT_EQ(test, fake.sleeps, 0);
	/* They have taken time like others: the next one waits */
	work(f, false, MS);
	KUNIT_EXPECT_EQ(test, fake.sleeps, 1);
}

/*
 * A thread that is idle as long as it works needs no sleep. One that is waked so often
 * that it is never idle for long does, as if there had been no end.
 */
static void event_pace_idle(struct kunit *test)
{
	static const struct {
		u64 work, idle;
		bool sleeps;
	} loads[] = {
		{ 1000, 100000, false },
		{ 100000, 100000, false },
		{ 5 * MS, 5 * MS, false },
		{ 5 * MS, 2 * MS, true },
		{ 1000, 99999, true },
		{ 50000, 10, true },
	};
	struct vsmmu_fixture *f = test->priv;
	unsigned int i;
	u64 start, busy;

	give_to(f, &f->vsmmu, TEST_VSID);
	for (i = 0; i != ARRAY_SIZE(loads); i++) {
		fake_time(test);
		start = fake.now;
		for (busy = 0; fake.now < start + 1000 * MS;
		     busy += loads[i].work) {
			arm_smmu_evtq_begin(&f->smmu);
			work(f, false, loads[i].work);
			arm_smmu_evtq_end(&f->smmu);
			fake.now += loads[i].idle;
		}
		KUNIT_EXPECT_EQ_MSG(test, fake.sleeps != 0, loads[i].sleeps,
				    "load %u", i);
		KUNIT_EXPECT_LE_MSG(test, busy,
				    (fake.now - start) / 2 + 15 * MS,
				    "load %u", i);
	}

	/* Idle time is no credit for later */
	fake_time(test);
	fake.now += 1000 * MS;
	arm_smmu_evtq_begin(&f->smmu);
	for (i = 0; i != 11; i++)
		work(f, false, MS);
	KUNIT_EXPECT_EQ(test, fake.sleeps, 1);
}

/* ------------------------------------------------------- when the SMMU drops some */

#define OVFLG		BIT(31)
#define OVERFLOWS	10

/* The SMMU puts a record into its queue, and drops another, if it can say so */
static int report_event_overflow(struct iommufd_viommu *viommu, u32 type,
				 const void *data, size_t len)
{
	struct kunit *test = kunit_get_current_test();
	struct vsmmu_fixture *f = test->priv;
	u32 ovflg = f->evtq_prod & OVFLG;

	vsmmu_fixture_report_event(viommu, type, data, len);
	if (f->vevents > OVERFLOWS)
		return 0;
	/* 7.4: OVFLG changes only if the last time was acknowledged */
	if (f->vevents > 1 && ovflg == (f->evtq_cons & OVFLG))
		ovflg ^= OVFLG;
	f->evtq_prod = inc_position(f->evtq_prod, 1) | ovflg;
	return 0;
}

/*
 * I10: each overflow that the SMMU tells of is acknowledged at once, so that it can
 * tell of the next, and is one loss for each VM that has a device there: for nobody
 * else, and one only, however many devices and StreamIDs.
 */
static void event_overflow(struct kunit *test)
{
	struct arm_vsmmu *other = kunit_kzalloc(test, sizeof(*other), GFP_KERNEL);
	struct vsmmu_fixture *f = test->priv;
	struct arm_smmu_queue *q = &f->smmu.evtq.q;
	/* Of whom: the other VM; nobody; the same VM again; the first stream's */
	struct arm_vsmmu *owners[] = { other, NULL, &f->vsmmu };
	struct arm_smmu_master masters[ARRAY_SIZE(owners)] = {};
	struct arm_smmu_stream streams[ARRAY_SIZE(owners) + 1] = {};
	struct rb_node *last = &f->stream.node;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, other);
	other->core.services = &f->services;
	f->smmu.dev = &f->dev;
	f->services.report_event = report_event_overflow;
	for (i = 0; i != ARRAY_SIZE(streams); i++) {
		streams[i].id = TEST_PSID + 1 + i;
		streams[i].master = i < ARRAY_SIZE(owners) ? &masters[i] :
							     &f->master;
		if (i < ARRAY_SIZE(owners))
			masters[i].event_owner.vsmmu = owners[i];
		rb_link_node(&streams[i].node, last, &last->rb_right);
		rb_insert_color(&streams[i].node, &f->smmu.streams);
		for (last = f->smmu.streams.rb_node; last->rb_right; )
			last = last->rb_right;
	}
	q->ent_dwords = EVTQ_ENT_DWORDS;
	q->base = kunit_kzalloc(test, 32 << TEST_EVTQ_SHIFT, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, q->base);
	for (i = 0; i != 1 << TEST_EVTQ_SHIFT; i++)
		q->base[4 * i] = cpu_to_le64(EVT_ID_TRANSLATION_FAULT |
					     FIELD_PREP(EVT_SID, TEST_PSID));
	give_to(f, &f->vsmmu, TEST_VSID);

	/* All that comes is handled, and nothing is lost */
	f->vevents = OVERFLOWS;
	produce(f, 1);
	KUNIT_EXPECT_EQ(test, arm_smmu_evtq_thread(0, &f->smmu), IRQ_HANDLED);
	KUNIT_EXPECT_EQ(test, f->vevents, OVERFLOWS + 1);
	KUNIT_EXPECT_EQ(test, f->losses, 0);

	f->vevents = 0;
	produce(f, 1);
	KUNIT_EXPECT_EQ(test, arm_smmu_evtq_thread(0, &f->smmu), IRQ_HANDLED);
	KUNIT_EXPECT_EQ(test, f->vevents, OVERFLOWS + 1);
	KUNIT_EXPECT_EQ(test, f->losses, OVERFLOWS - 1);
	KUNIT_EXPECT_EQ(test, f->others_losses, OVERFLOWS - 1);
	KUNIT_EXPECT_EQ(test, f->evtq_cons, f->evtq_prod);

	/* Who has no device there any more, or none behind a stage 1, isn't told */
	give_to(f, NULL, 0);
	masters[2].event_owner.vsmmu = NULL;
	f->evtq_prod ^= OVFLG;
	KUNIT_EXPECT_EQ(test, arm_smmu_evtq_thread(0, &f->smmu), IRQ_HANDLED);
	KUNIT_EXPECT_EQ(test, f->losses, OVERFLOWS - 1);
	KUNIT_EXPECT_EQ(test, f->others_losses, OVERFLOWS);
}

/* ------------------------------------------------------- which SMMUs can have any */

#define TEST_IDR0	(BIT(0) | BIT(1) | 2 << 2 | BIT(4) | 2 << 21)
#define TEST_IDR1	(16 | 7 << 16 | 8 << 21)
#define TEST_IDR5	(BIT(4) | BIT(5) | BIT(6) | 5)

/*
 * I8: with one interrupt for everything global errors wait for the thread, which can be
 * for as long as a guest wants. So no guest gets a stage 1 there.
 */
static void event_combined_irq(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	u32 *regs = kunit_kzalloc(test, SZ_4K, GFP_KERNEL);
	unsigned int combined;

	KUNIT_ASSERT_NOT_NULL(test, regs);
	regs[0x0 / 4] = TEST_IDR0;
	regs[0x4 / 4] = TEST_IDR1;
	regs[0x14 / 4] = TEST_IDR5;
	f->smmu.dev = &f->dev;
	f->smmu.base = (void __iomem *)regs;
	for (combined = 0; combined != 2; combined++) {
		f->smmu.features = ARM_SMMU_FEAT_COHERENCY;
		f->smmu.combined_irq = combined ? 42 : 0;
		KUNIT_ASSERT_EQ(test, arm_smmu_device_hw_probe(&f->smmu), 0);
		KUNIT_EXPECT_EQ(test,
				!!(f->smmu.features & ARM_SMMU_FEAT_NESTING),
				!combined);
	}
}

/* J95: a vSMMU has no events but these */
static void event_types(struct kunit *test)
{
	static const struct iommu_ops ops = {};
	struct vsmmu_fixture *f = test->priv;
	struct iommufd_viommu *viommu = &f->vsmmu.core;
	u32 type;

	f->smmu.iommu.ops = &ops;
	f->s2_parent.domain.owner = &ops;
	viommu->type = IOMMU_VIOMMU_TYPE_ARM_SMMUV3;
	KUNIT_ASSERT_EQ(test, arm_vsmmu_init(viommu, &f->s2_parent.domain,
					     &f->dev, NULL), 0);
	for (type = 0; type != 10; type++)
		KUNIT_EXPECT_EQ(test,
				viommu->ops->supports_veventq(viommu, type),
				type == IOMMU_VEVENTQ_TYPE_ARM_SMMUV3);
	KUNIT_EXPECT_FALSE(test,
			   viommu->ops->supports_veventq(viommu, 0xbeefbeef));
	viommu->ops->destroy(viommu);
}

static struct kunit_case arm_smmu_v3_iommufd_event_test_cases[] = {
	KUNIT_CASE(event_every_id),
	KUNIT_CASE(event_every_field),
	KUNIT_CASE(event_stage2_and_stalls),
	KUNIT_CASE(event_of_the_host),
	KUNIT_CASE(event_owner_by_attach),
	KUNIT_CASE(event_owner_without_stage1),
	KUNIT_CASE(event_of_former_owner),
	KUNIT_CASE(event_log_is_bounded),
	KUNIT_CASE(event_pace),
	KUNIT_CASE(event_pace_stalls),
	KUNIT_CASE(event_pace_idle),
	KUNIT_CASE(event_overflow),
	KUNIT_CASE(event_combined_irq),
	KUNIT_CASE(event_types),
	{},
};

static struct kunit_suite arm_smmu_v3_iommufd_event_test_suite = {
	.name = "arm-smmu-v3-iommufd-event",
	.init = vsmmu_fixture_init,
	.exit = vsmmu_fixture_exit,
	.test_cases = arm_smmu_v3_iommufd_event_test_cases,
};

kunit_test_suites(&arm_smmu_v3_iommufd_event_test_suite);

MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
MODULE_DESCRIPTION("KUnit tests for SMMUv3 events of guests");
MODULE_LICENSE("GPL");
