#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Break the model in one place at a time; each mutant has to fail a test.
#	mutants.sh MODEL_DIRECTORY BUILD_DIRECTORY [NAME_PATTERN]
# Each line of the list below: name, file, sed expression. A mutant that no
# longer changes its file fails as well, so the list can't rot silently.
# Without sanitizers: a test must notice, not the run time. The tests that state
# a rule come first; only what they let pass is left to the random games. With
# TESTS set (prefixes of test names, say "p1"), just those have to notice.
# Flags and lists of objects are meant to be split into words
# shellcheck disable=SC2086
set -u

model=$1
out=$2
only=${3:-}
first=${TESTS:-s o c j}
second=p
[ -z "${TESTS:-}" ] || second=
: "${CC:=gcc}"
cflags="-std=c11 -D_POSIX_C_SOURCE=200809L -O1 -w"
# test/net.c lets allocations fail
ldflags=-Wl,--wrap=calloc

mutants() {
	cat <<'LIST'
filter_lets_opcode_through	filter.c	s/case SMMU_OP_TLBI_NH_VA:/&\n\tcase 0x10:/
filter_refuses_tlbi_asid	filter.c	s/case SMMU_OP_TLBI_NH_ASID:/case 0xfe:/
filter_passes_guest_as_host	filter.c	s/if (vintf->hyp_own)/if (1)/
filter_never_host	filter.c	s/if (vintf->hyp_own)/if (0)/
vmid_not_substituted	filter.c	s/(uint64_t)vintf->vmid << SMMU_TLBI_VMID_SHIFT/(cmd[0] \& SMMU_TLBI_VMID)/
vmid_ored	filter.c	s/(cmd\[0\] & ~SMMU_TLBI_VMID)/(cmd[0])/
sid_enable_ignored	filter.c	s/!(vintf->sid_match\[s\] & CMDQV_SID_MATCH_EN)/0/
sid_not_compared	filter.c	s/vintf->sid_match\[s\] >> CMDQV_SID_MATCH_SHIFT != sid/0/
sid_compared_to_20_bits	filter.c	s/sid = cmd\[0\] >> SMMU_ATC_SID_SHIFT/& \& CMDQV_SID_MASK/
sid_not_replaced	filter.c	s/(uint64_t)vintf->sid_replace\[s\] <</(uint64_t)sid <</
sid_last_slot_forgotten	filter.c	s/s < c->num_sids/s + 1 < c->num_sids/
sid_wrong_code	filter.c	s/CMDQV_CERROR_ILL_ACCESS/CMDQV_CERROR_ILL/
sync_msi_let_through	filter.c	s/ && cs != SMMU_SYNC_CS_SEV/ \&\& cs == 3/
sync_keeps_fields	filter.c	s/pass(SMMU_OP_CMD_SYNC, 0)/pass(cmd[0], cmd[1])/
ssec_let_through	filter.c	s/cmd\[0\] & SMMU_ATC_SSEC/0/
vintf_enable_ignored	queue.c	s/c->vintf\[v\]\.sw\.is &&/1 \&\&/
unit_enable_ignored	queue.c	s/return c->sw\.is && /return /
queue_stops_at_config	queue.c	s/vcmdq->sw\.is && v/vcmdq->sw.want \&\& v/
error_does_not_stop	queue.c	s/!(cmdqv_error_active(vcmdq) & CMDQV_GERROR_CMDQ_ERR)/1/
wrap_bit_ignored	queue.c	s/& wrap_mask(vcmdq);/\& wrap_mask(vcmdq) >> 1;/
index_one_off	queue.c	s/vcmdq->cons & mask >> 1;/(vcmdq->cons + 1) \& mask >> 1;/
index_with_wrap_bit	queue.c	s/vcmdq->cons & mask >> 1;/vcmdq->cons \& mask;/
cons_before_execution	queue.c	s/^\topcode = /\tvcmdq->cons = (vcmdq->cons + 1) \& mask;\n&/
failed_command_consumed	queue.c	s/CMDQV_R_SMMU\]++;/&\n\t\tvcmdq->cons = (vcmdq->cons + 1) \& mask;/
cons_copy_without_enable	queue.c	s/!(c->config_reg & CMDQV_CONFIG_CONS_DRAM_EN) ||/0 ||/
cons_copy_to_0	queue.c	s/ ||$/ \&\& c->sw.stuck_on ||/;s/!vcmdq->cons_indx_base)/0)/
no_step_limit	queue.c	s/n < c->config.commands_per_step/n < 1000000/
step_not_scheduled	queue.c	s/vcmdq->step_pending = cmdqv_queue_runnable(c, q);/vcmdq->step_pending = false;/
kick_ignores_delay	queue.c	s/if (!c->config.command_delay_ns) {/if (1) {/
big_endian_commands	queue.c	s/for (unsigned int i = 8; i-- > 0;)/for (unsigned int i = 0; i < 8; i++)/
map_order_unnoticed	alloc.c	s/else if (l && !has_other(c, q, v, l - 1, l - 1))/else if (0)/
unmap_order_unnoticed	alloc.c	s/if (was_mapped && has_other/if (0 \&\& has_other/
duplicate_unnoticed	alloc.c	s/else if (has_other(c, q, v, l, l))/else if (0)/
unmap_enabled_unnoticed	alloc.c	0,/if (vcmdq->sw.is || vcmdq->sw.want)/s//if (0)/
unmap_stops_the_queue	alloc.c	s/vcmdq->orphan = true;/vcmdq->sw.is = vcmdq->sw.want = false;/
remap_keeps_epoch	alloc.c	s/vcmdq->epoch++;//
window_outlives_mapping	alloc.c	s/cmdqv_alloc_rebuild(c);/if (allocated) cmdqv_alloc_rebuild(c);/
mapping_to_any_vintf	alloc.c	s/&& c->vcmdq\[q\]\.vintf < c->num_vintfs;/;/
orphan_survives_disable	vcmdq.c	0,/vcmdq->orphan = false;/s///;s/vcmdq->orphan = false;//
base_written_while_enabled	vcmdq.c	/Assumption: dropped, as/,/return false/s/return false;//
cons_written_while_enabled	vcmdq.c	/^static bool write_cons/,/^}/s/return false;//
base_alignment_ignored	vcmdq.c	s/return addr && .*/return addr;/
base_0_accepted	vcmdq.c	s/return addr && /return /
size_0_accepted	vcmdq.c	s/log2size < 1 ||//
size_limit_ignored	vcmdq.c	s/log2size > c->config.max_log2size/log2size > 19/
init_error_enables	vcmdq.c	s/vcmdq->sw\.is = false;//
base_keeps_high_bits	regs.h	s/define   CMDQV_BASE_ADDR.*/define CMDQV_BASE_ADDR 0xffffffffffffffe0ull/
prod_overrun_unnoticed	vcmdq.c	s/if (vcmdq->sw.is && cmdqv_queue_used/if (0 \&\& cmdqv_queue_used/
enable_is_instant	handshake.c	s/c->config.enable_delay_ns/0u/
disable_is_instant	handshake.c	s/c->config.disable_delay_ns/0u/
read_does_not_catch_up	decode.c	0,/^\tcmdqv_catch_up(c);/s///
write_does_not_catch_up	decode.c	/^bool cmdqv_write/,/^}/s/^\tcmdqv_catch_up(c);//
stuck_off_ignored	handshake.c	s/sw->stuck_on : sw->stuck_off/sw->stuck_on : false/
stuck_on_ignored	handshake.c	s/sw->stuck_on : sw->stuck_off/false : sw->stuck_off/
withdrawn_request_completes	handshake.c	s/sw->timed = sw->want != sw->is;/sw->timed = true;/;s/sw->is = sw->want;/sw->is = true;/
hyp_own_not_wired	vintf.c	s/ && c->config.hyp_wired;/;/
vmid_change_unnoticed	vintf.c	s/(vintf->sw.want || vintf->sw.is) && en &&/0 \&\&/
vintf_busy_unnoticed	vintf.c	s/!en && has_enabled_queue(c, v)/0/
vintf_epoch_kept	vintf.c	s/vintf->epoch++;//
vintf_forgets_at_disable	vintf.c	s/if (!cmdqv_switch_poll(&vintf->sw, now) || !vintf->sw.is)/if (!vintf->sw.want) vintf->vmid = 0;\n&/
sid_slot_not_masked	vintf.c	s/value &= CMDQV_SID_MASK;//
sid_order_unnoticed	vintf.c	s/if ((vintf->sid_match\[slot\] & CMDQV_SID_MATCH_EN) &&/if (0 \&\&/
sid_duplicate_unnoticed	vintf.c	s/if (s != slot && (value/if (0 \&\& (value/
num_lvcmdqs_of_all	vintf.c	s/&& c->vcmdq\[q\]\.vintf == v;/;/
edge_for_pending_bit	errors.c	s/bool edge = pending && !vcmdq->reported;/bool edge = pending;/
edge_once_per_vintf	errors.c	s/bool edge = pending && !vcmdq->reported;/bool edge = pending \&\& !vcmdq->reported \&\& cmdqv_vintf_num_lvcmdqs(c, vcmdq->vintf) < 2;/
mask_ignored	errors.c	s/ || (c->vintf_int_mask >> vcmdq->vintf & 1)//
masked_error_interrupts_later	errors.c	s/vcmdq->reported = pending;/vcmdq->reported = pending \&\& !(c->vintf_int_mask >> vcmdq->vintf \& 1);/
mask_hides_lvcmdq_map	errors.c	s/vcmdq->lvcmdq \/ 32 == word &&/!(c->vintf_int_mask >> v \& 1) \&\& &/
mask_stops_queues	queue.c	s/c->vintf\[v\]\.sw\.is &&/& !(c->vintf_int_mask >> v \& 1) \&\&/
unmask_raises_edge	config.c	s/^\tc->vintf_int_mask |= .*/&\n\tif (cmdqv_error_vintf_map(c) \& ~c->vintf_int_mask) { c->counters.irqs++; c->bench.irq_edge(c->opaque); }/
mask_words_are_one	config.c	s/~(0xffffffffull << shift)/0/
mask_survives_reset	unit.c	s/c->vintf_int_mask = /c->vintf_int_mask |= /
dirty_masks_nothing	unit.c	s/c->vintf_int_mask = .*/c->vintf_int_mask = 0;/
random_masks	unit.c	s/c->vintf_int_mask = unknown_active/c->vintf_int_mask = unknown/
mask_hides_map	errors.c	s/map |= 1ull << c->vcmdq\[q\]\.vintf;/map |= ~c->vintf_int_mask \& 1ull << c->vcmdq[q].vintf;/
gerror_not_toggled	errors.c	s/vcmdq->gerror ^= gerror;/vcmdq->gerror |= gerror;/
lvcmdq_map_of_all_vintfs	errors.c	s/ && vcmdq->vintf == v &&/ \&\&/
cmdq_map_only_mapped	errors.c	s/q < c->num_vcmdqs && cmdqv_error_active/q < c->num_vcmdqs \&\& cmdqv_mapped(c, q) \&\& cmdqv_error_active/
cons_err_not_set	errors.c	s/((uint32_t)code << CMDQV_CONS_ERR_SHIFT & CMDQV_CONS_ERR)/0/
atc_timeout_lost	atc.c	s/vcmdq->atc_owed = true;//
atc_sync_never_fails	atc.c	s/return !timed_out;/return true;/
atc_flush_does_nothing	atc.c	s/if (c->vcmdq\[q\]\.atc_owed && !c->vcmdq\[q\]\.sw\.is)/if (0)/
atc_flush_of_enabled	atc.c	s/c->vcmdq\[q\]\.atc_owed && !c->vcmdq\[q\]\.sw\.is/c->vcmdq[q].atc_owed/
atc_foreign_sync_unnoticed	atc.c	s/if (timed_out && is_foreign(c, q))/if (0)/
check_finds_nothing	check.c	s/return what ? what : check_log(c);/return NULL;/
check_skips_log	check.c	s/return what ? what : check_log(c);/return what;/
atc_forgotten_at_enable	atc.c	/^void cmdqv_atc_enabled/,/^}/s/raise_late(c, q);/c->vcmdq[q].atc_owed = false;/
atc_foreign_unnoticed	atc.c	0,/if (is_foreign(c, q))/s//if (0)/
atc_late_never_due	atc.c	s/if (now >= cmdqv_atc_next(c, q))/if (0)/
dropped_access_hits_direct	decode.c	s/if (index < CMDQV_MAX_VCMDQS &&/p.queue = index < c->num_vcmdqs ? index : CMDQV_NONE;\n&/
unaligned_accepted	decode.c	s/ && offset % size == 0 &&/ \&\&/
any_size_accepted	decode.c	s/(size == 4 || size == 8) &&/size \&\&/
upper_half_lost	decode.c	s/(uint32_t)(value >> 32)/0/
fifth_vintf_exists	decode.c	s/c->num_vintfs \* CMDQV_VINTF_STRIDE/CMDQV_MAX_VINTFS * CMDQV_VINTF_STRIDE/
page1_in_page0	decode.c	s/page & 1 ? CMDQV_AP_LOGICAL0 : CMDQV_AP_LOGICAL1/CMDQV_AP_LOGICAL0/
param_swapped	config.c	s/CMDQV_PARAM_NUM_SID_LOG2(c->config.log2_sids)/CMDQV_PARAM_NUM_SID_LOG2(c->config.log2_vintfs)/
int_mask_not_bounded	config.c	s/ << shift) & cmdqv_vintfs(c);/ << shift);/
config_forgets_fields	config.c	s/return c->config_reg |/return/
reset_keeps_mapping	unit.c	s/vcmdq->allocated = unknown_active(c, 1);/vcmdq->allocated = old.allocated;/
reset_all_zero	unit.c	s/CMDQV_RESET_ZERO ? 0/CMDQV_RESET_RANDOM ? 0/
reset_forgets_faults	unit.c	s/\.stuck_on = sw->stuck_on,//
smmu_sync_ignored	unit.c	/^void cmdqv_smmu_sync/,/^}/s/cmdqv_atc_flush(c);//
timer_forgotten	unit.c	s/if (next != CMDQV_NEVER)/if (0)/
hung_queue_runs	queue.c	s/ && !vcmdq->hung//
hung_queue_stays_hung	fault.c	/vcmdq->hung = arg;/,/break;/s/cmdqv_queue_kick(c, q);//;/hung = false;/,/}/s/cmdqv_queue_kick(c, q);//
lost_unit_runs	queue.c	s/ && !c->fault.lost//
lost_unit_takes_writes	decode.c	s/c->fault.drop_writes || c->fault.lost/c->fault.drop_writes/
lost_unit_reads	fault.c	s/c->fault.read_ones || c->fault.lost/c->fault.read_ones/
lost_unit_interrupts	errors.c	s/c->fault.no_irq || c->fault.lost/c->fault.no_irq/
lost_unit_remembers	fault.c	/bool back =/,/cmdqv_reset(c);/s/cmdqv_reset(c);/;/
lost_unit_hears_smmu	unit.c	s/if (!c->fault.lost)/if (1)/
lost_unit_lives_on	unit.c	/uint64_t next;/,/return;/s/if (c->fault.lost)/if (0)/
no_irq_interrupts	errors.c	s/c->fault.no_irq || c->fault.lost/c->fault.lost/
ones_are_zeros	fault.c	s/ones ? UINT32_MAX : 0/0/
zeros_read_through	fault.c	s/ones || c->fault.read_zeros/ones/
writes_arrive	decode.c	s/c->fault.drop_writes || c->fault.lost/c->fault.lost/
param_stays	config.c	s/if (c->fault.param)/if (0)/
param_takes_slips	fault.c	s/if (arg && arg >> 32 != 1)/if (0)/
error_acknowledged_for_good	errors.c	s/if (vcmdq->stuck_error &&/if (0 \&\&/
error_not_raised_at_once	fault.c	s/if (vcmdq->stuck_error)/if (0)/
storm_is_one_edge	fault.c	s/c->fault.irq_storm_due = now + c->fault.irq_storm_ns;/c->fault.irq_storm_due = CMDQV_NEVER;/
storm_is_masked	fault.c	s/^\tcmdqv_error_edge(c);/\tif (!c->vintf_int_mask) cmdqv_error_edge(c);/
storm_begins_late	fault.c	s/cmdqv_now(c) + c->fault.irq_storm_ns/cmdqv_now(c) + 2 * c->fault.irq_storm_ns/
faults_end_at_reset	unit.c	s/\.hung = old\.hung,//
inject_none_leaves_some	fault.c	s/c->fault = (struct cmdqv_unit_faults){ 0 };//
inject_any_index	fault.c	s/index < c->num_vcmdqs/1/;s/cmdqv_process(c);//
log_loses_original	queue.c	s/memcpy(entry->original, cmd, sizeof(entry->original));//
log_ring_unbounded	log.c	s/c->log_head - seq >= c->config.log_entries/0/
clear_keeps_log	log.c	s/c->log_first = c->log_head + 1;//
net_bad_fetch_uncounted	queue.c	s/c->bad_fetches++;//
net_bad_fetch_is_one	queue.c	s/if (!addr || pa < addr/if (0 \&\& pa < addr/
net_hyp_own_in_log	check.c	0,/if (!c->config.hyp_wired)/s//if (0)/
net_check_says_ok	observe.c	s/^\tif (what)$/\tif (0)/
net_no_memory	unit.c	s/if (!c || !c->log) {/if (0) {/
oracle_opcode_let_through	oracle.c	s/case 0x12:/case 0x13: &/
oracle_opcode_change_unnoticed	oracle.c	s/if ((cmd\[0\] ^ o->fetch.word\[0\]) & 0xff)/if (0)/
oracle_vmid_unnoticed	oracle.c	s/if ((cmd\[0\] & mask) >> 32 != owner->vmid)/if (0)/
oracle_vmid_of_the_unit	oracle.c	s/>> 32 != owner->vmid)/>> 32 != origin->vmid)/
oracle_vmid_moved_unnoticed	oracle.c	s/&& now != owner->vmid)/\&\& 0)/
oracle_vmid_moved_without_stage2	oracle.c	s/if (stream_vmid(o, owner->psid, &now) &&/if ((stream_vmid(o, owner->psid, \&now), 1) \&\&/
oracle_vmid_shared_unnoticed	oracle.c	s/if (!free) {/if (0) {/
oracle_vmid_lost_unnoticed	oracle.c	s/if (owner->vmid_lost)/if (0)/
oracle_tlbi_fields_unnoticed	oracle.c	s/& ~mask || cmd\[1\] != o->fetch.word\[1\])/\& 0)/
oracle_sid_unnoticed	oracle.c	s/if (!stream || cmd\[0\] >> 32 != stream->psid)/if (0)/
oracle_sid_any_of_the_vm	books.c	s/if (owner->stream\[i\].vsid == vsid)/if (1)/
oracle_sid_gone_stays	books.c	s/owner->stream\[i\] = owner->stream\[--owner->streams\];//
oracle_ssec_unnoticed	oracle.c	s/cmd\[0\] & 1u << 10/0/
oracle_atc_fields_unnoticed	oracle.c	s/if ((uint32_t)cmd\[0\] != (uint32_t)o->fetch.word\[0\] ||/if (/
oracle_atc_address_unnoticed	oracle.c	s/cmd\[0\] & 1u << 10 || cmd\[1\] != o->fetch.word\[1\])/cmd[0] \& 1u << 10)/
oracle_sync_fields_unnoticed	oracle.c	s/if (cmd\[0\] != 0x46 || cmd\[1\])/if (cmd[1])/
oracle_sync_address_unnoticed	oracle.c	s/if (cmd\[0\] != 0x46 || cmd\[1\])/if (cmd[0] != 0x46)/
oracle_hyp_own_unnoticed	oracle.c	s/if (origin->hyp_own)/if (0)/
oracle_host_as_guest_unnoticed	oracle.c	s/if (origin->vintf || !origin->hyp_own)/if (0)/
oracle_host_changed_unnoticed	oracle.c	s/if (cmd\[0\] != o->fetch.word\[0\] || cmd\[1\] != o->fetch.word\[1\])$/if (0)/
oracle_host_is_everybody	oracle.c	s/if (s.vintf)/if (0)/
oracle_executed_twice_unnoticed	oracle.c	s/o->fetch.valid = false;//
oracle_failed_fetch_is_one	oracle.c	s/o->fetch.valid = !rc \&\& /o->fetch.valid = /
oracle_nobody_unnoticed	oracle.c	s/if (o->fetch.owner == BOOKS_NOBODY)/if (0)/;s/books_owner(&o->books, o->fetch.owner);/books_owner(\&o->books, o->fetch.owner ? o->fetch.owner : 1);/
oracle_memory_unnoticed	oracle.c	s/violate(o, CMDQV_O_MEMORY, NULL, NULL, 0);//
oracle_released_is_memory	oracle.c	s/if (books_whose_was(&o->books, pa) != BOOKS_NOBODY)/if (0)/
oracle_write_unnoticed	oracle.c	s/if (o->armed)\r*$/if (0)/
oracle_never_armed	oracle.c	s/.armed = true,/.armed = false,/
oracle_armed_at_once	oracle.c	s/o->strtab = strtab;/&\n\to->armed = true;/
oracle_counts_host_as_guest	oracle.c	s/o->host++;/o->judged++;/
oracle_begin_discards_silently	oracle.c	s/", o->judged, all_violations(o));/", (uint64_t)0, (uint64_t)0);/
oracle_stream_table_linear	oracle.c	s/if (STRTAB_FMT(cfg) == STRTAB_2LVL)/if (0)/
oracle_stream_table_unbounded	oracle.c	s/if (log2size < 32 && sid >> log2size)/if (0)/
oracle_span_ignored	oracle.c	s/if (!span || sid >> (span - 1))/if (!span)/
oracle_span_0_ignored	oracle.c	s/if (!span || sid >> (span - 1))/if (span \&\& sid >> (span - 1))/
oracle_ste_valid_ignored	oracle.c	s/if (!(le64(raw) & STE0_V) ||/if (/
oracle_ste_stage1_is_enough	oracle.c	s/& STE_CONFIG_S2) != STE_CONFIG_S2)/\& 4) != 4)/
oracle_vmid_of_32_bits	oracle.c	s/if (psid > UINT32_MAX || /if (/
oracle_range_end_included	books.c	s/if (b->range\[mid\].end > pa)/if (b->range[mid].end >= pa)/
oracle_range_start_ignored	books.c	s/b->range\[i\].pa > pa || //
oracle_range_length_ignored	books.c	s/ || b->range\[i\].end - pa < len)/)/
oracle_overlap_accepted	books.c	s/while (i < b->ranges && b->range\[i\].pa < pa + len)/while (0)/
oracle_takes_from_the_living	books.c	s/return owner && owner->dying;/return owner;/
oracle_end_keeps_memory	books.c	s/if (b->range\[i\].owner == id)/if (0)/
oracle_end_takes_all	books.c	s/if (b->range\[i\].owner == id)/if (b->range[i].owner != BOOKS_HOST)/
oracle_release_of_others	books.c	s/ || b->range\[i\].owner != id)/)/
oracle_ids_used_again	books.c	s/if (b->used\[id \/ 64\] >> id % 64 & 1)/if (0)/
observer_cut_anywhere	text.c	s/while (end && r->out\[end - 1\] != '\\n')/while (0)/
observer_takes_junk	text.c	s/strspn(digits, .*) != n)/0)/
LIST
}

rm -rf "$out"
mkdir -p "$out/src/test" "$out/obj"
for f in "$model"/*.c "$model"/test/*.c; do
	case $f in */fuzz.c) continue ;; esac
	name=$(echo "${f#"$model"/}" | tr / _)
	$CC $cflags -I"$model" -c -o "$out/obj/${name%.c}.o" "$f" || exit 1
done
$CC $ldflags -o "$out/test" "$out"/obj/*.o || exit 1
"$out/test" >"$out/test.tap" || { echo "Bail out! the tests fail without any mutant"; exit 1; }

echo "KTAP version 1"
mutants | grep "^[a-z0-9_]*$only" >"$out/list"
echo "1..$(wc -l <"$out/list")"
number=0
failed=0
while IFS='	' read -r name file expression; do
	number=$((number + 1))
	dir=$out/$name
	mkdir -p "$dir"
	cp "$model"/*.h "$dir"
	cp "$model/$file" "$dir/$file"
	sed -i "$expression" "$dir/$file"
	verdict="not ok"
	if cmp -s "$model/$file" "$dir/$file"; then
		echo "# $name: $file is not changed by: $expression"
	else
		case $file in
		*.h)	# all that may include it
			sources=$(cd "$model" && ls -- *.c)
			(cd "$model" && cp -- *.c "$dir") ;;
		*)	sources=$file ;;
		esac
		objects=$(ls "$out"/obj/*.o)
		built=1
		for s in $sources; do
			$CC $cflags -c -o "$dir/${s%.c}.o" "$dir/$s" || built=
			objects=$(echo "$objects" | grep -v "/obj/${s%.c}\.o$")
			objects="$objects
$dir/${s%.c}.o"
		done
		if [ -z "$built" ] || ! $CC $ldflags -o "$dir/test" $objects; then
			echo "# $name: does not build"
		elif ! "$dir/test" $first >"$dir/test.tap" 2>&1 ||
		     { [ -n "$second" ] && ! "$dir/test" $second >"$dir/test.tap" 2>&1; }; then
			verdict=ok
			echo "# $(grep -c '^not ok' "$dir/test.tap") failed, first:" \
				"$(sed -n 's/^not ok [0-9]* //p' "$dir/test.tap" | head -n 1)"
		else
			echo "# $name: no test fails"
		fi
	fi
	[ "$verdict" = ok ] || failed=1
	echo "$verdict $number $name"
	rm -rf "$dir"
done <"$out/list"
exit $failed
