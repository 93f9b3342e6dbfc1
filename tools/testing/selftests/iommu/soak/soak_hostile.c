// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A VM whose guest and whose VMM are after whatever can be had. Four threads, which
 * heed nothing of one another but that memory is there which they are about to touch:
 *
 * - a CPU of the guest's fills queues with commands, lawful ones, crafted ones and any
 *   bytes, writes PROD, CONS, CONFIG, GERRORN and any value to any place of the window,
 *   also of queues that do not exist or are about to come or to go;
 * - another one changes what is in queues while the hardware reads them;
 * - the VMM destroys and allocates queues, StreamIDs and the vIOMMU, takes memory away
 *   as soon as it may, and tries to before;
 * - another thread of the VMM's tries to take memory away all the time, above all while
 *   its queue is being destroyed.
 *
 * What the VM gets out of it is its own affair. Here it is only asked whether the kernel
 * has refused what it must.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "soak.h"

#define WINDOW		0x10000u
/* StreamIDs of its device, one at a time */
#define VSIDS		8u
/* Beside the VMM's first one */
#define THREADS		3

/**
 * struct hostile - the VM
 * @gate: held for reading by who touches window or queue memory, for writing by who
 *	takes either away from the program
 * @vsid: what the guest calls its device, at the time or a moment ago
 * @end: the guest's CPUs stop
 */
struct hostile {
	struct soak_vm *sv;
	pthread_rwlock_t gate;
	u32 vsid;
	bool end;
};

struct cpu {
	struct hostile *h;
	u64 rng;
	pthread_t thread;
};

/*
 * Commands
 */

/* What a guest may send, with whatever it likes in the fields */
static struct smmu_cmd lawful(struct cpu *cpu)
{
	u64 any = soak_random(&cpu->rng);
	struct smmu_cmd cmd;

	switch (soak_below(&cpu->rng, 8)) {
	case 0:
	case 1:
		/* Every VMID but by chance somebody else's, ASIDs that are in use */
		cmd = cmd_tlbi_nh_asid(any & 3);
		break;
	case 2:
		cmd = cmd_atc_inv(__atomic_load_n(&cpu->h->vsid, __ATOMIC_RELAXED),
				  any, any & 0x3f);
		return cmd;
	case 3:
		return cmd_sync();
	default:
		cmd = cmd_tlbi_nh_va(any & 3, any);
		/* A range, of a granule and scale that may make no sense */
		if (any & 1ULL << 40) {
			cmd.w[0] |= any & 0x1f1ff000ULL;
			cmd.w[1] |= any >> 20 & 0xf00;
		}
	}
	return cmd_with_vmid(cmd, any >> 48 & 0x1f);
}

/* What it may not send, or in a way that it may not */
static struct smmu_cmd forbidden(struct cpu *cpu)
{
	static const u8 ops[] = {
		CMD_PREFETCH_CONFIG, CMD_CFGI_STE, CMD_CFGI_ALL, CMD_CFGI_CD,
		CMD_CFGI_CD_ALL, CMD_TLBI_NH_ALL, CMD_TLBI_NH_VAA,
		CMD_TLBI_EL2_ALL, CMD_TLBI_S12_VMALL, CMD_TLBI_S2_IPA,
		CMD_TLBI_NSNH_ALL, CMD_PRI_RESP, CMD_RESUME,
	};
	u64 any = soak_random(&cpu->rng);
	struct smmu_cmd cmd = { .w = { any, soak_random(&cpu->rng) } };

	switch (soak_below(&cpu->rng, 8)) {
	case 0:
		return cmd;
	case 1:
		cmd.w[0] &= ~0xffULL;
		cmd.w[0] |= CMD_SYNC;
		return cmd;
	case 2:
		/* Physical StreamIDs of the board's devices, and numbers near them */
		return cmd_atc_inv(any & 0x1fff, cmd.w[1], 0);
	case 3:
		return cmd_atc_inv(any, cmd.w[1], 52);
	case 4:
		/* A message, to an address of the host's */
		cmd = cmd_sync();
		cmd.w[0] |= 1u << 12 | any << 32;
		cmd.w[1] = cmd.w[1] & 0x7ffffffcULL;
		return cmd;
	default:
		cmd = cmd_with_vmid(cmd_sid(ops[any % sizeof(ops)], any >> 32), any);
		cmd.w[1] = soak_random(&cpu->rng);
		return cmd;
	}
}

static void store(struct cpu *cpu, struct vcmdq *q, u32 index, unsigned int one_in)
{
	u64 *entry = &q->entries[2 * (index & ((1u << q->log2size) - 1))];
	struct smmu_cmd cmd = one_in && !soak_below(&cpu->rng, one_in) ?
			      forbidden(cpu) : lawful(cpu);

	/* Two stores, in any order: the hardware may read between them */
	__atomic_store_n(&entry[0], cmd.w[0], __ATOMIC_RELAXED);
	__atomic_store_n(&entry[1], cmd.w[1], __ATOMIC_RELAXED);
}

/*
 * The guest's CPUs. The gate is open while these run.
 */

static struct vcmdq *some_queue(struct cpu *cpu)
{
	struct vm *vm = &cpu->h->sv->vm;
	unsigned int n = __atomic_load_n(&vm->queues, __ATOMIC_ACQUIRE);

	return n ? &vm->q[soak_below(&cpu->rng, n)] : NULL;
}

static void fill(struct cpu *cpu, struct vcmdq *q)
{
	static const unsigned int one_in[] = { 0, 0, 0, 0, 20000, 4000, 500, 20 };
	unsigned int forbidden = one_in[soak_below(&cpu->rng, 8)];
	u32 from = soak_random(&cpu->rng), n = 1u << q->log2size, i;

	/* The rest of a large one has what it had */
	if (n > 4096)
		n = 4096;
	for (i = 0; i < n; i++)
		store(cpu, q, from + i, forbidden);
	soak_add(cpu->h->sv->soak, SOAK_FILLS, 1);
}

/* As its driver would go on after an error, with as many commands as there is room */
static void kick(struct cpu *cpu, struct vcmdq *q)
{
	u32 cons = vcmdq_read(q, VCMDQ_CONS), size = 1u << q->log2size;

	if (CONS_ERR(cons))
		store(cpu, q, cons, 0);
	dma_barrier();
	vcmdq_write(q, VCMDQ_GERRORN, vcmdq_read(q, VCMDQ_GERROR));
	if (!vcmdq_read(q, VCMDQ_CONFIG))
		vcmdq_write(q, VCMDQ_CONFIG, VCMDQ_EN);
	vcmdq_write(q, VCMDQ_PROD, (cons + size) & (2 * size - 1));
	soak_add(cpu->h->sv->soak, SOAK_KICKS, 1);
}

/* On and off, with something to do each time */
static void toggle(struct cpu *cpu, struct vcmdq *q)
{
	unsigned int i, n = 1 + soak_below(&cpu->rng, 64);

	for (i = 0; i < n; i++) {
		vcmdq_write(q, VCMDQ_CONFIG, soak_random(&cpu->rng) >> 20);
		if (!soak_below(&cpu->rng, 4))
			vcmdq_write(q, VCMDQ_PROD, soak_random(&cpu->rng));
		if (!soak_below(&cpu->rng, 4))
			vcmdq_write(q, VCMDQ_CONS, soak_random(&cpu->rng));
	}
	vcmdq_write(q, VCMDQ_CONFIG, VCMDQ_EN);
	soak_add(cpu->h->sv->soak, SOAK_TOGGLES, n);
}

/* Any value of any size to any place, most of them where something is */
static void poke(struct cpu *cpu)
{
	void *window = cpu->h->sv->vm.window;
	unsigned int i, n = 1 + soak_below(&cpu->rng, 200);

	for (i = 0; i < n; i++) {
		u64 value = soak_random(&cpu->rng);
		unsigned int at = soak_below(&cpu->rng, 4) ?
				  soak_below(&cpu->rng, 10) * VCMDQ_STRIDE +
				  soak_below(&cpu->rng, 6) * 4 :
				  soak_below(&cpu->rng, WINDOW / 4) * 4;

		switch (soak_below(&cpu->rng, 8)) {
		case 0:
			mmio_write64(window, at & ~7u, value);
			break;
		case 1:
			mmio_read32(window, at);
			break;
		case 2:
			__atomic_store_n((u8 *)window + at + (value & 3), value >> 8,
					 __ATOMIC_RELAXED);
			break;
		default:
			mmio_write32(window, at, value & 1 ? value >> 8 :
				     value >> 8 & 7);
		}
	}
	soak_add(cpu->h->sv->soak, SOAK_REGISTERS, n);
}

static void drive(struct cpu *cpu)
{
	struct vcmdq *q = some_queue(cpu);

	switch (q ? soak_below(&cpu->rng, 16) : 15) {
	case 0:
		if (!soak_below(&cpu->rng, 4))
			fill(cpu, q);
		break;
	case 1:
		toggle(cpu, q);
		break;
	case 2:
		poke(cpu);
		break;
	case 15:
		if (!soak_below(&cpu->rng, 20))
			poke(cpu);
		break;
	default:
		kick(cpu, q);
	}
}

static void *driver(void *arg)
{
	struct cpu *cpu = arg;
	struct hostile *h = cpu->h;

	while (!__atomic_load_n(&h->end, __ATOMIC_RELAXED)) {
		pthread_rwlock_rdlock(&h->gate);
		if (h->sv->vm.window)
			drive(cpu);
		pthread_rwlock_unlock(&h->gate);
		if (!soak_below(&cpu->rng, 16))
			usleep(soak_below(&cpu->rng, 2000));
	}
	return NULL;
}

/* Changes what is about to be read, also of a queue that is being taken away */
static void *scribbler(void *arg)
{
	struct cpu *cpu = arg;
	struct hostile *h = cpu->h;
	unsigned int i, n;
	struct vcmdq *q;

	while (!__atomic_load_n(&h->end, __ATOMIC_RELAXED)) {
		pthread_rwlock_rdlock(&h->gate);
		q = h->sv->vm.window ? some_queue(cpu) : NULL;
		n = 1 + soak_below(&cpu->rng, 256);
		if (q) {
			u32 from = vcmdq_read(q, VCMDQ_CONS);

			for (i = 0; i < n; i++)
				store(cpu, q, from + soak_below(&cpu->rng, 64), 20000);
			soak_add(h->sv->soak, SOAK_SCRIBBLES, n);
		}
		pthread_rwlock_unlock(&h->gate);
		if (!soak_below(&cpu->rng, 4))
			usleep(soak_below(&cpu->rng, 4000));
	}
	return NULL;
}

/*
 * Only queues that the VMM is about to destroy can be had, and these not before the
 * hardware has stopped to read them: the oracle will say so.
 */
static void *thief(void *arg)
{
	struct cpu *cpu = arg;
	struct hostile *h = cpu->h;
	struct soak_vm *sv = h->sv;
	unsigned int n;

	while (!__atomic_load_n(&h->end, __ATOMIC_RELAXED)) {
		pthread_rwlock_rdlock(&h->gate);
		n = __atomic_load_n(&sv->vm.queues, __ATOMIC_ACQUIRE);
		if (n && !soak_steal_queue(sv, n - 1))
			soak_add(sv->soak, SOAK_STOLEN, 1);
		pthread_rwlock_unlock(&h->gate);
		if (soak_below(&cpu->rng, 64))
			sched_yield();
		else
			usleep(soak_below(&cpu->rng, 20000));
	}
	return NULL;
}

/*
 * The VMM. Each step returns 0, or what the kernel has said that it should not.
 */

/* What is in use stays */
static int must_be_refused(struct hostile *h)
{
	struct soak_vm *sv = h->sv;
	unsigned int i = soak_below(&sv->rng, sv->vm.queues);
	struct soak_queue *m = &sv->queue[i];
	int rc;

	switch (soak_below(&sv->rng, i + 1 < sv->vm.queues ? 4 : 3)) {
	case 0:
		rc = iommufd_ioas_unmap(sv->vm.fd, sv->vm.ioas, 0, UINT64_MAX);
		break;
	case 1:
		rc = iommufd_destroy(sv->vm.fd, sv->vm.viommu);
		break;
	case 2:
		rc = iommufd_ioas_unmap(sv->vm.fd, sv->vm.ioas, m->ipa, m->size);
		break;
	default:
		rc = iommufd_destroy(sv->vm.fd, sv->vm.hwq[i]);
	}
	soak_add(sv->soak, SOAK_REFUSED, 1);
	if (rc == -EBUSY)
		return 0;
	soak_broken(sv->soak, "VM %u: what is in use was given up: %d", sv->id, rc);
	return rc ?: -EUCLEAN;
}

static int replace_vdevice(struct hostile *h)
{
	struct soak_vm *sv = h->sv;
	u32 vsid = soak_below(&sv->rng, VSIDS);
	int rc = sv->vm.vdevice ? soak_vm_drop_vdevice(sv) : 0;

	if (rc || !soak_below(&sv->rng, 4))
		return rc;
	rc = soak_vm_add_vdevice(sv, vsid);
	__atomic_store_n(&h->vsid, vsid, __ATOMIC_RELAXED);
	return rc;
}

/* The memory goes as soon as the queue has gone; the guest has written there till then */
static int drop_queue(struct hostile *h)
{
	int rc = soak_vm_drop_queue(h->sv);

	if (rc)
		return rc;
	pthread_rwlock_wrlock(&h->gate);
	rc = soak_free_queue(h->sv, h->sv->vm.queues);
	pthread_rwlock_unlock(&h->gate);
	return rc;
}

static int add_queue(struct hostile *h)
{
	static const u8 sizes[] = { 1, 2, 5, 8, 8, 8, 11, 14, 17, 17 };
	struct soak_vm *sv = h->sv;
	/* Two of a huge page each; the rest is for others */
	unsigned int of = sv->vm.queues < 2 ? sizeof(sizes) : 6;

	return soak_vm_add_queue(sv, sizes[soak_below(&sv->rng, of)]);
}

static int drop_viommu(struct hostile *h)
{
	struct soak_vm *sv = h->sv;
	int rc = sv->vm.vdevice ? soak_vm_drop_vdevice(sv) : 0;

	while (!rc && sv->vm.queues)
		rc = drop_queue(h);
	if (rc)
		return rc;
	pthread_rwlock_wrlock(&h->gate);
	rc = soak_vm_drop_viommu(sv);
	pthread_rwlock_unlock(&h->gate);
	return rc;
}

static int add_viommu(struct hostile *h)
{
	int rc;

	pthread_rwlock_wrlock(&h->gate);
	rc = soak_vm_add_viommu(h->sv);
	pthread_rwlock_unlock(&h->gate);
	return rc;
}

/* The way of guests without queues: whatever comes of it */
static void trap(struct hostile *h)
{
	struct cpu cpu = { .h = h, .rng = h->sv->rng };
	struct smmu_cmd cmds[32];
	u32 n = 1 + soak_below(&cpu.rng, 32), i;

	for (i = 0; i < n; i++)
		cmds[i] = soak_below(&cpu.rng, 8) ? lawful(&cpu) : forbidden(&cpu);
	h->sv->rng = cpu.rng;
	soak_add(h->sv->soak, SOAK_TRAPPED, n);
	iommufd_hwpt_invalidate(h->sv->vm.fd, h->sv->vm.viommu,
				IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3, cmds,
				sizeof(cmds[0]), &n);
}

static int vmm(struct hostile *h)
{
	struct soak_vm *sv = h->sv;
	unsigned int what = soak_below(&sv->rng, 32);

	if (!sv->vm.viommu)
		return add_viommu(h);
	if (what == 0)
		return drop_viommu(h);
	if (what < 4)
		return replace_vdevice(h);
	if (what < 8)
		return trap(h), 0;
	if (what < 12 && sv->vm.queues)
		return must_be_refused(h);
	if (what < 14 && sv->vm.queues)
		return drop_queue(h);
	if (sv->vm.queues < sv->max_queues)
		return add_queue(h);
	return what < 20 ? drop_queue(h) : 0;
}

static int start(struct hostile *h, struct cpu cpu[THREADS])
{
	static void *(*const work[THREADS])(void *arg) = { driver, scribbler, thief };
	pthread_rwlockattr_t attr;
	int i, rc = 0;

	/* The guest's CPUs never all leave by themselves */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr,
				      PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&h->gate, &attr);
	pthread_rwlockattr_destroy(&attr);
	for (i = 0; i < THREADS && !rc; i++) {
		cpu[i] = (struct cpu){
			.h = h,
			.rng = soak_seed(h->sv->soak, h->sv->id, i + 1),
		};
		rc = -pthread_create(&cpu[i].thread, NULL, work[i], &cpu[i]);
	}
	return rc;
}

int soak_hostile(struct soak_vm *sv)
{
	struct hostile h = { .sv = sv };
	struct cpu cpu[THREADS];
	int i, rc;

	rc = soak_vm_open(sv) ?: start(&h, cpu);
	if (rc)
		return soak_broken(sv->soak, "a VM could not begin on %s: %d",
				   sv->bdf, rc);
	while (!rc && !soak_stopped(sv->soak)) {
		rc = vmm(&h);
		usleep(soak_below(&sv->rng, 20000));
	}
	if (rc)
		soak_broken(sv->soak, "VM %u: a step of its VMM failed: %d", sv->id, rc);
	__atomic_store_n(&h.end, true, __ATOMIC_RELAXED);
	for (i = 0; i < THREADS; i++)
		pthread_join(cpu[i].thread, NULL);
	if (!rc)
		rc = soak_vm_close(sv);
	return rc ? soak_broken(sv->soak, "VM %u could not end: %d", sv->id, rc) : 0;
}
