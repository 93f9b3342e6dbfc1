/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A CMDQV for KUnit: a register file in memory behind the driver's accessors.
 *
 * It behaves as hardware.md says that the hardware does, in the little that the
 * driver can see: aliasing of the apertures, mapping, handshakes, error maps. After
 * every single access it checks what must hold at every moment, and before every
 * one a hostile VM may do to its window what it likes. So a test need not know at
 * which step something would be wrong.
 */
#ifndef _TEGRA241_CMDQV_TEST_H
#define _TEGRA241_CMDQV_TEST_H

#include <kunit/test.h>

#include "tegra241-cmdqv-vm.h"

#define FAKE_NUM_VINTFS		4
#define FAKE_NUM_VCMDQS		8
#define FAKE_NUM_LVCMDQS	(FAKE_NUM_VCMDQS / FAKE_NUM_VINTFS)
#define FAKE_NUM_SIDS		16
#define FAKE_PARAM		0x4231	/* these, by their log2, and VER 1 */
#define FAKE_BASE_PHYS		0x4200000000ULL

/* When a queue starts that nobody has enabled any more: before BASE is 0, after a flush */
enum fake_start { FAKE_NEVER, FAKE_BEFORE_SCRUB, FAKE_AFTER_FLUSH };

/*
 * struct fake_vcmdq - a VCMDQ
 * @cons: CONS; likewise the other registers
 * @no_enable: does not become enabled
 * @stuck: does not become disabled
 * @slow: so many reads of STATUS until it is disabled
 * @disabling: reads left until then
 * @late_enable: its VM enables it just before it is next unmapped, and it takes so
 *	many reads of STATUS until it is
 * @enabling: reads left until then, whatever is written to CONFIG meanwhile
 * @keeps_cons: CONS does not take what is written
 * @keeps_prod: nor does PROD
 * @keeps_base: nor does BASE
 * @starts_at: its VM's taking back of EN comes to nothing: it runs for a moment, with the
 *	BASE that it has then
 * @ran_on: that BASE
 * @owes_timeout: an ATC_INV times out when the next CMD_SYNC completes
 * @ack_after: so many reads of GERROR until its error has been acknowledged; 0: not at all
 * @want_base: the only BASE that a VM's queue may have while it is mapped
 */
struct fake_vcmdq {
	u32 cons;
	u32 prod;
	u32 config;
	u32 status;
	u32 gerror;
	u32 gerrorn;
	u64 base;
	u64 cons_indx_base;

	bool no_enable;
	bool stuck;
	unsigned int slow;
	unsigned int disabling;
	unsigned int late_enable;
	unsigned int enabling;
	bool keeps_cons;
	bool keeps_prod;
	bool keeps_base;
	bool owes_timeout;
	enum fake_start starts_at;
	u64 ran_on;
	unsigned int ack_after;
	u64 want_base;
};

/*
 * struct fake_vintf - a VINTF
 * @config: CONFIG; likewise the other registers
 * @no_enable: does not become enabled
 * @hides_en: CONFIG reads as if it had not been asked to
 * @no_disable: does not become disabled
 * @keeps_match: writes to SID_MATCH are lost
 * @unflushed: slots that have stopped to match since the last CMD_SYNC completed
 * @used: a queue of it has been mapped since then
 * @want_vmid: the only VMID that it may have while it is enabled; 0: not at all
 * @fenced: it may be disabled with queues mapped
 */
struct fake_vintf {
	u32 config;
	u32 status;
	u32 match[FAKE_NUM_SIDS];
	u32 replace[FAKE_NUM_SIDS];

	bool no_enable;
	bool hides_en;
	bool no_disable;
	bool keeps_match;
	u32 unflushed;
	bool used;
	u16 want_vmid;
	bool fenced;
};

/*
 * struct fake_cmdqv - the unit, and the world around it
 * @test: whose it is
 * @cmdqv: the driver's idea of it
 * @base: where its registers are; NULL: to be learnt from the first access
 * @param: PARAM
 * @config: CONFIG; likewise the other registers
 * @guest: HYP_OWN is wired to 0
 * @stays_on: STATUS does not follow when the unit is turned off
 * @drop_map: writes to this VCMDQ's CMDQ_ALLOC_MAP are lost; -1: none
 * @no_map: this VCMDQ's CMDQ_ALLOC_MAP takes no ALLOCATED; -1: none
 * @no_answer: reads give @answer, whatever is there; writes arrive
 * @answer: all ones, or 0
 * @noise: bits of the error maps that name nothing which exists
 * @hostile: VINTF whose VM writes to its window before each access; 0: none
 * @attacking: it is doing so
 * @at_write: called before each 32-bit write of the driver takes effect; may be NULL
 * @accesses: made by the driver
 * @writes: how many of them were writes
 * @flushes: CMD_SYNCs
 * @flush_ret: their result
 * @flush_fails: so many more of them fail
 * @scheduled: how often another look at the quarantine was asked for
 * @now: the brake's clock, in jiffies
 * @tick_at: when it wants to be called again; ULONG_MAX: not at all
 * @ticks: how often it has been called
 * @map_reads: error maps of VINTFs that the driver has read
 * @interrupts: that the unit has raised
 * @mask_useless: VINTF_INT_MASK has no effect
 * @error_at_unmask: VCMDQ that makes an error just before a VINTF is unmasked; -1:
 *	none
 * @num_smmus: SMMUs that have been made for it, to name them apart
 * @irq_off: the interrupt's line is off
 * @storm_at: when the errors are looked for instead; ULONG_MAX: not at all
 * @looks: how often they have been
 * @mmap_base: physical address of the last window registered
 * @mmap_length: its length
 * @mmap_ret: result of registering
 * @mmap_unmaps: user memory, a page, that goes when the next window is registered
 * @mmaps: windows registered now
 * @events: how many were reported
 * @event: the last one
 * @event_viommu: who got it
 * @event_ret: result of reporting
 */
struct fake_cmdqv {
	struct kunit *test;
	struct tegra241_cmdqv *cmdqv;

	void __iomem *base;
	u32 param;
	u32 config;
	u32 status;
	u32 int_mask[2];
	u32 alloc[FAKE_NUM_VCMDQS];
	struct fake_vcmdq vcmdq[FAKE_NUM_VCMDQS];
	struct fake_vintf vintf[FAKE_NUM_VINTFS];

	bool guest;
	bool stays_on;
	int drop_map;
	int no_map;
	bool no_answer;
	u64 answer;
	u64 noise;

	u16 hostile;
	bool attacking;
	void (*at_write)(struct fake_cmdqv *fake, u32 off, u32 val);

	unsigned int accesses;
	unsigned int writes;
	unsigned int flushes;
	int flush_ret;
	unsigned int flush_fails;
	unsigned int scheduled;

	unsigned long now;
	unsigned long tick_at;
	unsigned int ticks;
	unsigned int map_reads;
	unsigned int interrupts;
	bool mask_useless;
	int error_at_unmask;

	unsigned int num_smmus;
	bool irq_off;
	unsigned long storm_at;
	unsigned int looks;

	phys_addr_t mmap_base;
	size_t mmap_length;
	int mmap_ret;
	unsigned long mmap_unmaps;
	int mmaps;

	unsigned int events;
	struct iommu_vevent_tegra241_cmdqv event;
	struct iommufd_viommu *event_viommu;
	int event_ret;
};

struct fake_cmdqv *fake_cmdqv_create(struct kunit *test);
void fake_cmdqv_check(struct fake_cmdqv *fake);
void fake_cmdqv_interrupt(struct fake_cmdqv *fake, int v);
void fake_cmdqv_pass(struct fake_cmdqv *fake, unsigned long time);
bool fake_cmdqv_masked(struct fake_cmdqv *fake, int v);
extern const struct iommufd_viommu_services fake_services;

#endif /* _TEGRA241_CMDQV_TEST_H */
