/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tegra241 CMDQV: a model of NVIDIA Grace's command queue virtualization unit
 *
 * Plain C11, no dependency beside the C library. The unit sits between
 * software and an SMMUv3: it fetches 16-byte SMMU commands from queues in
 * memory, filters and rewrites those of virtual machines and hands the result
 * to the SMMU. The model knows nothing of the board around it: everything
 * outside the unit is reached through struct cmdqv_bench (the narrow waist).
 *
 * The rules come from public material only; no TRM is public. Statements that
 * nobody has made in public are assumptions of this model, listed in README.md
 * and marked "assumption" in the code. Where hardware could do several things
 * the model does the one that is worst for a careless driver, and says so.
 *
 * Concurrency: one instance must not be entered by two threads at once, and
 * no bench callback may call back into the model. In QEMU the big lock does.
 */
#ifndef CMDQV_MODEL_H
#define CMDQV_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Limits of the register layout; the configuration chooses within them */
#define CMDQV_MAX_LOG2_VINTFS		6
#define CMDQV_MAX_LOG2_VCMDQS		7
#define CMDQV_MAX_LOG2_SIDS		4
#define CMDQV_MAX_LOG2SIZE		19
#define CMDQV_MAX_VINTFS		(1u << CMDQV_MAX_LOG2_VINTFS)
#define CMDQV_MAX_VCMDQS		(1u << CMDQV_MAX_LOG2_VCMDQS)
#define CMDQV_MAX_SIDS			(1u << CMDQV_MAX_LOG2_SIDS)

/* In place of a VINTF, VCMDQ or LVCMDQ number: there is none */
#define CMDQV_NONE			0xffffu

/* Command error codes: what CONS.ERR of a queue shows */
enum cmdqv_cerror {
	CMDQV_CERROR_NONE = 0,
	CMDQV_CERROR_ILL = 1,		/* illegal opcode or field */
	CMDQV_CERROR_ABT = 2,		/* abort while fetching the command */
	CMDQV_CERROR_ATC_INV_SYNC = 3,	/* an ATC_INV timed out */
	CMDQV_CERROR_ILL_ACCESS = 4,	/* ATC_INV for a StreamID not given */
};

/* What registers that the public material calls unknown hold after reset */
enum cmdqv_reset_pattern {
	/* all zero: kind to software */
	CMDQV_RESET_ZERO,
	/*
	 * Every field is pseudo-random (from reset_seed), except those that
	 * would make the unit act: enable bits, ALLOCATED, SID_MATCH.ENABLE
	 * are 0, GERROR equals GERRORN, VINTF_INT_MASK is 0.
	 */
	CMDQV_RESET_RANDOM,
	/*
	 * As RANDOM, and ALLOCATED, SID_MATCH.ENABLE, pending errors and
	 * VINTF_INT_MASK are random as well: what a crashed predecessor may leave to a kexec.
	 */
	CMDQV_RESET_DIRTY,
};

/**
 * struct cmdqv_config - what a unit is like; fixed by cmdqv_create()
 * @log2_vintfs: number of VINTFs, 0 to 6; also sets the size of the resource
 * @log2_vcmdqs: number of VCMDQs, 0 to 7. May be smaller than @log2_vintfs:
 *	software has to cope with what PARAM says.
 * @log2_sids: number of SID slots of each VINTF, 0 to 4
 * @max_log2size: largest BASE.LOG2SIZE, the SMMU's IDR1.CMDQS, 1 to 19
 * @ver: PARAM.VER, 0 to 15
 * @hyp_wired: HYP_OWN can be set, as a hypervisor sees it. If false it is
 *	wired to 0, as a guest sees it.
 * @reset_pattern: enum cmdqv_reset_pattern
 * @reset_seed: for the pseudo-random patterns
 * @enable_delay_ns: from CONFIG.EN=1 to STATUS, for CMDQV, VINTF and VCMDQ;
 *	0: the write has completed it
 * @disable_delay_ns: the same for EN=0; queues go on running meanwhile
 * @command_delay_ns: pause before each step of a queue; 0: the write to PROD
 *	executes the first step
 * @commands_per_step: largest number of commands that one queue executes in a
 *	step, at least 1
 * @log_entries: size of the command log ring, at least 1
 */
struct cmdqv_config {
	uint8_t log2_vintfs;
	uint8_t log2_vcmdqs;
	uint8_t log2_sids;
	uint8_t max_log2size;
	uint8_t ver;
	bool hyp_wired;
	uint8_t reset_pattern;
	uint64_t reset_seed;
	uint64_t enable_delay_ns;
	uint64_t disable_delay_ns;
	uint64_t command_delay_ns;
	uint32_t commands_per_step;
	uint32_t log_entries;
};

/**
 * struct cmdqv_origin - on whose behalf a command is executed
 * @vintf: VINTF that the queue belongs to
 * @vcmdq: global number of the queue
 * @lvcmdq: its logical number in @vintf
 * @hyp_own: VINTF_CONFIG.HYP_OWN: the host's own queue, command unchanged
 * @vmid: VINTF_CONFIG.VMID; what the command carries if !@hyp_own
 */
struct cmdqv_origin {
	uint16_t vintf;
	uint16_t vcmdq;
	uint16_t lvcmdq;
	bool hyp_own;
	uint16_t vmid;
};

/**
 * struct cmdqv_bench - the world around the unit (all members are required)
 * @read_mem: read @len bytes at physical address @pa; 0, or non-zero for an
 *	external abort
 * @write_mem: the same for writing
 * @execute: have the SMMU execute the 16-byte command @cmd, already filtered
 *	and rewritten, in CPU byte order; the effect is complete on return.
 *	Returns enum cmdqv_cerror; anything but NONE stops the queue at this
 *	command. CMD_SYNC is handed over too.
 * @irq_edge: one rising edge on the unit's interrupt (qemu_irq_pulse())
 * @now_ns: monotonic clock that all delays are measured with
 * @schedule: call cmdqv_process() @delay_ns from now, from outside the model
 *	(timer or bottom half, also if @delay_ns is 0). There is one such
 *	request at a time: a new one replaces the last (timer_mod()). A call of
 *	cmdqv_process() at any other time does no harm; one that comes late is made up
 *	for when a register is looked at.
 */
struct cmdqv_bench {
	int (*read_mem)(void *opaque, uint64_t pa, void *buf, size_t len);
	int (*write_mem)(void *opaque, uint64_t pa, const void *buf,
			 size_t len);
	enum cmdqv_cerror (*execute)(void *opaque, const uint64_t cmd[2],
				     const struct cmdqv_origin *origin);
	void (*irq_edge)(void *opaque);
	uint64_t (*now_ns)(void *opaque);
	void (*schedule)(void *opaque, uint64_t delay_ns);
};

struct cmdqv;

/**
 * cmdqv_config_init - fill in the defaults: a unit as on Grace
 * @config: all members are set: 64 VINTFs, 128 VCMDQs, 16 SID slots,
 *	CMDQS 19, VER 1, HYP_OWN writable, random reset pattern, no delays,
 *	64 commands a step, 4096 log entries
 */
void cmdqv_config_init(struct cmdqv_config *config);

/**
 * cmdqv_create - make a unit, in the state after power-on
 * @config: copied
 * @bench: copied
 * @opaque: first argument of each bench callback
 * @why: if not NULL, set to a constant string on failure
 *
 * Return: the unit, NULL if @config is out of range or memory is short
 */
struct cmdqv *cmdqv_create(const struct cmdqv_config *config,
			   const struct cmdqv_bench *bench, void *opaque,
			   const char **why);

/** cmdqv_destroy - free a unit; NULL is fine. Cancel the timer first. */
void cmdqv_destroy(struct cmdqv *c);

/**
 * cmdqv_reset - power-on reset of the unit
 *
 * All registers, handshakes in flight and owed ATC timeouts. Kept, since they
 * belong to the bench: counters, log, injected faults, delays.
 */
void cmdqv_reset(struct cmdqv *c);

/**
 * cmdqv_mem_size - size in bytes of the unit's MEM resource
 *
 * 0x30000 + 0x20000 for each VINTF; 0x830000 for 64. Has to be placed on a
 * 64 KiB boundary.
 */
uint64_t cmdqv_mem_size(const struct cmdqv *c);

/**
 * cmdqv_read - software reads a register
 * @offset: in the MEM resource
 * @size: 4 or 8, @offset a multiple of it. 8 is two reads, lower half first.
 * @value: zero-extended; 0 on failure
 *
 * Return: false if size, alignment or offset are not accepted (the bench may
 * answer with a bus error or with 0). Holes inside the resource read as 0.
 */
bool cmdqv_read(struct cmdqv *c, uint64_t offset, unsigned int size,
		uint64_t *value);

/**
 * cmdqv_write - software writes a register
 *
 * As cmdqv_read(). 8 is two writes, lower half first. Writes to holes and to
 * read-only registers are dropped and counted.
 */
bool cmdqv_write(struct cmdqv *c, uint64_t offset, unsigned int size,
		 uint64_t value);

/**
 * cmdqv_process - let time pass: finish handshakes that are due and execute
 * commands, at most commands_per_step on each queue; asks bench->schedule()
 * for the next call if anything is left to do
 */
void cmdqv_process(struct cmdqv *c);

/**
 * cmdqv_smmu_sync - the SMMU's own command queue has executed a CMD_SYNC
 *
 * Flushes ATC timeouts that the unit still owes: queues that were disabled
 * with an ATC_INV in flight are told now, in GERROR and CONS.ERR. (A CMD_SYNC
 * on any VCMDQ does the same; the model sees those itself. Queues that are
 * enabled hear of theirs at their own next CMD_SYNC.) To be called by the bench
 * when the CMD_SYNC completes.
 */
void cmdqv_smmu_sync(struct cmdqv *c);

/*
 * Injected faults
 */

enum cmdqv_fault {
	CMDQV_FAULT_FETCH_ABORT,	/* VCMDQ: the next @arg fetches abort */
	CMDQV_FAULT_STUCK_ENABLE_CMDQV,	/* @arg 1: EN=1 doesn't complete; 0: ends */
	CMDQV_FAULT_STUCK_DISABLE_CMDQV,
	CMDQV_FAULT_STUCK_ENABLE_VINTF,
	CMDQV_FAULT_STUCK_DISABLE_VINTF,
	CMDQV_FAULT_STUCK_ENABLE_VCMDQ,
	CMDQV_FAULT_STUCK_DISABLE_VCMDQ, /* it goes on fetching commands, too */
	CMDQV_FAULT_ATC_TIMEOUT,	/* VCMDQ: its next @arg ATC_INV time out */
	CMDQV_FAULT_ATC_LATE_NS,	/* all: a time-out of a disabled queue is
					 * raised @arg ns after the ATC_INV; 0 (default):
					 * when the queue is enabled next */
	CMDQV_FAULT_HUNG_VCMDQ,		/* enabled, as STATUS says, and executes nothing */
	CMDQV_FAULT_STUCK_ERROR,	/* VCMDQ: fails now with CONS.ERR @arg, and again
					 * whenever that is acknowledged */
	CMDQV_FAULT_IRQ_STORM_NS,	/* an edge every @arg ns, masked or not */
	CMDQV_FAULT_NO_IRQ,		/* no edge ever */
	CMDQV_FAULT_READ_ONES,		/* every read gives all ones */
	CMDQV_FAULT_READ_ZEROS,		/* every read gives 0 */
	CMDQV_FAULT_DROP_WRITES,	/* no write arrives */
	CMDQV_FAULT_PARAM,		/* PARAM reads as the low 32 bits of @arg; bit 32
					 * is to be set, so that 0 can be said, too */
	CMDQV_FAULT_LOST,		/* the unit does nothing at all any more: reads
					 * give all ones, writes go nowhere, no edge.
					 * Withdrawn: it comes back as after power-on */
	CMDQV_FAULTS
};

/**
 * cmdqv_inject - inject or withdraw a fault
 * @fault: enum cmdqv_fault
 * @index: VINTF or VCMDQ, ignored by the faults that name neither
 * @arg: see enum cmdqv_fault; 0 withdraws, and what was stuck completes
 *
 * Return: false if @fault or @index are out of range
 */
bool cmdqv_inject(struct cmdqv *c, enum cmdqv_fault fault, unsigned int index,
		  uint64_t arg);

/** cmdqv_inject_none - withdraw all faults */
void cmdqv_inject_none(struct cmdqv *c);

/**
 * cmdqv_set_delays - change the delays of struct cmdqv_config
 *
 * Handshakes and steps in flight keep their deadline. @commands_per_step: 0 is
 * taken as 1. Delays are cut at 2^62 ns.
 */
void cmdqv_set_delays(struct cmdqv *c, uint64_t enable_ns, uint64_t disable_ns,
		      uint64_t command_ns, uint32_t commands_per_step);

/*
 * What was seen
 */

/*
 * What software did against the rules of the hardware. The model does not
 * enforce them: it does what hardware could do, and counts. Those marked G can
 * be caused by a VM through its page 0 alone, if the host leaves it a chance.
 */
enum cmdqv_violation {
	CMDQV_V_MAP_ORDER,		/* LVCMDQ l mapped while l-1 was not */
	CMDQV_V_UNMAP_ORDER,		/* unmapped while a higher one was mapped */
	CMDQV_V_MAP_DUPLICATE,		/* two VCMDQs on one (VINTF, LVCMDQ) */
	CMDQV_V_MAP_RANGE,		/* VINTF that does not exist */
	CMDQV_V_REMAP_ALLOCATED,	/* fields changed with ALLOCATED left 1 */
	CMDQV_V_UNMAP_ENABLED,		/* G unmapped while STATUS.EN_OK or CONFIG.EN */
	CMDQV_V_MAP_ENABLED,		/* mapped while STATUS.EN_OK or CONFIG.EN */
	CMDQV_V_ENABLE_UNMAPPED,	/* enabled (directly) while it was not mapped */
	CMDQV_V_ENABLE_BAD_BASE,	/* G enabled with BASE 0, bad size or alignment */
	CMDQV_V_BASE_ENABLED,		/* G BASE or CONS_INDX_BASE written while enabled */
	CMDQV_V_VINTF_CHANGED_ENABLED,	/* VMID or HYP_OWN changed while enabled */
	CMDQV_V_VINTF_DISABLED_BUSY,	/* VINTF disabled with a queue enabled; how
					 * one fences a queue that is stuck */
	CMDQV_V_SID_MATCH_ORDER,	/* SID_REPLACE written under an enabled MATCH */
	CMDQV_V_SID_DUPLICATE,		/* two enabled slots with one VIRT_SID */
	CMDQV_V_ATC_TIMEOUT_FOREIGN,	/* a late ATC timeout reached another owner */
	CMDQV_V_STALE_ERROR,		/* mapped with an error of before pending */
	CMDQV_V_PROD_OVERRUN,		/* G PROD more than the queue's size ahead */
	CMDQV_VIOLATIONS
};

enum cmdqv_aperture {
	CMDQV_AP_CONFIG,		/* configuration page */
	CMDQV_AP_DIRECT0,		/* direct aperture, page 0 */
	CMDQV_AP_DIRECT1,
	CMDQV_AP_LOGICAL0,		/* VINTF's logical page 0: a VM's window */
	CMDQV_AP_LOGICAL1,
	CMDQV_APERTURES
};

enum cmdqv_refusal {
	CMDQV_R_OPCODE,			/* not for HYP_OWN=0: CERROR_ILL */
	CMDQV_R_SECURE,			/* SSec in a guest's ATC_INV: CERROR_ILL */
	CMDQV_R_SYNC_CS,		/* CMD_SYNC with MSI or reserved CS: CERROR_ILL */
	CMDQV_R_SID,			/* no SID slot matches: CERROR_ILL_ACCESS */
	CMDQV_R_SMMU,			/* the SMMU refused it, its code */
	CMDQV_R_FETCH,			/* fetch aborted: CERROR_ABT */
	CMDQV_R_ATC_TIMEOUT,		/* an ATC_INV timed out: CERROR_ATC_INV_SYNC */
	CMDQV_REFUSALS
};

/**
 * struct cmdqv_counters - since create or cmdqv_clear()
 * @executed: commands that the SMMU executed, by VINTF and opcode
 * @refused: commands that were not, by VINTF and enum cmdqv_refusal
 * @violations: by enum cmdqv_violation
 * @reads, @writes: register accesses by enum cmdqv_aperture
 * @vintf_reads, @vintf_writes: accesses to logical page 0, by VINTF
 * @dropped: accesses to logical queues that are not mapped
 * @rejected: accesses refused for size, alignment or offset
 * @ignored: writes to holes, read-only registers, or registers that can't be
 *	written while the queue is enabled
 * @irqs: rising edges
 * @init_errors: CMDQ_INIT_ERR raised
 * @dram_write_aborts: CONS_DRAM_WR_ABT_ERR raised
 */
struct cmdqv_counters {
	uint64_t executed[CMDQV_MAX_VINTFS][256];
	uint64_t refused[CMDQV_MAX_VINTFS][CMDQV_REFUSALS];
	uint64_t violations[CMDQV_VIOLATIONS];
	uint64_t reads[CMDQV_APERTURES];
	uint64_t writes[CMDQV_APERTURES];
	uint64_t vintf_reads[CMDQV_MAX_VINTFS];
	uint64_t vintf_writes[CMDQV_MAX_VINTFS];
	uint64_t dropped;
	uint64_t rejected;
	uint64_t ignored;
	uint64_t irqs;
	uint64_t init_errors;
	uint64_t dram_write_aborts;
};

/** cmdqv_counters - a read-only view, valid until cmdqv_destroy() */
const struct cmdqv_counters *cmdqv_counters(const struct cmdqv *c);

/** cmdqv_clear - zero the counters, empty the log (sequence numbers go on) */
void cmdqv_clear(struct cmdqv *c);

enum cmdqv_log_kind {
	CMDQV_LOG_EXECUTED,
	CMDQV_LOG_REFUSED,		/* refusal tells why */
	CMDQV_LOG_VIOLATION,		/* violation tells which */
};

/**
 * struct cmdqv_log_entry - one command, or one violation
 * @seq: 1, 2, 3... without gaps
 * @time_ns: bench clock
 * @kind: enum cmdqv_log_kind
 * @origin: whose. For violations what it is about, CMDQV_NONE for the rest
 * @pa: physical address of the command
 * @original: as fetched; 0 if the fetch aborted. Violation: [0] is the value
 *	written
 * @final: as handed to the SMMU; 0 if it was not
 * @refusal, @violation: by @kind
 * @result: enum cmdqv_cerror
 */
struct cmdqv_log_entry {
	uint64_t seq;
	uint64_t time_ns;
	enum cmdqv_log_kind kind;
	struct cmdqv_origin origin;
	uint64_t pa;
	uint64_t original[2];
	uint64_t final[2];
	enum cmdqv_refusal refusal;
	enum cmdqv_violation violation;
	enum cmdqv_cerror result;
};

/** cmdqv_log_head - sequence number of the latest entry, 0: none ever */
uint64_t cmdqv_log_head(const struct cmdqv *c);

/** cmdqv_log_get - copy entry @seq; false if it never was or is overwritten */
bool cmdqv_log_get(const struct cmdqv *c, uint64_t seq,
		   struct cmdqv_log_entry *entry);

/* Names as in the observer's text, "?" if out of range */
const char *cmdqv_violation_name(enum cmdqv_violation v);
const char *cmdqv_refusal_name(enum cmdqv_refusal r);
const char *cmdqv_aperture_name(enum cmdqv_aperture a);
const char *cmdqv_fault_name(enum cmdqv_fault f);
const char *cmdqv_opcode_name(unsigned int opcode);

/*
 * The state, for tests and assertions (reading it has no side effect)
 */

struct cmdqv_sid_state {
	bool enabled;
	uint32_t virt_sid;
	uint32_t phys_sid;
};

struct cmdqv_vintf_state {
	bool config_en;			/* CONFIG.ENABLE */
	bool enabled;			/* STATUS.ENABLE_OK */
	bool hyp_own;
	uint16_t vmid;
	unsigned int num_lvcmdqs;	/* mapped to it */
	uint64_t err_map[2];		/* LVCMDQ_ERR_MAP */
	struct cmdqv_sid_state sid[CMDQV_MAX_SIDS];
};

struct cmdqv_vcmdq_state {
	bool allocated;
	uint16_t vintf;			/* of ALLOC_MAP, also if !allocated */
	uint16_t lvcmdq;
	bool config_en;			/* CONFIG.EN */
	bool enabled;			/* STATUS.EN_OK */
	bool orphan;			/* unmapped while enabled, still running
					 * as it was mapped (hardware.md §14.2) */
	bool atc_owed;			/* an ATC timeout is still to come */
	uint32_t prod, cons;		/* registers, CONS with ERR */
	uint32_t gerror, gerrorn;
	uint64_t base;
	uint64_t cons_indx_base;
};

struct cmdqv_state {
	bool config_en;
	bool enabled;
	uint32_t config;
	unsigned int num_vintfs, num_vcmdqs, num_sids;
	uint64_t vintf_err_map;
	uint64_t vintf_int_mask;
	uint32_t cmdq_err_map[4];
};

void cmdqv_get_state(const struct cmdqv *c, struct cmdqv_state *state);
/* false if there is no such VINTF or VCMDQ */
bool cmdqv_get_vintf(const struct cmdqv *c, unsigned int vintf,
		     struct cmdqv_vintf_state *state);
bool cmdqv_get_vcmdq(const struct cmdqv *c, unsigned int vcmdq,
		     struct cmdqv_vcmdq_state *state);

/**
 * cmdqv_check - is the model consistent with itself and with I1 to I4, I7?
 *
 * Looks only at what the model did, not at whether the driver is good: that
 * is what the violations are for.
 *
 * Return: NULL, or a constant string that names what is broken
 */
const char *cmdqv_check(const struct cmdqv *c);

/*
 * The observer
 */

/**
 * cmdqv_observe - run one text command, for people and test programs
 * @command: NUL-terminated, words separated by spaces
 * @out: reply; always NUL-terminated if @out_len is not 0
 * @out_len: size of @out; 256 KiB holds the `state` of the largest unit
 *
 * Reply: one record a line: its kind, then key=value pairs. Keys may be added
 * later, those here stay. Numbers are decimal, those written 0x… hexadecimal.
 * No line is empty. The first line is "ok" or "error reason=…" (to the end of
 * the line); if @out was too small, the last line is "truncated". Commands:
 *
 * help
 *	the commands, one a line
 *
 * state [all]
 *	cmdqv en= enabled= vintfs= vcmdqs= sids= cmdqs= hyp_wired= vintf_err_map=0x int_mask=0x
 *	vintf v= en= enabled= hyp_own= vmid= lvcmdqs= err_map=0x…,0x…
 *	sid v= slot= match= virt_sid=0x phys_sid=0x
 *	vcmdq q= allocated= vintf= lvcmdq= en= enabled= orphan= atc_owed= base=0x log2size=
 *	      prod=0x cons=0x err= gerror=0x gerrorn=0x cons_indx_base=0x
 *	Without "all": only VINTFs, slots and VCMDQs in use or holding
 *	anything: a unit that is scrubbed shows only the line cmdqv.
 *	  VINTF: en, enabled, hyp_own, vmid, lvcmdqs or err_map not 0.
 *	  sid: match, virt_sid or phys_sid not 0.
 *	  vcmdq: allocated, en, enabled, orphan, atc_owed, base, prod, cons,
 *	  cons_indx_base not 0, or gerror != gerrorn.
 *
 * counters
 *	executed v= opcode=0x name= count=	(only where count is not 0)
 *	refused v= reason= count=
 *	violation name= count=
 *	access aperture= reads= writes=
 *	window v= reads= writes=		(logical page 0)
 *	total executed= refused= violations= dropped= rejected= ignored= irqs= init_errors= dram_write_aborts=
 *
 * log [N] | log since SEQ [N]
 *	the last N (default 64) entries, or the first N from SEQ on:
 *	executed seq= t= v= q= l= hyp_own= vmid= op=0x name= result= pa=0x
 *	      orig=0x…,0x… final=0x…,0x…
 *	refused  … the same, reason=
 *	violation seq= t= name= v= q= l= value=0x	(-1: none)
 *	head seq=				(last line; the latest entry's seq)
 *	Optional words " v=N" and " q=N" at the end select by VINTF or VCMDQ.
 *
 * inject NAME [v=N|q=N] [arg=N]		(arg default 1, 0 withdraws; v for
 *	faults of a VINTF, q for those of a VCMDQ)
 *	NAME: fetch_abort stuck_enable_cmdqv stuck_disable_cmdqv
 *	stuck_enable_vintf stuck_disable_vintf stuck_enable_vcmdq
 *	stuck_disable_vcmdq atc_timeout atc_late_ns hung_vcmdq stuck_error
 *	irq_storm_ns no_irq read_ones read_zeros drop_writes param lost
 * inject none
 * delay [enable_ns=N] [disable_ns=N] [command_ns=N] [step=N]
 *	set those named; replies with all:
 *	delay enable_ns= disable_ns= command_ns= step=
 * check
 *	check ok=1, or check ok=0 what=…
 * clear
 *	counters and log
 *
 * Return: length of the whole reply without the NUL, also if it did not fit
 */
size_t cmdqv_observe(struct cmdqv *c, const char *command, char *out,
		     size_t out_len);

#endif /* CMDQV_MODEL_H */
