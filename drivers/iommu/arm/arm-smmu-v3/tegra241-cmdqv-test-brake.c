// SPDX-License-Identifier: GPL-2.0-only
/* KUnit tests of the Tegra241 CMDQV driver: what tells of the brake on interrupts */

#include <linux/tracepoint.h>

#include "tegra241-cmdqv-test-vm.h"

#define NO_TRACE "the driver is a module, or CONFIG_TRACEPOINTS is not set"

/* A call of a trace event of class cmdqv_brake */
struct brake_event {
	char what;
	u16 v;
	u64 int_mask;
};

/*
 * struct brake_trace - the trace events that a test listens to
 * @points: cmdqv_masked, cmdqv_unmasked and cmdqv_mask_useless
 * @num: how many there have been
 * @events: the first of them
 */
struct brake_trace {
	struct tracepoint *points[3];
	unsigned int num;
	struct brake_event events[8];
};

static void brake_record(struct brake_trace *trace, char what, u16 v,
			 u64 int_mask)
{
	if (trace->num < ARRAY_SIZE(trace->events))
		trace->events[trace->num] = (struct brake_event){
			.what = what, .v = v, .int_mask = int_mask,
		};
	trace->num++;
}

static void brake_masked(void *data, const struct tegra241_cmdqv *cmdqv, u16 v,
			 u64 int_mask)
{
	brake_record(data, 'm', v, int_mask);
}

static void brake_unmasked(void *data, const struct tegra241_cmdqv *cmdqv,
			   u16 v, u64 int_mask)
{
	brake_record(data, 'u', v, int_mask);
}

static void brake_useless(void *data, const struct tegra241_cmdqv *cmdqv,
			  u16 v, u64 int_mask)
{
	brake_record(data, 'x', v, int_mask);
}

static const struct {
	const char *name;
	void *probe;
} brake_probes[] = {
	{ "cmdqv_masked", brake_masked },
	{ "cmdqv_unmasked", brake_unmasked },
	{ "cmdqv_mask_useless", brake_useless },
};

static void brake_find(struct tracepoint *point, void *data)
{
	struct brake_trace *trace = data;
	int i;

	for (i = 0; i < ARRAY_SIZE(brake_probes); i++)
		if (!strcmp(point->name, brake_probes[i].name))
			trace->points[i] = point;
}

static void brake_untrace(void *data)
{
	struct brake_trace *trace = data;
	int i;

	for (i = 0; i < ARRAY_SIZE(brake_probes); i++)
		tracepoint_probe_unregister(trace->points[i],
					    brake_probes[i].probe, trace);
	tracepoint_synchronize_unregister();
}

static struct brake_trace *brake_trace(struct kunit *test)
{
	struct brake_trace *trace;
	int i;

	trace = kunit_kzalloc(test, sizeof(*trace), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, trace);
	for_each_kernel_tracepoint(brake_find, trace);
	for (i = 0; i < ARRAY_SIZE(brake_probes); i++)
		if (!trace->points[i])
			kunit_skip(test, NO_TRACE);
	for (i = 0; i < ARRAY_SIZE(brake_probes); i++)
		KUNIT_ASSERT_EQ(test, 0,
				tracepoint_probe_register(trace->points[i],
							  brake_probes[i].probe,
							  trace));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, brake_untrace, trace));
	return trace;
}

static void expect_traced(struct kunit *test, struct brake_trace *trace,
			  char what, u16 v, u64 int_mask)
{
	KUNIT_ASSERT_EQ(test, trace->num, 1);
	KUNIT_EXPECT_EQ(test, trace->events[0].what, what);
	KUNIT_EXPECT_EQ(test, trace->events[0].v, v);
	KUNIT_EXPECT_EQ(test, trace->events[0].int_mask, int_mask);
	trace->num = 0;
}

/* The queue makes an error that it has not made before, and the unit interrupts */
static void err(struct fake_cmdqv *fake, struct fake_vcmdq *vcmdq, int v)
{
	vcmdq->gerrorn = vcmdq->gerror;
	vcmdq->gerror ^= BIT(0);
	vcmdq->cons += 1;
	fake_cmdqv_interrupt(fake, v);
}

/* Each event comes when the mask has changed, once, and with the mask as it then is */
static void test_brake_traced(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct fake_vcmdq *vcmdq = &fake->vcmdq[FAKE_NUM_LVCMDQS];
	struct brake_trace *trace = brake_trace(test);
	struct tegra241_hw_queue *hwq;
	struct tegra241_vsmmu *tv;
	int i;

	reset_unit(fake);
	tv = vsmmu_with_queue(fake, 3, &hwq);

	for (i = 0; i < 19; i++)
		err(fake, vcmdq, 1);
	KUNIT_EXPECT_EQ(test, trace->num, 0);
	err(fake, vcmdq, 1);
	expect_traced(test, trace, 'm', 1, BIT(1));
	fake_cmdqv_pass(fake, msecs_to_jiffies(200) - 1);
	KUNIT_EXPECT_EQ(test, trace->num, 0);
	fake_cmdqv_pass(fake, msecs_to_jiffies(20));
	expect_traced(test, trace, 'u', 1, 0);

	/* All of them: VINTF0 is not in the mask */
	for (i = 0; i < 100; i++)
		tegra241_cmdqv_isr(0, fake->cmdqv);
	expect_traced(test, trace, 'm', 0, 0xe);
	/* They go on, which masking should have ended */
	for (i = 0; i < 100; i++)
		tegra241_cmdqv_isr(0, fake->cmdqv);
	expect_traced(test, trace, 'x', 0, 0xe);
	fake_cmdqv_pass(fake, msecs_to_jiffies(220));
	expect_traced(test, trace, 'u', 0, 0);
	/* And no more */
	for (i = 0; i < 200; i++)
		tegra241_cmdqv_isr(0, fake->cmdqv);
	KUNIT_EXPECT_EQ(test, trace->num, 0);

	destroy_queue(fake, hwq);
	destroy_vsmmu(tv);
}

static void error_seen(void *data, const struct tegra241_vcmdq *vcmdq,
		       u32 gerror, u32 cons, bool fresh)
{
	struct brake_trace *trace = data;

	/* Before the queue goes on: GERRORN has not been written */
	trace->num++;
	trace->events[0].v = vcmdq->idx;
	trace->events[0].int_mask = (u64)fresh << 32 | gerror;
}

static void error_find(struct tracepoint *point, void *data)
{
	struct tracepoint **found = data;

	if (!strcmp(point->name, "cmdqv_vcmdq_error"))
		*found = point;
}

/* An error of the host's own is traced as those of VMs are: once, with what it was */
static void test_host_error_traced(struct kunit *test)
{
	struct fake_cmdqv *fake = test->priv;
	struct tracepoint *point = NULL;
	struct brake_trace *trace;

	for_each_kernel_tracepoint(error_find, &point);
	if (!point)
		kunit_skip(test, NO_TRACE);
	trace = kunit_kzalloc(test, sizeof(*trace), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, trace);
	reset_unit(fake);
	KUNIT_ASSERT_EQ(test, 0,
			tracepoint_probe_register(point, error_seen, trace));
	fake->vcmdq[1].gerror ^= BIT(0);
	tegra241_cmdqv_isr(0, fake->cmdqv);
	tegra241_cmdqv_isr(0, fake->cmdqv);
	tracepoint_probe_unregister(point, error_seen, trace);
	tracepoint_synchronize_unregister();
	KUNIT_EXPECT_EQ(test, trace->num, 1);
	KUNIT_EXPECT_EQ(test, trace->events[0].v, 1);
	KUNIT_EXPECT_EQ(test, trace->events[0].int_mask,
			BIT_ULL(32) | fake->vcmdq[1].gerror);
}

static struct kunit_case brake_cases[] = {
	KUNIT_CASE(test_brake_traced),
	KUNIT_CASE(test_host_error_traced),
	{},
};

static struct kunit_suite brake_suite = {
	.name = "tegra241-cmdqv-brake",
	.init = cmdqv_test_init,
	.exit = cmdqv_test_exit,
	.test_cases = brake_cases,
};

kunit_test_suite(brake_suite);
