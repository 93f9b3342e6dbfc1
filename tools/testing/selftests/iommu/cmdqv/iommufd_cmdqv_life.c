// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A VMM that is killed at every point of its life: before and after each of its system
 * calls, in the middle of each, and where the kernel writes a reply.
 *
 * The rule (I12), each time: when the process has been waited for, nothing is left of
 * its VM. No VINTF, no queue, no StreamID slot, no VMID, no pinned page, no charge, no
 * error; no command of its queues is executed any more, although they were full; and
 * the next VM gets the same device, VINTF and VMID. No other rule of the hardware has
 * been broken on the way, and the kernel has not warned.
 *
 * Runs on the emulated board (emulator/grace-vm); skips elsewhere.
 */
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <ucontext.h>

#include "life.h"
#include "boundary.h"

#define TIMEOUT		240
/* More than that many boundaries: it does not end */
#define MAX_BOUNDARIES	2000
#define STACK		(64UL << 10)

/**
 * struct stage - what the processes of a test share
 * @life: the VM's life
 * @delay_ns: from the beginning of a call to SIGKILL
 * @stack: for the life alone, watched by @uffd
 * @uffd: the number of that file in the process
 * @nth: which write of a call to its argument it is killed at
 * @kill_all: the second thread shall end the process
 * @calls: calls of the second thread
 */
struct stage {
	struct life *life;
	u64 delay_ns;
	void *stack;
	int uffd;
	unsigned int nth;
	bool kill_all;
	unsigned long calls;
};

FIXTURE(life)
{
	struct life_bench bench;
	struct stage *stage;
};

/* How long the unit takes, us: to enable, to disable; for 4 commands, 0: as fast as can be */
static void delays(struct observer *unit, unsigned int enable,
		   unsigned int disable, unsigned int commands)
{
	observer_run(unit, "delay enable_ns=%u disable_ns=%u command_ns=%u step=%u",
		     enable * 1000, disable * 1000, commands * 1000,
		     commands ? 4 : 64);
}

FIXTURE_SETUP(life)
{
	bool failed;
	const char *why = life_bench_open(&self->bench, &failed);

	if (why && !failed)
		SKIP(return, "%s", why);
	ASSERT_EQ(NULL, why)
		TH_LOG("%s", why);
	self->stage = mmap(NULL, sizeof(*self->stage), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->stage);
	self->stage->life = self->bench.life;
	/* A full queue takes 6 ms, stopping one 0.2 ms: there is always something left */
	delays(&self->bench.board.unit, 50, 200, 100);
}

FIXTURE_TEARDOWN(life)
{
	delays(&self->bench.board.unit, 0, 0, 0);
	life_bench_teardown(&self->bench);
}

static int one_thread(void *arg)
{
	struct stage *s = arg;

	life_be_charged();
	traced_begin();
	return life_all(s->life) ? 1 : 0;
}

/**
 * struct tally - what has happened
 * @kills: processes that have not lived to their end
 * @in_call: of these, killed while it was in the call, and not at a boundary
 * @slowest: ns from the kill to the end of the wait
 */
struct tally {
	unsigned int kills;
	unsigned int in_call;
	u64 slowest;
};

/* Has the process leave its boundary; whether it is then in the call */
typedef bool (*ending_fn)(struct stage *stage, struct traced *traced);

/*
 * Lives from the start to boundary n, for each n from 1 on in steps of @by, until one
 * is lived to its end. @end may be NULL; unless the process has ended by itself
 * it is killed then.
 */
static void kill_at_each(struct __test_metadata *_metadata,
			 struct life_bench *b, struct stage *s,
			 int (*run)(void *arg), unsigned int by,
			 ending_fn end, struct tally *tally)
{
	struct life *l = s->life;
	const char *left;
	struct traced t;
	unsigned int n;
	u64 start;

	for (n = 1; n < MAX_BOUNDARIES; n += by) {
		life_renew(l);
		s->kill_all = false;
		ASSERT_EQ(0, traced_start(&t, run, s));
		if (!traced_to(&t, n)) {
			/* By itself, and then there is no boundary n */
			EXPECT_TRUE(WIFEXITED(t.status) &&
				    !WEXITSTATUS(t.status))
				TH_LOG("after step %u of life: %d, status %#x",
				       l->at, l->failed, t.status);
			break;
		}
		EXPECT_TRUE(life_numbers_are(&b->board.unit,
					     &b->nothing))
			TH_LOG("boundary %u: VINTF or VMID was not free again",
			       n);
		if (end)
			tally->in_call += end(s, &t);
		start = vmm_now_ns();
		/* The last call is exit_group(), which may be faster */
		EXPECT_TRUE(traced_kill(&t) || s->kill_all ||
			    !t.status)
			TH_LOG("boundary %u: not killed, status %#x", n,
			       t.status);
		start = vmm_now_ns() - start;
		if (start > tally->slowest)
			tally->slowest = start;
		tally->kills++;
		left = life_left(&b->board, &b->nothing);
		ASSERT_EQ(NULL, left)
			TH_LOG("killed at boundary %u, after step %u of life: %s",
			       n, l->at, left);
	}
	EXPECT_LT(n, MAX_BOUNDARIES);
	left = life_left(&b->board, &b->nothing);
	EXPECT_EQ(NULL, left)
		TH_LOG("after a whole life: %s", left);
}

/* ---- at the boundaries */

TEST_F_TIMEOUT(life, killed_at_each_boundary, TIMEOUT)
{
	struct tally tally = {};

	kill_at_each(_metadata, &self->bench, self->stage, one_thread, 1, NULL, &tally);
	/* Two each, and a life has more calls than that */
	EXPECT_LT(90, tally.kills);
	ksft_print_msg("figure: life_boundaries %u boundaries of calls at which a VMM was killed\n",
		       tally.kills);
	ksft_print_msg("figure: life_end %llu us until nothing was left of it, at most\n",
		       (unsigned long long)tally.slowest / 1000);
}

/* ---- between them */

/* Kill it some time after it has begun the call */
static bool soon(struct stage *s, struct traced *t)
{
	u64 end = vmm_now_ns() + s->delay_ns;
	bool ended;

	traced_go(t);
	while (vmm_now_ns() < end)
		;
	ended = waitpid(t->pid, &t->status, WNOHANG | __WALL) == t->pid;
	if (ended && (WIFEXITED(t->status) || WIFSIGNALED(t->status)))
		t->pid = 0;
	return !ended;
}

/*
 * Calls that wait for the hardware take a millisecond now; all others have ended when
 * the later ones of these come, and then that is one more boundary.
 */
TEST_F_TIMEOUT(life, killed_during_each_call, TIMEOUT)
{
	static const unsigned int delays_us[] = { 0, 30, 200, 1000 };
	/* Where everything takes several times longer than usual: the two ends */
	unsigned int i, by = getenv("BOARD_SLOW") ? 3 : 1;
	struct tally tally = {};

	delays(&self->bench.board.unit, 1000, 1000, 100);
	for (i = 0; i < ARRAY_SIZE(delays_us); i += by) {
		self->stage->delay_ns = delays_us[i] * 1000;
		kill_at_each(_metadata, &self->bench, self->stage, one_thread, 2, soon, &tally);
	}
	/* At least those with no delay at all */
	EXPECT_LT(tally.kills / 8, tally.in_call);
	ksft_print_msg("figure: life_during_calls %u calls of a VMM killed during them\n",
		       tally.in_call);
}

/* ---- where the kernel writes a reply */

static void life_main(unsigned int high, unsigned int low)
{
	struct stage *s = (void *)((u64)high << 32 | low);

	syscall(SYS_exit_group, life_all(s->life) ? 1 : 0);
}

/* A life whose arguments are where writing can be held up */
static int watched_stack(void *arg)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP,
	};
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_WP };
	struct stage *s = arg;
	ucontext_t life, here;

	life_be_charged();
	s->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	reg.range.start = (uintptr_t)s->stack;
	reg.range.len = STACK;
	s->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (s->stack == MAP_FAILED || s->uffd < 0 ||
	    ioctl(s->uffd, UFFDIO_API, &api) ||
	    ioctl(s->uffd, UFFDIO_REGISTER, &reg))
		return 252;
	getcontext(&life);
	life.uc_stack.ss_sp = s->stack;
	life.uc_stack.ss_size = STACK;
	life.uc_link = NULL;
	makecontext(&life, (void (*)(void))life_main, 2,
		    (unsigned int)((u64)s >> 32), (unsigned int)(u64)s);
	traced_begin();
	swapcontext(&here, &life);
	return 253;
}

static void hold_up_writes(struct stage *s, int uffd, u64 at, bool on)
{
	u64 stack = (uintptr_t)s->stack;
	struct uffdio_writeprotect wp = {
		.range.start = at & ~(GUEST_PAGE - 1),
		.range.len = 2 * GUEST_PAGE,
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	if (wp.range.start + wp.range.len > stack + STACK)
		wp.range.len = stack + STACK - wp.range.start;
	ioctl(uffd, UFFDIO_WRITEPROTECT, &wp);
}

/* Whether it waits to write there; false: the call has ended instead, or is elsewhere */
static bool comes_to_write(struct traced *t, int uffd)
{
	struct pollfd p = { .fd = uffd, .events = POLLIN };
	u64 end = vmm_now_ns() + 20 * 1000000000ULL;
	struct uffd_msg msg;

	while (vmm_now_ns() < end) {
		if (poll(&p, 1, 1) == 1 &&
		    read(uffd, &msg, sizeof(msg)) == sizeof(msg))
			return true;
		if (waitpid(t->pid, &t->status, WNOHANG | __WALL) == t->pid) {
			if (WIFEXITED(t->status) || WIFSIGNALED(t->status))
				t->pid = 0;
			return false;
		}
	}
	return false;
}

/* Kill it where the kernel is about to write to the argument, stage::nth time */
static bool replying(struct stage *s, struct traced *t)
{
	int pidfd, uffd;
	uint64_t args[6];
	bool waits;
	unsigned int i;

	if (traced_call(t, args) != SYS_ioctl ||
	    args[2] < (uintptr_t)s->stack ||
	    args[2] >= (uintptr_t)s->stack + STACK)
		return false;
	pidfd = syscall(SYS_pidfd_open, t->pid, 0);
	uffd = syscall(SYS_pidfd_getfd, pidfd, s->uffd, 0);
	close(pidfd);
	if (uffd < 0)
		return false;
	hold_up_writes(s, uffd, args[2], true);
	traced_go(t);
	waits = comes_to_write(t, uffd);
	for (i = 1; waits && i < s->nth; i++) {
		hold_up_writes(s, uffd, args[2], false);
		/* Past this one, but not past what takes 20 ms */
		usleep(3000);
		hold_up_writes(s, uffd, args[2], true);
		waits = comes_to_write(t, uffd);
	}
	/* The process's file of it goes with the process; until then it waits */
	close(uffd);
	return waits;
}

/*
 * The ioctl has done its work, and the object is not published yet. VIOMMU_ALLOC
 * writes before it has a VINTF, when it has one, and at its end.
 */
TEST_F_TIMEOUT(life, killed_at_each_reply, TIMEOUT)
{
	struct tally first = {}, second = {};

	self->stage->nth = 1;
	kill_at_each(_metadata, &self->bench, self->stage, watched_stack, 2, replying, &first);
	/* As many as there are ioctls with a reply */
	EXPECT_LE(10, first.in_call);

	self->stage->nth = 2;
	delays(&self->bench.board.unit, 20000, 200, 100);
	kill_at_each(_metadata, &self->bench, self->stage, watched_stack, 2, replying, &second);
	EXPECT_LE(1, second.in_call);
	ksft_print_msg("figure: life_replies %u replies of ioctls that a VMM was killed at\n",
		       first.in_call + second.in_call);
}

/* ---- by a thread of its own */

/* What makes calls all along, with whatever there is of the VM */
static void *second_thread(void *arg)
{
	struct stage *s = arg;
	struct life *l = s->life;

	while (!__atomic_load_n(&s->kill_all, __ATOMIC_ACQUIRE)) {
		/* Far from DESTROY of the vIOMMU, which would find it in use */
		if (l->at >= LIFE_HAS_STAGE1 && l->at < LIFE_BEGUN)
			life_invalidate(l);
		else
			life_hw_info(l);
		__atomic_fetch_add(&s->calls, 1, __ATOMIC_RELAXED);
	}
	syscall(SYS_exit_group, 7);
	return NULL;
}

static int two_threads(void *arg)
{
	struct stage *s = arg;
	pthread_t second;

	life_be_charged();
	if (pthread_create(&second, NULL, second_thread, s))
		return 254;
	traced_begin();
	return life_all(s->life) ? 1 : 0;
}

/* exit_group() in the second thread while the first one is in its call */
static bool by_the_other(struct stage *s, struct traced *t)
{
	__atomic_store_n(&s->kill_all, true, __ATOMIC_RELEASE);
	traced_go(t);
	/* It stays at the call's end, if it comes there first */
	while (waitpid(t->pid, &t->status, __WALL) == t->pid &&
	       WIFSTOPPED(t->status))
		;
	t->pid = 0;
	return WIFEXITED(t->status) && WEXITSTATUS(t->status) == 7;
}

TEST_F_TIMEOUT(life, ended_by_another_thread, TIMEOUT)
{
	struct tally tally = {};

	kill_at_each(_metadata, &self->bench, self->stage, two_threads, 2, by_the_other, &tally);
	/* But for the first one's own exit_group() */
	EXPECT_LE(tally.kills, tally.in_call + 1);
	EXPECT_LT(tally.kills, self->stage->calls);
	ksft_print_msg("figure: life_two_threads %u calls during which another thread ends it\n",
		       tally.kills);
}

TEST_HARNESS_MAIN
