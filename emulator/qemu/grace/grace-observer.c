/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The observer: looks into the emulated CMDQV unit, from both sides.
 *
 * It is no part of the hardware. Software in the board uses the mailbox, the
 * host a character device; the commands are those of cmdqv_observe().
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/module.h"
#include "hw/grace/grace.h"
#include "hw/qdev-properties.h"
#include "hw/qdev-properties-system.h"
#include "migration/vmstate.h"
#include "system/system.h"

/*
 * The mailbox. Write a NUL-terminated command to COMMAND, anything to
 * DOORBELL; the reply is complete when that write returns.
 */
#define REG_MAGIC           0x0     /* RO "CMQO" */
#define REG_VERSION         0x4     /* RO */
#define REG_DOORBELL        0x8     /* WO */
#define REG_REPLY_LEN       0xc     /* RO, bytes, without the NUL */
#define COMMAND_OFFSET      0x1000
#define COMMAND_SIZE        0x1000
#define REPLY_OFFSET        0x2000
#define REPLY_SIZE          0x40000

#define OBSERVER_MAGIC      0x4f514d43
#define OBSERVER_VERSION    1

struct GraceObserverState {
    SysBusDevice parent_obj;

    MemoryRegion iomem;
    Notifier exit;

    uint8_t command[COMMAND_SIZE];
    char reply[REPLY_SIZE];
    uint32_t reply_len;

    /* The line that the host is sending; a longer one is answered as such. */
    char line[COMMAND_SIZE];
    size_t line_len;

    /* properties */
    GraceCmdqvState *cmdqv;
    CharBackend chr;
    char *report;
};

/* The reply to @command however long it is, to be freed by the caller. */
static char *grace_observer_run(GraceObserverState *s, const char *command)
{
    size_t room = REPLY_SIZE;
    char *out = g_malloc(room);
    size_t len = grace_cmdqv_observe(s->cmdqv, command, out, room);

    if (len >= room) {
        /* Only what changes nothing has long replies: state and log. */
        out = g_realloc(out, len + 1);
        grace_cmdqv_observe(s->cmdqv, command, out, len + 1);
    }
    return out;
}

/*
 * The mailbox
 */

static void grace_observer_doorbell(GraceObserverState *s)
{
    size_t len;

    s->command[COMMAND_SIZE - 1] = '\0';
    memset(s->reply, 0, sizeof(s->reply));
    len = grace_cmdqv_observe(s->cmdqv, (const char *)s->command,
                              s->reply, sizeof(s->reply));
    s->reply_len = MIN(len, sizeof(s->reply) - 1);
}

static bool inside(hwaddr offset, unsigned size, hwaddr start, hwaddr length)
{
    return offset >= start && offset + size <= start + length;
}

static uint64_t grace_observer_read(void *opaque, hwaddr offset, unsigned size)
{
    GraceObserverState *s = opaque;

    if (inside(offset, size, COMMAND_OFFSET, COMMAND_SIZE)) {
        return ldn_le_p(s->command + offset - COMMAND_OFFSET, size);
    }
    if (inside(offset, size, REPLY_OFFSET, REPLY_SIZE)) {
        return ldn_le_p(s->reply + offset - REPLY_OFFSET, size);
    }
    if (size != 4) {
        return 0;
    }
    switch (offset) {
    case REG_MAGIC:
        return OBSERVER_MAGIC;
    case REG_VERSION:
        return OBSERVER_VERSION;
    case REG_REPLY_LEN:
        return s->reply_len;
    default:
        return 0;
    }
}

static void grace_observer_write(void *opaque, hwaddr offset, uint64_t value,
                                 unsigned size)
{
    GraceObserverState *s = opaque;

    if (inside(offset, size, COMMAND_OFFSET, COMMAND_SIZE)) {
        stn_le_p(s->command + offset - COMMAND_OFFSET, size, value);
    } else if (offset == REG_DOORBELL && size == 4) {
        grace_observer_doorbell(s);
    }
}

static const MemoryRegionOps grace_observer_ops = {
    .read = grace_observer_read,
    .write = grace_observer_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8 },
    .impl = { .min_access_size = 1, .max_access_size = 4 },
};

/*
 * The host's side: a command a line; the reply ends with an empty line.
 */

static void grace_observer_say(GraceObserverState *s, const char *text)
{
    qemu_chr_fe_write_all(&s->chr, (const uint8_t *)text, strlen(text));
}

static void grace_observer_line(GraceObserverState *s)
{
    g_autofree char *reply = NULL;

    if (s->line_len == sizeof(s->line)) {
        grace_observer_say(s, "error reason=line-too-long\n\n");
        return;
    }
    s->line[s->line_len] = '\0';
    if (s->line_len && s->line[s->line_len - 1] == '\r') {
        s->line[s->line_len - 1] = '\0';
    }
    reply = grace_observer_run(s, s->line);
    grace_observer_say(s, reply);
    if (*reply && !g_str_has_suffix(reply, "\n")) {
        grace_observer_say(s, "\n");
    }
    grace_observer_say(s, "\n");
}

static int grace_observer_can_receive(void *opaque)
{
    return COMMAND_SIZE;
}

static void grace_observer_receive(void *opaque, const uint8_t *buf, int size)
{
    GraceObserverState *s = opaque;

    for (int i = 0; i < size; i++) {
        if (buf[i] == '\n') {
            grace_observer_line(s);
            s->line_len = 0;
        } else if (s->line_len < sizeof(s->line)) {
            s->line[s->line_len++] = buf[i];
        }
    }
}

static void grace_observer_event(void *opaque, QEMUChrEvent event)
{
    GraceObserverState *s = opaque;

    /* Half a line of a peer that went away is not the next one's. */
    if (event == CHR_EVENT_OPENED || event == CHR_EVENT_CLOSED) {
        s->line_len = 0;
    }
}

/*
 * What can be said about the whole run, written when QEMU ends.
 */
static void grace_observer_exit(Notifier *notifier, void *data)
{
    static const char *const commands[] = {
        "check", "counters", "oracle", "state all", "delay",
        "log 4294967295",
    };
    GraceObserverState *s = container_of(notifier, GraceObserverState, exit);
    FILE *file = fopen(s->report, "w");
    bool failed = !file;

    for (unsigned i = 0; !failed && i < ARRAY_SIZE(commands); i++) {
        g_autofree char *reply = grace_observer_run(s, commands[i]);

        failed = fprintf(file, "# %s\n%s", commands[i], reply) < 0;
    }
    if (file && fclose(file)) {
        failed = true;
    }
    if (failed) {
        error_report("can't write the observer's report %s: %s", s->report,
                     strerror(errno));
    }
}

static void grace_observer_realize(DeviceState *dev, Error **errp)
{
    GraceObserverState *s = GRACE_OBSERVER(dev);

    if (!s->cmdqv) {
        error_setg(errp, "there is no CMDQV unit to observe");
        return;
    }
    memory_region_init_io(&s->iomem, OBJECT(s), &grace_observer_ops, s,
                          TYPE_GRACE_OBSERVER, GRACE_OBSERVER_SIZE);
    sysbus_init_mmio(SYS_BUS_DEVICE(s), &s->iomem);
    qemu_chr_fe_set_handlers(&s->chr, grace_observer_can_receive,
                             grace_observer_receive, grace_observer_event,
                             NULL, s, NULL, true);
    if (s->report) {
        s->exit.notify = grace_observer_exit;
        qemu_add_exit_notifier(&s->exit);
    }
}

static void grace_observer_reset_hold(Object *obj, ResetType type)
{
    GraceObserverState *s = GRACE_OBSERVER(obj);

    memset(s->command, 0, sizeof(s->command));
    memset(s->reply, 0, sizeof(s->reply));
    s->reply_len = 0;
}

static const Property grace_observer_properties[] = {
    DEFINE_PROP_LINK("cmdqv", GraceObserverState, cmdqv, TYPE_GRACE_CMDQV,
                     GraceCmdqvState *),
    DEFINE_PROP_CHR("chardev", GraceObserverState, chr),
    DEFINE_PROP_STRING("report", GraceObserverState, report),
};

static const VMStateDescription grace_observer_vmstate = {
    .name = TYPE_GRACE_OBSERVER,
    .unmigratable = 1,
};

static void grace_observer_class_init(ObjectClass *oc, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    ResettableClass *rc = RESETTABLE_CLASS(oc);

    dc->desc = "observer of the CMDQV unit";
    dc->realize = grace_observer_realize;
    dc->vmsd = &grace_observer_vmstate;
    dc->user_creatable = false;
    rc->phases.hold = grace_observer_reset_hold;
    device_class_set_props(dc, grace_observer_properties);
}

static const TypeInfo grace_observer_info = {
    .name = TYPE_GRACE_OBSERVER,
    .parent = TYPE_SYS_BUS_DEVICE,
    .instance_size = sizeof(GraceObserverState),
    .class_init = grace_observer_class_init,
};

static void grace_observer_register(void)
{
    type_register_static(&grace_observer_info);
}
type_init(grace_observer_register);
