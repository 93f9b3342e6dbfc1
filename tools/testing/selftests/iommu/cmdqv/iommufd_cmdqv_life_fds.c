// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files and mappings of a VM that outlive the process that has made them: inherited by
 * fork(), kept over exec(), passed to another process, waiting in a socket that nobody
 * reads, or in one that nobody can read any more; and closed in every order.
 *
 * The rules:
 *
 *  - A VM belongs to whoever has one of its files or the window, and is what it was for
 *    all of them: queues work on, memory stays pinned, others can't have any of it.
 *  - Nobody gets more of it by that: the window is page 0 of this VINTF.
 *  - When the last one of them is closed or unmapped, however, nothing is left (I12),
 *    and it is known which are "them": see closed_in_every_order.
 *
 * Runs on the emulated board (emulator/grace-vm); skips elsewhere.
 */
#include <sys/socket.h>

#include "life.h"

#define TIMEOUT	240

/* Where each of a VM's files is when a program is executed that keeps them */
#define KEPT_FD	100

FIXTURE(fds)
{
	struct life_bench bench;
};

FIXTURE_SETUP(fds)
{
	bool failed;
	const char *why = life_bench_open(&self->bench, &failed);

	if (why && !failed)
		SKIP(return, "%s", why);
	ASSERT_EQ(NULL, why)
		TH_LOG("%s", why);
	/* Who loses its parent becomes our child */
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
}

FIXTURE_TEARDOWN(fds)
{
	life_bench_teardown(&self->bench);
}

/* ---- owners that end, and keepers that stay */

enum keeper { FORKED, EXECUTED, KEPT, PASSED, IN_FLIGHT };

/**
 * struct estate - what an owner leaves
 * @at: the step of its life that is the last one
 * @how: to whom
 * @socket: to and from the test, where files are passed, and words
 * @keeper: process id of a forked one
 */
struct estate {
	unsigned int at;
	enum keeper how;
	int socket[2];
	pid_t keeper;
};

static void say_to(int fd, char c)
{
	if (write(fd, &c, 1) != 1)
		_exit(240);
}

/* One of ours, within 20 s; 0: nobody says anything */
static char hear_from(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c = 0;

	if (poll(&p, 1, 20000) != 1 || read(fd, &c, 1) != 1)
		return 0;
	return c;
}

static int send_fds(int socket, const int *fds, unsigned int n)
{
	char control[CMSG_SPACE(3 * sizeof(int))] = {};
	struct iovec iov = { .iov_base = "f", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	return sendmsg(socket, &msg, 0) == 1 ? 0 : -errno;
}

/* All files of the VM there are, into a socket */
static int send_files(struct life *l, int socket)
{
	int fds[3] = { l->vm.fd, l->vm.dev.fd, l->events };

	if (l->vm.fd < 0)
		return 0;
	return send_fds(socket, fds, l->events >= 0 ? 3 :
				     l->vm.dev.fd >= 0 ? 2 : 1);
}

/* How many there were; their numbers here go to @fds */
static int receive_files(int socket, int fds[3])
{
	char control[CMSG_SPACE(3 * sizeof(int))];
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;
	int n;

	if (recvmsg(socket, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1)
		return 0;
	c = CMSG_FIRSTHDR(&msg);
	if (!c)
		return 0;
	n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(c), n * sizeof(int));
	return n;
}

/*
 * Queue @i works: a command of its own comes to its end, after what the owner had begun.
 * Of that an ATC_INV may come to nothing, as the vDEVICE has gone.
 */
static int use_queue(struct life *l, unsigned int i)
{
	struct smmu_cmd cmd = cmd_tlbi_nh_va(ASID, IOVA);
	struct vcmdq *q = &l->vm.q[i];
	int rc = life_drain(l, i);

	while (rc == -EIO && !l->vm.vdevice) {
		vcmdq_recover(q);
		rc = life_drain(l, i);
	}
	return rc ?: vcmdq_issue(q, &cmd, 1);
}

static int use_queues(struct life *l)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < l->enabled; i++)
		rc = use_queue(l, i);
	return rc;
}

/* Stays until it is told to use it, then until it is told to go */
static void keep(struct life *l, int socket)
{
	say_to(socket, 'h');
	if (hear_from(socket) == 'u')
		say_to(socket, use_queues(l) ? 'x' : 'k');
	hear_from(socket);
	_exit(0);
}

/*
 * Another program, with what it was not taken away. It has no window, and takes one
 * from the file; guest memory is out of its reach, which the queues' is not.
 */
static void executed(int socket, unsigned long offset, unsigned long size)
{
	bool kept = fcntl(KEPT_FD, F_GETFD) >= 0;
	void *window = MAP_FAILED;

	if (kept && size)
		window = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			      KEPT_FD, offset);
	say_to(socket, 'h');
	if (hear_from(socket) == 'u')
		say_to(socket, kept && size && window == MAP_FAILED ? 'x' : 'k');
	hear_from(socket);
	_exit(0);
}

static void execute(struct life *l, struct estate *e)
{
	char socket[16], offset[32], size[32];

	if (e->how == KEPT && l->vm.fd >= 0 &&
	    dup2(l->vm.fd, KEPT_FD) < 0)
		_exit(241);
	if (e->how == KEPT && l->vm.dev.fd >= 0 &&
	    dup2(l->vm.dev.fd, KEPT_FD + 1) < 0)
		_exit(241);
	snprintf(socket, sizeof(socket), "%d", e->socket[1]);
	snprintf(offset, sizeof(offset), "%llu", (u64)l->vm.window_offset);
	snprintf(size, sizeof(size), "%llu",
		 l->vm.viommu ? (u64)l->vm.window_size : 0);
	execl("/proc/self/exe", "life", "--executed", socket, offset, size,
	      NULL);
	_exit(242);
}

/* Runs before main(), in a program that execute() has begun */
__attribute__((constructor)) static void was_executed(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "--executed"))
		executed(atoi(argv[2]), strtoul(argv[3], NULL, 0),
			 strtoul(argv[4], NULL, 0));
}

/* A step of the owner's; the last one ends it */
static void leave_estate(struct life *l)
{
	struct estate *e = l->arg;
	pid_t keeper;

	if (l->at != e->at)
		return;
	switch (e->how) {
	case FORKED:
		keeper = fork();
		if (keeper < 0)
			_exit(243);
		if (!keeper)
			keep(l, e->socket[1]);
		e->keeper = keeper;
		break;
	case EXECUTED:
	case KEPT:
		execute(l, e);
		break;
	case PASSED:
	case IN_FLIGHT:
		if (send_files(l, e->socket[1]))
			_exit(244);
		break;
	}
	kill(getpid(), SIGKILL);
}

static void owner(struct life *l, struct estate *e)
{
	life_be_charged();
	close(e->socket[0]);
	l->step = leave_estate;
	l->arg = e;
	_exit(life_all(l) ? 1 : 0);
}

FIXTURE_VARIANT(fds)
{
	enum keeper how;
	const char *name;
	const char *what;
};

FIXTURE_VARIANT_ADD(fds, forked)
{
	.how = FORKED,
	.name = "forked",
	.what = "left to a forked process",
};

FIXTURE_VARIANT_ADD(fds, executed)
{
	.how = EXECUTED,
	.name = "executed",
	.what = "closed by exec()",
};

FIXTURE_VARIANT_ADD(fds, kept)
{
	.how = KEPT,
	.name = "kept",
	.what = "kept over exec()",
};

FIXTURE_VARIANT_ADD(fds, passed)
{
	.how = PASSED,
	.name = "passed",
	.what = "passed on",
};

FIXTURE_VARIANT_ADD(fds, in_flight)
{
	.how = IN_FLIGHT,
	.name = "in_flight",
	.what = "left in a socket",
};

static int reap(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ?
		       WEXITSTATUS(status) : -1;
}

/* The VM's own numbers are still there, and only they; @enabled queues work */
static void expect_kept(struct __test_metadata *_metadata,
			struct observer *unit, const struct nothing *nothing,
			const struct life *l)
{
	unsigned int vintf = 0, vmid = 0;
	struct vintf_state s;

	EXPECT_EQ(0, life_numbers(unit, &vintf, &vmid));
	EXPECT_EQ(nothing->vintf, vintf);
	EXPECT_EQ(nothing->vmid, vmid);
	ASSERT_EQ(0, observer_vintf(unit, vintf, &s));
	EXPECT_TRUE(s.enabled);
	EXPECT_FALSE(s.hyp_own);
	EXPECT_EQ(l->vm.queues, s.lvcmdqs);
	EXPECT_LT(nothing->pinned, pages_pinned());
}

/* The owner, or who has taken its place, is where it should be; false: it lived on */
static bool has_left(struct __test_metadata *_metadata, struct life *l,
		     struct estate *e, pid_t owner)
{
	int status;

	if (e->how == EXECUTED || e->how == KEPT)
		e->keeper = owner;
	else
		EXPECT_EQ(owner, waitpid(owner, &status, 0));
	if (e->how > KEPT)
		return l->at == e->at;
	if (hear_from(e->socket[0]) == 'h')
		return true;
	if (e->keeper == owner)
		EXPECT_EQ(owner, waitpid(owner, &status, 0));
	return false;
}

/* Who has the file has the window, and no more than that */
static void expect_window(struct __test_metadata *_metadata, struct life *l,
			  int fd)
{
	void *p = mmap(NULL, l->vm.window_size, PROT_READ | PROT_WRITE,
		       MAP_SHARED, fd, l->vm.window_offset);

	ASSERT_NE(MAP_FAILED, p);
	if (l->enabled)
		EXPECT_EQ(VCMDQ_EN, mmio_read32(p, VCMDQ_STATUS) & VCMDQ_EN);
	munmap(p, l->vm.window_size);
	EXPECT_EQ(-ENXIO, _test_cmd_mmap(fd, l->vm.window_offset +
					 l->vm.window_size, l->vm.window_size,
					 PROT_READ, MAP_SHARED));
}

/* After each step of its life, an owner leaves its VM to a keeper, and that ends */
TEST_F_TIMEOUT(fds, left_after_each_step, TIMEOUT)
{
	bool talks = variant->how <= KEPT, has_vintf;
	struct observer *unit = &self->bench.board.unit;
	struct life *l = self->bench.life;
	int fds[3], files, i;
	struct estate *e;
	const char *left;
	unsigned int n;
	pid_t pid;

	e = mmap(NULL, sizeof(*e), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, e);
	for (n = 1; n < 100; n++) {
		life_renew(l);
		*e = (struct estate){ .at = n, .how = variant->how };
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, e->socket));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			owner(l, e);
		close(e->socket[1]);
		if (!has_left(_metadata, l, e, pid))
			break;
		has_vintf = l->vm.viommu && variant->how != EXECUTED;
		files = variant->how == PASSED ?
				receive_files(e->socket[0], fds) : 0;
		if (has_vintf)
			expect_kept(_metadata, unit, &self->bench.nothing, l);
		if (has_vintf && talks) {
			say_to(e->socket[0], 'u');
			EXPECT_EQ('k', hear_from(e->socket[0]))
				TH_LOG("after step %u", n);
		}
		if (has_vintf && variant->how == PASSED) {
			ASSERT_LE(2, files);
			expect_window(_metadata, l, fds[0]);
		}
		if (variant->how == EXECUTED) {
			left = life_left(&self->bench.board, &self->bench.nothing);
			EXPECT_EQ(NULL, left)
				TH_LOG("after step %u and exec(): %s", n, left);
		}

		for (i = 0; i < files; i++)
			close(fds[i]);
		close(e->socket[0]);
		if (talks)
			EXPECT_EQ(0, reap(e->keeper));
		left = life_left(&self->bench.board, &self->bench.nothing);
		ASSERT_EQ(NULL, left)
			TH_LOG("step %u, %s: %s", n, variant->what, left);
	}
	/* All but the last one, which is the whole life */
	EXPECT_LT(LIFE_BEGUN, n);
	EXPECT_EQ(l->at, n - 1);
	close(e->socket[0]);
	ksft_print_msg("figure: life_%s %u steps of a VMM, each the last before its VM was %s\n",
		       variant->name, n - 1, variant->what);
}

/* ---- one process */

FIXTURE(own)
{
	struct life_bench bench;
};

FIXTURE_SETUP(own)
{
	bool failed;
	const char *why = life_bench_open(&self->bench, &failed);

	if (why && !failed)
		SKIP(return, "%s", why);
	ASSERT_EQ(NULL, why)
		TH_LOG("%s", why);
}

FIXTURE_TEARDOWN(own)
{
	life_bench_teardown(&self->bench);
}

/* What a VM can be held by */
enum hold { IOMMUFD, DEVICE, BAR, WINDOW, EVENTS, NUM_HOLDS };

static void let_go(struct life *l, enum hold hold)
{
	switch (hold) {
	case IOMMUFD:
		close(l->vm.fd);
		break;
	case DEVICE:
		close(l->vm.dev.fd);
		break;
	case BAR:
		munmap(l->vm.dev.bar, l->vm.dev.bar_size);
		break;
	case WINDOW:
		munmap(l->vm.window, l->vm.window_size);
		l->enabled = 0;
		break;
	case EVENTS:
		close(l->events);
		break;
	default:
		break;
	}
}

/* The @nr'th order of all holds, of NUM_HOLDS! */
static void nth_order(unsigned int nr, enum hold order[NUM_HOLDS])
{
	unsigned int i, j, left = NUM_HOLDS;
	enum hold all[NUM_HOLDS];

	for (i = 0; i < NUM_HOLDS; i++)
		all[i] = i;
	for (i = 0; i < NUM_HOLDS; i++, left--) {
		j = nr % left;
		nr /= left;
		order[i] = all[j];
		all[j] = all[left - 1];
	}
}

static int guest_queues_mapped(struct observer *unit)
{
	const char *r = observer_run(unit, "state");
	int n = 0;

	for (; r && (r = record_find(r, "vcmdq")); ) {
		n += record_value(r, "allocated") && record_value(r, "vintf");
		r = record_next(r);
		if (!r)
			break;
	}
	return n;
}

/*
 * A VM's VINTF and queues are there, and work, as long as anything holds the iommufd:
 * file, device, device memory, window, or events. Its StreamID is there as long as
 * anything holds the device. No command of a queue without a StreamID names one.
 */
static void expect_held(struct __test_metadata *_metadata,
			struct observer *unit, struct life *l,
			unsigned int held, unsigned int nr)
{
	unsigned int vintf, vmid, i;
	bool device = held & (1u << DEVICE | 1u << BAR);

	EXPECT_EQ(held ? 0 : -ENOENT, life_numbers(unit, &vintf, &vmid))
		TH_LOG("order %u, held %#x", nr, held);
	EXPECT_EQ(held ? 2 : 0, guest_queues_mapped(unit));
	EXPECT_EQ(device, state_records(unit, "sid"));
	for (i = 0; i < l->enabled; i++) {
		EXPECT_EQ(0, use_queue(l, i))
			TH_LOG("order %u, held %#x: queue %u", nr, held, i);
		EXPECT_EQ(device ? 0 : -EIO,
			  vcmdq_issue(&l->vm.q[i], (struct smmu_cmd[]){
				      cmd_atc_inv(VSID, 0, 52) }, 1));
		if (!device)
			vcmdq_recover(&l->vm.q[i]);
	}
}

TEST_F_TIMEOUT(own, closed_in_every_order, TIMEOUT)
{
	struct observer *unit = &self->bench.board.unit;
	struct life *l = self->bench.life;
	enum hold order[NUM_HOLDS];
	/* Some of them where everything takes several times longer than usual */
	unsigned int nr, i, held, by = getenv("BOARD_SLOW") ? 7 : 1;
	const char *left;

	for (nr = 0; nr < 120; nr += by) {
		life_renew(l);
		ASSERT_EQ(0, life_begin(l));
		nth_order(nr, order);
		held = (1u << NUM_HOLDS) - 1;
		/* ATC_INVs that are under way would fail without the device */
		for (i = 0; i < l->enabled; i++)
			ASSERT_EQ(0, life_drain(l, i));
		for (i = 0; i < NUM_HOLDS; i++) {
			let_go(l, order[i]);
			held &= ~(1u << order[i]);
			expect_held(_metadata, unit, l, held, nr);
		}
		vm_forget(&l->vm);
		left = life_left(&self->bench.board, &self->bench.nothing);
		ASSERT_EQ(NULL, left)
			TH_LOG("order %u: %s", nr, left);
	}
	ksft_print_msg("figure: life_orders %u orders of letting go of a VM's files and mappings\n",
		       (nr + by - 1) / by);
}

/*
 * A socket that holds itself and the VM: nobody can reach either any more. The kernel
 * looks for such sockets when anybody closes one. Until then the VM counts against its
 * user (EDQUOT), so that nobody hides VINTFs there.
 */
TEST_F_TIMEOUT(own, in_a_lost_socket, TIMEOUT)
{
	double end = vmm_now_ns() / 1e9 + 20;
	struct life *l = self->bench.life;
	const char *left;
	int socket[2];

	ASSERT_EQ(0, life_begin(l));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, socket));
	ASSERT_EQ(0, send_files(l, socket[0]));
	ASSERT_EQ(0, send_fds(socket[0], &socket[1], 1));
	ASSERT_EQ(0, send_fds(socket[1], &socket[0], 1));
	close(l->vm.fd);
	vfio_close(&l->vm.dev);
	close(l->events);
	munmap(l->vm.window, l->vm.window_size);
	close(socket[0]);
	close(socket[1]);
	expect_kept(_metadata, &self->bench.board.unit, &self->bench.nothing, l);
	vm_forget(&l->vm);
	do {
		/* Any other one */
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, socket));
		close(socket[0]);
		close(socket[1]);
		left = life_left(&self->bench.board, &self->bench.nothing);
	} while (left && !usleep(10000) && vmm_now_ns() / 1e9 < end);
	EXPECT_EQ(NULL, left)
		TH_LOG("%s", left);
}

/* A VMM that forks can keep the window to itself, as it can any memory */
TEST_F(own, window_not_for_children)
{
	struct life *l = self->bench.life;
	pid_t pid;

	ASSERT_EQ(0, life_begin(l));
	ASSERT_EQ(0, madvise(l->vm.window, l->vm.window_size, MADV_DONTFORK));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		mmio_read32(l->vm.window, VCMDQ_STATUS);
		_exit(0);
	}
	/* SIGSEGV */
	EXPECT_EQ(-1, reap(pid));
	EXPECT_EQ(0, use_queue(l, 0));
	EXPECT_EQ(0, life_end(l))
		TH_LOG("after step %u: %d", l->at, l->failed);
	EXPECT_EQ(NULL, life_left(&self->bench.board, &self->bench.nothing));
}

TEST_HARNESS_MAIN
