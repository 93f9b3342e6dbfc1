// SPDX-License-Identifier: GPL-2.0-or-later
/* libFuzzer's way into the game, see play.c */
#include "play.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct play_stats stats = { 0 };

	play(data, size, &stats);
	return 0;
}
