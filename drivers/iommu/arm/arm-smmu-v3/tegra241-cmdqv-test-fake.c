// SPDX-License-Identifier: GPL-2.0-only
/*
 * The register file that tegra241-cmdqv-test.c runs the driver against; see
 * tegra241-cmdqv-test.h
 */

#include <kunit/device.h>
#include <kunit/static_stub.h>
#include <linux/mm.h>

#include "tegra241-cmdqv-test.h"

/* Nothing is there: an access that goes past the accessors does not go unseen */
#define FAKE_BASE	((void __iomem *)0x100000)

static struct fake_cmdqv *fake_get(void)
{
	return kunit_get_current_test()->priv;
}

/* The VCMDQ mapped as LVCMDQ @l of VINTF @v, or NULL */
static struct fake_vcmdq *fake_mapped(struct fake_cmdqv *fake, u32 v, u32 l)
{
	u32 want = tegra241_alloc_map(v, l) | CMDQV_CMDQ_ALLOCATED;
	int q;

	for (q = 0; q < FAKE_NUM_VCMDQS; q++)
		if ((fake->alloc[q] & CMDQV_CMDQ_ALLOC_MASK) == want)
			return &fake->vcmdq[q];
	return NULL;
}

static bool fake_enabled(struct fake_vcmdq *vcmdq)
{
	return vcmdq->status & VCMDQ_ENABLED;
}

/*
 * What must hold at every moment
 */

static void fake_check_vcmdq(struct fake_cmdqv *fake, int q)
{
	struct fake_vcmdq *vcmdq = &fake->vcmdq[q];
	u32 v = FIELD_GET(CMDQV_CMDQ_ALLOC_VINTF, fake->alloc[q]);
	u32 l = FIELD_GET(CMDQV_CMDQ_ALLOC_LVCMDQ, fake->alloc[q]);
	struct fake_vintf *vintf = &fake->vintf[v];

	if (!(fake->alloc[q] & CMDQV_CMDQ_ALLOCATED)) {
		/* The VM's memory may be gone, and only the host could have done it */
		KUNIT_EXPECT_FALSE_MSG(fake->test,
				       fake_enabled(vcmdq) && !vcmdq->want_base,
				       "VCMDQ%d enabled without an owner", q);
		return;
	}

	KUNIT_ASSERT_LT(fake->test, v, FAKE_NUM_VINTFS);
	KUNIT_EXPECT_TRUE_MSG(fake->test,
			      !l || fake_mapped(fake, v, l - 1) ||
			      q == fake->drop_map,
			      "LVCMDQ%u of VINTF%u mapped without the one below",
			      l, v);
	if (!v)
		return;

	KUNIT_EXPECT_FALSE_MSG(fake->test, vintf->config & VINTF_HYP_OWN,
			       "VCMDQ%d mapped to VINTF%u with HYP_OWN", q, v);
	KUNIT_EXPECT_TRUE_MSG(fake->test,
			      vintf->fenced || vintf->config & VINTF_EN,
			      "VCMDQ%d mapped to disabled VINTF%u", q, v);
	KUNIT_EXPECT_TRUE_MSG(fake->test,
			      vcmdq->want_base &&
			      vcmdq->base == vcmdq->want_base,
			      "VCMDQ%d mapped with BASE 0x%llx, not 0x%llx", q,
			      vcmdq->base, vcmdq->want_base);
	KUNIT_EXPECT_FALSE_MSG(fake->test, vcmdq->cons_indx_base,
			       "VCMDQ%d mapped with CONS_INDX_BASE", q);
}

static void fake_check_vintf(struct fake_cmdqv *fake, int v)
{
	struct fake_vintf *vintf = &fake->vintf[v];
	int s;

	if (vintf->status & VINTF_ENABLED) {
		KUNIT_EXPECT_FALSE_MSG(fake->test,
				       vintf->config & VINTF_HYP_OWN,
				       "VINTF%d enabled with HYP_OWN", v);
		KUNIT_EXPECT_EQ_MSG(fake->test,
				    FIELD_GET(VINTF_VMID, vintf->config),
				    vintf->want_vmid, "VMID of VINTF%d", v);
		KUNIT_EXPECT_NE_MSG(fake->test, vintf->want_vmid, 0,
				    "VINTF%d enabled without an owner", v);
	}

	/* The tests give every device the physical StreamID virtual + 0x100 */
	for (s = 0; s < FAKE_NUM_SIDS; s++) {
		if (!(vintf->match[s] & VINTF_SID_MATCH_EN))
			continue;
		KUNIT_EXPECT_EQ_MSG(fake->test, vintf->replace[s],
				    FIELD_GET(VINTF_SID_MATCH_VIRT_SID,
					      vintf->match[s]) + 0x100,
				    "slot %d of VINTF%d matches", s, v);
	}
}

/**
 * fake_cmdqv_check() - what must hold at every moment
 * @fake: the unit, after its reset
 */
void fake_cmdqv_check(struct fake_cmdqv *fake)
{
	int i;

	if (!fake->cmdqv->running)
		return;
	for (i = 0; i < FAKE_NUM_VCMDQS; i++)
		fake_check_vcmdq(fake, i);
	for (i = 1; i < FAKE_NUM_VINTFS; i++)
		fake_check_vintf(fake, i);
}

/*
 * The registers
 */

static u32 *fake_page0_reg(struct fake_vcmdq *vcmdq, u32 reg)
{
	switch (reg) {
	case TEGRA241_VCMDQ_CONS:
		return &vcmdq->cons;
	case TEGRA241_VCMDQ_PROD:
		return &vcmdq->prod;
	case TEGRA241_VCMDQ_CONFIG:
		return &vcmdq->config;
	case TEGRA241_VCMDQ_STATUS:
		return &vcmdq->status;
	case TEGRA241_VCMDQ_GERROR:
		return &vcmdq->gerror;
	case TEGRA241_VCMDQ_GERRORN:
		return &vcmdq->gerrorn;
	default:
		return NULL;
	}
}

static u64 *fake_page1_reg(struct fake_vcmdq *vcmdq, u32 reg)
{
	switch (reg) {
	case TEGRA241_VCMDQ_BASE:
		return &vcmdq->base;
	case TEGRA241_VCMDQ_CONS_INDX_BASE:
		return &vcmdq->cons_indx_base;
	default:
		return NULL;
	}
}

/*
 * The VCMDQ that the offset @off above the configuration page belongs to, NULL if
 * it is a logical queue that is not mapped; and which page and register of it
 */
static struct fake_vcmdq *fake_decode(struct fake_cmdqv *fake, u32 off,
				      int *page, u32 *reg)
{
	u32 v, l;

	*reg = off % TEGRA241_VCMDQ_STRIDE;
	if (off < TEGRA241_VINTF_PAGES) {
		*page = off >= TEGRA241_VCMDQ_PAGE1;
		l = off % SZ_64K / TEGRA241_VCMDQ_STRIDE;
		KUNIT_ASSERT_LT(fake->test, l, FAKE_NUM_VCMDQS);
		return &fake->vcmdq[l];
	}

	off -= TEGRA241_VINTF_PAGES;
	v = off / TEGRA241_VINTF_PAGES_STRIDE;
	KUNIT_ASSERT_LT(fake->test, v, FAKE_NUM_VINTFS);
	*page = off % TEGRA241_VINTF_PAGES_STRIDE >= TEGRA241_VINTF_PAGE_SIZE;
	l = off % TEGRA241_VINTF_PAGE_SIZE / TEGRA241_VCMDQ_STRIDE;
	return fake_mapped(fake, v, l);
}

static void fake_page0_write(struct fake_cmdqv *fake, u32 off, u32 val)
{
	struct fake_vcmdq *vcmdq;
	u32 reg, *p;
	int page;

	vcmdq = fake_decode(fake, off, &page, &reg);
	KUNIT_ASSERT_EQ(fake->test, page, 0);
	p = vcmdq ? fake_page0_reg(vcmdq, reg) : NULL;
	if (!p || p == &vcmdq->status || p == &vcmdq->gerror ||
	    (p == &vcmdq->cons && vcmdq->keeps_cons) ||
	    (p == &vcmdq->prod && vcmdq->keeps_prod))
		return;

	*p = val;
	if (p != &vcmdq->config)
		return;
	if (val & VCMDQ_EN)
		vcmdq->status = vcmdq->no_enable ? 0 : VCMDQ_ENABLED;
	else if (vcmdq->slow && fake_enabled(vcmdq))
		vcmdq->disabling = vcmdq->disabling ?: vcmdq->slow;
	else if (!vcmdq->stuck)
		vcmdq->status = 0;
}

/* What takes time is counted in reads of STATUS */
static void fake_vcmdq_tick(struct fake_vcmdq *vcmdq)
{
	if (vcmdq->enabling && !--vcmdq->enabling)
		vcmdq->status = VCMDQ_ENABLED;
	if (vcmdq->disabling && !--vcmdq->disabling)
		vcmdq->status = 0;
}

/* All that a VM can do to the queues of its VINTF: turn them on, mostly */
static void fake_attack(struct fake_cmdqv *fake)
{
	u32 l;

	if (!fake->hostile || fake->attacking)
		return;
	fake->attacking = true;
	for (l = 0; l < FAKE_NUM_LVCMDQS; l++) {
		u32 off = tegra241_lvcmdq_page0(fake->hostile, l);

		fake_page0_write(fake, off + TEGRA241_VCMDQ_CONS, 5);
		fake_page0_write(fake, off + TEGRA241_VCMDQ_PROD, 7);
		fake_page0_write(fake, off + TEGRA241_VCMDQ_GERRORN, 2);
		fake_page0_write(fake, off + TEGRA241_VCMDQ_CONFIG, VCMDQ_EN);
	}
	fake_cmdqv_check(fake);
	fake->attacking = false;
}

static u64 fake_lvcmdq_err_map(struct fake_cmdqv *fake, u32 v)
{
	struct fake_vcmdq *vcmdq;
	u64 map = 0;
	u32 l;

	for (l = 0; l < FAKE_NUM_LVCMDQS; l++) {
		vcmdq = fake_mapped(fake, v, l);
		if (vcmdq && vcmdq->gerror != vcmdq->gerrorn)
			map |= BIT_ULL(l);
	}
	return map;
}

static u64 fake_vintf_err_map(struct fake_cmdqv *fake)
{
	u64 map = 0;
	u32 v;

	for (v = 0; v < FAKE_NUM_VINTFS; v++)
		if (fake_lvcmdq_err_map(fake, v))
			map |= BIT_ULL(v);
	return map | (fake->noise & ~GENMASK_ULL(FAKE_NUM_VINTFS - 1, 0));
}

/* SID_MATCH and SID_REPLACE */
static u32 *fake_sid_reg(struct fake_vintf *vintf, u32 reg)
{
	u32 slot = reg % 0x40 / 4;

	if (reg < TEGRA241_VINTF_SID_MATCH(0) ||
	    reg >= TEGRA241_VINTF_LVCMDQ_ERR_MAP_64(0))
		return NULL;
	return reg < TEGRA241_VINTF_SID_REPLACE(0) ? &vintf->match[slot] :
						     &vintf->replace[slot];
}

/*
 * What has matched a slot goes on with its REPLACE until it is flushed; without a queue
 * nothing has
 */
static void fake_sid_write(struct fake_cmdqv *fake, struct fake_vintf *vintf,
			   u32 *sid, u32 slot, u32 val)
{
	if (vintf->keeps_match && sid == &vintf->match[slot])
		return;
	if (vintf->status & VINTF_ENABLED) {
		if (sid == &vintf->match[slot] && vintf->used &&
		    *sid & ~val & VINTF_SID_MATCH_EN)
			vintf->unflushed |= BIT(slot);
		if (sid == &vintf->replace[slot])
			KUNIT_EXPECT_FALSE_MSG(fake->test,
					       vintf->unflushed & BIT(slot),
					       "slot %u reused without a flush",
					       slot);
	}
	*sid = val;
}

static struct fake_vintf *fake_decode_vintf(struct fake_cmdqv *fake, u32 off,
					    u32 *reg)
{
	u32 v = (off - TEGRA241_VINTF(0)) / 0x100;

	KUNIT_ASSERT_LT(fake->test, v, FAKE_NUM_VINTFS);
	*reg = off % 0x100;
	return &fake->vintf[v];
}

static void fake_vintf_write(struct fake_cmdqv *fake, u32 off, u32 val)
{
	struct fake_vintf *vintf;
	u32 reg, *sid;

	vintf = fake_decode_vintf(fake, off, &reg);
	sid = fake_sid_reg(vintf, reg);
	if (sid) {
		fake_sid_write(fake, vintf, sid, reg % 0x40 / 4, val);
		return;
	}
	KUNIT_ASSERT_EQ(fake->test, reg, TEGRA241_VINTF_CONFIG);

	if (fake->guest)
		val &= ~VINTF_HYP_OWN;
	/* VMID and HYP_OWN first, then EN */
	if (val & VINTF_EN)
		KUNIT_EXPECT_EQ(fake->test, vintf->config & ~VINTF_EN,
				val & ~VINTF_EN);
	vintf->config = vintf->hides_en ? val & ~VINTF_EN : val;
	if (val & VINTF_EN && !vintf->no_enable)
		vintf->status |= VINTF_ENABLED;
	if (!(val & VINTF_EN) && !vintf->no_disable)
		vintf->status &= ~VINTF_ENABLED;
}

/* The unit goes off only when nothing runs, and on only when nothing would */
static void fake_check_switch(struct fake_cmdqv *fake, bool on)
{
	struct fake_vcmdq *vcmdq;
	int i;

	for (i = 0; i < FAKE_NUM_VCMDQS; i++) {
		vcmdq = &fake->vcmdq[i];
		if (!on && !vcmdq->stuck)
			KUNIT_EXPECT_FALSE_MSG(fake->test, fake_enabled(vcmdq),
					       "unit off under VCMDQ%d", i);
		if (!on)
			continue;
		KUNIT_EXPECT_FALSE_MSG(fake->test,
				       vcmdq->config & VCMDQ_EN ||
				       fake->alloc[i] & CMDQV_CMDQ_ALLOCATED,
				       "VCMDQ%d comes back", i);
	}
	for (i = 0; on && i < FAKE_NUM_VINTFS; i++)
		KUNIT_EXPECT_FALSE_MSG(fake->test,
				       fake->vintf[i].config & VINTF_EN,
				       "VINTF%d comes back", i);
}

/* CMDQ_ALLOC_MAP of @vcmdq is going to be @val */
static void fake_late_enable(struct fake_vcmdq *vcmdq, u32 val)
{
	if (!vcmdq->late_enable || val & CMDQV_CMDQ_ALLOCATED)
		return;
	vcmdq->config = VCMDQ_EN;
	vcmdq->enabling = vcmdq->late_enable;
	vcmdq->late_enable = 0;
}

static void fake_int_mask_write(struct fake_cmdqv *fake, int m, u32 val)
{
	/* The host's own errors are never masked, nor are VINTFs that aren't */
	KUNIT_EXPECT_EQ_MSG(fake->test,
			    m ? val : val & ~GENMASK(FAKE_NUM_VINTFS - 1, 1), 0,
			    "mask %d: 0x%x", m, val);
	if (fake->int_mask[m] & ~val && fake->error_at_unmask >= 0) {
		fake->vcmdq[fake->error_at_unmask].gerror ^= BIT(0);
		fake->error_at_unmask = -1;
	}
	fake->int_mask[m] = val;
}

static void fake_config_write(struct fake_cmdqv *fake, u32 off, u32 val)
{
	int q = (off - TEGRA241_CMDQV_CMDQ_ALLOC_MAP(0)) / 4;

	if (off >= TEGRA241_VINTF(0)) {
		fake_vintf_write(fake, off, val);
	} else if (off >= TEGRA241_CMDQV_CMDQ_ALLOC_MAP(0)) {
		KUNIT_ASSERT_LT(fake->test, q, FAKE_NUM_VCMDQS);
		/* The fields stand before ALLOCATED */
		if (val & CMDQV_CMDQ_ALLOCATED)
			KUNIT_EXPECT_EQ(fake->test,
					fake->alloc[q] & CMDQV_CMDQ_ALLOC_MASK &
					~CMDQV_CMDQ_ALLOCATED,
					val & ~CMDQV_CMDQ_ALLOCATED);
		/* Nobody knows what hardware does then; a VM may force it */
		else if (fake->alloc[q] & CMDQV_CMDQ_ALLOCATED)
			KUNIT_EXPECT_TRUE_MSG(fake->test,
					      fake->hostile ||
					      fake->vcmdq[q].stuck ||
					      !fake_enabled(&fake->vcmdq[q]),
					      "VCMDQ%d unmapped while enabled",
					      q);
		fake_late_enable(&fake->vcmdq[q], val);
		if (q != fake->drop_map)
			fake->alloc[q] = q == fake->no_map ?
					 val & ~CMDQV_CMDQ_ALLOCATED : val;
		if (fake->alloc[q] & CMDQV_CMDQ_ALLOCATED)
			fake->vintf[q / FAKE_NUM_LVCMDQS].used = true;
	} else if (off == TEGRA241_CMDQV_VINTF_INT_MASK(0) ||
		   off == TEGRA241_CMDQV_VINTF_INT_MASK(1)) {
		fake_int_mask_write(fake,
				    off == TEGRA241_CMDQV_VINTF_INT_MASK(1),
				    val);
	} else {
		KUNIT_ASSERT_EQ(fake->test, off, TEGRA241_CMDQV_CONFIG);
		if ((val ^ fake->config) & CMDQV_EN)
			fake_check_switch(fake, val & CMDQV_EN);
		fake->config = val;
		if (val & CMDQV_EN || !fake->stays_on)
			fake->status = val & CMDQV_EN;
	}
}

/* CMDQ_ERR_MAP @m */
static u32 fake_cmdq_err_map(struct fake_cmdqv *fake, int m)
{
	u32 map = 0;
	int q;

	for (q = 0; !m && q < FAKE_NUM_VCMDQS; q++)
		if (fake->vcmdq[q].gerror != fake->vcmdq[q].gerrorn)
			map |= BIT(q);
	return map;
}

static u32 fake_config_read(struct fake_cmdqv *fake, u32 off)
{
	struct fake_vintf *vintf;
	u32 reg, *sid;

	if (off >= TEGRA241_VINTF(0)) {
		vintf = fake_decode_vintf(fake, off, &reg);
		sid = fake_sid_reg(vintf, reg);
		if (sid)
			return *sid;
		return reg == TEGRA241_VINTF_CONFIG ? vintf->config :
						      vintf->status;
	}
	if (off >= TEGRA241_CMDQV_CMDQ_ALLOC_MAP(0))
		return fake->alloc[(off - TEGRA241_CMDQV_CMDQ_ALLOC_MAP(0)) / 4];

	switch (off) {
	case TEGRA241_CMDQV_CONFIG:
		return fake->config;
	case TEGRA241_CMDQV_PARAM:
		return fake->param;
	case TEGRA241_CMDQV_STATUS:
		return fake->status;
	case TEGRA241_CMDQV_VINTF_ERR_MAP:
		return fake_vintf_err_map(fake);
	case TEGRA241_CMDQV_VINTF_ERR_MAP + 4:
		return fake_vintf_err_map(fake) >> 32;
	case TEGRA241_CMDQV_CMDQ_ERR_MAP(0) ... TEGRA241_CMDQV_CMDQ_ERR_MAP(3):
		return fake_cmdq_err_map(fake, (off - 0x24) / 4);
	default:
		KUNIT_FAIL(fake->test, "read of 0x%x", off);
		return 0;
	}
}

/*
 * The accessors
 */

static u32 fake_begin(struct fake_cmdqv *fake, const void __iomem *reg)
{
	fake_attack(fake);
	fake->accesses++;
	/* It is aligned to its size, which no offset comes up to */
	if (!fake->base)
		fake->base = (void __iomem *)round_down((uintptr_t)reg, SZ_1M);
	return reg - (const void __iomem *)fake->base;
}

static u32 fake_readl(const void __iomem *addr)
{
	struct fake_cmdqv *fake = fake_get();
	u32 off = fake_begin(fake, addr);
	struct fake_vcmdq *vcmdq;
	u32 reg, *p;
	int page;

	if (fake->no_answer)
		return fake->answer;
	if (off < TEGRA241_VCMDQ_PAGE0)
		return fake_config_read(fake, off);
	vcmdq = fake_decode(fake, off, &page, &reg);
	KUNIT_EXPECT_EQ(fake->test, page, 0);
	p = vcmdq ? fake_page0_reg(vcmdq, reg) : NULL;
	if (p && p == &vcmdq->status)
		fake_vcmdq_tick(vcmdq);
	if (p && p == &vcmdq->gerror && vcmdq->ack_after &&
	    !--vcmdq->ack_after)
		vcmdq->gerrorn = vcmdq->gerror;
	return p ? *p : 0;
}

static void fake_writel(u32 val, void __iomem *addr)
{
	struct fake_cmdqv *fake = fake_get();
	u32 off = fake_begin(fake, addr);

	fake->writes++;
	if (fake->at_write)
		fake->at_write(fake, off, val);
	if (off < TEGRA241_VCMDQ_PAGE0)
		fake_config_write(fake, off, val);
	else
		fake_page0_write(fake, off, val);
	fake_cmdqv_check(fake);
}

static u64 fake_readq(const void __iomem *addr)
{
	struct fake_cmdqv *fake = fake_get();
	u32 off = fake_begin(fake, addr);
	struct fake_vcmdq *vcmdq;
	u64 *p;
	u32 reg;
	int page;

	if (fake->no_answer)
		return fake->answer;
	if (off < TEGRA241_VCMDQ_PAGE0) {
		fake_decode_vintf(fake, off, &reg);
		if (reg == TEGRA241_VINTF_LVCMDQ_ERR_MAP_64(0)) {
			fake->map_reads++;
			return fake_lvcmdq_err_map(fake, (off - 0x1000) / 0x100) |
			       (fake->noise &
				~GENMASK_ULL(FAKE_NUM_LVCMDQS - 1, 0));
		}
		KUNIT_EXPECT_EQ(fake->test, reg,
				TEGRA241_VINTF_LVCMDQ_ERR_MAP_64(1));
		return fake->noise;
	}
	vcmdq = fake_decode(fake, off, &page, &reg);
	KUNIT_EXPECT_EQ(fake->test, page, 1);
	p = vcmdq ? fake_page1_reg(vcmdq, reg) : NULL;
	return p ? *p : 0;
}

static void fake_writeq(u64 val, void __iomem *addr)
{
	struct fake_cmdqv *fake = fake_get();
	u32 off = fake_begin(fake, addr);
	struct fake_vcmdq *vcmdq;
	u64 *p;
	u32 reg;
	int page;

	fake->writes++;
	vcmdq = fake_decode(fake, off, &page, &reg);
	KUNIT_EXPECT_EQ(fake->test, page, 1);
	p = vcmdq ? fake_page1_reg(vcmdq, reg) : NULL;
	if (p) {
		KUNIT_EXPECT_FALSE_MSG(fake->test,
				       fake_enabled(vcmdq) && !vcmdq->ran_on,
				       "page 1 of an enabled VCMDQ written");
		/* It has its BASE, and takes its time to stop */
		if (p == &vcmdq->base && vcmdq->starts_at == FAKE_BEFORE_SCRUB) {
			vcmdq->starts_at = FAKE_NEVER;
			vcmdq->ran_on = vcmdq->base;
			vcmdq->status = VCMDQ_ENABLED;
			vcmdq->stuck = true;
		}
		if (p != &vcmdq->base || !vcmdq->keeps_base)
			*p = val;
	}
	fake_cmdqv_check(fake);
}

static bool fake_any_mapped(struct fake_cmdqv *fake, int v)
{
	int l;

	for (l = 0; l < FAKE_NUM_LVCMDQS; l++)
		if (fake->alloc[v * FAKE_NUM_LVCMDQS + l] &
		    CMDQV_CMDQ_ALLOCATED)
			return true;
	return false;
}

static int fake_flush(struct tegra241_cmdqv *cmdqv)
{
	struct fake_cmdqv *fake = fake_get();
	int q, v;

	fake_attack(fake);
	fake->flushes++;
	if (fake->flush_ret)
		return fake->flush_ret;
	if (fake->flush_fails) {
		fake->flush_fails--;
		return -ETIMEDOUT;
	}
	for (q = 0; q < FAKE_NUM_VCMDQS; q++) {
		struct fake_vcmdq *vcmdq = &fake->vcmdq[q];

		if (vcmdq->owes_timeout)
			vcmdq->gerror ^= BIT(0);
		vcmdq->owes_timeout = false;
		/* Its ATC_INV is one that nobody has waited for */
		if (vcmdq->starts_at == FAKE_AFTER_FLUSH) {
			vcmdq->starts_at = FAKE_NEVER;
			vcmdq->ran_on = vcmdq->base;
			vcmdq->owes_timeout = vcmdq->base;
		}
	}
	for (v = 0; v < FAKE_NUM_VINTFS; v++) {
		fake->vintf[v].unflushed = 0;
		fake->vintf[v].used = fake_any_mapped(fake, v);
	}
	return 0;
}

static void fake_schedule(struct tegra241_quarantine *quarantine)
{
	fake_get()->scheduled++;
}

/*
 * The brake's clock
 */

static unsigned long fake_now(void)
{
	return fake_get()->now;
}

static void fake_brake_schedule(struct tegra241_vm_brake *brake,
				unsigned long delay)
{
	struct fake_cmdqv *fake = fake_get();

	if (fake->tick_at == ULONG_MAX)
		fake->tick_at = fake->now + delay;
}

static void fake_storm_irq(struct tegra241_cmdqv *cmdqv, bool on)
{
	struct fake_cmdqv *fake = fake_get();

	KUNIT_EXPECT_EQ(fake->test, fake->irq_off, on);
	fake->irq_off = !on;
}

static void fake_storm_schedule(struct tegra241_cmdqv *cmdqv)
{
	fake_get()->storm_at = fake_get()->now + msecs_to_jiffies(20);
}

/**
 * fake_cmdqv_pass() - let time pass
 * @fake: the unit
 * @time: in jiffies
 */
void fake_cmdqv_pass(struct fake_cmdqv *fake, unsigned long time)
{
	unsigned long end = fake->now + time;

	while (fake->tick_at <= end) {
		fake->now = fake->tick_at;
		fake->tick_at = ULONG_MAX;
		fake->ticks++;
		tegra241_vm_brake_tick(fake->cmdqv);
	}
	fake->now = end;
}

/**
 * fake_cmdqv_masked() - whether a VINTF's interrupts are masked
 * @fake: the unit
 * @v: the VINTF
 *
 * Return: true if they are.
 */
bool fake_cmdqv_masked(struct fake_cmdqv *fake, int v)
{
	return fake->int_mask[v / 32] & BIT(v % 32);
}

/**
 * fake_cmdqv_interrupt() - a bit of a VINTF's error map has become set
 * @fake: the unit
 * @v: the VINTF; it need not be set any more
 */
void fake_cmdqv_interrupt(struct fake_cmdqv *fake, int v)
{
	if (fake_cmdqv_masked(fake, v) && !fake->mask_useless)
		return;
	fake->interrupts++;
	tegra241_cmdqv_isr(0, fake->cmdqv);
}

/*
 * iommufd's side
 */

static int fake_alloc_mmap(struct iommufd_viommu *viommu, phys_addr_t base,
			   size_t length, unsigned long *offset)
{
	struct fake_cmdqv *fake = fake_get();

	if (fake->mmap_ret)
		return fake->mmap_ret;
	fake->mmap_base = base;
	fake->mmap_length = length;
	fake->mmaps++;
	*offset = 0x10000;
	if (fake->mmap_unmaps) {
		KUNIT_EXPECT_EQ(fake->test, 0,
				vm_munmap(fake->mmap_unmaps, PAGE_SIZE));
		fake->mmap_unmaps = 0;
	}
	return 0;
}

static void fake_destroy_mmap(struct iommufd_viommu *viommu,
			      unsigned long offset)
{
	struct fake_cmdqv *fake = fake_get();

	KUNIT_EXPECT_EQ(fake->test, offset, 0x10000);
	fake->mmaps--;
}

static int fake_report_event(struct iommufd_viommu *viommu, u32 type,
			     const void *data, size_t len)
{
	struct fake_cmdqv *fake = fake_get();

	struct tegra241_vsmmu *tv = to_tegra241_vsmmu(viommu);
	spinlock_t *lock = &fake->cmdqv->vm_errors[tv->vintf->hw.idx].lock;

	/* 58: whoever ends the vIOMMU waits until this has been done */
	if (spin_trylock(lock)) {
		spin_unlock(lock);
		KUNIT_FAIL(fake->test, "the vIOMMU may end during a report");
	}
	KUNIT_EXPECT_EQ(fake->test, type, IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV);
	KUNIT_ASSERT_EQ(fake->test, len, sizeof(fake->event));
	memcpy(&fake->event, data, len);
	fake->event_viommu = viommu;
	fake->events++;
	return fake->event_ret;
}

const struct iommufd_viommu_services fake_services = {
	.alloc_mmap = fake_alloc_mmap,
	.destroy_mmap = fake_destroy_mmap,
	.report_event = fake_report_event,
};

static void fake_vintf0_create(struct fake_cmdqv *fake)
{
	struct tegra241_cmdqv *cmdqv = fake->cmdqv;
	struct tegra241_host_vintf *vintf;
	struct tegra241_host_vcmdq *vcmdq;
	struct arm_smmu_queue *q;
	u32 *cons;
	u16 l;

	vintf = kunit_kzalloc(fake->test,
			      struct_size(vintf, lvcmdqs, FAKE_NUM_LVCMDQS),
			      GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fake->test, vintf);
	tegra241_vintf_init(&vintf->hw, cmdqv, 0);

	for (l = 0; l < FAKE_NUM_LVCMDQS; l++) {
		vcmdq = kunit_kzalloc(fake->test, sizeof(*vcmdq), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(fake->test, vcmdq);
		tegra241_vcmdq_init_logical(&vcmdq->hw, cmdqv, 0, l);

		/* arm-smmu-v3.c reads CONS itself: there is no error in it */
		q = &vcmdq->cmdq.q;
		q->q_base = 0x80000000 + l * SZ_4K + 8;
		cons = kunit_kzalloc(fake->test, sizeof(*cons), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(fake->test, cons);
		q->cons_reg = (u32 __iomem __force *)cons;
		vintf->lvcmdqs[l] = vcmdq;
	}
	cmdqv->vintf0 = vintf;
}

/**
 * fake_cmdqv_create() - a unit that the driver is about to reset
 * @test: becomes owner; its accesses go to the unit from now on
 *
 * Return: the unit; also @test->priv.
 */
struct fake_cmdqv *fake_cmdqv_create(struct kunit *test)
{
	struct tegra241_cmdqv *cmdqv;
	struct fake_cmdqv *fake;
	void *page;

	fake = kunit_kzalloc(test, sizeof(*fake), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fake);
	cmdqv = kunit_kzalloc(test, sizeof(*cmdqv), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cmdqv);
	fake->test = test;
	fake->cmdqv = cmdqv;
	fake->base = FAKE_BASE;
	fake->param = FAKE_PARAM;
	fake->drop_map = -1;
	fake->no_map = -1;
	/* As on a machine that has just been started */
	fake->now = INITIAL_JIFFIES;
	fake->tick_at = ULONG_MAX;
	fake->storm_at = ULONG_MAX;
	fake->error_at_unmask = -1;
	test->priv = fake;

	cmdqv->dev = kunit_device_register(test, "cmdqv");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cmdqv->dev);
	cmdqv->smmu.dev = cmdqv->dev;
	/* Whatever the SMMU's own registers are read for is 0 */
	page = kunit_kzalloc(test, SZ_4K, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	cmdqv->smmu.base = (void __iomem __force *)page;
	cmdqv->base = FAKE_BASE;
	cmdqv->base_phys = FAKE_BASE_PHYS;
	cmdqv->size = SZ_1M;
	tegra241_view_init(cmdqv);
	tegra241_storm_init(cmdqv);
	cmdqv->max_log2_entries = 8;
	KUNIT_ASSERT_EQ(test, 0,
			tegra241_cmdqv_decode_param(FAKE_PARAM, SZ_1M,
						    &cmdqv->param));
	fake_vintf0_create(fake);

	kunit_activate_static_stub(test, tegra241_readl, fake_readl);
	kunit_activate_static_stub(test, tegra241_readq, fake_readq);
	kunit_activate_static_stub(test, tegra241_writel, fake_writel);
	kunit_activate_static_stub(test, tegra241_writeq, fake_writeq);
	kunit_activate_static_stub(test, tegra241_cmdqv_flush, fake_flush);
	kunit_activate_static_stub(test, tegra241_quarantine_schedule,
				   fake_schedule);
	kunit_activate_static_stub(test, tegra241_vm_brake_now, fake_now);
	kunit_activate_static_stub(test, tegra241_vm_brake_schedule,
				   fake_brake_schedule);
	kunit_activate_static_stub(test, tegra241_storm_now, fake_now);
	kunit_activate_static_stub(test, tegra241_storm_irq, fake_storm_irq);
	kunit_activate_static_stub(test, tegra241_storm_schedule,
				   fake_storm_schedule);
	KUNIT_ASSERT_EQ(test, 0, tegra241_cmdqv_vm_init(cmdqv));
	return fake;
}
