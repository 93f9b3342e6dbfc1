#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# test.sh [--debug|--coverage] [SUITE...]: runs the suites (all of them if none is
# named), each into build/test/SUITE.tap, with what it says besides in
# build/test/SUITE.log. Prints a line a suite, what failed, what was skipped and why,
# and at the end the sum on a line of its own. Non-zero if anything failed.
#
# --debug runs those that need the board on the kernel for debugging, --coverage on
# the one that counts what is executed; build/debug and build/coverage take the place
# of build.
#
# Expects what "make test" builds first: build/linux, build/Image, the emulator,
# build/rootfs.cpio.gz, build/vmm*.cpio, build/guest/Image, build/selftests/ and
# build/stock/Image.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

cd "$project_dir"
build=build
variant=
case ${1:-} in
--debug|--coverage)
	variant=${1#--}
	shift
	;;
esac
kernel=$build${variant:+/$variant}
objects=$build/obj
results=$kernel/test

# Cheapest first: what breaks early should say so early. "configs" compiles the
# drivers a dozen times over: make check has it, and whoever names it.
all=(tools docs model spin abi base emulator stock hostcheck broken kunit iommufd fuzz guest kselftest soak guests restart install series deb static)

# For how long each may run, seconds.
declare -A limit=([tools]=600 [docs]=1200 [model]=900 [spin]=900 [abi]=120 [base]=1800 [emulator]=900
	[stock]=400 [hostcheck]=900 [broken]=900 [kunit]=300 [iommufd]=600 [fuzz]=400 [kselftest]=1200 [soak]=600 [guest]=300 [guests]=2400 [restart]=900 [install]=900
	[series]=2400 [deb]=1800
	[static]=1800 [configs]=3600)

case $variant in
debug)
	objects=$kernel/obj
	all=(detectors kunit iommufd fuzz kselftest)
	limit=([detectors]=900 [kunit]=600 [iommufd]=1500 [fuzz]=900 [kselftest]=1800 [guest]=900)
	export TEST_DEBUG=1 BOARD_SLOW=10
	;;
coverage)
	objects=$build/obj-coverage
	all=(kunit iommufd kselftest)
	limit=([kunit]=600 [iommufd]=1500 [kselftest]=1800)
	# The board writes the counts there.
	export TEST_SHARE=$project_dir/$kernel/share
	;;
esac
export TEST_IMAGE=$project_dir/$kernel/Image TEST_RESULTS=$project_dir/$results

# What runs. Each writes KTAP to standard output.
suite_tools()
{
	local test status=0

	for test in base/test/*-test; do
		[ "$test" != base/test/docs-test ] || continue
		"$test" || status=1
	done
	return $status
}

suite_docs()
{
	"$base_dir/test/docs"
}

suite_model()
{
	make --no-print-directory -s -C emulator/model test
}

# What the driver does, in every order that threads, guests and hardware can come in
suite_spin()
{
	"$base_dir/spin/run.py" "$results/spin"
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

	for test in emulator/qemu/test/{grace-vm,board}.sh base/test/bench-board; do
		"$test" || status=1
	done
	return $status
}

# What tells an operator whether a host is ready, on boards that are and that aren't
suite_hostcheck()
{
	base/test/host-check
}

suite_stock()
{
	emulator/qemu/test/stock-driver.sh
}

# A unit that is broken from the start, or breaks for good: a boot each
suite_broken()
{
	"$base_dir/test/broken"
}

suite_kunit()
{
	"$base_dir/test/kunit" "$TEST_IMAGE" "$objects/.config"
}

# Without the unit: the core and its tests need none.
suite_iommufd()
{
	"$base_dir/test/on-board" iommufd --machine cmdqv=off -- list iommufd-list
}

# The programs of the fuzzer that are kept, and some new ones.
suite_fuzz()
{
	"$base_dir/test/on-board" fuzz -- program iommufd_cmdqv_fuzz
}

# Pages of 32 MiB can only be set aside at boot: two for queues of the largest size.
suite_kselftest()
{
	"$base_dir/test/on-board" kselftest --append "hugepagesz=32M hugepages=2" \
		--log "$results/kselftest.report" -- list kselftest-list
}

# Hostile VMs among well-behaved ones, each command judged; make soak has the long run.
# The seed is always the same, what happens is not.
suite_soak()
{
	"$base_dir/test/soak-board" "$results/soak.report" --commands 1000000 --seconds 400 --seed 1
}

# Real guests, in the board's own QEMU: booting one and all that one does ...
suite_guest()
{
	"$base_dir/test/on-board" guest --guests --log "$results/guest.report" -- list guest-list
}

# ... and what may happen to one, to several, and with other VMMs and options. Eight
# pages of 32 MiB are all the memory of a guest.
suite_guests()
{
	local status=0

	"$base_dir/test/on-board" guests --guests --initrd "$build/vmm-trixie.cpio" \
		--append "hugepagesz=32M hugepages=8" --log "$results/guests.report" -- list guests-list || status=1
	"$base_dir/test/guest-hosts" || status=1
	return $status
}

# The host's own end, with VMs on it
suite_restart()
{
	"$base_dir/test/host-restart"
}

suite_install()
{
	"$base_dir/test/install"
}

suite_series()
{
	"$base_dir/test/series"
}

suite_deb()
{
	"$base_dir/test/deb"
}

suite_detectors()
{
	"$base_dir/test/detectors/run"
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
	TEST_TIMEOUT=$((limit[$suite] - 30)) timeout --kill-after=20 "${limit[$suite]}" \
		"$0" ${variant:+"--$variant"} --run "$suite" \
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
