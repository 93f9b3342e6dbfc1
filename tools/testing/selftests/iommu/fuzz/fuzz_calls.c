// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What programs can call beside ioctls: what else a process can do with its memory, its
 * files and itself meanwhile. Each has the values of its arguments as fuzz_kinds.c lists
 * them and returns 0 or a negative errno.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "fuzz_calls.h"

static int result(long rc)
{
	return rc < 0 ? -errno : 0;
}

/* The slot of the call's argument of @class, which it has */
static u8 out_slot(struct fuzz_thread *t, enum fuzz_class class)
{
	const struct fuzz_kind *kind = &fuzz_kinds[t->now->kind];
	unsigned int i;

	for (i = 0; i < FUZZ_ARGS && kind->arg[i].class != class; i++)
		;
	return t->now->arg[i].slot;
}

static int yield_fd(struct fuzz_thread *t, int fd)
{
	if (fd < 0)
		return -errno;
	__atomic_store_n(&t->run->fd[out_slot(t, C_OUT_FD)], fd, __ATOMIC_RELAXED);
	return 0;
}

static void yield_map(struct fuzz_thread *t, u64 at, u64 size)
{
	u8 slot = out_slot(t, C_OUT_MAP);

	__atomic_store_n(&t->run->map_size[slot], size, __ATOMIC_RELAXED);
	__atomic_store_n(&t->run->map[slot], at, __ATOMIC_RELAXED);
}

/* ---- files */

int call_open(struct fuzz_thread *t, const u64 *v)
{
	return yield_fd(t, open("/dev/iommu", O_RDWR | O_CLOEXEC));
}

int call_close(struct fuzz_thread *t, const u64 *v)
{
	/* Standard error and what the process itself needs is not a program's */
	if ((int)v[0] <= 2)
		return -EBADF;
	return result(close(v[0]));
}

int call_dup(struct fuzz_thread *t, const u64 *v)
{
	return yield_fd(t, fcntl(v[0], F_DUPFD_CLOEXEC, 3));
}

/*
 * VFIO's files are a device's registers, by bytes if somebody wants that. Few devices
 * allow it, edu does not, and what comes of it is an external abort in the host: what
 * VFIO lets its user do to the host's bus isn't what this is about.
 */
static bool is_device(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISCHR(st.st_mode);
}

int call_read(struct fuzz_thread *t, const u64 *v)
{
	struct pollfd p = { .fd = v[0], .events = POLLIN };

	if (is_device(v[0]))
		return -EINVAL;

	/* A fault's fd waits for ever, and nothing else that is read does */
	if (poll(&p, 1, 1) < 0)
		return -errno;
	if (!(p.revents & POLLIN))
		return -EAGAIN;
	return result(read(v[0], (void *)v[1], v[2]));
}

int call_write(struct fuzz_thread *t, const u64 *v)
{
	if (is_device(v[0]))
		return -EINVAL;
	return result(write(v[0], (void *)v[1], v[2]));
}

int call_poll(struct fuzz_thread *t, const u64 *v)
{
	struct pollfd p = { .fd = v[0], .events = POLLIN | POLLOUT };

	return result(poll(&p, 1, 1));
}

int call_ftruncate(struct fuzz_thread *t, const u64 *v)
{
	return result(ftruncate(v[0], v[1]));
}

int call_punch(struct fuzz_thread *t, const u64 *v)
{
	return result(fallocate(v[0], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				v[1], v[2]));
}

/* ---- windows */

int call_mmap(struct fuzz_thread *t, const u64 *v)
{
	void *p = mmap(NULL, v[2], v[3], v[4], v[0], v[1]);

	if (p == MAP_FAILED)
		return -errno;
	yield_map(t, (u64)p, v[2]);
	return 0;
}

/* Nothing but what mmap() has yielded: the rest of the process is not a program's */
static bool in_map(struct fuzz_thread *t, u64 at, u64 len)
{
	struct fuzz_run *run = t->run;
	unsigned int i;

	for (i = 0; i < FUZZ_MAPS; i++)
		if (run->map[i] && at >= run->map[i] && len <= run->map_size[i] &&
		    at - run->map[i] <= run->map_size[i] - len)
			return true;
	return false;
}

int call_munmap(struct fuzz_thread *t, const u64 *v)
{
	if (!in_map(t, v[0], v[1]))
		return -EINVAL;
	return result(munmap((void *)v[0], v[1]));
}

int call_mremap(struct fuzz_thread *t, const u64 *v)
{
	void *p;

	if (!in_map(t, v[0], v[1]))
		return -EINVAL;
	p = mremap((void *)v[0], v[1], v[2], MREMAP_MAYMOVE);
	if (p == MAP_FAILED)
		return -errno;
	yield_map(t, (u64)p, v[2]);
	return 0;
}

int call_protect_map(struct fuzz_thread *t, const u64 *v)
{
	if (!in_map(t, v[0], v[1]))
		return -EINVAL;
	return result(mprotect((void *)v[0], v[1], v[2]));
}

int call_advise_map(struct fuzz_thread *t, const u64 *v)
{
	if (!in_map(t, v[0], v[1]))
		return -EINVAL;
	return result(madvise((void *)v[0], v[1], v[2]));
}

int call_poke(struct fuzz_thread *t, const u64 *v)
{
	u32 value = v[1];

	if (!in_map(t, v[0], sizeof(value)) || v[0] % sizeof(value))
		return -EINVAL;
	return fuzz_poke(v[0], &value, sizeof(value)) ? 0 : -EFAULT;
}

int call_peek(struct fuzz_thread *t, const u64 *v)
{
	u32 value;

	if (!in_map(t, v[0], sizeof(value)) || v[0] % sizeof(value))
		return -EINVAL;
	return fuzz_peek(&value, v[0], sizeof(value)) ? 0 : -EFAULT;
}

/* ---- memory that calls find their structures, data and pages in */

/* Part of an area, not of the rest of the process: its bytes from @at, at most @len */
static u64 in_area(u64 at, u64 len)
{
	unsigned int i;
	u64 start, size;

	for (i = 0; i < FUZZ_AREAS; i++) {
		start = fuzz_area_at(i);
		size = fuzz_area_size(i);
		if (at >= start && at < start + size)
			return len < start + size - at ? len : start + size - at;
	}
	return 0;
}

int call_store(struct fuzz_thread *t, const u64 *v)
{
	return fuzz_area_write(t->run, v[0], &v[1], 16) ? 0 : -EFAULT;
}

/* A word changes back and forth while others call */
int call_flip(struct fuzz_thread *t, const u64 *v)
{
	unsigned int i;

	for (i = 0; i < 200; i++)
		if (!fuzz_area_write(t->run, v[0], &v[1 + i % 2], 8))
			return -EFAULT;
	return 0;
}

int call_unmap_area(struct fuzz_thread *t, const u64 *v)
{
	u64 len = in_area(v[0], v[1]);

	return len ? result(munmap((void *)v[0], len)) : -EINVAL;
}

int call_map_area(struct fuzz_thread *t, const u64 *v)
{
	u64 len = in_area(v[0], v[1]);
	void *p;

	if (!len)
		return -EINVAL;
	p = mmap((void *)v[0], len, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	return p == MAP_FAILED ? -errno : 0;
}

int call_protect_area(struct fuzz_thread *t, const u64 *v)
{
	u64 len = in_area(v[0], v[1]);

	return len ? result(mprotect((void *)v[0], len, v[2])) : -EINVAL;
}

int call_advise_area(struct fuzz_thread *t, const u64 *v)
{
	u64 len = in_area(v[0], v[1]);

	return len ? result(madvise((void *)v[0], len, v[2])) : -EINVAL;
}

/* ---- the process */

/* Of a program: more take time and show nothing */
#define FORKS	8

enum fork_mode { FORK_EXIT, FORK_HOLD, FORK_CLOSE, FORK_TOUCH, FORK_KILL };

int call_fork(struct fuzz_thread *t, const u64 *v)
{
	struct fuzz_run *run = t->run;
	unsigned int i;
	u32 value;
	pid_t pid;

	if (__atomic_add_fetch(&run->forks, 1, __ATOMIC_RELAXED) > FORKS)
		return -EAGAIN;
	pid = fork();
	if (pid)
		return result(pid);
	/* Only what is safe in the only thread of a copy of several */
	switch (v[0]) {
	case FORK_CLOSE:
		for (i = 0; i < FUZZ_FDS; i++)
			close(run->fd[i]);
		break;
	case FORK_TOUCH:
		for (i = 0; i < FUZZ_MAPS; i++)
			fuzz_peek(&value, run->map[i], sizeof(value));
		break;
	case FORK_KILL:
		kill(getpid(), SIGKILL);
		break;
	}
	if (v[0] != FORK_EXIT)
		usleep(v[1] > 100000 ? 100000 : v[1]);
	_exit(0);
}

int call_signal(struct fuzz_thread *t, const u64 *v)
{
	struct fuzz_thread *to = t->run->thread[v[0] % FUZZ_THREADS];

	if (!to)
		return -ESRCH;
	/* It may be over, but has not been joined */
	return -pthread_kill(__atomic_load_n(&to->id, __ATOMIC_ACQUIRE) ?: pthread_self(),
			     SIGUSR1);
}

int call_kill(struct fuzz_thread *t, const u64 *v)
{
	return result(kill(getpid(), SIGKILL));
}

int call_nap(struct fuzz_thread *t, const u64 *v)
{
	usleep(v[0] > 100000 ? 100000 : v[0]);
	return 0;
}

/* Wait for the others to come to as many of these, but not for long */
int call_meet(struct fuzz_thread *t, const u64 *v)
{
	unsigned int *arrived = &t->run->arrived[t->barriers++ % FUZZ_CALLS];
	unsigned int i;

	__atomic_add_fetch(arrived, 1, __ATOMIC_ACQ_REL);
	for (i = 0; i < 50; i++) {
		if (__atomic_load_n(arrived, __ATOMIC_ACQUIRE) >= t->run->n_threads)
			return 0;
		usleep(200);
	}
	return -ETIMEDOUT;
}

int call_vfio_open(struct fuzz_thread *t, const u64 *v)
{
	return yield_fd(t, fuzz_vfio_open(v[0]));
}

/* As above: registers of BAR 0 by words, or the PCI command register */
int call_region(struct fuzz_thread *t, const u64 *v)
{
	u64 at = v[1] >> 40 ? (u64)VFIO_PCI_CONFIG_REGION_INDEX << 40 | PCI_COMMAND :
			      v[1] & 0xffc;

	return result(pwrite(v[0], &v[2], v[1] >> 40 ? 2 : 4, at));
}
