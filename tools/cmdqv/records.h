/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records, as the driver's files in debugfs have them: one a line,
 *
 *	word key=value key=value ...
 *
 * with blanks between, none in a value, 0x before hexadecimal numbers. Words and keys
 * that nobody here knows are records like all others. What is no record is noted, and
 * the rest is read nevertheless.
 */
#ifndef CMDQV_RECORDS_H
#define CMDQV_RECORDS_H

#include "text.h"

/**
 * struct pair - key=value
 * @key: not empty
 * @value: may be empty
 */
struct pair {
	struct span key;
	struct span value;
};

/**
 * struct record - a line
 * @word: what it is about
 * @pairs: in the order of the line, each key once
 * @num: how many
 */
struct record {
	struct span word;
	struct pair *pairs;
	size_t num;
};

/**
 * struct complaint - something that is no record
 * @line: where, from 1 on
 * @what: what is wrong with it
 */
struct complaint {
	size_t line;
	const char *what;
};

/**
 * struct records - what a file holds
 * @r: the records; they point into the file's text, which has to outlive them
 * @num: how many
 * @size: for how many there is room
 * @bad: what is wrong with it
 * @num_bad: how many complaints
 * @size_bad: for how many there is room
 */
struct records {
	struct record *r;
	size_t num;
	size_t size;
	struct complaint *bad;
	size_t num_bad;
	size_t size_bad;
};

void records_parse(struct records *records, struct span text);
void records_free(struct records *records);

const struct pair *record_pair(const struct record *r, const char *key);
bool record_u64(const struct record *r, const char *key, u64 *value);
u64 record_or(const struct record *r, const char *key, u64 otherwise);
bool record_is(const struct record *r, const char *key, const char *value);

#endif
