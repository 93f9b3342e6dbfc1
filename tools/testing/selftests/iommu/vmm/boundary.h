/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that stops where its system calls begin and end: its boundaries, counted
 * from 1. Of the first thread only; that one makes its calls between two boundaries
 * each, an odd one before it and an even one after it.
 *
 * The process dies with whoever has started it.
 */
#ifndef VMM_BOUNDARY_H
#define VMM_BOUNDARY_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/**
 * struct traced - such a process
 * @pid: its id; 0: it has been waited for
 * @at: the boundary at which it is, 0: it has not begun
 * @status: as waitpid() has told of its end
 */
struct traced {
	pid_t pid;
	unsigned int at;
	int status;
};

/* In the process, before its first boundary */
static inline void traced_begin(void)
{
	if (syscall(SYS_ptrace, PTRACE_TRACEME, 0, NULL, NULL))
		syscall(SYS_exit_group, 255);
	/*
	 * To this thread: another one, which nobody traces, would take the process's
	 * signal for what it is, and stay stopped when this one is told to go on.
	 */
	syscall(SYS_tgkill, syscall(SYS_getpid), syscall(SYS_gettid), SIGSTOP);
}

/* Wait for a stop of kind @sig: 0, or -1 and the process has ended */
static inline int traced_wait(struct traced *t, int sig)
{
	for (;;) {
		if (waitpid(t->pid, &t->status, __WALL) != t->pid)
			return -1;
		if (WIFEXITED(t->status) || WIFSIGNALED(t->status)) {
			t->pid = 0;
			return -1;
		}
		if (WSTOPSIG(t->status) == sig)
			return 0;
		/* A signal of its own */
		if (ptrace(PTRACE_SYSCALL, t->pid, NULL,
			   (void *)(long)WSTOPSIG(t->status)))
			return -1;
	}
}

/* A process that calls traced_begin() and then @run, and ends with what that returns */
static inline int traced_start(struct traced *t, int (*run)(void *arg), void *arg)
{
	memset(t, 0, sizeof(*t));
	t->pid = fork();
	if (t->pid < 0)
		return -errno;
	if (!t->pid)
		syscall(SYS_exit_group, run(arg) & 0xff);
	if (traced_wait(t, SIGSTOP))
		return -ECHILD;
	return ptrace(PTRACE_SETOPTIONS, t->pid, NULL,
		      (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) ?
		       -errno : 0;
}

/* Let it go on, to the next boundary: the caller waits */
static inline int traced_go(struct traced *t)
{
	return ptrace(PTRACE_SYSCALL, t->pid, NULL, NULL) ? -errno : 0;
}

/* Whether it has come to the next boundary, or has ended before: traced::status */
static inline bool traced_next(struct traced *t)
{
	if (traced_go(t) || traced_wait(t, SIGTRAP | 0x80))
		return false;
	t->at++;
	return true;
}

/* The same for boundary @n */
static inline bool traced_to(struct traced *t, unsigned int n)
{
	while (t->at < n)
		if (!traced_next(t))
			return false;
	return true;
}

/* What it is about to call, at an odd boundary: number and arguments; or -1 */
static inline long traced_call(struct traced *t, uint64_t args[6])
{
	struct __ptrace_syscall_info info = {};

	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->pid, (void *)sizeof(info),
		   &info) <= 0 || info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return -1;
	if (args)
		memcpy(args, info.entry.args, sizeof(info.entry.args));
	return info.entry.nr;
}

/* SIGKILL, at a boundary or on the way to the next one: true if it died of that */
static inline bool traced_kill(struct traced *t)
{
	if (t->pid) {
		kill(t->pid, SIGKILL);
		while (waitpid(t->pid, &t->status, __WALL) == t->pid &&
		       WIFSTOPPED(t->status))
			;
		t->pid = 0;
	}
	return WIFSIGNALED(t->status) && WTERMSIG(t->status) == SIGKILL;
}

#endif
