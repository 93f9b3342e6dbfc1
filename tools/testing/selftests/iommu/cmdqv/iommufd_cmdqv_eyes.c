// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an administrator sees of VMs with queues of their own: trace events and the
 * records in debugfs. Each step of a life, and each refusal, leaves its events, in
 * order, with what was asked for and what the unit has done; the records say at each
 * step what the unit itself says; and nobody else can read either.
 *
 * Runs on the emulated board (emulator/grace-vm); skips elsewhere.
 */
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "cmdqv_utils.h"
#include "kernel_log.h"
#include "tracefs.h"

#define TIMEOUT		120
#define TYPE		IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV
#define EVENT		IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV
#define QUEUE		IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV
#define SOON_MS		2000
#define NOBODY		65534

static const char *const files[] = { "unit", "vintfs", "vcmdqs", "sids" };

FIXTURE(eyes)
{
	struct board board;
	struct tracefs trace;
	struct vm vm;
	/* The kernel's log since the test began */
	int log;
	/* The unit's directory in debugfs */
	char dir[256];
	/* Events, and what was read there, for as long as the test lasts */
	char *events;
	char *records;
};

/* The directory of the first unit; false: there is none */
static bool find_records(char *dir, size_t size)
{
	static const char *const places[] = {
		"/sys/kernel/debug/iommu/tegra241_cmdqv/*/unit",
		"/sys/kernel/debug/tegra241_cmdqv/*/unit",
	};
	glob_t g;

	for (int i = 0; i < 2; i++) {
		if (glob(places[i], 0, NULL, &g))
			continue;
		snprintf(dir, size, "%.*s",
			 (int)(strlen(g.gl_pathv[0]) - strlen("/unit")),
			 g.gl_pathv[0]);
		globfree(&g);
		return true;
	}
	return false;
}

/* All of a file, to be freed; NULL: it can't be read */
static char *read_records(const char *dir, const char *name)
{
	char path[320], *text = NULL;
	size_t len = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	if (!f)
		return NULL;
	if (getdelim(&text, &len, 0, f) < 0) {
		free(text);
		text = strdup("");
	}
	fclose(f);
	return text;
}

FIXTURE_SETUP(eyes)
{
	const char *why = board_find(&self->board);

	if (why)
		SKIP(return, "%s", why);
	self->vm.fd = -1;
	if (!find_records(self->dir, sizeof(self->dir)))
		SKIP(return, "needs CONFIG_DEBUG_FS");
	self->log = kernel_log_open();
	ASSERT_LE(0, self->log);
	if (!tracefs_open(&self->trace)) {
		ASSERT_EQ(0, tracefs_enable(&self->trace, "tegra241_cmdqv"));
		ASSERT_EQ(0, tracefs_enable(&self->trace, "iommufd"));
	}
	ASSERT_EQ(0, vm_open(&self->vm, "A", self->board.bdf[0]));
	free(tracefs_take(&self->trace));
}

FIXTURE_TEARDOWN(eyes)
{
	char line[256];

	if (!self->dir[0])
		return;
	observer_run(&self->board.unit, "inject none");
	EXPECT_EQ(0, vm_close(&self->vm));
	board_check(&self->board);
	EXPECT_FALSE(kernel_has_warned(self->log, line, sizeof(line)))
		TH_LOG("%s", line);
	close(self->log);
	tracefs_close(&self->trace);
	free(self->events);
	free(self->records);
	observer_close(&self->board.unit);
}

/* ------------------------------------------------------------------ events */

#define NO_TRACING "needs CONFIG_FTRACE and CONFIG_ENABLE_DEFAULT_TRACERS"

/* These events have happened since, in this order, and no others. NULL ends them. */
static bool same_events(const char *events, va_list names, char *why, size_t size)
{
	const char *r = events, *name;

	while ((name = va_arg(names, const char *))) {
		size_t len = strlen(name);

		if (!r || !*r || strncmp(r, name, len) || r[len] != ' ') {
			snprintf(why, size, "%s is missing", name);
			return false;
		}
		r = record_next(r);
	}
	if (r && *r) {
		snprintf(why, size, "unexpected from here on: %.*s",
			 (int)strcspn(r, "\n"), r);
		return false;
	}
	return true;
}

static bool have_events(char **events, struct tracefs *t, char *why, size_t size, ...)
{
	va_list names;
	bool same;

	free(*events);
	*events = tracefs_take(t);
	if (!*events) {
		snprintf(why, size, "they can't be read");
		return false;
	}
	va_start(names, size);
	same = same_events(*events, names, why, size);
	va_end(names);
	return same;
}

#define expect_events(...) do {						\
	char _why[256];							\
									\
	ASSERT_TRUE(have_events(&self->events, &self->trace, _why,	\
				sizeof(_why), ##__VA_ARGS__, NULL))	\
		TH_LOG("%s, of:\n%s", _why, self->events ?: "");	\
} while (0)

/* The event @name, which has happened, has this value of @key */
#define event_of(_name)		record_find(self->events, _name)
#define expect_field(_name, _key, _value) do {				\
	const char *_e = event_of(_name), *_k = (_key);			\
									\
	ASSERT_NE(_e, NULL);						\
	EXPECT_EQ((u64)(_value), record_value(_e, _k))			\
		TH_LOG("%s of %.*s", _k, (int)strcspn(_e, "\n"), _e);	\
} while (0)
#define expect_word(_name, _key, _value) do {				\
	const char *_e = event_of(_name), *_k = (_key), *_w = (_value);	\
									\
	ASSERT_NE(_e, NULL);						\
	EXPECT_TRUE(record_is(_e, _k, _w))				\
		TH_LOG("%s is not %s: %.*s", _k, _w,			\
		       (int)strcspn(_e, "\n"), _e);			\
} while (0)

/* ----------------------------------------------------------------- records */

/* Record @n of @kind in file @name, kept until the next call; NULL: there is none */
static const char *record_of(char **records, const char *dir, const char *name,
			     const char *kind, const char *key, u64 value)
{
	const char *r;

	free(*records);
	*records = read_records(dir, name);
	for (r = *records; r && *r && (r = record_find(r, kind)); r = record_next(r))
		if (!key || record_value(r, key) == value)
			return r;
	return NULL;
}

#define shown(_file, _kind, _key, _value)				\
	record_of(&self->records, self->dir, _file, _kind, _key, _value)

/* The unit's own record of it */
static const char *unit_says(struct observer *unit, const char *kind,
			     const char *key, u64 value)
{
	const char *r = observer_run(unit, "state");

	for (; r && (r = record_find(r, kind)); r = record_next(r))
		if (record_value(r, key) == value)
			return r;
	return NULL;
}

/* What the records say of VINTF @_v is what the unit says of it */
#define expect_vintf(_v, _queues, _sids) do {				\
	unsigned int _idx = (_v), _num = (_queues);			\
	struct vintf_state _s;						\
	const char *_r;							\
									\
	ASSERT_EQ(0, observer_vintf(unit, _idx, &_s));			\
	_r = shown("vintfs", "vintf", "v", _idx);			\
	ASSERT_NE(_r, NULL);						\
	EXPECT_TRUE(record_is(_r, "device", self->board.bdf[0]));	\
	EXPECT_EQ(record_value(_r, "vmid"), _s.vmid);			\
	EXPECT_EQ(record_value(_r, "config") >> 1 & 0xffff, _s.vmid);	\
	EXPECT_EQ(record_value(_r, "config") >> 17, _s.hyp_own);	\
	EXPECT_EQ(record_value(_r, "status") & 1, _s.enabled);		\
	EXPECT_EQ(record_value(_r, "queues"), _num);			\
	EXPECT_EQ(_s.lvcmdqs, _num);					\
	EXPECT_EQ(record_value(_r, "sids"), _sids);			\
	_r = shown("vintfs", "total", NULL, 0);				\
	ASSERT_NE(_r, NULL);						\
	EXPECT_EQ(record_value(_r, "taken"), 1);			\
} while (0)

/* Likewise of VCMDQ @_q */
#define expect_vcmdq(_q, _owner) do {					\
	const char *_r, *_u;						\
	u64 _idx = (_q);						\
									\
	_r = shown("vcmdqs", "vcmdq", "q", _idx);			\
	_u = unit_says(unit, "vcmdq", "q", _idx);			\
	ASSERT_NE(_r, NULL);						\
	ASSERT_NE(_u, NULL);						\
	EXPECT_TRUE(record_is(_r, "owner", _owner));			\
	EXPECT_EQ(record_value(_r, "entries"),				\
		  1ULL << record_value(_u, "log2size"));		\
	EXPECT_EQ(record_value(_r, "base"),				\
		  record_value(_u, "base") & 0xffffffffffe0ULL);	\
	EXPECT_EQ(record_value(_r, "prod"), record_value(_u, "prod"));	\
	EXPECT_EQ(record_value(_r, "cons"),				\
		  record_value(_u, "cons") & 0xfffff);			\
	EXPECT_EQ(record_value(_r, "cons_err"), record_value(_u, "err")); \
	EXPECT_EQ(record_value(_r, "config"), record_value(_u, "en"));	\
	EXPECT_EQ(record_value(_r, "status") & 1, record_value(_u, "enabled")); \
	EXPECT_EQ(record_value(_r, "gerror"), record_value(_u, "gerror")); \
	EXPECT_EQ(record_value(_r, "gerrorn"), record_value(_u, "gerrorn")); \
	EXPECT_EQ(record_value(_r, "alloc") & 1, record_value(_u, "allocated")); \
	EXPECT_EQ(record_value(_r, "alloc") >> 15,			\
		  record_value(_u, "vintf"));				\
	EXPECT_EQ(record_value(_r, "alloc") >> 1 & 0x7f,		\
		  record_value(_u, "lvcmdq"));				\
} while (0)

/* Nothing of a VM is there any more */
#define expect_nothing_shown() do {					\
	EXPECT_EQ(NULL, shown("vintfs", "vintf", NULL, 0));		\
	EXPECT_EQ(NULL, shown("vcmdqs", "vcmdq", "owner", 0) ?		\
		  strstr(self->records, "owner=vm") ?:			\
		  strstr(self->records, "owner=stuck") : NULL);		\
	EXPECT_EQ(NULL, shown("sids", "sid", NULL, 0));			\
} while (0)

/* ------------------------------------------------------------------- tests */

/* A command that no guest may use: the queue stops there */
static int make_error(struct vcmdq *q)
{
	struct smmu_cmd bad = cmd_op(CMD_CFGI_ALL);
	int rc = vcmdq_issue(q, &bad, 1);

	return rc == -EIO ? 0 : rc ?: -EPROTO;
}

/* Have the interrupt thread done with what has happened so far: up to a second */
static bool await_event(struct tracefs *t, char **events, const char *name)
{
	char *more, *all;

	for (int i = 0; i < 100; i++) {
		more = tracefs_take(t);
		if (!more || asprintf(&all, "%s%s", *events ?: "", more) < 0)
			return false;
		free(more);
		free(*events);
		*events = all;
		if (record_find(all, name))
			return true;
		usleep(10000);
	}
	return false;
}

/* The unit is what the board says that it is */
TEST_F(eyes, unit)
{
	struct observer *unit = &self->board.unit;
	const char *r, *u;

	u = record_find(observer_run(unit, "state"), "cmdqv");
	ASSERT_NE(u, NULL);
	r = shown("unit", "unit", NULL, 0);
	ASSERT_NE(r, NULL);
	EXPECT_TRUE(record_is(r, "role", "host"));
	EXPECT_TRUE(record_is(r, "state", "running"));
	EXPECT_EQ(record_value(r, "vintfs"), record_value(u, "vintfs"));
	EXPECT_EQ(record_value(r, "vcmdqs"), record_value(u, "vcmdqs"));
	EXPECT_EQ(record_value(r, "sids_per_vintf"), record_value(u, "sids"));
	EXPECT_EQ(record_value(r, "max_log2_entries"), record_value(u, "cmdqs"));
	EXPECT_EQ(record_value(r, "config") & 1, record_value(u, "en"));
	EXPECT_EQ(record_value(r, "status") & 1, record_value(u, "enabled"));
	EXPECT_EQ(record_value(r, "vm_usable"), 1);
	r = record_find(r, "smmu");
	ASSERT_NE(r, NULL);
	EXPECT_EQ(record_value(r, "nest_vm"), 1);
	/* The kernel's own queues and its VINTF */
	r = shown("vintfs", "vintf0", NULL, 0);
	ASSERT_NE(r, NULL);
	EXPECT_EQ(record_value(r, "hyp_own"), 1);
	EXPECT_EQ(record_value(r, "config"), 0x20001);
	for (unsigned int q = 0; q < record_value(r, "queues"); q++) {
		r = shown("vcmdqs", "vcmdq", "q", q);
		ASSERT_NE(r, NULL);
		EXPECT_TRUE(record_is(r, "owner", "host"));
		EXPECT_EQ(record_value(r, "v"), 0);
		EXPECT_EQ(record_value(r, "status") & 1, 1);
	}
}

/* From the vIOMMU to its end, step by step */
TEST_F_TIMEOUT(eyes, life, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	struct iommufd_vevent_header header;
	struct iommu_vevent_tegra241_cmdqv event;
	struct vm *vm = &self->vm;
	struct pollfd p = { .events = POLLIN };
	unsigned int v, q;
	const char *r, *u;
	u32 evq;
	int fd;

	if (!self->trace.dir[0])
		SKIP(return, NO_TRACING);
	/* A vIOMMU, and its window */
	ASSERT_EQ(0, vm_add_viommu(vm, TYPE));
	expect_events("cmdqv_vintf_alloc", "cmdqv_vintf_enable",
		      "iommufd_window_add", "cmdqv_vintf_window",
		      "iommufd_viommu_alloc", "iommufd_mmap");
	v = record_value(event_of("cmdqv_vintf_alloc"), "v");
	r = unit_says(unit, "vintf", "v", v);
	ASSERT_NE(r, NULL);
	expect_field("cmdqv_vintf_alloc", "vmid", record_value(r, "vmid"));
	expect_field("cmdqv_vintf_alloc", "user", getuid());
	expect_word("cmdqv_vintf_alloc", "device", self->board.bdf[0]);
	expect_field("cmdqv_vintf_enable", "v", v);
	expect_field("cmdqv_vintf_enable", "ret", 0);
	expect_field("cmdqv_vintf_window", "offset", vm->window_offset);
	expect_field("iommufd_window_add", "viommu_id", vm->viommu);
	expect_field("iommufd_viommu_alloc", "id", vm->viommu);
	expect_field("iommufd_viommu_alloc", "type", TYPE);
	expect_field("iommufd_viommu_alloc", "dev_id", vm->dev.dev_id);
	expect_field("iommufd_viommu_alloc", "hwpt_id", vm->s2);
	expect_field("iommufd_viommu_alloc", "rc", 0);
	expect_word("iommufd_viommu_alloc", "cause", "-");
	expect_field("iommufd_mmap", "offset", vm->window_offset);
	expect_field("iommufd_mmap", "length", vm->window_size);
	expect_field("iommufd_mmap", "viommu_id", vm->viommu);
	EXPECT_EQ(find_vintf(unit, vm), v);
	expect_vintf(v, 0, 0);

	/* A vDEVICE */
	ASSERT_EQ(0, vm_add_vdevice(vm, VSID));
	expect_events("cmdqv_sid_set", "iommufd_vdevice_alloc");
	expect_field("cmdqv_sid_set", "v", v);
	expect_field("cmdqv_sid_set", "virt_sid", VSID);
	expect_word("cmdqv_sid_set", "device", self->board.bdf[0]);
	expect_field("iommufd_vdevice_alloc", "id", vm->vdevice);
	expect_field("iommufd_vdevice_alloc", "viommu_id", vm->viommu);
	expect_field("iommufd_vdevice_alloc", "virt_id", VSID);
	expect_vintf(v, 0, 1);
	u = unit_says(unit, "sid", "v", v);
	r = shown("sids", "sid", "v", v);
	ASSERT_NE(r, NULL);
	ASSERT_NE(u, NULL);
	EXPECT_EQ(record_value(r, "slot"), record_value(u, "slot"));
	EXPECT_EQ(record_value(r, "virt"), record_value(u, "virt_sid"));
	EXPECT_EQ(record_value(r, "phys"), record_value(u, "phys_sid"));
	EXPECT_EQ(record_value(r, "match"), VSID << 1 | 1);
	EXPECT_EQ(record_value(r, "replace"), record_value(u, "phys_sid"));
	EXPECT_TRUE(record_is(r, "device", self->board.bdf[0]));
	expect_field("cmdqv_sid_set", "phys_sid", record_value(u, "phys_sid"));

	/* A queue */
	ASSERT_EQ(0, vm_add_stage1(vm, ASID));
	ASSERT_EQ(0, vm_add_queue(vm, QUEUE_LOG2));
	expect_events("cmdqv_vcmdq_prepare", "cmdqv_vcmdq_map",
		      "iommufd_hw_queue_alloc");
	q = find_vcmdq(unit, v, 0);
	u = unit_says(unit, "vcmdq", "q", q);
	ASSERT_NE(u, NULL);
	expect_field("cmdqv_vcmdq_prepare", "q", q);
	expect_field("cmdqv_vcmdq_prepare", "entries", 1 << QUEUE_LOG2);
	expect_field("cmdqv_vcmdq_prepare", "base",
		     record_value(u, "base") & 0xffffffffffe0ULL);
	expect_field("cmdqv_vcmdq_map", "v", v);
	expect_field("cmdqv_vcmdq_map", "l", 0);
	expect_field("cmdqv_vcmdq_map", "ret", 0);
	expect_field("iommufd_hw_queue_alloc", "id", vm->hwq[0]);
	expect_field("iommufd_hw_queue_alloc", "length", QUEUE_BYTES);
	expect_field("iommufd_hw_queue_alloc", "index", 0);
	expect_vintf(v, 1, 1);
	expect_vcmdq(q, "vm");

	/* What the guest does leaves no trace, but is seen */
	ASSERT_EQ(0, vcmdq_enable(&vm->q[0]));
	ASSERT_EQ(0, vcmdq_issue(&vm->q[0], (struct smmu_cmd[]){
				 cmd_tlbi_nh_asid(ASID) }, 1));
	expect_events();
	expect_vcmdq(q, "vm");

	/* An error, of which the VMM hears */
	ASSERT_EQ(0, iommufd_veventq_alloc(vm->fd, vm->viommu, EVENT, 8, &evq, &fd));
	expect_events("iommufd_veventq_alloc");
	expect_field("iommufd_veventq_alloc", "id", evq);
	expect_field("iommufd_veventq_alloc", "depth", 8);
	ASSERT_EQ(0, make_error(&vm->q[0]));
	p.fd = fd;
	ASSERT_EQ(1, poll(&p, 1, SOON_MS));
	usleep(50000);
	expect_events("cmdqv_interrupt", "cmdqv_vcmdq_error",
		      "iommufd_vevent_add", "cmdqv_error_reported");
	expect_field("cmdqv_interrupt", "vintf_err_map", 1ULL << v);
	expect_field("cmdqv_vcmdq_error", "q", q);
	expect_word("cmdqv_vcmdq_error", "cons_err", "ILLEGAL_OPCODE");
	expect_field("cmdqv_vcmdq_error", "fresh", 1);
	expect_field("iommufd_vevent_add", "veventq_id", evq);
	expect_field("iommufd_vevent_add", "sequence", 0);
	expect_field("iommufd_vevent_add", "num_events", 1);
	expect_field("cmdqv_error_reported", "lvcmdq_err_map", 1);
	EXPECT_EQ(0, iommufd_veventq_read(fd, &header, &event, sizeof(event)));
	expect_vcmdq(q, "vm");
	r = shown("vcmdqs", "vcmdq", "q", q);
	EXPECT_EQ(record_value(r, "cons_err"), CERROR_ILL);
	EXPECT_NE(record_value(r, "gerror"), record_value(r, "gerrorn"));
	r = shown("vintfs", "vintf", "v", v);
	EXPECT_EQ(record_value(r, "errors"), 1);
	vcmdq_recover(&vm->q[0]);
	ASSERT_EQ(0, vcmdq_wait(&vm->q[0]));
	expect_vcmdq(q, "vm");
	close(fd);
	ASSERT_EQ(0, iommufd_destroy(vm->fd, evq));
	expect_events("iommufd_object_destroy", "iommufd_destroy");
	expect_word("iommufd_object_destroy", "type", "VEVENTQ");

	/* The end of it all */
	ASSERT_EQ(0, vm_drop_stage1(vm));
	free(tracefs_take(&self->trace));
	ASSERT_EQ(0, vm_drop_queue(vm));
	expect_events("iommufd_object_destroy", "cmdqv_vcmdq_unmap",
		      "cmdqv_vcmdq_stop", "cmdqv_vcmdq_retire", "iommufd_destroy");
	expect_word("iommufd_object_destroy", "type", "HW_QUEUE");
	expect_field("iommufd_object_destroy", "id", vm->hwq[0]);
	expect_field("cmdqv_vcmdq_stop", "q", q);
	expect_field("cmdqv_vcmdq_stop", "ret", 0);
	expect_vintf(v, 0, 1);
	EXPECT_EQ(NULL, shown("vcmdqs", "vcmdq", "q", q));
	ASSERT_EQ(0, iommufd_destroy(vm->fd, vm->vdevice));
	expect_events("iommufd_object_destroy", "cmdqv_sid_clear",
		      "iommufd_destroy");
	expect_field("cmdqv_sid_clear", "virt_sid", VSID);
	vm->vdevice = 0;
	expect_vintf(v, 0, 0);
	EXPECT_EQ(-EBUSY, iommufd_destroy(vm->fd, vm->viommu));
	expect_events("iommufd_destroy");
	expect_field("iommufd_destroy", "rc", -EBUSY);
	ASSERT_EQ(0, vm_unmap_window(vm));
	expect_events("iommufd_munmap");
	expect_field("iommufd_munmap", "viommu_id", vm->viommu);
	ASSERT_EQ(0, iommufd_destroy(vm->fd, vm->viommu));
	expect_events("iommufd_object_destroy", "iommufd_window_remove",
		      "cmdqv_vintf_disable", "cmdqv_vintf_free",
		      "iommufd_destroy");
	expect_field("cmdqv_vintf_disable", "v", v);
	expect_field("cmdqv_vintf_disable", "ret", 0);
	expect_field("iommufd_destroy", "rc", 0);
	vm->viommu = 0;
	expect_nothing_shown();
}

/* What nobody listens to, and what does not fit, leaves its event as well */
TEST_F_TIMEOUT(eyes, errors_unheard, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	struct vm *vm = &self->vm;
	unsigned int v;
	u32 evq;
	int fd;

	if (!self->trace.dir[0])
		SKIP(return, NO_TRACING);
	ASSERT_EQ(0, vm_set_up(vm, VSID, ASID));
	v = find_vintf(unit, vm);
	free(tracefs_take(&self->trace));
	ASSERT_EQ(0, make_error(&vm->q[0]));
	ASSERT_TRUE(await_event(&self->trace, &self->events, "cmdqv_error_dropped"))
		TH_LOG("%s", self->events);
	expect_field("cmdqv_error_dropped", "v", v);
	expect_field("cmdqv_error_dropped", "ret", -EOPNOTSUPP);
	expect_field("iommufd_vevent_nobody", "viommu_id", vm->viommu);
	expect_field("iommufd_vevent_nobody", "type", EVENT);

	/* Who begins to listen is told */
	ASSERT_EQ(0, iommufd_veventq_alloc(vm->fd, vm->viommu, EVENT, 1, &evq, &fd));
	expect_events("cmdqv_vcmdq_error", "iommufd_vevent_add",
		      "cmdqv_error_reported", "iommufd_veventq_alloc");
	vcmdq_recover(&vm->q[0]);
	ASSERT_EQ(0, vcmdq_wait(&vm->q[0]));

	/* One is kept, the next is lost */
	free(tracefs_take(&self->trace));
	self->events[0] = 0;
	ASSERT_EQ(0, make_error(&vm->q[0]));
	ASSERT_TRUE(await_event(&self->trace, &self->events, "iommufd_vevent_lost"))
		TH_LOG("%s", self->events);
	expect_field("iommufd_vevent_lost", "veventq_id", evq);
	expect_field("iommufd_vevent_lost", "sequence", 1);
	expect_field("iommufd_vevent_lost", "num_events", 1);
	vcmdq_recover(&vm->q[0]);
	close(fd);
	ASSERT_EQ(0, iommufd_destroy(vm->fd, evq));
}

/* Each refusal says what was refused, and what for */
TEST_F_TIMEOUT(eyes, refusals, TIMEOUT)
{
	struct iommu_viommu_tegra241_cmdqv data = {};
	struct vm *vm = &self->vm;
	u64 ipa;
	u32 id;
	int fd;

	if (!self->trace.dir[0])
		SKIP(return, NO_TRACING);
	/* Of vIOMMUs */
	EXPECT_EQ(-EOPNOTSUPP, iommufd_viommu_alloc(vm->fd, vm->dev.dev_id, vm->s2, 77,
						    &data, sizeof(data), &id));
	expect_events("iommufd_viommu_alloc");
	expect_field("iommufd_viommu_alloc", "rc", -EOPNOTSUPP);
	expect_field("iommufd_viommu_alloc", "id", 0);
	expect_word("iommufd_viommu_alloc", "cause", "type");
	EXPECT_EQ(-ENOENT, iommufd_viommu_alloc(vm->fd, vm->dev.dev_id, vm->ioas, TYPE,
						&data, sizeof(data), &id));
	expect_events("iommufd_viommu_alloc");
	expect_word("iommufd_viommu_alloc", "cause", "hwpt");
	EXPECT_EQ(-ENOENT, iommufd_viommu_alloc(vm->fd, vm->s2, vm->s2, TYPE, &data,
						sizeof(data), &id));
	expect_events("iommufd_viommu_alloc");
	expect_word("iommufd_viommu_alloc", "cause", "device");
	ASSERT_EQ(0, vm_add_viommu(vm, TYPE));
	ASSERT_EQ(0, set_vintfs_per_device(1));
	free(tracefs_take(&self->trace));
	EXPECT_EQ(-EDQUOT, iommufd_viommu_alloc(vm->fd, vm->dev.dev_id, vm->s2, TYPE,
						&data, sizeof(data), &id));
	expect_events("cmdqv_vintf_refused", "iommufd_abort", "iommufd_viommu_alloc");
	expect_field("cmdqv_vintf_refused", "ret", -EDQUOT);
	expect_word("cmdqv_vintf_refused", "device", self->board.bdf[0]);
	expect_word("iommufd_abort", "type", "VIOMMU");
	expect_word("iommufd_viommu_alloc", "cause", "driver");
	expect_field("iommufd_viommu_alloc", "rc", -EDQUOT);

	/* Of windows */
	EXPECT_EQ(-ENXIO, _test_cmd_mmap(vm->fd, vm->window_offset, 4096, PROT_READ,
					 MAP_SHARED));
	expect_events("iommufd_mmap");
	expect_field("iommufd_mmap", "rc", -ENXIO);
	expect_field("iommufd_mmap", "length", 4096);
	expect_field("iommufd_mmap", "viommu_id", 0);

	/* Of vDEVICEs */
	EXPECT_EQ(-EINVAL, iommufd_vdevice_alloc(vm->fd, vm->viommu, vm->dev.dev_id,
						 1 << 20, &id));
	expect_events("cmdqv_sid_refused", "iommufd_abort", "iommufd_vdevice_alloc");
	expect_field("cmdqv_sid_refused", "virt_sid", 1 << 20);
	expect_field("cmdqv_sid_refused", "ret", -EINVAL);
	expect_word("iommufd_vdevice_alloc", "cause", "driver");
	ASSERT_EQ(0, vm_add_vdevice(vm, VSID));
	free(tracefs_take(&self->trace));
	EXPECT_EQ(-EEXIST, iommufd_vdevice_alloc(vm->fd, vm->viommu, vm->dev.dev_id,
						 VSID, &id));
	expect_events("iommufd_vdevice_alloc");
	expect_word("iommufd_vdevice_alloc", "cause", "device");
	expect_field("iommufd_vdevice_alloc", "rc", -EEXIST);

	/* Of queues */
	ipa = guestmem_alloc(&vm->ram, 2 * QUEUE_BYTES, 2 * QUEUE_BYTES);
	ASSERT_NE(0, ipa);
	EXPECT_EQ(-EINVAL, iommufd_hw_queue_alloc(vm->fd, vm->viommu, QUEUE, 0, ipa,
						  QUEUE_BYTES - 16, &id));
	expect_events("iommufd_hw_queue_alloc");
	expect_word("iommufd_hw_queue_alloc", "cause", "length");
	EXPECT_EQ(-ENOENT, iommufd_hw_queue_alloc(vm->fd, vm->viommu, QUEUE, 0,
						  VM_RAM_IPA + VM_RAM_SIZE,
						  QUEUE_BYTES, &id));
	expect_events("iommufd_abort", "iommufd_hw_queue_alloc");
	expect_word("iommufd_hw_queue_alloc", "cause", "iova");
	expect_field("iommufd_hw_queue_alloc", "iova", VM_RAM_IPA + VM_RAM_SIZE);
	expect_word("iommufd_abort", "type", "HW_QUEUE");
	EXPECT_EQ(-EIO, iommufd_hw_queue_alloc(vm->fd, vm->viommu, QUEUE, 1, ipa,
					       QUEUE_BYTES, &id));
	expect_events("iommufd_abort", "iommufd_hw_queue_alloc");
	expect_word("iommufd_hw_queue_alloc", "cause", "index");
	/* Not at a multiple of its length */
	EXPECT_EQ(-EINVAL, iommufd_hw_queue_alloc(vm->fd, vm->viommu, QUEUE, 0,
						  ipa + 64, 128, &id));
	expect_events("cmdqv_vcmdq_refused", "iommufd_abort",
		      "iommufd_hw_queue_alloc");
	expect_field("cmdqv_vcmdq_refused", "guest_address", ipa + 64);
	expect_field("cmdqv_vcmdq_refused", "ret", -EINVAL);
	expect_word("iommufd_hw_queue_alloc", "cause", "driver");

	/* Of vEVENTQs */
	EXPECT_EQ(-EINVAL, iommufd_veventq_alloc(vm->fd, vm->viommu, EVENT, 0, &id, &fd));
	expect_events("iommufd_veventq_alloc");
	expect_word("iommufd_veventq_alloc", "cause", "arguments");
	EXPECT_EQ(-EOPNOTSUPP, iommufd_veventq_alloc(vm->fd, vm->viommu, 77, 8, &id,
						     &fd));
	expect_events("iommufd_veventq_alloc");
	expect_word("iommufd_veventq_alloc", "cause", "type");

	/* Of DESTROY */
	EXPECT_EQ(-ENOENT, iommufd_destroy(vm->fd, 0x7fffffff));
	expect_events("iommufd_destroy");
	expect_field("iommufd_destroy", "id", 0x7fffffff);
	expect_field("iommufd_destroy", "rc", -ENOENT);
}

/* Programs can make text of an event themselves: what it says is plain C of fields */
TEST_F(eyes, formats)
{
	static const char *const systems[] = { "tegra241_cmdqv", "iommufd" };
	static const char *const not_plain[] = { "({", "sizeof", "__builtin", "FIELD_" };
	unsigned int events = 0;
	char path[256], *text;
	glob_t g;

	if (!self->trace.dir[0])
		SKIP(return, NO_TRACING);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/events/%s/*/format",
			 self->trace.dir, systems[i]);
		ASSERT_EQ(0, glob(path, 0, NULL, &g));
		for (size_t n = 0; n < g.gl_pathc; n++, events++) {
			text = read_records("", g.gl_pathv[n]);
			ASSERT_NE(NULL, text);
			for (int k = 0; k < 4; k++) {
				EXPECT_EQ(NULL, strstr(text, not_plain[k]))
					TH_LOG("%s has %s", g.gl_pathv[n], not_plain[k]);
			}
			free(text);
		}
		globfree(&g);
	}
	EXPECT_GT(events, 40);
}

/* How many requests there were, how many were done, and why not all */
TEST_F(eyes, invalidations)
{
	struct vm *vm = &self->vm;
	struct smmu_cmd cmds[] = {
		cmd_tlbi_nh_asid(ASID), cmd_tlbi_nh_va(ASID, IOVA),
		cmd_op(0xff),
	};
	u32 num = 2;

	if (!self->trace.dir[0])
		SKIP(return, NO_TRACING);
	ASSERT_EQ(0, vm_add_viommu(vm, TYPE));
	free(tracefs_take(&self->trace));
	ASSERT_EQ(0, _test_cmd_invalidate(vm, cmds, &num));
	expect_events("iommufd_cache_invalidate");
	expect_field("iommufd_cache_invalidate", "id", vm->viommu);
	expect_field("iommufd_cache_invalidate", "asked", 2);
	expect_field("iommufd_cache_invalidate", "done", 2);
	expect_field("iommufd_cache_invalidate", "rc", 0);
	num = 3;
	EXPECT_EQ(-EIO, _test_cmd_invalidate(vm, cmds, &num));
	expect_events("iommufd_cache_invalidate");
	expect_field("iommufd_cache_invalidate", "asked", 3);
	expect_field("iommufd_cache_invalidate", "done", 2);
	expect_field("iommufd_cache_invalidate", "rc", -EIO);
}

/* A device that leaves takes its vDEVICE with it; its id stays taken */
TEST_F(eyes, device_leaves)
{
	struct vm *vm = &self->vm;
	u32 dev_id = vm->dev.dev_id;

	if (!self->trace.dir[0])
		SKIP(return, NO_TRACING);
	ASSERT_EQ(0, vm_add_viommu(vm, TYPE));
	ASSERT_EQ(0, vm_add_vdevice(vm, VSID));
	free(tracefs_take(&self->trace));
	vfio_close(&vm->dev);
	self->events = tracefs_take(&self->trace);
	ASSERT_NE(self->events, NULL);
	expect_field("iommufd_unbind_vdevice", "dev_id", dev_id);
	expect_field("iommufd_unbind_vdevice", "vdevice_id", vm->vdevice);
	expect_field("iommufd_unbind_vdevice", "tombstone", 1);
	expect_word("iommufd_unbind_vdevice", "device", self->board.bdf[0]);
	/* Before anything else of it goes */
	EXPECT_LT(event_of("cmdqv_sid_clear"), event_of("iommufd_object_destroy"));
	EXPECT_EQ(NULL, shown("sids", "sid", NULL, 0));
	EXPECT_EQ(-ENOENT, iommufd_destroy(vm->fd, vm->vdevice));
	vm->vdevice = 0;
}

/* Hardware that does not stop is seen for as long as it does not */
TEST_F_TIMEOUT(eyes, quarantine, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	struct vm *vm = &self->vm;
	unsigned int v, q;
	const char *r;
	u64 ipa;
	u32 id;

	if (!self->trace.dir[0])
		SKIP(return, NO_TRACING);
	ASSERT_EQ(0, vm_set_up(vm, VSID, ASID));
	v = find_vintf(unit, vm);
	q = find_vcmdq(unit, v, 0);
	ipa = guestmem_alloc(&vm->ram, QUEUE_BYTES, QUEUE_BYTES);
	ASSERT_NE(NULL, observer_run(unit, "inject stuck_disable_vcmdq q=%u", q));
	free(tracefs_take(&self->trace));
	ASSERT_EQ(0, vm_drop_queue(vm));
	expect_events("iommufd_object_destroy", "cmdqv_vcmdq_unmap",
		      "cmdqv_vcmdq_stop", "cmdqv_vcmdq_quarantine",
		      "cmdqv_vintf_fence", "iommufd_destroy");
	expect_field("cmdqv_vcmdq_stop", "ret", -ETIMEDOUT);
	expect_field("cmdqv_vcmdq_quarantine", "q", q);
	expect_field("cmdqv_vintf_fence", "v", v);
	expect_vcmdq(q, "stuck");
	r = shown("vintfs", "vintf", "v", v);
	ASSERT_NE(r, NULL);
	EXPECT_EQ(record_value(r, "fenced"), 1);
	EXPECT_EQ(record_value(r, "queues"), 0);
	EXPECT_EQ(record_value(r, "ended"), 0);

	EXPECT_EQ(-EIO, iommufd_hw_queue_alloc(vm->fd, vm->viommu, QUEUE, 0, ipa,
					       QUEUE_BYTES, &id));
	expect_events("cmdqv_vcmdq_refused", "iommufd_abort",
		      "iommufd_hw_queue_alloc");

	EXPECT_EQ(0, vm_close(vm));
	self->events = tracefs_take(&self->trace);
	expect_field("cmdqv_vintf_quarantine", "v", v);
	EXPECT_EQ(NULL, event_of("cmdqv_vintf_free"));
	r = shown("vintfs", "vintf", "v", v);
	ASSERT_NE(r, NULL);
	EXPECT_EQ(record_value(r, "ended"), 1);
	expect_vcmdq(q, "stuck");

	ASSERT_NE(NULL, observer_run(unit, "inject none"));
	for (int i = 0; i < 20 && !await_event(&self->trace, &self->events,
					       "cmdqv_vintf_free"); i++)
		;
	expect_field("cmdqv_vcmdq_unquarantine", "q", q);
	expect_field("cmdqv_vintf_unquarantine", "v", v);
	expect_field("cmdqv_vintf_free", "v", v);
	expect_nothing_shown();
}

/* Only root sees any of it */
TEST_F(eyes, nobody_else)
{
	char path[320];
	struct stat st;
	int status;
	pid_t pid;

	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", self->dir, files[i]);
		ASSERT_EQ(0, stat(path, &st));
		EXPECT_EQ(st.st_mode & 07777, 0400)
			TH_LOG("%s", path);
		EXPECT_EQ(st.st_uid, 0);
	}
	snprintf(path, sizeof(path), "%s/../bypass_vcmdq", self->dir);
	ASSERT_EQ(0, stat(path, &st));
	EXPECT_EQ(st.st_mode & 07777, 0600);

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int open_files = 0;

		if (setgid(NOBODY) || setuid(NOBODY))
			_exit(100);
		for (int i = 0; i < 4; i++) {
			snprintf(path, sizeof(path), "%s/%s", self->dir, files[i]);
			open_files += open(path, O_RDONLY) >= 0 || errno != EACCES;
		}
		open_files += open(TRACEFS "/trace", O_RDONLY) >= 0;
		open_files += open(TRACEFS "/events/tegra241_cmdqv/enable", O_WRONLY) >= 0;
		_exit(open_files);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

/* What is wrong in file @name, if anything: NULL, or a record */
static const char *implausible(const char *name, const char *text)
{
	const char *r;
	u64 config;

	/* Neither the end of a record may be missing, nor may words be half there */
	if (*text && text[strlen(text) - 1] != '\n')
		return text;
	for (r = text; r && *r; r = record_next(r)) {
		if (!strncmp(r, "vintf ", 6)) {
			/* Registers and owner belong together */
			config = record_value(r, "config");
			if (config && (config >> 1 & 0xffff) != record_value(r, "vmid"))
				return r;
		} else if (!strncmp(r, "vcmdq ", 6)) {
			if (record_value(r, "q") != 2 * record_value(r, "v") +
						    record_value(r, "l"))
				return r;
			if (record_value(r, "v") && record_is(r, "owner", "host"))
				return r;
			if (record_is(r, "owner", "vm") && record_value(r, "alloc") & 1 &&
			    !(record_value(r, "base") && record_value(r, "entries")))
				return r;
		} else if (!strncmp(r, "sid ", 4)) {
			if (record_value(r, "match") & 1 &&
			    record_value(r, "replace") != record_value(r, "phys"))
				return r;
		} else if (strncmp(r, "total ", 6) && strncmp(r, "vintf0 ", 7) &&
			   strncmp(r, "unit ", 5) && strncmp(r, "smmu ", 5) &&
			   strncmp(r, "interrupt ", 10)) {
			return r;
		}
	}
	return NULL;
}

/* Reads all files until it is killed; exits with 1 if one says what can't be */
static void read_on(const char *dir, unsigned int *count)
{
	const char *wrong;
	char *text;

	for (;; __atomic_add_fetch(count, 1, __ATOMIC_RELAXED)) {
		for (int i = 0; i < 4; i++) {
			text = read_records(dir, files[i]);
			wrong = text ? implausible(files[i], text) : "unreadable";
			if (wrong) {
				fprintf(stderr, "# %s: %.*s\n", files[i],
					(int)strcspn(wrong, "\n"), wrong);
				_exit(1);
			}
			free(text);
		}
	}
}

/* Readers at any moment of any life find what makes sense, and harm nobody */
TEST_F_TIMEOUT(eyes, readers_all_the_time, 2 * TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	unsigned int *count, rounds = getenv("BOARD_SLOW") ? 6 : 20, q;
	struct vm *vm = &self->vm, other;
	pid_t pid[2];
	int status;

	count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	ASSERT_NE(MAP_FAILED, count);
	EXPECT_EQ(0, vm_close(vm));
	for (int i = 0; i < 2; i++) {
		pid[i] = fork();
		ASSERT_LE(0, pid[i]);
		if (!pid[i])
			read_on(self->dir, count);
	}
	for (unsigned int i = 0; i < rounds; i++) {
		ASSERT_EQ(0, vm_open(vm, "A", self->board.bdf[0]));
		ASSERT_EQ(0, vm_set_up(vm, VSID, ASID));
		ASSERT_EQ(0, vm_open(&other, "B", self->board.bdf[1]));
		ASSERT_EQ(0, vm_set_up(&other, VSID, ASID));
		if (i % 5 == 3) {
			q = find_vcmdq(unit, find_vintf(unit, vm), 0);
			ASSERT_NE(NULL, observer_run(unit, "inject stuck_disable_vcmdq q=%u", q));
		}
		EXPECT_EQ(0, vm_close(&other));
		EXPECT_EQ(0, vm_close(vm));
		if (i % 5 == 3)
			ASSERT_NE(NULL, observer_run(unit, "inject none"));
	}
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(0, waitpid(pid[i], &status, WNOHANG))
			TH_LOG("reader %d has ended by itself", i);
		kill(pid[i], SIGKILL);
		waitpid(pid[i], &status, 0);
	}
	TH_LOG("%u rounds of VMs, %u of reading all", rounds, *count);
	EXPECT_GT(*count, rounds / 2);
	munmap(count, 4096);
}

TEST_HARNESS_MAIN
