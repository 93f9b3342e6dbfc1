// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mmio.h"
#include "vm.h"

#define DRIVERS	(VM_MAX_QUEUES * sizeof(struct vcmdq))

static int alloc_drivers(struct vm *vm)
{
	void *p = mmap(NULL, DRIVERS, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	vm->q = p;
	return 0;
}

int vm_open(struct vm *vm, const char *name, const char *bdf)
{
	return vm_open_ram(vm, name, bdf, VM_RAM_SIZE);
}

int vm_open_ram(struct vm *vm, const char *name, const char *bdf, size_t size)
{
	int rc;

	memset(vm, 0, sizeof(*vm));
	vm->name = name;
	vm->dev.fd = -1;
	vm->fd = iommufd_open();
	if (vm->fd < 0)
		return vm->fd;
	rc = vfio_open(&vm->dev, bdf, vm->fd);
	if (!rc)
		rc = alloc_drivers(vm);
	if (!rc)
		rc = guestmem_init(&vm->ram, VM_RAM_IPA, size, false);
	if (!rc)
		rc = iommufd_ioas_alloc(vm->fd, &vm->ioas);
	if (!rc)
		rc = iommufd_ioas_map(vm->fd, vm->ioas, vm->ram.va, vm->ram.size,
				      vm->ram.ipa, true);
	if (!rc)
		rc = iommufd_hwpt_alloc(vm->fd, vm->dev.dev_id, vm->ioas,
					IOMMU_HWPT_ALLOC_NEST_PARENT,
					IOMMU_HWPT_DATA_NONE, NULL, 0, &vm->s2);
	if (!rc)
		rc = vfio_attach(&vm->dev, vm->s2);
	if (rc)
		vm_close(vm);
	return rc;
}

int vm_add_viommu(struct vm *vm, u32 type)
{
	struct iommu_viommu_tegra241_cmdqv data = {};
	bool window = type == IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV;
	int rc;

	rc = iommufd_viommu_alloc(vm->fd, vm->dev.dev_id, vm->s2, type,
				  window ? &data : NULL,
				  window ? sizeof(data) : 0, &vm->viommu);
	if (rc || !window)
		return rc;
	vm->window_offset = data.out_vintf_mmap_offset;
	vm->window_size = data.out_vintf_mmap_length;
	return vm_map_window(vm);
}

int vm_map_window(struct vm *vm)
{
	void *p = mmap(NULL, vm->window_size, PROT_READ | PROT_WRITE,
		       MAP_SHARED, vm->fd, vm->window_offset);

	if (p == MAP_FAILED)
		return -errno;
	vm->window = p;
	return 0;
}

int vm_unmap_window(struct vm *vm)
{
	if (vm->window && munmap(vm->window, vm->window_size))
		return -errno;
	vm->window = NULL;
	return 0;
}

int vm_add_vdevice(struct vm *vm, u32 vsid)
{
	int rc = iommufd_vdevice_alloc(vm->fd, vm->viommu, vm->dev.dev_id, vsid,
				       &vm->vdevice);

	if (!rc)
		vm->vsid = vsid;
	return rc;
}

int vm_add_stage1(struct vm *vm, u16 asid)
{
	struct iommu_hwpt_arm_smmuv3 data;
	u64 ste[2];
	int rc;

	rc = stage1_init(&vm->s1, &vm->ram, asid);
	if (rc)
		return rc;
	stage1_ste(&vm->s1, ste);
	data.ste[0] = ste[0];
	data.ste[1] = ste[1];
	rc = iommufd_hwpt_alloc(vm->fd, vm->dev.dev_id, vm->viommu, 0,
				IOMMU_HWPT_DATA_ARM_SMMUV3, &data, sizeof(data),
				&vm->nested);
	if (rc)
		return rc;
	rc = vfio_attach(&vm->dev, vm->nested);
	if (rc) {
		iommufd_destroy(vm->fd, vm->nested);
		vm->nested = 0;
	}
	return rc;
}

int vm_drop_stage1(struct vm *vm)
{
	int rc = vfio_attach(&vm->dev, vm->s2);

	if (!rc)
		rc = iommufd_destroy(vm->fd, vm->nested);
	if (!rc)
		vm->nested = 0;
	return rc;
}

int vm_add_queue(struct vm *vm, unsigned int log2size)
{
	size_t size = (size_t)16 << log2size;
	unsigned int i = vm->queues;
	u64 ipa;
	int rc;

	if (i == VM_MAX_QUEUES)
		return -ENOSPC;
	ipa = guestmem_alloc(&vm->ram, size, size);
	if (!ipa)
		return -ENOMEM;
	rc = iommufd_hw_queue_alloc(vm->fd, vm->viommu,
				    IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV, i, ipa,
				    size, &vm->hwq[i]);
	if (rc)
		return rc;
	if (vm->window)
		vcmdq_init(&vm->q[i], vm->window, i,
			   guestmem_at(&vm->ram, ipa, size), log2size);
	vm->queues++;
	return 0;
}

int vm_drop_queue(struct vm *vm)
{
	int rc = iommufd_destroy(vm->fd, vm->hwq[vm->queues - 1]);

	if (!rc)
		vm->queues--;
	return rc;
}

int vm_set_up(struct vm *vm, u32 vsid, u16 asid)
{
	int rc = vm_add_viommu(vm, IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV);

	if (!rc)
		rc = vm_add_vdevice(vm, vsid);
	if (!rc)
		rc = vm_add_stage1(vm, asid);
	if (!rc)
		rc = vm_add_queue(vm, 8);
	if (!rc)
		rc = vcmdq_enable(&vm->q[0]);
	return rc;
}

/* Destroy *id and forget it; keeps the first error in *rc */
static void destroy(struct vm *vm, u32 *id, int *rc)
{
	int err = *id ? iommufd_destroy(vm->fd, *id) : 0;

	if (!*rc)
		*rc = err;
	*id = 0;
}

int vm_close(struct vm *vm)
{
	int rc = 0, err;

	if (vm->fd < 0)
		return 0;
	/* A device that has left is attached to nothing */
	if (vm->nested && vm->dev.fd >= 0) {
		err = vfio_attach(&vm->dev, vm->s2);
		rc = rc ?: err;
	}
	destroy(vm, &vm->nested, &rc);
	destroy(vm, &vm->vdevice, &rc);
	while (vm->queues)
		destroy(vm, &vm->hwq[--vm->queues], &rc);
	err = vm_unmap_window(vm);
	rc = rc ?: err;
	destroy(vm, &vm->viommu, &rc);
	if (vm->s2 && vm->dev.fd >= 0) {
		err = vfio_detach(&vm->dev);
		/* Not attached: vm_open() did not get that far */
		if (err != -EINVAL)
			rc = rc ?: err;
	}
	destroy(vm, &vm->s2, &rc);
	destroy(vm, &vm->ioas, &rc);
	vfio_close(&vm->dev);
	close(vm->fd);
	vm_forget(vm);
	return rc;
}

void vm_forget(struct vm *vm)
{
	guestmem_free(&vm->ram);
	if (vm->q)
		munmap(vm->q, DRIVERS);
	vm->q = NULL;
	vm->window = NULL;
	vm->queues = 0;
	vm->nested = 0;
	vm->vdevice = 0;
	vm->viommu = 0;
	vm->s2 = 0;
	vm->ioas = 0;
	vm->dev.fd = -1;
	vm->fd = -1;
}

/* Minor and major page faults of a process so far */
static unsigned long faults_of(pid_t pid)
{
	unsigned long minor = 0, major = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	/* pid (comm) state and six more, minflt cminflt majflt */
	if (fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %lu %*u %lu",
		   &minor, &major) != 2) {
		minor = 0;
		major = 0;
	}
	fclose(f);
	return minor + major;
}

/*
 * fork() leaves the page table entries of shared memory and of the window old and
 * clean, so that the first access to each would fault. A guest has used them.
 */
static void touch_pages(void *start, size_t len)
{
	size_t i;

	/* Adds nothing, but is a write that no compiler leaves out */
	for (i = 0; i < len; i += GUEST_PAGE)
		__atomic_fetch_add((char *)start + i, 0, __ATOMIC_SEQ_CST);
}

static void touch(struct vm *vm)
{
	u32 acknowledged;

	touch_pages(vm->ram.va, vm->ram.size);
	if (vm->q)
		touch_pages(vm->q, DRIVERS);
	if (vm->window) {
		acknowledged = mmio_read32(vm->window, VCMDQ_GERRORN);
		mmio_write32(vm->window, VCMDQ_GERRORN, acknowledged);
	}
}

/*
 * The guest's side. All memory that the process has is made present first, as a
 * running guest's is; a stop marks the start, exit_group the end.
 */
static unsigned int guest(struct vm *vm,
			  unsigned int (*work)(struct vm *vm, void *arg),
			  void *arg)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) || mlockall(MCL_CURRENT))
		return 255;
	touch(vm);
	syscall(SYS_kill, getpid(), SIGSTOP);
	return work(vm, arg);
}

int vm_run_guest(struct vm *vm, unsigned int (*work)(struct vm *vm, void *arg),
		 void *arg, void (*at_start)(void *arg),
		 void (*at_end)(void *arg), struct guest_report *report)
{
	unsigned long faults = 0;
	unsigned int stops = 0;
	int status, sig;
	pid_t pid;

	memset(report, 0, sizeof(*report));
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		syscall(SYS_exit_group, guest(vm, work, arg) & 0xff);

	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    WSTOPSIG(status) != SIGSTOP)
		goto died;
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL,
		   (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)))
		goto died;
	if (at_start)
		at_start(arg);
	faults = faults_of(pid);

	/*
	 * The kill() that stopped it has ended as far as tracing goes. Each
	 * system call from here on stops the process when it enters the kernel;
	 * the last one is exit_group, from which there is no return.
	 */
	for (sig = 0; ; sig = 0) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)sig))
			goto died;
		if (waitpid(pid, &status, 0) != pid)
			goto died;
		if (WIFEXITED(status) || WIFSIGNALED(status))
			break;
		if (!WIFSTOPPED(status))
			goto died;
		if (WSTOPSIG(status) != (SIGTRAP | 0x80))
			goto died;
		stops++;
		/* At each entry; the value that stays is exit_group's */
		report->faults = faults_of(pid) - faults;
		if (stops == 1 && at_end)
			at_end(arg);
	}
	report->died = !WIFEXITED(status);
	report->result = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	/* Entry and return each; exit_group has only an entry */
	report->syscalls = stops / 2;
	return 0;
died:
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	report->died = true;
	return 0;
}
