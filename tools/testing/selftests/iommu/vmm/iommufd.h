/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One function for each iommufd ioctl that a VMM with guest-owned command queues
 * needs. Each returns 0 or a negative errno and touches its results only on
 * success. <linux/iommufd.h> says what they mean.
 */
#ifndef VMM_IOMMUFD_H
#define VMM_IOMMUFD_H

#include <linux/iommufd.h>

#include "types.h"

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

int iommufd_destroy(int fd, u32 id);
int iommufd_ioas_alloc(int fd, u32 *ioas);
/* Map @length bytes at @va so that devices may read and, if @writable, write. */
int iommufd_ioas_map(int fd, u32 ioas, void *va, u64 length,
		     u64 iova, bool writable);
/* Map @length bytes of @file from @start on for reading and writing. */
int iommufd_ioas_map_file(int fd, u32 ioas, int file, u64 start, u64 length,
			  u64 iova);
int iommufd_ioas_unmap(int fd, u32 ioas, u64 iova, u64 length);

/**
 * iommufd_hw_info() - IOMMU_GET_HW_INFO
 * @fd: the iommufd
 * @dev: id of the device
 * @type: what to ask for, or IOMMUFD_ANY_TYPE
 * @buf: where the data goes
 * @len: bytes of it
 * @info: the whole answer; may be NULL
 */
int iommufd_hw_info(int fd, u32 dev, u32 type, void *buf, u32 len,
		    struct iommu_hw_info *info);

int iommufd_hwpt_alloc(int fd, u32 dev, u32 pt, u32 flags,
		       u32 data_type, const void *data, u32 len,
		       u32 *hwpt);
/* @num: in: requests of @entry_len bytes at @data, out: those completed */
int iommufd_hwpt_invalidate(int fd, u32 id, u32 type, const void *data,
			    u32 entry_len, u32 *num);
int iommufd_viommu_alloc(int fd, u32 dev, u32 hwpt, u32 type,
			 void *data, u32 len, u32 *viommu);
int iommufd_vdevice_alloc(int fd, u32 viommu, u32 dev,
			  u64 virt_id, u32 *vdevice);
int iommufd_hw_queue_alloc(int fd, u32 viommu, u32 type,
			   u32 index, u64 iova, u64 length,
			   u32 *queue);

/**
 * iommufd_veventq_alloc() - IOMMU_VEVENTQ_ALLOC
 * @fd: the iommufd
 * @viommu: id of the vIOMMU
 * @type: of events
 * @depth: unread events that are kept
 * @veventq: the id
 * @event_fd: where to read them; the caller closes it before iommufd_destroy()
 */
int iommufd_veventq_alloc(int fd, u32 viommu, u32 type, u32 depth,
			  u32 *veventq, int *event_fd);

/**
 * iommufd_veventq_read() - read one event, at once
 * @event_fd: of iommufd_veventq_alloc()
 * @header: its header; IOMMU_VEVENTQ_FLAG_LOST_EVENTS: @data is not touched
 * @data: the event's data
 * @len: bytes of it, all that this type has
 *
 * Return: 0, -EAGAIN if there is none, or another negative errno.
 */
int iommufd_veventq_read(int event_fd, struct iommufd_vevent_header *header,
			 void *data, size_t len);

#endif
