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

/* How many records since have @text in them; the last such goes to @line */
static inline unsigned int kernel_log_count(int fd, const char *text, char *line,
					    size_t len)
{
	unsigned int count = 0;
	char record[8192];
	ssize_t n;

	while (1) {
		n = read(fd, record, sizeof(record) - 1);
		/* Overwritten before we have read it: go on with what is left */
		if (n < 0 && errno == EPIPE)
			continue;
		if (n <= 0)
			return count;
		record[n] = 0;
		if (!strstr(record, text))
			continue;
		count++;
		snprintf(line, len, "%.*s", (int)strcspn(record, "\n"), record);
	}
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
	ssize_t n;

	while (1) {
		n = read(fd, record, sizeof(record) - 1);
		/* Overwritten before we have read it: go on with what is left */
		if (n < 0 && errno == EPIPE)
			continue;
		if (n <= 0)
			return warned;
		record[n] = 0;
		for (i = 0; signs[i]; i++) {
			if (warned || !strstr(record, signs[i]))
				continue;
			warned = true;
			snprintf(line, len, "%.*s", (int)len - 1, record);
		}
	}
}

#endif
