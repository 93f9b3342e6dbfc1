// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trapped invalidations: a guest's commands, handed over by its VMM, as commands
 * in the host's queue.
 *
 * Only those pass that name nothing but the guest's own ASIDs, addresses and
 * devices, and the VMID and the StreamID are exchanged on the way. (With CMDQV
 * hardware does the same for the commands that a guest gives it directly.)
 *
 * Section numbers are those of the SMMUv3 architecture, IHI 0070.
 */
#include <linux/cleanup.h>
#include <linux/iommufd_viommu.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <kunit/visibility.h>
#include <uapi/linux/iommufd.h>

#include "arm-smmu-v3.h"
#include "arm-smmu-v3-iommufd.h"

/* The command is for the Secure side */
#define CMDQ_0_SSEC	BIT_ULL(10)

/* Requests that are converted, issued and waited for at once; a full batch's worth */
#define VSMMU_BLOCK	CMDQ_BATCH_ENTRIES

/* A request as the guest wrote it, then the command that is issued for one */
union vsmmu_cmd {
	struct iommu_viommu_arm_smmuv3_invalidate req;
	u64 cmd[CMDQ_ENT_DWORDS];
};

/*
 * A command, or what there is instead of one, in @w0, where no opcode of a guest's
 * command is less than CMD_CFGI_CD's. In registers: a block is 64 commands, and what is
 * done to each is a few instructions.
 */
struct vsmmu_words {
	u64 w0;
	u64 w1;
};

#define VSMMU_REFUSED	0
#define VSMMU_NOTHING	1

static __always_inline struct vsmmu_words words(u64 w0, u64 w1)
{
	return (struct vsmmu_words){ w0, w1 };
}

/*
 * CMD_TLBI_NH_VA and CMD_TLBI_NH_VAA, which has no ASID. 4.4.1: TG 0 means no range, and
 * the fields of one don't count. The hardware refuses a range without RIL, and the
 * reserved one of a single page at no level.
 */
static __always_inline struct vsmmu_words
arm_vsmmu_convert_va(struct arm_vsmmu_block *block, u64 w0, u64 w1, u64 keep)
{
	const u64 range = CMDQ_TLBI_0_NUM | CMDQ_TLBI_0_SCALE;

	if (!(w1 & CMDQ_TLBI_1_TG))
		return words((w0 & keep) | block->vmid,
			     w1 & (CMDQ_TLBI_1_LEAF | CMDQ_TLBI_1_VA_MASK));

	if (!(block->vsmmu->smmu->features & ARM_SMMU_FEAT_RANGE_INV))
		return words(VSMMU_REFUSED, 0);
	if (!(w0 & range) && !(w1 & CMDQ_TLBI_1_TTL))
		return words(VSMMU_REFUSED, 0);
	return words((w0 & (keep | range)) | block->vmid,
		     w1 & (CMDQ_TLBI_1_LEAF | CMDQ_TLBI_1_TTL |
			   CMDQ_TLBI_1_TG | CMDQ_TLBI_1_VA_MASK));
}

/*
 * What the guest's StreamID @vsid names. From the first on no device leaves the VM before
 * arm_vsmmu_block_end() (I11).
 */
static struct arm_vsmmu_device *
arm_vsmmu_find_device(struct arm_vsmmu_block *block, u32 vsid)
{
	struct iommufd_viommu *viommu = &block->vsmmu->core;
	struct iommufd_vdevice *vdev;

	/* Guests invalidate one device at a time */
	if (block->device && block->vsid == vsid)
		return block->device;
	if (!block->locked) {
		down_read(&viommu->vdevs_rwsem);
		block->locked = true;
	}
	vdev = iommufd_viommu_find_vdevice(viommu, vsid);
	if (!vdev)
		return NULL;
	block->device = to_vsmmu_device(vdev);
	block->vsid = vsid;
	return block->device;
}

static __always_inline struct vsmmu_words
arm_vsmmu_convert_named(struct arm_vsmmu_block *block, u64 w0, u64 w1, u64 sid)
{
	struct arm_vsmmu_device *device;

	device = arm_vsmmu_find_device(block, FIELD_GET(CMDQ_CFGI_0_SID, sid));
	if (!device)
		return words(VSMMU_REFUSED, 0);
	return words(w0 | FIELD_PREP(CMDQ_CFGI_0_SID, device->sid), w1);
}

static __always_inline struct vsmmu_words
arm_vsmmu_convert_atc(struct arm_vsmmu_block *block, u64 w0, u64 w1)
{
	struct vsmmu_words out;
	u64 sid = w0;

	w0 &= CMDQ_0_OP | CMDQ_0_SSV | CMDQ_ATC_0_GLOBAL | CMDQ_ATC_0_SSID;
	w1 &= CMDQ_ATC_1_SIZE | CMDQ_ATC_1_ADDR_MASK;
	/* 4.5.1: without SSV there is no SubstreamID, nor Global */
	if (!(w0 & CMDQ_0_SSV))
		w0 &= ~(CMDQ_ATC_0_GLOBAL | CMDQ_ATC_0_SSID);
	if (FIELD_GET(CMDQ_ATC_0_SSID, w0) >> block->vsmmu->smmu->ssid_bits ||
	    FIELD_GET(CMDQ_ATC_1_SIZE, w1) > ATC_INV_SIZE_ALL)
		return words(VSMMU_REFUSED, 0);
	out = arm_vsmmu_convert_named(block, w0, w1, sid);
	if (out.w0 == VSMMU_REFUSED)
		return out;
	/*
	 * An attach sets ste_ats_enabled before it writes the STE, and
	 * that before it lets the device use ATS. Either the flag is
	 * seen here, or what the device will ever fetch into its ATC is
	 * at least what the guest had written before this command. Pairs
	 * with the dma_wmb() before the STE is written and the barrier
	 * of the config write in pci_enable_ats().
	 */
	smp_mb();
	/* The flag changes under the group's mutex: see above */
	if (!data_race(!!block->device->master->ste_ats_enabled))
		return words(VSMMU_NOTHING, 0);
	return out;
}

/* All but CMD_TLBI_NH_VA, whose loop is to have the registers to itself */
static noinline struct vsmmu_words
arm_vsmmu_convert_other(struct arm_vsmmu_block *block, u64 w0, u64 w1)
{
	if (w0 & CMDQ_0_SSEC)
		return words(VSMMU_REFUSED, 0);

	switch (FIELD_GET(CMDQ_0_OP, w0)) {
	case CMDQ_OP_TLBI_NH_VAA:
		return arm_vsmmu_convert_va(block, w0, w1, CMDQ_0_OP);
	case CMDQ_OP_TLBI_NH_ASID:
		return words((w0 & (CMDQ_0_OP | CMDQ_TLBI_0_ASID)) |
			     block->vmid, 0);
	case CMDQ_OP_TLBI_NSNH_ALL:
		/* "All" of a guest ends at its VMID */
	case CMDQ_OP_TLBI_NH_ALL:
		return words(FIELD_PREP(CMDQ_0_OP, CMDQ_OP_TLBI_NH_ALL) |
			     block->vmid, 0);
	case CMDQ_OP_CFGI_CD:
		if (FIELD_GET(CMDQ_CFGI_0_SSID, w0) >>
		    block->vsmmu->smmu->ssid_bits)
			return words(VSMMU_REFUSED, 0);
		return arm_vsmmu_convert_named(block,
					       w0 & (CMDQ_0_OP |
						     CMDQ_CFGI_0_SSID),
					       w1 & CMDQ_CFGI_1_LEAF, w0);
	case CMDQ_OP_CFGI_CD_ALL:
		return arm_vsmmu_convert_named(block, w0 & CMDQ_0_OP, 0, w0);
	case CMDQ_OP_ATC_INV:
		return arm_vsmmu_convert_atc(block, w0, w1);
	default:
		return words(VSMMU_REFUSED, 0);
	}
}

/*
 * Make a guest's command one for the host's queue.
 *
 * What comes out names nothing but the VM's: the VMID is the vSMMU's and the
 * StreamID that of a device of the VM. Only the fields that the command has are
 * kept; reserved bits are dropped, as hardware ignores them. What hardware would
 * call an illegal command (CERROR_ILL) is refused here, since in the host's queue
 * it would be an error of the host: the Secure side, a SubstreamID out of range,
 * an ATC range over all of the address space and more, a reserved TLB range.
 *
 * CMD_ATC_INV for a device whose ATS is off has nothing to do. Issued, it could
 * time out and hold up the host's queue, so it is not issued.
 *
 * Takes vdevs_rwsem for reading if the command names a device, and leaves it to
 * arm_vsmmu_block_end(), which is to be called when the command has completed. A TLB
 * command needs no lock: the VMID is the VM's for as long as there is a vSMMU.
 */
static __always_inline struct vsmmu_words
arm_vsmmu_convert(struct arm_vsmmu_block *block, u64 w0, u64 w1)
{
	/* Most of what guests send */
	if ((w0 & (CMDQ_0_OP | CMDQ_0_SSEC)) ==
	    FIELD_PREP(CMDQ_0_OP, CMDQ_OP_TLBI_NH_VA))
		return arm_vsmmu_convert_va(block, w0, w1,
					    CMDQ_0_OP | CMDQ_TLBI_0_ASID);
	return arm_vsmmu_convert_other(block, w0, w1);
}

#if IS_ENABLED(CONFIG_KUNIT)
/**
 * arm_vsmmu_convert_cmd() - arm_vsmmu_convert() for tests
 * @block: what the command is in
 * @cmd: in: as the guest wrote it; out: to be issued
 *
 * Context: may sleep: takes vdevs_rwsem for reading if @cmd names a device, and leaves
 * it to arm_vsmmu_block_end().
 * Return: 1 if @cmd is to be issued, 0 if there is nothing to do for it, -EIO for
 * a command that the guest can't give or that names an unknown device.
 */
int arm_vsmmu_convert_cmd(struct arm_vsmmu_block *block,
			  u64 cmd[CMDQ_ENT_DWORDS])
{
	struct vsmmu_words out = arm_vsmmu_convert(block, cmd[0], cmd[1]);

	if (out.w0 == VSMMU_REFUSED)
		return -EIO;
	if (out.w0 == VSMMU_NOTHING)
		return 0;
	cmd[0] = out.w0;
	cmd[1] = out.w1;
	return 1;
}
EXPORT_SYMBOL_IF_KUNIT(arm_vsmmu_convert_cmd);
#endif

/**
 * arm_vsmmu_block_begin() - before the first command of a block is converted
 * @block: to set up
 * @vsmmu: the vSMMU
 *
 * Context: any.
 */
VISIBLE_IF_KUNIT
void arm_vsmmu_block_begin(struct arm_vsmmu_block *block,
			   struct arm_vsmmu *vsmmu)
{
	*block = (struct arm_vsmmu_block){
		.vsmmu = vsmmu,
		.vmid = FIELD_PREP(CMDQ_TLBI_0_VMID, vsmmu->vmid->id),
	};
}
EXPORT_SYMBOL_IF_KUNIT(arm_vsmmu_block_begin);

/**
 * arm_vsmmu_block_end() - the commands of a block have completed
 * @block: the block
 *
 * Devices may leave the VM again.
 *
 * Context: any.
 */
VISIBLE_IF_KUNIT void arm_vsmmu_block_end(struct arm_vsmmu_block *block)
{
	if (block->locked)
		up_read(&block->vsmmu->core.vdevs_rwsem);
}
EXPORT_SYMBOL_IF_KUNIT(arm_vsmmu_block_end);

/* One request: a call to copy it would take longer than the copy */
static __always_inline bool
arm_vsmmu_copy_req(const struct iommu_viommu_arm_smmuv3_invalidate __user *from,
		   struct iommu_viommu_arm_smmuv3_invalidate *req)
{
	if (!user_access_begin(from, sizeof(*from)))
		return false;
	unsafe_get_user(req->cmd[0], &from->cmd[0], err_end);
	unsafe_get_user(req->cmd[1], &from->cmd[1], err_end);
	user_access_end();
	return true;

err_end:
	user_access_end();
	return false;
}

/*
 * Copy up to @num requests, the first of them number @first. Returns how many it
 * is; if it is fewer, @err says what is wrong with the next one.
 */
static u32 arm_vsmmu_copy_reqs(const struct iommu_user_data_array *array,
			       u32 first, u32 num, union vsmmu_cmd *cmds,
			       int *err)
{
	void __user *uptr = array->uptr + (size_t)first * array->entry_len;
	u32 i;

	*err = 0;
	/* If that fails one by one, since it matters where */
	if (array->entry_len == sizeof(cmds->req)) {
		if (num == 1 ? arm_vsmmu_copy_req(uptr, &cmds->req) :
			       !copy_from_user(cmds, uptr,
					       num * sizeof(cmds->req)))
			return num;
	}

	for (i = 0; i < num; i++, uptr += array->entry_len) {
		*err = copy_struct_from_user(&cmds[i].req, sizeof(cmds[i].req),
					     uptr, array->entry_len);
		if (*err)
			break;
	}
	return i;
}

/*
 * Execute @num requests up to the first that is wrong. @done is how many of them
 * the hardware has completed. Overwrites @cmds.
 */
static int arm_vsmmu_run_reqs(struct arm_vsmmu *vsmmu, union vsmmu_cmd *cmds,
			      u32 num, u32 *done)
{
	union vsmmu_cmd *in = cmds, *out = cmds, *end = cmds + num;
	struct arm_smmu_device *smmu = vsmmu->smmu;
	struct arm_vsmmu_block block;
	int ret = 0, err = 0;

	arm_vsmmu_block_begin(&block, vsmmu);
	for (; in != end; in++) {
		struct vsmmu_words cmd =
			arm_vsmmu_convert(&block, le64_to_cpu(in->req.cmd[0]),
					  le64_to_cpu(in->req.cmd[1]));

		if (unlikely(cmd.w0 <= VSMMU_NOTHING)) {
			if (cmd.w0 == VSMMU_NOTHING)
				continue;
			ret = -EIO;
			break;
		}
		out->cmd[0] = cmd.w0;
		out->cmd[1] = cmd.w1;
		out++;
	}
	if (out != cmds)
		err = arm_smmu_cmdq_issue_cmdlist(smmu, &smmu->cmdq, cmds->cmd,
						  out - cmds, true);
	/* What names a device is still under way: whoever takes one away waits */
	if (err && block.locked)
		WRITE_ONCE(vsmmu->unsynced, true);
	arm_vsmmu_block_end(&block);

	*done = err ? 0 : in - cmds;
	return err ?: ret;
}

/**
 * arm_vsmmu_cache_invalidate() - iommufd_viommu_ops::cache_invalidate
 * @viommu: the vSMMU
 * @array: the requests, each a struct iommu_viommu_arm_smmuv3_invalidate; out:
 *         entry_num is how many have been completed, whatever is returned. The
 *         caller has bounded entry_len and entry_num.
 *
 * Works in blocks of a fixed size, so that the cost of a call is the caller's
 * time and nothing else.
 *
 * Context: may sleep, reads user memory; spins while the SMMU works on a block.
 * Return: 0, -EINVAL (type of the data), -EFAULT, -E2BIG (a request has more
 * bytes than is known, and they aren't 0), -EIO (see arm_vsmmu_convert(); or what the
 * SMMU says can't be), -ETIMEDOUT (the SMMU doesn't answer), -EINTR (the caller is being
 * killed).
 */
int arm_vsmmu_cache_invalidate(struct iommufd_viommu *viommu,
			       struct iommu_user_data_array *array)
{
	/* Zeroing a kilobyte would cost as much as a few commands do */
	union vsmmu_cmd cmds[VSMMU_BLOCK] __uninitialized;
	u32 num = array->entry_num;

	array->entry_num = 0;
	if (array->type != IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3)
		return -EINVAL;

	while (array->entry_num < num) {
		int copy_err, ret;
		u32 copied, done;

		copied = arm_vsmmu_copy_reqs(array, array->entry_num,
					     min_t(u32, num - array->entry_num,
						   VSMMU_BLOCK),
					     cmds, &copy_err);
		ret = arm_vsmmu_run_reqs(to_vsmmu(viommu), cmds, copied, &done);
		array->entry_num += done;
		if (ret)
			return ret;
		if (copy_err)
			return copy_err;
		if (array->entry_num == num)
			break;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(arm_vsmmu_cache_invalidate);
