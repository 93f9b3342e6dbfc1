// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the trace events of trace.h are, and what tells one iommufd from another
 */
#include <linux/atomic.h>

#include "viommu_private.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/**
 * iommufd_next_number() - a number for a new iommufd
 *
 * Context: any.
 * Return: one more than for the last one; 1 for the first.
 */
u32 iommufd_next_number(void)
{
	static atomic_t last;

	return atomic_inc_return(&last);
}
