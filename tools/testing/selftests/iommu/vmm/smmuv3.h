/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest's SMMUv3 driver writes into memory: stream table entries, context
 * descriptors, stage-1 page tables and commands. No system call, no hardware:
 * layouts of the Arm SMMUv3 architecture (IHI 0070), little endian.
 */
#ifndef VMM_SMMUV3_H
#define VMM_SMMUV3_H

#include <linux/const.h>

#include "types.h"
#include "guestmem.h"

/* First two words of a stream table entry */
#define STE0_V			1ULL
#define STE0_CFG_ABORT		(0ULL << 1)
#define STE0_CFG_BYPASS		(4ULL << 1)
#define STE0_CFG_S1		(5ULL << 1)
#define STE0_S1CTXPTR		0x000fffffffffffc0ULL
#define STE1_S1CIR_WB		_BITULL(2)
#define STE1_S1COR_WB		_BITULL(4)
#define STE1_S1CSH_INNER	(3ULL << 6)

/* Opcodes */
#define CMD_PREFETCH_CONFIG	0x01
#define CMD_CFGI_STE		0x03
#define CMD_CFGI_ALL		0x04
#define CMD_CFGI_CD		0x05
#define CMD_CFGI_CD_ALL		0x06
#define CMD_TLBI_NH_ALL		0x10
#define CMD_TLBI_NH_ASID	0x11
#define CMD_TLBI_NH_VA		0x12
#define CMD_TLBI_NH_VAA		0x13
#define CMD_TLBI_EL2_ALL	0x20
#define CMD_TLBI_S12_VMALL	0x28
#define CMD_TLBI_S2_IPA		0x2a
#define CMD_TLBI_NSNH_ALL	0x30
#define CMD_ATC_INV		0x40
#define CMD_PRI_RESP		0x41
#define CMD_RESUME		0x44
#define CMD_SYNC		0x46

/* Of a table entry: write-protected; the page has been accessed */
#define S1_PTE_RDONLY		_BITULL(7)
#define S1_PTE_AF		_BITULL(10)
/* Of the first word of a context descriptor: it is one */
#define CD0_VALID		_BITULL(31)

/* Event records: the fields that faults have (IHI 0070, 7.3) */
#define EVT_C_BAD_STE		0x04
#define EVT_C_BAD_CD		0x0a
#define EVT_F_TRANSLATION	0x10
#define EVT_F_ADDR_SIZE		0x11
#define EVT_F_ACCESS		0x12
#define EVT_F_PERMISSION	0x13
#define EVT_ID(evt)		((evt)[0] & 0xff)
#define EVT_SID(evt)		((u32)((evt)[0] >> 32))
#define EVT_READ(evt)		((evt)[1] >> 35 & 1)
#define EVT_S2(evt)		((evt)[1] >> 39 & 1)
#define EVT_ADDR(evt)		((evt)[2])

struct smmu_cmd {
	u64 w[2];
};

struct smmu_cmd cmd_op(u8 opcode);
struct smmu_cmd cmd_tlbi_nh_va(u16 asid, u64 va);
struct smmu_cmd cmd_tlbi_nh_asid(u16 asid);
/* Any command with a StreamID: CFGI_CD, CFGI_STE... */
struct smmu_cmd cmd_sid(u8 opcode, u32 sid);
/* ATC_INV of 2^@log2pages pages of 4 KiB; 52 is everything */
struct smmu_cmd cmd_atc_inv(u32 sid, u64 va, unsigned int log2pages);
struct smmu_cmd cmd_sync(void);

/* The same command with another VMID than the 0 that a guest writes */
static inline struct smmu_cmd cmd_with_vmid(struct smmu_cmd cmd, u16 vmid)
{
	cmd.w[0] = (cmd.w[0] & ~0x0000ffff00000000ULL) | (u64)vmid << 32;
	return cmd;
}

/* The words of an STE that lets the device through untranslated, or not at all */
static inline void ste_bypass(u64 ste[2])
{
	ste[0] = STE0_V | STE0_CFG_BYPASS;
	ste[1] = 0;
}

static inline void ste_abort(u64 ste[2])
{
	ste[0] = STE0_V | STE0_CFG_ABORT;
	ste[1] = 0;
}

/**
 * struct stage1 - a guest's translation for one device
 * @mem: the guest's memory, in which all of it lies
 * @cd: IPA of the context descriptor
 * @root: IPA of the top-level table
 * @asid: address space id, of the guest's choice
 *
 * 4 KiB pages, 39 bits of IOVA, three levels. What the guest changes here takes
 * effect for an address that a device has used only after an invalidation.
 */
struct stage1 {
	struct guestmem *mem;
	u64 cd;
	u64 root;
	u16 asid;
};

/* An empty translation: 0, or -ENOMEM if guest memory is used up */
int stage1_init(struct stage1 *s1, struct guestmem *mem, u16 asid);

/* The STE words that point a device at it */
void stage1_ste(const struct stage1 *s1, u64 ste[2]);

/**
 * stage1_map() - let a device reach a page, or another page than so far
 * @s1: the translation
 * @iova: address that the device uses, 4 KiB aligned
 * @ipa: guest physical address, 4 KiB aligned
 *
 * Return: 0, -EINVAL for addresses out of range, -ENOMEM.
 */
int stage1_map(struct stage1 *s1, u64 iova, u64 ipa);
/* Take a page away: 0, or -ENOENT if there is none. */
int stage1_unmap(struct stage1 *s1, u64 iova);
/*
 * The table entry of a page that is mapped, for changes of other kinds, in the
 * machine's byte order; NULL if it isn't mapped.
 */
u64 *stage1_entry(const struct stage1 *s1, u64 iova);
/* What the tables say now: IPA of @iova, or 0. Not what hardware has cached. */
u64 stage1_walk(const struct stage1 *s1, u64 iova);

#endif
