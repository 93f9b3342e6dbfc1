/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The emulated Grace board: virt, with a CMDQ-Virtualization unit attached to
 * its SMMUv3, and an observer of that unit.
 *
 *   -machine grace[,cmdqv=off][,smmu-fwb=off][,iort-canwbs=off]
 *            [,cmdqv-PROPERTY=VALUE...][,observer=CHARDEV]
 *            [,observer-report=FILE] and all that virt knows.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "hw/arm/smmuv3.h"
#include "hw/arm/smmuv3-internal.h"
#include "hw/boards.h"
#include "hw/firmware/smbios.h"
#include "hw/grace/grace.h"
#include "hw/irq.h"
#include "hw/qdev-properties.h"

#define GRACE_PARENT MACHINE_TYPE_NAME("virt-10.0")
#define GRACE_PRODUCT "Emulated Grace CMDQV board"

static void grace_create_cmdqv(GraceMachineState *gms, SMMUv3State *smmu)
{
    VirtMachineState *vms = VIRT_MACHINE(gms);
    SysBusDevice *cmdqv = SYS_BUS_DEVICE(gms->cmdqv);
    SysBusDevice *observer = SYS_BUS_DEVICE(gms->observer);

    object_property_set_link(OBJECT(cmdqv), "smmu", OBJECT(smmu),
                             &error_abort);
    sysbus_realize(cmdqv, &error_fatal);
    sysbus_mmio_map(cmdqv, 0, GRACE_CMDQV_BASE);
    sysbus_connect_irq(cmdqv, 0, qdev_get_gpio_in(vms->gic, GRACE_CMDQV_SPI));

    object_property_set_link(OBJECT(observer), "cmdqv", OBJECT(cmdqv),
                             &error_abort);
    sysbus_realize(observer, &error_fatal);
    sysbus_mmio_map(observer, 0, GRACE_OBSERVER_BASE);
}

static void grace_machine_init(MachineState *machine)
{
    GraceMachineState *gms = GRACE_MACHINE(machine);
    SMMUv3State *smmu;
    Object *obj;

    /* The first to set them wins; virt does so when all devices exist. */
    smbios_set_defaults("QEMU", GRACE_PRODUCT,
                        MACHINE_GET_CLASS(machine)->name);

    MACHINE_CLASS(object_class_by_name(GRACE_PARENT))->init(machine);

    obj = object_resolve_path_type("", TYPE_ARM_SMMUV3, NULL);
    smmu = obj ? ARM_SMMUV3(obj) : NULL;
    if (smmu && gms->smmu_fwb) {
        /*
         * QEMU's SMMU ignores memory attributes altogether, so it honours
         * STE.S2FWB as it is. Its reset sets fields in IDR3, never clears it.
         */
        smmu->idr[3] = FIELD_DP32(smmu->idr[3], IDR3, FWB, 1);
    }
    if (!gms->has_cmdqv) {
        object_unparent(OBJECT(gms->observer));
        object_unparent(OBJECT(gms->cmdqv));
        gms->observer = NULL;
        gms->cmdqv = NULL;
        return;
    }
    if (!smmu) {
        error_report("cmdqv=on needs iommu=smmuv3");
        exit(EXIT_FAILURE);
    }
    grace_create_cmdqv(gms, smmu);
}

#define GRACE_BOOL_PROPERTY(_field)                                         \
    static bool grace_get_##_field(Object *obj, Error **errp)               \
    {                                                                       \
        return GRACE_MACHINE(obj)->_field;                                  \
    }                                                                       \
    static void grace_set_##_field(Object *obj, bool value, Error **errp)   \
    {                                                                       \
        GRACE_MACHINE(obj)->_field = value;                                 \
    }

GRACE_BOOL_PROPERTY(has_cmdqv)
GRACE_BOOL_PROPERTY(smmu_fwb)
GRACE_BOOL_PROPERTY(iort_canwbs)

/*
 * The devices exist from the beginning, so that their properties can be given
 * with the machine's.
 */
static void grace_machine_instance_init(Object *obj)
{
    static const char *const cmdqv_properties[] = {
        "log2-vintfs", "log2-vcmdqs", "log2-sids", "ver", "hyp-own",
        "reset-pattern", "seed", "enable-delay-ns", "disable-delay-ns",
        "command-delay-ns", "commands-per-step", "log-entries",
    };
    GraceMachineState *gms = GRACE_MACHINE(obj);
    VirtMachineState *vms = VIRT_MACHINE(obj);

    gms->has_cmdqv = true;
    gms->smmu_fwb = true;
    gms->iort_canwbs = true;
    vms->iommu = VIRT_IOMMU_SMMUV3;
    vms->gic_version = VIRT_GIC_VERSION_3;
    vms->virt = true;

    gms->cmdqv = GRACE_CMDQV(object_new(TYPE_GRACE_CMDQV));
    object_property_add_child(obj, "cmdqv-unit", OBJECT(gms->cmdqv));
    object_unref(OBJECT(gms->cmdqv));
    for (unsigned i = 0; i < ARRAY_SIZE(cmdqv_properties); i++) {
        g_autofree char *name = g_strdup_printf("cmdqv-%s",
                                                cmdqv_properties[i]);

        object_property_add_alias(obj, name, OBJECT(gms->cmdqv),
                                  cmdqv_properties[i]);
    }

    gms->observer = GRACE_OBSERVER(object_new(TYPE_GRACE_OBSERVER));
    object_property_add_child(obj, "observer-device", OBJECT(gms->observer));
    object_unref(OBJECT(gms->observer));
    object_property_add_alias(obj, "observer", OBJECT(gms->observer),
                              "chardev");
    object_property_add_alias(obj, "observer-report", OBJECT(gms->observer),
                              "report");
}

static void grace_machine_class_init(ObjectClass *oc, void *data)
{
    MachineClass *mc = MACHINE_CLASS(oc);

    mc->desc = GRACE_PRODUCT;
    mc->alias = NULL;           /* "virt" is the parent's */
    mc->init = grace_machine_init;
    mc->default_cpu_type = ARM_CPU_TYPE_NAME("neoverse-n1");
    mc->default_cpus = 2;
    mc->default_ram_size = 2 * GiB;

    object_class_property_add_bool(oc, "cmdqv", grace_get_has_cmdqv,
                                   grace_set_has_cmdqv);
    object_class_property_set_description(oc, "cmdqv",
        "the CMDQV unit and its observer are there (default on)");
    object_class_property_add_bool(oc, "smmu-fwb", grace_get_smmu_fwb,
                                   grace_set_smmu_fwb);
    object_class_property_set_description(oc, "smmu-fwb",
        "the SMMU's IDR3.FWB is set (default on)");
    object_class_property_add_bool(oc, "iort-canwbs", grace_get_iort_canwbs,
                                   grace_set_iort_canwbs);
    object_class_property_set_description(oc, "iort-canwbs",
        "the IORT gives the root complex the flag CANWBS (default on)");
}

static const TypeInfo grace_machine_info = {
    .name = TYPE_GRACE_MACHINE,
    .parent = GRACE_PARENT,
    .instance_size = sizeof(GraceMachineState),
    .instance_init = grace_machine_instance_init,
    .class_init = grace_machine_class_init,
};

static void grace_machine_register(void)
{
    type_register_static(&grace_machine_info);
}
type_init(grace_machine_register);
