#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What grace-vm promises: the command's output and status as they are, one line
# and a non-zero status for everything that goes wrong, in time, nothing left
# behind. KTAP on standard output.

# shellcheck disable=SC2317 # functions that check calls
set -uo pipefail
. "$(dirname "$0")/lib.sh"

# Its own place for temporary directories, to see what is left in it.
export TMPDIR=$work/tmp
mkdir "$TMPDIR"

one_line_error()
{
	local name=$1 expected=$2 pattern=$3

	equal "status" "$status" "$expected" &&
		equal "lines on standard error" "$(wc -l <"$work/$name.err")" 1 &&
		says "$work/$name.err" "^grace-vm: .*$pattern"
}

# fails NAME STATUS PATTERN ARGUMENT...: grace-vm ARGUMENT... has to fail so
fails()
{
	local name=$1 expected=$2 pattern=$3

	shift 3
	status=0
	timeout 280 "$vm" "$@" >"$work/$name.out" 2>"$work/$name.err" </dev/null || status=$?
	one_line_error "$name" "$expected" "$pattern"
}

# Nothing runs or lies about that belongs to a board of ours.
clean()
{
	local left

	left=$(find "$TMPDIR" -mindepth 1)$(pgrep -af -- "$TMPDIR")
	[ -z "$left" ] && return
	printf 'left behind: %s\n' "$left"
	return 1
}

# await COMMAND...: until it succeeds, for a minute
await()
{
	local tries

	for tries in $(seq 600); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	printf 'after %s tries still not: %s\n' "$tries" "$*"
	return 1
}

run=(run --kernel "$stock")

plan 25

# ---- what it gets right

mkdir "$work/share"
printf 'from the host' >"$work/share/in"
# shellcheck disable=SC2016 # for the board's shell
boot right "${run[@]:1}" --share "$work/share" --nvme 1 --edu 3 --cpus 1 --memory 1G -- sh -c '
	printf "\000\001\r\n\377<%s><%s>" "$1" "$2"
	printf %s "$(cat in)" >out
	{ id -u; nproc; grep MemTotal /proc/meminfo; ls /sys/block | grep -c nvme
	  grep -l 0x1234 /sys/bus/pci/devices/*/vendor | wc -l; } >facts
	echo to-stderr >&2
	exit 7' sh "two words" '$HOME "quoted"'
# shellcheck disable=SC2016
printf '\000\001\r\n\377<two words><$HOME "quoted">to-stderr\n' >"$work/expected"
facts() { sed -n "$1p" "$work/share/facts"; }
memory() { at_least MemTotal "$(facts 3 | tr -dc 0-9)" 900000 && [ "$(facts 3 | tr -dc 0-9)" -le 1048576 ]; }
check "the command's exit status is grace-vm's" equal status "$status" 7
check "output arrives byte by byte, arguments as they were given" \
	cmp "$work/expected" "$work/right.out"
check "grace-vm itself says nothing" equal "standard error" "$(cat "$work/right.err")" ""
check "the shared directory works both ways" equal out "$(cat "$work/share/out")" "from the host"
check "the command is root" equal uid "$(facts 1)" 0
check "--cpus counts" equal cpus "$(facts 2)" 1
check "--memory counts" memory
check "--nvme counts" equal disks "$(facts 4)" 1
check "--edu counts" equal edu "$(facts 5)" 3
check "the log has the unit's state" says "$work/right.report" '^cmdqv en=1 enabled=1 '

without_9p()
{
	explain nine
	equal status "$status" 5 && equal output "$(cat "$work/nine.out")" "no 9p here"
}
boot nine "${run[@]:1}" --append initcall_blacklist=p9_virtio_init -- sh -c 'echo no 9p here; exit 5'
check "a kernel without 9p runs the command all the same" without_9p

# When the board waits, time goes on at once.
fast_time()
{
	local start=$SECONDS

	boot icount "${run[@]:1}" --icount -- sh -c 'nproc; sleep 600'
	explain icount
	equal status "$status" 0 && equal cpus "$(cat "$work/icount.out")" 1 &&
		[ $((SECONDS - start)) -lt 200 ]
}
check "with --icount one CPU runs, and waiting takes no time" fast_time

# ---- bad input

check "a missing kernel" fails kernel 125 'no kernel: .*nowhere is missing' run --kernel "$work/nowhere" -- true
check "a kernel that is none" fails none 125 'is no arm64 kernel' run --kernel "$0" -- true
check "a missing emulator" fails emulator 125 'no emulator: ' "${run[@]}" --qemu "$work/nowhere" -- true
check "an unknown option" fails option 2 'unrecognized arguments: --frobnicate|required: COMMAND' run --frobnicate
check "no command" fails command 2 'COMMAND' run
check "a share that is no directory" fails share 125 'is no directory' "${run[@]}" --share "$0" -- true
check "a property that the board lacks" fails property 125 'emulator failed.*frobnicate' \
	"${run[@]}" --machine frobnicate=on -- true
check "a fault that the unit lacks" fails fault 2 'cannot inject' "${run[@]}" --inject frobnicate -- true
check "no board to observe" fails observe 125 'no board' observe counters

# ---- boards that go wrong

hang()
{
	local start=$SECONDS

	fails hang 124 'no end after 5 s' "${run[@]}" --timeout 5 -- sleep 1000 &&
		[ $((SECONDS - start)) -le 20 ]
}
check "a command that hangs: 124, in time" hang

panic()
{
	local start=$SECONDS

	fails panic 125 'panicked: Kernel panic - not syncing: sysrq' \
		"${run[@]}" --timeout 250 -- sh -c 'echo c >/proc/sysrq-trigger' &&
		[ $((SECONDS - start)) -le 100 ]
}
check "a panic: the reason, at once" panic

# ---- observed and stopped

stopped()
{
	local pid status=0

	"$vm" "${run[@]}" -- sleep 1000 >/dev/null 2>"$work/stop.err" </dev/null &
	pid=$!
	await sh -c "'$vm' observe state | grep -q '^vintf v=0 en=1 enabled=1'" ||
		{ kill -TERM "$pid"; return 1; }
	kill -TERM "$pid"
	wait "$pid" || status=$?
	equal status "$status" 143 && says "$work/stop.err" 'stopped by SIGTERM' && clean
}
check "a running board can be observed; SIGTERM ends it and leaves nothing" stopped

killed()
{
	local pid

	"$vm" "${run[@]}" -- sleep 1000 >/dev/null 2>&1 </dev/null &
	pid=$!
	await sh -c "'$vm' observe help" || { kill -TERM "$pid"; return 1; }
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	await sh -c "! pgrep -f -- '[-]nodefaults.*$TMPDIR'"
}
check "SIGKILL takes the emulator with it" killed
finish
