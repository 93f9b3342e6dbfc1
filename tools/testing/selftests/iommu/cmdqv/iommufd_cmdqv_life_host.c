// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the host's administrator may take away under a VM that lives: SMMU, CMDQV, their
 * drivers, and what the VM's device is plugged into.
 *
 * The rules: of SMMU and CMDQV nothing can be taken away, there is no way to ask for it,
 * or it is refused at once. A driver that VMs use is refused, too. What can be taken
 * away, the device's root port, is waited for until the VMM has closed the device; VM
 * and queues work all along.
 *
 * (iommufd_cmdqv_unplug takes the device itself; base/test/host-restart ends the host.)
 *
 * Runs on the emulated board (emulator/grace-vm); skips elsewhere.
 */
#include <dirent.h>
#include <limits.h>
#include <sys/syscall.h>

#include "life.h"

#define SMMU_DRIVER	"/sys/bus/platform/drivers/arm-smmu-v3"
#define CMDQV_DEVICE	"/sys/bus/acpi/devices/NVDA200C:00"

FIXTURE(host)
{
	struct life_bench bench;
	struct life *l;
};

FIXTURE_SETUP(host)
{
	bool failed;
	const char *why = life_bench_open(&self->bench, &failed);

	if (why && !failed)
		SKIP(return, "%s", why);
	ASSERT_EQ(NULL, why)
		TH_LOG("%s", why);
	self->l = self->bench.life;
	ASSERT_EQ(0, life_begin(self->l))
		TH_LOG("after step %u: %d", self->l->at, self->l->failed);
}

FIXTURE_TEARDOWN(host)
{
	life_bench_teardown(&self->bench);
}

/* Both queues work, and so does the kernel's way to the SMMU */
static int vm_works(struct life *l)
{
	struct smmu_cmd cmd = cmd_tlbi_nh_va(ASID, IOVA);
	unsigned int i;
	int rc = life_invalidate(l);

	for (i = 0; !rc && i < l->enabled; i++) {
		rc = life_drain(l, i);
		rc = rc ?: vcmdq_issue(&l->vm.q[i], &cmd, 1);
	}
	return rc;
}

static int write_to(const char *dir, const char *file, const char *text)
{
	char path[PATH_MAX];
	int fd, rc = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

/* The SMMU, as the platform bus has it; false: there is none */
static bool find_smmu(char name[NAME_MAX + 1])
{
	bool found = false;
	struct dirent *e;
	DIR *dir = opendir(SMMU_DRIVER);

	while (dir && !found && (e = readdir(dir))) {
		found = !strncmp(e->d_name, "arm-smmu-v3.", 12);
		if (found)
			memcpy(name, e->d_name, strlen(e->d_name) + 1);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* Unbind, remove, eject: nobody offers them */
TEST_F(host, smmu_and_cmdqv_stay)
{
	char dir[PATH_MAX], smmu[NAME_MAX + 1];
	static const char *const ways[] = { "remove", "eject", "unbind" };
	unsigned int i;

	ASSERT_TRUE(find_smmu(smmu));
	EXPECT_EQ(-ENOENT, write_to(SMMU_DRIVER, "unbind", smmu));
	EXPECT_EQ(-ENOENT, write_to(SMMU_DRIVER, "bind", smmu));
	snprintf(dir, sizeof(dir), "/sys/bus/platform/devices/%s", smmu);
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		EXPECT_EQ(-ENOENT, write_to(dir, ways[i], "1"))
			TH_LOG("SMMU: %s", ways[i]);
		EXPECT_EQ(-ENOENT, write_to(CMDQV_DEVICE, ways[i], "1"))
			TH_LOG("CMDQV: %s", ways[i]);
	}
	EXPECT_EQ(0, access(CMDQV_DEVICE, F_OK));
	/* Asked for another driver, and to look for one, it keeps the one it has */
	EXPECT_EQ(0, write_to(dir, "driver_override", "nobody"));
	write_to("/sys/bus/platform", "drivers_probe", smmu);
	EXPECT_EQ(0, write_to(dir, "driver_override", "\n"));
	strcat(dir, "/driver");
	EXPECT_EQ(0, access(dir, F_OK));

	EXPECT_EQ(0, vm_works(self->l));
	EXPECT_EQ(0, life_end(self->l));
}

/* Modules or not, they are in use */
TEST_F(host, drivers_stay)
{
	static const char *const drivers[] = {
		"arm_smmu_v3", "iommufd", "vfio_pci", "vfio_pci_core", "vfio",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(drivers); i++) {
		EXPECT_EQ(-1, syscall(SYS_delete_module, drivers[i], O_NONBLOCK))
			TH_LOG("%s is gone", drivers[i]);
		EXPECT_EQ(0, vm_works(self->l));
	}
	EXPECT_EQ(0, life_end(self->l));
}

/**
 * struct taker - the administrator
 * @port: what is taken away
 * @rc: what has come of it
 * @done: it is gone
 */
struct taker {
	char port[PATH_MAX];
	int rc;
	bool done;
	pthread_t thread;
};

static void *take_port(void *arg)
{
	struct taker *t = arg;

	t->rc = write_to(t->port, "remove", "1");
	__atomic_store_n(&t->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* The root port that a device is behind */
static bool find_port(const char *bdf, char port[PATH_MAX])
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/..", bdf);
	return realpath(path, port) && strstr(port, "/pci");
}

TEST_F_TIMEOUT(host, root_port_is_waited_for, 120)
{
	const char *bdf = self->bench.board.bdf[0];
	struct life *l = self->l;
	struct taker t = {};
	char path[128];
	double end;
	int i;

	ASSERT_TRUE(find_port(bdf, t.port));
	ASSERT_EQ(0, pthread_create(&t.thread, NULL, take_port, &t));
	for (i = 0; i < 20; i++) {
		usleep(10000);
		EXPECT_EQ(0, vm_works(l));
		EXPECT_FALSE(__atomic_load_n(&t.done, __ATOMIC_ACQUIRE));
	}
	/* As the VMM's unplug: the device's file, and nothing else */
	ASSERT_EQ(0, vfio_attach(&l->vm.dev, l->vm.s2));
	vfio_close(&l->vm.dev);
	pthread_join(t.thread, NULL);
	EXPECT_EQ(0, t.rc);
	EXPECT_EQ(0, state_records(&self->bench.board.unit, "sid"));
	l->vm.vdevice = 0;
	/* The queues are the VM's as before */
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, vcmdq_issue(&l->vm.q[i], (struct smmu_cmd[]){
					 cmd_tlbi_nh_va(ASID, IOVA) }, 1));

	EXPECT_EQ(0, write_to("/sys/bus/pci", "rescan", "1"));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", bdf);
	end = vmm_now_ns() / 1e9 + 20;
	while (access(path, F_OK) && vmm_now_ns() / 1e9 < end)
		usleep(10000);
	ASSERT_EQ(0, vfio_open(&l->vm.dev, bdf, l->vm.fd));
	ASSERT_EQ(0, vfio_attach(&l->vm.dev, l->vm.s2));
	ASSERT_EQ(0, vm_add_vdevice(&l->vm, VSID));
	EXPECT_EQ(0, vm_works(l));
	EXPECT_EQ(0, life_close_events(l));
	EXPECT_EQ(0, vm_close(&l->vm));
}

TEST_HARNESS_MAIN
