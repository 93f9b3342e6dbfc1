// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "units.h"

/* IDR1.CMDQS is at most that: an index has 20 bits, of which one tells the wrap */
#define MAX_ENTRIES	0x80000ULL

static const struct field unit_fields[] = {
	{ "smmu", FIELD_TEXT },
	{ "cmdqv", FIELD_TEXT },
	{ "role", FIELD_TEXT },
	{ "state", FIELD_TEXT },
	{ "version", FIELD_COUNT },
	{ "vintfs", FIELD_COUNT },
	{ "vcmdqs", FIELD_COUNT },
	{ "lvcmdqs_per_vintf", FIELD_COUNT },
	{ "sids_per_vintf", FIELD_COUNT },
	{ "max_log2_entries", FIELD_COUNT },
	{ "vm_usable", FIELD_BOOL },
	{ "param", FIELD_HEX },
	{ "config", FIELD_HEX },
	{ "status", FIELD_HEX },
	{ "base", FIELD_HEX },
	{ "size", FIELD_HEX },
	{ }
};

static const struct field smmu_fields[] = {
	{ "iidr", FIELD_HEX },
	{ "aidr", FIELD_HEX },
	{ "idr0", FIELD_HEX },
	{ "idr1", FIELD_HEX },
	{ "idr3", FIELD_HEX },
	{ "idr5", FIELD_HEX },
	{ "nesting", FIELD_BOOL },
	{ "s2fwb", FIELD_BOOL },
	{ "coherent", FIELD_BOOL },
	{ "nest_vm", FIELD_BOOL },
	{ }
};

static const struct field interrupt_fields[] = {
	{ "irq", FIELD_COUNT },
	{ "count", FIELD_COUNT },
	{ }
};

static const struct field total_fields[] = {
	{ "vintfs", FIELD_COUNT },
	{ "taken", FIELD_COUNT },
	{ "ended", FIELD_COUNT },
	{ "aside", FIELD_COUNT },
	{ "per_device", FIELD_COUNT },
	{ "interrupts", FIELD_COUNT },
	{ "brakes", FIELD_COUNT },
	{ }
};

static const struct field vintf0_fields[] = {
	{ "enabled", FIELD_BOOL },
	{ "hyp_own", FIELD_BOOL },
	{ "queues", FIELD_COUNT },
	{ "errors", FIELD_COUNT },
	{ "config", FIELD_HEX },
	{ "status", FIELD_HEX },
	{ }
};

static const struct field vintf_fields[] = {
	{ "v", FIELD_COUNT },
	{ "vmid", FIELD_HEX },
	{ "device", FIELD_TEXT },
	{ "user", FIELD_COUNT },
	{ "queues", FIELD_COUNT },
	{ "ended", FIELD_BOOL },
	{ "fenced", FIELD_BOOL },
	{ "masked", FIELD_BOOL },
	{ "interrupts", FIELD_COUNT },
	{ "brakes", FIELD_COUNT },
	{ "config", FIELD_HEX },
	{ "status", FIELD_HEX },
	{ "sids", FIELD_COUNT },
	{ "errors", FIELD_COUNT },
	{ }
};

static const struct field vcmdq_fields[] = {
	{ "q", FIELD_COUNT },
	{ "v", FIELD_COUNT },
	{ "l", FIELD_COUNT },
	{ "owner", FIELD_TEXT },
	{ "entries", FIELD_COUNT },
	{ "base", FIELD_HEX },
	{ "prod", FIELD_HEX },
	{ "cons", FIELD_HEX },
	{ "cons_err", FIELD_COUNT },
	{ "config", FIELD_HEX },
	{ "status", FIELD_HEX },
	{ "gerror", FIELD_HEX },
	{ "gerrorn", FIELD_HEX },
	{ "alloc", FIELD_HEX },
	{ }
};

static const struct field sid_fields[] = {
	{ "v", FIELD_COUNT },
	{ "slot", FIELD_COUNT },
	{ "virt", FIELD_HEX },
	{ "phys", FIELD_HEX },
	{ "device", FIELD_TEXT },
	{ "given_up", FIELD_BOOL },
	{ "match", FIELD_HEX },
	{ "replace", FIELD_HEX },
	{ }
};

static const struct field no_fields[] = { { } };

const struct kind_info kinds[KINDS] = {
	[KIND_UNIT] = { "unit", unit_fields },
	[KIND_SMMU] = { "smmu", smmu_fields },
	[KIND_INTERRUPT] = { "interrupt", interrupt_fields },
	[KIND_TOTAL] = { "total", total_fields },
	[KIND_VINTF0] = { "vintf0", vintf0_fields },
	[KIND_VINTF] = { "vintf", vintf_fields },
	[KIND_VCMDQ] = { "vcmdq", vcmdq_fields },
	[KIND_SID] = { "sid", sid_fields },
	[KIND_OTHER] = { "", no_fields },
};

static enum record_kind kind_of(const struct record *r)
{
	for (size_t i = 0; i < KIND_OTHER; i++)
		if (span_is(r->word, kinds[i].word))
			return i;
	return KIND_OTHER;
}

static void list_add(struct list *list, const struct record *r)
{
	list->r = grow(list->r, list->num, &list->size, sizeof(*list->r));
	list->r[list->num++] = r;
}

static void make_unit(struct unit *u, const struct raw_unit *raw)
{
	*u = (struct unit){ .name = raw->name, .raw = raw };
	for (size_t k = 0; k < RAW_KINDS; k++) {
		const struct text *t = &raw->file[k].text;
		struct records *records = &u->records[k];

		records_parse(records, (struct span){ t->s, t->len });
		for (size_t i = 0; i < records->num; i++)
			list_add(&u->list[kind_of(&records->r[i])], &records->r[i]);
	}
}

/**
 * look_make() - the units that look::raw holds
 * @look: the rest of it is made
 */
void look_make(struct look *look)
{
	look->unit = allocate(look->raw.num, sizeof(*look->unit));
	for (look->num = 0; look->num < look->raw.num; look->num++)
		make_unit(&look->unit[look->num], &look->raw.unit[look->num]);
}

/**
 * look_free() - forget the units and their files
 * @look: what was seen
 */
void look_free(struct look *look)
{
	for (size_t i = 0; i < look->num; i++) {
		struct unit *u = &look->unit[i];

		for (size_t k = 0; k < KINDS; k++)
			free(u->list[k].r);
		for (size_t k = 0; k < RAW_KINDS; k++)
			records_free(&u->records[k]);
	}
	free(look->unit);
	raw_free(&look->raw);
	*look = (struct look){};
}

/**
 * unit_first() - the record of a kind of which there is one
 * @u: the unit, or NULL
 * @kind: of which kind
 *
 * Return: the record, or NULL if there is none.
 */
const struct record *unit_first(const struct unit *u, enum record_kind kind)
{
	return u && u->list[kind].num ? u->list[kind].r[0] : NULL;
}

/**
 * unit_find() - the record of a kind that has this number
 * @u: the unit, or NULL
 * @kind: of which kind
 * @key: the number's key
 * @value: the number
 *
 * Return: the record, or NULL if there is none.
 */
const struct record *unit_find(const struct unit *u, enum record_kind kind,
			       const char *key, u64 value)
{
	u64 v;

	for (size_t i = 0; u && i < u->list[kind].num; i++)
		if (record_u64(u->list[kind].r[i], key, &v) && v == value)
			return u->list[kind].r[i];
	return NULL;
}

/**
 * look_find() - a unit by its name
 * @look: all units, or NULL
 * @name: of its SMMU, or of its CMDQV
 *
 * Return: the unit, or NULL if there is none.
 */
const struct unit *look_find(const struct look *look, const char *name)
{
	for (size_t i = 0; look && i < look->num; i++)
		if (!strcmp(look->unit[i].name, name) ||
		    record_is(unit_first(&look->unit[i], KIND_UNIT), "cmdqv", name))
			return &look->unit[i];
	return NULL;
}

/**
 * field_valid() - is a value what it has to be?
 * @f: the field
 * @r: the record
 *
 * Return: whether the record has no such key, or a value of its type.
 */
bool field_valid(const struct field *f, const struct record *r)
{
	const struct pair *p = record_pair(r, f->key);
	u64 value;

	if (!p || f->type == FIELD_TEXT)
		return true;
	return span_u64(p->value, &value) && (f->type != FIELD_BOOL || value <= 1);
}

/**
 * queue_entries() - can a queue be of this length?
 * @entries: commands that it takes
 *
 * Return: whether it can: a power of two, not longer than indices can tell.
 */
bool queue_entries(u64 entries)
{
	return entries && entries <= MAX_ENTRIES && !(entries & (entries - 1));
}

/**
 * queue_state() - what a record about a VCMDQ means
 * @r: the record
 *
 * Return: that, as far as the record tells it.
 */
struct queue_state queue_state(const struct record *r)
{
	u64 config, status, gerror, gerrorn, entries, prod, cons;
	struct queue_state s = {};

	if (record_u64(r, "config", &config)) {
		s.known.enabled = true;
		s.enabled = config & 1;
	}
	if (record_u64(r, "status", &status)) {
		s.known.running = true;
		s.running = status & 1;
	}
	if (record_u64(r, "gerror", &gerror) && record_u64(r, "gerrorn", &gerrorn)) {
		s.known.errors = true;
		s.errors = (gerror ^ gerrorn) &
			   (GERROR_CMDQ_ERR | GERROR_CONS_DRAM_WR_ABT_ERR |
			    GERROR_CMDQ_INIT_ERR);
	}
	/* Indices count through twice: the bit above them tells empty from full */
	if (record_u64(r, "entries", &entries) && record_u64(r, "prod", &prod) &&
	    record_u64(r, "cons", &cons) && queue_entries(entries)) {
		s.pending = (prod - cons) & (2 * entries - 1);
		/* A guest can write what it likes there */
		s.known.pending = s.pending <= entries;
	}
	return s;
}

/**
 * cons_error() - what CONS.ERR means
 * @code: the code
 *
 * Return: words for it.
 */
const char *cons_error(u64 code)
{
	static const char *const words[] = {
		"no error", "illegal opcode", "abort when fetching", "ATC invalidation timed out",
		"illegal access",
	};

	return code < ARRAY_SIZE(words) ? words[code] : "unknown code";
}
