/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the host's kernel says while guests run that make errors: nothing above the
 * debug level about what is a guest's own business, a few lines about the rest.
 */
#ifndef HOST_LOG_H
#define HOST_LOG_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/**
 * struct host_log - the kernel's log from some time on
 * @fd: /dev/kmsg
 * @lost: the kernel has overwritten lines before they were looked at
 * @example: the last line that was counted
 */
struct host_log {
	int fd;
	bool lost;
	char example[256];
};

/* 0 or a negative errno */
static inline int host_log_open(struct host_log *log)
{
	memset(log, 0, sizeof(*log));
	log->fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log->fd < 0)
		return -errno;
	lseek(log->fd, 0, SEEK_END);
	return 0;
}

static inline void host_log_close(struct host_log *log)
{
	close(log->fd);
}

/* Is a line about an IOMMU, or a warning? Not what comes and goes with any VMM. */
static inline bool host_log_matters(const char *line)
{
	static const char *const words[] = {
		"smmu", "cmdqv", "NVDA200C", "iommu", "WARNING", "BUG:",
		"callbacks suppressed", "rcu: ", NULL
	};
	unsigned int i;

	if (strstr(line, "Adding to iommu group") ||
	    strstr(line, "Removing from iommu group"))
		return false;
	for (i = 0; words[i]; i++) {
		if (strstr(line, words[i]))
			return true;
	}
	return false;
}

/**
 * host_log_lines() - count what the kernel has said since the last call
 * @log: the log
 *
 * Return: lines about IOMMUs, command queues and the kernel's own health.
 */
static inline unsigned int host_log_lines(struct host_log *log)
{
	unsigned int lines = 0;
	char record[8192];
	ssize_t n;

	while (1) {
		n = read(log->fd, record, sizeof(record) - 1);
		if (n < 0 && errno == EPIPE) {
			log->lost = true;
			continue;
		}
		if (n <= 0)
			return lines;
		record[n] = 0;
		/* After the text there are lines of "KEY=value" for programs */
		record[strcspn(record, "\n")] = 0;
		if (!host_log_matters(record))
			continue;
		lines++;
		snprintf(log->example, sizeof(log->example), "%.255s", record);
	}
}

#endif
