/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PCI device that VFIO hands to this program: found, bound to vfio-pci, opened
 * through its character device and attached to I/O page tables of an iommufd.
 */
#ifndef VMM_VFIO_H
#define VMM_VFIO_H

#include "types.h"

/**
 * struct vfio_dev - an open device
 * @bdf: its name on the PCI bus
 * @fd: its character device, -1 if it is not open
 * @dev_id: its id in the iommufd that it is bound to
 * @sid: its physical StreamID, which on the emulated board is its bus number and
 *       device and function number
 * @bar: BAR 0, mapped
 * @bar_size: bytes of it
 */
struct vfio_dev {
	char bdf[16];
	int fd;
	u32 dev_id;
	u32 sid;
	void *bar;
	size_t bar_size;
};

/**
 * vfio_find() - the name of a PCI device
 * @vendor: PCI vendor id
 * @device: PCI device id
 * @nth: which of several, from 0 in the order of the bus
 * @bdf: the result
 *
 * Return: 0, or -ENODEV if there are not so many.
 */
int vfio_find(unsigned int vendor, unsigned int device, unsigned int nth,
	      char bdf[16]);

/**
 * pci_give() - give a PCI device to another driver
 * @bdf: the device's name
 * @to: the driver, e.g. "vfio-pci"; NULL for the one that it has by itself
 *
 * Return: 0, at once if it has it already; -ENODEV if the driver doesn't take it; or
 * another negative errno.
 */
int pci_give(const char *bdf, const char *to);

/**
 * vfio_open() - open a device and bind it to an iommufd
 * @dev: the result; to be closed with vfio_close() only after success
 * @bdf: the device's name; moved to vfio-pci if another driver has it
 * @iommufd: the iommufd
 *
 * BAR 0 is mapped, bus mastering is on. DMA is blocked until vfio_attach().
 *
 * Return: 0 or a negative errno.
 */
int vfio_open(struct vfio_dev *dev, const char *bdf, int iommufd);

/* Attach to the IOAS or HWPT @pt, or replace what it is attached to by @pt. */
int vfio_attach(struct vfio_dev *dev, u32 pt);
/* Take it off all page tables. */
int vfio_detach(struct vfio_dev *dev);
/* Reset it, and nothing else: 0, -ENOTTY if it can't be, or another errno. */
int vfio_reset(struct vfio_dev *dev);
/* Close it; what iommufd has of it goes away with it. */
void vfio_close(struct vfio_dev *dev);

/**
 * vfio_type1_open() - put a device's group into a container of VFIO's older kind
 * @bdf: the device's name; moved to vfio-pci if another driver has it. It is alone
 *       in its group, and nobody has it open.
 * @group: the group, to be closed after the container
 *
 * Return: the container, with a type 1 IOMMU, or a negative errno.
 */
int vfio_type1_open(const char *bdf, int *group);

/* Map memory of this program for DMA of the container's devices. */
int vfio_type1_map(int container, const void *va, u64 iova, u64 len);

#endif
