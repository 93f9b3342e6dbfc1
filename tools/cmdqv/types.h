/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Integers as the kernel has them: 64 bits are "%llu" and "%llx" everywhere. */
#ifndef CMDQV_TYPES_H
#define CMDQV_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

typedef __u64 u64;

#define BIT(nr)			(1u << (nr))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define ATTRIBUTE(a)		__attribute__((a))
#define __printf(fmt, args)	ATTRIBUTE(format(printf, fmt, args))

#endif
