/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The units, made of their records.
 *
 * A record stays what it is: whoever wants a value asks for it by its key, and gets
 * none if this kernel's driver does not tell it. What is known of each kind of record
 * stands in one table, that of its fields.
 */
#ifndef CMDQV_UNITS_H
#define CMDQV_UNITS_H

#include "raw.h"
#include "records.h"

/* How the value of a field is to be read, and hence what it is in JSON */
enum field_type {
	FIELD_COUNT,	/* a number */
	FIELD_HEX,	/* a register, an address or an ID: "0x..." */
	FIELD_BOOL,	/* 0 or 1 */
	FIELD_TEXT,
};

/**
 * struct field - a key that is known
 * @key: its name, in records and in JSON
 * @type: what its value is
 */
struct field {
	const char *key;
	enum field_type type;
};

/* The kinds of records that are known */
enum record_kind {
	KIND_UNIT,
	KIND_SMMU,
	KIND_INTERRUPT,
	KIND_TOTAL,
	KIND_VINTF0,
	KIND_VINTF,
	KIND_VCMDQ,
	KIND_SID,
	KIND_OTHER,
	KINDS,
};

/**
 * struct kind_info - what is known of a kind of record
 * @word: its word
 * @fields: its keys; ends with one that has no name
 */
struct kind_info {
	const char *word;
	const struct field *fields;
};

extern const struct kind_info kinds[KINDS];

/**
 * struct list - records of a kind
 * @r: the records
 * @num: how many
 * @size: for how many there is room
 */
struct list {
	const struct record **r;
	size_t num;
	size_t size;
};

/**
 * struct unit - a unit
 * @name: of its SMMU
 * @raw: its files
 * @records: what is in these
 * @list: the records by their kind
 */
struct unit {
	const char *name;
	const struct raw_unit *raw;
	struct records records[RAW_KINDS];
	struct list list[KINDS];
};

/**
 * struct look - all units, at a time
 * @raw: their files
 * @time: when they were read, nanoseconds of a clock that only goes forward
 * @unit: the units
 * @num: how many
 */
struct look {
	struct raw raw;
	u64 time;
	struct unit *unit;
	size_t num;
};

/**
 * struct queue_state - what a record about a VCMDQ means
 * @known: it tells enough for the others
 * @enabled: somebody has enabled it (CONFIG)
 * @running: it runs (STATUS)
 * @errors: errors that nobody has acknowledged, as in GERROR
 * @pending: commands that wait in it
 */
struct queue_state {
	struct {
		bool enabled;
		bool running;
		bool errors;
		bool pending;
	} known;
	bool enabled;
	bool running;
	unsigned int errors;
	u64 pending;
};

/* In GERROR and GERRORN of a queue */
#define GERROR_CMDQ_ERR			BIT(0)
#define GERROR_CONS_DRAM_WR_ABT_ERR	BIT(1)
#define GERROR_CMDQ_INIT_ERR		BIT(2)

/* In CONFIG and STATUS of a VINTF */
#define VINTF_CONFIG_ENABLE		BIT(0)
#define VINTF_CONFIG_HYP_OWN		BIT(17)
#define VINTF_STATUS_ENABLE_OK		BIT(0)

void look_make(struct look *look);
void look_free(struct look *look);

const struct record *unit_first(const struct unit *u, enum record_kind kind);
const struct record *unit_find(const struct unit *u, enum record_kind kind,
			       const char *key, u64 value);
const struct unit *look_find(const struct look *look, const char *name);
bool field_valid(const struct field *f, const struct record *r);

bool queue_entries(u64 entries);
struct queue_state queue_state(const struct record *r);
const char *cons_error(u64 code);

#endif
