#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# selftests.sh TREE OUT: builds the project's selftests and the demo as static
# arm64 programs in OUT, against the user headers of this repository.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

[ $# = 2 ] || die "usage: $0 TREE OUT"
mkdir -p "$2"
out=$(cd "$2" && pwd -P)
tests=$project_dir/tools/testing/selftests/iommu
[ -f "$tests/Makefile" ] || die "there is no $tests/Makefile"
export CCACHE_DIR=${CCACHE_DIR:-$cache_dir/ccache} CCACHE_BASEDIR=/ CCACHE_NOHASHDIR=1
progress "building the selftests" "$out.log" . \
	make -C "$tests" OUTPUT="$out" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- \
		CC="ccache aarch64-linux-gnu-gcc"
