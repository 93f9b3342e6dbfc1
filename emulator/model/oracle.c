// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The oracle: judges every command that the unit hands to the SMMU (oracle.h)
 *
 * What it takes for granted of commands and stream tables is written down here once
 * more, from the SMMUv3 architecture (IHI 0070): regs.h is the model's.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "books.h"
#include "oracle.h"
#include "text.h"

/* How many violations are kept in full */
#define CASES		16u

/* SMMU_STRTAB_BASE, SMMU_STRTAB_BASE_CFG */
#define STRTAB_ADDR	0x000fffffffffffc0ull
#define STRTAB_LOG2SIZE	0x3fu
#define STRTAB_SPLIT(c)	((c) >> 6 & 0x1f)
#define STRTAB_FMT(c)	((c) >> 16 & 3)
#define STRTAB_2LVL	1u
/* Level 1 descriptor, stream table entry */
#define L1_SPAN		0x1full
#define STE_SIZE	64u
#define STE0_V		1ull
#define STE0_CONFIG(w)	((w) >> 1 & 7)
#define STE_CONFIG_S2	6u	/* 0b110; 0b111 with stage 1 before it */
#define STE2_VMID	0xffffull

struct verdict_case {
	enum cmdqv_oracle_violation what;
	uint64_t owner;
	uint16_t v, q;
	uint64_t pa;
	uint64_t original[2], final[2];
	uint64_t want;
};

struct cmdqv_oracle {
	struct cmdqv_bench bench;
	void *opaque;
	void (*strtab)(void *opaque, uint64_t *base, uint32_t *cfg);
	const struct cmdqv *unit;
	bool armed;
	struct books books;

	/* The command that the unit has read last, until it is executed */
	struct {
		bool valid;
		uint64_t pa;
		uint64_t word[2];
		uint64_t owner;
	} fetch;

	uint64_t judged;		/* reached the SMMU from VMs */
	uint64_t host;			/* and from the host's queues */
	uint64_t fetched;		/* were read from VMs' memory */
	uint64_t opcodes[256];		/* of those judged */
	uint64_t violations[CMDQV_O_VIOLATIONS];
	unsigned int cases;
	struct verdict_case cases_of[CASES];
};

static uint64_t le64(const uint8_t *p)
{
	uint64_t value = 0;

	for (unsigned int i = 8; i-- > 0;)
		value = value << 8 | p[i];
	return value;
}

static void violate(struct cmdqv_oracle *o, enum cmdqv_oracle_violation what,
		    const struct cmdqv_origin *origin, const uint64_t final[2],
		    uint64_t want)
{
	o->violations[what]++;
	if (o->cases == CASES)
		return;
	o->cases_of[o->cases++] = (struct verdict_case){
		.what = what,
		.owner = o->fetch.owner,
		.v = origin ? origin->vintf : CMDQV_NONE,
		.q = origin ? origin->vcmdq : CMDQV_NONE,
		.pa = o->fetch.pa,
		.original = { o->fetch.word[0], o->fetch.word[1] },
		.final = { final ? final[0] : 0, final ? final[1] : 0 },
		.want = want,
	};
}

/*
 * The VMID of a device, as the SMMU finds it. False if the device has no stage 2, or
 * the table no such entry.
 */
static bool stream_vmid(struct cmdqv_oracle *o, uint32_t sid, uint16_t *vmid)
{
	unsigned int split, log2size;
	uint64_t base, table, span;
	uint8_t raw[24];
	uint32_t cfg;

	o->strtab(o->opaque, &base, &cfg);
	log2size = cfg & STRTAB_LOG2SIZE;
	table = base & STRTAB_ADDR;
	if (log2size < 32 && sid >> log2size)
		return false;
	if (STRTAB_FMT(cfg) == STRTAB_2LVL) {
		split = STRTAB_SPLIT(cfg);
		if (o->bench.read_mem(o->opaque, table + (sid >> split) * 8ull,
				      raw, 8))
			return false;
		span = le64(raw) & L1_SPAN;
		table = le64(raw) & STRTAB_ADDR;
		sid &= (1u << split) - 1;
		if (!span || sid >> (span - 1))
			return false;
	}
	if (o->bench.read_mem(o->opaque, table + sid * (uint64_t)STE_SIZE, raw,
			      sizeof(raw)))
		return false;
	if (!(le64(raw) & STE0_V) ||
	    (STE0_CONFIG(le64(raw)) & STE_CONFIG_S2) != STE_CONFIG_S2)
		return false;
	*vmid = (uint16_t)(le64(raw + 16) & STE2_VMID);
	return true;
}

/*
 * A device is taken off its stage 2 for a moment when what it is attached to changes,
 * and before its VM ends. It still has the VMID then: nobody else may.
 */
static void judge_vmid(struct cmdqv_oracle *o, const struct books_owner *owner,
		       const struct cmdqv_origin *origin, const uint64_t cmd[2])
{
	uint16_t now;

	if (stream_vmid(o, owner->psid, &now) && now != owner->vmid)
		violate(o, CMDQV_O_VMID_MOVED, origin, cmd, now);
}

static void judge_tlbi(struct cmdqv_oracle *o, const struct books_owner *owner,
		       const struct cmdqv_origin *origin, const uint64_t cmd[2])
{
	uint64_t mask = 0xffffull << 32;

	if ((cmd[0] & mask) >> 32 != owner->vmid)
		violate(o, CMDQV_O_VMID, origin, cmd, owner->vmid);
	if (owner->vmid_lost)
		violate(o, CMDQV_O_VMID_SHARED, origin, cmd, owner->vmid);
	if ((cmd[0] ^ o->fetch.word[0]) & ~mask || cmd[1] != o->fetch.word[1])
		violate(o, CMDQV_O_FIELDS, origin, cmd, ~mask);
	judge_vmid(o, owner, origin, cmd);
}

static void judge_atc_inv(struct cmdqv_oracle *o,
			  const struct books_owner *owner,
			  const struct cmdqv_origin *origin,
			  const uint64_t cmd[2])
{
	const struct books_stream *stream =
		books_find(owner, o->fetch.word[0] >> 32);

	if (!stream || cmd[0] >> 32 != stream->psid)
		violate(o, CMDQV_O_SID, origin, cmd,
			stream ? stream->psid : UINT64_MAX);
	/* SSec set would name a stream of another world */
	if ((uint32_t)cmd[0] != (uint32_t)o->fetch.word[0] ||
	    cmd[0] & 1u << 10 || cmd[1] != o->fetch.word[1])
		violate(o, CMDQV_O_FIELDS, origin, cmd, UINT32_MAX);
}

static void judge_guest(struct cmdqv_oracle *o,
			const struct cmdqv_origin *origin,
			const uint64_t cmd[2])
{
	const struct books_owner *owner =
		books_owner(&o->books, o->fetch.owner);

	if (origin->hyp_own)
		violate(o, CMDQV_O_HYP_OWN, origin, cmd, 0);
	switch (cmd[0] & 0xff) {
	case 0x11:	/* TLBI_NH_ASID */
	case 0x12:	/* TLBI_NH_VA */
		judge_tlbi(o, owner, origin, cmd);
		break;
	case 0x40:	/* ATC_INV */
		judge_atc_inv(o, owner, origin, cmd);
		break;
	case 0x46:	/* CMD_SYNC: no MSI, no field of the guest's */
		if (cmd[0] != 0x46 || cmd[1])
			violate(o, CMDQV_O_FIELDS, origin, cmd, 0x46);
		break;
	default:
		violate(o, CMDQV_O_OPCODE, origin, cmd, 0);
		return;
	}
	/* It became no other command on the way */
	if ((cmd[0] ^ o->fetch.word[0]) & 0xff)
		violate(o, CMDQV_O_OPCODE, origin, cmd,
			o->fetch.word[0] & 0xff);
}

static void judge(struct cmdqv_oracle *o, const struct cmdqv_origin *origin,
		  const uint64_t cmd[2])
{
	if (!o->fetch.valid) {
		/* Read from nowhere */
		memset(&o->fetch, 0, sizeof(o->fetch));
		violate(o, CMDQV_O_NOBODY, origin, cmd, 0);
		return;
	}
	o->fetch.valid = false;
	if (o->fetch.owner == BOOKS_HOST) {
		o->host++;
		if (origin->vintf || !origin->hyp_own)
			violate(o, CMDQV_O_HYP_OWN, origin, cmd, 1);
		if (cmd[0] != o->fetch.word[0] || cmd[1] != o->fetch.word[1])
			violate(o, CMDQV_O_FIELDS, origin, cmd, 0);
		return;
	}
	o->judged++;
	o->opcodes[cmd[0] & 0xff]++;
	if (o->fetch.owner == BOOKS_NOBODY)
		violate(o, CMDQV_O_NOBODY, origin, cmd, 0);
	else
		judge_guest(o, origin, cmd);
}

/*
 * The bench that the unit has
 */

static int oracle_read_mem(void *opaque, uint64_t pa, void *buf, size_t len)
{
	struct cmdqv_oracle *o = opaque;
	int rc = o->bench.read_mem(o->opaque, pa, buf, len);
	uint8_t raw[16] = { 0 };

	if (!o->armed)
		return rc;
	if (!rc)
		memcpy(raw, buf, len < sizeof(raw) ? len : sizeof(raw));
	o->fetch.valid = !rc && len == sizeof(raw);
	o->fetch.pa = pa;
	o->fetch.word[0] = le64(raw);
	o->fetch.word[1] = le64(raw + 8);
	o->fetch.owner = books_whose(&o->books, pa, len);
	if (o->fetch.owner != BOOKS_NOBODY) {
		o->fetched += o->fetch.owner != BOOKS_HOST;
		return rc;
	}
	if (books_whose_was(&o->books, pa) != BOOKS_NOBODY)
		violate(o, CMDQV_O_RELEASED, NULL, NULL,
			books_whose_was(&o->books, pa));
	else
		violate(o, CMDQV_O_MEMORY, NULL, NULL, 0);
	return rc;
}

static int oracle_write_mem(void *opaque, uint64_t pa, const void *buf,
			    size_t len)
{
	struct cmdqv_oracle *o = opaque;

	if (o->armed)
		violate(o, CMDQV_O_WRITE, NULL, NULL, pa);
	return o->bench.write_mem(o->opaque, pa, buf, len);
}

static enum cmdqv_cerror oracle_execute(void *opaque, const uint64_t cmd[2],
					const struct cmdqv_origin *origin)
{
	struct cmdqv_oracle *o = opaque;

	/* Before the SMMU has it: what it does to the tables comes after */
	if (o->armed)
		judge(o, origin, cmd);
	return o->bench.execute(o->opaque, cmd, origin);
}

static void oracle_irq_edge(void *opaque)
{
	struct cmdqv_oracle *o = opaque;

	o->bench.irq_edge(o->opaque);
}

static uint64_t oracle_now_ns(void *opaque)
{
	struct cmdqv_oracle *o = opaque;

	return o->bench.now_ns(o->opaque);
}

static void oracle_schedule(void *opaque, uint64_t delay_ns)
{
	struct cmdqv_oracle *o = opaque;

	o->bench.schedule(o->opaque, delay_ns);
}

const struct cmdqv_bench *cmdqv_oracle_bench(void)
{
	static const struct cmdqv_bench bench = {
		.read_mem = oracle_read_mem,
		.write_mem = oracle_write_mem,
		.execute = oracle_execute,
		.irq_edge = oracle_irq_edge,
		.now_ns = oracle_now_ns,
		.schedule = oracle_schedule,
	};

	return &bench;
}

struct cmdqv_oracle *
cmdqv_oracle_create(const struct cmdqv_bench *bench, void *opaque,
		    void (*strtab)(void *opaque, uint64_t *base,
				   uint32_t *cfg))
{
	struct cmdqv_oracle *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->bench = *bench;
	o->opaque = opaque;
	o->strtab = strtab;
	return o;
}

void cmdqv_oracle_destroy(struct cmdqv_oracle *o)
{
	free(o);
}

void cmdqv_oracle_unit(struct cmdqv_oracle *o, const struct cmdqv *c)
{
	o->unit = c;
}

uint64_t cmdqv_oracle_violations(const struct cmdqv_oracle *o,
				 enum cmdqv_oracle_violation v)
{
	return o->violations[v];
}

uint64_t cmdqv_oracle_judged(const struct cmdqv_oracle *o)
{
	return o->judged;
}

const char *cmdqv_oracle_violation_name(enum cmdqv_oracle_violation v)
{
	static const char *const names[CMDQV_O_VIOLATIONS] = {
		[CMDQV_O_MEMORY] = "memory",
		[CMDQV_O_RELEASED] = "released",
		[CMDQV_O_NOBODY] = "nobody",
		[CMDQV_O_HYP_OWN] = "hyp_own",
		[CMDQV_O_OPCODE] = "opcode",
		[CMDQV_O_VMID] = "vmid",
		[CMDQV_O_SID] = "sid",
		[CMDQV_O_FIELDS] = "fields",
		[CMDQV_O_VMID_MOVED] = "vmid_moved",
		[CMDQV_O_VMID_SHARED] = "vmid_shared",
		[CMDQV_O_WRITE] = "write",
	};

	return (unsigned int)v < CMDQV_O_VIOLATIONS ? names[v] : "?";
}

/*
 * Text commands. Each returns NULL, or why it was refused.
 */

static uint64_t all_violations(const struct cmdqv_oracle *o)
{
	uint64_t all = 0;

	for (unsigned int v = 0; v < CMDQV_O_VIOLATIONS; v++)
		all += o->violations[v];
	return all;
}

static void report(const struct cmdqv_oracle *o, struct cmdqv_reply *r)
{
	unsigned int host = 0;

	for (unsigned int i = 0; i < o->books.ranges; i++)
		host += o->books.range[i].owner == BOOKS_HOST;
	cmdqv_say(r, "ok\noracle armed=%d judged=%" PRIu64 " host=%" PRIu64
		  " fetched=%" PRIu64 " violations=%" PRIu64 " owners=%u "
		  "ranges=%u host_ranges=%u\n", o->armed, o->judged, o->host,
		  o->fetched, all_violations(o), o->books.owners,
		  o->books.ranges - host, host);
	for (unsigned int op = 0; op < 256; op++)
		if (o->opcodes[op])
			cmdqv_say(r, "oracle_opcode opcode=0x%02x count=%"
				  PRIu64 "\n", op, o->opcodes[op]);
	for (unsigned int v = 0; v < CMDQV_O_VIOLATIONS; v++)
		cmdqv_say(r, "oracle_violation name=%s count=%" PRIu64 "\n",
			  cmdqv_oracle_violation_name((enum cmdqv_oracle_violation)v),
			  o->violations[v]);
	for (unsigned int i = 0; i < o->cases; i++) {
		const struct verdict_case *c = &o->cases_of[i];

		cmdqv_say(r, "oracle_case name=%s owner=%" PRIu64 " v=%d q=%d "
			  "pa=0x%" PRIx64 " orig=0x%" PRIx64 ",0x%" PRIx64
			  " final=0x%" PRIx64 ",0x%" PRIx64 " want=0x%" PRIx64
			  "\n", cmdqv_oracle_violation_name(c->what), c->owner,
			  c->v == CMDQV_NONE ? -1 : c->v,
			  c->q == CMDQV_NONE ? -1 : c->q, c->pa, c->original[0],
			  c->original[1], c->final[0], c->final[1], c->want);
	}
}

/* The host's queues, from BASE; a VM's must not be among them */
static const char *declare_host(struct books *b, const struct cmdqv *unit)
{
	struct cmdqv_vcmdq_state s;
	const char *why = NULL;

	for (unsigned int q = 0; !why && cmdqv_get_vcmdq(unit, q, &s); q++) {
		if (!s.allocated)
			continue;
		if (s.vintf)
			why = "there is a VM";
		else if (s.enabled)
			why = books_memory(b, BOOKS_HOST,
					   s.base & 0x0000ffffffffffe0ull,
					   16ull << (s.base & 0x1f));
	}
	return why;
}

static const char *begin(struct cmdqv_oracle *o, struct cmdqv_reply *r)
{
	struct cmdqv_oracle new = {
		.bench = o->bench, .opaque = o->opaque, .strtab = o->strtab,
		.unit = o->unit, .armed = true,
	};
	const char *why = declare_host(&new.books, o->unit);

	if (why)
		return why;
	cmdqv_say(r, "ok\ndiscarded judged=%" PRIu64 " violations=%" PRIu64
		  "\n", o->judged, all_violations(o));
	*o = new;
	return NULL;
}

static const char *declare_owner(struct cmdqv_oracle *o, uint64_t id,
				 uint64_t psid, struct cmdqv_reply *r)
{
	const char *why;
	uint16_t vmid;
	bool free;

	if (psid > UINT32_MAX || !stream_vmid(o, (uint32_t)psid, &vmid))
		return "the device has no stage 2";
	why = books_may_begin(&o->books, id);
	if (why)
		return why;
	free = books_take_vmid(&o->books, vmid);
	books_begin(&o->books, id, (uint32_t)psid, vmid);
	if (!free) {
		memset(&o->fetch, 0, sizeof(o->fetch));
		o->fetch.owner = id;
		violate(o, CMDQV_O_VMID_SHARED, NULL, NULL, vmid);
	}
	cmdqv_say(r, "ok\nowner id=%" PRIu64 " vmid=%u\n", id, vmid);
	return NULL;
}

static const char *declare_stream(struct cmdqv_oracle *o, uint64_t id,
				  uint64_t vsid, uint64_t psid)
{
	struct books_owner *owner = books_owner(&o->books, id);
	uint16_t vmid;

	if (!owner)
		return "no such owner";
	if (vsid > UINT32_MAX || psid > UINT32_MAX ||
	    !stream_vmid(o, (uint32_t)psid, &vmid) || vmid != owner->vmid)
		return "the device is not on the owner's stage 2";
	return books_stream(owner, (uint32_t)vsid, (uint32_t)psid);
}

/* "id=N", and the keys @one and @two where not NULL */
static bool parse_args(const struct cmdqv_words *w, const char *one,
		       const char *two, uint64_t *id, uint64_t *a, uint64_t *b)
{
	unsigned int want = 3u + !!one + !!two;

	return w->count == want && cmdqv_parse_key(w->word[2], "id", id) &&
	       *id < BOOKS_IDS &&
	       (!one || cmdqv_parse_key(w->word[3], one, a)) &&
	       (!two || cmdqv_parse_key(w->word[4], two, b));
}

static const char *run(struct cmdqv_oracle *o, const struct cmdqv_words *w,
		       struct cmdqv_reply *r)
{
	static const char usage[] =
		"usage: oracle [begin | owner id= psid= | stream id= vsid= psid= | "
		"gone id= vsid= | memory id= pa= len= | release id= pa= | "
		"dying id= | end id=]";
	const char *verb = w->count > 1 ? w->word[1] : "";
	uint64_t id, a, b;
	const char *why;

	if (w->count == 1) {
		report(o, r);
		return NULL;
	}
	if (!strcmp(verb, "begin") && w->count == 2)
		return begin(o, r);
	if (!strcmp(verb, "owner") && parse_args(w, "psid", NULL, &id, &a, &b))
		return declare_owner(o, id, a, r);
	if (!strcmp(verb, "stream") &&
	    parse_args(w, "vsid", "psid", &id, &a, &b))
		why = declare_stream(o, id, a, b);
	else if (!strcmp(verb, "gone") &&
		 parse_args(w, "vsid", NULL, &id, &a, &b))
		why = a > UINT32_MAX ? "no such vsid" :
		      books_gone(&o->books, id, (uint32_t)a);
	else if (!strcmp(verb, "memory") &&
		 parse_args(w, "pa", "len", &id, &a, &b))
		why = books_memory(&o->books, id, a, b);
	else if (!strcmp(verb, "release") &&
		 parse_args(w, "pa", NULL, &id, &a, &b))
		why = books_release(&o->books, id, a);
	else if (!strcmp(verb, "dying") &&
		 parse_args(w, NULL, NULL, &id, &a, &b))
		why = books_dying(&o->books, id);
	else if (!strcmp(verb, "end") &&
		 parse_args(w, NULL, NULL, &id, &a, &b))
		why = books_end(&o->books, id);
	else
		why = usage;
	if (!why)
		cmdqv_say(r, "ok\n");
	return why;
}

size_t cmdqv_oracle_observe(struct cmdqv_oracle *o, const char *command,
			    char *out, size_t out_len)
{
	struct cmdqv_reply r = { .out = out, .out_len = out_len };
	const char *why = "unknown command";
	struct cmdqv_words w;

	if (cmdqv_words(&w, command) && !strcmp(w.word[0], "oracle"))
		why = run(o, &w, &r);
	if (why)
		cmdqv_say(&r, "error reason=%s\n", why);
	cmdqv_say_end(&r);
	return r.len;
}
