/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads that race: each does one thing over and over until the time is over or one
 * of them has seen a rule broken. Assertions of the harness are for the thread that
 * runs the test; these call crew_broken().
 */
#ifndef VMM_CREW_H
#define VMM_CREW_H

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../kselftest.h"

#define CREW_MAX	24
/*
 * Whatever is waited for takes milliseconds; iommufd's time-out is 60 s. BOARD_SLOW in
 * the environment says that all takes several times longer than usual.
 */
#define CREW_PROMPT_S	crew_prompt_s()
/* Nobody has raced who was not there: steps of each, even if that takes longer */
#define CREW_MIN_STEPS	5

struct crew;

/**
 * struct worker - one of them
 * @name: of what it does
 * @step: does it once
 * @last: what it does when it has stopped; may be NULL
 * @crew: all of them
 * @arg: the test's
 * @nr: the test's: which of several of the same kind
 * @seed: for crew_random()
 * @steps: how often it has done it
 * @hits: the test's: how often what the test is about has happened
 * @need: hits without which the race goes on, to some extent
 * @began: when the step under way began, 0: none
 */
struct worker {
	const char *name;
	void (*step)(struct worker *w);
	void (*last)(struct worker *w);
	struct crew *crew;
	void *arg;
	unsigned int nr;
	unsigned int seed;
	unsigned long steps;
	unsigned long hits;
	unsigned long need;
	double began;
	pthread_t thread;
};

/**
 * struct crew - all of them
 * @worker: they
 * @n: how many
 * @stop: the end
 * @lock: of @why
 * @why: the first broken rule
 */
struct crew {
	struct worker worker[CREW_MAX];
	unsigned int n;
	bool stop;
	pthread_mutex_t lock;
	char why[256];
};

static inline double crew_prompt_s(void)
{
	const char *slow = getenv("BOARD_SLOW");

	return slow && atoi(slow) > 1 ? 45 : 20;
}

static inline double crew_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static inline void crew_init(struct crew *crew)
{
	memset(crew, 0, sizeof(*crew));
	pthread_mutex_init(&crew->lock, NULL);
}

static inline struct worker *crew_add(struct crew *crew, const char *name,
				      void (*step)(struct worker *w), void *arg,
				      unsigned int nr)
{
	struct worker *w = &crew->worker[crew->n];

	if (crew->n == CREW_MAX)
		abort();
	*w = (struct worker){
		.name = name,
		.step = step,
		.crew = crew,
		.arg = arg,
		.nr = nr,
		.seed = ++crew->n,
	};
	return w;
}

static inline bool crew_stopped(struct crew *crew)
{
	return __atomic_load_n(&crew->stop, __ATOMIC_ACQUIRE);
}

/* Less than @limit */
static inline unsigned int crew_random(struct worker *w, unsigned int limit)
{
	return (unsigned int)rand_r(&w->seed) % limit;
}

/* Up to @us microseconds, often none: so that threads meet at different points */
static inline void crew_pause(struct worker *w, unsigned int us)
{
	if (crew_random(w, 2))
		usleep(crew_random(w, us));
}

/* A rule is broken: the crew stops */
__printf(2, 3)
static inline void crew_broken(struct crew *crew, const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&crew->lock);
	if (!crew->why[0]) {
		va_start(ap, fmt);
		vsnprintf(crew->why, sizeof(crew->why), fmt, ap);
		va_end(ap);
	}
	pthread_mutex_unlock(&crew->lock);
	__atomic_store_n(&crew->stop, true, __ATOMIC_RELEASE);
}

static inline void *crew_main(void *arg)
{
	struct worker *w = arg;

	while (!crew_stopped(w->crew)) {
		__atomic_store(&w->began, &(double){ crew_now() },
			       __ATOMIC_RELEASE);
		w->step(w);
		__atomic_fetch_add(&w->steps, 1, __ATOMIC_RELEASE);
	}
	__atomic_store(&w->began, &(double){ 0 }, __ATOMIC_RELEASE);
	if (w->last)
		w->last(w);
	return NULL;
}

/*
 * Has each had its share? A step that does not end has not: the process can't go on
 * then, for the thread can't be ended from here.
 */
static inline bool crew_watch(struct crew *crew)
{
	bool enough = true;
	unsigned int i;
	double began;

	for (i = 0; i < crew->n; i++) {
		struct worker *w = &crew->worker[i];

		__atomic_load(&w->began, &began, __ATOMIC_ACQUIRE);
		if (began && crew_now() - began > CREW_PROMPT_S) {
			fprintf(stderr, "# %s %u has not ended in %.0f s\n",
				w->name, w->nr, crew_now() - began);
			_exit(1);
		}
		enough &= __atomic_load_n(&w->steps, __ATOMIC_ACQUIRE) >=
			  CREW_MIN_STEPS &&
			  __atomic_load_n(&w->hits, __ATOMIC_RELAXED) >=
			  w->need;
	}
	return enough;
}

/**
 * crew_start() - let them begin
 * @crew: the crew
 *
 * Return: 0 or an errno.
 */
static inline int crew_start(struct crew *crew)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < crew->n && !rc; i++)
		rc = pthread_create(&crew->worker[i].thread, NULL, crew_main,
				    &crew->worker[i]);
	if (rc)
		crew->n = i - 1;
	return rc;
}

/**
 * crew_end() - let them race for a while, and end it
 * @crew: after crew_start()
 * @seconds: for how long
 *
 * Return: NULL, or which rule was broken. If a step does not end, the process does.
 */
static inline const char *crew_end(struct crew *crew, double seconds)
{
	double end = crew_now() + seconds;
	unsigned int i;

	while (!crew_stopped(crew) &&
	       ((!crew_watch(crew) && crew_now() < end + CREW_PROMPT_S) ||
		crew_now() < end))
		usleep(10000);
	__atomic_store_n(&crew->stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < crew->n; i++) {
		struct timespec ts;

		do {
			crew_watch(crew);
			clock_gettime(CLOCK_REALTIME, &ts);
			ts.tv_sec++;
		} while (pthread_timedjoin_np(crew->worker[i].thread, NULL,
					      &ts));
	}
	return crew->why[0] ? crew->why : NULL;
}

/* Start, race, end: NULL, or which rule was broken */
static inline const char *crew_run(struct crew *crew, double seconds)
{
	if (crew_start(crew))
		return "no threads";
	return crew_end(crew, seconds);
}

static inline unsigned long crew_hits(struct crew *crew, const char *name)
{
	unsigned long hits = 0;
	unsigned int i;

	for (i = 0; i < crew->n; i++)
		if (!strcmp(crew->worker[i].name, name))
			hits += crew->worker[i].hits;
	return hits;
}

#endif
