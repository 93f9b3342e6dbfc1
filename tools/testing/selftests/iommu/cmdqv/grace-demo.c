// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two virtual machines, each with a device, a translation and a command queue of
 * its own, on one SMMUv3 with a Tegra241 CMDQV unit: a story in seven chapters,
 * with the values as they come. Each line with a mark was observed when it was
 * printed; if anything was not, the program says so and fails.
 *
 * It is meant to be read, as an example of a VMM, too: what a VMM has to do is in
 * ../vmm/, this is what one sees of it.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "edu.h"
#include "mmio.h"
#include "observer.h"
#include "vm.h"

#define ASID		1
#define IOVA		0x00100000ULL	/* what both guests call their page */
#define IOVA_SRC	0x00200000ULL
#define VSID_A		0x10
#define VSID_B		0x20
#define QUEUE_LOG2	8		/* 256 commands: one page */
#define QUEUE_BYTES	(16u << QUEUE_LOG2)

/* Guest physical addresses beside the VM's memory, for chapter 6 */
#define IPA_TWICE	0x80000000ULL

static struct observer unit;
static unsigned int statements, missed;

/**
 * struct party - one of the two VMs
 * @vm: the VM
 * @vintf: the VINTF that the hardware has given it
 * @vmid: its VMID
 * @old: guest page that the guest maps first
 * @new: guest page that it maps later
 * @src: guest page from which the device takes its data
 */
struct party {
	struct vm vm;
	unsigned int vintf;
	unsigned int vmid;
	u64 old, new, src;
};

static struct party a, b;

static void chapter(int n, const char *title)
{
	printf("\n%d. %s\n", n, title);
	for (size_t i = 0; i < strlen(title) + 3; i++)
		putchar('-');
	putchar('\n');
}

static void __printf(1, 2) say(const char *fmt, ...)
{
	va_list ap;

	printf("     ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

/* A statement of the story: it counts, and it must be true. */
static bool __printf(2, 3) seen(bool ok, const char *fmt, ...)
{
	va_list ap;

	statements++;
	missed += !ok;
	printf("  %s  ", ok ? "✓" : "✗");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("%s\n", ok ? "" : "   <-- NOT OBSERVED");
	fflush(stdout);
	return ok;
}

/* What the story can't go on without */
static void must(int rc, const char *what)
{
	if (!rc)
		return;
	seen(false, "%s: %s", what, strerror(-rc));
	printf("\nThe demo can't go on.\n");
	exit(1);
}

static const char *yes_no(bool yes)
{
	return yes ? "yes" : "no";
}

/* ---- 1 ---- */

static void discover(struct vm *vm)
{
	struct iommu_hw_info_tegra241_cmdqv cmdqv = {};
	struct iommu_hw_info_arm_smmuv3 smmu = {};
	struct iommu_hw_info info;

	chapter(1, "What the hardware offers");
	must(iommufd_hw_info(vm->fd, vm->dev.dev_id, IOMMUFD_ANY_TYPE, &smmu,
			     sizeof(smmu), &info), "GET_HW_INFO");
	seen(info.out_data_type == IOMMU_HW_INFO_TYPE_ARM_SMMUV3,
	     "the IOMMU behind %s is an SMMUv3", vm->dev.bdf);
	say("IDR0 0x%08x  IDR1 0x%08x  IDR3 0x%08x  IDR5 0x%08x", smmu.idr[0],
	    smmu.idr[1], smmu.idr[3], smmu.idr[5]);
	say("IDR0: stage 1 %s, stage 2 %s; IDR1.CMDQS: queues of up to %u commands",
	    yes_no(smmu.idr[0] & 2), yes_no(smmu.idr[0] & 1),
	    1u << (smmu.idr[1] >> 21 & 0x1f));
	seen((smmu.idr[0] & 3) == 3, "it has two stages: guests can translate");

	must(iommufd_hw_info(vm->fd, vm->dev.dev_id,
			     IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV, &cmdqv,
			     sizeof(cmdqv), &info),
	     "GET_HW_INFO with type TEGRA241_CMDQV");
	seen(info.out_data_type == IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV &&
	     info.data_len == sizeof(cmdqv) && cmdqv.version == 1,
	     "beside it is a CMDQV unit, version %u", cmdqv.version);
	seen(cmdqv.log2vcmdqs >= 1 && cmdqv.log2vsids >= 4,
	     "a VM can have %u queues and %u devices", 1u << cmdqv.log2vcmdqs,
	     1u << cmdqv.log2vsids);
	say("What this means: a VM can invalidate its own translations by writing");
	say("to memory. No hypervisor has to look at each command.");
}

/* ---- 2 ---- */

/*
 * Which VINTF a window belongs to: the one whose page 0 sees a read of it. The
 * unit's own count, as the kernel tells nobody.
 */
static int find_vintf(struct party *p)
{
	const char *r;

	if (!observer_run(&unit, "clear"))
		return -EIO;
	mmio_read32(p->vm.window, VCMDQ_STATUS);
	r = observer_run(&unit, "counters");
	for (; r && (r = record_find(r, "window")); r = record_next(r)) {
		if (record_value(r, "v") && record_value(r, "reads") == 1) {
			p->vintf = record_value(r, "v");
			return 0;
		}
	}
	return -ENOENT;
}

static void get_slice(struct party *p)
{
	struct vm *vm = &p->vm;
	struct vintf_state s;

	must(vm_add_viommu(vm, IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV),
	     "VIOMMU_ALLOC");
	must(find_vintf(p), "look up the VINTF");
	must(observer_vintf(&unit, p->vintf, &s), "read the unit's state");
	p->vmid = s.vmid;
	say("VM %s: vIOMMU id %u on stage 2 id %u; window at offset 0x%llx, 0x%llx bytes",
	    vm->name, vm->viommu, vm->s2, vm->window_offset, vm->window_size);
	seen(vm->window_size == 0x10000 && vm->window_offset,
	     "VM %s has a window of 64 KiB, mapped at %p", vm->name,
	     vm->window);
	seen(s.enabled && p->vintf,
	     "the unit says: a read of it arrived at VINTF %u, which is enabled",
	     p->vintf);
	seen(s.vmid && !s.hyp_own,
	     "VINTF %u acts with VMID %u and as a guest (HYP_OWN = 0)", p->vintf,
	     s.vmid);
	seen(!s.lvcmdqs, "and has no queue yet");
}

static void two_vms(void)
{
	chapter(2, "Two virtual machines");
	get_slice(&a);
	get_slice(&b);
	seen(a.vintf != b.vintf && a.vmid != b.vmid,
	     "they differ in VINTF (%u, %u) and in VMID (%u, %u)", a.vintf,
	     b.vintf, a.vmid, b.vmid);
	say("What this means: each VM sees only its own registers, and whatever it");
	say("invalidates is tagged with its own VMID by the hardware.");
}

/* ---- 3 ---- */

/* A guest page with text all over it */
static u64 page_of(struct vm *vm, const char *text)
{
	u64 ipa = guestmem_alloc(&vm->ram, GUEST_PAGE, GUEST_PAGE);
	char *p = guestmem_at(&vm->ram, ipa, GUEST_PAGE);

	if (!p)
		must(-ENOMEM, "guest memory");
	if (text)
		snprintf(p, GUEST_PAGE, "%s", text);
	return ipa;
}

static char *at(struct party *p, u64 ipa)
{
	return guestmem_at(&p->vm.ram, ipa, GUEST_PAGE);
}

static void translate(struct party *p, u32 vsid)
{
	struct vm *vm = &p->vm;
	char text[64];

	must(vm_add_vdevice(vm, vsid), "VDEVICE_ALLOC");
	must(vm_add_stage1(vm, ASID), "HWPT_ALLOC of a nested table, attach");
	snprintf(text, sizeof(text), "VM %s was here", vm->name);
	p->src = page_of(vm, text);
	p->old = page_of(vm, NULL);
	p->new = page_of(vm, NULL);
	must(stage1_map(&vm->s1, IOVA_SRC, p->src), "map");
	must(stage1_map(&vm->s1, IOVA, p->old), "map");
	say("VM %s: device %s, StreamID 0x%x, is 0x%x to the guest", vm->name,
	    vm->dev.bdf, vm->dev.sid, vsid);
	say("      IOVA 0x%08llx -> guest 0x%08llx -> host 0x%09llx",
	    IOVA, p->old, host_pa(at(p, p->old)));
	must(edu_load(&vm->dev, IOVA_SRC, 64), "DMA");
	must(edu_store(&vm->dev, IOVA, 64), "DMA");
	seen(!strcmp(at(p, p->old), text),
	     "its device read \"%s\" at IOVA 0x%llx and wrote it to 0x%llx",
	     at(p, p->old), IOVA_SRC, IOVA);
}

static void nested(void)
{
	chapter(3, "Translation by the guest, and by the host below it");
	translate(&a, VSID_A);
	translate(&b, VSID_B);
	say("What this means: the guests' own tables took the devices from IOVA to");
	say("guest memory, the host's from there to real memory. Both guests use");
	say("ASID %d and IOVA 0x%llx, without knowing of each other.", ASID, IOVA);
}

/* ---- 4 ---- */

enum target { NOWHERE, OLD, NEW, BOTH };

/* Where a store of the device to IOVA ends up now */
static enum target probe(struct party *p)
{
	unsigned int hit = NOWHERE;

	memset(at(p, p->old), 0, 64);
	memset(at(p, p->new), 0, 64);
	must(edu_store(&p->vm.dev, IOVA, 64), "DMA");
	if (at(p, p->old)[0])
		hit |= OLD;
	if (at(p, p->new)[0])
		hit |= NEW;
	return hit;
}

/* Let the device use IOVA for the old page, then change the table under it. */
static void make_stale(struct party *p)
{
	must(stage1_map(&p->vm.s1, IOVA, p->old), "map");
	must(vcmdq_issue(&p->vm.q[0],
			 (struct smmu_cmd[]){ cmd_tlbi_nh_va(ASID, IOVA) }, 1),
	     "TLBI");
	seen(probe(p) == OLD, "VM %s's device writes to IOVA 0x%llx: into the old page",
	     p->vm.name, IOVA);
	must(stage1_map(&p->vm.s1, IOVA, p->new), "map");
}

static void give_queue(struct party *p)
{
	struct vm *vm = &p->vm;
	const char *r;

	must(vm_add_queue(vm, QUEUE_LOG2), "HW_QUEUE_ALLOC");
	must(vcmdq_enable(&vm->q[0]), "enable the queue through the window");
	r = observer_run(&unit, "state");
	for (; r && (r = record_find(r, "vcmdq")); r = record_next(r)) {
		if (record_value(r, "allocated") &&
		    record_value(r, "vintf") == p->vintf)
			break;
	}
	seen(r && record_value(r, "enabled") &&
	     (record_value(r, "base") & 0xffffffffffe0ULL) ==
	     host_pa(vm->q[0].entries),
	     "VM %s has queue 0 (VCMDQ %u of the unit): %u commands at host 0x%09llx",
	     vm->name, r ? (unsigned int)record_value(r, "q") : 0, 1u << QUEUE_LOG2,
	     host_pa(vm->q[0].entries));
}

/* What the unit counted, and how many ioctls were made, at one moment */
struct moment {
	struct observer_accesses acc;
	u64 executed, host;
	unsigned long ioctls;
};

static struct moment before, after;

static void take(struct moment *m)
{
	must(observer_accesses(&unit, a.vintf, &m->acc), "read the counters");
	m->executed = observer_executed(&unit, a.vintf);
	m->host = observer_executed(&unit, 0);
	m->ioctls = iommufd_ioctl_count;
}

static void take_before(void *arg)
{
	take(&before);
}

static void take_after(void *arg)
{
	take(&after);
}

/* What the guest does, in a process that is watched for system calls */
static unsigned int guest_invalidates(struct vm *vm, void *arg)
{
	struct smmu_cmd cmd = cmd_tlbi_nh_va(ASID, IOVA);

	return -vcmdq_issue(&vm->q[0], &cmd, 1);
}

static void show_last_tlbi(struct party *p)
{
	const char *r = observer_run(&unit, "log 8 v=%u", p->vintf);
	const char *last = NULL;

	for (; r && (r = record_find(r, "executed")); r = record_next(r))
		if (record_value(r, "op") == CMD_TLBI_NH_VA)
			last = r;
	seen(last && record_value(last, "vmid") == p->vmid,
	     "the unit's log: TLBI_NH_VA of VINTF %u executed with VMID %u",
	     p->vintf, last ? (unsigned int)record_value(last, "vmid") : 0);
}

static void the_point(void)
{
	struct guest_report report;
	enum target t;

	chapter(4, "The point of it all: the guest invalidates by itself");
	give_queue(&a);
	give_queue(&b);
	make_stale(&a);
	say("Guest A now maps IOVA 0x%llx to its new page, and tells nobody.", IOVA);
	t = probe(&a);
	seen(t == OLD, "the device still writes into the old page: the SMMU's TLB is stale");

	say("Guest A writes TLBI_NH_VA + SYNC into its queue and waits for CONS.");
	must(vm_run_guest(&a.vm, guest_invalidates, NULL, take_before,
			  take_after, &report), "run the guest");
	seen(!report.died && !report.result, "the queue took both commands");
	seen(!report.syscalls, "system calls it made for that, counted by ptrace: %u",
	     report.syscalls);
	seen(after.ioctls == before.ioctls, "ioctls on iommufd and VFIO meanwhile: %lu",
	     after.ioctls - before.ioctls);
	seen(!report.faults, "page faults it took meanwhile: %lu",
	     report.faults);
	seen(after.acc.window > before.acc.window,
	     "accesses to VM A's window, counted by the unit: %llu",
	     after.acc.window - before.acc.window);
	seen(after.acc.config == before.acc.config &&
	     after.acc.direct == before.acc.direct &&
	     after.acc.page1 == before.acc.page1 &&
	     after.acc.others == before.acc.others,
	     "accesses to all the rest of the unit by any software: %llu",
	     after.acc.config - before.acc.config +
	     after.acc.direct - before.acc.direct +
	     after.acc.page1 - before.acc.page1 +
	     after.acc.others - before.acc.others);
	seen(after.executed - before.executed == 2,
	     "commands executed for VINTF %u: %llu", a.vintf,
	     after.executed - before.executed);
	seen(after.host == before.host, "commands executed for the host: %llu",
	     after.host - before.host);
	show_last_tlbi(&a);

	t = probe(&a);
	seen(t == NEW, "the device now writes into the new page");
	say("What this means: from the guest's table to the SMMU's TLB without any");
	say("hypervisor: no exit, no system call, no interrupt.");
}

/* ---- 5 ---- */

/* B's last command is wrong: what became of it? */
static void try_as_b(struct smmu_cmd cmd, unsigned int code, const char *reason,
		     const char *what)
{
	u64 count = observer_refused(&unit, b.vintf, reason);
	struct vcmdq *q = &b.vm.q[0];
	int rc = vcmdq_issue(q, &cmd, 1);
	unsigned int err = 0;

	if (rc == -EIO)
		err = vcmdq_recover(q);
	seen(rc == -EIO && err == code &&
	     observer_refused(&unit, b.vintf, reason) == count + 1,
	     "%s: refused, the queue stopped with CONS.ERR = %u", what, err);
	seen(!vcmdq_wait(q), "the guest acknowledges, the queue goes on");
}

static void isolation(void)
{
	struct smmu_cmd forged =
		cmd_with_vmid(cmd_tlbi_nh_va(ASID, IOVA), a.vmid);
	u64 dropped, host_executed;
	const char *r;

	chapter(5, "Isolation: VM B tries");
	make_stale(&a);
	seen(probe(&a) == OLD, "VM A has a stale entry again");
	say("VM B invalidates the same ASID and IOVA, and puts A's VMID %u into the",
	    a.vmid);
	say("command.");
	must(vcmdq_issue(&b.vm.q[0], &forged, 1), "VM B's TLBI");
	r = observer_run(&unit, "log 8 v=%u", b.vintf);
	for (; r && (r = record_find(r, "executed")); r = record_next(r))
		if (record_value(r, "op") == CMD_TLBI_NH_VA)
			break;
	if (r) {
		say("guest wrote  0x%016llx  (VMID %u)",
		    record_value(r, "orig"),
		    (unsigned int)(record_value(r, "orig") >> 32 & 0xffff));
		say("unit ran     0x%016llx  (VMID %u)",
		    record_value(r, "final"),
		    (unsigned int)(record_value(r, "final") >> 32 & 0xffff));
	}
	seen(r && (record_value(r, "orig") >> 32 & 0xffff) == a.vmid &&
	     (record_value(r, "final") >> 32 & 0xffff) == b.vmid,
	     "the unit has put B's own VMID %u in its place", b.vmid);
	seen(probe(&a) == OLD, "VM A's entry is as stale as before: B did not reach it");

	host_executed = observer_executed_op(&unit, b.vintf, CMD_CFGI_STE);
	try_as_b(cmd_sid(CMD_CFGI_STE, a.vm.dev.sid), CERROR_ILL, "opcode",
		 "VM B: CFGI_STE, which only the host may do");
	seen(observer_executed_op(&unit, b.vintf, CMD_CFGI_STE) == host_executed,
	     "no CFGI_STE of VM B has reached the SMMU");
	try_as_b(cmd_atc_inv(VSID_A, IOVA, 0), CERROR_ILL_ACCESS, "sid",
		 "VM B: ATC_INV for VM A's device by its StreamID in A");
	try_as_b(cmd_atc_inv(a.vm.dev.sid, IOVA, 0), CERROR_ILL_ACCESS, "sid",
		 "VM B: ATC_INV for VM A's device by its physical StreamID");

	r = observer_run(&unit, "counters");
	r = r ? record_find(r, "total") : NULL;
	dropped = r ? record_value(r, "dropped") : 0;
	mmio_write32(b.vm.window, VCMDQ_STRIDE + VCMDQ_CONFIG, VCMDQ_EN);
	r = observer_run(&unit, "counters");
	r = r ? record_find(r, "total") : NULL;
	seen(r && record_value(r, "dropped") == dropped + 1 &&
	     !mmio_read32(b.vm.window, VCMDQ_STRIDE + VCMDQ_STATUS),
	     "VM B enables its logical queue 1, which it does not have: dropped");

	must(vcmdq_issue(&a.vm.q[0],
			 (struct smmu_cmd[]){ cmd_tlbi_nh_va(ASID, IOVA) }, 1),
	     "VM A's TLBI");
	seen(probe(&a) == NEW, "VM A's own TLBI works as ever: the new page");
	say("What this means: what a guest writes is checked and completed by the");
	say("hardware, with numbers that only the host can set.");
}

/* ---- 6 ---- */

static void wrong(int rc, int want, const char *what, const char *rule)
{
	seen(rc == want, "%-45s %s", what, rc ? strerror(-rc) : "accepted");
	say("   Rule: %s", rule);
}

static int queue_alloc(u32 index, u64 ipa, u64 length)
{
	u32 id;

	return iommufd_hw_queue_alloc(b.vm.fd, b.vm.viommu,
				      IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV, index,
				      ipa, length, &id);
}

static int map_errno(u64 offset, size_t length)
{
	void *p = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, b.vm.fd,
		       offset);

	if (p == MAP_FAILED)
		return -errno;
	munmap(p, length);
	return 0;
}

static void wrong_use(void)
{
	u64 page = page_of(&b.vm, NULL);
	char *state, *still;
	void *va = at(&b, page);
	struct vm *vm = &b.vm;

	chapter(6, "Wrong use is refused, and says why");
	must(iommufd_ioas_map(vm->fd, vm->ioas, va, GUEST_PAGE, IPA_TWICE, true),
	     "IOAS_MAP");
	must(iommufd_ioas_map(vm->fd, vm->ioas, va, GUEST_PAGE,
			      IPA_TWICE + GUEST_PAGE, true), "IOAS_MAP");
	state = observer_guest_state(&unit);

	wrong(queue_alloc(1, IPA_TWICE, 2 * GUEST_PAGE), -EFAULT,
	      "a queue over pages that are not contiguous",
	      "hardware reads the queue by physical address");
	wrong(queue_alloc(1, page + 1024, 2048), -EINVAL,
	      "a queue of 2 KiB at 1 KiB",
	      "a queue starts at a multiple of its length");
	wrong(queue_alloc(1, page, 64u << 20), -EINVAL, "a queue of 64 MiB",
	      "at most 16 << IDR1.CMDQS bytes, 8 MiB here");
	wrong(queue_alloc(1, page, 3000), -EINVAL, "a queue of 3000 bytes",
	      "the length is a power of two");
	wrong(queue_alloc(1, 0x1000, GUEST_PAGE), -ENOENT,
	      "a queue where the guest has no memory",
	      "the memory is mapped in stage 2");
	wrong(queue_alloc(0, page, GUEST_PAGE), -EEXIST, "a second queue 0",
	      "an index is used once");
	wrong(iommufd_ioas_unmap(vm->fd, vm->ioas, vm->ram.ipa, vm->ram.size),
	      -EBUSY, "unmap the memory under a live queue",
	      "hardware may read it at any time");
	wrong(map_errno(vm->window_offset + vm->window_size, vm->window_size),
	      -ENXIO, "mmap of page 1, where BASE is",
	      "a guest never sets the address of a queue");
	wrong(map_errno(vm->window_offset, 4096), -ENXIO,
	      "mmap of a part of the window",
	      "the window is mapped as a whole");
	wrong(iommufd_destroy(vm->fd, vm->viommu), -EBUSY,
	      "destroy the vIOMMU first", "last, after all that is based on it");
	wrong(iommufd_destroy(vm->fd, vm->nested), -EBUSY,
	      "destroy the translation that the device uses",
	      "attach the device to another one before");
	still = observer_guest_state(&unit);
	seen(state && still && !strcmp(state, still),
	     "after all that the unit's state is the same, bit by bit");
	free(state);
	free(still);

	must(vcmdq_disable(&vm->q[0]), "disable queue 0");
	must(vm_drop_queue(vm), "DESTROY of queue 0");
	state = observer_guest_state(&unit);
	wrong(queue_alloc(1, page, GUEST_PAGE), -EIO, "queue 1 without queue 0",
	      "queues come upwards, without a gap");
	still = observer_guest_state(&unit);
	seen(state && still && !strcmp(state, still), "and again nothing has changed");
	free(state);
	free(still);

	must(vm_add_queue(vm, QUEUE_LOG2), "HW_QUEUE_ALLOC of queue 0");
	must(vm_add_queue(vm, QUEUE_LOG2), "HW_QUEUE_ALLOC of queue 1");
	wrong(iommufd_destroy(vm->fd, vm->hwq[0]), -EBUSY,
	      "destroy queue 0 before queue 1", "and go downwards");
	must(iommufd_ioas_unmap(vm->fd, vm->ioas, IPA_TWICE, 2 * GUEST_PAGE),
	     "IOAS_UNMAP");
	say("What this means: a VMM that makes a mistake learns which one, and has");
	say("broken nothing.");
}

/* ---- 7 ---- */

/* Nothing of any VM in the unit: looked at for up to 3 s after a process died. */
static bool scrubbed(void)
{
	char *state;
	bool empty;
	int i;

	for (i = 0; i < 30; i++) {
		state = observer_guest_state(&unit);
		empty = state && !*state;
		if (empty || i == 29) {
			if (!empty && state)
				fputs(state, stdout);
			free(state);
			return empty;
		}
		free(state);
		usleep(100000);
	}
	return false;
}

static void victim(const char *bdf)
{
	struct smmu_cmd cmd = cmd_tlbi_nh_va(ASID, IOVA);
	static struct vm vm;

	if (vm_open(&vm, "C", bdf) || vm_set_up(&vm, VSID_A, ASID))
		_exit(1);
	for (;;)
		vcmdq_issue(&vm.q[0], &cmd, 1);
}

static void kill_one(const char *bdf)
{
	u64 count = 0;
	char *state;
	int status, i;
	pid_t pid;

	must(observer_run(&unit, "clear") ? 0 : -EIO, "clear the counters");
	fflush(stdout);
	pid = fork();
	if (!pid)
		victim(bdf);
	/* In the middle: it has a VINTF, and commands are flowing */
	for (i = 0; i < 100 && count < 100; i++) {
		usleep(50000);
		count = 0;
		for (unsigned int v = 1; v < 64; v++)
			count += observer_executed_op(&unit, v, CMD_TLBI_NH_VA);
	}
	state = observer_guest_state(&unit);
	seen(count >= 100 && state && record_find(state, "vcmdq"),
	     "a third VM is running: %llu TLBIs from its queue so far",
	     count);
	free(state);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	seen(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	     "SIGKILL while its queue is at work");
	seen(scrubbed(),
	     "no VINTF enabled, no queue mapped, no StreamID slot set, all registers zero");
}

static void the_end(const char *bdf)
{
	chapter(7, "Tear-down: in order, and by SIGKILL");
	seen(!vm_close(&b.vm),
	     "VM B: device, vDEVICE, queues from the top, window, vIOMMU, stage 2");
	seen(!vm_close(&a.vm), "VM A: the same");
	seen(scrubbed(),
	     "the unit has nothing left of either: every VINTF, queue and slot is zero");
	kill_one(bdf);
	say("What this means: whatever happens to a VMM, the next VM finds a clean");
	say("unit and no queue is left running over memory that is not its own.");
}

int main(void)
{
	char bdf_a[16], bdf_b[16];
	int rc;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("Guest-owned SMMU command queues: two VMs on one Tegra241 CMDQV unit\n");
	printf("===================================================================\n");
	rc = vfio_find(EDU_VENDOR, EDU_DEVICE, 0, bdf_a) ?:
	     vfio_find(EDU_VENDOR, EDU_DEVICE, 1, bdf_b);
	if (rc) {
		printf("This demo needs two \"edu\" devices: run it on the emulated board.\n");
		return 1;
	}
	rc = observer_open(&unit);
	if (rc) {
		printf("This demo needs the board's observer (ACPI CMQO0001): %s\n",
		       strerror(-rc));
		return 1;
	}
	must(vm_open(&a.vm, "A", bdf_a), "VM A: open and attach its device");
	must(vm_open(&b.vm, "B", bdf_b), "VM B: open and attach its device");
	must(edu_probe(&a.vm.dev), "VM A's device");
	must(edu_probe(&b.vm.dev), "VM B's device");

	discover(&a.vm);
	two_vms();
	nested();
	the_point();
	isolation();
	wrong_use();
	the_end(bdf_a);

	if (missed) {
		printf("\n%u of %u statements were NOT observed.\n", missed,
		       statements);
		return 1;
	}
	printf("\nAll %u statements were observed.\n", statements);
	return 0;
}
