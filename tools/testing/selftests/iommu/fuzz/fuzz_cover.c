// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What programs execute in the kernel files that were built for it, by KCOV: one buffer
 * for each thread and one for the process's end. A buffer is opened once and handed
 * from process to process, as opening it is what takes longest.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/kcov.h>

#include "fuzz.h"

#define KCOV		"/sys/kernel/debug/kcov"
#define BUFFERS		(FUZZ_THREADS + 1)
/* What doesn't fit is not seen: the calls at the end of a long program */
#define WORDS		(512u << 10)
#define PAIRS		(4u << 20)
#define SLOTS		(4 * FUZZ_POINTS)

/**
 * struct fuzz_cover - what was executed
 * @buffer: its first word says how many addresses follow
 * @address: of each point, in the order in which they were found
 * @n_points: how many
 * @slot: hash table: number of a point, plus 1
 * @pair: hash of two points one after the other: a bit
 * @n_pairs: bits
 */
struct fuzz_cover {
	u64 *buffer[BUFFERS];
	u64 address[FUZZ_POINTS];
	unsigned int n_points;
	u32 slot[SLOTS];
	u64 pair[PAIRS / 64];
	unsigned int n_pairs;
};

/* The buffers' files: all that a process that runs a program sees of them */
static int file[BUFFERS];
static u64 *shared[BUFFERS];

struct fuzz_cover *fuzz_cover_open(void)
{
	struct fuzz_cover *c = fuzz_alloc(sizeof(*c));
	unsigned int i;
	int fd;

	/* One target after the other has them */
	for (i = 0; c && i < BUFFERS; i++) {
		if (shared[i]) {
			c->buffer[i] = shared[i];
			continue;
		}
		fd = open(KCOV, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			break;
		/* Out of reach of the program's own calls */
		file[i] = fcntl(fd, F_DUPFD_CLOEXEC, 300);
		close(fd);
		if (ioctl(file[i], KCOV_INIT_TRACE, WORDS))
			break;
		c->buffer[i] = mmap(NULL, WORDS * sizeof(u64), PROT_READ | PROT_WRITE,
				    MAP_SHARED, file[i], 0);
		if (c->buffer[i] == MAP_FAILED)
			break;
		/* A program executes into it and doesn't read it */
		madvise(c->buffer[i], WORDS * sizeof(u64), MADV_DONTFORK);
		shared[i] = c->buffer[i];
	}
	return c && i == BUFFERS ? c : NULL;
}

void fuzz_cover_enable(struct fuzz_cover *c, unsigned int thread)
{
	if (c)
		ioctl(file[thread], KCOV_ENABLE, KCOV_TRACE_PC);
}

void fuzz_cover_disable(struct fuzz_cover *c, unsigned int thread)
{
	if (c)
		ioctl(file[thread], KCOV_DISABLE, 0);
}

void fuzz_cover_clear(struct fuzz_cover *c)
{
	unsigned int i;

	for (i = 0; c && i < BUFFERS; i++)
		__atomic_store_n(&c->buffer[i][0], 0, __ATOMIC_RELEASE);
}

/* The number of the point at @address; FUZZ_POINTS: there are more than there can be */
static u32 point_at(struct fuzz_cover *c, u64 address)
{
	u32 i = (address * 0x9e3779b97f4a7c15ULL >> 40) % SLOTS;

	for (; c->slot[i]; i = (i + 1) % SLOTS)
		if (c->address[c->slot[i] - 1] == address)
			return c->slot[i] - 1;
	if (c->n_points == FUZZ_POINTS)
		return FUZZ_POINTS;
	c->address[c->n_points++] = address;
	c->slot[i] = c->n_points;
	return c->n_points - 1;
}

static u64 words(const struct fuzz_cover *c, unsigned int i)
{
	u64 n = __atomic_load_n(&c->buffer[i][0], __ATOMIC_ACQUIRE);

	return n < WORDS - 1 ? n : WORDS - 1;
}

bool fuzz_cover_is_full(const struct fuzz_cover *c)
{
	unsigned int i;

	for (i = 0; i < BUFFERS; i++)
		if (words(c, i) == WORDS - 1)
			return true;
	return false;
}

unsigned int fuzz_cover_take(struct fuzz_cover *c)
{
	unsigned int i, fresh = 0;
	u32 point, last, bit;
	u64 j, n;

	for (i = 0; i < BUFFERS; i++) {
		n = words(c, i);
		for (j = 1, last = 0; j <= n; j++, last = point) {
			point = point_at(c, c->buffer[i][j]);
			bit = ((u64)last << 16 | point) * 0x9e3779b97f4a7c15ULL >> 42;
			if (c->pair[bit / 64] >> bit % 64 & 1)
				continue;
			c->pair[bit / 64] |= 1ULL << bit % 64;
			fresh++;
		}
	}
	c->n_pairs += fresh;
	return fresh;
}

void fuzz_cover_points(struct fuzz_cover *c, struct fuzz_set *set)
{
	unsigned int i;
	u32 point;
	u64 j, n;

	memset(set, 0, sizeof(*set));
	for (i = 0; i < BUFFERS; i++) {
		n = words(c, i);
		for (j = 1; j <= n; j++) {
			point = point_at(c, c->buffer[i][j]);
			if (point < FUZZ_POINTS)
				set->bits[point / 64] |= 1ULL << point % 64;
		}
	}
}

unsigned int fuzz_cover_n_points(const struct fuzz_cover *c)
{
	return c->n_points;
}

unsigned int fuzz_cover_n_pairs(const struct fuzz_cover *c)
{
	return c->n_pairs;
}

void fuzz_cover_write(const struct fuzz_cover *c, FILE *f)
{
	unsigned int i;

	for (i = 0; i < c->n_points; i++)
		fprintf(f, "%#llx\n", c->address[i]);
}
