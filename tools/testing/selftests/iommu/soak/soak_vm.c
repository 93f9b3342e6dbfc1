// SPDX-License-Identifier: GPL-2.0-or-later
/* A VM of which the oracle is told before it gets something and after it has lost it */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "hostpages.h"
#include "soak.h"

const struct soak_count_text soak_counts[SOAK_NUM_COUNTS] = {
	[SOAK_VMS] = { "vms", "VMs that began" },
	[SOAK_KILLED] = { "killed", "processes of VMs killed by SIGKILL at a random time" },
	[SOAK_ENDED] = { "ended", "VMs undone in order" },
	[SOAK_VIOMMUS] = { "viommus", "VINTFs allocated" },
	[SOAK_NEW_QUEUES] = { "queues", "queues allocated, each in memory of its own" },
	[SOAK_VDEVICES] = { "vdevices", "StreamIDs allocated" },
	[SOAK_REFUSED] = { "refused", "attempts to unmap or destroy what is in use, refused" },
	[SOAK_STOLEN] = { "stolen",
		"pieces of queue memory unmapped by another thread as soon as the queue was gone" },
	[SOAK_TRAPPED] = { "trapped", "commands, good and bad, sent through the kernel" },
	[SOAK_FILLS] = { "fills", "queues filled with crafted commands" },
	[SOAK_KICKS] = { "kicks", "writes of PROD that are to go far" },
	[SOAK_TOGGLES] = { "toggles", "writes of CONFIG, on and off" },
	[SOAK_REGISTERS] = { "registers", "accesses of any kind to any register" },
	[SOAK_SCRIBBLES] = { "scribbles", "queue entries changed under the hardware" },
	[SOAK_ROUNDS] = { "rounds", "invalidations of well-behaved VMs, verified by DMA" },
	[SOAK_PROBES] = { "probes", "DMA transfers verified" },
	[SOAK_STALE] = { "stale", "of them through a TLB entry not invalidated yet" },
};

u64 soak_seed(const struct soak *soak, u32 process, u32 thread)
{
	u64 state = soak->seed * 0x9e3779b97f4a7c15ULL +
		    process * 0xbf58476d1ce4e5b9ULL +
		    thread * 0x94d049bb133111ebULL;
	int i;

	state |= 1;
	for (i = 0; i < 8; i++)
		soak_random(&state);
	return state;
}

int soak_broken(struct soak *soak, const char *fmt, ...)
{
	char why[sizeof(soak->why)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	/* The first one counts */
	if (!__atomic_exchange_n(&soak->broken, true, __ATOMIC_ACQ_REL))
		memcpy(soak->why, why, sizeof(why));
	fprintf(stderr, "# broken: %s\n", why);
	__atomic_store_n(&soak->stop, true, __ATOMIC_RELEASE);
	return 1;
}

int soak_vm_open(struct soak_vm *sv)
{
	u32 *slot = &sv->soak->slot[sv->slot].id;
	struct iommu_hw_info_tegra241_cmdqv info;
	int rc = vm_open(&sv->vm, "VM", sv->bdf);

	if (rc)
		return rc;
	rc = iommufd_hw_info(sv->vm.fd, sv->vm.dev.dev_id,
			     IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV, &info,
			     sizeof(info), NULL);
	if (rc)
		return rc;
	sv->max_queues = 1u << info.log2vcmdqs;
	if (sv->max_queues > SOAK_QUEUES)
		sv->max_queues = SOAK_QUEUES;
	sv->id = __atomic_fetch_add(&sv->soak->next_id, 1, __ATOMIC_RELAXED);
	/* Before it is told: who finds us dead ends that VM */
	__atomic_store_n(slot, sv->id, __ATOMIC_RELEASE);
	soak_add(sv->soak, SOAK_VMS, 1);
	return oracle_tell(&sv->soak->oracle, "owner id=%u psid=0x%x", sv->id,
			   sv->vm.dev.sid);
}

int soak_vm_add_viommu(struct soak_vm *sv)
{
	int rc = vm_add_viommu(&sv->vm, IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV);

	if (!rc)
		soak_add(sv->soak, SOAK_VIOMMUS, 1);
	return rc;
}

int soak_vm_drop_viommu(struct soak_vm *sv)
{
	int rc = vm_unmap_window(&sv->vm);

	if (!rc && sv->vm.viommu)
		rc = iommufd_destroy(sv->vm.fd, sv->vm.viommu);
	if (!rc)
		sv->vm.viommu = 0;
	return rc;
}

int soak_vm_add_vdevice(struct soak_vm *sv, u32 vsid)
{
	struct oracle *o = &sv->soak->oracle;
	int rc = oracle_tell(o, "stream id=%u vsid=0x%x psid=0x%x", sv->id,
			     vsid, sv->vm.dev.sid);

	if (rc)
		return rc;
	soak_add(sv->soak, SOAK_VDEVICES, 1);
	return vm_add_vdevice(&sv->vm, vsid);
}

int soak_vm_drop_vdevice(struct soak_vm *sv)
{
	int rc = iommufd_destroy(sv->vm.fd, sv->vm.vdevice);

	if (rc)
		return rc;
	sv->vm.vdevice = 0;
	return oracle_tell(&sv->soak->oracle, "gone id=%u vsid=0x%x", sv->id,
			   sv->vm.vsid);
}

/* Contiguous memory that is nobody else's, and the guest's from now on */
static int get_memory(struct soak_vm *sv, unsigned int i, unsigned int log2size)
{
	struct soak_queue *m = &sv->queue[i];
	int rc;

	m->log2size = log2size;
	m->size = HUGE_PAGE;
	m->va = 16UL << log2size > GUEST_PAGE ?
		hostpages_map(m->size, PAGES_HUGETLB, HUGE_PAGE) : NULL;
	if (!m->va) {
		m->size = GUEST_PAGE;
		if (16UL << log2size > GUEST_PAGE)
			m->log2size = 8;
		m->va = hostpages_map(m->size, PAGES_BASE, GUEST_PAGE);
	}
	if (!m->va)
		return -errno;
	m->ipa = SOAK_QUEUE_IPA + i * HUGE_PAGE;
	rc = iommufd_ioas_map(sv->vm.fd, sv->vm.ioas, m->va, m->size, m->ipa,
			      true);
	m->pa = host_pa(m->va);
	if (!rc && !m->pa)
		rc = -ENXIO;
	return rc;
}

/* From here on the unit has no business there. Told once, by whoever learns it first. */
static int undeclare(struct soak_vm *sv, struct soak_queue *m)
{
	if (!__atomic_exchange_n(&m->declared, false, __ATOMIC_ACQ_REL))
		return 0;
	return oracle_tell(&sv->soak->oracle, "release id=%u pa=0x%llx", sv->id,
			   m->pa);
}

int soak_vm_add_queue(struct soak_vm *sv, unsigned int log2size)
{
	unsigned int i = sv->vm.queues;
	struct soak_queue *m = &sv->queue[i];
	struct oracle *o = &sv->soak->oracle;
	u64 len;
	int rc;

	if (i == sv->max_queues)
		return -ENOSPC;
	rc = m->va ? 0 : get_memory(sv, i, log2size);
	if (rc)
		return rc;
	len = 16ULL << m->log2size;
	rc = oracle_tell(o, "memory id=%u pa=0x%llx len=0x%llx", sv->id, m->pa,
			 len);
	if (rc)
		return rc;
	__atomic_store_n(&m->declared, true, __ATOMIC_RELEASE);
	rc = iommufd_hw_queue_alloc(sv->vm.fd, sv->vm.viommu,
				    IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV, i,
				    m->ipa, len, &sv->vm.hwq[i]);
	if (rc) {
		undeclare(sv, m);
		return rc;
	}
	vcmdq_init(&sv->vm.q[i], sv->vm.window, i, m->va, m->log2size);
	/* The guest's CPUs may use it now: pairs with their load of the number */
	__atomic_store_n(&sv->vm.queues, i + 1, __ATOMIC_RELEASE);
	soak_add(sv->soak, SOAK_NEW_QUEUES, 1);
	return 0;
}

int soak_vm_drop_queue(struct soak_vm *sv)
{
	struct soak_queue *m = &sv->queue[sv->vm.queues - 1];
	int rc = vm_drop_queue(&sv->vm);

	return rc ?: undeclare(sv, m);
}

int soak_steal_queue(struct soak_vm *sv, unsigned int i)
{
	struct soak_queue *m = &sv->queue[i];
	int rc = iommufd_ioas_unmap(sv->vm.fd, sv->vm.ioas, m->ipa, m->size);

	return rc ?: undeclare(sv, m);
}

int soak_free_queue(struct soak_vm *sv, unsigned int i)
{
	struct soak_queue *m = &sv->queue[i];
	int rc;

	if (!m->va)
		return 0;
	rc = iommufd_ioas_unmap(sv->vm.fd, sv->vm.ioas, m->ipa, m->size);
	/* Gone already, by soak_steal_queue() */
	if (rc && rc != -ENOENT)
		return rc;
	munmap(m->va, m->size);
	m->va = NULL;
	return 0;
}

int soak_vm_close(struct soak_vm *sv)
{
	u32 *slot = &sv->soak->slot[sv->slot].id;
	unsigned int i;
	int rc = 0, err;

	if (sv->vm.nested)
		rc = vm_drop_stage1(&sv->vm);
	if (!rc && sv->vm.vdevice)
		rc = soak_vm_drop_vdevice(sv);
	while (!rc && sv->vm.queues)
		rc = soak_vm_drop_queue(sv);
	for (i = 0; !rc && i < SOAK_QUEUES; i++)
		rc = soak_free_queue(sv, i);
	if (!rc)
		rc = soak_vm_drop_viommu(sv);
	/* The device leaves the stage 2; what is not undone by now ends with the files */
	if (!rc)
		rc = oracle_tell(&sv->soak->oracle, "end id=%u", sv->id);
	if (!rc)
		__atomic_store_n(slot, 0, __ATOMIC_RELEASE);
	err = vm_close(&sv->vm);
	if (!rc && !err)
		soak_add(sv->soak, SOAK_ENDED, 1);
	return rc ?: err;
}
