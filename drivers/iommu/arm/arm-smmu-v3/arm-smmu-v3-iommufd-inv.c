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

/* Requests that are converted, issued and waited for at once */
#define VSMMU_BLOCK	(CMDQ_BATCH_ENTRIES - 1)

/*
 * 4.4.1: TG 0 means no range, and the fields of one don't count. The hardware
 * refuses a range without RIL, and the reserved one of a single page at no level.
 */
static int arm_vsmmu_check_range(struct arm_smmu_device *smmu, u64 *cmd)
{
	const u64 range = CMDQ_TLBI_0_NUM | CMDQ_TLBI_0_SCALE;

	if (!(cmd[1] & CMDQ_TLBI_1_TG)) {
		cmd[0] &= ~range;
		cmd[1] &= ~CMDQ_TLBI_1_TTL;
		return 0;
	}
	if (!(smmu->features & ARM_SMMU_FEAT_RANGE_INV))
		return -EIO;
	if (!(cmd[0] & range) && !(cmd[1] & CMDQ_TLBI_1_TTL))
		return -EIO;
	return 0;
}

/* The guest's StreamID in @cmd becomes the physical one */
static struct arm_vsmmu_device *
arm_vsmmu_convert_sid(struct arm_vsmmu *vsmmu, u64 *cmd)
{
	u32 vsid = FIELD_GET(CMDQ_CFGI_0_SID, cmd[0]);
	struct iommufd_vdevice *vdev;

	vdev = iommufd_viommu_find_vdevice(&vsmmu->core, vsid);
	if (!vdev)
		return NULL;
	cmd[0] &= ~CMDQ_CFGI_0_SID;
	cmd[0] |= FIELD_PREP(CMDQ_CFGI_0_SID, to_vsmmu_device(vdev)->sid);
	return to_vsmmu_device(vdev);
}

/**
 * arm_vsmmu_convert_cmd() - make a guest's command one for the host's queue
 * @vsmmu: the vSMMU
 * @cmd: in: as the guest wrote it; out: to be issued
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
 * Context: vdevs_rwsem is held, and until the command has completed.
 * Return: 1 if @cmd is to be issued, 0 if there is nothing to do for it, -EIO for
 * a command that the guest can't give or that names an unknown device.
 */
VISIBLE_IF_KUNIT
int arm_vsmmu_convert_cmd(struct arm_vsmmu *vsmmu, u64 cmd[CMDQ_ENT_DWORDS])
{
	const u64 tlbi_va = CMDQ_TLBI_1_LEAF | CMDQ_TLBI_1_TTL |
			    CMDQ_TLBI_1_TG | CMDQ_TLBI_1_VA_MASK;
	const u64 tlbi_range = CMDQ_TLBI_0_NUM | CMDQ_TLBI_0_SCALE;
	u64 vmid = FIELD_PREP(CMDQ_TLBI_0_VMID, vsmmu->vmid->id);
	struct arm_smmu_device *smmu = vsmmu->smmu;
	struct arm_vsmmu_device *vsmmu_device;

	if (cmd[0] & CMDQ_0_SSEC)
		return -EIO;

	switch (FIELD_GET(CMDQ_0_OP, cmd[0])) {
	case CMDQ_OP_TLBI_NSNH_ALL:
		/* "All" of a guest ends at its VMID */
	case CMDQ_OP_TLBI_NH_ALL:
		cmd[0] = FIELD_PREP(CMDQ_0_OP, CMDQ_OP_TLBI_NH_ALL) | vmid;
		cmd[1] = 0;
		return 1;
	case CMDQ_OP_TLBI_NH_ASID:
		cmd[0] = (cmd[0] & (CMDQ_0_OP | CMDQ_TLBI_0_ASID)) | vmid;
		cmd[1] = 0;
		return 1;
	case CMDQ_OP_TLBI_NH_VA:
		cmd[0] = (cmd[0] &
			  (CMDQ_0_OP | CMDQ_TLBI_0_ASID | tlbi_range)) | vmid;
		cmd[1] &= tlbi_va;
		return arm_vsmmu_check_range(smmu, cmd) ?: 1;
	case CMDQ_OP_TLBI_NH_VAA:
		cmd[0] = (cmd[0] & (CMDQ_0_OP | tlbi_range)) | vmid;
		cmd[1] &= tlbi_va;
		return arm_vsmmu_check_range(smmu, cmd) ?: 1;
	case CMDQ_OP_CFGI_CD:
		cmd[0] &= CMDQ_0_OP | CMDQ_CFGI_0_SSID | CMDQ_CFGI_0_SID;
		cmd[1] &= CMDQ_CFGI_1_LEAF;
		if (FIELD_GET(CMDQ_CFGI_0_SSID, cmd[0]) >> smmu->ssid_bits)
			return -EIO;
		return arm_vsmmu_convert_sid(vsmmu, cmd) ? 1 : -EIO;
	case CMDQ_OP_CFGI_CD_ALL:
		cmd[0] &= CMDQ_0_OP | CMDQ_CFGI_0_SID;
		cmd[1] = 0;
		return arm_vsmmu_convert_sid(vsmmu, cmd) ? 1 : -EIO;
	case CMDQ_OP_ATC_INV:
		cmd[0] &= CMDQ_0_OP | CMDQ_0_SSV | CMDQ_ATC_0_GLOBAL |
			  CMDQ_ATC_0_SSID | CMDQ_ATC_0_SID;
		cmd[1] &= CMDQ_ATC_1_SIZE | CMDQ_ATC_1_ADDR_MASK;
		/* 4.5.1: without SSV there is no SubstreamID, nor Global */
		if (!(cmd[0] & CMDQ_0_SSV))
			cmd[0] &= ~(CMDQ_ATC_0_GLOBAL | CMDQ_ATC_0_SSID);
		if (FIELD_GET(CMDQ_ATC_0_SSID, cmd[0]) >> smmu->ssid_bits ||
		    FIELD_GET(CMDQ_ATC_1_SIZE, cmd[1]) > ATC_INV_SIZE_ALL)
			return -EIO;
		vsmmu_device = arm_vsmmu_convert_sid(vsmmu, cmd);
		if (!vsmmu_device)
			return -EIO;
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
		return data_race(!!vsmmu_device->master->ste_ats_enabled);
	default:
		return -EIO;
	}
}
EXPORT_SYMBOL_IF_KUNIT(arm_vsmmu_convert_cmd);

/*
 * Copy up to @num requests, the first of them number @first. Returns how many it
 * is; if it is fewer, @err says what is wrong with the next one.
 */
static u32 arm_vsmmu_copy_cmds(const struct iommu_user_data_array *array,
			       u32 first, u32 num,
			       u64 cmds[][CMDQ_ENT_DWORDS], int *err)
{
	void __user *uptr = array->uptr + (size_t)first * array->entry_len;
	u32 i;

	*err = 0;
	for (i = 0; i < num; i++, uptr += array->entry_len) {
		struct iommu_viommu_arm_smmuv3_invalidate req;

		*err = copy_struct_from_user(&req, sizeof(req), uptr,
					     array->entry_len);
		if (*err)
			break;
		cmds[i][0] = le64_to_cpu(req.cmd[0]);
		cmds[i][1] = le64_to_cpu(req.cmd[1]);
	}
	return i;
}

/*
 * Execute @num requests up to the first that is wrong. @done is how many of them
 * the hardware has completed. Overwrites @cmds.
 */
static int arm_vsmmu_run_cmds(struct arm_vsmmu *vsmmu,
			      u64 cmds[][CMDQ_ENT_DWORDS], u32 num, u32 *done)
{
	struct arm_smmu_device *smmu = vsmmu->smmu;
	u32 pending = 0;
	int ret = 0;
	u32 i;

	*done = 0;

	/* No device leaves the VM between its name and the command's end (I11) */
	guard(rwsem_read)(&vsmmu->core.vdevs_rwsem);
	for (i = 0; i < num; i++) {
		u64 cmd[CMDQ_ENT_DWORDS] = { cmds[i][0], cmds[i][1] };

		ret = arm_vsmmu_convert_cmd(vsmmu, cmd);
		if (ret < 0)
			break;
		if (!ret)
			continue;
		cmds[pending][0] = cmd[0];
		cmds[pending][1] = cmd[1];
		pending++;
	}

	if (pending) {
		int err = arm_smmu_cmdq_issue_cmdlist(smmu, &smmu->cmdq,
						      cmds[0], pending, true);

		if (err)
			return err;
	}
	*done = i;
	return ret < 0 ? ret : 0;
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
 * bytes than is known, and they aren't 0), -EIO (see arm_vsmmu_convert_cmd()),
 * -ETIMEDOUT (the SMMU doesn't answer), -EINTR (the caller is being killed).
 */
int arm_vsmmu_cache_invalidate(struct iommufd_viommu *viommu,
			       struct iommu_user_data_array *array)
{
	u64 cmds[VSMMU_BLOCK][CMDQ_ENT_DWORDS];
	u32 num = array->entry_num;

	array->entry_num = 0;
	if (array->type != IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3)
		return -EINVAL;

	while (array->entry_num < num) {
		int copy_err, ret;
		u32 copied, done;

		copied = arm_vsmmu_copy_cmds(array, array->entry_num,
					     min_t(u32, num - array->entry_num,
						   VSMMU_BLOCK),
					     cmds, &copy_err);
		ret = arm_vsmmu_run_cmds(to_vsmmu(viommu), cmds, copied, &done);
		array->entry_num += done;
		if (ret)
			return ret;
		if (copy_err)
			return copy_err;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(arm_vsmmu_cache_invalidate);
