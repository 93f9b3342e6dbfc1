/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bench for the tests: memory, a clock, an SMMU that records what it is told.
 * Register offsets and fields are written down here once more from
 * hardware.md, so that a slip in the model's own header is found.
 */
#ifndef CMDQV_TEST_BENCH_H
#define CMDQV_TEST_BENCH_H

#include "../cmdqv.h"
#include "../oracle.h"
#include "test.h"

/* Apertures */
#define DIRECT0(q)		(0x10000u + 0x80u * (q))
#define DIRECT1(q)		(0x20000u + 0x80u * (q))
#define LOGICAL0(v, l)		(0x30000u + 0x20000u * (v) + 0x80u * (l))
#define LOGICAL1(v, l)		(0x40000u + 0x20000u * (v) + 0x80u * (l))

/* Configuration page */
#define CONFIG			0x0000u
#define PARAM			0x0004u
#define STATUS			0x0008u
#define VINTF_ERR_MAP		0x0014u
#define VINTF_INT_MASK		0x001cu
#define CMDQ_ERR_MAP(word)	(0x0024u + 4 * (word))
#define ALLOC_MAP(q)		(0x0200u + 4 * (q))
#define ALLOC(v, l)		((uint32_t)(v) << 15 | (uint32_t)(l) << 1)
#define ALLOCATED		1u
#define VINTF(v)		(0x1000u + 0x100u * (v))
#define V_CONFIG		0x00u
#define V_STATUS		0x04u
#define V_SID_MATCH(s)		(0x40u + 4 * (s))
#define V_SID_REPLACE(s)	(0x80u + 4 * (s))
#define V_LVCMDQ_ERR_MAP	0xc0u
#define VMID(n)			((uint32_t)(n) << 1)
#define HYP_OWN			(1u << 17)
#define EN			1u

/* VCMDQ */
#define Q_CONS			0x00u
#define Q_PROD			0x04u
#define Q_CONFIG		0x08u
#define Q_STATUS		0x0cu
#define Q_GERROR		0x10u
#define Q_GERRORN		0x14u
#define Q_BASE			0x00u	/* page 1 */
#define Q_CONS_INDX_BASE	0x08u	/* page 1 */
#define CONS_ERR(cons)		((cons) >> 24 & 0x7f)
#define CMDQ_ERR		1u
#define CONS_DRAM_WR_ABT_ERR	2u
#define CMDQ_INIT_ERR		4u

/* SMMU commands */
#define CMD_TLBI_NH_ASID	0x11u
#define CMD_TLBI_NH_VA		0x12u
#define CMD_ATC_INV		0x40u
#define CMD_SYNC		0x46u
#define TLBI_VMID(n)		((uint64_t)(n) << 32)
#define TLBI_ASID(n)		((uint64_t)(n) << 48)
#define ATC_SID(n)		((uint64_t)(n) << 32)
#define SYNC_CS(n)		((uint64_t)(n) << 12)

/* Memory that commands can be fetched from; the rest of the world aborts */
#define MEM_BASE		0x80000000ull
#define MEM_SIZE		0x00200000ull
/* A place for the ring of queue q, 64 KiB each */
#define RING(q)			(MEM_BASE + 0x10000ull * (q))
#define RING_LOG2		4	/* 16 commands */

#define BENCH_MAX_EXECUTED	8192

struct executed {
	uint64_t cmd[2];
	struct cmdqv_origin origin;
	uint32_t cons;			/* CONS when the SMMU was handed it */
};

struct bench {
	struct cmdqv *c;
	uint64_t now;
	uint64_t timer;			/* UINT64_MAX: not armed */
	uint8_t *mem;
	unsigned int num_executed;	/* the array keeps the first ones */
	struct executed executed[BENCH_MAX_EXECUTED];
	enum cmdqv_cerror fail;		/* what the next execute returns */
	unsigned int irqs;
	unsigned int reads;
	uint64_t read_low, read_high;	/* range that was ever read */
	unsigned int writes;
	uint64_t write_pa;
	uint32_t write_value;
	int write_abort;
	struct cmdqv_oracle *oracle;	/* judges nothing before "begin" */
	uint64_t strtab_base;		/* the SMMU's registers */
	uint32_t strtab_cfg;
};

/* 4 VINTFs, 16 VCMDQs, 4 SID slots, no delays, random values at power-on */
struct cmdqv_config bench_config(void);
struct bench *bench_new(const struct cmdqv_config *config);
struct bench *bench_default(void);
void bench_free(struct bench *b);
/* Let @ns pass, calling cmdqv_process() when it asked for it */
void bench_pass(struct bench *b, uint64_t ns);

uint32_t r32(struct bench *b, uint64_t offset);
uint64_t r64(struct bench *b, uint64_t offset);
void w32(struct bench *b, uint64_t offset, uint32_t value);
void w64(struct bench *b, uint64_t offset, uint64_t value);

/* What a driver does, step by step and without checks */
void unit_on(struct bench *b);
void vintf_on(struct bench *b, unsigned int v, unsigned int vmid,
	      uint32_t hyp_own);
void queue_scrub(struct bench *b, unsigned int q);
void queue_map(struct bench *b, unsigned int q, unsigned int v,
	       unsigned int l);
void queue_unmap(struct bench *b, unsigned int q);
/* BASE = RING(q), 16 commands, enabled through the direct aperture */
void queue_on(struct bench *b, unsigned int q);
void queue_off(struct bench *b, unsigned int q);
void sid_set(struct bench *b, unsigned int v, unsigned int slot,
	     uint32_t virt_sid, uint32_t phys_sid);

/*
 * A unit that is on, VCMDQ q as LVCMDQ 0 of VINTF v, all enabled. For a
 * machine's queue v is not 0.
 */
struct bench *bench_host_queue(void);			/* VINTF 0, VCMDQ 0 */
struct bench *bench_guest_queue(unsigned int vmid);	/* VINTF 1, VCMDQ 4 */
#define GUEST_V		1u
#define GUEST_Q		4u

/* Put a command at PROD without moving it, or let the queue have it, too */
void cmd_put(struct bench *b, unsigned int q, unsigned int index,
	     uint64_t word0, uint64_t word1);
void cmd_issue(struct bench *b, unsigned int q, uint64_t word0,
	       uint64_t word1);
uint32_t cmd_error(struct bench *b, unsigned int q); /* CONS.ERR if active */
void error_ack(struct bench *b, unsigned int q);

const struct executed *last_executed(const struct bench *b);
uint64_t violations(const struct bench *b, enum cmdqv_violation v);
uint64_t all_violations(const struct bench *b);
struct cmdqv_vcmdq_state vcmdq_state(const struct bench *b, unsigned int q);
struct cmdqv_vintf_state vintf_state(const struct bench *b, unsigned int v);

#endif /* CMDQV_TEST_BENCH_H */
