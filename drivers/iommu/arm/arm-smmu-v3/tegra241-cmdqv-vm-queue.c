// SPDX-License-Identifier: GPL-2.0-only
/*
 * NVIDIA Tegra241 CMDQV: queues of VMs. tegra241-cmdqv-vm.c says what holds whatever a
 * VM does to them meanwhile.
 */

#define dev_fmt(fmt) "tegra241_cmdqv: " fmt

#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>

#include "tegra241-cmdqv-trace.h"
#include "tegra241-cmdqv-vm.h"

/* Up to a second each, for a CMD_SYNC that ATC_INVs hold up */
#define FLUSH_TRIES	3

/**
 * tegra241_vm_vcmdq_halt() - unmap a queue of a VM, disable it, and take its memory from it
 * @vcmdq: the queue, through the direct aperture, mapped or not; those above it
 *	in its VINTF are unmapped
 * @patient: as for tegra241_vcmdq_disable()
 * @unmapped: what unmapping has returned
 *
 * That an enabled queue can be unmapped is assumption A10, hence the verification. An
 * enabling that the VM has taken back may happen after all (assumption A11): it finds no
 * BASE, or is found by the verification. So when this returns 0 the queue executes nothing
 * any more, and a flush after it is one after the last command.
 *
 * Context: sleeps.
 * Return: 0 if the queue is disabled and unmapped, and knows no memory any more; -ETIMEDOUT
 * or -EIO if it may still be running.
 */
int tegra241_vm_vcmdq_halt(struct tegra241_vcmdq *vcmdq, bool patient,
			   int *unmapped)
{
	int ret;

	tegra241_vcmdq_ask_to_stop(vcmdq);
	*unmapped = tegra241_vcmdq_unmap(vcmdq);
	tegra241_vcmdq_await_enabling(vcmdq);
	ret = tegra241_vcmdq_disable(vcmdq, patient) ?: *unmapped;
	if (ret)
		return ret;
	tegra241_vcmdq_forget_memory(vcmdq);
	return tegra241_vcmdq_verify_stopped(vcmdq);
}

/*
 * A CMD_SYNC waits behind the ATC_INVs of all VMs, so one VM can keep another one's
 * from completing. What that must not cost the latter is more than this queue.
 */
static int tegra241_vm_vcmdq_flush(struct tegra241_cmdqv *cmdqv)
{
	int tries, ret;

	for (tries = 0; tries < FLUSH_TRIES; tries++) {
		ret = tegra241_cmdqv_flush(cmdqv);
		if (!ret)
			return 0;
		cond_resched();
	}
	return ret;
}

/**
 * tegra241_vm_vcmdq_finish() - make a halted queue of a VM carry nothing of it
 * @vcmdq: the queue, halted by tegra241_vm_vcmdq_halt()
 * @flushed: what tegra241_cmdqv_flush() has returned since; if that is an error the flush
 *	is owed, see tegra241_cmdqv::unflushed
 */
void tegra241_vm_vcmdq_finish(struct tegra241_vcmdq *vcmdq, int flushed)
{
	struct tegra241_cmdqv *cmdqv = vcmdq->cmdqv;

	if (flushed) {
		set_bit(vcmdq->idx, cmdqv->unflushed);
		trace_cmdqv_vcmdq_unflushed(vcmdq, flushed);
		dev_warn_ratelimited(cmdqv->dev,
				     "VINTF%u: VCMDQ%u: late ATC timeouts could not be flushed (%d), look for a device that hangs\n",
				     vcmdq->vintf_idx, vcmdq->idx, flushed);
	} else {
		clear_bit(vcmdq->idx, cmdqv->unflushed);
	}
	tegra241_vcmdq_forget_user(vcmdq);
}

/**
 * tegra241_vm_vcmdq_stop() - stop a queue of a VM for good
 * @vcmdq: the queue, through the direct aperture, mapped or not; those above it
 *	in its VINTF are unmapped
 * @patient: as for tegra241_vcmdq_disable()
 *
 * What counts comes after unmapping: from then on the VM can't start again what is
 * being stopped. The queue is asked to stop before that only because nobody knows
 * what hardware thinks of unmapping an enabled queue; a VM that leaves its queues
 * alone does not make us find out. An ATC_INV may be timing out still, which the
 * flush waits for before errors are acknowledged. If that can't be had now, the
 * queue's memory may go nevertheless, and the flush is owed: see
 * tegra241_cmdqv::unflushed.
 *
 * Context: sleeps.
 * Return: 0 if the queue is disabled, unmapped, and knows no memory any more; else
 * -ETIMEDOUT or -EIO, and the hardware may be reading the queue.
 */
int tegra241_vm_vcmdq_stop(struct tegra241_vcmdq *vcmdq, bool patient)
{
	int ret, unmapped, flushed;

	ret = tegra241_vm_vcmdq_halt(vcmdq, patient, &unmapped);
	trace_cmdqv_vcmdq_unmap(vcmdq, unmapped);
	if (!ret) {
		flushed = tegra241_vm_vcmdq_flush(vcmdq->cmdqv);
		tegra241_vm_vcmdq_finish(vcmdq, flushed);
	}
	trace_cmdqv_vcmdq_stop(vcmdq, ret);
	return ret;
}

/*
 * Have an unmapped queue ready for a VM to enable the moment it is mapped. The unit
 * reads it at this address, whatever its size, and coherently (assumption A4).
 */
static int tegra241_vm_vcmdq_prepare(struct tegra241_vcmdq *vcmdq, u64 base)
{
	struct tegra241_cmdqv *cmdqv = vcmdq->cmdqv;
	int ret;

	/*
	 * What the last owner left has gone in tegra241_vm_vcmdq_stop(), but
	 * possibly for a late error, which scrubbing acknowledges once it is there.
	 */
	if (test_bit(vcmdq->idx, cmdqv->unflushed)) {
		if (tegra241_cmdqv_flush(cmdqv))
			return -EIO;
		clear_bit(vcmdq->idx, cmdqv->unflushed);
	}
	/* From here on nobody but the host reaches the queue: what is seen stays */
	ret = tegra241_vcmdq_place(vcmdq);
	if (ret)
		return ret;
	if (tegra241_vcmdq_verify_empty(vcmdq)) {
		ret = tegra241_vcmdq_write_config(vcmdq, 0);
		if (ret)
			return ret;
		tegra241_vcmdq_scrub(vcmdq);
		ret = tegra241_vcmdq_verify_empty(vcmdq);
		if (ret)
			return ret;
	}

	tegra241_writeq(base, vcmdq->page1 + TEGRA241_VCMDQ_BASE);
	if (tegra241_readq(vcmdq->page1 + TEGRA241_VCMDQ_BASE) == base)
		return 0;
	tegra241_vcmdq_scrub(vcmdq);
	return -EIO;
}

static void tegra241_vm_vcmdq_retire(struct tegra241_vm_vintf *vintf,
				     struct tegra241_vm_vcmdq *vcmdq)
{
	/* Of a VINTF of which one has not stopped the others are not waited for */
	int ret = tegra241_vm_vcmdq_stop(&vcmdq->hw, !READ_ONCE(vintf->fenced));

	if (ret) {
		tegra241_quarantine_queue(vintf, vcmdq, ret);
		return;
	}
	/* What the flush has waited for is no vDEVICE's business any more */
	if (!test_bit(vcmdq->hw.idx, vcmdq->hw.cmdqv->unflushed))
		clear_bit(vcmdq->hw.lidx, vintf->queues);
	tegra241_view_remove_vcmdq(vcmdq);
	trace_cmdqv_vcmdq_retire(&vcmdq->hw, 0);
}

/**
 * tegra241_vm_get_hw_queue_size() - iommufd_viommu_ops::get_hw_queue_size
 * @viommu: the vSMMU
 * @type: the type that user space asks for
 *
 * Context: any.
 * Return: bytes of struct tegra241_hw_queue; 0 if @type is not this driver's.
 */
size_t tegra241_vm_get_hw_queue_size(struct iommufd_viommu *viommu,
				     enum iommu_hw_queue_type type)
{
	return type == IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV ?
		       sizeof(struct tegra241_hw_queue) : 0;
}

/**
 * tegra241_vm_hw_queue_check() - iommufd_viommu_ops::hw_queue_check
 * @viommu: the vSMMU
 * @type: likewise the only one
 * @length: bytes
 *
 * Context: any.
 * Return: 0, or -EINVAL if no queue can have that length.
 */
int tegra241_vm_hw_queue_check(struct iommufd_viommu *viommu,
			       enum iommu_hw_queue_type type, u64 length)
{
	struct tegra241_cmdqv *cmdqv = to_cmdqv(to_vsmmu(viommu)->smmu);

	return tegra241_vcmdq_length_valid(length, cmdqv->max_log2_entries) ?
		       0 : -EINVAL;
}

/**
 * tegra241_vm_hw_queue_check_index() - iommufd_viommu_ops::hw_queue_check_index
 * @viommu: the vSMMU
 * @type: the only one
 * @index: logical number
 *
 * Context: any.
 * Return: 0, or -EINVAL if a VINTF has no such queue.
 */
int tegra241_vm_hw_queue_check_index(struct iommufd_viommu *viommu,
				     enum iommu_hw_queue_type type, u32 index)
{
	struct tegra241_cmdqv *cmdqv = to_cmdqv(to_vsmmu(viommu)->smmu);

	return index < cmdqv->param.num_lvcmdqs_per_vintf ? 0 : -EINVAL;
}

/**
 * tegra241_vm_hw_queue_not_contig() - iommufd_viommu_ops::hw_queue_not_contig
 * @core: the HW queue that is refused
 * @contig: bytes of it that are in one piece
 * @page_size: bytes of the page that these end in
 *
 * Context: sleeps.
 */
void tegra241_vm_hw_queue_not_contig(struct iommufd_hw_queue *core,
				     size_t contig, size_t page_size)
{
	struct tegra241_vm_vintf *vintf = to_tegra241_vsmmu(core->viommu)->vintf;

	trace_cmdqv_vcmdq_refused(&vintf->hw, core->index, core->base_addr,
				  core->length, -EFAULT);
	tegra241_vm_memory_not_contig(vintf, core, contig, page_size);
}

static int tegra241_vm_hw_queue_start(struct tegra241_vm_vintf *vintf,
				      struct tegra241_hw_queue *hwq)
{
	struct iommufd_hw_queue *core = &hwq->core;
	struct tegra241_cmdqv *cmdqv = vintf->hw.cmdqv;
	struct tegra241_vm_vcmdq *vcmdq;
	u64 base;
	int ret;

	ret = tegra241_vcmdq_base(core->base_pa, core->length, &base);
	if (ret) {
		tegra241_vm_memory_not_aligned(vintf, core);
		return ret;
	}
	guard(rwsem_read)(&cmdqv->vm_gate);
	if (READ_ONCE(vintf->fenced) || !tegra241_cmdqv_vm_usable(cmdqv))
		return -EIO;

	vcmdq = &vintf->vcmdqs[core->index];
	tegra241_vcmdq_init_direct(&vcmdq->hw, cmdqv,
				   vintf->hw.idx *
				   cmdqv->param.num_lvcmdqs_per_vintf +
				   core->index);
	vcmdq->base_pa = core->base_pa;
	vcmdq->length = core->length;

	ret = tegra241_vm_vcmdq_prepare(&vcmdq->hw, base);
	trace_cmdqv_vcmdq_prepare(&vcmdq->hw, base, ret);
	if (ret) {
		/* What a device that hangs costs is not the VINTF's fault */
		if (!test_bit(vcmdq->hw.idx, cmdqv->unflushed))
			tegra241_vm_owners_suspect(vintf, true);
		return ret;
	}

	tegra241_vm_errors_new_queue(vintf, core->index);
	tegra241_view_add_vcmdq(vcmdq);
	/* Seen before the write that maps it: see tegra241_vm_vdevice_flush() */
	set_bit(core->index, vintf->queues);
	ret = tegra241_vcmdq_map(&vcmdq->hw);
	trace_cmdqv_vcmdq_map(&vcmdq->hw, ret);
	if (ret) {
		tegra241_vm_owners_suspect(vintf, true);
		tegra241_vm_vcmdq_retire(vintf, vcmdq);
		return ret;
	}

	dev_dbg(cmdqv->dev, "VINTF%u: VCMDQ%u/LVCMDQ%u: base 0x%016llx\n",
		vintf->hw.idx, vcmdq->hw.idx, vcmdq->hw.lidx, base);
	hwq->vcmdq = vcmdq;
	tegra241_vm_owners_suspect(vintf, false);
	WRITE_ONCE(vintf->num_queues, vintf->num_queues + 1);
	return 0;
}

/**
 * tegra241_vm_hw_queue_init() - iommufd_viommu_ops::hw_queue_init
 * @core: the HW queue; embedded in struct tegra241_hw_queue
 *
 * Context: sleeps; iommufd's queue lock is held.
 * Return: 0; -EINVAL if the memory is not aligned to its length or beyond what the
 * register holds; -EIO or -ETIMEDOUT if the hardware does not follow, or VINTF or unit
 * take no queue any more. After an error nothing is left, but possibly a queue in the
 * quarantine.
 */
int tegra241_vm_hw_queue_init(struct iommufd_hw_queue *core)
{
	struct tegra241_hw_queue *hwq =
		container_of(core, struct tegra241_hw_queue, core);
	struct tegra241_vm_vintf *vintf = to_tegra241_vsmmu(core->viommu)->vintf;
	int ret = tegra241_vm_hw_queue_start(vintf, hwq);

	if (ret)
		trace_cmdqv_vcmdq_refused(&vintf->hw, core->index,
					  core->base_addr, core->length, ret);
	return ret;
}

/**
 * tegra241_vm_hw_queue_destroy() - iommufd_viommu_ops::hw_queue_destroy
 * @core: the HW queue
 *
 * Context: sleeps; iommufd's queue lock is held.
 */
void tegra241_vm_hw_queue_destroy(struct iommufd_hw_queue *core)
{
	struct tegra241_hw_queue *hwq =
		container_of(core, struct tegra241_hw_queue, core);
	struct tegra241_vm_vintf *vintf = to_tegra241_vsmmu(core->viommu)->vintf;

	tegra241_vm_vcmdq_retire(vintf, hwq->vcmdq);
	WRITE_ONCE(vintf->num_queues, vintf->num_queues - 1);
}
