/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process and the kernel on its behalf take of memory, as a memory cgroup (v2) of
 * its own counts it.
 */
#ifndef VMM_CGROUP_H
#define VMM_CGROUP_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define CGROUP_ROOT	"/sys/fs/cgroup"

/* A file of a cgroup, to be written: its fd or a negative errno */
static inline int cgroup_open(const char *cgroup, const char *file)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), CGROUP_ROOT "/%s/%s", cgroup, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static inline int cgroup_write(const char *cgroup, const char *file,
			       const char *text)
{
	int fd, rc = 0;

	fd = cgroup_open(cgroup, file);
	if (fd < 0)
		return fd;
	if (write(fd, text, strlen(text)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

/**
 * cgroup_make() - a memory cgroup that nobody is in
 * @cgroup: its name
 *
 * Return: 0, or a negative errno, if there is no memory controller of cgroup v2.
 */
static inline int cgroup_make(const char *cgroup)
{
	char path[160];
	int rc;

	if (access(CGROUP_ROOT "/cgroup.procs", F_OK) &&
	    mount("cgroup2", CGROUP_ROOT, "cgroup2", 0, NULL))
		return -errno;
	rc = cgroup_write("", "cgroup.subtree_control", "+memory");
	if (rc)
		return rc;
	snprintf(path, sizeof(path), CGROUP_ROOT "/%s", cgroup);
	return mkdir(path, 0755) && errno != EEXIST ? -errno : 0;
}

static inline void cgroup_remove(const char *cgroup)
{
	char path[160];

	snprintf(path, sizeof(path), CGROUP_ROOT "/%s", cgroup);
	rmdir(path);
}

/* The caller, and its children from now on */
static inline int cgroup_enter(const char *cgroup)
{
	return cgroup_write(cgroup, "cgroup.procs", "0");
}

/**
 * cgroup_limit() - bound what a cgroup can have
 * @max: its memory.max, by cgroup_open(); a cgroup that has all it can have opens none
 * @bytes: the bound; -1: no bound
 *
 * Return: 0 or a negative errno.
 */
static inline int cgroup_limit(int max, long bytes)
{
	char text[32];

	if (bytes < 0)
		snprintf(text, sizeof(text), "max");
	else
		snprintf(text, sizeof(text), "%ld", bytes);
	return write(max, text, strlen(text)) < 0 ? -errno : 0;
}

/* Bytes charged to it, of all kinds; -1 if that can't be read */
static inline long cgroup_current(const char *cgroup)
{
	char path[160];
	long bytes = -1;
	FILE *f;

	snprintf(path, sizeof(path), CGROUP_ROOT "/%s/memory.current", cgroup);
	f = fopen(path, "re");
	if (f && fscanf(f, "%ld", &bytes) != 1)
		bytes = -1;
	if (f)
		fclose(f);
	return bytes;
}

/**
 * cgroup_stat() - a number of memory.stat
 * @cgroup: the cgroup
 * @name: of the number, for example "slab" or "kernel", both in bytes
 *
 * Return: the number, or -1 if there is none of that name.
 */
static inline long cgroup_stat(const char *cgroup, const char *name)
{
	char path[160], line[128], key[64];
	long value, found = -1;
	FILE *f;

	snprintf(path, sizeof(path), CGROUP_ROOT "/%s/memory.stat", cgroup);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %ld", key, &value) == 2 &&
		    !strcmp(key, name))
			found = value;
	if (f)
		fclose(f);
	return found;
}

#endif
