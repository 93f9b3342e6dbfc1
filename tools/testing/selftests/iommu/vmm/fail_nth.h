/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Failures on demand: the kernel counts what could fail in the calling thread's
 * system calls, and lets the one that it was told fail. For kernels with
 * CONFIG_FAULT_INJECTION_DEBUG_FS and CONFIG_FAILSLAB; CONFIG_FAIL_PAGE_ALLOC adds
 * what is not allocated from slabs.
 */
#ifndef VMM_FAIL_NTH_H
#define VMM_FAIL_NTH_H

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What was it that failed */
enum fail_nth {
	FAIL_NTH_NOTHING,
	FAIL_NTH_ALLOC,
	/* iommufd did not find an object, or whatever else it has for its tests */
	FAIL_NTH_IOMMUFD,
	FAIL_NTH_OTHER,
};

static const struct {
	char dir[16];
	enum fail_nth what;
} fail_nth_attrs[] = {
	{ "failslab", FAIL_NTH_ALLOC },
	{ "fail_page_alloc", FAIL_NTH_ALLOC },
	{ "fail_iommufd", FAIL_NTH_IOMMUFD },
	{}
};

/* The kernel counts down from here, for each kind, when something fails */
#define FAIL_NTH_TIMES 1000000

/* A number in debugfs; -1 if it isn't there */
static inline int debugfs_read(const char *dir, const char *name)
{
	char path[128];
	int n = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", dir, name);
	f = fopen(path, "re");
	if (!f)
		return -1;
	if (fscanf(f, "%d", &n) != 1)
		n = -1;
	fclose(f);
	return n;
}

/* Not every kernel has every kind: nothing is done about one that isn't there */
static inline void debugfs_write(const char *dir, const char *name,
				 const char *value)
{
	ssize_t len = strlen(value);
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	assert(write(fd, value, len) == len);
	close(fd);
}

/* NULL, or why nothing can be made to fail: to be said in a SKIP */
static inline const char *fail_nth_missing(void)
{
	if (access("/proc/self/fail-nth", W_OK))
		return "no fail-nth (CONFIG_FAULT_INJECTION)";
	if (access("/sys/kernel/debug/failslab/ignore-gfp-wait", W_OK))
		return "no failslab in debugfs (CONFIG_FAILSLAB, CONFIG_FAULT_INJECTION_DEBUG_FS)";
	return NULL;
}

/* Get ready in the calling thread: a file, to be closed in the end, or -1 */
static inline int fail_nth_open(void)
{
	size_t i;

	debugfs_write("failslab", "ignore-gfp-wait", "N");
	debugfs_write("fail_page_alloc", "ignore-gfp-wait", "N");
	debugfs_write("fail_page_alloc", "ignore-gfp-highmem", "N");
	debugfs_write("fail_page_alloc", "min-order", "0");
	/* The log is for what goes wrong */
	for (i = 0; fail_nth_attrs[i].dir[0]; i++)
		debugfs_write(fail_nth_attrs[i].dir, "verbose", "0");
	return open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
}

/* From here on the @nth thing that can fail does, the first being 1 */
static inline void fail_nth_arm(int fd, unsigned int nth)
{
	char buf[16];
	size_t i;
	int len;

	snprintf(buf, sizeof(buf), "%u", FAIL_NTH_TIMES);
	for (i = 0; fail_nth_attrs[i].dir[0]; i++)
		debugfs_write(fail_nth_attrs[i].dir, "times", buf);
	len = snprintf(buf, sizeof(buf), "%u", nth);
	assert(pwrite(fd, buf, len, 0) == len);
}

/* Nothing fails any more; what has failed since fail_nth_arm() */
static inline enum fail_nth fail_nth_disarm(int fd)
{
	char buf[16] = {};
	size_t i;

	assert(pread(fd, buf, sizeof(buf) - 1, 0) > 0);
	assert(pwrite(fd, "0", 1, 0) == 1);
	if (strtoul(buf, NULL, 10))
		return FAIL_NTH_NOTHING;
	for (i = 0; fail_nth_attrs[i].dir[0]; i++)
		if (debugfs_read(fail_nth_attrs[i].dir, "times") ==
		    FAIL_NTH_TIMES - 1)
			return fail_nth_attrs[i].what;
	return FAIL_NTH_OTHER;
}

#endif
