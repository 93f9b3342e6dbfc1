// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "iommufd.h"

unsigned long iommufd_ioctl_count;

int iommufd_ioctl(int fd, unsigned long cmd, void *arg)
{
	int rc = ioctl(fd, cmd, arg);

	/* Before errno is read: an increment does not change it. Atomic, as
	 * tests race ioctls in threads.
	 */
	__atomic_fetch_add(&iommufd_ioctl_count, 1, __ATOMIC_RELAXED);
	return rc < 0 ? -errno : rc;
}

int iommufd_open(void)
{
	int fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int iommufd_destroy(int fd, u32 id)
{
	struct iommu_destroy cmd = { .size = sizeof(cmd), .id = id };

	return iommufd_ioctl(fd, IOMMU_DESTROY, &cmd);
}

int iommufd_ioas_alloc(int fd, u32 *ioas)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };
	int rc = iommufd_ioctl(fd, IOMMU_IOAS_ALLOC, &cmd);

	if (!rc)
		*ioas = cmd.out_ioas_id;
	return rc;
}

int iommufd_ioas_map(int fd, u32 ioas, void *va, u64 length,
		     u64 iova, bool writable)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 (writable ? IOMMU_IOAS_MAP_WRITEABLE : 0),
		.ioas_id = ioas,
		.user_va = (uintptr_t)va,
		.length = length,
		.iova = iova,
	};

	return iommufd_ioctl(fd, IOMMU_IOAS_MAP, &cmd);
}

int iommufd_ioas_map_file(int fd, u32 ioas, int file, u64 start, u64 length,
			  u64 iova)
{
	struct iommu_ioas_map_file cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = ioas,
		.fd = file,
		.start = start,
		.length = length,
		.iova = iova,
	};

	return iommufd_ioctl(fd, IOMMU_IOAS_MAP_FILE, &cmd);
}

int iommufd_ioas_unmap(int fd, u32 ioas, u64 iova, u64 length)
{
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.iova = iova,
		.length = length,
	};

	return iommufd_ioctl(fd, IOMMU_IOAS_UNMAP, &cmd);
}

int iommufd_hw_info(int fd, u32 dev, u32 type, void *buf, u32 len,
		    struct iommu_hw_info *info)
{
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.dev_id = dev,
		.data_len = len,
		.data_uptr = (uintptr_t)buf,
	};
	int rc;

	if (type != IOMMUFD_ANY_TYPE) {
		cmd.flags = IOMMU_HW_INFO_FLAG_INPUT_TYPE;
		cmd.in_data_type = type;
	}
	rc = iommufd_ioctl(fd, IOMMU_GET_HW_INFO, &cmd);
	if (!rc && info)
		*info = cmd;
	return rc;
}

int iommufd_hwpt_alloc(int fd, u32 dev, u32 pt, u32 flags,
		       u32 data_type, const void *data, u32 len,
		       u32 *hwpt)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.dev_id = dev,
		.pt_id = pt,
		.data_type = data_type,
		.data_len = len,
		.data_uptr = (uintptr_t)data,
	};
	int rc = iommufd_ioctl(fd, IOMMU_HWPT_ALLOC, &cmd);

	if (!rc)
		*hwpt = cmd.out_hwpt_id;
	return rc;
}

int iommufd_hwpt_invalidate(int fd, u32 id, u32 type, const void *data,
			    u32 entry_len, u32 *num)
{
	struct iommu_hwpt_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = id,
		.data_uptr = (uintptr_t)data,
		.data_type = type,
		.entry_len = entry_len,
		.entry_num = *num,
	};
	int rc = iommufd_ioctl(fd, IOMMU_HWPT_INVALIDATE, &cmd);

	/* The one result that counts on failure, too */
	*num = cmd.entry_num;
	return rc;
}

int iommufd_viommu_alloc(int fd, u32 dev, u32 hwpt, u32 type,
			 void *data, u32 len, u32 *viommu)
{
	struct iommu_viommu_alloc cmd = {
		.size = sizeof(cmd),
		.type = type,
		.dev_id = dev,
		.hwpt_id = hwpt,
		.data_len = len,
		.data_uptr = (uintptr_t)data,
	};
	int rc = iommufd_ioctl(fd, IOMMU_VIOMMU_ALLOC, &cmd);

	if (!rc)
		*viommu = cmd.out_viommu_id;
	return rc;
}

int iommufd_vdevice_alloc(int fd, u32 viommu, u32 dev,
			  u64 virt_id, u32 *vdevice)
{
	struct iommu_vdevice_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu,
		.dev_id = dev,
		.virt_id = virt_id,
	};
	int rc = iommufd_ioctl(fd, IOMMU_VDEVICE_ALLOC, &cmd);

	if (!rc)
		*vdevice = cmd.out_vdevice_id;
	return rc;
}

int iommufd_hw_queue_alloc(int fd, u32 viommu, u32 type,
			   u32 index, u64 iova, u64 length,
			   u32 *queue)
{
	struct iommu_hw_queue_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu,
		.type = type,
		.index = index,
		.nesting_parent_iova = iova,
		.length = length,
	};
	int rc = iommufd_ioctl(fd, IOMMU_HW_QUEUE_ALLOC, &cmd);

	if (!rc)
		*queue = cmd.out_hw_queue_id;
	return rc;
}

int iommufd_veventq_alloc(int fd, u32 viommu, u32 type, u32 depth,
			  u32 *veventq, int *event_fd)
{
	struct iommu_veventq_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu,
		.type = type,
		.veventq_depth = depth,
	};
	int rc = iommufd_ioctl(fd, IOMMU_VEVENTQ_ALLOC, &cmd);

	if (!rc) {
		*veventq = cmd.out_veventq_id;
		*event_fd = cmd.out_veventq_fd;
	}
	return rc;
}

int iommufd_veventq_read(int event_fd, struct iommufd_vevent_header *header,
			 void *data, size_t len)
{
	char buf[sizeof(*header) + 64];
	size_t size = sizeof(*header) + len;
	ssize_t got;

	if (size > sizeof(buf))
		return -EINVAL;
	/* Room for one, so that the next, if there is one, stays in the queue */
	got = read(event_fd, buf, size);
	if (got < 0)
		return -errno;
	if (!got)
		return -EAGAIN;
	if ((size_t)got < sizeof(*header))
		return -EIO;
	memcpy(header, buf, sizeof(*header));
	if (header->flags & IOMMU_VEVENTQ_FLAG_LOST_EVENTS)
		return (size_t)got == sizeof(*header) ? 0 : -EIO;
	if ((size_t)got != size)
		return -EIO;
	memcpy(data, buf + sizeof(*header), len);
	return 0;
}
