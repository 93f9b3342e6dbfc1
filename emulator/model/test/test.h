/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests with a name, a title and a result in KTAP. Each one runs in a process
 * of its own, so a crash or a sanitizer's report fails only that test.
 */
#ifndef CMDQV_TEST_H
#define CMDQV_TEST_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct test {
	const char *name;
	const char *title;
	void (*run)(void);
	struct test *next;
};

void test_register(struct test *test);

/* name: sNN_… is section NN of hardware.md; title: the statement it checks */
#define TEST(fn, statement)						\
	static void fn(void);						\
	__attribute__((constructor)) static void register_##fn(void)	\
	{								\
		static struct test test = { .name = #fn,		\
					    .title = statement,		\
					    .run = fn };		\
		test_register(&test);					\
	}								\
	static void fn(void)

#define FAIL(...)							\
	do {								\
		printf("# %s:%d: ", __FILE__, __LINE__);		\
		printf(__VA_ARGS__);					\
		printf("\n");						\
		exit(1);						\
	} while (0)

#define EXPECT(condition)						\
	do {								\
		if (!(condition))					\
			FAIL("expected %s", #condition);		\
	} while (0)

#define EXPECT_EQ(value, wanted)					\
	do {								\
		uint64_t value_ = (uint64_t)(value);			\
		uint64_t wanted_ = (uint64_t)(wanted);			\
									\
		if (value_ != wanted_)					\
			FAIL("%s is 0x%" PRIx64 ", expected %s, 0x%" PRIx64, \
			     #value, value_, #wanted, wanted_);		\
	} while (0)

#endif /* CMDQV_TEST_H */
