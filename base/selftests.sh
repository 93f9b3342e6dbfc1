#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# selftests.sh TREE OBJ OUT: builds the selftests of I/O page tables and the demo of
# the kernel source tree TREE as static arm64 programs, against the user headers that
# TREE installs (in OBJ/usr), and installs them the way of all kselftests:
#
# OUT/kselftest		what "make -C tools/testing/selftests install" makes of these
#			directories, with run_kselftest.sh
# OUT/PROGRAM		each program once more, for those who run just one
# OUT/iommufd-list	names of the tests that need no more than the mock driver
# OUT/kselftest-list	names of those that need a CMDQV
# OUT/guest-list	the one of a real guest that is its own suite
# OUT/guests-list	names of the other ones with real guests

set -euo pipefail
. "$(dirname "$0")/lib.sh"

[ $# = 3 ] || die "usage: $0 TREE OBJ OUT"
tree=$(cd "$1" && pwd -P)
mkdir -p "$2" "$3"
obj=$(cd "$2" && pwd -P)
out=$(cd "$3" && pwd -P)
targets=(iommu iommu/cmdqv iommu/bench iommu/fuzz iommu/soak iommu/guest)
jobs=${JOBS:-$(nproc)}

progress "installing the kernel's user headers" "$out.headers.log" . \
	make -C "$tree" O="$obj" ARCH=arm64 headers

# kselftest knows nothing of the headers that it uses: what was built with others goes.
headers=$(cat "$obj"/usr/include/linux/{iommufd,vfio}.h | sha256sum)
if [ "$headers" != "$(cat "$out/.headers" 2>/dev/null)" ]; then
	for target in "${targets[@]}"; do
		rm -rf "$obj/kselftest/$target"
	done
	printf '%s\n' "$headers" >"$out/.headers"
fi

# A program that is not in the tree any more should not be found here either.
rm -rf "$out/kselftest"
kselftest()
{
	make -C "$tree/tools/testing/selftests" O="$obj" TARGETS="${targets[*]}" FORCE_TARGETS=1 \
		INSTALL_PATH="$out/kselftest" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- \
		USERLDFLAGS=-static -j"$jobs" "$@"
}
progress "building the selftests" "$out.log" '^  CC' kselftest install

# names TARGET: its tests, as installed
names()
{
	sed -n "s,^$1:,,p" "$out/kselftest/kselftest-list.txt"
}

find "$out" -maxdepth 1 -type f -executable ! -name guest-Image -delete
# One at a time: a program that two tests use is in both directories.
find "$out/kselftest/iommu" -type f -executable -exec ln -f -t "$out" {} \;
names iommu >"$out/iommufd-list"
{ names iommu/cmdqv && names iommu/bench; } >"$out/kselftest-list"
names iommu/guest | grep -x guest_boot >"$out/guest-list"
names iommu/guest | grep -vx guest_boot >"$out/guests-list" || true
for target in "${targets[@]}"; do
	[ -n "$(names "$target")" ] || die "$target names no test to run"
	# make is content with a target that has prerequisites, no recipe and no file.
	while IFS= read -r name; do
		[ -x "$out/$name" ] || die "the selftest $target/$name was not built: is $name.c missing?"
	done < <(names "$target")
done
