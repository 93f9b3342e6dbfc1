// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For base/test/host-restart: VMs that live when their host goes down, and a look at
 * what is left of them, on the emulated board.
 *
 * cmdqv-restart live		VMs whose queues are full and whose VMMs make and unmake
 *				all they can, for ever; says "live" when they do
 * cmdqv-restart ask COMMAND...	asks the unit's observer, prints what it says
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "edu.h"
#include "mmio.h"
#include "observer.h"
#include "vm.h"

#define TYPE		IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV
#define QTYPE		IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV
#define ASID		1
#define VSID		0x10
#define QUEUE_LOG2	8
#define QUEUE_BYTES	(16UL << QUEUE_LOG2)
#define FULL		((1u << QUEUE_LOG2) - 8)

static int complain(const char *what, int rc)
{
	fprintf(stderr, "cmdqv-restart: %s: %s\n", what, strerror(-rc));
	return 1;
}

/* ---- a guest: full queues, and nothing else */

static void *guest_cpu(void *arg)
{
	struct vcmdq *q = arg;
	u32 mask = (2u << q->log2size) - 1, n;

	for (;;) {
		n = (q->prod - vcmdq_read(q, VCMDQ_CONS)) & mask;
		for (; n < FULL; n++)
			vcmdq_push(q, n % 8 == 7 ? cmd_sync() :
				   cmd_tlbi_nh_va(ASID, n));
		vcmdq_kick(q);
		/* Whatever the host does to it, a guest turns its queue on */
		vcmdq_write(q, VCMDQ_CONFIG, VCMDQ_EN);
	}
	return NULL;
}

/* ---- a VMM, each in a loop of its own; at the end of the host all of it fails */

static void *queues_come_and_go(void *arg)
{
	struct vm *vm = arg;
	u64 ipa = guestmem_alloc(&vm->ram, QUEUE_BYTES, QUEUE_BYTES);
	u32 id;

	for (;;) {
		if (iommufd_hw_queue_alloc(vm->fd, vm->viommu, QTYPE, 1, ipa,
					   QUEUE_BYTES, &id))
			continue;
		mmio_write32(vm->window, VCMDQ_STRIDE + VCMDQ_CONFIG, VCMDQ_EN);
		iommufd_destroy(vm->fd, id);
	}
	return NULL;
}

static void *vdevices_come_and_go(void *arg)
{
	struct vm *vm = arg;
	u32 id;

	for (;;)
		if (!iommufd_vdevice_alloc(vm->fd, vm->viommu, vm->dev.dev_id,
					   VSID, &id))
			iommufd_destroy(vm->fd, id);
	return NULL;
}

static void *vintfs_come_and_go(void *arg)
{
	struct iommu_viommu_tegra241_cmdqv data = {};
	struct vm *vm = arg;
	u32 id;

	for (;;)
		if (!iommufd_viommu_alloc(vm->fd, vm->dev.dev_id, vm->s2, TYPE,
					  &data, sizeof(data), &id))
			iommufd_destroy(vm->fd, id);
	return NULL;
}

static int live(void)
{
	void *(*const vmm[])(void *arg) = {
		queues_come_and_go, vdevices_come_and_go, vintfs_come_and_go,
	};
	struct vm vm[2];
	unsigned int i, j;
	char bdf[16];
	pthread_t t;
	int rc;

	for (i = 0; i < 2; i++) {
		rc = vfio_find(EDU_VENDOR, EDU_DEVICE, i, bdf);
		rc = rc ?: vm_open(&vm[i], i ? "B" : "A", bdf);
		rc = rc ?: vm_add_viommu(&vm[i], TYPE);
		rc = rc ?: vm_add_queue(&vm[i], QUEUE_LOG2);
		/* A has all, and keeps it; B is the one that changes */
		if (!i) {
			rc = rc ?: vm_add_vdevice(&vm[i], VSID);
			rc = rc ?: vm_add_stage1(&vm[i], ASID);
			rc = rc ?: vm_add_queue(&vm[i], QUEUE_LOG2);
		}
		for (j = 0; !rc && j < vm[i].queues; j++)
			rc = vcmdq_enable(&vm[i].q[j]);
		if (rc)
			return complain(i ? "B" : "A", rc);
	}
	for (i = 0; i < 2; i++)
		for (j = 0; j < vm[i].queues; j++)
			pthread_create(&t, NULL, guest_cpu, &vm[i].q[j]);
	for (i = 0; i < ARRAY_SIZE(vmm); i++)
		pthread_create(&t, NULL, vmm[i], &vm[1]);
	/* All of them have begun */
	usleep(300000);
	puts("live");
	fflush(stdout);
	for (;;)
		pause();
}

/* ---- afterwards */

static int ask(struct observer *unit, int argc, char **argv)
{
	char command[128] = "";
	const char *r;
	int i;

	for (i = 0; i < argc; i++)
		snprintf(command + strlen(command),
			 sizeof(command) - strlen(command), "%s%s",
			 i ? " " : "", argv[i]);
	r = observer_run(unit, "%s", command);
	if (!r)
		return complain(command, -EIO);
	/* Without the "ok" */
	r = record_next(r);
	fputs(r ? r : "", stdout);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	struct observer unit;
	int rc;

	if (!strcmp(what, "live"))
		return live();
	if (strcmp(what, "ask") || argc == 2) {
		fprintf(stderr, "usage: cmdqv-restart live | ask COMMAND...\n");
		return 2;
	}
	rc = observer_open(&unit);
	return rc ? complain("observer", rc) : ask(&unit, argc - 2, argv + 2);
}
