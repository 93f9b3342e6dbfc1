/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of VINTF, VCMDQ, BASE, pinned memory and window, in Promela, for Spin to try
 * every interleaving of the kernel's threads, the guests and the hardware.
 *
 * Processes: for each VM a thread that makes ioctls in any order (vmm), a thread that
 * makes and ends its vDEVICE (vdevices, with SIDS), and its guest together with all other
 * threads of its VMM (guest); the quarantine's work; and the hardware. A SIGKILL is no
 * process of its own: it is DESTROY of all that is there in an order that vmm takes, too.
 *
 * What is named as a function of the driver stands for that function, does what it does in
 * the same order, and spin-test compares the calls: run.py says how. A step is one access
 * to a register, or what is done under a lock that all others take for it. Time is not
 * modelled: hardware takes as long as it likes, and a poll for it may time out whenever it
 * would have to wait, so hardware that is stuck for ever is hardware that is slow. Where
 * the kernel tries several times, a failure stands for all of them.
 *
 * The hardware does all that Documentation/virt/tegra241-cmdqv/hardware.rst leaves open:
 *  A10 a queue may be unmapped while enabled and runs on,
 *  A11 an enabling that is taken back may still happen; BASE counts when it does,
 *  A12 a queue whose STATUS is 0, and is not being enabled, reads nothing,
 *  A13 it is no defence here that a disabled VINTF executes nothing,
 *  A14 VMID and HYP_OWN count when they are written,
 *  A18 an ATC_INV is matched when it is executed,
 *  A19 a CMD_SYNC waits for the ATC_INVs that were under way when it began.
 *
 * What must hold is in monitor(), looked at in every state, and in assertions; the names
 * are those of isolation.rst. WRONG=... breaks one order or rule each (wrong[] in run.py):
 * Spin has to find that.
 */

/* What is wrong: see run.py */
#define NOTHING	0
#define MAP_BEFORE_BASE	1
#define STOP_BEFORE_UNMAP	2
#define UNPINNED_ANYWAY	3
#define WINDOW_WITHOUT_REFERENCE	4
#define BASE_COUNTS_BEFORE	5
#define HYP_OWN_LATE	6
#define MATCH_BEFORE_REPLACE	7
#define VMID_WITHOUT_REFERENCE	8
#define VMID_WITHOUT_TLBI	9
#define NUMBER_BEFORE_SCRUB	10
#define VINTF_FREED_ANYWAY	11
#define NO_FLUSH	12
#define NO_SCRUB	13
#define FLUSH_FORGOTTEN	14
#define MAPPED_BEFORE_SEEN	15
#define UNPINNED_BEFORE_STOPPED	16
#define PAGES_NOT_HELD	17
#define NO_FENCE	18
#define SLOT_WITHOUT_FLUSH	19
#define SLOT_KEPT	20
#define WINDOW_UNPUBLISHED	21
#define UNMAPPED_UNDER_LOCK	22
#define MADE_AGAIN_AT_ONCE	23
#define FLUSH_BEFORE_SCRUB	24
#ifndef WRONG
#define WRONG	NOTHING
#endif

/* VMs, VINTFs that they can have, logical queues of each, VMIDs, devices */
#ifndef VMS
#define VMS		2
#endif
#ifndef VINTFS
#define VINTFS		1
#endif
#ifndef LQUEUES
#define LQUEUES		1
#endif
#ifndef VMIDS
#define VMIDS		2
#endif
#define QUEUES		(VINTFS * LQUEUES)
#define VINTF_OF(q)	((q) / LQUEUES)

/* In a section that nobody interrupts; run.py reads what is printed */
#define MUST(name, rule)						\
	if								\
	:: !(rule) -> printf(#name); assert(rule)			\
	:: else								\
	fi

/* ------------------------------------------------------------- the hardware */

/* VCMDQ */
bit enable[QUEUES];	/* CONFIG.EN */
bit running[QUEUES];	/* STATUS */
bit enabling[QUEUES];	/* EN was set, and STATUS may follow */
bit mapped[QUEUES];	/* ALLOCATED */
byte base[QUEUES];	/* BASE: whose memory + 1; 0: none */
byte reads[QUEUES];	/* BASE as the running queue has it */
byte atc_inv[QUEUES];	/* an ATC_INV under way: whose + 1 */
byte gerror[QUEUES];	/* an error not acknowledged: whose ATC_INV + 1 */

/* VINTF */
bit vintf_enable[VINTFS];
bit vintf_running[VINTFS];
bit hyp_own[VINTFS];
byte config_vmid[VINTFS];
byte sid_match[VINTFS];	/* the device + 1; one slot */
byte sid_replace[VINTFS];

/* ATC_INVs, a bit for each queue, that the CMD_SYNC of a thread waits for */
byte sync_waits[2 * VMS + 1];

/* --------------------------------------------------------------- the kernel */

bit taken[VINTFS];	/* tegra241_vm_owners::taken */
byte owner[VINTFS];	/* the VM + 1 */
bit ended[VINTFS];	/* tegra241_vm_vintf::vsmmu is NULL */
bit fenced[VINTFS];
bit listed[VINTFS];	/* in tegra241_quarantine::vintfs */
byte vintf_vmid[VINTFS];/* tegra241_vm_vintf::vmid + 1 */
bit slot_used[VINTFS];	/* tegra241_vm_vintf::sids */
bit atc_queues[QUEUES];	/* tegra241_vm_vintf::queues */
bit unflushed[QUEUES];	/* tegra241_cmdqv::unflushed */
bit in_use[QUEUES];	/* a HW queue has it, or the quarantine */
bit stuck[QUEUES];	/* in tegra241_vm_vintf::stuck */
bit halted[QUEUES];	/* of these, to be let go of after the flush */
bit locked[QUEUES];	/* iopt_lock_contig() for it: the memory stays where it is */
bit held[QUEUES];	/* a reference on each page */
bit quarantine_lock;

byte vmid_refs[VMIDS];	/* struct arm_smmu_vmid::kref */
bit vmid_map[VMIDS];	/* the SMMU's IDA */
byte vmid_owner[VMIDS];	/* the VM + 1 */
bit tlb[VMIDS];		/* there may be TLB entries of it */

/* ---------------------------------------------------------------- the VMMs */

byte domain[VMS];	/* the nest parent: its VMID + 1 */
byte viommu[VMS];	/* the VINTF + 1 */
bit published[VMS];	/* others find the vIOMMU by its id */
bit window[VMS];	/* in iommufd_ctx::mmap_windows */
byte vma[VMS];		/* a mapping of the window: the VINTF + 1 */
byte queues[VMS];	/* HW queues, a stack */
bit ram[VMS];		/* its memory is mapped in the IOAS, and pinned */
byte ram_locks[VMS];	/* iopt_area::num_locks */
bit vdevice[VMS];
byte device_of;		/* the one device: the VM + 1 that has a vDEVICE for it */
#define ELSEWHERE	(VMS + 1)

#define REFERENCES(i)	(queues[i] || vdevice[i] || HELD_BY_VMA(i))
#if WRONG == WINDOW_WITHOUT_REFERENCE
#define HELD_BY_VMA(i)		0
#else
#define HELD_BY_VMA(i)		vma[i]
#endif

/* ------------------------------------------------- steps of the hardware */

inline write_enable(q, value)
{
	d_step {
		if
		:: value && !enable[q] && !running[q] ->
			enabling[q] = 1;
#if WRONG == BASE_COUNTS_BEFORE
			reads[q] = base[q]
#endif
		:: else
		fi;
		enable[q] = value
	}
}

inline atc_done(q)
{
	atc_inv[q] = 0;
	sync_waits[0] = sync_waits[0] & ~(1 << q);
	sync_waits[1] = sync_waits[1] & ~(1 << q);
	sync_waits[2] = sync_waits[2] & ~(1 << q);
#if VMS > 1
	sync_waits[3] = sync_waits[3] & ~(1 << q);
	sync_waits[4] = sync_waits[4] & ~(1 << q)
#endif
}

#if WRONG == BASE_COUNTS_BEFORE
#define LOOK_AT_BASE(q)		skip
#else
#define LOOK_AT_BASE(q)		reads[q] = base[q]
#endif

#ifdef SIDS
#define CAN_INVALIDATE(v)	(sid_match[v])
#else
#define CAN_INVALIDATE(v)	true
#endif

#define HARDWARE_QUEUE(q)						\
	:: d_step { enabling[q] -> enabling[q] = 0; running[q] = 1;	\
		    LOOK_AT_BASE(q) }					\
	:: d_step { enabling[q] -> enabling[q] = 0 }			\
	:: d_step { running[q] && !enable[q] -> running[q] = 0;		\
		    reads[q] = 0 }					\
	HARDWARE_ATC(q)

/* Late or not, it is reported to the queue */
#ifdef TIMEOUTS
#define HARDWARE_TIMEOUT(q)						\
	:: d_step { atc_inv[q] -> gerror[q] = atc_inv[q]; atc_done(q) }
#else
#define HARDWARE_TIMEOUT(q)
#endif

#ifdef ATC
#define HARDWARE_ATC(q)							\
	/* A guest's command: what it may name, and what is under way */\
	:: d_step { running[q] && reads[q] && !atc_inv[q] &&		\
		    vintf_running[VINTF_OF(q)] &&			\
		    CAN_INVALIDATE(VINTF_OF(q)) ->			\
		    atc_inv[q] = owner[VINTF_OF(q)];			\
		    I3_EXECUTED(VINTF_OF(q)) }				\
	:: d_step { atc_inv[q] -> atc_done(q) }				\
	HARDWARE_TIMEOUT(q)
#else
#define HARDWARE_ATC(q)
#endif

#ifdef SIDS
#define I3_EXECUTED(v)	MUST(I3, sid_replace[v] == sid_match[v] &&	\
				 device_of == owner[v])
#else
#define I3_EXECUTED(v)	skip
#endif

#define HARDWARE_VINTF(v)						\
	:: d_step { vintf_enable[v] && !vintf_running[v] ->		\
		    vintf_running[v] = 1 }				\
	:: d_step { !vintf_enable[v] && vintf_running[v] ->		\
		    vintf_running[v] = 0 }

active proctype hardware()
{
end:	do
	HARDWARE_QUEUE(0)
#if QUEUES > 1
	HARDWARE_QUEUE(1)
#endif
	HARDWARE_VINTF(0)
#if VINTFS > 1
	HARDWARE_VINTF(1)
#endif
	od
}

/* -------------------------------------- tegra241-cmdqv-hw.c: one register each */

inline tegra241_cmdqv_flush(me)
{
	d_step {
		sync_waits[me] = (atc_inv[0] != 0);
#if QUEUES > 1
		sync_waits[me] = sync_waits[me] | ((atc_inv[1] != 0) << 1)
#endif
	}
	if
	:: sync_waits[me] == 0 -> ret = 0
	:: d_step { sync_waits[me] != 0 -> sync_waits[me] = 0; ret = 1 }
	fi
}

/*
 * A queue that is made again finds that what was being enabled has been, or won't be: 10
 * ms have passed since it was unmapped.
 */
inline tegra241_vcmdq_place(q)
{
#if WRONG != MADE_AGAIN_AT_ONCE
	!enabling[q];
#endif
	mapped[q] = 0
}

inline tegra241_vcmdq_map(q)
{
	mapped[q] = 1
}

inline tegra241_vcmdq_unmap(q)
{
	mapped[q] = 0
}

/* The wait for 10 ms promises nothing */
inline tegra241_vcmdq_ask_to_stop(q)
{
	write_enable(q, 0)
}

/* 10 ms are enough for what happens at all: A11 */
inline tegra241_vcmdq_await_enabling(q)
{
	if
	:: enable[q] -> (running[q] || !enabling[q])
	:: else
	fi
}

inline tegra241_vcmdq_disable(q)
{
	write_enable(q, 0);
	if
	:: !running[q] -> ret = 0
	:: running[q] -> ret = 1
	fi
}

inline tegra241_vcmdq_write_config(q)
{
	write_enable(q, 0);
	if
	:: !running[q] -> ret = 0
	:: running[q] -> ret = 1
	fi
}

inline tegra241_vcmdq_forget_memory(q)
{
	base[q] = 0
}

inline tegra241_vcmdq_forget_user(q)
{
	gerror[q] = 0
}

inline tegra241_vcmdq_scrub(q)
{
	tegra241_vcmdq_forget_memory(q);
	tegra241_vcmdq_forget_user(q)
}

inline tegra241_vcmdq_verify_stopped(q)
{
	ret = (enable[q] || running[q] || base[q])
}

inline tegra241_vcmdq_verify_empty(q)
{
	ret = (enable[q] || running[q] || base[q] || gerror[q])
}

inline tegra241_vintf_enable(v)
{
#if WRONG == HYP_OWN_LATE
	config_vmid[v] = vintf_vmid[v];
#else
	d_step { hyp_own[v] = 0; config_vmid[v] = vintf_vmid[v] };
#endif
	vintf_enable[v] = 1;
	if
	:: vintf_running[v] -> ret = 0
	:: !vintf_running[v] -> ret = 1
	fi
}

inline tegra241_vintf_disable(v)
{
	vintf_enable[v] = 0;
	if
	:: !vintf_running[v] -> ret = 0
	:: vintf_running[v] -> ret = 1
	fi
}

inline tegra241_vintf_set_sid(v)
{
#if WRONG == MATCH_BEFORE_REPLACE
	sid_match[v] = 1;
	sid_replace[v] = 1
#else
	sid_replace[v] = 1;
	sid_match[v] = 1
#endif
}

inline tegra241_vintf_unmatch_sid(v)
{
	sid_match[v] = 0
}

inline tegra241_vintf_clear_sid(v)
{
	sid_replace[v] = 0
}

inline tegra241_vintf_scrub(v)
{
	d_step { config_vmid[v] = 0; hyp_own[v] = 0; vintf_enable[v] = 0 };
	if
	:: slot_used[v] ->
		tegra241_vintf_unmatch_sid(v);
		tegra241_vintf_clear_sid(v)
	:: else
	fi
}

/* ------------------------------------------------- VMIDs: arm-smmu-v3-iommufd.c */

/* The lowest free one, as the IDA has it */
inline arm_smmu_vmid_alloc(i)
{
	d_step {
		if
		:: !vmid_map[0] -> m = 0
#if VMIDS > 1
		:: vmid_map[0] && !vmid_map[1] -> m = 1
#endif
		fi;
		vmid_map[m] = 1;
		vmid_refs[m] = 1;
		vmid_owner[m] = i + 1;
		/* I7: nothing of who had it before */
		MUST(I7, !tlb[m]);
		tlb[m] = 1;
		domain[i] = m + 1
	}
}

inline arm_smmu_vmid_get(v)
{
#if WRONG != VMID_WITHOUT_REFERENCE
	vmid_refs[m] = vmid_refs[m] + 1
#else
	skip
#endif
}

/* kref_put() says whose turn it is */
inline arm_smmu_vmid_put()
{
	d_step {
		vmid_refs[m] = vmid_refs[m] - 1;
		ret = (vmid_refs[m] == 0);
		if
		:: ret -> vmid_owner[m] = 0
		:: else
		fi
	};
	if
	:: ret -> arm_smmu_vmid_release()
	:: else
	fi
}

inline arm_smmu_vmid_release()
{
#if WRONG != VMID_WITHOUT_TLBI
	arm_smmu_cmdq_issue_cmdlist();
#endif
	ida_free()
}

inline arm_smmu_cmdq_issue_cmdlist()
{
	tlb[m] = 0
}

inline ida_free()
{
	vmid_map[m] = 0
}

/* ------------------------------------------------- VINTFs: tegra241-cmdqv-vm.c */

inline tegra241_vm_owners_add(i)
{
	d_step {
		if
		:: !taken[0] -> v = 0; ret = 0
#if VINTFS > 1
		:: taken[0] && !taken[1] -> v = 1; ret = 0
#endif
		:: else -> ret = 1
		fi;
		if
		:: !ret ->
			/* I7: nothing of who had it before */
			MUST(I7, !vintf_enable[v] && !vintf_running[v] &&
				 !sid_match[v] && !sid_replace[v] &&
				 !fenced[v] && !listed[v] && !ended[v]);
			taken[v] = 1;
			owner[v] = i + 1;
			vintf_vmid[v] = domain[i]
		:: else
		fi
	}
}

/* What the structure has is gone with it */
inline tegra241_vm_owners_remove(v)
{
	d_step {
		taken[v] = 0;
		owner[v] = 0;
		ended[v] = 0;
		fenced[v] = 0;
		slot_used[v] = 0;
		m = vintf_vmid[v] - 1;
		vintf_vmid[v] = 0
	}
}

inline tegra241_vm_vintf_alloc(i)
{
	m = domain[i] - 1;
	arm_smmu_vmid_get(v);
	tegra241_vm_owners_add(i);
	if
	:: ret -> arm_smmu_vmid_put(); ret = 1
	:: else
	fi
}

inline tegra241_vm_vintf_free(v)
{
	tegra241_vm_owners_remove(v);
#if WRONG == NUMBER_BEFORE_SCRUB
	tegra241_vintf_scrub(v);
#endif
#if WRONG != VMID_WITHOUT_REFERENCE
	arm_smmu_vmid_put()
#endif
}

inline tegra241_vm_vintf_disable(v)
{
	tegra241_vintf_disable(v)
}

inline tegra241_vm_vintf_retire(v)
{
	if
	:: fenced[v] -> ret = 1
	:: else -> tegra241_vm_vintf_disable(v)
	fi;
#if WRONG == VINTF_FREED_ANYWAY
	ret = 0;
#endif
	if
	:: !ret ->
#if WRONG != NUMBER_BEFORE_SCRUB
		tegra241_vintf_scrub(v);
#endif
		tegra241_vm_vintf_free(v)
	:: else -> tegra241_quarantine_vintf(v)
	fi
}

inline tegra241_vm_vintf_enable(v)
{
	tegra241_vintf_enable(v)
}

/* iommufd_viommu_services */
inline alloc_mmap(i)
{
	window[i] = 1
}

inline destroy_mmap(i)
{
	window[i] = 0
}

/* viommu->vintf: all others find it through the object, when that is published */
inline tegra241_vsmmu_init(i)
{
	tegra241_vm_vintf_alloc(i);
	if
	:: !ret ->
		tegra241_vm_vintf_enable(v);
		if
		:: !ret ->
			d_step { viommu[i] = v + 1; alloc_mmap(i) };
			if
			:: copy_to_user()
			:: ret = 1;
			   destroy_mmap(i);
			   viommu[i] = 0;
			   tegra241_vm_vintf_retire(v);
			   ret = 1
			fi
		:: else ->
			tegra241_vm_vintf_retire(v);
			ret = 1
		fi
	:: else
	fi
}

inline copy_to_user()
{
	skip
}

inline tegra241_vsmmu_destroy(i)
{
	destroy_mmap(i);
	tegra241_vm_vintf_retire(v)
}

/* --------------------------------------------- queues: tegra241-cmdqv-vm-queue.c */

inline tegra241_vm_vcmdq_halt(q)
{
	tegra241_vcmdq_ask_to_stop(q);
#if WRONG != STOP_BEFORE_UNMAP
	tegra241_vcmdq_unmap(q);
#endif
	tegra241_vcmdq_await_enabling(q);
	tegra241_vcmdq_disable(q);
#if WRONG != STOP_BEFORE_UNMAP && WRONG != FLUSH_BEFORE_SCRUB && WRONG != NO_SCRUB
	if
	:: !ret ->
		tegra241_vcmdq_forget_memory(q);
		tegra241_vcmdq_verify_stopped(q)
	:: else
	fi
#endif
}

/* All of its tries */
inline tegra241_vm_vcmdq_flush(me)
{
#if WRONG == NO_FLUSH
	ret = 0
#else
	tegra241_cmdqv_flush(me)
#endif
}

/* With what the flush has returned in ret */
inline tegra241_vm_vcmdq_finish(q)
{
	unflushed[q] = ret;
#if WRONG != NO_SCRUB
	tegra241_vcmdq_forget_user(q);
#endif
	ret = 0
}

inline tegra241_vm_vcmdq_stop(q, me)
{
	tegra241_vm_vcmdq_halt(q);
	if
	:: !ret ->
		tegra241_vm_vcmdq_flush(me);
		tegra241_vm_vcmdq_finish(q);
#if WRONG == STOP_BEFORE_UNMAP || WRONG == FLUSH_BEFORE_SCRUB
		tegra241_vcmdq_forget_memory(q);
#endif
#if WRONG == STOP_BEFORE_UNMAP
		tegra241_vcmdq_unmap(q)
#endif
#if WRONG == FLUSH_BEFORE_SCRUB
		tegra241_vcmdq_verify_stopped(q)
#endif
	:: else
	fi
}

inline write_base(q, i)
{
	/* I5: nobody runs it. BASE is written while a queue is disabled. */
	d_step { MUST(I5, !running[q]); base[q] = i + 1 }
}

inline tegra241_vm_vcmdq_prepare(q, i)
{
	if
#if WRONG != FLUSH_FORGOTTEN
	:: unflushed[q] ->
		tegra241_cmdqv_flush(i);
		if
		:: !ret -> unflushed[q] = 0
		:: else
		fi
#endif
	:: else -> ret = 0
	fi;
	if
	:: !ret ->
		tegra241_vcmdq_place(q);
		tegra241_vcmdq_verify_empty(q);
		if
		:: ret ->
			tegra241_vcmdq_write_config(q);
			if
			:: !ret ->
				tegra241_vcmdq_scrub(q);
				tegra241_vcmdq_verify_empty(q)
			:: else
			fi
		:: else
		fi
	:: else
	fi;
	if
	:: !ret ->
#if WRONG == MAP_BEFORE_BASE
		tegra241_vcmdq_map(q);
#endif
		write_base(q, i)
	:: else
	fi
}

inline tegra241_vm_vcmdq_retire(q, me)
{
	tegra241_vm_vcmdq_stop(q, me);
#if WRONG == UNPINNED_ANYWAY
	ret = 0;
#endif
	if
	:: ret -> tegra241_quarantine_queue(q)
	:: else ->
		d_step {
			if
			:: !unflushed[q] -> atc_queues[q] = 0
			:: else
			fi;
			in_use[q] = 0
		}
	fi
}

inline tegra241_vm_hw_queue_start(q, i)
{
	if
	:: fenced[v] -> ret = 1
	:: else ->
		in_use[q] = 1;
		tegra241_vm_vcmdq_prepare(q, i);
		if
		:: !ret ->
#if WRONG == MAPPED_BEFORE_SEEN
			tegra241_vcmdq_map(q);
			atc_queues[q] = 1;
#else
			atc_queues[q] = 1;
			tegra241_vcmdq_map(q);
#endif
			if
			:: ret = 0
			/* The map did not take it, or did it? */
			:: tegra241_vm_vcmdq_retire(q, i); ret = 1
			fi
		:: else -> in_use[q] = 0
		fi
	fi
}

inline tegra241_vm_hw_queue_init(q, i)
{
	tegra241_vm_hw_queue_start(q, i)
}

inline tegra241_vm_hw_queue_destroy(q, i)
{
	tegra241_vm_vcmdq_retire(q, i)
}

/* ------------------------------------------------------- iommufd: hw_queue.c */

inline iopt_lock_contig(q, i)
{
	d_step {
		if
		:: ram[i] ->
			ram_locks[i] = ram_locks[i] + 1;
			locked[q] = 1;
			ret = 0
		:: else -> ret = 1
		fi
	}
}

inline iopt_unlock(q, i)
{
	d_step {
		ram_locks[i] = ram_locks[i] - 1;
		locked[q] = 0
	}
}

inline iommufd_hw_queue_create(q, i)
{
	iopt_lock_contig(q, i);
	if
	:: !ret ->
		tegra241_vm_hw_queue_init(q, i);
		if
		:: !ret -> queues[i] = queues[i] + 1
		:: else -> iopt_unlock(q, i)
		fi
	:: else
	fi
}

inline iommufd_hw_queue_destroy(q, i)
{
#if WRONG == UNPINNED_BEFORE_STOPPED
	iopt_unlock(q, i);
	tegra241_vm_hw_queue_destroy(q, i);
#else
	tegra241_vm_hw_queue_destroy(q, i);
	iopt_unlock(q, i);
#endif
	queues[i] = queues[i] - 1
}

/* ------------------------------------ quarantine: tegra241-cmdqv-quarantine.c */

inline quarantine_get()
{
	d_step { !quarantine_lock -> quarantine_lock = 1 }
}

inline quarantine_put()
{
	quarantine_lock = 0
}

inline tegra241_vm_vcmdq_hold_pages(q, value)
{
	held[q] = value
}

inline tegra241_quarantine_add(v)
{
	listed[v] = 1
}

inline tegra241_quarantine_fence(v)
{
	if
	:: !fenced[v] -> tegra241_vm_vintf_disable(v)
	:: else
	fi;
#if WRONG != NO_FENCE
	fenced[v] = 1
#endif
}

inline tegra241_quarantine_queue(q)
{
#if WRONG != PAGES_NOT_HELD
	tegra241_vm_vcmdq_hold_pages(q, 1);
#endif
	tegra241_quarantine_fence(v);
	quarantine_get();
	stuck[q] = 1;
	tegra241_quarantine_add(v);
	quarantine_put()
}

/* The look that it has at once is one of the work's, which never waits for long here */
inline tegra241_quarantine_vintf(v)
{
	quarantine_get();
	d_step { fenced[v] = 1; ended[v] = 1 };
	tegra241_quarantine_add(v);
	quarantine_put()
}

/* Nothing is waited for that has not stopped */
inline tegra241_quarantine_halt(q)
{
	write_enable(q, 0);
	if
	:: running[q]
	:: else ->
		tegra241_vm_vcmdq_halt(q);
		halted[q] = !ret
	fi
}

inline tegra241_quarantine_let_go(q)
{
	tegra241_vm_vcmdq_finish(q);
	d_step { stuck[q] = 0; held[q] = 0; in_use[q] = 0; halted[q] = 0 }
}

#if LQUEUES > 1
#define ANY_STUCK(v)	(stuck[(v) * LQUEUES] || stuck[(v) * LQUEUES + 1])
#define ANY_HALTED(v)	(halted[(v) * LQUEUES] || halted[(v) * LQUEUES + 1])
#else
#define ANY_STUCK(v)	(stuck[v])
#define ANY_HALTED(v)	(halted[v])
#endif

inline tegra241_quarantine_look_at(v)
{
	vintf_enable[v] = 0;
	q = v * LQUEUES;
	if
	:: stuck[q] -> tegra241_quarantine_halt(q)
	:: else
	fi;
#if LQUEUES > 1
	q = v * LQUEUES + 1;
	if
	:: stuck[q] -> tegra241_quarantine_halt(q)
	:: else
	fi;
#endif
	if
	:: ANY_HALTED(v) ->
		tegra241_cmdqv_flush(2 * VMS);
		flushed = ret;
		q = v * LQUEUES;
		if
		:: halted[q] -> tegra241_quarantine_let_go(q)
		:: else
		fi;
#if LQUEUES > 1
		ret = flushed;
		q = v * LQUEUES + 1;
		if
		:: halted[q] -> tegra241_quarantine_let_go(q)
		:: else
		fi;
#endif
		flushed = 0
	:: else
	fi;
	q = 0;
	if
	:: !ANY_STUCK(v) && !vintf_running[v] ->
		listed[v] = 0;
		if
		:: ended[v] ->
#if WRONG != NUMBER_BEFORE_SCRUB
			tegra241_vintf_scrub(v);
#endif
			tegra241_vm_vintf_free(v)
		:: else
		fi
	:: else
	fi
}

active proctype tegra241_quarantine_work()
{
	byte v, q, m;
	bit ret, flushed;

end:	do
	:: listed[0] -> quarantine_get();
	   if
	   :: listed[0] -> v = 0; tegra241_quarantine_look_at(v)
	   :: else
	   fi;
	   quarantine_put();
	   d_step { v = 0; m = 0; ret = 0 }
#if VINTFS > 1
	:: listed[1] -> quarantine_get();
	   if
	   :: listed[1] -> v = 1; tegra241_quarantine_look_at(v)
	   :: else
	   fi;
	   quarantine_put();
	   d_step { v = 0; m = 0; ret = 0 }
#endif
	od
}

/* -------------------------------------- vDEVICEs: tegra241-cmdqv-vm-vdevice.c */

#if LQUEUES > 1
#define NO_QUEUES(v)	(!atc_queues[(v) * LQUEUES] && !atc_queues[(v) * LQUEUES + 1])
#else
#define NO_QUEUES(v)	(!atc_queues[v])
#endif

inline tegra241_vm_vdevice_set(v)
{
	slot_used[v] = 1;
	tegra241_vintf_set_sid(v)
}

inline tegra241_vm_vdevice_flush(v, me)
{
	/* What is read here comes after the slot has been read back */
	if
	:: NO_QUEUES(v) -> ret = 0
#if WRONG == SLOT_WITHOUT_FLUSH
	:: else -> ret = 0
#else
	:: else -> tegra241_cmdqv_flush(me)
#endif
	fi
}

inline tegra241_vm_vdevice_destroy(v, me)
{
#if WRONG == SLOT_KEPT
	skip
#else
	tegra241_vintf_unmatch_sid(v);
	tegra241_vm_vdevice_flush(v, me);
	if
	:: ret	/* given up */
	:: else ->
		tegra241_vintf_clear_sid(v);
		slot_used[v] = 0
	fi
#endif
}

#ifdef SIDS
/* With the vIOMMU found under its id */
#define VDEVICE_CAN_CONNECT(i)	(published[i] && !vdevice[i] && !device_of && \
				 !slot_used[viommu[i] - 1])
inline iommufd_vdevice_connect(i)
{
	tegra241_vm_vdevice_set(v);
	v = 0
}

/* For DESTROY, or since the device leaves */
#define VDEVICE_CAN_GO(i)	(vdevice[i])
inline iommufd_vdevice_disconnect(i)
{
	v = viommu[i] - 1;
	tegra241_vm_vdevice_destroy(v, VMS + i);
	d_step { vdevice[i] = 0; device_of = 0; v = 0; ret = 0 }
}

proctype vdevices(byte i)
{
	byte v;
	bit ret;

end:	do
	:: d_step { VDEVICE_CAN_CONNECT(i) -> v = viommu[i] - 1; vdevice[i] = 1;
		    device_of = i + 1 };
	   iommufd_vdevice_connect(i)
	:: VDEVICE_CAN_GO(i) -> iommufd_vdevice_disconnect(i)
	od
}

/* All others that may have the device meanwhile, behind another VINTF or none */
proctype elsewhere()
{
end:	do
	:: d_step { !device_of -> device_of = ELSEWHERE }
	:: d_step { device_of == ELSEWHERE -> device_of = 0 }
	od
}
#endif

/* ------------------------------------------------------------------ a VMM */

/* HWPT_ALLOC of a nest parent, and DESTROY of it */
#define HWPT_CAN_ALLOC(i)	(!domain[i] && (!vmid_map[0] || !vmid_map[VMIDS - 1]))
#define HWPT_CAN_DESTROY(i)	(domain[i] && !viommu[i])
inline iommufd_hwpt_paging_destroy(i)
{
	d_step { m = domain[i] - 1; domain[i] = 0 };
	arm_smmu_vmid_put();
	d_step { m = 0; ret = 0 }
}

/* VIOMMU_ALLOC: published when it can't fail any more */
#define VIOMMU_CAN_ALLOC(i)	(domain[i] && !viommu[i])
inline iommufd_viommu_alloc(i)
{
	tegra241_vsmmu_init(i);
	d_step {
		if
		:: !ret -> published[i] = 1
		:: else
		fi;
		v = 0; m = 0; ret = 0
	}
}

/* DESTROY of it: EBUSY while somebody refers to it */
#define VIOMMU_CAN_DESTROY(i)	(published[i] && !REFERENCES(i))
inline iommufd_viommu_destroy(i)
{
	tegra241_vsmmu_destroy(i);
	d_step { viommu[i] = 0; v = 0; m = 0; ret = 0 }
}

/* HW_QUEUE_ALLOC of the next index, and DESTROY of the last one */
#define QUEUE_CAN_ALLOC(i)	(published[i] && queues[i] < LQUEUES)
inline iommufd_hw_queue_alloc(i)
{
	d_step { v = viommu[i] - 1; q = v * LQUEUES + queues[i] };
	iommufd_hw_queue_create(q, i);
	d_step { v = 0; q = 0; ret = 0 }
}

#define QUEUE_CAN_DESTROY(i)	(queues[i])
inline iommufd_object_remove(i)
{
	d_step { v = viommu[i] - 1; q = v * LQUEUES + queues[i] - 1 };
	iommufd_hw_queue_destroy(q, i);
	d_step { v = 0; q = 0; ret = 0 }
}

proctype vmm(byte i)
{
	byte v, q, m;
	bit ret;

end:	do
#ifdef DOMAINS
	:: atomic { HWPT_CAN_ALLOC(i) -> arm_smmu_vmid_alloc(i); m = 0 }
	:: HWPT_CAN_DESTROY(i) -> iommufd_hwpt_paging_destroy(i)
#endif
	:: VIOMMU_CAN_ALLOC(i) -> iommufd_viommu_alloc(i)
	:: d_step { VIOMMU_CAN_DESTROY(i) -> published[i] = 0; v = viommu[i] - 1 };
	   iommufd_viommu_destroy(i)
	:: QUEUE_CAN_ALLOC(i) -> iommufd_hw_queue_alloc(i)
	:: QUEUE_CAN_DESTROY(i) -> iommufd_object_remove(i)
	od
}

#ifdef SECOND
/*
 * With two VINTFs two such VMs are too many states. The second one's ioctls are then
 * made at once, but where they wait for the hardware; its guest and its hardware are as
 * the first one's.
 */
proctype second_vmm(byte i)
{
	byte v, q, m;
	bit ret;

end:	do
#ifdef DOMAINS
	:: atomic { HWPT_CAN_ALLOC(i) -> arm_smmu_vmid_alloc(i); m = 0 }
	:: atomic { HWPT_CAN_DESTROY(i) -> iommufd_hwpt_paging_destroy(i) }
#endif
	:: atomic { VIOMMU_CAN_ALLOC(i) -> iommufd_viommu_alloc(i) }
	:: atomic { VIOMMU_CAN_DESTROY(i) -> published[i] = 0; v = viommu[i] - 1;
		    iommufd_viommu_destroy(i) }
	:: atomic { QUEUE_CAN_ALLOC(i) -> iommufd_hw_queue_alloc(i) }
	:: atomic { QUEUE_CAN_DESTROY(i) -> iommufd_object_remove(i) }
	od
}
#endif

/* Through the window, without WINDOW whenever there is one */
#ifdef WINDOW
#define REACHES(i)	vma[i]
#else
#define REACHES(i)	(viommu[i] * published[i])
#endif
/* A queue that is not mapped is not there */
#ifdef CALM	/* The guest does not disable what it has enabled */
#define STORES_NOW(i, l)	(!enable[(REACHES(i) - 1) * LQUEUES + l])
#else
#define STORES_NOW(i, l)	true
#endif
#define STORES(i, l)							\
	:: d_step { REACHES(i) && mapped[(REACHES(i) - 1) * LQUEUES + l] && \
		    STORES_NOW(i, l) ->					\
		    write_enable((REACHES(i) - 1) * LQUEUES + l,	\
				 1 - enable[(REACHES(i) - 1) * LQUEUES + l]) }

#if WRONG == WINDOW_UNPUBLISHED
#define FOUND(i)	(window[i])
#else
#define FOUND(i)	(window[i] && published[i])
#endif

proctype guest(byte i)
{
end:	do
	STORES(i, 0)
#if LQUEUES > 1
	STORES(i, 1)
#endif
#ifdef WINDOW
	/* mmap: iommufd_mmap_window_find(), in one section of mmap_lock; munmap */
	:: d_step { !vma[i] && FOUND(i) -> vma[i] = viommu[i] }
	:: d_step { vma[i] -> vma[i] = 0 }
#endif
#ifdef RAM
	/* IOAS_MAP and IOAS_UNMAP: iopt_unmap_iova_range() */
	:: d_step { !ram[i] -> ram[i] = 1 }
#if WRONG == UNMAPPED_UNDER_LOCK
	:: d_step { ram[i] -> ram[i] = 0 }
#else
	:: d_step { ram[i] && !ram_locks[i] -> ram[i] = 0 }
#endif
#endif
	od
}

init
{
	atomic {
		/* As firmware may have left them */
		hyp_own[0] = 1; config_vmid[0] = 1;
#if VINTFS > 1
		hyp_own[1] = 1; config_vmid[1] = 1;
#endif
#ifndef DOMAINS
		domain[0] = 1; vmid_refs[0] = 1; vmid_map[0] = 1; vmid_owner[0] = 1;
#if VMS > 1
		domain[1] = 2; vmid_refs[1] = 1; vmid_map[1] = 1; vmid_owner[1] = 2;
#endif
#endif
		ram[0] = 1;
		run vmm(0);
		run guest(0);
#if VMS > 1
		ram[1] = 1;
#ifdef SECOND
		run second_vmm(1);
#else
		run vmm(1);
#endif
		run guest(1);
#endif
#ifdef SIDS
		run vdevices(0);
		run elsewhere();
#if VMS > 1
		run vdevices(1);
#endif
#endif
	}
}

/* ------------------------------------------------------------ what must hold */

#define ACTIVE(v)	(vintf_enable[v] || vintf_running[v])
#define OWNER(q)	owner[VINTF_OF(q)]

#define I1(v)	(!ACTIVE(v) || !hyp_own[v])
#define I2(v)	(!ACTIVE(v) || (config_vmid[v] && owner[v] &&		\
				vmid_owner[config_vmid[v] - 1] == owner[v]))
#define I3(v)	((!sid_match[v] || (device_of && device_of == owner[v] &&	\
				    sid_replace[v] == sid_match[v])))
/* A slot is not free with an ATC_INV of its last device under way, unless that is owed */
#define I3_FREE(v, q)	(slot_used[v] || !atc_inv[q] || unflushed[q])
#define I4(q)	(in_use[q] || (!mapped[q] && !enable[q]))
#define I4_OWNER(q)	(!mapped[q] || OWNER(q))
#define I5(q)	(!reads[q] || locked[q] || held[q])
#define I5_MAPPED(q)	(!mapped[q] || (base[q] && base[q] == OWNER(q) &&	\
					(locked[q] || held[q])))
#define I6(i)	(!vma[i] || (published[i] && viommu[i] == vma[i] &&	\
			     owner[vma[i] - 1] == i + 1))
#define I7(q)	(!mapped[q] || ((!gerror[q] || gerror[q] == OWNER(q)) &&	\
				(!atc_inv[q] || atc_inv[q] == OWNER(q))))
#define I9(q)	(!locked[q] || !OWNER(q) || ram[OWNER(q) - 1])

#define LOOK_VINTF(v)							\
	:: d_step { !I1(v) -> MUST(I1, I1(v)) }	\
	:: d_step { !I2(v) -> MUST(I2, I2(v)) }	\
	:: d_step { !I3(v) -> MUST(I3, I3(v)) }
#ifdef SIDS
#define LOOK_SLOT(v, q)							\
	:: d_step { !I3_FREE(v, q) -> MUST(I3, I3_FREE(v, q)) }
#else
#define LOOK_SLOT(v, q)
#endif
#define LOOK_QUEUE(q)							\
	:: d_step { !I4(q) -> MUST(I4, I4(q)) }	\
	:: d_step { !I4_OWNER(q) -> MUST(I4, I4_OWNER(q)) }				\
	:: d_step { !I5(q) -> MUST(I5, I5(q)) }	\
	:: d_step { !I5_MAPPED(q) -> MUST(I5, I5_MAPPED(q)) }				\
	:: d_step { !I7(q) -> MUST(I7, I7(q)) }	\
	:: d_step { !I9(q) -> MUST(I9, I9(q)) }
#define LOOK_VM(i)							\
	:: d_step { !I6(i) -> MUST(I6, I6(i)) }

active proctype monitor()
{
end:	do
	LOOK_VINTF(0)
	LOOK_QUEUE(0)
	LOOK_SLOT(0, 0)
#if VINTFS > 1
	LOOK_VINTF(1)
#endif
#if QUEUES > 1
	LOOK_QUEUE(1)
	LOOK_SLOT(VINTF_OF(1), 1)
#endif
	LOOK_VM(0)
#if VMS > 1
	LOOK_VM(1)
#endif
	od
}
