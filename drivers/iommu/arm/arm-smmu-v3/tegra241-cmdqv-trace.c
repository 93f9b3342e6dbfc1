// SPDX-License-Identifier: GPL-2.0-only
/*
 * NVIDIA Tegra241 CMDQV: where the trace events of tegra241-cmdqv-trace.h are
 */

#define CREATE_TRACE_POINTS
#include "tegra241-cmdqv-trace.h"
