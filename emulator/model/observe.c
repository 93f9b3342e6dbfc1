// SPDX-License-Identifier: GPL-2.0-or-later
/* The observer: text commands, described in cmdqv.h */
#include <inttypes.h>
#include <string.h>

#include "text.h"
#include "unit.h"

static void say_vintf(struct cmdqv_reply *r, const struct cmdqv *c,
		      unsigned int v, bool all)
{
	struct cmdqv_vintf_state s;

	cmdqv_get_vintf(c, v, &s);
	if (all || s.config_en || s.enabled || s.hyp_own || s.vmid ||
	    s.num_lvcmdqs || s.err_map[0] || s.err_map[1])
		cmdqv_say(r, "vintf v=%u en=%d enabled=%d hyp_own=%d vmid=%u "
			  "lvcmdqs=%u err_map=0x%" PRIx64 ",0x%" PRIx64 "\n", v,
			  s.config_en, s.enabled, s.hyp_own, s.vmid, s.num_lvcmdqs,
			  s.err_map[0], s.err_map[1]);
	for (unsigned int i = 0; i < c->num_sids; i++)
		if (all || s.sid[i].enabled || s.sid[i].virt_sid ||
		    s.sid[i].phys_sid)
			cmdqv_say(r, "sid v=%u slot=%u match=%d virt_sid=0x%x "
				  "phys_sid=0x%x\n", v, i, s.sid[i].enabled,
				  s.sid[i].virt_sid, s.sid[i].phys_sid);
}

static void say_vcmdq(struct cmdqv_reply *r, const struct cmdqv *c,
		      unsigned int q, bool all)
{
	struct cmdqv_vcmdq_state s;

	cmdqv_get_vcmdq(c, q, &s);
	if (!all && !s.allocated && !s.config_en && !s.enabled && !s.orphan &&
	    !s.atc_owed && !s.base && !s.prod && !s.cons &&
	    !s.cons_indx_base && s.gerror == s.gerrorn)
		return;
	cmdqv_say(r, "vcmdq q=%u allocated=%d vintf=%u lvcmdq=%u en=%d enabled=%d "
		  "orphan=%d atc_owed=%d base=0x%" PRIx64 " log2size=%u prod=0x%x "
		  "cons=0x%x err=%u gerror=0x%x gerrorn=0x%x "
		  "cons_indx_base=0x%" PRIx64 "\n", q, s.allocated, s.vintf,
		  s.lvcmdq, s.config_en, s.enabled, s.orphan, s.atc_owed,
		  (uint64_t)(s.base & CMDQV_BASE_ADDR),
		  (unsigned int)(s.base & CMDQV_BASE_LOG2SIZE), s.prod,
		  s.cons & CMDQV_CONS_RD,
		  (s.cons & CMDQV_CONS_ERR) >> CMDQV_CONS_ERR_SHIFT, s.gerror,
		  s.gerrorn, s.cons_indx_base);
}

static bool do_state(struct cmdqv *c, const struct cmdqv_words *w,
		     struct cmdqv_reply *r)
{
	bool all = w->count == 2 && !strcmp(w->word[1], "all");
	struct cmdqv_state s;

	if (w->count > 2 || (w->count == 2 && !all))
		return false;
	cmdqv_get_state(c, &s);
	cmdqv_say(r, "ok\ncmdqv en=%d enabled=%d vintfs=%u vcmdqs=%u sids=%u "
		  "cmdqs=%u hyp_wired=%d vintf_err_map=0x%" PRIx64
		  " int_mask=0x%" PRIx64 "\n", s.config_en, s.enabled, s.num_vintfs,
		  s.num_vcmdqs, s.num_sids, c->config.max_log2size,
		  c->config.hyp_wired, s.vintf_err_map, s.vintf_int_mask);
	for (unsigned int v = 0; v < c->num_vintfs; v++)
		say_vintf(r, c, v, all);
	for (unsigned int q = 0; q < c->num_vcmdqs; q++)
		say_vcmdq(r, c, q, all);
	return true;
}

static uint64_t say_commands(struct cmdqv_reply *r, const struct cmdqv *c,
			     uint64_t *refused)
{
	const struct cmdqv_counters *n = &c->counters;
	uint64_t executed = 0;

	for (unsigned int v = 0; v < c->num_vintfs; v++) {
		for (unsigned int op = 0; op < 256; op++) {
			executed += n->executed[v][op];
			if (n->executed[v][op])
				cmdqv_say(r, "executed v=%u opcode=0x%02x name=%s "
					  "count=%" PRIu64 "\n", v, op,
					  cmdqv_opcode_name(op), n->executed[v][op]);
		}
		for (unsigned int i = 0; i < CMDQV_REFUSALS; i++) {
			*refused += n->refused[v][i];
			if (n->refused[v][i])
				cmdqv_say(r, "refused v=%u reason=%s count=%" PRIu64
					  "\n", v,
					  cmdqv_refusal_name((enum cmdqv_refusal)i),
					  n->refused[v][i]);
		}
	}
	return executed;
}

static bool do_counters(struct cmdqv *c, const struct cmdqv_words *w,
			struct cmdqv_reply *r)
{
	const struct cmdqv_counters *n = &c->counters;
	uint64_t executed, refused = 0, violations = 0;

	if (w->count > 1)
		return false;
	cmdqv_say(r, "ok\n");
	executed = say_commands(r, c, &refused);
	for (unsigned int i = 0; i < CMDQV_VIOLATIONS; i++) {
		violations += n->violations[i];
		if (n->violations[i])
			cmdqv_say(r, "violation name=%s count=%" PRIu64 "\n",
				  cmdqv_violation_name((enum cmdqv_violation)i),
				  n->violations[i]);
	}
	for (unsigned int i = 0; i < CMDQV_APERTURES; i++)
		cmdqv_say(r, "access aperture=%s reads=%" PRIu64 " writes=%" PRIu64
			  "\n", cmdqv_aperture_name((enum cmdqv_aperture)i),
			  n->reads[i], n->writes[i]);
	for (unsigned int v = 0; v < c->num_vintfs; v++)
		if (n->vintf_reads[v] || n->vintf_writes[v])
			cmdqv_say(r, "window v=%u reads=%" PRIu64 " writes=%" PRIu64
				  "\n", v, n->vintf_reads[v], n->vintf_writes[v]);
	cmdqv_say(r, "total executed=%" PRIu64 " refused=%" PRIu64
		  " violations=%" PRIu64 " dropped=%" PRIu64 " rejected=%" PRIu64
		  " ignored=%" PRIu64 " irqs=%" PRIu64 " init_errors=%" PRIu64
		  " dram_write_aborts=%" PRIu64 "\n", executed, refused, violations,
		  n->dropped, n->rejected, n->ignored, n->irqs, n->init_errors,
		  n->dram_write_aborts);
	return true;
}

/* -1 for what is not there, so that a reader needs no constant of ours */
static int number(unsigned int n)
{
	return n == CMDQV_NONE ? -1 : (int)n;
}

static void say_entry(struct cmdqv_reply *r, const struct cmdqv_log_entry *e)
{
	unsigned int op = (unsigned int)(e->original[0] & SMMU_CMD_OP);

	if (e->kind == CMDQV_LOG_VIOLATION) {
		cmdqv_say(r, "violation seq=%" PRIu64 " t=%" PRIu64 " name=%s v=%d "
			  "q=%d l=%d value=0x%" PRIx64 "\n", e->seq, e->time_ns,
			  cmdqv_violation_name(e->violation),
			  number(e->origin.vintf), number(e->origin.vcmdq),
			  number(e->origin.lvcmdq), e->original[0]);
		return;
	}
	cmdqv_say(r, "%s seq=%" PRIu64 " t=%" PRIu64 " v=%u q=%u l=%u hyp_own=%d "
		  "vmid=%u op=0x%02x name=%s result=%u pa=0x%" PRIx64
		  " orig=0x%" PRIx64 ",0x%" PRIx64 " final=0x%" PRIx64
		  ",0x%" PRIx64, e->kind == CMDQV_LOG_EXECUTED ? "executed" :
		  "refused", e->seq, e->time_ns, e->origin.vintf, e->origin.vcmdq,
		  e->origin.lvcmdq, e->origin.hyp_own, e->origin.vmid, op,
		  cmdqv_opcode_name(op), (unsigned int)e->result, e->pa,
		  e->original[0], e->original[1], e->final[0], e->final[1]);
	if (e->kind == CMDQV_LOG_REFUSED)
		cmdqv_say(r, " reason=%s", cmdqv_refusal_name(e->refusal));
	cmdqv_say(r, "\n");
}

struct log_query {
	bool since;
	uint64_t seq;
	uint64_t limit;
	uint64_t v, q;			/* UINT64_MAX: any */
};

static bool parse_log(const struct cmdqv_words *w, struct log_query *query)
{
	unsigned int i = 1;

	*query = (struct log_query){ .limit = 64, .v = UINT64_MAX,
				     .q = UINT64_MAX };
	if (i < w->count && !strcmp(w->word[i], "since")) {
		query->since = true;
		query->limit = UINT64_MAX;
		if (++i >= w->count || !cmdqv_parse(w->word[i++], &query->seq))
			return false;
	}
	if (i < w->count && cmdqv_parse(w->word[i], &query->limit))
		i++;
	for (; i < w->count; i++)
		if (!cmdqv_parse_key(w->word[i], "v", &query->v) &&
		    !cmdqv_parse_key(w->word[i], "q", &query->q))
			return false;
	return true;
}

static bool selected(const struct cmdqv *c, const struct log_query *query,
		     uint64_t seq, struct cmdqv_log_entry *e)
{
	return cmdqv_log_get(c, seq, e) &&
	       (query->v == UINT64_MAX || query->v == e->origin.vintf) &&
	       (query->q == UINT64_MAX || query->q == e->origin.vcmdq);
}

static bool do_log(struct cmdqv *c, const struct cmdqv_words *w,
		   struct cmdqv_reply *r)
{
	struct cmdqv_log_entry e;
	struct log_query query;
	uint64_t first = c->log_first, seq, n = 0;

	if (!parse_log(w, &query))
		return false;
	if (c->log_head >= first + c->config.log_entries)
		first = c->log_head - c->config.log_entries + 1;
	if (query.since && query.seq > first)
		first = query.seq;
	cmdqv_say(r, "ok\n");
	seq = first;
	if (!query.since) {
		/* The last ones: count backwards to where they begin */
		for (seq = c->log_head + 1; seq > first && n < query.limit;)
			n += selected(c, &query, --seq, &e);
	}
	for (n = 0; seq <= c->log_head && n < query.limit; seq++) {
		if (!selected(c, &query, seq, &e))
			continue;
		say_entry(r, &e);
		n++;
	}
	cmdqv_say(r, "head seq=%" PRIu64 "\n", c->log_head);
	return true;
}

static bool do_inject(struct cmdqv *c, const struct cmdqv_words *w,
		      struct cmdqv_reply *r)
{
	uint64_t v = UINT64_MAX, q = UINT64_MAX, index, arg = 1;
	enum cmdqv_fault fault;
	unsigned int f;
	char scope;

	if (w->count == 2 && !strcmp(w->word[1], "none")) {
		cmdqv_inject_none(c);
		cmdqv_say(r, "ok\n");
		return true;
	}
	if (w->count < 2)
		return false;
	for (f = 0; f < CMDQV_FAULTS; f++)
		if (!strcmp(w->word[1], cmdqv_fault_name((enum cmdqv_fault)f)))
			break;
	for (unsigned int i = 2; i < w->count; i++)
		if (!cmdqv_parse_key(w->word[i], "v", &v) &&
		    !cmdqv_parse_key(w->word[i], "q", &q) &&
		    !cmdqv_parse_key(w->word[i], "arg", &arg))
			return false;
	fault = (enum cmdqv_fault)f;
	scope = cmdqv_fault_scope(fault);
	/* Exactly the index that the fault wants: a slip must not go elsewhere */
	if ((v != UINT64_MAX) != (scope == 'v') ||
	    (q != UINT64_MAX) != (scope == 'q'))
		return false;
	index = scope == 'v' ? v : scope == 'q' ? q : 0;
	if (index > CMDQV_NONE ||
	    !cmdqv_inject(c, fault, (unsigned int)index, arg))
		return false;
	cmdqv_say(r, "ok\n");
	return true;
}

static bool do_delay(struct cmdqv *c, const struct cmdqv_words *w,
		     struct cmdqv_reply *r)
{
	uint64_t enable = c->config.enable_delay_ns;
	uint64_t disable = c->config.disable_delay_ns;
	uint64_t command = c->config.command_delay_ns;
	uint64_t steps = c->config.commands_per_step;

	for (unsigned int i = 1; i < w->count; i++)
		if (!cmdqv_parse_key(w->word[i], "enable_ns", &enable) &&
		    !cmdqv_parse_key(w->word[i], "disable_ns", &disable) &&
		    !cmdqv_parse_key(w->word[i], "command_ns", &command) &&
		    !cmdqv_parse_key(w->word[i], "step", &steps))
			return false;
	if (steps > UINT32_MAX)
		return false;
	cmdqv_set_delays(c, enable, disable, command, (uint32_t)steps);
	cmdqv_say(r, "ok\ndelay enable_ns=%" PRIu64 " disable_ns=%" PRIu64
		  " command_ns=%" PRIu64 " step=%u\n", c->config.enable_delay_ns,
		  c->config.disable_delay_ns, c->config.command_delay_ns,
		  c->config.commands_per_step);
	return true;
}

static bool do_check(struct cmdqv *c, const struct cmdqv_words *w,
		     struct cmdqv_reply *r)
{
	const char *what = cmdqv_check(c);

	if (w->count > 1)
		return false;
	if (what)
		cmdqv_say(r, "ok\ncheck ok=0 what=%s\n", what);
	else
		cmdqv_say(r, "ok\ncheck ok=1\n");
	return true;
}

static bool do_clear(struct cmdqv *c, const struct cmdqv_words *w,
		     struct cmdqv_reply *r)
{
	if (w->count > 1)
		return false;
	cmdqv_clear(c);
	cmdqv_say(r, "ok\n");
	return true;
}

static bool do_help(struct cmdqv *c, const struct cmdqv_words *w,
		    struct cmdqv_reply *r);

static const struct {
	const char *name;
	const char *usage;
	bool (*run)(struct cmdqv *c, const struct cmdqv_words *w,
		    struct cmdqv_reply *r);
} commands[] = {
	{ "help", "help", do_help },
	{ "state", "state [all]", do_state },
	{ "counters", "counters", do_counters },
	{ "log", "log [N] | log since SEQ [N], then [v=N] [q=N]", do_log },
	{ "inject", "inject NAME [v=N|q=N] [arg=N] | inject none", do_inject },
	{ "delay", "delay [enable_ns=N] [disable_ns=N] [command_ns=N] [step=N]",
	  do_delay },
	{ "check", "check", do_check },
	{ "clear", "clear", do_clear },
};

#define NUM_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static bool do_help(struct cmdqv *c, const struct cmdqv_words *w,
		    struct cmdqv_reply *r)
{
	(void)c;
	(void)w;
	cmdqv_say(r, "ok\n");
	for (size_t i = 0; i < NUM_COMMANDS; i++)
		cmdqv_say(r, "%s\n", commands[i].usage);
	for (unsigned int f = 0; f < CMDQV_FAULTS; f++)
		cmdqv_say(r, "fault name=%s\n",
			  cmdqv_fault_name((enum cmdqv_fault)f));
	return true;
}

size_t cmdqv_observe(struct cmdqv *c, const char *command, char *out,
		     size_t out_len)
{
	struct cmdqv_reply r = { .out = out, .out_len = out_len };
	const char *usage = "unknown command, try help";
	bool done = false;
	struct cmdqv_words w;
	size_t i = NUM_COMMANDS;

	if (cmdqv_words(&w, command))
		for (i = 0; i < NUM_COMMANDS; i++)
			if (!strcmp(w.word[0], commands[i].name))
				break;
	if (i < NUM_COMMANDS) {
		done = commands[i].run(c, &w, &r);
		usage = commands[i].usage;
	}
	if (!done)
		cmdqv_say(&r, "error reason=%s%s\n", i < NUM_COMMANDS ? "usage: " : "",
			  usage);
	cmdqv_say_end(&r);
	return r.len;
}
