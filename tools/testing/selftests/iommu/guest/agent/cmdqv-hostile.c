// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A driver of the guest's CMDQV that keeps no rule of it. The guest's kernel must have
 * left the unit alone (arm_smmu_v3.disable_cmdqv=1), or will get into trouble.
 *
 *	cmdqv-hostile commands		runs each command that a guest may not send, and
 *					some that name others, by the rules otherwise
 *	cmdqv-hostile order [last]	breaks the rules of order one by one; "last" are
 *					those after which QEMU 11.1 has lost track of its
 *					queues
 *	cmdqv-hostile random SEED MS	writes anything anywhere, for MS milliseconds;
 *					QEMU loses track by this, too
 *
 * What is wrong with the host it can't see, but for this: "commands" exits with 1 if a
 * forbidden command was taken, or an allowed one was not. 2: wrong use; 3: there is no
 * unit, or it can't be used.
 */
#include <stdlib.h>

#include "cmdqv_regs.h"
#include "smmuv3.h"

#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))
#define PAGE		4096u
/* A queue in a page of its own */
#define LOG2SIZE	8u
#define EN		1u
#define ALLOCATED	1u

enum { OK, BROKEN, USAGE, NO_UNIT };

/**
 * struct page - guest memory that the hardware can find
 * @va: for this program
 * @pa: for the guest's devices
 */
struct page {
	u64 *va;
	u64 pa;
};

static struct cmdqv unit;
static struct page pages[2];

/* How long to wait for what ought to happen at once */
static unsigned int patience_ms = 1000;

static void write32(size_t offset, u32 value)
{
	mmio_write32(unit.regs, offset, value);
}

static u32 read32(size_t offset)
{
	return mmio_read32(unit.regs, offset);
}

static void set_base(unsigned int l, u64 base)
{
	mmio_write64(unit.regs, LVCMDQ_PAGE1(l) + PAGE1_BASE, base);
}

static void set_queue(unsigned int l, size_t reg, u32 value)
{
	write32(LVCMDQ_PAGE0(l) + reg, value);
}

static u32 get_queue(unsigned int l, size_t reg)
{
	return read32(LVCMDQ_PAGE0(l) + reg);
}

static u32 map_of(unsigned int lvcmdq)
{
	return lvcmdq << 1;
}

/* Memory that stays where it is: 0 or a negative errno */
static int page_init(struct page *p)
{
	u64 entry;
	int fd, ret = 0;

	p->va = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (p->va == MAP_FAILED || mlock(p->va, PAGE))
		return -errno;
	p->va[0] = 0;
	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (pread(fd, &entry, sizeof(entry), (uintptr_t)p->va / PAGE * 8) != sizeof(entry))
		ret = -EIO;
	close(fd);
	p->pa = (entry & ((1ULL << 55) - 1)) * PAGE;
	return ret ?: p->pa ? 0 : -EPERM;
}

/* All off, in the order that the hardware wants */
static void take_down(void)
{
	int l;

	for (l = 1; l >= 0; l--) {
		set_queue(l, PAGE0_CONFIG, 0);
		write32(CMDQV_ALLOC_MAP(l), map_of(l));
	}
	write32(VINTF_CONFIG(0), 0);
}

/* The unit, its VINTF and @queues queues on, over pages[]: 0 or -ETIMEDOUT */
static int bring_up(unsigned int queues)
{
	unsigned int l;
	int ret;

	take_down();
	write32(CMDQV_CONFIG, read32(CMDQV_CONFIG) | EN);
	write32(VINTF_CONFIG(0), EN);
	ret = cmdqv_wait(&unit, VINTF_STATUS(0), EN, EN, patience_ms);
	for (l = 0; l < queues && !ret; l++) {
		write32(CMDQV_ALLOC_MAP(l), map_of(l) | ALLOCATED);
		set_base(l, pages[l].pa | LOG2SIZE);
		set_queue(l, PAGE0_CONS, 0);
		set_queue(l, PAGE0_PROD, 0);
		set_queue(l, PAGE0_GERRORN, get_queue(l, PAGE0_GERROR));
		set_queue(l, PAGE0_CONFIG, EN);
		ret = cmdqv_wait(&unit, LVCMDQ_PAGE0(l) + PAGE0_STATUS, EN, EN,
				 patience_ms);
	}
	return ret;
}

static void put(unsigned int l, unsigned int at, struct smmu_cmd cmd)
{
	pages[l].va[2 * at] = cmd.w[0];
	pages[l].va[2 * at + 1] = cmd.w[1];
}

/*
 * Commands
 */

/* A CMD_SYNC that asks for a write to @address when it is done */
static struct smmu_cmd sync_msi(u64 address)
{
	struct smmu_cmd cmd = cmd_sync();

	cmd.w[0] = (cmd.w[0] & ~0x3000ULL) | 0x1000;
	cmd.w[1] = address;
	return cmd;
}

/* Run a command and a CMD_SYNC in a new queue: was it taken? Negative: no queue */
static int is_taken(struct smmu_cmd cmd)
{
	const struct timespec nap = { .tv_nsec = 1000000 };
	unsigned int ms;
	u32 cons;

	put(0, 0, cmd);
	put(0, 1, cmd_sync());
	if (bring_up(1))
		return -ETIMEDOUT;
	dma_barrier();
	set_queue(0, PAGE0_PROD, 2);
	for (ms = 0; ms < 2000; ms++) {
		cons = get_queue(0, PAGE0_CONS);
		if ((cons & 0xfffff) == 2)
			return 1;
		if ((get_queue(0, PAGE0_GERROR) ^ get_queue(0, PAGE0_GERRORN)) & 1)
			return 0;
		nanosleep(&nap, NULL);
	}
	return -ETIMEDOUT;
}

static int send_all(void)
{
	const struct {
		const char *name;
		struct smmu_cmd cmd;
		bool allowed;
	} list[] = {
		{ "TLBI_NH_VA", cmd_tlbi_nh_va(1, 0x1000), true },
		{ "TLBI_NH_VA of VMID 0xffff",
		  cmd_with_vmid(cmd_tlbi_nh_va(1, 0x1000), 0xffff), true },
		{ "TLBI_NH_ASID of VMID 2", cmd_with_vmid(cmd_tlbi_nh_asid(1), 2), true },
		{ "TLBI_NH_ALL", cmd_op(CMD_TLBI_NH_ALL), false },
		{ "TLBI_NSNH_ALL", cmd_op(CMD_TLBI_NSNH_ALL), false },
		{ "TLBI_EL2_ALL", cmd_op(CMD_TLBI_EL2_ALL), false },
		{ "TLBI_S12_VMALL of VMID 2", cmd_with_vmid(cmd_op(CMD_TLBI_S12_VMALL), 2), false },
		{ "TLBI_S2_IPA of VMID 2", cmd_with_vmid(cmd_op(CMD_TLBI_S2_IPA), 2), false },
		{ "CFGI_STE", cmd_sid(CMD_CFGI_STE, 0x100), false },
		{ "CFGI_ALL", cmd_sid(CMD_CFGI_ALL, 0), false },
		{ "CFGI_CD", cmd_sid(CMD_CFGI_CD, 0x100), false },
		{ "CFGI_CD_ALL", cmd_sid(CMD_CFGI_CD_ALL, 0x100), false },
		{ "PREFETCH_CONFIG", cmd_sid(CMD_PREFETCH_CONFIG, 0x100), false },
		{ "PRI_RESP", cmd_sid(CMD_PRI_RESP, 0x100), false },
		{ "RESUME", cmd_sid(CMD_RESUME, 0x100), false },
		{ "ATC_INV of StreamID 0", cmd_atc_inv(0, 0, 52), false },
		{ "ATC_INV of StreamID 0xffff0", cmd_atc_inv(0xffff0, 0, 52), false },
		{ "CMD_SYNC by MSI", sync_msi(0x08080040), false },
		{ "opcode 0xff", cmd_op(0xff), false },
	};
	int ret = OK, taken;
	unsigned int i;

	for (i = 0; i < LENGTH(list); i++) {
		taken = is_taken(list[i].cmd);
		if (taken == list[i].allowed)
			continue;
		printf("%s: %s\n", list[i].name, taken < 0 ? "no queue to send it with" :
		       taken ? "taken" : "refused");
		ret = BROKEN;
	}
	printf("%zu commands\n", LENGTH(list));
	take_down();
	return ret;
}

/*
 * Order
 */

static void before_vintf(void)
{
	take_down();
	set_queue(0, PAGE0_CONFIG, EN);
	set_queue(0, PAGE0_PROD, 2);
	set_base(0, pages[0].pa | LOG2SIZE);
	write32(VINTF_CONFIG(0), EN);
}

static void without_base(void)
{
	take_down();
	set_base(0, 0);
	write32(VINTF_CONFIG(0), EN);
	write32(CMDQV_ALLOC_MAP(0), map_of(0) | ALLOCATED);
	set_queue(0, PAGE0_CONFIG, EN);
	set_queue(0, PAGE0_PROD, 2);
}

/*
 * Over a queue that runs, and for one that is not there. Queue 0 is moved only while
 * queue 1 is not mapped; see unmapped_ascending().
 */
static void bad_bases(void)
{
	const u64 bad[] = {
		LOG2SIZE,			/* the firmware's flash */
		0x09000000 | LOG2SIZE,		/* the UART */
		0x08080000 | LOG2SIZE,		/* the ITS */
		0x0000fffffff00000 | LOG2SIZE,	/* nothing at all */
		0xffff000000000000 | pages[0].pa | LOG2SIZE,
		pages[0].pa,			/* LOG2SIZE 0 */
		pages[0].pa | 20,		/* more than any SMMU has */
		pages[0].pa | 31,
		(pages[0].pa + 32) | LOG2SIZE,	/* not aligned */
		pages[0].pa | 19,		/* more than is contiguous */
		0x40000000 | 19,
		unit.size | LOG2SIZE,
	};
	unsigned int i;

	for (i = 0; i < LENGTH(bad); i++) {
		bring_up(2);
		set_base(1, bad[i]);
		set_queue(1, PAGE0_CONFIG, EN);
		set_queue(1, PAGE0_PROD, 4);
		bring_up(1);
		set_base(0, bad[i]);
		set_queue(0, PAGE0_CONFIG, EN);
		set_queue(0, PAGE0_PROD, 4);
	}
}

static void while_enabled(void)
{
	bring_up(2);
	set_base(1, pages[0].pa | LOG2SIZE);
	mmio_write64(unit.regs, LVCMDQ_PAGE1(1) + PAGE1_CONS_INDX_BASE, pages[0].pa);
	set_queue(1, PAGE0_CONS, 0x80);
	write32(VINTF_SID_MATCH(0, 0), 1);
	write32(VINTF_SID_REPLACE(0, 0), 0);
}

static void mapped_in_any_order(void)
{
	bring_up(0);
	set_base(1, pages[1].pa | LOG2SIZE);
	set_base(0, pages[0].pa | LOG2SIZE);
	write32(CMDQV_ALLOC_MAP(1), map_of(1) | ALLOCATED);
	write32(CMDQV_ALLOC_MAP(0), map_of(0) | ALLOCATED);
	set_queue(1, PAGE0_CONFIG, EN);
	set_queue(0, PAGE0_CONFIG, EN);
}

static void mapped_elsewhere(void)
{
	bring_up(2);
	write32(CMDQV_ALLOC_MAP(1), map_of(0) | ALLOCATED);
	write32(CMDQV_ALLOC_MAP(1), map_of(127) | ALLOCATED);
	write32(CMDQV_ALLOC_MAP(1), map_of(1) | 63u << 15 | ALLOCATED);
	write32(CMDQV_ALLOC_MAP(1), map_of(1) | 1u << 15 | ALLOCATED);
	write32(CMDQV_ALLOC_MAP(127), map_of(1) | ALLOCATED);
	write32(CMDQV_ALLOC_MAP(1), map_of(1) | ALLOCATED);
}

static void indices(void)
{
	const u32 values[] = { 0xfffff, 0x100, 0x1ff, 0x200, 0xffffffff, 0x80000000, 0 };
	unsigned int i;

	for (i = 0; i < LENGTH(values); i++) {
		bring_up(1);
		set_queue(0, PAGE0_PROD, values[i]);
		set_queue(0, PAGE0_CONS, values[LENGTH(values) - 1 - i]);
		set_queue(0, PAGE0_GERRORN, values[i]);
		set_queue(0, PAGE0_PROD, ~values[i]);
	}
}

static void disabled_while_running(void)
{
	bring_up(2);
	set_queue(0, PAGE0_PROD, 0x80);
	write32(CMDQV_CONFIG, read32(CMDQV_CONFIG) & ~EN);
	set_base(0, pages[1].pa | LOG2SIZE);
	set_queue(0, PAGE0_CONFIG, EN);
	write32(CMDQV_CONFIG, read32(CMDQV_CONFIG) | EN);

	bring_up(2);
	set_queue(1, PAGE0_PROD, 0x80);
	write32(VINTF_CONFIG(0), 0);
	set_queue(1, PAGE0_CONFIG, EN);
	write32(VINTF_CONFIG(0), EN);
	set_queue(1, PAGE0_CONFIG, EN);
	set_queue(1, PAGE0_PROD, 0x80);
}

static void through_both_apertures(void)
{
	bring_up(1);
	mmio_write64(unit.regs, VCMDQ_PAGE1(1) + PAGE1_BASE, pages[1].pa | LOG2SIZE);
	write32(VCMDQ_PAGE0(1) + PAGE0_CONFIG, EN);
	write32(VCMDQ_PAGE0(1) + PAGE0_PROD, 2);
	write32(CMDQV_ALLOC_MAP(1), map_of(1) | ALLOCATED);
	write32(VCMDQ_PAGE0(0) + PAGE0_PROD, 2);
	write32(LVCMDQ_PAGE0(2) + PAGE0_CONFIG, EN);
	write32(LVCMDQ_PAGE0(127) + PAGE0_CONFIG, EN);
	write32(LVCMDQ_PAGE0(127) + PAGE0_PROD, 2);
}

static void errors_not_acknowledged(void)
{
	unsigned int i;

	put(0, 0, cmd_op(0xff));
	for (i = 0; i < 20; i++) {
		bring_up(1);
		set_queue(0, PAGE0_PROD, 2);
		set_queue(0, PAGE0_GERRORN, ~get_queue(0, PAGE0_GERRORN));
		set_queue(0, PAGE0_PROD, 4);
		set_queue(0, PAGE0_CONFIG, 0);
		set_queue(0, PAGE0_CONFIG, EN);
	}
}

/* Another VMID and HYP_OWN */
static void vintf_changed(void)
{
	take_down();
	write32(VINTF_CONFIG(0), 1u << 17 | 0x55u << 1);
	write32(VINTF_CONFIG(0), EN | 1u << 17 | 0x55u << 1);
	write32(CMDQV_ALLOC_MAP(0), map_of(0) | ALLOCATED);
	set_base(0, pages[0].pa | LOG2SIZE);
	set_queue(0, PAGE0_CONFIG, EN);
	set_queue(0, PAGE0_PROD, 2);
}

/*
 * What follows makes QEMU 11.1 destroy queue 0 before queue 1, which the kernel
 * refuses; QEMU forgets queue 0 nevertheless.
 */
static void vintf_changed_while_enabled(void)
{
	bring_up(2);
	write32(VINTF_CONFIG(0), EN | 1u << 17 | 0x55u << 1);
}

static void first_queue_moved(void)
{
	bring_up(2);
	set_base(0, pages[1].pa | LOG2SIZE);
}

static void unmapped_ascending(void)
{
	bring_up(2);
	write32(CMDQV_ALLOC_MAP(0), 0);
	write32(CMDQV_ALLOC_MAP(1), 0);
	write32(CMDQV_ALLOC_MAP(0), map_of(0) | ALLOCATED);
	set_base(0, pages[1].pa | LOG2SIZE);
}

static int break_rules(bool last)
{
	const struct {
		const char *name;
		void (*run)(void);
	} list[] = {
		{ "a queue used before its VINTF is enabled", before_vintf },
		{ "a queue enabled without BASE", without_base },
		{ "BASE where no queue can be", bad_bases },
		{ "registers written while all is enabled", while_enabled },
		{ "another VMID and HYP_OWN for the VINTF", vintf_changed },
		{ "queues mapped in the wrong order", mapped_in_any_order },
		{ "queues mapped to other numbers", mapped_elsewhere },
		{ "indices beyond the queue", indices },
		{ "unit and VINTF disabled under running queues", disabled_while_running },
		{ "both apertures, queues that are not there", through_both_apertures },
		{ "errors not acknowledged", errors_not_acknowledged },
	}, list_last[] = {
		{ "the VINTF changed while it is enabled", vintf_changed_while_enabled },
		{ "the first queue moved before the second", first_queue_moved },
		{ "queues unmapped in the wrong order", unmapped_ascending },
	};
	unsigned int i, n = last ? LENGTH(list_last) : LENGTH(list);

	for (i = 0; i < n; i++) {
		printf("%s\n", last ? list_last[i].name : list[i].name);
		fflush(stdout);
		if (last)
			list_last[i].run();
		else
			list[i].run();
	}
	if (!last)
		take_down();
	printf("%u rules broken\n", n);
	return OK;
}

/*
 * Anything
 */

static u64 state;

/* xorshift64*, for the same actions with the same seed */
static u64 draw(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dULL;
}

static u32 below(u32 limit)
{
	return (draw() >> 32) % limit;
}

/* A value that has something to do with queues, more often than not */
static u32 any_value(void)
{
	switch (below(5)) {
	case 0:
		return below(2);
	case 1:
		return below(0x200);
	case 2:
		return 1u << below(32);
	case 3:
		return ~below(0x10000);
	default:
		return draw();
	}
}

static u64 any_base(void)
{
	const u64 at[] = { pages[0].pa, pages[1].pa, 0x40000000, 0x09000000, 0, 1ULL << 47 };
	u64 base = at[below(LENGTH(at))];

	if (!below(4))
		base += (u64)below(64) << 5;
	return base | (below(3) ? LOG2SIZE : below(32));
}

static struct smmu_cmd any_command(void)
{
	const u8 ops[] = { CMD_TLBI_NH_VA, CMD_TLBI_NH_ASID, CMD_ATC_INV, CMD_SYNC,
			   CMD_CFGI_STE, CMD_TLBI_NSNH_ALL, CMD_TLBI_S12_VMALL };
	struct smmu_cmd cmd = { { draw(), draw() } };

	/* Rarely one that is never taken: queues are to run, too */
	if (below(8))
		cmd = cmd_with_vmid(below(2) ? cmd_tlbi_nh_va(below(4), draw()) : cmd_sync(),
				    below(8));
	else if (below(2))
		cmd.w[0] = (cmd.w[0] & ~0xffULL) | ops[below(LENGTH(ops))];
	return cmd;
}

static void fill(unsigned int l)
{
	unsigned int i;

	for (i = 0; i < 1u << LOG2SIZE; i++)
		put(l, i, any_command());
}

static void act(void)
{
	static const u8 page0[] = { PAGE0_CONS, PAGE0_PROD, PAGE0_PROD, PAGE0_PROD,
				    PAGE0_CONFIG, PAGE0_GERRORN };
	u32 l = below(2);

	/* The window is quick, and the rest of the unit is QEMU's, which is not */
	switch (below(32)) {
	case 0 ... 15:
		set_queue(l, page0[below(LENGTH(page0))], any_value());
		break;
	case 16 ... 18:
		/* Anywhere in the window */
		write32(LVCMDQ_PAGE0(0) + below(0x10000 / 4) * 4, any_value());
		break;
	case 19 ... 21:
		fill(l);
		break;
	case 22 ... 23:
		set_base(l, any_base());
		break;
	case 24 ... 25:
		write32(CMDQV_ALLOC_MAP(l), below(2) ? map_of(l) | below(2) : any_value());
		break;
	case 26:
		write32(VINTF_CONFIG(0), any_value());
		break;
	case 27:
		write32(CMDQV_CONFIG, any_value());
		break;
	case 28:
		write32(below(unit.size / 4) * 4, any_value());
		break;
	case 29:
		mmio_write64(unit.regs, below(unit.size / 8) * 8, draw());
		break;
	default:
		bring_up(1 + below(2));
		set_queue(l, PAGE0_PROD, below(1u << LOG2SIZE));
		break;
	}
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static int anything(u64 seed, unsigned int ms)
{
	long long end = now_ms() + ms;
	unsigned int actions;

	state = seed ?: 1;
	/* What does not happen is nothing to wait for */
	patience_ms = 0;
	fill(0);
	fill(1);
	for (actions = 0; now_ms() < end; actions++)
		act();
	printf("%u actions\n", actions);
	return OK;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int ret;

	ret = cmdqv_map(&unit) ?: page_init(&pages[0]) ?: page_init(&pages[1]);
	if (ret || unit.queues < 2) {
		fprintf(stderr, "cmdqv-hostile: no CMDQV to be used: %s\n", strerror(-ret));
		return NO_UNIT;
	}
	if (!strcmp(what, "commands") && argc == 2)
		return send_all();
	if (!strcmp(what, "order") && argc <= 3)
		return break_rules(argc == 3);
	if (!strcmp(what, "random") && argc == 4)
		return anything(strtoull(argv[2], NULL, 0), strtoul(argv[3], NULL, 0));
	fprintf(stderr, "usage: cmdqv-hostile commands | order [last] | random SEED MS\n");
	return USAGE;
}
