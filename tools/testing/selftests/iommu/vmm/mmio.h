/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers: each call is one access of that width, in program order among
 * accesses to the same device. Order against memory is dma_barrier()'s.
 */
#ifndef VMM_MMIO_H
#define VMM_MMIO_H

#include "types.h"

static inline u32 mmio_read32(const void *base, size_t at)
{
	const u32 *reg = (const u32 *)((const char *)base + at);
	u32 value;

#ifdef __aarch64__
	/* No register update, as a hypervisor could not emulate that */
	asm volatile("ldr %w0, %1" : "=r" (value) : "Q" (*reg) : "memory");
#else
	value = __atomic_load_n(reg, __ATOMIC_SEQ_CST);
#endif
	return value;
}

static inline void mmio_write32(void *base, size_t at, u32 value)
{
	u32 *reg = (u32 *)((char *)base + at);

#ifdef __aarch64__
	asm volatile("str %w1, %0" : "=Q" (*reg) : "rZ" (value) : "memory");
#else
	__atomic_store_n(reg, value, __ATOMIC_SEQ_CST);
#endif
}

static inline void mmio_write64(void *base, size_t at, u64 value)
{
	u64 *reg = (u64 *)((char *)base + at);

#ifdef __aarch64__
	asm volatile("str %x1, %0" : "=Q" (*reg) : "rZ" (value) : "memory");
#else
	__atomic_store_n(reg, value, __ATOMIC_SEQ_CST);
#endif
}

/**
 * dma_barrier() - what was accessed before is seen before what is accessed after
 *
 * By devices, too: orders the entries of a queue before the store to PROD, and the
 * load of CONS before the use of what the hardware did until then.
 */
static inline void dma_barrier(void)
{
#ifdef __aarch64__
	/* Outer shareable: the SMMU is an observer there */
	asm volatile("dmb osh" ::: "memory");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

#endif
