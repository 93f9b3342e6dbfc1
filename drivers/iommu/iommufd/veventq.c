// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: vEVENTQs
 *
 * vEVENTQ: events of a vIOMMU on their way to user space.
 *
 * A driver reports from wherever it learns of an event, an interrupt included;
 * user space reads from a file whenever it likes, or never. So neither side waits
 * for the other: what does not fit is lost, and counted.
 *
 * Every event has a number, lost or not. A queue is the events that are kept, in
 * the order of their numbers, and after the last of them perhaps a loss. A loss is
 * not an event but a state: the events since the last one that is kept are gone.
 * It ends when an event is kept again, for then the gap in the numbers tells; until
 * then a read gets a record of its own for it, with the number of the last event
 * that was lost. Such a record has no memory that could fail to be there, and no
 * place in the list that it could be left in.
 *
 * A reader copies the first record to user space without a lock, for that can take
 * as long as user space likes, and takes it off the queue after that if it still is
 * the first. If another reader has been quicker, it goes on with the new first one.
 * Thus each record is read once, nobody gets a later one before an earlier one has
 * been read, no reader waits for another, and a read that fails has taken nothing.
 *
 * Memory for an event is allocated when it is reported, and charged to the memory
 * cgroup of who made the queue; a depth that is not used costs nothing.
 *
 * A driver finds the queue and adds to it in one section of the vIOMMU's
 * veventqs_lock, which DESTROY takes to unlink it: afterwards no report knows the
 * queue, and it can be freed at once. The lock is one VM's, and held for no longer
 * than it takes to copy an event.
 *
 * Drivers report with locks held that all VMs need, and user space can have as many
 * waiters for one queue as it likes, each of which a wake-up visits. So what a report
 * costs must not depend on them: it is a work item that wakes, and only if somebody
 * has read since it did so last. Who doesn't read is not woken twice.
 */
#include <linux/anon_inodes.h>
#include <linux/cleanup.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommufd.h>
#include <linux/memcontrol.h>
#include <linux/poll.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "trace.h"
#include "viommu_private.h"

/* 1 << 19: enough for any guest's event queue, and the most that VMMs ask for */
#define IOMMUFD_VEVENTQ_DEPTH_MAX 0x80000

/* An event that is kept */
struct iommufd_vevent {
	struct list_head item;
	u32 sequence;
	u32 len;
	u8 data[] __counted_by(len);
};

/* What read() returns of one: @data as long as the event is, of a loss nothing */
struct iommufd_vevent_record {
	struct iommufd_vevent_header header;
	u8 data[IOMMUFD_VEVENT_LEN_MAX];
};

static void iommufd_veventq_wake(struct work_struct *work)
{
	struct iommufd_veventq_obj *veventq =
		container_of(work, struct iommufd_veventq_obj, wake_work);

	wake_up_interruptible_poll(&veventq->wait, EPOLLIN | EPOLLRDNORM);
}

/**
 * iommufd_veventq_init() - make an empty queue
 * @veventq: zeroed memory but for @veventq->obj
 * @depth: how many events are kept, 1 to 1 << 19
 *
 * Context: process context; the memory cgroup of the caller is charged for the
 * events.
 */
void iommufd_veventq_init(struct iommufd_veventq_obj *veventq, u32 depth)
{
	veventq->depth = depth;
	veventq->memcg = get_mem_cgroup_from_mm(current->mm);
	init_waitqueue_head(&veventq->wait);
	INIT_WORK(&veventq->wake_work, iommufd_veventq_wake);
	INIT_LIST_HEAD(&veventq->node);
	spin_lock_init(&veventq->lock);
	INIT_LIST_HEAD(&veventq->events);
	veventq->wake = true;
}

/**
 * iommufd_veventq_fini() - undo iommufd_veventq_init()
 * @veventq: the queue; nobody adds to it, reads from it or waits for it any more
 *
 * Context: process context, may sleep.
 */
void iommufd_veventq_fini(struct iommufd_veventq_obj *veventq)
{
	struct iommufd_vevent *event, *next;

	/* Most have never had anybody to wake */
	if (veventq->woken)
		cancel_work_sync(&veventq->wake_work);
	list_for_each_entry_safe(event, next, &veventq->events, item) {
		kfree(event);
		cond_resched();
	}
	mem_cgroup_put(veventq->memcg);
}

static struct iommufd_vevent *
iommufd_vevent_alloc(struct iommufd_veventq_obj *veventq, const void *data,
		     size_t len)
{
	struct mem_cgroup *old_memcg = set_active_memcg(veventq->memcg);
	struct iommufd_vevent *event;

	event = kmalloc(struct_size(event, data, len),
			GFP_NOWAIT | __GFP_ACCOUNT);
	set_active_memcg(old_memcg);
	if (!event)
		return NULL;
	event->len = len;
	memcpy(event->data, data, len);
	return event;
}

static void iommufd_veventq_trace(struct iommufd_veventq_obj *veventq,
				  u32 sequence, u32 num_events, bool lost)
{
	u32 ctx = veventq->viommu ? veventq->viommu->ictx->number : 0;

	if (lost)
		trace_iommufd_vevent_lost(ctx, veventq->obj.id, veventq->type,
					  sequence, num_events, veventq->depth);
	else
		trace_iommufd_vevent_add(ctx, veventq->obj.id, veventq->type,
					 sequence, num_events, veventq->depth);
}

/* Give the next event its number and put it into the queue, or lose it if NULL */
static void iommufd_veventq_append(struct iommufd_veventq_obj *veventq,
				   struct iommufd_vevent *event)
{
	u32 sequence, num_events;
	bool wake, lost;

	scoped_guard(spinlock_irqsave, &veventq->lock) {
		sequence = veventq->next_sequence;
		veventq->next_sequence = sequence == INT_MAX ? 0 : sequence + 1;

		if (event && veventq->num_events < veventq->depth) {
			event->sequence = sequence;
			list_add_tail(&event->item, &veventq->events);
			WRITE_ONCE(veventq->num_events,
				   veventq->num_events + 1);
			veventq->lost = false;
			event = NULL;
		} else {
			veventq->lost = true;
			veventq->lost_sequence = sequence;
		}
		wake = veventq->wake;
		veventq->wake = false;
		veventq->woken = true;
		num_events = veventq->num_events;
		lost = veventq->lost;
	}
	kfree(event);
	if (trace_iommufd_vevent_add_enabled() ||
	    trace_iommufd_vevent_lost_enabled())
		iommufd_veventq_trace(veventq, sequence, num_events, lost);
	if (wake)
		queue_work(system_unbound_wq, &veventq->wake_work);
}

/**
 * iommufd_veventq_add() - an event has happened
 * @veventq: the queue
 * @data: the event as user space is to see it
 * @len: bytes of @data, at most IOMMUFD_VEVENT_LEN_MAX
 *
 * Context: any that may take a spinlock. Who makes several reports at a time gets
 * them in any order.
 */
void iommufd_veventq_add(struct iommufd_veventq_obj *veventq, const void *data,
			 size_t len)
{
	struct iommufd_vevent *event = NULL;

	/* A full queue costs no allocation. Not the decision: that is above. */
	if (READ_ONCE(veventq->num_events) < veventq->depth)
		event = iommufd_vevent_alloc(veventq, data, len);
	iommufd_veventq_append(veventq, event);
}

/**
 * iommufd_veventq_add_loss() - an event has happened that nobody knows any more
 * @veventq: the queue
 *
 * Context: any that may take a spinlock.
 */
void iommufd_veventq_add_loss(struct iommufd_veventq_obj *veventq)
{
	iommufd_veventq_append(veventq, NULL);
}

/* The queue of @type, whether it is published yet or not; veventqs_lock is held */
static struct iommufd_veventq_obj *
iommufd_viommu_find_veventq(struct iommufd_viommu_obj *viommu, u32 type)
{
	struct iommufd_veventq_obj *veventq;

	lockdep_assert_held(&viommu->veventqs_lock);
	/* No more of them than the driver has types */
	list_for_each_entry(veventq, &viommu->veventqs, node)
		if (veventq->type == type)
			return veventq;
	return NULL;
}

/**
 * iommufd_viommu_add_veventq() - take the place of a type
 * @viommu: the vIOMMU
 * @veventq: the queue, with its type. It is not reported to before it is published.
 *
 * Context: process context.
 * Return: 0, or EEXIST if there is a queue of this type, published or not.
 */
int iommufd_viommu_add_veventq(struct iommufd_viommu_obj *viommu,
			       struct iommufd_veventq_obj *veventq)
{
	int rc = 0;

	spin_lock_irq(&viommu->veventqs_lock);
	if (iommufd_viommu_find_veventq(viommu, veventq->type))
		rc = -EEXIST;
	else
		list_add(&veventq->node, &viommu->veventqs);
	spin_unlock_irq(&viommu->veventqs_lock);
	return rc;
}

/**
 * iommufd_viommu_publish_veventq() - let drivers report to a queue
 * @viommu: the vIOMMU
 * @veventq: the queue, added before
 *
 * Context: process context.
 */
void iommufd_viommu_publish_veventq(struct iommufd_viommu_obj *viommu,
				    struct iommufd_veventq_obj *veventq)
{
	guard(spinlock_irq)(&viommu->veventqs_lock);
	veventq->published = true;
}

/**
 * iommufd_viommu_remove_veventq() - undo iommufd_viommu_add_veventq()
 * @viommu: the vIOMMU
 * @veventq: the queue, whether it was added or not
 *
 * When this returns no report is under way in the queue, and none will be.
 *
 * Context: process context.
 */
void iommufd_viommu_remove_veventq(struct iommufd_viommu_obj *viommu,
				   struct iommufd_veventq_obj *veventq)
{
	guard(spinlock_irq)(&viommu->veventqs_lock);
	list_del_init(&veventq->node);
}

/**
 * iommufd_viommu_report_event() - iommufd_viommu_services::report_event
 * @core: the vIOMMU
 * @type: of enum iommu_veventq_type
 * @data: the event
 * @len: bytes of @data, at most IOMMUFD_VEVENT_LEN_MAX
 *
 * Context: any that may take a spinlock.
 * Return: 0, EOPNOTSUPP if there is no queue of @type, EINVAL if @len is too large.
 */
int iommufd_viommu_report_event(struct iommufd_viommu *core, u32 type,
				const void *data, size_t len)
{
	struct iommufd_viommu_obj *viommu = core->object;
	struct iommufd_veventq_obj *veventq;
	unsigned long flags;
	int rc = 0;

	if (WARN_ON_ONCE(len > IOMMUFD_VEVENT_LEN_MAX))
		return -EINVAL;

	spin_lock_irqsave(&viommu->veventqs_lock, flags);
	veventq = iommufd_viommu_find_veventq(viommu, type);
	if (!veventq || !veventq->published) {
		trace_iommufd_vevent_nobody(viommu->ictx, viommu->obj.id, type);
		rc = -EOPNOTSUPP;
	} else {
		iommufd_veventq_add(veventq, data, len);
	}
	spin_unlock_irqrestore(&viommu->veventqs_lock, flags);
	return rc;
}

/**
 * iommufd_viommu_report_lost() - iommufd_viommu_services::report_lost
 * @core: the vIOMMU
 * @type: of enum iommu_veventq_type
 *
 * Context: any that may take a spinlock.
 * Return: 0, EOPNOTSUPP if there is no queue of @type.
 */
int iommufd_viommu_report_lost(struct iommufd_viommu *core, u32 type)
{
	struct iommufd_viommu_obj *viommu = core->object;
	struct iommufd_veventq_obj *veventq;
	unsigned long flags;
	int rc = 0;

	spin_lock_irqsave(&viommu->veventqs_lock, flags);
	veventq = iommufd_viommu_find_veventq(viommu, type);
	if (!veventq || !veventq->published) {
		trace_iommufd_vevent_nobody(viommu->ictx, viommu->obj.id, type);
		rc = -EOPNOTSUPP;
	} else {
		iommufd_veventq_add_loss(veventq);
	}
	spin_unlock_irqrestore(&viommu->veventqs_lock, flags);
	return rc;
}

/* @veventq->lock is held */
static bool iommufd_veventq_is_empty(struct iommufd_veventq_obj *veventq)
{
	lockdep_assert_held(&veventq->lock);
	return list_empty(&veventq->events) && !veventq->lost;
}

/*
 * Copy the first record of the queue and say in @num_read which one it is. Returns
 * its length, 0 if there is none.
 */
static size_t iommufd_veventq_peek(struct iommufd_veventq_obj *veventq,
				   struct iommufd_vevent_record *record,
				   u64 *num_read)
{
	struct iommufd_vevent *event;
	size_t len = 0;

	scoped_guard(spinlock_irq, &veventq->lock) {
		*num_read = veventq->num_read;

		event = list_first_entry_or_null(&veventq->events,
						 struct iommufd_vevent, item);
		if (event) {
			record->header.flags = 0;
			record->header.sequence = event->sequence;
			memcpy(record->data, event->data, event->len);
			len = sizeof(record->header) + event->len;
		} else if (veventq->lost) {
			record->header.flags = IOMMU_VEVENTQ_FLAG_LOST_EVENTS;
			record->header.sequence = veventq->lost_sequence;
			len = sizeof(record->header);
		}
	}
	return len;
}

static bool iommufd_vevent_is_loss(const struct iommufd_vevent_record *record)
{
	return record->header.flags & IOMMU_VEVENTQ_FLAG_LOST_EVENTS;
}

/*
 * Take @record, the first one when @num_read had been read, off the queue, and say in
 * @more whether there is another. Returns false if another reader has done so
 * meanwhile.
 */
static bool iommufd_veventq_take(struct iommufd_veventq_obj *veventq,
				 const struct iommufd_vevent_record *record,
				 u64 num_read, bool *more)
{
	struct iommufd_vevent *event = NULL;

	scoped_guard(spinlock_irq, &veventq->lock) {
		/* A kept event leaves by being read only */
		if (veventq->num_read != num_read)
			return false;
		veventq->num_read++;
		veventq->wake = true;

		if (iommufd_vevent_is_loss(record)) {
			/*
			 * If there is something newer, the loss was read just
			 * before that came.
			 */
			if (veventq->lost_sequence == record->header.sequence)
				veventq->lost = false;
		} else {
			event = list_first_entry(&veventq->events,
						 struct iommufd_vevent, item);
			list_del(&event->item);
			WRITE_ONCE(veventq->num_events,
				   veventq->num_events - 1);
		}
		*more = !iommufd_veventq_is_empty(veventq);
	}
	kfree(event);
	return true;
}

/**
 * iommufd_veventq_read() - give user space what is in the queue
 * @veventq: the queue
 * @buf: where to
 * @count: bytes there
 *
 * Whole records only, in their order. A loss ends a read: it is the last there is.
 *
 * Context: process context, may sleep; no lock held while it does.
 * Return: bytes, 0 if the queue is empty, or, if there is nothing to return, EINVAL
 * if @count is too small for the first record (for an empty queue: for any record)
 * and EFAULT.
 */
ssize_t iommufd_veventq_read(struct iommufd_veventq_obj *veventq,
			     char __user *buf, size_t count)
{
	/* No byte of it is copied to user space that peek hasn't set */
	struct iommufd_vevent_record record __uninitialized;
	bool more = true;
	size_t done = 0;
	u64 num_read;
	size_t len;
	int rc = 0;

	if (count < sizeof(record.header))
		return -EINVAL;

	while (more &&
	       (len = iommufd_veventq_peek(veventq, &record, &num_read))) {
		if (len > count - done) {
			rc = -EINVAL;
			break;
		}
		if (copy_to_user(buf + done, &record, len)) {
			rc = -EFAULT;
			break;
		}
		if (iommufd_veventq_take(veventq, &record, num_read, &more)) {
			done += len;
			if (iommufd_vevent_is_loss(&record))
				break;
		}
		if (more)
			cond_resched();
	}
	return done ? done : rc;
}

/**
 * iommufd_veventq_poll_mask() - whether a read would return something
 * @veventq: the queue
 *
 * Context: process context.
 * Return: EPOLLIN | EPOLLRDNORM or 0; there is nothing to write, so no EPOLLOUT.
 */
__poll_t iommufd_veventq_poll_mask(struct iommufd_veventq_obj *veventq)
{
	bool empty;

	scoped_guard(spinlock_irq, &veventq->lock)
		empty = iommufd_veventq_is_empty(veventq);
	return empty ? 0 : EPOLLIN | EPOLLRDNORM;
}

static ssize_t iommufd_veventq_fops_read(struct file *file, char __user *buf,
					 size_t count, loff_t *ppos)
{
	/* io_uring can get here with one */
	if (*ppos)
		return -ESPIPE;
	return iommufd_veventq_read(file->private_data, buf, count);
}

static __poll_t iommufd_veventq_fops_poll(struct file *file,
					  struct poll_table_struct *wait)
{
	struct iommufd_veventq_obj *veventq = file->private_data;

	poll_wait(file, &veventq->wait, wait);
	return iommufd_veventq_poll_mask(veventq);
}

static int iommufd_veventq_fops_release(struct inode *inode, struct file *file)
{
	struct iommufd_veventq_obj *veventq = file->private_data;
	struct iommufd_ctx *ictx = veventq->viommu->ictx;

	/* DESTROY may free it from here on */
	refcount_dec(&veventq->obj.users);
	iommufd_ctx_put(ictx);
	return 0;
}

/* Without llseek, pread() and the like get ESPIPE; without write, EINVAL */
static const struct file_operations iommufd_veventq_fops = {
	.owner = THIS_MODULE,
	.read = iommufd_veventq_fops_read,
	.poll = iommufd_veventq_fops_poll,
	.release = iommufd_veventq_fops_release,
};

/**
 * iommufd_veventq_destroy() - undo iommufd_veventq_create()
 * @obj: the vEVENTQ, complete or not; its file is closed, or was never there
 *
 * Context: process context, may sleep; no lock of iommufd's held.
 */
void iommufd_veventq_destroy(struct iommufd_object *obj)
{
	struct iommufd_veventq_obj *veventq =
		container_of(obj, struct iommufd_veventq_obj, obj);
	struct iommufd_viommu_obj *viommu = veventq->viommu;

	iommufd_viommu_remove_veventq(viommu, veventq);
	iommufd_veventq_fini(veventq);
	refcount_dec(&viommu->obj.users);
}

/*
 * Everything of VEVENTQ_ALLOC that has to be undone when the reply fails, but the
 * file descriptor
 */
static struct iommufd_veventq_obj *
iommufd_veventq_create(struct iommufd_ctx *ictx,
		       struct iommufd_viommu_obj *viommu,
		       const struct iommu_veventq_alloc *cmd)
{
	struct iommufd_veventq_obj *veventq;
	struct file *file;
	int rc;

	veventq = iommufd_object_alloc(ictx, veventq, IOMMUFD_OBJ_VEVENTQ);
	if (IS_ERR(veventq))
		return veventq;
	refcount_inc(&viommu->obj.users);
	veventq->viommu = viommu;
	veventq->type = cmd->type;
	iommufd_veventq_init(veventq, cmd->veventq_depth);

	rc = iommufd_viommu_add_veventq(viommu, veventq);
	if (rc)
		goto err_abort;

	file = anon_inode_getfile("[iommufd-veventq]", &iommufd_veventq_fops,
				  veventq, O_RDWR);
	if (IS_ERR(file)) {
		rc = PTR_ERR(file);
		goto err_abort;
	}
	/* Both put by the release of the file, in an abort too */
	refcount_inc(&veventq->obj.users);
	iommufd_ctx_get(ictx);
	veventq->file = file;
	return veventq;

err_abort:
	iommufd_object_abort_and_destroy(ictx, &veventq->obj);
	return ERR_PTR(rc);
}

/* From here on events arrive. The file holds @veventq. */
static void iommufd_veventq_publish(struct iommufd_ctx *ictx,
				    struct iommufd_veventq_obj *veventq)
{
	struct iommufd_viommu_obj *viommu = veventq->viommu;
	struct iommufd_viommu *core = viommu->core;

	iommufd_viommu_publish_veventq(viommu, veventq);
	iommufd_object_finalize(ictx, &veventq->obj);
	if (core->ops->veventq_added)
		core->ops->veventq_added(core, veventq->type);
}

static int iommufd_veventq_alloc(struct iommufd_ucmd *ucmd)
{
	struct iommu_veventq_alloc *cmd = ucmd->cmd;
	struct iommufd_veventq_obj *veventq;
	const struct iommufd_viommu_ops *ops;
	struct iommufd_viommu_obj *viommu;
	int fd;
	int rc;

	ucmd->about = "arguments";
	if (cmd->flags || cmd->__reserved ||
	    cmd->type == IOMMU_VEVENTQ_TYPE_DEFAULT)
		return -EOPNOTSUPP;
	if (!cmd->veventq_depth ||
	    cmd->veventq_depth > IOMMUFD_VEVENTQ_DEPTH_MAX)
		return -EINVAL;

	ucmd->about = "viommu";
	viommu = iommufd_get_viommu(ucmd, cmd->viommu_id);
	if (IS_ERR(viommu))
		return PTR_ERR(viommu);

	ucmd->about = "type";
	ops = viommu->core->ops;
	if (!ops->supports_veventq ||
	    !ops->supports_veventq(viommu->core, cmd->type)) {
		rc = -EOPNOTSUPP;
		goto out_put_viommu;
	}

	ucmd->about = "queue";
	veventq = iommufd_veventq_create(ucmd->ictx, viommu, cmd);
	if (IS_ERR(veventq)) {
		rc = PTR_ERR(veventq);
		goto out_put_viommu;
	}

	ucmd->about = "file";
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		rc = fd;
		goto err_abort;
	}

	ucmd->about = "reply";
	cmd->out_veventq_id = veventq->obj.id;
	cmd->out_veventq_fd = fd;
	rc = iommufd_ucmd_respond(ucmd, sizeof(*cmd));
	if (rc)
		goto err_put_fd;

	iommufd_veventq_publish(ucmd->ictx, veventq);
	/* Last: whoever has the file may close it, and DESTROY the rest */
	fd_install(fd, veventq->file);
	goto out_put_viommu;

err_put_fd:
	put_unused_fd(fd);
err_abort:
	iommufd_object_abort_and_destroy(ucmd->ictx, &veventq->obj);
out_put_viommu:
	iommufd_put_object(ucmd->ictx, &viommu->obj);
	return rc;
}

/**
 * iommufd_veventq_alloc_ioctl() - IOMMU_VEVENTQ_ALLOC
 * @ucmd: the command, struct iommu_veventq_alloc
 *
 * A vIOMMU has at most one queue of each type that its driver knows, so the types
 * bound their number.
 *
 * Context: ioctl.
 * Return: 0, or a negative errno as include/uapi/linux/iommufd.h lists them.
 */
int iommufd_veventq_alloc_ioctl(struct iommufd_ucmd *ucmd)
{
	int rc = iommufd_veventq_alloc(ucmd);

	trace_iommufd_veventq_alloc(ucmd->ictx, ucmd->cmd, rc, ucmd->about);
	return rc;
}
