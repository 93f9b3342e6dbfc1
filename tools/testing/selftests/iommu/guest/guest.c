// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"
#include "guest_initrd.h"
#include "vcmdq.h"

/* For a machine with more to do; waiting ends as soon as there is a reason */
#define PATIENCE	150
/* Diagnostics are for people */
#define SHOWN_LINES	60

static const char *from_env(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value && *value ? value : otherwise;
}

unsigned int guest_patience(unsigned int seconds)
{
	int slow = atoi(from_env("BOARD_SLOW", "1"));

	return slow > 1 ? seconds * slow : seconds;
}

/* A file that belongs to the tests lies beside them */
static void beside(char path[PATH_MAX], const char *name)
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 64);
	char *slash;

	path[n > 0 ? n : 0] = 0;
	slash = strrchr(path, '/');
	snprintf(slash ? slash + 1 : path, 64, "%s", name);
}

static const char *default_qemu(void)
{
	return from_env("GUEST_QEMU", "/usr/bin/qemu-system-aarch64");
}

static const char *firmware(void)
{
	return from_env("GUEST_FIRMWARE",
			"/usr/share/qemu-efi-aarch64/QEMU_EFI.fd");
}

static const char *default_kernel(char path[PATH_MAX])
{
	beside(path, "guest-Image");
	return from_env("GUEST_KERNEL", path);
}

static const char *busybox(void)
{
	return from_env("GUEST_BUSYBOX", "/bin/busybox");
}

const char *guest_lacks(void)
{
	static char why[PATH_MAX + 64];
	char path[PATH_MAX];
	const char *file;

	if (access("/dev/kvm", R_OK | W_OK))
		return "no /dev/kvm: needs CONFIG_KVM and a CPU that can do it";
	if (access("/dev/iommu", R_OK | W_OK))
		return "no /dev/iommu: needs CONFIG_IOMMUFD";
	file = default_qemu();
	if (!access(file, X_OK))
		file = firmware();
	if (!access(file, R_OK))
		file = default_kernel(path);
	if (!access(file, R_OK))
		file = busybox();
	if (!access(file, R_OK))
		return NULL;
	snprintf(why, sizeof(why), "no %s", file);
	return why;
}

/* ---- arguments of QEMU */

struct words {
	char *word[192];
	unsigned int n;
};

static void __printf(2, 3) add(struct words *w, const char *fmt, ...)
{
	va_list ap;

	/* The last one stays NULL */
	if (w->n + 1 == ARRAY_SIZE(w->word))
		abort();
	va_start(ap, fmt);
	if (vasprintf(&w->word[w->n++], fmt, ap) < 0)
		abort();
	va_end(ap);
}

static void free_words(struct words *w)
{
	while (w->n)
		free(w->word[--w->n]);
}

static void add_option(struct words *w, const char *option)
{
	add(w, "%s", option);
}

static void add_machine(struct words *w, const struct guest_config *c,
			unsigned int memory_mb)
{
	add_option(w, "-machine");
	add(w, "virt,accel=kvm,gic-version=3%s%s%s", c->machine ? "," : "",
	    c->machine ?: "", c->backend ? ",memory-backend=ram" : "");
	if (c->backend) {
		add_option(w, "-object");
		add(w, "%s,id=ram,size=%uM", c->backend, memory_mb);
	}
	add_option(w, "-m");
	add(w, "%uM", memory_mb);
	add_option(w, "-cpu");
	add_option(w, "host");
	add_option(w, "-smp");
	add(w, "%u", c->cpus ?: 1);
}

/*
 * Each device behind a root port of its own. With an SMMU of their own they are on a
 * PCI bus of their own, too.
 */
static void add_devices(struct words *w, const struct guest_config *c)
{
	const char *bus = "pcie.0";
	unsigned int i;

	if (!c->type1) {
		add_option(w, "-object");
		add_option(w, "iommufd,id=iommufd0");
	}
	if (!c->no_smmu) {
		bus = "pcie.1";
		add_option(w, "-device");
		add(w, "pxb-pcie,id=%s,bus_nr=8,bus=pcie.0", bus);
		if (c->smmu) {
			add_option(w, "-device");
			add(w, "arm-smmuv3,id=smmu.1,primary-bus=%s,%s", bus,
			    c->smmu);
		}
	}
	for (i = 0; i < GUEST_DEVICES && c->devices[i]; i++) {
		add_option(w, "-device");
		add(w, "pcie-root-port,id=port%u,bus=%s,chassis=%u,slot=%u", i,
		    bus, i + 1, i + 1);
		add_option(w, "-device");
		add(w, "vfio-pci,id=dev%u,host=%s,bus=port%u,rombar=0%s", i,
		    c->devices[i], i, c->type1 ? "" : ",iommufd=iommufd0");
	}
}

static void add_channel(struct words *w, const char *name, int fd)
{
	add_option(w, "-chardev");
	add(w, "socket,id=%s,fd=%d", name, fd);
}

static void make_arguments(struct guest *g, const struct guest_config *c,
			   struct words *w, int qmp, int agent)
{
	char path[PATH_MAX];
	unsigned int i;

	add_option(w, c->qemu ?: default_qemu());
	add_option(w, "-nodefaults");
	add_option(w, "-no-user-config");
	add_option(w, "-display");
	add_option(w, "none");
	add_machine(w, c, c->memory_mb ?: GUEST_MEMORY_MB);
	if (!c->device_tree) {
		add_option(w, "-bios");
		add_option(w, firmware());
	}
	add_option(w, "-kernel");
	add_option(w, c->kernel ?: default_kernel(path));
	add_option(w, "-initrd");
	add(w, "%s/initrd", g->dir);
	/* A guest that unmaps has to invalidate, as host kernels of today do */
	add_option(w, "-append");
	add(w, "console=ttyAMA0 quiet rdinit=/init iommu.strict=1 iommu.passthrough=0 %s %s",
	    c->append ?: "", from_env("GUEST_APPEND", ""));
	add_channel(w, "qmp", qmp);
	add_option(w, "-qmp");
	add_option(w, "chardev:qmp");
	add_channel(w, "agent", agent);
	add_option(w, "-device");
	add_option(w, "virtio-serial-pci,bus=pcie.0,max_ports=2");
	add_option(w, "-device");
	add_option(w, "virtserialport,chardev=agent,name=grace.agent");
	add_option(w, "-chardev");
	add(w, "file,id=console,path=%s/console", g->dir);
	add_option(w, "-serial");
	add_option(w, "chardev:console");
	/* Tells of a panic */
	add_option(w, "-device");
	add_option(w, "pvpanic-pci,bus=pcie.0");
	add_devices(w, c);
	for (i = 0; i < GUEST_WORDS && c->arguments[i]; i++)
		add_option(w, c->arguments[i]);
}

/* ---- start and end */

static int write_initrd(struct guest *g, const struct guest_config *c)
{
	char path[PATH_MAX], to[128];
	struct initrd *i;
	unsigned int n;

	snprintf(path, sizeof(path), "%s/initrd", g->dir);
	i = initrd_create(path);
	if (!i)
		return -errno;
	initrd_dir(i, "bin");
	initrd_dir(i, "proc");
	initrd_dir(i, "sys");
	initrd_dir(i, "tmp");
	initrd_console(i);
	initrd_program(i, "bin/busybox", busybox());
	beside(path, "guest_agent");
	initrd_program(i, "init", path);
	for (n = 0; n < GUEST_DEVICES && c->programs[n]; n++) {
		beside(path, c->programs[n]);
		snprintf(to, sizeof(to), "bin/%.100s", c->programs[n]);
		initrd_program(i, to, path);
	}
	return initrd_close(i);
}

static void remove_file(struct guest *g, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", g->dir, name);
	unlink(path);
}

static void become_qemu(struct guest *g, struct words *w, const int keep[2])
{
	char path[PATH_MAX];
	int fd, i;

	/* QEMU ends with the test, and nothing of the test's gets into it */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0; i < 2; i++)
		fcntl(keep[i], F_SETFD, 0);
	snprintf(path, sizeof(path), "%s/stderr", g->dir);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(open("/dev/null", O_RDONLY), 0);
	dup2(fd, 1);
	dup2(fd, 2);
	close(fd);
	alarm(0);
	execv(w->word[0], w->word);
	fprintf(stderr, "cannot run %s: %s\n", w->word[0], strerror(errno));
	_exit(127);
}

static void close_lines(struct guest_lines *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	free(l->text);
	l->text = NULL;
	l->len = 0;
}

static void free_text(struct guest_text *t)
{
	free(t->text);
	t->text = NULL;
	t->len = 0;
}

static void remove_files(struct guest *g)
{
	remove_file(g, "initrd");
	remove_file(g, "console");
	remove_file(g, "stderr");
	rmdir(g->dir);
}

static int spawn(struct guest *g, const struct guest_config *c)
{
	int qmp[2] = { -1, -1 }, agent[2] = { -1, -1 };
	struct words w = {};
	int rc = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, qmp) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, agent)) {
		rc = -errno;
		goto out;
	}
	make_arguments(g, c, &w, qmp[1], agent[1]);
	g->pid = fork();
	if (!g->pid)
		become_qemu(g, &w, (const int[]){ qmp[1], agent[1] });
	if (g->pid < 0) {
		rc = -errno;
		g->pid = 0;
		goto out;
	}
	g->pidfd = syscall(SYS_pidfd_open, g->pid, 0);
	g->qmp.fd = qmp[0];
	g->agent.fd = agent[0];
	qmp[0] = -1;
	agent[0] = -1;
out:
	free_words(&w);
	close(qmp[0]);
	close(qmp[1]);
	close(agent[0]);
	close(agent[1]);
	return rc;
}

int guest_start(struct guest *g, const struct guest_config *c)
{
	int rc;

	memset(g, 0, sizeof(*g));
	g->pidfd = -1;
	g->qmp.fd = -1;
	g->agent.fd = -1;
	g->exit = -1;
	g->patience = PATIENCE;
	snprintf(g->dir, sizeof(g->dir), "/tmp/guest.XXXXXX");
	if (!mkdtemp(g->dir))
		return -errno;
	rc = write_initrd(g, c);
	if (!rc)
		rc = spawn(g, c);
	/* Before this the monitor takes no other command */
	if (!rc)
		rc = guest_qmp(g, NULL, "{'execute': 'qmp_capabilities'}");
	if (rc == -EPIPE)
		rc = 0;
	if (rc)
		guest_close(g);
	return rc;
}

/* QEMU is a zombie: take it away */
static void reap(struct guest *g)
{
	waitpid(g->pid, &g->status, 0);
	g->pid = 0;
	close(g->pidfd);
	g->pidfd = -1;
}

static int end_status(const struct guest *g)
{
	return WIFEXITED(g->status) ? WEXITSTATUS(g->status) :
		128 + WTERMSIG(g->status);
}

int guest_kill(struct guest *g)
{
	if (g->pid) {
		kill(g->pid, SIGKILL);
		reap(g);
	}
	return end_status(g);
}

void guest_close(struct guest *g)
{
	guest_kill(g);
	close_lines(&g->qmp);
	close_lines(&g->agent);
	free_text(&g->output);
	free_text(&g->reply);
	free_text(&g->events);
	remove_files(g);
}

/* ---- what comes from QEMU and from the agent */

static void append(struct guest_text *t, const char *text, size_t len)
{
	char *more = realloc(t->text, t->len + len + 1);

	if (!more)
		abort();
	memcpy(more + t->len, text, len);
	t->text = more;
	t->len += len;
	more[t->len] = 0;
}

static void take_qmp(struct guest *g, const char *line, size_t len)
{
	if (strstr(line, "\"event\": \"")) {
		append(&g->events, line, len);
		append(&g->events, "\n", 1);
	} else if (strstr(line, "\"return\":") || strstr(line, "\"error\":")) {
		free_text(&g->reply);
		append(&g->reply, line, len);
	}
}

/* The text after "o SEQ ", up to the end of the line */
static void take_output(struct guest *g, const char *text, size_t len)
{
	size_t i;
	char c;

	for (i = 0; i < len; i++) {
		c = text[i];
		if (c == '\\' && i + 1 < len) {
			c = text[++i];
			c = c == 'n' ? '\n' : c == '0' ? 0 : c;
		}
		append(&g->output, &c, 1);
	}
}

static void take_agent(struct guest *g, const char *line, size_t len)
{
	unsigned int sequence;
	int status, at = 0;

	if (!strncmp(line, "hello ", 6)) {
		g->hellos++;
	} else if (sscanf(line, "o %u%n", &sequence, &at) == 1 && at &&
		   line[at] == ' ') {
		if (sequence == g->sequence)
			take_output(g, line + at + 1, len - at - 1);
	} else if (sscanf(line, "x %u %d", &sequence, &status) == 2) {
		if (sequence == g->sequence)
			g->exit = status;
	}
}

/* Read what there is and hand on whole lines */
static void take(struct guest *g, struct guest_lines *l,
		 void (*line)(struct guest *g, const char *line, size_t len))
{
	struct guest_text all = { .text = l->text, .len = l->len };
	char chunk[4096], *from, *end;
	ssize_t n;

	n = recv(l->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close(l->fd);
		l->fd = -1;
		return;
	}
	append(&all, chunk, n);
	from = all.text;
	while ((end = memchr(from, '\n', all.text + all.len - from))) {
		*end = 0;
		line(g, from, end - from - (end > from && end[-1] == '\r'));
		from = end + 1;
	}
	l->len = all.text + all.len - from;
	memmove(all.text, from, l->len);
	l->text = all.text;
}

/*
 * Take what comes until @done says so: 0, -ETIMEDOUT, or -EPIPE when QEMU has ended
 * and all that it has said before has been taken.
 */
static int wait_until(struct guest *g,
		      bool (*done)(struct guest *g, const void *what),
		      const void *what)
{
	u64 end = vmm_now_ns() + guest_patience(g->patience) * 1000000000ULL;
	struct pollfd p[3];
	long long left;

	while (!done(g, what)) {
		if (!g->pid && g->qmp.fd < 0 && g->agent.fd < 0)
			return -EPIPE;
		left = (long long)(end - vmm_now_ns());
		if (left <= 0)
			return -ETIMEDOUT;
		p[0] = (struct pollfd){ .fd = g->qmp.fd, .events = POLLIN };
		p[1] = (struct pollfd){ .fd = g->agent.fd, .events = POLLIN };
		p[2] = (struct pollfd){ .fd = g->pidfd, .events = POLLIN };
		if (poll(p, 3, left / 1000000 + 1) < 0 && errno != EINTR)
			return -errno;
		if (p[0].revents)
			take(g, &g->qmp, take_qmp);
		if (p[1].revents)
			take(g, &g->agent, take_agent);
		if (p[2].revents)
			reap(g);
	}
	return 0;
}

static int send_line(struct guest_lines *l, const char *text, size_t len)
{
	ssize_t n;

	for (; len; text += n, len -= n) {
		n = send(l->fd, text, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return errno == EBADF ? -EPIPE : -errno;
	}
	return 0;
}

static bool has_ended(struct guest *g, const void *what)
{
	return !g->pid;
}

int guest_wait_end(struct guest *g)
{
	int rc = wait_until(g, has_ended, NULL);

	return rc ?: end_status(g);
}

int guest_quit(struct guest *g)
{
	int rc = guest_qmp(g, NULL, "{'execute': 'quit'}");

	return rc && rc != -EPIPE ? rc : guest_wait_end(g);
}

/* ---- the agent */

static bool has_said_hello(struct guest *g, const void *what)
{
	return g->hellos != g->seen;
}

int guest_wait_hello(struct guest *g)
{
	int rc = wait_until(g, has_said_hello, NULL);

	g->seen = g->hellos;
	return rc;
}

static __printf(2, 0)
int send_command(struct guest *g, const char *fmt, va_list ap)
{
	struct guest_text line = {};
	char *text, *c, head[32];
	int rc;

	if (vasprintf(&text, fmt, ap) < 0)
		return -ENOMEM;
	free_text(&g->output);
	g->exit = -1;
	snprintf(head, sizeof(head), "r %u ", ++g->sequence);
	append(&line, head, strlen(head));
	for (c = text; *c; c++) {
		if (*c == '\n')
			append(&line, "\\n", 2);
		else if (*c == '\\')
			append(&line, "\\\\", 2);
		else
			append(&line, c, 1);
	}
	append(&line, "\n", 1);
	rc = send_line(&g->agent, line.text, line.len);
	free_text(&line);
	free(text);
	return rc;
}

int guest_send(struct guest *g, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = send_command(g, fmt, ap);
	va_end(ap);
	return rc;
}

static bool command_has_ended(struct guest *g, const void *what)
{
	return g->exit >= 0 || g->hellos != g->seen;
}

int guest_run(struct guest *g, char **output, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = send_command(g, fmt, ap);
	va_end(ap);
	if (!rc)
		rc = wait_until(g, command_has_ended, NULL);
	if (!rc)
		rc = g->exit >= 0 ? g->exit : -ECONNRESET;
	if (output) {
		append(&g->output, "", 0);
		*output = g->output.text;
		g->output.text = NULL;
	}
	free_text(&g->output);
	return rc;
}

/* ---- QEMU's monitor */

static bool has_replied(struct guest *g, const void *what)
{
	return g->reply.text;
}

int guest_qmp(struct guest *g, char **reply, const char *fmt, ...)
{
	char *text, *c;
	va_list ap;
	int rc, n;

	if (reply)
		*reply = NULL;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -ENOMEM;
	for (c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	free_text(&g->reply);
	rc = send_line(&g->qmp, text, n);
	free(text);
	if (!rc)
		rc = send_line(&g->qmp, "\n", 1);
	if (!rc)
		rc = wait_until(g, has_replied, NULL);
	if (!rc && !strstr(g->reply.text, "\"return\":"))
		rc = -EIO;
	if (reply && g->reply.text)
		*reply = strdup(g->reply.text);
	free_text(&g->reply);
	return rc;
}

static bool event_has_come(struct guest *g, const void *what)
{
	char word[128], *at, *end;

	if (!g->events.text)
		return false;
	snprintf(word, sizeof(word), "\"event\": \"%s\"", (const char *)what);
	at = strstr(g->events.text, word);
	if (!at)
		return false;
	end = strchr(at, '\n') + 1;
	g->events.len -= end - g->events.text;
	memmove(g->events.text, end, g->events.len + 1);
	return true;
}

int guest_wait_event(struct guest *g, const char *name)
{
	return wait_until(g, event_has_come, name);
}

/* ---- what they print */

static char *read_file(struct guest *g, const char *name)
{
	struct guest_text text = {};
	char path[PATH_MAX], chunk[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", g->dir, name);
	append(&text, "", 0);
	f = fopen(path, "re");
	while (f && (n = fread(chunk, 1, sizeof(chunk), f)))
		append(&text, chunk, n);
	if (f)
		fclose(f);
	return text.text;
}

char *guest_console(struct guest *g)
{
	return read_file(g, "console");
}

char *guest_stderr(struct guest *g)
{
	return read_file(g, "stderr");
}

int guest_wait_console(struct guest *g, const char *text)
{
	u64 end = vmm_now_ns() + guest_patience(g->patience) * 1000000000ULL;
	char *console;
	bool found;

	do {
		console = guest_console(g);
		found = strstr(console, text);
		free(console);
		if (found)
			return 0;
		usleep(50000);
	} while (vmm_now_ns() < end);
	return -ETIMEDOUT;
}

/* The last lines, each as a diagnostic */
static void show_text(const char *title, const char *what, char *text)
{
	char *line = text, *c, *next;
	unsigned int lines = 0;

	for (c = text; *c; c++)
		lines += *c == '\n';
	printf("# %s: %s%s\n", title, what, lines ? ":" : ": nothing");
	for (; lines > SHOWN_LINES; lines--)
		line = strchr(line, '\n') + 1;
	for (; *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = 0;
		line[strcspn(line, "\r")] = 0;
		printf("# | %s\n", line);
	}
	free(text);
}

void guest_show(struct guest *g, const char *title)
{
	show_text(title, "QEMU's messages", guest_stderr(g));
	show_text(title, "end of the guest's console", guest_console(g));
	fflush(stdout);
}
