/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's "edu" device (docs/specs/edu.rst): a PCI device with a buffer of 4 KiB
 * and a DMA engine that copies between it and memory. It takes 0.1 s for a copy
 * and reaches IOVAs below 256 MiB.
 */
#ifndef VMM_EDU_H
#define VMM_EDU_H

#include <linux/const.h>

#include "types.h"
#include "vfio.h"

#define EDU_VENDOR	0x1234
#define EDU_DEVICE	0x11e8
#define EDU_BUFFER	4096u
#define EDU_MAX_IOVA	_BITULL(28)

/* Is this device one? 0 or -ENODEV. */
int edu_probe(struct vfio_dev *dev);

/**
 * edu_load() - DMA from memory into the device's buffer
 * @dev: the device
 * @iova: where from
 * @len: bytes, at most EDU_BUFFER
 *
 * The device says when it is done, not whether a transfer was refused.
 *
 * Return: 0, -EINVAL for a range it cannot do, -ETIMEDOUT.
 */
int edu_load(struct vfio_dev *dev, u64 iova, u32 len);

/* edu_store() - DMA from the start of the buffer to memory; as edu_load() */
int edu_store(struct vfio_dev *dev, u64 iova, u32 len);

/* Begin an edu_store() and don't wait for its end: 0 or -EINVAL. */
int edu_store_begin(struct vfio_dev *dev, u64 iova, u32 len);

/* One interrupt: an MSI if that is enabled. */
void edu_interrupt(struct vfio_dev *dev);

#endif
