// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The first process of a guest. It prepares the system, finds the VirtIO serial port
 * "grace.agent" and does what comes in there, one line a message:
 *
 *	r SEQ COMMAND	run COMMAND with a shell
 *
 * and says, each on a line:
 *
 *	hello BOOT	it is ready; BOOT is Linux's name for this boot
 *	o SEQ TEXT	what the command has printed next
 *	x SEQ STATUS	it has ended: what it exited with, or 128 + signal
 *
 * COMMAND and TEXT have \n for a new line and \\ for a backslash, TEXT also \0 for
 * NUL, so that after a reset of the guest, with a message cut short, the next line is
 * whole again. That is why hello begins with a new line.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../kselftest.h"

#define PORTS	"/sys/class/virtio-ports"
#define NAME	"grace.agent"
#define CHUNK	1024

/* A path of which a directory entry of the kernel's is a part */
#define PATH_LEN (256 + 64)

static int port = -1;

/* The first process must not end: Linux would panic, and hide why. */
static void __noreturn give_up(const char *what)
{
	fprintf(stderr, "guest_agent: %s: %s\n", what, strerror(errno));
	sync();
	reboot(RB_POWER_OFF);
	_exit(1);
}

static void mount_one(const char *type, const char *where)
{
	mkdir(where, 0755);
	if (mount(type, where, type, 0, NULL) && errno != EBUSY)
		fprintf(stderr, "guest_agent: cannot mount %s: %s\n", where,
			strerror(errno));
}

/* All of busybox's names */
static void install_busybox(void)
{
	pid_t pid = fork();

	if (!pid) {
		execl("/bin/busybox", "busybox", "--install", "-s", "/bin", NULL);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void prepare(void)
{
	int fd;

	mount_one("devtmpfs", "/dev");
	fd = open("/dev/console", O_RDWR);
	if (fd >= 0) {
		dup2(fd, 0);
		dup2(fd, 1);
		dup2(fd, 2);
		if (fd > 2)
			close(fd);
	}
	mount_one("proc", "/proc");
	mount_one("sysfs", "/sys");
	mount_one("tmpfs", "/tmp");
	mount_one("debugfs", "/sys/kernel/debug");
	setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin", 1);
	setenv("HOME", "/", 1);
	install_busybox();
}

/* The first line of a file, without its end; "" if there is none */
static void first_line(const char *path, char *text, size_t len)
{
	FILE *f = fopen(path, "re");

	if (!f || !fgets(text, len, f))
		text[0] = 0;
	if (f)
		fclose(f);
	text[strcspn(text, "\n")] = 0;
}

/* Opened, or -1 as long as there is no such port */
static int open_port(void)
{
	char path[PATH_LEN], name[64];
	struct dirent *e;
	int fd = -1;
	DIR *dir;

	dir = opendir(PORTS);
	if (!dir)
		return -1;
	while (fd < 0 && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), PORTS "/%s/name", e->d_name);
		first_line(path, name, sizeof(name));
		if (strcmp(name, NAME))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", e->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	closedir(dir);
	return fd;
}

static void write_all(const char *text, size_t len)
{
	ssize_t n;

	for (; len; text += n, len -= n) {
		n = write(port, text, len);
		if (n < 0 && errno != EINTR)
			give_up("cannot write to the host");
		if (n < 0)
			n = 0;
	}
}

static void __printf(1, 2) say(const char *fmt, ...)
{
	char line[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	write_all(line, n);
}

static void say_output(const char *seq, const char *text, size_t len)
{
	char line[2 * CHUNK + 64];
	size_t i;
	int n = snprintf(line, sizeof(line), "o %.20s ", seq);

	for (i = 0; i < len; i++) {
		if (text[i] == '\n' || text[i] == '\\' || !text[i]) {
			line[n++] = '\\';
			line[n++] = text[i] == '\n' ? 'n' : text[i] ? '\\' : '0';
		} else {
			line[n++] = text[i];
		}
	}
	line[n++] = '\n';
	write_all(line, n);
}

/* In place */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (text[0] == '\\' && text[1])
			*to++ = *++text == 'n' ? '\n' : *text;
		else
			*to++ = *text;
	}
	*to = 0;
}

/* Hand on what there is, false at the end */
static bool relay(int fd, const char *seq)
{
	char chunk[CHUNK];
	ssize_t n = read(fd, chunk, sizeof(chunk));

	if (n > 0)
		say_output(seq, chunk, n);
	return n > 0 || (n < 0 && errno == EINTR);
}

static void command(const char *seq, char *text)
{
	struct pollfd p[2];
	int out[2], status;
	pid_t pid;

	unescape(text);
	if (pipe2(out, O_CLOEXEC | O_NONBLOCK))
		give_up("pipe");
	pid = fork();
	if (pid < 0)
		give_up("fork");
	if (!pid) {
		int null = open("/dev/null", O_RDONLY);

		setsid();
		fcntl(out[1], F_SETFL, 0);
		dup2(null, 0);
		dup2(out[1], 1);
		dup2(out[1], 2);
		execl("/bin/busybox", "sh", "-c", text, NULL);
		_exit(127);
	}
	close(out[1]);
	p[0] = (struct pollfd){ .fd = out[0], .events = POLLIN };
	p[1] = (struct pollfd){ .events = POLLIN };
	p[1].fd = syscall(SYS_pidfd_open, pid, 0);
	if (p[1].fd < 0)
		give_up("pidfd_open");
	/* To its end, even if something that it has started keeps the pipe open */
	while (!p[1].revents) {
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[0].revents && !relay(out[0], seq))
			p[0].fd = -1;
	}
	while (relay(out[0], seq))
		;
	close(out[0]);
	close(p[1].fd);
	waitpid(pid, &status, 0);
	say("x %.20s %d\n", seq, WIFEXITED(status) ? WEXITSTATUS(status) :
	    128 + WTERMSIG(status));
}

/* "r SEQ COMMAND"; anything else is the rest of a line for the boot before this */
static void obey(char *line)
{
	char *seq, *text;

	if (strncmp(line, "r ", 2))
		return;
	seq = line + 2;
	text = strchr(seq, ' ');
	if (!text)
		return;
	*text++ = 0;
	command(seq, text);
}

int main(void)
{
	char boot[64], *line;
	size_t room = 0;
	FILE *in;
	int i;

	prepare();
	/* Its driver looks for it in the background. */
	for (i = 0; i < 3000 && port < 0; i++) {
		port = open_port();
		if (port < 0)
			usleep(10000);
	}
	if (port < 0)
		give_up("no port " NAME);
	in = fdopen(dup(port), "re");
	if (!in)
		give_up("fdopen");
	first_line("/proc/sys/kernel/random/boot_id", boot, sizeof(boot));
	say("\nhello %s\n", boot);
	for (line = NULL;;) {
		ssize_t n = getline(&line, &room, in);

		/* Nobody is at the other end; and what others have left behind */
		if (n < 0) {
			clearerr(in);
			usleep(100000);
		} else {
			line[strcspn(line, "\n")] = 0;
			obey(line);
		}
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}
