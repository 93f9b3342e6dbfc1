#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# guest-test.sh [HOST-KERNEL [GUEST-KERNEL]]: boots the emulated board and on it, with
# Debian's own QEMU, a UEFI guest that owns its command queues and has a disk. What is
# tested, tools/testing/selftests/iommu/guest/guest_boot.c says. Kernels that are "" are
# this project's: any arm64 kernel will do that has what the directory's file "config"
# lists, and 9p over virtio, built in.
#
# What the host's kernel said is left in build/test/guest.console, the model's log of
# what its hardware did in build/test/guest.report.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

export TEST_IMAGE=${1:-$project_dir/build/Image} TEST_GUEST=${2:-$project_dir/build/guest/Image}
export TEST_RESULTS=$project_dir/build/test TEST_TIMEOUT=240
status=0
mkdir -p "$TEST_RESULTS"
"$base_dir/test/on-board" guest --guests --log "$TEST_RESULTS/guest.report" -- list guest-list |
	tee "$TEST_RESULTS/guest.tap" || status=$?
if [ "$status" != 0 ]; then
	die "the test has failed; the host's messages: $TEST_RESULTS/guest.console"
fi
# Whoever asks for a guest wants one.
! grep -q '^ok 1 .*# SKIP ' "$TEST_RESULTS/guest.tap" || die "no guest was run"
