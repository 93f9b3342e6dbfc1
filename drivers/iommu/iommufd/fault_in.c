// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Accesses to user memory that an unbind would wait for
 *
 * Accesses to user memory that an unbind would wait for.
 *
 * Who holds an object for the length of an ioctl delays its destruction, and the
 * unbind of a device must not be delayed by user space, which can make an access to
 * its memory last as long as it likes (userfaultfd, FUSE). But a driver that makes
 * something for a device reads user space's description of it meanwhile.
 *
 * So such an ioctl is executed with page faults disabled: what is in memory can be
 * accessed, as nearly always, and what is not is an error. Then the ioctl undoes what
 * it has done and lets go of everything, what it needs is brought into memory, and it
 * is executed once more. The same goes for a read of faults, with a mutex that a detach takes.
 */
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include "viommu_private.h"

/*
 * That memory is taken away again before it has been accessed is an accident, unless
 * user space sees to it. That shall not keep us here.
 */
#define IOMMUFD_FAULT_IN_TRIES 10

/* What a read brings in at a time; many times what has to be read as a whole */
#define IOMMUFD_FAULT_IN_READ SZ_64K

/**
 * iommufd_ucmd_respond_nofault() - iommufd_ucmd_respond() without waiting
 * @ucmd: the command
 * @cmd_len: bytes of its structure
 *
 * Context: ioctl, within iommufd_ucmd_execute_nofault().
 * Return: 0, or -IOMMUFD_FAULT_IN.
 */
int iommufd_ucmd_respond_nofault(struct iommufd_ucmd *ucmd, size_t cmd_len)
{
	int rc;

	pagefault_disable();
	rc = iommufd_ucmd_respond(ucmd, cmd_len);
	pagefault_enable();
	return rc ? -IOMMUFD_FAULT_IN : 0;
}

/**
 * iommufd_ucmd_execute_nofault() - execute an ioctl that doesn't wait for memory
 * @ucmd: the command
 * @data_uptr: the driver's data in user memory
 * @data_len: bytes of data; @execute refuses more than a page
 * @data_write: whether a driver may write to it, too
 * @execute: The ioctl. Returns -IOMMUFD_FAULT_IN, everything undone and ucmd->cmd as
 *           it was but for members that it sets, if user memory isn't there.
 *
 * Context: ioctl; the caller holds nothing.
 * Return: what @execute returns, EFAULT instead of IOMMUFD_FAULT_IN.
 */
int iommufd_ucmd_execute_nofault(struct iommufd_ucmd *ucmd, u64 data_uptr,
				 u32 data_len, bool data_write,
				 int (*execute)(struct iommufd_ucmd *ucmd))
{
	size_t reply_len = min_t(size_t, ucmd->user_size, PAGE_SIZE);
	size_t len = min_t(size_t, data_len, PAGE_SIZE);
	char __user *data = u64_to_user_ptr(data_uptr);
	unsigned int tries;
	bool there = true;
	int rc;

	for (tries = 0;; tries++) {
		/* If something isn't there, this says whether that is the error */
		rc = execute(ucmd);
		if (rc != -IOMMUFD_FAULT_IN)
			return rc;
		if (!there || tries == IOMMUFD_FAULT_IN_TRIES ||
		    fatal_signal_pending(current))
			return -EFAULT;

		there = !fault_in_readable(data, len);
		if (data_write && fault_in_safe_writeable(data, len))
			there = false;
		if (fault_in_safe_writeable(ucmd->ubuffer, reply_len))
			there = false;
	}
}

/**
 * iommufd_read_nofault() - read() of a file whose lock must not wait for memory
 * @file: the file
 * @buf: where to
 * @count: bytes there
 * @ppos: file position
 * @read: The read, with page faults disabled. Returns EFAULT, everything in place as
 *        before, if the memory for the first record isn't there.
 *
 * Context: process context, may sleep; the caller holds nothing.
 * Return: what @read returns.
 */
ssize_t iommufd_read_nofault(struct file *file, char __user *buf, size_t count,
			     loff_t *ppos,
			     ssize_t (*read)(struct file *file,
					     char __user *buf, size_t count,
					     loff_t *ppos))
{
	size_t len = min_t(size_t, count, IOMMUFD_FAULT_IN_READ);
	unsigned int tries;
	ssize_t rc;

	for (tries = 0; tries < IOMMUFD_FAULT_IN_TRIES; tries++) {
		rc = read(file, buf, count, ppos);
		if (rc != -EFAULT || fatal_signal_pending(current))
			break;
		/* Part of it may be enough */
		if (fault_in_safe_writeable(buf, len) == len)
			break;
	}
	return rc;
}
