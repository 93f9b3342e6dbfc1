/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The oracle: judges every command that the unit hands to the SMMU
 *
 * It sits between the unit and its bench. What it sees is what crosses that line:
 * the 16 bytes that the unit reads from memory, and the command that it hands over
 * then. It asks neither the unit's registers nor its filter nor its log, so it can
 * judge all of them, and the driver that programmed them. It includes no header of
 * the model's inside.
 *
 * Whose command it is, it knows from where the command was read: whoever runs VMs
 * declares, VM by VM, the physical memory that backs a queue, from before the kernel
 * is asked for the queue until the kernel has said that it is gone. Which VMID the VM
 * has, it reads where the SMMU reads it, in the entry of the VM's device in the
 * SMMU's stream table. Which StreamIDs the VM's devices have, its owner declares.
 *
 * The rules, for each command that reached the SMMU (isolation.rst, I1 to I5, I7):
 *
 * - it was read from memory that is declared, of a VM that has not ended;
 * - or from a queue of the host's own, where these were before there was any VM; then it
 *   is what was read;
 * - a VM's is TLBI_NH_ASID, TLBI_NH_VA, ATC_INV or CMD_SYNC;
 * - its VMID is the one that the VM's device had when it was declared, and has now,
 *   and no other VM has that;
 * - its StreamID is that of the VM's device that the guest has named;
 * - nothing else of it was changed, and a CMD_SYNC has no field set.
 *
 * And besides, whether a command comes of it or not: the unit reads no other memory,
 * and writes none.
 *
 * Nothing is judged before "begin". Counts of violations go away only with the next
 * "begin", which says what it throws away.
 *
 * One instance must not be entered by two threads at once, as the unit.
 */
#ifndef CMDQV_MODEL_ORACLE_H
#define CMDQV_MODEL_ORACLE_H

#include "cmdqv.h"

enum cmdqv_oracle_violation {
	CMDQV_O_MEMORY,		/* read from memory that is nobody's */
	CMDQV_O_RELEASED,	/* read from memory that was a VM's */
	CMDQV_O_NOBODY,		/* such a command reached the SMMU */
	CMDQV_O_HYP_OWN,	/* a VM's as the host's, the host's as a VM's */
	CMDQV_O_OPCODE,		/* not one that a VM may have executed */
	CMDQV_O_VMID,		/* not the VM's */
	CMDQV_O_SID,		/* not of the VM's device of that name */
	CMDQV_O_FIELDS,		/* more was changed, or less than has to be */
	CMDQV_O_VMID_MOVED,	/* the VM's device has another VMID now */
	CMDQV_O_VMID_SHARED,	/* declared: another VM has the same VMID; or the
				 * VMID of a VM that was killed is another's now */
	CMDQV_O_WRITE,		/* the unit wrote to memory */
	CMDQV_O_VIOLATIONS
};

struct cmdqv_oracle;

/**
 * cmdqv_oracle_create - an oracle between a unit and its bench
 * @bench: the world around the unit; copied
 * @opaque: first argument of each of its callbacks, and of @strtab
 * @strtab: what SMMU_STRTAB_BASE and SMMU_STRTAB_BASE_CFG hold
 *
 * Return: the oracle, NULL if memory is short
 */
struct cmdqv_oracle *
cmdqv_oracle_create(const struct cmdqv_bench *bench, void *opaque,
		    void (*strtab)(void *opaque, uint64_t *base,
				   uint32_t *cfg));

/** cmdqv_oracle_destroy - free it, after the unit; NULL is fine */
void cmdqv_oracle_destroy(struct cmdqv_oracle *o);

/**
 * cmdqv_oracle_bench - the bench that the unit is created with
 *
 * Its opaque is the oracle.
 */
const struct cmdqv_bench *cmdqv_oracle_bench(void);

/**
 * cmdqv_oracle_unit - which unit it is
 * @c: the unit; "begin" asks it, once, where the host's own queues are
 */
void cmdqv_oracle_unit(struct cmdqv_oracle *o, const struct cmdqv *c);

/** cmdqv_oracle_violations - how many of one kind since "begin" */
uint64_t cmdqv_oracle_violations(const struct cmdqv_oracle *o,
				 enum cmdqv_oracle_violation v);

/** cmdqv_oracle_judged - commands that reached the SMMU since "begin", VMs' only */
uint64_t cmdqv_oracle_judged(const struct cmdqv_oracle *o);

/**
 * cmdqv_oracle_observe - run one text command, in the manner of cmdqv_observe()
 *
 * oracle
 *	oracle armed= judged= host= fetched= violations= owners= ranges= host_ranges=
 *	oracle_opcode opcode=0x count=		(judged; only where not 0)
 *	oracle_violation name= count=		(all kinds, also where 0)
 *	oracle_case name= owner= v= q= pa=0x orig=0x…,0x… final=0x…,0x… want=0x
 *		(the first ones; owner=0: nobody; what should have been, by kind)
 * oracle begin
 *	forget all books and counts, and judge from now on; there is no VM yet, so
 *	the queues that are mapped, all of VINTF 0, are the host's own:
 *	discarded judged= violations=
 * oracle owner id=N psid=0x
 *	a VM begins; N is below 65536 and was not used before. Its device is attached to its stage 2:
 *	owner id= vmid=
 * oracle stream id=N vsid=0x psid=0x
 *	before the guest's StreamID vsid is made that of a device of this VM, which
 *	is attached to the VM's stage 2
 * oracle gone id=N vsid=0x
 *	after it is that no longer
 * oracle memory id=N pa=0x len=0x
 *	before memory is made a queue of this VM
 * oracle release id=N pa=0x
 *	after that memory is no queue any longer; the same pa
 * oracle dying id=N
 *	before the VM is killed: whatever it has may be released at any time, and is when
 *	it is declared for somebody else
 * oracle end id=N
 *	after the VM has ended: all that it has is released
 *
 * Return: as cmdqv_observe()
 */
size_t cmdqv_oracle_observe(struct cmdqv_oracle *o, const char *command,
			    char *out, size_t out_len);

/* "?" if out of range */
const char *cmdqv_oracle_violation_name(enum cmdqv_oracle_violation v);

#endif /* CMDQV_MODEL_ORACLE_H */
