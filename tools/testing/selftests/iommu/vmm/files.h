/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small files of the kernel's (sysfs, cgroups, procfs): a write is one command, a read
 * one value. For programs with a board and for those with the mock device.
 */
#ifndef VMM_FILES_H
#define VMM_FILES_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* All of @text in one write(), as a command has to be: 0 or a negative errno */
static inline int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

/* The decimal number at the beginning of a file that is never negative: that, or -1 */
static inline long read_number(const char *path)
{
	FILE *f = fopen(path, "re");
	long n = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%ld", &n) != 1)
		n = -1;
	fclose(f);
	return n;
}

#endif /* VMM_FILES_H */
