/* SPDX-License-Identifier: GPL-2.0-only */
/**
 * DOC: Files, terms and locks of the CMDQV driver
 *
 * NVIDIA Tegra241 CMDQ-Virtualization (CMDQV): registers, how their fields are
 * computed, and the structures of the driver. ::
 *
 *	tegra241-cmdqv-hw.c		register sequences, used by both sides
 *	tegra241-cmdqv.c		host side: discovery, reset, interrupt
 *	tegra241-cmdqv-storm.c		host side: an interrupt that does not stop
 *	tegra241-cmdqv-vintf0.c		host side: VINTF0 and the kernel's queues on
 *					it. The same code is the guest driver inside
 *					a VM.
 *	tegra241-cmdqv-vm.c		VM side: VINTFs that iommufd gives to VMs
 *	tegra241-cmdqv-vm-owners.c	VM side: who has which VINTF
 *	tegra241-cmdqv-vm-errors.c	VM side: errors of their queues
 *	tegra241-cmdqv-vm-brake.c	VM side: a bound on interrupts for them
 *	tegra241-cmdqv-quarantine.c	hardware of the VM side that would not stop
 *	tegra241-cmdqv-debugfs.c	what an administrator sees of the unit
 *	tegra241-cmdqv-vm-debugfs.c	what an administrator sees of VMs
 *
 * Terms: a VCMDQ is a physical queue with a global number. A VINTF is an
 * interface that owns VCMDQs, each under a logical number: an LVCMDQ. The
 * registers of a VCMDQ are seen through the direct aperture under its global
 * number, by the host alone, and through the logical aperture of its VINTF while
 * it is mapped (CMDQ_ALLOC_MAP.ALLOCATED). Page 0 of the logical aperture is
 * what a VM gets.
 *
 * Lock order, outermost first; see also linux/iommufd_viommu.h::
 *
 *	iommufd's queue lock of a vIOMMU -> tegra241_cmdqv::vm_gate ->
 *	tegra241_quarantine::lock -> tegra241_vm_owners::lock
 *	tegra241_vm_errors::lock of one VINTF -> what services->report_event() takes
 *	tegra241_vm_errors::lock of one VINTF, those of the first lines ->
 *	tegra241_vm_brake::lock
 *	iommufd_viommu::vdevs_rwsem -> tegra241_quarantine::lock
 *	those of the first lines, iommufd_viommu::vdevs_rwsem -> tegra241_view::lock
 *
 * Under tegra241_vm_brake::lock and tegra241_view::lock no other is taken. The interrupt
 * thread takes those of the second and third line. A guest that works on its queues, its
 * VMM that passes invalidations on and reads events, take none that another VM's do.
 */
#ifndef _TEGRA241_CMDQV_H
#define _TEGRA241_CMDQV_H

#include <linux/bitfield.h>
#include <linux/bitmap.h>
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/hashtable.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>

#include "arm-smmu-v3.h"

/*
 * Address map of the MEM resource
 */
#define TEGRA241_CMDQV_CONFIG_PAGE	0x00000
#define TEGRA241_VCMDQ_PAGE0		0x10000	/* direct aperture */
#define TEGRA241_VCMDQ_PAGE1		0x20000
#define TEGRA241_VINTF_PAGES		0x30000	/* logical apertures */
#define TEGRA241_VINTF_PAGES_STRIDE	SZ_128K
#define TEGRA241_VINTF_PAGE_SIZE	SZ_64K
#define TEGRA241_VCMDQ_STRIDE		0x80

/*
 * Global registers
 */
#define TEGRA241_CMDQV_CONFIG		0x0000
#define  CMDQV_EN			BIT(0)

#define TEGRA241_CMDQV_PARAM		0x0004
#define  CMDQV_NUM_SID_PER_VM_LOG2	GENMASK(15, 12)
#define  CMDQV_NUM_VINTF_LOG2		GENMASK(11, 8)
#define  CMDQV_NUM_VCMDQ_LOG2		GENMASK(7, 4)
#define  CMDQV_VER			GENMASK(3, 0)

#define TEGRA241_CMDQV_STATUS		0x0008
#define  CMDQV_ENABLED			BIT(0)

#define TEGRA241_CMDQV_VINTF_ERR_MAP	0x0014
#define TEGRA241_CMDQV_VINTF_INT_MASK(m) (0x001C + 0x4 * (m))
#define TEGRA241_CMDQV_CMDQ_ERR_MAP(m)	(0x0024 + 0x4 * (m))

#define TEGRA241_CMDQV_CMDQ_ALLOC_MAP(q) (0x0200 + 0x4 * (q))
#define  CMDQV_CMDQ_ALLOC_VINTF		GENMASK(20, 15)
#define  CMDQV_CMDQ_ALLOC_LVCMDQ	GENMASK(7, 1)
#define  CMDQV_CMDQ_ALLOCATED		BIT(0)
#define  CMDQV_CMDQ_ALLOC_MASK		(CMDQV_CMDQ_ALLOC_VINTF | \
					 CMDQV_CMDQ_ALLOC_LVCMDQ | \
					 CMDQV_CMDQ_ALLOCATED)

/*
 * Registers of a VINTF
 */
#define TEGRA241_VINTF(v)		(0x1000 + 0x100 * (v))

#define TEGRA241_VINTF_CONFIG		0x0000
#define  VINTF_HYP_OWN			BIT(17)
#define  VINTF_VMID			GENMASK(16, 1)
#define  VINTF_EN			BIT(0)

#define TEGRA241_VINTF_STATUS		0x0004
#define  VINTF_STATUS			GENMASK(3, 1)
#define  VINTF_ENABLED			BIT(0)

#define TEGRA241_VINTF_SID_MATCH(s)	(0x0040 + 0x4 * (s))
#define  VINTF_SID_MATCH_VIRT_SID	GENMASK(20, 1)
#define  VINTF_SID_MATCH_EN		BIT(0)

#define TEGRA241_VINTF_SID_REPLACE(s)	(0x0080 + 0x4 * (s))
#define  VINTF_SID_REPLACE_PHYS_SID	GENMASK(19, 0)

#define TEGRA241_VINTF_LVCMDQ_ERR_MAP_64(m) (0x00C0 + 0x8 * (m))
#define  LVCMDQ_ERR_MAP_NUM_64		2

/*
 * Registers of a VCMDQ. Page 0, which a VM can map:
 */
#define TEGRA241_VCMDQ_CONS		0x0000
#define  VCMDQ_CONS_ERR			GENMASK(30, 24)

#define TEGRA241_VCMDQ_PROD		0x0004
/* CONS.RD and PROD.WR, with the wrap bit that is just above LOG2SIZE */
#define  VCMDQ_INDEX			GENMASK(19, 0)

#define TEGRA241_VCMDQ_CONFIG		0x0008
#define  VCMDQ_EN			BIT(0)

#define TEGRA241_VCMDQ_STATUS		0x000C
#define  VCMDQ_ENABLED			BIT(0)

#define TEGRA241_VCMDQ_GERROR		0x0010
#define TEGRA241_VCMDQ_GERRORN		0x0014
#define  VCMDQ_GERROR_MASK		GENMASK(2, 0)

/* Page 1, the host's alone: */
#define TEGRA241_VCMDQ_BASE		0x0000
#define  VCMDQ_ADDR			GENMASK_ULL(47, 5)
#define  VCMDQ_LOG2SIZE			GENMASK_ULL(4, 0)

#define TEGRA241_VCMDQ_CONS_INDX_BASE	0x0008

/* What the layout above has room for */
#define TEGRA241_MAX_VINTFS		64	/* CMDQ_ALLOC_MAP.VINTF */
#define TEGRA241_MAX_VCMDQS		128	/* CMDQ_ALLOC_MAP.LVCMDQ, ERR_MAPs */
#define TEGRA241_MAX_SIDS		16U	/* SID_MATCH below SID_REPLACE */
#define TEGRA241_ALL_SIDS		GENMASK(TEGRA241_MAX_SIDS - 1, 0)

#define TEGRA241_VCMDQ_MIN_LENGTH	(2ULL << CMDQ_ENT_SZ_SHIFT)

/*
 * Geometry: offsets in the MEM resource
 */

/* Page 0 of the logical aperture of VINTF @v: the window of a VM */
static inline u32 tegra241_vintf_window(u16 v)
{
	return TEGRA241_VINTF_PAGES + TEGRA241_VINTF_PAGES_STRIDE * v;
}

static inline u32 tegra241_vcmdq_page0(u16 q)
{
	return TEGRA241_VCMDQ_PAGE0 + TEGRA241_VCMDQ_STRIDE * q;
}

static inline u32 tegra241_vcmdq_page1(u16 q)
{
	return TEGRA241_VCMDQ_PAGE1 + TEGRA241_VCMDQ_STRIDE * q;
}

static inline u32 tegra241_lvcmdq_page0(u16 v, u16 l)
{
	return tegra241_vintf_window(v) + TEGRA241_VCMDQ_STRIDE * l;
}

static inline u32 tegra241_lvcmdq_page1(u16 v, u16 l)
{
	return tegra241_lvcmdq_page0(v, l) + TEGRA241_VINTF_PAGE_SIZE;
}

/* Bytes of the MEM resource that a unit with @num_vintfs VINTFs occupies */
static inline u64 tegra241_cmdqv_resource_size(u16 num_vintfs)
{
	return tegra241_vintf_window(num_vintfs);
}

/*
 * Encodings
 */

/* CMDQ_ALLOC_MAP that names LVCMDQ @l of VINTF @v, not ALLOCATED */
static inline u32 tegra241_alloc_map(u16 v, u16 l)
{
	return FIELD_PREP(CMDQV_CMDQ_ALLOC_VINTF, v) |
	       FIELD_PREP(CMDQV_CMDQ_ALLOC_LVCMDQ, l);
}

static inline u32 tegra241_sid_match(u32 virt_sid)
{
	return FIELD_PREP(VINTF_SID_MATCH_VIRT_SID, virt_sid) |
	       VINTF_SID_MATCH_EN;
}

/* Whether @sid fits the 20 bits that both SID registers have for a StreamID */
static inline bool tegra241_sid_valid(u64 sid)
{
	return sid <= FIELD_MAX(VINTF_SID_REPLACE_PHYS_SID);
}

/* What no register reads as: each has bits that are 0. The bus answers nobody. */
#define TEGRA241_NO_ANSWER		(~0U)

/**
 * struct tegra241_cmdqv_param - what CMDQV_PARAM says
 * @reg: the register itself, which never changes
 * @version: CMDQV_PARAM.VER
 * @num_vintfs: VINTFs, VINTF0 included; 1 to 64
 * @num_vcmdqs: VCMDQs, 1 to 128
 * @num_lvcmdqs_per_vintf: VCMDQs that the driver gives to each VINTF, at least 1.
 *	The split is static: LVCMDQ l of VINTF v is VCMDQ v * this + l. The
 *	hardware would take any other (hardware.md §3).
 * @num_sids_per_vintf: SID slots of each VINTF, 1 to 16
 */
struct tegra241_cmdqv_param {
	u32 reg;
	u8 version;
	u16 num_vintfs;
	u16 num_vcmdqs;
	u16 num_lvcmdqs_per_vintf;
	u16 num_sids_per_vintf;
};

/**
 * tegra241_cmdqv_decode_param() - decode and validate CMDQV_PARAM
 * @reg: the register
 * @resource_size: bytes of the MEM resource
 * @param: filled in on success
 *
 * Return: 0, or -EINVAL if the counts do not fit the registers, leave a VINTF
 * without a queue, or need more room than the resource has.
 */
static inline int
tegra241_cmdqv_decode_param(u32 reg, u64 resource_size,
			    struct tegra241_cmdqv_param *param)
{
	u32 num_vintfs = 1U << FIELD_GET(CMDQV_NUM_VINTF_LOG2, reg);
	u32 num_vcmdqs = 1U << FIELD_GET(CMDQV_NUM_VCMDQ_LOG2, reg);
	u32 num_sids = 1U << FIELD_GET(CMDQV_NUM_SID_PER_VM_LOG2, reg);

	if (num_vintfs > TEGRA241_MAX_VINTFS ||
	    num_vcmdqs > TEGRA241_MAX_VCMDQS)
		return -EINVAL;
	if (num_vcmdqs < num_vintfs)
		return -EINVAL;
	if (resource_size < tegra241_cmdqv_resource_size(num_vintfs))
		return -EINVAL;

	*param = (struct tegra241_cmdqv_param){
		.reg = reg,
		.version = FIELD_GET(CMDQV_VER, reg),
		.num_vintfs = num_vintfs,
		.num_vcmdqs = num_vcmdqs,
		.num_lvcmdqs_per_vintf = num_vcmdqs / num_vintfs,
		/* If there are more nobody knows where, and none has to be used */
		.num_sids_per_vintf = min(num_sids, TEGRA241_MAX_SIDS),
	};
	return 0;
}

/**
 * tegra241_vcmdq_length_valid() - whether a queue can have this length
 * @length: bytes
 * @max_log2_entries: SMMU_IDR1.CMDQS
 *
 * Return: true if it is a power of two from 32 bytes to what the SMMU can have.
 */
static inline bool tegra241_vcmdq_length_valid(u64 length, u32 max_log2_entries)
{
	return length >= TEGRA241_VCMDQ_MIN_LENGTH &&
	       !(length & (length - 1)) &&
	       length <= 1ULL << (max_log2_entries + CMDQ_ENT_SZ_SHIFT);
}

/**
 * tegra241_vcmdq_base() - VCMDQ_BASE for a queue
 * @pa: physical address of the queue
 * @length: bytes, valid by tegra241_vcmdq_length_valid()
 * @base: the register's value on success
 *
 * Return: 0, or -EINVAL if @pa is not aligned to @length or has bits that the
 * register would drop.
 */
static inline int tegra241_vcmdq_base(u64 pa, u64 length, u64 *base)
{
	if (pa & ~VCMDQ_ADDR || pa & (length - 1))
		return -EINVAL;
	*base = pa | FIELD_PREP(VCMDQ_LOG2SIZE,
				ilog2(length) - CMDQ_ENT_SZ_SHIFT);
	return 0;
}

/*
 * Register access. KUnit puts a register file of its own behind these; without
 * KUnit they are the plain accessors. The ones of a running queue (PROD, CONS)
 * belong to arm-smmu-v3.c and do not come through here.
 */
#if IS_ENABLED(CONFIG_KUNIT)
u32 tegra241_readl(const void __iomem *reg);
u64 tegra241_readq(const void __iomem *reg);
void tegra241_writel(u32 val, void __iomem *reg);
void tegra241_writeq(u64 val, void __iomem *reg);
#else
static inline u32 tegra241_readl(const void __iomem *reg)
{
	return readl(reg);
}

static inline u64 tegra241_readq(const void __iomem *reg)
{
	return readq(reg);
}

static inline void tegra241_writel(u32 val, void __iomem *reg)
{
	writel(val, reg);
}

static inline void tegra241_writeq(u64 val, void __iomem *reg)
{
	writeq(val, reg);
}
#endif

struct tegra241_cmdqv;

/**
 * struct tegra241_vcmdq - a VCMDQ as registers
 * @cmdqv: the unit
 * @idx: global number
 * @vintf_idx: VINTF that it belongs to by the static split
 * @lidx: logical number there
 * @page0: its registers of page 0, in the direct or the logical aperture
 * @page1: its registers of page 1, in the same aperture as @page0
 *
 * A handle without state: who may use the registers, and when, is the business
 * of the structure that it is embedded in.
 */
struct tegra241_vcmdq {
	struct tegra241_cmdqv *cmdqv;
	u16 idx;
	u16 vintf_idx;
	u16 lidx;

	void __iomem *page0;
	void __iomem *page1;
};

/**
 * struct tegra241_vintf - a VINTF as registers
 * @cmdqv: the unit
 * @idx: its number
 * @base: its configuration registers
 */
struct tegra241_vintf {
	struct tegra241_cmdqv *cmdqv;
	u16 idx;

	void __iomem *base;
};

/**
 * enum tegra241_host_vcmdq_state - whether the kernel may use a queue of its own
 * @TEGRA241_HOST_VCMDQ_OFF: no: not set up
 * @TEGRA241_HOST_VCMDQ_ON: yes
 * @TEGRA241_HOST_VCMDQ_WAITS: not now: it stands at an error that the interrupt has not
 *	seen to yet
 * @TEGRA241_HOST_VCMDQ_LEFT: no, for good: it does not execute, and was told to stop
 *
 * Setting up and taking down write it, to OFF and ON; in between it goes from ON to WAITS
 * and back, and from either to LEFT, by cmpxchg(), whoever finds that it has to.
 */
enum tegra241_host_vcmdq_state {
	TEGRA241_HOST_VCMDQ_OFF,
	TEGRA241_HOST_VCMDQ_ON,
	TEGRA241_HOST_VCMDQ_WAITS,
	TEGRA241_HOST_VCMDQ_LEFT,
};

/**
 * struct tegra241_host_vcmdq - a queue of the kernel's own, on VINTF0
 * @hw: through the logical aperture: that is where a hypervisor lets a guest
 *	kernel reach its queue without an exit
 * @state: read by tegra241_vintf0_get_cmdq() without a lock
 * @handled_at: where it stood at the last error that the interrupt has seen to, if seeing
 *	to it once is enough; Q_NO_ANSWER: nowhere
 * @cmdq: the queue as arm-smmu-v3.c uses it
 *
 * Lives from init_structures to device_remove; its queue memory is devres of the
 * SMMU's device and goes last.
 */
struct tegra241_host_vcmdq {
	struct tegra241_vcmdq hw;
	enum tegra241_host_vcmdq_state state;
	u32 handled_at;
	struct arm_smmu_cmdq cmdq;
};

/**
 * struct tegra241_host_vintf - VINTF0
 * @hw: VINTF0
 * @enabled: the hardware takes commands; as in struct tegra241_host_vcmdq
 * @hyp_own: this kernel is the hypervisor; valid when @role_known
 * @role_known: the hardware has been asked; stays so, written with release semantics
 * @errors: errors that its queues have had; the interrupt thread's alone
 * @lvcmdqs: its queues by logical number. Filled in ascending order with release
 *	semantics: the interrupt thread may already look.
 *
 * Lives from init_structures to device_remove.
 */
struct tegra241_host_vintf {
	struct tegra241_vintf hw;
	bool enabled;
	bool hyp_own;
	bool role_known;
	u64 errors;
	struct tegra241_host_vcmdq *lvcmdqs[];
};

struct dentry;
struct tegra241_vm_vcmdq;
struct tegra241_vm_vintf;

/**
 * struct tegra241_vm_share - VINTFs that count against one user and one device
 * @node: in tegra241_vm_owners::shares
 * @dev: the device, which each of the VINTFs references
 * @user: the user
 * @num: how many there are; not 0
 *
 * All are protected by tegra241_vm_owners::lock.
 */
struct tegra241_vm_share {
	struct hlist_node node;
	struct device *dev;
	kuid_t user;
	unsigned int num;
};

/**
 * struct tegra241_vm_owners - who has which VINTF
 * @lock: protects all below, and what struct tegra241_vm_vintf says it does
 * @suspect: VINTFs of which something did not follow when a VM last wanted it, taken or
 *	not: a VM gets one only if there is no other
 * @taken: VINTFs that VMs have, that are fenced, or that could not be reset, by number;
 *	VINTF0 is the host's
 * @aside: of these the ones that could not be reset and are nobody's
 * @vintfs: the others
 * @shares: who has how many, so that nobody has to count them
 * @shares_used: those of @all_shares that are in there
 * @all_shares: as many as there could ever be
 */
struct tegra241_vm_owners {
	struct mutex lock; /* protects all below */
	DECLARE_BITMAP(suspect, TEGRA241_MAX_VINTFS);
	DECLARE_BITMAP(taken, TEGRA241_MAX_VINTFS);
	DECLARE_BITMAP(aside, TEGRA241_MAX_VINTFS);
	struct list_head vintfs;
	DECLARE_HASHTABLE(shares, 6);
	DECLARE_BITMAP(shares_used, TEGRA241_MAX_VINTFS);
	struct tegra241_vm_share all_shares[TEGRA241_MAX_VINTFS];
};

/**
 * struct tegra241_vm_rate - how often something interrupts
 * @since: when the current stretch of time began, in jiffies
 * @num: interrupts since
 * @until: until then it is polled, if it is; protected by tegra241_vm_brake::lock
 * @interrupts: in all
 * @brakes: how often it had to be polled, in all
 */
struct tegra241_vm_rate {
	unsigned long since;
	unsigned int num;
	unsigned long until;
	u64 interrupts;
	u64 brakes;
};

/**
 * struct tegra241_vm_errors - what the VM that has a VINTF hears of errors of its queues
 * @lock: protects all below, and what struct tegra241_vm_vintf says it does. The
 *	interrupt thread, or a poll, holds it for as long as it uses @vintf: two reads of
 *	the error map, two more for each queue with an error, and one event. No VM waits
 *	for it because of another one. It is no mutex because a user's task that is
 *	preempted with it would hold the interrupt thread up, which looks after all
 *	others as well; and it is a fair lock, so interrupts that a VM makes without end
 *	don't keep its vIOMMU from ending, as synchronize_irq() would let them.
 * @vintf: the VINTF of a living vIOMMU, from when vsmmu_init can't fail any more until
 *	before anything of it ends; else NULL
 * @rate: the VINTF's interrupts, whoever has it
 */
struct tegra241_vm_errors {
	spinlock_t lock; /* protects all below */
	struct tegra241_vm_vintf *vintf;
	struct tegra241_vm_rate rate;
};

/* In tegra241_vm_brake::polled, where VINTF0 has no use for its bit */
#define TEGRA241_VM_BRAKE_ALL	BIT_ULL(0)

/**
 * struct tegra241_vm_brake - VINTFs that must not interrupt for a while
 * @lock: protects all below but @work; @int_mask may be read without it. Held for no
 *	more than two writes to the unit; no VMM's task takes it while its queues work.
 * @int_mask: VINTF_INT_MASK
 * @polled: VINTFs whose error maps are polled; TEGRA241_VM_BRAKE_ALL: all VMs' are
 * @held: VINTFs without a vIOMMU that are not free
 * @stopped: nothing is masked any more
 * @useless: masking has no effect, so nothing more is polled until the interrupt has been
 *	off for a while
 * @rate: interrupts that VINTF0 does not explain
 * @work: the next poll; pending or running while @polled is not 0
 */
struct tegra241_vm_brake {
	spinlock_t lock; /* protects all below but work */
	u64 int_mask;
	u64 polled;
	u64 held;
	bool stopped;
	bool useless;
	struct tegra241_vm_rate rate;
	struct delayed_work work;
};

/**
 * struct tegra241_quarantine - hardware of VMs that would not stop
 * @lock: protects all below, and what struct tegra241_vm_vintf says it does
 * @vintfs: fenced VINTFs with something left to stop
 * @work: looks at them again
 * @delay: until the next look, in jiffies
 * @looks: how many there have been; read without @lock by who wants another one
 */
struct tegra241_quarantine {
	struct mutex lock; /* protects all below */
	struct list_head vintfs;
	struct delayed_work work;
	unsigned long delay;
	unsigned int looks;
};

/**
 * struct tegra241_storm - whether the interrupt has to be off for a while
 * @since: when the current stretch of time began, in jiffies
 * @num: interrupts since; both are the interrupt thread's alone while it is on
 * @off: it is off, and @work looks instead
 * @until: how long, in jiffies
 * @time: for how long it was off the last time
 * @stopped: there is nothing to be looked at yet, or any more
 * @work: the next look; pending or running while @off
 */
struct tegra241_storm {
	unsigned long since;
	unsigned int num;
	bool off;
	unsigned long until;
	unsigned long time;
	bool stopped;
	struct delayed_work work;
};

#ifdef CONFIG_DEBUG_FS
/**
 * struct tegra241_smmu_ids - what never changes of the SMMU's registers
 * @iidr: SMMU_IIDR
 * @aidr: SMMU_AIDR
 * @idr0: SMMU_IDR0
 * @idr1: SMMU_IDR1
 * @idr3: SMMU_IDR3
 * @idr5: SMMU_IDR5
 */
struct tegra241_smmu_ids {
	u32 iidr;
	u32 aidr;
	u32 idr0;
	u32 idr1;
	u32 idr3;
	u32 idr5;
};

/**
 * struct tegra241_view - what debugfs shows of hardware that may come and go
 * @lock: protects all below but @dir, and what struct tegra241_vm_vintf and struct
 *	tegra241_vm_vcmdq say it does. Who reads registers holds it for those of one
 *	VINTF, one VCMDQ or one SID slot at most, so that they are of one owner.
 * @readable: the unit is enabled, so registers of VINTFs and VCMDQs can be read
 * @vm_vcmdqs: VMs' queues by global number: an entry is there from just before the
 *	queue is mapped until it is known to have stopped
 * @dir: the unit's directory in debugfs; set while it is probed and removed first
 * @smmu_ids: The SMMU's registers are mapped later than the files come, and not any more
 *	when they go, so nobody else reads them.
 * @smmu_known: @smmu_ids and the SMMU's features are there; written with release
 *	semantics
 */
struct tegra241_view {
	spinlock_t lock; /* protects all below */
	bool readable;
	struct tegra241_vm_vcmdq *vm_vcmdqs[TEGRA241_MAX_VCMDQS];
	struct dentry *dir;
	struct tegra241_smmu_ids smmu_ids;
	bool smmu_known;
};
#endif

/**
 * struct tegra241_cmdqv - the unit
 * @smmu: the SMMU that it serves; first, since it replaces what the SMMU driver
 *	has allocated for itself
 * @dev: the ACPI device, referenced
 * @base: all registers
 * @base_phys: physical address of @base
 * @size: bytes there
 * @irq: error interrupt; none if not positive
 * @interrupts: how often it has come; the interrupt thread's alone
 * @param: what the hardware has
 * @max_log2_entries: SMMU_IDR1.CMDQS, what VCMDQ_BASE.LOG2SIZE can be at most
 * @running: CMDQV_CONFIG.EN was set by this driver
 * @lost: PARAM has read as something else than it is: nothing that the unit says is
 *	believed any more, and nothing waited for. Set once, in any context.
 * @storm: whether the interrupt is off
 * @vintf0: the kernel's own VINTF. Published with release semantics, read by the
 *	interrupt thread.
 * @unflushed: VCMDQs of the VM side that have stopped, but whose late ATC timeouts
 *	could not be flushed: not to be enabled before that. A bit is touched only
 *	under the queue lock of the vIOMMU that the VCMDQ's VINTF belongs to, or
 *	under tegra241_quarantine::lock.
 * @vm_gate: Held for reading by who sets something of a VM up in the unit, from the
 *	look at tegra241_cmdqv_vm_usable() until it is there or has been undone. Who
 *	stops the unit takes it for writing when VINTF0 is out of use, and then knows
 *	that nobody does so any more. User space is never waited for under it. What
 *	does not sleep has rcu_read_lock() instead.
 * @vm_owners: who has which of them
 * @vm_errors: what VMs hear of errors of their queues, by number of the VINTF
 * @vm_brake: which of them are polled instead of interrupting
 * @quarantine: VINTFs that wait for their hardware
 * @view: what debugfs shows of all this
 *
 * Lives from probe to device_remove, which comes after the last vIOMMU.
 */
struct tegra241_cmdqv {
	struct arm_smmu_device smmu;
	struct device *dev;

	void __iomem *base;
	phys_addr_t base_phys;
	resource_size_t size;
	int irq;
	u64 interrupts;

	struct tegra241_cmdqv_param param;
	u32 max_log2_entries;
	bool running;
	bool lost;
	struct tegra241_storm storm;

	struct tegra241_host_vintf *vintf0;

	DECLARE_BITMAP(unflushed, TEGRA241_MAX_VCMDQS);
	struct rw_semaphore vm_gate;
	struct tegra241_vm_owners vm_owners;
	struct tegra241_vm_errors *vm_errors;
	struct tegra241_vm_brake vm_brake;
	struct tegra241_quarantine quarantine;
#ifdef CONFIG_DEBUG_FS
	struct tegra241_view view;
#endif
};

static inline struct tegra241_cmdqv *to_cmdqv(struct arm_smmu_device *smmu)
{
	return container_of(smmu, struct tegra241_cmdqv, smmu);
}

/* tegra241-cmdqv-hw.c */
bool tegra241_cmdqv_alive(struct tegra241_cmdqv *cmdqv);
int tegra241_cmdqv_write_config(struct tegra241_cmdqv *cmdqv, u32 val);
int tegra241_cmdqv_flush(struct tegra241_cmdqv *cmdqv);

void tegra241_vcmdq_init_direct(struct tegra241_vcmdq *vcmdq,
				struct tegra241_cmdqv *cmdqv, u16 idx);
void tegra241_vcmdq_init_logical(struct tegra241_vcmdq *vcmdq,
				 struct tegra241_cmdqv *cmdqv, u16 v, u16 l);
int tegra241_vcmdq_place(struct tegra241_vcmdq *vcmdq);
int tegra241_vcmdq_map(struct tegra241_vcmdq *vcmdq);
int tegra241_vcmdq_unmap(struct tegra241_vcmdq *vcmdq);
int tegra241_vcmdq_write_config(struct tegra241_vcmdq *vcmdq, u32 val);
int tegra241_vcmdq_disable(struct tegra241_vcmdq *vcmdq, bool patient);
void tegra241_vcmdq_ask_to_stop(struct tegra241_vcmdq *vcmdq);
void tegra241_vcmdq_await_enabling(struct tegra241_vcmdq *vcmdq);
void tegra241_vcmdq_forget_memory(struct tegra241_vcmdq *vcmdq);
bool tegra241_vcmdq_forget_user(struct tegra241_vcmdq *vcmdq);
bool tegra241_vcmdq_scrub(struct tegra241_vcmdq *vcmdq);
int tegra241_vcmdq_verify_stopped(struct tegra241_vcmdq *vcmdq);
int tegra241_vcmdq_verify_empty(struct tegra241_vcmdq *vcmdq);

void tegra241_vintf_init(struct tegra241_vintf *vintf,
			 struct tegra241_cmdqv *cmdqv, u16 idx);
int tegra241_vintf_enable(struct tegra241_vintf *vintf, u32 config);
int tegra241_vintf_disable(struct tegra241_vintf *vintf, u32 config);
int tegra241_vintf_disable_any(struct tegra241_vintf *vintf, bool patient);
int tegra241_vintf_scrub(struct tegra241_vintf *vintf, unsigned long slots);
void tegra241_vintf_read_err_map(struct tegra241_vintf *vintf,
				 unsigned long *map);
void tegra241_vintf_set_sid(struct tegra241_vintf *vintf, u16 slot,
			    u32 virt_sid, u32 phys_sid);
int tegra241_vintf_unmatch_sid(struct tegra241_vintf *vintf, u16 slot);
void tegra241_vintf_clear_sid(struct tegra241_vintf *vintf, u16 slot);

/* tegra241-cmdqv-vintf0.c */
int tegra241_vintf0_alloc(struct tegra241_cmdqv *cmdqv);
void tegra241_vintf0_free(struct tegra241_cmdqv *cmdqv);
int tegra241_vintf0_hw_init(struct tegra241_host_vintf *vintf);
void tegra241_vintf0_hw_deinit(struct tegra241_host_vintf *vintf);
void tegra241_vintf0_handle_error(struct tegra241_host_vintf *vintf);
void tegra241_vintf0_cmdq_failed(struct arm_smmu_device *smmu,
				 struct arm_smmu_cmdq *cmdq, u32 cons);
bool tegra241_vintf0_cmdq_at_zero(struct arm_smmu_device *smmu,
				  struct arm_smmu_cmdq *cmdq);
struct arm_smmu_cmdq *tegra241_vintf0_get_cmdq(struct arm_smmu_device *smmu,
					       struct arm_smmu_cmdq_ent *ent);
extern bool tegra241_bypass_vcmdq;

/* tegra241-cmdqv-storm.c */
void tegra241_storm_init(struct tegra241_cmdqv *cmdqv);
void tegra241_storm_begin(struct tegra241_cmdqv *cmdqv);
void tegra241_storm_count(struct tegra241_cmdqv *cmdqv);
void tegra241_storm_start(struct tegra241_cmdqv *cmdqv);
void tegra241_storm_stop(struct tegra241_cmdqv *cmdqv);
#if IS_ENABLED(CONFIG_KUNIT)
unsigned long tegra241_storm_now(void);
void tegra241_storm_irq(struct tegra241_cmdqv *cmdqv, bool on);
void tegra241_storm_schedule(struct tegra241_cmdqv *cmdqv);
void tegra241_storm_tick(struct tegra241_cmdqv *cmdqv);
#endif

/* tegra241-cmdqv-debugfs.c */
#ifdef CONFIG_DEBUG_FS
struct seq_file;

/**
 * struct tegra241_vcmdq_regs - registers of a queue as they were read
 * @alloc: CMDQ_ALLOC_MAP
 * @base: VCMDQ_BASE
 * @prod: VCMDQ_PROD
 * @cons: VCMDQ_CONS
 * @config: VCMDQ_CONFIG
 * @status: VCMDQ_STATUS
 * @gerror: VCMDQ_GERROR
 * @gerrorn: VCMDQ_GERRORN
 */
struct tegra241_vcmdq_regs {
	u32 alloc;
	u64 base;
	u32 prod;
	u32 cons;
	u32 config;
	u32 status;
	u32 gerror;
	u32 gerrorn;
};

void tegra241_view_init(struct tegra241_cmdqv *cmdqv);
void tegra241_view_smmu(struct tegra241_cmdqv *cmdqv);
void tegra241_view_readable(struct tegra241_cmdqv *cmdqv, bool readable);
void tegra241_view_show_vintf_regs(struct seq_file *m,
				   struct tegra241_vintf *vintf);
void tegra241_vintfs_show_host(struct seq_file *m,
			       struct tegra241_cmdqv *cmdqv);
void tegra241_view_read_vcmdq(struct tegra241_vcmdq *vcmdq,
			      struct tegra241_vcmdq_regs *regs);
void tegra241_view_show_vcmdq(struct seq_file *m,
			      const struct tegra241_vcmdq *vcmdq,
			      const char *owner,
			      const struct tegra241_vcmdq_regs *regs);
void tegra241_debugfs_add(struct tegra241_cmdqv *cmdqv);
void tegra241_debugfs_remove(struct tegra241_cmdqv *cmdqv);
#if IS_ENABLED(CONFIG_KUNIT)
int tegra241_unit_show(struct seq_file *m, void *v);
int tegra241_vintfs_show(struct seq_file *m, void *v);
int tegra241_vcmdqs_show(struct seq_file *m, void *v);
int tegra241_sids_show(struct seq_file *m, void *v);
#endif
#else
static inline void tegra241_view_init(struct tegra241_cmdqv *cmdqv)
{
}

static inline void tegra241_view_smmu(struct tegra241_cmdqv *cmdqv)
{
}

static inline void tegra241_view_readable(struct tegra241_cmdqv *cmdqv,
					  bool readable)
{
}

static inline void tegra241_debugfs_add(struct tegra241_cmdqv *cmdqv)
{
}

static inline void tegra241_debugfs_remove(struct tegra241_cmdqv *cmdqv)
{
}
#endif

/* tegra241-cmdqv.c */
void tegra241_cmdqv_look(struct tegra241_cmdqv *cmdqv);
#if IS_ENABLED(CONFIG_KUNIT)
extern const struct arm_smmu_impl_ops tegra241_cmdqv_init_ops;
extern const struct arm_smmu_impl_ops tegra241_cmdqv_impl_ops;
irqreturn_t tegra241_cmdqv_isr(int irq, void *devid);
int tegra241_cmdqv_setup(struct arm_smmu_device **smmu,
			 const struct resource *mem, int irq);
#endif

#endif /* _TEGRA241_CMDQV_H */
