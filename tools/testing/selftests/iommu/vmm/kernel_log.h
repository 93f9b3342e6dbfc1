/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel has said during a test, above all whether it has warned. The taint
 * flags tell only of the first time, its log tells each.
 */
#ifndef VMM_KERNEL_LOG_H
#define VMM_KERNEL_LOG_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The kernel's log from here on; -1 if it can't be read */
static inline int kernel_log_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

/* The next record, as text; false: there is none yet */
static inline bool kernel_log_next(int fd, char *record, size_t size)
{
	ssize_t n;

	/* Overwritten before we have read it: go on with what is left */
	do {
		n = read(fd, record, size - 1);
	} while (n < 0 && errno == EPIPE);
	if (n <= 0)
		return false;
	record[n] = 0;
	return true;
}

/* How many records since have @text in them; the last such goes to @line */
static inline unsigned int kernel_log_count(int fd, const char *text, char *line,
					    size_t len)
{
	unsigned int count = 0;
	char record[8192];

	while (kernel_log_next(fd, record, sizeof(record))) {
		if (!strstr(record, text))
			continue;
		count++;
		snprintf(line, len, "%.*s", (int)strcspn(record, "\n"), record);
	}
	return count;
}

/* Whether the kernel has warned since; the first such line goes to @line */
static inline bool kernel_has_warned(int fd, char *line, size_t len)
{
	static const char *const signs[] = {
		"WARNING: ", "BUG: ", "refcount_t: ", "INFO: task ",
		"INFO: possible ", "UBSAN: ", "ODEBUG: ",
		"suspected memory leaks",
		"Time out waiting for iommufd", NULL
	};
	bool warned = false;
	char record[8192];
	unsigned int i;

	while (kernel_log_next(fd, record, sizeof(record))) {
		for (i = 0; signs[i]; i++) {
			if (warned || !strstr(record, signs[i]))
				continue;
			warned = true;
			snprintf(line, len, "%.*s", (int)len - 1, record);
		}
	}
	return warned;
}

#endif
