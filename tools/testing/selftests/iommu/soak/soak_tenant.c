// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A well-behaved VM among hostile ones. Its device writes to guest memory all the time,
 * through translations that the guest changes and invalidates by its own queues; where
 * the data has gone is looked at each time:
 *
 * - to the page that the tables say, as soon as an invalidation has completed;
 * - before that, to the old one or the new one;
 * - to none, when the page was taken away and that was invalidated;
 * - the data itself is what this VM's device has to write, all of it and no more.
 *
 * Now and then the VM ends, and begins anew.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "edu.h"
#include "nvme.h"
#include "soak.h"

#define ASID		1
#define VSID		0x10
#define IOVA		0x00100000ULL
#define IOVAS		8u
#define SRC_IOVA	0x08000000ULL
#define TEXT		64u

/* Others keep the emulator busy; a VM that can't go on at all is something else */
#define PATIENCE	60

enum where { NOWHERE = 0, OLD = 1, NEW = 2, ODD = 4 };

/**
 * struct tenant - the VM and what its device writes
 * @disk: the device is an NVMe disk, else an edu
 * @nvme: that disk
 * @page: guest pages that an IOVA may mean
 * @text: what the device writes
 * @len: bytes of it
 */
struct tenant {
	struct soak_vm *sv;
	bool disk;
	struct nvme nvme;
	u64 page[2];
	char text[GUEST_PAGE];
	unsigned int len;
};

static char *at(struct tenant *t, u64 ipa)
{
	return guestmem_at(&t->sv->vm.ram, ipa, GUEST_PAGE);
}

static u64 page(struct tenant *t)
{
	return guestmem_alloc(&t->sv->vm.ram, GUEST_PAGE, GUEST_PAGE);
}

static int settle(struct vcmdq *q)
{
	int rc = -ETIMEDOUT, i;

	for (i = 0; rc == -ETIMEDOUT && i < PATIENCE; i++)
		rc = vcmdq_wait(q);
	return rc;
}

/* The queue is empty, so that it can be enabled any number of times */
static int enable(struct vcmdq *q)
{
	int rc = -ETIMEDOUT, i;

	for (i = 0; rc == -ETIMEDOUT && i < PATIENCE; i++)
		rc = vcmdq_enable(q);
	return rc;
}

/* By one command, or by many; through any of its queues */
static bool invalidate(struct tenant *t, u64 iova)
{
	struct soak_vm *sv = t->sv;
	unsigned int i = soak_below(&sv->rng, sv->vm.queues);
	struct vcmdq *q = &sv->vm.q[i];
	unsigned int n = soak_below(&sv->rng, 4) ? 0 :
			 soak_below(&sv->rng, 1u << q->log2size);
	u16 asid = sv->vm.s1.asid;
	int rc;

	/* Room for those two and a CMD_SYNC */
	n = n > 3 ? n - 3 : 0;
	if (soak_below(&sv->rng, 4))
		vcmdq_push(q, cmd_tlbi_nh_va(asid, iova));
	else
		vcmdq_push(q, cmd_tlbi_nh_asid(asid));
	while (n--)
		vcmdq_push(q, cmd_tlbi_nh_va(asid, IOVA + n * GUEST_PAGE));
	vcmdq_push(q, cmd_atc_inv(VSID, iova, 0));
	vcmdq_push(q, cmd_sync());
	vcmdq_kick(q);
	rc = settle(q);
	return !rc || !soak_broken(sv->soak, "VM %u: invalidation by queue %u: %d, CONS 0x%x",
				  sv->id, i, rc, vcmdq_read(q, VCMDQ_CONS));
}

/* What is in a page: @hit if the device has written all of its text there */
static unsigned int look(struct tenant *t, u64 ipa, unsigned int hit)
{
	const char *p = at(t, ipa);
	unsigned int i, written = 0;

	for (i = 0; i < GUEST_PAGE; i++)
		written += p[i] != 0;
	if (!written)
		return NOWHERE;
	if (memcmp(p, t->text, t->len))
		return ODD;
	for (i = t->len; i < GUEST_PAGE; i++)
		if (p[i])
			return ODD;
	return hit;
}

/* Where does the device write to now? enum where, or a negative errno */
static int probe(struct tenant *t, u64 iova)
{
	int rc, hit;

	memset(at(t, t->page[0]), 0, GUEST_PAGE);
	memset(at(t, t->page[1]), 0, GUEST_PAGE);
	dma_barrier();
	if (t->disk) {
		nvme_identify_begin(&t->nvme, 1);
		rc = nvme_wait(&t->nvme, 1);
		/* The disk says that it could not write */
		if (rc == -EIO)
			rc = 0;
	} else {
		rc = edu_store(&t->sv->vm.dev, iova, TEXT);
	}
	soak_add(t->sv->soak, SOAK_PROBES, 1);
	hit = look(t, t->page[0], OLD) | look(t, t->page[1], NEW);
	return rc ?: hit;
}

static bool expect(struct tenant *t, u64 iova, unsigned int may, const char *when)
{
	int where = probe(t, iova);

	/* One of those */
	if (where >= 0 && (where == (int)may ||
			   (may == (OLD | NEW) && (where == OLD || where == NEW)))) {
		if (may == (OLD | NEW) && where == OLD)
			soak_add(t->sv->soak, SOAK_STALE, 1);
		return true;
	}
	return !soak_broken(t->sv->soak, "VM %u: DMA of %s %s went to 0x%x, not 0x%x",
			   t->sv->id, t->sv->bdf, when, where, may);
}

static bool round_of(struct tenant *t)
{
	struct soak_vm *sv = t->sv;
	struct stage1 *s1 = &sv->vm.s1;
	u64 iova = t->disk ? t->nvme.iova + 2 * GUEST_PAGE :
		   IOVA + soak_below(&sv->rng, IOVAS) * GUEST_PAGE;

	if (stage1_map(s1, iova, t->page[0]))
		return !soak_broken(sv->soak, "VM %u: out of memory", sv->id);
	if (!invalidate(t, iova) || !expect(t, iova, OLD, "after mapping a page"))
		return false;
	stage1_map(s1, iova, t->page[1]);
	if (soak_below(&sv->rng, 2) &&
	    !expect(t, iova, OLD | NEW, "after mapping another, without TLBI"))
		return false;
	if (!invalidate(t, iova) || !expect(t, iova, NEW, "after TLBI"))
		return false;
	if (!soak_below(&sv->rng, 3)) {
		stage1_unmap(s1, iova);
		if (!invalidate(t, iova) ||
		    !expect(t, iova, NOWHERE, "after unmapping and TLBI"))
			return false;
	}
	soak_add(sv->soak, SOAK_ROUNDS, 1);
	return true;
}

/* The device gets something to write that no other VM's has */
static int start_edu(struct tenant *t)
{
	u64 src = page(t);

	snprintf(t->text, sizeof(t->text), "VM %u, slot %u, seed %llu", t->sv->id,
		 t->sv->slot, t->sv->soak->seed);
	memset(t->text + strlen(t->text), 'x', TEXT - strlen(t->text));
	t->len = TEXT;
	memset(t->text + TEXT, 0, sizeof(t->text) - TEXT);
	memcpy(at(t, src), t->text, TEXT);
	return stage1_map(&t->sv->vm.s1, SRC_IOVA, src) ?:
	       edu_load(&t->sv->vm.dev, SRC_IOVA, TEXT);
}

static int start_disk(struct tenant *t)
{
	struct stage1 *s1 = &t->sv->vm.s1;
	u64 queues[2] = { page(t), page(t) };
	int rc;

	t->nvme = (struct nvme){
		.dev = &t->sv->vm.dev,
		.iova = IOVA,
		.sq = (void *)at(t, queues[0]),
		.cq = (void *)at(t, queues[1]),
		.data = at(t, t->page[0]),
	};
	rc = stage1_map(s1, IOVA, queues[0]) ?:
	     stage1_map(s1, IOVA + GUEST_PAGE, queues[1]) ?:
	     stage1_map(s1, IOVA + 2 * GUEST_PAGE, t->page[0]) ?:
	     nvme_enable(&t->nvme);
	if (rc)
		return rc;
	nvme_identify_begin(&t->nvme, 1);
	rc = nvme_wait(&t->nvme, 1);
	memcpy(t->text, at(t, t->page[0]), GUEST_PAGE);
	t->len = GUEST_PAGE;
	return rc;
}

static int begin(struct tenant *t)
{
	struct soak_vm *sv = t->sv;
	unsigned int i;
	int rc;

	rc = soak_vm_open(sv) ?: soak_vm_add_viommu(sv) ?:
	     soak_vm_add_vdevice(sv, VSID) ?: vm_add_stage1(&sv->vm, ASID);
	for (i = 0; !rc && i < sv->max_queues; i++)
		/* The smallest holds a few commands, the largest fills a page */
		rc = soak_vm_add_queue(sv, 4 + soak_below(&sv->rng, 5)) ?:
		     enable(&sv->vm.q[i]);
	t->page[0] = page(t);
	t->page[1] = page(t);
	return rc ?: t->disk ? start_disk(t) : start_edu(t);
}

int soak_tenant(struct soak_vm *sv, bool disk)
{
	struct tenant t = { .sv = sv, .disk = disk };
	int rc;

	while (!soak_stopped(sv->soak)) {
		unsigned int rounds = disk ? 50 + soak_below(&sv->rng, 200) :
				      2 + soak_below(&sv->rng, 10);

		rc = begin(&t);
		if (rc)
			return soak_broken(sv->soak, "a VM could not begin on %s: %d",
					   sv->bdf, rc);
		while (rounds-- && !soak_stopped(sv->soak))
			if (!round_of(&t))
				return 1;
		rc = soak_vm_close(sv);
		if (rc)
			return soak_broken(sv->soak, "VM %u could not end: %d",
					   sv->id, rc);
	}
	return 0;
}
