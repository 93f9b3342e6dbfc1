// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs the tests: cmdqv-test [--list] [PREFIX...]
 *
 * --list prints "name<TAB>title" instead of running. With prefixes, only the
 * tests whose name begins with one of them.
 */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#define TIME_LIMIT_S	60

static struct test *tests;

/* Sorted by name, whatever order the constructors run in */
void test_register(struct test *test)
{
	struct test **at = &tests;

	while (*at && strcmp((*at)->name, test->name) < 0)
		at = &(*at)->next;
	test->next = *at;
	*at = test;
}

static int is_selected(const struct test *test, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strncmp(test->name, argv[i], strlen(argv[i])))
			return 1;
	return argc < 2;
}

static int run(const struct test *test)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		alarm(TIME_LIMIT_S);
		test->run();
		exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	if (WIFSIGNALED(status))
		printf("# killed by signal %d\n", WTERMSIG(status));
	return status;
}

int main(int argc, char **argv)
{
	int total = 0, number = 0, failed = 0;

	if (argc > 1 && !strcmp(argv[1], "--list")) {
		for (struct test *t = tests; t; t = t->next)
			printf("%s\t%s\n", t->name, t->title);
		return 0;
	}
	for (struct test *t = tests; t; t = t->next)
		total += is_selected(t, argc, argv);
	printf("KTAP version 1\n1..%d\n", total);
	for (struct test *t = tests; t; t = t->next) {
		int bad;

		if (!is_selected(t, argc, argv))
			continue;
		bad = run(t);
		number++;
		failed += !!bad;
		if (bad)
			printf("# rule: %s\n", t->title);
		printf("%s %d %s\n", bad ? "not ok" : "ok", number, t->name);
	}
	printf("# Totals: pass:%d fail:%d skip:0\n", number - failed, failed);
	return failed || !total;
}
