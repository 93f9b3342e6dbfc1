/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests whose parts return whether they have succeeded: why one has not, and what
 * a command on the host prints.
 */
#ifndef GUEST_SAY_H
#define GUEST_SAY_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../../kselftest.h"

/* Says why a result will be a failure; false */
static inline bool __printf(1, 2) no(const char *fmt, ...)
{
	char text[2048], *line, *rest = text;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	while ((line = strsep(&rest, "\n")))
		ksft_print_msg("%s\n", line);
	return false;
}

/* The first line that a command of the host prints */
static inline bool __printf(3, 4) host_says(char *line, int len, const char *fmt, ...)
{
	char command[1024];
	va_list ap;
	FILE *f;
	bool ok;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	f = popen(command, "re");
	if (!f)
		return no("cannot run: %s", command);
	ok = fgets(line, len, f);
	ok = !pclose(f) && ok;
	return ok || no("has failed: %s", command);
}

#endif
