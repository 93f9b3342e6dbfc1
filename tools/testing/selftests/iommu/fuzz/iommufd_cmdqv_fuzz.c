// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * iommufd's user ABI as a malicious VMM uses it, see fuzz.h. As a test: the programs
 * that are kept are run, then new ones for a while, on the mock driver and on devices
 * behind an emulated CMDQV unit. In the end no call may be without success, or the
 * programs test less than they seem to.
 *
 * For hours: "make fuzz-ioctl". Options:
 *
 * --target mock|unit	only one of the two
 * --corpus DIR		where mock.corpus and unit.corpus are
 * --seconds N		make new programs for so long (10)
 * --seed N		another seed, another run (1)
 * --out DIR		write there what is found, and each program before it is run
 * --replay FILE	run the programs of FILE only, without making others
 * --times N		so often (1)
 * --reduce FILE	leave out of the programs of FILE what they don't need to execute
 *			what they do, and write what remains to DIR of --out
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../kselftest.h"
#include "fail_nth.h"
#include "fuzz.h"

/* Programs that are to be found when the board has died: one of them was running */
#define LAST		8
/* How often what takes longer is checked, programs; what it did is told, seconds */
#define CHECK_EVERY	200
#define TELL_EVERY	60
/* For how long one target is fuzzed before it is the other's turn, seconds */
#define TURN		300

static struct {
	unsigned int targets;
	const char *corpus, *out, *replay, *reduce;
	double seconds;
	u64 seed;
	unsigned int times;
} options = { .targets = FUZZ_BOTH, .seconds = 10, .seed = 1, .times = 1 };

/**
 * struct session - the fuzzing of one target
 * @target: which
 * @name: its name
 * @missing: NULL, or why it can't be fuzzed here
 * @corpus: programs kept
 * @kept: how many of them were there at first
 * @cover: what they execute; NULL without KCOV
 * @tally: what they did
 * @programs: how many were run
 * @cut: of how many not all is known that they executed
 * @last: file for those that are run next
 * @last_size: bytes in it
 * @maker: makes new ones
 * @spent: seconds
 * @broken: a rule is
 * @why: the broken rule
 */
struct session {
	enum fuzz_target target;
	const char *name;
	const char *missing;
	struct fuzz_corpus corpus;
	unsigned int kept;
	struct fuzz_cover *cover;
	struct fuzz_tally *tally;
	unsigned long programs;
	unsigned long cut;
	int last;
	size_t last_size;
	struct fuzz_maker maker;
	double spent;
	bool broken;
	char why[1024];
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* ---- what is left when all ends */

static FILE *open_out(const char *name, const char *suffix, const char *mode)
{
	char path[PATH_MAX];

	if (!options.out)
		return NULL;
	snprintf(path, sizeof(path), "%s/%s%s", options.out, name, suffix);
	return fopen(path, mode);
}

/* In one go for several, as nothing of a program takes longer; padded with empty lines */
static void write_last(struct session *s, const struct fuzz_program *p, unsigned int n)
{
	static char text[(LAST + 1) * FUZZ_TEXT];
	size_t len = 0, size;
	unsigned int i;

	if (s->last < 0)
		return;
	for (i = 0; i < n; i++) {
		len += sprintf(text + len, "# program %lu\n", s->programs + i);
		len += fuzz_print(&p[i], text + len);
		text[len++] = '\n';
	}
	size = len > s->last_size ? len : s->last_size;
	memset(text + len, '\n', size - len);
	s->last_size = len;
	if (pwrite(s->last, text, size, 0) < 0)
		perror("writing the next programs");
}

static void save_program(struct session *s, const struct fuzz_program *p, const char *suffix,
			 const char *remark)
{
	static char text[FUZZ_TEXT];
	FILE *f = open_out(s->name, suffix, "ae");

	if (!f)
		return;
	fuzz_print(p, text);
	fprintf(f, "# %s\n%s\n", remark, text);
	fclose(f);
}

static void tell(struct session *s, double seconds)
{
	printf("# %s: %.0f s, %lu programs, %llu calls, %u kept, ",
	       s->name, seconds, s->programs, s->tally->calls, s->corpus.n);
	printf("%u points, %u pairs, %lu cut, %llu failed allocations, %llu faults\n",
	       s->cover ? fuzz_cover_n_points(s->cover) : 0,
	       s->cover ? fuzz_cover_n_pairs(s->cover) : 0, s->cut,
	       s->tally->failed_allocations, s->tally->faults);
	fflush(stdout);
}

static void tell_kinds(struct session *s)
{
	unsigned int i;

	for (i = 0; i < fuzz_n_kinds; i++)
		if (fuzz_kinds[i].target & s->target)
			printf("# %s: %s: %llu of %llu succeeded\n", s->name,
			       fuzz_kinds[i].name, s->tally->worked[i],
			       s->tally->by_kind[i]);
}

/* Those of a run for hours have names of their own */
static void tell_figures(struct session *s, double seconds)
{
	const char *run = options.out ? "fuzz" : "fuzz_test";

	printf("# figure: %s_%s_programs %lu programs run on the %s\n", run, s->name,
	       s->programs, s->target == FUZZ_MOCK ? "mock driver" : "CMDQV unit");
	printf("# figure: %s_%s_calls %llu calls made by these\n", run, s->name,
	       s->tally->calls);
	printf("# figure: %s_%s_hours %.3f hours that it took\n", run, s->name,
	       seconds / 3600);
	if (!s->cover)
		return;
	printf("# figure: %s_%s_points %u points of the kernel's code reached\n", run,
	       s->name, fuzz_cover_n_points(s->cover));
	printf("# figure: %s_%s_pairs %u pairs of these one after the other\n", run,
	       s->name, fuzz_cover_n_pairs(s->cover));
}

/* ---- programs */

/* Run it and check: 0, or -1 with the rule in session::why */
static int run(struct session *s, const struct fuzz_program *p)
{
	int rc;

	rc = fuzz_run(p, s->cover);
	s->programs++;
	if (s->cover && fuzz_cover_is_full(s->cover))
		s->cut++;
	if (rc)
		snprintf(s->why, sizeof(s->why), "a killed program doesn't end: %s",
			 strerror(-rc));
	else if (s->programs % CHECK_EVERY)
		rc = fuzz_check(s->why, sizeof(s->why));
	else
		rc = fuzz_check_all(s->why, sizeof(s->why));
	if (rc)
		save_program(s, p, ".broken", s->why);
	return rc ? -1 : 0;
}

/* Keep it if it has executed something new */
static void learn(struct session *s, const struct fuzz_program *p)
{
	struct fuzz_set points;
	char remark[64];
	unsigned int fresh;

	if (!s->cover)
		return;
	fresh = fuzz_cover_take(s->cover);
	if (!fresh)
		return;
	fuzz_cover_points(s->cover, &points);
	if (fuzz_corpus_add(&s->corpus, p, &points))
		return;
	snprintf(remark, sizeof(remark), "%u new pairs", fresh);
	save_program(s, p, ".found", remark);
}

/* The programs that are kept, each so many times */
static int replay(struct session *s)
{
	unsigned int i, times;

	for (i = 0; i < s->kept; i++) {
		if (i % LAST == 0)
			write_last(s, &s->corpus.program[i],
				   s->kept - i < LAST ? s->kept - i : LAST);
		for (times = 0; times < options.times; times++) {
			if (run(s, &s->corpus.program[i]))
				return -1;
			if (!s->cover)
				continue;
			fuzz_cover_take(s->cover);
			if (!s->corpus.points[i])
				s->corpus.points[i] = fuzz_alloc(sizeof(struct fuzz_set));
			if (s->corpus.points[i])
				fuzz_cover_points(s->cover, s->corpus.points[i]);
		}
	}
	return fuzz_check_all(s->why, sizeof(s->why));
}

/* Half of the time one that was found lately */
static const struct fuzz_program *choose(struct session *s, struct fuzz_maker *m)
{
	unsigned int n = s->corpus.n, late = n / 8 + 1;

	if (fuzz_one_in(&m->random, 2))
		return &s->corpus.program[n - 1 - fuzz_below(&m->random, late)];
	return &s->corpus.program[fuzz_below(&m->random, n)];
}

static void write_corpus(struct session *s)
{
	static char text[FUZZ_TEXT];
	unsigned int *chosen = calloc(s->corpus.n, sizeof(*chosen)), n, i;
	FILE *f = open_out(s->name, ".corpus.new", "we");

	if (f && chosen && s->cover) {
		n = fuzz_corpus_choose(&s->corpus, chosen);
		for (i = 0; i < n; i++) {
			fuzz_print(&s->corpus.program[chosen[i]], text);
			fprintf(f, "%s%s", i ? "\n" : "", text);
		}
	}
	if (f)
		fclose(f);
	free(chosen);
	f = open_out(s->name, ".points", "we");
	if (f && s->cover)
		fuzz_cover_write(s->cover, f);
	if (f)
		fclose(f);
}

/* A new one, which is no empty one */
static void make(struct session *s, struct fuzz_program *p)
{
	do {
		*p = *choose(s, &s->maker);
		fuzz_mutate(&s->maker, p, choose(s, &s->maker));
	} while (!p->n);
}

/* For so many seconds: 0, or -1 with the rule in session::why */
static int fuzz(struct session *s, double seconds)
{
	static struct fuzz_program next[LAST];
	double start = now(), told = start;
	unsigned int i;

	while (now() < start + seconds) {
		for (i = 0; i < LAST; i++)
			make(s, &next[i]);
		write_last(s, next, LAST);
		for (i = 0; i < LAST; i++) {
			if (run(s, &next[i]))
				return -1;
			learn(s, &next[i]);
		}
		if (now() < told + TELL_EVERY)
			continue;
		told = now();
		tell(s, s->spent + told - start);
	}
	s->spent += now() - start;
	write_corpus(s);
	return fuzz_check_all(s->why, sizeof(s->why));
}

/* ---- smaller programs that do as much */

static bool contains(const struct fuzz_set *all, const struct fuzz_set *part)
{
	unsigned int i;

	for (i = 0; i < FUZZ_POINTS / 64; i++)
		if (part->bits[i] & ~all->bits[i])
			return false;
	return true;
}

/* What only this program of those that were chosen executes */
static int reduce(struct session *s)
{
	struct fuzz_set others, need, got;
	unsigned int i, j, k;

	for (i = 0; i < s->kept; i++) {
		struct fuzz_program *p = &s->corpus.program[i], less;

		memset(&others, 0, sizeof(others));
		for (j = 0; j < s->kept; j++)
			for (k = 0; j != i && k < FUZZ_POINTS / 64; k++)
				others.bits[k] |= s->corpus.points[j]->bits[k];
		for (k = 0; k < FUZZ_POINTS / 64; k++)
			need.bits[k] = s->corpus.points[i]->bits[k] & ~others.bits[k];
		for (j = p->n; j-- && p->n > 1; ) {
			less = *p;
			less.n--;
			memmove(&less.call[j], &less.call[j + 1],
				(less.n - j) * sizeof(less.call[0]));
			if (run(s, &less))
				return -1;
			fuzz_cover_take(s->cover);
			fuzz_cover_points(s->cover, &got);
			if (!contains(&got, &need))
				continue;
			*p = less;
			*s->corpus.points[i] = got;
		}
	}
	return 0;
}

/* ---- tests */

static const char *corpus_path(const char *name, const char *program, char *path, size_t len)
{
	char dir[PATH_MAX];
	char *slash;

	if (options.corpus) {
		snprintf(path, len, "%s/%s.corpus", options.corpus, name);
		return path;
	}
	snprintf(dir, sizeof(dir), "%s", program);
	slash = strrchr(dir, '/');
	if (slash)
		*slash = 0;
	else
		memcpy(dir, ".", 2);
	snprintf(path, len, "%s/%s.corpus", dir, name);
	if (access(path, R_OK))
		snprintf(path, len, "%s/kselftest/iommu/fuzz/%s.corpus", dir, name);
	return path;
}

/* A program is the same after it was text */
static bool is_text(const struct fuzz_program *p)
{
	static char text[FUZZ_TEXT], again[FUZZ_TEXT];
	struct fuzz_program q;
	const char *why;

	fuzz_print(p, text);
	if (!fuzz_parse(&q, text, &why)) {
		ksft_print_msg("%s in\n%s", why ? why : "no program", text);
		return false;
	}
	fuzz_print(&q, again);
	if (strcmp(text, again) || q.n != p->n)
		ksft_print_msg("this\n%sis another program than\n%s", text, again);
	return !strcmp(text, again) && q.n == p->n;
}

static void test_text(struct session *s)
{
	struct fuzz_maker m = { .random.state = 1, .target = s->target };
	struct fuzz_program p;
	unsigned int i;
	bool ok = true;

	for (i = 0; ok && i < s->corpus.n; i++)
		ok = is_text(&s->corpus.program[i]);
	for (i = 0; ok && i < 2000; i++) {
		p = s->corpus.program[fuzz_below(&m.random, s->corpus.n)];
		fuzz_mutate(&m, &p, &s->corpus.program[fuzz_below(&m.random, s->corpus.n)]);
		ok = !p.n || is_text(&p);
	}
	ksft_test_result(ok, "%s: programs are text\n", s->name);
}

/* Of these there is nobody to say so, or nothing to succeed in */
static bool never_works(enum fuzz_target target, const char *name)
{
	/* Emulated devices don't fault, nor does the SMMU keep track of what is dirty */
	static const char *const not_on_the_unit[] = {
		"dirty_tracking", "dirty_bitmap", "write",
	};
	unsigned int i;

	for (i = 0; target == FUZZ_UNIT && i < ARRAY_SIZE(not_on_the_unit); i++)
		if (!strcmp(name, not_on_the_unit[i]))
			return true;
	return !strcmp(name, "kill") || !strcmp(name, "change_process");
}

static void test_kinds(struct session *s)
{
	bool ok = true;
	unsigned int i;

	for (i = 0; i < fuzz_n_kinds; i++) {
		if (!(fuzz_kinds[i].target & s->target) || s->tally->worked[i] ||
		    never_works(s->target, fuzz_kinds[i].name))
			continue;
		ksft_print_msg("%s never succeeded in %llu calls\n", fuzz_kinds[i].name,
			       s->tally->by_kind[i]);
		ok = false;
	}
	ksft_test_result(ok, "%s: the programs that are kept make each call succeed\n", s->name);
}

/* 0, or -1: there is nothing to fuzz here, or no use in it */
static int test_kept(struct session *s, const char *program)
{
	char path[PATH_MAX], why[512];
	double start = now();
	unsigned int i;
	int rc;

	if (s->missing) {
		for (i = 0; i < 4; i++)
			ksft_test_result_skip("%s: %s\n", s->name, s->missing);
		return -1;
	}
	fuzz_check_switch(s->target);
	corpus_path(s->name, program, path, sizeof(path));
	rc = fuzz_corpus_read(&s->corpus, options.reduce ?: options.replay ?: path, why,
			      sizeof(why));
	if (rc)
		ksft_exit_fail_msg("%s\n", why);
	s->kept = s->corpus.n;
	s->tally = fuzz_run_init(s->target);
	if (!s->tally)
		ksft_exit_fail_msg("no memory\n");
	s->cover = fuzz_cover_open();
	s->maker = (struct fuzz_maker){
		.random.state = options.seed, .target = s->target,
	};
	test_text(s);

	rc = replay(s);
	if (rc)
		ksft_print_msg("program %lu: %s\n", s->programs, s->why);
	ksft_test_result(!rc, "%s: what must hold after each of %u programs that are kept\n",
			 s->name, s->kept);
	s->spent = now() - start;
	tell(s, s->spent);
	if (options.replay || options.reduce)
		ksft_test_result_skip("%s: not those that are kept\n", s->name);
	else
		test_kinds(s);
	if (!rc && !options.replay && options.seconds > 0)
		return 0;
	tell_kinds(s);
	tell_figures(s, s->spent);
	ksft_test_result_skip("%s: no new programs\n", s->name);
	return -1;
}

/* By turns, so that what is wrong with either is found early */
static void test_new(struct session **s, unsigned int n)
{
	double done, turn;
	unsigned int i;

	for (done = 0; done < options.seconds; done += turn) {
		turn = options.seconds - done < TURN ? options.seconds - done : TURN;
		for (i = 0; i < n; i++) {
			if (s[i]->broken)
				continue;
			fuzz_run_switch(s[i]->target, s[i]->tally);
			fuzz_check_switch(s[i]->target);
			if (options.reduce)
				s[i]->broken = !s[i]->cover || reduce(s[i]);
			else
				s[i]->broken = fuzz(s[i], turn);
		}
		if (options.reduce)
			break;
	}
	for (i = 0; i < n; i++) {
		write_corpus(s[i]);
		tell(s[i], s[i]->spent);
		tell_kinds(s[i]);
		tell_figures(s[i], s[i]->spent);
		if (s[i]->broken)
			ksft_print_msg("program %lu: %s\n", s[i]->programs, s[i]->why);
		ksft_test_result(!s[i]->broken, "%s: what must hold after each new program\n",
				 s[i]->name);
	}
}

static void parse_options(int argc, char **argv)
{
	static const struct option names[] = {
		{ "target", 1, NULL, 't' }, { "corpus", 1, NULL, 'c' },
		{ "seconds", 1, NULL, 's' }, { "seed", 1, NULL, 'r' },
		{ "out", 1, NULL, 'o' }, { "replay", 1, NULL, 'p' },
		{ "times", 1, NULL, 'n' }, { "reduce", 1, NULL, 'd' }, {},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) >= 0) {
		switch (option) {
		case 't':
			options.targets = !strcmp(optarg, "mock") ? FUZZ_MOCK :
					  !strcmp(optarg, "unit") ? FUZZ_UNIT : FUZZ_BOTH;
			break;
		case 'c':
			options.corpus = optarg;
			break;
		case 's':
			options.seconds = atof(optarg);
			break;
		case 'r':
			options.seed = strtoull(optarg, NULL, 0);
			break;
		case 'o':
			options.out = optarg;
			break;
		case 'p':
			options.replay = optarg;
			break;
		case 'n':
			options.times = atoi(optarg);
			break;
		case 'd':
			options.reduce = optarg;
			break;
		default:
			ksft_exit_fail_msg("wrong use, see the beginning of %s\n", __FILE__);
		}
	}
}

int main(int argc, char **argv)
{
	static struct session sessions[] = {
		{ .target = FUZZ_MOCK, .name = "mock" }, { .target = FUZZ_UNIT, .name = "unit" },
	};
	struct session *work[ARRAY_SIZE(sessions)];
	unsigned int i, n = 0;
	bool some = false;
	int fd;

	ksft_print_header();
	parse_options(argc, argv);
	for (i = 0; i < ARRAY_SIZE(sessions); i++) {
		if (!(sessions[i].target & options.targets))
			continue;
		some |= !fuzz_check_init(sessions[i].target, &sessions[i].missing);
		n++;
	}
	if (!n)
		ksft_exit_fail_msg("there is no such target\n");
	ksft_set_plan(4 * n);
	/* Whatever fails must fail quietly, and everything that can */
	if (some && !fail_nth_missing()) {
		fd = fail_nth_open();
		for (i = 0; fail_nth_attrs[i].dir[0]; i++)
			debugfs_write(fail_nth_attrs[i].dir, "times", "-1");
		close(fd);
	}
	n = 0;
	for (i = 0; i < ARRAY_SIZE(sessions); i++) {
		struct session *s = &sessions[i];
		char path[PATH_MAX];

		if (!(s->target & options.targets))
			continue;
		s->last = -1;
		if (options.out) {
			snprintf(path, sizeof(path), "%s/%s.last", options.out, s->name);
			fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
			s->last = fd;
		}
		if (!test_kept(s, argv[0]))
			work[n++] = s;
	}
	if (n)
		test_new(work, n);
	ksft_finished();
}
