// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmdqv-info, on a living VM: what it prints is what the unit itself says.
 *
 * The kernel's records in debugfs are between the two, so this is their test as well:
 * owner, geometry and registers of each queue, VMIDs, SID slots, and that what goes
 * wrong is seen, and seen no more when it is over.
 *
 * Runs on the emulated board (emulator/grace-vm); skips elsewhere, and on a kernel
 * whose driver has no records. cmdqv-info (tools/cmdqv) is beside this program, or
 * where CMDQV_INFO says.
 */
#include <libgen.h>
#include <poll.h>

#include "cmdqv_utils.h"
#include "json_read.h"

#define TIMEOUT	120
#define PATIENCE_S 60

FIXTURE(info)
{
	struct board board;
	struct vm vm;
	char tool[4096];
	/* what it printed */
	char *out;
	/* the unit's index in there, "units.N" */
	char unit[32];
};

static bool find_tool(char *tool, size_t len)
{
	const char *named = getenv("CMDQV_INFO");
	char self[4096] = {};

	if (named) {
		snprintf(tool, len, "%s", named);
	} else {
		if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
			return false;
		snprintf(tool, len, "%.*s/cmdqv-info", 4000, dirname(self));
	}
	return !access(tool, X_OK);
}

/* All that @f has; to be freed */
static char *read_all(FILE *f)
{
	size_t len = 0, size = 1 << 16, n;
	char *text = malloc(size);

	while (text && (n = fread(text + len, 1, size - len - 1, f)) > 0) {
		len += n;
		if (len + 1 == size) {
			size *= 2;
			text = realloc(text, size);
		}
	}
	if (text)
		text[len] = 0;
	return text;
}

/* Runs "cmdqv-info @options": its status, and what it printed in @out; -1: neither */
static int run_tool(const char *tool, const char *options, char **out)
{
	char command[8192];
	int status;
	FILE *f;

	free(*out);
	*out = NULL;
	snprintf(command, sizeof(command), "%s %s", tool, options);
	f = popen(command, "r");
	if (!f)
		return -1;
	*out = read_all(f);
	status = pclose(f);
	return *out && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define path(...)							\
	({								\
		static char _path[8][128];				\
		static unsigned int _next;				\
		char *_p = _path[_next++ % 8];				\
									\
		snprintf(_p, sizeof(_path[0]), __VA_ARGS__);		\
		_p;							\
	})

/* Index of the element of @list whose @key is @value; -1: none */
static int find_element(const char *doc, const char *list, const char *key, u64 value)
{
	int i;

	for (i = 0; json_get(doc, path("%s.%d", list, i)); i++)
		if (json_number(doc, path("%s.%d.%s", list, i, key)) == value)
			return i;
	return -1;
}

static int count_elements(const char *doc, const char *list)
{
	int n = 0;

	while (json_get(doc, path("%s.%d", list, n)))
		n++;
	return n;
}

/* Is @code among the findings, about VINTF @v or VCMDQ @q (-1: of none)? */
static bool has_finding(const char *doc, const char *code, int v, int q)
{
	char quoted[64];
	int i;

	snprintf(quoted, sizeof(quoted), "\"%s\"", code);
	for (i = 0; json_get(doc, path("findings.%d", i)); i++)
		if (json_is(doc, path("findings.%d.code", i), quoted) &&
		    (v < 0 || json_number(doc, path("findings.%d.vintf", i)) == v) &&
		    (q < 0 || json_number(doc, path("findings.%d.vcmdq", i)) == q))
			return true;
	return false;
}

/* How many VINTFs and queues of VMs it shows */
static int count_vms(const char *doc, const char *unit)
{
	int i, n = count_elements(doc, path("%s.vintfs", unit));

	for (i = 0; json_get(doc, path("%s.vcmdqs.%d", unit, i)); i++)
		n += !json_is(doc, path("%s.vcmdqs.%d.owner", unit, i), "\"host\"");
	return n;
}

FIXTURE_SETUP(info)
{
	const char *why = board_find(&self->board);

	if (why)
		SKIP(return, "%s", why);
	if (!find_tool(self->tool, sizeof(self->tool)))
		SKIP(return, "needs cmdqv-info beside this program");
	if (run_tool(self->tool, "--json 2>/dev/null", &self->out))
		SKIP(return, "needs debugfs, and a driver with records in there");
	/* The board has one unit with an observer; others would have no edu devices */
	snprintf(self->unit, sizeof(self->unit), "units.0");
	if (json_is(self->out, path("%s.unit", self->unit), "null"))
		SKIP(return, "this kernel's driver only has the record of VINTFs");
	ASSERT_NE(NULL, observer_run(&self->board.unit, "inject none"));
	ASSERT_EQ(0, vm_open(&self->vm, "A", self->board.bdf[0]));
}

FIXTURE_TEARDOWN(info)
{
	observer_run(&self->board.unit, "inject none");
	EXPECT_EQ(0, vm_close(&self->vm));
	free(self->out);
	board_check(&self->board);
	observer_close(&self->board.unit);
}

#define run(_options)	run_tool(self->tool, _options, &self->out)

/* The number at a path of the unit */
#define number(...)							\
	json_number(self->out, path("%s.%s", self->unit, path(__VA_ARGS__)))

/* Each VINTF, queue and slot of VMs that the unit has is shown as it is */
static void compare(struct __test_metadata *_metadata, struct _test_data_info *self)
{
	char *state = observer_guest_state(&self->board.unit);
	int i, vintfs = 0, queues = 0, slots = 0;
	const char *r;

	ASSERT_NE(state, NULL);
	for (r = *state ? state : NULL; r; r = record_next(r)) {
		u64 v = record_value(r, "v"), q = record_value(r, "q");

		if (record_find(r, "vintf") == r) {
			i = find_element(self->out, path("%s.vintfs", self->unit), "v", v);
			ASSERT_GE(i, 0) TH_LOG("no VINTF %llu", v);
			EXPECT_EQ(number("vintfs.%d.vmid", i), record_value(r, "vmid"));
			EXPECT_EQ(number("vintfs.%d.config", i) & 1, record_value(r, "en"));
			EXPECT_EQ(number("vintfs.%d.status", i) & 1,
				  record_value(r, "enabled"));
			EXPECT_EQ(number("vintfs.%d.config", i) >> 17 & 1,
				  record_value(r, "hyp_own"));
			EXPECT_EQ(number("vintfs.%d.queues", i),
				  record_value(r, "lvcmdqs"));
			vintfs++;
		} else if (record_find(r, "sid") == r) {
			for (i = 0; number("sids.%d.v", i) != v ||
			     number("sids.%d.slot", i) != record_value(r, "slot"); i++)
				ASSERT_NE(number("sids.%d.v", i), ~0ULL);
			EXPECT_EQ(number("sids.%d.virt", i), record_value(r, "virt_sid"));
			EXPECT_EQ(number("sids.%d.phys", i), record_value(r, "phys_sid"));
			EXPECT_EQ(number("sids.%d.match", i) & 1, record_value(r, "match"));
			slots++;
		} else if (record_find(r, "vcmdq") == r) {
			i = find_element(self->out, path("%s.vcmdqs", self->unit), "q", q);
			ASSERT_GE(i, 0) TH_LOG("no VCMDQ %llu", q);
			EXPECT_EQ(number("vcmdqs.%d.v", i), record_value(r, "vintf"));
			EXPECT_EQ(number("vcmdqs.%d.l", i), record_value(r, "lvcmdq"));
			EXPECT_EQ(number("vcmdqs.%d.base", i), record_value(r, "base"));
			EXPECT_EQ(number("vcmdqs.%d.entries", i),
				  1ULL << record_value(r, "log2size"));
			EXPECT_EQ(number("vcmdqs.%d.prod", i), record_value(r, "prod"));
			EXPECT_EQ(number("vcmdqs.%d.cons", i), record_value(r, "cons"));
			EXPECT_EQ(number("vcmdqs.%d.cons_err", i), record_value(r, "err"));
			EXPECT_EQ(number("vcmdqs.%d.gerror", i), record_value(r, "gerror"));
			EXPECT_EQ(number("vcmdqs.%d.gerrorn", i), record_value(r, "gerrorn"));
			EXPECT_EQ(number("vcmdqs.%d.config", i) & 1, record_value(r, "en"));
			EXPECT_EQ(number("vcmdqs.%d.status", i) & 1,
				  record_value(r, "enabled"));
			EXPECT_EQ(number("vcmdqs.%d.alloc", i) & 1,
				  record_value(r, "allocated"));
			queues++;
		}
	}
	/* And nothing else */
	EXPECT_EQ(count_elements(self->out, path("%s.vintfs", self->unit)), vintfs);
	EXPECT_EQ(count_elements(self->out, path("%s.sids", self->unit)), slots);
	EXPECT_EQ(count_vms(self->out, self->unit), vintfs + queues);
	free(state);
}

TEST_F_TIMEOUT(info, shows_what_the_unit_is, TIMEOUT)
{
	const char *r = observer_run(&self->board.unit, "state");

	r = r ? record_find(r, "cmdqv") : NULL;
	ASSERT_NE(r, NULL);
	ASSERT_EQ(0, run("--json"));
	EXPECT_EQ(number("unit.vintfs"), record_value(r, "vintfs"));
	EXPECT_EQ(number("unit.vcmdqs"), record_value(r, "vcmdqs"));
	EXPECT_EQ(number("unit.sids_per_vintf"), record_value(r, "sids"));
	EXPECT_EQ(number("unit.config") & 1, record_value(r, "en"));
	EXPECT_EQ(number("unit.status") & 1, record_value(r, "enabled"));
	EXPECT_EQ(number("total.vintfs"), record_value(r, "vintfs") - 1);
	EXPECT_EQ(number("total.taken"), 0);
	EXPECT_TRUE(json_is(self->out, path("%s.unit.role", self->unit), "\"host\""));
	EXPECT_TRUE(json_is(self->out, path("%s.unit.state", self->unit), "\"running\""));
	EXPECT_TRUE(json_is(self->out, path("%s.unit.vm_usable", self->unit), "true"));
	EXPECT_EQ(count_vms(self->out, self->unit), 0);
}

TEST_F_TIMEOUT(info, shows_what_a_vm_has, TIMEOUT)
{
	struct vm *vm = &self->vm;
	char quoted[32];

	ASSERT_EQ(0, vm_set_up(vm, VSID, ASID));
	ASSERT_EQ(0, vm_add_queue(vm, 4));
	ASSERT_EQ(0, vcmdq_issue(&vm->q[0], (struct smmu_cmd[]){
				 cmd_tlbi_nh_asid(ASID) }, 1));
	ASSERT_EQ(0, run("--json"));
	compare(_metadata, self);
	EXPECT_EQ(number("total.taken"), 1);
	EXPECT_EQ(number("vintfs.0.queues"), 2);
	EXPECT_EQ(number("vintfs.0.sids"), 1);
	EXPECT_EQ(number("vintfs.0.user"), getuid());
	EXPECT_EQ(number("sids.0.virt"), VSID);
	snprintf(quoted, sizeof(quoted), "\"%s\"", self->board.bdf[0]);
	EXPECT_TRUE(json_is(self->out, path("%s.vintfs.0.device", self->unit), quoted));
	EXPECT_TRUE(json_is(self->out, path("%s.sids.0.device", self->unit), quoted));
	EXPECT_EQ(0, run("--errors"));
	EXPECT_STREQ("", self->out);

	ASSERT_EQ(0, vm_close(vm));
	ASSERT_TRUE(board_is_scrubbed(&self->board));
	ASSERT_EQ(0, run("--json"));
	EXPECT_EQ(count_vms(self->out, self->unit), 0);
	EXPECT_EQ(count_elements(self->out, path("%s.sids", self->unit)), 0);
	ASSERT_EQ(0, vm_open(vm, "A", self->board.bdf[0]));
}

TEST_F_TIMEOUT(info, keeps_two_vms_apart, TIMEOUT)
{
	struct vm *vm = &self->vm, other;

	ASSERT_EQ(0, vm_set_up(vm, VSID, ASID));
	ASSERT_EQ(0, vm_open(&other, "B", self->board.bdf[1]));
	EXPECT_EQ(0, vm_set_up(&other, VSID + 1, ASID));
	EXPECT_EQ(0, run("--json"));
	compare(_metadata, self);
	EXPECT_EQ(number("total.taken"), 2);
	EXPECT_NE(number("vintfs.0.vmid"), number("vintfs.1.vmid"));
	EXPECT_EQ(0, vm_close(&other));
}

/* A queue in error is seen until its guest has acknowledged the error */
TEST_F_TIMEOUT(info, sees_errors, TIMEOUT)
{
	struct vm *vm = &self->vm;
	unsigned int v, q;

	ASSERT_EQ(0, vm_set_up(vm, VSID, ASID));
	v = find_vintf(&self->board.unit, vm);
	q = find_vcmdq(&self->board.unit, v, 0);
	ASSERT_EQ(-EIO, vcmdq_issue(&vm->q[0], (struct smmu_cmd[]){
				    cmd_op(CMD_CFGI_STE) }, 1));
	EXPECT_EQ(1, run("--errors"));
	EXPECT_EQ(1, run("--errors --json"));
	EXPECT_TRUE(has_finding(self->out, "queue-error", v, q));
	EXPECT_EQ(0, run("--json"));
	compare(_metadata, self);
	EXPECT_TRUE(json_is(self->out, "status", "\"attention\""));

	EXPECT_EQ(CERROR_ILL, vcmdq_recover(&vm->q[0]));
	EXPECT_EQ(0, vcmdq_wait(&vm->q[0]));
	EXPECT_EQ(0, run("--errors"));
	EXPECT_EQ(0, run("--json"));
	EXPECT_GE(number("vintfs.0.errors"), 1);
	EXPECT_TRUE(has_finding(self->out, "vintf-errors", v, -1));
}

/* What would not stop is seen until it has stopped */
TEST_F_TIMEOUT(info, sees_what_is_stuck, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	struct vm *vm = &self->vm;
	unsigned int v, q, i;
	int status = -1;

	ASSERT_EQ(0, vm_set_up(vm, VSID, ASID));
	v = find_vintf(unit, vm);
	q = find_vcmdq(unit, v, 0);
	ASSERT_NE(NULL, observer_run(unit, "inject stuck_disable_vcmdq q=%u", q));
	ASSERT_EQ(0, vm_drop_queue(vm));
	EXPECT_EQ(1, run("--errors --json"));
	EXPECT_TRUE(has_finding(self->out, "vintf-fenced", v, -1));
	EXPECT_TRUE(has_finding(self->out, "queue-stuck", v, q));
	EXPECT_FALSE(has_finding(self->out, "vintf-ended", -1, -1));
	ASSERT_EQ(0, vm_close(vm));
	EXPECT_EQ(1, run("--errors --json"));
	EXPECT_TRUE(has_finding(self->out, "vintf-ended", v, -1));
	EXPECT_TRUE(has_finding(self->out, "queue-stuck", v, q));

	ASSERT_NE(NULL, observer_run(unit, "inject none"));
	for (i = 0; i < PATIENCE_S && status; i++) {
		status = run("--errors");
		if (status)
			sleep(1);
	}
	EXPECT_EQ(0, status)
		TH_LOG("%s", self->out);
	ASSERT_EQ(0, vm_open(vm, "A", self->board.bdf[0]));
}

/* --watch counts the commands that a guest issues between two looks */
TEST_F_TIMEOUT(info, counts_commands, TIMEOUT)
{
	char command[8192], *line = NULL;
	struct vm *vm = &self->vm;
	double rate, interval;
	const char *s;
	size_t size = 0;
	FILE *f;
	int i;

	ASSERT_EQ(0, vm_set_up(vm, VSID, ASID));
	/* Long enough for all that is done meanwhile, however slow the board is */
	snprintf(command, sizeof(command), "%s --json --watch=10 --count=2", self->tool);
	f = popen(command, "r");
	ASSERT_NE(f, NULL);
	ASSERT_GT(getline(&line, &size, f), 0);
	i = find_element(line, path("%s.vcmdqs", self->unit), "v",
			 json_number(line, path("%s.vintfs.0.v", self->unit)));
	EXPECT_GE(i, 0);
	EXPECT_TRUE(json_is(line, path("%s.vcmdqs.%d.rates.commands", self->unit, i), "null"));
	/* With the CMD_SYNC of each: 20 */
	for (int n = 0; n < 10; n++)
		EXPECT_EQ(0, vcmdq_issue(&vm->q[0], (struct smmu_cmd[]){
					 cmd_tlbi_nh_asid(ASID) }, 1));
	ASSERT_GT(getline(&line, &size, f), 0);
	EXPECT_EQ(0, pclose(f));
	s = json_get(line, path("%s.vcmdqs.%d.rates.commands", self->unit, i));
	ASSERT_NE(s, NULL);
	rate = strtod(s, NULL);
	s = json_get(line, "interval");
	ASSERT_NE(s, NULL);
	interval = strtod(s, NULL);
	EXPECT_GE(interval, 10);
	/* Of both three decimals are printed */
	EXPECT_TRUE(rate * interval > 19.5 && rate * interval < 20.5)
		TH_LOG("%f commands/s for %f s", rate, interval);
	free(line);
}

/* Who is not root learns that one has to be, and nothing else */
TEST_F_TIMEOUT(info, is_for_root, TIMEOUT)
{
	pid_t child;
	int status;

	ASSERT_EQ(0, vm_set_up(&self->vm, VSID, ASID));
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		if (setgid(65534) || setuid(65534) ||
		    run("--json 2>&1 >/dev/null") != 2 ||
		    !strstr(self->out, "run this as root") ||
		    run("--json 2>/dev/null") != 2 ||
		    !json_is(self->out, "units", "[]"))
			_exit(1);
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

/* A dump, read again, has what it had; and people see it */
TEST_F_TIMEOUT(info, dumps_for_a_bug_report, TIMEOUT)
{
	char file[] = "/tmp/cmdqv-dump-XXXXXX", *options = NULL;
	int fd = mkstemp(file);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, vm_set_up(&self->vm, VSID, ASID));
	ASSERT_EQ(0, run("--dump"));
	ASSERT_EQ(strlen(self->out), write(fd, self->out, strlen(self->out)));
	close(fd);
	ASSERT_GT(asprintf(&options, "--json --root %s", file), 0);
	EXPECT_EQ(0, run(options));
	compare(_metadata, self);
	free(options);
	ASSERT_GT(asprintf(&options, "--root %s", file), 0);
	EXPECT_EQ(0, run(options));
	EXPECT_NE(NULL, strstr(self->out, self->board.bdf[0]));
	EXPECT_NE(NULL, strstr(self->out, "Summary: nothing needs attention."));
	free(options);
	unlink(file);
}

TEST_HARNESS_MAIN
