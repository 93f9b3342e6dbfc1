/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An ioctl that is stopped where it writes its reply: its argument is
 * write-protected with userfaultfd, so that the kernel waits there, everything
 * being done but the publication of the new object. Then it is let go on, to
 * success or to EFAULT.
 */
#ifndef VMM_STALL_H
#define VMM_STALL_H

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/**
 * struct stall - an ioctl that is stopped where it writes its reply
 * @uffd: who stops it
 * @arg: its argument, a page of its own
 * @fd: the iommufd
 * @cmd: the ioctl
 * @thread: who calls it
 * @rc: what it has returned: 0 or a negative errno
 */
struct stall {
	int uffd;
	void *arg;
	int fd;
	unsigned long cmd;
	pthread_t thread;
	int rc;
};

static inline void stall_protect(struct stall *s, bool protect)
{
	struct uffdio_writeprotect wp = {
		.range = { .start = (uintptr_t)s->arg, .len = getpagesize() },
		.mode = protect ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	ioctl(s->uffd, UFFDIO_WRITEPROTECT, &wp);
}

/* 0, or -EOPNOTSUPP if the kernel has no userfaultfd that can do it */
static inline int stall_init(struct stall *s)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP,
	};
	struct uffdio_register reg = {
		.mode = UFFDIO_REGISTER_MODE_WP,
	};

	s->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (s->uffd < 0)
		return -EOPNOTSUPP;
	s->arg = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->arg == MAP_FAILED) {
		close(s->uffd);
		return -ENOMEM;
	}
	memset(s->arg, 0, getpagesize());
	reg.range.start = (uintptr_t)s->arg;
	reg.range.len = getpagesize();
	if (ioctl(s->uffd, UFFDIO_API, &api) ||
	    ioctl(s->uffd, UFFDIO_REGISTER, &reg)) {
		close(s->uffd);
		munmap(s->arg, getpagesize());
		return -EOPNOTSUPP;
	}
	return 0;
}

static inline void stall_exit(struct stall *s)
{
	close(s->uffd);
	munmap(s->arg, getpagesize());
}

static inline void *stall_thread(void *arg)
{
	struct stall *s = arg;

	s->rc = ioctl(s->fd, s->cmd, s->arg) ? -errno : 0;
	return NULL;
}

/* Start the ioctl, return when it waits: 0, or -1 if it ended without waiting */
static inline int stall_begin(struct stall *s, int fd, unsigned long cmd)
{
	struct pollfd p = { .fd = s->uffd, .events = POLLIN };
	struct uffd_msg msg;

	s->fd = fd;
	s->cmd = cmd;
	stall_protect(s, true);
	if (pthread_create(&s->thread, NULL, stall_thread, s))
		return -1;
	if (poll(&p, 1, 10000) != 1 ||
	    read(s->uffd, &msg, sizeof(msg)) != sizeof(msg)) {
		stall_protect(s, false);
		pthread_join(s->thread, NULL);
		return -1;
	}
	return 0;
}

/* Let it go on, to success or to EFAULT, and return what it has returned */
static inline int stall_end(struct stall *s, bool succeed)
{
	if (!succeed)
		mprotect(s->arg, getpagesize(), PROT_READ);
	stall_protect(s, false);
	pthread_join(s->thread, NULL);
	mprotect(s->arg, getpagesize(), PROT_READ | PROT_WRITE);
	return s->rc;
}

#endif
