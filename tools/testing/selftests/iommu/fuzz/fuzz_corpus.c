// SPDX-License-Identifier: GPL-2.0-or-later
/* Programs kept, in a file of text, and the choice of those that matter. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fuzz.h"

/* Each fork() would have to copy its page tables, and each exit to go through them */
void *fuzz_alloc(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, size, MADV_DONTFORK);
	return p;
}

int fuzz_corpus_add(struct fuzz_corpus *c, const struct fuzz_program *p,
		    const struct fuzz_set *points)
{
	if (!c->program) {
		c->program = fuzz_alloc(FUZZ_PROGRAMS * sizeof(*c->program));
		c->points = fuzz_alloc(FUZZ_PROGRAMS * sizeof(*c->points));
	}
	if (!c->program || !c->points || c->n == FUZZ_PROGRAMS)
		return -ENOMEM;
	c->points[c->n] = NULL;
	if (points) {
		c->points[c->n] = fuzz_alloc(sizeof(*points));
		if (!c->points[c->n])
			return -ENOMEM;
		*c->points[c->n] = *points;
	}
	c->program[c->n++] = *p;
	return 0;
}

static char *read_text(const char *path)
{
	char *text = NULL, *more;
	size_t len = 0, room = 0, n;
	FILE *f = fopen(path, "re");

	if (!f)
		return NULL;
	do {
		if (len + 1 >= room) {
			room = room ? 2 * room : 1 << 16;
			more = realloc(text, room);
			if (!more) {
				free(text);
				text = NULL;
				break;
			}
			text = more;
		}
		n = fread(text + len, 1, room - len - 1, f);
		len += n;
		text[len] = 0;
	} while (n);
	fclose(f);
	return text;
}

int fuzz_corpus_read(struct fuzz_corpus *c, const char *path, char *why, size_t len)
{
	char *text = read_text(path);
	const char *at = text, *wrong = NULL;
	struct fuzz_program p;
	unsigned int n = c->n;
	int rc = 0;

	if (!text) {
		snprintf(why, len, "can't read %s", path);
		return -ENOENT;
	}
	while (!rc && (at = fuzz_parse(&p, at, &wrong)))
		rc = fuzz_corpus_add(c, &p, NULL);
	if (wrong) {
		snprintf(why, len, "%s, program %u: %s after \"%s\"", path, c->n - n + 1, wrong,
			 p.n ? fuzz_kinds[p.call[p.n - 1].kind].name : "");
		rc = -EINVAL;
	} else if (!rc && c->n == n) {
		snprintf(why, len, "%s has no program", path);
		rc = -ENODATA;
	}
	free(text);
	return rc;
}

unsigned int fuzz_corpus_choose(const struct fuzz_corpus *c, unsigned int *chosen)
{
	struct fuzz_set have = {};
	unsigned int n = 0, i, j, gain, best, which;

	/* The one that adds most, until none adds anything */
	for (;;) {
		best = 0;
		which = 0;
		for (i = 0; i < c->n; i++) {
			if (!c->points[i])
				continue;
			gain = 0;
			for (j = 0; j < FUZZ_POINTS / 64; j++)
				gain += __builtin_popcountll(c->points[i]->bits[j] &
							     ~have.bits[j]);
			if (gain > best) {
				best = gain;
				which = i;
			}
		}
		if (!best)
			return n;
		for (j = 0; j < FUZZ_POINTS / 64; j++)
			have.bits[j] |= c->points[which]->bits[j];
		chosen[n++] = which;
	}
}
