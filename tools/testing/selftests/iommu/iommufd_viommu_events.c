// SPDX-License-Identifier: GPL-2.0-only
/*
 * vEVENTQ, with the mock driver: how a queue is made and what its file can do, how
 * records are read, how events are numbered and lost, who pays for them.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "iommufd_viommu_utils.h"
#include "vmm/files.h"

#define SELFTEST_VIOMMU		IOMMU_VIOMMU_TYPE_SELFTEST
#define SELFTEST_EVENTS		IOMMU_VEVENTQ_TYPE_SELFTEST

#define ABSENT_ID	0x7fffffff
#define VIRT_ID		0x99

/* Of the published ABI, whatever our headers say */
#define DEPTH_MAX	0x80000u
#define HEADER_LEN	8
#define RECORD_LEN	12
#define LOST_EVENTS	1

#define TIMEOUT		300

/* ---- making one */

FIXTURE(veventq)
{
	int fd;
	struct mock_vm vm;
};

FIXTURE_SETUP(veventq)
{
	const char *why = iommufd_mock_missing();

	if (why)
		SKIP(return, "%s", why);
	mock_vm_setup(_metadata, &self->fd, &self->vm, true);
}

FIXTURE_TEARDOWN(veventq)
{
	mock_vm_teardown(_metadata, self->fd, &self->vm);
}

static int veventq_alloc(int fd, struct iommu_veventq_alloc *cmd)
{
	cmd->size = sizeof(*cmd);
	return _test_ioctl(fd, IOMMU_VEVENTQ_ALLOC, cmd);
}

TEST_F(veventq, order)
{
	struct mock_vm *vm = &self->vm;
	struct iommu_veventq_alloc cmd = {
		.flags = 1,
		.viommu_id = ABSENT_ID,
		.type = IOMMU_VEVENTQ_TYPE_DEFAULT,
		.veventq_depth = 0,
		.out_veventq_id = 0x5a5a5a5a,
		.out_veventq_fd = 0x5a5a5a5a,
	};
	__u32 next = _test_next_id(self->fd), id, event_fd;
	int bit;

	EXPECT_EQ(EOPNOTSUPP, veventq_alloc(self->fd, &cmd));
	cmd.type = SELFTEST_EVENTS;
	for (bit = 0; bit < 32; bit++) {
		cmd.flags = 1u << bit;
		cmd.__reserved = 0;
		EXPECT_EQ(EOPNOTSUPP, veventq_alloc(self->fd, &cmd));
		cmd.flags = 0;
		cmd.__reserved = 1u << bit;
		EXPECT_EQ(EOPNOTSUPP, veventq_alloc(self->fd, &cmd));
	}
	cmd.__reserved = 0;
	cmd.type = IOMMU_VEVENTQ_TYPE_DEFAULT;
	EXPECT_EQ(EOPNOTSUPP, veventq_alloc(self->fd, &cmd));
	/* Whether the vIOMMU has the type is known only when there is a vIOMMU */
	cmd.type = 0xdead;
	EXPECT_EQ(EINVAL, veventq_alloc(self->fd, &cmd));
	cmd.veventq_depth = DEPTH_MAX + 1;
	EXPECT_EQ(EINVAL, veventq_alloc(self->fd, &cmd));
	cmd.veventq_depth = UINT32_MAX;
	EXPECT_EQ(EINVAL, veventq_alloc(self->fd, &cmd));
	cmd.veventq_depth = DEPTH_MAX;
	EXPECT_EQ(ENOENT, veventq_alloc(self->fd, &cmd));
	cmd.viommu_id = vm->viommu_id;
	EXPECT_EQ(EOPNOTSUPP, veventq_alloc(self->fd, &cmd));

	/* There is one: after the type, before all that can fail otherwise */
	test_cmd_veventq_alloc(vm->viommu_id, SELFTEST_EVENTS, 1, &id,
			       &event_fd);
	EXPECT_EQ(EOPNOTSUPP, veventq_alloc(self->fd, &cmd));
	cmd.type = SELFTEST_EVENTS;
	cmd.size = sizeof(cmd);
	EXPECT_EQ(EEXIST, _test_ioctl_no_reply(self->fd, IOMMU_VEVENTQ_ALLOC,
					       &cmd, sizeof(cmd)));
	/* Its file or no file, it is there until it is destroyed */
	close(event_fd);
	EXPECT_EQ(EEXIST, veventq_alloc(self->fd, &cmd));
	test_ioctl_destroy(id);

	EXPECT_EQ(EFAULT, _test_ioctl_no_reply(self->fd, IOMMU_VEVENTQ_ALLOC,
					       &cmd, sizeof(cmd)));
	EXPECT_EQ(0x5a5a5a5a, cmd.out_veventq_id);
	EXPECT_EQ(0x5a5a5a5a, cmd.out_veventq_fd);
	EXPECT_EQ(next, _test_next_id(self->fd));
	ASSERT_EQ(0, veventq_alloc(self->fd, &cmd));
	EXPECT_EQ(next, cmd.out_veventq_id);
	close(cmd.out_veventq_fd);
	test_ioctl_destroy(cmd.out_veventq_id);
}

/* J95: no queue of a type that the vIOMMU can't produce */
TEST_F(veventq, only_types_that_there_are)
{
	__u32 next = _test_next_id(self->fd), type, id, event_fd;
	int bit, made = 0;

	for (type = 0; type < 4096; type++)
		made += !_test_cmd_veventq_alloc(self->fd, self->vm.viommu_id,
						 type, 1, NULL, NULL);
	EXPECT_EQ(0, made);
	for (bit = 0; bit < 32; bit++)
		test_err_veventq_alloc(EOPNOTSUPP, self->vm.viommu_id,
				       SELFTEST_EVENTS ^ (1u << bit), 1);
	test_err_veventq_alloc(EOPNOTSUPP, self->vm.viommu_id, UINT32_MAX, 1);
	EXPECT_EQ(next, _test_next_id(self->fd));

	/* One of the type that there is, for each vIOMMU */
	test_cmd_veventq_alloc(self->vm.viommu_id, SELFTEST_EVENTS, 1, &id,
			       &event_fd);
	test_err_veventq_alloc(EEXIST, self->vm.viommu_id, SELFTEST_EVENTS, 1);
	close(event_fd);
	test_cmd_viommu_alloc(self->vm.dev_id, self->vm.parent_id,
			      SELFTEST_VIOMMU, NULL, 0, &id);
	test_cmd_veventq_alloc(id, SELFTEST_EVENTS, 1, NULL, &event_fd);
	close(event_fd);
}

/* Without a file descriptor there is no queue */
TEST_F(veventq, no_file_descriptor_left)
{
	struct rlimit old, none;
	__u32 next = _test_next_id(self->fd), id, event_fd;
	int i;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	none = old;
	/* Fewer than are open */
	none.rlim_cur = 0;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	for (i = 0; i < 4; i++)
		test_err_veventq_alloc(EMFILE, self->vm.viommu_id,
				       SELFTEST_EVENTS, 1);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	EXPECT_EQ(next, _test_next_id(self->fd));
	test_cmd_veventq_alloc(self->vm.viommu_id, SELFTEST_EVENTS, 1, &id,
			       &event_fd);
	EXPECT_EQ(next, id);
	close(event_fd);
	test_ioctl_destroy(id);
	test_ioctl_destroy(self->vm.viommu_id);
}

/* ---- a queue with a device that has events */

FIXTURE(events)
{
	int fd;
	struct mock_vm vm;
	__u32 vdev_id;
	__u32 nested_id;
	__u32 queue_id;
	__u32 event_fd;
	char *page;
	char *border;
};

/* A queue of the depth that the test wants, instead of the one it has */
#define set_depth(_depth)						\
	do {								\
		ASSERT_EQ(0, close(self->event_fd));			\
		test_ioctl_destroy(self->queue_id);			\
		test_cmd_veventq_alloc(self->vm.viommu_id, SELFTEST_EVENTS, \
				       _depth, &self->queue_id,		\
				       &self->event_fd);		\
	} while (0)

FIXTURE_SETUP(events)
{
	const char *why = iommufd_mock_missing();
	struct mock_vm *vm = &self->vm;

	if (why)
		SKIP(return, "%s", why);
	mock_vm_setup(_metadata, &self->fd, vm, true);
	test_cmd_hwpt_alloc_viommu(vm->dev_id, vm->viommu_id, 0, 0,
				   &self->nested_id);
	test_cmd_vdevice_alloc(vm->viommu_id, vm->dev_id, VIRT_ID,
			       &self->vdev_id);
	test_cmd_mock_domain_replace(vm->stdev_id, self->nested_id);
	test_cmd_veventq_alloc(vm->viommu_id, SELFTEST_EVENTS, 64,
			       &self->queue_id, &self->event_fd);
	self->page = test_bordered_page();
	self->border = self->page + PAGE_SIZE;
}

FIXTURE_TEARDOWN(events)
{
	munmap(self->page, 2 * PAGE_SIZE);
	close(self->event_fd);
	mock_vm_teardown(_metadata, self->fd, &self->vm);
}

/* The file is for read() and poll() */
TEST_F(events, file)
{
	char buf[RECORD_LEN] = {}, path[64];

	EXPECT_EQ(FD_CLOEXEC, fcntl(self->event_fd, F_GETFD));
	EXPECT_EQ(O_RDWR, fcntl(self->event_fd, F_GETFL) & O_ACCMODE);
	test_cmd_trigger_vevents(self->vm.dev_id, 1);

	EXPECT_EQ(-1, write(self->event_fd, buf, sizeof(buf)));
	EXPECT_TRUE(errno == EINVAL || errno == EBADF);
	EXPECT_EQ(-1, lseek(self->event_fd, 0, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, lseek(self->event_fd, 8, SEEK_CUR));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pread(self->event_fd, buf, sizeof(buf), 0));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pread(self->event_fd, buf, sizeof(buf), 8));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pwrite(self->event_fd, buf, sizeof(buf), 0));
	EXPECT_EQ(ENOTTY, _test_ioctl(self->event_fd, IOMMU_DESTROY,
				      &(struct iommu_destroy){ .size = 8 }));
	EXPECT_EQ(ENODEV, _test_cmd_mmap(self->event_fd, 0, PAGE_SIZE, NULL));
	/* It has no name to be opened by again */
	snprintf(path, sizeof(path), "/proc/self/fd/%u", self->event_fd);
	EXPECT_EQ(-1, open(path, O_RDWR));

	/* All of that has taken nothing */
	test_cmd_read_vevent(self->event_fd, 0, VIRT_ID);
	test_cmd_read_nothing(self->event_fd);
}

/* read() never waits, and looks at the room it has got before anything else */
TEST_F(events, read_when_empty)
{
	char buf[64];
	size_t len;
	int flags;

	for (flags = 0; flags < 2; flags++) {
		ASSERT_EQ(0, fcntl(self->event_fd, F_SETFL,
				   flags ? O_NONBLOCK : 0));
		for (len = 0; len < HEADER_LEN; len++)
			EXPECT_EQ(-EINVAL,
				  _test_cmd_veventq_read(self->event_fd, buf,
							 len));
		for (; len <= sizeof(buf); len++)
			EXPECT_EQ(0, _test_cmd_veventq_read(self->event_fd, buf,
							    len));
		/* Nothing is written where there is nothing to read */
		EXPECT_EQ(0, _test_cmd_veventq_read(self->event_fd,
						    self->border, RECORD_LEN));
	}
}

/* Whole records only, as many as fit, in their order */
TEST_F(events, read_whole_records)
{
	struct test_vevent ev[8];
	size_t len, fit, i, k;
	__u32 seq = 0;

	for (len = 0; len < RECORD_LEN; len++) {
		test_cmd_trigger_vevents(self->vm.dev_id, 1);
		EXPECT_EQ(-EINVAL, _test_cmd_veventq_read(self->event_fd, ev,
							  len))
			TH_LOG("%zu bytes", len);
		test_cmd_read_vevent(self->event_fd, seq, VIRT_ID);
		seq++;
	}
	/* 5 records, and room for a bit more or less than @fit of them */
	for (len = RECORD_LEN; len <= 6 * RECORD_LEN; len++) {
		fit = len / RECORD_LEN < 5 ? len / RECORD_LEN : 5;
		test_cmd_trigger_vevents(self->vm.dev_id, 5);
		memset(ev, 0xa5, sizeof(ev));
		ASSERT_EQ(fit * RECORD_LEN,
			  _test_cmd_veventq_read(self->event_fd, ev, len))
			TH_LOG("%zu bytes", len);
		for (i = 0; i < fit; i++) {
			EXPECT_EQ(0, ev[i].header.flags);
			EXPECT_EQ(seq + i, ev[i].header.sequence);
			EXPECT_EQ(VIRT_ID, ev[i].event.virt_id);
		}
		for (k = fit * RECORD_LEN; k < sizeof(ev); k++)
			ASSERT_EQ((char)0xa5, ((char *)ev)[k]);
		for (; i < 5; i++)
			test_cmd_read_vevent(self->event_fd, seq + i, VIRT_ID);
		test_cmd_read_nothing(self->event_fd);
		seq += 5;
	}
}

/*
 * A record that can't be copied stays, whole, wherever in it the fault is. What
 * was copied before it is returned; EFAULT only if that is nothing.
 */
TEST_F(events, read_fault)
{
	struct test_vevent *ev;
	size_t before, cut, i;
	__u32 seq = 0;

	for (before = 0; before < 3; before++) {
		for (cut = 0; cut < RECORD_LEN; cut++) {
			test_cmd_trigger_vevents(self->vm.dev_id, before + 2);
			/* Readable: @before records and @cut bytes of one */
			ev = (void *)(self->border - before * RECORD_LEN - cut);
			EXPECT_EQ(before ? before * RECORD_LEN : -EFAULT,
				  _test_cmd_veventq_read(self->event_fd, ev,
							 8 * RECORD_LEN))
				TH_LOG("%zu records and %zu bytes", before, cut);
			for (i = 0; i < before; i++)
				EXPECT_EQ(seq + i, ev[i].header.sequence);
			seq += before;
			/* Nothing is missing, nothing is there twice */
			test_cmd_read_vevent(self->event_fd, seq++, VIRT_ID);
			test_cmd_read_vevent(self->event_fd, seq++, VIRT_ID);
			test_cmd_read_nothing(self->event_fd);
		}
	}
	/* Too little room for the first one is seen before where it is */
	test_cmd_trigger_vevents(self->vm.dev_id, 1);
	EXPECT_EQ(-EINVAL, _test_cmd_veventq_read(self->event_fd, self->border,
						  RECORD_LEN - 1));
	test_cmd_read_vevent(self->event_fd, seq, VIRT_ID);
}

/* The record of a loss, too */
TEST_F(events, read_fault_in_a_loss)
{
	struct iommufd_vevent_header *header;
	size_t cut;

	set_depth(1);
	test_cmd_trigger_vevents(self->vm.dev_id, 2);
	for (cut = 0; cut < HEADER_LEN; cut++) {
		/* With an event before it, and alone */
		header = (void *)(self->border - cut);
		if (cut) {
			EXPECT_EQ(-EFAULT,
				  _test_cmd_veventq_read(self->event_fd, header,
							 HEADER_LEN));
			continue;
		}
		EXPECT_EQ(RECORD_LEN,
			  _test_cmd_veventq_read(self->event_fd,
						 self->border - RECORD_LEN - 4,
						 2 * RECORD_LEN + 4));
	}
	test_cmd_read_lost(self->event_fd, 1);
	test_cmd_read_nothing(self->event_fd);
}

/* poll() tells whether a read would return something, and nothing else */
TEST_F(events, poll)
{
	set_depth(1);
	EXPECT_EQ(0, _test_cmd_poll(self->event_fd));
	test_cmd_trigger_vevents(self->vm.dev_id, 1);
	EXPECT_EQ(POLLIN | POLLRDNORM, _test_cmd_poll(self->event_fd));
	EXPECT_EQ(POLLIN | POLLRDNORM, _test_cmd_poll(self->event_fd));
	test_cmd_trigger_vevents(self->vm.dev_id, 1);
	test_cmd_read_vevent(self->event_fd, 0, VIRT_ID);
	/* The loss is something */
	EXPECT_EQ(POLLIN | POLLRDNORM, _test_cmd_poll(self->event_fd));
	test_cmd_read_lost(self->event_fd, 1);
	EXPECT_EQ(0, _test_cmd_poll(self->event_fd));
}

static void *poll_thread(void *arg)
{
	struct pollfd p = { .fd = *(int *)arg, .events = POLLIN };

	return (void *)(long)(poll(&p, 1, 3000) == 1 ? p.revents : 0);
}

/* Who waits in poll() is woken */
TEST_F(events, poll_wakes)
{
	pthread_t thread;
	void *revents;
	int i;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, pthread_create(&thread, NULL, poll_thread,
					    &self->event_fd));
		usleep(50000);
		test_cmd_trigger_vevents(self->vm.dev_id, 1);
		ASSERT_EQ(0, pthread_join(thread, &revents));
		EXPECT_EQ(POLLIN, (long)revents);
		test_cmd_read_vevent(self->event_fd, i, VIRT_ID);
	}
}

/* A full queue loses what comes; the loss is the last record, and short */
TEST_F(events, lost)
{
	struct {
		struct test_vevent ev[2];
		struct iommufd_vevent_header lost;
		char more[RECORD_LEN];
	} buf;

	set_depth(2);
	/* Just full: nothing is lost */
	test_cmd_trigger_vevents(self->vm.dev_id, 2);
	test_cmd_read_vevent(self->event_fd, 0, VIRT_ID);
	test_cmd_read_vevent(self->event_fd, 1, VIRT_ID);
	test_cmd_read_nothing(self->event_fd);

	/* One too many; with too little room for the record of it, then alone */
	test_cmd_trigger_vevents(self->vm.dev_id, 3);
	ASSERT_EQ(2 * RECORD_LEN,
		  _test_cmd_veventq_read(self->event_fd, &buf,
					 2 * RECORD_LEN + HEADER_LEN - 1));
	EXPECT_EQ(2, buf.ev[0].header.sequence);
	EXPECT_EQ(3, buf.ev[1].header.sequence);
	ASSERT_EQ(HEADER_LEN, _test_cmd_veventq_read(self->event_fd, &buf,
						     HEADER_LEN));
	EXPECT_EQ(LOST_EVENTS, buf.ev[0].header.flags);
	EXPECT_EQ(4, buf.ev[0].header.sequence);
	test_cmd_read_nothing(self->event_fd);

	/* All of it in one read; it says the number of the newest that is lost */
	test_cmd_trigger_vevents(self->vm.dev_id, 7);
	ASSERT_EQ(2 * RECORD_LEN + HEADER_LEN,
		  _test_cmd_veventq_read(self->event_fd, &buf, sizeof(buf)));
	EXPECT_EQ(5, buf.ev[0].header.sequence);
	EXPECT_EQ(0, buf.ev[0].header.flags);
	EXPECT_EQ(6, buf.ev[1].header.sequence);
	EXPECT_EQ(LOST_EVENTS, buf.lost.flags);
	EXPECT_EQ(11, buf.lost.sequence);
	/* The queue is as good as before */
	test_cmd_trigger_vevents(self->vm.dev_id, 1);
	test_cmd_read_vevent(self->event_fd, 12, VIRT_ID);
	test_cmd_read_nothing(self->event_fd);
}

/* A loss with an event after it is a gap in the numbers, and no record */
TEST_F(events, lost_in_the_middle)
{
	set_depth(2);
	test_cmd_trigger_vevents(self->vm.dev_id, 5);
	test_cmd_read_vevent(self->event_fd, 0, VIRT_ID);
	/* There is room for one again */
	test_cmd_trigger_vevents(self->vm.dev_id, 1);
	test_cmd_read_vevent(self->event_fd, 1, VIRT_ID);
	test_cmd_read_vevent(self->event_fd, 5, VIRT_ID);
	test_cmd_read_nothing(self->event_fd);

	/* Lost, kept, and lost again: the record is of the second loss */
	test_cmd_trigger_vevents(self->vm.dev_id, 3);
	test_cmd_read_vevent(self->event_fd, 6, VIRT_ID);
	test_cmd_trigger_vevents(self->vm.dev_id, 3);
	test_cmd_read_vevent(self->event_fd, 7, VIRT_ID);
	test_cmd_read_vevent(self->event_fd, 9, VIRT_ID);
	test_cmd_read_lost(self->event_fd, 11);
	test_cmd_read_nothing(self->event_fd);

	/* A loss that was read is over: no gap is due for it again */
	test_cmd_trigger_vevents(self->vm.dev_id, 2);
	test_cmd_read_vevent(self->event_fd, 12, VIRT_ID);
	test_cmd_read_vevent(self->event_fd, 13, VIRT_ID);
	test_cmd_read_nothing(self->event_fd);
}

/* Depth is what it says, also for one that is not tiny, and reads make room */
TEST_F(events, depth)
{
	static const __u32 depths[] = { 1, 2, 3, 7, 64, 1000 };
	__u32 i, k, seq;

	for (k = 0; k < ARRAY_SIZE(depths); k++) {
		set_depth(depths[k]);
		test_cmd_trigger_vevents(self->vm.dev_id, depths[k] + 5);
		for (i = 0; i < depths[k]; i++)
			test_cmd_read_vevent(self->event_fd, i, VIRT_ID);
		test_cmd_read_lost(self->event_fd, depths[k] + 4);
		/* A loss does not take a place */
		seq = depths[k] + 5;
		test_cmd_trigger_vevents(self->vm.dev_id, depths[k]);
		for (i = 0; i < depths[k]; i++)
			test_cmd_read_vevent(self->event_fd, seq + i, VIRT_ID);
		test_cmd_read_nothing(self->event_fd);
	}
}

#define READERS		4
#define SHARED_EVENTS	4000

struct reader {
	int fd;
	size_t room;
	bool stop;
	unsigned int strange;
	unsigned int got;
	unsigned char *seen;
};

static void *reader_thread(void *arg)
{
	struct reader *r = arg;
	struct test_vevent ev[5];
	__s64 last = -1;
	ssize_t n, i;

	while (1) {
		bool stop = __atomic_load_n(&r->stop, __ATOMIC_ACQUIRE);

		n = read(r->fd, ev, r->room);
		if (!n && stop)
			return NULL;
		if (n < 0 || n % RECORD_LEN)
			r->strange++;
		for (i = 0; i < n / RECORD_LEN; i++) {
			__u32 seq = ev[i].header.sequence;

			if (ev[i].header.flags || seq >= SHARED_EVENTS ||
			    ev[i].event.virt_id != VIRT_ID || seq <= last)
				r->strange++;
			else
				__atomic_fetch_add(&r->seen[seq], 1,
						   __ATOMIC_RELAXED);
			last = seq;
			r->got++;
		}
	}
}

/* Several readers: each record goes to one of them, in order to each */
TEST_F_TIMEOUT(events, readers, TIMEOUT)
{
	struct reader reader[READERS] = {};
	unsigned char *seen = calloc(SHARED_EVENTS, 1);
	pthread_t thread[READERS];
	unsigned int i, got = 0;

	ASSERT_NE(NULL, seen);
	set_depth(SHARED_EVENTS);
	for (i = 0; i < READERS; i++) {
		reader[i].fd = self->event_fd;
		/* Room for one to four records */
		reader[i].room = (i + 1) * RECORD_LEN + i;
		reader[i].seen = seen;
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, reader_thread,
					    &reader[i]));
	}
	test_cmd_trigger_vevents(self->vm.dev_id, SHARED_EVENTS);
	for (i = 0; i < READERS; i++)
		__atomic_store_n(&reader[i].stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < READERS; i++) {
		pthread_join(thread[i], NULL);
		EXPECT_EQ(0, reader[i].strange);
		got += reader[i].got;
	}
	EXPECT_EQ(SHARED_EVENTS, got);
	for (i = 0; i < SHARED_EVENTS; i++)
		ASSERT_EQ(1, seen[i])
			TH_LOG("event %u", i);
	free(seen);
}

/* I10: events reach the queue of the vIOMMU whose device has had them, only */
TEST_F(events, reach_their_owner)
{
	__u32 stdev_id, hwpt_id, dev_id, viommu_id, nested_id, event_fd;
	struct mock_vm *vm = &self->vm;

	test_cmd_mock_domain(vm->ioas_id, &stdev_id, &hwpt_id, &dev_id);
	test_cmd_viommu_alloc(dev_id, vm->parent_id, SELFTEST_VIOMMU, NULL, 0,
			      &viommu_id);
	test_cmd_hwpt_alloc_viommu(dev_id, viommu_id, 0, 0, &nested_id);
	test_cmd_vdevice_alloc(viommu_id, dev_id, 0x77, NULL);
	test_cmd_veventq_alloc(viommu_id, SELFTEST_EVENTS, 4, NULL, &event_fd);
	test_err_trigger_vevent(ENOENT, dev_id);
	test_cmd_mock_domain_replace(stdev_id, nested_id);

	test_cmd_trigger_vevents(dev_id, 2);
	test_cmd_read_nothing(self->event_fd);
	test_cmd_trigger_vevents(vm->dev_id, 1);
	test_cmd_read_vevent(event_fd, 0, 0x77);
	test_cmd_read_vevent(event_fd, 1, 0x77);
	test_cmd_read_nothing(event_fd);
	test_cmd_read_vevent(self->event_fd, 0, VIRT_ID);
	test_cmd_read_nothing(self->event_fd);
	close(event_fd);
}

/* Each copy of the file keeps the queue, and that keeps the vIOMMU */
TEST_F(events, file_keeps_the_queue)
{
	struct mock_vm *vm = &self->vm;
	int copy, status, pipefd[2];
	pid_t child;
	char c;

	test_cmd_trigger_vevents(vm->dev_id, 3);
	test_err_destroy(EBUSY, self->queue_id);
	copy = dup(self->event_fd);
	ASSERT_LE(0, copy);
	ASSERT_EQ(0, close(self->event_fd));
	test_err_destroy(EBUSY, self->queue_id);

	ASSERT_EQ(0, pipe(pipefd));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		close(pipefd[1]);
		_exit(read(pipefd[0], &c, 1) != 0);
	}
	close(pipefd[0]);
	test_cmd_read_vevent(copy, 0, VIRT_ID);
	close(copy);
	test_err_destroy(EBUSY, self->queue_id);
	close(pipefd[1]);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);

	/* No file: events are kept as before, until the queue goes with them */
	test_cmd_trigger_vevents(vm->dev_id, 2);
	test_cmd_mock_domain_replace(vm->stdev_id, vm->ioas_id);
	test_ioctl_destroy(self->nested_id);
	test_ioctl_destroy(self->vdev_id);
	test_err_destroy(EBUSY, vm->viommu_id);
	test_ioctl_destroy(self->queue_id);
	test_err_destroy(ENOENT, self->queue_id);
	test_ioctl_destroy(vm->viommu_id);
	self->event_fd = -1;
}

/* With the queue gone nobody asks for events; a new one begins at 0 */
TEST_F(events, queue_begins_at_0)
{
	struct mock_vm *vm = &self->vm;

	test_cmd_trigger_vevents(vm->dev_id, 5);
	close(self->event_fd);
	test_ioctl_destroy(self->queue_id);
	test_err_trigger_vevent(EOPNOTSUPP, vm->dev_id);
	test_cmd_veventq_alloc(vm->viommu_id, SELFTEST_EVENTS, 2,
			       &self->queue_id, &self->event_fd);
	test_cmd_read_nothing(self->event_fd);
	test_cmd_trigger_vevents(vm->dev_id, 1);
	test_cmd_read_vevent(self->event_fd, 0, VIRT_ID);
}

/* The iommufd can be closed first: it lives on with the file of the queue */
TEST_F(events, iommufd_closed_first)
{
	test_cmd_trigger_vevents(self->vm.dev_id, 3);
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_EQ(POLLIN | POLLRDNORM, _test_cmd_poll(self->event_fd));
	test_cmd_read_vevent(self->event_fd, 0, VIRT_ID);
	test_cmd_read_vevent(self->event_fd, 1, VIRT_ID);
	EXPECT_STRNE("", mock_left());
	ASSERT_EQ(0, close(self->event_fd));
	self->event_fd = -1;
	EXPECT_TRUE(mock_nothing_left())
		TH_LOG("left: %s", mock_left());
}

/* A device that leaves takes its vDEVICE along; its events stay, and the queue */
TEST_F(events, device_leaves)
{
	struct mock_vm *vm = &self->vm;

	test_cmd_trigger_vevents(vm->dev_id, 2);
	test_ioctl_destroy(vm->stdev_id);
	test_err_trigger_vevent(ENOENT, vm->dev_id);
	test_err_destroy(ENOENT, self->vdev_id);
	test_cmd_read_vevent(self->event_fd, 0, VIRT_ID);
	test_cmd_read_vevent(self->event_fd, 1, VIRT_ID);
	test_cmd_read_nothing(self->event_fd);
}

/* ---- who pays */

#define CGROUP		"/sys/fs/cgroup"
#define PAID_EVENTS	40000
/* What an event needs at least: its record, and a list */
#define PAID_BYTES	24

/* A child in a cgroup of its own does what it is told, one letter each */
struct payer {
	const char *cgroup;
	pid_t pid;
	int tell;
	int hear;
};

static int payer_start(struct payer *p, int (*work)(void *arg, char what),
		       void *arg)
{
	int to[2], from[2];
	char path[128], c;

	if (mkdir(p->cgroup, 0755) && errno != EEXIST)
		return -errno;
	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		return -errno;
	p->pid = fork();
	if (p->pid < 0)
		return -errno;
	if (!p->pid) {
		snprintf(path, sizeof(path), "%s/cgroup.procs", p->cgroup);
		close(to[1]);
		c = write_file(path, "0") ? '!' : '.';
		do {
			if (write(from[1], &c, 1) != 1 ||
			    read(to[0], &c, 1) != 1)
				_exit(1);
			c = work(arg, c) ? '!' : '.';
		} while (1);
	}
	close(to[0]);
	close(from[1]);
	p->tell = to[1];
	p->hear = from[0];
	return read(p->hear, &c, 1) == 1 && c == '.' ? 0 : -EIO;
}

static int payer_do(struct payer *p, char what)
{
	char c;

	return write(p->tell, &what, 1) == 1 && read(p->hear, &c, 1) == 1 &&
	       c == '.' ? 0 : -EIO;
}

static void payer_end(struct payer *p)
{
	if (p->pid > 0) {
		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
	}
	rmdir(p->cgroup);
}

static long payer_current(struct payer *p)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/memory.current", p->cgroup);
	return read_number(path);
}

struct paid {
	int fd;
	__u32 viommu_id;
	__u32 dev_id;
	__u32 queue_id;
	__u32 event_fd;
};

static int paid_work(void *arg, char what)
{
	struct paid *p = arg;

	switch (what) {
	case 'a':
		return _test_cmd_veventq_alloc(p->fd, p->viommu_id,
					       SELFTEST_EVENTS, DEPTH_MAX,
					       &p->queue_id, &p->event_fd);
	case 't':
		return _test_cmd_trigger_vevents(p->fd, p->dev_id,
						 PAID_EVENTS);
	case 'd':
		close(p->event_fd);
		return _test_cmd_destroy(p->fd, p->queue_id);
	}
	return -1;
}

/*
 * J92: events are charged to who has made the queue, not to who happens to run
 * when one is reported, and are given back with the queue.
 */
TEST_F_TIMEOUT(events, charged_to_the_owner, TIMEOUT)
{
	struct payer owner = { .cgroup = CGROUP "/iommufd-owner" };
	struct payer other = { .cgroup = CGROUP "/iommufd-other" };
	struct paid paid = {
		.fd = self->fd,
		.viommu_id = self->vm.viommu_id,
		.dev_id = self->vm.dev_id,
	};
	const long least = PAID_EVENTS * PAID_BYTES;
	long owner_before, other_before, owner_with, other_with;

	if (write_file(CGROUP "/cgroup.subtree_control", "+memory"))
		SKIP(return, "no memory controller of cgroup v2 at %s (CONFIG_MEMCG)",
		     CGROUP);
	close(self->event_fd);
	self->event_fd = -1;
	test_ioctl_destroy(self->queue_id);

	ASSERT_EQ(0, payer_start(&owner, paid_work, &paid));
	ASSERT_EQ(0, payer_start(&other, paid_work, &paid));
	/* Once for what is needed but once */
	ASSERT_EQ(0, payer_do(&owner, 'a'));
	ASSERT_EQ(0, payer_do(&owner, 'd'));
	owner_before = payer_current(&owner);
	other_before = payer_current(&other);
	ASSERT_LE(0, owner_before);
	ASSERT_LE(0, other_before);

	ASSERT_EQ(0, payer_do(&owner, 'a'));
	ASSERT_EQ(0, payer_do(&other, 't'));
	owner_with = payer_current(&owner) - owner_before;
	other_with = payer_current(&other) - other_before;
	TH_LOG("%u events: owner %ld kB, who reported them %ld kB", PAID_EVENTS,
	       owner_with / 1024, other_with / 1024);
	EXPECT_LE(least, owner_with);
	EXPECT_GT(least / 2, other_with);

	ASSERT_EQ(0, payer_do(&owner, 'd'));
	EXPECT_GT(least / 2, payer_current(&owner) - owner_before);
	payer_end(&other);
	payer_end(&owner);
}

TEST_HARNESS_MAIN
