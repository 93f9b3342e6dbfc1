// SPDX-License-Identifier: GPL-2.0-or-later
/* §5, §9, §10: a queue at work: fetch, filter, hand over, move CONS */
#include <string.h>

#include "unit.h"

static uint32_t wrap_mask(const struct cmdqv_vcmdq *vcmdq)
{
	return (2u << (vcmdq->base & CMDQV_BASE_LOG2SIZE)) - 1;
}

/**
 * cmdqv_queue_used - commands between CONS and PROD
 *
 * Index and wrap bit together count modulo twice the size, as in SMMUv3. If
 * software has put PROD further ahead than the size, the result is larger than
 * the size but less than twice that, so what the queue does is bounded.
 */
uint32_t cmdqv_queue_used(const struct cmdqv_vcmdq *vcmdq)
{
	return (vcmdq->prod - vcmdq->cons) & wrap_mask(vcmdq);
}

/**
 * cmdqv_queue_runnable - is there a command that may be executed now?
 *
 * The unit, the VINTF and the queue all have to be enabled as STATUS says, no
 * matter what CONFIG asks for meanwhile. A queue in error waits until software
 * acknowledges (§10).
 */
bool cmdqv_queue_runnable(const struct cmdqv *c, unsigned int q)
{
	const struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];
	unsigned int v = cmdqv_identity(c, q).vintf;

	return c->sw.is && vcmdq->sw.is && v != CMDQV_NONE &&
	       c->vintf[v].sw.is &&
	       !(cmdqv_error_active(vcmdq) & CMDQV_GERROR_CMDQ_ERR) &&
	       cmdqv_queue_used(vcmdq) && !vcmdq->hung && !c->fault.lost;
}

static struct cmdqv_log_entry *log_command(struct cmdqv *c, unsigned int q,
					   enum cmdqv_log_kind kind,
					   uint64_t pa, const uint64_t cmd[2])
{
	struct cmdqv_identity id = cmdqv_identity(c, q);
	struct cmdqv_log_entry *entry = cmdqv_log_new(c, kind);

	entry->origin = (struct cmdqv_origin){
		.vintf = (uint16_t)id.vintf,
		.vcmdq = (uint16_t)q,
		.lvcmdq = (uint16_t)id.lvcmdq,
		.hyp_own = c->vintf[id.vintf].hyp_own,
		.vmid = c->vintf[id.vintf].vmid,
	};
	entry->pa = pa;
	if (cmd)
		memcpy(entry->original, cmd, sizeof(entry->original));
	return entry;
}

static void refuse(struct cmdqv *c, unsigned int q, uint64_t pa,
		   const uint64_t cmd[2], enum cmdqv_refusal reason,
		   enum cmdqv_cerror code)
{
	struct cmdqv_log_entry *entry =
		log_command(c, q, CMDQV_LOG_REFUSED, pa, cmd);

	entry->refusal = reason;
	entry->result = code;
	c->counters.refused[entry->origin.vintf][reason]++;
	cmdqv_error_command(c, q, code);
}

/* Commands are little-endian in memory (SMMUv3) */
static uint64_t get_le64(const uint8_t *p)
{
	uint64_t value = 0;

	for (unsigned int i = 8; i-- > 0;)
		value = value << 8 | p[i];
	return value;
}

static bool fetch(struct cmdqv *c, unsigned int q, uint64_t pa,
		  uint64_t cmd[2])
{
	struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];
	uint64_t addr = vcmdq->base & CMDQV_BASE_ADDR;
	uint64_t size = CMDQV_ENTRY_SIZE <<
			(vcmdq->base & CMDQV_BASE_LOG2SIZE);
	uint8_t raw[CMDQV_ENTRY_SIZE];

	if (!addr || pa < addr || pa + CMDQV_ENTRY_SIZE > addr + size) {
		c->bad_fetches++;
		return false;
	}
	if (vcmdq->fetch_aborts) {
		vcmdq->fetch_aborts--;
		return false;
	}
	if (c->bench.read_mem(c->opaque, pa, raw, sizeof(raw)))
		return false;
	cmd[0] = get_le64(raw);
	cmd[1] = get_le64(raw + 8);
	return true;
}

/*
 * Assumption: the copy of CONS in memory is made only with both CONS_DRAM_EN
 * and an address set, as 32 bits. An address that user space could choose
 * would let it write anywhere, hence "must be 0" (§11).
 */
static void copy_cons(struct cmdqv *c, unsigned int q)
{
	struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];
	uint8_t raw[4];

	if (!(c->config_reg & CMDQV_CONFIG_CONS_DRAM_EN) ||
	    !vcmdq->cons_indx_base)
		return;
	for (unsigned int i = 0; i < sizeof(raw); i++)
		raw[i] = (uint8_t)(vcmdq->cons >> (8 * i));
	if (!c->bench.write_mem(c->opaque, vcmdq->cons_indx_base, raw,
				sizeof(raw)))
		return;
	c->counters.dram_write_aborts++;
	cmdqv_error_raise(c, q, CMDQV_GERROR_CONS_DRAM_WR_ABT);
}

/*
 * Execute the command at CONS. On any error CONS stays at that command and the
 * queue stops, so a command is executed once, or not at all.
 */
static void execute_one(struct cmdqv *c, unsigned int q)
{
	struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];
	struct cmdqv_identity id = cmdqv_identity(c, q);
	uint32_t mask = wrap_mask(vcmdq);
	uint32_t index = vcmdq->cons & mask >> 1;
	uint64_t pa = (vcmdq->base & CMDQV_BASE_ADDR) +
		      (uint64_t)index * CMDQV_ENTRY_SIZE;
	struct cmdqv_log_entry *entry;
	struct cmdqv_verdict verdict;
	enum cmdqv_cerror code;
	unsigned int opcode;
	uint64_t cmd[2];

	if (!fetch(c, q, pa, cmd)) {
		refuse(c, q, pa, NULL, CMDQV_R_FETCH, CMDQV_CERROR_ABT);
		return;
	}
	verdict = cmdqv_filter(c, id.vintf, cmd);
	if (verdict.error) {
		refuse(c, q, pa, cmd, verdict.reason, verdict.error);
		return;
	}
	opcode = (unsigned int)(verdict.final[0] & SMMU_CMD_OP);
	if (opcode == SMMU_OP_CMD_SYNC && !cmdqv_atc_sync(c, q)) {
		refuse(c, q, pa, cmd, CMDQV_R_ATC_TIMEOUT,
		       CMDQV_CERROR_ATC_INV_SYNC);
		return;
	}

	entry = log_command(c, q, CMDQV_LOG_EXECUTED, pa, cmd);
	memcpy(entry->final, verdict.final, sizeof(entry->final));
	code = c->bench.execute(c->opaque, verdict.final, &entry->origin);
	entry->result = code;
	if (code) {
		entry->kind = CMDQV_LOG_REFUSED;
		entry->refusal = CMDQV_R_SMMU;
		c->counters.refused[id.vintf][CMDQV_R_SMMU]++;
		cmdqv_error_command(c, q, code);
		return;
	}
	c->counters.executed[id.vintf][opcode]++;
	if (opcode == SMMU_OP_ATC_INV)
		cmdqv_atc_executed(c, q);
	vcmdq->cons = (vcmdq->cons & CMDQV_CONS_ERR) |
		      ((vcmdq->cons + 1) & mask);
	copy_cons(c, q);
}

static void step(struct cmdqv *c, unsigned int q, uint64_t now)
{
	struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];

	for (uint32_t n = 0; n < c->config.commands_per_step; n++) {
		if (!cmdqv_queue_runnable(c, q))
			break;
		execute_one(c, q);
	}
	vcmdq->step_pending = cmdqv_queue_runnable(c, q);
	if (!vcmdq->step_pending)
		return;
	vcmdq->step_due = now + c->config.command_delay_ns;
	cmdqv_wake(c, vcmdq->step_due);
}

/**
 * cmdqv_queue_kick - something has changed: the queue may have work now
 *
 * Without a delay the first step is done at once, else it is scheduled.
 */
void cmdqv_queue_kick(struct cmdqv *c, unsigned int q)
{
	struct cmdqv_vcmdq *vcmdq = &c->vcmdq[q];
	uint64_t now;

	if (vcmdq->step_pending || !cmdqv_queue_runnable(c, q))
		return;
	now = cmdqv_now(c);
	if (!c->config.command_delay_ns) {
		step(c, q, now);
		return;
	}
	vcmdq->step_pending = true;
	vcmdq->step_due = now + c->config.command_delay_ns;
	cmdqv_wake(c, vcmdq->step_due);
}

/** cmdqv_queue_poll - do the step that is due */
void cmdqv_queue_poll(struct cmdqv *c, unsigned int q, uint64_t now)
{
	if (c->vcmdq[q].step_pending && now >= c->vcmdq[q].step_due)
		step(c, q, now);
}
