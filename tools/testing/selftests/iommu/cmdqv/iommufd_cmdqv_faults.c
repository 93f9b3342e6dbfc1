// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Faults of a guest's stage 1, from a device's DMA to the guest's event queue: what
 * arrives, where, under which name; what does not; and what they cost the host if
 * there are too many.
 *
 * Runs on the emulated board (emulator/grace-vm); skips elsewhere.
 */
#include <poll.h>

#include "cmdqv_utils.h"
#include "kernel_log.h"

#define TIMEOUT		240
#define VSID2		0x4321
#define DEPTH		4096
/* For what is sure to come, on however slow a board */
#define SLOW_MS		20000
#define EVENT		IOMMU_VEVENTQ_TYPE_ARM_SMMUV3
/* The driver's header: for each VM; then for all that it logs of events */
#define LOG_EVENTS	10
#define LOG_WINDOW_S	60
#define LOG_ALL_S	5

/**
 * struct evq - a vEVENTQ
 * @id: its id
 * @fd: where to read it; -1: there is none
 */
struct evq {
	u32 id;
	int fd;
};

/**
 * struct event - what one read returns
 * @header: of any event
 * @evt: the record, if it isn't a loss
 */
struct event {
	struct iommufd_vevent_header header;
	u64 evt[4];
};

static int evq_open(struct evq *q, struct vm *vm, u32 depth)
{
	int rc = iommufd_veventq_alloc(vm->fd, vm->viommu, EVENT, depth, &q->id,
				       &q->fd);

	if (rc)
		q->fd = -1;
	return rc;
}

static int evq_close(struct evq *q, struct vm *vm)
{
	if (q->fd < 0)
		return 0;
	close(q->fd);
	q->fd = -1;
	return iommufd_destroy(vm->fd, q->id);
}

/* The next event, which may take up to @ms to arrive: 0 or -EAGAIN, or an error */
static int evq_next(struct evq *q, struct event *e, int ms)
{
	struct pollfd p = { .fd = q->fd, .events = POLLIN };

	memset(e, 0, sizeof(*e));
	if (poll(&p, 1, ms) < 0)
		return -errno;
	return iommufd_veventq_read(q->fd, &e->header, e->evt, sizeof(e->evt));
}

/*
 * Read on until nothing has come for @ms, many at a time: how many, lost ones not.
 * The last one goes to @last.
 */
static unsigned int evq_drain(struct evq *q, struct event *last, int ms)
{
	struct pollfd p = { .fd = q->fd, .events = POLLIN };
	static char buf[64 << 10];
	unsigned int n = 0;
	ssize_t got, at;

	while (poll(&p, 1, ms) == 1) {
		got = read(q->fd, buf, sizeof(buf));
		for (at = 0; at < got; ) {
			struct iommufd_vevent_header *h = (void *)(buf + at);

			memset(last, 0, sizeof(*last));
			last->header = *h;
			at += sizeof(*h);
			if (h->flags & IOMMU_VEVENTQ_FLAG_LOST_EVENTS)
				continue;
			memcpy(last->evt, buf + at, sizeof(last->evt));
			at += sizeof(last->evt);
			n++;
		}
		if (got <= 0)
			break;
	}
	return n;
}

/**
 * struct log - lines of the kernel's log
 * @events: events that were printed
 * @lines: all lines of the SMMU driver, and about how much of them was left out
 * @sid: StreamID of the last event
 */
struct log {
	unsigned int events;
	unsigned int lines;
	u32 sid;
};

/* What has come into the kernel's log since the last time */
static void log_read(int fd, struct log *log)
{
	unsigned int words = 0;
	char record[8192], *text;
	ssize_t n;

	memset(log, 0, sizeof(*log));
	while (1) {
		n = read(fd, record, sizeof(record) - 1);
		if (n < 0 && errno == EPIPE)
			continue;
		if (n <= 0)
			return;
		record[n] = 0;
		text = strchr(record, ';');
		if (!text)
			continue;
		if (strstr(text, "callbacks suppressed")) {
			log->lines++;
			continue;
		}
		if (!strstr(text, "arm-smmu-v3"))
			continue;
		log->lines++;
		if (strstr(text, ": event 0x")) {
			log->events++;
			words = 0;
		} else if (strstr(text, "0x") && !words++) {
			log->sid = strtoull(strstr(text, "0x"), NULL, 16) >> 32;
		}
	}
}

/* The same, but wait for the first event; the board may be slow */
static void log_wait(int fd, struct log *log)
{
	struct log rest;

	for (int i = 0; i < 100; i++) {
		log_read(fd, log);
		if (log->events)
			break;
		usleep(100000);
	}
	/* The lines of an event are written one by one */
	usleep(200000);
	log_read(fd, &rest);
	log->events += rest.events;
	log->lines += rest.lines;
	if (!log->sid)
		log->sid = rest.sid;
}

/*
 * What earlier tests have logged does not count for later ones: the driver's limit
 * for the events of all is used up no more.
 */
static int log_open(void)
{
	sleep(LOG_ALL_S + 1);
	return kernel_log_open();
}

/* Interrupts of the SMMU's event queue so far */
static unsigned long event_interrupts(void)
{
	unsigned long sum = 0;
	FILE *f = fopen("/proc/interrupts", "re");
	char line[4096], *p;

	while (f && fgets(line, sizeof(line), f)) {
		if (!strstr(line, "arm-smmu-v3-evtq") &&
		    !strstr(line, "arm-smmu-v3-combined"))
			continue;
		p = strchr(line, ':');
		while (p && *++p) {
			char *end;
			unsigned long n = strtoul(p, &end, 10);

			if (end == p || (*end != ' ' && *end != '\t'))
				break;
			sum += n;
			p = end - 1;
		}
	}
	if (f)
		fclose(f);
	return sum;
}

/* The guest tells its SMMU that a context descriptor has changed, and all TLBs */
static int invalidate(struct vm *vm, u32 vsid)
{
	struct smmu_cmd cmds[] = {
		cmd_sid(CMD_CFGI_CD_ALL, vsid), cmd_op(CMD_TLBI_NSNH_ALL),
	};
	u32 num = ARRAY_SIZE(cmds);

	return _test_cmd_invalidate(vm, cmds, &num);
}

static int nested_alloc(struct vm *vm, u64 ste0, u64 ste1, u32 *id)
{
	const struct iommu_hwpt_arm_smmuv3 data = { .ste = { ste0, ste1 } };

	return iommufd_hwpt_alloc(vm->fd, vm->dev.dev_id, vm->viommu, 0,
				  IOMMU_HWPT_DATA_ARM_SMMUV3, &data,
				  sizeof(data), id);
}

/* The very same stage 1 in another HWPT, attached: an attach that counts as one */
static int attach_again(struct vm *vm)
{
	u64 ste[2];
	u32 id;
	int rc;

	stage1_ste(&vm->s1, ste);
	rc = nested_alloc(vm, ste[0], ste[1], &id);
	if (rc)
		return rc;
	rc = vfio_attach(&vm->dev, id);
	/* The one that nothing is attached to */
	if (iommufd_destroy(vm->fd, rc ? id : vm->nested))
		return -EBUSY;
	if (!rc)
		vm->nested = id;
	return rc;
}

/* The next event is of @_id, about an access to @_iova, of the device @_vsid */
#define expect_event(_q, _id, _vsid, _iova, _read)			\
	do {								\
		struct event _e;					\
									\
		EXPECT_EQ(0, evq_next(_q, &_e, SLOW_MS));			\
		EXPECT_EQ(_e.header.flags, 0);				\
		EXPECT_EQ(EVT_ID(_e.evt), _id);				\
		EXPECT_EQ(EVT_SID(_e.evt), _vsid);			\
		EXPECT_EQ(EVT_S2(_e.evt), 0);				\
		EXPECT_EQ(EVT_ADDR(_e.evt), _iova);			\
		EXPECT_EQ(EVT_READ(_e.evt), _read);			\
		EXPECT_EQ(_e.evt[3], 0);				\
	} while (0)

/* That was all: an access to the next word is the next thing that is heard of */
#define expect_no_event(_q)						\
	do {								\
		struct event _e;					\
									\
		EXPECT_EQ(-EAGAIN, evq_next(_q, &_e, 300))		\
			TH_LOG("event 0x%llx of 0x%x, address 0x%llx",	\
			       EVT_ID(_e.evt), EVT_SID(_e.evt),		\
			       EVT_ADDR(_e.evt));			\
	} while (0)

FIXTURE(faults)
{
	struct board board;
	struct vm vm;
	struct evq q;
	int log;
};

FIXTURE_VARIANT(faults)
{
	u32 type;
};

FIXTURE_VARIANT_ADD(faults, arm_smmuv3)
{
	.type = IOMMU_VIOMMU_TYPE_ARM_SMMUV3,
};

FIXTURE_VARIANT_ADD(faults, tegra241_cmdqv)
{
	.type = IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV,
};

FIXTURE_SETUP(faults)
{
	const char *why = board_find(&self->board);
	struct vm *vm = &self->vm;

	self->q.fd = -1;
	self->log = -1;
	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, vm_open(vm, "A", self->board.bdf[0]));
	ASSERT_EQ(0, vm_add_viommu(vm, variant->type));
	ASSERT_EQ(0, vm_add_vdevice(vm, VSID));
	ASSERT_EQ(0, vm_add_stage1(vm, ASID));
}

FIXTURE_TEARDOWN(faults)
{
	if (self->log >= 0)
		close(self->log);
	EXPECT_EQ(0, evq_close(&self->q, &self->vm));
	EXPECT_EQ(0, vm_close(&self->vm));
	board_check(&self->board);
	observer_close(&self->board.unit);
}

/*
 * Each fault that stage 1 can have arrives as what it is, with the guest's name of
 * the device and the device's address, and nothing arrives that did not happen.
 */
TEST_F_TIMEOUT(faults, each_fault, TIMEOUT)
{
	struct vm *vm = &self->vm;
	u64 page = guestmem_alloc(&vm->ram, GUEST_PAGE, GUEST_PAGE);
	u64 *pte, *cd, keep;
	unsigned long irqs;
	struct event e;

	ASSERT_NE(page, 0);
	/* What happens before there is a queue is not kept for it */
	irqs = event_interrupts();
	ASSERT_EQ(0, edu_load(&vm->dev, IOVA, 4));
	for (int i = 0; i < SLOW_MS && event_interrupts() == irqs; i++)
		usleep(1000);
	usleep(200000);
	ASSERT_EQ(0, evq_open(&self->q, vm, DEPTH));
	expect_no_event(&self->q);

	/* The device's access is 4 bytes wide, so 4 bytes are one fault */
	ASSERT_EQ(0, edu_load(&vm->dev, IOVA, 4));
	expect_event(&self->q, EVT_F_TRANSLATION, VSID, IOVA, 1);
	ASSERT_EQ(0, edu_store(&vm->dev, IOVA + 0x123450, 4));
	expect_event(&self->q, EVT_F_TRANSLATION, VSID, IOVA + 0x123450, 0);
	expect_no_event(&self->q);

	ASSERT_EQ(0, stage1_map(&vm->s1, IOVA, page));
	ASSERT_EQ(0, edu_load(&vm->dev, IOVA, 64));
	ASSERT_EQ(0, edu_store(&vm->dev, IOVA, 64));
	expect_no_event(&self->q);

	pte = stage1_entry(&vm->s1, IOVA);
	ASSERT_NE(pte, NULL);
	keep = *pte;
	*pte = keep | S1_PTE_RDONLY;
	ASSERT_EQ(0, invalidate(vm, VSID));
	ASSERT_EQ(0, edu_load(&vm->dev, IOVA, 64));
	ASSERT_EQ(0, edu_store(&vm->dev, IOVA + 0x10, 4));
	expect_event(&self->q, EVT_F_PERMISSION, VSID, IOVA + 0x10, 0);

	*pte = keep & ~S1_PTE_AF;
	ASSERT_EQ(0, invalidate(vm, VSID));
	ASSERT_EQ(0, edu_load(&vm->dev, IOVA + 0x20, 4));
	expect_event(&self->q, EVT_F_ACCESS, VSID, IOVA + 0x20, 1);

	/* An output address beyond what the context descriptor says (40 bits) */
	*pte = keep | 1ULL << 46;
	ASSERT_EQ(0, invalidate(vm, VSID));
	ASSERT_EQ(0, edu_load(&vm->dev, IOVA + 0x30, 4));
	expect_event(&self->q, EVT_F_ADDR_SIZE, VSID, IOVA + 0x30, 1);
	*pte = keep;

	cd = guestmem_at(&vm->ram, vm->s1.cd, 64);
	ASSERT_NE(cd, NULL);
	cd[0] &= ~CD0_VALID;
	ASSERT_EQ(0, invalidate(vm, VSID));
	ASSERT_EQ(0, edu_load(&vm->dev, IOVA, 4));
	ASSERT_EQ(0, evq_next(&self->q, &e, SLOW_MS));
	EXPECT_EQ(EVT_ID(e.evt), EVT_C_BAD_CD);
	EXPECT_EQ(EVT_SID(e.evt), VSID);
	EXPECT_EQ(e.evt[1] | e.evt[2] | e.evt[3], 0);
	cd[0] |= CD0_VALID;
	ASSERT_EQ(0, invalidate(vm, VSID));

	ASSERT_EQ(0, edu_load(&vm->dev, IOVA, 64));
	expect_no_event(&self->q);
}

/* The guest's two words alone can make an STE illegal: that is for it to hear */
TEST_F_TIMEOUT(faults, bad_ste, TIMEOUT)
{
	/* More context descriptors than the SMMU has bits of SubstreamIDs */
	const u64 too_many = 20ULL << 59;
	struct vm *vm = &self->vm;
	struct event e;
	u64 ste[2];
	u32 bad;

	ASSERT_EQ(0, evq_open(&self->q, vm, DEPTH));
	stage1_ste(&vm->s1, ste);
	ASSERT_EQ(0, nested_alloc(vm, ste[0] | too_many, ste[1], &bad));
	ASSERT_EQ(0, vfio_attach(&vm->dev, bad));
	ASSERT_EQ(0, edu_load(&vm->dev, IOVA, 4));
	ASSERT_EQ(0, evq_next(&self->q, &e, SLOW_MS));
	EXPECT_EQ(EVT_ID(e.evt), EVT_C_BAD_STE);
	EXPECT_EQ(EVT_SID(e.evt), VSID);
	EXPECT_EQ(e.evt[1] | e.evt[2] | e.evt[3], 0);
	ASSERT_EQ(0, vfio_attach(&vm->dev, vm->nested));
	test_cmd_destroy(vm->fd, bad);
}

/*
 * The StreamID is that of the vDEVICE when the device was attached, whatever
 * becomes of the vDEVICE until the next attach.
 */
TEST_F_TIMEOUT(faults, stream_id_of_the_attach, TIMEOUT)
{
	struct vm *vm = &self->vm;

	ASSERT_EQ(0, evq_open(&self->q, vm, DEPTH));
	test_cmd_destroy(vm->fd, vm->vdevice);
	vm->vdevice = 0;
	ASSERT_EQ(0, edu_load(&vm->dev, IOVA, 4));
	expect_event(&self->q, EVT_F_TRANSLATION, VSID, IOVA, 1);

	ASSERT_EQ(0, vm_add_vdevice(vm, VSID2));
	ASSERT_EQ(0, edu_load(&vm->dev, IOVA, 4));
	expect_event(&self->q, EVT_F_TRANSLATION, VSID, IOVA, 1);
	/* The same HWPT again is no attach */
	ASSERT_EQ(0, vfio_attach(&vm->dev, vm->nested));
	ASSERT_EQ(0, edu_load(&vm->dev, IOVA, 4));
	expect_event(&self->q, EVT_F_TRANSLATION, VSID, IOVA, 1);

	ASSERT_EQ(0, attach_again(vm));
	ASSERT_EQ(0, edu_load(&vm->dev, IOVA, 4));
	expect_event(&self->q, EVT_F_TRANSLATION, VSID2, IOVA, 1);

	/* An attach that is refused changes nothing */
	test_cmd_destroy(vm->fd, vm->vdevice);
	vm->vdevice = 0;
	EXPECT_EQ(-ENOENT, attach_again(vm));
	ASSERT_EQ(0, edu_load(&vm->dev, IOVA, 4));
	expect_event(&self->q, EVT_F_TRANSLATION, VSID2, IOVA, 1);
	expect_no_event(&self->q);
}

/*
 * A device that isn't behind a guest's tables has no events for it: on stage 2
 * alone, with an STE that lets it through, with one that stops it.
 */
TEST_F_TIMEOUT(faults, not_the_guests, TIMEOUT)
{
	const u64 nowhere = VM_RAM_IPA + 2 * VM_RAM_SIZE;
	struct vm *vm = &self->vm;
	u32 bypass, abort;
	struct log log;
	u64 ste[2];

	self->log = log_open();
	ASSERT_GE(self->log, 0);
	ASSERT_EQ(0, evq_open(&self->q, vm, DEPTH));

	/* Stage 1 is as it should be: what it leads to is the host's matter */
	ASSERT_EQ(0, stage1_map(&vm->s1, IOVA, nowhere));
	ASSERT_EQ(0, edu_load(&vm->dev, IOVA, 4));
	log_wait(self->log, &log);
	EXPECT_EQ(log.events, 1);
	expect_no_event(&self->q);
	EXPECT_EQ(log.sid, vm->dev.sid);

	ste_bypass(ste);
	ASSERT_EQ(0, nested_alloc(vm, ste[0], ste[1], &bypass));
	ASSERT_EQ(0, vfio_attach(&vm->dev, bypass));
	ASSERT_EQ(0, edu_load(&vm->dev, nowhere, 4));
	log_wait(self->log, &log);
	EXPECT_EQ(log.events, 1);
	expect_no_event(&self->q);

	/* Nothing is recorded of an aborted transaction */
	ste_abort(ste);
	ASSERT_EQ(0, nested_alloc(vm, ste[0], ste[1], &abort));
	ASSERT_EQ(0, vfio_attach(&vm->dev, abort));
	ASSERT_EQ(0, edu_load(&vm->dev, IOVA, 4));
	expect_no_event(&self->q);
	log_read(self->log, &log);
	EXPECT_EQ(log.events, 0);

	ASSERT_EQ(0, vfio_attach(&vm->dev, vm->s2));
	ASSERT_EQ(0, edu_load(&vm->dev, nowhere, 4));
	log_wait(self->log, &log);
	EXPECT_EQ(log.events, 1);
	expect_no_event(&self->q);

	ASSERT_EQ(0, vfio_attach(&vm->dev, vm->nested));
	test_cmd_destroy(vm->fd, bypass);
	test_cmd_destroy(vm->fd, abort);
	ASSERT_EQ(0, edu_load(&vm->dev, IOVA + GUEST_PAGE, 4));
	expect_event(&self->q, EVT_F_TRANSLATION, VSID, IOVA + GUEST_PAGE, 1);
}

/* More events than the queue keeps are counted; what is kept is the oldest */
TEST_F_TIMEOUT(faults, losses_are_counted, TIMEOUT)
{
	enum { KEPT = 4, FAULTS = 16 };
	struct vm *vm = &self->vm;
	struct event e;
	int i;

	ASSERT_EQ(0, evq_open(&self->q, vm, KEPT));
	ASSERT_EQ(0, edu_load(&vm->dev, IOVA, FAULTS * 4));
	sleep(1);
	for (i = 0; i < KEPT; i++) {
		ASSERT_EQ(0, evq_next(&self->q, &e, SLOW_MS));
		EXPECT_EQ(e.header.flags, 0);
		EXPECT_EQ(e.header.sequence, i);
		EXPECT_EQ(EVT_ADDR(e.evt), IOVA + i * 4);
	}
	ASSERT_EQ(0, evq_next(&self->q, &e, SLOW_MS));
	EXPECT_EQ(e.header.flags, IOMMU_VEVENTQ_FLAG_LOST_EVENTS);
	EXPECT_EQ(e.header.sequence, FAULTS - 1);
	expect_no_event(&self->q);
	/* The next one goes on behind those that were lost */
	ASSERT_EQ(0, edu_load(&vm->dev, IOVA, 4));
	ASSERT_EQ(0, evq_next(&self->q, &e, SLOW_MS));
	EXPECT_EQ(e.header.flags, 0);
	EXPECT_EQ(e.header.sequence, FAULTS);
}

/* J95: only what can happen can be asked for */
TEST_F(faults, types_of_events)
{
	static const u32 types[] = {
		IOMMU_VEVENTQ_TYPE_DEFAULT, 3, 4, 0xbeefbeef, UINT32_MAX,
	};
	bool cmdqv = variant->type == IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV;
	struct observer *unit = &self->board.unit;
	struct vm *vm = &self->vm;
	struct evq q;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		test_refused(EOPNOTSUPP,
			     iommufd_veventq_alloc(vm->fd, vm->viommu, types[i],
						   1, &q.id, &q.fd));
	EXPECT_EQ(cmdqv ? 0 : -EOPNOTSUPP,
		  iommufd_veventq_alloc(vm->fd, vm->viommu,
					IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV, 1,
					&q.id, &q.fd));
	if (cmdqv)
		EXPECT_EQ(0, evq_close(&q, vm));
	EXPECT_EQ(0, evq_open(&self->q, vm, 1));
}

/* ---------------------------------------------------------------- endless ones */

/*
 * After a storm: the device accesses @iova, which no other access did, and all events
 * up to that one are read. 0 or -ETIMEDOUT.
 */
static int evq_catch_up(struct evq *q, struct vm *vm, u64 iova)
{
	u64 end = vmm_now_ns() + 60000000000ULL;
	struct event e;
	int rc = edu_load(&vm->dev, iova, 4);

	while (!rc) {
		rc = evq_next(q, &e, 1000);
		if (!rc && EVT_ADDR(e.evt) == iova)
			return 0;
		if (rc == -EAGAIN && vmm_now_ns() < end)
			rc = 0;
	}
	return rc == -EAGAIN ? -ETIMEDOUT : rc;
}

/**
 * struct storm - a device that faults as fast as it can
 * @dev: the device
 * @len: bytes of a DMA to a page that isn't mapped; each 4 of them are a fault
 * @stop: to end it
 * @dmas: how often it has tried
 * @thread: who drives it
 */
struct storm {
	struct vfio_dev *dev;
	u32 len;
	bool stop;
	unsigned int dmas;
	pthread_t thread;
};

static void *storm_thread(void *arg)
{
	struct storm *s = arg;

	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		if (edu_load(s->dev, IOVA, s->len))
			break;
		s->dmas++;
	}
	return NULL;
}

static int storm_begin(struct storm *s, struct vfio_dev *dev, u32 len)
{
	*s = (struct storm){ .dev = dev, .len = len };
	return -pthread_create(&s->thread, NULL, storm_thread, s);
}

/* How many faults it was */
static unsigned int storm_end(struct storm *s)
{
	__atomic_store_n(&s->stop, true, __ATOMIC_RELAXED);
	pthread_join(s->thread, NULL);
	return s->dmas * s->len / 4;
}

/*
 * J90, I8: faults that nobody asked for reach the host's log, a few of them: each VM
 * has so many events in a minute, of five lines each. The limit for all devices
 * alone would let through twice as many in this time.
 */
TEST_F_TIMEOUT(faults, storm_without_a_queue, TIMEOUT)
{
	struct vm *vm = &self->vm;
	unsigned int faults;
	unsigned long irqs;
	struct storm storm;
	u64 start, time;
	struct log log;

	self->log = log_open();
	ASSERT_GE(self->log, 0);
	irqs = event_interrupts();
	start = vmm_now_ns();
	ASSERT_EQ(0, storm_begin(&storm, &vm->dev, 512));
	sleep(2 * LOG_ALL_S + 2);
	faults = storm_end(&storm);
	time = (vmm_now_ns() - start) / 1000000;
	usleep(200000);
	irqs = event_interrupts() - irqs;
	log_read(self->log, &log);
	TH_LOG("%u faults in %llu ms: %lu interrupts, %u events and %u lines in the log",
	       faults, time, irqs, log.events, log.lines);
	EXPECT_GT(faults, 100 * LOG_EVENTS);
	EXPECT_GT(irqs, 0);
	EXPECT_GE(log.events, 1);
	EXPECT_LE(log.events, LOG_EVENTS);
	EXPECT_EQ(log.sid, vm->dev.sid);
	/* And that some were left out, by this limit or that for all */
	EXPECT_LE(log.lines, 5 * LOG_EVENTS + 2 + time / 1000 / LOG_ALL_S);

	/* The guest can have them from now on all the same */
	ASSERT_EQ(0, evq_open(&self->q, vm, 1 << 19));
	ASSERT_EQ(0, evq_catch_up(&self->q, vm, IOVA + EDU_BUFFER));
	log_read(self->log, &log);
	EXPECT_EQ(log.events, 0);
	ASSERT_EQ(0, edu_load(&vm->dev, IOVA, 4));
	expect_event(&self->q, EVT_F_TRANSLATION, VSID, IOVA, 1);
}

/* The same with somebody who listens: no line at all, and none is lost unseen */
TEST_F_TIMEOUT(faults, storm_into_a_queue, TIMEOUT)
{
	struct vm *vm = &self->vm;
	unsigned long irqs;
	struct event last;
	struct storm storm;
	unsigned int got, faults;
	u64 start, time;
	struct log log;

	self->log = kernel_log_open();
	ASSERT_GE(self->log, 0);
	ASSERT_EQ(0, evq_open(&self->q, vm, 1 << 19));
	irqs = event_interrupts();
	start = vmm_now_ns();
	ASSERT_EQ(0, storm_begin(&storm, &vm->dev, EDU_BUFFER));
	sleep(2);
	faults = storm_end(&storm);
	got = evq_drain(&self->q, &last, 1000);
	time = (vmm_now_ns() - start) / 1000000 - 1000;
	irqs = event_interrupts() - irqs;
	log_read(self->log, &log);
	TH_LOG("%u faults in %llu ms: %u events, %lu interrupts, %u lines in the log",
	       faults, time, got, irqs, log.lines);
	EXPECT_EQ(got, faults);
	EXPECT_EQ(last.header.sequence, got - 1);
	EXPECT_EQ(EVT_ADDR(last.evt), IOVA + EDU_BUFFER - 4);
	EXPECT_LE(irqs, got);
	EXPECT_EQ(log.lines, 0);
}

/*
 * I12: queues come and go, are read or not, and the device is taken from the guest's
 * tables and put back, while it faults.
 */
TEST_F_TIMEOUT(faults, queue_and_attach_while_it_faults, TIMEOUT)
{
	struct vm *vm = &self->vm;
	unsigned int rounds = 0, faults;
	struct storm storm;
	struct event e;
	u64 end;

	ASSERT_EQ(0, storm_begin(&storm, &vm->dev, 512));
	for (end = vmm_now_ns() + 5000000000ULL; vmm_now_ns() < end; rounds++) {
		ASSERT_EQ(0, evq_open(&self->q, vm, rounds % 3 ? DEPTH : 1));
		EXPECT_EQ(-EBUSY, iommufd_destroy(vm->fd, self->q.id));
		if (rounds % 2)
			EXPECT_EQ(0, evq_next(&self->q, &e, SLOW_MS));
		if (rounds % 4 == 1) {
			ASSERT_EQ(0, vfio_attach(&vm->dev, vm->s2));
			usleep(rounds % 50 * 1000);
			ASSERT_EQ(0, vfio_attach(&vm->dev, vm->nested));
		}
		ASSERT_EQ(0, evq_close(&self->q, vm));
		usleep(rounds % 7 * 1000);
	}
	faults = storm_end(&storm);
	TH_LOG("%u rounds, %u faults", rounds, faults);
	EXPECT_GT(rounds, 5);
	ASSERT_EQ(0, evq_open(&self->q, vm, 1 << 19));
	ASSERT_EQ(0, evq_catch_up(&self->q, vm, IOVA + EDU_BUFFER));
	ASSERT_EQ(0, edu_load(&vm->dev, IOVA, 4));
	expect_event(&self->q, EVT_F_TRANSLATION, VSID, IOVA, 1);
	expect_no_event(&self->q);
}

/* ------------------------------------------------------------------- two VMs */

FIXTURE(two_vms)
{
	struct board board;
	struct vm a, b;
	struct evq qa, qb;
	int log;
};

/* Both give their device the same name, and use the same addresses */
FIXTURE_SETUP(two_vms)
{
	const char *why = board_find(&self->board);
	struct vm *vms[] = { &self->a, &self->b };

	self->qa.fd = -1;
	self->qb.fd = -1;
	self->log = -1;
	self->b.fd = -1;
	if (why)
		SKIP(return, "%s", why);
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, vm_open(vms[i], i ? "B" : "A",
				     self->board.bdf[i]));
		ASSERT_EQ(0, vm_add_viommu(vms[i], i ?
					   IOMMU_VIOMMU_TYPE_ARM_SMMUV3 :
					   IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV));
		ASSERT_EQ(0, vm_add_vdevice(vms[i], VSID));
		ASSERT_EQ(0, vm_add_stage1(vms[i], ASID));
	}
}

FIXTURE_TEARDOWN(two_vms)
{
	if (self->log >= 0)
		close(self->log);
	EXPECT_EQ(0, evq_close(&self->qa, &self->a));
	EXPECT_EQ(0, evq_close(&self->qb, &self->b));
	EXPECT_EQ(0, vm_close(&self->a));
	EXPECT_EQ(0, vm_close(&self->b));
	board_check(&self->board);
	observer_close(&self->board.unit);
}

/* I10: events reach their owner only, also if the owner doesn't want them */
TEST_F_TIMEOUT(two_vms, events_reach_their_owner_only, TIMEOUT)
{
	struct vm *a = &self->a, *b = &self->b;
	struct log log;

	self->log = log_open();
	ASSERT_GE(self->log, 0);
	/* B listens, A does not */
	ASSERT_EQ(0, evq_open(&self->qb, b, DEPTH));
	ASSERT_EQ(0, edu_load(&a->dev, IOVA, 4));
	log_wait(self->log, &log);
	expect_no_event(&self->qb);
	EXPECT_EQ(log.events, 1);
	EXPECT_EQ(log.sid, a->dev.sid);

	ASSERT_EQ(0, evq_open(&self->qa, a, DEPTH));
	ASSERT_EQ(0, edu_load(&a->dev, IOVA, 4));
	ASSERT_EQ(0, edu_load(&b->dev, IOVA + 0x1000, 4));
	ASSERT_EQ(0, edu_store(&a->dev, IOVA + 0x2000, 4));
	ASSERT_EQ(0, edu_store(&b->dev, IOVA + 0x3000, 4));
	expect_event(&self->qa, EVT_F_TRANSLATION, VSID, IOVA, 1);
	expect_event(&self->qa, EVT_F_TRANSLATION, VSID, IOVA + 0x2000, 0);
	expect_event(&self->qb, EVT_F_TRANSLATION, VSID, IOVA + 0x1000, 1);
	expect_event(&self->qb, EVT_F_TRANSLATION, VSID, IOVA + 0x3000, 0);
	expect_no_event(&self->qa);
	expect_no_event(&self->qb);
	log_read(self->log, &log);
	EXPECT_EQ(log.events, 0);
}

/* I7, I10: a device that goes to another VM brings none of its past along */
TEST_F_TIMEOUT(two_vms, device_changes_hands, TIMEOUT)
{
	struct vm *a = &self->a, *b = &self->b;
	char bdf[16];

	/* A faults, and is gone at once; nobody has read any of it */
	ASSERT_EQ(0, evq_open(&self->qa, a, DEPTH));
	memcpy(bdf, a->dev.bdf, sizeof(bdf));
	ASSERT_EQ(0, edu_load(&a->dev, IOVA, EDU_BUFFER));
	ASSERT_EQ(0, evq_close(&self->qa, a));
	ASSERT_EQ(0, vm_close(a));
	ASSERT_EQ(0, vm_close(b));

	ASSERT_EQ(0, vm_open(b, "B", bdf));
	ASSERT_EQ(0, vm_add_viommu(b, IOMMU_VIOMMU_TYPE_ARM_SMMUV3));
	ASSERT_EQ(0, evq_open(&self->qb, b, DEPTH));
	ASSERT_EQ(0, vm_add_vdevice(b, VSID2));
	ASSERT_EQ(0, vm_add_stage1(b, ASID));
	expect_no_event(&self->qb);
	ASSERT_EQ(0, edu_load(&b->dev, IOVA + 0x5000, 4));
	expect_event(&self->qb, EVT_F_TRANSLATION, VSID2, IOVA + 0x5000, 1);
	expect_no_event(&self->qb);
}

/* I8: one VM's storm takes nothing from the other but time */
TEST_F_TIMEOUT(two_vms, storm_beside_a_quiet_vm, TIMEOUT)
{
	struct vm *a = &self->a, *b = &self->b;
	u64 worst = 0, start, t;
	unsigned int faults;
	struct storm storm;

	ASSERT_EQ(0, evq_open(&self->qb, b, DEPTH));
	ASSERT_EQ(0, storm_begin(&storm, &a->dev, 512));
	for (int i = 0; i < 20; i++) {
		start = vmm_now_ns();
		ASSERT_EQ(0, edu_load(&b->dev, IOVA + i * 0x1000, 4));
		expect_event(&self->qb, EVT_F_TRANSLATION, VSID,
			     IOVA + i * 0x1000, 1);
		t = (vmm_now_ns() - start) / 1000000;
		if (t > worst)
			worst = t;
	}
	faults = storm_end(&storm);
	TH_LOG("%u faults of A; B waited up to %llu ms, 100 of them for its device",
	       faults, worst);
	expect_no_event(&self->qb);
}

TEST_HARNESS_MAIN
