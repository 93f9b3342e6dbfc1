/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What programs can call beside ioctls, for fuzz_kinds.c */
#ifndef FUZZ_CALLS_H
#define FUZZ_CALLS_H

#include "fuzz.h"

int call_open(struct fuzz_thread *t, const u64 *v);
int call_close(struct fuzz_thread *t, const u64 *v);
int call_dup(struct fuzz_thread *t, const u64 *v);
int call_read(struct fuzz_thread *t, const u64 *v);
int call_write(struct fuzz_thread *t, const u64 *v);
int call_poll(struct fuzz_thread *t, const u64 *v);
int call_ftruncate(struct fuzz_thread *t, const u64 *v);
int call_punch(struct fuzz_thread *t, const u64 *v);
int call_mmap(struct fuzz_thread *t, const u64 *v);
int call_munmap(struct fuzz_thread *t, const u64 *v);
int call_mremap(struct fuzz_thread *t, const u64 *v);
int call_protect_map(struct fuzz_thread *t, const u64 *v);
int call_advise_map(struct fuzz_thread *t, const u64 *v);
int call_poke(struct fuzz_thread *t, const u64 *v);
int call_peek(struct fuzz_thread *t, const u64 *v);
int call_store(struct fuzz_thread *t, const u64 *v);
int call_flip(struct fuzz_thread *t, const u64 *v);
int call_unmap_area(struct fuzz_thread *t, const u64 *v);
int call_map_area(struct fuzz_thread *t, const u64 *v);
int call_protect_area(struct fuzz_thread *t, const u64 *v);
int call_advise_area(struct fuzz_thread *t, const u64 *v);
int call_fork(struct fuzz_thread *t, const u64 *v);
int call_signal(struct fuzz_thread *t, const u64 *v);
int call_kill(struct fuzz_thread *t, const u64 *v);
int call_nap(struct fuzz_thread *t, const u64 *v);
int call_meet(struct fuzz_thread *t, const u64 *v);
int call_vfio_open(struct fuzz_thread *t, const u64 *v);
int call_region(struct fuzz_thread *t, const u64 *v);

#endif
