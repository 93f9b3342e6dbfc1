// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who pays: memory that the kernel takes on behalf of a VMM is charged to the VMM's
 * memory cgroup and is bounded with it, guest memory is counted once against
 * RLIMIT_MEMLOCK, queues and SID slots of a VM are no other VM's. isolation.rst,
 * "Accounting", has the rules.
 *
 * VMMs are processes of their own here, for cgroups and limits count processes.
 *
 * Runs on the emulated board (emulator/grace-vm); skips elsewhere.
 */
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "cgroup.h"
#include "cmdqv_utils.h"
#include "shown.h"

#define TIMEOUT	240
#define TYPE	IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV
#define CGROUP	"cmdqv-account"
#define KB	1024L
#define MB	(1024 * KB)

/* What a child has to say: its status is the line of what went wrong first, modulo 255 */
static int child_failed;

static void child_check(bool ok, int line, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "# line %d: %s\n", line, what);
	if (!child_failed)
		child_failed = 1 + line % 254;
}

#define check(_cond)	child_check(_cond, __LINE__, #_cond)

/* 0 if all went well in a child that does @work, -1 if it died */
static int in_child(int (*work)(const struct board *board, const void *arg),
		    const struct board *board, const void *arg)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(work(board, arg));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

FIXTURE(account)
{
	struct board board;
};

FIXTURE_SETUP(account)
{
	const char *why = board_find(&self->board);

	if (why)
		SKIP(return, "%s", why);
	ASSERT_NE(NULL, observer_run(&self->board.unit, "inject none"));
	ASSERT_NE(NULL, observer_run(&self->board.unit, "clear"));
}

FIXTURE_TEARDOWN(account)
{
	cgroup_remove(CGROUP);
	board_check(&self->board);
	observer_close(&self->board.unit);
}

/* Kilobytes of /proc/FILE, which are at least 0 */
static long proc_kb(const char *file, const char *name)
{
	char path[64], line[128];
	size_t len = strlen(name);
	long kb = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s", file);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, len) && line[len] == ':')
			kb = atol(line + len + 1);
	if (f)
		fclose(f);
	return kb;
}

/*
 * ---- the memory cgroup
 */

/* Something that a VMM can have without a bound but its memory, for which @most is too many */
struct kind {
	const char *name;
	const char *figure;
	int most;
	int (*alloc)(struct vm *vm, u32 *id);
};

static int alloc_nested(struct vm *vm, u32 *id)
{
	struct iommu_hwpt_arm_smmuv3 data = {};
	u64 ste[2];

	stage1_ste(&vm->s1, ste);
	data.ste[0] = ste[0];
	data.ste[1] = ste[1];
	return iommufd_hwpt_alloc(vm->fd, vm->dev.dev_id, vm->viommu, 0,
				  IOMMU_HWPT_DATA_ARM_SMMUV3, &data,
				  sizeof(data), id);
}

/* With a table of its own, the top of it at least, and a VMID */
static int alloc_parent(struct vm *vm, u32 *id)
{
	static u32 empty;

	if (!empty)
		check(!iommufd_ioas_alloc(vm->fd, &empty));
	return iommufd_hwpt_alloc(vm->fd, vm->dev.dev_id, empty,
				  IOMMU_HWPT_ALLOC_NEST_PARENT,
				  IOMMU_HWPT_DATA_NONE, NULL, 0, id);
}

#define LIMIT		MB

static int limited(const struct board *board, const void *arg)
{
	const struct kind *kind = arg;
	long before, with, after, free_before, free_with;
	u32 *ids = calloc(kind->most, sizeof(*ids));
	int adj, max, n, rc = 0;
	struct vm vm;

	/* Where nobody can be killed for it, who asks for too much is told so */
	adj = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	check(adj >= 0 && write(adj, "-1000", 5) == 5);
	check(!cgroup_enter(CGROUP));
	check(!vm_open(&vm, kind->name, board->bdf[0]));
	check(!vm_set_up(&vm, 0x10, 1));
	/* Once for what is needed but once, and for the memory of the ids */
	check(!kind->alloc(&vm, &ids[0]));
	check(!iommufd_destroy(vm.fd, ids[0]));
	memset(ids, 0xff, kind->most * sizeof(*ids));
	if (child_failed)
		return child_failed;

	before = cgroup_stat(CGROUP, "kernel");
	free_before = proc_kb("meminfo", "MemFree");
	check(before >= 0);
	/* Opening a file takes memory, too */
	max = cgroup_open(CGROUP, "memory.max");
	check(max >= 0);
	check(!cgroup_limit(max, cgroup_current(CGROUP) + LIMIT));
	for (n = 0; n < kind->most; n++) {
		rc = kind->alloc(&vm, &ids[n]);
		if (rc)
			break;
	}
	check(!cgroup_limit(max, -1));
	with = cgroup_stat(CGROUP, "kernel");
	free_with = proc_kb("meminfo", "MemFree");
	printf("# %s: %d of them, then %s; %ld kB charged, %ld kB of the host's memory gone\n",
	       kind->name, n, strerror(-rc), (with - before) / KB,
	       free_before - free_with);
	printf("# figure: account_%s %d %s until a memory cgroup of 1 MiB was full: ENOMEM\n",
	       kind->figure, n, kind->name);
	check(rc == -ENOMEM);
	check(n > 0 && n < kind->most);
	/* What the host has lost is what they have been charged for */
	check(with - before > LIMIT / 2);
	check((free_before - free_with) * KB < 4 * LIMIT);

	while (n--)
		check(!iommufd_destroy(vm.fd, ids[n]));
	after = cgroup_stat(CGROUP, "kernel");
	printf("# %s: %ld kB left when they are gone\n", kind->name,
	       (after - before) / KB);
	check(after - before < LIMIT / 4);
	/* Who has given back can have again, and the VM has gone on */
	check(!kind->alloc(&vm, &ids[0]));
	check(!iommufd_destroy(vm.fd, ids[0]));
	check(!vm_close(&vm));
	return child_failed;
}

FIXTURE(cgroup_limit)
{
	struct board board;
};

FIXTURE_VARIANT(cgroup_limit)
{
	struct kind kind;
};

FIXTURE_VARIANT_ADD(cgroup_limit, nested)
{
	.kind = { "nested HWPTs", "nested", 20000, alloc_nested },
};

FIXTURE_VARIANT_ADD(cgroup_limit, nest_parent)
{
	.kind = { "nest parents", "parents", 1000, alloc_parent },
};

FIXTURE_SETUP(cgroup_limit)
{
	const char *why = board_find(&self->board);

	if (why)
		SKIP(return, "%s", why);
	if (cgroup_make(CGROUP)) {
		observer_close(&self->board.unit);
		SKIP(return, "no memory controller of cgroup v2 (CONFIG_MEMCG)");
	}
}

FIXTURE_TEARDOWN(cgroup_limit)
{
	cgroup_remove(CGROUP);
	board_check(&self->board);
	observer_close(&self->board.unit);
}

/*
 * I8: a VMM whose cgroup has no more memory gets ENOMEM, and the host has not lost more
 * than the cgroup was charged for. What is destroyed is given back.
 */
TEST_F_TIMEOUT(cgroup_limit, is_the_bound, TIMEOUT)
{
	EXPECT_EQ(0, in_child(limited, &self->board, &variant->kind));
}

#define LIVES	30

/* All kinds of objects, again and again */
static int lives(const struct board *board, const void *arg)
{
	long first = 0, now = 0, with = 0;
	u32 veventq;
	int events;
	struct vm vm;

	check(!cgroup_enter(CGROUP));
	for (int i = 0; i <= LIVES && !child_failed; i++) {
		check(!vm_open(&vm, "lives", board->bdf[0]));
		check(!vm_set_up(&vm, 0x10, 1));
		check(!vm_add_queue(&vm, 4));
		check(!iommufd_veventq_alloc(vm.fd, vm.viommu,
					     IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV, 16,
					     &veventq, &events));
		with = cgroup_stat(CGROUP, "kernel");
		close(events);
		check(!iommufd_destroy(vm.fd, veventq));
		check(!vm_close(&vm));
		now = cgroup_stat(CGROUP, "kernel");
		if (!i)
			first = now;
	}
	printf("# figure: account_vm_kb %ld kB of memory charged for a VM with two queues\n",
	       (with - now) / KB);
	printf("# after the first VM %ld kB, after %d more %ld kB\n", first / KB,
	       LIVES, now / KB);
	check(with > now);
	/* Less than a byte of 16 for each object of each life: it is none of these */
	check(now - first < 64 * KB);
	return child_failed;
}

/* I12: all that a VM was charged for goes with it */
TEST_F_TIMEOUT(account, goes_with_the_vm, TIMEOUT)
{
	if (cgroup_make(CGROUP))
		SKIP(return, "no memory controller of cgroup v2 (CONFIG_MEMCG)");
	EXPECT_EQ(0, in_child(lives, &self->board, NULL));
}

/*
 * ---- RLIMIT_MEMLOCK
 */

FIXTURE(memlock)
{
	struct board board;
};

FIXTURE_VARIANT(memlock)
{
	/* IOMMU_OPTION_RLIMIT_MODE: the process's locked memory instead of the user's */
	bool process;
	/* With CAP_IPC_LOCK nothing is limited */
	bool privileged;
};

FIXTURE_VARIANT_ADD(memlock, user)
{
};

FIXTURE_VARIANT_ADD(memlock, process)
{
	.process = true,
};

FIXTURE_VARIANT_ADD(memlock, none)
{
	.privileged = true,
};

FIXTURE_SETUP(memlock)
{
	const char *why = board_find(&self->board);

	if (why)
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(memlock)
{
	board_check(&self->board);
	observer_close(&self->board.unit);
}

static int drop_ipc_lock(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		return -errno;
	data[0].effective &= ~(1U << CAP_IPC_LOCK);
	data[0].permitted &= ~(1U << CAP_IPC_LOCK);
	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

static int memlock_work(const struct board *board, const void *arg)
{
	const FIXTURE_VARIANT(memlock) * variant = arg;
	const long page = sysconf(_SC_PAGESIZE);
	struct rlimit limit = { VM_RAM_SIZE, VM_RAM_SIZE };
	struct iommu_option mode = {
		.size = sizeof(mode),
		.option_id = IOMMU_OPTION_RLIMIT_MODE,
		.op = IOMMU_OPTION_OP_SET,
		.val64 = variant->process,
	};
	struct iommu_viommu_tegra241_cmdqv data;
	const long ram_kb = VM_RAM_SIZE / KB;
	u32 ioas, s2, viommu, queue, second;
	struct guestmem ram, more;
	struct vfio_dev dev;
	u64 ipa;
	int fd;

	fd = iommufd_open();
	check(fd >= 0);
	check(!iommufd_ioctl(fd, IOMMU_OPTION, &mode));
	check(!vfio_open(&dev, board->bdf[0], fd));
	check(!setrlimit(RLIMIT_MEMLOCK, &limit));
	check(variant->privileged || !drop_ipc_lock());
	check(!guestmem_init(&ram, VM_RAM_IPA, VM_RAM_SIZE, false));
	check(!guestmem_init(&more, VM_RAM_IPA + VM_RAM_SIZE, page, false));
	check(!iommufd_ioas_alloc(fd, &ioas));
	check(!iommufd_ioas_map(fd, ioas, ram.va, ram.size, ram.ipa, true));
	/* Nothing is pinned yet, nor counted */
	check(proc_kb("self/status", "VmPin") == 0);
	check(!iommufd_hwpt_alloc(fd, dev.dev_id, ioas,
				  IOMMU_HWPT_ALLOC_NEST_PARENT,
				  IOMMU_HWPT_DATA_NONE, NULL, 0, &s2));
	check(!vfio_attach(&dev, s2));
	check(proc_kb("self/status", "VmPin") == ram_kb);
	check(proc_kb("self/status", "VmLck") ==
	      (variant->process ? ram_kb : 0));

	/* The limit is used up, and what is within that memory needs no more of it */
	check(!iommufd_viommu_alloc(fd, dev.dev_id, s2, TYPE, &data,
				    sizeof(data), &viommu));
	ipa = guestmem_alloc(&ram, page, page);
	check(!iommufd_hw_queue_alloc(fd, viommu,
				      IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV, 0,
				      ipa, page, &queue));
	check(!iommufd_hwpt_alloc(fd, dev.dev_id, ioas,
				  IOMMU_HWPT_ALLOC_NEST_PARENT,
				  IOMMU_HWPT_DATA_NONE, NULL, 0, &second));
	check(proc_kb("self/status", "VmPin") == ram_kb);

	/* A page more does */
	check(iommufd_ioas_map(fd, ioas, more.va, page, more.ipa, true) ==
	      (variant->privileged ? 0 : -ENOMEM));
	check(proc_kb("self/status", "VmPin") ==
	      ram_kb + (variant->privileged ? page / KB : 0));
	if (variant->privileged)
		check(!iommufd_ioas_unmap(fd, ioas, more.ipa, page));

	check(!iommufd_destroy(fd, queue));
	check(proc_kb("self/status", "VmPin") == ram_kb);
	check(!iommufd_destroy(fd, viommu));
	check(!vfio_detach(&dev));
	check(!iommufd_destroy(fd, second));
	check(!iommufd_destroy(fd, s2));
	check(proc_kb("self/status", "VmPin") == 0);
	check(proc_kb("self/status", "VmLck") == 0);
	vfio_close(&dev);
	close(fd);
	return child_failed;
}

/*
 * I8: guest memory counts once against RLIMIT_MEMLOCK, by whichever rule, however many
 * queues and stage-2 tables it is in; beyond the limit it is ENOMEM.
 */
TEST_F_TIMEOUT(memlock, counts_once, TIMEOUT)
{
	EXPECT_EQ(0, in_child(memlock_work, &self->board, variant));
}

/*
 * ---- what a VM has of the unit
 */

/*
 * Queues and SID slots come with the VINTF: a VM that takes all that it can have leaves
 * the other one all of its own, and the administrator sees how many each has.
 */
TEST_F_TIMEOUT(account, queues_are_a_vms_own, TIMEOUT)
{
	struct iommu_hw_info_tegra241_cmdqv info;
	struct observer *unit = &self->board.unit;
	struct vm vms[2] = { { .fd = -1 }, { .fd = -1 } };
	unsigned int queues;
	u32 id;

	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, vm_open(&vms[i], i ? "B" : "A",
				     self->board.bdf[i]));
		ASSERT_EQ(0, vm_add_viommu(&vms[i], TYPE));
		ASSERT_EQ(0, vm_add_vdevice(&vms[i], 0x10));
	}
	ASSERT_EQ(0, iommufd_hw_info(vms[0].fd, vms[0].dev.dev_id,
				     IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV, &info,
				     sizeof(info), NULL));
	queues = 1U << info.log2vcmdqs;
	for (int i = 0; i < 2; i++) {
		struct vm *vm = &vms[i];

		for (unsigned int q = 0; q < queues; q++)
			ASSERT_EQ(0, vm_add_queue(vm, 4));
		test_refused(EINVAL,
			     iommufd_hw_queue_alloc(vm->fd, vm->viommu,
						    IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV,
						    queues, VM_RAM_IPA, 256, &id));
	}
	if (shown_value(0, "vintfs") < 0) {
		TH_LOG("no debugfs: not looked there");
	} else {
		EXPECT_EQ(shown_value(0, "taken"), 2);
		EXPECT_EQ(shown_user(getuid()), 2);
		for (int i = 0; i < 2; i++) {
			unsigned int v = find_vintf(unit, &vms[i]);

			EXPECT_EQ(shown_of(self->board.bdf[i]), 1);
			EXPECT_EQ(shown_value(v, "queues"), queues);
			EXPECT_EQ(shown_value(v, "sids"), 1);
		}
	}
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(0, vm_close(&vms[i]));
}

TEST_HARNESS_MAIN
