// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Programs run. The process that runs one has its threads, signals and memory; this one
 * waits until all of it has gone, its children included, or kills it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

/* Seconds that a program has, and that it takes to go away when it is killed */
#define LIFE	10
#define DEATH	100

static struct fuzz_tally *tally;
static enum fuzz_target target;

unsigned int fuzz_slow(void)
{
	const char *slow = getenv("BOARD_SLOW");
	int n = slow ? atoi(slow) : 1;

	return n > 1 ? n : 1;
}

struct fuzz_tally *fuzz_run_init(enum fuzz_target of)
{
	sigset_t set;

	target = of;
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tally == MAP_FAILED)
		return NULL;
	/* Those whose parents are dead come to us */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return tally;
}

void fuzz_run_switch(enum fuzz_target to, struct fuzz_tally *its)
{
	target = to;
	tally = its;
}

static void count(u64 *n)
{
	__atomic_add_fetch(n, 1, __ATOMIC_RELAXED);
}

/* ---- memory accesses that may fail */

static __thread sigjmp_buf fault;
static __thread bool faults;

static void on_fault(int sig)
{
	if (!faults)
		_exit(1);
	faults = false;
	count(&tally->faults);
	siglongjmp(fault, 1);
}

static void on_signal(int sig)
{
}

static bool copy(void *to, const void *from, size_t len)
{
	if (sigsetjmp(fault, 0))
		return false;
	__atomic_store_n(&faults, true, __ATOMIC_SEQ_CST);
	/* Registers must be accessed as such, by words */
	if (len == 4)
		__atomic_store_n((u32 *)to, __atomic_load_n((const u32 *)from,
							    __ATOMIC_RELAXED),
				 __ATOMIC_RELAXED);
	else
		memcpy(to, from, len);
	__atomic_store_n(&faults, false, __ATOMIC_SEQ_CST);
	return true;
}

bool fuzz_peek(void *to, u64 from, size_t len)
{
	return copy(to, (const void *)from, len);
}

bool fuzz_poke(u64 to, const void *from, size_t len)
{
	return copy((void *)to, from, len);
}

bool fuzz_area_write(struct fuzz_run *run, u64 to, const void *from, size_t len)
{
	unsigned int i;
	u64 at;

	for (i = 0; i < FUZZ_AREAS; i++) {
		at = fuzz_area_at(i);
		if (run->memory.alias[i] && to >= at && to + len <= at + FUZZ_AREA_SIZE)
			return copy(run->memory.alias[i] + (to - at), from, len);
		if (to >= at && to + len <= at + fuzz_area_size(i))
			return copy((void *)to, from, len);
	}
	/* Nothing outside of the areas is a program's */
	return false;
}

static void *stall_thread(void *arg)
{
	struct fuzz_run *run = arg;
	struct uffd_msg msg;

	for (;;) {
		struct uffdio_copy c = { .len = 0x1000 };
		ssize_t n = read(run->memory.uffd, &msg, sizeof(msg));

		if (n < 0 && errno == EINTR)
			continue;
		if (n != sizeof(msg))
			break;
		if (msg.event != UFFD_EVENT_PAGEFAULT)
			continue;
		c.dst = msg.arg.pagefault.address & ~0xfffULL;
		c.src = (u64)run->memory.alias[A_STALL] + (c.dst - fuzz_area_at(A_STALL));
		usleep(1000);
		if (ioctl(run->memory.uffd, UFFDIO_COPY, &c)) {
			struct uffdio_range range = { c.dst, c.len };

			ioctl(run->memory.uffd, UFFDIO_WAKE, &range);
		}
	}
	return NULL;
}

/* ---- a call */

static u64 value_of(struct fuzz_run *run, const struct fuzz_value *v)
{
	switch (v->kind) {
	case V_OBJECT:
		return __atomic_load_n(&run->object[v->slot], __ATOMIC_RELAXED);
	case V_FD:
		return (u32)__atomic_load_n(&run->fd[v->slot], __ATOMIC_RELAXED);
	case V_WINDOW:
		return __atomic_load_n(&run->window[v->slot], __ATOMIC_RELAXED);
	case V_MAP:
		return __atomic_load_n(&run->map[v->slot], __ATOMIC_RELAXED) + v->number;
	case V_AREA:
		return fuzz_area_at(v->slot) + v->number;
	default:
		return v->number;
	}
}

/* What the ioctl has yielded, out of its structure or, windows, of its data */
static void take_results(struct fuzz_thread *t, const struct fuzz_call *call,
			 u64 structure, u64 data)
{
	const struct fuzz_kind *kind = &fuzz_kinds[call->kind];
	struct fuzz_run *run = t->run;
	unsigned int i;

	for (i = 0; i < FUZZ_ARGS && kind->arg[i].class; i++) {
		const struct fuzz_arg *arg = &kind->arg[i];
		u8 slot = call->arg[i].slot;
		u64 offset;
		u32 id;

		if (arg->class == C_OUT_WINDOW) {
			if (fuzz_peek(&offset, data + arg->at, sizeof(offset)))
				__atomic_store_n(&run->window[slot], offset, __ATOMIC_RELAXED);
			continue;
		}
		if (arg->class < C_OUT_OBJECT || !fuzz_peek(&id, structure + arg->at, 4))
			continue;
		if (arg->class == C_OUT_OBJECT)
			__atomic_store_n(&run->object[slot], id, __ATOMIC_RELAXED);
		else
			__atomic_store_n(&run->fd[slot], (int)id, __ATOMIC_RELAXED);
	}
}

#define STRUCTURE	4096

static int make_ioctl(struct fuzz_thread *t, const struct fuzz_call *call, const u64 *values,
		      u64 data)
{
	const struct fuzz_kind *kind = &fuzz_kinds[call->kind];
	static __thread u64 words[STRUCTURE / sizeof(u64)];
	char *buffer = (char *)words;
	u32 size = call->size ?: kind->size;
	void *at = buffer;
	unsigned int i;
	u64 where;

	memset(words, 0, sizeof(words));
	memcpy(buffer, &size, sizeof(size));
	if (kind->op)
		buffer[4] = kind->op;
	for (i = 0; i < FUZZ_ARGS && kind->arg[i].class; i++)
		if (kind->arg[i].class < C_DATA && kind->arg[i].at)
			memcpy(buffer + kind->arg[i].at, &values[i], kind->arg[i].width);
	if (call->where.kind == V_AREA) {
		where = value_of(t->run, &call->where);
		fuzz_area_write(t->run, where, buffer, kind->size);
		at = (void *)where;
	}
	if (ioctl(values[0], kind->cmd, at) < 0)
		return -errno;
	take_results(t, call, (u64)at, data);
	return 0;
}

static void arm(struct fuzz_thread *t, unsigned int nth)
{
	char text[8];
	int len = snprintf(text, sizeof(text), "%u", nth);

	if (t->fail_nth < 0) {
		int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);

		if (fd < 0)
			return;
		t->fail_nth = fcntl(fd, F_DUPFD_CLOEXEC, 300);
		close(fd);
	}
	if (pwrite(t->fail_nth, text, len, 0) == len && nth)
		count(&tally->failed_allocations);
}

static int make_call(struct fuzz_thread *t, const struct fuzz_call *call)
{
	const struct fuzz_kind *kind = &fuzz_kinds[call->kind];
	u64 values[FUZZ_ARGS], data = 0;
	unsigned int i;
	int rc;

	for (i = 0; i < FUZZ_ARGS && kind->arg[i].class; i++) {
		values[i] = value_of(t->run, &call->arg[i]);
		if (kind->arg[i].class == C_ADDRESS)
			data = values[i];
		if (kind->arg[i].class == C_DATA)
			fuzz_area_write(t->run, data + kind->arg[i].at, &values[i], 8);
	}
	t->now = call;
	count(&tally->calls);
	count(&tally->by_kind[call->kind]);
	if (call->nth)
		arm(t, call->nth);
	rc = kind->cmd ? make_ioctl(t, call, values, data) : kind->call(t, values);
	if (call->nth)
		arm(t, 0);
	if (!rc)
		count(&tally->worked[call->kind]);
	return rc;
}

/* ---- its threads */

static void *run_thread(void *arg)
{
	struct fuzz_thread *t = arg;
	const struct fuzz_program *p = t->run->p;
	unsigned int i, times;

	__atomic_store_n(&t->id, pthread_self(), __ATOMIC_RELEASE);
	fuzz_cover_enable(t->run->cover, t->nr);
	for (i = 0; i < p->n; i++) {
		if (p->call[i].thread != t->nr)
			continue;
		for (times = 0; times < p->call[i].times; times++)
			make_call(t, &p->call[i]);
	}
	fuzz_cover_disable(t->run->cover, t->nr);
	return NULL;
}

static bool uses_stall(const struct fuzz_program *p)
{
	unsigned int i, j;

	for (i = 0; i < p->n; i++) {
		if (p->call[i].where.kind == V_AREA && p->call[i].where.slot == A_STALL)
			return true;
		for (j = 0; j < FUZZ_ARGS; j++)
			if (p->call[i].arg[j].kind == V_AREA &&
			    p->call[i].arg[j].slot == A_STALL)
				return true;
	}
	return false;
}

static void set_up_process(const struct fuzz_program *p)
{
	struct rlimit none = {};
	int null;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &none);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	/* What the fuzzer itself has open is not the program's; KCOV stays */
	syscall(SYS_close_range, 3, 299, 0);
}

static void set_up_signals(void)
{
	struct sigaction on = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	sigset_t none;

	sigaction(SIGSEGV, &on, NULL);
	sigaction(SIGBUS, &on, NULL);
	on.sa_handler = on_signal;
	on.sa_flags = 0;
	sigaction(SIGUSR1, &on, NULL);
	sigaction(SIGALRM, &on, NULL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Everything away in an order of our own, so that it is executed under KCOV */
static void tear_down(struct fuzz_run *run)
{
	unsigned int i;

	for (i = 0; i < FUZZ_MAPS; i++)
		if (run->map[i])
			munmap((void *)run->map[i], run->map_size[i]);
	for (i = FUZZ_FDS; i--; )
		if (run->fd[i] > 2)
			close(run->fd[i]);
}

/* Doesn't return */
static void run_process(const struct fuzz_program *p, struct fuzz_cover *cover)
{
	static struct fuzz_run run;
	static struct fuzz_thread threads[FUZZ_THREADS];
	pthread_t ids[FUZZ_THREADS], stall;
	unsigned int i, j;

	set_up_process(p);
	set_up_signals();
	run.p = p;
	run.target = target;
	run.tally = tally;
	run.cover = cover;
	if (fuzz_memory_init(&run.memory))
		_exit(2);
	for (i = 0; i < FUZZ_FDS; i++)
		run.fd[i] = -1;
	run.fd[0] = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	run.fd[1] = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	run.fd[FUZZ_FDS - 2] = run.memory.memfd[0];
	run.fd[FUZZ_FDS - 1] = run.memory.memfd[1];
	if (run.memory.uffd >= 0 && uses_stall(p))
		pthread_create(&stall, NULL, stall_thread, &run);
	for (i = 0; i < FUZZ_THREADS; i++) {
		for (j = 0; j < p->n && p->call[j].thread != i; j++)
			;
		if (j == p->n)
			continue;
		threads[i] = (struct fuzz_thread){ .run = &run, .nr = i, .fail_nth = -1 };
		run.thread[i] = &threads[i];
		run.n_threads++;
	}
	if (p->alarm) {
		struct itimerval every = {
			.it_interval.tv_usec = p->alarm, .it_value.tv_usec = p->alarm,
		};

		setitimer(ITIMER_REAL, &every, NULL);
	}
	for (i = 0; i < FUZZ_THREADS; i++)
		if (run.thread[i] && pthread_create(&ids[i], NULL, run_thread, &threads[i]))
			_exit(2);
	for (i = 0; i < FUZZ_THREADS; i++)
		if (run.thread[i])
			pthread_join(ids[i], NULL);
	fuzz_cover_enable(cover, FUZZ_THREADS);
	tear_down(&run);
	fuzz_cover_disable(cover, FUZZ_THREADS);
	_exit(0);
}

/* ---- the process, from outside */

static u64 now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000;
}

/* Until @pid (-1: all) has ended; false: not before @end */
static bool wait_for(pid_t pid, u64 end)
{
	struct timespec ts;
	sigset_t set;
	pid_t got;
	u64 now;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (;;) {
		got = waitpid(-1, NULL, WNOHANG);
		if (got < 0 || got == pid)
			return true;
		if (got > 0)
			continue;
		now = now_us();
		if (now >= end)
			return false;
		ts.tv_sec = (end - now) / 1000000;
		ts.tv_nsec = (end - now) % 1000000 * 1000;
		sigtimedwait(&set, NULL, &ts);
	}
}

int fuzz_run(const struct fuzz_program *p, struct fuzz_cover *cover)
{
	/* The caller's may be where only the caller sees it */
	static struct fuzz_program now_run;
	u64 start = now_us();
	pid_t pid;

	now_run = *p;
	if (cover)
		fuzz_cover_clear(cover);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		run_process(&now_run, cover);
	/* Its children are to be in the group, whoever comes first */
	setpgid(pid, pid);
	wait_for(pid, start + (p->die ?: LIFE * 1000000ULL * fuzz_slow()));
	kill(-pid, SIGKILL);
	return wait_for(-1, now_us() + DEATH * 1000000ULL * fuzz_slow()) ? 0 : -ETIMEDOUT;
}
