/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests with guests, step by step: to boot a guest takes long, so one is kept for
 * several results, which depend on each other. Each step is a function that looks at
 * one rule; after a failure the rest is not tried, and reported as failed.
 *
 *	static void my_rule(void *arg)
 *	{
 *		MUST(guests == 2, "%u guests", guests);
 *		...
 *	}
 *	...
 *	step("my_rule", my_rule, arg);
 *
 * And what such steps ask guests and the host.
 */
#ifndef GUEST_STEP_H
#define GUEST_STEP_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"
#include "guest_host.h"
#include "vfio.h"

/* What the guest's driver calls its interrupts */
#define EVTQ_IRQ	"arm-smmu-v3-evtq"
#define GERROR_IRQ	"arm-smmu-v3-gerror"
#define CMDQV_IRQ	"tegra241-cmdqv"

/**
 * struct steps - where we are
 * @failed: the current step has failed
 * @given_up: one before has
 */
static struct steps {
	bool failed;
	bool given_up;
} steps;

/* A diagnostic, each line of it */
static inline void __printf(1, 2) say(const char *fmt, ...)
{
	char *text, *line, *rest;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	for (rest = text; (line = strsep(&rest, "\n"));) {
		if (*line)
			ksft_print_msg("%s\n", line);
	}
	free(text);
}

/* The step fails unless @_rule holds; goes on. The rest says what it was instead. */
#define MUST(_rule, _fmt, ...)						\
	({								\
		bool _holds = !!(_rule);				\
									\
		if (!_holds) {						\
			say("line %d: not so: %s (" _fmt ")", __LINE__,	\
			    #_rule, ##__VA_ARGS__);			\
			steps.failed = true;				\
		}							\
		_holds;							\
	})

/* A result. False: it is a failure. */
static inline bool step(const char *name, void (*rule)(void *arg), void *arg)
{
	steps.failed = steps.given_up;
	if (steps.given_up)
		say("not tried");
	else
		rule(arg);
	steps.given_up = steps.failed;
	ksft_test_result(!steps.failed, "%s\n", name);
	fflush(stdout);
	return !steps.failed;
}

/* How often @what is in @text */
static inline unsigned int text_count(const char *text, const char *what)
{
	unsigned int n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

/* The number that a command prints in the guest; -1: it has failed */
static inline long guest_number(struct guest *g, const char *command)
{
	char *text, *end;
	long n = -1;

	if (!guest_run(g, &text, "%s", command)) {
		n = strtol(text, &end, 10);
		if (end == text)
			n = -1;
	}
	free(text);
	return n;
}

/* Interrupts that the guest's driver has had under a name, on all CPUs; -1: no answer */
static inline long guest_interrupts(struct guest *g, const char *name)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "awk '/%s/ { for (i = 2; $i ~ /^[0-9]+$/; i++) n += $i } END { print n + 0 }' /proc/interrupts",
		 name);
	return guest_number(g, command);
}

/* The guest's kernel's log since the last call, to be freed */
static inline char *guest_log(struct guest *g)
{
	char *text;

	guest_run(g, &text, "dmesg -c");
	return text;
}

#endif
