// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What must always hold between VMs, and between VMs and the host. The tests are
 * named after the rules I1 to I12 of Documentation/virt/tegra241-cmdqv/isolation.rst
 * (I10, events, has no tests here), and run two VMs with a device each. What they do
 * alone comes first.
 *
 * Runs on the emulated board (emulator/grace-vm); skips elsewhere.
 */
#include <signal.h>
#include <sys/klog.h>

#include "cmdqv_utils.h"

#define TIMEOUT	120
#define TYPE	IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV
/* Of the window: bytes, and how many queues can be in it */
#define WINDOW	0x10000u
#define VCMDQS	128u
#define VSID_A	0x10
#define VSID_B	0x20

FIXTURE(two_vms)
{
	struct board board;
	struct vm a, b;
	unsigned int va, vb;
};

FIXTURE_SETUP(two_vms)
{
	struct observer *unit = &self->board.unit;
	const char *why = board_find(&self->board);

	if (why)
		SKIP(return, "%s", why);
	ASSERT_NE(NULL, observer_run(unit, "inject none"));
	ASSERT_EQ(0, vm_open(&self->a, "A", self->board.bdf[0]));
	ASSERT_EQ(0, vm_open(&self->b, "B", self->board.bdf[1]));
	ASSERT_EQ(0, vm_set_up(&self->a, VSID_A, ASID));
	ASSERT_EQ(0, vm_set_up(&self->b, VSID_B, ASID));
	self->va = find_vintf(unit, &self->a);
	self->vb = find_vintf(unit, &self->b);
	ASSERT_NE(self->va, 0);
	ASSERT_NE(self->vb, 0);
	ASSERT_NE(NULL, observer_run(unit, "clear"));
}

FIXTURE_TEARDOWN(two_vms)
{
	observer_run(&self->board.unit, "inject none");
	EXPECT_EQ(0, vm_close(&self->a));
	EXPECT_EQ(0, vm_close(&self->b));
	board_check(&self->board);
	observer_close(&self->board.unit);
}

static int tlbi(struct vm *vm, u64 iova)
{
	struct smmu_cmd cmd = cmd_tlbi_nh_va(vm->s1.asid, iova);

	return vcmdq_issue(&vm->q[0], &cmd, 1);
}

/* Devices go through the guest's tables, and then through the host's. */
TEST_F(two_vms, nested_dma)
{
	struct pages pa, pb;

	ASSERT_EQ(0, pages_init(&pa, &self->a, IOVA));
	ASSERT_EQ(0, pages_init(&pb, &self->b, IOVA));
	EXPECT_EQ(pages_make_stale(&pa), OLD);
	EXPECT_EQ(pages_make_stale(&pb), OLD);
	/* Same IOVA, same ASID, same guest address even: different memory */
	EXPECT_EQ(pa.old, pb.old);
	EXPECT_NE(host_pa(page_at(&self->a, pa.old)),
		  host_pa(page_at(&self->b, pb.old)));
	/* A page that the guest has not mapped is not reached */
	ASSERT_EQ(0, tlbi(&self->a, IOVA));
	ASSERT_EQ(0, stage1_unmap(&self->a.s1, IOVA));
	EXPECT_EQ(pages_probe(&pa), NOWHERE);
}

static struct observer_accesses acc[2];
static u64 executed[2], host_executed[2];
static unsigned long ioctls[2];

struct watch {
	struct observer *unit;
	unsigned int v;
};

static void look(struct watch *w, int i)
{
	observer_accesses(w->unit, w->v, &acc[i]);
	executed[i] = observer_executed(w->unit, w->v);
	host_executed[i] = observer_executed(w->unit, 0);
	ioctls[i] = iommufd_ioctl_count;
}

static void at_start(void *arg)
{
	look(arg, 0);
}

static void at_end(void *arg)
{
	look(arg, 1);
}

static unsigned int guest_invalidates(struct vm *vm, void *arg)
{
	return -tlbi(vm, IOVA);
}

/*
 * TLBI and SYNC by the guest: no system call, no page fault, no access to the unit
 * but those through the window. The entry is stale before and gone after.
 */
TEST_F(two_vms, invalidation_without_the_kernel)
{
	struct watch w = { .unit = &self->board.unit, .v = self->va };
	struct guest_report report;
	struct pages p;

	ASSERT_EQ(0, pages_init(&p, &self->a, IOVA));
	ASSERT_EQ(pages_make_stale(&p), OLD);
	EXPECT_EQ(pages_probe(&p), OLD);
	ASSERT_EQ(0, vm_run_guest(&self->a, guest_invalidates, &w, at_start,
				  at_end, &report));
	EXPECT_FALSE(report.died);
	EXPECT_EQ(report.result, 0);
	EXPECT_EQ(report.syscalls, 0);
	EXPECT_EQ(report.faults, 0);
	EXPECT_EQ(ioctls[1], ioctls[0]);
	EXPECT_GT(acc[1].window, acc[0].window);
	EXPECT_EQ(acc[1].config, acc[0].config);
	EXPECT_EQ(acc[1].direct, acc[0].direct);
	EXPECT_EQ(acc[1].page1, acc[0].page1);
	EXPECT_EQ(acc[1].others, acc[0].others);
	EXPECT_EQ(executed[1] - executed[0], 2);
	EXPECT_EQ(host_executed[1], host_executed[0]);
	EXPECT_EQ(pages_probe(&p), NEW);
}

/* Which opcodes a guest's queue takes: these and CMD_SYNC, nothing else */
static bool guest_may(unsigned int op)
{
	return op == CMD_TLBI_NH_ASID || op == CMD_TLBI_NH_VA ||
	       op == CMD_ATC_INV || op == CMD_SYNC;
}

/* A forbidden command stops the queue, is not executed, and can be recovered. */
TEST_F_TIMEOUT(two_vms, forbidden_opcodes, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	struct vcmdq *q = &self->b.q[0];
	struct smmu_cmd cmd;
	u64 before;

	for (unsigned int op = 0; op < 256; op++) {
		cmd = op == CMD_ATC_INV ? cmd_atc_inv(VSID_B, IOVA, 0) :
					  cmd_op(op);
		if (guest_may(op)) {
			EXPECT_EQ(0, vcmdq_issue(q, &cmd, 1))
				TH_LOG("opcode 0x%x", op);
			continue;
		}
		before = observer_executed(unit, self->vb);
		EXPECT_EQ(-EIO, vcmdq_issue(q, &cmd, 1))
			TH_LOG("opcode 0x%x", op);
		EXPECT_EQ(observer_executed(unit, self->vb), before);
		EXPECT_EQ(vcmdq_recover(q), CERROR_ILL);
		EXPECT_EQ(0, vcmdq_wait(q));
	}
}

/* An unmapped logical queue swallows writes and gives nothing back. */
TEST_F(two_vms, unmapped_queue_drops_accesses)
{
	void *window = self->b.window;
	struct observer *unit = &self->board.unit;
	u64 dropped;
	char *before, *after;
	const char *r;

	before = observer_guest_state(unit);
	r = record_find(observer_run(unit, "counters"), "total");
	ASSERT_NE(r, NULL);
	dropped = record_value(r, "dropped");
	for (unsigned int at = VCMDQ_STRIDE; at < WINDOW; at += 4)
		mmio_write32(window, at, ~0u);
	r = record_find(observer_run(unit, "counters"), "total");
	ASSERT_NE(r, NULL);
	EXPECT_GE(record_value(r, "dropped") - dropped, VCMDQS - 1);
	for (unsigned int at = VCMDQ_STRIDE; at < VCMDQS * VCMDQ_STRIDE; at += 4)
		EXPECT_EQ(mmio_read32(window, at), 0);
	after = observer_guest_state(unit);
	ASSERT_NE(before, NULL);
	ASSERT_NE(after, NULL);
	EXPECT_EQ(strcmp(before, after), 0);
	free(before);
	free(after);
}

/* I1: never HYP_OWN, from before the first queue on, whatever is written */
TEST_F(two_vms, i1_never_hypervisor)
{
	struct observer *unit = &self->board.unit;
	void *window = self->a.window;
	struct vintf_state s;

	ASSERT_EQ(0, observer_vintf(unit, self->va, &s));
	EXPECT_TRUE(s.enabled);
	EXPECT_FALSE(s.hyp_own);
	for (unsigned int at = 0; at < WINDOW; at += 4)
		mmio_write32(window, at, 1u << 17 | 1);
	ASSERT_EQ(0, observer_vintf(unit, self->va, &s));
	EXPECT_FALSE(s.hyp_own);
	EXPECT_EQ(observer_violations(unit, "vintf_changed_enabled"), 0);
	ASSERT_EQ(0, vm_drop_queue(&self->a));
	ASSERT_EQ(0, observer_vintf(unit, self->va, &s));
	EXPECT_TRUE(s.enabled);
	EXPECT_FALSE(s.hyp_own);
}

/* I2: the VMID is the stage 2's, everybody's own, and what commands carry */
TEST_F(two_vms, i2_vmid_of_the_stage2)
{
	struct iommu_viommu_tegra241_cmdqv data;
	struct observer *unit = &self->board.unit;
	struct vintf_state a, b, c;
	unsigned int v, more = 0;
	struct smmu_cmd cmd;
	const char *r;
	u32 id;

	ASSERT_EQ(0, observer_vintf(unit, self->va, &a));
	ASSERT_EQ(0, observer_vintf(unit, self->vb, &b));
	EXPECT_NE(a.vmid, 0);
	EXPECT_NE(a.vmid, b.vmid);
	/* A second slice on the same stage 2 has the same */
	ASSERT_EQ(0, iommufd_viommu_alloc(self->a.fd, self->a.dev.dev_id,
					  self->a.s2, TYPE, &data, sizeof(data),
					  &id));
	for (v = 1; v < 64; v++) {
		ASSERT_EQ(0, observer_vintf(unit, v, &c));
		if (!c.exists || v == self->va || v == self->vb)
			continue;
		EXPECT_EQ(c.vmid, a.vmid);
		more++;
	}
	EXPECT_EQ(more, 1);
	ASSERT_EQ(0, iommufd_destroy(self->a.fd, id));
	/* Whatever VMID a guest writes, its own is what counts */
	for (unsigned int vmid = 0; vmid < 5; vmid++) {
		cmd = cmd_with_vmid(cmd_tlbi_nh_va(ASID, IOVA),
				    vmid == 4 ? 0xffff : vmid == 3 ? a.vmid :
				    vmid);
		ASSERT_EQ(0, vcmdq_issue(&self->b.q[0], &cmd, 1));
	}
	more = 0;
	for (r = observer_run(unit, "log 64 v=%u", self->vb);
	     r && (r = record_find(r, "executed")); r = record_next(r)) {
		if (record_value(r, "op") != CMD_TLBI_NH_VA)
			continue;
		EXPECT_EQ(record_value(r, "final") >> 32 & 0xffff, b.vmid);
		more++;
	}
	EXPECT_EQ(more, 5);
	/* And it is not given up while the slice exists */
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->a.fd, self->a.s2));
}

/* I2, seen by devices: B's invalidations, all of them, leave A's entries alone */
TEST_F_TIMEOUT(two_vms, i2_tlbi_stays_in_its_vm, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	struct smmu_cmd cmds[6];
	struct vintf_state s;
	struct pages p;

	ASSERT_EQ(0, observer_vintf(unit, self->va, &s));
	ASSERT_EQ(0, pages_init(&p, &self->a, IOVA));
	ASSERT_EQ(pages_make_stale(&p), OLD);
	cmds[0] = cmd_tlbi_nh_va(ASID, IOVA);
	cmds[1] = cmd_with_vmid(cmds[0], s.vmid);
	cmds[2] = cmd_tlbi_nh_asid(ASID);
	cmds[3] = cmd_with_vmid(cmds[2], s.vmid);
	ASSERT_EQ(0, vcmdq_issue(&self->b.q[0], cmds, 4));
	EXPECT_EQ(pages_probe(&p), OLD);
	ASSERT_EQ(0, tlbi(&self->a, IOVA));
	EXPECT_EQ(pages_probe(&p), NEW);
}

/* I3: a StreamID slot lives as long as its vDEVICE, and names its device alone */
TEST_F(two_vms, i3_streamids_of_its_own_devices)
{
	struct observer *unit = &self->board.unit;
	struct vcmdq *q = &self->b.q[0];
	struct smmu_cmd cmd;
	const char *r;
	u32 sids[] = { VSID_A, 0, 0xfffff, 0 };

	sids[1] = self->a.dev.sid;
	sids[3] = self->b.dev.sid;
	cmd = cmd_atc_inv(VSID_B, IOVA, 0);
	ASSERT_EQ(0, vcmdq_issue(q, &cmd, 1));
	r = observer_run(unit, "log 2 v=%u", self->vb);
	r = r ? record_find(r, "executed") : NULL;
	ASSERT_NE(r, NULL);
	EXPECT_EQ(record_value(r, "op"), CMD_ATC_INV);
	EXPECT_EQ(record_value(r, "orig") >> 32, VSID_B);
	EXPECT_EQ(record_value(r, "final") >> 32, self->b.dev.sid);

	for (int i = 0; i < 4; i++) {
		cmd = cmd_atc_inv(sids[i], IOVA, 0);
		EXPECT_EQ(-EIO, vcmdq_issue(q, &cmd, 1))
			TH_LOG("StreamID 0x%x", sids[i]);
		EXPECT_EQ(vcmdq_recover(q), CERROR_ILL_ACCESS);
		EXPECT_EQ(0, vcmdq_wait(q));
	}
	EXPECT_EQ(observer_refused(unit, self->vb, "sid"), 4);

	/* Gone with the vDEVICE, at once */
	ASSERT_EQ(0, vm_drop_stage1(&self->b));
	ASSERT_EQ(0, iommufd_destroy(self->b.fd, self->b.vdevice));
	self->b.vdevice = 0;
	cmd = cmd_atc_inv(VSID_B, IOVA, 0);
	EXPECT_EQ(-EIO, vcmdq_issue(q, &cmd, 1));
	EXPECT_EQ(vcmdq_recover(q), CERROR_ILL_ACCESS);
	EXPECT_EQ(0, vcmdq_wait(q));
	EXPECT_EQ(state_records(unit, "sid"), 1);
	/* And back under another number */
	ASSERT_EQ(0, vm_add_vdevice(&self->b, VSID_B + 1));
	cmd = cmd_atc_inv(VSID_B + 1, IOVA, 0);
	EXPECT_EQ(0, vcmdq_issue(q, &cmd, 1));
	EXPECT_EQ(observer_violations(unit, "sid_match_order"), 0);
	EXPECT_EQ(observer_violations(unit, "sid_duplicate"), 0);
}

/* I4: a VCMDQ has one owner, or none and is unmapped */
TEST_F(two_vms, i4_one_owner_of_a_queue)
{
	struct observer *unit = &self->board.unit;
	unsigned int owner[128] = {}, mapped = 0;
	const char *r;

	while (!vm_add_queue(&self->a, QUEUE_LOG2))
		;
	while (!vm_add_queue(&self->b, QUEUE_LOG2))
		;
	EXPECT_GE(self->a.queues, 2);
	EXPECT_EQ(self->a.queues, self->b.queues);
	r = observer_run(unit, "state all");
	for (; r && (r = record_find(r, "vcmdq")); r = record_next(r)) {
		unsigned int n = record_value(r, "q");

		ASSERT_LT(n, 128);
		EXPECT_EQ(owner[n], 0);
		owner[n] = 1;
		if (!record_value(r, "allocated") || !record_value(r, "vintf"))
			continue;
		mapped++;
		EXPECT_TRUE(record_value(r, "vintf") == self->va ||
			    record_value(r, "vintf") == self->vb);
	}
	EXPECT_EQ(mapped, self->a.queues + self->b.queues);
	EXPECT_EQ(observer_violations(unit, "map_duplicate"), 0);
	EXPECT_EQ(observer_violations(unit, "map_order"), 0);
	while (self->a.queues)
		ASSERT_EQ(0, vm_drop_queue(&self->a));
	EXPECT_EQ(find_vcmdq(unit, self->va, 0), UINT32_MAX);
	EXPECT_NE(find_vcmdq(unit, self->vb, 0), UINT32_MAX);
	EXPECT_EQ(observer_violations(unit, "unmap_order"), 0);
}

/* I5: BASE is the kernel's: the pages of the queue, whatever the guest writes */
TEST_F(two_vms, i5_base_is_the_kernels)
{
	struct observer *unit = &self->board.unit;
	void *window = self->a.window;
	u64 pa = host_pa(self->a.q[0].entries);
	const char *r;

	ASSERT_NE(pa, 0);
	vcmdq_disable(&self->a.q[0]);
	for (unsigned int at = 0; at < WINDOW; at += 4)
		if (at % VCMDQ_STRIDE != VCMDQ_CONFIG)
			mmio_write32(window, at, 0x12345000);
	r = observer_run(unit, "state");
	for (; r && (r = record_find(r, "vcmdq")); r = record_next(r))
		if (record_value(r, "vintf") == self->va &&
		    record_value(r, "allocated"))
			break;
	ASSERT_NE(r, NULL);
	EXPECT_EQ(record_value(r, "base") & 0xffffffffffe0ULL, pa);
	EXPECT_EQ(record_value(r, "log2size"), QUEUE_LOG2);
	EXPECT_EQ(record_value(r, "cons_indx_base"), 0);
}

/* I6: what is written through one VM's window arrives there and nowhere else */
TEST_F(two_vms, i6_one_window)
{
	struct observer *unit = &self->board.unit;
	void *window = self->a.window;
	struct observer_accesses before, after;

	ASSERT_EQ(0, observer_accesses(unit, self->va, &before));
	for (unsigned int at = 0; at < WINDOW; at += VCMDQ_STRIDE)
		mmio_write32(window, at + VCMDQ_STATUS, 0);
	ASSERT_EQ(0, observer_accesses(unit, self->va, &after));
	EXPECT_EQ(after.window - before.window, WINDOW / VCMDQ_STRIDE);
	EXPECT_EQ(after.others, before.others);
	EXPECT_EQ(after.config, before.config);
	EXPECT_EQ(after.direct, before.direct);
	EXPECT_EQ(after.page1, before.page1);
}

/* I7: nothing of the last owner in a VINTF, queue or slot that is used again */
TEST_F_TIMEOUT(two_vms, i7_recycled_is_clean, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	struct smmu_cmd bad = cmd_op(CMD_CFGI_STE);
	struct vm *a = &self->a;

	/* A leaves with an error pending, odd pointers and its queue running */
	EXPECT_EQ(-EIO, vcmdq_issue(&a->q[0], &bad, 1));
	ASSERT_EQ(0, vm_close(a));
	ASSERT_EQ(0, vm_open(a, "A2", self->board.bdf[0]));
	ASSERT_EQ(0, vm_add_viommu(a, TYPE));
	EXPECT_EQ(find_vintf(unit, a), self->va);
	EXPECT_EQ(state_records(unit, "sid"), 1);
	ASSERT_EQ(0, vm_add_queue(a, QUEUE_LOG2));
	EXPECT_EQ(vcmdq_read(&a->q[0], VCMDQ_CONS), 0);
	EXPECT_EQ(vcmdq_read(&a->q[0], VCMDQ_PROD), 0);
	EXPECT_EQ(vcmdq_read(&a->q[0], VCMDQ_CONFIG), 0);
	EXPECT_EQ(vcmdq_read(&a->q[0], VCMDQ_STATUS), 0);
	EXPECT_EQ(vcmdq_read(&a->q[0], VCMDQ_GERROR),
		  vcmdq_read(&a->q[0], VCMDQ_GERRORN));
	EXPECT_EQ(observer_violations(unit, "stale_error"), 0);
	ASSERT_EQ(0, vcmdq_enable(&a->q[0]));
	EXPECT_EQ(0, tlbi(a, IOVA));
}

/* I7: a time-out of an ATC invalidation that comes late finds its owner or nobody */
TEST_F_TIMEOUT(two_vms, i7_late_atc_timeout, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	struct vm *a = &self->a;
	unsigned int vq;

	vq = find_vcmdq(unit, self->va, 0);
	ASSERT_NE(vq, UINT32_MAX);
	ASSERT_NE(NULL, observer_run(unit, "inject atc_timeout q=%u arg=1", vq));
	/* Without a SYNC nobody waits for it */
	vcmdq_push(&a->q[0], cmd_atc_inv(VSID_A, IOVA, 0));
	vcmdq_kick(&a->q[0]);
	ASSERT_EQ(0, vcmdq_wait(&a->q[0]));
	ASSERT_EQ(0, vm_drop_queue(a));
	ASSERT_EQ(0, vm_add_queue(a, QUEUE_LOG2));
	EXPECT_EQ(find_vcmdq(unit, self->va, 0), vq);
	ASSERT_EQ(0, vcmdq_enable(&a->q[0]));
	EXPECT_EQ(0, tlbi(a, IOVA));
	EXPECT_EQ(observer_violations(unit, "atc_timeout_foreign"), 0);
	EXPECT_EQ(observer_violations(unit, "stale_error"), 0);
}

/* Lines in the kernel's log */
static int log_lines(void)
{
	static char buf[1 << 20];
	int n = klogctl(3, buf, sizeof(buf)), lines = 0;

	for (int i = 0; i < n; i++)
		lines += buf[i] == '\n';
	return lines;
}

/* I8: a guest that does nothing but errors bothers neither the log nor others */
TEST_F_TIMEOUT(two_vms, i8_errors_flood_nothing, TIMEOUT)
{
	struct smmu_cmd bad = cmd_op(CMD_CFGI_ALL);
	int before = log_lines(), after;
	u64 t, longest = 0;

	for (int i = 0; i < 500; i++) {
		ASSERT_EQ(-EIO, vcmdq_issue(&self->b.q[0], &bad, 1));
		vcmdq_recover(&self->b.q[0]);
		ASSERT_EQ(0, vcmdq_wait(&self->b.q[0]));
		t = vmm_now_ns();
		EXPECT_EQ(0, tlbi(&self->a, IOVA));
		t = vmm_now_ns() - t;
		longest = t > longest ? t : longest;
	}
	after = log_lines();
	TH_LOG("500 errors: %d lines in the log, the neighbour waited %llu us at most",
	       after - before, longest / 1000);
	EXPECT_LT(after - before, 10);
	EXPECT_LT(longest, 500000000);
}

/* I8: random values anywhere in its window and in its queue harm nobody else */
TEST_F_TIMEOUT(two_vms, i8_storm_in_the_window, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	void *window = self->b.window;
	unsigned int seed = 20240607;
	struct pages p;
	struct vintf_state s;

	ASSERT_EQ(0, pages_init(&p, &self->a, IOVA));
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 20000; i++) {
			unsigned int at = rand_r(&seed) %
				(rand_r(&seed) % 4 ? VCMDQ_STRIDE : WINDOW) & ~3u;
			u32 value = rand_r(&seed) ^
					 (u32)rand_r(&seed) << 16;

			if (rand_r(&seed) % 2)
				value &= 0x1ff;
			if (rand_r(&seed) % 3)
				mmio_write32(window, at, value);
			else
				mmio_read32(window, at);
			((u32 *)self->b.q[0].entries)
				[rand_r(&seed) % (QUEUE_BYTES / 4)] =
				rand_r(&seed) % 4 ? value & 0x7f : value;
		}
		ASSERT_EQ(pages_make_stale(&p), OLD);
		ASSERT_EQ(0, tlbi(&self->a, IOVA));
		EXPECT_EQ(pages_probe(&p), NEW);
	}
	ASSERT_EQ(0, observer_vintf(unit, self->va, &s));
	EXPECT_TRUE(s.enabled);
	EXPECT_EQ(s.lvcmdqs, 1);
	EXPECT_EQ(vcmdq_read(&self->a.q[0], VCMDQ_GERROR),
		  vcmdq_read(&self->a.q[0], VCMDQ_GERRORN));
	EXPECT_EQ(observer_refused(unit, self->va, "opcode"), 0);
	EXPECT_EQ(observer_violations(unit, "vintf_changed_enabled"), 0);
	EXPECT_EQ(observer_violations(unit, "base_enabled"), 0);
}

/* I9: memory under a live queue stays where it is, all of the mapping around it */
TEST_F(two_vms, i9_memory_under_a_queue)
{
	struct observer *unit = &self->board.unit;
	struct vm *a = &self->a;

	test_err_ioas_unmap(EBUSY, a->fd, a->ioas, a->ram.ipa, a->ram.size);
	test_err_ioas_unmap(EBUSY, a->fd, a->ioas, 0, UINT64_MAX);
	EXPECT_EQ(0, tlbi(a, IOVA));
	/* Even if the VMM lets go of its own mapping, the page is the queue's */
	test_err_destroy(EBUSY, a->fd, a->ioas);
	ASSERT_EQ(0, vm_drop_queue(a));
	ASSERT_EQ(0, vm_drop_stage1(a));
	test_cmd_ioas_unmap(a->fd, a->ioas, a->ram.ipa, a->ram.size);
	test_cmd_ioas_map(a->fd, a->ioas, a->ram.va, a->ram.size, a->ram.ipa,
			  true);
}

/* I11: a trapped invalidation has its owner's VMID and StreamIDs, or is none */
TEST_F_TIMEOUT(two_vms, i11_trapped_invalidations, TIMEOUT)
{
	struct smmu_cmd cmds[3];
	struct vintf_state s;
	struct pages p;
	u32 n;

	ASSERT_EQ(0, observer_vintf(&self->board.unit, self->va, &s));
	ASSERT_EQ(0, pages_init(&p, &self->a, IOVA));
	ASSERT_EQ(pages_make_stale(&p), OLD);
	cmds[0] = cmd_with_vmid(cmd_tlbi_nh_va(ASID, IOVA), s.vmid);
	cmds[1] = cmd_with_vmid(cmd_op(CMD_TLBI_NH_ALL), s.vmid);
	cmds[2] = cmd_with_vmid(cmd_op(CMD_TLBI_NSNH_ALL), s.vmid);
	n = 3;
	EXPECT_EQ(0, _test_cmd_invalidate(&self->b, cmds, &n));
	EXPECT_EQ(n, 3);
	EXPECT_EQ(pages_probe(&p), OLD);
	cmds[0] = cmd_sid(CMD_CFGI_CD, VSID_A);
	n = 1;
	EXPECT_EQ(-EIO, _test_cmd_invalidate(&self->b, cmds, &n));
	EXPECT_EQ(n, 0);
	cmds[0] = cmd_tlbi_nh_va(ASID, IOVA);
	n = 1;
	EXPECT_EQ(0, _test_cmd_invalidate(&self->a, cmds, &n));
	EXPECT_EQ(pages_probe(&p), NEW);
}

/* A VM that works until it is killed */
static void victim(const char *bdf, int steps)
{
	static struct vm vm;

	if (vm_open(&vm, "C", bdf))
		_exit(1);
	if (steps > 0 && vm_add_viommu(&vm, TYPE))
		_exit(1);
	if (steps > 1 && vm_add_vdevice(&vm, VSID_A))
		_exit(1);
	if (steps > 2 && vm_add_stage1(&vm, ASID))
		_exit(1);
	if (steps > 3 && (vm_add_queue(&vm, QUEUE_LOG2) ||
			  vcmdq_enable(&vm.q[0])))
		_exit(1);
	if (steps > 4 && vm_add_queue(&vm, QUEUE_LOG2))
		_exit(1);
	while (steps > 3)
		tlbi(&vm, IOVA);
	pause();
	_exit(1);
}

/* I12: killed at any point of its life, a VM leaves nothing, and others in peace */
TEST_F_TIMEOUT(two_vms, i12_sigkill_at_any_point, TIMEOUT)
{
	char bdf[16];
	pid_t pid;
	int status;

	memcpy(bdf, self->a.dev.bdf, sizeof(bdf));
	ASSERT_EQ(0, vm_close(&self->a));
	for (int i = 0; i < 18; i++) {
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid)
			victim(bdf, i % 6);
		/* Soon enough to hit the set-up, or late enough to hit the work */
		usleep(i < 12 ? i * 1500 : 60000);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		EXPECT_EQ(0, tlbi(&self->b, IOVA));
	}
	EXPECT_EQ(0, vm_close(&self->b));
	EXPECT_TRUE(board_is_scrubbed(&self->board));
	ASSERT_EQ(0, vm_open(&self->a, "A", bdf));
	ASSERT_EQ(0, vm_set_up(&self->a, VSID_A, ASID));
}

/* I12: closing files while the window is mapped: it works on, and ends with it */
TEST_F(two_vms, i12_window_outlives_the_file)
{
	struct observer *unit = &self->board.unit;
	struct vm *a = &self->a;
	struct vintf_state s;

	vfio_close(&a->dev);
	close(a->fd);
	a->fd = -1;
	ASSERT_EQ(0, observer_vintf(unit, self->va, &s));
	EXPECT_TRUE(s.enabled);
	EXPECT_EQ(0, tlbi(a, IOVA));
	/* Its device has left, and with it the StreamID */
	EXPECT_EQ(state_records(unit, "sid"), 1);
	ASSERT_EQ(0, vm_unmap_window(a));
	ASSERT_EQ(0, observer_vintf(unit, self->va, &s));
	EXPECT_FALSE(s.exists);
	guestmem_free(&a->ram);
}

TEST_HARNESS_MAIN
