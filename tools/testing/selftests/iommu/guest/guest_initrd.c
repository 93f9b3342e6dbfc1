// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "guest_initrd.h"

#define CONSOLE_MAJOR	5
#define CONSOLE_MINOR	1

/**
 * struct initrd - an archive that is being written
 * @file: where to
 * @at: bytes written
 * @inode: of the last file
 * @error: the first that has happened, as a negative errno
 */
struct initrd {
	FILE *file;
	unsigned long at;
	unsigned int inode;
	int error;
};

static void fail(struct initrd *i, int error)
{
	if (!i->error)
		i->error = error;
}

static void put(struct initrd *i, const void *data, size_t len)
{
	if (fwrite(data, 1, len, i->file) != len)
		fail(i, -EIO);
	i->at += len;
}

static void align(struct initrd *i)
{
	static const char zero[4];

	put(i, zero, -i->at & 3);
}

static void head(struct initrd *i, const char *name, unsigned int mode,
		 unsigned long len, unsigned int major, unsigned int minor)
{
	char text[128];

	snprintf(text, sizeof(text),
		 "070701%08x%08x%08x%08x%08x%08x%08lx%08x%08x%08x%08x%08zx%08x",
		 ++i->inode, mode, 0, 0, 1, 0, len, 0, 0, major, minor,
		 strlen(name) + 1, 0);
	put(i, text, strlen(text));
	put(i, name, strlen(name) + 1);
	align(i);
}

struct initrd *initrd_create(const char *path)
{
	struct initrd *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;
	i->file = fopen(path, "we");
	if (!i->file) {
		free(i);
		return NULL;
	}
	return i;
}

void initrd_dir(struct initrd *i, const char *name)
{
	head(i, name, S_IFDIR | 0755, 0, 0, 0);
}

void initrd_console(struct initrd *i)
{
	initrd_dir(i, "dev");
	head(i, "dev/console", S_IFCHR | 0600, 0, CONSOLE_MAJOR, CONSOLE_MINOR);
}

void initrd_program(struct initrd *i, const char *name, const char *from)
{
	FILE *f = fopen(from, "re");
	struct stat st;
	void *data;

	if (!f || fstat(fileno(f), &st)) {
		fail(i, -errno);
		goto out;
	}
	data = malloc(st.st_size);
	if (!data || fread(data, 1, st.st_size, f) != (size_t)st.st_size) {
		fail(i, data ? -EIO : -ENOMEM);
	} else {
		head(i, name, S_IFREG | 0755, st.st_size, 0, 0);
		put(i, data, st.st_size);
		align(i);
	}
	free(data);
out:
	if (f)
		fclose(f);
}

int initrd_close(struct initrd *i)
{
	int rc;

	head(i, "TRAILER!!!", 0, 0, 0, 0);
	if (fclose(i->file))
		fail(i, -errno);
	rc = i->error;
	free(i);
	return rc;
}
