// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guest memory that is a file, on the emulated board: the VMM names it by file
 * (IOMMU_IOAS_MAP_FILE), another process has it mapped (a back end, virtiofs), a real
 * device does DMA there behind a real SMMU, and a guest's queue can be in it.
 */
#include <linux/memfd.h>

#include "cmdqv_utils.h"

/* Below what an edu device reaches, above VM_RAM and the window of the MSIs */
#define FILE_IPA	0x0a000000ULL
#define FILE_SIZE	(2 * HUGE_PAGE)

#ifndef MFD_HUGE_2MB
#define MFD_HUGE_2MB	(21U << 26)
#endif

FIXTURE(map_file)
{
	struct board board;
	struct vm vm;
	int file;
	char *va;
};

FIXTURE_VARIANT(map_file)
{
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(map_file, memfd)
{
};

FIXTURE_VARIANT_ADD(map_file, hugetlb)
{
	.flags = MFD_HUGETLB | MFD_HUGE_2MB,
};

FIXTURE_SETUP(map_file)
{
	const char *why = board_find(&self->board);

	if (why)
		SKIP(return, "%s", why);
	if (variant->flags && guestmem_reserve_huge(4))
		SKIP(return, "not enough memory for huge pages");
	self->file = memfd_create("guest", variant->flags | MFD_CLOEXEC);
	ASSERT_LE(0, self->file);
	ASSERT_EQ(0, ftruncate(self->file, FILE_SIZE));
	ASSERT_EQ(0, vm_open(&self->vm, "A", self->board.bdf[0]));
	/* Before anybody has touched it */
	ASSERT_EQ(0, iommufd_ioas_map_file(self->vm.fd, self->vm.ioas,
					   self->file, 0, FILE_SIZE, FILE_IPA));
	self->va = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			self->file, 0);
	ASSERT_NE(MAP_FAILED, self->va);
}

FIXTURE_TEARDOWN(map_file)
{
	munmap(self->va, FILE_SIZE);
	close(self->file);
	EXPECT_EQ(0, vm_close(&self->vm));
	board_check(&self->board);
	observer_close(&self->board.unit);
}

/*
 * Another process, which has nothing but the file: it writes @value at @write and
 * says whether @expect is at @read. 0: yes.
 */
static int back_end(int file, size_t write, char value, size_t read, char expect)
{
	pid_t child = fork();
	int status;

	if (!child) {
		char *p = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE,
			       MAP_SHARED, file, 0);
		size_t i;

		if (p == MAP_FAILED)
			_exit(2);
		for (i = 0; i < EDU_BUFFER; i++)
			p[write + i] = value + i;
		for (i = 0; i < EDU_BUFFER; i++)
			if (p[read + i] != (char)(expect + i))
				_exit(1);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child ||
	    !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* The device and the other process see each other's writes, at both ends */
TEST_F(map_file, dma)
{
	size_t last = FILE_SIZE - EDU_BUFFER;
	struct vfio_dev *dev = &self->vm.dev;
	size_t i;

	ASSERT_EQ(0, back_end(self->file, 0, 1, 0, 1));
	ASSERT_EQ(0, edu_load(dev, FILE_IPA, EDU_BUFFER));
	ASSERT_EQ(0, edu_store(dev, FILE_IPA + last, EDU_BUFFER));
	EXPECT_EQ(0, back_end(self->file, FILE_SIZE / 2, 77, last, 1));
	ASSERT_EQ(0, edu_load(dev, FILE_IPA + FILE_SIZE / 2, EDU_BUFFER));
	ASSERT_EQ(0, edu_store(dev, FILE_IPA, EDU_BUFFER));
	for (i = 0; i < EDU_BUFFER; i++)
		ASSERT_EQ((char)(77 + i), self->va[i]);
}

/* The same behind a stage 1, with the tables of the guest where they always are */
TEST_F(map_file, dma_stage1)
{
	struct vfio_dev *dev = &self->vm.dev;

	ASSERT_EQ(0, vm_set_up(&self->vm, VSID, ASID));
	ASSERT_EQ(0, stage1_map(&self->vm.s1, IOVA, FILE_IPA + GUEST_PAGE));
	ASSERT_EQ(0, stage1_map(&self->vm.s1, IOVA + GUEST_PAGE,
				FILE_IPA + FILE_SIZE - GUEST_PAGE));
	ASSERT_EQ(0, back_end(self->file, GUEST_PAGE, 5, GUEST_PAGE, 5));
	ASSERT_EQ(0, edu_load(dev, IOVA, EDU_BUFFER));
	ASSERT_EQ(0, edu_store(dev, IOVA + GUEST_PAGE, EDU_BUFFER));
	EXPECT_EQ(0, back_end(self->file, 0, 0, FILE_SIZE - GUEST_PAGE, 5));
}

/* A device's memory is not a file's: it stays when the file gives it away */
TEST_F(map_file, truncated)
{
	struct vfio_dev *dev = &self->vm.dev;
	size_t i;

	memset(self->va, 0x11, EDU_BUFFER);
	ASSERT_EQ(0, ftruncate(self->file, 0));
	ASSERT_EQ(0, edu_load(dev, FILE_IPA, EDU_BUFFER));
	ASSERT_EQ(0, edu_store(dev, FILE_IPA + GUEST_PAGE, EDU_BUFFER));
	ASSERT_EQ(0, ftruncate(self->file, FILE_SIZE));
	for (i = 0; i < 2 * GUEST_PAGE; i++)
		ASSERT_EQ(0, self->va[i]);
	/* The device has them still */
	ASSERT_EQ(0, iommufd_ioas_unmap(self->vm.fd, self->vm.ioas, FILE_IPA,
					FILE_SIZE));
	ASSERT_EQ(0, iommufd_ioas_map_file(self->vm.fd, self->vm.ioas,
					   self->file, 0, FILE_SIZE, FILE_IPA));
	ASSERT_EQ(0, edu_store(dev, FILE_IPA, EDU_BUFFER));
	for (i = 0; i < EDU_BUFFER; i++)
		ASSERT_EQ(0x11, self->va[i]);
}

/*
 * The guest's queue is in the file, as long as the pages allow: the unit reads
 * there, and the file can do what it wants meanwhile.
 */
TEST_F(map_file, queue)
{
	unsigned int log2size = variant->flags ? 16 : QUEUE_LOG2;
	u64 ipa = FILE_IPA + FILE_SIZE / 2;
	struct vm *vm = &self->vm;
	struct vcmdq q;
	u32 id;
	int i;

	ASSERT_EQ(0, vm_add_viommu(vm, IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV));
	ASSERT_EQ(0, vm_add_vdevice(vm, VSID));
	ASSERT_EQ(0, iommufd_hw_queue_alloc(vm->fd, vm->viommu,
					    IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV,
					    0, ipa, 16UL << log2size, &id));
	EXPECT_EQ(-EBUSY, iommufd_ioas_unmap(vm->fd, vm->ioas, FILE_IPA,
					     FILE_SIZE));
	vcmdq_init(&q, vm->window, 0, self->va + FILE_SIZE / 2, log2size);
	ASSERT_EQ(0, vcmdq_enable(&q));
	for (i = 0; i < 300; i++) {
		struct smmu_cmd cmd = cmd_tlbi_nh_va(ASID, IOVA);

		ASSERT_EQ(0, vcmdq_issue(&q, &cmd, 1));
	}
	/* What the guest writes now is not in the file any more, but in the queue */
	munmap(self->va, FILE_SIZE);
	ASSERT_EQ(0, ftruncate(self->file, 0));
	ASSERT_EQ(0, vcmdq_disable(&q));
	ASSERT_EQ(0, iommufd_destroy(vm->fd, id));
	ASSERT_EQ(0, iommufd_ioas_unmap(vm->fd, vm->ioas, FILE_IPA, FILE_SIZE));
}

/* Pages that the kernel has for tables of IOMMUs; -1 if it doesn't tell */
static long table_pages(void)
{
	int refresh = open("/proc/sys/vm/stat_refresh", O_WRONLY | O_CLOEXEC);
	char name[64];
	FILE *f;
	long n;

	/* Each CPU has counted for itself */
	if (refresh < 0 || write(refresh, "1", 1) != 1)
		return -1;
	close(refresh);
	f = fopen("/proc/vmstat", "re");
	while (f && fscanf(f, "%63s %ld", name, &n) == 2)
		if (!strcmp(name, "nr_iommu_pages")) {
			fclose(f);
			return n;
		}
	if (f)
		fclose(f);
	return -1;
}

/* A huge page is one entry, where the IOVA allows: no table of small ones */
TEST_F(map_file, large_entries)
{
	u64 ipa = FILE_IPA + (16 << 20);
	struct vm *vm = &self->vm;
	long was;

	if (table_pages() < 0)
		SKIP(return, "no nr_iommu_pages in /proc/vmstat, or no stat_refresh");
	ASSERT_EQ(0, iommufd_ioas_map_file(vm->fd, vm->ioas, self->file, 0,
					   GUEST_PAGE, ipa - GUEST_PAGE));
	was = table_pages();
	ASSERT_EQ(0, iommufd_ioas_map_file(vm->fd, vm->ioas, self->file, 0,
					   FILE_SIZE, ipa));
	EXPECT_EQ(was + (variant->flags ? 0 : 2), table_pages());
	ASSERT_EQ(0, iommufd_ioas_unmap(vm->fd, vm->ioas, ipa, FILE_SIZE));
	was = table_pages();
	ASSERT_EQ(0, iommufd_ioas_map_file(vm->fd, vm->ioas, self->file,
					   GUEST_PAGE, FILE_SIZE - GUEST_PAGE,
					   ipa));
	EXPECT_EQ(was + 2, table_pages());
}

TEST_HARNESS_MAIN
