/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Trace events of the kernel, as records like the observer's: "event key=value ...",
 * one a line, in the order in which they happened.
 *
 * An instance of our own has them, so whoever else traces at the time, or leaves
 * events on, is neither heard nor disturbed.
 */
#ifndef VMM_TRACEFS_H
#define VMM_TRACEFS_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRACEFS "/sys/kernel/tracing"

/**
 * struct tracefs - an instance
 * @dir: its directory; "" if there is none
 */
struct tracefs {
	char dir[128];
};

static inline int tracefs_write(struct tracefs *t, const char *file, const char *text)
{
	char path[256];
	int fd, rc = 0;

	snprintf(path, sizeof(path), "%s/%s", t->dir, file);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		rc = -errno;
	close(fd);
	return rc;
}

/* An instance without events: 0 or a negative errno; -ENOENT: no tracing here */
static inline int tracefs_open(struct tracefs *t)
{
	t->dir[0] = 0;
	if (access(TRACEFS "/instances", F_OK) &&
	    (mount("tracefs", TRACEFS, "tracefs", 0, NULL) ||
	     access(TRACEFS "/instances", F_OK)))
		return -ENOENT;
	snprintf(t->dir, sizeof(t->dir), TRACEFS "/instances/test-%d", getpid());
	if (mkdir(t->dir, 0700)) {
		t->dir[0] = 0;
		return -errno;
	}
	return tracefs_write(t, "trace_clock", "mono");
}

/* Have all events of @system from here on: 0 or a negative errno; -ENOENT: none */
static inline int tracefs_enable(struct tracefs *t, const char *system)
{
	char file[64];

	snprintf(file, sizeof(file), "events/%s/enable", system);
	return tracefs_write(t, file, "1");
}

/* Append the event of a line "task-pid [cpu] flags time: event: key=value ..." */
static inline void tracefs_add(char *text, size_t size, const char *line)
{
	const char *event = strstr(line, ": ");
	const char *keys = event ? strstr(event + 2, ": ") : NULL;
	size_t len = strlen(text);

	if (keys)
		snprintf(text + len, size - len, "%.*s %s",
			 (int)(keys - event - 2), event + 2, keys + 2);
}

/**
 * tracefs_take() - what has happened since the last call
 * @t: the instance
 *
 * Each event is taken once, and none is lost in between.
 *
 * Return: the events as records, to be freed; "" if there are none, NULL if they can't
 * be read.
 */
static inline char *tracefs_take(struct tracefs *t)
{
	const size_t size = 1 << 20;
	char path[256], *raw, *text, *line, *next;
	size_t len = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/trace_pipe", t->dir);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	raw = calloc(2, size);
	if (fd < 0 || !raw) {
		free(raw);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	while (len < size - 1 && (n = read(fd, raw + len, size - 1 - len)) > 0)
		len += n;
	close(fd);

	text = raw + size;
	for (line = raw; *line; line = next) {
		char end;

		next = line + strcspn(line, "\n");
		next += *next == '\n';
		end = *next;
		*next = 0;
		tracefs_add(text, size, line);
		*next = end;
	}
	memmove(raw, text, strlen(text) + 1);
	return raw;
}

static inline void tracefs_close(struct tracefs *t)
{
	if (t->dir[0])
		rmdir(t->dir);
	t->dir[0] = 0;
}

#endif
