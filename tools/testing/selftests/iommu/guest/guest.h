/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Real guests: a VMM that is no part of this project, QEMU, started with devices of
 * the machine that the test runs on, and a Linux in it that does what it is told.
 *
 *	struct guest_config config = { .smmu = "accel=on,cmdqv=on", .devices = { bdf } };
 *	struct guest guest;
 *
 *	why = guest_lacks();			a reason to skip the test
 *	rc = guest_start(&guest, &config);	bind the devices to vfio-pci before
 *	rc = guest_wait_hello(&guest);
 *	rc = guest_run(&guest, &text, "dd if=/dev/nvme0n1 bs=4k count=%u | md5sum", n);
 *	rc = guest_quit(&guest);
 *	...
 *	if (the test has failed)
 *		guest_show(&guest);
 *	guest_close(&guest);
 *
 * What runs where: the test and QEMU on the host, guest_agent.c in the guest as its
 * first process. The two talk over a VirtIO serial port on the guest's primary PCI
 * bus, which the guest's SMMU has nothing to do with, so that they can talk whatever
 * happens to it. Any text goes through, binary data too, but not quickly.
 *
 * All functions return 0 (or more) or a negative errno: -ETIMEDOUT; -EPIPE if QEMU
 * has ended; -ECONNRESET if the guest has started anew meanwhile. Nothing here is
 * safe to be called from two threads for the same guest.
 *
 * The environment says what to use, where this machine is not the emulated board:
 *
 *	GUEST_QEMU	the VMM (/usr/bin/qemu-system-aarch64)
 *	GUEST_FIRMWARE	UEFI (/usr/share/qemu-efi-aarch64/QEMU_EFI.fd)
 *	GUEST_KERNEL	the guest's Linux, with the options that ./config lists for it built in
 *			(guest-Image beside the test)
 *	GUEST_APPEND	more of its kernel's command line ()
 *	GUEST_BUSYBOX	static, for the guest (/bin/busybox)
 *	BOARD_SLOW	how many times longer than usual everything may take (1)
 */
#ifndef GUEST_H
#define GUEST_H

#include <limits.h>
#include <sys/types.h>

#include "../../kselftest.h"
#include "observer.h"
#include "types.h"

#define GUEST_DEVICES	8
#define GUEST_WORDS	64

/**
 * struct guest_config - a guest to be
 * @qemu: the VMM, NULL for GUEST_QEMU
 * @kernel: its Linux, NULL for GUEST_KERNEL
 * @smmu: options of its SMMUv3, e.g. "accel=on,cmdqv=on"; NULL: it has none for its
 *	devices
 * @no_smmu: it has none at all: devices are on the primary bus
 * @type1: devices go through VFIO's older container, not through an iommufd
 * @device_tree: no firmware, which saves seconds; QEMU wants it where an SMMU nests
 * @cpus: 0 for 1
 * @memory_mb: 0 for GUEST_MEMORY_MB
 * @backend: type and options of the object that is its memory, without id and size,
 *	e.g. "memory-backend-memfd,share=on"; NULL for QEMU's own
 * @machine: more options of the machine, e.g. "iommu=smmuv3"; or NULL
 * @append: more of the kernel's command line; or NULL
 * @devices: PCI devices of the host, by name, bound to vfio-pci; up to the first NULL
 * @arguments: more arguments of QEMU's, up to the first NULL
 * @programs: static programs beside the test that the guest gets into /bin, up to the
 *	first NULL
 */
struct guest_config {
	const char *qemu;
	const char *kernel;
	const char *smmu;
	bool no_smmu;
	bool type1;
	bool device_tree;
	unsigned int cpus;
	unsigned int memory_mb;
	const char *backend;
	const char *machine;
	const char *append;
	const char *devices[GUEST_DEVICES];
	const char *arguments[GUEST_WORDS];
	const char *programs[GUEST_DEVICES];
};

#define GUEST_MEMORY_MB	256

/**
 * struct guest - a guest and the QEMU that it is in
 * @pid: QEMU; 0: it has ended
 * @status: how it has ended, as of waitpid(); valid if @pid is 0
 * @patience: seconds that one call waits at most, before BOARD_SLOW
 * @hellos: how often the guest has said hello
 * @dir: directory for its files
 * @seen: of @hellos, how many guest_wait_hello() has returned for
 * @pidfd: of @pid, -1 if it has ended
 * @qmp: lines from and to QEMU's monitor
 * @agent: lines from and to the agent
 * @sequence: number of the last command
 * @output: what the command has printed so far
 * @exit: what it has exited with, -1: it has not
 */
struct guest {
	pid_t pid;
	int status;
	unsigned int patience;
	unsigned int hellos;
	/* private: */
	char dir[32];
	unsigned int seen;
	int pidfd;
	struct guest_lines {
		int fd;
		char *text;
		size_t len;
	} qmp, agent;
	unsigned int sequence;
	struct guest_text {
		char *text;
		size_t len;
	} output, reply, events;
	int exit;
};

/**
 * guest_lacks() - can guests be run here?
 *
 * Return: NULL, or what is missing, in words for a SKIP.
 */
const char *guest_lacks(void);

/**
 * guest_start() - start a guest
 * @g: the guest; to be closed with guest_close() after success, and only then
 * @c: what it is like; not needed any more when this returns
 *
 * Does not wait until the guest does anything, nor for QEMU to find fault with its
 * arguments: guest_wait_hello() says -EPIPE then, and guest_stderr() why.
 *
 * Return: 0 or a negative errno.
 */
int guest_start(struct guest *g, const struct guest_config *c);

/**
 * guest_close() - forget a guest, with QEMU killed if it still runs
 * @g: the guest
 */
void guest_close(struct guest *g);

/* Tell QEMU to end and wait for it: what it exited with, 128 + signal, or an error. */
int guest_quit(struct guest *g);
/* SIGKILL for QEMU; returns when it has ended. */
int guest_kill(struct guest *g);
/* Wait until QEMU has ended by itself, as after a shutdown of the guest; as guest_quit(). */
int guest_wait_end(struct guest *g);

/**
 * guest_wait_hello() - wait until the guest is up, once more if it was before
 * @g: the guest
 *
 * Return: 0 when the agent has said hello since the last call of this.
 */
int guest_wait_hello(struct guest *g);

/**
 * guest_run() - run a shell command in the guest
 * @g: the guest, which has said hello
 * @output: what the command printed to its standard output and error, to be freed;
 *	set whatever is returned; may be NULL
 * @fmt: the command, as for printf()
 *
 * One that leaves something running in the background must redirect its output.
 *
 * Return: what the command exited with, 128 + signal if one ended it; or an error.
 */
__printf(3, 4) int guest_run(struct guest *g, char **output, const char *fmt, ...);

/* Start a shell command whose end the guest may not live to see; doesn't wait. */
__printf(2, 3) int guest_send(struct guest *g, const char *fmt, ...);

/**
 * guest_qmp() - one command for QEMU's monitor
 * @g: the guest
 * @reply: the reply, a line of JSON, to be freed; may be NULL
 * @fmt: the command as JSON, e.g. "{'execute': 'system_reset'}", with ' for "
 *
 * Return: 0, -EIO if QEMU refused it, or another error.
 */
__printf(3, 4) int guest_qmp(struct guest *g, char **reply, const char *fmt, ...);

/**
 * guest_wait_event() - wait for an event of QEMU's
 * @g: the guest
 * @name: e.g. "GUEST_PANICKED"
 *
 * Events from before the call count, each once; those before the one that was found
 * are forgotten.
 */
int guest_wait_event(struct guest *g, const char *name);

/* Wait until the guest's console has shown @text. */
int guest_wait_console(struct guest *g, const char *text);

/* All that the guest's console, or QEMU, has said so far; to be freed. Never NULL. */
char *guest_console(struct guest *g);
char *guest_stderr(struct guest *g);
/* The same as diagnostics of the test, @title before: last lines of a long console. */
void guest_show(struct guest *g, const char *title);

/* Seconds times BOARD_SLOW */
unsigned int guest_patience(unsigned int seconds);

#endif
