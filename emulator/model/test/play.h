/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMDQV_TEST_PLAY_H
#define CMDQV_TEST_PLAY_H

#include <stddef.h>
#include <stdint.h>

/* What a game came to, so that a test can see that games are worth playing */
struct play_stats {
	uint64_t executed;		/* commands of machines */
	uint64_t refused;
	uint64_t destroyed;		/* machines taken down completely */
	uint64_t fenced;		/* ... with a queue that was stuck */
	uint64_t raced;			/* queues that were enabled when unmapped */
	uint64_t late;			/* ATC time-outs brought out by a flush */
};

/*
 * Play one game: @data decides what host and machines do. Aborts, after saying
 * why, if an invariant does not hold.
 */
void play(const uint8_t *data, size_t len, struct play_stats *stats);

#endif /* CMDQV_TEST_PLAY_H */
