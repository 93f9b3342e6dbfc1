/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole life of a VM with queues of its own, step by step, for tests that end it
 * at any of them, and what must be left of it then: nothing.
 */
#ifndef CMDQV_LIFE_H
#define CMDQV_LIFE_H

#include <linux/capability.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "cmdqv_utils.h"
#include "kernel_log.h"

#define TYPE	IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV
#define QTYPE	IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV

/* Little memory, for there will be many of them */
#define RAM_SIZE	(32 * GUEST_PAGE)

/* Memory that comes and goes, beyond that */
#define SPARE_IPA	(VM_RAM_IPA + RAM_SIZE)
#define SPARE_SIZE	(4 * GUEST_PAGE)

/* Commands in a queue that are not done yet, when a step begins */
#define KEEP_PENDING	(QUEUE_BYTES / 16 - 8)

/**
 * struct life - one
 * @vm: the VM
 * @bdf: its device
 * @veventq: its queue of events
 * @events: the file of it
 * @enabled: queues that work
 * @at: the step that has been done last; from 1
 * @failed: what a step has returned, the next one after @at; 0: none has failed
 * @step: called between any two of them; may be NULL
 * @arg: for it
 */
struct life {
	struct vm vm;
	char bdf[16];
	u32 veventq;
	int events;
	unsigned int enabled;
	unsigned int at;
	int failed;
	void (*step)(struct life *l);
	void *arg;
};

/* Fill all queues; nothing is waited for. No system call. */
static inline void life_keep_busy(struct life *l)
{
	unsigned int i, n;
	struct vcmdq *q;
	u32 done;

	for (i = 0; i < l->enabled; i++) {
		q = &l->vm.q[i];
		done = vcmdq_read(q, VCMDQ_CONS) & (2 * QUEUE_BYTES / 16 - 1);
		n = (q->prod - done) & (2 * QUEUE_BYTES / 16 - 1);
		for (; n < KEEP_PENDING; n++)
			vcmdq_push(q, n % 8 == 7 ? cmd_sync() :
				   n % 8 == 3 && l->vm.vdevice ?
				   cmd_atc_inv(VSID, 0, 52) :
				   cmd_tlbi_nh_va(ASID, IOVA));
		vcmdq_kick(q);
	}
}

/* All that was begun: 0, or what vcmdq_wait() says of it */
static inline int life_drain(struct life *l, unsigned int i)
{
	u64 end = vmm_now_ns() + 20 * 1000000000ULL;
	int rc;

	do {
		rc = vcmdq_wait(&l->vm.q[i]);
	} while (rc == -ETIMEDOUT && vmm_now_ns() < end);
	return rc;
}

/* A command that a guest must not use: it is refused, told of, and acknowledged */
static inline int life_make_error(struct life *l)
{
	struct pollfd p = { .fd = l->events, .events = POLLIN };
	struct iommu_vevent_tegra241_cmdqv data;
	struct iommufd_vevent_header header;
	struct vcmdq *q = &l->vm.q[1];
	int rc = life_drain(l, 1);

	if (rc)
		return rc;
	vcmdq_push(q, cmd_op(0x04));
	vcmdq_push(q, cmd_sync());
	vcmdq_kick(q);
	rc = life_drain(l, 1);
	if (rc != -EIO)
		return rc ?: -EPROTO;
	if (poll(&p, 1, 20000) != 1)
		return -ETIME;
	rc = iommufd_veventq_read(l->events, &header, &data, sizeof(data));
	if (!rc && data.lvcmdq_err_map[0] != 2)
		rc = -EPROTO;
	vcmdq_recover(q);
	return rc ?: life_drain(l, 1);
}

static inline int life_invalidate(struct life *l)
{
	struct smmu_cmd cmds[] = {
		cmd_tlbi_nh_asid(ASID), cmd_sid(CMD_CFGI_CD, VSID),
		cmd_tlbi_nh_va(ASID, IOVA),
	};
	u32 num = ARRAY_SIZE(cmds);
	int rc = _test_cmd_invalidate(&l->vm, cmds, &num);

	return rc ?: num == ARRAY_SIZE(cmds) ? 0 : -EPROTO;
}

static inline int life_hw_info(struct life *l)
{
	struct iommu_hw_info_tegra241_cmdqv info;

	return iommufd_hw_info(l->vm.fd, l->vm.dev.dev_id,
			       IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV, &info,
			       sizeof(info), NULL);
}

static inline int life_enable(struct life *l)
{
	int rc = vcmdq_enable(&l->vm.q[l->enabled]);

	l->enabled += !rc;
	return rc;
}

static inline int life_drop_queue(struct life *l)
{
	l->enabled--;
	return vm_drop_queue(&l->vm);
}

static inline int life_drop_vdevice(struct life *l)
{
	int rc = iommufd_destroy(l->vm.fd, l->vm.vdevice);

	if (!rc)
		l->vm.vdevice = 0;
	return rc;
}

static inline int life_drop_viommu(struct life *l)
{
	int rc = iommufd_destroy(l->vm.fd, l->vm.viommu);

	if (!rc)
		l->vm.viommu = 0;
	return rc;
}

static inline int life_open_events(struct life *l)
{
	return iommufd_veventq_alloc(l->vm.fd, l->vm.viommu,
				     IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV, 64,
				     &l->veventq, &l->events);
}

static inline int life_close_events(struct life *l)
{
	close(l->events);
	l->events = -1;
	return iommufd_destroy(l->vm.fd, l->veventq);
}

/* Memory that comes and goes while the queues work */
static inline int life_map_spare(struct life *l)
{
	return iommufd_ioas_map(l->vm.fd, l->vm.ioas, l->vm.ram.va, SPARE_SIZE,
				SPARE_IPA, true);
}

static inline int life_unmap_spare(struct life *l)
{
	return iommufd_ioas_unmap(l->vm.fd, l->vm.ioas, SPARE_IPA, SPARE_SIZE);
}

/* Memory under a queue stays */
static inline int life_unmap_refused(struct life *l)
{
	return iommufd_ioas_unmap(l->vm.fd, l->vm.ioas, VM_RAM_IPA,
				  RAM_SIZE) == -EBUSY ? 0 : -EPROTO;
}

/* A step has returned @rc; false: life is over */
static inline bool life_goes_on(struct life *l, int rc)
{
	l->failed = rc;
	if (rc)
		return false;
	l->at++;
	life_keep_busy(l);
	if (l->step)
		l->step(l);
	return true;
}

/* After these steps there is a stage 1, and all there is works */
#define LIFE_HAS_STAGE1	6
#define LIFE_BEGUN	14

/* The first half of a life: until all there is exists, and works */
static inline int life_begin(struct life *l)
{
	struct vm *vm = &l->vm;

	l->events = -1;
	if (!life_goes_on(l, vm_open_ram(vm, "life", l->bdf, RAM_SIZE)) ||
	    !life_goes_on(l, life_hw_info(l)) ||
	    !life_goes_on(l, vm_add_viommu(vm, TYPE)) ||
	    !life_goes_on(l, life_open_events(l)) ||
	    !life_goes_on(l, vm_add_vdevice(vm, VSID)) ||
	    !life_goes_on(l, vm_add_stage1(vm, ASID)) ||
	    !life_goes_on(l, vm_add_queue(vm, QUEUE_LOG2)) ||
	    !life_goes_on(l, life_enable(l)) ||
	    !life_goes_on(l, vm_add_queue(vm, QUEUE_LOG2)) ||
	    !life_goes_on(l, life_enable(l)) ||
	    !life_goes_on(l, life_invalidate(l)) ||
	    !life_goes_on(l, edu_store_begin(&vm->dev, VM_RAM_IPA, 64)) ||
	    !life_goes_on(l, life_make_error(l)) ||
	    !life_goes_on(l, life_map_spare(l)))
		return -1;
	return 0;
}

/* The second half, in order, while the queues that are left go on */
static inline int life_end(struct life *l)
{
	struct vm *vm = &l->vm;

	if (!life_goes_on(l, life_unmap_spare(l)) ||
	    !life_goes_on(l, life_unmap_refused(l)) ||
	    !life_goes_on(l, vfio_attach(&vm->dev, vm->s2)) ||
	    !life_goes_on(l, vfio_attach(&vm->dev, vm->nested)) ||
	    !life_goes_on(l, life_drop_queue(l)) ||
	    !life_goes_on(l, life_close_events(l)) ||
	    !life_goes_on(l, vm_drop_stage1(vm)) ||
	    !life_goes_on(l, life_drop_vdevice(l)) ||
	    !life_goes_on(l, life_drop_queue(l)) ||
	    !life_goes_on(l, vm_unmap_window(vm)) ||
	    !life_goes_on(l, life_drop_viommu(l)) ||
	    !life_goes_on(l, vm_close(vm)))
		return -1;
	return 0;
}

static inline int life_all(struct life *l)
{
	return life_begin(l) ?: life_end(l);
}

/* Shared with the processes that play it */
static inline struct life *life_new(const char *bdf)
{
	struct life *l = mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (l == MAP_FAILED)
		return NULL;
	snprintf(l->bdf, sizeof(l->bdf), "%s", bdf);
	return l;
}

static inline void life_free(struct life *l)
{
	munmap(l, sizeof(*l));
}

/*
 * As a VMM is: what it pins is charged to it, and it may pin no more than its guest's
 * memory and the spare pages. If anything is left charged of the VM before, this one
 * does not get that.
 */
static inline void life_be_charged(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	struct rlimit limit = {
		.rlim_cur = RAM_SIZE + SPARE_SIZE,
		.rlim_max = RAM_SIZE + SPARE_SIZE,
	};

	if (syscall(SYS_capget, &header, data))
		_exit(250);
	data[0].effective &= ~(1u << CAP_IPC_LOCK);
	if (syscall(SYS_capset, &header, data) ||
	    setrlimit(RLIMIT_MEMLOCK, &limit))
		_exit(251);
}

/**
 * struct nothing - what there is when there are no VMs
 * @pinned: pages that the kernel has pinned
 * @vintf: which VINTF the first VM gets
 * @vmid: and which VMID
 */
struct nothing {
	long pinned;
	unsigned int vintf;
	unsigned int vmid;
};

/* Pages pinned and not yet unpinned, by anybody; -1: the kernel does not tell */
static inline long pages_pinned(void)
{
	long acquired = -1, released = -1, n;
	char name[64];
	FILE *f;

	/* What the CPUs have counted for themselves */
	f = fopen("/proc/sys/vm/stat_refresh", "we");
	if (f) {
		fputs("1\n", f);
		fclose(f);
	}
	f = fopen("/proc/vmstat", "re");
	if (!f)
		return -1;
	while (fscanf(f, "%63s %ld", name, &n) == 2) {
		if (!strcmp(name, "nr_foll_pin_acquired"))
			acquired = n;
		else if (!strcmp(name, "nr_foll_pin_released"))
			released = n;
	}
	fclose(f);
	return acquired < 0 || released < 0 ? -1 : acquired - released;
}

/* Commands that VMs' queues have executed since the counters were cleared */
static inline u64 guests_executed(struct observer *unit)
{
	const char *r = observer_run(unit, "counters");
	u64 n = 0;

	for (; r && (r = record_find(r, "executed")); r = record_next(r)) {
		if (record_value(r, "v"))
			n += record_value(r, "count");
		if (!record_next(r))
			break;
	}
	return n;
}

/* A VINTF that had many errors stays masked for up to 0.2 s, whoever has it next */
static inline bool life_unmasked(struct observer *unit)
{
	const char *r;
	int i;

	for (i = 0; i < 200; i++) {
		r = record_find(observer_run(unit, "state"), "cmdqv");
		if (!r || !record_value(r, "int_mask"))
			return r;
		usleep(10000);
	}
	return false;
}

/*
 * NULL if nothing is left of any VM, now and not later, and nobody has broken a rule;
 * otherwise what is wrong, in a buffer of this function's.
 */
static inline const char *life_left(struct board *b, const struct nothing *n)
{
	struct observer *unit = &b->unit;
	static char why[1024];
	const char *r;
	char *state;
	long pinned;
	u64 done;

	state = observer_guest_state(unit);
	if (!state || *state) {
		snprintf(why, sizeof(why), "left in the unit: %s",
			 state ? state : "no answer");
		free(state);
		return why;
	}
	free(state);
	done = guests_executed(unit);
	r = record_find(observer_run(unit, "state"), "cmdqv");
	if (!r || record_value(r, "vintf_err_map"))
		return "errors are left in the unit";
	pinned = pages_pinned();
	if (pinned != n->pinned) {
		snprintf(why, sizeof(why), "%ld pages are still pinned",
			 pinned - n->pinned);
		return why;
	}
	r = observer_run(unit, "check");
	r = r ? record_find(r, "check") : NULL;
	if (!r || record_value(r, "ok") != 1) {
		snprintf(why, sizeof(why), "the unit: %s", r ? r : "no answer");
		return why;
	}
	r = observer_run(unit, "counters");
	for (; r && (r = record_find(r, "violation")); r = record_next(r)) {
		if (!record_value(r, "count"))
			continue;
		snprintf(why, sizeof(why), "a rule of the hardware was broken: %.*s",
			 (int)strcspn(r, "\n"), r);
		return why;
	}
	if (!r && !record_find(observer_run(unit, "counters"), "total"))
		return "the unit does not answer";
	if (guests_executed(unit) != done)
		return "a queue of a VM that is gone executes commands";
	if (!life_unmasked(unit))
		return "a VINTF stays masked";
	return NULL;
}

/* VINTF and VMID of the one VM that there is; 0 or -ENOENT */
static inline int life_numbers(struct observer *unit, unsigned int *vintf,
			       unsigned int *vmid)
{
	const char *r = observer_run(unit, "state");

	for (; r && (r = record_find(r, "vintf")); r = record_next(r)) {
		if (record_value(r, "v")) {
			*vintf = record_value(r, "v");
			*vmid = record_value(r, "vmid");
			return 0;
		}
		if (!record_next(r))
			break;
	}
	return -ENOENT;
}

/* The VM there is, if there is one, has the numbers that the first one had */
static inline bool life_numbers_are(struct observer *unit,
				    const struct nothing *n)
{
	unsigned int vintf, vmid;

	return life_numbers(unit, &vintf, &vmid) ||
	       (vintf == n->vintf && vmid == n->vmid);
}

static inline int nothing_init(struct nothing *n, struct board *b)
{
	struct vm vm;
	int rc = vm_open(&vm, "first", b->bdf[0]);

	if (!rc)
		rc = vm_set_up(&vm, VSID, ASID);
	if (!rc)
		rc = life_numbers(&b->unit, &n->vintf, &n->vmid);
	rc = vm_close(&vm) ?: rc;
	n->pinned = pages_pinned();
	return rc;
}

/*
 * A reset takes longer than a whole life does, and has nothing to do with these tests:
 * the bus's, which waits a tenth of a second.
 */
static inline void device_resets(const char *bdf, bool on)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset_method", bdf);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, on ? "default" : "\n", on ? 7 : 1) < 0)
		fprintf(stderr, "# %s: %s\n", path, strerror(errno));
	close(fd);
}

/**
 * struct life_bench - what each of these tests has
 * @board: the board
 * @nothing: as it is without VMs
 * @life: for the processes, shared
 * @log: the kernel's log since the test began
 */
struct life_bench {
	struct board board;
	struct nothing nothing;
	struct life *life;
	int log;
};

/* NULL; or why the tests can't run here; or @failed is set, too: what has gone wrong */
static inline const char *life_bench_open(struct life_bench *b, bool *failed)
{
	const char *why = board_find(&b->board);

	*failed = false;
	if (why)
		return why;
	*failed = true;
	b->log = kernel_log_open();
	b->life = life_new(b->board.bdf[0]);
	if (b->log < 0 || !b->life)
		return "no kernel log, or no memory";
	if (pci_give(b->board.bdf[0], "vfio-pci"))
		return "vfio-pci does not take the device";
	device_resets(b->board.bdf[0], false);
	if (nothing_init(&b->nothing, &b->board))
		return "a first VM does not work";
	if (!observer_run(&b->board.unit, "clear"))
		return "the observer does not answer";
	*failed = false;
	return NULL;
}

#define life_bench_teardown(_bench)					\
	do {								\
		struct life_bench *_b = (_bench);			\
		char _line[256];					\
									\
		device_resets(_b->board.bdf[0], true);			\
		board_check(&_b->board);				\
		EXPECT_FALSE(kernel_has_warned(_b->log, _line,		\
					       sizeof(_line)))		\
			TH_LOG("%s", _line);				\
		close(_b->log);						\
		life_free(_b->life);					\
		observer_close(&_b->board.unit);			\
	} while (0)

/* Another one, from the start */
static inline void life_renew(struct life *l)
{
	char bdf[sizeof(l->bdf)];

	memcpy(bdf, l->bdf, sizeof(bdf));
	memset(l, 0, sizeof(*l));
	memcpy(l->bdf, bdf, sizeof(bdf));
}

#endif
