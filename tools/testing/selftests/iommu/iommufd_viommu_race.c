// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vIOMMU, vDEVICE, HW queue and nested HWPT, and the mock device behind them, made, used,
 * mapped, forked, destroyed and unplugged by several threads at a time. Each test states
 * the rules that hold meanwhile, and its threads check them at every step: what must be
 * found, what must not be found, which errno a loser gets. In the end, when nobody does
 * anything any more, everything is destroyed in order without an EBUSY; the mock driver
 * has nothing left; the kernel has not complained.
 *
 * Ids are small numbers and given out from the lowest free one, and windows begin at
 * the second page: so others can guess them, and do.
 *
 * Events have tests of their own in iommufd_viommu_race_events.c, all objects at once in
 * iommufd_viommu_race_any.c.
 */
#include "iommufd_viommu_race.h"

/* ---- windows */

#define MAX_WINDOWS	0x10000
/* The first word of a window: whose it is. A vIOMMU that is going to fail: */
#define DOOMED		0xdeadc0de
#define TAG(_nr, _n)	(0xa0000000u | (_nr) << 24 | (_n))

/**
 * struct windows - windows of one iommufd
 * @v: the iommufd
 * @nr: which of two
 * @n: vIOMMUs that were made
 * @last: the highest offset that was handed out
 * @gone: Those whose DESTROY has succeeded. Shared with forked processes.
 */
struct windows {
	struct vmm *v;
	unsigned int nr;
	unsigned int n;
	__u64 last;
	unsigned char *gone;
};

/* A vIOMMU that fails as late as it can: its window is never there */
static void make_doomed(struct worker *w, struct windows *win)
{
	struct iommu_viommu_selftest data = { .in_data = DOOMED };
	struct iommu_viommu_alloc cmd = {
		.size = sizeof(cmd),
		.type = IOMMU_VIOMMU_TYPE_SELFTEST,
		.dev_id = win->v->idev,
		.hwpt_id = win->v->hwpt,
		.data_len = sizeof(data),
		.data_uptr = (uintptr_t)&data,
	};
	int rc = _test_ioctl_no_reply(win->v->fd, IOMMU_VIOMMU_ALLOC, &cmd,
				      sizeof(cmd));

	if (rc != EFAULT)
		crew_broken(w->crew, "an ALLOC without reply: %d", rc);
	if (data.out_mmap_offset > load(&win->last))
		store(&win->last, data.out_mmap_offset);
	if (!_test_cmd_mmap(win->v->fd, data.out_mmap_offset, WINDOW, NULL))
		crew_broken(w->crew, "the window of a failed vIOMMU is there");
}

static void make_window(struct worker *w)
{
	struct windows *win = w->arg;
	struct iommu_viommu_selftest data = {
		.in_data = TAG(win->nr, win->n),
	};
	__u32 id;
	int rc;

	if (win->n == MAX_WINDOWS) {
		usleep(1000);
		return;
	}
	if (!crew_random(w, 3))
		make_doomed(w, win);
	rc = _test_cmd_viommu_alloc(win->v->fd, win->v->idev, win->v->hwpt,
				    IOMMU_VIOMMU_TYPE_SELFTEST, &data,
				    sizeof(data), &id);
	if (rc) {
		crew_broken(w->crew, "VIOMMU_ALLOC: %d", rc);
		return;
	}
	/* There is one thread for each iommufd that makes any */
	if (data.out_mmap_offset < load(&win->last) + PAGE_SIZE)
		crew_broken(w->crew, "offset 0x%llx was handed out before",
			    data.out_mmap_offset);
	store(&win->last, data.out_mmap_offset);
	crew_pause(w, 500);
	/* Refused while somebody has it mapped, and nobody maps it for long */
	rc = destroy_soon(win->v->fd, id);
	if (rc)
		crew_broken(w->crew, "DESTROY of a vIOMMU: %d", rc);
	store(&win->gone[win->n], 1);
	win->n++;
	if (!_test_cmd_mmap(win->v->fd, data.out_mmap_offset, WINDOW, NULL))
		crew_broken(w->crew, "the window of a dead vIOMMU is there");
}

/* NULL, or what is wrong with a mapping that is there */
static const char *look_at_window(struct windows *win, const __u32 *p)
{
	__u32 tag = load(p);

	if (tag == DOOMED)
		return "mapped the window of a vIOMMU that has failed";
	if ((tag & ~0xffffffu) != TAG(win->nr, 0))
		return "mapped something else than a window of this iommufd";
	/* What holds the vIOMMU is the mapping, and that is still there */
	if (load(&win->gone[tag & 0xffffff]))
		return "a vIOMMU was destroyed under a mapping";
	return NULL;
}

/* What else a process can do with a mapping; returns what is left of it */
static char *play_with_window(struct worker *w, char *p, size_t *size)
{
	char *moved;

	switch (crew_random(w, 4)) {
	case 0:
		mprotect(p + PAGE_SIZE, PAGE_SIZE, PROT_READ);
		break;
	case 1:
		munmap(p + PAGE_SIZE, PAGE_SIZE);
		*size = PAGE_SIZE;
		break;
	case 2:
		moved = mremap(p, *size, *size, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
		if (moved != MAP_FAILED)
			crew_broken(w->crew, "a window was doubled");
		break;
	default:
		madvise(p, *size, MADV_DONTNEED);
	}
	return p;
}

/* A child that outlives its parent's mapping */
static const char *look_in_child(struct worker *w, struct windows *win, char *p,
				 size_t size)
{
	static const char *const says[] = {
		NULL, "mapped the window of a vIOMMU that has failed",
		"a forked mapping is of something else", "a child died",
	};
	const char *why;
	int status;
	pid_t pid;

	pid = fork();
	if (pid < 0)
		return NULL;
	if (!pid) {
		usleep(crew_random(w, 2000));
		why = look_at_window(win, (void *)p);
		_exit(why ? 2 : 0);
	}
	munmap(p, size);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return says[3];
	return says[WEXITSTATUS(status) & 3];
}

static void map_guessed(struct worker *w)
{
	struct windows *win = w->arg;
	__u64 last = load(&win->last), guess;
	const char *why;
	size_t size = WINDOW;
	void *p = NULL;
	int rc;

	/* Mostly where the newest is, or where the next will be */
	guess = crew_random(w, 16) ? last + crew_random(w, 5) * PAGE_SIZE :
				     crew_random(w, 64) * PAGE_SIZE;
	rc = _test_cmd_mmap(win->v->fd, guess, WINDOW, &p);
	if (rc) {
		if (rc != ENXIO)
			crew_broken(w->crew, "mmap() of a guess: %d", rc);
		return;
	}
	w->hits++;
	why = look_at_window(win, p);
	if (!why) {
		play_with_window(w, p, &size);
		crew_pause(w, 300);
		why = look_at_window(win, p);
	}
	if (!why && !crew_random(w, 16))
		why = look_in_child(w, win, p, size);
	else
		munmap(p, size);
	if (why)
		crew_broken(w->crew, "%s", why);
	/* For the vIOMMU to end */
	crew_pause(w, 2000);
}

/*
 * A window is found while its vIOMMU is published, and only then; only through its own
 * iommufd; and no vIOMMU ends under a mapping, wherever that is. Offsets are not handed
 * out twice.
 */
TEST_F_TIMEOUT(race, windows, TIMEOUT)
{
	struct windows win[2] = {};
	struct vmm other;
	unsigned int i;

	ASSERT_EQ(0, vmm_open(&other));
	for (i = 0; i < 2; i++) {
		win[i].v = i ? &other : &self->vmm;
		win[i].nr = i;
		win[i].gone = mmap(NULL, MAX_WINDOWS, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		ASSERT_NE(MAP_FAILED, win[i].gone);
		crew_add(&self->crew, "make_window", make_window, &win[i], i);
		crew_add(&self->crew, "map", map_guessed, &win[i], i)->need = 3;
		crew_add(&self->crew, "map", map_guessed, &win[i], i)->need = 3;
	}
	expect_unbroken(crew_run(&self->crew, self->seconds));
	EXPECT_NE(0, crew_hits(&self->crew, "map"))
		TH_LOG("they never met");
	TH_LOG("%u vIOMMUs, %lu times mapped", win[0].n + win[1].n,
	       crew_hits(&self->crew, "map"));
	expect_unbroken(vmm_close(&other));
}

/* ---- vDEVICEs of a device that comes and goes */

#define MAX_IDS		0x100000
#define MAX_LIVE	64

/**
 * struct arena - a vIOMMU, and a device that others take away
 * @v: the iommufd; its stdev and idev are those of now, others may see older ones
 * @viommu: lives as long as the race
 * @nested: so does this
 * @generation: grows by one when the device begins to leave, and when it has left
 * @lock: of what follows
 * @live: vDEVICEs whose ids were returned and that nobody has destroyed since;
 *        @from and @to: @generation before and after they were made
 * @grave: the ids that devices have left behind, a byte each
 * @made: vDEVICEs made
 * @undone: of these, destroyed by DESTROY
 * @left: and by a device that has left
 */
struct arena {
	struct vmm *v;
	__u32 viommu;
	__u32 nested;
	unsigned int generation;

	pthread_mutex_t lock;
	struct { __u32 id; unsigned int from, to; } live[MAX_LIVE];
	unsigned int nlive;
	unsigned char grave[MAX_IDS];
	unsigned long made, undone, left;
};

/* No new object gets an id that a device has left behind */
static void check_new_id(struct worker *w, struct arena *a, __u32 id)
{
	if (id < MAX_IDS && load(&a->grave[id]))
		crew_broken(w->crew, "id %u was given out again", id);
}

static void make_vdevice(struct worker *w)
{
	unsigned int from;
	struct arena *a = w->arg;
	__u32 id;
	int rc;

	from = load(&a->generation);
	rc = _test_cmd_vdevice_alloc(a->v->fd, a->viommu, load(&a->v->idev),
				     VIRT_ID + crew_random(w, 3), &id);
	if (rc) {
		if (rc != ENOENT && rc != EEXIST)
			crew_broken(w->crew, "VDEVICE_ALLOC: %d", rc);
		return;
	}
	check_new_id(w, a, id);
	pthread_mutex_lock(&a->lock);
	a->made++;
	if (a->nlive < MAX_LIVE) {
		a->live[a->nlive].id = id;
		a->live[a->nlive].from = from;
		a->live[a->nlive++].to = load(&a->generation);
	}
	pthread_mutex_unlock(&a->lock);
	w->hits++;
	crew_pause(w, 300);
}

/*
 * DESTROY of all that were made. Each is either still there or a tombstone; those that
 * were made before the device left last are tombstones.
 */
static void destroy_vdevices(struct worker *w, struct arena *a)
{
	unsigned int i, before = load(&a->generation), after;
	const char *what;
	__u32 id;
	int rc;

	/* Held during DESTROY: a free id can be that of a new object at once */
	pthread_mutex_lock(&a->lock);
	for (i = 0; i < a->nlive; i++) {
		what = NULL;
		id = a->live[i].id;
		rc = _test_cmd_destroy(a->v->fd, id);
		after = load(&a->generation);
		if (rc && rc != ENOENT)
			what = "can't be destroyed";
		else if (!rc && a->live[i].to / 2 < before / 2)
			what = "has outlived its device";
		else if (rc && a->live[i].from == after && !(after % 2))
			what = "has gone without its device";
		if (what)
			crew_broken(w->crew, "vDEVICE %u %s (%d)", id, what, rc);
		if (rc) {
			a->left++;
			if (id < MAX_IDS)
				store(&a->grave[id], 1);
		} else {
			a->undone++;
		}
	}
	a->nlive = 0;
	pthread_mutex_unlock(&a->lock);
}

static void unmake_vdevices(struct worker *w)
{
	struct arena *a = w->arg;

	destroy_vdevices(w, a);
	w->hits = load(&a->undone);
	crew_pause(w, 500);
}

/* The device leaves, and comes back as another one */
static void replug(struct worker *w)
{
	struct arena *a = w->arg;
	unsigned int gone, i;
	__u32 stdev, idev;
	int rc;

	crew_pause(w, 3000);
	gone = a->generation / 2;
	store(&a->generation, 2 * gone + 1);
	rc = destroy_soon(a->v->fd, a->v->stdev);
	if (rc)
		crew_broken(w->crew, "an unplug: %d", rc);
	store(&a->generation, 2 * gone + 2);
	destroy_vdevices(w, a);
	rc = add_device(a->v->fd, a->v->ioas, &stdev, &idev);
	if (rc) {
		crew_broken(w->crew, "a plug: %d", rc);
		return;
	}
	check_new_id(w, a, stdev);
	check_new_id(w, a, idev);
	store(&a->v->stdev, stdev);
	store(&a->v->idev, idev);
	w->hits = load(&a->left);
	/* Whatever is asked of a tombstone: it is not there */
	for (i = 0; i < 4; i++) {
		__u32 id = crew_random(w, 64);
		const char *what;

		if (!load(&a->grave[id]))
			continue;
		what = find_anything(a->v, id);
		if (what)
			crew_broken(w->crew, "%s finds tombstone %u", what, id);
	}
}

/* Only on a vDEVICE, and only then with events; off it at any time */
static void attach_and_trigger(struct worker *w)
{
	struct arena *a = w->arg;
	int rc;

	rc = attach(a->v->fd, load(&a->v->stdev),
		    crew_random(w, 3) ? a->nested : a->v->ioas);
	if (rc && rc != ENOENT)
		crew_broken(w->crew, "attach: %d", rc);
	w->hits += !rc;
	rc = _test_cmd_trigger_vevents(a->v->fd, load(&a->v->idev), 1);
	if (rc && rc != ENOENT && rc != EOPNOTSUPP)
		crew_broken(w->crew, "TRIGGER_VEVENT: %d", rc);
	crew_pause(w, 500);
}

/* entry_num is what was done: all, or those before the device that is not there */
static void invalidate(struct worker *w)
{
	struct iommu_viommu_invalidate_selftest reqs[3];
	struct arena *a = w->arg;
	__u32 num = ARRAY_SIZE(reqs), i;
	int rc;

	for (i = 0; i < num; i++)
		reqs[i] = (struct iommu_viommu_invalidate_selftest){
			.vdev_id = VIRT_ID + crew_random(w, 3),
			.flags = crew_random(w, 2) ?
				 IOMMU_TEST_INVALIDATE_FLAG_ALL : 0,
			.cache_id = crew_random(w, MOCK_DEV_CACHE_NUM),
		};
	rc = _test_cmd_viommu_invalidate(a->v->fd, a->viommu,
					 IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST,
					 reqs, sizeof(reqs[0]), &num);
	if (!(rc == 0 && num == ARRAY_SIZE(reqs)) &&
	    !(rc == EINVAL && num < ARRAY_SIZE(reqs)))
		crew_broken(w->crew, "INVALIDATE: %d, %u done", rc, num);
	w->hits += num;
}

/* What has nothing to do with the device works all the time */
static void build_beside(struct worker *w)
{
	struct arena *a = w->arg;
	__u32 hwq, vq;
	int fd, rc;

	rc = hw_queue_alloc(a->v, a->viommu, 0, IOVA, &hwq);
	if (!rc)
		rc = veventq_alloc(a->v, a->viommu, 4, &vq, &fd);
	if (rc) {
		crew_broken(w->crew, "HW_QUEUE_ALLOC or VEVENTQ_ALLOC: %d", rc);
		return;
	}
	check_new_id(w, a, hwq);
	check_new_id(w, a, vq);
	crew_pause(w, 1000);
	if (_test_cmd_destroy(a->v->fd, vq) != EBUSY)
		crew_broken(w->crew, "a vEVENTQ was destroyed under its file");
	close(fd);
	rc = destroy_soon(a->v->fd, vq);
	if (!rc)
		rc = destroy_soon(a->v->fd, hwq);
	if (rc)
		crew_broken(w->crew, "DESTROY of a queue: %d", rc);
}

/*
 * A device that comes and goes, and its vDEVICE with it. Each vDEVICE was destroyed by
 * DESTROY or has left with its device, never both; those that have left stay away, as
 * do their ids; and what does not need a device is not disturbed.
 */
TEST_F_TIMEOUT(race, unplug, TIMEOUT)
{
	static struct arena a;
	struct worker last = { .crew = &self->crew };
	struct vmm *v = &self->vmm;

	a = (struct arena){ .v = v };
	pthread_mutex_init(&a.lock, NULL);
	ASSERT_EQ(0, viommu_alloc(v, &a.viommu));
	ASSERT_EQ(0, nested_alloc(v, a.viommu, &a.nested));
	crew_add(&self->crew, "make", make_vdevice, &a, 0);
	crew_add(&self->crew, "make", make_vdevice, &a, 1);
	crew_add(&self->crew, "unmake", unmake_vdevices, &a, 0)->need = 3;
	crew_add(&self->crew, "replug", replug, &a, 0)->need = 3;
	crew_add(&self->crew, "attach", attach_and_trigger, &a, 0);
	crew_add(&self->crew, "invalidate", invalidate, &a, 0);
	crew_add(&self->crew, "beside", build_beside, &a, 0);
	expect_unbroken(crew_run(&self->crew, self->seconds));
	destroy_vdevices(&last, &a);
	expect_unbroken(self->crew.why[0] ? self->crew.why : NULL);
	EXPECT_EQ(a.made, a.undone + a.left);
	EXPECT_NE(0, a.undone);
	EXPECT_NE(0, a.left);
	TH_LOG("%lu times replugged, %lu attached, %lu invalidated",
	       (unsigned long)a.generation / 2,
	       crew_hits(&self->crew, "attach"),
	       crew_hits(&self->crew, "invalidate"));
	TH_LOG("vDEVICEs: %lu made, %lu destroyed, %lu left", a.made,
	       a.undone, a.left);
	EXPECT_EQ(0, attach(v->fd, v->stdev, v->ioas));
	EXPECT_EQ(0, _test_cmd_destroy(v->fd, a.nested));
	EXPECT_EQ(0, _test_cmd_destroy(v->fd, a.viommu));
}

/* Several threads DESTROY the same id: one of them does it */
struct contest {
	struct vmm *v;
	__u32 viommu;
	unsigned int round;
	unsigned int done;
	__u32 id;
	unsigned int winners;
};

#define CONTESTANTS	3

static void contest_round(struct worker *w)
{
	struct contest *c = w->arg;
	int rc;

	/* Everybody has had its turn: the next object */
	if (!w->nr && load(&c->done) == CONTESTANTS) {
		if (c->round && load(&c->winners) != 1)
			crew_broken(w->crew, "DESTROY of one id succeeded %u times",
				    load(&c->winners));
		switch (c->round % 3) {
		case 0:
			rc = _test_cmd_vdevice_alloc(c->v->fd, c->viommu,
						     c->v->idev, VIRT_ID,
						     &c->id);
			break;
		case 1:
			rc = hw_queue_alloc(c->v, c->viommu, 0, IOVA, &c->id);
			break;
		default:
			rc = nested_alloc(c->v, c->viommu, &c->id);
		}
		if (rc)
			crew_broken(w->crew, "ALLOC: %d", rc);
		store(&c->winners, 0);
		store(&c->done, 0);
		inc(&c->round);
	}
	if (load(&c->round) == w->hits) {
		sched_yield();
		return;
	}
	w->hits = load(&c->round);
	rc = _test_cmd_destroy(c->v->fd, load(&c->id));
	if (!rc)
		inc(&c->winners);
	else if (rc != ENOENT)
		crew_broken(w->crew, "DESTROY: %d", rc);
	inc(&c->done);
}

TEST_F_TIMEOUT(race, destroyed_once, TIMEOUT)
{
	struct contest c = { .v = &self->vmm, .done = CONTESTANTS };
	unsigned int i;

	ASSERT_EQ(0, viommu_alloc(c.v, &c.viommu));
	for (i = 0; i < CONTESTANTS; i++)
		crew_add(&self->crew, "destroy", contest_round, &c, i);
	expect_unbroken(crew_run(&self->crew, self->seconds));
	TH_LOG("%u objects", c.round);
	/* Those that were not there yet when the others stopped */
	_test_cmd_destroy(c.v->fd, c.id);
	EXPECT_EQ(0, _test_cmd_destroy(c.v->fd, c.viommu));
}

/* ---- HW queues */

/**
 * struct stack - queue 0 and queue 1 of a vIOMMU
 * @v: the iommufd
 * @viommu: the vIOMMU
 * @id0: of the last queue 0
 */
struct stack {
	struct vmm *v;
	__u32 viommu;
	__u32 id0;
};

/* Queue 0 comes and goes; it can't go under a queue 1, and comes if there is none */
static void cycle_queue0(struct worker *w)
{
	struct stack *s = w->arg;
	__u32 id;
	int rc;

	rc = hw_queue_alloc(s->v, s->viommu, 0, IOVA, &id);
	/* Not mapped at the moment; being unmapped */
	if (rc == ENOENT || rc == EINVAL)
		return;
	/* Somebody else's is there */
	if (rc == EEXIST)
		return;
	if (rc) {
		crew_broken(w->crew, "queue 0: %d", rc);
		return;
	}
	store(&s->id0, id);
	w->hits++;
	if (unmap_page(s->v, 0) != EBUSY)
		crew_broken(w->crew, "memory was unmapped under queue 0");
	crew_pause(w, 300);
	rc = destroy_soon(s->v->fd, id);
	if (rc)
		crew_broken(w->crew, "DESTROY of queue 0: %d", rc);
}

static void cycle_queue1(struct worker *w)
{
	struct stack *s = w->arg;
	__u32 id, other, below;
	int rc;

	rc = hw_queue_alloc(s->v, s->viommu, 1, IOVA + PAGE_SIZE, &id);
	if (rc) {
		if (rc != EIO)
			crew_broken(w->crew, "queue 1: %d", rc);
		return;
	}
	w->hits++;
	/*
	 * It may be the id of the queue 0 before, that of this one being on its way
	 * to us: nobody's then, or ours.
	 */
	below = load(&s->id0);
	rc = below == id ? EBUSY : _test_cmd_destroy(s->v->fd, below);
	if (rc != EBUSY && rc != ENOENT)
		crew_broken(w->crew, "queue 0 was destroyed under queue 1: %d",
			    rc);
	if (unmap_page(s->v, 0) != EBUSY || unmap_page(s->v, 1) != EBUSY)
		crew_broken(w->crew, "memory was unmapped under a queue");
	if (_test_cmd_destroy(s->v->fd, s->viommu) != EBUSY)
		crew_broken(w->crew, "the vIOMMU was destroyed under its queues");
	rc = hw_queue_alloc(s->v, s->viommu, 0, IOVA + 2 * PAGE_SIZE, &other);
	if (rc != EEXIST)
		crew_broken(w->crew, "a second queue 0: %d", rc);
	crew_pause(w, 300);
	rc = _test_cmd_destroy(s->v->fd, id);
	if (rc)
		crew_broken(w->crew, "DESTROY of queue 1: %d", rc);
	/* For queue 0 to go as well */
	crew_pause(w, 2000);
}

/* Queues that fail as late as they can: never in the way of queue 1 */
static void fail_queue0(struct worker *w)
{
	struct stack *s = w->arg;
	char arg[64];
	int rc;

	prepare(HW_QUEUE, s->v, s->viommu, arg);
	rc = _test_ioctl_no_reply(s->v->fd, IOMMU_HW_QUEUE_ALLOC, arg,
				  sizeof(struct iommu_hw_queue_alloc));
	if (rc != EFAULT && rc != EEXIST && rc != ENOENT && rc != EINVAL)
		crew_broken(w->crew, "a queue 0 without reply: %d", rc);
	w->hits += rc == EFAULT;
	crew_pause(w, 300);
}

/* The memory of queue 0 goes away when no queue is on it */
static void remap(struct worker *w)
{
	struct stack *s = w->arg;
	int rc = unmap_page(s->v, 0);

	if (!rc) {
		rc = map_page(s->v, 0);
		w->hits++;
	}
	if (rc && rc != EBUSY)
		crew_broken(w->crew, "UNMAP and MAP: %d", rc);
	crew_pause(w, 1000);
}

/*
 * Queue 1 is on a queue 0 that is published, and while it is there queue 0 is, too; the
 * memory of a queue is mapped as long as it lives.
 */
TEST_F_TIMEOUT(race, hw_queues, TIMEOUT)
{
	struct stack s = { .v = &self->vmm };

	ASSERT_EQ(0, viommu_alloc(s.v, &s.viommu));
	crew_add(&self->crew, "queue0", cycle_queue0, &s, 0);
	crew_add(&self->crew, "queue0", cycle_queue0, &s, 1);
	crew_add(&self->crew, "queue1", cycle_queue1, &s, 0)->need = 3;
	crew_add(&self->crew, "failing", fail_queue0, &s, 0);
	crew_add(&self->crew, "remap", remap, &s, 0);
	expect_unbroken(crew_run(&self->crew, self->seconds));
	EXPECT_NE(0, crew_hits(&self->crew, "queue1"))
		TH_LOG("they never met");
	TH_LOG("queue 0: %lu times, %lu without reply; queue 1: %lu; remapped: %lu",
	       crew_hits(&self->crew, "queue0"),
	       crew_hits(&self->crew, "failing"),
	       crew_hits(&self->crew, "queue1"),
	       crew_hits(&self->crew, "remap"));
	EXPECT_EQ(0, _test_cmd_destroy(s.v->fd, s.viommu));
}

/* ---- memory that goes away under ioctls */

/**
 * struct vanishing - arguments in memory that others take away
 * @v: the iommufd
 * @file: the memory
 * @kernel: where the kernel is told that it is; comes and goes
 * @ours: the same memory, always there
 * @viommu: to make objects on
 * @written: ioctls that could tell
 * @lost: and those that could not
 */
struct vanishing {
	struct vmm *v;
	int file;
	char *kernel;
	char *ours;
	__u32 viommu;
	unsigned long written, lost;
};

static void vanish(struct worker *w)
{
	struct vanishing *m = w->arg;

	switch (crew_random(w, 6)) {
	case 0:
		mprotect(m->kernel, PAGE_SIZE, PROT_READ);
		break;
	case 1:
		mprotect(m->kernel, PAGE_SIZE, PROT_NONE);
		break;
	case 2:
		munmap(m->kernel, PAGE_SIZE);
		break;
	case 3:
		madvise(m->kernel, PAGE_SIZE, MADV_DONTNEED);
		break;
	default:
		mmap(m->kernel, PAGE_SIZE, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_FIXED, m->file, 0);
	}
	w->hits++;
	crew_pause(w, 100);
}

static void alloc_from_vanishing(struct worker *w)
{
	struct vanishing *m = w->arg;
	enum kind kind = crew_random(w, KINDS);
	/* Those of one kind at a time; the end is destroyed first */
	unsigned long cmd = prepare(kind, m->v, m->viommu, m->ours);
	int rc = _test_ioctl(m->v->fd, cmd, m->kernel);

	if (rc == EFAULT) {
		m->lost++;
		return;
	}
	if (rc) {
		crew_broken(w->crew, "%s: %d", kind_names[kind], rc);
		return;
	}
	m->written++;
	if (kind == VEVENTQ)
		close(((struct iommu_veventq_alloc *)m->ours)->out_veventq_fd);
	rc = _test_cmd_destroy(m->v->fd, replied_id(kind, m->ours));
	if (rc)
		crew_broken(w->crew, "DESTROY after %s: %d", kind_names[kind],
			    rc);
}

/* What could not be told has not been made: nothing of it is left, not an id either */
TEST_F_TIMEOUT(race, replies_without_memory, TIMEOUT)
{
	struct vanishing m = { .v = &self->vmm };
	__u32 before, after;

	m.file = memfd_create("argument", MFD_CLOEXEC);
	ASSERT_LE(0, m.file);
	ASSERT_EQ(0, ftruncate(m.file, PAGE_SIZE));
	m.ours = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		      m.file, 0);
	ASSERT_NE(MAP_FAILED, m.ours);
	/* A place that nobody else gets when it is free */
	m.kernel = mmap(NULL, 3 * PAGE_SIZE, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, m.kernel);
	m.kernel += PAGE_SIZE;
	ASSERT_EQ(0, viommu_alloc(m.v, &m.viommu));
	ASSERT_EQ(0, _test_ioctl_ioas_alloc(m.v->fd, &before));
	ASSERT_EQ(0, _test_cmd_destroy(m.v->fd, before));
	crew_add(&self->crew, "vanish", vanish, &m, 0);
	crew_add(&self->crew, "alloc", alloc_from_vanishing, &m, 0);
	expect_unbroken(crew_run(&self->crew, self->seconds));
	EXPECT_NE(0, m.lost);
	EXPECT_NE(0, m.written);
	TH_LOG("%lu replies written, %lu not", m.written, m.lost);
	ASSERT_EQ(0, _test_ioctl_ioas_alloc(m.v->fd, &after));
	EXPECT_EQ(before, after);
	EXPECT_EQ(0, _test_cmd_destroy(m.v->fd, after));
	EXPECT_EQ(0, _test_cmd_destroy(m.v->fd, m.viommu));
	munmap(m.ours, PAGE_SIZE);
	munmap(m.kernel - PAGE_SIZE, 3 * PAGE_SIZE);
	close(m.file);
}

TEST_HARNESS_MAIN
