/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether an invalidation has had its effect: a device writes to an IOVA whose meaning
 * has changed since it was last used.
 */
#ifndef VMM_PAGES_H
#define VMM_PAGES_H

#include <errno.h>
#include <string.h>

#include "edu.h"
#include "vm.h"

/**
 * struct pages - a guest's IOVA with two pages that it may mean
 * @vm: the VM, with a stage 1 and a queue 0
 * @iova: the IOVA
 * @old: guest page that it means at first
 * @new: guest page that it means later
 */
struct pages {
	struct vm *vm;
	u64 iova;
	u64 old;
	u64 new;
};

enum target { NOWHERE, OLD, NEW, BOTH };

static inline char *page_at(struct vm *vm, u64 ipa)
{
	return guestmem_at(&vm->ram, ipa, GUEST_PAGE);
}

/* The device gets 64 bytes of text into its buffer: 0 or a negative errno */
static inline int pages_init(struct pages *p, struct vm *vm, u64 iova)
{
	u64 src = guestmem_alloc(&vm->ram, GUEST_PAGE, GUEST_PAGE);
	u64 src_iova = iova + 0x10000000 / 2;
	int rc;

	p->vm = vm;
	p->iova = iova;
	p->old = guestmem_alloc(&vm->ram, GUEST_PAGE, GUEST_PAGE);
	p->new = guestmem_alloc(&vm->ram, GUEST_PAGE, GUEST_PAGE);
	if (!src || !p->old || !p->new)
		return -ENOMEM;
	memset(page_at(vm, src), 'x', 64);
	rc = stage1_map(&vm->s1, src_iova, src);
	if (!rc)
		rc = edu_load(&vm->dev, src_iova, 64);
	return rc;
}

/* Where a DMA of the device to the IOVA ends up: enum target or negative errno */
static inline int pages_probe(struct pages *p)
{
	int rc, hit = NOWHERE;

	memset(page_at(p->vm, p->old), 0, 64);
	memset(page_at(p->vm, p->new), 0, 64);
	rc = edu_store(&p->vm->dev, p->iova, 64);
	if (rc)
		return rc;
	if (page_at(p->vm, p->old)[0] == 'x')
		hit |= OLD;
	if (page_at(p->vm, p->new)[0] == 'x')
		hit |= NEW;
	return hit;
}

/*
 * Have hardware cache the translation to the old page, then change the table. The
 * next pages_probe() says OLD unless something invalidates the IOVA. Returns what a
 * probe said before the change, so OLD when all is well.
 */
static inline int pages_make_stale(struct pages *p)
{
	int rc = stage1_map(&p->vm->s1, p->iova, p->old);

	if (!rc && p->vm->queues)
		rc = vcmdq_issue(&p->vm->q[0], (struct smmu_cmd[]){
				 cmd_tlbi_nh_va(p->vm->s1.asid, p->iova) }, 1);
	if (!rc)
		rc = pages_probe(p);
	if (rc == OLD && stage1_map(&p->vm->s1, p->iova, p->new))
		rc = -ENOMEM;
	return rc;
}

#endif
