// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Devices that leave a VM while it works with them: the VFIO file is closed, the
 * driver is unbound, the card is removed and comes back, the process is killed.
 *
 * The rules, whatever the way:
 *
 *  - The vDEVICE goes first. When the call that took the device away has returned,
 *    the device's SID slot is clear, no command of the guest's names the device any
 *    more, and no DMA of it reaches the guest's memory.
 *  - The vDEVICE's id stays behind as a tombstone: it finds nothing and is given to
 *    nothing else.
 *  - Nobody waits longer than the work takes. iommufd's time-out is 60 s; the time
 *    that each of the calls took is printed.
 *  - What is left of the VM goes on: its queue, its vIOMMU, its other objects. So
 *    does every other VM. The device can come back, with any vSID.
 *
 * Runs on the emulated board (emulator/grace-vm); skips elsewhere.
 */
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <linux/vfio.h>

#include "cmdqv_utils.h"
#include "files.h"
#include "kernel_log.h"
#include "nvme.h"

#define TYPE	IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV
#define QTYPE	IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV
#define TIMEOUT	240

/* Taking a device away takes milliseconds here, and always far less than the 60 s */
#define PROMPT_S	(getenv("BOARD_SLOW") ? 45.0 : 20.0)

#define NVME_VENDOR	0x1b36
#define NVME_DEVICE	0x0010

static double now(void)
{
	return vmm_now_ns() / 1e9;
}

/* How often, where everything takes several times longer than usual */
static unsigned int rounds(unsigned int n)
{
	return getenv("BOARD_SLOW") ? n / 2 : n;
}

/* How a device leaves: the VMM gives it up, or the host wants it */
enum ending { CLOSE, UNBIND, REMOVE };

FIXTURE(unplug)
{
	struct board board;
	struct vm vm;
	/* VINTF of @vm */
	unsigned int v;
	/* The kernel's log since the test began */
	int log;
};

FIXTURE_VARIANT(unplug)
{
	enum ending way;
};

FIXTURE_VARIANT_ADD(unplug, close) { .way = CLOSE, };
FIXTURE_VARIANT_ADD(unplug, unbind) { .way = UNBIND, };
FIXTURE_VARIANT_ADD(unplug, remove) { .way = REMOVE, };

FIXTURE_SETUP(unplug)
{
	const char *why = board_find(&self->board);

	if (why)
		SKIP(return, "%s", why);
	self->log = kernel_log_open();
	ASSERT_LE(0, self->log);
	ASSERT_NE(NULL, observer_run(&self->board.unit, "inject none"));
	ASSERT_EQ(0, vm_open(&self->vm, "A", self->board.bdf[0]));
	ASSERT_EQ(0, vm_set_up(&self->vm, VSID, ASID));
	self->v = find_vintf(&self->board.unit, &self->vm);
	ASSERT_NE(0, self->v);
}

FIXTURE_TEARDOWN(unplug)
{
	char line[256];

	EXPECT_EQ(0, vm_close(&self->vm));
	board_check(&self->board);
	EXPECT_FALSE(kernel_has_warned(self->log, line, sizeof(line)))
		TH_LOG("%s", line);
	close(self->log);
	observer_close(&self->board.unit);
}

/* ---- what the unit knows of a device */

/* SID slots in which StreamID @sid of the hardware stands; -1: no answer */
static int slots_of(struct observer *unit, u32 sid)
{
	const char *r = observer_run(unit, "state");
	int n = 0;

	if (!r)
		return -1;
	for (; (r = record_find(r, "sid")); ) {
		n += record_value(r, "phys_sid") == sid;
		r = record_next(r);
		if (!r)
			break;
	}
	return n;
}

/* ATC_INV of StreamID @sid that VINTF @v has had executed since @seq */
static unsigned int atc_invs(struct observer *unit, unsigned int v, u32 sid,
			     u64 *seq)
{
	const char *r = observer_run(unit, "log since %llu 512 v=%u", *seq + 1,
				     v);
	unsigned int n = 0;

	for (; r; r = record_next(r)) {
		if (!strncmp(r, "head", 4)) {
			*seq = record_value(r, "seq");
			break;
		}
		if (!strncmp(r, "executed", 8) &&
		    record_value(r, "op") == CMD_ATC_INV) {
			const char *final = strstr(r, " final=");

			n += final && strtoull(final + 7, NULL, 0) >> 32 == sid;
		}
	}
	return n;
}

static u64 log_head(struct observer *unit)
{
	const char *r = record_find(observer_run(unit, "log 1"), "head");

	return r ? record_value(r, "seq") : 0;
}

/* ---- a guest that works */

/**
 * struct guest - a guest's CPU that issues commands, some naming its device
 * @vm: the VM, with a queue 0, which is this thread's alone while it runs
 * @vsid: what ATC_INV names; 0: it issues only commands that name no device
 * @stop: set to end it
 * @there: the device is there, so that no ATC_INV may fail
 * @good: rounds done
 * @refused: rounds in which the hardware refused an ATC_INV
 * @odd: rounds that ended in another way: always a mistake
 * @how: in which
 * @worst: longest round, seconds
 */
struct guest {
	struct vm *vm;
	u32 vsid;
	bool stop;
	bool there;
	unsigned long good;
	unsigned long refused;
	unsigned long odd;
	char how[64];
	double worst;
	pthread_t thread;
};

/* As vcmdq_wait(), on a machine that has something else to do as well */
static int wait_long(struct vcmdq *q)
{
	double end = now() + PROMPT_S;
	int rc;

	do {
		rc = vcmdq_wait(q);
	} while (rc == -ETIMEDOUT && now() < end);
	return rc;
}

static void guest_round(struct guest *g)
{
	struct vcmdq *q = &g->vm->q[0];
	/* Before the command: it may leave while that is under way */
	bool there = __atomic_load_n(&g->there, __ATOMIC_ACQUIRE);
	unsigned int error = CERROR_NONE;
	int rc, after = 0;

	vcmdq_push(q, cmd_tlbi_nh_va(g->vm->s1.asid, IOVA));
	if (g->vsid)
		vcmdq_push(q, cmd_atc_inv(g->vsid, 0, 52));
	vcmdq_push(q, cmd_sync());
	vcmdq_kick(q);
	rc = wait_long(q);
	if (!rc) {
		__atomic_fetch_add(&g->good, 1, __ATOMIC_RELEASE);
		return;
	}
	there = there && __atomic_load_n(&g->there, __ATOMIC_ACQUIRE);
	if (rc == -EIO) {
		error = vcmdq_recover(q);
		after = wait_long(q);
	}
	if (error == CERROR_ILL_ACCESS && !after && g->vsid && !there) {
		__atomic_fetch_add(&g->refused, 1, __ATOMIC_RELEASE);
		return;
	}
	g->odd++;
	snprintf(g->how, sizeof(g->how), "%d, error %u, then %d%s", rc, error,
		 after, there ? ", with the device there" : "");
}

static void *guest_main(void *arg)
{
	struct guest *g = arg;
	double start, took;

	while (!__atomic_load_n(&g->stop, __ATOMIC_ACQUIRE) && !g->odd) {
		start = now();
		guest_round(g);
		took = now() - start;
		if (took > g->worst)
			g->worst = took;
	}
	return NULL;
}

static int guest_start(struct guest *g, struct vm *vm, u32 vsid, bool there)
{
	memset(g, 0, sizeof(*g));
	g->vm = vm;
	g->vsid = vsid;
	g->there = there;
	return -pthread_create(&g->thread, NULL, guest_main, g);
}

static void guest_stop(struct guest *g)
{
	__atomic_store_n(&g->stop, true, __ATOMIC_RELEASE);
	pthread_join(g->thread, NULL);
}

/* Until *@counter has grown by 3, so that a round has begun and ended meanwhile */
static bool guest_goes_on(unsigned long *counter)
{
	unsigned long before = __atomic_load_n(counter, __ATOMIC_ACQUIRE);
	double end = now() + PROMPT_S;

	while (now() < end) {
		if (__atomic_load_n(counter, __ATOMIC_ACQUIRE) - before >= 3)
			return true;
		usleep(1000);
	}
	return false;
}

/* ---- ways to leave */

static int leave_unbind(const char *bdf)
{
	return write_file("/sys/bus/pci/drivers/vfio-pci/unbind", bdf);
}

static int leave_remove(const char *bdf)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", bdf);
	return write_file(path, "1");
}

static bool exists(const char *bdf, const char *what)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s%s", bdf, what);
	return !access(path, F_OK);
}

/**
 * struct leaver - a thread that asks for a device, from the host's side
 * @go: writes to sysfs; waits until the device's file is closed
 * @bdf: the device
 * @rc: what the write has returned
 * @done: it has
 */
struct leaver {
	int (*go)(const char *bdf);
	const char *bdf;
	int rc;
	bool done;
	pthread_t thread;
};

static void *leaver_main(void *arg)
{
	struct leaver *l = arg;

	l->rc = l->go(l->bdf);
	__atomic_store_n(&l->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static bool leaver_done(struct leaver *l)
{
	return __atomic_load_n(&l->done, __ATOMIC_ACQUIRE);
}

/* Wait for its end, up to PROMPT_S: how long it took, negative if that's over */
static double leaver_wait(struct leaver *l)
{
	double start = now();

	while (!leaver_done(l)) {
		if (now() - start > PROMPT_S)
			return -1;
		usleep(1000);
	}
	pthread_join(l->thread, NULL);
	return now() - start;
}

/* Close the device's file: how long it took */
static double close_device(struct vm *vm)
{
	double start = now();

	vfio_close(&vm->dev);
	return now() - start;
}

/* VFIO tells by this eventfd that it wants the device back: fd, or -errno */
static int request_eventfd(struct vfio_dev *dev)
{
	char buf[sizeof(struct vfio_irq_set) + sizeof(int)];
	struct vfio_irq_set *set = (void *)buf;
	int fd = eventfd(0, EFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	*set = (struct vfio_irq_set){
		.argsz = sizeof(buf),
		.flags = VFIO_IRQ_SET_DATA_EVENTFD |
			 VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_REQ_IRQ_INDEX,
		.count = 1,
	};
	memcpy(set->data, &fd, sizeof(fd));
	if (ioctl(dev->fd, VFIO_DEVICE_SET_IRQS, set)) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	return fd;
}

static bool requested(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1 && (p.revents & POLLIN);
}

/* ---- coming back */

/* The device again, on stage 2. Whatever driver and bus have made of it. */
static int come_back(struct vm *vm, const char *bdf)
{
	double end = now() + PROMPT_S;
	int rc;

	if (!exists(bdf, ""))
		write_file("/sys/bus/pci/rescan", "1");
	while (!exists(bdf, "") && now() < end)
		usleep(10000);
	rc = vfio_open(&vm->dev, bdf, vm->fd);
	return rc ?: vfio_attach(&vm->dev, vm->s2);
}

/* A new vDEVICE of the device, behind the stage 1 that the guest had for it */
static int come_back_to_guest(struct vm *vm, const char *bdf, u32 vsid)
{
	int rc = come_back(vm, bdf);

	if (!rc)
		rc = vm_add_vdevice(vm, vsid);
	return rc ?: vfio_attach(&vm->dev, vm->nested);
}

/* The ids that devices have left behind */
#define MAX_TOMBSTONES	256

struct tombstones {
	unsigned int n;
	u32 id[MAX_TOMBSTONES];
};

static void bury(struct tombstones *t, u32 id)
{
	if (t->n < MAX_TOMBSTONES)
		t->id[t->n++] = id;
}

static bool is_buried(const struct tombstones *t, u32 id)
{
	unsigned int i;

	for (i = 0; i < t->n; i++)
		if (t->id[i] == id)
			return true;
	return false;
}

/* None finds anything, and none is given out again; how many break that */
static unsigned int tombstones_broken(const struct tombstones *t, int fd)
{
	unsigned int i, broken = 0;
	u32 ioas[8];

	for (i = 0; i < t->n; i++)
		broken += iommufd_destroy(fd, t->id[i]) != -ENOENT;
	/* Ids are given out from the lowest free one */
	for (i = 0; i < ARRAY_SIZE(ioas); i++) {
		if (iommufd_ioas_alloc(fd, &ioas[i]))
			ioas[i] = 0;
		broken += !ioas[i] || is_buried(t, ioas[i]);
	}
	for (i = 0; i < ARRAY_SIZE(ioas); i++)
		iommufd_destroy(fd, ioas[i]);
	return broken;
}

/* ---- all of it */

/**
 * struct leave - how it went
 * @asked: VFIO told the owner that the host wants the device
 * @waited: the host waited until the owner closed the file
 * @closing: seconds that close() took
 * @taking: seconds from the end of close() until the host had the device;
 *          negative: too long
 * @rc: what the host's call has returned
 */
struct leave {
	bool asked;
	bool waited;
	double closing;
	double taking;
	int rc;
};

/*
 * The device leaves @vm. @before, if not NULL, is called right before the file is
 * closed, in all ways but CLOSE while the host is waiting for that.
 */
static void leave(struct vm *vm, enum ending way, void (*before)(void *arg),
		  void *arg, struct leave *how)
{
	struct leaver l = {
		.go = way == REMOVE ? leave_remove : leave_unbind,
	};
	char bdf[16];
	int event;

	memcpy(bdf, vm->dev.bdf, sizeof(bdf));
	l.bdf = bdf;
	*how = (struct leave){ .asked = true, .waited = true };
	if (way == CLOSE) {
		if (before)
			before(arg);
		how->closing = close_device(vm);
		return;
	}

	event = request_eventfd(&vm->dev);
	if (event < 0 || pthread_create(&l.thread, NULL, leaver_main, &l)) {
		how->asked = false;
		return;
	}
	how->asked = requested(event, PROMPT_S * 1000);
	if (before)
		before(arg);
	how->waited = !leaver_done(&l);
	how->closing = close_device(vm);
	how->taking = leaver_wait(&l);
	how->rc = l.rc;
	close(event);
}

#define expect_left(_how)						\
	do {								\
		struct leave *_h = (_how);				\
									\
		EXPECT_TRUE(_h->asked);					\
		EXPECT_TRUE(_h->waited);				\
		EXPECT_EQ(0, _h->rc);					\
		EXPECT_GT(PROMPT_S, _h->closing);			\
		EXPECT_LE(0, _h->taking);				\
	} while (0)

/* The longest of several */
static void leave_worst(struct leave *worst, const struct leave *how)
{
	if (how->closing > worst->closing)
		worst->closing = how->closing;
	if (how->taking > worst->taking)
		worst->taking = how->taking;
}

#define log_times(_n, _worst)						\
	do {								\
		struct leave *_w = (_worst);				\
									\
		TH_LOG("%u times: close() at most %.3f s, then the host at most %.3f s", \
		       _n, _w->closing, _w->taking);			\
	} while (0)

struct working {
	struct __test_metadata *_metadata;
	struct observer *unit;
	struct guest *guest;
	u32 sid;
	int slots;
	bool went_on;
};

/* The host waits for the device: its owner has all of it still */
static void has_it_still(void *arg)
{
	struct working *w = arg;

	w->slots = slots_of(w->unit, w->sid);
	w->went_on = guest_goes_on(&w->guest->good);
	__atomic_store_n(&w->guest->there, false, __ATOMIC_RELEASE);
}

/*
 * A device leaves with its nested domain attached, a DMA on its way and a guest that
 * issues commands, some of which name it. Before, all of these work, also while the
 * host is waiting; after, commands that name the device are refused, and nothing
 * else is. It comes back, with the same and with another vSID.
 */
TEST_F_TIMEOUT(unplug, with_everything_running, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	struct tombstones graves = {};
	struct leave how, worst = {};
	struct vm *vm = &self->vm;
	u32 vsid, sid = vm->dev.sid;
	struct guest g;
	struct working w = { .unit = unit, .guest = &g, .sid = sid };
	unsigned int i;
	struct pages p;
	char *page, then[64];
	u64 seq;

	ASSERT_EQ(0, pages_init(&p, vm, IOVA));
	ASSERT_EQ(0, stage1_map(&vm->s1, IOVA, p.old));
	page = page_at(vm, p.old);
	for (i = 0; i < rounds(4); i++) {
		EXPECT_EQ(1, slots_of(unit, sid));
		ASSERT_EQ(OLD, pages_probe(&p));
		vsid = vm->vsid;
		seq = log_head(unit);
		ASSERT_EQ(0, guest_start(&g, vm, vsid, true));
		EXPECT_TRUE(guest_goes_on(&g.good));
		EXPECT_NE(0, atc_invs(unit, self->v, sid, &seq));

		memset(page, 0, 64);
		ASSERT_EQ(0, edu_store_begin(&vm->dev, IOVA, 64));
		leave(vm, variant->way, has_it_still, &w, &how);
		expect_left(&how);
		leave_worst(&worst, &how);
		EXPECT_EQ(1, w.slots);
		EXPECT_TRUE(w.went_on);

		/* Nothing of it is left: no slot, no command, no DMA, no id */
		memcpy(then, page, sizeof(then));
		EXPECT_EQ(0, slots_of(unit, sid));
		seq = log_head(unit);
		EXPECT_EQ(-ENOENT, iommufd_destroy(vm->fd, vm->vdevice));
		bury(&graves, vm->vdevice);
		vm->vdevice = 0;
		EXPECT_TRUE(guest_goes_on(&g.refused));
		/* What was on its way when the device left needs 0.1 s */
		usleep(300000);
		EXPECT_EQ(0, memcmp(then, page, sizeof(then)));
		EXPECT_EQ(0, atc_invs(unit, self->v, sid, &seq));
		guest_stop(&g);
		EXPECT_EQ(0, g.odd)
			TH_LOG("%s", g.how);
		EXPECT_EQ(-EBUSY, iommufd_destroy(vm->fd, vm->viommu));

		/* All of it again; stage 1 and the queue are still the guest's */
		ASSERT_EQ(0, come_back_to_guest(vm, self->board.bdf[0],
						i % 2 ? VSID : VSID + 1 + i));
		EXPECT_FALSE(is_buried(&graves, vm->vdevice));
		ASSERT_EQ(0, edu_load(&vm->dev, IOVA + 0x10000000 / 2, 64));
	}
	EXPECT_EQ(0, tombstones_broken(&graves, vm->fd));
	log_times(i, &worst);
}

/*
 * More often than there are SID slots, and more often than there are ids that were
 * used before. In the end the device does not come back: the rest is destroyed in
 * order without it.
 */
TEST_F_TIMEOUT(unplug, id_and_slot, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	struct tombstones graves = {};
	struct leave how, worst = {};
	struct vm *vm = &self->vm;
	u32 sid = vm->dev.sid;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		EXPECT_EQ(1, slots_of(unit, sid));
		leave(vm, variant->way, NULL, NULL, &how);
		expect_left(&how);
		leave_worst(&worst, &how);
		EXPECT_EQ(0, slots_of(unit, sid));
		bury(&graves, vm->vdevice);
		vm->vdevice = 0;
		EXPECT_EQ(0, tombstones_broken(&graves, vm->fd));
		if (i == 19)
			break;
		ASSERT_EQ(0, come_back(vm, self->board.bdf[0]));
		ASSERT_EQ(0, vm_add_vdevice(vm, VSID));
		EXPECT_FALSE(is_buried(&graves, vm->vdevice));
		if (i % 2)
			ASSERT_EQ(0, vfio_attach(&vm->dev, vm->nested));
	}
	log_times(i + 1, &worst);
	/* Another device in the place of this one, then nobody */
	ASSERT_EQ(0, vfio_open(&vm->dev, self->board.bdf[1], vm->fd));
	ASSERT_EQ(0, vm_add_vdevice(vm, VSID));
	EXPECT_EQ(1, slots_of(unit, vm->dev.sid));
	close_device(vm);
	EXPECT_EQ(-ENOENT, iommufd_destroy(vm->fd, vm->vdevice));
	vm->vdevice = 0;
	EXPECT_EQ(0, vcmdq_issue(&vm->q[0], (struct smmu_cmd[]){
				 cmd_tlbi_nh_asid(ASID) }, 1));
	EXPECT_EQ(0, vm_close(vm));
	/* Only now, so that the next test finds it */
	if (!exists(self->board.bdf[0], ""))
		EXPECT_EQ(0, write_file("/sys/bus/pci/rescan", "1"));
}

/* A page each for submissions, completions and data of a disk, behind stage 1 */
static int disk_init(struct nvme *n, struct vm *vm)
{
	u64 ipa = guestmem_alloc(&vm->ram, 3 * GUEST_PAGE, GUEST_PAGE);
	int rc = ipa ? 0 : -ENOMEM;
	unsigned int i;

	n->dev = &vm->dev;
	n->iova = IOVA;
	n->sq = guestmem_at(&vm->ram, ipa, GUEST_PAGE);
	n->cq = guestmem_at(&vm->ram, ipa + GUEST_PAGE, GUEST_PAGE);
	n->data = guestmem_at(&vm->ram, ipa + 2 * GUEST_PAGE, GUEST_PAGE);
	for (i = 0; i < 3 && !rc; i++)
		rc = stage1_map(&vm->s1, IOVA + i * GUEST_PAGE,
				ipa + i * GUEST_PAGE);
	return rc;
}

/* Its serial number on the board is "grace-" and a number */
static int disk_works(struct nvme *n)
{
	int rc = nvme_enable(n);

	if (rc)
		return rc;
	memset(n->data, 0, GUEST_PAGE);
	nvme_identify_begin(n, NVME_ENTRIES / 2);
	rc = nvme_wait(n, NVME_ENTRIES / 2);
	return rc ?: memcmp(n->data + 4, "grace-", 6);
}

/* As much DMA as there can be, right before the file is closed */
static void make_busy(void *arg)
{
	struct nvme *n = arg;

	memset(n->data, 0, GUEST_PAGE);
	nvme_identify_begin(n, NVME_ENTRIES - 1);
}

/*
 * A disk that reads commands and writes data and completions by itself when it leaves,
 * and that its own driver takes when it comes back.
 */
TEST_F_TIMEOUT(unplug, disk, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	struct leave how, worst = {};
	char bdf[16], then[3][64];
	struct nvme n = {};
	unsigned int i;
	struct vm vm;
	u32 sid;

	if (vfio_find(NVME_VENDOR, NVME_DEVICE, 0, bdf))
		SKIP(return, "no NVMe disk");
	ASSERT_EQ(0, vm_open(&vm, "disk", bdf));
	ASSERT_EQ(0, vm_set_up(&vm, VSID, ASID));
	ASSERT_EQ(0, disk_init(&n, &vm));
	sid = vm.dev.sid;
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(1, slots_of(unit, sid));
		ASSERT_EQ(0, disk_works(&n));
		leave(&vm, variant->way, make_busy, &n, &how);
		expect_left(&how);
		leave_worst(&worst, &how);
		memcpy(then[0], n.sq, sizeof(then[0]));
		memcpy(then[1], n.cq, sizeof(then[1]));
		memcpy(then[2], n.data, sizeof(then[2]));
		EXPECT_EQ(0, slots_of(unit, sid));
		EXPECT_EQ(-ENOENT, iommufd_destroy(vm.fd, vm.vdevice));
		vm.vdevice = 0;
		usleep(100000);
		EXPECT_EQ(0, memcmp(then[0], n.sq, sizeof(then[0])));
		EXPECT_EQ(0, memcmp(then[1], n.cq, sizeof(then[1])));
		EXPECT_EQ(0, memcmp(then[2], n.data, sizeof(then[2])));
		ASSERT_EQ(0, come_back_to_guest(&vm, bdf, VSID + i));
	}
	ASSERT_EQ(0, disk_works(&n));
	log_times(i, &worst);
	EXPECT_EQ(0, vm_close(&vm));
}

/* Another VM's queue, its device and its slot have no part in all this */
TEST_F_TIMEOUT(unplug, another_vm_goes_on, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	struct leave how, worst = {};
	struct vm *vm = &self->vm, b;
	unsigned int i;
	struct guest g;

	ASSERT_EQ(0, vm_open(&b, "B", self->board.bdf[1]));
	ASSERT_EQ(0, vm_set_up(&b, VSID, ASID));
	ASSERT_EQ(0, guest_start(&g, &b, VSID, true));
	for (i = 0; i < rounds(8); i++) {
		EXPECT_TRUE(guest_goes_on(&g.good));
		leave(vm, variant->way, NULL, NULL, &how);
		expect_left(&how);
		leave_worst(&worst, &how);
		vm->vdevice = 0;
		EXPECT_EQ(1, slots_of(unit, b.dev.sid));
		EXPECT_EQ(0, slots_of(unit, self->vm.dev.sid));
		ASSERT_EQ(0, come_back_to_guest(vm, self->board.bdf[0], VSID));
	}
	EXPECT_TRUE(guest_goes_on(&g.good));
	guest_stop(&g);
	EXPECT_EQ(0, g.odd)
		TH_LOG("%s", g.how);
	EXPECT_EQ(0, g.refused);
	EXPECT_GT(PROMPT_S, g.worst);
	TH_LOG("%lu rounds of commands meanwhile, the longest took %.3f s",
	       g.good, g.worst);
	log_times(i, &worst);
	EXPECT_EQ(0, vm_close(&b));
}

/* ---- a process that is killed */

static void owner(const char *bdf, int ready)
{
	struct guest g;
	struct vm vm;

	if (vm_open(&vm, "killed", bdf) || vm_set_up(&vm, VSID, ASID) ||
	    guest_start(&g, &vm, VSID, true) || !guest_goes_on(&g.good))
		_exit(1);
	if (write(ready, "r", 1) != 1)
		_exit(1);
	while (1)
		edu_store(&vm.dev, VM_RAM_IPA, 64);
}

/*
 * The owner does not give the device up, and is killed, in the middle of what it
 * does. The host gets the device, and so does the next VM.
 */
TEST_F_TIMEOUT(unplug, owner_is_killed, TIMEOUT)
{
	struct observer *unit = &self->board.unit;
	const char *bdf = self->board.bdf[1];
	double start, worst = 0;
	struct vm b;
	int i;

	for (i = 0; i < 3; i++) {
		struct leaver l = {
			.bdf = bdf,
			.go = variant->way == REMOVE ? leave_remove :
						       leave_unbind,
		};
		int ready[2], status;
		pid_t pid;
		char c;

		ASSERT_EQ(0, pipe(ready));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			owner(bdf, ready[1]);
		close(ready[1]);
		EXPECT_EQ(1, read(ready[0], &c, 1));
		close(ready[0]);
		if (variant->way != CLOSE) {
			ASSERT_EQ(0, pthread_create(&l.thread, NULL,
						    leaver_main, &l));
			usleep(100000 + i * 7000);
			EXPECT_FALSE(leaver_done(&l));
		}
		start = now();
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		if (variant->way != CLOSE) {
			EXPECT_LE(0, leaver_wait(&l));
			EXPECT_EQ(0, l.rc);
		}
		EXPECT_GT(PROMPT_S, now() - start);
		if (now() - start > worst)
			worst = now() - start;

		/* The exit of the process closes its files, before or after */
		start = now();
		do {
			if (!exists(bdf, ""))
				write_file("/sys/bus/pci/rescan", "1");
			status = vm_open(&b, "B", bdf);
		} while (status && now() - start < PROMPT_S);
		ASSERT_EQ(0, status);
		EXPECT_EQ(0, slots_of(unit, b.dev.sid));
		EXPECT_EQ(0, vm_set_up(&b, VSID, ASID));
		EXPECT_EQ(0, vm_close(&b));
	}
	TH_LOG("%d times: the device was free at most %.3f s after the kill", i,
	       worst);
}

/* ---- races */

#define MAX_LIVE	64

/**
 * struct arena - what the racing threads share
 * @vm: the VM; its device is main's, who takes it away and brings it back
 * @unit: for messages only
 * @dev_id: the device's id now; a stale one does no harm
 * @dev_fd: its file now
 * @generation: grows by one when the device begins to leave, and when it has left
 * @stop: the end
 * @file: Held for reading in calls that keep the device's file open, and for
 *        writing where close() is to be the last: it would not be while such a
 *        call is under way.
 * @lock: of what follows
 * @live: vDEVICEs whose ids were returned and that nobody has destroyed since
 * @graves: ids that were in @live, and that a leaving device has taken
 * @made: vDEVICEs made
 * @undone: of these, destroyed by us
 * @why: the first broken rule
 */
struct arena {
	struct vm *vm;
	u32 dev_id;
	int dev_fd;
	unsigned int generation;
	bool stop;
	pthread_rwlock_t file;

	pthread_mutex_t lock;
	struct { u32 id; unsigned int from, to; } live[MAX_LIVE];
	unsigned int nlive;
	struct tombstones graves;
	unsigned long made, undone, queues, attached, invalidated, events;
	char why[256];
};

#define load(_p)	__atomic_load_n(_p, __ATOMIC_SEQ_CST)
#define store(_p, _v)	__atomic_store_n(_p, _v, __ATOMIC_SEQ_CST)

__printf(2, 3) static void broken(struct arena *a, const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&a->lock);
	if (!a->why[0]) {
		va_start(ap, fmt);
		vsnprintf(a->why, sizeof(a->why), fmt, ap);
		va_end(ap);
	}
	pthread_mutex_unlock(&a->lock);
	store(&a->stop, true);
}

/* Queues have nothing to do with devices: they are made, whatever these do */
static void *make_queues(void *arg)
{
	struct arena *a = arg;
	struct vm *vm = a->vm;
	u64 ipa = guestmem_alloc(&vm->ram, QUEUE_BYTES, QUEUE_BYTES);
	u32 id;
	int rc;

	while (!load(&a->stop)) {
		rc = iommufd_hw_queue_alloc(vm->fd, vm->viommu, QTYPE, 1, ipa,
					    QUEUE_BYTES, &id);
		if (!rc)
			rc = iommufd_destroy(vm->fd, id);
		if (rc)
			broken(a, "queue 1: %d", rc);
		a->queues++;
	}
	return NULL;
}

static void *make_vdevices(void *arg)
{
	struct arena *a = arg;
	unsigned int from, i;
	u32 id;
	int rc;

	for (i = 0; !load(&a->stop); i++) {
		from = load(&a->generation);
		rc = iommufd_vdevice_alloc(a->vm->fd, a->vm->viommu,
					   load(&a->dev_id), VSID + i % 3, &id);
		if (rc == -ENOENT || rc == -EEXIST)
			continue;
		if (rc) {
			broken(a, "VDEVICE_ALLOC: %d", rc);
			break;
		}
		pthread_mutex_lock(&a->lock);
		a->made++;
		if (a->nlive < MAX_LIVE) {
			a->live[a->nlive].id = id;
			a->live[a->nlive].from = from;
			a->live[a->nlive++].to = load(&a->generation);
		}
		rc = is_buried(&a->graves, id) || a->nlive == MAX_LIVE;
		pthread_mutex_unlock(&a->lock);
		if (rc)
			broken(a, "id %u was given out again", id);
	}
	return NULL;
}

/*
 * DESTROY of all vDEVICEs that were made. Each is still there or is a tombstone;
 * those made before the device left last are tombstones.
 */
static void destroy_vdevices(struct arena *a)
{
	unsigned int i, before = load(&a->generation), after;
	const char *what;
	int rc;

	/* Held during DESTROY: a free id can be that of a new one at once */
	pthread_mutex_lock(&a->lock);
	for (i = 0; i < a->nlive; i++) {
		what = NULL;
		rc = iommufd_destroy(a->vm->fd, a->live[i].id);
		after = load(&a->generation);
		if (rc && rc != -ENOENT)
			what = "can't be destroyed";
		else if (!rc && a->live[i].to / 2 < before / 2)
			what = "has outlived its device";
		else if (rc && a->live[i].from == after && !(after % 2))
			what = "has gone without its device";
		if (what)
			snprintf(a->why, sizeof(a->why), "vDEVICE %u %s (%d)",
				 a->live[i].id, what, rc);
		a->undone += !rc;
		if (rc)
			bury(&a->graves, a->live[i].id);
	}
	a->nlive = 0;
	pthread_mutex_unlock(&a->lock);
	if (a->why[0])
		store(&a->stop, true);
}

static void *unmake_vdevices(void *arg)
{
	struct arena *a = arg;
	unsigned int seed = 1;

	while (!load(&a->stop)) {
		destroy_vdevices(a);
		usleep(rand_r(&seed) % 3000);
	}
	return NULL;
}

static void *attach_device(void *arg)
{
	struct arena *a = arg;
	struct vfio_dev dev = {};
	unsigned int i;
	int rc;

	for (i = 0; !load(&a->stop); i++) {
		pthread_rwlock_rdlock(&a->file);
		dev.fd = load(&a->dev_fd);
		rc = vfio_attach(&dev, i % 2 ? a->vm->s2 : a->vm->nested);
		pthread_rwlock_unlock(&a->file);
		switch (rc) {
		case 0:
			a->attached++;
			break;
		case -ENOENT:	/* no vDEVICE */
		case -EBADF:	/* closed */
		case -ENOTTY:	/* its number is another file's for a moment */
		case -EINVAL:	/* not bound yet */
			break;
		default:
			broken(a, "attach: %d", rc);
		}
	}
	return NULL;
}

static void *invalidate(void *arg)
{
	struct arena *a = arg;
	unsigned int i;
	u32 num;
	int rc;

	for (i = 0; !load(&a->stop); i++) {
		struct smmu_cmd cmds[3] = {
			cmd_tlbi_nh_asid(ASID),
			i % 2 ? cmd_atc_inv(VSID + i % 3, 0, 52) :
				cmd_sid(CMD_CFGI_CD, VSID + i % 3),
			cmd_tlbi_nh_va(ASID, IOVA),
		};

		num = ARRAY_SIZE(cmds);
		rc = _test_cmd_invalidate(a->vm, cmds, &num);
		/* The device is there, and all are done; or not, and one is */
		if (!(rc == 0 && num == 3) && !(rc == -EIO && num == 1))
			broken(a, "INVALIDATE: %d, %u done", rc, num);
		a->invalidated += !rc;
	}
	return NULL;
}

/* Events: of errors that the guest makes when it names a device that has left */
static void *read_events(void *arg)
{
	struct iommu_vevent_tegra241_cmdqv data;
	struct iommufd_vevent_header header;
	struct arena *a = arg;
	int rc, fd, i;
	double end;
	u32 id;

	while (!load(&a->stop)) {
		rc = iommufd_veventq_alloc(a->vm->fd, a->vm->viommu,
					   IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV,
					   16, &id, &fd);
		if (rc) {
			broken(a, "VEVENTQ_ALLOC: %d", rc);
			break;
		}
		for (i = 0; i < 20; i++) {
			rc = iommufd_veventq_read(fd, &header, &data,
						  sizeof(data));
			if (rc && rc != -EAGAIN)
				broken(a, "read of an event: %d", rc);
			/* This guest has queue 0 only, and 1 without errors */
			if (!rc && !header.flags &&
			    (data.lvcmdq_err_map[0] != 1 ||
			     data.lvcmdq_err_map[1]))
				broken(a, "event: %llx %llx",
				       (u64)data.lvcmdq_err_map[0],
				       (u64)data.lvcmdq_err_map[1]);
			a->events += !rc;
			usleep(1000);
		}
		close(fd);
		/*
		 * It may have got the number of the device's file, and the thread
		 * that attaches the device may be trying that on it.
		 */
		end = now() + PROMPT_S;
		do {
			rc = iommufd_destroy(a->vm->fd, id);
		} while (rc == -EBUSY && now() < end);
		if (rc)
			broken(a, "DESTROY of a vEVENTQ: %d", rc);
	}
	return NULL;
}

/*
 * The device leaves and comes back while threads do all that can be done with it
 * and with its vIOMMU. Each vDEVICE that was made was destroyed by us or has left
 * with the device, and never both; those that have left stay away; and when nobody
 * does anything any more, the rest is destroyed in order.
 */
TEST_F_TIMEOUT(unplug, against_everything, TIMEOUT)
{
	void *(*const mains[])(void *arg) = {
		make_queues, make_vdevices, make_vdevices, unmake_vdevices,
		attach_device, invalidate, read_events,
	};
	unsigned int i, times, n = ARRAY_SIZE(mains), seed = variant->way + 1;
	struct observer *unit = &self->board.unit;
	pthread_t threads[ARRAY_SIZE(mains)];
	struct leave how, worst = {};
	struct vm *vm = &self->vm;
	u32 sid = vm->dev.sid, id;
	static struct arena a;
	struct guest g;
	double end;
	int fd, rc;

	a = (struct arena){ .vm = vm, .dev_id = vm->dev.dev_id,
			    .dev_fd = vm->dev.fd };
	pthread_mutex_init(&a.lock, NULL);
	pthread_rwlock_init(&a.file, NULL);
	ASSERT_EQ(0, vfio_attach(&vm->dev, vm->s2));
	ASSERT_EQ(0, iommufd_destroy(vm->fd, vm->vdevice));
	vm->vdevice = 0;
	/* A kernel without events: all the rest */
	rc = iommufd_veventq_alloc(vm->fd, vm->viommu,
				   IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV, 16, &id,
				   &fd);
	if (rc) {
		ASSERT_EQ(-ENOTTY, rc);
		n--;
	} else {
		close(fd);
		ASSERT_EQ(0, iommufd_destroy(vm->fd, id));
	}

	ASSERT_EQ(0, guest_start(&g, vm, VSID, false));
	for (i = 0; i < n; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, mains[i], &a));
	/* More if none of them has found a vDEVICE, as on a machine that is very busy */
	for (i = 0; !load(&a.stop) && (i < rounds(12) ||
				       (i < 10 * rounds(12) && !load(&a.graves.n))); i++) {
		usleep(rand_r(&seed) % 100000);
		store(&a.generation, 2 * i + 1);
		/* The others wait for the file's end by themselves */
		if (variant->way == CLOSE)
			pthread_rwlock_wrlock(&a.file);
		leave(vm, variant->way, NULL, NULL, &how);
		if (variant->way == CLOSE)
			pthread_rwlock_unlock(&a.file);
		store(&a.generation, 2 * i + 2);
		expect_left(&how);
		leave_worst(&worst, &how);
		/* Nobody can bring it back but us */
		EXPECT_EQ(0, slots_of(unit, sid));
		destroy_vdevices(&a);
		EXPECT_EQ(0, slots_of(unit, sid));
		ASSERT_EQ(0, come_back(vm, self->board.bdf[0]));
		store(&a.dev_id, vm->dev.dev_id);
		store(&a.dev_fd, vm->dev.fd);
	}
	times = i;
	/* Each has had its share of a busy machine */
	end = now() + PROMPT_S;
	while (!load(&a.stop) && now() < end &&
	       (load(&a.undone) < 3 || load(&a.queues) < 10 ||
		load(&a.attached) < 3 || load(&a.invalidated) < 1))
		usleep(10000);
	store(&a.stop, true);
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	guest_stop(&g);
	EXPECT_EQ(0, a.why[0])
		TH_LOG("%s", a.why);
	EXPECT_EQ(0, g.odd)
		TH_LOG("%s", g.how);
	destroy_vdevices(&a);
	EXPECT_EQ(0, a.why[0])
		TH_LOG("%s", a.why);
	EXPECT_EQ(a.made, a.undone + a.graves.n);
	EXPECT_NE(0, a.undone);
	EXPECT_NE(0, a.graves.n);
	EXPECT_LE(10, a.queues);
	EXPECT_NE(0, a.attached);
	EXPECT_NE(0, a.invalidated);
	EXPECT_EQ(0, tombstones_broken(&a.graves, vm->fd));
	TH_LOG("vDEVICEs: %lu made, %lu destroyed, %u left", a.made, a.undone,
	       a.graves.n);
	TH_LOG("%lu queues, %lu attached, %lu invalidated, %lu events, %lu refusals",
	       a.queues, a.attached, a.invalidated, a.events, g.refused);
	log_times(times, &worst);

	/* It works as on the first day */
	ASSERT_EQ(0, vfio_attach(&vm->dev, vm->s2));
	ASSERT_EQ(0, vm_add_vdevice(vm, VSID));
	ASSERT_EQ(0, vfio_attach(&vm->dev, vm->nested));
	EXPECT_EQ(0, vcmdq_issue(&vm->q[0], (struct smmu_cmd[]){
				 cmd_atc_inv(VSID, 0, 52) }, 1));
	EXPECT_EQ(1, slots_of(unit, sid));
}

TEST_HARNESS_MAIN
