// SPDX-License-Identifier: GPL-2.0-or-later
/* For programs. The man page is the contract: each key of it stays what it is. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "view.h"

static void export_field(struct json *j, const struct field *f, const struct record *r)
{
	const struct pair *p = record_pair(r, f->key);
	u64 value = 0;

	/* A value that is none has a finding */
	if (!p || !field_valid(f, r)) {
		json_null(j, f->key);
		return;
	}
	span_u64(p->value, &value);
	switch (f->type) {
	case FIELD_COUNT:
		json_number(j, f->key, value);
		break;
	case FIELD_HEX:
		json_hex(j, f->key, value);
		break;
	case FIELD_BOOL:
		json_bool(j, f->key, value);
		break;
	case FIELD_TEXT:
		json_string(j, f->key, p->value);
		break;
	}
}

static bool is_known(struct span key, enum record_kind kind)
{
	for (const struct field *f = kinds[kind].fields; f->key; f++)
		if (span_is(key, f->key))
			return true;
	return false;
}

static void export_unknown(struct json *j, const struct record *r, enum record_kind kind)
{
	json_open(j, kind == KIND_OTHER ? "keys" : "other", '{');
	for (size_t i = 0; i < r->num; i++)
		if (!is_known(r->pairs[i].key, kind))
			json_span(j, r->pairs[i].key, r->pairs[i].value);
	json_close(j, '}');
}

static void export_rate(struct json *j, const char *key, bool known, double rate)
{
	if (known)
		json_rate(j, key, rate);
	else
		json_null(j, key);
}

/* What the registers of a queue mean */
static void export_queue(struct json *j, const struct record *r, const struct before *b)
{
	struct queue_state s = queue_state(r);
	double rate = 0;
	bool known;

	json_open(j, "decoded", '{');
	if (s.known.enabled)
		json_bool(j, "enabled", s.enabled);
	else
		json_null(j, "enabled");
	if (s.known.running)
		json_bool(j, "running", s.running);
	else
		json_null(j, "running");
	if (s.known.errors)
		json_bool(j, "in_error", s.errors);
	else
		json_null(j, "in_error");
	if (s.known.pending)
		json_number(j, "waiting", s.pending);
	else
		json_null(j, "waiting");
	json_close(j, '}');
	known = rate_vcmdq(b, r, &rate);
	json_open(j, "rates", '{');
	export_rate(j, "commands", known, rate);
	json_close(j, '}');
}

static void export_vintf(struct json *j, const struct unit *u, const struct record *r,
			 const struct before *b)
{
	static const char *const counters[] = { "interrupts", "brakes", "errors" };
	double rate = 0;
	bool known;

	json_open(j, "rates", '{');
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		known = rate_vintf(b, r, counters[i], &rate);
		export_rate(j, counters[i], known, rate);
	}
	known = rate_vintf_commands(b, u, r, &rate);
	export_rate(j, "commands", known, rate);
	json_close(j, '}');
}

static void export_interrupt(struct json *j, const struct record *r, const struct before *b)
{
	double rate = 0;
	bool known;
	u64 irq;

	known = record_u64(r, "irq", &irq) &&
		rate_of(b, unit_find(b->unit, KIND_INTERRUPT, "irq", irq), r, "count", &rate);
	json_open(j, "rates", '{');
	export_rate(j, "count", known, rate);
	json_close(j, '}');
}

static void export_total(struct json *j, const struct record *r, const struct before *b)
{
	static const char *const counters[] = { "interrupts", "brakes" };
	const struct record *then = unit_first(b->unit, KIND_TOTAL);
	double rate = 0;
	bool known;

	json_open(j, "rates", '{');
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		known = rate_of(b, then, r, counters[i], &rate);
		export_rate(j, counters[i], known, rate);
	}
	json_close(j, '}');
}

static void export_record(struct json *j, const char *key, const struct unit *u,
			  const struct record *r, enum record_kind kind, const struct before *b)
{
	if (!r) {
		json_null(j, key);
		return;
	}
	json_open(j, key, '{');
	for (const struct field *f = kinds[kind].fields; f->key; f++)
		export_field(j, f, r);
	if (kind == KIND_OTHER)
		json_string(j, "word", r->word);
	export_unknown(j, r, kind);
	if (kind == KIND_VINTF)
		export_vintf(j, u, r, b);
	else if (kind == KIND_VCMDQ)
		export_queue(j, r, b);
	else if (kind == KIND_INTERRUPT)
		export_interrupt(j, r, b);
	else if (kind == KIND_TOTAL)
		export_total(j, r, b);
	json_close(j, '}');
}

static void export_list(struct json *j, const char *key, const struct view *v,
			const struct unit *u, enum record_kind kind, const struct before *b)
{
	const struct list *list = &u->list[kind];

	json_open(j, key, '[');
	for (size_t i = 0; i < list->num; i++)
		if (view_has(v, list->r[i]))
			export_record(j, NULL, u, list->r[i], kind, b);
	json_close(j, ']');
}

static void export_unit(struct json *j, const struct view *v, const struct unit *u)
{
	struct before b = before_of(v->look, v->before, u->name);

	json_open(j, NULL, '{');
	json_string(j, "name", span_of(u->name));
	export_record(j, "unit", u, unit_first(u, KIND_UNIT), KIND_UNIT, &b);
	export_record(j, "smmu", u, unit_first(u, KIND_SMMU), KIND_SMMU, &b);
	export_list(j, "interrupts", v, u, KIND_INTERRUPT, &b);
	export_record(j, "total", u, unit_first(u, KIND_TOTAL), KIND_TOTAL, &b);
	export_record(j, "vintf0", u, v->vintf > 0 ? NULL : unit_first(u, KIND_VINTF0),
		      KIND_VINTF0, &b);
	export_list(j, "vintfs", v, u, KIND_VINTF, &b);
	export_list(j, "vcmdqs", v, u, KIND_VCMDQ, &b);
	export_list(j, "sids", v, u, KIND_SID, &b);
	export_list(j, "others", v, u, KIND_OTHER, &b);
	json_close(j, '}');
}

static void export_place(struct json *j, const char *key, long long value)
{
	if (value < 0)
		json_null(j, key);
	else
		json_number(j, key, value);
}

static void export_findings(struct json *j, const struct findings *findings)
{
	json_open(j, "findings", '[');
	for (size_t i = 0; i < findings->num; i++) {
		const struct finding *f = &findings->f[i];

		json_open(j, NULL, '{');
		json_string(j, "level", span_of(level_names[f->level]));
		json_string(j, "code", span_of(f->code));
		json_string(j, "unit", span_of(f->unit));
		export_place(j, "vintf", f->vintf);
		export_place(j, "vcmdq", f->vcmdq);
		json_string(j, "text", span_of(f->text));
		json_close(j, '}');
	}
	json_close(j, ']');
}

/**
 * export() - print for programs
 * @v: what to print
 * @out: where to
 */
void export(const struct view *v, struct text *out)
{
	static const char *const status[] = { "fine", "attention", "unread" };
	const struct look *look = v->look;
	struct json j = { .out = out, .compact = v->watch };

	json_open(&j, NULL, '{');
	json_number(&j, "format", CMDQV_INFO_FORMAT);
	json_string(&j, "version", span_of(CMDQV_INFO_VERSION));
	json_string(&j, "path", span_of(look->raw.path));
	if (look->raw.live)
		json_number(&j, "time", time(NULL));
	else
		json_null(&j, "time");
	if (v->before && look->time > v->before->time)
		json_rate(&j, "interval", (look->time - v->before->time) / 1e9);
	else
		json_null(&j, "interval");
	json_string(&j, "status", span_of(look->raw.why ? status[2] :
					  status[findings_status(v->findings)]));
	if (look->raw.why)
		json_string(&j, "error", span_of(look->raw.why));
	else
		json_null(&j, "error");
	export_findings(&j, v->findings);
	if (!v->brief) {
		json_open(&j, "units", '[');
		for (size_t i = 0; i < look->num; i++)
			if (!v->only || v->only == &look->unit[i])
				export_unit(&j, v, &look->unit[i]);
		json_close(&j, ']');
	}
	json_close(&j, '}');
}
