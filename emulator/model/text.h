/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text commands and their replies; inside of the library */
#ifndef CMDQV_MODEL_TEXT_H
#define CMDQV_MODEL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CMDQV_MAX_WORDS		8
#define CMDQV_MAX_COMMAND	256

/* @len is that of the whole reply, written to @out or not */
struct cmdqv_reply {
	char *out;
	size_t out_len;
	size_t len;
};

struct cmdqv_words {
	char text[CMDQV_MAX_COMMAND];
	char *word[CMDQV_MAX_WORDS];
	unsigned int count;
};

__attribute__((format(printf, 2, 3)))
void cmdqv_say(struct cmdqv_reply *r, const char *format, ...);
void cmdqv_say_end(struct cmdqv_reply *r);
bool cmdqv_words(struct cmdqv_words *w, const char *command);
bool cmdqv_parse(const char *text, uint64_t *value);
bool cmdqv_parse_key(const char *text, const char *key, uint64_t *value);

#endif /* CMDQV_MODEL_TEXT_H */
