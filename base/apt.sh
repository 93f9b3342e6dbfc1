#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Everything that is fetched by package name goes through here.
#
# apt.sh install GROUP...
#	Install the packages of these groups of base/packages that are missing. Only
#	from the machine's own sources; needs root if anything is missing.
# apt.sh source PACKAGE PREFIX DEST
#	Fetch the newest source package PACKAGE whose version starts with PREFIX into
#	the directory DEST (not unpacked); prints the path of its .dsc.
# apt.sh version PACKAGE[:ARCH] SUITE
#	Print the version that SUITE has.
# apt.sh download PACKAGE[:ARCH] SUITE DEST
#	Fetch a binary package into the directory DEST; prints the path of the .deb.
# apt.sh unpack PACKAGE[:ARCH] SUITE DEST
#	Fetch and unpack a binary package under DEST; the .deb is not kept.
# apt.sh closure SOURCE/SUITE DEST PACKAGE...
#	Fetch and unpack under DEST binary packages for arm64 with all that they depend
#	on, as for a machine that has nothing yet. All from the board's release, but the
#	packages of the source package SOURCE from SUITE. Prints what was unpacked, a line
#	"PACKAGE VERSION" each.
# apt.sh root DEST PACKAGE...
#	The same for a root file system of the board's release whose own dpkg and apt can
#	go on with it: all that dpkg calls essential comes along, and its database says
#	that it is installed. No maintainer script was run.
# apt.sh sources-list
#	Print the sources of the private apt directory.
#
# Other suites and other architectures than the machine's own are looked up with
# a private apt directory in the cache: the machine's sources, its foreign
# architectures and its installed packages stay as they are. The mirror is the one
# the machine itself uses; which one that is apt says.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

# The release that the board's own software comes from, on every machine.
board_suite=trixie
apt_dir=$cache_dir/apt
# Lists older than this are fetched again before a package is looked up.
max_age_min=$((24 * 60))

codename()
{
	(. /etc/os-release && printf '%s\n' "${VERSION_CODENAME:-}")
}

# ---- packages of the machine

packages_of()
{
	local group codename

	codename=$(codename)
	for group in "$@"; do
		grep -q "^${group}[:[]" "$base_dir/packages" || die "base/packages has no group '$group'"
		sed -n "s/^$group\(\[$codename\]\)\?:[[:space:]]*//p" "$base_dir/packages"
	done | tr -s ' ' '\n' | sort -u
}

missing_packages()
{
	local package state

	for package in $(packages_of "$@"); do
		state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
		[ "$state" = installed ] || printf '%s\n' "$package"
	done
}

install_packages()
{
	local missing log=$cache_dir/log/install.log

	missing=$(missing_packages "$@")
	[ -n "$missing" ] || return 0
	missing=$(tr "\n" " " <<<"$missing")
	if [ "$(id -u)" != 0 ]; then
		die "these packages are missing; install them as root and start again:
    apt-get install --no-install-recommends $missing"
	fi
	(
		lock install
		mkdir -p "$(dirname "$log")"
		export DEBIAN_FRONTEND=noninteractive
		: >"$log"
		# shellcheck disable=SC2086 # a list of words
		if ! apt-get install -y --no-install-recommends --simulate $missing >>"$log" 2>&1; then
			progress "updating apt's lists" "$log" . apt-get -q update
		fi
		say "installing $missing"
		# shellcheck disable=SC2086
		progress "installing $(wc -w <<<"$missing") packages" "$log" '^Unpacking ' \
			apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing
	)
}

# ---- the private apt directory

# mirror LABEL: the URI of the machine's sources of this label, "Debian" or
# "Debian-Security".
mirror()
{
	# shellcheck disable=SC2016 # these are for apt
	apt-get indextargets --format '$(REPO_URI) $(LABEL) $(COMPONENT) $(RELEASE)' 'Created-By: Packages' |
		awk -v label="$1" '$2 == label && $3 == "main" { print $1; exit }'
}

sources_list()
{
	local uri security keyring machine

	uri=$(mirror Debian)
	if [ -z "$uri" ] && [ "$(id -u)" = 0 ]; then
		apt-get -qq update >&2 || true
		uri=$(mirror Debian)
	fi
	[ -n "$uri" ] || die "apt has no lists of a Debian mirror: is one in the machine's sources, and 'apt-get update' run?"
	for keyring in /usr/share/keyrings/debian-archive-keyring.{pgp,gpg}; do
		[ ! -e "$keyring" ] || break
	done
	[ -e "$keyring" ] || die "the package debian-archive-keyring is missing"
	machine=$(dpkg --print-architecture)
	printf 'deb-src [signed-by=%s] %s %s main\n' "$keyring" "$uri" "$board_suite"
	printf 'deb [signed-by=%s arch=arm64] %s %s main\n' "$keyring" "$uri" "$board_suite"
	printf 'deb [signed-by=%s arch=arm64] %s %s-backports main\n' "$keyring" "$uri" "$board_suite"
	# New kernels come from there first, and so does what belongs to them.
	security=$(mirror Debian-Security)
	if [ -n "$security" ]; then
		printf 'deb [signed-by=%s arch=arm64] %s %s-security main\n' "$keyring" "$security" "$board_suite"
	fi
	if [ "$(codename)" = bookworm ]; then
		printf 'deb [signed-by=%s arch=%s] %s bookworm-backports main\n' "$keyring" "$machine" "$uri"
	fi
}

private()
{
	local tool=$1

	shift
	"$tool" -o Dir::Etc::SourceList="$apt_dir/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State="$apt_dir/state" -o Dir::State::Status="$apt_dir/state/status" \
		-o Dir::State::Lists="$apt_dir/lists" -o Dir::Cache="$apt_dir/cache" \
		-o APT::Architectures::="$(dpkg --print-architecture)" -o APT::Architectures::=arm64 \
		-o APT::Sandbox::User=root -o APT::Get::List-Cleanup=true \
		-o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

private_update()
{
	local list

	list=$(sources_list)
	mkdir -p "$apt_dir/state" "$apt_dir/lists/partial" "$apt_dir/cache/archives/partial"
	[ -e "$apt_dir/state/status" ] || : >"$apt_dir/state/status"
	if [ -n "$(find "$apt_dir/updated" -mmin "-$max_age_min" 2>/dev/null)" ] &&
			[ "$list" = "$(cat "$apt_dir/sources.list" 2>/dev/null)" ]; then
		return 0
	fi
	printf '%s\n' "$list" >"$apt_dir/sources.list"
	say "looking up packages of $board_suite (private apt directory in the cache)"
	if ! private apt-get -q update >"$apt_dir/update.log" 2>&1; then
		# Offline with older lists: they may do.
		[ -e "$apt_dir/updated" ] || failed "$apt_dir/update.log" "fetching package lists"
		say "notice: could not refresh the package lists, using those at hand (see $apt_dir/update.log)"
		return 0
	fi
	touch "$apt_dir/updated"
}

version_of()
{
	private apt-cache madison "$1" |
		awk -F'|' -v suite="$2" '{ split($3, w, " "); gsub(/ /, "", $2)
			if (index(w[2], suite "/") == 1 && w[4] == "Packages") print $2 }' | sort -Vr | head -n 1
}

download()
{
	local package=$1 suite=$2 dest=$3 version

	version=$(version_of "$package" "$suite")
	[ -n "$version" ] || die "$suite has no package $package"
	mkdir -p "$dest"
	(cd "$dest" && rm -f "${package%%:*}"_*.deb &&
		private apt-get -q download "$package=$version" >"$apt_dir/download.log" 2>&1) ||
		failed "$apt_dir/download.log" "downloading $package $version"
	echo "$dest/${package%%:*}"_*.deb
}

# register DEB ROOT: the package as one that dpkg has installed in ROOT.
register()
{
	local deb=$1 dpkg=$2/var/lib/dpkg name file

	# shellcheck disable=SC2016 # for dpkg-deb
	name=$(dpkg-deb -W --showformat='${Package}' "$deb")
	if [ "$(dpkg-deb -f "$deb" Multi-Arch)" = same ]; then
		name=$name:$(dpkg-deb -f "$deb" Architecture)
	fi
	mkdir -p "$dpkg"/{info,updates,parts,triggers}
	# The first field is the package's name.
	dpkg-deb -f "$deb" | sed '1a Status: install ok installed' >>"$dpkg/status"
	echo >>"$dpkg/status"
	dpkg-deb --fsys-tarfile "$deb" | tar -t | sed 's,^\./,/,; s,/$,,; s,^$,/.,' >"$dpkg/info/$name.list"
	mkdir "$archives/control"
	dpkg-deb -e "$deb" "$archives/control"
	for file in "$archives"/control/*; do
		case ${file##*/} in
		control)	;;
		*)		mv "$file" "$dpkg/info/$name.${file##*/}" ;;
		esac
	done
	rm -r "$archives/control"
}

# What no machine of the board's release is without.
essential()
{
	private apt-cache -o APT::Architecture=arm64 dumpavail |
		awk -v RS= '/\nEssential: yes/ && /\nArchitecture: (arm64|all)\n/ { print $2 }' | sort -u
}

# An empty status and arm64 as the machine's own architecture make apt take all that is
# needed. The archives go after they have been unpacked.
closure()
{
	local pin=$1 dest=$2 archives=$apt_dir/cache/closure deb

	shift 2
	: >"$apt_dir/closure.preferences"
	if [ -n "$pin" ]; then
		printf 'Package: src:%s\nPin: release n=%s\nPin-Priority: 900\n' "${pin%/*}" "${pin#*/}" \
			>"$apt_dir/closure.preferences"
	fi
	rm -rf "$archives"
	mkdir -p "$archives/partial" "$dest"
	private apt-get -q -y -o APT::Architecture=arm64 \
		-o Dir::Cache::Archives="$archives" -o Dir::Etc::Preferences="$apt_dir/closure.preferences" \
		-o Dir::Etc::PreferencesParts=/dev/null -o Debug::NoLocking=true \
		--no-install-recommends --download-only install "$@" >"$apt_dir/download.log" 2>&1 ||
		failed "$apt_dir/download.log" "downloading $* for arm64"
	for deb in "$archives"/*.deb; do
		dpkg-deb -x "$deb" "$dest"
		[ -z "${register:-}" ] || register "$deb" "$dest"
		# shellcheck disable=SC2016 # for dpkg-deb
		dpkg-deb -W --showformat='${Package} ${Version}\n' "$deb"
	done
	rm -rf "$archives"
}

source_package()
{
	local package=$1 prefix=$2 dest=$3 version

	version=$(private apt-cache madison "$package" |
		awk -F'|' -v prefix="$prefix" '{ split($3, w, " "); gsub(/ /, "", $2)
			if (w[3] == "Sources" && index($2, prefix) == 1) print $2 }' | sort -Vr | head -n 1)
	[ -n "$version" ] || die "$board_suite has no source package $package $prefix*"
	mkdir -p "$dest"
	(cd "$dest" && private apt-get -q source --download-only --only-source \
			"$package=$version" >"$apt_dir/download.log" 2>&1) ||
		failed "$apt_dir/download.log" "downloading the source package $package $version"
	# The file name carries the version without its epoch.
	echo "$dest/${package}_${version#*:}.dsc"
}

case ${1:-}.$# in
install.[2-9]|install.[1-9][0-9])
	shift
	install_packages "$@"
	;;
source.4)
	(lock apt; private_update; source_package "$2" "$3" "$4")
	;;
version.3)
	(lock apt; private_update; version_of "$2" "$3")
	;;
download.4)
	(lock apt; private_update; download "$2" "$3" "$4")
	;;
unpack.4)
	(
		lock apt
		private_update
		deb=$(download "$2" "$3" "$apt_dir/cache/archives")
		mkdir -p "$4"
		dpkg-deb -x "$deb" "$4"
		rm -f "$deb"
	)
	;;
closure.[4-9])
	shift
	(lock apt; private_update; closure "$@")
	;;
root.[3-9]|root.[1-9][0-9])
	shift
	(
		lock apt
		private_update
		register=1
		dest=$1
		shift
		# shellcheck disable=SC2046 # a list of words
		closure "" "$dest" $(essential) "$@"
		# What the first few scripts make and all others want.
		echo 1 >"$dest/var/lib/dpkg/info/format"
		cp "$dest/usr/share/base-passwd/passwd.master" "$dest/etc/passwd"
		cp "$dest/usr/share/base-passwd/group.master" "$dest/etc/group"
		[ -e "$dest/usr/bin/awk" ] || ln -s mawk "$dest/usr/bin/awk"
	)
	;;
sources-list.1)
	sources_list
	;;
*)
	sed -n 's/^# \?//; 4,29p' "$0" >&2
	exit 2
	;;
esac
