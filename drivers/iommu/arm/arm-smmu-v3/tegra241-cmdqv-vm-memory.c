// SPDX-License-Identifier: GPL-2.0-only
/*
 * NVIDIA Tegra241 CMDQV: why a VM can't have a queue in the memory that it has
 *
 * The hardware reads a queue by physical address, so the queue has to lie in one
 * piece of physical memory and at a multiple of its size there. Guests see to that
 * in their own address space; whether it is so in the host's depends on the pages
 * that back the guest, which is for the host's operator to decide. All that the
 * guest hears of it is that the queue doesn't come up, and all that the VMM hears is
 * an errno. So the host's log says what would help.
 *
 * A guest can cause that as often as it likes. A vIOMMU has MEMORY_LOG_BURST lines
 * in MEMORY_LOG_INTERVAL, and since a VMM can make one vIOMMU after another, all of
 * them together have what other messages of a driver have.
 */

#define dev_fmt(fmt) "tegra241_cmdqv: " fmt

#include <kunit/visibility.h>
#include <linux/bitops.h>
#include <linux/minmax.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>

#include "tegra241-cmdqv-vm.h"

#define MEMORY_LOG_INTERVAL	(60 * HZ)
#define MEMORY_LOG_BURST	1

static DEFINE_RATELIMIT_STATE(memory_log_limit, DEFAULT_RATELIMIT_INTERVAL,
			      DEFAULT_RATELIMIT_BURST);

#define SIZE_TEXT_LEN 16

/* In the largest unit of which it is a whole number: "8 MiB" */
static const char *size_text(u64 bytes, char text[SIZE_TEXT_LEN])
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB" };
	unsigned int unit = min(__ffs64(bytes) / 10, ARRAY_SIZE(units) - 1);

	snprintf(text, SIZE_TEXT_LEN, "%llu %s", bytes >> (10 * unit),
		 units[unit]);
	return text;
}

/* The vIOMMU's limit first: who is over it takes nothing of what others have */
static bool tegra241_vm_memory_may_log(struct tegra241_vm_vintf *vintf)
{
	return __ratelimit(&vintf->memory_limit) &&
	       __ratelimit(&memory_log_limit);
}

/* Says what every such message begins and ends with, and @why in between */
static void tegra241_vm_memory_log(struct tegra241_vm_vintf *vintf,
				   struct iommufd_hw_queue *hwq,
				   const char *why)
{
	char length[SIZE_TEXT_LEN], page[SIZE_TEXT_LEN];

	/* There are no pages smaller than PAGE_SIZE to back a guest with */
	dev_notice(vintf->hw.cmdqv->dev,
		   "VINTF%u (%s, pid %d): HW queue %u refused: its %s at guest address 0x%llx %s; back the guest's memory with pages of %s or more (QEMU: memory-backend-memfd or -file with hugetlb), at guest addresses that are multiples of their size\n",
		   vintf->hw.idx, dev_name(vintf->owner),
		   task_tgid_nr(current), hwq->index,
		   size_text(hwq->length, length), hwq->base_addr, why,
		   size_text(max_t(u64, hwq->length, PAGE_SIZE), page));
}

/**
 * tegra241_vm_memory_init() - nothing has been said about a VINTF's memory yet
 * @vintf: the VINTF, not in use yet
 */
void tegra241_vm_memory_init(struct tegra241_vm_vintf *vintf)
{
	ratelimit_state_init(&vintf->memory_limit, MEMORY_LOG_INTERVAL,
			     MEMORY_LOG_BURST);
	/* How many were left out is no news: each would be the same */
	ratelimit_set_flags(&vintf->memory_limit, RATELIMIT_MSG_ON_RELEASE);
}

/**
 * tegra241_vm_memory_not_contig() - a queue's memory is in several pieces
 * @vintf: the VINTF that would have got the queue
 * @hwq: the queue; its index is whatever user space said
 * @contig: how many of its bytes are in the first piece, 1 to @hwq->length - 1
 * @page_size: bytes of the page that the last of these is in
 *
 * Context: sleeps.
 * Return: true if the log says so; false if that has been said often enough.
 */
bool tegra241_vm_memory_not_contig(struct tegra241_vm_vintf *vintf,
				   struct iommufd_hw_queue *hwq, size_t contig,
				   size_t page_size)
{
	char page[SIZE_TEXT_LEN], why[96];

	if (!tegra241_vm_memory_may_log(vintf))
		return false;
	snprintf(why, sizeof(why),
		 "are not physically contiguous from 0x%llx on, where a page of %s ends",
		 hwq->base_addr + contig, size_text(page_size, page));
	tegra241_vm_memory_log(vintf, hwq, why);
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_vm_memory_not_contig);

/**
 * tegra241_vm_memory_not_aligned() - a queue's memory begins at a wrong place
 * @vintf: the VINTF that would have got the queue
 * @hwq: the queue; what is wrong is the physical address of its memory
 *
 * Nothing is said if the guest has chosen such an address itself.
 *
 * Context: sleeps.
 * Return: true if the log says so; false if there is no need.
 */
bool tegra241_vm_memory_not_aligned(struct tegra241_vm_vintf *vintf,
				    struct iommufd_hw_queue *hwq)
{
	if (!IS_ALIGNED(hwq->base_addr, hwq->length) ||
	    IS_ALIGNED(hwq->base_pa, hwq->length) ||
	    !tegra241_vm_memory_may_log(vintf))
		return false;
	tegra241_vm_memory_log(vintf, hwq,
			       "do not begin at a multiple of that in physical memory");
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(tegra241_vm_memory_not_aligned);
