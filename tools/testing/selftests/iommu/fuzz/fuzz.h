/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fuzzer of iommufd's user ABI: what a malicious VMM could do, by up to four threads
 * on shared file descriptors and object ids, with memory that can't be written, changes
 * or goes away during a call, signals, fork, failing allocations and sudden death.
 *
 * A *program* is a list of calls, each of one thread. What a call yields (an id, a
 * file descriptor, a mapping) goes to a numbered slot that all threads share, and from
 * which later calls take it, whatever is in there by then. Programs are text, a call a
 * line; fuzz_program.c has the syntax. Each runs in a process of its own, which takes
 * all that is left with it when it dies, and after it the rules of fuzz_check.c hold.
 *
 * Programs are made of those that were kept because they executed something new in the
 * kernel (KCOV); without KCOV they are made blindly.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <pthread.h>
#include <stdio.h>
#include <sys/types.h>

#include "types.h"

#define FUZZ_THREADS	4
#define FUZZ_CALLS	64
#define FUZZ_ARGS	14

/* Slots; some have something in them before the first call, see fuzz_memory.c */
#define FUZZ_OBJECTS	32
#define FUZZ_FDS	16
#define FUZZ_MAPS	4
#define FUZZ_WINDOWS	4
#define FUZZ_AREAS	8

/* What the fuzzer is let loose on */
enum fuzz_target {
	/* iommufd's mock driver */
	FUZZ_MOCK = 1,
	/* devices behind an SMMU with a CMDQV unit, by VFIO */
	FUZZ_UNIT = 2,
	FUZZ_BOTH = 3,
};

/* What a slot may hold, as bits: calls say what they want and what they yield */
enum fuzz_type {
	/* Objects of iommufd */
	T_IOAS = 1 << 0,
	T_HWPT = 1 << 1,
	T_NESTED = 1 << 2,
	T_DEVICE = 1 << 3,
	T_STDEV = 1 << 4,
	T_FAULT = 1 << 5,
	T_VIOMMU = 1 << 6,
	T_VDEVICE = 1 << 7,
	T_VEVENTQ = 1 << 8,
	T_HWQ = 1 << 9,
	T_PAGES = 1 << 10,
	T_OBJECT = (1 << 11) - 1,
	/* File descriptors */
	T_IOMMUFD = 1 << 11,
	T_EVENT_FD = 1 << 12,
	T_FAULT_FD = 1 << 13,
	T_ACCESS_FD = 1 << 14,
	T_MEMFD = 1 << 15,
	T_VFIO = 1 << 16,
	T_FD = 0x1ffff & ~T_OBJECT,
};

/* What an argument is */
enum fuzz_class {
	/* The end of a call's arguments */
	C_NONE,
	/* Taken: a slot, or a number in its place */
	C_OBJECT,
	C_FD,
	C_WINDOW,
	C_MAP,
	/* An address in an area of memory */
	C_ADDRESS,
	C_NUMBER,
	/* A word of what is at the call's address */
	C_DATA,
	/* Yielded: a slot */
	C_OUT_OBJECT,
	C_OUT_FD,
	C_OUT_WINDOW,
	C_OUT_MAP,
};

struct fuzz_pool {
	const u64 *values;
	unsigned int n;
};

/**
 * struct fuzz_arg - an argument of a kind of call
 * @name: in a program's text
 * @class: what it is
 * @type: enum fuzz_type that it should have or gets
 * @at: where it is in the ioctl's structure, or, with C_DATA, in what the address
 *	points at; 0: nowhere
 * @width: bytes of it there
 * @pool: numbers that make sense
 */
struct fuzz_arg {
	const char *name;
	enum fuzz_class class;
	u32 type;
	u8 at;
	u8 width;
	const struct fuzz_pool *pool;
};

struct fuzz_run;
struct fuzz_thread;

/**
 * struct fuzz_kind - a kind of call
 * @name: in a program's text
 * @weight: how often it is chosen, relative to others
 * @target: for which it is, enum fuzz_target
 * @cmd: the ioctl; 0: @call makes it
 * @size: bytes of its structure
 * @op: op of IOMMU_TEST_CMD
 * @call: else: does it with the values of its arguments, returns 0 or a negative errno
 * @arg: its arguments
 */
struct fuzz_kind {
	const char *name;
	u8 weight;
	u8 target;
	unsigned long cmd;
	u8 size;
	u8 op;
	int (*call)(struct fuzz_thread *t, const u64 *values);
	struct fuzz_arg arg[FUZZ_ARGS];
};

/* fuzz_kinds.c */
extern const struct fuzz_kind fuzz_kinds[];
extern const unsigned int fuzz_n_kinds;

enum fuzz_value_kind {
	V_NUMBER,
	V_OBJECT,
	V_FD,
	V_WINDOW,
	V_MAP,
	V_AREA,
};

/**
 * struct fuzz_value - an argument of a call
 * @kind: what it is
 * @slot: which, if it is no number
 * @number: it, or bytes to add to the address of an area or of a mapping
 */
struct fuzz_value {
	u8 kind;
	u8 slot;
	u64 number;
};

/**
 * struct fuzz_call - a call
 * @kind: index of fuzz_kinds[]
 * @thread: who makes it
 * @nth: which of the kernel's allocations is to fail, 0: none
 * @times: how often it is made
 * @size: of the ioctl's structure as the call says; 0: as it is
 * @where: the area that the ioctl's structure is in; a number: the stack
 * @arg: its arguments
 */
struct fuzz_call {
	u8 kind;
	u8 thread;
	u8 nth;
	u8 times;
	u16 size;
	struct fuzz_value where;
	struct fuzz_value arg[FUZZ_ARGS];
};

/**
 * struct fuzz_program - a program
 * @n: its calls
 * @alarm: a signal comes each so many microseconds, 0: none
 * @die: it is killed after so many microseconds, 0: not at all
 * @call: its calls
 */
struct fuzz_program {
	u8 n;
	u32 alarm;
	u32 die;
	struct fuzz_call call[FUZZ_CALLS];
};

/* ---- fuzz_random.c: reproducible from the seed */

struct fuzz_random {
	u64 state;
};

/* Less than @limit, which isn't 0 */
u32 fuzz_below(struct fuzz_random *r, u32 limit);
/* True once in @n times */
static inline bool fuzz_one_in(struct fuzz_random *r, u32 n)
{
	return !fuzz_below(r, n);
}

u64 fuzz_random64(struct fuzz_random *r);

/* ---- fuzz_program.c: programs as text */

/* Bytes that the text of any program fits in */
#define FUZZ_TEXT	(32u << 10)

/* Number of bytes written to @text, which has FUZZ_TEXT, without the NUL */
size_t fuzz_print(const struct fuzz_program *p, char *text);

/**
 * fuzz_parse() - make a program of text
 * @p: the program
 * @text: up to an empty line or the end; lines that begin with "#" are skipped
 * @why: what is wrong, if something is
 *
 * Return: what follows the program in @text, NULL if there is no program or something
 * is wrong, in which case *@why isn't NULL.
 */
const char *fuzz_parse(struct fuzz_program *p, const char *text, const char **why);

/* ---- fuzz_mutate.c: new programs */

/**
 * struct fuzz_maker - who makes programs
 * @random: chance
 * @target: what they are for
 */
struct fuzz_maker {
	struct fuzz_random random;
	enum fuzz_target target;
};

/* Change @p, in which parts of @other may be put; the result is always a program. */
void fuzz_mutate(struct fuzz_maker *m, struct fuzz_program *p,
		 const struct fuzz_program *other);

/* ---- fuzz_run.c: programs run */

/**
 * struct fuzz_tally - what programs did, shared with the processes that run them
 * @calls: calls made
 * @by_kind: of each kind
 * @worked: of each kind, those that succeeded
 * @faults: memory accesses of programs that got a signal
 */
struct fuzz_tally {
	u64 calls;
	u64 by_kind[128];
	u64 worked[128];
	u64 faults;
	u64 failed_allocations;
};

struct fuzz_cover;

/* Before the first program of a target: its tally, or NULL with errno set */
struct fuzz_tally *fuzz_run_init(enum fuzz_target target);
/* The following programs are for this target again */
void fuzz_run_switch(enum fuzz_target target, struct fuzz_tally *tally);

/**
 * fuzz_run() - run a program in a process of its own, until nothing of it is left
 * @p: the program
 * @cover: where what it executes goes; may be NULL
 *
 * Return: 0, or -ETIMEDOUT: something of it doesn't go away though it was killed.
 */
int fuzz_run(const struct fuzz_program *p, struct fuzz_cover *cover);

/* How much longer than usual everything may take, BOARD_SLOW in the environment */
unsigned int fuzz_slow(void);

/* ---- fuzz_cover.c: what programs execute */

/* NULL if the kernel has no KCOV */
struct fuzz_cover *fuzz_cover_open(void);
/* In the process that runs: count what the calling thread executes as @thread */
void fuzz_cover_enable(struct fuzz_cover *c, unsigned int thread);
void fuzz_cover_disable(struct fuzz_cover *c, unsigned int thread);
/* Before a program */
void fuzz_cover_clear(struct fuzz_cover *c);
/* After it: pairs of points executed one after the other that no program had before */
unsigned int fuzz_cover_take(struct fuzz_cover *c);

/* More was executed than is known */
bool fuzz_cover_is_full(const struct fuzz_cover *c);

/* A set of points, for those who choose between programs: points get small numbers */
#define FUZZ_POINTS	65536u
struct fuzz_set {
	u64 bits[FUZZ_POINTS / 64];
};

/* The points that the last program executed */
void fuzz_cover_points(struct fuzz_cover *c, struct fuzz_set *set);
/* Points and pairs executed so far */
unsigned int fuzz_cover_n_points(const struct fuzz_cover *c);
unsigned int fuzz_cover_n_pairs(const struct fuzz_cover *c);
/* Write the addresses of all points executed so far, one a line */
void fuzz_cover_write(const struct fuzz_cover *c, FILE *f);

/* ---- fuzz_check.c: what must hold after each program */

/* 0, or -1 with the reason in *@why; then the target is this one */
int fuzz_check_init(enum fuzz_target target, const char **why);
/* It is this one again */
void fuzz_check_switch(enum fuzz_target target);
/* After a program: 0, or -1 with the broken rule in @why */
int fuzz_check(char *why, size_t len);
/* Likewise, what takes longer: now and then, and in the end */
int fuzz_check_all(char *why, size_t len);

/* ---- fuzz_corpus.c: programs kept */

/* More than any run finds */
#define FUZZ_PROGRAMS	8192u

/**
 * struct fuzz_corpus - programs
 * @program: they
 * @points: what each executes; NULL: not known
 * @n: how many
 */
struct fuzz_corpus {
	struct fuzz_program *program;
	struct fuzz_set **points;
	unsigned int n;
};

/* Memory that isn't copied to processes that run programs, zeroed, never freed; NULL */
void *fuzz_alloc(size_t size);

/* 0 or a negative errno; *@why says what is wrong with which program */
int fuzz_corpus_read(struct fuzz_corpus *c, const char *path, char *why, size_t len);
int fuzz_corpus_add(struct fuzz_corpus *c, const struct fuzz_program *p,
		    const struct fuzz_set *points);
/* A choice of programs that together execute all the points of all of them */
unsigned int fuzz_corpus_choose(const struct fuzz_corpus *c, unsigned int *chosen);

/* ---- fuzz_memory.c: a program's memory */

#define FUZZ_AREA_SIZE	0x10000ULL
#define FUZZ_AREA_BASE	0x100000000000ULL
#define FUZZ_AREA_STEP	0x1000000ULL

enum fuzz_area {
	A_PRIVATE,	/* anonymous */
	A_SHARED,	/* a memfd's, in slot FUZZ_FDS - 2 */
	A_READONLY,
	A_NONE,		/* that nobody may touch */
	A_CUT,		/* a memfd's that ends in the middle, in slot FUZZ_FDS - 1 */
	A_HOLE,		/* with nothing mapped in the middle */
	A_STALL,	/* each page takes a while to come, once */
	A_HUGE,		/* 2 MiB, of a huge page if there is one */
};

/**
 * struct fuzz_memory - a program's memory
 * @alias: where the program itself writes what a call is to find in an area
 * @memfd: of A_SHARED and A_CUT
 * @uffd: of A_STALL; -1: it doesn't stall
 */
struct fuzz_memory {
	char *alias[FUZZ_AREAS];
	int memfd[2];
	int uffd;
};

/* 0 or a negative errno */
int fuzz_memory_init(struct fuzz_memory *m);
/* The address of an area, and bytes of it */
static inline u64 fuzz_area_at(unsigned int area)
{
	return FUZZ_AREA_BASE + area * FUZZ_AREA_STEP;
}

static inline u64 fuzz_area_size(unsigned int area)
{
	return area == A_HUGE ? 32 * FUZZ_AREA_SIZE : FUZZ_AREA_SIZE;
}

/* ---- fuzz_run.c, fuzz_calls.c: the process that runs a program */

/**
 * struct fuzz_run - a program that runs, in its process
 * @p: the program
 * @target: what it is for
 * @memory: its memory
 * @object: ids
 * @fd: file descriptors, -1: none
 * @window: offset of a window for mmap()
 * @map: address of a mapping
 * @map_size: bytes of it
 * @thread: its threads
 * @arrived: at each barrier, how many threads
 * @forks: processes made
 * @tally: counts
 * @cover: what it executes, NULL: nobody wants to know
 */
struct fuzz_run {
	const struct fuzz_program *p;
	enum fuzz_target target;
	struct fuzz_memory memory;
	u32 object[FUZZ_OBJECTS];
	int fd[FUZZ_FDS];
	u64 window[FUZZ_WINDOWS];
	u64 map[FUZZ_MAPS];
	u64 map_size[FUZZ_MAPS];
	struct fuzz_thread *thread[FUZZ_THREADS];
	unsigned int n_threads;
	unsigned int arrived[FUZZ_CALLS];
	unsigned int forks;
	struct fuzz_tally *tally;
	struct fuzz_cover *cover;
};

/**
 * struct fuzz_thread - one of its threads
 * @run: the program
 * @nr: which
 * @barriers: that it has reached
 * @out: slot of what a call yields, for struct fuzz_kind::call
 */
struct fuzz_thread {
	struct fuzz_run *run;
	unsigned int nr;
	unsigned int barriers;
	int fail_nth;
	const struct fuzz_call *now;
	pthread_t id;
};

/* Copy between the program's memory and ours: false if there is none */
bool fuzz_peek(void *to, u64 from, size_t len);
bool fuzz_poke(u64 to, const void *from, size_t len);
/* fuzz_poke() to an area by way of its alias, so that it works whatever its rights */
bool fuzz_area_write(struct fuzz_run *run, u64 to, const void *from, size_t len);
/* Devices for VFIO, fuzz_vfio.c: how many there are, and a file of one */
unsigned int fuzz_vfio_init(void);
int fuzz_vfio_open(unsigned int nth);

#endif
