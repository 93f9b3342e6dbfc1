/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Message-signalled interrupts (MSI, MSI-X) of a VFIO device: as a VMM takes them,
 * through eventfds; and where the device itself was told to send them.
 */
#ifndef VMM_IRQ_H
#define VMM_IRQ_H

#include "types.h"
#include "vfio.h"

#define IRQS_MAX	8

/**
 * struct irqs - vectors of a device that are in use
 * @dev: the device
 * @index: VFIO_PCI_MSI_IRQ_INDEX or VFIO_PCI_MSIX_IRQ_INDEX
 * @num: how many, from vector 0 on; 0: none is
 * @fd: their eventfds
 */
struct irqs {
	struct vfio_dev *dev;
	u32 index;
	unsigned int num;
	int fd[IRQS_MAX];
};

/**
 * irqs_open() - allocate and enable vectors of a device that has none
 * @irqs: the result; after success to be closed before the device
 * @dev: the device
 * @index: VFIO_PCI_MSI_IRQ_INDEX or VFIO_PCI_MSIX_IRQ_INDEX
 * @num: 1 to IRQS_MAX
 *
 * Return: 0 or a negative errno; what VFIO could have allocated, if that is less.
 */
int irqs_open(struct irqs *irqs, struct vfio_dev *dev, u32 index,
	      unsigned int num);
/* Free them again: 0 or a negative errno. To be done once only. */
int irqs_close(struct irqs *irqs);

/*
 * Tell VFIO again where to signal what. The vectors stay allocated; it writes them
 * to the device anew (MSI-X): 0 or a negative errno.
 */
int irqs_refresh(struct irqs *irqs);

/* Wait up to @ms: how many interrupts of the vector there were since; 0: none */
u64 irqs_wait(struct irqs *irqs, unsigned int vector, unsigned int ms);

/**
 * irqs_address() - where the device sends a vector's message
 * @irqs: the vectors
 * @vector: which
 * @address: the result
 *
 * What the device has, in its MSI-X table or MSI capability, not what VFIO makes
 * of it for a guest.
 *
 * Return: 0 or a negative errno.
 */
int irqs_address(struct irqs *irqs, unsigned int vector, u64 *address);

/* The host's number of the vector's interrupt, or -ENOENT */
int irqs_number(struct irqs *irqs, unsigned int vector);
/* How many of them @cpu of the host has taken so far, or -ENOENT */
long irqs_on_cpu(struct irqs *irqs, unsigned int vector, unsigned int cpu);
/* Have them go to @cpu alone: 0 or a negative errno */
int irqs_move(struct irqs *irqs, unsigned int vector, unsigned int cpu);

#endif
