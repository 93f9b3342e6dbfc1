#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# rootfs.sh TREE CPIO: the board's root file system, as a directory tree and as
# the same tree in a gzip-compressed cpio for use as initramfs. It holds a static
# busybox of Debian's and rootfs/init, which says how commands get in and their
# output and status out. Nothing in it is run on this machine.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

[ $# = 2 ] || die "usage: $0 TREE CPIO"
tree=$1 cpio=$2

# Fetched once per machine; "clean" leaves it.
busybox=$cache_dir/rootfs/busybox
if [ ! -x "$busybox" ]; then
	work=$(mktemp -d "$cache_dir/rootfs.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	say "fetching busybox-static for arm64"
	"$base_dir/apt.sh" unpack busybox-static:arm64 trixie "$work"
	found=$(find "$work" -type f -path "*/bin/busybox")
	[ -n "$found" ] || die "the package busybox-static holds no busybox"
	mkdir -p "$(dirname "$busybox")"
	mv "$found" "$busybox"
fi

# What goes in; the archive is made again only if any of it changed.
key=$(cat "$0" "$base_dir/rootfs/init" "$busybox" | sha256sum)
if [ -f "$cpio" ] && [ -d "$tree" ] && [ "$key" = "$(cat "$cpio.key" 2>/dev/null)" ]; then
	exit 0
fi

rm -rf "$tree"
mkdir -p "$tree"/{bin,dev,etc,mnt/run,mnt/share,proc,root,run,sbin,sys,tmp,usr/bin,usr/sbin}
install -m 755 "$busybox" "$tree/bin/busybox"
ln -s busybox "$tree/bin/sh"
install -m 755 "$base_dir/rootfs/init" "$tree/init"
printf 'root:x:0:0:root:/root:/bin/sh\n' >"$tree/etc/passwd"
printf 'root:x:0:\ntty:x:5:\n' >"$tree/etc/group"
printf 'grace\n' >"$tree/etc/hostname"
# Owned by root and without times, whoever makes it and when.
(cd "$tree" && find . -mindepth 1 | sort |
	cpio --quiet -o -H newc -R 0:0 --reproducible) | gzip -9n >"$cpio.new"
mv "$cpio.new" "$cpio"
printf '%s\n' "$key" >"$cpio.key"
say "$cpio: $(($(stat -c %s "$cpio") / 1024)) KiB"
