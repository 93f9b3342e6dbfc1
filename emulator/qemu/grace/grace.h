/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The emulated Grace board: virt with a CMDQ-Virtualization unit beside its
 * SMMUv3 and an observer through which tests look into that unit.
 */
#ifndef HW_GRACE_GRACE_H
#define HW_GRACE_GRACE_H

#include "hw/acpi/aml-build.h"
#include "hw/arm/smmuv3.h"
#include "hw/arm/virt.h"
#include "hw/sysbus.h"
#include "chardev/char-fe.h"
#include "qom/object.h"

struct cmdqv;

/* Where the board has what virt has not; all of it is free in virt's map. */
#define GRACE_CMDQV_BASE        0x0b000000
#define GRACE_CMDQV_SPI         96
#define GRACE_OBSERVER_BASE     0x0b880000

/*
 * The CMDQ-Virtualization unit (emulator/model/) as a QEMU device.
 *
 * Everything here runs under the big QEMU lock: register accesses of the
 * vCPUs, the timer, the SMMU's notifier and the observer. The model therefore
 * is never entered twice at a time, except by itself: see grace_cmdqv_read_mem().
 */
#define TYPE_GRACE_CMDQV "grace-cmdqv"
OBJECT_DECLARE_SIMPLE_TYPE(GraceCmdqvState, GRACE_CMDQV)

/**
 * grace_cmdqv_region_size - bytes that the unit's register resource takes
 * @s: the realized device
 */
uint64_t grace_cmdqv_region_size(GraceCmdqvState *s);

/**
 * grace_cmdqv_observe - run an observer command (emulator/model/cmdqv.h), or one
 * of the oracle's (emulator/model/oracle.h)
 * @s: the realized device
 * @command: one command without its line end
 * @out: receives the reply, always NUL-terminated
 * @len: bytes at @out
 *
 * Returns the length of the reply without the NUL.
 */
size_t grace_cmdqv_observe(GraceCmdqvState *s, const char *command,
                           char *out, size_t len);

/*
 * The observer: a mailbox for the board's own software and a character device
 * for the host, both with the commands of cmdqv_observe().
 */
#define TYPE_GRACE_OBSERVER "grace-observer"
OBJECT_DECLARE_SIMPLE_TYPE(GraceObserverState, GRACE_OBSERVER)

#define GRACE_OBSERVER_SIZE     0x50000

/* The board. */
#define TYPE_GRACE_MACHINE MACHINE_TYPE_NAME("grace")
OBJECT_DECLARE_SIMPLE_TYPE(GraceMachineState, GRACE_MACHINE)

struct GraceMachineState {
    VirtMachineState parent_obj;

    GraceCmdqvState *cmdqv;         /* NULL once the board runs without it */
    GraceObserverState *observer;
    bool has_cmdqv;
    bool smmu_fwb;
    bool iort_canwbs;
};

/**
 * grace_dsdt_add - describe the board's own devices
 * @scope: \_SB of the DSDT
 * @vms: the machine; nothing is added if it is not a grace board
 */
void grace_dsdt_add(Aml *scope, VirtMachineState *vms);

/**
 * grace_iort_access_flags - memory access flags that the board adds to those
 * of the root complex in the IORT
 * @vms: the machine; 0 if it is not a grace board
 */
uint8_t grace_iort_access_flags(VirtMachineState *vms);

#endif
