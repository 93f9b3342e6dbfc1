// SPDX-License-Identifier: GPL-2.0-or-later
/* For people */
#include <stdio.h>
#include <string.h>

#include "table.h"
#include "view.h"

/**
 * view_has() - is a record asked for?
 * @v: what to print
 * @r: the record
 *
 * Return: whether it is. One that is of no VINTF always is.
 */
bool view_has(const struct view *v, const struct record *r)
{
	u64 vintf;

	return v->vintf < 0 || !record_u64(r, "v", &vintf) || vintf == (u64)v->vintf;
}

/* The value of a key, or nothing */
static void add(struct text *t, const char *before, const struct record *r,
		const char *key, const char *after)
{
	const struct pair *p = record_pair(r, key);

	if (!p)
		return;
	text_puts(t, before);
	text_span(t, p->value);
	text_puts(t, after);
}

static void cell(struct table *t, const struct record *r, const char *key)
{
	struct text text = {};

	add(&text, "", r, key, "");
	table_cell(t, &text);
}

static void rate_cell(struct table *t, bool known, double rate)
{
	struct text text = {};

	if (known)
		text_printf(&text, "%.1f", rate);
	table_cell(t, &text);
}

static void add_word(struct text *t, const char *word)
{
	if (t->len)
		text_puts(t, ", ");
	text_puts(t, word);
}

/* Pairs that nobody here knows are shown as they came */
static void add_unknown(struct text *t, const struct record *r, enum record_kind kind)
{
	for (size_t i = 0; i < r->num; i++) {
		const struct pair *p = &r->pairs[i];
		const struct field *f = kinds[kind].fields;

		while (f->key && !span_is(p->key, f->key))
			f++;
		if (f->key)
			continue;
		if (t->len)
			text_puts(t, " ");
		text_span(t, p->key);
		text_puts(t, "=");
		text_span(t, p->value);
	}
}

static void unknown_cell(struct table *t, const struct record *r, enum record_kind kind)
{
	struct text text = {};

	add_unknown(&text, r, kind);
	table_cell(t, &text);
}

/* What else a record of which there is one says */
static void show_unknown(struct text *out, const struct record *r, enum record_kind kind)
{
	struct text text = {};

	if (!r)
		return;
	add_unknown(&text, r, kind);
	if (text.len)
		text_printf(out, "  also: %s\n", text.s);
	text_free(&text);
}

/* "1 error", "2 errors" */
static void add_count(struct text *t, const char *before, const struct record *r,
		      const char *key, const char *what)
{
	add(t, before, r, key, " ");
	if (!record_pair(r, key))
		return;
	text_puts(t, what);
	if (!record_is(r, key, "1"))
		text_puts(t, "s");
}

/* A line that says something: what is in @t, less the comma that it begins with */
static void show_line(struct text *out, const char *title, struct text *t)
{
	if (t->len)
		text_printf(out, "  %s: %s\n", title, t->s + (t->s[0] == ',' ? 2 : 0));
	text_free(t);
}

static void add_size(struct text *t, u64 bytes)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB" };
	size_t i;

	for (i = 0; i < 3 && bytes && !(bytes % 1024); i++)
		bytes /= 1024;
	text_printf(t, "%llu %s", bytes, units[i]);
}

static void show_head(struct text *out, const struct unit *u)
{
	const struct record *r = unit_first(u, KIND_UNIT);

	text_span(out, span_of(u->name));
	add(out, " (", r, "cmdqv", ")");
	if (record_pair(r, "role") && !record_is(r, "role", "-"))
		add(out, ": ", r, "role", "");
	add(out, ", ", r, "state", "");
	text_puts(out, "\n");
}

static void show_geometry(struct text *out, const struct record *r)
{
	struct text t = {};
	u64 log2, base, size;

	if (!r)
		return;
	add(&t, ", version ", r, "version", "");
	add_count(&t, ", ", r, "vintfs", "VINTF");
	add_count(&t, ", ", r, "vcmdqs", "VCMDQ");
	add(&t, " (", r, "lvcmdqs_per_vintf", " a VINTF)");
	add_count(&t, ", ", r, "sids_per_vintf", "SID slot");
	if (record_pair(r, "sids_per_vintf"))
		text_puts(&t, " a VINTF");
	if (record_u64(r, "max_log2_entries", &log2) && log2 < 58) {
		text_printf(&t, ", queues of up to %llu commands (", 1ULL << log2);
		add_size(&t, 16ULL << log2);
		text_puts(&t, ")");
	}
	show_line(out, "geometry", &t);
	if (record_u64(r, "base", &base))
		text_printf(&t, ", at 0x%llx", base);
	if (record_u64(r, "size", &size)) {
		text_puts(&t, ", ");
		add_size(&t, size);
	}
	add(&t, ", PARAM ", r, "param", "");
	add(&t, ", CONFIG ", r, "config", "");
	add(&t, ", STATUS ", r, "status", "");
	show_line(out, "registers", &t);
	show_unknown(out, r, KIND_UNIT);
}

static void show_smmu(struct text *out, const struct record *unit, const struct record *r)
{
	static const struct {
		const char *key;
		const char *yes;
		const char *no;
	} features[] = {
		{ "nesting", "nested translation", "no nested translation" },
		{ "s2fwb", "S2FWB", "no S2FWB" },
		{ "coherent", "coherent", "not coherent" },
	};
	struct text t = {};
	u64 value;

	if (!r)
		return;
	add(&t, ", IIDR ", r, "iidr", "");
	add(&t, ", AIDR ", r, "aidr", "");
	add(&t, ", IDR0 ", r, "idr0", "");
	add(&t, ", IDR1 ", r, "idr1", "");
	add(&t, ", IDR3 ", r, "idr3", "");
	add(&t, ", IDR5 ", r, "idr5", "");
	show_line(out, "SMMU", &t);
	for (size_t i = 0; i < ARRAY_SIZE(features); i++)
		if (record_u64(r, features[i].key, &value))
			add_word(&t, value ? features[i].yes : features[i].no);
	show_line(out, "SMMU", &t);
	show_unknown(out, r, KIND_SMMU);
	if (!record_is(unit, "role", "guest") && record_u64(unit, "vm_usable", &value))
		text_printf(out, "  VMs: can%s have queues of this unit\n",
			    value && record_or(r, "nest_vm", 1) ? "" : "not");
}

static void show_interrupts(struct text *out, const struct view *v, const struct unit *u)
{
	const struct list *list = &u->list[KIND_INTERRUPT];
	struct before b = before_of(v->look, v->before, u->name);
	double rate;
	u64 irq;

	for (size_t i = 0; i < list->num; i++) {
		const struct record *r = list->r[i];

		text_puts(out, "  interrupt");
		add(out, " ", r, "irq", "");
		add(out, ": ", r, "count", " so far");
		if (v->watch && record_u64(r, "irq", &irq) &&
		    rate_of(&b, unit_find(b.unit, KIND_INTERRUPT, "irq", irq), r, "count", &rate))
			text_printf(out, ", %.1f/s", rate);
		text_puts(out, "\n");
		show_unknown(out, r, KIND_INTERRUPT);
	}
}

static void show_total(struct text *out, const struct view *v, const struct unit *u)
{
	const struct record *r = unit_first(u, KIND_TOTAL);
	struct before b = before_of(v->look, v->before, u->name);
	const struct record *then = unit_first(b.unit, KIND_TOTAL);
	struct text t = {};
	double rate;
	u64 limit;

	if (!r)
		return;
	add(&t, ", ", r, "taken", " taken");
	add(&t, " of ", r, "vintfs", "");
	add(&t, ", ", r, "ended", " ended and not stopped");
	add(&t, ", ", r, "aside", " aside");
	if (record_u64(r, "per_device", &limit)) {
		if (limit)
			text_printf(&t, ", at most %llu a user and device", limit);
		else
			text_puts(&t, ", no bound for a user");
	}
	show_line(out, "VINTFs for VMs", &t);
	add_count(&t, ", ", r, "interrupts", "interrupt");
	if (v->watch && rate_of(&b, then, r, "interrupts", &rate))
		text_printf(&t, " (%.1f/s)", rate);
	add_count(&t, ", ", r, "brakes", "brake");
	if (v->watch && rate_of(&b, then, r, "brakes", &rate))
		text_printf(&t, " (%.1f/s)", rate);
	show_line(out, "errors of VMs", &t);
	show_unknown(out, r, KIND_TOTAL);
}

/* VINTF0, which is the kernel's own */
static void show_vintf0(struct text *out, const struct record *r)
{
	struct text t = {};
	u64 value;

	if (!r)
		return;
	if (record_u64(r, "enabled", &value))
		text_puts(&t, value ? "enabled" : "disabled");
	if (record_u64(r, "hyp_own", &value))
		add_word(&t, value ? "HYP_OWN" : "no HYP_OWN");
	add_count(&t, ", ", r, "queues", "queue");
	add_count(&t, ", ", r, "errors", "error");
	add(&t, ", CONFIG ", r, "config", "");
	add(&t, ", STATUS ", r, "status", "");
	show_line(out, "VINTF 0, the kernel's own", &t);
	show_unknown(out, r, KIND_VINTF0);
}

static void add_flag(struct text *t, const struct record *r, const char *key)
{
	if (record_or(r, key, 0))
		add_word(t, key);
}

static void vintf_flags(struct table *t, const struct record *r)
{
	struct text flags = {};
	u64 config, status;

	if (record_u64(r, "config", &config) && record_u64(r, "status", &status)) {
		if (config & VINTF_CONFIG_ENABLE)
			add_word(&flags, status & VINTF_STATUS_ENABLE_OK ?
				 "running" : "enabled");
		else
			add_word(&flags, status & VINTF_STATUS_ENABLE_OK ?
				 "stopping" : "disabled");
		if (config & VINTF_CONFIG_HYP_OWN)
			add_word(&flags, "HYP_OWN");
	}
	add_flag(&flags, r, "ended");
	add_flag(&flags, r, "fenced");
	add_flag(&flags, r, "masked");
	table_cell(t, &flags);
}

static void show_vintfs(struct text *out, const struct view *v, const struct unit *u)
{
	static const struct column columns[] = {
		{ "VINTF", true, 0 }, { "device", false, 0 }, { "VMID", true, 0 },
		{ "user", true, 3 }, { "queues", true, 0 }, { "SIDs", true, 4 },
		{ "errors", true, 2 }, { "errors/s", true, 1 }, { "interrupts", true, 6 },
		{ "interrupts/s", true, 2 }, { "brakes", true, 5 }, { "brakes/s", true, 4 },
		{ "commands/s", true, 1 }, { "CONFIG", true, 8 }, { "STATUS", true, 7 },
		{ "state", false, 0 }, { "also", false, 9 },
	};
	static const char *const counters[] = { "errors", "interrupts", "brakes" };
	struct before b = before_of(v->look, v->before, u->name);
	struct table t = {
		.columns = columns, .num = ARRAY_SIZE(columns), .width = v->width,
	};
	const struct list *list = &u->list[KIND_VINTF];

	for (size_t i = 0; i < list->num; i++) {
		const struct record *r = list->r[i];
		double rate = 0;
		bool known;

		if (!view_has(v, r))
			continue;
		cell(&t, r, "v");
		cell(&t, r, "device");
		cell(&t, r, "vmid");
		cell(&t, r, "user");
		cell(&t, r, "queues");
		cell(&t, r, "sids");
		for (size_t k = 0; k < ARRAY_SIZE(counters); k++) {
			cell(&t, r, counters[k]);
			known = v->watch && rate_vintf(&b, r, counters[k], &rate);
			rate_cell(&t, known, rate);
		}
		known = v->watch && rate_vintf_commands(&b, u, r, &rate);
		rate_cell(&t, known, rate);
		cell(&t, r, "config");
		cell(&t, r, "status");
		vintf_flags(&t, r);
		unknown_cell(&t, r, KIND_VINTF);
	}
	if (t.used)
		text_puts(out, "\n");
	table_print(&t, out);
}

static void queue_flags(struct table *t, const struct record *r,
			const struct queue_state *s)
{
	struct text flags = {};

	if (s->known.enabled && s->known.running) {
		if (s->enabled)
			add_word(&flags, s->running ? "running" : "enabled");
		else
			add_word(&flags, s->running ? "stopping" : "disabled");
	}
	if (s->errors & GERROR_CMDQ_ERR)
		add_word(&flags, "CMDQ_ERR");
	if (s->errors & GERROR_CONS_DRAM_WR_ABT_ERR)
		add_word(&flags, "CONS_DRAM_WR_ABT_ERR");
	if (s->errors & GERROR_CMDQ_INIT_ERR)
		add_word(&flags, "CMDQ_INIT_ERR");
	if (s->errors & GERROR_CMDQ_ERR && record_pair(r, "cons_err"))
		add_word(&flags, cons_error(record_or(r, "cons_err", ~0ULL)));
	table_cell(t, &flags);
}

static void show_vcmdqs(struct text *out, const struct view *v, const struct unit *u)
{
	static const struct column columns[] = {
		{ "VCMDQ", true, 0 }, { "VINTF", true, 0 }, { "LVCMDQ", true, 1 },
		{ "owner", false, 0 }, { "entries", true, 0 }, { "base", true, 3 },
		{ "PROD", true, 1 }, { "CONS", true, 1 }, { "waiting", true, 0 },
		{ "commands/s", true, 0 }, { "CONS.ERR", true, 5 }, { "CONFIG", true, 6 },
		{ "STATUS", true, 6 }, { "GERROR", true, 7 }, { "GERRORN", true, 7 },
		{ "ALLOC_MAP", true, 8 }, { "state", false, 0 }, { "also", false, 9 },
	};
	struct before b = before_of(v->look, v->before, u->name);
	struct table t = {
		.columns = columns, .num = ARRAY_SIZE(columns), .width = v->width,
	};
	const struct list *list = &u->list[KIND_VCMDQ];

	for (size_t i = 0; i < list->num; i++) {
		const struct record *r = list->r[i];
		struct queue_state s = queue_state(r);
		struct text waiting = {};
		double rate = 0;
		bool known;

		if (!view_has(v, r))
			continue;
		cell(&t, r, "q");
		cell(&t, r, "v");
		cell(&t, r, "l");
		cell(&t, r, "owner");
		cell(&t, r, "entries");
		cell(&t, r, "base");
		cell(&t, r, "prod");
		cell(&t, r, "cons");
		if (s.known.pending)
			text_printf(&waiting, "%llu", s.pending);
		table_cell(&t, &waiting);
		known = v->watch && rate_vcmdq(&b, r, &rate);
		rate_cell(&t, known, rate);
		cell(&t, r, "cons_err");
		cell(&t, r, "config");
		cell(&t, r, "status");
		cell(&t, r, "gerror");
		cell(&t, r, "gerrorn");
		cell(&t, r, "alloc");
		queue_flags(&t, r, &s);
		unknown_cell(&t, r, KIND_VCMDQ);
	}
	if (t.used)
		text_puts(out, "\n");
	table_print(&t, out);
}

static void show_sids(struct text *out, const struct view *v, const struct unit *u)
{
	static const struct column columns[] = {
		{ "SID slot", true, 0 }, { "VINTF", true, 0 }, { "guest's SID", true, 0 },
		{ "StreamID", true, 0 }, { "device", false, 0 }, { "SID_MATCH", true, 2 },
		{ "SID_REPLACE", true, 2 }, { "state", false, 0 }, { "also", false, 3 },
	};
	struct table t = {
		.columns = columns, .num = ARRAY_SIZE(columns), .width = v->width,
	};
	const struct list *list = &u->list[KIND_SID];

	for (size_t i = 0; i < list->num; i++) {
		const struct record *r = list->r[i];
		struct text state = {};

		if (!view_has(v, r))
			continue;
		cell(&t, r, "slot");
		cell(&t, r, "v");
		cell(&t, r, "virt");
		cell(&t, r, "phys");
		cell(&t, r, "device");
		cell(&t, r, "match");
		cell(&t, r, "replace");
		if (record_or(r, "given_up", 0))
			text_puts(&state, "given up");
		table_cell(&t, &state);
		unknown_cell(&t, r, KIND_SID);
	}
	if (t.used)
		text_puts(out, "\n");
	table_print(&t, out);
}

/* Records that nobody here knows */
static void show_others(struct text *out, const struct view *v, const struct unit *u)
{
	const struct list *list = &u->list[KIND_OTHER];
	bool any = false;

	for (size_t i = 0; i < list->num; i++) {
		struct text t = {};

		if (!view_has(v, list->r[i]))
			continue;
		if (!any)
			text_puts(out, "\n");
		any = true;
		text_puts(out, "  also: ");
		text_span(out, list->r[i]->word);
		add_unknown(&t, list->r[i], KIND_OTHER);
		if (t.len)
			text_printf(out, " %s", t.s);
		text_puts(out, "\n");
		text_free(&t);
	}
}

static void show_unit(struct text *out, const struct view *v, const struct unit *u)
{
	const struct record *unit = unit_first(u, KIND_UNIT);

	show_head(out, u);
	if (!v->watch) {
		show_geometry(out, unit);
		show_smmu(out, unit, unit_first(u, KIND_SMMU));
	}
	show_interrupts(out, v, u);
	/* A VM that has a unit has all of it: there are no VMs below */
	if (!record_is(unit, "role", "guest"))
		show_total(out, v, u);
	if (v->vintf <= 0)
		show_vintf0(out, unit_first(u, KIND_VINTF0));
	show_vintfs(out, v, u);
	show_vcmdqs(out, v, u);
	if (!v->watch)
		show_sids(out, v, u);
	show_others(out, v, u);
	text_puts(out, "\n");
}

static void show_findings(struct text *out, const struct view *v, enum finding_level level)
{
	for (size_t i = 0; i < v->findings->num; i++) {
		const struct finding *f = &v->findings->f[i];

		if (f->level != level)
			continue;
		if (!v->brief)
			text_puts(out, "  ");
		text_printf(out, "%s: ", level_names[level]);
		text_span(out, span_of(f->unit));
		text_printf(out, ": %s\n", f->text);
	}
}

static void show_summary(struct text *out, const struct view *v)
{
	const size_t *count = v->findings->count;

	if (count[LEVEL_ATTENTION])
		text_printf(out, "Summary: %zu thing%s", count[LEVEL_ATTENTION],
			    count[LEVEL_ATTENTION] == 1 ? " needs attention" :
			    "s need attention");
	else
		text_puts(out, "Summary: nothing needs attention");
	if (count[LEVEL_UNREAD])
		text_puts(out, ", not all could be looked at");
	text_puts(out, ".\n");
}

/**
 * show() - print for people
 * @v: what to print
 * @out: where to
 */
void show(const struct view *v, struct text *out)
{
	if (!v->brief) {
		for (size_t i = 0; i < v->look->num; i++)
			if (!v->only || v->only == &v->look->unit[i])
				show_unit(out, v, &v->look->unit[i]);
		show_summary(out, v);
	}
	for (size_t level = 0; level < LEVELS; level++)
		if (!v->brief || level != LEVEL_NOTE)
			show_findings(out, v, level);
}
