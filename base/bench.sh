#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# bench.sh programs TREE OBJ SELFTESTS OUT
#	Puts into OUT/share what runs on the board: the project's benchmark, of
#	SELFTESTS, and Linux's own, of the source tree TREE, whose user headers are in
#	OBJ/usr.
# bench.sh run OUT IMAGE [IMAGE2]
#	Measures what the paths of guest-owned queues take on the emulated board, in
#	instructions, and prints tables: the kernel IMAGE against the stored figures of
#	base/bench and against IMAGE2, or the stored reference. All that was measured is
#	left in OUT: runs/, table, bench.json, chart.svg.
#
# Of the environment:
#
# PATHS		what to measure: paths, patterns or groups of base/bench/paths (all)
# VMS		how many VMs are alive meanwhile (1,16,63)
# BOOTS		how often each kernel is booted (3)
# SAVE		not empty: the figures become the stored ones
# STOCK_IMAGE	Debian's unmodified kernel, for the group "dma"
# LOCKS_IMAGE	a kernel with CONFIG_LOCK_STAT: which locks 16 VMMs wait for on it
# JOBS		boards at a time: instructions don't depend on what else runs (all cores)
#
# Non-zero if something could not be measured; never because of a figure.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

# An archive with Debian's strace for the board, which the guest's VMM is watched with. Its
# libraries are the VMM's as well.
fetch_strace()
{
	local work

	[ ! -s "$1" ] || return 0
	work=$(mktemp -d "${TMPDIR:-/tmp}/grace-strace.XXXXXX")
	if "$base_dir/apt.sh" closure "" "$work" strace >"$1.packages" && [ -x "$work/usr/bin/strace" ]; then
		(cd "$work" && find usr/bin/strace | cpio --quiet -o -H newc -R 0:0 --reproducible) >"$1.new"
		mv "$1.new" "$1"
	else
		say "notice: no strace for the board: ioctls of VMMs will not be counted"
	fi
	rm -rf "$work"
}

usage() { die "usage: $0 programs TREE OBJ SELFTESTS OUT | run OUT IMAGE [IMAGE2]"; }

case ${1:-} in
programs)
	[ $# = 5 ] || usage
	tree=$2 obj=$3 selftests=$4 share=$5/share
	mkdir -p "$share"
	cp "$selftests"/{cmdqv-bench,guest_cost,guest_agent} "$base_dir"/bench/{board,dma,guest}-side "$share/"
	# Its own Makefile looks for headers in the source tree only.
	progress "building dma_map_benchmark" "$5/dma.log" . \
		aarch64-linux-gnu-gcc -static -O2 -I"$obj/usr/include" -idirafter "$tree/include" \
		-o "$share/dma_map_benchmark" "$tree/tools/testing/selftests/dma/dma_map_benchmark.c"
	fetch_strace "$5/strace.cpio"
	exit
	;;
run)
	[ $# = 3 ] || [ $# = 4 ] || usage
	;;
*)
	usage
	;;
esac

out=$2 image=$3 second=${4:-}
for program in cmdqv-bench dma_map_benchmark; do
	[ -x "$out/share/$program" ] || die "no program: $out/share/$program"
done
for kernel in "$image" $second; do
	[ -f "$kernel" ] || die "no kernel: $kernel"
done
vms=${VMS:-1,16,63} boots=${BOOTS:-3} jobs=${JOBS:-$(nproc)}
fragments=("$base_dir/config/bench.config" "$base_dir/config/project.config")
read -ra words <<<"${PATHS:-}"
failures=0

# Names of the chosen paths of a group
chosen()
{
	"$base_dir/bench/bench.py" --choose "$1" "$out" "${words[@]}"
}

rm -rf "$out/runs"
mkdir -p "$out/runs"
out=$(cd "$out" && pwd -P)

# boot RUN NUMBER NAME KERNEL COMMAND...: one board. What the command prints goes to
# RUN/NAME.out, everything else beside it.
boot()
{
	local to=$out/runs/$1/$3 number=$2 kernel=$4 status=0

	shift 4
	mkdir -p "${to%/*}"
	"$project_dir/emulator/grace-vm" run ${icount:+--icount} --kernel "$kernel" --share "$out/share" \
		--append "hugepagesz=32M hugepages=2" "${options[@]}" --timeout 1200 --console "$to.console" -- \
		sh /mnt/share/board-side "$@" >"$to.out" 2>"$to.err" || status=$?
	[ "$status" != 0 ] || return 0
	say "error: boot $number of $kernel ended with status $status:"
	tail -n 5 "$to.err" | sed 's/^/    /' >&2
	return 1
}

# start RUN NAME KERNEL COMMAND...: $boots boards like that, as soon as there is room
start()
{
	local number

	for ((number = 1; number <= boots; number++)); do
		while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
			wait -n || failures=$((failures + 1))
		done
		boot "$1" "$number" "$2-$number" "${@:3}" &
	done
}

finish()
{
	while [ "$(jobs -p | wc -l)" -gt 0 ]; do
		wait -n || failures=$((failures + 1))
	done
}

# count_commands NAME: of the unit's report NAME.report, in lines of NAME.out, what the
# host's own VINTF had to do for 1,000 unmaps, each of which is a TLBI
count_commands()
{
	awk '
		function value(name) { match($0, name "=[0-9]+"); return substr($0, RSTART + length(name) + 1, RLENGTH) + 0 }
		/^executed v=0 .*name=TLBI/ { tlbi += value("count") }
		/^executed v=0 .*name=CMD_SYNC/ { what["syncs"] = value("count") }
		/^window v=0 / { what["writes"] = value("writes"); what["reads"] = value("reads") }
		END {
			# Without a benchmark there are some, too.
			if (tlbi < 10000 || !("syncs" in what) || !("reads" in what))
				exit 1
			for (name in what) {
				n = int(what[name] * 1000 / tlbi + 0.5)
				printf "path=dma_cpus_%s vms=1 unit=per-1000-unmaps n=%d min=%d median=%d max=%d p90=%d\n",
					name, tlbi, n, n, n, n
			}
		}' "$1.report" >>"$1.out" || { say "error: $1.report has no commands of a benchmark"; return 1; }
}

trap 'trap - EXIT; kill $(jobs -p) 2>/dev/null || true' EXIT

# Many VMs want many devices.
icount=1
options=(--nvme 0 --edu 22)
mapfile -t control < <(chosen queue; chosen control)
if [ ${#control[@]} -gt 0 ]; then
	say "${#control[@]} paths, $boots boots${second:+ of each kernel} ... (in $out/runs)"
	start first boot "$image" /mnt/share/cmdqv-bench --vms "$vms" "${control[@]}"
	[ -z "$second" ] || start second boot "$second" /mnt/share/cmdqv-bench --vms "$vms" "${control[@]}"
fi
mapfile -t dma < <(chosen dma)
if [ ${#dma[@]} -gt 0 ]; then
	say "the host's own mappings, $boots boots of each kernel with each queue ..."
	for queue in vcmdq smmu; do
		options=()
		# Then it is the SMMU's own queue.
		[ "$queue" = vcmdq ] || options=(--append arm_smmu_v3.disable_cmdqv=1)
		start dma "$queue" "$image" sh /mnt/share/dma-side "$queue"
		[ -z "${STOCK_IMAGE:-}" ] || start dma-stock "$queue" "$STOCK_IMAGE" sh /mnt/share/dma-side "$queue"
	done
fi
if [ ${#dma[@]} -gt 0 ]; then
	# Several CPUs: what the unit executes is counted, once.
	icount='' all_boots=$boots boots=1
	for run in dma ${STOCK_IMAGE:+dma-stock}; do
		options=(--cpus 4 --log "$out/runs/$run/cpus-1.report")
		[ "$run" = dma ] && kernel=$image || kernel=$STOCK_IMAGE
		start "$run" cpus "$kernel" sh /mnt/share/dma-side cpus
	done
	icount=1 boots=$all_boots
fi
if [ -n "${LOCKS_IMAGE:-}" ]; then
	icount='' all_boots=$boots boots=1 options=(--cpus 4 --nvme 0 --edu 22)
	start locks locks "$LOCKS_IMAGE" /mnt/share/cmdqv-bench vmms 16 20
	icount=1 boots=$all_boots
fi
mapfile -t memory < <(chosen memory)
if [ ${#memory[@]} -gt 0 ]; then
	options=() boots=1
	start memory memory "$image" /mnt/share/cmdqv-bench memory
	[ -z "$second" ] || start memory-second memory "$second" /mnt/share/cmdqv-bench memory
fi
mapfile -t guest < <(chosen guest)
if [ ${#guest[@]} -gt 0 ]; then
	say "a guest with command queues, and one without ..."
	cmp -s "$project_dir/build/guest/Image" "$out/share/guest-Image" ||
		cp "$project_dir/build/guest/Image" "$out/share/guest-Image"
	options=(--memory 4G --initrd "$project_dir/build/vmm.cpio")
	[ ! -e "$out/strace.cpio" ] || options+=(--initrd "$out/strace.cpio")
	# Events are counted, not instructions, and one boot does.
	icount='' boots=1
	start guest guest "$image" sh /mnt/share/guest-side
fi
finish
for run in dma dma-stock; do
	[ ! -e "$out/runs/$run/cpus-1.report" ] || count_commands "$out/runs/$run/cpus-1" || failures=$((failures + 1))
done

status=0
"$base_dir/bench/bench.py" --vms "$vms" "${fragments[@]/#/--fragment=}" ${SAVE:+--save} \
	--page "$project_dir/Documentation/virt/tegra241-cmdqv/performance-figures.txt" \
	"$out" "${words[@]}" || status=1
say "figures: $out/bench.json, chart: $out/chart.svg"
[ "$failures" = 0 ] || die "$failures boot(s) failed"
exit "$status"
