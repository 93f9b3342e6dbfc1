/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a host can do for VMs, as its own ioctls tell. A test of a VMM that asked the
 * VMM could not find that wrong.
 */
#ifndef GUEST_CAN_H
#define GUEST_CAN_H

/**
 * enum host_can - what a host can do with a device, each with all before it
 * @CAN_ASSIGN: give it to a VM
 * @CAN_NEST_PARENT: let it have a stage 1, if only its DMA were coherent for certain
 * @CAN_NEST: let it have a stage 1
 * @CAN_QUEUE: let its VM have command queues
 */
enum host_can {
	CAN_ASSIGN,
	CAN_NEST_PARENT,
	CAN_NEST,
	CAN_QUEUE,
};

/**
 * host_can() - what the host can do
 * @bdf: a device in an IOMMU group of its own, which nobody uses; vfio-pci has it after
 *	this
 * @can: the result
 *
 * Return: 0, or a negative errno if that can't be found out.
 */
int host_can(const char *bdf, enum host_can *can);

/* Why a host can do no more than that, in words for a SKIP; "" for CAN_QUEUE */
const char *host_cannot(enum host_can can);

#endif
