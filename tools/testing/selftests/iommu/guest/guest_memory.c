// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a guest's memory is made of, and the queues that the guest gets in it.
 *
 * The unit reads a queue by physical address. So QEMU lets a guest have queues of the
 * size of a page that backs it, by IDR1.CMDQS, and a guest that keeps to that gets
 * them. One that asks for more is refused the queue, no more; the host's operator is
 * told what would help.
 *
 * One guest a backend, and with it: its queues have the size that they should have;
 * it uses them from end to end and over it; and when it has gone, the host's huge
 * pages are free again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../kselftest_harness.h"

#include "guest.h"
#include "guest_can.h"
#include "guest_host.h"
#include "hostpages.h"
#include "iommufd.h"
#include "kernel_log.h"
#include "vfio.h"

#define TIMEOUT		600
#define MEMORY_MB	256u
#define KIB		1024ULL
#define MIB		(1024 * KIB)

/* Where the memory of QEMU's virt machine begins */
#define GUEST_RAM	0x40000000ULL

#define HUGETLBFS	"/tmp/guest-hugetlbfs"
#define THP		"/sys/kernel/mm/transparent_hugepage/enabled"

/* Of the guest's kernel, that must not be in its log */
#define COMPLAINTS	"WARNING:|BUG:|smmu.*(event 0x|GERROR|timeout)|tegra241.*(error|timed out)|I/O error"

/* What a read of the disk takes at most */
#define READ_KIB	512u

FIXTURE(memory)
{
	struct observer unit;
	char bdf[16];
	struct hugetlb_pool pool;
	/* Of pages of hugetlb, before */
	long free;
	char thp[64];
	bool mounted;
	int log;
	struct guest guest;
	unsigned int v;
	/* log2 of the entries of the largest queue that the host's SMMU can have */
	unsigned int cmdqs;
};

FIXTURE_VARIANT(memory)
{
	/* As guest_config::backend; NULL: what QEMU does by itself */
	const char *backend;
	enum host_pages kind;
	size_t page;
	/* The file is mapped by IOMMU_IOAS_MAP_FILE */
	bool shared;
	bool mount;
};

FIXTURE_VARIANT_ADD(memory, ram) {
	"memory-backend-ram", PAGES_BASE, 4 * KIB, false, false
};

FIXTURE_VARIANT_ADD(memory, ram_thp) {
	NULL, PAGES_TRANSPARENT, 4 * KIB, false, false
};

FIXTURE_VARIANT_ADD(memory, memfd_shared) {
	"memory-backend-memfd,share=on", PAGES_BASE, 4 * KIB, true, false
};

FIXTURE_VARIANT_ADD(memory, memfd_hugetlb_2m) {
	"memory-backend-memfd,share=on,hugetlb=on,hugetlbsize=2M", PAGES_HUGETLB,
	2 * MIB, true, false
};

FIXTURE_VARIANT_ADD(memory, memfd_hugetlb_32m) {
	"memory-backend-memfd,share=on,hugetlb=on,hugetlbsize=32M", PAGES_HUGETLB,
	32 * MIB, true, false
};

FIXTURE_VARIANT_ADD(memory, hugetlbfs_private) {
	"memory-backend-file,mem-path=" HUGETLBFS ",prealloc=on,share=off",
	PAGES_HUGETLB, 2 * MIB, false, true
};

/*
 * FIXTURE_DATA(memory) is "struct _test_data_memory", FIXTURE_VARIANT(memory) "struct
 * _fixture_variant_memory".
 */

/* ---- The host */

static bool has_map_file(void)
{
	struct iommu_ioas_alloc none = { .size = sizeof(none) };
	int fd = iommufd_open();
	int rc;

	if (fd < 0)
		return false;
	/* Too short a command of any number: EINVAL if there is such a command */
	none.size = 4;
	rc = iommufd_ioctl(fd, _IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_MAP_FILE), &none);
	close(fd);
	return rc != -ENOTTY;
}

/* "always [madvise] never": the word in brackets, or what is written */
static void get_thp(char mode[64])
{
	char line[128] = "", *begin, *end;
	FILE *f = fopen(THP, "re");

	if (f && !fgets(line, sizeof(line), f))
		line[0] = 0;
	if (f)
		fclose(f);
	begin = strchr(line, '[');
	end = begin ? strchr(begin, ']') : NULL;
	if (end)
		snprintf(mode, 64, "%.*s", (int)(end - begin - 1), begin + 1);
	else
		mode[0] = 0;
}

static void set_thp(const char *mode)
{
	FILE *f = *mode ? fopen(THP, "we") : NULL;

	if (f) {
		fputs(mode, f);
		fclose(f);
	}
}

/* KiB of huge pages that a process has without having asked hugetlb for them */
static unsigned long thp_of(pid_t pid)
{
	unsigned long sum = 0, n;
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "AnonHugePages: %lu", &n) == 1)
			sum += n;
	if (f)
		fclose(f);
	return sum;
}

/* As the host's SMMU has it */
static unsigned int host_cmdqs(const char *bdf)
{
	struct iommu_hw_info_arm_smmuv3 smmu = {};
	int fd = iommufd_open();
	struct vfio_dev dev;

	if (fd < 0)
		return 0;
	if (!vfio_open(&dev, bdf, fd)) {
		iommufd_hw_info(fd, dev.dev_id, IOMMU_HW_INFO_TYPE_ARM_SMMUV3,
				&smmu, sizeof(smmu), NULL);
		vfio_close(&dev);
	}
	close(fd);
	return smmu.idr[1] >> 21 & 0x1f;
}

static void put_back(struct _test_data_memory *self)
{
	if (self->mounted)
		umount(HUGETLBFS);
	self->mounted = false;
	hugetlb_restore(&self->pool);
	set_thp(self->thp);
}

/* NULL, or why the memory can't be had */
static const char *get_memory(struct _test_data_memory *self,
			      const struct _fixture_variant_memory *variant)
{
	static char why[96];
	int rc;

	get_thp(self->thp);
	set_thp(variant->kind == PAGES_TRANSPARENT ? "always" : "never");
	if (variant->kind != PAGES_HUGETLB)
		return variant->kind == PAGES_TRANSPARENT && !*self->thp ?
		       "no transparent huge pages in this kernel" : NULL;

	self->free = hugetlb_free(variant->page);
	rc = hugetlb_reserve(&self->pool, variant->page,
			     MEMORY_MB * MIB / variant->page);
	snprintf(why, sizeof(why), "%llu hugetlb pages of %zu KiB: %s",
		 MEMORY_MB * MIB / variant->page, variant->page >> 10,
		 rc == -ENOENT ? "not offered by this kernel" : "not to be had");
	if (rc)
		return why;
	if (variant->mount) {
		mkdir(HUGETLBFS, 0700);
		if (mount("none", HUGETLBFS, "hugetlbfs", 0, "pagesize=2M"))
			return "no hugetlbfs";
		self->mounted = true;
	}
	return NULL;
}

FIXTURE_SETUP(memory)
{
	const char *why = guest_lacks();
	enum host_can can;

	self->guest.pidfd = -1;
	if (!why && observer_open(&self->unit))
		why = "needs the emulated board's observer (ACPI CMQO0001)";
	if (!why && vfio_find(NVME_VENDOR, NVME_DEVICE, 0, self->bdf))
		why = "needs an NVMe disk, as the emulated board has";
	if (!why && host_can(self->bdf, &can))
		why = "nobody can say what this host can do";
	if (!why && can != CAN_QUEUE)
		why = host_cannot(can);
	if (!why && variant->shared && !has_map_file())
		why = "this kernel has no IOMMU_IOAS_MAP_FILE";
	if (!why)
		why = get_memory(self, variant);
	if (why) {
		put_back(self);
		if (*self->bdf)
			pci_give(self->bdf, NULL);
		SKIP(return, "%s", why);
	}
	self->log = kernel_log_open();
	ASSERT_LE(0, self->log);
	ASSERT_EQ(0, pci_give(self->bdf, "vfio-pci"));
	self->cmdqs = host_cmdqs(self->bdf);
	ASSERT_NE(0, self->cmdqs);
	observer_run(&self->unit, "clear");
}

FIXTURE_TEARDOWN(memory)
{
	const char *left;
	char line[256];

	if (self->guest.dir[0]) {
		if (_metadata->exit_code != KSFT_PASS &&
		    _metadata->exit_code != KSFT_SKIP)
			guest_show(&self->guest, "guest");
		guest_close(&self->guest);
	}
	left = host_left(&self->unit, NULL);
	EXPECT_EQ(NULL, left)
		TH_LOG("left: %s", left);
	put_back(self);
	if (variant->kind == PAGES_HUGETLB)
		EXPECT_EQ(self->free, hugetlb_free(variant->page));
	EXPECT_FALSE(kernel_has_warned(self->log, line, sizeof(line)))
		TH_LOG("%s", line);
	EXPECT_EQ(0, pci_give(self->bdf, NULL));
	close(self->log);
	observer_close(&self->unit);
}

/* ---- What the unit knows of a queue of the guest */

struct queue_state {
	bool mapped;
	bool enabled;
	u64 base;
	unsigned int log2size;
	u32 prod;
	u32 cons;
	u32 gerror;
	u32 gerrorn;
};

static struct queue_state get_queue(struct observer *unit, unsigned int v,
				    unsigned int lvcmdq)
{
	const char *r = observer_run(unit, "state");
	struct queue_state q = {};

	for (; r && (r = record_find(r, "vcmdq")); r = record_next(r)) {
		if (!record_value(r, "allocated") || record_value(r, "vintf") != v ||
		    record_value(r, "lvcmdq") != lvcmdq)
			continue;
		q.mapped = true;
		q.enabled = record_value(r, "enabled");
		q.base = record_value(r, "base");
		q.log2size = record_value(r, "log2size");
		q.prod = record_value(r, "prod");
		q.cons = record_value(r, "cons");
		q.gerror = record_value(r, "gerror");
		q.gerrorn = record_value(r, "gerrorn");
	}
	return q;
}

/* ---- */

/* What the guest's own page allocator has in one piece: 4 MiB, with 4 KiB pages */
#define GUEST_LOG2	18u

/* log2 of the entries that a page has room for, as far as SMMU and guest go with it */
static unsigned int expected_log2(size_t page, unsigned int cmdqs)
{
	unsigned int log2 = __builtin_ctzl(page) - 4;

	if (log2 > cmdqs)
		log2 = cmdqs;
	return log2 < GUEST_LOG2 ? log2 : GUEST_LOG2;
}

/*
 * Commands by which the guest's queue 0 goes around once and more. Of 512 KiB that are
 * unmapped, each page is a command of its own: the SMMU has no range invalidation.
 */
static bool go_around(struct __test_metadata *_metadata, struct _test_data_memory *self,
		      unsigned int entries)
{
	unsigned int each = READ_KIB / 4 + 1, reads = entries / each + 2, done = 0;
	u64 before = observer_executed(&self->unit, self->v);
	char *text;
	int rc;

	/* In parts, so that none of it takes longer than a call may */
	while (done < reads) {
		unsigned int n = reads - done < 512 ? reads - done : 512;

		rc = guest_run(&self->guest, &text,
			       "for i in $(seq %u); do dd if=/dev/nvme0n1 of=/dev/null bs=%uk count=%u iflag=direct 2>/dev/null || exit 9; done",
			       (n + 31) / 32, READ_KIB, n < 32 ? n : 32);
		EXPECT_EQ(0, rc)
			TH_LOG("%s", text);
		free(text);
		if (rc)
			return false;
		done += (n + 31) / 32 * 32;
	}
	EXPECT_GE(observer_executed(&self->unit, self->v) - before, entries);
	return observer_executed(&self->unit, self->v) - before >= entries;
}

/* What the guest prints for "REGISTER=0x...", or ~0 */
static u64 peek(struct guest *g, const char *name)
{
	u64 value = ~0ULL;
	char *text;

	if (!guest_run(g, &text, "cmdqv-poke %s", name) && strchr(text, '='))
		value = strtoull(strchr(text, '=') + 1, NULL, 0);
	free(text);
	return value;
}

/* GERROR.CMDQ_INIT_ERR */
#define INIT_ERR	4u

/*
 * The guest asks for its queue 1 to be the largest that the host's SMMU can have, in
 * base pages. QEMU is refused it, the operator is told why, and the guest sees
 * CMDQ_INIT_ERR where it can see anything of a queue that isn't there, in the direct
 * aperture; enabling the queue has no effect. Queue 0, by which the guest's only CPU
 * goes, doesn't notice; and what fits is a queue again.
 */
static void ask_for_more(struct __test_metadata *_metadata,
			 struct _test_data_memory *self, unsigned int log2)
{
	u64 bytes = 16ULL << self->cmdqs, old, base, end = GUEST_RAM + MEMORY_MB * MIB;
	struct queue_state before = get_queue(&self->unit, self->v, 1), after;
	struct guest *g = &self->guest;
	char line[1024], told[256], *text;

	old = peek(g, "LVCMDQ1_BASE");
	ASSERT_EQ(log2, old & 0x1f);
	EXPECT_EQ(0, guest_run(g, NULL,
			       "cmdqv-poke LVCMDQ1_CONFIG=0 'LVCMDQ1_STATUS?1=0'"));
	kernel_log_count(self->log, "HW queue", line, sizeof(line));

	/* Pages may be neighbours by luck, but not everywhere */
	for (base = GUEST_RAM + 64 * MIB; base + bytes < end; base += bytes) {
		EXPECT_EQ(0, guest_run(g, NULL, "cmdqv-poke LVCMDQ1_BASE=0x%llx",
				       base | self->cmdqs));
		if (!get_queue(&self->unit, self->v, 1).mapped)
			break;
	}
	ASSERT_LT(base + bytes, end);
	EXPECT_EQ(INIT_ERR, peek(g, "VCMDQ1_GERROR") ^ peek(g, "VCMDQ1_GERRORN"));
	EXPECT_EQ(0, guest_run(g, NULL, "cmdqv-poke LVCMDQ1_CONFIG=1"));
	EXPECT_EQ(0, peek(g, "LVCMDQ1_STATUS"));
	EXPECT_EQ(0, peek(g, "VCMDQ1_STATUS"));
	text = guest_stderr(g);
	EXPECT_NE(NULL, strstr(text, "IOMMU_HW_QUEUE_ALLOC failed"))
		TH_LOG("%s", text);
	free(text);

	EXPECT_EQ(1, kernel_log_count(self->log, "HW queue", line, sizeof(line)));
	TH_LOG("%s", line);
	snprintf(told, sizeof(told),
		 "VINTF%u (%s, pid %d): HW queue 1 refused: its %llu MiB at guest address 0x%llx ",
		 self->v, self->bdf, g->pid, bytes / MIB, base);
	EXPECT_NE(NULL, strstr(line, told))
		TH_LOG("not: %s", told);
	snprintf(told, sizeof(told), "with pages of %llu MiB or more", bytes / MIB);
	EXPECT_NE(NULL, strstr(line, told))
		TH_LOG("not: %s", told);

	EXPECT_TRUE(go_around(_metadata, self, 1u << log2));
	EXPECT_EQ(0, guest_run(g, NULL,
			       "cmdqv-poke LVCMDQ1_BASE=0x%llx LVCMDQ1_CONFIG=1 'LVCMDQ1_STATUS?1=1'",
			       old));
	after = get_queue(&self->unit, self->v, 1);
	EXPECT_TRUE(after.mapped && after.enabled);
	EXPECT_EQ(before.base, after.base);
	EXPECT_EQ(before.log2size, after.log2size);
}

/* What lies in one page is a queue up to the hardware's largest; nothing is put in it */
static void ask_for_the_largest(struct __test_metadata *_metadata,
				struct _test_data_memory *self)
{
	u64 base = GUEST_RAM + 64 * MIB, old;
	struct guest *g = &self->guest;
	struct queue_state q;

	old = peek(g, "LVCMDQ1_BASE");
	EXPECT_EQ(0, guest_run(g, NULL,
			       "cmdqv-poke LVCMDQ1_CONFIG=0 'LVCMDQ1_STATUS?1=0' LVCMDQ1_BASE=0x%llx LVCMDQ1_CONFIG=1 'LVCMDQ1_STATUS?1=1'",
			       base | self->cmdqs));
	q = get_queue(&self->unit, self->v, 1);
	EXPECT_TRUE(q.mapped && q.enabled);
	EXPECT_EQ(self->cmdqs, q.log2size);
	EXPECT_EQ(0, guest_run(g, NULL,
			       "cmdqv-poke LVCMDQ1_CONFIG=0 'LVCMDQ1_STATUS?1=0' LVCMDQ1_BASE=0x%llx LVCMDQ1_CONFIG=1 'LVCMDQ1_STATUS?1=1'",
			       old));
}

TEST_F_TIMEOUT(memory, queues_of_a_page, TIMEOUT)
{
	unsigned int log2 = expected_log2(variant->page, self->cmdqs), l;
	struct guest_config config = {
		.smmu = "accel=on,cmdqv=on,ril=off",
		.memory_mb = MEMORY_MB,
		.backend = variant->backend,
		.devices = { self->bdf },
		.programs = { "cmdqv-poke" },
	};
	struct observer *unit = &self->unit;
	struct queue_state q;
	char *text;

	ASSERT_EQ(0, guest_start(&self->guest, &config));
	ASSERT_EQ(0, guest_wait_hello(&self->guest));
	self->v = host_vintf(unit, self->bdf);
	ASSERT_NE(0, self->v);

	for (l = 0; l < 2; l++) {
		q = get_queue(unit, self->v, l);
		EXPECT_TRUE(q.mapped && q.enabled);
		EXPECT_EQ(log2, q.log2size);
		EXPECT_EQ(0, q.base % (16ULL << q.log2size));
		TH_LOG("queue %u: %u entries", l, 1u << q.log2size);
	}
	if (variant->kind == PAGES_TRANSPARENT)
		EXPECT_LT(0, thp_of(self->guest.pid));

	EXPECT_TRUE(go_around(_metadata, self, 1u << log2));
	if (variant->kind == PAGES_BASE && log2 < self->cmdqs)
		ask_for_more(_metadata, self, log2);
	if (variant->page >= 16ULL << self->cmdqs)
		ask_for_the_largest(_metadata, self);
	EXPECT_EQ(0, observer_violations(unit, NULL));
	EXPECT_EQ(1, guest_run(&self->guest, &text,
			       "dmesg | grep -E '%s'", COMPLAINTS))
		TH_LOG("%s", text);
	free(text);
}

TEST_HARNESS_MAIN
