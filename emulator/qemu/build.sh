#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# build.sh [OUT]
#
# Builds OUT (build/qemu-system-aarch64): Debian's QEMU 10.0.y with the hooks of
# this directory, the board in grace/ and the CMDQV model in emulator/model.
#
# The source is a copy in build/qemu/src; the board and the model are linked into
# it, so an edit to them rebuilds what it touches. QEMU is configured again only
# if its version, a hook, the device list or an option below changes. Compiled
# objects of the stock parts are found again in the compiler cache, whatever
# checkout they were compiled in.

set -euo pipefail
shopt -s inherit_errexit
. "$(dirname "$0")/../../base/lib.sh"

# The hooks are written for this series of QEMU.
series=10.0
here=$project_dir/emulator/qemu
model=$project_dir/emulator/model
top=$project_dir/build/qemu
src=$top/src
obj=$top/obj
log=$top/build.log
tools=$cache_dir/meson
jobs=${JOBS:-$(nproc)}

# Without debug information objects don't depend on where the checkout lies.
options=(
	--target-list=aarch64-softmmu --with-devices-aarch64=grace
	--without-default-features --without-default-devices
	--enable-system --enable-tcg --enable-fdt=system --enable-virtfs
	--enable-attr --enable-slirp --enable-plugins --audio-drv-list=
	--disable-docs --disable-install-blobs --disable-tools
	--disable-guest-agent --disable-werror --disable-debug-info
	--disable-download --python=/usr/bin/python3
)

# A python3 of the user's own (pyenv and the like) lacks what Debian packages.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
export CCACHE_DIR=${CCACHE_DIR:-$cache_dir/ccache}
export CCACHE_BASEDIR=$top CCACHE_NOHASHDIR=1 CCACHE_COMPILERCHECK=content
export CCACHE_SLOPPINESS=include_file_ctime,include_file_mtime
export CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-2G}
unset CC CFLAGS LDFLAGS MAKEFLAGS

# The newest source package of the series, unpacked in the cache without the
# firmware sources; prints "VERSION DIRECTORY". Needs the network once only.
pristine()
{
	local known=$cache_dir/qemu-$series.current version dsc work

	(
		lock "qemu-$series"
		version=$(cat "$known" 2>/dev/null || true)
		if [ -z "$version" ] || [ ! -d "$cache_dir/qemu-$version/qemu" ]; then
			work=$cache_dir/qemu-unpacking
			rm -rf "$work"
			mkdir -p "$work/qemu"
			say "downloading the source package qemu $series (about 40 MB)"
			dsc=$("$base_dir/apt.sh" source qemu "1:$series." "$work")
			version=${dsc##*/qemu_}
			version=${version%.dsc}
			say "unpacking qemu $version"
			tar -xJf "$work"/qemu_*.orig.tar.xz -C "$work/qemu" \
				--strip-components=1 --exclude='*/roms' ||
				die "unpacking the source of qemu $version failed"
			[ -f "$work/qemu/hw/arm/virt.c" ] ||
				die "the source package qemu $version holds no QEMU"
			rm -rf "$cache_dir/qemu-$version"
			mkdir "$cache_dir/qemu-$version"
			# Last of all and by rename: where it exists, it is complete.
			mv "$work/qemu" "$cache_dir/qemu-$version/qemu"
			rm -rf "$work"
			printf '%s\n' "$version" >"$known"
		fi
		printf '%s %s\n' "$version" "$cache_dir/qemu-$version/qemu"
	)
}

# QEMU wants a newer meson than Debian 12 has; it is not installed but unpacked
# where only this build sees it.
meson_tools()
{
	local version

	version=$(dpkg-query -W -f '${Version}' meson 2>/dev/null || true)
	if dpkg --compare-versions "${version:-0}" ge 1.5.0 &&
			dpkg-query -W python3-pycotap >/dev/null 2>&1; then
		return
	fi
	(
		lock meson
		[ ! -d "$tools" ] || exit 0
		say "fetching meson and python3-pycotap from bookworm-backports"
		rm -rf "$tools.new"
		"$base_dir/apt.sh" unpack meson bookworm-backports "$tools.new"
		"$base_dir/apt.sh" unpack python3-pycotap bookworm-backports "$tools.new"
		mv "$tools.new" "$tools"
	)
	export PYTHONPATH=$tools/usr/lib/python3/dist-packages
}

hooks()
{
	sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$here/hooks/series"
}

apply_hooks()
{
	local hook out

	while read -r hook; do
		[ -f "$here/hooks/$hook" ] || die "hooks/series names $hook, which isn't there"
		if ! out=$(patch -d "$src" -p1 -F0 --no-backup-if-mismatch <"$here/hooks/$hook" 2>&1); then
			say "hook $hook does not apply to qemu $1:"
			printf '%s\n' "$out" | sed 's/^/    /' >&2
			exit 1
		fi
	done < <(hooks)
}

# Start over with a fresh copy of the source.
configure()
{
	local version=$1 pristine=$2

	rm -rf "$src" "$obj" "$top/configured"
	mkdir -p "$src" "$obj"
	cp -a --no-preserve=ownership "$pristine/." "$src/"
	apply_hooks "$version"
	ln -s "$here/devices.mak" "$src/configs/devices/aarch64-softmmu/grace.mak"
	link_own
	# shellcheck disable=SC2016 # expanded by the inner shell
	progress "configuring qemu $version" "$top/configure.log" . \
		env CC="ccache gcc" sh -c 'cd "$1" && shift && exec ../src/configure "$@"' \
		sh "$obj" "${options[@]}"
	printf '%s\n' "$key" >"$top/configured"
}

# Link the board's files and the model into the source tree. Meson looks again
# if the list of the model's sources changes.
link_own()
{
	local dir=$src/hw/grace file

	mkdir -p "$dir"
	for file in "$here"/grace/*; do
		ln -sfn "$file" "$dir/"
	done
	ln -sfn "$model" "$dir/model"
	(cd "$model" && printf '%s\n' *.c) >"$dir/model.txt.new"
	if cmp -s "$dir/model.txt.new" "$dir/model.txt"; then
		rm "$dir/model.txt.new"
	else
		mv "$dir/model.txt.new" "$dir/model.txt"
	fi
}

out=${1:-$project_dir/build/qemu-system-aarch64}
mkdir -p "$top" "$(dirname "$out")"
exec 9>"$top/.lock"
if ! flock -n 9; then
	say "waiting for another build in $top"
	flock 9
fi

"$base_dir/apt.sh" install emulator
found=$(pristine)
version=${found%% *}
meson_tools
# The place counts too: the object directory of a checkout that was moved is stale.
key=$({
	printf '%s\n' "$version" "$top" "${options[@]}"
	cat "$here/devices.mak" "$here/hooks/series"
	hooks | sed "s|^|$here/hooks/|" | xargs -d '\n' cat
} | sha256sum)
if [ "$key" != "$(cat "$top/configured" 2>/dev/null)" ]; then
	configure "$version" "${found#* }"
fi
link_own
progress "building qemu $version" "$log" '^\[' \
	ninja -C "$obj" -j "$jobs" qemu-system-aarch64
if [ ! -e "$out" ] || [ "$obj/qemu-system-aarch64" -nt "$out" ]; then
	# By rename: a running emulator keeps its own.
	strip -o "$out.new" "$obj/qemu-system-aarch64"
	mv "$out.new" "$out"
fi
