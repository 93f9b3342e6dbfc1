/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The CMDQ-Virtualization unit as a device of QEMU.
 *
 * The unit itself is emulator/model/; this file is the world around it: guest
 * memory, QEMU's SMMUv3, an interrupt line and virtual time.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/module.h"
#include "qemu/timer.h"
#include "exec/address-spaces.h"
#include "hw/arm/smmuv3.h"
#include "hw/arm/smmuv3-internal.h"
#include "hw/grace/grace.h"
#include "hw/irq.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "hw/grace/model/cmdqv.h"
#include "hw/grace/model/oracle.h"

struct GraceCmdqvState {
    SysBusDevice parent_obj;

    MemoryRegion iomem;
    qemu_irq irq;
    QEMUTimer *timer;
    Notifier smmu_sync;
    struct cmdqv *model;
    struct cmdqv_oracle *oracle;    /* between the model and all of this */

    /* properties */
    SMMUv3State *smmu;
    struct cmdqv_config config;
    char *reset_pattern;
};

/*
 * The unit may fetch commands from memory only. A queue that lies in device
 * registers aborts its fetches: no side effects on devices, and no way for the
 * unit to reach its own registers while the model is at work.
 */
static const MemTxAttrs memory_only = { .memory = 1 };

static int grace_cmdqv_read_mem(void *opaque, uint64_t pa, void *buf,
                                size_t len)
{
    return address_space_read(&address_space_memory, pa, memory_only,
                              buf, len) != MEMTX_OK;
}

static int grace_cmdqv_write_mem(void *opaque, uint64_t pa, const void *buf,
                                 size_t len)
{
    return address_space_write(&address_space_memory, pa, memory_only,
                               buf, len) != MEMTX_OK;
}

/* The codes of the unit's first errors are the SMMU's: hardware.md §5. */
QEMU_BUILD_BUG_ON((int)CMDQV_CERROR_ILL != (int)SMMU_CERROR_ILL);
QEMU_BUILD_BUG_ON((int)CMDQV_CERROR_ABT != (int)SMMU_CERROR_ABT);
QEMU_BUILD_BUG_ON((int)CMDQV_CERROR_ATC_INV_SYNC !=
                  (int)SMMU_CERROR_ATC_INV_SYNC);

static enum cmdqv_cerror grace_cmdqv_execute(void *opaque,
                                             const uint64_t cmd[2],
                                             const struct cmdqv_origin *origin)
{
    GraceCmdqvState *s = opaque;
    Cmd smmu_cmd = {
        .word = { cmd[0], cmd[0] >> 32, cmd[1], cmd[1] >> 32 },
    };

    return (enum cmdqv_cerror)smmuv3_execute_cmd(s->smmu, smmu_cmd);
}

static void grace_cmdqv_irq_edge(void *opaque)
{
    GraceCmdqvState *s = opaque;

    qemu_irq_pulse(s->irq);
}

static uint64_t grace_cmdqv_now_ns(void *opaque)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

static void grace_cmdqv_schedule(void *opaque, uint64_t delay_ns)
{
    GraceCmdqvState *s = opaque;
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    int64_t when = delay_ns < INT64_MAX - now ? now + delay_ns : INT64_MAX;

    timer_mod(s->timer, when);
}

static const struct cmdqv_bench grace_cmdqv_bench = {
    .read_mem = grace_cmdqv_read_mem,
    .write_mem = grace_cmdqv_write_mem,
    .execute = grace_cmdqv_execute,
    .irq_edge = grace_cmdqv_irq_edge,
    .now_ns = grace_cmdqv_now_ns,
    .schedule = grace_cmdqv_schedule,
};

static void grace_cmdqv_strtab(void *opaque, uint64_t *base, uint32_t *cfg)
{
    GraceCmdqvState *s = opaque;

    *base = s->smmu->strtab_base;
    *cfg = s->smmu->strtab_base_cfg;
}

static void grace_cmdqv_timer(void *opaque)
{
    GraceCmdqvState *s = opaque;

    cmdqv_process(s->model);
}

/* The SMMU's own queue has executed CMD_SYNC: that flushes late time-outs. */
static void grace_cmdqv_smmu_sync(Notifier *notifier, void *data)
{
    GraceCmdqvState *s = container_of(notifier, GraceCmdqvState, smmu_sync);

    cmdqv_smmu_sync(s->model);
}

/*
 * What the unit does with an access of a wrong size is not known; here it
 * reads as zero and is ignored (assumption). The model counts it.
 */
static uint64_t grace_cmdqv_read(void *opaque, hwaddr offset, unsigned size)
{
    GraceCmdqvState *s = opaque;
    uint64_t value;

    if (!cmdqv_read(s->model, offset, size, &value)) {
        value = 0;
    }
    return value;
}

static void grace_cmdqv_write(void *opaque, hwaddr offset, uint64_t value,
                              unsigned size)
{
    GraceCmdqvState *s = opaque;

    cmdqv_write(s->model, offset, size, value);
}

static const MemoryRegionOps grace_cmdqv_ops = {
    .read = grace_cmdqv_read,
    .write = grace_cmdqv_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    /* Everything reaches the model as it was issued: it does the refusing. */
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

uint64_t grace_cmdqv_region_size(GraceCmdqvState *s)
{
    return cmdqv_mem_size(s->model);
}

size_t grace_cmdqv_observe(GraceCmdqvState *s, const char *command,
                           char *out, size_t len)
{
    if (g_str_has_prefix(command, "oracle")) {
        return cmdqv_oracle_observe(s->oracle, command, out, len);
    }
    return cmdqv_observe(s->model, command, out, len);
}

static bool grace_cmdqv_set_reset_pattern(GraceCmdqvState *s, Error **errp)
{
    static const char *const names[] = {
        [CMDQV_RESET_ZERO] = "zero",
        [CMDQV_RESET_RANDOM] = "random",
        [CMDQV_RESET_DIRTY] = "dirty",
    };

    if (!s->reset_pattern) {
        return true;            /* the model's default */
    }
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(s->reset_pattern, names[i])) {
            s->config.reset_pattern = i;
            return true;
        }
    }
    error_setg(errp, "reset-pattern is zero, random or dirty, not '%s'",
               s->reset_pattern);
    return false;
}

static void grace_cmdqv_realize(DeviceState *dev, Error **errp)
{
    GraceCmdqvState *s = GRACE_CMDQV(dev);
    const char *why = "";

    if (!s->smmu) {
        error_setg(errp, "the unit needs an SMMUv3 to work with");
        return;
    }
    if (!grace_cmdqv_set_reset_pattern(s, errp)) {
        return;
    }
    s->config.max_log2size = SMMU_CMDQS;
    s->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, grace_cmdqv_timer, s);
    s->oracle = cmdqv_oracle_create(&grace_cmdqv_bench, s, grace_cmdqv_strtab);
    if (!s->oracle) {
        why = "out of memory";
    } else {
        s->model = cmdqv_create(&s->config, cmdqv_oracle_bench(), s->oracle,
                                &why);
    }
    if (!s->model) {
        cmdqv_oracle_destroy(s->oracle);
        timer_free(s->timer);
        error_setg(errp, "CMDQV: %s", why);
        return;
    }
    cmdqv_oracle_unit(s->oracle, s->model);

    memory_region_init_io(&s->iomem, OBJECT(s), &grace_cmdqv_ops, s,
                          TYPE_GRACE_CMDQV, cmdqv_mem_size(s->model));
    sysbus_init_mmio(SYS_BUS_DEVICE(s), &s->iomem);
    sysbus_init_irq(SYS_BUS_DEVICE(s), &s->irq);

    s->smmu_sync.notify = grace_cmdqv_smmu_sync;
    notifier_list_add(&s->smmu->cmd_sync_notifiers, &s->smmu_sync);
}

static void grace_cmdqv_reset_hold(Object *obj, ResetType type)
{
    GraceCmdqvState *s = GRACE_CMDQV(obj);

    timer_del(s->timer);
    cmdqv_reset(s->model);
}

static void grace_cmdqv_instance_init(Object *obj)
{
    GraceCmdqvState *s = GRACE_CMDQV(obj);

    cmdqv_config_init(&s->config);
}

/* Their defaults are the model's, see cmdqv_config_init(). */
#define GRACE_CMDQV_PROP(_name, _field, _type)                              \
    DEFINE_PROP_UNSIGNED_NODEFAULT(_name, GraceCmdqvState, config._field,   \
                                   qdev_prop_##_type, _type##_t)

static const Property grace_cmdqv_properties[] = {
    DEFINE_PROP_LINK("smmu", GraceCmdqvState, smmu, TYPE_ARM_SMMUV3,
                     SMMUv3State *),
    GRACE_CMDQV_PROP("log2-vintfs", log2_vintfs, uint8),
    GRACE_CMDQV_PROP("log2-vcmdqs", log2_vcmdqs, uint8),
    GRACE_CMDQV_PROP("log2-sids", log2_sids, uint8),
    GRACE_CMDQV_PROP("ver", ver, uint8),
    GRACE_CMDQV_PROP("seed", reset_seed, uint64),
    GRACE_CMDQV_PROP("enable-delay-ns", enable_delay_ns, uint64),
    GRACE_CMDQV_PROP("disable-delay-ns", disable_delay_ns, uint64),
    GRACE_CMDQV_PROP("command-delay-ns", command_delay_ns, uint64),
    GRACE_CMDQV_PROP("commands-per-step", commands_per_step, uint32),
    GRACE_CMDQV_PROP("log-entries", log_entries, uint32),
    DEFINE_PROP_BOOL("hyp-own", GraceCmdqvState, config.hyp_wired, true),
    DEFINE_PROP_STRING("reset-pattern", GraceCmdqvState, reset_pattern),
};

/* The state lives in the model, which can't be saved. */
static const VMStateDescription grace_cmdqv_vmstate = {
    .name = TYPE_GRACE_CMDQV,
    .unmigratable = 1,
};

static void grace_cmdqv_class_init(ObjectClass *oc, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    ResettableClass *rc = RESETTABLE_CLASS(oc);

    dc->desc = "Tegra241 CMDQ-Virtualization unit";
    dc->realize = grace_cmdqv_realize;
    dc->vmsd = &grace_cmdqv_vmstate;
    dc->user_creatable = false;
    rc->phases.hold = grace_cmdqv_reset_hold;
    device_class_set_props(dc, grace_cmdqv_properties);
}

static const TypeInfo grace_cmdqv_info = {
    .name = TYPE_GRACE_CMDQV,
    .parent = TYPE_SYS_BUS_DEVICE,
    .instance_size = sizeof(GraceCmdqvState),
    .instance_init = grace_cmdqv_instance_init,
    .class_init = grace_cmdqv_class_init,
};

static void grace_cmdqv_register(void)
{
    type_register_static(&grace_cmdqv_info);
}
type_init(grace_cmdqv_register);
