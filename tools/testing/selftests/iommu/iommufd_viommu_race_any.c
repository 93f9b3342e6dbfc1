// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Anything at once: threads that call whatever there is with ids that they have guessed,
 * in processes that exit, close an iommufd, share it, or are killed in the middle of it.
 */
#include "iommufd_viommu_race.h"

#define CHAOS_IDS	48
#define CHAOS_FDS	8
/* The first of each window */
#define WINDOW_WORD	0x600dda7a

/**
 * struct chaos - two iommufds, and threads that do anything with any id
 * @v: the iommufds
 * @closed: one of them is: its number may be anything's
 * @shared: with another process, which has mapped its own memory, and may have ended:
 *          that can't be mapped for a new domain then
 * @events: event files, those that are open
 */
struct chaos {
	struct vmm v[2];
	bool closed;
	bool shared;
	int events[CHAOS_FDS];
};

static __u32 guess_id(struct worker *w)
{
	/* Most objects have low numbers; some ids are of nothing */
	return 1 + crew_random(w, crew_random(w, 4) ? 16 : CHAOS_IDS);
}

/* Is @rc one of those of the list that ends with 0, or no error? */
static void check_errno(struct worker *w, const char *what, int rc,
			const int *allowed)
{
	struct chaos *c = w->arg;

	for (; *allowed && rc; allowed++)
		if (rc == *allowed)
			return;
	if (!rc || (load(&c->closed) && (rc == EBADF || rc == ENOTTY)) ||
	    (c->shared && rc == EFAULT))
		return;
	crew_broken(w->crew, "%s: %d", what, rc);
}

#define expect_errno(_what, _rc, ...) \
	check_errno(w, _what, _rc, (const int[]){ __VA_ARGS__, 0 })

static void chaos_make(struct worker *w, struct vmm *v)
{
	struct iommu_viommu_selftest data = { .in_data = WINDOW_WORD };
	struct chaos *c = w->arg;
	__u32 id, dev = guess_id(w), on = guess_id(w);
	int fd = -1, rc;

	switch (crew_random(w, 6)) {
	case 0:
		rc = _test_cmd_viommu_alloc(v->fd, crew_random(w, 2) ? v->idev : dev,
					    crew_random(w, 4) ? v->hwpt : on,
					    IOMMU_VIOMMU_TYPE_SELFTEST,
					    crew_random(w, 2) ? &data : NULL,
					    sizeof(data), &id);
		/* Without data its length is still one */
		expect_errno("VIOMMU_ALLOC", rc, ENOENT, EINVAL, EFAULT);
		break;
	case 1:
		rc = _test_cmd_vdevice_alloc(v->fd, on, crew_random(w, 2) ? v->idev : dev,
					     crew_random(w, 4), &id);
		expect_errno("VDEVICE_ALLOC", rc, ENOENT, EEXIST, EINVAL);
		break;
	case 2:
		rc = veventq_alloc(v, on, 1 + crew_random(w, 4), &id, &fd);
		expect_errno("VEVENTQ_ALLOC", rc, ENOENT, EEXIST, EMFILE);
		if (!rc)
			close(__atomic_exchange_n(&c->events[crew_random(w, CHAOS_FDS)],
						  fd, __ATOMIC_SEQ_CST));
		break;
	case 3:
		rc = hw_queue_alloc(v, on, crew_random(w, 3),
				    IOVA + crew_random(w, 4) * PAGE_SIZE, &id);
		expect_errno("HW_QUEUE_ALLOC", rc, ENOENT, EEXIST, EIO, EINVAL);
		break;
	case 4:
		rc = _test_cmd_hwpt_alloc_viommu(v->fd, v->idev, on, 0, 0, 0,
						 &id);
		expect_errno("HWPT_ALLOC", rc, ENOENT, EINVAL, EOPNOTSUPP);
		break;
	case 5:
		/* Devices are slow to make */
		if (crew_random(w, 8))
			break;
		rc = add_device(v->fd, crew_random(w, 2) ? v->ioas : on, &dev,
				&id);
		expect_errno("a plug", rc, ENOENT, EINVAL);
		break;
	}
}

static void chaos_use(struct worker *w, struct vmm *v)
{
	struct iommu_viommu_invalidate_selftest reqs[2] = {
		{ .vdev_id = crew_random(w, 4) },
		{ .vdev_id = crew_random(w, 4) },
	};
	struct chaos *c = w->arg;
	__u32 id = guess_id(w), num = 2;
	struct pollfd p;
	char buf[64];
	void *window = NULL;
	ssize_t n;
	int rc;

	switch (crew_random(w, 7)) {
	case 0:
		rc = _test_cmd_viommu_invalidate(v->fd, id,
						 IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST,
						 reqs, sizeof(reqs[0]), &num);
		expect_errno("INVALIDATE", rc, ENOENT, EINVAL, EOPNOTSUPP);
		if (num > 2 || (!rc && num != 2))
			crew_broken(w->crew, "INVALIDATE: %u done", num);
		break;
	case 1:
		rc = _test_cmd_trigger_vevents(v->fd, crew_random(w, 2) ? v->idev : id, 1);
		expect_errno("TRIGGER_VEVENT", rc, ENOENT, EOPNOTSUPP);
		break;
	case 2:
		rc = attach(v->fd, crew_random(w, 2) ? v->stdev : id,
			    guess_id(w));
		expect_errno("attach", rc, ENOENT, EINVAL);
		break;
	case 3:
		rc = _test_cmd_mmap(v->fd, crew_random(w, 64) * PAGE_SIZE,
				    WINDOW, &window);
		expect_errno("mmap", rc, ENXIO, ENODEV, EACCES);
		if (rc)
			break;
		if (!load(&c->closed) && load((__u32 *)window) != WINDOW_WORD)
			crew_broken(w->crew, "a window has lost its memory");
		crew_pause(w, 500);
		munmap(window, WINDOW);
		break;
	case 4:
		p = (struct pollfd){
			.fd = load(&c->events[crew_random(w, CHAOS_FDS)]),
			.events = POLLIN,
		};
		poll(&p, 1, crew_random(w, 3));
		break;
	case 5:
		n = read(load(&c->events[crew_random(w, CHAOS_FDS)]), buf,
			 crew_random(w, sizeof(buf)));
		expect_errno("read", n < 0 ? errno : 0, EINVAL, EBADF);
		break;
	case 6:
		rc = _test_cmd_dev_check_cache(v->fd, id, 0, 0);
		expect_errno("DEV_CHECK_CACHE", rc, ENOENT, EINVAL);
		break;
	}
}

static void chaos_step(struct worker *w)
{
	struct chaos *c = w->arg;
	struct vmm *v = &c->v[crew_random(w, 2)];
	unsigned int page;
	int rc;

	switch (crew_random(w, 8)) {
	case 0 ... 2:
		chaos_make(w, v);
		break;
	case 3 ... 4:
		chaos_use(w, v);
		break;
	case 5 ... 6:
		rc = _test_cmd_destroy(v->fd, guess_id(w));
		expect_errno("DESTROY", rc, ENOENT, EBUSY);
		break;
	case 7:
		page = crew_random(w, 4);
		rc = unmap_page(v, page);
		expect_errno("UNMAP", rc, ENOENT, EBUSY);
		if (!rc) {
			rc = map_page(v, page);
			/* The IOAS, and the id, may be another's meanwhile */
			expect_errno("MAP", rc, ENOENT, EEXIST);
		}
		break;
	}
	w->hits++;
}

/* One of the iommufds is closed under everybody's hands */
static void chaos_close(struct worker *w)
{
	struct chaos *c = w->arg;

	usleep(20000 + crew_random(w, 30000));
	if (!load(&c->closed)) {
		store(&c->closed, true);
		close(c->v[1].fd);
	}
}

enum { END_EXIT, END_CLOSED, END_KILLED, END_SHARED, CHAOS_ENDS };

static void chaos_process(int how, double seconds, unsigned int seed)
{
	static struct chaos c;
	static struct crew crew;
	unsigned int i;
	pid_t pid = -1;
	const char *why;
	int status;

	crew_init(&crew);
	for (i = 0; i < CHAOS_FDS; i++)
		c.events[i] = -1;
	if (vmm_open(&c.v[0]) || vmm_open(&c.v[1]))
		_exit(3);
	/* Two processes that share the iommufds, and nothing else of this */
	c.shared = how == END_SHARED;
	if (c.shared)
		pid = fork();
	for (i = 0; i < 6; i++)
		crew_add(&crew, "anything", chaos_step, &c, i)->seed =
			seed + i + 100 * !pid;
	if (how == END_CLOSED)
		crew_add(&crew, "close", chaos_close, &c, 0);
	why = crew_run(&crew, how == END_KILLED ? 60 : seconds);
	if (why)
		fprintf(stderr, "# %s\n", why);
	if (pid > 0 && (waitpid(pid, &status, 0) != pid || status))
		_exit(2);
	_exit(why ? 2 : 0);
}

/*
 * Everything at once, with ids that nobody has checked, in processes that exit, close
 * an iommufd, share it, or are killed in the middle. No errno that the contract does
 * not have; no count of more than there was; and afterwards there is nothing left.
 */
TEST_F_TIMEOUT(race, anything, TIMEOUT)
{
	double start, worst = 0, end;
	unsigned int round = 0;
	int status, how;
	pid_t pid;

	end = crew_now() + self->seconds * 2;
	do {
		how = round % CHAOS_ENDS;
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			chaos_process(how, self->seconds / 4, round);
		if (how == END_KILLED) {
			usleep(self->seconds / 4 * 1000000 + round * 1000);
			kill(pid, SIGKILL);
		}
		start = crew_now();
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		if (how == END_KILLED) {
			EXPECT_TRUE(WIFSIGNALED(status));
			if (crew_now() - start > worst)
				worst = crew_now() - start;
		} else {
			EXPECT_TRUE(WIFEXITED(status));
			EXPECT_EQ(0, WEXITSTATUS(status))
				TH_LOG("round %u, end %d", round, how);
		}
		/* Only this test's own iommufd is open */
		EXPECT_TRUE(all_given_back((int[]){
			    self->counts[0] + (self->counts[0] >= 0),
			    self->counts[1], self->counts[2],
			    self->counts[3] }))
			TH_LOG("round %u, end %d: something is left", round,
			       how);
		round++;
	} while (crew_now() < end || round < CHAOS_ENDS);
	EXPECT_GT(CREW_PROMPT_S, worst);
	TH_LOG("%u processes; a killed one has ended after at most %.3f s",
	       round, worst);
}

TEST_HARNESS_MAIN
