/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests share that race with, or stop in their middle, the ioctls of vIOMMUs,
 * on top of iommufd_viommu_utils.h: an iommufd with all that a vIOMMU needs; the fixture
 * "race", which sees in the end that nothing is left and that the kernel has not
 * complained; how each kind of object is made, and what must not be found.
 *
 * Each test races for RACE_MS milliseconds (environment; 1000), which can be made hours
 * to soak.
 */
#ifndef __SELFTEST_IOMMUFD_VIOMMU_RACE
#define __SELFTEST_IOMMUFD_VIOMMU_RACE

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>

#include "iommufd_viommu_utils.h"
#include "vmm/crew.h"

/* The harness kills a test after this: a soak needs more */
#define TIMEOUT		7200

#define BUF_PAGES	16
#define IOVA		MOCK_APERTURE_START
#define VIRT_ID		0x100
/* Of the mock's windows, bytes */
#define WINDOW		(2 * PAGE_SIZE)

#define load(_p)	__atomic_load_n(_p, __ATOMIC_SEQ_CST)
#define store(_p, _v)	__atomic_store_n(_p, _v, __ATOMIC_SEQ_CST)
#define inc(_p)		__atomic_fetch_add(_p, 1, __ATOMIC_SEQ_CST)

static inline double race_seconds(void)
{
	const char *ms = getenv("RACE_MS");

	return (ms ? atol(ms) : 1000) / 1000.0;
}

/* ---- an iommufd with a mock device and what a vIOMMU needs */

/**
 * struct vmm - a process's view of it
 * @fd: the iommufd, -1: none
 * @ioas: with @buf mapped at IOVA, page by page
 * @hwpt: the nest parent on @ioas
 * @stdev: the mock device as the test ABI names it; DESTROY of it unplugs
 * @idev: the mock device as iommufd names it
 * @buf: BUF_PAGES pages
 */
struct vmm {
	int fd;
	__u32 ioas;
	__u32 hwpt;
	__u32 stdev;
	__u32 idev;
	void *buf;
};

/* A mock device, attached to @pt: 0 or an errno */
static inline int add_device(int fd, __u32 pt, __u32 *stdev, __u32 *idev)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_MOCK_DOMAIN,
		.id = pt,
	};
	int rc = _test_ioctl(fd, IOMMU_TEST_CMD, &cmd);

	if (!rc) {
		*stdev = cmd.mock_domain.out_stdev_id;
		*idev = cmd.mock_domain.out_idev_id;
	}
	return rc;
}

static inline int attach(int fd, __u32 stdev, __u32 pt)
{
	return _test_cmd_mock_domain_replace(fd, stdev, pt, NULL) ? errno : 0;
}

/* Page @i of the buffer, as an area of its own: 0 or an errno */
static inline int map_page(struct vmm *v, unsigned int i)
{
	__u64 iova = IOVA + i * PAGE_SIZE;

	return _test_ioctl_ioas_map(v->fd, v->ioas,
				    (char *)v->buf + i * PAGE_SIZE, PAGE_SIZE,
				    &iova,
				    IOMMU_IOAS_MAP_FIXED_IOVA |
				    IOMMU_IOAS_MAP_READABLE |
				    IOMMU_IOAS_MAP_WRITEABLE) ? errno : 0;
}

static inline int unmap_page(struct vmm *v, unsigned int i)
{
	uint64_t len;

	return _test_ioctl_ioas_unmap(v->fd, v->ioas, IOVA + i * PAGE_SIZE,
				      PAGE_SIZE, &len) ? errno : 0;
}

static inline int vmm_open(struct vmm *v)
{
	unsigned int i;
	int rc = 0;

	*v = (struct vmm){ .fd = open("/dev/iommu", O_RDWR | O_CLOEXEC) };
	if (v->fd < 0)
		return errno;
	v->buf = mmap(NULL, BUF_PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (v->buf == MAP_FAILED)
		return errno;
	if (_test_ioctl_ioas_alloc(v->fd, &v->ioas))
		return errno;
	for (i = 0; i < BUF_PAGES && !rc; i++)
		rc = map_page(v, i);
	if (!rc)
		rc = add_device(v->fd, v->ioas, &v->stdev, &v->idev);
	if (!rc && _test_cmd_hwpt_alloc(v->fd, v->idev, v->ioas, 0,
					IOMMU_HWPT_ALLOC_NEST_PARENT, &v->hwpt,
					IOMMU_HWPT_DATA_NONE, NULL, 0))
		rc = errno;
	return rc;
}

/* In order, nothing else being there any more: which step was refused, or NULL */
static inline const char *vmm_close(struct vmm *v)
{
	const char *why = NULL;

	if (v->fd < 0)
		return NULL;
	if (v->stdev && _test_cmd_destroy(v->fd, v->stdev))
		why = "DESTROY of the device";
	else if (_test_cmd_destroy(v->fd, v->hwpt))
		why = "DESTROY of the nest parent";
	else if (_test_cmd_destroy(v->fd, v->ioas))
		why = "DESTROY of the IOAS";
	close(v->fd);
	v->fd = -1;
	munmap(v->buf, BUF_PAGES * PAGE_SIZE);
	return why;
}

/* DESTROY, whose object an ioctl of others may be looking at for a moment */
static inline int destroy_soon(int fd, __u32 id)
{
	double end = crew_now() + CREW_PROMPT_S;
	int rc;

	while ((rc = _test_cmd_destroy(fd, id)) == EBUSY && crew_now() < end)
		sched_yield();
	return rc;
}

static inline int viommu_alloc(struct vmm *v, __u32 *id)
{
	return _test_cmd_viommu_alloc(v->fd, v->idev, v->hwpt,
				      IOMMU_VIOMMU_TYPE_SELFTEST, NULL, 0, id);
}

static inline int nested_alloc(struct vmm *v, __u32 viommu, __u32 *id)
{
	return _test_cmd_hwpt_alloc_viommu(v->fd, v->idev, viommu, 0, 0,
					   IOMMU_TEST_IOTLB_DEFAULT, id);
}

static inline int veventq_alloc(struct vmm *v, __u32 viommu, __u32 depth,
				__u32 *id, int *fd)
{
	return _test_cmd_veventq_alloc(v->fd, viommu,
				       IOMMU_VEVENTQ_TYPE_SELFTEST, depth, id,
				       (__u32 *)fd);
}

static inline int hw_queue_alloc(struct vmm *v, __u32 viommu, __u32 index,
				 __u64 iova, __u32 *id)
{
	return _test_cmd_hw_queue_alloc(v->fd, viommu,
					IOMMU_HW_QUEUE_TYPE_SELFTEST, index,
					iova, PAGE_SIZE, id);
}

/* ---- what must be left in the end */

#define MOCK_DEBUGFS	"/sys/kernel/debug/iommufd_mock/"

static const char *const mock_counts[] = {
	"devices", "viommus", "vdevices", "hw_queues",
};

/* How many of these the mock driver has; -1: it does not tell */
static inline int mock_count(unsigned int i)
{
	char path[64];
	FILE *f;
	int n;

	snprintf(path, sizeof(path), MOCK_DEBUGFS "%s", mock_counts[i]);
	f = fopen(path, "re");
	if (!f)
		return -1;
	if (fscanf(f, "%d", &n) != 1)
		n = -1;
	fclose(f);
	return n;
}

/* Does the mock driver have just @counts of them in the end? */
static inline bool all_given_back(const int *counts)
{
	double end = crew_now() + CREW_PROMPT_S;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mock_counts); i++)
		while (mock_count(i) != counts[i]) {
			if (crew_now() > end)
				return false;
			usleep(1000);
		}
	return true;
}

FIXTURE(race)
{
	double seconds;
	int log;
	int counts[ARRAY_SIZE(mock_counts)];
	struct crew crew;
	struct vmm vmm;
};

FIXTURE_SETUP(race)
{
	const char *why = iommufd_mock_missing();
	unsigned int i;

	if (why)
		SKIP(return, "%s", why);
	self->vmm.fd = -1;
	self->seconds = race_seconds();
	self->log = kernel_log_open();
	ASSERT_LE(0, self->log);
	if (access(MOCK_DEBUGFS, F_OK))
		mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	for (i = 0; i < ARRAY_SIZE(mock_counts); i++)
		self->counts[i] = mock_count(i);
	crew_init(&self->crew);
	ASSERT_EQ(0, vmm_open(&self->vmm));
}

FIXTURE_TEARDOWN(race)
{
	double end = crew_now() + 5;
	char line[256];
	unsigned int i;

	EXPECT_EQ(NULL, vmm_close(&self->vmm));
	for (i = 0; i < ARRAY_SIZE(mock_counts); i++) {
		/* A file that was passed on is closed when its last user is gone */
		while (mock_count(i) != self->counts[i] && crew_now() < end)
			usleep(10000);
		EXPECT_EQ(self->counts[i], mock_count(i))
			TH_LOG("%s are left", mock_counts[i]);
	}
	EXPECT_FALSE(kernel_has_warned(self->log, line, sizeof(line)))
		TH_LOG("%s", line);
	close(self->log);
}

#define expect_unbroken(_why)						\
	do {								\
		const char *_w = (_why);				\
									\
		EXPECT_EQ(NULL, _w)					\
			TH_LOG("%s", _w ? _w : "");			\
	} while (0)

/* ---- how each of the new objects is made */

enum kind { VIOMMU, NESTED, VDEVICE, VEVENTQ, HW_QUEUE, KINDS };

static const char *const kind_names[] = {
	"VIOMMU_ALLOC", "HWPT_ALLOC", "VDEVICE_ALLOC", "VEVENTQ_ALLOC",
	"HW_QUEUE_ALLOC",
};

/* The argument of the ALLOC of @kind goes to @arg; returns the ioctl */
static inline unsigned long prepare(enum kind kind, struct vmm *v,
				    __u32 viommu, void *arg)
{
	static struct iommu_hwpt_selftest hwpt_data = {
		.iotlb = IOMMU_TEST_IOTLB_DEFAULT,
	};

	switch (kind) {
	case VIOMMU:
		*(struct iommu_viommu_alloc *)arg = (struct iommu_viommu_alloc){
			.size = sizeof(struct iommu_viommu_alloc),
			.type = IOMMU_VIOMMU_TYPE_SELFTEST,
			.dev_id = v->idev,
			.hwpt_id = v->hwpt,
		};
		return IOMMU_VIOMMU_ALLOC;
	case NESTED:
		*(struct iommu_hwpt_alloc *)arg = (struct iommu_hwpt_alloc){
			.size = sizeof(struct iommu_hwpt_alloc),
			.dev_id = v->idev,
			.pt_id = viommu,
			.data_type = IOMMU_HWPT_DATA_SELFTEST,
			.data_len = sizeof(hwpt_data),
			.data_uptr = (uintptr_t)&hwpt_data,
		};
		return IOMMU_HWPT_ALLOC;
	case VDEVICE:
		*(struct iommu_vdevice_alloc *)arg = (struct iommu_vdevice_alloc){
			.size = sizeof(struct iommu_vdevice_alloc),
			.viommu_id = viommu,
			.dev_id = v->idev,
			.virt_id = VIRT_ID,
		};
		return IOMMU_VDEVICE_ALLOC;
	case VEVENTQ:
		*(struct iommu_veventq_alloc *)arg = (struct iommu_veventq_alloc){
			.size = sizeof(struct iommu_veventq_alloc),
			.viommu_id = viommu,
			.type = IOMMU_VEVENTQ_TYPE_SELFTEST,
			.veventq_depth = 4,
		};
		return IOMMU_VEVENTQ_ALLOC;
	default:
		*(struct iommu_hw_queue_alloc *)arg = (struct iommu_hw_queue_alloc){
			.size = sizeof(struct iommu_hw_queue_alloc),
			.viommu_id = viommu,
			.type = IOMMU_HW_QUEUE_TYPE_SELFTEST,
			.nesting_parent_iova = IOVA,
			.length = PAGE_SIZE,
		};
		return IOMMU_HW_QUEUE_ALLOC;
	}
}

/* The id that the kernel has written into the argument */
static __u32 replied_id(enum kind kind, const void *arg)
{
	switch (kind) {
	case VIOMMU:
		return ((const struct iommu_viommu_alloc *)arg)->out_viommu_id;
	case NESTED:
		return ((const struct iommu_hwpt_alloc *)arg)->out_hwpt_id;
	case VDEVICE:
		return ((const struct iommu_vdevice_alloc *)arg)->out_vdevice_id;
	case VEVENTQ:
		return ((const struct iommu_veventq_alloc *)arg)->out_veventq_id;
	default:
		return ((const struct iommu_hw_queue_alloc *)arg)->out_hw_queue_id;
	}
}

/* Everything that the object of a new id could be used for finds nothing there */
static inline const char *find_anything(struct vmm *v, __u32 id)
{
	struct iommu_viommu_invalidate_selftest req = {};
	__u32 num = 1, out;

	if (_test_cmd_destroy(v->fd, id) != ENOENT)
		return "DESTROY";
	if (_test_cmd_viommu_invalidate(v->fd, id,
					IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST,
					&req, sizeof(req), &num) != ENOENT)
		return "INVALIDATE";
	if (_test_cmd_vdevice_alloc(v->fd, id, v->idev, 1, &out) != ENOENT)
		return "VDEVICE_ALLOC";
	if (hw_queue_alloc(v, id, 0, IOVA, &out) != ENOENT)
		return "HW_QUEUE_ALLOC";
	if (veventq_alloc(v, id, 1, &out, (int *)&num) != ENOENT)
		return "VEVENTQ_ALLOC";
	/* The one that says EINVAL for what it can't find, uapi.md 2 */
	if (nested_alloc(v, id, &out) != EINVAL)
		return "HWPT_ALLOC";
	if (attach(v->fd, v->stdev, id) != ENOENT)
		return "an attach";
	if (_test_cmd_viommu_alloc(v->fd, v->idev, id,
				   IOMMU_VIOMMU_TYPE_SELFTEST, NULL, 0,
				   &out) != ENOENT)
		return "VIOMMU_ALLOC";
	return NULL;
}

/* A device on a vIOMMU, behind a nested HWPT, with a queue for its events */
struct reporter {
	__u32 viommu;
	__u32 vdevice;
	__u32 nested;
	__u32 veventq;
	int fd;
};

/* Which step was refused, or NULL */
static inline const char *reporter_make(struct reporter *r, struct vmm *v,
					__u32 depth)
{
	*r = (struct reporter){ .fd = -1 };
	if (viommu_alloc(v, &r->viommu))
		return "VIOMMU_ALLOC";
	if (_test_cmd_vdevice_alloc(v->fd, r->viommu, v->idev, VIRT_ID,
				    &r->vdevice))
		return "VDEVICE_ALLOC";
	if (nested_alloc(v, r->viommu, &r->nested))
		return "HWPT_ALLOC";
	if (attach(v->fd, v->stdev, r->nested))
		return "attach";
	if (depth && veventq_alloc(v, r->viommu, depth, &r->veventq, &r->fd))
		return "VEVENTQ_ALLOC";
	return NULL;
}

static inline const char *reporter_unmake(struct reporter *r, struct vmm *v)
{
	const char *why = NULL;

	if (r->fd >= 0)
		close(r->fd);
	if (v->stdev && attach(v->fd, v->stdev, v->ioas))
		why = "attach";
	if (r->veventq && _test_cmd_destroy(v->fd, r->veventq))
		why = "DESTROY of the vEVENTQ";
	if (_test_cmd_destroy(v->fd, r->nested))
		why = "DESTROY of the nested HWPT";
	if (r->vdevice && _test_cmd_destroy(v->fd, r->vdevice))
		why = "DESTROY of the vDEVICE";
	if (_test_cmd_destroy(v->fd, r->viommu))
		why = "DESTROY of the vIOMMU";
	return why;
}

#endif
