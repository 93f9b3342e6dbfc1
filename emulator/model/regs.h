/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Register layout of the unit (hardware.md §2 to §5) and the fields of the
 * SMMUv3 commands that it looks at (SMMUv3 architecture, §4)
 */
#ifndef CMDQV_MODEL_REGS_H
#define CMDQV_MODEL_REGS_H

/* §2 apertures, as offsets in the MEM resource */
#define CMDQV_PAGE_SIZE			0x10000u
#define CMDQV_CONFIG_BASE		0x00000u
#define CMDQV_DIRECT0_BASE		0x10000u
#define CMDQV_DIRECT1_BASE		0x20000u
#define CMDQV_LOGICAL_BASE		0x30000u	/* VINTF 0, page 0 */
#define CMDQV_LOGICAL_STRIDE		0x20000u	/* page 0, then page 1 */
#define CMDQV_QUEUE_STRIDE		0x80u

/* §3 configuration page, global */
#define CMDQV_REG_CONFIG		0x0000u
#define   CMDQV_CONFIG_EN		(1u << 0)
#define   CMDQV_CONFIG_CONS_DRAM_EN	(1u << 20)
#define   CMDQV_CONFIG_MASK		0x001fffffu
#define CMDQV_REG_PARAM			0x0004u
#define   CMDQV_PARAM_NUM_SID_LOG2(n)	((uint32_t)(n) << 12)
#define   CMDQV_PARAM_NUM_VINTF_LOG2(n)	((uint32_t)(n) << 8)
#define   CMDQV_PARAM_NUM_VCMDQ_LOG2(n)	((uint32_t)(n) << 4)
#define CMDQV_REG_STATUS		0x0008u
#define CMDQV_REG_VINTF_ERR_MAP_LO	0x0014u
#define CMDQV_REG_VINTF_ERR_MAP_HI	0x0018u
#define CMDQV_REG_VINTF_INT_MASK_LO	0x001cu
#define CMDQV_REG_VINTF_INT_MASK_HI	0x0020u
#define CMDQV_REG_CMDQ_ERR_MAP		0x0024u		/* 4 words */
#define CMDQV_REG_CMDQ_ALLOC_MAP	0x0200u		/* one word a VCMDQ */
#define   CMDQV_ALLOC_ALLOCATED		(1u << 0)
#define   CMDQV_ALLOC_LVCMDQ_SHIFT	1
#define   CMDQV_ALLOC_LVCMDQ_MASK	0x7fu
#define   CMDQV_ALLOC_VINTF_SHIFT	15
#define   CMDQV_ALLOC_VINTF_MASK	0x3fu

/* §4 configuration page, one block a VINTF */
#define CMDQV_REG_VINTF			0x1000u
#define CMDQV_VINTF_STRIDE		0x100u
#define CMDQV_VINTF_CONFIG		0x00u
#define   CMDQV_VINTF_EN		(1u << 0)
#define   CMDQV_VINTF_VMID_SHIFT	1
#define   CMDQV_VINTF_VMID_MASK		0xffffu
#define   CMDQV_VINTF_HYP_OWN		(1u << 17)
#define CMDQV_VINTF_STATUS		0x04u
#define   CMDQV_VINTF_STATUS_OK		(1u << 0)
#define   CMDQV_VINTF_STATUS_ERROR	(1u << 1)	/* status [3:1] = 1 */
#define   CMDQV_VINTF_STATUS_NUM_SHIFT	16
#define CMDQV_VINTF_SID_MATCH		0x40u		/* one word a slot */
#define   CMDQV_SID_MATCH_EN		(1u << 0)
#define   CMDQV_SID_MATCH_SHIFT		1
#define CMDQV_VINTF_SID_REPLACE		0x80u
#define CMDQV_VINTF_LVCMDQ_ERR_MAP	0xc0u		/* 4 words */
#define CMDQV_SID_MASK			0xfffffu

/* §5 VCMDQ, page 0 */
#define CMDQV_VCMDQ_CONS		0x00u
#define   CMDQV_CONS_RD			0x000fffffu
#define   CMDQV_CONS_ERR_SHIFT		24
#define   CMDQV_CONS_ERR		0x7f000000u
#define CMDQV_VCMDQ_PROD		0x04u
#define   CMDQV_PROD_WR			0x000fffffu
#define CMDQV_VCMDQ_CONFIG		0x08u
#define   CMDQV_VCMDQ_EN		(1u << 0)
#define CMDQV_VCMDQ_STATUS		0x0cu
#define   CMDQV_VCMDQ_OK		(1u << 0)
#define CMDQV_VCMDQ_GERROR		0x10u
#define CMDQV_VCMDQ_GERRORN		0x14u
#define   CMDQV_GERROR_CMDQ_ERR		(1u << 0)
#define   CMDQV_GERROR_CONS_DRAM_WR_ABT	(1u << 1)
#define   CMDQV_GERROR_INIT_ERR		(1u << 2)
#define   CMDQV_GERROR_MASK		0x7u

/* §5 VCMDQ, page 1 */
#define CMDQV_VCMDQ_BASE_LO		0x00u
#define CMDQV_VCMDQ_BASE_HI		0x04u
#define   CMDQV_BASE_LOG2SIZE		0x1full
#define   CMDQV_BASE_ADDR		0x0000ffffffffffe0ull
#define CMDQV_VCMDQ_CONS_INDX_BASE_LO	0x08u
#define CMDQV_VCMDQ_CONS_INDX_BASE_HI	0x0cu
#define   CMDQV_CONS_INDX_ADDR		0x0000fffffffffffcull	/* assumption */

/* SMMUv3 commands */
#define CMDQV_ENTRY_SIZE		16u
#define SMMU_CMD_OP			0xffull
#define SMMU_OP_TLBI_NH_ASID		0x11u
#define SMMU_OP_TLBI_NH_VA		0x12u
#define SMMU_OP_ATC_INV			0x40u
#define SMMU_OP_CMD_SYNC		0x46u
#define SMMU_TLBI_VMID_SHIFT		32
#define SMMU_TLBI_VMID			0x0000ffff00000000ull
#define SMMU_ATC_SSEC			(1ull << 10)
#define SMMU_ATC_SID_SHIFT		32
#define SMMU_ATC_SID			0xffffffff00000000ull
#define SMMU_SYNC_CS_SHIFT		12
#define SMMU_SYNC_CS			3ull
#define   SMMU_SYNC_CS_NONE		0u
#define   SMMU_SYNC_CS_IRQ		1u
#define   SMMU_SYNC_CS_SEV		2u

#endif /* CMDQV_MODEL_REGS_H */
