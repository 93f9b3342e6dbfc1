// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Errors that a guest makes are the guest's own (isolation.rst, I10): faults of its stage 1,
 * and commands that its queues refuse, arrive in it as events and global errors of its
 * own SMMU, and its driver goes on. The host's log says nothing of them, and another
 * guest behind the same SMMU notices nothing. What is the host's to explain, faults
 * of stage 2, no guest hears of, and the host says it in a few lines.
 *
 * Two guests at once: one makes the errors, with a disk and an edu device; the other
 * one reads its disk meanwhile.
 */
#include <errno.h>
#include <unistd.h>

#include "edu.h"
#include "guest_disk.h"
#include "guest_step.h"
#include "host_log.h"
#include "vcmdq.h"

#define DISK		"/dev/nvme0n1"

/* In the stage 1 of a guest there is nothing here */
#define NOTHING		0x100000ull
/*
 * QEMU has the guest map its MSI doorbells 1:1, 1 MiB of them (an RMR in the IORT).
 * That far behind the first one stage 2 has nothing.
 */
#define NO_MEMORY	0x080f0000ull

/* Transfers of a flood, each of EDU_BUFFER / 4 transactions */
#define FLOOD		8u
/*
 * Floods of faults of stage 2, so many seconds apart that the kernel's limit for all
 * events together, ten in five seconds, begins anew for each
 */
#define FLOODS		3u
#define FLOOD_PAUSE	6u
/*
 * Lines that one vSMMU's faults of stage 2 can cause in a minute: ten events of five
 * lines, and two for how many more there were (arm-smmu-v3-iommufd-event.c). The
 * floods can be in two of these minutes.
 */
#define NOTICES		(2 * 52)

/* Bad commands of a storm: many times what the host lets interrupt it (20 in 200 ms) */
#define STORM		500u

#define EVT_TRANSLATION	0x10

#define CERROR_ILL	1
#define CERROR_ACCESS	4

/**
 * struct errors - the test
 * @unit: the CMDQV unit's observer
 * @log: the host's log
 * @disk: of the guest that makes errors, and of the other one
 * @edu: of the former
 * @maker: the guest that makes errors
 * @other: the other one
 * @started: how many of them have been
 * @v: their VINTFs
 */
struct errors {
	struct observer unit;
	struct host_log log;
	struct disk disk[2];
	char edu[16];
	struct guest maker;
	struct guest other;
	unsigned int started;
	unsigned int v[2];
};

static void guests_start(void *arg)
{
	struct errors *e = arg;
	struct guest_config maker = {
		.smmu = "accel=on,cmdqv=on",
		.devices = { e->disk[0].bdf, e->edu },
		.programs = { "guest-dma", "guest-cmdq" },
	};
	struct guest_config other = {
		.smmu = "accel=on,cmdqv=on",
		.devices = { e->disk[1].bdf },
	};
	int rc;

	/* Both boot at once */
	rc = guest_start(&e->maker, &maker);
	if (!MUST(!rc, "%s", strerror(-rc)))
		return;
	e->started++;
	rc = guest_start(&e->other, &other);
	if (!MUST(!rc, "%s", strerror(-rc)))
		return;
	e->started++;
	rc = guest_wait_hello(&e->maker);
	MUST(!rc, "%s", strerror(-rc));
	rc = guest_wait_hello(&e->other);
	MUST(!rc, "%s", strerror(-rc));
	if (steps.failed)
		return;

	MUST(disk_is_read(&e->maker, DISK, &e->disk[0]), "maker");
	MUST(disk_is_read(&e->other, DISK, &e->disk[1]), "other");
	e->v[0] = host_vintf(&e->unit, e->disk[0].bdf);
	e->v[1] = host_vintf(&e->unit, e->disk[1].bdf);
	MUST(e->v[0] && e->v[1] && e->v[0] != e->v[1], "VINTFs %u and %u",
	     e->v[0], e->v[1]);
	MUST(host_vintf(&e->unit, e->edu) == e->v[0], "the edu device's is %u",
	     host_vintf(&e->unit, e->edu));

	/* A console is slow, and the guests are asked for their logs */
	guest_run(&e->maker, NULL, "dmesg -n 1");
	/* What came with firmware and booting is not the matter here */
	free(guest_log(&e->maker));
	free(guest_log(&e->other));
	host_log_lines(&e->log);
}

/* Lines in the host's log since the last look: at least so many, unless time is up */
static unsigned int wait_lines(struct errors *e, unsigned int least)
{
	u64 end = vmm_now_ns() + guest_patience(10) * 1000000000ull;
	unsigned int lines = host_log_lines(&e->log);

	while (lines < least && vmm_now_ns() < end) {
		usleep(50000);
		lines += host_log_lines(&e->log);
	}
	return lines;
}

static void expect_silence(struct errors *e)
{
	MUST(!host_log_lines(&e->log), "the host says: %s", e->log.example);
}

/* The other guest has heard of nothing and reads what it should */
static void expect_no_trouble(struct errors *e)
{
	static const char *const irqs[] = { CMDQV_IRQ, GERROR_IRQ, EVTQ_IRQ };
	unsigned int i;
	char *log;
	long n;

	MUST(disk_is_read(&e->other, DISK, &e->disk[1]), "the other guest");
	log = guest_log(&e->other);
	MUST(!*log, "the other guest says: %s", log);
	free(log);
	for (i = 0; i < ARRAY_SIZE(irqs); i++) {
		n = guest_interrupts(&e->other, irqs[i]);
		MUST(!n, "%ld of %s in the other guest", n, irqs[i]);
	}
	MUST(!observer_refused(&e->unit, e->v[1], NULL), "VINTF %u", e->v[1]);
}

/*
 * Faults
 */

/* StreamID of the guest's edu device in the guest: its name there. 0: it hasn't worked */
static unsigned int run_dma(struct guest *g, const char *direction, u64 iova,
			    unsigned int len)
{
	unsigned int bus = 0, slot = 0, fn = 0;
	char *text;
	int rc;

	rc = guest_run(g, &text, "guest-dma 0 %s %#llx %u", direction, iova, len);
	if (!MUST(!rc, "%d, %s", rc, text) ||
	    !MUST(sscanf(text, "device=%*x:%x:%x.%x", &bus, &slot, &fn) == 3,
		  "%s", text))
		bus = 0;
	free(text);
	return bus << 8 | slot << 3 | fn;
}

/* The guest's log when it has an event, or when none has come for ten seconds */
static char *wait_event(struct guest *g)
{
	char *text;

	guest_run(g, &text,
		  "for i in $(seq 100); do dmesg | grep -q 'event .* received' && break; usleep 100000; done; dmesg -c");
	return text;
}

/* Events take their time to the guest: how many interrupts, when none came for a second */
static long settled_events(struct guest *g)
{
	long last, now = guest_interrupts(g, EVTQ_IRQ);
	unsigned int i;

	for (i = 0; i < guest_patience(60); i++) {
		last = now;
		sleep(1);
		now = guest_interrupts(g, EVTQ_IRQ);
		if (now == last)
			return now;
	}
	MUST(false, "%ld and no end", now);
	return -1;
}

/* One transaction: one event, which says what the device did and where, and no more */
static void expect_event(struct errors *e, const char *direction)
{
	u64 rnw = strcmp(direction, "load") ? 0 : 1ull << 35;
	u64 iova = NOTHING + 4;
	char words[128];
	unsigned int sid;
	char *log;

	sid = run_dma(&e->maker, direction, iova, 4);
	if (!sid)
		return;
	log = wait_event(&e->maker);
	MUST(text_count(log, " received:") == 1, "the guest says: %s", log);
	MUST(text_count(log, "event 0x10 received:") == 1, "the guest says: %s", log);
	snprintf(words, sizeof(words), "\t0x%016llx", (u64)sid << 32 | EVT_TRANSLATION);
	MUST(text_count(log, words) == 1, "no %s, the guest says: %s", words, log);
	/* Class IN, the input address; neither of stage 2 nor a stall */
	snprintf(words, sizeof(words), "\t0x%016llx", 2ull << 40 | rnw);
	MUST(text_count(log, words) == 1, "no %s, the guest says: %s", words, log);
	snprintf(words, sizeof(words), "\t0x%016llx", iova);
	MUST(text_count(log, words) == 1, "no %s, the guest says: %s", words, log);
	free(log);
}

/* More faults than a kernel cares to print, and the other guest at work meanwhile */
static void run_floods(struct errors *e, u64 iova, unsigned int floods)
{
	unsigned int i;
	long done;
	int rc;

	rc = guest_send(&e->maker,
			"for i in $(seq %u); do [ $i = 1 ] || sleep %u; guest-dma 0 store %#llx %u %u; done >/tmp/flood",
			floods, FLOOD_PAUSE, iova, EDU_BUFFER, FLOOD);
	MUST(!rc, "%s", strerror(-rc));
	for (i = 0; i < 2; i++)
		expect_no_trouble(e);
	/* The guest does this when it is done with that */
	done = guest_number(&e->maker, "grep -c transfers= /tmp/flood");
	MUST(done == floods, "%ld floods of %u", done, floods);
}

/*
 * A fault of stage 1 is an event of the guest's own SMMU, with its own StreamID. The
 * host is silent.
 */
static void stage1_faults_are_the_guests(void *arg)
{
	struct errors *e = arg;

	expect_event(e, "store");
	expect_event(e, "load");
	expect_silence(e);
	expect_no_trouble(e);
}

static void flood_of_stage1_faults_is_the_guests(void *arg)
{
	struct errors *e = arg;
	char *log;

	run_floods(e, NOTHING, 1);
	log = wait_event(&e->maker);
	MUST(text_count(log, "event 0x10 received"), "the guest says: %s", log);
	free(log);
	MUST(disk_is_read(&e->maker, DISK, &e->disk[0]), "maker");
	expect_silence(e);
}

/*
 * Stage 1 of the guest has a translation and stage 2 has none: that is not for the
 * guest, whose SMMU has done nothing wrong. The host has a few lines for it, and not
 * more for more of it.
 */
static void stage2_faults_are_the_hosts(void *arg)
{
	struct errors *e = arg;
	long events = settled_events(&e->maker), now;
	unsigned int lines;
	char *log;

	free(guest_log(&e->maker));
	if (!run_dma(&e->maker, "store", NO_MEMORY, 4))
		return;
	/* One event and its four words */
	lines = wait_lines(e, 5);
	MUST(lines == 5, "%u lines, the last: %s", lines, e->log.example);
	MUST(strstr(e->log.example, "0x00000000080f0000"), "the host says: %s",
	     e->log.example);

	run_floods(e, NO_MEMORY, FLOODS);
	lines = host_log_lines(&e->log);
	MUST(lines <= NOTICES && !e->log.lost, "%u lines, the last: %s", lines,
	     e->log.example);
	say("%u faults of stage 2: %u lines in the host's log",
	    FLOODS * FLOOD * EDU_BUFFER / 4, lines);

	log = guest_log(&e->maker);
	MUST(!strstr(log, "received:"), "the guest says: %s", log);
	free(log);
	now = settled_events(&e->maker);
	MUST(now == events, "%ld of %s, and %ld before", now, EVTQ_IRQ, events);
	MUST(disk_is_read(&e->maker, DISK, &e->disk[0]), "maker");
}

/*
 * Commands
 */

/**
 * struct bad - a command that a queue of the guest's refuses
 * @queue: the queue, as guest-cmdq has it
 * @word: the command
 * @cerror: what CONS.ERR says then
 * @irq: the interrupt that the guest gets
 * @by_unit: whether it is the unit that refuses
 */
struct bad {
	const char *queue;
	u64 word[2];
	unsigned int cerror;
	const char *irq;
	bool by_unit;
};

/* The guest's driver has said what it was, once, and has left it out */
static void expect_guest_to_say(struct errors *e, const struct bad *b)
{
	char *log = guest_log(&e->maker);
	char words[64];

	snprintf(words, sizeof(words), "CMDQ error (cons 0x%02x", b->cerror);
	MUST(text_count(log, words) == 1 && text_count(log, "CMDQ error") == 1,
	     "the guest says: %s", log);
	snprintf(words, sizeof(words), "\t0x%016llx", b->word[0]);
	MUST(text_count(log, "skipping command in error state") == 1 &&
	     text_count(log, words) >= 1, "the guest says: %s", log);
	free(log);
}

static void expect_refusal(struct errors *e, const struct bad *b)
{
	u64 refused = observer_refused(&e->unit, e->v[0], NULL), executed, n;
	long irqs = guest_interrupts(&e->maker, b->irq), got;
	char *text;
	int rc;

	rc = guest_run(&e->maker, &text, "guest-cmdq put %s %#llx %#llx", b->queue,
		       b->word[0], b->word[1]);
	MUST(!rc, "%d: queue %s, command %#llx: %s", rc, b->queue, b->word[0], text);
	free(text);
	expect_guest_to_say(e, b);
	got = guest_interrupts(&e->maker, b->irq);
	MUST(got == irqs + 1, "%ld of %s, and %ld before", got, b->irq, irqs);
	n = observer_refused(&e->unit, e->v[0], NULL);
	MUST(n == refused + b->by_unit, "%llu, and %llu before", n, refused);

	/* And it goes on with the same queues */
	executed = observer_executed(&e->unit, e->v[0]);
	MUST(disk_is_read(&e->maker, DISK, &e->disk[0]), "maker");
	n = observer_executed(&e->unit, e->v[0]);
	MUST(n > executed, "%llu commands", n);
	expect_silence(e);
}

/*
 * A command that a queue of the guest's own refuses is a global error of the guest's
 * own CMDQV. Its driver puts a CMD_SYNC in the command's place and goes on, also with
 * the other queue.
 */
static void bad_commands_are_the_guests(void *arg)
{
	static const struct bad bad[] = {
		/* No command at all; one that only the host may give: CFGI_STE */
		{ "0", { 0xff, 0 }, CERROR_ILL, CMDQV_IRQ, true },
		{ "0", { 0x0000020000000003, 1 }, CERROR_ILL, CMDQV_IRQ, true },
		/* ATC_INV for a StreamID that is no device of the guest's */
		{ "1", { 0x0000777700000040, 0 }, CERROR_ACCESS, CMDQV_IRQ, true },
		/* The first queue again, after the other */
		{ "0", { 0xff, 0 }, CERROR_ILL, CMDQV_IRQ, true },
	};
	struct errors *e = arg;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad) && !steps.failed; i++)
		expect_refusal(e, &bad[i]);
	expect_no_trouble(e);
}

/* As many errors as the guest can make in a while: no line in the host's log */
static void storm_of_bad_commands_is_the_guests(void *arg)
{
	struct errors *e = arg;
	u64 refused = observer_refused(&e->unit, e->v[0], NULL), n;
	long irqs = guest_interrupts(&e->maker, CMDQV_IRQ), got;
	int rc;

	rc = guest_send(&e->maker, "guest-cmdq put 0 0xff 0 %u >/tmp/storm", STORM);
	MUST(!rc, "%s", strerror(-rc));
	expect_no_trouble(e);
	expect_no_trouble(e);
	got = guest_number(&e->maker, "sed -n s/consumed=//p /tmp/storm");
	MUST(got == STORM, "%ld", got);
	n = observer_refused(&e->unit, e->v[0], NULL);
	MUST(n == refused + STORM, "%llu, and %llu before", n, refused);
	got = guest_interrupts(&e->maker, CMDQV_IRQ);
	MUST(got > irqs, "%ld", got);
	say("%u bad commands: %ld interrupts in the guest", STORM, got - irqs);
	free(guest_log(&e->maker));
	MUST(disk_is_read(&e->maker, DISK, &e->disk[0]), "maker");
	expect_silence(e);
	expect_no_trouble(e);
}

/*
 * The guest has one more queue, the SMMU's own, which is QEMU's. What QEMU does not
 * know, and what the host's kernel refuses of the invalidations that QEMU hands on, is
 * a global error of the guest's SMMU.
 */
static void trapped_bad_commands_are_the_guests(void *arg)
{
	static const struct bad unknown = {
		"smmu", { 0xff, 0 }, CERROR_ILL, GERROR_IRQ, false
	};
	/* TLBI_NH_VA for the range of one page at no level, which is reserved */
	static const struct bad range = {
		"smmu", { 0x12, 0xc00 }, CERROR_ILL, GERROR_IRQ, false
	};
	static const char complaint[] = "IOMMU_HWPT_INVALIDATE failed";
	struct errors *e = arg;
	long irqs = guest_interrupts(&e->maker, CMDQV_IRQ);
	char *text;

	expect_refusal(e, &unknown);
	text = guest_stderr(&e->maker);
	MUST(!text_count(text, complaint), "QEMU says: %s", text);
	free(text);
	expect_refusal(e, &range);
	text = guest_stderr(&e->maker);
	MUST(text_count(text, complaint) == 1, "QEMU says: %s", text);
	free(text);
	irqs = guest_interrupts(&e->maker, CMDQV_IRQ) - irqs;
	MUST(!irqs, "%ld of %s", irqs, CMDQV_IRQ);
	expect_no_trouble(e);
}

static void nothing_is_left(void *arg)
{
	struct errors *e = arg;
	const char *left;
	int rc;

	rc = guest_quit(&e->maker);
	MUST(!rc, "%d", rc);
	rc = guest_quit(&e->other);
	MUST(!rc, "%d", rc);
	left = host_left(&e->unit, NULL);
	MUST(!left, "%s", left);
	rc = disk_return(&e->disk[0]);
	MUST(!rc, "%s", strerror(-rc));
	rc = disk_return(&e->disk[1]);
	MUST(!rc, "%s", strerror(-rc));
}

static const char *prepare(struct errors *e)
{
	const char *why = guest_lacks();

	if (why)
		return why;
	if (observer_open(&e->unit))
		return "needs the emulated board's observer (ACPI CMQO0001)";
	if (vfio_find(EDU_VENDOR, EDU_DEVICE, 0, e->edu) ||
	    pci_give(e->edu, "vfio-pci"))
		return "needs an edu device, as the emulated board has";
	if (disk_prepare(&e->disk[0], 0) || disk_prepare(&e->disk[1], 1))
		return "needs two NVMe disks, as the emulated board has";
	if (host_log_open(&e->log))
		return "cannot read /dev/kmsg";
	observer_run(&e->unit, "clear");
	return NULL;
}

static void show(void *arg)
{
	struct errors *e = arg;

	if (e->started > 0)
		guest_show(&e->maker, "the guest that makes errors");
	if (e->started > 1)
		guest_show(&e->other, "the other guest");
}

static const struct step all[] = {
	{ .name = "guests_start",
	  .rule = guests_start },
	{ .name = "stage1_faults_are_the_guests",
	  .rule = stage1_faults_are_the_guests },
	{ .name = "flood_of_stage1_faults_is_the_guests",
	  .rule = flood_of_stage1_faults_is_the_guests },
	{ .name = "stage2_faults_are_the_hosts",
	  .rule = stage2_faults_are_the_hosts },
	{ .name = "bad_commands_are_the_guests",
	  .rule = bad_commands_are_the_guests },
	{ .name = "trapped_bad_commands_are_the_guests",
	  .rule = trapped_bad_commands_are_the_guests },
	/* The last: of so many the guest's kernel does not print all, nor what follows */
	{ .name = "storm_of_bad_commands_is_the_guests",
	  .rule = storm_of_bad_commands_is_the_guests },
	{ .name = "nothing_is_left",
	  .rule = nothing_is_left },
};

int main(void)
{
	static struct errors e;
	const char *why;

	ksft_print_header();
	ksft_set_plan(ARRAY_SIZE(all));
	why = prepare(&e);
	if (why) {
		steps_skip(all, ARRAY_SIZE(all), why);
		ksft_finished();
	}
	steps_run(all, ARRAY_SIZE(all), &e, show);
	if (e.started > 0)
		guest_close(&e.maker);
	if (e.started > 1)
		guest_close(&e.other);
	pci_give(e.edu, NULL);
	host_log_close(&e.log);
	observer_close(&e.unit);
	ksft_finished();
}
