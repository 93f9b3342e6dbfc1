/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON as it is written: objects and lists are opened and closed in turn, commas and
 * line breaks come by themselves. What is between quotes is printable ASCII.
 */
#ifndef CMDQV_JSON_H
#define CMDQV_JSON_H

#include "text.h"

/**
 * struct json - a document that is being written
 * @out: where to
 * @compact: all of it in one line
 * @depth: how many objects and lists are open
 * @comma: something stands before what comes next
 */
struct json {
	struct text *out;
	bool compact;
	unsigned int depth;
	bool comma;
};

/* @key: NULL in lists, and for the document itself */
void json_open(struct json *j, const char *key, char bracket);
void json_close(struct json *j, char bracket);
void json_span(struct json *j, struct span key, struct span value);
void json_string(struct json *j, const char *key, struct span value);
void json_number(struct json *j, const char *key, u64 value);
void json_hex(struct json *j, const char *key, u64 value);
void json_rate(struct json *j, const char *key, double value);
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);

#endif
