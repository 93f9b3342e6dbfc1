// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Programs as text. A call is a line:
 *
 *	THREAD NAME ARGUMENT=VALUE ... !MODIFIER=VALUE ...
 *
 * with arguments as in fuzz_kinds.c, those that are 0 left out, and as values numbers
 * or the slots oN (object), fN (file), wN (window), mN+BYTES (mapping) and aN+BYTES
 * (area of memory). Modifiers: nth (which allocation fails), times, size (that the
 * structure says it has) and where (the area that the structure is in). Lines before
 * the calls: "alarm MICROSECONDS", "die MICROSECONDS". Programs end with an empty line.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../../kselftest.h"
#include "fuzz.h"

static const struct {
	char letter;
	u8 kind;
	u8 slots;
	bool offset;
} slot_kinds[] = {
	{ 'o', V_OBJECT, FUZZ_OBJECTS, false },
	{ 'f', V_FD, FUZZ_FDS, false },
	{ 'w', V_WINDOW, FUZZ_WINDOWS, false },
	{ 'm', V_MAP, FUZZ_MAPS, true },
	{ 'a', V_AREA, FUZZ_AREAS, true },
};

#define N_SLOT_KINDS	ARRAY_SIZE(slot_kinds)

/* ---- to text */

struct text {
	char *at;
	size_t len;
};

__printf(2, 3) static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->at + t->len, FUZZ_TEXT - t->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->len += (size_t)n < FUZZ_TEXT - t->len ? (size_t)n : FUZZ_TEXT - t->len - 1;
}

static void add_value(struct text *t, const struct fuzz_value *v)
{
	unsigned int i;

	for (i = 0; i < N_SLOT_KINDS && slot_kinds[i].kind != v->kind; i++)
		;
	if (i == N_SLOT_KINDS) {
		add(t, "%#llx", v->number);
		return;
	}
	add(t, "%c%u", slot_kinds[i].letter, v->slot);
	if (slot_kinds[i].offset && v->number)
		add(t, "+%#llx", v->number);
}

static void add_call(struct text *t, const struct fuzz_call *call)
{
	const struct fuzz_kind *kind = &fuzz_kinds[call->kind];
	unsigned int i;

	add(t, "%u %s", call->thread, kind->name);
	for (i = 0; i < FUZZ_ARGS && kind->arg[i].class; i++) {
		if (call->arg[i].kind == V_NUMBER && !call->arg[i].number)
			continue;
		add(t, " %s=", kind->arg[i].name);
		add_value(t, &call->arg[i]);
	}
	if (call->nth)
		add(t, " !nth=%u", call->nth);
	if (call->times > 1)
		add(t, " !times=%u", call->times);
	if (call->size)
		add(t, " !size=%#x", call->size);
	if (call->where.kind != V_NUMBER) {
		add(t, " !where=");
		add_value(t, &call->where);
	}
	add(t, "\n");
}

size_t fuzz_print(const struct fuzz_program *p, char *text)
{
	struct text t = { .at = text };
	unsigned int i;

	text[0] = 0;
	if (p->alarm)
		add(&t, "alarm %u\n", p->alarm);
	if (p->die)
		add(&t, "die %u\n", p->die);
	for (i = 0; i < p->n; i++)
		add_call(&t, &p->call[i]);
	return t.len;
}

/* ---- from text */

static bool parse_number(const char *s, u64 *number)
{
	char *end;

	if (!isdigit((unsigned char)*s))
		return false;
	*number = strtoull(s, &end, 0);
	return !*end;
}

static bool parse_value(char *s, struct fuzz_value *v)
{
	char *plus = strchr(s, '+');
	unsigned int i;
	u64 slot;

	memset(v, 0, sizeof(*v));
	for (i = 0; i < N_SLOT_KINDS && slot_kinds[i].letter != *s; i++)
		;
	if (i == N_SLOT_KINDS)
		return parse_number(s, &v->number);
	v->kind = slot_kinds[i].kind;
	if (plus) {
		*plus = 0;
		if (!slot_kinds[i].offset || !parse_number(plus + 1, &v->number))
			return false;
	}
	if (!parse_number(s + 1, &slot) || slot >= slot_kinds[i].slots)
		return false;
	v->slot = slot;
	return true;
}

/* May an argument of this class have such a value? */
static bool fits(enum fuzz_class class, const struct fuzz_value *v)
{
	switch (class) {
	case C_OBJECT:
		return v->kind == V_OBJECT || v->kind == V_NUMBER;
	case C_FD:
		return v->kind == V_FD || v->kind == V_NUMBER;
	case C_WINDOW:
		return v->kind == V_WINDOW || v->kind == V_NUMBER;
	case C_MAP:
		return v->kind == V_MAP || v->kind == V_NUMBER;
	case C_ADDRESS:
		return v->kind == V_AREA || v->kind == V_NUMBER;
	case C_NUMBER:
	case C_DATA:
		return v->kind == V_NUMBER;
	case C_OUT_OBJECT:
		return v->kind == V_OBJECT;
	case C_OUT_FD:
		return v->kind == V_FD;
	case C_OUT_WINDOW:
		return v->kind == V_WINDOW;
	case C_OUT_MAP:
		return v->kind == V_MAP;
	case C_NONE:
		break;
	}
	return false;
}

static const char *parse_modifier(struct fuzz_call *call, const char *name,
				  const struct fuzz_value *v)
{
	bool number = v->kind == V_NUMBER;

	if (!strcmp(name, "where") && v->kind == V_AREA)
		call->where = *v;
	else if (!strcmp(name, "nth") && number && v->number <= UINT8_MAX)
		call->nth = v->number;
	else if (!strcmp(name, "times") && number && v->number <= UINT8_MAX)
		call->times = v->number;
	else if (!strcmp(name, "size") && number && v->number <= UINT16_MAX)
		call->size = v->number;
	else
		return "no such modifier, or not with this value";
	return NULL;
}

static const char *parse_call(struct fuzz_call *call, char *line)
{
	const struct fuzz_kind *kind;
	struct fuzz_value v;
	char *word, *value, *save;
	u64 thread;
	unsigned int i;

	memset(call, 0, sizeof(*call));
	word = strtok_r(line, " ", &save);
	if (!word || !parse_number(word, &thread) || thread >= FUZZ_THREADS)
		return "a call begins with its thread";
	call->thread = thread;
	word = strtok_r(NULL, " ", &save);
	for (i = 0; word && i < fuzz_n_kinds && strcmp(fuzz_kinds[i].name, word); i++)
		;
	if (!word || i == fuzz_n_kinds)
		return "no such call";
	call->kind = i;
	call->times = 1;
	kind = &fuzz_kinds[i];
	while ((word = strtok_r(NULL, " ", &save))) {
		value = strchr(word, '=');
		if (!value)
			return "an argument has a value";
		*value++ = 0;
		if (!parse_value(value, &v))
			return "no such value";
		if (*word == '!') {
			const char *why = parse_modifier(call, word + 1, &v);

			if (why)
				return why;
			continue;
		}
		for (i = 0; i < FUZZ_ARGS && kind->arg[i].class; i++)
			if (!strcmp(kind->arg[i].name, word))
				break;
		if (i == FUZZ_ARGS || !kind->arg[i].class)
			return "the call has no such argument";
		if (!fits(kind->arg[i].class, &v))
			return "the argument can't have such a value";
		call->arg[i] = v;
	}
	for (i = 0; i < FUZZ_ARGS && kind->arg[i].class; i++)
		if (!fits(kind->arg[i].class, &call->arg[i]))
			return "it isn't said where a result goes";
	return NULL;
}

const char *fuzz_parse(struct fuzz_program *p, const char *text, const char **why)
{
	char line[1024];
	unsigned int us;
	size_t len;

	*why = NULL;
	memset(p, 0, sizeof(*p));
	while (*text) {
		len = strcspn(text, "\n");
		if (len >= sizeof(line)) {
			*why = "a line is too long";
			return NULL;
		}
		memcpy(line, text, len);
		line[len] = 0;
		text += len + (text[len] == '\n');
		if (line[0] == '#')
			continue;
		if (!line[0]) {
			if (p->n)
				return text;
			continue;
		}
		if (sscanf(line, "alarm %u", &us) == 1) {
			p->alarm = us;
			continue;
		}
		if (sscanf(line, "die %u", &us) == 1) {
			p->die = us;
			continue;
		}
		*why = p->n == FUZZ_CALLS ? "too many calls" :
		       parse_call(&p->call[p->n], line);
		if (*why)
			return NULL;
		p->n++;
	}
	return p->n ? text : NULL;
}
