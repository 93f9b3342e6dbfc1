// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "findings.h"

const char *const level_names[LEVELS] = {
	[LEVEL_ATTENTION] = "attention",
	[LEVEL_UNREAD] = "unread",
	[LEVEL_NOTE] = "note",
};

/* Where the findings of a unit go, and which of them are asked for */
struct sink {
	struct findings *findings;
	const struct unit *u;
	const struct unit *before;
	long long only;
};

/* Numbers that nobody has are too large to be told as one */
static long long number(u64 n)
{
	return n > LLONG_MAX ? LLONG_MAX : (long long)n;
}

/* @text becomes the finding's, or is freed */
static void found(struct sink *s, enum finding_level level, const char *code,
		  const struct record *vintf, const struct record *vcmdq,
		  struct text *text)
{
	struct findings *all = s->findings;
	struct finding f = {
		.level = level, .code = code, .unit = s->u->name,
		.vintf = -1, .vcmdq = -1, .text = text->s,
	};
	u64 value;

	if (vintf)
		f.vintf = number(record_or(vintf, "v", 0));
	else if (record_u64(vcmdq, "v", &value))
		f.vintf = number(value);
	if (record_u64(vcmdq, "q", &value))
		f.vcmdq = number(value);
	if (s->only >= 0 && f.vintf >= 0 && f.vintf != s->only) {
		free(f.text);
		return;
	}
	all->f = grow(all->f, all->num, &all->size, sizeof(*all->f));
	all->f[all->num++] = f;
	all->count[level]++;
}

static void add_value(struct text *t, const struct record *r, const char *key)
{
	const struct pair *p = record_pair(r, key);

	if (p)
		text_span(t, p->value);
	else
		text_puts(t, "?");
}

static struct text name_vintf(const struct record *r)
{
	struct text t = {};

	text_printf(&t, "VINTF %llu", record_or(r, "v", 0));
	if (record_pair(r, "device")) {
		text_puts(&t, " (");
		add_value(&t, r, "device");
		if (record_pair(r, "vmid")) {
			text_puts(&t, ", VMID ");
			add_value(&t, r, "vmid");
		}
		text_puts(&t, ")");
	}
	return t;
}

static struct text name_vcmdq(const struct record *r)
{
	struct text t = {};

	text_puts(&t, "VCMDQ ");
	add_value(&t, r, "q");
	if (record_pair(r, "v")) {
		text_puts(&t, " (VINTF ");
		add_value(&t, r, "v");
		text_puts(&t, ", LVCMDQ ");
		add_value(&t, r, "l");
		text_puts(&t, ")");
	}
	return t;
}

/* Files that were not read, and lines and values that are none */
static void judge_files(struct sink *s)
{
	for (size_t k = 0; k < RAW_KINDS; k++) {
		const struct raw_file *f = &s->u->raw->file[k];
		const struct records *records = &s->u->records[k];
		struct text t = {};

		if (f->error && f->error != ENOENT) {
			text_printf(&t, "%s cannot be read: %s%s", raw_names[k],
				    strerror(f->error),
				    f->error == EACCES ? ": run this as root" :
				    f->error == EPERM ? ": is this kernel locked down?" : "");
			found(s, LEVEL_UNREAD, "file-unreadable", NULL, NULL, &t);
		}
		for (size_t i = 0; i < records->num_bad; i++) {
			t = (struct text){};
			text_printf(&t, "%s, line %zu %s", raw_names[k],
				    records->bad[i].line, records->bad[i].what);
			found(s, LEVEL_UNREAD, "line-malformed", NULL, NULL, &t);
		}
	}
}

static void judge_values(struct sink *s)
{
	for (size_t kind = 0; kind < KIND_OTHER; kind++) {
		const struct list *list = &s->u->list[kind];

		for (size_t i = 0; i < list->num; i++)
			for (const struct field *f = kinds[kind].fields; f->key; f++) {
				struct text t = {};

				if (field_valid(f, list->r[i]))
					continue;
				text_printf(&t, "a record \"%s\" has %s=", kinds[kind].word,
					    f->key);
				add_value(&t, list->r[i], f->key);
				text_printf(&t, ", which is no %s",
					    f->type == FIELD_BOOL ? "0 or 1" : "number");
				found(s, LEVEL_UNREAD, "value-malformed", NULL, NULL, &t);
			}
	}
}

/* What an older driver does not tell */
static void judge_missing(struct sink *s)
{
	struct text t = {};
	bool listed = false;
	size_t missing = 0, errors = 0, said = 0;

	for (size_t k = 0; k < RAW_KINDS; k++) {
		missing += s->u->raw->file[k].error == ENOENT;
		errors += s->u->raw->file[k].error != 0;
		said += s->u->records[k].num + s->u->records[k].num_bad;
	}
	if (missing == RAW_KINDS) {
		text_puts(&t, "its directory has no records");
		found(s, LEVEL_UNREAD, "no-records", NULL, NULL, &t);
		return;
	}
	if (errors == missing && !said) {
		text_puts(&t, "its records are empty");
		found(s, LEVEL_UNREAD, "no-records", NULL, NULL, &t);
		return;
	}
	if (!missing)
		return;
	text_puts(&t, "this kernel's driver does not tell all: it has no");
	for (size_t k = 0; k < RAW_KINDS; k++)
		if (s->u->raw->file[k].error == ENOENT) {
			text_printf(&t, "%s %s", listed ? "," : missing == 1 ? " file" : " files",
				    raw_names[k]);
			listed = true;
		}
	found(s, LEVEL_NOTE, "older-driver", NULL, NULL, &t);
}

static void judge_unit(struct sink *s)
{
	const struct record *unit = unit_first(s->u, KIND_UNIT);
	const struct record *smmu = unit_first(s->u, KIND_SMMU);
	struct text t = {};

	if (record_pair(unit, "state") && !record_is(unit, "state", "running")) {
		text_puts(&t, "the unit is ");
		add_value(&t, unit, "state");
		text_puts(&t, ": neither host nor VMs have queues of it, see the kernel's log");
		found(s, LEVEL_ATTENTION, "unit-not-running", NULL, NULL, &t);
	}
	/* A VM that has the unit has no VMs of its own on it */
	if (record_is(unit, "role", "guest"))
		return;
	t = (struct text){};
	if (record_or(unit, "vm_usable", 1) == 0) {
		text_puts(&t, "VMs cannot have queues of this unit, see the kernel's log");
		found(s, LEVEL_NOTE, "no-vms", NULL, NULL, &t);
	} else if (record_or(smmu, "nest_vm", 1) == 0) {
		text_puts(&t, "VMs cannot have queues of this unit: its SMMU");
		text_puts(&t, !record_or(smmu, "nesting", 1) ?
			  " has no nested translation" :
			  " has an erratum that keeps VMs from its command queues");
		found(s, LEVEL_NOTE, "no-vms", NULL, NULL, &t);
	}
}

static void judge_total(struct sink *s)
{
	const struct record *total = unit_first(s->u, KIND_TOTAL);
	u64 vintfs = record_or(total, "vintfs", 0);
	u64 aside = record_or(total, "aside", 0);
	u64 brakes = record_or(total, "brakes", 0);
	struct text t = {};

	if (vintfs && record_or(total, "taken", 0) + aside >= vintfs) {
		text_printf(&t, "all %llu VINTFs are used up: the next VM gets no queues (ENOSPC)",
			    vintfs);
		found(s, LEVEL_ATTENTION, "vintfs-used-up", NULL, NULL, &t);
	}
	t = (struct text){};
	if (aside) {
		text_printf(&t, "%llu VINTF%s could not be reset: not used until the next boot",
			    aside, aside == 1 ? "" : "s");
		found(s, LEVEL_ATTENTION, "vintfs-aside", NULL, NULL, &t);
	}
	t = (struct text){};
	if (brakes) {
		text_printf(&t, "the unit had too many interrupts, and was polled, %llu time%s",
			    brakes, brakes == 1 ? "" : "s");
		text_puts(&t, " (brakes)");
		found(s, LEVEL_NOTE, "unit-brakes", NULL, NULL, &t);
	}
}

static void judge_vintf(struct sink *s, const struct record *r)
{
	u64 config = record_or(r, "config", 0);
	u64 brakes = record_or(r, "brakes", 0), errors = record_or(r, "errors", 0);
	bool fenced = record_or(r, "fenced", 0), ended = record_or(r, "ended", 0);
	struct text t;

	if (fenced) {
		t = name_vintf(r);
		text_puts(&t, " is fenced: something in it would not stop,");
		text_puts(&t, " and it gets no queues any more; end its VM");
		found(s, LEVEL_ATTENTION, "vintf-fenced", r, NULL, &t);
	}
	if (ended) {
		t = name_vintf(r);
		text_puts(&t, " has no VM any more, but its hardware has not stopped;");
		text_puts(&t, " if it does not in minutes, the host needs a power cycle");
		found(s, LEVEL_ATTENTION, "vintf-ended", r, NULL, &t);
	}
	/*
	 * All are masked while the unit as a whole has too many interrupts, so this
	 * alone does not say whose guest is to blame. One that has ended stays masked.
	 */
	if (record_or(r, "masked", 0) && !ended) {
		t = name_vintf(r);
		text_puts(&t, " is polled, since it or the whole unit had too many interrupts:");
		text_puts(&t, brakes ? " its guest makes error after error, or one before it did" :
				       " it was not this one (no brakes)");
		found(s, LEVEL_ATTENTION, "vintf-masked", r, NULL, &t);
	} else if (brakes) {
		t = name_vintf(r);
		text_printf(&t, " had too many interrupts %llu time%s", brakes,
			    brakes == 1 ? "" : "s");
		text_puts(&t, " (brakes), of this or an earlier VM");
		found(s, LEVEL_NOTE, "vintf-brakes", r, NULL, &t);
	}
	if (record_pair(r, "status") && config & VINTF_CONFIG_ENABLE && !fenced && !ended &&
	    !(record_or(r, "status", 0) & VINTF_STATUS_ENABLE_OK)) {
		t = name_vintf(r);
		text_puts(&t, " is enabled, but does not run");
		found(s, LEVEL_ATTENTION, "vintf-not-running", r, NULL, &t);
	}
	if (config & VINTF_CONFIG_HYP_OWN) {
		t = name_vintf(r);
		text_puts(&t, " has HYP_OWN: its VM can do what only the host may;");
		text_puts(&t, " end it, and report a bug of the kernel");
		found(s, LEVEL_ATTENTION, "vintf-hyp-own", r, NULL, &t);
	}
	if (errors) {
		t = name_vintf(r);
		text_printf(&t, " had %llu error%s of its queues", errors, errors == 1 ? "" : "s");
		found(s, LEVEL_NOTE, "vintf-errors", r, NULL, &t);
	}
}

static void judge_slots(struct sink *s, const struct record *r)
{
	u64 slots = record_or(unit_first(s->u, KIND_UNIT), "sids_per_vintf", 0);
	struct text t;

	if (!slots || record_or(r, "sids", 0) < slots)
		return;
	t = name_vintf(r);
	text_printf(&t, " has its %llu SID slots in use: it can't have one more device", slots);
	found(s, LEVEL_NOTE, "sids-used-up", r, NULL, &t);
}

static void judge_sid(struct sink *s, const struct record *r)
{
	struct text t = {};
	u64 v;

	if (!record_or(r, "given_up", 0) || !record_u64(r, "v", &v))
		return;
	text_printf(&t, "VINTF %llu has lost SID slot ", v);
	add_value(&t, r, "slot");
	text_puts(&t, " until its VM ends:");
	text_puts(&t, " a device did not answer when it was taken from the VM");
	found(s, LEVEL_NOTE, "sid-given-up", r, NULL, &t);
}

/* Did it stand still since the last look, with commands waiting all the time? */
static bool stands_still(struct sink *s, const struct record *r, struct queue_state *state)
{
	const struct record *old;
	struct queue_state was;
	u64 q;

	if (!record_u64(r, "q", &q) || !state->known.pending || !state->pending)
		return false;
	old = unit_find(s->before, KIND_VCMDQ, "q", q);
	if (!old || record_or(old, "v", ~0ULL) != record_or(r, "v", ~0ULL))
		return false;
	was = queue_state(old);
	return was.known.pending && was.pending &&
	       record_or(old, "cons", 0) == record_or(r, "cons", 0);
}

static void judge_vcmdq(struct sink *s, const struct record *r)
{
	struct queue_state state = queue_state(r);
	bool vm = record_is(r, "owner", "vm"), stuck = record_is(r, "owner", "stuck");
	struct text t;

	if (stuck) {
		t = name_vcmdq(r);
		text_puts(&t, " would not stop: its memory is kept until it has stopped");
		found(s, LEVEL_ATTENTION, "queue-stuck", NULL, r, &t);
	}
	if (state.errors) {
		t = name_vcmdq(r);
		text_puts(&t, " is in error:");
		if (state.errors & GERROR_CMDQ_ERR)
			text_printf(&t, " CMDQ_ERR, %s;",
				    cons_error(record_or(r, "cons_err", ~0ULL)));
		if (state.errors & GERROR_CONS_DRAM_WR_ABT_ERR)
			text_puts(&t, " CONS_DRAM_WR_ABT_ERR;");
		if (state.errors & GERROR_CMDQ_INIT_ERR)
			text_puts(&t, " CMDQ_INIT_ERR;");
		text_puts(&t, vm ? " it stands still until its guest acknowledges it" :
			  " it stands still");
		found(s, LEVEL_ATTENTION, "queue-error", NULL, r, &t);
	} else if (stands_still(s, r, &state)) {
		t = name_vcmdq(r);
		text_printf(&t, " stands still with %llu command%s waiting", state.pending,
			    state.pending == 1 ? "" : "s");
		found(s, LEVEL_ATTENTION, "queue-no-progress", NULL, r, &t);
	}
	if (!stuck && state.known.enabled && state.known.running &&
	    state.enabled != state.running) {
		t = name_vcmdq(r);
		text_puts(&t, state.enabled ? " is enabled, but does not run" :
			  " is disabled, but has not stopped");
		found(s, LEVEL_ATTENTION, state.enabled ? "queue-not-running" :
		      "queue-not-stopped", NULL, r, &t);
	}
}

/**
 * findings_make() - what there is to say
 * @findings: the result; whatever was in there is overwritten
 * @look: the units
 * @before: how they were before; NULL if nobody has looked
 * @only: just about this unit; NULL: about all
 * @vintf: just about this VINTF, besides its unit; -1: about all
 */
void findings_make(struct findings *findings, const struct look *look,
		   const struct look *before, const struct unit *only, long long vintf)
{
	*findings = (struct findings){};
	for (size_t i = 0; i < look->num; i++) {
		const struct unit *u = &look->unit[i];
		const struct list *vintfs = &u->list[KIND_VINTF];
		const struct list *vcmdqs = &u->list[KIND_VCMDQ];
		const struct list *sids = &u->list[KIND_SID];
		struct sink s = { findings, u, NULL, vintf };

		if (only && u != only)
			continue;
		s.before = look_find(before, u->name);
		judge_unit(&s);
		judge_total(&s);
		for (size_t k = 0; k < vintfs->num; k++) {
			judge_vintf(&s, vintfs->r[k]);
			judge_slots(&s, vintfs->r[k]);
		}
		for (size_t k = 0; k < vcmdqs->num; k++)
			judge_vcmdq(&s, vcmdqs->r[k]);
		for (size_t k = 0; k < sids->num; k++)
			judge_sid(&s, sids->r[k]);
		judge_files(&s);
		judge_values(&s);
		judge_missing(&s);
	}
}

/**
 * findings_free() - forget them
 * @findings: those of findings_make()
 */
void findings_free(struct findings *findings)
{
	for (size_t i = 0; i < findings->num; i++)
		free(findings->f[i].text);
	free(findings->f);
	*findings = (struct findings){};
}

/**
 * findings_status() - what a monitor wants to know
 * @findings: all of them
 *
 * Return: 1 if something needs attention, else 2 if not all could be looked at, else 0.
 */
int findings_status(const struct findings *findings)
{
	if (findings->count[LEVEL_ATTENTION])
		return 1;
	return findings->count[LEVEL_UNREAD] ? 2 : 0;
}
