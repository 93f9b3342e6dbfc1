// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "raw.h"

#define DEBUGFS		"/sys/kernel/debug"
#define DEBUGFS_TYPE	0x64626720

/* All records of the largest unit are less than 100 KiB */
#define MAX_FILE	(16UL << 20)

/* What a dump says of a file that ends in the middle of a line */
#define CUT_OFF		"# cut off here"

/* Below debugfs, or the root of a copy of it; the latter if the former has no option */
static const char *const places[] = {
	"iommu/tegra241_cmdqv",
	"tegra241_cmdqv",
};

const char *const raw_names[RAW_KINDS] = {
	[RAW_UNIT] = "unit",
	[RAW_VINTFS] = "vintfs",
	[RAW_VCMDQS] = "vcmdqs",
	[RAW_SIDS] = "sids",
};

/* 0 or an errno */
static int read_fd(int fd, struct text *text)
{
	char buf[16384];
	ssize_t n;

	for (;;) {
		n = read(fd, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0 && text->len + n > MAX_FILE) {
			errno = EFBIG;
			n = -1;
		}
		if (n <= 0)
			return n ? errno : 0;
		text_add(text, buf, n);
	}
}

/* 0 or an errno; what is no file is none: a pipe would wait for whoever writes it */
static int read_at(int dir, const char *name, struct text *text)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int error;

	if (fd < 0)
		return errno;
	if (fstat(fd, &st))
		error = errno;
	else if (!S_ISREG(st.st_mode))
		error = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	else
		error = read_fd(fd, text);
	close(fd);
	return error;
}

static struct raw_unit *add_unit(struct raw *raw, struct span name)
{
	struct raw_unit *u;

	raw->unit = grow(raw->unit, raw->num, &raw->size, sizeof(*raw->unit));
	u = &raw->unit[raw->num++];
	*u = (struct raw_unit){ .name = copy_string(name.s, name.len) };
	for (size_t i = 0; i < RAW_KINDS; i++)
		u->file[i].error = ENOENT;
	return u;
}

static struct raw_unit *find_unit(struct raw *raw, struct span name)
{
	for (size_t i = 0; i < raw->num; i++)
		if (span_is(name, raw->unit[i].name))
			return &raw->unit[i];
	return NULL;
}

static int by_name(const void *a, const void *b)
{
	const struct raw_unit *left = a, *right = b;

	return strcmp(left->name, right->name);
}

/* Each directory in @dir is a unit, unless none of the files is in there */
static void read_units(struct raw *raw, int dir)
{
	DIR *d = fdopendir(dir);
	struct dirent *entry;

	if (!d) {
		close(dir);
		return;
	}
	while ((entry = readdir(d))) {
		struct raw_unit *u;
		bool any = false;
		int fd;

		if (entry->d_name[0] == '.')
			continue;
		fd = openat(dirfd(d), entry->d_name,
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0 && (errno == ENOTDIR || errno == ENOENT))
			continue;
		u = add_unit(raw, span_of(entry->d_name));
		for (size_t i = 0; i < RAW_KINDS; i++) {
			struct raw_file *f = &u->file[i];

			f->error = fd < 0 ? errno : read_at(fd, raw_names[i], &f->text);
			any |= f->error != ENOENT;
		}
		if (fd >= 0)
			close(fd);
		/* Of a copy anything may be the root */
		if (!any && !raw->live) {
			free(u->name);
			raw->num--;
		}
	}
	closedir(d);
	if (raw->num)
		qsort(raw->unit, raw->num, sizeof(*raw->unit), by_name);
}

/* A directory, or a negative errno */
static int open_dir(const char *base, const char *place, char **path)
{
	int fd;

	free(*path);
	*path = place ? format_string("%s/%s", base, place) : copy_string(base, strlen(base));
	fd = open(*path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool is_debugfs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == DEBUGFS_TYPE;
}

/* Why this machine has no directory of the driver, as far as one can tell */
static char *why_none(int error)
{
	struct stat st;

	if (error == EACCES)
		return format_string("%s is for root alone: run this as root", DEBUGFS);
	if (error == EPERM)
		return format_string("%s may not be read: is this kernel locked down?", DEBUGFS);
	if (error != ENOENT)
		return format_string("%s cannot be read: %s", DEBUGFS, strerror(error));
	if (stat(DEBUGFS, &st))
		return format_string("there is no %s: the kernel needs CONFIG_DEBUG_FS, %s",
				     DEBUGFS, "and no debugfs=off on its command line");
	if (!is_debugfs(DEBUGFS))
		return format_string("debugfs is not mounted: mount -t debugfs none %s",
				     DEBUGFS);
	return format_string("this kernel knows of no CMDQV: it needs %s, %s (%s)",
			     "CONFIG_TEGRA241_CMDQV",
			     "and an SMMU with a CMDQV that the firmware tells of",
			     "cmdqv-check says more");
}

static void read_live(struct raw *raw)
{
	int fd = -ENOENT, error = ENOENT;

	raw->live = true;
	for (size_t i = 0; i < ARRAY_SIZE(places) && fd < 0; i++) {
		fd = open_dir(DEBUGFS, places[i], &raw->path);
		if (fd < 0 && fd != -ENOENT)
			error = -fd;
	}
	if (fd < 0) {
		raw->why = why_none(error);
		return;
	}
	read_units(raw, fd);
	if (!raw->num)
		raw->why = format_string("the driver has no unit: see the kernel's log for %s",
					 "\"tegra241_cmdqv\"");
}

/* A copy of the root, of debugfs, of the driver's directory, or a dump */
static void read_copy(struct raw *raw, const char *root)
{
	struct text dump = {};
	char *base;
	int fd, error;

	error = read_at(AT_FDCWD, root, &dump);
	if (!error) {
		raw->path = copy_string(root, strlen(root));
		raw_parse_dump(raw, (struct span){ dump.s, dump.len });
		text_free(&dump);
		if (!raw->num)
			raw->why = format_string("%s is no dump of records", root);
		return;
	}
	text_free(&dump);
	if (error != EISDIR) {
		raw->path = copy_string(root, strlen(root));
		raw->why = format_string("%s cannot be read: %s", root,
					 error == EINVAL ? "neither a directory nor a file" :
					 strerror(error));
		return;
	}

	base = format_string("%s%s", root, DEBUGFS);
	fd = -ENOENT;
	for (size_t i = 0; i < ARRAY_SIZE(places) && fd < 0; i++) {
		fd = open_dir(base, places[i], &raw->path);
		if (fd < 0)
			fd = open_dir(root, places[i], &raw->path);
	}
	free(base);
	if (fd < 0)
		fd = open_dir(root, NULL, &raw->path);
	if (fd < 0)
		raw->why = format_string("%s cannot be read: %s", root, strerror(-fd));
	else
		read_units(raw, fd);
	if (!raw->num && !raw->why)
		raw->why = format_string("there are no records of a CMDQV in %s", raw->path);
}

/**
 * raw_read() - read the files of all units
 * @raw: the result
 * @root: a copy to read instead of the kernel's own; NULL: none
 *
 * A file that cannot be read has its error. If there is no unit, raw::why says why.
 */
void raw_read(struct raw *raw, const char *root)
{
	*raw = (struct raw){};
	if (root)
		read_copy(raw, root);
	else
		read_live(raw);
}

/* A line "==> UNIT/FILE <==": the file that follows, or NULL if nobody knows it */
static bool is_header(struct span line, struct span *unit, struct span *file)
{
	const char *slash;

	while (line.len && line.s[line.len - 1] == '\r')
		line.len--;
	if (line.len < 8 || memcmp(line.s, "==> ", 4) ||
	    memcmp(line.s + line.len - 4, " <==", 4))
		return false;
	line.s += 4;
	line.len -= 8;
	*unit = *file = line;
	slash = memrchr(line.s, '/', line.len);
	if (!slash)
		return false;
	unit->len = slash - unit->s;
	file->s = slash + 1;
	file->len = line.len - unit->len - 1;
	/* With whatever path it was printed */
	slash = memrchr(unit->s, '/', unit->len);
	if (slash) {
		unit->len -= slash + 1 - unit->s;
		unit->s = slash + 1;
	}
	return unit->len;
}

static struct raw_file *dumped_file(struct raw *raw, struct span unit, struct span file)
{
	struct raw_unit *u;

	for (size_t i = 0; i < RAW_KINDS; i++) {
		if (!span_is(file, raw_names[i]))
			continue;
		u = find_unit(raw, unit) ?: add_unit(raw, unit);
		u->file[i].error = 0;
		return &u->file[i];
	}
	return NULL;
}

/**
 * raw_parse_dump() - read what raw_print_dump() has written
 * @raw: where to; empty before
 * @dump: all of it
 *
 * What "tail -v -n +1" prints of the files has the same form. Empty lines and those
 * that begin with # are not the files'.
 */
void raw_parse_dump(struct raw *raw, struct span dump)
{
	struct span line, unit, file;
	struct raw_file *f = NULL;
	struct text *t;
	bool whole;

	while (dump.len) {
		whole = span_line(&dump, &line);
		if (is_header(line, &unit, &file)) {
			f = dumped_file(raw, unit, file);
			continue;
		}
		if (!f || !line.len)
			continue;
		t = &f->text;
		if (span_is(line, CUT_OFF) && t->len && t->s[t->len - 1] == '\n')
			t->s[--t->len] = 0;
		else if (*line.s != '#')
			text_add(t, line.s, line.len + whole);
	}
	if (raw->num)
		qsort(raw->unit, raw->num, sizeof(*raw->unit), by_name);
}

/* A backslash stays one: what was escaped once is not escaped again */
static void print_plain(struct span s, struct text *out)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.s[i] == '\t' || s.s[i] == '\\')
			text_add(out, s.s + i, 1);
		else
			text_span(out, (struct span){ s.s + i, 1 });
	}
}

static void print_lines(struct span text, struct text *out)
{
	struct span line;
	bool whole;

	while (text.len) {
		whole = span_line(&text, &line);
		/* Nothing in a file is to look like the beginning of another, or a comment */
		if (line.len && (*line.s == '=' || *line.s == '#')) {
			text_printf(out, "\\x%02x", *line.s);
			line.s++;
			line.len--;
		}
		print_plain(line, out);
		text_puts(out, whole ? "\n" : "\n" CUT_OFF "\n");
	}
}

/**
 * raw_print_dump() - the files, for a bug report
 * @raw: of all units
 * @only: just this unit's; NULL: all
 * @out: where to; raw_parse_dump() understands it
 */
void raw_print_dump(const struct raw *raw, const char *only, struct text *out)
{
	for (size_t i = 0; i < raw->num; i++) {
		const struct raw_unit *u = &raw->unit[i];

		if (only && strcmp(u->name, only))
			continue;
		for (size_t k = 0; k < RAW_KINDS; k++) {
			const struct raw_file *f = &u->file[k];

			if (f->error == ENOENT)
				continue;
			text_puts(out, "==> ");
			print_plain(span_of(u->name), out);
			text_printf(out, "/%s <==\n", raw_names[k]);
			print_lines((struct span){ f->text.s, f->text.len }, out);
			if (f->error)
				text_printf(out, "# %s\n", strerror(f->error));
			text_puts(out, "\n");
		}
	}
}

/**
 * raw_free() - forget the files
 * @raw: those of raw_read()
 */
void raw_free(struct raw *raw)
{
	for (size_t i = 0; i < raw->num; i++) {
		free(raw->unit[i].name);
		for (size_t k = 0; k < RAW_KINDS; k++)
			text_free(&raw->unit[i].file[k].text);
	}
	free(raw->unit);
	free(raw->path);
	free(raw->why);
	*raw = (struct raw){};
}
