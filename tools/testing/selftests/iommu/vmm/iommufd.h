/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One function for each iommufd ioctl that a VMM with guest-owned command queues
 * needs. Each returns 0 or a negative errno and touches its results only on
 * success. <linux/iommufd.h> says what they mean.
 */
#ifndef VMM_IOMMUFD_H
#define VMM_IOMMUFD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/iommufd.h>

/* "No input type": leave IOMMU_HW_INFO_FLAG_INPUT_TYPE clear */
#define IOMMUFD_ANY_TYPE	UINT32_MAX

/* ioctls made by this process through iommufd_ioctl(), of whatever result */
extern unsigned long iommufd_ioctl_count;

/**
 * iommufd_ioctl() - one counted ioctl
 * @fd: an iommufd or a VFIO device
 * @cmd: the command
 * @arg: its structure
 *
 * Return: what the ioctl returned, or a negative errno.
 */
int iommufd_ioctl(int fd, unsigned long cmd, void *arg);

/* Open /dev/iommu: the fd or a negative errno. */
int iommufd_open(void);

int iommufd_destroy(int fd, uint32_t id);
int iommufd_ioas_alloc(int fd, uint32_t *ioas);
/* Map @length bytes at @va so that devices may read and, if @writable, write. */
int iommufd_ioas_map(int fd, uint32_t ioas, void *va, uint64_t length,
		     uint64_t iova, bool writable);
int iommufd_ioas_unmap(int fd, uint32_t ioas, uint64_t iova, uint64_t length);

/**
 * iommufd_hw_info() - IOMMU_GET_HW_INFO
 * @fd: the iommufd
 * @dev: id of the device
 * @type: what to ask for, or IOMMUFD_ANY_TYPE
 * @buf: where the data goes
 * @len: bytes of it
 * @info: the whole answer; may be NULL
 */
int iommufd_hw_info(int fd, uint32_t dev, uint32_t type, void *buf, uint32_t len,
		    struct iommu_hw_info *info);

int iommufd_hwpt_alloc(int fd, uint32_t dev, uint32_t pt, uint32_t flags,
		       uint32_t data_type, const void *data, uint32_t len,
		       uint32_t *hwpt);
/* @num: in: requests of @entry_len bytes at @data, out: those completed */
int iommufd_hwpt_invalidate(int fd, uint32_t id, uint32_t type, const void *data,
			    uint32_t entry_len, uint32_t *num);
int iommufd_viommu_alloc(int fd, uint32_t dev, uint32_t hwpt, uint32_t type,
			 void *data, uint32_t len, uint32_t *viommu);
int iommufd_vdevice_alloc(int fd, uint32_t viommu, uint32_t dev,
			  uint64_t virt_id, uint32_t *vdevice);
int iommufd_hw_queue_alloc(int fd, uint32_t viommu, uint32_t type,
			   uint32_t index, uint64_t iova, uint64_t length,
			   uint32_t *queue);

#endif
