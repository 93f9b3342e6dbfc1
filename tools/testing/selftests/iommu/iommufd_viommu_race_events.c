// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vEVENTQs that are made, filled, read, closed and destroyed by several threads at a
 * time, and the iommufd that ends under them. The rules are as in iommufd_viommu_race.c.
 */
#include <sys/epoll.h>

#include "iommufd_viommu_race.h"

/**
 * struct stream - events of one device on one vIOMMU
 * @v: the iommufd, with a device of this stream's
 * @r: the vIOMMU
 * @nr: which one
 * @epoch: of the device's virt_id, which says both
 * @depth: of the queue
 * @bad: two pages, the second of which can't be written
 */
struct stream {
	struct vmm v;
	struct reporter r;
	unsigned int nr;
	unsigned int epoch;
	__u32 depth;
	char *bad;
};

#define STREAM_ID(_nr, _epoch)	(((_nr) + 1) << 20 | (_epoch))
#define LOSSLESS		0x80000

static void trigger(struct worker *w)
{
	struct stream *s = w->arg;
	int rc = _test_cmd_trigger_vevents(s->v.fd, s->v.idev,
					   1 + crew_random(w, 8));

	/* Nobody asks for them; not attached */
	if (rc && rc != EOPNOTSUPP && rc != ENOENT)
		crew_broken(w->crew, "TRIGGER_VEVENT: %d", rc);
	w->hits += !rc;
	crew_pause(w, 200);
}

/* The guest has another name for its device */
static void rename_device(struct worker *w)
{
	struct stream *s = w->arg;
	int rc;

	rc = attach(s->v.fd, s->v.stdev, s->v.ioas);
	if (!rc)
		rc = destroy_soon(s->v.fd, s->r.vdevice);
	if (!rc)
		rc = _test_cmd_vdevice_alloc(s->v.fd, s->r.viommu, s->v.idev,
					     STREAM_ID(s->nr, ++s->epoch),
					     &s->r.vdevice);
	if (!rc)
		rc = attach(s->v.fd, s->v.stdev, s->r.nested);
	if (rc)
		crew_broken(w->crew, "another virt_id: %d", rc);
	w->hits++;
	crew_pause(w, 3000);
}

/**
 * struct expected - what the next record of a queue can be
 * @sequence: the lowest number
 * @epoch: the oldest name
 */
struct expected {
	__u32 sequence;
	__u32 epoch;
};

/* Check what a read has returned; NULL or what is wrong with it */
static const char *check_records(struct stream *s, struct expected *e,
				 const char *buf, ssize_t len)
{
	struct test_vevent event;
	bool lost = false;

	while (len) {
		if (lost)
			return "there is something after a loss";
		if (len < (ssize_t)sizeof(event.header))
			return "a part of a header";
		memcpy(&event, buf, sizeof(event.header));
		lost = event.header.flags == IOMMU_VEVENTQ_FLAG_LOST_EVENTS;
		if (event.header.flags && !lost)
			return "unknown flags";
		if (event.header.sequence < e->sequence)
			return "a number came twice or too late";
		if (s->depth == LOSSLESS &&
		    (lost || event.header.sequence != e->sequence))
			return "an event was lost without need";
		e->sequence = event.header.sequence + 1;
		buf += sizeof(event.header);
		len -= sizeof(event.header);
		if (lost)
			continue;
		if (len < (ssize_t)sizeof(event.event))
			return "a part of an event";
		memcpy(&event.event, buf, sizeof(event.event));
		if (event.event.virt_id >> 20 != s->nr + 1)
			return "an event of another vIOMMU";
		if ((event.event.virt_id & 0xfffff) < e->epoch)
			return "a name that the device has had before";
		e->epoch = event.event.virt_id & 0xfffff;
		buf += sizeof(event.event);
		len -= sizeof(event.event);
	}
	return NULL;
}

/* One read into memory of some size, part of which may not be there */
static const char *read_some(struct worker *w, struct stream *s, int fd,
			     struct expected *e)
{
	size_t room = crew_random(w, 100), bad = crew_random(w, 4) ?
						 PAGE_SIZE : crew_random(w, 100);
	char *buf = s->bad + PAGE_SIZE - bad;
	ssize_t n;

	n = read(fd, buf, room);
	if (n >= 0) {
		w->hits += n;
		/* A count that no record fits is an error, not an end */
		if (room < sizeof(struct iommufd_vevent_header))
			return "a record where there is no room for it";
		return check_records(s, e, buf, n);
	}
	if (errno == EINVAL && room < sizeof(struct test_vevent))
		return NULL;
	if (errno == EFAULT && bad < room)
		return NULL;
	return "a read failed";
}

static void queue_and_read(struct worker *w)
{
	struct expected e = {};
	struct stream *s = w->arg;
	const char *why = NULL;
	unsigned int i;
	__u32 id;
	int fd, rc;

	rc = veventq_alloc(&s->v, s->r.viommu, s->depth, &id, &fd);
	if (rc) {
		crew_broken(w->crew, "VEVENTQ_ALLOC: %d", rc);
		return;
	}
	for (i = 0; i < 50 && !why && !crew_stopped(w->crew); i++) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (!crew_random(w, 4))
			poll(&p, 1, 1);
		why = read_some(w, s, fd, &e);
	}
	if (why)
		crew_broken(w->crew, "stream %u: %s", s->nr, why);
	if (_test_cmd_destroy(s->v.fd, id) != EBUSY)
		crew_broken(w->crew, "a vEVENTQ was destroyed under its file");
	/* With events in it, most of the time */
	if (close(fd))
		crew_broken(w->crew, "close: %d", errno);
	rc = destroy_soon(s->v.fd, id);
	if (rc)
		crew_broken(w->crew, "DESTROY of a vEVENTQ: %d", rc);
}

/*
 * Three vIOMMUs, two of them of one iommufd, report at the same time, while their
 * queues come and go and the devices change their names. Each event gets to the queue
 * of its vIOMMU, in order, once, with the name of its time; unless there is no room
 * for it none is lost, also if it could not be copied at first.
 */
TEST_F_TIMEOUT(race, events, TIMEOUT)
{
	struct stream s[3] = {};
	struct vmm other;
	unsigned int i;

	ASSERT_EQ(0, vmm_open(&other));
	for (i = 0; i < 3; i++) {
		s[i].v = i == 2 ? other : self->vmm;
		s[i].nr = i;
		s[i].depth = i == 1 ? 3 : LOSSLESS;
		s[i].bad = test_bordered_page();
		if (i == 1)
			ASSERT_EQ(0, add_device(s[i].v.fd, s[i].v.ioas,
						&s[i].v.stdev, &s[i].v.idev));
		ASSERT_EQ(NULL, reporter_make(&s[i].r, &s[i].v, 0));
		crew_add(&self->crew, "trigger", trigger, &s[i], i);
		crew_add(&self->crew, "read", queue_and_read, &s[i], i)->need = 100;
		crew_add(&self->crew, "rename", rename_device, &s[i], i);
	}
	/* Its first name says nothing of the stream: VIRT_ID */
	for (i = 0; i < 3; i++) {
		struct worker w = { .crew = &self->crew, .arg = &s[i] };

		rename_device(&w);
	}
	expect_unbroken(crew_run(&self->crew, self->seconds));
	EXPECT_NE(0, crew_hits(&self->crew, "read"))
		TH_LOG("they never met");
	TH_LOG("%lu times triggered, %lu bytes of events, %lu names",
	       crew_hits(&self->crew, "trigger"),
	       crew_hits(&self->crew, "read"),
	       crew_hits(&self->crew, "rename"));
	for (i = 0; i < 3; i++) {
		expect_unbroken(reporter_unmake(&s[i].r, &s[i].v));
		munmap(s[i].bad, 2 * PAGE_SIZE);
	}
	EXPECT_EQ(0, _test_cmd_destroy(s[1].v.fd, s[1].v.stdev));
	expect_unbroken(vmm_close(&other));
}

#define POOL_MAX	0x100000
#define POOL_READERS	3

/**
 * struct pool - one queue with several readers
 * @s: whose
 * @fd: the file
 * @page: of each reader. Not there when a read begins, so that it takes longer.
 * @seen: how often each event was read
 * @triggered: events reported
 */
struct pool {
	struct stream s;
	int fd;
	char *page[POOL_READERS];
	unsigned char *seen;
	unsigned int triggered;
};

static void pool_trigger(struct worker *w)
{
	struct pool *p = w->arg;
	int rc;

	if (p->triggered == POOL_MAX) {
		usleep(1000);
		return;
	}
	rc = _test_cmd_trigger_vevents(p->s.v.fd, p->s.v.idev, 1);
	if (rc)
		crew_broken(w->crew, "TRIGGER_VEVENT: %d", rc);
	p->triggered++;
	crew_pause(w, 50);
}

static const char *pool_look(struct pool *p, const char *buf, ssize_t n,
			     __u32 *next)
{
	struct test_vevent event;

	for (; n >= (ssize_t)sizeof(event); n -= sizeof(event)) {
		memcpy(&event, buf, sizeof(event));
		buf += sizeof(event);
		if (event.header.flags || event.header.sequence >= POOL_MAX)
			return "a loss, or an impossible number";
		if (event.header.sequence < *next)
			return "a reader gets an event after a later one";
		*next = event.header.sequence + 1;
		if (inc(&p->seen[event.header.sequence]))
			return "an event was read twice";
	}
	return n ? "a part of a record" : NULL;
}

static void pool_read(struct worker *w)
{
	struct pool *p = w->arg;
	struct pollfd pfd = { .fd = p->fd, .events = POLLIN };
	const char *why = NULL;
	char *page = p->page[w->nr];
	__u32 next = w->hits;
	ssize_t n;

	if (crew_random(w, 4)) {
		madvise(page, PAGE_SIZE, MADV_DONTNEED);
		n = read(p->fd, page, sizeof(struct test_vevent) +
			 crew_random(w, 100));
		if (n > 0)
			why = pool_look(p, page, n, &next);
	} else {
		/* No event fits: what can't be copied stays for somebody else */
		n = read(p->fd, p->s.bad + PAGE_SIZE -
			 crew_random(w, sizeof(struct test_vevent)), 100);
		if (n > 0)
			why = "copied where there is no memory";
	}
	if (why)
		crew_broken(w->crew, "reader %u: %s", w->nr, why);
	w->hits = next;
	/* All wait for the same event, and it is one's */
	if (n <= 0)
		poll(&pfd, 1, 1);
}

/* Several readers of one file: each event to one of them, in order for each */
TEST_F_TIMEOUT(race, readers, TIMEOUT)
{
	struct pool p = { .s = { .v = self->vmm, .depth = LOSSLESS } };
	struct test_vevent event;
	unsigned int i, missing = 0;
	struct pollfd pfd;

	p.s.bad = test_bordered_page();
	p.seen = calloc(1, POOL_MAX);
	ASSERT_NE(NULL, p.seen);
	ASSERT_EQ(NULL, reporter_make(&p.s.r, &p.s.v, p.s.depth));
	p.fd = p.s.r.fd;
	crew_add(&self->crew, "trigger", pool_trigger, &p, 0);
	for (i = 0; i < POOL_READERS; i++) {
		p.page[i] = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ASSERT_NE(MAP_FAILED, p.page[i]);
		crew_add(&self->crew, "read", pool_read, &p, i);
	}
	expect_unbroken(crew_run(&self->crew, self->seconds));
	/* What nobody has come to is still there */
	pfd = (struct pollfd){ .fd = p.fd, .events = POLLIN };
	while (poll(&pfd, 1, 0) == 1 &&
	       read(p.fd, &event, sizeof(event)) == sizeof(event))
		p.seen[event.header.sequence]++;
	for (i = 0; i < p.triggered; i++)
		missing += p.seen[i] != 1;
	EXPECT_EQ(0, missing);
	TH_LOG("%u events", p.triggered);
	expect_unbroken(reporter_unmake(&p.s.r, &p.s.v));
	munmap(p.s.bad, 2 * PAGE_SIZE);
	free(p.seen);
}

/* ---- who waits for an event */

/**
 * struct waiting - a queue that somebody waits for, and does not ask
 * @s: the stream
 * @epoll: how: with this, which tells of changes only; -1: with poll()
 */
struct waiting {
	struct stream s;
	int epoll;
};

static void wait_and_read(struct worker *w)
{
	struct waiting *wait = w->arg;
	struct epoll_event event;
	struct pollfd p = { .fd = wait->s.r.fd, .events = POLLIN };
	char buf[64];
	/* There are events every few milliseconds */
	double start = crew_now(), limit = CREW_PROMPT_S / 4;
	ssize_t n;
	int rc;

	if (wait->epoll >= 0)
		rc = epoll_wait(wait->epoll, &event, 1, limit * 1000);
	else
		rc = poll(&p, 1, limit * 1000);
	/* poll() looks for itself when the time is over */
	if (rc != 1 || crew_now() - start > limit) {
		if (!crew_stopped(w->crew))
			crew_broken(w->crew, "who waits is not told: %d", rc);
		return;
	}
	/* An epoll that tells of changes does so for what came after the last read */
	while ((n = read(wait->s.r.fd, buf, sizeof(buf))) > 0)
		w->hits += n;
	if (n)
		crew_broken(w->crew, "read: %d", errno);
	/* Often there is nothing when it begins to wait again */
	crew_pause(w, 2000);
}

/* Waiters of another kind: their file is closed while they wait, and they still do */
static void wait_in_vain(struct worker *w)
{
	struct waiting *wait = w->arg;
	struct pollfd p = { .events = POLLIN };

	p.fd = dup(wait->s.r.fd);
	if (p.fd < 0)
		return;
	poll(&p, 1, crew_random(w, 3));
	close(p.fd);
}

/* For those who wait in the end */
static void trigger_last(struct worker *w)
{
	usleep(20000);
	trigger(w);
}

/* Who waits for an event with poll() or epoll is told of it */
TEST_F_TIMEOUT(race, waiters, TIMEOUT)
{
	struct waiting wait[2] = {};
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		wait[i].s.v = self->vmm;
		wait[i].s.nr = i;
		wait[i].s.depth = LOSSLESS;
		wait[i].epoll = -1;
		if (i)
			ASSERT_EQ(0, add_device(self->vmm.fd, self->vmm.ioas,
						&wait[i].s.v.stdev,
						&wait[i].s.v.idev));
		ASSERT_EQ(NULL, reporter_make(&wait[i].s.r, &wait[i].s.v,
					      LOSSLESS));
		crew_add(&self->crew, "trigger", trigger, &wait[i].s, i)->last =
			trigger_last;
		crew_add(&self->crew, "wait", wait_and_read, &wait[i],
			 i)->need = 100;
		crew_add(&self->crew, "vain", wait_in_vain, &wait[i], i);
	}
	wait[1].epoll = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_LE(0, wait[1].epoll);
	ASSERT_EQ(0, epoll_ctl(wait[1].epoll, EPOLL_CTL_ADD, wait[1].s.r.fd,
			       &event));
	expect_unbroken(crew_run(&self->crew, self->seconds));
	TH_LOG("%lu times triggered, %lu bytes of events",
	       crew_hits(&self->crew, "trigger"),
	       crew_hits(&self->crew, "wait"));
	/* With the epoll still there */
	for (i = 0; i < 2; i++)
		expect_unbroken(reporter_unmake(&wait[i].s.r, &wait[i].s.v));
	close(wait[1].epoll);
	EXPECT_EQ(0, _test_cmd_destroy(wait[1].s.v.fd, wait[1].s.v.stdev));
}

/* ---- the end of a queue, of its file and of its vIOMMU, all at a time */

enum { END_CLOSE, END_DESTROY, END_VIOMMU, END_LOOK, ENDS };

/**
 * struct ending - a queue that ends
 * @v: the iommufd
 * @viommu, @veventq, @fd: of this round
 * @round: grows by one with each
 * @done: how many have had their turn
 */
struct ending {
	struct vmm *v;
	__u32 viommu;
	__u32 veventq;
	int fd;
	unsigned int round;
	unsigned int done;
};

/* Until whoever holds it lets go; if that one has stopped, the test does the rest */
static int destroy_while_racing(struct worker *w, int fd, __u32 id)
{
	int rc;

	while ((rc = _test_cmd_destroy(fd, id)) == EBUSY) {
		if (crew_stopped(w->crew))
			return 0;
		sched_yield();
	}
	return rc;
}

static void end_round(struct worker *w)
{
	struct ending *e = w->arg;
	struct pollfd p;
	int rc = 0;

	if (w->nr == END_CLOSE && load(&e->done) == ENDS) {
		rc = viommu_alloc(e->v, &e->viommu);
		if (!rc)
			rc = veventq_alloc(e->v, e->viommu, 4, &e->veventq,
					   &e->fd);
		if (rc) {
			crew_broken(w->crew, "ALLOC: %d", rc);
			return;
		}
		store(&e->done, 0);
		inc(&e->round);
	}
	if (load(&e->round) == w->hits) {
		sched_yield();
		return;
	}
	w->hits = load(&e->round);
	switch (w->nr) {
	case END_CLOSE:
		crew_pause(w, 100);
		close(e->fd);
		break;
	case END_DESTROY:
		/* Refused until the file is closed, at once when it is */
		rc = destroy_while_racing(w, e->v->fd, e->veventq);
		break;
	case END_VIOMMU:
		/* Refused until the queue is destroyed, at once when it is */
		rc = destroy_while_racing(w, e->v->fd, e->viommu);
		break;
	case END_LOOK:
		p = (struct pollfd){ .fd = e->fd, .events = POLLIN };
		poll(&p, 1, 0);
		break;
	}
	if (rc)
		crew_broken(w->crew, "%s %u: %d", w->name, w->nr, rc);
	inc(&e->done);
}

/*
 * A queue is destroyed as soon as its file is closed, its vIOMMU as soon as the queue
 * has been. Whoever lets go of something does not look at it any more: the queue takes
 * itself out of the vIOMMU before it drops its reference, the file does not use the
 * queue after it has dropped its own. Others wait for just that moment here; the kernel
 * must have KASAN to tell.
 */
TEST_F_TIMEOUT(race, last_reference, TIMEOUT)
{
	struct ending e = { .v = &self->vmm, .done = ENDS, .fd = -1 };
	unsigned int i;

	for (i = 0; i < ENDS; i++)
		crew_add(&self->crew, "end", end_round, &e, i);
	expect_unbroken(crew_run(&self->crew, self->seconds));
	TH_LOG("%u queues", e.round);
	/* Who begins a round closes the file; the others may have stopped before */
	_test_cmd_destroy(e.v->fd, e.veventq);
	_test_cmd_destroy(e.v->fd, e.viommu);
}

/**
 * struct closing - an iommufd that ends, with all that holds it
 * @v: of this round
 * @r: a vIOMMU with a device and a queue
 * @window: mapped
 * @round, @done: as in struct ending
 */
struct closing {
	struct vmm v;
	struct reporter r;
	__u32 windowed;
	void *window;
	unsigned int round;
	unsigned int done;
	const char *why;
};

enum { CLOSE_IOMMUFD, CLOSE_EVENTS, CLOSE_WINDOW, CLOSE_DESTROY, CLOSINGS };

static const char *closing_make(struct closing *c)
{
	struct iommu_viommu_selftest data = { .in_data = 1 };
	const char *why;

	if (vmm_open(&c->v))
		return "open";
	why = reporter_make(&c->r, &c->v, 4);
	if (why)
		return why;
	if (_test_cmd_viommu_alloc(c->v.fd, c->v.idev, c->v.hwpt,
				   IOMMU_VIOMMU_TYPE_SELFTEST, &data,
				   sizeof(data), &c->windowed))
		return "VIOMMU_ALLOC with a window";
	if (_test_cmd_mmap(c->v.fd, data.out_mmap_offset, WINDOW, &c->window))
		return "mmap";
	return _test_cmd_trigger_vevents(c->v.fd, c->v.idev, 3) ? "trigger" :
								  NULL;
}

static void close_round(struct worker *w)
{
	struct closing *c = w->arg;
	const char *why;
	int rc;

	if (w->nr == CLOSE_IOMMUFD && load(&c->done) == CLOSINGS) {
		why = closing_make(c);
		if (why) {
			crew_broken(w->crew, "%s: %d", why, errno);
			return;
		}
		store(&c->done, 0);
		inc(&c->round);
	}
	if (load(&c->round) == w->hits) {
		sched_yield();
		return;
	}
	w->hits = load(&c->round);
	crew_pause(w, 300);
	switch (w->nr) {
	case CLOSE_IOMMUFD:
		munmap(c->v.buf, BUF_PAGES * PAGE_SIZE);
		close(c->v.fd);
		break;
	case CLOSE_EVENTS:
		close(c->r.fd);
		break;
	case CLOSE_WINDOW:
		/* Still there, whatever the others have closed */
		if (load((__u32 *)c->window) != 1)
			crew_broken(w->crew, "a window has lost its memory");
		munmap(c->window, WINDOW);
		break;
	case CLOSE_DESTROY:
		rc = _test_cmd_destroy(c->v.fd, c->r.veventq);
		if (rc && rc != EBUSY && rc != EBADF)
			crew_broken(w->crew, "DESTROY: %d", rc);
		break;
	}
	inc(&c->done);
}

/*
 * The files of an iommufd and of its events, and a window, are closed in any order; the
 * last one takes everything along, and what is left of the others works until then.
 */
TEST_F_TIMEOUT(race, last_file, TIMEOUT)
{
	struct closing c = { .done = CLOSINGS };
	unsigned int i;

	for (i = 0; i < CLOSINGS; i++)
		crew_add(&self->crew, "close", close_round, &c, i);
	expect_unbroken(crew_run(&self->crew, self->seconds));
	TH_LOG("%u iommufds", c.round);
	if (load(&c.done) < CLOSINGS) {
		for (i = 0; i < CLOSINGS; i++) {
			if (self->crew.worker[i].hits == c.round)
				continue;
			if (i == CLOSE_IOMMUFD)
				close(c.v.fd);
			if (i == CLOSE_EVENTS)
				close(c.r.fd);
			if (i == CLOSE_WINDOW)
				munmap(c.window, WINDOW);
		}
	}
}

TEST_HARNESS_MAIN
