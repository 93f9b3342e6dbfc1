#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# fuzz.sh build TREE OBJ IMAGE FRAGMENT...
#	Builds a kernel that tells a program what it executes (KCOV) of the files in
#	the directories that the fuzzer of iommufd's user ABI is about.
# fuzz.sh run IMAGE OBJ SELFTESTS OUT
#	Runs that fuzzer on it, on the mock driver and, at the same time on another
#	board, on the emulated unit. In OUT then:
#
#	fuzz.tap, *.console	what it and the kernels said
#	share/out/*.found	programs that executed something new
#	share/out/*.corpus.new	a choice of them that executes all the same; smaller
#				ones make the corpus of the selftest
#	share/out/*.last	programs one of which was running, if the board has died
#	share/out/*.broken	a program after which a rule did not hold, and which rule
#	points			of each kernel file, how much was reached
#
# Settings of "run", in the environment: FUZZ_SECONDS (3600 for each of the two), FUZZ_SEED,
# and REPLAY, a file of programs that are run instead, each TIMES times (50), on TARGET.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

case ${1:-} in
build)
	shift
	# The whole directories, and nothing else: the rest of the kernel would only take
	# time. The variable is what Makefiles of the kernel have for it; a line each.
	# shellcheck disable=SC2016 # make's $(), not the shell's
	printf -v KERNEL_MAKE '%s\n%s\n%s' kcov_of_drivers/iommu/iommufd=y \
		kcov_of_drivers/iommu/arm/arm-smmu-v3=y 'KCOV_INSTRUMENT=$(kcov_of_$(obj))'
	export KERNEL_MAKE
	"$base_dir/kernel.sh" build "$@"
	grep -q __sanitizer_cov_trace_pc "$2/drivers/iommu/iommufd/main.o" ||
		die "$3 doesn't say what is executed: is KERNEL_MAKE taken otherwise now?"
	;;
run)
	[ $# = 5 ] || die "usage: $0 run IMAGE OBJ SELFTESTS OUT"
	image=$(realpath "$2") obj=$3 selftests=$4
	mkdir -p "$5/share"
	out=$(realpath "$5")
	seconds=${FUZZ_SECONDS:-3600}
	status=0 boards=()
	rsync -a --delete --exclude out "$selftests/kselftest/iommu/fuzz/" "$out/share/"
	rm -rf "$out/share/out"
	mkdir "$out/share/out"
	# The kernel that it runs on is slow, and the end has its share: scans for leaks.
	export TEST_IMAGE=$image TEST_SHARE=$out/share TEST_RESULTS=$out TEST_DEBUG=1 BOARD_SLOW=10
	export TEST_TIMEOUT=$((seconds + seconds / 4 + 1800))
	if [ -n "${REPLAY:-}" ]; then
		cp "$REPLAY" "$out/share/replay"
		"$base_dir/test/on-board" fuzz -- program iommufd_cmdqv_fuzz --replay /mnt/share/replay \
			--times "${TIMES:-50}" --target "${TARGET:-both}" >"$out/fuzz.tap" || status=1
	else
		say "fuzzing for $seconds s on two boards (what they say: $out/fuzz-{mock,unit}.tap)"
		for target in mock unit; do
			"$base_dir/test/on-board" fuzz-$target -- program iommufd_cmdqv_fuzz \
				--seconds "$seconds" --seed "${FUZZ_SEED:-$RANDOM}" \
				--out /mnt/share/out --target $target >"$out/fuzz-$target.tap" &
			boards[$!]=$target
		done
		for board in "${!boards[@]}"; do
			wait "$board" || status=1
		done
		cat "$out"/fuzz-{mock,unit}.tap >"$out/fuzz.tap"
	fi
	grep -hE '^(not ok|# (mock|unit): [0-9]+ s,|# figure:|# program|# mistake)' "$out/fuzz.tap" |
		awk '/: [0-9]+ s,/ { last[$2] = $0; next } { print } END { for (i in last) print last[i] }' || true
	if ls "$out"/share/out/*.points >/dev/null 2>&1; then
		"$base_dir/fuzz-points.py" --functions "$obj" "$out"/share/out/*.points >"$out/points"
		grep '^# figure:' "$out/points" | tee -a "$out/fuzz.tap"
	fi
	[ $status = 0 ] || {
		say "a rule was broken, or a board has died: $out/fuzz.tap, $out/*.console,"
		die "and its programs in $out/share/out/*.{broken,last}: REPLAY=FILE runs them again"
	}
	;;
*)
	die "usage: $0 build TREE OBJ IMAGE FRAGMENT... | run IMAGE OBJ SELFTESTS OUT"
	;;
esac
