#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# soak.sh OUT IMAGE SELFTESTS: hostile VMs among well-behaved ones on the emulated board
# with the kernel IMAGE, for as long as it takes until COMMANDS of their commands have
# reached the SMMU, each judged by the emulator's oracle. Prints what happens and a table
# of figures. Leaves in OUT: soak.tap, soak.console, soak.report (the unit's own account).
#
# Of the environment:
#
# COMMANDS	100000000
# SEED		of all random decisions; the time of day
# HOURS		give up after so many (6)
#
# A board that has too little of its machine's time is too slow for the kernel's own
# time-outs: nothing else should run.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

[ $# = 3 ] || die "usage: $0 OUT IMAGE SELFTESTS"
mkdir -p "$1"
out=$(cd "$1" && pwd -P) image=$2 selftests=$3
commands=${COMMANDS:-100000000} seed=${SEED:-} seconds=$((${HOURS:-6} * 3600))
[ -x "$selftests/iommufd_cmdqv_soak" ] || die "no program: $selftests/iommufd_cmdqv_soak"
[ -f "$image" ] || die "no kernel: $image"

status=0
TEST_IMAGE=$image TEST_SHARE=$selftests TEST_RESULTS=$out TEST_TIMEOUT=$((seconds + 600)) \
	"$base_dir/test/soak-board" "$out/soak.report" --commands "$commands" --seconds "$seconds" \
	${seed:+--seed "$seed"} | tee "$out/soak.tap" || status=$?

echo
awk '/^# figure: / { value = $4; $1 = $2 = $3 = $4 = ""; sub(/^ +/, ""); printf "%12s  %s\n", value, $0 }' "$out/soak.tap"
echo
if [ "$status" = 0 ]; then
	say "passed; details in $out"
else
	say "failed; details in $out"
fi
exit "$status"
