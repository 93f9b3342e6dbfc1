/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NVIDIA Tegra241 CMDQV: trace events
 *
 * Every step in the life of a VINTF, a VCMDQ or a SID slot, with its outcome, and what
 * errors make happen. Each event names the SMMU that the unit is beside; numbers are
 * the unit's: v VINTF, q VCMDQ, l LVCMDQ. ret is 0 or a negative errno. Keys and their
 * meaning stay, new ones come at the end.
 *
 * Events come after what they are about, so that the outcome is known, and in the order
 * in which it happens for one VINTF. cmdqv_vcmdq_error comes from wherever the error is
 * seen, the interrupt thread, a poll, or a VMM that begins to listen.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM tegra241_cmdqv

#if !defined(_TEGRA241_CMDQV_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TEGRA241_CMDQV_TRACE_H

#include <linux/cred.h>
#include <linux/device.h>
#include <linux/tracepoint.h>
#include <linux/uidgid.h>

#include "tegra241-cmdqv.h"

/*
 * The unit
 */

DECLARE_EVENT_CLASS(cmdqv_unit,
	TP_PROTO(const struct tegra241_cmdqv *cmdqv, int ret),
	TP_ARGS(cmdqv, ret),
	TP_STRUCT__entry(
		__string(smmu, dev_name(cmdqv->smmu.dev))
		__field(int, ret)
	),
	TP_fast_assign(
		__assign_str(smmu);
		__entry->ret = ret;
	),
	TP_printk("smmu=%s ret=%d", __get_str(smmu), __entry->ret)
);

/* CMDQV_CONFIG.EN has been set, and cleared */
DEFINE_EVENT(cmdqv_unit, cmdqv_enable,
	TP_PROTO(const struct tegra241_cmdqv *cmdqv, int ret),
	TP_ARGS(cmdqv, ret)
);

DEFINE_EVENT(cmdqv_unit, cmdqv_disable,
	TP_PROTO(const struct tegra241_cmdqv *cmdqv, int ret),
	TP_ARGS(cmdqv, ret)
);

/* PARAM does not read as what it is: the unit is not used any more */
DEFINE_EVENT(cmdqv_unit, cmdqv_lost,
	TP_PROTO(const struct tegra241_cmdqv *cmdqv, int ret),
	TP_ARGS(cmdqv, ret)
);

/* The interrupt is off for a while, since it does not stop, and on again */
DEFINE_EVENT(cmdqv_unit, cmdqv_interrupt_off,
	TP_PROTO(const struct tegra241_cmdqv *cmdqv, int ret),
	TP_ARGS(cmdqv, ret)
);

DEFINE_EVENT(cmdqv_unit, cmdqv_interrupt_on,
	TP_PROTO(const struct tegra241_cmdqv *cmdqv, int ret),
	TP_ARGS(cmdqv, ret)
);

/* A CMD_SYNC that has not completed: what disabled queues owe is still to come */
DEFINE_EVENT(cmdqv_unit, cmdqv_flush_failed,
	TP_PROTO(const struct tegra241_cmdqv *cmdqv, int ret),
	TP_ARGS(cmdqv, ret)
);

/* @broken: VINTFs of which something would not stop; they are set aside */
TRACE_EVENT(cmdqv_reset,
	TP_PROTO(const struct tegra241_cmdqv *cmdqv, u64 broken, int ret),
	TP_ARGS(cmdqv, broken, ret),
	TP_STRUCT__entry(
		__string(smmu, dev_name(cmdqv->smmu.dev))
		__field(u16, vintfs)
		__field(u16, vcmdqs)
		__field(u64, broken)
		__field(int, ret)
	),
	TP_fast_assign(
		__assign_str(smmu);
		__entry->vintfs = cmdqv->param.num_vintfs;
		__entry->vcmdqs = cmdqv->param.num_vcmdqs;
		__entry->broken = broken;
		__entry->ret = ret;
	),
	TP_printk("smmu=%s vintfs=%u vcmdqs=%u broken=0x%llx ret=%d",
		  __get_str(smmu), __entry->vintfs, __entry->vcmdqs,
		  __entry->broken, __entry->ret)
);

TRACE_EVENT(cmdqv_interrupt,
	TP_PROTO(const struct tegra241_cmdqv *cmdqv, u64 vintf_err_map),
	TP_ARGS(cmdqv, vintf_err_map),
	TP_STRUCT__entry(
		__string(smmu, dev_name(cmdqv->smmu.dev))
		__field(u64, vintf_err_map)
	),
	TP_fast_assign(
		__assign_str(smmu);
		__entry->vintf_err_map = vintf_err_map;
	),
	TP_printk("smmu=%s vintf_err_map=0x%llx", __get_str(smmu),
		  __entry->vintf_err_map)
);

/*
 * VINTFs
 */

/* To @dev's user; @vintf->hw is it */
TRACE_EVENT(cmdqv_vintf_alloc,
	TP_PROTO(const struct tegra241_vintf *vintf, u16 vmid,
		 const struct device *dev, kuid_t user),
	TP_ARGS(vintf, vmid, dev, user),
	TP_STRUCT__entry(
		__string(smmu, dev_name(vintf->cmdqv->smmu.dev))
		__string(device, dev_name(dev))
		__field(u16, v)
		__field(u16, vmid)
		__field(u32, user)
	),
	TP_fast_assign(
		__assign_str(smmu);
		__assign_str(device);
		__entry->v = vintf->idx;
		__entry->vmid = vmid;
		__entry->user = from_kuid_munged(&init_user_ns, user);
	),
	TP_printk("smmu=%s v=%u vmid=0x%x device=%s user=%u", __get_str(smmu),
		  __entry->v, __entry->vmid, __get_str(device), __entry->user)
);

TRACE_EVENT(cmdqv_vintf_refused,
	TP_PROTO(const struct tegra241_cmdqv *cmdqv, const struct device *dev,
		 kuid_t user, int ret),
	TP_ARGS(cmdqv, dev, user, ret),
	TP_STRUCT__entry(
		__string(smmu, dev_name(cmdqv->smmu.dev))
		__string(device, dev_name(dev))
		__field(u32, user)
		__field(int, ret)
	),
	TP_fast_assign(
		__assign_str(smmu);
		__assign_str(device);
		__entry->user = from_kuid_munged(&init_user_ns, user);
		__entry->ret = ret;
	),
	TP_printk("smmu=%s device=%s user=%u ret=%d", __get_str(smmu),
		  __get_str(device), __entry->user, __entry->ret)
);

DECLARE_EVENT_CLASS(cmdqv_vintf,
	TP_PROTO(const struct tegra241_vintf *vintf, u16 vmid, int ret),
	TP_ARGS(vintf, vmid, ret),
	TP_STRUCT__entry(
		__string(smmu, dev_name(vintf->cmdqv->smmu.dev))
		__field(u16, v)
		__field(u16, vmid)
		__field(int, ret)
	),
	TP_fast_assign(
		__assign_str(smmu);
		__entry->v = vintf->idx;
		__entry->vmid = vmid;
		__entry->ret = ret;
	),
	TP_printk("smmu=%s v=%u vmid=0x%x ret=%d", __get_str(smmu), __entry->v,
		  __entry->vmid, __entry->ret)
);

/* VINTF_CONFIG.ENABLE has been set, and cleared; of VINTF0 as well */
DEFINE_EVENT(cmdqv_vintf, cmdqv_vintf_enable,
	TP_PROTO(const struct tegra241_vintf *vintf, u16 vmid, int ret),
	TP_ARGS(vintf, vmid, ret)
);

DEFINE_EVENT(cmdqv_vintf, cmdqv_vintf_disable,
	TP_PROTO(const struct tegra241_vintf *vintf, u16 vmid, int ret),
	TP_ARGS(vintf, vmid, ret)
);

/* Cleared under a queue that would not stop; no new queue from here on */
DEFINE_EVENT(cmdqv_vintf, cmdqv_vintf_fence,
	TP_PROTO(const struct tegra241_vintf *vintf, u16 vmid, int ret),
	TP_ARGS(vintf, vmid, ret)
);

/* Its vIOMMU has ended and the hardware has not; and now it has, all of it */
DEFINE_EVENT(cmdqv_vintf, cmdqv_vintf_quarantine,
	TP_PROTO(const struct tegra241_vintf *vintf, u16 vmid, int ret),
	TP_ARGS(vintf, vmid, ret)
);

DEFINE_EVENT(cmdqv_vintf, cmdqv_vintf_unquarantine,
	TP_PROTO(const struct tegra241_vintf *vintf, u16 vmid, int ret),
	TP_ARGS(vintf, vmid, ret)
);

/* Scrubbed; anybody may have it next, and @vmid unless others hold it */
DEFINE_EVENT(cmdqv_vintf, cmdqv_vintf_free,
	TP_PROTO(const struct tegra241_vintf *vintf, u16 vmid, int ret),
	TP_ARGS(vintf, vmid, ret)
);

/* Page 0 can be mapped at this offset of the iommufd */
TRACE_EVENT(cmdqv_vintf_window,
	TP_PROTO(const struct tegra241_vintf *vintf, unsigned long offset,
		 size_t length, int ret),
	TP_ARGS(vintf, offset, length, ret),
	TP_STRUCT__entry(
		__string(smmu, dev_name(vintf->cmdqv->smmu.dev))
		__field(u16, v)
		__field(unsigned long, offset)
		__field(size_t, length)
		__field(int, ret)
	),
	TP_fast_assign(
		__assign_str(smmu);
		__entry->v = vintf->idx;
		__entry->offset = offset;
		__entry->length = length;
		__entry->ret = ret;
	),
	TP_printk("smmu=%s v=%u offset=0x%lx length=0x%zx ret=%d",
		  __get_str(smmu), __entry->v, __entry->offset,
		  __entry->length, __entry->ret)
);

/*
 * VCMDQs
 */

/*
 * Scrubbed, and BASE is there. The address is what tells whether two queues are in the
 * memory that they should be in.
 */
TRACE_EVENT(cmdqv_vcmdq_prepare,
	TP_PROTO(const struct tegra241_vcmdq *vcmdq, u64 base, int ret),
	TP_ARGS(vcmdq, base, ret),
	TP_STRUCT__entry(
		__string(smmu, dev_name(vcmdq->cmdqv->smmu.dev))
		__field(u16, v)
		__field(u16, q)
		__field(u16, l)
		__field(u64, base)
		__field(u64, entries)
		__field(int, ret)
	),
	TP_fast_assign(
		__assign_str(smmu);
		__entry->v = vcmdq->vintf_idx;
		__entry->q = vcmdq->idx;
		__entry->l = vcmdq->lidx;
		__entry->base = base & VCMDQ_ADDR;
		__entry->entries = 1ULL << FIELD_GET(VCMDQ_LOG2SIZE, base);
		__entry->ret = ret;
	),
	TP_printk("smmu=%s v=%u q=%u l=%u base=0x%llx entries=%llu ret=%d",
		  __get_str(smmu), __entry->v, __entry->q, __entry->l,
		  __entry->base, __entry->entries, __entry->ret)
);

/* A queue that a VM does not get: for the memory that it is in, or by the hardware */
TRACE_EVENT(cmdqv_vcmdq_refused,
	TP_PROTO(const struct tegra241_vintf *vintf, u32 l, u64 guest_address,
		 size_t length, int ret),
	TP_ARGS(vintf, l, guest_address, length, ret),
	TP_STRUCT__entry(
		__string(smmu, dev_name(vintf->cmdqv->smmu.dev))
		__field(u16, v)
		__field(u32, l)
		__field(u64, guest_address)
		__field(size_t, length)
		__field(int, ret)
	),
	TP_fast_assign(
		__assign_str(smmu);
		__entry->v = vintf->idx;
		__entry->l = l;
		__entry->guest_address = guest_address;
		__entry->length = length;
		__entry->ret = ret;
	),
	TP_printk("smmu=%s v=%u l=%u guest_address=0x%llx length=0x%zx ret=%d",
		  __get_str(smmu), __entry->v, __entry->l,
		  __entry->guest_address, __entry->length, __entry->ret)
);

DECLARE_EVENT_CLASS(cmdqv_vcmdq,
	TP_PROTO(const struct tegra241_vcmdq *vcmdq, int ret),
	TP_ARGS(vcmdq, ret),
	TP_STRUCT__entry(
		__string(smmu, dev_name(vcmdq->cmdqv->smmu.dev))
		__field(u16, v)
		__field(u16, q)
		__field(u16, l)
		__field(int, ret)
	),
	TP_fast_assign(
		__assign_str(smmu);
		__entry->v = vcmdq->vintf_idx;
		__entry->q = vcmdq->idx;
		__entry->l = vcmdq->lidx;
		__entry->ret = ret;
	),
	TP_printk("smmu=%s v=%u q=%u l=%u ret=%d", __get_str(smmu),
		  __entry->v, __entry->q, __entry->l, __entry->ret)
);

/*
 * CMDQ_ALLOC_MAP.ALLOCATED has been set, and cleared; the latter each time that the
 * queue is to be stopped. At a shutdown cmdqv_disable alone tells of all that ends.
 */
DEFINE_EVENT(cmdqv_vcmdq, cmdqv_vcmdq_map,
	TP_PROTO(const struct tegra241_vcmdq *vcmdq, int ret),
	TP_ARGS(vcmdq, ret)
);

DEFINE_EVENT(cmdqv_vcmdq, cmdqv_vcmdq_unmap,
	TP_PROTO(const struct tegra241_vcmdq *vcmdq, int ret),
	TP_ARGS(vcmdq, ret)
);

/* Whether it has stopped for good, and knows no memory any more */
DEFINE_EVENT(cmdqv_vcmdq, cmdqv_vcmdq_stop,
	TP_PROTO(const struct tegra241_vcmdq *vcmdq, int ret),
	TP_ARGS(vcmdq, ret)
);

/* It has stopped, but late ATC timeouts could not be flushed: that is owed */
DEFINE_EVENT(cmdqv_vcmdq, cmdqv_vcmdq_unflushed,
	TP_PROTO(const struct tegra241_vcmdq *vcmdq, int ret),
	TP_ARGS(vcmdq, ret)
);

/* Free: it has stopped, and its HW queue has ended or never came to be */
DEFINE_EVENT(cmdqv_vcmdq, cmdqv_vcmdq_retire,
	TP_PROTO(const struct tegra241_vcmdq *vcmdq, int ret),
	TP_ARGS(vcmdq, ret)
);

/* It would not stop, for @ret, and holds its memory; and now it has stopped */
DEFINE_EVENT(cmdqv_vcmdq, cmdqv_vcmdq_quarantine,
	TP_PROTO(const struct tegra241_vcmdq *vcmdq, int ret),
	TP_ARGS(vcmdq, ret)
);

DEFINE_EVENT(cmdqv_vcmdq, cmdqv_vcmdq_unquarantine,
	TP_PROTO(const struct tegra241_vcmdq *vcmdq, int ret),
	TP_ARGS(vcmdq, ret)
);

/* The kernel's own queues */
DEFINE_EVENT(cmdqv_vcmdq, cmdqv_host_vcmdq_enable,
	TP_PROTO(const struct tegra241_vcmdq *vcmdq, int ret),
	TP_ARGS(vcmdq, ret)
);

DEFINE_EVENT(cmdqv_vcmdq, cmdqv_host_vcmdq_disable,
	TP_PROTO(const struct tegra241_vcmdq *vcmdq, int ret),
	TP_ARGS(vcmdq, ret)
);

/*
 * Errors
 */

/* CONS.ERR (hardware.md §5) */
#define show_vcmdq_cons_err(err)					\
	__print_symbolic(err,						\
			 { 0, "NONE" },					\
			 { 1, "ILLEGAL_OPCODE" },			\
			 { 2, "ABORT" },				\
			 { 3, "ATC_INV" },				\
			 { 4, "ILLEGAL_ACCESS" })

/* @fresh: it is another one than was seen last, and a VM will be told */
TRACE_EVENT(cmdqv_vcmdq_error,
	TP_PROTO(const struct tegra241_vcmdq *vcmdq, u32 gerror, u32 cons,
		 bool fresh),
	TP_ARGS(vcmdq, gerror, cons, fresh),
	TP_STRUCT__entry(
		__string(smmu, dev_name(vcmdq->cmdqv->smmu.dev))
		__field(u16, v)
		__field(u16, q)
		__field(u16, l)
		__field(u32, gerror)
		__field(u32, cons)
		__field(u8, cons_err)
		__field(bool, fresh)
	),
	TP_fast_assign(
		__assign_str(smmu);
		__entry->v = vcmdq->vintf_idx;
		__entry->q = vcmdq->idx;
		__entry->l = vcmdq->lidx;
		__entry->gerror = gerror;
		__entry->cons = cons & VCMDQ_INDEX;
		__entry->cons_err = FIELD_GET(VCMDQ_CONS_ERR, cons);
		__entry->fresh = fresh;
	),
	TP_printk("smmu=%s v=%u q=%u l=%u gerror=0x%x cons=0x%x cons_err=%s fresh=%d",
		  __get_str(smmu), __entry->v, __entry->q, __entry->l,
		  __entry->gerror, __entry->cons,
		  show_vcmdq_cons_err(__entry->cons_err), __entry->fresh)
);

DECLARE_EVENT_CLASS(cmdqv_error_map,
	TP_PROTO(const struct tegra241_vintf *vintf, const u64 *map, int ret),
	TP_ARGS(vintf, map, ret),
	TP_STRUCT__entry(
		__string(smmu, dev_name(vintf->cmdqv->smmu.dev))
		__field(u16, v)
		__field(u64, map_low)
		__field(u64, map_high)
		__field(int, ret)
	),
	TP_fast_assign(
		__assign_str(smmu);
		__entry->v = vintf->idx;
		__entry->map_low = map[0];
		__entry->map_high = map[1];
		__entry->ret = ret;
	),
	TP_printk("smmu=%s v=%u lvcmdq_err_map=0x%llx,0x%llx ret=%d",
		  __get_str(smmu), __entry->v, __entry->map_low,
		  __entry->map_high, __entry->ret)
);

/*
 * The VMM's queue of events has it, or counts it as lost (iommufd_vevent_lost); or
 * nobody listens, and is told when somebody does
 */
DEFINE_EVENT(cmdqv_error_map, cmdqv_error_reported,
	TP_PROTO(const struct tegra241_vintf *vintf, const u64 *map, int ret),
	TP_ARGS(vintf, map, ret)
);

DEFINE_EVENT(cmdqv_error_map, cmdqv_error_dropped,
	TP_PROTO(const struct tegra241_vintf *vintf, const u64 *map, int ret),
	TP_ARGS(vintf, map, ret)
);

DECLARE_EVENT_CLASS(cmdqv_brake,
	TP_PROTO(const struct tegra241_cmdqv *cmdqv, u16 v, u64 int_mask),
	TP_ARGS(cmdqv, v, int_mask),
	TP_STRUCT__entry(
		__string(smmu, dev_name(cmdqv->smmu.dev))
		__field(u16, v)
		__field(u64, int_mask)
	),
	TP_fast_assign(
		__assign_str(smmu);
		__entry->v = v;
		__entry->int_mask = int_mask;
	),
	TP_printk("smmu=%s v=%u vintf_int_mask=0x%llx", __get_str(smmu),
		  __entry->v, __entry->int_mask)
);

/* A VINTF, or with v=0 all VMs', interrupts too often and is polled; and no more */
DEFINE_EVENT(cmdqv_brake, cmdqv_masked,
	TP_PROTO(const struct tegra241_cmdqv *cmdqv, u16 v, u64 int_mask),
	TP_ARGS(cmdqv, v, int_mask)
);

DEFINE_EVENT(cmdqv_brake, cmdqv_unmasked,
	TP_PROTO(const struct tegra241_cmdqv *cmdqv, u16 v, u64 int_mask),
	TP_ARGS(cmdqv, v, int_mask)
);

/* Interrupts go on with all VMs' VINTFs masked, so there is no brake any more */
DEFINE_EVENT(cmdqv_brake, cmdqv_mask_useless,
	TP_PROTO(const struct tegra241_cmdqv *cmdqv, u16 v, u64 int_mask),
	TP_ARGS(cmdqv, v, int_mask)
);

/*
 * SID slots
 */

DECLARE_EVENT_CLASS(cmdqv_sid,
	TP_PROTO(const struct tegra241_vintf *vintf, int slot, u64 virt_sid,
		 u32 phys_sid, const struct device *dev, int ret),
	TP_ARGS(vintf, slot, virt_sid, phys_sid, dev, ret),
	TP_STRUCT__entry(
		__string(smmu, dev_name(vintf->cmdqv->smmu.dev))
		__string(device, dev_name(dev))
		__field(u16, v)
		__field(int, slot)
		__field(u64, virt_sid)
		__field(u32, phys_sid)
		__field(int, ret)
	),
	TP_fast_assign(
		__assign_str(smmu);
		__assign_str(device);
		__entry->v = vintf->idx;
		__entry->slot = slot;
		__entry->virt_sid = virt_sid;
		__entry->phys_sid = phys_sid;
		__entry->ret = ret;
	),
	TP_printk("smmu=%s v=%u slot=%d virt_sid=0x%llx phys_sid=0x%x device=%s ret=%d",
		  __get_str(smmu), __entry->v, __entry->slot,
		  __entry->virt_sid, __entry->phys_sid, __get_str(device),
		  __entry->ret)
);

/* SID_MATCH and SID_REPLACE have been set, and cleared after a flush */
DEFINE_EVENT(cmdqv_sid, cmdqv_sid_set,
	TP_PROTO(const struct tegra241_vintf *vintf, int slot, u64 virt_sid,
		 u32 phys_sid, const struct device *dev, int ret),
	TP_ARGS(vintf, slot, virt_sid, phys_sid, dev, ret)
);

DEFINE_EVENT(cmdqv_sid, cmdqv_sid_clear,
	TP_PROTO(const struct tegra241_vintf *vintf, int slot, u64 virt_sid,
		 u32 phys_sid, const struct device *dev, int ret),
	TP_ARGS(vintf, slot, virt_sid, phys_sid, dev, ret)
);

/* Matches nothing any more, but nobody knows of what has been matched before */
DEFINE_EVENT(cmdqv_sid, cmdqv_sid_give_up,
	TP_PROTO(const struct tegra241_vintf *vintf, int slot, u64 virt_sid,
		 u32 phys_sid, const struct device *dev, int ret),
	TP_ARGS(vintf, slot, virt_sid, phys_sid, dev, ret)
);

/*
 * A vDEVICE can't have a slot: there is none, or no StreamID that fits. slot is -1, and
 * phys_sid 0 unless it has come to be known.
 */
DEFINE_EVENT(cmdqv_sid, cmdqv_sid_refused,
	TP_PROTO(const struct tegra241_vintf *vintf, int slot, u64 virt_sid,
		 u32 phys_sid, const struct device *dev, int ret),
	TP_ARGS(vintf, slot, virt_sid, phys_sid, dev, ret)
);

#endif /* _TEGRA241_CMDQV_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH ../../drivers/iommu/arm/arm-smmu-v3
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE tegra241-cmdqv-trace
#include <trace/define_trace.h>
