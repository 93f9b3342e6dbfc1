// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmdqv-info - the state of Tegra241 CMDQV units, for people and for programs
 *
 * raw.c reads the driver's files, records.c takes them apart, units.c makes units of
 * what is in them. findings.c says what is wrong, rates.c what has changed. show.c
 * prints all that for people, by table.c; export.c for programs, by json.c.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "view.h"

#define STATUS_UNREAD	2

#define MAX_SECONDS	86400.0

/**
 * struct options - what the command line asks for
 * @unit: just this unit; NULL: all
 * @root: a copy to read; NULL: the kernel's own records
 * @vintf: just this VINTF; -1: all
 * @seconds: from one look to the next; 0: there is only one
 * @count: how many looks; 0: no end
 * @json: for programs
 * @errors: just what is wrong, and a status that tells it
 * @dump: the records as they are
 * @list: just the names of the units
 */
struct options {
	const char *unit;
	const char *root;
	long long vintf;
	double seconds;
	u64 count;
	bool json;
	bool errors;
	bool dump;
	bool list;
};

static const char usage[] =
	"Usage: cmdqv-info [OPTION...]\n"
	"Show the state of Tegra241 CMDQV units: geometry, VINTFs and who has them, queues,\n"
	"SID slots, counters, and what is wrong.\n"
	"\n"
	"  -u, --unit NAME         only this unit: the name of its SMMU or of its CMDQV\n"
	"  -v, --vintf N           only this VINTF, its queues and its SID slots\n"
	"  -j, --json              as JSON; cmdqv-info(8) describes each key\n"
	"  -q, --errors            only what needs attention, one thing a line; the status\n"
	"                          tells it, too\n"
	"  -w, --watch [SECONDS]   look again and again (each second), show changes by second\n"
	"  -n, --count N           with --watch: end after looking N times\n"
	"  -r, --root PATH         read a copy of the records: a directory or a --dump\n"
	"  -d, --dump              the records as they are, for a bug report\n"
	"  -l, --list              only the names of the units\n"
	"  -h, --help              this text\n"
	"  -V, --version           the version\n"
	"\n"
	"Status: 0 fine; with --errors 1 if something needs attention; 2 if it could not look,\n"
	"or not at everything, or if the command line is wrong.\n";

__printf(1, 2) static int wrong(const char *fmt, ...)
{
	struct text t = {};
	va_list ap;

	va_start(ap, fmt);
	text_vprintf(&t, fmt, ap);
	va_end(ap);
	fprintf(stderr, "cmdqv-info: %s\n", t.s);
	text_free(&t);
	return STATUS_UNREAD;
}

/* All of it or status 2: half an answer must not look like a whole one */
static int print(struct text *out)
{
	int rc = 0;

	if (out->len && fwrite(out->s, 1, out->len, stdout) != out->len)
		rc = STATUS_UNREAD;
	if (fflush(stdout))
		rc = STATUS_UNREAD;
	if (rc)
		wrong("cannot write: %s", strerror(errno));
	text_free(out);
	return rc;
}

static int printed(const char *s)
{
	struct text t = {};

	text_puts(&t, s);
	return print(&t);
}

static bool parse_seconds(const char *s, double *seconds)
{
	char *end;
	double d;

	/* What strtod() takes besides: blanks, signs, hexadecimals, words */
	if (!*s || s[strspn(s, "0123456789.")])
		return false;
	d = strtod(s, &end);
	if (*end || !(d >= 0.1) || d > MAX_SECONDS)
		return false;
	*seconds = d;
	return true;
}

static bool parse_number(const char *s, u64 most, u64 *number)
{
	return span_u64(span_of(s), number) && *number <= most;
}

static const struct option long_options[] = {
	{ "unit", required_argument, NULL, 'u' },
	{ "vintf", required_argument, NULL, 'v' },
	{ "json", no_argument, NULL, 'j' },
	{ "errors", no_argument, NULL, 'q' },
	{ "watch", optional_argument, NULL, 'w' },
	{ "count", required_argument, NULL, 'n' },
	{ "root", required_argument, NULL, 'r' },
	{ "dump", no_argument, NULL, 'd' },
	{ "list", no_argument, NULL, 'l' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ }
};

/* The word after --watch is its value if it looks like one */
static bool parse_watch(int argc, char **argv, struct options *o)
{
	const char *arg = optarg;

	if (!arg && optind < argc && strspn(argv[optind], "0123456789.") > 0)
		arg = argv[optind++];
	o->seconds = 1;
	return !arg || parse_seconds(arg, &o->seconds);
}

/* -1 to go on, or the status to end with */
static int parse_options(int argc, char **argv, struct options *o)
{
	u64 number;
	int c;

	while ((c = getopt_long(argc, argv, "u:v:jqw::n:r:dlhV", long_options, NULL)) != -1) {
		switch (c) {
		case 'u':
			o->unit = optarg;
			break;
		case 'v':
			if (!parse_number(optarg, 1 << 20, &number))
				return wrong("--vintf wants the number of a VINTF, not \"%s\"",
					     optarg);
			o->vintf = number;
			break;
		case 'j':
			o->json = true;
			break;
		case 'q':
			o->errors = true;
			break;
		case 'w':
			if (!parse_watch(argc, argv, o))
				return wrong("--watch wants seconds, 0.1 to %.0f", MAX_SECONDS);
			break;
		case 'n':
			if (!parse_number(optarg, ~0ULL, &o->count) || !o->count)
				return wrong("--count wants a number above 0, not \"%s\"", optarg);
			break;
		case 'r':
			o->root = optarg;
			break;
		case 'd':
			o->dump = true;
			break;
		case 'l':
			o->list = true;
			break;
		case 'h':
			return printed(usage);
		case 'V':
			return printed("cmdqv-info " CMDQV_INFO_VERSION "\n");
		default:
			/* getopt_long() has said what is wrong */
			return wrong("--help lists the options");
		}
	}
	if (optind < argc)
		return wrong("\"%s\" is no option; --help lists them", argv[optind]);
	if (o->dump + o->list + (o->json || o->errors || o->seconds || o->vintf >= 0) > 1)
		return wrong("--dump and --list go with --unit and --root alone");
	if (o->count && !o->seconds)
		return wrong("--count goes with --watch");
	return -1;
}

static u64 now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void take_look(struct look *look, const char *root)
{
	*look = (struct look){};
	raw_read(&look->raw, root);
	look->time = now();
	look_make(look);
}

static int no_unit(const struct look *look, const char *name)
{
	struct text t = {};

	for (size_t i = 0; i < look->num; i++) {
		text_puts(&t, i ? ", " : "");
		text_span(&t, span_of(look->unit[i].name));
	}
	wrong("there is no unit \"%s\"; there are: %s", name, t.s);
	text_free(&t);
	return STATUS_UNREAD;
}

/* Has any unit that is asked for so many? If none tells how many it has, it may */
static bool has_vintf(const struct look *look, const struct unit *only, long long vintf)
{
	bool told = false;

	for (size_t i = 0; i < look->num; i++) {
		const struct unit *u = &look->unit[i];
		u64 num;

		if (only && u != only)
			continue;
		if (!record_u64(unit_first(u, KIND_UNIT), "vintfs", &num)) {
			/* VINTF0 is not for VMs */
			if (!record_u64(unit_first(u, KIND_TOTAL), "vintfs", &num))
				continue;
			num++;
		}
		told = true;
		if ((u64)vintf < num)
			return true;
	}
	return !told;
}

static void dump(const struct look *look, const char *unit, struct text *out)
{
	struct utsname name;

	text_puts(out, "# cmdqv-info " CMDQV_INFO_VERSION);
	if (look->raw.live && !uname(&name)) {
		text_puts(out, ", ");
		text_span(out, span_of(name.sysname));
		text_puts(out, " ");
		text_span(out, span_of(name.release));
		text_puts(out, " ");
		text_span(out, span_of(name.version));
		text_puts(out, " ");
		text_span(out, span_of(name.machine));
	}
	text_puts(out, "\n\n");
	raw_print_dump(&look->raw, unit, out);
}

/* Characters in a line of a terminal; 0: it is none, or does not tell */
static size_t line_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
		return 0;
	return size.ws_col;
}

/* What is asked for, printed to @out; the status, or @gone with a status */
static int answer(const struct options *o, const struct look *look,
		  const struct look *before, struct text *out, bool *gone)
{
	struct findings findings = {};
	struct view v = {
		.look = look, .before = before, .findings = &findings,
		.vintf = o->vintf, .watch = o->seconds, .brief = o->errors,
		.width = line_width(),
	};
	int status;

	*gone = true;
	if (look->raw.why) {
		if (o->json)
			export(&v, out);
		return wrong("%s", look->raw.why);
	}
	if (o->unit) {
		v.only = look_find(look, o->unit);
		if (!v.only)
			return no_unit(look, o->unit);
	}
	if (o->vintf >= 0 && !has_vintf(look, v.only, o->vintf))
		return wrong("no unit has a VINTF %lld", o->vintf);

	*gone = false;
	findings_make(&findings, look, before, v.only, o->vintf);
	status = findings_status(&findings);
	/* Without --errors nobody asks for more than to be shown what there is */
	if (!o->errors)
		status = findings.count[LEVEL_UNREAD] ? STATUS_UNREAD : 0;
	if (o->dump) {
		dump(look, v.only ? v.only->name : NULL, out);
	} else if (o->list) {
		for (size_t i = 0; i < look->num; i++)
			if (!v.only || v.only == &look->unit[i]) {
				text_span(out, span_of(look->unit[i].name));
				text_puts(out, "\n");
			}
	} else if (o->json) {
		export(&v, out);
	} else {
		show(&v, out);
	}
	findings_free(&findings);
	return status;
}

static void add_time(struct text *out, bool clear)
{
	time_t t = time(NULL);
	char s[64];

	if (clear)
		text_puts(out, "\033[H\033[J");
	if (strftime(s, sizeof(s), "%Y-%m-%d %H:%M:%S", localtime(&t)))
		text_printf(out, "%s\n\n", s);
}

static void wait_until(u64 time)
{
	struct timespec ts = { time / 1000000000, time % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

/*
 * Looks until it has looked often enough, or there is nothing to look at any more:
 * what was not seen cannot be compared to.
 */
static int watch(const struct options *o)
{
	bool screen = isatty(STDOUT_FILENO) && !o->json && !o->errors;
	struct look looks[2] = {};
	bool done = false;
	int status = 0;

	for (u64 n = 0; !done && (!o->count || n < o->count); n++) {
		struct look *look = &looks[n % 2], *before = &looks[(n + 1) % 2];
		struct text out = {};

		if (n)
			wait_until(before->time + o->seconds * 1e9);
		look_free(look);
		take_look(look, o->root);
		if (!o->json && !o->errors)
			add_time(&out, screen);
		status = answer(o, look, n ? before : NULL, &out, &done);
		if (!o->json && !o->errors && !screen)
			text_puts(&out, "\n");
		if (print(&out)) {
			status = STATUS_UNREAD;
			done = true;
		}
	}
	look_free(&looks[0]);
	look_free(&looks[1]);
	return status;
}

int main(int argc, char **argv)
{
	struct options o = { .vintf = -1 };
	struct text out = {};
	struct look look;
	bool gone;
	int status;

	status = parse_options(argc, argv, &o);
	if (status >= 0)
		return status;
	if (o.seconds)
		return watch(&o);

	take_look(&look, o.root);
	status = answer(&o, &look, NULL, &out, &gone);
	if (print(&out))
		status = STATUS_UNREAD;
	look_free(&look);
	return status;
}
