/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the operating system finds the emulated Grace board's own devices.
 */
#include "qemu/osdep.h"
#include "hw/acpi/aml-build.h"
#include "hw/grace/grace.h"

#define ARM_SPI_BASE 32

/*
 * The driver matches the unit to its SMMU by comparing the _UID with the
 * identifier of the SMMU's IORT node: hardware.md §1. virt's build_iort()
 * numbers its nodes, and the SMMU is the second.
 */
#define GRACE_SMMU_IORT_ID 1

/* DEN0049E.f, table 15: the root complex's writes are cacheable and snooped. */
#define IORT_MEMORY_ACCESS_CANWBS BIT(2)

static GraceMachineState *grace_machine(VirtMachineState *vms)
{
    return (GraceMachineState *)object_dynamic_cast(OBJECT(vms),
                                                    TYPE_GRACE_MACHINE);
}

/* 6.12 takes the unit's registers from an address space descriptor only. */
static Aml *grace_mmio(hwaddr base, uint64_t size)
{
    return aml_qword_memory(AML_POS_DECODE, AML_MIN_FIXED, AML_MAX_FIXED,
                            AML_NON_CACHEABLE, AML_READ_WRITE,
                            0, base, base + size - 1, 0, size);
}

void grace_dsdt_add(Aml *scope, VirtMachineState *vms)
{
    GraceMachineState *gms = grace_machine(vms);
    const uint32_t irq = GRACE_CMDQV_SPI + ARM_SPI_BASE;
    Aml *dev, *crs;

    if (!gms || !gms->has_cmdqv) {
        return;
    }

    dev = aml_device("CMDV");
    aml_append(dev, aml_name_decl("_HID", aml_string("NVDA200C")));
    aml_append(dev, aml_name_decl("_UID", aml_int(GRACE_SMMU_IORT_ID)));
    aml_append(dev, aml_name_decl("_CCA", aml_int(1)));
    crs = aml_resource_template();
    aml_append(crs, grace_mmio(GRACE_CMDQV_BASE,
                               grace_cmdqv_region_size(gms->cmdqv)));
    aml_append(crs, aml_interrupt(AML_CONSUMER, AML_EDGE, AML_ACTIVE_HIGH,
                                  AML_EXCLUSIVE, &irq, 1));
    aml_append(dev, aml_name_decl("_CRS", crs));
    aml_append(scope, dev);

    dev = aml_device("CMQO");
    aml_append(dev, aml_name_decl("_HID", aml_string("CMQO0001")));
    aml_append(dev, aml_name_decl("_UID", aml_int(0)));
    aml_append(dev, aml_name_decl("_CCA", aml_int(1)));
    crs = aml_resource_template();
    aml_append(crs, grace_mmio(GRACE_OBSERVER_BASE, GRACE_OBSERVER_SIZE));
    aml_append(dev, aml_name_decl("_CRS", crs));
    aml_append(scope, dev);
}

uint8_t grace_iort_access_flags(VirtMachineState *vms)
{
    GraceMachineState *gms = grace_machine(vms);

    return gms && gms->iort_canwbs ? IORT_MEMORY_ACCESS_CANWBS : 0;
}
