/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace events of iommufd: virtual IOMMUs and what belongs to them
 *
 * ctx is the number of the iommufd since boot: ids are one iommufd's own. Objects have
 * the ids that user space knows. rc is 0 or a negative errno. Of an ioctl that fails,
 * cause says what it was about when it failed. Keys and their meaning stay, new ones
 * come at the end.
 *
 * An allocation is traced when its outcome is known; a published object may have been
 * used by then, so the events of what has been done with it may come before. The
 * destruction is traced before anything of the object goes.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM iommufd

#if !defined(_IOMMUFD_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _IOMMUFD_TRACE_H

#include <linux/tracepoint.h>
#include <uapi/linux/iommufd.h>

#include "iommufd_private.h"

TRACE_DEFINE_ENUM(IOMMUFD_OBJ_DEVICE);
TRACE_DEFINE_ENUM(IOMMUFD_OBJ_HWPT_PAGING);
TRACE_DEFINE_ENUM(IOMMUFD_OBJ_HWPT_NESTED);
TRACE_DEFINE_ENUM(IOMMUFD_OBJ_IOAS);
TRACE_DEFINE_ENUM(IOMMUFD_OBJ_ACCESS);
TRACE_DEFINE_ENUM(IOMMUFD_OBJ_FAULT);
TRACE_DEFINE_ENUM(IOMMUFD_OBJ_VIOMMU);
TRACE_DEFINE_ENUM(IOMMUFD_OBJ_VDEVICE);
TRACE_DEFINE_ENUM(IOMMUFD_OBJ_VEVENTQ);
TRACE_DEFINE_ENUM(IOMMUFD_OBJ_HW_QUEUE);

#define show_iommufd_object(type)					\
	__print_symbolic(type,						\
			 { IOMMUFD_OBJ_DEVICE, "DEVICE" },		\
			 { IOMMUFD_OBJ_HWPT_PAGING, "HWPT_PAGING" },	\
			 { IOMMUFD_OBJ_HWPT_NESTED, "HWPT_NESTED" },	\
			 { IOMMUFD_OBJ_IOAS, "IOAS" },			\
			 { IOMMUFD_OBJ_ACCESS, "ACCESS" },		\
			 { IOMMUFD_OBJ_FAULT, "FAULT" },		\
			 { IOMMUFD_OBJ_VIOMMU, "VIOMMU" },		\
			 { IOMMUFD_OBJ_VDEVICE, "VDEVICE" },		\
			 { IOMMUFD_OBJ_VEVENTQ, "VEVENTQ" },		\
			 { IOMMUFD_OBJ_HW_QUEUE, "HW_QUEUE" })

/*
 * Objects come: the ioctls, with what user space asked for. Without an object id is 0.
 */

TRACE_EVENT(iommufd_viommu_alloc,
	TP_PROTO(const struct iommufd_ctx *ictx,
		 const struct iommu_viommu_alloc *cmd, int rc,
		 const char *cause),
	TP_ARGS(ictx, cmd, rc, cause),
	TP_STRUCT__entry(
		__field(u32, ctx)
		__field(u32, id)
		__field(u32, type)
		__field(u32, dev_id)
		__field(u32, hwpt_id)
		__field(int, rc)
		__string(cause, rc ? cause : "-")
	),
	TP_fast_assign(
		__entry->ctx = ictx->number;
		__entry->id = rc ? 0 : cmd->out_viommu_id;
		__entry->type = cmd->type;
		__entry->dev_id = cmd->dev_id;
		__entry->hwpt_id = cmd->hwpt_id;
		__entry->rc = rc;
		__assign_str(cause);
	),
	TP_printk("ctx=%u id=%u type=0x%x dev_id=%u hwpt_id=%u rc=%d cause=%s",
		  __entry->ctx, __entry->id, __entry->type, __entry->dev_id,
		  __entry->hwpt_id, __entry->rc, __get_str(cause))
);

TRACE_EVENT(iommufd_vdevice_alloc,
	TP_PROTO(const struct iommufd_ctx *ictx,
		 const struct iommu_vdevice_alloc *cmd, int rc,
		 const char *cause),
	TP_ARGS(ictx, cmd, rc, cause),
	TP_STRUCT__entry(
		__field(u32, ctx)
		__field(u32, id)
		__field(u32, viommu_id)
		__field(u32, dev_id)
		__field(u64, virt_id)
		__field(int, rc)
		__string(cause, rc ? cause : "-")
	),
	TP_fast_assign(
		__entry->ctx = ictx->number;
		__entry->id = rc ? 0 : cmd->out_vdevice_id;
		__entry->viommu_id = cmd->viommu_id;
		__entry->dev_id = cmd->dev_id;
		__entry->virt_id = cmd->virt_id;
		__entry->rc = rc;
		__assign_str(cause);
	),
	TP_printk("ctx=%u id=%u viommu_id=%u dev_id=%u virt_id=0x%llx rc=%d cause=%s",
		  __entry->ctx, __entry->id, __entry->viommu_id,
		  __entry->dev_id, __entry->virt_id, __entry->rc,
		  __get_str(cause))
);

TRACE_EVENT(iommufd_veventq_alloc,
	TP_PROTO(const struct iommufd_ctx *ictx,
		 const struct iommu_veventq_alloc *cmd, int rc,
		 const char *cause),
	TP_ARGS(ictx, cmd, rc, cause),
	TP_STRUCT__entry(
		__field(u32, ctx)
		__field(u32, id)
		__field(u32, viommu_id)
		__field(u32, type)
		__field(u32, depth)
		__field(int, rc)
		__string(cause, rc ? cause : "-")
	),
	TP_fast_assign(
		__entry->ctx = ictx->number;
		__entry->id = rc ? 0 : cmd->out_veventq_id;
		__entry->viommu_id = cmd->viommu_id;
		__entry->type = cmd->type;
		__entry->depth = cmd->veventq_depth;
		__entry->rc = rc;
		__assign_str(cause);
	),
	TP_printk("ctx=%u id=%u viommu_id=%u type=0x%x depth=%u rc=%d cause=%s",
		  __entry->ctx, __entry->id, __entry->viommu_id, __entry->type,
		  __entry->depth, __entry->rc, __get_str(cause))
);

TRACE_EVENT(iommufd_hw_queue_alloc,
	TP_PROTO(const struct iommufd_ctx *ictx,
		 const struct iommu_hw_queue_alloc *cmd, int rc,
		 const char *cause),
	TP_ARGS(ictx, cmd, rc, cause),
	TP_STRUCT__entry(
		__field(u32, ctx)
		__field(u32, id)
		__field(u32, viommu_id)
		__field(u32, type)
		__field(u32, index)
		__field(u64, iova)
		__field(u64, length)
		__field(int, rc)
		__string(cause, rc ? cause : "-")
	),
	TP_fast_assign(
		__entry->ctx = ictx->number;
		__entry->id = rc ? 0 : cmd->out_hw_queue_id;
		__entry->viommu_id = cmd->viommu_id;
		__entry->type = cmd->type;
		__entry->index = cmd->index;
		__entry->iova = cmd->nesting_parent_iova;
		__entry->length = cmd->length;
		__entry->rc = rc;
		__assign_str(cause);
	),
	TP_printk("ctx=%u id=%u viommu_id=%u type=0x%x index=%u iova=0x%llx length=0x%llx rc=%d cause=%s",
		  __entry->ctx, __entry->id, __entry->viommu_id, __entry->type,
		  __entry->index, __entry->iova, __entry->length, __entry->rc,
		  __get_str(cause))
);

/*
 * Objects go
 */

DECLARE_EVENT_CLASS(iommufd_object,
	TP_PROTO(const struct iommufd_ctx *ictx,
		 const struct iommufd_object *obj),
	TP_ARGS(ictx, obj),
	TP_STRUCT__entry(
		__field(u32, ctx)
		__field(u32, id)
		__field(u32, type)
	),
	TP_fast_assign(
		__entry->ctx = ictx->number;
		__entry->id = obj->id;
		__entry->type = obj->type;
	),
	TP_printk("ctx=%u id=%u type=%s", __entry->ctx, __entry->id,
		  show_iommufd_object(__entry->type))
);

/* It has failed while it was being made, or its reply could not be written */
DEFINE_EVENT(iommufd_object, iommufd_abort,
	TP_PROTO(const struct iommufd_ctx *ictx,
		 const struct iommufd_object *obj),
	TP_ARGS(ictx, obj)
);

/* By DESTROY, by the end of the iommufd, or with its device */
DEFINE_EVENT(iommufd_object, iommufd_object_destroy,
	TP_PROTO(const struct iommufd_ctx *ictx,
		 const struct iommufd_object *obj),
	TP_ARGS(ictx, obj)
);

/* The ioctl; when it succeeds the object has been destroyed already */
TRACE_EVENT(iommufd_destroy,
	TP_PROTO(const struct iommufd_ctx *ictx, u32 id, int rc),
	TP_ARGS(ictx, id, rc),
	TP_STRUCT__entry(
		__field(u32, ctx)
		__field(u32, id)
		__field(int, rc)
	),
	TP_fast_assign(
		__entry->ctx = ictx->number;
		__entry->id = id;
		__entry->rc = rc;
	),
	TP_printk("ctx=%u id=%u rc=%d", __entry->ctx, __entry->id, __entry->rc)
);

/*
 * A device leaves, and takes its vDEVICE with it. @tombstone: the id was published,
 * and stays taken; else ALLOC or DESTROY is about to end the object.
 */
TRACE_EVENT(iommufd_unbind_vdevice,
	TP_PROTO(const struct iommufd_ctx *ictx, const struct device *dev,
		 u32 dev_id, u32 vdevice_id, bool tombstone),
	TP_ARGS(ictx, dev, dev_id, vdevice_id, tombstone),
	TP_STRUCT__entry(
		__field(u32, ctx)
		__string(device, dev_name(dev))
		__field(u32, dev_id)
		__field(u32, vdevice_id)
		__field(bool, tombstone)
	),
	TP_fast_assign(
		__entry->ctx = ictx->number;
		__assign_str(device);
		__entry->dev_id = dev_id;
		__entry->vdevice_id = vdevice_id;
		__entry->tombstone = tombstone;
	),
	TP_printk("ctx=%u device=%s dev_id=%u vdevice_id=%u tombstone=%d",
		  __entry->ctx, __get_str(device), __entry->dev_id,
		  __entry->vdevice_id, __entry->tombstone)
);

/*
 * Windows. An offset is what user space gives to mmap(), a length is in bytes.
 */

DECLARE_EVENT_CLASS(iommufd_window,
	TP_PROTO(const struct iommufd_ctx *ictx, u32 viommu_id, u64 offset,
		 u64 length, int rc),
	TP_ARGS(ictx, viommu_id, offset, length, rc),
	TP_STRUCT__entry(
		__field(u32, ctx)
		__field(u32, viommu_id)
		__field(u64, offset)
		__field(u64, length)
		__field(int, rc)
	),
	TP_fast_assign(
		__entry->ctx = ictx->number;
		__entry->viommu_id = viommu_id;
		__entry->offset = offset;
		__entry->length = length;
		__entry->rc = rc;
	),
	TP_printk("ctx=%u viommu_id=%u offset=0x%llx length=0x%llx rc=%d",
		  __entry->ctx, __entry->viommu_id, __entry->offset,
		  __entry->length, __entry->rc)
);

/* A vIOMMU that is being made has it; user space finds it when that is published */
DEFINE_EVENT(iommufd_window, iommufd_window_add,
	TP_PROTO(const struct iommufd_ctx *ictx, u32 viommu_id, u64 offset,
		 u64 length, int rc),
	TP_ARGS(ictx, viommu_id, offset, length, rc)
);

DEFINE_EVENT(iommufd_window, iommufd_window_remove,
	TP_PROTO(const struct iommufd_ctx *ictx, u32 viommu_id, u64 offset,
		 u64 length, int rc),
	TP_ARGS(ictx, viommu_id, offset, length, rc)
);

/* mmap(). Refused without a window, whose vIOMMU there isn't either then: 0 */
DEFINE_EVENT(iommufd_window, iommufd_mmap,
	TP_PROTO(const struct iommufd_ctx *ictx, u32 viommu_id, u64 offset,
		 u64 length, int rc),
	TP_ARGS(ictx, viommu_id, offset, length, rc)
);

/* One more mapping by fork(), or of what is left of one; and one less, by any means */
DEFINE_EVENT(iommufd_window, iommufd_vma_open,
	TP_PROTO(const struct iommufd_ctx *ictx, u32 viommu_id, u64 offset,
		 u64 length, int rc),
	TP_ARGS(ictx, viommu_id, offset, length, rc)
);

DEFINE_EVENT(iommufd_window, iommufd_munmap,
	TP_PROTO(const struct iommufd_ctx *ictx, u32 viommu_id, u64 offset,
		 u64 length, int rc),
	TP_ARGS(ictx, viommu_id, offset, length, rc)
);

/*
 * Events of vIOMMUs
 */

DECLARE_EVENT_CLASS(iommufd_vevent,
	TP_PROTO(u32 ctx, u32 veventq_id, u32 type, u32 sequence,
		 u32 num_events, u32 depth),
	TP_ARGS(ctx, veventq_id, type, sequence, num_events, depth),
	TP_STRUCT__entry(
		__field(u32, ctx)
		__field(u32, veventq_id)
		__field(u32, type)
		__field(u32, sequence)
		__field(u32, num_events)
		__field(u32, depth)
	),
	TP_fast_assign(
		__entry->ctx = ctx;
		__entry->veventq_id = veventq_id;
		__entry->type = type;
		__entry->sequence = sequence;
		__entry->num_events = num_events;
		__entry->depth = depth;
	),
	TP_printk("ctx=%u veventq_id=%u type=0x%x sequence=%u num_events=%u depth=%u",
		  __entry->ctx, __entry->veventq_id, __entry->type,
		  __entry->sequence, __entry->num_events, __entry->depth)
);

/* num_events: with this one; of a lost one: without */
DEFINE_EVENT(iommufd_vevent, iommufd_vevent_add,
	TP_PROTO(u32 ctx, u32 veventq_id, u32 type, u32 sequence,
		 u32 num_events, u32 depth),
	TP_ARGS(ctx, veventq_id, type, sequence, num_events, depth)
);

/* The queue was full, there was no memory, or the driver itself has lost it */
DEFINE_EVENT(iommufd_vevent, iommufd_vevent_lost,
	TP_PROTO(u32 ctx, u32 veventq_id, u32 type, u32 sequence,
		 u32 num_events, u32 depth),
	TP_ARGS(ctx, veventq_id, type, sequence, num_events, depth)
);

/* The vIOMMU has no queue of the type */
TRACE_EVENT(iommufd_vevent_nobody,
	TP_PROTO(const struct iommufd_ctx *ictx, u32 viommu_id, u32 type),
	TP_ARGS(ictx, viommu_id, type),
	TP_STRUCT__entry(
		__field(u32, ctx)
		__field(u32, viommu_id)
		__field(u32, type)
	),
	TP_fast_assign(
		__entry->ctx = ictx->number;
		__entry->viommu_id = viommu_id;
		__entry->type = type;
	),
	TP_printk("ctx=%u viommu_id=%u type=0x%x", __entry->ctx,
		  __entry->viommu_id, __entry->type)
);

/* HWPT_INVALIDATE: so many requests asked for, so many done by the hardware */
TRACE_EVENT(iommufd_cache_invalidate,
	TP_PROTO(const struct iommufd_ctx *ictx, u32 id, u32 data_type,
		 u32 asked, u32 done, int rc),
	TP_ARGS(ictx, id, data_type, asked, done, rc),
	TP_STRUCT__entry(
		__field(u32, ctx)
		__field(u32, id)
		__field(u32, data_type)
		__field(u32, asked)
		__field(u32, done)
		__field(int, rc)
	),
	TP_fast_assign(
		__entry->ctx = ictx->number;
		__entry->id = id;
		__entry->data_type = data_type;
		__entry->asked = asked;
		__entry->done = done;
		__entry->rc = rc;
	),
	TP_printk("ctx=%u id=%u data_type=0x%x asked=%u done=%u rc=%d",
		  __entry->ctx, __entry->id, __entry->data_type,
		  __entry->asked, __entry->done, __entry->rc)
);

#endif /* _IOMMUFD_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH ../../drivers/iommu/iommufd
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
