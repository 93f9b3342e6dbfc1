#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# test.sh [SUITE...]: runs the suites (all of them if none is named), each into
# build/test/SUITE.tap, with what it says besides in build/test/SUITE.log. Prints
# a line a suite, what failed, what was skipped and why, and at the end the sum on
# a line of its own. Non-zero if anything failed.
#
# Expects what "make test" builds first: build/linux, build/Image, the emulator,
# build/rootfs.cpio.gz, build/selftests/ and build/stock/Image.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

cd "$project_dir"
build=build
results=$build/test

# Cheapest first: what breaks early should say so early. "configs" compiles the
# drivers ten times over: make check has it, and whoever names it.
all=(tools model abi base emulator stock kunit kselftest static)

# For how long each may run, seconds.
declare -A limit=([tools]=300 [model]=900 [abi]=120 [base]=1800 [emulator]=900
	[stock]=400 [kunit]=300 [kselftest]=1200 [static]=1800
	[configs]=3600)

# What runs. Each writes KTAP to standard output.
suite_tools()
{
	local test status=0

	for test in base/test/*-test; do
		"$test" || status=1
	done
	return $status
}

suite_model()
{
	make --no-print-directory -s -C emulator/model test
}

suite_abi()
{
	local pristine

	pristine=$("$base_dir/linux-source.sh" pristine)
	"$project_dir/tools/testing/selftests/iommu/abi/abi-check" "${pristine#* }" "$project_dir"
}

suite_base()
{
	"$base_dir/base-check.sh"
}

suite_emulator()
{
	local test status=0

	for test in emulator/qemu/test/{grace-vm,board}.sh; do
		"$test" || status=1
	done
	return $status
}

suite_stock()
{
	emulator/qemu/test/stock-driver.sh
}

suite_kunit()
{
	"$base_dir/test/kunit" "$build/Image" "$build/obj/.config"
}

suite_kselftest()
{
	"$base_dir/test/kselftest" "$build/selftests"
}

suite_configs()
{
	"$base_dir/configs.sh"
}

suite_static()
{
	"$base_dir/check.sh"
}

# Called again by itself, under a time limit.
if [ "${1:-}" = --run ]; then
	"suite_$2"
	exit
fi

suites=("$@")
[ $# -gt 0 ] || suites=("${all[@]}")
for suite in "${suites[@]}"; do
	[ -n "${limit[$suite]:-}" ] || die "there is no suite '$suite'; there are: ${all[*]}"
done

mkdir -p "$results"
passed=0 failed=0 skipped=0
for suite in "${suites[@]}"; do
	tap=$results/$suite.tap
	status=0
	start=$SECONDS
	say "suite $suite ... (log: $results/$suite.log)"
	rm -f "$tap"
	# A process group of its own: all of it ends with the time or with us.
	set -m
	timeout --kill-after=20 "${limit[$suite]}" "$0" --run "$suite" \
		>"$tap" 2>"$results/$suite.log" </dev/null &
	running_group=$!
	set +m
	wait "$running_group" || status=$?
	running_group=
	[ "$status" != 124 ] || echo "Bail out! no end after ${limit[$suite]} s" >>"$tap"
	verdict=$("$base_dir/ktap.py" "$suite" "$tap" "$status") || true
	sed '$d' <<<"$verdict"
	read -r word one two three <<<"$(tail -n 1 <<<"$verdict")"
	[ "$word" = counts ] || die "cannot judge $tap"
	if [ "$two" -gt 0 ] && [ -s "$results/$suite.log" ]; then
		tail -n 10 "$results/$suite.log" | sed 's/^/    | /'
	fi
	passed=$((passed + one)) failed=$((failed + two)) skipped=$((skipped + three))
	say "suite $suite: $((SECONDS - start)) s"
done

echo
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
