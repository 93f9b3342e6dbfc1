/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What programs that run in a guest share: how they end, and how they read numbers. */
#ifndef AGENT_H
#define AGENT_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../../kselftest.h"

static inline void __noreturn __printf(1, 2) die(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static inline unsigned long long to_number(const char *text)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || !*text || *end)
		die("not a number: %s", text);
	return n;
}

#endif
