// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The whole thing once, as users have it: an unmodified QEMU starts a UEFI guest with
 * an SMMU that has command queues of its own, and with an NVMe disk behind it.
 *
 * The rules, one result each: the guest finds and uses its queues; cmdqv-info shows
 * them there, as they are; what it reads is what the host wrote on the disk, and the
 * reverse; the disk interrupts it by MSI-X;
 * each invalidation that the guest makes is executed straight from its queue, with its
 * own VMID and its own devices' StreamIDs; nobody complains; and when QEMU has ended,
 * all is as it was before.
 *
 * One guest for all of it, so the results depend on each other: what can't be tried
 * after a failure is reported as failed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"
#include "guest_can.h"
#include "guest_host.h"
#include "guest_say.h"
#include "json_read.h"
#include "kernel_log.h"
#include "vcmdq.h"
#include "vfio.h"

/* On the disk: what the host writes, and behind it what the guest writes */
#define BLOCK		16384u
#define BLOCKS		256u
/* md5sum's */
#define SUM_LEN		32

/* Shell commands for a disk, from block @skip or @seek on */
#define READ_SUM	"dd if=%s bs=%u count=%u skip=%u iflag=direct 2>/dev/null | md5sum"
#define WRITE_RANDOM	"head -c %u /dev/urandom >/tmp/data && md5sum </tmp/data && "	\
			"dd if=/tmp/data of=%s bs=%u seek=%u oflag=direct 2>/dev/null"

#define GUEST_DISK	"/dev/nvme0n1"
/* Or dd makes a file of that name */
#define HAVE_DISK	"test -b " GUEST_DISK " && "
/* What Linux says if something is wrong */
#define COMPLAINTS	"WARNING:|BUG:|Oops|I/O error|nvme.*(timeout|abort|reset)|" \
			"arm-smmu-v3.*(event 0x|GERROR|timeout|[Uu]nhandled|error)"

#define LIMIT_S		280

/**
 * struct boot - the test
 * @unit: the CMDQV unit's observer
 * @before: what it said of VMs before there was one
 * @bdf: the disk
 * @guest: the guest
 * @started: it is to be closed
 * @v: its VINTF
 * @host_sum: of what the host wrote
 * @guest_sum: of what the guest wrote
 * @seen: its commands
 * @log: the host's kernel's log since the test began
 * @began: when that was, ns
 */
struct boot {
	struct observer unit;
	char *before;
	char bdf[16];
	struct guest guest;
	bool started;
	unsigned int v;
	char host_sum[SUM_LEN + 1];
	char guest_sum[SUM_LEN + 1];
	struct host_commands seen;
	int log;
	u64 began;
};

static double seconds(const struct boot *b)
{
	return (vmm_now_ns() - b->began) / 1e9;
}

/* A command of the guest that must succeed: what it prints, to be freed, or NULL */
static __printf(2, 3)
char *guest_says(struct boot *b, const char *fmt, ...)
{
	char *output, *command;
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = vasprintf(&command, fmt, ap);
	va_end(ap);
	if (rc < 0)
		return NULL;
	rc = guest_run(&b->guest, &output, "%s", command);
	if (rc) {
		no("status %d of the guest's: %s\n%s", rc, command, output);
		free(output);
		output = NULL;
	}
	free(command);
	return output;
}

static bool prepare_disk(struct boot *b)
{
	char path[PATH_MAX];

	if (pci_give(b->bdf, NULL) || host_disk(b->bdf, path))
		return no("the host has no block device of %s", b->bdf);
	return host_says(b->host_sum, SUM_LEN + 1, WRITE_RANDOM, BLOCK * BLOCKS, path, BLOCK, 0);
}

static bool start(struct boot *b)
{
	struct guest_config config = {
		.smmu = "accel=on,cmdqv=on",
		.devices = { b->bdf },
		.programs = { "cmdqv-info" },
	};
	int rc;

	if (!prepare_disk(b))
		return false;
	rc = pci_give(b->bdf, "vfio-pci");
	if (rc)
		return no("vfio-pci does not take %s: %s", b->bdf, strerror(-rc));
	b->before = observer_guest_state(&b->unit);
	if (!b->before)
		return no("the unit does not answer");
	/* Counters from here on are the guest's */
	observer_run(&b->unit, "clear");
	rc = guest_start(&b->guest, &config);
	if (rc)
		return no("cannot run QEMU: %s", strerror(-rc));
	b->started = true;
	rc = guest_wait_hello(&b->guest);
	if (rc)
		return no("the guest does not come up: %s", strerror(-rc));
	ksft_print_msg("%.1f s: the guest is up\n", seconds(b));
	return true;
}

static bool has_queues(struct boot *b)
{
	unsigned int queues = 0;
	struct vintf_state state;
	const char *r;
	char *text;

	text = guest_says(b, "dmesg | grep -i cmdq");
	if (!text)
		return no("the guest's kernel says nothing of a CMDQV");
	no("in the guest: %s", text);
	free(text);
	b->v = host_vintf(&b->unit, b->bdf);
	if (!b->v || observer_vintf(&b->unit, b->v, &state))
		return no("no VINTF has a SID slot for the disk");
	r = observer_run(&b->unit, "state");
	for (; (r = record_find(r, "vcmdq")); r = record_next(r))
		queues += record_value(r, "vintf") == b->v && record_value(r, "enabled");
	ksft_print_msg("VINTF %u, VMID %u: %u queues mapped, %u in use\n", b->v,
		       state.vmid, state.lvcmdqs, queues);
	return (state.enabled && !state.hyp_own && queues) ||
	       no("enabled=%u hyp_own=%u", state.enabled, state.hyp_own);
}

/* Other kernels may be tried in the guest */
static const char *no_records(struct boot *b)
{
	/* Where they are with and without CONFIG_IOMMU_DEBUGFS */
	int rc = guest_run(&b->guest, NULL, "ls %s/tegra241_cmdqv/*/unit %s/*/*/*/unit | grep .",
			   "/sys/kernel/debug", "/sys/kernel/debug");

	return rc <= 0 ? NULL : "the guest's kernel has no records of its CMDQV";
}

/* The queue that is @l to the guest is as long as it says, and as full */
static bool is_shown(struct boot *b, const char *doc, unsigned int l, const char *r)
{
	char path[64];
	u64 entries;

	snprintf(path, sizeof(path), "units.0.vcmdqs.%u.entries", l);
	entries = json_number(doc, path);
	snprintf(path, sizeof(path), "units.0.vcmdqs.%u.decoded.running", l);
	return (entries == 1ULL << record_value(r, "log2size") &&
		json_is(doc, path, record_value(r, "enabled") ? "true" : "false")) ||
	       no("queue %u is not: %.*s", l, (int)strcspn(r, "\n"), r);
}

/* What cmdqv-info shows of the guest's own unit is what the host's has for it */
static bool sees_its_unit(struct boot *b)
{
	char *doc = guest_says(b, "cmdqv-info --json && cmdqv-info --errors");
	unsigned int queues = 0;
	const char *r;
	bool ok;

	if (!doc || !b->v) {
		free(doc);
		return no("cmdqv-info has not said that all is fine");
	}
	ok = json_is(doc, "units.0.unit.role", "\"guest\"") &&
	     json_is(doc, "units.0.unit.state", "\"running\"") &&
	     json_is(doc, "units.0.vintf0.enabled", "true") &&
	     json_is(doc, "units.0.vintf0.hyp_own", "false") &&
	     json_is(doc, "units.0.vintfs", "[]");
	if (!ok)
		no("%s", doc);
	r = observer_run(&b->unit, "state");
	for (; (r = record_find(r, "vcmdq")); r = record_next(r)) {
		if (record_value(r, "vintf") != b->v || !record_value(r, "allocated"))
			continue;
		ok = is_shown(b, doc, record_value(r, "lvcmdq"), r) && ok;
		queues++;
	}
	/* And no other */
	if (!queues || json_number(doc, "units.0.vintf0.queues") != queues)
		ok = no("the host has mapped %u queues", queues);
	free(doc);
	return ok;
}

static bool guest_reads(struct boot *b)
{
	char *sum = guest_says(b, HAVE_DISK READ_SUM, GUEST_DISK, BLOCK, BLOCKS, 0);
	bool same;

	if (!sum)
		return false;
	same = !strncmp(sum, b->host_sum, SUM_LEN);
	if (!same)
		no("the host wrote %s, the guest reads %s", b->host_sum, sum);
	free(sum);
	ksft_print_msg("%.1f s: the guest has read\n", seconds(b));
	return same;
}

static bool guest_writes(struct boot *b)
{
	char *sum = guest_says(b, HAVE_DISK WRITE_RANDOM, BLOCK * BLOCKS, GUEST_DISK, BLOCK,
			       BLOCKS);

	if (!sum)
		return false;
	snprintf(b->guest_sum, sizeof(b->guest_sum), "%s", sum);
	free(sum);
	ksft_print_msg("%.1f s: the guest has written\n", seconds(b));
	return true;
}

/*
 * In /proc/interrupts each vector of the disk's is one of the ITS, and some have come.
 * Its admin queue shares none with them on this kernel.
 */
static bool interrupts_are_msix(struct boot *b)
{
	char *text = guest_says(b, "grep nvme /proc/interrupts"), *line, *rest = text;
	unsigned long total = 0, count;
	unsigned int vectors = 0;
	bool ok = true;

	if (!text)
		return no("the disk has no interrupt");
	while ((line = strsep(&rest, "\n")) && *line) {
		ksft_print_msg("%s\n", line);
		ok = ok && strstr(line, "ITS-") && strstr(line, "MSI");
		if (sscanf(line, " %*u: %lu", &count) == 1)
			total += count;
		vectors++;
	}
	free(text);
	return (ok && vectors >= 2 && total >= 2 * BLOCKS) ||
	       no("%u vectors, %lu interrupts", vectors, total);
}

/* One invalidation at least for each request, as the guest's DMA is strict */
static bool invalidates_by_itself(struct boot *b)
{
	u64 executed;

	if (!b->v || host_commands(&b->unit, b->v, &b->seen))
		return false;
	executed = observer_executed(&b->unit, b->v);
	ksft_print_msg("straight from the guest: %llu commands, %llu of them TLBI, %llu CMD_SYNC\n",
		       executed, b->seen.invalidations, b->seen.syncs);
	if (executed != b->seen.seen)
		return no("only %llu were looked at", b->seen.seen);
	return (b->seen.invalidations >= 2 * BLOCKS && b->seen.syncs) ||
	       no("with %u requests there have to be more", 2 * BLOCKS);
}

static bool nothing_foreign(struct boot *b)
{
	const char *r;
	u64 n = 0;

	if (!b->v)
		return false;
	/* Nor was anything refused */
	r = observer_run(&b->unit, "counters");
	for (; (r = record_find(r, "refused")); r = record_next(r))
		n += record_value(r, "count");
	ksft_print_msg("executed with a foreign VMID or StreamID: %llu, refused: %llu\n",
		       b->seen.foreign, n);
	return (b->seen.seen && !b->seen.foreign && !n) || no("%s", b->seen.example);
}

static bool guest_is_content(struct boot *b)
{
	char *text;
	int rc = guest_run(&b->guest, &text,
			   "dmesg | grep -E '" COMPLAINTS "'");
	bool content = rc == 1;

	if (!content)
		no("%s", text);
	free(text);
	return content;
}

static bool ends_cleanly(struct boot *b)
{
	const char *left;
	int rc;

	/* No reply: the guest is gone before it could say so */
	rc = guest_send(&b->guest, "poweroff -f");
	if (!rc)
		rc = guest_wait_end(&b->guest);
	if (rc)
		return no("QEMU has ended with %d", rc);
	left = host_left(&b->unit, b->before);
	return !left || no("left: %s", left);
}

static bool host_is_content(struct boot *b)
{
	char warning[256];

	return !kernel_has_warned(b->log, warning, sizeof(warning)) || no("%s", warning);
}

static bool host_reads(struct boot *b)
{
	char path[PATH_MAX], sum[SUM_LEN + 1];

	if (pci_give(b->bdf, NULL) || host_disk(b->bdf, path))
		return no("the host has not got its disk back");
	if (!host_says(sum, SUM_LEN + 1, READ_SUM, path, BLOCK, BLOCKS, BLOCKS))
		return false;
	if (!b->guest_sum[0] || strcmp(sum, b->guest_sum))
		return no("the guest wrote %s, the host reads %s", b->guest_sum, sum);
	if (!host_says(sum, SUM_LEN + 1, READ_SUM, path, BLOCK, BLOCKS, 0))
		return false;
	return !strcmp(sum, b->host_sum) ||
	       no("and has damaged what the host wrote");
}

/**
 * struct step - a rule
 * @name: of the result
 * @holds: sees whether it holds
 * @lacks: what the guest lacks for it, or NULL; may be NULL itself
 * @alone: it can be seen although something before it has failed
 */
static const struct step {
	const char *name;
	bool (*holds)(struct boot *b);
	const char *(*lacks)(struct boot *b);
	bool alone;
} steps[] = {
	{ .name = "QEMU starts a UEFI guest with command queues and an NVMe disk", .holds = start },
	{ .name = "the guest has found its CMDQV and its queues work", .holds = has_queues },
	{ .name = "cmdqv-info in the guest shows its queues", .holds = sees_its_unit,
	  .lacks = no_records },
	{ .name = "the guest reads what the host has written", .holds = guest_reads },
	{ .name = "the guest writes", .holds = guest_writes },
	{ .name = "the disk interrupts the guest by MSI-X", .holds = interrupts_are_msix },
	{ .name = "the guest's invalidations come straight from its queues",
	  .holds = invalidates_by_itself },
	{ .name = "no command was executed with a foreign VMID or StreamID",
	  .holds = nothing_foreign },
	{ .name = "the guest's kernel complains of nothing", .holds = guest_is_content },
	{ .name = "the guest powers off and nothing is left of it", .holds = ends_cleanly },
	{ .name = "the host reads what the guest has written", .holds = host_reads },
	{ .name = "the host's kernel has warned of nothing",
	  .holds = host_is_content, .alone = true },
};

/* NULL, or why the test can't run here */
static const char *find_board(struct boot *b)
{
	const char *why = guest_lacks();
	enum host_can can;

	if (why)
		return why;
	if (observer_open(&b->unit))
		return "needs the emulated board's observer (ACPI CMQO0001)";
	if (vfio_find(NVME_VENDOR, NVME_DEVICE, 0, b->bdf))
		return "needs an NVMe disk, as the emulated board has";
	/* In words of its own, not QEMU's: any kernel may be tried */
	if (!host_can(b->bdf, &can) && can < CAN_QUEUE)
		return host_cannot(can);
	return NULL;
}

int main(void)
{
	struct boot b = {};
	bool up = true, ok = true, holds;
	const char *why;
	unsigned int i;

	ksft_print_header();
	ksft_set_plan(ARRAY_SIZE(steps));
	why = find_board(&b);
	if (why) {
		for (i = 0; i < ARRAY_SIZE(steps); i++)
			ksft_test_result_code(KSFT_SKIP, steps[i].name, "%s", why);
		ksft_finished();
	}
	/* Nobody may wait for ever, and there is no harness to see to that */
	alarm(guest_patience(LIMIT_S));
	b.began = vmm_now_ns();
	b.log = kernel_log_open();

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		why = up && steps[i].lacks ? steps[i].lacks(&b) : NULL;
		if (why) {
			ksft_test_result_code(KSFT_SKIP, steps[i].name, "%s", why);
			continue;
		}
		holds = (up || steps[i].alone) && steps[i].holds(&b);
		ksft_test_result(holds, "%s\n", steps[i].name);
		ok = ok && holds;
		up = up && (i || holds);
	}
	ksft_print_msg("%.1f s: the end\n", seconds(&b));
	if (b.started) {
		if (!ok)
			guest_show(&b.guest, "guest");
		guest_close(&b.guest);
	}
	free(b.before);
	/* Its own driver gets the disk back, if the test broke off */
	pci_give(b.bdf, NULL);
	ksft_finished();
}
