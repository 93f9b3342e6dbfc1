#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# linux-source.sh list              the versions of linux-source-6.12 that apt offers, newest first
# linux-source.sh version [WISH]    the version to use (see base/versions)
# linux-source.sh pristine [WISH]   make sure it is unpacked in the cache; prints "VERSION DIRECTORY"
#
# The unpacked tree is shared by every checkout and never written to: objects
# of the stock kernel are built out of it with O=. Its last component is always
# "linux", as that of build/linux, so that from an object directory beside it
# every source has the same relative name and the compiler cache can tell that
# it is the same file.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

package=linux-source-6.12

offered()
{
	apt-cache madison "$package" 2>/dev/null |
		awk -F'|' '{ gsub(/ /, "", $2); if ($2 ~ /^6\.12\./) print $2 }' |
		sort -Vru
}

# Versions whose unpacked tree is in the cache, newest first.
cached()
{
	local tree

	for tree in "$cache_dir"/base-6.12.*/linux; do
		[ -d "$tree" ] || continue
		tree=${tree%/linux}
		printf '%s\n' "${tree##*/base-}"
	done | sort -Vru
}

list()
{
	local found

	found=$(offered)
	if [ -z "$found" ] && [ "$(id -u)" = 0 ]; then
		say "apt knows no $package yet: running apt-get update"
		apt-get -qq update >&2 || true
		found=$(offered)
	fi
	printf '%s' "${found:+$found
}"
}

choose()
{
	local wish=${1:-${LINUX_VERSION:-$(setting linux)}} found

	if [ -n "$wish" ] && [ "$wish" != newest ]; then
		if [ -d "$cache_dir/base-$wish/linux" ]; then
			printf '%s\n' "$wish"
			return
		fi
		found=$(list)
		if grep -qxF -- "$wish" <<<"$found"; then
			printf '%s\n' "$wish"
			return
		fi
		[ -n "$found" ] && say "notice: $package $wish is not offered by this machine's apt sources; using the newest instead"
	else
		found=$(list)
	fi
	if [ -z "$found" ]; then
		found=$(cached)
		[ -n "$found" ] && say "notice: apt offers no $package; using what the cache has"
	fi
	[ -n "$found" ] ||
		die "no version of the package $package is offered: are Debian 12 or 13 sources configured and 'apt-get update' run?"
	head -n 1 <<<"$found"
}

fetch()
{
	local version=$1 home=$cache_dir/base-$1 work deb

	lock "linux-$version"
	[ ! -d "$home/linux" ] || return 0
	work=$home/unpacking
	rm -rf "$work"
	mkdir -p "$work/deb" "$work/tree"
	say "downloading $package $version (about 150 MB)"
	(cd "$work/deb" && apt-get -q -o APT::Sandbox::User=root download "$package=$version" >&2) ||
		die "apt-get download $package=$version failed"
	deb=$(echo "$work"/deb/*.deb)
	say "unpacking it (about 1.5 GB)"
	dpkg-deb --fsys-tarfile "$deb" |
		tar -xO "./usr/src/$package.tar.xz" |
		tar -xJ --strip-components=1 -C "$work/tree" ||
		die "unpacking $deb failed"
	[ -f "$work/tree/Makefile" ] || die "$deb holds no kernel source tree"
	# Last of all and by rename: where it exists, it is complete.
	mv "$work/tree" "$home/linux"
	rm -rf "$work"
}

case ${1:-} in
list)
	list
	;;
version)
	choose "${2:-}"
	;;
pristine)
	version=$(choose "${2:-}")
	[ -d "$cache_dir/base-$version/linux" ] || (fetch "$version")
	printf '%s %s\n' "$version" "$cache_dir/base-$version/linux"
	;;
*)
	die "usage: $0 list | version [WISH] | pristine [WISH]"
	;;
esac
