// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmdqv-poke OPERATION...: reads and writes registers of the guest's CMDQV behind its
 * kernel's back, one operation after the other and with nothing in between.
 *
 *	REGISTER		print "REGISTER=0x...", which is an operation, too
 *	REGISTER=VALUE		write
 *	REGISTER?MASK=VALUE	wait up to a second until the bits of MASK are VALUE
 *	show			print the registers that a driver uses
 *
 * For names see cmdqv_find_register().
 * Status: 0; 1 if a register did not get the value that was waited for; 2 for wrong
 * use; 3 if there is no unit.
 */
#include <stdlib.h>

#include "cmdqv_regs.h"

#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))

enum { OK, NOT_SEEN, USAGE, NO_UNIT };

static void show_register(const struct cmdqv *c, const char *name)
{
	size_t offset;
	bool wide;

	if (cmdqv_find_register(name, &offset, &wide))
		printf("%s=0x%llx\n", name,
		       (unsigned long long)cmdqv_read(c, offset, wide));
}

static void show(const struct cmdqv *c)
{
	static const char *const unit[] = { "CMDQV_CONFIG", "CMDQV_PARAM",
					    "CMDQV_STATUS", "VINTF0_CONFIG",
					    "VINTF0_STATUS" };
	static const char *const queue[] = { "CONS", "PROD", "CONFIG", "STATUS",
					     "GERROR", "GERRORN", "BASE" };
	unsigned int q, i;
	char name[64];

	for (i = 0; i < LENGTH(unit); i++)
		show_register(c, unit[i]);
	for (q = 0; q < c->queues; q++) {
		snprintf(name, sizeof(name), "CMDQ_ALLOC_MAP_%u", q);
		show_register(c, name);
		for (i = 0; i < LENGTH(queue); i++) {
			snprintf(name, sizeof(name), "LVCMDQ%u_%s", q, queue[i]);
			show_register(c, name);
		}
	}
}

static bool parse(const char *text, u64 *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 0);
	return !errno && end != text && !*end;
}

static int wait_for(const struct cmdqv *c, const char *name, size_t offset, char *what)
{
	char *equals = strchr(what, '=');
	u64 mask, value;

	if (!equals)
		return USAGE;
	*equals = 0;
	if (!parse(what, &mask) || !parse(equals + 1, &value))
		return USAGE;
	if (!cmdqv_wait(c, offset, mask, value, 1000))
		return OK;
	fprintf(stderr, "cmdqv-poke: %s is 0x%x, not 0x%llx\n", name,
		mmio_read32(c->regs, offset), (unsigned long long)value);
	return NOT_SEEN;
}

static int operate(struct cmdqv *c, const char *operation)
{
	char text[128], *rest;
	size_t offset;
	char kind;
	bool wide;
	u64 value;

	if (snprintf(text, sizeof(text), "%s", operation) >= (int)sizeof(text))
		return USAGE;
	rest = text + strcspn(text, "=?");
	kind = *rest;
	if (kind)
		*rest++ = 0;
	if (!cmdqv_find_register(text, &offset, &wide) || offset + 8 > c->size)
		return USAGE;

	switch (kind) {
	case 0:
		show_register(c, text);
		return OK;
	case '=':
		if (!parse(rest, &value))
			return USAGE;
		cmdqv_write(c, offset, value, wide);
		return OK;
	default:
		return wide ? USAGE : wait_for(c, text, offset, rest);
	}
}

int main(int argc, char **argv)
{
	struct cmdqv c;
	int ret, i;

	if (argc < 2) {
		fprintf(stderr, "usage: cmdqv-poke OPERATION...\n");
		return USAGE;
	}
	ret = cmdqv_map(&c);
	if (ret) {
		fprintf(stderr, "cmdqv-poke: no CMDQV: %s\n", strerror(-ret));
		return NO_UNIT;
	}
	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "show")) {
			show(&c);
			continue;
		}
		ret = operate(&c, argv[i]);
		if (ret == USAGE)
			fprintf(stderr, "cmdqv-poke: cannot do %s\n", argv[i]);
		if (ret)
			return ret;
	}
	return OK;
}
