// SPDX-License-Identifier: GPL-2.0-or-later
/* hardware.md §3 and §4: global registers, VINTF registers */
#include "bench.h"

TEST(s03_param, "PARAM tells VER, VCMDQs, VINTFs and SID slots; read-only")
{
	struct cmdqv_config config = bench_config();
	struct bench *b;

	config.ver = 1;
	config.log2_vcmdqs = 7;
	config.log2_vintfs = 6;
	config.log2_sids = 4;
	b = bench_new(&config);
	EXPECT_EQ(r32(b, PARAM), 4 << 12 | 6 << 8 | 7 << 4 | 1);
	w32(b, PARAM, 0);
	EXPECT_EQ(r32(b, PARAM), 0x4671);
	bench_free(b);
}

TEST(s03_config_keeps_its_other_fields,
     "CONFIG's other fields keep what was written; reserved bits read 0; STATUS is read-only")
{
	struct bench *b = bench_default();

	w32(b, CONFIG, 0xfffffffe);
	EXPECT_EQ(r32(b, CONFIG), 0x001ffffe);
	EXPECT_EQ(r32(b, STATUS), 0);
	w32(b, CONFIG, 0xffffffff);
	EXPECT_EQ(r32(b, CONFIG), 0x001fffff);
	EXPECT_EQ(r32(b, STATUS), 1);
	w32(b, STATUS, 0);
	EXPECT_EQ(r32(b, STATUS), 1);
	w32(b, CONFIG, 0);
	EXPECT_EQ(r32(b, STATUS), 0);
	bench_free(b);
}

TEST(s03_alloc_map_fields,
     "ALLOC_MAP: ALLOCATED bit 0, LVCMDQ 7:1, VINTF 20:15, the rest reads 0")
{
	struct bench *b = bench_default();

	w32(b, ALLOC_MAP(3), 0xfffffffe);
	EXPECT_EQ(r32(b, ALLOC_MAP(3)), 0x001f80fe);
	w32(b, ALLOC_MAP(3), 2 << 15 | 0 << 1 | 1);
	EXPECT_EQ(r32(b, ALLOC_MAP(3)), 0x00010001);
	EXPECT_EQ(vcmdq_state(b, 3).vintf, 2);
	EXPECT_EQ(vcmdq_state(b, 3).lvcmdq, 0);
	EXPECT(vcmdq_state(b, 3).allocated);
	bench_free(b);
}

TEST(s03_error_maps_are_read_only,
     "VINTF_ERR_MAP and CMDQ_ERR_MAP can't be written; CMDQ_ERR_MAP has a bit for each of 128 VCMDQs")
{
	struct cmdqv_config config = bench_config();
	struct bench *b;

	config.log2_vintfs = 6;
	config.log2_vcmdqs = 7;
	b = bench_new(&config);
	for (uint32_t reg = VINTF_ERR_MAP; reg < VINTF_INT_MASK; reg += 4)
		w32(b, reg, 0xffffffff);
	for (uint32_t word = 0; word < 4; word++) {
		w32(b, CMDQ_ERR_MAP(word), 0xffffffff);
		EXPECT_EQ(r32(b, CMDQ_ERR_MAP(word)), 0);
	}
	EXPECT_EQ(r32(b, VINTF_ERR_MAP), 0);
	EXPECT_EQ(r32(b, VINTF_ERR_MAP + 4), 0);
	for (unsigned int q = 0; q < 128; q++) {
		queue_scrub(b, q);
		w32(b, DIRECT0(q) + Q_CONFIG, EN);	/* no BASE: an error */
		EXPECT_EQ(r32(b, CMDQ_ERR_MAP(q / 32)), 1u << q % 32);
		queue_scrub(b, q);
		EXPECT_EQ(r32(b, CMDQ_ERR_MAP(q / 32)), 0);
	}
	bench_free(b);
}

TEST(s03_vintf_err_map_halves,
     "VINTF_ERR_MAP is two words; bit v stands for VINTF v, 0 to 63")
{
	struct cmdqv_config config = bench_config();
	struct bench *b;

	config.log2_vintfs = 6;
	config.log2_vcmdqs = 7;
	b = bench_new(&config);
	for (unsigned int v = 0; v < 64; v++) {
		queue_scrub(b, v);
		queue_map(b, v, v, 0);
		w32(b, DIRECT0(v) + Q_CONFIG, EN);
		EXPECT_EQ(r32(b, VINTF_ERR_MAP), v < 32 ? 1u << v : 0);
		EXPECT_EQ(r32(b, VINTF_ERR_MAP + 4), v < 32 ? 0 : 1u << (v - 32));
		queue_scrub(b, v);
		queue_unmap(b, v);
	}
	EXPECT_EQ(b->irqs, 64);
	bench_free(b);
}

TEST(s04_config_fields,
     "VINTF CONFIG: ENABLE bit 0, VMID 16:1, HYP_OWN bit 17, the rest reads 0")
{
	struct bench *b = bench_default();

	w32(b, VINTF(2) + V_CONFIG, 0xfffffffe);
	EXPECT_EQ(r32(b, VINTF(2) + V_CONFIG), 0x0003fffe);
	EXPECT_EQ(vintf_state(b, 2).vmid, 0xffff);
	EXPECT(vintf_state(b, 2).hyp_own);
	w32(b, VINTF(2) + V_CONFIG, VMID(0x1234));
	EXPECT_EQ(vintf_state(b, 2).vmid, 0x1234);
	EXPECT(!vintf_state(b, 2).hyp_own);
	EXPECT_EQ(r32(b, VINTF(2) + V_STATUS) & 1, 0);
	bench_free(b);
}

TEST(s04_status,
     "VINTF STATUS: ENABLE_OK bit 0, 1 in 3:1 if a VCMDQ has an error, number of LVCMDQs in 23:16; read-only")
{
	struct bench *b = bench_default();

	vintf_on(b, 1, 5, 0);
	EXPECT_EQ(r32(b, VINTF(1) + V_STATUS), 1);
	for (unsigned int l = 0; l < 3; l++) {
		queue_scrub(b, 8 + l);
		queue_map(b, 8 + l, 1, l);
		EXPECT_EQ(r32(b, VINTF(1) + V_STATUS), 1 | (l + 1) << 16);
	}
	w32(b, LOGICAL0(1, 2) + Q_CONFIG, EN);	/* without BASE */
	EXPECT_EQ(r32(b, VINTF(1) + V_STATUS), 1 | 1 << 1 | 3 << 16);
	error_ack(b, 10);
	w32(b, VINTF(1) + V_STATUS, 0);
	EXPECT_EQ(r32(b, VINTF(1) + V_STATUS), 1 | 3 << 16);
	EXPECT_EQ(r32(b, VINTF(0) + V_STATUS), 0);
	bench_free(b);
}

TEST(s04_sid_slots,
     "SID_MATCH holds ENABLE and 20 bits, SID_REPLACE 20 bits, a word for each slot")
{
	struct cmdqv_config config = bench_config();
	struct bench *b;

	config.log2_sids = 4;
	b = bench_new(&config);
	for (unsigned int s = 0; s < 16; s++) {
		w32(b, VINTF(3) + 0x80 + 4 * s, 0xfff00000 | (0x100 + s));
		w32(b, VINTF(3) + 0x40 + 4 * s, 0xffe00000 | s << 1 | 1);
	}
	for (unsigned int s = 0; s < 16; s++) {
		struct cmdqv_sid_state sid = vintf_state(b, 3).sid[s];

		EXPECT_EQ(r32(b, VINTF(3) + 0x40 + 4 * s), s << 1 | 1);
		EXPECT_EQ(r32(b, VINTF(3) + 0x80 + 4 * s), 0x100 + s);
		EXPECT(sid.enabled);
		EXPECT_EQ(sid.virt_sid, s);
		EXPECT_EQ(sid.phys_sid, 0x100 + s);
	}
	EXPECT_EQ(all_violations(b), 0);
	bench_free(b);
}

TEST(s04_lvcmdq_err_map,
     "LVCMDQ_ERR_MAP has a bit for each of 128 LVCMDQs, as 2x64 or 4x32 bits, read-only")
{
	struct cmdqv_config config = bench_config();
	struct bench *b;

	config.log2_vcmdqs = 7;
	b = bench_new(&config);
	for (unsigned int l = 0; l < 128; l++) {
		queue_scrub(b, l);
		queue_map(b, l, 2, l);
	}
	EXPECT_EQ(r32(b, VINTF(2) + V_STATUS), 128 << 16);
	for (unsigned int l = 0; l < 128; l++) {
		uint32_t map = VINTF(2) + V_LVCMDQ_ERR_MAP;

		w32(b, LOGICAL0(2, l) + Q_CONFIG, EN);	/* without BASE */
		EXPECT_EQ(r64(b, map), l < 64 ? 1ull << l : 0);
		EXPECT_EQ(r64(b, map + 8), l < 64 ? 0 : 1ull << (l - 64));
		EXPECT_EQ(r32(b, map + 4 * (l / 32)), 1u << l % 32);
		w64(b, map + 8 * (l / 64), 0);
		EXPECT_EQ(r32(b, map + 4 * (l / 32)), 1u << l % 32);
		EXPECT_EQ(r64(b, VINTF(1) + V_LVCMDQ_ERR_MAP), 0);
		queue_scrub(b, l);
		EXPECT_EQ(r64(b, map + 8 * (l / 64)), 0);
	}
	bench_free(b);
}
