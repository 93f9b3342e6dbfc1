/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Another VM beside a guest, one without a CPU. It works all the time: it changes a
 * translation, invalidates it through a queue of its own, and its device has to obey. What
 * it does not get done is somebody else's doing.
 */
#ifndef GUEST_NEIGHBOUR_H
#define GUEST_NEIGHBOUR_H

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "guest.h"
#include "guest_say.h"
#include "pages.h"

#define NEIGHBOUR_ASID		1
#define NEIGHBOUR_IOVA		0x00100000ULL
#define NEIGHBOUR_VSID		0x10
#define NEIGHBOUR_EVENTS	16

/**
 * struct neighbour - the other VM
 * @bdf: its device, an edu; filled in by the caller
 * @vm: it
 * @pages: where its device writes to
 * @veventq: of faults that its own tables cause, of which there are none
 * @events: where to read them
 * @thread: its CPU
 * @stop: it may end
 * @rounds: how often a page was changed, invalidated, and the device obeyed
 * @error: the first thing that went wrong: which step of a round, times 1000, and what
 *	it returned; 0: nothing
 * @again: what the device's next DMA did, after that
 */
struct neighbour {
	char bdf[16];
	struct vm vm;
	struct pages pages;
	u32 veventq;
	int events;
	pthread_t thread;
	bool stop;
	unsigned int rounds;
	int error;
	int again;
};

static inline void *neighbour_works(void *arg)
{
	struct neighbour *n = arg;
	struct smmu_cmd tlbi;
	int rc, error = 0;

	while (!__atomic_load_n(&n->stop, __ATOMIC_ACQUIRE) && !error) {
		rc = pages_make_stale(&n->pages);
		if (rc != OLD) {
			error = 1000 + rc;
			break;
		}
		tlbi = cmd_tlbi_nh_va(n->vm.s1.asid, n->pages.iova);
		rc = vcmdq_issue(&n->vm.q[0], &tlbi, 1);
		if (rc) {
			error = 2000 + rc;
			break;
		}
		rc = pages_probe(&n->pages);
		if (rc != NEW)
			error = 3000 + rc;
		else
			__atomic_add_fetch(&n->rounds, 1, __ATOMIC_RELEASE);
	}
	if (error) {
		n->again = pages_probe(&n->pages);
		__atomic_store_n(&n->error, error, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* On the device @n->bdf */
static inline bool neighbour_starts(struct neighbour *n)
{
	int rc = vm_open(&n->vm, "neighbour", n->bdf);

	n->events = -1;
	if (rc)
		return no("cannot open %s: %s", n->bdf, strerror(-rc));
	rc = vm_set_up(&n->vm, NEIGHBOUR_VSID, NEIGHBOUR_ASID) ?:
	     iommufd_veventq_alloc(n->vm.fd, n->vm.viommu, IOMMU_VEVENTQ_TYPE_ARM_SMMUV3,
				   NEIGHBOUR_EVENTS, &n->veventq, &n->events) ?:
	     pages_init(&n->pages, &n->vm, NEIGHBOUR_IOVA) ?:
	     -pthread_create(&n->thread, NULL, neighbour_works, n);
	return !rc || no("cannot start another VM: %s", strerror(-rc));
}

/* Its device's faults: says and counts them */
static inline unsigned int neighbour_faults(struct neighbour *n)
{
	struct iommu_vevent_arm_smmuv3 e = {};
	struct iommufd_vevent_header header;
	unsigned int faults = 0;

	while (n->events >= 0 &&
	       !iommufd_veventq_read(n->events, &header, &e, sizeof(e))) {
		no("the other VM: event %#llx %#llx %#llx %#llx, flags %#x",
		   (u64)e.evt[0], (u64)e.evt[1], (u64)e.evt[2], (u64)e.evt[3],
		   header.flags);
		faults++;
	}
	return faults;
}

/* PCI_COMMAND of its device; 0: it could not be read */
static inline unsigned int neighbour_pci_command(struct neighbour *n)
{
	u16 command = 0;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", n->bdf);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, &command, sizeof(command), 4) != sizeof(command))
		command = 0;
	if (fd >= 0)
		close(fd);
	return command;
}

/* It gets on, from now, and its device has no faults */
static inline bool neighbour_is_well(struct neighbour *n)
{
	unsigned int until = __atomic_load_n(&n->rounds, __ATOMIC_ACQUIRE) + 2;
	unsigned int tries = guest_patience(20) * 20;
	bool gets_on = false;
	int error;

	do {
		error = __atomic_load_n(&n->error, __ATOMIC_ACQUIRE);
		gets_on = __atomic_load_n(&n->rounds, __ATOMIC_ACQUIRE) >= until;
		if (error || gets_on)
			break;
		usleep(50000);
	} while (tries--);
	if (neighbour_faults(n))
		gets_on = no("the other VM's device has faults");
	return (!error && gets_on) ||
	       no("the other VM: error %d after %u rounds, then %d; PCI command %#x",
		  error, n->rounds, n->again, neighbour_pci_command(n));
}

static inline bool neighbour_ends(struct neighbour *n)
{
	bool faults;
	int rc;

	if (!n->thread)
		return no("there was no other VM");
	__atomic_store_n(&n->stop, true, __ATOMIC_RELEASE);
	pthread_join(n->thread, NULL);
	faults = neighbour_faults(n);
	close(n->events);
	rc = iommufd_destroy(n->vm.fd, n->veventq);
	rc = vm_close(&n->vm) ?: rc;
	return (!rc && !n->error && !faults) ||
	       no("the other VM: error %d in its work, %d at its end", n->error, rc);
}

#endif
