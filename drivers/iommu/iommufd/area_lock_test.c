// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of area_lock.c: which memory can be locked for a HW queue, and what
 * a lock prevents. The areas here are made by hand and their domain is a table of
 * page addresses, so that every shape of memory can be had, also those that user
 * space can't order (a hole in RAM, the end of the address space, areas whose pages
 * don't begin where IOVA's do).
 */
#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/iommu.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "io_pagetable.h"
#include "viommu_private.h"

#define TEST_PAGES 8
/* Where the table of the domain begins */
#define TEST_IOVA SZ_1G

struct test_domain {
	struct iommu_domain domain;
	unsigned long iova;
	/* By page of IOVA; 0: not mapped */
	phys_addr_t pa[TEST_PAGES];
	/* Pages in each entry of the table, a power of two: for s2_contig */
	unsigned int entry;
	unsigned int lookups;
};

struct area_lock_test {
	struct io_pagetable iopt;
	struct test_domain domain;
	struct iommufd_viommu_ops ops;
	struct iommufd_viommu viommu;
	/* Contiguous pages of real memory */
	struct page *memory;
	phys_addr_t pa;
};

/* Like hardware it knows pages only: offsets within them are up to the caller */
static phys_addr_t test_iova_to_phys(struct iommu_domain *domain,
				     dma_addr_t iova)
{
	struct test_domain *test =
		container_of(domain, struct test_domain, domain);
	unsigned long index = (iova - test->iova) >> PAGE_SHIFT;

	test->lookups++;
	if (index >= TEST_PAGES || !test->pa[index])
		return 0;
	return test->pa[index] + offset_in_page(iova);
}

/* A driver that knows the entries of its table; they begin at multiples of entry */
static phys_addr_t test_s2_contig(struct iommufd_viommu *viommu,
				  unsigned long iova, size_t *length)
{
	struct test_domain *test = container_of(viommu->s2_parent,
						struct test_domain, domain);

	*length = test->entry * PAGE_SIZE -
		  (iova - test->iova) % (test->entry * PAGE_SIZE);
	return test_iova_to_phys(viommu->s2_parent, iova);
}

static const struct iommu_domain_ops test_domain_ops = {
	.iova_to_phys = test_iova_to_phys,
};

static int area_lock_test_init(struct kunit *test)
{
	struct area_lock_test *t;
	unsigned int i;

	t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	if (!t)
		return -ENOMEM;
	t->memory = alloc_pages(GFP_KERNEL, order_base_2(TEST_PAGES));
	if (!t->memory)
		return -ENOMEM;
	t->pa = page_to_phys(t->memory);

	iopt_init_table(&t->iopt);
	t->domain.domain.type = IOMMU_DOMAIN_UNMANAGED;
	t->domain.domain.ops = &test_domain_ops;
	t->domain.domain.pgsize_bitmap = PAGE_SIZE | SZ_2M;
	t->domain.iova = TEST_IOVA;
	for (i = 0; i < TEST_PAGES; i++)
		t->domain.pa[i] = t->pa + i * PAGE_SIZE;
	t->viommu.ops = &t->ops;
	t->viommu.s2_parent = &t->domain.domain;
	test->priv = t;
	return 0;
}

static void area_lock_test_exit(struct kunit *test)
{
	struct area_lock_test *t = test->priv;
	struct iopt_area *area;

	if (!t)
		return;
	/* A test that failed may have left locks */
	down_write(&t->iopt.iova_rwsem);
	for (area = iopt_area_iter_first(&t->iopt, 0, ULONG_MAX); area;
	     area = iopt_area_iter_next(area, 0, ULONG_MAX))
		atomic_set(&area->num_locks, 0);
	atomic_set(&t->iopt.num_locks, 0);
	up_write(&t->iopt.iova_rwsem);
	KUNIT_EXPECT_EQ(test, iopt_unmap_all(&t->iopt, NULL), 0);
	iopt_destroy_table(&t->iopt);
	__free_pages(t->memory, order_base_2(TEST_PAGES));
}

/* As iopt_map_pages() leaves it, but for the pages themselves: none are pinned */
static struct iopt_area *test_map(struct kunit *test, unsigned long iova,
				  unsigned long length)
{
	struct area_lock_test *t = test->priv;
	struct iopt_pages *pages = kzalloc(sizeof(*pages), GFP_KERNEL);
	struct iopt_area *area = kzalloc(sizeof(*area), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pages);
	KUNIT_ASSERT_NOT_NULL(test, area);

	kref_init(&pages->kref);
	mutex_init(&pages->mutex);
	xa_init(&pages->pinned_pfns);
	pages->npages = DIV_ROUND_UP(length, PAGE_SIZE);
	pages->writable = true;
	pages->access_itree = RB_ROOT_CACHED;
	pages->domains_itree = RB_ROOT_CACHED;
	pages->source_mm = &init_mm;
	mmgrab(pages->source_mm);
	pages->source_task = get_task_struct(current);
	pages->source_user = get_uid(current_user());

	area->iopt = &t->iopt;
	area->pages = pages;
	area->node.start = iova;
	area->node.last = iova + (length - 1);
	area->pages_node.last = pages->npages - 1;
	area->iommu_prot = IOMMU_READ | IOMMU_WRITE;

	down_write(&t->iopt.iova_rwsem);
	interval_tree_insert(&area->node, &t->iopt.area_itree);
	up_write(&t->iopt.iova_rwsem);
	return area;
}

static int test_lock(struct kunit *test, unsigned long iova,
		     unsigned long length, phys_addr_t *pa)
{
	struct area_lock_test *t = test->priv;
	struct iopt_contig found;
	int rc;

	rc = iopt_lock_contig(&t->iopt, &t->viommu, iova, length, &found);
	if (!rc) {
		KUNIT_EXPECT_EQ(test, found.length, length);
		KUNIT_EXPECT_EQ(test, found.page_size, 0);
		*pa = found.base_pa;
	}
	return rc;
}

static void test_unlock(struct kunit *test, unsigned long iova,
			unsigned long length)
{
	struct area_lock_test *t = test->priv;

	iopt_unlock(&t->iopt, iova, length);
}

static int test_unmap(struct kunit *test, unsigned long iova,
		      unsigned long length)
{
	struct area_lock_test *t = test->priv;
	unsigned long unmapped = 0;
	int rc;

	/* As the ioctl does it: that there was nothing to unmap is an error */
	rc = iopt_unmap_iova(&t->iopt, iova, length, &unmapped);
	return rc ?: unmapped == length ? 0 : -ENOENT;
}

/* A range within a page is found with its offset */
static void area_lock_sub_page(struct kunit *test)
{
	struct area_lock_test *t = test->priv;
	struct iopt_area *area = test_map(test, TEST_IOVA, TEST_PAGES * PAGE_SIZE);
	phys_addr_t pa = 0;

	KUNIT_EXPECT_EQ(test, test_lock(test, TEST_IOVA + 0x20, 0x20, &pa), 0);
	KUNIT_EXPECT_EQ(test, pa, t->pa + 0x20);
	KUNIT_EXPECT_EQ(test, atomic_read(&area->num_locks), 1);

	/* Begins and ends within pages that it has only parts of */
	KUNIT_EXPECT_EQ(test, test_lock(test, TEST_IOVA + PAGE_SIZE + 0x40,
					2 * PAGE_SIZE, &pa), 0);
	KUNIT_EXPECT_EQ(test, pa, t->pa + PAGE_SIZE + 0x40);
	KUNIT_EXPECT_EQ(test, atomic_read(&area->num_locks), 2);

	test_unlock(test, TEST_IOVA + PAGE_SIZE + 0x40, 2 * PAGE_SIZE);
	test_unlock(test, TEST_IOVA + 0x20, 0x20);
	KUNIT_EXPECT_EQ(test, atomic_read(&area->num_locks), 0);
}

/* Two mappings of memory that is contiguous make one range, and both are locked */
static void area_lock_two_areas(struct kunit *test)
{
	struct area_lock_test *t = test->priv;
	struct iopt_area *first = test_map(test, TEST_IOVA, 2 * PAGE_SIZE);
	struct iopt_area *second = test_map(test, TEST_IOVA + 2 * PAGE_SIZE,
					    2 * PAGE_SIZE);
	phys_addr_t pa = 0;

	KUNIT_EXPECT_EQ(test, test_lock(test, TEST_IOVA, 4 * PAGE_SIZE, &pa), 0);
	KUNIT_EXPECT_EQ(test, pa, t->pa);
	KUNIT_EXPECT_EQ(test, atomic_read(&first->num_locks), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&second->num_locks), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&t->iopt.num_locks), 2);
	test_unlock(test, TEST_IOVA, 4 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, atomic_read(&t->iopt.num_locks), 0);

	/* A range that ends with the first area leaves the second one alone */
	KUNIT_EXPECT_EQ(test, test_lock(test, TEST_IOVA, 2 * PAGE_SIZE, &pa), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&first->num_locks), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&second->num_locks), 0);
	test_unlock(test, TEST_IOVA, 2 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, atomic_read(&first->num_locks), 0);
}

/* Every page is compared: the last one, and one in another area, too */
static void area_lock_not_contiguous(struct kunit *test)
{
	struct area_lock_test *t = test->priv;
	struct iopt_area *first = test_map(test, TEST_IOVA, 2 * PAGE_SIZE);
	struct iopt_area *second = test_map(test, TEST_IOVA + 2 * PAGE_SIZE,
					    2 * PAGE_SIZE);
	phys_addr_t pa;
	unsigned int i;

	for (i = 1; i < 4; i++) {
		phys_addr_t good = t->domain.pa[i];

		t->domain.pa[i] = t->pa + 6 * PAGE_SIZE;
		KUNIT_EXPECT_EQ(test, test_lock(test, TEST_IOVA + 0x20,
						3 * PAGE_SIZE, &pa), -EFAULT);
		t->domain.pa[i] = good;
	}
	/* Going backwards is not contiguous either */
	swap(t->domain.pa[0], t->domain.pa[1]);
	KUNIT_EXPECT_EQ(test, test_lock(test, TEST_IOVA, 2 * PAGE_SIZE, &pa),
			-EFAULT);
	/* But each page is, in itself */
	KUNIT_EXPECT_EQ(test, test_lock(test, TEST_IOVA, PAGE_SIZE, &pa), 0);
	KUNIT_EXPECT_EQ(test, pa, t->pa + PAGE_SIZE);
	test_unlock(test, TEST_IOVA, PAGE_SIZE);

	KUNIT_EXPECT_EQ(test, atomic_read(&first->num_locks), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&second->num_locks), 0);
}

/* How far it is contiguous is told to the byte, with the size of the page there */
static void area_lock_where_it_ends(struct kunit *test)
{
	struct area_lock_test *t = test->priv;
	struct page *huge = alloc_pages(GFP_KERNEL | __GFP_COMP, 2);
	struct iopt_contig found;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, huge);
	test_map(test, TEST_IOVA, 2 * PAGE_SIZE);
	test_map(test, TEST_IOVA + 2 * PAGE_SIZE, (TEST_PAGES - 2) * PAGE_SIZE);

	/* The second page and the third of four that are one, then others */
	t->domain.pa[0] = page_to_phys(huge) + PAGE_SIZE;
	t->domain.pa[1] = page_to_phys(huge) + 2 * PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, -EFAULT,
			iopt_lock_contig(&t->iopt, &t->viommu,
					 TEST_IOVA + 0x20, 4 * PAGE_SIZE,
					 &found));
	KUNIT_EXPECT_EQ(test, found.length, 2 * PAGE_SIZE - 0x20);
	KUNIT_EXPECT_EQ(test, found.page_size, 4 * PAGE_SIZE);

	/* Contiguous over the border of two mappings, to the next hole */
	for (i = 2; i < 5; i++)
		t->domain.pa[i] = t->pa + i * PAGE_SIZE;
	t->domain.pa[1] = t->pa + PAGE_SIZE;
	t->domain.pa[5] = t->pa;
	KUNIT_EXPECT_EQ(test, -EFAULT,
			iopt_lock_contig(&t->iopt, &t->viommu,
					 TEST_IOVA + PAGE_SIZE, 6 * PAGE_SIZE,
					 &found));
	KUNIT_EXPECT_EQ(test, found.length, 4 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, found.page_size, PAGE_SIZE);

	/* Not mapped in hardware from the beginning: nothing to tell */
	t->domain.pa[2] = 0;
	KUNIT_EXPECT_EQ(test, -EFAULT,
			iopt_lock_contig(&t->iopt, &t->viommu,
					 TEST_IOVA + 2 * PAGE_SIZE, PAGE_SIZE,
					 &found));
	KUNIT_EXPECT_EQ(test, found.length, 0);
	KUNIT_EXPECT_EQ(test, found.page_size, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&t->iopt.num_locks), 0);
	__free_pages(huge, 2);
}

/* Where the driver knows how far an entry reaches, each is looked at once */
static void area_lock_by_entry(struct kunit *test)
{
	struct area_lock_test *t = test->priv;
	struct iopt_contig found;
	phys_addr_t pa = 0;
	unsigned int i;

	t->ops.s2_contig = test_s2_contig;
	t->domain.entry = 4;
	test_map(test, TEST_IOVA, 4 * PAGE_SIZE);
	test_map(test, TEST_IOVA + 4 * PAGE_SIZE, 4 * PAGE_SIZE);

	KUNIT_EXPECT_EQ(test, 0, test_lock(test, TEST_IOVA, 8 * PAGE_SIZE, &pa));
	KUNIT_EXPECT_EQ(test, pa, t->pa);
	KUNIT_EXPECT_EQ(test, t->domain.lookups, 2);
	test_unlock(test, TEST_IOVA, 8 * PAGE_SIZE);

	/* It begins and ends within entries: what they have besides isn't its own */
	t->domain.lookups = 0;
	KUNIT_EXPECT_EQ(test, 0, test_lock(test, TEST_IOVA + PAGE_SIZE + 0x20,
					   4 * PAGE_SIZE, &pa));
	KUNIT_EXPECT_EQ(test, pa, t->pa + PAGE_SIZE + 0x20);
	KUNIT_EXPECT_EQ(test, t->domain.lookups, 2);
	test_unlock(test, TEST_IOVA + PAGE_SIZE + 0x20, 4 * PAGE_SIZE);

	/* The second entry is elsewhere */
	for (i = 4; i < 8; i++)
		t->domain.pa[i] -= 4 * PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, -EFAULT,
			iopt_lock_contig(&t->iopt, &t->viommu,
					 TEST_IOVA + 2 * PAGE_SIZE + 0x20,
					 3 * PAGE_SIZE, &found));
	KUNIT_EXPECT_EQ(test, found.base_pa, t->pa + 2 * PAGE_SIZE + 0x20);
	KUNIT_EXPECT_EQ(test, found.length, 2 * PAGE_SIZE - 0x20);
	/* But a range that ends before it isn't concerned */
	KUNIT_EXPECT_EQ(test, 0, test_lock(test, TEST_IOVA, 4 * PAGE_SIZE, &pa));
	test_unlock(test, TEST_IOVA, 4 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, atomic_read(&t->iopt.num_locks), 0);
}

/* Each page that an entry maps has to be memory, huge pages and small ones alike */
static void area_lock_entry_of_folios(struct kunit *test)
{
	struct area_lock_test *t = test->priv;
	struct page *huge = alloc_pages(GFP_KERNEL | __GFP_COMP, 2);
	phys_addr_t end = PFN_PHYS(max_pfn);
	struct iopt_contig found;
	phys_addr_t pa = 0;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, huge);
	t->ops.s2_contig = test_s2_contig;
	t->domain.entry = 4;
	test_map(test, TEST_IOVA, 4 * PAGE_SIZE);

	t->domain.pa[0] = page_to_phys(huge);
	KUNIT_EXPECT_EQ(test, 0, test_lock(test, TEST_IOVA, 4 * PAGE_SIZE, &pa));
	KUNIT_EXPECT_EQ(test, pa, page_to_phys(huge));
	test_unlock(test, TEST_IOVA, 4 * PAGE_SIZE);
	__free_pages(huge, 2);

	if (pfn_valid(PHYS_PFN(end)))
		kunit_skip(test, "something after the end of memory");
	/* Pages that stay what they are, like pinned ones */
	for (i = 1; i <= 3; i++)
		if (!PageReserved(pfn_to_page(max_pfn - i)))
			kunit_skip(test, "the last of memory comes and goes");
	/* The last of the entry's pages is none */
	t->domain.pa[0] = end - 3 * PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, 0, test_lock(test, TEST_IOVA, 3 * PAGE_SIZE, &pa));
	test_unlock(test, TEST_IOVA, 3 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			iopt_lock_contig(&t->iopt, &t->viommu, TEST_IOVA,
					 4 * PAGE_SIZE, &found));
	KUNIT_EXPECT_EQ(test, atomic_read(&t->iopt.num_locks), 0);
}

/* All of the range has to be mapped, for longer than the call */
static void area_lock_not_mapped(struct kunit *test)
{
	struct area_lock_test *t = test->priv;
	struct iopt_area *area = test_map(test, TEST_IOVA, 2 * PAGE_SIZE);
	struct iopt_area *last = test_map(test, TEST_IOVA + 3 * PAGE_SIZE,
					  PAGE_SIZE);
	struct iopt_pages *pages;
	phys_addr_t pa;

	KUNIT_EXPECT_EQ(test, test_lock(test, TEST_IOVA - PAGE_SIZE,
					2 * PAGE_SIZE, &pa), -ENOENT);
	KUNIT_EXPECT_EQ(test, test_lock(test, TEST_IOVA, 2 * PAGE_SIZE + 1, &pa),
			-ENOENT);
	/* A hole; it counts for more than what is wrong with the memory before it */
	KUNIT_EXPECT_EQ(test, test_lock(test, TEST_IOVA, 4 * PAGE_SIZE, &pa),
			-ENOENT);
	swap(t->domain.pa[0], t->domain.pa[1]);
	KUNIT_EXPECT_EQ(test, test_lock(test, TEST_IOVA, 4 * PAGE_SIZE, &pa),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, test_lock(test, TEST_IOVA, 2 * PAGE_SIZE, &pa),
			-EFAULT);
	swap(t->domain.pa[0], t->domain.pa[1]);

	/* Being mapped, or already being unmapped */
	pages = area->pages;
	area->pages = NULL;
	KUNIT_EXPECT_EQ(test, test_lock(test, TEST_IOVA, PAGE_SIZE, &pa),
			-ENOENT);
	area->pages = pages;

	/* An unmap that waits for accesses has begun */
	area->prevent_access = true;
	KUNIT_EXPECT_EQ(test, test_lock(test, TEST_IOVA, PAGE_SIZE, &pa),
			-EINVAL);
	area->prevent_access = false;

	KUNIT_EXPECT_EQ(test, atomic_read(&area->num_locks), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&last->num_locks), 0);
}

/* Devices may not read by another way what they may not read by this one */
static void area_lock_not_readable(struct kunit *test)
{
	struct iopt_area *first = test_map(test, TEST_IOVA, PAGE_SIZE);
	struct iopt_area *second = test_map(test, TEST_IOVA + PAGE_SIZE,
					    PAGE_SIZE);
	phys_addr_t pa;

	second->iommu_prot = IOMMU_WRITE;
	KUNIT_EXPECT_EQ(test, test_lock(test, TEST_IOVA, 2 * PAGE_SIZE, &pa),
			-EPERM);
	KUNIT_EXPECT_EQ(test, atomic_read(&first->num_locks), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&second->num_locks), 0);
}

/* Pages that don't begin where IOVA's do can't be compared page by page */
static void area_lock_not_aligned(struct kunit *test)
{
	struct iopt_area *area = test_map(test, TEST_IOVA, 2 * PAGE_SIZE);
	phys_addr_t pa;

	area->page_offset = PAGE_SIZE / 2;
	KUNIT_EXPECT_EQ(test, test_lock(test, TEST_IOVA, PAGE_SIZE, &pa),
			-EINVAL);
	area->page_offset = 0;
}

/* Only what has a struct page can be held by it when a queue doesn't stop */
static void area_lock_not_memory(struct kunit *test)
{
	struct area_lock_test *t = test->priv;
	struct iopt_area *area = test_map(test, TEST_IOVA, 2 * PAGE_SIZE);
	phys_addr_t hole = PHYS_ADDR_MAX & PAGE_MASK;
	phys_addr_t pa;

	if (pfn_valid(PHYS_PFN(hole)))
		kunit_skip(test, "memory at the end of the physical space");

	t->domain.pa[0] = hole;
	KUNIT_EXPECT_EQ(test, test_lock(test, TEST_IOVA, PAGE_SIZE, &pa),
			-EINVAL);
	/* Not mapped after all: hardware would read from 0 */
	t->domain.pa[0] = 0;
	KUNIT_EXPECT_EQ(test, test_lock(test, TEST_IOVA, PAGE_SIZE, &pa),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, atomic_read(&area->num_locks), 0);
}

/* The last page of the address space has no address after it */
static void area_lock_end_of_space(struct kunit *test)
{
	unsigned long iova = ULONG_MAX - 2 * PAGE_SIZE + 1;
	struct area_lock_test *t = test->priv;
	struct iopt_area *area;
	phys_addr_t pa = 0;

	t->domain.iova = iova;
	area = test_map(test, iova, 2 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, test_lock(test, iova, 2 * PAGE_SIZE, &pa), 0);
	KUNIT_EXPECT_EQ(test, pa, t->pa);
	KUNIT_EXPECT_EQ(test, atomic_read(&area->num_locks), 1);
	test_unlock(test, iova, 2 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, atomic_read(&area->num_locks), 0);
}

/* I9: what is locked isn't unmapped, and an unmap that is refused does nothing */
static void area_lock_unmap(struct kunit *test)
{
	struct area_lock_test *t = test->priv;
	phys_addr_t pa;

	test_map(test, TEST_IOVA, PAGE_SIZE);
	test_map(test, TEST_IOVA + PAGE_SIZE, PAGE_SIZE);
	test_map(test, TEST_IOVA + 2 * PAGE_SIZE, PAGE_SIZE);

	KUNIT_ASSERT_EQ(test, test_lock(test, TEST_IOVA + PAGE_SIZE, 0x20, &pa),
			0);
	KUNIT_ASSERT_EQ(test, test_lock(test, TEST_IOVA + PAGE_SIZE + 0x800, 0x20,
					&pa), 0);

	KUNIT_EXPECT_EQ(test, test_unmap(test, TEST_IOVA, 3 * PAGE_SIZE),
			-EBUSY);
	KUNIT_EXPECT_EQ(test, iopt_unmap_all(&t->iopt, NULL), -EBUSY);
	/* The one before is still there, and isn't locked */
	KUNIT_EXPECT_EQ(test, test_unmap(test, TEST_IOVA, PAGE_SIZE), 0);

	/* Both locks count */
	test_unlock(test, TEST_IOVA + PAGE_SIZE, 0x20);
	KUNIT_EXPECT_EQ(test, test_unmap(test, TEST_IOVA + PAGE_SIZE, PAGE_SIZE),
			-EBUSY);
	test_unlock(test, TEST_IOVA + PAGE_SIZE + 0x800, 0x20);
	KUNIT_EXPECT_EQ(test, atomic_read(&t->iopt.num_locks), 0);
	KUNIT_EXPECT_EQ(test, test_unmap(test, TEST_IOVA + PAGE_SIZE, PAGE_SIZE),
			0);
}

/* VFIO's container interface cuts mappings in two; not those that are locked */
static void area_lock_cut(struct kunit *test)
{
	struct area_lock_test *t = test->priv;
	unsigned long cut = TEST_IOVA + PAGE_SIZE - 1;
	phys_addr_t pa;

	test_map(test, TEST_IOVA, 2 * PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, iopt_disable_large_pages(&t->iopt), 0);

	KUNIT_ASSERT_EQ(test, test_lock(test, TEST_IOVA, 2 * PAGE_SIZE, &pa), 0);
	KUNIT_EXPECT_EQ(test, iopt_cut_iova(&t->iopt, &cut, 1), -EBUSY);
	test_unlock(test, TEST_IOVA, 2 * PAGE_SIZE);

	KUNIT_EXPECT_EQ(test, iopt_cut_iova(&t->iopt, &cut, 1), 0);
	KUNIT_EXPECT_EQ(test, test_unmap(test, TEST_IOVA, PAGE_SIZE), 0);
}

static struct kunit_case area_lock_cases[] = {
	KUNIT_CASE(area_lock_sub_page),
	KUNIT_CASE(area_lock_two_areas),
	KUNIT_CASE(area_lock_not_contiguous),
	KUNIT_CASE(area_lock_where_it_ends),
	KUNIT_CASE(area_lock_by_entry),
	KUNIT_CASE(area_lock_entry_of_folios),
	KUNIT_CASE(area_lock_not_mapped),
	KUNIT_CASE(area_lock_not_readable),
	KUNIT_CASE(area_lock_not_aligned),
	KUNIT_CASE(area_lock_not_memory),
	KUNIT_CASE(area_lock_end_of_space),
	KUNIT_CASE(area_lock_unmap),
	KUNIT_CASE(area_lock_cut),
	{}
};

static struct kunit_suite area_lock_suite = {
	.name = "iommufd-area-lock",
	.init = area_lock_test_init,
	.exit = area_lock_test_exit,
	.test_cases = area_lock_cases,
};

kunit_test_suite(area_lock_suite);
