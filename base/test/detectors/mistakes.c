// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module that makes one mistake when it is loaded, the one that its parameter
 * "make" names, and does not stay. base/test/detectors/run says what the kernel for
 * debugging has to answer to each.
 */
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

static char *make;
module_param(make, charp, 0);
MODULE_PARM_DESC(make, "the mistake to make");

/* The compiler must not know what this is */
static volatile int three = 3;
static void *volatile kept;

static void warn(void)
{
	WARN(1, "a warning, as asked for\n");
}

static void sleep_in_atomic(void)
{
	static DEFINE_SPINLOCK(lock);

	spin_lock(&lock);
	kfree(kmalloc(64, GFP_KERNEL));
	spin_unlock(&lock);
}

static void cpu_of_preemptible(void)
{
	three = smp_processor_id() * 0 + 3;
}

static void unprotected_rcu(void)
{
	static int __rcu *pointer;

	kept = rcu_dereference(pointer);
}

struct timed {
	struct timer_list timer;
};

static void expired(struct timer_list *timer)
{
}

static void free_active_timer(void)
{
	struct timed *timed = kzalloc(sizeof(*timed), GFP_KERNEL);

	timer_setup(&timed->timer, expired, 0);
	mod_timer(&timed->timer, jiffies + 100 * HZ);
	kfree(timed);
}

struct worked {
	struct delayed_work work;
};

static void work(struct work_struct *work)
{
}

static void free_queued_work(void)
{
	struct worked *worked = kzalloc(sizeof(*worked), GFP_KERNEL);

	INIT_DELAYED_WORK(&worked->work, work);
	schedule_delayed_work(&worked->work, 100 * HZ);
	kfree(worked);
}

static void lock_order(void)
{
	static DEFINE_MUTEX(a);
	static DEFINE_MUTEX(b);

	mutex_lock(&a);
	mutex_lock(&b);
	mutex_unlock(&b);
	mutex_unlock(&a);
	mutex_lock(&b);
	mutex_lock(&a);
	mutex_unlock(&a);
	mutex_unlock(&b);
}

static void array_index(void)
{
	static int array[3];

	array[three] = 1;
}

static void shift(void)
{
	three = 3 + 0 * (three << (three + 61));
}

static void bool_load(void)
{
	static u8 byte = 3;

	three = *(volatile bool *)&byte ? 3 : 4;
	three = 3;
}

static void use_after_free(void)
{
	volatile char *p = kmalloc(64, GFP_KERNEL);

	kfree((void *)p);
	(void)p[three];
}

static void out_of_bounds(void)
{
	volatile char *p = kmalloc(64, GFP_KERNEL);

	p[61 + three] = 0;
	kfree((void *)p);
}

static void vmalloc_out_of_bounds(void)
{
	volatile char *p = vmalloc(64);

	/* Not the next page, which isn't mapped */
	(void)p[61 + three];
	vfree((void *)p);
}

static void double_free(void)
{
	kept = kmalloc(64, GFP_KERNEL);
	kfree(kept);
	kfree(kept);
}

/* What KASAN does not see, for example because a device wrote it */
static void __no_sanitize_address write_past(volatile char *p)
{
	p[61 + three] = 0;
}

static void unseen_overwrite(void)
{
	struct kmem_cache *cache = kmem_cache_create("mistakes", 64, 0, SLAB_NO_MERGE, NULL);
	void *p = kmem_cache_alloc(cache, GFP_KERNEL);

	write_past(p);
	kmem_cache_free(cache, p);
	kmem_cache_destroy(cache);
}

static void leak(void)
{
	int i;

	/* Several: a register or the stack may still point to one */
	for (i = 0; i < 16; i++)
		kept = kmalloc(64, GFP_KERNEL);
	kept = NULL;
}

/* The kernel does not survive this one */
static void list(void)
{
	static LIST_HEAD(head);
	static struct list_head entry;

	list_add(&entry, &head);
	list_del(&entry);
	list_del(&entry);
}

static const struct {
	const char *name;
	void (*make)(void);
} mistakes[] = {
#define MISTAKE(name) { #name, name }
	MISTAKE(warn),
	MISTAKE(sleep_in_atomic),
	MISTAKE(cpu_of_preemptible),
	MISTAKE(unprotected_rcu),
	MISTAKE(free_active_timer),
	MISTAKE(free_queued_work),
	MISTAKE(lock_order),
	MISTAKE(array_index),
	MISTAKE(shift),
	MISTAKE(bool_load),
	MISTAKE(use_after_free),
	MISTAKE(out_of_bounds),
	MISTAKE(vmalloc_out_of_bounds),
	MISTAKE(double_free),
	MISTAKE(unseen_overwrite),
	MISTAKE(leak),
	MISTAKE(list),
};

static int __init mistakes_init(void)
{
	int i;

	for (i = 0; make && i < ARRAY_SIZE(mistakes); i++) {
		if (strcmp(make, mistakes[i].name))
			continue;
		pr_notice("mistake: %s\n", make);
		mistakes[i].make();
		pr_notice("made\n");
		return -ECANCELED;
	}
	return -EINVAL;
}
module_init(mistakes_init);

MODULE_DESCRIPTION("Mistakes for a kernel for debugging to find");
MODULE_LICENSE("GPL");
