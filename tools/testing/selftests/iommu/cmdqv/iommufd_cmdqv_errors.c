// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Errors of a guest's command queues: what the guest hears of them, who else does
 * not, and what they can cost the host. And how many VINTFs one can have.
 *
 * Runs on the emulated board (emulator/grace-vm); skips elsewhere.
 */
#include <poll.h>

#include "cmdqv_utils.h"
#include "shown.h"
#include "kernel_log.h"

#define TIMEOUT		120
#define TYPE		IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV
#define EVENT		IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV
#define VSID_A		0x10
#define VSID_B		0x20
#define DEPTH		0x80000
/* What arrives at all has arrived by then; who is polled waits for 20 ms of it */
#define SOON_MS		1000
#define QUIET_MS	60
/* The head of tegra241-cmdqv-vm-brake.c: bursts in 200 ms, and polls */
#define VINTF_BURST	20
#define UNIT_BURST	100
#define POLLS_PER_S	50
/*
 * What is meant to be a storm is one: more errors than the bound, or the bound has
 * not been tried. A kernel for debugging, slow as it is, has none; there the other
 * expectations are what counts.
 */
#define EXPECT_STORM(errors, more_than) do {				\
	if (!getenv("BOARD_SLOW"))					\
		EXPECT_GT(errors, more_than);				\
} while (0)

/**
 * struct evq - a vEVENTQ
 * @vm: whose
 * @id: its id
 * @fd: where to read it; -1: there is none
 */
struct evq {
	struct vm *vm;
	u32 id;
	int fd;
};

struct event {
	struct iommufd_vevent_header header;
	struct iommu_vevent_tegra241_cmdqv data;
};

static int evq_open(struct evq *q, struct vm *vm, u32 depth)
{
	q->vm = vm;
	q->fd = -1;
	return iommufd_veventq_alloc(vm->fd, vm->viommu, EVENT, depth, &q->id,
				     &q->fd);
}

static int evq_close(struct evq *q)
{
	if (q->fd < 0)
		return 0;
	close(q->fd);
	q->fd = -1;
	return iommufd_destroy(q->vm->fd, q->id);
}

/* The next event, which may take up to @ms to arrive: 0, -EAGAIN, or an error */
static int evq_next(struct evq *q, struct event *e, int ms)
{
	struct pollfd p = { .fd = q->fd, .events = POLLIN };

	memset(e, 0, sizeof(*e));
	if (poll(&p, 1, ms) < 0)
		return -errno;
	return iommufd_veventq_read(q->fd, &e->header, &e->data,
				    sizeof(e->data));
}

/* Read on until nothing has come for @ms: how many */
static unsigned int evq_drain(struct evq *q, int ms)
{
	unsigned int n = 0;
	struct event e;

	while (!evq_next(q, &e, ms))
		n++;
	return n;
}

/* The next event has this number and this map */
#define expect_event(_q, _sequence, _map)				\
	do {								\
		struct event _e;					\
									\
		ASSERT_EQ(0, evq_next(_q, &_e, SOON_MS));		\
		EXPECT_EQ(_e.header.flags, 0);				\
		EXPECT_EQ(_e.header.sequence, _sequence);		\
		EXPECT_EQ(le64toh(_e.data.lvcmdq_err_map[0]), _map);	\
		EXPECT_EQ(_e.data.lvcmdq_err_map[1], 0);		\
	} while (0)

#define expect_no_event(_q)						\
	do {								\
		struct event _e;					\
									\
		EXPECT_EQ(-EAGAIN, evq_next(_q, &_e, QUIET_MS))		\
			TH_LOG("event %u, map %llx", _e.header.sequence, \
			       (u64)le64toh(_e.data.lvcmdq_err_map[0]));	\
	} while (0)

/* A command that no guest may use: the queue stops there */
static int make_error(struct vcmdq *q)
{
	struct smmu_cmd bad = cmd_op(CMD_CFGI_ALL);
	int rc = vcmdq_issue(q, &bad, 1);

	return rc == -EIO ? 0 : rc ?: -EPROTO;
}

/* The queue goes on behind it */
static int mend(struct vcmdq *q)
{
	vcmdq_recover(q);
	return vcmdq_wait(q);
}

static void acknowledge(struct vcmdq *q)
{
	vcmdq_write(q, VCMDQ_GERRORN, vcmdq_read(q, VCMDQ_GERROR));
}

/* Interrupts of the unit so far, on all CPUs */
static u64 irqs_so_far(void)
{
	char line[512], *p, *end;
	u64 sum = 0, n;
	FILE *f = fopen("/proc/interrupts", "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (!strstr(line, "tegra241-cmdqv"))
			continue;
		p = strchr(line, ':');
		for (p = p ? p + 1 : line; ; p = end) {
			n = strtoull(p, &end, 10);
			if (end == p)
				break;
			sum += n;
		}
	}
	if (f)
		fclose(f);
	return sum;
}

/* Lines above debug level that the driver has logged since the last call */
static unsigned int log_lines(int fd)
{
	unsigned int lines = 0;
	char record[8192];
	ssize_t n;

	while (1) {
		n = read(fd, record, sizeof(record) - 1);
		/* Overwritten: as bad as it can be */
		if (n < 0 && errno == EPIPE) {
			lines += 1000;
			continue;
		}
		if (n <= 0)
			return lines;
		record[n] = 0;
		if ((strtoul(record, NULL, 10) & 7) == 7)
			continue;
		if (strstr(record, "cmdqv") || strstr(record, "smmu") ||
		    strstr(record, "suppressed"))
			lines++;
	}
}

static u64 int_mask(struct observer *unit)
{
	const char *r = observer_run(unit, "state");

	r = r ? record_find(r, "cmdqv") : NULL;
	return r ? record_value(r, "int_mask") : ~0ULL;
}

/* 0 within a second of whatever was the reason that it is not */
static u64 int_mask_in_the_end(struct observer *unit)
{
	for (int i = 0; i < 20 && int_mask(unit); i++)
		usleep(50000);
	return int_mask(unit);
}

/**
 * struct errors - two VMs, of which each has a queue
 * @board: what they are on
 * @a, @b: the VMs
 * @va, @vb: their VINTFs
 * @qa, @qb: their vEVENTQs, if there are
 * @log: the kernel's log from here on
 */
FIXTURE(errors)
{
	struct board board;
	struct vm a, b;
	unsigned int va, vb;
	struct evq qa, qb;
	int log;
};

FIXTURE_SETUP(errors)
{
	struct observer *unit = &self->board.unit;
	const char *why;

	self->qa.fd = -1;
	self->qb.fd = -1;
	self->a.fd = -1;
	self->b.fd = -1;
	self->log = -1;
	why = board_find(&self->board);
	if (why)
		SKIP(return, "%s", why);
	ASSERT_NE(NULL, observer_run(unit, "inject none"));
	ASSERT_EQ(0, vm_open(&self->a, "A", self->board.bdf[0]));
	ASSERT_EQ(0, vm_open(&self->b, "B", self->board.bdf[1]));
	ASSERT_EQ(0, vm_set_up(&self->a, VSID_A, ASID));
	ASSERT_EQ(0, vm_set_up(&self->b, VSID_B, ASID));
	self->va = find_vintf(unit, &self->a);
	self->vb = find_vintf(unit, &self->b);
	ASSERT_NE(self->va, 0);
	ASSERT_NE(self->vb, 0);
	self->log = kernel_log_open();
	ASSERT_GE(self->log, 0);
	/* What the last test did is over by now */
	ASSERT_EQ(int_mask_in_the_end(unit), 0);
}

FIXTURE_TEARDOWN(errors)
{
	observer_run(&self->board.unit, "inject none");
	EXPECT_EQ(0, evq_close(&self->qa));
	EXPECT_EQ(0, evq_close(&self->qb));
	EXPECT_EQ(0, vm_close(&self->a));
	EXPECT_EQ(0, vm_close(&self->b));
	/* I7: nor does anything stay masked that nobody has */
	EXPECT_EQ(int_mask_in_the_end(&self->board.unit), 0);
	if (self->log >= 0)
		close(self->log);
	board_check(&self->board);
	observer_close(&self->board.unit);
}

/* An error is an event with the bit of its queue; numbers go up by one. */
TEST_F(errors, illegal_command)
{
	struct pollfd p = { .events = POLLIN | POLLOUT };
	struct vm *vm = &self->a;

	ASSERT_EQ(0, vm_add_queue(vm, QUEUE_LOG2));
	ASSERT_EQ(0, vcmdq_enable(&vm->q[1]));
	ASSERT_EQ(0, evq_open(&self->qa, vm, DEPTH));
	p.fd = self->qa.fd;
	EXPECT_EQ(0, poll(&p, 1, 0));

	ASSERT_EQ(0, make_error(&vm->q[0]));
	EXPECT_EQ(1, poll(&p, 1, SOON_MS));
	EXPECT_EQ(p.revents, POLLIN);
	expect_event(&self->qa, 0, 1);
	EXPECT_EQ(0, poll(&p, 1, 0));
	/* While that is pending, another queue's: the map has both */
	ASSERT_EQ(0, make_error(&vm->q[1]));
	expect_event(&self->qa, 1, 3);
	ASSERT_EQ(0, mend(&vm->q[0]));
	expect_no_event(&self->qa);
	ASSERT_EQ(0, make_error(&vm->q[0]));
	expect_event(&self->qa, 2, 3);
	ASSERT_EQ(0, mend(&vm->q[0]));
	ASSERT_EQ(0, mend(&vm->q[1]));
	ASSERT_EQ(0, make_error(&vm->q[1]));
	expect_event(&self->qa, 3, 2);
	ASSERT_EQ(0, mend(&vm->q[1]));
	expect_no_event(&self->qa);
}

/*
 * After each acknowledging the next error arrives, at the next command or at the
 * same one; far more of them than the brake lets through at once.
 */
TEST_F_TIMEOUT(errors, error_after_acknowledging, TIMEOUT)
{
	struct vcmdq *q = &self->a.q[0];
	unsigned int i;

	ASSERT_EQ(0, evq_open(&self->qa, &self->a, DEPTH));
	for (i = 0; i < 60; i++) {
		ASSERT_EQ(0, make_error(q));
		expect_event(&self->qa, i, 1);
		ASSERT_EQ(0, mend(q));
	}
	ASSERT_EQ(0, make_error(q));
	expect_event(&self->qa, i++, 1);
	for (; i < 120; i++) {
		acknowledge(q);
		expect_event(&self->qa, i, 1);
	}
	ASSERT_EQ(0, mend(q));
	TH_LOG("VINTF%u: polled %ld times, all %ld times", self->va,
	       shown_value(self->va, "brakes"), shown_value(0, "brakes"));
}

/*
 * An error of before anybody listened raises no interrupt any more. It is reported
 * to who begins to listen, each time that somebody does; if it is pending.
 */
TEST_F(errors, pending_before_veventq)
{
	struct vcmdq *q = &self->a.q[0];
	u64 irqs = irqs_so_far();

	ASSERT_EQ(0, make_error(q));
	for (int i = 0; i < SOON_MS && irqs_so_far() == irqs; i++)
		usleep(1000);
	EXPECT_EQ(irqs_so_far(), irqs + 1);
	irqs = irqs_so_far();
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, evq_open(&self->qa, &self->a, DEPTH));
		expect_event(&self->qa, 0, 1);
		expect_no_event(&self->qa);
		ASSERT_EQ(0, evq_close(&self->qa));
	}
	EXPECT_EQ(irqs_so_far(), irqs);
	ASSERT_EQ(0, mend(q));
	ASSERT_EQ(0, evq_open(&self->qa, &self->a, DEPTH));
	expect_no_event(&self->qa);
	ASSERT_EQ(0, make_error(q));
	expect_event(&self->qa, 0, 1);
	/* The error goes with its queue, and the queue's successor has none */
	ASSERT_EQ(0, vm_drop_queue(&self->a));
	ASSERT_EQ(0, vm_add_queue(&self->a, QUEUE_LOG2));
	ASSERT_EQ(0, vcmdq_enable(&self->a.q[0]));
	expect_no_event(&self->qa);
	ASSERT_EQ(0, make_error(&self->a.q[0]));
	expect_event(&self->qa, 1, 1);
}

/* An error of one VM is no news to another, whatever that has not acknowledged. */
TEST_F(errors, errors_stay_in_their_vm)
{
	struct vcmdq *q = &self->b.q[0];

	ASSERT_EQ(0, evq_open(&self->qa, &self->a, DEPTH));
	ASSERT_EQ(0, evq_open(&self->qb, &self->b, DEPTH));
	ASSERT_EQ(0, make_error(&self->a.q[0]));
	expect_event(&self->qa, 0, 1);
	for (unsigned int i = 0; i < 40; i++) {
		ASSERT_EQ(0, make_error(q));
		expect_event(&self->qb, i, 1);
		ASSERT_EQ(0, mend(q));
	}
	expect_no_event(&self->qa);
	expect_no_event(&self->qb);
	/* Nor has it been forgotten meanwhile */
	acknowledge(&self->a.q[0]);
	expect_event(&self->qa, 1, 1);
}

/* What does not fit is lost, and counted. */
TEST_F(errors, full_queue_counts)
{
	struct vcmdq *q = &self->a.q[0];
	struct event e;

	ASSERT_EQ(0, evq_open(&self->qa, &self->a, 2));
	for (int i = 0; i < 5; i++) {
		ASSERT_EQ(0, make_error(q));
		/* So that each has an interrupt of its own */
		usleep(QUIET_MS * 1000);
		ASSERT_EQ(0, mend(q));
	}
	expect_event(&self->qa, 0, 1);
	expect_event(&self->qa, 1, 1);
	ASSERT_EQ(0, evq_next(&self->qa, &e, SOON_MS));
	EXPECT_EQ(e.header.flags, IOMMU_VEVENTQ_FLAG_LOST_EVENTS);
	EXPECT_EQ(e.header.sequence, 4);
	expect_no_event(&self->qa);
	ASSERT_EQ(0, make_error(q));
	expect_event(&self->qa, 5, 1);
}

/* ---- */

static int veventq_alloc(struct vm *vm, u32 viommu, u32 type)
{
	u32 id;
	int fd, rc;

	rc = iommufd_veventq_alloc(vm->fd, viommu, type, 1, &id, &fd);
	if (!rc) {
		close(fd);
		iommufd_destroy(vm->fd, id);
	}
	return rc;
}

static int compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

/* Median time from the command to the event, in ns; 0: one did not come */
static u64 event_latency(struct vm *vm, struct evq *evq)
{
	enum { N = 15 };
	struct event e;
	u64 t[N];

	for (int i = 0; i < N; i++) {
		/* Slow enough for the brake */
		usleep(20000);
		t[i] = vmm_now_ns();
		if (make_error(&vm->q[0]) || evq_next(evq, &e, SOON_MS))
			return 0;
		t[i] = vmm_now_ns() - t[i];
		mend(&vm->q[0]);
	}
	qsort(t, N, sizeof(*t), compare);
	return t[N / 2];
}

/*
 * There are vEVENTQs only for events that the vIOMMU can produce, so that who makes
 * many of them delays nobody's events.
 */
TEST_F_TIMEOUT(errors, only_types_that_exist, TIMEOUT)
{
	static const u32 wrong[] = {
		0, 3, 4, 0x7fffffff, 0x80000000, 0xbeefbeef, UINT32_MAX,
	};
	struct iommu_viommu_tegra241_cmdqv data;
	struct observer *unit = &self->board.unit;
	struct vm *vm = &self->b;
	u32 ids[60], q[2 * 60], type[2] = {
		EVENT, IOMMU_VEVENTQ_TYPE_ARM_SMMUV3,
	}, arm;
	unsigned int n, queues = 0;
	int fds[2 * 60];
	u64 alone, crowd;

	for (n = 0; n < ARRAY_SIZE(wrong); n++)
		test_refused(EOPNOTSUPP, veventq_alloc(vm, vm->viommu, wrong[n]));
	test_refused(ENOENT, veventq_alloc(vm, vm->s2, 3));
	test_refused(ENOENT, veventq_alloc(vm, 0, 3));
	/* One of each type, a wrong one stays wrong */
	ASSERT_EQ(0, evq_open(&self->qb, vm, 1));
	test_refused(EEXIST, veventq_alloc(vm, vm->viommu, EVENT));
	test_refused(EOPNOTSUPP, veventq_alloc(vm, vm->viommu, 3));
	ASSERT_EQ(0, veventq_alloc(vm, vm->viommu, type[1]));
	/* A vIOMMU without queues has no errors of queues */
	ASSERT_EQ(0, iommufd_viommu_alloc(vm->fd, vm->dev.dev_id, vm->s2,
					  IOMMU_VIOMMU_TYPE_ARM_SMMUV3, NULL, 0,
					  &arm));
	test_refused(EOPNOTSUPP, veventq_alloc(vm, arm, EVENT));
	ASSERT_EQ(0, veventq_alloc(vm, arm, type[1]));
	ASSERT_EQ(0, iommufd_destroy(vm->fd, arm));

	ASSERT_EQ(0, evq_open(&self->qa, &self->a, DEPTH));
	alone = event_latency(&self->a, &self->qa);
	ASSERT_NE(alone, 0);
	ASSERT_EQ(0, set_vintfs_per_device(0));
	for (n = 0; n < ARRAY_SIZE(ids); n++) {
		ASSERT_EQ(0, iommufd_viommu_alloc(vm->fd, vm->dev.dev_id, vm->s2,
						  TYPE, &data, sizeof(data),
						  &ids[n]));
		for (int i = 0; i < 2; i++, queues++)
			ASSERT_EQ(0, iommufd_veventq_alloc(vm->fd, ids[n],
							   type[i], DEPTH,
							   &q[queues],
							   &fds[queues]));
		for (u32 t = 3; t < 50; t++)
			EXPECT_EQ(-EOPNOTSUPP, veventq_alloc(vm, ids[n], t));
	}
	crowd = event_latency(&self->a, &self->qa);
	TH_LOG("an event takes %llu us, with %u other vEVENTQs %llu us",
	       alone / 1000, queues, crowd / 1000);
	EXPECT_NE(crowd, 0);
	EXPECT_LT(crowd, 10 * alone + 5000000);
	while (queues--) {
		close(fds[queues]);
		ASSERT_EQ(0, iommufd_destroy(vm->fd, q[queues]));
	}
	while (n--)
		ASSERT_EQ(0, iommufd_destroy(vm->fd, ids[n]));
}

/* ---- */

/* A thousand errors, one after the other: not a line in the log. */
TEST_F_TIMEOUT(errors, paced_errors_log_nothing, TIMEOUT)
{
	struct vcmdq *q = &self->a.q[0];
	u64 irqs = irqs_so_far();

	log_lines(self->log);
	for (int i = 0; i < 1000; i++) {
		ASSERT_EQ(0, make_error(q));
		usleep(1000);
		ASSERT_EQ(0, mend(q));
	}
	/* Nor for an error that is pending when its queue, and the VM, end */
	ASSERT_EQ(0, make_error(q));
	ASSERT_EQ(0, vm_close(&self->a));
	TH_LOG("1001 errors, %llu interrupts", irqs_so_far() - irqs);
	EXPECT_EQ(log_lines(self->log), 0);
}

/**
 * struct storm - a guest that interrupts as fast as it can
 * @vm: whose queue 0 it is
 * @hidden: it writes GERRORN only, so that it looks as if there had been an error
 * @stop: set to end it
 * @errors: how many it has made
 * @failed: its queue has not done what it should
 */
struct storm {
	struct vm *vm;
	bool hidden;
	bool stop;
	u64 errors;
	bool failed;
	pthread_t thread;
};

static void *storm_main(void *p)
{
	struct storm *s = p;
	struct vcmdq *q = &s->vm->q[0];
	u32 gerror;

	while (!__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE)) {
		if (s->hidden) {
			gerror = vcmdq_read(q, VCMDQ_GERROR);
			vcmdq_write(q, VCMDQ_GERRORN, gerror ^ 1);
			vcmdq_write(q, VCMDQ_GERRORN, gerror);
		} else if (make_error(q) || mend(q)) {
			s->failed = true;
			break;
		}
		s->errors++;
	}
	return NULL;
}

static int storm_start(struct storm *s, struct vm *vm, bool hidden)
{
	*s = (struct storm){ .vm = vm, .hidden = hidden };
	return -pthread_create(&s->thread, NULL, storm_main, s);
}

static void storm_end(struct storm *s)
{
	__atomic_store_n(&s->stop, true, __ATOMIC_RELEASE);
	pthread_join(s->thread, NULL);
}

/*
 * Storm until the driver has masked VINTF @v, 5 s at most. False if it has not: then
 * the machine is so slow that a storm is no more interrupts than are let through.
 */
static bool storm_until_masked(struct vm *vm, unsigned int v, bool hidden)
{
	bool masked = false;
	struct storm s;

	if (storm_start(&s, vm, hidden))
		return false;
	for (int i = 0; i < 1000 && !masked; i++) {
		usleep(5000);
		masked = shown_value(v, "masked") == 1;
	}
	storm_end(&s);
	return masked;
}

/* Host I/O that takes the host's own queues: 0 or a negative errno */
static int host_io(int disk, void *buf, int i)
{
	ssize_t n = pread(disk, buf, GUEST_PAGE, (off_t)i * GUEST_PAGE);

	return n == GUEST_PAGE ? 0 : n < 0 ? -errno : -EIO;
}

/**
 * struct watch - what the others see while a VM storms
 * @neighbour: errors of the other VM that have arrived
 * @longest_ns: how long the slowest one took
 * @median_ns: how long half of them took at most
 * @io: pages that the host has read from its disk
 */
struct watch {
	unsigned int neighbour;
	u64 longest_ns;
	u64 median_ns;
	unsigned int io;
};

/* For @ms: the host reads, and the neighbour makes an error every 50 ms */
static int watch_others(struct watch *w, struct vm *vm, struct evq *evq, int disk,
			void *buf, unsigned int ms)
{
	u64 end = vmm_now_ns() + ms * 1000000ULL, next = 0, t, all[256];
	struct event e;
	int rc;

	memset(w, 0, sizeof(*w));
	while (vmm_now_ns() < end && w->neighbour < ARRAY_SIZE(all)) {
		rc = host_io(disk, buf, w->io % 64);
		if (rc)
			return rc;
		w->io++;
		if (vmm_now_ns() < next)
			continue;
		next = vmm_now_ns() + 50000000;
		rc = make_error(&vm->q[0]);
		t = vmm_now_ns();
		rc = rc ?: evq_next(evq, &e, SOON_MS);
		t = vmm_now_ns() - t;
		rc = rc ?: mend(&vm->q[0]);
		if (rc)
			return rc;
		all[w->neighbour++] = t;
	}
	if (w->neighbour) {
		qsort(all, w->neighbour, sizeof(*all), compare);
		w->median_ns = all[w->neighbour / 2];
		w->longest_ns = all[w->neighbour - 1];
	}
	return 0;
}

/* The most that a burst in each 200 ms of @ns can come to, and a first one */
static u64 at_most(u64 ns, unsigned int burst)
{
	return (ns / 200000000 + 2) * burst;
}

/*
 * A guest that makes errors and acknowledges them as fast as it can costs the host
 * no more interrupts than the driver says, no more events than that and one for each
 * poll, and no line in the log. The host's own queues work, and another VM's errors
 * arrive. When it ends, the error that is pending arrives.
 */
static void storm(struct __test_metadata *_metadata, FIXTURE_DATA(errors) * self,
		  bool hidden)
{
	struct observer *unit = &self->board.unit;
	u64 irqs, ns, host, raised, limit;
	unsigned int events, lines;
	struct storm s;
	struct watch w;
	long own, all, other;
	const char *r;
	int disk;
	void *buf;

	if (shown_value(0, "vintfs") < 0)
		SKIP(return, "needs CONFIG_IOMMU_DEBUGFS, and debugfs mounted");
	ASSERT_EQ(0, evq_open(&self->qa, &self->a, DEPTH));
	ASSERT_EQ(0, evq_open(&self->qb, &self->b, DEPTH));
	disk = open("/dev/nvme0n1", O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (disk < 0)
		SKIP(return, "needs the host's NVMe disk");
	ASSERT_EQ(0, posix_memalign(&buf, GUEST_PAGE, GUEST_PAGE));
	log_lines(self->log);
	host = observer_executed(unit, 0);
	r = observer_run(unit, "counters");
	raised = record_value(record_find(r, "total"), "irqs");
	own = shown_value(self->va, "brakes");
	other = shown_value(self->vb, "brakes");
	all = shown_value(0, "brakes");
	irqs = irqs_so_far();
	ns = vmm_now_ns();

	ASSERT_EQ(0, storm_start(&s, &self->a, hidden));
	EXPECT_EQ(0, watch_others(&w, &self->b, &self->qb, disk, buf, 3000));
	storm_end(&s);

	ns = vmm_now_ns() - ns;
	irqs = irqs_so_far() - irqs;
	limit = at_most(ns, UNIT_BURST);
	lines = log_lines(self->log);
	events = evq_drain(&self->qa, SOON_MS);
	r = observer_run(unit, "counters");
	raised = record_value(record_find(r, "total"), "irqs") - raised;
	host = observer_executed(unit, 0) - host;
	own = shown_value(self->va, "brakes") - own;
	other = shown_value(self->vb, "brakes") - other;
	all = shown_value(0, "brakes") - all;
	TH_LOG("%s: %llu errors in %llu ms made %llu edges, %llu interrupts of %llu",
	       hidden ? "unseen" : "seen", s.errors, ns / 1000000, raised, irqs,
	       limit);
	TH_LOG("%u events, %u log lines, polled %ld times, all %ld times",
	       events, lines, own, all);
	TH_LOG("the neighbour: %u errors, half of them told within %llu us, each within %llu us",
	       w.neighbour, w.median_ns / 1000, w.longest_ns / 1000);
	TH_LOG("the host: %u pages read, %llu commands", w.io, host);

	EXPECT_FALSE(s.failed);
	EXPECT_LE(irqs, limit);
	EXPECT_LE(events, at_most(ns, VINTF_BURST) + 1 +
			  (ns / 1000000 + 1000) * POLLS_PER_S / 1000);
	EXPECT_EQ(lines, 0);
	EXPECT_STORM(s.errors, 3 * limit);
	/*
	 * A machine that is too slow for a burst needs no brake. What was told then,
	 * interrupts have found; others came too late to find anything.
	 */
	if (!own && !all)
		EXPECT_LE(events, at_most(ns, VINTF_BURST) + 1);
	EXPECT_GE(w.neighbour, 5);
	EXPECT_GE(w.io, 10);
	EXPECT_GT(host, 0);
	EXPECT_EQ(other, 0);
	/* Each has been told once */
	EXPECT_EQ(0, evq_drain(&self->qb, QUIET_MS));

	/* Once more, and this time an error is left that nobody interrupts for */
	if (!storm_until_masked(&self->a, self->va, hidden))
		TH_LOG("too slow to have the VINTF masked");
	evq_drain(&self->qa, QUIET_MS);
	ASSERT_EQ(0, make_error(&self->a.q[0]));
	EXPECT_EQ(int_mask(unit) & 1, 0);
	EXPECT_EQ(1, evq_drain(&self->qa, SOON_MS));
	EXPECT_EQ(int_mask_in_the_end(unit), 0);
	EXPECT_EQ(0, shown_value(self->va, "masked"));
	ASSERT_EQ(0, mend(&self->a.q[0]));
	free(buf);
	close(disk);
}

TEST_F_TIMEOUT(errors, storm_seen, TIMEOUT)
{
	storm(_metadata, self, false);
}

TEST_F_TIMEOUT(errors, storm_unseen, TIMEOUT)
{
	storm(_metadata, self, true);
}

/* Both VMs, one of either kind. */
TEST_F_TIMEOUT(errors, storm_in_league, TIMEOUT)
{
	struct storm s[2];
	u64 irqs, ns, limit;
	unsigned int lines;

	ASSERT_EQ(0, evq_open(&self->qa, &self->a, DEPTH));
	ASSERT_EQ(0, evq_open(&self->qb, &self->b, DEPTH));
	log_lines(self->log);
	irqs = irqs_so_far();
	ns = vmm_now_ns();
	ASSERT_EQ(0, storm_start(&s[0], &self->a, false));
	ASSERT_EQ(0, storm_start(&s[1], &self->b, true));
	sleep(2);
	storm_end(&s[0]);
	storm_end(&s[1]);
	ns = vmm_now_ns() - ns;
	irqs = irqs_so_far() - irqs;
	limit = at_most(ns, UNIT_BURST);
	lines = log_lines(self->log);
	TH_LOG("%llu and %llu errors in %llu ms made %llu interrupts of %llu, %u log lines",
	       s[0].errors, s[1].errors, ns / 1000000, irqs, limit, lines);
	EXPECT_FALSE(s[0].failed);
	EXPECT_FALSE(s[1].failed);
	EXPECT_STORM(s[0].errors + s[1].errors, 3 * limit);
	EXPECT_LE(irqs, limit);
	EXPECT_EQ(lines, 0);

	/* And each is told of its error, once */
	evq_drain(&self->qa, QUIET_MS);
	evq_drain(&self->qb, QUIET_MS);
	ASSERT_EQ(0, make_error(&self->a.q[0]));
	ASSERT_EQ(0, make_error(&self->b.q[0]));
	EXPECT_EQ(1, evq_drain(&self->qa, SOON_MS));
	EXPECT_EQ(1, evq_drain(&self->qb, SOON_MS));
	ASSERT_EQ(0, mend(&self->a.q[0]));
	ASSERT_EQ(0, mend(&self->b.q[0]));
}

/*
 * A VMM that makes errors in VM after VM costs no more than one that stays. Who gets
 * its VINTF next hears of errors at once all the same.
 */
TEST_F_TIMEOUT(errors, storm_through_lives, TIMEOUT)
{
	unsigned int lives, lines;
	u64 irqs, ns, limit, errors = 0;
	struct storm s;

	log_lines(self->log);
	irqs = irqs_so_far();
	ns = vmm_now_ns();
	for (lives = 0; vmm_now_ns() - ns < 3000000000ULL; lives++) {
		ASSERT_EQ(0, storm_start(&s, &self->a, lives & 1));
		usleep(2000);
		storm_end(&s);
		EXPECT_FALSE(s.failed);
		errors += s.errors;
		ASSERT_EQ(0, vm_close(&self->a));
		ASSERT_EQ(0, vm_open(&self->a, "A", self->board.bdf[0]));
		ASSERT_EQ(0, vm_set_up(&self->a, VSID_A, ASID));
		EXPECT_EQ(find_vintf(&self->board.unit, &self->a), self->va);
	}
	ns = vmm_now_ns() - ns;
	irqs = irqs_so_far() - irqs;
	limit = at_most(ns, UNIT_BURST);
	lines = log_lines(self->log);
	TH_LOG("%llu errors in %u lives in %llu ms made %llu interrupts of %llu, %u log lines",
	       errors, lives, ns / 1000000, irqs, limit, lines);
	EXPECT_GT(lives, 2);
	EXPECT_STORM(errors, limit);
	EXPECT_LE(irqs, limit);

	ASSERT_EQ(0, evq_open(&self->qa, &self->a, DEPTH));
	ASSERT_EQ(0, make_error(&self->a.q[0]));
	expect_event(&self->qa, 0, 1);
	ASSERT_EQ(0, mend(&self->a.q[0]));
}

/* ---- */

static int one_more(struct vm *vm, u32 *id)
{
	struct iommu_viommu_tegra241_cmdqv data;

	return iommufd_viommu_alloc(vm->fd, vm->dev.dev_id, vm->s2, TYPE, &data,
				    sizeof(data), id);
}

/*
 * So many VINTFs can a user have through a device and no more, whether it has been
 * closed since or is in another process by now; another user has as many of his own,
 * and other devices have theirs. Who is refused
 * is told why, and the log is not. The administrator sees who has them.
 */
TEST_F_TIMEOUT(errors, vintfs_of_a_device, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	struct vm *a = &self->a, *b = &self->b;
	struct vm again = { .fd = -1 };
	u32 id, ids[64], more;
	int n, seen;

	EXPECT_EQ(self->board.per_device, 4);
	ASSERT_EQ(0, set_vintfs_per_device(2));
	log_lines(self->log);
	ASSERT_EQ(0, one_more(a, &id));
	for (int i = 0; i < 200; i++)
		EXPECT_EQ(-EDQUOT, one_more(a, &more));
	test_refused(EDQUOT, one_more(a, &more));
	ASSERT_EQ(0, one_more(b, &more));
	ASSERT_EQ(0, iommufd_destroy(b->fd, more));
	/* Who is real decides, and not who is effective */
	ASSERT_EQ(0, setresuid(1000, -1, -1));
	EXPECT_EQ(0, one_more(a, &ids[0]));
	EXPECT_EQ(0, one_more(a, &ids[1]));
	EXPECT_EQ(-EDQUOT, one_more(a, &more));
	ASSERT_EQ(0, setresuid(0, -1, -1));
	EXPECT_EQ(-EDQUOT, one_more(a, &more));
	EXPECT_EQ(shown_user(1000), shown_value(0, "vintfs") < 0 ? 0 : 2);
	ASSERT_EQ(0, iommufd_destroy(a->fd, ids[0]));
	ASSERT_EQ(0, iommufd_destroy(a->fd, ids[1]));
	EXPECT_EQ(-EDQUOT, one_more(a, &more));
	seen = shown_of(a->dev.bdf);
	if (shown_value(0, "vintfs") >= 0) {
		EXPECT_EQ(seen, 2);
		EXPECT_EQ(shown_of(b->dev.bdf), 1);
		EXPECT_EQ(shown_value(0, "taken"), 3);
		EXPECT_EQ(shown_value(0, "per_device"), 2);
		EXPECT_EQ(shown_value(self->va, "queues"), 1);
		EXPECT_EQ(shown_value(self->va, "fenced"), 0);
	} else {
		TH_LOG("no debugfs: not looked there");
	}

	/* The device is closed and opened by somebody else; A keeps both */
	ASSERT_EQ(0, vm_drop_stage1(a));
	ASSERT_EQ(0, iommufd_destroy(a->fd, a->vdevice));
	a->vdevice = 0;
	ASSERT_EQ(0, vfio_detach(&a->dev));
	vfio_close(&a->dev);
	a->dev.fd = -1;
	ASSERT_EQ(0, vm_open(&again, "again", self->board.bdf[0]));
	test_refused(EDQUOT, one_more(&again, &more));
	if (seen >= 0)
		EXPECT_EQ(shown_of(self->board.bdf[0]), seen);
	ASSERT_EQ(0, one_more(b, &more));
	ASSERT_EQ(0, iommufd_destroy(b->fd, more));
	/* Until one of them ends */
	ASSERT_EQ(0, iommufd_destroy(a->fd, id));
	ASSERT_EQ(0, one_more(&again, &id));
	test_refused(EDQUOT, one_more(&again, &more));
	/* Or the administrator thinks otherwise */
	ASSERT_EQ(0, set_vintfs_per_device(3));
	ASSERT_EQ(0, one_more(&again, &more));
	test_refused(EDQUOT, one_more(&again, &id));

	/* 0: until none is left, which is something else */
	ASSERT_EQ(0, set_vintfs_per_device(0));
	for (n = 0; n < 64; n++)
		if (one_more(&again, &ids[n]))
			break;
	EXPECT_LT(n, 64);
	for (int i = 0; i < 200; i++)
		EXPECT_EQ(-ENOSPC, one_more(b, &more));
	test_refused(ENOSPC, one_more(b, &more));
	/* Who has too many is told that, even then */
	ASSERT_EQ(0, set_vintfs_per_device(1));
	test_refused(EDQUOT, one_more(b, &more));
	EXPECT_EQ(log_lines(self->log), 0);
	close(again.fd);
	again.fd = -1;
	vfio_close(&again.dev);
	guestmem_free(&again.ram);
}

TEST_HARNESS_MAIN
