# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For the tests of the emulated board: KTAP, and grace-vm with its results kept.
# Sourced; the test calls plan once and check or skip for each of its cases.

export LC_ALL=C

project_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd -P)
vm=$project_dir/emulator/grace-vm
# shellcheck disable=SC2034 # the tests use it
stock=${STOCK_IMAGE:-$project_dir/build/stock/Image}

work=$(mktemp -d "${TMPDIR:-/tmp}/grace-board-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

planned=0
cases=0
failures=0

plan()
{
	planned=$1
	printf 'KTAP version 1\n1..%d\n' "$planned"
}

# check NAME COMMAND...: passes if COMMAND succeeds; what it prints is a comment.
check()
{
	local name=$1 check_out check_result=0

	shift
	cases=$((cases + 1))
	check_out=$("$@" 2>&1) || check_result=$?
	[ -z "$check_out" ] || printf '%s\n' "$check_out" | sed 's/^/# /'
	if [ "$check_result" = 0 ]; then
		printf 'ok %d %s\n' "$cases" "$name"
	else
		failures=$((failures + 1))
		printf 'not ok %d %s\n' "$cases" "$name"
	fi
}

# The end of a test: fails if a case failed or was forgotten.
finish()
{
	[ "$cases" = "$planned" ] || {
		printf '# %d cases planned, %d run\n' "$planned" "$cases"
		exit 1
	}
	[ "$failures" = 0 ]
	exit
}

# boot NAME OPTION... -- COMMAND...: grace-vm run; leaves $work/NAME.{out,err,
# console,report}, and its status in $status. Always returns success.
boot()
{
	local name=$1

	shift
	status=0
	"$vm" run --console "$work/$name.console" --log "$work/$name.report" "$@" \
		>"$work/$name.out" 2>"$work/$name.err" </dev/null || status=$?
}

# Comments on a boot that went wrong.
explain()
{
	local name=$1

	printf 'status %s\n' "$status"
	head -n 5 "$work/$name.err"
	tail -n 5 "$work/$name.out"
}

# says FILE PATTERN: an extended regular expression matches; else shows the file.
says()
{
	grep -Eq -- "$2" "$1" && return
	printf 'no match for %s in:\n' "$2"
	tail -n 8 "$1"
	return 1
}

# silent FILE PATTERN: it does not.
silent()
{
	! grep -E -- "$2" "$1"
}

# executed NAME VINTF OPCODE: how many, by the report of boot NAME.
executed()
{
	sed -n "s/^executed v=$2 opcode=$3 .*count=\([0-9]*\)\$/\1/p" "$work/$1.report" | grep . || echo 0
}

# at_least WHAT COUNT MINIMUM
at_least()
{
	printf '%s: %s, at least %s expected\n' "$1" "$2" "$3"
	[ "$2" -ge "$3" ]
}

# equal WHAT VALUE EXPECTED
equal()
{
	[ "$2" = "$3" ] && return
	printf '%s: %s, expected %s\n' "$1" "$2" "$3"
	return 1
}
