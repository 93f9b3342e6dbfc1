#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kernel.sh build TREE OBJ IMAGE FRAGMENT...
#	Builds the arm64 kernel of the source tree TREE out of tree in OBJ, configured
#	as allnoconfig + FRAGMENTs, and copies the result to IMAGE.
# kernel.sh configure TREE OBJ FRAGMENT...
#	Only its configuration, for the checks.
# kernel.sh stock IMAGE [VERSION [FRAGMENT...]]
#	The same configuration, or that of other FRAGMENTs, for Debian's unmodified
#	source, no hooks and no files of ours: kept in the cache by version and
#	configuration, built if need be.
#
# KERNEL_MAKE: more arguments for the kernel's make, a line each.
#
# The C compiler's results are cached (ccache, see lib.sh).

set -euo pipefail
. "$(dirname "$0")/lib.sh"

cross=aarch64-linux-gnu-
jobs=${JOBS:-$(nproc)}
more=()
[ -z "${KERNEL_MAKE:-}" ] || mapfile -t more <<<"$KERNEL_MAKE"

# Neither the clock, the user nor the machine go into the result.
export KBUILD_BUILD_TIMESTAMP='2026-01-01 00:00:00 UTC'
export KBUILD_BUILD_USER=grace-cmdqv KBUILD_BUILD_HOST=bench KBUILD_BUILD_VERSION=1

kmake()
{
	local tree=$1 obj=$2

	shift 2
	make -C "$tree" O="$obj" ARCH=arm64 CROSS_COMPILE="$cross" \
		CC="ccache ${cross}gcc" -j"$jobs" "${more[@]}" "$@"
}

# Options that the fragments ask for and the .config $1 has not got. $2...: fragments;
# of several that name an option the last one counts, as for kconfig.
not_as_asked()
{
	local config=$1 option value have

	shift
	cat "$@" | sed -n 's/^\(CONFIG_[A-Za-z0-9_]*\)=\(.*\)$/\1 \2/p' |
	awk '{ name = $1; sub(/^[^ ]* /, ""); value[name] = $0 }
		END { for (name in value) print name, value[name] }' |
	while read -r option value; do
		have=$(sed -n "s/^$option=//p" "$config")
		[ "${have:-n}" = "$value" ] || printf '%s=%s (is %s)\n' "$option" "$value" "${have:-n}"
	done
}

# configure TREE OBJ STRICT FRAGMENT...: make OBJ/.config what the fragments say.
# STRICT=0: options that this tree doesn't have are left out.
configure()
{
	local tree=$1 obj=$2 strict=$3 missing

	shift 3
	mkdir -p "$obj"
	cat "$@" >"$obj/.fragments.new"
	# kconfig itself notes changes of Kconfig files (a syncconfig at the next
	# make); the merge is repeated only if what we ask for changed.
	if ! cmp -s "$obj/.fragments.new" "$obj/.fragments" || [ ! -f "$obj/.config" ] ||
			[ -n "$(find "$tree/drivers/iommu" -name Kconfig -newer "$obj/.fragments" -print -quit)" ]; then
		KCONFIG_ALLCONFIG=$obj/.fragments.new kmake "$tree" "$obj" allnoconfig >"$obj.log" 2>&1 ||
			failed "$obj.log" "configuring the kernel in $tree"
		missing=$(not_as_asked "$obj/.config" "$@")
		if [ -n "$missing" ] && [ "$strict" = 1 ]; then
			rm -f "$obj/.fragments"
			printf '%s\n' "$missing" >&2
			die "these options of base/config can't be had as asked"
		fi
		mv "$obj/.fragments.new" "$obj/.fragments"
	else
		rm -f "$obj/.fragments.new"
	fi
}

# build TREE OBJ NAME: the Image, with progress.
compile()
{
	local tree=$1 obj=$2 name=$3

	progress "$name" "$obj.log" '^  \(CC\|AS\|LD\|AR\|HOSTCC\) ' \
		kmake "$tree" "$obj" Image
}

case ${1:-} in
build)
	[ $# -ge 5 ] || die "usage: $0 build TREE OBJ IMAGE FRAGMENT..."
	tree=$2 obj=$3 image=$4
	shift 4
	[ -f "$tree/Makefile" ] || die "$tree is no kernel source tree"
	mkdir -p "$obj"
	obj=$(cd "$obj" && pwd -P)
	configure "$tree" "$obj" 1 "$@"
	compile "$tree" "$obj" "building the kernel"
	mkdir -p "$(dirname "$image")"
	cmp -s "$obj/arch/arm64/boot/Image" "$image" || { cp "$obj/arch/arm64/boot/Image" "$image.new" && mv "$image.new" "$image"; }
	;;
configure)
	[ $# -ge 4 ] || die "usage: $0 configure TREE OBJ FRAGMENT..."
	tree=$2 obj=$3
	shift 3
	configure "$tree" "$obj" 1 "$@"
	;;
stock)
	[ $# -ge 2 ] || die "usage: $0 stock IMAGE [VERSION [FRAGMENT...]]"
	image=$2
	info=$("$base_dir/linux-source.sh" pristine "${3:-}")
	version=${info%% *}
	tree=${info#* }
	fragments=("${@:4}")
	[ $# -gt 3 ] || fragments=("$base_dir/config/bench.config" "$base_dir/config/kunit.config")
	key=$({ cat "${fragments[@]}"; "${cross}gcc" --version; } | sha256sum | cut -c 1-16)
	kept=$cache_dir/stock/$version-$key/Image
	if [ ! -f "$kept" ]; then
		(
			lock "stock-$version"
			[ ! -f "$kept" ] || exit 0
			obj=${tree%/linux}/obj-stock
			rm -rf "$obj"
			configure "$tree" "$obj" 1 "${fragments[@]}"
			compile "$tree" "$obj" "building the stock kernel $version"
			mkdir -p "$(dirname "$kept")"
			cp "$obj/.config" "$(dirname "$kept")/config"
			cp "$obj/arch/arm64/boot/Image" "$kept.new"
			mv "$kept.new" "$kept"
			rm -rf "$obj"
		)
	fi
	mkdir -p "$(dirname "$image")"
	cmp -s "$kept" "$image" || cp "$kept" "$image"
	say "stock kernel $version: $image"
	;;
*)
	die "usage: $0 build TREE OBJ IMAGE FRAGMENT... | stock IMAGE [VERSION [FRAGMENT...]]"
	;;
esac
