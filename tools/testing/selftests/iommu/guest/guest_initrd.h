/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An initial ram file system, made file by file: a cpio archive of the kind "newc"
 * (Documentation/driver-api/early-userspace/buffer-format.rst). The first error is kept
 * and told by initrd_close(), so that nobody has to ask in between.
 */
#ifndef GUEST_INITRD_H
#define GUEST_INITRD_H

struct initrd;

/* NULL, with errno, if the file can't be created */
struct initrd *initrd_create(const char *path);
/* Directories come before what is in them; names without a leading slash. */
void initrd_dir(struct initrd *i, const char *name);
/* The directory dev with the console in it, that the kernel opens before anything */
void initrd_console(struct initrd *i);
/* A copy of the file @from that can be run */
void initrd_program(struct initrd *i, const char *name, const char *from);
/* 0 or a negative errno; @i is gone in any case */
int initrd_close(struct initrd *i);

#endif
