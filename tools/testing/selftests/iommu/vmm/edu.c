// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <unistd.h>

#include "edu.h"
#include "mmio.h"
#include "vcmdq.h"

#define EDU_ID		0x00
#define EDU_LIVENESS	0x04
#define EDU_IRQ_RAISE	0x60
#define EDU_IRQ_ACK	0x64
#define EDU_DMA_SRC	0x80
#define EDU_DMA_DST	0x88
#define EDU_DMA_COUNT	0x90
#define EDU_DMA_CMD	0x98

#define EDU_DMA_RUN	1u
#define EDU_DMA_STORE	2u	/* from the buffer to memory */
/* Where the buffer is in the device's own address space */
#define EDU_BUFFER_AT	0x40000u

int edu_probe(struct vfio_dev *dev)
{
	if ((mmio_read32(dev->bar, EDU_ID) & 0xffff) != 0x00ed)
		return -ENODEV;
	mmio_write32(dev->bar, EDU_LIVENESS, 0x12345678);
	if (mmio_read32(dev->bar, EDU_LIVENESS) != ~0x12345678u)
		return -ENODEV;
	return 0;
}

static void dma_begin(struct vfio_dev *dev, u64 src, u64 dst, u32 len,
		      u32 cmd)
{
	mmio_write64(dev->bar, EDU_DMA_SRC, src);
	mmio_write64(dev->bar, EDU_DMA_DST, dst);
	mmio_write64(dev->bar, EDU_DMA_COUNT, len);
	/* Memory that the device is going to read is written before this */
	dma_barrier();
	mmio_write32(dev->bar, EDU_DMA_CMD, cmd | EDU_DMA_RUN);
}

static int dma(struct vfio_dev *dev, u64 src, u64 dst, u32 len,
	       u32 cmd)
{
	u64 end = vmm_now_ns() + 10000000000ULL;

	dma_begin(dev, src, dst, len, cmd);
	while (mmio_read32(dev->bar, EDU_DMA_CMD) & EDU_DMA_RUN) {
		if (vmm_now_ns() > end)
			return -ETIMEDOUT;
		usleep(2000);
	}
	/* And what it wrote is read after it has said so */
	dma_barrier();
	return 0;
}

static int check(u64 iova, u32 len)
{
	if (len > EDU_BUFFER || iova >= EDU_MAX_IOVA ||
	    len > EDU_MAX_IOVA - iova)
		return -EINVAL;
	return 0;
}

int edu_load(struct vfio_dev *dev, u64 iova, u32 len)
{
	return check(iova, len) ?:
	       dma(dev, iova, EDU_BUFFER_AT, len, 0);
}

int edu_store(struct vfio_dev *dev, u64 iova, u32 len)
{
	return check(iova, len) ?:
	       dma(dev, EDU_BUFFER_AT, iova, len, EDU_DMA_STORE);
}

int edu_store_begin(struct vfio_dev *dev, u64 iova, u32 len)
{
	int rc = check(iova, len);

	if (!rc)
		dma_begin(dev, EDU_BUFFER_AT, iova, len, EDU_DMA_STORE);
	return rc;
}

void edu_interrupt(struct vfio_dev *dev)
{
	mmio_write32(dev->bar, EDU_IRQ_RAISE, 1);
	mmio_write32(dev->bar, EDU_IRQ_ACK, 1);
}
