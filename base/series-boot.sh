#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# series-boot.sh VERSION [OBJ]
#	The whole way of somebody who packages a kernel: the series for that 6.12.y,
#	git am on its clean source tree, the kernel built from that with the board's
#	configuration, the board booted with it, and tests of guest-owned queues in it,
#	which are build/selftests. KTAP of the tests on standard output.
#
# The tree is kept in git, in build/series-check/VERSION, and takes 4 GB with its
# objects (OBJ) until this ends; then only the Image stays.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

[ $# -ge 1 ] || die "usage: $0 VERSION [OBJ]"
version=$1
home=$project_dir/build/series-check/$version
obj=${2:-$home/obj}
mkdir -p "$home"
trap 'rm -rf "$home/linux" "$home/obj"' EXIT

info=$("$base_dir/linux-source.sh" pristine "$version")
[ "${info%% *}" = "$version" ] || die "apt does not offer linux-source-6.12 $version"
"$base_dir/series.sh" generate "$home/series" "$version"
say "git am on a clean $version"
"$base_dir/series.sh" am "$home/series" "${info#* }" "$home/linux"
# Not seen by scripts/setlocalversion.
rm -rf "$home/linux/.git"
"$base_dir/kernel.sh" build "$home/linux" "$obj" "$home/Image" \
	"$base_dir"/config/{bench,project,selftest}.config

export TEST_IMAGE=$home/Image TEST_RESULTS=$home
"$base_dir/test/on-board" boot -- program iommufd_cmdqv
