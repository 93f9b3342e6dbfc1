// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "iommufd.h"
#include "vfio.h"

#define PCI_DEVICES	"/sys/bus/pci/devices"

static int read_hex(const char *bdf, const char *attr, unsigned int *value)
{
	char path[PATH_MAX];
	FILE *f;
	int n;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", bdf, attr);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	n = fscanf(f, "%x", value);
	fclose(f);
	return n == 1 ? 0 : -EIO;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;
	int err;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	err = n < 0 ? -errno : 0;
	close(fd);
	return err;
}

int vfio_find(unsigned int vendor, unsigned int device, unsigned int nth,
	      char bdf[16])
{
	struct dirent **names;
	unsigned int v, d;
	int n, i, rc = -ENODEV;

	n = scandir(PCI_DEVICES, &names, NULL, alphasort);
	if (n < 0)
		return -ENODEV;
	for (i = 0; i < n; i++) {
		const char *name = names[i]->d_name;

		if (rc && name[0] != '.' && strlen(name) < 16 &&
		    !read_hex(name, "vendor", &v) && v == vendor &&
		    !read_hex(name, "device", &d) && d == device &&
		    !nth--) {
			memcpy(bdf, name, strlen(name) + 1);
			rc = 0;
		}
		free(names[i]);
	}
	free(names);
	return rc;
}

/* Name of the driver that has the device, "" for none */
static void driver_of(const char *bdf, char *name, size_t len)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *slash;
	ssize_t n;

	name[0] = 0;
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/driver", bdf);
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return;
	target[n] = 0;
	slash = strrchr(target, '/');
	snprintf(name, len, "%.*s", (int)len - 1, slash ? slash + 1 : target);
}

int pci_give(const char *bdf, const char *to)
{
	char path[PATH_MAX], driver[64];
	int rc;

	driver_of(bdf, driver, sizeof(driver));
	if (to && !strcmp(driver, to))
		return 0;
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/driver_override", bdf);
	rc = write_text(path, to ? to : "\n");
	if (rc)
		return rc;
	if (driver[0]) {
		snprintf(path, sizeof(path), PCI_DEVICES "/%s/driver/unbind",
			 bdf);
		rc = write_text(path, bdf);
		if (rc)
			return rc;
	}
	rc = write_text("/sys/bus/pci/drivers_probe", bdf);
	if (rc)
		return rc;
	driver_of(bdf, driver, sizeof(driver));
	if (!driver[0] || (to && strcmp(driver, to)))
		return -ENODEV;
	return 0;
}

static int give_to_vfio_pci(const char *bdf)
{
	return pci_give(bdf, "vfio-pci");
}

/* Open /dev/vfio/devices/vfioN of the device: fd or negative errno. */
static int open_cdev(const char *bdf)
{
	char path[PATH_MAX];
	struct dirent *e;
	int fd = -ENODEV;
	DIR *dir;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/vfio-dev", bdf);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((e = readdir(dir))) {
		if (strncmp(e->d_name, "vfio", 4))
			continue;
		snprintf(path, sizeof(path), "/dev/vfio/devices/%s", e->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
		break;
	}
	closedir(dir);
	return fd;
}

static int region(struct vfio_dev *dev, u32 index,
		  struct vfio_region_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	info->index = index;
	return iommufd_ioctl(dev->fd, VFIO_DEVICE_GET_REGION_INFO, info);
}

/* Let the device answer memory accesses and do DMA. */
static int enable_master(struct vfio_dev *dev)
{
	struct vfio_region_info cfg;
	u16 cmd;
	int rc;

	rc = region(dev, VFIO_PCI_CONFIG_REGION_INDEX, &cfg);
	if (rc)
		return rc;
	if (pread(dev->fd, &cmd, sizeof(cmd), cfg.offset + PCI_COMMAND) !=
	    sizeof(cmd))
		return -EIO;
	cmd |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	if (pwrite(dev->fd, &cmd, sizeof(cmd), cfg.offset + PCI_COMMAND) !=
	    sizeof(cmd))
		return -EIO;
	return 0;
}

static int map_bar(struct vfio_dev *dev)
{
	struct vfio_region_info info;
	void *bar;
	int rc;

	rc = region(dev, VFIO_PCI_BAR0_REGION_INDEX, &info);
	if (rc)
		return rc;
	if (!(info.flags & VFIO_REGION_INFO_FLAG_MMAP))
		return -ENXIO;
	bar = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, dev->fd,
		   info.offset);
	if (bar == MAP_FAILED)
		return -errno;
	dev->bar = bar;
	dev->bar_size = info.size;
	return 0;
}

int vfio_open(struct vfio_dev *dev, const char *bdf, int iommufd)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = iommufd,
	};
	unsigned int bus, slot, fn;
	int rc;

	memset(dev, 0, sizeof(*dev));
	dev->fd = -1;
	if (sscanf(bdf, "%*x:%x:%x.%x", &bus, &slot, &fn) != 3)
		return -EINVAL;
	snprintf(dev->bdf, sizeof(dev->bdf), "%s", bdf);
	dev->sid = bus << 8 | slot << 3 | fn;

	rc = give_to_vfio_pci(bdf);
	if (rc)
		return rc;
	rc = open_cdev(bdf);
	if (rc < 0)
		return rc;
	dev->fd = rc;
	rc = iommufd_ioctl(dev->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind);
	if (!rc) {
		dev->dev_id = bind.out_devid;
		rc = enable_master(dev);
	}
	if (!rc)
		rc = map_bar(dev);
	if (rc)
		vfio_close(dev);
	return rc;
}

int vfio_attach(struct vfio_dev *dev, u32 pt)
{
	struct vfio_device_attach_iommufd_pt cmd = {
		.argsz = sizeof(cmd),
		.pt_id = pt,
	};

	return iommufd_ioctl(dev->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &cmd);
}

int vfio_detach(struct vfio_dev *dev)
{
	struct vfio_device_detach_iommufd_pt cmd = { .argsz = sizeof(cmd) };

	return iommufd_ioctl(dev->fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &cmd);
}

int vfio_reset(struct vfio_dev *dev)
{
	return iommufd_ioctl(dev->fd, VFIO_DEVICE_RESET, NULL);
}

void vfio_close(struct vfio_dev *dev)
{
	if (dev->bar)
		munmap(dev->bar, dev->bar_size);
	dev->bar = NULL;
	if (dev->fd >= 0)
		close(dev->fd);
	dev->fd = -1;
}

/* /dev/vfio/N of the device's IOMMU group: fd or negative errno. */
static int open_group(const char *bdf)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *slash;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/iommu_group", bdf);
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return -ENODEV;
	target[n] = 0;
	slash = strrchr(target, '/');
	snprintf(path, sizeof(path), "/dev/vfio/%.16s",
		 slash ? slash + 1 : target);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int vfio_type1_open(const char *bdf, int *group)
{
	int container, rc;

	rc = give_to_vfio_pci(bdf);
	if (rc)
		return rc;
	*group = open_group(bdf);
	if (*group < 0)
		return *group;
	container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (container < 0) {
		rc = -errno;
		goto err_group;
	}
	if (ioctl(*group, VFIO_GROUP_SET_CONTAINER, &container) ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU)) {
		rc = -errno;
		goto err_container;
	}
	return container;

err_container:
	close(container);
err_group:
	close(*group);
	return rc;
}

int vfio_type1_map(int container, const void *va, u64 iova, u64 len)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)va,
		.iova = iova,
		.size = len,
	};

	return ioctl(container, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}
