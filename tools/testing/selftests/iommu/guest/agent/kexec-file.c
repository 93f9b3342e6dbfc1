// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kexec-file KERNEL INITRD COMMANDLINE	goes over to another kernel at once
 * kexec-file -p KERNEL INITRD COMMANDLINE	has it ready for when this one panics
 *
 * Of kexec-tools that is all that a test needs. Status: 1 for any failure; without
 * -p there is no other.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fail(const char *what)
{
	fprintf(stderr, "kexec-file: %s: %s\n", what, strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	bool crash = argc > 1 && !strcmp(argv[1], "-p");
	char **arg = argv + 1 + crash;
	int kernel, initrd;

	if (argc - crash != 4) {
		fprintf(stderr, "usage: kexec-file [-p] KERNEL INITRD COMMANDLINE\n");
		return 1;
	}
	kernel = open(arg[0], O_RDONLY | O_CLOEXEC);
	if (kernel < 0)
		return fail(arg[0]);
	initrd = open(arg[1], O_RDONLY | O_CLOEXEC);
	if (initrd < 0)
		return fail(arg[1]);
	if (syscall(SYS_kexec_file_load, kernel, initrd, strlen(arg[2]) + 1, arg[2],
		    crash ? KEXEC_FILE_ON_CRASH : 0UL))
		return fail("kexec_file_load");
	if (crash)
		return 0;
	sync();
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
		LINUX_REBOOT_CMD_KEXEC, NULL);
	return fail("reboot");
}
