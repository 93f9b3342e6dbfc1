// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * New programs of old ones. Most of what is put in makes sense: a call takes what an
 * earlier one yields, a number is one that means something. The rest doesn't.
 */
#include <string.h>

#include "fuzz.h"

/* ---- what earlier calls yield */

/* Bits of enum fuzz_type that the slot has before call @at, 0: nothing */
static u32 slot_type(const struct fuzz_program *p, unsigned int at, u8 kind, u8 slot)
{
	u32 type = 0;
	unsigned int i, j;

	/* As fuzz_memory.c and fuzz_run.c put it there */
	if (kind == V_FD && slot < 2)
		type = T_IOMMUFD;
	if (kind == V_FD && slot >= FUZZ_FDS - 2)
		type = T_MEMFD;
	for (i = 0; i < at; i++) {
		const struct fuzz_call *call = &p->call[i];
		const struct fuzz_kind *k = &fuzz_kinds[call->kind];

		for (j = 0; j < FUZZ_ARGS && k->arg[j].class; j++)
			if (k->arg[j].class >= C_OUT_OBJECT &&
			    call->arg[j].kind == kind && call->arg[j].slot == slot)
				type = k->arg[j].type ?: T_FD;
	}
	return type;
}

/* A slot of @kind with something of @type in it, preferably a late one */
static bool find_slot(struct fuzz_maker *m, const struct fuzz_program *p, unsigned int at,
		      u8 kind, unsigned int slots, u32 type, u8 *slot)
{
	unsigned int start = fuzz_below(&m->random, slots), i;

	for (i = 0; i < slots; i++) {
		*slot = (start + i) % slots;
		if (slot_type(p, at, kind, *slot) & type)
			return true;
	}
	return false;
}

/* A slot for what call @at yields: one with nothing in it, or any */
static u8 new_slot(struct fuzz_maker *m, const struct fuzz_program *p, unsigned int at,
		   u8 kind, unsigned int slots)
{
	unsigned int start = fuzz_below(&m->random, slots), i;

	if (!fuzz_one_in(&m->random, 8))
		for (i = 0; i < slots; i++)
			if (!slot_type(p, at, kind, (start + i) % slots))
				return (start + i) % slots;
	return start;
}

/* ---- arguments */

static u64 odd_number(struct fuzz_maker *m)
{
	u64 n = 1ULL << fuzz_below(&m->random, 64);

	switch (fuzz_below(&m->random, 5)) {
	case 0:
		return n;
	case 1:
		return n - 1;
	case 2:
		return -n;
	case 3:
		return fuzz_random64(&m->random);
	default:
		return fuzz_below(&m->random, 16);
	}
}

static u64 number(struct fuzz_maker *m, const struct fuzz_pool *pool)
{
	if (!pool || fuzz_one_in(&m->random, 16))
		return odd_number(m);
	/* The first is what works in most places */
	if (fuzz_one_in(&m->random, 3))
		return pool->values[0];
	return pool->values[fuzz_below(&m->random, pool->n)];
}

static struct fuzz_value address(struct fuzz_maker *m)
{
	struct fuzz_value v = { .kind = V_AREA };

	if (fuzz_one_in(&m->random, 24))
		return (struct fuzz_value){ .number = odd_number(m) };
	/* Half of them in one that is as it should be */
	if (fuzz_one_in(&m->random, 2))
		v.slot = fuzz_one_in(&m->random, 3) ? A_HUGE : A_PRIVATE;
	else
		v.slot = fuzz_below(&m->random, FUZZ_AREAS);
	if (fuzz_one_in(&m->random, 2))
		v.number = fuzz_below(&m->random, FUZZ_AREA_SIZE / 0x1000) * 0x1000;
	/* The end of a page, in which a structure ends in the next */
	if (fuzz_one_in(&m->random, 4))
		v.number += 0xff8;
	return v;
}

static void make_slot(struct fuzz_maker *m, const struct fuzz_program *p, unsigned int at,
		      struct fuzz_value *v, u8 kind, unsigned int slots, u32 type, u32 any)
{
	*v = (struct fuzz_value){ .kind = kind };
	if (!fuzz_one_in(&m->random, 12) &&
	    find_slot(m, p, at, kind, slots, type, &v->slot))
		return;
	if (find_slot(m, p, at, kind, slots, any, &v->slot) && !fuzz_one_in(&m->random, 4))
		return;
	if (fuzz_one_in(&m->random, 2))
		*v = (struct fuzz_value){ .number = fuzz_below(&m->random, 8) };
	else
		v->slot = fuzz_below(&m->random, slots);
}

/* Argument @i of call @at anew */
static void make_arg(struct fuzz_maker *m, const struct fuzz_program *p, unsigned int at,
		     struct fuzz_call *call, unsigned int i)
{
	const struct fuzz_arg *arg = &fuzz_kinds[call->kind].arg[i];
	struct fuzz_value *v = &call->arg[i];

	*v = (struct fuzz_value){};
	switch (arg->class) {
	case C_OBJECT:
		make_slot(m, p, at, v, V_OBJECT, FUZZ_OBJECTS, arg->type, T_OBJECT);
		break;
	case C_FD:
		make_slot(m, p, at, v, V_FD, FUZZ_FDS, arg->type, T_FD);
		break;
	case C_WINDOW:
		make_slot(m, p, at, v, V_WINDOW, FUZZ_WINDOWS, T_FD, T_FD);
		break;
	case C_MAP:
		make_slot(m, p, at, v, V_MAP, FUZZ_MAPS, T_FD, T_FD);
		if (v->kind == V_MAP)
			v->number = number(m, arg->pool);
		break;
	case C_ADDRESS:
		*v = address(m);
		break;
	case C_NUMBER:
	case C_DATA:
		v->number = number(m, arg->pool);
		break;
	case C_OUT_OBJECT:
		v->kind = V_OBJECT;
		v->slot = new_slot(m, p, at, V_OBJECT, FUZZ_OBJECTS);
		break;
	case C_OUT_FD:
		v->kind = V_FD;
		v->slot = new_slot(m, p, at, V_FD, FUZZ_FDS);
		break;
	case C_OUT_WINDOW:
		v->kind = V_WINDOW;
		v->slot = new_slot(m, p, at, V_WINDOW, FUZZ_WINDOWS);
		break;
	case C_OUT_MAP:
		v->kind = V_MAP;
		v->slot = new_slot(m, p, at, V_MAP, FUZZ_MAPS);
		break;
	case C_NONE:
		break;
	}
}

static void make_modifier(struct fuzz_maker *m, struct fuzz_call *call)
{
	const struct fuzz_kind *kind = &fuzz_kinds[call->kind];

	switch (fuzz_below(&m->random, 4)) {
	case 0:
		call->nth = 1 + fuzz_below(&m->random, fuzz_one_in(&m->random, 3) ? 64 : 12);
		break;
	case 1:
		call->times = 2 + fuzz_below(&m->random, fuzz_one_in(&m->random, 4) ? 30 : 3);
		break;
	case 2:
		if (kind->cmd)
			call->size = fuzz_one_in(&m->random, 4) ?
				     fuzz_below(&m->random, 65536) :
				     (kind->size + fuzz_below(&m->random, 33)) - 16;
		break;
	case 3:
		if (kind->cmd) {
			call->where = address(m);
			if (call->where.kind != V_AREA)
				call->where = (struct fuzz_value){ .kind = V_AREA };
			call->where.number &= ~7ULL;
		}
		break;
	}
}

static u8 choose_kind(struct fuzz_maker *m)
{
	u32 total = 0, choice;
	unsigned int i;

	for (i = 0; i < fuzz_n_kinds; i++)
		if (fuzz_kinds[i].target & m->target)
			total += fuzz_kinds[i].weight;
	choice = fuzz_below(&m->random, total);
	for (i = 0;; i++) {
		if (!(fuzz_kinds[i].target & m->target))
			continue;
		if (choice < fuzz_kinds[i].weight)
			return i;
		choice -= fuzz_kinds[i].weight;
	}
}

static void make_call(struct fuzz_maker *m, const struct fuzz_program *p, unsigned int at,
		      struct fuzz_call *call)
{
	unsigned int i;

	memset(call, 0, sizeof(*call));
	call->kind = choose_kind(m);
	call->times = 1;
	call->thread = fuzz_below(&m->random, FUZZ_THREADS);
	/* More often than not where the call before it is */
	if (at && fuzz_one_in(&m->random, 2))
		call->thread = p->call[at - 1].thread;
	for (i = 0; i < FUZZ_ARGS; i++)
		make_arg(m, p, at, call, i);
	if (fuzz_one_in(&m->random, 8))
		make_modifier(m, call);
}

/* ---- programs */

static bool open_gap(struct fuzz_program *p, unsigned int at, unsigned int n)
{
	if (p->n + n > FUZZ_CALLS)
		return false;
	memmove(&p->call[at + n], &p->call[at], (p->n - at) * sizeof(p->call[0]));
	p->n += n;
	return true;
}

static void insert(struct fuzz_maker *m, struct fuzz_program *p)
{
	unsigned int at = fuzz_below(&m->random, p->n + 1);
	struct fuzz_call call;

	/* At the end there is most to work with, if it hasn't gone */
	if (fuzz_one_in(&m->random, 4))
		at = p->n;
	make_call(m, p, at, &call);
	if (open_gap(p, at, 1))
		p->call[at] = call;
}

static void delete(struct fuzz_maker *m, struct fuzz_program *p)
{
	unsigned int at;

	if (p->n < 2)
		return;
	at = fuzz_below(&m->random, p->n);
	/* All of the end, often what undoes the rest: more is there to work with */
	if (at > p->n / 2 && fuzz_one_in(&m->random, 2)) {
		p->n = at;
		return;
	}
	p->n--;
	memmove(&p->call[at], &p->call[at + 1], (p->n - at) * sizeof(p->call[0]));
}

static void change_arg(struct fuzz_maker *m, struct fuzz_program *p)
{
	unsigned int at = fuzz_below(&m->random, p->n), n;
	struct fuzz_call *call = &p->call[at];
	const struct fuzz_kind *kind = &fuzz_kinds[call->kind];
	struct fuzz_value *v;

	for (n = 0; n < FUZZ_ARGS && kind->arg[n].class; n++)
		;
	if (!n)
		return;
	n = fuzz_below(&m->random, n);
	v = &call->arg[n];
	if (kind->arg[n].class < C_OUT_OBJECT && v->kind == V_NUMBER &&
	    fuzz_one_in(&m->random, 4)) {
		v->number ^= 1ULL << fuzz_below(&m->random, 64);
		return;
	}
	make_arg(m, p, at, call, n);
}

/* A part of the other program, at the end or anywhere */
static void splice(struct fuzz_maker *m, struct fuzz_program *p,
		   const struct fuzz_program *other)
{
	unsigned int from = fuzz_below(&m->random, other->n);
	unsigned int n = 1 + fuzz_below(&m->random, other->n - from);
	unsigned int at = fuzz_below(&m->random, p->n + 1);

	if (fuzz_one_in(&m->random, 4))
		from = 0, n = other->n;
	if (open_gap(p, at, n))
		memcpy(&p->call[at], &other->call[from], n * sizeof(p->call[0]));
}

/* The same calls again, by another thread: they race, or the second is refused */
static void repeat(struct fuzz_maker *m, struct fuzz_program *p)
{
	unsigned int from = fuzz_below(&m->random, p->n);
	unsigned int n = 1 + fuzz_below(&m->random, p->n - from > 6 ? 6 : p->n - from);
	unsigned int i;
	u8 thread = fuzz_below(&m->random, FUZZ_THREADS);
	struct fuzz_call part[6];

	memcpy(part, &p->call[from], n * sizeof(part[0]));
	if (!open_gap(p, from + n, n))
		return;
	for (i = 0; i < n; i++)
		part[i].thread = thread;
	memcpy(&p->call[from + n], part, n * sizeof(part[0]));
}

/* A part of the program to other threads */
static void interleave(struct fuzz_maker *m, struct fuzz_program *p)
{
	unsigned int at = fuzz_below(&m->random, p->n);

	for (; at < p->n; at++)
		if (!fuzz_one_in(&m->random, 3))
			p->call[at].thread = fuzz_below(&m->random, FUZZ_THREADS);
}

static void swap(struct fuzz_maker *m, struct fuzz_program *p)
{
	unsigned int a = fuzz_below(&m->random, p->n), b = fuzz_below(&m->random, p->n);
	struct fuzz_call call = p->call[a];

	p->call[a] = p->call[b];
	p->call[b] = call;
}

static void change_ends(struct fuzz_maker *m, struct fuzz_program *p)
{
	p->alarm = fuzz_one_in(&m->random, 2) ? 0 : 50 << fuzz_below(&m->random, 8);
	p->die = fuzz_one_in(&m->random, 2) ? 0 : 500 << fuzz_below(&m->random, 8);
}

void fuzz_mutate(struct fuzz_maker *m, struct fuzz_program *p,
		 const struct fuzz_program *other)
{
	unsigned int n = 1 + fuzz_below(&m->random, 4);

	while (n--) {
		switch (p->n ? fuzz_below(&m->random, 20) : 0) {
		case 0 ... 6:
			insert(m, p);
			break;
		case 7 ... 10:
			change_arg(m, p);
			break;
		case 11 ... 12:
			delete(m, p);
			break;
		case 13:
			if (other->n)
				splice(m, p, other);
			break;
		case 14:
			repeat(m, p);
			break;
		case 15 ... 16:
			interleave(m, p);
			break;
		case 17:
			make_modifier(m, &p->call[fuzz_below(&m->random, p->n)]);
			break;
		case 18:
			swap(m, p);
			break;
		case 19:
			change_ends(m, p);
			break;
		}
	}
}
