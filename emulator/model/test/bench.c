// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bench.h"

static int bench_read(void *opaque, uint64_t pa, void *buf, size_t len)
{
	struct bench *b = opaque;

	b->reads++;
	b->read_low = pa < b->read_low ? pa : b->read_low;
	b->read_high = pa + len > b->read_high ? pa + len : b->read_high;
	if (pa < MEM_BASE || pa + len > MEM_BASE + MEM_SIZE)
		return -1;
	memcpy(buf, b->mem + (pa - MEM_BASE), len);
	return 0;
}

static int bench_write(void *opaque, uint64_t pa, const void *buf, size_t len)
{
	struct bench *b = opaque;

	if (len != sizeof(b->write_value))
		FAIL("write of %zu bytes", len);
	b->writes++;
	b->write_pa = pa;
	memcpy(&b->write_value, buf, len);
	return b->write_abort;
}

static enum cmdqv_cerror bench_execute(void *opaque, const uint64_t cmd[2],
				       const struct cmdqv_origin *origin)
{
	struct bench *b = opaque;
	enum cmdqv_cerror fail = b->fail;
	struct cmdqv_vcmdq_state state;

	cmdqv_get_vcmdq(b->c, origin->vcmdq, &state);
	if (fail) {
		b->fail = CMDQV_CERROR_NONE;
		return fail;
	}
	if (b->num_executed < BENCH_MAX_EXECUTED)
		b->executed[b->num_executed] = (struct executed){
			.cmd = { cmd[0], cmd[1] },
			.origin = *origin,
			.cons = state.cons,
		};
	b->num_executed++;
	return CMDQV_CERROR_NONE;
}

static void bench_irq(void *opaque)
{
	((struct bench *)opaque)->irqs++;
}

static uint64_t bench_now(void *opaque)
{
	return ((struct bench *)opaque)->now;
}

static void bench_schedule(void *opaque, uint64_t delay_ns)
{
	struct bench *b = opaque;

	b->timer = b->now + delay_ns;
}

static void bench_strtab(void *opaque, uint64_t *base, uint32_t *cfg)
{
	struct bench *b = opaque;

	*base = b->strtab_base;
	*cfg = b->strtab_cfg;
}

struct cmdqv_config bench_config(void)
{
	struct cmdqv_config config;

	cmdqv_config_init(&config);
	config.log2_vintfs = 2;
	config.log2_vcmdqs = 4;
	config.log2_sids = 2;
	return config;
}

struct bench *bench_new(const struct cmdqv_config *config)
{
	static const struct cmdqv_bench ops = {
		.read_mem = bench_read,
		.write_mem = bench_write,
		.execute = bench_execute,
		.irq_edge = bench_irq,
		.now_ns = bench_now,
		.schedule = bench_schedule,
	};
	struct bench *b = calloc(1, sizeof(*b));
	const char *why = "out of memory";

	if (!b)
		FAIL("out of memory");
	b->mem = calloc(1, MEM_SIZE);
	b->now = 1000;
	b->timer = UINT64_MAX;
	b->read_low = UINT64_MAX;
	b->oracle = cmdqv_oracle_create(&ops, b, bench_strtab);
	if (b->oracle)
		b->c = cmdqv_create(config, cmdqv_oracle_bench(), b->oracle,
				    &why);
	if (!b->mem || !b->c)
		FAIL("cmdqv_create: %s", why);
	cmdqv_oracle_unit(b->oracle, b->c);
	return b;
}

struct bench *bench_default(void)
{
	struct cmdqv_config config = bench_config();

	return bench_new(&config);
}

/* Every test ends here, so the model is checked after each */
void bench_free(struct bench *b)
{
	const char *what = cmdqv_check(b->c);

	if (what)
		FAIL("cmdqv_check: %s", what);
	cmdqv_destroy(b->c);
	cmdqv_oracle_destroy(b->oracle);
	free(b->mem);
	free(b);
}

void bench_pass(struct bench *b, uint64_t ns)
{
	uint64_t end = b->now + ns;

	while (b->timer <= end) {
		b->now = b->timer > b->now ? b->timer : b->now;
		b->timer = UINT64_MAX;
		cmdqv_process(b->c);
		/* work without delay goes on "at once", time stands still */
	}
	b->now = end;
}

uint32_t r32(struct bench *b, uint64_t offset)
{
	uint64_t value;

	EXPECT(cmdqv_read(b->c, offset, 4, &value));
	EXPECT_EQ(value >> 32, 0);
	return (uint32_t)value;
}

uint64_t r64(struct bench *b, uint64_t offset)
{
	uint64_t value;

	EXPECT(cmdqv_read(b->c, offset, 8, &value));
	return value;
}

void w32(struct bench *b, uint64_t offset, uint32_t value)
{
	EXPECT(cmdqv_write(b->c, offset, 4, value));
}

void w64(struct bench *b, uint64_t offset, uint64_t value)
{
	EXPECT(cmdqv_write(b->c, offset, 8, value));
}

void unit_on(struct bench *b)
{
	w32(b, CONFIG, r32(b, CONFIG) & ~EN);
	w32(b, CONFIG, r32(b, CONFIG) | EN);
}

void vintf_on(struct bench *b, unsigned int v, unsigned int vmid,
	      uint32_t hyp_own)
{
	for (unsigned int s = 0; s < 1u << (r32(b, PARAM) >> 12 & 0xf); s++) {
		w32(b, VINTF(v) + V_SID_MATCH(s), 0);
		w32(b, VINTF(v) + V_SID_REPLACE(s), 0);
	}
	w32(b, VINTF(v) + V_CONFIG, VMID(vmid) | hyp_own);
	w32(b, VINTF(v) + V_CONFIG, VMID(vmid) | hyp_own | EN);
}

void queue_scrub(struct bench *b, unsigned int q)
{
	w32(b, DIRECT0(q) + Q_CONFIG, 0);
	w32(b, DIRECT0(q) + Q_PROD, 0);
	w32(b, DIRECT0(q) + Q_CONS, 0);
	w64(b, DIRECT1(q) + Q_BASE, 0);
	w64(b, DIRECT1(q) + Q_CONS_INDX_BASE, 0);
	w32(b, DIRECT0(q) + Q_GERRORN, r32(b, DIRECT0(q) + Q_GERROR));
}

void queue_map(struct bench *b, unsigned int q, unsigned int v, unsigned int l)
{
	w32(b, ALLOC_MAP(q), ALLOC(v, l));
	w32(b, ALLOC_MAP(q), r32(b, ALLOC_MAP(q)) | ALLOCATED);
}

void queue_unmap(struct bench *b, unsigned int q)
{
	w32(b, ALLOC_MAP(q), r32(b, ALLOC_MAP(q)) & ~ALLOCATED);
}

void queue_on(struct bench *b, unsigned int q)
{
	w64(b, DIRECT1(q) + Q_BASE, RING(q) | RING_LOG2);
	w32(b, DIRECT0(q) + Q_CONFIG, EN);
}

void queue_off(struct bench *b, unsigned int q)
{
	w32(b, DIRECT0(q) + Q_CONFIG, 0);
}

void sid_set(struct bench *b, unsigned int v, unsigned int slot,
	     uint32_t virt_sid, uint32_t phys_sid)
{
	w32(b, VINTF(v) + V_SID_REPLACE(slot), phys_sid);
	w32(b, VINTF(v) + V_SID_MATCH(slot), virt_sid << 1 | EN);
}

struct bench *bench_host_queue(void)
{
	struct bench *b = bench_default();

	unit_on(b);
	queue_scrub(b, 0);
	queue_map(b, 0, 0, 0);
	vintf_on(b, 0, 0, HYP_OWN);
	queue_on(b, 0);
	return b;
}

struct bench *bench_guest_queue(unsigned int vmid)
{
	struct bench *b = bench_default();

	unit_on(b);
	vintf_on(b, GUEST_V, vmid, 0);
	queue_scrub(b, GUEST_Q);
	queue_map(b, GUEST_Q, GUEST_V, 0);
	queue_on(b, GUEST_Q);
	return b;
}

static void put_le64(uint8_t *p, uint64_t value)
{
	for (unsigned int i = 0; i < 8; i++)
		p[i] = (uint8_t)(value >> (8 * i));
}

void cmd_put(struct bench *b, unsigned int q, unsigned int index,
	     uint64_t word0, uint64_t word1)
{
	uint64_t base = r64(b, DIRECT1(q) + Q_BASE) & ~0x1full;
	uint8_t *p = b->mem + (base - MEM_BASE) + 16 * index;

	put_le64(p, word0);
	put_le64(p + 8, word1);
}

void cmd_issue(struct bench *b, unsigned int q, uint64_t word0,
	       uint64_t word1)
{
	uint32_t log2 = (uint32_t)r64(b, DIRECT1(q) + Q_BASE) & 0x1f;
	uint32_t prod = r32(b, DIRECT0(q) + Q_PROD);

	cmd_put(b, q, prod & ((1u << log2) - 1), word0, word1);
	w32(b, DIRECT0(q) + Q_PROD, (prod + 1) & ((2u << log2) - 1));
}

uint32_t cmd_error(struct bench *b, unsigned int q)
{
	uint32_t active = r32(b, DIRECT0(q) + Q_GERROR) ^
			  r32(b, DIRECT0(q) + Q_GERRORN);

	return active & CMDQ_ERR ? CONS_ERR(r32(b, DIRECT0(q) + Q_CONS)) : 0;
}

void error_ack(struct bench *b, unsigned int q)
{
	w32(b, DIRECT0(q) + Q_GERRORN, r32(b, DIRECT0(q) + Q_GERROR));
}

const struct executed *last_executed(const struct bench *b)
{
	EXPECT(b->num_executed && b->num_executed <= BENCH_MAX_EXECUTED);
	return &b->executed[b->num_executed - 1];
}

uint64_t violations(const struct bench *b, enum cmdqv_violation v)
{
	return cmdqv_counters(b->c)->violations[v];
}

uint64_t all_violations(const struct bench *b)
{
	uint64_t n = 0;

	for (unsigned int v = 0; v < CMDQV_VIOLATIONS; v++)
		n += cmdqv_counters(b->c)->violations[v];
	return n;
}

struct cmdqv_vcmdq_state vcmdq_state(const struct bench *b, unsigned int q)
{
	struct cmdqv_vcmdq_state state;

	EXPECT(cmdqv_get_vcmdq(b->c, q, &state));
	return state;
}

struct cmdqv_vintf_state vintf_state(const struct bench *b, unsigned int v)
{
	struct cmdqv_vintf_state state;

	EXPECT(cmdqv_get_vintf(b->c, v, &state));
	return state;
}
