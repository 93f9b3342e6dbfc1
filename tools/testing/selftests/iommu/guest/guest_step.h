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
 *
 *	static const struct step all[] = {
 *		{ .name = "my_rule", .rule = my_rule },
 *		...
 *	};
 *	...
 *	steps_run(all, ARRAY_SIZE(all), arg, show_guests);
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
 * struct step - one result
 * @name: what holds if it is ok
 * @rule: looks at that
 * @alone: is tried whatever has become of those before
 */
struct step {
	const char *name;
	void (*rule)(void *arg);
	bool alone;
};

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

/**
 * steps_run() - try one after the other
 * @all: the steps
 * @num: how many
 * @arg: for them
 * @show: says what may explain a failure, after the first
 */
static inline void steps_run(const struct step *all, unsigned int num, void *arg,
			     void (*show)(void *arg))
{
	unsigned int i;
	bool tried;

	for (i = 0; i < num; i++) {
		tried = !steps.given_up || all[i].alone;
		steps.failed = !tried;
		if (tried)
			all[i].rule(arg);
		else
			say("not tried");
		steps.given_up = steps.failed;
		if (tried && steps.failed)
			show(arg);
		ksft_test_result(!steps.failed, "%s\n", all[i].name);
		fflush(stdout);
	}
}

/* Try none */
static inline void steps_skip(const struct step *all, unsigned int num,
			      const char *why)
{
	unsigned int i;

	for (i = 0; i < num; i++)
		ksft_test_result_code(KSFT_SKIP, all[i].name, "%s", why);
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
