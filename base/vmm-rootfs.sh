#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vmm-rootfs.sh CPIO [trixie]: the VMM for the board, Debian's own QEMU for arm64 with
# its libraries and the UEFI firmware for its guests, as an uncompressed archive that
# "grace-vm --initrd" puts over the root file system. So it runs on any host kernel,
# one without 9p, too.
#
# By default QEMU is that of trixie-backports, which knows guest-owned command queues:
#	/usr/bin/qemu-system-aarch64
#	/usr/share/qemu-efi-aarch64/QEMU_EFI.fd
# With "trixie" it is the older one of the release itself, which does not:
#	/opt/qemu-trixie/bin/qemu-system-aarch64
#	/opt/qemu-trixie/share/qemu-efi-aarch64/QEMU_EFI.fd
# Both go together. /usr/share/qemu-efi-aarch64/packages (under /opt as above) names
# the packages and their versions.
#
# Nothing in it is run on this machine. It is made once per machine, again if apt has
# a newer QEMU or if this script has changed.

set -euo pipefail
shopt -s inherit_errexit
. "$(dirname "$0")/lib.sh"

[ $# = 1 ] || [ $# = 2 ] || die "usage: $0 CPIO [trixie]"
cpio=$1
suite=${2:-trixie-backports}
case $suite in
trixie-backports)	prefix=usr ;;
trixie)			prefix=opt/qemu-trixie ;;
*)			die "no QEMU of '$suite' is of use here" ;;
esac

key=$(sha256sum <"$0" | cut -c 1-16)
kept=$cache_dir/vmm/$suite
have=$(cat "$kept.key" 2>/dev/null || true)
# Once a day is often enough to ask apt.
if [ "${have#* }" = "$key" ] && [ -n "$(find "$kept.key" -mmin -1440)" ]; then
	version=${have% *}
else
	version=$("$base_dir/apt.sh" version qemu-system-arm:arm64 "$suite")
	[ -n "$version" ] || die "$suite has no package qemu-system-arm"
	[ "$have" != "$version $key" ] || touch "$kept.key"
fi
if ! sed -n 's/^tested-vmm[[:space:]]*=//p' "$base_dir/versions" | tr ' ' '\n' | grep -qxF -- "$version"; then
	say "notice: QEMU $version was not tested with this project yet (base/versions)"
fi
if [ -f "$cpio" ] && [ "$have" = "$version $key" ] && [ "$have" = "$(cat "$cpio.key" 2>/dev/null)" ]; then
	exit 0
fi

libraries=usr/lib/aarch64-linux-gnu

# Files, relative to $1, that the program $2 needs to be started: itself, its dynamic
# linker, and all libraries that the linker will look for.
needed()
{
	local root=$1 name file
	local -A seen=()
	local -a todo=("$2")

	while [ ${#todo[@]} -gt 0 ]; do
		file=${todo[-1]}
		unset 'todo[-1]'
		[ -z "${seen[$file]:-}" ] || continue
		seen[$file]=1
		printf '%s\n' "$file"
		for name in $(readelf -d -l "$root/$file" |
				sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p; s/.*program interpreter: .*\/\([^/]*\)\]/\1/p'); do
			[ -e "$root/$libraries/$name" ] || die "$suite has no library $name, which $file needs"
			todo+=("$libraries/$name")
		done
	done
}

make_archive()
{
	local work=$1 file
	local from=$work/packages tree=$work/tree

	progress "fetching QEMU $version for arm64 with its libraries" "$work/list" . \
		"$base_dir/apt.sh" closure "qemu/$suite" "$from" qemu-system-arm qemu-efi-aarch64 ipxe-qemu
	mkdir -p "$tree/$libraries" "$tree/$prefix"/{bin,share/qemu,share/qemu-efi-aarch64}
	needed "$from" usr/bin/qemu-system-aarch64 >"$work/files"
	while IFS= read -r file; do
		# Libraries by the name that they are looked for, without their links.
		case $file in
		usr/bin/*)	install -m 755 "$from/$file" "$tree/$prefix/bin/" ;;
		*)		install -m 755 "$(readlink -f "$from/$file")" "$tree/$file" ;;
		esac
	done <"$work/files"
	# The one path in the program itself. Not as a link /lib, which may be a directory.
	mkdir -p "$tree/lib"
	ln -s "/$libraries/ld-linux-aarch64.so.1" "$tree/lib/"
	cp -L "$from/usr/share/qemu-efi-aarch64/QEMU_EFI.fd" "$tree/$prefix/share/qemu-efi-aarch64/"
	# What a VirtIO network card wants; other devices have no ROM of their own.
	cp -L "$from/usr/share/qemu/efi-virtio.rom" "$tree/$prefix/share/qemu/"
	sort "$work/list" >"$tree/$prefix/share/qemu-efi-aarch64/packages"
	# Owned by root and without times, whoever makes it and when.
	(cd "$tree" && find . -mindepth 1 -exec touch -h -d @0 {} + && find . -mindepth 1 | sort |
		cpio --quiet -o -H newc -R 0:0 --reproducible) >"$work/cpio"
}

(
	lock "vmm-$suite"
	[ "$version $key" != "$(cat "$kept.key" 2>/dev/null)" ] || exit 0
	work=$(mktemp -d "$cache_dir/vmm.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	make_archive "$work"
	mkdir -p "$(dirname "$kept")"
	rm -f "$kept.key"
	mv "$work/cpio" "$kept.cpio"
	printf '%s\n' "$version $key" >"$kept.key"
)
mkdir -p "$(dirname "$cpio")"
cp --reflink=auto "$kept.cpio" "$cpio.new"
mv "$cpio.new" "$cpio"
printf '%s\n' "$version $key" >"$cpio.key"
say "$cpio: QEMU $version, $(($(stat -c %s "$cpio") / 1048576)) MiB"
