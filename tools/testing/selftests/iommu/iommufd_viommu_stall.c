// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Ioctls and reads that user memory stops in their middle: it comes late, or never, or
 * can't be written in the end. Meanwhile others look for what is not finished, take the
 * device away, close the iommufd or kill the process. Nothing is found before it is
 * finished, nobody waits for more than he must, and what fails was never there.
 *
 * userfaultfd holds the memory back; without it these tests are skipped.
 */
#include <linux/userfaultfd.h>
#include <sys/syscall.h>

#include "iommufd_viommu_race.h"

/* Unplug in a thread, for it may have to wait for what we hold up */
struct unplug {
	struct vmm *v;
	int rc;
	bool done;
	pthread_t thread;
};

static void *unplug_main(void *arg)
{
	struct unplug *u = arg;

	u->rc = _test_cmd_destroy(u->v->fd, u->v->stdev);
	store(&u->done, true);
	return NULL;
}

static int unplug_start(struct unplug *u, struct vmm *v)
{
	*u = (struct unplug){ .v = v };
	return pthread_create(&u->thread, NULL, unplug_main, u);
}

/* Does it end within @seconds? */
static bool unplug_ends(struct unplug *u, double seconds)
{
	double end = crew_now() + seconds;

	while (!load(&u->done) && crew_now() < end)
		usleep(1000);
	if (!load(&u->done))
		return false;
	pthread_join(u->thread, NULL);
	return true;
}

FIXTURE(stopped)
{
	int log;
	int counts[ARRAY_SIZE(mock_counts)];
	struct vmm vmm;
	struct stall stall;
	bool can_stall;
	__u32 viommu;
};

FIXTURE_VARIANT(stopped)
{
	enum kind kind;
	bool succeed;
};

FIXTURE_VARIANT_ADD(stopped, viommu) { .kind = VIOMMU, .succeed = true, };
FIXTURE_VARIANT_ADD(stopped, viommu_fails) { .kind = VIOMMU, };
FIXTURE_VARIANT_ADD(stopped, nested) { .kind = NESTED, .succeed = true, };
FIXTURE_VARIANT_ADD(stopped, nested_fails) { .kind = NESTED, };
FIXTURE_VARIANT_ADD(stopped, vdevice) { .kind = VDEVICE, .succeed = true, };
FIXTURE_VARIANT_ADD(stopped, vdevice_fails) { .kind = VDEVICE, };
FIXTURE_VARIANT_ADD(stopped, veventq) { .kind = VEVENTQ, .succeed = true, };
FIXTURE_VARIANT_ADD(stopped, veventq_fails) { .kind = VEVENTQ, };
FIXTURE_VARIANT_ADD(stopped, hw_queue) { .kind = HW_QUEUE, .succeed = true, };
FIXTURE_VARIANT_ADD(stopped, hw_queue_fails) { .kind = HW_QUEUE, };

FIXTURE_SETUP(stopped)
{
	const char *why = iommufd_mock_missing();
	unsigned int i;

	if (why)
		SKIP(return, "%s", why);
	self->vmm.fd = -1;
	if (stall_init(&self->stall))
		SKIP(return, "no userfaultfd (CONFIG_USERFAULTFD)");
	self->can_stall = true;
	self->log = kernel_log_open();
	ASSERT_LE(0, self->log);
	for (i = 0; i < ARRAY_SIZE(mock_counts); i++)
		self->counts[i] = mock_count(i);
	ASSERT_EQ(0, vmm_open(&self->vmm));
	if (variant->kind != VIOMMU)
		ASSERT_EQ(0, viommu_alloc(&self->vmm, &self->viommu));
}

FIXTURE_TEARDOWN(stopped)
{
	char line[256];
	unsigned int i;

	if (self->vmm.fd >= 0) {
		if (self->viommu)
			EXPECT_EQ(0, _test_cmd_destroy(self->vmm.fd,
						       self->viommu));
		EXPECT_EQ(NULL, vmm_close(&self->vmm));
	}
	if (self->can_stall)
		stall_exit(&self->stall);
	for (i = 0; i < ARRAY_SIZE(mock_counts); i++) {
		EXPECT_EQ(self->counts[i], mock_count(i))
			TH_LOG("%s are left", mock_counts[i]);
	}
	EXPECT_FALSE(kernel_has_warned(self->log, line, sizeof(line)))
		TH_LOG("%s", line);
	close(self->log);
}

/*
 * While an ALLOC writes its reply, its object is not there for anybody, not under the id
 * that it is going to have; but it holds that and what it is made of. HWPT_ALLOC holds
 * nothing: it begins anew when the memory is there. When the reply is written the object
 * is there; when it can't be written it never was.
 */
TEST_F(stopped, nothing_is_found)
{
	enum kind kind = variant->kind;
	struct vmm *v = &self->vmm;
	__u32 next, id, other;
	unsigned long cmd;
	const char *what;
	int rc;

	/* The lowest free id is that of the next object */
	ASSERT_EQ(0, _test_ioctl_ioas_alloc(v->fd, &next));
	ASSERT_EQ(0, _test_cmd_destroy(v->fd, next));
	cmd = prepare(kind, v, self->viommu, self->stall.arg);
	ASSERT_EQ(0, stall_begin(&self->stall, v->fd, cmd));

	what = find_anything(v, next);
	EXPECT_EQ(NULL, what)
		TH_LOG("%s finds what %s has not finished", what,
		       kind_names[kind]);
	if (kind != NESTED) {
		ASSERT_EQ(0, _test_ioctl_ioas_alloc(v->fd, &other));
		EXPECT_NE(next, other);
		EXPECT_EQ(0, _test_cmd_destroy(v->fd, other));
		if (self->viommu)
			EXPECT_EQ(EBUSY, _test_cmd_destroy(v->fd, self->viommu));
	}
	EXPECT_EQ(EBUSY, _test_cmd_destroy(v->fd, v->hwpt));
	if (kind == HW_QUEUE) {
		EXPECT_EQ(EBUSY, unmap_page(v, 0));
		EXPECT_EQ(EEXIST, hw_queue_alloc(v, self->viommu, 0,
						 IOVA + PAGE_SIZE, &other));
		EXPECT_EQ(EIO, hw_queue_alloc(v, self->viommu, 1,
					      IOVA + PAGE_SIZE, &other));
	}
	if (kind == VEVENTQ)
		EXPECT_EQ(EEXIST, veventq_alloc(v, self->viommu, 1, &other,
						(int *)&id));
	if (kind == VDEVICE)
		EXPECT_EQ(EEXIST, _test_cmd_vdevice_alloc(v->fd, self->viommu,
							  v->idev, VIRT_ID + 1,
							  &other));

	rc = stall_end(&self->stall, variant->succeed);
	EXPECT_EQ(variant->succeed ? 0 : -EFAULT, rc);
	id = replied_id(kind, self->stall.arg);
	if (variant->succeed) {
		EXPECT_EQ(next, id);
		if (kind == VEVENTQ) {
			const struct iommu_veventq_alloc *reply =
				self->stall.arg;

			EXPECT_EQ(EBUSY, _test_cmd_destroy(v->fd, id));
			EXPECT_EQ(0, close(reply->out_veventq_fd));
		}
		EXPECT_EQ(0, _test_cmd_destroy(v->fd, id));
	}
	EXPECT_EQ(ENOENT, _test_cmd_destroy(v->fd, next));
	/* Neither has left anything behind: the same again, at once */
	cmd = prepare(kind, v, self->viommu, self->stall.arg);
	EXPECT_EQ(0, _test_ioctl(v->fd, cmd, self->stall.arg));
	id = replied_id(kind, self->stall.arg);
	EXPECT_EQ(next, id);
	if (kind == VEVENTQ)
		close(((struct iommu_veventq_alloc *)self->stall.arg)
			      ->out_veventq_fd);
	EXPECT_EQ(0, _test_cmd_destroy(v->fd, id));
}

/*
 * A device leaves while an ALLOC waits for user memory: it does not wait. What needs the
 * device from then on is not made, a vDEVICE and HWPT_ALLOC's, and everything else is.
 */
TEST_F_TIMEOUT(stopped, device_leaves, 60)
{
	enum kind kind = variant->kind;
	struct vmm *v = &self->vmm;
	struct unplug unplug;
	unsigned long cmd;
	int rc, expected;
	__u32 id;

	cmd = prepare(kind, v, self->viommu, self->stall.arg);
	ASSERT_EQ(0, stall_begin(&self->stall, v->fd, cmd));
	ASSERT_EQ(0, unplug_start(&unplug, v));
	ASSERT_TRUE(unplug_ends(&unplug, CREW_PROMPT_S));
	rc = stall_end(&self->stall, variant->succeed);
	EXPECT_EQ(0, unplug.rc);
	v->stdev = 0;

	expected = kind == NESTED ? -ENOENT :
		   !variant->succeed ? -EFAULT :
		   kind == VDEVICE ? -ENOENT : 0;
	EXPECT_EQ(expected, rc);
	id = replied_id(kind, self->stall.arg);
	if (!rc) {
		if (kind == VEVENTQ)
			close(((struct iommu_veventq_alloc *)self->stall.arg)
				      ->out_veventq_fd);
		EXPECT_EQ(0, _test_cmd_destroy(v->fd, id));
	} else if (variant->succeed && kind != NESTED) {
		EXPECT_EQ(ENOENT, _test_cmd_destroy(v->fd, id));
	}
}

/* The iommufd is closed meanwhile: the ioctl ends as it would have, and then all of it */
TEST_F_TIMEOUT(stopped, iommufd_is_closed, 60)
{
	enum kind kind = variant->kind;
	struct vmm *v = &self->vmm;
	double start, end;
	unsigned long cmd;
	unsigned int i;
	int rc;

	cmd = prepare(kind, v, self->viommu, self->stall.arg);
	ASSERT_EQ(0, stall_begin(&self->stall, v->fd, cmd));
	start = crew_now();
	EXPECT_EQ(0, close(v->fd));
	EXPECT_GT(CREW_PROMPT_S, crew_now() - start);
	v->fd = -1;
	self->viommu = 0;
	rc = stall_end(&self->stall, variant->succeed);
	EXPECT_EQ(variant->succeed ? 0 : -EFAULT, rc);
	/* The file of events holds the iommufd */
	if (!rc && kind == VEVENTQ) {
		EXPECT_NE(self->counts[1], mock_count(1));
		EXPECT_EQ(0, close(((struct iommu_veventq_alloc *)
				    self->stall.arg)->out_veventq_fd));
	}
	/* The last to let go of the file was the thread that has ended */
	end = crew_now() + CREW_PROMPT_S;
	for (i = 0; i < ARRAY_SIZE(mock_counts); i++)
		while (mock_count(i) != self->counts[i] && crew_now() < end)
			usleep(1000);
}

/* ---- memory that is read in the middle */

/**
 * struct absent - a page that is missing: who reads it waits
 * @uffd: who holds it back
 * @page: the page
 * @thread: who reads
 * @fd, @cmd, @arg: the ioctl that reads it; without @cmd it is read() into it
 * @rc: what that has returned: 0 (or how much), or a negative errno
 * @got: what a read() has put there
 */
struct absent {
	int uffd;
	void *page;
	pthread_t thread;
	int fd;
	unsigned long cmd;
	void *arg;
	int rc;
	struct test_vevent got;
};

static int absent_init(struct absent *a)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	memset(a, 0, sizeof(*a));
	a->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (a->uffd < 0)
		return -errno;
	a->page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (a->page == MAP_FAILED)
		return -errno;
	reg.range.start = (uintptr_t)a->page;
	reg.range.len = PAGE_SIZE;
	if (ioctl(a->uffd, UFFDIO_API, &api) ||
	    ioctl(a->uffd, UFFDIO_REGISTER, &reg))
		return -errno;
	return 0;
}

static void absent_exit(struct absent *a)
{
	munmap(a->page, PAGE_SIZE);
	close(a->uffd);
}

static void *absent_main(void *arg)
{
	struct absent *a = arg;

	if (a->cmd)
		a->rc = ioctl(a->fd, a->cmd, a->arg);
	else
		a->rc = read(a->fd, a->page, PAGE_SIZE);
	if (a->rc < 0)
		a->rc = -errno;
	return NULL;
}

/* Returns when it waits: 0, or -1 if it does not within 20 s */
static int absent_begin(struct absent *a, int fd, unsigned long cmd, void *arg)
{
	struct pollfd p = { .fd = a->uffd, .events = POLLIN };
	struct uffd_msg msg;

	a->fd = fd;
	a->cmd = cmd;
	a->arg = arg;
	if (pthread_create(&a->thread, NULL, absent_main, a))
		return -1;
	return poll(&p, 1, 20000) == 1 &&
	       read(a->uffd, &msg, sizeof(msg)) == sizeof(msg) ? 0 : -1;
}

/*
 * The page comes, with @data in it; without @data it is taken away altogether. What is
 * in it when the call has ended goes to absent::got.
 */
static int absent_end(struct absent *a, const void *data, size_t len)
{
	struct uffdio_range range = {
		.start = (uintptr_t)a->page,
		.len = PAGE_SIZE,
	};
	struct uffdio_copy copy = { .dst = (uintptr_t)a->page, .len = PAGE_SIZE };
	char *src = calloc(1, PAGE_SIZE);

	if (data) {
		memcpy(src, data, len);
		copy.src = (uintptr_t)src;
		ioctl(a->uffd, UFFDIO_COPY, &copy);
	} else {
		mprotect(a->page, PAGE_SIZE, PROT_NONE);
		ioctl(a->uffd, UFFDIO_WAKE, &range);
	}
	pthread_join(a->thread, NULL);
	free(src);
	if (data)
		memcpy(&a->got, a->page, sizeof(a->got));
	/* For the next time: missing again */
	mprotect(a->page, PAGE_SIZE, PROT_READ | PROT_WRITE);
	madvise(a->page, PAGE_SIZE, MADV_DONTNEED);
	return a->rc;
}

/*
 * Data of VIOMMU_ALLOC and HWPT_ALLOC that comes late or never. Others go on meanwhile; a
 * device that leaves does not wait either, and is not there any more when the data is.
 */
TEST_F_TIMEOUT(race, data_comes_late, 60)
{
	struct iommu_viommu_selftest data = { .in_data = 1 };
	struct iommu_hwpt_selftest hwpt_data = {};
	struct vmm *v = &self->vmm;
	struct absent absent;
	struct unplug unplug;
	unsigned int i;
	__u32 viommu, id;
	char arg[64];
	bool late;
	int rc;

	if (absent_init(&absent))
		SKIP(return, "no userfaultfd (CONFIG_USERFAULTFD)");
	for (i = 0; i < 8; i++) {
		bool nested = i & 1, leaves = i & 4;
		unsigned long cmd;

		late = i & 2;
		ASSERT_EQ(0, viommu_alloc(v, &viommu));
		cmd = prepare(nested ? NESTED : VIOMMU, v, viommu, arg);
		if (nested) {
			((struct iommu_hwpt_alloc *)arg)->data_uptr =
				(uintptr_t)absent.page;
		} else {
			((struct iommu_viommu_alloc *)arg)->data_uptr =
				(uintptr_t)absent.page;
			((struct iommu_viommu_alloc *)arg)->data_len =
				sizeof(data);
		}
		ASSERT_EQ(0, absent_begin(&absent, v->fd, cmd, arg));
		/* Other objects come and go */
		ASSERT_EQ(0, hw_queue_alloc(v, viommu, 0, IOVA, &id));
		EXPECT_EQ(0, _test_cmd_destroy(v->fd, id));
		if (leaves) {
			ASSERT_EQ(0, unplug_start(&unplug, v));
			ASSERT_TRUE(unplug_ends(&unplug, CREW_PROMPT_S));
		}
		rc = nested ? absent_end(&absent, late ? &hwpt_data : NULL,
					 sizeof(hwpt_data)) :
			      absent_end(&absent, late ? &data : NULL,
					 sizeof(data));
		EXPECT_EQ(leaves ? -ENOENT : late ? 0 : -EFAULT, rc);
		if (!rc) {
			id = replied_id(nested ? NESTED : VIOMMU, arg);
			EXPECT_EQ(0, _test_cmd_destroy(v->fd, id));
		}
		if (leaves) {
			EXPECT_EQ(0, unplug.rc);
			ASSERT_EQ(0, add_device(v->fd, v->ioas, &v->stdev,
						&v->idev));
		}
		EXPECT_EQ(0, _test_cmd_destroy(v->fd, viommu));
	}
	absent_exit(&absent);
}

/*
 * Requests of INVALIDATE that come late or never. Nothing waits for them meanwhile: no
 * vDEVICE that comes or goes, no device that leaves. The device that a late request
 * names is not there any more.
 */
TEST_F_TIMEOUT(race, requests_come_late, 60)
{
	struct iommu_viommu_invalidate_selftest req = { .vdev_id = VIRT_ID };
	struct vmm *v = &self->vmm;
	struct absent absent;
	struct unplug unplug;
	__u32 viommu, id;
	unsigned int i;

	if (absent_init(&absent))
		SKIP(return, "no userfaultfd (CONFIG_USERFAULTFD)");
	for (i = 0; i < 4; i++) {
		struct iommu_hwpt_invalidate arg = {
			.size = sizeof(arg),
			.data_type = IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST,
			.data_uptr = (uintptr_t)absent.page,
			.entry_len = sizeof(req),
			.entry_num = 1,
		};

		ASSERT_EQ(0, viommu_alloc(v, &viommu));
		ASSERT_EQ(0, _test_cmd_vdevice_alloc(v->fd, viommu, v->idev,
						     VIRT_ID, &id));
		arg.hwpt_id = viommu;
		ASSERT_EQ(0, absent_begin(&absent, v->fd, IOMMU_HWPT_INVALIDATE,
					  &arg));
		EXPECT_EQ(0, _test_cmd_destroy(v->fd, id));
		EXPECT_EQ(0, _test_cmd_vdevice_alloc(v->fd, viommu, v->idev,
						     VIRT_ID + i % 2, &id));
		EXPECT_EQ(EBUSY, _test_cmd_destroy(v->fd, viommu));
		if (i / 2) {
			ASSERT_EQ(0, unplug_start(&unplug, v));
			EXPECT_TRUE(unplug_ends(&unplug, CREW_PROMPT_S));
			EXPECT_EQ(0, unplug.rc);
			EXPECT_EQ(ENOENT, _test_cmd_destroy(v->fd, id));
		}
		/* The same id is again there, or another one is, or none */
		EXPECT_EQ(i == 0 ? 0 : -EINVAL,
			  absent_end(&absent, &req, sizeof(req)));
		EXPECT_EQ(i == 0, arg.entry_num);
		if (i / 2) {
			ASSERT_EQ(0, add_device(v->fd, v->ioas, &v->stdev,
						&v->idev));
		} else {
			EXPECT_EQ(0, _test_cmd_destroy(v->fd, id));
		}

		/* Never */
		arg.entry_num = 1;
		ASSERT_EQ(0, absent_begin(&absent, v->fd, IOMMU_HWPT_INVALIDATE,
					  &arg));
		EXPECT_EQ(-EFAULT, absent_end(&absent, NULL, 0));
		EXPECT_EQ(0, arg.entry_num);
		EXPECT_EQ(0, _test_cmd_destroy(v->fd, viommu));
	}
	absent_exit(&absent);
}

/*
 * A reader whose memory comes late or never holds nobody up: not who reports, not
 * another reader, not a device that leaves. What it can't be given stays.
 */
TEST_F_TIMEOUT(race, reader_comes_late, 60)
{
	struct vmm *v = &self->vmm;
	struct test_vevent event;
	struct absent absent;
	struct unplug unplug;
	struct reporter r;
	int fd, copy;
	double start;

	if (absent_init(&absent))
		SKIP(return, "no userfaultfd (CONFIG_USERFAULTFD)");
	ASSERT_EQ(NULL, reporter_make(&r, v, 4));

	/* Never: the event is still there, and so is the next */
	ASSERT_EQ(0, _test_cmd_trigger_vevents(v->fd, v->idev, 1));
	ASSERT_EQ(0, absent_begin(&absent, r.fd, 0, NULL));
	EXPECT_EQ(0, _test_cmd_trigger_vevents(v->fd, v->idev, 1));
	EXPECT_EQ(POLLIN | POLLRDNORM, _test_cmd_poll(r.fd));
	EXPECT_EQ(-EFAULT, absent_end(&absent, NULL, 0));
	test_cmd_read_vevent(r.fd, 0, VIRT_ID);

	/* Late: another reader gets the first meanwhile, it gets what is left */
	ASSERT_EQ(0, absent_begin(&absent, r.fd, 0, NULL));
	test_cmd_read_vevent(r.fd, 1, VIRT_ID);
	EXPECT_EQ(0, _test_cmd_trigger_vevents(v->fd, v->idev, 1));
	fd = r.fd;
	EXPECT_EQ(sizeof(event), absent_end(&absent, &event, sizeof(event)));
	EXPECT_EQ(2, absent.got.header.sequence);
	test_cmd_read_nothing(fd);

	/* The queue is full and loses; the device leaves; the file is closed */
	ASSERT_EQ(0, _test_cmd_trigger_vevents(v->fd, v->idev, 1));
	ASSERT_EQ(0, absent_begin(&absent, r.fd, 0, NULL));
	EXPECT_EQ(0, _test_cmd_trigger_vevents(v->fd, v->idev, 8));
	ASSERT_EQ(0, unplug_start(&unplug, v));
	EXPECT_TRUE(unplug_ends(&unplug, CREW_PROMPT_S));
	EXPECT_EQ(0, unplug.rc);
	EXPECT_EQ(ENOENT, _test_cmd_destroy(v->fd, r.vdevice));
	v->stdev = 0;
	r.vdevice = 0;
	copy = dup(r.fd);
	ASSERT_LE(0, copy);
	start = crew_now();
	EXPECT_EQ(0, close(r.fd));
	EXPECT_EQ(0, close(copy));
	EXPECT_GT(CREW_PROMPT_S, crew_now() - start);
	r.fd = -1;
	/* The reader holds the file */
	EXPECT_EQ(EBUSY, _test_cmd_destroy(v->fd, r.veventq));
	EXPECT_EQ(EBUSY, _test_cmd_destroy(v->fd, r.viommu));
	/* 4 events, the last of them number 6, and the loss of number 11 */
	EXPECT_EQ(4 * sizeof(event) + sizeof(event.header),
		  absent_end(&absent, &event, sizeof(event)));
	EXPECT_EQ(3, absent.got.header.sequence);
	EXPECT_EQ(NULL, reporter_unmake(&r, v));
	absent_exit(&absent);
}

/* A process is killed while one of its ioctls waits for its memory: it ends at once */
TEST_F_TIMEOUT(stopped, process_is_killed, 60)
{
	int ready[2], status;
	double start;
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct stall stall;
		struct vmm v;
		__u32 viommu = 0;
		unsigned long cmd;

		if (vmm_open(&v) || stall_init(&stall) ||
		    (variant->kind != VIOMMU && viommu_alloc(&v, &viommu)))
			_exit(1);
		cmd = prepare(variant->kind, &v, viommu, stall.arg);
		if (stall_begin(&stall, v.fd, cmd) ||
		    write(ready[1], "r", 1) != 1)
			_exit(1);
		/* Half of them wait in an ioctl themselves: an unplug */
		if (variant->succeed)
			_test_cmd_destroy(v.fd, v.stdev);
		pause();
	}
	close(ready[1]);
	EXPECT_EQ(1, read(ready[0], &c, 1));
	close(ready[0]);
	usleep(50000);
	start = crew_now();
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_GT(CREW_PROMPT_S, crew_now() - start);
	EXPECT_TRUE(all_given_back((int[]){
		    self->counts[0] + (self->counts[0] >= 0),
		    self->counts[1] + (self->viommu && self->counts[1] >= 0),
		    self->counts[2], self->counts[3] }));
}

TEST_HARNESS_MAIN
