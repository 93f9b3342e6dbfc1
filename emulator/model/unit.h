/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of the model: state, and what its chapters offer one another */
#ifndef CMDQV_MODEL_UNIT_H
#define CMDQV_MODEL_UNIT_H

#include "cmdqv.h"
#include "regs.h"

/* "Never" for points in time */
#define CMDQV_NEVER	UINT64_MAX
/* Delays above this would overflow the clock: 146 years */
#define CMDQV_MAX_DELAY	(1ull << 62)

/*
 * An enable handshake (§6): software asks with CONFIG.EN, STATUS follows after
 * a delay. Until STATUS says "disabled" whatever is behind it is at work.
 */
struct cmdqv_switch {
	bool want;			/* CONFIG.EN */
	bool is;			/* STATUS */
	bool timed;			/* will become want at due */
	bool stuck_on;			/* injected: doesn't get enabled */
	bool stuck_off;			/* injected: doesn't get disabled */
	uint64_t due;
};

struct cmdqv_vintf {
	struct cmdqv_switch sw;
	bool hyp_own;
	uint16_t vmid;
	uint32_t sid_match[CMDQV_MAX_SIDS];
	uint32_t sid_replace[CMDQV_MAX_SIDS];
	uint64_t epoch;			/* counts owners: one per enabling */
	uint8_t lmap[CMDQV_MAX_VCMDQS];	/* LVCMDQ -> VCMDQ, or LMAP_NONE */
};

#define CMDQV_LMAP_NONE	0xffu

struct cmdqv_vcmdq {
	struct cmdqv_switch sw;
	/* CMDQ_ALLOC_MAP */
	bool allocated;
	uint8_t vintf;
	uint8_t lvcmdq;
	uint64_t epoch;			/* counts owners: one per mapping */
	/*
	 * Unmapped while it was enabled: it keeps running in the name of the
	 * VINTF it had (assumption, the worst of what §14.2 leaves open).
	 */
	bool orphan;
	uint8_t orphan_vintf;
	uint8_t orphan_lvcmdq;
	/* registers */
	uint32_t prod;
	uint32_t cons;
	uint32_t gerror;
	uint32_t gerrorn;
	uint64_t base;
	uint64_t cons_indx_base;
	/* its bit in LVCMDQ_ERR_MAP is set, so it raises no further edge */
	bool reported;
	/* the next step of this queue */
	bool step_pending;
	uint64_t step_due;
	/* an ATC_INV timed out, which nobody has been told yet */
	bool atc_owed;
	uint64_t atc_epoch;
	uint64_t atc_vintf_epoch;
	uint64_t atc_time;
	/* injected */
	uint64_t fetch_aborts;
	uint64_t atc_timeouts;
	bool hung;
	enum cmdqv_cerror stuck_error;	/* NONE: not */
};

/* Injected faults of the unit as a whole; a reset ends none of them */
struct cmdqv_unit_faults {
	bool no_irq;
	bool read_ones;
	bool read_zeros;
	bool drop_writes;
	bool lost;
	uint64_t param;			/* 0: not; else bit 32 is set */
	uint64_t irq_storm_ns;		/* 0: not */
	uint64_t irq_storm_due;
	uint64_t atc_late_ns;
};

struct cmdqv {
	struct cmdqv_config config;
	struct cmdqv_bench bench;
	void *opaque;

	unsigned int num_vintfs;
	unsigned int num_vcmdqs;
	unsigned int num_sids;

	struct cmdqv_switch sw;
	uint32_t config_reg;		/* without EN */
	uint64_t vintf_int_mask;
	struct cmdqv_vintf vintf[CMDQV_MAX_VINTFS];
	struct cmdqv_vcmdq vcmdq[CMDQV_MAX_VCMDQS];

	uint64_t wakeup;		/* asked from the bench, or CMDQV_NEVER */
	struct cmdqv_unit_faults fault;
	uint64_t rng;			/* reset patterns */
	/* fetches outside BASE..BASE+size: must stay 0, see check.c */
	uint64_t bad_fetches;

	struct cmdqv_counters counters;
	struct cmdqv_log_entry *log;
	uint64_t log_head;		/* sequence number of the latest entry */
	uint64_t log_first;		/* of the oldest one not cleared */
};

/* Whose queue is it? vintf is CMDQV_NONE if nobody's: it must not run. */
struct cmdqv_identity {
	unsigned int vintf;
	unsigned int lvcmdq;
};

/* unit.c */
uint64_t cmdqv_now(const struct cmdqv *c);
void cmdqv_wake(struct cmdqv *c, uint64_t due);
void cmdqv_catch_up(struct cmdqv *c);

/* handshake.c */
void cmdqv_switch_write(struct cmdqv *c, struct cmdqv_switch *sw, bool en);
bool cmdqv_switch_poll(struct cmdqv_switch *sw, uint64_t now);
uint64_t cmdqv_switch_next(const struct cmdqv_switch *sw);

/* config.c */
uint32_t cmdqv_global_read(const struct cmdqv *c, uint32_t reg);
bool cmdqv_global_write(struct cmdqv *c, uint32_t reg, uint32_t value);
void cmdqv_global_poll(struct cmdqv *c, uint64_t now);
uint64_t cmdqv_vintfs(const struct cmdqv *c);

/* vintf.c */
uint32_t cmdqv_vintf_read(const struct cmdqv *c, unsigned int v, uint32_t reg);
bool cmdqv_vintf_write(struct cmdqv *c, unsigned int v, uint32_t reg,
		       uint32_t value);
void cmdqv_vintf_poll(struct cmdqv *c, unsigned int v, uint64_t now);
unsigned int cmdqv_vintf_num_lvcmdqs(const struct cmdqv *c, unsigned int v);

/* vcmdq.c */
uint32_t cmdqv_vcmdq_read0(const struct cmdqv *c, unsigned int q, uint32_t reg);
uint32_t cmdqv_vcmdq_read1(const struct cmdqv *c, unsigned int q, uint32_t reg);
bool cmdqv_vcmdq_write0(struct cmdqv *c, unsigned int q, uint32_t reg,
			uint32_t value);
bool cmdqv_vcmdq_write1(struct cmdqv *c, unsigned int q, uint32_t reg,
			uint32_t value);
void cmdqv_vcmdq_poll(struct cmdqv *c, unsigned int q, uint64_t now);
bool cmdqv_vcmdq_base_valid(const struct cmdqv *c, unsigned int q);

/* alloc.c */
uint32_t cmdqv_alloc_read(const struct cmdqv *c, unsigned int q);
void cmdqv_alloc_write(struct cmdqv *c, unsigned int q, uint32_t value);
void cmdqv_alloc_rebuild(struct cmdqv *c);
bool cmdqv_mapped(const struct cmdqv *c, unsigned int q);
struct cmdqv_identity cmdqv_identity(const struct cmdqv *c, unsigned int q);

/* queue.c */
bool cmdqv_queue_runnable(const struct cmdqv *c, unsigned int q);
void cmdqv_queue_kick(struct cmdqv *c, unsigned int q);
void cmdqv_queue_poll(struct cmdqv *c, unsigned int q, uint64_t now);
uint32_t cmdqv_queue_used(const struct cmdqv_vcmdq *vcmdq);

/* filter.c */
struct cmdqv_verdict {
	enum cmdqv_cerror error;	/* NONE: hand over final */
	enum cmdqv_refusal reason;
	uint64_t final[2];
};

struct cmdqv_verdict cmdqv_filter(const struct cmdqv *c, unsigned int v,
				  const uint64_t cmd[2]);

/* errors.c */
uint32_t cmdqv_error_active(const struct cmdqv_vcmdq *vcmdq);
void cmdqv_error_raise(struct cmdqv *c, unsigned int q, uint32_t gerror);
void cmdqv_error_command(struct cmdqv *c, unsigned int q,
			 enum cmdqv_cerror code);
void cmdqv_error_update(struct cmdqv *c, unsigned int q);
void cmdqv_error_edge(struct cmdqv *c);
void cmdqv_error_acknowledged(struct cmdqv *c, unsigned int q);
uint32_t cmdqv_error_lvcmdq_map(const struct cmdqv *c, unsigned int v,
				unsigned int word);
uint32_t cmdqv_error_cmdq_map(const struct cmdqv *c, unsigned int word);
uint64_t cmdqv_error_vintf_map(const struct cmdqv *c);

/* atc.c */
bool cmdqv_atc_executed(struct cmdqv *c, unsigned int q);
bool cmdqv_atc_sync(struct cmdqv *c, unsigned int q);
void cmdqv_atc_flush(struct cmdqv *c);
void cmdqv_atc_enabled(struct cmdqv *c, unsigned int q);
void cmdqv_atc_poll(struct cmdqv *c, unsigned int q, uint64_t now);
uint64_t cmdqv_atc_next(const struct cmdqv *c, unsigned int q);

/* fault.c */
bool cmdqv_fault_read(const struct cmdqv *c, uint32_t *value);
uint64_t cmdqv_fault_next(const struct cmdqv *c);
void cmdqv_fault_poll(struct cmdqv *c, uint64_t now);
char cmdqv_fault_scope(enum cmdqv_fault f);

/* log.c */
struct cmdqv_log_entry *cmdqv_log_new(struct cmdqv *c,
				      enum cmdqv_log_kind kind);
void cmdqv_violate(struct cmdqv *c, enum cmdqv_violation what, unsigned int v,
		   unsigned int q, uint64_t value);

#endif /* CMDQV_MODEL_UNIT_H */
