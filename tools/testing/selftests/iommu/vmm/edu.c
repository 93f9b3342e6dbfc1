// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <unistd.h>

#include "edu.h"
#include "vcmdq.h"

#define EDU_ID		0x00
#define EDU_LIVENESS	0x04
#define EDU_DMA_SRC	0x80
#define EDU_DMA_DST	0x88
#define EDU_DMA_COUNT	0x90
#define EDU_DMA_CMD	0x98

#define EDU_DMA_RUN	1u
#define EDU_DMA_STORE	2u	/* from the buffer to memory */
/* Where the buffer is in the device's own address space */
#define EDU_BUFFER_AT	0x40000u

static volatile uint32_t *reg(struct vfio_dev *dev, unsigned int at)
{
	return (volatile uint32_t *)((volatile char *)dev->bar + at);
}

static void write64(struct vfio_dev *dev, unsigned int at, uint64_t value)
{
	*(volatile uint64_t *)((volatile char *)dev->bar + at) = value;
}

int edu_probe(struct vfio_dev *dev)
{
	if ((*reg(dev, EDU_ID) & 0xffff) != 0x00ed)
		return -ENODEV;
	*reg(dev, EDU_LIVENESS) = 0x12345678;
	return *reg(dev, EDU_LIVENESS) == ~0x12345678u ? 0 : -ENODEV;
}

static int dma(struct vfio_dev *dev, uint64_t src, uint64_t dst, uint32_t len,
	       uint32_t cmd)
{
	uint64_t end = vmm_now_ns() + 10000000000ULL;

	write64(dev, EDU_DMA_SRC, src);
	write64(dev, EDU_DMA_DST, dst);
	write64(dev, EDU_DMA_COUNT, len);
	/* Memory that the device is going to read is written before this */
	dma_barrier();
	*reg(dev, EDU_DMA_CMD) = cmd | EDU_DMA_RUN;
	while (*reg(dev, EDU_DMA_CMD) & EDU_DMA_RUN) {
		if (vmm_now_ns() > end)
			return -ETIMEDOUT;
		usleep(2000);
	}
	/* And what it wrote is read after it has said so */
	dma_barrier();
	return 0;
}

static int check(uint64_t iova, uint32_t len)
{
	if (len > EDU_BUFFER || iova >= EDU_MAX_IOVA ||
	    len > EDU_MAX_IOVA - iova)
		return -EINVAL;
	return 0;
}

int edu_load(struct vfio_dev *dev, uint64_t iova, uint32_t len)
{
	return check(iova, len) ?:
	       dma(dev, iova, EDU_BUFFER_AT, len, 0);
}

int edu_store(struct vfio_dev *dev, uint64_t iova, uint32_t len)
{
	return check(iova, len) ?:
	       dma(dev, EDU_BUFFER_AT, iova, len, EDU_DMA_STORE);
}
