// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of veventq.c: which records a queue gives, in which order, with which
 * numbers, and what a read that fails leaves. What needs a file, an object or a
 * memory cgroup is tested from user space.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/iopoll.h>
#include <linux/kthread.h>
#include <linux/mman.h>
#include <linux/poll.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "viommu_private.h"

/* More records than any test has in a queue, and a bit */
#define TEST_BUF_SIZE PAGE_SIZE

struct veventq_test {
	struct iommufd_veventq_obj queue;
	/* TEST_BUF_SIZE bytes, and after them a page that can't be accessed */
	char __user *buf;
};

/* The events of these tests, of different lengths, tell who they are */
struct test_event {
	u32 id;
	u32 padding[3];
};

/* A record as user space sees it */
struct test_record {
	struct iommufd_vevent_header header;
	struct test_event event;
};

static size_t test_event_len(u32 id)
{
	return sizeof(u32) * (1 + id % 4);
}

static size_t test_record_len(u32 id)
{
	return sizeof(struct iommufd_vevent_header) + test_event_len(id);
}

static int veventq_test_init(struct kunit *test)
{
	struct veventq_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	unsigned long uptr;

	if (!t)
		return -ENOMEM;
	uptr = kunit_vm_mmap(test, NULL, 0, TEST_BUF_SIZE + PAGE_SIZE,
			     PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	if (!uptr || uptr >= TASK_SIZE)
		return -ENOMEM;
	if (vm_munmap(uptr + TEST_BUF_SIZE, PAGE_SIZE))
		return -ENOMEM;
	t->buf = (char __user *)uptr;
	iommufd_veventq_init(&t->queue, 4);
	test->priv = t;
	return 0;
}

static void veventq_test_exit(struct kunit *test)
{
	struct veventq_test *t = test->priv;

	if (t)
		iommufd_veventq_fini(&t->queue);
}

static void test_add(struct kunit *test, u32 id)
{
	struct veventq_test *t = test->priv;
	struct test_event event = { .id = id };

	iommufd_veventq_add(&t->queue, &event, test_event_len(id));
}

/* The next record by a read that has room for one; false if there is none */
static bool test_read(struct kunit *test, struct test_record *record)
{
	struct veventq_test *t = test->priv;
	ssize_t len;

	memset(record, 0, sizeof(*record));
	/* The shortest first, until it fits: no read returns more than one */
	for (len = sizeof(record->header); len <= sizeof(*record);
	     len += sizeof(u32)) {
		ssize_t rc = iommufd_veventq_read(&t->queue, t->buf, len);

		if (rc == -EINVAL)
			continue;
		if (!rc)
			return false;
		KUNIT_ASSERT_EQ(test, rc, len);
		KUNIT_ASSERT_EQ(test, copy_from_user(record, t->buf, len), 0);
		return true;
	}
	KUNIT_FAIL(test, "a record longer than any");
	return false;
}

static void expect_event(struct kunit *test, u32 id, u32 sequence)
{
	struct test_record record;

	KUNIT_EXPECT_TRUE(test, test_read(test, &record));
	KUNIT_EXPECT_EQ(test, record.header.flags, 0);
	KUNIT_EXPECT_EQ(test, record.header.sequence, sequence);
	KUNIT_EXPECT_EQ(test, record.event.id, id);
}

static void expect_loss(struct kunit *test, u32 sequence)
{
	struct test_record record;

	KUNIT_EXPECT_TRUE(test, test_read(test, &record));
	KUNIT_EXPECT_EQ(test, record.header.flags,
			IOMMU_VEVENTQ_FLAG_LOST_EVENTS);
	KUNIT_EXPECT_EQ(test, record.header.sequence, sequence);
}

static void expect_empty(struct kunit *test)
{
	struct test_record record;

	KUNIT_EXPECT_FALSE(test, test_read(test, &record));
}

/* Numbers begin at 0 and count every event; a read of an empty queue gives 0 */
static void veventq_order(struct kunit *test)
{
	expect_empty(test);
	test_add(test, 100);
	test_add(test, 101);
	expect_event(test, 100, 0);
	test_add(test, 102);
	expect_event(test, 101, 1);
	expect_event(test, 102, 2);
	expect_empty(test);
}

/* Whole records only: as many as fit, and EINVAL if not even the first does */
static void veventq_whole_records(struct kunit *test)
{
	struct veventq_test *t = test->priv;
	struct iommufd_veventq_obj *q = &t->queue;
	size_t first = test_record_len(3), second = test_record_len(4);

	/* Too small for any record: an empty queue says so as well */
	KUNIT_EXPECT_EQ(test, iommufd_veventq_read(q, t->buf, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, iommufd_veventq_read(q, t->buf, 7), -EINVAL);
	KUNIT_EXPECT_EQ(test, iommufd_veventq_read(q, t->buf, 8), 0);

	test_add(test, 3);
	test_add(test, 4);
	KUNIT_EXPECT_EQ(test, iommufd_veventq_read(q, t->buf, 7), -EINVAL);
	KUNIT_EXPECT_EQ(test, iommufd_veventq_read(q, t->buf, 8), -EINVAL);
	KUNIT_EXPECT_EQ(test, iommufd_veventq_read(q, t->buf, first - 1),
			-EINVAL);
	KUNIT_EXPECT_EQ(test,
			iommufd_veventq_read(q, t->buf, first + second - 1),
			first);
	test_add(test, 3);
	KUNIT_EXPECT_EQ(test, iommufd_veventq_read(q, t->buf, TEST_BUF_SIZE),
			second + first);
	KUNIT_EXPECT_EQ(test, iommufd_veventq_read(q, t->buf, TEST_BUF_SIZE), 0);
}

/* After INT_MAX comes 0, for events that are kept and for those that are lost */
static void veventq_sequence_wraps(struct kunit *test)
{
	struct veventq_test *t = test->priv;

	t->queue.next_sequence = INT_MAX;
	test_add(test, 1);
	test_add(test, 2);
	expect_event(test, 1, INT_MAX);
	expect_event(test, 2, 0);

	t->queue.depth = 1;
	t->queue.next_sequence = INT_MAX - 1;
	test_add(test, 3);
	test_add(test, 4);
	expect_event(test, 3, INT_MAX - 1);
	expect_loss(test, INT_MAX);
	test_add(test, 5);
	expect_event(test, 5, 0);

	t->queue.next_sequence = INT_MAX;
	test_add(test, 6);
	test_add(test, 7);
	expect_event(test, 6, INT_MAX);
	expect_loss(test, 0);
	expect_empty(test);
}

/* Depth counts events, not the loss; a record that is read makes room for one */
static void veventq_depth(struct kunit *test)
{
	struct veventq_test *t = test->priv;
	u32 i;

	for (i = 0; i < t->queue.depth + 3; i++)
		test_add(test, i);
	/* 0 to 3 are kept, 4 to 6 are lost */
	expect_event(test, 0, 0);
	/* There is room for one: the gap tells of that loss now */
	test_add(test, 7);
	test_add(test, 8);
	expect_event(test, 1, 1);
	expect_event(test, 2, 2);
	expect_event(test, 3, 3);
	expect_event(test, 7, 7);
	expect_loss(test, 8);
	expect_empty(test);

	/* A loss that is followed by an event is no record: the gap tells of it */
	for (i = 9; i < 14; i++)
		test_add(test, i);
	expect_event(test, 9, 9);
	test_add(test, 14);
	expect_event(test, 10, 10);
	expect_event(test, 11, 11);
	expect_event(test, 12, 12);
	expect_event(test, 14, 14);
	expect_empty(test);

	/* Reading a loss makes no room */
	t->queue.depth = 1;
	test_add(test, 15);
	test_add(test, 16);
	expect_event(test, 15, 15);
	expect_loss(test, 16);
	test_add(test, 17);
	test_add(test, 18);
	expect_event(test, 17, 17);
	expect_loss(test, 18);
	expect_empty(test);
}

/* A record that can't be copied stays where it is, and what could be counts */
static void veventq_copy_fault(struct kunit *test)
{
	struct veventq_test *t = test->priv;
	struct iommufd_veventq_obj *q = &t->queue;
	char __user *end = t->buf + TEST_BUF_SIZE;
	size_t first = test_record_len(20);
	int i;

	t->queue.depth = 2;
	for (i = 20; i < 23; i++)
		test_add(test, i);

	/* Not one byte of it, the header only, all but its last byte */
	KUNIT_EXPECT_EQ(test, iommufd_veventq_read(q, end, 64), -EFAULT);
	KUNIT_EXPECT_EQ(test, iommufd_veventq_read(q, end - 8, 64), -EFAULT);
	KUNIT_EXPECT_EQ(test, iommufd_veventq_read(q, end - first + 1, 64),
			-EFAULT);
	/* The first succeeds, the second does not, the first time */
	KUNIT_EXPECT_EQ(test, iommufd_veventq_read(q, end - first - 8, 64),
			first);
	expect_event(test, 21, 1);
	/* A loss is a record like others here */
	KUNIT_EXPECT_EQ(test, iommufd_veventq_read(q, end - 7, 64), -EFAULT);
	expect_loss(test, 2);
	expect_empty(test);
}

/* Readable is what a read would return something for; writable it is never */
static void veventq_poll(struct kunit *test)
{
	struct veventq_test *t = test->priv;
	__poll_t in = EPOLLIN | EPOLLRDNORM;

	t->queue.depth = 1;
	KUNIT_EXPECT_TRUE(test, iommufd_veventq_poll_mask(&t->queue) == 0);
	test_add(test, 1);
	KUNIT_EXPECT_TRUE(test, iommufd_veventq_poll_mask(&t->queue) == in);
	test_add(test, 2);
	expect_event(test, 1, 0);
	/* The loss alone */
	KUNIT_EXPECT_TRUE(test, iommufd_veventq_poll_mask(&t->queue) == in);
	expect_loss(test, 1);
	KUNIT_EXPECT_TRUE(test, iommufd_veventq_poll_mask(&t->queue) == 0);
}

struct test_waiter {
	struct wait_queue_entry entry;
	struct task_struct *reporter;
	unsigned int wakes, wakes_by_reporter;
};

static int test_waiter_wake(struct wait_queue_entry *entry, unsigned int mode,
			    int flags, void *key)
{
	struct test_waiter *waiter =
		container_of(entry, struct test_waiter, entry);

	waiter->wakes++;
	waiter->wakes_by_reporter += current == waiter->reporter;
	return 0;
}

/*
 * A report wakes nobody itself, however many wait; and who doesn't read is woken
 * once, not by every event.
 */
static void veventq_wakes(struct kunit *test)
{
	struct veventq_test *t = test->priv;
	struct test_waiter *waiter;
	struct test_record record;
	unsigned int i;

	waiter = kunit_kzalloc(test, sizeof(*waiter), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, waiter);
	waiter->reporter = current;
	init_waitqueue_func_entry(&waiter->entry, test_waiter_wake);
	add_wait_queue(&t->queue.wait, &waiter->entry);

	/* The first of them wakes; some are lost */
	for (i = 0; i < 10; i++) {
		test_add(test, i);
		flush_work(&t->queue.wake_work);
		KUNIT_EXPECT_EQ(test, waiter->wakes, 1);
	}
	/* A read that takes nothing changes nothing */
	KUNIT_EXPECT_EQ(test, iommufd_veventq_read(&t->queue, t->buf, 8),
			-EINVAL);
	iommufd_veventq_add_loss(&t->queue);
	flush_work(&t->queue.wake_work);
	KUNIT_EXPECT_EQ(test, waiter->wakes, 1);

	/* One that takes a record does, though there are more, of a loss too */
	for (i = 2; test_read(test, &record); i++) {
		test_add(test, 100 + i);
		flush_work(&t->queue.wake_work);
		KUNIT_EXPECT_EQ(test, waiter->wakes, i);
		if (i == 4)
			t->queue.depth = 0;
		if (i == 12)
			break;
	}
	KUNIT_EXPECT_EQ(test, i, 12);
	KUNIT_EXPECT_EQ(test, waiter->wakes_by_reporter, 0);
	remove_wait_queue(&t->queue.wait, &waiter->entry);
}

/* What a driver tells to be lost is lost like what finds no room */
static void veventq_reported_loss(struct kunit *test)
{
	struct veventq_test *t = test->priv;

	iommufd_veventq_add_loss(&t->queue);
	iommufd_veventq_add_loss(&t->queue);
	expect_loss(test, 1);
	expect_empty(test);
	test_add(test, 1);
	iommufd_veventq_add_loss(&t->queue);
	test_add(test, 2);
	iommufd_veventq_add_loss(&t->queue);
	expect_event(test, 1, 2);
	expect_event(test, 2, 4);
	expect_loss(test, 5);
	expect_empty(test);
}

static struct iommufd_viommu_obj *test_viommu(struct kunit *test)
{
	struct iommufd_viommu_obj *viommu =
		kunit_kzalloc(test, sizeof(*viommu), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, viommu);
	spin_lock_init(&viommu->veventqs_lock);
	INIT_LIST_HEAD(&viommu->veventqs);
	return viommu;
}

/*
 * A driver's reports reach the queue of their type, from when it is published until
 * it is removed, and the driver hears if there is none.
 */
static void veventq_report(struct kunit *test)
{
	struct veventq_test *t = test->priv;
	struct test_event event = { .id = 1 };
	struct iommufd_viommu_obj *viommu = test_viommu(test);
	struct iommufd_viommu core = { .object = viommu };
	struct iommufd_veventq_obj *other;

	t->queue.type = 2;
	KUNIT_ASSERT_EQ(test, 0, iommufd_viommu_add_veventq(viommu, &t->queue));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, iommufd_viommu_report_lost(&core, 2));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			iommufd_viommu_report_event(&core, 2, &event,
						    test_event_len(1)));
	expect_empty(test);
	iommufd_viommu_publish_veventq(viommu, &t->queue);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, iommufd_viommu_report_lost(&core, 1));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			iommufd_viommu_report_event(&core, 1, &event,
						    test_event_len(1)));
	expect_empty(test);
	KUNIT_EXPECT_EQ(test, 0, iommufd_viommu_report_lost(&core, 2));
	KUNIT_EXPECT_EQ(test, 0,
			iommufd_viommu_report_event(&core, 2, &event,
						    test_event_len(1)));
	expect_event(test, 1, 1);
	KUNIT_EXPECT_EQ(test, 0, iommufd_viommu_report_lost(&core, 2));
	expect_loss(test, 2);
	expect_empty(test);

	/* One of each type, and what was not added is not removed either */
	other = kunit_kzalloc(test, sizeof(*other), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, other);
	iommufd_veventq_init(other, 1);
	other->type = 2;
	KUNIT_EXPECT_EQ(test, -EEXIST, iommufd_viommu_add_veventq(viommu, other));
	iommufd_viommu_remove_veventq(viommu, other);
	KUNIT_EXPECT_EQ(test, 0, iommufd_viommu_report_lost(&core, 2));
	expect_loss(test, 3);
	other->type = 1;
	KUNIT_EXPECT_EQ(test, 0, iommufd_viommu_add_veventq(viommu, other));
	iommufd_viommu_publish_veventq(viommu, other);

	iommufd_viommu_remove_veventq(viommu, &t->queue);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, iommufd_viommu_report_lost(&core, 2));
	KUNIT_EXPECT_EQ(test, 0, iommufd_viommu_report_lost(&core, 1));
	KUNIT_EXPECT_TRUE(test, other->lost);
	expect_empty(test);
	iommufd_viommu_remove_veventq(viommu, other);
	KUNIT_EXPECT_TRUE(test, list_empty(&viommu->veventqs));
	iommufd_veventq_fini(other);
}

/* Another thread, on another CPU, that does something when it is told to */
struct test_peer {
	struct iommufd_viommu core;
	struct iommufd_veventq_obj *queue;
	void (*act)(struct test_peer *peer);
	unsigned int beats;
	bool go, done;
};

static int test_peer_thread(void *data)
{
	struct test_peer *peer = data;

	while (!READ_ONCE(peer->go)) {
		WRITE_ONCE(peer->beats, peer->beats + 1);
		cond_resched();
	}
	peer->act(peer);
	WRITE_ONCE(peer->done, true);
	while (!kthread_should_stop())
		usleep_range(1000, 2000);
	return 0;
}

/* Take @lock and tell the peer to go, at a time when it has a CPU of its own */
static void test_peer_go(struct kunit *test, struct test_peer *peer,
			 spinlock_t *lock)
	__acquires(lock)
{
	unsigned int beats, tries, ms;

	for (tries = 0; tries < 1000; tries++) {
		spin_lock_irq(lock);
		beats = READ_ONCE(peer->beats);
		for (ms = 0; ms < 10; ms++) {
			if (READ_ONCE(peer->beats) != beats) {
				WRITE_ONCE(peer->go, true);
				return;
			}
			mdelay(1);
		}
		spin_unlock_irq(lock);
		usleep_range(1000, 2000);
	}
	spin_lock_irq(lock);
	WRITE_ONCE(peer->go, true);
	KUNIT_FAIL(test, "no CPU for the other thread");
}

static void test_peer_report(struct test_peer *peer)
{
	iommufd_viommu_report_lost(&peer->core, peer->queue->type);
}

static void test_peer_remove(struct test_peer *peer)
{
	iommufd_viommu_remove_veventq(peer->core.object, peer->queue);
}

/*
 * When a queue has been removed, so that it can be freed, no report is in it: a report
 * holds veventqs_lock for as long as it is in the queue, and who removes one waits for
 * that lock.
 */
static void veventq_remove_waits(struct kunit *test)
{
	struct veventq_test *t = test->priv;
	struct iommufd_viommu_obj *viommu = test_viommu(test);
	struct test_peer *peer[2];
	struct task_struct *thread[2];
	unsigned int i;
	bool held;

	if (num_online_cpus() < 2)
		kunit_skip(test, "one CPU");

	t->queue.type = 1;
	KUNIT_ASSERT_EQ(test, 0, iommufd_viommu_add_veventq(viommu, &t->queue));
	iommufd_viommu_publish_veventq(viommu, &t->queue);

	for (i = 0; i < 2; i++) {
		peer[i] = kunit_kzalloc(test, sizeof(*peer[i]), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, peer[i]);
		peer[i]->core.object = viommu;
		peer[i]->queue = &t->queue;
		peer[i]->act = i ? test_peer_remove : test_peer_report;
	}

	/* The queue's own lock keeps the report in the queue */
	thread[0] = kthread_run(test_peer_thread, peer[0], "veventq-report");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, thread[0]);
	test_peer_go(test, peer[0], &t->queue.lock);
	KUNIT_EXPECT_EQ(test, 0,
			read_poll_timeout_atomic(spin_is_locked, held, held,
						 1000, USEC_PER_SEC, false,
						 &viommu->veventqs_lock));
	KUNIT_EXPECT_FALSE(test, READ_ONCE(peer[0]->done));
	spin_unlock_irq(&t->queue.lock);
	kthread_stop(thread[0]);
	expect_loss(test, 0);

	/* As a report does */
	thread[1] = kthread_run(test_peer_thread, peer[1], "veventq-remove");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, thread[1]);
	test_peer_go(test, peer[1], &viommu->veventqs_lock);
	mdelay(20);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(peer[1]->done));
	KUNIT_EXPECT_FALSE(test, list_empty(&viommu->veventqs));
	spin_unlock_irq(&viommu->veventqs_lock);
	kthread_stop(thread[1]);
	KUNIT_EXPECT_TRUE(test, list_empty(&viommu->veventqs));
}

/*
 * What user space is promised, as a list of records: that of a loss is appended like
 * an event, and whatever is appended takes the place of a loss at the end.
 */
struct test_model {
	struct test_record records[16];
	unsigned int num, num_events;
	u32 sequence;
};

/* Depth 0: the event is lost in any case */
static void model_add(struct test_model *model, u32 depth, u32 id)
{
	bool lost = model->num_events >= depth;
	struct test_record *record;

	if (model->num && model->records[model->num - 1].header.flags)
		model->num--;
	record = &model->records[model->num++];
	*record = (struct test_record){
		.header.flags = lost ? IOMMU_VEVENTQ_FLAG_LOST_EVENTS : 0,
		.header.sequence = model->sequence,
		.event.id = lost ? 0 : id,
	};
	model->num_events += !lost;
	model->sequence = model->sequence == INT_MAX ? 0 : model->sequence + 1;
}

static void model_take(struct test_model *model, unsigned int num)
{
	unsigned int i;

	for (i = 0; i < num; i++)
		model->num_events -= !model->records[i].header.flags;
	memmove(model->records, model->records + num,
		(model->num - num) * sizeof(model->records[0]));
	model->num -= num;
}

static size_t model_record_len(const struct test_record *record)
{
	return record->header.flags ? sizeof(record->header) :
				      test_record_len(record->event.id);
}

/* A read of @room bytes returns what the model says. */
static void test_read_as_model(struct kunit *test, struct test_model *model,
			       size_t room)
{
	struct veventq_test *t = test->priv;
	size_t done = 0, len;
	ssize_t expect, rc;
	unsigned int num;

	for (num = 0; num < model->num; num++) {
		len = model_record_len(&model->records[num]);
		if (done + len > room)
			break;
		done += len;
	}
	expect = done;
	if (room < sizeof(struct iommufd_vevent_header) || (model->num && !num))
		expect = -EINVAL;

	rc = iommufd_veventq_read(&t->queue, t->buf, room);
	KUNIT_ASSERT_EQ(test, rc, expect);
	if (rc <= 0)
		return;

	for (done = 0, num = 0; done < rc; done += len, num++) {
		struct test_record *want = &model->records[num], got = {};

		len = model_record_len(want);
		KUNIT_ASSERT_EQ(test, copy_from_user(&got, t->buf + done, len),
				0);
		KUNIT_ASSERT_MEMEQ(test, &got, want, sizeof(got));
	}
	model_take(model, num);
}

/* Whether the queue is what the model is, without reading it */
static void test_check_invariants(struct kunit *test, struct test_model *model)
{
	struct veventq_test *t = test->priv;
	struct iommufd_veventq_obj *q = &t->queue;
	bool lost = model->num && model->records[model->num - 1].header.flags;
	unsigned int i;

	/* A loss is last, if there is one */
	for (i = 0; i + 1 < model->num; i++)
		KUNIT_ASSERT_EQ(test, model->records[i].header.flags, 0);
	KUNIT_ASSERT_EQ(test, q->lost, lost);
	if (lost)
		KUNIT_ASSERT_EQ(test, q->lost_sequence,
				model->records[model->num - 1].header.sequence);
	KUNIT_ASSERT_EQ(test, q->num_events, model->num_events);
	KUNIT_ASSERT_EQ(test, list_count_nodes(&q->events), model->num_events);
	KUNIT_ASSERT_LE(test, q->num_events, q->depth);
	KUNIT_ASSERT_EQ(test, iommufd_veventq_poll_mask(q) != 0, model->num != 0);
}

/* Whatever is reported and read in whatever order, the queue is as promised */
static void veventq_random(struct kunit *test)
{
	struct veventq_test *t = test->priv;
	struct test_model *model;
	struct rnd_state rnd;
	unsigned int step;

	model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, model);
	prandom_seed_state(&rnd, 92);

	for (step = 0; step < 20000; step++) {
		u32 dice = prandom_u32_state(&rnd);

		/* Often around the end of the numbers; all depths; few readers */
		if (step % 1000 == 0) {
			while (model->num)
				test_read_as_model(test, model, TEST_BUF_SIZE);
			t->queue.depth = 1 + dice % 8;
			t->queue.next_sequence = INT_MAX - dice % 16;
			model->sequence = t->queue.next_sequence;
		} else if (dice % 8 < 4) {
			test_add(test, step);
			model_add(model, t->queue.depth, step);
		} else if (dice % 8 < 5) {
			iommufd_veventq_add_loss(&t->queue);
			model_add(model, 0, step);
		} else {
			test_read_as_model(test, model, (dice >> 8) % 80);
		}
		test_check_invariants(test, model);
	}
}

static struct kunit_case veventq_cases[] = {
	KUNIT_CASE(veventq_order),
	KUNIT_CASE(veventq_whole_records),
	KUNIT_CASE(veventq_sequence_wraps),
	KUNIT_CASE(veventq_depth),
	KUNIT_CASE(veventq_copy_fault),
	KUNIT_CASE(veventq_poll),
	KUNIT_CASE(veventq_wakes),
	KUNIT_CASE(veventq_reported_loss),
	KUNIT_CASE(veventq_report),
	KUNIT_CASE(veventq_remove_waits),
	KUNIT_CASE(veventq_random),
	{}
};

static struct kunit_suite veventq_suite = {
	.name = "iommufd-veventq",
	.init = veventq_test_init,
	.exit = veventq_test_exit,
	.test_cases = veventq_cases,
};

kunit_test_suite(veventq_suite);
