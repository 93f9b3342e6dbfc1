/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Integers as the kernel and its user ABI have them: 64 bits are "%llu", "%llx". */
#ifndef VMM_TYPES_H
#define VMM_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;

#endif
