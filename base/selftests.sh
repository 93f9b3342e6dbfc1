#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# selftests.sh TREE OBJ OUT: builds the selftests and the demo of the kernel source
# tree TREE as static arm64 programs in OUT, against the user headers that TREE
# installs (in OBJ/usr). OUT/kselftest-list names those that are tests.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

[ $# = 3 ] || die "usage: $0 TREE OBJ OUT"
tree=$(cd "$1" && pwd -P)
mkdir -p "$2" "$3"
obj=$(cd "$2" && pwd -P)
out=$(cd "$3" && pwd -P)
tests=$tree/tools/testing/selftests/iommu/cmdqv
[ -f "$tests/Makefile" ] || die "there is no $tests/Makefile"

progress "installing the kernel's user headers" "$out.headers.log" . \
	make -C "$tree" O="$obj" ARCH=arm64 headers
selftests()
{
	make -C "$tests" --no-print-directory OUTPUT="$out" ARCH=arm64 \
		CROSS_COMPILE=aarch64-linux-gnu- CC="ccache aarch64-linux-gnu-gcc" \
		KHDR_INCLUDES="-isystem $obj/usr/include" "$@"
}
progress "building the selftests" "$out.log" . selftests all
selftests -s emit_tests 2>/dev/null | sed -n 's/^[^ :]*:\([^ ]*\)$/\1/p' >"$out/kselftest-list"
[ -s "$out/kselftest-list" ] || die "the selftests name no test to run"
# make is content with a target that has prerequisites, no recipe and no file.
while IFS= read -r name; do
	[ -x "$out/$name" ] || die "the selftest $name was not built: is $tests/$name.c missing?"
done <"$out/kselftest-list"
