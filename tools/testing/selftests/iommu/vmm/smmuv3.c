// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <errno.h>
#include <stddef.h>

#include "smmuv3.h"

/* Context descriptor (IHI 0070, 5.4) */
#define CD0_T0SZ(n)		((u64)(n))
#define CD0_TG0_4K		(0ULL << 6)
#define CD0_IR0_WBWA		_BITULL(8)
#define CD0_OR0_WBWA		_BITULL(10)
#define CD0_SH0_INNER		(3ULL << 12)
#define CD0_EPD1		_BITULL(30)
#define CD0_V			_BITULL(31)
#define CD0_IPS_40		(2ULL << 32)
#define CD0_AA64		_BITULL(41)
#define CD0_R			_BITULL(45)
#define CD0_A			_BITULL(46)
#define CD0_ASET		_BITULL(47)
#define CD0_ASID(n)		((u64)(n) << 48)
/* Attribute 0: normal memory, write-back, allocate on read and write */
#define MAIR_WB			0xffULL

/* VMSAv8-64 stage-1 descriptors, 4 KiB granule */
#define PTE_VALID		1ULL
#define PTE_TABLE		3ULL
#define PTE_PAGE		3ULL
#define PTE_UNPRIV		_BITULL(6)
#define PTE_SH_INNER		(3ULL << 8)
#define PTE_AF			_BITULL(10)
#define PTE_NG			_BITULL(11)
#define PTE_XN			(3ULL << 53)
#define PTE_ADDR		0x0000fffffffff000ULL

#define IOVA_BITS		39
#define IPA_BITS		40
#define LEVELS			3	/* 1, 2, 3 of the architecture's 0 to 3 */
#define CD_SIZE			64

struct smmu_cmd cmd_op(u8 opcode)
{
	return (struct smmu_cmd){ .w = { opcode } };
}

struct smmu_cmd cmd_tlbi_nh_va(u16 asid, u64 va)
{
	struct smmu_cmd cmd = cmd_op(CMD_TLBI_NH_VA);

	cmd.w[0] |= (u64)asid << 48;
	/* Leaf: the tables above stay as they are */
	cmd.w[1] = (va & ~0xfffULL) | 1;
	return cmd;
}

struct smmu_cmd cmd_tlbi_nh_asid(u16 asid)
{
	struct smmu_cmd cmd = cmd_op(CMD_TLBI_NH_ASID);

	cmd.w[0] |= (u64)asid << 48;
	return cmd;
}

struct smmu_cmd cmd_sid(u8 opcode, u32 sid)
{
	struct smmu_cmd cmd = cmd_op(opcode);

	cmd.w[0] |= (u64)sid << 32;
	return cmd;
}

struct smmu_cmd cmd_atc_inv(u32 sid, u64 va, unsigned int log2pages)
{
	struct smmu_cmd cmd = cmd_sid(CMD_ATC_INV, sid);

	cmd.w[1] = (va & ~0xfffULL) | (log2pages & 0x3f);
	return cmd;
}

struct smmu_cmd cmd_sync(void)
{
	/* CS = 0: no signal; completion is seen in CONS */
	return cmd_op(CMD_SYNC);
}

int stage1_init(struct stage1 *s1, struct guestmem *mem, u16 asid)
{
	u64 *cd;

	s1->mem = mem;
	s1->asid = asid;
	s1->cd = guestmem_alloc(mem, CD_SIZE, CD_SIZE);
	s1->root = guestmem_alloc(mem, GUEST_PAGE, GUEST_PAGE);
	if (!s1->cd || !s1->root)
		return -ENOMEM;

	cd = guestmem_at(mem, s1->cd, CD_SIZE);
	cd[1] = htole64(s1->root & PTE_ADDR);
	cd[2] = 0;
	cd[3] = htole64(MAIR_WB);
	cd[0] = htole64(CD0_T0SZ(64 - IOVA_BITS) | CD0_TG0_4K | CD0_IR0_WBWA |
			CD0_OR0_WBWA | CD0_SH0_INNER | CD0_EPD1 | CD0_V |
			CD0_IPS_40 | CD0_AA64 | CD0_R | CD0_A | CD0_ASET |
			CD0_ASID(asid));
	return 0;
}

void stage1_ste(const struct stage1 *s1, u64 ste[2])
{
	ste[0] = STE0_V | STE0_CFG_S1 | (s1->cd & STE0_S1CTXPTR);
	ste[1] = STE1_S1CIR_WB | STE1_S1COR_WB | STE1_S1CSH_INNER;
}

/* The leaf entry of @iova; makes the tables above it if @create. NULL: none. */
static u64 *leaf(const struct stage1 *s1, u64 iova, bool create)
{
	u64 table = s1->root;
	unsigned int level, shift;
	u64 *entries, *pte;

	for (level = 0; ; level++) {
		entries = guestmem_at(s1->mem, table, GUEST_PAGE);
		if (!entries)
			return NULL;
		shift = 12 + 9 * (LEVELS - 1 - level);
		pte = &entries[iova >> shift & 511];
		if (level == LEVELS - 1)
			return pte;
		if (!(le64toh(*pte) & PTE_VALID)) {
			if (!create)
				return NULL;
			table = guestmem_alloc(s1->mem, GUEST_PAGE, GUEST_PAGE);
			if (!table)
				return NULL;
			*pte = htole64(table | PTE_TABLE);
		}
		table = le64toh(*pte) & PTE_ADDR;
	}
}

int stage1_map(struct stage1 *s1, u64 iova, u64 ipa)
{
	u64 *pte;

	if ((iova | ipa) % GUEST_PAGE || iova >> IOVA_BITS || ipa >> IPA_BITS)
		return -EINVAL;
	pte = leaf(s1, iova, true);
	if (!pte)
		return -ENOMEM;
	/* One store: hardware may walk at any time and sees old or new */
	__atomic_store_n(pte, htole64(ipa | PTE_PAGE | PTE_UNPRIV |
				      PTE_SH_INNER | PTE_AF | PTE_NG | PTE_XN),
			 __ATOMIC_RELEASE);
	return 0;
}

int stage1_unmap(struct stage1 *s1, u64 iova)
{
	u64 *pte = iova >> IOVA_BITS ? NULL : leaf(s1, iova, false);

	if (!pte || !*pte)
		return -ENOENT;
	__atomic_store_n(pte, 0, __ATOMIC_RELEASE);
	return 0;
}

u64 *stage1_entry(const struct stage1 *s1, u64 iova)
{
	u64 *pte = iova >> IOVA_BITS ? NULL : leaf(s1, iova, false);

	return pte && *pte ? pte : NULL;
}

u64 stage1_walk(const struct stage1 *s1, u64 iova)
{
	u64 *pte = iova >> IOVA_BITS ? NULL : leaf(s1, iova, false);

	if (!pte || (le64toh(*pte) & 3) != PTE_PAGE)
		return 0;
	return (le64toh(*pte) & PTE_ADDR) | (iova & 0xfff);
}
